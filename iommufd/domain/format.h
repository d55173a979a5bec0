/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How an IOMMU reads its page tables.
 */
#ifndef IOMMUFD_FORMAT_H
#define IOMMUFD_FORMAT_H

#include <linux/types.h>

struct device;

/**
 * struct table_format - what decides which page tables an IOMMU can read
 * @cap: of VT-d's capability register; other drivers: 0
 * @ecap: of its extended capability register
 */
struct table_format {
	u64 cap;
	u64 ecap;
};

int iommufd_format_of(struct device *dev, struct table_format *format);

#endif
