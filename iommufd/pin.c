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
#include <linux/highmem.h>
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

/* Pages that are pinned at a time: a page full of pointers, or a few on stack. */
#define PIN_BATCH	(PAGE_SIZE / sizeof(struct page *))
#define PIN_FEW		16

static struct kmem_cache *pinned_cache;

/**
 * struct sparse - pages that in-kernel users have pinned one by one
 * @pages: by index, a value: the PFN, and how often the page is pinned
 * @nr: how many pages
 */
struct sparse {
	struct xarray pages;
	unsigned long nr;
};

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

#define SPARSE_COUNT_BITS	22
#define SPARSE_COUNT_MAX	((1UL << SPARSE_COUNT_BITS) - 1)

static void *sparse_value(unsigned long pfn, unsigned long count)
{
	return xa_mk_value(pfn << SPARSE_COUNT_BITS | count);
}

static unsigned long sparse_pfn(void *value)
{
	return xa_to_value(value) >> SPARSE_COUNT_BITS;
}

static unsigned long sparse_count(void *value)
{
	return xa_to_value(value) & SPARSE_COUNT_MAX;
}

static unsigned long sparse_nr(const struct pinned *pinned)
{
	return pinned->sparse ? pinned->sparse->nr : 0;
}

/* Are the sparse pages those that the runs have, too? */
static int sparse_match(struct pinned *pinned)
{
	struct runs_iter it;
	unsigned long index;
	void *value;

	if (!pinned->sparse)
		return 0;
	xa_for_each(&pinned->sparse->pages, index, value) {
		runs_seek(&it, &pinned->runs, index, 1);
		if (it.pfn != sparse_pfn(value))
			return -EFAULT;
	}
	return 0;
}

static void sparse_free(struct pinned *pinned)
{
	xa_destroy(&pinned->sparse->pages);
	kfree(pinned->sparse);
	pinned->sparse = NULL;
}

/* The pages are in the runs now: one pin is enough, and counts as uses. */
static void sparse_absorb(struct pinned *pinned)
{
	unsigned long index;
	void *value;

	if (!pinned->sparse)
		return;
	xa_for_each(&pinned->sparse->pages, index, value) {
		pinned->uses += sparse_count(value);
		release_page(sparse_pfn(value), false);
	}
	sparse_free(pinned);
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
		gather.pages = kmalloc_array(PIN_BATCH, sizeof(*few),
					     GFP_KERNEL);
		gather.batch = PIN_BATCH;
		if (!gather.pages)
			return -ENOMEM;
	}
	if (pinned->file)
		rc = gather_file(&gather, pinned->file, pinned->start,
				 pinned->npages, true);
	else
		rc = gather_user(&gather, pinned->npages);
	if (gather.pages != few)
		kfree(gather.pages);
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
	if (runs_are_one(runs) && !(runs_one(runs) & RUN_BY_FOLIO)) {
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
		smp_store_release(lent, true);
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
		if (npages > PIN_BATCH || !row_fits(end))
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
	pages = kmalloc_array(npages, sizeof(*pages), GFP_KERNEL);
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
	kfree(pages);
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

static inline void pinned_drop_uses(struct pinned *pinned, unsigned long n)
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

/* Pin one page that is not pinned yet. */
static int sparse_pin_new(struct pinned *pinned, unsigned long index)
{
	unsigned long at = pinned->start + index * PAGE_SIZE;
	long pfn;
	int rc;

	rc = account_charge(pinned->account, 1);
	if (rc)
		return rc;
	if (pinned->file)
		pfn = gather_file_page(pinned->file, at);
	else
		pfn = gather_user_page(pinned->account->mm, at,
				       pinned->writable);
	if (pfn < 0) {
		rc = pfn;
		goto err_charge;
	}

	rc = xa_err(xa_store(&pinned->sparse->pages, index,
			     sparse_value(pfn, 1), GFP_KERNEL_ACCOUNT));
	if (rc)
		goto err_pin;
	pinned->sparse->nr++;
	return 0;

err_pin:
	release_page(pfn, false);
err_charge:
	account_uncharge(pinned->account, 1);
	return rc;
}

static int sparse_pin(struct pinned *pinned, unsigned long index,
		      struct page **page)
{
	void *value = xa_load(&pinned->sparse->pages, index);
	int rc;

	if (!value) {
		rc = sparse_pin_new(pinned, index);
		if (rc)
			return rc;
		value = xa_load(&pinned->sparse->pages, index);
	} else if (sparse_count(value) == SPARSE_COUNT_MAX) {
		return -EOVERFLOW;
	} else {
		/* Replaces an entry: this does not allocate. */
		xa_store(&pinned->sparse->pages, index,
			 sparse_value(sparse_pfn(value),
				      sparse_count(value) + 1), GFP_KERNEL);
	}
	*page = pfn_to_page(sparse_pfn(value));
	return 0;
}

static void sparse_unpin(struct pinned *pinned, unsigned long index)
{
	void *value = xa_load(&pinned->sparse->pages, index);

	if (WARN_ON(!value))
		return;
	if (sparse_count(value) > 1) {
		xa_store(&pinned->sparse->pages, index,
			 sparse_value(sparse_pfn(value),
				      sparse_count(value) - 1), GFP_KERNEL);
		return;
	}
	xa_erase(&pinned->sparse->pages, index);
	pinned->sparse->nr--;
	release_page(sparse_pfn(value), pinned->writable);
	account_uncharge(pinned->account, 1);
}

static void sparse_unpin_range(struct pinned *pinned, unsigned long first,
			       unsigned long npages)
{
	while (npages--)
		sparse_unpin(pinned, first++);
	if (!pinned->sparse->nr)
		sparse_free(pinned);
}

static int sparse_pin_range(struct pinned *pinned, unsigned long first,
			    unsigned long npages, struct page **pages)
{
	unsigned long i;
	int rc;

	if (!pinned->sparse) {
		pinned->sparse = kmalloc(sizeof(*pinned->sparse),
					 GFP_KERNEL_ACCOUNT);
		if (!pinned->sparse)
			return -ENOMEM;
		xa_init_flags(&pinned->sparse->pages, XA_FLAGS_ACCOUNT);
		pinned->sparse->nr = 0;
	}
	for (i = 0; i < npages; i++) {
		rc = sparse_pin(pinned, first + i, &pages[i]);
		if (rc) {
			sparse_unpin_range(pinned, first, i);
			return rc;
		}
	}
	return 0;
}

static void runs_to_pages(const struct runs *runs, unsigned long first,
			  unsigned long npages, struct page **pages)
{
	struct runs_iter it;

	runs_for_each(&it, runs, first, npages)
		while (it.npages--)
			*pages++ = pfn_to_page(it.pfn++);
}

/**
 * pinned_pin - keep some pages for an in-kernel user
 * @pinned: the memory
 * @first: index of the first page
 * @npages: number of pages, at least 1
 * @pages: filled with the pages
 *
 * Return: 0, or with nothing changed -EINVAL (a BAR has no pages), -EFAULT,
 * -ENOMEM, -EOVERFLOW (pinned millions of times).
 */
int pinned_pin(struct pinned *pinned, unsigned long first,
	       unsigned long npages, struct page **pages)
{
	int rc = 0;

	mutex_lock(&pinned->lock);
	if (pinned->owner) {
		rc = -EINVAL;
	} else if (pinned->uses) {
		pinned->uses += npages;
		runs_to_pages(&pinned->runs, first, npages, pages);
	} else {
		rc = sparse_pin_range(pinned, first, npages, pages);
	}
	mutex_unlock(&pinned->lock);
	return rc;
}

/**
 * pinned_unpin - the opposite of pinned_pin()
 * @pinned: the memory
 * @first: index of the first page
 * @npages: number of pages
 */
void pinned_unpin(struct pinned *pinned, unsigned long first,
		  unsigned long npages)
{
	mutex_lock(&pinned->lock);
	if (pinned->uses)
		pinned_drop_uses(pinned, npages);
	else if (!WARN_ON(!pinned->sparse))
		sparse_unpin_range(pinned, first, npages);
	mutex_unlock(&pinned->lock);
}

static void copy_page_bytes(struct page *page, unsigned long offset,
			    void *data, unsigned long n, bool write)
{
	char *kaddr = kmap_local_page(page);

	if (write) {
		memcpy(kaddr + offset, data, n);
		flush_dcache_page(page);
	} else {
		memcpy(data, kaddr + offset, n);
	}
	kunmap_local(kaddr);
}

/* The PFN of a page that somebody has pinned already, or 0. */
static unsigned long pinned_pfn(struct pinned *pinned, unsigned long index)
{
	struct runs_iter it;
	void *value;

	if (pinned->uses) {
		runs_seek(&it, &pinned->runs, index, 1);
		return it.pfn;
	}
	value = pinned->sparse ? xa_load(&pinned->sparse->pages, index) : NULL;
	return value ? sparse_pfn(value) : 0;
}

/*
 * Copy within one page. A page that nobody has pinned is pinned for the moment,
 * which need not be paid for, and with no more rights than are needed.
 */
static int rw_page(struct pinned *pinned, unsigned long index,
		   unsigned long offset, void *data, unsigned long n,
		   bool write)
{
	unsigned long at = pinned->start + index * PAGE_SIZE;
	long pfn = pinned_pfn(pinned, index);
	bool ours = !pfn;

	if (pinned->owner)
		return -EINVAL;
	if (ours && pinned->file)
		pfn = gather_file_page(pinned->file, at);
	else if (ours)
		pfn = gather_user_page(pinned->account->mm, at, write);
	if (pfn < 0)
		return pfn;
	copy_page_bytes(pfn_to_page(pfn), offset, data, n, write);
	if (ours)
		release_page(pfn, write);
	return 0;
}

/**
 * pinned_rw - let an in-kernel user read or write a piece of the memory
 * @pinned: the memory
 * @offset: where to begin, in bytes from the first byte of the first page
 * @data: the kernel's buffer
 * @length: bytes
 * @write: into the memory
 *
 * Return: 0, -EFAULT, -EINVAL for a BAR, -ENOMEM. On error a part may have been
 * copied.
 */
int pinned_rw(struct pinned *pinned, unsigned long offset, void *data,
	      unsigned long length, bool write)
{
	int rc = 0;

	while (!rc && length) {
		unsigned long in_page = offset % PAGE_SIZE;
		unsigned long n = min(length, PAGE_SIZE - in_page);

		mutex_lock(&pinned->lock);
		rc = rw_page(pinned, offset / PAGE_SIZE, in_page, data, n,
			     write);
		mutex_unlock(&pinned->lock);
		offset += n;
		data += n;
		length -= n;
	}
	return rc;
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
