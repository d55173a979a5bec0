// SPDX-License-Identifier: GPL-2.0-only
/*
 * DMA faults and page requests that the IOMMU driver reports from a thread of its own,
 * without a lock against who detaches the device, destroys what it was attached to, or
 * closes everything meanwhile. What the handler would touch then, KASAN sees.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "fault.h"
#include "iommu.h"
#include "kernel.h"
#include "module.h"
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

static bool has_risen(const char *counter, int64_t before)
{
	unsigned int ms;

	for (ms = 0; ms < ENGINE_WAIT_MS; ms += 10) {
		if (iosim_counter(SIM_NAME, counter) > before)
			return true;
		usleep(10000);
	}
	return false;
}

/* The report has come: whom it was for may be long gone. */
static bool has_come(int64_t before)
{
	return has_risen("late_reports", before);
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

/* Page requests ------------------------------------------------------------ */

#define V 0x7f0000000000ULL
#define SECOND "other"

FIXTURE(asked)
{
	struct sim sim;
	struct fault_queue queue;
	struct dma dma;
	uint32_t hwpt;
	int64_t reports;
};

FIXTURE_VARIANT(asked)
{
	uint32_t pasid;
};

FIXTURE_VARIANT_ADD(asked, rid) { };
FIXTURE_VARIANT_ADD(asked, pasid)
{
	.pasid = 3,
};

/* A page table with a queue for the engine, attached. */
static int attach_asked(const struct sim *sim, const struct engine *engine,
			uint32_t queue, uint32_t pasid, uint32_t *hwpt)
{
	int rc = iommu_hwpt_alloc_fault(sim->fd, engine->dev_id, sim->ioas, 0,
					queue, hwpt);

	if (!rc && pasid)
		rc = iommu_pasid_attach(sim->fd, engine->dev_id, pasid, *hwpt);
	else if (!rc)
		rc = vfio_attach(engine->fd, *hwpt, NULL);
	return rc;
}

/* When it is over, a request has been made, but hardly ever has anybody been told. */
FIXTURE_SETUP(asked)
{
	const struct iosim_desc poke = dma_desc_fill(V, 8, 1);
	struct sim *sim = &self->sim;

	NEED_SIM;
	ASSERT_EQ(0, sim_open(sim, "pasid_bits=6 pri=1 " LATE));
	ASSERT_EQ(0, fault_queue_open(sim->fd, &self->queue));
	ASSERT_EQ(0, attach_asked(sim, &sim->engine, self->queue.id,
				  variant->pasid, &self->hwpt));
	self->dma = sim_dma_pasid(sim, 0, variant->pasid ?: ENGINE_NO_PASID);
	self->dma.block = true;
	self->reports = iosim_counter(SIM_NAME, "late_reports");
	ASSERT_EQ(0, dma_start(&self->dma, &poke));
	ASSERT_TRUE(has_risen("page_requests", 0));
}

FIXTURE_TEARDOWN(asked)
{
	if (self->queue.fd >= 0)
		close(self->queue.fd);
	EXPECT_EQ(0, sim_close(&self->sim));
}

static int detach(const struct sim *sim, uint32_t pasid)
{
	if (pasid)
		return iommu_pasid_detach(sim->fd, sim->engine.dev_id, pasid);
	return vfio_detach(sim->engine.fd);
}

TEST_F(asked, attached)
{
	struct iommu_hwpt_pgfault fault;

	ASSERT_EQ(1, fault_read_group(self->queue.fd, &fault, 1));
	EXPECT_EQ(V, fault.addr);
	EXPECT_EQ(variant->pasid, fault.pasid);
	EXPECT_EQ(0, fault_respond(self->queue.fd, fault.cookie,
				   IOMMUFD_PAGE_RESP_INVALID));
	EXPECT_EQ(IOSIM_REASON_REQUEST_FAILED, dma_wait(&self->dma));
}

TEST_F(asked, detached)
{
	struct sim *sim = &self->sim;

	ASSERT_EQ(0, detach(sim, variant->pasid));
	EXPECT_EQ(0, iommu_destroy(sim->fd, self->hwpt));
	EXPECT_FALSE(fault_pending(self->queue.fd));
	close(self->queue.fd);
	self->queue.fd = -1;
	EXPECT_EQ(0, iommu_destroy(sim->fd, sim->ioas));
	EXPECT_TRUE(has_come(self->reports));
}

/* The queue of what it was attached to does not hear of it any more. */
TEST_F(asked, attached_elsewhere)
{
	struct sim *sim = &self->sim;
	struct sim_space space;

	ASSERT_EQ(0, sim_space_open(sim, &space));
	ASSERT_EQ(0, sim_move(sim, variant->pasid ?: ENGINE_NO_PASID,
			      space.ioas));
	EXPECT_EQ(0, iommu_destroy(sim->fd, self->hwpt));
	EXPECT_TRUE(has_come(self->reports));
	EXPECT_FALSE(fault_pending(self->queue.fd));
}

/*
 * A request that has been queued is answered when the device has been moved, and the device
 * tries again there, where nobody answers. When its page requests have been disabled, nobody
 * is reporting that either.
 */
TEST_F(asked, tries_again)
{
	struct sim *sim = &self->sim;
	struct sim_mover mover = {
		.sim = sim,
		.pasid = variant->pasid ?: ENGINE_NO_PASID,
	};
	struct sim_space space;
	pthread_t thread;

	if (!kernel_is_old())
		SKIP(return, "drivers disable page requests themselves");
	ASSERT_EQ(0, sim_space_open(sim, &space));
	mover.ioas = space.ioas;
	ASSERT_TRUE(has_come(self->reports));
	ASSERT_EQ(0, module_load(MODULE_DELAY,
				 "function=prq_disable held=1 ms=10000"));
	EXPECT_EQ(0, module_thread(&thread, sim_mover_run, &mover));
	module_wait(MODULE_DELAY, "hits");
	while (engine_read32(&sim->engine, IOSIM_REG_BUSY) &&
	       iosim_counter(SIM_NAME, "page_requests") == 1)
		usleep(1000);
	EXPECT_EQ(0, module_set_parameter(MODULE_DELAY, "held", 0));
	EXPECT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(iosim_counter(SIM_NAME, "page_requests"),
		  iosim_counter(SIM_NAME, "late_reports"));
	EXPECT_EQ(0, mover.rc);
	EXPECT_EQ(0, module_unload(MODULE_DELAY));
}

/* Nor does another device's, whose attachment the core knows by the same handle. */
TEST_F(asked, another_attached)
{
	struct fault_queue queue;
	struct sim *sim = &self->sim;
	struct engine other;
	uint32_t hwpt;

	ASSERT_EQ(0, sim_add(sim, SECOND, "pasid_bits=6 pri=1", &other));
	ASSERT_EQ(0, fault_queue_open(sim->fd, &queue));
	ASSERT_EQ(0, detach(sim, variant->pasid));
	EXPECT_EQ(0, iommu_destroy(sim->fd, self->hwpt));
	ASSERT_EQ(0, attach_asked(sim, &other, queue.id, variant->pasid, &hwpt));
	EXPECT_TRUE(has_come(self->reports));
	EXPECT_FALSE(fault_pending(self->queue.fd));
	EXPECT_FALSE(fault_pending(queue.fd));
	close(queue.fd);
	EXPECT_EQ(0, sim_remove(SECOND, &other));
}

TEST_F(asked, closed)
{
	struct sim *sim = &self->sim;

	close(self->queue.fd);
	self->queue.fd = -1;
	engine_close(&sim->engine);
	close(sim->fd);
	sim->fd = -1;
	EXPECT_TRUE(has_come(self->reports));
}

SIM_HARNESS_MAIN
