// SPDX-License-Identifier: GPL-2.0-only
/* Commands of several threads to one device: nothing is used that has gone. */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdatomic.h>

#include "device.h"
#include "edu.h"
#include "race.h"

FIXTURE(race)
{
	struct rig rig;
	char *mem;
	atomic_bool stop;
	atomic_uint ioas;
	/* The first errno that a thread did not expect */
	atomic_int failed;
	atomic_int rounds;
};

FIXTURE_SETUP(race)
{
	self->stop = false;
	self->failed = 0;
	self->rounds = 0;
	ASSERT_EQ(0, rig_open(&self->rig));
	self->mem = mem_anon(PAGE);
	ASSERT_NE(NULL, self->mem);
	ASSERT_EQ(0, rig_map(&self->rig, self->mem, PAGE, IOVA));
	self->ioas = self->rig.ioas;
}

FIXTURE_TEARDOWN(race)
{
	EXPECT_EQ(0, rig_close(&self->rig));
}

static void unexpected(struct _test_data_race *self, int rc)
{
	int none = 0;

	atomic_compare_exchange_strong(&self->failed, &none, rc);
}

/* Uses whatever device there is at the moment. */
static void *device_user(void *arg)
{
	struct _test_data_race *self = arg;
	int fd = self->rig.fd, rc;
	uint32_t id, hwpt;

	while (!self->stop && !self->failed) {
		for (id = 1; id < 8; id++) {
			struct iommu_hw_info info = {};

			rc = iommu_get_hw_info(fd, id, &info);
			if (rc == -ENOENT)
				continue;
			if (rc)
				unexpected(self, rc);
			rc = iommu_hwpt_alloc(fd, id, self->rig.ioas, 0,
					      &hwpt);
			if (!rc)
				rc = iommu_destroy(fd, hwpt);
			if (rc && rc != -ENOENT)
				unexpected(self, rc);
		}
		self->rounds++;
	}
	return NULL;
}

/* A device goes and comes while commands name it. */
TEST_F(race, commands_and_unbind)
{
	struct vfio_pci pci = self->rig.edu.pci;
	pthread_t thread[2];
	struct race_clock clock = {};
	int i;

	if (!rig_fills_ahead())
		SKIP(return, RIG_NOT_AHEAD);
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, pthread_create(&thread[i], NULL, device_user,
					    self));
	}
	while (race_on(&clock, 10, self->rounds)) {
		edu_close(&self->rig.edu);
		ASSERT_EQ(0, edu_open(&self->rig.edu, &pci, self->rig.fd));
		ASSERT_EQ(0, rig_attach(&self->rig));
	}
	self->stop = true;
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, pthread_join(thread[i], NULL));
	}
	EXPECT_EQ(0, self->failed);
	EXPECT_LT(0, self->rounds);
	EXPECT_EQ(0, edu_check(&self->rig.edu, IOVA, self->mem, SOME_LENGTH));
}

/* Destroys the IOAS as soon as nobody uses it, and makes another one. */
static void *destroyer(void *arg)
{
	struct _test_data_race *self = arg;
	int fd = self->rig.fd, rc;
	uint32_t ioas = 0;

	while (!self->stop && !self->failed) {
		rc = iommu_destroy(fd, self->ioas);
		if (rc == -EBUSY)
			continue;
		if (!rc)
			rc = iommu_ioas_alloc(fd, &ioas);
		if (!rc)
			rc = iommu_map_fixed(fd, ioas, self->mem, PAGE,
					     IOMMU_RW, IOVA);
		if (rc)
			unexpected(self, rc);
		self->ioas = ioas;
		self->rounds++;
	}
	return NULL;
}

TEST_F(race, destroy_and_attach)
{
	int attached = 0, i, rc;
	pthread_t thread;

	ASSERT_EQ(0, pthread_create(&thread, NULL, destroyer, self));
	for (i = 0; i < 10000 && (attached < 100 || self->rounds < 100); i++) {
		rc = vfio_attach(self->rig.edu.fd, self->ioas, NULL);
		if (rc) {
			ASSERT_EQ(-ENOENT, rc);
		} else {
			attached++;
		}
		ASSERT_EQ(0, vfio_detach(self->rig.edu.fd));
	}
	self->stop = true;
	ASSERT_EQ(0, pthread_join(thread, NULL));
	TH_LOG("%d attaches, %d destroyed", attached, self->rounds);
	EXPECT_EQ(0, self->failed);
	ASSERT_EQ(0, vfio_attach(self->rig.edu.fd, self->ioas, NULL));
	EXPECT_EQ(0, edu_check(&self->rig.edu, IOVA, self->mem, SOME_LENGTH));
}

TEST_HARNESS_MAIN
