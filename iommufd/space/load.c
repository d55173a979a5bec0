// SPDX-License-Identifier: GPL-2.0-only
/*
 * Loading areas: their memory pinned, and all page tables filled with it; and back.
 *
 * Each area can be loaded and unloaded by itself. But areas of a batch that follow
 * each other in user memory, a row, are pinned by one get_user_pages(), and those
 * that follow each other in memory and in IOVAs are mapped by one call of the IOMMU
 * driver: 642 instructions an entry that is adjacent, 1419 one that is not. Areas that are
 * drained together share one flush, and are credited together.
 */
#include <linux/iommu.h>
#include <linux/sched/signal.h>

#include "memory/charge.h"
#include "memory/pin.h"
#include "report/event.h"
#include "space/chain.h"
#include "space/load.h"
#include "space/paging.h"

/*
 * One area --------------------------------------------------------------------
 */

/**
 * iommufd_area_fill - map a part of an area into a domain
 * @ioas: its IOAS
 * @area: with its memory in use
 * @span: the part
 * @table: the page table that the domain is
 *
 * Return: 0 or an errno of iommufd_paging_fill().
 */
int iommufd_area_fill(const struct ioas *ioas, const struct area *area,
		      const struct span *span, const struct ioas_table *table)
{
	const struct paging_range range = area_range(ioas, area, span);

	return iommufd_paging_fill(&table->paging, &range);
}

/* The same, with a shorter way for most areas. */
static inline int fill(const struct ioas *ioas, const struct area *area,
		       const struct span *span, const struct ioas_table *table)
{
	phys_addr_t phys = area_phys(area);

	if (!phys)
		return iommufd_area_fill(ioas, area, span, table);
	return paging_fill_run(&table->paging, span->iova,
			       phys + (span->iova - area->iova), span->length,
			       area_iommu_prot(area), ioas->small_pages);
}

/* A driver may have left something of an area behind: is it gone now? */
static bool clear(struct ioas *ioas, const struct ioas_table *table,
		  const struct area *area)
{
	struct span span;

	if (!table_span(table, area, &span) ||
	    iommufd_paging_clear(&table->paging, span.iova, span.length))
		return true;
	ioas_set_patchy(ioas);
	return false;
}

/*
 * Take a part of an area out of a page table that covers it, and flush. Drivers must not be
 * asked to unmap what is not there: VT-d's takes out what is behind it.
 */
static inline bool drain_span(struct ioas *ioas, const struct ioas_table *table,
			      const struct span *span)
{
	bool gone = likely(!READ_ONCE(ioas->patchy)) ?
		paging_drain_range(&table->paging, span->iova, span->length) :
		iommufd_paging_clear(&table->paging, span->iova, span->length);

	if (unlikely(!gone))
		ioas_set_patchy(ioas);
	return gone;
}

/* @failed could not be filled: drain all page tables before it. */
static void area_unload(struct ioas *ioas, struct area *area,
			const struct ioas_table *failed, int rc)
{
	struct ioas_table *table;
	struct span span;

	/* -EIO may also be the driver's own error. */
	area->stuck = rc == -EIO && !clear(ioas, failed, area);
	for_each_table_of(ioas, table, area, &span) {
		if (table == failed)
			break;
		if (!drain_span(ioas, table, &span))
			area->stuck = true;
	}
}

/**
 * iommufd_area_load - fill all page tables with an area
 * @ioas: its IOAS, locked
 * @area: with its memory in use, if the IOAS needs it
 *
 * A BAR may be gone, or off: revoking and switching take the lock, before or
 * after this.
 *
 * Return: 0; or an errno of iommufd_ioas_map_slices(), with nothing mapped but
 * what is stuck.
 */
int iommufd_area_load(struct ioas *ioas, struct area *area)
{
	struct ioas_table *table;
	struct span span;
	int rc;

	if (pinned_is_bar(area->pinned)) {
		if (!area_bar_is_there(area))
			return -EFAULT;
		area->parked = area->in_use && area_bar_is_off(area);
		if (area->parked)
			return 0;
	}
	for_each_table_of(ioas, table, area, &span) {
		rc = fill(ioas, area, &span, table);
		if (rc) {
			area_unload(ioas, area, table, rc);
			return rc;
		}
	}
	return 0;
}

/**
 * iommufd_area_refill - fill all page tables with a BAR that was off
 * @ioas: the IOAS, with its lock held for writing
 * @area: parked
 *
 * Return: 0; or an errno of iommufd_area_load(), with the area still parked.
 */
int iommufd_area_refill(struct ioas *ioas, struct area *area)
{
	int rc = iommufd_area_load(ioas, area);

	/* Else it is as that has left it: filled, or off again. */
	if (rc)
		area->parked = !area->stuck;
	return rc;
}

/* iommufd_drain_add() for many areas. */
static inline void drain_add(struct ioas *ioas, struct paging_drain *drain,
			     const struct span *span)
{
	if (likely(!READ_ONCE(ioas->patchy)))
		paging_drain(drain, span->iova, span->length);
	else if (!iommufd_paging_clear(drain->paging, span->iova, span->length))
		drain->stuck = true;
}

/**
 * iommufd_drain_add - take a part of an area out of a page table with others
 * @ioas: its IOAS, locked
 * @drain: what is being taken out of the page table, which covers it
 * @span: the part
 */
void iommufd_drain_add(struct ioas *ioas, struct paging_drain *drain,
		       const struct span *span)
{
	drain_add(ioas, drain, span);
}

/**
 * iommufd_area_drain - take an area out of all page tables, flush, and then unpin it
 * @ioas: its IOAS, locked
 * @area: an area of the caller
 *
 * Return: false if a driver has failed to unmap it.
 */
bool iommufd_area_drain(struct ioas *ioas, struct area *area)
{
	struct ioas_table *table;
	struct span span;
	bool gone = true;

	if (!area->in_use)
		return true;
	for_each_table_of(ioas, table, area, &span) {
		if (!drain_span(ioas, table, &span))
			gone = false;
		atomic_long_inc(&ioas->flushes);
	}
	if (!gone)
		return false;
	area->in_use = false;
	if (!ioas->parent)
		pinned_unuse(area->pinned);
	return true;
}

/*
 * Out of the page tables ------------------------------------------------------
 */

/* Does a page table have anything of an area? */
static inline bool has_of(const struct ioas_table *table,
			  const struct area *area, struct span *span)
{
	return area_is_filled(area) && table_span(table, area, span);
}

static bool drain_table(struct ioas *ioas, const struct ioas_table *table,
			const struct area *chain)
{
	struct paging_drain drain;
	unsigned int n = 0;
	struct span span;

	paging_drain_begin(&drain, &table->paging);
	for (; chain; chain = chain->chain) {
		if (has_of(table, chain, &span))
			drain_add(ioas, &drain, &span);
		if (!(++n % RESCHED_AREAS))
			cond_resched();
	}
	return iommufd_paging_drain_end(&drain);
}

/* A driver has failed to unmap something: find out what is left. */
static void find_stuck(struct ioas *ioas, const struct ioas_table *table,
		       struct area *chain)
{
	for (; chain; chain = chain->chain) {
		if (area_is_filled(chain) && !clear(ioas, table, chain))
			chain->stuck = true;
		cond_resched();
	}
}

/**
 * iommufd_chain_unuse - unpin the memory of areas that are out of all page tables
 * @ioas: the IOAS
 * @chain: areas of the caller, in use or not
 *
 * Pages that are unpinned one after the other are credited together.
 *
 * Return: false if any is stuck: that stays in use.
 */
bool iommufd_chain_unuse(const struct ioas *ioas, struct area *chain)
{
	struct account *account = NULL;
	unsigned long npages = 0;
	unsigned int n = 0;
	bool all = true;

	for (; chain; chain = chain->chain) {
		struct pinned *pinned = chain->pinned;

		if (!(++n % RESCHED_AREAS))
			cond_resched();
		if (!chain->in_use)
			continue;
		if (chain->stuck) {
			all = false;
			continue;
		}
		chain->in_use = false;
		chain->parked = false;
		if (ioas->parent)
			continue;
		if (pinned->account != account) {
			if (npages)
				account_uncharge(account, npages);
			account = pinned->account;
			npages = 0;
		}
		if (pinned_unuse_page(pinned))
			npages++;
		else
			iommufd_pinned_unuse_shared(pinned);
	}
	if (npages)
		account_uncharge(account, npages);
	return all;
}

/* The drivers are asked again for what they have failed to unmap before. */
static void forget_stuck(struct area *chain)
{
	unsigned int n = 0;

	for (; chain; chain = chain->chain) {
		chain->stuck = false;
		if (!(++n % RESCHED_READY))
			cond_resched();
	}
}

/**
 * iommufd_chain_empty - take areas out of all page tables
 * @ioas: the IOAS, locked
 * @chain: areas of the caller; one flush for each page table. Those that a driver has
 *	not unmapped are stuck. Not before: a claimed area that is given back may be in
 *	one page table and not in another
 */
void iommufd_chain_empty(struct ioas *ioas, struct area *chain)
{
	struct ioas_table *table;
	struct span span;

	forget_stuck(chain);
	list_for_each_entry(table, &ioas->tables, link) {
		if (chain->chain && !drain_table(ioas, table, chain))
			find_stuck(ioas, table, chain);
		else if (!chain->chain && has_of(table, chain, &span) &&
			 !drain_span(ioas, table, &span))
			chain->stuck = true;
		atomic_long_inc(&ioas->flushes);
	}
}

/**
 * iommufd_chain_drain - take areas out of all page tables, and unpin them
 * @ioas: the IOAS, locked
 * @chain: areas of the caller; one flush for each page table
 *
 * Return: whether all are unmapped. Those that a driver has not unmapped are stuck,
 * and stay in use.
 */
bool iommufd_chain_drain(struct ioas *ioas, struct area *chain)
{
	iommufd_chain_empty(ioas, chain);
	return iommufd_chain_unuse(ioas, chain);
}

/**
 * iommufd_area_withdraw - take a BAR that must not be reached out of all page tables
 * @ioas: the IOAS, with its lock held for writing
 * @area: in use; its device has gone, or has switched it off
 *
 * In the former case it is not in use any more afterwards, in the latter it is parked;
 * neither if a driver has failed to unmap it.
 */
void iommufd_area_withdraw(struct ioas *ioas, struct area *area)
{
	area->chain = NULL;
	iommufd_chain_empty(ioas, area);
	if (area_bar_is_there(area)) {
		area->parked = !area->stuck;
		return;
	}
	if (iommufd_chain_unuse(ioas, area))
		iommufd_event_range_lost(ioas->ctx, ioas->obj.id, area->iova,
					 area_length(area));
}

/*
 * Into them -------------------------------------------------------------------
 */

/**
 * iommufd_chain_give_up - areas that have been placed are not to be mapped after all
 * @ioas: the IOAS, locked, because of children and of memory of files that changes
 *	its account
 * @chain: the areas: out of all page tables, but for those that are stuck
 * @rc: why
 *
 * Return: @rc, or -EIO if any is stuck: that stays mapped.
 */
int iommufd_chain_give_up(struct ioas *ioas, struct area *chain, int rc)
{
	iommufd_chain_unuse(ioas, chain);
	if (tracepoint_enabled(ioasid_map))
		iommufd_chain_trace_map(ioas, chain, rc);
	return iommufd_chain_drop(ioas, chain) ?: rc;
}

/*
 * iommufd_chain_give_up() of areas that are in no page table, with the lock taken
 * here: nobody holds it while he waits for a user.
 */
int iommufd_chain_abandon(struct ioas *ioas, struct area *chain, int rc)
{
	down_read(ioas_lock(ioas));
	rc = iommufd_chain_give_up(ioas, chain, rc);
	up_read(ioas_lock(ioas));
	return rc;
}

/**
 * iommufd_chain_fill - fill the page tables with new areas, and let others see them
 * @ioas: the IOAS, locked
 * @chain: placed areas, with their memory in use if the IOAS needs it
 *
 * Return: 0; or an errno of iommufd_ioas_map_slices(), with nothing mapped but
 * what is stuck: the areas are to be given up.
 */
int iommufd_chain_fill(struct ioas *ioas, struct area *chain)
{
	struct area *area, *before = NULL;
	int rc = 0;

	for (area = chain; area && !rc; before = area, area = area->chain) {
		rc = iommufd_area_load(ioas, area);
		if (rc)
			break;
		if (area->chain)
			cond_resched();
	}
	if (!rc) {
		chain_set_mapped(ioas, chain);
	} else if (before) {
		before->chain = NULL;
		iommufd_chain_drain(ioas, chain);
		before->chain = area;
	}
	return rc;
}

/* Without any lock. */
static int use_chain(struct area *chain)
{
	int rc = 0;

	for (; chain && !rc; chain = chain->chain) {
		if (chain->in_use)
			continue;
		rc = memory_use(chain->pinned);
		chain->in_use = !rc;
		cond_resched();
		if (fatal_signal_pending(current))
			rc = rc ?: -EINTR;
	}
	return rc == -ENXIO ? -EFAULT : rc;
}

/*
 * Lock the IOAS with the memory of new areas in use, if it needs that. Returns 0; or
 * without the lock an errno of pinned_use().
 */
static int lock_used(struct ioas *ioas, struct area *chain)
{
	int rc = 0;

	for (;;) {
		if (READ_ONCE(ioas->needs))
			rc = use_chain(chain);
		if (!rc)
			rc = down_read_killable(ioas_lock(ioas));
		if (rc || !ioas->needs || chain->in_use)
			return rc;
		/* A page table has been added meanwhile. */
		up_read(ioas_lock(ioas));
	}
}

/* The last page table has gone meanwhile: nobody needs the memory. */
static void unuse_unneeded(struct ioas *ioas, struct area *chain)
{
	if (!ioas->needs)
		iommufd_chain_unuse(ioas, chain);
}

/**
 * iommufd_chain_load - pin the memory of new areas and fill the page tables
 * @ioas: the IOAS, not nested, not locked: whoever pins may wait for ever
 * @chain: placed areas
 *
 * Return: 0, and the areas can be seen by others; or an errno of
 * iommufd_ioas_map_slices(), and they are gone.
 */
int iommufd_chain_load(struct ioas *ioas, struct area *chain)
{
	int rc = lock_used(ioas, chain);

	if (rc)
		return iommufd_chain_abandon(ioas, chain, rc);
	unuse_unneeded(ioas, chain);
	if (!chain->chain) {
		rc = iommufd_area_load(ioas, chain);
		if (!rc)
			area_set_mapped(ioas, chain);
	} else {
		rc = iommufd_chain_fill(ioas, chain);
	}
	if (rc)
		rc = iommufd_chain_give_up(ioas, chain, rc);
	up_read(ioas_lock(ioas));
	return rc;
}

/*
 * Rows ------------------------------------------------------------------------
 */

/* Areas whose memory is one row, up to but not including @end. */
static int use_row(struct area *area, const struct area *end,
		   unsigned long npages)
{
	struct pinned *first = area->pinned;
	struct page **pages = iommufd_pinned_row_begin(first, npages),
		    **page = pages;
	struct area *at;
	int rc = 0;

	if (IS_ERR(pages))
		return PTR_ERR(pages);
	for (at = area; at != end; at = at->chain) {
		rc = pinned_row_deal(at->pinned, page, rc);
		page += at->pinned->npages;
		at->in_use = true;
	}
	/* Memory was too short for the runs of one. */
	for (at = area; rc && at != end; at = at->chain) {
		iommufd_pinned_row_undo(at->pinned);
		at->in_use = false;
	}
	iommufd_pinned_row_end(first, npages, pages, rc);
	return rc;
}

/* Use the memory of new areas, in rows where it is one stretch. */
static int use_rows(struct area *chain)
{
	struct area *area = chain, *end;
	unsigned long npages;
	unsigned int n = 0;
	int rc;

	for (; area; area = end) {
		npages = area->pinned->npages;
		for (end = area->chain;
		     end && pinned_follows(area->pinned, npages, end->pinned);
		     end = end->chain)
			npages += end->pinned->npages;
		if (end == area->chain) {
			rc = iommufd_pinned_use_first(area->pinned);
			area->in_use = !rc;
		} else {
			rc = use_row(area, end, npages);
		}
		if (rc)
			return rc;
		if (!(++n % RESCHED_AREAS))
			cond_resched();
	}
	return 0;
}

/* Take the first @bytes that a page table is to have of areas out of it. */
static void undo_fill(struct ioas *ioas, struct area *chain,
		      const struct ioas_table *table, size_t bytes, int rc)
{
	struct paging_drain drain;
	struct area *area;
	struct span span;

	paging_drain_begin(&drain, &table->paging);
	for (area = chain; area && bytes; area = area->chain) {
		size_t n;

		if (!table_span(table, area, &span))
			continue;
		n = min(bytes, span.length);
		paging_drain(&drain, span.iova, n);
		bytes -= n;
	}
	if (!iommufd_paging_drain_end(&drain) || rc == -EIO)
		find_stuck(ioas, table, chain);
}

/* A BAR that is gone, or off, cannot be filled in with the rest. */
static int check_bar(const struct area *area)
{
	if (!area_bar_is_there(area))
		return -EFAULT;
	/* One by one, so that an area can be left out. */
	return area_bar_is_off(area) ? -EAGAIN : 0;
}

/* The same where there is no page table to fill. */
static int check_bars(const struct area *chain)
{
	int rc = 0;

	for (; chain && !rc; chain = chain->chain)
		rc = check_bar(chain);
	return rc;
}

/* Add what a page table is to have of an area, in several pieces of memory. */
static noinline int fill_add(struct paging_fill *fill, const struct ioas *ioas,
			     const struct area *area, struct span span)
{
	const struct paging_range range = area_range(ioas, area, &span);

	return iommufd_paging_fill_add(fill, &range);
}

static int fill_chain(struct ioas *ioas, struct area *chain,
		      const struct ioas_table *table)
{
	struct paging_fill fill;
	struct area *area;
	struct span span;
	int rc = 0;

	iommufd_paging_fill_begin(&fill, &table->paging, ioas->small_pages);
	for (area = chain; area && !rc; area = area->chain) {
		phys_addr_t phys = area_phys(area);

		if (pinned_is_bar(area->pinned)) {
			rc = check_bar(area);
			if (rc)
				break;
		}
		if (!table_span(table, area, &span))
			continue;
		if (phys)
			rc = paging_fill_add_run(&fill, span.iova,
						 phys + (span.iova - area->iova),
						 span.length,
						 area_iommu_prot(area));
		else
			rc = fill_add(&fill, ioas, area, span);
	}
	if (!rc)
		rc = iommufd_paging_fill_end(&fill);
	if (rc)
		undo_fill(ioas, chain, table, fill.mapped, rc);
	return rc;
}

/**
 * iommufd_row_fill - iommufd_chain_fill() with as little work as possible
 * @ioas: the IOAS, locked
 * @chain: placed areas, with their memory in use if the IOAS needs it
 *
 * Return: 0; or, with nothing mapped but what is stuck, the errno of any of the
 * areas. None is given up then.
 */
int iommufd_row_fill(struct ioas *ioas, struct area *chain)
{
	struct ioas_table *table, *undo;
	int rc = 0;

	if (list_empty(&ioas->tables))
		rc = check_bars(chain);
	if (rc)
		return rc;
	list_for_each_entry(table, &ioas->tables, link) {
		rc = fill_chain(ioas, chain, table);
		if (rc)
			break;
	}
	if (!rc) {
		chain_set_mapped(ioas, chain);
		return 0;
	}
	list_for_each_entry(undo, &ioas->tables, link) {
		if (undo == table)
			break;
		undo_fill(ioas, chain, undo, SIZE_MAX, 0);
	}
	return rc;
}

/*
 * From the first area on that is stuck: nothing behind it is mapped, either. That is done
 * before the lock is given back, since who revokes a BAR, or switches it off, passes over
 * the areas of a command. Returns how many are before it, whose chain ends there.
 */
static unsigned int give_up_stuck(struct ioas *ioas, struct area *chain)
{
	struct area *area, *before = NULL;
	unsigned int left = 0;

	for (area = chain; area && !area->stuck; area = area->chain) {
		before = area;
		left++;
	}
	if (before)
		before->chain = NULL;
	if (area)
		iommufd_chain_give_up(ioas, area, -EIO);
	return left;
}

/**
 * iommufd_row_load - iommufd_chain_load() with as little work as possible
 * @ioas: the IOAS, not nested, not locked, in need of its memory
 * @chain: placed areas
 * @left: how many they are; on error set to how many of the first ones keep their places,
 *	with nothing mapped. The next one, if any, is stuck, and with those behind it given
 *	up, for -EIO
 *
 * Return: 0; or the errno of any of the areas.
 */
int iommufd_row_load(struct ioas *ioas, struct area *chain, unsigned int *left)
{
	int rc = use_rows(chain);

	if (!rc)
		rc = down_read_killable(ioas_lock(ioas));
	if (!rc) {
		/* The last page table may have gone: then one by one. */
		rc = ioas->needs ? iommufd_row_fill(ioas, chain) : -EAGAIN;
		if (rc) {
			iommufd_chain_unuse(ioas, chain);
			*left = give_up_stuck(ioas, chain);
		}
		up_read(ioas_lock(ioas));
	} else {
		iommufd_chain_unuse(ioas, chain);
	}
	return rc;
}
