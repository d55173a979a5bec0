// SPDX-License-Identifier: GPL-2.0-only
/*
 * Translation: the IOTLB first, then the tables.
 *
 * Tables of a first stage, and PASID tables, are in user memory that may change
 * at any time: each entry is read once, checked, and changed only by
 * compare-and-exchange. There are four levels whatever they point to, so a walk
 * ends. All their addresses are addresses of the parent and go through its second
 * stage, which is the kernel's.
 *
 * All of it runs under the lock of the endpoint: with the interrupts off, and so
 * under RCU, which keeps the tables of the second stage.
 */
#include <linux/minmax.h>
#include <linux/mm.h>

#include "domain.h"
#include "endpoint.h"
#include "mmio.h"
#include "nested.h"
#include "walk.h"

#define PROT_BITS	(IOSIM_PTE_READ | IOSIM_PTE_WRITE)
#define KNOWN_BITS	(IOSIM_PTE_VALID | PROT_BITS | IOSIM_PTE_LEAF | \
			 IOSIM_PTE_ACCESSED | IOSIM_PTE_DIRTY | IOSIM_PTE_ADDR)

/* How often an entry may change under a walk that is to set its bits. */
#define TRIES_MAX	64

/**
 * walk_ram - find memory by its address
 * @phys: the address
 *
 * Return: the memory, or NULL for what is not RAM, such as a BAR.
 */
void *walk_ram(phys_addr_t phys)
{
	unsigned long pfn = PHYS_PFN(phys);
	struct page *page;

	if (!pfn_valid(pfn))
		return NULL;
	page = pfn_to_page(pfn);
	if ((PageReserved(page) && !is_zero_pfn(pfn)) ||
	    is_zone_device_page(page))
		return NULL;
	return page_address(page) + offset_in_page(phys);
}

/**
 * walk_mapping - say what maps an address
 * @map: set to a mapping which permits everything, and is not nested
 * @addr: the address
 * @phys: what it is mapped to
 * @shift: log2 of the bytes that are mapped as one
 */
void walk_mapping(struct mapping *map, u64 addr, phys_addr_t phys,
		  unsigned int shift)
{
	u64 offset = addr & ((1ULL << shift) - 1);

	map->base = addr - offset;
	map->phys = phys - offset;
	map->shift = shift;
	map->leaf_shift = shift;
	map->first = PROT_BITS;
	map->second = PROT_BITS;
	map->dirty = true;
	map->nested = false;
	map->user = true;
}

/**
 * walk_second - translate an address of a second stage
 * @second: the second stage
 * @addr: the address, of at most the bits that the table was made for
 * @write: memory is to be written there, or read
 * @map: set to what maps it
 *
 * Return: 0, IOSIM_REASON_NOT_PRESENT, or IOSIM_REASON_PERMISSION.
 */
u32 walk_second(const struct second_stage *second, u64 addr, bool write,
		struct mapping *map)
{
	bool tracking = READ_ONCE(second->tracking);
	struct table_leaf leaf;
	u64 offset;

	do {
		if (!table_find(&second->table, addr, &leaf))
			return IOSIM_REASON_NOT_PRESENT;
		if (!(leaf.pte & walk_prot(write)))
			return IOSIM_REASON_PERMISSION;
		if (!tracking || !write || (leaf.pte & IOSIM_PTE_DIRTY))
			break;
	} while (!try_cmpxchg64(leaf.entry, &leaf.pte,
				leaf.pte | IOSIM_PTE_DIRTY));

	offset = addr & ((1ULL << leaf.shift) - 1);
	walk_mapping(map, addr, (leaf.pte & IOSIM_PTE_ADDR) + offset,
		     leaf.shift);
	map->first = leaf.pte & PROT_BITS;
	map->dirty = !tracking || write || (leaf.pte & IOSIM_PTE_DIRTY);
	return 0;
}

/* Memory by its address in the parent. NULL: IOSIM_REASON_PARENT. */
static void *parent_memory(const struct second_stage *parent, u64 addr,
			   bool write)
{
	struct mapping map;

	if (walk_second(parent, addr, write, &map))
		return NULL;
	return walk_ram(map.phys + (addr - map.base));
}

/**
 * struct first_leaf - the leaf of a first stage
 * @addr: of the entry, in the parent
 * @pte: the entry
 * @prot: what all levels together permit
 * @shift: log2 of the bytes
 */
struct first_leaf {
	u64 addr;
	u64 pte;
	u64 prot;
	unsigned int shift;
};

static bool malformed(u64 pte, unsigned int level)
{
	u64 size = 1ULL << table_level_shift(level);

	if (pte & ~KNOWN_BITS)
		return true;
	if (!(pte & IOSIM_PTE_LEAF))
		return level == 1;
	return level == IOSIM_LEVELS || (pte & IOSIM_PTE_ADDR & (size - 1));
}

static u32 find_first(const struct second_stage *parent, u64 root, u64 iova,
		      struct first_leaf *leaf)
{
	unsigned int level = IOSIM_LEVELS;
	u64 *entry;

	leaf->prot = PROT_BITS;
	for (;;) {
		leaf->addr = root + table_index(iova, level) * sizeof(u64);
		entry = parent_memory(parent, leaf->addr, false);
		if (!entry)
			return IOSIM_REASON_PARENT;
		leaf->pte = READ_ONCE(*entry);
		if (!(leaf->pte & IOSIM_PTE_VALID))
			return IOSIM_REASON_NOT_PRESENT;
		if (malformed(leaf->pte, level))
			return IOSIM_REASON_MALFORMED;
		leaf->prot &= leaf->pte;
		if (leaf->pte & IOSIM_PTE_LEAF)
			break;
		root = leaf->pte & IOSIM_PTE_ADDR;
		level--;
	}
	leaf->shift = table_level_shift(level);
	return 0;
}

static u64 leaf_target(const struct first_leaf *leaf, u64 iova)
{
	return (leaf->pte & IOSIM_PTE_ADDR) +
	       (iova & ((1ULL << leaf->shift) - 1));
}

/*
 * Set the accessed and the dirty bit. Return: 0, IOSIM_REASON_PARENT, or
 * IOSIM_REASON_MALFORMED if somebody has changed the entry.
 */
static u32 set_bits(const struct second_stage *parent, struct first_leaf *leaf,
		    bool write)
{
	u64 pte = leaf->pte | IOSIM_PTE_ACCESSED;
	u64 *entry;

	if (write)
		pte |= IOSIM_PTE_DIRTY;
	if (pte == leaf->pte)
		return 0;
	entry = parent_memory(parent, leaf->addr, true);
	if (!entry)
		return IOSIM_REASON_PARENT;
	return try_cmpxchg64(entry, &leaf->pte, pte) ?
	       0 : IOSIM_REASON_MALFORMED;
}

static u32 walk_first_once(const struct second_stage *parent, u64 root,
			   u64 iova, bool write, struct mapping *map,
			   bool *again)
{
	struct mapping below;
	struct first_leaf leaf;
	u64 target;
	u32 reason;

	reason = find_first(parent, root, iova, &leaf);
	if (reason)
		return reason;
	if (!(leaf.prot & walk_prot(write)))
		return IOSIM_REASON_PERMISSION;
	target = leaf_target(&leaf, iova);
	if (walk_second(parent, target, write, &below))
		return IOSIM_REASON_PARENT;
	reason = set_bits(parent, &leaf, write);
	*again = reason == IOSIM_REASON_MALFORMED;
	if (reason)
		return reason;

	walk_mapping(map, iova, below.phys + (target - below.base),
		     min(leaf.shift, below.shift));
	map->nested = true;
	map->parent = target - (iova - map->base);
	map->leaf_shift = leaf.shift;
	map->first = leaf.prot;
	map->second = below.first;
	map->dirty = below.dirty && (write || (leaf.pte & IOSIM_PTE_DIRTY));
	return 0;
}

static u32 walk_first(const struct second_stage *parent, u64 root, u64 iova,
		      bool write, struct mapping *map)
{
	unsigned int tries = 0;
	bool again;
	u32 reason;

	do {
		again = false;
		reason = walk_first_once(parent, root, iova, write, map,
					 &again);
	} while (again && ++tries < TRIES_MAX);
	return reason;
}

/* Read an entry of a PASID table. */
static u32 read_pasid(const struct nested *nested, u32 pasid,
		      struct iosim_pasid_entry *entry)
{
	u64 addr = nested->root + pasid * sizeof(*entry);
	struct iosim_pasid_entry *memory;
	u64 kind;

	memory = parent_memory(nested->parent, addr, false);
	if (!memory)
		return IOSIM_REASON_PARENT;
	/* The flags first: they are what a user makes valid last. */
	entry->flags = smp_load_acquire(&memory->flags);
	if (!(entry->flags & IOSIM_PASID_VALID))
		return IOSIM_REASON_PASID;
	entry->root = READ_ONCE(memory->root);
	kind = entry->flags & ~IOSIM_PASID_VALID;
	if (READ_ONCE(memory->__reserved[0]) ||
	    READ_ONCE(memory->__reserved[1]))
		return IOSIM_REASON_MALFORMED;
	if (kind == IOSIM_PASID_FIRST_STAGE)
		return entry->root & ~IOSIM_PTE_ADDR ?
		       IOSIM_REASON_MALFORMED : 0;
	return kind != IOSIM_PASID_PARENT || entry->root ?
	       IOSIM_REASON_MALFORMED : 0;
}

/*
 * Find what a PASID of a user's table goes by. *@root: of the first stage; there is
 * none if @flags says so.
 */
static u32 find_root(const struct walk *walk, u64 *flags, u64 *root)
{
	const struct nested *nested = walk->at->nested;
	struct iotlb *iotlb = &walk->endpoint->iotlb;
	struct iosim_pasid_entry entry;
	struct pasid_cache_entry *cached;
	u32 reason;

	*flags = IOSIM_PASID_FIRST_STAGE;
	*root = nested->root;
	if (!nested->is_pasid_table)
		return 0;
	cached = pasid_cache_find(iotlb, walk->tag);
	if (cached) {
		endpoint_count(walk->endpoint, IOSIM_PASID_CACHE_HITS, 1);
		*flags = cached->flags;
		*root = cached->root;
		return 0;
	}
	reason = read_pasid(nested, walk->tag, &entry);
	if (reason)
		return reason;
	pasid_cache_add(iotlb, walk->tag, &entry);
	*flags = entry.flags;
	*root = entry.root;
	return 0;
}

static u32 walk_tables(const struct walk *walk, struct mapping *map)
{
	const struct attachment *at = walk->at;
	u64 flags, root;
	u32 reason;

	endpoint_count(walk->endpoint, IOSIM_WALKS, 1);
	if (!at->nested)
		return walk_second(at->second, walk->iova, walk->write, map);
	reason = find_root(walk, &flags, &root);
	if (reason)
		return reason;
	if (flags & IOSIM_PASID_PARENT)
		return walk_second(at->second, walk->iova, walk->write, map);
	return walk_first(at->second, root, walk->iova, walk->write, map);
}

/*
 * The first write by a remembered translation: set the dirty bits. It goes on with
 * what is remembered whatever is in the first stage by now, so that one only gets
 * its bit if it still says the same.
 */
static void first_write(const struct walk *walk, struct mapping *map)
{
	const struct second_stage *second = walk->at->second;
	u64 addr = walk->iova, flags, root;
	struct first_leaf leaf;
	struct mapping below;

	map->dirty = true;
	endpoint_count(walk->endpoint, IOSIM_WALKS, 1);
	if (map->nested)
		addr = map->parent + (walk->iova - map->base);
	walk_second(second, addr, true, &below);
	if (!map->nested || find_root(walk, &flags, &root) ||
	    (flags & IOSIM_PASID_PARENT))
		return;
	if (find_first(second, root, walk->iova, &leaf) ||
	    !(leaf.prot & IOSIM_PTE_WRITE) ||
	    leaf_target(&leaf, walk->iova) != addr)
		return;
	set_bits(second, &leaf, true);
}

/* Whether a translation permits what is to be done; why not. */
static u32 check_prot(const struct mapping *map, bool write)
{
	if (!(map->first & walk_prot(write)))
		return IOSIM_REASON_PERMISSION;
	if (!(map->second & walk_prot(write)))
		return IOSIM_REASON_PARENT;
	return 0;
}

static u32 translate(const struct walk *walk, phys_addr_t *phys)
{
	struct iosim_endpoint *endpoint = walk->endpoint;
	struct iotlb_entry *entry;
	struct mapping map, *found = &map;
	u32 reason;

	entry = iotlb_find(&endpoint->iotlb, walk->tag, walk->iova);
	if (entry) {
		endpoint_count(endpoint, IOSIM_IOTLB_HITS, 1);
		found = &entry->map;
		reason = check_prot(found, walk->write);
		if (reason)
			return reason;
		if (walk->write && !found->dirty)
			first_write(walk, found);
	} else {
		reason = walk_tables(walk, found);
		if (reason)
			return reason;
		iotlb_add(&endpoint->iotlb, walk->tag, walk->iova, found);
	}
	*phys = found->phys + (walk->iova - found->base);
	return 0;
}

/**
 * walk_translate - translate one address
 * @walk: what to translate
 * @memory: set to the memory, mapped by the kernel up to the end of the page: RAM, or
 *	memory of a device, see mmio.c
 *
 * Return: 0 or IOSIM_REASON_*.
 */
u32 walk_translate(const struct walk *walk, void **memory)
{
	phys_addr_t phys = walk->iova;
	u32 reason;

	if (walk->iova > attach_last(walk->at))
		return IOSIM_REASON_ADDRESS;
	if (walk->at->second) {
		reason = translate(walk, &phys);
		if (reason)
			return reason;
	}
	*memory = walk_ram(phys) ?: mmio_find(phys);
	if (*memory)
		return 0;
	return walk->at->nested ? IOSIM_REASON_PARENT :
				  IOSIM_REASON_NOT_PRESENT;
}
