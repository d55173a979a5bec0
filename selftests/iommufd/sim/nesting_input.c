// SPDX-License-Identifier: GPL-2.0-only
/*
 * What users can get wrong in nesting: tables that are malformed, page tables that
 * cannot be, invalidations of all kinds. And PASID tables in the user's memory.
 */
#define _GNU_SOURCE
#include "kselftest_harness.h"

#include "iommu.h"
#include "mem.h"
#include "sim.h"
#include "vfio.h"

#define PAGE SIM_PAGE
#define BITS 6
#define NR_PASIDS (1 << BITS)
#define ATTRIBUTES "pasid_bits=6"
#define V 0x7f0000000000ULL
#define NOWHERE 0x200000000ULL
#define NO_SUCH_ID 0x7fffff00
#define EVERYTHING 0, UINT64_MAX

/* A first stage that is attached to the RID. */
FIXTURE(stage)
{
	struct sim sim;
	uint32_t parent;
	uint32_t hwpt;
	uint64_t root;
	struct dma dma;
	int fd;
	uint32_t dev;
};

FIXTURE_SETUP(stage)
{
	struct sim *sim = &self->sim;

	NEED_SIM;
	ASSERT_EQ(0, sim_open(sim, ATTRIBUTES));
	self->fd = sim->fd;
	self->dev = sim->engine.dev_id;
	ASSERT_EQ(0, sim_parent_hwpt(sim, &self->parent));
	self->root = sim_guest_root(sim);
	ASSERT_NE(0, self->root);
	ASSERT_EQ(0, guest_map(&sim->guest, self->root, V, SIM_AT, PAGE,
			       GUEST_4K, GUEST_RW));
	ASSERT_EQ(0, guest_hwpt(self->fd, self->dev, self->parent, self->root,
				0, &self->hwpt));
	ASSERT_EQ(0, sim_attach(sim, self->hwpt));
	self->dma = sim_dma(sim, 0);
	EXPECT_EQ(0, dma_check(&self->dma, V, sim->buf));
}

FIXTURE_TEARDOWN(stage)
{
	EXPECT_EQ(0, sim_close(&self->sim));
}

/* Malformed tables --------------------------------------------------------- */

/* The entry for @iova on level 1 to 4. */
static uint64_t *entry_on(struct sim *sim, uint64_t root, uint64_t iova,
			  int level)
{
	uint64_t *table = guest_va(&sim->guest, root), *entry;
	int i;

	for (i = IOSIM_LEVELS;; i--) {
		entry = &table[iova >> (12 + 9 * (i - 1)) & 511];
		if (i == level)
			return entry;
		table = guest_va(&sim->guest, *entry & IOSIM_PTE_ADDR);
	}
}

#define RW_VALID (IOSIM_PTE_VALID | IOSIM_PTE_READ | IOSIM_PTE_WRITE)
#define LEAF (RW_VALID | IOSIM_PTE_LEAF)
/* The entry points to the table that it is in, or to the root. */
#define ITSELF (1ULL << 62)
#define ROOT (1ULL << 61)

static const struct {
	const char *what;
	int level;
	uint64_t entry;
	int reason;
} malformed[] = {
	{ "leaf on level 4", 4, LEAF | SIM_AT, IOSIM_REASON_MALFORMED },
	{ "misaligned 1G", 3, LEAF | (SIM_AT + GUEST_2M),
	  IOSIM_REASON_MALFORMED },
	{ "misaligned 2M", 2, LEAF | (SIM_AT + PAGE), IOSIM_REASON_MALFORMED },
	{ "no leaf on level 1", 1, RW_VALID | SIM_AT, IOSIM_REASON_MALFORMED },
	{ "bit 6", 1, LEAF | SIM_AT | 1ULL << 6, IOSIM_REASON_MALFORMED },
	{ "bit 11", 1, LEAF | SIM_AT | 1ULL << 11, IOSIM_REASON_MALFORMED },
	{ "bit 48", 1, LEAF | SIM_AT | 1ULL << 48, IOSIM_REASON_MALFORMED },
	{ "bit 63", 1, LEAF | SIM_AT | 1ULL << 63, IOSIM_REASON_MALFORMED },
	{ "bit 6 of a table", 2, RW_VALID | SIM_AT | 1ULL << 6,
	  IOSIM_REASON_MALFORMED },
	{ "bit 52 of a table", 4, RW_VALID | SIM_AT | 1ULL << 52,
	  IOSIM_REASON_MALFORMED },
	{ "table outside of the parent", 2, RW_VALID | NOWHERE,
	  IOSIM_REASON_PARENT },
	{ "level 3 outside of the parent", 4, RW_VALID | NOWHERE,
	  IOSIM_REASON_PARENT },
	{ "page outside of the parent", 1, LEAF | NOWHERE,
	  IOSIM_REASON_PARENT },
	{ "end of the addresses", 1, LEAF | IOSIM_PTE_ADDR,
	  IOSIM_REASON_PARENT },
	{ "loop on level 4", 4, RW_VALID | ITSELF, 0 },
	{ "loop on level 3", 3, RW_VALID | ITSELF, 0 },
	{ "loop on level 2", 2, RW_VALID | ITSELF, 0 },
	{ "level 2 is the root", 2, RW_VALID | ROOT, 0 },
};

TEST_F(stage, malformed)
{
	struct sim *sim = &self->sim;
	uint64_t *entry, good, bad;
	size_t i;
	int rc;

	for (i = 0; i < ARRAY_SIZE(malformed); i++) {
		entry = entry_on(sim, self->root, V, malformed[i].level);
		good = *entry;
		bad = malformed[i].entry;
		if (bad & ITSELF)
			bad = (bad & ~ITSELF) |
			      (guest_gpa(&sim->guest, entry) & ~(PAGE - 1));
		if (bad & ROOT)
			bad = (bad & ~ROOT) | self->root;
		*entry = bad;
		ASSERT_EQ(0, guest_invalidate(self->fd, self->hwpt,
					      EVERYTHING));
		rc = dma_poke(&self->dma, V, 1);
		/* 0: whatever it finds, it comes to an end */
		EXPECT_TRUE(malformed[i].reason ? rc == malformed[i].reason :
						  rc > 0)
			TH_LOG("%s: %d", malformed[i].what, rc);
		/* What is not valid is not cached: no invalidation */
		*entry = good;
		ASSERT_EQ(0, dma_check(&self->dma, V, sim->buf))
			TH_LOG("%s", malformed[i].what);
	}
}

/* A walk ends after four levels, wherever it has been. */
TEST_F(stage, one_table_for_all_levels)
{
	struct sim *sim = &self->sim;
	uint64_t *table = guest_va(&sim->guest, self->root);
	int i;

	for (i = 0; i < IOSIM_TABLE_ENTRIES; i++)
		table[i] = RW_VALID | self->root;
	ASSERT_EQ(0, guest_invalidate(self->fd, self->hwpt, EVERYTHING));
	EXPECT_EQ(-ENODATA, dma_poke(&self->dma, V, 1));
	/* With LEAF on the lowest it is a table that maps itself */
	for (i = 0; i < IOSIM_TABLE_ENTRIES; i++)
		table[i] = LEAF | self->root;
	EXPECT_EQ(-ENODATA, dma_poke(&self->dma, V, 1));
}

/* Tables that the device itself writes to. */
TEST_F(stage, device_writes_its_tables)
{
	struct sim *sim = &self->sim;
	uint64_t at = V + GUEST_1G, seen;
	uint64_t *pte;

	pte = entry_on(sim, self->root, V, 1);
	ASSERT_EQ(0, guest_map(&sim->guest, self->root, at,
			       guest_gpa(&sim->guest, pte) & ~(PAGE - 1), PAGE,
			       GUEST_4K, GUEST_RW));
	*(uint64_t *)(sim->buf + 5 * PAGE) = 0x777;
	ASSERT_EQ(0, dma_poke(&self->dma, at, LEAF | (SIM_AT + 5 * PAGE)));
	ASSERT_EQ(0, guest_invalidate(self->fd, self->hwpt, V, PAGE));
	ASSERT_EQ(0, dma_peek(&self->dma, V, &seen));
	EXPECT_EQ(0x777, seen);
}

/* Page tables that cannot be ---------------------------------------------- */

TEST_F(stage, alloc_bad_data)
{
	const struct iosim_hwpt_first_stage good = {
		.root = self->root,
		.addr_bits = IOSIM_ADDR_BITS,
	};
	struct {
		struct iosim_hwpt_first_stage data;
		uint64_t tail;
	} longer = { .data = good };
	struct iosim_hwpt_first_stage data;
	uint32_t id = 0, len = sizeof(good), type = IOSIM_HWPT_FIRST_STAGE;

#define ALLOC(parent, type, data, len)					\
	iommu_hwpt_alloc_user(self->fd, self->dev, parent, type, data, len, \
			      0, &id)
	data = good;
	data.root += 8;
	EXPECT_EQ(-EINVAL, ALLOC(self->parent, type, &data, len));
	data.root = 1ULL << IOSIM_ADDR_BITS;
	EXPECT_EQ(-EINVAL, ALLOC(self->parent, type, &data, len));
	data = good;
	data.addr_bits = 39;
	EXPECT_EQ(-EINVAL, ALLOC(self->parent, type, &data, len));
	data = good;
	data.flags = 1;
	EXPECT_EQ(-EOPNOTSUPP, ALLOC(self->parent, type, &data, len));
	EXPECT_EQ(-EINVAL, ALLOC(self->parent, type, &good, len - 8));
	EXPECT_EQ(-EINVAL, ALLOC(self->parent, type, &good, 0));
	EXPECT_EQ(-EFAULT, ALLOC(self->parent, type, (void *)8, len));
	EXPECT_GT(0, ALLOC(self->parent, type, NULL, len));
	/* The kernel's own rule for drivers' data: no longer than it knows */
	EXPECT_EQ(-EINVAL, ALLOC(self->parent, type, &longer, sizeof(longer)));
	/* Of other IOMMUs, and of none */
	EXPECT_GT(0, ALLOC(self->parent, IOMMU_HWPT_DATA_VTD_S1, &good, len));
	EXPECT_GT(0, ALLOC(self->parent, 0x494f53ff, &good, len));
	EXPECT_GT(0, ALLOC(self->parent, IOMMU_HWPT_DATA_NONE, &good, len));
	/* Not a nesting parent: an IOAS, a nested table, a device, nothing */
	EXPECT_GT(0, ALLOC(self->sim.ioas, type, &good, len));
	EXPECT_EQ(-EINVAL, ALLOC(self->hwpt, type, &good, len));
	EXPECT_GT(0, ALLOC(self->dev, type, &good, len));
	EXPECT_GT(0, ALLOC(NO_SUCH_ID, type, &good, len));
	EXPECT_EQ(0, id);
	EXPECT_EQ(0, ALLOC(self->parent, type, &good, len));
	EXPECT_EQ(0, iommu_destroy(self->fd, id));
#undef ALLOC
}

TEST_F(stage, alloc_bad_flags)
{
	struct iosim_hwpt_first_stage data = {
		.root = self->root,
		.addr_bits = IOSIM_ADDR_BITS,
	};
	struct iommu_hwpt_alloc cmd = {
		.size = sizeof(cmd),
		.dev_id = self->dev,
		.pt_id = self->parent,
		.data_type = IOSIM_HWPT_FIRST_STAGE,
		.data_len = sizeof(data),
		.data_uptr = iommu_ptr(&data),
	};
	static const uint32_t bad[] = {
		IOMMU_HWPT_ALLOC_NEST_PARENT, IOMMU_HWPT_ALLOC_DIRTY_TRACKING,
		1U << 31,
	};
	uint32_t plain;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		cmd.flags = bad[i];
		EXPECT_GT(0, iommu_cmd(self->fd, IOMMU_HWPT_ALLOC, &cmd))
			TH_LOG("%x", bad[i]);
	}
	cmd.flags = IOMMU_HWPT_FAULT_ID_VALID;
	cmd.fault_id = NO_SUCH_ID;
	EXPECT_EQ(-ENOENT, iommu_cmd(self->fd, IOMMU_HWPT_ALLOC, &cmd));
	cmd.fault_id = self->hwpt;
	EXPECT_EQ(-ENOENT, iommu_cmd(self->fd, IOMMU_HWPT_ALLOC, &cmd));
	cmd.flags = 0;
	/* A parent that was not made to be one */
	ASSERT_EQ(0, iommu_hwpt_alloc(self->fd, self->dev, self->sim.ioas, 0,
				      &plain));
	cmd.fault_id = 0;
	cmd.pt_id = plain;
	EXPECT_EQ(-EINVAL, iommu_cmd(self->fd, IOMMU_HWPT_ALLOC, &cmd));
}

/* A root that the parent does not have is a table in which nothing is. */
TEST_F(stage, root_outside_of_the_parent)
{
	uint32_t hwpt;

	ASSERT_EQ(0, guest_hwpt(self->fd, self->dev, self->parent, NOWHERE, 0,
				&hwpt));
	ASSERT_EQ(0, iommu_pasid_attach(self->fd, self->dev, 1, hwpt));
	self->dma.pasid = 1;
	EXPECT_EQ(-ENODATA, dma_poke(&self->dma, V, 1));
	/* Until the parent has it */
	ASSERT_EQ(0, iommu_map_fixed(self->fd, self->sim.ioas,
				     guest_va(&self->sim.guest, self->root),
				     PAGE, IOMMU_RW, NOWHERE));
	EXPECT_EQ(0, dma_check(&self->dma, V, self->sim.buf));
}

/* HWPT_INVALIDATE ---------------------------------------------------------- */

TEST_F(stage, invalidate_bad_ranges)
{
	static const struct {
		uint64_t addr;
		uint64_t length;
		uint32_t flags;
		uint32_t reserved;
		int rc;
	} rows[] = {
		{ V, 0, 0, 0, -EINVAL },
		{ 0, 0, 0, 0, -EINVAL },
		{ PAGE, UINT64_MAX, 0, 0, -EINVAL },
		{ UINT64_MAX, 2, 0, 0, -EINVAL },
		{ UINT64_MAX - PAGE + 1, PAGE + 1, 0, 0, -EINVAL },
		{ 2, UINT64_MAX, 0, 0, -EINVAL },
		{ V, PAGE, 1, 0, -EOPNOTSUPP },
		{ V, PAGE, 1U << 31, 0, -EOPNOTSUPP },
		{ V, PAGE, 0, 1, -EOPNOTSUPP },
		{ UINT64_MAX - PAGE + 1, PAGE, 0, 0, 0 },
		{ UINT64_MAX, 1, 0, 0, 0 },
		{ 1ULL << 60, 1ULL << 60, 0, 0, 0 },
		{ EVERYTHING, 0, 0, 0 },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct iosim_invalidate_first_stage entry = {
			rows[i].addr, rows[i].length, rows[i].flags,
			rows[i].reserved,
		};
		uint32_t num = 1;

		EXPECT_EQ(rows[i].rc,
			  iommu_hwpt_invalidate(self->fd, self->hwpt, &entry,
						IOSIM_INVALIDATE_FIRST_STAGE,
						sizeof(entry), &num))
			TH_LOG("%zu", i);
		EXPECT_EQ(rows[i].rc ? 0 : 1, num);
	}
}

TEST_F(stage, invalidate_bad_arrays)
{
	struct iosim_invalidate_first_stage *entries = mem_before_hole(
		3 * sizeof(*entries));
	struct {
		struct iosim_invalidate_first_stage entry;
		uint64_t tail;
	} longer = { .entry = { EVERYTHING, 0, 0 } };
	const uint32_t type = IOSIM_INVALIDATE_FIRST_STAGE;
	const uint32_t len = sizeof(*entries);
	uint32_t num, i;

#define INVALIDATE(hwpt, data, type, len, count)			\
	(num = (count),							\
	 iommu_hwpt_invalidate(self->fd, hwpt, data, type, len, &num))
	ASSERT_NE(NULL, entries);
	for (i = 0; i < 3; i++)
		entries[i] = (struct iosim_invalidate_first_stage) {
			.addr = V, .length = PAGE,
		};
	EXPECT_EQ(0, INVALIDATE(self->hwpt, entries, type, len, 3));
	EXPECT_EQ(3, num);
	/* The array ends too early */
	EXPECT_EQ(-EFAULT, INVALIDATE(self->hwpt, entries, type, len, 4));
	EXPECT_EQ(3, num);
	EXPECT_GT(0, INVALIDATE(self->hwpt, entries, type, len, UINT32_MAX));
	EXPECT_GE(3, num);
	/* An entry too short, and one too long: the kernel's own rule */
	EXPECT_EQ(-EINVAL, INVALIDATE(self->hwpt, entries, type, len - 8, 1));
	EXPECT_EQ(0, num);
	EXPECT_GT(0, INVALIDATE(self->hwpt, entries, type, 0, 1));
	EXPECT_EQ(-EINVAL, INVALIDATE(self->hwpt, &longer, type,
				      sizeof(longer), 1));
	EXPECT_EQ(0, num);
	/* None: only whether the type is known */
	EXPECT_EQ(0, INVALIDATE(self->hwpt, NULL, type, 0, 0));
	EXPECT_EQ(-EINVAL, INVALIDATE(self->hwpt, NULL, type + 7, 0, 0));
	EXPECT_EQ(-EINVAL, INVALIDATE(self->hwpt, entries, 0, len, 1));
	EXPECT_EQ(-EINVAL, INVALIDATE(self->hwpt, entries,
				      IOSIM_INVALIDATE_PASID_TABLE, len, 1));
	EXPECT_GT(0, INVALIDATE(self->hwpt, NULL, type, len, 1));
	/* What is not a user's page table */
	EXPECT_GT(0, INVALIDATE(self->parent, entries, type, len, 1));
	EXPECT_EQ(-ENOENT, INVALIDATE(self->sim.ioas, entries, type, len, 1));
	EXPECT_EQ(-ENOENT, INVALIDATE(NO_SUCH_ID, entries, type, len, 1));
#undef INVALIDATE
}

/* 10,000 in one call; and one that is wrong tells where. */
TEST_F(stage, invalidate_10000)
{
	enum { N = 10000, BAD = 7777 };
	struct iosim_invalidate_first_stage *entries;
	struct sim *sim = &self->sim;
	uint32_t num = N, i;

	entries = calloc(N, sizeof(*entries));
	ASSERT_NE(NULL, entries);
	for (i = 0; i < N; i++) {
		entries[i].addr = V + GUEST_2M + i * PAGE;
		entries[i].length = PAGE;
	}
	entries[N - 1].addr = V;
	ASSERT_EQ(0, guest_unmap(&sim->guest, self->root, V, PAGE, GUEST_4K));
	EXPECT_EQ(0, dma_check(&self->dma, V, sim->buf));
	EXPECT_EQ(0, iommu_hwpt_invalidate(self->fd, self->hwpt, entries,
					   IOSIM_INVALIDATE_FIRST_STAGE,
					   sizeof(*entries), &num));
	EXPECT_EQ(N, num);
	EXPECT_EQ(IOSIM_REASON_NOT_PRESENT, dma_poke(&self->dma, V, 1));

	entries[BAD].length = 0;
	EXPECT_EQ(-EINVAL, iommu_hwpt_invalidate(self->fd, self->hwpt, entries,
						 IOSIM_INVALIDATE_FIRST_STAGE,
						 sizeof(*entries), &num));
	EXPECT_EQ(BAD, num);
	free(entries);
}

/* PASIDs below one parent -------------------------------------------------- */

/* Two first stages: an invalidation of one is none of the other. */
TEST_F(stage, two_pasids)
{
	struct sim *sim = &self->sim;
	uint64_t root[2], seen;
	struct dma dma[2];
	uint32_t hwpt[2];
	int i;

	for (i = 0; i < 2; i++) {
		root[i] = sim_guest_root(sim);
		ASSERT_EQ(0, guest_map(&sim->guest, root[i], V,
				       SIM_AT + i * PAGE, PAGE, GUEST_4K,
				       GUEST_RW));
		ASSERT_EQ(0, guest_hwpt(self->fd, self->dev, self->parent,
					root[i], 0, &hwpt[i]));
		ASSERT_EQ(0, iommu_pasid_attach(self->fd, self->dev, i + 1,
						hwpt[i]));
		dma[i] = sim_dma_pasid(sim, i + 1, i + 1);
	}
	for (i = 0; i < 2; i++) {
		EXPECT_EQ(0, dma_check(&dma[i], V, sim->buf + i * PAGE));
		*(uint64_t *)(sim->buf + i * PAGE) = i;
		ASSERT_EQ(0, guest_unmap(&sim->guest, root[i], V, PAGE,
					 GUEST_4K));
	}
	ASSERT_EQ(0, guest_invalidate(self->fd, hwpt[0], EVERYTHING));
	EXPECT_EQ(IOSIM_REASON_NOT_PRESENT, dma_peek(&dma[0], V, &seen));
	EXPECT_EQ(0, dma_peek(&dma[1], V, &seen));
	EXPECT_EQ(1, seen);
	/* Nor is it one of the RID's */
	EXPECT_EQ(0, dma_check(&self->dma, V, sim->buf));
	ASSERT_EQ(0, guest_invalidate(self->fd, hwpt[1], V, PAGE));
	EXPECT_EQ(IOSIM_REASON_NOT_PRESENT, dma_peek(&dma[1], V, &seen));
	/* A PASID that is detached and attached again has no old translations */
	ASSERT_EQ(0, iommu_pasid_detach(self->fd, self->dev, 1));
	EXPECT_EQ(-ENODATA, dma_poke(&dma[0], V, 1));
}

/* One first stage of two PASIDs: an invalidation is for both. */
TEST_F(stage, one_stage_for_two)
{
	struct dma dma[2] = { sim_dma_pasid(&self->sim, 1, 1), self->dma };
	int i;

	ASSERT_EQ(0, iommu_pasid_attach(self->fd, self->dev, 1, self->hwpt));
	for (i = 0; i < 2; i++) {
		EXPECT_EQ(0, dma_check(&dma[i], V, self->sim.buf));
	}
	ASSERT_EQ(0, guest_unmap(&self->sim.guest, self->root, V, PAGE,
				 GUEST_4K));
	for (i = 0; i < 2; i++) {
		EXPECT_EQ(0, dma_check(&dma[i], V, self->sim.buf));
	}
	ASSERT_EQ(0, guest_invalidate(self->fd, self->hwpt, V, 1));
	for (i = 0; i < 2; i++) {
		EXPECT_EQ(IOSIM_REASON_NOT_PRESENT, dma_poke(&dma[i], V, 1));
	}
}

/* PASID tables ------------------------------------------------------------- */

FIXTURE(table)
{
	struct sim sim;
	uint32_t parent;
	uint32_t hwpt;
	/* Page i of the memory is at V in the i-th */
	uint64_t root[3];
	struct iosim_pasid_entry *entries;
	int fd;
	uint32_t dev;
};

FIXTURE_SETUP(table)
{
	struct sim *sim = &self->sim;
	struct guest *guest = &sim->guest;
	int i;

	NEED_SIM;
	ASSERT_EQ(0, sim_open(sim, ATTRIBUTES));
	self->fd = sim->fd;
	self->dev = sim->engine.dev_id;
	ASSERT_EQ(0, sim_parent_hwpt(sim, &self->parent));
	for (i = 0; i < 3; i++) {
		self->root[i] = sim_guest_root(sim);
		ASSERT_EQ(0, guest_map(guest, self->root[i], V,
				       SIM_AT + i * PAGE, PAGE, GUEST_4K,
				       GUEST_RW));
		*(uint64_t *)(sim->buf + i * PAGE) = i;
	}
	self->entries = guest_pasid_table(guest, BITS);
	ASSERT_NE(NULL, self->entries);
	ASSERT_EQ(0, guest_hwpt_pasid_table(self->fd, self->dev, self->parent,
					    guest_gpa(guest, self->entries),
					    BITS, 0, &self->hwpt));
	ASSERT_EQ(0, sim_attach(sim, self->hwpt));
}

FIXTURE_TEARDOWN(table)
{
	EXPECT_EQ(0, sim_close(&self->sim));
}

/* What a PASID sees at V: 0 to 2, or an error. */
static int looks(struct sim *sim, uint32_t pasid)
{
	struct dma dma = sim_dma_pasid(sim, 0, pasid ? pasid : ENGINE_NO_PASID);
	uint64_t seen = 0;
	int rc = dma_peek(&dma, V, &seen);

	return rc ? (rc > 0 ? -1000 - rc : rc) : (int)seen;
}

#define LOOKS(pasid) looks(&self->sim, pasid)
#define FIRST_STAGE (IOSIM_PASID_VALID | IOSIM_PASID_FIRST_STAGE)
#define SET(pasid, kind, to)						\
	do {								\
		self->entries[pasid].root = (to);			\
		__atomic_store_n(&self->entries[pasid].flags, kind,	\
				 __ATOMIC_RELEASE);			\
	} while (0)
#define INVALIDATE(flags, pasid, ...)					\
	guest_invalidate_pasid(self->fd, self->hwpt, flags, pasid, __VA_ARGS__)

TEST_F(table, entries)
{
	EXPECT_EQ(-ENODATA, LOOKS(0));
	EXPECT_EQ(-ENODATA, LOOKS(5));
	SET(0, FIRST_STAGE, self->root[0]);
	SET(5, FIRST_STAGE, self->root[1]);
	SET(NR_PASIDS - 1, FIRST_STAGE, self->root[2]);
	/* What was not there was not cached */
	EXPECT_EQ(0, LOOKS(0));
	EXPECT_EQ(1, LOOKS(5));
	EXPECT_EQ(2, LOOKS(NR_PASIDS - 1));
	EXPECT_EQ(-ENODATA, LOOKS(6));
	EXPECT_EQ(-ENODATA, LOOKS(NR_PASIDS));
	EXPECT_EQ(-ENODATA, LOOKS(1 << 19));
}

/* An entry without a first stage: IOVAs are guest-physical addresses. */
TEST_F(table, parent_entry)
{
	struct dma dma = sim_dma_pasid(&self->sim, 0, 4);

	SET(4, IOSIM_PASID_VALID | IOSIM_PASID_PARENT, 0);
	EXPECT_EQ(0, dma_check(&dma, SIM_AT, self->sim.buf));
	/* There is but one stage then */
	EXPECT_EQ(IOSIM_REASON_NOT_PRESENT, dma_poke(&dma, V, 1));
}

/* The PASID cache goes stale, too. */
TEST_F(table, stale_entry)
{
	SET(5, FIRST_STAGE, self->root[0]);
	EXPECT_EQ(0, LOOKS(5));
	SET(5, FIRST_STAGE, self->root[1]);
	EXPECT_EQ(0, LOOKS(5));
	/* Translations alone are not enough, and another PASID is another */
	ASSERT_EQ(0, INVALIDATE(0, 5, EVERYTHING));
	EXPECT_EQ(0, LOOKS(5));
	ASSERT_EQ(0, INVALIDATE(IOSIM_INVALIDATE_ENTRY, 6, EVERYTHING));
	EXPECT_EQ(0, LOOKS(5));
	/* Whatever the range is */
	ASSERT_EQ(0, INVALIDATE(IOSIM_INVALIDATE_ENTRY, 5, PAGE, 1));
	EXPECT_EQ(1, LOOKS(5));

	SET(5, 0, 0);
	EXPECT_EQ(1, LOOKS(5));
	ASSERT_EQ(0, INVALIDATE(IOSIM_INVALIDATE_ENTRY |
				IOSIM_INVALIDATE_ALL_PASIDS, 0, EVERYTHING));
	EXPECT_EQ(-ENODATA, LOOKS(5));
}

TEST_F(table, invalidate_all_pasids)
{
	uint32_t pasid;

	for (pasid = 0; pasid < 3; pasid++) {
		SET(pasid, FIRST_STAGE, self->root[0]);
		EXPECT_EQ(0, LOOKS(pasid));
	}
	ASSERT_EQ(0, guest_map(&self->sim.guest, self->root[0], V,
			       SIM_AT + PAGE, PAGE, GUEST_4K, GUEST_RW));
	ASSERT_EQ(0, INVALIDATE(0, 1, V, PAGE));
	EXPECT_EQ(0, LOOKS(0));
	EXPECT_EQ(1, LOOKS(1));
	EXPECT_EQ(0, LOOKS(2));
	ASSERT_EQ(0, INVALIDATE(IOSIM_INVALIDATE_ALL_PASIDS, 0, V, PAGE));
	EXPECT_EQ(1, LOOKS(0));
	EXPECT_EQ(1, LOOKS(2));
}

TEST_F(table, malformed_entries)
{
	const struct iosim_pasid_entry bad[] = {
		{ .flags = IOSIM_PASID_VALID },
		{ .flags = FIRST_STAGE | IOSIM_PASID_PARENT,
		  .root = self->root[0] },
		{ .flags = FIRST_STAGE | 1 << 3, .root = self->root[0] },
		{ .flags = FIRST_STAGE | 1ULL << 63, .root = self->root[0] },
		{ .flags = FIRST_STAGE, .root = self->root[0] + 8 },
		{ .flags = FIRST_STAGE, .root = 1ULL << 50 },
		{ .flags = FIRST_STAGE, .root = NOWHERE },
		{ .flags = IOSIM_PASID_VALID | IOSIM_PASID_PARENT,
		  .root = self->root[0] },
		{ .flags = FIRST_STAGE, .root = self->root[0],
		  .__reserved = { 1, 0 } },
		{ .flags = FIRST_STAGE, .root = self->root[0],
		  .__reserved = { 0, 1 } },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		self->entries[1] = bad[i];
		ASSERT_EQ(0, INVALIDATE(IOSIM_INVALIDATE_ENTRY, 1, EVERYTHING));
		EXPECT_EQ(-ENODATA, LOOKS(1)) TH_LOG("%zu", i);
	}
	self->entries[1] = (struct iosim_pasid_entry) {
		FIRST_STAGE, self->root[2], { 0, 0 },
	};
	ASSERT_EQ(0, INVALIDATE(IOSIM_INVALIDATE_ENTRY, 1, EVERYTHING));
	EXPECT_EQ(2, LOOKS(1));
}

/* The table itself is memory of the parent. */
TEST_F(table, unmap_the_table)
{
	struct sim *sim = &self->sim;

	SET(1, FIRST_STAGE, self->root[1]);
	EXPECT_EQ(1, LOOKS(1));
	ASSERT_EQ(0, iommu_ioas_unmap(self->fd, sim->ioas, SIM_AT, SIM_SIZE,
				      NULL));
	EXPECT_EQ(-ENODATA, LOOKS(1));
	ASSERT_EQ(0, iommu_map_fixed(self->fd, sim->ioas, sim->buf, SIM_SIZE,
				     IOMMU_RW, SIM_AT));
	EXPECT_EQ(1, LOOKS(1));
}

TEST_F(table, invalidate_bad_input)
{
	static const struct {
		uint32_t flags;
		uint32_t pasid;
		uint64_t addr;
		uint64_t length;
		int rc;
	} rows[] = {
		{ 0, NR_PASIDS, V, PAGE, -EINVAL },
		{ 0, UINT32_MAX, V, PAGE, -EINVAL },
		{ IOSIM_INVALIDATE_ENTRY, NR_PASIDS, V, PAGE, -EINVAL },
		{ 1U << 2, 1, V, PAGE, -EOPNOTSUPP },
		{ 1U << 31, 1, V, PAGE, -EOPNOTSUPP },
		{ 0, 1, V, 0, -EINVAL },
		{ 0, 1, PAGE, UINT64_MAX, -EINVAL },
		{ 0, 0, V, PAGE, 0 },
		{ 0, NR_PASIDS - 1, EVERYTHING, 0 },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		EXPECT_EQ(rows[i].rc, INVALIDATE(rows[i].flags, rows[i].pasid,
						 rows[i].addr, rows[i].length))
			TH_LOG("%zu", i);
	}
	/* It is not a first stage */
	EXPECT_EQ(-EINVAL, guest_invalidate(self->fd, self->hwpt, EVERYTHING));
}

/* The table has all PASIDs of the device. */
TEST_F(table, it_has_the_pasids)
{
	struct sim *sim = &self->sim;
	struct sim_space space;

	ASSERT_EQ(0, sim_space_open(sim, &space));
	EXPECT_EQ(-EBUSY, iommu_pasid_attach(self->fd, self->dev, 1,
					     space.ioas));
	EXPECT_GT(0, iommu_pasid_attach(self->fd, self->dev, 1, self->hwpt));
	EXPECT_EQ(-ENODATA, LOOKS(1));
	ASSERT_EQ(0, vfio_detach(sim->engine.fd));
	/* It is for the RID */
	EXPECT_EQ(-EINVAL, iommu_pasid_attach(self->fd, self->dev, 1,
					      self->hwpt));
	ASSERT_EQ(0, iommu_pasid_attach(self->fd, self->dev, 1, space.ioas));
	/* And while a PASID is attached, there is no room for it */
	EXPECT_GT(0, sim_attach(sim, self->hwpt));
	EXPECT_EQ(0, sim_space_check(&space, &sim->engine, 1));
	ASSERT_EQ(0, iommu_pasid_detach(self->fd, self->dev, 1));
	SET(1, FIRST_STAGE, self->root[1]);
	ASSERT_EQ(0, sim_attach(sim, self->hwpt));
	EXPECT_EQ(1, LOOKS(1));
}

TEST_F(table, alloc_bad_data)
{
	const uint64_t at = guest_gpa(&self->sim.guest, self->entries);
	const struct {
		uint64_t table;
		uint32_t bits;
		uint32_t flags;
		int rc;
	} rows[] = {
		{ at + 32, BITS, 0, -EINVAL },
		{ at, BITS + 1, 0, -EINVAL },
		{ at, 32, 0, -EINVAL },
		{ at, UINT32_MAX, 0, -EINVAL },
		{ at, BITS, 1, -EOPNOTSUPP },
		{ 1ULL << 48, BITS, 0, -EINVAL },
		{ UINT64_MAX - PAGE + 1, BITS, 0, -EINVAL },
		{ at, 2, 0, 0 },
		{ NOWHERE, BITS, 0, 0 },
	};
	uint32_t id;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct iosim_hwpt_pasid_table data = {
			rows[i].table, rows[i].bits, rows[i].flags,
		};

		EXPECT_EQ(rows[i].rc,
			  iommu_hwpt_alloc_user(self->fd, self->dev,
						self->parent,
						IOSIM_HWPT_PASID_TABLE, &data,
						sizeof(data), 0, &id))
			TH_LOG("%zu", i);
	}
}

SIM_HARNESS_MAIN
