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
 * once, over all of them. Only after iommufd_paging_drain_end() may the memory be
 * unpinned, and only if that says so: a driver may do less than it was asked to,
 * and a device can reach what it left behind.
 */
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>

#include "memory/runs.h"
#include "space/paging.h"

/* Entries for one call of the driver, which does not reschedule. */
#define CALL_ENTRIES_MAX (1UL << 18)
/* Bytes in pieces between two chances to reschedule. */
#define RESCHED_STRIDE	(16UL << 20)
/* Questions to a domain between two chances to reschedule. */
#define CLEAR_STRIDE	1024
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
 * @last: the last IOVA of the range that is being mapped
 * @clean: from here on up to @last there are no empty tables in the way of large entries
 */
struct paging_sizes {
	unsigned long bitmap;
	size_t single;
	size_t large;
	size_t larger;
	unsigned int shift;
	size_t most;
	unsigned long last;
	bool clean;
};

/*
 * The largest page that fits at the beginning of [@iova, @iova + @length), and
 * how many of that size there are before a larger one fits.
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

/* For the range that ends with @last. */
static struct paging_sizes usable_sizes(const struct paging *paging, bool small,
					unsigned long last)
{
	struct paging_sizes sizes = {
		.bitmap = paging->domain->pgsize_bitmap &
			  (small ? PAGE_SIZE | (PAGE_SIZE - 1) : STRIDE_SIZES),
		.last = last,
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

/**
 * iommufd_paging_unmap_now - unmap with a flush of its own
 * @paging: the domain
 * @iova: first IOVA, where something is mapped
 * @length: bytes
 *
 * Return: bytes that the driver says it has unmapped.
 */
size_t iommufd_paging_unmap_now(const struct paging *paging, unsigned long iova,
				size_t length)
{
	struct iommu_domain *domain = paging->domain;
	const size_t step = domain_grain(domain);
	struct iommu_iotlb_gather gather;
	size_t gone;

	paging_note(paging, iova, length);
	iommu_iotlb_gather_init(&gather);
	gone = domain_unmap(domain, iova, step, length / step, &gather);
	if (gone)
		iommu_iotlb_sync(domain, &gather);
	return gone;
}

/**
 * iommufd_paging_clear_steps - iommufd_paging_clear() where no entry is smaller than a step
 * @paging: the domain
 * @iova: first IOVA
 * @length: bytes
 * @step: the smallest entry, in bytes
 *
 * Return: as iommufd_paging_clear().
 */
bool iommufd_paging_clear_steps(const struct paging *paging, unsigned long iova,
				size_t length, size_t step)
{
	struct iommu_domain *domain = paging->domain;
	unsigned int n = 0;
	size_t at, most, gone;

	for (at = 0; at < length; at += step) {
		if (!(++n % CLEAR_STRIDE))
			cond_resched();
		if (!domain_translates(domain, iova + at))
			continue;
		/* Try as much as one call may take; if that fails, this one alone. */
		most = length - at;
		if (!paging->whole)
			most = min(most, PAGING_STRIDE -
					 (iova + at) % PAGING_STRIDE);
		gone = iommufd_paging_unmap_now(paging, iova + at, most);
		if (domain_translates(domain, iova + at)) {
			iommufd_paging_unmap_now(paging, iova + at, step);
			if (domain_translates(domain, iova + at))
				return false;
		} else if (gone > step && gone <= most &&
			   !domain_translates(domain, iova + at + gone - step)) {
			at += gone - step;
			cond_resched();
		}
	}
	/* What was unmapped without being reported may still be in the IOTLB. */
	iommu_flush_iotlb_all(domain);
	return true;
}

/*
 * A driver that unmaps only as a whole what it has mapped has a list of that, and tells by
 * the list what is translated. virtio-iommu's takes out of it what is to be unmapped, and
 * only then has no memory for the request to its device, which goes on translating. So
 * the list is completed, by zeros, to be read: where the device still has something it
 * refuses them. Then all of it is unmapped, with such a driver by one call.
 */
static noinline bool clear_whole(const struct paging *paging,
				 unsigned long iova, size_t length, size_t step)
{
	struct iommu_domain *domain = paging->domain;
	const phys_addr_t zeros = page_to_phys(ZERO_PAGE(0));
	unsigned int n = 0;
	size_t at, gone;

	for (at = 0; at < length; at += step) {
		size_t mapped = 0;

		if (!(++n % CLEAR_STRIDE))
			cond_resched();
		if (domain_translates(domain, iova + at))
			continue;
		if (domain_map(domain, iova + at, zeros, step, 1, IOMMU_READ,
			       &mapped) || mapped != step)
			return false;
	}
	for (at = 0; at < length; at += gone) {
		gone = iommufd_paging_unmap_now(paging, iova + at, length - at);
		if (!gone || gone > length - at)
			return false;
		cond_resched();
	}
	return true;
}

/**
 * iommufd_paging_clear - unmap a range whose contents are not known
 * @paging: the domain
 * @iova: first IOVA
 * @length: bytes; everything that is mapped in the range is the caller's, and no call
 *	has mapped more than the range
 *
 * For when a driver has failed to unmap it. The domain is asked what it translates, page
 * by page, which is slow.
 *
 * Return: whether the domain no longer translates any of it. If false, a device may
 * reach the memory: it must stay pinned until this is tried again with success, or no
 * device uses the domain.
 */
bool iommufd_paging_clear(const struct paging *paging, unsigned long iova,
			  size_t length)
{
	const size_t step = domain_grain(paging->domain);

	if (paging->whole)
		return clear_whole(paging, iova, length, step);
	return iommufd_paging_clear_steps(paging, iova, length, step);
}

/* best_page_size(), optimised for huge pages of the CPU, which fit as a rule. */
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

/*
 * One call of map_pages has failed. Some drivers undo what they did, some say how far
 * they came, and VT-d's, when memory is short, leaves entries behind and does not say
 * so. A device must not reach the memory.
 */
static int call_failed(const struct paging *paging, unsigned long iova,
		       size_t length, size_t size, int rc)
{
	if (paging->leftover)
		iommufd_leftover_note_all(paging->leftover, iova, length);
	if (!iommufd_paging_clear_steps(paging, iova, length, size))
		return -EIO;
	return rc ?: -EINVAL;
}

/*
 * Take empty tables out of the way of the large entries that the driver may make of a piece,
 * and of the rest of the range that is being mapped: nothing is there yet. The first page is
 * mapped by itself, and then all of it unmapped: at an IOVA for which there is no table,
 * VT-d's driver would unmap as much as that table would be for, from there on. What a device
 * writes to the page meanwhile, before the map has returned, may not be told of as dirty.
 */
static noinline int make_room(const struct paging *paging,
			      struct paging_sizes *sizes, unsigned long iova,
			      phys_addr_t phys, size_t length, int prot)
{
	const size_t head = -iova % SZ_2M;
	size_t mapped = 0;
	int rc;

	if ((iova ^ phys) % SZ_2M || length < head + SZ_2M)
		return 0;
	iova += head;
	phys += head;
	length = round_down(sizes->last - iova + 1, SZ_2M);
	sizes->clean = true;
	if (!iommufd_leftover_find(paging->leftover, iova, length))
		return 0;
	rc = domain_map(paging->domain, iova, phys, PAGE_SIZE, 1, prot, &mapped);
	if (rc || mapped != PAGE_SIZE ||
	    iommufd_paging_unmap_now(paging, iova, length) != length)
		return call_failed(paging, iova, PAGE_SIZE, PAGE_SIZE, rc);
	return 0;
}

/*
 * One contiguous piece. *@done grows by what has been mapped. The driver may do less
 * than it is asked to, which is no error, as long as it does something.
 */
static int fill_piece(const struct paging *paging, struct paging_sizes *sizes,
		      unsigned long iova, phys_addr_t phys, size_t length,
		      int prot, size_t *done)
{
	do {
		size_t size = PAGE_SIZE, count = length / PAGE_SIZE, mapped = 0;
		int rc = 0;

		if (length >= sizes->single)
			size = large_page_size(sizes, iova, phys, length,
					       &count);
		count = min(count, sizes->most);
		if (paging->leftover && !sizes->clean && size * count >= SZ_2M)
			rc = make_room(paging, sizes, iova, phys, size * count,
				       prot);
		if (rc)
			return rc;
		rc = domain_map(paging->domain, iova, phys, size, count, prot,
				&mapped);
		*done += mapped;
		if (rc || !mapped)
			return call_failed(paging, iova + mapped,
					   size * count - mapped, size, rc);
		length -= mapped;
		if (!length)
			return 0;
		iova += mapped;
		phys += mapped;
		cond_resched();
	} while (!fatal_signal_pending(current));
	return -EINTR;
}

/* Memory in pieces that begin and end within pages. */
static noinline int fill_part_pages(const struct paging *paging,
				    const struct paging_range *range,
				    struct paging_sizes *sizes, size_t *done)
{
	unsigned long skip = offset_in_page(range->offset);
	unsigned long npages = PAGE_ALIGN(skip + range->length) >> PAGE_SHIFT;
	unsigned long iova = range->iova;
	size_t left = range->length;
	struct runs_iter it;

	sizes->single = 0;
	runs_for_each(&it, range->runs, range->offset >> PAGE_SHIFT, npages) {
		size_t length = min(it.npages * PAGE_SIZE - skip, left);
		int rc = fill_piece(paging, sizes, iova,
				    PFN_PHYS(it.pfn) + skip, length,
				    range->prot, done);

		if (rc)
			return rc;
		skip = 0;
		iova += length;
		left -= length;
		cond_resched();
		if (fatal_signal_pending(current))
			return -EINTR;
	}
	return 0;
}

/*
 * Memory in pieces of whole pages. Where no two pages are adjacent, this loop is
 * what a map costs besides the driver and the pinning: pieces with only one
 * possible page size go to the driver directly from here.
 */
static int fill_pieces(const struct paging *paging,
		       const struct paging_range *range,
		       struct paging_sizes *sizes, size_t *done)
{
	struct iommu_domain *domain = paging->domain;
	const size_t plain = min(sizes->single, sizes->most * PAGE_SIZE + 1);
	unsigned long iova = range->iova, since = 0;
	const int prot = range->prot;
	struct runs_iter it;

	runs_for_each(&it, range->runs, range->offset >> PAGE_SHIFT,
		      range->length >> PAGE_SHIFT) {
		size_t length = it.npages * PAGE_SIZE, mapped = 0;
		int rc = 0;

		if (length < plain)
			rc = domain_map(domain, iova, PFN_PHYS(it.pfn),
					PAGE_SIZE, it.npages, prot, &mapped);
		*done += mapped;
		if (rc)
			return call_failed(paging, iova + mapped,
					   length - mapped, PAGE_SIZE, rc);
		if (mapped != length) {
			rc = fill_piece(paging, sizes, iova + mapped,
					PFN_PHYS(it.pfn) + mapped,
					length - mapped, prot, done);
			if (rc)
				return rc;
		}
		iova += length;
		since += length;
		if (since >= RESCHED_STRIDE) {
			since = 0;
			cond_resched();
			if (fatal_signal_pending(current))
				return -EINTR;
		}
	}
	return 0;
}

/**
 * iommufd_paging_drain_long - paging_drain_range() of a range that is not plain
 * @paging: the domain
 * @iova: first IOVA
 * @length: bytes
 *
 * Return: as paging_drain_range().
 */
bool iommufd_paging_drain_long(const struct paging *paging, unsigned long iova,
			       size_t length)
{
	struct paging_drain drain;

	paging_drain_begin(&drain, paging);
	paging_drain(&drain, iova, length);
	return iommufd_paging_drain_end(&drain) ||
	       iommufd_paging_clear(paging, iova, length);
}

/* Sync; on an error unmap the @done bytes that are mapped. */
static int fill_done(const struct paging *paging, unsigned long iova,
		     size_t done, int rc)
{
	struct iommu_domain *domain = paging->domain;

	if (!rc && domain->ops->iotlb_sync_map)
		rc = domain->ops->iotlb_sync_map(domain, iova, done);
	if (rc && done && !iommufd_paging_drain_long(paging, iova, done))
		rc = -EIO;
	return rc;
}

/**
 * iommufd_paging_fill - map memory into a domain
 * @paging: the domain
 * @range: what and where; aligned to the smallest page of the domain. Nothing
 *	is mapped there, and nobody else works on the same IOVAs.
 *
 * Return: 0, or with nothing mapped -ENOMEM, -EINTR on a fatal signal, or the
 * driver's error; -EIO if something may still be mapped, see iommufd_paging_clear().
 */
int iommufd_paging_fill(const struct paging *paging,
			const struct paging_range *range)
{
	struct paging_sizes sizes =
		usable_sizes(paging, range->small,
			     range->iova + range->length - 1);
	size_t done = 0;
	int rc;

	if (has_part_pages(range->iova, range->offset, range->length))
		rc = fill_part_pages(paging, range, &sizes, &done);
	else
		rc = fill_pieces(paging, range, &sizes, &done);
	return fill_done(paging, range->iova, done, rc);
}

/* paging_fill_run() of a piece that is not plain, see struct paging. */
int iommufd_paging_fill_long(const struct paging *paging, unsigned long iova,
			     phys_addr_t phys, size_t length, int prot,
			     bool small)
{
	struct paging_sizes sizes = usable_sizes(paging, small,
						 iova + length - 1);
	size_t done = 0;
	int rc;

	if (has_part_pages(iova, phys, length))
		sizes.single = 0;
	rc = fill_piece(paging, &sizes, iova, phys, length, prot, &done);
	return fill_done(paging, iova, done, rc);
}

/*
 * paging_fill_run() where the driver has mapped less than it was asked to: @mapped
 * bytes, by its own account, and it has returned @rc. It may stop at the end of a
 * table, which is no error.
 */
int iommufd_paging_fill_failed(const struct paging *paging, unsigned long iova,
			       phys_addr_t phys, size_t length, size_t mapped,
			       int prot, bool small, int rc)
{
	struct paging_sizes sizes = usable_sizes(paging, small,
						 iova + length - 1);
	size_t done = mapped;

	/* If the sync has failed everything is mapped. */
	if (rc && mapped < length)
		rc = call_failed(paging, iova + mapped, length - mapped,
				 PAGE_SIZE, rc);
	else if (!rc)
		rc = fill_piece(paging, &sizes, iova + mapped, phys + mapped,
				length - mapped, prot, &done);
	return fill_done(paging, iova, done, rc);
}

/**
 * iommufd_paging_fill_begin - begin to map several ranges
 * @fill: the state of it
 * @paging: the domain
 * @small: use only entries of up to PAGE_SIZE
 */
void iommufd_paging_fill_begin(struct paging_fill *fill,
			       const struct paging *paging, bool small)
{
	fill->paging = paging;
	fill->small = small;
	fill->length = 0;
	fill->joined = false;
	fill->any = false;
	fill->mapped = 0;
	fill->since = 0;
}

/* Widen a span of IOVAs to include a range. */
static inline void widen(bool *any, unsigned long *first, unsigned long *last,
			 unsigned long iova, size_t length)
{
	unsigned long end = iova + length - 1;

	*first = *any ? min(*first, iova) : iova;
	*last = *any ? max(*last, end) : end;
	*any = true;
}

/* Map the rest of what is pending, after the first @mapped bytes of @length. */
static noinline int fill_pending_rest(struct paging_fill *fill, size_t length,
				      size_t mapped)
{
	struct paging_sizes sizes = usable_sizes(fill->paging, fill->small,
						 fill->iova + length - 1);
	unsigned long iova = fill->iova + mapped;
	phys_addr_t phys = fill->phys + mapped;

	length -= mapped;
	if (fill->joined)
		sizes.single = SIZE_MAX;
	else if (has_part_pages(iova, phys, length))
		sizes.single = 0;
	return fill_piece(fill->paging, &sizes, iova, phys, length, fill->prot,
			  &fill->mapped);
}

static inline int fill_pending(struct paging_fill *fill)
{
	const struct paging *paging = fill->paging;
	struct iommu_domain *domain = paging->domain;
	size_t length = fill->length, mapped = 0;

	if (!length)
		return 0;
	widen(&fill->any, &fill->first, &fill->last, fill->iova, length);
	fill->length = 0;
	if (length <= paging->plain) {
		int rc = domain_map(domain, fill->iova, fill->phys, PAGE_SIZE,
				    length / PAGE_SIZE, fill->prot, &mapped);

		fill->mapped += mapped;
		if (rc)
			return call_failed(paging, fill->iova + mapped,
					   length - mapped, PAGE_SIZE, rc);
		if (mapped == length)
			return 0;
	}
	return fill_pending_rest(fill, length, mapped);
}

/* paging_fill_add_run() of a range that does not continue the one before. */
int iommufd_paging_fill_next(struct paging_fill *fill, unsigned long iova,
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
 * iommufd_paging_fill_add - map one more range
 * @fill: the state
 * @range: what and where, as for iommufd_paging_fill()
 *
 * Return: as paging_fill_add_run().
 */
int iommufd_paging_fill_add(struct paging_fill *fill,
			    const struct paging_range *range)
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
 * iommufd_paging_fill_end - map what is pending, and sync
 * @fill: the state
 *
 * Return: as paging_fill_add_run().
 */
int iommufd_paging_fill_end(struct paging_fill *fill)
{
	struct iommu_domain *domain = fill->paging->domain;
	int rc = fill_pending(fill);
	size_t length;

	if (rc || !fill->any || !domain->ops->iotlb_sync_map)
		return rc;
	length = fill->last - fill->first + 1;
	/* The length of all 64 bits does not fit in 64 bits. */
	if (!length) {
		length = 1UL << (BITS_PER_LONG - 1);
		rc = domain->ops->iotlb_sync_map(domain, length, length);
	}
	return rc ?: domain->ops->iotlb_sync_map(domain, fill->first, length);
}

/**
 * iommufd_paging_drain_collected - unmap the collected range
 * @drain: the state
 *
 * In strides that begin and end on table borders, except for drivers that can unmap
 * only as a whole what they have mapped. The page size is only a hint to the driver,
 * which finds out what is there. No table that is for a part of the range alone is cut
 * by two calls.
 */
void iommufd_paging_drain_collected(struct paging_drain *drain)
{
	struct iommu_domain *domain = drain->paging->domain;
	const size_t step = domain_grain(domain);

	widen(&drain->any, &drain->first, &drain->last, drain->iova,
	      drain->length);
	paging_note(drain->paging, drain->iova, drain->length);
	while (drain->length) {
		size_t n = min(drain->length,
			       PAGING_STRIDE - drain->iova % PAGING_STRIDE);
		size_t size = PAGE_SIZE, count = n / PAGE_SIZE, gone;

		if (drain->paging->whole) {
			size = step;
			count = drain->length / step;
		} else if (n != PAGE_SIZE) {
			size = best_page_size(domain->pgsize_bitmap &
					      STRIDE_SIZES, drain->iova,
					      drain->iova, n, &count);
		}
		gone = domain_unmap(domain, drain->iova, size, count,
				    &drain->gather);
		if (!gone || gone > drain->length) {
			drain->stuck = true;
			break;
		}
		drain->iova += gone;
		drain->length -= gone;
		cond_resched();
	}
	drain->length = 0;
}

/**
 * iommufd_paging_drain_end - flush: from here on no device reaches the memory
 * @drain: the state
 *
 * One flush from the lowest to the highest IOVA. A driver that has flushed in
 * between all the same, because it knows that it is in a virtual machine (AMD),
 * has started a new gather, without @queued: that holds what is left.
 *
 * Return: true; or false if the driver has failed: then what is left of each range
 * has to be found out, see iommufd_paging_clear().
 */
bool iommufd_paging_drain_end(struct paging_drain *drain)
{
	struct iommu_iotlb_gather *gather = &drain->gather;

	if (drain->length)
		iommufd_paging_drain_collected(drain);
	if (!drain->any)
		return !drain->stuck;
	if (gather->queued) {
		gather->queued = false;
		gather->start = drain->first;
		gather->end = drain->last;
		gather_set_size(drain->paging->domain, gather, PAGE_SIZE);
	}
	iommu_iotlb_sync(drain->paging->domain, gather);
	return !drain->stuck;
}
