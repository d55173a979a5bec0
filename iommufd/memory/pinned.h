/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Pinned memory: user memory, a file, or a device BAR, as runs of pages.
 */
#ifndef IOMMUFD_PINNED_H
#define IOMMUFD_PINNED_H

#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/overflow.h>
#include <linux/refcount.h>

#include "memory/runs.h"

struct account;
struct bar_owner;
struct file;
struct iommufd_ctx;
struct sparse;

/**
 * struct pinned - memory from one origin
 * @refs: held by areas (not those of nested IOASes) and by commands that are
 *	making one
 * @writable: pinned for writing
 * @mark: CHANGE_PROCESS has seen it
 * @busy: somebody fills or empties @runs, without the lock. Then @uses is 0,
 *	except for uses absorbed from sparse pages once they are filled.
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
 *
 * It may be part of a larger structure, see iommufd_pinned_cache_init(). A structure that
 * stands for nothing has one reference and an account, and everything that
 * pinned_set() does not set is as the constructor made it.
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
};

/**
 * pinned_check_range - can there be such memory? It must not wrap, even in whole
 * pages
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
 * Memory that only one area refers to belongs to whoever owns that area. Uses begin and
 * end while the area is AREA_BUSY, or its IOAS is locked for writing: nobody else can
 * reach the memory then, so the lock is not needed. Nor is it when the last area has
 * gone. Areas of nested IOASes are not counted, but do not matter: an IOAS with
 * children is drained with the family's lock held for writing, when none of their areas
 * is left, and memory is lent to them under the lock.
 *
 * Uses also end with the IOAS locked for reading only, in unuse_portion() (hold.c): it has
 * one more reference, taken when it was locked for writing, so the memory is private to
 * nobody until that is over.
 *
 * It is worth 199 of 2530 instructions of a map, 143 of an unmap, and 149 of the 510
 * of an entry that is unmapped in a batch: the lock is taken twice each time, since
 * nothing is pinned or unpinned with it held.
 */
static inline bool pinned_is_private(const struct pinned *pinned)
{
	if (refcount_read(&pinned->refs) != 1)
		return false;
	/* After what others did with it before they dropped their references. */
	smp_acquire__after_ctrl_dep();
	return true;
}

/* Anything but plain user memory, all in use or not at all. One test for all cases. */
static inline bool pinned_is_special(const struct pinned *pinned)
{
	return (unsigned long)pinned->file | (unsigned long)pinned->sparse |
	       (unsigned long)pinned->owner;
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

#endif
