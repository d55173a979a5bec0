// SPDX-License-Identifier: GPL-2.0-only
#include "pci/memlock.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "output.h"
#include "pci/machine.h"

#define CAP_IPC_LOCK 14

/* A file of a process; 0 is this one. */
static char *read_of(const char *root, int pid, const char *name)
{
	char *path = pid ? xasprintf("/proc/%d/%s", pid, name) :
			   xasprintf("/proc/self/%s", name);
	char *text = machine_read(root, path);

	free(path);
	return text;
}

/* What is behind the name at the beginning of a line; NULL without such a line. */
static const char *after(const char *text, const char *name)
{
	const char *at = text;
	size_t length = strlen(name);

	while (at && strncmp(at, name, length)) {
		at = strchr(at, '\n');
		at = at ? at + 1 : NULL;
	}
	return at ? at + length : NULL;
}

static uint64_t number(const char *text, const char *name, int base)
{
	const char *at = after(text, name);

	return at ? strtoull(at, NULL, base) : 0;
}

/* The first number of Uid is the real user, who is charged. */
static unsigned int uid_of(const char *status)
{
	return number(status, "Uid:", 10);
}

static uint64_t kilobytes(const char *status, const char *name)
{
	return number(status, name, 10) << 10;
}

/* Capabilities count in the first user namespace only, which maps all users. */
static bool is_exempt(const char *root, int pid, const char *status)
{
	char *map = read_of(root, pid, "uid_map");
	unsigned int inside = 1, outside = 1, count = 0;
	bool first = map && sscanf(map, "%u %u %u", &inside, &outside,
				   &count) == 3 &&
		     !inside && !outside && count == UINT32_MAX;

	free(map);
	return first && number(status, "CapEff:", 16) >> CAP_IPC_LOCK & 1;
}

static void add_process(struct memlock *memlock, const char *root, int pid)
{
	char *status = read_of(root, pid, "status");
	uint64_t pinned, locked;

	if (status && uid_of(status) == memlock->uid &&
	    !is_exempt(root, pid, status)) {
		pinned = kilobytes(status, "VmPin:");
		locked = kilobytes(status, "VmLck:");
		memlock->by_user += pinned;
		memlock->surely += pinned > locked ? pinned - locked : 0;
	}
	free(status);
}

static void add_processes(struct memlock *memlock, const char *root)
{
	char *name = xasprintf("%s/proc", root);
	DIR *dir = opendir(name);
	struct dirent *entry;

	free(name);
	while (dir && (entry = readdir(dir)))
		if (atoi(entry->d_name) > 0)
			add_process(memlock, root, atoi(entry->d_name));
	if (dir)
		closedir(dir);
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
	char *limits = read_of(root, pid, "limits");
	char *status = read_of(root, pid, "status");
	const char *limit = limits ? after(limits, "Max locked memory") : NULL;
	bool seen = limit && status;

	if (seen) {
		limit += strspn(limit, " ");
		memlock->uid = uid_of(status);
		memlock->exempt = is_exempt(root, pid, status);
		memlock->unlimited = !strncmp(limit, "unlimited", 9);
		memlock->limit = strtoull(limit, NULL, 10);
		memlock->pinned = kilobytes(status, "VmPin:");
		add_processes(memlock, root);
	}
	free(limits);
	free(status);
	return seen;
}
