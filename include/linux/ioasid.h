/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What /dev/iommu of this module offers to other kernel code beyond
 * <linux/iommufd.h>: sub-devices that are bound by RID+PASID, and what IOMMU drivers
 * that are built against this module can declare. Namespace IOMMUFD.
 */
#ifndef __LINUX_IOASID_H
#define __LINUX_IOASID_H

#include <linux/types.h>

struct device;
struct ioasid_held;
struct iommu_ops;
struct iommufd_ctx;
struct iommufd_device;

/**
 * enum ioasid_pasid_space - who shares the hardware's PASIDs of a sub-device
 * @IOASID_PASID_LOCAL: nobody: the driver converts what the user submits
 * @IOASID_PASID_GLOBAL: one space for all devices of the context: the CPU converts
 *	(ENQCMD), and has one table for a process or guest
 */
enum ioasid_pasid_space {
	IOASID_PASID_LOCAL,
	IOASID_PASID_GLOBAL,
};

/*
 * A sub-device, once bound, is an iommufd_device like others: iommufd_device_attach(),
 * _replace(), _detach() and _unbind() work with its own PASID.
 */
struct iommufd_device *ioasid_bind_subdevice(struct iommufd_ctx *ctx,
					     struct device *parent,
					     struct device *dev,
					     enum ioasid_pasid_space space,
					     u32 *id);
u32 ioasid_own_pasid(struct iommufd_device *idev);
int ioasid_find_pasid(struct iommufd_device *idev, u32 pasid, u32 *hw_pasid);

/* Where iommufd_device_attach() takes no PASID, which is before Linux 6.15. */
int ioasid_attach_pasid(struct iommufd_device *idev, u32 pasid, u32 *pt_id);
void ioasid_detach_pasid(struct iommufd_device *idev, u32 pasid);

/*
 * What a device is about to be attached to, with its memory pinned: then the attach does
 * not wait for memory that a user can keep it waiting for, and can be done with a lock held
 * that others take.
 */
struct ioasid_held *ioasid_hold(struct iommufd_ctx *ctx, u32 pt_id);
void ioasid_release(struct iommufd_ctx *ctx, struct ioasid_held *held);

/*
 * The BARs of a bound device, which others may have mapped for peer-to-peer DMA, while the
 * device does not answer (memory decoding off, low power, reset).
 */
void ioasid_device_bars_off(struct iommufd_device *idev);
void ioasid_device_bars_on(struct iommufd_device *idev);

/*
 * IOMMU drivers. The ones that come with the kernel cannot report dirty pages to a
 * module, and cannot replace what a PASID is attached to.
 *
 * Whoever registers promises that no page request that a device has made by an attachment
 * is being reported any more when the device has been detached; on Linux 6.12 also that none
 * of a device at all is, by whatever attachment, when the device's page requests have been
 * disabled (IOMMU_DEV_FEAT_IOPF): it has to make no more of them before that is waited for,
 * as it may be trying again just then.
 *
 * IOASID_IOMMU_PASID_REPLACE: set_dev_pasid() of a PASID that is attached changes to the
 * new domain at once, or fails and leaves the old one. When it returns, whatever it
 * returns and also if nothing has changed, no page request that the device has made
 * before is being reported any more.
 */
#define IOASID_IOMMU_DIRTY		(1U << 0)
#define IOASID_IOMMU_PASID_REPLACE	(1U << 1)

int ioasid_register_iommu(const struct iommu_ops *ops, unsigned int features);
void ioasid_unregister_iommu(const struct iommu_ops *ops);

#endif
