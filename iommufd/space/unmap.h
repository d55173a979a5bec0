/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Unmapping, and locking an IOAS for it.
 */
#ifndef IOMMUFD_UNMAP_H
#define IOMMUFD_UNMAP_H

#include "space/space.h"

/* Areas that are drained with one flush, before others get a turn. */
#define UNMAP_BATCH	512

int iommufd_ioas_lock_unmap(struct ioas *ioas, bool *exclusive);
void iommufd_ioas_unlock_unmap(struct ioas *ioas, bool exclusive);
int iommufd_ioas_unmap(struct ioas *ioas, unsigned long iova,
		       unsigned long length, u64 *unmapped);
int iommufd_ioas_unmap_all(struct ioas *ioas, u64 *unmapped);
int iommufd_ioas_cut(struct ioas *ioas, unsigned long start,
		     unsigned long last);

#endif
