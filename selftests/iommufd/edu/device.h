/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An edu device that is bound, and an IOAS with a page in it, to which the device
 * is not attached yet.
 */
#ifndef SELFTESTS_DEVICE_H
#define SELFTESTS_DEVICE_H

#include "kselftest_harness.h"

#include "iommu.h"
#include "mem.h"
#include "rig.h"

#define PAGE 4096UL
#define IOVA 0x40000000UL
#define NO_SUCH_ID 0x7fffff00
#define SOME_LENGTH 256

/* How many ranges of addresses an IOAS has: 1, unless a device limits it. */
static inline int nr_ranges(int fd, uint32_t ioas)
{
	struct iommu_iova_range ranges[32];
	uint32_t nr = 32;
	int rc;

	rc = iommu_iova_ranges(fd, ioas, ranges, &nr, NULL);
	return rc ? rc : (int)nr;
}

FIXTURE(device)
{
	struct rig rig;
	char *mem;
};

FIXTURE_SETUP(device)
{
	ASSERT_EQ(0, rig_open(&self->rig));
	self->mem = mem_anon(2 * PAGE);
	ASSERT_NE(NULL, self->mem);
	ASSERT_EQ(0, rig_map(&self->rig, self->mem, PAGE, IOVA));
}

FIXTURE_TEARDOWN(device)
{
	EXPECT_EQ(0, rig_close(&self->rig));
}

#endif
