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

#include "event.h"
#include "ioas_map.h"
#include "nested.h"
#include "paging.h"
#include "pin.h"
#include "reason.h"
#include "stock.h"

/* In-kernel users that do not let go after so many requests never will. */
#define UNMAP_TRIES	100

static noinline void drain_table(struct ioas_table *table,
				 const struct area *chain)
{
	struct paging_drain drain;
	unsigned int n = 0;

	paging_drain_begin(&drain, table->domain);
	for (; chain; chain = chain->chain) {
		if (chain->in_use)
			paging_drain(&drain, chain->iova, area_length(chain));
		if (unlikely(!(++n % RESCHED_AREAS)))
			cond_resched();
	}
	paging_drain_end(&drain);
}

/* Pages that are unpinned one after the other are credited together. */
static void unuse_chain(const struct ioas *ioas, struct area *chain)
{
	struct account *account = NULL;
	unsigned long npages = 0;
	unsigned int n = 0;

	for (; chain; chain = chain->chain) {
		struct pinned *pinned = chain->pinned;

		if (unlikely(!(++n % RESCHED_AREAS)))
			cond_resched();
		if (!chain->in_use)
			continue;
		chain->in_use = false;
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
}

/**
 * chain_drain - take areas out of all page tables, and unpin them
 * @ioas: the IOAS, locked
 * @chain: areas of the caller; one flush for each page table
 */
void chain_drain(struct ioas *ioas, struct area *chain)
{
	struct ioas_table *table;

	list_for_each_entry(table, &ioas->tables, link) {
		if (chain->chain)
			drain_table(table, chain);
		else if (chain->in_use)
			paging_drain_range(table->domain, table->plain,
					   chain->iova, area_length(chain));
		atomic_long_inc(&ioas->flushes);
	}
	unuse_chain(ioas, chain);
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

static inline void drop_chain(struct ioas *ioas, struct area *chain,
			      bool placed)
{
	struct area *next;
	unsigned int n = 0;

	mutex_lock(&ioas->tree_lock);
	for (; chain; chain = next) {
		next = chain->chain;
		if (placed)
			erase_area(ioas, chain);
		retire_area(ioas, chain);
		if (unlikely(!(++n % RESCHED_AREAS)))
			cond_resched();
	}
	stock_unlock(ioas);
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
 */
void chain_drop(struct ioas *ioas, struct area *chain)
{
	drop_chain(ioas, chain, true);
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
		*link = area;
		link = &area->chain;
		area = area->last == last ? NULL : area_next(area, last);
	}
	*link = NULL;
	/* What came before the obstacle goes first. */
	if (rc && *chain)
		return 0;
	if (rc == -EAGAIN && obstacle) {
		area->closing = true;
		obstacle->ioas = ioas;
		obstacle->iova = area->iova;
		obstacle->length = area_length(area);
	}
	return rc;
}

/* Children, and in-kernel users, come and go with the lock held for writing. */
static bool has_others(struct ioas *ioas)
{
	return !list_empty_careful(&ioas->children) || !xa_empty(&ioas->users);
}

/**
 * ioas_lock_unmap - lock an IOAS for unmapping
 * @ioas: the IOAS
 *
 * Return: whether the lock is held for writing, because it has children, or
 * in-kernel users, who are not to be in the middle of a read or write then.
 */
bool ioas_lock_unmap(struct ioas *ioas)
{
	down_read(ioas_lock(ioas));
	if (likely(!has_others(ioas)))
		return false;
	up_read(ioas_lock(ioas));
	down_write(ioas_lock(ioas));
	return true;
}

/**
 * ioas_unlock_unmap - the opposite of ioas_lock_unmap()
 * @ioas: the IOAS
 * @exclusive: what that has returned
 */
void ioas_unlock_unmap(struct ioas *ioas, bool exclusive)
{
	if (exclusive)
		up_write(ioas_lock(ioas));
	else
		up_read(ioas_lock(ioas));
}

/**
 * ioas_call_back - ask in-kernel users to unpin what they have of an area
 * @obstacle: the area; no lock is held
 */
void ioas_call_back(const struct obstacle *obstacle)
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
 * Unmap one batch of a range. *@start moves behind what has been done; *@done
 * says that nothing is left. The first time no area may be cut by the range.
 *
 * Returns 0, an errno of chain_claim(), or -EAGAIN after in-kernel users have
 * been asked for @obstacle: *@start has not moved then.
 */
static int unmap_batch(struct ioas *ioas, unsigned long *start,
		       unsigned long last, bool first,
		       struct obstacle *obstacle, u64 *unmapped,
		       bool *done)
{
	bool exclusive = ioas_lock_unmap(ioas);
	struct area *chain, *area;
	int rc;

	mutex_lock(&ioas->tree_lock);
	rc = chain_claim(ioas, *start, last, first, UNMAP_BATCH, &chain,
			 obstacle);
	mutex_unlock(&ioas->tree_lock);
	if (chain && exclusive)
		rc = nested_remove(ioas, &chain, obstacle);
	*done = !chain && !rc;
	for (area = chain; area; area = area->chain) {
		*unmapped += area_length(area);
		*start = area->last + 1;
		*done = area->last == last;
	}
	if (chain)
		chain_drain(ioas, chain);
	if (exclusive)
		nested_take_back(chain);
	if (chain)
		chain_drop(ioas, chain);
	/* A child that has an obstacle does not go before we have called. */
	if (rc == -EAGAIN)
		object_hold(&obstacle->ioas->obj);
	ioas_unlock_unmap(ioas, exclusive);

	if (rc == -EAGAIN) {
		ioas_call_back(obstacle);
		ioas_put(ioas->ctx, obstacle->ioas);
	}
	return rc;
}

static bool same_obstacle(const struct obstacle *one,
			  const struct obstacle *other)
{
	return one->ioas == other->ioas && one->iova == other->iova;
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
			/* One after the other is fine; one for ever is not. */
			if (!same_obstacle(&obstacle, &before))
				tries = 0;
			before = obstacle;
			rc = WARN_ON(++tries > UNMAP_TRIES) ? -EDEADLOCK : 0;
		}
		if (rc || done)
			return rc;
		cond_resched();
	}
}

/* Out of all page tables, flushed, and then unpinned. */
static __always_inline void drain_one(struct ioas *ioas, struct area *area)
{
	struct ioas_table *table;

	if (!area->in_use)
		return;
	list_for_each_entry(table, &ioas->tables, link) {
		paging_drain_range(table->domain, table->plain, area->iova,
				   area_length(area));
		atomic_long_inc(&ioas->flushes);
	}
	area->in_use = false;
	if (!ioas->parent)
		pinned_unuse(area->pinned);
}

/*
 * What most calls are: a whole area, and nobody who has to be asked. Returns whether
 * it was that.
 */
static __always_inline bool unmap_one(struct ioas *ioas, unsigned long start,
				      unsigned long last, u64 *unmapped)
{
	struct area *area;

	mutex_lock(&ioas->tree_lock);
	area = area_at(&ioas->areas, start);
	if (unlikely(!area || area->last != last || !area_is_ready(area) ||
		     area->pins || has_others(ioas))) {
		mutex_unlock(&ioas->tree_lock);
		return false;
	}
	area->state = AREA_BUSY;
	*unmapped = area_length(area);
	mutex_unlock(&ioas->tree_lock);
	drain_one(ioas, area);
	mutex_lock(&ioas->tree_lock);
	erase_area(ioas, area);
	retire_area(ioas, area);
	stock_unlock(ioas);
	return true;
}

static __always_inline int unmap_range(struct ioas *ioas, unsigned long start,
				       unsigned long length, u64 *unmapped)
{
	unsigned long last = start + length - 1;
	bool done;

	*unmapped = 0;
	if (unlikely(!length))
		return -EINVAL;
	if (unlikely(last < start))
		return -EOVERFLOW;
	down_read(ioas_lock(ioas));
	done = unmap_one(ioas, start, last, unmapped);
	up_read(ioas_lock(ioas));
	return likely(done) ? 0 : unmap_rest(ioas, start, last, unmapped);
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
 * does not unpin its pages).
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
 * Return: 0, -EBUSY, -EDEADLOCK as ioas_unmap().
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
	struct ioas *ioas;
	int rc;

	ioas = ioas_get(cmd->ctx, arg->ioas_id);
	if (!ioas)
		return -ENOENT;
	if (!arg->iova && arg->length == U64_MAX) {
		rc = ioas_unmap_all(ioas, &arg->length);
	} else if (arg->iova >= ULONG_MAX || arg->length >= ULONG_MAX) {
		rc = -EOVERFLOW;
	} else {
		rc = unmap_range(ioas, arg->iova, arg->length, &arg->length);
		if (!rc && !arg->length)
			rc = -ENOENT;
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
	/* Neither what others are made of, nor what is made of others. */
	if (ioas->parent || !list_empty(&ioas->children))
		return -EINVAL;
	if ((iova | offset_in_page(offset)) & (ioas->alignment - 1))
		return -EINVAL;
	/* An entry of the IOMMU may reach over the cut. */
	if (area->pins || (area->in_use && !ioas->small_pages))
		return -EINVAL;

	pinned_get(area->pinned);
	chain_init(tail, area->pinned, offset, 0, area->prot);
	tail->iova = iova;
	tail->last = area->last;
	tail->in_use = area->in_use;
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
	int rc = 0;

	if (!tail)
		return -ENOMEM;
	down_read(ioas_lock(ioas));
	mutex_lock(&ioas->tree_lock);
	area = area_first(&ioas->areas, iova, iova);
	if (area && area->iova != iova) {
		rc = cut_area(ioas, area, tail, iova);
		if (!rc)
			tail = NULL;
	}
	mutex_unlock(&ioas->tree_lock);
	up_read(ioas_lock(ioas));
	area_free(tail);
	return rc;
}

/* All areas that @domain translates, up to but not including @end. */
static void drain_until(struct ioas *ioas, struct iommu_domain *domain,
			const struct area *end)
{
	struct area *area = area_first(&ioas->areas, 0, ULONG_MAX);
	struct paging_drain drain;

	paging_drain_begin(&drain, domain);
	for (; area && area != end; area = area_next(area, ULONG_MAX)) {
		if (area->in_use)
			paging_drain(&drain, area->iova, area_length(area));
		cond_resched();
	}
	paging_drain_end(&drain);
}

static void unuse_until(struct ioas *ioas, const struct area *end)
{
	struct area *area = area_first(&ioas->areas, 0, ULONG_MAX);

	for (; area && area != end; area = area_next(area, ULONG_MAX)) {
		if (area->in_use)
			area_unuse(ioas, area);
		cond_resched();
	}
}

/**
 * ioas_fill_all - map everything in an IOAS into one more domain
 * @ioas: the IOAS, with its lock held for writing
 * @table: the table of the domain, in the list already
 *
 * A BAR whose device has been unbound stays out.
 *
 * Return: 0; or with nothing changed an errno of pinned_use() or paging_fill().
 */
int ioas_fill_all(struct ioas *ioas, const struct ioas_table *table)
{
	struct area *area = area_first(&ioas->areas, 0, ULONG_MAX);
	bool first = list_is_singular(&ioas->tables);
	int rc = 0;

	lockdep_assert_held_write(ioas_lock(ioas));
	for (; area; area = area_next(area, ULONG_MAX)) {
		cond_resched();
		if (first)
			rc = area_use(ioas, area);
		if (rc == -ENXIO)
			rc = 0;
		if (rc)
			break;
		if (!area->in_use)
			continue;
		rc = area_fill(ioas, area, table);
		if (rc) {
			if (first)
				area_unuse(ioas, area);
			break;
		}
	}
	if (rc) {
		drain_until(ioas, table->domain, area);
		if (first)
			unuse_until(ioas, area);
	}
	return rc;
}

/**
 * ioas_drain_all - take everything out of a domain
 * @ioas: the IOAS, with its lock held for writing and the table of the domain
 *	out of its list already
 * @domain: the domain
 *
 * Unpins everything if no table is left.
 */
void ioas_drain_all(struct ioas *ioas, struct iommu_domain *domain)
{
	lockdep_assert_held_write(ioas_lock(ioas));
	drain_until(ioas, domain, NULL);
	if (list_empty(&ioas->tables))
		unuse_until(ioas, NULL);
}

static void revoke_in(struct ioas *ioas, const struct bar_owner *owner)
{
	struct area *area = area_first(&ioas->areas, 0, ULONG_MAX);

	for (; area; area = area_next(area, ULONG_MAX)) {
		cond_resched();
		if (!area->in_use || area->pinned->owner != owner)
			continue;
		area->chain = NULL;
		chain_drain(ioas, area);
		event_range_lost(ioas->ctx, ioas->obj.id, area->iova,
				 area_length(area));
	}
}

/**
 * ioas_revoke - take the BARs of one device out of all IOASes of a context
 * @ctx: the context
 * @owner: the device, retired: nobody can map its BARs any more
 *
 * The areas stay until they are unmapped, but translate nothing. When this
 * returns no device reaches the BARs.
 */
void ioas_revoke(struct iommufd_ctx *ctx, const struct bar_owner *owner)
{
	struct ioas *ioas;

	mutex_lock(&ctx->ioas_lock);
	list_for_each_entry(ioas, &ctx->ioases, link) {
		down_write(ioas_lock(ioas));
		revoke_in(ioas, owner);
		up_write(ioas_lock(ioas));
	}
	mutex_unlock(&ctx->ioas_lock);
}
