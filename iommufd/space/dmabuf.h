/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Memory of a device as a dma-buf.
 */
#ifndef IOMMUFD_DMABUF_H
#define IOMMUFD_DMABUF_H

#include <linux/types.h>

struct iommufd_ctx;
struct pinned;

struct pinned *iommufd_dmabuf_memory(struct iommufd_ctx *ctx, int fd,
				     unsigned long start, unsigned long length,
				     bool writable);
void iommufd_dmabuf_open(struct iommufd_ctx *ctx);
void iommufd_dmabuf_settle(struct iommufd_ctx *ctx);

#endif
