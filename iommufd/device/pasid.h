/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * PASIDs: what the user calls them, and what the hardware carries.
 */
#ifndef IOMMUFD_PASID_H
#define IOMMUFD_PASID_H

#include <linux/ioasid.h>

struct iommufd_device;
struct subdevice;

struct subdevice *iommufd_subdevice_new(struct iommufd_ctx *ctx,
					struct device *dev,
					enum ioasid_pasid_space space);
void iommufd_subdevice_free(struct subdevice *sub);
u32 iommufd_subdevice_pasid(const struct subdevice *sub);
bool iommufd_subdevice_is_global(const struct subdevice *sub);

u32 iommufd_pasid_max(const struct iommufd_device *idev);
int iommufd_pasid_take(struct iommufd_device *idev, u32 pasid, u32 *hw_pasid);
void iommufd_pasid_use(struct iommufd_device *idev, u32 pasid);
void iommufd_pasid_give(struct iommufd_device *idev, u32 pasid);
int iommufd_pasid_find(const struct iommufd_device *idev, u32 pasid,
		       u32 *hw_pasid);

#endif
