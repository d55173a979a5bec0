/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Access Control Services: whether a function isolates as the kernel requires, and
 * the names of the controls.
 */
#ifndef IOASID_ACS_H
#define IOASID_ACS_H

#include <stdbool.h>
#include <stdint.h>

#include "pci/topology.h"

struct quirk;

#define ACS_FLAGS_SIZE (ACS_BITS + 1)
#define ACS_NAMES_SIZE 160

/**
 * enum acs_basis - why a function does or does not isolate
 * @ACS_BY_REGISTER: its ACS registers say so
 * @ACS_BY_QUIRK: the kernel knows this device
 * @ACS_ABSENT: it ought to have the capability, and has not
 * @ACS_CONVENTIONAL: conventional PCI has no access control
 * @ACS_BRIDGE: a bridge to conventional PCI has none either
 * @ACS_NOT_NEEDED: a single function has nobody to talk to
 * @ACS_UNKNOWN: registers that tell could not be read
 */
enum acs_basis {
	ACS_BY_REGISTER,
	ACS_BY_QUIRK,
	ACS_ABSENT,
	ACS_CONVENTIONAL,
	ACS_BRIDGE,
	ACS_NOT_NEEDED,
	ACS_UNKNOWN,
};

/**
 * struct acs_verdict - does a function isolate as Linux wants it?
 * @isolates: yes; no, if it is not known
 * @missing: ACS_* bits that are wanted and not on
 * @basis: how we know
 * @quirk: of ACS_BY_QUIRK: which
 */
struct acs_verdict {
	bool isolates;
	uint16_t missing;
	enum acs_basis basis;
	const struct quirk *quirk;
};

struct acs_verdict acs_judge(const struct function *f, uint16_t wanted);
bool acs_readable(const struct function *f);
bool acs_on(const struct function *f, uint16_t bit);

const char *acs_bit_name(unsigned int bit);
const char *acs_names(uint16_t bits, char text[ACS_NAMES_SIZE]);
const char *acs_flags(uint16_t cap, uint16_t ctrl, char text[ACS_FLAGS_SIZE]);

#endif
