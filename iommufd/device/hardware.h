/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An attachment, and what the hardware is told about it.
 */
#ifndef IOMMUFD_HARDWARE_H
#define IOMMUFD_HARDWARE_H

#include <linux/list.h>

#include "compat.h"
#include "report/handle.h"
#include "report/source.h"

struct group;
struct hwpt;
struct ioas;
struct iommufd_device;
struct reserver;

/**
 * struct attachment - the page table that a group is attached to
 * @handle: identifies it to the IOMMU core
 * @kept: the one that it had before, for the way back; or NULL
 * @hw_pasid: that the hardware carries, or IOMMU_NO_PASID: the index in
 *	group.attachments
 * @hwpt: the page table; each member holds a reference
 * @members: struct member; under the group's lock, like all of this
 * @lost: the hardware has detached it: it could be neither moved nor left where it
 *	was
 */
struct attachment {
	struct source_handle *handle;
	struct source_handle *kept;
	u32 hw_pasid;
	struct hwpt *hwpt;
	struct list_head members;
	bool lost;
};

int iommufd_hardware_reserve(struct iommufd_device *idev, struct ioas *ioas,
			     struct reserver *owner);
int iommufd_hardware_attach(struct group *group, struct attachment *att,
			    struct iommufd_device *idev, struct hwpt *hwpt);
void iommufd_hardware_detach(struct group *group, struct attachment *att,
			     struct iommufd_device *idev);
int iommufd_hardware_replace(struct iommufd_device *idev,
			     struct attachment *att, struct hwpt *hwpt);
void iommufd_hardware_settle(struct attachment *att);

#endif
