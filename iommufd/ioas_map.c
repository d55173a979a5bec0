// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mapping memory into an I/O address space.
 *
 * Life of a mapping: its range is taken in the tree first (AREA_BUSY), without
 * which two maps of the same range could both go on; then the memory is pinned
 * and the page tables are filled, with no lock that another range needs; then it
 * is AREA_READY. An IOAS without page tables skips what is between: nothing is
 * pinned before a device needs it. The way back is in ioas_unmap.c.
 */
#include <linux/iommu.h>
#include <linux/log2.h>
#include <linux/overflow.h>
#include <linux/slab.h>
#include <uapi/linux/iommufd.h>

#include "ioas_map.h"
#include "nested.h"
#include "paging.h"
#include "pin.h"
#include "place.h"
#include "ranges.h"
#include "reason.h"
#include "stock.h"

static noinline int area_fill_runs(const struct ioas *ioas,
				   const struct area *area,
				   const struct ioas_table *table)
{
	const struct paging_range range = area_range(ioas, area);

	return paging_fill(table->domain, &range);
}

static __always_inline int fill_table(const struct ioas *ioas,
				      const struct area *area,
				      const struct ioas_table *table)
{
	phys_addr_t phys = area_phys(area);

	if (unlikely(!phys))
		return area_fill_runs(ioas, area, table);
	return paging_fill_run(table->domain, table->plain, area->iova, phys,
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

static inline int use_area(const struct ioas *ioas, struct area *area)
{
	int rc = ioas->parent ? nested_use(area) : pinned_use(area->pinned);

	area->in_use = !rc;
	return rc;
}

/**
 * area_use - have the memory of an area pinned, for page tables to translate it
 * @ioas: its IOAS
 * @area: not in use
 *
 * Return: 0 or an errno of pinned_use().
 */
int area_use(const struct ioas *ioas, struct area *area)
{
	return use_area(ioas, area);
}

/**
 * area_unuse - the page tables do not translate an area any more: unpin it
 * @ioas: its IOAS
 * @area: with in_use set
 */
void area_unuse(const struct ioas *ioas, struct area *area)
{
	area->in_use = false;
	if (!ioas->parent)
		pinned_unuse(area->pinned);
}

/* Filling @failed was not possible: out of all page tables before it. */
static noinline void area_unload(struct ioas *ioas, struct area *area,
				 const struct ioas_table *failed)
{
	struct ioas_table *table;

	list_for_each_entry(table, &ioas->tables, link) {
		if (table == failed)
			break;
		paging_drain_range(table->domain, table->plain, area->iova,
				   area_length(area));
	}
	area_unuse(ioas, area);
}

/* Pin the memory of a new area and fill all page tables with it. */
static __always_inline int area_load(struct ioas *ioas, struct area *area)
{
	struct ioas_table *table;
	int rc;

	if (list_empty(&ioas->tables))
		return 0;
	rc = use_area(ioas, area);
	if (unlikely(rc))
		return rc == -ENXIO ? -EFAULT : rc;
	list_for_each_entry(table, &ioas->tables, link) {
		rc = fill_table(ioas, area, table);
		if (unlikely(rc)) {
			area_unload(ioas, area, table);
			return rc;
		}
	}
	return 0;
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
static noinline int find_iova(struct ioas *ioas, unsigned long memory,
			      unsigned long length, u64 *iova)
{
	const unsigned long limit = ULONG_MAX - PAGE_SIZE;
	unsigned long offset = offset_in_page(memory);
	unsigned long from = PAGE_SIZE;
	unsigned long align, start, last, found;

	if (length >= ULONG_MAX / 2)
		return -EOVERFLOW;
	align = roundup_pow_of_two(length);
	if (memory)
		align = min(align, 1UL << __ffs(memory));
	align = min_t(unsigned long, align, HPAGE_SIZE);
	if (align < ioas->alignment)
		return -EINVAL;
	if (offset)
		align = max(align, PAGE_SIZE);

	while (next_allowed(ioas, &from, limit, &start, &last)) {
		unsigned long hole, end;

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
	return -ENOSPC;
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
		return -EOVERFLOW;
	return reason_note(ioas->ctx, -EINVAL,
			   "%#lx-%#lx has a part that a device attached to IOAS %u, or its IOMMU, cannot translate; see IOAS_IOVA_RANGES",
			   iova, last, ioas->obj.id);
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
	int rc = reason_note(ioas->ctx, -EEXIST,
			     "a part of %#lx-%#lx is mapped in IOAS %u already",
			     end->iova, end->last, ioas->obj.id);

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
	const unsigned long mask = ioas->alignment - 1;
	unsigned long at, last;
	int rc;

	lockdep_assert_held(&ioas->tree_lock);
	if (unlikely(!length || length & mask))
		return -EINVAL;
	if (likely(flags & IOMMU_IOAS_MAP_FIXED_IOVA)) {
		at = *iova;
		last = at + length - 1;
		if (unlikely(at & mask || last < at ||
			     ranges_hit(&ioas->reserved, at, last)))
			return chain_refuse(ioas, at, length);
	} else {
		rc = find_iova(ioas, chain->pinned->start + chain->offset,
			       length, iova);
		if (rc)
			return rc;
		at = *iova;
	}
	return chain_place_at(ioas, chain, at);
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
 * chain_slices - areas for pieces of memory, not placed yet
 * @ioas: the IOAS that they are for
 * @slices: the pieces
 * @nr: how many
 * @prot: of all of them
 *
 * Return: the chain, or NULL if memory is short.
 */
struct area *chain_slices(struct ioas *ioas, const struct ioas_slice *slices,
			  unsigned int nr, u8 prot)
{
	struct area *chain = NULL;

	while (nr--) {
		struct area *area = area_alloc();

		if (!area) {
			chain_free(ioas, chain);
			return NULL;
		}
		pinned_get(slices[nr].pinned);
		chain_init(area, slices[nr].pinned, slices[nr].offset,
			   slices[nr].length, prot);
		area->chain = chain;
		chain = area;
	}
	return chain;
}

/**
 * chain_load - pin the memory of new areas and fill the page tables
 * @ioas: the IOAS, locked
 * @chain: placed areas
 *
 * Return: 0, or with nothing pinned or mapped an errno of ioas_map_slices().
 */
int chain_load(struct ioas *ioas, struct area *chain)
{
	struct area *area;

	for (area = chain; area; area = area->chain) {
		int rc = area_load(ioas, area);

		if (unlikely(rc)) {
			chain_drain(ioas, chain);
			return rc;
		}
		if (area->chain)
			cond_resched();
	}
	return 0;
}

/* Place, pin and map. Takes over the areas, also on error. */
static int map_chain(struct ioas *ioas, struct area *chain,
		     unsigned long length, u32 flags, u64 *iova)
{
	int rc;

	lockdep_assert_held_read(ioas_lock(ioas));
	mutex_lock(&ioas->tree_lock);
	rc = chain_place(ioas, chain, length, flags, iova);
	mutex_unlock(&ioas->tree_lock);
	if (rc) {
		chain_free(ioas, chain);
		return rc;
	}
	rc = chain_load(ioas, chain);
	if (rc)
		chain_drop(ioas, chain);
	else
		chain_set_ready(chain);
	return rc;
}

static int map_chain_locked(struct ioas *ioas, struct area *chain,
			    unsigned long length, u32 flags, u64 *iova)
{
	int rc;

	down_read(ioas_lock(ioas));
	rc = map_chain(ioas, chain, length, flags, iova);
	up_read(ioas_lock(ioas));
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
		    unsigned int nr, u32 flags, u64 *iova)
{
	struct area *chain = chain_slices(ioas, slices, nr,
					  chain_prot(flags));
	unsigned long length = 0;
	unsigned int i;

	if (!chain)
		return -ENOMEM;
	for (i = 0; i < nr; i++)
		length += slices[i].length;
	return map_chain_locked(ioas, chain, length, flags, iova);
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
	return map_chain_locked(ioas, &pinned->area, length, flags, iova);
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

/* The areas between @start and @last without a hole; with slices, fill them. */
static int slice_areas(struct ioas *ioas, unsigned long start,
		       unsigned long last, struct ioas_slice *slices,
		       unsigned int *nr)
{
	unsigned long at = start;
	const struct area *area;

	*nr = 0;
	for (;; at = area->last + 1) {
		area = ioas_area_at(ioas, at);
		if (!area)
			return -ENOENT;
		if (slices) {
			slices[*nr].pinned = area->pinned;
			slices[*nr].offset = area->offset + (at - area->iova);
			slices[*nr].length = min(last, area->last) - at + 1;
			pinned_get(area->pinned);
		}
		(*nr)++;
		if (area->last >= last)
			return 0;
		cond_resched();
	}
}

/**
 * ioas_put_slices - the opposite of ioas_get_slices()
 * @slices: the pieces
 * @nr: how many
 */
void ioas_put_slices(struct ioas_slice *slices, unsigned int nr)
{
	while (nr--)
		pinned_put(slices[nr].pinned);
	kvfree(slices);
}

/**
 * ioas_get_slices - what is mapped in a range, without a hole
 * @ioas: the IOAS
 * @start: first IOVA
 * @last: last IOVA, inclusive
 * @slices: set to an array with references, for ioas_put_slices()
 * @nr: set to its length
 *
 * Return: 0, -ENOENT (a hole), -ENOMEM.
 */
int ioas_get_slices(struct ioas *ioas, unsigned long start,
		    unsigned long last, struct ioas_slice **slices,
		    unsigned int *nr)
{
	int rc;

	/* Memory that gets its second user now is not to lose its first one. */
	down_read(ioas_lock(ioas));
	mutex_lock(&ioas->tree_lock);
	rc = slice_areas(ioas, start, last, NULL, nr);
	if (!rc) {
		*slices = kvmalloc_array(*nr, sizeof(**slices),
					 GFP_KERNEL_ACCOUNT);
		if (!*slices)
			rc = -ENOMEM;
		else
			/* The same areas again: this cannot fail. */
			slice_areas(ioas, start, last, *slices, nr);
	}
	mutex_unlock(&ioas->tree_lock);
	up_read(ioas_lock(ioas));
	return rc;
}

/* A new area that is placed alone: the rest of its way, with the tree lock held. */
static __always_inline int map_taken(struct ioas *ioas, struct area *area,
				     unsigned long length, u32 flags, u64 *iova)
{
	int rc = place_range(ioas, area, length, flags, iova);

	mutex_unlock(&ioas->tree_lock);
	if (unlikely(rc)) {
		chain_free(ioas, area);
		return rc;
	}
	rc = area_load(ioas, area);
	if (unlikely(rc))
		chain_drop(ioas, area);
	else
		area_set_ready(area);
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
		return rc;
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
	return map_taken(ioas, area, length, flags, iova);
}

static noinline int map_nested_many(struct ioas *ioas, unsigned long source,
				    unsigned long length, u32 flags, u64 *iova)
{
	struct area *chain = nested_chain(ioas, source, length,
					  chain_prot(flags));

	if (IS_ERR(chain))
		return PTR_ERR(chain);
	return map_chain(ioas, chain, length, flags, iova);
}

static __always_inline int map_nested(struct ioas *ioas, unsigned long source,
				      unsigned long length, u32 flags,
				      u64 *iova)
{
	struct area *area = take_nested(ioas, source, length,
					chain_prot(flags));

	if (unlikely(!area))
		return map_nested_many(ioas, source, length, flags, iova);
	return map_taken(ioas, area, length, flags, iova);
}

/* Memory that the current process names by an address. */
static __always_inline int map_source(struct ioas *ioas, unsigned long source,
				      unsigned long length, u32 flags,
				      bool process, u64 *iova)
{
	int rc;

	down_read(ioas_lock(ioas));
	if (unlikely(ioas->parent))
		rc = map_nested(ioas, source, length, flags, iova);
	else
		rc = map_user(ioas, source, length, flags, process, iova);
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
		return rc;
	if (arg->iova >= ULONG_MAX || arg->length >= ULONG_MAX ||
	    arg->user_va > ULONG_MAX)
		return -EOVERFLOW;

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
