// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which IOVAs an I/O address space offers, and its options: IOAS_IOVA_RANGES,
 * IOAS_ALLOW_IOVAS and OPTION, with no device attached.
 */
#define _GNU_SOURCE
#include "child.h"
#include "space.h"

#define USER 1234

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

static void set_rlimit_mode_as_user(void *arg)
{
	int fd = *(int *)arg;
	uint64_t val = 7;

	CHILD_EQ(0, mem_become_user(USER, 65536));
	CHILD_EQ(0, iommu_option_get(fd, IOMMU_OPTION_RLIMIT_MODE, 0, &val));
	CHILD_EQ(0, val);
	CHILD_EQ(-EPERM, iommu_option_set(fd, IOMMU_OPTION_RLIMIT_MODE, 0, 1));
	CHILD_EQ(-EPERM, iommu_option_set(fd, IOMMU_OPTION_RLIMIT_MODE, 0, 0));
}

TEST_F(ioas, option_rlimit_mode_needs_privilege)
{
	int fd = iommu_open();

	ASSERT_LE(0, fd);
	EXPECT_EQ(0, child_run(set_rlimit_mode_as_user, &fd));
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

TEST_HARNESS_MAIN
