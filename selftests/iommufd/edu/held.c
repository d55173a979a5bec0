// SPDX-License-Identifier: GPL-2.0-only
/*
 * A user can keep whoever pins his memory waiting for ever: here by a userfaultfd that
 * does not answer. Nobody else may have to wait for that, and who does not want to wait
 * any more can be killed.
 *
 * Each test has one thread that waits, and does meanwhile what used to wait for it. If
 * it does, the harness ends the test by its alarm.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/ioasid_netlink.h>
#include <linux/userfaultfd.h>

#include "access.h"
#include "edu.h"
#include "genl.h"
#include "iommu.h"
#include "mem.h"
#include "rig.h"
#include "vfio.h"
#include "kselftest_harness.h"

#define PAGE ((uint64_t)4096)
#define AT ((uint64_t)0x40000000)
#define SLOW (AT + 0x100000)
#define OTHER (AT + 0x200000)

/**
 * struct slow - memory that is not there before somebody says so
 * @uffd: by which he does
 * @page: the memory, a page
 */
struct slow {
	int uffd;
	char *page;
};

static int slow_open(struct slow *slow)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };

	slow->uffd = syscall(__NR_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (slow->uffd < 0 || ioctl(slow->uffd, UFFDIO_API, &api))
		return -errno;
	slow->page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	reg.range.start = (uintptr_t)slow->page;
	reg.range.len = PAGE;
	return ioctl(slow->uffd, UFFDIO_REGISTER, &reg) ? -errno : 0;
}

/* Until somebody waits for the memory. */
static int slow_wait(const struct slow *slow)
{
	struct pollfd poll_fd = { .fd = slow->uffd, .events = POLLIN };

	/* Without O_NONBLOCK it would be POLLERR at once. */
	return poll(&poll_fd, 1, 20000) == 1 && poll_fd.revents == POLLIN ?
	       0 : -ETIMEDOUT;
}

/* There it is. */
static int slow_end(const struct slow *slow)
{
	struct uffdio_zeropage zero = {
		.range = { .start = (uintptr_t)slow->page, .len = PAGE },
	};
	int rc = ioctl(slow->uffd, UFFDIO_ZEROPAGE, &zero) ? -errno : 0;

	close(slow->uffd);
	return rc;
}

FIXTURE(held) {
	struct rig rig;
	struct edu other;
	struct slow slow;
	char *mem;
	pthread_t thread;
	uint32_t id;
	int acc;
	int rc;
};

FIXTURE_SETUP(held)
{
	struct vfio_pci pci[2];

	self->acc = -1;
	self->other.fd = -1;
	if (slow_open(&self->slow))
		SKIP(return, "no userfaultfd");
	ASSERT_EQ(2, edu_find_alone(pci, 2));
	ASSERT_EQ(0, rig_open(&self->rig));
	ASSERT_EQ(0, edu_open(&self->other, &pci[1], self->rig.fd));
	self->mem = mem_anon(4 * PAGE);
	ASSERT_NE(NULL, self->mem);
	mem_fill(self->mem, 4 * PAGE, 1);
}

FIXTURE_TEARDOWN(held)
{
	if (self->acc >= 0)
		close(self->acc);
	if (self->other.fd >= 0)
		edu_close(&self->other);
	EXPECT_EQ(0, rig_close(&self->rig));
}

#define START(function) do {						\
	ASSERT_EQ(0, pthread_create(&self->thread, NULL, function, self)); \
	ASSERT_EQ(0, slow_wait(&self->slow));				\
} while (0)

/* The memory comes, and so the thread to its end. */
#define END(expected) do {						\
	EXPECT_EQ(0, slow_end(&self->slow));				\
	EXPECT_EQ(0, pthread_join(self->thread, NULL));			\
	EXPECT_EQ(expected, self->rc);					\
} while (0)

static int dump(uint8_t cmd)
{
	struct genl_rows rows;
	int rc = genl_fetch(IOASID_FAMILY_NAME, cmd, &rows);

	genl_free(&rows);
	return rc;
}

static void *map_slow(void *arg)
{
	FIXTURE_DATA(held) *self = arg;

	self->rc = rig_map(&self->rig, self->slow.page, PAGE, SLOW);
	return NULL;
}

/* All that used to want the lock of the address space, or the list of them. */
TEST_F(held, map)
{
	struct iommu_iova_range range = { AT, AT + 0xffffff };
	uint32_t ioas = 0, child = 0, id;

	ASSERT_EQ(0, rig_attach(&self->rig));
	START(map_slow);

	EXPECT_EQ(0, rig_map(&self->rig, self->mem, PAGE, AT));
	EXPECT_EQ(0, edu_read(&self->rig.edu, AT, 64));
	EXPECT_EQ(0, rig_unmap(&self->rig, AT, PAGE));
	EXPECT_EQ(-EBUSY, rig_unmap(&self->rig, SLOW, PAGE));
	EXPECT_EQ(-EEXIST, rig_map(&self->rig, self->mem, PAGE, SLOW));
	EXPECT_EQ(0, vfio_attach(self->other.fd, self->rig.ioas, &id));
	EXPECT_EQ(0, vfio_detach(self->other.fd));
	EXPECT_EQ(0, iommu_change_process(self->rig.fd));
	EXPECT_EQ(0, dump(IOASID_CMD_SPACE_GET));
	EXPECT_EQ(0, dump(IOASID_CMD_AREA_GET));
	EXPECT_EQ(0, dump(IOASID_CMD_DEVICE_GET));
	EXPECT_EQ(0, iommu_allow_iovas(self->rig.fd, self->rig.ioas, &range, 1));
	EXPECT_EQ(0, iommu_alloc_nested(self->rig.fd, self->rig.ioas, &child));
	EXPECT_EQ(0, iommu_destroy(self->rig.fd, child));
	EXPECT_EQ(0, iommu_ioas_alloc(self->rig.fd, &ioas));
	EXPECT_EQ(0, iommu_destroy(self->rig.fd, ioas));
	/* The device goes altogether: its page table is not waited for. */
	EXPECT_EQ(0, vfio_detach(self->rig.edu.fd));
	edu_close(&self->rig.edu);
	self->rig.edu.fd = -1;

	END(0);
	/* Mapped, but there is no page table any more that needs the memory. */
	EXPECT_EQ(self->rig.pinned, mem_wait_pinned(self->rig.pinned));
	EXPECT_EQ(0, rig_unmap(&self->rig, SLOW, PAGE));
}

static void *attach_slow(void *arg)
{
	FIXTURE_DATA(held) *self = arg;

	self->rc = vfio_attach(self->rig.edu.fd, self->rig.ioas, &self->id);
	return NULL;
}

/* Who attaches pins what is there: mappings may come and go meanwhile. */
TEST_F(held, attach)
{
	uint32_t ioas = 0, id;

	ASSERT_EQ(0, rig_map(&self->rig, self->mem, PAGE, AT));
	ASSERT_EQ(0, rig_map(&self->rig, self->mem, PAGE, OTHER));
	ASSERT_EQ(0, rig_map(&self->rig, self->slow.page, PAGE, SLOW));
	START(attach_slow);

	EXPECT_EQ(0, rig_map(&self->rig, self->mem + PAGE, PAGE, AT + PAGE));
	EXPECT_EQ(0, rig_unmap(&self->rig, OTHER, PAGE));
	EXPECT_EQ(0, iommu_ioas_alloc(self->rig.fd, &ioas));
	EXPECT_EQ(0, vfio_attach(self->other.fd, ioas, &id));
	EXPECT_EQ(0, dump(IOASID_CMD_SPACE_GET));
	EXPECT_EQ(0, dump(IOASID_CMD_DEVICE_GET));
	edu_close(&self->other);
	self->other.fd = -1;

	END(0);
	EXPECT_EQ(0, edu_read(&self->rig.edu, AT, 64));
	EXPECT_EQ(0, edu_read(&self->rig.edu, AT + PAGE, 64));
	EXPECT_EQ(0, edu_read(&self->rig.edu, SLOW, 64));
	EXPECT_EQ(self->rig.pinned + 3,
		  mem_wait_pinned(self->rig.pinned + 3));
}

/* VFIO has no lock of its own either, which users of other devices may take, too. */
TEST_F(held, detach_under_attach)
{
	ASSERT_EQ(0, rig_map(&self->rig, self->slow.page, PAGE, SLOW));
	START(attach_slow);
	EXPECT_EQ(0, vfio_detach(self->rig.edu.fd));
	END(0);
	EXPECT_EQ(0, edu_read(&self->rig.edu, SLOW, 64));
	EXPECT_EQ(self->rig.pinned + 1,
		  mem_wait_pinned(self->rig.pinned + 1));
}

static void *open_in_group_slow(void *arg)
{
	FIXTURE_DATA(held) *self = arg;

	self->rc = vfio_group_device(self->id, self->other.pci.bdf);
	return NULL;
}

/* Nor has it where opening a device attaches it. */
TEST_F(held, unset_container_under_open)
{
	int group, device;

	ASSERT_EQ(0, rig_map(&self->rig, self->slow.page, PAGE, SLOW));
	ASSERT_EQ(0, iommu_vfio_ioas_set(self->rig.fd, self->rig.ioas));
	edu_close(&self->other);
	self->other.fd = -1;
	group = vfio_group_open(self->other.pci.group);
	ASSERT_LE(0, group);
	ASSERT_EQ(0, vfio_group_set_container(group, self->rig.fd));
	self->id = group;
	START(open_in_group_slow);
	EXPECT_EQ(0, vfio_group_unset_container(group));
	END(-EINVAL);
	EXPECT_EQ(self->rig.pinned, mem_wait_pinned(self->rig.pinned));

	ASSERT_EQ(0, vfio_group_set_container(group, self->rig.fd));
	device = vfio_group_device(group, self->other.pci.bdf);
	EXPECT_LE(0, device);
	EXPECT_EQ(self->rig.pinned + 1,
		  mem_wait_pinned(self->rig.pinned + 1));
	close(device);
	close(group);
}

/* What is being pinned for the attach goes before it is. */
TEST_F(held, unmap_under_attach)
{
	ASSERT_EQ(0, rig_map(&self->rig, self->slow.page, PAGE, SLOW));
	START(attach_slow);
	EXPECT_EQ(0, rig_unmap(&self->rig, SLOW, PAGE));
	END(0);
	EXPECT_EQ(self->rig.pinned, mem_wait_pinned(self->rig.pinned));
	EXPECT_EQ(0, rig_map(&self->rig, self->mem, PAGE, SLOW));
	EXPECT_EQ(0, edu_read(&self->rig.edu, SLOW, 64));
}

static void *alloc_slow(void *arg)
{
	FIXTURE_DATA(held) *self = arg;

	self->rc = iommu_hwpt_alloc(self->rig.fd, self->rig.edu.dev_id,
				    self->rig.ioas, 0, &self->id);
	return NULL;
}

/* The device is unbound, which waits for all who work with it. */
TEST_F(held, close_under_hwpt_alloc)
{
	ASSERT_EQ(0, rig_map(&self->rig, self->slow.page, PAGE, SLOW));
	START(alloc_slow);
	edu_close(&self->rig.edu);
	self->rig.edu.fd = -1;
	END(-ENOENT);
	EXPECT_EQ(self->rig.pinned, mem_wait_pinned(self->rig.pinned));
}

static void *map_child_slow(void *arg)
{
	FIXTURE_DATA(held) *self = arg;

	self->rc = iommu_map_fixed(self->rig.fd, self->id, (void *)SLOW, PAGE,
				   IOMMU_RW, AT);
	return NULL;
}

/* A child pins its parent's memory: the family is not locked meanwhile. */
TEST_F(held, nested)
{
	ASSERT_EQ(0, rig_map(&self->rig, self->mem, PAGE, OTHER));
	ASSERT_EQ(0, rig_map(&self->rig, self->slow.page, PAGE, SLOW));
	ASSERT_EQ(0, iommu_alloc_nested(self->rig.fd, self->rig.ioas,
					&self->id));
	ASSERT_EQ(0, vfio_attach(self->rig.edu.fd, self->id, NULL));
	START(map_child_slow);

	EXPECT_EQ(0, iommu_map_fixed(self->rig.fd, self->id, (void *)OTHER,
				     PAGE, IOMMU_RW, OTHER));
	EXPECT_EQ(0, edu_read(&self->rig.edu, OTHER, 64));
	/* With the family locked for writing */
	EXPECT_EQ(0, rig_unmap(&self->rig, OTHER, PAGE));
	edu_write(&self->rig.edu, OTHER, 64);
	EXPECT_EQ(-1, mem_check(self->mem, PAGE, 1));
	EXPECT_EQ(0, rig_unmap(&self->rig, SLOW, PAGE));

	END(-EFAULT);
	EXPECT_EQ(self->rig.pinned, mem_wait_pinned(self->rig.pinned));
}

static void *read_slow(void *arg)
{
	FIXTURE_DATA(held) *self = arg;
	char byte;

	self->rc = access_read(self->acc, SLOW, &byte, 1);
	return NULL;
}

static void *pin_slow(void *arg)
{
	FIXTURE_DATA(held) *self = arg;

	self->rc = access_pin(self->acc, SLOW, PAGE, ACCESS_READ);
	return NULL;
}

/* Who unmaps what an in-kernel user is working on waits, but can be killed. */
static void unmap_and_be_killed(struct __test_metadata *_metadata,
				FIXTURE_DATA(held) *self)
{
	int status;
	pid_t pid = fork();

	ASSERT_LE(0, pid);
	if (!pid)
		_exit(-rig_unmap(&self->rig, SLOW, PAGE));
	/* Long enough to come to where it waits, or to be wrong. */
	EXPECT_EQ(0, usleep(200000));
	EXPECT_EQ(0, waitpid(pid, &status, WNOHANG)) {
		TH_LOG("exit %d", WEXITSTATUS(status));
	}
	EXPECT_EQ(0, kill(pid, SIGKILL));
	EXPECT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_TRUE(WIFSIGNALED(status));
}

TEST_F(held, in_kernel_read)
{
	NEED_ACCESS;
	ASSERT_EQ(0, rig_attach(&self->rig));
	ASSERT_EQ(0, vfio_detach(self->rig.edu.fd));
	ASSERT_EQ(0, rig_map(&self->rig, self->slow.page, PAGE, SLOW));
	self->acc = access_open_attached(self->rig.fd, self->rig.ioas);
	ASSERT_LE(0, self->acc);
	START(read_slow);
	unmap_and_be_killed(_metadata, self);
	EXPECT_EQ(0, rig_map(&self->rig, self->mem, PAGE, AT));
	EXPECT_EQ(0, rig_unmap(&self->rig, AT, PAGE));
	edu_close(&self->other);
	self->other.fd = -1;
	END(0);
	EXPECT_EQ(0, rig_unmap(&self->rig, SLOW, PAGE));
}

TEST_F(held, in_kernel_pin)
{
	NEED_ACCESS;
	ASSERT_EQ(0, rig_map(&self->rig, self->slow.page, PAGE, SLOW));
	self->acc = access_open_attached(self->rig.fd, self->rig.ioas);
	ASSERT_LE(0, self->acc);
	START(pin_slow);
	unmap_and_be_killed(_metadata, self);
	EXPECT_EQ(0, rig_map(&self->rig, self->mem, PAGE, AT));
	EXPECT_EQ(0, rig_unmap(&self->rig, AT, PAGE));
	END(0);
	/* It was not to be any more, and can again. */
	EXPECT_EQ(0, access_pin(self->acc, SLOW, PAGE, ACCESS_READ));
	EXPECT_EQ(0, access_unpin(self->acc, SLOW, PAGE));
	EXPECT_EQ(0, access_unpin(self->acc, SLOW, PAGE));
}

ACCESS_HARNESS_MAIN
