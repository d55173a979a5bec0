// SPDX-License-Identifier: GPL-2.0-only
/*
 * The stock of free structures.
 *
 * A driver that maps a buffer for each transfer, and a VMM whose guest does, map
 * and unmap all the time. To allocate and free a structure each time, with the
 * memory cgroup's accounting, would take a quarter of what is spent beside the
 * IOMMU and the pages. So an IOAS keeps those that have become free, and allocates
 * many at once. The lock that every mapping takes anyway protects them.
 */
#include <linux/slab.h>

#include "pin.h"
#include "stock.h"

/* Structures that are allocated or freed at once. */
#define STOCK_PORTION	16U

static int alloc_portion(struct ioas *ioas, void **mem, unsigned int nr)
{
	return ioas->parent ? area_alloc_many(mem, nr) :
			      pinned_alloc_many(ioas->ctx, mem, nr);
}

static struct area *area_in(const struct ioas *ioas, void *mem)
{
	return ioas->parent ? &((struct loose_area *)mem)->area :
			      &((struct pinned *)mem)->area;
}

static int stock_fill(struct ioas *ioas, unsigned int nr)
{
	void *mem[STOCK_PORTION];
	unsigned int i;
	int rc;

	nr = min(nr, STOCK_PORTION);
	rc = alloc_portion(ioas, mem, nr);
	if (rc)
		return rc;
	mutex_lock(&ioas->tree_lock);
	for (i = nr; i--; )
		stock_put(ioas, area_in(ioas, mem[i]));
	mutex_unlock(&ioas->tree_lock);
	return 0;
}

/**
 * stock_lock_filled - stock_lock() where there are not enough
 * @ioas: see there
 * @nr: .
 */
int stock_lock_filled(struct ioas *ioas, unsigned int nr)
{
	unsigned int had;
	int rc;

	for (;;) {
		mutex_lock(&ioas->tree_lock);
		had = ioas->stock.nr;
		if (had >= nr)
			return 0;
		mutex_unlock(&ioas->tree_lock);
		/* One is asked for, and the next will be, too. */
		rc = stock_fill(ioas, !IS_ENABLED(CONFIG_KASAN) && nr == 1 ?
				      STOCK_PORTION : nr - had);
		if (rc)
			return rc;
	}
}

/**
 * stock_free - free structures for good
 * @ioas: the IOAS that they come from
 * @areas: what nobody else knows, by area->chain
 */
void stock_free(struct ioas *ioas, struct area *areas)
{
	void *mem[STOCK_PORTION];
	unsigned int n;

	while (areas) {
		for (n = 0; n < STOCK_PORTION && areas; n++) {
			struct area *next = areas->chain;

			mem[n] = ioas->parent ? (void *)area_loose(areas) :
						areas->pinned;
			areas = next;
		}
		if (ioas->parent)
			area_free_many(mem, n);
		else
			pinned_free_many(mem, n);
		cond_resched();
	}
}
