// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the IOMMU core and drivers are asked to do for an attachment.
 */
#include <linux/ioasid.h>
#include <linux/iommu.h>

#include "compat.h"
#include "device/group.h"
#include "device/hardware.h"
#include "domain/driver.h"
#include "domain/hwpt.h"
#include "space/table.h"

static int setup_msi(const struct group *group, struct hwpt *hwpt)
{
	int rc;

	if (group->sw_msi_start == PHYS_ADDR_MAX || hwpt->msi_cookie ||
	    hwpt->parent)
		return 0;
	rc = iommu_get_msi_cookie(hwpt->domain, group->sw_msi_start);
	hwpt->msi_cookie = !rc;
	return rc;
}

/**
 * iommufd_hardware_attach - attach a group to a page table
 * @group: the group
 * @att: its attachment, which has none yet
 * @idev: the device that is the first member
 * @hwpt: the page table
 *
 * Return: 0 or the IOMMU driver's error.
 */
int iommufd_hardware_attach(struct group *group, struct attachment *att,
			    struct iommufd_device *idev, struct hwpt *hwpt)
{
	int rc;

	att->handle = &att->handles[0];
	if (att->hw_pasid == IOMMU_NO_PASID) {
		rc = setup_msi(group, hwpt);
		return rc ?: iommu_attach_group_handle(hwpt->domain,
						       group->iommu,
						       att->handle);
	}
	return iommu_attach_device_pasid(hwpt->domain, idev->dev,
					 att->hw_pasid, att->handle);
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
	if (att->hw_pasid == IOMMU_NO_PASID)
		iommu_detach_group_handle(att->hwpt->domain, group->iommu);
	else
		iommu_detach_device_pasid(att->hwpt->domain, idev->dev,
					  att->hw_pasid);
}

static int replace_rid(struct group *group, struct attachment *att,
		       struct hwpt *hwpt)
{
	struct iommu_attach_handle *handle =
		&att->handles[att->handle == &att->handles[0]];
	int rc;

	rc = setup_msi(group, hwpt);
	if (!rc)
		rc = iommu_replace_group_handle(group->iommu, hwpt->domain,
						handle);
	if (!rc)
		att->handle = handle;
	return rc;
}

/**
 * struct pasid_move - a PASID of a group that is moving to another domain
 * @pasid: that the hardware carries
 * @domain: the new domain
 * @old: the current one
 */
struct pasid_move {
	u32 pasid;
	struct iommu_domain *domain;
	struct iommu_domain *old;
};

static int move_pasid(struct device *dev, void *data)
{
	const struct pasid_move *move = data;

	if (!dev->iommu->max_pasids)
		return 0;
	return move->domain->ops->set_dev_pasid(move->domain, dev, move->pasid,
						move->old);
}

/* The group's mutex is held by iommu_group_for_each_dev(). */
static int replace_pasid_in_place(struct group *group, struct attachment *att,
				  struct iommufd_device *idev,
				  struct hwpt *hwpt)
{
	struct pasid_move move = {
		.pasid = att->hw_pasid,
		.domain = hwpt->domain,
		.old = att->hwpt->domain,
	};
	int rc;

	/* From now on requests go to the new queue, which knows the device. */
	WRITE_ONCE(att->handle->domain, hwpt->domain);
	rc = iommu_group_for_each_dev(group->iommu, &move, move_pasid);
	if (!rc)
		return 0;
	WRITE_ONCE(att->handle->domain, att->hwpt->domain);
	swap(move.domain, move.old);
	if (iommu_group_for_each_dev(group->iommu, &move, move_pasid)) {
		iommufd_hardware_detach(group, att, idev);
		att->lost = true;
	}
	return rc;
}

static int replace_pasid(struct group *group, struct attachment *att,
			 struct iommufd_device *idev, struct hwpt *hwpt)
{
	unsigned int features =
		iommufd_driver_features(iommu_ops_of(idev->dev));
	int rc;

	if (features & IOASID_IOMMU_PASID_REPLACE)
		return replace_pasid_in_place(group, att, idev, hwpt);

	/*
	 * The core of this kernel has nothing better. DMA is blocked meanwhile, never
	 * misrouted.
	 */
	iommufd_hardware_detach(group, att, idev);
	rc = iommu_attach_device_pasid(hwpt->domain, idev->dev, att->hw_pasid,
				       att->handle);
	if (rc && iommu_attach_device_pasid(att->hwpt->domain, idev->dev,
					    att->hw_pasid, att->handle))
		att->lost = true;
	return rc;
}

/**
 * iommufd_hardware_replace - move a group to another page table
 * @idev: a member
 * @att: its attachment
 * @hwpt: the page table
 *
 * Return: 0; or the IOMMU driver's error, with the group where it was, unless
 * @att is lost now.
 */
int iommufd_hardware_replace(struct iommufd_device *idev,
			     struct attachment *att, struct hwpt *hwpt)
{
	if (att->hw_pasid == IOMMU_NO_PASID)
		return replace_rid(idev->group, att, hwpt);
	return replace_pasid(idev->group, att, idev, hwpt);
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
			     const struct reserver *owner)
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
