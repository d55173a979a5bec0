/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * I/O address spaces: their structures.
 */
#ifndef IOMMUFD_SPACE_H
#define IOMMUFD_SPACE_H

#include <linux/mutex.h>
#include <linux/rwsem.h>

#include "context/object.h"
#include "space/area.h"
#include "space/paging.h"

struct device;
struct iova_range;

/**
 * struct stock - free structures for mappings
 * @areas: free areas, linked by area->chain
 * @nr: how many there are
 */
struct stock {
	struct area *areas;
	unsigned int nr;
};

/**
 * struct ioas - one I/O address space, kernel-managed
 * @obj: in the ID table
 * @ctx: the context that owns it
 * @link: in the context's list of IOASes
 * @dying: it is being taken apart: only readers from outside may still see it
 * @gone: nor may they; under ctx->look_lock
 * @parent: the IOAS that this one is nested in, referenced, or NULL
 * @root: the outermost one of the family, or the IOAS itself
 * @depth: how many IOASes are above it
 * @children: the IOASes that are nested in this one, by @sibling
 * @sibling: in the parent's @children
 * @sources: of a child: its areas by the IOVA in the parent that they come from
 * @keeps_sources: @sources is in use; set with the lock held for writing
 * @nr_below: of the outermost one: how many IOASes are below it; with the lock held for
 *	writing
 * @given_up: of the outermost one: how many unmaps have, see ioas_closing()
 * @from: of a child: the area of the parent that it was last made of, or NULL
 * @from_erased: how many areas had gone from the parent by then: if more have, @from may
 *	be one of them
 * @needs: how many page tables there are, plus attaches that are about to make one:
 *	while it is not 0, what is mapped is pinned. Changed with the lock held for
 *	writing
 * @nested_needs: of the outermost one: the sum of @needs of all below it, plus those that
 *	still have something in use, see iommufd_ioas_settle()
 * @attach_lock: serialises the choice of a page table for a device
 * @lock: see the head of ioas.c, like the rest of the locking
 * @tables: struct ioas_table, the page tables that translate all areas, or are to
 * @tree_lock: see the head of ioas.c
 * @areas: the mapped ranges
 * @stock: for the next ones, see stock.c
 * @reserved: ranges that a device or a page table cannot translate; their owners are
 *	struct reserver, or NULL
 * @allowed: ranges that the user wants to stay usable
 * @alignment: of IOVA and length of every new area, in bytes
 * @aligned: what every area is known to be aligned to
 * @users: struct ioas_user, by ID: the in-kernel users
 * @workers: struct ioas_worker; under @tree_lock
 * @finished: counts workers that have finished
 * @quiet: woken by these
 * @small_pages: the option HUGE_PAGES is off
 * @page_tables: those that translate it, the user's below them included
 * @attached: devices and PASIDs that are attached to these
 * @flushes: IOTLB flushes for unmapping
 * @faults: DMA faults that IOMMU drivers have reported
 * @patchy: an IOMMU driver has failed to unmap something, so there may be page tables that
 *	lack what they cover; until there are none. What is there has to be asked before it
 *	is unmapped; set with the lock held
 * @coherency: enum ioasid_coherency_policy; changed with the attach lock held, while
 *	there are no page tables
 * @dirty_log: the legacy container has started to log dirty pages
 */
struct ioas {
	struct object obj;
	struct iommufd_ctx *ctx;
	struct list_head link;
	struct ioas *parent;
	struct ioas *root;
	unsigned int depth;
	struct list_head children;
	struct list_head sibling;
	struct rb_root_cached sources;
	bool keeps_sources;
	unsigned int nr_below;
	atomic_t given_up;
	struct area *from;
	unsigned long from_erased;
	unsigned int needs;
	unsigned int nested_needs;
	struct mutex attach_lock;
	struct rw_semaphore lock;
	struct list_head tables;
	struct mutex tree_lock;
	struct area_tree areas;
	struct stock stock;
	struct rb_root_cached reserved;
	struct rb_root_cached allowed;
	unsigned long alignment;
	unsigned long aligned;
	struct xarray users;
	struct list_head workers;
	unsigned int finished;
	wait_queue_head_t quiet;
	atomic_t page_tables;
	atomic_t attached;
	atomic_long_t flushes;
	atomic_long_t faults;
	bool small_pages;
	bool patchy;
	bool dirty_log;
	bool dying;
	bool gone;
	u32 coherency;
};

/**
 * struct reserver - whose restriction a reserved range is
 * @dev: the device that cannot translate it, or NULL: its IOMMU cannot
 * @ranges: all that it has in an IOAS, since a device may be attached to one by thousands
 *	of PASIDs, with as many ranges; under the tree lock
 */
struct reserver {
	struct device *dev;
	struct iova_range *ranges;
};

/**
 * struct ioas_table - one page table of an IOAS
 * @link: in ioas.tables
 * @paging: the IOMMU domain
 * @reserver: owns the ranges that its IOMMU cannot translate
 * @first: the first IOVA of what it translates; changed, like @last, with the lock held
 *	for writing
 * @last: the last one, inclusive. While it is being filled or drained that is a part of
 *	the IOVAs: see border.c; before that, and afterwards, none, see span.h
 * @listed: it is in the list, and so has to be removed
 */
struct ioas_table {
	struct list_head link;
	struct paging paging;
	struct reserver reserver;
	unsigned long first;
	unsigned long last;
	bool listed;
};

/**
 * struct ioas_user - one in-kernel user of an IOAS
 * @obj: the object of the user; referenced while it is called
 * @alignment: the alignment that it asks for
 * @id: in ioas.users
 * @unmap: a range that the user has pinned pages of is about to go: it has to
 *	unpin them before it returns. May be NULL. Called without locks.
 */
struct ioas_user {
	struct object *obj;
	unsigned long alignment;
	u32 id;
	void (*unmap)(struct ioas_user *user, unsigned long iova,
		      unsigned long length);
};

/**
 * struct ioas_worker - an in-kernel user in the middle of pinning, reading or writing
 * @link: in ioas.workers
 * @area: what it works on, which has a pin for it
 */
struct ioas_worker {
	struct list_head link;
	const struct area *area;
};

/* A reader of @patchy has got what is stuck from who has set it, or holds the same lock. */
static inline void ioas_set_patchy(struct ioas *ioas)
{
	WRITE_ONCE(ioas->patchy, true);
}

/* One for the whole family, so that a parent can take mappings from its children. */
static inline struct rw_semaphore *ioas_lock(struct ioas *ioas)
{
	return &ioas->root->lock;
}

/*
 * What areas are marked with that an unmap has closed for new pins: not 0, and another one
 * after an unmap of the family has given up. So it opens all that it has closed, in
 * whichever IOAS; what others have closed, too, they will close again when they look.
 */
static inline unsigned int ioas_closing(const struct ioas *ioas)
{
	return (unsigned int)atomic_read(&ioas->root->given_up) << 1 | 1;
}

static inline struct ioas *ioas_of(struct object *obj)
{
	return container_of(obj, struct ioas, obj);
}

static inline struct ioas *ioas_get(struct iommufd_ctx *ctx, u32 id)
{
	struct object *obj = object_get_inline(ctx, id, OBJECT_IOAS);

	return obj ? ioas_of(obj) : NULL;
}

static inline void ioas_put(struct iommufd_ctx *ctx, struct ioas *ioas)
{
	object_put(ctx, &ioas->obj);
}

/* Children come and go with the lock held for writing. */
static inline bool ioas_has_children(struct ioas *ioas)
{
	return !list_empty_careful(&ioas->children);
}

#endif
