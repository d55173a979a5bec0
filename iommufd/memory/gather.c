// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pinning user memory, in the cheapest way that is exact.
 *
 * There are three ways to pin, and a range may need all of them:
 *
 * page by page		get_user_pages, a batch at a time. 11 instructions a page
 *			for a huge page, since it writes a pointer for each.
 * by the leaf		a huge page that the CPU's page table maps as one entry
 *			is pinned by one page of it. A pin on any page of a folio
 *			keeps the folio as it is. Whether the addresses really
 *			are one entry is read from the page table, before the
 *			page is pinned and again after it: a folio that is large
 *			says nothing about which of its pages are mapped where,
 *			and the user may have any of them in any order. Nor does
 *			the pin say what the user may do with the others: the
 *			entry has to.
 * by the file		a shared mapping of a memfd (a VMM's RAM) is pinned by
 *			the folios of the file at its offset, without looking
 *			at the addresses: gather_file.c.
 *
 * Only the runs remember whether there is a pin per page or per folio: what is
 * pinned by folio is added by gather_add_folio(), which sees from the runs whether
 * its pin is one too many, as iommufd_release_runs() does.
 */
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/pgtable.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/userfaultfd_k.h>

#include "memory/gather.h"
#include "memory/rights.h"
#include "memory/runs.h"

#define LEAF_PAGES	(PMD_SIZE / PAGE_SIZE)

static struct kmem_cache *scratch_cache;

static unsigned long gathered_to(const struct gather *gather)
{
	return gather->start + gather->runs->npages * PAGE_SIZE;
}

/**
 * iommufd_gather_add - add pages that were pinned page by page
 * @runs: where to
 * @pages: the pages
 * @n: how many
 *
 * Return: 0; or -ENOMEM, and the pages that are not in the runs have been
 * unpinned.
 */
int iommufd_gather_add(struct runs *runs, struct page **pages, unsigned long n)
{
	unsigned long i = 0;

	while (i < n) {
		struct page *page = pages[i];
		unsigned long j = i + 1;
		int rc;

		while (j < n && pages[j] == page + (j - i))
			j++;
		/* Only the run that was there before may continue in these pages. */
		if (i)
			rc = runs_push(runs, page_to_pfn(page), j - i, false);
		else
			rc = runs_append(runs, page_to_pfn(page), j - i, false);
		if (unlikely(rc)) {
			unpin_user_pages(pages + i, n - i);
			return rc;
		}
		i = j;
	}
	return 0;
}

static unsigned int gup_flags(bool writable)
{
	return FOLL_LONGTERM | (writable ? FOLL_WRITE : 0);
}

/* A page table is attached by another process, or by a kthread. */
static long gup_remote(struct mm_struct *mm, unsigned long addr,
		       unsigned long n, bool writable, struct page **pages)
{
	int locked = 1;
	long got;

	if (!mmget_not_zero(mm))
		return -EFAULT;
	if (mmap_read_lock_killable(mm)) {
		got = -EINTR;
	} else {
		/* A page may take long to come: not with the lock held. */
		got = pin_user_pages_remote(mm, addr, n, gup_flags(writable),
					    pages, &locked);
		if (locked)
			mmap_read_unlock(mm);
	}
	mmput(mm);
	return got;
}

static inline long gup(struct mm_struct *mm, unsigned long addr,
		       unsigned long n, bool writable, struct page **pages)
{
	if (likely(mm == current->mm))
		return pin_user_pages_fast(addr, n, gup_flags(writable), pages);
	return gup_remote(mm, addr, n, writable, pages);
}

/**
 * enum cpu_map - how the CPU maps the addresses of a huge page
 * @CPU_NOTHING: not at all, yet
 * @CPU_LEAF: by one entry
 * @CPU_PAGES: page by page, perhaps
 */
enum cpu_map {
	CPU_NOTHING,
	CPU_LEAF,
	CPU_PAGES,
};

/**
 * struct leaf - an entry of the CPU's page table that maps a huge page
 * @pfn: the first PFN at the address
 * @writable: the thread may write to all of it
 */
struct leaf {
	unsigned long pfn;
	bool writable;
};

/* How the CPU maps @addr; @leaf is set if it is by one. */
static enum cpu_map cpu_map_at(struct mm_struct *mm, unsigned long addr,
			       struct leaf *leaf)
{
	enum cpu_map how = CPU_NOTHING;
	unsigned long flags;
	pgd_t pgd;
	p4d_t p4d;
	pud_t pud;
	pmd_t pmd;

	/* Page tables are freed after all CPUs have had interrupts on. */
	local_irq_save(flags);
	pgd = READ_ONCE(*pgd_offset(mm, addr));
	if (pgd_none(pgd))
		goto out;
	p4d = READ_ONCE(*p4d_offset(&pgd, addr));
	if (p4d_none(p4d) || !p4d_present(p4d))
		goto out;
	pud = READ_ONCE(*pud_offset(&p4d, addr));
	if (pud_none(pud) || !pud_present(pud))
		goto out;
	if (pud_leaf(pud)) {
		leaf->pfn = pud_pfn(pud) + ((addr & ~PUD_MASK) >> PAGE_SHIFT);
		leaf->writable = pud_access_permitted(pud, true);
		how = CPU_LEAF;
		goto out;
	}
	pmd = READ_ONCE(*pmd_offset(&pud, addr));
	if (pmd_none(pmd))
		goto out;
	how = CPU_PAGES;
	if (pmd_present(pmd) && pmd_leaf(pmd)) {
		leaf->pfn = pmd_pfn(pmd);
		leaf->writable = pmd_access_permitted(pmd, true);
		how = CPU_LEAF;
	}
out:
	local_irq_restore(flags);
	return how;
}

static bool folio_holds(struct folio *folio, unsigned long pfn,
			unsigned long npages)
{
	return folio && pfn >= folio_pfn(folio) &&
	       pfn + npages <= folio_pfn(folio) + folio_nr_pages(folio);
}

/*
 * Is it still, or again, mapped by such a leaf? When it is pinned to be written to, it was
 * writable: now that must be said of all of it, by an entry which may have become so only
 * by the pin (private memory, and what is tracked). The user may have had another mapping
 * there meanwhile, of that one page.
 */
static bool is_leaf_still(const struct gather *gather, unsigned long addr,
			  unsigned long pfn)
{
	struct leaf leaf;

	return cpu_map_at(gather->mm, addr, &leaf) == CPU_LEAF &&
	       leaf.pfn == pfn && (leaf.writable || !gather->writable);
}

/*
 * Pin one huge page, which the CPU maps by a leaf. Returns 1; 0 if it no longer does, or
 * not with the rights that are asked for; or -ENOMEM.
 */
static int gather_leaf(struct gather *gather, unsigned long addr,
		       const struct leaf *leaf)
{
	const unsigned long pfn = leaf->pfn;
	struct runs *runs = gather->runs;
	struct folio *folio;
	struct page *page;

	/* The next piece of a 1 GiB page of which one is pinned already. */
	if (addr % PUD_SIZE && (leaf->writable || !gather->writable) &&
	    folio_holds(runs_end_in(runs), pfn, LEAF_PAGES) &&
	    pfn == run_pfn(*runs->last) + run_pages(*runs->last))
		return runs_append(runs, pfn, LEAF_PAGES, true) ?: 1;

	if (pin_user_pages_fast(addr, 1, gup_flags(gather->writable),
				&page) != 1)
		return 0;
	folio = page_folio(page);
	if (page_to_pfn(page) != pfn || !folio_holds(folio, pfn, LEAF_PAGES) ||
	    folio_contain_hwpoisoned_page(folio) ||
	    !is_leaf_still(gather, addr, pfn)) {
		unpin_user_page(page);
		return 0;
	}
	return gather_add_folio(runs, folio, pfn, LEAF_PAGES) ?: 1;
}

/*
 * Is it a shared mapping of a file that can be pinned by folios, with the rights
 * that are asked for? The rights are the mapping's, and the thread's own by its
 * protection key: whoever has them may use it, whatever the file would allow today.
 */
static bool vma_has_folios(struct vm_area_struct *vma, bool writable)
{
	vm_flags_t need = VM_SHARED | VM_READ | (writable ? VM_WRITE : 0);

	/* Pages that a userfaultfd handles must come from there. */
	return (vma->vm_flags & need) == need && vma_permits(vma, writable) &&
	       vma->vm_file &&
	       !(vma->vm_flags & (VM_IO | VM_PFNMAP)) &&
	       !userfaultfd_armed(vma) &&
	       iommufd_gather_has_folios(vma->vm_file);
}

/*
 * The file of such a mapping at @addr (referenced, and counted as mapped writable if
 * it will be pinned for writing), where @addr is in it, and how far the mapping
 * goes; or NULL.
 */
static struct file *file_behind(struct gather *gather, unsigned long addr,
				unsigned long *offset, unsigned long *until)
{
	struct vm_area_struct *vma;
	struct file *file = NULL;

	*until = addr + PMD_SIZE;
	if (mmap_read_lock_killable(gather->mm))
		return NULL;
	vma = vma_lookup(gather->mm, addr);
	if (vma) {
		*until = vma->vm_end;
		/* The mapping itself is counted, so there is no seal yet. */
		if (vma_has_folios(vma, gather->writable) &&
		    (!gather->writable ||
		     !mapping_map_writable(vma->vm_file->f_mapping))) {
			file = get_file(vma->vm_file);
			*offset = (vma->vm_pgoff << PAGE_SHIFT) +
				  (addr - vma->vm_start);
		}
	}
	mmap_read_unlock(gather->mm);
	return file;
}

/*
 * Returns 1 if something was pinned, 0 if this cannot be pinned by the file, or
 * an errno.
 *
 * The mapping may go meanwhile. Still the file cannot be sealed against writing:
 * until the pages are pinned it is counted as mapped writable, and from then on
 * F_SEAL_WRITE finds the pins.
 */
static int gather_mapped_file(struct gather *gather, unsigned long addr,
			      unsigned long end)
{
	const unsigned long had = gather->runs->npages;
	unsigned long offset, until;
	struct file *file;
	int rc;

	if (addr < gather->plain_until)
		return 0;
	file = file_behind(gather, addr, &offset, &until);
	if (!file) {
		gather->plain_until = until;
		return 0;
	}
	rc = iommufd_gather_file(gather, file, offset,
				 min(end, had + ((until - addr) >> PAGE_SHIFT)),
				 false);
	if (gather->writable)
		mapping_unmap_writable(file->f_mapping);
	fput(file);
	/*
	 * A hole, or beyond the end of the file, or poisoned memory: let
	 * get_user_pages() tell.
	 */
	if (rc == -EINVAL || rc == -EHWPOISON) {
		gather->plain_until = until;
		return gather->runs->npages != had;
	}
	return rc ?: 1;
}

/*
 * Ways that pay off for huge pages only, at the address of one. They do not where
 * the CPU has a table of small pages. Where it has nothing yet, the folios of a
 * file can be had without a page fault for each page.
 */
static int gather_huge(struct gather *gather, unsigned long addr,
		       unsigned long end)
{
	enum cpu_map how;
	struct leaf leaf;
	int rc;

	if (addr % PMD_SIZE || end - gather->runs->npages < LEAF_PAGES ||
	    gather->mm != current->mm)
		return 0;
	how = cpu_map_at(gather->mm, addr, &leaf);
	if (how == CPU_PAGES)
		return 0;
	rc = gather_mapped_file(gather, addr, end);
	if (rc || how == CPU_NOTHING)
		return rc;
	return gather_leaf(gather, addr, &leaf);
}

/* Page tables are walked for the user's addresses only. */
static bool is_user_range(unsigned long addr, unsigned long npages)
{
	return addr < TASK_SIZE_MAX &&
	       npages <= (TASK_SIZE_MAX - addr) >> PAGE_SHIFT;
}

/**
 * iommufd_gather_user - pin pages of user memory
 * @gather: the state
 * @end: index of the page to stop before
 *
 * Return: 0, -EFAULT, -ENOMEM, -EINTR on a fatal signal, or another errno of
 * get_user_pages. On error what has been pinned is in the runs.
 */
int iommufd_gather_user(struct gather *gather, unsigned long end)
{
	if (unlikely(!is_user_range(gather->start, end)))
		return -EFAULT;
	while (gather->runs->npages < end) {
		unsigned long addr = gathered_to(gather);
		unsigned long left = end - gather->runs->npages;
		long n;
		int rc;

		rc = gather_huge(gather, addr, end);
		if (rc < 0)
			return rc;
		if (!rc) {
			/* Up to where a huge page may begin. */
			unsigned long n_max = (PMD_SIZE - addr % PMD_SIZE) /
					      PAGE_SIZE;

			n = gup(gather->mm, addr,
				min3(left, gather->batch, n_max),
				gather->writable, gather->pages);
			if (n <= 0)
				return n ?: -EFAULT;
			rc = iommufd_gather_add(gather->runs, gather->pages, n);
			if (rc)
				return rc;
		}
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	return 0;
}

/**
 * iommufd_gather_user_pages - pin some pages of user memory, all or none
 * @mm: the address space
 * @addr: page-aligned address
 * @n: number of pages
 * @writable: pin for writing
 * @pages: set to the pages
 *
 * Return: 0 or an errno as iommufd_gather_user().
 */
int iommufd_gather_user_pages(struct mm_struct *mm, unsigned long addr,
			      unsigned long n, bool writable,
			      struct page **pages)
{
	unsigned long done = 0;

	while (done < n) {
		long got = gup(mm, addr + done * PAGE_SIZE, n - done, writable,
			       pages + done);

		if (got <= 0) {
			unpin_user_pages(pages, done);
			return got ?: -EFAULT;
		}
		done += got;
	}
	return 0;
}

/**
 * iommufd_gather_user_page - pin one page of user memory
 * @mm: the address space
 * @addr: address of the page
 * @writable: pin for writing
 *
 * Return: its PFN, or an errno as iommufd_gather_user().
 */
long iommufd_gather_user_page(struct mm_struct *mm, unsigned long addr,
			      bool writable)
{
	struct page *page;
	long n = gup(mm, addr, 1, writable, &page);

	if (unlikely(n != 1))
		return n ?: -EFAULT;
	return page_to_pfn(page);
}

/* Pages between two chances to reschedule. */
#define RELEASE_STRIDE	2048
/* Pages of a run that are unpinned in one call, which takes 87 instructions for each. */
#define RELEASE_MAX	RELEASE_STRIDE
/* Pages of a run of folios, which are as many folios at the most, likewise. */
#define RELEASE_FOLIOS	8192

/* Unpin the folio that was kept back, if there was one. */
static inline struct folio *let_go(struct folio *held, bool dirty)
{
	if (held)
		release_folio(held, dirty);
	return NULL;
}

/*
 * Unpin the folios of a run. The last one is kept until the next run is known to
 * begin elsewhere.
 */
static struct folio *release_folios(run_t run, bool dirty, struct folio *held)
{
	unsigned long pfn = run_pfn(run), end = pfn + run_pages(run), stop;

	while (pfn < end) {
		for (stop = min(end, pfn + RELEASE_FOLIOS); pfn < stop;
		     pfn = folio_pfn(held) + folio_nr_pages(held)) {
			if (folio_holds(held, pfn, 1))
				continue;
			let_go(held, dirty);
			held = page_folio(pfn_to_page(pfn));
		}
		cond_resched();
	}
	return held;
}

/* Unpin the pages of a run, each of which has a pin. */
static inline void release_pages_of(run_t run, bool dirty)
{
	unsigned long pfn = run_pfn(run), left = run_pages(run), n;

	/* A single page is not worth the call that looks for neighbours. */
	if (left == 1) {
		release_page(pfn, dirty);
		return;
	}
	for (; unlikely(left > RELEASE_MAX); pfn += n, left -= n) {
		n = RELEASE_MAX - pfn % RELEASE_MAX;
		unpin_user_page_range_dirty_lock(pfn_to_page(pfn), n, dirty);
		cond_resched();
	}
	unpin_user_page_range_dirty_lock(pfn_to_page(pfn), left, dirty);
}

/**
 * iommufd_release_runs - unpin everything
 * @runs: what a struct gather has been filling; empty afterwards
 * @dirty: it may have been written to
 */
void iommufd_release_runs(struct runs *runs, bool dirty)
{
	struct folio *held = NULL;
	unsigned long since = 0;
	u32 row, nr;
	run_t *run;

	for (row = 0; (run = iommufd_runs_row(runs, row, &nr)); row++) {
		const run_t *end = run + nr;

		for (; run < end; run++) {
			if (*run & RUN_BY_FOLIO) {
				held = release_folios(*run, dirty, held);
			} else {
				held = let_go(held, dirty);
				release_pages_of(*run, dirty);
			}
			since += run_pages(*run);
			if (unlikely(since >= RELEASE_STRIDE)) {
				since = 0;
				cond_resched();
			}
		}
	}
	let_go(held, dirty);
	iommufd_runs_free(runs);
}

/**
 * iommufd_gather_scratch - room for GATHER_BATCH pointers, for the duration of a
 * command
 *
 * Return: the room, or NULL.
 */
struct page **iommufd_gather_scratch(void)
{
	return kmem_cache_alloc(scratch_cache, GFP_KERNEL_ACCOUNT);
}

/**
 * iommufd_gather_scratch_free - the opposite of iommufd_gather_scratch()
 * @pages: the room
 */
void iommufd_gather_scratch_free(struct page **pages)
{
	kmem_cache_free(scratch_cache, pages);
}

/*
 * With a constructor the memory is not zeroed by every allocation: zeroing a page
 * full of pointers is a tenth of the cost of pinning 256 MiB of huge pages.
 */
static void scratch_construct(void *mem)
{
	memset(mem, 0, GATHER_BATCH * sizeof(struct page *));
}

/**
 * iommufd_gather_init - at module load
 *
 * Return: 0 or -ENOMEM.
 */
int iommufd_gather_init(void)
{
	scratch_cache = kmem_cache_create("iommufd_scratch",
					  GATHER_BATCH * sizeof(struct page *),
					  0, 0, scratch_construct);
	return scratch_cache ? 0 : -ENOMEM;
}

/**
 * iommufd_gather_exit - at module unload
 */
void iommufd_gather_exit(void)
{
	kmem_cache_destroy(scratch_cache);
}
