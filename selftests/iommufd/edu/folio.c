// SPDX-License-Identifier: GPL-2.0-only
/*
 * Huge pages: what may be pinned by the folio, and what only looks like it.
 *
 * Memory is laid out so that a guess about it would be wrong: huge pages whose middle
 * was replaced, slices of them in another order, pages that a child has in common.
 */
#define _GNU_SOURCE
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "child.h"
#include "folio.h"

/* Anonymous memory --------------------------------------------------------- */

FIXTURE(anon)
{
	struct seer seer;
	size_t size;
	char *thp;
};

FIXTURE_SETUP(anon)
{
	self->seer.acc = -1;
	NEED_ACCESS;
	ASSERT_EQ(0, seer_open(&self->seer));
	self->size = 2 * MEM_HUGE;
	self->thp = mem_thp(self->size);
	ASSERT_NE(NULL, self->thp);
	if (!is_huge(self->thp, self->size))
		SKIP(return, "the kernel gave no huge pages");
	mem_fill(self->thp, self->size, 1);
}

FIXTURE_TEARDOWN(anon)
{
	EXPECT_EQ(0, seer_close(&self->seer));
	EXPECT_EQ(0, mem_vm_pin(0));
}

static int replace(char *page)
{
	if (madvise(page, PAGE, MADV_DONTNEED))
		return -errno;
	*(volatile char *)page = 1;
	return 0;
}

/*
 * Some pages of a huge page have been replaced. What is still in its place, the
 * first and the last page for instance, says nothing about what is between.
 */
TEST_F(anon, partly_replaced)
{
	static const struct {
		unsigned int first;
		unsigned int last;
		unsigned int step;
	} part[] = {
		{ 1, LEAF - 2, 1 },
		{ 256, 256, 1 },
		{ 0, 0, 1 },
		{ LEAF - 1, LEAF - 1, 1 },
		{ LEAF - 1, LEAF, 1 },
		{ 1, 2 * LEAF - 2, 2 },
	};
	struct rig *rig = &self->seer.rig;
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(part); i++) {
		char *va = i ? mem_thp(self->size) : self->thp;

		ASSERT_NE(NULL, va);
		/* Backwards: neighbours shall not be neighbours in memory */
		for (j = part[i].last + 1; j-- > part[i].first;)
			if ((j - part[i].first) % part[i].step == 0) {
				ASSERT_EQ(0, replace(va + j * PAGE));
			}
		ASSERT_EQ(0, rig_map(rig, va, self->size, IOVA));
		EXPECT_RIGHT(&self->seer, IOVA, va, self->size / PAGE) {
			TH_LOG("part %u", i);
		}
		EXPECT_SEAM(&self->seer, IOVA, va, part[i].last + 1) {
			TH_LOG("part %u", i);
		}
		ASSERT_EQ(0, rig_unmap(rig, IOVA, self->size));
		EXPECT_UNPINNED(&self->seer);
		mem_free(va, self->size);
	}
}

/* Where the slices of a huge page go: the rest stays where it is. */
static int move(char *to, char *from, size_t page, size_t npages, size_t was)
{
	void *p = mremap(from + was * PAGE, npages * PAGE, npages * PAGE,
			 MREMAP_MAYMOVE | MREMAP_FIXED, to + page * PAGE);

	return p == MAP_FAILED ? -errno : 0;
}

/* A huge page in slices: the outer ones in place, the inner ones are not. */
TEST_F(anon, slices)
{
	struct rig *rig = &self->seer.rig;
	char *from = self->thp, *va = reserve_huge(2 * MEM_HUGE);
	unsigned int i;

	ASSERT_NE(NULL, va);
	ASSERT_EQ(0, move(va, from, 0, 10, 0));
	ASSERT_EQ(0, move(va, from, 10, 246, 256));
	ASSERT_EQ(0, move(va, from, 256, 246, 10));
	ASSERT_EQ(0, move(va, from, LEAF - 10, 10, LEAF - 10));
	/* The second one page by page, in the order of a riffle */
	for (i = 0; i < LEAF; i++) {
		ASSERT_EQ(0, move(va, from, LEAF + i, 1,
				  LEAF + (i % 2 ? 256 : 0) + i / 2));
	}
	EXPECT_EQ(-1, mem_check(va, 10 * PAGE, 1));

	ASSERT_EQ(0, rig_map(rig, va, 2 * MEM_HUGE, IOVA));
	EXPECT_RIGHT(&self->seer, IOVA, va, 2 * LEAF);
	EXPECT_SEAM(&self->seer, IOVA, va, 256);
	EXPECT_SEAM(&self->seer, IOVA, va, LEAF);
	EXPECT_SEAM(&self->seer, IOVA, va, 2 * LEAF - 3);
	ASSERT_EQ(0, rig_unmap(rig, IOVA, 2 * MEM_HUGE));
	EXPECT_UNPINNED(&self->seer);
}

/* All of it in order, but at addresses where it cannot be a huge page. */
TEST_F(anon, shifted)
{
	struct rig *rig = &self->seer.rig;
	char *va = reserve_huge(3 * MEM_HUGE);

	ASSERT_NE(NULL, va);
	va += 3 * PAGE;
	ASSERT_EQ(0, move(va, self->thp, 0, 2 * LEAF, 0));
	ASSERT_EQ(0, rig_map(rig, va, self->size, IOVA + 7 * PAGE));
	EXPECT_RIGHT(&self->seer, IOVA + 7 * PAGE, va, 2 * LEAF);
	EXPECT_SEAM(&self->seer, IOVA + 7 * PAGE, va, LEAF - 3);

	/* And a part that begins and ends in the middle of them */
	ASSERT_EQ(0, rig_map(rig, va + 100 * PAGE, 700 * PAGE, OTHER_IOVA));
	EXPECT_RIGHT(&self->seer, OTHER_IOVA, va + 100 * PAGE, 700);
	EXPECT_SEAM(&self->seer, OTHER_IOVA, va + 100 * PAGE, LEAF - 100);
	ASSERT_EQ(0, rig_unmap(rig, IOVA + 7 * PAGE, self->size));
	EXPECT_RIGHT(&self->seer, OTHER_IOVA, va + 100 * PAGE, 700);
	ASSERT_EQ(0, rig_unmap(rig, OTHER_IOVA, 700 * PAGE));
	EXPECT_UNPINNED(&self->seer);
}

/*
 * Parts of huge pages in mappings of their own: a huge page stays pinned until
 * the last of them is gone, in whatever order they go.
 */
TEST_F(anon, parts)
{
	struct rig *rig = &self->seer.rig;
	unsigned int i, j;

	for (i = 0; i < PARTS; i++) {
		mem_fill(self->thp + cut[i] * PAGE, part_pages(i) * PAGE, i);
		ASSERT_EQ(0, rig_map(rig, self->thp + cut[i] * PAGE,
				     part_pages(i) * PAGE, part_at(i)));
	}
	/* From here on the memory is nobody's but the device's */
	munmap(self->thp, self->size);
	for (i = 0; i < PARTS; i++) {
		for (j = i; j < PARTS; j++) {
			EXPECT_TRUE(part_is_right(&self->seer, cut_order[j])) {
				TH_LOG("part %u after %u", cut_order[j], i);
			}
		}
		if (i % 2) {
			EXPECT_TRUE(part_takes_writes(&self->seer,
						      cut_order[PARTS - 1]));
		}
		ASSERT_EQ(0, rig_unmap(rig, part_at(cut_order[i]),
				       part_pages(cut_order[i]) * PAGE));
	}
	EXPECT_UNPINNED(&self->seer);
}

/* A pin on one page of a huge page has to keep all of it where it is. */
TEST_F(anon, split_while_mapped)
{
	struct rig *rig = &self->seer.rig;

	ASSERT_EQ(0, rig_map(rig, self->thp, self->size, IOVA));
	disturb(self->thp, self->size);
	EXPECT_RIGHT(&self->seer, IOVA, self->thp, 2 * LEAF);
	EXPECT_EQ(-1, mem_check(self->thp, self->size, 1));
	EXPECT_SEAM(&self->seer, IOVA, self->thp, 300);

	/* Mapped by small pages now */
	ASSERT_EQ(0, mprotect(self->thp + 5 * PAGE, PAGE, PROT_READ));
	disturb(self->thp, self->size);
	ASSERT_EQ(0, mprotect(self->thp + 5 * PAGE, PAGE,
			      PROT_READ | PROT_WRITE));
	EXPECT_RIGHT(&self->seer, IOVA, self->thp, 2 * LEAF);
	EXPECT_EQ(-1, mem_check(self->thp, self->size, 1));
	EXPECT_SEAM(&self->seer, IOVA, self->thp, 6);
	ASSERT_EQ(0, rig_unmap(rig, IOVA, self->size));
	EXPECT_UNPINNED(&self->seer);
}

/*
 * The user gives pages back while they are mapped: the device keeps the old
 * ones, and nobody else may be given them.
 */
TEST_F(anon, given_back_while_mapped)
{
	struct rig *rig = &self->seer.rig;
	char *copy = mem_anon(self->size), *other;

	ASSERT_NE(NULL, copy);
	ASSERT_EQ(0, rig_map(rig, self->thp, self->size, IOVA));
	ASSERT_EQ(0, madvise(self->thp + PAGE, 700 * PAGE, MADV_DONTNEED));
	disturb(self->thp, self->size);
	look_at(self->thp, 2 * LEAF);

	/* If they were free somebody would get and fill them */
	other = mem_anon(8 * MEM_HUGE);
	ASSERT_NE(NULL, other);
	memset(other, 0x55, 8 * MEM_HUGE);
	EXPECT_EQ(0, access_read(self->seer.acc, IOVA, copy, self->size));
	EXPECT_EQ(-1, mem_check(copy, self->size, 1));

	/* A device that writes there changes neither the new pages nor others */
	EXPECT_EQ(0, edu_can_write(&self->seer.rig.edu, IOVA + 300 * PAGE,
				   self->thp + 300 * PAGE, PAGE / 2));
	EXPECT_SEAM(&self->seer, IOVA, self->thp, 702);
	ASSERT_EQ(0, rig_map(rig, self->thp, self->size, OTHER_IOVA));
	EXPECT_RIGHT(&self->seer, OTHER_IOVA, self->thp, 2 * LEAF);
	EXPECT_SEAM(&self->seer, OTHER_IOVA, self->thp, 300);
	ASSERT_EQ(0, rig_unmap(rig, IOVA, self->size));
	EXPECT_RIGHT(&self->seer, OTHER_IOVA, self->thp, 2 * LEAF);
	ASSERT_EQ(0, rig_unmap(rig, OTHER_IOVA, self->size));
	EXPECT_UNPINNED(&self->seer);
}

/* Fork --------------------------------------------------------------------- */

struct forked {
	char *va;
	size_t size;
	uint64_t seed;
	/* Ends when the child may look */
	int pipe;
};

/* The child has copies: what it writes is for itself. */
static void write_in_child(void *arg)
{
	struct forked *forked = arg;

	CHILD_EQ(-1, mem_check(forked->va, forked->size, forked->seed));
	memset(forked->va, 0xcc, forked->size);
}

FIXTURE(fork)
{
	struct seer seer;
	size_t size;
	char *va;
};

FIXTURE_VARIANT(fork)
{
	void *(*alloc)(size_t size);
	bool huge;
	bool split;
};

FIXTURE_VARIANT_ADD(fork, small) { .alloc = mem_anon };
FIXTURE_VARIANT_ADD(fork, thp) { .alloc = mem_thp, .huge = true };
FIXTURE_VARIANT_ADD(fork, thp_by_small_pages) {
	.alloc = mem_thp, .huge = true, .split = true,
};
FIXTURE_VARIANT_ADD(fork, hugetlb) { .alloc = mem_hugetlb };

FIXTURE_SETUP(fork)
{
	self->seer.acc = -1;
	NEED_ACCESS;
	ASSERT_EQ(0, seer_open(&self->seer));
	self->size = 2 * MEM_HUGE;
	self->va = variant->alloc(self->size);
	if (!self->va || (variant->huge && !is_huge(self->va, self->size)))
		SKIP(return, "no such memory on this machine");
}

FIXTURE_TEARDOWN(fork)
{
	EXPECT_EQ(0, seer_close(&self->seer));
}

/* Not only the page that has the pin stays the parent's. */
TEST_F(fork, parent_keeps_its_pages)
{
	struct forked forked = { self->va, self->size, 2, -1 };
	struct rig *rig = &self->seer.rig;

	mem_fill(self->va, self->size, 2);
	ASSERT_EQ(0, rig_map(rig, self->va, self->size, IOVA));
	if (variant->split) {
		ASSERT_EQ(0, mprotect(self->va + 5 * PAGE, PAGE, PROT_READ));
		ASSERT_EQ(0, mprotect(self->va + 5 * PAGE, PAGE,
				      PROT_READ | PROT_WRITE));
	}
	ASSERT_EQ(0, child_run(write_in_child, &forked));
	EXPECT_EQ(-1, mem_check(self->va, self->size, 2));
	mem_fill(self->va, self->size, 3);
	EXPECT_RIGHT(&self->seer, IOVA, self->va, 2 * LEAF);
	EXPECT_SEAM(&self->seer, IOVA, self->va, 301);
	ASSERT_EQ(0, rig_unmap(rig, IOVA, self->size));
	EXPECT_UNPINNED(&self->seer);
}

static void wait_in_child(void *arg)
{
	struct forked *forked = arg;
	char c;

	CHILD_EQ(0, read(forked->pipe, &c, 1));
	CHILD_EQ(-1, mem_check(forked->va, forked->size, forked->seed));
	memset(forked->va, 0xcc, forked->size);
}

/* Mapped while a child has the pages as well: they are made the parent's. */
TEST_F(fork, map_after_fork)
{
	struct forked forked = { self->va, self->size, 2, -1 };
	struct rig *rig = &self->seer.rig;
	int status = -1, to[2];
	pid_t pid;

	ASSERT_EQ(0, pipe(to));
	mem_fill(self->va, self->size, 2);
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		close(to[1]);
		forked.pipe = to[0];
		wait_in_child(&forked);
		_exit(0);
	}
	/* Hugetlb pages may be short for a copy: then the child loses it */
	ASSERT_EQ(0, rig_map(rig, self->va, self->size, IOVA));
	EXPECT_RIGHT(&self->seer, IOVA, self->va, 2 * LEAF);
	mem_fill(self->va, self->size, 3);
	EXPECT_RIGHT(&self->seer, IOVA, self->va, 2 * LEAF);
	close(to[1]);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_EQ(-1, mem_check(self->va, self->size, 3));
	EXPECT_RIGHT(&self->seer, IOVA, self->va, 2 * LEAF);
	EXPECT_SEAM(&self->seer, IOVA, self->va, LEAF);
	ASSERT_EQ(0, rig_unmap(rig, IOVA, self->size));
	EXPECT_UNPINNED(&self->seer);
}

ACCESS_HARNESS_MAIN
