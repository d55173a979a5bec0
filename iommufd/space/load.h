/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Chains of areas on their way into an IOAS and out of it: what map, unmap,
 * batches and nesting share. A chain is linked by area->chain.
 */
#ifndef IOMMUFD_IOAS_MAP_H
#define IOMMUFD_IOAS_MAP_H

#include <linux/iommu.h>
#include <uapi/linux/iommufd.h>

#include "memory/bar.h"
#include "memory/pin.h"
#include "space/paging.h"
#include "space/space.h"

/* Areas that are drained with one flush, before others get a turn. */
#define UNMAP_BATCH	512
/* Areas of a chain between two chances to reschedule, where one is no work. */
#define RESCHED_AREAS	64

/**
 * struct obstacle - mapped memory that in-kernel users have to let go of first
 * @ioas: where it is mapped
 * @iova: first IOVA of the area
 * @length: its length
 * @working: somebody is in the middle of pinning, reading or writing: to be waited for
 * @finished: ioas.finished as it was then
 */
struct obstacle {
	struct ioas *ioas;
	unsigned long iova;
	unsigned long length;
	bool working;
	unsigned int finished;
};

#define MAP_FLAGS (IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_WRITEABLE | \
		   IOMMU_IOAS_MAP_READABLE)

/**
 * ioas_check_map_flags - what all commands that map have in common
 * @flags: enum iommufd_ioas_map_flags
 *
 * Return: 0, -EOPNOTSUPP (an unknown one), -EINVAL (neither read nor write).
 */
static inline int ioas_check_map_flags(u32 flags)
{
	if (flags & ~MAP_FLAGS)
		return -EOPNOTSUPP;
	if (!(flags & (IOMMU_IOAS_MAP_WRITEABLE | IOMMU_IOAS_MAP_READABLE)))
		return -EINVAL;
	return 0;
}

/**
 * chain_prot - the permissions that a mapping asks for
 * @flags: enum iommufd_ioas_map_flags
 */
static inline u8 chain_prot(u32 flags)
{
	/* Bind refuses devices whose DMA is not coherent with the CPU. */
	return IOMMU_CACHE |
	       (flags & IOMMU_IOAS_MAP_READABLE ? IOMMU_READ : 0) |
	       (flags & IOMMU_IOAS_MAP_WRITEABLE ? IOMMU_WRITE : 0);
}

/**
 * chain_init_embedded - chain_init() of the area that is part of its memory
 * @area: the area
 * @offset: see there, as for the rest
 * @length: .
 * @prot: .
 */
static inline void chain_init_embedded(struct area *area, unsigned long offset,
				       unsigned long length, u8 prot)
{
	area->offset = offset;
	area->last = length;
	area->chain = NULL;
	area->prot = prot;
	area->state = AREA_BUSY;
	area->closing = false;
	area->stuck = false;
}

/**
 * chain_init - make an area that is not placed yet
 * @area: memory for it
 * @pinned: the memory that it is to map; takes over the caller's reference, if the
 *	area is to have one
 * @offset: first byte of that
 * @length: bytes; kept in area->last until the area is placed
 * @prot: IOMMU_READ and so on
 *
 * The rest is as the constructor has made it.
 */
static inline void chain_init(struct area *area, struct pinned *pinned,
			      unsigned long offset, unsigned long length,
			      u8 prot)
{
	area->pinned = pinned;
	chain_init_embedded(area, offset, length, prot);
}

/**
 * chain_set_ready - let others see new areas
 * @chain: the areas, which are not the caller's any more
 */
static inline void chain_set_ready(struct area *chain)
{
	struct area *next;

	for (; chain; chain = next) {
		next = chain->chain;
		area_set_ready(chain);
	}
}

/* A BAR is not memory. */
static inline int area_iommu_prot(const struct area *area)
{
	if (unlikely(pinned_is_bar(area->pinned)))
		return (area->prot & ~IOMMU_CACHE) | IOMMU_MMIO;
	return area->prot;
}

/**
 * area_phys - where an area's memory is, if it is contiguous
 * @area: with its memory in use
 *
 * The memory of a mapping may be many runs, of which a piece is within one.
 *
 * Return: the address, or 0. The first page of memory is nobody's.
 */
static inline phys_addr_t area_phys(const struct area *area)
{
	const struct runs *runs = &area->pinned->runs;
	unsigned long skip, npages, pfn;

	if (likely(runs_are_one(runs)))
		return PFN_PHYS(run_pfn(runs_one(runs))) + area->offset;
	skip = offset_in_page(area->offset);
	npages = PAGE_ALIGN(skip + area_length(area)) >> PAGE_SHIFT;
	pfn = runs_pfn_of(runs, area->offset >> PAGE_SHIFT, npages);
	return pfn ? PFN_PHYS(pfn) + skip : 0;
}

static inline struct paging_range area_range(const struct ioas *ioas,
					     const struct area *area)
{
	return (struct paging_range) {
		.runs = &area->pinned->runs,
		.offset = area->offset,
		.iova = area->iova,
		.length = area_length(area),
		.prot = area_iommu_prot(area),
		.small = ioas->small_pages,
	};
}

/**
 * memory_use - pinned_use(), while nobody changes who pays for it
 * @pinned: the memory
 *
 * No lock of an IOAS is held.
 *
 * Return: as pinned_use().
 */
static inline int memory_use(struct pinned *pinned)
{
	int rc;

	if (likely(!pinned->file))
		return pinned_use(pinned);
	rc = down_read_killable(&pinned->ctx->file_lock);
	if (rc)
		return rc;
	rc = pinned_use(pinned);
	up_read(&pinned->ctx->file_lock);
	return rc;
}

/**
 * area_bar_is_there - if it is a BAR, is its device bound?
 * @area: with its memory in use, its IOAS locked: so the answer stays true
 */
static inline bool area_bar_is_there(const struct area *area)
{
	return likely(!pinned_is_bar(area->pinned)) ||
	       !bar_owner_retired(area->pinned->owner);
}

/**
 * area_bar_is_off - if it is a BAR, has its device switched it off?
 * @area: as for area_bar_is_there()
 */
static inline bool area_bar_is_off(const struct area *area)
{
	return unlikely(pinned_is_bar(area->pinned)) &&
	       bar_owner_off(area->pinned->owner);
}

struct area *area_ready_from(struct ioas *ioas, unsigned long iova,
			     unsigned long last);
struct area *area_ready_next(struct ioas *ioas, struct area *area,
			     unsigned long last);

/**
 * for_each_ready_area - go through the mappings of an IOAS
 * @ioas: the IOAS, with its lock held for writing
 * @area: the loop variable
 * @first: first IOVA of interest
 * @last: last, inclusive
 */
#define for_each_ready_area(ioas, area, first, last)			\
	for (area = area_ready_from(ioas, first, last); area;		\
	     area = area_ready_next(ioas, area, last))

int chain_map(struct ioas *ioas, struct area *chain, unsigned long length,
	      u32 flags, u64 *iova);
int chain_check_place(struct ioas *ioas, unsigned long length, u32 flags,
		      u64 iova);
int chain_place(struct ioas *ioas, struct area *chain, unsigned long length,
		u32 flags, u64 *iova);
int chain_fill(struct ioas *ioas, struct area *chain);
int chain_load(struct ioas *ioas, struct area *chain);

int chain_claim(struct ioas *ioas, unsigned long start, unsigned long last,
		bool first, unsigned int most, struct area **chain,
		struct obstacle *obstacle);
void chain_find_stuck(const struct paging *paging, struct area *chain);
void chain_empty(struct ioas *ioas, struct area *chain);
bool chain_drain(struct ioas *ioas, struct area *chain);
void chain_free(struct ioas *ioas, struct area *chain);
int chain_drop(struct ioas *ioas, struct area *chain);
bool chain_unuse(const struct ioas *ioas, struct area *chain);
int chain_give_up(struct ioas *ioas, struct area *chain, int rc);
int chain_abandon(struct ioas *ioas, struct area *chain, int rc);
int ioas_lock_unmap(struct ioas *ioas, bool *exclusive);
void ioas_unlock_unmap(struct ioas *ioas, bool exclusive);
void obstacle_set(struct obstacle *obstacle, struct ioas *ioas,
		  struct area *area);

void area_unuse(const struct ioas *ioas, struct area *area);
int area_refill(struct ioas *ioas, struct area *area);
int area_fill(const struct ioas *ioas, const struct area *area,
	      const struct ioas_table *table);
int chain_place_many(struct ioas *ioas, struct area *chain, unsigned long iova);
int chain_unplace(struct ioas *ioas, struct area *chain,
		  const struct area *end);
int chain_refuse(struct ioas *ioas, unsigned long iova, unsigned long length);

#endif
