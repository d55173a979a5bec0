// SPDX-License-Identifier: GPL-2.0-only
/* IOASID_UNMAP_BATCH: areas, pages and children go as by the single commands. */
#define _GNU_SOURCE
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "access.h"
#include "batch.h"

/* Unmapping ---------------------------------------------------------------- */

/* An entry may take several mappings, also more than go at a time. */
TEST_F(batch, unmap_several_at_once)
{
	uint32_t done;

	fill_pages(self->e, NPAGES, self->buf, AT);
	ASSERT_EQ(0, MAP_BATCH(NPAGES, &done));
	EXPECT_PINNED(NPAGES);
	self->e[0] = unmap_entry(AT, 3 * PAGE);
	/* Begins and ends where nothing is */
	self->e[1] = unmap_entry(AT - 100 * PAGE, (104 + 800) * PAGE);
	self->e[1].iova = AT + 3 * PAGE;
	self->e[1].length = 800 * PAGE;
	self->e[2] = unmap_entry(AT + 900 * PAGE, PAGE);
	self->e[3] = unmap_entry(AT + 901 * PAGE, 1UL << 30);
	self->e[4] = unmap_entry(AT + 805 * PAGE, 2 * PAGE);
	ASSERT_EQ(0, UNMAP_BATCH(5, &done));
	EXPECT_EQ(5, done);
	EXPECT_EQ(5, count_done(self->e, 5));
	EXPECT_EQ(3 * PAGE, self->e[0].length);
	EXPECT_EQ(800 * PAGE, self->e[1].length);
	EXPECT_EQ(PAGE, self->e[2].length);
	EXPECT_EQ(123 * PAGE, self->e[3].length);
	EXPECT_EQ(2 * PAGE, self->e[4].length);
	EXPECT_PINNED(95);
	EXPECT_DMA(AT + 804 * PAGE, self->buf + 804 * PAGE, 64);
	EXPECT_NO_DMA(AT + 805 * PAGE, self->buf + 805 * PAGE);
	EXPECT_DMA(AT + 899 * PAGE, self->buf + 899 * PAGE, 64);

	/* Everything, as IOAS_UNMAP has it */
	self->e[0] = unmap_entry(0, UINT64_MAX);
	EXPECT_EQ(0, UNMAP_BATCH(1, &done));
	EXPECT_EQ(95 * PAGE, self->e[0].length);
	EXPECT_PINNED(0);
	self->e[0] = unmap_entry(0, UINT64_MAX);
	EXPECT_EQ(0, UNMAP_BATCH(1, &done));
	EXPECT_EQ(0, self->e[0].length);
}

/* Neighbours --------------------------------------------------------------- */

/*
 * Side by side in memory and in IOVA: pinned and mapped together, perhaps. But
 * then each can go alone, and its page with it.
 */
TEST_F(batch, neighbours)
{
	const unsigned int n = 600;
	unsigned int i, left = n;
	uint32_t done;

	fill_pages(self->e, n, self->buf, AT);
	ASSERT_EQ(0, MAP_BATCH(n, &done));
	EXPECT_PINNED(n);
	EXPECT_DMA(AT + 256 * PAGE - 2000, self->buf + 256 * PAGE - 2000,
		   EDU_DMA_MAX);
	EXPECT_DMA(AT + 511 * PAGE, self->buf + 511 * PAGE, EDU_DMA_MAX);

	for (i = 0; i < n; i += 97, left--) {
		ASSERT_EQ(0, UNMAP(AT + i * PAGE, PAGE));
		/* The page has no pin any more, those beside it have */
		EXPECT_PINNED(left - 1);
	}
	EXPECT_NO_DMA(AT + 97 * PAGE, self->buf + 97 * PAGE);
	EXPECT_DMA(AT + 96 * PAGE, self->buf + 96 * PAGE, 64);
	EXPECT_DMA(AT + 98 * PAGE, self->buf + 98 * PAGE, 64);
	for (i = 0; i < n; i += 97, left++)
		ASSERT_EQ(0, rig_map(&self->rig, self->buf, PAGE,
				     AT + i * PAGE));
	EXPECT_DMA(AT + 97 * PAGE, self->buf, 64);
	EXPECT_DMA(AT + 98 * PAGE, self->buf + 98 * PAGE, 64);
	fill_unmaps(self->e, n, AT);
	ASSERT_EQ(0, UNMAP_BATCH(n, &done));
	EXPECT_PINNED(0);
}

/*
 * Ranges that do not touch, which have one flush together: the device has been
 * everywhere, so that the IOTLB has all of them, and is nowhere afterwards but at
 * the pages between. One range is a whole table of small pages, which is freed.
 */
TEST_F(batch, unmap_apart_is_unreachable)
{
	static const uint64_t far[] = {
		0, 2 * PAGE, 5 * PAGE, 600 * PAGE, 1UL << 30, 5UL << 30,
	};
	const unsigned int n = ARRAY_SIZE(far);
	const uint64_t table = AT + (3UL << 30), between = AT + PAGE;
	unsigned int i;
	uint32_t done;

	for (i = 0; i < n; i++)
		self->e[i] = map_entry(self->buf + i * PAGE, AT + far[i], PAGE);
	self->e[n] = map_entry(self->buf + MEM_HUGE, table, MEM_HUGE);
	self->e[n + 1] = map_entry(self->buf + n * PAGE, between, PAGE);
	ASSERT_EQ(0, MAP_BATCH(n + 2, &done));
	for (i = 0; i < n; i++)
		EXPECT_DMA(AT + far[i], self->buf + i * PAGE, 64);
	EXPECT_DMA(table, self->buf + MEM_HUGE, 64);
	EXPECT_DMA(table + MEM_HUGE - PAGE, self->buf + 2 * MEM_HUGE - PAGE,
		   64);
	EXPECT_DMA(between, self->buf + n * PAGE, 64);

	/* From the last to the first: no range continues the one before */
	for (i = 0; i < n; i++)
		self->e[i] = unmap_entry(AT + far[n - 1 - i], PAGE);
	self->e[n] = unmap_entry(table, MEM_HUGE);
	ASSERT_EQ(0, UNMAP_BATCH(n + 1, &done));
	EXPECT_PINNED(1);
	for (i = 0; i < n; i++)
		EXPECT_NO_DMA(AT + far[i], self->buf + i * PAGE);
	EXPECT_NO_DMA(table, self->buf + MEM_HUGE);
	EXPECT_NO_DMA(table + MEM_HUGE - PAGE,
		      self->buf + 2 * MEM_HUGE - PAGE);
	EXPECT_DMA(between, self->buf + n * PAGE, 64);

	/* Other memory in the same places */
	ASSERT_EQ(0, rig_map(&self->rig, self->buf + 100 * PAGE, PAGE, table));
	ASSERT_EQ(0, rig_map(&self->rig, self->buf + 101 * PAGE, PAGE,
			     AT + far[2]));
	EXPECT_DMA(table, self->buf + 100 * PAGE, 64);
	EXPECT_DMA(AT + far[2], self->buf + 101 * PAGE, 64);
}

/*
 * What follows each other in one huge page, in an entry each: the IOMMU must not
 * have made a huge page of it, since each can go alone.
 */
TEST_F(batch, pieces_of_a_huge_page)
{
	const unsigned int n = MEM_HUGE / PAGE, hole = 200;
	char *huge = mem_thp(MEM_HUGE);
	uint32_t done;

	ASSERT_NE(NULL, huge);
	if (mem_runs(huge, MEM_HUGE) != 1)
		SKIP(return, "no transparent huge page");
	mem_fill(huge, MEM_HUGE, 9);
	fill_pages(self->e, n, huge, AT);
	ASSERT_EQ(0, MAP_BATCH(n, &done));
	EXPECT_PINNED(n);
	EXPECT_DMA(AT + hole * PAGE, huge + hole * PAGE, 64);
	ASSERT_EQ(0, UNMAP(AT + hole * PAGE, PAGE));
	EXPECT_PINNED(n - 1);
	EXPECT_NO_DMA(AT + hole * PAGE, huge + hole * PAGE);
	EXPECT_DMA(AT + hole * PAGE - 64, huge + hole * PAGE - 64, 64);
	EXPECT_DMA(AT + (hole + 1) * PAGE, huge + (hole + 1) * PAGE, 64);
	/* Another page in its place, then all of them at once */
	ASSERT_EQ(0, rig_map(&self->rig, self->buf, PAGE, AT + hole * PAGE));
	EXPECT_DMA(AT + hole * PAGE, self->buf, 64);
	EXPECT_DMA(AT, huge, 64);
	self->e[0] = unmap_entry(AT, MEM_HUGE);
	ASSERT_EQ(0, UNMAP_BATCH(1, &done));
	EXPECT_EQ(MEM_HUGE, self->e[0].length);
	EXPECT_PINNED(0);
	EXPECT_NO_DMA(AT + 7 * PAGE, huge + 7 * PAGE);
	mem_free(huge, MEM_HUGE);
}

/* Seen in the pool: a page of it is free when its entry is gone. */
TEST_F(batch, freed_among_neighbours)
{
	const unsigned int n = 4;
	char *buf = mem_hugetlb(n * MEM_HUGE);
	unsigned int i;
	uint32_t done;
	long free;

	if (!variant->device)
		SKIP(return, "nothing is pinned without a device");
	if (!buf)
		SKIP(return, "too few free hugetlb pages");
	for (i = 0; i < n; i++)
		self->e[i] = map_entry(buf + i * MEM_HUGE, AT + i * MEM_HUGE,
				       MEM_HUGE);
	ASSERT_EQ(0, MAP_BATCH(n, &done));
	free = mem_info("HugePages_Free");
	ASSERT_EQ(0, munmap(buf + MEM_HUGE, 2 * MEM_HUGE));
	EXPECT_EQ(free, mem_info("HugePages_Free"));
	self->e[0] = unmap_entry(AT + MEM_HUGE, MEM_HUGE);
	ASSERT_EQ(0, UNMAP_BATCH(1, &done));
	EXPECT_EQ(free + 1, mem_info("HugePages_Free"));
	EXPECT_DMA(AT + MEM_HUGE - 64, buf + MEM_HUGE - 64, 64);
	ASSERT_EQ(0, UNMAP(AT + 2 * MEM_HUGE, MEM_HUGE));
	EXPECT_EQ(free + 2, mem_info("HugePages_Free"));
	ASSERT_EQ(0, UNMAP_ALL(NULL));
	munmap(buf, MEM_HUGE);
	munmap(buf + 3 * MEM_HUGE, MEM_HUGE);
}

/* Neighbours in one respect only, and of memory of different kinds. */
TEST_F(batch, half_neighbours)
{
	static const int order[] = { 3, 0, 1, 2, 7, 6, 5, 4, 9, 8 };
	const unsigned int n = ARRAY_SIZE(order);
	char *buf = mem_anon(3 * n * PAGE);
	int file = mem_memfd(n * PAGE, 0), acc;
	unsigned int i;
	uint32_t done;

	ASSERT_NE(NULL, buf);
	ASSERT_LE(0, file);
	NEED_ACCESS;
	acc = access_open_attached(self->rig.fd, self->rig.ioas);
	ASSERT_LE(0, acc);
	/* In the middle a file, shared; then the same as a private mapping */
	ASSERT_NE(MAP_FAILED, mmap(buf + n * PAGE, n * PAGE,
				   PROT_READ | PROT_WRITE,
				   MAP_SHARED | MAP_FIXED, file, 0));
	ASSERT_NE(MAP_FAILED, mmap(buf + 2 * n * PAGE, n * PAGE,
				   PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_FIXED, file, 0));
	close(file);
	for (i = 0; i < 3 * n; i++)
		mem_fill(buf + i * PAGE, PAGE, i);
	fill_pages(self->e, 3 * n, buf, AT);
	for (i = 0; i < n; i++) {
		/* The one in another order, then the other */
		self->e[i].iova = AT + order[i] * PAGE;
		self->e[n + i].src = iommu_ptr(buf + (n + order[i]) * PAGE);
	}
	/* Some with other permissions, some that are longer */
	self->e[2].flags = IOMMU_R | IOMMU_FIXED;
	self->e[2 * n + 1].flags = IOMMU_R | IOMMU_FIXED;
	self->e[2 * n + 3].length = 2 * PAGE;
	self->e[2 * n + 4] = self->e[2 * n + 5];
	self->e[2 * n + 5] = map_entry(buf, OTHER_AT, PAGE);
	ASSERT_EQ(0, MAP_BATCH(3 * n, &done));
	for (i = 0; i < 3 * n; i++) {
		const entry_t *e = &self->e[i];
		static char copy[2 * PAGE];

		ASSERT_EQ(0, access_read(acc, e->iova, copy, e->length));
		EXPECT_EQ(0, memcmp(copy, (void *)(uintptr_t)e->src,
				    e->length)) {
			TH_LOG("entry %u", i);
		}
	}
	EXPECT_EQ(-EPERM, access_write(acc, self->e[2].iova, buf, 8));
	EXPECT_EQ(0, access_write(acc, self->e[3].iova, buf, 8));
	EXPECT_DMA(AT + 2 * PAGE, buf + 3 * PAGE, 64);
	EXPECT_DMA(AT + n * PAGE, buf + (n + 3) * PAGE, 64);
	EXPECT_DMA(AT + (2 * n + 4) * PAGE - 32, buf + (2 * n + 4) * PAGE - 32,
		   64);
	if (variant->device) {
		EXPECT_EQ(0, edu_can_write(&self->rig.edu, self->e[2].iova,
					   buf + 2 * PAGE, 64));
	}
	close(acc);
}

/* Others ------------------------------------------------------------------- */

/* Who has pinned pages of an entry is asked to let go, once for each area. */
TEST_F(batch, unmap_calls_back)
{
	struct access_test_event event;
	const unsigned int n = 300;
	uint32_t done;
	int acc;

	NEED_ACCESS;
	acc = access_open_attached(self->rig.fd, self->rig.ioas);
	ASSERT_LE(0, acc);
	fill_pages(self->e, n, self->buf, AT);
	ASSERT_EQ(0, MAP_BATCH(n, &done));
	ASSERT_EQ(0, access_pin(acc, AT + 7 * PAGE, PAGE, 0));
	ASSERT_EQ(0, access_pin(acc, AT + 290 * PAGE, PAGE, 0));
	fill_unmaps(self->e, n, AT);
	ASSERT_EQ(0, UNMAP_BATCH(n, &done));
	EXPECT_EQ(n, done);
	EXPECT_EQ(n, count_done(self->e, n));
	EXPECT_PINNED(0);
	EXPECT_EQ(self->pinned, mem_wait_pinned(self->pinned));
	EXPECT_EQ(0, access_event(acc, &event));
	EXPECT_EQ(AT + 7 * PAGE, event.iova);
	EXPECT_EQ(0, access_event(acc, &event));
	EXPECT_EQ(AT + 290 * PAGE, event.iova);
	EXPECT_EQ(-EAGAIN, access_event(acc, &event));
	close(acc);
}

ACCESS_HARNESS_MAIN
