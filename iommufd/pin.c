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
 * When sparse memory is used as a whole, the pages that are pinned already become
 * part of the runs, with their pin and their charge. There is no way back: while
 * an in-kernel user keeps a page, the whole stays. So a page is pinned once, and
 * everybody sees the same page, even if the user has replaced it meanwhile.
 *
 * Pages are always pinned for writing if the mapping allows writing at all, and
 * marked dirty when they are unpinned.
 */
#include <linux/file.h>
#include <linux/highmem.h>
#include <linux/hugetlb.h>
#include <linux/kthread.h>
#include <linux/memfd.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/pagemap.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/shmem_fs.h>
#include <linux/slab.h>

#include "bar.h"
#include "object.h"
#include "pin.h"

/* Pages that are pinned at a time: a page full of pointers, or a few on stack. */
#define PIN_BATCH	(PAGE_SIZE / sizeof(struct page *))
#define PIN_FEW		16

static struct kmem_cache *pinned_cache;

static struct pinned *pinned_alloc(struct iommufd_ctx *ctx,
				   unsigned long start, unsigned long length,
				   bool writable)
{
	unsigned long end;
	struct pinned *pinned;

	if (!length || length > ULONG_MAX - PAGE_SIZE)
		return ERR_PTR(-EINVAL);
	if (check_add_overflow(start, length, &end) || PAGE_ALIGN(end) < end)
		return ERR_PTR(-EOVERFLOW);

	pinned = kmem_cache_alloc(pinned_cache, GFP_KERNEL_ACCOUNT);
	if (!pinned)
		return ERR_PTR(-ENOMEM);
	refcount_set(&pinned->refs, 1);
	mutex_init(&pinned->lock);
	pinned->ctx = ctx;
	pinned->file = NULL;
	pinned->start = start & PAGE_MASK;
	pinned->npages = (PAGE_ALIGN(end) - pinned->start) >> PAGE_SHIFT;
	pinned->uses = 0;
	runs_init(&pinned->runs);
	xa_init_flags(&pinned->sparse, XA_FLAGS_ACCOUNT);
	pinned->nsparse = 0;
	pinned->owner = NULL;
	pinned->mark = false;
	pinned->writable = writable;
	return pinned;
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
	struct pinned *pinned = pinned_alloc(ctx, uptr, length, writable);

	if (!IS_ERR(pinned))
		charge_open(&pinned->charge,
			    charge_process || ctx->charge_process);
	return pinned;
}

/* A file whose folios can be pinned, and be written to if that is asked for. */
static int file_check(struct file *file, bool writable)
{
	unsigned int seals;

	if (shmem_mapping(file->f_mapping))
		seals = SHMEM_I(file_inode(file))->seals;
	else if (file_inode(file)->i_sb->s_magic == HUGETLBFS_MAGIC)
		seals = HUGETLBFS_I(file_inode(file))->seals;
	else
		return -EINVAL;

	if (writable && (!(file->f_mode & FMODE_WRITE) ||
			 seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)))
		return -EPERM;
	return 0;
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
	int rc = file_check(file, writable);

	if (rc)
		return ERR_PTR(rc);
	if (length > (unsigned long)MAX_LFS_FILESIZE ||
	    start > MAX_LFS_FILESIZE - length)
		return ERR_PTR(-EOVERFLOW);
	pinned = pinned_alloc(ctx, start, length, writable);
	if (!IS_ERR(pinned)) {
		pinned->file = get_file(file);
		charge_open(&pinned->charge, ctx->charge_process);
	}
	return pinned;
}

/**
 * pinned_put - drop a reference
 * @pinned: not used any more by the caller
 */
void pinned_put(struct pinned *pinned)
{
	if (!refcount_dec_and_test(&pinned->refs))
		return;
	WARN_ON(pinned->uses || pinned->nsparse);
	xa_destroy(&pinned->sparse);
	if (pinned->file)
		fput(pinned->file);
	charge_close(&pinned->charge);
	mutex_destroy(&pinned->lock);
	kmem_cache_free(pinned_cache, pinned);
}

static void unpin_one_folio(struct folio *folio, bool dirty)
{
	if (dirty && !folio_test_dirty(folio)) {
		folio_lock(folio);
		folio_mark_dirty(folio);
		folio_unlock(folio);
	}
	unpin_folio(folio);
}

/*
 * A folio of a file has one pin, however many of its pages are in use and
 * whatever runs they are in. Its pages stand side by side.
 */
static void unpin_file_runs(struct pinned *pinned)
{
	struct folio *before = NULL;
	struct runs_iter it;

	runs_for_each(&it, &pinned->runs, 0, pinned->runs.npages) {
		while (it.npages) {
			struct page *page = pfn_to_page(it.pfn);
			struct folio *folio = page_folio(page);
			unsigned long rest = folio_nr_pages(folio) -
					     folio_page_idx(folio, page);
			unsigned long n = min(it.npages, rest);

			it.pfn += n;
			it.npages -= n;
			if (folio != before)
				unpin_one_folio(folio, pinned->writable);
			before = folio;
		}
		cond_resched();
	}
}

/* One page that was pinned alone. */
static void unpin_page(const struct pinned *pinned, unsigned long pfn)
{
	struct page *page = pfn_to_page(pfn);

	if (pinned->file)
		unpin_one_folio(page_folio(page), pinned->writable);
	else
		unpin_user_page_range_dirty_lock(page, 1, pinned->writable);
}

/*
 * Sparse pages are kept in an xarray by index, as a value: the PFN, and how
 * often the page is pinned.
 */
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

/* User memory has one pin per page. Sparse pages keep their own. */
static void unpin_user_runs(struct pinned *pinned)
{
	struct runs_iter it;
	unsigned long index = 0;

	runs_for_each(&it, &pinned->runs, 0, pinned->runs.npages) {
		if (!pinned->nsparse)
			unpin_user_page_range_dirty_lock(pfn_to_page(it.pfn),
							 it.npages,
							 pinned->writable);
		else
			for (; it.npages; it.npages--, it.pfn++, index++)
				if (!xa_load(&pinned->sparse, index))
					unpin_page(pinned, it.pfn);
		cond_resched();
	}
}

static void unpin_runs(struct pinned *pinned)
{
	if (!pinned->runs.npages)
		return;
	if (pinned->file)
		unpin_file_runs(pinned);
	else
		unpin_user_runs(pinned);
	runs_free(&pinned->runs);
}

/* Add what was pinned to the runs. On error the rest is unpinned. */
static int append_pages(struct pinned *pinned, struct page **pages,
		     unsigned long n)
{
	unsigned long i = 0;

	while (i < n) {
		unsigned long j = i + 1;
		unsigned long had = pinned->runs.npages;
		int rc;

		while (j < n && pages[j] == nth_page(pages[i], j - i))
			j++;
		rc = runs_append(&pinned->runs, page_to_pfn(pages[i]), j - i);
		if (rc) {
			i += pinned->runs.npages - had;
			unpin_user_pages(pages + i, n - i);
			return rc;
		}
		i = j;
	}
	return 0;
}

static long gup(const struct pinned *pinned, unsigned long addr,
		unsigned long n, struct page **pages)
{
	unsigned int flags = FOLL_LONGTERM |
			     (pinned->writable ? FOLL_WRITE : 0);
	struct mm_struct *mm = pinned->charge.mm;
	long got;

	if (mm == current->mm)
		return pin_user_pages_fast(addr, n, flags, pages);

	/* A page table is attached by another process, or by a kthread. */
	if (!mmget_not_zero(mm))
		return -EFAULT;
	if (mmap_read_lock_killable(mm)) {
		got = -EINTR;
	} else {
		got = pin_user_pages_remote(mm, addr, n, flags, pages, NULL);
		mmap_read_unlock(mm);
	}
	mmput(mm);
	return got;
}

/* Pin pages of user memory up to index @end, behind what the runs have. */
static int fill_user(struct pinned *pinned, unsigned long end,
		     struct page **pages, unsigned long batch)
{
	while (pinned->runs.npages < end) {
		unsigned long at = pinned->runs.npages;
		long n = gup(pinned, pinned->start + at * PAGE_SIZE,
			     min(end - at, batch), pages);
		int rc;

		if (n <= 0)
			return n ?: -EFAULT;
		rc = append_pages(pinned, pages, n);
		if (rc)
			return rc;
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	return 0;
}

/*
 * The runs of folios that hold @left pages, beginning @skip pages into the first.
 * The last folio of the call before may be the first one of this call: a folio
 * is to be pinned once for as long as its pages stand side by side in the runs.
 */
static int append_folios(struct pinned *pinned, struct folio **folios, long n,
		      unsigned long skip, unsigned long left,
		      struct folio **before)
{
	long i;
	int rc;

	for (i = 0; i < n; i++) {
		unsigned long pages = min(left,
					  folio_nr_pages(folios[i]) - skip);
		unsigned long had = pinned->runs.npages;

		rc = runs_append(&pinned->runs, folio_pfn(folios[i]) + skip,
				 pages);
		if (rc && pinned->runs.npages == had)
			break;
		if (folios[i] == *before)
			unpin_folio(folios[i]);
		*before = folios[i];
		if (rc) {
			i++;
			break;
		}
		left -= pages;
		skip = 0;
	}
	if (i < n)
		unpin_folios(folios + i, n - i);
	return rc;
}

/* Pin pages of a file up to index @end, behind what the runs have. */
static int fill_file(struct pinned *pinned, unsigned long end,
		     struct page **pages, unsigned long batch)
{
	struct folio **folios = (struct folio **)pages;
	struct folio *before = NULL;

	while (pinned->runs.npages < end) {
		unsigned long at = pinned->runs.npages;
		pgoff_t offset = 0;
		long n = memfd_pin_folios(pinned->file,
					  pinned->start + at * PAGE_SIZE,
					  pinned->start + end * PAGE_SIZE - 1,
					  folios, batch, &offset);
		int rc;

		if (n <= 0)
			return n ?: -EFAULT;
		rc = append_folios(pinned, folios, n, offset >> PAGE_SHIFT,
				end - at, &before);
		if (rc)
			return rc;
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	return 0;
}

/*
 * The sparse pages of a file must be those that its runs have, too. They are not
 * if the user has cut a hole into the file meanwhile.
 */
static int sparse_match(struct pinned *pinned)
{
	struct runs_iter it;
	unsigned long index;
	void *value;

	xa_for_each(&pinned->sparse, index, value) {
		runs_seek(&it, &pinned->runs, index, 1);
		if (it.pfn != sparse_pfn(value))
			return -EFAULT;
	}
	return 0;
}

/* User memory, with the sparse pages where they belong. */
static int fill_around_sparse(struct pinned *pinned, struct page **pages,
			      unsigned long batch)
{
	unsigned long npages = pinned->npages;
	int rc = 0;

	while (!rc && pinned->runs.npages < npages) {
		unsigned long index = pinned->runs.npages;
		void *value = NULL;

		if (pinned->nsparse)
			value = xa_find(&pinned->sparse, &index, npages - 1,
					XA_PRESENT);
		if (!value)
			index = npages;
		if (index > pinned->runs.npages)
			rc = fill_user(pinned, index, pages, batch);
		if (!rc && value)
			rc = runs_append(&pinned->runs, sparse_pfn(value), 1);
	}
	return rc;
}

static int fill_pages(struct pinned *pinned, struct page **pages,
		      unsigned long batch)
{
	int rc;

	if (!pinned->file)
		return fill_around_sparse(pinned, pages, batch);
	rc = fill_file(pinned, pinned->npages, pages, batch);
	return rc ?: sparse_match(pinned);
}

static int fill_batched(struct pinned *pinned)
{
	struct page *few[PIN_FEW], **pages = few;
	unsigned long batch = PIN_FEW;
	int rc;

	if (pinned->npages > PIN_FEW) {
		pages = kmalloc_array(PIN_BATCH, sizeof(*pages), GFP_KERNEL);
		if (!pages)
			return -ENOMEM;
		batch = PIN_BATCH;
	}
	rc = fill_pages(pinned, pages, batch);
	if (pages != few)
		kfree(pages);
	return rc;
}

/* User memory that cannot be pinned may be a BAR, for which nobody pays. */
static int fill_bar(struct pinned *pinned)
{
	struct mm_struct *mm = pinned->charge.mm;
	int rc;

	if (!mmget_not_zero(mm))
		return -EFAULT;
	rc = bar_resolve(pinned->ctx, mm, pinned->start, pinned->npages,
			 pinned->writable, &pinned->runs, &pinned->owner);
	mmput(mm);
	return rc;
}

/* The sparse pages are in the runs now; their pins count as uses. */
static void absorb_sparse(struct pinned *pinned)
{
	unsigned long index;
	void *value;

	xa_for_each(&pinned->sparse, index, value) {
		pinned->uses += sparse_count(value);
		/* The folio has been pinned for the runs: once is enough. */
		if (pinned->file)
			unpin_page(pinned, sparse_pfn(value));
	}
	xa_destroy(&pinned->sparse);
	pinned->nsparse = 0;
}

static int pinned_fill(struct pinned *pinned)
{
	unsigned long cost = pinned->npages - pinned->nsparse;
	bool nothing;
	int rc;

	rc = charge_pages(&pinned->charge, cost);
	if (rc)
		return rc;
	rc = fill_batched(pinned);
	if (!rc) {
		if (pinned->nsparse)
			absorb_sparse(pinned);
		return 0;
	}
	nothing = !pinned->runs.npages;
	unpin_runs(pinned);
	uncharge_pages(&pinned->charge, cost);
	if (rc == -EFAULT && nothing && !pinned->file && !pinned->nsparse)
		rc = fill_bar(pinned);
	return rc;
}

static void pinned_empty(struct pinned *pinned)
{
	if (pinned->owner) {
		runs_free(&pinned->runs);
		pinned->owner = NULL;
		return;
	}
	unpin_runs(pinned);
	uncharge_pages(&pinned->charge, pinned->npages);
}

/**
 * pinned_use - have all of the memory pinned, and its runs stay
 * @pinned: the memory
 *
 * Return: 0, or with nothing changed -EFAULT (memory that is not there, cannot
 * be written to, or is a BAR of a device that is not bound to the context),
 * -ENOMEM (or above the limit of locked memory), -EINTR on a fatal signal.
 */
int pinned_use(struct pinned *pinned)
{
	int rc = 0;

	mutex_lock(&pinned->lock);
	if (!pinned->uses)
		rc = pinned_fill(pinned);
	if (!rc)
		pinned->uses++;
	mutex_unlock(&pinned->lock);
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

static void pinned_drop_uses(struct pinned *pinned, unsigned long n)
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
	mutex_lock(&pinned->lock);
	pinned_drop_uses(pinned, 1);
	mutex_unlock(&pinned->lock);
}

/* Pin one page that is not pinned yet. */
static int sparse_pin_new(struct pinned *pinned, unsigned long index)
{
	unsigned long offset = pinned->start + index * PAGE_SIZE;
	unsigned long pfn;
	int rc;

	rc = charge_pages(&pinned->charge, 1);
	if (rc)
		return rc;
	if (pinned->file) {
		struct folio *folio;
		pgoff_t skip = 0;
		long n = memfd_pin_folios(pinned->file, offset,
					  offset + PAGE_SIZE - 1, &folio, 1,
					  &skip);

		rc = n == 1 ? 0 : n ?: -EFAULT;
		if (!rc)
			pfn = folio_pfn(folio) + (skip >> PAGE_SHIFT);
	} else {
		struct page *page;
		long n = gup(pinned, offset, 1, &page);

		rc = n == 1 ? 0 : n ?: -EFAULT;
		if (!rc)
			pfn = page_to_pfn(page);
	}
	if (rc)
		goto err_charge;

	rc = xa_err(xa_store(&pinned->sparse, index, sparse_value(pfn, 1),
			     GFP_KERNEL_ACCOUNT));
	if (rc)
		goto err_pin;
	pinned->nsparse++;
	return 0;

err_pin:
	unpin_page(pinned, pfn);
err_charge:
	uncharge_pages(&pinned->charge, 1);
	return rc;
}

static int sparse_pin(struct pinned *pinned, unsigned long index)
{
	void *value = xa_load(&pinned->sparse, index);

	if (!value)
		return sparse_pin_new(pinned, index);
	if (sparse_count(value) == SPARSE_COUNT_MAX)
		return -EOVERFLOW;
	/* Replaces an entry: this does not allocate. */
	xa_store(&pinned->sparse, index,
		 sparse_value(sparse_pfn(value), sparse_count(value) + 1),
		 GFP_KERNEL_ACCOUNT);
	return 0;
}

static void sparse_unpin(struct pinned *pinned, unsigned long index)
{
	void *value = xa_load(&pinned->sparse, index);

	if (WARN_ON(!value))
		return;
	if (sparse_count(value) > 1) {
		xa_store(&pinned->sparse, index,
			 sparse_value(sparse_pfn(value),
				      sparse_count(value) - 1),
			 GFP_KERNEL_ACCOUNT);
		return;
	}
	xa_erase(&pinned->sparse, index);
	pinned->nsparse--;
	unpin_page(pinned, sparse_pfn(value));
	uncharge_pages(&pinned->charge, 1);
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
	unsigned long i;
	int rc = 0;

	mutex_lock(&pinned->lock);
	if (pinned->owner) {
		rc = -EINVAL;
	} else if (pinned->uses) {
		pinned->uses += npages;
		runs_to_pages(&pinned->runs, first, npages, pages);
	} else {
		for (i = 0; i < npages && !rc; i++) {
			rc = sparse_pin(pinned, first + i);
			if (!rc)
				pages[i] = pfn_to_page(sparse_pfn(
					xa_load(&pinned->sparse, first + i)));
		}
		if (rc)
			for (i--; i--;)
				sparse_unpin(pinned, first + i);
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
	else
		while (npages--)
			sparse_unpin(pinned, first++);
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
	while (length) {
		unsigned long in_page = offset % PAGE_SIZE;
		unsigned long n = min(length, PAGE_SIZE - in_page);
		unsigned long index = offset / PAGE_SIZE;
		struct page *page;
		int rc;

		rc = pinned_pin(pinned, index, 1, &page);
		if (rc)
			return rc;
		copy_page_bytes(page, in_page, data, n, write);
		pinned_unpin(pinned, index, 1);
		offset += n;
		data += n;
		length -= n;
	}
	return 0;
}

/**
 * pinned_charged - how many pages the account of the memory is charged for
 * @pinned: the memory; the caller keeps everybody from changing it
 */
unsigned long pinned_charged(const struct pinned *pinned)
{
	if (pinned->owner)
		return 0;
	return pinned->uses ? pinned->npages : pinned->nsparse;
}

/**
 * pinned_change_charge - move the memory to another account
 * @pinned: memory of a file, which the caller keeps from being changed
 * @charge: an account that has been charged for pinned_charged() pages already;
 *	the memory takes references of its own
 */
void pinned_change_charge(struct pinned *pinned, const struct charge *charge)
{
	uncharge_pages(&pinned->charge, pinned_charged(pinned));
	charge_close(&pinned->charge);
	pinned->charge = *charge;
	mmgrab(charge->mm);
	if (charge->user)
		get_uid(charge->user);
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
					 SLAB_ACCOUNT, NULL);
	return pinned_cache ? 0 : -ENOMEM;
}

/**
 * pinned_cache_exit - at module unload, with no memory pinned
 */
void pinned_cache_exit(void)
{
	kmem_cache_destroy(pinned_cache);
}
