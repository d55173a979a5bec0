// SPDX-License-Identifier: GPL-2.0-only
/*
 * The in-kernel access API: reading and writing the memory of an IOAS, pinned or not.
 */
#define _GNU_SOURCE

#include "access_api.h"

/* From and to every alignment, in one piece and from a kernel thread. */
TEST_F(api, rw)
{
	static const uint32_t how[] = { 0, ACCESS_KTHREAD };
	static const size_t at[] = { 0, 1, 7, 100, 4095, 4096, 8191, 30000 };
	static const size_t len[] = { 1, 2, 8, 63, 4096, 4097, 12345, 32768 };
	unsigned int h, i, j;

	/* In two areas that meet at an odd place for all of the lengths */
	ASSERT_EQ(0, map_perm(self, 0, 3 * PAGE, AT, IOMMU_RW));
	ASSERT_EQ(0, map_perm(self, 3 * PAGE, BUF - 3 * PAGE, AT + 3 * PAGE,
			      IOMMU_RW));
	for (h = 0; h < ARRAY_SIZE(how); h++)
		for (i = 0; i < ARRAY_SIZE(at); i++)
			for (j = 0; j < ARRAY_SIZE(len); j++) {
				memset(self->copy, 0, BUF);
				EXPECT_EQ(0, access_rw(self->acc, AT + at[i],
						       self->copy, len[j],
						       how[h]));
				EXPECT_EQ(0, memcmp(self->copy,
						    self->buf + at[i],
						    len[j]))
					TH_LOG("read %zu+%zu", at[i], len[j]);
				EXPECT_EQ(0, self->copy[len[j]]);

				mem_fill(self->copy, len[j], 3 + i + j);
				EXPECT_EQ(0, access_rw(self->acc, AT + at[i],
						       self->copy, len[j],
						       how[h] | ACCESS_WRITE));
				EXPECT_EQ(-1, mem_check(self->buf + at[i],
							len[j], 3 + i + j))
					TH_LOG("write %zu+%zu", at[i], len[j]);
				mem_fill(self->buf, BUF, 1);
			}
	/* A write touches nothing else */
	memset(self->buf, 0x11, BUF);
	memset(self->copy, 0x22, BUF);
	EXPECT_EQ(0, access_write(self->acc, AT + 3 * PAGE - 5, self->copy,
				  10));
	EXPECT_EQ(0x11, self->buf[3 * PAGE - 6]);
	EXPECT_EQ(0x22, self->buf[3 * PAGE - 5]);
	EXPECT_EQ(0x22, self->buf[3 * PAGE + 4]);
	EXPECT_EQ(0x11, self->buf[3 * PAGE + 5]);
	EXPECT_EQ(self->pinned, mem_pinned());
}

TEST_F(api, rw_errors)
{
	static const uint32_t how[] = { 0, ACCESS_KTHREAD };
	unsigned int h;

	ASSERT_EQ(0, map_perm(self, 0, PAGE, AT, IOMMU_RW));
	ASSERT_EQ(0, map_perm(self, PAGE, PAGE, AT + PAGE, IOMMU_R));
	ASSERT_EQ(0, map_perm(self, 2 * PAGE, PAGE, AT + 3 * PAGE, IOMMU_W));
	ASSERT_EQ(0, map_perm(self, 0, PAGE, -PAGE, IOMMU_RW));
	for (h = 0; h < ARRAY_SIZE(how); h++) {
		const uint32_t r = how[h], w = how[h] | ACCESS_WRITE;
		char *copy = self->copy;

		EXPECT_EQ(-EINVAL, access_rw(self->acc, AT, copy, 0, r));
		EXPECT_EQ(-EINVAL, access_rw(self->acc, AT, copy, 0, w));
		EXPECT_EQ(-ENOENT, access_rw(self->acc, AT - 1, copy, 1, r));
		EXPECT_EQ(-ENOENT, access_rw(self->acc, AT - 1, copy, 2, w));
		EXPECT_EQ(-ENOENT, access_rw(self->acc, AT + 2 * PAGE - 1,
					     copy, 2, r));
		EXPECT_EQ(-ENOENT, access_rw(self->acc, AT + PAGE, copy,
					     3 * PAGE, r));
		EXPECT_EQ(-EPERM, access_rw(self->acc, AT + PAGE, copy, 1, w));
		EXPECT_EQ(-EPERM, access_rw(self->acc, AT + 2 * PAGE - 8, copy,
					    8, w));
		EXPECT_EQ(-EPERM, access_rw(self->acc, AT, copy, PAGE + 1, w));
		EXPECT_EQ(-EPERM, access_rw(self->acc, AT + 3 * PAGE, copy, 1,
					    r));
		EXPECT_EQ(-EOVERFLOW, access_rw(self->acc, -PAGE, copy,
						PAGE + 1, r));
		EXPECT_EQ(-EOVERFLOW, access_rw(self->acc, -1, copy, 2, w));
		EXPECT_EQ(0, access_rw(self->acc, -1, copy, 1, r));
		EXPECT_EQ(0, access_rw(self->acc, AT + 3 * PAGE, copy, PAGE,
				       w));
	}
	EXPECT_EQ(self->pinned, mem_pinned());
}

/* It works with what is pinned and with what is not, also mixed. */
TEST_F(api, rw_of_pinned_pages)
{
	ASSERT_EQ(0, map(self));
	ASSERT_EQ(0, access_pin(self->acc, AT + 2 * PAGE, 3 * PAGE, 0));
	EXPECT_EQ(0, access_read(self->acc, AT, self->copy, BUF));
	EXPECT_EQ(-1, mem_check(self->copy, BUF, 1));
	mem_fill(self->copy, BUF, 2);
	EXPECT_EQ(0, access_rw(self->acc, AT, self->copy, BUF,
			       ACCESS_WRITE | ACCESS_KTHREAD));
	EXPECT_EQ(-1, mem_check(self->buf, BUF, 2));
	EXPECT_EQ(3, mem_vm_pin(0));
	EXPECT_EQ(self->pinned + 3, mem_pinned());
}

ACCESS_HARNESS_MAIN
