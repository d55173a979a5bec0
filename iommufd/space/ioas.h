/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The life of an I/O address space.
 */
#ifndef IOMMUFD_IOAS_H
#define IOMMUFD_IOAS_H

#include "space/space.h"

struct ioas *ioas_alloc(struct iommufd_ctx *ctx, struct ioas *parent);

#endif
