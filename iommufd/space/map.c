// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mapping memory into an I/O address space.
 *
 * Life of a mapping: its range is taken in the tree first (AREA_BUSY), without
 * which two maps of the same range could both go on; then the memory is pinned,
 * without any lock; then the page tables are filled, with no lock that another range
 * needs, and it is AREA_READY. An IOAS without page tables skips what is between:
 * nothing is pinned before a device needs it. A mapping in a nested IOAS pins nothing
 * of its own, and keeps the family locked. The way back is in ioas_unmap.c.
 */
#include <linux/iommu.h>
#include <linux/log2.h>
#include <linux/overflow.h>
#include <linux/slab.h>
#include <uapi/linux/iommufd.h>

#include "context/reason.h"
#include "memory/pin.h"
#include "space/chain.h"
#include "space/explain.h"
#include "space/load.h"
#include "space/nested.h"
#include "space/paging.h"
#include "space/ranges.h"
#include "space/stock.h"

static noinline int area_fill_runs(const struct ioas *ioas,
				   const struct area *area,
				   const struct ioas_table *table)
{
	const struct paging_range range = area_range(ioas, area);

	return paging_fill(&table->paging, &range);
}

static __always_inline int fill_table(const struct ioas *ioas,
				      const struct area *area,
				      const struct ioas_table *table)
{
	phys_addr_t phys = area_phys(area);

	if (unlikely(!phys))
		return area_fill_runs(ioas, area, table);
	return paging_fill_run(&table->paging, area->iova, phys,
			       area_length(area), area_iommu_prot(area),
			       ioas->small_pages);
}

/**
 * area_fill - map an area into a domain
 * @ioas: its IOAS
 * @area: with its memory in use
 * @table: the page table that the domain is
 *
 * Return: 0 or an errno of paging_fill().
 */
int area_fill(const struct ioas *ioas, const struct area *area,
	      const struct ioas_table *table)
{
	return fill_table(ioas, area, table);
}

/**
 * area_unuse - the page tables do not translate an area any more: unpin it
 * @ioas: its IOAS
 * @area: with in_use set
 */
void area_unuse(const struct ioas *ioas, struct area *area)
{
	area->in_use = false;
	area->parked = false;
	if (!ioas->parent)
		pinned_unuse(area->pinned);
}

/* Filling @failed was not possible: out of all page tables before it. */
static noinline void area_unload(struct ioas *ioas, struct area *area,
				 const struct ioas_table *failed, int rc)
{
	struct ioas_table *table;

	/* It may be the driver's own. */
	area->stuck = rc == -EIO &&
		      !paging_clear(&failed->paging, area->iova,
				    area_length(area));
	list_for_each_entry(table, &ioas->tables, link) {
		if (table == failed)
			break;
		if (!paging_drain_range(&table->paging, area->iova,
					area_length(area)))
			area->stuck = true;
	}
}

static __always_inline int load_tables(struct ioas *ioas, struct area *area)
{
	struct ioas_table *table;
	int rc;

	list_for_each_entry(table, &ioas->tables, link) {
		rc = fill_table(ioas, area, table);
		if (unlikely(rc)) {
			area_unload(ioas, area, table, rc);
			return rc;
		}
	}
	return 0;
}

/* A BAR may be gone, or off: whoever sees to that has had the lock, or will. */
static noinline int load_bar(struct ioas *ioas, struct area *area)
{
	if (!area_bar_is_there(area))
		return -EFAULT;
	area->parked = area->in_use && area_bar_is_off(area);
	return area->parked ? 0 : load_tables(ioas, area);
}

/* Fill all page tables with an area whose memory is in use; or none of them. */
static __always_inline int area_load(struct ioas *ioas, struct area *area)
{
	if (unlikely(pinned_is_bar(area->pinned)))
		return load_bar(ioas, area);
	return load_tables(ioas, area);
}

/**
 * area_refill - fill all page tables with a BAR that was off
 * @ioas: the IOAS, with its lock held for writing
 * @area: parked
 *
 * Return: 0; or an errno of area_fill(), with the area still parked.
 */
int area_refill(struct ioas *ioas, struct area *area)
{
	int rc = load_tables(ioas, area);

	area->parked = rc && !area->stuck;
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

/* A user may allow a million ranges, and all may be too small. */
#define FIND_PORTION	256

/*
 * Let go of the tree for a moment. What has become different below is as it may be,
 * but -EAGAIN if everything is to be aligned otherwise now.
 */
static int let_others(struct ioas *ioas, unsigned long alignment)
{
	mutex_unlock(&ioas->tree_lock);
	cond_resched();
	mutex_lock(&ioas->tree_lock);
	if (fatal_signal_pending(current))
		return -EINTR;
	return ioas->alignment == alignment ? 0 : -EAGAIN;
}

/*
 * A place for @length bytes. The alignment of the memory is kept, up to that of
 * a huge page, so that large pages of the CPU can be large pages of the IOMMU.
 * IOVA 0 is never chosen: too many devices take it for "none".
 */
static noinline int find_iova(struct ioas *ioas, unsigned long memory,
			      unsigned long length, u64 *iova)
{
	const unsigned long limit = ULONG_MAX - PAGE_SIZE;
	const unsigned long alignment = ioas->alignment;
	unsigned int n = 0;
	int rc;
	unsigned long offset = offset_in_page(memory);
	unsigned long from = PAGE_SIZE;
	unsigned long align, start, last, found;

	if (length >= ULONG_MAX / 2)
		return reason_note(ioas->ctx, -EOVERFLOW,
				   "%#lx bytes are more than there is a place for without a fixed IOVA",
				   length);
	align = roundup_pow_of_two(length);
	if (memory)
		align = min(align, 1UL << __ffs(memory));
	align = min_t(unsigned long, align, HPAGE_SIZE);
	if (align < alignment)
		return reason_note(ioas->ctx, -EINVAL,
				   "memory at %#lx of %#lx bytes is not aligned to %#lx bytes, as IOAS %u asks for",
				   memory, length, alignment, ioas->obj.id);
	if (offset)
		align = max(align, PAGE_SIZE);

	while (next_allowed(ioas, &from, limit, &start, &last)) {
		unsigned long hole, end;

		if (!(++n % FIND_PORTION)) {
			rc = let_others(ioas, alignment);
			if (rc)
				return rc;
		}
		while (start <= last &&
		       ranges_hole(&ioas->reserved, start, last, &hole, &end)) {
			if (!area_find_hole(&ioas->areas, hole, end, length,
					    align, offset, &found)) {
				*iova = found;
				return 0;
			}
			start = end + 1;
		}
	}
	return explain_no_place(ioas, length);
}

/**
 * chain_refuse - why a fixed range is none that can be mapped
 * @ioas: the IOAS, with its tree lock held
 * @iova: first IOVA
 * @length: bytes
 *
 * Return: -EINVAL or -EOVERFLOW.
 */
int chain_refuse(struct ioas *ioas, unsigned long iova, unsigned long length)
{
	unsigned long last;

	if (iova & (ioas->alignment - 1))
		return reason_note(ioas->ctx, -EINVAL,
				   "IOVA %#lx is not aligned to %#lx bytes, as IOAS %u asks for",
				   iova, ioas->alignment, ioas->obj.id);
	if (check_add_overflow(iova, length - 1, &last))
		return explain_end(ioas->ctx, iova, length);
	return explain_reserved(ioas, iova, last);
}

/**
 * chain_unplace - the range of an area is taken: those before it are free again
 * @ioas: the IOAS, with its tree lock held
 * @chain: the first one
 * @end: that which has not found its place
 *
 * Return: -EEXIST.
 */
int chain_unplace(struct ioas *ioas, struct area *chain, const struct area *end)
{
	int rc = explain_taken(ioas, end->iova, end->last);

	for (; chain != end; chain = chain->chain) {
		if (ioas->parent)
			nested_unlink(ioas, chain);
		area_erase(&ioas->areas, chain);
		cond_resched();
	}
	return rc;
}

/**
 * chain_place_many - take the ranges of areas that are one mapping
 * @ioas: the IOAS, with its tree lock held
 * @chain: the areas
 * @iova: of the first one
 *
 * Return: 0, -EPERM, -EINVAL, -EEXIST.
 */
int chain_place_many(struct ioas *ioas, struct area *chain, unsigned long iova)
{
	struct area *area;
	int rc = 0;

	for (area = chain; area && !rc; area = area->chain)
		rc = chain_check_area(ioas, area);
	if (rc)
		return rc;
	for (area = chain; area; area = area->chain) {
		if (chain_place_area(ioas, area, iova))
			return chain_unplace(ioas, chain, area);
		iova = area->last + 1;
		cond_resched();
	}
	return 0;
}

static __always_inline int place_range(struct ioas *ioas, struct area *chain,
				       unsigned long length, u32 flags,
				       u64 *iova)
{
	unsigned long mask, at, last;
	int rc;

	lockdep_assert_held(&ioas->tree_lock);
again:
	mask = ioas->alignment - 1;
	if (unlikely(!length || length & mask))
		return explain_length(ioas, length);
	if (likely(flags & IOMMU_IOAS_MAP_FIXED_IOVA)) {
		at = *iova;
		last = at + length - 1;
		if (unlikely(at & mask || last < at ||
			     ranges_hit(&ioas->reserved, at, last)))
			return chain_refuse(ioas, at, length);
	} else {
		rc = find_iova(ioas, chain->pinned->start + chain->offset,
			       length, iova);
		if (rc == -EAGAIN)
			goto again;
		if (rc)
			return rc;
		at = *iova;
	}
	return chain_place_at(ioas, chain, at);
}

/**
 * chain_check_place - could a mapping be placed now?
 * @ioas: the IOAS
 * @length: of the mapping
 * @flags: enum iommufd_ioas_map_flags
 * @iova: where, if @flags fix it
 *
 * Return: 0, or the errno of chain_place().
 */
int chain_check_place(struct ioas *ioas, unsigned long length, u32 flags,
		      u64 iova)
{
	unsigned long last = iova + length - 1;
	int rc = 0;

	if (!(flags & IOMMU_IOAS_MAP_FIXED_IOVA))
		return 0;
	mutex_lock(&ioas->tree_lock);
	if (iova & (ioas->alignment - 1) || last < iova ||
	    ranges_hit(&ioas->reserved, iova, last))
		rc = chain_refuse(ioas, iova, length);
	else if (area_first(&ioas->areas, iova, last))
		rc = explain_taken(ioas, iova, last);
	mutex_unlock(&ioas->tree_lock);
	return rc;
}

/**
 * chain_place - choose or check the range of new areas, and take it
 * @ioas: the IOAS, with its tree lock held
 * @chain: from chain_slices()
 * @length: of all areas together
 * @flags: enum iommufd_ioas_map_flags
 * @iova: the first IOVA, or if @flags do not fix it, set to it
 *
 * Return: 0, and the areas are in the tree; or an errno of ioas_map_slices().
 */
int chain_place(struct ioas *ioas, struct area *chain, unsigned long length,
		u32 flags, u64 *iova)
{
	return place_range(ioas, chain, length, flags, iova);
}

/**
 * chain_fill - fill the page tables with new areas, and let others see them
 * @ioas: the IOAS, locked
 * @chain: placed areas, with their memory in use if the IOAS needs it
 *
 * Return: 0; or an errno of ioas_map_slices(), with nothing mapped but what is stuck:
 * the areas are to be given up.
 */
int chain_fill(struct ioas *ioas, struct area *chain)
{
	struct area *area, *before = NULL;
	int rc = 0;

	for (area = chain; area && !rc; before = area, area = area->chain) {
		rc = area_load(ioas, area);
		if (rc)
			break;
		if (area->chain)
			cond_resched();
	}
	if (!rc) {
		chain_set_ready(chain);
	} else if (before) {
		before->chain = NULL;
		chain_drain(ioas, chain);
		before->chain = area;
	}
	return rc;
}

/**
 * chain_give_up - areas that have been placed are not to be mapped after all
 * @ioas: the IOAS, locked: children come and go with its lock, and memory of files
 *	changes its account
 * @chain: the areas: out of all page tables, but for those that are stuck
 * @rc: why
 *
 * Return: @rc, or -EIO if any is stuck: that stays mapped.
 */
int chain_give_up(struct ioas *ioas, struct area *chain, int rc)
{
	chain_unuse(ioas, chain);
	return chain_drop(ioas, chain) ?: rc;
}

/**
 * chain_abandon - chain_give_up() of what has not been pinned, by who has no lock
 * @ioas: the IOAS, not locked. Nobody has its lock for longer than he works
 * @chain: see there, as for the rest
 * @rc: .
 */
int chain_abandon(struct ioas *ioas, struct area *chain, int rc)
{
	down_read(ioas_lock(ioas));
	rc = chain_give_up(ioas, chain, rc);
	up_read(ioas_lock(ioas));
	return rc;
}

/* Without a lock. */
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
static noinline int lock_used(struct ioas *ioas, struct area *chain)
{
	int rc = 0;

	for (;;) {
		if (READ_ONCE(ioas->needs))
			rc = use_chain(chain);
		if (!rc)
			rc = down_read_killable(ioas_lock(ioas));
		if (rc || !ioas->needs || chain->in_use)
			return rc;
		/* A page table has come meanwhile. */
		up_read(ioas_lock(ioas));
	}
}

/* Nobody needs the memory after all: the last page table has gone meanwhile. */
static void unuse_unneeded(struct ioas *ioas, struct area *chain)
{
	if (unlikely(!ioas->needs))
		chain_unuse(ioas, chain);
}

/**
 * chain_load - pin the memory of new areas and fill the page tables
 * @ioas: the IOAS, not nested, not locked: whoever pins may wait for ever
 * @chain: placed areas
 *
 * Return: 0, and the areas can be seen by others; or an errno of ioas_map_slices(),
 * and they are gone.
 */
int chain_load(struct ioas *ioas, struct area *chain)
{
	int rc = lock_used(ioas, chain);

	if (rc)
		return chain_abandon(ioas, chain, rc);
	unuse_unneeded(ioas, chain);
	rc = chain_fill(ioas, chain);
	if (rc)
		rc = chain_give_up(ioas, chain, rc);
	up_read(ioas_lock(ioas));
	return rc;
}

/* Take the ranges of areas, or free them. */
static int place_or_free(struct ioas *ioas, struct area *chain,
			 unsigned long length, u32 flags, u64 *iova)
{
	int rc;

	mutex_lock(&ioas->tree_lock);
	rc = chain_place(ioas, chain, length, flags, iova);
	mutex_unlock(&ioas->tree_lock);
	if (rc)
		chain_free(ioas, chain);
	return rc;
}

/**
 * chain_map - place new areas, pin their memory and map them
 * @ioas: the IOAS, not nested, not locked
 * @chain: the areas, which are taken over
 * @length: of all together
 * @flags: enum iommufd_ioas_map_flags
 * @iova: see ioas_map_slices(), also for the errors
 */
int chain_map(struct ioas *ioas, struct area *chain, unsigned long length,
	      u32 flags, u64 *iova)
{
	return place_or_free(ioas, chain, length, flags, iova) ?:
	       chain_load(ioas, chain);
}

/**
 * ioas_map_new - map memory for the first time
 * @ioas: the IOAS
 * @pinned: memory that no area refers to yet; takes over the caller's reference
 * @offset: first byte to map
 * @length: bytes
 * @flags: enum iommufd_ioas_map_flags
 * @iova: see ioas_map_slices(), also for the errors
 */
int ioas_map_new(struct ioas *ioas, struct pinned *pinned, unsigned long offset,
		 unsigned long length, u32 flags, u64 *iova)
{
	chain_init(&pinned->area, pinned, offset, length, chain_prot(flags));
	return chain_map(ioas, &pinned->area, length, flags, iova);
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

/* A new area that is placed alone, with the tree lock held, which is dropped. */
static __always_inline int place_taken(struct ioas *ioas, struct area *area,
				       unsigned long length, u32 flags,
				       u64 *iova)
{
	int rc = place_range(ioas, area, length, flags, iova);

	mutex_unlock(&ioas->tree_lock);
	if (unlikely(rc))
		chain_free(ioas, area);
	return rc;
}

/* chain_load() of what most calls are: one area of memory that nobody knows yet. */
static __always_inline int load_user(struct ioas *ioas, struct area *area)
{
	int rc;

	if (unlikely(!READ_ONCE(ioas->needs)))
		return chain_load(ioas, area);
	rc = pinned_use(area->pinned);
	area->in_use = !rc;
	if (unlikely(rc))
		return chain_abandon(ioas, area, rc);
	if (unlikely(down_read_killable(ioas_lock(ioas))))
		return chain_abandon(ioas, area, -EINTR);
	unuse_unneeded(ioas, area);
	rc = area_load(ioas, area);
	if (likely(!rc))
		area_set_ready(area);
	else
		rc = chain_give_up(ioas, area, rc);
	up_read(ioas_lock(ioas));
	return rc;
}

/*
 * What most calls are: a small piece of user memory. It is worth having few frames:
 * those of the driver and of get_user_pages, and one of ours.
 */
static __always_inline int map_user(struct ioas *ioas, unsigned long uptr,
				    unsigned long length, u32 flags,
				    bool process, u64 *iova)
{
	struct area *area;
	int rc = pinned_check_range(uptr, length) ?: stock_lock(ioas, 1);

	if (unlikely(rc))
		return explain_source(ioas->ctx, rc, uptr, length);
	area = stock_take(ioas);
	rc = pinned_claim(area->pinned, process || ioas->ctx->charge_process);
	if (unlikely(rc)) {
		stock_put(ioas, area);
		mutex_unlock(&ioas->tree_lock);
		return rc;
	}
	pinned_set(area->pinned, uptr, length,
		   flags & IOMMU_IOAS_MAP_WRITEABLE);
	chain_init_embedded(area, offset_in_page(uptr), length,
			    chain_prot(flags));
	return place_taken(ioas, area, length, flags, iova) ?:
	       load_user(ioas, area);
}

/* In a nested IOAS, and locked from the look at the parent on. */
static int load_nested(struct ioas *ioas, struct area *chain)
{
	struct area *area;
	int rc;

	for (area = chain; area; area = area->chain)
		area->in_use = ioas->needs;
	rc = chain_fill(ioas, chain);
	return rc ? chain_give_up(ioas, chain, rc) : 0;
}

/*
 * A mapping that is made of several areas, or of what is not pinned yet. What cannot
 * be mapped in any case is not pinned for that.
 */
static noinline int map_nested_many(struct ioas *ioas, unsigned long source,
				    unsigned long length, u32 flags, u64 *iova)
{
	struct area *chain;
	int rc;

	for (;;) {
		chain = nested_chain(ioas, source, length, chain_prot(flags));
		rc = PTR_ERR_OR_ZERO(chain);
		if (rc != -EAGAIN)
			break;
		rc = chain_check_place(ioas, length, flags, *iova);
		if (!rc)
			rc = nested_lend(ioas, source, length,
					 chain_prot(flags));
		if (rc < 0)
			break;
	}
	if (!rc)
		rc = place_or_free(ioas, chain, length, flags, iova) ?:
		     load_nested(ioas, chain);
	return rc;
}

static __always_inline int map_nested(struct ioas *ioas, unsigned long source,
				      unsigned long length, u32 flags,
				      u64 *iova)
{
	struct area *area = take_nested(ioas, source, length,
					chain_prot(flags));
	int rc;

	if (unlikely(!area))
		return map_nested_many(ioas, source, length, flags, iova);
	rc = place_taken(ioas, area, length, flags, iova);
	if (unlikely(rc))
		return rc;
	area->in_use = ioas->needs;
	rc = area_load(ioas, area);
	if (unlikely(rc))
		return chain_give_up(ioas, area, rc);
	area_set_ready(area);
	return 0;
}

/* Memory that the current process names by an address. */
static __always_inline int map_source(struct ioas *ioas, unsigned long source,
				      unsigned long length, u32 flags,
				      bool process, u64 *iova)
{
	int rc;

	if (likely(!ioas->parent))
		return map_user(ioas, source, length, flags, process, iova);
	if (down_read_killable(ioas_lock(ioas)))
		return -EINTR;
	rc = map_nested(ioas, source, length, flags, iova);
	up_read(ioas_lock(ioas));
	return rc;
}

/**
 * ioas_map_source - map memory that the current process names by an address
 * @ioas: the IOAS
 * @source: user address; in a nested IOAS an IOVA of its parent
 * @length: bytes
 * @flags: enum iommufd_ioas_map_flags
 * @charge_process: charge the process whatever the context's option says
 * @iova: see ioas_map_slices()
 *
 * Return: as ioas_map_slices(); also -EFAULT if a part of the source is not
 * mapped in the parent.
 */
int ioas_map_source(struct ioas *ioas, unsigned long source,
		    unsigned long length, u32 flags, bool charge_process,
		    u64 *iova)
{
	return map_source(ioas, source, length, flags, charge_process, iova);
}

/**
 * ioas_cmd_map - IOMMU_IOAS_MAP
 * @cmd: struct iommu_ioas_map
 */
int ioas_cmd_map(struct command *cmd)
{
	struct iommu_ioas_map *arg = cmd->arg;
	struct ioas *ioas;
	int rc;

	if (arg->__reserved)
		return -EOPNOTSUPP;
	rc = ioas_check_map_flags(arg->flags);
	if (rc)
		return explain_flags(cmd->ctx, rc, arg->flags);
	if (arg->iova >= ULONG_MAX || arg->length >= ULONG_MAX ||
	    arg->user_va > ULONG_MAX)
		return explain_end(cmd->ctx, arg->iova, arg->length);

	ioas = ioas_get(cmd->ctx, arg->ioas_id);
	if (!ioas)
		return -ENOENT;
	rc = map_source(ioas, arg->user_va, arg->length, arg->flags, false,
			&arg->iova);
	if (!rc) {
		rc = command_reply_field(cmd, struct iommu_ioas_map, iova);
		/* Whoever is not told about a mapping does not have it. */
		if (unlikely(rc))
			ioas_unmap(ioas, arg->iova, arg->length, &arg->length);
	}
	ioas_put(cmd->ctx, ioas);
	return rc;
}
