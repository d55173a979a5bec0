// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which page table a device may go by: not one of another IOMMU driver's, whatever the
 * way to attach it; and the policy whether DMA may bypass the caches.
 */
#define _GNU_SOURCE
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "child.h"
#include "edu.h"
#include "iommu.h"
#include "mem.h"
#include "sim.h"
#include "vfio.h"

#define PAGE SIM_PAGE
#define ATTRIBUTES "pasid_bits=4"
#define LOOSE "loose"
#define NOT_COHERENT "quirks=no_coherency"
#define NO_SUCH_ID 0x7fffff00

/* The sentence of the failure before has the word. */
static bool says(int fd, const char *word)
{
	char text[256] = "";
	uint32_t len = sizeof(text), error;

	if (iommu_last_reason(fd, text, &len, &error))
		return false;
	if (strstr(text, word))
		return true;
	printf("# \"%s\" does not say \"%s\"\n", text, word);
	return false;
}

/* One of the simulator, one behind the machine's IOMMU, and a page table of each. */
FIXTURE(two)
{
	struct sim sim;
	struct edu edu;
	uint32_t of_sim, of_edu;
	char *page;
};

FIXTURE_SETUP(two)
{
	struct vfio_pci pci;

	self->edu.fd = -1;
	NEED_SIM;
	ASSERT_EQ(0, sim_open(&self->sim, ATTRIBUTES));
	ASSERT_EQ(1, edu_find_alone(&pci, 1));
	ASSERT_EQ(0, edu_open(&self->edu, &pci, self->sim.fd));
	ASSERT_EQ(0, iommu_hwpt_alloc(self->sim.fd, self->sim.engine.dev_id,
				      self->sim.ioas, 0, &self->of_sim));
	ASSERT_EQ(0, iommu_hwpt_alloc(self->sim.fd, self->edu.dev_id,
				      self->sim.ioas, 0, &self->of_edu));
	self->page = self->sim.buf + PAGE;
}

FIXTURE_TEARDOWN(two)
{
	edu_close(&self->edu);
	EXPECT_EQ(0, sim_close(&self->sim));
}

#define EDU_SEES()							\
	EXPECT_EQ(0, edu_check(&self->edu, SIM_AT + PAGE, self->page, 64))
#define SIM_SEES()							\
	do {								\
		struct dma _dma = sim_dma(&self->sim, 0);		\
									\
		EXPECT_EQ(0, dma_check(&_dma, SIM_AT, self->sim.buf));	\
	} while (0)

TEST_F(two, first)
{
	int fd = self->sim.fd;

	EXPECT_EQ(-EINVAL, vfio_attach(self->edu.fd, self->of_sim, NULL));
	EXPECT_TRUE(says(fd, self->edu.pci.bdf));
	EXPECT_TRUE(says(fd, "another driver"));
	EXPECT_EQ(-EINVAL, sim_attach(&self->sim, self->of_edu));
	EXPECT_TRUE(says(fd, SIM_NAME));
	ASSERT_EQ(0, vfio_attach(self->edu.fd, self->of_edu, NULL));
	ASSERT_EQ(0, sim_attach(&self->sim, self->of_sim));
	EDU_SEES();
	SIM_SEES();
}

TEST_F(two, moved)
{
	ASSERT_EQ(0, vfio_attach(self->edu.fd, self->sim.ioas, NULL));
	ASSERT_EQ(0, sim_attach(&self->sim, self->sim.ioas));
	EXPECT_EQ(-EINVAL, vfio_attach(self->edu.fd, self->of_sim, NULL));
	EXPECT_TRUE(says(self->sim.fd, self->edu.pci.bdf));
	EXPECT_EQ(-EINVAL, sim_attach(&self->sim, self->of_edu));
	EXPECT_TRUE(says(self->sim.fd, SIM_NAME));
	/* Each is where it was */
	EDU_SEES();
	SIM_SEES();
}

TEST_F(two, by_pasid)
{
	int fd = self->sim.fd, dev = self->sim.engine.dev_id;
	struct dma dma = sim_dma_pasid(&self->sim, 1, 3);

	EXPECT_EQ(-EINVAL, iommu_pasid_attach(fd, dev, 3, self->of_edu));
	EXPECT_TRUE(says(fd, "another driver"));
	ASSERT_EQ(0, iommu_pasid_attach(fd, dev, 3, self->sim.ioas));
	EXPECT_EQ(-EINVAL, iommu_pasid_attach(fd, dev, 3, self->of_edu));
	EXPECT_TRUE(says(fd, "another driver"));
	EXPECT_EQ(0, dma_check(&dma, SIM_AT, self->sim.buf));
}

/* By IOAS: each finds one of its own, in any order. */
TEST_F(two, chosen)
{
	uint32_t edu, sim;

	ASSERT_EQ(0, vfio_attach(self->edu.fd, self->sim.ioas, &edu));
	ASSERT_EQ(0, vfio_attach(self->sim.engine.fd, self->sim.ioas, &sim));
	EXPECT_NE(edu, sim);
	EDU_SEES();
	SIM_SEES();
}

TEST_F(two, below)
{
	uint32_t parent, hwpt, fd = self->sim.fd;
	const uint64_t data[8] = {};

	ASSERT_EQ(0, sim_parent_hwpt(&self->sim, &parent));
	EXPECT_NE(0, iommu_hwpt_alloc_user(fd, self->edu.dev_id, parent, 1,
					   data, sizeof(data), 0, &hwpt));
	/* Not meant for it; and what the driver is to read is too much */
	EXPECT_EQ(-EINVAL, iommu_hwpt_alloc_user(fd, self->sim.engine.dev_id,
						 self->of_sim, 1, data,
						 sizeof(data), 0, &hwpt));
	EXPECT_TRUE(says(fd, "NEST_PARENT"));
	EXPECT_EQ(-E2BIG, iommu_hwpt_alloc_user(fd, self->sim.engine.dev_id,
						parent, 1, data, 1 << 20, 0,
						&hwpt));
	EXPECT_EQ(-EFAULT, iommu_hwpt_alloc_user(fd, self->sim.engine.dev_id,
						 parent, 1, (void *)8,
						 sizeof(data), 0, &hwpt));
}

/* The policy ------------------------------------------------------------------ */

static int coherency(int fd, uint32_t ioas, uint32_t flags, uint32_t *policy)
{
	struct ioasid_coherency cmd = {
		.size = sizeof(cmd),
		.flags = flags,
		.ioas_id = ioas,
		.policy = *policy,
	};
	int rc = iommu_cmd(fd, IOASID_COHERENCY, &cmd);

	*policy = cmd.policy;
	return rc;
}

static int set_policy(int fd, uint32_t ioas, uint32_t policy)
{
	return coherency(fd, ioas, IOASID_COHERENCY_SET, &policy);
}

static uint32_t policy_of(int fd, uint32_t ioas)
{
	uint32_t policy = 0;

	return coherency(fd, ioas, 0, &policy) ? UINT32_MAX : policy;
}

static uint32_t flags_of(int fd, uint32_t dev)
{
	struct ioasid_device_info info = {};
	int rc = iommu_device_info(fd, dev, &info);

	return rc && rc != -EMSGSIZE ? 0 : info.out_flags;
}

#define IS_ENFORCED(dev)						\
	!!(flags_of(self->sim.fd, dev) & IOASID_DEVICE_ENFORCED)

FIXTURE(policy)
{
	struct sim sim;
	uint32_t dev;
	int fd;
};

FIXTURE_SETUP(policy)
{
	NEED_SIM;
	ASSERT_EQ(0, sim_open(&self->sim, ATTRIBUTES));
	self->fd = self->sim.fd;
	self->dev = self->sim.engine.dev_id;
}

FIXTURE_TEARDOWN(policy)
{
	EXPECT_EQ(0, sim_close(&self->sim));
}

TEST_F(policy, input)
{
	uint32_t policy = 3, ioas = self->sim.ioas;

	EXPECT_EQ(1, iommu_extension(self->fd, IOASID_EXT_COHERENCY));
	EXPECT_EQ(-EINVAL, coherency(self->fd, ioas, IOASID_COHERENCY_SET,
				     &policy));
	policy = 0;
	EXPECT_EQ(-EOPNOTSUPP, coherency(self->fd, ioas, 2, &policy));
	EXPECT_EQ(-ENOENT, coherency(self->fd, NO_SUCH_ID, 0, &policy));
	EXPECT_EQ(-ENOENT, coherency(self->fd, self->dev, 0, &policy));
	EXPECT_EQ(IOASID_COHERENCY_DEFAULT, policy_of(self->fd, ioas));
}

TEST_F(policy, of_what_is_attached)
{
	static const struct {
		uint32_t policy;
		bool enforced;
	} cases[] = {
		{ IOASID_COHERENCY_DEFAULT, true },
		{ IOASID_COHERENCY_NOT_NEEDED, false },
		{ IOASID_COHERENCY_REQUIRED, true },
	};
	uint32_t ioas = self->sim.ioas;
	struct dma dma = sim_dma(&self->sim, 0);
	uint32_t other, hwpt;
	unsigned int i;

	EXPECT_TRUE(flags_of(self->fd, self->dev) & IOASID_DEVICE_COHERENT);
	EXPECT_FALSE(IS_ENFORCED(self->dev));
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, set_policy(self->fd, ioas, cases[i].policy));
		EXPECT_EQ(cases[i].policy, policy_of(self->fd, ioas));
		ASSERT_EQ(0, sim_attach(&self->sim, ioas));
		EXPECT_EQ(cases[i].enforced, IS_ENFORCED(self->dev));
		EXPECT_EQ(0, dma_check(&dma, SIM_AT, self->sim.buf));
		/* Not while there are page tables by another one */
		other = cases[(i + 1) % 3].policy;
		EXPECT_EQ(-EBUSY, set_policy(self->fd, ioas, other));
		EXPECT_TRUE(says(self->fd, "page tables"));
		EXPECT_EQ(0, set_policy(self->fd, ioas, cases[i].policy));
		ASSERT_EQ(0, vfio_detach(self->sim.engine.fd));
		/* One that was asked for */
		ASSERT_EQ(0, iommu_hwpt_alloc(self->fd, self->dev, ioas, 0,
					      &hwpt));
		EXPECT_EQ(-EBUSY, set_policy(self->fd, ioas, other));
		ASSERT_EQ(0, sim_attach(&self->sim, hwpt));
		EXPECT_EQ(cases[i].enforced, IS_ENFORCED(self->dev));
		ASSERT_EQ(0, vfio_detach(self->sim.engine.fd));
		ASSERT_EQ(0, iommu_destroy(self->fd, hwpt));
	}
}

TEST_F(policy, of_a_child)
{
	uint32_t ioas = self->sim.ioas, child;

	ASSERT_EQ(0, set_policy(self->fd, ioas, IOASID_COHERENCY_REQUIRED));
	ASSERT_EQ(0, iommu_alloc_nested(self->fd, ioas, &child));
	EXPECT_EQ(IOASID_COHERENCY_REQUIRED, policy_of(self->fd, child));
	EXPECT_EQ(0, set_policy(self->fd, child, IOASID_COHERENCY_DEFAULT));
	EXPECT_EQ(IOASID_COHERENCY_REQUIRED, policy_of(self->fd, ioas));
}

struct without_privileges {
	int fd;
	uint32_t ioas;
};

static void set_without_privileges(void *arg)
{
	const struct without_privileges *my = arg;

	CHILD_EQ(0, setuid(1000));
	CHILD_EQ(-EPERM, set_policy(my->fd, my->ioas,
				    IOASID_COHERENCY_NOT_NEEDED));
	CHILD_EQ(1, says(my->fd, "CAP_SYS_RAWIO"));
	CHILD_EQ(0, set_policy(my->fd, my->ioas, IOASID_COHERENCY_REQUIRED));
	CHILD_EQ(0, set_policy(my->fd, my->ioas, IOASID_COHERENCY_DEFAULT));
}

TEST_F(policy, takes_privileges)
{
	struct without_privileges my = { self->fd, self->sim.ioas };

	EXPECT_EQ(0, child_run(set_without_privileges, &my));
}

/* The machine's IOMMU, which cannot enforce it. */
TEST_F(two, that_requires_it)
{
	int fd = self->sim.fd;
	uint32_t ioas;

	if (flags_of(fd, self->edu.dev_id) & IOASID_DEVICE_COHERENT)
		SKIP(return, "the machine's IOMMU can enforce coherency");
	ASSERT_EQ(0, iommu_ioas_alloc(fd, &ioas));
	ASSERT_EQ(0, iommu_map_fixed(fd, ioas, self->sim.buf, SIM_SIZE,
				     IOMMU_RW, SIM_AT));
	ASSERT_EQ(0, set_policy(fd, ioas, IOASID_COHERENCY_REQUIRED));
	EXPECT_EQ(-EINVAL, vfio_attach(self->edu.fd, ioas, NULL));
	EXPECT_TRUE(says(fd, "coherency"));
	EXPECT_TRUE(says(fd, self->edu.pci.bdf));
	EXPECT_EQ(0, edu_can_write(&self->edu, SIM_AT + PAGE, self->page, 64));
	ASSERT_EQ(0, sim_attach(&self->sim, ioas));
	EXPECT_TRUE(IS_ENFORCED(self->sim.engine.dev_id));

	/* And where it need not be, both are attached */
	ASSERT_EQ(0, vfio_attach(self->edu.fd, self->sim.ioas, NULL));
	EXPECT_FALSE(IS_ENFORCED(self->edu.dev_id));
	EDU_SEES();
}

/* A page table for a device that cannot, and a device that can, of one driver. */
TEST_F(policy, of_another_device)
{
	struct engine loose = { .fd = -1, .irq = -1 };
	uint32_t hwpt, ioas = self->sim.ioas;
	int rc;

	rc = sim_add(&self->sim, LOOSE, ATTRIBUTES " " NOT_COHERENT, &loose);
	if (rc) {
		iosim_destroy(LOOSE);
		SKIP(return, "the simulator has no such device (%d)", rc);
	}
	EXPECT_FALSE(flags_of(self->fd, loose.dev_id) & IOASID_DEVICE_COHERENT);
	ASSERT_EQ(0, iommu_hwpt_alloc(self->fd, loose.dev_id, ioas, 0, &hwpt));
	ASSERT_EQ(0, vfio_attach(loose.fd, hwpt, NULL));
	EXPECT_EQ(-EINVAL, sim_attach(&self->sim, hwpt));
	EXPECT_TRUE(says(self->fd, "coherency"));
	ASSERT_EQ(0, sim_attach(&self->sim, ioas));
	EXPECT_TRUE(IS_ENFORCED(self->dev));
	EXPECT_EQ(-EINVAL, sim_attach(&self->sim, hwpt));
	EXPECT_EQ(-EINVAL, iommu_pasid_attach(self->fd, self->dev, 1, hwpt));
	EXPECT_TRUE(IS_ENFORCED(self->dev));
	EXPECT_EQ(0, sim_remove(LOOSE, &loose));
}

SIM_HARNESS_MAIN
