// SPDX-License-Identifier: GPL-2.0-only
/*
 * DMA faults that the IOMMU driver reports from a thread of its own, as AMD-Vi's does,
 * without a lock against who detaches the device, destroys what it was attached to, or
 * closes everything meanwhile. What the handler would touch then, KASAN sees.
 */
#define _GNU_SOURCE
#include <unistd.h>

#include "kselftest_harness.h"

#include "fault.h"
#include "iommu.h"
#include "sim.h"
#include "vfio.h"

#define NOWHERE 0x20000000ULL
#define LATE "fault_thread=500"

FIXTURE(late)
{
	struct sim sim;
	struct dma dma;
	int64_t reports;
	int queue;
};

FIXTURE_SETUP(late)
{
	struct sim *sim = &self->sim;

	NEED_SIM;
	ASSERT_EQ(0, sim_open(sim, LATE));
	ASSERT_EQ(0, iommu_eventq_alloc(sim->fd, 0, 0, NULL, &self->queue));
	ASSERT_EQ(0, sim_attach(sim, sim->ioas));
	self->dma = sim_dma(sim, 0);
	self->reports = iosim_counter(SIM_NAME, "late_reports");
	EXPECT_EQ(IOSIM_REASON_NOT_PRESENT, dma_poke(&self->dma, NOWHERE, 1));
}

FIXTURE_TEARDOWN(late)
{
	EXPECT_EQ(0, sim_close(&self->sim));
}

/* The report has come: whom it was for may be long gone. */
static bool has_come(int64_t before)
{
	unsigned int ms;

	for (ms = 0; ms < ENGINE_WAIT_MS; ms += 10) {
		if (iosim_counter(SIM_NAME, "late_reports") > before)
			return true;
		usleep(10000);
	}
	return false;
}

TEST_F(late, attached)
{
	struct ioasid_event event;

	ASSERT_EQ(0, event_read(self->queue, &event));
	EXPECT_EQ(IOASID_EVENT_DMA_FAULT, event.type);
	EXPECT_EQ(NOWHERE, event.iova);
	EXPECT_EQ(self->sim.engine.dev_id, event.dev_id);
	EXPECT_TRUE(has_come(self->reports));
}

TEST_F(late, detached)
{
	struct sim *sim = &self->sim;

	ASSERT_EQ(0, vfio_detach(sim->engine.fd));
	EXPECT_EQ(0, iommu_destroy(sim->fd, sim->ioas));
	EXPECT_TRUE(has_come(self->reports));
}

/* The fault of one page table is not told of the next one. */
TEST_F(late, attached_elsewhere)
{
	struct sim *sim = &self->sim;
	struct ioasid_event event;
	struct sim_space space;

	ASSERT_EQ(0, sim_space_open(sim, &space));
	ASSERT_EQ(0, sim_attach(sim, space.ioas));
	EXPECT_TRUE(has_come(self->reports));
	if (fault_pending(self->queue)) {
		ASSERT_EQ(0, event_read(self->queue, &event));
		EXPECT_EQ(sim->ioas, event.ioas_id);
	}
}

TEST_F(late, closed)
{
	struct sim *sim = &self->sim;

	close(self->queue);
	engine_close(&sim->engine);
	close(sim->fd);
	sim->fd = -1;
	EXPECT_TRUE(has_come(self->reports));
}

/* Even the device: removing it waits, nobody else does. */
TEST_F(late, removed)
{
	struct sim *sim = &self->sim;

	close(self->queue);
	engine_close(&sim->engine);
	close(sim->fd);
	sim->fd = -1;
	EXPECT_EQ(0, iosim_unplug(SIM_NAME));
	EXPECT_EQ(0, iosim_plug(SIM_NAME));
}

SIM_HARNESS_MAIN
