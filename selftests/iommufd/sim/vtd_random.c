// SPDX-License-Identifier: GPL-2.0-only
/*
 * A simulated VT-d against a second reading of the rules, see vtd_model.h: tables that
 * point to each other and to anything else at random, whatever their levels. Each access
 * must end as the model says, at the same word, and leave the same bits in the tables.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "kselftest_harness.h"

#include "iommu.h"
#include "mem.h"
#include "vfio.h"
#include "vtd.h"
#include "vtd_model.h"

#define PAGE SIM_PAGE
#define PASID 3
#define HAW 46
#define MGAW 44
#define ATTRIBUTES "vtd=1 vtd_haw=46 addr_bits=44 pasid_bits=6"
#define EVERYTHING 0, UINT64_MAX
/* Where the parent has all of the memory, to be read only. */
#define READ_ONLY 0x80000000ULL
#define NOWHERE 0x200000000ULL
#define INTERRUPTS 0xfee00000ULL

/* Tables that point to each other; the first one is the root. */
#define NR_TABLES 12
#define NR_ENTRIES 4
#define ROUNDS 50
#define ACCESSES 20

FIXTURE(random)
{
	struct sim sim;
	uint32_t parent;
	uint32_t hwpt;
	struct dma dma;
	uint64_t *tables;
	struct vtd_model model;
	uint64_t seed;
};

FIXTURE_VARIANT(random)
{
	uint64_t flags;
	bool no_1g;
	uint64_t seed;
};

#define SRE IOMMU_VTD_S1_SRE
#define WPE IOMMU_VTD_S1_WPE
#define EAFE IOMMU_VTD_S1_EAFE

FIXTURE_VARIANT_ADD(random, users)
{
	.seed = 1,
};

FIXTURE_VARIANT_ADD(random, supervisors)
{
	.flags = SRE,
	.seed = 2,
};

FIXTURE_VARIANT_ADD(random, write_protection)
{
	.flags = SRE | WPE,
	.seed = 3,
};

FIXTURE_VARIANT_ADD(random, extended_access)
{
	.flags = EAFE,
	.seed = 4,
};

FIXTURE_VARIANT_ADD(random, all)
{
	.flags = SRE | WPE | EAFE,
	.seed = 5,
};

FIXTURE_VARIANT_ADD(random, no_1g)
{
	.flags = SRE,
	.no_1g = true,
	.seed = 6,
};

/* As the IOAS has it; the model reads the same memory as the device. */
static uint64_t *memory_at(void *context, uint64_t gpa, bool *writable)
{
	struct sim *sim = context;

	*writable = gpa - SIM_AT < SIM_SIZE;
	if (gpa - READ_ONLY < SIM_SIZE)
		gpa += SIM_AT - READ_ONLY;
	if (gpa - SIM_AT >= SIM_SIZE)
		return NULL;
	return (uint64_t *)(sim->buf + (gpa - SIM_AT));
}

FIXTURE_SETUP(random)
{
	struct sim *sim = &self->sim;
	const char *seed = getenv("SEED");
	uint64_t root, i;

	NEED_SIM;
	ASSERT_EQ(0, vtd_open_without(sim, ATTRIBUTES,
				      variant->no_1g ? VTD_CAP_FS1GP : 0, 0));
	ASSERT_EQ(0, iommu_map_fixed(sim->fd, sim->ioas, sim->buf, SIM_SIZE,
				     IOMMU_R, READ_ONLY));
	ASSERT_EQ(0, sim_parent_hwpt(sim, &self->parent));
	for (i = 0; i < SIM_TABLES / 8; i++)
		((uint64_t *)sim->buf)[i] = i << 8;
	root = guest_gpa(&sim->guest,
			 guest_alloc(&sim->guest, NR_TABLES * PAGE));
	self->tables = guest_va(&sim->guest, root);
	ASSERT_EQ(0, vtd_map(&sim->guest, root, SIM_AT + SIM_DONE,
			     SIM_AT + SIM_DONE, 1, VTD_ALL));
	ASSERT_EQ(0, vtd_hwpt(sim, self->parent, root, variant->flags,
			      &self->hwpt));
	ASSERT_EQ(0, iommu_pasid_attach(sim->fd, sim->engine.dev_id, PASID,
					self->hwpt));
	self->dma = sim_dma_pasid(sim, 0, PASID);
	self->model = (struct vtd_model) {
		.haw = HAW,
		.mgaw = MGAW,
		.fs1gp = !variant->no_1g,
		.flags = variant->flags,
		.root = root,
		.memory = memory_at,
		.context = sim,
	};
	self->seed = (seed ? strtoull(seed, NULL, 0) : 1) * 1000 +
		     variant->seed;
}

FIXTURE_TEARDOWN(random)
{
	EXPECT_EQ(0, sim_close(&self->sim));
}

/* Numbers ------------------------------------------------------------------- */

static uint64_t any(uint64_t *seed, uint64_t below)
{
	uint64_t x = *seed += 0x9e3779b97f4a7c15ULL;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ x >> 27) * 0x94d049bb133111ebULL;
	return (x ^ x >> 31) % below;
}

static bool one_in(uint64_t *seed, uint64_t n)
{
	return !any(seed, n);
}

/* The indexes that tables have entries at: the root's first is the completions'. */
static unsigned int index_of(unsigned int i)
{
	static const unsigned int indexes[NR_ENTRIES] = { 1, 200, 256, 511 };

	return indexes[i];
}

/* Tables or pages; with @lies other things, too. */
static uint64_t any_target(uint64_t *seed, uint64_t tables, bool lies)
{
	switch (any(seed, lies ? 12 : 8)) {
	case 0:
		return SIM_AT + any(seed, SIM_TABLES / PAGE) * PAGE;
	case 1:
		return tables - SIM_AT + READ_ONLY +
		       any(seed, NR_TABLES) * PAGE;
	case 8:
		return NOWHERE;
	case 9:
		return INTERRUPTS;
	case 10:
		return READ_ONLY + any(seed, SIM_SIZE / PAGE) * PAGE;
	case 11:
		return SIM_AT + any(seed, SIM_SIZE / PAGE) * PAGE;
	default:
		return tables + any(seed, NR_TABLES) * PAGE;
	}
}

/* @calm: the higher the fewer entries are wrong, or forbid something. */
static uint64_t any_entry(uint64_t *seed, uint64_t tables, unsigned int calm)
{
	uint64_t entry = VTD_ALL;

	if (one_in(seed, 8))
		entry |= (SIM_AT + any(seed, 2) * GUEST_2M) | VTD_PS;
	else
		entry |= any_target(seed, tables, one_in(seed, calm));
	if (one_in(seed, 4 * calm))
		entry |= VTD_PS;
	if (one_in(seed, 10 * calm))
		entry &= ~VTD_P;
	if (one_in(seed, 8))
		entry &= ~VTD_RW;
	if (one_in(seed, 10))
		entry &= ~VTD_US;
	if (one_in(seed, 2))
		entry |= VTD_A;
	if (one_in(seed, 2))
		entry |= VTD_D;
	if (one_in(seed, 2))
		entry |= VTD_EA;
	if (one_in(seed, 12 * calm))
		entry |= 1ULL << (MGAW + any(seed, HAW - MGAW));
	if (one_in(seed, 12 * calm))
		entry |= 1ULL << (HAW + any(seed, 52 - HAW));
	if (one_in(seed, 4))
		entry |= any(seed, 1 << 12) << 52;
	if (one_in(seed, 8))
		entry |= VTD_XD | 1 << 3 | 1 << 4 | 1 << 8 | 1 << 11;
	return entry;
}

static void fill(uint64_t *seed, uint64_t *tables, uint64_t gpa)
{
	unsigned int calm = 1 << any(seed, 5), table, i;

	for (table = 0; table < NR_TABLES; table++)
		for (i = 0; i < NR_ENTRIES; i++)
			tables[table * 512 + index_of(i)] =
				any_entry(seed, gpa, calm);
}

static struct vtd_request any_request(uint64_t *seed)
{
	struct vtd_request request = {
		.write = one_in(seed, 2),
		.privileged = one_in(seed, 3),
	};
	int level;

	for (level = 1; level <= 4; level++)
		request.iova |= (uint64_t)index_of(any(seed, NR_ENTRIES)) <<
				(3 + 9 * level);
	/* Mostly canonical, in a page where the tables have entries */
	if (request.iova >> 47)
		request.iova |= 0xffffULL << 48;
	if (one_in(seed, 30))
		request.iova ^= 1ULL << (48 + any(seed, 16));
	request.iova |= index_of(any(seed, NR_ENTRIES)) * 8;
	return request;
}

/* Accesses ------------------------------------------------------------------ */

/* A write only as far as the IOMMU has to do with it: tables are in its way. */
static int translate(struct dma *dma, const struct vtd_request *request,
		     uint64_t *seen)
{
	int rc = 0;

	dma->privileged = request->privileged;
	if (request->write)
		rc = dma_prefetch(dma, request->iova, 8, true);
	return rc ?: dma_peek(dma, request->iova, seen);
}

static void apply(const struct vtd_verdict *verdict)
{
	int i;

	for (i = 0; i < verdict->nr; i++)
		*verdict->entries[i] |= verdict->sets[i];
}

/* What the tables are to look like: the model's, applied to them and undone. */
static void expect_tables(uint64_t *tables, const struct vtd_verdict *verdict,
			  uint64_t *expected, uint64_t *before)
{
	memcpy(before, tables, NR_TABLES * PAGE);
	apply(verdict);
	memcpy(expected, tables, NR_TABLES * PAGE);
	memcpy(tables, before, NR_TABLES * PAGE);
}

TEST_F(random, accesses)
{
	uint64_t expected[NR_TABLES * 512], before[NR_TABLES * 512], word, seen;
	unsigned int count[256] = { 0 };
	struct vtd_request request;
	struct vtd_verdict verdict;
	int round, i, rc;

	/* Of the way of completions the accessed bits are set */
	self->dma.privileged = false;
	ASSERT_EQ(0, dma_peek(&self->dma, SIM_AT + SIM_DONE, NULL));
	for (round = 0; round < ROUNDS; round++) {
		fill(&self->seed, self->tables, self->model.root);
		for (i = 0; i < ACCESSES; i++) {
			request = any_request(&self->seed);
			ASSERT_EQ(0, vtd_invalidate(self->sim.fd, self->hwpt,
						    EVERYTHING, 0));
			verdict = vtd_judge(&self->model, &request);
			expect_tables(self->tables, &verdict, expected, before);
			rc = translate(&self->dma, &request, &seen);
			count[verdict.code]++;
			ASSERT_EQ(verdict.code, rc > 0 ? self->dma.code : 0)
				TH_LOG("%d.%d: %#llx %d %d: %d", round, i,
				       (long long)request.iova, request.write,
				       request.privileged, rc);
			ASSERT_EQ(!verdict.code, !rc);
			ASSERT_EQ(0, memcmp(expected, self->tables,
					    sizeof(expected)))
				TH_LOG("%d.%d: %#llx", round, i,
				       (long long)request.iova);
			if (rc)
				continue;
			word = *verdict.word;
			ASSERT_EQ(word, seen);
		}
	}
	/* All kinds have come up */
	for (i = 0; i < 256; i++)
		if (count[i])
			TH_LOG("%#x: %u", i, count[i]);
	EXPECT_LT(ROUNDS * ACCESSES / 20, count[0]);
	EXPECT_LT(0, count[0x72]);
	EXPECT_LT(0, count[0x77]);
}

/* Tables that change while they are gone by --------------------------------- */

struct changer {
	uint64_t *tables;
	uint64_t gpa;
	uint64_t seed;
	bool stop;
};

/* Half of the time there are bits to be set again. */
static void *change(void *arg)
{
	struct changer *changer = arg;
	uint64_t *entry;

	while (!__atomic_load_n(&changer->stop, __ATOMIC_RELAXED)) {
		entry = &changer->tables[any(&changer->seed, NR_TABLES) * 512 +
					 index_of(any(&changer->seed,
						      NR_ENTRIES))];
		if (one_in(&changer->seed, 2))
			__atomic_and_fetch(entry, ~(VTD_A | VTD_D | VTD_EA),
					   __ATOMIC_RELAXED);
		else
			__atomic_store_n(entry, any_entry(&changer->seed,
							  changer->gpa, 16),
					 __ATOMIC_RELAXED);
	}
	return NULL;
}

/* Every access comes to an end. */
TEST_F(random, under_change)
{
	struct changer changer = {
		.tables = self->tables,
		.gpa = self->model.root,
		.seed = self->seed + 1,
	};
	struct vtd_request request;
	unsigned int good = 0;
	pthread_t thread;
	uint64_t i, seen;
	int rc;

	fill(&self->seed, self->tables, self->model.root);
	ASSERT_EQ(0, pthread_create(&thread, NULL, change, &changer));
	for (i = 0; i < 600; i++) {
		request = any_request(&self->seed);
		EXPECT_EQ(0, vtd_invalidate(self->sim.fd, self->hwpt,
					    EVERYTHING, 0));
		rc = translate(&self->dma, &request, &seen);
		EXPECT_LE(0, rc);
		good += !rc;
	}
	__atomic_store_n(&changer.stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	EXPECT_LT(0, good);
}

SIM_HARNESS_MAIN
