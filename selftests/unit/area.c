// SPDX-License-Identifier: GPL-2.0-only
/*
 * space/area: the tree of areas and its holes, compared with what finds the same by
 * looking everywhere: first a map of few units, each of which has an owner or none; then,
 * for IOVAs of any magnitude, a sorted array and numbers of 128 bits.
 */
#include <errno.h>
#include <string.h>

#include <linux/limits.h>
#include <linux/rbtree_augmented.h>

#include "space/area.h"
#include "unit.h"

#include "kselftest_harness.h"

/* Units of a map, and so areas at the most. */
#define UNITS	256U

/**
 * struct map - a stretch of IOVAs that areas are in
 * @tree: what is tested
 * @sorted: the areas that are in it
 * @nr: how many
 * @base: the first IOVA
 * @shift: of which a unit has 1 << @shift
 */
struct map {
	struct area_tree tree;
	struct area *sorted[UNITS];
	unsigned int nr;
	unsigned long base;
	unsigned int shift;
};

FIXTURE(area)
{
	struct map map;
};

FIXTURE_SETUP(area)
{
	unit_begin();
	memset(&self->map, 0, sizeof(self->map));
	ASSERT_EQ(0, iommufd_area_cache_init());
}

FIXTURE_TEARDOWN(area)
{
	while (self->map.nr)
		iommufd_area_free(self->map.sorted[--self->map.nr]);
	iommufd_area_cache_exit();
	EXPECT_EQ(0, alloc_live());
}

/* The index in the array of the first area that ends at or behind @iova. */
static unsigned int index_of(const struct map *map, unsigned long iova)
{
	unsigned int i = 0;

	while (i < map->nr && map->sorted[i]->last < iova)
		i++;
	return i;
}

/* The area that the array has at @i, unless it is beyond what is asked for. */
static struct area *sorted_at(const struct map *map, unsigned int i,
			      unsigned long last)
{
	return i < map->nr && map->sorted[i]->iova <= last ? map->sorted[i] :
							     NULL;
}

/**
 * struct below - what a subtree has been seen to be
 * @nr: areas in it
 * @black: black nodes on each path to its end
 * @max_gap: the largest hole in front of one of its areas
 */
struct below {
	unsigned int nr;
	unsigned int black;
	unsigned long max_gap;
};

/* The areas of a subtree are those of the array from @first on. */
static struct below check_below(const struct map *map, struct rb_node *node,
				struct rb_node *parent, unsigned int first)
{
	const struct area *area, *before;
	struct below left, right;
	unsigned long gap;

	if (!node)
		return (struct below) {};
	CHECK(rb_parent(node) == parent);
	CHECK(rb_is_black(node) || (parent && rb_is_black(parent)));
	left = check_below(map, node->rb_left, node, first);
	first += left.nr;
	CHECK(first < map->nr);
	area = map->sorted[first];
	CHECK(area_of(node) == area);
	before = first ? map->sorted[first - 1] : NULL;
	gap = before ? area->iova - before->last - 1 : area->iova;
	CHECK(!map->tree.gaps || area->gap == gap);
	right = check_below(map, node->rb_right, node, first + 1);

	CHECK(left.black == right.black);
	gap = max(gap, max(left.max_gap, right.max_gap));
	CHECK(!map->tree.gaps || area->max_gap == gap);
	return (struct below) {
		.nr = left.nr + 1 + right.nr,
		.black = left.black + rb_is_black(node),
		.max_gap = gap,
	};
}

static void check_tree(const struct map *map)
{
	const struct area_tree *tree = &map->tree;
	struct rb_node *root = tree->root.rb_node;

	CHECK(!root || rb_is_black(root));
	CHECK(check_below(map, root, NULL, 0).nr == map->nr);
	CHECK(!tree->top ||
	      (map->nr && tree->top == map->sorted[map->nr - 1]));
	CHECK(tree->inserted - tree->erased == map->nr);
}

/* What the tree says of [@start, @last] is what the array says. */
static void check_range(const struct map *map, unsigned long start,
			unsigned long last)
{
	unsigned int i = index_of(map, start), end = i;
	struct area *area = sorted_at(map, i, last);

	CHECK(iommufd_area_first(&map->tree, start, last) == area);
	for (; area; area = area_next(area, last)) {
		CHECK(area == sorted_at(map, end, last));
		end++;
	}
	CHECK(!sorted_at(map, end, last));
	CHECK(iommufd_area_last(&map->tree, start, last) ==
	      (end > i ? map->sorted[end - 1] : NULL));

	area = sorted_at(map, i, start);
	CHECK(area_at(&map->tree, start) ==
	      (area && area->iova == start ? area : NULL));
}

/* Put a new area into both, or into neither. */
static int insert(struct map *map, unsigned long iova, unsigned long last)
{
	unsigned int i = index_of(map, iova), j;
	struct area *area = iommufd_area_alloc();
	int rc;

	CHECK(area);
	area->iova = iova;
	area->last = last;
	rc = area_insert(&map->tree, area);
	if (sorted_at(map, i, last)) {
		CHECK(rc == -EEXIST);
		iommufd_area_free(area);
	} else {
		CHECK(!rc);
		CHECK(map->nr < UNITS);
		for (j = map->nr++; j > i; j--)
			map->sorted[j] = map->sorted[j - 1];
		map->sorted[i] = area;
		/* The next one above it has not to be searched for. */
		CHECK(i + 1 < map->nr || map->tree.top == area);
	}
	check_tree(map);
	return rc;
}

static void erase(struct map *map, unsigned int i)
{
	struct area *area = map->sorted[i];

	area_erase(&map->tree, area);
	for (map->nr--; i < map->nr; i++)
		map->sorted[i] = map->sorted[i + 1];
	/* Nothing in the tree may point to it. */
	iommufd_area_free(area);
	check_tree(map);
}

static void clear(struct map *map)
{
	while (map->nr)
		erase(map, chance_below(map->nr));
	memset(map, 0, sizeof(*map));
}

TEST_F(area, either_end_of_64_bits)
{
	struct map *map = &self->map;
	unsigned long iova;

	EXPECT_EQ(0, insert(map, ULONG_MAX, ULONG_MAX));
	EXPECT_EQ(0, insert(map, 0, 0));
	EXPECT_EQ(-EEXIST, insert(map, 0, ULONG_MAX));
	check_range(map, 0, 0);
	check_range(map, 1, ULONG_MAX - 1);
	check_range(map, ULONG_MAX, ULONG_MAX);
	check_range(map, 0, ULONG_MAX);

	/* All that is left, and nothing of it twice. */
	EXPECT_EQ(-ENOSPC, iommufd_area_find_hole(&map->tree, 0, ULONG_MAX,
						  ULONG_MAX, 1, 0, &iova));
	EXPECT_EQ(0, iommufd_area_find_hole(&map->tree, 0, ULONG_MAX,
					    ULONG_MAX - 1, 1, 0, &iova));
	EXPECT_EQ(1, iova);
	EXPECT_EQ(0, insert(map, 1, ULONG_MAX - 1));
	EXPECT_EQ(-ENOSPC, iommufd_area_find_hole(&map->tree, 0, ULONG_MAX, 1,
						  1, 0, &iova));
	check_range(map, 0, ULONG_MAX);
	check_range(map, ULONG_MAX, ULONG_MAX);
	erase(map, 2);
	EXPECT_EQ(0, iommufd_area_find_hole(&map->tree, 0, ULONG_MAX, 1, 1, 0,
					    &iova));
	EXPECT_EQ(ULONG_MAX, iova);
}

TEST_F(area, everything_is_one_area)
{
	struct map *map = &self->map;
	unsigned long iova;

	EXPECT_EQ(0, iommufd_area_find_hole(&map->tree, 0, ULONG_MAX, ULONG_MAX,
					    1, 0, &iova));
	EXPECT_EQ(0, iova);
	EXPECT_EQ(0, insert(map, 0, ULONG_MAX));
	EXPECT_EQ(-EEXIST, insert(map, 0, 0));
	EXPECT_EQ(-EEXIST, insert(map, ULONG_MAX, ULONG_MAX));
	check_range(map, 0, 0);
	check_range(map, 1, ULONG_MAX);
	EXPECT_EQ(-ENOSPC, iommufd_area_find_hole(&map->tree, 0, ULONG_MAX, 1,
						  1, 0, &iova));
}

/* Where a multiple of the alignment is behind the last IOVA, there is no place. */
TEST_F(area, alignment_does_not_wrap_around)
{
	struct map *map = &self->map;
	const unsigned long half = 1UL << 63;
	unsigned long iova;

	EXPECT_EQ(-ENOSPC,
		  iommufd_area_find_hole(&map->tree, half + 1, ULONG_MAX, 1,
					 half, 0, &iova));
	EXPECT_EQ(0, iommufd_area_find_hole(&map->tree, half + 1, ULONG_MAX, 1,
					    half, half - 1, &iova));
	EXPECT_EQ(ULONG_MAX, iova);
	EXPECT_EQ(-ENOSPC,
		  iommufd_area_find_hole(&map->tree, half + 1, ULONG_MAX, 2,
					 half, half - 1, &iova));
	EXPECT_EQ(0, insert(map, 0, half));
	EXPECT_EQ(-ENOSPC, iommufd_area_find_hole(&map->tree, 0, ULONG_MAX,
						  half - 1, 2, 0, &iova));
	EXPECT_EQ(0, iommufd_area_find_hole(&map->tree, 0, ULONG_MAX, half - 1,
					    2, 1, &iova));
	EXPECT_EQ(half + 1, iova);
}

TEST_F(area, a_page_of_it)
{
	struct area area = {
		.iova = ULONG_MAX - 2 * PAGE_SIZE + 1,
		.last = ULONG_MAX,
		.offset = 3 * PAGE_SIZE,
	};

	EXPECT_EQ(2 * PAGE_SIZE, area_length(&area));
	EXPECT_EQ(3, area_page(&area, area.iova));
	EXPECT_EQ(3, area_page(&area, area.iova + PAGE_SIZE - 1));
	EXPECT_EQ(4, area_page(&area, ULONG_MAX));
}

TEST_F(area, allocations_fail)
{
	void *mem[5];
	unsigned long n, live = alloc_live();

	alloc_fail(1);
	EXPECT_EQ(NULL, iommufd_area_alloc());
	for (n = 1; n <= 5; n++) {
		alloc_fail(n);
		EXPECT_EQ(-ENOMEM, iommufd_area_alloc_many(mem, 5));
		EXPECT_TRUE(alloc_has_failed());
		EXPECT_EQ(live, alloc_live());
	}
	alloc_fail(6);
	ASSERT_EQ(0, iommufd_area_alloc_many(mem, 5));
	EXPECT_FALSE(alloc_has_failed());
	EXPECT_EQ(live + 5, alloc_live());
	for (n = 0; n < 5; n++) {
		struct area *area = &((struct loose_area *)mem[n])->area;

		EXPECT_EQ(0, area->pins);
		EXPECT_FALSE(area->in_use || area->parked || area->lent ||
			     area->embedded);
	}
	iommufd_area_free_many(mem, 4);
	iommufd_area_free(&((struct loose_area *)mem[4])->area);
	iommufd_area_free(NULL);
	EXPECT_EQ(live, alloc_live());

	iommufd_area_cache_exit();
	alloc_fail(1);
	EXPECT_EQ(-ENOMEM, iommufd_area_cache_init());
	EXPECT_EQ(0, alloc_live());
	ASSERT_EQ(0, iommufd_area_cache_init());
}

/* Few units: everywhere can be looked. ------------------------------------ */

static unsigned long unit_iova(const struct map *map, unsigned int unit)
{
	return map->base + ((unsigned long)unit << map->shift);
}

static unsigned long unit_last(const struct map *map, unsigned int unit)
{
	return unit_iova(map, unit) + ((1UL << map->shift) - 1);
}

/* Which units are in an area? */
static void find_used(const struct map *map, bool *used)
{
	unsigned int i, unit;

	memset(used, 0, UNITS * sizeof(*used));
	for (i = 0; i < map->nr; i++) {
		const struct area *area = map->sorted[i];

		unit = (area->iova - map->base) >> map->shift;
		do {
			used[unit] = true;
		} while (unit_last(map, unit++) != area->last);
	}
}

/* The lowest place for @nr units within [@from, @to], or UNITS. */
static unsigned int look_everywhere(const struct map *map, unsigned int from,
				    unsigned int to, unsigned int nr,
				    unsigned long align, unsigned long offset)
{
	unsigned int unit, n;
	bool used[UNITS];

	find_used(map, used);
	for (unit = from; unit + nr - 1 <= to; unit++) {
		if (unit_iova(map, unit) % align != offset)
			continue;
		for (n = 0; n < nr && !used[unit + n]; n++)
			;
		if (n == nr)
			return unit;
	}
	return UNITS;
}

/* Look for a hole by chance; sometimes take it. */
static void map_find(struct map *map)
{
	unsigned int from = chance_below(UNITS);
	unsigned int to = from + chance_below(UNITS - from);
	unsigned int nr, unit;
	unsigned long align = 1, offset = 0, iova = 0;

	if (chance_one_in(2)) {
		from = 0;
		to = UNITS - 1;
	}
	nr = 1 + chance_below(1 + chance_below(to - from + 1));
	/* Units begin at multiples of a smaller alignment anyway. */
	if (chance_one_in(2) && map->shift < 63) {
		align = 1UL << (map->shift + chance_below(min(63 - map->shift,
							      9U)));
		offset = unit_iova(map, chance_below(UNITS)) % align;
	}
	unit = look_everywhere(map, from, to, nr, align, offset);
	if (iommufd_area_find_hole(
		    &map->tree, unit_iova(map, from), unit_last(map, to),
		    (unsigned long)nr << map->shift, align, offset, &iova)) {
		CHECK(unit == UNITS);
		return;
	}
	CHECK(unit < UNITS);
	CHECK(iova == unit_iova(map, unit));
	if (chance_one_in(2))
		CHECK(!insert(map, iova, unit_last(map, unit + nr - 1)));
}

static void map_insert(struct map *map)
{
	unsigned int from = chance_below(UNITS), to = from;

	if (chance_one_in(4))
		from = to = UNITS - 1 - chance_below(2);
	else
		to += chance_below(min(UNITS - from,
				       chance_one_in(16) ? UNITS : 4));
	insert(map, unit_iova(map, from), unit_last(map, to));
}

/* The next area behind all others: memory that is mapped from low to high. */
static void map_insert_above(struct map *map)
{
	const struct area *top = map->nr ? map->sorted[map->nr - 1] : NULL;
	unsigned int unit = 0;

	if (top)
		unit = ((top->last - map->base) >> map->shift) + 1;
	unit += chance_below(3);
	if (unit < UNITS)
		CHECK(!insert(map, unit_iova(map, unit), unit_last(map, unit)));
}

/*
 * In turns the map fills up and gets empty; looking for holes begins at the step
 * @holes_from.
 */
static void map_by_chance(struct map *map, unsigned int steps,
			  unsigned int holes_from)
{
	unsigned int step, from;

	for (step = 0; step < steps; step++) {
		bool filling = step / 128 % 2 == 0;

		chance_step();
		if (map->nr && chance_one_in(filling ? 4 : 2))
			erase(map, chance_one_in(4) ? map->nr - 1 :
						      chance_below(map->nr));
		else if (chance_one_in(4))
			map_insert_above(map);
		else if (filling || chance_one_in(2))
			map_insert(map);
		if (step >= holes_from)
			map_find(map);
		CHECK(map->tree.gaps == (step >= holes_from));
		from = chance_below(UNITS);
		check_range(map, unit_iova(map, from),
			    unit_last(map, from + chance_below(UNITS - from)));
	}
}

static const struct {
	unsigned long base;
	unsigned int shift;
} stretches[] = {
	{ 0, 0 },
	{ 0, 12 },
	{ 0, 56 },			/* all IOVAs that there are */
	{ 1UL << 39, 21 },
	{ 0UL - UNITS, 0 },		/* up to the last one */
	{ 0UL - (UNITS << 12), 12 },
};

TEST_F(area, like_a_map)
{
	struct map *map = &self->map;
	unsigned int i;

	chance_begin();
	for (i = 0; i < 2 * ARRAY_SIZE(stretches); i++) {
		map->base = stretches[i / 2].base;
		map->shift = stretches[i / 2].shift;
		map_by_chance(map, 600, i % 2 ? chance_below(300) : 0);
		clear(map);
	}
}

/* Without ever a hole being looked for. */
TEST_F(area, like_a_map_without_holes)
{
	struct map *map = &self->map;
	unsigned int i;

	chance_begin();
	for (i = 0; i < ARRAY_SIZE(stretches); i++) {
		map->base = stretches[i].base;
		map->shift = stretches[i].shift;
		map_by_chance(map, 600, UINT_MAX);
		clear(map);
	}
}

/* IOVAs of any magnitude. -------------------------------------------------- */

__extension__ typedef unsigned __int128 u128;

/* The lowest place in the hole [@low, @high] that is one for an area. */
static bool fits(u128 low, u128 high, unsigned long length, unsigned long align,
		 unsigned long offset, unsigned long *iova)
{
	u128 at = low + (align + offset - (unsigned long)(low % align)) % align;

	if (low > high || at + length > high + 1)
		return false;
	*iova = at;
	return true;
}

/* The same in [@start, @last], whatever is mapped. */
static bool find_in_sorted(const struct map *map, unsigned long start,
			   unsigned long last, unsigned long length,
			   unsigned long align, unsigned long offset,
			   unsigned long *iova)
{
	u128 low = 0, high;
	unsigned int i;

	for (i = 0; i <= map->nr; i++) {
		/* One more than the last IOVA of the hole: it may be 0. */
		high = i < map->nr ? map->sorted[i]->iova : (u128)1 << 64;
		if (high && fits(max(low, (u128)start), min(high - 1, (u128)last),
				 length, align, offset, iova))
			return true;
		if (i < map->nr)
			low = (u128)map->sorted[i]->last + 1;
	}
	return false;
}

/* Near one end, the other, or an area; or in the middle. */
static unsigned long any_iova(const struct map *map)
{
	const struct area *area = NULL;

	if (map->nr)
		area = map->sorted[chance_below(map->nr)];
	switch (chance_below(area ? 6 : 4)) {
	case 0:
		return chance_magnitude();
	case 1:
		return ~chance_magnitude();
	case 2:
		return chance_magnitude() << 12;
	case 3:
		return chance();
	case 4:
		return area->last + chance_below(3);
	default:
		return area->iova - chance_below(3);
	}
}

static void any_find(struct map *map)
{
	unsigned long length = chance_magnitude() | 1, align, offset;
	unsigned long start = 0, last = ULONG_MAX;
	unsigned long want = 0, iova = 0;
	bool found;

	align = 1UL << chance_below(64);
	offset = chance_one_in(2) ? 0 : chance_magnitude() & (align - 1);
	if (chance_one_in(2)) {
		start = any_iova(map);
		last = start + min(chance_magnitude(), ULONG_MAX - start);
	}
	found = find_in_sorted(map, start, last, length, align, offset, &want);
	if (iommufd_area_find_hole(&map->tree, start, last, length, align,
				   offset, &iova)) {
		CHECK(!found);
		return;
	}
	CHECK(found);
	CHECK(iova == want);
	if (map->nr < UNITS && length < 1UL << 60)
		CHECK(!insert(map, iova, iova + (length - 1)));
}

TEST_F(area, like_an_array)
{
	struct map *map = &self->map;
	unsigned int round, step;

	chance_begin();
	for (round = 0; round < 16; round++) {
		for (step = 0; step < 400; step++) {
			unsigned long iova = any_iova(map), more;

			chance_step();
			more = min(chance_magnitude(), ULONG_MAX - iova);
			if (map->nr && chance_one_in(step < 200 ? 4 : 2))
				erase(map, chance_below(map->nr));
			else if (map->nr < UNITS)
				insert(map, iova, iova + more);
			if (step > 100 || round % 2)
				any_find(map);
			check_range(map, iova, iova + more);
		}
		clear(map);
	}
}

TEST_HARNESS_MAIN
