/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Device memory that a process has mapped.
 */
#ifndef IOMMUFD_PFNMAP_H
#define IOMMUFD_PFNMAP_H

#include <linux/types.h>

struct mm_struct;
struct runs;

int iommufd_pfnmap_gather(struct mm_struct *mm, unsigned long uptr,
			  unsigned long npages, bool write, struct runs *runs);

#endif
