// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unmapping: by ranges of whole areas, and with in-kernel users who have to let go first.
 *
 * An area that is to go is made AREA_BUSY, drained from all page tables, flushed
 * and unpinned; only then is its range free again. Neighbours go together: one
 * flush for a chain of areas.
 *
 * Areas of nested IOASes that are made of it go first. They have the same lock,
 * which is held for writing then, so none of their areas is AREA_BUSY.
 */
#include <linux/cleanup.h>
#include <linux/iommu.h>
#include <uapi/linux/iommufd.h>

#include "context/reason.h"
#include "memory/pin.h"
#include "space/chain.h"
#include "space/explain.h"
#include "space/load.h"
#include "space/nested.h"
#include "space/unmap.h"

/* In-kernel users that do not unpin after so many requests never will. */
#define UNMAP_TRIES	100

/**
 * iommufd_ioas_lock_unmap - lock an IOAS for unmapping
 * @ioas: the IOAS
 * @exclusive: set to whether the lock is held for writing, because it has children
 *
 * Return: 0, or -EINTR on a fatal signal.
 */
int iommufd_ioas_lock_unmap(struct ioas *ioas, bool *exclusive)
{
	int rc = down_read_killable(ioas_lock(ioas));

	*exclusive = false;
	if (rc || !ioas_has_children(ioas))
		return rc;
	up_read(ioas_lock(ioas));
	*exclusive = true;
	return down_write_killable(ioas_lock(ioas));
}

/**
 * iommufd_ioas_unlock_unmap - the opposite of iommufd_ioas_lock_unmap()
 * @ioas: the IOAS
 * @exclusive: what that has set
 */
void iommufd_ioas_unlock_unmap(struct ioas *ioas, bool exclusive)
{
	if (exclusive)
		up_write(ioas_lock(ioas));
	else
		up_read(ioas_lock(ioas));
}

/* Ask in-kernel users to unpin what they have of an area. No lock is held. */
static void call_back(const struct obstacle *obstacle)
{
	struct ioas *ioas = obstacle->ioas;
	struct ioas_user *user;
	unsigned long index;

	xa_lock(&ioas->users);
	xa_for_each(&ioas->users, index, user) {
		struct object *obj = user->obj;

		if (!user->unmap || !refcount_inc_not_zero(&obj->users))
			continue;
		xa_unlock(&ioas->users);
		user->unmap(user, obstacle->iova, obstacle->length);
		object_put(ioas->ctx, obj);
		xa_lock(&ioas->users);
	}
	xa_unlock(&ioas->users);
}

/*
 * Have in-kernel users unpin what they have of an area. One that is working on it
 * may be waiting for memory: wait for it, unless a fatal signal comes.
 */
static int overcome(const struct obstacle *obstacle)
{
	struct ioas *ioas = obstacle->ioas;

	if (!obstacle->working) {
		call_back(obstacle);
		return 0;
	}
	return wait_event_killable(ioas->quiet, READ_ONCE(ioas->finished) !=
						obstacle->finished);
}

/* Count what has gone of a chain that was drained; *@start moves behind it. */
static void count_unmapped(const struct area *chain, unsigned long *start,
			   u64 *unmapped)
{
	for (; chain; chain = chain->chain) {
		*start = chain->last + 1;
		if (!chain->stuck)
			*unmapped += area_length(chain);
	}
}

/*
 * Unmap one batch of a range. *@start moves behind what has been done; *@done
 * says that nothing is left. The first time no area may be cut by the range.
 *
 * Returns 0, an errno of iommufd_chain_claim(), or -EAGAIN if @obstacle is to be
 * overcome, whose IOAS is referenced: *@start has not moved then.
 */
static int unmap_batch(struct ioas *ioas, unsigned long *start,
		       unsigned long last, bool first,
		       struct obstacle *obstacle, u64 *unmapped,
		       bool *done)
{
	struct area *chain, *end;
	bool exclusive;
	int rc;

	/* An IOAS that is being destroyed has no children, and must be emptied. */
	if (ioas->dying) {
		exclusive = false;
		down_read(ioas_lock(ioas));
	} else {
		rc = iommufd_ioas_lock_unmap(ioas, &exclusive);
		if (rc)
			return rc;
	}
	mutex_lock(&ioas->tree_lock);
	rc = iommufd_chain_claim(ioas, *start, last, first, UNMAP_BATCH, &chain,
				 obstacle);
	if (rc == -ENOENT)
		iommufd_explain_cut(ioas, *start, last);
	else if (rc == -EBUSY)
		iommufd_explain_working(ioas, *start, last);
	mutex_unlock(&ioas->tree_lock);
	if (chain && exclusive)
		rc = iommufd_nested_remove(ioas, &chain, obstacle);
	*done = !chain && !rc;
	for (end = chain; end; end = end->chain)
		*done = end->last == last;
	if (chain)
		iommufd_chain_drain(ioas, chain);
	count_unmapped(chain, start, unmapped);
	if (exclusive)
		iommufd_nested_take_back(chain);
	if (chain)
		rc = chain_drop_mapped(ioas, chain);
	/* If a child has an obstacle, nothing goes before that was called back. */
	if (rc == -EAGAIN)
		object_hold(&obstacle->ioas->obj);
	iommufd_ioas_unlock_unmap(ioas, exclusive);
	return rc;
}

static bool same_obstacle(const struct obstacle *one,
			  const struct obstacle *other)
{
	return one->ioas == other->ioas && one->iova == other->iova &&
	       one->closing == other->closing;
}

/* An in-kernel user that never lets go is a bug of its driver. */
static int overcome_in_time(const struct obstacle *obstacle,
			    struct obstacle *before, unsigned int *tries)
{
	int rc = overcome(obstacle);

	/* One obstacle after another is fine; the same for ever is not. */
	if (!same_obstacle(obstacle, before) || obstacle->working)
		*tries = 0;
	*before = *obstacle;
	if (!rc && WARN_ON(++*tries > UNMAP_TRIES))
		rc = -EDEADLOCK;
	return rc;
}

/* A range in batches, with whatever is in the way. */
static int unmap_rest(struct ioas *ioas, unsigned long start,
		      unsigned long last, u64 *unmapped)
{
	struct obstacle obstacle = {}, before = {};
	unsigned int tries = 0;
	bool done, first;
	int rc;

	for (first = true;; first = false) {
		rc = unmap_batch(ioas, &start, last, first, &obstacle,
				 unmapped, &done);
		if (rc == -EAGAIN) {
			rc = overcome_in_time(&obstacle, &before, &tries);
			ioas_put(ioas->ctx, obstacle.ioas);
		}
		/* Mappings that were in the way stay, and are to be usable again. */
		if (rc && before.ioas)
			atomic_inc(&ioas->root->given_up);
		if (rc || done)
			return rc;
		cond_resched();
	}
}

/*
 * Most calls: one whole area, and nobody in the way, which is worth 210 instructions.
 * Returns 1 if it was that, 0 if not, or -EIO.
 */
static int unmap_one(struct ioas *ioas, unsigned long start, unsigned long last,
		     u64 *unmapped)
{
	struct area *area;

	mutex_lock(&ioas->tree_lock);
	area = area_at(&ioas->areas, start);
	if (!area || area->last != last || !area_is_ready(area) || area->pins ||
	    area->parked || ioas_has_children(ioas)) {
		mutex_unlock(&ioas->tree_lock);
		return 0;
	}
	area->state = AREA_BUSY;
	mutex_unlock(&ioas->tree_lock);
	if (!iommufd_area_drain(ioas, area)) {
		area->stuck = true;
		return iommufd_area_keep_stuck(ioas, area);
	}
	*unmapped = area_length(area);
	iommufd_area_drop(ioas, area);
	return 1;
}

/**
 * iommufd_ioas_unmap - unmap whole areas
 * @ioas: the IOAS
 * @iova: first IOVA
 * @length: bytes; every area that has a byte in the range must be in it whole
 * @unmapped: set to the bytes that have been unmapped, also on error
 *
 * When it returns no device reaches the memory, and it is unpinned unless a copy
 * of the mapping still needs it.
 *
 * Return: 0, also if nothing was mapped; -EINVAL (no length), -EOVERFLOW,
 * -ENOENT (an area is cut by the range; nothing has been unmapped), -EBUSY
 * (another thread is mapping or unmapping there), -EDEADLOCK (an in-kernel user
 * does not unpin its pages), -EIO (an IOMMU driver has not unmapped something, which
 * stays), -EINTR.
 */
int iommufd_ioas_unmap(struct ioas *ioas, unsigned long iova,
		       unsigned long length, u64 *unmapped)
{
	unsigned long last = iova + length - 1;
	int rc;

	*unmapped = 0;
	if (!length)
		return iommufd_explain_no_length(ioas->ctx);
	if (last < iova)
		return iommufd_explain_end(ioas->ctx, iova, length);
	if (down_read_killable(ioas_lock(ioas)))
		return -EINTR;
	rc = unmap_one(ioas, iova, last, unmapped);
	up_read(ioas_lock(ioas));
	if (rc > 0)
		return 0;
	return rc ?: unmap_rest(ioas, iova, last, unmapped);
}

/**
 * iommufd_ioas_unmap_all - unmap everything
 * @ioas: the IOAS
 * @unmapped: set to the bytes that have been unmapped, unless NULL
 *
 * Return: 0, -EBUSY, -EDEADLOCK, -EIO, -EINTR as iommufd_ioas_unmap().
 */
int iommufd_ioas_unmap_all(struct ioas *ioas, u64 *unmapped)
{
	u64 bytes = 0;
	int rc = unmap_rest(ioas, 0, ULONG_MAX, &bytes);

	if (unmapped)
		*unmapped = bytes;
	return rc;
}

/* Can an area be cut, and why not? */
static int check_cut(struct ioas *ioas, const struct area *area,
		     unsigned long iova)
{
	unsigned long offset = area->offset + (iova - area->iova);

	if (!area_is_ready(area) || area->closing == ioas_closing(ioas))
		return -EBUSY;
	/* An attach is pinning it, and would not know about the tail. */
	if (ioas->needs && !area->in_use && area_bar_is_there(area))
		return -EBUSY;
	/* Not in a family of nested IOASes. */
	if (ioas->parent || !list_empty(&ioas->children))
		return iommufd_reason_note(ioas->ctx, -EINVAL,
					   "IOAS %u has a parent or children: the mapping %#lx-%#lx cannot be cut at %#lx",
					   ioas->obj.id, area->iova, area->last,
					   iova);
	if ((iova | offset_in_page(offset)) & (ioas->alignment - 1))
		return iommufd_reason_note(ioas->ctx, -EINVAL,
					   "a cut at %#lx of the mapping %#lx-%#lx is not aligned to %#lx bytes, as IOAS %u asks for",
					   iova, area->iova, area->last,
					   ioas->alignment, ioas->obj.id);
	/* A page table entry may cross the cut. */
	if (area->pins || (area->in_use && !ioas->small_pages))
		return iommufd_reason_note(ioas->ctx, -EINVAL,
					   "the mapping %#lx-%#lx of IOAS %u cannot be cut at %#lx: an in-kernel user has pinned it, or large pages are in use",
					   area->iova, area->last, ioas->obj.id,
					   iova);
	return 0;
}

/* Make the part of an area from @iova on an area of its own, @tail. */
static void cut_area(struct ioas *ioas, struct area *area, struct area *tail,
		     unsigned long iova)
{
	pinned_get(area->pinned);
	chain_init(tail, area->pinned, area->offset + (iova - area->iova), 0,
		   area->prot);
	tail->iova = iova;
	tail->last = area->last;
	tail->in_use = area->in_use;
	tail->parked = area->parked;
	tail->stuck = area->stuck;
	if (tail->in_use)
		iommufd_pinned_use_again(tail->pinned);
	area->last = iova - 1;
	WARN_ON(area_insert(&ioas->areas, tail));
	area_set_ready(tail);
}

/* The area that reaches over an IOVA, or NULL. */
static struct area *area_over(struct ioas *ioas, unsigned long iova)
{
	struct area *area = iommufd_area_first(&ioas->areas, iova, iova);

	return area && area->iova != iova ? area : NULL;
}

/*
 * Both cuts, or none: they may be in the same area, which has the same to say about
 * either. With the tree lock held. -EAGAIN: @spare are too few.
 */
static int cut_both(struct ioas *ioas, const unsigned long *at,
		    struct area **spare)
{
	unsigned int i, n = 0;

	for (i = 0; i < 2; i++) {
		struct area *area = area_over(ioas, at[i]);
		int rc = area ? check_cut(ioas, area, at[i]) : 0;

		if (rc)
			return rc;
		n += !!area;
	}
	for (i = 0; i < n; i++)
		if (!spare[i])
			return -EAGAIN;
	for (i = 0; i < 2; i++) {
		struct area *area = area_over(ioas, at[i]);

		if (area)
			cut_area(ioas, area, no_free_ptr(spare[--n]), at[i]);
	}
	return 0;
}

static int try_cut(struct ioas *ioas, const unsigned long *at,
		   struct area **spare)
{
	int rc = down_read_killable(ioas_lock(ioas));

	if (rc)
		return rc;
	mutex_lock(&ioas->tree_lock);
	rc = cut_both(ioas, at, spare);
	mutex_unlock(&ioas->tree_lock);
	up_read(ioas_lock(ioas));
	return rc;
}

/**
 * iommufd_ioas_cut - cut a range out of areas that reach over its edges, for VFIO type 1
 * (not v2)
 * @ioas: the IOAS
 * @start: first IOVA of the range
 * @last: last IOVA, inclusive
 *
 * The memory stays pinned as a whole until all parts have been unmapped. Memory is
 * allocated only if there is something to cut.
 *
 * Return: 0, or with nothing cut -EBUSY, -EINVAL (not aligned, pinned by an in-kernel
 * user, or possibly mapped by huge pages), -ENOMEM, -EINTR.
 */
int iommufd_ioas_cut(struct ioas *ioas, unsigned long start,
		     unsigned long last)
{
	/* Nothing reaches over IOVA 0, which is behind the last of all. */
	const unsigned long at[2] = { start, last + 1 };
	struct area *spare[2] = {};
	int rc;

	rc = try_cut(ioas, at, spare);
	if (rc == -EAGAIN) {
		spare[0] = iommufd_area_alloc();
		spare[1] = iommufd_area_alloc();
		rc = spare[0] && spare[1] ? try_cut(ioas, at, spare) : -ENOMEM;
	}
	iommufd_area_free(spare[0]);
	iommufd_area_free(spare[1]);
	return rc;
}
