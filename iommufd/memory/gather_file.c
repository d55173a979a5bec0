// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pinning the memory of a file by its folios: shmem (memfd) and hugetlbfs.
 *
 * memfd_pin_folios() does it, except for three things that it gets wrong, in 6.12 and,
 * the last one, still in 7.3: holes in hugetlbfs; the contents of folios that fallocate()
 * put into shmem; and which folios belong together. The runs remember a pin for each
 * large folio.
 *
 * It looks for 31 folios at a time, and meanwhile the file can change: a hole is punched,
 * pinned or not, and is filled by a huge page. So a folio need not begin where the one
 * before has ended: it may begin before that, or pages may be missing in between. Only
 * the index of a folio tells which pages of the file it holds; and that it keeps, even
 * when it is in the file no more.
 */
#include <linux/fs.h>
#include <linux/falloc.h>
#include <linux/hugetlb.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/sched/signal.h>
#include <linux/shmem_fs.h>

#include "memory/gather.h"
#include "memory/runs.h"

/**
 * iommufd_gather_has_folios - can the folios of a file be pinned?
 * @file: any file
 *
 * Return: whether it is one of shmem or hugetlbfs.
 */
bool iommufd_gather_has_folios(const struct file *file)
{
	return shmem_mapping(file->f_mapping) || is_hugetlb_file(file);
}

static unsigned int file_seals(const struct file *file)
{
	return is_hugetlb_file(file) ? HUGETLBFS_I(file_inode(file))->seals :
				  SHMEM_I(file_inode(file))->seals;
}

/**
 * iommufd_gather_check_file - may devices access the memory of a file?
 * @file: a file that iommufd_gather_has_folios()
 * @start: offset in bytes
 * @length: bytes; the range does not wrap
 * @writable: to be written to
 *
 * They may where mmap() would give the caller a shared mapping, which has to be
 * readable in any case. Security modules cannot be asked about a mapping
 * (security_mmap_file() is not exported), so they are asked about reading and
 * writing the range, which is the same question for those that look at files.
 *
 * Return: 0, -EACCES (not open for reading, or open for appending only, or a
 * security module says so; it may also say -EPERM), -EPERM (not open for writing,
 * or sealed against it).
 */
int iommufd_gather_check_file(struct file *file, loff_t start, size_t length,
			      bool writable)
{
	int rc;

	if (!(file->f_mode & FMODE_READ) ||
	    (file->f_mode & FMODE_WRITE && IS_APPEND(file_inode(file))))
		return -EACCES;
	if (writable && (!(file->f_mode & FMODE_WRITE) ||
			 file_seals(file) & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)))
		return -EPERM;
	rc = rw_verify_area(READ, file, &start, length);
	if (!rc && writable)
		rc = rw_verify_area(WRITE, file, &start, length);
	return rc;
}

/* Does a folio hold the page of its file at @index? */
static bool folio_has(struct folio *folio, pgoff_t index)
{
	return index >= folio->index &&
	       index - folio->index < folio_nr_pages(folio);
}

/*
 * Take over pinned folios, as far as they hold the pages of the file from @index on, one
 * after the other, and no more than @left. The rest of the @n is unpinned.
 */
static int gather_folios(struct runs *runs, struct folio **folios, long n,
			 pgoff_t index, unsigned long left)
{
	int rc = 0;
	long i;

	for (i = 0; !rc && left && i < n; i++) {
		struct folio *folio = folios[i];
		unsigned long skip = index - folio->index;
		unsigned long npages;

		if (unlikely(!folio_has(folio, index)))
			break;
		npages = min(folio_nr_pages(folio) - skip, left);
		rc = gather_add_folio(runs, folio, folio_pfn(folio) + skip,
				      npages);
		index += npages;
		left -= npages;
	}
	unpin_folios(folios + i, n - i);
	return rc;
}

/*
 * Is every page of a range in the page cache? hugetlbfs only; the inode is locked
 * against hole punching.
 */
static bool hugetlb_is_whole(struct file *file, loff_t from, loff_t to)
{
	struct address_space *mapping = file->f_mapping;
	unsigned long size = huge_page_size(hstate_file(file));
	loff_t end = i_size_read(file_inode(file));
	unsigned long behind = end >> PAGE_SHIFT;

	if (to >= end)
		return false;
	/* As many pages as the file has room for, and none beyond its end. */
	if (mapping->nrpages == end >> PAGE_SHIFT &&
	    !xa_find(&mapping->i_pages, &behind, ULONG_MAX, XA_PRESENT))
		return true;
	for (from = round_down(from, size); from <= to; from += size) {
		struct folio *folio = filemap_get_folio(mapping,
							from >> PAGE_SHIFT);

		if (IS_ERR(folio))
			return false;
		folio_put(folio);
	}
	return true;
}

/*
 * For a missing page of hugetlbfs memfd_pin_folios() of 6.12 uses somebody
 * else's reservation, if there is one, and breaks the count if there is none.
 * So no page may be missing: holes are filled first, as fallocate() does it.
 */
static long pin_hugetlb(struct file *file, loff_t from, loff_t to,
			struct folio **folios, unsigned long most,
			bool fill_holes)
{
	struct inode *inode = file_inode(file);
	unsigned long size = huge_page_size(hstate_file(file));
	bool filled = false;
	pgoff_t unused;

	/* No more than one call can pin: the rest can wait. */
	to = min(to, round_down(from, size) + (loff_t)(most * size) - 1);
	for (;;) {
		long n = -EINVAL;
		bool whole;

		inode_lock_shared(inode);
		whole = hugetlb_is_whole(file, from, to);
		if (whole)
			n = memfd_pin_folios(file, from, to, folios, most,
					     &unused);
		inode_unlock_shared(inode);
		if (whole || filled || !fill_holes ||
		    !(file->f_mode & FMODE_WRITE) || to >= i_size_read(inode))
			return n;

		n = vfs_fallocate(file, FALLOC_FL_KEEP_SIZE,
				  round_down(from, size),
				  round_up(to + 1, size) -
				  round_down(from, size));
		if (n)
			return n == -ENOSPC ? -ENOMEM : n;
		filled = true;
	}
}

/*
 * Memory that fallocate() put into a shmem file is not cleared before it is
 * touched, and memfd_pin_folios() does not touch it. A device would see what was
 * in the memory before, and what it writes would be cleared later.
 */
static int clear_folio(struct file *file, struct folio *folio)
{
	struct folio *read;

	if (likely(folio_test_uptodate(folio)))
		return 0;
	read = shmem_read_folio(file->f_mapping, folio->index);
	if (IS_ERR(read))
		return PTR_ERR(read);
	folio_put(read);
	/* Has it been truncated meanwhile? */
	return folio_test_uptodate(folio) ? 0 : -EFAULT;
}

static long pin_shmem(struct file *file, loff_t from, loff_t to,
		      struct folio **folios, unsigned long most)
{
	pgoff_t unused;
	long n = memfd_pin_folios(file, from, to, folios, most, &unused);

	/* The file system is full: to the caller, that is lack of memory. */
	return n == -ENOSPC ? -ENOMEM : n;
}

/* memfd_pin_folios() does not notice poisoned memory. */
static int check_folio(struct file *file, struct folio *folio)
{
	if (folio_contain_hwpoisoned_page(folio))
		return -EHWPOISON;
	return folio_test_hugetlb(folio) ? 0 : clear_folio(file, folio);
}

/*
 * Returns how many folios, the first of which holds the page at @from; what the others
 * hold is to be seen from their indices.
 */
static long pin_folios(struct file *file, loff_t from, loff_t to,
		       struct folio **folios, unsigned long most,
		       bool fill_holes)
{
	long i, n;

	if (is_hugetlb_file(file))
		n = pin_hugetlb(file, from, to, folios, most, fill_holes);
	else
		n = pin_shmem(file, from, to, folios, most);
	for (i = 0; i < n; i++) {
		int rc = check_folio(file, folios[i]);

		if (unlikely(rc)) {
			unpin_folios(folios, n);
			return rc;
		}
	}
	if (n < 0 || (n > 0 && folio_has(folios[0], from >> PAGE_SHIFT)))
		return n;
	unpin_folios(folios, n);
	return -EFAULT;
}

/**
 * iommufd_gather_file - pin pages of a file
 * @gather: the state
 * @file: a file that iommufd_gather_has_folios()
 * @offset: where in the file the next page of the runs is
 * @end: index of the page to stop before
 * @fill_holes: of hugetlbfs. Holes of shmem are always filled.
 *
 * Return: 0, -EINVAL (beyond the end of the file, or a hole that must not or
 * cannot be filled), -ENOMEM, -EHWPOISON, -EINTR on a fatal signal, and on any
 * signal while a hole of hugetlbfs is filled. On error what has been pinned is in
 * the runs.
 */
int iommufd_gather_file(struct gather *gather, struct file *file,
			unsigned long offset, unsigned long end,
			bool fill_holes)
{
	struct folio **folios = (struct folio **)gather->pages;
	const unsigned long had = gather->runs->npages;

	while (gather->runs->npages < end) {
		unsigned long at = gather->runs->npages;
		loff_t from = offset + (at - had) * PAGE_SIZE;
		loff_t to = offset + (end - had) * PAGE_SIZE - 1;
		long n = pin_folios(file, from, to, folios, gather->batch,
				    fill_holes);
		int rc;

		if (n < 0)
			return n;
		/* At least the first one. The rest is looked for again. */
		rc = gather_folios(gather->runs, folios, n, from >> PAGE_SHIFT,
				   end - at);
		if (rc)
			return rc;
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	return 0;
}

/**
 * iommufd_gather_file_page - pin one page of a file
 * @file: the file
 * @offset: of the page
 *
 * Return: its PFN, whose folio is pinned; or an errno as iommufd_gather_file().
 */
long iommufd_gather_file_page(struct file *file, unsigned long offset)
{
	struct folio *folio;
	long n = pin_folios(file, offset, offset + PAGE_SIZE - 1, &folio, 1,
			    true);

	if (n < 0)
		return n;
	return folio_pfn(folio) + (offset >> PAGE_SHIFT) - folio->index;
}
