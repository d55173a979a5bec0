/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An attachment, and what the hardware is told of it.
 */
#ifndef IOMMUFD_HARDWARE_H
#define IOMMUFD_HARDWARE_H

#include <linux/list.h>

#include "compat.h"

struct group;
struct hwpt;
struct iommufd_device;

/**
 * struct attachment - what a group does its DMA by
 * @handle: by which the IOMMU core knows it, @handles[0] or [1]. A replace by RID
 *	needs another one than the one in use.
 * @handles: see there
 * @hw_pasid: that the hardware carries, or IOMMU_NO_PASID: the index in
 *	group.attachments
 * @hwpt: the page table; each member holds a reference
 * @members: struct member; under the group's lock, like all of this
 * @lost: the hardware has detached it: it could neither be moved nor be left alone
 */
struct attachment {
	struct iommu_attach_handle *handle;
	struct iommu_attach_handle handles[2];
	u32 hw_pasid;
	struct hwpt *hwpt;
	struct list_head members;
	bool lost;
};

int hardware_attach(struct group *group, struct attachment *att,
		    struct iommufd_device *idev, struct hwpt *hwpt);
void hardware_detach(struct group *group, struct attachment *att,
		     struct iommufd_device *idev);
int hardware_replace(struct iommufd_device *idev, struct attachment *att,
		     struct hwpt *hwpt);

#endif
