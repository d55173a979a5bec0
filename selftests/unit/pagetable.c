// SPDX-License-Identifier: GPL-2.0-only
/*
 * The page table of include/linux/pgtable.h, its driver, and its locks.
 */
#include <errno.h>

#include <linux/mmap_lock.h>
#include <linux/pgtable.h>
#include <linux/sched/signal.h>

#include "pagetable.h"
#include "unit.h"

#define PMD_PAGES	(PMD_SIZE / PAGE_SIZE)
#define PUD_PAGES	(PUD_SIZE / PAGE_SIZE)

struct mm_struct pagetable;

static u64 entry(unsigned long page, u64 kind)
{
	return pagetable.pfn[page] << PAGE_SHIFT | ENTRY_PRESENT | kind |
	       (pagetable.writable[page] ? ENTRY_WRITE : 0);
}

/* Can one entry map the @n pages around @page? */
static bool fits(unsigned long page, unsigned long n)
{
	const unsigned long first = page - page % n;
	unsigned long i;

	if (first * PAGE_SIZE < pagetable.vma.vm_start ||
	    (first + n) * PAGE_SIZE > pagetable.vma.vm_end)
		return false;
	for (i = first; i < first + n; i++)
		if (pagetable.pfn[i] != pagetable.pfn[first] + (i - first) ||
		    pagetable.writable[i] != pagetable.writable[first])
			return false;
	return true;
}

/* Does the page lie in an entry that is there? */
static bool is_filled(unsigned long page)
{
	const pud_t pud = pagetable.pud[page / PUD_PAGES];
	const pmd_t pmd = pagetable.pmd[page / PMD_PAGES];

	if (!(pud.value & ENTRY_PRESENT) || pud.value & ENTRY_LEAF)
		return pud.value & ENTRY_PRESENT;
	if (!(pmd.value & ENTRY_PRESENT) || pmd.value & ENTRY_LEAF)
		return pmd.value & ENTRY_PRESENT;
	return pagetable.pte[page].value & ENTRY_PRESENT;
}

/*
 * What is not there looks as if it were: as the entry of @n pages that goes on where the
 * one before it ends.
 */
static u64 absent(unsigned long page, unsigned long n)
{
	const unsigned long first = page - page % n;
	const unsigned long pfn = page >= n ? pagetable.pfn[first - n] + n :
					      pagetable.pfn[first];

	return pfn << PAGE_SHIFT | ENTRY_LEAF | ENTRY_WRITE;
}

/* So does an entry that leads to a table. */
static u64 table(unsigned long page, unsigned long n)
{
	return (absent(page, n) & ~ENTRY_LEAF) | ENTRY_PRESENT;
}

static void clear_ptes(unsigned long page)
{
	unsigned long i = page - page % PMD_PAGES, end = i + PMD_PAGES;

	for (; i < end; i++)
		pagetable.pte[i].value = absent(i, 1);
}

static void clear_pmds(unsigned long page)
{
	unsigned long i = page - page % PUD_PAGES, end = i + PUD_PAGES;

	for (; i < end; i += PMD_PAGES)
		pagetable.pmd[i / PMD_PAGES].value = absent(i, PMD_PAGES);
}

/* The driver makes an entry for a page, of one of the @sizes if that fits. */
void pagetable_fill(unsigned long page, unsigned int sizes)
{
	pud_t *pud = &pagetable.pud[page / PUD_PAGES];
	pmd_t *pmd = &pagetable.pmd[page / PMD_PAGES];

	if (is_filled(page))
		return;
	if (!(pud->value & ENTRY_PRESENT)) {
		clear_pmds(page);
		if (sizes & PAGETABLE_PUD && fits(page, PUD_PAGES)) {
			pud->value = entry(page - page % PUD_PAGES, ENTRY_LEAF);
			return;
		}
		pud->value = table(page, PUD_PAGES);
	}
	if (!(pmd->value & ENTRY_PRESENT)) {
		clear_ptes(page);
		if (sizes & PAGETABLE_PMD && fits(page, PMD_PAGES)) {
			pmd->value = entry(page - page % PMD_PAGES, ENTRY_LEAF);
			return;
		}
		pmd->value = table(page, PMD_PAGES);
	}
	pagetable.pte[page].value = entry(page, 0);
}

/* The driver takes out the entry that maps a page; tables stay. */
void pagetable_zap(unsigned long page)
{
	pud_t *pud = &pagetable.pud[page / PUD_PAGES];
	pmd_t *pmd = &pagetable.pmd[page / PMD_PAGES];

	if (!is_filled(page))
		return;
	if (pud->value & ENTRY_LEAF)
		pud->value = absent(page, PUD_PAGES);
	else if (pmd->value & ENTRY_LEAF)
		pmd->value = absent(page, PMD_PAGES);
	else
		pagetable.pte[page].value = absent(page, 1);
}

/* The CPU has used a page, if there is a small entry for it. */
void pagetable_use(unsigned long page)
{
	pte_t *pte = &pagetable.pte[page];

	if (pte->value & ENTRY_PRESENT)
		pte->value |= ENTRY_USED;
}

void pagetable_change(void)
{
	unsigned long n = chance_below(16);

	while (n--) {
		unsigned long page = chance_below(MM_PAGES);

		if (chance_one_in(2))
			pagetable_fill(page, chance_below(4));
		else
			pagetable_zap(page);
	}
}

/* The locks ------------------------------------------------------------------- */

int mmap_read_lock_killable(struct mm_struct *mm)
{
	CHECK(!mm->locked);
	if (mm->killed)
		return -EINTR;
	mm->locked = true;
	return 0;
}

void mmap_read_unlock(struct mm_struct *mm)
{
	CHECK(mm->locked && !mm->lock);
	mm->locked = false;
	mm->looked_up = false;
	mm->contended = false;
	if (mm->restless)
		pagetable_change();
}

int mmap_lock_is_contended(struct mm_struct *mm)
{
	return mm->contended;
}

bool need_resched(void)
{
	return pagetable.restless && chance_one_in(16);
}

bool fatal_signal_pending(struct task_struct *task)
{
	(void)task;
	return pagetable.killed;
}

struct vm_area_struct *vma_lookup(struct mm_struct *mm, unsigned long addr)
{
	CHECK(mm->locked);
	mm->looked_up = true;
	return mm->vma.vm_start <= addr && addr < mm->vma.vm_end ? &mm->vma :
								    NULL;
}

/* Nobody goes on while others wait, with a fatal signal, or with an old mapping. */
static void check_may_look(const struct mm_struct *mm)
{
	CHECK(mm->locked && !mm->lock && !mm->contended && !mm->killed);
	CHECK(mm->looked_up);
}

int follow_pfnmap_start(struct follow_pfnmap_args *args)
{
	struct mm_struct *mm = args->vma->vm_mm;
	const unsigned long page = args->address / PAGE_SIZE;
	u64 value = mm->pud[page / PUD_PAGES].value;
	unsigned long skip = page % PUD_PAGES;

	check_may_look(mm);
	mm->looks++;
	if (!is_filled(page))
		return -EINVAL;
	mm->lock = mm->pud;
	if (!(value & ENTRY_LEAF)) {
		value = mm->pmd[page / PMD_PAGES].value;
		mm->lock = &mm->pmd[page / PUD_PAGES * PTRS];
		skip = page % PMD_PAGES;
	}
	if (!(value & ENTRY_LEAF)) {
		value = mm->pte[page].value;
		mm->lock = &mm->pte[page / PMD_PAGES * PTRS];
		skip = 0;
	}
	mm->at = args->address;
	args->pfn = (value >> PAGE_SHIFT) + skip;
	args->writable = value & ENTRY_WRITE;
	return 0;
}

void follow_pfnmap_end(struct follow_pfnmap_args *args)
{
	struct mm_struct *mm = args->vma->vm_mm;

	CHECK(mm->lock);
	mm->lock = NULL;
	mm->contended = mm->restless && chance_one_in(8);
	if (mm->kill_at && !--mm->kill_at)
		mm->killed = true;
}

int fixup_user_fault(struct mm_struct *mm, unsigned long addr,
		     unsigned int flags, bool *unlocked)
{
	const unsigned long page = addr / PAGE_SIZE;

	check_may_look(mm);
	mm->faults++;
	if (mm->off || (flags & FAULT_FLAG_WRITE && !mm->writable[page]))
		return -EFAULT;
	if (mm->restless && chance_one_in(4)) {
		*unlocked = true;
		mm->looked_up = false;
		pagetable_change();
		return 0;
	}
	pagetable_fill(page, PAGETABLE_PUD | PAGETABLE_PMD);
	return 0;
}

/* The entries ----------------------------------------------------------------- */

/* What leads to the table whose lock is held stays, too. */
pud_t pudp_get(pud_t *pud)
{
	CHECK(pagetable.lock);
	CHECK(pud == &pagetable.pud[pagetable.at / PUD_SIZE]);
	return *pud;
}

pmd_t pmdp_get(pmd_t *pmd)
{
	const unsigned long i = pmd - pagetable.pmd;

	CHECK(pagetable.lock == &pagetable.pmd[i / PTRS * PTRS] ||
	      (pagetable.lock && i == pagetable.at / PMD_SIZE));
	return *pmd;
}

pte_t ptep_get(pte_t *pte)
{
	const unsigned long i = pte - pagetable.pte;

	CHECK(pagetable.lock == &pagetable.pte[i / PTRS * PTRS]);
	return *pte;
}

pmd_t *pmd_offset(pud_t *pud, unsigned long addr)
{
	CHECK(pud == &pagetable.pud[addr / PUD_SIZE]);
	return &pagetable.pmd[addr / PMD_SIZE];
}

pte_t *pte_offset_kernel(pmd_t *pmd, unsigned long addr)
{
	CHECK(pmd == &pagetable.pmd[addr / PMD_SIZE]);
	return &pagetable.pte[addr / PAGE_SIZE];
}
