/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Pinned memory: user memory, a file, or a device BAR, as runs of pages.
 */
#ifndef IOMMUFD_PIN_H
#define IOMMUFD_PIN_H

#include <linux/mutex.h>
#include <linux/refcount.h>
#include <linux/xarray.h>

#include "charge.h"
#include "runs.h"

struct bar_owner;
struct file;
struct iommufd_ctx;
struct page;

/**
 * struct pinned - memory from one origin
 * @refs: areas, and commands that are making one
 * @lock: protects everything below it that changes. Taken inside the locks of an
 *	IOAS, outside the mmap lock.
 * @ctx: the context it was mapped in
 * @file: the origin, if it is a file, else NULL
 * @start: page-aligned user address in @charge.mm, or offset in @file
 * @npages: length
 * @charge: who pays
 * @uses: how often it is used as a whole, plus one for every page that an
 *	in-kernel user has pinned meanwhile. Not 0: @runs is filled, and does not
 *	change.
 * @runs: the memory, while @uses is not 0
 * @sparse: while @uses is 0: single pages that in-kernel users have pinned,
 *	by index, see struct sparse in pin.c
 * @nsparse: how many
 * @owner: the device whose BAR the runs are, if they are one
 * @mark: CHANGE_PROCESS has seen it
 * @writable: pinned for writing
 */
struct pinned {
	refcount_t refs;
	struct mutex lock;
	struct iommufd_ctx *ctx;
	struct file *file;
	unsigned long start;
	unsigned long npages;
	struct charge charge;
	unsigned long uses;
	struct runs runs;
	struct xarray sparse;
	unsigned long nsparse;
	const struct bar_owner *owner;
	bool mark;
	bool writable;
};

struct pinned *pinned_from_user(struct iommufd_ctx *ctx, unsigned long uptr,
				unsigned long length, bool writable,
				bool charge_process);
struct pinned *pinned_from_file(struct iommufd_ctx *ctx, struct file *file,
				unsigned long start, unsigned long length,
				bool writable);
void pinned_put(struct pinned *pinned);

static inline void pinned_get(struct pinned *pinned)
{
	refcount_inc(&pinned->refs);
}

int pinned_use(struct pinned *pinned);
void pinned_use_again(struct pinned *pinned);
void pinned_unuse(struct pinned *pinned);

int pinned_pin(struct pinned *pinned, unsigned long first,
	       unsigned long npages, struct page **pages);
void pinned_unpin(struct pinned *pinned, unsigned long first,
		  unsigned long npages);
int pinned_rw(struct pinned *pinned, unsigned long offset, void *data,
	      unsigned long length, bool write);

unsigned long pinned_charged(const struct pinned *pinned);
void pinned_change_charge(struct pinned *pinned, const struct charge *charge);

int pinned_cache_init(void);
void pinned_cache_exit(void);

#endif
