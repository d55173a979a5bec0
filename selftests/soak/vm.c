// SPDX-License-Identifier: GPL-2.0-only
#include "vm.h"

#include <errno.h>

#include "inject.h"
#include "iommu.h"
#include "mem.h"
#include "must.h"
#include "probe.h"
#include "report.h"

static int make(struct worker *w, struct vm *vm)
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

int vm_close(struct worker *w, struct vm *vm)
{
	int rc = 0;

	if (vm->parent)
		rc = must_destroy(w, vm->parent);
	if (vm->ioas && !rc)
		rc = must_destroy(w, vm->ioas);
	mem_free(vm->guest.va, GUEST_SIZE);
	return rc;
}

/* If that fails, there is nothing to close. */
int vm_open(struct worker *w, struct vm *vm)
{
	int rc = make(w, vm);

	if (!rc)
		return 0;
	if (!excused(w, rc))
		broken(w, "nesting parent: %d", rc);
	vm_close(w, vm);
	return rc;
}

/* DMA of the guest's process by @pasid. */
struct dma vm_dma(struct worker *w, const struct vm *vm, uint32_t pasid)
{
	return probe_dma_at(&w->engine, pasid, vm->guest.va + GUEST_DONE,
			    PROCESS_DONE);
}

/* The process gets its page, and the device reaches it. */
int vm_maps(struct worker *w, struct vm *vm, struct dma *dma)
{
	return guest_map(&vm->guest, vm->root, PROCESS_AT, GUEST_AT, PAGE, PAGE,
			 GUEST_RW) ?:
	       probe_memory(w, dma, PROCESS_AT, vm->guest.va);
}

/* It loses it. Nobody has been told yet. */
int vm_unmaps(struct vm *vm)
{
	return guest_unmap(&vm->guest, vm->root, PROCESS_AT, PAGE, PAGE);
}

int vm_silence(struct worker *w, struct vm *vm, struct dma *dma)
{
	return probe_silence(w, dma, PROCESS_AT, vm->guest.va);
}
