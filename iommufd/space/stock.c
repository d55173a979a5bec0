// SPDX-License-Identifier: GPL-2.0-only
/*
 * The stock of free structures.
 *
 * A driver that maps a buffer for each transfer, or a VMM whose guest does, maps
 * and unmaps all the time. Allocating and freeing a structure each time, with
 * memory cgroup accounting, would be a quarter of the cost besides the IOMMU and
 * the pages: 415 of the instructions of a map, and 348 of an unmap. So an IOAS keeps free structures, and allocates many at once. They
 * are protected by the tree lock, which every mapping takes anyway.
 */
#include <linux/slab.h>

#include "memory/pin.h"
#include "space/stock.h"

static int alloc_portion(struct ioas *ioas, void **mem, unsigned int nr)
{
	return ioas->parent ? iommufd_area_alloc_many(mem, nr) :
			      iommufd_pinned_alloc_many(ioas->ctx, mem, nr);
}

static struct area *area_in(const struct ioas *ioas, void *mem)
{
	return ioas->parent ? &((struct loose_area *)mem)->area :
			      &((struct mapping *)mem)->area;
}

static void *mem_of(const struct ioas *ioas, struct area *area)
{
	return ioas->parent ? (void *)area_loose(area) : area->pinned;
}

/* Take a portion out of a stock that is to keep @nr. Returns its size. */
static unsigned int pop_portion(const struct ioas *ioas, struct stock *stock,
				unsigned int nr, void **mem)
{
	unsigned int n = 0;

	while (n < STOCK_PORTION && stock->nr > nr)
		mem[n++] = mem_of(ioas, stock_pop(stock));
	return n;
}

static void free_portion(const struct ioas *ioas, void **mem, unsigned int nr)
{
	if (ioas->parent)
		iommufd_area_free_many(mem, nr);
	else
		iommufd_pinned_free_many(mem, nr);
}

/*
 * Allocate at least @nr, and more if there is enough memory: these will not be
 * the last.
 */
static int add_portion(struct ioas *ioas, struct stock *to, unsigned int nr)
{
	unsigned int i, n = IS_ENABLED(CONFIG_KASAN) ? min(nr, STOCK_PORTION) :
						       STOCK_PORTION;
	void *mem[STOCK_PORTION];
	int rc = alloc_portion(ioas, mem, n);

	if (rc && nr < n) {
		n = nr;
		rc = alloc_portion(ioas, mem, n);
	}
	for (i = 0; i < n && !rc; i++)
		stock_push(to, area_in(ioas, mem[i]));
	return rc;
}

static void free_all(struct ioas *ioas, struct stock *stock)
{
	void *mem[STOCK_PORTION];
	unsigned int n;

	while (stock->nr) {
		n = pop_portion(ioas, stock, 0, mem);
		free_portion(ioas, mem, n);
		cond_resched();
	}
}

/*
 * stock_lock() where there are too few structures. What is allocated goes into the
 * stock only when it is enough, so nobody else can take it before.
 */
int iommufd_stock_lock_filled(struct ioas *ioas, unsigned int nr)
{
	struct stock fresh = {};

	for (;;) {
		unsigned int have;
		int rc;

		mutex_lock(&ioas->tree_lock);
		have = ioas->stock.nr + fresh.nr;
		if (have >= nr)
			break;
		mutex_unlock(&ioas->tree_lock);
		rc = add_portion(ioas, &fresh, nr - have);
		if (rc) {
			free_all(ioas, &fresh);
			return rc;
		}
		cond_resched();
	}
	while (fresh.nr)
		stock_push(&ioas->stock, stock_pop(&fresh));
	return 0;
}

/**
 * iommufd_stock_check - for debug kernels: is a free structure as it was made?
 * @ioas: the IOAS
 * @area: what is about to be put into the stock
 *
 * The next mapping relies on it, and sets the rest only.
 */
void iommufd_stock_check(const struct ioas *ioas, const struct area *area)
{
	const struct pinned *pinned = area->pinned;

	WARN_ON(area->pins || area->kept || area->in_use || area->parked || area->lent);
	WARN_ON(area->embedded == !!ioas->parent);
	if (ioas->parent)
		return;
	WARN_ON(area != stock_area_of(area->pinned));
	WARN_ON(refcount_read(&pinned->refs) != 1 || pinned->uses ||
		pinned->busy || pinned->mark || pinned->runs.npages ||
		pinned_is_special(pinned));
}

/**
 * iommufd_stock_trim - free the excess
 * @ioas: the IOAS
 * @nr: how many to keep
 */
void iommufd_stock_trim(struct ioas *ioas, unsigned int nr)
{
	void *mem[STOCK_PORTION];
	unsigned int n;

	do {
		mutex_lock(&ioas->tree_lock);
		n = pop_portion(ioas, &ioas->stock, nr, mem);
		mutex_unlock(&ioas->tree_lock);
		if (n)
			free_portion(ioas, mem, n);
		cond_resched();
	} while (n == STOCK_PORTION);
}

static void mapping_construct(void *mem)
{
	struct mapping *mapping = mem;

	iommufd_pinned_construct(&mapping->pinned);
	area_construct(&mapping->area);
	mapping->area.pinned = &mapping->pinned;
	mapping->area.embedded = true;
}

/**
 * iommufd_stock_init - at module load
 *
 * Return: 0 or -ENOMEM.
 */
int iommufd_stock_init(void)
{
	/* What is freed by its memory has that as its first member. */
	BUILD_BUG_ON(offsetof(struct mapping, pinned));
	return iommufd_pinned_cache_init(sizeof(struct mapping),
					 mapping_construct);
}

/**
 * iommufd_stock_exit - at module unload, with nothing mapped
 */
void iommufd_stock_exit(void)
{
	iommufd_pinned_cache_exit();
}
