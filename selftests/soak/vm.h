/* SPDX-License-Identifier: GPL-2.0-only */
/* A guest of the simulator's format, which exists for one action. */
#ifndef SELFTESTS_SOAK_VM_H
#define SELFTESTS_SOAK_VM_H

#include "guest.h"
#include "worker.h"

/* Where its memory is, and in that where tables begin and completions arrive. */
#define GUEST_AT 0x80000000ULL
#define GUEST_PAGES 48U
#define GUEST_SIZE (GUEST_PAGES * PAGE)
#define GUEST_TABLES (8 * PAGE)
#define GUEST_DONE (7 * PAGE)
/* What a process of the guest has: the first page of its memory, and completions. */
#define PROCESS_AT 0x550000000000ULL
#define PROCESS_DONE 0x560000000000ULL

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

int vm_open(struct worker *w, struct vm *vm);
int vm_close(struct worker *w, struct vm *vm);
struct dma vm_dma(struct worker *w, const struct vm *vm, uint32_t pasid);
int vm_maps(struct worker *w, struct vm *vm, struct dma *dma);
int vm_unmaps(struct vm *vm);
int vm_silence(struct worker *w, struct vm *vm, struct dma *dma);

#endif
