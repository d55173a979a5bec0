/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Pinning the pages of user memory and of files, and letting go of them.
 */
#ifndef IOMMUFD_GATHER_H
#define IOMMUFD_GATHER_H

#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/types.h>

struct runs;

/* Pages or folios that are pinned at a time: a page full of pointers. */
#define GATHER_BATCH	(PAGE_SIZE / sizeof(struct page *))

/**
 * struct gather - pages that are being pinned
 * @runs: what has been pinned so far
 * @mm: the user memory's address space, unless it is all a file's
 * @start: page-aligned address of the first page of @runs
 * @writable: pin for writing
 * @pages: room for page or folio pointers
 * @batch: how many of them
 * @before: the folio that the last page of @runs is in, if it is pinned by folio
 * @plain_until: user memory is known not to be a file's up to here
 */
struct gather {
	struct runs *runs;
	struct mm_struct *mm;
	unsigned long start;
	bool writable;
	struct page **pages;
	unsigned long batch;
	struct folio *before;
	unsigned long plain_until;
};

int gather_user(struct gather *gather, unsigned long end);
int gather_file(struct gather *gather, struct file *file, unsigned long offset,
		unsigned long end, bool fill_holes);
int gather_check_file(struct file *file, bool writable);

int gather_user_pages(struct mm_struct *mm, unsigned long addr,
		      unsigned long n, bool writable, struct page **pages);
int gather_add(struct runs *runs, struct page **pages, unsigned long n);
long gather_user_page(struct mm_struct *mm, unsigned long addr, bool writable);
long gather_file_page(struct file *file, unsigned long offset);

struct page **gather_scratch(void);
void gather_scratch_free(struct page **pages);
int gather_init(void);
void gather_exit(void);

void release_runs(struct runs *runs, bool dirty);

/**
 * release_folio - let go of one pin of a folio
 * @folio: the folio
 * @dirty: it may have been written to
 */
static inline void release_folio(struct folio *folio, bool dirty)
{
	if (unlikely(dirty && !folio_test_dirty(folio))) {
		folio_lock(folio);
		folio_mark_dirty(folio);
		folio_unlock(folio);
	}
	unpin_folio(folio);
}

/**
 * release_page - unpin one page that was pinned alone
 * @pfn: its PFN
 * @dirty: it may have been written to
 */
static inline void release_page(unsigned long pfn, bool dirty)
{
	release_folio(page_folio(pfn_to_page(pfn)), dirty);
}

#endif
