// SPDX-License-Identifier: GPL-2.0-only
/*
 * How VFIO attaches and detaches the devices that it has bound, by RID and by PASID.
 */
#include <linux/iommufd.h>

#include "compat.h"
#include "device/attach.h"
#include "device/device.h"

/**
 * iommufd_device_attach - attach a device to an IOAS or a page table
 * @idev: a bound device, not attached; a sub-device is attached by its own PASID
 * @pasid: which of its PASIDs; 0: its RID, or a sub-device's own PASID
 * @pt_id: the ID of an IOAS or HWPT; set to that of the HWPT
 *
 * Return: 0 or an errno of iommufd_attach_change().
 */
int iommufd_device_attach(struct iommufd_device *idev, ioasid_t pasid,
			  u32 *pt_id)
{
	return iommufd_device_change(idev, pasid, pt_id, ATTACH_NEW);
}
EXPORT_SYMBOL_NS_GPL(iommufd_device_attach, "IOMMUFD");

/**
 * iommufd_device_replace - move a device and its group to another page table
 * @idev: an attached device, or one that VFIO calls so and that has been lost
 * @pasid: which of its PASIDs; 0: its RID, or a sub-device's own PASID
 * @pt_id: the ID of an IOAS or HWPT; set to that of the HWPT
 *
 * DMA that is running goes by the old or by the new page table, never elsewhere, or is
 * blocked for a moment.
 *
 * Return: 0, or with the device where it was, an errno of iommufd_attach_change().
 */
int iommufd_device_replace(struct iommufd_device *idev, ioasid_t pasid,
			   u32 *pt_id)
{
	return iommufd_device_change(idev, pasid, pt_id, ATTACH_EITHER);
}
EXPORT_SYMBOL_NS_GPL(iommufd_device_replace, "IOMMUFD");

/**
 * iommufd_device_detach - stop a device's DMA
 * @idev: an attached device; its other PASIDs stay attached
 * @pasid: which of its PASIDs; 0: its RID, or a sub-device's own PASID
 */
void iommufd_device_detach(struct iommufd_device *idev, ioasid_t pasid)
{
	/* What has been lost, see attachment_lost(), is detached already. */
	iommufd_attach_remove(idev, pasid);
}
EXPORT_SYMBOL_NS_GPL(iommufd_device_detach, "IOMMUFD");
