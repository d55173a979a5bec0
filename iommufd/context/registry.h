/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * All contexts, by number, for readers from outside.
 */
#ifndef IOMMUFD_REGISTRY_H
#define IOMMUFD_REGISTRY_H

#include <linux/types.h>

struct iommufd_ctx;

int iommufd_registry_add(struct iommufd_ctx *ctx);
void iommufd_registry_remove(struct iommufd_ctx *ctx);
struct iommufd_ctx *iommufd_registry_get(u32 first);
void iommufd_registry_put(struct iommufd_ctx *ctx);

#endif
