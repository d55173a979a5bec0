/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Pinned memory: user memory, a file, or a device BAR, as runs of pages.
 */
#ifndef IOMMUFD_PIN_H
#define IOMMUFD_PIN_H

#include <linux/mutex.h>
#include <linux/refcount.h>

#include "area.h"
#include "runs.h"

struct account;
struct bar_owner;
struct file;
struct iommufd_ctx;
struct page;
struct sparse;

/**
 * struct pinned - memory from one origin
 * @refs: areas, and commands that are making one
 * @writable: pinned for writing
 * @mark: CHANGE_PROCESS has seen it
 * @lock: protects everything below it that changes. Taken inside the locks of an
 *	IOAS, outside the mmap lock.
 * @ctx: the context it was mapped in
 * @file: the origin, if it is a file, else NULL
 * @start: page-aligned user address in @account->mm, or offset in @file
 * @npages: length
 * @account: who pays
 * @uses: how often it is used as a whole, plus one for every page that an
 *	in-kernel user has pinned meanwhile. Not 0: @runs is filled, and does not
 *	change.
 * @runs: the memory, while @uses is not 0
 * @sparse: while @uses is 0: single pages that in-kernel users have pinned, or
 *	NULL
 * @owner: the device whose BAR the memory is, if it has been found to be one;
 *	stays, since nothing else may appear at these addresses later
 * @area: room for the area that it is mapped by first, so that a small mapping
 *	is one allocation
 */
struct pinned {
	refcount_t refs;
	bool writable;
	bool mark;
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

/**
 * struct pinned_stock - what is needed for many pieces of memory
 * @ctx: the context that maps them
 * @account: who pays
 * @mem: allocated for them in one go
 * @nr: how many of @mem are left
 */
struct pinned_stock {
	struct iommufd_ctx *ctx;
	struct account *account;
	unsigned int nr;
	void **mem;
};

int pinned_stock_open(struct pinned_stock *stock, struct iommufd_ctx *ctx,
		      void **mem, unsigned int nr);
struct pinned *pinned_from_stock(struct pinned_stock *stock, unsigned long uptr,
				 unsigned long length, bool writable);
void pinned_stock_close(struct pinned_stock *stock);

struct pinned *pinned_from_user(struct iommufd_ctx *ctx, unsigned long uptr,
				unsigned long length, bool writable,
				bool charge_process);
struct pinned *pinned_from_file(struct iommufd_ctx *ctx, struct file *file,
				unsigned long start, unsigned long length,
				bool writable);
void pinned_put(struct pinned *pinned);
void pinned_forget_spare(struct iommufd_ctx *ctx);
bool pinned_put_last(struct pinned *pinned);
void pinned_free_many(struct pinned **pinned, unsigned int n);

static inline void pinned_get(struct pinned *pinned)
{
	refcount_inc(&pinned->refs);
}

/* Device memory, not pages: known while it is in use. */
static inline bool pinned_is_bar(const struct pinned *pinned)
{
	return pinned->owner;
}

int pinned_use(struct pinned *pinned);
struct area *pinned_row(struct area *area);
int pinned_use_row(struct area *area, const struct area *end);
void pinned_use_again(struct pinned *pinned);
int pinned_lend(struct pinned *pinned, bool *lent);
void pinned_unuse(struct pinned *pinned);
void pinned_drop_uses(struct pinned *pinned, unsigned long n);

int pinned_pin(struct pinned *pinned, unsigned long first,
	       unsigned long npages, struct page **pages);
void pinned_unpin(struct pinned *pinned, unsigned long first,
		  unsigned long npages);
int pinned_rw(struct pinned *pinned, unsigned long offset, void *data,
	      unsigned long length, bool write);

unsigned long pinned_change_cost(const struct pinned *pinned,
				 const struct account *account);
void pinned_change_account(struct pinned *pinned, struct account *account);

int pinned_cache_init(void);
void pinned_cache_exit(void);

#endif
