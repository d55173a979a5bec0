/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The borders of a page table that is being filled or drained.
 */
#ifndef IOMMUFD_BORDER_H
#define IOMMUFD_BORDER_H

#include "space/space.h"

int iommufd_border_fill(struct ioas *ioas, struct ioas_table *table);
bool iommufd_border_drain(struct ioas *ioas, struct ioas_table *table,
			  bool in_use);

#endif
