// SPDX-License-Identifier: GPL-2.0-only
/*
 * The page tables of an I/O address space, and what all of them need: the memory.
 *
 * Pinning waits for whoever has the memory, and a user can see to it that this is for
 * ever (userfaultfd, a file system of his own). So nothing is pinned with a lock
 * held that anybody else waits for. Who is about to make a page table first says that
 * the memory will be needed: from then on each new mapping pins its own. Then it pins
 * what is there already, without a lock, and what has been unmapped meanwhile is let
 * go of. When the page table is filled there is nothing left to wait for.
 */
#include <linux/iommu.h>
#include <linux/sched/signal.h>

#include "context/reason.h"
#include "memory/bar.h"
#include "report/event.h"
#include "space/load.h"
#include "space/nested.h"
#include "space/ranges.h"

/* Mappings that are pinned between two looks at the tree. */
#define HOLD_PORTION	16
/* Mappings that are passed over before others get the tree. */
#define PASS_PORTION	1024

/**
 * area_ready_from - the first mapping from an IOVA on that a page table has to have
 * @ioas: the IOAS, with its lock held for writing: so the area stays as it is
 * @iova: the IOVA
 * @last: last IOVA of interest, inclusive
 *
 * Areas that are AREA_BUSY come and go all the same: who makes them fills the page
 * tables that there are by then.
 */
struct area *area_ready_from(struct ioas *ioas, unsigned long iova,
			     unsigned long last)
{
	struct area *area;

	lockdep_assert_held_write(ioas_lock(ioas));
	mutex_lock(&ioas->tree_lock);
	for (area = area_first(&ioas->areas, iova, last);
	     area && !area_is_ready(area); area = area_next(area, last))
		;
	mutex_unlock(&ioas->tree_lock);
	return area;
}

/**
 * area_ready_next - the next one
 * @ioas: as in area_ready_from(), which has returned @area
 * @area: that, or what this has returned
 * @last: last IOVA of interest, inclusive
 */
struct area *area_ready_next(struct ioas *ioas, struct area *area,
			     unsigned long last)
{
	lockdep_assert_held_write(ioas_lock(ioas));
	cond_resched();
	mutex_lock(&ioas->tree_lock);
	do
		area = area_next(area, last);
	while (area && !area_is_ready(area));
	mutex_unlock(&ioas->tree_lock);
	return area;
}

/*
 * The memory ------------------------------------------------------------------
 */

static void change_needs(struct ioas *ioas, int n)
{
	lockdep_assert_held_write(ioas_lock(ioas));
	/* Who maps looks at it before it has the lock, and again with it. */
	WRITE_ONCE(ioas->needs, ioas->needs + n);
	if (!ioas->parent)
		return;
	ioas->root->nested_needs += n;
	if (!ioas->root->nested_needs)
		nested_take_back_all(ioas->root);
}

static void unuse_all(struct ioas *ioas)
{
	struct area *area;

	for_each_ready_area(ioas, area, 0, ULONG_MAX)
		if (area->in_use)
			area_unuse(ioas, area);
}

/**
 * struct wanted - a mapping whose memory is to be in use
 * @iova: its first IOVA
 * @pinned: the memory, referenced
 * @used: it is in use now, for the mapping
 */
struct wanted {
	unsigned long iova;
	struct pinned *pinned;
	bool used;
};

/**
 * struct wanted_list - some of them
 * @from: where to go on looking
 * @end: nothing is left behind that
 * @nr: how many
 * @list: the mappings
 */
struct wanted_list {
	unsigned long from;
	bool end;
	unsigned int nr;
	struct wanted list[HOLD_PORTION];
};

/* Whoever refers to the memory of a mapping that is not his holds the lock. */
static int find_wanted(struct ioas *ioas, struct wanted_list *wanted)
{
	unsigned int passed = 0;
	struct area *area;
	int rc;

	wanted->nr = 0;
	rc = down_read_killable(ioas_lock(ioas));
	if (rc)
		return rc;
	mutex_lock(&ioas->tree_lock);
	for (area = area_first(&ioas->areas, wanted->from, ULONG_MAX);
	     area && wanted->nr < HOLD_PORTION && passed++ < PASS_PORTION;
	     area = area_next(area, ULONG_MAX)) {
		wanted->from = area->last + 1;
		if (!area_is_ready(area) || area->in_use)
			continue;
		pinned_get(area->pinned);
		wanted->list[wanted->nr++] = (struct wanted) {
			.iova = area->iova,
			.pinned = area->pinned,
		};
	}
	wanted->end = !area;
	mutex_unlock(&ioas->tree_lock);
	up_read(ioas_lock(ioas));
	return 0;
}

/* Without a lock, for as long as it takes. A BAR whose device has gone stays out. */
static int use_wanted(struct wanted_list *wanted)
{
	unsigned int i;
	int rc = 0;

	for (i = 0; i < wanted->nr && !rc; i++) {
		struct wanted *want = &wanted->list[i];

		rc = memory_use(want->pinned);
		want->used = !rc;
		if (rc == -ENXIO)
			rc = 0;
		if (fatal_signal_pending(current))
			rc = rc ?: -EINTR;
		cond_resched();
	}
	return rc;
}

/* Let a mapping have the use of its memory, if it is still there and has none. */
static bool take_over(struct ioas *ioas, const struct wanted *want)
{
	struct area *area = area_ready_from(ioas, want->iova, want->iova);

	if (!area || area->iova != want->iova || area->in_use ||
	    area->pinned != want->pinned || !area_bar_is_there(area))
		return false;
	area->in_use = true;
	area->parked = area_bar_is_off(area);
	return !ioas->parent || nested_keep_lent(area);
}

static void settle_wanted(struct ioas *ioas, struct wanted_list *wanted)
{
	unsigned int i;

	down_write(ioas_lock(ioas));
	for (i = 0; i < wanted->nr; i++) {
		const struct wanted *want = &wanted->list[i];

		if (want->used && !take_over(ioas, want))
			pinned_unuse(want->pinned);
		pinned_put(want->pinned);
	}
	up_write(ioas_lock(ioas));
}

static int use_all(struct ioas *ioas)
{
	struct wanted_list wanted = {};
	int rc;

	do {
		rc = find_wanted(ioas, &wanted);
		if (!rc)
			rc = use_wanted(&wanted);
		settle_wanted(ioas, &wanted);
		if (!rc && fatal_signal_pending(current))
			rc = -EINTR;
		cond_resched();
	} while (!rc && !wanted.end);
	return rc;
}

/**
 * ioas_hold - have all memory of an IOAS pinned, and what will be mapped in it
 * @ioas: the IOAS. No lock may be held, nor a reference on what somebody waits for
 *	who cannot be killed: see the head of this file
 *
 * Before a page table is added to it.
 *
 * Return: 0, to be ended by ioas_release(); or -EFAULT, -ENOMEM, -EINTR and the like
 * from pinning.
 */
int ioas_hold(struct ioas *ioas)
{
	bool all;
	int rc;

	rc = down_write_killable(ioas_lock(ioas));
	if (rc)
		return rc;
	/* Another one who is on its way may have come only so far. */
	all = list_empty(&ioas->tables);
	change_needs(ioas, 1);
	up_write(ioas_lock(ioas));
	rc = all ? use_all(ioas) : 0;
	if (rc)
		ioas_release(ioas);
	return rc;
}

/**
 * ioas_release - the opposite of ioas_hold()
 * @ioas: the IOAS; unpinned if there is no page table
 */
void ioas_release(struct ioas *ioas)
{
	down_write(ioas_lock(ioas));
	change_needs(ioas, -1);
	if (!ioas->needs)
		unuse_all(ioas);
	up_write(ioas_lock(ioas));
}

/*
 * The page tables -------------------------------------------------------------
 */

static int reserve_outside(struct ioas *ioas, const struct iommu_domain *domain)
{
	const struct iommu_domain_geometry *geometry = &domain->geometry;
	int rc = 0;

	if (geometry->aperture_start)
		rc = ioas_reserve_locked(ioas, 0, geometry->aperture_start - 1,
					 domain);
	if (!rc && geometry->aperture_end != ULONG_MAX)
		rc = ioas_reserve_locked(ioas, geometry->aperture_end + 1,
					 ULONG_MAX, domain);
	return rc;
}

/* Two pages that a device could have, for paging_ask(). */
static int find_place(struct ioas *ioas, unsigned long *iova)
{
	unsigned long start, last, from = 0;

	lockdep_assert_held(&ioas->tree_lock);
	while (ranges_hole(&ioas->reserved, from, ULONG_MAX, &start, &last)) {
		if (!check_add_overflow(start, PAGE_SIZE - 1, iova)) {
			*iova &= PAGE_MASK;
			if (*iova <= last && last - *iova >= 2 * PAGE_SIZE - 1)
				return 0;
		}
		if (last == ULONG_MAX)
			break;
		from = last + 1;
	}
	return -ENOSPC;
}

/* What @table translates, up to but not including @end. Whether nothing is left. */
static bool drain_until(struct ioas *ioas, const struct ioas_table *table,
			const struct area *end)
{
	struct paging_drain drain;
	struct area *area;

	paging_drain_begin(&drain, &table->paging);
	for_each_ready_area(ioas, area, 0, ULONG_MAX) {
		if (area == end)
			break;
		if (area_is_filled(area))
			paging_drain(&drain, area->iova, area_length(area));
	}
	return paging_drain_end(&drain);
}

/*
 * Everything that is in use, but for a BAR that a driver has not unmapped when its owner
 * went. *@clean: with an error, nothing is left behind.
 */
static int fill_all(struct ioas *ioas, const struct ioas_table *table,
		    bool *clean)
{
	struct area *area;
	int rc = 0;

	for_each_ready_area(ioas, area, 0, ULONG_MAX) {
		if (fatal_signal_pending(current))
			rc = -EINTR;
		else if (area_is_filled(area) && area_bar_is_there(area))
			rc = area_fill(ioas, area, table);
		if (rc)
			break;
	}
	*clean = !rc || drain_until(ioas, table, area);
	/* It may be the driver's own. */
	if (rc == -EIO &&
	    !paging_clear(&table->paging, area->iova, area_length(area)))
		*clean = false;
	return rc;
}

static void forget_table(struct ioas *ioas, struct ioas_table *table)
{
	mutex_lock(&ioas->tree_lock);
	list_del(&table->link);
	table->listed = false;
	ranges_drop(&ioas->reserved, table->paging.domain);
	WARN_ON(ioas_update_alignment(ioas));
	mutex_unlock(&ioas->tree_lock);
	change_needs(ioas, -1);
}

/* Fit the IOAS to a page table, and find out what its driver can do. */
static int fit_table(struct ioas *ioas, struct ioas_table *table)
{
	struct iommu_domain *domain = table->paging.domain;
	unsigned long iova;
	int rc = -EINVAL;

	mutex_lock(&ioas->tree_lock);
	if (1UL << __ffs(domain->pgsize_bitmap) <= PAGE_SIZE)
		rc = reserve_outside(ioas, domain);
	if (!rc)
		rc = ioas_update_alignment(ioas);
	if (!rc)
		rc = find_place(ioas, &iova);
	mutex_unlock(&ioas->tree_lock);
	if (!rc)
		rc = paging_ask(&table->paging, iova);
	if (rc == -EIO)
		return reason_note(ioas->ctx, rc,
				   "the IOMMU driver does not unmap what it has mapped");
	return rc;
}

/**
 * ioas_add_table - translate everything in an IOAS by one more page table
 * @ioas: the IOAS, held by ioas_hold(): its memory is pinned
 * @table: with an empty domain
 *
 * Return: 0; or -EINVAL (the smallest page is larger than the CPU's), -EADDRINUSE
 * (something mapped is outside the aperture or not aligned), -ENOSPC (no page can be
 * mapped at all), -ENOMEM, -EINTR, -EIO (the IOMMU driver). If @table is listed then,
 * the driver has left something in it, and it has to be removed when no device uses
 * it any more, before the hold is released.
 */
int ioas_add_table(struct ioas *ioas, struct ioas_table *table)
{
	bool clean = true;
	int rc;

	down_write(ioas_lock(ioas));
	WARN_ON(!ioas->needs);
	mutex_lock(&ioas->tree_lock);
	list_add_tail(&table->link, &ioas->tables);
	table->listed = true;
	mutex_unlock(&ioas->tree_lock);
	change_needs(ioas, 1);
	rc = fit_table(ioas, table) ?: fill_all(ioas, table, &clean);
	if (rc && clean)
		forget_table(ioas, table);
	up_write(ioas_lock(ioas));
	return rc;
}

/**
 * ioas_remove_table - the opposite of ioas_add_table()
 * @ioas: the IOAS
 * @table: one of its page tables, which no device uses any more
 *
 * Unpins all memory if nobody else needs it. The domain is to be freed: what its driver
 * does not unmap no device reaches.
 */
void ioas_remove_table(struct ioas *ioas, struct ioas_table *table)
{
	struct area *area;

	down_write(ioas_lock(ioas));
	drain_until(ioas, table, NULL);
	forget_table(ioas, table);
	if (list_empty(&ioas->tables))
		for_each_ready_area(ioas, area, 0, ULONG_MAX)
			area->stuck = false;
	if (!ioas->needs)
		unuse_all(ioas);
	up_write(ioas_lock(ioas));
}

/*
 * BARs that come and go -------------------------------------------------------
 */

static void revoke_in(struct ioas *ioas, const struct bar_owner *owner)
{
	struct area *area;

	for_each_ready_area(ioas, area, 0, ULONG_MAX) {
		if (!area->in_use || area->pinned->owner != owner)
			continue;
		area->chain = NULL;
		area->stuck = false;
		chain_drain(ioas, area);
		event_range_lost(ioas->ctx, ioas->obj.id, area->iova,
				 area_length(area));
	}
}

/**
 * ioas_revoke - take the BARs of one device out of all IOASes of a context
 * @ctx: the context
 * @owner: the device, retired: nobody can map its BARs any more
 *
 * The areas stay until they are unmapped, but translate nothing. When this
 * returns no device reaches the BARs.
 */
void ioas_revoke(struct iommufd_ctx *ctx, const struct bar_owner *owner)
{
	struct ioas *ioas;

	mutex_lock(&ctx->ioas_lock);
	list_for_each_entry(ioas, &ctx->ioases, link) {
		down_write(ioas_lock(ioas));
		revoke_in(ioas, owner);
		up_write(ioas_lock(ioas));
	}
	mutex_unlock(&ctx->ioas_lock);
}

static void park_in(struct ioas *ioas, const struct bar_owner *owner)
{
	struct area *area;

	for_each_ready_area(ioas, area, 0, ULONG_MAX) {
		if (!area_is_filled(area) || area->pinned->owner != owner)
			continue;
		area->chain = NULL;
		area->stuck = false;
		chain_empty(ioas, area);
		area->parked = !area->stuck;
	}
}

static void unpark_in(struct ioas *ioas, const struct bar_owner *owner)
{
	struct area *area;

	for_each_ready_area(ioas, area, 0, ULONG_MAX) {
		if (!area->parked || area->pinned->owner != owner)
			continue;
		if (area_refill(ioas, area))
			event_range_lost(ioas->ctx, ioas->obj.id, area->iova,
					 area_length(area));
	}
}

/**
 * ioas_switch_bars - take the BARs of one device out of all page tables of a context,
 * or fill these with them again
 * @ctx: the context
 * @owner: the device; what bar_owner_switch() has made of it decides
 *
 * What cannot be filled again for want of memory stays out until the next time. When
 * this returns no device reaches BARs that are off.
 */
void ioas_switch_bars(struct iommufd_ctx *ctx, const struct bar_owner *owner)
{
	bool off = bar_owner_off(owner);
	struct ioas *ioas;

	mutex_lock(&ctx->ioas_lock);
	list_for_each_entry(ioas, &ctx->ioases, link) {
		down_write(ioas_lock(ioas));
		if (off)
			park_in(ioas, owner);
		else
			unpark_in(ioas, owner);
		up_write(ioas_lock(ioas));
	}
	mutex_unlock(&ctx->ioas_lock);
}
