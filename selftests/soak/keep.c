// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory that is nobody else's: it takes pages that others have just freed, and
 * fills them with a pattern that no device may change.
 */
#define _GNU_SOURCE
#include <errno.h>

#include "action.h"
#include "mem.h"
#include "report.h"

#define NR_KEPT 16U
#define MAX_PAGES 96U

struct kept {
	char *va;
	size_t size;
	uint64_t seed;
};

static struct kept kept[NR_KEPT];

/* The oldest is looked at, given back, and others are taken for it. */
int act_keep(struct worker *w)
{
	struct kept *k = &kept[pick(w, NR_KEPT)];
	ssize_t at = k->va ? mem_check(k->va, k->size, k->seed) : -1;

	if (at >= 0)
		return broken(w, "byte 0x%zx of 0x%zx that were never mapped: 0x%02x",
			      at, k->size, (uint8_t)k->va[at]);
	mem_free(k->va, k->size);
	k->size = (1 + pick(w, MAX_PAGES)) * PAGE;
	k->seed = random_next(&w->random);
	k->va = chance(w, 50) ? mem_anon(k->size) : mem_shared(k->size);
	if (!k->va)
		return -ENOMEM;
	mem_fill(k->va, k->size, k->seed);
	return 0;
}
