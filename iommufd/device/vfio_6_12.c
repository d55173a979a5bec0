// SPDX-License-Identifier: GPL-2.0-only
/*
 * How VFIO attaches and detaches the devices that it has bound, where it does not know
 * PASIDs: but for a patch of ours, see vfio/patches/6.12.
 */
#include <linux/ioasid.h>
#include <linux/iommufd.h>

#include "compat.h"
#include "context/reason.h"
#include "device/attach.h"
#include "device/device.h"
#include "device/group.h"
#include "report/notice.h"

/**
 * iommufd_device_attach - attach a device to an IOAS or a page table
 * @idev: a bound device, not attached; a sub-device is attached by its own PASID
 * @pt_id: the ID of an IOAS or HWPT; set to that of the HWPT
 *
 * Return: 0 or an errno of iommufd_attach_change().
 */
int iommufd_device_attach(struct iommufd_device *idev, u32 *pt_id)
{
	return iommufd_device_change(idev, 0, pt_id, ATTACH_NEW);
}
EXPORT_SYMBOL_NS_GPL(iommufd_device_attach, "IOMMUFD");

/**
 * iommufd_device_replace - move a device and its group to another page table
 * @idev: an attached device, or one that VFIO calls so and that has been lost
 * @pt_id: the ID of an IOAS or HWPT; set to that of the HWPT
 *
 * DMA that is running goes by the old or by the new page table, never elsewhere, or is
 * blocked for a moment.
 *
 * Return: 0, or with the device where it was, an errno of iommufd_attach_change().
 */
int iommufd_device_replace(struct iommufd_device *idev, u32 *pt_id)
{
	return iommufd_device_change(idev, 0, pt_id, ATTACH_EITHER);
}
EXPORT_SYMBOL_NS_GPL(iommufd_device_replace, "IOMMUFD");

/**
 * iommufd_device_detach - stop a device's DMA
 * @idev: an attached device; its PASIDs stay attached, unless they need the RID
 */
void iommufd_device_detach(struct iommufd_device *idev)
{
	/* What has been lost, see attachment_lost(), is detached already. */
	iommufd_attach_remove(idev, 0);
}
EXPORT_SYMBOL_NS_GPL(iommufd_device_detach, "IOMMUFD");

/**
 * ioasid_attach_pasid - attach a PASID of a device, or move it
 * @idev: a bound device
 * @pasid: which of its PASIDs, as the user calls it
 * @pt_id: the ID of an IOAS or HWPT; set to that of the HWPT
 *
 * Return: 0, -EINVAL (PASID 0), or an errno of iommufd_attach_change().
 */
int ioasid_attach_pasid(struct iommufd_device *idev, u32 pasid, u32 *pt_id)
{
	if (pasid)
		return iommufd_device_change(idev, pasid, pt_id, ATTACH_EITHER);
	reason_begin(idev->ctx);
	iommufd_reason_note(idev->ctx, -EINVAL,
			    "PASID 0 stands for DMA without one: attach it without a PASID");
	iommufd_notice_failed(idev->ctx, "attach", -EINVAL);
	return -EINVAL;
}
EXPORT_SYMBOL_NS_GPL(ioasid_attach_pasid, "IOMMUFD");

/**
 * ioasid_detach_pasid - stop a device's DMA with a PASID
 * @idev: a bound device
 * @pasid: which of its PASIDs; nothing happens if it is not attached
 */
void ioasid_detach_pasid(struct iommufd_device *idev, u32 pasid)
{
	if (pasid)
		iommufd_attach_remove(idev, pasid);
}
EXPORT_SYMBOL_NS_GPL(ioasid_detach_pasid, "IOMMUFD");
