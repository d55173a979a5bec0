// SPDX-License-Identifier: GPL-2.0-only
/*
 * PASIDs that need the RID: of what the device itself keeps of their translations, the
 * IOMMU driver knows only while that is attached, see iommufd_pasids_need_rid(). They are
 * attached after it, and detached before it (attach.c). All of this is under group.lock.
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

/* The RID of a sub-device is its parent's, and always attached. */
static bool needs_rid(const struct iommufd_device *idev)
{
	return !idev->sub && iommufd_pasids_need_rid(idev->dev);
}

/**
 * iommufd_rid_user - a PASID that needs the RID
 * @group: the group
 *
 * Return: one that is attached, or NULL.
 */
struct member *iommufd_rid_user(struct group *group)
{
	struct attachment *att;
	struct member *member;
	unsigned long index;

	xa_for_each_start(&group->attachments, index, att, 1)
		list_for_each_entry(member, &att->members, link)
			if (needs_rid(member->idev))
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

	if (!pasid || !needs_rid(idev))
		return 0;
	rid = xa_load(&group->attachments, IOMMU_NO_PASID);
	if (rid && !rid->hwpt->parent && !group->rid_leaves)
		return 0;
	return iommufd_reason_note(idev->ctx, -ENODEV,
				   "PASIDs of %s, which has ATS, are attached only while its RID is attached to a page table that is not the user's: its IOMMU driver flushes them only then",
				   idev->name);
}

/**
 * iommufd_rid_check_stays - may a RID be attached to a page table, or moved to it?
 * @idev: the device
 * @pasid: 0: the RID is meant; any PASID may
 * @hwpt: the page table. In one of the user's such a driver leaves a RID without ATS
 *
 * Return: 0; -EBUSY if a PASID needs the RID to stay where it is.
 */
int iommufd_rid_check_stays(const struct iommufd_device *idev, u32 pasid,
			    const struct hwpt *hwpt)
{
	const struct member *member;

	if (pasid || idev->sub || !hwpt->parent)
		return 0;
	member = iommufd_rid_user(idev->group);
	if (!member)
		return 0;
	return iommufd_reason_note(idev->ctx, -EBUSY,
				   "%s cannot be attached to HWPT %u, which is the user's: PASID %u of %s is attached, and its IOMMU driver flushes that only while its RID is attached to another one",
				   idev->name, hwpt->obj.id,
				   member->source.pasid, member->idev->name);
}
