// SPDX-License-Identifier: GPL-2.0-only
/*
 * The many ways in which a device with PASIDs attached can go. Nothing is left
 * behind by any: not the PASIDs, not the memory, not the owner of the group.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "child.h"
#include "iommu.h"
#include "mem.h"
#include "sim.h"
#include "vfio.h"

#define ATTRIBUTES "pasid_bits=6 pri=1"
#define NR_SPACES 3
#define LOAD (1 << 20)

/* An engine whose RID and PASIDs are attached, and which does DMA by all. */
struct busy {
	struct sim sim;
	struct sim_space space[NR_SPACES];
	bool load;
};

static int busy_start(struct busy *busy)
{
	struct iosim_desc desc = dma_desc_copy(SIM_AT, SIM_AT + LOAD, LOAD);
	struct sim *sim = &busy->sim;
	int i, rc;

	rc = sim_attach(sim, sim->ioas);
	for (i = 0; !rc && i < NR_SPACES; i++) {
		rc = sim_space_open(sim, &busy->space[i]);
		if (!rc)
			rc = iommu_pasid_attach(sim->fd, sim->engine.dev_id,
						i + 1, busy->space[i].ioas);
	}
	if (!rc)
		rc = iommu_pasid_attach(sim->fd, sim->engine.dev_id, 5,
					sim->ioas);
	desc.pasid = 5;
	for (i = 0; !rc && busy->load && i < 6; i++) {
		desc.flags = i % 2 ? IOSIM_DESC_PASID : 0;
		rc = engine_submit(&sim->engine, &desc);
	}
	return rc;
}

FIXTURE(end)
{
	struct busy busy;
};

FIXTURE_VARIANT(end)
{
	bool load;
};

FIXTURE_VARIANT_ADD(end, idle)
{
	.load = false,
};

FIXTURE_VARIANT_ADD(end, under_load)
{
	.load = true,
};

FIXTURE_SETUP(end)
{
	NEED_SIM;
	ASSERT_EQ(0, sim_open(&self->busy.sim, ATTRIBUTES));
	self->busy.load = variant->load;
}

/* Whatever has happened: the device can be had again, and nothing is attached. */
FIXTURE_TEARDOWN(end)
{
	struct sim *sim = &self->busy.sim;
	struct dma dma;
	uint32_t pasid;

	engine_close(&sim->engine);
	if (sim->fd < 0)
		sim->fd = iommu_open();
	ASSERT_EQ(0, engine_open_name(&sim->engine, SIM_NAME, sim->fd));
	for (pasid = 0; pasid <= 6; pasid++) {
		dma = sim_dma_pasid(sim, 0, pasid ? pasid : ENGINE_NO_PASID);
		EXPECT_EQ(-ENODATA, dma_poke(&dma, SIM_AT, 1));
		EXPECT_EQ(-ENOENT, iommu_pasid_detach(sim->fd,
						      sim->engine.dev_id,
						      pasid));
	}
	EXPECT_EQ(0, sim_close(sim));
}

TEST_F(end, close_the_device)
{
	struct busy *busy = &self->busy;
	int i;

	ASSERT_EQ(0, busy_start(busy));
	engine_close(&busy->sim.engine);
	/* Nobody uses them any more */
	for (i = 0; i < NR_SPACES; i++) {
		EXPECT_EQ(0, iommu_destroy(busy->sim.fd, busy->space[i].ioas));
	}
	EXPECT_EQ(0, iommu_destroy(busy->sim.fd, busy->sim.ioas));
	EXPECT_EQ(busy->sim.pinned, mem_wait_pinned(busy->sim.pinned));
}

/* The device keeps its address spaces when the descriptor of /dev/iommu goes. */
TEST_F(end, close_the_iommu)
{
	struct busy *busy = &self->busy;

	ASSERT_EQ(0, busy_start(busy));
	close(busy->sim.fd);
	busy->sim.fd = -1;
	EXPECT_EQ(0, sim_space_check(&busy->space[1], &busy->sim.engine, 2));
	engine_close(&busy->sim.engine);
	EXPECT_EQ(busy->sim.pinned, mem_wait_pinned(busy->sim.pinned));
}

TEST_F(end, detach_in_any_order)
{
	static const uint32_t order[] = { 2, 5, 1, 3 };
	struct busy *busy = &self->busy;
	struct sim *sim = &busy->sim;
	size_t i;

	ASSERT_EQ(0, busy_start(busy));
	ASSERT_EQ(0, iommu_pasid_detach(sim->fd, sim->engine.dev_id, order[0]));
	ASSERT_EQ(0, vfio_detach(sim->engine.fd));
	for (i = 1; i < ARRAY_SIZE(order); i++) {
		ASSERT_EQ(0, iommu_pasid_detach(sim->fd, sim->engine.dev_id,
						order[i]));
	}
	EXPECT_EQ(sim->pinned, mem_wait_pinned(sim->pinned));
}

/* In a process of its own, with a descriptor of its own. */
static void child_start(struct busy *busy)
{
	struct sim *sim = &busy->sim;

	close(sim->fd);
	sim->fd = iommu_open();
	CHILD_EQ(0, iommu_ioas_alloc(sim->fd, &sim->ioas));
	CHILD_EQ(0, iommu_map_fixed(sim->fd, sim->ioas, sim->buf, SIM_SIZE,
				    IOMMU_RW, SIM_AT));
	CHILD_EQ(0, engine_open_name(&sim->engine, SIM_NAME, sim->fd));
	CHILD_EQ(0, busy_start(busy));
}

static void just_exit(void *arg)
{
	child_start(arg);
}

TEST_F(end, exit)
{
	engine_close(&self->busy.sim.engine);
	EXPECT_EQ(0, child_run(just_exit, &self->busy));
}

static void be_killed(void *arg)
{
	child_start(arg);
	kill(getpid(), SIGKILL);
}

TEST_F(end, kill)
{
	int status;

	engine_close(&self->busy.sim.engine);
	status = child_run(be_killed, &self->busy);
	EXPECT_TRUE(WIFSIGNALED(status));
	EXPECT_EQ(SIGKILL, WTERMSIG(status));
}

static void *unplug(void *arg)
{
	return (void *)(intptr_t)iosim_unplug(arg);
}

/* Pulled out: it is gone as soon as its user lets go of it. */
TEST_F(end, unplug)
{
	struct busy *busy = &self->busy;
	void *result = (void *)1;
	pthread_t thread;

	ASSERT_EQ(0, busy_start(busy));
	ASSERT_EQ(0, pthread_create(&thread, NULL, unplug, SIM_NAME));
	engine_close(&busy->sim.engine);
	pthread_join(thread, &result);
	EXPECT_EQ(0, (intptr_t)result);
	ASSERT_EQ(0, iosim_plug(SIM_NAME));
}

/* Reset takes the work from it, not the address spaces. */
TEST_F(end, reset)
{
	struct busy *busy = &self->busy;
	int i;

	ASSERT_EQ(0, busy_start(busy));
	ASSERT_EQ(0, engine_reset(&busy->sim.engine));
	EXPECT_EQ(0, engine_read32(&busy->sim.engine, IOSIM_REG_BUSY));
	for (i = 0; i < NR_SPACES; i++) {
		EXPECT_EQ(0, sim_space_check(&busy->space[i],
					     &busy->sim.engine, i + 1));
	}
}

SIM_HARNESS_MAIN
