// SPDX-License-Identifier: GPL-2.0-only
#include "pci/memlock.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "pci/process.h"

#define CAP_IPC_LOCK 14

/* The first number of Uid is the real user, who is charged. */
static unsigned int uid_of(const char *status)
{
	return process_number(status, "Uid:", 10);
}

static uint64_t kilobytes(const char *status, const char *name)
{
	return process_number(status, name, 10) << 10;
}

static bool is_exempt(const char *root, int pid, const char *status)
{
	return process_is_capable(root, pid, status, CAP_IPC_LOCK);
}

/**
 * struct sum - processes that are being added up
 * @memlock: where
 * @root: directory instead of /
 */
struct sum {
	struct memlock *memlock;
	const char *root;
};

static void add_process(int pid, void *data)
{
	struct sum *sum = data;
	struct memlock *memlock = sum->memlock;
	char *status = process_read(sum->root, pid, "status");
	uint64_t pinned, locked;

	if (status && uid_of(status) == memlock->uid &&
	    !is_exempt(sum->root, pid, status)) {
		pinned = kilobytes(status, "VmPin:");
		locked = kilobytes(status, "VmLck:");
		memlock->by_user += pinned;
		memlock->surely += pinned > locked ? pinned - locked : 0;
	}
	free(status);
}

/**
 * memlock_of() - what a process may lock
 * @memlock: set to it; to be zeroed first
 * @root: directory instead of /
 * @pid: the process; 0 for this one
 *
 * Return: whether it can be seen.
 */
bool memlock_of(struct memlock *memlock, const char *root, int pid)
{
	char *limits = process_read(root, pid, "limits");
	char *status = process_read(root, pid, "status");
	const char *limit = process_after(limits, "Max locked memory");
	struct sum sum = { memlock, root };
	bool seen = limit && status;

	if (seen) {
		limit += strspn(limit, " ");
		memlock->uid = uid_of(status);
		memlock->exempt = is_exempt(root, pid, status);
		memlock->unlimited = !strncmp(limit, "unlimited", 9);
		memlock->limit = strtoull(limit, NULL, 10);
		memlock->pinned = kilobytes(status, "VmPin:");
		process_each(root, add_process, &sum);
	}
	free(limits);
	free(status);
	return seen;
}
