// SPDX-License-Identifier: GPL-2.0-only
/*
 * A BAR that is mapped for another device by a driver that fails: what it did not let be
 * taken back is out all the same when the BAR's owner switches it off.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "functions.h"
#include "iommu.h"
#include "vfio.h"

#define PAGE SIM_PAGE
#define SECOND "second"
#define BAR_IOVA 0x80000000ULL
#define TRIES 20

/* A is the device of @sim, and attached; B has memory. */
FIXTURE(bar)
{
	struct sim sim;
	struct engine b;
	void *memory;
	size_t length;
};

FIXTURE_SETUP(bar)
{
	struct sim *sim = &self->sim;

	NEED_FUNCTIONS;
	ASSERT_EQ(0, sim_open(sim, FUNCTION "quirks=sync_map"));
	ASSERT_EQ(0, sim_add(sim, SECOND, FUNCTION, &self->b));
	ASSERT_EQ(0, sim_attach(sim, sim->ioas));
	self->memory = engine_mmap(&self->b, IOSIM_REGION_MEMORY, &self->length);
	ASSERT_NE(NULL, self->memory);
}

FIXTURE_TEARDOWN(bar)
{
	if (!self->memory)
		return;
	munmap(self->memory, self->length);
	EXPECT_EQ(0, sim_remove(SECOND, &self->b));
	EXPECT_EQ(0, sim_close(&self->sim));
}

/* Mapping B's memory for A, in a batch of one. */
struct mapper {
	const struct sim *sim;
	struct ioasid_batch_entry entry;
	int rc;
};

static void *map_bar(void *arg)
{
	struct mapper *mapper = arg;

	mapper->rc = iommu_map_batch(mapper->sim->fd, mapper->sim->ioas,
				     &mapper->entry, 1, NULL);
	return NULL;
}

/* Who waits for a lock that others hold for reading gets it next. */
static int set_urgent(bool urgent)
{
	struct sched_param param = { .sched_priority = urgent };

	return sched_setscheduler(0, urgent ? SCHED_FIFO : SCHED_OTHER, &param);
}

static int set_fail(const char *calls, const char *value)
{
	return iosim_set(SIM_NAME, calls, value);
}

/*
 * The driver fails to map, after a tenth of a second, and then three times to take back
 * what it has mapped; meanwhile B is switched off. Returns the errno of the map, or
 * another one; and sets whether the page was left behind.
 */
static int switch_off(const struct sim *sim, struct engine *b, void *memory,
		      bool *left)
{
	struct mapper mapper = {
		.sim = sim,
		.entry = {
			.src = iommu_ptr(memory),
			.iova = BAR_IOVA,
			.length = PAGE,
			.flags = IOMMU_RW | IOMMU_FIXED,
		},
	};
	char calls[16] = "";
	pthread_t thread;
	int rc;

	rc = set_fail("sync_map_fail", "1") ?: set_fail("unmap_fail", "3");
	if (rc || pthread_create(&thread, NULL, map_bar, &mapper))
		return rc ?: -EAGAIN;
	usleep(30000);
	rc = set_urgent(true) ?: vfio_decode(b->fd, false);
	pthread_join(thread, NULL);
	set_urgent(false);
	iosim_get(SIM_NAME, "unmap_fail", calls, sizeof(calls));
	*left = !atoi(calls);
	set_fail("unmap_fail", "0");
	set_fail("sync_map_fail", "0");
	return rc ?: mapper.rc;
}

TEST_F(bar, off_while_a_batch_fails)
{
	struct dma dma = sim_dma(&self->sim, 0);
	bool left = false;
	unsigned int i;

	for (i = 0; i < TRIES && !left; i++) {
		int rc = switch_off(&self->sim, &self->b, self->memory, &left);

		EXPECT_EQ(IOSIM_REASON_NOT_PRESENT,
			  dma_poke(&dma, BAR_IOVA, 1)) TH_LOG("off");
		ASSERT_EQ(0, vfio_decode(self->b.fd, true));
		if (left) {
			EXPECT_EQ(-EIO, rc);
		} else {
			iommu_ioas_unmap(self->sim.fd, self->sim.ioas, BAR_IOVA,
					 PAGE, NULL);
		}
	}
	EXPECT_TRUE(left);
	/* It does not come back with the BAR, either, and is not in the way. */
	EXPECT_EQ(IOSIM_REASON_NOT_PRESENT, dma_poke(&dma, BAR_IOVA, 1));
	ASSERT_EQ(0, iommu_map_fixed(self->sim.fd, self->sim.ioas, self->memory,
				     PAGE, IOMMU_RW, BAR_IOVA));
	EXPECT_EQ(0, dma_poke(&dma, BAR_IOVA, 1));
}

SIM_HARNESS_MAIN
