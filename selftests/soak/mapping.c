// SPDX-License-Identifier: GPL-2.0-only
/* Mapping and unmapping, and what must result from it. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "action.h"
#include "inject.h"
#include "iommu.h"
#include "mem.h"
#include "probe.h"
#include "report.h"

#define MAX_BATCH 5U

/* What is to be mapped: cells, and the pages for them. */
struct plan {
	struct space *s;
	unsigned int at;
	unsigned int n;
	unsigned int page;
	uint32_t perm;
};

static bool pick_plan(struct worker *w, struct plan *p)
{
	unsigned int tries = 8;

	p->s = pick_space(w);
	do {
		p->at = pick_run(w, &p->n);
	} while (!all_free(p->s, p->at, p->n) && --tries);
	p->page = pick(w, ARENA_PAGES - p->n + 1);
	p->perm = pick_perm(w);
	about(w, cell_iova(p->s, p->at), p->n);
	return tries;
}

static int settle(struct worker *w, const struct plan *p, int rc)
{
	if (rc && excused(w, rc))
		return rc;
	if (rc)
		return broken(w, "map of page %u to cells %u to %u of %u: %d",
			      p->page, p->at, p->at + p->n - 1, p->s->ioas, rc);
	note_map(p->s, p->at, p->n, p->page, p->perm);
	return probe_cells(w, p->s, p->at, p->n);
}

int act_map(struct worker *w)
{
	struct plan p;
	int rc;

	if (!pick_plan(w, &p))
		return NOTHING_TO_DO;
	rc = CALL(w, iommu_map_fixed(w->context, p.s->ioas,
				     arena_page(&w->arena, p.page), p.n * PAGE,
				     p.perm, cell_iova(p.s, p.at)));
	return settle(w, &p, rc);
}

int act_map_file(struct worker *w)
{
	struct plan p;
	int rc;

	if (w->arena.file < 0 || !pick_plan(w, &p))
		return NOTHING_TO_DO;
	rc = CALL(w, iommu_map_file_fixed(w->context, p.s->ioas, w->arena.file,
					  p.page * PAGE, p.n * PAGE, p.perm,
					  cell_iova(p.s, p.at)));
	return settle(w, &p, rc);
}

/* Where something is already: it stays. */
int act_map_taken(struct worker *w)
{
	struct space *s = pick_space(w);
	int cell = pick_mapped(w, s), rc;

	if (cell < 0)
		return NOTHING_TO_DO;
	rc = CALL(w, iommu_map_fixed(w->context, s->ioas, w->arena.va, PAGE,
				     IOMMU_RW, cell_iova(s, cell)));
	if (rc != -EEXIST && !excused(w, rc))
		return broken(w, "map over cell %u: %d", cell, rc);
	return probe_cells(w, s, cell, 1);
}

int act_map_batch(struct worker *w)
{
	struct ioasid_batch_entry entries[MAX_BATCH];
	unsigned int nr = 1 + pick(w, MAX_BATCH), at, i;
	struct space *s = pick_space(w);
	unsigned int pages[MAX_BATCH];
	uint32_t done = 0;
	int rc;

	at = pick(w, CELLS - nr + 1);
	if (!all_free(s, at, nr))
		return NOTHING_TO_DO;
	about(w, cell_iova(s, at), nr);
	for (i = 0; i < nr; i++) {
		pages[i] = pick(w, ARENA_PAGES);
		entries[i] = (struct ioasid_batch_entry) {
			.src = iommu_ptr(arena_page(&w->arena, pages[i])),
			.iova = cell_iova(s, at + i),
			.length = PAGE,
			.flags = IOMMU_FIXED | pick_perm(w),
		};
	}
	rc = CALL(w, iommu_map_batch(w->context, s->ioas, entries, nr, &done));
	if (rc && !excused(w, rc))
		return broken(w, "batch of %u at cell %u: %d after %u", nr, at,
			      rc, done);
	if (rc && done == UINT32_MAX)
		done = 0;
	if (done > nr || (!rc && done != nr))
		return broken(w, "batch of %u: %d, but %u done", nr, rc, done);
	for (i = 0; i < done; i++)
		note_map(s, at + i, 1, pages[i],
			 entries[i].flags & IOMMU_RW);
	if (rc)
		return probe_lost(w, s, at + done, nr - done) ?: rc;
	return probe_cells(w, s, at, nr);
}

/* All of the arena at once, in pages as large as there are; then gone again. */
int act_map_huge(struct worker *w)
{
	struct space *s = pick_space(w);
	uint64_t iova = s->at - s->at % MEM_HUGE + VISITORS_AT +
			2 * MEM_HUGE + pick(w, 2) * MEM_HUGE;
	const struct view *view = pick_view(w, s);
	unsigned int page = pick(w, ARENA_PAGES);
	struct dma dma;
	int rc;

	about(w, iova, w->arena.size);
	rc = CALL(w, iommu_map_fixed(w->context, s->ioas, w->arena.va,
				     w->arena.size, IOMMU_RW, iova));
	if (rc)
		return excused(w, rc) ? rc : broken(w, "map of all: %d", rc);
	if (view) {
		dma = probe_dma(w, view);
		if (probe_page(w, &dma, iova + page * PAGE, page, IOMMU_RW))
			return -EIO;
	}
	rc = CALL(w, iommu_ioas_unmap(w->context, s->ioas, iova, w->arena.size,
				      NULL));
	if (rc)
		return broken(w, "unmap of all: %d", rc);
	return view ? probe_nothing(w, &dma, iova + page * PAGE, page) : 0;
}

int act_copy(struct worker *w)
{
	struct space *from = pick_space(w);
	int cell = pick_mapped(w, from), rc;
	struct plan p;

	if (cell < 0 || !pick_plan(w, &p))
		return NOTHING_TO_DO;
	p.n = 1;
	p.page = from->cells[cell].page;
	/* What was mapped to be read only was pinned so. */
	p.perm &= from->cells[cell].perm;
	if (!p.perm)
		return NOTHING_TO_DO;
	rc = CALL(w, iommu_copy_fixed(w->context, p.s->ioas, from->ioas,
				      cell_iova(from, cell), PAGE, p.perm,
				      cell_iova(p.s, p.at)));
	return settle(w, &p, rc);
}

static bool pick_areas(struct worker *w, struct space *s, unsigned int *at,
		       unsigned int *n)
{
	int cell = pick_mapped(w, s);

	if (cell < 0)
		return false;
	*at = cell;
	*n = 1 + pick(w, 8);
	if (*at + *n > CELLS)
		*n = CELLS - *at;
	grow_to_areas(s, at, n);
	about(w, cell_iova(s, *at), *n);
	return true;
}

static unsigned int count_mapped(const struct space *s, unsigned int at,
				 unsigned int n)
{
	unsigned int count = 0;

	while (n--)
		count += s->cells[at++].page != NO_PAGE;
	return count;
}

int act_unmap(struct worker *w)
{
	struct space *s = pick_space(w);
	unsigned int at, n, want;
	uint64_t bytes = 0;
	int rc;

	if (!pick_areas(w, s, &at, &n))
		return NOTHING_TO_DO;
	want = count_mapped(s, at, n);
	rc = CALL(w, iommu_ioas_unmap(w->context, s->ioas, cell_iova(s, at),
				      n * PAGE, &bytes));
	if (rc || bytes != want * PAGE)
		return broken(w, "unmap of cells %u to %u of %u: %d, %llu of %llu bytes",
			      at, at + n - 1, s->ioas, rc,
			      (unsigned long long)bytes, want * PAGE);
	note_unmap(s, at, n);
	return probe_lost(w, s, at, n);
}

int act_unmap_batch(struct worker *w)
{
	struct ioasid_batch_entry entries[MAX_BATCH];
	struct space *s = pick_space(w);
	unsigned int at[MAX_BATCH], n[MAX_BATCH], nr, i;
	uint32_t done = 0;
	int rc;

	for (nr = 0; nr < MAX_BATCH; nr++) {
		if (!pick_areas(w, s, &at[nr], &n[nr]))
			break;
		note_unmap(s, at[nr], n[nr]);
		entries[nr] = (struct ioasid_batch_entry) {
			.iova = cell_iova(s, at[nr]),
			.length = n[nr] * PAGE,
		};
	}
	if (!nr)
		return NOTHING_TO_DO;
	rc = iommu_unmap_batch(w->context, s->ioas, entries, nr, &done);
	if (rc || done != nr)
		return broken(w, "unmap of a batch of %u: %d after %u", nr, rc,
			      done);
	for (i = 0; i < nr && !rc; i++)
		rc = probe_lost(w, s, at[i], n[i]);
	return rc;
}

/* A part of a mapping cannot go: it stays as a whole. */
int act_unmap_cut(struct worker *w)
{
	struct space *s = pick_space(w);
	unsigned int at, n, cut;
	int cell = pick_mapped(w, s), rc;

	if (cell < 0)
		return NOTHING_TO_DO;
	at = cell;
	n = 1;
	grow_to_areas(s, &at, &n);
	if (n < 2)
		return NOTHING_TO_DO;
	cut = 1 + pick(w, n - 1);
	rc = CALL(w, iommu_ioas_unmap(w->context, s->ioas, cell_iova(s, at),
				      cut * PAGE, NULL));
	if (rc != -ENOENT && !excused(w, rc))
		return broken(w, "unmap of %u of %u pages: %d", cut, n, rc);
	return probe_cells(w, s, at, n);
}

/* Nothing is changed: is all as it was? */
int act_look(struct worker *w)
{
	return probe_view(w, &w->views[pick(w, NR_VIEWS)]);
}

int act_verify(struct worker *w)
{
	return arena_check_all(w);
}
