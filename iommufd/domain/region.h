/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Memory of IOMMUs that users can map.
 */
#ifndef IOMMUFD_REGION_H
#define IOMMUFD_REGION_H

struct iommufd_ctx;
struct vm_area_struct;

int iommufd_region_mmap(struct iommufd_ctx *ctx, struct vm_area_struct *vma);

#endif
