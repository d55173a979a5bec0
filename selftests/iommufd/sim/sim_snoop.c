// SPDX-License-Identifier: GPL-2.0-only
/*
 * DMA that asks to go past the caches of the CPU: where the IOMMU can forbid it, it
 * does; where it cannot, it is not said to.
 */
#define _GNU_SOURCE
#include "kselftest_harness.h"

#include "iommu.h"
#include "sim.h"
#include "vfio.h"

#define SECOND "other"
FIXTURE(snoop)
{
	struct sim sim;
	struct dma dma;
	struct engine other;
};

FIXTURE_SETUP(snoop)
{
	NEED_SIM;
	self->other.fd = self->other.irq = -1;
}

FIXTURE_TEARDOWN(snoop)
{
	EXPECT_EQ(0, sim_close(&self->sim));
}

/* A write that asks to go past the caches; how many have. */
static int64_t bypass(struct dma *dma, const char *name, uint64_t *word)
{
	struct iosim_desc desc = dma_desc_fill(SIM_AT, 8, 0xca54);
	int64_t before = iosim_counter(name, "nosnoop");
	int rc;

	desc.flags |= IOSIM_DESC_NO_SNOOP;
	*word = 0;
	rc = dma_run(dma, &desc);
	if (rc || *word != 0xca54)
		return -EIO;
	return iosim_counter(name, "nosnoop") - before;
}

TEST_F(snoop, enforced)
{
	struct sim *sim = &self->sim;

	ASSERT_EQ(0, sim_open(sim, ""));
	ASSERT_EQ(0, sim_attach(sim, sim->ioas));
	self->dma = sim_dma(sim, 0);
	EXPECT_EQ(0, bypass(&self->dma, SIM_NAME, (uint64_t *)sim->buf));
}

TEST_F(snoop, not_enforced)
{
	struct sim *sim = &self->sim;

	ASSERT_EQ(0, sim_open(sim, "quirks=no_coherency"));
	ASSERT_EQ(0, sim_attach(sim, sim->ioas));
	self->dma = sim_dma(sim, 0);
	EXPECT_EQ(1, bypass(&self->dma, SIM_NAME, (uint64_t *)sim->buf));
	/* What does not ask does not. */
	EXPECT_EQ(0, dma_check(&self->dma, SIM_AT, sim->buf));
	EXPECT_EQ(1, iosim_counter(SIM_NAME, "nosnoop"));
}

/* One IOAS, two devices, of which one can: it is not let off. */
TEST_F(snoop, beside_each_other)
{
	struct sim *sim = &self->sim;
	struct dma dma;

	ASSERT_EQ(0, sim_open(sim, ""));
	ASSERT_EQ(0, sim_add(sim, SECOND, "quirks=no_coherency", &self->other));
	ASSERT_EQ(0, vfio_attach(self->other.fd, sim->ioas, NULL));
	ASSERT_EQ(0, sim_attach(sim, sim->ioas));
	self->dma = dma = sim_dma(sim, 0);
	dma.engine = &self->other;
	EXPECT_EQ(1, bypass(&dma, SECOND, (uint64_t *)sim->buf));
	EXPECT_EQ(0, bypass(&self->dma, SIM_NAME, (uint64_t *)sim->buf));
	EXPECT_EQ(0, sim_remove(SECOND, &self->other));
}

SIM_HARNESS_MAIN
