// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a simulated VT-d has cached of first stages: stale until it is invalidated, as a
 * guest's driver sees it that forgets to, or names the wrong range; and no longer.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <string.h>

#include "kselftest_harness.h"

#include "fault.h"
#include "iommu.h"
#include "load.h"
#include "mem.h"
#include "vfio.h"
#include "vtd.h"

#define PAGE SIM_PAGE
#define ATTRIBUTES "vtd=1 pasid_bits=6 pri=1"
#define PASID 3
#define LEAF IOMMU_VTD_INV_FLAGS_LEAF
#define EVERYTHING 0, UINT64_MAX

FIXTURE(cache)
{
	struct sim sim;
	uint32_t parent;
	uint32_t hwpt;
	uint64_t root;
	struct dma dma;
	uint64_t *words;
	uint64_t v;
};

FIXTURE_VARIANT(cache)
{
	uint32_t pasid;
	uint64_t v;
};

FIXTURE_VARIANT_ADD(cache, rid)
{
	.v = 0x7f0000000000ULL,
};

FIXTURE_VARIANT_ADD(cache, pasid)
{
	.pasid = PASID,
	.v = 0x7f0000000000ULL,
};

/* Addresses of the upper half are cached and invalidated as any. */
FIXTURE_VARIANT_ADD(cache, upper_rid)
{
	.v = 0xffffff0000000000ULL,
};

FIXTURE_VARIANT_ADD(cache, upper_pasid)
{
	.pasid = PASID,
	.v = 0xffffff0000000000ULL,
};

static int attach(const struct sim *sim, uint32_t pasid, uint32_t hwpt)
{
	if (pasid)
		return iommu_pasid_attach(sim->fd, sim->engine.dev_id, pasid,
					  hwpt);
	return sim_attach(sim, hwpt);
}

FIXTURE_SETUP(cache)
{
	struct sim *sim = &self->sim;
	int i;

	NEED_SIM;
	ASSERT_EQ(0, sim_open(sim, ATTRIBUTES));
	ASSERT_EQ(0, sim_parent_hwpt(sim, &self->parent));
	self->root = vtd_root(sim);
	ASSERT_NE(0, self->root);
	ASSERT_EQ(0, vtd_hwpt(sim, self->parent, self->root, 0, &self->hwpt));
	ASSERT_EQ(0, attach(sim, variant->pasid, self->hwpt));
	self->dma = sim_dma_pasid(sim, 0, variant->pasid ? variant->pasid :
						ENGINE_NO_PASID);
	self->words = (uint64_t *)sim->buf;
	self->v = variant->v;
	for (i = 0; i < 64; i++)
		self->words[i * PAGE / 8] = 1000 + i;
}

FIXTURE_TEARDOWN(cache)
{
	EXPECT_EQ(0, sim_close(&self->sim));
}

/* Page @page of the memory, at page @at behind V; page N has 1000 + N in it. */
#define MAP_BITS(at, page, bits)					\
	ASSERT_EQ(0, vtd_map(&self->sim.guest, self->root,		\
			     self->v + (at) * PAGE, SIM_AT + (page) * PAGE, \
			     1, bits))
#define MAP(at, page) MAP_BITS(at, page, VTD_ALL)
#define UNMAP(at) MAP_BITS(at, 0, 0)
#define INVALIDATE(at, npages, flags)					\
	ASSERT_EQ(0, vtd_invalidate(self->sim.fd, self->hwpt,		\
				    self->v + (at) * PAGE, npages, flags))
#define FLUSH()								\
	ASSERT_EQ(0, vtd_invalidate(self->sim.fd, self->hwpt, EVERYTHING, 0))
#define EXPECT_SEES(at, page)						\
	do {								\
		uint64_t _seen = 0;					\
									\
		EXPECT_EQ(0, dma_peek(&self->dma, self->v + (at) * PAGE, \
				      &_seen));				\
		EXPECT_EQ(1000 + (page), _seen);			\
	} while (0)
#define EXPECT_NOTHING(at)						\
	EXPECT_EQ(IOSIM_REASON_NOT_PRESENT,				\
		  dma_peek(&self->dma, self->v + (at) * PAGE, NULL))

/* Translations -------------------------------------------------------------- */

/* A guest that never invalidates goes on with what it had. */
TEST_F(cache, never_invalidated)
{
	int i;

	for (i = 0; i < 8; i++) {
		MAP(i, i);
		EXPECT_SEES(i, i);
	}
	for (i = 0; i < 8; i++)
		MAP(i, 8 + i);
	for (i = 0; i < 8; i++) {
		EXPECT_SEES(i, i);
	}
	for (i = 0; i < 8; i++)
		UNMAP(i);
	for (i = 0; i < 8; i++) {
		EXPECT_SEES(i, i);
	}
	FLUSH();
	for (i = 0; i < 8; i++)
		EXPECT_NOTHING(i);
}

/* What is not there, or is wrong, is not cached. */
TEST_F(cache, nothing_is_not_cached)
{
	EXPECT_NOTHING(0);
	MAP_BITS(0, 0, VTD_P | VTD_RW);
	EXPECT_EQ(IOSIM_REASON_PERMISSION,
		  dma_peek(&self->dma, self->v, NULL));
	MAP(0, 0);
	EXPECT_SEES(0, 0);
}

/* Rights that are taken away stay, and those that are given are not seen. */
TEST_F(cache, rights)
{
	MAP(0, 0);
	EXPECT_EQ(0, dma_poke(&self->dma, self->v, 1000));
	MAP_BITS(0, 0, VTD_P | VTD_US);
	EXPECT_EQ(0, dma_poke(&self->dma, self->v, 1000));
	INVALIDATE(0, 1, LEAF);
	EXPECT_EQ(IOSIM_REASON_PERMISSION,
		  dma_poke(&self->dma, self->v, 1));
	EXPECT_SEES(0, 0);
	MAP(0, 0);
	EXPECT_EQ(IOSIM_REASON_PERMISSION,
		  dma_poke(&self->dma, self->v, 1));
	INVALIDATE(0, 1, LEAF);
	EXPECT_EQ(0, dma_poke(&self->dma, self->v, 1000));
}

/* Ranges -------------------------------------------------------------------- */

/* Exactly what is in the range is forgotten, and the rest is not. */
TEST_F(cache, ranges)
{
	static const struct {
		unsigned int from;
		uint64_t npages;
	} rows[] = {
		{ 0, 1 }, { 3, 1 }, { 2, 2 }, { 3, 2 }, { 1, 3 }, { 5, 3 },
		{ 0, 8 }, { 3, 5 }, { 7, 1 }, { 4, 1 << 20 }, { 8, 8 },
	};
	unsigned int i;
	uint64_t seen;
	size_t row;

	for (row = 0; row < ARRAY_SIZE(rows); row++) {
		for (i = 0; i < 8; i++)
			MAP(i, i);
		FLUSH();
		for (i = 0; i < 8; i++) {
			EXPECT_SEES(i, i);
			MAP(i, 8 + i);
		}
		INVALIDATE(rows[row].from, rows[row].npages, row & 1 ? LEAF : 0);
		for (i = 0; i < 8; i++) {
			ASSERT_EQ(0, dma_peek(&self->dma, self->v + i * PAGE,
					      &seen));
			EXPECT_EQ(i >= rows[row].from &&
				  i < rows[row].from + rows[row].npages ?
				  1008 + i : 1000 + i, seen)
				TH_LOG("row %zu, page %u", row, i);
		}
	}
}

/* A page of a large page is all of it, and its neighbours are none of it. */
TEST_F(cache, large_pages)
{
	struct guest *guest = &self->sim.guest;
	int level;

	for (level = 2; level <= 3; level++) {
		/* A page where a table was is no change of leaves */
		FLUSH();
		ASSERT_EQ(0, vtd_map(guest, self->root, self->v, SIM_AT, level,
				     VTD_ALL));
		EXPECT_SEES(0, 0);
		EXPECT_SEES(60, 60);
		*vtd_entry(guest, self->root, self->v, level) = 0;
		EXPECT_SEES(60, 60);
		INVALIDATE(VTD_SPAN(level) / PAGE, 1, LEAF);
		EXPECT_SEES(60, 60);
		INVALIDATE(17, 1, LEAF);
		EXPECT_NOTHING(60);
		EXPECT_NOTHING(0);
	}
}

/* Zero and the largest number is everything, of both halves. */
TEST_F(cache, everything)
{
	const uint64_t other = self->v ^ 0xffff800000000000ULL;
	struct guest *guest = &self->sim.guest;
	uint64_t seen;

	MAP(0, 0);
	ASSERT_EQ(0, vtd_map(guest, self->root, other, SIM_AT + PAGE, 1,
			     VTD_ALL));
	EXPECT_SEES(0, 0);
	ASSERT_EQ(0, dma_peek(&self->dma, other, &seen));
	EXPECT_EQ(1001, seen);
	UNMAP(0);
	*vtd_entry(guest, self->root, other, 1) = 0;
	/* One half is not the other */
	INVALIDATE(0, 1, 0);
	EXPECT_NOTHING(0);
	EXPECT_EQ(0, dma_peek(&self->dma, other, NULL));
	FLUSH();
	EXPECT_EQ(IOSIM_REASON_NOT_PRESENT,
		  dma_peek(&self->dma, other, NULL));
}

/* A range over the hole between the halves is a range in both. */
TEST_F(cache, over_the_hole)
{
	const uint64_t ends[] = { 0x00007ffffffff000ULL, 0xffff800000000000ULL };
	struct guest *guest = &self->sim.guest;
	int i;

	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, vtd_map(guest, self->root, ends[i], SIM_AT, 1,
				     VTD_ALL));
		ASSERT_EQ(0, dma_peek(&self->dma, ends[i], NULL));
		*vtd_entry(guest, self->root, ends[i], 1) = 0;
	}
	/* What is in the hole only is nothing, and no error */
	ASSERT_EQ(0, vtd_invalidate(self->sim.fd, self->hwpt,
				    0x0000800000000000ULL, 1 << 20, 0));
	for (i = 0; i < 2; i++)
		EXPECT_EQ(0, dma_peek(&self->dma, ends[i], NULL));
	ASSERT_EQ(0, vtd_invalidate(self->sim.fd, self->hwpt, ends[0],
				    (ends[1] - ends[0]) / PAGE + 1, LEAF));
	for (i = 0; i < 2; i++)
		EXPECT_EQ(IOSIM_REASON_NOT_PRESENT,
			  dma_peek(&self->dma, ends[i], NULL));
}

/* The hint ------------------------------------------------------------------ */

/* A table of the level below @level in place of the one for V, with other pages. */
static int replace_table(struct sim *sim, uint64_t root, uint64_t v, int level,
			 uint64_t page)
{
	uint64_t fresh = guest_table(&sim->guest);
	uint64_t *entry = vtd_entry(&sim->guest, root, v, level);

	if (!fresh || !entry)
		return -ENOMEM;
	__atomic_store_n(entry, fresh | VTD_ALL, __ATOMIC_RELEASE);
	return vtd_map(&sim->guest, root, v, SIM_AT + page * PAGE, 1, VTD_ALL);
}

/*
 * The hint says that only leaves have changed. If that is not so the old table is still
 * gone by, on whatever level it was replaced.
 */
TEST_F(cache, leaf_hint)
{
	int level;

	for (level = 2; level <= 4; level++) {
		MAP(0, 0);
		FLUSH();
		EXPECT_SEES(0, 0);
		ASSERT_EQ(0, replace_table(&self->sim, self->root, self->v,
					   level, 1));
		INVALIDATE(0, 1, LEAF);
		EXPECT_SEES(0, 0);
		/* Somewhere else */
		INVALIDATE(VTD_SPAN(level) / PAGE, 1, 0);
		INVALIDATE(0, 1, LEAF);
		EXPECT_SEES(0, 0);
		INVALIDATE(0, 1, 0);
		EXPECT_SEES(0, 1);
	}
}

/* If it is so, it costs less: the walk does not begin at the root. */
TEST_F(cache, leaf_hint_is_cheaper)
{
	int64_t before;

	MAP(0, 0);
	EXPECT_SEES(0, 0);
	MAP(0, 1);
	before = iosim_counter(SIM_NAME, "structure_hits");
	INVALIDATE(0, 1, LEAF);
	EXPECT_SEES(0, 1);
	EXPECT_LT(before, iosim_counter(SIM_NAME, "structure_hits"));
	before = iosim_counter(SIM_NAME, "nested_walks");
	EXPECT_SEES(0, 1);
	EXPECT_EQ(before, iosim_counter(SIM_NAME, "nested_walks"));
}

/* Rights of tables are cached with them, of whatever level they are. */
TEST_F(cache, rights_of_tables)
{
	static const uint64_t rights[] = { VTD_RW, VTD_US };
	uint64_t *table;
	int i, level;

	for (i = 0; i < 2 * 3; i++) {
		level = 2 + i / 2;
		MAP(0, 0);
		MAP(1, 1);
		table = vtd_entry(&self->sim.guest, self->root, self->v, level);
		FLUSH();
		EXPECT_SEES(0, 0);
		*table &= ~rights[i % 2];
		/* Not cached yet, but its table is */
		EXPECT_EQ(0, dma_poke(&self->dma, self->v + PAGE, 1001));
		INVALIDATE(0, 2, LEAF);
		EXPECT_EQ(0, dma_poke(&self->dma, self->v + PAGE, 1001));
		INVALIDATE(0, 2, 0);
		EXPECT_EQ(IOSIM_REASON_PERMISSION,
			  dma_poke(&self->dma, self->v + PAGE, 1));
		*table |= rights[i % 2];
	}
}

/* Likewise those that are missing: only the table of a page that was read is known. */
TEST_F(cache, missing_rights_of_tables)
{
	uint64_t *table;
	int level;

	for (level = 2; level <= 4; level++) {
		MAP(0, 0);
		MAP(1, 1);
		table = vtd_entry(&self->sim.guest, self->root, self->v, level);
		*table &= ~VTD_RW;
		FLUSH();
		EXPECT_SEES(0, 0);
		*table |= VTD_RW;
		EXPECT_EQ(IOSIM_REASON_PERMISSION,
			  dma_poke(&self->dma, self->v + PAGE, 1));
		INVALIDATE(0, 2, 0);
		EXPECT_EQ(0, dma_poke(&self->dma, self->v + PAGE, 1001));
	}
}

/* Who is attached ----------------------------------------------------------- */

/* Another page table, or the same one again, has nothing cached. */
TEST_F(cache, replace)
{
	struct sim *sim = &self->sim;
	uint64_t root = vtd_root(sim);
	uint32_t other;

	MAP(0, 0);
	EXPECT_SEES(0, 0);
	ASSERT_EQ(0, vtd_map(&sim->guest, root, self->v, SIM_AT + PAGE, 1,
			     VTD_ALL));
	ASSERT_EQ(0, vtd_hwpt(sim, self->parent, root, 0, &other));
	ASSERT_EQ(0, attach(sim, variant->pasid, other));
	EXPECT_SEES(0, 1);
	UNMAP(0);
	ASSERT_EQ(0, attach(sim, variant->pasid, self->hwpt));
	EXPECT_NOTHING(0);
	EXPECT_EQ(0, iommu_destroy(sim->fd, other));
}

/* An invalidation of one page table is none of another one's. */
TEST_F(cache, two_tables)
{
	struct sim *sim = &self->sim;
	struct dma other_dma = sim_dma_pasid(sim, 1, PASID + 1);
	uint64_t root = vtd_root(sim);
	uint32_t other;

	MAP(0, 0);
	ASSERT_EQ(0, vtd_map(&sim->guest, root, self->v, SIM_AT + PAGE, 1,
			     VTD_ALL));
	ASSERT_EQ(0, vtd_hwpt(sim, self->parent, root, 0, &other));
	ASSERT_EQ(0, attach(sim, PASID + 1, other));
	EXPECT_SEES(0, 0);
	EXPECT_EQ(0, dma_peek(&other_dma, self->v, NULL));
	UNMAP(0);
	*vtd_entry(&sim->guest, root, self->v, 1) = 0;
	FLUSH();
	EXPECT_NOTHING(0);
	EXPECT_EQ(0, dma_peek(&other_dma, self->v, NULL));
	ASSERT_EQ(0, vtd_invalidate(sim->fd, other, EVERYTHING, LEAF));
	EXPECT_EQ(IOSIM_REASON_NOT_PRESENT,
		  dma_peek(&other_dma, self->v, NULL));
}

/* What the parent has lost is out of reach at once, pages and tables. */
TEST_F(cache, unmap_in_the_parent)
{
	const uint64_t gpa = 0x10000000;
	struct sim *sim = &self->sim;
	uint64_t table;

	ASSERT_EQ(0, iommu_map_fixed(sim->fd, sim->ioas, sim->buf, PAGE,
				     IOMMU_RW, gpa));
	ASSERT_EQ(0, vtd_map(&sim->guest, self->root, self->v, gpa, 1,
			     VTD_ALL));
	EXPECT_SEES(0, 0);
	ASSERT_EQ(0, iommu_ioas_unmap(sim->fd, sim->ioas, gpa, PAGE, NULL));
	EXPECT_EQ(IOSIM_REASON_PARENT, dma_peek(&self->dma, self->v, NULL));
	EXPECT_EQ(0x79, self->dma.code);
	/* A table is seen in a second place, which goes away */
	MAP(0, 0);
	table = *vtd_entry(&sim->guest, self->root, self->v, 2) & VTD_ADDR;
	ASSERT_EQ(0, iommu_map_fixed(sim->fd, sim->ioas,
				     guest_va(&sim->guest, table), PAGE,
				     IOMMU_RW, gpa));
	*vtd_entry(&sim->guest, self->root, self->v, 2) = gpa | VTD_ALL;
	FLUSH();
	EXPECT_SEES(0, 0);
	ASSERT_EQ(0, iommu_ioas_unmap(sim->fd, sim->ioas, gpa, PAGE, NULL));
	EXPECT_EQ(IOSIM_REASON_PARENT, dma_peek(&self->dma, self->v, NULL));
	EXPECT_EQ(0x76, self->dma.code);
	*vtd_entry(&sim->guest, self->root, self->v, 2) = table | VTD_ALL;
	EXPECT_SEES(0, 0);
}

/* What the device writes is dirty in the parent: pages, and the bits in tables. */
TEST_F(cache, dirty_tracking)
{
	struct sim *sim = &self->sim;
	uint64_t bits[SIM_SIZE / PAGE / 64] = { 0 };
	uint32_t parent, hwpt;
	uint64_t table;

	ASSERT_EQ(0, iommu_hwpt_alloc(sim->fd, sim->engine.dev_id, sim->ioas,
				      IOMMU_HWPT_ALLOC_NEST_PARENT |
				      IOMMU_HWPT_ALLOC_DIRTY_TRACKING,
				      &parent));
	ASSERT_EQ(0, vtd_hwpt(sim, parent, self->root, 0, &hwpt));
	ASSERT_EQ(0, attach(sim, variant->pasid, hwpt));
	MAP(5, 5);
	MAP(6, 6);
	table = (*vtd_entry(&sim->guest, self->root, self->v, 2) & VTD_ADDR) -
		SIM_AT;
	EXPECT_SEES(6, 6);
	ASSERT_EQ(0, iommu_hwpt_set_dirty(sim->fd, parent, true));
	EXPECT_SEES(6, 6);
	EXPECT_EQ(0, dma_poke(&self->dma, self->v + 5 * PAGE, 1005));
	ASSERT_EQ(0, iommu_hwpt_get_dirty(sim->fd, parent, 0, SIM_AT, SIM_SIZE,
					  PAGE, bits));
	/* The memory is in pages of 2 MiB */
	EXPECT_EQ(1, bits[0] & 1);
	EXPECT_EQ(0, bits[GUEST_2M / PAGE / 64]);
	EXPECT_TRUE(bits[table / PAGE / 64] >> table / PAGE % 64 & 1);
	EXPECT_TRUE(bits[SIM_DONE / PAGE / 64] >> SIM_DONE / PAGE % 64 & 1);
	/* Once more: by what is cached */
	memset(bits, 0, sizeof(bits));
	EXPECT_EQ(0, dma_poke(&self->dma, self->v + 5 * PAGE, 1005));
	ASSERT_EQ(0, iommu_hwpt_get_dirty(sim->fd, parent, 0, SIM_AT, SIM_SIZE,
					  PAGE, bits));
	EXPECT_EQ(1, bits[0] & 1);
	EXPECT_FALSE(bits[table / PAGE / 64] >> table / PAGE % 64 & 1);
	ASSERT_EQ(0, attach(sim, variant->pasid, self->hwpt));
	EXPECT_EQ(0, iommu_destroy(sim->fd, hwpt));
	EXPECT_EQ(0, iommu_destroy(sim->fd, parent));
}

/* A page request is answered by mapping, and takes no invalidation. */
TEST_F(cache, page_request)
{
	struct iommu_hwpt_pgfault fault;
	struct sim *sim = &self->sim;
	struct fault_queue queue;
	struct iosim_desc fill;
	uint32_t hwpt;

	ASSERT_EQ(0, fault_queue_open(sim->fd, &queue));
	ASSERT_EQ(0, vtd_hwpt_fault(sim, self->parent, self->root, 0, queue.id,
				    &hwpt));
	ASSERT_EQ(0, attach(sim, variant->pasid, hwpt));
	MAP_BITS(0, 0, VTD_P | VTD_US);
	EXPECT_SEES(0, 0);
	/* It may be read, and is to be written: what is cached of that goes */
	self->dma.block = true;
	fill = dma_desc_fill(self->v, 8, 1000);
	ASSERT_EQ(0, dma_start(&self->dma, &fill));
	ASSERT_EQ(1, fault_read_group(queue.fd, &fault, 1));
	EXPECT_EQ(self->v, fault.addr);
	EXPECT_EQ(IOMMU_PGFAULT_PERM_WRITE, fault.perm);
	EXPECT_EQ(variant->pasid, fault.flags & IOMMU_PGFAULT_FLAGS_PASID_VALID ?
				  fault.pasid : 0);
	MAP(0, 0);
	ASSERT_EQ(0, fault_respond(queue.fd, fault.cookie,
				   IOMMUFD_PAGE_RESP_SUCCESS));
	EXPECT_EQ(0, dma_wait(&self->dma));
	/* Nobody is asked about tables that are wrong */
	*vtd_entry(&sim->guest, self->root, self->v, 4) |= VTD_PS;
	ASSERT_EQ(0, vtd_invalidate(sim->fd, hwpt, EVERYTHING, 0));
	EXPECT_EQ(IOSIM_REASON_MALFORMED,
		  dma_peek(&self->dma, self->v, NULL));
	EXPECT_FALSE(fault_pending(queue.fd));
	close(queue.fd);
}

/* Tables change, and are invalidated, while the device goes by them. */
TEST_F(cache, under_load)
{
	struct sim *sim = &self->sim;
	struct load load = {
		.dma = self->dma,
		.src = self->v,
		.dst = self->v + 512 * PAGE,
		.length = PAGE,
		.seen = self->words + 32 * PAGE / 8,
		.may = { 1, 2 },
	};
	pthread_t thread;
	int i;

	for (i = 0; i < (int)(PAGE / 8); i++) {
		self->words[i] = 1;
		self->words[PAGE / 8 + i] = 2;
	}
	MAP(0, 0);
	MAP(512, 32);
	ASSERT_EQ(0, pthread_create(&thread, NULL, load_run, &load));
	load_wait(&load, 1);
	for (i = 0; i < 50 && !load.rc; i++) {
		if (i % 4) {
			MAP(0, i & 1);
			INVALIDATE(0, 1, LEAF);
		} else {
			ASSERT_EQ(0, replace_table(sim, self->root, self->v, 2,
						   i & 1));
			INVALIDATE(0, 1, 0);
		}
		load_wait(&load, 1);
	}
	__atomic_store_n(&load.stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	EXPECT_EQ(0, load.rc);
}

SIM_HARNESS_MAIN
