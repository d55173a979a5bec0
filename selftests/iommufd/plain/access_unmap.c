// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unmapping what in-kernel users work on or have pinned, by several at once, and by calls
 * that fail.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "access.h"
#include "child.h"
#include "compat.h"
#include "hold.h"

#define WAIT_MS 20000

FIXTURE(unmap) {
	struct hold hold;
	int fd;
	uint32_t ioas;
	int acc;
	pthread_t reader;
	pthread_t unmapper;
	pid_t unmapper_tid;
	int read_rc;
	int unmap_rc;
};

static void *reader(void *arg)
{
	FIXTURE_DATA(unmap) *self = arg;
	char byte;

	self->read_rc = access_read(self->acc, AT, &byte, 1);
	return NULL;
}

/* An in-kernel user reads a page that does not come. */
FIXTURE_SETUP(unmap)
{
	NEED_ACCESS;
	ASSERT_EQ(0, hold_open(&self->hold));
	self->fd = iommu_open();
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, iommu_ioas_alloc(self->fd, &self->ioas));
	self->acc = access_open_attached(self->fd, self->ioas);
	ASSERT_LE(0, self->acc);
	ASSERT_EQ(0, iommu_map_fixed(self->fd, self->ioas, self->hold.page,
				     PAGE, IOMMU_RW, AT));
	ASSERT_EQ(0, pthread_create(&self->reader, NULL, reader, self));
	ASSERT_TRUE(hold_wait(&self->hold, WAIT_MS));
}

FIXTURE_TEARDOWN(unmap)
{
	close(self->acc);
	close(self->fd);
	hold_close(&self->hold);
}

static void *unmapper(void *arg)
{
	FIXTURE_DATA(unmap) *self = arg;

	__atomic_store_n(&self->unmapper_tid, syscall(SYS_gettid),
			 __ATOMIC_RELEASE);
	self->unmap_rc = iommu_ioas_unmap(self->fd, self->ioas, AT, PAGE,
					  NULL);
	return NULL;
}

/* Returns when it waits for the reader. */
static bool unmap_waits(FIXTURE_DATA(unmap) *self)
{
	pid_t tid;

	if (pthread_create(&self->unmapper, NULL, unmapper, self))
		return false;
	while (!(tid = __atomic_load_n(&self->unmapper_tid, __ATOMIC_ACQUIRE)))
		usleep(1000);
	return child_waits(tid, WAIT_MS);
}

static bool ends(pthread_t thread)
{
	struct timespec end;

	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += WAIT_MS / 1000;
	return !pthread_timedjoin_np(thread, NULL, &end);
}

TEST_F(unmap, waits_for_a_reader)
{
	ASSERT_TRUE(unmap_waits(self));
	ASSERT_EQ(0, hold_release(&self->hold));
	ASSERT_EQ(0, pthread_join(self->reader, NULL));
	ASSERT_TRUE(ends(self->unmapper));
	EXPECT_EQ(0, self->unmap_rc);
}

/* Another process gives up waiting for the same. */
TEST_F(unmap, beside_one_that_is_killed)
{
	int status;
	pid_t pid;

	ASSERT_TRUE(unmap_waits(self));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		_exit(-iommu_ioas_unmap(self->fd, self->ioas, AT, PAGE, NULL));
	EXPECT_TRUE(child_waits(pid, WAIT_MS));
	ASSERT_EQ(0, kill(pid, SIGKILL));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(SIGKILL, WTERMSIG(status));
	ASSERT_EQ(0, hold_release(&self->hold));
	ASSERT_EQ(0, pthread_join(self->reader, NULL));
	EXPECT_EQ(0, self->read_rc);
	ASSERT_TRUE(ends(self->unmapper));
	EXPECT_EQ(0, self->unmap_rc);
}

/* Version 1 of the legacy interface, where any page of a mapping can be unmapped */
FIXTURE(cut) {
	int fd;
	uint32_t ioas;
	char *buf;
	int acc;
};

FIXTURE_SETUP(cut)
{
	NEED_ACCESS;
	self->fd = iommu_open();
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, iommu_ioas_alloc(self->fd, &self->ioas));
	ASSERT_EQ(0, iommu_vfio_ioas_set(self->fd, self->ioas));
	ASSERT_EQ(0, ioctl(self->fd, VFIO_SET_IOMMU, VFIO_TYPE1_IOMMU));
	self->buf = mem_anon(2 * PAGE);
	self->acc = access_open_attached(self->fd, self->ioas);
	ASSERT_LE(0, self->acc);
}

FIXTURE_TEARDOWN(cut)
{
	close(self->acc);
	close(self->fd);
}

/* As one piece, neither half can be unmapped by a command that does not cut. */
static bool is_whole(FIXTURE_DATA(cut) *self, uint64_t iova)
{
	return iommu_ioas_unmap(self->fd, self->ioas, iova, PAGE, NULL) ==
	       -ENOENT &&
	       iommu_ioas_unmap(self->fd, self->ioas, iova + PAGE, PAGE,
				NULL) == -ENOENT;
}

static int map_two(FIXTURE_DATA(cut) *self, uint64_t iova)
{
	return iommu_map_fixed(self->fd, self->ioas, self->buf, 2 * PAGE,
			       IOMMU_RW, iova);
}

/* A range that goes over the end of 64 bits, to the beginning. */
TEST_F(cut, not_over_the_end)
{
	uint64_t size = 2 * PAGE;

	ASSERT_EQ(0, map_two(self, 0));
	EXPECT_EQ(-EINVAL, dma_unmap_flags(self->fd, -PAGE, &size, 0));
	EXPECT_TRUE(is_whole(self, 0));
}

/* Only the second edge is refused: the first is not cut, either. */
TEST_F(cut, both_or_none)
{
	uint64_t size = 2 * PAGE;

	ASSERT_EQ(0, map_two(self, AT));
	ASSERT_EQ(0, map_two(self, AT + 2 * PAGE));
	ASSERT_EQ(0, access_pin(self->acc, AT + 2 * PAGE, PAGE, 0));
	EXPECT_EQ(-EINVAL, dma_unmap_flags(self->fd, AT + PAGE, &size, 0));
	EXPECT_TRUE(is_whole(self, AT));
	ASSERT_EQ(0, access_unpin(self->acc, AT + 2 * PAGE, PAGE));
	EXPECT_EQ(0, dma_unmap_flags(self->fd, AT + PAGE, &size, 0));
	EXPECT_EQ(2 * PAGE, size);
}

/* Both edges are in the same mapping. */
TEST_F(cut, out_of_the_middle)
{
	char *buf = mem_anon(4 * PAGE);
	uint64_t size = 2 * PAGE;

	ASSERT_EQ(0, iommu_map_fixed(self->fd, self->ioas, buf, 4 * PAGE,
				     IOMMU_RW, AT));
	EXPECT_EQ(0, dma_unmap_flags(self->fd, AT + PAGE, &size, 0));
	EXPECT_EQ(2 * PAGE, size);
	EXPECT_EQ(0, iommu_ioas_unmap(self->fd, self->ioas, AT, PAGE, &size));
	EXPECT_EQ(PAGE, size);
	EXPECT_EQ(0, iommu_ioas_unmap(self->fd, self->ioas, AT + 3 * PAGE,
				      PAGE, &size));
	EXPECT_EQ(PAGE, size);
	EXPECT_EQ(0, dma_unmap_all(self->fd));
}

ACCESS_HARNESS_MAIN
