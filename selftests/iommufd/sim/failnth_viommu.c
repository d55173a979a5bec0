// SPDX-License-Identifier: GPL-2.0-only
/*
 * As failnth.c, with vIOMMUs of the simulator, and what is made on them.
 */
#define _GNU_SOURCE
#include <unistd.h>

#include "iommu.h"
#include "mem.h"
#include "sim.h"
#include "vfio.h"
#include "walk.h"

#include "kselftest_harness.h"

#define PAGE SIM_PAGE
#define V 0x7f0000000000ULL
#define VIRTUAL 0xfedcba9876543210ULL

/* What the commands work on. */
struct ground {
	struct walk walk;
	struct sim sim;
	uint32_t dev;
	uint32_t parent;
	uint32_t viommu;
	uint32_t hwpt;
	uint64_t root;
	uint64_t ring;
	struct iosim_viommu data;
	uint32_t id;
	int queue;
};

static int ground_open(struct ground *ground)
{
	struct sim *sim = &ground->sim;
	int rc = sim_open(sim, "pasid_bits=6");

	ground->walk.fd = sim->fd;
	ground->dev = sim->engine.dev_id;
	if (!rc)
		rc = sim_parent_hwpt(sim, &ground->parent);
	if (!rc)
		rc = guest_viommu_with_page(sim->fd, ground->dev,
					    ground->parent, &ground->data,
					    &ground->viommu);
	if (rc)
		return rc;
	ground->root = sim_guest_root(sim);
	ground->ring = guest_table(&sim->guest);
	rc = guest_map(&sim->guest, ground->root, V, SIM_AT, PAGE, GUEST_4K,
		       GUEST_RW);
	if (!rc)
		rc = guest_hwpt(sim->fd, ground->dev, ground->viommu,
				ground->root, 0, &ground->hwpt);
	return rc ?: sim_attach(sim, ground->hwpt);
}

WALK_FIXTURE(viommu);

WALK_FIXTURE_SETUP(viommu, iosim_why_not(), ground_open(&self->ground),
		   sim_close(&self->ground.sim))

static int do_destroy(struct ground *ground)
{
	return iommu_destroy(ground->sim.fd, ground->id);
}

static int do_viommu(struct ground *ground)
{
	struct iosim_viommu data;

	return guest_viommu_with_page(ground->sim.fd, ground->dev,
				      ground->parent, &data, &ground->id);
}

static int do_hw_queue(struct ground *ground)
{
	return iommu_hw_queue_alloc(ground->sim.fd, ground->viommu,
				    IOSIM_HW_QUEUE_TYPE, 0, ground->ring, PAGE,
				    &ground->id);
}

static int do_hwpt(struct ground *ground)
{
	return guest_hwpt(ground->sim.fd, ground->dev, ground->viommu,
			  ground->root, 0, &ground->id);
}

static int do_vdevice(struct ground *ground)
{
	return iommu_vdevice_alloc(ground->sim.fd, ground->viommu, ground->dev,
				   VIRTUAL, &ground->id);
}

static int do_queue(struct ground *ground)
{
	return iommu_veventq_alloc(ground->sim.fd, ground->viommu,
				   IOSIM_VEVENT_FAULT, 16, &ground->id,
				   &ground->queue);
}

static int undo_queue(struct ground *ground)
{
	close(ground->queue);
	return do_destroy(ground);
}

static int do_read(struct ground *ground)
{
	char events[256];

	return read(ground->queue, events, sizeof(events)) < 0 ? -errno : 0;
}

static int do_invalidate(struct ground *ground)
{
	return guest_invalidate_viommu(ground->sim.fd, ground->viommu,
				       IOSIM_VIOMMU_DEVICE, VIRTUAL, 0,
				       UINT64_MAX);
}

TEST_F(viommu, alloc_and_destroy)
{
	static const struct step steps[] = {
		{ .command = do_viommu, .undo = do_destroy },
		{ .command = do_hwpt, .undo = do_destroy },
		{ .command = do_vdevice, .undo = do_destroy },
		{ .command = do_queue, .undo = undo_queue },
		{ .command = do_hw_queue, .undo = do_destroy },
	};
	static const struct step ends[] = {
		{ .command = do_destroy, .prepare = do_viommu,
		  .never_fails = true },
		{ .command = do_destroy, .prepare = do_hwpt,
		  .never_fails = true },
		{ .command = do_destroy, .prepare = do_vdevice,
		  .never_fails = true },
		{ .command = undo_queue, .prepare = do_queue,
		  .never_fails = true },
		{ .command = do_destroy, .prepare = do_hw_queue,
		  .never_fails = true },
	};
	unsigned int i;

	for (i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		EXPECT_WALK(&steps[i], 1);
	for (i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		EXPECT_WALK(&ends[i], 0);
}

TEST_F(viommu, use)
{
	static const struct step invalidate = { .command = do_invalidate };
	static const struct step read_events = {
		.command = do_read, .never_fails = true,
	};
	struct ground *ground = &self->ground;
	struct dma dma = sim_dma(&ground->sim, 0);

	ASSERT_EQ(0, do_vdevice(ground));
	EXPECT_WALK(&invalidate, 0);
	ASSERT_EQ(0, do_queue(ground));
	EXPECT_EQ(IOSIM_REASON_NOT_PRESENT, dma_poke(&dma, V + PAGE, 1));
	EXPECT_WALK(&read_events, 0);
	EXPECT_EQ(0, dma_check(&dma, V, ground->sim.buf));
	close(ground->queue);
}

SIM_HARNESS_MAIN
