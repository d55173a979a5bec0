/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What drivers of real IOMMUs cannot do, or do badly.
 */
#ifndef IOSIM_QUIRKS_H
#define IOSIM_QUIRKS_H

#include <linux/atomic.h>
#include <linux/kref.h>
#include <linux/types.h>

#include "hw.h"

struct second_stage;

/**
 * struct quirks - of a device, and of the second stages that were made for it
 * @ref: one of the device, and one of each second stage: these may outlive it
 * @bits: enum iosim_quirk
 * @fail: calls that are to fail, see iosim.h; written at any time
 */
struct quirks {
	struct kref ref;
	unsigned long bits;
	atomic_t fail[IOSIM_NR_FAILS];
};

struct quirks *quirks_create(unsigned long bits);
struct quirks *quirks_get(struct quirks *quirks);
void quirks_put(struct quirks *quirks);
int quirks_map(struct second_stage *second, u64 iova, phys_addr_t phys,
	       size_t size, size_t count, u64 bits, gfp_t gfp, size_t *mapped);
size_t quirks_unmap(struct second_stage *second, u64 iova, size_t length);
bool quirks_knows(struct second_stage *second, u64 iova);
int quirks_sync_map(struct second_stage *second);
bool quirks_pri_busy(struct quirks *quirks);
void quirks_forget(struct second_stage *second);

static inline bool quirks_has(const struct quirks *quirks,
			      enum iosim_quirk quirk)
{
	return quirks->bits & BIT(quirk);
}

#endif
