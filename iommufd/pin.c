// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pinned memory.
 *
 * A struct pinned stands for memory from one origin, for as long as any area
 * refers to it. It is empty until somebody needs the memory. Then there are two
 * ways of having it:
 *
 * whole	an IOAS with page tables uses it (pinned_use()). All of it is
 *		pinned and kept as runs until the last use is gone. Copies, second
 *		domains and in-kernel users share the runs: nothing is pinned or
 *		charged twice.
 * sparse	only in-kernel users (mediated devices) have asked for single
 *		pages of it. Those, and no others, are pinned, one by one.
 *
 * When sparse memory is used as a whole, the pins of the pages become uses of the
 * whole. There is no way back: while an in-kernel user keeps a page, the whole
 * stays. Should the user have replaced such a page meanwhile, so that a device
 * would see another page than the in-kernel user has, the use fails.
 *
 * Pages are always pinned for writing if the mapping allows writing at all, and
 * marked dirty when they are unpinned.
 */
#include <linux/file.h>
#include <linux/overflow.h>
#include <linux/pagemap.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include "bar.h"
#include "charge.h"
#include "gather.h"
#include "object.h"
#include "pin.h"
#include "reason.h"
#include "sparse.h"

/* So few pages are pinned with the pointers on the stack. */
#define PIN_FEW		16

static struct kmem_cache *pinned_cache;

/* Whole pages have to have an end, too. */
static int check_range(unsigned long start, unsigned long length)
{
	unsigned long end;

	if (!length || length > ULONG_MAX - PAGE_SIZE)
		return -EINVAL;
	if (check_add_overflow(start, length, &end) || PAGE_ALIGN(end) < end)
		return -EOVERFLOW;
	return 0;
}

/* Takes over the reference on the account. */
static void pinned_init(struct pinned *pinned, struct iommufd_ctx *ctx,
			struct account *account, unsigned long start,
			unsigned long length, bool writable)
{
	refcount_set(&pinned->refs, 1);
	pinned->writable = writable;
	pinned->mark = false;
	pinned->ctx = ctx;
	pinned->file = NULL;
	pinned->start = start & PAGE_MASK;
	pinned->npages = (PAGE_ALIGN(start + length) - pinned->start) >>
			 PAGE_SHIFT;
	pinned->account = account;
	pinned->uses = 0;
	runs_init(&pinned->runs);
	pinned->sparse = NULL;
	pinned->owner = NULL;
}

/*
 * A driver that maps a buffer for each transfer maps and unmaps in turn. So a
 * context keeps the structure that has become free last, with the account that it
 * was charged to. Not where KASAN is to see who still uses it.
 */
static bool keeps_spare(void)
{
	return !IS_ENABLED(CONFIG_KASAN);
}

static noinline struct pinned *pinned_alloc_new(struct iommufd_ctx *ctx,
						bool charge_process)
{
	struct account *account = account_get(ctx, charge_process);
	struct pinned *pinned;

	if (!account)
		return NULL;
	pinned = kmem_cache_alloc(pinned_cache, GFP_KERNEL_ACCOUNT);
	if (pinned)
		pinned->account = account;
	else
		account_put(account);
	return pinned;
}

static void pinned_free(struct pinned *pinned)
{
	account_put(pinned->account);
	kmem_cache_free(pinned_cache, pinned);
}

static inline struct pinned *pinned_alloc(struct iommufd_ctx *ctx,
					  unsigned long start,
					  unsigned long length, bool writable,
					  bool charge_process)
{
	struct pinned *pinned = NULL;
	int rc = check_range(start, length);

	if (unlikely(rc))
		return ERR_PTR(rc);
	if (READ_ONCE(ctx->spare))
		pinned = xchg(&ctx->spare, NULL);
	if (pinned && unlikely(!account_is_ours(pinned->account,
						charge_process))) {
		pinned_free(pinned);
		pinned = NULL;
	}
	if (!pinned) {
		pinned = pinned_alloc_new(ctx, charge_process);
		if (!pinned)
			return ERR_PTR(-ENOMEM);
	}
	pinned_init(pinned, ctx, pinned->account, start, length, writable);
	return pinned;
}

/**
 * pinned_forget_spare - a context is going
 * @ctx: the context, with nothing mapped
 */
void pinned_forget_spare(struct iommufd_ctx *ctx)
{
	if (ctx->spare)
		pinned_free(ctx->spare);
}

/**
 * pinned_from_user - memory of the current process
 * @ctx: the context that maps it
 * @uptr: user address, need not be aligned
 * @length: bytes
 * @writable: devices may write to it
 * @charge_process: charge the process whatever the context's option says
 *
 * Nothing is pinned or looked at yet.
 *
 * Return: the memory, with one reference; or -EINVAL (no length), -EOVERFLOW,
 * -ENOMEM.
 */
struct pinned *pinned_from_user(struct iommufd_ctx *ctx, unsigned long uptr,
				unsigned long length, bool writable,
				bool charge_process)
{
	return pinned_alloc(ctx, uptr, length, writable,
			    charge_process || ctx->charge_process);
}

/**
 * pinned_stock_open - get ready for many pieces of memory of the current process
 * @stock: to be filled
 * @ctx: the context that maps them
 * @mem: room for @nr pointers
 * @nr: how many pieces at the most
 *
 * Return: 0 or -ENOMEM.
 */
int pinned_stock_open(struct pinned_stock *stock, struct iommufd_ctx *ctx,
		      void **mem, unsigned int nr)
{
	stock->ctx = ctx;
	stock->mem = mem;
	stock->account = account_get(ctx, ctx->charge_process);
	if (!stock->account)
		return -ENOMEM;
	stock->nr = kmem_cache_alloc_bulk(pinned_cache, GFP_KERNEL_ACCOUNT, nr,
					  mem);
	if (stock->nr != nr) {
		account_put(stock->account);
		return -ENOMEM;
	}
	/* One reference for each piece, and ours. */
	refcount_add(nr, &stock->account->refs);
	return 0;
}

/**
 * pinned_from_stock - pinned_from_user() for one piece of many
 * @stock: with something left
 * @uptr: see there, as for the rest
 * @length: .
 * @writable: .
 */
struct pinned *pinned_from_stock(struct pinned_stock *stock, unsigned long uptr,
				 unsigned long length, bool writable)
{
	struct pinned *pinned;
	int rc = check_range(uptr, length);

	if (rc)
		return ERR_PTR(rc);
	pinned = stock->mem[--stock->nr];
	pinned_init(pinned, stock->ctx, stock->account, uptr, length, writable);
	return pinned;
}

/**
 * pinned_stock_close - give back what has not been used
 * @stock: from pinned_stock_open()
 */
void pinned_stock_close(struct pinned_stock *stock)
{
	if (stock->nr)
		kmem_cache_free_bulk(pinned_cache, stock->nr, stock->mem);
	if (refcount_sub_and_test(stock->nr + 1, &stock->account->refs))
		account_free(stock->account);
}

/**
 * pinned_from_file - memory of a memfd, a shmem or a hugetlbfs file
 * @ctx: the context that maps it
 * @file: the file; the memory takes a reference of its own
 * @start: offset in bytes, need not be aligned
 * @length: bytes
 * @writable: devices may write to it
 *
 * Return: the memory, with one reference; or -EINVAL (no length, or a file of
 * another kind), -EPERM (not open for writing, or sealed against it),
 * -EOVERFLOW, -ENOMEM.
 */
struct pinned *pinned_from_file(struct iommufd_ctx *ctx, struct file *file,
				unsigned long start, unsigned long length,
				bool writable)
{
	struct pinned *pinned;
	int rc = gather_check_file(file, writable);

	if (rc)
		return ERR_PTR(rc);
	if (length > (unsigned long)MAX_LFS_FILESIZE ||
	    start > MAX_LFS_FILESIZE - length)
		return ERR_PTR(-EOVERFLOW);
	pinned = pinned_alloc(ctx, start, length, writable,
			      ctx->charge_process);
	if (!IS_ERR(pinned))
		pinned->file = get_file(file);
	return pinned;
}

/* The last reference is gone; the structure and the account stay. */
static inline void pinned_finish(struct pinned *pinned)
{
	WARN_ON(pinned->uses || pinned->sparse);
	if (unlikely(pinned->file))
		fput(pinned->file);
	if (unlikely(pinned->owner))
		bar_owner_put(pinned->owner);
}

/**
 * pinned_put_last - drop a reference, without freeing the structure
 * @pinned: not used any more by the caller
 *
 * Return: whether it was the last one: the structure is left to the caller.
 */
bool pinned_put_last(struct pinned *pinned)
{
	if (!refcount_dec_and_test(&pinned->refs))
		return false;
	pinned_finish(pinned);
	account_put(pinned->account);
	return true;
}

/**
 * pinned_put - drop a reference
 * @pinned: not used any more by the caller
 */
void pinned_put(struct pinned *pinned)
{
	if (!refcount_dec_and_test(&pinned->refs))
		return;
	pinned_finish(pinned);
	if (keeps_spare() && !READ_ONCE(pinned->ctx->spare))
		pinned = xchg(&pinned->ctx->spare, pinned);
	if (pinned)
		pinned_free(pinned);
}

/**
 * pinned_free_many - free structures that pinned_put_last() has left
 * @pinned: the structures
 * @n: how many, at least 1
 */
void pinned_free_many(struct pinned **pinned, unsigned int n)
{
	kmem_cache_free_bulk(pinned_cache, n, (void **)pinned);
}

/* Arrays on the stack are zeroed by the kernel at every call: not for one page. */
static inline int fill_page(struct pinned *pinned)
{
	long pfn = gather_user_page(pinned->account->mm, pinned->start,
				    pinned->writable);

	if (unlikely(pfn < 0))
		return pfn;
	runs_set_one(&pinned->runs, pfn, 1);
	return 0;
}

static noinline int fill_pages(struct pinned *pinned)
{
	struct page *few[PIN_FEW];
	struct gather gather = {
		.runs = &pinned->runs,
		.mm = pinned->account->mm,
		.start = pinned->start,
		.writable = pinned->writable,
		.pages = few,
		.batch = PIN_FEW,
	};
	int rc;

	if (pinned->npages > PIN_FEW) {
		gather.pages = gather_scratch();
		gather.batch = GATHER_BATCH;
		if (!gather.pages)
			return -ENOMEM;
	}
	if (pinned->file)
		rc = gather_file(&gather, pinned->file, pinned->start,
				 pinned->npages, true);
	else
		rc = gather_user(&gather, pinned->npages);
	if (gather.pages != few)
		gather_scratch_free(gather.pages);
	return rc;
}

/* User memory that cannot be pinned may be a BAR, for which nobody pays. */
static int fill_bar(struct pinned *pinned)
{
	struct mm_struct *mm = pinned->account->mm;
	struct bar_owner *was = pinned->owner;
	int rc;

	if (!mmget_not_zero(mm))
		return -EFAULT;
	rc = bar_resolve(pinned->ctx, mm, pinned->start, pinned->npages,
			 pinned->writable, &pinned->runs, &pinned->owner);
	mmput(mm);
	if (!rc)
		bar_owner_put(was);
	return rc;
}

/* Say which memory it was, and the limit if it was that. */
static noinline int explain(const struct pinned *pinned, int rc)
{
	const char *of = pinned->file ? "file offset" : "user address";

	if (rc == -ENOMEM && pinned->account->to != CHARGE_NOBODY)
		return reason_note(pinned->ctx, rc,
				   "%lu pages at %s %#lx cannot be pinned: RLIMIT_MEMLOCK of the %s allows %lu in all, or memory is short",
				   pinned->npages, of, pinned->start,
				   pinned->account->to == CHARGE_USER ?
				   "user" : "process", pinned->account->limit);
	if (rc == -EFAULT)
		return reason_note(pinned->ctx, rc,
				   "%lu pages at %s %#lx cannot be pinned%s: not there, not %s, or the BAR of a device that is not bound here",
				   pinned->npages, of, pinned->start,
				   pinned->writable ? " for writing" : "",
				   pinned->writable ? "writable" : "readable");
	return rc;
}

/* Could not be paid for, or not be pinned; or has to match what is sparse. */
static noinline int pinned_fill_failed(struct pinned *pinned, int rc)
{
	bool nothing = !pinned->file && !pinned->sparse &&
		       !pinned->runs.npages;
	int bar_rc;

	release_runs(&pinned->runs, pinned->writable);
	/* Neither could a BAR be pinned, nor would it have to be paid for. */
	if (nothing && (rc == -EFAULT || rc == -ENOMEM)) {
		bar_rc = fill_bar(pinned);
		if (bar_rc != -EFAULT)
			return bar_rc;
	}
	return explain(pinned, rc);
}

static int pinned_fill(struct pinned *pinned)
{
	unsigned long cost = pinned->npages - sparse_nr(pinned);
	int rc;

	if (unlikely(pinned->owner))
		return fill_bar(pinned);
	rc = account_charge(pinned->account, cost);
	if (unlikely(rc))
		return pinned_fill_failed(pinned, rc);
	rc = pinned->npages == 1 && !pinned->file ? fill_page(pinned) :
						    fill_pages(pinned);
	if (!rc && unlikely(pinned->sparse)) {
		rc = sparse_match(pinned);
		if (!rc)
			sparse_absorb(pinned);
	}
	if (likely(!rc))
		return 0;
	account_uncharge(pinned->account, cost);
	return pinned_fill_failed(pinned, rc);
}

static inline void pinned_empty(struct pinned *pinned)
{
	struct runs *runs = &pinned->runs;
	struct page *page;

	if (unlikely(pinned->owner)) {
		runs_free(runs);
		return;
	}
	/* Some pages, each with a pin: the short way. */
	if (runs_are_one(runs) && !(runs_one(runs) & RUN_BY_FOLIO) &&
	    runs->npages <= GATHER_BATCH) {
		page = pfn_to_page(run_pfn(runs_one(runs)));
		unpin_user_page_range_dirty_lock(page, run_pages(runs_one(runs)),
						 pinned->writable);
		runs_init(runs);
	} else {
		release_runs(runs, pinned->writable);
	}
	account_uncharge(pinned->account, pinned->npages);
}

/*
 * Memory that only one area refers to is nobody else's business while that area
 * is AREA_BUSY, or its IOAS locked for writing, which is when it is used as a
 * whole or not any more: then the lock can be left alone.
 */
static bool pinned_lock_shared(struct pinned *pinned)
{
	if (refcount_read(&pinned->refs) == 1) {
		/* After what others have done with it before they let go. */
		smp_acquire__after_ctrl_dep();
		return false;
	}
	mutex_lock(&pinned->lock);
	return true;
}

static inline int use_locked(struct pinned *pinned)
{
	int rc = 0;

	/* In use or not: the revocation may have been where this use is to be. */
	if (pinned->owner && bar_owner_retired(pinned->owner))
		return -ENXIO;
	if (!pinned->uses)
		rc = pinned_fill(pinned);
	if (!rc)
		pinned->uses++;
	return rc;
}

/**
 * pinned_use - have all of the memory pinned, and its runs stay
 * @pinned: the memory
 *
 * Return: 0, or with nothing changed -EFAULT (memory that is not there, cannot
 * be written to, or is a BAR of a device that is not bound to the context),
 * -ENXIO (a BAR whose device has been unbound since it was first used), -ENOMEM
 * (or above the limit of locked memory), -EINTR on a fatal signal.
 */
int pinned_use(struct pinned *pinned)
{
	bool locked = pinned_lock_shared(pinned);
	int rc;

	rc = use_locked(pinned);
	if (locked)
		mutex_unlock(&pinned->lock);
	return rc;
}

/**
 * pinned_lend - one use for many who come and go
 * @pinned: the memory
 * @lent: whether there is that use; set. Can be read without a lock, and what the
 *	use has changed is seen by who finds it set.
 *
 * Return: as pinned_use(), also if the use has been there already.
 */
int pinned_lend(struct pinned *pinned, bool *lent)
{
	int rc;

	/* Not the only one who refers to it: with the lock. */
	rc = pinned_use(pinned);
	if (rc)
		return rc;
	mutex_lock(&pinned->lock);
	if (*lent)
		pinned->uses--;
	else
		smp_store_release(lent, true);	/* see nested_use() */
	mutex_unlock(&pinned->lock);
	return 0;
}

/* User memory that nobody but a new area knows, and not much of it. */
static bool row_fits(const struct area *area)
{
	const struct pinned *pinned = area->pinned;

	return area->embedded && !pinned->file &&
	       pinned->account->mm == current->mm &&
	       refcount_read(&pinned->refs) == 1 &&
	       pinned->npages <= PIN_FEW;
}

/**
 * pinned_row - how many areas' memory is one stretch?
 * @area: the first of a chain of new areas
 *
 * Return: the area, or NULL, behind the last one of which pinned_use_row() can
 * use the memory together with that of @area.
 */
struct area *pinned_row(struct area *area)
{
	const struct pinned *first = area->pinned;
	unsigned long npages = first->npages;
	struct area *end = area->chain;

	for (; end; end = end->chain) {
		const struct pinned *pinned = end->pinned;

		if (pinned->start != first->start + npages * PAGE_SIZE ||
		    pinned->writable != first->writable ||
		    pinned->account != first->account)
			break;
		npages += pinned->npages;
		if (npages > GATHER_BATCH || !row_fits(end))
			break;
	}
	return end == area->chain || row_fits(area) ? end : area->chain;
}

static int row_deal(struct area *area, const struct area *end,
		    struct page **pages)
{
	int rc = 0;

	for (; area != end; area = area->chain) {
		unsigned long n = area->pinned->npages;

		if (unlikely(rc))
			unpin_user_pages(pages, n);
		else if (n == 1)
			runs_set_one(&area->pinned->runs, page_to_pfn(*pages),
				     1);
		else
			rc = gather_add(&area->pinned->runs, pages, n);
		pages += n;
	}
	return rc;
}

/**
 * pinned_use_row - pinned_use() of many small pieces of memory at once
 * @area: the first area
 * @end: from pinned_row()
 *
 * Return: 0, or with nothing changed an errno of pinned_use(), which may be that
 * of any of them.
 */
int pinned_use_row(struct area *area, const struct area *end)
{
	struct account *account = area->pinned->account;
	const struct pinned *first = area->pinned;
	struct area *each;
	struct page **pages;
	unsigned long npages = 0;
	int rc;

	for (each = area; each != end; each = each->chain)
		npages += each->pinned->npages;
	pages = gather_scratch();
	if (!pages)
		return -ENOMEM;
	rc = account_charge(account, npages);
	if (rc)
		goto out_pages;
	rc = gather_user_pages(account->mm, first->start, npages,
			       first->writable, pages);
	if (!rc) {
		rc = row_deal(area, end, pages);
		for (each = area; each != end; each = each->chain) {
			if (rc)
				release_runs(&each->pinned->runs,
					     first->writable);
			else
				each->pinned->uses = 1;
		}
	}
	if (rc)
		account_uncharge(account, npages);
out_pages:
	gather_scratch_free(pages);
	return rc;
}

/**
 * pinned_use_again - one more use, by somebody who has one already
 * @pinned: memory in use
 */
void pinned_use_again(struct pinned *pinned)
{
	mutex_lock(&pinned->lock);
	pinned->uses++;
	mutex_unlock(&pinned->lock);
}

/**
 * pinned_drop_uses - pinned_unuse() several times, with the lock held
 * @pinned: memory in use
 * @n: how often
 */
void pinned_drop_uses(struct pinned *pinned, unsigned long n)
{
	if (WARN_ON(pinned->uses < n))
		return;
	pinned->uses -= n;
	if (!pinned->uses)
		pinned_empty(pinned);
}

/**
 * pinned_unuse - the opposite of pinned_use()
 * @pinned: memory in use; unpinned when this was the last use
 */
void pinned_unuse(struct pinned *pinned)
{
	bool locked = pinned_lock_shared(pinned);

	pinned_drop_uses(pinned, 1);
	if (locked)
		mutex_unlock(&pinned->lock);
}

/**
 * pinned_change_cost - what it takes to move the memory to another account
 * @pinned: the memory; the caller keeps everybody from changing it
 * @account: the account
 *
 * Return: the pages that @account is to be charged for.
 */
unsigned long pinned_change_cost(const struct pinned *pinned,
				 const struct account *account)
{
	if (pinned->owner || account_same(pinned->account, account))
		return 0;
	return pinned->uses ? pinned->npages : sparse_nr(pinned);
}

/**
 * pinned_change_account - move the memory to another account
 * @pinned: memory of a file, which the caller keeps from being changed
 * @account: has been charged for pinned_change_cost() already; the memory takes a
 *	reference of its own
 */
void pinned_change_account(struct pinned *pinned, struct account *account)
{
	account_uncharge(pinned->account,
			 pinned_change_cost(pinned, account));
	account_put(pinned->account);
	refcount_inc(&account->refs);
	pinned->account = account;
}

/* What is the same for every user of the memory: the lock is free. */
static void pinned_construct(void *mem)
{
	struct pinned *pinned = mem;

	mutex_init(&pinned->lock);
	area_construct(&pinned->area);
}

/**
 * pinned_cache_init - at module load
 *
 * Return: 0 or -ENOMEM.
 */
int pinned_cache_init(void)
{
	pinned_cache = kmem_cache_create("iommufd_pinned",
					 sizeof(struct pinned), 0,
					 SLAB_ACCOUNT, pinned_construct);
	return pinned_cache ? 0 : -ENOMEM;
}

/**
 * pinned_cache_exit - at module unload, with no memory pinned
 */
void pinned_cache_exit(void)
{
	kmem_cache_destroy(pinned_cache);
}
