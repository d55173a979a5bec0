/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How I/O address spaces come and go.
 */
#ifndef IOMMUFD_IOAS_H
#define IOMMUFD_IOAS_H

#include "space/space.h"

struct ioas *iommufd_ioas_alloc(struct iommufd_ctx *ctx, struct ioas *parent);

#endif
