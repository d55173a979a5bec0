// SPDX-License-Identifier: GPL-2.0-only
/*
 * Holding the memory of an I/O address space for its page tables.
 *
 * Pinning waits for the memory to come, and a user can make that take for ever
 * (userfaultfd, a file system of his own). So nothing is pinned with a lock held that
 * anybody else waits for. An attach that is about to make a page table first
 * announces that the memory will be needed: from then on each new mapping pins its
 * own. Then it pins what is mapped already, without a lock, and drops what has been
 * unmapped meanwhile. When the page table is filled there is nothing left to wait
 * for.
 *
 * When the last need goes, what is in use is unpinned in portions, while others map and
 * unmap. That stops as soon as somebody needs the memory again.
 */
#include <linux/iommu.h>
#include <linux/sched/signal.h>

#include "space/hold.h"
#include "space/load.h"
#include "space/nested.h"
#include "space/span.h"

/* Mappings that are pinned, or unpinned, between two looks at the tree. */
#define HOLD_PORTION	16
/* Mappings that are passed over before others get the tree. */
#define PASS_PORTION	1024
/* Small ones that are unpinned at once. */
#define SMALL_PORTION	256

/**
 * iommufd_ioas_need - the memory of an IOAS is needed once more
 * @ioas: the IOAS, with its lock held for writing
 */
void iommufd_ioas_need(struct ioas *ioas)
{
	lockdep_assert_held_write(ioas_lock(ioas));
	/* A map reads it before it takes the lock, and again with the lock held. */
	WRITE_ONCE(ioas->needs, ioas->needs + 1);
	ioas->root->nested_needs += !!ioas->parent;
}

/**
 * iommufd_ioas_unneed - the opposite of iommufd_ioas_need()
 * @ioas: the IOAS, with its lock held for writing. When that is dropped,
 *	iommufd_ioas_settle() has to be called
 */
void iommufd_ioas_unneed(struct ioas *ioas)
{
	lockdep_assert_held_write(ioas_lock(ioas));
	WRITE_ONCE(ioas->needs, ioas->needs - 1);
}

/*
 * What nobody needs -----------------------------------------------------------
 */

/**
 * struct unneeded - uses of memory that are to be given back
 * @from: where to go on looking for more
 * @end: there are none behind that
 * @round: how often has been looked
 * @nr: how many
 * @pinned: the memory, referenced
 */
struct unneeded {
	unsigned long from;
	bool end;
	unsigned long round;
	unsigned int nr;
	struct pinned *pinned[HOLD_PORTION];
};

/* Take what an area of the outermost IOAS has been lent to its children by. */
static bool take_lent(struct area *area)
{
	bool was = area->lent;

	area->lent = false;
	return was;
}

/* An area of a child has its memory by what it originates from. */
static bool take_use(const struct ioas *ioas, struct area *area)
{
	bool was = area->in_use;

	area->in_use = false;
	area->parked = false;
	/* What a driver failed to unmap has gone with its page table. */
	area->stuck = false;
	return was && !ioas->parent;
}

/* With the lock held for writing. @lent: not what the IOAS uses, but its children. */
static void find_unneeded(struct ioas *ioas, struct unneeded *unneeded,
			  bool lent)
{
	const unsigned long portion =
		portion_of(SMALL_PORTION, unneeded->round++);
	unsigned long passed = 0;
	struct area *area;

	unneeded->nr = 0;
	unneeded->end = lent ? ioas->nested_needs : ioas->needs;
	if (unneeded->end)
		return;
	for_each_ready_area(ioas, area, unneeded->from, ULONG_MAX) {
		unneeded->from = area->iova;
		if (unneeded->nr == HOLD_PORTION || passed++ == portion)
			return;
		if (!(lent ? take_lent(area) : take_use(ioas, area)))
			continue;
		if (area->pinned->npages <= PIN_FEW) {
			pinned_unuse(area->pinned);
			continue;
		}
		pinned_get(area->pinned);
		unneeded->pinned[unneeded->nr++] = area->pinned;
	}
	unneeded->end = true;
}

/*
 * A portion. Others can map while what is large is unpinned, but not change the account
 * of files' memory. With the lock held for reading they may own an area of the same memory:
 * the reference that find_unneeded() takes before the downgrade makes that not private for
 * anybody, so uses begin and end under its own lock (pinned_is_private()).
 */
static void unuse_portion(struct ioas *ioas, struct unneeded *unneeded,
			  bool lent)
{
	unsigned int i;

	down_write(ioas_lock(ioas));
	find_unneeded(ioas, unneeded, lent);
	downgrade_write(ioas_lock(ioas));
	for (i = 0; i < unneeded->nr; i++) {
		pinned_unuse(unneeded->pinned[i]);
		iommufd_pinned_put(unneeded->pinned[i]);
		cond_resched();
	}
	up_read(ioas_lock(ioas));
	cond_resched();
}

static void unuse_unneeded(struct ioas *ioas, bool lent)
{
	struct unneeded unneeded = {};

	do
		unuse_portion(ioas, &unneeded, lent);
	while (!unneeded.end);
}

/**
 * iommufd_ioas_settle - after iommufd_ioas_unneed(), unpin what nobody needs any more
 * @ioas: the IOAS, not locked
 *
 * What has been lent to a family of nested IOASes is taken back only when none of their
 * areas is in use.
 */
void iommufd_ioas_settle(struct ioas *ioas)
{
	bool lent;

	unuse_unneeded(ioas, false);
	if (!ioas->parent)
		return;
	down_write(ioas_lock(ioas));
	lent = !--ioas->root->nested_needs;
	up_write(ioas_lock(ioas));
	if (lent)
		unuse_unneeded(ioas->root, true);
}

/*
 * What is needed --------------------------------------------------------------
 */

/**
 * struct wanted - a mapping whose memory is to be in use
 * @iova: its first IOVA
 * @pinned: the memory, referenced
 * @used: it is in use now, for the mapping
 */
struct wanted {
	unsigned long iova;
	struct pinned *pinned;
	bool used;
};

/**
 * struct wanted_list - a portion of them
 * @from: where to go on looking
 * @end: nothing is left behind that
 * @nr: how many
 * @list: the mappings
 */
struct wanted_list {
	unsigned long from;
	bool end;
	unsigned int nr;
	struct wanted list[HOLD_PORTION];
};

/* The lock is held to refer to the memory of other commands' mappings. */
static int find_wanted(struct ioas *ioas, struct wanted_list *wanted)
{
	unsigned int passed = 0;
	struct area *area;
	int rc;

	wanted->nr = 0;
	rc = down_read_killable(ioas_lock(ioas));
	if (rc)
		return rc;
	mutex_lock(&ioas->tree_lock);
	for (area = iommufd_area_first(&ioas->areas, wanted->from, ULONG_MAX);
	     area && wanted->nr < HOLD_PORTION && passed++ < PASS_PORTION;
	     area = area_next(area, ULONG_MAX)) {
		wanted->from = area->last + 1;
		if (!area_is_ready(area) || area->in_use)
			continue;
		pinned_get(area->pinned);
		wanted->list[wanted->nr++] = (struct wanted) {
			.iova = area->iova,
			.pinned = area->pinned,
		};
	}
	wanted->end = !area;
	mutex_unlock(&ioas->tree_lock);
	up_read(ioas_lock(ioas));
	return 0;
}

/*
 * Pin them, without a lock, for as long as it takes. A BAR whose device has gone
 * stays out.
 */
static int use_wanted(struct wanted_list *wanted)
{
	unsigned int i;
	int rc = 0;

	for (i = 0; i < wanted->nr && !rc; i++) {
		struct wanted *want = &wanted->list[i];

		rc = memory_use(want->pinned);
		want->used = !rc;
		if (rc == -ENXIO)
			rc = 0;
		if (fatal_signal_pending(current))
			rc = rc ?: -EINTR;
		cond_resched();
	}
	return rc;
}

/* Give a mapping the use of its memory, if it is still there and has none. */
static bool take_over(struct ioas *ioas, const struct wanted *want)
{
	struct area *area =
		iommufd_area_ready_from(ioas, want->iova, want->iova);

	if (!area || area->iova != want->iova || area->in_use ||
	    area->pinned != want->pinned || !area_bar_is_there(area))
		return false;
	area->in_use = true;
	area->parked = area_bar_is_off(area);
	return !ioas->parent || iommufd_nested_keep_lent(area);
}

static void settle_wanted(struct ioas *ioas, struct wanted_list *wanted)
{
	unsigned int i;

	down_write(ioas_lock(ioas));
	for (i = 0; i < wanted->nr; i++) {
		const struct wanted *want = &wanted->list[i];

		if (want->used && !take_over(ioas, want))
			pinned_unuse(want->pinned);
		iommufd_pinned_put(want->pinned);
	}
	up_write(ioas_lock(ioas));
}

static int use_all(struct ioas *ioas)
{
	struct wanted_list wanted = {};
	int rc;

	do {
		rc = find_wanted(ioas, &wanted);
		if (!rc)
			rc = use_wanted(&wanted);
		settle_wanted(ioas, &wanted);
		if (!rc && fatal_signal_pending(current))
			rc = -EINTR;
		cond_resched();
	} while (!rc && !wanted.end);
	return rc;
}

/**
 * iommufd_ioas_hold - have all memory of an IOAS pinned, now and as it is mapped
 * @ioas: the IOAS. The caller must not hold a lock, nor a reference for which
 *	somebody waits who cannot be killed: see the head of this file
 *
 * Before a page table is added to it.
 *
 * Return: 0, to be ended by iommufd_ioas_release(); or -EFAULT, -ENOMEM, -EINTR
 * and the like from pinning.
 */
int iommufd_ioas_hold(struct ioas *ioas)
{
	bool all;
	int rc;

	rc = down_write_killable(ioas_lock(ioas));
	if (rc)
		return rc;
	/* Another attach that is on its way may have come no further than this. */
	all = list_empty(&ioas->tables);
	iommufd_ioas_need(ioas);
	up_write(ioas_lock(ioas));
	rc = all ? use_all(ioas) : 0;
	if (rc)
		iommufd_ioas_release(ioas);
	return rc;
}

/**
 * iommufd_ioas_release - the opposite of iommufd_ioas_hold()
 * @ioas: the IOAS; unpinned if there is no page table
 */
void iommufd_ioas_release(struct ioas *ioas)
{
	down_write(ioas_lock(ioas));
	iommufd_ioas_unneed(ioas);
	up_write(ioas_lock(ioas));
	iommufd_ioas_settle(ioas);
}
