// SPDX-License-Identifier: GPL-2.0-only
/*
 * What in-kernel users do with memory: they pin single pages of it, read it and write
 * it. A pin in memory that is pinned as a whole is one more use of that, see pin.c;
 * other pages are sparse.
 */
#include <linux/highmem.h>

#include "memory/charge.h"
#include "memory/gather.h"
#include "memory/pages.h"
#include "memory/pin.h"
#include "memory/sparse.h"

/* Pin one page by itself. Returns its PFN, or an errno. */
static long pin_one(struct pinned *pinned, unsigned long index, bool writable)
{
	unsigned long at = pinned->start + index * PAGE_SIZE;

	if (pinned->file)
		return iommufd_gather_file_page(pinned->file, at);
	return iommufd_gather_user_page(pinned->account->mm, at, writable);
}

/* One more pin of a page; with the lock held. -ENOENT: it is not pinned yet. */
static int pin_known(struct pinned *pinned, unsigned long index,
		     struct page **page)
{
	if (pinned->owner)
		return -EINVAL;
	if (pinned->uses) {
		pinned->uses++;
		*page = pfn_to_page(
			iommufd_runs_pfn_of(&pinned->runs, index, 1));
		return 0;
	}
	return iommufd_sparse_pin(pinned, index, page);
}

/* Pages that are pinned at a time, and entered with the lock held. */
#define PIN_BATCH	64

/* Pin pages by themselves, of a file only one. Returns 0, or an errno with none pinned. */
static int pin_alone(struct pinned *pinned, unsigned long first,
		     unsigned long npages, struct page **pages)
{
	unsigned long at = pinned->start + first * PAGE_SIZE;
	long pfn;

	if (!pinned->file)
		return iommufd_gather_user_pages(pinned->account->mm, at,
						 npages, pinned->writable,
						 pages);
	pfn = iommufd_gather_file_page(pinned->file, at);
	if (pfn < 0)
		return pfn;
	*pages = pfn_to_page(pfn);
	return 0;
}

/*
 * Pin pages that are not pinned yet. Returns how many, from @first on, or an errno: where
 * somebody else has been faster there is nothing more to do but to look again.
 */
static long pin_new(struct pinned *pinned, unsigned long first,
		    unsigned long npages, struct page **pages)
{
	unsigned long kept, i;
	long done = 0;
	int rc;

	rc = account_charge(pinned->account, npages);
	if (rc)
		return rc;
	rc = pin_alone(pinned, first, npages, pages);
	if (rc) {
		account_uncharge(pinned->account, npages);
		return rc;
	}
	mutex_lock(&pinned->lock);
	/* Nor may it have turned out to be a BAR. */
	if (!pinned->uses && !pinned->owner)
		done = iommufd_sparse_add(pinned, first, npages, pages);
	mutex_unlock(&pinned->lock);
	kept = max(done, 0L);
	for (i = kept; i < npages; i++)
		release_page(page_to_pfn(pages[i]), false);
	if (kept < npages)
		account_uncharge(pinned->account, npages - kept);
	return done;
}

static void runs_to_pages(const struct runs *runs, unsigned long first,
			  unsigned long npages, struct page **pages)
{
	struct runs_iter it;

	runs_for_each(&it, runs, first, npages)
		while (it.npages--)
			*pages++ = pfn_to_page(it.pfn++);
}

/* Returns how many pages it has pinned, from @first on (0: look again), or an errno. */
static long pin_some(struct pinned *pinned, unsigned long first,
		     unsigned long npages, struct page **pages)
{
	int rc;

	if (mutex_lock_killable(&pinned->lock))
		return -EINTR;
	if (pinned->uses && !pinned->owner) {
		pinned->uses += npages;
		runs_to_pages(&pinned->runs, first, npages, pages);
		mutex_unlock(&pinned->lock);
		return npages;
	}
	rc = pin_known(pinned, first, pages);
	npages = pinned->file ? 1 : min(npages, PIN_BATCH);
	if (rc == -ENOENT && npages > 1)
		npages = iommufd_sparse_gap(pinned, first, npages);
	mutex_unlock(&pinned->lock);
	if (rc == -ENOENT)
		return pin_new(pinned, first, npages, pages);
	return rc ?: 1;
}

/**
 * iommufd_pinned_pin - keep some pages for an in-kernel user
 * @pinned: the memory
 * @first: index of the first page
 * @npages: number of pages, at least 1
 * @pages: filled with the pages
 *
 * Return: 0, or with nothing changed -EINVAL (a BAR has no pages), -EFAULT,
 * -EHWPOISON, -ENOMEM, -EINTR (a fatal signal), -EOVERFLOW (pinned millions of times).
 */
int iommufd_pinned_pin(struct pinned *pinned, unsigned long first,
		       unsigned long npages, struct page **pages)
{
	unsigned long done = 0;

	while (done < npages) {
		long n = pin_some(pinned, first + done, npages - done,
				  pages + done);

		if (n < 0) {
			if (done)
				iommufd_pinned_unpin(pinned, first, done);
			return n;
		}
		done += n;
	}
	return 0;
}

/**
 * iommufd_pinned_unpin - the opposite of iommufd_pinned_pin()
 * @pinned: the memory
 * @first: index of the first page
 * @npages: number of pages
 */
void iommufd_pinned_unpin(struct pinned *pinned, unsigned long first,
			  unsigned long npages)
{
	unsigned long unpinned = 0;
	bool last = false;

	mutex_lock(&pinned->lock);
	if (pinned->uses)
		last = iommufd_pinned_drop_uses(pinned, npages);
	else if (!WARN_ON(!pinned->sparse))
		unpinned = iommufd_sparse_unpin(pinned, first, npages);
	mutex_unlock(&pinned->lock);
	if (last)
		iommufd_pinned_empty(pinned);
	if (unpinned)
		account_uncharge(pinned->account, unpinned);
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
	if (pinned->uses)
		return iommufd_runs_seek(&pinned->runs, index, 1).pfn;
	return iommufd_sparse_pfn_at(pinned, index);
}

/*
 * Copy within one page. A page that nobody has pinned is pinned for the moment,
 * which is not charged, and with no more rights than needed.
 */
static int rw_page(struct pinned *pinned, unsigned long index,
		   unsigned long offset, void *data, unsigned long n,
		   bool write)
{
	long pfn = -EINVAL;

	if (mutex_lock_killable(&pinned->lock))
		return -EINTR;
	if (!pinned->owner) {
		/* The lock keeps it pinned. */
		pfn = pinned_pfn(pinned, index);
		if (pfn)
			copy_page_bytes(pfn_to_page(pfn), offset, data, n,
					write);
	}
	mutex_unlock(&pinned->lock);
	if (pfn)
		return min(pfn, 0);
	pfn = pin_one(pinned, index, write);
	if (pfn < 0)
		return pfn;
	copy_page_bytes(pfn_to_page(pfn), offset, data, n, write);
	release_page(pfn, write);
	return 0;
}

/**
 * iommufd_pinned_rw - let an in-kernel user read or write a piece of the memory
 * @pinned: the memory
 * @offset: where to begin, in bytes from the first byte of the first page
 * @data: the kernel's buffer
 * @length: bytes
 * @write: into the memory
 *
 * Return: 0, -EFAULT, -EINVAL for a BAR, -ENOMEM, -EINTR (a fatal signal). On
 * error a part may have been copied.
 */
int iommufd_pinned_rw(struct pinned *pinned, unsigned long offset, void *data,
		      unsigned long length, bool write)
{
	int rc = 0;

	while (!rc && length) {
		unsigned long in_page = offset % PAGE_SIZE;
		unsigned long n = min(length, PAGE_SIZE - in_page);

		rc = rw_page(pinned, offset / PAGE_SIZE, in_page, data, n,
			     write);
		offset += n;
		data += n;
		length -= n;
	}
	return rc;
}
