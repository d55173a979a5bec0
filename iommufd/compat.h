/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Everything that differs between the kernels we build for, and nothing else.
 *
 * The code is written for the interfaces of the newest supported kernel; older
 * ones are adapted to them here.
 */
#ifndef IOMMUFD_COMPAT_H
#define IOMMUFD_COMPAT_H

#include <linux/version.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 12, 107) || \
	LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0)
#error "this module is built and tested against Linux 6.12.107 and later 6.12 only"
#endif

#ifdef CONFIG_IOMMUFD
#error "this kernel has its own iommufd: it does not need this module"
#endif

#include <linux/iommu.h>
#include <linux/list.h>
#include <linux/mm_types.h>
#include <linux/mmap_lock.h>
#include <linux/mutex.h>
#include <linux/rwsem.h>

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

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 12, 114)
/*
 * Linux 6.12.114 lets the handler of a group of page requests own it, by
 * iopf_group_dequeue(). Older cores answer *and free* what is still in their list when
 * the driver gives up page requests of the device, and iopf_group_response() answers
 * nothing else: so take it out, and answer what is out.
 */
static inline void iopf_group_dequeue(struct iopf_group *group)
{
	struct iommu_fault_param *param = group->fault_param;

	mutex_lock(&param->lock);
	list_del_init(&group->pending_node);
	mutex_unlock(&param->lock);
}

static inline void iopf_group_answer(struct iopf_group *group,
				     enum iommu_page_response_code status)
{
	struct iommu_fault_param *param = group->fault_param;
	const struct iommu_fault_page_request *request =
		&group->last_fault.fault.prm;
	struct iommu_page_response response = {
		.pasid = request->pasid,
		.grpid = request->grpid,
		.code = status,
	};

	mutex_lock(&param->lock);
	iommu_ops_of(param->dev)->page_response(param->dev, &group->last_fault,
						&response);
	mutex_unlock(&param->lock);
}

#define iopf_group_response	iopf_group_answer
#endif

#endif
