// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who does DMA by a page table.
 *
 * IOMMU drivers report DMA faults from threads and interrupts of their own, and no
 * detach waits for those (AMD-Vi). So a report may have begun before the page table
 * went, and look for it afterwards. It does so by number, under RCU: either it finds
 * the page table, and all that it looks at is freed a grace period later; or it
 * finds none. A number is not reused soon.
 */
#include <linux/xarray.h>

#include "report/source.h"

static DEFINE_XARRAY_ALLOC1(registered);
static u32 next_number;

/**
 * iommufd_sources_init - for a page table without devices
 * @sources: of it
 * @ctx: its context
 * @ioas_id: its IOAS, or that of its parent
 * @nr_faults: of the IOAS
 */
void iommufd_sources_init(struct sources *sources, struct iommufd_ctx *ctx,
			  u32 ioas_id, atomic_long_t *nr_faults)
{
	spin_lock_init(&sources->lock);
	INIT_LIST_HEAD(&sources->list);
	sources->number = 0;
	sources->ctx = ctx;
	sources->ioas_id = ioas_id;
	sources->nr_faults = nr_faults;
	sources->faults = NULL;
	sources->nested = false;
}

/**
 * iommufd_sources_register - let reports of DMA faults find a page table
 * @sources: of it; its memory, that of its IOAS, and of its context are freed after a
 *	grace period
 *
 * Return: 0, -ENOMEM, -EBUSY (no number left).
 */
int iommufd_sources_register(struct sources *sources)
{
	int rc = xa_alloc_cyclic(&registered, &sources->number, sources,
				 xa_limit_31b, &next_number,
				 GFP_KERNEL_ACCOUNT);

	return rc < 0 ? rc : 0;
}

/**
 * iommufd_sources_unregister - the opposite of iommufd_sources_register(), if that
 * was called
 * @sources: of a page table without devices
 */
void iommufd_sources_unregister(struct sources *sources)
{
	if (sources->number)
		xa_erase(&registered, sources->number);
	sources->number = 0;
}

/**
 * iommufd_sources_find - the page table of a report, if it is still there
 * @number: from sources.number
 *
 * Return: its sources, good until rcu_read_unlock(), or NULL.
 */
struct sources *iommufd_sources_find(u32 number)
{
	return xa_load(&registered, number);
}

/**
 * iommufd_source_add - before a device is attached
 * @sources: of the page table
 * @source: the attachment; not in any list
 */
void iommufd_source_add(struct sources *sources, struct source *source)
{
	unsigned long flags;

	spin_lock_irqsave(&sources->lock, flags);
	list_add_tail(&source->link, &sources->list);
	spin_unlock_irqrestore(&sources->lock, flags);
}

/**
 * iommufd_source_set_idle - is a device to be seen at a page table?
 * @sources: of the page table
 * @source: the attachment
 * @idle: it is not
 *
 * While a device is moved it is a source of two page tables. Reports find it at both.
 */
void iommufd_source_set_idle(struct sources *sources, struct source *source,
			     bool idle)
{
	unsigned long flags;

	spin_lock_irqsave(&sources->lock, flags);
	source->idle = idle;
	spin_unlock_irqrestore(&sources->lock, flags);
}

/**
 * iommufd_source_remove - after a device has been detached
 * @sources: of the page table
 * @source: the attachment
 */
void iommufd_source_remove(struct sources *sources, struct source *source)
{
	unsigned long flags;

	spin_lock_irqsave(&sources->lock, flags);
	list_del_init(&source->link);
	spin_unlock_irqrestore(&sources->lock, flags);
}
