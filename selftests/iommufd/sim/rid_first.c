// SPDX-License-Identifier: GPL-2.0-only
/*
 * A device whose IOMMU driver flushes what it keeps of a PASID's translations only if the
 * RID was attached before, and forgets that only if it still is, as VT-d's of Linux 6.12
 * with ATS: a PASID comes after the RID, keeps it where it is, and goes before it. A module
 * has the simulator's driver taken for such a one.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "iommu.h"
#include "kernel.h"
#include "module.h"
#include "race.h"
#include "reason.h"
#include "sim.h"
#include "vfio.h"

#define NEEDS "function=device_needs_rid answer=1 device=iosim-"
#define SECOND "other"
#define PASID 3
#define MANY 40U
#define ROUNDS 30

FIXTURE(rid)
{
	struct sim sim;
	struct sim_space space;
	uint32_t dev;
	bool loaded;
	bool stop;
	unsigned int attached;
	unsigned int refused;
};

typedef FIXTURE_DATA(rid) fixture;

FIXTURE_SETUP(rid)
{
	NEED_SIM;
	if (!kernel_is_old())
		SKIP(return, "no driver of this kernel does");
	ASSERT_EQ(0, sim_open(&self->sim, "pasid_bits=6"));
	self->dev = self->sim.engine.dev_id;
	ASSERT_EQ(0, sim_space_open(&self->sim, &self->space));
	ASSERT_EQ(0, module_load(MODULE_ANSWER, NEEDS SIM_NAME));
	self->loaded = true;
}

FIXTURE_TEARDOWN(rid)
{
	if (self->loaded) {
		EXPECT_EQ(0, module_unload(MODULE_ANSWER));
	}
	EXPECT_EQ(0, sim_close(&self->sim));
}

static int attach(const fixture *self, uint32_t pasid)
{
	return iommu_pasid_attach(self->sim.fd, self->dev, pasid,
				  self->space.ioas);
}

static int sees(const fixture *self, uint32_t pasid)
{
	return sim_space_check(&self->space, &self->sim.engine, pasid);
}

TEST_F(rid, comes_first)
{
	struct sim *sim = &self->sim;

	EXPECT_EQ(-ENODEV, attach(self, PASID));
	EXPECT_TRUE(reason_explains(sim->fd, ENODEV, "only while its RID is attached"));
	EXPECT_EQ(-ENODATA, sees(self, PASID));
	ASSERT_EQ(0, sim_attach(sim, sim->ioas));
	ASSERT_EQ(0, attach(self, PASID));
	EXPECT_EQ(0, sees(self, PASID));
}

/* And by detaching it nothing of the device is left. */
TEST_F(rid, goes_last)
{
	struct sim *sim = &self->sim;
	uint32_t pasid;

	ASSERT_EQ(0, sim_attach(sim, sim->ioas));
	for (pasid = 1; pasid <= MANY; pasid++)
		ASSERT_EQ(0, attach(self, pasid));
	ASSERT_EQ(0, vfio_detach(sim->engine.fd));
	for (pasid = 1; pasid <= MANY; pasid++) {
		EXPECT_EQ(-ENODATA, sees(self, pasid));
		EXPECT_EQ(-ENOENT, iommu_pasid_detach(sim->fd, self->dev, pasid));
	}
	EXPECT_EQ(-ENODEV, attach(self, PASID));
	ASSERT_EQ(0, sim_attach(sim, sim->ioas));
	ASSERT_EQ(0, attach(self, PASID));
	EXPECT_EQ(0, sees(self, PASID));
}

/* All of a group have a PASID that one of them has: only the other one needs the RID. */
TEST_F(rid, of_another)
{
	struct sim *sim = &self->sim;
	struct engine other;

	ASSERT_EQ(0, sim_add(sim, SECOND, "pasid_bits=6 group=" SIM_NAME, &other));
	EXPECT_EQ(-ENODEV, iommu_pasid_attach(sim->fd, other.dev_id, PASID,
					      self->space.ioas));
	ASSERT_EQ(0, vfio_attach(other.fd, sim->ioas, NULL));
	ASSERT_EQ(0, iommu_pasid_attach(sim->fd, other.dev_id, PASID,
					self->space.ioas));
	EXPECT_EQ(0, sees(self, PASID));
	ASSERT_EQ(0, vfio_detach(other.fd));
	EXPECT_EQ(-ENODATA, sees(self, PASID));
	EXPECT_EQ(-ENOENT, iommu_pasid_detach(sim->fd, other.dev_id, PASID));
	EXPECT_EQ(0, sim_remove(SECOND, &other));
}

/*
 * A move might fail, and the way back: then nothing would be attached that the PASID needs.
 * It goes on where it is attached.
 */
TEST_F(rid, stays)
{
	struct sim *sim = &self->sim;
	struct dma dma = sim_dma(sim, 0);
	uint32_t parent, nested, other;
	uint64_t root;

	ASSERT_EQ(0, sim_parent_hwpt(sim, &parent));
	ASSERT_EQ(0, sim_first_stage(sim, parent, &root, &nested));
	ASSERT_EQ(0, sim_attach(sim, sim->ioas));
	ASSERT_EQ(0, attach(self, PASID));
	EXPECT_EQ(-EBUSY, sim_attach(sim, nested));
	EXPECT_TRUE(reason_explains(sim->fd, EBUSY, "PASID 3"));
	EXPECT_EQ(0, sees(self, PASID));
	ASSERT_EQ(0, iommu_ioas_alloc(sim->fd, &other));
	EXPECT_EQ(-EBUSY, sim_attach(sim, other));
	EXPECT_EQ(-EBUSY, sim_attach(sim, parent));
	/* Here it is */
	EXPECT_EQ(0, sim_attach(sim, sim->ioas));
	EXPECT_EQ(0, dma_check(&dma, SIM_AT, sim->buf));
	EXPECT_EQ(0, sees(self, PASID));

	ASSERT_EQ(0, iommu_pasid_detach(sim->fd, self->dev, PASID));
	ASSERT_EQ(0, sim_attach(sim, other));
	ASSERT_EQ(0, sim_attach(sim, nested));
	EXPECT_EQ(-ENODEV, attach(self, PASID));
}

static void *attach_always(void *arg)
{
	fixture *self = arg;
	uint32_t pasid = 0;
	int rc;

	while (!__atomic_load_n(&self->stop, __ATOMIC_RELAXED)) {
		rc = attach(self, 1 + pasid++ % MANY);
		if (!rc)
			__atomic_add_fetch(&self->attached, 1, __ATOMIC_RELAXED);
		else if (rc == -ENODEV)
			__atomic_add_fetch(&self->refused, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

/* Who attaches PASIDs all the time does not keep the RID from being detached. */
TEST_F(rid, against_who_attaches)
{
	struct race_clock clock = {};
	struct sim *sim = &self->sim;
	unsigned int before;
	pthread_t thread;
	uint32_t pasid;

	ASSERT_EQ(0, pthread_create(&thread, NULL, attach_always, self));
	while (race_on(&clock, ROUNDS, self->refused)) {
		before = __atomic_load_n(&self->attached, __ATOMIC_RELAXED);
		EXPECT_EQ(0, sim_attach(sim, sim->ioas));
		while (__atomic_load_n(&self->attached, __ATOMIC_RELAXED) == before)
			usleep(1000);
		EXPECT_EQ(0, vfio_detach(sim->engine.fd));
		for (pasid = 1; pasid <= MANY; pasid++)
			EXPECT_EQ(-ENODATA, sees(self, pasid));
	}
	__atomic_store_n(&self->stop, true, __ATOMIC_RELAXED);
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_NE(0, self->refused);
}

SIM_HARNESS_MAIN
