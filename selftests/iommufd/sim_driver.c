// SPDX-License-Identifier: GPL-2.0-only
/*
 * IOMMU drivers that cannot do everything, or fail: whatever they are like, the device
 * reaches what is mapped, and nothing that has been unmapped or given back. What a
 * driver does not unmap stays: mapped, listed, and pinned.
 */
#define _GNU_SOURCE
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "iommu.h"
#include "mem.h"
#include "sim.h"
#include "vfio.h"

#define PAGE SIM_PAGE
#define HUGE_PAGES (MEM_HUGE / PAGE)
/* Where a test maps. */
#define AT 0x80000000ULL
#define NOWHERE 0x20000000ULL
#define N 8
#define FOR_EVER "1000000"

/* A driver, and a huge page of which a test maps what it likes. */
struct rigged {
	struct sim sim;
	struct dma dma;
	char *huge;
	uint32_t ioas;
	int fd;
	long pinned;
};

static int rigged_open(struct rigged *r, const char *attributes)
{
	int rc = sim_open(&r->sim, attributes);

	r->huge = mem_hugetlb(MEM_HUGE);
	if (!rc && !r->huge)
		rc = -ENOMEM;
	if (!rc)
		rc = sim_attach(&r->sim, r->sim.ioas);
	r->dma = sim_dma(&r->sim, 0);
	r->ioas = r->sim.ioas;
	r->fd = r->sim.fd;
	r->pinned = mem_pinned();
	return rc;
}

static long rigged_close(struct rigged *r)
{
	long left = sim_close(&r->sim);

	mem_free(r->huge, MEM_HUGE);
	return left;
}

static int map(const struct rigged *r, unsigned int first, unsigned int pages)
{
	return iommu_map_fixed(r->fd, r->ioas, r->huge + first * PAGE,
			       pages * PAGE, IOMMU_RW, AT + first * PAGE);
}

static int unmap(const struct rigged *r, unsigned int first, unsigned int pages)
{
	return iommu_ioas_unmap(r->fd, r->ioas, AT + first * PAGE,
				pages * PAGE, NULL);
}

static void entries_of(const struct rigged *r, struct ioasid_batch_entry *entries,
		       unsigned int nr, bool to_map)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		entries[i] = (struct ioasid_batch_entry) {
			.src = to_map ? iommu_ptr(r->huge + i * PAGE) : 0,
			.iova = AT + i * PAGE,
			.length = PAGE,
			.flags = to_map ? IOMMU_RW | IOMMU_FIXED : 0,
		};
}

/* How the device gets on with a page: see dma_check(). */
static int reach(struct rigged *r, unsigned int page)
{
	return dma_check(&r->dma, AT + page * PAGE, r->huge + page * PAGE);
}

/* The device reaches the pages of @mask, and no others of the first N. */
#define EXPECT_REACH(r, mask)						\
	do {								\
		unsigned int nth;					\
									\
		for (nth = 0; nth < N; nth++) {				\
			EXPECT_EQ((mask) & 1 << nth ? 0 :		\
				  IOSIM_REASON_NOT_PRESENT,		\
				  reach(r, nth))			\
				TH_LOG("page %u", nth);			\
		}							\
	} while (0)

#define ALL ((1 << N) - 1)

/* The last command has said why. */
static bool has_reason(int fd, int want)
{
	char text[256] = "";
	uint32_t length = sizeof(text), error = 0;

	return !iommu_last_reason(fd, text, &length, &error) && text[0] &&
	       (int)error == -want;
}

/* Drivers that succeed, in their way ---------------------------------------- */

FIXTURE(driver)
{
	struct rigged r;
};

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

FIXTURE_SETUP(driver)
{
	if (iosim_why_not())
		SKIP(return, "%s", iosim_why_not());
	ASSERT_EQ(0, rigged_open(&self->r, variant->attributes));
}

FIXTURE_TEARDOWN(driver)
{
	EXPECT_EQ(0, rigged_close(&self->r));
}

/* The second of each pair goes first: a hole has neighbours on both sides. */
static const unsigned int odd_order[N] = { 1, 3, 6, 0, 7, 2, 5, 4 };

/* Neighbours in memory and in IOVA that come in one batch go one by one. */
TEST_F(driver, batch_then_one_by_one)
{
	struct ioasid_batch_entry entries[N];
	unsigned int i, left = ALL;
	struct rigged *r = &self->r;

	entries_of(r, entries, N, true);
	ASSERT_EQ(0, iommu_map_batch(r->fd, r->ioas, entries, N, NULL));
	EXPECT_REACH(r, left);
	for (i = 0; i < N; i++) {
		ASSERT_EQ(0, unmap(r, odd_order[i], 1));
		left &= ~(1 << odd_order[i]);
		EXPECT_REACH(r, left);
		EXPECT_EQ(r->pinned + N - 1 - i, mem_pinned());
	}
}

TEST_F(driver, one_by_one_then_batch)
{
	struct ioasid_batch_entry entries[N];
	struct rigged *r = &self->r;
	unsigned int i;

	for (i = 0; i < N; i++) {
		ASSERT_EQ(0, map(r, odd_order[i], 1));
	}
	EXPECT_REACH(r, ALL);
	entries_of(r, entries, N, false);
	ASSERT_EQ(0, iommu_unmap_batch(r->fd, r->ioas, entries, N, NULL));
	EXPECT_REACH(r, 0);
	EXPECT_EQ(r->pinned, mem_pinned());
}

/* Several areas by one unmap; those beside them stay. */
TEST_F(driver, some_of_a_batch)
{
	struct ioasid_batch_entry entries[N];
	struct rigged *r = &self->r;

	entries_of(r, entries, N, true);
	ASSERT_EQ(0, iommu_map_batch(r->fd, r->ioas, entries, N, NULL));
	EXPECT_REACH(r, ALL);
	ASSERT_EQ(0, unmap(r, 2, 3));
	EXPECT_REACH(r, ALL & ~0x1c);
	EXPECT_EQ(r->pinned + N - 3, mem_pinned());
	ASSERT_EQ(0, map(r, 2, 3));
	EXPECT_REACH(r, ALL);
	ASSERT_EQ(0, unmap(r, 0, N));
	EXPECT_REACH(r, 0);
	EXPECT_EQ(r->pinned, mem_pinned());
}

/* One area of many pages, which the driver may have in pieces. */
TEST_F(driver, huge)
{
	struct rigged *r = &self->r;

	ASSERT_EQ(0, map(r, 0, HUGE_PAGES));
	EXPECT_REACH(r, ALL);
	EXPECT_EQ(0, reach(r, HUGE_PAGES - 1));
	ASSERT_EQ(0, unmap(r, 0, HUGE_PAGES));
	EXPECT_REACH(r, 0);
	EXPECT_NE(0, reach(r, HUGE_PAGES - 1));
	EXPECT_EQ(r->pinned, mem_pinned());
}

/* Pages that are apart: each is a piece of its own. */
TEST_F(driver, scattered)
{
	char *mem = mem_scattered(64 * PAGE);
	struct rigged *r = &self->r;
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
	struct rigged *r = &self->r;
	unsigned int i, left = ALL;

	ASSERT_EQ(0, vfio_detach(r->sim.engine.fd));
	entries_of(r, entries, N, true);
	ASSERT_EQ(0, iommu_map_batch(r->fd, r->ioas, entries, N, NULL));
	ASSERT_EQ(0, sim_attach(&r->sim, r->ioas));
	EXPECT_REACH(r, left);
	for (i = 0; i < N; i++) {
		ASSERT_EQ(0, unmap(r, odd_order[i], 1));
		left &= ~(1 << odd_order[i]);
		EXPECT_REACH(r, left);
	}
	EXPECT_EQ(r->pinned, mem_pinned());
}

/* A child shows neighbours of the parent as areas of its own. */
TEST_F(driver, child)
{
	struct ioasid_batch_entry entries[N];
	struct rigged *r = &self->r;
	uint32_t parent = r->ioas;
	unsigned int i, left = ALL;

	ASSERT_EQ(0, iommu_alloc_nested(r->fd, parent, &r->ioas));
	ASSERT_EQ(0, iommu_map_fixed(r->fd, parent, r->huge, MEM_HUGE, IOMMU_RW,
				     NOWHERE));
	ASSERT_EQ(0, iommu_map_fixed(r->fd, r->ioas, (void *)SIM_AT, SIM_SIZE,
				     IOMMU_RW, SIM_AT));
	ASSERT_EQ(0, sim_attach(&r->sim, r->ioas));
	entries_of(r, entries, N, true);
	for (i = 0; i < N; i++)
		entries[i].src = NOWHERE + i * PAGE;
	ASSERT_EQ(0, iommu_map_batch(r->fd, r->ioas, entries, N, NULL));
	EXPECT_REACH(r, left);
	for (i = 0; i < N / 2; i++) {
		ASSERT_EQ(0, unmap(r, odd_order[i], 1));
		left &= ~(1 << odd_order[i]);
		EXPECT_REACH(r, left);
	}
	/* And all that is left, from below */
	ASSERT_EQ(0, iommu_ioas_unmap(r->fd, parent, NOWHERE, MEM_HUGE, NULL));
	EXPECT_REACH(r, 0);
	EXPECT_EQ(r->pinned, mem_pinned());
}

TEST_F(driver, unmap_all)
{
	struct ioasid_batch_entry entries[N];
	struct rigged *r = &self->r;

	entries_of(r, entries, N, true);
	ASSERT_EQ(0, iommu_map_batch(r->fd, r->ioas, entries, N, NULL));
	ASSERT_EQ(0, map(r, N, HUGE_PAGES - N));
	ASSERT_EQ(0, iommu_unmap_all(r->fd, r->ioas, NULL));
	EXPECT_EQ(-ENODATA, reach(r, 0));
	EXPECT_EQ(r->sim.pinned, mem_wait_pinned(r->sim.pinned));
}

TEST_F(driver, detach)
{
	struct ioasid_batch_entry entries[N];
	struct rigged *r = &self->r;

	entries_of(r, entries, N, true);
	ASSERT_EQ(0, iommu_map_batch(r->fd, r->ioas, entries, N, NULL));
	ASSERT_EQ(0, vfio_detach(r->sim.engine.fd));
	EXPECT_EQ(r->sim.pinned, mem_wait_pinned(r->sim.pinned));
	EXPECT_EQ(0, iommu_destroy(r->fd, r->ioas));
}

/* Unmapping that fails ------------------------------------------------------ */

FIXTURE(stuck)
{
	struct rigged r;
};

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

FIXTURE_SETUP(stuck)
{
	if (iosim_why_not())
		SKIP(return, "%s", iosim_why_not());
	ASSERT_EQ(0, rigged_open(&self->r, variant->attributes));
}

FIXTURE_TEARDOWN(stuck)
{
	/* Without its device a page table gives all back, whatever the driver. */
	EXPECT_EQ(0, rigged_close(&self->r));
}

static int set_unmap_fail(const char *calls)
{
	return iosim_set(SIM_NAME, "unmap_fail", calls);
}

/* All of it is as before; @pages of the first N are there. */
#define EXPECT_KEPT(r, pages)						\
	do {								\
		EXPECT_EQ((r)->pinned + (pages), mem_pinned());		\
		EXPECT_REACH(r, (1 << (pages)) - 1);			\
		EXPECT_EQ(-EEXIST, map(r, 0, 1));			\
	} while (0)

TEST_F(stuck, unmap)
{
	struct rigged *r = &self->r;

	ASSERT_EQ(0, map(r, 0, N));
	ASSERT_EQ(0, set_unmap_fail(FOR_EVER));
	EXPECT_EQ(-EIO, unmap(r, 0, N));
	EXPECT_TRUE(has_reason(r->fd, -EIO));
	EXPECT_KEPT(r, N);
	EXPECT_EQ(-EIO, unmap(r, 0, N));
	EXPECT_KEPT(r, N);
	ASSERT_EQ(0, set_unmap_fail("0"));
	EXPECT_EQ(0, unmap(r, 0, N));
	EXPECT_REACH(r, 0);
	EXPECT_EQ(r->pinned, mem_pinned());
	EXPECT_EQ(0, map(r, 0, N));
	EXPECT_REACH(r, ALL);
}

/* Every page by itself: each may be the one that does not go. */
TEST_F(stuck, page)
{
	struct rigged *r = &self->r;

	ASSERT_EQ(0, map(r, 0, 1));
	ASSERT_EQ(0, set_unmap_fail(FOR_EVER));
	EXPECT_EQ(-EIO, unmap(r, 0, 1));
	EXPECT_TRUE(has_reason(r->fd, -EIO));
	EXPECT_KEPT(r, 1);
	ASSERT_EQ(0, set_unmap_fail("0"));
	EXPECT_EQ(0, unmap(r, 0, 1));
	EXPECT_REACH(r, 0);
	EXPECT_EQ(r->pinned, mem_pinned());
}

/* Scattered pages, the first of which does not go. */
TEST_F(stuck, scattered)
{
	char *mem = mem_scattered(N * PAGE);
	struct rigged *r = &self->r;
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
	struct rigged *r = &self->r;
	unsigned int i, reached = 0;

	for (i = 0; i < N; i++) {
		ASSERT_EQ(0, map(r, i, 1));
	}
	EXPECT_REACH(r, ALL);
	ASSERT_EQ(0, set_unmap_fail(FOR_EVER));
	EXPECT_EQ(-EIO, unmap(r, 0, N));
	EXPECT_TRUE(has_reason(r->fd, -EIO));
	for (i = 0; i < N; i++)
		reached += !reach(r, i);
	EXPECT_EQ(r->pinned + reached, mem_pinned());
	ASSERT_EQ(0, set_unmap_fail("0"));
	EXPECT_EQ(0, unmap(r, 0, N));
	EXPECT_REACH(r, 0);
	EXPECT_EQ(r->pinned, mem_pinned());
}

/* Only the first call of the driver's fails. */
TEST_F(stuck, once)
{
	struct rigged *r = &self->r;
	unsigned int i, reached = 0;
	int rc;

	for (i = 0; i < N; i++) {
		ASSERT_EQ(0, map(r, i, 1));
	}
	ASSERT_EQ(0, set_unmap_fail("1"));
	rc = unmap(r, 0, N);
	EXPECT_TRUE(!rc || rc == -EIO);
	for (i = 0; i < N; i++)
		reached += !reach(r, i);
	EXPECT_EQ(r->pinned + reached, mem_pinned());
	EXPECT_EQ(!rc, !reached);
	rc = unmap(r, 0, N);
	EXPECT_EQ(reached ? 0 : -ENOENT, rc);
	EXPECT_REACH(r, 0);
	EXPECT_EQ(r->pinned, mem_pinned());
}

TEST_F(stuck, batch)
{
	struct ioasid_batch_entry entries[N];
	unsigned int i, reached = 0;
	struct rigged *r = &self->r;
	uint32_t done;

	entries_of(r, entries, N, true);
	ASSERT_EQ(0, iommu_map_batch(r->fd, r->ioas, entries, N, NULL));
	ASSERT_EQ(0, set_unmap_fail(FOR_EVER));
	entries_of(r, entries, N, false);
	EXPECT_EQ(-EIO, iommu_unmap_batch(r->fd, r->ioas, entries, N, &done));
	EXPECT_TRUE(has_reason(r->fd, -EIO));
	ASSERT_GT(N, done);
	EXPECT_EQ(EIO, entries[done].error);
	for (i = 0; i < N; i++)
		reached += !reach(r, i);
	EXPECT_EQ(N - done, reached);
	EXPECT_EQ(r->pinned + reached, mem_pinned());
	ASSERT_EQ(0, set_unmap_fail("0"));
	entries_of(r, entries, N, false);
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
	struct rigged *r = &self->r;

	ASSERT_EQ(0, map(r, N - 1, 1));
	entries_of(r, entries, N, true);
	ASSERT_EQ(0, set_unmap_fail(FOR_EVER));
	EXPECT_EQ(-EEXIST, iommu_map_batch(r->fd, r->ioas, entries, N, NULL));
	for (i = 0; i < N; i++)
		reached += !reach(r, i);
	EXPECT_EQ(r->pinned + reached, mem_pinned());
	ASSERT_EQ(0, set_unmap_fail("0"));
}

TEST_F(stuck, unmap_all)
{
	struct rigged *r = &self->r;

	ASSERT_EQ(0, map(r, 0, N));
	ASSERT_EQ(0, set_unmap_fail(FOR_EVER));
	EXPECT_EQ(-EIO, iommu_unmap_all(r->fd, r->ioas, NULL));
	EXPECT_TRUE(has_reason(r->fd, -EIO));
	EXPECT_KEPT(r, N);
	ASSERT_EQ(0, set_unmap_fail("0"));
	EXPECT_EQ(0, iommu_unmap_all(r->fd, r->ioas, NULL));
	EXPECT_EQ(-ENODATA, reach(r, 0));
	EXPECT_EQ(r->sim.pinned, mem_wait_pinned(r->sim.pinned));
}

/* A child's page table keeps what the parent is to lose. */
TEST_F(stuck, child)
{
	struct rigged *r = &self->r;
	uint32_t parent = r->ioas;

	ASSERT_EQ(0, iommu_alloc_nested(r->fd, parent, &r->ioas));
	ASSERT_EQ(0, iommu_map_fixed(r->fd, parent, r->huge, N * PAGE, IOMMU_RW,
				     NOWHERE));
	ASSERT_EQ(0, iommu_map_fixed(r->fd, r->ioas, (void *)SIM_AT, SIM_SIZE,
				     IOMMU_RW, SIM_AT));
	ASSERT_EQ(0, iommu_map_fixed(r->fd, r->ioas, (void *)NOWHERE, N * PAGE,
				     IOMMU_RW, AT));
	ASSERT_EQ(0, sim_attach(&r->sim, r->ioas));
	EXPECT_REACH(r, ALL);
	ASSERT_EQ(0, set_unmap_fail(FOR_EVER));
	EXPECT_EQ(-EIO, iommu_ioas_unmap(r->fd, parent, NOWHERE, N * PAGE,
					 NULL));
	EXPECT_TRUE(has_reason(r->fd, -EIO));
	EXPECT_EQ(r->pinned + N, mem_pinned());
	EXPECT_REACH(r, ALL);
	ASSERT_EQ(0, set_unmap_fail("0"));
	EXPECT_EQ(0, iommu_ioas_unmap(r->fd, parent, NOWHERE, N * PAGE, NULL));
	EXPECT_REACH(r, 0);
	EXPECT_EQ(r->pinned, mem_pinned());
}

/* No device uses the page table any more: it goes as a whole. */
TEST_F(stuck, detach)
{
	struct rigged *r = &self->r;

	ASSERT_EQ(0, map(r, 0, N));
	ASSERT_EQ(0, set_unmap_fail(FOR_EVER));
	EXPECT_EQ(-EIO, unmap(r, 0, N));
	ASSERT_EQ(0, vfio_detach(r->sim.engine.fd));
	EXPECT_EQ(r->sim.pinned, mem_wait_pinned(r->sim.pinned));
	EXPECT_EQ(0, iommu_destroy(r->fd, r->ioas));
}

/* The process ends instead: see the teardown. */
TEST_F(stuck, close)
{
	struct rigged *r = &self->r;

	ASSERT_EQ(0, map(r, 0, N));
	ASSERT_EQ(0, set_unmap_fail(FOR_EVER));
	EXPECT_EQ(-EIO, unmap(r, 0, N));
}

/* Mapping that fails -------------------------------------------------------- */

FIXTURE(full)
{
	struct rigged r;
};

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

FIXTURE_SETUP(full)
{
	if (iosim_why_not())
		SKIP(return, "%s", iosim_why_not());
	ASSERT_EQ(0, rigged_open(&self->r, variant->attributes));
}

FIXTURE_TEARDOWN(full)
{
	EXPECT_EQ(0, rigged_close(&self->r));
}

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
	struct rigged *r = &self->r;

	WALK(map(r, 0, N), EXPECT_NOTHING(r));
	EXPECT_REACH(r, ALL);
	EXPECT_EQ(0, unmap(r, 0, N));
	EXPECT_NOTHING(r);
}

/* More than one huge page, of which the first has a neighbour. */
TEST_F(full, huge)
{
	struct rigged *r = &self->r;

	ASSERT_EQ(0, iommu_map_fixed(r->fd, r->ioas, r->sim.buf, MEM_HUGE,
				     IOMMU_RW, AT - MEM_HUGE));
	r->pinned = mem_pinned();
	WALK(map(r, 0, HUGE_PAGES), EXPECT_NOTHING(r));
	EXPECT_REACH(r, ALL);
	EXPECT_EQ(0, reach(r, HUGE_PAGES - 1));
	EXPECT_EQ(0, dma_check(&r->dma, AT - MEM_HUGE, r->sim.buf));
	EXPECT_EQ(0, unmap(r, 0, HUGE_PAGES));
	EXPECT_NOTHING(r);
	EXPECT_EQ(0, dma_check(&r->dma, AT - MEM_HUGE, r->sim.buf));
}

TEST_F(full, scattered)
{
	char *mem = mem_scattered(N * PAGE);
	struct rigged *r = &self->r;
	unsigned int i;

	ASSERT_NE(NULL, mem);
	WALK(iommu_map_fixed(r->fd, r->ioas, mem, N * PAGE, IOMMU_RW, AT),
	     EXPECT_NOTHING(r));
	for (i = 0; i < N; i++) {
		EXPECT_EQ(0, dma_check(&r->dma, AT + i * PAGE, mem + i * PAGE));
	}
	EXPECT_EQ(0, unmap(r, 0, N));
	EXPECT_NOTHING(r);
}

/* The entries before the one that fails are done, and stay. */
TEST_F(full, batch)
{
	struct ioasid_batch_entry entries[N];
	struct rigged *r = &self->r;

	uint32_t done;

	entries_of(r, entries, N, true);
	WALK(iommu_map_batch(r->fd, r->ioas, entries, N, &done), {
		EXPECT_REACH(r, (1 << done) - 1);
		EXPECT_EQ(r->pinned + done, mem_pinned());
		EXPECT_EQ(-variant->error, entries[done].error);
		EXPECT_EQ(done ? 0 : -ENOENT, unmap(r, 0, N));
		EXPECT_NOTHING(r);
	});
	EXPECT_REACH(r, ALL);
	EXPECT_EQ(0, unmap(r, 0, N));
	EXPECT_NOTHING(r);
}

TEST_F(full, attach)
{
	struct rigged *r = &self->r;

	ASSERT_EQ(0, map(r, 0, N));
	ASSERT_EQ(0, vfio_detach(r->sim.engine.fd));
	WALK(sim_attach(&r->sim, r->ioas),
	     EXPECT_EQ(r->sim.pinned, mem_wait_pinned(r->sim.pinned)));
	EXPECT_REACH(r, ALL);
	EXPECT_EQ(0, dma_check(&r->dma, SIM_AT, r->sim.buf));
}

TEST_F(full, child)
{
	struct rigged *r = &self->r;
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
	ASSERT_EQ(0, unmap(r, 0, 1));
	r->pinned = mem_pinned();
	WALK(iommu_map_fixed(r->fd, r->ioas, (void *)NOWHERE, N * PAGE,
			     IOMMU_RW, AT), EXPECT_NOTHING(r));
	EXPECT_REACH(r, ALL);
	EXPECT_EQ(0, unmap(r, 0, N));
	EXPECT_NOTHING(r);
}

SIM_HARNESS_MAIN
