// SPDX-License-Identifier: GPL-2.0-only
/*
 * IOMMU drivers that cannot do everything: whatever they are like, each area can be
 * unmapped by itself, and the device reaches what is mapped and nothing else.
 */
#define _GNU_SOURCE
#include "pages.h"

/* Drivers that succeed, in their way ---------------------------------------- */

PAGES_FIXTURE(driver);

FIXTURE_VARIANT(driver)
{
	const char *attributes;
};

#define DRIVER(name, text)						\
	FIXTURE_VARIANT_ADD(driver, name)				\
	{								\
		.attributes = text,					\
	}

DRIVER(sane, "");
DRIVER(no_split, "quirks=no_split");
DRIVER(map_short, "quirks=map_short");
DRIVER(unmap_short, "quirks=unmap_short");
DRIVER(sync_map, "quirks=sync_map");
DRIVER(only_4k, "quirks=only_4k");
DRIVER(only_4k_no_split, "quirks=only_4k,no_split");
DRIVER(all_short, "quirks=map_short,unmap_short");
DRIVER(all_short_no_split, "quirks=no_split,map_short,unmap_short");

PAGES_FIXTURE_SETUP(driver)

/* The second of each pair goes first: a hole has neighbours on both sides. */
static const unsigned int odd_order[N] = { 1, 3, 6, 0, 7, 2, 5, 4 };

/* Neighbours in memory and in IOVA that come in one batch go one by one. */
TEST_F(driver, batch_then_one_by_one)
{
	struct ioasid_batch_entry entries[N];
	unsigned int i, left = ALL;
	struct pages *r = &self->r;

	pages_entries(r, entries, N, true);
	ASSERT_EQ(0, iommu_map_batch(r->fd, r->ioas, entries, N, NULL));
	EXPECT_REACH(r, left);
	for (i = 0; i < N; i++) {
		ASSERT_EQ(0, pages_unmap(r, odd_order[i], 1));
		left &= ~(1 << odd_order[i]);
		EXPECT_REACH(r, left);
		EXPECT_EQ(r->pinned + N - 1 - i, mem_pinned());
	}
}

TEST_F(driver, one_by_one_then_batch)
{
	struct ioasid_batch_entry entries[N];
	struct pages *r = &self->r;
	unsigned int i;

	for (i = 0; i < N; i++) {
		ASSERT_EQ(0, pages_map(r, odd_order[i], 1));
	}
	EXPECT_REACH(r, ALL);
	pages_entries(r, entries, N, false);
	ASSERT_EQ(0, iommu_unmap_batch(r->fd, r->ioas, entries, N, NULL));
	EXPECT_REACH(r, 0);
	EXPECT_EQ(r->pinned, mem_pinned());
}

/* Several areas by one unmap; those beside them stay. */
TEST_F(driver, some_of_a_batch)
{
	struct ioasid_batch_entry entries[N];
	struct pages *r = &self->r;

	pages_entries(r, entries, N, true);
	ASSERT_EQ(0, iommu_map_batch(r->fd, r->ioas, entries, N, NULL));
	EXPECT_REACH(r, ALL);
	ASSERT_EQ(0, pages_unmap(r, 2, 3));
	EXPECT_REACH(r, ALL & ~0x1c);
	EXPECT_EQ(r->pinned + N - 3, mem_pinned());
	ASSERT_EQ(0, pages_map(r, 2, 3));
	EXPECT_REACH(r, ALL);
	ASSERT_EQ(0, pages_unmap(r, 0, N));
	EXPECT_REACH(r, 0);
	EXPECT_EQ(r->pinned, mem_pinned());
}

/* One area of many pages, which the driver may have in pieces. */
TEST_F(driver, huge)
{
	struct pages *r = &self->r;

	ASSERT_EQ(0, pages_map(r, 0, HUGE_PAGES));
	EXPECT_REACH(r, ALL);
	EXPECT_EQ(0, pages_reach(r, HUGE_PAGES - 1));
	ASSERT_EQ(0, pages_unmap(r, 0, HUGE_PAGES));
	EXPECT_REACH(r, 0);
	EXPECT_NE(0, pages_reach(r, HUGE_PAGES - 1));
	EXPECT_EQ(r->pinned, mem_pinned());
}

/* Pages that are apart: each is a piece of its own. */
TEST_F(driver, scattered)
{
	char *mem = mem_scattered(64 * PAGE);
	struct pages *r = &self->r;
	unsigned int i;

	ASSERT_NE(NULL, mem);
	ASSERT_EQ(0, iommu_map_fixed(r->fd, r->ioas, mem, 64 * PAGE, IOMMU_RW,
				     AT));
	for (i = 0; i < 64; i++) {
		EXPECT_EQ(0, dma_check(&r->dma, AT + i * PAGE, mem + i * PAGE));
	}
	ASSERT_EQ(0, iommu_ioas_unmap(r->fd, r->ioas, AT, 64 * PAGE, NULL));
	for (i = 0; i < 64; i++) {
		EXPECT_EQ(IOSIM_REASON_NOT_PRESENT,
			  dma_peek(&r->dma, AT + i * PAGE, NULL));
	}
	EXPECT_EQ(r->pinned, mem_pinned());
}

/* What was there before the device came is filled in one go. */
TEST_F(driver, mapped_before_attached)
{
	struct ioasid_batch_entry entries[N];
	struct pages *r = &self->r;
	unsigned int i, left = ALL;

	ASSERT_EQ(0, vfio_detach(r->sim.engine.fd));
	pages_entries(r, entries, N, true);
	ASSERT_EQ(0, iommu_map_batch(r->fd, r->ioas, entries, N, NULL));
	ASSERT_EQ(0, sim_attach(&r->sim, r->ioas));
	EXPECT_REACH(r, left);
	for (i = 0; i < N; i++) {
		ASSERT_EQ(0, pages_unmap(r, odd_order[i], 1));
		left &= ~(1 << odd_order[i]);
		EXPECT_REACH(r, left);
	}
	EXPECT_EQ(r->pinned, mem_pinned());
}

/* A child shows neighbours of the parent as areas of its own. */
TEST_F(driver, child)
{
	struct ioasid_batch_entry entries[N];
	struct pages *r = &self->r;
	uint32_t parent = r->ioas;
	unsigned int i, left = ALL;

	ASSERT_EQ(0, iommu_alloc_nested(r->fd, parent, &r->ioas));
	ASSERT_EQ(0, iommu_map_fixed(r->fd, parent, r->huge, MEM_HUGE, IOMMU_RW,
				     NOWHERE));
	ASSERT_EQ(0, iommu_map_fixed(r->fd, r->ioas, (void *)SIM_AT, SIM_SIZE,
				     IOMMU_RW, SIM_AT));
	ASSERT_EQ(0, sim_attach(&r->sim, r->ioas));
	pages_entries(r, entries, N, true);
	for (i = 0; i < N; i++)
		entries[i].src = NOWHERE + i * PAGE;
	ASSERT_EQ(0, iommu_map_batch(r->fd, r->ioas, entries, N, NULL));
	EXPECT_REACH(r, left);
	for (i = 0; i < N / 2; i++) {
		ASSERT_EQ(0, pages_unmap(r, odd_order[i], 1));
		left &= ~(1 << odd_order[i]);
		EXPECT_REACH(r, left);
	}
	/* And all that is left, from below */
	ASSERT_EQ(0, iommu_ioas_unmap(r->fd, parent, NOWHERE, MEM_HUGE, NULL));
	EXPECT_REACH(r, 0);
	EXPECT_EQ(r->pinned, mem_pinned());
}

static int unmap_as_type1(const struct pages *r, unsigned int first,
			  unsigned int pages)
{
	struct vfio_iommu_type1_dma_unmap cmd = {
		.argsz = sizeof(cmd),
		.iova = AT + first * PAGE,
		.size = pages * PAGE,
	};

	return iommu_cmd(r->fd, VFIO_IOMMU_UNMAP_DMA, &cmd);
}

/*
 * VFIO type 1, unlike v2, may unmap in the middle of what has been mapped. A driver
 * that cannot is no reason to keep or to lose more than that, or to say so.
 */
TEST_F(driver, middle_as_type1)
{
	struct pages *r = &self->r;
	unsigned int left = ALL;
	int rc;

	ASSERT_EQ(0, vfio_detach(r->sim.engine.fd));
	ASSERT_EQ(0, iommu_vfio_ioas_set(r->fd, r->ioas));
	ASSERT_EQ(0, iommu_cmd(r->fd, VFIO_SET_IOMMU,
			       (void *)VFIO_TYPE1_IOMMU));
	ASSERT_EQ(0, sim_attach(&r->sim, r->ioas));
	r->pinned = mem_pinned();
	ASSERT_EQ(0, pages_map(r, 0, N));
	EXPECT_REACH(r, left);
	rc = unmap_as_type1(r, 3, 2);
	EXPECT_TRUE(!rc || reason_explains(r->fd, -rc, ""));
	if (!rc)
		left &= ~0x18;
	EXPECT_REACH(r, left);
	EXPECT_EQ(0, unmap_as_type1(r, 0, N));
	EXPECT_REACH(r, 0);
	EXPECT_EQ(r->pinned, mem_pinned());
}

TEST_F(driver, unmap_all)
{
	struct ioasid_batch_entry entries[N];
	struct pages *r = &self->r;

	pages_entries(r, entries, N, true);
	ASSERT_EQ(0, iommu_map_batch(r->fd, r->ioas, entries, N, NULL));
	ASSERT_EQ(0, pages_map(r, N, HUGE_PAGES - N));
	ASSERT_EQ(0, iommu_unmap_all(r->fd, r->ioas, NULL));
	EXPECT_EQ(-ENODATA, pages_reach(r, 0));
	EXPECT_EQ(r->sim.pinned, mem_wait_pinned(r->sim.pinned));
}

TEST_F(driver, detach)
{
	struct ioasid_batch_entry entries[N];
	struct pages *r = &self->r;

	pages_entries(r, entries, N, true);
	ASSERT_EQ(0, iommu_map_batch(r->fd, r->ioas, entries, N, NULL));
	ASSERT_EQ(0, vfio_detach(r->sim.engine.fd));
	EXPECT_EQ(r->sim.pinned, mem_wait_pinned(r->sim.pinned));
	EXPECT_EQ(0, iommu_destroy(r->fd, r->ioas));
}

SIM_HARNESS_MAIN
