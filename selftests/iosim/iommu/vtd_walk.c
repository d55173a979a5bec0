// SPDX-License-Identifier: GPL-2.0-only
/*
 * Translation by a first stage of VT-d and the second stage below: 3.6 and 3.8 of the
 * specification, entries as in 9.8, fault reasons as in 7.1.3.
 *
 * Tables are in user memory that may change at any time, as in walk.c: an entry is read
 * once, and changed only by compare-and-exchange.
 *
 * The order in which the hardware looks for mistakes is not specified. Here it is the
 * CPU's: of each entry first whether it is present, then its reserved bits; when there is
 * a translation, whether it permits the access; then the second stage; and only then
 * are accessed and dirty bits set, from the root to the leaf, so that DMA which faults
 * leaves the tables as they are, unless the fault is that they cannot be set.
 *
 * Addresses are canonical, of 64 bits. What is cached of them goes by the lower 48, which
 * say it all.
 */
#include <linux/bits.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <uapi/linux/iommufd.h>

#include "domain.h"
#include "endpoint.h"
#include "mmio.h"
#include "nested.h"
#include "vtd_walk.h"
#include "walk.h"

#define FS_P		BIT_ULL(0)
#define FS_RW		BIT_ULL(1)
#define FS_US		BIT_ULL(2)
#define FS_A		BIT_ULL(5)
#define FS_D		BIT_ULL(6)
#define FS_PS		BIT_ULL(7)	/* above level 1 */
#define FS_EA		BIT_ULL(10)
#define FS_ADDR_BITS	52

/* How often an entry may change under a walk that is to set its bits. */
#define TRIES_MAX	64

/* Why a translation fails, by the numbers of the specification. */
enum fault {
	FAULT_NONE = 0,
	FAULT_PASID_NOT_PRESENT = 0x59,
	FAULT_PASID_RESERVED = 0x5a,
	FAULT_SRE = 0x5d,
	FAULT_FS_ACCESS = 0x70,
	FAULT_FS_NOT_PRESENT = 0x71,
	FAULT_FS_RESERVED = 0x72,
	FAULT_FS_ROOT_ACCESS = 0x73,
	FAULT_FS_BEYOND_MGAW = 0x74,
	FAULT_FS_ROOT_UNREADABLE = 0x75,
	FAULT_FS_UNREADABLE = 0x76,
	FAULT_FS_UNWRITABLE = 0x77,
	FAULT_SS_NOT_PRESENT = 0x79,
	FAULT_NOT_CANONICAL = 0x80,
	FAULT_USER = 0x81,
	FAULT_SS_BEYOND = 0x84,
	FAULT_WRITE = 0x85,
	FAULT_READ = 0x86,
	FAULT_INTERRUPT = 0x87,
	FAULT_FS_UPDATE = 0x91,
	/* The second stage does not permit what the first one does. */
	FAULT_BELOW = 0x100,
	FAULT_AGAIN = 0x200,
};

/* What a device is told of a fault. */
static u32 reason_of(u32 fault)
{
	static const u8 reasons[] = {
		[FAULT_PASID_RESERVED] = IOSIM_REASON_MALFORMED,
		[FAULT_SRE] = IOSIM_REASON_PASID,
		[FAULT_FS_ACCESS] = IOSIM_REASON_PARENT,
		[FAULT_FS_NOT_PRESENT] = IOSIM_REASON_NOT_PRESENT,
		[FAULT_FS_RESERVED] = IOSIM_REASON_MALFORMED,
		[FAULT_FS_ROOT_ACCESS] = IOSIM_REASON_PARENT,
		[FAULT_FS_BEYOND_MGAW] = IOSIM_REASON_PARENT,
		[FAULT_FS_ROOT_UNREADABLE] = IOSIM_REASON_PARENT,
		[FAULT_FS_UNREADABLE] = IOSIM_REASON_PARENT,
		[FAULT_FS_UNWRITABLE] = IOSIM_REASON_PARENT,
		[FAULT_SS_NOT_PRESENT] = IOSIM_REASON_PARENT,
		[FAULT_NOT_CANONICAL] = IOSIM_REASON_ADDRESS,
		[FAULT_USER] = IOSIM_REASON_PERMISSION,
		[FAULT_WRITE] = IOSIM_REASON_PERMISSION,
		[FAULT_READ] = IOSIM_REASON_PERMISSION,
		[FAULT_INTERRUPT] = IOSIM_REASON_ADDRESS,
		[FAULT_FS_UPDATE] = IOSIM_REASON_MALFORMED,
	};

	if (fault & FAULT_BELOW)
		return IOSIM_REASON_PARENT;
	return reasons[fault];
}

/**
 * vtd_code - the fault reason for what needs no first stage
 * @reason: why DMA by a second stage, or by nothing, has faulted: IOSIM_REASON_*
 * @write: it was a write
 *
 * Return: the fault reason of the specification, or 0.
 */
u32 vtd_code(u32 reason, bool write)
{
	static const u8 codes[] = {
		[IOSIM_REASON_NOT_PRESENT] = FAULT_SS_NOT_PRESENT,
		[IOSIM_REASON_PASID] = FAULT_PASID_NOT_PRESENT,
		[IOSIM_REASON_BLOCKED] = FAULT_PASID_NOT_PRESENT,
		[IOSIM_REASON_ADDRESS] = FAULT_SS_BEYOND,
	};

	if (reason == IOSIM_REASON_PERMISSION)
		return write ? FAULT_WRITE : FAULT_READ;
	return reason < ARRAY_SIZE(codes) ? codes[reason] : 0;
}

/**
 * struct trail - how a walk has come to a leaf
 * @nr: entries that have been read
 * @entries: these, the leaf last: their addresses in the parent, what was in them, and
 *	their levels
 * @user: all of them permit a user's access
 * @writable: all of them permit writing
 * @shift: log2 of the bytes that the leaf maps
 * @target: what it maps the IOVA to, in the parent
 */
struct trail {
	unsigned int nr;
	struct {
		u64 addr;
		u64 pte;
		unsigned int level;
	} entries[IOSIM_LEVELS];
	bool user;
	bool writable;
	unsigned int shift;
	u64 target;
};

static u64 flags_of(const struct walk *walk)
{
	return walk->at->nested->flags;
}

static bool beyond(const struct walk *walk, u64 addr)
{
	return addr > walk->at->second->domain.geometry.aperture_end;
}

/* An entry's memory. */
static u32 find_entry(const struct walk *walk, u64 addr, unsigned int level,
		      bool write, u64 **entry)
{
	bool top = level == IOSIM_LEVELS;
	struct mapping map;

	if (beyond(walk, addr))
		return FAULT_FS_BEYOND_MGAW;
	if (walk_second(walk->at->second, addr, write, &map))
		return write ? FAULT_FS_UNWRITABLE :
		       top ? FAULT_FS_ROOT_UNREADABLE : FAULT_FS_UNREADABLE;
	*entry = walk_ram(map.phys + (addr - map.base));
	if (!*entry)
		return top ? FAULT_FS_ROOT_ACCESS : FAULT_FS_ACCESS;
	return FAULT_NONE;
}

static bool is_leaf(u64 pte, unsigned int level)
{
	return level == 1 || (pte & FS_PS);
}

/* The bits of a present entry that must be 0. */
static u64 reserved(const struct vtd *vtd, u64 pte, unsigned int level)
{
	u64 bits = 0;

	if (vtd->haw < FS_ADDR_BITS)
		bits = GENMASK_ULL(FS_ADDR_BITS - 1, vtd->haw);
	if (level == IOSIM_LEVELS || (level == 3 && !vtd->fs1gp))
		bits |= FS_PS;
	/* Bit 12 of a large page is its memory type, as bit 7 of a small one. */
	else if (level > 1 && (pte & FS_PS))
		bits |= GENMASK_ULL(table_level_shift(level) - 1, 13);
	return bits;
}

/* Where a walk begins: at the root, or behind the entries that are cached. */
static unsigned int begin(const struct walk *walk, struct trail *trail,
			  u64 *table)
{
	const struct structure *known =
		structures_find(&walk->endpoint->iotlb.structures, walk->tag,
				walk->iova);

	trail->nr = 0;
	trail->user = true;
	trail->writable = true;
	*table = walk->at->nested->root;
	if (!known)
		return IOSIM_LEVELS;
	endpoint_count(walk->endpoint, IOSIM_STRUCTURE_HITS, 1);
	trail->user = known->user;
	trail->writable = known->writable;
	*table = known->table;
	return known->level;
}

static u32 find_leaf(const struct walk *walk, struct trail *trail)
{
	unsigned int level;
	u32 fault;
	u64 table;

	for (level = begin(walk, trail, &table);; level--) {
		u64 addr = table + table_index(walk->iova, level) * sizeof(u64);
		u64 *entry, pte;

		fault = find_entry(walk, addr, level, false, &entry);
		if (fault)
			return fault;
		pte = READ_ONCE(*entry);
		if (!(pte & FS_P))
			return FAULT_FS_NOT_PRESENT;
		if (pte & reserved(&walk->endpoint->vtd, pte, level))
			return FAULT_FS_RESERVED;
		trail->entries[trail->nr].addr = addr;
		trail->entries[trail->nr].pte = pte;
		trail->entries[trail->nr++].level = level;
		trail->user &= !!(pte & FS_US);
		trail->writable &= !!(pte & FS_RW);
		trail->shift = table_level_shift(level);
		table = pte & GENMASK_ULL(FS_ADDR_BITS - 1, TABLE_SHIFT);
		if (is_leaf(pte, level))
			break;
	}
	table &= ~((1ULL << trail->shift) - 1);
	trail->target = table + (walk->iova & ((1ULL << trail->shift) - 1));
	return FAULT_NONE;
}

/* A supervisor writes where he likes, unless there is write protection for him. */
static u32 permits(const struct walk *walk, bool user, bool writable)
{
	if (!walk->privileged && !user)
		return FAULT_USER;
	if (!walk->write || writable)
		return FAULT_NONE;
	return walk->privileged && !(flags_of(walk) & IOMMU_VTD_S1_WPE) ?
	       FAULT_NONE : FAULT_WRITE;
}

/* Set the bits of one entry that says what it was found to say. */
static u32 update(const struct walk *walk, u64 addr, unsigned int level,
		  u64 *pte, u64 bits)
{
	u64 *entry;
	u32 fault;

	if ((*pte & bits) == bits)
		return FAULT_NONE;
	fault = find_entry(walk, addr, level, true, &entry);
	if (fault)
		return fault;
	if (!try_cmpxchg64(entry, pte, *pte | bits))
		return FAULT_AGAIN;
	*pte |= bits;
	return FAULT_NONE;
}

static u32 update_trail(const struct walk *walk, struct trail *trail)
{
	u64 used = FS_A, bits;
	unsigned int i;
	u32 fault = 0;

	if (flags_of(walk) & IOMMU_VTD_S1_EAFE)
		used |= FS_EA;
	for (i = 0; i < trail->nr && !fault; i++) {
		bits = used;
		if (i == trail->nr - 1 && walk->write)
			bits |= FS_D;
		fault = update(walk, trail->entries[i].addr,
			       trail->entries[i].level, &trail->entries[i].pte,
			       bits);
	}
	return fault;
}

/* Only what has been used is cached: its accessed bit is set. */
static void remember(const struct walk *walk, const struct trail *trail)
{
	struct structures *structures = &walk->endpoint->iotlb.structures;
	const struct structure *known =
		structures_find(structures, walk->tag, walk->iova);
	struct structure entry = {
		.user = known ? known->user : true,
		.writable = known ? known->writable : true,
		.tag = walk->tag,
		.base = walk->iova,
	};
	unsigned int i;

	for (i = 0; i + 1 < trail->nr; i++) {
		u64 pte = trail->entries[i].pte;

		entry.user &= !!(pte & FS_US);
		entry.writable &= !!(pte & FS_RW);
		entry.level = trail->entries[i].level - 1;
		entry.table = pte & GENMASK_ULL(FS_ADDR_BITS - 1, TABLE_SHIFT);
		structures_add(structures, entry);
	}
}

static bool is_interrupt(u64 addr)
{
	return addr - VTD_INTERRUPTS < VTD_INTERRUPTS_SIZE;
}

/* The page itself: where it is in the parent, and in memory. */
static u32 find_page(const struct walk *walk, u64 target, struct mapping *below)
{
	u32 reason;

	if (beyond(walk, target))
		return FAULT_FS_BEYOND_MGAW;
	if (is_interrupt(target))
		return FAULT_INTERRUPT;
	reason = walk_second(walk->at->second, target, walk->write, below);
	if (!reason)
		return FAULT_NONE;
	return FAULT_BELOW | vtd_code(reason, walk->write);
}

static u32 walk_once(const struct walk *walk, struct mapping *map)
{
	struct mapping below;
	struct trail trail;
	u64 leaf;
	u32 fault;

	fault = find_leaf(walk, &trail);
	if (!fault)
		fault = permits(walk, trail.user, trail.writable);
	if (!fault)
		fault = find_page(walk, trail.target, &below);
	if (!fault)
		fault = update_trail(walk, &trail);
	if (fault)
		return fault;
	remember(walk, &trail);

	leaf = trail.entries[trail.nr - 1].pte;
	walk_mapping(map, walk->iova, below.phys + (trail.target - below.base),
		     min_t(unsigned int, trail.shift, below.shift));
	map->nested = true;
	map->parent = trail.target - (walk->iova - map->base);
	map->leaf_shift = trail.shift;
	map->user = trail.user;
	map->first = IOSIM_PTE_READ | (trail.writable ? IOSIM_PTE_WRITE : 0);
	map->second = below.first;
	map->dirty = below.dirty && (leaf & FS_D);
	return FAULT_NONE;
}

static u32 walk_tables(const struct walk *walk, struct mapping *map)
{
	unsigned int tries = 0;
	u32 fault;

	endpoint_count(walk->endpoint, IOSIM_WALKS, 1);
	endpoint_count(walk->endpoint, IOSIM_NESTED_WALKS, 1);
	do {
		fault = walk_once(walk, map);
	} while (fault == FAULT_AGAIN && ++tries < TRIES_MAX);
	return fault == FAULT_AGAIN ? FAULT_FS_UPDATE : fault;
}

/* Set the dirty bit of a leaf that still says what is remembered of it. */
static u32 set_dirty(const struct walk *walk, u64 target)
{
	unsigned int tries = 0;
	struct trail trail;
	u32 fault;

	do {
		if (find_leaf(walk, &trail) || trail.target != target ||
		    permits(walk, trail.user, trail.writable))
			return FAULT_NONE;
		fault = update_trail(walk, &trail);
	} while (fault == FAULT_AGAIN && ++tries < TRIES_MAX);
	return fault == FAULT_AGAIN ? FAULT_FS_UPDATE : fault;
}

/*
 * The first write by a remembered translation: nothing is written before the dirty bits
 * are set, of both stages. Whatever is in the tables by now, it goes on with what is
 * remembered.
 */
static u32 first_write(const struct walk *walk, struct mapping *map)
{
	u64 target = map->parent + (walk->iova - map->base);
	struct mapping below;
	u32 fault;

	endpoint_count(walk->endpoint, IOSIM_WALKS, 1);
	endpoint_count(walk->endpoint, IOSIM_NESTED_WALKS, 1);
	walk_second(walk->at->second, target, true, &below);
	fault = set_dirty(walk, target);
	map->dirty = !fault;
	return fault;
}

static u32 use_known(const struct walk *walk, struct mapping *map)
{
	u32 fault = permits(walk, map->user, map->first & IOSIM_PTE_WRITE);

	endpoint_count(walk->endpoint, IOSIM_IOTLB_HITS, 1);
	if (fault)
		return fault;
	if (!(map->second & walk_prot(walk->write)))
		return FAULT_BELOW | (walk->write ? FAULT_WRITE : FAULT_READ);
	return walk->write && !map->dirty ? first_write(walk, map) : FAULT_NONE;
}

/* What faults whatever the tables say. */
static u32 check_request(const struct walk *walk)
{
	const struct vtd *vtd = &walk->endpoint->vtd;

	if (walk->at->nested->root >> vtd->haw)
		return FAULT_PASID_RESERVED;
	if (walk->privileged && !(flags_of(walk) & IOMMU_VTD_S1_SRE))
		return FAULT_SRE;
	if (sign_extend64(walk->iova, IOSIM_ADDR_BITS - 1) != walk->iova)
		return FAULT_NOT_CANONICAL;
	/* Without a PASID it is not even looked at as DMA. */
	if (walk->tag == TAG_RID && is_interrupt(walk->iova))
		return FAULT_INTERRUPT;
	return FAULT_NONE;
}

static u32 translate(const struct walk *walk, phys_addr_t *phys)
{
	struct iotlb *iotlb = &walk->endpoint->iotlb;
	struct mapping map, *found = &map;
	struct iotlb_entry *entry;
	u32 fault;

	entry = iotlb_find(iotlb, walk->tag, walk->iova);
	if (entry) {
		found = &entry->map;
		fault = use_known(walk, found);
	} else {
		fault = walk_tables(walk, found);
		if (!fault)
			iotlb_add(iotlb, walk->tag, walk->iova, found);
	}
	if (!fault)
		*phys = found->phys + (walk->iova - found->base);
	return fault;
}

/**
 * vtd_translates - is it a first stage of VT-d that translates?
 * @walk: what is to be translated
 */
bool vtd_translates(const struct walk *walk)
{
	return walk->at->nested && walk->at->nested->format->vtd;
}

/**
 * vtd_translate - translate one address by such a first stage
 * @walk: what to translate
 * @memory: set to the memory, mapped by the kernel up to the end of the page
 * @code: set to the fault reason of the specification, if it is not 0
 *
 * Return: 0 or IOSIM_REASON_*.
 */
u32 vtd_translate(const struct walk *walk, void **memory, u32 *code)
{
	struct walk folded = *walk;
	phys_addr_t phys;
	u32 fault;

	fault = check_request(walk);
	if (!fault) {
		folded.iova &= TABLE_ADDR_MAX;
		fault = translate(&folded, &phys);
	}
	if (fault) {
		*code = fault & ~FAULT_BELOW;
		return reason_of(fault);
	}
	*memory = walk_ram(phys) ?: mmio_find(phys);
	return *memory ? 0 : IOSIM_REASON_PARENT;
}
