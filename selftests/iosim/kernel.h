/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where the kernels that we build for differ, for the simulator. It is written for the
 * newest; each series has a file of iommu/ with the operations that it calls.
 */
#ifndef IOSIM_KERNEL_H
#define IOSIM_KERNEL_H

#include <linux/iommu.h>
#include <linux/ioasid.h>
#include <linux/ioasid_kernel.h>
#include <linux/version.h>

/* Exported in the namespace IOMMUFD_INTERNAL, and declared in no header of a package. */
struct iommu_attach_handle *iommu_attach_handle_get(struct iommu_group *group,
						    ioasid_t pasid,
						    unsigned int type);

/* As the kernel declares them. */
extern typeof(*((struct iommu_domain_ops *)NULL)->attach_dev) op_attach_dev;
extern typeof(*((struct iommu_domain_ops *)NULL)->set_dev_pasid) op_set_dev_pasid;
extern typeof(*((struct iommu_domain_ops *)NULL)->set_dev_pasid) op_block_pasid;

/* Tell iommufd of the driver. */
int ops_register(void);
void ops_unregister(void);

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0)
/* VFIO leaves GET_REGION_INFO to the driver. */
#define KERNEL_VFIO_OPS
#define KERNEL_PASID_OPS
#else
#define KERNEL_VFIO_OPS	.get_region_info_caps = front_region_info,
/* Of whole devices: before, VFIO passes PASIDs on by itself, by a patch of ours. */
#define KERNEL_PASID_OPS						\
	.pasid_attach_ioas = vfio_iommufd_physical_pasid_attach_ioas,	\
	.pasid_detach_ioas = vfio_iommufd_physical_pasid_detach_ioas,
#endif

#endif
