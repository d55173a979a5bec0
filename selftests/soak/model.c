// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "model.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "inject.h"
#include "iommu.h"
#include "mem.h"
#include "report.h"
#include "worker.h"

#define MAX_RUN 6U

/* Memory ------------------------------------------------------------------ */

static void alloc_kind(struct arena *arena, unsigned int kind)
{
	const size_t size = ARENA_PAGES * PAGE;

	arena->file = -1;
	arena->size = size;
	switch (kind) {
	case 0:
		arena->va = mem_scattered(size);
		return;
	case 1:
		arena->file = mem_memfd(size, 0);
		break;
	case 2:
		arena->huge = true;
		arena->size = MEM_HUGE;
		arena->va = mem_thp(MEM_HUGE);
		return;
	case 3:
		arena->file = mem_memfd_hugetlb(MEM_HUGE);
		arena->huge = true;
		arena->size = MEM_HUGE;
		break;
	default:
		arena->va = mem_shared(size);
		return;
	}
	if (arena->file >= 0)
		arena->va = mem_map_file(arena->file, 0, arena->size);
}

/* Memory of another kind for each worker, with something in every page. */
int arena_open(struct worker *w, struct arena *arena)
{
	unsigned int page;

	*arena = (struct arena) { .file = -1 };
	alloc_kind(arena, w->nr % 5);
	arena->shadow = malloc(ARENA_PAGES * PAGE);
	if (!arena->va || !arena->shadow)
		return -ENOMEM;
	for (page = 0; page < ARENA_PAGES; page++)
		mem_fill(arena_page(arena, page), PAGE,
			 world->seed ^ ((uint64_t)w->nr << 32 | page));
	memcpy(arena->shadow, arena->va, ARENA_PAGES * PAGE);
	return 0;
}

void arena_close(struct arena *arena)
{
	mem_free(arena->va, arena->size);
	free(arena->shadow);
	if (arena->file >= 0)
		close(arena->file);
	*arena = (struct arena) { .file = -1 };
}

char *arena_page(const struct arena *arena, unsigned int page)
{
	return arena->va + page * PAGE;
}

char *arena_shadow(const struct arena *arena, unsigned int page)
{
	return arena->shadow + page * PAGE;
}

static unsigned int difference(const char *a, const char *b)
{
	unsigned int i = 0;

	while (i < PAGE && a[i] == b[i])
		i++;
	return i;
}

/* Is a page as it should be? */
int arena_check(struct worker *w, unsigned int page)
{
	const char *seen = arena_page(&w->arena, page);
	const char *want = arena_shadow(&w->arena, page);
	unsigned int at;

	if (!memcmp(seen, want, PAGE))
		return 0;
	at = difference(seen, want);
	return broken(w, "page %u of memory: byte %u is 0x%02x and not 0x%02x",
		      page, at, (uint8_t)seen[at % PAGE], (uint8_t)want[at % PAGE]);
}

int arena_check_all(struct worker *w)
{
	unsigned int page;
	int rc = 0;

	for (page = 0; page < ARENA_PAGES && !rc; page++)
		rc = arena_check(w, page);
	return rc;
}

/* Spaces ------------------------------------------------------------------ */

static void forget_cells(struct space *space)
{
	unsigned int i;

	for (i = 0; i < CELLS; i++)
		space->cells[i] = (struct cell) {
			.page = NO_PAGE,
			.was = NO_PAGE,
		};
}

/**
 * space_open() - begin with an I/O address space
 * @w: whose it is
 * @space: filled; its @done may be there already
 * @shared: the IOAS in which it is a slice, or 0: one of its own
 * @at: IOVA of the first cell
 */
int space_open(struct worker *w, struct space *space, uint32_t shared,
	       uint64_t at)
{
	int rc = 0;

	space->own = !shared;
	space->ioas = shared;
	space->at = at;
	space->areas = 0;
	forget_cells(space);
	if (!space->done)
		space->done = mem_anon(PAGE);
	if (!space->done)
		return -ENOMEM;
	if (space->own)
		rc = iommu_ioas_alloc(w->context, &space->ioas);
	return rc ?: iommu_map_fixed(w->context, space->ioas, space->done, PAGE,
				     IOMMU_RW, done_iova(space));
}

/* Take out whatever the worker has mapped there, but for the completions. */
int space_unmap_all(struct worker *w, struct space *space)
{
	unsigned int at, n;
	int rc;

	for (at = 0; at < CELLS; at++) {
		if (space->cells[at].page == NO_PAGE)
			continue;
		n = 1;
		grow_to_areas(space, &at, &n);
		rc = iommu_ioas_unmap(w->context, space->ioas,
				      cell_iova(space, at), n * PAGE, NULL);
		if (rc)
			return broken(w, "unmap of cells %u to %u: %d", at,
				      at + n - 1, rc);
		note_unmap(space, at, n);
	}
	return 0;
}

/* The end of it; nothing may be attached. */
int space_close(struct worker *w, struct space *space)
{
	int rc = space_unmap_all(w, space);

	if (!rc)
		rc = iommu_ioas_unmap(w->context, space->ioas,
				      done_iova(space), PAGE, NULL);
	if (!rc && space->own)
		rc = iommu_destroy(w->context, space->ioas);
	if (rc)
		return broken(w, "end of space %u: %d", space->ioas, rc);
	space->ioas = 0;
	return 0;
}

/* Decisions --------------------------------------------------------------- */

struct space *pick_space(struct worker *w)
{
	return &w->spaces[pick(w, NR_SPACES)];
}

static int pick_cell(struct worker *w, const struct space *s, bool mapped)
{
	unsigned int i, cell = pick(w, CELLS);

	for (i = 0; i < CELLS; i++, cell = (cell + 1) % CELLS)
		if ((s->cells[cell].page != NO_PAGE) == mapped)
			return cell;
	return -1;
}

/* A cell with something in it, or -1. */
int pick_mapped(struct worker *w, const struct space *s)
{
	return pick_cell(w, s, true);
}

/* One with nothing in it, or -1. */
int pick_unmapped(struct worker *w, const struct space *s)
{
	return pick_cell(w, s, false);
}

/* The first of @n cells. */
unsigned int pick_run(struct worker *w, unsigned int *n)
{
	*n = 1 + pick(w, MAX_RUN);
	return pick(w, CELLS - *n + 1);
}

uint32_t pick_perm(struct worker *w)
{
	static const uint32_t perms[] = {
		IOMMU_RW, IOMMU_RW, IOMMU_RW, IOMMU_RW, IOMMU_R, IOMMU_W,
	};

	return perms[pick(w, sizeof(perms) / sizeof(perms[0]))];
}

/* An address at which nobody ever maps anything. */
uint64_t pick_never(struct worker *w, const struct space *s)
{
	static const uint64_t far[] = {
		0, 0x1000, 0x3ffff000, 0x1fffffffff000, 0xfffffffffffff000,
		0x800000000000, 0x7ffffffff000,
	};

	if (chance(w, 50))
		return s->at - s->at % SLICE_SIZE + NEVER_AT +
		       pick(w, 128) * PAGE;
	return far[pick(w, sizeof(far) / sizeof(far[0]))] + pick(w, 511) * 8;
}

/* The model --------------------------------------------------------------- */

bool all_free(const struct space *s, unsigned int at, unsigned int n)
{
	while (n--)
		if (s->cells[at++].page != NO_PAGE)
			return false;
	return true;
}

static bool same_area(const struct cell *a, const struct cell *b)
{
	return a->page != NO_PAGE && b->page != NO_PAGE && a->area == b->area;
}

/* Make a range larger until it cuts no mapping. */
void grow_to_areas(const struct space *s, unsigned int *at, unsigned int *n)
{
	const struct cell *c = s->cells;

	while (*at && same_area(&c[*at - 1], &c[*at]))
		--*at, ++*n;
	while (*at + *n < CELLS && same_area(&c[*at + *n - 1], &c[*at + *n]))
		++*n;
}

void note_map(struct space *s, unsigned int at, unsigned int n,
	      unsigned int page, uint32_t perm)
{
	unsigned int i;

	s->areas++;
	for (i = 0; i < n; i++) {
		s->cells[at + i].page = page + i;
		s->cells[at + i].perm = perm;
		s->cells[at + i].area = s->areas;
	}
}

void note_unmap(struct space *s, unsigned int at, unsigned int n)
{
	for (; n--; at++) {
		if (s->cells[at].page != NO_PAGE)
			s->cells[at].was = s->cells[at].page;
		s->cells[at].page = NO_PAGE;
	}
}
