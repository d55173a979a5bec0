// SPDX-License-Identifier: GPL-2.0-only
/*
 * IOMMUs of one driver that read page tables otherwise do not share them, and others do.
 */
#define _GNU_SOURCE
#include "iommu.h"
#include "kselftest_harness.h"
#include "sim.h"
#include "vfio.h"
#include "vtd.h"

/* Of VT-d's extended capabilities: tables are looked for in the caches of the CPU. */
#define ECAP_C (1ULL << 0)
#define ECAP_SMPWCS (1ULL << 48)

#define OTHER "other"

FIXTURE(format)
{
	struct sim sim;
	struct engine other;
	uint32_t hwpt;
};

FIXTURE_VARIANT(format)
{
	const char *attributes;
	uint64_t cap;
	uint64_t ecap;
	bool shares;
};

FIXTURE_VARIANT_ADD(format, same) { .attributes = "vtd=1", .shares = true };
FIXTURE_VARIANT_ADD(format, page_requests)
{
	.attributes = "vtd=1 pasid_bits=6 pri=1", .shares = true,
};
FIXTURE_VARIANT_ADD(format, without_caches)
{
	.attributes = "vtd=1", .ecap = ECAP_SMPWCS,
};
FIXTURE_VARIANT_ADD(format, without_caches_in_legacy_mode)
{
	.attributes = "vtd=1", .ecap = ECAP_C,
};
FIXTURE_VARIANT_ADD(format, three_levels)
{
	.attributes = "vtd=1 addr_bits=39",
};
FIXTURE_VARIANT_ADD(format, five_levels)
{
	.attributes = "vtd=1 addr_bits=57",
};
FIXTURE_VARIANT_ADD(format, small_pages)
{
	.attributes = "vtd=1 quirks=only_4k",
};
FIXTURE_VARIANT_ADD(format, no_first_stage_of_1g)
{
	.attributes = "vtd=1", .cap = VTD_CAP_FS1GP,
};

FIXTURE_SETUP(format)
{
	NEED_SIM;
	ASSERT_EQ(0, sim_open(&self->sim, "vtd=1"));
	ASSERT_EQ(0, vtd_create_without(OTHER, variant->attributes,
					variant->cap, variant->ecap));
	ASSERT_EQ(0, iosim_plug(OTHER));
	ASSERT_EQ(0, engine_open_name(&self->other, OTHER, self->sim.fd));
	ASSERT_EQ(0, vfio_attach(self->sim.engine.fd, self->sim.ioas,
				 &self->hwpt));
}

FIXTURE_TEARDOWN(format)
{
	EXPECT_EQ(0, sim_remove(OTHER, &self->other));
	EXPECT_EQ(0, sim_close(&self->sim));
}

TEST_F(format, to_an_ioas)
{
	struct sim_space space;
	uint32_t hwpt;

	ASSERT_EQ(0, vfio_attach(self->other.fd, self->sim.ioas, &hwpt));
	EXPECT_EQ(variant->shares, hwpt == self->hwpt);
	/* All by one space, however many page tables it has */
	ASSERT_EQ(0, sim_space_open(&self->sim, &space));
	ASSERT_EQ(0, vfio_attach(self->sim.engine.fd, space.ioas,
				 &self->hwpt));
	ASSERT_EQ(0, vfio_attach(self->other.fd, space.ioas, &hwpt));
	EXPECT_EQ(variant->shares, hwpt == self->hwpt);
	EXPECT_EQ(0, sim_space_check(&space, &self->sim.engine,
				     ENGINE_NO_PASID));
	EXPECT_EQ(0, sim_space_check(&space, &self->other, ENGINE_NO_PASID));
	ASSERT_EQ(0, iommu_ioas_unmap(self->sim.fd, space.ioas, SIM_AT,
				      SIM_SPACE_SIZE, NULL));
	EXPECT_NE(0, sim_space_check(&space, &self->sim.engine,
				     ENGINE_NO_PASID));
	EXPECT_NE(0, sim_space_check(&space, &self->other, ENGINE_NO_PASID));
}

TEST_F(format, to_a_page_table)
{
	uint32_t hwpt;

	ASSERT_EQ(0, iommu_hwpt_alloc(self->sim.fd, self->sim.engine.dev_id,
				      self->sim.ioas, 0, &hwpt));
	EXPECT_EQ(variant->shares ? 0 : -EINVAL,
		  vfio_attach(self->other.fd, hwpt, NULL));
}

SIM_HARNESS_MAIN
