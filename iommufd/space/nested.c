// SPDX-License-Identifier: GPL-2.0-only
/*
 * Software nesting.
 *
 * An area of a child is made of one area of its parent: the same memory, the
 * permissions of both, and a note of the parent's range that it comes from. A
 * mapping whose source spans several areas of the parent becomes as many areas.
 *
 * The child's areas are found by their source in an interval tree of the child.
 * That is all it takes: parents know their children, and an unmap looks into the
 * source tree of every child, and so on downwards: once for a run of areas that it
 * takes away, in their order, and of how many children is limited. As a rule a guest's
 * RAM stays where it is, so a child keeps that tree only once something has been
 * unmapped from its parent.
 *
 * Children do not pin. The memory is kept pinned by the mapping of the outermost
 * IOAS, from the first time that a page table of a child has needed a part of it,
 * until it is unmapped there or no child has a page table any more. A mapping of the
 * outermost IOAS may be all of a guest's RAM: if a child's first page pinned it and
 * the last one unpinned it, each of these could take seconds. Nor do children hold
 * references on the memory: the mapping that theirs are made of stays longer.
 *
 * A family has one lock. Mapping into a child holds it for reading, from the look
 * at the parent's areas to the last entry of a page table. Unmapping from an IOAS
 * with children holds it for writing: so it finds every area that is made of the
 * range, complete, and no new one appears.
 */
#include <linux/iommu.h>
#include <linux/overflow.h>

#include "context/reason.h"
#include "memory/pin.h"
#include "report/event.h"
#include "space/explain.h"
#include "space/load.h"
#include "space/nested.h"

/*
 * What a mapping that is made of another one permits: what both permit. 0 if that is
 * nothing, which is of no use.
 */
static u8 permitted(u8 wanted, const struct area *from)
{
	u8 prot = wanted & from->prot;

	return prot & (IOMMU_READ | IOMMU_WRITE) ? prot : 0;
}

/* The area of the outermost IOAS that is behind one of a parent. */
static struct area *origin_of(const struct ioas *ioas, struct area *from)
{
	return ioas->parent->parent ? area_loose(from)->origin : from;
}

/* Make an area of a child, not placed yet, of as much as @from has from @source on. */
static void init_area(const struct ioas *ioas, struct area *area,
		      struct area *from, unsigned long source,
		      unsigned long length, u8 prot)
{
	struct loose_area *loose = area_loose(area);

	chain_init(area, from->pinned, from->offset + (source - from->iova),
		   length, prot);
	loose->source.start = source;
	loose->source.last = source + length - 1;
	loose->origin = origin_of(ioas, from);
}

/* In the tree of the parent. */
static struct area *find_source(struct ioas *ioas, unsigned long source)
{
	struct ioas *parent = ioas->parent;
	unsigned long erased;
	struct area *from;

	mutex_lock(&parent->tree_lock);
	from = iommufd_ioas_area_at(parent, source);
	erased = parent->areas.erased;
	mutex_unlock(&parent->tree_lock);
	if (from) {
		WRITE_ONCE(ioas->from, from);
		/* Whoever finds this there finds the area, or a later one. */
		smp_store_release(&ioas->from_erased, erased);
	}
	return from;
}

/*
 * The area of the parent that a mapping was last made of; NULL if any has gone from the
 * parent since. None that mappings can be made of goes while the family is locked.
 */
static struct area *last_source(const struct ioas *ioas)
{
	/* The area, or a later one, is read after it: see find_source(). */
	if (smp_load_acquire(&ioas->from_erased) !=
	    READ_ONCE(ioas->parent->areas.erased))
		return NULL;
	return READ_ONCE(ioas->from);
}

/*
 * The area of the parent that a mapping is to be made of, if it is one. As a rule it is
 * that of the previous mapping (79 instructions less than to look it up): a guest's RAM
 * is few areas. It stays for as long as the family is locked.
 */
static struct area *source_of(struct ioas *ioas, unsigned long source,
			      unsigned long length)
{
	struct area *from = last_source(ioas);

	if (!from || source < from->iova || source > from->last)
		from = find_source(ioas, source);
	return from && length && from->last - source >= length - 1 ? from :
								     NULL;
}

/* Is the memory of an area pinned for the children? */
static bool is_lent(const struct ioas *ioas, struct area *from)
{
	/* Whoever finds it set sees what pinning has changed. */
	return smp_load_acquire(&origin_of(ioas, from)->lent);
}

/**
 * iommufd_nested_take - an area for a mapping that is made of one area of the parent
 * @ioas: the child, locked
 * @source: first IOVA in the parent
 * @length: bytes
 * @wanted: the permissions that are asked for
 *
 * Return: the area, not placed yet, with the tree lock held; or without it NULL:
 * iommufd_nested_lend() or iommufd_nested_chain() tells what is wrong, if anything is.
 */
struct area *iommufd_nested_take(struct ioas *ioas, unsigned long source,
				 unsigned long length, u8 wanted)
{
	struct area *from = source_of(ioas, source, length);
	u8 prot = from ? permitted(wanted, from) : 0;
	struct area *area;

	if (!prot || (ioas->needs && !is_lent(ioas, from)) ||
	    stock_lock(ioas, 1))
		return NULL;
	area = stock_take(ioas);
	init_area(ioas, area, from, source, length, prot);
	return area;
}

static int chain_of_source(struct ioas *ioas, unsigned long start,
			   unsigned long last, u8 prot, struct area **chain)
{
	struct ioas *parent = ioas->parent;
	struct area **link = chain;
	unsigned long at = start;
	int rc = 0;

	lockdep_assert_held(&parent->tree_lock);
	for (;;) {
		struct area *from = iommufd_ioas_area_at(parent, at);
		unsigned long length;
		struct area *area;
		u8 both;

		if (!from)
			return iommufd_reason_note(parent->ctx, -EFAULT,
						   "IOVA %#lx, which the mapping is to be made of, is not mapped in the parent IOAS %u",
						   at, parent->obj.id);
		both = permitted(prot, from);
		if (!both)
			return iommufd_reason_note(parent->ctx, -EPERM,
						   "the mapping at IOVA %#lx of the parent IOAS %u permits nothing of what is asked for",
						   at, parent->obj.id);
		/*
		 * Go on: a hole behind it is reported all the same.
		 */
		if (ioas->needs && !is_lent(ioas, from))
			rc = -EAGAIN;
		area = iommufd_area_alloc();
		if (!area)
			return -ENOMEM;
		length = min(last, from->last) - at + 1;
		init_area(ioas, area, from, at, length, both);
		*link = area;
		link = &area->chain;
		if (from->last >= last)
			return rc;
		at = from->last + 1;
		cond_resched();
	}
}

/**
 * iommufd_nested_chain - areas for a mapping in a child, not placed yet
 * @ioas: the child, locked
 * @source: first IOVA in the parent
 * @length: bytes
 * @prot: what is asked for
 *
 * Return: the chain, or ERR_PTR of -EINVAL (no length), -EOVERFLOW, -EFAULT (a
 * hole in the parent), -EPERM, -ENOMEM, -EAGAIN (iommufd_nested_lend() comes first).
 */
struct area *iommufd_nested_chain(struct ioas *ioas, unsigned long source,
				  unsigned long length, u8 prot)
{
	struct area *chain = NULL;
	unsigned long last;
	int rc;

	if (!length)
		return ERR_PTR(iommufd_explain_no_length(ioas->ctx));
	if (check_add_overflow(source, length - 1, &last))
		return ERR_PTR(iommufd_explain_end(ioas->ctx, source, length));
	mutex_lock(&ioas->parent->tree_lock);
	rc = chain_of_source(ioas, source, last, prot, &chain);
	mutex_unlock(&ioas->parent->tree_lock);
	if (rc) {
		iommufd_chain_free(ioas, chain);
		return ERR_PTR(rc);
	}
	return chain;
}

/*
 * Can a range of the parent be mapped at all? If not, nothing is to be pinned for
 * it.
 */
static bool is_source(struct ioas *ioas, unsigned long source,
		      unsigned long last, u8 prot)
{
	struct ioas *parent = ioas->parent;
	unsigned long at = source;
	struct area *from;

	mutex_lock(&parent->tree_lock);
	for (;; at = from->last + 1) {
		from = iommufd_ioas_area_at(parent, at);
		if (!from || !permitted(prot, from) || from->last >= last)
			break;
		cond_resched();
	}
	mutex_unlock(&parent->tree_lock);
	return from && permitted(prot, from);
}

/*
 * The first area of the parent from *@at on that is not lent yet, with a reference on
 * its memory; or NULL.
 */
static struct pinned *find_unlent(struct ioas *ioas, unsigned long *at,
				  unsigned long last)
{
	struct ioas *parent = ioas->parent;
	struct pinned *pinned = NULL;
	struct area *from;

	mutex_lock(&parent->tree_lock);
	for (;; *at = from->last + 1) {
		from = iommufd_ioas_area_at(parent, *at);
		if (!from)
			break;
		if (!is_lent(ioas, from)) {
			pinned = from->pinned;
			pinned_get(pinned);
			break;
		}
		if (from->last >= last)
			break;
		cond_resched();
	}
	mutex_unlock(&parent->tree_lock);
	return pinned;
}

/* Give an area of the parent a use of its memory, if it is still there and has none. */
static bool lend_to(struct ioas *ioas, unsigned long at,
		    const struct pinned *pinned)
{
	struct area *from;

	if (!ioas->needs)
		return false;
	mutex_lock(&ioas->parent->tree_lock);
	from = iommufd_ioas_area_at(ioas->parent, at);
	mutex_unlock(&ioas->parent->tree_lock);
	/* Others may do the same: a second use would never be given back. */
	return from && from->pinned == pinned && area_bar_is_there(from) &&
	       !xchg(&origin_of(ioas, from)->lent, true);
}

/**
 * iommufd_nested_lend - pin the memory that a mapping is to be made of, for all
 * children
 * @ioas: the child, locked for reading
 * @source: first IOVA in the parent
 * @length: bytes
 * @prot: what is asked for
 *
 * The lock is not held while memory is pinned, which may take for ever.
 *
 * Return: 0 if there is nothing to be lent; 1 if there was, so that everything has to
 * be looked at anew; or an errno of pinned_use().
 */
int iommufd_nested_lend(struct ioas *ioas, unsigned long source,
			unsigned long length, u8 prot)
{
	unsigned long last = source + length - 1, at = source;
	struct pinned *pinned;
	int rc = 0, slept = 0;

	if (!ioas->needs || !length || last < source ||
	    !is_source(ioas, source, last, prot))
		return 0;
	while (!rc && (pinned = find_unlent(ioas, &at, last))) {
		slept = 1;
		up_read(ioas_lock(ioas));
		rc = memory_use(pinned);
		cond_resched();
		down_read(ioas_lock(ioas));
		if (!rc && !lend_to(ioas, at, pinned))
			pinned_unuse(pinned);
		iommufd_pinned_put(pinned);
		if (fatal_signal_pending(current))
			rc = rc ?: -EINTR;
		if (!ioas->needs)
			break;
	}
	if (rc)
		return rc == -ENXIO ? -EFAULT : rc;
	return slept;
}

/**
 * iommufd_nested_keep_lent - give the origin of an area a use of its memory
 * @area: an area of a child, whose family is locked for writing
 *
 * Return: false if the origin has one already.
 */
bool iommufd_nested_keep_lent(struct area *area)
{
	return !xchg(&area_loose(area)->origin->lent, true);
}

/**
 * iommufd_nested_take_back - unpin what children have been lent
 * @chain: areas of which nothing is left in any child
 */
void iommufd_nested_take_back(struct area *chain)
{
	for (; chain; chain = chain->chain) {
		/* A stuck area has a use of its own. */
		if (!chain->lent)
			continue;
		chain->lent = false;
		pinned_unuse(chain->pinned);
	}
}

/* From now on keep track of where the areas of a child come from. */
static void keep_sources(struct ioas *child)
{
	struct area *area = iommufd_area_first(&child->areas, 0, ULONG_MAX);

	lockdep_assert_held_write(ioas_lock(child));
	lockdep_assert_held(&child->tree_lock);
	for (; area; area = area_next(area, ULONG_MAX)) {
		interval_tree_insert(&area_loose(area)->source,
				     &child->sources);
		cond_resched();
	}
	child->keeps_sources = true;
}

static struct area *merge(struct area *one, struct area *other)
{
	struct area *merged, **link = &merged;

	while (one && other) {
		struct area **first = one->iova < other->iova ? &one : &other;

		*link = *first;
		link = &(*first)->chain;
		*first = *link;
	}
	*link = one ?: other;
	return merged;
}

/* Areas of one IOAS, in the order of their IOVAs. */
static void sort_chain(struct area **chain)
{
	/* Of 1, 2, 4, ... areas each. */
	struct area *sorted[32] = {}, *area, *next;
	unsigned int i;

	for (area = *chain; area; area = next) {
		next = area->chain;
		area->chain = NULL;
		for (i = 0; sorted[i]; i++) {
			area = merge(sorted[i], area);
			sorted[i] = NULL;
		}
		sorted[i] = area;
		cond_resched();
	}
	for (i = 0; i < ARRAY_SIZE(sorted); i++)
		area = merge(sorted[i], area);
	*chain = area;
}

static struct area **claim(struct area *area, struct area **link)
{
	area->state = AREA_BUSY;
	area->chain = NULL;
	*link = area;
	return &area->chain;
}

/*
 * Add the areas of a child that are made of a run of its parent's, @area to @end, to the
 * end of a chain. Both are in the order of the parent's IOVAs: one look at each.
 */
static struct area **claim_child(struct ioas *child, const struct area *area,
				 const struct area *end, struct area **link)
{
	struct interval_tree_node *node;
	struct area **first = link;

	/* Nothing is mapped while the family is locked. */
	if (RB_EMPTY_ROOT(&child->areas.root))
		return link;
	/* In-kernel users take pins with this lock: no new ones from now on. */
	mutex_lock(&child->tree_lock);
	if (!child->keeps_sources)
		keep_sources(child);
	node = interval_tree_iter_first(&child->sources, area->iova, end->last);
	while (node) {
		while (area->last < node->start)
			area = area->chain;
		if (node->last >= area->iova)
			link = claim(&container_of(node, struct loose_area,
						   source)->area, link);
		/* Those before it have been looked at. */
		node = interval_tree_iter_next(node, area->iova, end->last);
		cond_resched();
	}
	mutex_unlock(&child->tree_lock);
	if (!list_empty(&child->children) && *first) {
		sort_chain(first);
		while (*link)
			link = &(*link)->chain;
	}
	return link;
}

static struct area **claim_children(struct ioas *ioas, const struct area *area,
				    const struct area *end, struct area **link)
{
	struct ioas *child;

	list_for_each_entry(child, &ioas->children, sibling) {
		link = claim_child(child, area, end, link);
		cond_resched();
	}
	return link;
}

/* The last area of a chain that is of the same IOAS as the first, and in order. */
static struct area *run_end(const struct ioas *ioas, struct area *area)
{
	while (area->chain && area->chain->iova > area->last &&
	       (!ioas->parent || area_loose(area->chain)->ioas == ioas))
		area = area->chain;
	return area;
}

/**
 * struct descendants - everything that is made of areas which are about to be unmapped
 * @level: what is made of these; what is made of that; and so on
 * @depth: how many levels there are
 */
struct descendants {
	struct area *level[NESTED_DEPTH_MAX];
	unsigned int depth;
};

static void claim_descendants(struct ioas *ioas, struct area *chain,
			      struct descendants *descendants)
{
	struct area *area, *end, **link;
	unsigned int n;

	for (n = 0; n < NESTED_DEPTH_MAX; chain = descendants->level[n++]) {
		link = &descendants->level[n];
		*link = NULL;
		for (area = chain; area; area = end->chain) {
			if (n)
				ioas = area_loose(area)->ioas;
			end = run_end(ioas, area);
			link = claim_children(ioas, area, end, link);
		}
		if (!descendants->level[n])
			break;
	}
	descendants->depth = n;
}

/* Their users did not unmap these areas: tell them. */
static void tell_lost(struct ioas *ioas, const struct area *chain)
{
	for (; chain; chain = chain->chain)
		if (!chain->stuck)
			iommufd_event_range_lost(ioas->ctx, ioas->obj.id,
						 chain->iova,
						 area_length(chain));
}

/* Areas of the same IOAS that follow each other share one flush. Returns 0 or -EIO. */
static int remove_level(struct area *chain)
{
	int rc = 0;

	while (chain) {
		struct ioas *ioas = area_loose(chain)->ioas;
		struct area *end = chain, *rest;

		while (end->chain && area_loose(end->chain)->ioas == ioas)
			end = end->chain;
		rest = end->chain;
		end->chain = NULL;
		iommufd_chain_drain(ioas, chain);
		tell_lost(ioas, chain);
		rc = chain_drop_mapped(ioas, chain) ?: rc;
		chain = rest;
		cond_resched();
	}
	return rc;
}

/* Give back those that are left. */
static void give_back(const struct descendants *descendants)
{
	unsigned int n;

	for (n = 0; n < descendants->depth; n++)
		chain_set_ready(descendants->level[n]);
}

/*
 * The deepest level first: what a driver keeps of it is found only by way of what it is made
 * of, so that has to stay, too.
 */
static int remove_descendants(struct descendants *descendants)
{
	int rc = 0;

	while (descendants->depth && !rc)
		rc = remove_level(descendants->level[--descendants->depth]);
	return rc;
}

/*
 * One that cannot be called back comes first: nobody is to give up pins for an unmap that
 * will not be.
 */
static struct area *in_the_way(const struct descendants *descendants)
{
	struct area *pinned = NULL, *area;
	unsigned int n;

	for (n = 0; n < descendants->depth; n++) {
		for (area = descendants->level[n]; area; area = area->chain) {
			if (area->kept)
				return area;
			if (area->pins && !pinned)
				pinned = area;
		}
	}
	return pinned;
}

/**
 * iommufd_nested_remove - unmap everything made of areas that are about to be unmapped
 * @ioas: the IOAS, with its lock held for writing
 * @chain: claimed areas of it; set to NULL if they have been given back
 * @obstacle: set to an area that an in-kernel user has pages of, which gets no
 *	new pins from then on. NULL if the caller does not call back now.
 *
 * Return: 0; -EAGAIN with nothing changed but that: call it back, try again; -EBUSY with
 * nothing changed if an IOMMU reads one of them by itself; or -EIO if a driver has not
 * unmapped something: that stays, and so does all that it is made of, up to @chain.
 */
int iommufd_nested_remove(struct ioas *ioas, struct area **chain,
			  struct obstacle *obstacle)
{
	struct descendants descendants;
	struct area *area;
	int rc = -EAGAIN;

	lockdep_assert_held_write(ioas_lock(ioas));
	claim_descendants(ioas, *chain, &descendants);
	area = in_the_way(&descendants);
	if (!area) {
		rc = remove_descendants(&descendants);
		if (!rc)
			return 0;
	} else if (area->kept) {
		rc = iommufd_explain_kept(area_loose(area)->ioas, area);
	} else if (obstacle) {
		iommufd_obstacle_set(obstacle, area_loose(area)->ioas, area);
	}
	give_back(&descendants);
	chain_set_ready(*chain);
	*chain = NULL;
	return rc;
}
