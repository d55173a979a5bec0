/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a VT-d can do, as its registers say it.
 */
#ifndef IOSIM_VTD_CAPS_H
#define IOSIM_VTD_CAPS_H

#include <linux/types.h>

struct iosim_config;

/* Where writes are interrupts: 3.14 of the specification. */
#define VTD_INTERRUPTS		0xfee00000ULL
#define VTD_INTERRUPTS_SIZE	0x100000ULL

/**
 * struct vtd - the IOMMU of a device, if that is a VT-d
 * @on: it is
 * @haw: the host address width
 * @cap: the capability register
 * @ecap: the extended capability register
 * @nesting: there is nested translation
 * @fs1gp: first stages may have pages of 1 GiB
 * @srs: supervisors may be let in
 * @eafs: there are extended accessed bits
 */
struct vtd {
	bool on;
	u32 haw;
	u64 cap;
	u64 ecap;
	bool nesting;
	bool fs1gp;
	bool srs;
	bool eafs;
};

int vtd_settle(struct iosim_config *config);
struct vtd vtd_of(const struct iosim_config *config);

#endif
