// SPDX-License-Identifier: GPL-2.0-only
/*
 * I/O address spaces: how they come and go. Page tables and in-kernel users are
 * in table.c, mappings in map.c and unmap.c.
 *
 * Locking
 * -------
 *
 * Nothing is pinned with any of these held, see hold.c: a user can keep
 * get_user_pages() waiting for ever.
 *
 * Two locks per IOAS, so that commands on different ranges run in parallel:
 *
 * ioas->lock		(rwsem) which page tables there are. Held for reading
 *			by everything that fills or drains areas, and that
 *			refers to the memory of areas of others. Held for
 *			writing to add or remove a page table, to fill or drain a
 *			portion of the areas in it (border.c), to revoke or
 *			recharge areas, and to unmap from an IOAS that others
 *			are nested in. Areas that
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
 *	dma_resv			of a dma-buf
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
#include "space/ioas.h"
#include "space/nested.h"
#include "space/ranges.h"
#include "space/space.h"
#include "space/stock.h"
#include "space/unmap.h"

static void ioas_leave_family(struct ioas *ioas)
{
	if (!ioas->parent)
		return;
	down_write(ioas_lock(ioas));
	list_del(&ioas->sibling);
	ioas->root->nr_below--;
	up_write(ioas_lock(ioas));
	ioas_put(ioas->parent->ctx, ioas->parent);
}

static void ioas_destroy(struct iommufd_ctx *ctx, struct object *obj)
{
	struct ioas *ioas = ioas_of(obj);

	ioas->dying = true;
	WARN_ON(iommufd_ioas_unmap_all(ioas, NULL));
	mutex_lock(&ctx->ioas_lock);
	list_del(&ioas->link);
	mutex_unlock(&ctx->ioas_lock);
	/* A reader from outside may be looking at it. */
	mutex_lock(&ctx->look_lock);
	ioas->gone = true;
	mutex_unlock(&ctx->look_lock);
	ioas_leave_family(ioas);
	cmpxchg(&ctx->container.ioas_id, obj->id, 0);

	iommufd_ranges_clear(&ioas->allowed);
	iommufd_ranges_drop(&ioas->reserved, NULL); /* of tests, see test.c */
	WARN_ON(!RB_EMPTY_ROOT(&ioas->reserved.rb_root));
	WARN_ON(!RB_EMPTY_ROOT(&ioas->sources.rb_root));
	WARN_ON(!list_empty(&ioas->tables));
	WARN_ON(!list_empty(&ioas->children));
	WARN_ON(!xa_empty(&ioas->users));
	xa_destroy(&ioas->users);
	iommufd_stock_trim(ioas, 0);
	mutex_destroy(&ioas->tree_lock);
	mutex_destroy(&ioas->attach_lock);
}

static const struct object_kind ioas_kind = {
	.type = OBJECT_IOAS,
	.name = "IOAS",
	.destroy = ioas_destroy,
};

/* Unmapping looks at every IOAS below, while others wait: they cannot be any number. */
static int ioas_join_family(struct ioas *ioas, struct ioas *parent)
{
	unsigned int nr;

	ioas->root = ioas;
	if (!parent)
		return 0;
	if (parent->depth >= NESTED_DEPTH_MAX)
		return iommufd_reason_note(parent->ctx, -EOVERFLOW,
					   "IOAS %u is nested %u deep already, which is the most there can be",
					   parent->obj.id, NESTED_DEPTH_MAX);
	ioas->root = parent->root;
	ioas->depth = parent->depth + 1;
	ioas->coherency = READ_ONCE(parent->coherency);
	down_write(ioas_lock(ioas));
	nr = ioas->root->nr_below;
	if (nr < NESTED_FAMILY_MAX) {
		ioas->root->nr_below++;
		list_add_tail(&ioas->sibling, &parent->children);
		ioas->parent = parent;
		object_hold(&parent->obj);
	}
	up_write(ioas_lock(ioas));
	if (ioas->parent)
		return 0;
	return iommufd_reason_note(parent->ctx, -EOVERFLOW,
				   "%u IOASes are nested in IOAS %u already, which is the most there can be",
				   nr, ioas->root->obj.id);
}

static struct ioas *ioas_new(struct iommufd_ctx *ctx)
{
	struct ioas *ioas = kzalloc(sizeof(*ioas), GFP_KERNEL_ACCOUNT);

	if (!ioas)
		return NULL;
	ioas->ctx = ctx;
	mutex_init(&ioas->attach_lock);
	init_rwsem(&ioas->lock);
	mutex_init(&ioas->tree_lock);
	INIT_LIST_HEAD(&ioas->children);
	INIT_LIST_HEAD(&ioas->tables);
	ioas->sources = RB_ROOT_CACHED;
	ioas->areas.root = RB_ROOT;
	ioas->reserved = RB_ROOT_CACHED;
	ioas->allowed = RB_ROOT_CACHED;
	xa_init_flags(&ioas->users, XA_FLAGS_ALLOC | XA_FLAGS_ACCOUNT);
	INIT_LIST_HEAD(&ioas->workers);
	init_waitqueue_head(&ioas->quiet);
	/* Only software uses it so far: any alignment will do. */
	ioas->alignment = 1;
	ioas->aligned = 1;
	return ioas;
}

static void ioas_free(struct ioas *ioas)
{
	mutex_destroy(&ioas->tree_lock);
	mutex_destroy(&ioas->attach_lock);
	kfree(ioas);
}

/**
 * iommufd_ioas_alloc - a new, empty IOAS
 * @ctx: the context that owns it
 * @parent: the IOAS to nest it in, on which the caller has a reference, or NULL
 *
 * Return: an IOAS that has an ID but has not been published; or an ERR_PTR: -ENOMEM, -EBUSY
 * (no ID left); with a reason -EOVERFLOW: no more can be nested there.
 */
struct ioas *iommufd_ioas_alloc(struct iommufd_ctx *ctx, struct ioas *parent)
{
	struct ioas *ioas = ioas_new(ctx);
	int rc;

	if (!ioas)
		return ERR_PTR(-ENOMEM);
	rc = ioas_join_family(ioas, parent);
	if (rc)
		goto err_free;
	rc = iommufd_object_init(ctx, &ioas->obj, &ioas_kind);
	if (rc)
		goto err_leave;
	mutex_lock(&ctx->ioas_lock);
	list_add_tail(&ioas->link, &ctx->ioases);
	mutex_unlock(&ctx->ioas_lock);
	return ioas;

err_leave:
	ioas_leave_family(ioas);
err_free:
	ioas_free(ioas);
	return ERR_PTR(rc);
}
