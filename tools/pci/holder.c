// SPDX-License-Identifier: GPL-2.0-only
#include "pci/holder.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "output.h"
#include "pci/machine.h"
#include "pci/topology.h"

/**
 * holders_node() - the device node that VFIO has made for a function
 * @f: the function
 * @root: directory instead of /
 *
 * Return: its path, to be freed; NULL if there is none.
 */
char *holders_node(const struct function *f, const char *root)
{
	char address[ADDRESS_SIZE], *path, *node = NULL;
	struct dirent *entry;
	DIR *dir;

	path = xasprintf("%s/sys/bus/pci/devices/%s/vfio-dev", root,
			 topology_address(f, address));
	dir = opendir(path);
	free(path);
	while (dir && !node && (entry = readdir(dir)))
		if (!strncmp(entry->d_name, "vfio", 4))
			node = xasprintf("/dev/vfio/devices/%s",
					 entry->d_name);
	if (dir)
		closedir(dir);
	return node;
}

static void add(struct holders *holders, const char *root, int pid,
		bool mapped)
{
	char *path = xasprintf("/proc/%d/comm", pid);
	char *comm = machine_read(root, path);
	struct holder *holder;

	holders->at = xrealloc(holders->at, holders->nr + 1,
			       sizeof(*holders->at));
	holder = &holders->at[holders->nr++];
	holder->pid = pid;
	holder->mapped = mapped;
	snprintf(holder->comm, sizeof(holder->comm), "%s", comm ? comm : "?");
	clean_text(holder->comm);
	free(comm);
	free(path);
}

/* A mapping of a file keeps it when its descriptors have been closed. */
static bool has_mapped(const char *root, int pid, const char *wanted)
{
	char *path = xasprintf("%s/proc/%d/maps", root, pid);
	FILE *maps = fopen(path, "r");
	char *line = NULL, *at;
	size_t size = 0;
	bool found = false;

	free(path);
	while (maps && !found && getline(&line, &size, maps) > 0) {
		at = strstr(line, wanted);
		found = at && at[strlen(wanted)] == '\n';
	}
	free(line);
	if (maps)
		fclose(maps);
	return found;
}

/* Processes come and go meanwhile: what is not there any more holds nothing. */
static void look_into(struct holders *holders, const char *root, int pid,
		      const char *wanted)
{
	char *path = xasprintf("%s/proc/%d/fd", root, pid);
	DIR *dir = opendir(path);
	struct dirent *entry;
	char target[PATH_MAX];
	bool found = false;

	if (!dir && !access(path, F_OK))
		holders->unseen = true;
	while (dir && !found && (entry = readdir(dir))) {
		ssize_t length = readlinkat(dirfd(dir), entry->d_name, target,
					    sizeof(target) - 1);

		if (length <= 0)
			continue;
		target[length] = '\0';
		found = !strcmp(target, wanted);
	}
	if (found || has_mapped(root, pid, wanted))
		add(holders, root, pid, !found);
	if (dir)
		closedir(dir);
	free(path);
}

/**
 * holders_of() - who has a file open, or mapped
 * @holders: gets them in addition; to be zeroed first, its array to be freed
 * @root: directory instead of /
 * @path: the file
 */
void holders_of(struct holders *holders, const char *root, const char *path)
{
	char *name = xasprintf("%s/proc", root);
	DIR *dir = opendir(name);
	struct dirent *entry;

	free(name);
	while (dir && (entry = readdir(dir))) {
		int pid = atoi(entry->d_name);

		/* We may have been started with it, and mean nobody harm */
		if (pid > 0 && (*root || pid != getpid()))
			look_into(holders, root, pid, path);
	}
	if (dir)
		closedir(dir);
}
