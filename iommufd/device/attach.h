/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Attachments of devices to page tables, by RID and by RID+PASID.
 */
#ifndef IOMMUFD_ATTACH_H
#define IOMMUFD_ATTACH_H

#include <linux/types.h>

struct group;
struct iommufd_device;
struct object;

/**
 * enum attach_mode - what is expected of an attachment
 * @ATTACH_NEW: the device has none
 * @ATTACH_EITHER: it may have one, which is replaced
 */
enum attach_mode {
	ATTACH_NEW,
	ATTACH_EITHER,
};

/**
 * struct attach_info - what an attachment is
 * @hwpt_id: the page table
 * @hw_pasid: that the hardware carries, or IOMMU_NO_PASID
 * @coherent: the page table enforces cache coherency; set by iommufd_attach_find()
 */
struct attach_info {
	u32 hwpt_id;
	u32 hw_pasid;
	bool coherent;
};

int iommufd_attach_change(struct iommufd_device *idev, u32 pasid,
			  struct object *pt, enum attach_mode mode,
			  struct attach_info *info);
int iommufd_attach_remove(struct iommufd_device *idev, u32 pasid);
void iommufd_attach_remove_all(struct iommufd_device *idev);
int iommufd_attach_find(struct iommufd_device *idev, u32 pasid,
			struct attach_info *info);

#endif
