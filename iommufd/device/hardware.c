// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the IOMMU core and drivers are asked to do for an attachment.
 *
 * A driver may let a device use a page table before it flushes the device's IOTLB when
 * something is unmapped, and may end the flushes before the use: VT-d's does both. What
 * is unmapped meanwhile would stay in reach of the device after it has been given back.
 * So nothing is unmapped meanwhile: the locks of the I/O address spaces are held, the
 * one that is left and the one that is entered.
 */
#include <linux/ioasid.h>
#include <linux/iommu.h>
#include <linux/sched/mm.h>

#include "compat.h"
#include "context/context.h"
#include "device/group.h"
#include "device/hardware.h"
#include "domain/driver.h"
#include "domain/hwpt.h"
#include "space/space.h"
#include "space/table.h"

static void spaces_lock(const struct hwpt *hwpt, const struct hwpt *other)
{
	struct iommufd_ctx *ctx = hwpt->ioas->ctx;
	struct rw_semaphore *lock = ioas_lock(hwpt->ioas);

	if (ioas_lock(other->ioas) == lock) {
		down_write(lock);
		return;
	}
	/* Several only with this one: then no order is needed. */
	mutex_lock(&ctx->ioas_lock);
	down_write_nest_lock(lock, &ctx->ioas_lock);
	down_write_nest_lock(ioas_lock(other->ioas), &ctx->ioas_lock);
}

static void spaces_unlock(const struct hwpt *hwpt, const struct hwpt *other)
{
	struct rw_semaphore *lock = ioas_lock(hwpt->ioas);

	up_write(lock);
	if (ioas_lock(other->ioas) == lock)
		return;
	up_write(ioas_lock(other->ioas));
	mutex_unlock(&hwpt->ioas->ctx->ioas_lock);
}

static int setup_msi(const struct group *group, struct hwpt *hwpt)
{
	int rc;

	if (group->sw_msi_start == PHYS_ADDR_MAX || hwpt->msi_cookie ||
	    hwpt->parent)
		return 0;
	rc = domain_set_msi_window(hwpt->domain, group->sw_msi_start);
	hwpt->msi_cookie = !rc;
	return rc;
}

/* Page requests may come from now on. Drivers that have registered wait for their reports. */
static void expect_reports(struct hwpt *hwpt, struct iommufd_device *idev)
{
	if (iommufd_driver_waits(idev->dev))
		return;
	if (hwpt->sources.faults)
		iommufd_handle_keep_module();
	hwpt->reported |= hwpt->domain->iopf_handler != NULL;
}

/* A handle that the core does not know yet, or NULL. */
static struct source_handle *handle_for(struct attachment *att,
					struct hwpt *hwpt)
{
	return iommufd_handle_get(hwpt->domain, &hwpt->sources, &att->kept);
}

/*
 * The core knows the handle, by which it finds the handler of page requests. Of a driver
 * that waits for its reports the domain may be seen.
 */
static void handle_use(struct attachment *att, struct source_handle *handle,
		       struct iommufd_device *idev)
{
	if (!iommufd_driver_waits(idev->dev))
		handle_hide(&handle->core, handle->hidden);
	att->handle = handle;
}

/*
 * The core knows another one instead. All share those that are put, and who is on the way
 * back, because memory is short, may find none.
 */
static void handle_leave(struct attachment *att)
{
	if (att->kept)
		iommufd_handle_put(att->kept);
	iommufd_handle_rest(att->handle);
	att->kept = att->handle;
}

/*
 * virtio-iommu's driver allocates memory to block a device, and the core only warns if that
 * fails: the device would go on by a page table that is about to go. The same goes for one
 * that the core takes back, as the others of its group could not be attached. So the last of
 * the memory is for these two.
 */
static int attach_rid(struct group *group, const struct hwpt *hwpt,
		      struct source_handle *handle)
{
	unsigned int flags = memalloc_noreclaim_save();
	int rc = iommu_attach_group_handle(hwpt->domain, group->iommu,
					   &handle->core);

	memalloc_noreclaim_restore(flags);
	return rc;
}

static void detach_rid(struct group *group, const struct hwpt *hwpt)
{
	unsigned int flags = memalloc_noreclaim_save();

	iommu_detach_group_handle(hwpt->domain, group->iommu);
	memalloc_noreclaim_restore(flags);
}

/**
 * iommufd_hardware_attach - attach a group to a page table
 * @group: the group
 * @att: its attachment, which has none yet
 * @idev: the device that is the first member
 * @hwpt: the page table
 *
 * Return: 0, -ENOMEM, or the IOMMU driver's error.
 */
int iommufd_hardware_attach(struct group *group, struct attachment *att,
			    struct iommufd_device *idev, struct hwpt *hwpt)
{
	struct source_handle *handle = handle_for(att, hwpt);
	int rc = 0;

	if (!handle)
		return -ENOMEM;
	expect_reports(hwpt, idev);
	spaces_lock(hwpt, hwpt);
	if (att->hw_pasid != IOMMU_NO_PASID)
		rc = iommu_attach_device_pasid(hwpt->domain, idev->dev,
					       att->hw_pasid, &handle->core);
	else
		rc = setup_msi(group, hwpt) ?: attach_rid(group, hwpt, handle);
	spaces_unlock(hwpt, hwpt);
	if (rc)
		iommufd_handle_put(handle);
	else
		handle_use(att, handle, idev);
	return rc;
}

/**
 * iommufd_hardware_detach - block the DMA of a group
 * @group: the group
 * @att: its attachment
 * @idev: any member
 */
void iommufd_hardware_detach(struct group *group, struct attachment *att,
			     struct iommufd_device *idev)
{
	spaces_lock(att->hwpt, att->hwpt);
	if (att->hw_pasid == IOMMU_NO_PASID)
		detach_rid(group, att->hwpt);
	else
		iommu_detach_device_pasid(att->hwpt->domain, idev->dev,
					  att->hw_pasid);
	spaces_unlock(att->hwpt, att->hwpt);
	iommufd_handle_put(att->handle);
	att->handle = NULL;
}

/* By way of none: DMA is blocked meanwhile, never misrouted. */
static int replace_rid_by_detach(struct group *group, struct attachment *att,
				 struct hwpt *hwpt, struct source_handle *spare)
{
	int rc;

	detach_rid(group, att->hwpt);
	rc = attach_rid(group, hwpt, spare);
	if (rc)
		att->lost = attach_rid(group, att->hwpt, att->handle);
	return rc;
}

static int replace_rid(struct group *group, struct attachment *att,
		       struct iommufd_device *idev, struct hwpt *hwpt)
{
	struct source_handle *spare = handle_for(att, hwpt);
	int rc;

	if (!spare)
		return -ENOMEM;
	rc = setup_msi(group, hwpt);
	if (!rc && iommufd_driver_replaces(idev->dev))
		rc = iommu_replace_group_handle(group->iommu, hwpt->domain,
						&spare->core);
	else if (!rc)
		rc = replace_rid_by_detach(group, att, hwpt, spare);
	if (rc) {
		iommufd_handle_put(spare);
		return rc;
	}
	handle_leave(att);
	att->handle = spare;
	return 0;
}

static int replace_pasid(struct group *group, struct attachment *att,
			 struct iommufd_device *idev, struct hwpt *hwpt)
{
	unsigned int features =
		iommufd_driver_features(iommu_ops_of(idev->dev));
	bool in_place = features & IOASID_IOMMU_PASID_REPLACE;
	struct source_handle *spare = in_place ? NULL : handle_for(att, hwpt);
	struct pasid_replace replace = {
		.group = group->iommu,
		.dev = idev->dev,
		.pasid = att->hw_pasid,
		.domain = hwpt->domain,
		.old = att->hwpt->domain,
		.handle = &att->handle->core,
		.spare = spare ? &spare->core : NULL,
		.in_place = in_place,
		.owner = (void **)&att->handle->sources,
		.new_owner = &hwpt->sources,
		.old_owner = &att->hwpt->sources,
	};
	int rc;

	if (!in_place && !spare)
		return -ENOMEM;
	rc = iommufd_pasid_replace(&replace);
	if (spare && rc) {
		iommufd_handle_put(spare);
	} else if (spare) {
		handle_leave(att);
		att->handle = spare;
	}
	att->lost = replace.lost;
	return rc;
}

/**
 * iommufd_hardware_replace - move a group to another page table
 * @idev: a member
 * @att: its attachment
 * @hwpt: the page table
 *
 * Until iommufd_hardware_settle() the way back needs nothing that it might not get, but for
 * what the IOMMU core and its driver want.
 *
 * Return: 0; or the IOMMU driver's error, with the group where it was, unless
 * @att is lost now. Where the core moves a RID it takes it back, too, which may fail unseen.
 */
int iommufd_hardware_replace(struct iommufd_device *idev,
			     struct attachment *att, struct hwpt *hwpt)
{
	struct hwpt *old = att->hwpt;
	int rc;

	expect_reports(hwpt, idev);
	spaces_lock(old, hwpt);
	if (att->hw_pasid == IOMMU_NO_PASID)
		rc = replace_rid(idev->group, att, idev, hwpt);
	else
		rc = replace_pasid(idev->group, att, idev, hwpt);
	spaces_unlock(old, hwpt);
	if (att->lost) {
		iommufd_handle_put(att->handle);
		att->handle = NULL;
	} else {
		handle_use(att, att->handle, idev);
	}
	return rc;
}

/**
 * iommufd_hardware_settle - no way back is needed any more
 * @att: an attachment
 */
void iommufd_hardware_settle(struct attachment *att)
{
	if (att->kept)
		iommufd_handle_put(att->kept);
	att->kept = NULL;
}

/**
 * iommufd_hardware_reserve - keep an IOAS out of what a device cannot translate
 * @idev: the device
 * @ioas: the IOAS
 * @owner: of the reserved ranges, for iommufd_ioas_unreserve()
 *
 * Return: 0, or an errno of iommufd_ioas_reserve().
 */
int iommufd_hardware_reserve(struct iommufd_device *idev, struct ioas *ioas,
			     struct reserver *owner)
{
	struct iommu_resv_region *region;
	unsigned int hw_msi = 0, sw_msi = 0;
	LIST_HEAD(regions);
	int rc = 0;

	iommu_get_resv_regions(idev->dev, &regions);
	list_for_each_entry(region, &regions, list) {
		if (region->type == IOMMU_RESV_DIRECT_RELAXABLE)
			continue;
		if (region->type == IOMMU_RESV_MSI)
			hw_msi++;
		if (region->type == IOMMU_RESV_SW_MSI) {
			sw_msi++;
			idev->group->sw_msi_start = region->start;
		}
		rc = iommufd_ioas_reserve(ioas, region->start,
					  region->start + region->length - 1,
					  owner);
		if (rc)
			break;
	}
	iommu_put_resv_regions(idev->dev, &regions);

	/* The MSI window is either the hardware's or set up by us. */
	if (!rc && WARN_ON(sw_msi > 1 || (sw_msi && hw_msi)))
		rc = -EINVAL;
	if (rc)
		iommufd_ioas_unreserve(ioas, owner);
	return rc;
}
