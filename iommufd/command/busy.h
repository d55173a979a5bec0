/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Why an object cannot be destroyed.
 */
#ifndef IOMMUFD_BUSY_H
#define IOMMUFD_BUSY_H

#include <linux/types.h>

struct iommufd_ctx;

void iommufd_busy_explain(struct iommufd_ctx *ctx, u32 id);

#endif
