// SPDX-License-Identifier: GPL-2.0-only
/*
 * Nesting in hardware: a first stage in the user's memory, which the simulator walks
 * below a kernel-managed one. The same tests by RID, by PASID, and through a PASID
 * table in the user's memory; and all of these on a vIOMMU, which is what is invalidated.
 */
#define _GNU_SOURCE
#include <unistd.h>

#include "kselftest_harness.h"

#include "iommu.h"
#include "mem.h"
#include "sim.h"
#include "vfio.h"

#define PAGE SIM_PAGE
#define BITS 6
#define ATTRIBUTES "pasid_bits=6"
/* Where the guest has its IOVAs; 1 GiB-aligned */
#define V 0x7f0000000000ULL
/* A guest-physical address behind the memory */
#define NOWHERE 0x200000000ULL
/* Where a part of the memory can only be read */
#define READ_ONLY 0x20000000ULL

FIXTURE(nesting)
{
	struct sim sim;
	uint32_t parent;
	/* What page tables are made on: the parent, or a vIOMMU on it */
	uint32_t base;
	uint32_t hwpt;
	/* The first stage */
	uint64_t root;
	struct dma dma;
	uint64_t *words;
};

/* The first stage is one entry of a PASID table. */
static int attach_table(struct sim *sim, uint32_t parent, uint32_t pasid,
			uint64_t root, uint32_t *hwpt)
{
	struct iosim_pasid_entry *table = guest_pasid_table(&sim->guest, BITS);
	int rc;

	if (!table)
		return -ENOMEM;
	table[pasid].root = root;
	table[pasid].flags = IOSIM_PASID_VALID | IOSIM_PASID_FIRST_STAGE;
	rc = guest_hwpt_pasid_table(sim->fd, sim->engine.dev_id, parent,
				    guest_gpa(&sim->guest, table), BITS, 0,
				    hwpt);
	return rc ?: sim_attach(sim, *hwpt);
}

static int attach_first_stage(struct sim *sim, uint32_t parent, uint32_t pasid,
			      uint64_t root, uint32_t *hwpt)
{
	int rc = guest_hwpt(sim->fd, sim->engine.dev_id, parent, root, 0, hwpt);

	if (rc)
		return rc;
	if (pasid)
		return iommu_pasid_attach(sim->fd, sim->engine.dev_id, pasid,
					  *hwpt);
	return sim_attach(sim, *hwpt);
}

static int detach_rid(struct sim *sim, uint32_t pasid)
{
	(void)pasid;
	return vfio_detach(sim->engine.fd);
}

static int detach_pasid(struct sim *sim, uint32_t pasid)
{
	return iommu_pasid_detach(sim->fd, sim->engine.dev_id, pasid);
}

FIXTURE_VARIANT(nesting)
{
	uint32_t pasid;
	bool table;
	bool viommu;
	int (*attach)(struct sim *sim, uint32_t parent, uint32_t pasid,
		      uint64_t root, uint32_t *hwpt);
	int (*detach)(struct sim *sim, uint32_t pasid);
};

FIXTURE_VARIANT_ADD(nesting, rid)
{
	.attach = attach_first_stage,
	.detach = detach_rid,
};

FIXTURE_VARIANT_ADD(nesting, pasid)
{
	.pasid = 3,
	.attach = attach_first_stage,
	.detach = detach_pasid,
};

FIXTURE_VARIANT_ADD(nesting, table_rid)
{
	.table = true,
	.attach = attach_table,
	.detach = detach_rid,
};

FIXTURE_VARIANT_ADD(nesting, table_pasid)
{
	.pasid = 3,
	.table = true,
	.attach = attach_table,
	.detach = detach_rid,
};

FIXTURE_VARIANT_ADD(nesting, viommu_rid)
{
	.viommu = true,
	.attach = attach_first_stage,
	.detach = detach_rid,
};

FIXTURE_VARIANT_ADD(nesting, viommu_pasid)
{
	.pasid = 3,
	.viommu = true,
	.attach = attach_first_stage,
	.detach = detach_pasid,
};

FIXTURE_VARIANT_ADD(nesting, viommu_table_rid)
{
	.table = true,
	.viommu = true,
	.attach = attach_table,
	.detach = detach_rid,
};

FIXTURE_VARIANT_ADD(nesting, viommu_table_pasid)
{
	.pasid = 3,
	.table = true,
	.viommu = true,
	.attach = attach_table,
	.detach = detach_rid,
};

FIXTURE_SETUP(nesting)
{
	struct sim *sim = &self->sim;
	int rc;

	NEED_SIM;
	ASSERT_EQ(0, sim_open(sim, ATTRIBUTES));
	ASSERT_EQ(0, sim_parent_hwpt(sim, &self->parent));
	self->base = self->parent;
	if (variant->viommu) {
		ASSERT_EQ(0, guest_viommu(sim->fd, sim->engine.dev_id,
					  self->parent, &self->base));
	}
	self->root = sim_guest_root(sim);
	ASSERT_NE(0, self->root);
	rc = variant->attach(sim, self->base, variant->pasid, self->root,
			     &self->hwpt);
	ASSERT_EQ(0, rc);
	self->dma = sim_dma_pasid(sim, 0, variant->pasid ? variant->pasid :
						ENGINE_NO_PASID);
	self->words = (uint64_t *)sim->buf;
}

FIXTURE_TEARDOWN(nesting)
{
	EXPECT_EQ(0, sim_close(&self->sim));
}

/* Page @page of the memory, at page @at behind V. */
#define MAP(at, page, permission)					\
	guest_map(&self->sim.guest, self->root, V + (at) * PAGE,	\
		  SIM_AT + (page) * PAGE, PAGE, GUEST_4K, permission)
#define UNMAP(at)							\
	guest_unmap(&self->sim.guest, self->root, V + (at) * PAGE, PAGE,	\
		    GUEST_4K)
#define WORD(page) (&self->words[(page) * PAGE / 8])
#define INVALIDATE(iova, length) ({					\
	int _rc;							\
									\
	if (variant->viommu)						\
		_rc = guest_invalidate_viommu(self->sim.fd,		\
					      self->base,		\
					      IOSIM_VIOMMU_RANGE, 0,	\
					      iova, length);		\
	else if (variant->table)					\
		_rc = guest_invalidate_pasid(self->sim.fd, self->hwpt, 0, \
					     variant->pasid, iova, length); \
	else								\
		_rc = guest_invalidate(self->sim.fd, self->hwpt, iova,	\
				       length);				\
	_rc; })
#define EXPECT_SEES(at, page)						\
	EXPECT_EQ(0, dma_check(&self->dma, V + (at) * PAGE, WORD(page)))
#define EXPECT_FAULT(reason, at)					\
	do {								\
		EXPECT_EQ(reason, dma_poke(&self->dma, V + (at) * PAGE, 1)); \
		EXPECT_EQ(V + (at) * PAGE, self->dma.addr);		\
	} while (0)

/* Translation -------------------------------------------------------------- */

TEST_F(nesting, pages_in_another_order)
{
	enum { N = 32 };
	int i;

	for (i = 0; i < N; i++) {
		ASSERT_EQ(0, MAP(i, (i * 37 + 5) % N, GUEST_RW));
	}
	for (i = 0; i < N; i++) {
		EXPECT_SEES(i, (i * 37 + 5) % N);
	}
	/* A transfer over many of them */
	for (i = 0; i < N; i++)
		mem_fill(WORD((i * 37 + 5) % N), PAGE, i);
	ASSERT_EQ(0, MAP(512, 100, GUEST_RW));
	for (i = 0; i < N; i++) {
		ASSERT_EQ(0, dma_copy(&self->dma, V + i * PAGE,
				      V + 512 * PAGE, PAGE));
		EXPECT_EQ(-1, mem_check(WORD(100), PAGE, i));
	}
	EXPECT_FAULT(IOSIM_REASON_NOT_PRESENT, N);
}

/* Guest-physical addresses are nothing to the device. */
TEST_F(nesting, the_parent_is_below)
{
	EXPECT_EQ(IOSIM_REASON_NOT_PRESENT, dma_poke(&self->dma, SIM_AT, 1));
	EXPECT_EQ(IOSIM_REASON_NOT_PRESENT, dma_poke(&self->dma, V, 1));
	ASSERT_EQ(0, guest_map(&self->sim.guest, self->root, V, NOWHERE, PAGE,
			       GUEST_4K, GUEST_RW));
	EXPECT_FAULT(IOSIM_REASON_PARENT, 0);
}

TEST_F(nesting, page_sizes)
{
	static const uint64_t sizes[] = { GUEST_4K, GUEST_2M, GUEST_1G };
	struct guest *guest = &self->sim.guest;
	uint64_t at = V, last, behind;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++, at += GUEST_1G) {
		behind = sizes[i] < SIM_SIZE ? sizes[i] : SIM_SIZE;
		ASSERT_EQ(0, guest_map(guest, self->root, at, SIM_AT, sizes[i],
				       sizes[i], GUEST_RW));
		last = sizes[i] < SIM_TABLES ? sizes[i] : SIM_TABLES;
		EXPECT_EQ(0, dma_check(&self->dma, at, WORD(0)));
		EXPECT_EQ(0, dma_check(&self->dma, at + last - 8,
				       &self->words[last / 8 - 1]));
		EXPECT_EQ(sizes[i] == GUEST_1G ? IOSIM_REASON_PARENT :
						 IOSIM_REASON_NOT_PRESENT,
			  dma_poke(&self->dma, at + behind, 1));
	}
	/* The second half of the memory as one large page */
	ASSERT_EQ(0, guest_map(guest, self->root, at, SIM_AT + GUEST_2M,
			       GUEST_2M, GUEST_2M, GUEST_RW));
	EXPECT_EQ(0, dma_check(&self->dma, at + 0x12340,
			       &self->words[(GUEST_2M + 0x12340) / 8]));
}

/* What both stages permit, and no more; the reason says which one did not. */
TEST_F(nesting, permissions)
{
	static const struct {
		uint64_t first;
		uint64_t gpa;
		int peek;
		int poke;
	} rows[] = {
		{ GUEST_RW, SIM_AT, 0, 0 },
		{ GUEST_R, SIM_AT, 0, IOSIM_REASON_PERMISSION },
		{ GUEST_W, SIM_AT, IOSIM_REASON_PERMISSION, 0 },
		{ 0, SIM_AT, IOSIM_REASON_PERMISSION, IOSIM_REASON_PERMISSION },
		{ GUEST_RW, READ_ONLY, 0, IOSIM_REASON_PARENT },
		{ GUEST_R, READ_ONLY, 0, IOSIM_REASON_PERMISSION },
		{ GUEST_W, READ_ONLY, IOSIM_REASON_PERMISSION,
		  IOSIM_REASON_PARENT },
	};
	struct sim *sim = &self->sim;
	uint64_t at = V, before;
	size_t i;

	ASSERT_EQ(0, iommu_map_fixed(sim->fd, sim->ioas, sim->buf, PAGE,
				     IOMMU_R, READ_ONLY));
	for (i = 0; i < ARRAY_SIZE(rows); i++, at += PAGE) {
		ASSERT_EQ(0, guest_map(&sim->guest, self->root, at, rows[i].gpa,
				       PAGE, GUEST_4K, rows[i].first));
		before = *WORD(0);
		EXPECT_EQ(rows[i].poke, dma_poke(&self->dma, at, i + 100))
			TH_LOG("%zu", i);
		EXPECT_EQ(rows[i].poke ? before : i + 100, *WORD(0));
		EXPECT_EQ(rows[i].peek, dma_peek(&self->dma, at, NULL))
			TH_LOG("%zu", i);
	}
}

/* Entries that point to tables take permissions from all that is below. */
TEST_F(nesting, permissions_of_upper_levels)
{
	static const uint64_t levels[] = { 1ULL << 39, GUEST_1G, GUEST_2M };
	struct sim *sim = &self->sim;
	uint64_t *table, *entry;
	size_t i;
	int level;

	ASSERT_EQ(0, MAP(0, 0, GUEST_RW));
	for (i = 0; i < ARRAY_SIZE(levels); i++) {
		table = guest_va(&sim->guest, self->root);
		for (level = 0; ; level++) {
			entry = &table[V / levels[level] % IOSIM_TABLE_ENTRIES];
			if (level == (int)i)
				break;
			table = guest_va(&sim->guest, *entry & IOSIM_PTE_ADDR);
		}
		*entry &= ~IOSIM_PTE_WRITE;
		ASSERT_EQ(0, INVALIDATE(0, UINT64_MAX));
		EXPECT_FAULT(IOSIM_REASON_PERMISSION, 0);
		EXPECT_EQ(0, dma_peek(&self->dma, V, NULL));
		*entry |= IOSIM_PTE_WRITE;
		ASSERT_EQ(0, INVALIDATE(0, UINT64_MAX));
		EXPECT_SEES(0, 0);
	}
}

TEST_F(nesting, accessed_and_dirty)
{
	uint64_t *pte;

	ASSERT_EQ(0, MAP(0, 0, GUEST_RW));
	pte = guest_pte(&self->sim.guest, self->root, V, GUEST_4K);
	ASSERT_NE(NULL, pte);
	EXPECT_EQ(0, *pte & (IOSIM_PTE_ACCESSED | IOSIM_PTE_DIRTY));
	ASSERT_EQ(0, dma_peek(&self->dma, V, NULL));
	EXPECT_EQ(IOSIM_PTE_ACCESSED,
		  *pte & (IOSIM_PTE_ACCESSED | IOSIM_PTE_DIRTY));
	ASSERT_EQ(0, dma_poke(&self->dma, V, 1));
	EXPECT_EQ(IOSIM_PTE_ACCESSED | IOSIM_PTE_DIRTY,
		  *pte & (IOSIM_PTE_ACCESSED | IOSIM_PTE_DIRTY));
}

/* The IOTLB ---------------------------------------------------------------- */

/* Who forgets to invalidate sees the old page, until it is invalidated. */
TEST_F(nesting, stale_page)
{
	uint64_t seen = 0;

	*WORD(0) = 100;
	*WORD(1) = 101;
	ASSERT_EQ(0, MAP(0, 0, GUEST_RW));
	ASSERT_EQ(0, dma_peek(&self->dma, V, &seen));
	EXPECT_EQ(100, seen);
	ASSERT_EQ(0, MAP(0, 1, GUEST_RW));
	ASSERT_EQ(0, dma_peek(&self->dma, V, &seen));
	EXPECT_EQ(100, seen);
	ASSERT_EQ(0, INVALIDATE(V, PAGE));
	ASSERT_EQ(0, dma_peek(&self->dma, V, &seen));
	EXPECT_EQ(101, seen);
}

TEST_F(nesting, stale_after_unmap)
{
	ASSERT_EQ(0, MAP(0, 0, GUEST_RW));
	EXPECT_SEES(0, 0);
	ASSERT_EQ(0, UNMAP(0));
	EXPECT_SEES(0, 0);
	ASSERT_EQ(0, INVALIDATE(V, PAGE));
	EXPECT_FAULT(IOSIM_REASON_NOT_PRESENT, 0);
}

TEST_F(nesting, stale_permission)
{
	ASSERT_EQ(0, MAP(0, 0, GUEST_RW));
	EXPECT_SEES(0, 0);
	ASSERT_EQ(0, MAP(0, 0, GUEST_R));
	EXPECT_SEES(0, 0);
	ASSERT_EQ(0, INVALIDATE(V, PAGE));
	EXPECT_FAULT(IOSIM_REASON_PERMISSION, 0);
	EXPECT_EQ(0, dma_peek(&self->dma, V, NULL));
}

/* What is not there is not cached: no invalidation after mapping. */
TEST_F(nesting, nothing_is_not_cached)
{
	EXPECT_FAULT(IOSIM_REASON_NOT_PRESENT, 0);
	ASSERT_EQ(0, MAP(0, 0, GUEST_RW));
	EXPECT_SEES(0, 0);
	EXPECT_FAULT(IOSIM_REASON_NOT_PRESENT, 1);
	ASSERT_EQ(0, MAP(1, 1, GUEST_RW));
	EXPECT_SEES(1, 1);
}

/* A range is what is in it, and every page that reaches into it. */
TEST_F(nesting, invalidate_a_range)
{
	static const struct {
		uint64_t from;
		uint64_t length;
		unsigned int first;
		unsigned int last;
	} rows[] = {
		{ 0, PAGE, 0, 0 },
		{ 2 * PAGE, 3 * PAGE, 2, 4 },
		{ PAGE - 1, 2, 0, 1 },
		{ 5 * PAGE + 77, 1, 5, 5 },
		{ 0, 8 * PAGE, 0, 7 },
	};
	unsigned int i, page;
	uint64_t seen;
	size_t row;

	for (i = 0; i < 8; i++) {
		*WORD(i) = i;
		*WORD(8 + i) = 8 + i;
	}
	for (row = 0; row < ARRAY_SIZE(rows); row++) {
		for (i = 0; i < 8; i++) {
			ASSERT_EQ(0, MAP(i, i, GUEST_RW));
		}
		ASSERT_EQ(0, INVALIDATE(0, UINT64_MAX));
		for (i = 0; i < 8; i++) {
			ASSERT_EQ(0, dma_peek(&self->dma, V + i * PAGE, &seen));
			ASSERT_EQ(i, seen);
			ASSERT_EQ(0, MAP(i, 8 + i, GUEST_RW));
		}
		ASSERT_EQ(0, INVALIDATE(V + rows[row].from, rows[row].length));
		for (i = 0; i < 8; i++) {
			page = i >= rows[row].first && i <= rows[row].last ?
			       8 + i : i;
			ASSERT_EQ(0, dma_peek(&self->dma, V + i * PAGE, &seen));
			EXPECT_EQ(page, seen) TH_LOG("row %zu", row);
		}
	}
}

TEST_F(nesting, invalidate_a_part_of_a_large_page)
{
	struct guest *guest = &self->sim.guest;

	ASSERT_EQ(0, guest_map(guest, self->root, V, SIM_AT, GUEST_2M, GUEST_2M,
			       GUEST_RW));
	EXPECT_SEES(300, 300);
	ASSERT_EQ(0, guest_unmap(guest, self->root, V, GUEST_2M, GUEST_2M));
	EXPECT_SEES(300, 300);
	ASSERT_EQ(0, INVALIDATE(V + GUEST_2M, PAGE));
	EXPECT_SEES(300, 300);
	ASSERT_EQ(0, INVALIDATE(V + 7 * PAGE, 1));
	EXPECT_FAULT(IOSIM_REASON_NOT_PRESENT, 300);
}

TEST_F(nesting, invalidate_all)
{
	int i;

	for (i = 0; i < 16; i++) {
		ASSERT_EQ(0, MAP(i * 3, i, GUEST_RW));
		EXPECT_SEES(i * 3, i);
		ASSERT_EQ(0, UNMAP(i * 3));
	}
	ASSERT_EQ(0, INVALIDATE(0, UINT64_MAX));
	/* The place for completions is walked for, too */
	for (i = 0; i < 16; i++) {
		EXPECT_FAULT(IOSIM_REASON_NOT_PRESENT, i * 3);
	}
}

/* The parent --------------------------------------------------------------- */

/* What is unmapped in the parent is out of reach at once, in cached pages too. */
TEST_F(nesting, unmap_in_the_parent)
{
	struct sim *sim = &self->sim;
	char *other = mem_anon(PAGE);
	const uint64_t gpa = 0x10000000;

	ASSERT_NE(NULL, other);
	ASSERT_EQ(0, iommu_map_fixed(sim->fd, sim->ioas, sim->buf, PAGE,
				     IOMMU_RW, gpa));
	ASSERT_EQ(0, guest_map(&sim->guest, self->root, V, gpa, PAGE, GUEST_4K,
			       GUEST_RW));
	ASSERT_EQ(0, MAP(1, 1, GUEST_RW));
	EXPECT_SEES(0, 0);
	EXPECT_SEES(1, 1);
	ASSERT_EQ(0, iommu_ioas_unmap(sim->fd, sim->ioas, gpa, PAGE, NULL));
	EXPECT_FAULT(IOSIM_REASON_PARENT, 0);
	EXPECT_SEES(1, 1);
	ASSERT_EQ(0, iommu_map_fixed(sim->fd, sim->ioas, other, PAGE, IOMMU_RW,
				     gpa));
	EXPECT_EQ(0, dma_check(&self->dma, V, other));
}

/* The tables themselves are in such memory. */
TEST_F(nesting, unmap_the_tables)
{
	struct sim *sim = &self->sim;
	uint64_t completions = SIM_AT + SIM_DONE;
	struct dma dma = self->dma;

	ASSERT_EQ(0, MAP(0, 0, GUEST_RW));
	ASSERT_EQ(0, iommu_ioas_unmap(sim->fd, sim->ioas, SIM_AT, SIM_SIZE,
				      NULL));
	EXPECT_EQ(-ENODATA, dma_poke(&dma, V, 1));
	EXPECT_EQ(-ENODATA, dma_poke(&dma, completions, 1));
	ASSERT_EQ(0, iommu_map_fixed(sim->fd, sim->ioas, sim->buf, SIM_SIZE,
				     IOMMU_RW, SIM_AT));
	EXPECT_SEES(0, 0);
}

TEST_F(nesting, parent_in_use)
{
	struct sim *sim = &self->sim;

	EXPECT_EQ(-EBUSY, iommu_destroy(sim->fd, self->parent));
	EXPECT_EQ(-EBUSY, iommu_destroy(sim->fd, sim->ioas));
	EXPECT_EQ(-EBUSY, iommu_destroy(sim->fd, self->hwpt));
	ASSERT_EQ(0, variant->detach(sim, variant->pasid));
	EXPECT_EQ(-EBUSY, iommu_destroy(sim->fd, self->parent));
	EXPECT_EQ(0, iommu_destroy(sim->fd, self->hwpt));
	if (variant->viommu) {
		EXPECT_EQ(-EBUSY, iommu_destroy(sim->fd, self->parent));
		EXPECT_EQ(0, iommu_destroy(sim->fd, self->base));
	}
	EXPECT_EQ(0, iommu_destroy(sim->fd, self->parent));
	EXPECT_EQ(0, iommu_destroy(sim->fd, sim->ioas));
	EXPECT_EQ(-ENODATA, dma_poke(&self->dma, V, 1));
}

/* The order at the end is ours: the process just closes everything. */
TEST_F(nesting, close_in_use)
{
	ASSERT_EQ(0, MAP(0, 0, GUEST_RW));
	EXPECT_SEES(0, 0);
	close(self->sim.fd);
	self->sim.fd = -1;
	EXPECT_SEES(0, 0);
}

TEST_F(nesting, replace)
{
	struct sim *sim = &self->sim;
	uint64_t root = sim_guest_root(sim);
	uint32_t other = 0;
	int rc;

	ASSERT_EQ(0, MAP(0, 0, GUEST_RW));
	EXPECT_SEES(0, 0);
	ASSERT_EQ(0, guest_map(&sim->guest, root, V, SIM_AT + PAGE, PAGE,
			       GUEST_4K, GUEST_RW));
	rc = variant->attach(sim, self->base, variant->pasid, root, &other);
	ASSERT_EQ(0, rc);
	EXPECT_SEES(0, 1);
	EXPECT_EQ(0, iommu_destroy(sim->fd, self->hwpt));
	/* To the second stage alone, and by that to guest-physical addresses */
	if (variant->detach == detach_pasid)
		rc = iommu_pasid_attach(sim->fd, sim->engine.dev_id,
					variant->pasid, self->parent);
	else
		rc = sim_attach(sim, self->parent);
	ASSERT_EQ(0, rc);
	/* Only the table had the PASID */
	EXPECT_EQ(variant->pasid && variant->table ? -ENODATA : 0,
		  dma_check(&self->dma, SIM_AT, WORD(0)));
	EXPECT_EQ(0, iommu_destroy(sim->fd, other));
}

SIM_HARNESS_MAIN
