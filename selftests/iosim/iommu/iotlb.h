/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The translations, and entries of PASID tables, that an endpoint has cached.
 */
#ifndef IOSIM_IOTLB_H
#define IOSIM_IOTLB_H

#include <linux/interval_tree.h>
#include <linux/list.h>
#include <linux/types.h>

#include "iosim.h"
#include "structures.h"

/* Translations, and entries of PASID tables, that are remembered at a time. */
#define IOTLB_SIZE		2048
#define PASID_CACHE_SIZE	1024

/**
 * struct mapping - what a walk finds out
 * @base: first IOVA of the piece that is mapped as one
 * @phys: memory at @base
 * @parent: address in the parent at @base, if @nested
 * @shift: log2 of the bytes
 * @leaf_shift: the same of the first stage's leaf, or of the only one
 * @first: permissions of the first stage or the only one: IOSIM_PTE_READ, _WRITE
 * @second: of the second stage, below a first one
 * @dirty: writes need not set dirty bits any more
 * @nested: it comes from a first stage
 * @user: of a VT-d: the first stage permits a user's access
 */
struct mapping {
	u64 base;
	phys_addr_t phys;
	u64 parent;
	u8 shift;
	u8 leaf_shift;
	u8 first;
	u8 second;
	bool dirty;
	bool nested;
	bool user;
};

/**
 * struct iotlb_entry - a remembered translation
 * @node: its place: see iotlb.c
 * @link: in iotlb.used, the last used last, or in iotlb.free
 * @map: the translation
 */
struct iotlb_entry {
	struct interval_tree_node node;
	struct list_head link;
	struct mapping map;
};

struct pasid_cache_entry {
	u32 pasid;
	bool valid;
	u64 flags;
	u64 root;
};

/**
 * struct iotlb - the caches of an endpoint
 * @tree: of struct iotlb_entry
 * @used: the entries in @tree
 * @free: the others
 * @entries: all of them
 * @nr_split: how many of @used are smaller than the first stage's leaf
 * @last: the last IOVA that there may be
 * @tag_shift: where a tag begins, in a number that has the IOVA's page below it
 * @pasids: the PASID cache, by the low bits of the PASID
 * @structures: the paging-structure cache
 *
 * Protected by the lock of the endpoint.
 */
struct iotlb {
	struct rb_root_cached tree;
	struct list_head used;
	struct list_head free;
	struct iotlb_entry *entries;
	unsigned int nr_split;
	u64 last;
	unsigned int tag_shift;
	struct pasid_cache_entry *pasids;
	struct structures structures;
};

int iotlb_init(struct iotlb *iotlb, unsigned int addr_bits);
void iotlb_destroy(struct iotlb *iotlb);
struct iotlb_entry *iotlb_find(struct iotlb *iotlb, u32 tag, u64 iova);
void iotlb_add(struct iotlb *iotlb, u32 tag, u64 iova,
	       const struct mapping *map);
void iotlb_forget(struct iotlb *iotlb, u32 tag, u64 first, u64 last);
void iotlb_forget_leaves(struct iotlb *iotlb, u32 tag, u64 first, u64 last);
void iotlb_forget_all(struct iotlb *iotlb, u64 first, u64 last);

struct pasid_cache_entry *pasid_cache_find(struct iotlb *iotlb, u32 pasid);
void pasid_cache_add(struct iotlb *iotlb, u32 pasid,
		     const struct iosim_pasid_entry *entry);
void pasid_cache_forget(struct iotlb *iotlb, u32 pasid);
void pasid_cache_forget_all(struct iotlb *iotlb);

#endif
