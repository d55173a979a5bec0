/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Features of IOMMU drivers that their operations do not tell.
 */
#ifndef IOMMUFD_DRIVER_H
#define IOMMUFD_DRIVER_H

#include <linux/types.h>

struct device;
struct iommu_ops;

bool iommufd_driver_waits(struct device *dev);
bool iommufd_driver_replaces(struct device *dev);
bool iommufd_driver_settles(struct device *dev);
unsigned int iommufd_driver_features(const struct iommu_ops *ops);

#endif
