/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Linux 6.12, bent to what 7.x has.
 */
#ifndef IOMMUFD_COMPAT_V6_12_H
#define IOMMUFD_COMPAT_V6_12_H

#include <linux/iommu.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/netlink.h>
#include <linux/pci.h>
#include <linux/pci-ats.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/version.h>
#include <uapi/linux/iommufd.h>
#include <uapi/linux/ioasid.h>

#include "compat/pasid.h"

struct iommufd_viommu;

/* What the function that device_find_child() calls is given. */
#define MATCH_DATA	void

#define NL_ASSERT_CTX_FITS	NL_ASSERT_DUMP_CTX_FITS

/*
 * Page tables -----------------------------------------------------------------
 */

static inline int domain_map(struct iommu_domain *domain, unsigned long iova,
			     phys_addr_t phys, size_t size, size_t count,
			     int prot, size_t *mapped)
{
	return domain->ops->map_pages(domain, iova, phys, size, count, prot,
				      GFP_KERNEL_ACCOUNT, mapped);
}

static inline size_t domain_unmap(struct iommu_domain *domain,
				  unsigned long iova, size_t size, size_t count,
				  struct iommu_iotlb_gather *gather)
{
	return domain->ops->unmap_pages(domain, iova, size, count, gather);
}

static inline void gather_set_size(const struct iommu_domain *domain,
				   struct iommu_iotlb_gather *gather,
				   size_t size)
{
	gather->pgsize = size;
}

/* Does the driver choose the sizes of entries, or make them as it is told? */
static inline bool domain_sizes_itself(const struct iommu_domain *domain)
{
	return false;
}

static inline bool driver_has_flags(const struct iommu_ops *ops)
{
	return ops->domain_alloc_user;
}

static inline bool driver_nests(const struct iommu_ops *ops)
{
	return ops->domain_alloc_user;
}

/* Does the driver make a domain that is complete before a device is attached? */
static inline bool driver_completes(const struct iommu_ops *ops)
{
	return ops->domain_alloc_user;
}

/* No driver knows the flag for PASIDs. */
static inline struct iommu_domain *
driver_alloc_paging(const struct iommu_ops *ops, struct device *dev, u32 flags,
		    const struct iommu_user_data *data)
{
	return ops->domain_alloc_user(dev, flags & ~IOMMU_HWPT_ALLOC_PASID,
				      NULL, data);
}

static inline struct iommu_domain *
driver_alloc_nested(const struct iommu_ops *ops, struct device *dev, u32 flags,
		    struct iommu_domain *parent,
		    const struct iommu_user_data *data)
{
	return ops->domain_alloc_user(dev, 0, parent, data);
}

/* The domain's handler of DMA faults and its window for MSIs do not disturb each other. */
static inline int domain_set_msi_window(struct iommu_domain *domain,
					dma_addr_t base)
{
	return iommu_get_msi_cookie(domain, base);
}

/*
 * Drivers of 6.12 have one kind of information, or none. *@type is the kind that is
 * wanted, or 0 for any; set to the one that there is.
 */
static inline void *driver_hw_info(const struct iommu_ops *ops,
				   struct device *dev, u32 *length, u32 *type)
{
	const u32 wanted = *type;
	void *data;

	data = ops->hw_info(dev, length, type);
	if (IS_ERR(data) || !wanted || wanted == *type)
		return data;
	kfree(data);
	return ERR_PTR(-EOPNOTSUPP);
}

/* struct iommu_ops has no place for these. */
size_t iommufd_driver_viommu_size(const struct iommu_ops *ops,
				  struct device *dev, u32 type);
int iommufd_driver_viommu_init(const struct iommu_ops *ops,
			       struct iommufd_viommu *viommu,
			       struct iommu_domain *parent,
			       const struct iommu_user_data *data);
#define driver_viommu_size	iommufd_driver_viommu_size
#define driver_viommu_init	iommufd_driver_viommu_init

/* What drivers may register that this core has no use for. */
#define UNUSED_FEATURES	0

/*
 * PASIDs ----------------------------------------------------------------------
 */

/* The core has nothing to replace the domain of one. */
int iommufd_pasid_replace(struct pasid_replace *replace);

/*
 * Handles ---------------------------------------------------------------------
 */

/* The core has no use for the domain but to look for the handler of a page request. */
static inline void handle_hide(struct iommu_attach_handle *handle,
			       struct iommu_domain *instead)
{
	WRITE_ONCE(handle->domain, instead);
}

/* A thread of the IOMMU driver may have looked before, and be about to read the handler. */
static inline void domain_settle(const struct iommu_domain *domain)
{
	synchronize_rcu_tasks();
}

/* The kind of domain does not depend on the flag: has it what is asked for? */
static inline bool domain_takes_pasids(const struct iommu_domain *domain)
{
	return domain->ops->set_dev_pasid;
}

static inline bool device_has_ats(struct device *dev)
{
	return !dev_is_pci(dev) || pci_ats_supported(to_pci_dev(dev));
}

static inline bool device_is_behind_vtd(struct device *dev)
{
	const struct device *iommu = dev->iommu->iommu_dev->dev;

	return iommu && strstarts(dev_name(iommu), "dmar");
}

/*
 * Does the driver, when it makes a large entry in the place of an empty table, free the
 * table before it flushes? VT-d's does: switch_to_super_page(). AMD-Vi's does in tables of
 * its second kind, of which it makes none for users.
 */
static inline bool driver_frees_tables_early(struct device *dev)
{
	return device_is_behind_vtd(dev);
}

/*
 * Page requests ---------------------------------------------------------------
 */

/*
 * Of a driver that has not registered: does it give page requests up when it is told to,
 * which can wait for whoever reports one? VT-d's does. AMD-Vi's gives them up when it
 * detaches a device, and SMMUv3's does not take them up without SVA.
 */
static inline bool driver_gives_up_later(struct device *dev)
{
	return device_is_behind_vtd(dev);
}

bool iommufd_pasids_need_rid(struct iommu_group *group);
bool iommufd_iopf_shared(struct device *dev);
int iommufd_iopf_enable(struct device *dev);
void iommufd_iopf_disable(struct device *dev, bool wait);
bool iommufd_iopf_enabled_late(struct device *dev);

/*
 * Does it make page requests? That is found out by enabling them. If it has not stopped
 * making some, it does.
 */
static inline int device_ask_page_requests(struct device *dev)
{
	int rc = iommufd_iopf_enable(dev);

	if (!rc)
		iommufd_iopf_disable(dev, false);
	return rc == -EBUSY ? 0 : rc;
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
	struct device *dev = param->dev;
	const struct iommu_fault_page_request *request =
		&group->last_fault.fault.prm;
	struct iommu_page_response response = {
		.pasid = request->pasid,
		.grpid = request->grpid,
		.code = status,
	};

	mutex_lock(&param->lock);
	dev->iommu->iommu_dev->ops->page_response(dev, &group->last_fault,
						  &response);
	mutex_unlock(&param->lock);
}

#define iopf_group_response	iopf_group_answer
#endif

#endif
