/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Page tables in the format of iosim.h that the kernel manages: second stages.
 */
#ifndef IOSIM_TABLE_H
#define IOSIM_TABLE_H

#include <linux/spinlock.h>
#include <linux/types.h>

#include "iosim.h"

#define TABLE_SHIFT	12
#define TABLE_SIZE	(1ULL << TABLE_SHIFT)
#define TABLE_BITS	9	/* of an address, per level */
#define TABLE_ADDR_MAX	((1ULL << IOSIM_ADDR_BITS) - 1)
#define TABLE_LEVELS_MAX	6	/* for all 64 bits */

/**
 * struct table - a page table
 * @levels: how many; IOSIM_LEVELS, or more
 * @root: of the highest one
 * @lock: taken by who changes what is mapped; walks go without, under RCU
 */
struct table {
	unsigned int levels;
	u64 *root;
	spinlock_t lock;
};

/**
 * struct table_leaf - where a walk has ended
 * @entry: in the table
 * @pte: what was in it
 * @shift: log2 of the bytes that it maps
 */
struct table_leaf {
	u64 *entry;
	u64 pte;
	unsigned int shift;
};

/* Address bits below what an entry of a level covers. */
static inline unsigned int table_level_shift(unsigned int level)
{
	return TABLE_SHIFT + (level - 1) * TABLE_BITS;
}

static inline unsigned int table_index(u64 addr, unsigned int level)
{
	return (addr >> table_level_shift(level)) & (IOSIM_TABLE_ENTRIES - 1);
}

int table_init(struct table *table, unsigned int addr_bits);
void table_destroy(struct table *table);
int table_map(struct table *table, u64 addr, phys_addr_t phys, size_t size,
	      size_t count, u64 bits, gfp_t gfp, size_t *mapped);
size_t table_unmap(struct table *table, u64 addr, size_t length);
bool table_find(const struct table *table, u64 addr, struct table_leaf *leaf);
u64 *table_leaves(const struct table *table, u64 addr, unsigned int *level);

#endif
