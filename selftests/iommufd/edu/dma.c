// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a device really reads and writes through an IOAS.
 *
 * The other programs look at what the commands return; here QEMU's edu device
 * does DMA and the memory tells whether the IOMMU's page tables are right.
 */
#define _GNU_SOURCE
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "edu.h"
#include "iommu.h"
#include "klog.h"
#include "mem.h"
#include "rig.h"

#define PAGE 4096UL
#define IOVA 0x40000000UL
#define OUT_IOVA 0x10000000UL
#define OTHER_IOVA 0x7654321000UL

/* Memory of every kind --------------------------------------------------- */

enum kind {
	ANON,
	THP,
	HUGETLB,
	SHARED,
	SCATTERED,
	MEMFD,
	MEMFD_HUGETLB,
};

FIXTURE(kind)
{
	struct rig rig;
	size_t size;
	int file;
	char *va;
};

FIXTURE_VARIANT(kind)
{
	enum kind kind;
	bool map_file;
};

FIXTURE_VARIANT_ADD(kind, anon) { .kind = ANON };
FIXTURE_VARIANT_ADD(kind, thp) { .kind = THP };
FIXTURE_VARIANT_ADD(kind, hugetlb) { .kind = HUGETLB };
FIXTURE_VARIANT_ADD(kind, shared) { .kind = SHARED };
FIXTURE_VARIANT_ADD(kind, scattered) { .kind = SCATTERED };
FIXTURE_VARIANT_ADD(kind, memfd) { .kind = MEMFD };
FIXTURE_VARIANT_ADD(kind, memfd_hugetlb) { .kind = MEMFD_HUGETLB };
FIXTURE_VARIANT_ADD(kind, memfd_by_file) {
	.kind = MEMFD, .map_file = true,
};
FIXTURE_VARIANT_ADD(kind, memfd_hugetlb_by_file) {
	.kind = MEMFD_HUGETLB, .map_file = true,
};

static bool is_scattered(const char *va, size_t size)
{
	return mem_runs(va, size) > (long)(size / PAGE / 2);
}

/*
 * Pages come back from the kernel's free lists in the order they went there,
 * which may undo the scattering: then what was got is kept out of the way.
 */
static char *alloc_scattered(size_t size)
{
	char *va = NULL;
	int attempt;

	for (attempt = 0; attempt < 4; attempt++) {
		va = mem_scattered(size);
		if (!va || is_scattered(va, size))
			break;
	}
	return va;
}

static char *kind_alloc(enum kind kind, size_t size, int *file)
{
	*file = -1;
	switch (kind) {
	case ANON:
		return mem_anon(size);
	case THP:
		return mem_thp(size);
	case HUGETLB:
		return mem_hugetlb(size);
	case SHARED:
		return mem_shared(size);
	case SCATTERED:
		return alloc_scattered(size);
	case MEMFD:
		*file = mem_memfd(size, 0);
		break;
	case MEMFD_HUGETLB:
		*file = mem_memfd_hugetlb(size);
		break;
	}
	return *file < 0 ? NULL : mem_map_file(*file, 0, size);
}

static bool kind_as_wanted(enum kind kind, const char *va, size_t size)
{
	if (kind == THP)
		return mem_runs(va, size) <= (long)(size / MEM_HUGE);
	if (kind == SCATTERED)
		return is_scattered(va, size);
	return true;
}

FIXTURE_SETUP(kind)
{
	self->size = 2 * MEM_HUGE;
	ASSERT_EQ(0, rig_open(&self->rig));
	self->va = kind_alloc(variant->kind, self->size, &self->file);
	if (!self->va)
		SKIP(return, "no such memory on this machine");
	if (!kind_as_wanted(variant->kind, self->va, self->size))
		SKIP(return, "the kernel did not lay the memory out that way");
}

FIXTURE_TEARDOWN(kind)
{
	EXPECT_EQ(0, rig_close(&self->rig));
}

#define kind_map(iova) ({						\
	uint64_t at = (iova);						\
	variant->map_file ?						\
		iommu_map_file_fixed(self->rig.fd, self->rig.ioas,	\
				     self->file, 0, self->size,		\
				     IOMMU_RW, at) :			\
		rig_map(&self->rig, self->va, self->size, at); })

TEST_F(kind, both_ways)
{
	struct rig *rig = &self->rig;

	ASSERT_EQ(0, rig_attach(rig));
	ASSERT_EQ(0, kind_map(IOVA));
	EXPECT_LT(rig->pinned, mem_pinned());
	EXPECT_EQ(0, edu_check(&rig->edu, IOVA + MEM_HUGE - 2000,
			       self->va + MEM_HUGE - 2000, EDU_DMA_MAX));
	EXPECT_EQ(0, edu_check(&rig->edu, IOVA + self->size - EDU_DMA_MAX,
			       self->va + self->size - EDU_DMA_MAX,
			       EDU_DMA_MAX));

	ASSERT_EQ(0, rig_unmap(rig, IOVA, self->size));
	EXPECT_EQ(rig->pinned, mem_wait_pinned(rig->pinned));
}

/*
 * The IOVA is a page off from where large page table entries would do, so
 * that a 2 MiB page of memory lies across two entries of the IOMMU.
 */
TEST_F(kind, unlike_alignment)
{
	struct rig *rig = &self->rig;
	uint64_t iova = IOVA + 3 * PAGE;

	ASSERT_EQ(0, rig_attach(rig));
	ASSERT_EQ(0, kind_map(iova));
	EXPECT_EQ(0, edu_check(&rig->edu, iova + MEM_HUGE - 2000,
			       self->va + MEM_HUGE - 2000, EDU_DMA_MAX));
	ASSERT_EQ(0, rig_unmap(rig, iova, self->size));
	EXPECT_EQ(rig->pinned, mem_wait_pinned(rig->pinned));
}

/* The domain is filled at attach, from memory that was mapped before. */
TEST_F(kind, map_then_attach)
{
	struct rig *rig = &self->rig;

	ASSERT_EQ(0, kind_map(IOVA));
	EXPECT_EQ(rig->pinned, mem_pinned());
	ASSERT_EQ(0, rig_attach(rig));
	EXPECT_LT(rig->pinned, mem_pinned());

	/* Nobody uses the memory any more, though it stays mapped */
	ASSERT_EQ(0, vfio_detach(rig->edu.fd));
	EXPECT_EQ(rig->pinned, mem_wait_pinned(rig->pinned));
	ASSERT_EQ(0, rig_attach(rig));
	EXPECT_EQ(0, edu_check(&rig->edu, IOVA + MEM_HUGE - 2000,
			       self->va + MEM_HUGE - 2000, EDU_DMA_MAX));
}

/* A copy of the middle; the original goes away and the copy stays. */
TEST_F(kind, copy)
{
	struct rig *rig = &self->rig;
	uint64_t offset = MEM_HUGE - 5 * PAGE;
	uint32_t other;

	ASSERT_EQ(0, rig_attach(rig));
	ASSERT_EQ(0, kind_map(IOVA));
	ASSERT_EQ(0, iommu_ioas_alloc(rig->fd, &other));
	ASSERT_EQ(0, iommu_copy_fixed(rig->fd, other, rig->ioas, IOVA + offset,
				      10 * PAGE, IOMMU_RW, OTHER_IOVA));
	ASSERT_EQ(0, rig_unmap(rig, IOVA, self->size));

	ASSERT_EQ(0, rig_move(rig->edu.fd, other));
	EXPECT_EQ(0, edu_check(&rig->edu,
			       OTHER_IOVA + 10 * PAGE - EDU_DMA_MAX,
			       self->va + offset + 10 * PAGE - EDU_DMA_MAX,
			       EDU_DMA_MAX));
	ASSERT_EQ(0, iommu_ioas_unmap(rig->fd, other, OTHER_IOVA, 10 * PAGE,
				      NULL));
	EXPECT_EQ(rig->pinned, mem_wait_pinned(rig->pinned));
}

/* An attached device and one IOAS ---------------------------------------- */

FIXTURE(dma)
{
	struct rig rig;
	char *out;
};

FIXTURE_SETUP(dma)
{
	struct rig *rig = &self->rig;

	ASSERT_EQ(0, rig_open(rig));
	ASSERT_EQ(0, rig_attach(rig));
	/* Where a device may always show what it got hold of */
	self->out = mem_anon(2 * PAGE);
	ASSERT_NE(NULL, self->out);
	ASSERT_EQ(0, rig_map(rig, self->out, 2 * PAGE, OUT_IOVA));
}

FIXTURE_TEARDOWN(dma)
{
	EXPECT_EQ(0, rig_close(&self->rig));
}

/* What is mapped is exactly the pages that were asked for. */
TEST_F(dma, edges)
{
	struct edu *edu = &self->rig.edu;
	char *mem = mem_anon(3 * PAGE);

	ASSERT_NE(NULL, mem);
	ASSERT_EQ(0, rig_map(&self->rig, mem + PAGE, PAGE, IOVA));
	EXPECT_EQ(0, edu_check(edu, IOVA, mem + PAGE, EDU_DMA_MAX));
	EXPECT_EQ(0, edu_can_write(edu, IOVA - 64, mem + PAGE - 64, 64));
	EXPECT_EQ(0, edu_can_write(edu, IOVA + PAGE, mem + 2 * PAGE, 64));
}

/* The pages may be anywhere, the device sees them in the order of the VA. */
TEST_F(dma, page_order)
{
	struct edu *edu = &self->rig.edu;
	const int nr = 6;
	char *mem = mem_anon(nr * PAGE), *shuffled;
	static const int order[] = { 4, 1, 5, 0, 3, 2 };
	int i;

	ASSERT_NE(NULL, mem);
	shuffled = mem_reserve(nr * PAGE);
	ASSERT_NE(NULL, shuffled);
	for (i = 0; i < nr; i++) {
		ASSERT_EQ(shuffled + i * PAGE,
			  mremap(mem + order[i] * PAGE, PAGE, PAGE,
				 MREMAP_MAYMOVE | MREMAP_FIXED,
				 shuffled + i * PAGE));
	}
	ASSERT_EQ(0, rig_map(&self->rig, shuffled, nr * PAGE, IOVA));
	for (i = 0; i < nr; i += 2) {
		EXPECT_EQ(0, edu_check(edu, IOVA + i * PAGE + 2000,
				       shuffled + i * PAGE + 2000,
				       EDU_DMA_MAX));
	}
}

TEST_F(dma, iova_of_the_kernels_choice)
{
	struct rig *rig = &self->rig;
	char *mem = mem_anon(4 * PAGE);
	uint64_t first = 0, second = 0;

	ASSERT_NE(NULL, mem);
	ASSERT_EQ(0, iommu_map_auto(rig->fd, rig->ioas, mem, 2 * PAGE,
				    IOMMU_RW, &first));
	ASSERT_EQ(0, iommu_map_auto(rig->fd, rig->ioas, mem + 2 * PAGE,
				    2 * PAGE, IOMMU_RW, &second));
	EXPECT_NE(0, first);
	EXPECT_TRUE(first + 2 * PAGE <= second || second + 2 * PAGE <= first);
	EXPECT_EQ(0, edu_check(&rig->edu, first + 2000, mem + 2000,
			       EDU_DMA_MAX));
	EXPECT_EQ(0, edu_check(&rig->edu, second + 2000,
			       mem + 2 * PAGE + 2000, EDU_DMA_MAX));
}

/*
 * A huge page at an IOVA of the kernel's choice gets one that large entries
 * can be used for.
 */
TEST_F(dma, chosen_iova_suits_huge_pages)
{
	struct rig *rig = &self->rig;
	char *mem = mem_thp(2 * MEM_HUGE);
	uint64_t iova = 0;

	ASSERT_NE(NULL, mem);
	ASSERT_EQ(0, iommu_map_auto(rig->fd, rig->ioas, mem, 2 * MEM_HUGE,
				    IOMMU_RW, &iova));
	EXPECT_EQ(0, iova % MEM_HUGE);
	EXPECT_EQ(0, edu_check(&rig->edu, iova + MEM_HUGE - 2000,
			       mem + MEM_HUGE - 2000, EDU_DMA_MAX));
}

TEST_F(dma, read_only)
{
	struct rig *rig = &self->rig;
	char *mem = mem_anon(PAGE);

	ASSERT_NE(NULL, mem);
	ASSERT_EQ(0, iommu_map_fixed(rig->fd, rig->ioas, mem, PAGE, IOMMU_R,
				     IOVA));
	EXPECT_EQ(0, edu_can_write(&rig->edu, IOVA, mem, 256));
	EXPECT_EQ(1, edu_can_read(&rig->edu, IOVA, mem, OUT_IOVA, self->out,
				  256));
	EXPECT_EQ(0, edu_can_write(&rig->edu, IOVA, mem, 256));
}

/* Linux' driver for VT-d lets a device read what it may write: no check. */
TEST_F(dma, write_only)
{
	struct rig *rig = &self->rig;
	char *mem = mem_anon(PAGE);

	ASSERT_NE(NULL, mem);
	ASSERT_EQ(0, iommu_map_fixed(rig->fd, rig->ioas, mem, PAGE, IOMMU_W,
				     IOVA));
	EXPECT_EQ(1, edu_can_write(&rig->edu, IOVA, mem, 256));
}

/* Memory that the process itself may only read can be read by the device. */
TEST_F(dma, read_only_memory)
{
	struct rig *rig = &self->rig;
	char *mem = mem_anon(PAGE);

	ASSERT_NE(NULL, mem);
	mem_fill(mem, PAGE, 77);
	ASSERT_EQ(0, mprotect(mem, PAGE, PROT_READ));
	EXPECT_EQ(-EFAULT, rig_map(rig, mem, PAGE, IOVA));
	ASSERT_EQ(0, iommu_map_fixed(rig->fd, rig->ioas, mem, PAGE, IOMMU_R,
				     IOVA));
	ASSERT_EQ(0, edu_copy(&rig->edu, IOVA, OUT_IOVA, EDU_DMA_MAX));
	EXPECT_EQ(-1, mem_check(self->out, EDU_DMA_MAX, 77));
}

/* The page of zeros is everybody's: a pinned read-only page must not be it. */
TEST_F(dma, read_only_untouched_memory)
{
	struct rig *rig = &self->rig;
	char *mem;

	mem = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, mem);
	ASSERT_EQ(0, iommu_map_fixed(rig->fd, rig->ioas, mem, PAGE, IOMMU_R,
				     IOVA));
	/* What the process writes later is what the device must see */
	mem_fill(mem, PAGE, 78);
	ASSERT_EQ(0, edu_copy(&rig->edu, IOVA, OUT_IOVA, EDU_DMA_MAX));
	EXPECT_EQ(-1, mem_check(self->out, EDU_DMA_MAX, 78));
}

TEST_F(dma, unmapped)
{
	struct rig *rig = &self->rig;
	char *mem = mem_anon(2 * PAGE);

	ASSERT_NE(NULL, mem);
	ASSERT_EQ(0, rig_map(rig, mem, PAGE, IOVA));
	ASSERT_EQ(0, rig_map(rig, mem + PAGE, PAGE, IOVA + PAGE));
	EXPECT_EQ(0, edu_check(&rig->edu, IOVA + 2000, mem + 2000,
			       EDU_DMA_MAX));

	/* The device has used both pages, so its IOTLB may know them */
	ASSERT_EQ(0, rig_unmap(rig, IOVA, PAGE));
	EXPECT_EQ(0, edu_can_write(&rig->edu, IOVA, mem, 256));
	EXPECT_EQ(0, edu_can_read(&rig->edu, IOVA, mem, OUT_IOVA, self->out,
				  256));
	EXPECT_EQ(0, edu_check(&rig->edu, IOVA + PAGE, mem + PAGE, 256));
}

TEST_F(dma, fault_is_logged)
{
	struct rig *rig = &self->rig;
	struct klog_fault fault;
	char *mem = mem_anon(PAGE);
	int klog = klog_open();

	ASSERT_NE(NULL, mem);
	ASSERT_LE(0, klog);
	if (!klog_has_faults())
		SKIP(return, "this vIOMMU stops DMA without a report");
	ASSERT_EQ(0, rig_map(rig, mem, PAGE, IOVA));
	ASSERT_EQ(0, rig_unmap(rig, IOVA, PAGE));
	EXPECT_EQ(0, edu_expect_fault(&rig->edu, klog, IOVA, true, &fault));
	EXPECT_EQ(IOVA, fault.iova);
	EXPECT_EQ(0, edu_expect_fault(&rig->edu, klog, IOVA + PAGE, false,
				      &fault));
}

/* After the address is used again, the device gets the new memory only. */
TEST_F(dma, mapped_again)
{
	struct rig *rig = &self->rig;
	char *old = mem_anon(MEM_HUGE), *new = mem_thp(MEM_HUGE);

	ASSERT_NE(NULL, old);
	ASSERT_NE(NULL, new);
	ASSERT_EQ(0, rig_map(rig, old, MEM_HUGE, IOVA));
	EXPECT_EQ(0, edu_check(&rig->edu, IOVA + 2000, old + 2000,
			       EDU_DMA_MAX));
	ASSERT_EQ(0, rig_unmap(rig, IOVA, MEM_HUGE));
	ASSERT_EQ(0, rig_map(rig, new, MEM_HUGE, IOVA));
	EXPECT_EQ(0, edu_can_write(&rig->edu, IOVA + 2000, old + 2000, 256));
	EXPECT_EQ(0, edu_check(&rig->edu, IOVA + 2000, new + 2000,
			       EDU_DMA_MAX));

	/* And back from a large entry to small ones */
	ASSERT_EQ(0, rig_unmap(rig, IOVA, MEM_HUGE));
	ASSERT_EQ(0, rig_map(rig, old, PAGE, IOVA));
	EXPECT_EQ(0, edu_can_write(&rig->edu, IOVA + PAGE, new + PAGE, 256));
	EXPECT_EQ(0, edu_check(&rig->edu, IOVA, old, EDU_DMA_MAX));
}

TEST_F(dma, unmap_all)
{
	struct rig *rig = &self->rig;
	char *mem = mem_anon(4 * PAGE);
	uint64_t unmapped;

	ASSERT_NE(NULL, mem);
	ASSERT_EQ(0, rig_map(rig, mem, PAGE, IOVA));
	ASSERT_EQ(0, rig_map(rig, mem + PAGE, 3 * PAGE, OTHER_IOVA));
	ASSERT_EQ(0, iommu_unmap_all(rig->fd, rig->ioas, &unmapped));
	EXPECT_EQ((4 + 2) * PAGE, unmapped);
	EXPECT_EQ(0, edu_can_write(&rig->edu, IOVA, mem, 64));
	EXPECT_EQ(0, edu_can_write(&rig->edu, OTHER_IOVA, mem + PAGE, 64));
	EXPECT_EQ(rig->pinned, mem_wait_pinned(rig->pinned));
}

/* Detached, the device reaches nothing at all. */
TEST_F(dma, detached)
{
	struct rig *rig = &self->rig;

	EXPECT_EQ(0, edu_check(&rig->edu, OUT_IOVA, self->out, 256));
	ASSERT_EQ(0, vfio_detach(rig->edu.fd));
	EXPECT_EQ(0, edu_can_write(&rig->edu, OUT_IOVA, self->out, 256));
	ASSERT_EQ(0, rig_attach(rig));
	EXPECT_EQ(0, edu_check(&rig->edu, OUT_IOVA, self->out, 256));
}

TEST_F(dma, copy_has_its_own_permission)
{
	struct rig *rig = &self->rig;
	char *mem = mem_anon(PAGE);

	ASSERT_NE(NULL, mem);
	ASSERT_EQ(0, rig_map(rig, mem, PAGE, IOVA));
	ASSERT_EQ(0, iommu_copy_fixed(rig->fd, rig->ioas, rig->ioas, IOVA,
				      PAGE, IOMMU_R, OTHER_IOVA));
	EXPECT_EQ(1, edu_can_read(&rig->edu, OTHER_IOVA, mem, OUT_IOVA,
				  self->out, 256));
	EXPECT_EQ(0, edu_can_write(&rig->edu, OTHER_IOVA, mem, 256));
	EXPECT_EQ(1, edu_can_write(&rig->edu, IOVA, mem, 256));
}

/* One copy over several areas that follow one another. */
TEST_F(dma, copy_of_many_areas)
{
	struct rig *rig = &self->rig;
	char *mem = mem_anon(4 * PAGE);
	long before;
	int i;

	ASSERT_NE(NULL, mem);
	/* Neighbours in IOVA, in the opposite order in memory */
	for (i = 0; i < 4; i++) {
		ASSERT_EQ(0, rig_map(rig, mem + (3 - i) * PAGE, PAGE,
				     IOVA + i * PAGE));
	}
	before = mem_pinned();
	ASSERT_EQ(0, iommu_copy_fixed(rig->fd, rig->ioas, rig->ioas, IOVA,
				      4 * PAGE, IOMMU_RW, OTHER_IOVA));
	/* The memory is shared, not pinned again */
	EXPECT_EQ(before, mem_pinned());
	for (i = 0; i < 4; i++) {
		EXPECT_EQ(0, edu_check(&rig->edu, OTHER_IOVA + i * PAGE,
				       mem + (3 - i) * PAGE, 256));
	}
	ASSERT_EQ(0, rig_unmap(rig, IOVA, 4 * PAGE));
	EXPECT_EQ(before, mem_pinned());
	EXPECT_EQ(0, edu_check(&rig->edu, OTHER_IOVA, mem + 3 * PAGE, 256));
}

/*
 * Without a device areas may begin and end anywhere, and together make up whole
 * pages: a device cannot have such pieces.
 */
TEST_F(dma, copy_of_odd_pieces)
{
	struct rig *rig = &self->rig;
	char *mem = mem_anon(2 * PAGE);
	uint32_t odd;

	ASSERT_NE(NULL, mem);
	ASSERT_EQ(0, iommu_ioas_alloc(rig->fd, &odd));
	ASSERT_EQ(0, iommu_map_fixed(rig->fd, odd, mem, 16, IOMMU_RW, IOVA));
	ASSERT_EQ(0, iommu_map_fixed(rig->fd, odd, mem + PAGE, PAGE - 16,
				     IOMMU_RW, IOVA + 16));
	EXPECT_EQ(-EINVAL, iommu_copy_fixed(rig->fd, rig->ioas, odd, IOVA,
					    PAGE, IOMMU_RW, OTHER_IOVA));
	EXPECT_EQ(-ENOENT, rig_unmap(rig, OTHER_IOVA, PAGE));
}

/* Without large entries it is slower, and otherwise the same. */
TEST_F(dma, huge_pages_off)
{
	struct rig *rig = &self->rig;
	char *mem = mem_thp(2 * MEM_HUGE);
	uint64_t value = 7;

	ASSERT_NE(NULL, mem);
	/* Not while a device sees mappings */
	EXPECT_EQ(-EINVAL, iommu_option_set(rig->fd, IOMMU_OPTION_HUGE_PAGES,
					    rig->ioas, 0));
	ASSERT_EQ(0, iommu_unmap_all(rig->fd, rig->ioas, NULL));
	ASSERT_EQ(0, iommu_option_set(rig->fd, IOMMU_OPTION_HUGE_PAGES,
				      rig->ioas, 0));
	ASSERT_EQ(0, iommu_option_get(rig->fd, IOMMU_OPTION_HUGE_PAGES,
				      rig->ioas, &value));
	EXPECT_EQ(0, value);
	ASSERT_EQ(0, rig_map(rig, mem, 2 * MEM_HUGE, IOVA));
	EXPECT_EQ(0, edu_check(&rig->edu, IOVA + MEM_HUGE - 2000,
			       mem + MEM_HUGE - 2000, EDU_DMA_MAX));
	ASSERT_EQ(0, rig_unmap(rig, IOVA, 2 * MEM_HUGE));
	EXPECT_EQ(0, edu_can_write(&rig->edu, IOVA + MEM_HUGE,
				   mem + MEM_HUGE, 256));
	EXPECT_EQ(rig->pinned, mem_wait_pinned(rig->pinned));
}

/* A private page that is pinned stays the parent's when it forks. */
TEST_F(dma, fork)
{
	struct rig *rig = &self->rig;
	char *mem = mem_anon(PAGE);
	int gate[2];
	pid_t pid;

	ASSERT_NE(NULL, mem);
	ASSERT_EQ(0, pipe(gate));
	ASSERT_EQ(0, rig_map(rig, mem, PAGE, IOVA));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		char byte;

		/* Holds on to its share of the memory until told to go */
		close(gate[1]);
		_exit(read(gate[0], &byte, 1) != 0);
	}
	close(gate[0]);
	EXPECT_EQ(0, edu_check(&rig->edu, IOVA, mem, EDU_DMA_MAX));
	close(gate[1]);
	ASSERT_EQ(pid, waitpid(pid, NULL, 0));
	EXPECT_EQ(0, edu_check(&rig->edu, IOVA, mem, 256));
}

/* The mapping lives on when the process gives up its own view of the memory. */
TEST_F(dma, munmap)
{
	struct rig *rig = &self->rig;
	int file = mem_memfd(PAGE, 0);
	char *mem, *again;

	ASSERT_LE(0, file);
	mem = mem_map_file(file, 0, PAGE);
	ASSERT_NE(NULL, mem);
	ASSERT_EQ(0, rig_map(rig, mem, PAGE, IOVA));
	ASSERT_EQ(0, munmap(mem, PAGE));
	again = mem_map_file(file, 0, PAGE);
	ASSERT_NE(NULL, again);
	EXPECT_EQ(0, edu_check(&rig->edu, IOVA, again, EDU_DMA_MAX));
	munmap(again, PAGE);
	ASSERT_EQ(0, iommu_unmap_all(rig->fd, rig->ioas, NULL));
	EXPECT_EQ(rig->pinned, mem_wait_pinned(rig->pinned));
}

/* MAP_FILE from an offset, of a file that was never mapped by anybody. */
TEST_F(dma, map_file_offset)
{
	struct rig *rig = &self->rig;
	int file = mem_memfd(8 * PAGE, 0);
	char buffer[256];

	ASSERT_LE(0, file);
	mem_fill(buffer, sizeof(buffer), 5);
	ASSERT_EQ(sizeof(buffer),
		  pwrite(file, buffer, sizeof(buffer), 3 * PAGE + 1000));
	ASSERT_EQ(0, iommu_map_file_fixed(rig->fd, rig->ioas, file, 3 * PAGE,
					  2 * PAGE, IOMMU_RW, IOVA));
	ASSERT_EQ(0, edu_copy(&rig->edu, IOVA + 1000, IOVA + PAGE + 500,
			      sizeof(buffer)));
	memset(buffer, 0, sizeof(buffer));
	ASSERT_EQ(sizeof(buffer),
		  pread(file, buffer, sizeof(buffer), 4 * PAGE + 500));
	EXPECT_EQ(-1, mem_check(buffer, sizeof(buffer), 5));

	/* The pages are held, the descriptor is not needed any more */
	close(file);
	EXPECT_EQ(0, edu_copy(&rig->edu, IOVA + PAGE + 500, OUT_IOVA,
			      sizeof(buffer)));
	EXPECT_EQ(-1, mem_check(self->out, sizeof(buffer), 5));
}

TEST_HARNESS_MAIN
