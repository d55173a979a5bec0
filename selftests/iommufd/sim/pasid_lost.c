// SPDX-License-Identifier: GPL-2.0-only
/*
 * A PASID that is to be moved, where the IOMMU driver takes neither the new page table
 * nor the old one again: it is detached then, for everybody. The module
 * iommufd_refuse_test lets the driver refuse.
 */
#define _GNU_SOURCE
#include <stdio.h>

#include "kselftest_harness.h"

#include "iommu.h"
#include "module.h"
#include "reason.h"
#include "sim.h"
#include "vfio.h"

#define MODULE "iommufd_refuse_test"
#define ATTRIBUTES "pasid_bits=6"
#define NR_SPACES 2

static const char * const uuids[] = {
	"11111111-1111-4111-8111-111111111111",
	"22222222-2222-4222-8222-222222222222",
};

/* @hwpt: of each space, not of an attach: they stay until the module has gone */
FIXTURE(lost)
{
	struct sim sim;
	struct engine sub[2];
	struct sim_space space[NR_SPACES];
	uint32_t hwpt[NR_SPACES];
	bool loaded;
	int fd;
};

FIXTURE_VARIANT(lost)
{
	bool in_place;
};

FIXTURE_VARIANT_ADD(lost, by_detach_and_attach)
{
	.in_place = false,
};

FIXTURE_VARIANT_ADD(lost, in_place)
{
	.in_place = true,
};

FIXTURE_SETUP(lost)
{
	int i;

	NEED_SIM;
	for (i = 0; i < 2; i++)
		self->sub[i].fd = self->sub[i].irq = -1;
}

FIXTURE_TEARDOWN(lost)
{
	int i;

	if (self->loaded)
		EXPECT_EQ(0, module_unload(MODULE));
	for (i = 0; i < 2; i++)
		engine_close(&self->sub[i]);
	EXPECT_EQ(0, sim_close(&self->sim));
}

static int open_spaces(FIXTURE_DATA(lost) *self, uint32_t dev)
{
	int i, rc = 0;

	self->fd = self->sim.fd;
	for (i = 0; !rc && i < NR_SPACES; i++)
		rc = sim_space_open(&self->sim, &self->space[i]) ?:
		     iommu_hwpt_alloc(self->fd, dev, self->space[i].ioas, 0,
				      &self->hwpt[i]);
	return rc;
}

static int load(FIXTURE_DATA(lost) *self, bool in_place, uint32_t a, uint32_t b)
{
	char device[64], parameters[160];
	int rc;

	rc = iosim_get(SIM_NAME, "device", device, sizeof(device));
	if (rc < 0)
		return rc;
	snprintf(parameters, sizeof(parameters), "device=%s pasids=%u,%u in_place=%d",
		 device, a, b, in_place);
	rc = module_load(MODULE, parameters);
	self->loaded = !rc;
	return rc;
}

#define EXPECT_SEES(pasid, i)						\
	EXPECT_EQ(0, sim_space_check(&self->space[i], &self->sim.engine,	\
				     pasid))
#define EXPECT_BLIND(pasid)						\
	EXPECT_EQ(-ENODATA, sim_space_check(&self->space[0],		\
					    &self->sim.engine, pasid))

TEST_F(lost, of_a_device)
{
	uint32_t dev;

	ASSERT_EQ(0, sim_open(&self->sim, ATTRIBUTES));
	dev = self->sim.engine.dev_id;
	ASSERT_EQ(0, open_spaces(self, dev));
	ASSERT_EQ(0, iommu_pasid_attach(self->fd, dev, 1, self->hwpt[0]));
	ASSERT_EQ(0, iommu_pasid_attach(self->fd, dev, 2, self->hwpt[1]));
	ASSERT_EQ(0, load(self, variant->in_place, 1, 2));
	EXPECT_SEES(1, 0);

	/* Only the new one: it stays where it was */
	ASSERT_EQ(0, module_set_parameter(MODULE, "refuse", 1));
	EXPECT_EQ(-ENOMEM, iommu_pasid_attach(self->fd, dev, 1, self->hwpt[1]));
	EXPECT_SEES(1, 0);

	ASSERT_EQ(0, module_set_parameter(MODULE, "refuse", 2));
	EXPECT_EQ(-EIO, iommu_pasid_attach(self->fd, dev, 1, self->hwpt[1]));
	EXPECT_EQ(0, module_parameter(MODULE, "refuse"));
	EXPECT_TRUE(reason_explains(self->fd, EIO, "PASID 1 "));
	EXPECT_BLIND(1);
	EXPECT_SEES(2, 1);
	EXPECT_EQ(-ENOENT, iommu_pasid_detach(self->fd, dev, 1));

	/* As if it had never been attached */
	ASSERT_EQ(0, iommu_pasid_attach(self->fd, dev, 1, self->hwpt[1]));
	EXPECT_SEES(1, 1);
	ASSERT_EQ(0, iommu_pasid_detach(self->fd, dev, 1));
	self->loaded = false;
	ASSERT_EQ(0, module_unload(MODULE));
	EXPECT_EQ(0, iommu_destroy(self->fd, self->hwpt[0]));
	EXPECT_EQ(-EBUSY, iommu_destroy(self->fd, self->hwpt[1]));
	EXPECT_EQ(0, iommu_pasid_detach(self->fd, dev, 2));
	EXPECT_EQ(0, iommu_destroy(self->fd, self->hwpt[1]));
}

/* The PASID that a sub-device is bound by: VFIO goes on to call it attached. */
TEST_F(lost, of_a_sub_device)
{
	struct ioasid_device_info info = {};
	uint32_t own[2];
	int i;

	ASSERT_EQ(0, sim_open_parent(&self->sim, ATTRIBUTES));
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, iosim_subdevice_create(SIM_NAME, IOSIM_LOCAL,
						    uuids[i]));
		ASSERT_EQ(0, engine_open_subdevice(&self->sub[i], uuids[i],
						   self->sim.fd));
	}
	ASSERT_EQ(0, open_spaces(self, self->sub[0].dev_id));
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, vfio_attach(self->sub[i].fd, self->hwpt[i], NULL));
		info.nr_members = 0;
		EXPECT_EQ(-EMSGSIZE, iommu_device_info(self->fd,
						       self->sub[i].dev_id,
						       &info));
		own[i] = info.hw_pasid;
	}
	ASSERT_EQ(0, load(self, variant->in_place, own[0], own[1]));
	ASSERT_EQ(0, module_set_parameter(MODULE, "refuse", 2));
	EXPECT_EQ(-EIO, vfio_attach(self->sub[0].fd, self->hwpt[1], NULL));
	EXPECT_EQ(-ENODATA, sim_space_check(&self->space[0], &self->sub[0],
					    ENGINE_NO_PASID));
	info.nr_members = 0;
	EXPECT_EQ(-EMSGSIZE, iommu_device_info(self->fd, self->sub[0].dev_id,
					       &info));
	EXPECT_FALSE(info.out_flags & IOASID_DEVICE_ATTACHED);
	EXPECT_EQ(0, info.pt_id);

	/* VFIO asks for a move */
	ASSERT_EQ(0, vfio_attach(self->sub[0].fd, self->hwpt[1], NULL));
	EXPECT_EQ(0, sim_space_check(&self->space[1], &self->sub[0],
				     ENGINE_NO_PASID));
	/* Lost again, and detached by closing it, which does not mind */
	ASSERT_EQ(0, module_set_parameter(MODULE, "refuse", 2));
	EXPECT_EQ(-EIO, vfio_attach(self->sub[0].fd, self->hwpt[0], NULL));
	engine_close(&self->sub[0]);
	EXPECT_EQ(0, sim_space_check(&self->space[1], &self->sub[1],
				     ENGINE_NO_PASID));
}

SIM_HARNESS_MAIN
