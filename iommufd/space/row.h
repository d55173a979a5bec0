/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * New areas that are pinned and mapped together.
 */
#ifndef IOMMUFD_ROW_H
#define IOMMUFD_ROW_H

#include "space/load.h"

int row_fill(struct ioas *ioas, struct area *chain);
int row_load(struct ioas *ioas, struct area *chain);

#endif
