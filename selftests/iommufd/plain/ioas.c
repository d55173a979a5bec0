// SPDX-License-Identifier: GPL-2.0-only
/*
 * The commands of an I/O address space, with no device attached: what is
 * mapped where, and what is refused. Nothing gets pinned here, so whether the
 * memory can be is not seen; see access.c and the programs with devices.
 */
#define _GNU_SOURCE
#include "child.h"
#include "space.h"

TEST_F(ioas, alloc_and_destroy)
{
	uint32_t id[64];
	unsigned int i, round;

	for (round = 0; round < 4; round++) {
		for (i = 0; i < ARRAY_SIZE(id); i++) {
			ASSERT_EQ(0, iommu_ioas_alloc(self->fd, &id[i]));
		}
		for (i = 0; i < ARRAY_SIZE(id); i++) {
			ASSERT_EQ(0, iommu_destroy(self->fd, id[i]));
			ASSERT_EQ(-ENOENT, iommu_destroy(self->fd, id[i]));
		}
	}
	/* With something in it */
	EXPECT_EQ(0, map(self, AT, BUF));
	EXPECT_EQ(0, iommu_destroy(self->fd, self->id));
	EXPECT_EQ(-ENOENT, map(self, AT, BUF));
}

TEST_F(ioas, map_fixed)
{
	uint64_t iova = AT;

	ASSERT_EQ(0, iommu_ioas_map(self->fd, self->id, self->buf, BUF,
				    IOMMU_RW | IOMMU_FIXED, &iova));
	EXPECT_EQ(AT, iova);
	EXPECT_TRUE(is_mapped(self, AT, BUF));
	EXPECT_TRUE(is_free(self, AT - PAGE, PAGE));
	EXPECT_TRUE(is_free(self, AT + BUF, PAGE));
	/* The same memory may be mapped again, elsewhere */
	EXPECT_EQ(0, map(self, AT + BUF, BUF));
	EXPECT_TRUE(is_mapped(self, AT, 2 * BUF));
}

TEST_F(ioas, map_permissions)
{
	EXPECT_EQ(0, iommu_map_fixed(self->fd, self->id, self->buf, PAGE,
				     IOMMU_R, AT));
	EXPECT_EQ(0, iommu_map_fixed(self->fd, self->id, self->buf, PAGE,
				     IOMMU_W, AT + PAGE));
	EXPECT_EQ(0, iommu_map_fixed(self->fd, self->id, self->buf, PAGE,
				     IOMMU_RW, AT + 2 * PAGE));
	EXPECT_EQ(-EINVAL, iommu_map_fixed(self->fd, self->id, self->buf, PAGE,
					   0, AT + 3 * PAGE));
	EXPECT_TRUE(is_free(self, AT + 3 * PAGE, PAGE));
}

TEST_F(ioas, map_ends_of_the_space)
{
	const uint64_t last = -PAGE;
	uint64_t unmapped;

	EXPECT_EQ(0, map(self, 0, PAGE));
	EXPECT_EQ(0, map(self, last, PAGE));
	EXPECT_TRUE(is_mapped(self, 0, PAGE));
	EXPECT_TRUE(is_mapped(self, last, PAGE));
	EXPECT_EQ(-EEXIST, map(self, last, PAGE));
	EXPECT_EQ(0, iommu_ioas_unmap(self->fd, self->id, last, PAGE,
				      &unmapped));
	EXPECT_EQ(PAGE, unmapped);
	EXPECT_EQ(0, map(self, last, PAGE));
	EXPECT_EQ(0, iommu_unmap_all(self->fd, self->id, &unmapped));
	EXPECT_EQ(2 * PAGE, unmapped);
}

TEST_F(ioas, map_bad_numbers)
{
	static const struct {
		uint64_t va;	/* 0: the buffer */
		uint64_t len;
		uint64_t iova;
		bool chosen;	/* by the kernel */
		int want;
	} bad[] = {
		{ 0, 0, AT, false, -EINVAL },
		{ 0, 0, 0, true, -EINVAL },
		{ 0, 2 * PAGE, -PAGE, false, -EOVERFLOW },
		{ 0, PAGE, UINT64_MAX, false, -EOVERFLOW },
		{ 0, UINT64_MAX, AT, false, -EOVERFLOW },
		{ 0, UINT64_MAX, 0, true, -EOVERFLOW },
		{ -PAGE, 2 * PAGE, AT, false, -EOVERFLOW },
		{ -PAGE, 2 * PAGE, 0, true, -EOVERFLOW },
		{ 3 * PAGE, -2 * PAGE, AT, false, -EOVERFLOW },
	};
	struct iommu_ioas_map cmd;
	uint64_t unmapped = 1;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		cmd = (struct iommu_ioas_map){
			.size = sizeof(cmd),
			.flags = IOMMU_RW | (bad[i].chosen ? 0 : IOMMU_FIXED),
			.ioas_id = self->id,
			.user_va = bad[i].va ?: iommu_ptr(self->buf),
			.length = bad[i].len,
			.iova = bad[i].iova,
		};
		EXPECT_EQ(bad[i].want, iommu_cmd(self->fd, IOMMU_IOAS_MAP, &cmd))
			TH_LOG("case %u", i);
		EXPECT_EQ(0, iommu_unmap_all(self->fd, self->id, &unmapped));
		EXPECT_EQ(0, unmapped) TH_LOG("case %u", i);
	}
}

TEST_F(ioas, map_overlap)
{
	const uint64_t len = 4 * PAGE;
	uint64_t unmapped;

	ASSERT_EQ(0, map(self, AT, len));
	EXPECT_EQ(-EEXIST, map(self, AT, len));
	EXPECT_EQ(-EEXIST, map(self, AT, PAGE));
	EXPECT_EQ(-EEXIST, map(self, AT + PAGE, PAGE));
	EXPECT_EQ(-EEXIST, map(self, AT + len - PAGE, PAGE));
	EXPECT_EQ(-EEXIST, map(self, AT + len - PAGE, len));
	EXPECT_EQ(-EEXIST, map(self, AT - PAGE, 2 * PAGE));
	EXPECT_EQ(-EEXIST, map(self, AT - PAGE, len + 2 * PAGE));
	EXPECT_TRUE(is_free(self, AT - PAGE, PAGE));
	EXPECT_TRUE(is_free(self, AT + len, len));
	/* Next to each other is not over each other */
	EXPECT_EQ(0, map(self, AT - PAGE, PAGE));
	EXPECT_EQ(0, map(self, AT + len, PAGE));
	EXPECT_EQ(0, iommu_unmap_all(self->fd, self->id, &unmapped));
	EXPECT_EQ(len + 2 * PAGE, unmapped);
}

/* The IOVA keeps the offset in the page, if anything but pages is taken. */
TEST_F(ioas, map_unaligned)
{
	uint64_t iova;

	EXPECT_EQ(0, self->align & (self->align - 1));
	EXPECT_LE(1, self->align);
	EXPECT_GE(PAGE, self->align);
	if (self->align == PAGE) {
		EXPECT_EQ(-EINVAL, map(self, AT + 1, PAGE));
		EXPECT_EQ(-EINVAL, map(self, AT, PAGE - 1));
		EXPECT_EQ(-EINVAL, map_any(self, PAGE + 1, &iova));
		EXPECT_EQ(-EINVAL, iommu_map_fixed(self->fd, self->id,
						   self->buf + 1, PAGE,
						   IOMMU_RW, AT));
		return;
	}
	ASSERT_EQ(0, iommu_map_auto(self->fd, self->id, self->buf + 0x340,
				    self->align, IOMMU_RW, &iova));
	EXPECT_EQ(0x340, iova % PAGE);
	EXPECT_EQ(0, map(self, AT + self->align, self->align));
	EXPECT_EQ(0, map(self, AT, self->align));
	EXPECT_EQ(-EEXIST, map(self, AT, PAGE));
	EXPECT_EQ(0, unmap(self, AT, 2 * self->align));
}

TEST_F(ioas, map_auto)
{
	uint64_t iova[NPAGES], again;
	unsigned int i, j;

	for (i = 0; i < NPAGES; i++) {
		ASSERT_EQ(0, iommu_map_auto(self->fd, self->id,
					    self->buf + i * PAGE, PAGE,
					    IOMMU_RW, &iova[i]));
		/* 0 is valid, but too much like a null pointer to be given */
		EXPECT_NE(0, iova[i]);
		EXPECT_EQ(0, iova[i] % PAGE);
		EXPECT_TRUE(is_mapped(self, iova[i], PAGE));
		for (j = 0; j < i; j++) {
			EXPECT_NE(iova[j], iova[i]);
		}
	}
	/* What an unmap frees is taken again: lowest first */
	ASSERT_EQ(0, unmap(self, iova[9], PAGE));
	ASSERT_EQ(0, unmap(self, iova[4], PAGE));
	ASSERT_EQ(0, map_any(self, PAGE, &again));
	EXPECT_EQ(iova[4], again);
	ASSERT_EQ(0, map_any(self, PAGE, &again));
	EXPECT_EQ(iova[9], again);
}

TEST_F(ioas, map_auto_skips_what_is_too_small)
{
	uint64_t first, iova;

	ASSERT_EQ(0, map_any(self, PAGE, &first));
	/* Leave one free page behind it, and two behind that */
	ASSERT_EQ(0, map(self, first + 2 * PAGE, PAGE));
	ASSERT_EQ(0, map(self, first + 5 * PAGE, PAGE));
	ASSERT_EQ(0, iommu_map_auto(self->fd, self->id, self->buf + PAGE,
				    2 * PAGE, IOMMU_RW, &iova));
	EXPECT_EQ(first + 3 * PAGE, iova);
	ASSERT_EQ(0, map_any(self, PAGE, &iova));
	EXPECT_EQ(first + PAGE, iova);
	EXPECT_TRUE(is_mapped(self, first, 6 * PAGE));
}

/* What the user gave as IOVA means nothing if it is not FIXED. */
TEST_F(ioas, map_auto_ignores_input)
{
	struct iommu_ioas_map cmd = {
		.size = sizeof(cmd),
		.flags = IOMMU_RW,
		.ioas_id = self->id,
		.user_va = iommu_ptr(self->buf),
		.length = PAGE,
		.iova = 0xdeadb0000,
	};
	uint64_t iova;

	ASSERT_EQ(0, map_any(self, PAGE, &iova));
	ASSERT_EQ(0, iommu_cmd(self->fd, IOMMU_IOAS_MAP, &cmd));
	EXPECT_EQ(iova + PAGE, cmd.iova);
}

/* IOVAs of huge pages are aligned so that the IOMMU can use huge pages. */
TEST_F(ioas, map_auto_alignment)
{
	char *buf = mem_thp(2 * MEM_HUGE);
	uint64_t iova;

	ASSERT_NE(NULL, buf);
	ASSERT_EQ(0, iommu_map_auto(self->fd, self->id, buf, PAGE, IOMMU_RW,
				    &iova));
	ASSERT_EQ(0, iommu_map_auto(self->fd, self->id, buf, MEM_HUGE,
				    IOMMU_RW, &iova));
	EXPECT_EQ(0, iova % MEM_HUGE);
	ASSERT_EQ(0, iommu_map_auto(self->fd, self->id, buf, 2 * MEM_HUGE,
				    IOMMU_RW, &iova));
	EXPECT_EQ(0, iova % MEM_HUGE);
	mem_free(buf, 2 * MEM_HUGE);
}

TEST_F(ioas, unmap)
{
	uint64_t unmapped = 0;

	ASSERT_EQ(0, map(self, AT, BUF));
	EXPECT_EQ(0, iommu_ioas_unmap(self->fd, self->id, AT, BUF, &unmapped));
	EXPECT_EQ(BUF, unmapped);
	EXPECT_TRUE(is_free(self, AT, BUF));
	EXPECT_EQ(-ENOENT, unmap(self, AT, BUF));
	EXPECT_EQ(0, map(self, AT, BUF));
}

TEST_F(ioas, unmap_superset)
{
	uint64_t unmapped = 0;

	ASSERT_EQ(0, map(self, AT, PAGE));
	ASSERT_EQ(0, map(self, AT + PAGE, 2 * PAGE));
	ASSERT_EQ(0, map(self, AT + 5 * PAGE, 3 * PAGE));
	ASSERT_EQ(0, map(self, AT + 20 * PAGE, PAGE));
	EXPECT_EQ(0, iommu_ioas_unmap(self->fd, self->id, AT - PAGE,
				      20 * PAGE, &unmapped));
	EXPECT_EQ(6 * PAGE, unmapped);
	EXPECT_TRUE(is_free(self, AT, 8 * PAGE));
	EXPECT_TRUE(is_mapped(self, AT + 20 * PAGE, PAGE));
}

/* An area goes as a whole or not at all. */
TEST_F(ioas, unmap_part_of_an_area)
{
	const uint64_t len = 4 * PAGE;

	ASSERT_EQ(0, map(self, AT, len));
	EXPECT_EQ(-ENOENT, unmap(self, AT, PAGE));
	EXPECT_EQ(-ENOENT, unmap(self, AT, len - PAGE));
	EXPECT_EQ(-ENOENT, unmap(self, AT + PAGE, PAGE));
	EXPECT_EQ(-ENOENT, unmap(self, AT + PAGE, len - PAGE));
	EXPECT_EQ(-ENOENT, unmap(self, AT - PAGE, len));
	EXPECT_EQ(-ENOENT, unmap(self, AT + PAGE, len));
	EXPECT_TRUE(is_mapped(self, AT, len));
	EXPECT_EQ(0, unmap(self, AT, len));

	/* Areas that stand together stay areas of their own */
	ASSERT_EQ(0, map(self, AT, len));
	ASSERT_EQ(0, map(self, AT + len, len));
	EXPECT_EQ(-ENOENT, unmap(self, AT + len - PAGE, 2 * PAGE));
	EXPECT_EQ(-ENOENT, unmap(self, AT + len, len - PAGE));
	EXPECT_TRUE(is_mapped(self, AT + len, len));
	EXPECT_EQ(0, unmap(self, AT + len, len));
}

TEST_F(ioas, unmap_nothing)
{
	uint64_t unmapped = 1;

	EXPECT_EQ(-ENOENT, unmap(self, AT, PAGE));
	ASSERT_EQ(0, map(self, AT, PAGE));
	EXPECT_EQ(-ENOENT, unmap(self, AT - PAGE, PAGE));
	EXPECT_EQ(-ENOENT, unmap(self, AT + PAGE, PAGE));
	EXPECT_EQ(0, unmap(self, AT, PAGE));
	/* All of nothing is nothing to complain about */
	EXPECT_EQ(0, iommu_unmap_all(self->fd, self->id, &unmapped));
	EXPECT_EQ(0, unmapped);
}

TEST_F(ioas, unmap_bad_numbers)
{
	ASSERT_EQ(0, map(self, -2 * PAGE, 2 * PAGE));
	EXPECT_EQ(-EINVAL, unmap(self, -2 * PAGE, 0));
	EXPECT_EQ(-EINVAL, unmap(self, 0, 0));
	EXPECT_EQ(-EOVERFLOW, unmap(self, -2 * PAGE, 3 * PAGE));
	EXPECT_EQ(-EOVERFLOW, unmap(self, PAGE, -1));
	EXPECT_EQ(-EOVERFLOW, unmap(self, PAGE, -PAGE + 1));
	EXPECT_EQ(-EOVERFLOW, unmap(self, -1, 1));
	EXPECT_TRUE(is_mapped(self, -2 * PAGE, 2 * PAGE));
}

TEST_F(ioas, unmap_everything)
{
	uint64_t unmapped = 0;

	ASSERT_EQ(0, map(self, 0, PAGE));
	ASSERT_EQ(0, map(self, AT, BUF));
	ASSERT_EQ(0, map(self, 1ULL << 60, PAGE));
	ASSERT_EQ(0, map(self, -PAGE, PAGE));
	/* A long range is no special value */
	EXPECT_EQ(0, iommu_ioas_unmap(self->fd, self->id, 0, 1ULL << 63,
				      &unmapped));
	EXPECT_EQ(BUF + 2 * PAGE, unmapped);
	EXPECT_TRUE(is_mapped(self, -PAGE, PAGE));
	EXPECT_EQ(0, iommu_unmap_all(self->fd, self->id, &unmapped));
	EXPECT_EQ(PAGE, unmapped);
}

TEST_F(ioas, many_areas)
{
	const unsigned int n = 512, step = 777;	/* coprime */
	uint64_t unmapped;
	unsigned int i;

	/* Neither in order nor in reverse: 777 generates all of 0..511 */
	for (i = 0; i < n; i++) {
		ASSERT_EQ(0, map(self, AT + i * step % n * 2 * PAGE, PAGE));
	}
	for (i = 0; i < n; i += 2) {
		ASSERT_EQ(0, unmap(self, AT + i * 2 * PAGE, PAGE));
	}
	for (i = 0; i < n; i++) {
		ASSERT_EQ(i % 2 ? 0 : -ENOENT,
			  probe(self, self->id, AT + i * 2 * PAGE, PAGE));
	}
	EXPECT_EQ(0, iommu_ioas_unmap(self->fd, self->id, AT, n * PAGE,
				      &unmapped));
	EXPECT_EQ(n / 4 * PAGE, unmapped);
	EXPECT_EQ(0, iommu_unmap_all(self->fd, self->id, &unmapped));
	EXPECT_EQ(n / 4 * PAGE, unmapped);
}

/* type1 stops at 65535, which is 256 MiB of scattered pages. */
TEST_F(ioas, very_many_areas)
{
	const unsigned int n = 66000;
	uint64_t unmapped = 0;
	unsigned int i;

	if (mem_debug_kernel())
		SKIP(return, "takes too long on a debug kernel");
	for (i = 0; i < n; i++) {
		ASSERT_EQ(0, map(self, AT + i * 2 * PAGE, PAGE));
	}
	EXPECT_EQ(0, iommu_ioas_unmap(self->fd, self->id, AT + n * PAGE,
				      n * PAGE, &unmapped));
	EXPECT_EQ(n / 2 * PAGE, unmapped);
	EXPECT_EQ(0, iommu_unmap_all(self->fd, self->id, &unmapped));
	EXPECT_EQ(n / 2 * PAGE, unmapped);
}

TEST_F(ioas, spaces_are_apart)
{
	ASSERT_EQ(0, map(self, AT, BUF));
	EXPECT_EQ(-ENOENT, iommu_ioas_unmap(self->fd, self->scratch, AT, BUF,
					    NULL));
	EXPECT_EQ(0, iommu_map_fixed(self->fd, self->scratch, self->buf, BUF,
				     IOMMU_RW, AT));
	EXPECT_EQ(0, iommu_unmap_all(self->fd, self->scratch, NULL));
	EXPECT_TRUE(is_mapped(self, AT, BUF));
}

TEST_F(ioas, copy_within)
{
	ASSERT_EQ(0, map(self, AT, BUF));
	EXPECT_EQ(0, iommu_copy_fixed(self->fd, self->id, self->id, AT, BUF,
				      IOMMU_RW, AT + BUF));
	EXPECT_TRUE(is_mapped(self, AT, 2 * BUF));
	EXPECT_EQ(0, unmap(self, AT, BUF));
	EXPECT_TRUE(is_mapped(self, AT + BUF, BUF));
	/* Onto itself, wholly or in part */
	EXPECT_EQ(-EEXIST, iommu_copy_fixed(self->fd, self->id, self->id,
					    AT + BUF, BUF, IOMMU_RW,
					    AT + BUF));
	EXPECT_EQ(-EEXIST, iommu_copy_fixed(self->fd, self->id, self->id,
					    AT + BUF, BUF, IOMMU_RW,
					    AT + PAGE));
	EXPECT_TRUE(is_free(self, AT, BUF));
}

TEST_F(ioas, copy_across)
{
	uint32_t other, third;
	uint64_t iova, unmapped;

	ASSERT_EQ(0, iommu_ioas_alloc(self->fd, &other));
	ASSERT_EQ(0, iommu_ioas_alloc(self->fd, &third));
	ASSERT_EQ(0, map(self, AT, BUF));
	ASSERT_EQ(0, iommu_copy_fixed(self->fd, other, self->id, AT, BUF,
				      IOMMU_RW, 2 * AT));
	EXPECT_EQ(0, probe(self, other, 2 * AT, BUF));
	/* A copy of a copy, at an IOVA of the kernel's choice */
	ASSERT_EQ(0, iommu_ioas_copy(self->fd, third, other, 2 * AT, BUF,
				     IOMMU_RW, &iova));
	EXPECT_NE(0, iova);
	EXPECT_EQ(0, probe(self, third, iova, BUF));
	/* It outlives what it was copied from */
	EXPECT_EQ(0, unmap(self, AT, BUF));
	EXPECT_EQ(0, iommu_destroy(self->fd, other));
	EXPECT_EQ(0, probe(self, third, iova, BUF));
	EXPECT_EQ(0, iommu_ioas_unmap(self->fd, third, iova, BUF, &unmapped));
	EXPECT_EQ(BUF, unmapped);
}

TEST_F(ioas, copy_part)
{
	uint64_t unmapped;

	ASSERT_EQ(0, map(self, AT, 8 * PAGE));
	EXPECT_EQ(0, iommu_copy_fixed(self->fd, self->scratch, self->id, AT,
				      PAGE, IOMMU_RW, AT));
	EXPECT_EQ(0, iommu_copy_fixed(self->fd, self->scratch, self->id,
				      AT + 3 * PAGE, 2 * PAGE, IOMMU_RW,
				      AT + PAGE));
	EXPECT_EQ(0, iommu_copy_fixed(self->fd, self->scratch, self->id,
				      AT + 7 * PAGE, PAGE, IOMMU_RW,
				      AT + 3 * PAGE));
	EXPECT_EQ(0, iommu_unmap_all(self->fd, self->scratch, &unmapped));
	EXPECT_EQ(4 * PAGE, unmapped);
	EXPECT_TRUE(is_mapped(self, AT, 8 * PAGE));
}

TEST_F(ioas, copy_several_areas)
{
	uint64_t unmapped;

	ASSERT_EQ(0, map(self, AT, 2 * PAGE));
	ASSERT_EQ(0, map(self, AT + 2 * PAGE, PAGE));
	ASSERT_EQ(0, map(self, AT + 3 * PAGE, 4 * PAGE));
	EXPECT_EQ(0, iommu_copy_fixed(self->fd, self->scratch, self->id, AT,
				      7 * PAGE, IOMMU_RW, AT));
	EXPECT_EQ(0, iommu_unmap_all(self->fd, self->scratch, &unmapped));
	EXPECT_EQ(7 * PAGE, unmapped);
	/* From the middle of the first to the middle of the last */
	EXPECT_EQ(0, iommu_copy_fixed(self->fd, self->scratch, self->id,
				      AT + PAGE, 4 * PAGE, IOMMU_RW, AT));
	EXPECT_EQ(0, iommu_unmap_all(self->fd, self->scratch, &unmapped));
	EXPECT_EQ(4 * PAGE, unmapped);
	/* One of them has no room: then none is there */
	ASSERT_EQ(0, iommu_map_fixed(self->fd, self->scratch, self->buf, PAGE,
				     IOMMU_RW, AT + 5 * PAGE));
	EXPECT_EQ(-EEXIST, iommu_copy_fixed(self->fd, self->scratch, self->id,
					    AT, 7 * PAGE, IOMMU_RW, AT));
	EXPECT_EQ(-ENOENT, probe(self, self->scratch, AT, PAGE));
	EXPECT_EQ(-ENOENT, probe(self, self->scratch, AT + 2 * PAGE, PAGE));
	EXPECT_EQ(0, iommu_unmap_all(self->fd, self->scratch, &unmapped));
	EXPECT_EQ(PAGE, unmapped);
}

TEST_F(ioas, copy_of_a_hole)
{
	uint64_t unmapped;

	ASSERT_EQ(0, map(self, AT, 2 * PAGE));
	ASSERT_EQ(0, map(self, AT + 3 * PAGE, PAGE));
	EXPECT_EQ(-ENOENT, probe(self, self->id, AT + 2 * PAGE, PAGE));
	EXPECT_EQ(-ENOENT, probe(self, self->id, AT, 3 * PAGE));
	EXPECT_EQ(-ENOENT, probe(self, self->id, AT, 4 * PAGE));
	EXPECT_EQ(-ENOENT, probe(self, self->id, AT + 2 * PAGE, 2 * PAGE));
	EXPECT_EQ(-ENOENT, probe(self, self->id, AT - PAGE, 2 * PAGE));
	EXPECT_EQ(-ENOENT, probe(self, self->id, AT + 3 * PAGE, 2 * PAGE));
	EXPECT_EQ(0, iommu_unmap_all(self->fd, self->scratch, &unmapped));
	EXPECT_EQ(0, unmapped);
}

TEST_F(ioas, copy_bad_numbers)
{
	static const struct {
		uint64_t src;
		uint64_t len;
		uint64_t dst;
		int want;
	} bad[] = {
		{ AT, 0, AT, -EINVAL },
		{ AT, UINT64_MAX, AT, -EOVERFLOW },
		{ UINT64_MAX, PAGE, AT, -EOVERFLOW },
		{ AT, PAGE, UINT64_MAX, -EOVERFLOW },
		{ -PAGE, 2 * PAGE, AT, -EOVERFLOW },
		{ AT, 2 * PAGE, -PAGE, -EOVERFLOW },
	};
	uint64_t unmapped;
	unsigned int i;

	ASSERT_EQ(0, map(self, AT, BUF));
	ASSERT_EQ(0, map(self, -PAGE, PAGE));
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		EXPECT_EQ(bad[i].want,
			  iommu_copy_fixed(self->fd, self->scratch, self->id,
					   bad[i].src, bad[i].len, IOMMU_RW,
					   bad[i].dst))
			TH_LOG("case %u", i);
	}
	EXPECT_EQ(-EINVAL, iommu_copy_fixed(self->fd, self->scratch, self->id,
					    AT, PAGE, 0, AT));
	EXPECT_EQ(0, iommu_unmap_all(self->fd, self->scratch, &unmapped));
	EXPECT_EQ(0, unmapped);
	/* The last page of the space is no overflow */
	EXPECT_EQ(0, iommu_copy_fixed(self->fd, self->scratch, self->id, -PAGE,
				      PAGE, IOMMU_RW, -PAGE));
}

/* A copy may do less than the original, never more. */
TEST_F(ioas, copy_permissions)
{
	uint64_t unmapped;

	ASSERT_EQ(0, iommu_map_fixed(self->fd, self->id, self->buf, PAGE,
				     IOMMU_R, AT));
	ASSERT_EQ(0, iommu_map_fixed(self->fd, self->id, self->buf, PAGE,
				     IOMMU_RW, AT + PAGE));
	EXPECT_EQ(-EPERM, iommu_copy_fixed(self->fd, self->scratch, self->id,
					   AT, PAGE, IOMMU_W, AT));
	EXPECT_EQ(-EPERM, iommu_copy_fixed(self->fd, self->scratch, self->id,
					   AT, PAGE, IOMMU_RW, AT));
	/* In the second of two areas, with the first in place already */
	ASSERT_EQ(0, iommu_map_fixed(self->fd, self->id, self->buf, PAGE,
				     IOMMU_R, AT + 2 * PAGE));
	EXPECT_EQ(-EPERM, iommu_copy_fixed(self->fd, self->scratch, self->id,
					   AT + PAGE, 2 * PAGE, IOMMU_RW, AT));
	EXPECT_EQ(0, iommu_unmap_all(self->fd, self->scratch, &unmapped));
	EXPECT_EQ(0, unmapped);
	EXPECT_EQ(0, iommu_copy_fixed(self->fd, self->scratch, self->id, AT,
				      3 * PAGE, IOMMU_R, AT));
}

/* What needs the commands that Linux 6.12 does not have itself. */
#define NEED(cmd)							\
	do {								\
		if (!iommu_has_cmd(self->fd, cmd))			\
			SKIP(return, "no " #cmd " in this module");	\
	} while (0)

TEST_F(ioas, map_file)
{
	int file = mem_memfd(BUF, 0);
	uint64_t iova, again, unmapped;

	NEED(IOMMU_IOAS_MAP_FILE);
	ASSERT_LE(0, file);
	iova = AT;
	ASSERT_EQ(0, iommu_ioas_map_file(self->fd, self->id, file, 0, BUF,
					 IOMMU_RW | IOMMU_FIXED, &iova));
	EXPECT_EQ(AT, iova);
	ASSERT_EQ(0, iommu_ioas_map_file(self->fd, self->id, file, PAGE,
					 2 * PAGE, IOMMU_R, &iova));
	EXPECT_NE(0, iova);
	EXPECT_EQ(0, iova % PAGE);
	ASSERT_EQ(0, iommu_ioas_map_file(self->fd, self->id, file, 0, PAGE,
					 IOMMU_W, &again));
	EXPECT_NE(iova, again);
	/* The mapping keeps the file, not its descriptor */
	close(file);
	EXPECT_TRUE(is_mapped(self, AT, BUF));
	EXPECT_TRUE(is_mapped(self, iova, 2 * PAGE));
	EXPECT_EQ(-EEXIST, map(self, AT, PAGE));
	EXPECT_EQ(-ENOENT, unmap(self, AT, PAGE));
	EXPECT_EQ(0, iommu_unmap_all(self->fd, self->id, &unmapped));
	EXPECT_EQ(BUF + 3 * PAGE, unmapped);
}

TEST_F(ioas, map_file_bad_input)
{
	static const struct {
		uint64_t start;
		uint64_t len;
		uint64_t iova;
		int want;
	} bad[] = {
		{ 0, 0, AT, -EINVAL },
		{ 0, 2 * PAGE, -PAGE, -EOVERFLOW },
		{ 0, PAGE, UINT64_MAX, -EOVERFLOW },
		{ 0, UINT64_MAX, AT, -EOVERFLOW },
		{ -PAGE, 2 * PAGE, AT, -EOVERFLOW },
		{ UINT64_MAX, PAGE, AT, -EOVERFLOW },
	};
	int file = mem_memfd(BUF, 0);
	uint64_t unmapped;
	unsigned int i;

	NEED(IOMMU_IOAS_MAP_FILE);
	ASSERT_LE(0, file);
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		EXPECT_EQ(bad[i].want,
			  iommu_map_file_fixed(self->fd, self->id, file,
					       bad[i].start, bad[i].len,
					       IOMMU_RW, bad[i].iova))
			TH_LOG("case %u", i);
	}
	EXPECT_EQ(-EINVAL, iommu_map_file_fixed(self->fd, self->id, file, 0,
						PAGE, 0, AT));
	EXPECT_EQ(-EBADF, iommu_map_file_fixed(self->fd, self->id, -1, 0, PAGE,
					       IOMMU_RW, AT));
	close(file);
	EXPECT_EQ(-EBADF, iommu_map_file_fixed(self->fd, self->id, file, 0,
					       PAGE, IOMMU_RW, AT));
	EXPECT_EQ(0, iommu_unmap_all(self->fd, self->id, &unmapped));
	EXPECT_EQ(0, unmapped);
}

TEST_F(ioas, map_file_copy)
{
	int file = mem_memfd(BUF, 0);

	NEED(IOMMU_IOAS_MAP_FILE);
	ASSERT_LE(0, file);
	ASSERT_EQ(0, iommu_map_file_fixed(self->fd, self->id, file, PAGE,
					  4 * PAGE, IOMMU_R, AT));
	ASSERT_EQ(0, map(self, AT + 4 * PAGE, PAGE));
	EXPECT_EQ(0, iommu_copy_fixed(self->fd, self->scratch, self->id,
				      AT + PAGE, 4 * PAGE, IOMMU_R, AT));
	EXPECT_EQ(-EPERM, iommu_copy_fixed(self->fd, self->scratch, self->id,
					   AT, PAGE, IOMMU_RW, 2 * AT));
}

static void change_process(void *arg)
{
	CHILD_EQ(0, iommu_change_process(*(int *)arg));
}

static void change_process_in_vain(void *arg)
{
	CHILD_EQ(-EINVAL, iommu_change_process(*(int *)arg));
}

TEST_F(ioas, change_process)
{
	int file = mem_memfd(BUF, 0);

	NEED(IOMMU_IOAS_CHANGE_PROCESS);
	NEED(IOMMU_IOAS_MAP_FILE);
	ASSERT_LE(0, file);
	/* No memory, or only that of files, belongs to any process */
	EXPECT_EQ(0, child_run(change_process, &self->fd));
	ASSERT_EQ(0, iommu_map_file_fixed(self->fd, self->id, file, 0, BUF,
					  IOMMU_RW, AT));
	EXPECT_EQ(0, child_run(change_process, &self->fd));
	EXPECT_EQ(0, iommu_change_process(self->fd));
	/* User addresses are of one process for ever */
	ASSERT_EQ(0, map(self, 2 * AT, PAGE));
	EXPECT_EQ(0, child_run(change_process_in_vain, &self->fd));
	EXPECT_EQ(-EINVAL, iommu_change_process(self->fd));
	/* In whichever IOAS they are */
	EXPECT_EQ(0, iommu_copy_fixed(self->fd, self->scratch, self->id,
				      2 * AT, PAGE, IOMMU_RW, AT));
	EXPECT_EQ(0, unmap(self, 2 * AT, PAGE));
	EXPECT_EQ(-EINVAL, iommu_change_process(self->fd));
	EXPECT_EQ(0, iommu_unmap_all(self->fd, self->scratch, NULL));
	EXPECT_EQ(0, iommu_change_process(self->fd));
	EXPECT_TRUE(is_mapped(self, AT, BUF));
}

/* Nothing is pinned as long as nothing could use it. */
TEST_F(ioas, mapping_pins_nothing)
{
	long pinned = mem_pinned();

	ASSERT_EQ(0, map(self, AT, BUF));
	EXPECT_EQ(pinned, mem_pinned());
	EXPECT_EQ(0, mem_vm_pin(0));
	EXPECT_EQ(0, iommu_copy_fixed(self->fd, self->scratch, self->id, AT,
				      BUF, IOMMU_RW, AT));
	EXPECT_EQ(pinned, mem_pinned());
}

TEST_HARNESS_MAIN
