/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Pinned memory: user memory, a file, or a device BAR, as runs of pages.
 */
#ifndef IOMMUFD_PIN_H
#define IOMMUFD_PIN_H

#include <linux/mutex.h>
#include <linux/overflow.h>
#include <linux/refcount.h>

#include "memory/charge.h"
#include "memory/gather.h"
#include "memory/runs.h"
#include "space/area.h"

struct bar_owner;
struct file;
struct iommufd_ctx;
struct page;
struct sparse;

/**
 * struct pinned - memory from one origin
 * @refs: areas, but for those of nested IOASes, and commands that are making one
 * @writable: pinned for writing
 * @mark: CHANGE_PROCESS has seen it
 * @busy: somebody fills or empties @runs, without the lock; then @uses is 0, but
 *	for the uses that he finds when he has filled them
 * @lock: protects everything below it that changes, and @busy. Taken inside the
 *	locks of an IOAS. Never held while anything is pinned, or while the mmap
 *	lock is taken.
 * @ctx: the context it was mapped in
 * @file: the origin, if it is a file, else NULL
 * @start: page-aligned user address in @account->mm, or offset in @file
 * @npages: length
 * @account: who pays
 * @uses: how often it is used as a whole, plus one for every page that an
 *	in-kernel user has pinned meanwhile. Not 0: @runs is filled, and does not
 *	change.
 * @runs: the memory, while @uses is not 0; a BAR once it has been found
 * @sparse: while @uses is 0: single pages that in-kernel users have pinned, or
 *	NULL
 * @owner: the device whose BAR the memory is, if it has been found to be one;
 *	stays, since nothing else may appear at these addresses later
 * @area: room for the area that it is mapped by first, so that a small mapping
 *	is one allocation
 *
 * A structure that stands for nothing has one reference and an account, and all
 * else that pinned_set() does not set is as the constructor has made it.
 */
struct pinned {
	refcount_t refs;
	bool writable;
	bool mark;
	bool busy;
	struct mutex lock;
	struct iommufd_ctx *ctx;
	struct file *file;
	unsigned long start;
	unsigned long npages;
	struct account *account;
	unsigned long uses;
	struct runs runs;
	struct sparse *sparse;
	struct bar_owner *owner;
	struct area area;
};

int pinned_alloc_many(struct iommufd_ctx *ctx, void **mem, unsigned int nr);
void pinned_free_many(void **mem, unsigned int nr);
int pinned_renew_account(struct pinned *pinned, bool process);
struct pinned *pinned_from_file(struct iommufd_ctx *ctx, struct file *file,
				unsigned long start, unsigned long length,
				bool writable);
bool pinned_finish(struct pinned *pinned);
void pinned_put(struct pinned *pinned);

/**
 * pinned_check_range - can there be such memory? Whole pages have to have an end, too
 * @start: the first byte
 * @length: bytes
 *
 * Return: 0, -EINVAL (no length), -EOVERFLOW.
 */
static inline int pinned_check_range(unsigned long start, unsigned long length)
{
	unsigned long end;

	if (!length || length > ULONG_MAX - PAGE_SIZE)
		return -EINVAL;
	if (check_add_overflow(start, length, &end) || PAGE_ALIGN(end) < end)
		return -EOVERFLOW;
	return 0;
}

/**
 * pinned_claim - have a free structure on the account of the current process
 * @pinned: from pinned_alloc_many(), or left by pinned_retire()
 * @process: charge the process and not the user
 *
 * Return: 0 or -ENOMEM.
 */
static inline int pinned_claim(struct pinned *pinned, bool process)
{
	if (account_is_ours(pinned->account, process))
		return 0;
	return pinned_renew_account(pinned, process);
}

/**
 * pinned_set - let a free structure stand for memory of the current process
 * @pinned: after pinned_claim()
 * @uptr: user address, need not be aligned; pinned_check_range() is content
 * @length: bytes
 * @writable: devices may write to it
 *
 * Nothing is pinned or looked at yet.
 */
static inline void pinned_set(struct pinned *pinned, unsigned long uptr,
			      unsigned long length, bool writable)
{
	pinned->writable = writable;
	pinned->start = uptr & PAGE_MASK;
	pinned->npages = (PAGE_ALIGN(uptr + length) - pinned->start) >>
			 PAGE_SHIFT;
}

/*
 * Memory that only one area refers to belongs to whoever owns that area: while it is
 * AREA_BUSY, or its IOAS is locked for writing, which is when memory is used as a whole
 * or not any more, nobody else can get at it, so the lock can be left alone. So it is
 * when the last area has gone. The areas of nested IOASes are not counted, but do not
 * matter: an IOAS that has children is drained with the family's lock held for writing,
 * when none of theirs is left, and what they need is lent to them with the lock.
 *
 * It is worth 199 of 2530 instructions of a map, 143 of an unmap, and 149 of the 510
 * of an entry that is unmapped in a batch: the lock is taken twice each time, since
 * nothing is pinned or unpinned with it held.
 */
static inline bool pinned_is_private(const struct pinned *pinned)
{
	if (refcount_read(&pinned->refs) != 1)
		return false;
	/* After what others have done with it before they let go. */
	smp_acquire__after_ctrl_dep();
	return true;
}

/* More than pages of user memory that are all in use, or none. One test for all. */
static inline bool pinned_is_special(const struct pinned *pinned)
{
	return (unsigned long)pinned->file | (unsigned long)pinned->sparse |
	       (unsigned long)pinned->owner;
}

/**
 * pinned_retire - drop a reference, without freeing the structure
 * @pinned: not used any more by the caller
 *
 * Return: whether it was the last one: the structure is left to the caller, and
 * stands for nothing.
 */
static inline bool pinned_retire(struct pinned *pinned)
{
	if (!pinned_is_private(pinned)) {
		if (!refcount_dec_and_test(&pinned->refs))
			return false;
		refcount_set(&pinned->refs, 1);
	}
	if (pinned->uses || pinned_is_special(pinned))
		return pinned_finish(pinned);
	return true;
}

static inline void pinned_get(struct pinned *pinned)
{
	refcount_inc(&pinned->refs);
}

/* Device memory, not pages: known while it is in use. */
static inline bool pinned_is_bar(const struct pinned *pinned)
{
	return pinned->owner;
}

int pinned_use_first(struct pinned *pinned);
int pinned_use_shared(struct pinned *pinned);
struct area *pinned_row(const struct area *area, unsigned long *npages);
int pinned_use_row(struct area *area, const struct area *end,
		   unsigned long npages);
void pinned_use_again(struct pinned *pinned);
void pinned_unuse_shared(struct pinned *pinned);
bool pinned_drop_uses(struct pinned *pinned, unsigned long n);
void pinned_empty(struct pinned *pinned);

int pinned_pin(struct pinned *pinned, unsigned long first,
	       unsigned long npages, struct page **pages);
void pinned_unpin(struct pinned *pinned, unsigned long first,
		  unsigned long npages);
int pinned_rw(struct pinned *pinned, unsigned long offset, void *data,
	      unsigned long length, bool write);

/**
 * pinned_use - have all of the memory pinned, and its runs stay
 * @pinned: the memory
 *
 * Return: 0, or with nothing changed -EFAULT (memory that is not there, cannot
 * be written to, or is a BAR of a device that is not bound to the context, or not
 * the pages that an in-kernel user has), -EINVAL (behind the end of the file, or a
 * hole that cannot be filled), -EHWPOISON (failed memory of a file),
 * -ENXIO (a BAR whose device has been unbound since it was first used), -ENOMEM
 * (or above the limit of locked memory), -EINTR on a fatal signal.
 */
static inline int pinned_use(struct pinned *pinned)
{
	if (pinned_is_private(pinned) && !pinned->uses &&
	    !pinned_is_special(pinned))
		return pinned_use_first(pinned);
	return pinned_use_shared(pinned);
}

/**
 * pinned_unuse_page - pinned_unuse() of what most small mappings are
 * @pinned: memory in use
 *
 * Return: whether it was that: then the caller has to uncharge one page.
 */
static inline bool pinned_unuse_page(struct pinned *pinned)
{
	if (pinned->uses != 1 || !pinned_is_private(pinned) ||
	    !runs_are_page(&pinned->runs) || pinned->owner)
		return false;
	release_page(run_pfn(runs_one(&pinned->runs)), pinned->writable);
	runs_forget_one(&pinned->runs);
	pinned->uses = 0;
	return true;
}

/**
 * pinned_unuse - the opposite of pinned_use()
 * @pinned: memory in use; unpinned when this was the last use
 */
static inline void pinned_unuse(struct pinned *pinned)
{
	if (pinned_unuse_page(pinned))
		account_uncharge(pinned->account, 1);
	else
		pinned_unuse_shared(pinned);
}

unsigned long pinned_change_cost(const struct pinned *pinned,
				 const struct account *account);
void pinned_change_account(struct pinned *pinned, struct account *account);

int pinned_cache_init(void);
void pinned_cache_exit(void);

#endif
