// SPDX-License-Identifier: GPL-2.0-only
/*
 * Software nesting: an IOAS whose mappings are made of another one's. What a device
 * sees through it, and what cannot be mapped.
 */
#define _GNU_SOURCE
#include <sys/mman.h>
#include <unistd.h>

#include "nested.h"

/* Translation -------------------------------------------------------------- */

TEST_F(nested, extension)
{
	EXPECT_LE(3, iommu_extension(self->rig.fd, IOASID_EXT_NESTED));
}

/* The pages in another order, with both over a seam of the child's. */
TEST_F(nested, dma)
{
	ASSERT_EQ(0, MAP_PARENT(0, NPAGES, IOMMU_RW));
	ASSERT_EQ(0, ATTACH(self->child));
	EXPECT_PINNED(0);
	ASSERT_EQ(0, MAP_CHILD(PARENT + 10 * PAGE, 3 * PAGE, CHILD));
	ASSERT_EQ(0, MAP_CHILD(PARENT + 2 * PAGE, PAGE, CHILD + 3 * PAGE));
	EXPECT_EQ(0, SAME(self->acc, CHILD, 10, 3));
	EXPECT_EQ(0, SAME(self->acc, CHILD + 3 * PAGE, 2, 1));
	EXPECT_DMA(CHILD, 10);
	EXPECT_DMA(CHILD + 2 * PAGE, 12);
	EXPECT_DMA(CHILD + 3 * PAGE, 2);
	EXPECT_EQ(0, edu_check(&self->rig.edu, CHILD + PAGE - 100,
			       self->buf + 11 * PAGE - 100, 200));
	/* The parent's addresses are nothing in the child */
	EXPECT_NO_DMA(PARENT + 10 * PAGE, 10);

	/* Once more the same, somewhere else */
	ASSERT_EQ(0, MAP_CHILD(PARENT + 11 * PAGE, PAGE, PARENT));
	EXPECT_DMA(PARENT, 11);
	ASSERT_EQ(0, iommu_ioas_unmap(self->rig.fd, self->child, CHILD,
				      3 * PAGE, NULL));
	EXPECT_NO_DMA(CHILD + PAGE, 11);
	EXPECT_DMA(PARENT, 11);
	EXPECT_EQ(2 * PAGE, TAKE_ALL(self->child));
	EXPECT_NO_DMA(PARENT, 11);
	EXPECT_PINNED(NPAGES);
	EXPECT_EQ(BUF, TAKE_ALL(self->rig.ioas));
	EXPECT_PINNED(0);
}

TEST_F(nested, child_of_a_child)
{
	ASSERT_EQ(0, MAP_PARENT(0, NPAGES, IOMMU_RW));
	ASSERT_EQ(0, MAP_CHILD(PARENT + 8 * PAGE, 16 * PAGE, CHILD));
	ASSERT_EQ(0, ATTACH(self->grand));
	ASSERT_EQ(0, MAP_GRAND(CHILD + 3 * PAGE, 5 * PAGE, GRAND));
	EXPECT_EQ(0, SAME(self->grand_acc, GRAND, 11, 5));
	EXPECT_DMA(GRAND + 4 * PAGE, 15);
	/* Its sources are the child's addresses, not the parent's */
	EXPECT_EQ(-EFAULT, MAP_GRAND(PARENT, PAGE, GRAND + 8 * PAGE));
	EXPECT_EQ(-EFAULT, MAP_GRAND(CHILD + 15 * PAGE, 2 * PAGE,
				     GRAND + 8 * PAGE));
	ASSERT_EQ(0, MAP_GRAND(CHILD + 15 * PAGE, PAGE, GRAND + 5 * PAGE));
	EXPECT_EQ(0, edu_check(&self->rig.edu, GRAND + 5 * PAGE,
			       self->buf + 23 * PAGE, EDU_DMA_MAX));

	/* Without the one in the middle it cannot be */
	ASSERT_EQ(0, iommu_ioas_unmap(self->rig.fd, self->child, CHILD,
				      16 * PAGE, NULL));
	EXPECT_EQ(-ENOENT, SAME(self->grand_acc, GRAND, 11, 1));
	EXPECT_NO_DMA(GRAND + 4 * PAGE, 15);
	EXPECT_EQ(0, TAKE_ALL(self->grand));
	EXPECT_PINNED(NPAGES);
	ASSERT_EQ(0, DETACH());
	EXPECT_PINNED(0);
}

/* A source that consists of several mappings of the parent. */
TEST_F(nested, several_areas_of_the_parent)
{
	unsigned int i;

	for (i = 0; i < 8; i++)
		ASSERT_EQ(0, MAP_PARENT(i * 8, 8, IOMMU_RW));
	ASSERT_EQ(0, ATTACH(self->child));
	ASSERT_EQ(0, MAP_CHILD(PARENT + 5 * PAGE, 40 * PAGE, CHILD));
	EXPECT_EQ(0, SAME(self->acc, CHILD, 5, 40));
	EXPECT_EQ(0, edu_check(&self->rig.edu, CHILD + 3 * PAGE - 500,
			       self->buf + 8 * PAGE - 500, 1000));
	EXPECT_DMA(CHILD + 39 * PAGE, 44);

	/* One of them goes, and its part of the child; the others stay */
	ASSERT_EQ(0, UNMAP_PARENT(16, 8));
	EXPECT_EQ(0, SAME(self->acc, CHILD, 5, 11));
	EXPECT_EQ(-ENOENT, SAME(self->acc, CHILD + 11 * PAGE, 16, 1));
	EXPECT_EQ(-ENOENT, SAME(self->acc, CHILD + 18 * PAGE, 23, 1));
	EXPECT_EQ(0, SAME(self->acc, CHILD + 19 * PAGE, 24, 21));
	EXPECT_NO_DMA(CHILD + 15 * PAGE, 20);
	EXPECT_DMA(CHILD + 19 * PAGE, 24);

	/* Also such that are only touched by the source */
	ASSERT_EQ(0, UNMAP_PARENT(0, 8));
	EXPECT_EQ(-ENOENT, SAME(self->acc, CHILD, 5, 1));
	ASSERT_EQ(0, UNMAP_PARENT(40, 16));
	EXPECT_EQ(24 * PAGE, TAKE_ALL(self->child));
	/* What the child has used and the parent still has */
	EXPECT_PINNED(24);
	ASSERT_EQ(0, UNMAP_PARENT(56, 8));
	EXPECT_PINNED(24);
	ASSERT_EQ(0, UNMAP_PARENT(8, 8));
	EXPECT_PINNED(16);
	ASSERT_EQ(0, DETACH());
	EXPECT_PINNED(0);
}

TEST_F(nested, more_areas_than_go_at_once)
{
	const unsigned int n = 1200;
	char *buf = mem_anon(n * PAGE);
	struct ioasid_batch_entry *e = calloc(n, sizeof(*e));
	char *copy = mem_anon(n * PAGE);
	unsigned int i;

	ASSERT_NE(NULL, e);
	ASSERT_NE(NULL, buf);
	mem_fill(buf, n * PAGE, 3);
	for (i = 0; i < n; i++)
		e[i] = (struct ioasid_batch_entry) {
			.src = iommu_ptr(buf + i * PAGE),
			.iova = PARENT + i * PAGE,
			.length = PAGE,
			.flags = IOMMU_RW | IOMMU_FIXED,
		};
	ASSERT_EQ(0, iommu_map_batch(self->rig.fd, self->rig.ioas, e, n, NULL));
	ASSERT_EQ(0, ATTACH(self->child));
	ASSERT_EQ(0, MAP_CHILD(PARENT, n * PAGE, CHILD));
	ASSERT_EQ(0, MAP_GRAND(CHILD, n * PAGE, GRAND));
	EXPECT_PINNED(n);
	EXPECT_EQ(0, same(self->acc, CHILD, buf, n * PAGE, copy));
	EXPECT_EQ(0, same(self->grand_acc, GRAND, buf, n * PAGE, copy));
	EXPECT_EQ(n * PAGE, TAKE_ALL(self->rig.ioas));
	EXPECT_PINNED(0);
	EXPECT_EQ(0, TAKE_ALL(self->child));
	EXPECT_EQ(0, TAKE_ALL(self->grand));
	EXPECT_EQ(0, edu_can_write(&self->rig.edu, CHILD + 777 * PAGE,
				   buf + 777 * PAGE, SOME));
	free(e);
}

TEST_F(nested, chosen_iova)
{
	uint64_t first = 0, second = 0;

	ASSERT_EQ(0, MAP_PARENT(0, NPAGES, IOMMU_RW));
	ASSERT_EQ(0, ATTACH(self->child));
	ASSERT_EQ(0, iommu_map_auto(self->rig.fd, self->child, (void *)PARENT,
				    8 * PAGE, IOMMU_RW, &first));
	ASSERT_EQ(0, iommu_map_auto(self->rig.fd, self->child, (void *)PARENT,
				    8 * PAGE, IOMMU_RW, &second));
	EXPECT_NE(0, first);
	EXPECT_TRUE(first + 8 * PAGE <= second || second + 8 * PAGE <= first);
	EXPECT_EQ(0, SAME(self->acc, first, 0, 8));
	EXPECT_DMA(second + 7 * PAGE, 7);
	EXPECT_EQ(16 * PAGE, TAKE_ALL(self->child));
}

/* Bad input ---------------------------------------------------------------- */

TEST_F(nested, holes)
{
	static const struct {
		unsigned int page;
		unsigned int npages;
	} bad[] = {
		{ 0, 1 }, { 3, 2 }, { 15, 2 }, { 12, 12 }, { 4, 40 }, { 40, 1 },
		{ 16, 4 }, { 17, 1 },
	};
	unsigned int i;

	/* In an empty parent there are only holes */
	EXPECT_EQ(-EFAULT, MAP_CHILD(PARENT, PAGE, CHILD));
	EXPECT_EQ(-EFAULT, MAP_CHILD(0, PAGE, CHILD));
	ASSERT_EQ(0, MAP_PARENT(4, 12, IOMMU_RW));
	ASSERT_EQ(0, MAP_PARENT(20, 4, IOMMU_RW));
	ASSERT_EQ(0, ATTACH(self->child));
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		EXPECT_EQ(-EFAULT, MAP_CHILD(PARENT + bad[i].page * PAGE,
					     bad[i].npages * PAGE, CHILD));
	}
	/* Not even the part that there is */
	EXPECT_EQ(0, TAKE_ALL(self->child));
	EXPECT_EQ(0, MAP_CHILD(PARENT + 4 * PAGE, 12 * PAGE, CHILD));
	/* The place is taken; what is in it stays */
	EXPECT_EQ(-EEXIST, MAP_CHILD(PARENT + 20 * PAGE, PAGE,
				     CHILD + 11 * PAGE));
	EXPECT_EQ(0, SAME(self->acc, CHILD, 4, 12));
	EXPECT_EQ(12 * PAGE, TAKE_ALL(self->child));
	EXPECT_PINNED(12);
	EXPECT_EQ(16 * PAGE, TAKE_ALL(self->rig.ioas));
	EXPECT_PINNED(0);
}

TEST_F(nested, bad_numbers)
{
	uint64_t iova = 0;

	ASSERT_EQ(0, MAP_PARENT(0, NPAGES, IOMMU_RW));
	/* The very end of the parent's addresses is mapped, too */
	ASSERT_EQ(0, iommu_map_fixed(self->rig.fd, self->rig.ioas, self->buf,
				     PAGE, IOMMU_RW, -2 * PAGE));
	EXPECT_EQ(-EINVAL, MAP_CHILD(PARENT, 0, CHILD));
	EXPECT_EQ(-EOVERFLOW, MAP_CHILD(-2 * PAGE, 4 * PAGE, CHILD));
	EXPECT_EQ(-EOVERFLOW, MAP_CHILD(PARENT, -PARENT + PAGE, CHILD));
	EXPECT_EQ(-EOVERFLOW, MAP_CHILD(PARENT, UINT64_MAX, CHILD));
	EXPECT_EQ(-EOVERFLOW, MAP_CHILD(UINT64_MAX, 2, CHILD));
	EXPECT_EQ(-EOVERFLOW, MAP_CHILD(PARENT, 4 * PAGE, -2 * PAGE));
	EXPECT_EQ(-EOVERFLOW, MAP_CHILD(PARENT, PAGE, UINT64_MAX));
	EXPECT_EQ(-EFAULT, MAP_CHILD(-PAGE, PAGE, CHILD));
	EXPECT_EQ(0, MAP_CHILD(-2 * PAGE, PAGE, CHILD));
	EXPECT_EQ(PAGE, TAKE_ALL(self->child));

	EXPECT_EQ(-EOPNOTSUPP, iommu_ioas_map(self->rig.fd, self->child,
					      (void *)PARENT, PAGE,
					      IOMMU_RW | 1U << 31, &iova));
	EXPECT_EQ(-EINVAL, iommu_map_fixed(self->rig.fd, self->child,
					   (void *)PARENT, PAGE, 0, CHILD));
	/* The in-kernel users, like devices, ask for whole pages */
	EXPECT_EQ(-EINVAL, MAP_CHILD(PARENT + 100, PAGE, CHILD));
	EXPECT_EQ(-EINVAL, MAP_CHILD(PARENT, PAGE, CHILD + 100));
	EXPECT_EQ(-EINVAL, MAP_CHILD(PARENT, 100, CHILD));
	EXPECT_EQ(0, TAKE_ALL(self->child));
}

/* Without a user of it bytes are enough, as in any other IOAS. */
TEST_F(nested, unaligned)
{
	uint32_t id, other;
	int acc;

	ASSERT_EQ(0, iommu_alloc_nested(self->rig.fd, self->rig.ioas, &id));
	ASSERT_EQ(0, MAP_PARENT(0, NPAGES, IOMMU_RW));
	ASSERT_EQ(0, map_nested(self->rig.fd, id, PARENT + 100, 5000, IOMMU_RW,
				CHILD + 7));
	ASSERT_EQ(0, iommu_ioas_alloc(self->rig.fd, &other));
	/* A copy of it shows what it is made of */
	ASSERT_EQ(0, iommu_copy_fixed(self->rig.fd, other, id, CHILD + 7, 5000,
				      IOMMU_RW, 11));
	acc = access_open(self->rig.fd, 0, NULL);
	ASSERT_LE(0, acc);
	ASSERT_EQ(0, access_attach(acc, other));
	EXPECT_EQ(0, same(acc, 11, self->buf + 100, 5000, self->copy));
	EXPECT_EQ(-EADDRINUSE, ATTACH(id));
	EXPECT_EQ(5000, TAKE_ALL(id));
	EXPECT_EQ(0, ATTACH(id));
	close(acc);
}

TEST_F(nested, bad_alloc)
{
	struct {
		struct ioasid_alloc_nested cmd;
		uint64_t tail;
	} arg = {
		.cmd = {
			.size = sizeof(arg.cmd),
			.parent_ioas_id = self->rig.ioas,
		},
	};
	int fd = self->rig.fd, other = iommu_open();
	uint32_t id = 0, hwpt, device = self->rig.edu.dev_id;

	if (rig_fills_ahead()) {
		ASSERT_EQ(0, iommu_hwpt_alloc(fd, device, self->rig.ioas, 0,
					      &hwpt));
	} else {
		ASSERT_EQ(0, vfio_attach(self->rig.edu.fd, self->rig.ioas,
					 &hwpt));
	}
	EXPECT_EQ(-ENOENT, iommu_alloc_nested(fd, 0, &id));
	EXPECT_EQ(-ENOENT, iommu_alloc_nested(fd, 99999, &id));
	EXPECT_EQ(-ENOENT, iommu_alloc_nested(fd, device, &id));
	EXPECT_EQ(-ENOENT, iommu_alloc_nested(fd, hwpt, &id));
	/* Of another descriptor: no */
	EXPECT_EQ(-ENOENT, iommu_alloc_nested(other, self->rig.ioas, &id));
	EXPECT_EQ(0, id);

	arg.cmd.flags = 1;
	EXPECT_EQ(-EOPNOTSUPP, iommu_cmd(fd, IOASID_ALLOC_NESTED, &arg));
	arg.cmd.flags = 0;
	arg.cmd.size = sizeof(arg.cmd) - 4;
	EXPECT_EQ(-EINVAL, iommu_cmd(fd, IOASID_ALLOC_NESTED, &arg));
	arg.cmd.size = sizeof(arg);
	arg.tail = 1;
	EXPECT_EQ(-E2BIG, iommu_cmd(fd, IOASID_ALLOC_NESTED, &arg));
	arg.tail = 0;
	EXPECT_EQ(0, iommu_cmd(fd, IOASID_ALLOC_NESTED, &arg));
	EXPECT_NE(self->rig.ioas, arg.cmd.out_ioas_id);
	EXPECT_NE(self->child, arg.cmd.out_ioas_id);
	EXPECT_EQ(0, iommu_destroy(fd, arg.cmd.out_ioas_id));
	if (rig_fills_ahead()) {
		EXPECT_EQ(0, iommu_destroy(fd, hwpt));
	} else {
		EXPECT_EQ(0, vfio_detach(self->rig.edu.fd));
	}
	close(other);
}

/* Nobody is told its ID: then there is no child that holds its parent. */
TEST_F(nested, alloc_cannot_answer)
{
	struct ioasid_alloc_nested *cmd = mem_anon(PAGE);
	uint32_t id;

	ASSERT_NE(NULL, cmd);
	ASSERT_EQ(0, iommu_ioas_alloc(self->rig.fd, &id));
	*cmd = (struct ioasid_alloc_nested) {
		.size = sizeof(*cmd),
		.parent_ioas_id = id,
	};
	ASSERT_EQ(0, mprotect(cmd, PAGE, PROT_READ));
	EXPECT_EQ(-EFAULT, iommu_cmd(self->rig.fd, IOASID_ALLOC_NESTED, cmd));
	EXPECT_EQ(0, iommu_destroy(self->rig.fd, id));
}

TEST_F(nested, other_ways_in)
{
	int file = mem_memfd(4 * PAGE, 0);
	uint64_t iova = 0;

	ASSERT_LE(0, file);
	ASSERT_EQ(0, MAP_PARENT(0, NPAGES, IOMMU_RW));
	ASSERT_EQ(0, MAP_CHILD(PARENT, 8 * PAGE, CHILD));
	if (iommu_has_cmd(self->rig.fd, IOMMU_IOAS_MAP_FILE)) {
		EXPECT_EQ(-EINVAL, iommu_map_file_fixed(self->rig.fd,
							self->child, file, 0,
							PAGE, IOMMU_RW, GRAND));
	}
	EXPECT_EQ(-EINVAL, iommu_copy_fixed(self->rig.fd, self->child,
					    self->rig.ioas, PARENT, PAGE,
					    IOMMU_RW, GRAND));
	EXPECT_EQ(-EINVAL, iommu_ioas_copy(self->rig.fd, self->child,
					   self->child, CHILD, PAGE, IOMMU_RW,
					   &iova));
	/* A user address that the parent knows nothing of */
	EXPECT_EQ(-EFAULT, iommu_map_fixed(self->rig.fd, self->child,
					   self->buf, PAGE, IOMMU_RW, GRAND));
	EXPECT_EQ(8 * PAGE, TAKE_ALL(self->child));
	close(file);
}

/* Permissions -------------------------------------------------------------- */

/* What the device, or the in-kernel user, can do with a page. */
static uint32_t can_do(int acc, uint64_t iova)
{
	char byte;
	int rc = access_read(acc, iova, &byte, 1);
	uint32_t perm = rc ? 0 : IOMMU_R;

	if (rc && rc != -EPERM)
		return UINT32_MAX;
	/* As it was: only whether it is allowed to */
	rc = access_write(acc, iova, &byte, 1);
	if (rc && rc != -EPERM)
		return UINT32_MAX;
	return perm | (rc ? 0 : IOMMU_W);
}

TEST_F(nested, permissions)
{
	static const uint32_t perm[] = { IOMMU_R, IOMMU_W, IOMMU_RW };
	unsigned int i, j, k, at = 0;

	for (i = 0; i < 3; i++)
		ASSERT_EQ(0, MAP_PARENT(i, 1, perm[i]));
	for (i = 0; i < 3; i++) {
		for (j = 0; j < 3; j++, at++) {
			uint32_t both = perm[i] & perm[j];
			uint64_t iova = CHILD + at * PAGE;

			EXPECT_EQ(both ? 0 : -EPERM,
				  map_nested(self->rig.fd, self->child,
					     PARENT + i * PAGE, PAGE, perm[j],
					     iova));
			if (!both)
				continue;
			EXPECT_EQ(both, can_do(self->acc, iova));
			for (k = 0; k < 3; k++) {
				uint32_t all = both & perm[k];
				uint64_t to = GRAND + (3 * at + k) * PAGE;

				EXPECT_EQ(all ? 0 : -EPERM,
					  map_nested(self->rig.fd, self->grand,
						     iova, PAGE, perm[k], to));
				if (!all)
					continue;
				EXPECT_EQ(all, can_do(self->grand_acc, to));
			}
		}
	}
}

/* The same for a device, which has its own idea of it: the page table. */
TEST_F(nested, permissions_of_dma)
{
	struct edu *edu = &self->rig.edu;
	char *out = self->buf + 10 * PAGE;

	ASSERT_EQ(0, MAP_PARENT(0, 1, IOMMU_R));
	ASSERT_EQ(0, MAP_PARENT(1, 1, IOMMU_W));
	ASSERT_EQ(0, MAP_PARENT(2, NPAGES - 2, IOMMU_RW));
	ASSERT_EQ(0, ATTACH(self->child));
	/* Read-only in the parent, writable in the child: of several areas */
	ASSERT_EQ(0, MAP_CHILD(PARENT, NPAGES * PAGE, CHILD));
	ASSERT_EQ(0, map_nested(self->rig.fd, self->child, PARENT + 3 * PAGE,
				PAGE, IOMMU_R, GRAND));
	EXPECT_NO_DMA(CHILD, 0);
	EXPECT_EQ(1, edu_can_read(edu, CHILD, self->buf, CHILD + 10 * PAGE,
				  out, SOME));
	EXPECT_EQ(1, edu_can_write(edu, CHILD + PAGE, self->buf + PAGE, SOME));
	EXPECT_DMA(CHILD + 3 * PAGE, 3);
	EXPECT_NO_DMA(GRAND, 3);
	EXPECT_EQ(1, edu_can_read(edu, GRAND, self->buf + 3 * PAGE,
				  CHILD + 10 * PAGE, out, SOME));

	/* One that permits nothing spoils it all */
	ASSERT_EQ(-EPERM, map_nested(self->rig.fd, self->child, PARENT,
				     NPAGES * PAGE, IOMMU_W, GRAND + BUF));
	EXPECT_EQ(BUF + PAGE, TAKE_ALL(self->child));
}

ACCESS_HARNESS_MAIN
