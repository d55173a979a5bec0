// SPDX-License-Identifier: GPL-2.0-only
/*
 * IOMMU drivers that fail. What they do not unmap stays: mapped, listed, and pinned,
 * for as long as a device may reach it. What they do not map is not there, and nothing
 * is left behind.
 */
#define _GNU_SOURCE
#include <stdio.h>

#include "pages.h"

#define FOR_EVER "1000000"

/* Unmapping that fails ------------------------------------------------------ */

PAGES_FIXTURE(stuck);

FIXTURE_VARIANT(stuck)
{
	const char *attributes;
};

FIXTURE_VARIANT_ADD(stuck, plain)
{
	.attributes = "",
};

FIXTURE_VARIANT_ADD(stuck, no_split)
{
	.attributes = "quirks=no_split",
};

PAGES_FIXTURE_SETUP(stuck)

static int set_unmap_fail(const char *calls)
{
	return iosim_set(SIM_NAME, "unmap_fail", calls);
}

/* All of it is as before; @pages of the first N are there. */
#define EXPECT_KEPT(r, pages)						\
	do {								\
		EXPECT_EQ((r)->pinned + (pages), mem_pinned());		\
		EXPECT_REACH(r, (1 << (pages)) - 1);			\
		EXPECT_EQ(-EEXIST, pages_map(r, 0, 1));			\
	} while (0)

TEST_F(stuck, unmap)
{
	struct pages *r = &self->r;

	ASSERT_EQ(0, pages_map(r, 0, N));
	ASSERT_EQ(0, set_unmap_fail(FOR_EVER));
	EXPECT_EQ(-EIO, pages_unmap(r, 0, N));
	EXPECT_TRUE(reason_explains(r->fd, EIO, ""));
	EXPECT_KEPT(r, N);
	EXPECT_EQ(-EIO, pages_unmap(r, 0, N));
	EXPECT_KEPT(r, N);
	ASSERT_EQ(0, set_unmap_fail("0"));
	EXPECT_EQ(0, pages_unmap(r, 0, N));
	EXPECT_REACH(r, 0);
	EXPECT_EQ(r->pinned, mem_pinned());
	EXPECT_EQ(0, pages_map(r, 0, N));
	EXPECT_REACH(r, ALL);
}

/* Every page by itself: each may be the one that does not go. */
TEST_F(stuck, page)
{
	struct pages *r = &self->r;

	ASSERT_EQ(0, pages_map(r, 0, 1));
	ASSERT_EQ(0, set_unmap_fail(FOR_EVER));
	EXPECT_EQ(-EIO, pages_unmap(r, 0, 1));
	EXPECT_TRUE(reason_explains(r->fd, EIO, ""));
	EXPECT_KEPT(r, 1);
	ASSERT_EQ(0, set_unmap_fail("0"));
	EXPECT_EQ(0, pages_unmap(r, 0, 1));
	EXPECT_REACH(r, 0);
	EXPECT_EQ(r->pinned, mem_pinned());
}

/* Scattered pages, the first of which does not go. */
TEST_F(stuck, scattered)
{
	char *mem = mem_scattered(N * PAGE);
	struct pages *r = &self->r;
	unsigned int i;

	ASSERT_NE(NULL, mem);
	ASSERT_EQ(0, iommu_map_fixed(r->fd, r->ioas, mem, N * PAGE, IOMMU_RW,
				     AT));
	ASSERT_EQ(0, set_unmap_fail(FOR_EVER));
	EXPECT_EQ(-EIO, iommu_ioas_unmap(r->fd, r->ioas, AT, N * PAGE, NULL));
	EXPECT_EQ(r->pinned + N, mem_pinned());
	for (i = 0; i < N; i++) {
		EXPECT_EQ(0, dma_check(&r->dma, AT + i * PAGE, mem + i * PAGE));
	}
	ASSERT_EQ(0, set_unmap_fail("0"));
	EXPECT_EQ(0, iommu_ioas_unmap(r->fd, r->ioas, AT, N * PAGE, NULL));
	EXPECT_REACH(r, 0);
	EXPECT_EQ(r->pinned, mem_pinned());
}

/* Several areas: none of them is given back that the device may still reach. */
TEST_F(stuck, several)
{
	struct pages *r = &self->r;
	unsigned int i, reached = 0;

	for (i = 0; i < N; i++) {
		ASSERT_EQ(0, pages_map(r, i, 1));
	}
	EXPECT_REACH(r, ALL);
	ASSERT_EQ(0, set_unmap_fail(FOR_EVER));
	EXPECT_EQ(-EIO, pages_unmap(r, 0, N));
	EXPECT_TRUE(reason_explains(r->fd, EIO, ""));
	for (i = 0; i < N; i++)
		reached += !pages_reach(r, i);
	EXPECT_EQ(r->pinned + reached, mem_pinned());
	/* Nor if it is tried again. */
	EXPECT_EQ(-EIO, pages_unmap(r, 0, N));
	EXPECT_EQ(r->pinned + reached, mem_pinned());
	ASSERT_EQ(0, set_unmap_fail("0"));
	EXPECT_EQ(0, pages_unmap(r, 0, N));
	EXPECT_REACH(r, 0);
	EXPECT_EQ(r->pinned, mem_pinned());
}

/* Only the first call of the driver's fails. */
TEST_F(stuck, once)
{
	struct pages *r = &self->r;
	unsigned int i, reached = 0;
	int rc;

	for (i = 0; i < N; i++) {
		ASSERT_EQ(0, pages_map(r, i, 1));
	}
	ASSERT_EQ(0, set_unmap_fail("1"));
	rc = pages_unmap(r, 0, N);
	EXPECT_TRUE(!rc || rc == -EIO);
	for (i = 0; i < N; i++)
		reached += !pages_reach(r, i);
	EXPECT_EQ(r->pinned + reached, mem_pinned());
	EXPECT_EQ(!rc, !reached);
	rc = pages_unmap(r, 0, N);
	EXPECT_EQ(reached ? 0 : -ENOENT, rc);
	EXPECT_REACH(r, 0);
	EXPECT_EQ(r->pinned, mem_pinned());
}

TEST_F(stuck, batch)
{
	struct ioasid_batch_entry entries[N];
	unsigned int i, reached = 0;
	struct pages *r = &self->r;
	uint32_t done;

	pages_entries(r, entries, N, true);
	ASSERT_EQ(0, iommu_map_batch(r->fd, r->ioas, entries, N, NULL));
	ASSERT_EQ(0, set_unmap_fail(FOR_EVER));
	pages_entries(r, entries, N, false);
	EXPECT_EQ(-EIO, iommu_unmap_batch(r->fd, r->ioas, entries, N, &done));
	EXPECT_TRUE(reason_explains(r->fd, EIO, ""));
	ASSERT_GT(N, done);
	EXPECT_EQ(EIO, entries[done].error);
	for (i = 0; i < N; i++)
		reached += !pages_reach(r, i);
	EXPECT_EQ(N - done, reached);
	EXPECT_EQ(r->pinned + reached, mem_pinned());
	pages_entries(r, entries, N, false);
	EXPECT_EQ(-EIO, iommu_unmap_batch(r->fd, r->ioas, entries + done,
					  N - done, NULL));
	EXPECT_EQ(r->pinned + reached, mem_pinned());
	ASSERT_EQ(0, set_unmap_fail("0"));
	pages_entries(r, entries, N, false);
	EXPECT_EQ(0, iommu_unmap_batch(r->fd, r->ioas, entries + done, N - done,
				       NULL));
	EXPECT_REACH(r, 0);
	EXPECT_EQ(r->pinned, mem_pinned());
}

/* A batch that fails may have to take something back: the driver lets it not. */
TEST_F(stuck, undo_of_a_batch)
{
	struct ioasid_batch_entry entries[N];
	unsigned int i, reached = 0;
	struct pages *r = &self->r;

	ASSERT_EQ(0, pages_map(r, N - 1, 1));
	pages_entries(r, entries, N, true);
	ASSERT_EQ(0, set_unmap_fail(FOR_EVER));
	EXPECT_EQ(-EEXIST, iommu_map_batch(r->fd, r->ioas, entries, N, NULL));
	for (i = 0; i < N; i++)
		reached += !pages_reach(r, i);
	EXPECT_EQ(r->pinned + reached, mem_pinned());
	ASSERT_EQ(0, set_unmap_fail("0"));
}

TEST_F(stuck, unmap_all)
{
	struct pages *r = &self->r;

	ASSERT_EQ(0, pages_map(r, 0, N));
	ASSERT_EQ(0, set_unmap_fail(FOR_EVER));
	EXPECT_EQ(-EIO, iommu_unmap_all(r->fd, r->ioas, NULL));
	EXPECT_TRUE(reason_explains(r->fd, EIO, ""));
	EXPECT_KEPT(r, N);
	ASSERT_EQ(0, set_unmap_fail("0"));
	EXPECT_EQ(0, iommu_unmap_all(r->fd, r->ioas, NULL));
	EXPECT_EQ(-ENODATA, pages_reach(r, 0));
	EXPECT_EQ(r->sim.pinned, mem_wait_pinned(r->sim.pinned));
}

/*
 * A descendant's page table keeps what the outermost IOAS is to lose. It is found by way of
 * those between the two, so they keep it as well.
 */
#define DEPTH 3

/* r->ioas becomes a descendant of the outermost IOAS, whose pages at NOWHERE it has at AT. */
static bool become_descendant(struct pages *r, unsigned int depth)
{
	unsigned int level;

	if (iommu_map_fixed(r->fd, r->ioas, r->huge, N * PAGE, IOMMU_RW, NOWHERE))
		return false;
	for (level = 0; level < depth; level++) {
		const uint64_t from = level ? AT : NOWHERE;

		if (iommu_alloc_nested(r->fd, r->ioas, &r->ioas) ||
		    iommu_map_fixed(r->fd, r->ioas, (void *)SIM_AT, SIM_SIZE,
				    IOMMU_RW, SIM_AT) ||
		    iommu_map_fixed(r->fd, r->ioas, (void *)from, N * PAGE,
				    IOMMU_RW, AT))
			return false;
	}
	return !sim_attach(&r->sim, r->ioas);
}

static int unmap_outermost(struct pages *r, uint32_t ioas, bool batch)
{
	struct ioasid_batch_entry entry = {
		.iova = NOWHERE, .length = N * PAGE,
	};

	return batch ? iommu_unmap_batch(r->fd, ioas, &entry, 1, NULL) :
		       iommu_ioas_unmap(r->fd, ioas, NOWHERE, N * PAGE, NULL);
}

static void check_descendant(struct __test_metadata *_metadata, struct pages *r,
			     unsigned int depth, bool batch)
{
	const uint32_t outermost = r->ioas;
	unsigned int tries;

	ASSERT_TRUE(become_descendant(r, depth));
	EXPECT_REACH(r, ALL);
	ASSERT_EQ(0, set_unmap_fail(FOR_EVER));
	for (tries = 0; tries < 3; tries++) {
		EXPECT_EQ(-EIO, unmap_outermost(r, outermost, batch));
		EXPECT_TRUE(reason_explains(r->fd, EIO, ""));
		EXPECT_EQ(r->pinned + N, mem_pinned());
		EXPECT_REACH(r, ALL);
	}
	ASSERT_EQ(0, set_unmap_fail("0"));
	EXPECT_EQ(0, unmap_outermost(r, outermost, batch));
	EXPECT_REACH(r, 0);
	EXPECT_EQ(r->pinned, mem_pinned());
}

TEST_F(stuck, child)
{
	check_descendant(_metadata, &self->r, 1, false);
}

TEST_F(stuck, child_in_a_batch)
{
	check_descendant(_metadata, &self->r, 1, true);
}

TEST_F(stuck, descendant)
{
	check_descendant(_metadata, &self->r, DEPTH, false);
}

TEST_F(stuck, descendant_in_a_batch)
{
	check_descendant(_metadata, &self->r, DEPTH, true);
}

/* No device uses the page table any more: it goes as a whole. */
TEST_F(stuck, detach)
{
	struct pages *r = &self->r;

	ASSERT_EQ(0, pages_map(r, 0, N));
	ASSERT_EQ(0, set_unmap_fail(FOR_EVER));
	EXPECT_EQ(-EIO, pages_unmap(r, 0, N));
	ASSERT_EQ(0, vfio_detach(r->sim.engine.fd));
	EXPECT_EQ(r->sim.pinned, mem_wait_pinned(r->sim.pinned));
	EXPECT_EQ(0, iommu_destroy(r->fd, r->ioas));
}

/*
 * Of two page tables one loses it, the other does not. What has been lost must not be asked
 * for again, which iosim says to the kernel's log.
 */
TEST_F(stuck, in_one_of_two)
{
	struct pages *r = &self->r;
	uint32_t second;

	ASSERT_EQ(0, iommu_hwpt_alloc(r->fd, r->sim.engine.dev_id, r->ioas, 0,
				      &second));
	ASSERT_EQ(0, pages_map(r, 0, N));
	ASSERT_EQ(0, set_unmap_fail("3"));
	EXPECT_EQ(-EIO, pages_unmap(r, 0, N));
	EXPECT_KEPT(r, N);
	ASSERT_EQ(0, set_unmap_fail("0"));
	EXPECT_EQ(0, pages_unmap(r, 0, N));
	EXPECT_REACH(r, 0);
	EXPECT_EQ(r->pinned, mem_pinned());
	ASSERT_EQ(0, pages_map(r, 0, N));
	ASSERT_EQ(0, vfio_attach(r->sim.engine.fd, second, NULL));
	EXPECT_REACH(r, ALL);
	EXPECT_EQ(0, pages_unmap(r, 0, N));
	EXPECT_REACH(r, 0);
	EXPECT_EQ(r->pinned, mem_pinned());
}

/* The process ends instead: see the teardown. */
TEST_F(stuck, close)
{
	struct pages *r = &self->r;

	ASSERT_EQ(0, pages_map(r, 0, N));
	ASSERT_EQ(0, set_unmap_fail(FOR_EVER));
	EXPECT_EQ(-EIO, pages_unmap(r, 0, N));
}

/* Mapping that fails -------------------------------------------------------- */

PAGES_FIXTURE(full);

FIXTURE_VARIANT(full)
{
	const char *attributes;
	const char *fail;
	int error;
};

FIXTURE_VARIANT_ADD(full, map_told)
{
	.attributes = "",
	.fail = "map_fail",
	.error = -ENOMEM,
};

FIXTURE_VARIANT_ADD(full, map_silent)
{
	.attributes = "quirks=map_silent",
	.fail = "map_fail",
	.error = -ENOMEM,
};

/* What has been left behind does not go in one call, either. */
FIXTURE_VARIANT_ADD(full, map_silent_unmap_short)
{
	.attributes = "quirks=map_silent,unmap_short",
	.fail = "map_fail",
	.error = -ENOMEM,
};

FIXTURE_VARIANT_ADD(full, map_no_split)
{
	.attributes = "quirks=no_split,map_silent,only_4k",
	.fail = "map_fail",
	.error = -ENOMEM,
};

FIXTURE_VARIANT_ADD(full, map_short)
{
	.attributes = "quirks=map_short,map_silent",
	.fail = "map_fail",
	.error = -ENOMEM,
};

FIXTURE_VARIANT_ADD(full, sync)
{
	.attributes = "quirks=sync_map",
	.fail = "sync_map_fail",
	.error = -EIO,
};

PAGES_FIXTURE_SETUP(full)

static int set_nth(const char *fail, unsigned int nth)
{
	char value[16];

	snprintf(value, sizeof(value), "%u", nth);
	return iosim_set(SIM_NAME, fail, value);
}

/*
 * Let the driver fail from each of its calls on, in turn, until @command is through
 * without: it fails with them, and leaves nothing behind.
 */
#define WALK(command, gone)						\
	do {								\
		unsigned int which = 1;					\
									\
		for (;; which++) {					\
			int walk;					\
									\
			ASSERT_EQ(0, set_nth(variant->fail, which));	\
			walk = (command);				\
			ASSERT_EQ(0, set_nth(variant->fail, 0));	\
			if (!walk)					\
				break;					\
			EXPECT_EQ(variant->error, walk)			\
				TH_LOG("call %u", which);		\
			gone;						\
			if (walk != variant->error)			\
				break;					\
		}							\
		EXPECT_LT(1, which);					\
	} while (0)

#define EXPECT_NOTHING(r)						\
	do {								\
		EXPECT_REACH(r, 0);					\
		EXPECT_EQ((r)->pinned, mem_pinned());			\
	} while (0)

TEST_F(full, map)
{
	struct pages *r = &self->r;

	WALK(pages_map(r, 0, N), EXPECT_NOTHING(r));
	EXPECT_REACH(r, ALL);
	EXPECT_EQ(0, pages_unmap(r, 0, N));
	EXPECT_NOTHING(r);
}

/* More than one huge page, of which the first has a neighbour. */
TEST_F(full, huge)
{
	struct pages *r = &self->r;

	ASSERT_EQ(0, iommu_map_fixed(r->fd, r->ioas, r->sim.buf, MEM_HUGE,
				     IOMMU_RW, AT - MEM_HUGE));
	r->pinned = mem_pinned();
	WALK(pages_map(r, 0, HUGE_PAGES), EXPECT_NOTHING(r));
	EXPECT_REACH(r, ALL);
	EXPECT_EQ(0, pages_reach(r, HUGE_PAGES - 1));
	EXPECT_EQ(0, dma_check(&r->dma, AT - MEM_HUGE, r->sim.buf));
	EXPECT_EQ(0, pages_unmap(r, 0, HUGE_PAGES));
	EXPECT_NOTHING(r);
	EXPECT_EQ(0, dma_check(&r->dma, AT - MEM_HUGE, r->sim.buf));
}

TEST_F(full, scattered)
{
	char *mem = mem_scattered(N * PAGE);
	struct pages *r = &self->r;
	unsigned int i;

	ASSERT_NE(NULL, mem);
	WALK(iommu_map_fixed(r->fd, r->ioas, mem, N * PAGE, IOMMU_RW, AT),
	     EXPECT_NOTHING(r));
	for (i = 0; i < N; i++) {
		EXPECT_EQ(0, dma_check(&r->dma, AT + i * PAGE, mem + i * PAGE));
	}
	EXPECT_EQ(0, pages_unmap(r, 0, N));
	EXPECT_NOTHING(r);
}

/* The entries before the one that fails are done, and stay. */
TEST_F(full, batch)
{
	struct ioasid_batch_entry entries[N];
	struct pages *r = &self->r;

	uint32_t done;

	pages_entries(r, entries, N, true);
	WALK(iommu_map_batch(r->fd, r->ioas, entries, N, &done), {
		EXPECT_REACH(r, (1 << done) - 1);
		EXPECT_EQ(r->pinned + done, mem_pinned());
		EXPECT_EQ(-variant->error, entries[done].error);
		EXPECT_EQ(done ? 0 : -ENOENT, pages_unmap(r, 0, N));
		EXPECT_NOTHING(r);
	});
	EXPECT_REACH(r, ALL);
	EXPECT_EQ(0, pages_unmap(r, 0, N));
	EXPECT_NOTHING(r);
}

TEST_F(full, attach)
{
	struct pages *r = &self->r;

	ASSERT_EQ(0, pages_map(r, 0, N));
	ASSERT_EQ(0, vfio_detach(r->sim.engine.fd));
	WALK(sim_attach(&r->sim, r->ioas),
	     EXPECT_EQ(r->sim.pinned, mem_wait_pinned(r->sim.pinned)));
	EXPECT_REACH(r, ALL);
	EXPECT_EQ(0, dma_check(&r->dma, SIM_AT, r->sim.buf));
}

TEST_F(full, child)
{
	struct pages *r = &self->r;
	uint32_t parent = r->ioas;

	ASSERT_EQ(0, iommu_alloc_nested(r->fd, parent, &r->ioas));
	ASSERT_EQ(0, iommu_map_fixed(r->fd, parent, r->huge, MEM_HUGE, IOMMU_RW,
				     NOWHERE));
	ASSERT_EQ(0, iommu_map_fixed(r->fd, r->ioas, (void *)SIM_AT, SIM_SIZE,
				     IOMMU_RW, SIM_AT));
	ASSERT_EQ(0, sim_attach(&r->sim, r->ioas));
	/* The parent's memory is pinned by the first map, and stays so. */
	ASSERT_EQ(0, iommu_map_fixed(r->fd, r->ioas, (void *)NOWHERE, PAGE,
				     IOMMU_RW, AT));
	ASSERT_EQ(0, pages_unmap(r, 0, 1));
	r->pinned = mem_pinned();
	WALK(iommu_map_fixed(r->fd, r->ioas, (void *)NOWHERE, N * PAGE,
			     IOMMU_RW, AT), EXPECT_NOTHING(r));
	EXPECT_REACH(r, ALL);
	EXPECT_EQ(0, pages_unmap(r, 0, N));
	EXPECT_NOTHING(r);
}

SIM_HARNESS_MAIN
