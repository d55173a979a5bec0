// SPDX-License-Identifier: GPL-2.0-only
/*
 * Device memory that a process has mapped: addresses without pages.
 *
 * Only the CPU's page table says where such an address leads. Its driver fills that in
 * at the first touch, VFIO by the largest entries that fit: 1 GiB, 2 MiB or, where
 * address and BAR are not aligned alike, 4 KiB. So an address that leads nowhere is
 * touched, and then one entry tells of all that it maps. The entries behind it in the
 * same table have the same lock: as far as they go on where it ends, they are read at
 * once.
 *
 * What an entry says is true while that lock is held, and no longer: the driver may take
 * it out at any time, and the user may map something else there. Whoever uses what is
 * found here has to make sure, afterwards and with a lock that keeps it so, that the
 * memory's owner still lets it be reached: bar.c.
 */
#include <linux/mm.h>
#include <linux/mmap_lock.h>
#include <linux/pgtable.h>
#include <linux/sched/signal.h>

#include "memory/pfnmap.h"
#include "memory/rights.h"
#include "memory/runs.h"

#define PMD_PAGES	(PMD_SIZE / PAGE_SIZE)

/**
 * struct search - what is looked for
 * @mm: the address space
 * @start: first address, page aligned
 * @end: the address behind the last one
 * @write: it is to be written to
 * @alone: the entry that was read last is followed by none that goes on where it ends
 * @untouched: it was not there before it was touched, and is @alone: so the next one is
 *	most likely not there either
 */
struct search {
	struct mm_struct *mm;
	unsigned long start;
	unsigned long end;
	bool write;
	bool alone;
	bool untouched;
};

/* Entries of the table of @addr, from its own on to the last one that is needed. */
static unsigned long entries_left(unsigned long addr, unsigned long end,
				  unsigned long entry, unsigned long table)
{
	addr &= ~(entry - 1);
	return DIV_ROUND_UP(min(end - addr, table - addr % table), entry);
}

/*
 * How many of @most small entries, from @pte on, lead on where the first one does. Most
 * look like the one before but for the PFN; not all, since the CPU notes what it has used.
 */
static unsigned long count_ptes(pte_t *pte, unsigned long most, bool write)
{
	pte_t next = ptep_get(pte);
	const unsigned long pfn = pte_pfn(next);
	unsigned long n;

	for (n = 1; n < most; n++) {
		pte_t entry = ptep_get(pte + n);

		next = pte_next_pfn(next);
		if (pte_same(entry, next))
			continue;
		if (!pte_present(entry) || pte_pfn(entry) != pfn + n ||
		    (write && !pte_write(entry)))
			break;
		next = entry;
	}
	return n;
}

/* The same of huge ones. */
static unsigned long count_pmds(pmd_t *pmd, unsigned long most, bool write)
{
	const unsigned long pfn = pmd_pfn(pmdp_get(pmd));
	unsigned long n;

	for (n = 1; n < most; n++) {
		pmd_t entry = pmdp_get(pmd + n);

		if (!pmd_present(entry) || !pmd_leaf(entry) ||
		    pmd_pfn(entry) != pfn + n * PMD_PAGES ||
		    (write && !pmd_write(entry)))
			break;
	}
	return n;
}

/*
 * Pages from @addr on that follow each other in memory, as far as its table tells. The
 * entry is there, and may be written to if that is wanted. The lock of its table is held,
 * and the mmap lock: so it stays, and so do the tables above it.
 */
static unsigned long read_entries(struct search *search, unsigned long addr)
{
	pgd_t *pgd = pgd_offset(search->mm, addr);
	p4d_t *p4d = p4d_offset(pgd, addr);
	pud_t *pud = pud_offset(p4d, addr);
	unsigned long most, n;
	pmd_t *pmd;

	if (pud_leaf(pudp_get(pud))) {
		search->alone = true;
		return (PUD_SIZE - addr % PUD_SIZE) >> PAGE_SHIFT;
	}
	pmd = pmd_offset(pud, addr);
	if (!pmd_leaf(pmdp_get(pmd))) {
		most = entries_left(addr, search->end, PAGE_SIZE, PMD_SIZE);
		n = count_ptes(pte_offset_kernel(pmd, addr), most,
			       search->write);
		search->alone = n == 1;
		return n;
	}
	most = entries_left(addr, search->end, PMD_SIZE, PUD_SIZE);
	n = count_pmds(pmd, most, search->write);
	search->alone = n == 1;
	return n * PMD_PAGES - (addr % PMD_SIZE >> PAGE_SHIFT);
}

/*
 * The memory at an address, which is touched if there is no entry for it; with the mmap
 * lock held.
 *
 * Returns how many pages follow each other there, 0 if the mmap lock was dropped and taken
 * again (look at the VMA anew), or an errno.
 */
static long follow(struct search *search, struct vm_area_struct *vma,
		   unsigned long addr, unsigned long *pfn)
{
	struct follow_pfnmap_args args = { .vma = vma, .address = addr };
	const bool touch = search->untouched || follow_pfnmap_start(&args);
	bool unlocked = false;
	long n = -EFAULT;
	int rc;

	if (touch) {
		rc = fixup_user_fault(search->mm, addr, FAULT_FLAG_REMOTE |
				      (search->write ? FAULT_FLAG_WRITE : 0),
				      &unlocked);
		if (unlocked)
			return rc;
		if (rc || follow_pfnmap_start(&args))
			return -EFAULT;
	}
	if (!search->write || args.writable)
		n = read_entries(search, addr);
	*pfn = args.pfn;
	follow_pfnmap_end(&args);
	search->untouched = touch && search->alone;
	return n;
}

static bool is_device_memory(const struct search *search,
			     struct vm_area_struct *vma)
{
	return vma && vma->vm_flags & VM_PFNMAP && vma->vm_end >= search->end &&
	       vma_permits(vma, search->write);
}

/*
 * Add to @runs what is found until somebody waits for the mmap lock, which is held for
 * reading, or for the CPU, or a fatal signal comes. Returns 0, perhaps with less than all,
 * or an errno.
 */
static int gather_some(struct search *search, struct runs *runs)
{
	struct vm_area_struct *vma = NULL;
	unsigned long addr, pfn;
	long n;
	int rc;

	do {
		addr = search->start + runs->npages * PAGE_SIZE;
		if (addr == search->end)
			return 0;
		if (!vma)
			vma = vma_lookup(search->mm, addr);
		if (!is_device_memory(search, vma))
			return -EFAULT;
		n = follow(search, vma, addr, &pfn);
		if (n < 0)
			return n;
		if (!n) {
			vma = NULL;
			continue;
		}
		n = min(n, (long)((search->end - addr) >> PAGE_SHIFT));
		rc = runs_append(runs, pfn, n, false);
		if (rc)
			return rc;
	} while (!need_resched() && !mmap_lock_is_contended(search->mm) &&
		 !fatal_signal_pending(current));
	return 0;
}

/**
 * iommufd_pfnmap_gather - find the device memory that a range of addresses maps
 * @mm: the address space, which the caller keeps alive
 * @uptr: first address, page aligned
 * @npages: length
 * @write: it is to be written to
 * @runs: empty; filled with the PFNs
 *
 * All of the range must be one mapping.
 *
 * Return: 0; -EFAULT if it is not device memory, the process itself could not access it
 * like that, or its driver does not let it be touched; -ENOMEM; or -EINTR on a fatal signal. On error @runs has
 * what was found before.
 */
int iommufd_pfnmap_gather(struct mm_struct *mm, unsigned long uptr,
			  unsigned long npages, bool write, struct runs *runs)
{
	struct search search = {
		.mm = mm,
		.start = uptr,
		.end = uptr + npages * PAGE_SIZE,
		.write = write,
	};
	int rc = 0;

	while (!rc && runs->npages < npages) {
		if (mmap_read_lock_killable(mm))
			return -EINTR;
		rc = gather_some(&search, runs);
		mmap_read_unlock(mm);
		cond_resched();
		if (fatal_signal_pending(current))
			rc = -EINTR;
	}
	return rc;
}
