/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Filling and draining the page tables of an IOMMU domain.
 */
#ifndef IOMMUFD_PAGING_H
#define IOMMUFD_PAGING_H

#include <linux/iommu.h>

#include "compat.h"
#include "space/leftover.h"

struct runs;

/*
 * Unmapping reschedules after each of these, so no entry should be larger (AMD-Vi
 * has entries of any power of two; a driver that chooses them itself may make one).
 */
#define PAGING_STRIDE	(16UL << 30)

/**
 * struct paging - a domain whose page tables are filled and drained here
 * @domain: the domain
 * @plain: contiguous pieces up to this length are plain: only entries of PAGE_SIZE
 *	fit, and too few of them for VT-d to make a large one. 0 if there are no such
 *	pieces
 * @join: contiguous pieces are mapped by one call if they are shorter than this together
 * @leftover: where there may be empty tables, if the driver frees those in the way of large
 *	entries before it flushes, see leftover.c; else NULL
 * @whole: the driver can unmap only as a whole what it has mapped in one call, see
 *	iommufd_paging_ask()
 *
 * What one command has mapped is unmapped by itself. So no entry may cross the border
 * between two: only pages of the smallest size are joined, and fewer than the driver
 * would make a larger entry of; and for a driver that is @whole no call may map memory
 * of more than one command.
 */
struct paging {
	struct iommu_domain *domain;
	size_t plain;
	size_t join;
	struct leftover *leftover;
	bool whole;
};

/* Before calls of the driver that unmap a range, each whole tables where it can. */
static inline void paging_note(const struct paging *paging, unsigned long iova,
			       size_t length)
{
	if (paging->leftover)
		leftover_note(paging->leftover, iova, length);
}

/* Drivers without iova_to_phys() cannot be asked. */
static inline bool domain_translates(struct iommu_domain *domain,
				     unsigned long iova)
{
	return !domain->ops->iova_to_phys ||
	       domain->ops->iova_to_phys(domain, iova);
}

/* The size of the smallest entry. */
static inline unsigned long domain_grain(const struct iommu_domain *domain)
{
	return min(1UL << __ffs(domain->pgsize_bitmap), PAGE_SIZE);
}

size_t iommufd_paging_unmap_now(const struct paging *paging, unsigned long iova,
				size_t length);
bool iommufd_paging_clear_steps(const struct paging *paging, unsigned long iova,
				size_t length, size_t step);

/**
 * struct paging_range - what to map where
 * @runs: the memory
 * @offset: where it begins in @runs, in bytes
 * @iova: first IOVA
 * @length: bytes
 * @prot: IOMMU_READ, IOMMU_WRITE, IOMMU_CACHE, IOMMU_MMIO
 * @small: use only entries of up to PAGE_SIZE
 */
struct paging_range {
	const struct runs *runs;
	unsigned long offset;
	unsigned long iova;
	unsigned long length;
	int prot;
	bool small;
};

/**
 * struct paging_fill - ranges that are being mapped into one domain
 * @paging: the domain
 * @small: use only entries of up to PAGE_SIZE
 * @prot: of the piece that is pending
 * @iova: where that goes
 * @phys: where it is
 * @length: its length; not mapped yet
 * @joined: it consists of several ranges
 * @any: something has been mapped
 * @first: if so, the lowest IOVA so far
 * @last: the highest, inclusive
 * @mapped: bytes that have been mapped, in the order of the ranges
 * @since: bytes since the last chance to reschedule
 */
struct paging_fill {
	const struct paging *paging;
	bool small;
	int prot;
	unsigned long iova;
	phys_addr_t phys;
	size_t length;
	bool joined;
	bool any;
	unsigned long first;
	unsigned long last;
	size_t mapped;
	size_t since;
};

void iommufd_paging_fill_begin(struct paging_fill *fill,
			       const struct paging *paging, bool small);
int iommufd_paging_fill_next(struct paging_fill *fill, unsigned long iova,
			     phys_addr_t phys, size_t length, int prot);
int iommufd_paging_fill_add(struct paging_fill *fill,
			    const struct paging_range *range);
int iommufd_paging_fill_end(struct paging_fill *fill);

/**
 * paging_fill_add_run - map one more range that is contiguous in memory
 * @fill: the state
 * @iova: first IOVA
 * @phys: the memory
 * @length: bytes
 * @prot: IOMMU_READ and so on
 *
 * A range that continues the one before in both IOVA and memory is mapped by the
 * same call of the driver, unless that would then have to be unmapped as a whole.
 * Nothing continues the last page of all.
 *
 * Return: 0 or an error of iommufd_paging_fill(): the caller then has to unmap what has
 * been mapped, fill->mapped bytes.
 */
static inline int paging_fill_add_run(struct paging_fill *fill,
				      unsigned long iova, phys_addr_t phys,
				      size_t length, int prot)
{
	size_t before = fill->length;

	if (!before || !iova || fill->iova + before != iova ||
	    fill->phys + before != phys || fill->prot != prot ||
	    before + length >= fill->paging->join ||
	    !PAGE_ALIGNED(iova | phys | length | fill->phys))
		return iommufd_paging_fill_next(fill, iova, phys, length, prot);
	fill->length = before + length;
	fill->joined = true;
	return 0;
}

int iommufd_paging_fill(const struct paging *paging,
			const struct paging_range *range);
int iommufd_paging_fill_long(const struct paging *paging, unsigned long iova,
			     phys_addr_t phys, size_t length, int prot,
			     bool small);
int iommufd_paging_fill_failed(const struct paging *paging, unsigned long iova,
			       phys_addr_t phys, size_t length, size_t mapped,
			       int prot, bool small, int rc);
bool iommufd_paging_drain_long(const struct paging *paging, unsigned long iova,
			       size_t length);
bool iommufd_paging_clear(const struct paging *paging, unsigned long iova,
			  size_t length);

/**
 * paging_fill_run - iommufd_paging_fill() of memory that is contiguous
 * @paging: the domain
 * @iova: first IOVA
 * @phys: the memory
 * @length: bytes
 * @prot: IOMMU_READ and so on
 * @small: use only entries of up to PAGE_SIZE
 */
static inline int paging_fill_run(const struct paging *paging,
				  unsigned long iova, phys_addr_t phys,
				  size_t length, int prot, bool small)
{
	struct iommu_domain *domain = paging->domain;
	const struct iommu_domain_ops *ops = domain->ops;
	size_t mapped = 0;
	int rc;

	if (length > paging->plain)
		return iommufd_paging_fill_long(paging, iova, phys, length,
						prot, small);
	rc = domain_map(domain, iova, phys, PAGE_SIZE, length / PAGE_SIZE, prot,
			&mapped);
	if (!rc && mapped == length) {
		if (!ops->iotlb_sync_map)
			return 0;
		rc = ops->iotlb_sync_map(domain, iova, length);
		if (!rc)
			return 0;
	}
	return iommufd_paging_fill_failed(paging, iova, phys, length, mapped,
					  prot, small, rc);
}

/**
 * struct paging_drain - ranges that are being taken out of one domain
 * @paging: the domain
 * @gather: what the IOMMU driver has to flush
 * @any: something has been unmapped
 * @stuck: the driver has not unmapped all that it was asked to
 * @first: if @any, the lowest IOVA that has been unmapped so far
 * @last: the highest, inclusive
 * @iova: the range that has been collected last, not unmapped yet
 * @length: its length
 */
struct paging_drain {
	const struct paging *paging;
	struct iommu_iotlb_gather gather;
	bool any;
	bool stuck;
	unsigned long first;
	unsigned long last;
	unsigned long iova;
	unsigned long length;
};

/*
 * Drivers flush by themselves as soon as two ranges do not touch, unless they are
 * told that the flush is queued. Then they leave it to whoever queued it: to us,
 * who flush all ranges together, before anything is unpinned. Not on Arm, whose
 * drivers would forget to flush freed tables.
 */
#define PAGING_QUEUED	IS_ENABLED(CONFIG_X86)

void iommufd_paging_drain_collected(struct paging_drain *drain);
bool iommufd_paging_drain_end(struct paging_drain *drain);

/**
 * paging_drain_begin - begin to unmap ranges from a domain
 * @drain: the state of it
 * @paging: the domain
 */
static inline void paging_drain_begin(struct paging_drain *drain,
				      const struct paging *paging)
{
	drain->paging = paging;
	drain->any = false;
	drain->stuck = false;
	drain->length = 0;
	iommu_iotlb_gather_init(&drain->gather);
	drain->gather.queued = PAGING_QUEUED;
}

/**
 * paging_drain - unmap one more range
 * @drain: the state
 * @iova: first IOVA of a range that was mapped by one or more iommufd_paging_fill()
 * @length: bytes
 *
 * A range that continues the one before is merged with it, which lets the
 * driver free whole tables. Nothing continues the last page of all.
 */
static inline void paging_drain(struct paging_drain *drain, unsigned long iova,
				unsigned long length)
{
	if (drain->length && iova && drain->iova + drain->length == iova) {
		drain->length += length;
		return;
	}
	if (drain->length)
		iommufd_paging_drain_collected(drain);
	drain->iova = iova;
	drain->length = length;
}

/**
 * paging_drain_range - unmap one range: no device reaches the memory afterwards
 * @paging: the domain
 * @iova: first IOVA of what was mapped by one or more iommufd_paging_fill()
 * @length: bytes
 *
 * Return: true; or false if the driver has failed, and a device may still reach a
 * part of it, see iommufd_paging_clear().
 */
static __always_inline bool paging_drain_range(const struct paging *paging,
					       unsigned long iova, size_t length)
{
	struct iommu_domain *domain = paging->domain;
	struct iommu_iotlb_gather gather;
	size_t gone;

	if (length > paging->plain)
		return iommufd_paging_drain_long(paging, iova, length);
	paging_note(paging, iova, length);
	iommu_iotlb_gather_init(&gather);
	gone = domain_unmap(domain, iova, PAGE_SIZE, length / PAGE_SIZE,
			    &gather);
	/* iommu_iotlb_sync() without preparing the gather for more. */
	if (domain->ops->iotlb_sync)
		domain->ops->iotlb_sync(domain, &gather);
	return gone == length || iommufd_paging_clear(paging, iova, length);
}

#endif
