// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sub-devices: parts of a device whose RID stays with a kernel driver. They bind by
 * RID+PASID, and what the user calls a PASID is another one for the hardware.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "child.h"
#include "fault.h"
#include "iommu.h"
#include "mem.h"
#include "sim.h"
#include "vfio.h"

#define PAGE SIM_PAGE
#define SECOND "other"
#define BITS 8
#define NR_PASIDS (1U << BITS)
#define ATTRIBUTES "pasid_bits=8 pri=1"
#define NR_SPACES 3
/* A PASID as the user calls it */
#define V 77U
#define NOWHERE 0x20000000ULL

static const char * const uuids[] = {
	"11111111-1111-4111-8111-111111111111",
	"22222222-2222-4222-8222-222222222222",
	"33333333-3333-4333-8333-333333333333",
};

/* Two sub-devices of one parent, bound to one descriptor. */
FIXTURE(sub)
{
	struct sim sim;
	struct engine sub[2];
	struct sim_space space[NR_SPACES];
	int fd;
};

FIXTURE_VARIANT(sub)
{
	const char *type;
	bool global;
};

FIXTURE_VARIANT_ADD(sub, local)
{
	.type = IOSIM_LOCAL,
};

FIXTURE_VARIANT_ADD(sub, global)
{
	.type = IOSIM_GLOBAL,
	.global = true,
};

FIXTURE_SETUP(sub)
{
	int i;

	NEED_SIM;
	ASSERT_EQ(0, sim_open_parent(&self->sim, ATTRIBUTES));
	self->fd = self->sim.fd;
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, iosim_subdevice_create(SIM_NAME, variant->type,
						    uuids[i]));
		ASSERT_EQ(0, engine_open_subdevice(&self->sub[i], uuids[i],
						   self->fd));
	}
	for (i = 0; i < NR_SPACES; i++) {
		ASSERT_EQ(0, sim_space_open(&self->sim, &self->space[i]));
	}
}

FIXTURE_TEARDOWN(sub)
{
	int i;

	EXPECT_EQ(0, iosim_dma_check(SIM_NAME));
	for (i = 0; i < 2; i++)
		engine_close(&self->sub[i]);
	EXPECT_EQ(0, sim_close(&self->sim));
}

#define OWN ENGINE_NO_PASID
#define ATTACH_OWN(i, space_nr)						\
	vfio_attach(self->sub[i].fd, self->space[space_nr].ioas, NULL)
#define ATTACH(i, pasid, space_nr, hw_pasid)				\
	iommu_pasid_attach_at(self->fd, self->sub[i].dev_id, pasid,	\
			      self->space[space_nr].ioas, hw_pasid, NULL)
#define DETACH(i, pasid)						\
	iommu_pasid_detach(self->fd, self->sub[i].dev_id, pasid)
#define SEES(i, pasid, space_nr)					\
	sim_space_check(&self->space[space_nr], &self->sub[i], pasid)
#define EXPECT_SEES(i, pasid, space_nr)					\
	EXPECT_EQ(0, SEES(i, pasid, space_nr))
#define EXPECT_BLIND(i, pasid) EXPECT_NE(0, SEES(i, pasid, 0))

/* Its own address space ------------------------------------------------------ */

/* The same IOVA: each sees what it is attached to, and not the other's. */
TEST_F(sub, isolation)
{
	EXPECT_EQ(-ENODATA, SEES(0, OWN, 0));
	ASSERT_EQ(0, ATTACH_OWN(0, 0));
	ASSERT_EQ(0, ATTACH_OWN(1, 1));
	memset(self->space[0].buf, 0x11, PAGE);
	memset(self->space[1].buf, 0x22, PAGE);
	EXPECT_SEES(0, OWN, 0);
	EXPECT_EQ(0x22, self->space[1].buf[0]);
	EXPECT_SEES(1, OWN, 1);
	EXPECT_EQ(0x11, self->space[0].buf[8]);

	ASSERT_EQ(0, vfio_detach(self->sub[0].fd));
	EXPECT_EQ(-ENODATA, SEES(0, OWN, 0));
	EXPECT_SEES(1, OWN, 1);
	/* And moved: without the other one taking part in it */
	ASSERT_EQ(0, ATTACH_OWN(1, 2));
	EXPECT_SEES(1, OWN, 2);
	ASSERT_EQ(0, ATTACH_OWN(0, 1));
	EXPECT_SEES(0, OWN, 1);
}

TEST_F(sub, one_ioas_for_both)
{
	ASSERT_EQ(0, ATTACH_OWN(0, 0));
	ASSERT_EQ(0, ATTACH_OWN(1, 0));
	EXPECT_SEES(0, OWN, 0);
	EXPECT_SEES(1, OWN, 0);
	ASSERT_EQ(0, vfio_detach(self->sub[0].fd));
	EXPECT_EQ(-EBUSY, iommu_destroy(self->fd, self->space[0].ioas));
	EXPECT_SEES(1, OWN, 0);
	ASSERT_EQ(0, vfio_detach(self->sub[1].fd));
	EXPECT_EQ(0, iommu_destroy(self->fd, self->space[0].ioas));
}

/* Different descriptors, which know nothing of each other. */
TEST_F(sub, two_descriptors)
{
	struct sim_space space;
	struct sim other = {};

	engine_close(&self->sub[1]);
	other.fd = iommu_open();
	ASSERT_LE(0, other.fd);
	ASSERT_EQ(0, engine_open_subdevice(&self->sub[1], uuids[1], other.fd));
	ASSERT_EQ(0, sim_space_open(&other, &space));
	ASSERT_EQ(0, vfio_attach(self->sub[1].fd, space.ioas, NULL));
	ASSERT_EQ(0, ATTACH_OWN(0, 0));
	EXPECT_SEES(0, OWN, 0);
	EXPECT_EQ(0, sim_space_check(&space, &self->sub[1], OWN));
	ASSERT_EQ(0, iommu_pasid_attach(other.fd, self->sub[1].dev_id, V,
					space.ioas));
	ASSERT_EQ(0, ATTACH(0, V, 1, NULL));
	EXPECT_EQ(0, sim_space_check(&space, &self->sub[1], V));
	EXPECT_SEES(0, V, 1);
	engine_close(&self->sub[1]);
	close(other.fd);
}

/* Meanwhile the parent's driver does its own DMA. */
TEST_F(sub, the_parent_goes_on)
{
	struct iosim_desc desc = dma_desc_copy(SIM_AT, SIM_AT + 8 * PAGE,
					       4 * PAGE);
	int i;

	ASSERT_EQ(0, iosim_dma_check(SIM_NAME));
	ASSERT_EQ(0, ATTACH_OWN(0, 0));
	ASSERT_EQ(0, ATTACH(0, V, 1, NULL));
	for (i = 0; i < 20; i++) {
		desc.flags = i % 2 ? IOSIM_DESC_PASID : 0;
		desc.pasid = V;
		ASSERT_EQ(0, engine_submit(&self->sub[0], &desc));
		EXPECT_EQ(0, iosim_dma_check(SIM_NAME));
	}
	ASSERT_EQ(0, engine_wait_idle(&self->sub[0]));
	ASSERT_EQ(0, vfio_detach(self->sub[0].fd));
	EXPECT_EQ(0, iosim_dma_check(SIM_NAME));
	engine_close(&self->sub[0]);
	EXPECT_EQ(0, iosim_dma_check(SIM_NAME));
}

/* Virtual PASIDs ------------------------------------------------------------- */

/* The number is the user's. The hardware's is another, and it is never to be used. */
TEST_F(sub, virtual_pasids)
{
	uint32_t hw[3] = {};

	EXPECT_BLIND(0, V);
	ASSERT_EQ(0, ATTACH(0, V, 0, &hw[0]));
	ASSERT_EQ(0, ATTACH(0, V + 1, 1, &hw[1]));
	ASSERT_EQ(0, ATTACH(1, V + 2, 2, &hw[2]));
	EXPECT_NE(V, hw[0]);
	EXPECT_NE(0, hw[0]);
	EXPECT_NE(hw[0], hw[1]);
	EXPECT_NE(hw[0], hw[2]);
	EXPECT_NE(hw[1], hw[2]);
	EXPECT_GT(NR_PASIDS, hw[0]);
	EXPECT_GT(NR_PASIDS, hw[2]);
	EXPECT_SEES(0, V, 0);
	EXPECT_SEES(0, V + 1, 1);
	EXPECT_SEES(1, V + 2, 2);
	/* Another one's, the hardware's, and one that is not attached */
	EXPECT_BLIND(0, V + 2);
	EXPECT_BLIND(1, V);
	EXPECT_BLIND(0, hw[0]);
	EXPECT_BLIND(1, hw[0]);
	EXPECT_BLIND(1, V + 3);
	EXPECT_EQ(-ENODATA, SEES(0, OWN, 0));
}

/* Whatever a sub-device puts into a descriptor: it cannot reach another's memory. */
TEST_F(sub, all_numbers)
{
	struct iosim_desc desc = dma_desc_fill(SIM_AT, PAGE, 0xbad);
	uint32_t pasid;

	ASSERT_EQ(0, ATTACH_OWN(1, 0));
	ASSERT_EQ(0, ATTACH(1, V, 0, NULL));
	memset(self->space[0].buf, 0, PAGE);
	desc.flags = IOSIM_DESC_PASID | IOSIM_DESC_INTERRUPT;
	for (pasid = 0; pasid < NR_PASIDS; pasid++) {
		desc.pasid = pasid;
		engine_submit(&self->sub[0], &desc);
		ASSERT_EQ(0, engine_wait_idle(&self->sub[0]));
	}
	desc.pasid = UINT32_MAX;
	engine_submit(&self->sub[0], &desc);
	desc.pasid = 1 << 20;
	engine_submit(&self->sub[0], &desc);
	desc.flags = IOSIM_DESC_INTERRUPT;
	engine_submit(&self->sub[0], &desc);
	ASSERT_EQ(0, engine_wait_idle(&self->sub[0]));
	for (pasid = 0; pasid < PAGE; pasid++) {
		ASSERT_EQ(0, self->space[0].buf[pasid]);
	}
	EXPECT_SEES(1, V, 0);
}

/*
 * The same number on both: with PASIDs of the parent's that are two, with global
 * ones it is one, since the CPU that submits converts without knowing the device.
 */
TEST_F(sub, same_number_on_both)
{
	uint32_t hw[2] = {};

	ASSERT_EQ(0, ATTACH(0, V, 0, &hw[0]));
	if (variant->global) {
		EXPECT_EQ(-EINVAL, ATTACH(1, V, 1, &hw[1]));
		EXPECT_BLIND(1, V);
		ASSERT_EQ(0, ATTACH(1, V, 0, &hw[1]));
		EXPECT_EQ(hw[0], hw[1]);
		EXPECT_SEES(1, V, 0);
	} else {
		ASSERT_EQ(0, ATTACH(1, V, 1, &hw[1]));
		EXPECT_NE(hw[0], hw[1]);
		EXPECT_SEES(1, V, 1);
	}
	EXPECT_SEES(0, V, 0);
	ASSERT_EQ(0, DETACH(0, V));
	EXPECT_BLIND(0, V);
	EXPECT_EQ(0, SEES(1, V, variant->global ? 0 : 1));
	ASSERT_EQ(0, DETACH(1, V));
	EXPECT_BLIND(1, V);
}

/* On another parent, too. */
TEST_F(sub, two_parents)
{
	uint32_t hw[2] = {};
	struct engine third;

	ASSERT_EQ(0, iosim_create(SECOND, "kind=parent " ATTRIBUTES));
	ASSERT_EQ(0, iosim_subdevice_create(SECOND, variant->type, uuids[2]));
	ASSERT_EQ(0, engine_open_subdevice(&third, uuids[2], self->fd));
	ASSERT_EQ(0, ATTACH(0, V, 0, &hw[0]));
	ASSERT_EQ(0, iommu_pasid_attach_at(self->fd, third.dev_id, V,
					   self->space[1].ioas, &hw[1], NULL));
	if (variant->global) {
		EXPECT_EQ(hw[0], hw[1]);
	}
	EXPECT_SEES(0, V, 0);
	EXPECT_EQ(0, sim_space_check(&self->space[1], &third, V));
	engine_close(&third);
	EXPECT_SEES(0, V, 0);
	EXPECT_EQ(0, iosim_dma_check(SECOND));
	EXPECT_EQ(0, iosim_destroy(SECOND));
}

TEST_F(sub, replace)
{
	uint32_t before = 0, after = 0;

	ASSERT_EQ(0, ATTACH(0, V, 0, &before));
	EXPECT_SEES(0, V, 0);
	ASSERT_EQ(0, ATTACH(0, V, 1, &after));
	EXPECT_EQ(before, after);
	EXPECT_SEES(0, V, 1);
	EXPECT_EQ(0, iommu_destroy(self->fd, self->space[0].ioas));
	ASSERT_EQ(0, DETACH(0, V));
	EXPECT_EQ(-ENOENT, DETACH(0, V));
	ASSERT_EQ(0, ATTACH(0, V, 2, NULL));
	EXPECT_SEES(0, V, 2);
}

TEST_F(sub, bad_pasids)
{
	static const uint32_t bad[] = {
		0, NR_PASIDS, 1 << 20, UINT32_MAX - 1, UINT32_MAX,
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		EXPECT_EQ(-EINVAL, ATTACH(0, bad[i], 0, NULL))
			TH_LOG("%x", bad[i]);
		EXPECT_EQ(-ENOENT, DETACH(0, bad[i])) TH_LOG("%x", bad[i]);
	}
	EXPECT_EQ(-ENOENT, DETACH(0, V));
	EXPECT_EQ(0, iommu_destroy(self->fd, self->space[0].ioas));
}

/* What must not be possible with a part of a device. */
TEST_F(sub, not_for_a_part)
{
	struct guest *guest = &self->sim.guest;
	struct iosim_pasid_entry *table = guest_pasid_table(guest, 2);
	uint32_t parent, hwpt;

	ASSERT_EQ(0, iommu_hwpt_alloc(self->fd, self->sub[0].dev_id,
				      self->sim.ioas,
				      IOMMU_HWPT_ALLOC_NEST_PARENT, &parent));
	table[0].flags = IOSIM_PASID_VALID | IOSIM_PASID_PARENT;
	/* All PASIDs of the device would be the user's */
	if (!guest_hwpt_pasid_table(self->fd, self->sub[0].dev_id, parent,
				    guest_gpa(guest, table), 2, 0, &hwpt)) {
		EXPECT_EQ(-EINVAL, vfio_attach(self->sub[0].fd, hwpt, NULL));
		EXPECT_EQ(-EINVAL, iommu_pasid_attach(self->fd,
						      self->sub[0].dev_id, V,
						      hwpt));
	}
	EXPECT_EQ(0, iosim_dma_check(SIM_NAME));
	ASSERT_EQ(0, ATTACH_OWN(1, 0));
	EXPECT_SEES(1, OWN, 0);
}

TEST_F(sub, nesting)
{
	struct sim *sim = &self->sim;
	uint64_t root = sim_guest_root(sim);
	uint32_t parent, hwpt, dev = self->sub[0].dev_id;
	struct dma dma[2];
	int i;

	ASSERT_EQ(0, iommu_hwpt_alloc(self->fd, dev, sim->ioas,
				      IOMMU_HWPT_ALLOC_NEST_PARENT, &parent));
	ASSERT_EQ(0, guest_map(&sim->guest, root, NOWHERE, SIM_AT, PAGE,
			       GUEST_4K, GUEST_RW));
	ASSERT_EQ(0, guest_hwpt(self->fd, dev, parent, root, 0, &hwpt));
	ASSERT_EQ(0, vfio_attach(self->sub[0].fd, hwpt, NULL));
	ASSERT_EQ(0, iommu_pasid_attach(self->fd, dev, V, hwpt));
	for (i = 0; i < 2; i++) {
		dma[i] = sim_dma_pasid(sim, i, i ? V : OWN);
		dma[i].engine = &self->sub[0];
		EXPECT_EQ(0, dma_check(&dma[i], NOWHERE, sim->buf));
	}
	ASSERT_EQ(0, guest_unmap(&sim->guest, root, NOWHERE, PAGE, GUEST_4K));
	ASSERT_EQ(0, guest_invalidate(self->fd, hwpt, NOWHERE, PAGE));
	for (i = 0; i < 2; i++) {
		EXPECT_EQ(IOSIM_REASON_NOT_PRESENT,
			  dma_poke(&dma[i], NOWHERE, 1));
	}
}

/* Page requests say which part it is, and what the user calls the PASID. */
TEST_F(sub, page_requests)
{
	struct iommu_hwpt_pgfault fault[4];
	struct fault_queue queue;
	struct dma dma;
	uint32_t hwpt, i;
	bool own;
	int rc;

	ASSERT_EQ(0, fault_queue_open(self->fd, &queue));
	ASSERT_EQ(0, iommu_hwpt_alloc_fault(self->fd, self->sub[0].dev_id,
					    self->space[0].ioas, 0, queue.id,
					    &hwpt));
	for (i = 0; i < 4; i++) {
		struct engine *sub = &self->sub[i % 2];
		struct iosim_desc desc = dma_desc_fill(NOWHERE + i * PAGE, 8,
						       i + 1);

		own = i < 2;
		rc = own ? vfio_attach(sub->fd, hwpt, NULL) :
			   iommu_pasid_attach(self->fd, sub->dev_id, V + i, hwpt);
		ASSERT_EQ(0, rc);
		dma = sim_space_dma(&self->space[0], sub, own ? OWN : V + i);
		dma.block = true;
		ASSERT_EQ(0, dma_start(&dma, &desc));
		ASSERT_EQ(1, fault_read_group(queue.fd, fault, 4));
		EXPECT_EQ(sub->dev_id, fault->dev_id);
		EXPECT_EQ(own ? 0 : V + i, fault->pasid);
		EXPECT_EQ(own ? 0 : IOMMU_PGFAULT_FLAGS_PASID_VALID,
			  fault->flags & IOMMU_PGFAULT_FLAGS_PASID_VALID);
		EXPECT_EQ(NOWHERE + i * PAGE, fault->addr & ~(PAGE - 1));
		ASSERT_EQ(0, iommu_map_fixed(self->fd, self->space[0].ioas,
					     self->space[0].buf, PAGE, IOMMU_RW,
					     NOWHERE + i * PAGE));
		ASSERT_EQ(0, fault_respond(queue.fd, fault->cookie,
					   IOMMUFD_PAGE_RESP_SUCCESS));
		EXPECT_EQ(0, dma_wait(&dma));
		EXPECT_EQ(i + 1, *(uint64_t *)self->space[0].buf);
	}
	close(queue.fd);
}

/* The end -------------------------------------------------------------------- */

/* One that goes takes its own with it. */
TEST_F(sub, close_one)
{
	ASSERT_EQ(0, ATTACH_OWN(0, 0));
	ASSERT_EQ(0, ATTACH(0, V, 1, NULL));
	ASSERT_EQ(0, ATTACH_OWN(1, 2));
	engine_close(&self->sub[0]);
	EXPECT_SEES(1, OWN, 2);
	EXPECT_EQ(0, iommu_destroy(self->fd, self->space[0].ioas));
	EXPECT_EQ(0, iommu_destroy(self->fd, self->space[1].ioas));
	/* What opens it next finds nothing attached */
	ASSERT_EQ(0, engine_open_subdevice(&self->sub[0], uuids[0], self->fd));
	EXPECT_BLIND(0, V);
	EXPECT_EQ(-ENODATA, SEES(0, OWN, 2));
	ASSERT_EQ(0, ATTACH(0, V, 2, NULL));
	EXPECT_SEES(0, V, 2);
}

TEST_F(sub, close_under_load)
{
	struct iosim_desc desc = dma_desc_copy(SIM_AT, SIM_AT + (2 << 20),
					       2 << 20);
	struct engine *sub = &self->sub[0];
	size_t at;
	int i;

	ASSERT_EQ(0, vfio_attach(sub->fd, self->sim.ioas, NULL));
	ASSERT_EQ(0, iommu_pasid_attach(self->fd, sub->dev_id, V,
					self->sim.ioas));
	desc.pasid = V;
	for (i = 0; i < 6; i++) {
		desc.flags = i % 2 ? IOSIM_DESC_PASID : 0;
		ASSERT_EQ(0, engine_submit(sub, &desc));
	}
	engine_close(sub);
	/* Nothing writes there any more */
	memset(self->sim.buf, 0, 4 << 20);
	ASSERT_EQ(0, ATTACH_OWN(1, 0));
	EXPECT_SEES(1, OWN, 0);
	for (at = 0; at < 4 << 20; at += PAGE) {
		ASSERT_EQ(0, self->sim.buf[at]);
	}
}

static void *remove_it(void *arg)
{
	return (void *)(intptr_t)iosim_subdevice_remove(arg);
}

/* Removed: it is gone as soon as its user lets go of it. */
TEST_F(sub, remove_one)
{
	void *result = (void *)1;
	pthread_t thread;

	ASSERT_EQ(0, ATTACH_OWN(0, 0));
	ASSERT_EQ(0, ATTACH(0, V, 1, NULL));
	ASSERT_EQ(0, ATTACH_OWN(1, 2));
	ASSERT_EQ(0, pthread_create(&thread, NULL, remove_it,
				    (void *)uuids[0]));
	engine_close(&self->sub[0]);
	pthread_join(thread, &result);
	EXPECT_EQ(0, (intptr_t)result);
	EXPECT_EQ(-ENODEV, iosim_subdevice_cdev(uuids[0]));
	EXPECT_SEES(1, OWN, 2);
	EXPECT_EQ(0, iommu_destroy(self->fd, self->space[1].ioas));
}

static void *unplug(void *arg)
{
	return (void *)(intptr_t)iosim_unplug(arg);
}

/* The parent goes, and with it all its parts. */
TEST_F(sub, unplug_the_parent)
{
	void *result = (void *)1;
	pthread_t thread;
	int i;

	ASSERT_EQ(0, ATTACH_OWN(0, 0));
	ASSERT_EQ(0, ATTACH(1, V, 1, NULL));
	ASSERT_EQ(0, pthread_create(&thread, NULL, unplug, SIM_NAME));
	for (i = 0; i < 2; i++)
		engine_close(&self->sub[i]);
	pthread_join(thread, &result);
	EXPECT_EQ(0, (intptr_t)result);
	EXPECT_EQ(-ENODEV, iosim_subdevice_cdev(uuids[0]));
	ASSERT_EQ(0, iosim_plug(SIM_NAME));
	ASSERT_EQ(0, iosim_subdevice_create(SIM_NAME, variant->type, uuids[0]));
	ASSERT_EQ(0, engine_open_subdevice(&self->sub[0], uuids[0], self->fd));
	ASSERT_EQ(0, ATTACH(0, V, 1, NULL));
	EXPECT_SEES(0, V, 1);
}

static void be_killed(void *arg)
{
	FIXTURE_DATA(sub) *self = arg;
	struct sim sim = { .fd = iommu_open() };
	int i;

	for (i = 0; i < 2; i++) {
		engine_close(&self->sub[i]);
		CHILD_EQ(0, engine_open_subdevice(&self->sub[i], uuids[i],
						  sim.fd));
		CHILD_EQ(0, sim_space_open(&sim, &self->space[i]));
		CHILD_EQ(0, vfio_attach(self->sub[i].fd, self->space[i].ioas,
					NULL));
		CHILD_EQ(0, iommu_pasid_attach(sim.fd, self->sub[i].dev_id,
					       V + i, self->space[i].ioas));
	}
	kill(getpid(), SIGKILL);
}

TEST_F(sub, kill)
{
	int i;

	for (i = 0; i < 2; i++)
		engine_close(&self->sub[i]);
	EXPECT_TRUE(WIFSIGNALED(child_run(be_killed, self)));
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, engine_open_subdevice(&self->sub[i], uuids[i],
						   self->fd));
		EXPECT_BLIND(i, V + i);
		ASSERT_EQ(0, ATTACH(i, V + i, i, NULL));
		EXPECT_SEES(i, V + i, i);
	}
}

/* Parents that have few PASIDs, or none --------------------------------------- */

FIXTURE(parent)
{
	struct sim sim;
};

FIXTURE_SETUP(parent)
{
	NEED_SIM;
}

FIXTURE_TEARDOWN(parent)
{
	EXPECT_EQ(0, sim_close(&self->sim));
}

TEST_F(parent, without_pasids)
{
	struct engine sub;

	ASSERT_EQ(0, sim_open_parent(&self->sim, ""));
	EXPECT_EQ(0, iosim_dma_check(SIM_NAME));
	/* It may have no such types at all */
	if (iosim_subdevice_create(SIM_NAME, IOSIM_LOCAL, uuids[0]))
		return;
	EXPECT_EQ(-EOPNOTSUPP, engine_open_subdevice(&sub, uuids[0],
						     self->sim.fd));
}

/* Each sub-device takes one; when there is none, the bind says so. */
TEST_F(parent, with_few_pasids)
{
	enum { MAX = 8 };
	char uuid[40];
	struct engine sub[MAX];
	int i, n, rc = 0;

	ASSERT_EQ(0, sim_open_parent(&self->sim, "pasid_bits=3"));
	for (n = 0; n < MAX; n++) {
		snprintf(uuid, sizeof(uuid),
			 "44444444-4444-4444-8444-44444444444%d", n);
		rc = iosim_subdevice_create(SIM_NAME, IOSIM_LOCAL, uuid);
		if (rc)
			break;
		rc = engine_open_subdevice(&sub[n], uuid, self->sim.fd);
		if (rc)
			break;
	}
	EXPECT_EQ(-ENOSPC, rc);
	EXPECT_LT(1, n);
	/* One that is given back can be had */
	engine_close(&sub[0]);
	EXPECT_EQ(0, engine_open_subdevice(&sub[0], uuid, self->sim.fd));
	EXPECT_EQ(-ENOSPC, iommu_pasid_attach(self->sim.fd, sub[0].dev_id, 1,
					      self->sim.ioas));
	for (i = 0; i < n; i++)
		engine_close(&sub[i]);
}

TEST_F(parent, bad_names)
{
	ASSERT_EQ(0, sim_open_parent(&self->sim, ATTRIBUTES));
	EXPECT_EQ(-EINVAL, iosim_subdevice_create(SIM_NAME, IOSIM_LOCAL, "me"));
	ASSERT_EQ(0, iosim_subdevice_create(SIM_NAME, IOSIM_LOCAL, uuids[0]));
	EXPECT_EQ(-EEXIST, iosim_subdevice_create(SIM_NAME, IOSIM_GLOBAL,
						  uuids[0]));
	EXPECT_EQ(0, iosim_subdevice_remove(uuids[0]));
	EXPECT_EQ(0, iosim_subdevice_create(SIM_NAME, IOSIM_GLOBAL, uuids[0]));
	/* Nobody has opened it: it goes with its parent */
}

SIM_HARNESS_MAIN
