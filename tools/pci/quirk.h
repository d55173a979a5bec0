/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What Linux knows about particular devices: some isolate although no ACS register
 * says so, and some do not although one does.
 */
#ifndef IOASID_QUIRK_H
#define IOASID_QUIRK_H

#include <stdbool.h>
#include <stdint.h>

struct function;
struct topology;

/**
 * enum quirk_kind - why the kernel answers in place of the registers
 * @QUIRK_FUNCTIONS_APART: its functions do not talk, says the vendor
 * @QUIRK_PORT_APART: the port isolates, but has no capability that says so
 * @QUIRK_INTEL_PCH: root ports that isolate after chipset registers were set
 * @QUIRK_INTEL_PCH_UNKNOWN: the same, and these registers could not be read
 * @QUIRK_INTEL_RCIEP: root complex endpoints, by the VT-d specification
 * @QUIRK_AMD_SOUTHBRIDGE: no peer-to-peer in a southbridge behind AMD-Vi
 * @QUIRK_NOT_TRUSTED: not vouched for, though other ports of this vendor are
 */
enum quirk_kind {
	QUIRK_FUNCTIONS_APART,
	QUIRK_PORT_APART,
	QUIRK_INTEL_PCH,
	QUIRK_INTEL_PCH_UNKNOWN,
	QUIRK_INTEL_RCIEP,
	QUIRK_AMD_SOUTHBRIDGE,
	QUIRK_NOT_TRUSTED,
};

/**
 * struct quirk - the kernel's word on a device
 * @kind: its grounds
 * @provides: ACS_* bits that it takes for granted
 */
struct quirk {
	enum quirk_kind kind;
	uint16_t provides;
};

const struct quirk *quirk_vouches(const struct function *f);
bool quirk_pch(const struct function *f);
uint16_t quirk_missing(const struct quirk *quirk, uint16_t wanted);
const char *quirk_name(const struct quirk *quirk);
const char *quirk_text(const struct quirk *quirk);

bool quirk_wide_acs(uint16_t vendor, uint16_t device);
uint16_t quirk_broken_acs(const struct function *f);
const char *quirk_tables(const struct topology *t);

#endif
