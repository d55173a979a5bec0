// SPDX-License-Identifier: GPL-2.0-only
/*
 * MAP_FILE of a dma-buf that VFIO has made of a BAR: device A reads a register of device
 * B until B's memory goes away, by whatever way, and gets through again where that is
 * promised.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/ioctl.h>

#include "fault.h"
#include "kernel.h"
#include "peer.h"
#include "reason.h"

#include "kselftest_harness.h"

#define REFUSED(error, part, call)					\
	EXPECT_REFUSED(self->pair.rig.fd, error, part, call)
#define RACE_ROUNDS 60
#define MANY 64

/* B is bound where A is, or to another descriptor, which its dma-buf comes from. */
FIXTURE(dmabuf)
{
	struct pair pair;
	int other;
	int buf;
};

FIXTURE_VARIANT(dmabuf)
{
	bool nvme;
	bool foreign;
};

FIXTURE_VARIANT_ADD(dmabuf, edu) {};
FIXTURE_VARIANT_ADD(dmabuf, nvme) { .nvme = true };
FIXTURE_VARIANT_ADD(dmabuf, foreign) { .foreign = true };
FIXTURE_VARIANT_ADD(dmabuf, foreign_nvme) { .nvme = true, .foreign = true };

/* Of other pieces of the BAR than before. Returns 0 or -errno. */
static int remake(FIXTURE_DATA(dmabuf) *self, const struct vfio_piece *pieces,
		  uint32_t nr, int flags)
{
	if (self->buf >= 0)
		close(self->buf);
	self->buf = vfio_dma_buf(self->pair.b.fd, 0, pieces, nr,
				 flags | O_CLOEXEC);
	return self->buf < 0 ? self->buf : 0;
}

static int remake_whole(FIXTURE_DATA(dmabuf) *self, int flags)
{
	const struct vfio_piece piece = { .length = self->pair.b.length };

	return remake(self, &piece, 1, flags);
}

/* B is bound to the other descriptor from now on. */
static int move_away(struct pair *pair, int iommu)
{
	peer_close(&pair->b);
	return peer_open(&pair->b, iommu);
}

FIXTURE_SETUP(dmabuf)
{
	int rc;

	/* Without opening devices for each test, which takes a debug kernel a minute. */
	if (kernel_is_old())
		SKIP(return, "VFIO of Linux 6 makes no dma-bufs");
	rc = pair_open(&self->pair, variant->nvme);
	self->buf = -1;
	self->other = iommu_open();
	ASSERT_LE(0, self->other);
	if (rc == -ENODEV)
		SKIP(return, "needs two devices in groups of their own");
	ASSERT_EQ(0, rc);
	if (variant->foreign)
		ASSERT_EQ(0, move_away(&self->pair, self->other));
	rc = remake_whole(self, O_RDWR);
	if (rc == -ENOTTY)
		SKIP(return, "this kernel's VFIO makes no dma-bufs");
	ASSERT_EQ(0, rc);
}

FIXTURE_TEARDOWN(dmabuf)
{
	if (self->buf >= 0)
		close(self->buf);
	EXPECT_EQ(0, pair_close(&self->pair));
	close(self->other);
}

static int map_piece(FIXTURE_DATA(dmabuf) *self, uint64_t start,
		     uint64_t length, uint32_t flags)
{
	uint64_t iova = BAR_IOVA;

	return iommu_ioas_map_file(self->pair.rig.fd, self->pair.rig.ioas,
				   self->buf, start, length,
				   flags | IOMMU_FIXED, &iova);
}

static int map(FIXTURE_DATA(dmabuf) *self)
{
	return map_piece(self, 0, self->pair.b.length, IOMMU_RW);
}

static int unmap(FIXTURE_DATA(dmabuf) *self)
{
	return rig_unmap(&self->pair.rig, BAR_IOVA, self->pair.b.length);
}

TEST_F(dmabuf, reached)
{
	long pinned = mem_pinned(), paid = mem_vm_pin(0);

	ASSERT_EQ(0, map(self));
	EXPECT_EQ(1, reaches(&self->pair, BAR_IOVA));
	/* There are no pages, and nobody pays */
	EXPECT_EQ(pinned, mem_pinned());
	EXPECT_EQ(paid, mem_vm_pin(0));
	EXPECT_EQ(0, unmap(self));
	EXPECT_EQ(1, kept_out(&self->pair, BAR_IOVA));
	/* Without a page table, and with one that comes later */
	ASSERT_EQ(0, vfio_detach(self->pair.rig.edu.fd));
	ASSERT_EQ(0, map(self));
	ASSERT_EQ(0, rig_attach(&self->pair.rig));
	EXPECT_EQ(1, reaches(&self->pair, BAR_IOVA));
	EXPECT_EQ(0, unmap(self));
}

TEST_F(dmabuf, piece)
{
	struct vfio_piece piece = { .length = PAGE };
	struct pair *pair = &self->pair;

	if (pair->b.length < 2 * PAGE)
		SKIP(return, "the BAR is a page");
	ASSERT_EQ(0, remake(self, &piece, 1, O_RDWR));
	REFUSED(EINVAL, "do not end within",
		map_piece(self, 0, 2 * PAGE, IOMMU_RW));
	REFUSED(EINVAL, "do not end within", map_piece(self, PAGE, PAGE, IOMMU_RW));
	ASSERT_EQ(0, map_piece(self, 0, PAGE, IOMMU_RW));
	EXPECT_EQ(1, reaches(pair, BAR_IOVA));
	EXPECT_EQ(1, kept_out(pair, BAR_IOVA + PAGE));
	EXPECT_EQ(0, rig_unmap(&pair->rig, BAR_IOVA, PAGE));
	/* Of one that begins before it, the second page is at the first address */
	piece = (struct vfio_piece) { .offset = 0, .length = 2 * PAGE };
	ASSERT_EQ(0, remake(self, &piece, 1, O_RDWR));
	ASSERT_EQ(0, map_piece(self, PAGE, PAGE, IOMMU_RW));
	EXPECT_EQ(0, reaches(pair, BAR_IOVA));
	EXPECT_EQ(1, kept_out(pair, BAR_IOVA + PAGE));
	EXPECT_EQ(0, rig_unmap(&pair->rig, BAR_IOVA, PAGE));
}

/* A copy does not need the original, nor either of them the file descriptor. */
TEST_F(dmabuf, copy)
{
	struct pair *pair = &self->pair;
	struct rig *rig = &pair->rig;

	ASSERT_EQ(0, map(self));
	close(self->buf);
	self->buf = -1;
	ASSERT_EQ(0, iommu_copy_fixed(rig->fd, rig->ioas, rig->ioas, BAR_IOVA,
				      pair->b.length, IOMMU_RW, COPY_IOVA));
	EXPECT_EQ(0, unmap(self));
	EXPECT_EQ(1, reaches(pair, COPY_IOVA));
	ASSERT_EQ(0, vfio_decode(pair->b.fd, false));
	EXPECT_EQ(1, kept_out(pair, COPY_IOVA));
	REFUSED(EINVAL, "not of a file", iommu_change_process(rig->fd));
}

/* Of a device that is bound here it comes back; otherwise it has to be mapped anew. */
TEST_F(dmabuf, off_and_on)
{
	struct pair *pair = &self->pair;
	int i;

	ASSERT_EQ(0, map(self));
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, vfio_decode(pair->b.fd, false));
		EXPECT_EQ(1, kept_out(pair, BAR_IOVA));
		REFUSED(ENODEV, "is revoked",
			iommu_ioas_map_file(pair->rig.fd, pair->rig.ioas,
					    self->buf, 0, PAGE,
					    IOMMU_RW | IOMMU_FIXED,
					    &(uint64_t) { COPY_IOVA }));
		ASSERT_EQ(0, vfio_decode(pair->b.fd, true));
		if (variant->foreign) {
			EXPECT_EQ(1, kept_out(pair, BAR_IOVA));
			EXPECT_EQ(-EEXIST, map(self));
			EXPECT_EQ(0, unmap(self));
			ASSERT_EQ(0, map(self));
		}
		EXPECT_EQ(1, reaches(pair, BAR_IOVA));
	}
}

TEST_F(dmabuf, made_while_off)
{
	struct pair *pair = &self->pair;

	ASSERT_EQ(0, vfio_decode(pair->b.fd, false));
	ASSERT_EQ(0, remake_whole(self, O_RDWR));
	EXPECT_EQ(-ENODEV, map(self));
	ASSERT_EQ(0, vfio_decode(pair->b.fd, true));
	ASSERT_EQ(0, map(self));
	EXPECT_EQ(1, reaches(pair, BAR_IOVA));
}

/* It is off as for the CPU: also one that is made meanwhile, which wakes the device. */
TEST_F(dmabuf, low_power)
{
	struct pair *pair = &self->pair;

	if (!variant->nvme)
		SKIP(return, "edu has no power management");
	ASSERT_EQ(0, map(self));
	ASSERT_EQ(0, low_power(pair->b.fd,
			       VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY));
	EXPECT_EQ(1, kept_out(pair, BAR_IOVA));
	EXPECT_EQ(0, unmap(self));
	EXPECT_EQ(-ENODEV, map(self));
	ASSERT_EQ(0, remake_whole(self, O_RDWR));
	EXPECT_EQ(-ENODEV, map(self));
	ASSERT_EQ(0, low_power(pair->b.fd, VFIO_DEVICE_FEATURE_LOW_POWER_EXIT));
	ASSERT_EQ(0, map(self));
	EXPECT_EQ(1, reaches(pair, BAR_IOVA));
}

/* However many mappings there are, all are revoked. */
TEST_F(dmabuf, many)
{
	struct pair *pair = &self->pair;
	const uint64_t step = pair->b.length;
	unsigned int i;

	for (i = 0; i < MANY; i++) {
		uint64_t iova = BAR_IOVA + i * step;

		ASSERT_EQ(0, iommu_ioas_map_file(pair->rig.fd, pair->rig.ioas,
						 self->buf, 0, step,
						 IOMMU_RW | IOMMU_FIXED,
						 &iova));
	}
	EXPECT_EQ(1, reaches(pair, BAR_IOVA + 7 * step));
	ASSERT_EQ(0, vfio_decode(pair->b.fd, false));
	EXPECT_EQ(1, kept_out(pair, BAR_IOVA));
	EXPECT_EQ(1, kept_out(pair, BAR_IOVA + 7 * step));
	EXPECT_EQ(1, kept_out(pair, BAR_IOVA + (MANY - 1) * step));
}

TEST_F(dmabuf, device_closed)
{
	struct pair *pair = &self->pair;
	int home = variant->foreign ? self->other : pair->rig.fd;

	ASSERT_EQ(0, map(self));
	peer_close(&pair->b);
	EXPECT_EQ(1, kept_out(pair, BAR_IOVA));
	ASSERT_EQ(0, peer_open(&pair->b, home));
	EXPECT_EQ(1, kept_out(pair, BAR_IOVA));
	EXPECT_EQ(0, unmap(self));
	/* It is that of the device as it was open then */
	EXPECT_EQ(-ENODEV, map(self));
	ASSERT_EQ(0, remake_whole(self, O_RDWR));
	ASSERT_EQ(0, map(self));
	EXPECT_EQ(1, reaches(pair, BAR_IOVA));
}

/* The user of a mapping that has been revoked is told. */
TEST_F(dmabuf, event)
{
	struct pair *pair = &self->pair;
	struct ioasid_event event = { };
	uint32_t id;
	int queue;

	ASSERT_EQ(0, map(self));
	ASSERT_EQ(0, iommu_eventq_alloc(pair->rig.fd, pair->rig.ioas, 8, &id,
					&queue));
	peer_close(&pair->b);
	EXPECT_EQ(0, event_wait(queue, IOASID_EVENT_RANGE_LOST, &event));
	EXPECT_EQ(BAR_IOVA, event.iova);
	EXPECT_EQ(pair->rig.ioas, event.ioas_id);
	close(queue);
	EXPECT_EQ(0, iommu_destroy(pair->rig.fd, id));
}

/* The context goes while it is mapped: the device can be used by others at once. */
TEST_F(dmabuf, context_closed)
{
	struct pair *pair = &self->pair;
	int third = iommu_open();
	uint32_t ioas;
	uint64_t iova = BAR_IOVA;
	int i;

	ASSERT_LE(0, third);
	ASSERT_EQ(0, iommu_ioas_alloc(third, &ioas));
	ASSERT_EQ(0, iommu_ioas_map_file(third, ioas, self->buf, 0, PAGE,
					 IOMMU_RW | IOMMU_FIXED, &iova));
	ASSERT_EQ(0, map(self));
	close(third);
	EXPECT_EQ(1, reaches(pair, BAR_IOVA));
	for (i = 0; i < 3; i++) {
		third = iommu_open();
		ASSERT_EQ(0, iommu_ioas_alloc(third, &ioas));
		ASSERT_EQ(0, iommu_ioas_map_file(third, ioas, self->buf, 0,
						 PAGE, IOMMU_RW | IOMMU_FIXED,
						 &iova));
		ASSERT_EQ(0, vfio_decode(pair->b.fd, false));
		close(third);
		ASSERT_EQ(0, vfio_decode(pair->b.fd, true));
	}
}

TEST_F(dmabuf, rights)
{
	struct pair *pair = &self->pair;

	ASSERT_EQ(0, remake_whole(self, O_RDONLY));
	REFUSED(EPERM, "not open for writing", map(self));
	ASSERT_EQ(0, map_piece(self, 0, PAGE, IOMMU_R));
	EXPECT_EQ(1, reaches(pair, BAR_IOVA));
	EXPECT_EQ(0, rig_unmap(&pair->rig, BAR_IOVA, PAGE));
	ASSERT_EQ(0, remake_whole(self, O_WRONLY));
	REFUSED(EACCES, "not open for reading",
		map_piece(self, 0, PAGE, IOMMU_W));
}

TEST_F(dmabuf, wrong)
{
	struct vfio_piece pieces[] = { { 0, PAGE }, { PAGE, PAGE } };
	struct pair *pair = &self->pair;

	EXPECT_EQ(-EINVAL, map_piece(self, 0, 0, IOMMU_RW));
	EXPECT_EQ(-EINVAL, map_piece(self, UINT64_MAX - PAGE + 1, PAGE,
				     IOMMU_RW));
	EXPECT_EQ(-EINVAL, map_piece(self, PAGE, UINT64_MAX - PAGE, IOMMU_RW));
	EXPECT_EQ(-EOVERFLOW, map_piece(self, 2 * PAGE, UINT64_MAX - PAGE,
					IOMMU_RW));
	EXPECT_EQ(-EINVAL, map_piece(self, 0, 1ULL << 62, IOMMU_RW));
	if (pair->b.length < 2 * PAGE)
		return;
	ASSERT_EQ(0, remake(self, pieces, 2, O_RDWR));
	REFUSED(EOPNOTSUPP, "one piece", map_piece(self, 0, PAGE, IOMMU_RW));
}

struct racer {
	int fd;
	atomic_bool stop;
	unsigned int rounds;
};

static void *switch_fn(void *arg)
{
	struct racer *racer = arg;

	while (!atomic_load(&racer->stop)) {
		vfio_decode(racer->fd, false);
		vfio_decode(racer->fd, true);
		racer->rounds++;
	}
	return NULL;
}

/* It is revoked during MAP_FILE, and during DMA: in the end it is as it was last told. */
TEST_F(dmabuf, race)
{
	struct pair *pair = &self->pair;
	struct racer racer = { .fd = pair->b.fd };
	unsigned int i, mapped = 0;
	pthread_t thread;
	int rc;

	ASSERT_EQ(0, pthread_create(&thread, NULL, switch_fn, &racer));
	for (i = 0; i < RACE_ROUNDS; i++) {
		rc = map(self);
		EXPECT_TRUE(!rc || rc == -ENODEV || rc == -EFAULT);
		mapped += !rc;
		if (i % 8 == 0)
			edu_copy(&pair->rig.edu, BAR_IOVA + pair->b.reg, IOVA,
				 4);
		EXPECT_EQ(rc ? -ENOENT : 0, unmap(self));
	}
	atomic_store(&racer.stop, true);
	pthread_join(thread, NULL);
	TH_LOG("%u of %u mapped, %u times off", mapped, RACE_ROUNDS,
	       racer.rounds);
	forget_faults(pair);
	EXPECT_EQ(1, kept_out(pair, BAR_IOVA));
	ASSERT_EQ(0, map(self));
	EXPECT_EQ(1, reaches(pair, BAR_IOVA));
	ASSERT_EQ(0, vfio_decode(pair->b.fd, false));
	forget_faults(pair);
	EXPECT_EQ(1, kept_out(pair, BAR_IOVA));
}

TEST_HARNESS_MAIN
