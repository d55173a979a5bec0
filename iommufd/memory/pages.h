/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Single pages of memory, for in-kernel users.
 */
#ifndef IOMMUFD_PAGES_H
#define IOMMUFD_PAGES_H

#include <linux/types.h>

struct page;
struct pinned;

int iommufd_pinned_pin(struct pinned *pinned, unsigned long first,
		       unsigned long npages, struct page **pages);
void iommufd_pinned_unpin(struct pinned *pinned, unsigned long first,
			  unsigned long npages);
int iommufd_pinned_rw(struct pinned *pinned, unsigned long offset, void *data,
		      unsigned long length, bool write);

#endif
