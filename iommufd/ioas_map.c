// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is mapped in an I/O address space: map, unmap, cut, revoke.
 *
 * Life of a mapping: its range is taken in the tree first (AREA_BUSY), without
 * which two maps of the same range could both go on; then the memory is pinned
 * and the page tables are filled, with no lock that another range needs; then it
 * is AREA_READY. Unmapping goes the same way back: AREA_BUSY, drain, flush,
 * unpin, and only then is the range free for somebody else. An IOAS without page
 * tables skips what is between: nothing is pinned before a device needs it.
 */
#include <linux/iommu.h>
#include <linux/log2.h>
#include <linux/overflow.h>
#include <uapi/linux/iommufd.h>

#include "area.h"
#include "ioas.h"
#include "paging.h"
#include "pin.h"
#include "ranges.h"

/* Areas that are drained with one flush, before others get a turn. */
#define UNMAP_BATCH	512
/* In-kernel users that do not let go after so many requests never will. */
#define UNMAP_TRIES	100

static int area_fill(const struct ioas *ioas, const struct area *area,
		     struct iommu_domain *domain)
{
	const struct paging_range range = {
		.runs = &area->pinned->runs,
		.offset = area->offset,
		.iova = area->iova,
		.length = area_length(area),
		/* A BAR is not memory. */
		.prot = pinned_is_bar(area->pinned) ?
			(area->prot & ~IOMMU_CACHE) | IOMMU_MMIO : area->prot,
		.small = ioas->small_pages,
	};

	return paging_fill(domain, &range);
}

static void area_unuse(struct area *area)
{
	area->in_use = false;
	pinned_unuse(area->pinned);
}

/* Take chained areas out of all page tables, with one flush for each table. */
static void drain_chain(struct ioas *ioas, struct area *chain)
{
	struct ioas_table *table;
	struct paging_drain drain;
	struct area *area;

	list_for_each_entry(table, &ioas->tables, link) {
		paging_drain_begin(&drain, table->domain);
		for (area = chain; area; area = area->chain)
			if (area->in_use)
				paging_drain(&drain, area->iova,
					     area_length(area));
		paging_drain_end(&drain);
	}
	for (area = chain; area; area = area->chain)
		if (area->in_use)
			area_unuse(area);
}

/* Pin the memory of a new area and fill all page tables with it. */
static int area_load(struct ioas *ioas, struct area *area)
{
	struct ioas_table *table, *undo;
	struct paging_drain drain;
	int rc;

	if (list_empty(&ioas->tables))
		return 0;
	rc = pinned_use(area->pinned);
	if (rc)
		return rc == -ENXIO ? -EFAULT : rc;
	area->in_use = true;
	list_for_each_entry(table, &ioas->tables, link) {
		rc = area_fill(ioas, area, table->domain);
		if (rc)
			goto err_drain;
	}
	return 0;

err_drain:
	list_for_each_entry(undo, &ioas->tables, link) {
		if (undo == table)
			break;
		paging_drain_begin(&drain, undo->domain);
		paging_drain(&drain, area->iova, area_length(area));
		paging_drain_end(&drain);
	}
	area_unuse(area);
	return rc;
}

/*
 * The next stretch that the user allows, at or behind *@from, which moves on.
 * Without an allowed list everything is.
 */
static bool next_allowed(struct ioas *ioas, unsigned long *from,
			 unsigned long limit, unsigned long *start,
			 unsigned long *last)
{
	struct iova_range *range;

	if (*from > limit)
		return false;
	*start = *from;
	*last = limit;
	if (!RB_EMPTY_ROOT(&ioas->allowed.rb_root)) {
		range = ranges_first(&ioas->allowed, *from);
		if (!range || range->node.start > limit)
			return false;
		*start = max(*from, range->node.start);
		*last = min(limit, range->node.last);
	}
	*from = *last + 1;
	return true;
}

/*
 * A place for @length bytes. The alignment of the memory is kept, up to that of
 * a huge page, so that large pages of the CPU can be large pages of the IOMMU.
 * IOVA 0 is never chosen: too many devices take it for "none".
 */
static int find_iova(struct ioas *ioas, unsigned long memory,
		     unsigned long length, unsigned long *iova)
{
	const unsigned long limit = ULONG_MAX - PAGE_SIZE;
	unsigned long offset = offset_in_page(memory);
	unsigned long from = PAGE_SIZE;
	unsigned long align, start, last;

	if (length >= ULONG_MAX / 2)
		return -EOVERFLOW;
	align = roundup_pow_of_two(length);
	if (memory)
		align = min(align, 1UL << __ffs(memory));
	align = min(align, (unsigned long)HPAGE_SIZE);
	if (align < ioas->alignment)
		return -EINVAL;
	if (offset)
		align = max(align, PAGE_SIZE);

	while (next_allowed(ioas, &from, limit, &start, &last)) {
		unsigned long hole, end;

		while (start <= last &&
		       ranges_hole(&ioas->reserved, start, last, &hole, &end)) {
			if (!area_find_hole(&ioas->areas, hole, end, length,
					    align, offset, iova))
				return 0;
			start = end + 1;
		}
	}
	return -ENOSPC;
}

static int check_iova(struct ioas *ioas, unsigned long iova,
		      unsigned long length)
{
	unsigned long last;

	if (iova & (ioas->alignment - 1))
		return -EINVAL;
	if (check_add_overflow(iova, length - 1, &last))
		return -EOVERFLOW;
	if (ranges_hit(&ioas->reserved, iova, last))
		return -EINVAL;
	if (area_first(&ioas->areas, iova, last))
		return -EEXIST;
	return 0;
}

/* Choose or check the range of new areas, and take it. */
static int place_areas(struct ioas *ioas, struct area *chain,
		       unsigned long length, u32 flags, unsigned long *iova)
{
	unsigned long at;
	struct area *area;
	int rc;

	lockdep_assert_held(&ioas->tree_lock);
	if (!length || length & (ioas->alignment - 1))
		return -EINVAL;
	if (flags & IOMMU_IOAS_MAP_FIXED_IOVA)
		rc = check_iova(ioas, *iova, length);
	else
		rc = find_iova(ioas, chain->pinned->start + chain->offset,
			       length, iova);
	if (rc)
		return rc;

	for (area = chain; area; area = area->chain) {
		if (area->prot & IOMMU_WRITE && !area->pinned->writable)
			return -EPERM;
		if (offset_in_page(area->offset) & (ioas->alignment - 1))
			return -EINVAL;
	}
	at = *iova;
	for (area = chain; area; area = area->chain) {
		/* area->last has been the length so far. */
		area->iova = at;
		area->last += at - 1;
		at = area->last + 1;
		area_insert(&ioas->areas, area);
	}
	return 0;
}

static void free_chain(struct area *chain)
{
	struct area *next;

	for (; chain; chain = next) {
		struct pinned *pinned = chain->pinned;

		next = chain->chain;
		if (!chain->embedded)
			area_free(chain);
		pinned_put(pinned);
	}
}

static void erase_chain(struct ioas *ioas, struct area *chain)
{
	mutex_lock(&ioas->tree_lock);
	for (; chain; chain = chain->chain)
		area_erase(&ioas->areas, chain);
	mutex_unlock(&ioas->tree_lock);
}

static u8 prot_of(u32 flags)
{
	/* Bind refuses devices whose DMA is not coherent with the CPU. */
	return IOMMU_CACHE |
	       (flags & IOMMU_IOAS_MAP_READABLE ? IOMMU_READ : 0) |
	       (flags & IOMMU_IOAS_MAP_WRITEABLE ? IOMMU_WRITE : 0);
}

/* An area that is not placed yet: area->last is the length. */
static void area_init(struct area *area, const struct ioas_slice *slice, u8 prot)
{
	pinned_get(slice->pinned);
	area->pinned = slice->pinned;
	area->offset = slice->offset;
	area->last = slice->length;
	area->prot = prot;
}

static struct area *chain_slices(const struct ioas_slice *slices,
				 unsigned int nr, u8 prot)
{
	struct area *chain = NULL;

	while (nr--) {
		struct area *area = area_alloc();

		if (!area) {
			free_chain(chain);
			return NULL;
		}
		area_init(area, &slices[nr], prot);
		area->chain = chain;
		chain = area;
	}
	return chain;
}

static int load_chain(struct ioas *ioas, struct area *chain)
{
	struct area *area;
	int rc;

	for (area = chain; area; area = area->chain) {
		rc = area_load(ioas, area);
		if (rc) {
			drain_chain(ioas, chain);
			return rc;
		}
	}
	for (area = chain; area; area = chain) {
		/* The next one is nobody's but ours; this one is not any more. */
		chain = area->chain;
		area_set_ready(area);
	}
	return 0;
}

/* Place, pin and map; on error the areas are gone. */
static int map_chain(struct ioas *ioas, struct area *chain,
		     unsigned long length, u32 flags, unsigned long *iova)
{
	int rc;

	down_read(&ioas->lock);
	mutex_lock(&ioas->tree_lock);
	rc = place_areas(ioas, chain, length, flags, iova);
	mutex_unlock(&ioas->tree_lock);
	if (!rc) {
		rc = load_chain(ioas, chain);
		if (rc)
			erase_chain(ioas, chain);
	}
	up_read(&ioas->lock);
	if (rc)
		free_chain(chain);
	return rc;
}

/**
 * ioas_map_slices - map pieces of memory one behind the other
 * @ioas: the IOAS
 * @slices: the pieces; on success the areas take references of their own
 * @nr: how many, at least 1
 * @flags: enum iommufd_ioas_map_flags
 * @iova: the first IOVA, or if @flags do not fix it, set to it
 *
 * Either all or nothing is mapped.
 *
 * Return: 0, -EINVAL (not aligned, or reserved), -EEXIST, -EOVERFLOW, -ENOSPC
 * (no such hole), -EPERM (writable mapping of memory that is not), -ENOMEM,
 * -EFAULT, -EINTR.
 */
int ioas_map_slices(struct ioas *ioas, const struct ioas_slice *slices,
		    unsigned int nr, u32 flags, unsigned long *iova)
{
	struct area *chain = chain_slices(slices, nr, prot_of(flags));
	unsigned long length = 0;
	unsigned int i;

	if (!chain)
		return -ENOMEM;
	for (i = 0; i < nr; i++)
		length += slices[i].length;
	return map_chain(ioas, chain, length, flags, iova);
}

/**
 * ioas_map_new - map memory for the first time
 * @ioas: the IOAS
 * @pinned: memory that no area refers to yet; the caller keeps its reference
 * @offset: first byte to map
 * @length: bytes
 * @flags: enum iommufd_ioas_map_flags
 * @iova: see ioas_map_slices(), also for the errors
 */
int ioas_map_new(struct ioas *ioas, struct pinned *pinned, unsigned long offset,
		 unsigned long length, u32 flags, unsigned long *iova)
{
	const struct ioas_slice slice = {
		.pinned = pinned,
		.offset = offset,
		.length = length,
	};

	memset(&pinned->area, 0, sizeof(pinned->area));
	pinned->area.embedded = true;
	area_init(&pinned->area, &slice, prot_of(flags));
	return map_chain(ioas, &pinned->area, length, flags, iova);
}

/**
 * ioas_area_at - the area that translates an IOVA
 * @ioas: the IOAS, with its tree lock held
 * @iova: the IOVA
 *
 * Return: the area, or NULL if there is none that commands may look at.
 */
struct area *ioas_area_at(struct ioas *ioas, unsigned long iova)
{
	struct area *area = area_first(&ioas->areas, iova, iova);

	lockdep_assert_held(&ioas->tree_lock);
	return area && area_is_ready(area) ? area : NULL;
}

/* No area may reach out of the range: then nothing is unmapped at all. */
static bool cuts_no_area(struct ioas *ioas, unsigned long start,
			 unsigned long last)
{
	const struct area *low = area_first(&ioas->areas, start, last);
	const struct area *high;

	if (!low || low->last == last)
		return !low || low->iova >= start;
	high = area_last(&ioas->areas, start, last);
	return low->iova >= start && high->last <= last;
}

/*
 * Make up to UNMAP_BATCH areas of a range ours, in order.
 *
 * Returns 0 with a chain (or none: the range is empty), -ENOENT if an area
 * reaches out of the range, -EBUSY if somebody is working on one, -EAGAIN with
 * *@pinned set to an area whose in-kernel users have to be asked first.
 */
static int claim_areas(struct ioas *ioas, unsigned long start,
		       unsigned long last, struct area **chain,
		       struct area **pinned)
{
	struct area *area = area_first(&ioas->areas, start, last);
	struct area **link = chain;
	unsigned int n;
	int rc = 0;

	for (n = 0; area && n < UNMAP_BATCH; n++) {
		if (area->iova < start || area->last > last)
			rc = -ENOENT;
		else if (!area_is_ready(area))
			rc = -EBUSY;
		else if (area->pins)
			rc = -EAGAIN;
		if (rc)
			break;
		area->state = AREA_BUSY;
		*link = area;
		link = &area->chain;
		area = area->last == last ? NULL : area_next(area, last);
	}
	*link = NULL;
	/* What came before the obstacle goes first. */
	if (rc && *chain)
		rc = 0;
	if (rc == -EAGAIN) {
		area->closing = true;
		*pinned = area;
	}
	return rc;
}

/* Ask the in-kernel users to unpin what they have in a range. */
static void notify_users(struct ioas *ioas, unsigned long iova,
			 unsigned long length)
{
	struct ioas_user *user;
	unsigned long index;

	xa_lock(&ioas->users);
	xa_for_each(&ioas->users, index, user) {
		struct object *obj = user->obj;

		if (!user->unmap || !refcount_inc_not_zero(&obj->users))
			continue;
		xa_unlock(&ioas->users);
		user->unmap(user, iova, length);
		object_put(ioas->ctx, obj);
		xa_lock(&ioas->users);
	}
	xa_unlock(&ioas->users);
}

/*
 * Unmap one batch of a range. *@start moves behind what has been done; the range
 * is empty when *@done is set. The first time no area may be cut by the range.
 *
 * Returns 0, an errno of claim_areas(), or -EAGAIN after in-kernel users have
 * been asked: *@start has not moved then.
 */
static int unmap_batch(struct ioas *ioas, unsigned long *start,
		       unsigned long last, bool first,
		       unsigned long *unmapped, bool *done)
{
	unsigned long iova = 0, length = 0;
	struct area *chain = NULL, *pinned;
	struct area *area;
	int rc;

	down_read(&ioas->lock);
	mutex_lock(&ioas->tree_lock);
	if (first && !cuts_no_area(ioas, *start, last))
		rc = -ENOENT;
	else
		rc = claim_areas(ioas, *start, last, &chain, &pinned);
	if (rc == -EAGAIN) {
		iova = pinned->iova;
		length = area_length(pinned);
	}
	mutex_unlock(&ioas->tree_lock);

	*done = !chain && !rc;
	if (chain) {
		drain_chain(ioas, chain);
		erase_chain(ioas, chain);
	}
	up_read(&ioas->lock);

	if (rc == -EAGAIN)
		notify_users(ioas, iova, length);
	for (area = chain; area; area = area->chain) {
		*unmapped += area_length(area);
		*start = area->last + 1;
		*done = area->last == last;
	}
	free_chain(chain);
	return rc;
}

static int unmap_range(struct ioas *ioas, unsigned long start,
		       unsigned long last, unsigned long *unmapped)
{
	unsigned int tries = 0;
	bool first = true, done;
	int rc;

	for (;; first = false) {
		unsigned long before = start;

		rc = unmap_batch(ioas, &start, last, first, unmapped, &done);
		if (start != before)
			tries = 0;
		if (rc == -EAGAIN)
			rc = WARN_ON(++tries > UNMAP_TRIES) ? -EDEADLOCK : 0;
		if (rc || done)
			return rc;
		cond_resched();
	}
}

/**
 * ioas_unmap - unmap whole areas
 * @ioas: the IOAS
 * @iova: first IOVA
 * @length: bytes; every area that has a byte in the range must be in it whole
 * @unmapped: set to the bytes that have been unmapped, also on error
 *
 * When it returns no device reaches the memory, and it is unpinned unless a copy
 * of the mapping still needs it.
 *
 * Return: 0, also if nothing was mapped; -EINVAL (no length), -EOVERFLOW,
 * -ENOENT (an area is cut by the range; nothing has been unmapped), -EBUSY
 * (another thread is mapping or unmapping there), -EDEADLOCK (an in-kernel user
 * does not unpin its pages).
 */
int ioas_unmap(struct ioas *ioas, unsigned long iova, unsigned long length,
	       unsigned long *unmapped)
{
	unsigned long last;

	*unmapped = 0;
	if (!length)
		return -EINVAL;
	if (check_add_overflow(iova, length - 1, &last))
		return -EOVERFLOW;
	return unmap_range(ioas, iova, last, unmapped);
}

/**
 * ioas_unmap_all - unmap everything
 * @ioas: the IOAS
 * @unmapped: set to the bytes that have been unmapped, unless NULL
 *
 * Return: 0, -EBUSY, -EDEADLOCK as ioas_unmap().
 */
int ioas_unmap_all(struct ioas *ioas, unsigned long *unmapped)
{
	unsigned long bytes = 0;
	int rc = unmap_range(ioas, 0, ULONG_MAX, &bytes);

	if (unmapped)
		*unmapped = bytes;
	return rc;
}

/* Make the part of an area from @iova on an area of its own, @tail. */
static int cut_area(struct ioas *ioas, struct area *area, struct area *tail,
		    unsigned long iova)
{
	if (!area_is_ready(area) || area->closing)
		return -EBUSY;
	tail->offset = area->offset + (iova - area->iova);
	if ((iova | offset_in_page(tail->offset)) & (ioas->alignment - 1))
		return -EINVAL;
	/* An entry of the IOMMU may reach over the cut. */
	if (area->pins || (area->in_use && !ioas->small_pages))
		return -EINVAL;

	tail->iova = iova;
	tail->last = area->last;
	tail->prot = area->prot;
	tail->pinned = area->pinned;
	pinned_get(tail->pinned);
	tail->in_use = area->in_use;
	if (tail->in_use)
		pinned_use_again(tail->pinned);
	area->last = iova - 1;
	area_insert(&ioas->areas, tail);
	area_set_ready(tail);
	return 0;
}

/**
 * ioas_cut - let an area begin at an IOVA, for VFIO type 1 (not v2)
 * @ioas: the IOAS
 * @iova: where; nothing happens if no area reaches over it
 *
 * The memory stays pinned as a whole until both parts have been unmapped.
 *
 * Return: 0, -EBUSY, -EINVAL (not aligned, pinned by an in-kernel user, or
 * possibly mapped by huge pages), -ENOMEM.
 */
int ioas_cut(struct ioas *ioas, unsigned long iova)
{
	struct area *area, *tail = area_alloc();
	int rc = 0;

	if (!tail)
		return -ENOMEM;
	down_read(&ioas->lock);
	mutex_lock(&ioas->tree_lock);
	area = area_first(&ioas->areas, iova, iova);
	if (area && area->iova != iova) {
		rc = cut_area(ioas, area, tail, iova);
		if (!rc)
			tail = NULL;
	}
	mutex_unlock(&ioas->tree_lock);
	up_read(&ioas->lock);
	area_free(tail);
	return rc;
}

/* All areas that @domain translates, up to but not including @end. */
static void drain_until(struct ioas *ioas, struct iommu_domain *domain,
			const struct area *end)
{
	struct area *area = area_first(&ioas->areas, 0, ULONG_MAX);
	struct paging_drain drain;

	paging_drain_begin(&drain, domain);
	for (; area && area != end; area = area_next(area, ULONG_MAX)) {
		if (area->in_use)
			paging_drain(&drain, area->iova, area_length(area));
		cond_resched();
	}
	paging_drain_end(&drain);
}

static void unuse_until(struct ioas *ioas, const struct area *end)
{
	struct area *area = area_first(&ioas->areas, 0, ULONG_MAX);

	for (; area && area != end; area = area_next(area, ULONG_MAX)) {
		if (area->in_use)
			area_unuse(area);
		cond_resched();
	}
}

/**
 * ioas_fill_all - map everything in an IOAS into one more domain
 * @ioas: the IOAS, with its lock held for writing and the table of the domain in
 *	its list already
 * @domain: the domain
 *
 * A BAR whose device has been unbound stays out.
 *
 * Return: 0; or with nothing changed an errno of pinned_use() or paging_fill().
 */
int ioas_fill_all(struct ioas *ioas, struct iommu_domain *domain)
{
	struct area *area = area_first(&ioas->areas, 0, ULONG_MAX);
	bool first = list_is_singular(&ioas->tables);
	int rc = 0;

	lockdep_assert_held_write(&ioas->lock);
	for (; area; area = area_next(area, ULONG_MAX)) {
		if (first) {
			rc = pinned_use(area->pinned);
			area->in_use = !rc;
		}
		if (rc == -ENXIO)
			rc = 0;
		if (rc)
			break;
		if (!area->in_use)
			continue;
		rc = area_fill(ioas, area, domain);
		if (rc) {
			if (first)
				area_unuse(area);
			break;
		}
	}
	if (rc) {
		drain_until(ioas, domain, area);
		if (first)
			unuse_until(ioas, area);
	}
	return rc;
}

/**
 * ioas_drain_all - take everything out of a domain
 * @ioas: the IOAS, with its lock held for writing and the table of the domain
 *	out of its list already
 * @domain: the domain
 *
 * Unpins everything if no table is left.
 */
void ioas_drain_all(struct ioas *ioas, struct iommu_domain *domain)
{
	lockdep_assert_held_write(&ioas->lock);
	drain_until(ioas, domain, NULL);
	if (list_empty(&ioas->tables))
		unuse_until(ioas, NULL);
}

static void revoke_in(struct ioas *ioas, const struct bar_owner *owner)
{
	struct area *area = area_first(&ioas->areas, 0, ULONG_MAX);

	for (; area; area = area_next(area, ULONG_MAX)) {
		if (!area->in_use || area->pinned->owner != owner)
			continue;
		area->chain = NULL;
		drain_chain(ioas, area);
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
		down_write(&ioas->lock);
		revoke_in(ioas, owner);
		up_write(&ioas->lock);
	}
	mutex_unlock(&ctx->ioas_lock);
}
