// SPDX-License-Identifier: GPL-2.0-only
/*
 * space/ranges: ranges that may overlap, of several owners, compared with a list of them
 * and with a map of few units that each is covered or not.
 */
#include <errno.h>
#include <string.h>

#include <linux/limits.h>
#include <linux/minmax.h>
#include <linux/rbtree_augmented.h>

#include "space/ranges.h"
#include "unit.h"

#include "kselftest_harness.h"

#define UNITS		64U
#define RANGES		48U
#define OWNERS		4U

/* Where the map is: the first IOVA, and a unit has 1 << @shift. */
static const struct {
	unsigned long base;
	unsigned int shift;
} stretches[] = {
	{ 0, 0 },
	{ 0, 12 },
	{ 0, 58 },			/* all IOVAs that there are */
	{ 1UL << 39, 21 },
	{ 0UL - UNITS, 0 },		/* up to the last one */
	{ 0UL - (UNITS << 12), 12 },
};

/* A range of the list: units from @from to @to. */
struct listed {
	unsigned int from;
	unsigned int to;
	const void *owner;
};

FIXTURE(ranges)
{
	struct rb_root_cached tree;
	struct listed list[RANGES];
	unsigned int nr;
	unsigned long base;
	unsigned int shift;
};

FIXTURE_SETUP(ranges)
{
	unit_begin();
	memset(self, 0, sizeof(*self));
}

FIXTURE_TEARDOWN(ranges)
{
	iommufd_ranges_clear(&self->tree);
	EXPECT_EQ(0, alloc_live());
}

typedef FIXTURE_DATA(ranges) fixture;

static unsigned long unit_iova(const fixture *self, unsigned int unit)
{
	return self->base + ((unsigned long)unit << self->shift);
}

static unsigned long unit_last(const fixture *self, unsigned int unit)
{
	return unit_iova(self, unit) + ((1UL << self->shift) - 1);
}

/* One of the owners, of whom NULL is one. */
static const void *some_owner(void)
{
	static const char owners[OWNERS];
	unsigned int i = chance_below(OWNERS);

	return i ? &owners[i] : NULL;
}

static const struct iova_range *range_at(struct rb_node *node)
{
	return rb_entry(node, struct iova_range, node.rb);
}

/* Is the range of a node in the list? */
static bool is_listed(const fixture *self, const struct iova_range *range)
{
	const struct listed *at;

	for (at = self->list; at < self->list + self->nr; at++)
		if (unit_iova(self, at->from) == range->node.start &&
		    unit_last(self, at->to) == range->node.last &&
		    at->owner == range->owner)
			return true;
	return false;
}

/* What an interval tree has to be; returns how many ranges there are below a node. */
static unsigned int check_below(const fixture *self, struct rb_node *node,
				unsigned long *last)
{
	unsigned long left = 0, right = 0;
	unsigned int nr = 1;

	if (!node)
		return 0;
	nr += check_below(self, node->rb_left, &left);
	nr += check_below(self, node->rb_right, &right);
	*last = range_at(node)->node.last;
	*last = max(*last, max(left, right));
	CHECK(range_at(node)->node.__subtree_last == *last);
	CHECK(is_listed(self, range_at(node)));
	return nr;
}

static void check_tree(fixture *self)
{
	struct rb_node *node, *next;
	unsigned long last;

	CHECK(check_below(self, self->tree.rb_root.rb_node, &last) == self->nr);
	CHECK(alloc_live() == self->nr);
	CHECK(rb_first_cached(&self->tree) == rb_first(&self->tree.rb_root));
	for (node = rb_first(&self->tree.rb_root); node; node = next) {
		next = rb_next(node);
		CHECK(!next || range_at(node)->node.start <=
				       range_at(next)->node.start);
	}
}

/* Is a unit in any range? */
static bool is_covered(const fixture *self, unsigned int unit)
{
	const struct listed *at;

	for (at = self->list; at < self->list + self->nr; at++)
		if (at->from <= unit && unit <= at->to)
			return true;
	return false;
}

static void check_hit(fixture *self, unsigned int from, unsigned int to)
{
	bool hit = false;
	unsigned int unit;

	for (unit = from; unit <= to; unit++)
		hit |= is_covered(self, unit);
	CHECK(ranges_hit(&self->tree, unit_iova(self, from),
			 unit_last(self, to)) == hit);
	CHECK(ranges_hit(&self->tree, unit_last(self, from),
			 unit_last(self, from)) == is_covered(self, from));
}

/* Of the ranges that reach to @from or behind it, the one that begins first. */
static void check_first(fixture *self, unsigned int from)
{
	const struct iova_range *range;
	unsigned int first = UNITS;
	const struct listed *at;

	for (at = self->list; at < self->list + self->nr; at++)
		if (at->to >= from)
			first = min(first, at->from);
	range = iommufd_ranges_first(&self->tree, unit_last(self, from));
	CHECK(!range == (first == UNITS));
	if (!range)
		return;
	CHECK(is_listed(self, range));
	CHECK(range->node.start == unit_iova(self, first));
	CHECK(range->node.last >= unit_last(self, from));
}

/* The first hole in [@from, @to], if there is one. */
static void check_hole(fixture *self, unsigned int from, unsigned int to)
{
	unsigned int unit = from, end;
	unsigned long start, last;
	bool found;

	found = iommufd_ranges_hole(&self->tree, unit_iova(self, from),
				    unit_last(self, to), &start, &last);
	while (unit <= to && is_covered(self, unit))
		unit++;
	CHECK(found == (unit <= to));
	if (!found)
		return;
	for (end = unit; end < to && !is_covered(self, end + 1); end++)
		;
	CHECK(start == unit_iova(self, unit));
	CHECK(last == unit_last(self, end));
}

static void check_all(fixture *self)
{
	unsigned int from = chance_below(UNITS);
	unsigned int to = from + chance_below(UNITS - from);

	check_tree(self);
	check_hit(self, from, to);
	check_first(self, from);
	check_hole(self, from, to);
	check_hole(self, 0, UNITS - 1);
}

static void add(fixture *self, unsigned int from, unsigned int to,
		const void *owner)
{
	struct listed *at = &self->list[self->nr];
	int rc;

	alloc_fail(chance_one_in(8));
	rc = ranges_add(&self->tree, unit_iova(self, from), unit_last(self, to),
			owner);
	if (alloc_has_failed()) {
		CHECK(rc == -ENOMEM);
		return;
	}
	CHECK(!rc);
	*at = (struct listed) { .from = from, .to = to, .owner = owner };
	self->nr++;
}

static void drop(fixture *self, const void *owner)
{
	unsigned int i, kept = 0;

	iommufd_ranges_drop(&self->tree, owner);
	for (i = 0; i < self->nr; i++)
		if (self->list[i].owner != owner)
			self->list[kept++] = self->list[i];
	self->nr = kept;
}

TEST_F(ranges, either_end_of_64_bits)
{
	unsigned long start = 1, last = 1;
	struct rb_root_cached *tree = &self->tree;

	EXPECT_EQ(NULL, iommufd_ranges_first(tree, 0));
	EXPECT_FALSE(ranges_hit(tree, 0, ULONG_MAX));
	EXPECT_TRUE(iommufd_ranges_hole(tree, 0, ULONG_MAX, &start, &last));
	EXPECT_EQ(0, start);
	EXPECT_EQ(ULONG_MAX, last);

	ASSERT_EQ(0, ranges_add(tree, ULONG_MAX, ULONG_MAX, self));
	ASSERT_EQ(0, ranges_add(tree, 0, 0, NULL));
	EXPECT_TRUE(iommufd_ranges_hole(tree, 0, ULONG_MAX, &start, &last));
	EXPECT_EQ(1, start);
	EXPECT_EQ(ULONG_MAX - 1, last);
	EXPECT_FALSE(
		iommufd_ranges_hole(tree, ULONG_MAX, ULONG_MAX, &start, &last));
	EXPECT_FALSE(iommufd_ranges_hole(tree, 0, 0, &start, &last));
	EXPECT_FALSE(ranges_hit(tree, 1, ULONG_MAX - 1));
	EXPECT_EQ(ULONG_MAX, iommufd_ranges_first(tree, 1)->node.start);

	ASSERT_EQ(0, ranges_add(tree, 0, ULONG_MAX, self));
	EXPECT_FALSE(iommufd_ranges_hole(tree, 0, ULONG_MAX, &start, &last));
	EXPECT_TRUE(ranges_hit(tree, 1, 1));
	EXPECT_EQ(0, iommufd_ranges_first(tree, ULONG_MAX)->node.start);

	iommufd_ranges_drop(tree, self);
	EXPECT_EQ(1, alloc_live());
	EXPECT_EQ(NULL, iommufd_ranges_first(tree, 1));
	EXPECT_TRUE(iommufd_ranges_hole(tree, 0, ULONG_MAX, &start, &last));
	EXPECT_EQ(1, start);
	EXPECT_EQ(ULONG_MAX, last);
	iommufd_ranges_drop(tree, self);
	EXPECT_EQ(1, alloc_live());
	iommufd_ranges_drop(tree, NULL);
	EXPECT_EQ(0, alloc_live());
}

/* Devices ask for the same: each has its own, and takes only that with it. */
TEST_F(ranges, the_same_range_of_several)
{
	struct rb_root_cached *tree = &self->tree;
	const int owners[3] = {};

	ASSERT_EQ(0, ranges_add(tree, 4096, 8191, &owners[0]));
	ASSERT_EQ(0, ranges_add(tree, 4096, 8191, &owners[1]));
	ASSERT_EQ(0, ranges_add(tree, 4096, 8191, &owners[0]));
	iommufd_ranges_drop(tree, &owners[2]);
	EXPECT_EQ(3, alloc_live());
	iommufd_ranges_drop(tree, &owners[0]);
	EXPECT_EQ(1, alloc_live());
	EXPECT_TRUE(ranges_hit(tree, 8191, 8191));
	iommufd_ranges_drop(tree, &owners[1]);
	EXPECT_FALSE(ranges_hit(tree, 0, ULONG_MAX));
}

TEST_F(ranges, allocation_fails)
{
	alloc_fail(1);
	EXPECT_EQ(-ENOMEM, ranges_add(&self->tree, 1, 2, NULL));
	EXPECT_TRUE(alloc_has_failed());
	EXPECT_FALSE(ranges_hit(&self->tree, 0, ULONG_MAX));
}

static void by_chance(fixture *self)
{
	unsigned int step, from, to;

	for (step = 0; step < 300; step++) {
		chance_step();
		if (self->nr == RANGES || chance_one_in(16)) {
			drop(self, some_owner());
		} else {
			from = chance_below(UNITS);
			to = from + chance_below(min(UNITS - from, 6U));
			if (chance_one_in(4)) {
				to = UNITS - 1;
				from = to - chance_below(3);
			}
			add(self, from, to, some_owner());
		}
		check_all(self);
	}
}

TEST_F(ranges, like_a_map)
{
	unsigned int i;

	chance_begin();
	for (i = 0; i < ARRAY_SIZE(stretches); i++) {
		self->base = stretches[i].base;
		self->shift = stretches[i].shift;
		by_chance(self);
		iommufd_ranges_clear(&self->tree);
		self->nr = 0;
		check_all(self);
	}
}

/* As users do: ask for one, then behind it, until there is none. */
TEST_F(ranges, all_holes_one_after_the_other)
{
	unsigned int round;

	chance_begin();
	self->shift = 58;
	for (round = 0; round < 100; round++) {
		unsigned int unit = 0, nr = chance_below(20);
		unsigned long from = 0, start, last = 0;

		chance_step();
		while (nr--) {
			unsigned int at = chance_below(UNITS);

			add(self, at, at, NULL);
		}
		while (last != ULONG_MAX &&
		       iommufd_ranges_hole(&self->tree, from, ULONG_MAX, &start,
					   &last)) {
			for (; unit_iova(self, unit) < start; unit++)
				CHECK(is_covered(self, unit));
			CHECK(unit_iova(self, unit) == start);
			do {
				CHECK(!is_covered(self, unit));
			} while (unit_last(self, unit++) != last);
			from = last + 1;
		}
		for (; unit < UNITS; unit++)
			CHECK(is_covered(self, unit));
		drop(self, NULL);
		CHECK(!self->nr);
	}
}

TEST_HARNESS_MAIN
