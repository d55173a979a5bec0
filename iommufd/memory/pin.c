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
 * A page may take for ever to come: a user has file systems and page faults of his
 * own making. So nothing is pinned with a lock held. A thread that fills or empties
 * the runs makes the memory busy; only threads that want to do the same wait for
 * it, and they can be killed. Giving back a use, or a page, never waits.
 *
 * Pages are always pinned for writing if the mapping allows writing at all, and
 * marked dirty when they are unpinned.
 */
#include <linux/file.h>
#include <linux/pagemap.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/wait_bit.h>

#include "context/object.h"
#include "memory/bar.h"
#include "memory/charge.h"
#include "memory/gather.h"
#include "memory/pin.h"
#include "memory/pin_reason.h"
#include "memory/sparse.h"

static struct kmem_cache *pinned_cache;

/**
 * iommufd_pinned_alloc_many - structures that stand for nothing yet
 * @ctx: the context that will map memory
 * @mem: set to the structures
 * @nr: how many
 *
 * The account is that of the current process.
 *
 * Return: 0 or -ENOMEM.
 */
int iommufd_pinned_alloc_many(struct iommufd_ctx *ctx, void **mem,
			      unsigned int nr)
{
	struct account *account = iommufd_account_get(ctx, ctx->charge_process);
	unsigned int i;

	if (!account)
		return -ENOMEM;
	if (!kmem_cache_alloc_bulk(pinned_cache, GFP_KERNEL_ACCOUNT, nr, mem)) {
		account_put(account);
		return -ENOMEM;
	}
	refcount_add(nr - 1, &account->refs);
	for (i = 0; i < nr; i++) {
		struct pinned *pinned = mem[i];

		pinned->ctx = ctx;
		pinned->account = account;
	}
	return 0;
}

/**
 * iommufd_pinned_free_many - free structures that stand for nothing
 * @mem: the structures
 * @nr: how many, at least 1
 */
void iommufd_pinned_free_many(void **mem, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		account_put(((struct pinned *)mem[i])->account);
	kmem_cache_free_bulk(pinned_cache, nr, mem);
}

/**
 * iommufd_pinned_renew_account - a structure is to be used by another process, or in
 * other circumstances
 * @pinned: it stands for nothing
 * @process: charge the process and not the user
 *
 * Return: 0 or -ENOMEM.
 */
int iommufd_pinned_renew_account(struct pinned *pinned, bool process)
{
	struct account *account = iommufd_account_get(pinned->ctx, process);

	if (!account)
		return -ENOMEM;
	account_put(pinned->account);
	pinned->account = account;
	return 0;
}

/* As for a shared mapping, see iommufd_gather_check_file(). */
static int check_file(struct iommufd_ctx *ctx, struct file *file,
		      unsigned long start, unsigned long length, bool writable)
{
	int rc;

	if (!iommufd_gather_has_folios(file))
		return iommufd_pin_reason_file(ctx, file, writable, -EINVAL);
	if (length > (unsigned long)MAX_LFS_FILESIZE ||
	    start > MAX_LFS_FILESIZE - length)
		return -EOVERFLOW;
	rc = pinned_check_range(start, length);
	if (rc)
		return rc;
	rc = iommufd_gather_check_file(file, start, length, writable);
	return rc ? iommufd_pin_reason_file(ctx, file, writable, rc) : 0;
}

/**
 * iommufd_pinned_from_file - memory of a memfd, a shmem or a hugetlbfs file
 * @ctx: the context that maps it
 * @file: the file; the memory takes a reference of its own
 * @start: offset in bytes, need not be aligned
 * @length: bytes
 * @writable: devices may write to it: until it is freed, the file is counted as
 *	mapped writable, so nobody can seal it against that
 *
 * Return: the memory, with one reference; or -EINVAL (no length, or a file of
 * another kind), -EOVERFLOW, -EACCES, -EPERM (see iommufd_gather_check_file()), -ENOMEM.
 */
struct pinned *iommufd_pinned_from_file(struct iommufd_ctx *ctx,
					struct file *file, unsigned long start,
					unsigned long length, bool writable)
{
	int rc = check_file(ctx, file, start, length, writable);
	struct pinned *pinned;
	void *mem;

	if (rc)
		return ERR_PTR(rc);
	rc = iommufd_pinned_alloc_many(ctx, &mem, 1);
	if (rc)
		return ERR_PTR(rc);
	/* A seal may have come in between. */
	if (writable && mapping_map_writable(file->f_mapping)) {
		iommufd_pinned_free_many(&mem, 1);
		return ERR_PTR(
			iommufd_pin_reason_file(ctx, file, writable, -EPERM));
	}
	pinned = mem;
	pinned_set(pinned, start, length, writable);
	pinned->file = get_file(file);
	return pinned;
}

/**
 * iommufd_pinned_from_bar - memory of a device that is known already
 * @ctx: the context that maps it
 * @start: where it is in what the user calls it by, for people; need not be aligned
 * @length: bytes
 * @writable: devices may write to it
 * @pfn: of its first page
 * @owner: whose it is; the memory takes over the caller's reference, if there is no error
 *
 * Return: the memory, with one reference; or -ENOMEM.
 */
struct pinned *iommufd_pinned_from_bar(struct iommufd_ctx *ctx,
				       unsigned long start,
				       unsigned long length, bool writable,
				       unsigned long pfn,
				       struct bar_owner *owner)
{
	struct pinned *pinned;
	unsigned long n;
	void *mem;
	int rc;

	rc = iommufd_pinned_alloc_many(ctx, &mem, 1);
	if (rc)
		return ERR_PTR(rc);
	pinned = mem;
	pinned_set(pinned, start, length, writable);
	while (!rc && pinned->runs.npages < pinned->npages) {
		n = min(pinned->npages - pinned->runs.npages, RUN_PAGES_MAX);
		rc = runs_append(&pinned->runs, pfn + pinned->runs.npages, n,
				 false);
	}
	if (rc) {
		iommufd_runs_free(&pinned->runs);
		iommufd_pinned_free_many(&mem, 1);
		return ERR_PTR(rc);
	}
	pinned->owner = owner;
	return pinned;
}

static void pinned_put_file(struct pinned *pinned)
{
	if (pinned->writable)
		mapping_unmap_writable(pinned->file->f_mapping);
	fput(pinned->file);
	pinned->file = NULL;
}

/**
 * iommufd_pinned_finish - pinned_retire() of more than plain pages of user memory
 * @pinned: nobody refers to it any more
 *
 * Return: whether it stands for nothing now. If it is still in use something has
 * gone wrong: it is not to become the next mapping's memory.
 */
bool iommufd_pinned_finish(struct pinned *pinned)
{
	struct bar_owner *owner;

	if (WARN_ON(pinned->uses || pinned->sparse))
		return false;
	if (pinned->file)
		pinned_put_file(pinned);
	owner = pinned->owner;
	if (owner) {
		iommufd_runs_free(&pinned->runs);
		WRITE_ONCE(pinned->owner, NULL);
		iommufd_bar_owner_put(owner);
	}
	return true;
}

/**
 * iommufd_pinned_put - drop a reference
 * @pinned: not used any more by the caller
 */
void iommufd_pinned_put(struct pinned *pinned)
{
	void *mem = pinned;

	if (pinned_retire(pinned))
		iommufd_pinned_free_many(&mem, 1);
}

/* Arrays on the stack are zeroed by the kernel at every call: not for one page. */
static inline int fill_page(struct pinned *pinned)
{
	long pfn = iommufd_gather_user_page(pinned->account->mm, pinned->start,
					    pinned->writable);

	if (pfn < 0)
		return pfn;
	runs_set_one(&pinned->runs, pfn, 1);
	return 0;
}

static int fill_pages(struct pinned *pinned)
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
		gather.pages = iommufd_gather_scratch();
		gather.batch = GATHER_BATCH;
		if (!gather.pages)
			return -ENOMEM;
	}
	if (pinned->file)
		rc = iommufd_gather_file(&gather, pinned->file, pinned->start,
					 pinned->npages, true);
	else
		rc = iommufd_gather_user(&gather, pinned->npages);
	if (gather.pages != few)
		iommufd_gather_scratch_free(gather.pages);
	iommufd_runs_finish(&pinned->runs);
	return rc;
}

/* User memory that cannot be pinned may be a BAR, for which nobody pays. */
static int fill_bar(struct pinned *pinned)
{
	struct mm_struct *mm = pinned->account->mm;
	struct bar_owner *owner;
	int rc;

	if (!mmget_not_zero(mm))
		return -EFAULT;
	rc = iommufd_bar_resolve(pinned->ctx, mm, pinned->start, pinned->npages,
				 pinned->writable, &pinned->runs, &owner);
	mmput(mm);
	if (rc)
		return rc;
	/* In-kernel users have no pages of a BAR, nor get one from now on. */
	mutex_lock(&pinned->lock);
	if (pinned->sparse)
		rc = -EFAULT;
	else
		WRITE_ONCE(pinned->owner, owner);
	mutex_unlock(&pinned->lock);
	if (rc) {
		iommufd_runs_free(&pinned->runs);
		iommufd_bar_owner_put(owner);
	}
	return rc;
}

/*
 * It could not be pinned, or does not match the sparse pages. Others may pin on what is
 * credited at once, and unpinning takes as long as the thread's share of a CPU says: what
 * it had pinned goes first.
 */
static int pinned_fill_failed(struct pinned *pinned, unsigned long cost, int rc)
{
	unsigned long npages = pinned->runs.npages;
	int bar_rc;

	iommufd_release_runs(&pinned->runs, pinned->writable);
	account_uncharge(pinned->account, cost);
	if (pinned->file || pinned->sparse || npages || rc != -EFAULT)
		return iommufd_pin_reason(pinned, npages, rc);
	bar_rc = fill_bar(pinned);
	if (bar_rc == -ENODEV)
		return iommufd_pin_reason_bar(pinned);
	return bar_rc == -EFAULT ? iommufd_pin_reason(pinned, 0, rc) : bar_rc;
}

/* It is above the limit. A BAR is not charged. */
static int pinned_charge_failed(struct pinned *pinned, int rc)
{
	if (rc != -ENOMEM)
		return rc;
	if (!pinned->file && !pinned->sparse) {
		rc = fill_bar(pinned);
		if (rc == -ENODEV)
			return iommufd_pin_reason_bar(pinned);
		if (rc != -EFAULT)
			return rc;
	}
	return iommufd_pin_reason_limit(pinned);
}

static inline int fill_memory(struct pinned *pinned)
{
	return (pinned->npages == 1 && !pinned->file) ? fill_page(pinned) :
							fill_pages(pinned);
}

/**
 * iommufd_pinned_use_first - pinned_use() of unused memory that only one area knows, or
 * that is locked
 * @pinned: the memory, neither sparse nor known to be a BAR
 *
 * Return: as pinned_use().
 */
int iommufd_pinned_use_first(struct pinned *pinned)
{
	int rc = account_charge(pinned->account, pinned->npages);

	if (rc) {
		rc = pinned_charge_failed(pinned, rc);
	} else {
		rc = fill_memory(pinned);
		if (rc)
			rc = pinned_fill_failed(pinned, pinned->npages, rc);
	}
	if (!rc)
		pinned->uses = 1;
	return rc;
}

static inline void empty(struct pinned *pinned)
{
	struct runs *runs = &pinned->runs;
	struct page *page;

	/*
	 * The runs of a BAR stay, so it can be used again while its owner has it off.
	 */
	if (pinned->owner)
		return;
	/* A few pages, each with a pin: the short way. */
	if (runs_are_one(runs) && !(runs_one(runs) & RUN_BY_FOLIO) &&
	    runs->npages <= GATHER_BATCH) {
		page = pfn_to_page(run_pfn(runs_one(runs)));
		unpin_user_page_range_dirty_lock(page, run_pages(runs_one(runs)),
						 pinned->writable);
		runs_init(runs);
	} else {
		iommufd_release_runs(runs, pinned->writable);
	}
	account_uncharge(pinned->account, pinned->npages);
}

/* Take the lock while the memory is not busy. Returns 0, or -EINTR without the lock. */
static int lock_idle(struct pinned *pinned)
{
	while (!mutex_lock_killable(&pinned->lock)) {
		if (!pinned->busy)
			return 0;
		mutex_unlock(&pinned->lock);
		if (wait_var_event_killable(&pinned->busy,
					    !READ_ONCE(pinned->busy)))
			break;
	}
	return -EINTR;
}

/* The runs match @uses again. */
static void end_busy(struct pinned *pinned)
{
	mutex_lock(&pinned->lock);
	pinned->busy = false;
	mutex_unlock(&pinned->lock);
	/*
	 * Either a waiter sees it or we see the waiter: pairs with
	 * prepare_to_wait_event().
	 */
	smp_mb();
	wake_up_var(&pinned->busy);
}

/* It is busy. Returns 0 with the use counted. */
static int fill_busy(struct pinned *pinned, unsigned long cost)
{
	int rc;

	rc = account_charge(pinned->account, cost);
	if (rc) {
		rc = pinned_charge_failed(pinned, rc);
		goto out;
	}
	rc = fill_memory(pinned) ?: iommufd_sparse_absorb(pinned, &cost);
	if (!rc)
		return 0;
	rc = pinned_fill_failed(pinned, cost, rc);
out:
	if (!rc)
		iommufd_pinned_use_again(pinned);
	return rc;
}

static int use_known(struct pinned *pinned)
{
	unsigned long cost = 0;
	bool fill = false;
	int rc = lock_idle(pinned);

	if (rc)
		return rc;
	if (pinned->owner && iommufd_bar_owner_retired(pinned->owner)) {
		/*
		 * Even if it is in use: it may have been revoked where this use would
		 * be.
		 */
		rc = -ENXIO;
	} else if (pinned->uses || pinned->owner) {
		pinned->uses++;
	} else {
		cost = pinned->npages - sparse_nr(pinned);
		pinned->busy = true;
		fill = true;
	}
	mutex_unlock(&pinned->lock);
	if (fill) {
		rc = fill_busy(pinned, cost);
		end_busy(pinned);
	}
	return rc;
}

/**
 * iommufd_pinned_use_shared - pinned_use() in general
 * @pinned: the memory
 *
 * Return: as pinned_use().
 */
int iommufd_pinned_use_shared(struct pinned *pinned)
{
	if (pinned_is_private(pinned) && !pinned->uses && !pinned->sparse &&
	    !pinned->owner)
		return iommufd_pinned_use_first(pinned);
	return use_known(pinned);
}

/**
 * iommufd_pinned_row_begin - pin a row of memory at once
 * @first: its first memory, that nobody else knows yet, like the rest of the row
 * @npages: its length
 *
 * Return: the pages, to be dealt out by pinned_row_deal() and ended by
 * iommufd_pinned_row_end(); or an ERR_PTR, which any memory of the row may have caused.
 */
struct page **iommufd_pinned_row_begin(const struct pinned *first,
				       unsigned long npages)
{
	struct page **pages = iommufd_gather_scratch();
	int rc;

	if (!pages)
		return ERR_PTR(-ENOMEM);
	rc = account_charge(first->account, npages);
	if (rc)
		goto err_free;
	rc = iommufd_gather_user_pages(first->account->mm, first->start, npages,
				       first->writable, pages);
	if (rc)
		goto err_uncharge;
	return pages;

err_uncharge:
	account_uncharge(first->account, npages);
err_free:
	iommufd_gather_scratch_free(pages);
	return ERR_PTR(rc);
}

/* pinned_row_deal() of more than one page. */
int iommufd_pinned_row_deal_many(struct pinned *pinned, struct page **pages,
				 int rc)
{
	if (!rc)
		rc = iommufd_gather_add(&pinned->runs, pages, pinned->npages);
	else
		unpin_user_pages(pages, pinned->npages);
	pinned->uses = 1;
	return rc;
}

/**
 * iommufd_pinned_row_undo - the opposite of pinned_row_deal()
 * @pinned: the memory
 */
void iommufd_pinned_row_undo(struct pinned *pinned)
{
	pinned->uses = 0;
	iommufd_release_runs(&pinned->runs, pinned->writable);
}

/**
 * iommufd_pinned_row_end - all pages of a row have been dealt out
 * @first: the first memory
 * @npages: its length
 * @pages: from iommufd_pinned_row_begin()
 * @rc: an error if all has been undone, or 0
 */
void iommufd_pinned_row_end(const struct pinned *first, unsigned long npages,
			    struct page **pages, int rc)
{
	if (rc)
		account_uncharge(first->account, npages);
	iommufd_gather_scratch_free(pages);
}

/**
 * iommufd_pinned_use_again - one more use, by somebody who has one already
 * @pinned: memory in use
 */
void iommufd_pinned_use_again(struct pinned *pinned)
{
	mutex_lock(&pinned->lock);
	pinned->uses++;
	mutex_unlock(&pinned->lock);
}

/**
 * iommufd_pinned_drop_uses - pinned_unuse() several times, with the lock held
 * @pinned: memory in use
 * @n: how often
 *
 * Return: whether it is busy now, since these were the last ones: the caller lets
 * go of the lock and calls iommufd_pinned_empty().
 */
bool iommufd_pinned_drop_uses(struct pinned *pinned, unsigned long n)
{
	if (WARN_ON(pinned->uses < n))
		return false;
	pinned->uses -= n;
	if (!pinned->uses)
		pinned->busy = true;
	return !pinned->uses;
}

/**
 * iommufd_pinned_empty - unpin what nobody uses any more
 * @pinned: after iommufd_pinned_drop_uses() has said so
 */
void iommufd_pinned_empty(struct pinned *pinned)
{
	empty(pinned);
	end_busy(pinned);
}

/**
 * iommufd_pinned_unuse_shared - pinned_unuse() in general
 * @pinned: memory in use
 */
void iommufd_pinned_unuse_shared(struct pinned *pinned)
{
	bool last;

	if (pinned_is_private(pinned)) {
		if (!WARN_ON(!pinned->uses) && !--pinned->uses)
			empty(pinned);
		return;
	}
	mutex_lock(&pinned->lock);
	last = iommufd_pinned_drop_uses(pinned, 1);
	mutex_unlock(&pinned->lock);
	if (last)
		iommufd_pinned_empty(pinned);
}

/**
 * iommufd_pinned_change_cost - what it takes to move the memory to another account
 * @pinned: the memory; the caller keeps everybody from changing it
 * @account: the account
 *
 * Return: the pages that @account is to be charged for.
 */
unsigned long iommufd_pinned_change_cost(const struct pinned *pinned,
					 const struct account *account)
{
	if (pinned->owner || iommufd_account_same(pinned->account, account))
		return 0;
	return pinned->uses ? pinned->npages : sparse_nr(pinned);
}

/**
 * iommufd_pinned_change_account - move the memory to another account
 * @pinned: memory of a file, which the caller keeps from being changed
 * @account: has been charged for iommufd_pinned_change_cost() already; the memory takes a
 *	reference of its own
 */
void iommufd_pinned_change_account(struct pinned *pinned,
				   struct account *account)
{
	account_uncharge(pinned->account,
			 iommufd_pinned_change_cost(pinned, account));
	account_put(pinned->account);
	refcount_inc(&account->refs);
	pinned->account = account;
}

/**
 * iommufd_pinned_construct - a structure that stands for nothing, as it has to be
 * when freed
 * @pinned: memory that is new in the cache
 */
void iommufd_pinned_construct(struct pinned *pinned)
{
	refcount_set(&pinned->refs, 1);
	pinned->mark = false;
	pinned->busy = false;
	mutex_init(&pinned->lock);
	pinned->file = NULL;
	pinned->uses = 0;
	runs_init(&pinned->runs);
	pinned->sparse = NULL;
	pinned->owner = NULL;
}

/**
 * iommufd_pinned_cache_init - at module load
 * @size: size of the structure whose first member is a struct pinned, so that both are
 *	one allocation
 * @construct: sets that up as it has to be when it is freed, see
 *	iommufd_pinned_construct()
 *
 * Return: 0 or -ENOMEM.
 */
int iommufd_pinned_cache_init(size_t size, void (*construct)(void *mem))
{
	pinned_cache = kmem_cache_create("iommufd_pinned", size, 0,
					 SLAB_ACCOUNT, construct);
	return pinned_cache ? 0 : -ENOMEM;
}

/**
 * iommufd_pinned_cache_exit - at module unload, with no memory pinned
 */
void iommufd_pinned_cache_exit(void)
{
	kmem_cache_destroy(pinned_cache);
}
