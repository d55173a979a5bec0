/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Loading areas: pin their memory and fill the page tables; and the reverse.
 */
#ifndef IOMMUFD_LOAD_H
#define IOMMUFD_LOAD_H

#include "memory/bar.h"
#include "memory/pin.h"
#include "space/chain.h"
#include "space/paging.h"
#include "space/space.h"
#include "space/span.h"

/* A BAR is not memory. */
static inline int area_iommu_prot(const struct area *area)
{
	if (pinned_is_bar(area->pinned))
		return (area->prot & ~IOMMU_CACHE) | IOMMU_MMIO;
	return area->prot;
}

/**
 * area_phys - where an area's memory is, if it is contiguous
 * @area: with its memory in use
 *
 * The memory of a mapping may be many runs, and a piece of it within one.
 *
 * Return: the address, or 0. The first page of memory is never mapped.
 */
static inline phys_addr_t area_phys(const struct area *area)
{
	const struct runs *runs = &area->pinned->runs;
	unsigned long skip, npages, pfn;

	if (runs_are_one(runs))
		return PFN_PHYS(run_pfn(runs_one(runs))) + area->offset;
	skip = offset_in_page(area->offset);
	npages = PAGE_ALIGN(skip + area_length(area)) >> PAGE_SHIFT;
	pfn = iommufd_runs_pfn_of(runs, area->offset >> PAGE_SHIFT, npages);
	return pfn ? PFN_PHYS(pfn) + skip : 0;
}

static inline struct paging_range area_range(const struct ioas *ioas,
					     const struct area *area,
					     const struct span *span)
{
	return (struct paging_range) {
		.runs = &area->pinned->runs,
		.offset = area->offset + (span->iova - area->iova),
		.iova = span->iova,
		.length = span->length,
		.prot = area_iommu_prot(area),
		.small = ioas->small_pages,
	};
}

/**
 * memory_use - pinned_use(), while nobody can change the account
 * @pinned: the memory
 *
 * No lock of an IOAS is held.
 *
 * Return: as pinned_use().
 */
static inline int memory_use(struct pinned *pinned)
{
	int rc;

	if (!pinned->file)
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
	return !pinned_is_bar(area->pinned) ||
	       !iommufd_bar_owner_retired(area->pinned->owner);
}

/**
 * area_bar_is_off - if it is a BAR, has its device switched it off?
 * @area: as for area_bar_is_there()
 */
static inline bool area_bar_is_off(const struct area *area)
{
	return pinned_is_bar(area->pinned) &&
	       iommufd_bar_owner_off(area->pinned->owner);
}

int iommufd_area_fill(const struct ioas *ioas, const struct area *area,
		      const struct span *span, const struct ioas_table *table);
int iommufd_area_load(struct ioas *ioas, struct area *area);
int iommufd_area_refill(struct ioas *ioas, struct area *area);
void iommufd_drain_add(struct ioas *ioas, struct paging_drain *drain,
		       const struct span *span);
bool iommufd_area_drain(struct ioas *ioas, struct area *area);
void iommufd_area_withdraw(struct ioas *ioas, struct area *area);

int iommufd_chain_fill(struct ioas *ioas, struct area *chain);
int iommufd_chain_load(struct ioas *ioas, struct area *chain);
void iommufd_chain_empty(struct ioas *ioas, struct area *chain);
bool iommufd_chain_drain(struct ioas *ioas, struct area *chain);
bool iommufd_chain_unuse(const struct ioas *ioas, struct area *chain);
int iommufd_chain_give_up(struct ioas *ioas, struct area *chain, int rc);
int iommufd_chain_abandon(struct ioas *ioas, struct area *chain, int rc);

int iommufd_row_fill(struct ioas *ioas, struct area *chain);
int iommufd_row_load(struct ioas *ioas, struct area *chain, unsigned int *left);

#endif
