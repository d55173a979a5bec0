// SPDX-License-Identifier: GPL-2.0-only
/*
 * PASIDs that need the RID: of what the device itself keeps of their translations, the
 * IOMMU driver knows only while that is attached, see iommufd_pasids_need_rid(). They are
 * attached after it, and detached before it (attach.c). Meanwhile it stays where it is: a
 * move may fail, and the way back as well, for want of a domain ID of the IOMMU, which
 * others may have taken, and then it is not attached. All of this is under group.lock.
 */
#include <linux/iommu.h>
#include <linux/xarray.h>

#include "compat.h"
#include "context/reason.h"
#include "device/group.h"
#include "device/hardware.h"
#include "device/member.h"
#include "device/rid.h"
#include "domain/hwpt.h"

/**
 * iommufd_rid_user - a PASID that needs the RID
 * @group: the group
 *
 * The RID of a sub-device is its parent's, and always attached.
 *
 * Return: one that is attached, or NULL.
 */
struct member *iommufd_rid_user(struct group *group)
{
	struct attachment *att;
	struct member *member;
	unsigned long index;

	if (!iommufd_pasids_need_rid(group->iommu))
		return NULL;
	xa_for_each_start(&group->attachments, index, att, 1)
		list_for_each_entry(member, &att->members, link)
			if (!member->idev->sub)
				return member;
	return NULL;
}

/**
 * iommufd_rid_check_first - may a PASID be attached, or moved?
 * @idev: the device
 * @pasid: as the user calls it; any without one
 *
 * Return: 0; -ENODEV before the RID is attached to a page table of the kernel's, and when it
 * is being detached.
 */
int iommufd_rid_check_first(const struct iommufd_device *idev, u32 pasid)
{
	struct group *group = idev->group;
	const struct attachment *rid;

	if (!pasid || idev->sub || !iommufd_pasids_need_rid(group->iommu))
		return 0;
	rid = xa_load(&group->attachments, IOMMU_NO_PASID);
	if (rid && !rid->hwpt->parent && !group->rid_leaves)
		return 0;
	return iommufd_reason_note(idev->ctx, -ENODEV,
				   "PASIDs of %s are attached only while its RID is attached to a page table that is not the user's: its IOMMU driver flushes them only then where a device has ATS",
				   idev->name);
}

/**
 * iommufd_rid_check_moves - may a RID be moved to another page table?
 * @idev: the device
 * @pasid: 0: the RID is meant; any PASID may
 *
 * Return: 0; -EBUSY if a PASID needs the RID to stay where it is.
 */
int iommufd_rid_check_moves(const struct iommufd_device *idev, u32 pasid)
{
	const struct member *member;

	if (pasid || idev->sub)
		return 0;
	member = iommufd_rid_user(idev->group);
	if (!member)
		return 0;
	return iommufd_reason_note(idev->ctx, -EBUSY,
				   "%s cannot be moved: PASID %u of %s is attached, and its IOMMU driver flushes that only while the RID is attached, too",
				   idev->name, member->source.pasid,
				   member->idev->name);
}
