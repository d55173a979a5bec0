/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The state of a legacy container.
 */
#ifndef IOMMUFD_CONTAINER_H
#define IOMMUFD_CONTAINER_H

#include "space/space.h"

struct ioas *iommufd_container_ioas(struct iommufd_ctx *ctx);
struct ioas *iommufd_container_ready_ioas(struct iommufd_ctx *ctx);
int iommufd_container_explain(struct iommufd_ctx *ctx, const struct ioas *none);
void iommufd_container_choose(struct iommufd_ctx *ctx, u32 id);
void iommufd_container_settle(struct iommufd_ctx *ctx);

/* For VFIO where it has been patched; <linux/iommufd.h> does not have it. */
void iommufd_vfio_compat_group_left(struct iommufd_ctx *ctx);

#endif
