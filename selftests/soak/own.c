// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "own.h"

#include <errno.h>
#include <stdio.h>

#include "iommu.h"
#include "report.h"

/* Both own spaces of a worker look alike: what is reached tells which it was. */
#define OWN_AT 0x20000000ULL

static void forget_views(struct worker *w)
{
	static const uint32_t pasids[NR_VIEWS] = { ENGINE_NO_PASID, 1, 7, 200 };
	unsigned int i;

	for (i = 0; i < NR_VIEWS; i++)
		w->views[i] = (struct view) { .pasid = pasids[i], .hwpt = -1 };
}

/* Bind the worker's engine; it is attached nowhere. */
int own_engine_open(struct worker *w)
{
	char name[16];

	snprintf(name, sizeof(name), OWN_ENGINE, w->nr);
	forget_views(w);
	return engine_open_name(&w->engine, name, w->context);
}

/* Page tables are for a device that is bound: they go with it. */
static void destroy_tables(struct worker *w)
{
	unsigned int i;
	int rc;

	for (i = 0; i < NR_HWPTS; i++) {
		if (!w->tables[i].id)
			continue;
		rc = iommu_destroy(w->context, w->tables[i].id);
		if (rc)
			broken(w, "destroy of page table %u at the end: %d",
			       w->tables[i].id, rc);
		w->tables[i].id = 0;
	}
}

void own_engine_close(struct worker *w)
{
	engine_close(&w->engine);
	forget_views(w);
	destroy_tables(w);
}

int own_open(struct worker *w)
{
	uint64_t slice = SLICES_AT + w->nr * SLICE_SIZE + 0x100000;
	unsigned int i;
	int rc;

	w->context = world->contexts[w->nr % NR_CHECKED];
	rc = arena_open(w, &w->arena);
	for (i = 0; i < NR_SPACES && !rc; i++) {
		uint32_t shared = i < NR_SHARED ?
			world->shared[w->nr % NR_CHECKED][i] : 0;

		rc = space_open(w, &w->spaces[i], shared,
				shared ? slice : OWN_AT);
	}
	return rc ?: own_engine_open(w);
}

/* Nothing of it remains, and nothing has happened to the memory. */
int own_close(struct worker *w)
{
	unsigned int i;
	int rc = arena_check_all(w);

	own_engine_close(w);
	for (i = 0; i < NR_SPACES && !rc; i++)
		rc = space_close(w, &w->spaces[i]);
	rc = rc ?: arena_check_all(w);
	arena_close(&w->arena);
	return rc;
}
