/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a page table translates while it is being filled or drained: the areas as far as
 * they are between its borders.
 */
#ifndef IOMMUFD_SPAN_H
#define IOMMUFD_SPAN_H

#include <linux/minmax.h>
#include <linux/sizes.h>

#include "space/space.h"

/**
 * struct span - the part of an area that a page table translates
 * @iova: first IOVA
 * @length: bytes
 */
struct span {
	unsigned long iova;
	unsigned long length;
};

/**
 * portion_of - how much of a long walk through the areas to do under one hold of a lock
 * @portion: at first
 * @round: how many holds there have been
 *
 * Others can map in front of such a walk as fast as it goes. So that it ends nevertheless,
 * its portion doubles with every 2^20 of what it counts at first, that is 350000 areas when
 * a page table is filled, on debug kernels as well: a hold is about a thousandth of what
 * has been done by then. At last one hold does all that is left, while nobody maps.
 */
static inline unsigned long portion_of(unsigned long portion,
				       unsigned long round)
{
	return portion << min(round / (SZ_1M / portion), 20UL);
}

/* Let a page table translate nothing. */
static inline void table_cover_none(struct ioas_table *table)
{
	table->first = ULONG_MAX;
	table->last = 0;
}

static inline void table_cover_all(struct ioas_table *table)
{
	table->first = 0;
	table->last = ULONG_MAX;
}

static inline bool table_covers_none(const struct ioas_table *table)
{
	return table->first > table->last;
}

static inline bool table_covers_all(const struct ioas_table *table)
{
	return !table->first && table->last == ULONG_MAX;
}

/**
 * table_span - what of an area is between the borders of a page table
 * @table: one of the IOAS of @area, which is locked
 * @area: the area
 * @span: set to that
 *
 * Return: false if nothing is.
 */
static inline bool table_span(const struct ioas_table *table,
			      const struct area *area, struct span *span)
{
	unsigned long start = area->iova, last = area->last;

	if (unlikely(start < table->first || last > table->last)) {
		start = max(start, table->first);
		last = min(last, table->last);
		if (start > last)
			return false;
	}
	span->iova = start;
	span->length = last - start + 1;
	return true;
}

/* The next page table that has any of @area, behind @at in the list. */
static inline struct ioas_table *
table_of_behind(const struct ioas *ioas, struct list_head *at,
		const struct area *area, struct span *span)
{
	struct ioas_table *table = list_entry(at, struct ioas_table, link);

	list_for_each_entry_continue(table, &ioas->tables, link)
		if (table_span(table, area, span))
			return table;
	return NULL;
}

/**
 * for_each_table_of - go through the page tables that have, or are to have, an area
 * @ioas: the IOAS, locked
 * @table: the loop variable
 * @area: the area
 * @span: struct span *, set to what @table has of it
 *
 * Whatever fills or drains single areas goes this way, so that none reaches into a page
 * table beyond its borders.
 */
#define for_each_table_of(ioas, table, area, span)                          \
	for (table = table_of_behind(ioas, &(ioas)->tables, area, span);    \
	     table;                                                         \
	     table = table_of_behind(ioas, &(table)->link, area, span))

#endif
