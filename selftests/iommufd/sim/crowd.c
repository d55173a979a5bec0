// SPDX-License-Identifier: GPL-2.0-only
/*
 * PASIDs of sub-devices, seen by others who use the same parent.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "iommu.h"
#include "kselftest_harness.h"
#include "module.h"
#include "sim.h"
#include "vfio.h"

#define BITS 8
#define NR_PASIDS (1U << BITS)
#define SVA "iommufd_sva_test"

static const char * const uuids[] = {
	"11111111-1111-4111-8111-111111111111",
	"22222222-2222-4222-8222-222222222222",
};

FIXTURE(crowd)
{
	struct sim sim;
	struct engine sub[2];
};

FIXTURE_VARIANT(crowd)
{
	const char *type;
};

FIXTURE_VARIANT_ADD(crowd, local) { .type = IOSIM_LOCAL };
FIXTURE_VARIANT_ADD(crowd, global) { .type = IOSIM_GLOBAL };

FIXTURE_SETUP(crowd)
{
	int i;

	NEED_SIM;
	ASSERT_EQ(0, sim_open_parent(&self->sim, "pasid_bits=8 pri=1"));
	for (i = 0; i < 2; i++) {
		self->sub[i].fd = -1;
		ASSERT_EQ(0, iosim_subdevice_create(SIM_NAME, variant->type,
						    uuids[i]));
	}
	ASSERT_EQ(0, engine_open_subdevice(&self->sub[0], uuids[0],
					   self->sim.fd));
}

FIXTURE_TEARDOWN(crowd)
{
	int i;

	for (i = 0; i < 2; i++)
		if (self->sub[i].fd >= 0)
			engine_close(&self->sub[i]);
	EXPECT_EQ(0, sim_close(&self->sim));
}

/* Attach by one PASID after the other, as long as that goes. Returns how many it was. */
static uint32_t use_up(const struct sim *sim, const struct engine *sub)
{
	uint32_t pasid;
	int rc;

	for (pasid = 1; pasid < NR_PASIDS; pasid++) {
		rc = iommu_pasid_attach(sim->fd, sub->dev_id, pasid, sim->ioas);
		if (!rc)
			rc = iommu_pasid_detach(sim->fd, sub->dev_id, pasid);
		if (rc)
			break;
	}
	return rc == -ENOSPC ? pasid - 1 : 0;
}

/* One user does not keep another one from binding, and from attaching. */
TEST_F(crowd, leaves_some)
{
	struct sim_space space;
	struct sim other = { .fd = iommu_open() };

	ASSERT_LE(0, other.fd);
	EXPECT_LT(0, use_up(&self->sim, &self->sub[0]));
	ASSERT_EQ(0, engine_open_subdevice(&self->sub[1], uuids[1], other.fd));
	ASSERT_EQ(0, sim_space_open(&other, &space));
	EXPECT_EQ(0, iommu_pasid_attach(other.fd, self->sub[1].dev_id, 1,
					space.ioas));
	close(other.fd);
}

/* One that has had them all can still use those again. */
TEST_F(crowd, has_its_own_again)
{
	uint32_t nr = use_up(&self->sim, &self->sub[0]), pasid;

	ASSERT_LT(0, nr);
	for (pasid = 1; pasid <= nr; pasid++) {
		EXPECT_EQ(0, iommu_pasid_attach(self->sim.fd,
						self->sub[0].dev_id, pasid,
						self->sim.ioas));
	}
	EXPECT_EQ(-ENOSPC, iommu_pasid_attach(self->sim.fd, self->sub[0].dev_id,
					      NR_PASIDS - 1, self->sim.ioas));
}

/* What is refused costs nothing: it would be kept until the end. */
TEST_F(crowd, refused_ones_are_free)
{
	uint32_t hwpt, other, i;

	ASSERT_EQ(0, iommu_ioas_alloc(self->sim.fd, &other));
	ASSERT_EQ(0, iommu_hwpt_alloc(self->sim.fd, self->sub[0].dev_id, other,
				      IOMMU_HWPT_ALLOC_NEST_PARENT, &hwpt));
	ASSERT_EQ(0, iommu_pasid_attach(self->sim.fd, self->sub[0].dev_id, 1,
					self->sim.ioas));
	for (i = 2; i < NR_PASIDS; i++) {
		int rc = iommu_pasid_attach(self->sim.fd, self->sub[0].dev_id,
					    i, self->sub[0].dev_id);

		ASSERT_EQ(-EINVAL, rc) TH_LOG("PASID %u", i);
	}
	EXPECT_EQ(0, iommu_pasid_attach(self->sim.fd, self->sub[0].dev_id, 2,
					self->sim.ioas));
}

/*
 * A sub-device that is attached to nothing reaches nothing: however many PASIDs others have
 * used, the parent's driver is not given the one by which it is bound.
 */
TEST_F(crowd, sva_of_the_parent)
{
	struct iosim_desc desc = dma_desc_fill(SIM_AT, 8, 0xbad);
	char parameters[64];

	ASSERT_EQ(0, engine_open_subdevice(&self->sub[1], uuids[1],
					   self->sim.fd));
	use_up(&self->sim, &self->sub[0]);
	snprintf(parameters, sizeof(parameters), "device=iosim-%s", SIM_NAME);
	ASSERT_EQ(0, module_load(SVA, parameters));
	engine_submit(&self->sub[1], &desc);
	ASSERT_EQ(0, engine_wait_idle(&self->sub[1]));
	EXPECT_EQ(0, module_parameter(SVA, "touched"))
		TH_LOG("the process has PASID %lu",
		       module_parameter(SVA, "pasid"));
	EXPECT_EQ(0, module_unload(SVA));
}

/* The parent's driver has so many processes that no PASID is left. */
TEST_F(crowd, processes_of_the_parent)
{
	char parameters[64];
	uint32_t i;

	snprintf(parameters, sizeof(parameters),
		 "device=iosim-%s processes=%u", SIM_NAME, NR_PASIDS);
	ASSERT_EQ(0, module_load(SVA, parameters));
	for (i = 1; i < NR_PASIDS; i++) {
		if (iommu_pasid_attach(self->sim.fd, self->sub[0].dev_id, i,
				       self->sim.ioas))
			break;
	}
	EXPECT_EQ(1, i);
	EXPECT_EQ(-ENOSPC, engine_open_subdevice(&self->sub[1], uuids[1],
						 self->sim.fd));
	EXPECT_EQ(0, module_unload(SVA));
	EXPECT_EQ(0, iommu_pasid_attach(self->sim.fd, self->sub[0].dev_id, 1,
					self->sim.ioas));
}

/**
 * struct refused - an attach that is refused, again and again
 * @fd: the context
 * @dev: the device
 * @ioas: to what
 * @rc: of the last one
 * @stop: that is enough
 */
struct refused {
	int fd;
	uint32_t dev;
	uint32_t ioas;
	int rc;
	bool stop;
};

static void *refuse_again(void *arg)
{
	struct refused *refused = arg;

	while (!__atomic_load_n(&refused->stop, __ATOMIC_RELAXED))
		refused->rc = iommu_pasid_attach(refused->fd, refused->dev, 77,
						 refused->ioas);
	return NULL;
}

/* While an attach is being refused, the device does not have the PASID. */
TEST_F(crowd, refused_is_not_attached)
{
	struct iosim_desc desc = dma_desc_fill(SIM_AT, 8, 0xbad);
	struct sim_space space[2];
	struct refused refused = {};
	volatile uint64_t *word;
	pthread_t thread;
	int i;

	if (strcmp(variant->type, IOSIM_GLOBAL))
		SKIP(return, "each has a PASID of its own");
	ASSERT_EQ(0, engine_open_subdevice(&self->sub[1], uuids[1],
					   self->sim.fd));
	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, sim_space_open(&self->sim, &space[i]));
	ASSERT_EQ(0, iommu_pasid_attach(self->sim.fd, self->sub[0].dev_id, 77,
					space[0].ioas));
	refused.fd = self->sim.fd;
	refused.dev = self->sub[1].dev_id;
	refused.ioas = space[1].ioas;
	word = (volatile uint64_t *)space[0].buf;
	*word = 0x600d;
	desc.flags = IOSIM_DESC_PASID;
	desc.pasid = 77;
	ASSERT_EQ(0, pthread_create(&thread, NULL, refuse_again, &refused));
	for (i = 0; i < 10000 && *word == 0x600d; i++) {
		engine_submit(&self->sub[1], &desc);
		engine_wait_idle(&self->sub[1]);
	}
	__atomic_store_n(&refused.stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	EXPECT_EQ(-EINVAL, refused.rc);
	EXPECT_EQ(0x600d, *word) TH_LOG("after %d tries", i);
}

SIM_HARNESS_MAIN
