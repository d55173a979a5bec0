// SPDX-License-Identifier: GPL-2.0-only
/*
 * A node of VFIO is known by its device number, since containers call nodes as they
 * like, and have them in file systems of their own. Names count where there is no
 * number to be had: in another directory than /, and in what is registered with an
 * io_uring.
 *
 * What keeps a device and is not here: a descriptor on its way to a socket that nobody
 * has, or one that the kernel itself is working with.
 */
#include "pci/holder.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/kcmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "output.h"
#include "pci/machine.h"
#include "pci/topology.h"

#define NODES "/vfio/devices/"

/**
 * struct scan - looking at all processes
 * @holds: what has been found
 * @root: directory instead of /
 * @device_major: of the nodes of devices; -1 if VFIO has none
 * @group_major: of the nodes of groups; likewise
 * @process: that is being looked at
 * @mapped: its mappings have been looked at
 */
struct scan {
	struct holds *holds;
	const char *root;
	int device_major;
	int group_major;
	struct process process;
	bool mapped;
};

/**
 * holds_node() - the device node that VFIO has made for a function
 * @f: the function
 * @root: directory instead of /
 *
 * Return: its path, to be freed; NULL if there is none.
 */
char *holds_node(const struct function *f, const char *root)
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
			node = xasprintf("/dev" NODES "%s", entry->d_name);
	if (dir)
		closedir(dir);
	return node;
}

/* What is it? --------------------------------------------------------------- */

static bool is_number(const char *text)
{
	return *text && !text[strspn(text, "0123456789")];
}

/* The rest of a path behind what is in front of it anywhere. */
static const char *behind(const char *path, const char *what)
{
	const char *at = strstr(path, what);

	return at ? at + strlen(what) : NULL;
}

static bool ends_with(char *text, const char *end)
{
	size_t length = strlen(text), cut = strlen(end);

	if (length < cut || strcmp(text + length - cut, end))
		return false;
	text[length - cut] = '\0';
	return true;
}

/* By its name, which loses what the kernel has appended. */
static bool is_node_by_name(struct hold *hold, char *path)
{
	const char *name;

	/* As fdinfo of an io_uring writes it, and everybody else */
	hold->gone = ends_with(path, "\\040(deleted)") ||
		     ends_with(path, " (deleted)");
	name = behind(path, NODES "vfio");
	if (name && is_number(name)) {
		hold->object = HOLD_DEVICE;
		snprintf(hold->name, sizeof(hold->name), "/dev" NODES "vfio%s",
			 name);
		return true;
	}
	name = behind(path, "/vfio/");
	if (name && is_number(!strncmp(name, "noiommu-", 8) ? name + 8 : name)) {
		hold->object = HOLD_GROUP;
		snprintf(hold->name, sizeof(hold->name), "/dev/vfio/%s", name);
		return true;
	}
	return false;
}

/* Groups are numbered otherwise than their nodes. */
static void name_group(struct hold *hold, unsigned int major, unsigned int minor,
		       const char *path)
{
	char *link = xasprintf("/sys/dev/char/%u:%u", major, minor);
	char target[PATH_MAX];
	ssize_t length = readlink(link, target, sizeof(target) - 1);
	const char *slash;

	free(link);
	target[length > 0 ? length : 0] = '\0';
	slash = strrchr(length > 0 ? target : path, '/');
	snprintf(hold->name, sizeof(hold->name), "/dev/vfio/%s",
		 slash ? slash + 1 : "?");
	clean_text(hold->name);
}

/* That nobody finds a node any more, directories need not know. */
static bool is_gone(const struct hold *hold)
{
	char *class = xasprintf("/sys/class/vfio-dev/%s",
				strrchr(hold->name, '/') + 1);
	bool gone = access(class, F_OK);

	free(class);
	return gone;
}

static bool is_node_by_number(const struct scan *scan, struct hold *hold,
			      const struct statx *st, const char *path)
{
	int major = st->stx_rdev_major;

	if (!S_ISCHR(st->stx_mode))
		return false;
	if (major == scan->group_major) {
		hold->object = HOLD_GROUP;
		name_group(hold, major, st->stx_rdev_minor, path);
		return true;
	}
	if (major != scan->device_major)
		return false;
	hold->object = HOLD_DEVICE;
	snprintf(hold->name, sizeof(hold->name), "/dev" NODES "vfio%u",
		 st->stx_rdev_minor);
	hold->gone = is_gone(hold);
	return true;
}

/*
 * Not everything is looked at: a file system whose server is away may let us wait. What
 * is called otherwise and is deeper below a mount point is no device of anybody's.
 */
static bool may_be_node(const char *path)
{
	return *path == '/' && (strstr(path, "vfio") ||
				!strncmp(path, "/dev/", 5) ||
				!strchr(path + 1, '/'));
}

/* Return: whether this keeps something of VFIO. @link leads there, or is NULL. */
static bool identify(const struct scan *scan, struct hold *hold,
		     const char *link, char *path)
{
	struct statx st;

	if (!strcmp(path, "anon_inode:[vfio-device]")) {
		hold->object = HOLD_OF_GROUP;
		return true;
	}
	if (!strcmp(path, "anon_inode:kvm-vfio")) {
		hold->object = HOLD_KVM;
		return true;
	}
	if (!may_be_node(path))
		return false;
	if (link && !*scan->root &&
	    !statx(AT_FDCWD, link, AT_STATX_DONT_SYNC, STATX_TYPE, &st))
		return is_node_by_number(scan, hold, &st, path);
	if (!is_node_by_name(hold, path))
		return false;
	if (!*scan->root && hold->object == HOLD_DEVICE)
		hold->gone = is_gone(hold);
	return true;
}

/* Threads that share their descriptors have the same. */
static bool is_same(const struct hold *a, const struct hold *b)
{
	return a->process.pid == b->process.pid && a->object == b->object &&
	       a->way == b->way && a->fd == b->fd && a->first == b->first &&
	       !strcmp(a->name, b->name);
}

static void add(struct scan *scan, struct hold *hold)
{
	struct holds *holds = scan->holds;
	int i;

	hold->process = scan->process;
	for (i = holds->nr; i-- && holds->at[i].process.pid == hold->process.pid;)
		if (is_same(&holds->at[i], hold))
			return;
	if (!*scan->process.comm)
		process_look(&scan->process, scan->root, scan->process.pid);
	hold->process = scan->process;
	holds->at = xrealloc(holds->at, holds->nr + 1, sizeof(*holds->at));
	holds->at[holds->nr++] = *hold;
}

/* Descriptors --------------------------------------------------------------- */

/*
 * A line of fdinfo of an io_uring: "    3: /dev/vfio/devices/vfio0", or up to Linux 6.12
 * the last part only of that.
 */
static bool is_registered(const struct scan *scan, struct hold *hold,
			  const char *line)
{
	const char *at = line + strspn(line, " ");
	size_t digits = strspn(at, "0123456789");
	char *path;
	bool found;

	if (!digits || strncmp(at + digits, ": ", 2))
		return false;
	at += digits + 2;
	if (*at == '/' || !strncmp(at, "anon_inode:", 11))
		path = xasprintf("%s", at);
	else if (!strncmp(at, "vfio", 4))
		path = xasprintf("/dev" NODES "%s", at);
	else
		path = xasprintf("anon_inode:%s", at);
	found = identify(scan, hold, NULL, path);
	free(path);
	return found;
}

/*
 * What fdinfo has, each for a descriptor of its own kind: of a socket, of a device since
 * Linux 6.18, and of an io_uring.
 */
static void look_at_info_line(struct scan *scan, struct hold *hold, char *line,
			      bool *files)
{
	struct hold found = { .fd = hold->fd };
	const char *address;

	line[strcspn(line, "\n")] = '\0';
	if (!strncmp(line, "scm_fds:", 8)) {
		found.object = HOLD_SENT;
		found.sent = strtoul(line + 8, NULL, 10);
		if (found.sent)
			add(scan, &found);
	} else if (!strncmp(line, "vfio-device-syspath:", 20)) {
		address = strrchr(line, '/');
		snprintf(hold->device, sizeof(hold->device), "%s",
			 address ? address + 1 : "");
	} else if (!strncmp(line, "UserFiles:", 10)) {
		*files = true;
	} else if (isalpha((unsigned char)*line)) {
		*files = false;
	} else if (*files && is_registered(scan, &found, line)) {
		found.way = HOLD_RING;
		add(scan, &found);
	}
}

static void look_at_info(struct scan *scan, struct hold *hold, const char *dir)
{
	char *path = xasprintf("%sinfo/%d", dir, hold->fd);
	FILE *info = fopen(path, "r");
	bool files = false;
	char *line = NULL;
	size_t size = 0;

	free(path);
	while (info && getline(&line, &size, info) > 0)
		look_at_info_line(scan, hold, line, &files);
	free(line);
	if (info)
		fclose(info);
}

static void look_at_descriptor(struct scan *scan, const char *dir,
			       const char *name)
{
	struct hold hold = { .way = HOLD_DESCRIPTOR, .fd = atoi(name) };
	char *link = xasprintf("%s/%s", dir, name);
	char target[PATH_MAX];
	ssize_t length = readlink(link, target, sizeof(target) - 1);

	target[length > 0 ? length : 0] = '\0';
	if (length > 0 && identify(scan, &hold, link, target)) {
		if (hold.object == HOLD_DEVICE || hold.object == HOLD_OF_GROUP)
			look_at_info(scan, &hold, dir);
		add(scan, &hold);
	} else if (!strncmp(target, "socket:", 7) ||
		   !strcmp(target, "anon_inode:[io_uring]")) {
		look_at_info(scan, &hold, dir);
	}
	free(link);
}

/* Processes come and go meanwhile: what is not there any more holds nothing. */
static void note_refusal(struct scan *scan)
{
	if (errno == EACCES || errno == EPERM)
		scan->holds->unseen = true;
}

static void look_at_descriptors(struct scan *scan, const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;

	if (!dir)
		note_refusal(scan);
	while (dir && (entry = readdir(dir)))
		if (is_number(entry->d_name))
			look_at_descriptor(scan, path, entry->d_name);
	if (dir)
		closedir(dir);
}

/* Mappings ------------------------------------------------------------------ */

/* A mapping of a file keeps it when its descriptors have been closed. */
static void look_at_mapping(struct scan *scan, char *line)
{
	struct hold hold = { .way = HOLD_MAPPING, .fd = -1 };
	uint64_t first, end;
	char *link;
	int at = 0;

	line[strcspn(line, "\n")] = '\0';
	if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %*s %*s %*s %*s %n", &first,
		   &end, &at) < 2 || !at || !line[at])
		return;
	link = xasprintf("/proc/%d/map_files/%" PRIx64 "-%" PRIx64,
			 scan->process.pid, first, end);
	hold.first = first;
	hold.last = end - 1;
	if (identify(scan, &hold, link, line + at))
		add(scan, &hold);
	free(link);
}

/* Threads share their memory; of one that has ended nothing is shown. */
static void look_at_mappings(struct scan *scan, const char *dir)
{
	char *path = xasprintf("%s/maps", dir);
	FILE *maps = scan->mapped ? NULL : fopen(path, "r");
	char *line = NULL;
	size_t size = 0;

	if (!scan->mapped && !maps)
		note_refusal(scan);
	while (maps && getline(&line, &size, maps) > 0) {
		scan->mapped = true;
		look_at_mapping(scan, line);
	}
	free(line);
	free(path);
	if (maps)
		fclose(maps);
}

/* Processes ----------------------------------------------------------------- */

static bool shares_files(const struct scan *scan, int pid, int tid)
{
	return !*scan->root &&
	       !syscall(SYS_kcmp, pid, tid, KCMP_FILES, 0, 0);
}

static void look_at_thread(int pid, int tid, void *data)
{
	struct scan *scan = data;
	char *dir = xasprintf("%s/proc/%d/task/%d", scan->root, pid, tid);
	char *fds = xasprintf("%s/fd", dir);

	if (!shares_files(scan, pid, tid))
		look_at_descriptors(scan, fds);
	look_at_mappings(scan, dir);
	free(fds);
	free(dir);
}

static void look_at_process(int pid, void *data)
{
	struct scan *scan = data;
	char *dir, *fds;

	/* We may have been started with it, and mean nobody harm */
	if (!*scan->root && pid == getpid())
		return;
	dir = xasprintf("%s/proc/%d", scan->root, pid);
	fds = xasprintf("%s/fd", dir);
	scan->process = (struct process) { .pid = pid };
	scan->mapped = false;
	look_at_descriptors(scan, fds);
	look_at_mappings(scan, dir);
	process_each_thread(scan->root, pid, look_at_thread, scan);
	free(fds);
	free(dir);
}

static int major_of(const char *devices, const char *name)
{
	char *copy = xasprintf("%s", devices), *line, *rest, word[32];
	int number, major = -1;

	for (line = strtok_r(copy, "\n", &rest); line && major < 0;
	     line = strtok_r(NULL, "\n", &rest)) {
		if (!strncmp(line, "Block", 5))
			break;
		if (sscanf(line, "%d %31s", &number, word) == 2 &&
		    !strcmp(word, name))
			major = number;
	}
	free(copy);
	return major;
}

static int compare(const void *one, const void *other)
{
	const struct hold *a = one, *b = other;

	if (a->process.pid != b->process.pid)
		return a->process.pid < b->process.pid ? -1 : 1;
	if (a->way != b->way)
		return a->way < b->way ? -1 : 1;
	if (a->fd != b->fd)
		return a->fd < b->fd ? -1 : 1;
	return a->first < b->first ? -1 : a->first > b->first;
}

/**
 * holds_look() - what all processes have of VFIO
 * @root: directory instead of /
 *
 * Return: to be given to holds_free().
 */
struct holds *holds_look(const char *root)
{
	struct holds *holds = xcalloc(1, sizeof(*holds));
	char *devices = machine_read(root, "/proc/devices");
	struct scan scan = {
		.holds = holds,
		.root = root,
		.device_major = devices ? major_of(devices, "vfio-dev") : -1,
		.group_major = devices ? major_of(devices, "vfio") : -1,
	};

	free(devices);
	process_each(root, look_at_process, &scan);
	if (holds->nr)
		qsort(holds->at, holds->nr, sizeof(*holds->at), compare);
	/* In a container, or with a /proc that hides what is not ours */
	if (!process_is_outermost(root) || (!*root && access("/proc/1/fd", F_OK)))
		holds->unseen = true;
	return holds;
}

/**
 * holds_free() - the opposite of holds_look()
 * @holds: what it has returned
 */
void holds_free(struct holds *holds)
{
	if (holds)
		free(holds->at);
	free(holds);
}

/**
 * hold_text() - what a process has, in a sentence
 * @hold: it
 *
 * Return: to be freed.
 */
char *hold_text(const struct hold *hold)
{
	const char *by_group = hold->object == HOLD_OF_GROUP ?
			       " that its group has given" : "";

	switch (hold->way) {
	case HOLD_MAPPING:
		return xasprintf("memory of it at 0x%" PRIx64 "-0x%" PRIx64,
				 hold->first, hold->last);
	case HOLD_RING:
		return xasprintf("a file registered with the io_uring of descriptor %d",
				 hold->fd);
	default:
		return xasprintf("descriptor %d%s", hold->fd, by_group);
	}
}

/**
 * hold_json() - likewise, for programs
 * @hold: it
 */
json_t *hold_json(const struct hold *hold)
{
	static const char *const ways[] = {
		[HOLD_DESCRIPTOR] = "descriptor",
		[HOLD_MAPPING] = "mapping",
		[HOLD_RING] = "io_uring",
	};
	json_t *json = xjson(json_pack("{ss}", "by", ways[hold->way]));
	char text[24];

	if (*hold->name)
		json_object_set_new(json, "node", json_text(hold->name));
	if (hold->way != HOLD_MAPPING) {
		json_object_set_new(json, "fd", json_integer(hold->fd));
		return json;
	}
	snprintf(text, sizeof(text), "0x%" PRIx64, hold->first);
	json_object_set_new(json, "first", json_string(text));
	snprintf(text, sizeof(text), "0x%" PRIx64, hold->last);
	json_object_set_new(json, "last", json_string(text));
	return json;
}
