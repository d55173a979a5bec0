/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where an IOMMU driver may have left page-table pages that have no entries any more.
 */
#ifndef IOMMUFD_LEFTOVER_H
#define IOMMUFD_LEFTOVER_H

#include <linux/bitops.h>
#include <linux/math.h>
#include <linux/sizes.h>
#include <linux/types.h>

struct iommu_domain;

/* Blocks whose numbers differ by a multiple of these share a bit: every 4 GiB, 256 GiB. */
#define LEFTOVER_TABLES		2048U
#define LEFTOVER_DIRECTORIES	256U

/**
 * struct leftover - where a large entry may have to be put in the place of a table
 * @tables: by blocks of 2 MiB: there may be a table of small entries
 * @directories: by blocks of 1 GiB: there may be a directory of such tables, and of large
 *	entries. Of those that have been noted in @tables it is not said again
 *
 * No bit is cleared once the domain is in use: it may stand for other blocks, too. So no
 * lock is needed: what a range has left behind is noted before others can map there.
 */
struct leftover {
	DECLARE_BITMAP(tables, LEFTOVER_TABLES);
	DECLARE_BITMAP(directories, LEFTOVER_DIRECTORIES);
};

static inline void leftover_set(unsigned long *bits, unsigned long block,
				unsigned int nr)
{
	block %= nr;
	if (!test_bit(block, bits))
		set_bit(block, bits);
}

void iommufd_leftover_note_ends(struct leftover *left, unsigned long iova,
				size_t length);

/**
 * leftover_note - one call of the driver unmaps a range
 * @left: of the domain
 * @iova: first IOVA
 * @length: bytes
 *
 * The driver frees the tables that are within the range as a whole.
 */
static inline void leftover_note(struct leftover *left, unsigned long iova,
				 size_t length)
{
	if ((iova ^ (iova + length)) / SZ_2M)
		iommufd_leftover_note_ends(left, iova, length);
	else
		leftover_set(left->tables, iova / SZ_2M, LEFTOVER_TABLES);
}

void iommufd_leftover_note_all(struct leftover *left, unsigned long iova,
			       size_t length);
bool iommufd_leftover_find(const struct leftover *left, unsigned long iova,
			   size_t length);
bool iommufd_leftover_forget(struct leftover *left, struct iommu_domain *domain,
			     unsigned long iova, size_t length,
			     phys_addr_t phys);

#endif
