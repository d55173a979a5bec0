// SPDX-License-Identifier: GPL-2.0-only
/*
 * The commands of an I/O address space, with no device attached: what is
 * mapped where, and what is refused. Nothing gets pinned here, so whether the
 * memory can be is not seen; see access.c and the programs with devices.
 */
#define _GNU_SOURCE
#include "kselftest_harness.h"

#include "iommu.h"
#include "mem.h"

#define PAGE ((uint64_t)4096)
#define NPAGES 16
#define BUF (NPAGES * PAGE)
#define AT ((uint64_t)0x4000000)
#define USER 1234

FIXTURE(ioas) {
	int fd;
	uint32_t id;
	/* where is_mapped() copies to */
	uint32_t scratch;
	char *buf;
	/* IOVA alignment of an IOAS without a device */
	uint64_t align;
};

FIXTURE_SETUP(ioas)
{
	uint32_t num = 0;

	ASSERT_EQ(PAGE, mem_page());
	self->fd = iommu_open();
	ASSERT_LE(0, self->fd) TH_LOG("%s", strerror(-self->fd));
	ASSERT_EQ(0, iommu_ioas_alloc(self->fd, &self->id));
	ASSERT_EQ(0, iommu_ioas_alloc(self->fd, &self->scratch));
	ASSERT_EQ(-EMSGSIZE, iommu_iova_ranges(self->fd, self->id, NULL, &num,
					       &self->align));
	self->buf = mem_anon(BUF);
	ASSERT_NE(NULL, self->buf);
}

FIXTURE_TEARDOWN(ioas)
{
	long pinned = mem_pinned();

	close(self->fd);
	EXPECT_EQ(pinned, mem_pinned());
}

/* Copying is the one way of user space to look into an IOAS. */
static int probe(FIXTURE_DATA(ioas) *self, uint32_t id, uint64_t iova,
		 uint64_t len)
{
	uint64_t to;
	int rc;

	rc = iommu_ioas_copy(self->fd, self->scratch, id, iova, len, IOMMU_R,
			     &to);
	if (!rc)
		rc = iommu_ioas_unmap(self->fd, self->scratch, to, len, NULL);
	return rc;
}

/* Every page of the range is mapped, */
static bool is_mapped(FIXTURE_DATA(ioas) *self, uint64_t iova, uint64_t len)
{
	return probe(self, self->id, iova, len) == 0;
}

/* and no page of the range is. */
static bool is_free(FIXTURE_DATA(ioas) *self, uint64_t iova, uint64_t len)
{
	uint64_t i;

	for (i = 0; i < len; i += PAGE)
		if (probe(self, self->id, iova + i, PAGE) != -ENOENT)
			return false;
	return true;
}

static int map(FIXTURE_DATA(ioas) *self, uint64_t iova, uint64_t len)
{
	return iommu_map_fixed(self->fd, self->id, self->buf, len, IOMMU_RW,
			       iova);
}

static int map_any(FIXTURE_DATA(ioas) *self, uint64_t len, uint64_t *iova)
{
	return iommu_map_auto(self->fd, self->id, self->buf, len, IOMMU_RW,
			      iova);
}

static int unmap(FIXTURE_DATA(ioas) *self, uint64_t iova, uint64_t len)
{
	return iommu_ioas_unmap(self->fd, self->id, iova, len, NULL);
}

/* Runs @fn in a child process: what it returns, negative if it died. */
static int in_child(int (*fn)(void *arg), void *arg)
{
	int status;
	pid_t pid = fork();

	if (pid < 0)
		return -errno;
	if (!pid)
		_exit(fn(arg));
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return -ECHILD;
	return WEXITSTATUS(status);
}

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
	const char *kernel = getenv("VM_KERNEL");
	const unsigned int n = 66000;
	uint64_t unmapped = 0;
	unsigned int i;

	if (kernel && !strcmp(kernel, "debug"))
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

TEST_F(ioas, iova_ranges)
{
	struct iommu_iova_range r[4];
	uint64_t align = 0;
	uint32_t num;

	memset(r, 0x5a, sizeof(r));
	num = ARRAY_SIZE(r);
	ASSERT_EQ(0, iommu_iova_ranges(self->fd, self->id, r, &num, &align));
	ASSERT_EQ(1, num);
	EXPECT_EQ(0, r[0].start);
	EXPECT_EQ(UINT64_MAX, r[0].last);
	EXPECT_EQ(0x5a5a5a5a5a5a5a5a, r[1].start);
	EXPECT_EQ(self->align, align);

	/* What is mapped is still usable, so it is in the list */
	ASSERT_EQ(0, map(self, AT, BUF));
	num = 1;
	ASSERT_EQ(0, iommu_iova_ranges(self->fd, self->id, r, &num, &align));
	EXPECT_EQ(1, num);
	EXPECT_EQ(0, r[0].start);
	EXPECT_EQ(UINT64_MAX, r[0].last);
}

TEST_F(ioas, iova_ranges_without_room)
{
	struct iommu_iova_range r = { 1, 2 };
	uint32_t num = 0;

	EXPECT_EQ(-EMSGSIZE, iommu_iova_ranges(self->fd, self->id, &r, &num,
					       NULL));
	EXPECT_EQ(1, num);
	EXPECT_EQ(1, r.start);
	EXPECT_EQ(2, r.last);
	/* An array that is not there, or not to be written */
	EXPECT_EQ(-EFAULT, iommu_iova_ranges(self->fd, self->id, NULL, &num,
					     NULL));
	ASSERT_EQ(0, mprotect(self->buf, BUF, PROT_READ));
	EXPECT_EQ(-EFAULT,
		  iommu_iova_ranges(self->fd, self->id, (void *)self->buf,
				    &num, NULL));
}

TEST_F(ioas, allow_iovas)
{
	static const struct iommu_iova_range two[] = {
		{ AT + 8 * PAGE, AT + 9 * PAGE - 1 },
		{ AT, AT + 2 * PAGE - 1 },
	};
	static const struct iommu_iova_range one[] = {
		{ 2 * AT, 2 * AT + PAGE - 1 },
	};
	struct iommu_iova_range r;
	uint32_t num = 1;
	uint64_t iova;

	ASSERT_EQ(0, iommu_allow_iovas(self->fd, self->id, two, 2));
	/* Filled from the bottom, and then full */
	EXPECT_EQ(0, map_any(self, PAGE, &iova));
	EXPECT_EQ(AT, iova);
	EXPECT_EQ(-ENOSPC, map_any(self, 2 * PAGE, &iova));
	EXPECT_EQ(0, map_any(self, PAGE, &iova));
	EXPECT_EQ(AT + PAGE, iova);
	EXPECT_EQ(0, map_any(self, PAGE, &iova));
	EXPECT_EQ(AT + 8 * PAGE, iova);
	EXPECT_EQ(-ENOSPC, map_any(self, PAGE, &iova));
	/* A copy is as bound to it as a map */
	EXPECT_EQ(-ENOSPC, iommu_ioas_copy(self->fd, self->id, self->id, AT,
					   PAGE, IOMMU_R, &iova));
	/* It limits the kernel's choice, not the user's */
	EXPECT_EQ(0, map(self, AT + 4 * PAGE, PAGE));
	EXPECT_EQ(0, iommu_iova_ranges(self->fd, self->id, &r, &num, NULL));
	EXPECT_EQ(0, r.start);
	EXPECT_EQ(UINT64_MAX, r.last);
	/* A new list replaces the old one and leaves mappings alone */
	EXPECT_EQ(0, iommu_allow_iovas(self->fd, self->id, one, 1));
	EXPECT_TRUE(is_mapped(self, AT, 2 * PAGE));
	EXPECT_EQ(0, map_any(self, PAGE, &iova));
	EXPECT_EQ(2 * AT, iova);
	EXPECT_EQ(-ENOSPC, map_any(self, PAGE, &iova));
	/* And an empty list allows everything */
	EXPECT_EQ(0, iommu_allow_iovas(self->fd, self->id, NULL, 0));
	EXPECT_EQ(0, map_any(self, PAGE, &iova));
	EXPECT_GT(AT, iova);
}

TEST_F(ioas, allow_iovas_alignment_in_a_range)
{
	/* Of the two pages that the range touches, no one is whole */
	static const struct iommu_iova_range odd = { AT + 1,
						     AT + 2 * PAGE - 2 };
	static const struct iommu_iova_range page = { AT, AT + PAGE - 1 };
	uint64_t iova;

	ASSERT_EQ(0, iommu_allow_iovas(self->fd, self->id, &odd, 1));
	EXPECT_EQ(-ENOSPC, map_any(self, PAGE, &iova));
	ASSERT_EQ(0, iommu_allow_iovas(self->fd, self->id, &page, 1));
	EXPECT_EQ(0, map_any(self, PAGE, &iova));
	EXPECT_EQ(AT, iova);
}

TEST_F(ioas, allow_iovas_long_list)
{
	const unsigned int n = 3000;
	struct iommu_iova_range *r = calloc(n, sizeof(*r));
	uint64_t iova;
	unsigned int i;

	ASSERT_NE(NULL, r);
	/* Each has room for a page, and the last one for two; in reverse */
	for (i = 0; i < n; i++) {
		r[i].start = AT + (n - 1 - i) * 4 * PAGE;
		r[i].last = r[i].start + (i ? 1 : 2) * PAGE - 1;
	}
	ASSERT_EQ(0, iommu_allow_iovas(self->fd, self->id, r, n));
	EXPECT_EQ(0, iommu_map_auto(self->fd, self->id, self->buf, 2 * PAGE,
				    IOMMU_RW, &iova));
	EXPECT_EQ(r[0].start, iova);
	for (i = 0; i < 100; i++) {
		ASSERT_EQ(0, map_any(self, PAGE, &iova));
		ASSERT_EQ(AT + i * 4 * PAGE, iova);
	}
	EXPECT_EQ(0, iommu_allow_iovas(self->fd, self->id, r, 1));
	EXPECT_EQ(-ENOSPC, map_any(self, PAGE, &iova));
	free(r);
}

TEST_F(ioas, allow_iovas_bad_lists)
{
	static const struct iommu_iova_range in_force = { AT, AT + BUF };
	static const struct iommu_iova_range bad[][3] = {
		{ { 2, 1 } },
		{ { 2 * PAGE, PAGE } },
		{ { 5, 5 } },
		{ { UINT64_MAX, 0 } },
		{ { 0, 2 * PAGE }, { 2 * PAGE, 3 * PAGE } },
		{ { 0, 2 * PAGE }, { PAGE, PAGE + 5 } },
		{ { PAGE, PAGE + 5 }, { 0, 2 * PAGE } },
		{ { 0, 7 }, { PAGE, 2 * PAGE }, { 7, 8 } },
		{ { 0, UINT64_MAX }, { AT, AT + PAGE } },
		{ { 0, PAGE }, { 2 * PAGE, 3 * PAGE }, { 9, 8 } },
	};
	static const unsigned int num[] = { 1, 1, 1, 1, 2, 2, 2, 3, 2, 3 };
	static const struct iommu_iova_range touching[] = {
		{ AT, AT + PAGE - 1 }, { AT + PAGE, AT + 2 * PAGE - 1 },
	};
	struct iommu_iova_range *end;
	unsigned int i;
	uint64_t iova;

	ASSERT_EQ(0, iommu_allow_iovas(self->fd, self->id, &in_force, 1));
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		EXPECT_EQ(-EINVAL, iommu_allow_iovas(self->fd, self->id,
						     bad[i], num[i]))
			TH_LOG("case %u", i);
	}
	/* A list that is not there, or ends too early */
	EXPECT_EQ(-EFAULT, iommu_allow_iovas(self->fd, self->id, NULL, 1));
	end = mem_before_hole(64 * sizeof(*end));
	ASSERT_NE(NULL, end);
	for (i = 0; i < 64; i++)
		end[i] = (struct iommu_iova_range){ i * PAGE, i * PAGE + 1 };
	EXPECT_EQ(-EFAULT, iommu_allow_iovas(self->fd, self->id, end, 65));
	EXPECT_NE(0, iommu_allow_iovas(self->fd, self->id, end, UINT32_MAX));
	/* None of them had any effect */
	EXPECT_EQ(0, map_any(self, PAGE, &iova));
	EXPECT_EQ(AT, iova);
	/* Good ones still work, in any order */
	EXPECT_EQ(0, iommu_allow_iovas(self->fd, self->id, end, 64));
	EXPECT_EQ(0, iommu_allow_iovas(self->fd, self->id, touching, 2));
}

TEST_F(ioas, option_rlimit_mode)
{
	uint64_t val = 7;
	int fd = iommu_open();
	uint32_t id;

	ASSERT_LE(0, fd);
	/* By user, unless told otherwise */
	EXPECT_EQ(0, iommu_option_get(fd, IOMMU_OPTION_RLIMIT_MODE, 0, &val));
	EXPECT_EQ(0, val);
	EXPECT_EQ(0, iommu_option_set(fd, IOMMU_OPTION_RLIMIT_MODE, 0, 1));
	EXPECT_EQ(0, iommu_option_get(fd, IOMMU_OPTION_RLIMIT_MODE, 0, &val));
	EXPECT_EQ(1, val);
	EXPECT_EQ(-EINVAL, iommu_option_set(fd, IOMMU_OPTION_RLIMIT_MODE, 0,
					    2));
	EXPECT_EQ(-EOPNOTSUPP, iommu_option_set(fd, IOMMU_OPTION_RLIMIT_MODE,
						1, 0));
	EXPECT_EQ(-EOPNOTSUPP, iommu_option_get(fd, IOMMU_OPTION_RLIMIT_MODE,
						1, &val));
	/* Not while there is an object that may have accounted already */
	ASSERT_EQ(0, iommu_ioas_alloc(fd, &id));
	EXPECT_EQ(-EBUSY, iommu_option_set(fd, IOMMU_OPTION_RLIMIT_MODE, 0,
					   0));
	EXPECT_EQ(0, iommu_option_get(fd, IOMMU_OPTION_RLIMIT_MODE, 0, &val));
	EXPECT_EQ(1, val);
	ASSERT_EQ(0, iommu_destroy(fd, id));
	EXPECT_EQ(0, iommu_option_set(fd, IOMMU_OPTION_RLIMIT_MODE, 0, 0));
	EXPECT_EQ(0, iommu_option_get(fd, IOMMU_OPTION_RLIMIT_MODE, 0, &val));
	EXPECT_EQ(0, val);
}

static int set_rlimit_mode_as_user(void *arg)
{
	int fd = *(int *)arg;
	uint64_t val = 7;

	if (mem_become_user(USER, 65536))
		return 1;
	if (iommu_option_get(fd, IOMMU_OPTION_RLIMIT_MODE, 0, &val) || val)
		return 2;
	if (iommu_option_set(fd, IOMMU_OPTION_RLIMIT_MODE, 0, 1) != -EPERM)
		return 3;
	if (iommu_option_set(fd, IOMMU_OPTION_RLIMIT_MODE, 0, 0) != -EPERM)
		return 4;
	return 0;
}

TEST_F(ioas, option_rlimit_mode_needs_privilege)
{
	int fd = iommu_open();

	ASSERT_LE(0, fd);
	EXPECT_EQ(0, in_child(set_rlimit_mode_as_user, &fd));
}

TEST_F(ioas, option_huge_pages)
{
	uint64_t val = 7, align;
	uint32_t num = 0;

	EXPECT_EQ(0, iommu_option_get(self->fd, IOMMU_OPTION_HUGE_PAGES,
				      self->id, &val));
	EXPECT_EQ(1, val);
	EXPECT_EQ(0, iommu_option_set(self->fd, IOMMU_OPTION_HUGE_PAGES,
				      self->id, 0));
	EXPECT_EQ(0, iommu_option_get(self->fd, IOMMU_OPTION_HUGE_PAGES,
				      self->id, &val));
	EXPECT_EQ(0, val);
	/* Page by page means that nothing smaller fits */
	EXPECT_EQ(-EMSGSIZE, iommu_iova_ranges(self->fd, self->id, NULL, &num,
					       &align));
	EXPECT_EQ(PAGE, align);
	EXPECT_EQ(-EINVAL, map(self, AT + 1, PAGE));
	EXPECT_EQ(-EINVAL, map(self, AT, PAGE + 1));
	EXPECT_EQ(0, map(self, AT, PAGE));
	/* It is of one IOAS */
	EXPECT_EQ(0, iommu_option_get(self->fd, IOMMU_OPTION_HUGE_PAGES,
				      self->scratch, &val));
	EXPECT_EQ(1, val);
	EXPECT_EQ(-EINVAL, iommu_option_set(self->fd, IOMMU_OPTION_HUGE_PAGES,
					    self->id, 2));
	EXPECT_EQ(0, iommu_option_set(self->fd, IOMMU_OPTION_HUGE_PAGES,
				      self->id, 1));
	num = 0;
	EXPECT_EQ(-EMSGSIZE, iommu_iova_ranges(self->fd, self->id, NULL, &num,
					       &align));
	EXPECT_EQ(self->align, align);
	EXPECT_TRUE(is_mapped(self, AT, PAGE));
}

TEST_F(ioas, option_huge_pages_with_unaligned_area)
{
	uint64_t val = 7;

	if (self->align == PAGE)
		SKIP(return, "every area is page-aligned in this module");
	ASSERT_EQ(0, map(self, AT + self->align, PAGE));
	EXPECT_EQ(-EADDRINUSE,
		  iommu_option_set(self->fd, IOMMU_OPTION_HUGE_PAGES,
				   self->id, 0));
	EXPECT_EQ(0, iommu_option_get(self->fd, IOMMU_OPTION_HUGE_PAGES,
				      self->id, &val));
	EXPECT_EQ(1, val);
}

TEST_F(ioas, option_unknown)
{
	static const uint16_t ops[] = { 2, 3, 0x100, UINT16_MAX };
	struct iommu_option cmd = { .size = sizeof(cmd) };
	unsigned int i;
	uint64_t val;

	EXPECT_EQ(-EOPNOTSUPP, iommu_option_get(self->fd, 2, self->id, &val));
	EXPECT_EQ(-EOPNOTSUPP, iommu_option_set(self->fd, UINT32_MAX,
						self->id, 0));
	for (i = 0; i < ARRAY_SIZE(ops); i++) {
		cmd.op = ops[i];
		cmd.option_id = IOMMU_OPTION_HUGE_PAGES;
		cmd.object_id = self->id;
		EXPECT_EQ(-EOPNOTSUPP, iommu_cmd(self->fd, IOMMU_OPTION, &cmd));
		cmd.option_id = IOMMU_OPTION_RLIMIT_MODE;
		cmd.object_id = 0;
		EXPECT_EQ(-EOPNOTSUPP, iommu_cmd(self->fd, IOMMU_OPTION, &cmd));
	}
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

static int change_process(void *arg)
{
	return -iommu_change_process(*(int *)arg);
}

TEST_F(ioas, change_process)
{
	int file = mem_memfd(BUF, 0);

	NEED(IOMMU_IOAS_CHANGE_PROCESS);
	NEED(IOMMU_IOAS_MAP_FILE);
	ASSERT_LE(0, file);
	/* No memory, or only that of files, belongs to any process */
	EXPECT_EQ(0, in_child(change_process, &self->fd));
	ASSERT_EQ(0, iommu_map_file_fixed(self->fd, self->id, file, 0, BUF,
					  IOMMU_RW, AT));
	EXPECT_EQ(0, in_child(change_process, &self->fd));
	EXPECT_EQ(0, iommu_change_process(self->fd));
	/* User addresses are of one process for ever */
	ASSERT_EQ(0, map(self, 2 * AT, PAGE));
	EXPECT_EQ(EINVAL, in_child(change_process, &self->fd));
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
