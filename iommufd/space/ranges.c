// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reserved and allowed ranges of an I/O address space.
 *
 * A few per device: from its IOMMU's aperture, its reserved regions and its MSI
 * window. Several devices may ask for the same range, so ranges may overlap, and
 * are kept in the kernel's interval tree.
 */
#include <linux/slab.h>

#include "space/ranges.h"

static struct iova_range *range_of(struct interval_tree_node *node)
{
	return node ? container_of(node, struct iova_range, node) : NULL;
}

/**
 * iommufd_ranges_insert - add a range
 * @tree: the ranges
 * @start: first IOVA
 * @last: last IOVA, inclusive
 * @owner: whose it is
 *
 * Return: the range, or NULL if memory is short.
 */
struct iova_range *iommufd_ranges_insert(struct rb_root_cached *tree,
					 unsigned long start,
					 unsigned long last, const void *owner)
{
	struct iova_range *range = kzalloc(sizeof(*range), GFP_KERNEL_ACCOUNT);

	if (!range)
		return NULL;
	range->node.start = start;
	range->node.last = last;
	range->owner = owner;
	interval_tree_insert(&range->node, tree);
	return range;
}

/**
 * iommufd_ranges_remove - remove a range
 * @tree: the ranges
 * @range: one of them; freed
 */
void iommufd_ranges_remove(struct rb_root_cached *tree,
			   struct iova_range *range)
{
	interval_tree_remove(&range->node, tree);
	kfree(range);
}

/**
 * iommufd_ranges_drop - remove all ranges of one owner, who keeps no list of them
 * @tree: the ranges, which are all looked at
 * @owner: whose
 */
void iommufd_ranges_drop(struct rb_root_cached *tree, const void *owner)
{
	struct interval_tree_node *node, *next;

	for (node = interval_tree_iter_first(tree, 0, ULONG_MAX); node;
	     node = next) {
		next = interval_tree_iter_next(node, 0, ULONG_MAX);
		if (range_of(node)->owner == owner)
			iommufd_ranges_remove(tree, range_of(node));
	}
}

/**
 * iommufd_ranges_clear - remove all ranges
 * @tree: the ranges
 */
void iommufd_ranges_clear(struct rb_root_cached *tree)
{
	struct iova_range *range;

	while ((range = iommufd_ranges_first(tree, 0))) {
		iommufd_ranges_remove(tree, range);
		cond_resched();
	}
}

/**
 * iommufd_ranges_first - the first range that reaches to or behind an IOVA
 * @tree: the ranges
 * @from: the IOVA
 */
struct iova_range *iommufd_ranges_first(struct rb_root_cached *tree,
					unsigned long from)
{
	return range_of(interval_tree_iter_first(tree, from, ULONG_MAX));
}

/**
 * iommufd_ranges_hole - the next stretch that no range covers
 * @tree: the ranges
 * @from: look from here on
 * @limit: up to here, inclusive
 * @start: set to the first IOVA of the stretch
 * @last: set to its last IOVA
 *
 * Return: false if everything in [@from, @limit] is covered.
 */
bool iommufd_ranges_hole(struct rb_root_cached *tree, unsigned long from,
			 unsigned long limit, unsigned long *start,
			 unsigned long *last)
{
	struct interval_tree_node *node;

	while ((node = interval_tree_iter_first(tree, from, limit))) {
		if (node->start > from) {
			*start = from;
			*last = node->start - 1;
			return true;
		}
		if (node->last >= limit)
			return false;
		from = node->last + 1;
	}
	*start = from;
	*last = limit;
	return from <= limit;
}
