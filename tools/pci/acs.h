/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Access Control Services: the bits, and whether a function has what the kernel
 * asks for.
 */
#ifndef IOASID_ACS_H
#define IOASID_ACS_H

#include <stdbool.h>
#include <stdint.h>

struct function;
struct quirk;

#define ACS_SV 0x01	/* Source Validation */
#define ACS_TB 0x02	/* Translation Blocking */
#define ACS_RR 0x04	/* P2P Request Redirect */
#define ACS_CR 0x08	/* P2P Completion Redirect */
#define ACS_UF 0x10	/* Upstream Forwarding */
#define ACS_EC 0x20	/* P2P Egress Control */
#define ACS_DT 0x40	/* Direct Translated P2P */
#define ACS_BITS 7

/* What Linux wants on the whole way before it takes a device for isolated. */
#define ACS_ISOLATED (ACS_SV | ACS_RR | ACS_CR | ACS_UF)

#define ACS_FLAGS_SIZE (ACS_BITS + 1)
#define ACS_NAMES_SIZE 160

/**
 * struct acs - the ACS capability of a function
 * @known: extended configuration space could be read
 * @present: there is one
 * @dwords: its registers are 32 bits wide, as in some Intel PCHs
 * @cap: what can be controlled
 * @ctrl: what is on
 * @vector_bits: valid bits of @vector
 * @vector: the egress control vector
 */
struct acs {
	bool known;
	bool present;
	bool dwords;
	uint16_t cap;
	uint16_t ctrl;
	unsigned int vector_bits;
	uint32_t vector[8];
};

/**
 * enum acs_basis - why a function does or does not isolate
 * @ACS_BY_REGISTER: its ACS registers say so
 * @ACS_BY_QUIRK: the kernel knows this device
 * @ACS_ABSENT: it ought to have the capability, and has not
 * @ACS_CONVENTIONAL: conventional PCI has no access control
 * @ACS_BRIDGE: a bridge to conventional PCI has none either
 * @ACS_NOT_NEEDED: a single function has nobody to talk to
 */
enum acs_basis {
	ACS_BY_REGISTER,
	ACS_BY_QUIRK,
	ACS_ABSENT,
	ACS_CONVENTIONAL,
	ACS_BRIDGE,
	ACS_NOT_NEEDED,
};

/**
 * struct acs_verdict - does a function isolate as Linux wants it?
 * @isolates: yes
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
bool acs_on(const struct function *f, uint16_t bit);

const char *acs_bit_name(unsigned int bit);
const char *acs_names(uint16_t bits, char text[ACS_NAMES_SIZE]);
const char *acs_flags(uint16_t cap, uint16_t ctrl, char text[ACS_FLAGS_SIZE]);

#endif
