// SPDX-License-Identifier: GPL-2.0-only
#include "pci/acs_expected.h"

#include <stdbool.h>
#include <stddef.h>

#include "pci/acs.h"
#include "pci/quirk.h"
#include "pci/topology.h"

/* Ports that are made with ACS. It is a hint: no verdict depends on it. */
static const struct {
	uint16_t vendor, first, last;
} kinds[] = {
	{ 0x1022, 0x1453, 0x1453 },	/* AMD, root ports since Zen */
	{ 0x1022, 0x1483, 0x1483 },
	{ 0x1022, 0x14ba, 0x14ba },
	{ 0x1022, 0x14db, 0x14db },
	{ 0x1022, 0x1634, 0x1634 },
	{ 0x10b5, 0x8700, 0x87ff },	/* PLX, switches since PCIe 3 */
	{ 0x10b5, 0x9700, 0x97ff },
	{ 0x8086, 0x2030, 0x2033 },	/* Intel, root ports of servers */
	{ 0x8086, 0x2f02, 0x2f0b },
	{ 0x8086, 0x347a, 0x347d },
};

static bool is_port(const struct function *f)
{
	return f->pcie && (f->type == PORT_ROOT || f->type == PORT_DOWNSTREAM);
}

/* Ports come in dozens of a kind, one after the other: the last answer is kept. */
static bool sibling_has_acs(const struct function *f)
{
	static const struct topology *machine;
	static uint16_t vendor, device;
	static bool answer;
	int i;

	if (f->t == machine && f->vendor == vendor && f->device == device)
		return answer;
	machine = f->t;
	vendor = f->vendor;
	device = f->device;
	answer = false;
	for (i = 0; i < machine->nr && !answer; i++) {
		const struct function *other = &machine->functions[i];

		answer = is_port(other) && other->acs.present &&
			 other->vendor == vendor && other->device == device;
	}
	return answer;
}

/**
 * acs_expected() - should this port have an ACS capability, which it has not?
 * @f: the function
 *
 * Return: why, as a clause; or NULL: it has one, or needs none.
 */
const char *acs_expected(const struct function *f)
{
	size_t kind;

	if (!is_port(f) || !acs_readable(f) || f->acs.present ||
	    quirk_vouches(f))
		return NULL;
	if (sibling_has_acs(f))
		return "another port of its kind here has one";
	for (kind = 0; kind < sizeof(kinds) / sizeof(kinds[0]); kind++)
		if (f->vendor == kinds[kind].vendor &&
		    f->device >= kinds[kind].first &&
		    f->device <= kinds[kind].last)
			return "ports of its kind have one as a rule";
	return NULL;
}
