// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory that is long in coming: a user has page faults that take as long as he
 * likes. Whoever has pinned something gives it back meanwhile, and whoever waits for
 * the same memory can be killed.
 */
#define _GNU_SOURCE
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "access.h"
#include "child.h"
#include "edu.h"
#include "iommu.h"
#include "mem.h"
#include "rig.h"

#define PAGE 4096UL
#define NPAGES 4UL
#define SIZE (NPAGES * PAGE)
#define AT 0x40000000UL
#define SOME_LENGTH 256UL
#define WAIT_MS 20000

/* The last page is not there before it is given; the same memory is in two IOASes. */
FIXTURE(awaited)
{
	struct rig rig;
	uint32_t other;
	int acc;
	int acc2;
	int uffd;
	char *mem;
	pthread_t thread;
	int rc;
};

FIXTURE_SETUP(awaited)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	struct rig *rig = &self->rig;

	rig->fd = -1;
	rig->edu.fd = -1;
	self->acc = -1;
	self->acc2 = -1;
	NEED_ACCESS;
	self->uffd = syscall(__NR_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (self->uffd < 0)
		SKIP(return, "no userfaultfd");
	self->mem = mem_anon(SIZE);
	ASSERT_NE(NULL, self->mem);
	ASSERT_EQ(0, ioctl(self->uffd, UFFDIO_API, &api));
	reg.range.start = (uintptr_t)self->mem;
	reg.range.len = SIZE;
	ASSERT_EQ(0, ioctl(self->uffd, UFFDIO_REGISTER, &reg));
	ASSERT_EQ(0, madvise(self->mem + SIZE - PAGE, PAGE, MADV_DONTNEED));

	ASSERT_EQ(0, rig_open(rig));
	ASSERT_EQ(0, iommu_ioas_alloc(rig->fd, &self->other));
	ASSERT_EQ(0, rig_map(rig, self->mem, SIZE, AT));
	ASSERT_EQ(0, iommu_copy_fixed(rig->fd, self->other, rig->ioas, AT, SIZE,
				      IOMMU_RW, AT));
	self->acc = access_open_attached(rig->fd, self->other);
	ASSERT_LE(0, self->acc);
	self->acc2 = access_open_attached(rig->fd, self->other);
	ASSERT_LE(0, self->acc2);
}

FIXTURE_TEARDOWN(awaited)
{
	if (self->acc >= 0)
		close(self->acc);
	if (self->acc2 >= 0)
		close(self->acc2);
	if (self->rig.fd >= 0) {
		EXPECT_EQ(0, rig_close(&self->rig));
	}
}

static void *pin_the_last(void *arg)
{
	struct _test_data_awaited *self = arg;

	self->rc = access_pin(self->acc2, AT + SIZE - PAGE, PAGE, ACCESS_WRITE);
	return NULL;
}

static void *attach(void *arg)
{
	struct _test_data_awaited *self = arg;

	self->rc = rig_attach(&self->rig);
	return NULL;
}

/* Until somebody waits for the page. */
static int begin(struct _test_data_awaited *self, void *(*body)(void *))
{
	struct pollfd poll_uffd = { .fd = self->uffd, .events = POLLIN };

	if (pthread_create(&self->thread, NULL, body, self))
		return -EAGAIN;
	return poll(&poll_uffd, 1, WAIT_MS) == 1 ? 0 : -ETIMEDOUT;
}

/* Here it is. Returns what the command says that has waited. */
static int finish(struct _test_data_awaited *self)
{
	struct uffdio_zeropage zero = {
		.range = { (uintptr_t)self->mem + SIZE - PAGE, PAGE },
	};

	if (ioctl(self->uffd, UFFDIO_ZEROPAGE, &zero))
		return -errno;
	pthread_join(self->thread, NULL);
	return self->rc;
}

/* One page comes and goes while another one is awaited. */
TEST_F(awaited, by_an_in_kernel_user)
{
	char buf[8];

	ASSERT_EQ(0, access_pin(self->acc, AT, PAGE, ACCESS_WRITE));
	ASSERT_EQ(0, begin(self, pin_the_last));
	EXPECT_EQ(0, access_unpin(self->acc, AT, PAGE));
	EXPECT_EQ(0, access_pin(self->acc, AT, 3 * PAGE, ACCESS_WRITE));
	EXPECT_EQ(0, access_read(self->acc, AT, buf, 8));
	EXPECT_EQ(0, finish(self));
	EXPECT_EQ(4, mem_vm_pin(0));
	EXPECT_EQ(0, access_unpin(self->acc, AT, 3 * PAGE));
	EXPECT_EQ(1, mem_vm_pin(0));
	EXPECT_EQ(0, access_unpin(self->acc2, AT + SIZE - PAGE, PAGE));
	EXPECT_EQ(0, mem_vm_pin(0));
}

/* All of it is awaited: some pages had been pinned before, others are meanwhile. */
TEST_F(awaited, by_a_device)
{
	struct rig *rig = &self->rig;
	char buf[8];

	ASSERT_EQ(0, access_pin(self->acc, AT, 2 * PAGE, ACCESS_WRITE));
	ASSERT_EQ(0, begin(self, attach));
	EXPECT_EQ(0, access_unpin(self->acc, AT, 2 * PAGE));
	EXPECT_EQ(0, access_pin(self->acc, AT + PAGE, PAGE, ACCESS_WRITE));
	EXPECT_EQ(0, access_read(self->acc, AT, buf, 8));
	EXPECT_EQ(0, finish(self));
	EXPECT_EQ((long)NPAGES, mem_vm_pin(0));
	EXPECT_EQ(1, edu_can_write(&rig->edu, AT + PAGE, self->mem + PAGE,
				   SOME_LENGTH));
	EXPECT_EQ(1, edu_can_write(&rig->edu, AT + SIZE - PAGE,
				   self->mem + SIZE - PAGE, SOME_LENGTH));
	/* What the in-kernel user has got keeps the whole. */
	ASSERT_EQ(0, vfio_detach(rig->edu.fd));
	EXPECT_EQ((long)NPAGES, mem_vm_pin(0));
	EXPECT_EQ(0, access_unpin(self->acc, AT + PAGE, PAGE));
	EXPECT_EQ(0, mem_vm_pin(0));
}

/* The in-kernel user goes altogether. */
TEST_F(awaited, by_a_device_alone)
{
	struct rig *rig = &self->rig;

	ASSERT_EQ(0, access_pin(self->acc, AT, 3 * PAGE, ACCESS_WRITE));
	ASSERT_EQ(0, begin(self, attach));
	EXPECT_EQ(0, close(self->acc));
	self->acc = -1;
	EXPECT_EQ(0, finish(self));
	EXPECT_EQ((long)NPAGES, mem_vm_pin(0));
	EXPECT_EQ(1, edu_can_write(&rig->edu, AT, self->mem, SOME_LENGTH));
	ASSERT_EQ(0, vfio_detach(rig->edu.fd));
	EXPECT_EQ(0, mem_vm_pin(0));
}

/* A second process wants to use the memory that the first one waits for. */
TEST_F(awaited, by_who_is_killed)
{
	struct rig *rig = &self->rig;
	struct vfio_pci pci[2];
	struct edu b;
	int status;
	pid_t pid;

	if (edu_find_alone(pci, 2) != 2)
		SKIP(return, "needs two devices in groups of their own");
	ASSERT_EQ(0, edu_open(&b, &pci[1], rig->fd));
	ASSERT_EQ(0, begin(self, attach));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		_exit(vfio_attach(b.fd, self->other, NULL) ? 1 : 0);
	EXPECT_TRUE(child_waits(pid, WAIT_MS));
	ASSERT_EQ(0, kill(pid, SIGKILL));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(SIGKILL, WTERMSIG(status));
	EXPECT_EQ(0, finish(self));
	/* And whoever is not killed gets it. */
	EXPECT_EQ(0, vfio_attach(b.fd, self->other, NULL));
	EXPECT_EQ(1, edu_can_write(&b, AT, self->mem, SOME_LENGTH));
	edu_close(&b);
}

ACCESS_HARNESS_MAIN
