/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef IOSIM_MAIN_H
#define IOSIM_MAIN_H

#include <linux/iommu.h>

extern struct iommu_device iosim_device;

bool main_capable(struct device *dev, enum iommu_cap cap);
u32 main_hw_info_type(struct device *dev);
void *main_hw_info(struct device *dev, u32 *length);

#endif
