/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Unmapping, and locking an IOAS for it.
 */
#ifndef IOMMUFD_UNMAP_H
#define IOMMUFD_UNMAP_H

#include "space/space.h"

/* Areas that are drained with one flush, before others get a turn. */
#define UNMAP_BATCH	512

int ioas_lock_unmap(struct ioas *ioas, bool *exclusive);
void ioas_unlock_unmap(struct ioas *ioas, bool exclusive);
int ioas_unmap(struct ioas *ioas, unsigned long iova, unsigned long length,
	       u64 *unmapped);
int ioas_unmap_all(struct ioas *ioas, u64 *unmapped);
int ioas_cut(struct ioas *ioas, unsigned long iova);

#endif
