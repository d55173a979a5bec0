// SPDX-License-Identifier: GPL-2.0-only
/*
 * Second stages, and the two domains that need no tables.
 */
#include <linux/bits.h>
#include <linux/iommu.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <uapi/linux/iommufd.h>

#include "kernel.h"
#include "dirty.h"
#include "domain.h"
#include "endpoint.h"
#include "nested.h"

static int second_map(struct iommu_domain *domain, unsigned long iova,
		      phys_addr_t phys, size_t size, size_t count, int prot,
		      gfp_t gfp, size_t *mapped)
{
	struct second_stage *second = to_second_stage(domain);
	u64 last = iova + size * count - 1;
	u64 bits = 0;

	if (last < iova || last > domain->geometry.aperture_end)
		return -ERANGE;
	if (!(size & domain->pgsize_bitmap))
		return -EINVAL;
	if (prot & IOMMU_READ)
		bits |= IOSIM_PTE_READ;
	if (prot & IOMMU_WRITE)
		bits |= IOSIM_PTE_WRITE;
	if (second->nest_parent && !(bits & IOSIM_PTE_WRITE) &&
	    quirks_has(second->quirks, IOSIM_NO_READ_ONLY))
		return -EINVAL;
	return quirks_map(second, iova, phys, size, count, bits, gfp, mapped);
}

static size_t second_unmap(struct iommu_domain *domain, unsigned long iova,
			   size_t size, size_t count,
			   struct iommu_iotlb_gather *gather)
{
	struct second_stage *second = to_second_stage(domain);
	size_t done;

	if (iova > domain->geometry.aperture_end)
		return 0;
	done = quirks_unmap(second, iova, size * count);
	if (done)
		iommu_iotlb_gather_add_range(gather, iova, done);
	return done;
}

static phys_addr_t second_iova_to_phys(struct iommu_domain *domain,
				       dma_addr_t iova)
{
	struct second_stage *second = to_second_stage(domain);
	struct table_leaf leaf;
	phys_addr_t phys = 0;

	if (iova > domain->geometry.aperture_end)
		return 0;
	if (!quirks_knows(second, iova))
		return 0;
	rcu_read_lock();
	if (table_find(&second->table, iova, &leaf))
		phys = (leaf.pte & IOSIM_PTE_ADDR) |
		       (iova & ((1ULL << leaf.shift) - 1));
	rcu_read_unlock();
	return phys;
}

/**
 * domain_forget - have all endpoints forget what a second stage has changed
 * @second: the second stage
 * @first: first address
 * @last: last one; U64_MAX is the end of all
 *
 * When it returns no DMA goes by what was there before. Of what has been
 * translated by a nested domain the addresses in the second stage are not
 * remembered: all of it is forgotten. In any context.
 */
void domain_forget(struct second_stage *second, u64 first, u64 last)
{
	struct attachment *at;
	unsigned long flags;

	spin_lock_irqsave(&second->attachments.lock, flags);
	list_for_each_entry(at, &second->attachments.list, in_second) {
		struct iosim_endpoint *endpoint = at->endpoint;

		spin_lock(&endpoint->lock);
		if (!at->nested)
			iotlb_forget(&endpoint->iotlb, at->tag, first, last);
		else if (at->nested->is_pasid_table)
			iotlb_forget_all(&endpoint->iotlb, 0, U64_MAX);
		else
			iotlb_forget(&endpoint->iotlb, at->tag, 0, U64_MAX);
		spin_unlock(&endpoint->lock);
		endpoint_count(endpoint, IOSIM_INVALIDATIONS, 1);
	}
	spin_unlock_irqrestore(&second->attachments.lock, flags);
}

static void second_flush_all(struct iommu_domain *domain)
{
	domain_forget(to_second_stage(domain), 0, U64_MAX);
}

static void second_sync(struct iommu_domain *domain,
			struct iommu_iotlb_gather *gather)
{
	if (gather->start <= gather->end)
		domain_forget(to_second_stage(domain), gather->start,
			      gather->end);
}

static int second_sync_map(struct iommu_domain *domain, unsigned long iova,
			   size_t size)
{
	return quirks_sync_map(to_second_stage(domain));
}

/*
 * All DMA is memory accesses of a CPU, and nothing bypasses its caches; what would,
 * is counted.
 */
static bool second_enforce_coherency(struct iommu_domain *domain)
{
	struct second_stage *second = to_second_stage(domain);

	if (quirks_has(second->quirks, IOSIM_NO_COHERENCY))
		return false;
	WRITE_ONCE(second->coherent, true);
	return true;
}

static void second_free(struct iommu_domain *domain)
{
	struct second_stage *second = to_second_stage(domain);

	WARN_ON(!list_empty(&second->attachments.list));
	quirks_forget(second);
	table_destroy(&second->table);
	domain_drop(domain);
}

#define SECOND_OPS							\
	.attach_dev = op_attach_dev,					\
	.set_dev_pasid = op_set_dev_pasid,				\
	.map_pages = second_map,					\
	.unmap_pages = second_unmap,					\
	.flush_iotlb_all = second_flush_all,				\
	.iotlb_sync = second_sync,					\
	.iova_to_phys = second_iova_to_phys,				\
	.enforce_cache_coherency = second_enforce_coherency,		\
	.free = second_free

static const struct iommu_domain_ops second_ops = { SECOND_OPS };

/* Of drivers that have to be told when something has been mapped. */
static const struct iommu_domain_ops sync_map_ops = {
	SECOND_OPS,
	.iotlb_sync_map = second_sync_map,
};

static const struct iommu_domain_ops identity_ops = {
	.attach_dev = op_attach_dev,
};

static const struct iommu_domain_ops blocked_ops = {
	.attach_dev = op_attach_dev,
	.set_dev_pasid = op_block_pasid,
};

/* No DMA at all, and all DMA to the address that it names. */
struct iommu_domain blocked_domain = {
	.type = IOMMU_DOMAIN_BLOCKED,
	.ops = &blocked_ops,
};

struct iommu_domain identity_domain = {
	.type = IOMMU_DOMAIN_IDENTITY,
	.ops = &identity_ops,
};

/**
 * to_second_stage - what a domain is, if it is a page table of the kernel's
 * @domain: any domain
 *
 * Return: the second stage, or NULL.
 */
struct second_stage *to_second_stage(struct iommu_domain *domain)
{
	if (domain->ops != &second_ops && domain->ops != &sync_map_ops)
		return NULL;
	return container_of(domain, struct second_stage, domain);
}

static void second_release(struct kref *ref)
{
	kfree(container_of(ref, struct second_stage, ref));
}

static void nested_release(struct kref *ref)
{
	kfree(container_of(ref, struct nested, ref));
}

/**
 * domain_hold - have the memory of a domain stay
 * @domain: the domain, which is attached
 *
 * Only that, so that it can be named: it may be freed as far as anybody else knows.
 */
void domain_hold(struct iommu_domain *domain)
{
	struct nested *nested = to_nested(domain);
	struct second_stage *second = to_second_stage(domain);

	if (nested)
		kref_get(&nested->ref);
	else if (second)
		kref_get(&second->ref);
}

/**
 * domain_drop - undo domain_hold()
 * @domain: the domain
 */
void domain_drop(struct iommu_domain *domain)
{
	struct nested *nested = to_nested(domain);
	struct second_stage *second = to_second_stage(domain);

	if (nested)
		kref_put(&nested->ref, nested_release);
	else if (second)
		kref_put(&second->ref, second_release);
}

/**
 * domain_complete - what a page table can translate is as much as its device can
 * @second: the page table
 * @endpoint: the device
 */
void domain_complete(struct second_stage *second,
		     const struct iosim_endpoint *endpoint)
{
	second->domain.geometry.aperture_end =
		GENMASK_ULL(endpoint->addr_bits - 1, 0);
}

static struct second_stage *second_alloc(struct iosim_endpoint *endpoint)
{
	struct second_stage *second = kzalloc(sizeof(*second),
					      GFP_KERNEL_ACCOUNT);

	if (!second)
		return NULL;
	if (table_init(&second->table, endpoint->addr_bits)) {
		kfree(second);
		return NULL;
	}
	kref_init(&second->ref);
	attachments_init(&second->attachments);
	second->vtd = endpoint->vtd.on;
	second->quirks = quirks_get(endpoint->quirks);
	second->extents = RB_ROOT_CACHED;
	spin_lock_init(&second->extents_lock);
	second->domain.type = IOMMU_DOMAIN_UNMANAGED;
	second->domain.ops = quirks_has(second->quirks, IOSIM_SYNC_MAP) ?
			     &sync_map_ops : &second_ops;
	second->domain.owner = &iosim_ops;
	second->domain.pgsize_bitmap =
		quirks_has(second->quirks, IOSIM_ONLY_4K) ? SZ_4K :
							    IOSIM_PAGE_SIZES;
	if (!quirks_has(second->quirks, IOSIM_COMPLETE_LATE))
		domain_complete(second, endpoint);
	second->domain.geometry.force_aperture = true;
	return second;
}

/**
 * domain_alloc_paging - make a page table for a device
 * @dev: the device
 *
 * Return: the domain, or NULL if memory is short.
 */
struct iommu_domain *domain_alloc_paging(struct device *dev)
{
	struct second_stage *second = second_alloc(endpoint_of(dev));

	return second ? &second->domain : NULL;
}

/**
 * domain_alloc_user - make a domain as a user wants it
 * @dev: the device
 * @flags: IOMMU_HWPT_ALLOC_*
 * @parent: the second stage below tables of the user's, or NULL
 * @data: the user's tables, or NULL
 *
 * Return: the domain, or -EOPNOTSUPP for flags or data that are not known or not
 * possible with this device, -EINVAL for data that make no sense, -EFAULT,
 * -ENOMEM.
 */
struct iommu_domain *domain_alloc_user(struct device *dev, u32 flags,
				       struct iommu_domain *parent,
				       const struct iommu_user_data *data)
{
	const u32 known = IOMMU_HWPT_ALLOC_NEST_PARENT |
			  IOMMU_HWPT_ALLOC_DIRTY_TRACKING;
	struct iosim_endpoint *endpoint = endpoint_of(dev);
	bool dirty = flags & IOMMU_HWPT_ALLOC_DIRTY_TRACKING;
	struct second_stage *second;

	if (parent)
		return flags || !data ? ERR_PTR(-EOPNOTSUPP) :
					nested_alloc(endpoint, parent, data);
	if (data || (flags & ~known) || (dirty && !endpoint->dirty))
		return ERR_PTR(-EOPNOTSUPP);
	if ((flags & IOMMU_HWPT_ALLOC_NEST_PARENT) && endpoint->vtd.on &&
	    !endpoint->vtd.nesting)
		return ERR_PTR(-EOPNOTSUPP);
	second = second_alloc(endpoint);
	if (!second)
		return ERR_PTR(-ENOMEM);
	second->nest_parent = flags & IOMMU_HWPT_ALLOC_NEST_PARENT;
	if (dirty)
		second->domain.dirty_ops = &dirty_ops;
	return &second->domain;
}
