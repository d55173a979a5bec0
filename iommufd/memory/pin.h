/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Memory pinned as a whole, for page tables.
 */
#ifndef IOMMUFD_PIN_H
#define IOMMUFD_PIN_H

#include "memory/charge.h"
#include "memory/gather.h"
#include "memory/pinned.h"

struct page;

/* Up to this many pages are pinned with the pointers on the stack. */
#define PIN_FEW		16

int iommufd_pinned_alloc_many(struct iommufd_ctx *ctx, void **mem,
			      unsigned int nr);
void iommufd_pinned_free_many(void **mem, unsigned int nr);
int iommufd_pinned_renew_account(struct pinned *pinned, bool process);
struct pinned *iommufd_pinned_from_file(struct iommufd_ctx *ctx,
					struct file *file, unsigned long start,
					unsigned long length, bool writable);
struct pinned *iommufd_pinned_from_bar(struct iommufd_ctx *ctx,
				       unsigned long start,
				       unsigned long length, bool writable,
				       unsigned long pfn,
				       struct bar_owner *owner);
bool iommufd_pinned_finish(struct pinned *pinned);
void iommufd_pinned_put(struct pinned *pinned);

/**
 * pinned_claim - charge a free structure to the account of the current process
 * @pinned: from iommufd_pinned_alloc_many(), or left by pinned_retire()
 * @process: charge the process and not the user
 *
 * Return: 0 or -ENOMEM.
 */
static inline int pinned_claim(struct pinned *pinned, bool process)
{
	if (account_is_ours(pinned->account, process))
		return 0;
	return iommufd_pinned_renew_account(pinned, process);
}

/**
 * pinned_retire - drop a reference, without freeing the structure
 * @pinned: not used any more by the caller
 *
 * Return: whether it was the last one: the structure then stands for nothing,
 * and is the caller's.
 */
static inline bool pinned_retire(struct pinned *pinned)
{
	if (!pinned_is_private(pinned)) {
		if (!refcount_dec_and_test(&pinned->refs))
			return false;
		refcount_set(&pinned->refs, 1);
	}
	if (pinned->uses || pinned_is_special(pinned))
		return iommufd_pinned_finish(pinned);
	return true;
}

int iommufd_pinned_use_first(struct pinned *pinned);
int iommufd_pinned_use_shared(struct pinned *pinned);
/**
 * pinned_follows - does memory continue a row?
 * @first: the first memory of the row: new, of the current process, like @next
 * @npages: length of the row
 * @next: other memory
 *
 * A row is pinned by one get_user_pages(): memory of one stretch of addresses.
 */
static inline bool pinned_follows(const struct pinned *first,
				  unsigned long npages,
				  const struct pinned *next)
{
	return next->start == first->start + npages * PAGE_SIZE &&
	       next->writable == first->writable &&
	       next->account == first->account &&
	       /* Larger memory may be had in larger pieces. */
	       next->npages <= PIN_FEW && first->npages <= PIN_FEW &&
	       npages < GATHER_BATCH - PIN_FEW;
}

struct page **iommufd_pinned_row_begin(const struct pinned *first,
				       unsigned long npages);
int iommufd_pinned_row_deal_many(struct pinned *pinned, struct page **pages,
				 int rc);
void iommufd_pinned_row_undo(struct pinned *pinned);
void iommufd_pinned_row_end(const struct pinned *first, unsigned long npages,
			    struct page **pages, int rc);

/**
 * pinned_row_deal - give memory of a row its pages, which makes it used
 * @pinned: the memory
 * @pages: its pages
 * @rc: what this returned for the memory before, or 0. On an error the rest still
 *	takes its pages, for iommufd_pinned_row_undo().
 *
 * Return: 0 or -ENOMEM.
 */
static inline int pinned_row_deal(struct pinned *pinned, struct page **pages,
				  int rc)
{
	if (pinned->npages > 1)
		return iommufd_pinned_row_deal_many(pinned, pages, rc);
	runs_set_one(&pinned->runs, page_to_pfn(*pages), 1);
	pinned->uses = 1;
	return rc;
}

void iommufd_pinned_use_again(struct pinned *pinned);
void iommufd_pinned_unuse_shared(struct pinned *pinned);
bool iommufd_pinned_drop_uses(struct pinned *pinned, unsigned long n);
void iommufd_pinned_empty(struct pinned *pinned);

/**
 * pinned_use - have all of the memory pinned, and its runs kept
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
		return iommufd_pinned_use_first(pinned);
	return iommufd_pinned_use_shared(pinned);
}

/**
 * pinned_unuse_page - pinned_unuse() of one page, as most small mappings are
 * @pinned: memory in use
 *
 * Return: whether it was one: then the caller has to uncharge it.
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
		iommufd_pinned_unuse_shared(pinned);
}

unsigned long iommufd_pinned_change_cost(const struct pinned *pinned,
					 const struct account *account);
void iommufd_pinned_change_account(struct pinned *pinned,
				   struct account *account);

void iommufd_pinned_construct(struct pinned *pinned);
int iommufd_pinned_cache_init(size_t size, void (*construct)(void *mem));
void iommufd_pinned_cache_exit(void);

#endif
