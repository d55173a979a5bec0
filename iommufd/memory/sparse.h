/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Single pages of memory that in-kernel users have pinned.
 */
#ifndef IOMMUFD_SPARSE_H
#define IOMMUFD_SPARSE_H

#include <linux/xarray.h>

#include "memory/pinned.h"

/**
 * struct sparse - pages that in-kernel users have pinned one by one
 * @pages: by index, a value: the PFN, and how often the page is pinned
 * @nr: how many pages
 */
struct sparse {
	struct xarray pages;
	unsigned long nr;
};

/**
 * sparse_nr - how many pages are pinned one by one?
 * @pinned: the memory
 */
static inline unsigned long sparse_nr(const struct pinned *pinned)
{
	return pinned->sparse ? pinned->sparse->nr : 0;
}

int iommufd_sparse_absorb(struct pinned *pinned, unsigned long *paid);
int iommufd_sparse_pin(struct pinned *pinned, unsigned long index,
		       struct page **page);
long iommufd_sparse_add(struct pinned *pinned, unsigned long first,
			unsigned long npages, struct page **pages);
unsigned long iommufd_sparse_unpin(struct pinned *pinned, unsigned long first,
				   unsigned long npages);
unsigned long iommufd_sparse_gap(struct pinned *pinned, unsigned long first,
				 unsigned long npages);
unsigned long iommufd_sparse_pfn_at(struct pinned *pinned, unsigned long index);

#endif
