// SPDX-License-Identifier: GPL-2.0-only
/*
 * A simulated VT-d against the rules of its specification, one by one: what each entry of
 * a first stage may say, who may go by it, which accessed and dirty bits are set, and
 * which fault reason there is if not.
 */
#define _GNU_SOURCE
#include <string.h>

#include "kselftest_harness.h"

#include "iommu.h"
#include "mem.h"
#include "vfio.h"
#include "vtd.h"

#define PAGE SIM_PAGE
#define PASID 3
#define ATTRIBUTES "vtd=1 vtd_haw=46 pasid_bits=6"
#define V 0x7f0000000000ULL
/* The same in the upper half. */
#define UPPER 0xffffff0000000000ULL
#define EVERYTHING 0, UINT64_MAX
/* Where the parent has all of the memory, to be read only. */
#define READ_ONLY 0x80000000ULL
#define NOWHERE 0x200000000ULL
#define INTERRUPTS 0xfee00000ULL
#define SRE IOMMU_VTD_S1_SRE
#define WPE IOMMU_VTD_S1_WPE
#define EAFE IOMMU_VTD_S1_EAFE

FIXTURE(rules)
{
	struct sim sim;
	uint32_t parent;
	uint32_t hwpt;
	uint64_t root;
	struct dma dma;
	uint64_t *words;
};

/* Attach the tables with other flags. */
static int use(struct sim *sim, uint32_t parent, uint64_t root, uint64_t flags,
	       uint32_t *hwpt)
{
	uint32_t old = *hwpt;
	int rc = vtd_hwpt(sim, parent, root, flags, hwpt);

	if (!rc)
		rc = iommu_pasid_attach(sim->fd, sim->engine.dev_id, PASID,
					*hwpt);
	if (!rc && old)
		rc = iommu_destroy(sim->fd, old);
	return rc;
}

#define USE(flags)							\
	ASSERT_EQ(0, use(&self->sim, self->parent, self->root, flags,	\
			 &self->hwpt))
#define FLUSH()								\
	ASSERT_EQ(0, vtd_invalidate(self->sim.fd, self->hwpt, EVERYTHING, 0))
#define ENTRY(iova, level)						\
	vtd_entry(&self->sim.guest, self->root, iova, level)

FIXTURE_SETUP(rules)
{
	struct sim *sim = &self->sim;

	NEED_SIM;
	ASSERT_EQ(0, sim_open(sim, ATTRIBUTES));
	ASSERT_EQ(0, iommu_map_fixed(sim->fd, sim->ioas, sim->buf, SIM_SIZE,
				     IOMMU_R, READ_ONLY));
	ASSERT_EQ(0, sim_parent_hwpt(sim, &self->parent));
	self->root = vtd_root(sim);
	ASSERT_NE(0, self->root);
	ASSERT_EQ(0, vtd_map(&sim->guest, self->root, V, SIM_AT, 1, VTD_ALL));
	USE(0);
	self->dma = sim_dma_pasid(sim, 0, PASID);
	self->words = (uint64_t *)sim->buf;
}

FIXTURE_TEARDOWN(rules)
{
	EXPECT_EQ(0, sim_close(&self->sim));
}

/* Entries ------------------------------------------------------------------- */

/* The page that V has; large pages may begin there, too. */
#define DATA SIM_AT
#define LEAF (DATA | VTD_ALL)

/**
 * struct rule - an entry, and what comes of it
 * @what: for the log
 * @level: where
 * @entry: what is put there
 * @keep: but the address stays as it was
 * @flags: of the page table
 * @write: the access
 * @privileged: likewise
 * @reason: 0, or what the device is told
 * @code: the fault reason of the specification
 */
struct rule {
	const char *what;
	int level;
	uint64_t entry;
	bool keep;
	uint64_t flags;
	bool write;
	bool privileged;
	int reason;
	unsigned int code;
};

#define OK 0, 0
#define NOT_PRESENT IOSIM_REASON_NOT_PRESENT, 0x71
#define RESERVED IOSIM_REASON_MALFORMED, 0x72
#define BEYOND IOSIM_REASON_PARENT, 0x74
#define TABLE_OUTSIDE IOSIM_REASON_PARENT, 0x76
#define PAGE_OUTSIDE IOSIM_REASON_PARENT, 0x79
#define READ_ONLY_PAGE IOSIM_REASON_PARENT, 0x85
#define USER IOSIM_REASON_PERMISSION, 0x81
#define NO_WRITE IOSIM_REASON_PERMISSION, 0x85
#define NO_SUPERVISOR IOSIM_REASON_PASID, 0x5d

#define TABLE true
#define BIT(n) (1ULL << (n))

static const struct rule rules[] = {
	/* Not present: nothing else counts. */
	{ "nothing on level 1", 1, 0, false, 0, 0, 0, NOT_PRESENT },
	{ "nothing on level 2", 2, 0, false, 0, 0, 0, NOT_PRESENT },
	{ "nothing on level 3", 3, 0, false, 0, 0, 0, NOT_PRESENT },
	{ "nothing on level 4", 4, 0, false, 0, 0, 0, NOT_PRESENT },
	{ "all but P", 1, ~VTD_P, false, 0, 1, 0, NOT_PRESENT },
	{ "all but P, of a table", 3, ~VTD_P, false, 0, 1, 0, NOT_PRESENT },

	/* Ignored bits: PWT, PCD, PAT, G, and those for software. */
	{ "ignored in a page", 1, LEAF | BIT(3) | BIT(4) | BIT(7) | BIT(8) |
	  BIT(9) | BIT(11) | 0x7ffULL << 52, false, 0, 1, 0, OK },
	{ "ignored in a table", 2, VTD_ALL | BIT(3) | BIT(4) | BIT(6) | BIT(8) |
	  BIT(9) | BIT(11) | 0x7ffULL << 52, TABLE, 0, 1, 0, OK },
	{ "ignored on level 4", 4, VTD_ALL | BIT(3) | BIT(4) | BIT(6) | BIT(8) |
	  0x7ffULL << 52, TABLE, 0, 1, 0, OK },
	{ "no execution", 1, LEAF | VTD_XD, false, 0, 1, 0, OK },
	{ "no execution below", 3, VTD_ALL | VTD_XD, TABLE, 0, 1, 0, OK },
	{ "EA is ignored without EAFE", 1, LEAF | VTD_EA, false, 0, 1, 0, OK },

	/* Reserved bits. */
	{ "page on level 4", 4, VTD_ALL | VTD_PS, TABLE, 0, 0, 0, RESERVED },
	{ "2M, bit 13", 2, LEAF | VTD_PS | BIT(13), false, 0, 0, 0, RESERVED },
	{ "2M, bit 20", 2, LEAF | VTD_PS | BIT(20), false, 0, 0, 0, RESERVED },
	{ "2M, memory type", 2, LEAF | VTD_PS | BIT(12), false, 0, 1, 0, OK },
	{ "1G, bit 13", 3, LEAF | VTD_PS | BIT(13), false, 0, 0, 0, RESERVED },
	{ "1G, bit 29", 3, LEAF | VTD_PS | BIT(29), false, 0, 0, 0, RESERVED },
	{ "1G, memory type", 3, LEAF | VTD_PS | BIT(12), false, 0, 1, 0, OK },
	{ "beyond HAW", 1, LEAF | BIT(46), false, 0, 0, 0, RESERVED },
	{ "far beyond HAW", 1, LEAF | BIT(51), false, 0, 0, 0, RESERVED },
	{ "table beyond HAW", 2, VTD_ALL | BIT(46), TABLE, 0, 0, 0, RESERVED },
	{ "level 3 beyond HAW", 4, VTD_ALL | BIT(51), TABLE, 0, 0, 0,
	  RESERVED },
	{ "reserved and no right", 1, DATA | VTD_P | BIT(46), false, 0, 1, 0,
	  RESERVED },

	/* The parent. */
	{ "page outside", 1, NOWHERE | VTD_ALL, false, 0, 0, 0, PAGE_OUTSIDE },
	{ "last page below HAW", 1, (BIT(46) - PAGE) | VTD_ALL, false, 0, 1, 0,
	  PAGE_OUTSIDE },
	{ "table outside", 2, NOWHERE | VTD_ALL, false, 0, 0, 0,
	  TABLE_OUTSIDE },
	{ "level 2 outside", 3, NOWHERE | VTD_ALL, false, 0, 0, 0,
	  TABLE_OUTSIDE },
	{ "level 3 outside", 4, NOWHERE | VTD_ALL, false, 0, 0, 0,
	  TABLE_OUTSIDE },
	{ "page to be read only", 1, READ_ONLY | VTD_ALL, false, 0, 0, 0, OK },
	{ "page to be read only, write", 1, READ_ONLY | VTD_ALL, false, 0, 1, 0,
	  READ_ONLY_PAGE },
	{ "it does not help to be privileged", 1, READ_ONLY | VTD_ALL, false,
	  SRE, 1, 1, READ_ONLY_PAGE },
	{ "interrupts", 1, INTERRUPTS | VTD_ALL, false, 0, 1, 0,
	  IOSIM_REASON_ADDRESS, 0x87 },

	/* Rights of a user. */
	{ "to be read, read", 1, DATA | VTD_P | VTD_US, false, 0, 0, 0, OK },
	{ "to be read, write", 1, DATA | VTD_P | VTD_US, false, 0, 1, 0,
	  NO_WRITE },
	{ "table to be read, write", 2, VTD_P | VTD_US, TABLE, 0, 1, 0,
	  NO_WRITE },
	{ "table to be read, read", 2, VTD_P | VTD_US, TABLE, 0, 0, 0, OK },
	{ "level 3 to be read, write", 3, VTD_P | VTD_US, TABLE, 0, 1, 0,
	  NO_WRITE },
	{ "level 4 to be read, write", 4, VTD_P | VTD_US, TABLE, 0, 1, 0,
	  NO_WRITE },
	{ "supervisor's page", 1, DATA | VTD_P | VTD_RW, false, 0, 0, 0, USER },
	{ "supervisor's page, write", 1, DATA | VTD_P | VTD_RW, false, SRE, 1,
	  0, USER },
	{ "supervisor's table", 2, VTD_P | VTD_RW, TABLE, 0, 0, 0, USER },
	{ "supervisor's level 3", 3, VTD_P | VTD_RW, TABLE, 0, 0, 0, USER },
	{ "supervisor's level 4", 4, VTD_P | VTD_RW, TABLE, 0, 0, 0, USER },
	{ "neither", 1, DATA | VTD_P, false, 0, 1, 0, USER },

	/* Rights of a supervisor. */
	{ "not let in", 1, LEAF, false, 0, 0, 1, NO_SUPERVISOR },
	{ "WPE lets nobody in", 1, LEAF, false, WPE, 1, 1, NO_SUPERVISOR },
	{ "before anything else", 1, 0, false, 0, 0, 1, NO_SUPERVISOR },
	{ "let in", 1, DATA | VTD_P | VTD_RW, false, SRE, 1, 1, OK },
	{ "user's page", 1, LEAF, false, SRE, 1, 1, OK },
	{ "no write protection", 1, DATA | VTD_P | VTD_US, false, SRE, 1, 1,
	  OK },
	{ "no write protection, own", 1, DATA | VTD_P, false, SRE, 1, 1, OK },
	{ "no write protection, table", 3, VTD_P, TABLE, SRE, 1, 1, OK },
	{ "write protection", 1, DATA | VTD_P | VTD_US, false, SRE | WPE, 1, 1,
	  NO_WRITE },
	{ "write protection, own", 1, DATA | VTD_P, false, SRE | WPE, 1, 1,
	  NO_WRITE },
	{ "write protection, table", 4, VTD_P | VTD_US, TABLE, SRE | WPE, 1, 1,
	  NO_WRITE },
	{ "write protection, read", 1, DATA | VTD_P, false, SRE | WPE, 0, 1,
	  OK },
	{ "write protection is none of users", 1, DATA | VTD_P | VTD_US, false,
	  SRE, 1, 0, NO_WRITE },
};

static int access_page(struct dma *dma, uint64_t iova, const struct rule *rule)
{
	dma->privileged = rule->privileged;
	return rule->write ? dma_poke(dma, iova, 1) :
			     dma_peek(dma, iova, NULL);
}

TEST_F(rules, entries)
{
	uint64_t *entry, good;
	const struct rule *r;
	size_t i;
	int rc;

	for (i = 0; i < ARRAY_SIZE(rules); i++) {
		r = &rules[i];
		USE(r->flags);
		entry = ENTRY(V, r->level);
		good = *entry;
		*entry = r->entry | (r->keep ? good & VTD_ADDR : 0);
		FLUSH();
		self->words[0] = 0;
		rc = access_page(&self->dma, V, r);
		EXPECT_EQ(r->reason, rc) TH_LOG("%s", r->what);
		if (rc > 0) {
			EXPECT_EQ(r->code, self->dma.code)
				TH_LOG("%s", r->what);
			EXPECT_EQ(r->code, vtd_fault(SIM_NAME));
			EXPECT_EQ(V, self->dma.addr);
		}
		EXPECT_EQ(r->write && !r->reason, self->words[0])
			TH_LOG("%s", r->what);
		/* DMA that faults sets no bits. */
		if (rc) {
			EXPECT_EQ(r->entry | (r->keep ? good & VTD_ADDR : 0),
				  *entry);
		}
		*entry = good;
		/* What is wrong is not cached: only after DMA that went well. */
		if (!rc)
			FLUSH();
		EXPECT_EQ(r->privileged && !(r->flags & SRE) ?
			  IOSIM_REASON_PASID : 0,
			  dma_peek(&self->dma, V, NULL))
			TH_LOG("after %s", r->what);
	}
}

/* A walk ends after four entries, whatever they point to. */
TEST_F(rules, loops)
{
	uint64_t *entry, good, at;
	int level, target, rc;

	for (level = 1; level <= 4; level++) {
		for (target = 1; target <= 4; target++) {
			/* The table in which the entry of that level is. */
			at = guest_gpa(&self->sim.guest, ENTRY(V, target)) &
			     VTD_ADDR;
			entry = ENTRY(V, level);
			good = *entry;
			*entry = at | VTD_ALL;
			FLUSH();
			rc = dma_peek(&self->dma, V, NULL);
			EXPECT_TRUE(rc >= 0)
				TH_LOG("level %d, %d: %d", level, target, rc);
			*entry = good;
			FLUSH();
			EXPECT_EQ(0, dma_peek(&self->dma, V, NULL));
		}
	}
}

/* The classic one: the root shows the tables as memory, by its own entry. */
TEST_F(rules, recursive_root)
{
	uint64_t slot = 300, seen, iova;

	*vtd_entry(&self->sim.guest, self->root, slot << 39, 4) =
		self->root | VTD_ALL;
	/* Four times the slot: the root itself, and in it the slot. */
	iova = 0xffff000000000000ULL | slot << 39 | slot << 30 | slot << 21 |
	       slot << 12 | slot * 8;
	FLUSH();
	ASSERT_EQ(0, dma_peek(&self->dma, iova, &seen));
	EXPECT_EQ(self->root | VTD_ALL | VTD_A, seen & ~VTD_D);
}

/* The address, and what goes before the tables ------------------------------- */

TEST_F(rules, canonical)
{
	static const struct {
		uint64_t iova;
		int reason;
		unsigned int code;
	} rows[] = {
		{ 0x0000800000000000ULL, IOSIM_REASON_ADDRESS, 0x80 },
		{ 0xffff7ffffffff000ULL, IOSIM_REASON_ADDRESS, 0x80 },
		{ V | BIT(63), IOSIM_REASON_ADDRESS, 0x80 },
		{ V | BIT(48), IOSIM_REASON_ADDRESS, 0x80 },
		{ UPPER & ~BIT(48), IOSIM_REASON_ADDRESS, 0x80 },
		{ 0x00007ffffffff000ULL, NOT_PRESENT },
		{ 0xffff800000000000ULL, NOT_PRESENT },
		{ 0xfffffffffffff000ULL, NOT_PRESENT },
		{ V, OK },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		EXPECT_EQ(rows[i].reason, dma_poke(&self->dma, rows[i].iova, 1))
			TH_LOG("%zu", i);
		EXPECT_EQ(rows[i].code, self->dma.code) TH_LOG("%zu", i);
		if (rows[i].reason)
			EXPECT_EQ(rows[i].iova, self->dma.addr);
	}
}

/* Both halves are there, and no piece of DMA goes from one to the other. */
TEST_F(rules, upper_half)
{
	struct guest *guest = &self->sim.guest;
	const uint64_t last = 0xfffffffffffff000ULL;

	ASSERT_EQ(0, vtd_map(guest, self->root, UPPER, SIM_AT + PAGE, 1,
			     VTD_ALL));
	ASSERT_EQ(0, vtd_map(guest, self->root, last, SIM_AT + 2 * PAGE, 1,
			     VTD_ALL));
	ASSERT_EQ(0, vtd_map(guest, self->root, 0x7ffffffff000ULL,
			     SIM_AT + 3 * PAGE, 1, VTD_ALL));
	EXPECT_EQ(0, dma_check(&self->dma, UPPER, &self->words[PAGE / 8]));
	EXPECT_EQ(0, dma_check(&self->dma, last, &self->words[2 * PAGE / 8]));
	EXPECT_EQ(0, dma_check(&self->dma, V, self->words));
	EXPECT_EQ(IOSIM_REASON_ADDRESS,
		  dma_fill(&self->dma, 0x7ffffffff000ULL, 2 * PAGE, 7));
	EXPECT_EQ(0x800000000000ULL, self->dma.addr);
	EXPECT_EQ(PAGE, self->dma.result);
}

/* Without a PASID an address of interrupts is none of memory; with one it is. */
TEST_F(rules, interrupts)
{
	struct dma rid = sim_dma(&self->sim, 1);

	ASSERT_EQ(0, vtd_map(&self->sim.guest, self->root, INTERRUPTS, SIM_AT,
			     1, VTD_ALL));
	ASSERT_EQ(0, sim_attach(&self->sim, self->hwpt));
	EXPECT_EQ(IOSIM_REASON_ADDRESS, dma_poke(&rid, INTERRUPTS, 1));
	EXPECT_EQ(0x87, rid.code);
	EXPECT_EQ(0, dma_check(&rid, V, self->words));
	EXPECT_EQ(0, dma_check(&self->dma, INTERRUPTS, self->words));
}

/* Where even the completion cannot arrive. */
TEST_F(rules, roots)
{
	static const struct {
		uint64_t root;
		unsigned int code;
	} rows[] = {
		{ BIT(46), 0x5a },
		{ 1ULL << 63, 0x5a },
		{ NOWHERE, 0x75 },
		{ BIT(46) - PAGE, 0x75 },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		ASSERT_EQ(0, use(&self->sim, self->parent, rows[i].root, 0,
				 &self->hwpt));
		EXPECT_EQ(-ENODATA, dma_poke(&self->dma, V, 1));
		EXPECT_EQ(rows[i].code, vtd_fault(SIM_NAME)) TH_LOG("%zu", i);
	}
	USE(0);
	EXPECT_EQ(0, dma_check(&self->dma, V, self->words));
	/* Nothing attached at all */
	ASSERT_EQ(0, iommu_pasid_detach(self->sim.fd, self->sim.engine.dev_id,
					PASID));
	EXPECT_EQ(-ENODATA, dma_poke(&self->dma, V, 1));
	EXPECT_EQ(0x59, vtd_fault(SIM_NAME));
}

/* Who has no PASID is nobody's supervisor. */
TEST_F(rules, privileged_takes_a_pasid)
{
	struct dma rid = sim_dma(&self->sim, 1);

	ASSERT_EQ(0, sim_attach(&self->sim, self->hwpt));
	rid.privileged = true;
	EXPECT_EQ(-EINVAL, dma_poke(&rid, V, 1));
}

/* What a supervisor has had translated is no user's, and the other way round it is. */
TEST_F(rules, cached_for_another)
{
	struct dma user = sim_dma_pasid(&self->sim, 1, PASID);

	USE(SRE);
	*ENTRY(V, 1) = DATA | VTD_P;
	self->dma.privileged = true;
	EXPECT_EQ(0, dma_poke(&self->dma, V, 1));
	EXPECT_EQ(IOSIM_REASON_PERMISSION, dma_peek(&user, V, NULL));
	EXPECT_EQ(0x81, user.code);
	*ENTRY(V, 1) = DATA | VTD_P | VTD_US;
	FLUSH();
	EXPECT_EQ(0, dma_peek(&user, V, NULL));
	EXPECT_EQ(0, dma_poke(&self->dma, V, 1));
	EXPECT_EQ(DATA | VTD_P | VTD_US | VTD_A | VTD_D, *ENTRY(V, 1));
	EXPECT_EQ(IOSIM_REASON_PERMISSION, dma_poke(&user, V, 1));
	EXPECT_EQ(0x85, user.code);
}

/* Accessed and dirty bits ---------------------------------------------------- */

#define AD (VTD_A | VTD_D | VTD_EA)

/* In all entries that are used; D only in the leaf, EA only with EAFE. */
TEST_F(rules, accessed_and_dirty)
{
	static const struct {
		uint64_t flags;
		bool write;
		uint64_t used;
		uint64_t leaf;
	} rows[] = {
		{ 0, false, VTD_A, 0 },
		{ 0, true, VTD_A, VTD_D },
		{ EAFE, false, VTD_A | VTD_EA, 0 },
		{ EAFE, true, VTD_A | VTD_EA, VTD_D },
	};
	const struct rule how[] = { { .write = false }, { .write = true } };
	int level, top;
	uint64_t at;
	size_t i;

	for (i = 0; i < 3 * ARRAY_SIZE(rows); i++) {
		top = 1 + i / ARRAY_SIZE(rows);
		at = V - top * VTD_SPAN(4);
		const typeof(rows[0]) *row = &rows[i % ARRAY_SIZE(rows)];

		USE(row->flags);
		ASSERT_EQ(0, vtd_map(&self->sim.guest, self->root, at, SIM_AT,
				     top, VTD_ALL));
		for (level = top; level <= 4; level++)
			*ENTRY(at, level) &= ~AD;
		FLUSH();
		ASSERT_EQ(0, access_page(&self->dma, at, &how[row->write]));
		for (level = top; level <= 4; level++) {
			EXPECT_EQ(row->used | (level == top ? row->leaf : 0),
				  *ENTRY(at, level) & AD)
				TH_LOG("%zu, level %d", i, level);
		}
	}
}

/* The tables are to be read only: only what need not be set can be gone by. */
TEST_F(rules, read_only_tables)
{
	uint64_t *leaf = ENTRY(V, 1), *above = ENTRY(V, 2);
	const uint64_t table = *above & VTD_ADDR;

	*above = (table - SIM_AT + READ_ONLY) | VTD_ALL;
	*leaf = LEAF;
	FLUSH();
	EXPECT_EQ(IOSIM_REASON_PARENT, dma_peek(&self->dma, V, NULL));
	EXPECT_EQ(0x77, self->dma.code);
	EXPECT_EQ(LEAF, *leaf);
	/* The kernel has set what there is to be set for reading */
	*leaf = LEAF | VTD_A;
	EXPECT_EQ(0, dma_peek(&self->dma, V, NULL));
	self->words[0] = 5;
	EXPECT_EQ(IOSIM_REASON_PARENT, dma_poke(&self->dma, V, 1));
	EXPECT_EQ(0x77, self->dma.code);
	EXPECT_EQ(5, self->words[0]);
	EXPECT_EQ(LEAF | VTD_A, *leaf);
	FLUSH();
	EXPECT_EQ(IOSIM_REASON_PARENT, dma_poke(&self->dma, V, 1));
	EXPECT_EQ(0x77, self->dma.code);
	/* And for writing */
	*leaf = LEAF | VTD_A | VTD_D;
	EXPECT_EQ(0, dma_poke(&self->dma, V, 1));
	/* With extended accessed bits these count, too */
	USE(EAFE);
	EXPECT_EQ(IOSIM_REASON_PARENT, dma_peek(&self->dma, V, NULL));
	EXPECT_EQ(0x77, self->dma.code);
	*leaf |= VTD_EA;
	EXPECT_EQ(0, dma_poke(&self->dma, V, 1));
}

/* A translation that was cached for reading sets D with the first write. */
TEST_F(rules, dirty_after_a_read)
{
	uint64_t *leaf = ENTRY(V, 1);

	ASSERT_EQ(0, dma_peek(&self->dma, V, NULL));
	EXPECT_EQ(LEAF | VTD_A, *leaf);
	ASSERT_EQ(0, dma_poke(&self->dma, V, 1));
	EXPECT_EQ(LEAF | VTD_A | VTD_D, *leaf);
	/* Cleared, but not invalidated: nothing sets them again */
	*leaf = LEAF;
	ASSERT_EQ(0, dma_poke(&self->dma, V, 1));
	EXPECT_EQ(LEAF, *leaf);
	FLUSH();
	ASSERT_EQ(0, dma_poke(&self->dma, V, 1));
	EXPECT_EQ(LEAF | VTD_A | VTD_D, *leaf);
}

/* Cached for reading, and another page by now: the old one is written to, and no entry
 * that says something else gets its bit.
 */
TEST_F(rules, dirty_of_a_stale_page)
{
	uint64_t *leaf = ENTRY(V, 1);
	const uint64_t other = (SIM_AT + PAGE) | VTD_ALL;

	ASSERT_EQ(0, dma_peek(&self->dma, V, NULL));
	*leaf = other;
	self->words[0] = self->words[PAGE / 8] = 0;
	ASSERT_EQ(0, dma_poke(&self->dma, V, 7));
	EXPECT_EQ(7, self->words[0]);
	EXPECT_EQ(0, self->words[PAGE / 8]);
	EXPECT_EQ(other, *leaf);
}

/* What the device may do ----------------------------------------------------- */

/* Without pages of 1 GiB their bit is reserved; MGAW is a limit of its own. */
TEST(capabilities)
{
	struct sim sim = {};
	struct dma dma;
	uint32_t parent, hwpt = 0;
	uint64_t root;

	NEED_SIM;
	ASSERT_EQ(0, vtd_open_without(&sim, "vtd=1 addr_bits=40 pasid_bits=6",
				      VTD_CAP_FS1GP, 0));
	ASSERT_EQ(0, sim_parent_hwpt(&sim, &parent));
	root = vtd_root(&sim);
	ASSERT_NE(0, root);
	dma = sim_dma_pasid(&sim, 0, PASID);
	ASSERT_EQ(0, vtd_map(&sim.guest, root, V, 0, 3, VTD_ALL));
	ASSERT_EQ(0, use(&sim, parent, root, 0, &hwpt));
	EXPECT_EQ(IOSIM_REASON_MALFORMED, dma_peek(&dma, V, NULL));
	EXPECT_EQ(0x72, dma.code);
	*vtd_entry(&sim.guest, root, V, 3) = 0;
	ASSERT_EQ(0, vtd_map(&sim.guest, root, V, BIT(40), 1, VTD_ALL));
	EXPECT_EQ(IOSIM_REASON_PARENT, dma_peek(&dma, V, NULL));
	EXPECT_EQ(0x74, dma.code);
	*vtd_entry(&sim.guest, root, V, 2) = BIT(41) | VTD_ALL;
	EXPECT_EQ(IOSIM_REASON_PARENT, dma_peek(&dma, V, NULL));
	EXPECT_EQ(0x74, dma.code);
	ASSERT_EQ(0, use(&sim, parent, BIT(40), 0, &hwpt));
	EXPECT_EQ(-ENODATA, dma_peek(&dma, V, NULL));
	EXPECT_EQ(0x74, vtd_fault(SIM_NAME));
	EXPECT_EQ(0, sim_close(&sim));
}

/* DMA by a second stage alone has its reasons, too. */
TEST(second_stage)
{
	struct sim sim = {};
	struct dma dma;

	NEED_SIM;
	ASSERT_EQ(0, sim_open(&sim, ATTRIBUTES));
	ASSERT_EQ(0, iommu_map_fixed(sim.fd, sim.ioas, sim.buf, PAGE, IOMMU_R,
				     READ_ONLY));
	ASSERT_EQ(0, sim_attach(&sim, sim.ioas));
	dma = sim_dma(&sim, 0);
	EXPECT_EQ(0, dma_check(&dma, SIM_AT, sim.buf));
	EXPECT_EQ(IOSIM_REASON_NOT_PRESENT, dma_poke(&dma, NOWHERE, 1));
	EXPECT_EQ(0x79, dma.code);
	EXPECT_EQ(IOSIM_REASON_PERMISSION, dma_poke(&dma, READ_ONLY, 1));
	EXPECT_EQ(0x85, dma.code);
	EXPECT_EQ(IOSIM_REASON_ADDRESS, dma_poke(&dma, BIT(48), 1));
	EXPECT_EQ(0x84, dma.code);
	ASSERT_EQ(0, vfio_detach(sim.engine.fd));
	EXPECT_EQ(-ENODATA, dma_poke(&dma, SIM_AT, 1));
	EXPECT_EQ(0x59, vtd_fault(SIM_NAME));
	EXPECT_EQ(0, sim_close(&sim));
}

SIM_HARNESS_MAIN
