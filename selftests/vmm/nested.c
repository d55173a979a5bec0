// SPDX-License-Identifier: GPL-2.0-only
/*
 * An unmodified QEMU gives its guest a VT-d with first stages, and a function of the
 * simulator. The guest's kernel does DMA with it through its own tables and the parent.
 */
#include <string.h>

#include "iosim.h"
#include "mem.h"
#include "nesting.h"

#include "kselftest_harness.h"

#define TIMEOUT_S	3600
#define DEVICE		"/sys/bus/pci/devices/0000:01:00.0"

FIXTURE(nested)
{
	struct vmm vmm;
	long pinned;
	char bdf[64];
	char answer[4096];
};

FIXTURE_SETUP(nested)
{
	self->vmm.shell.fd = -1;
	self->vmm.qmp.fd = -1;
	iosim_load();
	ASSERT_EQ(NULL, iosim_why_not());
	self->pinned = mem_wait_pinned(0);
	ASSERT_EQ(0, nesting_create(self->bdf, sizeof(self->bdf), ""));
	ASSERT_EQ(0, nesting_start(&self->vmm, "nested")) {
		vmm_show(&self->vmm);
	}
	ASSERT_EQ(0, nesting_plug(&self->vmm, self->bdf)) {
		vmm_show(&self->vmm);
	}
}

FIXTURE_TEARDOWN(nested)
{
	if (!__test_passed(_metadata))
		vmm_show(&self->vmm);
	vmm_kill(&self->vmm);
	EXPECT_EQ(0, iosim_destroy(NESTING_NAME));
	EXPECT_EQ(self->pinned, mem_wait_pinned(self->pinned));
	iosim_unload();
}

/* The guest's driver has bound the function. */
static void wait_for_driver(struct __test_metadata *_metadata,
			    FIXTURE_DATA(nested) *self)
{
	RUN("n=0; until [ -e " DEVICE "/dma_check ] || [ $n = 300 ]; do sleep 0.1; n=$((n + 1)); done; [ -e " DEVICE "/dma_check ]");
}

/* DMA through both stages, which stops when the guest's driver has unmapped. */
static void check_dma(struct __test_metadata *_metadata,
		      FIXTURE_DATA(nested) *self)
{
	int64_t walks = iosim_counter(NESTING_NAME, "nested_walks");
	int64_t faults = iosim_counter(NESTING_NAME, "faults");
	int64_t invalidations = iosim_counter(NESTING_NAME, "invalidations");

	RUN("echo 1 >" DEVICE "/dma_check");
	EXPECT_LT(walks, iosim_counter(NESTING_NAME, "nested_walks"));
	EXPECT_EQ(faults + 2, iosim_counter(NESTING_NAME, "faults"));
	EXPECT_LT(invalidations, iosim_counter(NESTING_NAME, "invalidations"));
	/* A page that is unmapped, and not invalidated: still reached, then not. */
	RUN("echo 1 >" DEVICE "/stale_check");
	EXPECT_EQ(faults + 3, iosim_counter(NESTING_NAME, "faults"));
}

TEST_F_TIMEOUT(nested, dma, TIMEOUT_S)
{
	RUN("insmod /files/iosim-function.ko");
	wait_for_driver(_metadata, self);
	check_dma(_metadata, self);
	/* Of the type IOMMU_HWPT_DATA_VTD_S1, and attached. */
	EXPECT_TRUE(vmm_said(&self->vmm, "iommufd_backend_alloc_hwpt",
			     "hwpt_type=1"));
	EXPECT_TRUE(vmm_said(&self->vmm, "iommufd_backend_invalidate_cache",
			     "(0)"));
	EXPECT_FALSE(vmm_said(&self->vmm, "HWPT failed", NULL));

	ASSERT_EQ(0, vmm_unplug(&self->vmm, NESTING_NAME));
	RUN("! ls " DEVICE);
	EXPECT_EQ(0, vmm_open_files(&self->vmm, "/dev/vfio/"));
	ASSERT_EQ(0, nesting_plug(&self->vmm, self->bdf));
	wait_for_driver(_metadata, self);
	check_dma(_metadata, self);
}

TEST_HARNESS_MAIN
