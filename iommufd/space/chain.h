/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Taking the ranges of new areas, where every instruction counts: what single
 * mappings and batches share.
 */
#ifndef IOMMUFD_PLACE_H
#define IOMMUFD_PLACE_H

#include "space/explain.h"
#include "space/load.h"
#include "space/nested.h"
#include "space/stock.h"

/* Is the mapping permitted, and aligned? A piece of a copy may be any. */
static inline int chain_check_area(const struct ioas *ioas,
				   const struct area *area)
{
	if (unlikely(area->prot & IOMMU_WRITE && !area->pinned->writable))
		return explain_permission(ioas);
	/* area->last is the length, so far. */
	if (unlikely((offset_in_page(area->offset) | area->last) &
		     (ioas->alignment - 1)))
		return explain_offset(ioas, area);
	return 0;
}

/* Take the range, which nobody has reserved. */
static inline int chain_place_area(struct ioas *ioas, struct area *area,
				   unsigned long iova)
{
	area->iova = iova;
	area->last += iova - 1;
	if (unlikely(area_insert(&ioas->areas, area)))
		return -EEXIST;
	if (ioas->parent)
		nested_link(ioas, area);
	return 0;
}

/* All areas of one mapping. */
static inline int chain_place_at(struct ioas *ioas, struct area *chain,
				 unsigned long iova)
{
	int rc;

	if (unlikely(chain->chain))
		return chain_place_many(ioas, chain, iova);
	rc = chain_check_area(ioas, chain);
	if (unlikely(rc))
		return rc;
	if (unlikely(chain_place_area(ioas, chain, iova)))
		return chain_unplace(ioas, chain, chain);
	return 0;
}

/**
 * chain_place_open - chain_place() at a fixed IOVA, where nothing is reserved
 * @ioas: the IOAS, with its tree lock held
 * @chain: new areas
 * @length: of all areas together; @iova + @length does not overflow
 * @iova: the first IOVA; the caller has looked into ioas->reserved
 *
 * Return: as chain_place().
 */
static inline int chain_place_open(struct ioas *ioas, struct area *chain,
				   unsigned long length, unsigned long iova)
{
	const unsigned long mask = ioas->alignment - 1;

	lockdep_assert_held(&ioas->tree_lock);
	if (unlikely(!length || length & mask))
		return explain_length(ioas, length);
	if (unlikely(iova & mask))
		return chain_refuse(ioas, iova, length);
	return chain_place_at(ioas, chain, iova);
}

/**
 * take_nested - an area for a mapping that is made of one area of the parent
 * @ioas: the child, locked
 * @source: first IOVA in the parent
 * @length: bytes
 * @wanted: the permissions that are asked for
 *
 * Return: the area, not placed yet, with the tree lock held; or without it NULL:
 * nested_lend() or nested_chain() tells what is wrong, if anything is.
 */
static inline struct area *take_nested(struct ioas *ioas, unsigned long source,
				       unsigned long length, u8 wanted)
{
	struct area *from = nested_source(ioas, source, length);
	u8 prot = from ? nested_prot(wanted, from) : 0;
	struct area *area;

	if (unlikely(!prot || (ioas->needs && !nested_is_lent(ioas, from)) ||
		     stock_lock(ioas, 1)))
		return NULL;
	area = stock_take(ioas);
	nested_init(ioas, area, from, source, length, prot);
	return area;
}

#endif
