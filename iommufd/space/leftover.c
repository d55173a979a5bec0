// SPDX-License-Identifier: GPL-2.0-only
/*
 * Page-table pages that a driver keeps when their last entry goes.
 *
 * VT-d's driver of Linux 6.12 frees a table when one call unmaps all that the table is
 * for, and then does so after the flush. What goes a piece at a time leaves an empty table
 * behind. When a large entry takes the place of that, the driver frees it at once, and
 * flushes afterwards: meanwhile an IOMMU that has cached where the table was walks memory
 * that may be somebody else's already, who could have a device reach anything.
 *
 * So where there may be such tables, they are unmapped with a flush before a large entry is
 * made: see make_room(). To know where, the ends are noted of all that is unmapped.
 */
#include <linux/bitmap.h>
#include <linux/iommu.h>
#include <linux/minmax.h>
#include <linux/string.h>

#include "compat.h"
#include "space/leftover.h"

/* Something ends, or begins, at @at, and what is on the other side of it stays. */
static void note_end(struct leftover *left, unsigned long at)
{
	if (at % SZ_2M)
		leftover_set(left->tables, at / SZ_2M, LEFTOVER_TABLES);
	else if (at % SZ_1G)
		leftover_set(left->directories, at / SZ_1G,
			     LEFTOVER_DIRECTORIES);
}

/* leftover_note() of more than a part of one block. */
void iommufd_leftover_note_ends(struct leftover *left, unsigned long iova,
				size_t length)
{
	note_end(left, iova);
	note_end(left, iova + length);
}

/**
 * iommufd_leftover_note_all - a call of the driver has failed: tables may be anywhere
 * @left: of the domain
 * @iova: first IOVA of what the call was for
 * @length: bytes, not 0
 */
void iommufd_leftover_note_all(struct leftover *left, unsigned long iova,
			       size_t length)
{
	unsigned long block = iova / SZ_2M;
	unsigned long last = (iova + length - 1) / SZ_2M;

	last = min(last, block + LEFTOVER_TABLES - 1);
	for (; block <= last; block++)
		leftover_set(left->tables, block, LEFTOVER_TABLES);
}

/* Is any bit set of @n blocks from @block on? */
static bool any(const unsigned long *bits, unsigned int nr, unsigned long block,
		unsigned long n)
{
	unsigned long first = block % nr, end;

	if (n >= nr)
		return !bitmap_empty(bits, nr);
	end = min(first + n, nr);
	if (find_next_bit(bits, end, first) < end)
		return true;
	/* The rest is at the beginning. */
	n -= end - first;
	return find_first_bit(bits, n) < n;
}

/**
 * iommufd_leftover_find - may there be a table where there is to be a large entry?
 * @left: of the domain
 * @iova: a multiple of 2 MiB; the caller's, and nothing is mapped there
 * @length: likewise
 *
 * Return: whether large entries in this range may take the place of tables.
 */
bool iommufd_leftover_find(const struct leftover *left, unsigned long iova,
			   size_t length)
{
	const size_t head = -iova % SZ_1G;

	if (any(left->tables, LEFTOVER_TABLES, iova / SZ_2M, length / SZ_2M))
		return true;
	return length >= head + SZ_1G &&
	       any(left->directories, LEFTOVER_DIRECTORIES,
		   (iova + head) / SZ_1G, (length - head) / SZ_1G);
}

/**
 * iommufd_leftover_forget - have no tables in a domain that has just been tried
 * @left: of the domain
 * @domain: nothing is mapped in it, and nobody else works with it
 * @iova: where all that has been mapped was
 * @length: bytes
 * @phys: a page that may be mapped for that: where there is no table, VT-d's driver would
 *	unmap more than it is asked to
 *
 * Return: whether the page is not mapped any more.
 */
bool iommufd_leftover_forget(struct leftover *left, struct iommu_domain *domain,
			     unsigned long iova, size_t length,
			     phys_addr_t phys)
{
	const unsigned long start = round_down(iova, SZ_1G);
	const size_t all = round_up(iova + length, SZ_1G) - start;
	struct iommu_iotlb_gather gather;
	size_t mapped = 0;

	if (!domain_map(domain, start, phys, PAGE_SIZE, 1,
			IOMMU_READ | IOMMU_WRITE, &mapped)) {
		iommu_iotlb_gather_init(&gather);
		if (domain_unmap(domain, start, PAGE_SIZE, all / PAGE_SIZE,
				 &gather) == all)
			memset(left, 0, sizeof(*left));
		iommu_iotlb_sync(domain, &gather);
	}
	return !domain->ops->iova_to_phys(domain, start);
}
