// SPDX-License-Identifier: GPL-2.0-only
/*
 * The page tables of an I/O address space, and what all of them need: the memory.
 *
 * Pinning waits for the memory to come, and a user can make that take for ever
 * (userfaultfd, a file system of his own). So nothing is pinned with a lock held that
 * anybody else waits for. An attach that is about to make a page table first
 * announces that the memory will be needed: from then on each new mapping pins its
 * own. Then it pins what is mapped already, without a lock, and drops what has been
 * unmapped meanwhile. When the page table is filled there is nothing left to wait
 * for.
 */
#include <linux/iommu.h>
#include <linux/sched/signal.h>

#include "context/reason.h"
#include "space/load.h"
#include "space/nested.h"
#include "space/ranges.h"
#include "space/table.h"

/* Mappings that are pinned between two looks at the tree. */
#define HOLD_PORTION	16
/* Mappings that are passed over before others get the tree. */
#define PASS_PORTION	1024

/*
 * What is asked of the IOAS ---------------------------------------------------
 */

/* Does everything that is mapped fit a coarser alignment? */
static int check_alignment(struct ioas *ioas, unsigned long alignment)
{
	const struct area *area =
		iommufd_area_first(&ioas->areas, 0, ULONG_MAX);

	for (; area; area = area_next(area, ULONG_MAX)) {
		if ((area->iova | area_length(area) |
		     offset_in_page(area->offset)) & (alignment - 1))
			return iommufd_reason_note(ioas->ctx, -EADDRINUSE,
						   "the mapping %#lx-%#lx of IOAS %u, or its memory, is not aligned to %#lx bytes",
						   area->iova, area->last,
						   ioas->obj.id, alignment);
		cond_resched();
	}
	return 0;
}

/* The alignment that page tables, users and options ask for together. */
static unsigned long wanted_alignment(struct ioas *ioas)
{
	unsigned long alignment = ioas->small_pages ? PAGE_SIZE : 1;
	const struct ioas_table *table;
	struct ioas_user *user;
	unsigned long index;

	list_for_each_entry(table, &ioas->tables, link)
		alignment = max(alignment,
				1UL << __ffs(table->paging.domain->pgsize_bitmap));
	xa_for_each(&ioas->users, index, user)
		alignment = max(alignment, user->alignment);
	return alignment;
}

/* After page tables, users or options have changed. */
static int update_alignment(struct ioas *ioas)
{
	unsigned long alignment = wanted_alignment(ioas);
	int rc = 0;

	lockdep_assert_held_write(ioas_lock(ioas));
	lockdep_assert_held(&ioas->tree_lock);
	if (alignment > ioas->alignment)
		rc = check_alignment(ioas, alignment);
	if (!rc)
		ioas->alignment = alignment;
	return rc;
}

/* With the tree lock held. */
static int reserve_locked(struct ioas *ioas, unsigned long start,
			  unsigned long last, const struct reserver *owner)
{
	const struct area *area;

	lockdep_assert_held(&ioas->tree_lock);
	area = iommufd_area_first(&ioas->areas, start, last);
	if (area)
		return iommufd_reason_note(ioas->ctx, -EADDRINUSE,
					   "the mapping at IOVA %#lx of IOAS %u is where the device or its IOMMU cannot translate, %#lx-%#lx",
					   area->iova, ioas->obj.id, start,
					   last);
	if (ranges_hit(&ioas->allowed, start, last))
		return iommufd_reason_note(ioas->ctx, -EADDRINUSE,
					   "the ranges allowed in IOAS %u have a part where the device or its IOMMU cannot translate, %#lx-%#lx",
					   ioas->obj.id, start, last);
	return iommufd_ranges_add(&ioas->reserved, start, last, owner);
}

/**
 * iommufd_ioas_reserve - keep a range from being mapped
 * @ioas: the IOAS
 * @start: first IOVA
 * @last: last IOVA, inclusive
 * @owner: whose restriction it is; NULL: it lasts as long as the IOAS
 *
 * Return: 0, -EADDRINUSE if something is mapped there or the user has asked for
 * it to stay usable, -ENOMEM.
 */
int iommufd_ioas_reserve(struct ioas *ioas, unsigned long start,
			 unsigned long last, const struct reserver *owner)
{
	int rc;

	mutex_lock(&ioas->tree_lock);
	rc = reserve_locked(ioas, start, last, owner);
	mutex_unlock(&ioas->tree_lock);
	return rc;
}

/**
 * iommufd_ioas_unreserve - end all restrictions of one owner
 * @ioas: the IOAS
 * @owner: whose
 */
void iommufd_ioas_unreserve(struct ioas *ioas, const struct reserver *owner)
{
	mutex_lock(&ioas->tree_lock);
	iommufd_ranges_drop(&ioas->reserved, owner);
	mutex_unlock(&ioas->tree_lock);
}

/**
 * iommufd_ioas_set_small_pages - the option HUGE_PAGES, the other way round
 * @ioas: the IOAS
 * @on: map everything by pages of PAGE_SIZE
 *
 * Return: 0, -EINVAL if page tables have something mapped already, -EADDRINUSE
 * if something mapped is not aligned to pages.
 */
int iommufd_ioas_set_small_pages(struct ioas *ioas, bool on)
{
	bool was;
	int rc;

	down_write(ioas_lock(ioas));
	mutex_lock(&ioas->tree_lock);
	was = ioas->small_pages;
	if (on && !was && !list_empty(&ioas->tables) &&
	    !RB_EMPTY_ROOT(&ioas->areas.root)) {
		rc = iommufd_reason_note(ioas->ctx, -EINVAL,
					 "page tables of IOAS %u have something mapped, which may be by large pages",
					 ioas->obj.id);
	} else {
		ioas->small_pages = on;
		rc = update_alignment(ioas);
		if (rc)
			ioas->small_pages = was;
	}
	mutex_unlock(&ioas->tree_lock);
	up_write(ioas_lock(ioas));
	return rc;
}

/*
 * The memory ------------------------------------------------------------------
 */

static void change_needs(struct ioas *ioas, int n)
{
	lockdep_assert_held_write(ioas_lock(ioas));
	/* A map reads it before it takes the lock, and again with the lock held. */
	WRITE_ONCE(ioas->needs, ioas->needs + n);
	if (!ioas->parent)
		return;
	ioas->root->nested_needs += n;
	if (!ioas->root->nested_needs)
		iommufd_nested_take_back_all(ioas->root);
}

static void unuse_all(struct ioas *ioas)
{
	struct area *area;

	for_each_ready_area(ioas, area, 0, ULONG_MAX)
		if (area->in_use)
			iommufd_area_unuse(ioas, area);
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
 * struct wanted_list - a portion of them
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

/* The lock is held to refer to the memory of other commands' mappings. */
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
	for (area = iommufd_area_first(&ioas->areas, wanted->from, ULONG_MAX);
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

/*
 * Pin them, without a lock, for as long as it takes. A BAR whose device has gone
 * stays out.
 */
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

/* Give a mapping the use of its memory, if it is still there and has none. */
static bool take_over(struct ioas *ioas, const struct wanted *want)
{
	struct area *area =
		iommufd_area_ready_from(ioas, want->iova, want->iova);

	if (!area || area->iova != want->iova || area->in_use ||
	    area->pinned != want->pinned || !area_bar_is_there(area))
		return false;
	area->in_use = true;
	area->parked = area_bar_is_off(area);
	return !ioas->parent || iommufd_nested_keep_lent(area);
}

static void settle_wanted(struct ioas *ioas, struct wanted_list *wanted)
{
	unsigned int i;

	down_write(ioas_lock(ioas));
	for (i = 0; i < wanted->nr; i++) {
		const struct wanted *want = &wanted->list[i];

		if (want->used && !take_over(ioas, want))
			pinned_unuse(want->pinned);
		iommufd_pinned_put(want->pinned);
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
 * iommufd_ioas_hold - have all memory of an IOAS pinned, now and as it is mapped
 * @ioas: the IOAS. The caller must not hold a lock, nor a reference for which
 *	somebody waits who cannot be killed: see the head of this file
 *
 * Before a page table is added to it.
 *
 * Return: 0, to be ended by iommufd_ioas_release(); or -EFAULT, -ENOMEM, -EINTR
 * and the like from pinning.
 */
int iommufd_ioas_hold(struct ioas *ioas)
{
	bool all;
	int rc;

	rc = down_write_killable(ioas_lock(ioas));
	if (rc)
		return rc;
	/* Another attach that is on its way may have come no further than this. */
	all = list_empty(&ioas->tables);
	change_needs(ioas, 1);
	up_write(ioas_lock(ioas));
	rc = all ? use_all(ioas) : 0;
	if (rc)
		iommufd_ioas_release(ioas);
	return rc;
}

/**
 * iommufd_ioas_release - the opposite of iommufd_ioas_hold()
 * @ioas: the IOAS; unpinned if there is no page table
 */
void iommufd_ioas_release(struct ioas *ioas)
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

static int reserve_outside(struct ioas *ioas, const struct ioas_table *table)
{
	const struct iommu_domain_geometry *geometry =
		&table->paging.domain->geometry;
	int rc = 0;

	if (geometry->aperture_start)
		rc = reserve_locked(ioas, 0, geometry->aperture_start - 1,
				    &table->reserver);
	if (!rc && geometry->aperture_end != ULONG_MAX)
		rc = reserve_locked(ioas, geometry->aperture_end + 1,
				    ULONG_MAX, &table->reserver);
	return rc;
}

/* Find two pages that a device could use, as iommufd_paging_ask() wants them. */
static int find_place(struct ioas *ioas, unsigned long *iova)
{
	unsigned long start, last, from = 0;

	lockdep_assert_held(&ioas->tree_lock);
	while (iommufd_ranges_hole(&ioas->reserved, from, ULONG_MAX, &start,
				   &last)) {
		if (!check_add_overflow(start, 2 * PAGE_SIZE - 1, iova)) {
			*iova = ((*iova & PAGE_MASK) - PAGE_SIZE) | PAGE_SIZE;
			if (*iova <= last && last - *iova >= 2 * PAGE_SIZE - 1)
				return 0;
		}
		if (last == ULONG_MAX)
			break;
		from = last + 1;
	}
	return -ENOSPC;
}

/*
 * Drain what @table translates, up to but not including @end. Returns whether
 * nothing is left.
 */
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
	return iommufd_paging_drain_end(&drain);
}

/*
 * Fill in everything that is in use, except a BAR that a driver failed to unmap when
 * its owner went. *@clean: on an error, whether nothing is left behind.
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
			rc = iommufd_area_fill(ioas, area, table);
		if (rc)
			break;
	}
	*clean = !rc || drain_until(ioas, table, area);
	/* It may be the driver's own. */
	if (rc == -EIO && !iommufd_paging_clear(&table->paging, area->iova,
						area_length(area)))
		*clean = false;
	return rc;
}

static void forget_table(struct ioas *ioas, struct ioas_table *table)
{
	mutex_lock(&ioas->tree_lock);
	list_del(&table->link);
	table->listed = false;
	iommufd_ranges_drop(&ioas->reserved, &table->reserver);
	WARN_ON(update_alignment(ioas));
	mutex_unlock(&ioas->tree_lock);
	change_needs(ioas, -1);
}

/* Fit the IOAS to a page table, and find out what the driver can do. */
static int fit_table(struct ioas *ioas, struct ioas_table *table)
{
	struct iommu_domain *domain = table->paging.domain;
	unsigned long iova;
	int rc = -EINVAL;

	mutex_lock(&ioas->tree_lock);
	if (1UL << __ffs(domain->pgsize_bitmap) <= PAGE_SIZE)
		rc = reserve_outside(ioas, table);
	if (!rc)
		rc = update_alignment(ioas);
	if (!rc)
		rc = find_place(ioas, &iova);
	mutex_unlock(&ioas->tree_lock);
	if (!rc)
		rc = iommufd_paging_ask(&table->paging, iova);
	if (rc == -EIO)
		return iommufd_reason_note(ioas->ctx, rc,
					   "the IOMMU driver does not unmap what it has mapped");
	return rc;
}

/**
 * iommufd_ioas_add_table - translate everything in an IOAS by one more page table
 * @ioas: the IOAS, held by iommufd_ioas_hold(): its memory is pinned
 * @table: with an empty domain
 *
 * Return: 0; or -EINVAL (the smallest page is larger than the CPU's), -EADDRINUSE
 * (something mapped is outside the aperture or not aligned), -ENOSPC (no page can be
 * mapped at all), -ENOMEM, -EINTR, -EIO (the IOMMU driver). If @table is listed then,
 * the driver has left something in it, and it has to be removed when no device uses
 * it any more, before the hold is released.
 */
int iommufd_ioas_add_table(struct ioas *ioas, struct ioas_table *table)
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
 * iommufd_ioas_remove_table - the opposite of iommufd_ioas_add_table()
 * @ioas: the IOAS
 * @table: one of its page tables, which no device uses any more
 *
 * Unpins all memory if nobody else needs it. The domain is about to be freed: no device
 * reaches what its driver fails to unmap.
 */
void iommufd_ioas_remove_table(struct ioas *ioas, struct ioas_table *table)
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
 * In-kernel users -------------------------------------------------------------
 */

/**
 * iommufd_ioas_add_user - let an in-kernel user work with an IOAS
 * @ioas: the IOAS, on which the user holds a reference
 * @user: with obj, alignment and unmap set
 *
 * Return: 0, -EADDRINUSE if something mapped is not aligned, -ENOMEM.
 */
int iommufd_ioas_add_user(struct ioas *ioas, struct ioas_user *user)
{
	int rc;

	down_write(ioas_lock(ioas));
	mutex_lock(&ioas->tree_lock);
	rc = xa_alloc(&ioas->users, &user->id, user, xa_limit_16b,
		      GFP_KERNEL_ACCOUNT);
	if (!rc) {
		rc = update_alignment(ioas);
		if (rc)
			xa_erase(&ioas->users, user->id);
	}
	mutex_unlock(&ioas->tree_lock);
	up_write(ioas_lock(ioas));
	return rc;
}

/**
 * iommufd_ioas_remove_user - the opposite of iommufd_ioas_add_user()
 * @ioas: the IOAS
 * @user: a user that has nothing pinned in it
 */
void iommufd_ioas_remove_user(struct ioas *ioas, struct ioas_user *user)
{
	down_write(ioas_lock(ioas));
	mutex_lock(&ioas->tree_lock);
	xa_erase(&ioas->users, user->id);
	WARN_ON(update_alignment(ioas));
	mutex_unlock(&ioas->tree_lock);
	up_write(ioas_lock(ioas));
}
