// SPDX-License-Identifier: GPL-2.0-only
/*
 * Chains of areas: into the tree of an IOAS, which takes a range, and out of it, which
 * frees the range.
 *
 * An area that a command works on is AREA_BUSY: it keeps its range, and nobody else
 * touches it. So the tree lock is held for the time of a look, an insertion or a
 * removal only.
 */
#include <linux/iommu.h>
#include <linux/log2.h>
#include <linux/overflow.h>
#include <linux/sched/signal.h>
#include <uapi/linux/iommufd.h>

#include "context/reason.h"
#include "context/context.h"
#include "memory/pin.h"
#include "report/trace.h"
#include "space/chain.h"
#include "space/explain.h"
#include "space/ranges.h"
#include "space/stock.h"

/*
 * Tracing ---------------------------------------------------------------------
 *
 * An area is traced where all ways of mapping, and of unmapping, meet: before others
 * can see it, and before its range can be taken again. So what is traced of a range is
 * in the order in which it happens.
 */

/**
 * iommufd_chain_trace_map - trace that new areas are mapped, or given up
 * @ioas: the IOAS
 * @chain: areas of the caller, by @chain->chain
 * @rc: 0, or why they are given up
 */
void iommufd_chain_trace_map(struct ioas *ioas, const struct area *chain,
			     int rc)
{
	for (; chain; chain = chain->chain)
		trace_ioasid_map(ioas->ctx->number, ioas->obj.id, chain->iova,
				 area_length(chain),
				 chain->prot & (IOMMU_READ | IOMMU_WRITE),
				 chain->in_use, rc);
}

static void trace_unmap(const struct ioas *ioas, const struct area *area,
			int rc)
{
	trace_ioasid_unmap(ioas->ctx->number, ioas->obj.id, area->iova,
			   area_length(area), rc);
}

/**
 * iommufd_chain_trace_unmap - trace that areas go; not those that are stuck, and stay
 * @ioas: the IOAS
 * @chain: areas of the caller, by @chain->chain; drained
 */
void iommufd_chain_trace_unmap(struct ioas *ioas, const struct area *chain)
{
	for (; chain; chain = chain->chain)
		if (!chain->stuck)
			trace_unmap(ioas, chain, 0);
}

/*
 * Looking ---------------------------------------------------------------------
 */

/**
 * iommufd_ioas_area_at - the area that translates an IOVA
 * @ioas: the IOAS, with its tree lock held
 * @iova: the IOVA
 *
 * Return: the area, or NULL if there is none that commands may look at.
 */
struct area *iommufd_ioas_area_at(struct ioas *ioas, unsigned long iova)
{
	struct area *area = iommufd_area_first(&ioas->areas, iova, iova);

	lockdep_assert_held(&ioas->tree_lock);
	return area && area_is_ready(area) ? area : NULL;
}

/**
 * iommufd_area_ready_from - the first mapping at or behind an IOVA that a page table must
 * have
 * @ioas: the IOAS, with its lock held for writing: so the area stays as it is
 * @iova: the IOVA
 * @last: last IOVA of interest, inclusive
 *
 * AREA_BUSY areas come and go all the same: whoever makes them fills all page
 * tables that exist by then.
 */
struct area *iommufd_area_ready_from(struct ioas *ioas, unsigned long iova,
				     unsigned long last)
{
	struct area *area;

	lockdep_assert_held_write(ioas_lock(ioas));
	mutex_lock(&ioas->tree_lock);
	for (area = iommufd_area_first(&ioas->areas, iova, last);
	     area && !area_is_ready(area); area = area_next(area, last))
		;
	mutex_unlock(&ioas->tree_lock);
	return area;
}

/**
 * iommufd_area_ready_next - the mapping behind another one
 * @ioas: as in iommufd_area_ready_from(), which has returned @area
 * @area: that, or what this has returned
 * @last: last IOVA of interest, inclusive
 */
struct area *iommufd_area_ready_next(struct ioas *ioas, struct area *area,
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
 * Where the areas of a child come from ----------------------------------------
 */

/* With the tree lock of the child held. */
static void link_source(struct ioas *ioas, struct area *area)
{
	struct loose_area *loose = area_loose(area);

	loose->ioas = ioas;
	if (ioas->keeps_sources)
		interval_tree_insert(&loose->source, &ioas->sources);
}

/* The opposite. */
static void unlink_source(struct ioas *ioas, struct area *area)
{
	if (ioas->keeps_sources)
		interval_tree_remove(&area_loose(area)->source, &ioas->sources);
}

/*
 * A place ---------------------------------------------------------------------
 */

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
		range = iommufd_ranges_first(&ioas->allowed, *from);
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
 * Let go of the tree for a moment. Changes in the part that was searched do not
 * matter; -EAGAIN if the alignment has changed.
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
 * IOVA 0 is never chosen: too many devices take it to mean "none".
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
		return iommufd_reason_note(ioas->ctx, -EOVERFLOW,
					   "%#lx bytes are more than there is a place for without a fixed IOVA",
					   length);
	align = roundup_pow_of_two(length);
	if (memory)
		align = min(align, 1UL << __ffs(memory));
	align = min_t(unsigned long, align, HPAGE_SIZE);
	if (align < alignment)
		return iommufd_reason_note_secret(ioas->ctx, -EINVAL,
						  "memory at %#lx of %#lx bytes is not aligned to %#lx bytes, as IOAS %u asks for",
						  memory, length, alignment,
						  ioas->obj.id);
	if (offset)
		align = max(align, PAGE_SIZE);

	while (next_allowed(ioas, &from, limit, &start, &last)) {
		unsigned long hole, end;

		while (start <= last &&
		       iommufd_ranges_hole(&ioas->reserved, start, last, &hole,
					   &end)) {
			if (!iommufd_area_find_hole(&ioas->areas, hole, end,
						    length, align, offset,
						    &found)) {
				*iova = found;
				return 0;
			}
			start = end + 1;
		}
		if (!(++n % FIND_PORTION)) {
			rc = let_others(ioas, alignment);
			if (rc)
				return rc;
		}
	}
	return iommufd_explain_no_place(ioas, length);
}

/* Explain why a fixed range cannot be mapped. */
static int refuse_place(struct ioas *ioas, unsigned long iova, unsigned long length)
{
	unsigned long last;

	if (iova & (ioas->alignment - 1))
		return iommufd_reason_note(ioas->ctx, -EINVAL,
					   "IOVA %#lx is not aligned to %#lx bytes, as IOAS %u asks for",
					   iova, ioas->alignment, ioas->obj.id);
	if (check_add_overflow(iova, length - 1, &last))
		return iommufd_explain_end(ioas->ctx, iova, length);
	return iommufd_explain_reserved(ioas, iova, last);
}

/* The range of area @end is taken: release those of the areas before it. */
static int unplace(struct ioas *ioas, struct area *chain, const struct area *end)
{
	int rc = iommufd_explain_taken(ioas, end->iova, end->last);

	for (; chain != end; chain = chain->chain) {
		if (ioas->parent)
			unlink_source(ioas, chain);
		area_erase(&ioas->areas, chain);
		cond_resched();
	}
	return rc;
}

/* Is the mapping permitted, and aligned? A piece of a copy may begin anywhere. */
static inline int check_area(const struct ioas *ioas, const struct area *area)
{
	if (area->prot & IOMMU_WRITE && !area->pinned->writable)
		return iommufd_explain_permission(ioas);
	/* area->last is the length, so far. */
	if ((offset_in_page(area->offset) | area->last) & (ioas->alignment - 1))
		return iommufd_explain_offset(ioas, area);
	return 0;
}

/* Take the range, which nobody has reserved. */
static inline int place_area(struct ioas *ioas, struct area *area, unsigned long iova)
{
	area->iova = iova;
	area->last += iova - 1;
	if (area_insert(&ioas->areas, area))
		return -EEXIST;
	if (ioas->parent)
		link_source(ioas, area);
	return 0;
}

/* Place the areas of one mapping, which are many. */
static int place_many(struct ioas *ioas, struct area *chain, unsigned long iova)
{
	struct area *area;
	unsigned int n = 0;
	int rc = 0;

	for (area = chain; area && !rc; area = area->chain) {
		rc = check_area(ioas, area);
		if (!(++n % RESCHED_READY))
			cond_resched();
	}
	if (rc)
		return rc;
	for (area = chain; area; area = area->chain) {
		if (place_area(ioas, area, iova))
			return unplace(ioas, chain, area);
		iova = area->last + 1;
		cond_resched();
	}
	return 0;
}

/* All areas of one mapping. */
static inline int place_at(struct ioas *ioas, struct area *chain, unsigned long iova)
{
	int rc;

	if (chain->chain)
		return place_many(ioas, chain, iova);
	rc = check_area(ioas, chain);
	if (rc)
		return rc;
	if (place_area(ioas, chain, iova))
		return unplace(ioas, chain, chain);
	return 0;
}

/**
 * iommufd_chain_check_place - could a mapping be placed now?
 * @ioas: the IOAS
 * @length: of the mapping
 * @flags: enum iommufd_ioas_map_flags
 * @iova: where, if @flags fix it
 *
 * Return: 0, or the errno of iommufd_chain_place().
 */
int iommufd_chain_check_place(struct ioas *ioas, unsigned long length,
			      u32 flags, u64 iova)
{
	unsigned long last = iova + length - 1;
	int rc = 0;

	if (!(flags & IOMMU_IOAS_MAP_FIXED_IOVA))
		return 0;
	mutex_lock(&ioas->tree_lock);
	if (iova & (ioas->alignment - 1) || last < iova ||
	    ranges_hit(&ioas->reserved, iova, last))
		rc = refuse_place(ioas, iova, length);
	else if (iommufd_area_first(&ioas->areas, iova, last))
		rc = iommufd_explain_taken(ioas, iova, last);
	mutex_unlock(&ioas->tree_lock);
	return rc;
}

/**
 * iommufd_chain_place - choose or check the range of new areas, and take it
 * @ioas: the IOAS, with its tree lock held
 * @chain: from chain_slices()
 * @length: of all areas together
 * @flags: enum iommufd_ioas_map_flags
 * @iova: the first IOVA, or if @flags do not fix it, set to it
 *
 * Return: 0, and the areas are in the tree; or an errno of iommufd_ioas_map_slices().
 */
int iommufd_chain_place(struct ioas *ioas, struct area *chain,
			unsigned long length, u32 flags, u64 *iova)
{
	unsigned long mask, at, last;
	int rc;

	lockdep_assert_held(&ioas->tree_lock);
again:
	mask = ioas->alignment - 1;
	if (!length || length & mask)
		return iommufd_explain_length(ioas, length);
	if (flags & IOMMU_IOAS_MAP_FIXED_IOVA) {
		at = *iova;
		last = at + length - 1;
		if (at & mask || last < at ||
		    ranges_hit(&ioas->reserved, at, last))
			return refuse_place(ioas, at, length);
	} else {
		rc = find_iova(ioas, chain->pinned->start + chain->offset,
			       length, iova);
		if (rc == -EAGAIN)
			goto again;
		if (rc)
			return rc;
		at = *iova;
	}
	return place_at(ioas, chain, at);
}

/**
 * iommufd_chain_place_open - iommufd_chain_place() at a fixed IOVA, where nothing
 * is reserved
 * @ioas: the IOAS, with its tree lock held
 * @chain: new areas
 * @length: of all areas together; @iova + @length does not overflow
 * @iova: the first IOVA; the caller has looked into ioas->reserved
 *
 * Return: as iommufd_chain_place().
 */
int iommufd_chain_place_open(struct ioas *ioas, struct area *chain,
			     unsigned long length, unsigned long iova)
{
	const unsigned long mask = ioas->alignment - 1;

	lockdep_assert_held(&ioas->tree_lock);
	if (!length || length & mask)
		return iommufd_explain_length(ioas, length);
	if (iova & mask)
		return refuse_place(ioas, iova, length);
	return place_at(ioas, chain, iova);
}

/*
 * Ours ------------------------------------------------------------------------
 */

static void obstacle_note(struct obstacle *obstacle, struct ioas *ioas,
			  struct area *area)
{
	const struct ioas_worker *worker;

	lockdep_assert_held(&ioas->tree_lock);
	area->closing = ioas_closing(ioas);
	obstacle->ioas = ioas;
	obstacle->iova = area->iova;
	obstacle->length = area_length(area);
	obstacle->finished = ioas->finished;
	obstacle->closing = area->closing;
	obstacle->working = false;
	list_for_each_entry(worker, &ioas->workers, link)
		if (worker->area == area)
			obstacle->working = true;
}

/**
 * iommufd_obstacle_set - an area that in-kernel users have to let go of
 * @obstacle: set to it
 * @ioas: its IOAS
 * @area: the area, which gets no new pins from now on
 */
void iommufd_obstacle_set(struct obstacle *obstacle, struct ioas *ioas,
			  struct area *area)
{
	mutex_lock(&ioas->tree_lock);
	obstacle_note(obstacle, ioas, area);
	mutex_unlock(&ioas->tree_lock);
}

/**
 * iommufd_chain_claim - make areas of a range ours, in order
 * @ioas: the IOAS, locked, and its tree lock held
 * @start: first IOVA
 * @last: last IOVA, inclusive
 * @first: check that no area reaches out of the range at its far end
 * @most: how many areas at the most
 * @chain: set to the areas, AREA_BUSY; NULL if there are none
 * @obstacle: see below. NULL if the caller does not call back now: then the area
 *	stays open to in-kernel users.
 *
 * Return: 0; or with nothing claimed -ENOENT (an area reaches out of the range),
 * -EBUSY (somebody is working on one), -EAGAIN (@obstacle has to be called back).
 */
int iommufd_chain_claim(struct ioas *ioas, unsigned long start,
			unsigned long last, bool first, unsigned int most,
			struct area **chain, struct obstacle *obstacle)
{
	struct area *area = iommufd_area_first(&ioas->areas, start, last);
	struct area **link = chain;
	int rc = 0;

	*chain = NULL;
	if (first && area && area->last < last &&
	    iommufd_area_last(&ioas->areas, start, last)->last > last)
		return -ENOENT;

	while (area && most--) {
		if (area->iova < start || area->last > last)
			rc = -ENOENT;
		else if (!area_is_ready(area))
			rc = -EBUSY;
		else if (area->kept)
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
		return 0;
	if (rc == -EAGAIN && obstacle)
		obstacle_note(obstacle, ioas, area);
	return rc;
}

/*
 * Gone ------------------------------------------------------------------------
 */

/* Release an area that is in no tree; with the tree lock held. */
static inline void retire_area(struct ioas *ioas, struct area *area)
{
	if (area->embedded) {
		if (pinned_retire(area->pinned))
			stock_put(ioas, area);
	} else if (ioas->parent) {
		stock_put(ioas, area);
	} else {
		iommufd_pinned_put(area->pinned);
		iommufd_area_free(area);
	}
}

static inline void erase_area(struct ioas *ioas, struct area *area)
{
	if (ioas->parent)
		unlink_source(ioas, area);
	area_erase(&ioas->areas, area);
}

/**
 * iommufd_area_keep_stuck - keep an area that a device may still reach
 * @ioas: its IOAS
 * @area: an area of the caller that a driver has not unmapped
 *
 * Return: -EIO, with a sentence.
 */
int iommufd_area_keep_stuck(struct ioas *ioas, struct area *area)
{
	int rc = iommufd_reason_note(ioas->ctx, -EIO,
				     "the IOMMU driver has not unmapped all of %#lx-%#lx of IOAS %u: it stays mapped, and its memory pinned",
				     area->iova, area->last, ioas->obj.id);

	trace_unmap(ioas, area, rc);
	area_set_ready(area);
	return rc;
}

/**
 * iommufd_area_drop - take an area out of the tree, which frees its range, and free it
 * @ioas: the IOAS, locked
 * @area: an area of the caller, drained
 */
void iommufd_area_drop(struct ioas *ioas, struct area *area)
{
	if (tracepoint_enabled(ioasid_unmap))
		trace_unmap(ioas, area, 0);
	mutex_lock(&ioas->tree_lock);
	erase_area(ioas, area);
	retire_area(ioas, area);
	stock_unlock(ioas);
}

/* Areas that are dropped before others get the tree. */
#define DROP_PORTION	1024

static int drop_chain(struct ioas *ioas, struct area *chain, bool placed)
{
	struct area *next;
	unsigned int n = 0;
	int rc = 0;

	mutex_lock(&ioas->tree_lock);
	for (; chain; chain = next) {
		next = chain->chain;
		if (!(++n % RESCHED_AREAS))
			cond_resched();
		if (!(n % DROP_PORTION)) {
			stock_unlock(ioas);
			mutex_lock(&ioas->tree_lock);
		}
		if (chain->stuck) {
			rc = iommufd_area_keep_stuck(ioas, chain);
			continue;
		}
		if (placed)
			erase_area(ioas, chain);
		retire_area(ioas, chain);
	}
	stock_unlock(ioas);
	return rc;
}

/**
 * iommufd_chain_free - free areas that are in no tree
 * @ioas: the IOAS that they are for
 * @chain: the areas
 */
void iommufd_chain_free(struct ioas *ioas, struct area *chain)
{
	drop_chain(ioas, chain, false);
}

/**
 * iommufd_chain_drop - take areas out of the tree, which frees their ranges, and
 * free them
 * @ioas: the IOAS, locked
 * @chain: areas of the caller, drained
 *
 * Return: 0, or -EIO if any is stuck: that stays mapped, and can be unmapped again.
 */
int iommufd_chain_drop(struct ioas *ioas, struct area *chain)
{
	lockdep_assert_held(ioas_lock(ioas));
	return drop_chain(ioas, chain, true);
}

/* iommufd_chain_place() with the tree lock taken here. On error the areas are freed. */
int iommufd_chain_place_or_free(struct ioas *ioas, struct area *chain,
				unsigned long length, u32 flags, u64 *iova)
{
	int rc;

	mutex_lock(&ioas->tree_lock);
	rc = iommufd_chain_place(ioas, chain, length, flags, iova);
	mutex_unlock(&ioas->tree_lock);
	if (rc)
		iommufd_chain_free(ioas, chain);
	return rc;
}
