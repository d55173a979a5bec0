// SPDX-License-Identifier: GPL-2.0-only
#include "pci/process.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "output.h"
#include "pci/machine.h"

#define CAP_SYS_PTRACE	19
#define CAP_SYS_ADMIN	21

/* Of the PID namespace that the kernel has started in: PROC_PID_INIT_INO. */
#define FIRST_PID_NAMESPACE "pid:[4026531836]"

/**
 * process_read() - a small file of a process
 * @root: directory instead of /
 * @pid: the process; 0 is this one
 * @name: the file
 *
 * Return: what is in it, to be freed; NULL if it cannot be read.
 */
char *process_read(const char *root, int pid, const char *name)
{
	char *path = pid ? xasprintf("/proc/%d/%s", pid, name) :
			   xasprintf("/proc/self/%s", name);
	char *text = machine_read(root, path);

	free(path);
	return text;
}

/**
 * process_after() - a line of a file such as status
 * @text: what is in the file; NULL for nothing
 * @name: how the line begins
 *
 * Return: what is behind that; NULL without such a line.
 */
const char *process_after(const char *text, const char *name)
{
	const char *at = text;
	size_t length = strlen(name);

	while (at && strncmp(at, name, length)) {
		at = strchr(at, '\n');
		at = at ? at + 1 : NULL;
	}
	return at ? at + length : NULL;
}

/**
 * process_number() - a number of a file such as status
 * @text: what is in the file; NULL for nothing
 * @name: how its line begins
 * @base: of the number
 *
 * Return: the number; 0 without such a line.
 */
uint64_t process_number(const char *text, const char *name, int base)
{
	const char *at = process_after(text, name);

	return at ? strtoull(at, NULL, base) : 0;
}

/**
 * process_is_capable() - has a process a capability that counts?
 * @root: directory instead of /
 * @pid: the process; 0 is this one
 * @status: what is in its file of that name
 * @capability: number of the capability
 *
 * Capabilities count in the first user namespace only, which maps all users.
 *
 * Return: whether.
 */
bool process_is_capable(const char *root, int pid, const char *status,
			int capability)
{
	char *map = process_read(root, pid, "uid_map");
	unsigned int inside = 1, outside = 1, count = 0;
	bool first = map && sscanf(map, "%u %u %u", &inside, &outside,
				   &count) == 3 &&
		     !inside && !outside && count == UINT32_MAX;

	free(map);
	return first && process_number(status, "CapEff:", 16) >> capability & 1;
}

/* The last number is the innermost one; of a process beside us there is one only. */
static int inner_pid(const char *status)
{
	const char *at = process_after(status, "NSpid:");
	int outer = 0, inner = 0, n = 0;

	/* The white space at the end of the line would be skipped, too. */
	while (at && *at && *at != '\n') {
		outer = n ? outer : atoi(at);
		inner = atoi(at);
		n++;
		at += strspn(at, "\t ");
		at += strcspn(at, "\t \n");
	}
	return n > 1 ? inner : 0;
}

/**
 * process_look() - who is it?
 * @process: set
 * @root: directory instead of /
 * @pid: its ID
 */
void process_look(struct process *process, const char *root, int pid)
{
	char *comm = process_read(root, pid, "comm");
	char *status = process_read(root, pid, "status");

	process->pid = pid;
	process->inner = inner_pid(status);
	snprintf(process->comm, sizeof(process->comm), "%s", comm ? comm : "?");
	clean_text(process->comm);
	free(status);
	free(comm);
}

/**
 * process_text() - what a process is called in a sentence
 * @p: the process
 *
 * Return: to be freed.
 */
char *process_text(const struct process *p)
{
	return p->inner ?
	       xasprintf("process %d (%s; %d in its PID namespace)", p->pid,
			 p->comm, p->inner) :
	       xasprintf("process %d (%s)", p->pid, p->comm);
}

/**
 * process_json() - likewise, for programs
 * @p: the process
 */
json_t *process_json(const struct process *p)
{
	json_t *json = xjson(json_pack("{si so}", "pid", p->pid, "command",
				       json_text(p->comm)));

	if (p->inner)
		json_object_set_new(json, "inner_pid", json_integer(p->inner));
	return json;
}

static int is_number(const struct dirent *entry)
{
	return atoi(entry->d_name) > 0;
}

/* By numbers, as /proc itself has them. */
static int list(const char *path, struct dirent ***entries)
{
	return scandir(path, entries, is_number, versionsort);
}

/**
 * process_each() - do something with each process
 * @root: directory instead of /
 * @function: what
 * @data: for it
 */
void process_each(const char *root, void (*function)(int pid, void *data),
		  void *data)
{
	char *path = xasprintf("%s/proc", root);
	struct dirent **entries;
	int i, n = list(path, &entries);

	free(path);
	for (i = 0; i < n; i++) {
		function(atoi(entries[i]->d_name), data);
		free(entries[i]);
	}
	if (n >= 0)
		free(entries);
}

/**
 * process_each_thread() - do something with each thread but the first
 * @root: directory instead of /
 * @pid: the process
 * @function: what
 * @data: for it
 */
void process_each_thread(const char *root, int pid,
			 void (*function)(int pid, int tid, void *data),
			 void *data)
{
	char *path = xasprintf("%s/proc/%d/task", root, pid);
	struct dirent **entries;
	int i, n = list(path, &entries);

	free(path);
	for (i = 0; i < n; i++) {
		if (atoi(entries[i]->d_name) != pid)
			function(pid, atoi(entries[i]->d_name), data);
		free(entries[i]);
	}
	if (n >= 0)
		free(entries);
}

/**
 * process_sees_all() - do the module and /proc tell us of other users?
 * @root: directory instead of /, of which everything is seen
 */
bool process_sees_all(const char *root)
{
	char *status;
	bool all;

	if (*root)
		return true;
	status = process_read("", 0, "status");
	all = process_is_capable("", 0, status, CAP_SYS_ADMIN) &&
	      process_is_capable("", 0, status, CAP_SYS_PTRACE);
	free(status);
	return all;
}

/**
 * process_is_outermost() - are we in no container?
 * @root: directory instead of /, which is in none
 *
 * In a PID namespace of our own, /proc does not have the processes outside, and the
 * numbers that the module gives are not those of /proc.
 */
bool process_is_outermost(const char *root)
{
	char target[sizeof(FIRST_PID_NAMESPACE)] = "";
	ssize_t length;

	if (*root)
		return true;
	length = readlink("/proc/self/ns/pid", target, sizeof(target) - 1);
	return length <= 0 || !strcmp(target, FIRST_PID_NAMESPACE);
}
