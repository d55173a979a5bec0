/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Processes that have the device node of a function open or mapped.
 */
#ifndef IOASID_HOLDER_H
#define IOASID_HOLDER_H

#include <stdbool.h>

struct function;

#define COMM_SIZE 32

/**
 * struct holder - a process that has a file open
 * @pid: its ID
 * @comm: its command name, harmless for terminals
 * @mapped: it has no descriptor of it, but memory
 */
struct holder {
	int pid;
	char comm[COMM_SIZE];
	bool mapped;
};

/**
 * struct holders - several of them
 * @at: the processes
 * @nr: how many
 * @unseen: there are processes that we may not look into
 */
struct holders {
	struct holder *at;
	int nr;
	bool unseen;
};

char *holders_node(const struct function *f, const char *root);
void holders_of(struct holders *holders, const char *root, const char *path);

#endif
