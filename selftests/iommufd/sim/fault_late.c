// SPDX-License-Identifier: GPL-2.0-only
/*
 * An IOMMU driver that lets a device make page requests only while its RID is attached, as
 * VT-d's of Linux 6.12.
 */
#define _GNU_SOURCE
#include <unistd.h>

#include "kselftest_harness.h"

#include "fault.h"
#include "iommu.h"
#include "kernel.h"
#include "reason.h"
#include "sim.h"
#include "vfio.h"
#include "vtd.h"

#define PAGE SIM_PAGE
#define MISSING 0x80000000ULL
#define ATTRIBUTES "pasid_bits=6 pri=1 vtd=1 quirks=pri_attached"
#define PASID 3

/* @hwpt: with the queue */
FIXTURE(late)
{
	struct sim sim;
	struct fault_queue queue;
	uint32_t hwpt;
};

typedef FIXTURE_DATA(late) fixture;

FIXTURE_SETUP(late)
{
	struct sim *sim = &self->sim;

	NEED_SIM;
	if (!kernel_is_old())
		SKIP(return, "the IOMMU driver enables page requests itself");
	ASSERT_EQ(0, sim_open(sim, ATTRIBUTES));
	ASSERT_EQ(0, fault_queue_open(sim->fd, &self->queue));
	ASSERT_EQ(0, iommu_hwpt_alloc_fault(sim->fd, sim->engine.dev_id,
					    sim->ioas, 0, self->queue.id,
					    &self->hwpt));
}

FIXTURE_TEARDOWN(late)
{
	close(self->queue.fd);
	EXPECT_EQ(0, sim_close(&self->sim));
}

/* Have it ask for a page, and get it. */
static int ask(const fixture *self, uint32_t pasid)
{
	struct iosim_desc desc = dma_desc_fill(MISSING, 8, 1);
	struct dma dma = sim_dma_pasid(&self->sim, 0, pasid);
	const struct sim *sim = &self->sim;
	struct iommu_hwpt_pgfault fault;
	int rc;

	dma.block = true;
	rc = dma_start(&dma, &desc);
	if (rc)
		return rc;
	rc = fault_read_group(self->queue.fd, &fault, 1);
	if (rc != 1)
		return rc ?: -ENODATA;
	rc = iommu_map_fixed(sim->fd, sim->ioas, sim->buf, PAGE, IOMMU_RW,
			     MISSING) ?:
	     fault_respond(self->queue.fd, fault.cookie,
			   IOMMUFD_PAGE_RESP_SUCCESS) ?:
	     dma_wait(&dma);
	return rc ?: iommu_ioas_unmap(sim->fd, sim->ioas, MISSING, PAGE, NULL);
}

/* That the driver says nothing before is no answer for ever. */
TEST_F(late, told)
{
	struct sim *sim = &self->sim;

	EXPECT_TRUE(fault_is_told(sim->fd, sim->engine.dev_id));
	ASSERT_EQ(0, sim_attach(sim, sim->ioas));
	EXPECT_TRUE(fault_is_told(sim->fd, sim->engine.dev_id));
	ASSERT_EQ(0, vfio_detach(sim->engine.fd));
	EXPECT_TRUE(fault_is_told(sim->fd, sim->engine.dev_id));
}

TEST_F(late, attach)
{
	struct sim *sim = &self->sim;
	int i;

	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, sim_attach(sim, self->hwpt));
		EXPECT_EQ(0, ask(self, ENGINE_NO_PASID));
		/* There, and back */
		ASSERT_EQ(0, sim_attach(sim, sim->ioas));
		EXPECT_FALSE(fault_pending(self->queue.fd));
		ASSERT_EQ(0, sim_attach(sim, self->hwpt));
		EXPECT_EQ(0, ask(self, ENGINE_NO_PASID));
		ASSERT_EQ(0, vfio_detach(sim->engine.fd));
	}
	EXPECT_EQ(0, iommu_destroy(sim->fd, self->hwpt));
}

/* It has been attached, and is not any more. */
TEST_F(late, attach_fails)
{
	struct sim *sim = &self->sim;

	ASSERT_EQ(0, iosim_set(SIM_NAME, "pri_busy", "1"));
	EXPECT_EQ(-EBUSY, sim_attach(sim, self->hwpt));
	EXPECT_TRUE(reason_explains(sim->fd, EBUSY, "has not ended yet"));
	EXPECT_EQ(0, iommu_destroy(sim->fd, self->hwpt));
	ASSERT_EQ(0, sim_attach(sim, sim->ioas));
}

TEST_F(late, pasid)
{
	struct sim *sim = &self->sim;
	uint32_t dev = sim->engine.dev_id;

	EXPECT_EQ(-ENODEV, iommu_pasid_attach(sim->fd, dev, PASID, self->hwpt));
	EXPECT_TRUE(reason_explains(sim->fd, ENODEV,
				    "only while its RID is attached"));
	ASSERT_EQ(0, sim_attach(sim, sim->ioas));
	ASSERT_EQ(0, iommu_pasid_attach(sim->fd, dev, PASID, self->hwpt));
	EXPECT_EQ(0, ask(self, PASID));
	/* The RID may go: its page requests stay enabled. */
	ASSERT_EQ(0, vfio_detach(sim->engine.fd));
	ASSERT_EQ(0, sim_attach(sim, self->hwpt));
	EXPECT_EQ(0, ask(self, ENGINE_NO_PASID));
	EXPECT_EQ(0, iommu_pasid_detach(sim->fd, dev, PASID));
	EXPECT_EQ(0, ask(self, ENGINE_NO_PASID));
}

/* One that cannot at all, since its IOMMU takes none. */
TEST(none)
{
	struct fault_queue queue;
	struct engine other;
	uint32_t hwpt;
	struct sim sim;

	NEED_SIM;
	ASSERT_EQ(0, sim_open(&sim, ATTRIBUTES));
	ASSERT_EQ(0, sim_add(&sim, "other",
			     "pasid_bits=6 vtd=1 quirks=pri_attached", &other));
	ASSERT_EQ(0, fault_queue_open(sim.fd, &queue));
	ASSERT_EQ(0, iommu_hwpt_alloc_fault(sim.fd, sim.engine.dev_id, sim.ioas,
					    0, queue.id, &hwpt));
	EXPECT_FALSE(fault_is_told(sim.fd, other.dev_id));
	EXPECT_EQ(-ENODEV, vfio_attach(other.fd, hwpt, NULL));
	EXPECT_TRUE(!kernel_is_old() ||
		    reason_explains(sim.fd, ENODEV, "it makes no page requests"));
	close(queue.fd);
	ASSERT_EQ(0, sim_remove("other", &other));
	EXPECT_EQ(0, sim_close(&sim));
}

/* Nor if its IOMMU cannot drain them. */
TEST(not_drained)
{
	struct sim sim;

	NEED_SIM;
	ASSERT_EQ(0, vtd_open_without(&sim, ATTRIBUTES, 0, VTD_ECAP_PDS));
	EXPECT_FALSE(fault_is_told(sim.fd, sim.engine.dev_id));
	EXPECT_EQ(0, sim_close(&sim));
}

SIM_HARNESS_MAIN
