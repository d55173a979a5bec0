/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The stock of free structures for the next mappings of an IOAS.
 */
#ifndef IOMMUFD_STOCK_H
#define IOMMUFD_STOCK_H

#include "memory/pin.h"
#include "space/space.h"

/* How many may be taken at once: as many as a batch works on together. */
#define STOCK_MAX	256U

/*
 * The excess over 68 KiB is freed a portion at a time, by later unmaps. With KASAN
 * none is kept, so that uses after free are seen.
 */
#define STOCK_PORTION	16U
#define STOCK_FULL	(IS_ENABLED(CONFIG_KASAN) ? 0 : \
			 STOCK_MAX + STOCK_PORTION)

/**
 * struct mapping - memory, and room for the area that maps it first
 * @pinned: the memory
 * @area: the area; a small mapping is one allocation so
 */
struct mapping {
	struct pinned pinned;
	struct area area;
};

static inline struct area *stock_area_of(struct pinned *pinned)
{
	return &container_of(pinned, struct mapping, pinned)->area;
}

int iommufd_stock_init(void);
void iommufd_stock_exit(void);

int iommufd_stock_lock_filled(struct ioas *ioas, unsigned int nr);
void iommufd_stock_check(const struct ioas *ioas, const struct area *area);
void iommufd_stock_trim(struct ioas *ioas, unsigned int nr);

/**
 * stock_lock - take the tree lock, with structures at hand
 * @ioas: the IOAS
 * @nr: how many, at most STOCK_MAX
 *
 * Return: 0; or without the lock -ENOMEM.
 */
static inline int stock_lock(struct ioas *ioas, unsigned int nr)
{
	mutex_lock(&ioas->tree_lock);
	if (ioas->stock.nr >= nr)
		return 0;
	mutex_unlock(&ioas->tree_lock);
	return iommufd_stock_lock_filled(ioas, nr);
}

static inline struct area *stock_pop(struct stock *stock)
{
	struct area *area = stock->areas;

	stock->areas = area->chain;
	stock->nr--;
	return area;
}

static inline void stock_push(struct stock *stock, struct area *area)
{
	area->chain = stock->areas;
	stock->areas = area;
	stock->nr++;
}

/**
 * stock_take - an area that is not in the tree
 * @ioas: the IOAS, with its tree lock held and something in its stock
 *
 * In a nested IOAS it is a struct loose_area, else part of a struct mapping, whose
 * memory stands for nothing.
 */
static inline struct area *stock_take(struct ioas *ioas)
{
	return stock_pop(&ioas->stock);
}

/**
 * stock_put - the opposite of stock_take()
 * @ioas: the IOAS, with its tree lock held
 * @area: as its constructor made it, except for what chain_init() and pinned_set()
 *	set
 */
static inline void stock_put(struct ioas *ioas, struct area *area)
{
	if (IS_ENABLED(CONFIG_KASAN))
		iommufd_stock_check(ioas, area);
	stock_push(&ioas->stock, area);
}

/**
 * stock_unlock - let go of the tree lock, after stock_put()
 * @ioas: the IOAS
 */
static inline void stock_unlock(struct ioas *ioas)
{
	bool full = ioas->stock.nr > STOCK_FULL;

	mutex_unlock(&ioas->tree_lock);
	if (full)
		iommufd_stock_trim(ioas, STOCK_FULL ? STOCK_MAX : 0);
}

#endif
