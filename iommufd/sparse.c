// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pinned memory for in-kernel users: page by page, as long as no page table needs
 * all of it. See the head of pin.c.
 */
#include <linux/highmem.h>
#include <linux/slab.h>

#include "charge.h"
#include "gather.h"
#include "pin.h"
#include "sparse.h"

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

/**
 * sparse_match - are the sparse pages those that the runs have, too?
 * @pinned: with both
 *
 * Return: 0 or -EFAULT.
 */
int sparse_match(struct pinned *pinned)
{
	unsigned long index;
	void *value;

	xa_for_each(&pinned->sparse->pages, index, value)
		if (runs_seek(&pinned->runs, index, 1).pfn != sparse_pfn(value))
			return -EFAULT;
	return 0;
}

static void sparse_free(struct pinned *pinned)
{
	xa_destroy(&pinned->sparse->pages);
	kfree(pinned->sparse);
	pinned->sparse = NULL;
}

/**
 * sparse_absorb - the pages are in the runs now: one pin is enough
 * @pinned: sparse memory that is being used as a whole
 *
 * Each pin of a page becomes a use of the whole.
 */
void sparse_absorb(struct pinned *pinned)
{
	unsigned long index;
	void *value;

	xa_for_each(&pinned->sparse->pages, index, value) {
		pinned->uses += sparse_count(value);
		release_page(sparse_pfn(value), false);
	}
	sparse_free(pinned);
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
	} else {
		if (sparse_count(value) == SPARSE_COUNT_MAX)
			return -EOVERFLOW;
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
	void *value;

	if (pinned->uses)
		return runs_seek(&pinned->runs, index, 1).pfn;
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
