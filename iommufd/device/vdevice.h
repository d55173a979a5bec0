/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Virtual devices: how the guest of a vIOMMU calls a device.
 */
#ifndef IOMMUFD_VDEVICE_H
#define IOMMUFD_VDEVICE_H

#include <linux/cache.h>
#include <linux/ioasid_viommu.h>

#include "context/object.h"

struct iommufd_device;
struct viommu;

/**
 * struct vdevice - a virtual device
 * @obj: in the ID table
 * @viommu: the vIOMMU, referenced
 * @core: what the IOMMU driver knows, at the start of its own structure, as that of struct
 *	viommu. Its @idev is NULL once the device is gone, under ctx->vdevice_lock
 */
struct vdevice {
	struct object obj;
	struct viommu *viommu;
	struct iommufd_vdevice core ____cacheline_aligned;
};

static inline struct vdevice *vdevice_of(struct object *obj)
{
	return container_of(obj, struct vdevice, obj);
}

struct vdevice *iommufd_vdevice_alloc(struct viommu *viommu, u64 virt_id);
int iommufd_vdevice_connect(struct vdevice *vdev, struct iommufd_device *idev);
void iommufd_vdevice_device_gone(struct iommufd_device *idev);

#endif
