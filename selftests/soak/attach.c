// SPDX-License-Identifier: GPL-2.0-only
/* Attaching the worker's device: to what, and by which page table. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "action.h"
#include "inject.h"
#include "iommu.h"
#include "mem.h"
#include "own.h"
#include "probe.h"
#include "report.h"

static int attach_view(struct worker *w, const struct view *view, uint32_t pt)
{
	if (view->pasid == ENGINE_NO_PASID)
		return CALL(w, vfio_attach(w->engine.fd, pt, NULL));
	return CALL(w, iommu_pasid_attach(w->context, w->engine.dev_id,
					  view->pasid, pt));
}

static int detach_view(struct worker *w, const struct view *view)
{
	if (view->pasid == ENGINE_NO_PASID)
		return vfio_detach(w->engine.fd);
	return iommu_pasid_detach(w->context, w->engine.dev_id, view->pasid);
}

/* What was reached before is not reached any more, unless it is there again. */
static int probe_old(struct worker *w, const struct view *view,
		     const struct space *old)
{
	struct dma dma = probe_dma(w, view);
	int cell = old ? pick_mapped(w, old) : -1;

	if (cell < 0 || old == view->space)
		return 0;
	if (view->space && view->space->at == old->at &&
	    view->space->cells[cell].page != NO_PAGE)
		return probe_page(w, &dma, cell_iova(old, cell),
				  view->space->cells[cell].page,
				  view->space->cells[cell].perm);
	return probe_nothing(w, &dma, cell_iova(old, cell),
			     old->cells[cell].page);
}

/* Attach, or replace; by the IOAS, or by a page table of it. */
int act_attach(struct worker *w)
{
	struct view *view = &w->views[pick(w, NR_VIEWS)];
	struct space *old = view->space, *to = pick_space(w);
	int hwpt = pick(w, NR_HWPTS), rc;
	uint32_t pt = to->ioas;

	if (w->tables[hwpt].id && chance(w, 50)) {
		to = w->tables[hwpt].space;
		pt = w->tables[hwpt].id;
	} else {
		hwpt = -1;
	}
	about(w, view->pasid, pt);
	rc = attach_view(w, view, pt);
	if (rc && !excused(w, rc))
		return broken(w, "attach of PASID %d to %u (space %u): %d",
			      (int)view->pasid, pt, to->ioas, rc);
	if (!rc) {
		view->space = to;
		view->hwpt = hwpt;
	}
	return probe_old(w, view, old) ?: probe_view(w, view) ?: rc;
}

int act_detach(struct worker *w)
{
	struct view *view = &w->views[pick(w, NR_VIEWS)];
	struct space *old = view->space;
	int rc;

	if (!old)
		return NOTHING_TO_DO;
	about(w, view->pasid, old->ioas);
	rc = CALL(w, detach_view(w, view));
	if (rc)
		return broken(w, "detach of PASID %d: %d", (int)view->pasid, rc);
	view->space = NULL;
	view->hwpt = -1;
	return probe_old(w, view, old) ?: arena_check_all(w);
}

/* A page table of its own for an IOAS: mapped at once. */
int act_table(struct worker *w)
{
	static const uint32_t flags[] = {
		0, IOMMU_HWPT_ALLOC_DIRTY_TRACKING, IOMMU_HWPT_ALLOC_NEST_PARENT,
	};
	unsigned int nr = pick(w, NR_HWPTS);
	struct space *s = pick_space(w);
	uint32_t id;
	int rc;

	if (w->tables[nr].id)
		return NOTHING_TO_DO;
	rc = CALL(w, iommu_hwpt_alloc(w->context, w->engine.dev_id, s->ioas,
				      flags[pick(w, 3)], &id));
	about(w, s->ioas, rc ? 0 : id);
	if (rc)
		return excused(w, rc) ? rc :
		       broken(w, "page table of %u: %d", s->ioas, rc);
	w->tables[nr] = (struct table) { .id = id, .space = s };
	return 0;
}

static bool table_used(const struct worker *w, int nr)
{
	unsigned int i;

	for (i = 0; i < NR_VIEWS; i++)
		if (w->views[i].hwpt == nr)
			return true;
	return false;
}

int act_table_destroy(struct worker *w)
{
	unsigned int nr = pick(w, NR_HWPTS);
	struct table *table = &w->tables[nr];
	int want = table_used(w, nr) ? -EBUSY : 0, rc;

	if (!table->id)
		return NOTHING_TO_DO;
	about(w, table->id, -want);
	rc = CALL(w, iommu_destroy(w->context, table->id));
	if (rc != want)
		return broken(w, "destroy of page table %u: %d and not %d",
			      table->id, rc, want);
	if (!rc)
		table->id = 0;
	return rc;
}

static bool space_used(const struct worker *w, const struct space *s)
{
	unsigned int i;

	for (i = 0; i < NR_VIEWS; i++)
		if (w->views[i].space == s)
			return true;
	for (i = 0; i < NR_HWPTS; i++)
		if (w->tables[i].id && w->tables[i].space == s)
			return true;
	return false;
}

/* An IOAS with everything in it. One with page tables cannot go. */
int act_destroy(struct worker *w)
{
	struct space *s = pick_space(w);
	int want, rc;

	if (!s->own)
		return NOTHING_TO_DO;
	want = space_used(w, s) ? -EBUSY : 0;
	about(w, s->ioas, -want);
	rc = CALL(w, iommu_destroy(w->context, s->ioas));
	if (rc != want)
		return broken(w, "destroy of IOAS %u: %d and not %d", s->ioas,
			      rc, want);
	if (rc)
		return rc;
	if (arena_check_all(w))
		return -EIO;
	rc = space_open(w, s, 0, s->at);
	return rc ? broken(w, "new IOAS: %d", rc) : 0;
}

/* Close the device, with whatever is attached, and take it again. */
int act_rebind(struct worker *w)
{
	int rc;

	own_engine_close(w);
	if (arena_check_all(w))
		return -EIO;
	rc = own_engine_open(w);
	if (rc)
		return broken(w, "bind again: %d", rc);
	return probe_view(w, &w->views[pick(w, NR_VIEWS)]);
}

/* A reset leaves the device attached. */
int act_reset(struct worker *w)
{
	int rc = engine_reset(&w->engine);

	if (rc)
		return broken(w, "reset: %d", rc);
	return probe_view(w, &w->views[pick(w, NR_VIEWS)]);
}

/* What the device could write to is taken from it, in one way or the other. */
static int take_away(struct worker *w, struct view *view, unsigned int at,
		     unsigned int n)
{
	struct space *s = view->space;
	int rc;

	if (chance(w, 60)) {
		note_unmap(s, at, n);
		return iommu_ioas_unmap(w->context, s->ioas, cell_iova(s, at),
					n * PAGE, NULL);
	}
	rc = detach_view(w, view);
	view->space = NULL;
	view->hwpt = -1;
	return rc;
}

static int start_fills(struct worker *w, struct dma *dma, uint64_t iova,
		       uint64_t length)
{
	struct iosim_desc desc = dma_desc_fill(iova, length, ++w->fresh);
	unsigned int times = 1 + pick(w, 8);
	int rc = 0;

	while (times-- && !rc)
		rc = dma_start(dma, &desc);
	return rc;
}

/*
 * The device is writing when the mapping goes, or the attachment. Whatever it has
 * written by then it may have; afterwards the pages are the worker's alone.
 */
int act_in_flight(struct worker *w)
{
	struct view *view = &w->views[pick(w, NR_VIEWS)];
	struct space *s = view->space;
	int cell = s ? pick_mapped(w, s) : -1, rc;
	unsigned int at, n = 1, page;
	struct dma dma;

	if (cell < 0 || !(s->cells[cell].perm & IOMMU_W))
		return NOTHING_TO_DO;
	at = cell;
	grow_to_areas(s, &at, &n);
	page = s->cells[at].page;
	about(w, cell_iova(s, at), n);
	dma = probe_dma(w, view);
	rc = start_fills(w, &dma, cell_iova(s, at), n * PAGE) ?:
	     take_away(w, view, at, n);
	if (rc)
		return broken(w, "end of a mapping in use: %d", rc);
	/* Pages of a mapping follow each other. */
	memcpy(arena_page(&w->arena, page), arena_shadow(&w->arena, page),
	       n * PAGE);
	rc = engine_wait_idle(&w->engine);
	if (rc)
		return broken(w, "the engine does not come to an end");
	return arena_check_all(w);
}
