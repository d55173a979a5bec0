// SPDX-License-Identifier: GPL-2.0-only
/*
 * A device that is moved to a page table which can only be filled when it is there, and
 * cannot: it goes back to where it was, whatever others have done meanwhile.
 */
#define _GNU_SOURCE
#include <pthread.h>

#include <linux/ioasid_netlink.h>

#include "kselftest_harness.h"

#include "genl.h"
#include "iommu.h"
#include "module.h"
#include "sim.h"
#include "vfio.h"

#define PAGE SIM_PAGE
/* The device cannot translate this page; elsewhere it can be mapped. */
#define RESERVED 0x50000000ULL
#define ATTRIBUTES "pasid_bits=6 quirks=complete_late reserved=50000000-50000fff"
/* It is there, and nothing is filled yet. */
#define FILLING "function=iommufd_hwpt_fill held=1 ms=10000"

/* @other: where it is to be moved */
FIXTURE(back)
{
	struct sim sim;
	struct sim_space other;
	struct dma dma;
	bool delayed;
};

FIXTURE_VARIANT(back)
{
	uint32_t pasid;
};

FIXTURE_VARIANT_ADD(back, rid)
{
	.pasid = ENGINE_NO_PASID,
};

FIXTURE_VARIANT_ADD(back, pasid)
{
	.pasid = 3,
};

FIXTURE_SETUP(back)
{
	struct sim *sim = &self->sim;

	NEED_SIM;
	ASSERT_EQ(0, sim_open(sim, ATTRIBUTES));
	ASSERT_EQ(0, sim_space_open(sim, &self->other));
	ASSERT_EQ(0, sim_move(sim, variant->pasid, sim->ioas));
	self->dma = sim_dma_pasid(sim, 0, variant->pasid);
	ASSERT_EQ(0, dma_check(&self->dma, SIM_AT, sim->buf));
}

FIXTURE_TEARDOWN(back)
{
	if (self->delayed) {
		EXPECT_EQ(0, module_unload(MODULE_DELAY));
	}
	EXPECT_EQ(0, sim_close(&self->sim));
}

/* The driver maps nothing until this is set to 0 again. */
static int set_map_fail(const char *value)
{
	return iosim_set(SIM_NAME, "map_fail", value);
}

TEST_F(back, and_forth)
{
	struct sim *sim = &self->sim;

	ASSERT_EQ(0, set_map_fail("1"));
	EXPECT_EQ(-ENOMEM, sim_move(sim, variant->pasid, self->other.ioas));
	EXPECT_EQ(0, dma_check(&self->dma, SIM_AT, sim->buf));
	EXPECT_EQ(-EINVAL, iommu_map_fixed(sim->fd, sim->ioas, sim->buf, PAGE,
					   IOMMU_RW, RESERVED));
	ASSERT_EQ(0, set_map_fail("0"));
	/* The other one has nothing of it left */
	ASSERT_EQ(0, iommu_map_fixed(sim->fd, self->other.ioas, sim->buf, PAGE,
				     IOMMU_RW, RESERVED));
	ASSERT_EQ(0, iommu_ioas_unmap(sim->fd, self->other.ioas, RESERVED, PAGE,
				      NULL));
	EXPECT_EQ(0, sim_move(sim, variant->pasid, self->other.ioas));
	EXPECT_EQ(0, sim_space_check(&self->other, &sim->engine,
				     variant->pasid));
	EXPECT_EQ(0, iommu_map_fixed(sim->fd, sim->ioas, sim->buf, PAGE,
				     IOMMU_RW, RESERVED));
}

/* The sum of what netlink tells. */
static int64_t told(int cmd, int attr)
{
	struct genl_rows rows;
	int rc = genl_fetch(IOASID_FAMILY_NAME, cmd, &rows);
	int64_t nr = 0;
	unsigned int i;

	for (i = 0; !rc && i < rows.nr; i++)
		nr += genl_value(genl_attr(genl_row(&rows, i), attr));
	genl_free(&rows);
	return rc ?: nr;
}

/* Nobody can map where it could not go back to, and it is seen in one place only. */
TEST_F(back, while_others_map)
{
	struct sim *sim = &self->sim;
	struct sim_mover mover = {
		.sim = sim,
		.pasid = variant->pasid,
		.ioas = self->other.ioas,
	};
	pthread_t thread;

	ASSERT_EQ(0, module_load(MODULE_DELAY, FILLING));
	self->delayed = true;
	ASSERT_EQ(0, module_thread(&thread, sim_mover_run, &mover));
	module_wait(MODULE_DELAY, "hits");
	EXPECT_EQ(1, told(IOASID_CMD_DEVICE_GET, IOASID_A_DEVICE_ATTACHMENTS));
	EXPECT_EQ(1, told(IOASID_CMD_SPACE_GET, IOASID_A_SPACE_ATTACHED));
	EXPECT_EQ(-EINVAL, iommu_map_fixed(sim->fd, sim->ioas, sim->buf, PAGE,
					   IOMMU_RW, RESERVED));
	ASSERT_EQ(0, set_map_fail("1"));
	ASSERT_EQ(0, module_set_parameter(MODULE_DELAY, "held", 0));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(-ENOMEM, mover.rc);
	ASSERT_EQ(0, set_map_fail("0"));
	EXPECT_EQ(0, dma_check(&self->dma, SIM_AT, sim->buf));
}

SIM_HARNESS_MAIN
