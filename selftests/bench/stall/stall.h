/* SPDX-License-Identifier: GPL-2.0-only */
/* stall.h - what a long command keeps waiting, see stall.c. */
#ifndef SELFTESTS_BENCH_STALL_H
#define SELFTESTS_BENCH_STALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../memory.h"
#include "edu.h"
#include "engine.h"

/**
 * struct scene - what the long commands work on
 * @fd: /dev/iommu
 * @areas: mappings of a page in @full, one behind the other
 * @full: the IOAS with them; @edu is attached to it
 * @other: an IOAS that no device is attached to
 * @edu: devices alone in their groups; the second one is bound, and no more
 * @engine: of the simulator, bound; its fd is -1 if there is no simulator
 * @hwpt: one more page table of @full, or 0
 * @peer: a device with a large BAR, bound, or -1
 * @bar: that BAR
 * @scattered: memory of single pages
 * @file: a memfd of a page, which @from_file maps again and again
 * @from_file: an IOAS with @areas mappings of @file
 * @bitmap: for the dirty pages of @full
 */
struct scene {
	int fd;
	unsigned long areas;
	uint32_t full;
	uint32_t other;
	struct edu edu[2];
	struct engine engine;
	uint32_t hwpt;
	int peer;
	struct memory bar;
	struct memory scattered;
	int file;
	uint32_t from_file;
	uint64_t *bitmap;
};

/**
 * struct command - a long command, and the one that undoes it
 * @key: on the command line and in the output
 * @title: for people
 * @undo_title: likewise
 * @prepare: what it takes, the first time; or NULL. -ENODEV: cannot be had here
 * @run: does it; 0 or a negative errno
 * @undo: does the opposite; NULL if there is none
 * @closes: it closes @scene->fd: nobody else can use that meanwhile
 */
struct command {
	const char *key;
	const char *title;
	const char *undo_title;
	int (*prepare)(struct scene *scene);
	int (*run)(struct scene *scene);
	int (*undo)(struct scene *scene);
	bool closes;
};

extern const struct command commands[];
extern const size_t nr_commands;

void scene_open(struct scene *scene, unsigned long areas);
void scene_close(struct scene *scene);

/* What others do meanwhile; they end the program if it fails. */
void scene_map_page(const struct scene *scene);
void scene_alloc(const struct scene *scene);

#endif /* SELFTESTS_BENCH_STALL_H */
