/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a worker knows: which page of its memory is where in its I/O address spaces,
 * and what is in every byte of that memory. If a device changes something that it
 * was not told to, or fails to, memory differs from the model.
 */
#ifndef SELFTESTS_SOAK_MODEL_H
#define SELFTESTS_SOAK_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PAGE 4096ULL
#define CELLS 40U
#define ARENA_PAGES 64U
#define NO_PAGE (-1)

/* Below the first cell: where completions arrive. */
#define DONE_BELOW 0x10000ULL
/* Above it: what is there for one action only, and nothing else is near. */
#define VISITORS_AT 0x400000ULL
/* Within a slice, never mapped by anybody. */
#define NEVER_AT 0xf00000ULL

struct worker;

/**
 * struct arena - memory of a worker
 * @va: ARENA_PAGES pages
 * @size: bytes that were mapped for it
 * @shadow: what is in it
 * @file: of a file, or -1
 * @huge: it is in pages of 2 MiB, and aligned to that
 */
struct arena {
	char *va;
	size_t size;
	char *shadow;
	int file;
	bool huge;
};

/**
 * struct cell - a page of IOVA
 * @page: of the arena, or NO_PAGE
 * @was: what was there before
 * @perm: IOMMU_R, IOMMU_W
 * @area: number of the mapping, the same for all its pages
 */
struct cell {
	int16_t page;
	int16_t was;
	uint32_t perm;
	uint32_t area;
};

/**
 * struct space - an I/O address space, or a slice of one
 * @ioas: its ID; 0: it does not exist
 * @at: IOVA of the first cell
 * @own: nobody else uses it
 * @done: where completions arrive: a page
 * @areas: how many mappings there were
 * @cells: what is mapped
 */
struct space {
	uint32_t ioas;
	uint64_t at;
	bool own;
	char *done;
	uint32_t areas;
	struct cell cells[CELLS];
};

int arena_open(struct worker *w, struct arena *arena);
void arena_close(struct arena *arena);
char *arena_page(const struct arena *arena, unsigned int page);
char *arena_shadow(const struct arena *arena, unsigned int page);
int arena_check(struct worker *w, unsigned int page);
int arena_check_all(struct worker *w);

int space_open(struct worker *w, struct space *space, uint32_t shared,
	       uint64_t at);
int space_close(struct worker *w, struct space *space);
int space_unmap_all(struct worker *w, struct space *space);

static inline uint64_t cell_iova(const struct space *s, unsigned int cell)
{
	return s->at + cell * PAGE;
}

static inline uint64_t done_iova(const struct space *s)
{
	return s->at - DONE_BELOW;
}

struct space *pick_space(struct worker *w);
int pick_mapped(struct worker *w, const struct space *s);
int pick_unmapped(struct worker *w, const struct space *s);
unsigned int pick_run(struct worker *w, unsigned int *n);
uint32_t pick_perm(struct worker *w);
uint64_t pick_never(struct worker *w, const struct space *s);

bool all_free(const struct space *s, unsigned int at, unsigned int n);
void grow_to_areas(const struct space *s, unsigned int *at, unsigned int *n);
void note_map(struct space *s, unsigned int at, unsigned int n,
	      unsigned int page, uint32_t perm);
void note_unmap(struct space *s, unsigned int at, unsigned int n);

#endif
