// SPDX-License-Identifier: GPL-2.0-only
/*
 * There are no dma-bufs of BARs: VFIO makes them since Linux 6.19, and Debian's 6.12 has
 * no peer-to-peer memory (PCI_P2PDMA) to make them of.
 */
#include "space/dmabuf.h"

struct pinned *iommufd_dmabuf_memory(struct iommufd_ctx *ctx, int fd,
				     unsigned long start, unsigned long length,
				     bool writable)
{
	return NULL;
}

void iommufd_dmabuf_open(struct iommufd_ctx *ctx)
{
}

void iommufd_dmabuf_settle(struct iommufd_ctx *ctx)
{
}
