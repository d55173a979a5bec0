// SPDX-License-Identifier: GPL-2.0-only
/*
 * The page tables and in-kernel users of an I/O address space, and what they ask of it.
 * How page tables get their contents is in border.c, and the memory in hold.c.
 */
#include <linux/iommu.h>

#include "context/reason.h"
#include "space/ask.h"
#include "space/border.h"
#include "space/hold.h"
#include "space/load.h"
#include "space/ranges.h"
#include "space/span.h"
#include "space/table.h"

/* Mappings that are looked at before others get the tree. */
#define LOOK_PORTION	1024

/*
 * What is asked of the IOAS ---------------------------------------------------
 */

static unsigned long smallest_page(const struct ioas_table *table)
{
	return 1UL << __ffs(table->paging.domain->pgsize_bitmap);
}

/* The alignment that page tables, users and options ask for together. */
static unsigned long wanted_alignment(struct ioas *ioas)
{
	unsigned long alignment = ioas->small_pages ? PAGE_SIZE : 1;
	const struct ioas_table *table;
	struct ioas_user *user;
	unsigned long index;

	list_for_each_entry(table, &ioas->tables, link)
		alignment = max(alignment, smallest_page(table));
	xa_for_each(&ioas->users, index, user)
		alignment = max(alignment, user->alignment);
	return alignment;
}

/*
 * After page tables, users or options have changed: new mappings follow that from now on.
 * If they ask for more, check_alignment() comes next, without the locks.
 */
static void update_alignment(struct ioas *ioas)
{
	lockdep_assert_held_write(ioas_lock(ioas));
	lockdep_assert_held(&ioas->tree_lock);
	ioas->alignment = wanted_alignment(ioas);
	ioas->aligned = min(ioas->aligned, ioas->alignment);
}

/*
 * Do the next @portion mappings fit @alignment, from *@from on, which moves? *@end: these
 * were all.
 */
static int check_some(struct ioas *ioas, unsigned long alignment,
		      unsigned long *from, unsigned long portion, bool *end)
{
	const struct area *area =
		iommufd_area_first(&ioas->areas, *from, ULONG_MAX);
	unsigned long n;

	lockdep_assert_held(&ioas->tree_lock);
	for (n = 0; area && n < portion; n++) {
		if ((area->iova | area_length(area) |
		     offset_in_page(area->offset)) & (alignment - 1))
			return iommufd_reason_note(ioas->ctx, -EADDRINUSE,
						   "the mapping %#lx-%#lx of IOAS %u, or its memory, is not aligned to %#lx bytes",
						   area->iova, area->last,
						   ioas->obj.id, alignment);
		*from = area->last + 1;
		area = area_next(area, ULONG_MAX);
	}
	*end = !area;
	return 0;
}

/*
 * Does everything that is mapped fit the alignment that somebody asks for? He has called
 * update_alignment(), so whatever comes meanwhile does.
 */
static int check_alignment(struct ioas *ioas, unsigned long alignment)
{
	unsigned long from = 0, round = 0;
	bool end;
	int rc;

	do {
		mutex_lock(&ioas->tree_lock);
		end = alignment <= ioas->aligned;
		rc = end ? 0 :
			   check_some(ioas, alignment, &from,
				      portion_of(LOOK_PORTION, round++), &end);
		if (!rc && end)
			ioas->aligned = max(ioas->aligned, alignment);
		mutex_unlock(&ioas->tree_lock);
		cond_resched();
	} while (!rc && !end);
	return rc;
}

/* With the tree lock held. */
static int reserve_locked(struct ioas *ioas, unsigned long start,
			  unsigned long last, struct reserver *owner)
{
	const struct area *area;
	struct iova_range *range;

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
	range = iommufd_ranges_insert(&ioas->reserved, start, last, owner);
	if (!range)
		return -ENOMEM;
	if (owner) {
		range->next = owner->ranges;
		owner->ranges = range;
	}
	return 0;
}

static void unreserve_locked(struct ioas *ioas, struct reserver *owner)
{
	struct iova_range *range;

	lockdep_assert_held(&ioas->tree_lock);
	while ((range = owner->ranges)) {
		owner->ranges = range->next;
		iommufd_ranges_remove(&ioas->reserved, range);
	}
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
			 unsigned long last, struct reserver *owner)
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
void iommufd_ioas_unreserve(struct ioas *ioas, struct reserver *owner)
{
	mutex_lock(&ioas->tree_lock);
	unreserve_locked(ioas, owner);
	mutex_unlock(&ioas->tree_lock);
}

static int change_small_pages(struct ioas *ioas, bool on, bool *was)
{
	int rc = 0;

	down_write(ioas_lock(ioas));
	mutex_lock(&ioas->tree_lock);
	*was = ioas->small_pages;
	if (on && !*was && !list_empty(&ioas->tables) &&
	    !RB_EMPTY_ROOT(&ioas->areas.root))
		rc = iommufd_reason_note(ioas->ctx, -EINVAL,
					 "page tables of IOAS %u have something mapped, which may be by large pages",
					 ioas->obj.id);
	else
		ioas->small_pages = on;
	update_alignment(ioas);
	mutex_unlock(&ioas->tree_lock);
	up_write(ioas_lock(ioas));
	return rc;
}

/**
 * iommufd_ioas_set_small_pages - the option HUGE_PAGES, the other way round
 * @ioas: the IOAS
 * @on: map everything by pages of PAGE_SIZE
 *
 * Return: 0, -EINVAL if page tables have something mapped already, -EADDRINUSE
 * if something mapped is not aligned to pages, -EINTR.
 */
int iommufd_ioas_set_small_pages(struct ioas *ioas, bool on)
{
	bool was;
	int rc;

	/* One at a time, and no page table comes in between. */
	rc = mutex_lock_killable(&ioas->attach_lock);
	if (rc)
		return rc;
	rc = change_small_pages(ioas, on, &was);
	if (!rc && on)
		rc = check_alignment(ioas, PAGE_SIZE);
	if (rc == -EADDRINUSE)
		change_small_pages(ioas, was, &was);
	mutex_unlock(&ioas->attach_lock);
	return rc;
}

/*
 * The page tables -------------------------------------------------------------
 */

static int reserve_outside(struct ioas *ioas, struct ioas_table *table)
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

/* Fit the IOAS to a page table. *@iova is set to where the driver can be tried. */
static int fit_table(struct ioas *ioas, struct ioas_table *table,
		     unsigned long *iova)
{
	int rc = -EINVAL;

	lockdep_assert_held(&ioas->tree_lock);
	if (smallest_page(table) <= PAGE_SIZE)
		rc = reserve_outside(ioas, table);
	return rc ?: find_place(ioas, iova);
}

/* With nothing in it, for what is mapped from now on neither. */
static int list_table(struct ioas *ioas, struct ioas_table *table,
		      unsigned long *iova)
{
	int rc;

	down_write(ioas_lock(ioas));
	WARN_ON(!ioas->needs);
	mutex_lock(&ioas->tree_lock);
	table_cover_none(table);
	list_add_tail(&table->link, &ioas->tables);
	table->listed = true;
	rc = fit_table(ioas, table, iova);
	if (!rc)
		update_alignment(ioas);
	mutex_unlock(&ioas->tree_lock);
	iommufd_ioas_need(ioas);
	up_write(ioas_lock(ioas));
	return rc;
}

static void forget_table(struct ioas *ioas, struct ioas_table *table)
{
	down_write(ioas_lock(ioas));
	mutex_lock(&ioas->tree_lock);
	list_del(&table->link);
	table->listed = false;
	if (list_empty(&ioas->tables))
		ioas->patchy = false;
	unreserve_locked(ioas, &table->reserver);
	update_alignment(ioas);
	mutex_unlock(&ioas->tree_lock);
	iommufd_ioas_unneed(ioas);
	up_write(ioas_lock(ioas));
	iommufd_ioas_settle(ioas);
}

/* Find out what the driver of a page table can do, with nothing in it. */
static int ask(struct ioas *ioas, struct ioas_table *table, unsigned long iova)
{
	int rc = iommufd_paging_ask(&table->paging, iova);

	if (rc == -EIO)
		return iommufd_reason_note(ioas->ctx, rc,
					   "the IOMMU driver does not unmap what it has mapped");
	return rc;
}

/**
 * iommufd_ioas_add_table - translate everything in an IOAS by one more page table
 * @ioas: the IOAS, held by iommufd_ioas_hold(): its memory is pinned. Its attach lock is
 *	held, but it is not locked: others map and unmap meanwhile
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
	unsigned long iova;
	int rc;

	rc = list_table(ioas, table, &iova) ?: ask(ioas, table, iova) ?:
	     check_alignment(ioas, smallest_page(table)) ?:
	     iommufd_border_fill(ioas, table);
	/* If it covers everything it is not known what the driver has left in it. */
	if (rc && !table_covers_all(table) &&
	    iommufd_border_drain(ioas, table, true))
		forget_table(ioas, table);
	return rc;
}

/**
 * iommufd_ioas_remove_table - the opposite of iommufd_ioas_add_table()
 * @ioas: the IOAS, with its attach lock held; not locked
 * @table: one of its page tables, which no device uses any more
 *
 * Unpins all memory if nobody else needs it. The domain is about to be freed, and no device
 * is attached to it: none reaches what its driver fails to unmap.
 */
void iommufd_ioas_remove_table(struct ioas *ioas, struct ioas_table *table)
{
	iommufd_border_drain(ioas, table, false);
	forget_table(ioas, table);
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
	update_alignment(ioas);
	mutex_unlock(&ioas->tree_lock);
	up_write(ioas_lock(ioas));
	if (rc)
		return rc;
	rc = check_alignment(ioas, user->alignment);
	if (rc)
		iommufd_ioas_remove_user(ioas, user);
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
	update_alignment(ioas);
	mutex_unlock(&ioas->tree_lock);
	up_write(ioas_lock(ioas));
}
