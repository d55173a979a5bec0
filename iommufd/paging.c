// SPDX-License-Identifier: GPL-2.0-only
/*
 * The hot path: runs into an IOMMU domain, and out of it.
 *
 * The driver's map_pages is called directly, once for as many entries of one
 * size as a run allows, and told to sync once at the end of the whole range.
 * iommu_map() would sync (with caching mode: invalidate) after every run.
 *
 * Nothing here asks the page table what it holds: the runs know.
 *
 * Draining unmaps any number of ranges, merges neighbours, and flushes the IOTLB
 * once, over all of them. Only after paging_drain_end() may the memory be unpinned.
 */
#include <linux/sched/signal.h>

#include "paging.h"
#include "runs.h"

/*
 * Unmapping reschedules after each of these, so no entry may be larger (AMD-Vi
 * has entries of any power of two).
 */
#define PAGING_STRIDE	(16UL << 30)
/* Entries for one call of the driver, which does not reschedule. */
#define CALL_ENTRIES_MAX (1UL << 18)
/* Bytes in pieces between two chances to reschedule. */
#define RESCHED_STRIDE	(16UL << 20)
#define STRIDE_SIZES	(PAGING_STRIDE | (PAGING_STRIDE - 1))

/**
 * struct paging_sizes - the page sizes of a domain that may be used
 * @bitmap: as in the domain
 * @single: pieces that are shorter have only one size that fits: PAGE_SIZE
 * @large: @single, if it is a size that the domain has: the next one above
 *	PAGE_SIZE
 * @larger: pieces that are shorter have none above @large
 * @shift: of @large
 * @most: entries for one call of the driver
 */
struct paging_sizes {
	unsigned long bitmap;
	size_t single;
	size_t large;
	size_t larger;
	unsigned int shift;
	size_t most;
};

/*
 * The largest page that fits at the beginning of [@iova, @iova + @length), and
 * how many of that size follow before a larger one fits.
 */
static size_t best_page_size(unsigned long sizes, unsigned long iova,
			     phys_addr_t phys, size_t length, size_t *count)
{
	unsigned long fits = sizes & GENMASK(__fls(length), 0);
	unsigned long larger;
	size_t size, next, ahead;

	if (iova | phys)
		fits &= GENMASK(__ffs(iova | phys), 0);
	size = 1UL << __fls(fits);

	larger = sizes & ~GENMASK(__fls(size), 0);
	if (larger) {
		next = larger & -larger;
		ahead = next - (iova & (next - 1));
		/* Both addresses reach a boundary of the larger size at once. */
		if (!((iova ^ phys) & (next - 1)) && length > ahead &&
		    length - ahead >= next)
			length = ahead;
	}
	*count = length / size;
	return size;
}

static struct paging_sizes usable_sizes(const struct iommu_domain *domain,
					bool small)
{
	struct paging_sizes sizes = {
		.bitmap = domain->pgsize_bitmap &
			  (small ? PAGE_SIZE | (PAGE_SIZE - 1) : STRIDE_SIZES),
		/* VT-d makes a large entry of many small ones that fit. */
		.most = small ? 1 : CALL_ENTRIES_MAX,
	};
	unsigned long above = sizes.bitmap & ~(PAGE_SIZE | (PAGE_SIZE - 1));

	sizes.single = SIZE_MAX;
	if (above) {
		sizes.shift = __ffs(above);
		sizes.large = 1UL << sizes.shift;
		sizes.single = sizes.large;
		above &= above - 1;
	}
	sizes.larger = above ? 1UL << __ffs(above) : SIZE_MAX;
	return sizes;
}

/* Parts of pages, where the IOMMU has smaller ones, take the long way. */
static bool has_part_pages(unsigned long iova, unsigned long offset,
			   size_t length)
{
	return !PAGE_ALIGNED(iova | offset | length);
}

/*
 * VT-d's map_pages fails, when memory is short, with entries left behind that it
 * does not report. A device must not reach the memory, so look for them; drivers
 * that undo what they have done have nothing there.
 */
static noinline void sweep(struct iommu_domain *domain, unsigned long iova,
			   size_t length)
{
	struct iommu_iotlb_gather gather;

	if (!domain->ops->iova_to_phys ||
	    !domain->ops->iova_to_phys(domain, iova))
		return;
	iommu_iotlb_gather_init(&gather);
	domain->ops->unmap_pages(domain, iova, PAGE_SIZE, length / PAGE_SIZE,
				 &gather);
	iommu_iotlb_sync(domain, &gather);
}

/* best_page_size(), with huge pages of the CPU in mind: as a rule these fit. */
static inline size_t large_page_size(const struct paging_sizes *sizes,
				     unsigned long iova, phys_addr_t phys,
				     size_t length, size_t *count)
{
	if (length >= sizes->larger || !sizes->single ||
	    (iova | phys | length) & (sizes->large - 1))
		return best_page_size(sizes->bitmap, iova, phys, length, count);
	*count = length >> sizes->shift;
	return sizes->large;
}

/* One contiguous piece. *@done grows by what has been mapped. */
static int fill_piece(struct iommu_domain *domain,
		      const struct paging_sizes *sizes, unsigned long iova,
		      phys_addr_t phys, size_t length, int prot, size_t *done)
{
	do {
		size_t size = PAGE_SIZE, count = length / PAGE_SIZE, mapped = 0;
		int rc;

		if (length >= sizes->single)
			size = large_page_size(sizes, iova, phys, length,
					       &count);
		rc = domain->ops->map_pages(domain, iova, phys, size,
					    min(count, sizes->most), prot,
					    GFP_KERNEL_ACCOUNT, &mapped);
		*done += mapped;
		if (unlikely(rc)) {
			sweep(domain, iova + mapped, length - mapped);
			return rc;
		}
		length -= mapped;
		if (likely(!length))
			return 0;
		iova += mapped;
		phys += mapped;
		cond_resched();
	} while (!fatal_signal_pending(current));
	return -EINTR;
}

/* Memory in pieces that begin and end within pages. */
static noinline int fill_part_pages(struct iommu_domain *domain,
				    const struct paging_range *range,
				    struct paging_sizes *sizes, size_t *done)
{
	unsigned long skip = offset_in_page(range->offset);
	unsigned long npages = PAGE_ALIGN(skip + range->length) >> PAGE_SHIFT;
	size_t left = range->length;
	struct runs_iter it;

	sizes->single = 0;
	runs_for_each(&it, range->runs, range->offset >> PAGE_SHIFT, npages) {
		size_t length = min(it.npages * PAGE_SIZE - skip, left);
		int rc = fill_piece(domain, sizes, range->iova + *done,
				    PFN_PHYS(it.pfn) + skip, length,
				    range->prot, done);

		if (rc)
			return rc;
		skip = 0;
		left -= length;
		cond_resched();
		if (fatal_signal_pending(current))
			return -EINTR;
	}
	return 0;
}

/*
 * Memory in pieces of whole pages. Where no two pages are adjacent, this loop is
 * what a map costs beside the driver and the pinning: the driver is called from
 * here for what has one size of page only.
 */
static int fill_pieces(struct iommu_domain *domain,
		       const struct paging_range *range,
		       const struct paging_sizes *sizes, size_t *done)
{
	typeof(domain->ops->map_pages) map_pages = domain->ops->map_pages;
	const size_t plain = min(sizes->single, sizes->most * PAGE_SIZE + 1);
	unsigned long iova = range->iova;
	unsigned long pause = iova + RESCHED_STRIDE;
	const int prot = range->prot;
	struct runs_iter it;
	int rc = 0;

	runs_for_each(&it, range->runs, range->offset >> PAGE_SHIFT,
		      range->length >> PAGE_SHIFT) {
		size_t length = it.npages * PAGE_SIZE, mapped = 0;

		if (likely(length < plain))
			rc = map_pages(domain, iova, PFN_PHYS(it.pfn),
				       PAGE_SIZE, it.npages, prot,
				       GFP_KERNEL_ACCOUNT, &mapped);
		if (unlikely(mapped != length || rc)) {
			if (!rc)
				rc = fill_piece(domain, sizes, iova + mapped,
						PFN_PHYS(it.pfn) + mapped,
						length - mapped, prot, &mapped);
			else
				sweep(domain, iova + mapped, length - mapped);
			if (rc) {
				iova += mapped;
				break;
			}
		}
		iova += length;
		if (unlikely(iova >= pause)) {
			pause = iova + RESCHED_STRIDE;
			cond_resched();
			if (fatal_signal_pending(current)) {
				rc = -EINTR;
				break;
			}
		}
	}
	*done = iova - range->iova;
	return rc;
}

/**
 * paging_drain_long - paging_drain_range() of what is not plain, or where the
 * driver has stopped in the middle
 * @domain: the domain
 * @iova: first IOVA
 * @length: bytes
 */
void paging_drain_long(struct iommu_domain *domain, unsigned long iova,
		       size_t length)
{
	struct paging_drain drain;

	paging_drain_begin(&drain, domain);
	paging_drain(&drain, iova, length);
	paging_drain_end(&drain);
}

/* Let the driver know; with an error, take out what has been mapped. */
static int fill_done(struct iommu_domain *domain, unsigned long iova,
		     size_t done, int rc)
{
	if (!rc && domain->ops->iotlb_sync_map)
		rc = domain->ops->iotlb_sync_map(domain, iova, done);
	if (rc && done)
		paging_drain_long(domain, iova, done);
	return rc;
}

/**
 * paging_fill - map memory into a domain
 * @domain: the domain
 * @range: what and where; aligned to the smallest page of the domain. Nothing
 *	is mapped there, and nobody else works on the same IOVAs.
 *
 * Return: 0, or with nothing mapped -ENOMEM, -EINTR on a fatal signal, or the
 * driver's error.
 */
int paging_fill(struct iommu_domain *domain, const struct paging_range *range)
{
	struct paging_sizes sizes = usable_sizes(domain, range->small);
	size_t done = 0;
	int rc;

	if (has_part_pages(range->iova, range->offset, range->length))
		rc = fill_part_pages(domain, range, &sizes, &done);
	else
		rc = fill_pieces(domain, range, &sizes, &done);
	return fill_done(domain, range->iova, done, rc);
}

/**
 * paging_fill_long - paging_fill_run() of what is not plain
 * @domain: see there, as for the rest
 * @iova: .
 * @phys: .
 * @length: .
 * @prot: .
 * @small: .
 */
int paging_fill_long(struct iommu_domain *domain, unsigned long iova,
		     phys_addr_t phys, size_t length, int prot, bool small)
{
	struct paging_sizes sizes = usable_sizes(domain, small);
	size_t done = 0;
	int rc;

	if (has_part_pages(iova, phys, length))
		sizes.single = 0;
	rc = fill_piece(domain, &sizes, iova, phys, length, prot, &done);
	return fill_done(domain, iova, done, rc);
}

/**
 * paging_fill_failed - paging_fill_run() where the driver has not done it all
 * @domain: see there, as for the rest
 * @iova: .
 * @phys: .
 * @length: .
 * @mapped: bytes that the driver says it has mapped
 * @prot: .
 * @small: .
 * @rc: what the driver has returned
 *
 * A driver may stop at the end of a table, which is no error.
 */
int paging_fill_failed(struct iommu_domain *domain, unsigned long iova,
		       phys_addr_t phys, size_t length, size_t mapped, int prot,
		       bool small, int rc)
{
	if (mapped != length)
		sweep(domain, iova + mapped, length - mapped);
	if (mapped)
		paging_drain_long(domain, iova, mapped);
	return rc ?: paging_fill_long(domain, iova, phys, length, prot, small);
}

/**
 * paging_fill_begin - begin to map several ranges
 * @fill: the state of it
 * @domain: the domain
 * @plain: paging_plain() of it
 * @small: use only entries of up to PAGE_SIZE
 */
void paging_fill_begin(struct paging_fill *fill, struct iommu_domain *domain,
		       size_t plain, bool small)
{
	fill->domain = domain;
	fill->plain = plain;
	fill->small = small;
	fill->length = 0;
	fill->joined = false;
	fill->first = ULONG_MAX;
	fill->last = 0;
	fill->mapped = 0;
	fill->since = 0;
}

/* The rest of what is pending: after the first @mapped bytes of @length. */
static noinline int fill_pending_rest(struct paging_fill *fill, size_t length,
				      size_t mapped)
{
	struct paging_sizes sizes = usable_sizes(fill->domain, fill->small);
	unsigned long iova = fill->iova + mapped;
	phys_addr_t phys = fill->phys + mapped;

	length -= mapped;
	if (fill->joined)
		sizes.single = SIZE_MAX;
	else if (has_part_pages(iova, phys, length))
		sizes.single = 0;
	return fill_piece(fill->domain, &sizes, iova, phys, length, fill->prot,
			  &fill->mapped);
}

static inline int fill_pending(struct paging_fill *fill)
{
	size_t length = fill->length, mapped = 0;
	int rc = 0;

	if (!length)
		return 0;
	fill->first = min(fill->first, fill->iova);
	fill->last = max(fill->last, fill->iova + length - 1);
	fill->length = 0;
	if (likely(length <= fill->plain)) {
		rc = fill->domain->ops->map_pages(fill->domain, fill->iova,
						  fill->phys, PAGE_SIZE,
						  length / PAGE_SIZE,
						  fill->prot,
						  GFP_KERNEL_ACCOUNT, &mapped);
		fill->mapped += mapped;
		if (likely(!rc && mapped == length))
			return 0;
	}
	if (!rc)
		return fill_pending_rest(fill, length, mapped);
	sweep(fill->domain, fill->iova + mapped, length - mapped);
	return rc;
}

/**
 * paging_fill_next - paging_fill_add_run() that does not continue what was before
 * @fill: see there, as for the rest
 * @iova: .
 * @phys: .
 * @length: .
 * @prot: .
 */
int paging_fill_next(struct paging_fill *fill, unsigned long iova,
		     phys_addr_t phys, size_t length, int prot)
{
	int rc = fill_pending(fill);

	fill->iova = iova;
	fill->phys = phys;
	fill->length = length;
	fill->prot = prot;
	fill->joined = false;
	fill->since += length;
	if (fill->since >= RESCHED_STRIDE) {
		fill->since = 0;
		cond_resched();
		if (fatal_signal_pending(current))
			rc = rc ?: -EINTR;
	}
	return rc;
}

/**
 * paging_fill_add - map one more range
 * @fill: the state
 * @range: what and where, as for paging_fill()
 *
 * Return: as paging_fill_add_run().
 */
int paging_fill_add(struct paging_fill *fill, const struct paging_range *range)
{
	unsigned long skip = offset_in_page(range->offset);
	unsigned long npages = PAGE_ALIGN(skip + range->length) >> PAGE_SHIFT;
	unsigned long iova = range->iova;
	size_t left = range->length;
	struct runs_iter it;

	runs_for_each(&it, range->runs, range->offset >> PAGE_SHIFT, npages) {
		size_t length = min(it.npages * PAGE_SIZE - skip, left);
		int rc = paging_fill_add_run(fill, iova,
					     PFN_PHYS(it.pfn) + skip, length,
					     range->prot);

		if (rc)
			return rc;
		iova += length;
		left -= length;
		skip = 0;
	}
	return 0;
}

/**
 * paging_fill_end - have all ranges mapped, and the driver know it
 * @fill: the state
 *
 * Return: as paging_fill_add_run().
 */
int paging_fill_end(struct paging_fill *fill)
{
	const struct iommu_domain_ops *ops = fill->domain->ops;
	int rc = fill_pending(fill);

	if (!rc && fill->mapped && ops->iotlb_sync_map)
		rc = ops->iotlb_sync_map(fill->domain, fill->first,
					 fill->last - fill->first + 1);
	return rc;
}

/**
 * paging_drain_collected - unmap the collected range
 * @drain: the state
 *
 * In strides that begin and end on table borders. The size of a page is a hint to
 * the driver: it finds out what is there.
 */
void paging_drain_collected(struct paging_drain *drain)
{
	struct iommu_domain *domain = drain->domain;

	drain->first = min(drain->first, drain->iova);
	drain->last = max(drain->last, drain->iova + drain->length - 1);
	while (drain->length) {
		size_t n = min(drain->length,
			       PAGING_STRIDE - drain->iova % PAGING_STRIDE);
		size_t size = PAGE_SIZE, count = n / PAGE_SIZE, gone;

		if (n != PAGE_SIZE)
			size = best_page_size(domain->pgsize_bitmap &
					      STRIDE_SIZES, drain->iova,
					      drain->iova, n, &count);
		gone = domain->ops->unmap_pages(domain, drain->iova, size,
						count, &drain->gather);
		if (WARN_ON_ONCE(!gone || gone > drain->length))
			break;
		drain->iova += gone;
		drain->length -= gone;
		cond_resched();
	}
	drain->length = 0;
}

/**
 * paging_drain_end - flush: from here on no device reaches the memory
 * @drain: the state
 *
 * One flush from the lowest to the highest IOVA. A driver that has flushed in
 * between all the same, because it knows that it is in a virtual machine (AMD),
 * has begun to gather again, which is not @queued: it knows what is left.
 */
void paging_drain_end(struct paging_drain *drain)
{
	struct iommu_iotlb_gather *gather = &drain->gather;

	if (drain->length)
		paging_drain_collected(drain);
	if (drain->first > drain->last)
		return;
	if (gather->queued) {
		gather->queued = false;
		gather->start = drain->first;
		gather->end = drain->last;
		gather->pgsize = PAGE_SIZE;
	}
	iommu_iotlb_sync(drain->domain, gather);
}
