// SPDX-License-Identifier: GPL-2.0-only
/*
 * vIOMMUs of the simulator: who keeps whom, whom they are for, and what a user can get
 * wrong. What is translated and invalidated by page tables on them is in nesting.c.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "edu.h"
#include "iommu.h"
#include "mem.h"
#include "reason.h"
#include "sim.h"
#include "vfio.h"

#define PAGE SIM_PAGE
#define V 0x7f0000000000ULL
#define NO_SUCH_ID 0x7fffff00
#define OTHER "other"
#define EVERYTHING 0, UINT64_MAX

#define SAYS(error, part, call)	EXPECT_REFUSED(self->fd, error, part, call)

/* A vIOMMU, on it a first stage, which the device is not attached to yet. */
FIXTURE(viommu)
{
	struct sim sim;
	int fd;
	uint32_t dev;
	uint32_t parent;
	uint32_t viommu;
	uint32_t hwpt;
	uint64_t root;
	struct dma dma;
};

FIXTURE_SETUP(viommu)
{
	struct sim *sim = &self->sim;

	NEED_SIM;
	ASSERT_EQ(0, sim_open(sim, "pasid_bits=6 pri=1"));
	self->fd = sim->fd;
	self->dev = sim->engine.dev_id;
	ASSERT_EQ(0, sim_parent_hwpt(sim, &self->parent));
	ASSERT_EQ(0, guest_viommu(self->fd, self->dev, self->parent,
				  &self->viommu));
	ASSERT_EQ(0, sim_first_stage(sim, self->viommu, &self->root,
				     &self->hwpt));
	ASSERT_EQ(0, guest_map(&sim->guest, self->root, V, SIM_AT, PAGE,
			       GUEST_4K, GUEST_RW));
	self->dma = sim_dma(sim, 0);
}

FIXTURE_TEARDOWN(viommu)
{
	EXPECT_EQ(0, sim_close(&self->sim));
}

/* Who keeps whom ----------------------------------------------------------- */

TEST_F(viommu, from_the_top_down)
{
	char uses[40];

	ASSERT_EQ(0, sim_attach(&self->sim, self->hwpt));
	EXPECT_EQ(0, dma_check(&self->dma, V, self->sim.buf));
	SAYS(EBUSY, "is attached to it", iommu_destroy(self->fd, self->hwpt));
	snprintf(uses, sizeof(uses), "HWPT %u uses it", self->hwpt);
	SAYS(EBUSY, uses, iommu_destroy(self->fd, self->viommu));
	EXPECT_EQ(-EBUSY, iommu_destroy(self->fd, self->parent));
	ASSERT_EQ(0, vfio_detach(self->sim.engine.fd));
	EXPECT_EQ(-EBUSY, iommu_destroy(self->fd, self->viommu));
	EXPECT_EQ(0, iommu_destroy(self->fd, self->hwpt));
	snprintf(uses, sizeof(uses), "vIOMMU %u uses it", self->viommu);
	SAYS(EBUSY, uses, iommu_destroy(self->fd, self->parent));
	EXPECT_EQ(0, iommu_destroy(self->fd, self->viommu));
	EXPECT_EQ(-ENOENT, iommu_destroy(self->fd, self->viommu));
	EXPECT_EQ(0, iommu_destroy(self->fd, self->parent));
	EXPECT_EQ(0, iommu_destroy(self->fd, self->sim.ioas));
}

/* The device is only how the IOMMU was named. Another one can use what is left. */
TEST_F(viommu, the_device_goes)
{
	struct engine other;
	uint32_t hwpt;

	ASSERT_EQ(0, sim_add(&self->sim, OTHER, "pasid_bits=6", &other));
	ASSERT_EQ(0, sim_remove(SIM_NAME, &self->sim.engine));
	SAYS(ENOENT, "no device",
	     guest_hwpt(self->fd, self->dev, self->viommu, self->root, 0,
			&hwpt));
	EXPECT_EQ(0, guest_invalidate_viommu(self->fd, self->viommu,
					     IOSIM_VIOMMU_RANGE, 0,
					     EVERYTHING));
	self->dma.engine = &other;
	ASSERT_EQ(0, vfio_attach(other.fd, self->hwpt, NULL));
	EXPECT_EQ(0, dma_check(&self->dma, V, self->sim.buf));
	ASSERT_EQ(0, guest_hwpt(self->fd, other.dev_id, self->viommu,
				self->root, 0, &hwpt));
	ASSERT_EQ(0, vfio_attach(other.fd, hwpt, NULL));
	EXPECT_EQ(0, dma_check(&self->dma, V, self->sim.buf));
	EXPECT_EQ(0, sim_remove(OTHER, &other));
	EXPECT_EQ(0, iommu_destroy(self->fd, hwpt));
	EXPECT_EQ(0, iommu_destroy(self->fd, self->hwpt));
	EXPECT_EQ(0, iommu_destroy(self->fd, self->viommu));
}

/* Closing the descriptor takes all apart, in whatever order it was made. */
TEST_F(viommu, left_behind)
{
	uint32_t viommu, hwpt;
	int i;

	for (i = 0; i < 5; i++) {
		ASSERT_EQ(0, guest_viommu(self->fd, self->dev, self->parent,
					  &viommu));
		ASSERT_EQ(0, guest_hwpt(self->fd, self->dev, viommu, self->root,
					0, &hwpt));
	}
	ASSERT_EQ(0, sim_attach(&self->sim, hwpt));
	EXPECT_EQ(0, dma_check(&self->dma, V, self->sim.buf));
}

/* Invalidation ------------------------------------------------------------- */

/* What the device has cached is stale until its own vIOMMU says so. */
TEST_F(viommu, of_another_vm)
{
	uint32_t other, hwpt;
	uint64_t *words = (uint64_t *)self->sim.buf, seen;

	words[0] = 100;
	words[PAGE / 8] = 101;
	ASSERT_EQ(0, guest_viommu(self->fd, self->dev, self->parent, &other));
	ASSERT_EQ(0, guest_hwpt(self->fd, self->dev, other, self->root, 0,
				&hwpt));
	ASSERT_EQ(0, sim_attach(&self->sim, self->hwpt));
	ASSERT_EQ(0, dma_peek(&self->dma, V, &seen));
	EXPECT_EQ(100, seen);
	ASSERT_EQ(0, guest_map(&self->sim.guest, self->root, V, SIM_AT + PAGE,
			       PAGE, GUEST_4K, GUEST_RW));
	ASSERT_EQ(0, guest_invalidate_viommu(self->fd, other,
					     IOSIM_VIOMMU_RANGE, 0,
					     EVERYTHING));
	ASSERT_EQ(0, dma_peek(&self->dma, V, &seen));
	EXPECT_EQ(100, seen);
	ASSERT_EQ(0, guest_invalidate_viommu(self->fd, self->viommu,
					     IOSIM_VIOMMU_RANGE, 0,
					     V, PAGE));
	ASSERT_EQ(0, dma_peek(&self->dma, V, &seen));
	EXPECT_EQ(101, seen);
}

/* The same page table by its own ID, which stays possible. */
TEST_F(viommu, by_the_page_table)
{
	uint64_t *words = (uint64_t *)self->sim.buf, seen;

	words[0] = 100;
	words[PAGE / 8] = 101;
	ASSERT_EQ(0, sim_attach(&self->sim, self->hwpt));
	ASSERT_EQ(0, dma_peek(&self->dma, V, &seen));
	ASSERT_EQ(0, guest_map(&self->sim.guest, self->root, V, SIM_AT + PAGE,
			       PAGE, GUEST_4K, GUEST_RW));
	ASSERT_EQ(0, guest_invalidate(self->fd, self->hwpt, V, PAGE));
	ASSERT_EQ(0, dma_peek(&self->dma, V, &seen));
	EXPECT_EQ(101, seen);
}

TEST_F(viommu, wrong_invalidations)
{
	static const struct {
		struct iosim_invalidate_viommu entry;
		int rc;
	} rows[] = {
		{ { .op = 0, .length = 1 }, -EINVAL },
		{ { .op = 77, .length = 1 }, -EINVAL },
		{ { .op = IOSIM_VIOMMU_RANGE }, -EINVAL },
		{ { .op = IOSIM_VIOMMU_RANGE, .addr = 2, .length = UINT64_MAX },
		  -EINVAL },
		{ { .op = IOSIM_VIOMMU_RANGE, .length = 1, .flags = 2 },
		  -EOPNOTSUPP },
		{ { .op = IOSIM_VIOMMU_RANGE, .length = 1, .vdev_id = 1 },
		  -EOPNOTSUPP },
	};
	struct iosim_invalidate_viommu entries[600] = {};
	uint32_t num, i;

	for (i = 0; i < 600; i++) {
		entries[i].op = IOSIM_VIOMMU_RANGE;
		entries[i].length = PAGE;
	}
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		entries[300] = rows[i].entry;
		num = 600;
		EXPECT_EQ(rows[i].rc,
			  iommu_hwpt_invalidate(self->fd, self->viommu, entries,
						IOSIM_INVALIDATE_VIOMMU,
						sizeof(entries[0]), &num));
		EXPECT_EQ(300, num) TH_LOG("row %u", i);
	}
	entries[300] = entries[0];
	num = 600;
	EXPECT_EQ(0, iommu_hwpt_invalidate(self->fd, self->viommu, entries,
					   IOSIM_INVALIDATE_VIOMMU,
					   sizeof(entries[0]), &num));
	EXPECT_EQ(600, num);
	num = 0;
	EXPECT_EQ(0, iommu_hwpt_invalidate(self->fd, self->viommu, NULL,
					   IOSIM_INVALIDATE_VIOMMU,
					   sizeof(entries[0]), &num));
	num = 1;
	SAYS(EINVAL, "refuses entry 0",
	     iommu_hwpt_invalidate(self->fd, self->viommu, entries,
				   IOSIM_INVALIDATE_FIRST_STAGE,
				   sizeof(entries[0]), &num));
	EXPECT_EQ(0, num);
	num = 1;
	EXPECT_EQ(-EINVAL, iommu_hwpt_invalidate(self->fd, self->viommu,
						 entries,
						 IOSIM_INVALIDATE_VIOMMU,
						 sizeof(entries[0]) - 1, &num));
	num = 1;
	EXPECT_EQ(-EFAULT, iommu_hwpt_invalidate(self->fd, self->viommu,
						 (void *)8,
						 IOSIM_INVALIDATE_VIOMMU,
						 sizeof(entries[0]), &num));
	EXPECT_EQ(0, num);
}

/* What a user can get wrong ------------------------------------------------ */

TEST_F(viommu, wrong_arguments)
{
	struct iommu_viommu_alloc cmd = {
		.size = sizeof(cmd),
		.type = IOSIM_VIOMMU_TYPE,
		.dev_id = self->dev,
		.hwpt_id = self->parent,
	}, wrong;
	uint32_t plain;
	char data[20] = {};

#define REFUSED(error, field, value)					\
	do {								\
		wrong = cmd;						\
		wrong.field = value;					\
		EXPECT_EQ(-(error), iommu_cmd(self->fd,			\
					      IOMMU_VIOMMU_ALLOC, &wrong)); \
		EXPECT_EQ(0, wrong.out_viommu_id);			\
	} while (0)

	REFUSED(EOPNOTSUPP, flags, 1);
	REFUSED(EOPNOTSUPP, __reserved, 1);
	REFUSED(EOPNOTSUPP, type, IOMMU_VIOMMU_TYPE_DEFAULT);
	REFUSED(EOPNOTSUPP, type, IOMMU_VIOMMU_TYPE_ARM_SMMUV3);
	EXPECT_TRUE(reason_explains(self->fd, EOPNOTSUPP, "no vIOMMU of type"));
	REFUSED(ENOENT, dev_id, NO_SUCH_ID);
	REFUSED(ENOENT, dev_id, self->parent);
	REFUSED(ENOENT, hwpt_id, NO_SUCH_ID);
	REFUSED(ENOENT, hwpt_id, self->sim.ioas);
	REFUSED(ENOENT, hwpt_id, self->viommu);
	REFUSED(ENOENT, hwpt_id, self->hwpt);
	EXPECT_TRUE(reason_explains(self->fd, ENOENT, "is the user's"));
	ASSERT_EQ(0, iommu_hwpt_alloc(self->fd, self->dev, self->sim.ioas, 0,
				      &plain));
	REFUSED(EINVAL, hwpt_id, plain);
	EXPECT_TRUE(reason_explains(self->fd, EINVAL, "NEST_PARENT"));
	REFUSED(E2BIG, data_len, PAGE + 1);
	cmd.data_uptr = iommu_ptr(data);
	REFUSED(EINVAL, data_len, sizeof(data));
	REFUSED(EINVAL, data_len, 8);
	cmd.data_uptr = 8;
	REFUSED(EFAULT, data_len, sizeof(struct iosim_viommu));
}

TEST_F(viommu, wrong_page_tables)
{
	uint32_t id;

	/* A vIOMMU has no page tables of the kernel's */
	SAYS(EOPNOTSUPP, "is the user's",
	     iommu_hwpt_alloc(self->fd, self->dev, self->viommu, 0, &id));
	EXPECT_EQ(-EOPNOTSUPP,
		  iommu_hwpt_alloc(self->fd, self->dev, self->viommu,
				   IOMMU_HWPT_ALLOC_NEST_PARENT, &id));
	EXPECT_EQ(-EOPNOTSUPP,
		  iommu_hwpt_alloc_user(self->fd, self->dev, self->viommu,
					77, &id, sizeof(id), 0, &id));
	EXPECT_EQ(-EINVAL, guest_hwpt(self->fd, self->dev, self->viommu,
				      self->root + 1, 0, &id));
	EXPECT_EQ(-EFAULT,
		  iommu_hwpt_alloc_user(self->fd, self->dev, self->viommu,
					IOSIM_HWPT_FIRST_STAGE, (void *)8,
					sizeof(struct iosim_hwpt_first_stage),
					0, &id));
	EXPECT_EQ(-EINVAL,
		  guest_hwpt_pasid_table(self->fd, self->dev, self->viommu,
					 self->root, 21, 0, &id));
	/* More PASIDs than the device has: found out when it is attached */
	ASSERT_EQ(0, guest_hwpt_pasid_table(self->fd, self->dev, self->viommu,
					    self->root, 7, 0, &id));
	EXPECT_EQ(-EINVAL, sim_attach(&self->sim, id));
	/* Nothing can be attached to the vIOMMU itself */
	SAYS(EINVAL, "vIOMMU", sim_attach(&self->sim, self->viommu));
	EXPECT_EQ(0, iommu_destroy(self->fd, id));
}

TEST_F(viommu, fault_queue)
{
	uint32_t queue, hwpt;
	int fd;

	ASSERT_EQ(0, iommu_fault_queue_alloc(self->fd, &queue, &fd));
	EXPECT_EQ(-ENOENT, guest_hwpt(self->fd, self->dev, self->viommu,
				      self->root, NO_SUCH_ID, &hwpt));
	ASSERT_EQ(0, guest_hwpt(self->fd, self->dev, self->viommu, self->root,
				queue, &hwpt));
	ASSERT_EQ(0, sim_attach(&self->sim, hwpt));
	EXPECT_EQ(0, dma_check(&self->dma, V, self->sim.buf));
	EXPECT_EQ(-EBUSY, iommu_destroy(self->fd, queue));
	close(fd);
}

/* Isolation ---------------------------------------------------------------- */

TEST_F(viommu, of_another_descriptor)
{
	int other = iommu_open();
	uint32_t id, num = 0;

	ASSERT_LE(0, other);
	EXPECT_EQ(-ENOENT, iommu_destroy(other, self->viommu));
	EXPECT_EQ(-ENOENT, iommu_hwpt_invalidate(other, self->viommu, NULL,
						 IOSIM_INVALIDATE_VIOMMU, 32,
						 &num));
	EXPECT_EQ(-ENOENT, guest_viommu(other, self->dev, self->parent, &id));
	EXPECT_EQ(-ENOENT, guest_hwpt(other, self->dev, self->viommu,
				      self->root, 0, &id));
	close(other);
}

/* Behind a VT-d of the simulator: it has no vIOMMU, and may use none. */
TEST_F(viommu, of_a_device_behind_a_vtd)
{
	struct engine other;
	uint32_t id, parent;

	ASSERT_EQ(0, sim_add(&self->sim, OTHER, "vtd=1", &other));
	ASSERT_EQ(0, iommu_hwpt_alloc(self->fd, other.dev_id, self->sim.ioas,
				      IOMMU_HWPT_ALLOC_NEST_PARENT, &parent));
	SAYS(EOPNOTSUPP, "no vIOMMU",
	     guest_viommu(self->fd, other.dev_id, parent, &id));
	/* That comes first, as in-tree. */
	SAYS(EOPNOTSUPP, "no vIOMMU",
	     guest_viommu(self->fd, other.dev_id, NO_SUCH_ID, &id));
	SAYS(EOPNOTSUPP, "no vIOMMU",
	     guest_viommu(self->fd, other.dev_id, self->hwpt, &id));
	SAYS(EINVAL, "reads page tables otherwise",
	     guest_viommu(self->fd, self->dev, parent, &id));
	SAYS(EINVAL, "reads page tables otherwise",
	     guest_hwpt(self->fd, other.dev_id, self->viommu, self->root, 0,
			&id));
	SAYS(EINVAL, "reads page tables otherwise",
	     vfio_attach(other.fd, self->hwpt, NULL));
	EXPECT_EQ(0, sim_remove(OTHER, &other));
}

/* Behind an IOMMU of another driver, which has no vIOMMUs. */
TEST_F(viommu, of_a_device_behind_another_iommu)
{
	struct vfio_pci pci;
	struct edu edu;
	uint32_t id;

	if (edu_find_alone(&pci, 1) != 1)
		SKIP(return, "no edu device alone in its group");
	ASSERT_EQ(0, edu_open(&edu, &pci, self->fd));
	SAYS(EOPNOTSUPP, "has no vIOMMU of type",
	     guest_viommu(self->fd, edu.dev_id, self->parent, &id));
	SAYS(EINVAL, "behind another IOMMU",
	     guest_hwpt(self->fd, edu.dev_id, self->viommu, self->root, 0,
			&id));
	SAYS(EINVAL, "another driver", vfio_attach(edu.fd, self->hwpt, NULL));
	edu_close(&edu);
}

/* Races -------------------------------------------------------------------- */

#define STEPS 2000

static void *destroy_them(void *data)
{
	FIXTURE_DATA(viommu) *self = data;
	uint32_t id;
	int i;

	for (i = 0; i < STEPS; i++)
		for (id = self->hwpt + 1; id < self->hwpt + 5; id++)
			iommu_destroy(self->fd, id);
	return NULL;
}

static void *invalidate_them(void *data)
{
	FIXTURE_DATA(viommu) *self = data;
	uint32_t id;
	int i;

	for (i = 0; i < STEPS; i++)
		for (id = self->hwpt + 1; id < self->hwpt + 5; id++)
			guest_invalidate_viommu(self->fd, id,
						IOSIM_VIOMMU_RANGE, 0,
						EVERYTHING);
	return NULL;
}

/* Made by one thread, and destroyed and invalidated by others at any time. */
TEST_F(viommu, races)
{
	uint32_t viommu, hwpt;
	pthread_t threads[2];
	int i, rc;

	ASSERT_EQ(0, pthread_create(&threads[0], NULL, destroy_them, self));
	ASSERT_EQ(0, pthread_create(&threads[1], NULL, invalidate_them, self));
	for (i = 0; i < STEPS / 4; i++) {
		ASSERT_EQ(0, guest_viommu(self->fd, self->dev, self->parent,
					  &viommu));
		rc = guest_hwpt(self->fd, self->dev, viommu, self->root, 0,
				&hwpt);
		if (!rc)
			sim_attach(&self->sim, hwpt);
		else
			EXPECT_EQ(-EINVAL, rc);
	}
	pthread_join(threads[0], NULL);
	pthread_join(threads[1], NULL);
	ASSERT_EQ(0, sim_attach(&self->sim, self->hwpt));
	EXPECT_EQ(0, dma_check(&self->dma, V, self->sim.buf));
}

SIM_HARNESS_MAIN
