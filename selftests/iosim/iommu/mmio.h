/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Memory on devices: what DMA reaches that is not RAM.
 */
#ifndef IOSIM_MMIO_H
#define IOSIM_MMIO_H

#include <linux/mm.h>
#include <linux/types.h>

void *mmio_find(phys_addr_t phys);
bool mmio_transfer(void *memory, void *buffer, size_t length, bool write);

/* Of what DMA reaches: that is RAM, or mapped where vmalloc() takes its addresses from. */
static inline bool mmio_is(const void *memory)
{
	return is_vmalloc_addr(memory);
}

#endif
