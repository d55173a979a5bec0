// SPDX-License-Identifier: GPL-2.0-only
/*
 * Software nesting beside a model of it: a family of spaces is mapped and unmapped at
 * random, above and below, and each of its pages is read by an in-kernel user after each
 * round: it is there with its content, or not there at all.
 *
 * The model is the plainest that there can be: areas in a list, and everything that is
 * made of an area goes with it.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>

#include "iommu.h"
#include "kselftest_harness.h"
#include "mem.h"

#include "access.h"

#define BASE ((uint64_t)0x10000000)
#define PAGE ((uint64_t)4096)
#define SLOTS 48U
#define SPACES 8U
#define NOWHERE UINT32_MAX

/* Whose child each space is. */
static const uint32_t parents[SPACES] = { NOWHERE, 0, 0, 0, 1, 1, 4, 2 };

/**
 * struct model_area - one area
 * @slot: its first page in its space
 * @nr: how many pages
 * @source: its first page in the parent, or in the memory of the test
 */
struct model_area {
	uint32_t slot;
	uint32_t nr;
	uint32_t source;
};

/**
 * struct model_space - what must be mapped
 * @id: the IOAS
 * @acc: reads it
 * @nr: how many areas there are
 * @area: these, in no order
 */
struct model_space {
	uint32_t id;
	int acc;
	unsigned int nr;
	struct model_area area[SLOTS];
};

FIXTURE(nested_random) {
	int fd;
	char *mem;
	long pinned;
	unsigned int seed;
	struct model_space space[SPACES];
};

static unsigned int below(unsigned int *seed, unsigned int end)
{
	return rand_r(seed) % end;
}

static uint64_t at(uint32_t slot)
{
	return BASE + slot * PAGE;
}

static bool overlap(uint32_t one, uint32_t nr, uint32_t other, uint32_t nr_other)
{
	return one < other + nr_other && other < one + nr;
}

/* The model ---------------------------------------------------------------- */

static const struct model_area *model_find(const struct model_space *s,
					   uint32_t slot)
{
	unsigned int i;

	for (i = 0; i < s->nr; i++)
		if (overlap(s->area[i].slot, s->area[i].nr, slot, 1))
			return &s->area[i];
	return NULL;
}

/* Which page of the test's memory is at a slot? */
static uint32_t model_page(const struct model_space *spaces, uint32_t n,
			   uint32_t slot)
{
	const struct model_area *area = model_find(&spaces[n], slot);
	uint32_t source;

	if (!area)
		return NOWHERE;
	source = area->source + slot - area->slot;
	return parents[n] == NOWHERE ? source :
				       model_page(spaces, parents[n], source);
}

static bool model_is_free(const struct model_space *s, uint32_t slot, uint32_t nr)
{
	uint32_t i;

	for (i = slot; i < slot + nr; i++)
		if (model_find(s, i))
			return false;
	return true;
}

static bool model_is_mapped(const struct model_space *s, uint32_t slot, uint32_t nr)
{
	uint32_t i;

	for (i = slot; i < slot + nr; i++)
		if (!model_find(s, i))
			return false;
	return true;
}

/* As many areas as there are below the source */
static void model_map(struct model_space *spaces, uint32_t n, uint32_t slot,
		      uint32_t nr, uint32_t source)
{
	struct model_space *s = &spaces[n];
	uint32_t piece;

	for (; nr; slot += piece, source += piece, nr -= piece) {
		piece = nr;
		if (parents[n] != NOWHERE) {
			const struct model_area *area =
				model_find(&spaces[parents[n]], source);
			uint32_t left = area->slot + area->nr - source;

			piece = left < nr ? left : nr;
		}
		s->area[s->nr++] = (struct model_area){ slot, piece, source };
	}
}

static void model_unmap(struct model_space *spaces, uint32_t n, unsigned int i)
{
	const struct model_area gone = spaces[n].area[i];
	uint32_t child;
	unsigned int j;

	spaces[n].area[i] = spaces[n].area[--spaces[n].nr];
	for (child = 0; child < SPACES; child++) {
		struct model_space *s = &spaces[child];

		if (parents[child] != n)
			continue;
		for (j = s->nr; j-- > 0;)
			if (overlap(s->area[j].source, s->area[j].nr, gone.slot,
				    gone.nr))
				model_unmap(spaces, child, j);
	}
}

/* Commands ----------------------------------------------------------------- */

#define OR_FAIL(want, got) do {						\
	int _want = (want), _got = (got);				\
									\
	if (_want != _got) {						\
		TH_LOG("seed %u, space %u: %d, not %d", self->seed, n,	\
		       _got, _want);					\
		return false;						\
	}								\
} while (0)

#define self_of struct _test_data_nested_random

static bool map_one(struct __test_metadata *_metadata, self_of *self,
		    unsigned int *seed)
{
	uint32_t n = below(seed, SPACES), nr = 1 + below(seed, 6);
	uint32_t slot = below(seed, SLOTS - nr), source = below(seed, SLOTS - nr);
	struct model_space *s = &self->space[n];
	bool root = parents[n] == NOWHERE;
	const void *va = root ? self->mem + source * PAGE :
				(void *)(uintptr_t)at(source);
	int want = 0, rc;

	if (!model_is_free(s, slot, nr))
		want = -EEXIST;
	else if (!root &&
		 !model_is_mapped(&self->space[parents[n]], source, nr))
		want = -EFAULT;
	rc = iommu_map_fixed(self->fd, s->id, va, nr * PAGE, IOMMU_RW, at(slot));
	/* If both are wrong, either may be said. */
	if (want == -EEXIST && rc == -EFAULT)
		return true;
	OR_FAIL(want, rc);
	if (!want)
		model_map(self->space, n, slot, nr, source);
	return true;
}

/* Some of its areas, in any order, by one call */
static bool unmap_some(struct __test_metadata *_metadata, self_of *self,
		       unsigned int *seed)
{
	struct ioasid_batch_entry entries[SLOTS] = {};
	uint32_t n = below(seed, SPACES), nr = 0, done;
	struct model_space *s = &self->space[n];

	while (s->nr && nr < SLOTS / 4) {
		unsigned int i = below(seed, s->nr);

		entries[nr].iova = at(s->area[i].slot);
		entries[nr++].length = s->area[i].nr * PAGE;
		model_unmap(self->space, n, i);
		if (!below(seed, 4))
			break;
	}
	if (!nr)
		return true;
	OR_FAIL(0, iommu_unmap_batch(self->fd, s->id, entries, nr, &done));
	OR_FAIL(nr, done);
	return true;
}

/* A range of it, unless that would cut an area */
static bool unmap_range(struct __test_metadata *_metadata, self_of *self,
			unsigned int *seed)
{
	uint32_t n = below(seed, SPACES), nr = 1 + below(seed, SLOTS / 2);
	uint32_t slot = below(seed, SLOTS - nr), found = 0;
	struct model_space *s = &self->space[n];
	bool cut = false;
	unsigned int i;

	for (i = 0; i < s->nr; i++) {
		const struct model_area *area = &s->area[i];

		if (!overlap(area->slot, area->nr, slot, nr))
			continue;
		found++;
		cut |= area->slot < slot || area->slot + area->nr > slot + nr;
	}
	OR_FAIL(cut || !found ? -ENOENT : 0,
		iommu_ioas_unmap(self->fd, s->id, at(slot), nr * PAGE, NULL));
	for (i = s->nr; !cut && i-- > 0;)
		if (overlap(s->area[i].slot, s->area[i].nr, slot, nr))
			model_unmap(self->space, n, i);
	return true;
}

static bool compare(struct __test_metadata *_metadata, self_of *self)
{
	uint32_t n, slot;

	for (n = 0; n < SPACES; n++) {
		for (slot = 0; slot < SLOTS; slot++) {
			uint32_t page = model_page(self->space, n, slot), seen = 0;
			int rc = access_read(self->space[n].acc, at(slot), &seen,
					     sizeof(seen));

			OR_FAIL(page == NOWHERE ? -ENOENT : 0, rc);
			OR_FAIL(page == NOWHERE ? 0 : page + 1, seen);
		}
	}
	return true;
}

FIXTURE_SETUP(nested_random)
{
	uint32_t n;

	NEED_ACCESS;
	self->pinned = mem_pinned();
	self->fd = iommu_open();
	ASSERT_LE(0, self->fd);
	self->mem = mem_anon(SLOTS * PAGE);
	ASSERT_NE(NULL, self->mem);
	for (n = 0; n < SLOTS; n++)
		*(uint32_t *)(self->mem + n * PAGE) = n + 1;
	for (n = 0; n < SPACES; n++) {
		struct model_space *s = &self->space[n];

		ASSERT_EQ(0, parents[n] == NOWHERE ?
				     iommu_ioas_alloc(self->fd, &s->id) :
				     iommu_alloc_nested(self->fd,
							self->space[parents[n]].id,
							&s->id));
		s->acc = access_open_attached(self->fd, s->id);
		ASSERT_LE(0, s->acc);
	}
}

FIXTURE_TEARDOWN(nested_random)
{
	uint32_t n;

	for (n = 0; n < SPACES; n++)
		close(self->space[n].acc);
	close(self->fd);
	EXPECT_EQ(self->pinned, mem_wait_pinned(self->pinned));
}

TEST_F(nested_random, commands)
{
	bool (*const what[])(struct __test_metadata *_metadata, self_of *self,
			     unsigned int *seed) = {
		map_one, map_one, map_one, map_one, map_one, map_one, map_one,
		map_one, unmap_some, unmap_range,
	};
	const unsigned int rounds = mem_debug_kernel() ? 100 : 400;
	unsigned int round, i, seed;

	self->seed = 1129;
	seed = self->seed;
	for (round = 0; round < rounds; round++) {
		for (i = 0; i < 20; i++)
			ASSERT_TRUE(what[below(&seed, 10)](_metadata, self, &seed));
		ASSERT_TRUE(compare(_metadata, self)) {
			TH_LOG("round %u", round);
		}
	}
}

#define FAMILY_MAX 4096

/* How many there can be below one, at any depth. */
TEST_F(nested_random, family)
{
	const uint32_t nr = SPACES - 1;
	uint32_t i, id, last = 0, other;

	for (i = nr; i < FAMILY_MAX; i++)
		ASSERT_EQ(0, iommu_alloc_nested(self->fd,
						self->space[i % SPACES].id, &last));
	EXPECT_EQ(-EOVERFLOW, iommu_alloc_nested(self->fd, self->space[0].id, &id));
	EXPECT_EQ(-EOVERFLOW, iommu_alloc_nested(self->fd, self->space[6].id, &id));
	/* Those of others are none of its business. */
	ASSERT_EQ(0, iommu_ioas_alloc(self->fd, &other));
	EXPECT_EQ(0, iommu_alloc_nested(self->fd, other, &id));
	/* And none is counted that has gone, or failed. */
	ASSERT_EQ(0, iommu_destroy(self->fd, last));
	EXPECT_EQ(0, iommu_alloc_nested(self->fd, self->space[6].id, &last));
	EXPECT_EQ(-EOVERFLOW, iommu_alloc_nested(self->fd, self->space[0].id, &id));
}

int main(int argc, char **argv)
{
	access_module_load();
	return test_harness_run(argc, argv);
}
