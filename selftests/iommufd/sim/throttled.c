// SPDX-License-Identifier: GPL-2.0-only
/*
 * A user who sets memory.high of his own cgroup does not keep a thread of the IOMMU driver
 * waiting, nor whoever waits for that: page requests are charged to the cgroup of their
 * queue's maker, in that thread.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "fault.h"
#include "file.h"
#include "iommu.h"
#include "mem.h"
#include "sim.h"
#include "vfio.h"

#define CGROUPS "/sys/fs/cgroup"
#define HOSTILE CGROUPS "/hostile"
#define VICTIM CGROUPS "/victim"
#define MISSING 0x80000000ULL
#define PAGES 1024U
/*
 * Of asking and being asked. Nothing here takes so long by itself; who is slowed down, two
 * seconds.
 */
#define LONG_MS 1500
/* Who is slowed down is so in every second round. */
#define ROUNDS (mem_debug_kernel() ? 8U : 40U)

FIXTURE(throttled)
{
	struct sim sim;
	struct dma dma;
	struct fault_queue queue;
	uint32_t hwpt;
	char *own;
};

typedef FIXTURE_DATA(throttled) fixture;

static long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int join(const char *cgroup)
{
	char path[80];

	snprintf(path, sizeof(path), "%s/cgroup.procs", cgroup);
	return file_write(path, "0");
}

FIXTURE_SETUP(throttled)
{
	struct sim *sim = &self->sim;

	NEED_SIM;
	if (file_write(CGROUPS "/cgroup.subtree_control", "+memory"))
		SKIP(return, "no memory cgroups");
	mkdir(HOSTILE, 0755);
	mkdir(VICTIM, 0755);
	ASSERT_EQ(0, file_write(HOSTILE "/memory.high", "max"));
	ASSERT_EQ(0, sim_open(sim, "pri=1 prq_size=1024"));
	/* The maker of the queue is in a cgroup of his own. */
	ASSERT_EQ(0, join(HOSTILE));
	ASSERT_EQ(0, fault_queue_open(sim->fd, &self->queue));
	ASSERT_EQ(0, join(VICTIM));
	ASSERT_EQ(0, sim_attach_fault(sim, self->queue.id, &self->hwpt));
	self->dma = sim_dma(sim, 0);
	self->dma.block = true;
	self->own = mmap(NULL, 256 * SIM_PAGE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

FIXTURE_TEARDOWN(throttled)
{
	file_write(HOSTILE "/memory.high", "max");
	if (self->queue.fd >= 0)
		close(self->queue.fd);
	EXPECT_EQ(0, sim_close(&self->sim));
	join(CGROUPS);
	rmdir(HOSTILE);
	rmdir(VICTIM);
}

/* What this CPU has in stock for the other cgroup goes. */
static void charge_own(const fixture *self)
{
	madvise(self->own, 256 * SIM_PAGE, MADV_DONTNEED);
	memset(self->own, 1, 256 * SIM_PAGE);
}

static int ask(struct dma *dma)
{
	struct iosim_desc desc = {
		.op = IOSIM_OP_PREFETCH,
		.flags = IOSIM_DESC_WRITE,
		.src = MISSING,
		.length = PAGES * SIM_PAGE,
	};

	return dma_start(dma, &desc);
}

/* How long the worst of some groups took to arrive, in ms, or -errno. */
static long worst_arrival(fixture *self)
{
	static struct iommu_hwpt_pgfault faults[PAGES];
	long worst = 0;
	unsigned int i;

	for (i = 0; i < ROUNDS; i++) {
		long begin, took;
		int n;

		charge_own(self);
		begin = now_ms();
		if (ask(&self->dma))
			return -EIO;
		n = fault_read_group(self->queue.fd, faults, PAGES);
		took = now_ms() - begin;
		if (n < 0)
			return n;
		worst = took > worst ? took : worst;
		if (fault_respond(self->queue.fd, faults[0].cookie,
				  IOMMUFD_PAGE_RESP_INVALID))
			return -EPROTO;
		dma_wait(&self->dma);
	}
	return worst;
}

TEST_F(throttled, reports_are_not)
{
	long before = worst_arrival(self), after;

	ASSERT_LE(0, before);
	ASSERT_EQ(0, file_write(HOSTILE "/memory.high", "0"));
	after = worst_arrival(self);
	TH_LOG("the worst of %u groups: %ld ms, with memory.high=0 %ld ms",
	       ROUNDS, before, after);
	ASSERT_LE(0, after);
	EXPECT_GT(LONG_MS, after);
}

static void *detach(void *arg)
{
	fixture *self = arg;
	long begin = now_ms();

	vfio_detach(self->sim.engine.fd);
	return (void *)(now_ms() - begin);
}

/* Who detaches holds VFIO's lock, that of the group, and the address space's. */
TEST_F(throttled, detach_does_not_wait)
{
	static struct iommu_hwpt_pgfault faults[PAGES];
	long worst = 0;
	unsigned int i;

	ASSERT_EQ(0, file_write(HOSTILE "/memory.high", "0"));
	for (i = 0; i < ROUNDS && worst < LONG_MS; i++) {
		pthread_t thread;
		void *took;

		charge_own(self);
		ASSERT_EQ(0, ask(&self->dma));
		usleep(100000);
		ASSERT_EQ(0, pthread_create(&thread, NULL, detach, self));
		pthread_join(thread, &took);
		worst = (long)took > worst ? (long)took : worst;
		while (fault_pending(self->queue.fd))
			fault_read(self->queue.fd, faults, PAGES);
		dma_wait(&self->dma);
		ASSERT_EQ(0, sim_attach(&self->sim, self->hwpt));
	}
	TH_LOG("the worst of %u detaches: %ld ms", i, worst);
	EXPECT_GT(LONG_MS, worst);
}

SIM_HARNESS_MAIN
