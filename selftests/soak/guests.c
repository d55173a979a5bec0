// SPDX-License-Identifier: GPL-2.0-only
/* Guests with first stages and PASID tables, which the simulator's hardware walks. */
#define _GNU_SOURCE
#include <errno.h>

#include "action.h"
#include "inject.h"
#include "iommu.h"
#include "must.h"
#include "probe.h"
#include "report.h"
#include "vm.h"

#define PASID_GUEST 21U
#define PASID_BITS 4U

/* The guest takes the page away, and says so. */
static int guest_takes(struct worker *w, struct vm *vm, uint32_t hwpt,
		       struct dma *dma)
{
	bool all = chance(w, 50);
	int rc = vm_unmaps(vm);

	if (!rc)
		rc = guest_invalidate(w->context, hwpt, all ? 0 : PROCESS_AT,
				      all ? UINT64_MAX : PAGE);
	if (rc)
		return broken(w, "invalidation: %d", rc);
	return vm_silence(w, vm, dma);
}

/* The user takes the guest's memory away: no first stage reaches it. */
static int user_takes(struct worker *w, struct vm *vm, struct dma *dma)
{
	int rc = CALL(w, iommu_unmap_all(w->context, vm->ioas, NULL));

	if (rc)
		return broken(w, "unmap of a guest's memory: %d", rc);
	return vm_silence(w, vm, dma);
}

static int guest_works(struct worker *w, struct vm *vm, uint32_t hwpt)
{
	struct dma dma = vm_dma(w, vm, PASID_GUEST);
	int rc = vm_maps(w, vm, &dma);

	if (rc)
		return rc;
	return chance(w, 50) ? guest_takes(w, vm, hwpt, &dma) :
			       user_takes(w, vm, &dma);
}

int act_guest(struct worker *w)
{
	uint32_t hwpt = 0;
	struct vm vm;
	int rc = vm_open(w, &vm);

	if (rc)
		return rc;
	about(w, vm.ioas, vm.parent);
	rc = CALL(w, guest_hwpt(w->context, w->engine.dev_id, vm.parent,
				vm.root, 0, &hwpt));
	if (!rc)
		rc = try_attach(w, PASID_GUEST, hwpt);
	if (!rc)
		rc = guest_works(w, &vm, hwpt) ?: must_detach(w, PASID_GUEST);
	else if (!excused(w, rc))
		broken(w, "first stage: %d", rc);
	if (hwpt && must_destroy(w, hwpt))
		return -EIO;
	return vm_close(w, &vm) ?: rc;
}

static int table_works(struct worker *w, struct vm *vm, uint32_t hwpt,
		       struct iosim_pasid_entry *entries)
{
	uint32_t pasid = 1 + pick(w, (1U << PASID_BITS) - 1);
	struct dma dma = vm_dma(w, vm, pasid);
	int rc;

	entries[pasid].root = vm->root;
	entries[pasid].flags = IOSIM_PASID_VALID | IOSIM_PASID_FIRST_STAGE;
	rc = vm_maps(w, vm, &dma);
	if (rc)
		return rc;
	entries[pasid].flags = 0;
	rc = guest_invalidate_pasid(w->context, hwpt, IOSIM_INVALIDATE_ENTRY,
				    pasid, 0, UINT64_MAX);
	if (rc)
		return broken(w, "invalidation of PASID %u: %d", pasid, rc);
	return vm_silence(w, vm, &dma);
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
	rc = vm_open(w, &vm);
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
	if (hwpt && must_destroy(w, hwpt))
		return -EIO;
	return vm_close(w, &vm) ?: rc;
}
