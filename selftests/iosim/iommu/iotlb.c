// SPDX-License-Identifier: GPL-2.0-only
/*
 * The translations, and entries of PASID tables, that an endpoint has cached.
 *
 * An entry is tagged with the PASID of the DMA, 0 for DMA without one. What the
 * PASID is attached to need not be in the tag: when that changes, all entries of
 * the tag are invalidated.
 *
 * Entries are in an interval tree, in one number space for all tags: the PASID
 * above the page number of the IOVA. They never overlap: an entry that would,
 * because the user has changed his tables without an invalidation, is cut to the
 * one page that was not cached. So it does not depend on chance what continues to
 * use an old entry, except that the least recently used one is evicted when there
 * are too many.
 *
 * When both stages are cached as one, a large leaf of the first may take many
 * entries. Invalidating one byte of the leaf invalidates them all.
 */
#include <linux/bits.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "iotlb.h"
#include "table.h"

#define HUGEST_SHIFT	(TABLE_SHIFT + 2 * TABLE_BITS)

static unsigned long place(const struct iotlb *iotlb, u32 tag, u64 iova)
{
	return ((unsigned long)tag << iotlb->tag_shift) | iova >> TABLE_SHIFT;
}

/**
 * iotlb_init - make empty caches
 * @iotlb: the caches
 * @addr_bits: how long IOVAs are: at least IOSIM_ADDR_BITS. With 64 of them there is
 *	room for tags of 12 bits
 *
 * Return: 0 or -ENOMEM.
 */
int iotlb_init(struct iotlb *iotlb, unsigned int addr_bits)
{
	unsigned int i;

	iotlb->last = GENMASK_ULL(addr_bits - 1, 0);
	iotlb->tag_shift = addr_bits - TABLE_SHIFT;
	iotlb->tree = RB_ROOT_CACHED;
	INIT_LIST_HEAD(&iotlb->used);
	INIT_LIST_HEAD(&iotlb->free);
	iotlb->nr_split = 0;
	iotlb->entries = kvcalloc(IOTLB_SIZE, sizeof(*iotlb->entries),
				  GFP_KERNEL);
	iotlb->pasids = kvcalloc(PASID_CACHE_SIZE, sizeof(*iotlb->pasids),
				 GFP_KERNEL);
	if (!iotlb->entries || !iotlb->pasids) {
		iotlb_destroy(iotlb);
		return -ENOMEM;
	}
	for (i = 0; i < IOTLB_SIZE; i++)
		list_add_tail(&iotlb->entries[i].link, &iotlb->free);
	return 0;
}

/**
 * iotlb_destroy - free the caches
 * @iotlb: the caches
 */
void iotlb_destroy(struct iotlb *iotlb)
{
	kvfree(iotlb->entries);
	kvfree(iotlb->pasids);
}

static bool is_split(const struct mapping *map)
{
	return map->shift < map->leaf_shift;
}

static void forget(struct iotlb *iotlb, struct iotlb_entry *entry)
{
	interval_tree_remove(&entry->node, &iotlb->tree);
	iotlb->nr_split -= is_split(&entry->map);
	list_move(&entry->link, &iotlb->free);
}

/**
 * iotlb_find - look for a translation
 * @iotlb: the caches
 * @tag: the PASID, or 0
 * @iova: up to iotlb.last
 *
 * Return: the entry or NULL.
 */
struct iotlb_entry *iotlb_find(struct iotlb *iotlb, u32 tag, u64 iova)
{
	unsigned long at = place(iotlb, tag, iova);
	struct interval_tree_node *node;
	struct iotlb_entry *entry;

	node = interval_tree_iter_first(&iotlb->tree, at, at);
	if (!node)
		return NULL;
	entry = container_of(node, struct iotlb_entry, node);
	list_move_tail(&entry->link, &iotlb->used);
	return entry;
}

/* Leave only the page of @iova of a mapping. */
static void cut_to_page(struct mapping *map, u64 iova)
{
	u64 offset = (iova - map->base) & ~(TABLE_SIZE - 1);

	map->base += offset;
	map->phys += offset;
	map->parent += offset;
	map->shift = TABLE_SHIFT;
}

/**
 * iotlb_add - remember a translation
 * @iotlb: the caches; iotlb_find() has found nothing
 * @tag: the PASID, or 0
 * @iova: an IOVA that it translates
 * @map: the translation
 */
void iotlb_add(struct iotlb *iotlb, u32 tag, u64 iova,
	       const struct mapping *map)
{
	unsigned long pages = 1UL << (map->shift - TABLE_SHIFT);
	unsigned long start = place(iotlb, tag, map->base);
	struct iotlb_entry *entry;

	if (list_empty(&iotlb->free))
		forget(iotlb, list_first_entry(&iotlb->used, struct iotlb_entry,
					       link));
	entry = list_first_entry(&iotlb->free, struct iotlb_entry, link);
	entry->map = *map;
	if (interval_tree_iter_first(&iotlb->tree, start, start + pages - 1))
		cut_to_page(&entry->map, iova);
	entry->node.start = place(iotlb, tag, entry->map.base);
	entry->node.last = entry->node.start +
			   (1UL << (entry->map.shift - TABLE_SHIFT)) - 1;
	interval_tree_insert(&entry->node, &iotlb->tree);
	iotlb->nr_split += is_split(&entry->map);
	list_move_tail(&entry->link, &iotlb->used);
}

/* Whether the leaf that an entry comes from has a byte in a range. */
static bool leaf_covers(const struct mapping *map, u64 first, u64 last)
{
	u64 size = 1ULL << max(map->leaf_shift, map->shift);
	u64 base = map->base & ~(size - 1);

	return base <= last && first <= base + size - 1;
}

/**
 * iotlb_forget_leaves - forget translations of one tag, and not how they were found
 * @iotlb: the caches
 * @tag: the PASID, or 0
 * @first: first IOVA of the range
 * @last: last one; U64_MAX is the end of all
 *
 * What the paging-structure cache has stays.
 */
void iotlb_forget_leaves(struct iotlb *iotlb, u32 tag, u64 first, u64 last)
{
	u64 mask = iotlb->nr_split ? (1ULL << HUGEST_SHIFT) - 1 : 0;
	struct interval_tree_node *node, *next;
	unsigned long from, to;

	if (first > iotlb->last)
		return;
	last = min(last, iotlb->last);
	from = place(iotlb, tag, first & ~mask);
	to = place(iotlb, tag, last | mask);
	for (node = interval_tree_iter_first(&iotlb->tree, from, to); node;
	     node = next) {
		struct iotlb_entry *entry =
			container_of(node, struct iotlb_entry, node);

		next = interval_tree_iter_next(node, from, to);
		if (leaf_covers(&entry->map, first, last))
			forget(iotlb, entry);
	}
}

/**
 * iotlb_forget - forget translations of one tag
 * @iotlb: the caches
 * @tag: the PASID, or 0
 * @first: first IOVA of the range
 * @last: last one; U64_MAX is the end of all
 */
void iotlb_forget(struct iotlb *iotlb, u32 tag, u64 first, u64 last)
{
	iotlb_forget_leaves(iotlb, tag, first, last);
	structures_forget(&iotlb->structures, tag, first, last);
}

/**
 * iotlb_forget_all - forget translations of all tags
 * @iotlb: the caches
 * @first: first IOVA of the range
 * @last: last one; U64_MAX is the end of all
 */
void iotlb_forget_all(struct iotlb *iotlb, u64 first, u64 last)
{
	struct iotlb_entry *entry, *next;

	list_for_each_entry_safe(entry, next, &iotlb->used, link)
		if (leaf_covers(&entry->map, first, last))
			forget(iotlb, entry);
	structures_forget_all(&iotlb->structures);
}

static struct pasid_cache_entry *pasid_slot(struct iotlb *iotlb, u32 pasid)
{
	return &iotlb->pasids[pasid % PASID_CACHE_SIZE];
}

/**
 * pasid_cache_find - look for an entry of a PASID table
 * @iotlb: the caches
 * @pasid: the PASID, or 0 for DMA without
 *
 * Return: the entry or NULL.
 */
struct pasid_cache_entry *pasid_cache_find(struct iotlb *iotlb, u32 pasid)
{
	struct pasid_cache_entry *entry = pasid_slot(iotlb, pasid);

	return entry->valid && entry->pasid == pasid ? entry : NULL;
}

/**
 * pasid_cache_add - remember an entry of a PASID table
 * @iotlb: the caches
 * @pasid: the PASID, or 0 for DMA without
 * @entry: what was in memory
 */
void pasid_cache_add(struct iotlb *iotlb, u32 pasid,
		     const struct iosim_pasid_entry *entry)
{
	*pasid_slot(iotlb, pasid) = (struct pasid_cache_entry){
		.pasid = pasid,
		.valid = true,
		.flags = entry->flags,
		.root = entry->root,
	};
}

/**
 * pasid_cache_forget - forget one entry of a PASID table
 * @iotlb: the caches
 * @pasid: the PASID, or 0 for DMA without
 */
void pasid_cache_forget(struct iotlb *iotlb, u32 pasid)
{
	struct pasid_cache_entry *entry = pasid_cache_find(iotlb, pasid);

	if (entry)
		entry->valid = false;
}

/**
 * pasid_cache_forget_all - forget all entries of a PASID table
 * @iotlb: the caches
 */
void pasid_cache_forget_all(struct iotlb *iotlb)
{
	unsigned int i;

	for (i = 0; i < PASID_CACHE_SIZE; i++)
		iotlb->pasids[i].valid = false;
}
