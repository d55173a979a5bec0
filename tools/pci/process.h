/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What /proc tells of a process, and how much of it we get to see.
 */
#ifndef IOASID_PROCESS_H
#define IOASID_PROCESS_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#define COMM_SIZE 32

/**
 * struct process - a process
 * @pid: its ID
 * @inner: its ID in the innermost PID namespace that it is in; 0 if that is ours
 * @comm: its command name, harmless for terminals
 */
struct process {
	int pid;
	int inner;
	char comm[COMM_SIZE];
};

char *process_text(const struct process *p);
json_t *process_json(const struct process *p);
void process_look(struct process *process, const char *root, int pid);
char *process_read(const char *root, int pid, const char *name);
const char *process_after(const char *text, const char *name);
uint64_t process_number(const char *text, const char *name, int base);
bool process_is_capable(const char *root, int pid, const char *status,
			int capability);
void process_each(const char *root, void (*function)(int pid, void *data),
		  void *data);
void process_each_thread(const char *root, int pid,
			 void (*function)(int pid, int tid, void *data),
			 void *data);
bool process_sees_all(const char *root);
bool process_is_outermost(const char *root);

#endif
