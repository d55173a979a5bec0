/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The paging-structure cache: entries of first stages that point to tables.
 */
#ifndef IOSIM_STRUCTURES_H
#define IOSIM_STRUCTURES_H

#include <linux/types.h>

/* Entries that are remembered at a time. */
#define STRUCTURES_SIZE		256

/**
 * struct structure - a remembered entry
 * @valid: there is one
 * @user: all entries down to it permit a user's access
 * @writable: all of them permit writing
 * @level: of the table that it points to
 * @tag: the PASID, or 0
 * @base: first IOVA that the table is for
 * @table: its address in the parent
 */
struct structure {
	bool valid;
	bool user;
	bool writable;
	u8 level;
	u32 tag;
	u64 base;
	u64 table;
};

/**
 * struct structures - the cache of an endpoint
 * @nr: how many entries are valid
 * @entries: each in its only place, see structures.c
 *
 * Protected by the lock of the endpoint.
 */
struct structures {
	unsigned int nr;
	struct structure entries[STRUCTURES_SIZE];
};

const struct structure *structures_find(const struct structures *structures,
					u32 tag, u64 iova);
void structures_add(struct structures *structures, struct structure entry);
void structures_forget(struct structures *structures, u32 tag, u64 first,
		       u64 last);
void structures_forget_all(struct structures *structures);

#endif
