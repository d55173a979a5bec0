// SPDX-License-Identifier: GPL-2.0-only
/*
 * A BAR of gigabytes, which the CPU maps by large entries: that a device reaches
 * every place of it, however the mapping lies. An ivshmem device has such a BAR, of
 * memory, so that it can be seen what has been written. selftests/check has the
 * arguments for one.
 */
#define _GNU_SOURCE
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "edu.h"
#include "file.h"
#include "iommu.h"
#include "mem.h"
#include "rig.h"
#include "vfio.h"

#define PAGE 4096UL
#define GIB (1UL << 30)
#define AT 0x40000000UL
#define SOME_LENGTH 256UL
#define IVSHMEM_VENDOR 0x1af4
#define IVSHMEM_DEVICE 0x1110
#define BAR 2
/* For a debug kernel on a busy host, which has a page fault for every small page. */
#define SECONDS 120

/* Have vfio-pci drive what nobody drives yet. */
static void bind(void)
{
	file_write("/sys/bus/pci/drivers/vfio-pci/new_id", "1af4 1110");
}

FIXTURE(big_bar)
{
	struct rig rig;
	int device;
	struct vfio_region_info bar;
};

FIXTURE_SETUP(big_bar)
{
	struct vfio_pci pci;
	uint32_t id;

	self->rig.fd = -1;
	self->rig.edu.fd = -1;
	self->device = -1;
	bind();
	if (vfio_find(IVSHMEM_VENDOR, IVSHMEM_DEVICE, &pci, 1) < 1)
		SKIP(return, "no ivshmem device");
	ASSERT_EQ(0, rig_open(&self->rig));
	ASSERT_EQ(0, rig_attach(&self->rig));
	self->device = vfio_cdev_open(&pci);
	ASSERT_LE(0, self->device);
	ASSERT_EQ(0, vfio_bind(self->device, self->rig.fd, &id));
	ASSERT_EQ(0, vfio_enable_dma(self->device, true));
	ASSERT_EQ(0, vfio_region_info(self->device, BAR, &self->bar));
	ASSERT_LE(GIB, self->bar.size);
}

FIXTURE_TEARDOWN(big_bar)
{
	if (self->device >= 0)
		close(self->device);
	if (self->rig.fd >= 0) {
		EXPECT_EQ(0, rig_close(&self->rig));
	}
}

/* The BAR, at an address that is @off bytes behind one of whole gigabytes. */
static char *map_bar(struct _test_data_big_bar *self, size_t off, size_t size)
{
	char *all = mem_reserve(size + 2 * GIB), *at;

	if (!all)
		return NULL;
	at = (char *)(((uintptr_t)all + GIB - 1) & ~(GIB - 1)) + off;
	at = mmap(at, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
		  self->device, self->bar.offset);
	return at == MAP_FAILED ? NULL : at;
}

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

TEST_F_TIMEOUT(big_bar, whole, SECONDS)
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
TEST_F_TIMEOUT(big_bar, shifted, SECONDS)
{
	char *at = map_bar(self, MEM_HUGE, self->bar.size);

	ASSERT_NE(NULL, at);
	EXPECT_TRUE(works(self, at, 16 * MEM_HUGE));
	munmap(at, self->bar.size);
	at = map_bar(self, PAGE, MEM_HUGE + 4 * PAGE);
	ASSERT_NE(NULL, at);
	EXPECT_TRUE(works(self, at, MEM_HUGE + 4 * PAGE));
}

/* From within an entry to within another one. */
TEST_F_TIMEOUT(big_bar, parts, SECONDS)
{
	const size_t size = self->bar.size;
	char *at = map_bar(self, 0, size);

	ASSERT_NE(NULL, at);
	EXPECT_TRUE(works(self, at + PAGE, size - 2 * PAGE));
	EXPECT_TRUE(works(self, at + MEM_HUGE + PAGE, 3 * PAGE));
	EXPECT_TRUE(works(self, at + size / 2 - MEM_HUGE, 2 * MEM_HUGE));
	EXPECT_TRUE(works(self, at + size - PAGE, PAGE));
}

TEST_F_TIMEOUT(big_bar, read_only, SECONDS)
{
	char *at = map_bar(self, 0, 4 * MEM_HUGE);
	struct rig *rig = &self->rig;

	ASSERT_NE(NULL, at);
	ASSERT_EQ(0, mprotect(at, 4 * MEM_HUGE, PROT_READ));
	EXPECT_EQ(-EFAULT, rig_map(rig, at, 4 * MEM_HUGE, AT));
	EXPECT_EQ(0, iommu_map_fixed(rig->fd, rig->ioas, at, 4 * MEM_HUGE, IOMMU_R,
				     AT));
}

TEST_HARNESS_MAIN
