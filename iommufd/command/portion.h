/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Entries of a batch that are worked on together.
 */
#ifndef IOMMUFD_PORTION_H
#define IOMMUFD_PORTION_H

#include <linux/types.h>
#include <uapi/linux/ioasid.h>

/* The limit of IOASID_MAP_BATCH and IOASID_UNMAP_BATCH. */
#define BATCH_ENTRIES_MAX	(1U << 30)
/* Entries of a portion. */
#define PORTION		256U

struct area;
struct command;
struct ioas;

/**
 * struct portion - entries that are worked on together
 * @ioas: the IOAS
 * @entries: the user's array, from the first entry of the portion on
 * @nr: how many
 * @done: how many of them are done, counted from the first
 * @error: why the next one has failed, or 0
 * @entry: copies of them
 * @first: MAP: the first area of each entry; the areas of all entries are one
 *	chain
 * @unmapped: UNMAP: the bytes of each entry that have been unmapped
 */
struct portion {
	struct ioas *ioas;
	struct ioasid_batch_entry __user *entries;
	unsigned int nr;
	unsigned int done;
	int error;
	struct ioasid_batch_entry entry[PORTION];
	union {
		struct area *first[PORTION];
		u64 unmapped[PORTION];
	};
};

int iommufd_portion_write_error(struct portion *portion);
int iommufd_portion_cmd(struct command *cmd,
			void (*work)(struct portion *portion),
			int (*write_results)(struct portion *portion));

int iommufd_portion_init(void);
void iommufd_portion_exit(void);

#endif
