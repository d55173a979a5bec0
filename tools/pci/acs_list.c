// SPDX-License-Identifier: GPL-2.0-only
/*
 * For each device, the kernel goes through a list from its beginning.  What it cannot
 * read ends that: entries before it hold, those behind it do not, and that may be so for
 * some devices only, since of a path it looks at the last part first.
 */
#include "pci/acs_list.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "output.h"
#include "pci/kernel.h"
#include "pci/topology.h"

/* Devices ------------------------------------------------------------------ */

/* A hexadecimal number, as the kernel's sscanf() takes it. */
static bool number(const char **at, unsigned int *value)
{
	const char *digits = *at;
	char *end;

	if (digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'X') &&
	    isxdigit((unsigned char)digits[2]))
		digits += 2;
	if (!isxdigit((unsigned char)*digits))
		return false;
	*value = (unsigned int)strtoul(digits, &end, 16);
	*at = end;
	return true;
}

/* Up to @max numbers with @between between them; how many, and *@at behind them. */
static int numbers(const char **at, const char *between, unsigned int *values,
		   int max)
{
	const char *next = *at;
	int n = 0;

	while (n < max && number(&next, &values[n])) {
		*at = next;
		if (++n == max || *next != between[n - 1])
			break;
		next++;
	}
	return n;
}

static uint8_t devfn_of(unsigned int slot, unsigned int function)
{
	/* No range is checked: what is too large loses its upper bits */
	return (slot & 0x1f) << 3 | (function & 7);
}

static bool by_ids(const struct function *f, const char **at, bool *fits)
{
	unsigned int ids[4];
	const char *start = *at;

	if (numbers(at, ":::", ids, 4) != 4) {
		*at = start;
		if (numbers(at, ":", ids, 2) != 2)
			return false;
		ids[2] = ids[3] = 0;
	}
	/* 0 is any */
	*fits = (!(uint16_t)ids[0] || (uint16_t)ids[0] == f->vendor) &&
		(!(uint16_t)ids[1] || (uint16_t)ids[1] == f->device) &&
		(!(uint16_t)ids[2] || (uint16_t)ids[2] == f->subvendor) &&
		(!(uint16_t)ids[3] || (uint16_t)ids[3] == f->subdevice);
	return true;
}

/* "domain:bus:slot.function" or without the domain, and nothing else. */
static bool by_address(const struct function *f, const char *text, bool *fits)
{
	unsigned int parts[4];
	const char *at = text;

	if (numbers(&at, "::.", parts, 4) != 4 || *at) {
		at = text;
		parts[0] = 0;
		if (numbers(&at, ":.", parts + 1, 3) != 3 || *at)
			return false;
	}
	*fits = parts[0] == f->domain && parts[1] == f->number &&
		devfn_of(parts[2], parts[3]) == f->devfn;
	return true;
}

/* From the last part of the path up; a part that does not fit ends it. */
static bool by_path(const struct topology *t, int index, char *path,
		    bool *fits)
{
	unsigned int parts[2];
	char *slash;

	*fits = false;
	while ((slash = strrchr(path, '/'))) {
		const char *at = slash + 1;

		if (numbers(&at, ".", parts, 2) != 2 || *at)
			return false;
		if (devfn_of(parts[0], parts[1]) != t->functions[index].devfn)
			return true;
		index = topology_upstream(t, index);
		if (index < 0)
			return true;
		*slash = '\0';
	}
	return by_address(&t->functions[index], path, fits);
}

/**
 * acs_list_device() - does the device of an entry mean this one?
 * @t: the machine
 * @index: this one
 * @device: the entry, without flags, and the rest of the list
 * @end: where to put what follows
 * @fits: where to put the answer
 *
 * Return: whether the kernel can read it, which may depend on the device.
 */
bool acs_list_device(const struct topology *t, int index, const char *device,
		     const char **end, bool *fits)
{
	char *path;
	bool fine;

	if (!strncmp(device, "pci:", 4)) {
		*end = device + 4;
		return by_ids(&t->functions[index], end, fits);
	}
	*end = device + strcspn(device, ";");
	path = xasprintf("%.*s", (int)(*end - device), device);
	fine = by_path(t, index, path, fits);
	free(path);
	return fine;
}

/* Lists -------------------------------------------------------------------- */

/* The flags before the next @, wherever that is. */
static enum acs_reading read_flags(const char **at, struct acs_entry *entry)
{
	const char *behind = strchr(*at, '@'), *c;
	unsigned int bit = 0;

	if (!behind)
		return LIST_NO_FLAGS;
	entry->mask = entry->flags = 0;
	for (c = behind; c-- > *at; bit++) {
		if (!strchr("01xX", *c))
			return LIST_BAD_FLAGS;
		/* The kernel's variables have 16 bits */
		if (*c == 'x' || *c == 'X' || bit >= 16)
			continue;
		entry->mask |= 1 << bit;
		if (*c == '1')
			entry->flags |= 1 << bit;
	}
	entry->seen.mask |= entry->mask;
	entry->seen.flags |= entry->flags;
	*at = behind + 1;
	return entry->mask >> ACS_BITS ? LIST_HIGH_FLAGS : LIST_MATCH;
}

/**
 * acs_list_read() - what a list says to a device
 * @t: the machine
 * @index: the device
 * @list: the list
 * @kind: PCI_CONFIG_ACS or PCI_DISABLE_REDIR
 *
 * Return: where the kernel stops, and why.
 */
struct acs_entry acs_list_read(const struct topology *t, int index,
			       const char *list, enum pci_option kind)
{
	struct acs_entry entry = { .mask = ACS_REDIRECTS };
	const char *at = list;
	bool fits;

	for (; *at; at++) {
		entry.at = at;
		if (kind == PCI_CONFIG_ACS) {
			entry.reading = read_flags(&at, &entry);
			if (entry.reading != LIST_MATCH)
				return entry;
		}
		if (!acs_list_device(t, index, at, &at, &fits))
			entry.reading = LIST_BAD_DEVICE;
		else if (fits)
			entry.reading = LIST_MATCH;
		else if (*at && *at != ';')
			entry.reading = LIST_TAIL;
		else
			entry.reading = LIST_NOTHING;
		if (entry.reading != LIST_NOTHING || !*at)
			return entry;
	}
	entry.reading = LIST_NOTHING;
	return entry;
}

/* Registers ---------------------------------------------------------------- */

static void redirects_off(struct acs_state *state)
{
	state->on &= ~ACS_REDIRECTS;
	state->unknown &= ~ACS_REDIRECTS;
}

static void apply_disable(struct acs_state *state, const struct function *f,
			  unsigned int kernel)
{
	state->named = true;
	if (kernel < KERNEL_CONFIG_ACS || f->acs.dwords) {
		redirects_off(state);
	} else if (kernel_misreads_acs(kernel)) {
		state->on |= f->acs.cap & ~ACS_REDIRECTS;
		state->unknown = f->acs.cap & ACS_REDIRECTS;
		state->on &= ~state->unknown;
	} else {
		/* All else is as before Linux has touched it */
		state->on = 0;
		state->unknown = f->acs.cap & ~ACS_REDIRECTS;
	}
}

static void apply_config(struct acs_state *state, const struct function *f,
			 const struct acs_entry *entry, unsigned int kernel)
{
	state->named = true;
	if (f->acs.dwords) {
		redirects_off(state);
	} else if (kernel_misreads_acs(kernel)) {
		uint16_t zeroes = entry->seen.mask & ~entry->seen.flags;

		state->on = (state->on & ~zeroes) | entry->seen.flags;
		state->unknown = (state->unknown & ~entry->seen.flags) | zeroes;
	} else {
		state->on = entry->flags;
		state->unknown = f->acs.cap & ~entry->mask;
	}
}

/**
 * acs_list_outcome() - the ACS control register of a device after boot
 * @t: the machine
 * @index: the device
 * @line: the kernel's command line
 * @defaults: Linux uses an IOMMU, and sets ACS up itself at first
 *
 * Return: its bits.
 */
struct acs_state acs_list_outcome(const struct topology *t, int index,
				  const struct bootline *line, bool defaults)
{
	const struct function *f = &t->functions[index];
	struct acs_state state = { };
	struct acs_entry entry;
	const char *list;

	if (!f->acs.present)
		return state;
	state.on = defaults ? f->acs.cap & ACS_ISOLATED : 0;
	state.unknown = f->acs.cap & ~state.on & 0x7f;
	list = bootline_list(line, PCI_DISABLE_REDIR);
	if (list && acs_list_read(t, index, list,
				  PCI_DISABLE_REDIR).reading == LIST_MATCH)
		apply_disable(&state, f, t->kernel);
	list = bootline_list(line, PCI_CONFIG_ACS);
	if (list) {
		entry = acs_list_read(t, index, list, PCI_CONFIG_ACS);
		if (entry.reading == LIST_MATCH)
			apply_config(&state, f, &entry, t->kernel);
	}
	state.on &= f->acs.cap;
	state.unknown &= f->acs.cap & ((1 << ACS_BITS) - 1);
	return state;
}

/**
 * acs_list_drift() - which bits are not as Linux has set them at boot?
 * @t: the machine
 * @index: the device
 * @line: the command line that it was booted with
 *
 * Return: ACS_* bits that have changed since, as far as is known.
 */
uint16_t acs_list_drift(const struct topology *t, int index,
			const struct bootline *line)
{
	struct acs_state state = acs_list_outcome(t, index, line, true);
	const struct acs *acs = &t->functions[index].acs;

	if (!acs->present)
		return 0;
	return (state.on ^ acs->ctrl) & acs->cap & ~state.unknown &
	       ((1 << ACS_BITS) - 1);
}
