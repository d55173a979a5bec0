/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Devices that are bound to a context.
 */
#ifndef IOMMUFD_DEVICE_H
#define IOMMUFD_DEVICE_H

#include "context/object.h"
#include "device/attach.h"

struct iommufd_device;

struct iommufd_device *iommufd_device_get(struct iommufd_ctx *ctx, u32 id);

int iommufd_device_change(struct iommufd_device *idev, u32 pasid, u32 *pt_id,
			  enum attach_mode mode);

int iommufd_device_explain_none(struct iommufd_ctx *ctx, u32 id);

#endif
