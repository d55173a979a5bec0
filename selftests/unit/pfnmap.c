// SPDX-License-Identifier: GPL-2.0-only
/*
 * memory/pfnmap: what it finds in a page table of entries of all sizes, compared with
 * what the driver has there; and what it takes to find that.
 */
#include <errno.h>
#include <string.h>

#include "memory/pfnmap.h"
#include "memory/runs.h"
#include "pagetable.h"
#include "unit.h"

#include "kselftest_harness.h"

#define STEPS		4000
#define PFN_FIRST	0x100000UL

FIXTURE(pfnmap)
{
	struct runs runs;
};

FIXTURE_SETUP(pfnmap)
{
	unit_begin();
	runs_init(&self->runs);
}

FIXTURE_TEARDOWN(pfnmap)
{
	iommufd_runs_free(&self->runs);
	EXPECT_EQ(0, alloc_live());
}

typedef FIXTURE_DATA(pfnmap) fixture;

/* An empty table for a mapping of everything, which the driver has in one piece. */
static void begin(void)
{
	unsigned long i;

	memset(&pagetable, 0, sizeof(pagetable));
	pagetable.vma = (struct vm_area_struct) {
		.vm_mm = &pagetable,
		.vm_end = MM_PAGES * PAGE_SIZE,
		.vm_flags = VM_PFNMAP | VM_READ | VM_WRITE,
	};
	for (i = 0; i < MM_PAGES; i++) {
		pagetable.pfn[i] = PFN_FIRST + i;
		pagetable.writable[i] = true;
	}
}

static int gather(fixture *self, unsigned long first, unsigned long npages,
		  bool write)
{
	return iommufd_pfnmap_gather(&pagetable, first * PAGE_SIZE, npages,
				     write, &self->runs);
}

/* Is it what the driver has? */
static bool found(const fixture *self, unsigned long first)
{
	struct runs_iter it;
	unsigned long i;

	if (pagetable.locked)
		return false;
	if (!self->runs.npages)
		return true;
	runs_for_each(&it, &self->runs, 0, self->runs.npages)
		for (i = 0; i < it.npages; i++)
			if (it.pfn + i != pagetable.pfn[first++])
				return false;
	return true;
}

static void fill_all(unsigned int sizes)
{
	unsigned long i;

	for (i = 0; i < MM_PAGES; i++)
		pagetable_fill(i, sizes);
}

/* What it takes ---------------------------------------------------------------- */

TEST_F(pfnmap, a_look_for_each_table)
{
	const unsigned int sizes[] = { 0, PAGETABLE_PMD, PAGETABLE_PUD };
	const unsigned long looks[] = { MM_PAGES / PTRS, PTRS, PTRS };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		begin();
		fill_all(sizes[i]);
		ASSERT_EQ(0, gather(self, 0, MM_PAGES, true));
		EXPECT_TRUE(found(self, 0));
		EXPECT_TRUE(runs_are_one(&self->runs));
		EXPECT_EQ(looks[i], pagetable.looks);
		EXPECT_EQ(0, pagetable.faults);
		iommufd_runs_free(&self->runs);
	}
}

/* What the CPU has used still goes on; what is in the table twice is not read twice. */
TEST_F(pfnmap, used_entries)
{
	unsigned long i;

	begin();
	fill_all(0);
	for (i = 0; i < MM_PAGES; i += 3)
		pagetable_use(i);
	ASSERT_EQ(0, gather(self, 1, MM_PAGES - 2, true));
	EXPECT_TRUE(found(self, 1));
	EXPECT_EQ(MM_PAGES / PTRS, pagetable.looks);
}

/* Once it is known that nothing is there, it is touched before it is looked at. */
TEST_F(pfnmap, a_fault_for_each_entry)
{
	const unsigned long skips[] = { 0, 1, PTRS };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(skips); i++) {
		begin();
		/* No large entry fits, or none of the largest. */
		if (skips[i])
			pagetable.writable[PTRS - 1] = false;
		if (skips[i] == 1)
			for (unsigned long page = 0; page < MM_PAGES; page += 2)
				pagetable.pfn[page] += MM_PAGES;
		ASSERT_EQ(0, gather(self, 0, MM_PAGES, false));
		EXPECT_TRUE(found(self, 0));
		EXPECT_EQ(pagetable.faults + 1, pagetable.looks);
		if (!skips[i])
			EXPECT_EQ(PTRS, pagetable.faults);
		if (skips[i] == 1)
			EXPECT_EQ(MM_PAGES, pagetable.faults);
		iommufd_runs_free(&self->runs);
	}
}

/* What is refused --------------------------------------------------------------- */

TEST_F(pfnmap, all_of_it_or_nothing)
{
	begin();
	pagetable.vma.vm_start = 10 * PAGE_SIZE;
	pagetable.vma.vm_end = 100 * PAGE_SIZE;
	EXPECT_EQ(-EFAULT, gather(self, 9, 5, false));
	EXPECT_EQ(-EFAULT, gather(self, 99, 2, false));
	EXPECT_EQ(0, self->runs.npages);
	EXPECT_EQ(0, gather(self, 10, 90, true));
	EXPECT_TRUE(found(self, 10));
	iommufd_runs_free(&self->runs);
	pagetable.vma.vm_flags &= ~VM_PFNMAP;
	EXPECT_EQ(-EFAULT, gather(self, 10, 90, true));
}

/* What the process may not do itself, whatever the table says. */
TEST_F(pfnmap, rights)
{
	begin();
	fill_all(0);
	pagetable.vma.vm_flags = VM_PFNMAP | VM_READ;
	EXPECT_EQ(-EFAULT, gather(self, 0, 5, true));
	EXPECT_EQ(0, gather(self, 0, 5, false));
	iommufd_runs_free(&self->runs);
	pagetable.vma.vm_flags = VM_PFNMAP;
	EXPECT_EQ(-EFAULT, gather(self, 0, 5, false));
	EXPECT_EQ(0, self->runs.npages);
}

TEST_F(pfnmap, read_only)
{
	unsigned long page;

	for (page = 0; page < 3 * PTRS; page++) {
		begin();
		pagetable.writable[page] = false;
		if (page % 2)
			fill_all(PAGETABLE_PMD);
		EXPECT_EQ(-EFAULT, gather(self, 0, MM_PAGES, true));
		EXPECT_LE(self->runs.npages, page);
		iommufd_runs_free(&self->runs);
		EXPECT_EQ(0, gather(self, 0, MM_PAGES, false));
		EXPECT_EQ(MM_PAGES, self->runs.npages);
		iommufd_runs_free(&self->runs);
	}
}

TEST_F(pfnmap, off)
{
	begin();
	pagetable.off = true;
	EXPECT_EQ(-EFAULT, gather(self, 0, 5, false));
	fill_all(0);
	pagetable_zap(20);
	EXPECT_EQ(-EFAULT, gather(self, 16, 8, false));
	EXPECT_EQ(4, self->runs.npages);
}

/* By chance --------------------------------------------------------------------- */

/*
 * Pieces of any length, or of whole entries, mostly read and write; and some of it in the
 * table.
 */
static void begin_some(void)
{
	const unsigned long units[] = { 1, PTRS, PTRS * PTRS };
	const unsigned long unit = units[chance_below(ARRAY_SIZE(units))];
	const unsigned long rarely = 1 + chance_below(MM_PAGES / unit);
	const bool mixed = chance_one_in(4);
	unsigned long pfn = PFN_FIRST, i;
	bool writable = true;

	begin();
	for (i = 0; i < MM_PAGES; i++, pfn++) {
		if (!(i % unit) && chance_one_in(rarely))
			pfn += chance_below(3) * MM_PAGES + 1;
		if (!(i % unit))
			writable = !mixed || !chance_one_in(64 / unit);
		pagetable.pfn[i] = pfn;
		pagetable.writable[i] = writable;
	}
	pagetable.vma.vm_start = chance_below(MM_PAGES / 2) * PAGE_SIZE;
	pagetable.vma.vm_end -= chance_below(MM_PAGES / 2) * PAGE_SIZE;
	for (i = chance_below(64); i; i--)
		pagetable_change();
	for (i = chance_below(64); i; i--)
		pagetable_use(chance_below(MM_PAGES));
	pagetable.restless = chance_one_in(2);
	pagetable.off = chance_one_in(8);
	if (chance_one_in(8))
		pagetable.kill_at = 1 + chance_below(32);
}

static bool all_writable(unsigned long first, unsigned long npages)
{
	while (npages--)
		if (!pagetable.writable[first + npages])
			return false;
	return true;
}

TEST_F(pfnmap, by_chance)
{
	unsigned int i;

	chance_begin();
	for (i = 0; i < STEPS; i++) {
		unsigned long first, npages;
		bool write, mapped;
		int rc;

		chance_step();
		begin_some();
		first = chance_below(MM_PAGES);
		npages = 1 + chance_below(MM_PAGES - first);
		if (!chance_one_in(4)) {
			first = pagetable.vma.vm_start / PAGE_SIZE;
			npages = pagetable.vma.vm_end / PAGE_SIZE - first;
		}
		mapped = first * PAGE_SIZE >= pagetable.vma.vm_start &&
			 (first + npages) * PAGE_SIZE <= pagetable.vma.vm_end;
		write = chance_one_in(2);
		rc = gather(self, first, npages, write);
		CHECK(found(self, first));
		CHECK(!write || all_writable(first, self->runs.npages));
		if (!rc)
			CHECK(mapped && self->runs.npages == npages);
		else if (rc == -EINTR)
			CHECK(pagetable.killed);
		else
			CHECK(rc == -EFAULT &&
			      (!mapped || pagetable.off ||
			       (write && !all_writable(first, npages))));
		iommufd_runs_free(&self->runs);
	}
}

TEST_HARNESS_MAIN
