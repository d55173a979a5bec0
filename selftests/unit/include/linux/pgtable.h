/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An address space of one mapping and a page table, which is small: tables have eight
 * entries, so that few pages cross every border. Whoever reads an entry has to hold the
 * lock of its table, see pagetable.c.
 */
#ifndef UNIT_PGTABLE_H
#define UNIT_PGTABLE_H

#include <linux/mm.h>

#define PTRS		8UL
#define PMD_SIZE	(PTRS * PAGE_SIZE)
#define PUD_SIZE	(PTRS * PMD_SIZE)
#define MM_PAGES	(PTRS * PUD_SIZE / PAGE_SIZE)

#define ENTRY_PRESENT	1UL
#define ENTRY_WRITE	2UL
#define ENTRY_LEAF	4UL
#define ENTRY_USED	8UL

typedef struct { u64 value; } pte_t;
typedef struct { u64 value; } pmd_t;
typedef struct { u64 value; } pud_t;
typedef struct mm_struct pgd_t;
typedef struct mm_struct p4d_t;

struct vm_area_struct {
	struct mm_struct *vm_mm;
	unsigned long vm_start;
	unsigned long vm_end;
	unsigned long vm_flags;
};

/**
 * struct mm_struct - the address space, from address 0 on
 * @vma: the only mapping
 * @pud: the tables, all of which there are whether they are used or not
 * @pmd: .
 * @pte: .
 * @pfn: what the driver has at each page
 * @writable: may it be written to?
 * @off: the driver does not let anybody touch it
 * @restless: the table changes whenever nobody holds the mmap lock, which others wait for,
 *	and which page faults drop
 * @killed: the thread has a fatal signal
 * @kill_at: it gets that at so many looks at the table from now; 0 for never
 * @locked: the mmap lock is held
 * @looked_up: the mapping has been, since then
 * @contended: somebody waits for it
 * @lock: the table whose lock is held, or NULL
 * @at: the address that it was taken for
 * @looks: how often the table was looked up
 * @faults: how many page faults there were
 */
struct mm_struct {
	struct vm_area_struct vma;
	pud_t pud[PTRS];
	pmd_t pmd[PTRS * PTRS];
	pte_t pte[MM_PAGES];
	unsigned long pfn[MM_PAGES];
	bool writable[MM_PAGES];
	bool off;
	bool restless;
	bool killed;
	unsigned long kill_at;
	bool locked;
	bool looked_up;
	bool contended;
	const void *lock;
	unsigned long at;
	unsigned long looks;
	unsigned long faults;
};

#define VM_PFNMAP		1UL
#define VM_READ			2UL
#define VM_WRITE		4UL
#define FAULT_FLAG_REMOTE	1U
#define FAULT_FLAG_WRITE	2U

struct follow_pfnmap_args {
	struct vm_area_struct *vma;
	unsigned long address;
	unsigned long pfn;
	bool writable;
};

struct vm_area_struct *vma_lookup(struct mm_struct *mm, unsigned long addr);
int follow_pfnmap_start(struct follow_pfnmap_args *args);
void follow_pfnmap_end(struct follow_pfnmap_args *args);
int fixup_user_fault(struct mm_struct *mm, unsigned long addr,
		     unsigned int flags, bool *unlocked);

pud_t pudp_get(pud_t *pud);
pmd_t pmdp_get(pmd_t *pmd);
pte_t ptep_get(pte_t *pte);

static inline pgd_t *pgd_offset(struct mm_struct *mm, unsigned long addr)
{
	(void)addr;
	return mm;
}

static inline p4d_t *p4d_offset(pgd_t *pgd, unsigned long addr)
{
	(void)addr;
	return pgd;
}

static inline pud_t *pud_offset(p4d_t *p4d, unsigned long addr)
{
	return &p4d->pud[addr / PUD_SIZE];
}

pmd_t *pmd_offset(pud_t *pud, unsigned long addr);
pte_t *pte_offset_kernel(pmd_t *pmd, unsigned long addr);

static inline bool pud_leaf(pud_t pud)
{
	return pud.value & ENTRY_LEAF;
}

static inline bool pmd_leaf(pmd_t pmd)
{
	return pmd.value & ENTRY_LEAF;
}

static inline bool pmd_present(pmd_t pmd)
{
	return pmd.value & ENTRY_PRESENT;
}

static inline bool pmd_write(pmd_t pmd)
{
	return pmd.value & ENTRY_WRITE;
}

static inline unsigned long pmd_pfn(pmd_t pmd)
{
	return pmd.value >> PAGE_SHIFT;
}

static inline bool pte_present(pte_t pte)
{
	return pte.value & ENTRY_PRESENT;
}

static inline bool pte_write(pte_t pte)
{
	return pte.value & ENTRY_WRITE;
}

static inline unsigned long pte_pfn(pte_t pte)
{
	return pte.value >> PAGE_SHIFT;
}

static inline bool pte_same(pte_t a, pte_t b)
{
	return a.value == b.value;
}

static inline pte_t pte_next_pfn(pte_t pte)
{
	return (pte_t){ pte.value + PAGE_SIZE };
}

#endif
