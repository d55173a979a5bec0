// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unmapping what in-kernel users work on, by several at once.
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

ACCESS_HARNESS_MAIN
