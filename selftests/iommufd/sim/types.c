// SPDX-License-Identifier: GPL-2.0-only
/*
 * Kinds of data that linux/iommufd.h knows and the device's IOMMU does not: those of
 * other IOMMUs. Each is refused, by the simulator as by the drivers of Debian's kernels.
 */
#define _GNU_SOURCE
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "fault.h"
#include "iommu.h"
#include "mem.h"
#include "reason.h"
#include "sim.h"

#define V 0x7f0000000000ULL
#define PASID 5
#define OTHER "other"

/* The enumerators of newer headers are not in that of 6.12. */
enum type {
	NONE,
	INFO_VTD = 1,
	INFO_SMMUV3 = 2,
	INFO_TEGRA241 = 3,
	INFO_AMD = 4,
	DATA_VTD = 1,
	DATA_SMMUV3 = 2,
	DATA_AMD = 3,
	INVALIDATE_VTD = 0,
	INVALIDATE_SMMUV3 = 1,
	VIOMMU_SMMUV3 = 1,
	VIOMMU_TEGRA241 = 2,
	EVENT_SMMUV3 = 1,
	EVENT_TEGRA241 = 2,
	QUEUE_TEGRA241 = 1,
};

#define SAYS(error, part, call)	EXPECT_REFUSED(self->fd, error, part, call)

/* A vIOMMU with registers, on it a first stage. */
FIXTURE(types)
{
	struct sim sim;
	int fd;
	uint32_t dev;
	uint32_t parent;
	uint32_t viommu;
	uint64_t root;
	uint32_t hwpt;
	struct iosim_viommu data;
};

FIXTURE_SETUP(types)
{
	struct sim *sim = &self->sim;

	NEED_SIM;
	ASSERT_EQ(0, sim_open(sim, "pasid_bits=6 pri=1 prq_size=16"));
	self->fd = sim->fd;
	self->dev = sim->engine.dev_id;
	ASSERT_EQ(0, sim_parent_hwpt(sim, &self->parent));
	ASSERT_EQ(0, guest_viommu_with_page(self->fd, self->dev, self->parent,
					    &self->data, &self->viommu));
	ASSERT_EQ(0, sim_first_stage(sim, self->viommu, &self->root,
				     &self->hwpt));
}

FIXTURE_TEARDOWN(types)
{
	EXPECT_EQ(0, sim_close(&self->sim));
}

static int ask(int fd, uint32_t dev, uint32_t type, struct iommu_hw_info *info)
{
	*info = (struct iommu_hw_info){
		.flags = IOMMU_HW_INFO_FLAG_INPUT_TYPE,
		.out_data_type = type,
	};
	return iommu_get_hw_info(fd, dev, info);
}

/* An IOMMU has one kind, which is the default, and can be asked for. */
TEST_F(types, hw_info)
{
	static const uint32_t kinds[] = {
		INFO_VTD, INFO_SMMUV3, INFO_TEGRA241, INFO_AMD, INFO_AMD + 1,
		IOSIM_HW_INFO_TYPE,
	};
	struct iommu_hw_info info;
	struct engine vtd;
	size_t i;

	ASSERT_EQ(0, sim_add(&self->sim, OTHER, "vtd=1", &vtd));
	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		EXPECT_EQ(kinds[i] == IOSIM_HW_INFO_TYPE ? 0 : -EOPNOTSUPP,
			  ask(self->fd, self->dev, kinds[i], &info))
			TH_LOG("%x", kinds[i]);
		EXPECT_EQ(kinds[i] == INFO_VTD ? 0 : -EOPNOTSUPP,
			  ask(self->fd, vtd.dev_id, kinds[i], &info))
			TH_LOG("%x", kinds[i]);
	}
	SAYS(EOPNOTSUPP, "tells nothing of type 1",
	     ask(self->fd, self->dev, INFO_VTD, &info));
	EXPECT_EQ(0, ask(self->fd, self->dev, NONE, &info));
	EXPECT_EQ(IOSIM_HW_INFO_TYPE, info.out_data_type);
	EXPECT_EQ(0, ask(self->fd, vtd.dev_id, NONE, &info));
	EXPECT_EQ(IOMMU_HW_INFO_TYPE_INTEL_VTD, info.out_data_type);
	EXPECT_EQ(0, sim_remove(OTHER, &vtd));
}

/* Page tables of the user's, by length of what says where they are. */
TEST_F(types, page_tables)
{
	static const struct {
		uint32_t type;
		uint32_t length;
	} rows[] = {
		{ DATA_VTD, sizeof(struct iommu_hwpt_vtd_s1) },
		{ DATA_SMMUV3, 16 },
		{ DATA_AMD, 32 },
		{ DATA_AMD + 1, 32 },
	};
	char data[32] = {};
	uint32_t id = 0;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		SAYS(EOPNOTSUPP, "of that data_type",
		     iommu_hwpt_alloc_user(self->fd, self->dev, self->parent,
					   rows[i].type, data, rows[i].length,
					   0, &id));
		SAYS(EOPNOTSUPP, "of that data_type",
		     iommu_hwpt_alloc_user(self->fd, self->dev, self->viommu,
					   rows[i].type, data, rows[i].length,
					   0, &id));
	}
	EXPECT_EQ(0, id);
}

TEST_F(types, invalidations)
{
	static const uint32_t types[] = {
		INVALIDATE_VTD, INVALIDATE_SMMUV3, INVALIDATE_SMMUV3 + 1,
	};
	char entry[32] = {};
	uint32_t plain, num;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(types); i++) {
		num = 1;
		SAYS(EINVAL, "refuses entry 0",
		     iommu_hwpt_invalidate(self->fd, self->viommu, entry,
					   types[i], 24, &num));
		EXPECT_EQ(0, num);
		/* Without an entry it is only asked for */
		num = 0;
		EXPECT_EQ(-EINVAL,
			  iommu_hwpt_invalidate(self->fd, self->viommu, NULL,
						types[i], 0, &num));
	}
	/* On a page table of the user's that is on no vIOMMU */
	ASSERT_EQ(0, guest_hwpt(self->fd, self->dev, self->parent, self->root,
				0, &plain));
	for (i = 0; i < ARRAY_SIZE(types); i++) {
		num = 1;
		SAYS(EINVAL, "refuses entry 0",
		     iommu_hwpt_invalidate(self->fd, plain, entry, types[i],
					   24, &num));
	}
}

TEST_F(types, viommus)
{
	uint32_t id = 0;

	SAYS(EOPNOTSUPP, "has no vIOMMU of type 0x1",
	     iommu_viommu_alloc(self->fd, self->dev, self->parent,
				VIOMMU_SMMUV3, NULL, 0, &id));
	SAYS(EOPNOTSUPP, "has no vIOMMU of type 0x2",
	     iommu_viommu_alloc(self->fd, self->dev, self->parent,
				VIOMMU_TEGRA241, NULL, 0, &id));
	EXPECT_EQ(0, id);
}

TEST_F(types, hw_queues)
{
	uint32_t id = 0;

	SAYS(EOPNOTSUPP, "has no hardware queues of type 0x1",
	     iommu_hw_queue_alloc(self->fd, self->viommu, QUEUE_TEGRA241, 0,
				  SIM_AT, SIM_PAGE, &id));
	EXPECT_EQ(0, id);
}

/* As in-tree, there may be queues for events that the driver never has. */
TEST_F(types, events)
{
	static const uint32_t types[] = { EVENT_SMMUV3, EVENT_TEGRA241 };
	struct iosim_vevent_fault event;
	struct pollfd queue = { .events = POLLIN };
	struct dma dma;
	uint32_t id, vdevice;
	size_t i;

	ASSERT_EQ(0, iommu_vdevice_alloc(self->fd, self->viommu, self->dev, 7,
					 &vdevice));
	ASSERT_EQ(0, sim_attach(&self->sim, self->hwpt));
	dma = sim_dma(&self->sim, 0);
	for (i = 0; i < ARRAY_SIZE(types); i++) {
		ASSERT_EQ(0, iommu_veventq_alloc(self->fd, self->viommu,
						 types[i], 8, &id, &queue.fd));
		EXPECT_EQ(-EEXIST,
			  iommu_veventq_alloc(self->fd, self->viommu, types[i],
					      8, &id, &queue.fd));
		EXPECT_EQ(IOSIM_REASON_NOT_PRESENT, dma_poke(&dma, V, 1));
		EXPECT_EQ(0, poll(&queue, 1, 0));
		EXPECT_EQ(0, read(queue.fd, &event, sizeof(event)));
		close(queue.fd);
		EXPECT_EQ(0, iommu_destroy(self->fd, id));
	}
}

/* A device may ask for a page as a supervisor; that needs a PASID. */
TEST_F(types, supervisors_page_request)
{
	struct iommu_hwpt_pgfault fault;
	struct fault_queue queue;
	struct dma dma;
	bool privileged;
	uint32_t hwpt;

	ASSERT_EQ(0, fault_queue_open(self->fd, &queue));
	ASSERT_EQ(0, iommu_hwpt_alloc_fault(self->fd, self->dev,
					    self->sim.ioas, 0, queue.id, &hwpt));
	ASSERT_EQ(0, sim_attach(&self->sim, self->sim.ioas));
	ASSERT_EQ(0, iommu_pasid_attach(self->fd, self->dev, PASID, hwpt));
	dma = sim_dma_pasid(&self->sim, 0, PASID);
	dma.block = true;
	for (privileged = false;; privileged = true) {
		struct iosim_desc desc = dma_desc_fill(V, 8, 1);

		dma.privileged = privileged;
		ASSERT_EQ(0, dma_start(&dma, &desc));
		ASSERT_EQ(0, fault_wait(queue.fd));
		ASSERT_EQ(1, fault_read(queue.fd, &fault, 1));
		EXPECT_EQ(IOMMU_PGFAULT_PERM_WRITE |
			  (privileged ? IOMMU_PGFAULT_PERM_PRIV : 0),
			  fault.perm);
		EXPECT_EQ(IOMMU_PGFAULT_FLAGS_PASID_VALID |
			  IOMMU_PGFAULT_FLAGS_LAST_PAGE, fault.flags);
		EXPECT_EQ(PASID, fault.pasid);
		EXPECT_EQ(0, fault.__reserved);
		ASSERT_EQ(0, fault_respond(queue.fd, fault.cookie,
					   IOMMUFD_PAGE_RESP_INVALID));
		EXPECT_NE(0, dma_wait(&dma));
		if (privileged)
			break;
	}
	ASSERT_EQ(0, iommu_pasid_detach(self->fd, self->dev, PASID));
	close(queue.fd);
}

SIM_HARNESS_MAIN
