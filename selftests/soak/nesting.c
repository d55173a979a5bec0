// SPDX-License-Identifier: GPL-2.0-only
/*
 * Nesting, in software and by the simulator's hardware, and dirty pages.
 *
 * Objects that are made for one action have an IOAS of their own, and PASIDs that no
 * view of the worker's has.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>

#include "action.h"
#include "guest.h"
#include "inject.h"
#include "iommu.h"
#include "mem.h"
#include "probe.h"
#include "report.h"

#define PASID_NESTED 20U
#define PASID_GUEST 21U
#define PASID_DIRTY 23U
#define PASID_BITS 4U
#define CHILD_AT 0x70000000ULL
#define GUEST_AT 0x80000000ULL
#define GUEST_PAGES 48U
#define GUEST_SIZE (GUEST_PAGES * PAGE)
/* Where the tables begin, and where completions arrive. */
#define GUEST_TABLES (8 * PAGE)
#define GUEST_DONE (7 * PAGE)
#define PROCESS_AT 0x550000000000ULL
#define PROCESS_DONE 0x560000000000ULL

static int pasid_attach(struct worker *w, uint32_t pasid, uint32_t pt)
{
	return CALL(w, iommu_pasid_attach(w->context, w->engine.dev_id, pasid,
					  pt));
}

static int pasid_detach(struct worker *w, uint32_t pasid)
{
	int rc = CALL(w, iommu_pasid_detach(w->context, w->engine.dev_id,
					    pasid));

	return rc ? broken(w, "detach of PASID %u: %d", pasid, rc) : 0;
}

static int destroy(struct worker *w, uint32_t id)
{
	int rc = CALL(w, iommu_destroy(w->context, id));

	return rc ? broken(w, "destroy of %u: %d", id, rc) : 0;
}

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
		rc = pasid_attach(w, PASID_NESTED, child);
	if (rc)
		return excused(w, rc) ? rc :
		       broken(w, "nested IOAS of %u: %d", s->ioas, rc);
	rc = probe_page(w, &dma, CHILD_AT, s->cells[cell].page, perm);
	if (!rc && chance(w, 60))
		rc = lose_source(w, s, cell, &dma);
	return rc ?: pasid_detach(w, PASID_NESTED);
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
	return destroy(w, child) ?: rc;
}

/* The simulator's --------------------------------------------------------- */

/**
 * struct vm - a guest for one action
 * @guest: its memory
 * @ioas: that memory as an IOAS
 * @parent: a nesting parent of it
 * @root: GPA of a first stage with the completions in it
 */
struct vm {
	struct guest guest;
	uint32_t ioas;
	uint32_t parent;
	uint64_t root;
};

static int vm_open(struct worker *w, struct vm *vm)
{
	char *va = mem_anon(GUEST_SIZE);
	int rc;

	*vm = (struct vm) { };
	if (!va)
		return -ENOMEM;
	guest_init(&vm->guest, va, GUEST_AT, GUEST_SIZE);
	vm->guest.used = GUEST_TABLES;
	rc = CALL(w, iommu_ioas_alloc(w->context, &vm->ioas));
	if (rc)
		return rc;
	rc = CALL(w, iommu_map_fixed(w->context, vm->ioas, va, GUEST_SIZE,
				     IOMMU_RW, GUEST_AT));
	if (rc)
		return rc;
	rc = CALL(w, iommu_hwpt_alloc(w->context, w->engine.dev_id, vm->ioas,
				      IOMMU_HWPT_ALLOC_NEST_PARENT,
				      &vm->parent));
	if (rc)
		return rc;
	vm->root = guest_table(&vm->guest);
	return guest_map(&vm->guest, vm->root, PROCESS_DONE,
			 GUEST_AT + GUEST_DONE, PAGE, PAGE, GUEST_RW);
}

static int vm_close(struct worker *w, struct vm *vm)
{
	int rc = 0;

	if (vm->parent)
		rc = destroy(w, vm->parent);
	if (vm->ioas && !rc)
		rc = destroy(w, vm->ioas);
	mem_free(vm->guest.va, GUEST_SIZE);
	return rc;
}

static int vm_or_excuse(struct worker *w, struct vm *vm)
{
	int rc = vm_open(w, vm);

	if (!rc)
		return 0;
	if (!excused(w, rc))
		broken(w, "nesting parent: %d", rc);
	vm_close(w, vm);
	return rc;
}

/* The guest takes the page away, and says so. */
static int guest_takes(struct worker *w, struct vm *vm, uint32_t hwpt,
		       struct dma *dma)
{
	bool all = chance(w, 50);
	int rc = guest_unmap(&vm->guest, vm->root, PROCESS_AT, PAGE, PAGE);

	if (!rc)
		rc = guest_invalidate(w->context, hwpt, all ? 0 : PROCESS_AT,
				      all ? UINT64_MAX : PAGE);
	if (rc)
		return broken(w, "invalidation: %d", rc);
	return probe_silence(w, dma, PROCESS_AT, vm->guest.va);
}

/* The user takes the guest's memory away: no first stage reaches it. */
static int user_takes(struct worker *w, struct vm *vm, struct dma *dma)
{
	int rc = CALL(w, iommu_unmap_all(w->context, vm->ioas, NULL));

	if (rc)
		return broken(w, "unmap of a guest's memory: %d", rc);
	return probe_silence(w, dma, PROCESS_AT, vm->guest.va);
}

static int guest_works(struct worker *w, struct vm *vm, uint32_t hwpt)
{
	struct dma dma = probe_dma_at(&w->engine, PASID_GUEST,
				      vm->guest.va + GUEST_DONE, PROCESS_DONE);
	int rc = guest_map(&vm->guest, vm->root, PROCESS_AT, GUEST_AT, PAGE,
			   PAGE, GUEST_RW);

	if (!rc)
		rc = probe_memory(w, &dma, PROCESS_AT, vm->guest.va);
	if (rc)
		return rc;
	return chance(w, 50) ? guest_takes(w, vm, hwpt, &dma) :
			       user_takes(w, vm, &dma);
}

int act_guest(struct worker *w)
{
	uint32_t hwpt = 0;
	struct vm vm;
	int rc = vm_or_excuse(w, &vm);

	if (rc)
		return rc;
	about(w, vm.ioas, vm.parent);
	rc = CALL(w, guest_hwpt(w->context, w->engine.dev_id, vm.parent,
				vm.root, 0, &hwpt));
	if (!rc)
		rc = pasid_attach(w, PASID_GUEST, hwpt);
	if (!rc)
		rc = guest_works(w, &vm, hwpt) ?: pasid_detach(w, PASID_GUEST);
	else if (!excused(w, rc))
		broken(w, "first stage: %d", rc);
	if (hwpt && destroy(w, hwpt))
		return -EIO;
	return vm_close(w, &vm) ?: rc;
}

static int table_works(struct worker *w, struct vm *vm, uint32_t hwpt,
		       struct iosim_pasid_entry *entries)
{
	uint32_t pasid = 1 + pick(w, (1U << PASID_BITS) - 1);
	struct dma dma = probe_dma_at(&w->engine, pasid,
				      vm->guest.va + GUEST_DONE, PROCESS_DONE);
	int rc;

	entries[pasid].root = vm->root;
	entries[pasid].flags = IOSIM_PASID_VALID | IOSIM_PASID_FIRST_STAGE;
	rc = guest_map(&vm->guest, vm->root, PROCESS_AT, GUEST_AT, PAGE, PAGE,
		       GUEST_RW) ?:
	     probe_memory(w, &dma, PROCESS_AT, vm->guest.va);
	if (rc)
		return rc;
	entries[pasid].flags = 0;
	rc = guest_invalidate_pasid(w->context, hwpt, IOSIM_INVALIDATE_ENTRY,
				    pasid, 0, UINT64_MAX);
	if (rc)
		return broken(w, "invalidation of PASID %u: %d", pasid, rc);
	return probe_silence(w, &dma, PROCESS_AT, vm->guest.va);
}

static bool only_rid(const struct worker *w)
{
	unsigned int i;

	for (i = 1; i < NR_VIEWS; i++)
		if (w->views[i].space)
			return false;
	return true;
}

/* A whole PASID table of the guest's, for which no PASID may be attached. */
int act_guest_pasids(struct worker *w)
{
	struct view *rid = &w->views[0];
	struct iosim_pasid_entry *entries;
	uint32_t hwpt = 0;
	struct vm vm;
	int rc;

	if (!only_rid(w))
		return NOTHING_TO_DO;
	rc = vm_or_excuse(w, &vm);
	if (rc)
		return rc;
	entries = guest_pasid_table(&vm.guest, PASID_BITS);
	rc = CALL(w, guest_hwpt_pasid_table(w->context, w->engine.dev_id,
					    vm.parent,
					    guest_gpa(&vm.guest, entries),
					    PASID_BITS, 0, &hwpt));
	if (!rc)
		rc = CALL(w, vfio_attach(w->engine.fd, hwpt, NULL));
	if (!rc) {
		rid->space = NULL;
		rid->hwpt = -1;
		rc = table_works(w, &vm, hwpt, entries);
		if (vfio_detach(w->engine.fd))
			return broken(w, "detach of a PASID table");
	} else if (!excused(w, rc)) {
		broken(w, "PASID table: %d", rc);
	}
	if (hwpt && destroy(w, hwpt))
		return -EIO;
	return vm_close(w, &vm) ?: rc;
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
	rc = pasid_attach(w, PASID_DIRTY, hwpt);
	if (!rc)
		rc = written_is_dirty(w, s, hwpt, cell) ?:
		     pasid_detach(w, PASID_DIRTY);
	else if (!excused(w, rc))
		broken(w, "attach of %u: %d", hwpt, rc);
	return destroy(w, hwpt) ?: rc;
}
