/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Everything that differs between the kernels we build for, and nothing else.
 *
 * The code is written for the newest series that we support. Each has a header that
 * gives the same functions; that of an older one bends it to the newest.
 */
#ifndef IOMMUFD_COMPAT_H
#define IOMMUFD_COMPAT_H

#include <linux/ioasid_kernel.h>
#include <linux/iommu.h>
#include <linux/mm_types.h>
#include <linux/mmap_lock.h>
#include <linux/rwsem.h>
#include <linux/version.h>

#ifdef CONFIG_IOMMUFD
#error "this kernel has its own iommufd: it does not need this module"
#endif

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 107) && \
	LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0)
#include "compat/v6_12.h"
#elif LINUX_VERSION_CODE >= KERNEL_VERSION(7, 2, 0) && \
	LINUX_VERSION_CODE < KERNEL_VERSION(7, 4, 0)
#include "compat/v7.h"
#else
#error "this module is built and tested against Linux 6.12.107 and later 6.12, 7.2 and 7.3 only"
#endif

/*
 * Exported in the namespace IOMMUFD_INTERNAL, declared only in
 * drivers/iommu/iommu-priv.h, which the headers packages do not carry.
 */
int iommu_attach_group_handle(struct iommu_domain *domain,
			      struct iommu_group *group,
			      struct iommu_attach_handle *handle);
void iommu_detach_group_handle(struct iommu_domain *domain,
			       struct iommu_group *group);
int iommu_replace_group_handle(struct iommu_group *group,
			       struct iommu_domain *new_domain,
			       struct iommu_attach_handle *handle);

/**
 * mm_write_trylock - mmap_write_lock() without waiting
 * @mm: the address space
 *
 * Linux does not have it. To be ended by mmap_write_unlock().
 */
static inline bool mm_write_trylock(struct mm_struct *mm)
{
	if (!down_write_trylock(&mm->mmap_lock))
		return false;
	/* The other half of what mmap_write_unlock() does. */
	mm_lock_seqcount_begin(mm);
	return true;
}

/**
 * iommu_ops_of - the IOMMU driver's operations for a device
 * @dev: a device that has been probed by the IOMMU core
 *
 * Valid as long as the caller owns the DMA of the device's group, which keeps
 * the IOMMU driver from releasing it.
 */
static inline const struct iommu_ops *iommu_ops_of(struct device *dev)
{
	return dev->iommu->iommu_dev->ops;
}

#endif
