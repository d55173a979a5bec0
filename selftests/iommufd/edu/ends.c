// SPDX-License-Identifier: GPL-2.0-only
/*
 * Both ends of 64 bits on the IOMMU of the machine, see sim_wide: one unmap that takes
 * the last page and page 0, which are no neighbours. AMD-Vi without NpCache shows a
 * flush that is left out.
 */
#define _GNU_SOURCE
#include <string.h>

#include "kselftest_harness.h"

#include "edu.h"
#include "iommu.h"
#include "mem.h"
#include "rig.h"

#define PAGE 4096ULL
#define TOP (UINT64_MAX - PAGE + 1)
#define LOAD 0x40000000ULL
#define IN_PARENT 0x10000000ULL
#define SOME 64

FIXTURE(ends)
{
	struct rig rig;
	uint64_t iova[2];
	char *mem;
	char *page[2];
	char *load;
};

FIXTURE_VARIANT(ends)
{
	uint64_t iova[2];
};

FIXTURE_VARIANT_ADD(ends, top_first)
{
	.iova = { TOP, 0 },
};

FIXTURE_VARIANT_ADD(ends, zero_first)
{
	.iova = { 0, TOP },
};

FIXTURE_SETUP(ends)
{
	struct rig *rig = &self->rig;
	int i;

	ASSERT_EQ(0, rig_open(rig));
	self->mem = mem_scattered(4 * PAGE);
	self->load = mem_anon(PAGE);
	ASSERT_NE(NULL, self->mem);
	ASSERT_NE(NULL, self->load);
	memset(self->load, 0x22, PAGE);
	for (i = 0; i < 2; i++) {
		self->iova[i] = variant->iova[i];
		self->page[i] = self->mem + 2 * i * PAGE;
	}
}

FIXTURE_TEARDOWN(ends)
{
	EXPECT_EQ(0, rig_close(&self->rig));
}

static bool has_top(const struct rig *rig)
{
	struct iommu_iova_range ranges[32];
	uint32_t nr = 32;

	return !iommu_iova_ranges(rig->fd, rig->ioas, ranges, &nr, NULL) &&
	       ranges[nr - 1].last == UINT64_MAX;
}

/* The device has the load in its buffer, and has written to both pages. */
#define EXPECT_REACHED()						\
	do {								\
		int at;							\
									\
		for (at = 0; at < 2; at++) {				\
			EXPECT_EQ(0, edu_check(&self->rig.edu,		\
					       self->iova[at],		\
					       self->page[at], SOME));	\
		}							\
		EXPECT_EQ(0, edu_read(&self->rig.edu, LOAD, SOME));	\
		memset(self->mem, 0x11, 4 * PAGE);			\
	} while (0)

#define EXPECT_STOPPED()						\
	do {								\
		int at;							\
									\
		for (at = 0; at < 2; at++) {				\
			edu_write(&self->rig.edu, self->iova[at],	\
				  SOME);				\
			EXPECT_EQ(0x11, self->page[at][0]);		\
		}							\
	} while (0)

TEST_F(ends, batch)
{
	struct ioasid_batch_entry entries[2];
	struct rig *rig = &self->rig;
	int i;

	ASSERT_EQ(0, rig_attach(rig));
	if (!has_top(rig))
		SKIP(return, "this IOMMU does not translate the last page");
	ASSERT_EQ(0, rig_map(rig, self->load, PAGE, LOAD));
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, rig_map(rig, self->page[i], PAGE, self->iova[i]));
		entries[i] = (struct ioasid_batch_entry) {
			.iova = self->iova[i],
			.length = PAGE,
		};
	}
	EXPECT_REACHED();
	ASSERT_EQ(0, iommu_unmap_batch(rig->fd, rig->ioas, entries, 2, NULL));
	EXPECT_STOPPED();
}

TEST_F(ends, parent)
{
	struct rig *rig = &self->rig;
	uint32_t child, parent = rig->ioas;
	int i;

	ASSERT_EQ(0, iommu_alloc_nested(rig->fd, parent, &child));
	ASSERT_EQ(0, rig_map(rig, self->load, PAGE, LOAD));
	rig->ioas = child;
	ASSERT_EQ(0, rig_attach(rig));
	if (!has_top(rig))
		SKIP(return, "this IOMMU does not translate the last page");
	ASSERT_EQ(0, rig_map(rig, (void *)LOAD, PAGE, LOAD));
	for (i = 0; i < 2; i++) {
		uint64_t at = IN_PARENT + i * PAGE;

		ASSERT_EQ(0, iommu_map_fixed(rig->fd, parent, self->page[i],
					     PAGE, IOMMU_RW, at));
		ASSERT_EQ(0, rig_map(rig, (void *)at, PAGE, self->iova[i]));
	}
	EXPECT_REACHED();
	ASSERT_EQ(0, iommu_ioas_unmap(rig->fd, parent, IN_PARENT, 2 * PAGE,
				      NULL));
	EXPECT_STOPPED();
}

TEST_HARNESS_MAIN
