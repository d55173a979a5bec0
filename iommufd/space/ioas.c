// SPDX-License-Identifier: GPL-2.0-only
/*
 * I/O address spaces: their life, their page tables, the IOVAs they can use.
 * What is mapped in them is the business of ioas_map.c and ioas_unmap.c.
 *
 * Locking
 * -------
 *
 * Nothing is pinned with any of these held, see ioas_table.c: a user can keep
 * get_user_pages() waiting for ever.
 *
 * Two locks per IOAS, so that commands on different ranges run in parallel:
 *
 * ioas->lock		(rwsem) which page tables there are. Held for reading
 *			by everything that fills or drains areas, and that
 *			refers to the memory of areas of others. Held for
 *			writing to add or remove a page table, which fills or
 *			drains all areas, and to revoke or recharge areas, and to
 *			unmap from an IOAS that others are nested in. Areas that
 *			are AREA_READY then stay so, and stay. A family of nested
 *			IOASes uses that of the outermost one: always take it as
 *			ioas_lock(ioas).
 * ioas->tree_lock	(mutex) the tree of areas, the reserved and allowed
 *			ranges, the alignment, the counts of pinned pages,
 *			the stock of free structures.
 *			Held for the time of a look-up or an insertion, never
 *			while a page table is changed: an area that is being
 *			worked on is AREA_BUSY meanwhile and keeps its range.
 *			New areas come with this lock alone, but go, if they cannot
 *			be mapped, with ioas->lock, too.
 *
 * The order, outermost first:
 *
 *	ctx->file_lock			the accounts of files' memory
 *	mmap_lock			of the process that mapped it; not with what
 *					follows, where it is only tried
 *	i_rwsem				of a hugetlbfs file; likewise
 *	group->lock			attach and detach
 *	ioas->attach_lock		the choice of a page table for a device
 *	ctx->ioas_lock			the list of all IOASes
 *	ioas->lock			of one IOAS, or of all, under ioas_lock
 *	ctx->look_lock			who looks from outside
 *	ioas->tree_lock
 *	pinned->lock			the memory of one mapping
 *	ctx->bar_lock, ctx->group_lock, ctx->account_lock, ctx->reason_lock
 *					leaves
 *
 * access->lock of an in-kernel user is outside of all of them. In-kernel users are
 * called back without any. The table in internals.rst says who waits for what.
 *
 * Unmapping everything, and so the destruction of an IOAS, allocates nothing.
 */
#include <linux/iommu.h>
#include <linux/slab.h>
#include <uapi/linux/iommufd.h>

#include "context/reason.h"
#include "space/area.h"
#include "space/nested.h"
#include "space/paging.h"
#include "space/ranges.h"
#include "space/space.h"
#include "space/stock.h"

static void ioas_leave_family(struct ioas *ioas)
{
	if (!ioas->parent)
		return;
	down_write(ioas_lock(ioas));
	list_del(&ioas->sibling);
	up_write(ioas_lock(ioas));
	ioas_put(ioas->ctx, ioas->parent);
}

static void ioas_destroy(struct iommufd_ctx *ctx, struct object *obj)
{
	struct ioas *ioas = ioas_of(obj);

	ioas->dying = true;
	WARN_ON(ioas_unmap_all(ioas, NULL));
	mutex_lock(&ctx->ioas_lock);
	list_del(&ioas->link);
	mutex_unlock(&ctx->ioas_lock);
	/* Who looks from outside may be looking at this one. */
	mutex_lock(&ctx->look_lock);
	ioas->gone = true;
	mutex_unlock(&ctx->look_lock);
	ioas_leave_family(ioas);
	cmpxchg(&ctx->container.ioas_id, obj->id, 0);

	ranges_clear(&ioas->allowed);
	ranges_drop(&ioas->reserved, ioas);	/* of tests, see test.c */
	WARN_ON(!RB_EMPTY_ROOT(&ioas->reserved.rb_root));
	WARN_ON(!RB_EMPTY_ROOT(&ioas->sources.rb_root));
	WARN_ON(!list_empty(&ioas->tables));
	WARN_ON(!list_empty(&ioas->children));
	WARN_ON(!xa_empty(&ioas->users));
	xa_destroy(&ioas->users);
	stock_trim(ioas, 0);
	mutex_destroy(&ioas->tree_lock);
	mutex_destroy(&ioas->attach_lock);
}

static const struct object_kind ioas_kind = {
	.type = OBJECT_IOAS,
	.name = "IOAS",
	.destroy = ioas_destroy,
};

static void ioas_join_family(struct ioas *ioas, struct ioas *parent)
{
	INIT_LIST_HEAD(&ioas->children);
	ioas->sources = RB_ROOT_CACHED;
	ioas->root = ioas;
	if (!parent)
		return;
	object_hold(&parent->obj);
	ioas->parent = parent;
	ioas->root = parent->root;
	ioas->depth = parent->depth + 1;
	ioas->coherency = READ_ONCE(parent->coherency);
	down_write(ioas_lock(ioas));
	list_add_tail(&ioas->sibling, &parent->children);
	up_write(ioas_lock(ioas));
}

/**
 * ioas_alloc - a new, empty IOAS
 * @ctx: the context that owns it
 * @parent: the IOAS to nest it in, on which the caller has a reference, or NULL
 *
 * Return: an IOAS that has an ID but has not been published, or NULL.
 */
struct ioas *ioas_alloc(struct iommufd_ctx *ctx, struct ioas *parent)
{
	struct ioas *ioas = kzalloc(sizeof(*ioas), GFP_KERNEL_ACCOUNT);

	if (!ioas)
		return NULL;
	if (object_init(ctx, &ioas->obj, &ioas_kind)) {
		kfree(ioas);
		return NULL;
	}
	ioas->ctx = ctx;
	mutex_init(&ioas->attach_lock);
	init_rwsem(&ioas->lock);
	mutex_init(&ioas->tree_lock);
	INIT_LIST_HEAD(&ioas->tables);
	ioas->areas.root = RB_ROOT;
	ioas->reserved = RB_ROOT_CACHED;
	ioas->allowed = RB_ROOT_CACHED;
	xa_init_flags(&ioas->users, XA_FLAGS_ALLOC | XA_FLAGS_ACCOUNT);
	INIT_LIST_HEAD(&ioas->workers);
	init_waitqueue_head(&ioas->quiet);
	/* Nothing but software uses it yet: any byte will do. */
	ioas->alignment = 1;
	ioas_join_family(ioas, parent);

	mutex_lock(&ctx->ioas_lock);
	list_add_tail(&ioas->link, &ctx->ioases);
	mutex_unlock(&ctx->ioas_lock);
	return ioas;
}

/* Does everything that is mapped fit a coarser alignment? */
static int check_alignment(struct ioas *ioas, unsigned long alignment)
{
	const struct area *area = area_first(&ioas->areas, 0, ULONG_MAX);

	for (; area; area = area_next(area, ULONG_MAX)) {
		if ((area->iova | area_length(area) |
		     offset_in_page(area->offset)) & (alignment - 1))
			return reason_note(ioas->ctx, -EADDRINUSE,
					   "the mapping %#lx-%#lx of IOAS %u, or its memory, is not aligned to %#lx bytes",
					   area->iova, area->last,
					   ioas->obj.id, alignment);
		cond_resched();
	}
	return 0;
}

/* What the page tables, the users and the options ask for together. */
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

/**
 * ioas_update_alignment - when page tables, users or options have changed
 * @ioas: the IOAS, with its lock held for writing and its tree lock
 *
 * Return: 0, -EADDRINUSE if something mapped does not fit.
 */
int ioas_update_alignment(struct ioas *ioas)
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

/**
 * ioas_reserve_locked - ioas_reserve() with the tree lock held
 * @ioas: see there, as for the rest
 * @start: .
 * @last: .
 * @owner: .
 */
int ioas_reserve_locked(struct ioas *ioas, unsigned long start,
			unsigned long last, const void *owner)
{
	const struct area *area;

	lockdep_assert_held(&ioas->tree_lock);
	area = area_first(&ioas->areas, start, last);
	if (area)
		return reason_note(ioas->ctx, -EADDRINUSE,
				   "the mapping at IOVA %#lx of IOAS %u is where the device or its IOMMU cannot translate, %#lx-%#lx",
				   area->iova, ioas->obj.id, start, last);
	if (ranges_hit(&ioas->allowed, start, last))
		return reason_note(ioas->ctx, -EADDRINUSE,
				   "the ranges allowed in IOAS %u have a part where the device or its IOMMU cannot translate, %#lx-%#lx",
				   ioas->obj.id, start, last);
	return ranges_add(&ioas->reserved, start, last, owner);
}

/**
 * ioas_reserve - keep a range from being mapped
 * @ioas: the IOAS
 * @start: first IOVA
 * @last: last IOVA, inclusive
 * @owner: whose restriction it is
 *
 * Return: 0, -EADDRINUSE if something is mapped there or the user has asked for
 * it to stay usable, -ENOMEM.
 */
int ioas_reserve(struct ioas *ioas, unsigned long start, unsigned long last,
		 const void *owner)
{
	int rc;

	mutex_lock(&ioas->tree_lock);
	rc = ioas_reserve_locked(ioas, start, last, owner);
	mutex_unlock(&ioas->tree_lock);
	return rc;
}

/**
 * ioas_unreserve - end all restrictions of one owner
 * @ioas: the IOAS
 * @owner: whose
 */
void ioas_unreserve(struct ioas *ioas, const void *owner)
{
	mutex_lock(&ioas->tree_lock);
	ranges_drop(&ioas->reserved, owner);
	mutex_unlock(&ioas->tree_lock);
}

/**
 * ioas_add_user - let an in-kernel user work with an IOAS
 * @ioas: the IOAS, on which the user holds a reference
 * @user: with obj, alignment and unmap set
 *
 * Return: 0, -EADDRINUSE if something mapped is not aligned, -ENOMEM.
 */
int ioas_add_user(struct ioas *ioas, struct ioas_user *user)
{
	int rc;

	down_write(ioas_lock(ioas));
	mutex_lock(&ioas->tree_lock);
	rc = xa_alloc(&ioas->users, &user->id, user, xa_limit_16b,
		      GFP_KERNEL_ACCOUNT);
	if (!rc) {
		rc = ioas_update_alignment(ioas);
		if (rc)
			xa_erase(&ioas->users, user->id);
	}
	mutex_unlock(&ioas->tree_lock);
	up_write(ioas_lock(ioas));
	return rc;
}

/**
 * ioas_remove_user - the opposite of ioas_add_user()
 * @ioas: the IOAS
 * @user: a user that has nothing pinned in it
 */
void ioas_remove_user(struct ioas *ioas, struct ioas_user *user)
{
	down_write(ioas_lock(ioas));
	mutex_lock(&ioas->tree_lock);
	xa_erase(&ioas->users, user->id);
	WARN_ON(ioas_update_alignment(ioas));
	mutex_unlock(&ioas->tree_lock);
	up_write(ioas_lock(ioas));
}

/**
 * ioas_set_small_pages - the option HUGE_PAGES, the other way round
 * @ioas: the IOAS
 * @on: map everything by pages of PAGE_SIZE
 *
 * Return: 0, -EINVAL if page tables have something mapped already, -EADDRINUSE
 * if something mapped is not aligned to pages.
 */
int ioas_set_small_pages(struct ioas *ioas, bool on)
{
	bool was;
	int rc;

	down_write(ioas_lock(ioas));
	mutex_lock(&ioas->tree_lock);
	was = ioas->small_pages;
	if (on && !was && !list_empty(&ioas->tables) &&
	    !RB_EMPTY_ROOT(&ioas->areas.root)) {
		rc = reason_note(ioas->ctx, -EINVAL,
				 "page tables of IOAS %u have something mapped, which may be by large pages",
				 ioas->obj.id);
	} else {
		ioas->small_pages = on;
		rc = ioas_update_alignment(ioas);
		if (rc)
			ioas->small_pages = was;
	}
	mutex_unlock(&ioas->tree_lock);
	up_write(ioas_lock(ioas));
	return rc;
}
