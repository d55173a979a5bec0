// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who does DMA by a page table.
 */
#include "source.h"

/**
 * sources_init - for a page table without devices
 * @sources: of it
 * @ctx: its context
 * @ioas_id: its IOAS, or that of its parent
 * @nr_faults: of the IOAS
 */
void sources_init(struct sources *sources, struct iommufd_ctx *ctx,
		  u32 ioas_id, atomic_long_t *nr_faults)
{
	spin_lock_init(&sources->lock);
	INIT_LIST_HEAD(&sources->list);
	sources->ctx = ctx;
	sources->ioas_id = ioas_id;
	sources->nr_faults = nr_faults;
	sources->faults = NULL;
}

/**
 * source_add - before a device is attached
 * @sources: of the page table
 * @source: the attachment; not in any list
 */
void source_add(struct sources *sources, struct source *source)
{
	unsigned long flags;

	spin_lock_irqsave(&sources->lock, flags);
	list_add_tail(&source->link, &sources->list);
	spin_unlock_irqrestore(&sources->lock, flags);
}

/**
 * source_remove - after a device has been detached
 * @sources: of the page table
 * @source: the attachment
 */
void source_remove(struct sources *sources, struct source *source)
{
	unsigned long flags;

	spin_lock_irqsave(&sources->lock, flags);
	list_del_init(&source->link);
	spin_unlock_irqrestore(&sources->lock, flags);
}
