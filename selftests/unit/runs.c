// SPDX-License-Identifier: GPL-2.0-only
/*
 * memory/runs: appended to, sliced and searched, and compared with an array that has an
 * entry for every page.
 */
#include <errno.h>
#include <stdlib.h>

#include <linux/limits.h>
#include <linux/mm.h>

#include "memory/runs.h"
#include "unit.h"

#include "kselftest_harness.h"

/* The highest PFN that a run can say. */
#define PFN_LAST	((1UL << 40) - 1)
#define PIECE_MAX	16

/**
 * struct page_at - what is known of one page
 * @pfn: where it is
 * @by_folio: how it is pinned
 * @begins: it is the first one of a run
 */
struct page_at {
	unsigned long pfn;
	bool by_folio;
	bool begins;
};

FIXTURE(runs)
{
	struct runs runs;
	struct page_at *page;
	unsigned long npages, nr_runs, size;
};

FIXTURE_SETUP(runs)
{
	unit_begin();
	runs_init(&self->runs);
	self->page = NULL;
	self->npages = self->nr_runs = self->size = 0;
}

FIXTURE_TEARDOWN(runs)
{
	iommufd_runs_free(&self->runs);
	EXPECT_EQ(0, alloc_live());
	free(self->page);
}

typedef FIXTURE_DATA(runs) fixture;

static void forget(fixture *self)
{
	iommufd_runs_free(&self->runs);
	CHECK(!alloc_live());
	self->npages = 0;
	self->nr_runs = 0;
}

static void note(fixture *self, unsigned long pfn, bool by_folio, bool begins)
{
	if (self->npages == self->size) {
		self->size = self->size * 2 + 64;
		self->page = realloc(self->page,
				     self->size * sizeof(*self->page));
		CHECK(self->page);
	}
	self->nr_runs += begins;
	self->page[self->npages++] = (struct page_at) {
		.pfn = pfn, .by_folio = by_folio, .begins = begins,
	};
}

/* Does memory here belong to the run that is the last one? */
static bool continues(const fixture *self, unsigned long pfn, bool by_folio)
{
	const struct page_at *end;

	if (!self->npages)
		return false;
	end = &self->page[self->npages - 1];
	return end->pfn + 1 == pfn && end->by_folio == by_folio;
}

/* Append to both. */
static int append(fixture *self, unsigned long pfn, unsigned long npages,
		  bool by_folio)
{
	bool begins = !continues(self, pfn, by_folio);
	unsigned long i;
	int rc;

	rc = runs_append(&self->runs, pfn, npages, by_folio);
	for (i = 0; !rc && i < npages; i++)
		note(self, pfn + i, by_folio, begins && !i);
	return rc;
}

/* The same, and a new run whatever the memory before it is. */
static int push(fixture *self, unsigned long pfn, unsigned long npages,
		bool by_folio)
{
	unsigned long i;
	int rc;

	rc = runs_push(&self->runs, pfn, npages, by_folio);
	for (i = 0; !rc && i < npages; i++)
		note(self, pfn + i, by_folio, !i);
	return rc;
}

/* A slice has the pages that it should, in pieces that end only where a run does. */
static void check_slice(const fixture *self, unsigned long first,
			unsigned long npages)
{
	const struct page_at *page = &self->page[first];
	unsigned long done = 0, i;
	struct runs_iter it;

	runs_for_each(&it, &self->runs, first, npages) {
		CHECK(it.npages <= npages - done);
		CHECK(!done || page[done].begins);
		for (i = 0; i < it.npages; i++) {
			CHECK(page[done + i].pfn == it.pfn + i);
			CHECK(page[done + i].by_folio == it.by_folio);
			CHECK(!i || !page[done + i].begins);
		}
		done += it.npages;
	}
	CHECK(done == npages);
}

static void check_pfn_of(const fixture *self, unsigned long first,
			 unsigned long npages)
{
	unsigned long pfn = self->page[first].pfn, i;

	for (i = 1; i < npages; i++)
		if (self->page[first + i].begins)
			pfn = 0;
	CHECK(iommufd_runs_pfn_of(&self->runs, first, npages) == pfn);
}

static void check_rows(const fixture *self)
{
	unsigned long nr_runs = 0, at = 0, i;
	const run_t *run;
	u32 row, nr, n;

	for (row = 0; (run = iommufd_runs_row(&self->runs, row, &nr)); row++) {
		for (n = 0; n < nr; n++, run++) {
			CHECK(run_pages(*run));
			CHECK(run_pages(*run) <= self->npages - at);
			CHECK(self->page[at].begins);
			for (i = 0; i < run_pages(*run); i++, at++) {
				CHECK(self->page[at].pfn == run_pfn(*run) + i);
				CHECK(self->page[at].by_folio ==
				      !!(*run & RUN_BY_FOLIO));
			}
			nr_runs++;
		}
	}
	CHECK(at == self->npages);
	CHECK(nr_runs == self->nr_runs);
}

/* What is cheap to see after each step. */
static void check_end(const fixture *self)
{
	const struct runs *runs = &self->runs;
	unsigned long n = self->npages, few = min(n, 3UL);
	const struct page_at *end;

	CHECK(runs->npages == n);
	CHECK(runs_are_one(runs) == (self->nr_runs == 1));
	CHECK(runs_are_page(runs) == (n == 1 && !self->page[0].by_folio));
	CHECK(runs->nr_chunks ? runs->nr_chunks <= runs->dir_size :
				self->nr_runs <= RUNS_INLINE);
	if (!n)
		return;
	end = &self->page[n - 1];
	CHECK(run_pfn(*runs->last) + run_pages(*runs->last) - 1 == end->pfn);
	check_slice(self, n - few, few);
	check_pfn_of(self, n - 1, 1);
}

/* Some slices, short ones and long ones. */
static void check_some(const fixture *self, unsigned int times)
{
	while (self->npages && times--) {
		unsigned long first = chance_below(self->npages);
		unsigned long npages = self->npages - first;

		npages = 1 + chance_below(chance_one_in(2) ? npages :
							     min(npages, 64UL));
		check_slice(self, first, npages);
		check_pfn_of(self, first, npages);
	}
}

static void check_all(const fixture *self)
{
	unsigned long i;

	check_end(self);
	check_rows(self);
	if (self->npages)
		check_slice(self, 0, self->npages);
	for (i = 0; i < self->npages; i++)
		check_pfn_of(self, i, 1);
}

/* Every slice that there is. */
static void check_each(const fixture *self)
{
	unsigned long first, n;

	for (first = 0; first < self->npages; first++) {
		for (n = 1; n <= self->npages - first; n++) {
			check_slice(self, first, n);
			check_pfn_of(self, first, n);
		}
	}
}

TEST_F(runs, an_empty_list_has_no_run)
{
	check_all(self);
	iommufd_runs_finish(&self->runs);
	check_all(self);
	iommufd_runs_free(&self->runs);
	check_all(self);
}

/* The run of no pages in front of the first one ends at PFN 0, and is not continued. */
TEST_F(runs, memory_may_begin_at_pfn_0)
{
	ASSERT_EQ(0, append(self, 0, 1, false));
	check_all(self);
	ASSERT_EQ(0, append(self, 1, 2, false));
	check_all(self);
	ASSERT_EQ(0, append(self, 0, 1, true));
	ASSERT_EQ(0, append(self, 0, 1, true));
	check_all(self);
}

TEST_F(runs, memory_may_end_at_the_last_pfn)
{
	ASSERT_EQ(0, append(self, PFN_LAST, 1, true));
	check_all(self);
	ASSERT_EQ(0, append(self, 0, 1, true));
	ASSERT_EQ(0, append(self, PFN_LAST - 2, 2, false));
	ASSERT_EQ(0, append(self, PFN_LAST, 1, false));
	check_all(self);
	EXPECT_EQ(3, self->nr_runs);
	check_each(self);
}

TEST_F(runs, only_what_follows_and_is_pinned_alike_is_one_run)
{
	ASSERT_EQ(0, append(self, 100, 3, false));
	ASSERT_EQ(0, append(self, 103, 2, false));
	EXPECT_TRUE(runs_are_one(&self->runs));
	ASSERT_EQ(0, append(self, 105, 1, true));	/* pinned otherwise */
	ASSERT_EQ(0, append(self, 107, 1, true));	/* a hole */
	ASSERT_EQ(0, append(self, 107, 1, true));	/* the same page */
	ASSERT_EQ(0, append(self, 106, 1, true));	/* downwards */
	ASSERT_EQ(0, push(self, 107, 1, true));		/* asked for */
	EXPECT_EQ(6, self->nr_runs);
	check_all(self);
	check_each(self);
}

TEST_F(runs, the_only_run_is_set_and_forgotten)
{
	unsigned long npages, i;

	for (npages = 1; npages < 4; npages++) {
		runs_set_one(&self->runs, 500, npages);
		EXPECT_EQ(npages, self->runs.npages);
		EXPECT_TRUE(runs_are_one(&self->runs));
		EXPECT_EQ(npages == 1, runs_are_page(&self->runs));
		EXPECT_EQ(500, run_pfn(runs_one(&self->runs)));
		EXPECT_EQ(npages, run_pages(runs_one(&self->runs)));
		runs_forget_one(&self->runs);
		check_all(self);
		/* All room is there again. */
		for (i = 0; i < RUNS_INLINE + 1; i++)
			ASSERT_EQ(0, append(self, 100 + 2 * i, 1, true));
		check_all(self);
		forget(self);
	}
	runs_set_one(&self->runs, 500, 1);
	note(self, 500, false, true);
	ASSERT_EQ(0, append(self, 501, 1, false));
	ASSERT_EQ(0, append(self, 700, 1, false));
	ASSERT_EQ(0, append(self, 800, 1, false));
	check_all(self);
}

/* A run has no more than RUN_PAGES_MAX pages: the rest is another one. */
TEST_F(runs, a_run_that_is_full_is_followed_by_another)
{
	struct runs *runs = &self->runs;
	struct runs_iter it;

	ASSERT_EQ(0, runs_append(runs, 9, RUN_PAGES_MAX - 2, true));
	ASSERT_EQ(0, runs_append(runs, 9 + RUN_PAGES_MAX - 2, 2, true));
	EXPECT_TRUE(runs_are_one(runs));
	EXPECT_EQ(RUN_PAGES_MAX, run_pages(runs_one(runs)));
	EXPECT_EQ(9, iommufd_runs_pfn_of(runs, 0, RUN_PAGES_MAX));
	ASSERT_EQ(0, runs_append(runs, 9 + RUN_PAGES_MAX, 1, true));
	EXPECT_FALSE(runs_are_one(runs));
	EXPECT_EQ(RUN_PAGES_MAX + 1, runs->npages);
	EXPECT_EQ(0, iommufd_runs_pfn_of(runs, 0, RUN_PAGES_MAX + 1));

	it = iommufd_runs_seek(runs, RUN_PAGES_MAX - 1, 2);
	EXPECT_EQ(9 + RUN_PAGES_MAX - 1, it.pfn);
	EXPECT_EQ(1, it.npages);
	runs_next(&it);
	EXPECT_EQ(9 + RUN_PAGES_MAX, it.pfn);
	EXPECT_EQ(1, it.npages);
	EXPECT_TRUE(it.by_folio);
	runs_next(&it);
	EXPECT_EQ(0, it.npages);
}

/* The number of runs at which the list changes its shape, and those next to it. */
TEST_F(runs, every_length_of_the_list)
{
	unsigned int n;

	chance_begin();
	for (n = 0; n < 2100; n++) {
		chance_step();
		ASSERT_EQ(0, append(self, 2 * n, 1 + n % 2, n % 3));
		check_end(self);
		check_some(self, 2);
		if (n < 24) {
			check_all(self);
			check_each(self);
		} else if (n % 31 == 0 || n % 503 < 2) {
			check_all(self);
		}
	}
	iommufd_runs_finish(&self->runs);
	check_all(self);
	check_some(self, 100);
}

/* Each number of marks, in the first chunk and behind it. */
TEST_F(runs, every_length_of_a_finished_list)
{
	unsigned int runs, i;

	chance_begin();
	for (runs = 1; runs < 1100; runs += runs % 32 == 1 ? 30 : 1) {
		chance_step();
		for (i = 0; i < runs; i++)
			ASSERT_EQ(0, append(self, 1000 + 5 * i, 1 + i % 4,
					    false));
		iommufd_runs_finish(&self->runs);
		check_end(self);
		check_some(self, 40);
		if (chance_one_in(8))
			check_all(self);
		forget(self);
	}
}

/* Somewhere, or where it takes something to see that it is not a neighbour. */
static unsigned long choose_pfn(const fixture *self, unsigned long npages)
{
	unsigned long end = self->npages ? self->page[self->npages - 1].pfn : 0;

	switch (chance_below(8)) {
	case 0:
		return 0;
	case 1:
		return PFN_LAST + 1 - npages;
	case 2:
		return min(end, PFN_LAST + 1 - npages);
	case 3:
		return chance() & (PFN_LAST >> 5);
	default:
		return end + 1 + npages > PFN_LAST ? 1 : end + 1;
	}
}

static void add_by_chance(fixture *self)
{
	unsigned long npages = 1 + chance_below(1 + chance_below(PIECE_MAX));
	unsigned long pfn = choose_pfn(self, npages);
	bool by_folio = chance_one_in(2);
	int rc;

	alloc_fail(chance_one_in(4));
	if (chance_one_in(8))
		rc = push(self, pfn, npages, by_folio);
	else
		rc = append(self, pfn, npages, by_folio);
	CHECK(rc == (alloc_has_failed() ? -ENOMEM : 0));
}

TEST_F(runs, by_chance)
{
	unsigned int round, left;

	chance_begin();
	for (round = 0; round < 40; round++) {
		for (left = chance_below(1UL << chance_below(12)); left; left--) {
			chance_step();
			add_by_chance(self);
			check_end(self);
			check_some(self, 1);
		}
		check_all(self);
		iommufd_runs_finish(&self->runs);
		check_all(self);
		check_some(self, 50);
		forget(self);
	}
}

/* Append to the list with the @n-th allocation failing. */
static bool append_failing(fixture *self, unsigned long n, bool give_up)
{
	bool failed = false;
	unsigned int i = 0;

	alloc_fail(n);
	while (i < 2100 && !(failed && give_up)) {
		int rc = append(self, 7 + 3 * i, 2, i % 2);

		if (!rc) {
			i++;
			continue;
		}
		CHECK(rc == -ENOMEM && !failed);
		failed = true;
		check_all(self);
	}
	CHECK(alloc_has_failed() == failed);
	check_all(self);
	forget(self);
	return failed;
}

/* Whichever it is, the list is as before, and can be continued or freed. */
TEST_F(runs, each_allocation_fails)
{
	unsigned long n = 1;

	while (append_failing(self, n, true)) {
		EXPECT_TRUE(append_failing(self, n, false));
		n++;
	}
	/* A directory and a chunk, which grows twice; three more of each. */
	EXPECT_EQ(1 + 2 + 2 + 3 + 4, n);
}

/* Of terabytes: where pages are counted in 32 bits, that is enough. */
TEST_F(runs, an_index_may_have_more_than_32_bits)
{
	const unsigned long each = RUN_PAGES_MAX, nr = 1100;
	struct runs *runs = &self->runs;
	struct runs_iter it;
	unsigned long i;

	for (i = 0; i < nr; i++)
		ASSERT_EQ(0, runs_append(runs, i * (each + 1), each, false));
	iommufd_runs_finish(runs);
	ASSERT_EQ(nr * each, runs->npages);
	for (i = 0; i < nr; i++) {
		unsigned long pfn = i * (each + 1);

		EXPECT_EQ(pfn, iommufd_runs_pfn_of(runs, i * each, each));
		EXPECT_EQ(pfn + 1,
			  iommufd_runs_pfn_of(runs, i * each + 1, each - 1));
		EXPECT_EQ(0, iommufd_runs_pfn_of(runs, i * each + 1, each));
		EXPECT_EQ(pfn + each - 1,
			  iommufd_runs_pfn_of(runs, i * each + each - 1, 1));
	}
	i = 0;
	runs_for_each(&it, runs, 5, nr * each - 7) {
		EXPECT_EQ(i * (each + 1) + (i ? 0 : 5), it.pfn);
		EXPECT_EQ(each - (i ? 0 : 5) - (i < nr - 1 ? 0 : 2), it.npages);
		i++;
	}
	EXPECT_EQ(nr, i);
}

TEST_HARNESS_MAIN
