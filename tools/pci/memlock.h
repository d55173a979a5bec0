/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How much memory a process may lock, and has pinned: RLIMIT_MEMLOCK.
 */
#ifndef IOASID_MEMLOCK_H
#define IOASID_MEMLOCK_H

#include <stdbool.h>
#include <stdint.h>

/**
 * struct memlock - the limit of a process, and what counts against it
 * @uid: its user
 * @exempt: it has CAP_IPC_LOCK: nothing is compared with the limit
 * @unlimited: there is no limit
 * @limit: bytes, without @unlimited
 * @pinned: bytes that it has pinned
 * @by_user: bytes that all processes of its user have pinned, but for exempt ones
 * @surely: of @by_user, what counts for the user in any case. What a process has locked
 *	by mlock() does not, and is not told from what a legacy container has pinned,
 *	which counts for the process
 */
struct memlock {
	unsigned int uid;
	bool exempt;
	bool unlimited;
	uint64_t limit;
	uint64_t pinned;
	uint64_t by_user;
	uint64_t surely;
};

bool memlock_of(struct memlock *memlock, const char *root, int pid);

#endif
