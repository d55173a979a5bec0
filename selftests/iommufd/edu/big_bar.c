// SPDX-License-Identifier: GPL-2.0-only
/*
 * A BAR of gigabytes, which the CPU maps by large entries: that a device reaches
 * every place of it, however the mapping lies.
 */
#define _GNU_SOURCE
#include <time.h>

#include "big_bar.h"

/* At both ends, and on both sides of every gigabyte and of a huge page. */
static bool reaches(struct _test_data_big_bar *self, char *at, size_t size)
{
	const size_t places[] = {
		0, PAGE, MEM_HUGE - SOME_LENGTH, MEM_HUGE, GIB - SOME_LENGTH, GIB,
		size / 2, size - SOME_LENGTH,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(places); i++) {
		if (places[i] + SOME_LENGTH > size)
			continue;
		if (edu_can_write(&self->rig.edu, AT + places[i], at + places[i],
				  SOME_LENGTH) != 1) {
			printf("# not at %#zx\n", places[i]);
			return false;
		}
	}
	return true;
}

static bool works(struct _test_data_big_bar *self, char *at, size_t size)
{
	return !rig_map(&self->rig, at, size, AT) && reaches(self, at, size) &&
	       !rig_unmap(&self->rig, AT, size);
}

TEST_F(big_bar, whole)
{
	struct timespec before, after;
	char *at = map_bar(self, 0, self->bar.size);
	double ns;

	ASSERT_NE(NULL, at);
	EXPECT_TRUE(works(self, at, self->bar.size));
	/* Again, when it is in the CPU's page table. */
	clock_gettime(CLOCK_MONOTONIC, &before);
	ASSERT_EQ(0, rig_map(&self->rig, at, self->bar.size, AT));
	clock_gettime(CLOCK_MONOTONIC, &after);
	ns = (after.tv_sec - before.tv_sec) * 1e9 + after.tv_nsec - before.tv_nsec;
	TH_LOG("%.2f ns a page", ns / (self->bar.size / PAGE));
	EXPECT_TRUE(reaches(self, at, self->bar.size));
	/* 0.01 with --icount; page by page it would be hundreds, even there. */
	if (!mem_debug_kernel()) {
		EXPECT_GT(200 * (self->bar.size / PAGE), ns);
	}
	ASSERT_EQ(0, rig_unmap(&self->rig, AT, self->bar.size));
}

/* By huge pages, and by small ones at both ends. */
TEST_F(big_bar, shifted)
{
	char *at;

	SKIP_ON_DEBUG;
	at = map_bar(self, MEM_HUGE, self->bar.size);
	ASSERT_NE(NULL, at);
	EXPECT_TRUE(works(self, at, 16 * MEM_HUGE));
	munmap(at, self->bar.size);
	at = map_bar(self, PAGE, MEM_HUGE + 4 * PAGE);
	ASSERT_NE(NULL, at);
	EXPECT_TRUE(works(self, at, MEM_HUGE + 4 * PAGE));
}

/* From within an entry to within another one. */
TEST_F(big_bar, parts)
{
	const size_t size = self->bar.size;
	char *at;

	SKIP_ON_DEBUG;
	at = map_bar(self, 0, size);
	ASSERT_NE(NULL, at);
	EXPECT_TRUE(works(self, at + PAGE, size - 2 * PAGE));
	EXPECT_TRUE(works(self, at + MEM_HUGE + PAGE, 3 * PAGE));
	EXPECT_TRUE(works(self, at + size / 2 - MEM_HUGE, 2 * MEM_HUGE));
	EXPECT_TRUE(works(self, at + size - PAGE, PAGE));
}

TEST_F(big_bar, read_only)
{
	char *at;
	struct rig *rig = &self->rig;

	SKIP_ON_DEBUG;
	at = map_bar(self, 0, 4 * MEM_HUGE);
	ASSERT_NE(NULL, at);
	ASSERT_EQ(0, mprotect(at, 4 * MEM_HUGE, PROT_READ));
	EXPECT_EQ(-EFAULT, rig_map(rig, at, 4 * MEM_HUGE, AT));
	EXPECT_EQ(0, iommu_map_fixed(rig->fd, rig->ioas, at, 4 * MEM_HUGE, IOMMU_R,
				     AT));
}

/* Entries of all three sizes in one mapping, from the small to the large and back. */
TEST_F(big_bar, all_sizes)
{
	const size_t before = MEM_HUGE + PAGE, size = GIB + before;
	char *at;

	SKIP_ON_DEBUG;
	at = map_part(self, GIB - before, GIB - before, size);
	ASSERT_NE(NULL, at);
	EXPECT_TRUE(works(self, at, size));
	EXPECT_TRUE(works(self, at + PAGE, size - PAGE));
	munmap(at, size);
	at = map_bar(self, 0, size);
	ASSERT_NE(NULL, at);
	EXPECT_TRUE(works(self, at, size));
	EXPECT_TRUE(works(self, at + MEM_HUGE - PAGE, size - MEM_HUGE));
}

/* From within a huge page, across the border of a table of huge pages. */
TEST_F(big_bar, parts_of_huge_pages)
{
	const size_t size = GIB + 8 * MEM_HUGE;
	char *at;

	SKIP_ON_DEBUG;
	at = map_bar(self, MEM_HUGE, size);
	ASSERT_NE(NULL, at);
	EXPECT_TRUE(works(self, at + GIB - 3 * MEM_HUGE + 5 * PAGE,
			  4 * MEM_HUGE + PAGE));
	EXPECT_TRUE(works(self, at + PAGE, size - 3 * PAGE));
	EXPECT_TRUE(works(self, at + 7 * PAGE, 9 * PAGE));
}

/*
 * Some of it is in the CPU's page table already, and of that some has been read, and some
 * written to, which the entries tell.
 */
static bool works_half_touched(struct _test_data_big_bar *self, size_t off,
			       size_t step)
{
	const size_t size = 16 * MEM_HUGE;
	volatile char *at = map_bar(self, off, size);
	size_t i, n = 0;
	bool works_so;

	if (!at)
		return false;
	for (i = 0; i < size; i += step, n++) {
		if (n % 5 == 1)
			at[i] = n;
		else if (n % 5 == 2)
			(void)at[i];
	}
	works_so = works(self, (char *)at, size) &&
		   works(self, (char *)at + step, size - step);
	munmap((char *)at, size);
	return works_so;
}

TEST_F(big_bar, half_touched)
{
	EXPECT_TRUE(works_half_touched(self, PAGE, PAGE));
	EXPECT_TRUE(works_half_touched(self, MEM_HUGE, MEM_HUGE));
}

/* The CPU's entries move with a mapping, or are made again. */
TEST_F(big_bar, moved)
{
	const size_t size = 4 * MEM_HUGE;
	const size_t offs[] = { 0, MEM_HUGE, PAGE };
	unsigned int i;

	SKIP_ON_DEBUG;
	for (i = 0; i < ARRAY_SIZE(offs); i++) {
		char *to = mem_reserve_huge(size + MEM_HUGE);
		char *at = map_bar(self, 0, size);

		ASSERT_NE(NULL, to);
		ASSERT_NE(NULL, at);
		ASSERT_TRUE(works(self, at, size));
		ASSERT_EQ(to + offs[i], mremap(at, size, size,
					       MREMAP_MAYMOVE | MREMAP_FIXED,
					       to + offs[i]));
		EXPECT_EQ(-EFAULT, rig_map(&self->rig, at, size, AT));
		EXPECT_TRUE(works(self, to + offs[i], size));
	}
}

/* What is mapped is the BAR, and not the addresses where it was seen. */
TEST_F(big_bar, stays_without_the_view)
{
	char *at, *other;

	SKIP_ON_DEBUG;
	at = map_bar(self, PAGE, 4 * MEM_HUGE);
	ASSERT_NE(NULL, at);
	ASSERT_EQ(0, rig_map(&self->rig, at, 4 * MEM_HUGE, AT));
	munmap(at, 4 * MEM_HUGE);
	other = map_bar(self, 0, 4 * MEM_HUGE);
	ASSERT_NE(NULL, other);
	EXPECT_TRUE(reaches(self, other, 4 * MEM_HUGE));
	ASSERT_EQ(0, rig_unmap(&self->rig, AT, 4 * MEM_HUGE));
	EXPECT_EQ(0, edu_can_write(&self->rig.edu, AT, other, SOME_LENGTH));
}

/* All of the range is to be the BAR: not what lies before it, or behind. */
TEST_F(big_bar, more_than_the_bar)
{
	const size_t size = 2 * MEM_HUGE;
	const size_t offs[] = { MEM_HUGE, PAGE };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(offs); i++) {
		char *at = map_bar(self, offs[i], size);

		ASSERT_NE(NULL, at);
		EXPECT_EQ(-EFAULT, rig_map(&self->rig, at, size + PAGE, AT));
		EXPECT_EQ(-EFAULT, rig_map(&self->rig, at - PAGE, size, AT));
		EXPECT_TRUE(works(self, at, size));
		/* A hole in the middle of what was whole */
		munmap(at + MEM_HUGE - PAGE, PAGE);
		EXPECT_EQ(-EFAULT, rig_map(&self->rig, at, size, AT));
		EXPECT_TRUE(works(self, at + MEM_HUGE, MEM_HUGE));
	}
}

TEST_HARNESS_MAIN
