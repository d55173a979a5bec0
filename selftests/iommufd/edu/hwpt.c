// SPDX-License-Identifier: GPL-2.0-only
/*
 * IOMMU_HWPT_ALLOC: page tables that live without a device, or longer than its
 * attachment.
 */
#define _GNU_SOURCE
#include <sys/mman.h>

#include "device.h"
#include "edu.h"
#include "fault.h"
#include "reason.h"

TEST_F(device, hwpt)
{
	struct rig *rig = &self->rig;
	uint32_t hwpt, attached = 0, automatic = 0;

	if (!rig_fills_ahead())
		SKIP(return, RIG_NOT_AHEAD);
	ASSERT_EQ(0, iommu_hwpt_alloc(rig->fd, rig->edu.dev_id, rig->ioas, 0,
				      &hwpt));
	/* It is a user of the IOAS, and filled with what is mapped there */
	EXPECT_EQ(-EBUSY, iommu_destroy(rig->fd, rig->ioas));
	EXPECT_EQ(rig->pinned + 1, mem_pinned());

	ASSERT_EQ(0, vfio_attach(rig->edu.fd, hwpt, &attached));
	EXPECT_EQ(hwpt, attached);
	EXPECT_EQ(0, edu_check(&rig->edu, IOVA, self->mem, SOME_LENGTH));
	ASSERT_EQ(0, rig_map(rig, self->mem + PAGE, PAGE, IOVA + PAGE));
	EXPECT_EQ(0, edu_check(&rig->edu, IOVA + PAGE, self->mem + PAGE,
			       SOME_LENGTH));
	ASSERT_EQ(0, rig_unmap(rig, IOVA, PAGE));
	EXPECT_EQ(0, edu_can_write(&rig->edu, IOVA, self->mem, SOME_LENGTH));
	EXPECT_EQ(-EBUSY, iommu_destroy(rig->fd, hwpt));

	/* Attached to the IOAS, the device gets another one */
	ASSERT_EQ(0, vfio_attach(rig->edu.fd, rig->ioas, &automatic));
	EXPECT_NE(hwpt, automatic);
	EXPECT_EQ(0, edu_check(&rig->edu, IOVA + PAGE, self->mem + PAGE,
			       SOME_LENGTH));

	/* This one was not made by an attach, so detach leaves it */
	EXPECT_EQ(0, iommu_destroy(rig->fd, hwpt));
	EXPECT_EQ(-ENOENT, iommu_destroy(rig->fd, hwpt));
	EXPECT_EQ(0, edu_check(&rig->edu, IOVA + PAGE, self->mem + PAGE,
			       SOME_LENGTH));
}

TEST_F(device, hwpt_alone)
{
	struct rig *rig = &self->rig;
	uint32_t hwpt[3];
	int i;

	if (!rig_fills_ahead())
		SKIP(return, RIG_NOT_AHEAD);
	/* Several of one IOAS share the pins */
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, iommu_hwpt_alloc(rig->fd, rig->edu.dev_id,
					      rig->ioas, 0, &hwpt[i]));
	}
	EXPECT_EQ(rig->pinned + 1, mem_pinned());
	ASSERT_EQ(0, iommu_destroy(rig->fd, hwpt[0]));
	EXPECT_EQ(rig->pinned + 1, mem_pinned());
	ASSERT_EQ(0, vfio_attach(rig->edu.fd, hwpt[2], NULL));
	ASSERT_EQ(0, vfio_attach(rig->edu.fd, hwpt[1], NULL));
	ASSERT_EQ(0, iommu_destroy(rig->fd, hwpt[2]));
	EXPECT_EQ(0, edu_check(&rig->edu, IOVA, self->mem, SOME_LENGTH));
	ASSERT_EQ(0, vfio_detach(rig->edu.fd));
	ASSERT_EQ(0, iommu_destroy(rig->fd, hwpt[1]));
	EXPECT_EQ(rig->pinned, mem_wait_pinned(rig->pinned));
}

/* An allocated page table keeps the aperture to itself while it lives. */
TEST_F(device, hwpt_of_impossible_ioas)
{
	struct rig *rig = &self->rig;
	struct iommu_iova_range ranges[32];
	uint32_t hwpt, nr = 32;
	uint64_t end;

	if (!rig_fills_ahead())
		SKIP(return, RIG_NOT_AHEAD);
	ASSERT_EQ(0, iommu_hwpt_alloc(rig->fd, rig->edu.dev_id, rig->ioas, 0,
				      &hwpt));
	ASSERT_EQ(0, iommu_iova_ranges(rig->fd, rig->ioas, ranges, &nr, NULL));
	ASSERT_EQ(0, iommu_destroy(rig->fd, hwpt));
	end = ranges[nr - 1].last + 1;
	if (!end)
		SKIP(return, "this IOMMU translates all 64 bits");
	ASSERT_EQ(0, rig_map(rig, self->mem + PAGE, PAGE, end));
	EXPECT_EQ(-EADDRINUSE, iommu_hwpt_alloc(rig->fd, rig->edu.dev_id,
						rig->ioas, 0, &hwpt));
	EXPECT_EQ(rig->pinned, mem_wait_pinned(rig->pinned));
}

TEST_F(device, hwpt_bad_input)
{
	struct rig *rig = &self->rig;
	struct iommu_hwpt_vtd_s1 s1 = {};
	struct iommu_hwpt_alloc good = {
		.size = sizeof(good),
		.dev_id = rig->edu.dev_id,
		.pt_id = rig->ioas,
	};
	struct iommu_hwpt_alloc cmd;
	int rc;

#define TRY(change) ({							\
	cmd = good;							\
	change;								\
	iommu_cmd(rig->fd, IOMMU_HWPT_ALLOC, &cmd); })

	EXPECT_EQ(-ENOENT, TRY(cmd.dev_id = NO_SUCH_ID));
	EXPECT_EQ(-ENOENT, TRY(cmd.dev_id = rig->ioas));
	/* In-tree answers EINVAL to an unknown pt_id: both will do */
	rc = TRY(cmd.pt_id = NO_SUCH_ID);
	EXPECT_TRUE(rc == -EINVAL || rc == -ENOENT);
	EXPECT_EQ(-EINVAL, TRY(cmd.pt_id = rig->edu.dev_id));
	EXPECT_EQ(-EOPNOTSUPP, TRY(cmd.__reserved = 1));
	EXPECT_EQ(-EOPNOTSUPP, TRY(cmd.flags = 1U << 31));
	EXPECT_EQ(-EOPNOTSUPP,
		  TRY(cmd.flags = IOMMU_HWPT_ALLOC_DIRTY_TRACKING));

	/* Data and its type come together, and not for a plain page table */
	EXPECT_EQ(-EINVAL, TRY(cmd.data_len = sizeof(s1)));
	EXPECT_EQ(-EINVAL, TRY(cmd.data_type = IOMMU_HWPT_DATA_VTD_S1));
	EXPECT_EQ(-EOPNOTSUPP, TRY(cmd.data_type = IOMMU_HWPT_DATA_VTD_S1;
				   cmd.data_len = sizeof(s1);
				   cmd.data_uptr = iommu_ptr(&s1)));
	EXPECT_EQ(-EOPNOTSUPP, TRY(cmd.data_type = 4711;
				   cmd.data_len = sizeof(s1);
				   cmd.data_uptr = iommu_ptr(&s1)));
	EXPECT_EQ(-EINVAL, TRY(cmd.size = 20));
#undef TRY
	EXPECT_EQ(rig->pinned, mem_pinned());
	EXPECT_EQ(0, iommu_destroy(rig->fd, rig->ioas));
}

/* The answer cannot be written: then there is no object either. */
TEST_F(device, hwpt_cannot_answer)
{
	struct iommu_hwpt_alloc *cmd = mem_anon(PAGE);
	struct rig *rig = &self->rig;

	if (!rig_fills_ahead())
		SKIP(return, RIG_NOT_AHEAD);
	ASSERT_NE(NULL, cmd);
	cmd->size = sizeof(*cmd);
	cmd->dev_id = rig->edu.dev_id;
	cmd->pt_id = rig->ioas;
	ASSERT_EQ(0, mprotect(cmd, PAGE, PROT_READ));
	EXPECT_EQ(-EFAULT, iommu_cmd(rig->fd, IOMMU_HWPT_ALLOC, cmd));
	EXPECT_EQ(rig->pinned, mem_wait_pinned(rig->pinned));
	EXPECT_EQ(0, iommu_destroy(rig->fd, rig->ioas));
}

/* A nesting parent is what the driver makes of it. */
/* There may be such a page table, but not for a device that makes no page requests. */
TEST_F(device, hwpt_with_fault_queue)
{
	struct rig *rig = &self->rig;
	struct fault_queue queue;
	uint32_t hwpt;
	int rc;

	ASSERT_EQ(0, fault_queue_open(rig->fd, &queue));
	rc = iommu_hwpt_alloc_fault(rig->fd, rig->edu.dev_id, rig->ioas,
				    IOMMU_HWPT_ALLOC_NEST_PARENT, queue.id,
				    &hwpt);
	EXPECT_EQ(-EOPNOTSUPP, rc);
	rc = iommu_hwpt_alloc_fault(rig->fd, rig->edu.dev_id, rig->ioas, 0,
				    queue.id, &hwpt);
	if (!rig_fills_ahead()) {
		EXPECT_EQ(-EOPNOTSUPP, rc);
		EXPECT_TRUE(reason_explains(rig->fd, EOPNOTSUPP,
					    "only when a device is attached"));
		return;
	}
	ASSERT_EQ(0, rc);
	rc = vfio_attach(rig->edu.fd, hwpt, NULL);
	EXPECT_TRUE(rc == -ENODEV || rc == -EOPNOTSUPP);
	EXPECT_TRUE(reason_explains(rig->fd, -rc, "which has a fault queue"));
	EXPECT_EQ(0, iommu_destroy(rig->fd, hwpt));
	close(queue.fd);
}

TEST_F(device, hwpt_nest_parent)
{
	struct rig *rig = &self->rig;
	struct iommu_hw_info_vtd vtd = {};
	struct iommu_hw_info info = {
		.data_len = sizeof(vtd),
		.data_uptr = iommu_ptr(&vtd),
	};
	const uint64_t ecap_nest = 1ULL << 26, ecap_smts = 1ULL << 43;
	uint32_t hwpt;
	bool nests;

	ASSERT_EQ(0, iommu_get_hw_info(rig->fd, rig->edu.dev_id, &info));
	nests = vtd.ecap_reg & ecap_nest && vtd.ecap_reg & ecap_smts;
	EXPECT_EQ(nests ? 0 : -EOPNOTSUPP,
		  iommu_hwpt_alloc(rig->fd, rig->edu.dev_id, rig->ioas,
				   IOMMU_HWPT_ALLOC_NEST_PARENT, &hwpt));
}

TEST_HARNESS_MAIN
