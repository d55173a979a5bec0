// SPDX-License-Identifier: GPL-2.0-only
/* Addresses that a device can have, and those that it cannot. */
#define _GNU_SOURCE
#include <string.h>

#include "kselftest_harness.h"

#include "edu.h"
#include "iommu.h"
#include "mem.h"
#include "rig.h"

#define PAGE 4096UL
#define IOVA 0x40000000UL
#define OTHER_IOVA 0x7654321000UL
#define MAX_RANGES 32

static int ranges_of(struct rig *rig, struct iommu_iova_range *ranges)
{
	uint32_t nr = MAX_RANGES;
	uint64_t align;
	int rc;

	rc = iommu_iova_ranges(rig->fd, rig->ioas, ranges, &nr, &align);
	return rc ? rc : (int)nr;
}

static bool overlaps(const struct iommu_iova_range *ranges, int nr,
		     uint64_t start, uint64_t last)
{
	int i;

	for (i = 0; i < nr; i++)
		if (ranges[i].start <= last && start <= ranges[i].last)
			return true;
	return false;
}

/* The kernel's own list of a group's reserved regions. */
static FILE *open_reserved(const struct vfio_pci *pci)
{
	char path[96];

	snprintf(path, sizeof(path),
		 "/sys/kernel/iommu_groups/%d/reserved_regions", pci->group);
	return fopen(path, "r");
}

static bool next_reserved(FILE *file, uint64_t *start, uint64_t *last)
{
	unsigned long long a, b;
	char type[32];

	while (fscanf(file, "%llx %llx %31s", &a, &b, type) == 3) {
		/* Only these may be mapped over */
		if (!strcmp(type, "direct-relaxable"))
			continue;
		*start = a;
		*last = b;
		return true;
	}
	return false;
}

FIXTURE(iova)
{
	struct rig rig;
	char *mem;
};

FIXTURE_SETUP(iova)
{
	ASSERT_EQ(0, rig_open(&self->rig));
	self->mem = mem_anon(2 * PAGE);
	ASSERT_NE(NULL, self->mem);
}

FIXTURE_TEARDOWN(iova)
{
	EXPECT_EQ(0, rig_close(&self->rig));
}

TEST_F(iova, reserved_regions)
{
	struct iommu_iova_range ranges[MAX_RANGES];
	struct rig *rig = &self->rig;
	uint64_t start, last;
	bool msi = false;
	FILE *reserved;
	int nr;

	ASSERT_EQ(1, ranges_of(rig, ranges));
	EXPECT_EQ(0, ranges[0].start);
	EXPECT_EQ(UINT64_MAX, ranges[0].last);

	ASSERT_EQ(0, rig_attach(rig));
	nr = ranges_of(rig, ranges);
	ASSERT_LT(1, nr);
	reserved = open_reserved(&rig->edu.pci);
	ASSERT_NE(NULL, reserved);
	while (next_reserved(reserved, &start, &last)) {
		msi |= start == 0xfee00000;
		EXPECT_FALSE(overlaps(ranges, nr, start, last));
		EXPECT_EQ(-EINVAL, rig_map(rig, self->mem, PAGE,
					   start & -PAGE));
		EXPECT_EQ(-EINVAL, rig_map(rig, self->mem, PAGE,
					   last & -PAGE));
		EXPECT_EQ(-EINVAL, rig_map(rig, self->mem, 2 * PAGE,
					   (start & -PAGE) - PAGE));
	}
	fclose(reserved);
	EXPECT_TRUE(msi);
	EXPECT_EQ(rig->pinned, mem_pinned());

	/* The neighbours are as good as any */
	ASSERT_EQ(0, rig_map(rig, self->mem, PAGE, 0xfee00000 - PAGE));
	EXPECT_EQ(0, edu_check(&rig->edu, 0xfee00000 - PAGE, self->mem, 256));
	ASSERT_EQ(0, rig_map(rig, self->mem + PAGE, PAGE, 0xfef00000));
	EXPECT_EQ(0, edu_check(&rig->edu, 0xfef00000, self->mem + PAGE, 256));

	/* Detached, the addresses are free again */
	ASSERT_EQ(0, vfio_detach(rig->edu.fd));
	ASSERT_EQ(1, ranges_of(rig, ranges));
	EXPECT_EQ(0, rig_map(rig, self->mem, PAGE, 0xfee00000));
}

TEST_F(iova, reserved_region_mapped_before_attach)
{
	struct rig *rig = &self->rig;

	ASSERT_EQ(0, rig_map(rig, self->mem, PAGE, 0xfee01000));
	ASSERT_EQ(0, rig_map(rig, self->mem + PAGE, PAGE, IOVA));
	EXPECT_EQ(-EADDRINUSE, rig_attach(rig));
	EXPECT_EQ(rig->pinned, mem_pinned());
	EXPECT_EQ(0, edu_can_write(&rig->edu, IOVA, self->mem + PAGE, 64));

	ASSERT_EQ(0, rig_unmap(rig, 0xfee01000, PAGE));
	ASSERT_EQ(0, rig_attach(rig));
	EXPECT_EQ(0, edu_check(&rig->edu, IOVA, self->mem + PAGE, 256));
}

TEST_F(iova, aperture)
{
	struct iommu_iova_range ranges[MAX_RANGES];
	struct rig *rig = &self->rig;
	uint64_t end;
	int nr;

	ASSERT_EQ(0, rig_attach(rig));
	nr = ranges_of(rig, ranges);
	ASSERT_LT(1, nr);
	if (ranges[nr - 1].last == UINT64_MAX)
		SKIP(return, "this IOMMU translates all 64 bits");
	end = ranges[nr - 1].last + 1;
	EXPECT_EQ(0, end % PAGE);

	/* Up to the end, and not beyond */
	ASSERT_EQ(0, rig_map(rig, self->mem, PAGE, end - PAGE));
	EXPECT_EQ(0, edu_check(&rig->edu, end - PAGE, self->mem, 256));
	EXPECT_EQ(-EINVAL, rig_map(rig, self->mem + PAGE, PAGE, end));
	ASSERT_EQ(0, rig_unmap(rig, end - PAGE, PAGE));
	EXPECT_EQ(-EINVAL, rig_map(rig, self->mem, 2 * PAGE, end - PAGE));

	/* Before a device is there nobody knows of an end */
	ASSERT_EQ(0, vfio_detach(rig->edu.fd));
	ASSERT_EQ(0, rig_map(rig, self->mem, 2 * PAGE, end - PAGE));
	EXPECT_EQ(-EADDRINUSE, rig_attach(rig));
	EXPECT_EQ(rig->pinned, mem_pinned());
	ASSERT_EQ(0, rig_unmap(rig, end - PAGE, 2 * PAGE));
	EXPECT_EQ(0, rig_attach(rig));
}

/* Alignment is a device's wish too: none without, a page with one. */
TEST_F(iova, alignment)
{
	struct iommu_iova_range ranges[MAX_RANGES];
	struct rig *rig = &self->rig;
	uint32_t nr = MAX_RANGES;
	uint64_t align = 0;

	ASSERT_EQ(0, iommu_iova_ranges(rig->fd, rig->ioas, ranges, &nr,
				       &align));
	EXPECT_EQ(1, align);
	ASSERT_EQ(0, rig_map(rig, self->mem + 100, 1000, IOVA + 100));
	EXPECT_EQ(-EADDRINUSE, rig_attach(rig));
	ASSERT_EQ(0, rig_unmap(rig, IOVA + 100, 1000));

	ASSERT_EQ(0, rig_attach(rig));
	nr = MAX_RANGES;
	ASSERT_EQ(0, iommu_iova_ranges(rig->fd, rig->ioas, ranges, &nr,
				       &align));
	EXPECT_EQ(PAGE, align);
	EXPECT_EQ(-EINVAL, rig_map(rig, self->mem, PAGE, IOVA + 100));
	EXPECT_EQ(-EINVAL, rig_map(rig, self->mem, 1000, IOVA));
	EXPECT_EQ(-EINVAL, rig_map(rig, self->mem + 100, PAGE, IOVA));
	EXPECT_EQ(rig->pinned, mem_pinned());
}

TEST_F(iova, allowed)
{
	struct iommu_iova_range allowed = { IOVA, IOVA + 4 * PAGE - 1 };
	struct iommu_iova_range window = { 0xfee00000, 0xfee0ffff };
	struct rig *rig = &self->rig;
	uint64_t iova = 0;
	int i;

	/* A promise that the device cannot keep */
	ASSERT_EQ(0, iommu_allow_iovas(rig->fd, rig->ioas, &window, 1));
	EXPECT_EQ(-EADDRINUSE, rig_attach(rig));
	ASSERT_EQ(0, iommu_allow_iovas(rig->fd, rig->ioas, &allowed, 1));
	ASSERT_EQ(0, rig_attach(rig));
	EXPECT_EQ(-EADDRINUSE, iommu_allow_iovas(rig->fd, rig->ioas, &window,
						 1));

	/* The kernel's choice is among the allowed ones, while there are any */
	for (i = 0; i < 4; i++) {
		ASSERT_EQ(0, iommu_map_auto(rig->fd, rig->ioas, self->mem,
					    PAGE, IOMMU_RW, &iova));
		EXPECT_LE(allowed.start, iova);
		EXPECT_LE(iova + PAGE - 1, allowed.last);
	}
	EXPECT_EQ(-ENOSPC, iommu_map_auto(rig->fd, rig->ioas, self->mem, PAGE,
					  IOMMU_RW, &iova));
	EXPECT_EQ(0, edu_check(&rig->edu, iova, self->mem, 256));

	/* A fixed address may be anywhere */
	EXPECT_EQ(0, rig_map(rig, self->mem + PAGE, PAGE, OTHER_IOVA));
	ASSERT_EQ(0, iommu_allow_iovas(rig->fd, rig->ioas, NULL, 0));
	EXPECT_EQ(0, iommu_map_auto(rig->fd, rig->ioas, self->mem, PAGE,
				    IOMMU_RW, &iova));
}

/* The order of things must not matter ------------------------------------- */

TEST_F(iova, attach_order)
{
	struct vfio_pci pci[2];
	struct edu *first = &self->rig.edu, second;
	struct rig *rig = &self->rig;

	if (edu_find_alone(pci, 2) != 2)
		SKIP(return, "needs two devices in groups of their own");
	ASSERT_EQ(0, edu_open(&second, &pci[1], rig->fd));

	/* One attached before, one after the map */
	ASSERT_EQ(0, rig_attach(rig));
	ASSERT_EQ(0, rig_map(rig, self->mem, PAGE, IOVA));
	ASSERT_EQ(0, vfio_attach(second.fd, rig->ioas, NULL));
	ASSERT_EQ(0, rig_map(rig, self->mem + PAGE, PAGE, OTHER_IOVA));
	EXPECT_EQ(0, edu_check(first, IOVA, self->mem, 256));
	EXPECT_EQ(0, edu_check(&second, IOVA, self->mem, 256));
	EXPECT_EQ(0, edu_check(first, OTHER_IOVA, self->mem + PAGE, 256));
	EXPECT_EQ(0, edu_check(&second, OTHER_IOVA, self->mem + PAGE, 256));

	/* The first goes: the second must not notice */
	ASSERT_EQ(0, vfio_detach(first->fd));
	EXPECT_EQ(0, edu_can_write(first, IOVA, self->mem, 256));
	EXPECT_EQ(0, edu_check(&second, IOVA, self->mem, 256));
	ASSERT_EQ(0, rig_unmap(rig, IOVA, PAGE));
	EXPECT_EQ(0, edu_can_write(&second, IOVA, self->mem, 256));
	ASSERT_EQ(0, rig_attach(rig));
	EXPECT_EQ(0, edu_check(first, OTHER_IOVA, self->mem + PAGE, 256));
	edu_close(&second);
}

TEST_HARNESS_MAIN
