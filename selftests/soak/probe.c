// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "probe.h"

#include <errno.h>
#include <string.h>

#include "iommu.h"
#include "report.h"

#define WORDS (PAGE / 8)
#define MAX_WORDS 64U

struct dma probe_dma_at(const struct engine *engine, uint32_t pasid, void *done,
			uint64_t done_iova)
{
	return (struct dma) {
		.engine = engine,
		.pasid = pasid,
		.done = done,
		.done_iova = done_iova,
	};
}

/* By a view; if it is attached nowhere completions cannot arrive either. */
struct dma probe_dma(struct worker *w, const struct view *view)
{
	const struct space *s = view->space ? view->space : &w->spaces[0];

	return probe_dma_at(&w->engine, view->pasid, s->done, done_iova(s));
}

/* A view that is attached to the space, or NULL. */
struct view *pick_view(struct worker *w, const struct space *s)
{
	unsigned int i, nr = pick(w, NR_VIEWS);

	for (i = 0; i < NR_VIEWS; i++, nr = (nr + 1) % NR_VIEWS)
		if (w->views[nr].space == s)
			return &w->views[nr];
	return NULL;
}

/* Somewhere in a page: the first word, and how many. */
static unsigned int pick_words(struct worker *w, unsigned int *n)
{
	unsigned int first = pick(w, WORDS), room = WORDS - first;

	*n = 1 + pick(w, room < MAX_WORDS ? room : MAX_WORDS);
	return first;
}

static uint64_t fresh(struct worker *w)
{
	return ++w->fresh * 0x9e3779b97f4a7c15 ^ (uint64_t)w->nr << 56;
}

static void fill(char *to, unsigned int n, uint64_t value)
{
	while (n--)
		memcpy(to + n * 8, &value, 8);
}

static uint64_t word(const char *from)
{
	uint64_t value;

	memcpy(&value, from, sizeof(value));
	return value;
}

/* Was the DMA stopped? Nothing else is right for a positive or lost completion. */
static bool stopped(int rc)
{
	return rc > 0 || rc == -ENODATA;
}

/**
 * probe_page() - a page of the arena must be there, with these permissions
 * @w: whose
 * @dma: how
 * @iova: where
 * @page: of the arena
 * @perm: IOMMU_R, IOMMU_W
 */
int probe_page(struct worker *w, struct dma *dma, uint64_t iova,
	       unsigned int page, uint32_t perm)
{
	char *shadow = arena_shadow(&w->arena, page);
	unsigned int n, first = pick_words(w, &n);
	uint64_t at = iova + first * 8, value = fresh(w), seen = 0;
	int rc;

	rc = dma_fill(dma, at, n * 8, value);
	if (!rc && perm & IOMMU_W)
		fill(shadow + first * 8, n, value);
	if (perm & IOMMU_W ? rc != 0 : !stopped(rc))
		return broken(w, "write of %u bytes at 0x%llx, page %u, %s: %d at 0x%llx",
			      n * 8, (unsigned long long)at, page,
			      perm & IOMMU_W ? "allowed" : "forbidden", rc,
			      (unsigned long long)dma->addr);
	if (arena_check(w, page))
		return -EIO;
	rc = dma_peek(dma, at, &seen);
	if (perm & IOMMU_R ? rc != 0 : !stopped(rc))
		return broken(w, "read at 0x%llx, page %u, %s: %d",
			      (unsigned long long)at, page,
			      perm & IOMMU_R ? "allowed" : "forbidden", rc);
	if (!rc && seen != word(shadow + first * 8))
		return broken(w, "read at 0x%llx, page %u: 0x%llx and not 0x%llx",
			      (unsigned long long)at, page,
			      (unsigned long long)seen,
			      (unsigned long long)word(shadow + first * 8));
	return 0;
}

/**
 * probe_nothing() - nothing may be there
 * @w: whose
 * @dma: how
 * @iova: where
 * @page: which page of the arena was there, or NO_PAGE
 */
int probe_nothing(struct worker *w, struct dma *dma, uint64_t iova, int page)
{
	uint64_t at = iova + (iova % PAGE ? 0 : pick(w, WORDS) * 8);
	int rc;

	rc = chance(w, 50) ? dma_fill(dma, at, 8, fresh(w)) :
			     dma_peek(dma, at, NULL);
	if (!stopped(rc))
		return broken(w, "DMA at 0x%llx, where nothing is: %d",
			      (unsigned long long)at, rc);
	return page == NO_PAGE ? 0 : arena_check(w, page);
}

/* Memory that is not of the arena must be there, to be read and written. */
int probe_memory(struct worker *w, struct dma *dma, uint64_t iova, char *va)
{
	unsigned int n, first = pick_words(w, &n), i;
	uint64_t value = fresh(w), seen = 0;
	int rc;

	rc = dma_fill(dma, iova + first * 8, n * 8, value);
	if (rc)
		return broken(w, "write of %u bytes at 0x%llx: %d at 0x%llx",
			      n * 8, (unsigned long long)iova + first * 8, rc,
			      (unsigned long long)dma->addr);
	for (i = 0; i < n; i++)
		if (word(va + (first + i) * 8) != value)
			return broken(w, "write at 0x%llx has not arrived",
				      (unsigned long long)iova +
				      (first + i) * 8);
	value = fresh(w);
	fill(va + first * 8, 1, value);
	rc = dma_peek(dma, iova + first * 8, &seen);
	if (rc || seen != value)
		return broken(w, "read at 0x%llx: %d, 0x%llx and not 0x%llx",
			      (unsigned long long)iova + first * 8, rc,
			      (unsigned long long)seen,
			      (unsigned long long)value);
	return 0;
}

/* Memory that was there must not be reached any more. @va may be NULL. */
int probe_silence(struct worker *w, struct dma *dma, uint64_t iova, char *va)
{
	unsigned int first = pick(w, WORDS);
	uint64_t before = va ? word(va + first * 8) : 0;
	int rc = dma_fill(dma, iova + first * 8, 8, fresh(w));

	if (!stopped(rc))
		return broken(w, "DMA at 0x%llx, where nothing is any more: %d",
			      (unsigned long long)iova + first * 8, rc);
	if (va && word(va + first * 8) != before)
		return broken(w, "memory that was at 0x%llx has been written to",
			      (unsigned long long)iova + first * 8);
	return 0;
}

/* Somewhere within, and somewhere outside of, what is attached. */
int probe_view(struct worker *w, const struct view *view)
{
	const struct space *s = view->space;
	struct dma dma = probe_dma(w, view);
	int cell, rc = 0;

	if (!s) {
		s = pick_space(w);
		cell = pick_mapped(w, s);
		return cell < 0 ?
		       probe_nothing(w, &dma, pick_never(w, s), NO_PAGE) :
		       probe_nothing(w, &dma, cell_iova(s, cell),
				     s->cells[cell].page);
	}
	cell = pick_mapped(w, s);
	if (cell >= 0)
		rc = probe_page(w, &dma, cell_iova(s, cell),
				s->cells[cell].page, s->cells[cell].perm);
	cell = pick_unmapped(w, s);
	if (!rc && cell >= 0)
		rc = probe_nothing(w, &dma, cell_iova(s, cell),
				   s->cells[cell].was);
	if (!rc && chance(w, 30))
		rc = probe_nothing(w, &dma, pick_never(w, s), NO_PAGE);
	return rc;
}

/* These cells have been mapped: is one of them reached? */
int probe_cells(struct worker *w, const struct space *s, unsigned int at,
		unsigned int n)
{
	const struct view *view = pick_view(w, s);
	unsigned int cell = at + pick(w, n);
	struct dma dma;

	if (!view)
		return 0;
	dma = probe_dma(w, view);
	return probe_page(w, &dma, cell_iova(s, cell), s->cells[cell].page,
			  s->cells[cell].perm);
}

/* These have been unmapped: no view of the space reaches the first and the last. */
int probe_lost(struct worker *w, const struct space *s, unsigned int at,
	       unsigned int n)
{
	unsigned int i;
	int rc = 0;

	for (i = 0; i < NR_VIEWS && !rc; i++) {
		struct dma dma;

		if (w->views[i].space != s)
			continue;
		dma = probe_dma(w, &w->views[i]);
		rc = probe_nothing(w, &dma, cell_iova(s, at),
				   s->cells[at].was);
		if (!rc && n > 1)
			rc = probe_nothing(w, &dma, cell_iova(s, at + n - 1),
					   s->cells[at + n - 1].was);
	}
	return rc;
}
