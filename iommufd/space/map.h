/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Mapping memory into an I/O address space.
 */
#ifndef IOMMUFD_MAP_H
#define IOMMUFD_MAP_H

#include "space/space.h"

/**
 * struct ioas_slice - a piece of memory that is to be mapped
 * @pinned: the memory; the slice has a reference
 * @offset: where the piece begins in it, in bytes
 * @length: bytes
 */
struct ioas_slice {
	struct pinned *pinned;
	unsigned long offset;
	unsigned long length;
};

int iommufd_ioas_map_source(struct ioas *ioas, unsigned long source,
			    unsigned long length, u32 flags,
			    bool charge_process, u64 iova, u64 __user *answer);
int iommufd_ioas_map_new(struct ioas *ioas, struct pinned *pinned,
			 unsigned long offset, unsigned long length, u32 flags,
			 u64 iova, u64 __user *answer);

int iommufd_ioas_get_slices(struct ioas *ioas, unsigned long start,
			    unsigned long last, struct ioas_slice **slices,
			    unsigned int *nr);
void iommufd_ioas_put_slices(struct ioas_slice *slices, unsigned int nr);
int iommufd_ioas_map_slices(struct ioas *ioas, const struct ioas_slice *slices,
			    unsigned int nr, u32 flags, u64 iova,
			    u64 __user *answer);

#endif
