// SPDX-License-Identifier: GPL-2.0-only
/*
 * The paging-structure cache: entries of first stages that point to tables.
 *
 * Whoever has replaced a table, or freed it, and has invalidated only the leaves (the
 * invalidation hint of VT-d) goes on with the old one: that is what the cache is for.
 *
 * An entry is tagged as those of the IOTLB are. It has one place, by what it translates:
 * a newer one drives an older one out.
 */
#include <linux/hash.h>

#include "structures.h"
#include "table.h"

/* The levels that a table can be on that an entry points to. */
#define LEVELS		(IOSIM_LEVELS - 1)

/* Bytes that the table which an entry points to is for. */
static u64 span(unsigned int level)
{
	return 1ULL << table_level_shift(level + 1);
}

static unsigned int place(u32 tag, unsigned int level, u64 base)
{
	u64 key = base >> table_level_shift(level + 1);

	return hash_64((key * (LEVELS + 1) + level) ^ ((u64)tag << 40),
		       ilog2(STRUCTURES_SIZE));
}

/**
 * structures_find - find the lowest table for an IOVA that is known
 * @structures: the cache
 * @tag: the PASID, or 0
 * @iova: the address, of IOSIM_ADDR_BITS
 *
 * Return: what points to it, or NULL.
 */
const struct structure *structures_find(const struct structures *structures,
					u32 tag, u64 iova)
{
	unsigned int level;

	for (level = 1; level <= LEVELS && structures->nr; level++) {
		u64 base = iova & ~(span(level) - 1);
		const struct structure *entry =
			&structures->entries[place(tag, level, base)];

		if (entry->valid && entry->tag == tag &&
		    entry->level == level && entry->base == base)
			return entry;
	}
	return NULL;
}

/**
 * structures_add - remember an entry
 * @structures: the cache
 * @entry: what it says; any address that it is for as its base
 */
void structures_add(struct structures *structures, struct structure entry)
{
	struct structure *at;

	entry.base &= ~(span(entry.level) - 1);
	entry.valid = true;
	at = &structures->entries[place(entry.tag, entry.level, entry.base)];
	structures->nr += !at->valid;
	*at = entry;
}

/**
 * structures_forget - forget the tables of a range
 * @structures: the cache
 * @tag: the PASID, or 0
 * @first: first IOVA
 * @last: last one
 */
void structures_forget(struct structures *structures, u32 tag, u64 first,
		       u64 last)
{
	unsigned int i;

	for (i = 0; i < STRUCTURES_SIZE && structures->nr; i++) {
		struct structure *entry = &structures->entries[i];

		if (!entry->valid || entry->tag != tag || entry->base > last ||
		    entry->base + span(entry->level) - 1 < first)
			continue;
		entry->valid = false;
		structures->nr--;
	}
}

/**
 * structures_forget_all - forget everything
 * @structures: the cache
 */
void structures_forget_all(struct structures *structures)
{
	*structures = (struct structures){};
}
