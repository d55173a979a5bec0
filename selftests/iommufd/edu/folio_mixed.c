// SPDX-License-Identifier: GPL-2.0-only
/* A patchwork of anonymous memory and files, in small pages and huge ones. */
#define _GNU_SOURCE
#include <sys/mman.h>

#include "folio.h"

#define ARENA_PAGES (4 * LEAF)
#define SOURCE_SIZE (2 * MEM_HUGE)

FIXTURE(mixed)
{
	struct seer seer;
	char *arena;
	/* Of each kind of file, -1 where there is none */
	int files[3];
	uint64_t random;
};

FIXTURE_SETUP(mixed)
{
	int i;

	self->seer.acc = -1;
	NEED_ACCESS;
	ASSERT_EQ(0, seer_open(&self->seer));
	self->arena = reserve_huge(ARENA_PAGES * PAGE);
	ASSERT_NE(NULL, self->arena);
	for (i = SMALL; i <= HUGETLB; i++)
		self->files[i] = file_of_kind(i, SOURCE_SIZE);
	self->random = 0x853c49e6748fea9b;
}

FIXTURE_TEARDOWN(mixed)
{
	EXPECT_EQ(0, seer_close(&self->seer));
	EXPECT_EQ(0, mem_vm_pin(0));
}

/* A number below @n; the same in every run. */
static size_t pick(uint64_t *random, size_t n)
{
	*random ^= *random << 13;
	*random ^= *random >> 7;
	*random ^= *random << 17;
	return *random % n;
}

static char *lay_anon(char *at, size_t size, bool huge, uint64_t *random)
{
	size_t n = size / PAGE, i;
	char *p;

	p = map_at(at, size, PROT_RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (!p)
		return NULL;
	madvise(p, size, huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
	mem_fill(p, size, n);
	/* Pieces of it are replaced, or left for the module to fill */
	for (i = pick(random, 3); i; i--) {
		size_t first = pick(random, n);
		size_t npages = 1 + pick(random, n - first);

		madvise(p + first * PAGE, npages * PAGE, MADV_DONTNEED);
		if (pick(random, 2))
			mem_fill(p + first * PAGE, npages * PAGE, i);
	}
	return p;
}

static char *lay_file(char *at, size_t size, int fd, uint64_t *random)
{
	int flags = pick(random, 3) ? MAP_SHARED : MAP_PRIVATE;
	size_t offset = pick(random, (SOURCE_SIZE - size) / PAGE + 1) * PAGE;
	char *p;

	if (!pick(random, 4))
		punch(fd, pick(random, SOURCE_SIZE / PAGE), pick(random, 40));
	p = map_at(at, size, PROT_RW, flags, fd, offset);
	if (p && pick(random, 2))
		mem_fill(p + pick(random, size / PAGE) * PAGE, PAGE, size);
	return p;
}

/* Something at page @first of the arena. Returns the page behind it, or 0. */
static size_t lay_something(char *arena, size_t first, const int *files,
			    uint64_t *random)
{
	size_t most = ARENA_PAGES - first, npages;
	char *at = arena + first * PAGE;
	unsigned int kind = pick(random, 5);

	npages = 1 + pick(random, pick(random, 2) ? LEAF + 100 : 20);
	/* Often at the beginning of a huge page, with all of one */
	if (first % LEAF == 0 && npages < LEAF && pick(random, 2))
		npages = LEAF;
	else if (first % LEAF && !pick(random, 2))
		npages = LEAF - first % LEAF;
	if (npages > most)
		npages = most;
	if (npages > SOURCE_SIZE / PAGE)
		npages = SOURCE_SIZE / PAGE;

	if (kind == HUGETLB && files[HUGETLB] >= 0 && first % LEAF == 0 &&
	    most >= LEAF) {
		if (!map_at(at, MEM_HUGE, PROT_RW, MAP_SHARED, files[HUGETLB],
			    pick(random, 2) * MEM_HUGE))
			return 0;
		return first + LEAF;
	}
	if (kind <= LARGE && files[kind] >= 0)
		return lay_file(at, npages * PAGE, files[kind], random) ?
			first + npages : 0;
	return lay_anon(at, npages * PAGE, kind == 4, random) ?
		first + npages : 0;
}

/*
 * A patchwork of everything that there is. Any part of it is mapped, by a
 * device that is attached already and by one that is not yet.
 */
TEST_F(mixed, patchwork)
{
	const bool debug = mem_debug_kernel();
	struct rig *rig = &self->seer.rig;
	unsigned int round;

	for (round = 0; round < (debug ? 12 : 24); round++) {
		size_t first = pick(&self->random, ARENA_PAGES / 2), at, n;
		uint64_t iova = IOVA + pick(&self->random, LEAF) * PAGE;
		char *va = self->arena + first * PAGE;
		bool attach = round % 4 == 3;

		/* At once, as huge pages of hugetlbfs cannot be cut */
		ASSERT_NE(NULL, map_at(self->arena, ARENA_PAGES * PAGE,
				       PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS,
				       -1, 0));
		for (at = 0; at < ARENA_PAGES;) {
			at = lay_something(self->arena, at, self->files,
					   &self->random);
			ASSERT_NE(0, at);
		}
		n = 2 + pick(&self->random, ARENA_PAGES - first - 2);
		if (attach) {
			ASSERT_EQ(0, vfio_detach(rig->edu.fd));
		}
		ASSERT_EQ(0, rig_map(rig, va, n * PAGE, iova)) {
			TH_LOG("round %u", round);
		}
		if (attach) {
			ASSERT_EQ(0, rig_attach(rig));
		}
		EXPECT_RIGHT(&self->seer, iova, va, n) {
			TH_LOG("round %u", round);
		}
		at = 1 + pick(&self->random, n - 1);
		if (round % 2) {
			EXPECT_SEAM(&self->seer, iova, va, at) {
				TH_LOG("round %u, page %zu", round, at);
			}
		}
		ASSERT_EQ(0, rig_unmap(rig, iova, n * PAGE));
		EXPECT_UNPINNED(&self->seer);
	}
}

ACCESS_HARNESS_MAIN
