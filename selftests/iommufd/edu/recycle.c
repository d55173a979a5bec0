// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is unmapped leaves its structures to what is mapped next. Nothing of the one
 * may be found in the other: not its memory, its file, its permissions, who pays for
 * it, or what it was made of.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "access.h"
#include "child.h"
#include "edu.h"
#include "iommu.h"
#include "mem.h"
#include "rig.h"

#define PAGE 4096UL
#define NPAGES 32UL
#define BUF (NPAGES * PAGE)
#define AT 0x40000000UL
#define CHILD 0x80000000UL
#define SOME 256
/* More than an IOAS keeps. */
#define MANY 3000

/* A device that is attached to the IOAS. */
FIXTURE(recycle)
{
	struct rig rig;
	char *buf;
};

FIXTURE_SETUP(recycle)
{
	ASSERT_EQ(0, rig_open(&self->rig));
	ASSERT_EQ(0, rig_attach(&self->rig));
	self->buf = mem_anon(BUF);
	ASSERT_NE(NULL, self->buf);
	mem_fill(self->buf, BUF, 1);
}

FIXTURE_TEARDOWN(recycle)
{
	EXPECT_EQ(0, rig_close(&self->rig));
	EXPECT_EQ(0, mem_vm_pin(0));
}

#define VA(page) (self->buf + (page) * PAGE)
#define MAP(page, npages, perm, iova)					\
	iommu_map_fixed(self->rig.fd, self->rig.ioas, VA(page),		\
			(npages) * PAGE, perm, iova)
#define UNMAP(npages, iova) rig_unmap(&self->rig, iova, (npages) * PAGE)
#define EXPECT_DMA(iova, page)						\
	EXPECT_EQ(0, edu_check(&self->rig.edu, iova, VA(page), SOME))
#define EXPECT_NO_DMA(iova, page)					\
	EXPECT_EQ(0, edu_can_write(&self->rig.edu, iova, VA(page), SOME))

TEST_F(recycle, other_memory)
{
	unsigned int i;

	for (i = 0; i < NPAGES; i++) {
		ASSERT_EQ(0, MAP(i, 1, IOMMU_RW, AT + i % 3 * PAGE));
		EXPECT_DMA(AT + i % 3 * PAGE, i);
		EXPECT_EQ(1, mem_vm_pin(0));
		ASSERT_EQ(0, UNMAP(1, AT + i % 3 * PAGE));
		EXPECT_NO_DMA(AT + i % 3 * PAGE, i);
		EXPECT_EQ(0, mem_vm_pin(0));
	}
}

/* Pieces of many runs, of one, of none. */
TEST_F(recycle, other_lengths)
{
	static const unsigned int npages[] = { 1, 32, 2, 17, 1, 16, 3, 1 };
	char *apart = mem_scattered(BUF);
	unsigned int i;

	ASSERT_NE(NULL, apart);
	mem_fill(apart, BUF, 2);
	for (i = 0; i < sizeof(npages) / sizeof(*npages); i++) {
		unsigned int n = npages[i];

		ASSERT_EQ(0, rig_map(&self->rig, apart, n * PAGE, AT));
		EXPECT_EQ(n, mem_vm_pin(0));
		EXPECT_EQ(0, edu_check(&self->rig.edu, AT + (n - 1) * PAGE,
				       apart + (n - 1) * PAGE, SOME));
		EXPECT_NO_DMA(AT + n * PAGE, 0);
		ASSERT_EQ(0, UNMAP(n, AT));
		EXPECT_EQ(0, mem_vm_pin(0));
		EXPECT_EQ(0, edu_can_write(&self->rig.edu, AT, apart, SOME));
	}
	mem_free(apart, BUF);
}

TEST_F(recycle, other_permissions)
{
	ASSERT_EQ(0, MAP(0, 1, IOMMU_RW, AT));
	ASSERT_EQ(0, UNMAP(1, AT));
	ASSERT_EQ(0, MAP(1, 1, IOMMU_R, AT));
	EXPECT_NO_DMA(AT, 1);
	ASSERT_EQ(0, UNMAP(1, AT));
	ASSERT_EQ(0, MAP(2, 1, IOMMU_RW, AT));
	EXPECT_DMA(AT, 2);
	ASSERT_EQ(0, UNMAP(1, AT));
}

/* The file is let go at once, and its pages are not what comes next. */
TEST_F(recycle, of_a_file)
{
	long before = mem_info("HugePages_Free");
	int file = mem_memfd_hugetlb(MEM_HUGE);
	char *seen;

	if (file < 0)
		SKIP(return, "no huge pages");
	seen = mem_map_file(file, 0, MEM_HUGE);
	ASSERT_NE(NULL, seen);
	mem_fill(seen, MEM_HUGE, 3);
	ASSERT_EQ(0, iommu_map_file_fixed(self->rig.fd, self->rig.ioas, file, 0,
					  MEM_HUGE, IOMMU_RW, AT));
	EXPECT_EQ(0, edu_check(&self->rig.edu, AT, seen, SOME));
	ASSERT_EQ(0, rig_unmap(&self->rig, AT, MEM_HUGE));
	mem_fill(seen, MEM_HUGE, 3);
	ASSERT_EQ(0, MAP(0, NPAGES, IOMMU_RW, AT));
	EXPECT_DMA(AT, 0);
	EXPECT_EQ(-1, mem_check(seen, MEM_HUGE, 3));
	munmap(seen, MEM_HUGE);
	close(file);
	EXPECT_EQ(before, mem_info("HugePages_Free"));
	ASSERT_EQ(0, UNMAP(NPAGES, AT));
}

static void map_in_child(void *arg)
{
	struct rig *rig = arg;
	char *buf = mem_anon(BUF);
	unsigned int i;

	CHILD_EQ(1, !!buf);
	mem_fill(buf, BUF, 4);
	for (i = 0; i < 4; i++) {
		CHILD_EQ(0, rig_map(rig, buf, BUF, AT));
		CHILD_EQ(NPAGES, mem_vm_pin(0));
		CHILD_EQ(0, edu_check(&rig->edu, AT, buf, SOME));
		CHILD_EQ(0, rig_unmap(rig, AT, BUF));
		CHILD_EQ(0, mem_vm_pin(0));
	}
}

/* Each pays for its own, and has its own mapped at the same address. */
TEST_F(recycle, by_another_process)
{
	ASSERT_EQ(0, MAP(0, NPAGES, IOMMU_RW, AT));
	ASSERT_EQ(0, UNMAP(NPAGES, AT));
	EXPECT_EQ(0, child_run(map_in_child, &self->rig));
	ASSERT_EQ(0, MAP(0, NPAGES, IOMMU_RW, AT));
	EXPECT_EQ(NPAGES, mem_vm_pin(0));
	EXPECT_DMA(AT, 0);
	ASSERT_EQ(0, UNMAP(NPAGES, AT));
}

/* One that was to be let go of by in-kernel users can be pinned by them again. */
TEST_F(recycle, after_a_callback)
{
	struct access_test_event event;
	unsigned int i;
	int acc;

	NEED_ACCESS;
	acc = access_open_attached(self->rig.fd, self->rig.ioas);
	ASSERT_LE(0, acc);
	for (i = 0; i < 4; i++) {
		ASSERT_EQ(0, MAP(i, 1, IOMMU_RW, AT));
		ASSERT_EQ(0, access_pin(acc, AT, PAGE, ACCESS_WRITE));
		ASSERT_EQ(0, UNMAP(1, AT));
		EXPECT_EQ(0, access_event(acc, &event));
		EXPECT_EQ(AT, event.iova);
		EXPECT_EQ(0, mem_vm_pin(0));
	}
	close(acc);
}

/* Batches and single commands take from the same stock. */
TEST_F(recycle, by_a_batch)
{
	struct ioasid_batch_entry entry[NPAGES];
	unsigned int i, round;
	uint32_t done;

	for (round = 0; round < 3; round++) {
		for (i = 0; i < NPAGES; i++)
			entry[i] = (struct ioasid_batch_entry){
				.src = (uintptr_t)VA((i + round) % NPAGES),
				.iova = AT + 2 * i * PAGE,
				.length = PAGE,
				.flags = IOMMU_RW | IOMMU_IOAS_MAP_FIXED_IOVA,
			};
		ASSERT_EQ(0, iommu_map_batch(self->rig.fd, self->rig.ioas,
					     entry, NPAGES, &done));
		EXPECT_EQ(NPAGES, mem_vm_pin(0));
		EXPECT_DMA(AT, round);
		EXPECT_DMA(AT + 2 * (NPAGES - 1) * PAGE,
			   (NPAGES - 1 + round) % NPAGES);
		for (i = 0; i < NPAGES; i++)
			ASSERT_EQ(0, UNMAP(1, AT + 2 * i * PAGE));
		EXPECT_EQ(0, mem_vm_pin(0));
		ASSERT_EQ(0, MAP(5, 1, IOMMU_RW, AT));
		EXPECT_DMA(AT, 5);
		ASSERT_EQ(0, UNMAP(1, AT));
	}
}

/* A child's mappings, from here and there in the parent, and from what is new. */
TEST_F(recycle, of_a_child)
{
	uint32_t child;
	unsigned int i;
	int fd = self->rig.fd;

	ASSERT_EQ(0, iommu_alloc_nested(fd, self->rig.ioas, &child));
	ASSERT_EQ(0, MAP(0, 8, IOMMU_RW, AT));
	ASSERT_EQ(0, MAP(8, 8, IOMMU_R, AT + 8 * PAGE));
	ASSERT_EQ(0, rig_move(self->rig.edu.fd, child));
	for (i = 0; i < 4; i++) {
		ASSERT_EQ(0, iommu_map_fixed(fd, child, (void *)(AT + i * PAGE),
					     PAGE, IOMMU_RW, CHILD));
		EXPECT_DMA(CHILD, i);
		ASSERT_EQ(0, iommu_ioas_unmap(fd, child, CHILD, PAGE, NULL));
		EXPECT_NO_DMA(CHILD, i);
		ASSERT_EQ(0, iommu_map_fixed(fd, child,
					     (void *)(AT + (8 + i) * PAGE),
					     PAGE, IOMMU_RW, CHILD));
		EXPECT_NO_DMA(CHILD, 8 + i);
		ASSERT_EQ(0, iommu_ioas_unmap(fd, child, CHILD, PAGE, NULL));
	}
	/* What has been the source last is no source any more. */
	ASSERT_EQ(0, iommu_map_fixed(fd, child, (void *)AT, PAGE, IOMMU_RW,
				     CHILD));
	ASSERT_EQ(0, UNMAP(8, AT));
	EXPECT_NO_DMA(CHILD, 0);
	EXPECT_EQ(-EFAULT, iommu_map_fixed(fd, child, (void *)AT, PAGE,
					   IOMMU_RW, CHILD));
	ASSERT_EQ(0, MAP(16, 8, IOMMU_RW, AT));
	ASSERT_EQ(0, iommu_map_fixed(fd, child, (void *)AT, PAGE, IOMMU_RW,
				     CHILD));
	EXPECT_DMA(CHILD, 16);
	ASSERT_EQ(0, rig_move(self->rig.edu.fd, self->rig.ioas));
	ASSERT_EQ(0, iommu_destroy(fd, child));
}

/*
 * From the first time on that something goes from the parent, the child knows where
 * its mappings come from: those from before, those from after, and not those that
 * it has unmapped itself.
 */
TEST_F(recycle, sources_of_a_child)
{
	uint64_t bytes;
	uint32_t child;
	unsigned int i;
	int fd = self->rig.fd;

	ASSERT_EQ(0, iommu_alloc_nested(fd, self->rig.ioas, &child));
	for (i = 0; i < 8; i++)
		ASSERT_EQ(0, MAP(i, 1, IOMMU_RW, AT + i * PAGE));
	ASSERT_EQ(0, rig_move(self->rig.edu.fd, child));
	/* Page 7 of the parent is the first of the child, and so on. */
	for (i = 0; i < 8; i++)
		ASSERT_EQ(0, iommu_map_fixed(fd, child,
					     (void *)(AT + (7 - i) * PAGE),
					     PAGE, IOMMU_RW, CHILD + i * PAGE));
	ASSERT_EQ(0, UNMAP(1, AT));
	EXPECT_NO_DMA(CHILD + 7 * PAGE, 0);
	EXPECT_DMA(CHILD + 6 * PAGE, 1);

	ASSERT_EQ(0, iommu_ioas_unmap(fd, child, CHILD + 6 * PAGE, PAGE, NULL));
	ASSERT_EQ(0, iommu_map_fixed(fd, child, (void *)(AT + 4 * PAGE), PAGE,
				     IOMMU_RW, CHILD + 6 * PAGE));
	ASSERT_EQ(0, UNMAP(1, AT + PAGE));
	EXPECT_DMA(CHILD + 6 * PAGE, 4);
	EXPECT_DMA(CHILD + 3 * PAGE, 4);
	ASSERT_EQ(0, UNMAP(1, AT + 4 * PAGE));
	EXPECT_NO_DMA(CHILD + 6 * PAGE, 4);
	EXPECT_NO_DMA(CHILD + 3 * PAGE, 4);
	EXPECT_DMA(CHILD, 7);

	ASSERT_EQ(0, iommu_unmap_all(fd, self->rig.ioas, &bytes));
	EXPECT_EQ(5 * PAGE, bytes);
	ASSERT_EQ(0, iommu_unmap_all(fd, child, &bytes));
	EXPECT_EQ(0, bytes);
	EXPECT_EQ(0, mem_vm_pin(0));
	ASSERT_EQ(0, rig_move(self->rig.edu.fd, self->rig.ioas));
	ASSERT_EQ(0, iommu_destroy(fd, child));
}

/* Structures in use, and those that a CPU has at hand, or -1. */
static long active_structures(void)
{
	FILE *file = fopen("/proc/slabinfo", "r");
	long active = -1;
	char line[512];

	while (file && fgets(line, sizeof(line), file))
		sscanf(line, "iommufd_pinned %ld", &active);
	if (file)
		fclose(file);
	return active;
}

/* However much has been mapped, not much is kept. */
TEST_F(recycle, not_all_is_kept)
{
	unsigned int i, way;

	if (mem_debug_kernel())
		SKIP(return, "KASAN keeps what is free in quarantine");
	if (active_structures() < 0)
		SKIP(return, "the kernel has merged the caches, or shows none");
	for (way = 0; way < 2; way++) {
		for (i = 0; i < MANY; i++)
			ASSERT_EQ(0, MAP(i % NPAGES, 1, IOMMU_RW,
					 AT + 2 * i * PAGE));
		EXPECT_LE(MANY, active_structures());
		for (i = 0; i < MANY && !way; i++)
			ASSERT_EQ(0, UNMAP(1, AT + 2 * i * PAGE));
		if (way)
			ASSERT_EQ(0, iommu_unmap_all(self->rig.fd,
						     self->rig.ioas, NULL));
		EXPECT_GT(MANY / 3, active_structures());
	}
}

ACCESS_HARNESS_MAIN
