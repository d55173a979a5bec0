// SPDX-License-Identifier: GPL-2.0-only
/*
 * Virtual devices: a device of the simulator is invalidated by how the guest calls it, and
 * by nothing else; and what is left when the device goes first.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "edu.h"
#include "hold.h"
#include "iommu.h"
#include "mem.h"
#include "race.h"
#include "reason.h"
#include "sim.h"
#include "vfio.h"

#define PAGE SIM_PAGE
#define V 0x7f0000000000ULL
#define NO_SUCH_ID 0x7fffff00
#define OTHER "other"
#define VIRTUAL 0x99ULL
#define LARGE 0xfedcba9876543210ULL
#define EVERYTHING 0, UINT64_MAX
#define WAIT_MS 30000

#define SAYS(error, part, call)	EXPECT_REFUSED(self->fd, error, part, call)

/* Two devices that are attached to one first stage on a vIOMMU. */
FIXTURE(vdevice)
{
	struct sim sim;
	struct engine other;
	int fd;
	uint32_t dev;
	uint32_t parent;
	uint32_t viommu;
	uint32_t hwpt;
	uint64_t root;
	struct dma dma;
	struct dma other_dma;
	uint64_t *words;
};

FIXTURE_SETUP(vdevice)
{
	struct sim *sim = &self->sim;

	NEED_SIM;
	ASSERT_EQ(0, sim_open(sim, ""));
	self->fd = sim->fd;
	self->dev = sim->engine.dev_id;
	ASSERT_EQ(0, sim_add(sim, OTHER, "", &self->other));
	ASSERT_EQ(0, sim_parent_hwpt(sim, &self->parent));
	ASSERT_EQ(0, guest_viommu(self->fd, self->dev, self->parent,
				  &self->viommu));
	ASSERT_EQ(0, sim_first_stage(sim, self->viommu, &self->root,
				     &self->hwpt));
	ASSERT_EQ(0, guest_map(&sim->guest, self->root, V, SIM_AT, PAGE,
			       GUEST_4K, GUEST_RW));
	ASSERT_EQ(0, sim_attach(sim, self->hwpt));
	ASSERT_EQ(0, vfio_attach(self->other.fd, self->hwpt, NULL));
	self->dma = sim_dma(sim, 0);
	self->other_dma = sim_dma(sim, 1);
	self->other_dma.engine = &self->other;
	self->words = (uint64_t *)sim->buf;
	self->words[0] = 100;
	self->words[PAGE / 8] = 101;
}

FIXTURE_TEARDOWN(vdevice)
{
	engine_close(&self->other);
	iosim_destroy(OTHER);
	EXPECT_EQ(0, sim_close(&self->sim));
}

/* Both have cached what is not so any more. */
static bool make_stale(FIXTURE_DATA(vdevice) *self)
{
	struct guest *guest = &self->sim.guest;
	uint64_t one = 0, other = 0;

	if (guest_map(guest, self->root, V, SIM_AT, PAGE, GUEST_4K, GUEST_RW) ||
	    guest_invalidate(self->fd, self->hwpt, EVERYTHING) ||
	    dma_peek(&self->dma, V, &one) ||
	    dma_peek(&self->other_dma, V, &other) || one != 100 ||
	    other != 100)
		return false;
	return !guest_map(guest, self->root, V, SIM_AT + PAGE, PAGE, GUEST_4K,
			  GUEST_RW);
}

/* Does it see what is so now? */
static bool is_fresh(struct dma *dma)
{
	uint64_t seen = 0;

	return !dma_peek(dma, V, &seen) && seen == 101;
}

static int invalidate(FIXTURE_DATA(vdevice) *self, uint64_t virt_id,
		      uint64_t iova, uint64_t length)
{
	return guest_invalidate_viommu(self->fd, self->viommu,
				       IOSIM_VIOMMU_DEVICE, virt_id, iova,
				       length);
}

/* By the virtual ID one of the two forgets, and the other does not. */
TEST_F(vdevice, invalidate)
{
	uint32_t one, other;

	ASSERT_EQ(0, iommu_vdevice_alloc(self->fd, self->viommu, self->dev,
					 VIRTUAL, &one));
	ASSERT_EQ(0, iommu_vdevice_alloc(self->fd, self->viommu,
					 self->other.dev_id, LARGE, &other));
	EXPECT_NE(one, other);
	ASSERT_TRUE(make_stale(self));
	EXPECT_EQ(0, invalidate(self, VIRTUAL, V + PAGE, PAGE));
	EXPECT_FALSE(is_fresh(&self->dma));
	EXPECT_EQ(0, invalidate(self, VIRTUAL, V, PAGE));
	EXPECT_TRUE(is_fresh(&self->dma));
	EXPECT_FALSE(is_fresh(&self->other_dma));
	EXPECT_EQ(0, invalidate(self, LARGE, EVERYTHING));
	EXPECT_TRUE(is_fresh(&self->other_dma));
	ASSERT_TRUE(make_stale(self));
	EXPECT_EQ(0, invalidate(self, LARGE, EVERYTHING));
	EXPECT_FALSE(is_fresh(&self->dma));
	EXPECT_TRUE(is_fresh(&self->other_dma));
}

/* A device that is called so on another vIOMMU is not found by this one. */
TEST_F(vdevice, of_another_viommu)
{
	uint32_t viommu, id;

	ASSERT_EQ(0, guest_viommu(self->fd, self->dev, self->parent, &viommu));
	ASSERT_EQ(0, iommu_vdevice_alloc(self->fd, viommu, self->dev, VIRTUAL,
					 &id));
	ASSERT_TRUE(make_stale(self));
	EXPECT_EQ(-EINVAL, invalidate(self, VIRTUAL, EVERYTHING));
	EXPECT_FALSE(is_fresh(&self->dma));
	/* That one finds it, but has no page table that it is attached to */
	EXPECT_EQ(0, guest_invalidate_viommu(self->fd, viommu,
					     IOSIM_VIOMMU_DEVICE, VIRTUAL,
					     EVERYTHING));
	EXPECT_FALSE(is_fresh(&self->dma));
}

TEST_F(vdevice, unknown)
{
	uint32_t id;

	EXPECT_EQ(-EINVAL, invalidate(self, VIRTUAL, EVERYTHING));
	ASSERT_EQ(0, iommu_vdevice_alloc(self->fd, self->viommu, self->dev,
					 VIRTUAL, &id));
	EXPECT_EQ(0, invalidate(self, VIRTUAL, EVERYTHING));
	EXPECT_EQ(-EINVAL, invalidate(self, 0, EVERYTHING));
	EXPECT_EQ(-EINVAL, invalidate(self, VIRTUAL | 1ULL << 32, EVERYTHING));
	ASSERT_EQ(0, iommu_destroy(self->fd, id));
	EXPECT_EQ(-EINVAL, invalidate(self, VIRTUAL, EVERYTHING));
}

TEST_F(vdevice, wrong_arguments)
{
	uint32_t id, again, other;

	EXPECT_EQ(-ENOENT, iommu_vdevice_alloc(self->fd, NO_SUCH_ID, self->dev,
					       VIRTUAL, &id));
	EXPECT_EQ(-ENOENT, iommu_vdevice_alloc(self->fd, self->parent,
					       self->dev, VIRTUAL, &id));
	EXPECT_EQ(-ENOENT, iommu_vdevice_alloc(self->fd, self->viommu,
					       NO_SUCH_ID, VIRTUAL, &id));
	EXPECT_EQ(-ENOENT, iommu_vdevice_alloc(self->fd, self->viommu,
					       self->viommu, VIRTUAL, &id));
	ASSERT_EQ(0, iommu_vdevice_alloc(self->fd, self->viommu, self->dev,
					 VIRTUAL, &id));
	SAYS(EEXIST, "is virtual device",
	     iommu_vdevice_alloc(self->fd, self->viommu, self->dev, 1,
				 &again));
	SAYS(EEXIST, "by the virtual ID 0x99",
	     iommu_vdevice_alloc(self->fd, self->viommu, self->other.dev_id,
				 VIRTUAL, &again));
	/* Nothing of those is left */
	EXPECT_EQ(-EINVAL, invalidate(self, 1, EVERYTHING));
	ASSERT_EQ(0, iommu_destroy(self->fd, id));
	EXPECT_EQ(-ENOENT, iommu_destroy(self->fd, id));
	ASSERT_EQ(0, iommu_vdevice_alloc(self->fd, self->viommu,
					 self->other.dev_id, VIRTUAL, &other));
	ASSERT_EQ(0, iommu_vdevice_alloc(self->fd, self->viommu, self->dev, 1,
					 &id));
	SAYS(EBUSY, "uses it", iommu_destroy(self->fd, self->viommu));
}

/* Isolation ---------------------------------------------------------------- */

TEST_F(vdevice, behind_another_iommu)
{
	struct engine vtd;
	struct vfio_pci pci;
	struct edu edu;
	uint32_t id;

	ASSERT_EQ(0, sim_add(&self->sim, "vtd", "vtd=1", &vtd));
	EXPECT_EQ(-EINVAL, iommu_vdevice_alloc(self->fd, self->viommu,
					       vtd.dev_id, VIRTUAL, &id));
	EXPECT_EQ(-EINVAL, invalidate(self, VIRTUAL, EVERYTHING));
	EXPECT_EQ(0, sim_remove("vtd", &vtd));
	if (edu_find_alone(&pci, 1) != 1)
		SKIP(return, "no edu device alone in its group");
	ASSERT_EQ(0, edu_open(&edu, &pci, self->fd));
	SAYS(EINVAL, "behind another IOMMU",
	     iommu_vdevice_alloc(self->fd, self->viommu, edu.dev_id, VIRTUAL,
				 &id));
	edu_close(&edu);
}

TEST_F(vdevice, of_another_descriptor)
{
	int other = iommu_open();
	uint32_t id, vdev;

	ASSERT_LE(0, other);
	ASSERT_EQ(0, iommu_vdevice_alloc(self->fd, self->viommu, self->dev,
					 VIRTUAL, &vdev));
	EXPECT_EQ(-ENOENT, iommu_vdevice_alloc(other, self->viommu, self->dev,
					       1, &id));
	EXPECT_EQ(-ENOENT, iommu_destroy(other, vdev));
	close(other);
}

/* The device goes ---------------------------------------------------------- */

/* It takes its virtual one with it, whose ID is nobody's from then on. */
TEST_F(vdevice, unbound)
{
	uint32_t vdev, id[64], again;
	unsigned int i;

	ASSERT_EQ(0, iommu_vdevice_alloc(self->fd, self->viommu, self->dev,
					 VIRTUAL, &vdev));
	engine_close(&self->sim.engine);
	EXPECT_EQ(-EINVAL, invalidate(self, VIRTUAL, EVERYTHING));
	EXPECT_EQ(-ENOENT, iommu_destroy(self->fd, vdev));
	for (i = 0; i < ARRAY_SIZE(id); i++) {
		ASSERT_EQ(0, iommu_ioas_alloc(self->fd, &id[i]));
		EXPECT_NE(vdev, id[i]);
	}
	/* How the guest calls it is free again: for another, or for the same */
	ASSERT_EQ(0, iommu_vdevice_alloc(self->fd, self->viommu,
					 self->other.dev_id, VIRTUAL, &again));
	EXPECT_NE(vdev, again);
	ASSERT_EQ(0, iommu_destroy(self->fd, again));
	ASSERT_EQ(0, engine_open_name(&self->sim.engine, SIM_NAME, self->fd));
	ASSERT_EQ(0, iommu_vdevice_alloc(self->fd, self->viommu,
					 self->sim.engine.dev_id, VIRTUAL,
					 &again));
	EXPECT_NE(vdev, again);
	EXPECT_EQ(-ENOENT, iommu_destroy(self->fd, vdev));
	/* What is left does not keep the vIOMMU */
	ASSERT_EQ(0, iommu_destroy(self->fd, again));
	ASSERT_EQ(0, vfio_detach(self->other.fd));
	EXPECT_EQ(0, iommu_destroy(self->fd, self->hwpt));
	EXPECT_EQ(0, iommu_destroy(self->fd, self->viommu));
}

/* Everything is closed, the device first or last, with the virtual one there. */
/* A caller who does not take his answer holds up nobody who unbinds the device. */
TEST_F(vdevice, unbound_before_the_answer)
{
	struct iommu_vdevice_alloc *cmd = mem_anon(PAGE);
	struct hold_call call = {
		.fd = self->fd, .request = IOMMU_VDEVICE_ALLOC, .arg = cmd,
	};
	struct hold hold = { .page = cmd };
	pthread_t thread;

	*cmd = (struct iommu_vdevice_alloc) {
		.size = sizeof(*cmd), .viommu_id = self->viommu,
		.dev_id = self->dev, .virt_id = VIRTUAL,
	};
	hold.fd = hold_writes_open(hold.page);
	ASSERT_LE(0, hold.fd);
	ASSERT_EQ(0, pthread_create(&thread, NULL, hold_call_run, &call));
	ASSERT_TRUE(hold_wait(&hold, WAIT_MS));
	engine_close(&self->sim.engine);
	EXPECT_EQ(0, hold_writes(hold.fd, hold.page, false));
	pthread_join(thread, NULL);
	EXPECT_EQ(-ENOENT, call.rc);
	hold_close(&hold);
}

TEST_F(vdevice, left_behind)
{
	uint32_t id;

	ASSERT_EQ(0, iommu_vdevice_alloc(self->fd, self->viommu, self->dev,
					 VIRTUAL, &id));
	ASSERT_EQ(0, iommu_vdevice_alloc(self->fd, self->viommu,
					 self->other.dev_id, 1, &id));
	close(self->fd);
	self->sim.fd = -1;
}

TEST_F(vdevice, pulled_out)
{
	uint32_t id;

	ASSERT_EQ(0, iommu_vdevice_alloc(self->fd, self->viommu, self->dev,
					 VIRTUAL, &id));
	ASSERT_EQ(0, sim_remove(SIM_NAME, &self->sim.engine));
	EXPECT_EQ(-EINVAL, invalidate(self, VIRTUAL, EVERYTHING));
	EXPECT_EQ(-ENOENT, iommu_destroy(self->fd, id));
}

/* Races -------------------------------------------------------------------- */

struct race {
	FIXTURE_DATA(vdevice) *self;
	uint32_t id;
	bool stop;
	unsigned int destroyed;
	unsigned int invalidated;
};

static bool both_came(struct race *race)
{
	return __atomic_load_n(&race->destroyed, __ATOMIC_RELAXED) &&
	       __atomic_load_n(&race->invalidated, __ATOMIC_RELAXED);
}

static void *destroy_it(void *data)
{
	struct race *race = data;

	while (!__atomic_load_n(&race->stop, __ATOMIC_ACQUIRE))
		if (!iommu_destroy(race->self->fd,
				   __atomic_load_n(&race->id,
						   __ATOMIC_RELAXED)))
			__atomic_add_fetch(&race->destroyed, 1,
					   __ATOMIC_RELAXED);
	return NULL;
}

static void *invalidate_it(void *data)
{
	struct race *race = data;
	FIXTURE_DATA(vdevice) *self = race->self;

	while (!__atomic_load_n(&race->stop, __ATOMIC_ACQUIRE))
		if (!invalidate(self, VIRTUAL, EVERYTHING))
			__atomic_add_fetch(&race->invalidated, 1,
					   __ATOMIC_RELAXED);
	return NULL;
}

/* The device is unbound, its virtual one destroyed, and both looked for, all at once. */
TEST_F(vdevice, races)
{
	struct race race = { .self = self };
	struct engine *engine = &self->sim.engine;
	struct race_clock clock = {};
	pthread_t threads[2];
	uint32_t id;

	ASSERT_EQ(0, pthread_create(&threads[0], NULL, destroy_it, &race));
	ASSERT_EQ(0, pthread_create(&threads[1], NULL, invalidate_it, &race));
	while (race_on(&clock, 200, both_came(&race))) {
		ASSERT_EQ(0, iommu_vdevice_alloc(self->fd, self->viommu,
						 engine->dev_id, VIRTUAL,
						 &id));
		__atomic_store_n(&race.id, id, __ATOMIC_RELAXED);
		engine_close(engine);
		__atomic_store_n(&race.id, 0, __ATOMIC_RELAXED);
		ASSERT_EQ(0, engine_open_name(engine, SIM_NAME, self->fd));
	}
	__atomic_store_n(&race.stop, true, __ATOMIC_RELEASE);
	pthread_join(threads[0], NULL);
	pthread_join(threads[1], NULL);
	EXPECT_TRUE(both_came(&race));
	ASSERT_EQ(0, sim_attach(&self->sim, self->hwpt));
	EXPECT_TRUE(make_stale(self));
}

SIM_HARNESS_MAIN
