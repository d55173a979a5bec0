/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * PASIDs: what the user calls them, and what the hardware carries.
 */
#ifndef IOMMUFD_PASID_H
#define IOMMUFD_PASID_H

#include <linux/ioasid.h>

struct iommufd_device;
struct subdevice;

struct subdevice *subdevice_new(struct iommufd_ctx *ctx, struct device *dev,
				enum ioasid_pasid_space space);
void subdevice_free(struct subdevice *sub);
u32 subdevice_pasid(const struct subdevice *sub);
bool subdevice_is_global(const struct subdevice *sub);

u32 pasid_max(const struct iommufd_device *idev);
int pasid_take(struct iommufd_device *idev, u32 pasid, u32 *hw_pasid);
void pasid_give(struct iommufd_device *idev, u32 pasid);
int pasid_find(const struct iommufd_device *idev, u32 pasid, u32 *hw_pasid);

#endif
