// SPDX-License-Identifier: GPL-2.0-only
/*
 * Filling and draining a page table of an IOAS whose areas are many, while others map
 * and unmap.
 *
 * A page table has two borders, table->first and table->last. Between them it translates
 * all areas, outside of them nothing. The borders move with the lock of the IOAS held for
 * writing, by a portion of work at a time, and what is between the old and the new one is
 * filled before, or drained and flushed. In between others get the lock: what they map
 * goes into the page table as far as it is between the borders, and what they unmap is
 * taken out of it likewise (span.h). So there is nothing that would have to be told to
 * those who move the borders, and an unmap leaves nothing behind in any page table,
 * wherever its borders are.
 *
 * A border may be within an area, which may be any size, but never within an entry of the
 * page table: see step_last().
 *
 * Whoever moves borders holds ioas->attach_lock, so no two page tables of an IOAS are
 * filled at once, and nobody else attaches a device to one that is not whole.
 */
#include <linux/iommu.h>
#include <linux/sched/signal.h>
#include <linux/sizes.h>

#include "memory/runs.h"
#include "space/border.h"
#include "space/load.h"
#include "space/span.h"

/*
 * Work under one hold of the lock, in entries: some 300 instructions each. Next to nothing
 * on debug kernels, so that small tests have borders everywhere.
 */
#define PORTION		(IS_ENABLED(CONFIG_KASAN) ? 16 : 1024)
/* An area, beside its entries. */
#define AREA_WORK	2
/* How far a border moves within an area. */
#define STEP		((unsigned long)SZ_4M)
/* Above PAGE_SIZE there are no smaller entries. */
#define LARGE		((unsigned long)SZ_2M)

static unsigned long pages_of(unsigned long start, unsigned long last)
{
	return ((last - start) >> PAGE_SHIFT) + 1;
}

/* The entries for contiguous memory that large ones fit. */
static unsigned long large_work(unsigned long start, unsigned long last)
{
	unsigned long head = -start & (LARGE - 1), tail = (last + 1) & (LARGE - 1);

	if (last - start < head + tail)
		return pages_of(start, last);
	return ((head + tail) >> PAGE_SHIFT) +
	       (last - start + 1 - head - tail) / LARGE;
}

/*
 * The last IOVA of the contiguous memory that is at @at; *@large is set to whether IOVA and
 * memory are aligned alike, as entries above PAGE_SIZE need.
 */
static unsigned long run_last(const struct area *area, unsigned long at,
			      bool *large)
{
	unsigned long offset = area->offset + (at - area->iova);
	unsigned long skip = offset_in_page(offset);
	unsigned long left = area->last - at;
	unsigned long npages = ((skip + left) >> PAGE_SHIFT) + 1;
	const struct runs_iter it = iommufd_runs_seek(&area->pinned->runs,
						      offset >> PAGE_SHIFT,
						      npages);

	*large = !((at ^ (PFN_PHYS(it.pfn) + skip)) & (LARGE - 1));
	return at + min(left, it.npages * PAGE_SIZE - skip - 1);
}

/*
 * Where the border moves to in an area that is in use, from @at on: to the last IOVA that
 * is returned, at the most. *@work is set to the entries on the way, at the most.
 *
 * No entry crosses it, whatever may have filled the area. One that is larger than STEP begins
 * at a multiple of that, in contiguous memory that is aligned like its IOVA, and is no
 * larger than PAGING_STRIDE. So a multiple of STEP is in no entry if such memory does not
 * begin before it, or ends before the next one.
 */
static unsigned long step_last(const struct ioas *ioas,
			       const struct ioas_table *table,
			       const struct area *area, unsigned long at,
			       unsigned long *work)
{
	const unsigned long sizes = table->paging.domain->pgsize_bitmap;
	unsigned long last = min(area->last, at | (STEP - 1)), end;
	bool large = false;

	/* What one call has mapped must not be cut, and what is small need not be. */
	if (table->paging.whole || area->last - at < LARGE) {
		*work = pages_of(at, area->last);
		return area->last;
	}
	*work = pages_of(at, last);
	if (ioas->small_pages)
		return last;
	end = run_last(area, at, &large);
	if (!large || end < last)
		return last;
	end = min(end, at | (PAGING_STRIDE - 1));
	if (end != area->last)
		end = ((end + 1) & ~(STEP - 1)) - 1;
	*work = sizes & LARGE ? large_work(at, end) : pages_of(at, end);
	return end;
}

/*
 * Likewise for filling. Behind the border there is nothing yet that could be cut, whatever
 * the driver's sizes have been before: if it has no large ones, none are kept together.
 */
static unsigned long fill_last(const struct ioas *ioas,
			       const struct ioas_table *table,
			       const struct area *area, unsigned long at,
			       unsigned long *work)
{
	unsigned long last = min(area->last, at | (STEP - 1));

	if (table->paging.whole || table->paging.domain->pgsize_bitmap >= LARGE)
		return step_last(ioas, table, area, at, work);
	*work = pages_of(at, last);
	return last;
}

/*
 * Is an area to be filled? A BAR whose device has gone, or has switched it off, may still be
 * in page tables that are full: whoever takes it out has not come as far, or a driver has
 * failed to. In this one it must not get, and it would be taken out of all that cover it
 * later, of those without it, too: so it is taken out before this one does. If it stays,
 * the IOAS is patchy.
 */
static bool is_to_fill(struct ioas *ioas, struct area *area)
{
	bool out = !area_bar_is_there(area) || area_bar_is_off(area);

	if (unlikely(out) && area_is_filled(area))
		iommufd_area_withdraw(ioas, area);
	return !out && area_is_filled(area);
}

/* Move the far border past the next portion of areas. */
static int fill_portion(struct ioas *ioas, struct ioas_table *table, long left)
{
	unsigned long at = table_covers_none(table) ? 0 : table->last + 1;
	struct area *area = iommufd_area_ready_from(ioas, at, ULONG_MAX);

	for (; area && left > 0; at = table->last + 1) {
		struct span span = { .iova = max(at, area->iova) };
		unsigned long last = area->last, work = 0;
		int rc = 0;

		if (is_to_fill(ioas, area)) {
			last = fill_last(ioas, table, area, span.iova, &work);
			span.length = last - span.iova + 1;
			rc = iommufd_area_fill(ioas, area, &span, table);
		}
		/* It may be the driver's own. */
		if (rc == -EIO && !iommufd_paging_clear(&table->paging,
							span.iova, span.length)) {
			table_cover_all(table);
			ioas_set_patchy(ioas);
		}
		if (rc)
			return rc;
		table->first = 0;
		table->last = last;
		left -= work + AREA_WORK;
		if (last == area->last)
			area = iommufd_area_ready_next(ioas, area, ULONG_MAX);
	}
	if (!area)
		table_cover_all(table);
	return 0;
}

/**
 * iommufd_border_fill - fill a page table with everything that is mapped
 * @ioas: the IOAS, with its memory in use, and its attach lock held; not locked
 * @table: in the list of the IOAS, and covers nothing
 *
 * Return: 0, and it covers everything; -ENOMEM, -EINTR, or the driver's error, and it
 * covers what it translates. If that is everything, the driver has left something behind,
 * nobody knows where.
 */
int iommufd_border_fill(struct ioas *ioas, struct ioas_table *table)
{
	unsigned long round = 0;
	int rc;

	lockdep_assert_held(&ioas->attach_lock);
	do {
		rc = down_write_killable(ioas_lock(ioas));
		if (rc)
			return rc;
		rc = fill_portion(ioas, table, portion_of(PORTION, round++));
		up_write(ioas_lock(ioas));
		if (rc || table_covers_all(table))
			return rc;
		cond_resched();
	} while (!fatal_signal_pending(current));
	return -EINTR;
}

/*
 * Move the near border past the next portion of areas: they are flushed before others
 * get the lock. Returns whether nothing of them is left.
 */
static bool drain_portion(struct ioas *ioas, struct ioas_table *table,
			  long left)
{
	const unsigned long end = table->last;
	unsigned long at = table->first, last = 0;
	struct area *area = iommufd_area_ready_from(ioas, at, end);
	struct paging_drain drain;
	bool all;

	paging_drain_begin(&drain, &table->paging);
	for (; area && left > 0; at = last + 1) {
		unsigned long start = max(at, area->iova), work = 0;

		last = area->last;
		if (area_is_filled(area))
			last = step_last(ioas, table, area, start, &work);
		last = min(last, end);
		if (area_is_filled(area))
			iommufd_drain_add(ioas, &drain, &(struct span){
					  .iova = start,
					  .length = last - start + 1 });
		left -= work + AREA_WORK;
		if (last == end)
			area = NULL;
		else if (last == area->last)
			area = iommufd_area_ready_next(ioas, area, end);
	}
	all = iommufd_paging_drain_end(&drain);
	if (area)
		table->first = at;
	else
		table_cover_none(table);
	return all;
}

/**
 * iommufd_border_drain - drain a page table
 * @ioas: the IOAS, with its attach lock held; not locked
 * @table: in the list of the IOAS
 * @in_use: devices may be attached to it: stop where the driver fails to unmap
 *
 * Cannot be interrupted.
 *
 * Return: true, and it covers nothing; false if the driver has failed: it covers
 * everything again, so that what is there is not unpinned.
 */
bool iommufd_border_drain(struct ioas *ioas, struct ioas_table *table,
			  bool in_use)
{
	unsigned long round = 0;
	bool all = true;

	lockdep_assert_held(&ioas->attach_lock);
	while (all && !table_covers_none(table)) {
		down_write(ioas_lock(ioas));
		all = drain_portion(ioas, table,
				    portion_of(PORTION, round++)) ||
		      !in_use;
		if (!all) {
			table_cover_all(table);
			ioas_set_patchy(ioas);
		}
		up_write(ioas_lock(ioas));
		cond_resched();
	}
	return all;
}
