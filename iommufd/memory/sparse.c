// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory of which in-kernel users have single pages, as long as no page table needs all
 * of it. See the head of pin.c.
 */
#include <linux/slab.h>

#include "memory/charge.h"
#include "memory/gather.h"
#include "memory/sparse.h"

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

static void *find(struct pinned *pinned, unsigned long index)
{
	return pinned->sparse ? xa_load(&pinned->sparse->pages, index) : NULL;
}

/* Are the sparse pages those that the runs have, too? */
static bool sparse_matches(struct pinned *pinned)
{
	unsigned long index;
	void *value;

	xa_for_each(&pinned->sparse->pages, index, value)
		if (iommufd_runs_seek(&pinned->runs, index, 1).pfn !=
		    sparse_pfn(value))
			return false;
	return true;
}

static void sparse_free(struct pinned *pinned)
{
	xa_destroy(&pinned->sparse->pages);
	kfree(pinned->sparse);
	pinned->sparse = NULL;
}

/* Each pin of a page becomes a use of the whole, which has its own pin on the page. */
static int absorb_locked(struct pinned *pinned)
{
	unsigned long index;
	void *value;

	if (!pinned->sparse)
		return 0;
	if (!sparse_matches(pinned))
		return -ESTALE;
	xa_for_each(&pinned->sparse->pages, index, value) {
		pinned->uses += sparse_count(value);
		release_page(sparse_pfn(value), false);
	}
	sparse_free(pinned);
	return 0;
}

/**
 * iommufd_sparse_absorb - the first use of memory that has been pinned as a whole
 * @pinned: busy, and filled
 * @paid: the pages that have been charged for. In-kernel users have paid for the
 *	others, but users may have come or gone meanwhile.
 *
 * Return: 0 with the use and theirs counted, or -ESTALE (the user has replaced
 * a page that an in-kernel user keeps), -ENOMEM, -EINTR.
 */
int iommufd_sparse_absorb(struct pinned *pinned, unsigned long *paid)
{
	struct account *account = pinned->account;
	long more;
	int rc;

	for (;;) {
		mutex_lock(&pinned->lock);
		more = pinned->npages - sparse_nr(pinned) - *paid;
		if (more <= 0)
			break;
		mutex_unlock(&pinned->lock);
		rc = account_charge(account, more);
		if (rc)
			return rc;
		*paid += more;
	}
	rc = absorb_locked(pinned);
	if (!rc)
		pinned->uses++;
	mutex_unlock(&pinned->lock);
	if (!rc && more)
		account_uncharge(account, -more);
	return rc;
}

/**
 * iommufd_sparse_pin - one more pin of a page that has one
 * @pinned: not in use as a whole, locked
 * @index: of the page
 * @page: set to the page
 *
 * Return: 0, -ENOENT (it is not pinned), -EOVERFLOW (pinned millions of times).
 */
int iommufd_sparse_pin(struct pinned *pinned, unsigned long index,
		       struct page **page)
{
	void *value = find(pinned, index);

	if (!value)
		return -ENOENT;
	if (sparse_count(value) == SPARSE_COUNT_MAX)
		return -EOVERFLOW;
	/* Replaces an entry: this does not allocate. */
	xa_store(&pinned->sparse->pages, index,
		 sparse_value(sparse_pfn(value), sparse_count(value) + 1),
		 GFP_KERNEL);
	*page = pfn_to_page(sparse_pfn(value));
	return 0;
}

/**
 * iommufd_sparse_gap - how many pages are not pinned?
 * @pinned: not in use as a whole, locked
 * @first: index of the first page
 * @npages: pages to look at, at least 1
 *
 * Return: how many pages there are up to the next one that is pinned, or @npages.
 */
unsigned long iommufd_sparse_gap(struct pinned *pinned, unsigned long first,
				 unsigned long npages)
{
	unsigned long index = first;

	if (!pinned->sparse || !xa_find(&pinned->sparse->pages, &index,
					first + npages - 1, XA_PRESENT))
		return npages;
	return index - first;
}

/**
 * iommufd_sparse_pfn_at - where is a page?
 * @pinned: not in use as a whole, locked
 * @index: of the page
 *
 * Return: its PFN, or 0 if it is not pinned.
 */
unsigned long iommufd_sparse_pfn_at(struct pinned *pinned, unsigned long index)
{
	void *value = find(pinned, index);

	return value ? sparse_pfn(value) : 0;
}

static int sparse_alloc(struct pinned *pinned)
{
	if (pinned->sparse)
		return 0;
	pinned->sparse = kmalloc(sizeof(*pinned->sparse), GFP_KERNEL_ACCOUNT);
	if (!pinned->sparse)
		return -ENOMEM;
	xa_init_flags(&pinned->sparse->pages, XA_FLAGS_ACCOUNT);
	pinned->sparse->nr = 0;
	return 0;
}

/* Returns how many entries have been made, or -ENOMEM if it was none. */
static long store_pages(struct xarray *xa, unsigned long first,
			unsigned long npages, struct page **pages)
{
	XA_STATE(xas, xa, first);
	unsigned long n = 0;

	do {
		xas_lock(&xas);
		while (n < npages) {
			xas_store(&xas, sparse_value(page_to_pfn(pages[n]), 1));
			if (xas_error(&xas))
				break;
			if (++n < npages)
				xas_next(&xas);
		}
		xas_unlock(&xas);
	} while (xas_nomem(&xas, GFP_KERNEL_ACCOUNT));
	return n ?: xas_error(&xas);
}

/**
 * iommufd_sparse_add - the first pins of some pages, up to one that has a pin already
 * @pinned: not in use as a whole, locked
 * @first: index of the first page
 * @npages: how many
 * @pages: they, which have been pinned, and paid for
 *
 * Return: how many it was, or -ENOMEM if it was none.
 */
long iommufd_sparse_add(struct pinned *pinned, unsigned long first,
			unsigned long npages, struct page **pages)
{
	long n;

	npages = iommufd_sparse_gap(pinned, first, npages);
	n = sparse_alloc(pinned);
	if (n)
		return n;
	n = store_pages(&pinned->sparse->pages, first, npages, pages);
	if (n > 0)
		pinned->sparse->nr += n;
	if (!pinned->sparse->nr)
		sparse_free(pinned);
	return n;
}

/* Pages that are unpinned at a time. */
#define UNPIN_BATCH		16

/*
 * Each page has a pin less, from @first on. Returns how many are no longer pinned, so no
 * longer charged; @pages is set to those.
 */
static unsigned long drop_pins(struct pinned *pinned, unsigned long first,
			       unsigned long npages, struct page **pages)
{
	XA_STATE(xas, &pinned->sparse->pages, first);
	unsigned long seen = 0, n = 0;
	void *value;

	xas_lock(&xas);
	xas_for_each(&xas, value, first + npages - 1) {
		unsigned long pfn = sparse_pfn(value);
		unsigned long count = sparse_count(value);

		seen++;
		if (count == 1)
			pages[n++] = pfn_to_page(pfn);
		/* Replaces an entry, or takes it away: this does not allocate. */
		xas_store(&xas, count > 1 ? sparse_value(pfn, count - 1) : NULL);
	}
	xas_unlock(&xas);
	WARN_ON(seen != npages);
	return n;
}

/**
 * iommufd_sparse_unpin - the opposite of iommufd_sparse_pin() or
 * iommufd_sparse_add(), of several pages
 * @pinned: not in use as a whole, locked
 * @first: index of the first page
 * @npages: how many
 *
 * Return: how many are not pinned any more, so not to be paid for.
 */
unsigned long iommufd_sparse_unpin(struct pinned *pinned, unsigned long first,
				   unsigned long npages)
{
	struct page *pages[UNPIN_BATCH];
	unsigned long unpinned = 0, n, some;

	for (; npages; npages -= some, first += some) {
		some = min(npages, UNPIN_BATCH);
		n = drop_pins(pinned, first, some, pages);
		unpin_user_pages_dirty_lock(pages, n, pinned->writable);
		unpinned += n;
	}
	pinned->sparse->nr -= unpinned;
	if (!pinned->sparse->nr)
		sparse_free(pinned);
	return unpinned;
}
