// SPDX-License-Identifier: GPL-2.0-only
#include "pci/acs.h"

#include <stdio.h>
#include <string.h>

#include "pci/quirk.h"

static const struct {
	const char *shortly;
	const char *name;
} bits[ACS_BITS] = {
	{ "SV", "Source Validation" },
	{ "TB", "Translation Blocking" },
	{ "RR", "P2P Request Redirect" },
	{ "CR", "P2P Completion Redirect" },
	{ "UF", "Upstream Forwarding" },
	{ "EC", "P2P Egress Control" },
	{ "DT", "Direct Translated P2P" },
};

/**
 * acs_bit_name() - the PCI Express specification's name of a bit
 * @bit: its number
 *
 * Return: the name.
 */
const char *acs_bit_name(unsigned int bit)
{
	return bits[bit].name;
}

/**
 * acs_names() - short names of bits, for people
 * @mask: ACS_* bits
 * @text: where to put them
 *
 * Return: @text, "none" if there is none.
 */
const char *acs_names(uint16_t mask, char text[ACS_NAMES_SIZE])
{
	size_t used = 0;
	unsigned int i;

	strcpy(text, "none");
	for (i = 0; i < ACS_BITS; i++)
		if (mask & 1 << i)
			used += snprintf(text + used, ACS_NAMES_SIZE - used,
					 "%s%s", used ? " " : "",
					 bits[i].shortly);
	return text;
}

/**
 * acs_flags() - the flags of a config_acs= entry that make a register so
 * @cap: what the function can control
 * @ctrl: what shall be on
 * @text: where to put them
 *
 * Every bit that there is gets a value. An x would not mean "as it is": Linux
 * 6.12 then puts back what the firmware had set, not what the kernel sets.
 *
 * Return: @text.
 */
const char *acs_flags(uint16_t cap, uint16_t ctrl, char text[ACS_FLAGS_SIZE])
{
	int i;

	for (i = 0; i < ACS_BITS; i++) {
		uint16_t bit = 1 << (ACS_BITS - 1 - i);

		text[i] = !(cap & bit) ? 'x' : ctrl & bit ? '1' : '0';
	}
	text[ACS_BITS] = '\0';
	return text;
}

/**
 * acs_on() - is an access control in force?
 * @f: a function with an ACS capability
 * @bit: one of SV, RR, CR, UF
 *
 * What cannot be controlled is wired to be on: the specification lets a
 * function leave out a control whose effect it has always.
 *
 * Return: whether.
 */
bool acs_on(const struct function *f, uint16_t bit)
{
	return f->acs.present && (f->acs.ctrl & bit || !(f->acs.cap & bit));
}

static struct acs_verdict by_register(const struct function *f,
				      uint16_t wanted)
{
	struct acs_verdict verdict = { .basis = ACS_BY_REGISTER };

	if (!f->acs.known) {
		verdict.basis = ACS_UNKNOWN;
		verdict.missing = wanted;
	} else if (!f->acs.present) {
		verdict.basis = ACS_ABSENT;
		verdict.missing = wanted;
	} else {
		/* Egress control is optional: its absence is no blessing */
		wanted &= f->acs.cap | ACS_EC;
		verdict.missing = wanted & ~f->acs.ctrl;
	}
	verdict.isolates = !verdict.missing;
	return verdict;
}

/**
 * acs_judge() - does a function isolate, in the eyes of Linux?
 * @f: the function
 * @wanted: ACS_* bits that it takes
 *
 * This follows what pci_acs_enabled() of Linux 6.12 answers: what the kernel
 * knows of the device itself goes before its registers; ports are asked for
 * the capability always, other functions only in a multi-function device.
 *
 * Return: yes or no, and why.
 */
struct acs_verdict acs_judge(const struct function *f, uint16_t wanted)
{
	struct acs_verdict verdict = { .missing = wanted };

	verdict.quirk = quirk_vouches(f);
	if (verdict.quirk) {
		verdict.basis = verdict.quirk->kind == QUIRK_INTEL_PCH_UNKNOWN ?
				ACS_UNKNOWN : ACS_BY_QUIRK;
		verdict.missing = quirk_missing(verdict.quirk, wanted);
		verdict.isolates = !verdict.missing;
		return verdict;
	}
	if (!f->known || !f->pcie_known) {
		verdict.basis = ACS_UNKNOWN;
		return verdict;
	}
	if (!f->pcie) {
		verdict.basis = ACS_CONVENTIONAL;
		return verdict;
	}
	switch (f->type) {
	case PORT_PCIE_TO_PCI:
	case PORT_PCI_TO_PCIE:
	case PORT_ROOT_EVENT:
		verdict.basis = ACS_BRIDGE;
		return verdict;
	case PORT_DOWNSTREAM:
	case PORT_ROOT:
		return by_register(f, wanted);
	case PORT_ENDPOINT:
	case PORT_LEGACY:
	case PORT_UPSTREAM:
	case PORT_ROOT_ENDPOINT:
		if (f->multifunction)
			return by_register(f, wanted);
		break;
	}
	verdict.basis = ACS_NOT_NEEDED;
	verdict.missing = 0;
	verdict.isolates = true;
	return verdict;
}

/**
 * acs_readable() - is all known that says what a function is and whether it isolates?
 * @f: the function
 *
 * Return: whether.
 */
bool acs_readable(const struct function *f)
{
	return f->known && f->pcie_known && f->acs.known &&
	       acs_judge(f, ACS_ISOLATED).basis != ACS_UNKNOWN;
}
