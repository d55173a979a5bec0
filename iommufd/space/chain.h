/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Chains: the areas that one command works on, linked by area->chain, on their way
 * into the tree of an IOAS and out of it.
 */
#ifndef IOMMUFD_CHAIN_H
#define IOMMUFD_CHAIN_H

#include <linux/iommu.h>
#include <linux/tracepoint-defs.h>
#include <uapi/linux/iommufd.h>

#include "memory/pin.h"
#include "space/explain.h"
#include "space/space.h"
#include "space/stock.h"

/* Areas between two chances to reschedule, where each is little work. */
#define RESCHED_AREAS	64
/* The same, where it is next to none. */
#define RESCHED_READY	1024

/**
 * struct obstacle - mapped memory that in-kernel users have to let go of first
 * @ioas: where it is mapped
 * @iova: first IOVA of the area
 * @length: its length
 * @working: somebody is pinning, reading or writing it: wait for that
 * @finished: ioas.finished as it was then
 * @closing: ioas_closing() as it was then
 */
struct obstacle {
	struct ioas *ioas;
	unsigned long iova;
	unsigned long length;
	bool working;
	unsigned int finished;
	unsigned int closing;
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

/* chain_init() of an area that is in one allocation with its memory. */
static inline void chain_init_embedded(struct area *area, unsigned long offset,
				       unsigned long length, u8 prot)
{
	area->offset = offset;
	area->last = length;
	area->chain = NULL;
	area->prot = prot;
	area->state = AREA_BUSY;
	area->closing = 0;
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
	unsigned int n = 0;

	for (; chain; chain = next) {
		next = chain->chain;
		area_set_ready(chain);
		if (!(++n % RESCHED_READY))
			cond_resched();
	}
}

DECLARE_TRACEPOINT(ioasid_map);
DECLARE_TRACEPOINT(ioasid_unmap);

void iommufd_chain_trace_map(struct ioas *ioas, const struct area *chain,
			     int rc);
void iommufd_chain_trace_unmap(struct ioas *ioas, const struct area *chain);

/**
 * chain_set_mapped - new areas are mapped: trace that, and let others see them
 * @ioas: the IOAS
 * @chain: the areas, which are not the caller's any more
 */
static inline void chain_set_mapped(struct ioas *ioas, struct area *chain)
{
	if (tracepoint_enabled(ioasid_map))
		iommufd_chain_trace_map(ioas, chain, 0);
	chain_set_ready(chain);
}

/**
 * area_set_mapped - chain_set_mapped() of a single one
 * @ioas: the IOAS
 * @area: the area, which is not the caller's any more
 */
static inline void area_set_mapped(struct ioas *ioas, struct area *area)
{
	if (tracepoint_enabled(ioasid_map))
		iommufd_chain_trace_map(ioas, area, 0);
	area_set_ready(area);
}

struct area *iommufd_area_ready_from(struct ioas *ioas, unsigned long iova,
				     unsigned long last);
struct area *iommufd_area_ready_next(struct ioas *ioas, struct area *area,
				     unsigned long last);

/**
 * for_each_ready_area - go through the mappings of an IOAS
 * @ioas: the IOAS, with its lock held for writing
 * @area: the loop variable
 * @first: first IOVA of interest
 * @last: last, inclusive
 */
#define for_each_ready_area(ioas, area, first, last)                  \
	for (area = iommufd_area_ready_from(ioas, first, last); area; \
	     area = iommufd_area_ready_next(ioas, area, last))

struct area *iommufd_ioas_area_at(struct ioas *ioas, unsigned long iova);

int iommufd_chain_check_place(struct ioas *ioas, unsigned long length,
			      u32 flags, u64 iova);
int iommufd_chain_place(struct ioas *ioas, struct area *chain,
			unsigned long length, u32 flags, u64 *iova);
int iommufd_chain_place_open(struct ioas *ioas, struct area *chain,
			     unsigned long length, unsigned long iova);
int iommufd_chain_place_or_free(struct ioas *ioas, struct area *chain,
				unsigned long length, u32 flags, u64 *iova);

int iommufd_chain_claim(struct ioas *ioas, unsigned long start,
			unsigned long last, bool first, unsigned int most,
			struct area **chain, struct obstacle *obstacle);
void iommufd_obstacle_set(struct obstacle *obstacle, struct ioas *ioas,
			  struct area *area);
int iommufd_area_keep_stuck(struct ioas *ioas, struct area *area);
void iommufd_area_drop(struct ioas *ioas, struct area *area);
void iommufd_chain_free(struct ioas *ioas, struct area *chain);
int iommufd_chain_drop(struct ioas *ioas, struct area *chain);

/**
 * chain_drop_mapped - iommufd_chain_drop() of areas that others have seen: trace that
 * @ioas: see there, as for the rest
 * @chain: .
 */
static inline int chain_drop_mapped(struct ioas *ioas, struct area *chain)
{
	if (tracepoint_enabled(ioasid_unmap))
		iommufd_chain_trace_unmap(ioas, chain);
	return iommufd_chain_drop(ioas, chain);
}

#endif
