// SPDX-License-Identifier: GPL-2.0-only
/*
 * Two IOASes and two devices, who sees what; and a device that moves from one IOAS
 * to another, also with transfers on their way.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "device.h"
#include "edu.h"
#include "module.h"

#define OUT_IOVA 0x10000000UL
/* Makes an IOMMU driver fail: ENOMEM. */
#define FAILS "function=viommu_send_req_sync only=2 answer=0xfffffffffffffff4"

/* Two devices ------------------------------------------------------------ */

FIXTURE(two)
{
	struct rig rig;
	struct edu second;
	char *mem;
};

FIXTURE_SETUP(two)
{
	struct vfio_pci pci[2];

	self->second.fd = -1;
	ASSERT_EQ(0, rig_open(&self->rig));
	self->mem = mem_anon(2 * PAGE);
	ASSERT_NE(NULL, self->mem);
	ASSERT_EQ(0, rig_map(&self->rig, self->mem, PAGE, IOVA));
	if (edu_find_alone(pci, 2) != 2)
		SKIP(return, "needs two devices in groups of their own");
	ASSERT_EQ(0, edu_open(&self->second, &pci[1], self->rig.fd));
}

FIXTURE_TEARDOWN(two)
{
	edu_close(&self->second);
	EXPECT_EQ(0, rig_close(&self->rig));
}

TEST_F(two, one_ioas)
{
	struct edu *first = &self->rig.edu, *second = &self->second;
	uint32_t hwpt[2] = {};

	ASSERT_EQ(0, vfio_attach(first->fd, self->rig.ioas, &hwpt[0]));
	ASSERT_EQ(0, vfio_attach(second->fd, self->rig.ioas, &hwpt[1]));
	/* Behind the same IOMMU one page table does for both */
	EXPECT_EQ(hwpt[0], hwpt[1]);
	EXPECT_EQ(self->rig.pinned + 1, mem_pinned());

	/* What one writes the other reads */
	mem_fill(self->mem, SOME_LENGTH, 1);
	ASSERT_EQ(0, edu_read(first, IOVA, SOME_LENGTH));
	mem_fill(self->mem, SOME_LENGTH, 2);
	ASSERT_EQ(0, edu_read(second, IOVA, SOME_LENGTH));
	ASSERT_EQ(0, edu_write(first, IOVA, SOME_LENGTH));
	EXPECT_EQ(-1, mem_check(self->mem, SOME_LENGTH, 1));
	ASSERT_EQ(0, edu_write(second, IOVA, SOME_LENGTH));
	EXPECT_EQ(-1, mem_check(self->mem, SOME_LENGTH, 2));

	edu_close(first);
	EXPECT_EQ(0, edu_check(second, IOVA, self->mem, SOME_LENGTH));
	EXPECT_EQ(-EBUSY, iommu_destroy(self->rig.fd, self->rig.ioas));
}

/* The same address means different memory to each. */
TEST_F(two, two_ioas)
{
	struct edu *first = &self->rig.edu, *second = &self->second;
	char *mine = self->mem, *other = self->mem + PAGE;
	uint32_t ioas;

	ASSERT_EQ(0, iommu_ioas_alloc(self->rig.fd, &ioas));
	ASSERT_EQ(0, iommu_map_fixed(self->rig.fd, ioas, other, PAGE, IOMMU_RW,
				     IOVA));
	ASSERT_EQ(0, rig_attach(&self->rig));
	ASSERT_EQ(0, vfio_attach(second->fd, ioas, NULL));
	memset(other, 0, PAGE);
	EXPECT_EQ(0, edu_check(first, IOVA, mine, SOME_LENGTH));
	EXPECT_EQ(0, other[0]);
	memset(mine, 0, PAGE);
	EXPECT_EQ(0, edu_check(second, IOVA, other, SOME_LENGTH));
	EXPECT_EQ(0, mine[0]);
	ASSERT_EQ(0, rig_unmap(&self->rig, IOVA, PAGE));
	EXPECT_EQ(0, edu_can_write(first, IOVA, mine, SOME_LENGTH));
	EXPECT_EQ(0, edu_check(second, IOVA, other, SOME_LENGTH));
}

/* Devices of two descriptors know nothing of one another. */
TEST_F(two, two_descriptors)
{
	struct edu *first = &self->rig.edu, *second = &self->second;
	struct vfio_pci pci = second->pci;
	int other = iommu_open();
	uint32_t ioas;

	ASSERT_LE(0, other);
	edu_close(second);
	ASSERT_EQ(0, edu_open(second, &pci, other));
	ASSERT_EQ(0, iommu_ioas_alloc(other, &ioas));
	ASSERT_EQ(0, iommu_map_fixed(other, ioas, self->mem + PAGE, PAGE,
				     IOMMU_RW, IOVA));
	ASSERT_EQ(0, vfio_attach(second->fd, ioas, NULL));
	ASSERT_EQ(0, rig_attach(&self->rig));
	EXPECT_EQ(0, edu_check(first, IOVA, self->mem, SOME_LENGTH));
	EXPECT_EQ(0, edu_check(second, IOVA, self->mem + PAGE, SOME_LENGTH));
	EXPECT_EQ(-ENOENT, iommu_destroy(other, NO_SUCH_ID));
	close(other);
	EXPECT_EQ(0, edu_check(second, IOVA, self->mem + PAGE, SOME_LENGTH));
}

/*
 * A virtio-iommu's driver counts the devices of a page table: also when one could not be
 * moved, it is told of what is unmapped. The driver fails when the device is to be attached
 * elsewhere, which is the second that it asks of its host: before, the device is blocked.
 */
TEST_F(two, cannot_be_moved)
{
	struct edu *first = &self->rig.edu, *second = &self->second;
	uint32_t ioas;

	if (rig_fills_ahead())
		SKIP(return, "the core moves devices");
	ASSERT_EQ(0, iommu_ioas_alloc(self->rig.fd, &ioas));
	ASSERT_EQ(0, rig_attach(&self->rig));
	ASSERT_EQ(0, module_load(MODULE_ANSWER, FAILS));
	EXPECT_EQ(-ENOMEM, vfio_attach(first->fd, ioas, NULL));
	EXPECT_EQ(0, module_unload(MODULE_ANSWER));
	EXPECT_EQ(0, edu_check(first, IOVA, self->mem, SOME_LENGTH));
	/* All is told to the host anew when there is a first device */
	ASSERT_EQ(0, vfio_attach(second->fd, self->rig.ioas, NULL));
	EXPECT_EQ(0, edu_check(second, IOVA, self->mem, SOME_LENGTH));
	ASSERT_EQ(0, vfio_detach(second->fd));
	EXPECT_EQ(0, edu_check(first, IOVA, self->mem, SOME_LENGTH));
	ASSERT_EQ(0, rig_unmap(&self->rig, IOVA, PAGE));
	EXPECT_EQ(0, edu_can_write(first, IOVA, self->mem, SOME_LENGTH));
	ASSERT_EQ(0, vfio_attach(first->fd, ioas, NULL));
}

/* Moved with DMA running ------------------------------------------------- */

#define MOVES_TRANSFERS 15

FIXTURE(moved)
{
	struct rig rig;
	uint32_t ioas[2];
	char *mem[2];
	char *out;
	atomic_bool stop;
	atomic_int moves;
	int failed;
};

/*
 * Two IOASes with different memory at one address. The memory has a page on
 * either side that is mapped nowhere.
 */
FIXTURE_SETUP(moved)
{
	struct rig *rig = &self->rig;
	int i;

	if (!rig_fills_ahead())
		SKIP(return, RIG_NOT_AHEAD);
	self->stop = false;
	self->moves = 0;
	ASSERT_EQ(0, rig_open(rig));
	self->ioas[0] = rig->ioas;
	ASSERT_EQ(0, iommu_ioas_alloc(rig->fd, &self->ioas[1]));
	self->out = mem_anon(PAGE);
	ASSERT_NE(NULL, self->out);
	for (i = 0; i < 2; i++) {
		self->mem[i] = mem_anon(3 * PAGE);
		ASSERT_NE(NULL, self->mem[i]);
		ASSERT_EQ(0, iommu_map_fixed(rig->fd, self->ioas[i],
					     self->mem[i] + PAGE, PAGE,
					     IOMMU_RW, IOVA));
		ASSERT_EQ(0, iommu_map_fixed(rig->fd, self->ioas[i], self->out,
					     PAGE, IOMMU_RW, OUT_IOVA));
	}
	ASSERT_EQ(0, rig_attach(rig));
}

FIXTURE_TEARDOWN(moved)
{
	EXPECT_EQ(0, rig_close(&self->rig));
}

static bool all_zero(const char *va, size_t length)
{
	size_t i;

	for (i = 0; i < length; i++)
		if (va[i])
			return false;
	return true;
}

/* The limits of the device go where it goes. */
TEST_F(moved, ranges)
{
	struct rig *rig = &self->rig;
	int limited = nr_ranges(rig->fd, self->ioas[0]), i;

	EXPECT_LT(1, limited);
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(1, nr_ranges(rig->fd, self->ioas[1]));
		ASSERT_EQ(0, vfio_attach(rig->edu.fd, self->ioas[1], NULL));
		EXPECT_EQ(1, nr_ranges(rig->fd, self->ioas[0]));
		EXPECT_EQ(limited, nr_ranges(rig->fd, self->ioas[1]));
		ASSERT_EQ(0, vfio_attach(rig->edu.fd, self->ioas[0], NULL));
	}
	ASSERT_EQ(0, vfio_detach(rig->edu.fd));
	EXPECT_EQ(1, nr_ranges(rig->fd, self->ioas[0]));
}

/* A transfer that is on its way when the replace returns hits the new one. */
TEST_F(moved, transfer_on_its_way)
{
	struct edu *edu = &self->rig.edu;

	mem_fill(self->out, PAGE, 1);
	ASSERT_EQ(0, edu_read(edu, OUT_IOVA, EDU_DMA_MAX));
	edu_start_write(edu, IOVA, EDU_DMA_MAX);
	ASSERT_EQ(0, vfio_attach(edu->fd, self->ioas[1], NULL));
	if (!edu_busy(edu))
		SKIP(return, "the machine is too slow for this");
	/* From here on the old memory is the process's own */
	memset(self->mem[0], 0, 3 * PAGE);
	ASSERT_EQ(0, edu_wait(edu));
	EXPECT_TRUE(all_zero(self->mem[0], 3 * PAGE));
	EXPECT_EQ(-1, mem_check(self->mem[1] + PAGE, EDU_DMA_MAX, 1));

	ASSERT_EQ(0, iommu_destroy(self->rig.fd, self->ioas[0]));
	EXPECT_EQ(0, edu_check(edu, IOVA, self->mem[1] + PAGE, SOME_LENGTH));
}

static void *mover(void *arg)
{
	struct _test_data_moved *self = arg;
	int to = 1;

	while (!self->stop && !self->failed) {
		self->failed = vfio_attach(self->rig.edu.fd, self->ioas[to],
					   NULL);
		to = !to;
		self->moves++;
	}
	return NULL;
}

/*
 * Does every word of @page come from the same place of one of two others, or is it
 * zero? QEMU goes on with a transfer whose begin has been stopped, four bytes at a
 * time, so that the rest of it may arrive.
 */
static bool made_of(const char *page, const char *one, const char *other,
		    size_t length)
{
	static const uint32_t zero;
	size_t i;

	for (i = 0; i < length; i += sizeof(zero))
		if (memcmp(page + i, &zero, sizeof(zero)) &&
		    memcmp(page + i, one + i, sizeof(zero)) &&
		    memcmp(page + i, other + i, sizeof(zero)))
			return false;
	return true;
}

/*
 * Back and forth as fast as it goes. Drivers may stop DMA for a moment on the
 * way (VT-d's does), so a transfer may be lost, or a part of it; it may not go
 * astray.
 */
TEST_F(moved, back_and_forth)
{
	struct edu *edu = &self->rig.edu;
	int i, j, landed[2] = {};
	pthread_t thread;

	mem_fill(self->out, PAGE, 1);
	ASSERT_EQ(0, edu_read(edu, OUT_IOVA, EDU_DMA_MAX));
	ASSERT_EQ(0, pthread_create(&thread, NULL, mover, self));
	for (i = 0; i < MOVES_TRANSFERS; i++) {
		bool hit[2];

		for (j = 0; j < 2; j++)
			memset(self->mem[j], 0, 3 * PAGE);
		ASSERT_EQ(0, edu_write(edu, IOVA, EDU_DMA_MAX));
		for (j = 0; j < 2; j++) {
			char *page = self->mem[j] + PAGE;

			hit[j] = mem_check(page, EDU_DMA_MAX, 1) < 0;
			EXPECT_TRUE(made_of(page, self->out, self->out,
					    EDU_DMA_MAX));
			EXPECT_TRUE(all_zero(page - PAGE, PAGE));
			EXPECT_TRUE(all_zero(page + EDU_DMA_MAX,
					     2 * PAGE - EDU_DMA_MAX));
			landed[j] += hit[j];
		}
		EXPECT_FALSE(hit[0] && hit[1]);
	}
	self->stop = true;
	ASSERT_EQ(0, pthread_join(thread, NULL));
	TH_LOG("%d moves; %d transfers: %d to one IOAS, %d to the other",
	       self->moves, MOVES_TRANSFERS, landed[0], landed[1]);
	EXPECT_EQ(0, self->failed);
	EXPECT_LT(2, self->moves);
	EXPECT_LT(0, landed[0] + landed[1]);
}

/* The same for what the device reads. */
TEST_F(moved, back_and_forth_reading)
{
	struct edu *edu = &self->rig.edu;
	pthread_t thread;
	int i, got = 0;

	mem_fill(self->mem[0] + PAGE, PAGE, 10);
	mem_fill(self->mem[1] + PAGE, PAGE, 11);
	for (i = 0; i < MOVES_TRANSFERS / 2; i++) {
		bool mine, other;

		ASSERT_EQ(0, pthread_create(&thread, NULL, mover, self));
		ASSERT_EQ(0, edu_read(edu, IOVA, EDU_DMA_MAX));
		self->stop = true;
		ASSERT_EQ(0, pthread_join(thread, NULL));
		self->stop = false;
		memset(self->out, 0, PAGE);
		ASSERT_EQ(0, edu_write(edu, OUT_IOVA, EDU_DMA_MAX));
		mine = mem_check(self->out, EDU_DMA_MAX, 10) < 0;
		other = mem_check(self->out, EDU_DMA_MAX, 11) < 0;
		/* A read that was stopped yields zeros */
		EXPECT_TRUE(made_of(self->out, self->mem[0] + PAGE,
				    self->mem[1] + PAGE, EDU_DMA_MAX));
		got += mine || other;
	}
	EXPECT_EQ(0, self->failed);
	EXPECT_LT(0, got);
}

/* Mappings come and go while the device does. */
static void *mapper(void *arg)
{
	struct _test_data_moved *self = arg;
	uint64_t iova;

	while (!self->stop && !self->failed) {
		self->failed = iommu_map_auto(self->rig.fd, self->ioas[0],
					      self->mem[1], 3 * PAGE, IOMMU_RW,
					      &iova);
		if (!self->failed)
			self->failed = rig_unmap(&self->rig, iova, 3 * PAGE);
	}
	return NULL;
}

TEST_F(moved, maps_race_attach)
{
	struct edu *edu = &self->rig.edu;
	pthread_t thread[2];
	int i;

	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, pthread_create(&thread[i], NULL, mapper, self));
	}
	for (i = 0; i < 100; i++) {
		ASSERT_EQ(0, vfio_attach(edu->fd, self->ioas[1], NULL));
		ASSERT_EQ(0, vfio_attach(edu->fd, self->ioas[0], NULL));
		ASSERT_EQ(0, vfio_detach(edu->fd));
		ASSERT_EQ(0, vfio_attach(edu->fd, self->ioas[0], NULL));
	}
	self->stop = true;
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, pthread_join(thread[i], NULL));
	}
	EXPECT_EQ(0, self->failed);
	EXPECT_EQ(0, edu_check(edu, IOVA, self->mem[0] + PAGE, SOME_LENGTH));
	/* Its two pages of IOAS 0 are all that is left */
	EXPECT_EQ(self->rig.pinned + 2, mem_wait_pinned(self->rig.pinned + 2));
}

TEST_HARNESS_MAIN
