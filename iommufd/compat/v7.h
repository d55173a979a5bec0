/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Linux 7.2 and 7.3: what the code is written for.
 */
#ifndef IOMMUFD_COMPAT_V7_H
#define IOMMUFD_COMPAT_V7_H

#include <linux/generic_pt/iommu.h>
#include <linux/iommu.h>
#include <linux/ioasid.h>
#include <linux/pci.h>
#include <linux/pci-ats.h>
#include <linux/property.h>
#include <linux/rcupdate.h>
#include <uapi/linux/iommufd.h>

#include "compat/pasid.h"

/* What the function that device_find_child() calls is given. */
#define MATCH_DATA	const void

/*
 * Exported in the namespace IOMMUFD_INTERNAL, declared only in
 * drivers/iommu/iommu-priv.h.
 */
int iommu_replace_device_pasid(struct iommu_domain *domain,
			       struct device *dev, ioasid_t pasid,
			       struct iommu_attach_handle *handle);

/*
 * Page tables -----------------------------------------------------------------
 */

/*
 * The generic page tables choose the sizes of the entries themselves, as large as
 * they fit; other drivers make entries of @size.
 */
static inline int domain_map(struct iommu_domain *domain, unsigned long iova,
			     phys_addr_t phys, size_t size, size_t count,
			     int prot, size_t *mapped)
{
	struct pt_iommu *pt = iommupt_from_domain(domain);

	if (pt)
		return pt->ops->map_range(pt, iova, phys, size * count, prot,
					  GFP_KERNEL_ACCOUNT, mapped);
	return domain->ops->map_pages(domain, iova, phys, size, count, prot,
				      GFP_KERNEL_ACCOUNT, mapped);
}

/* The generic page tables stop at the first hole. */
static inline size_t domain_unmap(struct iommu_domain *domain,
				  unsigned long iova, size_t size, size_t count,
				  struct iommu_iotlb_gather *gather)
{
	struct pt_iommu *pt = iommupt_from_domain(domain);

	if (pt)
		return pt->ops->unmap_range(pt, iova, size * count, gather);
	return domain->ops->unmap_pages(domain, iova, size, count, gather);
}

/* The generic page tables have noted the levels in its place. */
static inline void gather_set_size(const struct iommu_domain *domain,
				   struct iommu_iotlb_gather *gather,
				   size_t size)
{
	if (!domain->is_iommupt)
		gather->pgsize = size;
}

/* The generic page tables free after the flush what a large entry replaces. */
static inline bool driver_frees_tables_early(struct device *dev)
{
	return false;
}

/* Does the driver choose the sizes of entries, or make them as it is told? */
static inline bool domain_sizes_itself(const struct iommu_domain *domain)
{
	return domain->is_iommupt;
}

static inline bool driver_has_flags(const struct iommu_ops *ops)
{
	return ops->domain_alloc_paging_flags;
}

static inline bool driver_nests(const struct iommu_ops *ops)
{
	return ops->domain_alloc_nested;
}

/* Does the driver make a domain that is complete before a device is attached? */
static inline bool driver_completes(const struct iommu_ops *ops)
{
	return true;
}

static inline struct iommu_domain *
driver_alloc_paging(const struct iommu_ops *ops, struct device *dev, u32 flags,
		    const struct iommu_user_data *data)
{
	return ops->domain_alloc_paging_flags(dev, flags, data);
}

static inline struct iommu_domain *
driver_alloc_nested(const struct iommu_ops *ops, struct device *dev, u32 flags,
		    struct iommu_domain *parent,
		    const struct iommu_user_data *data)
{
	return ops->domain_alloc_nested(dev, parent, flags, data);
}

/*
 * A domain has room for one: its handler of DMA faults or its window for MSIs, without
 * which no MSI arrives. All devices of an IOMMU that needs the window say so: nobody is
 * attached yet who could be about to call the handler.
 */
static inline int domain_set_msi_window(struct iommu_domain *domain,
					dma_addr_t base)
{
	if (domain->cookie_type == IOMMU_COOKIE_FAULT_HANDLER)
		domain->cookie_type = IOMMU_COOKIE_NONE;
	return iommu_get_msi_cookie(domain, base);
}

/* *@type is the kind that is wanted, or 0 for any; set to the one that it is. */
static inline void *driver_hw_info(const struct iommu_ops *ops,
				   struct device *dev, u32 *length, u32 *type)
{
	enum iommu_hw_info_type kind = *type;
	void *data;

	data = ops->hw_info(dev, length, &kind);
	*type = kind;
	return data;
}

/* 0: it has no vIOMMU of that type. */
static inline size_t driver_viommu_size(const struct iommu_ops *ops,
					struct device *dev, u32 type)
{
	if (!ops->get_viommu_size || !ops->viommu_init)
		return 0;
	return ops->get_viommu_size(dev, type);
}

static inline int driver_viommu_init(const struct iommu_ops *ops,
				     struct iommufd_viommu *viommu,
				     struct iommu_domain *parent,
				     const struct iommu_user_data *data)
{
	return ops->viommu_init(viommu, parent, data);
}

/* What drivers may register that this core has no use for: it replaces PASIDs itself. */
#define UNUSED_FEATURES	IOASID_IOMMU_PASID_REPLACE

/*
 * PASIDs ----------------------------------------------------------------------
 */

static inline int iommufd_pasid_replace(struct pasid_replace *replace)
{
	int rc = iommu_replace_device_pasid(replace->domain, replace->dev,
					    replace->pasid, replace->spare);

	if (!rc)
		replace->handle = replace->spare;
	return rc;
}

/*
 * Handles ---------------------------------------------------------------------
 */

/* The core wants to know what an attachment has been attached to. */
static inline void handle_hide(struct iommu_attach_handle *handle,
			       struct iommu_domain *instead)
{
}

/*
 * A thread of the IOMMU driver may have looked up a domain that no device is attached to
 * any more, and be about to read its handler, which it does without sleeping in between.
 */
static inline void domain_settle(const struct iommu_domain *domain)
{
	synchronize_rcu_tasks();
}

/* By the flag the driver has made one that does. */
static inline bool domain_takes_pasids(const struct iommu_domain *domain)
{
	return true;
}

static inline bool device_has_ats(struct device *dev)
{
	return device_iommu_capable(dev, IOMMU_CAP_PCI_ATS_SUPPORTED);
}

/*
 * Page requests ---------------------------------------------------------------
 */

/*
 * The drivers give page requests up when they detach a device, or move its RID, without
 * waiting for those that they are reporting, which the core forgets then, and frees.
 */
static inline bool driver_gives_up_later(struct device *dev)
{
	return false;
}

static inline bool iommufd_iopf_shared(struct device *dev)
{
	return false;
}

/* A PCI device that has the capability does; others are described so. */
static inline int device_ask_page_requests(struct device *dev)
{
	bool can = dev_is_pci(dev) ?
		   pci_pri_supported(to_pci_dev(dev)) :
		   device_property_present(dev, "dma-can-stall");

	return can ? 0 : -ENODEV;
}

/*
 * The IOMMU driver enables them when a domain with a handler is attached; but some do
 * not look at the handler.
 */
static inline int iommufd_iopf_enable(struct device *dev)
{
	return device_ask_page_requests(dev);
}

static inline void iommufd_iopf_disable(struct device *dev, bool wait)
{
}

/* Drivers switch ATS on when they probe a device. */
static inline bool iommufd_pasids_need_rid(struct iommu_group *group)
{
	return false;
}

static inline bool iommufd_iopf_enabled_late(struct device *dev)
{
	return false;
}

#endif
