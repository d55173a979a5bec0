/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * IOMMU groups, and the devices that are bound to a context.
 */
#ifndef IOMMUFD_GROUP_H
#define IOMMUFD_GROUP_H

#include <linux/mutex.h>
#include <linux/xarray.h>

#include "context/object.h"
#include "device/split.h"

struct bar_owner;
struct device;
struct iommu_group;
struct subdevice;
struct vdevice;

/**
 * struct group - an IOMMU group of which a context has devices
 * @link: in the context's list
 * @iommu: the group, referenced
 * @devices: the bound devices, by iommufd_device.link; under the context's
 *	group_lock
 * @bound: number of devices that are bound or being bound; likewise
 * @owned: number of those for which the DMA ownership is held; likewise
 * @lock: protects the rest. The outermost lock of attach and detach.
 * @attachments: struct attachment, by the PASID that the hardware carries; 0, which is
 *	IOMMU_NO_PASID, is the RID
 * @rid_leaves: how many are detaching the RID: no PASID that needs it is attached then
 * @sw_msi_start: where the IOMMU driver wants its software-managed MSI window,
 *	or PHYS_ADDR_MAX
 *
 * Sub-devices are in their parent's group, which is never owned: the RID is the
 * parent's.
 */
struct group {
	struct list_head link;
	struct iommu_group *iommu;
	struct list_head devices;
	unsigned int bound;
	unsigned int owned;
	struct mutex lock;
	struct xarray attachments;
	unsigned int rid_leaves;
	phys_addr_t sw_msi_start;
};

/**
 * struct iommufd_device - a device that is bound by its RID, or by RID+PASID
 * @obj: in the ID table; the driver that has bound it holds a reference
 * @ctx: the context that it is bound to; referenced
 * @dev: the device whose RID its DMA carries
 * @name: of the device, or of the sub-device
 * @group: its group
 * @link: in group.devices
 * @bars: allows its BARs to be mapped for peer-to-peer; NULL for a sub-device
 * @sub: of a sub-device, otherwise NULL
 * @members: struct member: it is one of each attachment that it has asked for; under
 *	group.lock
 * @nr_pasids: how many PASIDs a whole device has attached; under group.lock
 * @vdev: its virtual device on a vIOMMU, or NULL; under ctx->vdevice_lock
 * @requests: it is known to make page requests, while nobody shares its group; under
 *	group.lock
 * @faults: its DMA faults that the IOMMU driver has reported
 * @split: for pairs of devices that are not isolated
 * @weak: holds no reference on @ctx, see iommufd_test_bind()
 */
struct iommufd_device {
	struct object obj;
	struct iommufd_ctx *ctx;
	struct device *dev;
	const char *name;
	struct group *group;
	struct list_head link;
	struct bar_owner *bars;
	struct subdevice *sub;
	struct list_head members;
	unsigned int nr_pasids;
	struct vdevice *vdev;
	bool requests;
	atomic_long_t faults;
	struct split_bound split;
	bool weak;
};

u32 iommufd_device_rid(struct device *dev);

struct group *iommufd_group_get(struct iommufd_ctx *ctx, struct device *dev);
void iommufd_group_put(struct iommufd_ctx *ctx, struct group *group);
bool iommufd_group_is_owned(struct iommufd_ctx *ctx,
			    const struct iommu_group *iommu);

int iommufd_group_check_isolation(struct iommufd_ctx *ctx, struct device *dev,
				  const struct group *group);
int iommufd_group_claim(struct iommufd_ctx *ctx, struct device *dev,
			struct group *group);
void iommufd_group_release(struct iommufd_ctx *ctx, struct device *dev,
			   struct group *group);

#endif
