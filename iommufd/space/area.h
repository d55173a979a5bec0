/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Areas: the mapped ranges of one I/O address space, and the holes between them.
 */
#ifndef IOMMUFD_AREA_H
#define IOMMUFD_AREA_H

#include <asm/barrier.h>
#include <linux/interval_tree.h>
#include <linux/mm.h>
#include <linux/rbtree.h>
#include <linux/types.h>

struct ioas;
struct pinned;

/**
 * struct area_tree - the areas of one IOAS
 * @root: ordered by IOVA
 * @top: the highest one, or NULL if that is not known. If memory is mapped from
 *	low to high, the next area goes behind it.
 * @gaps: the areas know the holes between them; set when somebody first looks
 *	for one
 * @inserted: how many areas were ever inserted
 * @erased: how many were taken out again
 */
struct area_tree {
	struct rb_root root;
	struct area *top;
	bool gaps;
	unsigned long inserted;
	unsigned long erased;
};

/**
 * enum area_state - who may touch an area
 * @AREA_BUSY: a command is filling or draining it: its range is taken, and
 *	nobody else touches it
 * @AREA_READY: mapped
 */
enum area_state {
	AREA_BUSY,
	AREA_READY,
};

/**
 * struct area - one mapped range
 * @rb: in the tree, ordered by @iova
 * @iova: first IOVA, in bytes
 * @last: last IOVA, inclusive
 * @gap: unused IOVAs between the end of the area before this one and @iova, if
 *	the tree keeps gaps
 * @max_gap: the largest @gap in the subtree below @rb, likewise
 * @pinned: the memory behind it. The area holds a reference, except in a nested
 *	IOAS, where the area that it originates from holds one, and stays longer.
 * @offset: where in the memory it begins, in bytes
 * @pins: pages of it that in-kernel users have pinned now
 * @prot: IOMMU_READ, IOMMU_WRITE, IOMMU_CACHE
 * @state: see enum area_state
 * @kept: how many have pinned pages that an unmap must not ask for, see
 *	iommufd_ioas_keep()
 * @closing: ioas_closing() as it was when an unmap began to wait until @pins is 0. While
 *	that is the same there are no new ones
 * @in_use: the page tables of its IOAS translate it, as far as they are filled (see
 *	border.c), and the memory is in use:
 *	in a nested IOAS by what the area originates from, else by the area
 *	itself. False for a BAR whose owner has gone; and in an IOAS without page
 *	tables, but not while its memory is held for one, nor until it has been settled
 *	after the last one (hold.c).
 * @parked: with @in_use: it is a BAR that its owner has switched off, so the page
 *	tables do not translate it
 * @lent: the area holds a use of @pinned for the IOASes that are nested in its
 *	own one, see iommufd_nested_lend()
 * @stuck: a driver has failed to unmap it: a device may still reach it, so it
 *	stays, with its memory. Page tables may have it, or not, until all are asked again
 * @embedded: part of the same allocation as @pinned, see struct mapping;
 *	otherwise a struct loose_area
 * @chain: links the areas that one command is working on
 *
 * Areas do not overlap. @in_use, @parked, @stuck and @chain belong to whoever made the
 * area AREA_BUSY, or holds the lock of the IOAS for writing. @lent is set with that
 * lock held, and cleared with it held for writing. The rest is protected by the tree
 * lock of the IOAS.
 */
struct area {
	struct rb_node rb;
	unsigned long iova;
	unsigned long last;
	unsigned long gap;
	unsigned long max_gap;
	struct pinned *pinned;
	unsigned long offset;
	unsigned long pins;
	unsigned int kept;
	unsigned int closing;
	struct area *chain;
	u8 prot;
	u8 state;
	bool in_use;
	bool parked;
	bool lent;
	bool stuck;
	bool embedded;
};

/* May a command other than the one that made it look at the area? */
static inline bool area_is_ready(const struct area *area)
{
	/* Pairs with area_set_ready(): what was filled before can be seen. */
	return smp_load_acquire(&area->state) == AREA_READY;
}

/* From here on others may look at it. */
static inline void area_set_ready(struct area *area)
{
	/* Pairs with area_is_ready(). */
	smp_store_release(&area->state, AREA_READY);
}

/**
 * struct loose_area - an area by itself, not in one allocation with its memory
 * @area: a copy, the second part of an area that was cut, or an area of a child
 * @source: a child's: the range of the parent that it is made of
 * @ioas: a child's: the child
 * @origin: a child's: what it is made of in the outermost IOAS, which stays
 *	longer
 */
struct loose_area {
	struct area area;
	struct interval_tree_node source;
	struct ioas *ioas;
	struct area *origin;
};

/**
 * area_construct - the state of a new area, to which it is returned when it is
 * freed
 * @area: memory that a cache of areas has just got
 *
 * The constructor of the cache sets @embedded.
 */
static inline void area_construct(struct area *area)
{
	area->pins = 0;
	area->kept = 0;
	area->in_use = false;
	area->parked = false;
	area->lent = false;
}

static inline struct loose_area *area_loose(struct area *area)
{
	return container_of(area, struct loose_area, area);
}

/* Do the page tables of its IOAS translate it, as far as they are filled? */
static inline bool area_is_filled(const struct area *area)
{
	return area->in_use && !area->parked;
}

static inline unsigned long area_length(const struct area *area)
{
	return area->last - area->iova + 1;
}

/* Index of the page of the memory that holds IOVA @iova of the area. */
static inline unsigned long area_page(const struct area *area,
				      unsigned long iova)
{
	return (area->offset + (iova - area->iova)) >> PAGE_SHIFT;
}

struct area *iommufd_area_alloc(void);
void iommufd_area_free(struct area *area);
int iommufd_area_alloc_many(void **mem, unsigned int nr);
void iommufd_area_free_many(void **mem, unsigned int nr);

static inline struct area *area_of(const struct rb_node *rb)
{
	return rb ? rb_entry(rb, struct area, rb) : NULL;
}

/**
 * area_at - the area that begins at an IOVA
 * @tree: the tree
 * @iova: its first IOVA
 */
static inline struct area *area_at(const struct area_tree *tree,
				   unsigned long iova)
{
	struct rb_node *node = tree->root.rb_node;

	while (node) {
		struct area *area = rb_entry(node, struct area, rb);

		if (iova == area->iova)
			return area;
		node = iova < area->iova ? node->rb_left : node->rb_right;
	}
	return NULL;
}

int iommufd_area_insert_below(struct area_tree *tree, struct area *area);

/**
 * area_insert - put an area into the tree
 * @tree: the tree
 * @area: with iova and last set
 *
 * Return: 0, or -EEXIST if another area has a byte of its range.
 */
static inline int area_insert(struct area_tree *tree, struct area *area)
{
	struct area *top = tree->top;

	if (!top || top->last >= area->iova || tree->gaps)
		return iommufd_area_insert_below(tree, area);
	tree->inserted++;
	tree->top = area;
	rb_link_node(&area->rb, &top->rb, &top->rb.rb_right);
	rb_insert_color(&area->rb, &tree->root);
	return 0;
}

void iommufd_area_erase_gaps(struct area_tree *tree, struct area *area);

/**
 * area_erase - take an area out of the tree
 * @tree: the tree
 * @area: in the tree
 */
static inline void area_erase(struct area_tree *tree, struct area *area)
{
	tree->erased++;
	if (tree->top == area)
		tree->top = NULL;
	if (!tree->gaps)
		rb_erase(&area->rb, &tree->root);
	else
		iommufd_area_erase_gaps(tree, area);
}

struct area *iommufd_area_first(const struct area_tree *tree,
				unsigned long start, unsigned long last);
struct area *iommufd_area_last(const struct area_tree *tree,
			       unsigned long start, unsigned long last);

/**
 * area_next - the area behind another one
 * @area: an area in the tree
 * @last: last IOVA of interest, inclusive
 *
 * Return: the next area, or NULL if it begins behind @last.
 */
static inline struct area *area_next(const struct area *area,
				     unsigned long last)
{
	struct area *next = area_of(rb_next(&area->rb));

	return next && next->iova <= last ? next : NULL;
}

int iommufd_area_find_hole(struct area_tree *tree, unsigned long start,
			   unsigned long last, unsigned long length,
			   unsigned long align, unsigned long offset,
			   unsigned long *iova);

int iommufd_area_cache_init(void);
void iommufd_area_cache_exit(void);

#endif
