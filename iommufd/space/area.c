// SPDX-License-Identifier: GPL-2.0-only
/*
 * The tree of areas.
 *
 * Areas never overlap, so an ordinary tree ordered by IOVA answers every
 * question about intervals.
 *
 * To choose an IOVA the kernel needs the holes between the areas, too. From the
 * first time on, each node knows the hole in front of it and the largest hole in
 * its subtree, so a free IOVA is found in O(log n). A VMM never asks for one,
 * and does not pay for it.
 *
 * Ranges are closed, [start, last], because the last IOVA may be ULONG_MAX.
 */
#include <linux/overflow.h>
#include <linux/rbtree_augmented.h>
#include <linux/slab.h>

#include "space/area.h"

static struct kmem_cache *area_cache;

static unsigned long area_gap(struct area *area)
{
	return area->gap;
}

RB_DECLARE_CALLBACKS_MAX(static, area_gaps, struct area, rb, unsigned long,
			 max_gap, area_gap)

static void construct(void *mem)
{
	struct loose_area *loose = mem;

	area_construct(&loose->area);
	loose->area.embedded = false;
}

/**
 * iommufd_area_alloc - allocate an area by itself
 *
 * Return: the area in a struct loose_area, not initialised, or NULL.
 */
struct area *iommufd_area_alloc(void)
{
	struct loose_area *loose =
		kmem_cache_alloc(area_cache, GFP_KERNEL_ACCOUNT);

	return loose ? &loose->area : NULL;
}

/**
 * iommufd_area_free - the opposite of iommufd_area_alloc()
 * @area: not in a tree, or NULL
 */
void iommufd_area_free(struct area *area)
{
	if (area)
		kmem_cache_free(area_cache, area_loose(area));
}

/**
 * iommufd_area_alloc_many - iommufd_area_alloc() for many
 * @mem: set to struct loose_area
 * @nr: how many
 *
 * Return: 0 or -ENOMEM.
 */
int iommufd_area_alloc_many(void **mem, unsigned int nr)
{
	return kmem_cache_alloc_bulk(area_cache, GFP_KERNEL_ACCOUNT, nr, mem) ?
		       0 :
		       -ENOMEM;
}

/**
 * iommufd_area_free_many - the opposite of iommufd_area_alloc_many()
 * @mem: struct loose_area
 * @nr: how many, at least 1
 */
void iommufd_area_free_many(void **mem, unsigned int nr)
{
	kmem_cache_free_bulk(area_cache, nr, mem);
}

/* The hole between an area and the one before it has changed. */
static void area_set_gap(struct area *area, const struct area *before)
{
	area->gap = before ? area->iova - before->last - 1 : area->iova;
	area_gaps_propagate(&area->rb, NULL);
}

/* area_insert() of an area that is not above all others. */
int iommufd_area_insert_below(struct area_tree *tree, struct area *area)
{
	struct rb_node **link = &tree->root.rb_node, *parent = NULL;
	struct area *before = NULL, *after = NULL;

	while (*link) {
		struct area *at = area_of(*link);

		parent = *link;
		if (area->iova < at->iova) {
			after = at;
			link = &parent->rb_left;
		} else {
			before = at;
			link = &parent->rb_right;
		}
	}
	if ((before && before->last >= area->iova) ||
	    (after && after->iova <= area->last))
		return -EEXIST;

	tree->inserted++;
	if (!after)
		tree->top = area;
	rb_link_node(&area->rb, parent, link);
	if (!tree->gaps) {
		rb_insert_color(&area->rb, &tree->root);
		return 0;
	}
	area->gap = 0;
	area->max_gap = 0;
	area_set_gap(area, before);
	rb_insert_augmented(&area->rb, &tree->root, &area_gaps);
	if (after)
		area_set_gap(after, area);
	return 0;
}

/* area_erase() from a tree that keeps gaps. */
void iommufd_area_erase_gaps(struct area_tree *tree, struct area *area)
{
	struct area *before = area_of(rb_prev(&area->rb));
	struct area *after = area_of(rb_next(&area->rb));

	rb_erase_augmented(&area->rb, &tree->root, &area_gaps);
	if (after)
		area_set_gap(after, before);
}

/* Begin to keep gaps: children first, since a node needs their largest ones. */
static void area_find_gaps(struct area_tree *tree)
{
	const struct area *before = NULL;
	struct rb_node *node;

	for (node = rb_first(&tree->root); node; node = rb_next(node)) {
		struct area *area = area_of(node);

		area->gap = before ? area->iova - before->last - 1 :
				     area->iova;
		before = area;
		cond_resched();
	}
	for (node = rb_first_postorder(&tree->root); node;
	     node = rb_next_postorder(node)) {
		area_gaps_compute_max(area_of(node), false);
		cond_resched();
	}
	tree->gaps = true;
}

/**
 * iommufd_area_first - the lowest area that has a byte in a range
 * @tree: the tree
 * @start: first IOVA
 * @last: last IOVA, inclusive
 */
struct area *iommufd_area_first(const struct area_tree *tree,
				unsigned long start, unsigned long last)
{
	struct rb_node *node = tree->root.rb_node;
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
 * iommufd_area_last - the highest area that has a byte in a range
 * @tree: the tree
 * @start: first IOVA
 * @last: last IOVA, inclusive
 */
struct area *iommufd_area_last(const struct area_tree *tree,
			       unsigned long start, unsigned long last)
{
	struct rb_node *node = tree->root.rb_node;
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

/* The lowest area of a subtree with @length bytes free in front of it. */
static struct area *gap_leftmost(struct rb_node *node, unsigned long length)
{
	for (;;) {
		struct area *area = area_of(node);
		struct area *left = area_of(node->rb_left);

		if (left && left->max_gap >= length) {
			node = node->rb_left;
			continue;
		}
		if (area->gap >= length)
			return area;
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
	unsigned long at = (start & ~(align - 1)) | offset;

	if (at < start && check_add_overflow(at, align, &at))
		return false;
	if (at > last || last - at < length - 1)
		return false;
	*iova = at;
	return true;
}

/**
 * iommufd_area_find_hole - the lowest free place for a new area
 * @tree: the tree
 * @start: lowest IOVA
 * @last: last IOVA, inclusive
 * @length: bytes that are needed, at least 1
 * @align: a power of two
 * @offset: the place is to be @offset above a multiple of @align; less than
 *	@align
 * @iova: set to the place
 *
 * Return: 0, or -ENOSPC.
 */
int iommufd_area_find_hole(struct area_tree *tree, unsigned long start,
			   unsigned long last, unsigned long length,
			   unsigned long align, unsigned long offset,
			   unsigned long *iova)
{
	const struct area *top = area_of(rb_last(&tree->root));
	struct area *area;

	if (!tree->gaps)
		area_find_gaps(tree);
	/* The area behind the hole that @start is in, or the area that it is in. */
	area = iommufd_area_first(tree, start, ULONG_MAX);
	for (; area; area = gap_next(area, length)) {
		unsigned long from = max(start, area->iova - area->gap);

		if (from > last)
			return -ENOSPC;
		if (area->iova > from &&
		    hole_fits(from, min(last, area->iova - 1), length, align,
			      offset, iova))
			return 0;
	}

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
 * iommufd_area_cache_init - at module load
 *
 * Return: 0 or -ENOMEM.
 */
int iommufd_area_cache_init(void)
{
	area_cache = kmem_cache_create("iommufd_area",
				       sizeof(struct loose_area), 0,
				       SLAB_ACCOUNT, construct);
	return area_cache ? 0 : -ENOMEM;
}

/**
 * iommufd_area_cache_exit - at module unload, with no area left
 */
void iommufd_area_cache_exit(void)
{
	kmem_cache_destroy(area_cache);
}
