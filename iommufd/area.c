// SPDX-License-Identifier: GPL-2.0-only
/*
 * The tree of areas.
 *
 * Areas never overlap, so an ordinary tree ordered by IOVA answers every
 * question about intervals. Each node also knows the hole in front of it and the
 * largest hole in its subtree: a free IOVA is found in O(log n), with a million
 * areas as with ten.
 *
 * Ranges are closed, [start, last], because the last IOVA may be ULONG_MAX.
 */
#include <linux/log2.h>
#include <linux/overflow.h>
#include <linux/rbtree_augmented.h>
#include <linux/slab.h>

#include "area.h"

static struct kmem_cache *area_cache;

static unsigned long area_gap(struct area *area)
{
	return area->gap;
}

RB_DECLARE_CALLBACKS_MAX(static, area_gaps, struct area, rb, unsigned long,
			 max_gap, area_gap)

static struct area *area_of(const struct rb_node *rb)
{
	return rb ? rb_entry(rb, struct area, rb) : NULL;
}

/**
 * area_alloc - memory for an area
 *
 * Return: a zeroed area in state AREA_BUSY, or NULL.
 */
struct area *area_alloc(void)
{
	return kmem_cache_zalloc(area_cache, GFP_KERNEL_ACCOUNT);
}

/**
 * area_free - the opposite of area_alloc()
 * @area: not in a tree, or NULL
 */
void area_free(struct area *area)
{
	if (area)
		kmem_cache_free(area_cache, area);
}

/* The area before @area has changed: count the hole between them again. */
static void area_measure(struct area *area)
{
	const struct area *before = area_of(rb_prev(&area->rb));

	area->gap = before ? area->iova - before->last - 1 : area->iova;
	area_gaps_propagate(&area->rb, NULL);
}

/**
 * area_insert - put an area into the tree
 * @tree: the tree
 * @area: with iova and last set; overlaps nothing in the tree
 */
void area_insert(struct rb_root *tree, struct area *area)
{
	struct rb_node **link = &tree->rb_node, *parent = NULL;
	struct rb_node *after;

	while (*link) {
		parent = *link;
		if (area->iova < area_of(parent)->iova)
			link = &parent->rb_left;
		else
			link = &parent->rb_right;
	}
	area->gap = 0;
	area->max_gap = 0;
	rb_link_node(&area->rb, parent, link);
	area_measure(area);
	rb_insert_augmented(&area->rb, tree, &area_gaps);

	after = rb_next(&area->rb);
	if (after)
		area_measure(area_of(after));
}

/**
 * area_erase - take an area out of the tree
 * @tree: the tree
 * @area: in the tree
 */
void area_erase(struct rb_root *tree, struct area *area)
{
	struct rb_node *after = rb_next(&area->rb);

	rb_erase_augmented(&area->rb, tree, &area_gaps);
	if (after)
		area_measure(area_of(after));
}

/**
 * area_first - the lowest area that has a byte in a range
 * @tree: the tree
 * @start: first IOVA
 * @last: last IOVA, inclusive
 */
struct area *area_first(const struct rb_root *tree, unsigned long start,
			unsigned long last)
{
	struct rb_node *node = tree->rb_node;
	struct area *found = NULL;

	while (node) {
		struct area *area = area_of(node);

		if (area->last < start) {
			node = node->rb_right;
		} else {
			found = area;
			if (area->iova <= start)
				break;
			node = node->rb_left;
		}
	}
	return found && found->iova <= last ? found : NULL;
}

/**
 * area_last - the highest area that has a byte in a range
 * @tree: the tree
 * @start: first IOVA
 * @last: last IOVA, inclusive
 */
struct area *area_last(const struct rb_root *tree, unsigned long start,
		       unsigned long last)
{
	struct rb_node *node = tree->rb_node;
	struct area *found = NULL;

	while (node) {
		struct area *area = area_of(node);

		if (area->iova > last) {
			node = node->rb_left;
		} else {
			found = area;
			if (area->last >= last)
				break;
			node = node->rb_right;
		}
	}
	return found && found->last >= start ? found : NULL;
}

/**
 * area_next - the area behind another one
 * @area: an area in the tree
 * @last: last IOVA of interest, inclusive
 *
 * Return: the next area, or NULL if it begins behind @last.
 */
struct area *area_next(const struct area *area, unsigned long last)
{
	struct area *next = area_of(rb_next(&area->rb));

	return next && next->iova <= last ? next : NULL;
}

/* The lowest area of a subtree with @length bytes free in front of it. */
static struct area *gap_leftmost(struct rb_node *node, unsigned long length)
{
	for (;;) {
		struct area *area = area_of(node);
		struct area *left = area_of(node->rb_left);

		if (left && left->max_gap >= length)
			node = node->rb_left;
		else if (area->gap >= length)
			return area;
		else
			node = node->rb_right;
	}
}

/* The next higher area with @length bytes free in front of it. */
static struct area *gap_next(struct area *area, unsigned long length)
{
	struct rb_node *node = &area->rb;

	for (;;) {
		struct rb_node *parent;

		if (node->rb_right &&
		    area_of(node->rb_right)->max_gap >= length)
			return gap_leftmost(node->rb_right, length);

		while ((parent = rb_parent(node)) && node == parent->rb_right)
			node = parent;
		if (!parent)
			return NULL;
		if (area_of(parent)->gap >= length)
			return area_of(parent);
		node = parent;
	}
}

/* Does an aligned block fit into the hole [start, last]? */
static bool hole_fits(unsigned long start, unsigned long last,
		      unsigned long length, unsigned long align,
		      unsigned long offset, unsigned long *iova)
{
	unsigned long at;

	if (check_add_overflow(start, align - 1, &at))
		return false;
	at = (at & ~(align - 1)) | offset;
	if (at > last || last - at < length - 1)
		return false;
	*iova = at;
	return true;
}

/**
 * area_find_hole - the lowest free place for a new area
 * @tree: the tree
 * @start: not below this IOVA
 * @last: not above this one, inclusive
 * @length: bytes that are needed, at least 1
 * @align: a power of two
 * @offset: the place is to be @offset above a multiple of @align; less than
 *	@align
 * @iova: set to the place
 *
 * Return: 0, or -ENOSPC.
 */
int area_find_hole(const struct rb_root *tree, unsigned long start,
		   unsigned long last, unsigned long length,
		   unsigned long align, unsigned long offset,
		   unsigned long *iova)
{
	/* The area that ends the hole which @start is in, or lies in. */
	struct area *area = area_first(tree, start, ULONG_MAX);
	const struct area *top;

	for (; area; area = gap_next(area, length)) {
		unsigned long from = max(start, area->iova - area->gap);

		if (from > last)
			return -ENOSPC;
		if (area->iova > from &&
		    hole_fits(from, min(last, area->iova - 1), length, align,
			      offset, iova))
			return 0;
	}

	top = area_of(rb_last(tree));
	if (top) {
		if (top->last == ULONG_MAX)
			return -ENOSPC;
		start = max(start, top->last + 1);
	}
	if (start <= last &&
	    hole_fits(start, last, length, align, offset, iova))
		return 0;
	return -ENOSPC;
}

/**
 * area_cache_init - at module load
 *
 * Return: 0 or -ENOMEM.
 */
int area_cache_init(void)
{
	area_cache = kmem_cache_create("iommufd_area", sizeof(struct area), 0,
				       SLAB_ACCOUNT, NULL);
	return area_cache ? 0 : -ENOMEM;
}

/**
 * area_cache_exit - at module unload, with no area left
 */
void area_cache_exit(void)
{
	kmem_cache_destroy(area_cache);
}
