/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Translation.
 */
#ifndef IOSIM_WALK_H
#define IOSIM_WALK_H

#include <linux/types.h>

#include "iotlb.h"

struct attachment;
struct iosim_endpoint;
struct second_stage;

/**
 * struct walk - a translation to be made
 * @endpoint: the device; its lock is held
 * @at: what its DMA goes by
 * @tag: of its translations
 * @iova: any address
 * @write: it is for a write
 * @privileged: of a supervisor
 */
struct walk {
	struct iosim_endpoint *endpoint;
	const struct attachment *at;
	u32 tag;
	u64 iova;
	bool write;
	bool privileged;
};

static inline u64 walk_prot(bool write)
{
	return write ? IOSIM_PTE_WRITE : IOSIM_PTE_READ;
}

void *walk_ram(phys_addr_t phys);
void walk_mapping(struct mapping *map, u64 addr, phys_addr_t phys,
		  unsigned int shift);
u32 walk_second(const struct second_stage *second, u64 addr, bool write,
		struct mapping *map);
u32 walk_translate(const struct walk *walk, void **memory);

#endif
