// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mapping memory into an I/O address space.
 *
 * Life of a mapping: first its range is taken in the tree (AREA_BUSY), so that no
 * other map of the same range can go on; then the caller is told the IOVA, and the
 * memory is pinned, both without any lock; then the page tables are filled, with no lock
 * that another range needs, and the area is AREA_READY. An IOAS without page tables
 * skips the steps between: nothing is pinned before a device needs it. A mapping in a
 * nested IOAS pins nothing itself, and keeps the family locked. The way back is in
 * unmap.c; what both do to page tables is in load.c.
 *
 * The caller is told before others can see the mapping, since one that he cannot be
 * told of is not to stay. Later it could only be undone by its IOVA, where another
 * thread may have mappings of its own by then.
 */
#include <linux/iommu.h>
#include <linux/log2.h>
#include <linux/overflow.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <uapi/linux/iommufd.h>

#include "context/reason.h"
#include "memory/pin.h"
#include "space/chain.h"
#include "space/explain.h"
#include "space/load.h"
#include "space/map.h"
#include "space/nested.h"
#include "space/stock.h"

/* Tell the caller where new areas are, if he asks. That may take for ever. */
static int tell(struct ioas *ioas, struct area *chain, u64 iova,
		u64 __user *answer)
{
	if (answer && put_user(iova, answer))
		return iommufd_chain_abandon(ioas, chain, -EFAULT);
	return 0;
}

/* Place new areas, pin their memory and map them; not in a nested IOAS. */
static int map_chain(struct ioas *ioas, struct area *chain,
		     unsigned long length, u32 flags, u64 iova,
		     u64 __user *answer)
{
	return iommufd_chain_place_or_free(ioas, chain, length, flags, &iova) ?:
		       tell(ioas, chain, iova, answer) ?:
		       iommufd_chain_load(ioas, chain);
}

/*
 * Memory of a process, or a file ----------------------------------------------
 */

/**
 * iommufd_ioas_map_new - map memory for the first time
 * @ioas: the IOAS
 * @pinned: memory that no area refers to yet; takes over the caller's reference
 * @offset: first byte to map
 * @length: bytes
 * @flags: enum iommufd_ioas_map_flags
 * @iova: see iommufd_ioas_map_slices(), also for the errors
 * @answer: .
 */
int iommufd_ioas_map_new(struct ioas *ioas, struct pinned *pinned,
			 unsigned long offset, unsigned long length, u32 flags,
			 u64 iova, u64 __user *answer)
{
	struct area *area = stock_area_of(pinned);

	chain_init(area, pinned, offset, length, chain_prot(flags));
	return map_chain(ioas, area, length, flags, iova, answer);
}

/* A new area that is placed alone, with the tree lock held, which is dropped. */
static int place_taken(struct ioas *ioas, struct area *area,
		       unsigned long length, u32 flags, u64 *iova)
{
	int rc = iommufd_chain_place(ioas, area, length, flags, iova);

	mutex_unlock(&ioas->tree_lock);
	if (rc)
		iommufd_chain_free(ioas, area);
	return rc;
}

/*
 * Most calls: a small piece of user memory. It pays to have few stack frames: those
 * of the driver and of get_user_pages(), and one of ours.
 */
static int map_user(struct ioas *ioas, unsigned long uptr, unsigned long length,
		    u32 flags, bool process, u64 iova, u64 __user *answer)
{
	struct area *area;
	int rc = pinned_check_range(uptr, length) ?: stock_lock(ioas, 1);

	if (rc)
		return iommufd_explain_source(ioas->ctx, rc, uptr, length);
	area = stock_take(ioas);
	rc = pinned_claim(area->pinned, process || ioas->ctx->charge_process);
	if (rc) {
		stock_put(ioas, area);
		mutex_unlock(&ioas->tree_lock);
		return rc;
	}
	pinned_set(area->pinned, uptr, length,
		   flags & IOMMU_IOAS_MAP_WRITEABLE);
	chain_init_embedded(area, offset_in_page(uptr), length,
			    chain_prot(flags));
	return place_taken(ioas, area, length, flags, &iova) ?:
		       tell(ioas, area, iova, answer) ?:
		       iommufd_chain_load(ioas, area);
}

/*
 * In a nested IOAS ------------------------------------------------------------
 */

/*
 * With the family locked nobody may wait for the user: he is told only if his page is
 * there. -ERESTART: it is not, and is to be made so without the lock.
 */
static int tell_locked(struct ioas *ioas, struct area *chain, u64 iova,
		       u64 __user *answer)
{
	int rc;

	if (!answer)
		return 0;
	pagefault_disable();
	rc = put_user(iova, answer);
	pagefault_enable();
	return rc ? iommufd_chain_give_up(ioas, chain, -ERESTART) : 0;
}

/* The IOAS has been locked since the look at the parent. */
static int load_nested(struct ioas *ioas, struct area *chain)
{
	struct area *area;
	unsigned int n = 0;
	int rc;

	for (area = chain; area; area = area->chain) {
		area->in_use = ioas->needs;
		if (!(++n % RESCHED_AREAS))
			cond_resched();
	}
	rc = iommufd_chain_fill(ioas, chain);
	return rc ? iommufd_chain_give_up(ioas, chain, rc) : 0;
}

/*
 * A mapping that is made of several areas, or of memory that is not pinned yet.
 * Nothing is pinned for a mapping that cannot succeed anyway.
 */
static int map_nested_many(struct ioas *ioas, unsigned long source,
			   unsigned long length, u32 flags, u64 *iova,
			   u64 __user *answer)
{
	struct area *chain;
	int rc;

	for (;;) {
		chain = iommufd_nested_chain(ioas, source, length,
					     chain_prot(flags));
		rc = PTR_ERR_OR_ZERO(chain);
		if (rc != -EAGAIN)
			break;
		rc = iommufd_chain_check_place(ioas, length, flags, *iova);
		if (!rc)
			rc = iommufd_nested_lend(ioas, source, length,
						 chain_prot(flags));
		if (rc < 0)
			break;
	}
	if (!rc)
		rc = iommufd_chain_place_or_free(ioas, chain, length, flags, iova) ?:
			     tell_locked(ioas, chain, *iova, answer) ?:
			     load_nested(ioas, chain);
	return rc;
}

static int map_nested_locked(struct ioas *ioas, unsigned long source,
			     unsigned long length, u32 flags, u64 *iova,
			     u64 __user *answer)
{
	struct area *area =
		iommufd_nested_take(ioas, source, length, chain_prot(flags));
	int rc;

	if (!area)
		return map_nested_many(ioas, source, length, flags, iova,
				       answer);
	rc = place_taken(ioas, area, length, flags, iova) ?:
		     tell_locked(ioas, area, *iova, answer);
	if (rc)
		return rc;
	area->in_use = ioas->needs;
	rc = iommufd_area_load(ioas, area);
	if (rc)
		return iommufd_chain_give_up(ioas, area, rc);
	area_set_mapped(ioas, area);
	return 0;
}

static int map_nested(struct ioas *ioas, unsigned long source,
		      unsigned long length, u32 flags, u64 iova,
		      u64 __user *answer)
{
	int rc;

	for (;;) {
		u64 at = iova;

		if (down_read_killable(ioas_lock(ioas)))
			return -EINTR;
		rc = map_nested_locked(ioas, source, length, flags, &at,
				       answer);
		up_read(ioas_lock(ioas));
		if (rc != -ERESTART)
			return rc;
		if (put_user(at, answer))
			return -EFAULT;
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}
}

/**
 * iommufd_ioas_map_source - map memory that the current process names by an address
 * @ioas: the IOAS
 * @source: user address; in a nested IOAS an IOVA of its parent
 * @length: bytes
 * @flags: enum iommufd_ioas_map_flags
 * @charge_process: charge the process whatever the context's option says
 * @iova: see iommufd_ioas_map_slices()
 * @answer: .
 *
 * Return: as iommufd_ioas_map_slices(); also -EFAULT if a part of the source is not
 * mapped in the parent.
 */
int iommufd_ioas_map_source(struct ioas *ioas, unsigned long source,
			    unsigned long length, u32 flags,
			    bool charge_process, u64 iova, u64 __user *answer)
{
	if (ioas->parent)
		return map_nested(ioas, source, length, flags, iova, answer);
	return map_user(ioas, source, length, flags, charge_process, iova,
			answer);
}

/*
 * What is mapped already, once more -------------------------------------------
 */

/* Pieces of memory that others wait for. */
#define SLICES_PORTION	1024

/* Areas for pieces of memory, not placed yet; or NULL: no memory, or a fatal signal. */
static struct area *chain_slices(struct ioas *ioas,
				 const struct ioas_slice *slices,
				 unsigned int nr, u8 prot)
{
	struct area *chain = NULL;

	while (nr--) {
		struct area *area = NULL;

		if (!fatal_signal_pending(current))
			area = iommufd_area_alloc();
		if (!area) {
			iommufd_chain_free(ioas, chain);
			return NULL;
		}
		cond_resched();
		pinned_get(slices[nr].pinned);
		chain_init(area, slices[nr].pinned, slices[nr].offset,
			   slices[nr].length, prot);
		area->chain = chain;
		chain = area;
	}
	return chain;
}

/**
 * iommufd_ioas_map_slices - map pieces of memory one after the other
 * @ioas: the IOAS
 * @slices: the pieces; on success the areas take references of their own
 * @nr: how many, at least 1
 * @flags: enum iommufd_ioas_map_flags
 * @iova: the first IOVA, if @flags fix it
 * @answer: set to the first IOVA before anybody else can see the mapping; or NULL.
 *	It may be set if the call fails, too
 *
 * Either all or nothing is mapped: nothing if @answer cannot be written (-EFAULT).
 *
 * Return: 0, -EINVAL (not aligned, or reserved), -EEXIST, -EOVERFLOW, -ENOSPC
 * (no such hole), -EPERM (writable mapping of memory that is not), -ENOMEM,
 * -EFAULT, -EINTR.
 */
int iommufd_ioas_map_slices(struct ioas *ioas, const struct ioas_slice *slices,
			    unsigned int nr, u32 flags, u64 iova,
			    u64 __user *answer)
{
	struct area *chain = chain_slices(ioas, slices, nr,
					  chain_prot(flags));
	unsigned long length = 0;
	unsigned int i;

	if (!chain)
		return -ENOMEM;
	for (i = 0; i < nr; i++) {
		length += slices[i].length;
		if (!((i + 1) % SLICES_PORTION))
			cond_resched();
	}
	return map_chain(ioas, chain, length, flags, iova, answer);
}

/**
 * struct slicer - a walk along a range that must have no hole
 * @at: the next IOVA
 * @last: the last one, inclusive
 * @slices: what is filled; NULL: they are only counted
 * @nr: how many there were so far
 * @room: of @slices
 */
struct slicer {
	unsigned long at;
	unsigned long last;
	struct ioas_slice *slices;
	unsigned int nr;
	unsigned int room;
};

/* One more. The area keeps its memory while the tree lock is held, we do from here on. */
static void slice_area(struct slicer *slicer, const struct area *area)
{
	struct ioas_slice *slice = &slicer->slices[slicer->nr];

	slice->pinned = area->pinned;
	slice->offset = area->offset + (slicer->at - area->iova);
	slice->length = min(slicer->last, area->last) - slicer->at + 1;
	pinned_get(area->pinned);
}

/*
 * Go some areas further, with the tree lock held. Returns 0 at the end of the range, 1 if
 * there is more of it, -ENOENT at a hole, -EAGAIN if there is no room.
 */
static int slice_some(struct ioas *ioas, struct slicer *slicer)
{
	const struct area *area;
	unsigned int n;

	for (n = 0; n < SLICES_PORTION; n++) {
		area = iommufd_ioas_area_at(ioas, slicer->at);
		if (!area)
			return iommufd_reason_note(ioas->ctx, -ENOENT,
						   "nothing is mapped at IOVA %#lx of IOAS %u, in the range to be copied",
						   slicer->at, ioas->obj.id);
		if (slicer->slices) {
			if (slicer->nr == slicer->room)
				return -EAGAIN;
			slice_area(slicer, area);
		}
		slicer->nr++;
		if (area->last >= slicer->last)
			return 0;
		slicer->at = area->last + 1;
	}
	return 1;
}

/* All of them; between two portions others get both locks. */
static int slice_areas(struct ioas *ioas, struct slicer *slicer)
{
	int rc;

	do {
		/* Memory that gets its second user must not lose its first one meanwhile. */
		rc = down_read_killable(ioas_lock(ioas));
		if (rc)
			return rc;
		mutex_lock(&ioas->tree_lock);
		rc = slice_some(ioas, slicer);
		mutex_unlock(&ioas->tree_lock);
		up_read(ioas_lock(ioas));
		cond_resched();
		if (rc >= 0 && fatal_signal_pending(current))
			rc = -EINTR;
	} while (rc > 0);
	return rc;
}

/**
 * iommufd_ioas_put_slices - the opposite of iommufd_ioas_get_slices()
 * @slices: the pieces
 * @nr: how many
 */
void iommufd_ioas_put_slices(struct ioas_slice *slices, unsigned int nr)
{
	while (nr--) {
		iommufd_pinned_put(slices[nr].pinned);
		if (!(nr % SLICES_PORTION))
			cond_resched();
	}
	kvfree(slices);
}

/**
 * iommufd_ioas_get_slices - what is mapped in a range, without a hole
 * @ioas: the IOAS
 * @start: first IOVA
 * @last: last IOVA, inclusive
 * @slices: set to an array with references, for iommufd_ioas_put_slices()
 * @nr: set to its length
 *
 * Who changes the range at the same time may get, of each part of it, what was there
 * before or after. What is in @slices was mapped during the call, each of it.
 *
 * Return: 0, -ENOENT (a hole), -ENOMEM, -EINTR.
 */
int iommufd_ioas_get_slices(struct ioas *ioas, unsigned long start,
			    unsigned long last, struct ioas_slice **slices,
			    unsigned int *nr)
{
	int rc;

	do {
		struct slicer count = { .at = start, .last = last };
		struct slicer get = count;

		rc = slice_areas(ioas, &count);
		if (rc)
			return rc;
		get.room = count.nr;
		get.slices = kvmalloc_array(get.room, sizeof(*get.slices),
					    GFP_KERNEL_ACCOUNT);
		if (!get.slices)
			return -ENOMEM;
		rc = slice_areas(ioas, &get);
		if (rc) {
			iommufd_ioas_put_slices(get.slices, get.nr);
		} else {
			*slices = get.slices;
			*nr = get.nr;
		}
		/* Somebody has cut the range into more areas meanwhile. */
	} while (rc == -EAGAIN);
	return rc;
}
