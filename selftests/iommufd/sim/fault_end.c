// SPDX-License-Identifier: GPL-2.0-only
/*
 * How page requests end. Each is answered once: by the right answer, or because the
 * device was detached or is gone, or because nobody is left who could answer. Never by a
 * wrong answer, and never not at all: a device that waits for ever is what every test
 * here would show as -ETIMEDOUT.
 */
#define _GNU_SOURCE
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "child.h"
#include "fault.h"
#include "held_read.h"
#include "iommu.h"
#include "mem.h"
#include "race.h"
#include "sim.h"
#include "vfio.h"

#define PAGE SIM_PAGE
#define ATTRIBUTES "pasid_bits=8 pri=1 prq_size=1024"
#define MISSING 0x80000000ULL
#define MAX 64
#define REFUSED IOSIM_REASON_REQUEST_FAILED
#define KERNEL_ADDRESS ((void *)0xffff888000001000UL)

FIXTURE(end)
{
	struct sim sim;
	struct dma dma;
	struct fault_queue queue;
	uint32_t hwpt;
};

typedef FIXTURE_DATA(end) fixture;

FIXTURE_SETUP(end)
{
	struct sim *sim = &self->sim;

	NEED_SIM;
	ASSERT_EQ(0, sim_open(sim, ATTRIBUTES));
	ASSERT_EQ(0, fault_queue_open(sim->fd, &self->queue));
	ASSERT_EQ(0, sim_attach_fault(sim, self->queue.id, &self->hwpt));
	self->dma = sim_dma(sim, 0);
	self->dma.block = true;
}

FIXTURE_TEARDOWN(end)
{
	if (self->queue.fd >= 0)
		close(self->queue.fd);
	EXPECT_EQ(0, sim_close(&self->sim));
}

/* Have the device ask for the pages from page @first on, as one group. */
static int ask(struct dma *dma, unsigned int first, unsigned int pages)
{
	struct iosim_desc desc = {
		.op = IOSIM_OP_PREFETCH,
		.flags = IOSIM_DESC_WRITE,
		.src = MISSING + first * PAGE,
		.length = pages * PAGE,
	};

	return dma_start(dma, &desc);
}

/* The same in completion slot @slot, once the request has arrived. */
static int ask_in(fixture *self, struct dma *dma, unsigned int slot,
		  unsigned int first, unsigned int pages)
{
	*dma = sim_dma(&self->sim, slot);
	dma->block = true;
	return ask(dma, first, pages);
}

/* By this it shows that one more request has come while others are unread. */
static int watch_arrivals(const fixture *self)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLET };
	int watch = epoll_create1(EPOLL_CLOEXEC);

	if (epoll_ctl(watch, EPOLL_CTL_ADD, self->queue.fd, &event))
		return -errno;
	return watch;
}

static int wait_arrival(int watch)
{
	struct epoll_event event;

	return epoll_wait(watch, &event, 1, FAULT_WAIT_MS) == 1 ? 0 : -ETIMEDOUT;
}

static int map(const fixture *self, unsigned int first, unsigned int pages)
{
	return iommu_map_fixed(self->sim.fd, self->sim.ioas,
			       self->sim.buf + first * PAGE, pages * PAGE,
			       IOMMU_RW, MISSING + first * PAGE);
}

static int nothing_to_read(const fixture *self)
{
	struct iommu_hwpt_pgfault fault;

	return fault_read(self->queue.fd, &fault, 1);
}

/* Page requests go on working. */
static void expect_alive(struct __test_metadata *_metadata, fixture *self)
{
	struct iommu_hwpt_pgfault faults[MAX];

	ASSERT_EQ(0, ask(&self->dma, 500, 1));
	ASSERT_EQ(1, fault_read_group(self->queue.fd, faults, MAX));
	EXPECT_EQ(MISSING + 500 * PAGE, faults[0].addr);
	ASSERT_EQ(0, map(self, 500, 1));
	EXPECT_EQ(0, fault_respond(self->queue.fd, faults[0].cookie,
				   IOMMUFD_PAGE_RESP_SUCCESS));
	EXPECT_EQ(0, dma_wait(&self->dma));
	ASSERT_EQ(0, iommu_ioas_unmap(self->sim.fd, self->sim.ioas,
				      MISSING + 500 * PAGE, PAGE, NULL));
}

/* Answers ----------------------------------------------------------------- */

TEST_F(end, answered_once)
{
	struct iommu_hwpt_pgfault faults[MAX];
	int fd = self->queue.fd;
	uint32_t cookie;

	ASSERT_EQ(0, ask(&self->dma, 0, 1));
	ASSERT_EQ(1, fault_read_group(fd, faults, MAX));
	cookie = faults[0].cookie;
	EXPECT_EQ(-EINVAL, fault_respond(fd, cookie + 1, 0));
	EXPECT_EQ(-EINVAL, fault_respond(fd, cookie - 1, 0));
	EXPECT_EQ(-EINVAL, fault_respond(fd, cookie, 2));
	EXPECT_EQ(-EINVAL, fault_respond(fd, cookie, UINT32_MAX));
	ASSERT_EQ(0, map(self, 0, 1));
	EXPECT_EQ(0, fault_respond(fd, cookie, IOMMUFD_PAGE_RESP_SUCCESS));
	EXPECT_EQ(0, dma_wait(&self->dma));
	EXPECT_EQ(-EINVAL, fault_respond(fd, cookie, 0));
	EXPECT_EQ(-EINVAL, fault_respond(fd, cookie, 1));

	/* A late answer does not hit the next one. */
	ASSERT_EQ(0, ask(&self->dma, 1, 1));
	ASSERT_EQ(1, fault_read_group(fd, faults, MAX));
	EXPECT_NE(cookie, faults[0].cookie);
	EXPECT_EQ(-EINVAL, fault_respond(fd, cookie, 1));
	EXPECT_EQ(0, fault_respond(fd, faults[0].cookie, 1));
	EXPECT_EQ(REFUSED, dma_wait(&self->dma));
}

/* Cookies cannot be guessed: who has not read has not answered. */
TEST_F(end, not_before_it_was_read)
{
	struct iommu_hwpt_pgfault faults[MAX];
	uint32_t cookie;

	ASSERT_EQ(0, ask(&self->dma, 0, 1));
	ASSERT_EQ(0, fault_wait(self->queue.fd));
	for (cookie = 0; cookie < 1000; cookie++)
		ASSERT_EQ(-EINVAL, fault_respond(self->queue.fd, cookie, 1));
	ASSERT_EQ(1, fault_read_group(self->queue.fd, faults, MAX));
	EXPECT_EQ(0, fault_respond(self->queue.fd, faults[0].cookie, 1));
	EXPECT_EQ(REFUSED, dma_wait(&self->dma));
}

/* "Success" without the page being there: the device asks again. */
TEST_F(end, answered_without_the_page)
{
	struct iommu_hwpt_pgfault faults[MAX];
	int i;

	ASSERT_EQ(0, ask(&self->dma, 0, 1));
	for (i = 0; i < 5; i++) {
		ASSERT_EQ(1, fault_read_group(self->queue.fd, faults, MAX));
		EXPECT_EQ(0, fault_respond(self->queue.fd, faults[0].cookie,
					   IOMMUFD_PAGE_RESP_SUCCESS));
	}
	ASSERT_EQ(1, fault_read_group(self->queue.fd, faults, MAX));
	EXPECT_EQ(0, fault_respond(self->queue.fd, faults[0].cookie,
				   IOMMUFD_PAGE_RESP_INVALID));
	EXPECT_EQ(REFUSED, dma_wait(&self->dma));
}

TEST_F(end, array_of_answers)
{
	struct iommu_hwpt_page_response answers[4] = {};
	struct iommu_hwpt_pgfault faults[MAX];
	struct dma dma[3];
	unsigned int i;

	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, ask_in(self, &dma[i], i, 10 * i, 1));
		ASSERT_EQ(1, fault_read_group(self->queue.fd, faults, MAX));
		answers[i].cookie = faults[0].cookie;
		answers[i].code = IOMMUFD_PAGE_RESP_INVALID;
	}
	/* Two that are right, one that is not, and one that is not looked at. */
	answers[3] = answers[2];
	answers[2].code = 7;
	EXPECT_EQ(2 * sizeof(answers[0]),
		  write(self->queue.fd, answers, sizeof(answers)));
	EXPECT_EQ(REFUSED, dma_wait(&dma[0]));
	EXPECT_EQ(REFUSED, dma_wait(&dma[1]));
	EXPECT_EQ(0, dma[2].done->status);
	EXPECT_EQ(-1, write(self->queue.fd, answers, sizeof(answers)));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(sizeof(answers[0]),
		  write(self->queue.fd, &answers[3], sizeof(answers[0])));
	EXPECT_EQ(REFUSED, dma_wait(&dma[2]));
}

/* Reading ----------------------------------------------------------------- */

TEST_F(end, groups_are_whole)
{
	struct iommu_hwpt_pgfault faults[MAX];
	int fd = self->queue.fd, watch = watch_arrivals(self);
	struct dma dma[3];
	unsigned int i;

	ASSERT_LE(0, watch);
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, ask_in(self, &dma[i], i, 10 * i, 4 + i));
		/* One after the other, so that they come in this order. */
		ASSERT_EQ(0, wait_arrival(watch));
	}
	EXPECT_EQ(-EINVAL, fault_read(fd, faults, 0));
	EXPECT_EQ(-EINVAL, fault_read(fd, faults, 3));
	EXPECT_EQ(4, fault_read(fd, faults, 8));
	for (i = 0; i < 4; i++) {
		EXPECT_EQ(MISSING + i * PAGE, faults[i].addr);
		EXPECT_EQ(faults[0].cookie, faults[i].cookie);
		EXPECT_EQ(self->sim.engine.dev_id, faults[i].dev_id);
		EXPECT_EQ(i == 3 ? IOMMU_PGFAULT_FLAGS_LAST_PAGE : 0,
			  faults[i].flags);
		EXPECT_EQ(0, faults[i].pasid);
		EXPECT_EQ(0, faults[i].__reserved);
		EXPECT_EQ(0, faults[i].length);
		EXPECT_EQ(IOMMU_PGFAULT_PERM_WRITE,
			  faults[i].perm & IOMMU_PGFAULT_PERM_WRITE);
	}
	EXPECT_EQ(0, fault_respond(fd, faults[0].cookie, 1));
	EXPECT_EQ(REFUSED, dma_wait(&dma[0]));
	/* The other two at once. */
	EXPECT_EQ(11, fault_read(fd, faults, MAX));
	EXPECT_NE(faults[0].cookie, faults[5].cookie);
	EXPECT_EQ(0, fault_respond(fd, faults[5].cookie, 1));
	EXPECT_EQ(REFUSED, dma_wait(&dma[2]));
	EXPECT_EQ(0, fault_respond(fd, faults[0].cookie, 1));
	EXPECT_EQ(REFUSED, dma_wait(&dma[1]));
	EXPECT_EQ(0, nothing_to_read(self));
	close(watch);
}

/* What could not be told is told again. */
TEST_F(end, bad_buffer)
{
	size_t size = 4 * sizeof(struct iommu_hwpt_pgfault);
	char *edge = (char *)mem_before_hole(PAGE) + PAGE;
	struct iommu_hwpt_pgfault faults[MAX];
	int fd = self->queue.fd, watch;
	struct dma dma[2];

	ASSERT_EQ(0, ask_in(self, &dma[0], 0, 0, 4));
	ASSERT_EQ(0, fault_wait(fd));
	EXPECT_EQ(-1, syscall(SYS_read, fd, KERNEL_ADDRESS, size));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(-1, syscall(SYS_read, fd, edge, size));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(-1, syscall(SYS_read, fd, edge - size + 1, size));
	EXPECT_EQ(EFAULT, errno);
	watch = watch_arrivals(self);
	ASSERT_LE(0, watch);
	ASSERT_EQ(0, wait_arrival(watch));
	ASSERT_EQ(0, ask_in(self, &dma[1], 1, 10, 2));
	ASSERT_EQ(0, wait_arrival(watch));
	/* The first group, and half of the second. */
	EXPECT_EQ(size, syscall(SYS_read, fd, edge - size - 40, 2 * size));
	memcpy(faults, edge - size - 40, size);
	EXPECT_EQ(MISSING, faults[0].addr);
	EXPECT_EQ(0, fault_respond(fd, faults[0].cookie, 1));
	EXPECT_EQ(REFUSED, dma_wait(&dma[0]));
	ASSERT_EQ(2, fault_read_group(fd, faults, MAX));
	EXPECT_EQ(MISSING + 10 * PAGE, faults[0].addr);
	EXPECT_EQ(0, fault_respond(fd, faults[0].cookie, 1));
	EXPECT_EQ(REFUSED, dma_wait(&dma[1]));
	close(watch);
}

/* Detached ---------------------------------------------------------------- */

/*
 * Has the device given up? Its completion cannot be written any more, so that it shows
 * only when the device has nothing else to do.
 */
#define EXPECT_OVER(dma) EXPECT_EQ(-ENODATA, dma_wait(dma))

TEST_F(end, detach)
{
	struct iommu_hwpt_pgfault faults[MAX];
	struct dma dma[2];

	ASSERT_EQ(0, ask_in(self, &dma[0], 0, 0, 1));
	ASSERT_EQ(1, fault_read_group(self->queue.fd, faults, MAX));
	ASSERT_EQ(0, ask_in(self, &dma[1], 1, 10, 3));
	ASSERT_EQ(0, fault_wait(self->queue.fd));
	ASSERT_EQ(0, vfio_detach(self->sim.engine.fd));
	EXPECT_EQ(0, nothing_to_read(self));
	EXPECT_EQ(-EINVAL, fault_respond(self->queue.fd, faults[0].cookie, 0));
	EXPECT_OVER(&dma[0]);
	EXPECT_OVER(&dma[1]);
	ASSERT_EQ(0, sim_attach(&self->sim, self->hwpt));
	expect_alive(_metadata, self);
}

/* Replaced: the device tries again where it is attached now. */
TEST_F(end, replace)
{
	struct iommu_hwpt_pgfault faults[MAX];
	struct sim *sim = &self->sim;
	struct dma dma[2];
	uint32_t ioas;

	ASSERT_EQ(0, iommu_ioas_alloc(sim->fd, &ioas));
	ASSERT_EQ(0, iommu_map_fixed(sim->fd, ioas, sim->buf, SIM_SIZE,
				     IOMMU_RW, SIM_AT));
	ASSERT_EQ(0, iommu_map_fixed(sim->fd, ioas, sim->buf, 20 * PAGE,
				     IOMMU_RW, MISSING));
	ASSERT_EQ(0, ask_in(self, &dma[0], 0, 0, 1));
	ASSERT_EQ(1, fault_read_group(self->queue.fd, faults, MAX));
	ASSERT_EQ(0, ask_in(self, &dma[1], 1, 10, 3));
	ASSERT_EQ(0, fault_wait(self->queue.fd));
	ASSERT_EQ(0, sim_attach(sim, ioas));
	EXPECT_EQ(0, dma_wait(&dma[0]));
	EXPECT_EQ(0, dma_wait(&dma[1]));
	EXPECT_EQ(0, nothing_to_read(self));
	EXPECT_EQ(-EINVAL, fault_respond(self->queue.fd, faults[0].cookie, 0));
	ASSERT_EQ(0, sim_attach(sim, self->hwpt));
	expect_alive(_metadata, self);
}

/* The RID and two PASIDs have the same queue: only one of them is detached. */
TEST_F(end, detach_one_of_three)
{
	struct iommu_hwpt_pgfault faults[MAX];
	struct sim *sim = &self->sim;
	uint32_t dev = sim->engine.dev_id, cookies[3];
	struct dma dma[3];
	unsigned int i;

	for (i = 0; i < 3; i++) {
		dma[i] = sim_dma_pasid(sim, i, i ? i : ENGINE_NO_PASID);
		dma[i].block = true;
		if (i)
			ASSERT_EQ(0, iommu_pasid_attach(sim->fd, dev, i,
							self->hwpt));
		ASSERT_EQ(0, ask(&dma[i], i, 1));
		ASSERT_EQ(1, fault_read_group(self->queue.fd, faults, MAX));
		EXPECT_EQ(i, faults[0].pasid);
		EXPECT_EQ(!!i, faults[0].flags &
			       IOMMU_PGFAULT_FLAGS_PASID_VALID);
		cookies[i] = faults[0].cookie;
	}
	ASSERT_EQ(0, iommu_pasid_detach(sim->fd, dev, 1));
	EXPECT_EQ(0, dma[0].done->status);
	EXPECT_EQ(0, dma[2].done->status);
	ASSERT_EQ(0, map(self, 0, 3));
	EXPECT_EQ(-EINVAL, fault_respond(self->queue.fd, cookies[1], 0));
	EXPECT_EQ(0, fault_respond(self->queue.fd, cookies[0], 0));
	EXPECT_EQ(0, fault_respond(self->queue.fd, cookies[2], 0));
	EXPECT_EQ(0, dma_wait(&dma[0]));
	EXPECT_EQ(0, dma_wait(&dma[2]));
	EXPECT_OVER(&dma[1]);
	ASSERT_EQ(0, iommu_pasid_detach(sim->fd, dev, 2));
}

/* One fault that has been read, and one of @dma that has not. */
static int ask_twice(FIXTURE_DATA(end) *self, struct dma *dma,
		     struct iommu_hwpt_pgfault faults[MAX])
{
	int rc = ask(&self->dma, 0, 1);

	if (!rc && fault_read_group(self->queue.fd, faults, MAX) != 1)
		rc = -EIO;
	if (!rc)
		rc = ask_in(self, dma, 1, 10, 3);
	return rc ?: fault_wait(self->queue.fd);
}

TEST_F(end, close_the_device)
{
	struct iommu_hwpt_pgfault faults[MAX];
	struct sim *sim = &self->sim;
	struct dma dma;

	ASSERT_EQ(0, ask_twice(self, &dma, faults));
	engine_close(&sim->engine);
	EXPECT_EQ(0, nothing_to_read(self));
	EXPECT_EQ(-EINVAL, fault_respond(self->queue.fd, faults[0].cookie, 0));
	ASSERT_EQ(0, engine_open_name(&sim->engine, SIM_NAME, sim->fd));
	ASSERT_EQ(0, sim_attach(sim, self->hwpt));
	expect_alive(_metadata, self);
}

/* Nobody but the queue and the device is left to keep anything. */
TEST_F(end, close_the_iommu)
{
	struct iommu_hwpt_pgfault faults[MAX];
	struct sim *sim = &self->sim;

	ASSERT_EQ(0, ask(&self->dma, 0, 1));
	ASSERT_EQ(1, fault_read_group(self->queue.fd, faults, MAX));
	close(sim->fd);
	sim->fd = -1;
	EXPECT_EQ(0, fault_respond(self->queue.fd, faults[0].cookie, 1));
	EXPECT_EQ(REFUSED, dma_wait(&self->dma));
	engine_close(&sim->engine);
	EXPECT_EQ(0, nothing_to_read(self));
}

/* Two devices and one queue: one goes, the other's requests stay. */
TEST_F(end, one_of_two_devices)
{
	struct iommu_hwpt_pgfault faults[MAX];
	struct sim *sim = &self->sim;
	struct engine other;
	struct dma dma;
	uint32_t cookie;

	ASSERT_EQ(0, sim_add(sim, "other", ATTRIBUTES, &other));
	ASSERT_EQ(0, vfio_attach(other.fd, self->hwpt, NULL));
	dma = sim_dma(sim, 1);
	dma.engine = &other;
	dma.block = true;
	ASSERT_EQ(0, ask(&self->dma, 0, 1));
	ASSERT_EQ(1, fault_read_group(self->queue.fd, faults, MAX));
	EXPECT_EQ(sim->engine.dev_id, faults[0].dev_id);
	cookie = faults[0].cookie;
	ASSERT_EQ(0, ask(&dma, 0, 1));
	ASSERT_EQ(1, fault_read_group(self->queue.fd, faults, MAX));
	EXPECT_EQ(other.dev_id, faults[0].dev_id);

	EXPECT_EQ(0, sim_remove("other", &other));
	EXPECT_EQ(-EINVAL, fault_respond(self->queue.fd, faults[0].cookie, 0));
	EXPECT_EQ(0, self->dma.done->status);
	EXPECT_EQ(0, fault_respond(self->queue.fd, cookie, 1));
	EXPECT_EQ(REFUSED, dma_wait(&self->dma));
}

/* Nobody reads ------------------------------------------------------------ */

TEST_F(end, close_the_queue)
{
	struct iommu_hwpt_pgfault faults[MAX];
	struct sim *sim = &self->sim;
	struct dma dma;

	ASSERT_EQ(0, ask_twice(self, &dma, faults));
	close(self->queue.fd);
	self->queue.fd = -1;
	EXPECT_EQ(REFUSED, dma_wait(&self->dma));
	EXPECT_EQ(REFUSED, dma_wait(&dma));
	/* From now on at once; what is mapped can be reached. */
	ASSERT_EQ(0, ask(&self->dma, 0, 1));
	EXPECT_EQ(REFUSED, dma_wait(&self->dma));
	EXPECT_EQ(0, dma_check(&self->dma, SIM_AT, sim->buf));

	EXPECT_EQ(-EBUSY, iommu_destroy(sim->fd, self->queue.id));
	EXPECT_EQ(-EBUSY, iommu_destroy(sim->fd, self->hwpt));
	ASSERT_EQ(0, vfio_detach(sim->engine.fd));
	EXPECT_EQ(-EBUSY, iommu_destroy(sim->fd, self->queue.id));
	EXPECT_EQ(0, iommu_destroy(sim->fd, self->hwpt));
	EXPECT_EQ(0, iommu_destroy(sim->fd, self->queue.id));
}

/* Whoever detaches waits for nobody who reads. */
TEST_F(end, detach_while_a_reader_waits)
{
	struct iommu_hwpt_pgfault *faults;
	struct held_read read_;

	ASSERT_EQ(0, ask(&self->dma, 0, 3));
	ASSERT_EQ(0, fault_wait(self->queue.fd));
	ASSERT_EQ(0, held_read_begin(&read_, self->queue.fd,
				     3 * sizeof(*faults)));
	ASSERT_EQ(0, vfio_detach(self->sim.engine.fd));
	EXPECT_OVER(&self->dma);
	/* It is told what it may not answer any more. */
	EXPECT_EQ(3 * (ssize_t)sizeof(*faults), held_read_end(&read_, false));
	EXPECT_EQ(0, nothing_to_read(self));
}

/* What could not be read is there again, in the order in which it came. */
TEST_F(end, failing_readers)
{
	static const int order[] = { 1, 0, 2 };
	struct iommu_hwpt_pgfault fault;
	int watch = watch_arrivals(self), i;
	struct held_read reads_[3];
	struct dma dma[3];

	ASSERT_LE(0, watch);
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, ask_in(self, &dma[i], i, i, 1));
		ASSERT_EQ(0, wait_arrival(watch));
	}
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, held_read_begin(&reads_[i], self->queue.fd,
					     sizeof(fault)));
	}
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(-EFAULT, held_read_end(&reads_[order[i]], true));
	}
	close(watch);
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(1, fault_read(self->queue.fd, &fault, 1));
		EXPECT_EQ(MISSING + i * PAGE, fault.addr);
		EXPECT_EQ(0, fault_respond(self->queue.fd, fault.cookie,
					   IOMMUFD_PAGE_RESP_INVALID));
		EXPECT_EQ(REFUSED, dma_wait(&dma[i]));
	}
}

/* The only holder of the queue is killed while it waits, or is about to answer. */
TEST_F(end, kill_the_reader)
{
	struct iommu_hwpt_pgfault faults[MAX];
	struct dma dma;
	int told[2];
	char byte;
	pid_t pid;

	ASSERT_EQ(0, pipe(told));
	ASSERT_EQ(0, ask(&self->dma, 0, 1));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		byte = fault_read_group(self->queue.fd, faults, MAX);
		if (write(told[1], &byte, 1) == 1)
			pause();
		_exit(1);
	}
	close(self->queue.fd);
	self->queue.fd = -1;
	ASSERT_EQ(1, read(told[0], &byte, 1));
	EXPECT_EQ(1, byte);
	ASSERT_EQ(0, ask_in(self, &dma, 1, 10, 3));
	EXPECT_EQ(0, self->dma.done->status);
	ASSERT_EQ(0, kill(pid, SIGKILL));
	EXPECT_EQ(REFUSED, dma_wait(&self->dma));
	EXPECT_EQ(REFUSED, dma_wait(&dma));
	EXPECT_EQ(pid, waitpid(pid, NULL, 0));
	close(told[0]);
	close(told[1]);
}

static void answer_in_a_child(void *arg)
{
	struct iommu_hwpt_pgfault faults[MAX];
	int fd = *(int *)arg;

	CHILD_EQ(1, fault_read_group(fd, faults, MAX));
	CHILD_EQ(0, fault_respond(fd, faults[0].cookie, 1));
}

/* The queue's file descriptor works in another process as in its own. */
TEST_F(end, another_process_answers)
{
	ASSERT_EQ(0, ask(&self->dma, 0, 1));
	EXPECT_EQ(0, child_run(answer_in_a_child, &self->queue.fd));
	EXPECT_EQ(REFUSED, dma_wait(&self->dma));
}

/* What the queue has no room for is refused at once, and it goes on after that. */
TEST_F(end, full_queue)
{
	/* There is room for 8192. */
	enum { DEVICES = 9, EACH = 1000 };
	struct iommu_hwpt_pgfault *faults = mem_anon(EACH * sizeof(*faults));
	struct sim *sim = &self->sim;
	struct engine engine[DEVICES];
	struct dma dma[DEVICES];
	unsigned int i, waiting = 0;
	int64_t asked = 0;
	char name[16];

	ASSERT_NE(NULL, faults);
	for (i = 0; i < DEVICES; i++) {
		snprintf(name, sizeof(name), "e%u", i);
		ASSERT_EQ(0, sim_add(sim, name, ATTRIBUTES, &engine[i]));
		ASSERT_EQ(0, vfio_attach(engine[i].fd, self->hwpt, NULL));
		dma[i] = sim_dma(sim, i);
		dma[i].engine = &engine[i];
		dma[i].block = true;
		ASSERT_EQ(0, ask(&dma[i], 0, EACH));
		if (i < 8)
			ASSERT_EQ(EACH, fault_read_group(self->queue.fd, faults,
							 EACH));
	}
	EXPECT_EQ(REFUSED, dma_wait(&dma[8]));
	for (i = 0; i < DEVICES; i++)
		waiting += !dma[i].done->status;
	EXPECT_EQ(8, waiting);
	EXPECT_EQ(0, fault_respond(self->queue.fd, faults[0].cookie, 1));
	EXPECT_EQ(REFUSED, dma_wait(&dma[7]));
	expect_alive(_metadata, self);
	for (i = 0; i < DEVICES; i++) {
		snprintf(name, sizeof(name), "e%u", i);
		asked += iosim_counter(name, "page_responses");
		EXPECT_EQ(0, sim_remove(name, &engine[i]));
	}
	EXPECT_EQ(2, asked);
	mem_free(faults, EACH * sizeof(*faults));
}

/* All at once ------------------------------------------------------------- */

struct race {
	fixture *self;
	struct engine other;
	atomic_bool stop;
	atomic_bool stop_answers;
	atomic_uint answered;
	atomic_uint askers;
	atomic_int error;
};

static void *answer_all(void *arg)
{
	struct iommu_hwpt_pgfault faults[MAX];
	struct race *race = arg;
	int fd = race->self->queue.fd, n, i;

	while (!atomic_load(&race->stop_answers)) {
		struct pollfd wait = { .fd = fd, .events = POLLIN };

		poll(&wait, 1, 10);
		n = fault_read(fd, faults, MAX);
		if (n < 0)
			atomic_store(&race->error, n);
		for (i = 0; i < n; i++) {
			if (!(faults[i].flags & IOMMU_PGFAULT_FLAGS_LAST_PAGE))
				continue;
			/* A detach may have been faster. */
			if (!fault_respond(fd, faults[i].cookie,
					   faults[i].cookie % 4 < 3))
				atomic_fetch_add(&race->answered, 1);
		}
	}
	return NULL;
}

static void *fault_for_ever(void *arg)
{
	struct race *race = arg;
	unsigned int asker = atomic_fetch_add(&race->askers, 1), n;
	struct dma dma = sim_dma(&race->self->sim, asker);

	dma.block = true;
	if (asker)
		dma.engine = &race->other;
	for (n = 0; !atomic_load(&race->stop); n++) {
		if (ask(&dma, 40 + n % 8, 1 + n % 5))
			continue;
		if (dma_wait(&dma) == -ETIMEDOUT)
			atomic_store(&race->error, -ETIMEDOUT);
	}
	return NULL;
}

/* Devices that ask, threads that answer, and attachments that come and go. */
TEST_F(end, race)
{
	struct race race = { .self = self };
	struct sim *sim = &self->sim;
	struct race_clock clock = {};
	pthread_t threads[4];
	uint32_t plain;
	unsigned int i;

	ASSERT_EQ(0, iommu_hwpt_alloc(sim->fd, sim->engine.dev_id, sim->ioas,
				      0, &plain));
	ASSERT_EQ(0, sim_add(sim, "other", ATTRIBUTES, &race.other));
	ASSERT_EQ(0, vfio_attach(race.other.fd, self->hwpt, NULL));
	ASSERT_EQ(0, pthread_create(&threads[0], NULL, answer_all, &race));
	ASSERT_EQ(0, pthread_create(&threads[1], NULL, answer_all, &race));
	ASSERT_EQ(0, pthread_create(&threads[2], NULL, fault_for_ever, &race));
	ASSERT_EQ(0, pthread_create(&threads[3], NULL, fault_for_ever, &race));
	while (race_on(&clock, 300, atomic_load(&race.answered))) {
		i = clock.rounds - 1;
		if (i % 3 == 0)
			ASSERT_EQ(0, vfio_detach(sim->engine.fd));
		ASSERT_EQ(0, sim_attach(sim, i % 3 == 1 ? plain : self->hwpt));
		if (i % 10 == 0)
			usleep(2000);
	}
	atomic_store(&race.stop, true);
	pthread_join(threads[2], NULL);
	pthread_join(threads[3], NULL);
	atomic_store(&race.stop_answers, true);
	pthread_join(threads[0], NULL);
	pthread_join(threads[1], NULL);
	EXPECT_EQ(0, race.error);
	EXPECT_LT(0, race.answered);
	/* What is still there. */
	EXPECT_EQ(0, sim_remove("other", &race.other));
	ASSERT_EQ(0, vfio_detach(sim->engine.fd));
	EXPECT_EQ(0, nothing_to_read(self));
	ASSERT_EQ(0, sim_attach(sim, self->hwpt));
	expect_alive(_metadata, self);
}

/* Queues that are closed while requests come in. */
TEST_F(end, close_race)
{
	struct race race = { .self = self };
	struct sim *sim = &self->sim;
	pthread_t thread;
	int i;

	ASSERT_EQ(0, pthread_create(&thread, NULL, fault_for_ever, &race));
	for (i = 0; i < 50; i++) {
		struct iommu_hwpt_pgfault faults[MAX];
		struct fault_queue queue;
		uint32_t hwpt;

		ASSERT_EQ(0, fault_queue_open(sim->fd, &queue));
		ASSERT_EQ(0, sim_attach_fault(sim, queue.id, &hwpt));
		ASSERT_LE(0, fault_read_group(queue.fd, faults, MAX));
		close(queue.fd);
		ASSERT_EQ(0, sim_attach(sim, self->hwpt));
		ASSERT_EQ(0, iommu_destroy(sim->fd, hwpt));
		ASSERT_EQ(0, iommu_destroy(sim->fd, queue.id));
	}
	close(self->queue.fd);
	self->queue.fd = -1;
	atomic_store(&race.stop, true);
	pthread_join(thread, NULL);
	EXPECT_EQ(0, race.error);
}

SIM_HARNESS_MAIN
