/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Pinning the pages of user memory and of files, and unpinning them.
 */
#ifndef IOMMUFD_GATHER_H
#define IOMMUFD_GATHER_H

#include <linux/fs.h>
#include <linux/magic.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/types.h>

#include "memory/runs.h"

/* Pages or folios that are pinned at a time: a page full of pointers. */
#define GATHER_BATCH	(PAGE_SIZE / sizeof(struct page *))

/**
 * struct gather - pages that are being pinned
 * @runs: what has been pinned so far
 * @mm: the address space of the user memory; not for files
 * @start: page-aligned address of the first page of @runs
 * @writable: pin for writing
 * @pages: room for page or folio pointers
 * @batch: how many of them
 * @plain_until: user memory is known not to be a file's up to here
 */
struct gather {
	struct runs *runs;
	struct mm_struct *mm;
	unsigned long start;
	bool writable;
	struct page **pages;
	unsigned long batch;
	unsigned long plain_until;
};

int iommufd_gather_user(struct gather *gather, unsigned long end);
int iommufd_gather_file(struct gather *gather, struct file *file,
			unsigned long offset, unsigned long end,
			bool fill_holes);
bool iommufd_gather_has_folios(const struct file *file);
int iommufd_gather_check_file(struct file *file, loff_t start, size_t length,
			      bool writable);

int iommufd_gather_user_pages(struct mm_struct *mm, unsigned long addr,
			      unsigned long n, bool writable,
			      struct page **pages);
int iommufd_gather_add(struct runs *runs, struct page **pages, unsigned long n);
long iommufd_gather_user_page(struct mm_struct *mm, unsigned long addr,
			      bool writable);
long iommufd_gather_file_page(struct file *file, unsigned long offset);

struct page **iommufd_gather_scratch(void);
void iommufd_gather_scratch_free(struct page **pages);
int iommufd_gather_init(void);
void iommufd_gather_exit(void);

void iommufd_release_runs(struct runs *runs, bool dirty);

/* The folio that the runs end in, if it is pinned by folio. */
static inline struct folio *runs_end_in(const struct runs *runs)
{
	const run_t last = *runs->last;

	if (!(last & RUN_BY_FOLIO))
		return NULL;
	return page_folio(pfn_to_page(run_pfn(last) + run_pages(last) - 1));
}

/**
 * gather_add_folio - add pages of one folio, which has been pinned for them
 * @runs: where to
 * @folio: the folio
 * @pfn: the first of the pages
 * @npages: how many
 *
 * A large folio has one pin for a stretch of its pages in the runs, in whatever
 * order. The pin of a small one is that of its page.
 *
 * Return: 0, or -ENOMEM with nothing added. In any case the caller's pin is taken
 * over.
 */
static inline int gather_add_folio(struct runs *runs, struct folio *folio,
				   unsigned long pfn, unsigned long npages)
{
	struct folio *before = runs_end_in(runs);
	int rc = runs_append(runs, pfn, npages, folio_test_large(folio));

	if (unlikely(rc || folio == before))
		unpin_folio(folio);
	return rc;
}

/**
 * is_hugetlb_file - is_file_hugepages(), which needs a symbol that is not exported
 * @file: any file
 */
static inline bool is_hugetlb_file(const struct file *file)
{
	return file_inode(file)->i_sb->s_magic == HUGETLBFS_MAGIC;
}

/**
 * release_folio - drop one pin of a folio
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
 * release_page - unpin one page that was pinned by itself
 * @pfn: its PFN
 * @dirty: it may have been written to
 */
static inline void release_page(unsigned long pfn, bool dirty)
{
	release_folio(page_folio(pfn_to_page(pfn)), dirty);
}

#endif
