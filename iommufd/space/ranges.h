/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Ranges of IOVAs that are reserved for somebody, or allowed by the user.
 */
#ifndef IOMMUFD_RANGES_H
#define IOMMUFD_RANGES_H

#include <linux/interval_tree.h>

/**
 * struct iova_range - one range
 * @node: first and last IOVA, inclusive
 * @owner: whose restriction it is; in an IOAS a struct reserver, or NULL
 * @next: for an owner that keeps a list of its ranges
 */
struct iova_range {
	struct interval_tree_node node;
	const void *owner;
	struct iova_range *next;
};

struct iova_range *iommufd_ranges_insert(struct rb_root_cached *tree,
					 unsigned long start,
					 unsigned long last, const void *owner);
void iommufd_ranges_remove(struct rb_root_cached *tree,
			   struct iova_range *range);

/**
 * ranges_add - iommufd_ranges_insert() for who does not keep the range
 * @tree: see there, as for the rest
 * @start: .
 * @last: .
 * @owner: .
 *
 * Return: 0 or -ENOMEM.
 */
static inline int ranges_add(struct rb_root_cached *tree, unsigned long start,
			     unsigned long last, const void *owner)
{
	return iommufd_ranges_insert(tree, start, last, owner) ? 0 : -ENOMEM;
}

void iommufd_ranges_drop(struct rb_root_cached *tree, const void *owner);
void iommufd_ranges_clear(struct rb_root_cached *tree);

/**
 * ranges_hit - has any range an IOVA in common with this one?
 * @tree: the ranges
 * @start: first IOVA
 * @last: last IOVA, inclusive
 */
static inline bool ranges_hit(struct rb_root_cached *tree, unsigned long start,
			      unsigned long last)
{
	return interval_tree_iter_first(tree, start, last);
}

struct iova_range *iommufd_ranges_first(struct rb_root_cached *tree,
					unsigned long from);
bool iommufd_ranges_hole(struct rb_root_cached *tree, unsigned long from,
			 unsigned long limit, unsigned long *start,
			 unsigned long *last);

#endif
