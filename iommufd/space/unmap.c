// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unmapping, and all else that takes memory out of page tables.
 *
 * An area that is to go is made AREA_BUSY, drained from all page tables, flushed,
 * unpinned, and only then is its range free for somebody else. Neighbours go
 * together: one flush for a chain of areas.
 *
 * What is made of the memory in nested IOASes goes first. Their lock is the same
 * one, held for writing then: so none of their areas is AREA_BUSY.
 */
#include <linux/iommu.h>
#include <uapi/linux/iommufd.h>

#include "context/reason.h"
#include "memory/pin.h"
#include "space/explain.h"
#include "space/load.h"
#include "space/nested.h"
#include "space/paging.h"
#include "space/stock.h"

/* In-kernel users that do not let go after so many requests never will. */
#define UNMAP_TRIES	100

static noinline bool drain_table(const struct paging *paging,
				 const struct area *chain)
{
	struct paging_drain drain;
	unsigned int n = 0;

	paging_drain_begin(&drain, paging);
	for (; chain; chain = chain->chain) {
		if (area_is_filled(chain))
			paging_drain(&drain, chain->iova, area_length(chain));
		if (unlikely(!(++n % RESCHED_AREAS)))
			cond_resched();
	}
	return paging_drain_end(&drain);
}

/**
 * chain_find_stuck - a driver has not done as it was asked to: what is left?
 * @paging: the domain
 * @chain: areas of the caller
 */
void chain_find_stuck(const struct paging *paging, struct area *chain)
{
	for (; chain; chain = chain->chain)
		if (area_is_filled(chain) &&
		    !paging_clear(paging, chain->iova, area_length(chain)))
			chain->stuck = true;
}

/**
 * chain_unuse - unpin the memory of areas that are out of all page tables
 * @ioas: the IOAS
 * @chain: areas of the caller, in use or not
 *
 * Pages that are unpinned one after the other are credited together.
 *
 * Return: whether none is stuck: such a one stays in use.
 */
bool chain_unuse(const struct ioas *ioas, struct area *chain)
{
	struct account *account = NULL;
	unsigned long npages = 0;
	unsigned int n = 0;
	bool all = true;

	for (; chain; chain = chain->chain) {
		struct pinned *pinned = chain->pinned;

		if (unlikely(!(++n % RESCHED_AREAS)))
			cond_resched();
		if (!chain->in_use)
			continue;
		if (unlikely(chain->stuck)) {
			all = false;
			continue;
		}
		chain->in_use = false;
		chain->parked = false;
		if (ioas->parent)
			continue;
		if (unlikely(pinned->account != account)) {
			if (npages)
				account_uncharge(account, npages);
			account = pinned->account;
			npages = 0;
		}
		if (likely(pinned_unuse_page(pinned)))
			npages++;
		else
			pinned_unuse_shared(pinned);
	}
	if (npages)
		account_uncharge(account, npages);
	return all;
}

/**
 * chain_empty - take areas out of all page tables
 * @ioas: the IOAS, locked
 * @chain: areas of the caller; one flush for each page table. Those that a driver has
 *	not unmapped are stuck
 */
void chain_empty(struct ioas *ioas, struct area *chain)
{
	struct ioas_table *table;

	list_for_each_entry(table, &ioas->tables, link) {
		if (chain->chain && !drain_table(&table->paging, chain))
			chain_find_stuck(&table->paging, chain);
		else if (!chain->chain && area_is_filled(chain) &&
			 !paging_drain_range(&table->paging, chain->iova,
					     area_length(chain)))
			chain->stuck = true;
		atomic_long_inc(&ioas->flushes);
	}
}

/**
 * chain_drain - take areas out of all page tables, and unpin them
 * @ioas: the IOAS, locked
 * @chain: areas of the caller; one flush for each page table
 *
 * Return: whether all are gone. Those that a driver has not unmapped are stuck, and
 * still in use.
 */
bool chain_drain(struct ioas *ioas, struct area *chain)
{
	chain_empty(ioas, chain);
	return chain_unuse(ioas, chain);
}

/* An area that is in no tree has gone; with the tree lock held. */
static inline void retire_area(struct ioas *ioas, struct area *area)
{
	if (likely(area->embedded)) {
		if (likely(pinned_retire(area->pinned)))
			stock_put(ioas, area);
	} else if (ioas->parent) {
		stock_put(ioas, area);
	} else {
		pinned_put(area->pinned);
		area_free(area);
	}
}

static inline void erase_area(struct ioas *ioas, struct area *area)
{
	if (ioas->parent)
		nested_unlink(ioas, area);
	if (unlikely(!list_empty(&ioas->children)))
		nested_forget_source(ioas);
	area_erase(&ioas->areas, area);
}

/* It stays: a device may reach it. */
static noinline int keep_stuck(struct ioas *ioas, struct area *area)
{
	int rc = reason_note(ioas->ctx, -EIO,
			     "the IOMMU driver has not unmapped all of %#lx-%#lx of IOAS %u: it stays mapped, and its memory pinned",
			     area->iova, area->last, ioas->obj.id);

	area_set_ready(area);
	return rc;
}

static inline int drop_chain(struct ioas *ioas, struct area *chain,
			      bool placed)
{
	struct area *next;
	unsigned int n = 0;
	int rc = 0;

	mutex_lock(&ioas->tree_lock);
	for (; chain; chain = next) {
		next = chain->chain;
		if (unlikely(!(++n % RESCHED_AREAS)))
			cond_resched();
		if (unlikely(chain->stuck)) {
			rc = keep_stuck(ioas, chain);
			continue;
		}
		if (placed)
			erase_area(ioas, chain);
		retire_area(ioas, chain);
	}
	stock_unlock(ioas);
	return rc;
}

/**
 * chain_free - free areas that are in no tree
 * @ioas: the IOAS that they are for
 * @chain: the areas
 */
void chain_free(struct ioas *ioas, struct area *chain)
{
	drop_chain(ioas, chain, false);
}

/**
 * chain_drop - take areas out of the tree, so that their ranges are free, and free
 * them
 * @ioas: the IOAS, locked
 * @chain: areas of the caller, drained
 *
 * Return: 0, or -EIO if any is stuck: that stays mapped, and can be unmapped again.
 */
int chain_drop(struct ioas *ioas, struct area *chain)
{
	lockdep_assert_held(ioas_lock(ioas));
	return drop_chain(ioas, chain, true);
}

static void obstacle_note(struct obstacle *obstacle, struct ioas *ioas,
			  struct area *area)
{
	const struct ioas_worker *worker;

	lockdep_assert_held(&ioas->tree_lock);
	area->closing = true;
	obstacle->ioas = ioas;
	obstacle->iova = area->iova;
	obstacle->length = area_length(area);
	obstacle->finished = ioas->finished;
	obstacle->working = false;
	list_for_each_entry(worker, &ioas->workers, link)
		if (worker->area == area)
			obstacle->working = true;
}

/**
 * obstacle_set - an area that in-kernel users have to let go of
 * @obstacle: set to it
 * @ioas: its IOAS
 * @area: the area, which gets no new pins from now on
 */
void obstacle_set(struct obstacle *obstacle, struct ioas *ioas,
		  struct area *area)
{
	mutex_lock(&ioas->tree_lock);
	obstacle_note(obstacle, ioas, area);
	mutex_unlock(&ioas->tree_lock);
}

/**
 * chain_claim - make areas of a range ours, in order
 * @ioas: the IOAS, locked, and its tree lock held
 * @start: first IOVA
 * @last: last IOVA, inclusive
 * @first: check that no area reaches out of the range at its far end
 * @most: how many areas at the most
 * @chain: set to the areas, AREA_BUSY; NULL if there are none
 * @obstacle: see below. NULL if the caller does not call back now: then the area
 *	stays open to in-kernel users.
 *
 * Return: 0; or with nothing claimed -ENOENT (an area reaches out of the range),
 * -EBUSY (somebody is working on one), -EAGAIN (@obstacle has to be called back).
 */
int chain_claim(struct ioas *ioas, unsigned long start, unsigned long last,
		bool first, unsigned int most, struct area **chain,
		struct obstacle *obstacle)
{
	struct area *area = area_first(&ioas->areas, start, last);
	struct area **link = chain;
	int rc = 0;

	*chain = NULL;
	if (first && area && area->last < last &&
	    area_last(&ioas->areas, start, last)->last > last)
		return -ENOENT;

	while (area && most--) {
		if (area->iova < start || area->last > last)
			rc = -ENOENT;
		else if (!area_is_ready(area))
			rc = -EBUSY;
		else if (area->pins)
			rc = -EAGAIN;
		if (rc)
			break;
		area->state = AREA_BUSY;
		area->stuck = false;
		*link = area;
		link = &area->chain;
		area = area->last == last ? NULL : area_next(area, last);
	}
	*link = NULL;
	/* What came before the obstacle goes first. */
	if (rc && *chain)
		return 0;
	if (rc == -EAGAIN && obstacle)
		obstacle_note(obstacle, ioas, area);
	return rc;
}

/* Children come and go with the lock held for writing. */
static bool has_children(struct ioas *ioas)
{
	return !list_empty_careful(&ioas->children);
}

/**
 * ioas_lock_unmap - lock an IOAS for unmapping
 * @ioas: the IOAS
 * @exclusive: set to whether the lock is held for writing, because it has children
 *
 * Return: 0, or -EINTR on a fatal signal.
 */
int ioas_lock_unmap(struct ioas *ioas, bool *exclusive)
{
	int rc = down_read_killable(ioas_lock(ioas));

	*exclusive = false;
	if (rc || likely(!has_children(ioas)))
		return rc;
	up_read(ioas_lock(ioas));
	*exclusive = true;
	return down_write_killable(ioas_lock(ioas));
}

/**
 * ioas_unlock_unmap - the opposite of ioas_lock_unmap()
 * @ioas: the IOAS
 * @exclusive: what that has set
 */
void ioas_unlock_unmap(struct ioas *ioas, bool exclusive)
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

/* The obstacle is none any more, or we have given up. */
static void reopen(const struct obstacle *obstacle)
{
	struct ioas *ioas = obstacle->ioas;
	struct area *area;

	mutex_lock(&ioas->tree_lock);
	area = area_at(&ioas->areas, obstacle->iova);
	if (area)
		area->closing = false;
	mutex_unlock(&ioas->tree_lock);
}

/*
 * Have in-kernel users let go of an area. Who is in the middle of something may be
 * waiting for memory: he is waited for, unless a fatal signal comes.
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

/* What has gone of a chain that has been drained; *@start moves behind it. */
static void count_unmapped(const struct area *chain, unsigned long *start,
			   u64 *unmapped)
{
	for (; chain; chain = chain->chain) {
		*start = chain->last + 1;
		if (likely(!chain->stuck))
			*unmapped += area_length(chain);
	}
}

/*
 * Unmap one batch of a range. *@start moves behind what has been done; *@done
 * says that nothing is left. The first time no area may be cut by the range.
 *
 * Returns 0, an errno of chain_claim(), or -EAGAIN if @obstacle is to be overcome, whose
 * IOAS is referenced: *@start has not moved then.
 */
static int unmap_batch(struct ioas *ioas, unsigned long *start,
		       unsigned long last, bool first,
		       struct obstacle *obstacle, u64 *unmapped,
		       bool *done)
{
	struct area *chain, *end;
	bool exclusive;
	int rc;

	/* One that is being destroyed has no children, and has to be emptied. */
	if (ioas->dying) {
		exclusive = false;
		down_read(ioas_lock(ioas));
	} else {
		rc = ioas_lock_unmap(ioas, &exclusive);
		if (rc)
			return rc;
	}
	mutex_lock(&ioas->tree_lock);
	rc = chain_claim(ioas, *start, last, first, UNMAP_BATCH, &chain,
			 obstacle);
	if (rc == -ENOENT)
		explain_cut(ioas, *start, last);
	else if (rc == -EBUSY)
		explain_working(ioas, *start, last);
	mutex_unlock(&ioas->tree_lock);
	if (chain && exclusive)
		rc = nested_remove(ioas, &chain, obstacle);
	*done = !chain && !rc;
	for (end = chain; end; end = end->chain)
		*done = end->last == last;
	if (chain)
		chain_drain(ioas, chain);
	count_unmapped(chain, start, unmapped);
	if (exclusive)
		nested_take_back(chain);
	if (chain)
		rc = chain_drop(ioas, chain);
	/* A child that has an obstacle does not go before we have called. */
	if (rc == -EAGAIN)
		object_hold(&obstacle->ioas->obj);
	ioas_unlock_unmap(ioas, exclusive);
	return rc;
}

static bool same_obstacle(const struct obstacle *one,
			  const struct obstacle *other)
{
	return one->ioas == other->ioas && one->iova == other->iova;
}

/* An in-kernel user that never lets go is a bug of its driver. */
static int overcome_in_time(const struct obstacle *obstacle,
			    struct obstacle *before, unsigned int *tries)
{
	int rc = overcome(obstacle);

	/* One after the other is fine; one for ever is not. */
	if (!same_obstacle(obstacle, before) || obstacle->working)
		*tries = 0;
	*before = *obstacle;
	if (!rc && WARN_ON(++*tries > UNMAP_TRIES))
		rc = -EDEADLOCK;
	if (rc)
		reopen(obstacle);
	return rc;
}

/* A range in batches, with whatever is in the way. */
static noinline int unmap_rest(struct ioas *ioas, unsigned long start,
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
		/* What has been in the way stays, and is to be of use. */
		if (rc && before.ioas == ioas)
			reopen(&before);
		if (rc || done)
			return rc;
		cond_resched();
	}
}

/* Out of all page tables, flushed, and then unpinned. Returns whether it is. */
static __always_inline bool drain_one(struct ioas *ioas, struct area *area)
{
	struct ioas_table *table;
	bool gone = true;

	if (!area->in_use)
		return true;
	list_for_each_entry(table, &ioas->tables, link) {
		if (unlikely(!paging_drain_range(&table->paging, area->iova,
						 area_length(area))))
			gone = false;
		atomic_long_inc(&ioas->flushes);
	}
	if (unlikely(!gone))
		return false;
	area->in_use = false;
	if (!ioas->parent)
		pinned_unuse(area->pinned);
	return true;
}

/*
 * What most calls are: a whole area, and nobody who has to be asked. Returns 1 if
 * it was that, 0 if not, or -EIO.
 */
static __always_inline int unmap_one(struct ioas *ioas, unsigned long start,
				     unsigned long last, u64 *unmapped)
{
	struct area *area;

	mutex_lock(&ioas->tree_lock);
	area = area_at(&ioas->areas, start);
	if (unlikely(!area || area->last != last || !area_is_ready(area) ||
		     area->pins || area->parked || has_children(ioas))) {
		mutex_unlock(&ioas->tree_lock);
		return 0;
	}
	area->state = AREA_BUSY;
	mutex_unlock(&ioas->tree_lock);
	if (unlikely(!drain_one(ioas, area))) {
		area->stuck = true;
		return keep_stuck(ioas, area);
	}
	*unmapped = area_length(area);
	mutex_lock(&ioas->tree_lock);
	erase_area(ioas, area);
	retire_area(ioas, area);
	stock_unlock(ioas);
	return 1;
}

static __always_inline int unmap_range(struct ioas *ioas, unsigned long start,
				       unsigned long length, u64 *unmapped)
{
	unsigned long last = start + length - 1;
	int rc;

	*unmapped = 0;
	if (unlikely(!length))
		return explain_no_length(ioas->ctx);
	if (unlikely(last < start))
		return explain_end(ioas->ctx, start, length);
	if (unlikely(down_read_killable(ioas_lock(ioas))))
		return -EINTR;
	rc = unmap_one(ioas, start, last, unmapped);
	up_read(ioas_lock(ioas));
	if (likely(rc > 0))
		return 0;
	return rc ?: unmap_rest(ioas, start, last, unmapped);
}

/**
 * ioas_unmap - unmap whole areas
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
int ioas_unmap(struct ioas *ioas, unsigned long iova, unsigned long length,
	       u64 *unmapped)
{
	return unmap_range(ioas, iova, length, unmapped);
}

/**
 * ioas_unmap_all - unmap everything
 * @ioas: the IOAS
 * @unmapped: set to the bytes that have been unmapped, unless NULL
 *
 * Return: 0, -EBUSY, -EDEADLOCK, -EIO, -EINTR as ioas_unmap().
 */
int ioas_unmap_all(struct ioas *ioas, u64 *unmapped)
{
	u64 bytes = 0;
	int rc = unmap_rest(ioas, 0, ULONG_MAX, &bytes);

	if (unmapped)
		*unmapped = bytes;
	return rc;
}

/**
 * ioas_cmd_unmap - IOMMU_IOAS_UNMAP
 * @cmd: struct iommu_ioas_unmap
 */
int ioas_cmd_unmap(struct command *cmd)
{
	struct iommu_ioas_unmap *arg = cmd->arg;
	const u64 length = arg->length;
	struct ioas *ioas;
	int rc;

	ioas = ioas_get(cmd->ctx, arg->ioas_id);
	if (!ioas)
		return explain_no_ioas(cmd->ctx, arg->ioas_id);
	if (!arg->iova && arg->length == U64_MAX) {
		rc = ioas_unmap_all(ioas, &arg->length);
	} else if (arg->iova >= ULONG_MAX || arg->length >= ULONG_MAX) {
		rc = explain_end(cmd->ctx, arg->iova, length);
	} else {
		rc = unmap_range(ioas, arg->iova, length, &arg->length);
		if (!rc && !arg->length)
			rc = explain_nothing(ioas, arg->iova, length);
	}
	ioas_put(cmd->ctx, ioas);
	if (rc)
		return rc;
	return command_reply_field(cmd, struct iommu_ioas_unmap, length);
}

/* Make the part of an area from @iova on an area of its own, @tail. */
static int cut_area(struct ioas *ioas, struct area *area, struct area *tail,
		    unsigned long iova)
{
	unsigned long offset = area->offset + (iova - area->iova);

	if (!area_is_ready(area) || area->closing)
		return -EBUSY;
	/* An attach is pinning it, and would not know of the tail. */
	if (ioas->needs && !area->in_use && area_bar_is_there(area))
		return -EBUSY;
	/* Neither what others are made of, nor what is made of others. */
	if (ioas->parent || !list_empty(&ioas->children))
		return reason_note(ioas->ctx, -EINVAL,
				   "IOAS %u has a parent or children: the mapping %#lx-%#lx cannot be cut at %#lx",
				   ioas->obj.id, area->iova, area->last, iova);
	if ((iova | offset_in_page(offset)) & (ioas->alignment - 1))
		return reason_note(ioas->ctx, -EINVAL,
				   "a cut at %#lx of the mapping %#lx-%#lx is not aligned to %#lx bytes, as IOAS %u asks for",
				   iova, area->iova, area->last,
				   ioas->alignment, ioas->obj.id);
	/* An entry of the IOMMU may reach over the cut. */
	if (area->pins || (area->in_use && !ioas->small_pages))
		return reason_note(ioas->ctx, -EINVAL,
				   "the mapping %#lx-%#lx of IOAS %u cannot be cut at %#lx: an in-kernel user has pinned it, or large pages are in use",
				   area->iova, area->last, ioas->obj.id, iova);

	pinned_get(area->pinned);
	chain_init(tail, area->pinned, offset, 0, area->prot);
	tail->iova = iova;
	tail->last = area->last;
	tail->in_use = area->in_use;
	tail->parked = area->parked;
	if (tail->in_use)
		pinned_use_again(tail->pinned);
	area->last = iova - 1;
	WARN_ON(area_insert(&ioas->areas, tail));
	area_set_ready(tail);
	return 0;
}

/**
 * ioas_cut - let an area begin at an IOVA, for VFIO type 1 (not v2)
 * @ioas: the IOAS
 * @iova: where; nothing happens if no area reaches over it
 *
 * The memory stays pinned as a whole until both parts have been unmapped.
 *
 * Return: 0, -EBUSY, -EINVAL (not aligned, pinned by an in-kernel user, or
 * possibly mapped by huge pages), -ENOMEM.
 */
int ioas_cut(struct ioas *ioas, unsigned long iova)
{
	struct area *area, *tail = area_alloc();
	int rc;

	if (!tail)
		return -ENOMEM;
	rc = down_read_killable(ioas_lock(ioas));
	if (rc)
		goto out_free;
	mutex_lock(&ioas->tree_lock);
	area = area_first(&ioas->areas, iova, iova);
	if (area && area->iova != iova) {
		rc = cut_area(ioas, area, tail, iova);
		if (!rc)
			tail = NULL;
	}
	mutex_unlock(&ioas->tree_lock);
	up_read(ioas_lock(ioas));
out_free:
	area_free(tail);
	return rc;
}
