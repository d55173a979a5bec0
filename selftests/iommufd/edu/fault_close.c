// SPDX-License-Identifier: GPL-2.0-only
/*
 * DMA faults that the IOMMU driver reports from a thread of its own, without a lock
 * against a detach, while what they are reported to goes: page table, IOAS, context. The
 * module iommufd_fault_test plays the driver; the debug kernel sees what is read after
 * it has been freed.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "edu.h"
#include "fault.h"
#include "iommu.h"
#include "module.h"
#include "rig.h"
#include "vfio.h"

#define MODULE "iommufd_fault_test"
#define ROUNDS 30
#define LATE_US 8000000UL
#define IOVA 0x7000000ULL

FIXTURE(fault_close)
{
	bool loaded;
};

FIXTURE_SETUP(fault_close)
{
	char parameters[64];
	struct vfio_pci pci;

	ASSERT_EQ(1, edu_find_alone(&pci, 1));
	snprintf(parameters, sizeof(parameters), "device=%s", pci.bdf);
	ASSERT_EQ(0, module_load(MODULE, parameters));
	self->loaded = true;
}

FIXTURE_TEARDOWN(fault_close)
{
	if (self->loaded)
		EXPECT_EQ(0, module_unload(MODULE));
}

/* A report has begun when the event of the one before has been read. */
static int open_reported(struct rig *rig, uint32_t *hwpt)
{
	struct ioasid_event event;
	int queue, rc;

	rc = rig_open(rig) ?:
	     iommu_hwpt_alloc(rig->fd, rig->edu.dev_id, rig->ioas, 0, hwpt) ?:
	     iommu_eventq_alloc(rig->fd, rig->ioas, 4, NULL, &queue);
	if (rc)
		return rc;
	rc = vfio_attach(rig->edu.fd, *hwpt, NULL) ?:
	     event_wait(queue, IOASID_EVENT_DMA_FAULT, &event);
	close(queue);
	if (!rc && (event.dev_id != rig->edu.dev_id || event.iova != IOVA ||
		    event.ioas_id != rig->ioas))
		return -EIO;
	return rc;
}

TEST_F(fault_close, everything)
{
	uint32_t hwpt;
	struct rig rig;
	int i;

	for (i = 0; i < ROUNDS; i++) {
		ASSERT_EQ(0, open_reported(&rig, &hwpt));
		EXPECT_EQ(0, rig_close(&rig));
	}
	EXPECT_LE(ROUNDS, module_parameter(MODULE, "reported"));
}

/* The context stays, and knows nothing of faults of what it has destroyed. */
TEST_F(fault_close, page_table)
{
	uint32_t hwpt, other;
	struct rig rig;
	int i;

	ASSERT_EQ(0, open_reported(&rig, &hwpt));
	for (i = 0; i < ROUNDS; i++) {
		ASSERT_EQ(0, iommu_hwpt_alloc(rig.fd, rig.edu.dev_id, rig.ioas,
					      0, &other));
		ASSERT_EQ(0, vfio_attach(rig.edu.fd, other, NULL));
		EXPECT_EQ(0, iommu_destroy(rig.fd, hwpt));
		hwpt = other;
		usleep(3000);
	}
	EXPECT_EQ(0, vfio_detach(rig.edu.fd));
	EXPECT_EQ(0, iommu_destroy(rig.fd, hwpt));
	EXPECT_EQ(0, iommu_destroy(rig.fd, rig.ioas));
	EXPECT_EQ(0, rig_close(&rig));
}

/* What has gone is freed later, in batches: the report is later still. */
TEST_F(fault_close, long_after)
{
	unsigned long before;
	uint32_t hwpt;
	struct rig rig;
	int i;

	ASSERT_EQ(0, open_reported(&rig, &hwpt));
	ASSERT_EQ(0, module_set_parameter(MODULE, "delay_us", LATE_US));
	/* Those that have begun with the short delay end meanwhile. */
	usleep(100000);
	before = module_parameter(MODULE, "reported");
	EXPECT_EQ(0, rig_close(&rig));
	for (i = 0; i < 40 && module_parameter(MODULE, "reported") == before; i++)
		usleep(LATE_US / 20);
	EXPECT_EQ(before + 1, module_parameter(MODULE, "reported"));
}

TEST_HARNESS_MAIN
