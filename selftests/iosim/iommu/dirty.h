/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Dirty bits of second stages.
 */
#ifndef IOSIM_DIRTY_H
#define IOSIM_DIRTY_H

#include <linux/iommu.h>

extern const struct iommu_dirty_ops dirty_ops;

#endif
