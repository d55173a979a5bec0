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

static void *mem_of(const struct ioas *ioas, struct area *area)
{
	return ioas->parent ? (void *)area_loose(area) : area->pinned;
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
 * stock_trim - free what is too much
 * @ioas: the IOAS
 * @nr: how many to keep
 */
void stock_trim(struct ioas *ioas, unsigned int nr)
{
	void *mem[STOCK_PORTION];
	unsigned int n;

	do {
		mutex_lock(&ioas->tree_lock);
		for (n = 0; n < STOCK_PORTION && ioas->stock.nr > nr; n++)
			mem[n] = mem_of(ioas, stock_take(ioas));
		mutex_unlock(&ioas->tree_lock);
		if (n && ioas->parent)
			area_free_many(mem, n);
		else if (n)
			pinned_free_many(mem, n);
		cond_resched();
	} while (n == STOCK_PORTION);
}
