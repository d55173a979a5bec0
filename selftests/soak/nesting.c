// SPDX-License-Identifier: GPL-2.0-only
/* Nesting in software, and dirty pages: by PASIDs that no view of the worker's has. */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>

#include "action.h"
#include "inject.h"
#include "iommu.h"
#include "must.h"
#include "probe.h"
#include "report.h"

#define PASID_NESTED 20U
#define PASID_DIRTY 23U
#define CHILD_AT 0x70000000ULL

/* Software ---------------------------------------------------------------- */

/* What the child is made of goes: it is not reached through the child either. */
static int lose_source(struct worker *w, struct space *s, unsigned int cell,
		       struct dma *dma)
{
	unsigned int at = cell, n = 1;
	int rc;

	grow_to_areas(s, &at, &n);
	rc = CALL(w, iommu_ioas_unmap(w->context, s->ioas, cell_iova(s, at),
				      n * PAGE, NULL));
	if (rc)
		return broken(w, "unmap in the parent %u: %d", s->ioas, rc);
	note_unmap(s, at, n);
	return probe_nothing(w, dma, CHILD_AT, s->cells[cell].was) ?:
	       probe_lost(w, s, at, n);
}

/* A child with one page of its parent, and the page for completions. */
static int fill_child(struct worker *w, const struct space *s,
		      unsigned int cell, uint32_t child, uint32_t perm)
{
	const void *page = (void *)(uintptr_t)cell_iova(s, cell);
	const void *done = (void *)(uintptr_t)done_iova(s);
	int rc;

	rc = CALL(w, iommu_map_fixed(w->context, child, done, PAGE, IOMMU_RW,
				     CHILD_AT + PAGE));
	if (!rc)
		rc = CALL(w, iommu_map_fixed(w->context, child, page, PAGE,
					     perm, CHILD_AT));
	return rc;
}

static int use_child(struct worker *w, struct space *s, unsigned int cell,
		     uint32_t child)
{
	uint32_t perm = s->cells[cell].perm;
	struct dma dma = probe_dma_at(&w->engine, PASID_NESTED, s->done,
				      CHILD_AT + PAGE);
	int rc = fill_child(w, s, cell, child, perm);

	if (!rc)
		rc = try_attach(w, PASID_NESTED, child);
	if (rc)
		return excused(w, rc) ? rc :
		       broken(w, "nested IOAS of %u: %d", s->ioas, rc);
	rc = probe_page(w, &dma, CHILD_AT, s->cells[cell].page, perm);
	if (!rc && chance(w, 60))
		rc = lose_source(w, s, cell, &dma);
	return rc ?: must_detach(w, PASID_NESTED);
}

int act_nested(struct worker *w)
{
	struct space *s = pick_space(w);
	int cell = pick_mapped(w, s), rc;
	uint32_t child;

	if (cell < 0)
		return NOTHING_TO_DO;
	about(w, s->ioas, cell_iova(s, cell));
	rc = CALL(w, iommu_alloc_nested(w->context, s->ioas, &child));
	if (rc)
		return excused(w, rc) ? rc :
		       broken(w, "nested IOAS in %u: %d", s->ioas, rc);
	rc = use_child(w, s, cell, child);
	return must_destroy(w, child) ?: rc;
}

/* Dirty pages ------------------------------------------------------------- */

static int written_is_dirty(struct worker *w, struct space *s, uint32_t hwpt,
			    unsigned int cell)
{
	struct dma dma = probe_dma_at(&w->engine, PASID_DIRTY, s->done,
				      done_iova(s));
	uint64_t bitmap = 0, bits = 0, want = s->cells[cell].perm & IOMMU_W ?
					      1ULL << cell : 0;
	int rc;

	rc = iommu_hwpt_set_dirty(w->context, hwpt, true);
	if (rc)
		return broken(w, "dirty tracking on: %d", rc);
	rc = iommu_hwpt_get_dirty(w->context, hwpt, 0, s->at, CELLS * PAGE,
				  PAGE, &bitmap) ?:
	     probe_page(w, &dma, cell_iova(s, cell), s->cells[cell].page,
			s->cells[cell].perm) ?:
	     iommu_hwpt_get_dirty(w->context, hwpt, 0, s->at, CELLS * PAGE,
				  PAGE, &bits);
	if (rc || bitmap || (bits & want) != want)
		return broken(w, "dirty: %d, 0x%llx, then 0x%llx, cell %u written to",
			      rc, (unsigned long long)bitmap,
			      (unsigned long long)bits, cell);
	return 0;
}

int act_dirty(struct worker *w)
{
	struct space *s = pick_space(w);
	int cell = pick_mapped(w, s), rc;
	uint32_t hwpt;

	if (cell < 0)
		return NOTHING_TO_DO;
	rc = CALL(w, iommu_hwpt_alloc(w->context, w->engine.dev_id, s->ioas,
				      IOMMU_HWPT_ALLOC_DIRTY_TRACKING, &hwpt));
	if (rc)
		return excused(w, rc) ? rc :
		       broken(w, "page table with dirty tracking: %d", rc);
	rc = try_attach(w, PASID_DIRTY, hwpt);
	if (!rc)
		rc = written_is_dirty(w, s, hwpt, cell) ?:
		     must_detach(w, PASID_DIRTY);
	else if (!excused(w, rc))
		broken(w, "attach of %u: %d", hwpt, rc);
	return must_destroy(w, hwpt) ?: rc;
}
