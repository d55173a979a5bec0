// SPDX-License-Identifier: GPL-2.0-only
/*
 * Software nesting: an IOAS whose mappings are made of another one's. What a
 * device sees through it, and that nothing is left of it when the parent's
 * mapping goes.
 */
#define _GNU_SOURCE
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "access.h"
#include "child.h"
#include "edu.h"
#include "iommu.h"
#include "mem.h"
#include "rig.h"

#define PAGE 4096UL
#define NPAGES 64UL
#define BUF (NPAGES * PAGE)
/* In the parent, in the child, in the child's child */
#define PARENT 0x40000000UL
#define CHILD 0x80000000UL
#define GRAND 0x200000000UL
#define MSI_WINDOW 0xfee00000UL
#define USER 1234
#define SOME 256

/* A parent, its child, and that one's child; and a device that is bound. */
FIXTURE(nested)
{
	struct rig rig;
	uint32_t child;
	uint32_t grand;
	/* In-kernel users of them, or -1 */
	int acc;
	int grand_acc;
	char *buf;
	char *copy;
	long pinned;
};

FIXTURE_SETUP(nested)
{
	struct rig *rig = &self->rig;

	self->acc = self->grand_acc = -1;
	ASSERT_EQ(0, rig_open(rig));
	if (!iommu_has_cmd(rig->fd, IOASID_ALLOC_NESTED))
		SKIP(return, "no IOASID_ALLOC_NESTED in this module");
	if (access_why_not())
		SKIP(return, "%s", access_why_not());
	ASSERT_EQ(0, iommu_alloc_nested(rig->fd, rig->ioas, &self->child));
	ASSERT_EQ(0, iommu_alloc_nested(rig->fd, self->child, &self->grand));
	self->acc = access_open_attached(rig->fd, self->child);
	ASSERT_LE(0, self->acc);
	self->grand_acc = access_open_attached(rig->fd, self->grand);
	ASSERT_LE(0, self->grand_acc);
	self->buf = mem_anon(BUF);
	ASSERT_NE(NULL, self->buf);
	mem_fill(self->buf, BUF, 1);
	self->copy = mem_anon(BUF);
	ASSERT_NE(NULL, self->copy);
	self->pinned = mem_pinned();
}

FIXTURE_TEARDOWN(nested)
{
	if (self->acc >= 0)
		close(self->acc);
	if (self->grand_acc >= 0)
		close(self->grand_acc);
	EXPECT_EQ(0, rig_close(&self->rig));
	EXPECT_EQ(0, mem_vm_pin(0));
}

/* The memory at page @i of the buffer, at page @i behind PARENT. */
#define MAP_PARENT(page, npages, perm)					\
	iommu_map_fixed(self->rig.fd, self->rig.ioas,			\
			self->buf + (page) * PAGE, (npages) * PAGE,	\
			perm, PARENT + (page) * PAGE)

static int map_nested(int fd, uint32_t ioas, uint64_t src, uint64_t length,
		      uint32_t perm, uint64_t iova)
{
	return iommu_map_fixed(fd, ioas, (void *)(uintptr_t)src, length, perm,
			       iova);
}

#define MAP_CHILD(src, length, iova)					\
	map_nested(self->rig.fd, self->child, src, length, IOMMU_RW, iova)
#define MAP_GRAND(src, length, iova)					\
	map_nested(self->rig.fd, self->grand, src, length, IOMMU_RW, iova)
#define UNMAP_PARENT(page, npages)					\
	rig_unmap(&self->rig, PARENT + (page) * PAGE, (npages) * PAGE)
#define ATTACH(ioas) vfio_attach(self->rig.edu.fd, ioas, NULL)
#define MOVE(ioas) rig_move(self->rig.edu.fd, ioas)
#define DETACH() vfio_detach(self->rig.edu.fd)

/* Bytes that are mapped in an IOAS; none afterwards. */
#define TAKE_ALL(ioas) ({						\
	uint64_t _bytes = UINT64_MAX;					\
									\
	EXPECT_EQ(0, iommu_unmap_all(self->rig.fd, ioas, &_bytes));	\
	_bytes; })

/* What an in-kernel user sees of a child is what is in the buffer. */
static int same(int acc, uint64_t iova, const char *va, size_t length,
		char *copy)
{
	int rc = access_read(acc, iova, copy, length);

	return rc ?: memcmp(copy, va, length) != 0;
}

#define SAME(acc, iova, page, npages)					\
	same(acc, iova, self->buf + (page) * PAGE, (npages) * PAGE, self->copy)

#define EXPECT_PINNED(npages)						\
	do {								\
		EXPECT_EQ(self->pinned + (npages),			\
			  mem_wait_pinned(self->pinned + (npages)));	\
		EXPECT_EQ(npages, mem_vm_pin(0));			\
	} while (0)

#define EXPECT_DMA(iova, page)						\
	EXPECT_EQ(0, edu_check(&self->rig.edu, iova,			\
			       self->buf + (page) * PAGE, SOME))
#define EXPECT_NO_DMA(iova, page)					\
	EXPECT_EQ(0, edu_can_write(&self->rig.edu, iova,		\
				   self->buf + (page) * PAGE, SOME))

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

/* When the parent unmaps --------------------------------------------------- */

TEST_F(nested, gone_at_every_depth)
{
	uint32_t id[6], deep;
	unsigned int i;
	int acc;

	/* Six more below the child's child */
	deep = self->grand;
	ASSERT_EQ(0, MAP_PARENT(0, 32, IOMMU_RW));
	ASSERT_EQ(0, MAP_PARENT(32, 32, IOMMU_RW));
	ASSERT_EQ(0, MAP_CHILD(PARENT, BUF, CHILD));
	ASSERT_EQ(0, MAP_GRAND(CHILD, BUF, GRAND));
	for (i = 0; i < ARRAY_SIZE(id); i++) {
		ASSERT_EQ(0, iommu_alloc_nested(self->rig.fd, deep, &id[i]));
		/* Each of them shows half of the one above, twice */
		ASSERT_EQ(0, map_nested(self->rig.fd, id[i], GRAND, 64 * PAGE,
					IOMMU_RW, GRAND));
		ASSERT_EQ(0, map_nested(self->rig.fd, id[i], GRAND + 8 * PAGE,
					40 * PAGE, IOMMU_RW, GRAND + BUF));
		deep = id[i];
	}
	ASSERT_EQ(0, ATTACH(deep));
	acc = access_open_attached(self->rig.fd, deep);
	ASSERT_LE(0, acc);
	EXPECT_EQ(0, SAME(acc, GRAND, 0, NPAGES));
	EXPECT_EQ(0, SAME(acc, GRAND + BUF, 8, 40));
	EXPECT_DMA(GRAND + BUF, 8);
	EXPECT_DMA(GRAND + 40 * PAGE, 40);

	ASSERT_EQ(0, UNMAP_PARENT(0, 32));
	EXPECT_NO_DMA(GRAND + BUF, 8);
	EXPECT_EQ(0, SAME(acc, GRAND + 32 * PAGE, 32, 32));
	EXPECT_EQ(0, SAME(acc, GRAND + BUF + 24 * PAGE, 32, 16));
	EXPECT_DMA(GRAND + 40 * PAGE, 40);
	ASSERT_EQ(0, UNMAP_PARENT(32, 32));
	for (i = 0; i < ARRAY_SIZE(id); i++) {
		EXPECT_EQ(0, TAKE_ALL(id[i]));
	}
	EXPECT_EQ(0, TAKE_ALL(self->grand));
	EXPECT_EQ(0, TAKE_ALL(self->child));
	EXPECT_PINNED(0);
	close(acc);
}

/* In the middle of the generations: below it all goes, above it nothing. */
TEST_F(nested, gone_from_the_middle_on)
{
	uint32_t sibling;
	int acc;

	ASSERT_EQ(0, iommu_alloc_nested(self->rig.fd, self->rig.ioas,
					&sibling));
	acc = access_open_attached(self->rig.fd, sibling);
	ASSERT_LE(0, acc);
	ASSERT_EQ(0, MAP_PARENT(0, NPAGES, IOMMU_RW));
	ASSERT_EQ(0, map_nested(self->rig.fd, sibling, PARENT, BUF, IOMMU_RW,
				CHILD));
	ASSERT_EQ(0, MAP_CHILD(PARENT, 8 * PAGE, CHILD));
	ASSERT_EQ(0, MAP_CHILD(PARENT + 8 * PAGE, 8 * PAGE, CHILD + 8 * PAGE));
	ASSERT_EQ(0, MAP_GRAND(CHILD + 4 * PAGE, 8 * PAGE, GRAND));
	ASSERT_EQ(0, ATTACH(sibling));
	EXPECT_EQ(0, SAME(self->grand_acc, GRAND, 4, 8));
	ASSERT_EQ(0, iommu_ioas_unmap(self->rig.fd, self->child, CHILD,
				      8 * PAGE, NULL));
	EXPECT_EQ(-ENOENT, SAME(self->grand_acc, GRAND, 4, 1));
	EXPECT_EQ(0, SAME(self->grand_acc, GRAND + 4 * PAGE, 8, 4));
	EXPECT_EQ(0, SAME(acc, CHILD, 0, NPAGES));
	EXPECT_DMA(CHILD + 3 * PAGE, 3);
	EXPECT_EQ(4 * PAGE, TAKE_ALL(self->grand));
	EXPECT_EQ(8 * PAGE, TAKE_ALL(self->child));

	/* One that is cut cannot be unmapped, in a child either */
	EXPECT_EQ(-ENOENT, iommu_ioas_unmap(self->rig.fd, sibling, CHILD,
					    PAGE, NULL));
	EXPECT_EQ(-ENOENT, iommu_ioas_unmap(self->rig.fd, self->rig.ioas,
					    PARENT, PAGE, NULL));
	EXPECT_EQ(0, SAME(acc, CHILD, 0, NPAGES));
	close(acc);
}

/* What is mapped in the parent later is not what the child was made of. */
TEST_F(nested, mapped_anew)
{
	ASSERT_EQ(0, MAP_PARENT(0, 4, IOMMU_RW));
	ASSERT_EQ(0, ATTACH(self->child));
	ASSERT_EQ(0, MAP_CHILD(PARENT, 4 * PAGE, CHILD));
	ASSERT_EQ(0, UNMAP_PARENT(0, 4));
	ASSERT_EQ(0, rig_map(&self->rig, self->buf + 8 * PAGE, 4 * PAGE,
			     PARENT));
	EXPECT_EQ(-ENOENT, SAME(self->acc, CHILD, 0, 1));
	EXPECT_NO_DMA(CHILD, 0);
	EXPECT_NO_DMA(CHILD, 8);
	ASSERT_EQ(0, MAP_CHILD(PARENT, 4 * PAGE, CHILD));
	EXPECT_EQ(0, SAME(self->acc, CHILD, 8, 4));
	EXPECT_DMA(CHILD, 8);
}

/* A transfer has been started and not happened yet: too late for it. */
TEST_F(nested, transfer_on_its_way)
{
	struct edu *edu = &self->rig.edu;

	ASSERT_EQ(0, MAP_PARENT(0, 4, IOMMU_RW));
	ASSERT_EQ(0, MAP_CHILD(PARENT, 4 * PAGE, CHILD));
	ASSERT_EQ(0, MAP_GRAND(CHILD, 4 * PAGE, GRAND));
	ASSERT_EQ(0, ATTACH(self->grand));
	/* The IOTLB knows the page */
	EXPECT_DMA(GRAND + PAGE, 1);
	mem_fill(self->buf, 4 * PAGE, 7);
	edu_start_write(edu, GRAND + PAGE, SOME);
	ASSERT_EQ(0, UNMAP_PARENT(0, 4));
	EXPECT_TRUE(edu_busy(edu));
	ASSERT_EQ(0, edu_wait(edu));
	EXPECT_EQ(-1, mem_check(self->buf, 4 * PAGE, 7));
	EXPECT_PINNED(0);
}

/*
 * Somebody who maps into a child, without pause: one by one, or by a batch that
 * looks at all of its sources before it places the first one.
 */
#define SLOTS 32U

struct mapper {
	pthread_t thread;
	int fd;
	uint32_t ioas;
	uint64_t src;
	uint64_t to;
	bool batch;
	bool stop;
	unsigned int mapped;
	int bad;
};

static int map_slots(struct mapper *m)
{
	struct ioasid_batch_entry e[SLOTS];
	unsigned int i;
	int rc = 0;

	if (!__atomic_load_n(&m->batch, __ATOMIC_RELAXED)) {
		for (i = 0; i < SLOTS && !rc; i++)
			rc = map_nested(m->fd, m->ioas, m->src + i * PAGE,
					PAGE, IOMMU_RW, m->to + i * PAGE);
		return rc;
	}
	for (i = 0; i < SLOTS; i++)
		e[i] = (struct ioasid_batch_entry) {
			.src = m->src + i * PAGE,
			.iova = m->to + i * PAGE,
			.length = PAGE,
			.flags = IOMMU_RW | IOMMU_FIXED,
		};
	return iommu_map_batch(m->fd, m->ioas, e, SLOTS, NULL);
}

static void *mapper_fn(void *arg)
{
	struct mapper *m = arg;

	while (!__atomic_load_n(&m->stop, __ATOMIC_RELAXED)) {
		int rc = iommu_unmap_all(m->fd, m->ioas, NULL);

		if (rc && rc != -EBUSY && rc != -ENOENT)
			m->bad = rc;
		rc = map_slots(m);
		if (!rc)
			__atomic_add_fetch(&m->mapped, 1, __ATOMIC_RELAXED);
		else if (rc != -EFAULT && rc != -EEXIST)
			m->bad = rc;
	}
	return NULL;
}

/* How many slots of the child there are; @acc is a user of it. */
static unsigned int slots_there(int acc, uint64_t to)
{
	unsigned int i, count = 0;
	char byte;

	for (i = 0; i < SLOTS; i++)
		count += access_read(acc, to + i * PAGE, &byte, 1) != -ENOENT;
	return count;
}

static unsigned int count_of(unsigned int *what)
{
	return __atomic_load_n(what, __ATOMIC_RELAXED);
}

/*
 * The parent unmaps while another thread maps into its child, and a third one
 * into the child's child. When it comes back there is nothing, and nothing new
 * can come.
 */
TEST_F(nested, unmap_against_mappers)
{
	const bool debug = mem_debug_kernel();
	const unsigned int rounds = debug ? 30 : 400;
	struct mapper m[2] = {
		{ .ioas = self->child, .src = PARENT, .to = CHILD },
		{ .ioas = self->grand, .src = CHILD, .to = GRAND },
	};
	unsigned int i, k;

	ASSERT_EQ(0, ATTACH(self->grand));
	for (k = 0; k < 2; k++) {
		m[k].fd = self->rig.fd;
		m[k].batch = true;
		ASSERT_EQ(0, pthread_create(&m[k].thread, NULL, mapper_fn,
					    &m[k]));
	}
	for (i = 0; i < rounds; i++) {
		unsigned int had = count_of(&m[0].mapped);

		__atomic_store_n(&m[i % 2].batch, i % 4 < 2, __ATOMIC_RELAXED);
		ASSERT_EQ(0, MAP_PARENT(0, SLOTS, IOMMU_RW));
		/* In the middle of it: when there is something to lose */
		while (count_of(&m[0].mapped) == had && !m[0].bad && !m[1].bad)
			sched_yield();
		ASSERT_EQ(0, UNMAP_PARENT(0, SLOTS));
		ASSERT_EQ(0, slots_there(self->acc, CHILD)) {
			TH_LOG("round %u", i);
		}
		ASSERT_EQ(0, slots_there(self->grand_acc, GRAND)) {
			TH_LOG("round %u", i);
		}
		if (i % 50 == 0) {
			EXPECT_PINNED(0);
			EXPECT_NO_DMA(GRAND + (i % SLOTS) * PAGE, i % SLOTS);
		}
	}
	EXPECT_PINNED(0);
	for (k = 0; k < 2; k++) {
		__atomic_store_n(&m[k].stop, true, __ATOMIC_RELAXED);
		pthread_join(m[k].thread, NULL);
		EXPECT_EQ(0, m[k].bad);
	}
	EXPECT_EQ(0, TAKE_ALL(self->child));
	EXPECT_EQ(0, TAKE_ALL(self->grand));
}

/* In-kernel users ---------------------------------------------------------- */

struct unmapper {
	pthread_t thread;
	int fd;
	uint32_t ioas;
	uint64_t iova;
	uint64_t length;
	int rc;
	bool done;
};

static void *unmapper_fn(void *arg)
{
	struct unmapper *u = arg;

	u->rc = iommu_ioas_unmap(u->fd, u->ioas, u->iova, u->length, NULL);
	__atomic_store_n(&u->done, true, __ATOMIC_SEQ_CST);
	return NULL;
}

/* They are told in their own addresses, at any depth. */
TEST_F(nested, callback)
{
	struct access_test_event event;

	ASSERT_EQ(0, MAP_PARENT(0, 16, IOMMU_RW));
	ASSERT_EQ(0, MAP_PARENT(16, 16, IOMMU_RW));
	ASSERT_EQ(0, MAP_CHILD(PARENT + 8 * PAGE, 16 * PAGE, CHILD));
	ASSERT_EQ(0, MAP_GRAND(CHILD + 6 * PAGE, 4 * PAGE, GRAND));
	ASSERT_EQ(0, access_pin(self->acc, CHILD + 9 * PAGE, 3 * PAGE, 0));
	ASSERT_EQ(0, access_pin(self->grand_acc, GRAND + PAGE, PAGE, 0));
	EXPECT_PINNED(4);
	EXPECT_EQ(0, access_peek(self->acc, CHILD + 9 * PAGE, self->copy,
				 3 * PAGE));
	EXPECT_EQ(0, memcmp(self->copy, self->buf + 17 * PAGE, 3 * PAGE));

	/* The first half: of the child nothing is pinned, of the other it is */
	ASSERT_EQ(0, UNMAP_PARENT(0, 16));
	EXPECT_EQ(-EAGAIN, access_event(self->acc, &event));
	ASSERT_EQ(0, access_event(self->grand_acc, &event));
	EXPECT_LE(event.iova, GRAND + PAGE);
	EXPECT_LE(GRAND + 2 * PAGE, event.iova + event.length);
	EXPECT_LE(event.iova + event.length, GRAND + 2 * PAGE);
	EXPECT_PINNED(3);
	ASSERT_EQ(0, UNMAP_PARENT(16, 16));
	ASSERT_EQ(0, access_event(self->acc, &event));
	EXPECT_LE(event.iova, CHILD + 9 * PAGE);
	EXPECT_LE(CHILD + 12 * PAGE, event.iova + event.length);
	EXPECT_PINNED(0);
	EXPECT_EQ(0, TAKE_ALL(self->child));
}

/* The parent's unmap does not come back before they have let go. */
TEST_F(nested, callback_waits)
{
	struct unmapper u = {
		.fd = self->rig.fd, .ioas = self->rig.ioas, .iova = PARENT,
		.length = BUF,
	};
	struct access_test_event event;

	ASSERT_EQ(0, MAP_PARENT(0, NPAGES, IOMMU_RW));
	ASSERT_EQ(0, MAP_CHILD(PARENT, 8 * PAGE, CHILD));
	ASSERT_EQ(0, MAP_GRAND(CHILD, 8 * PAGE, GRAND));
	ASSERT_EQ(0, access_pin(self->grand_acc, GRAND, 2 * PAGE, 0));
	ASSERT_EQ(0, access_set_policy(self->grand_acc, ACCESS_TEST_HOLD));
	ASSERT_EQ(0, pthread_create(&u.thread, NULL, unmapper_fn, &u));
	ASSERT_EQ(0, access_wait_event(self->grand_acc, &event));
	EXPECT_EQ(0, access_peek(self->grand_acc, GRAND, self->copy,
				 2 * PAGE));
	EXPECT_EQ(0, memcmp(self->copy, self->buf, 2 * PAGE));
	/* Others of the family go on meanwhile */
	ASSERT_EQ(0, rig_map(&self->rig, self->buf, PAGE, GRAND));
	ASSERT_EQ(0, MAP_CHILD(GRAND, PAGE, GRAND));
	EXPECT_EQ(0, SAME(self->acc, GRAND, 0, 1));
	EXPECT_FALSE(__atomic_load_n(&u.done, __ATOMIC_SEQ_CST));
	EXPECT_EQ(2, mem_vm_pin(0));

	ASSERT_EQ(0, access_unpin(self->grand_acc, GRAND, 2 * PAGE));
	ASSERT_EQ(0, pthread_join(u.thread, NULL));
	EXPECT_EQ(0, u.rc);
	EXPECT_EQ(-ENOENT, SAME(self->grand_acc, GRAND, 0, 1));
	EXPECT_PINNED(0);
	EXPECT_EQ(PAGE, TAKE_ALL(self->child));
}

/* By a batch, with ranges that begin before and end behind what they take. */
TEST_F(nested, batch_calls_back)
{
	struct ioasid_batch_entry e[3] = {
		{ .iova = PARENT, .length = 16 * PAGE, .error = -1 },
		{ .iova = PARENT + 20 * PAGE, .length = 10 * PAGE, .error = -1 },
		{ .iova = PARENT + 40 * PAGE, .length = PAGE, .error = -1 },
	};
	struct access_test_event event;
	unsigned int i;
	uint32_t done;

	ASSERT_EQ(0, MAP_PARENT(4, 4, IOMMU_RW));
	ASSERT_EQ(0, MAP_PARENT(24, 2, IOMMU_RW));
	ASSERT_EQ(0, MAP_PARENT(40, 1, IOMMU_RW));
	ASSERT_EQ(0, MAP_CHILD(PARENT + 4 * PAGE, 4 * PAGE, CHILD));
	ASSERT_EQ(0, MAP_CHILD(PARENT + 24 * PAGE, 2 * PAGE,
			       CHILD + 8 * PAGE));
	ASSERT_EQ(0, MAP_GRAND(CHILD + 8 * PAGE, 2 * PAGE, GRAND));
	ASSERT_EQ(0, access_pin(self->acc, CHILD, PAGE, 0));
	ASSERT_EQ(0, access_pin(self->grand_acc, GRAND, PAGE, 0));
	ASSERT_EQ(0, iommu_unmap_batch(self->rig.fd, self->rig.ioas, e, 3,
				       &done));
	EXPECT_EQ(3, done);
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(0, e[i].error);
	}
	EXPECT_EQ(4 * PAGE, e[0].length);
	EXPECT_EQ(2 * PAGE, e[1].length);
	EXPECT_EQ(PAGE, e[2].length);
	EXPECT_EQ(0, access_event(self->acc, &event));
	EXPECT_EQ(0, access_event(self->grand_acc, &event));
	EXPECT_EQ(0, TAKE_ALL(self->child));
	EXPECT_EQ(0, TAKE_ALL(self->grand));
	EXPECT_PINNED(0);
}

/* One that ends before what is pinned: that stays open for more pins. */
TEST_F(nested, batch_ends_before_the_obstacle)
{
	struct ioasid_batch_entry *e = mem_anon(PAGE);
	struct access_test_event event;
	uint32_t done;

	ASSERT_NE(NULL, e);
	ASSERT_EQ(0, MAP_PARENT(0, 1, IOMMU_RW));
	ASSERT_EQ(0, MAP_PARENT(1, 2, IOMMU_RW));
	ASSERT_EQ(0, MAP_CHILD(PARENT + PAGE, 2 * PAGE, CHILD));
	ASSERT_EQ(0, access_pin(self->acc, CHILD, PAGE, 0));
	e[0] = (struct ioasid_batch_entry) { .iova = PARENT, .length = PAGE };
	e[1] = (struct ioasid_batch_entry) { .iova = PARENT + PAGE,
					     .length = 2 * PAGE };
	/* The first entry cannot be answered */
	ASSERT_EQ(0, mprotect(e, PAGE, PROT_READ));
	EXPECT_EQ(-EFAULT, iommu_unmap_batch(self->rig.fd, self->rig.ioas, e,
					     2, &done));
	EXPECT_EQ(-EAGAIN, access_event(self->acc, &event));
	EXPECT_EQ(0, access_pin(self->acc, CHILD + PAGE, PAGE, 0));
	EXPECT_EQ(0, SAME(self->acc, CHILD, 1, 2));
	ASSERT_EQ(0, access_unpin(self->acc, CHILD, PAGE));
	ASSERT_EQ(0, access_unpin(self->acc, CHILD + PAGE, PAGE));
	mem_free(e, PAGE);
}

/* Life and death ----------------------------------------------------------- */

TEST_F(nested, destroy)
{
	int fd = self->rig.fd;
	uint32_t id;

	ASSERT_EQ(0, MAP_PARENT(0, NPAGES, IOMMU_RW));
	EXPECT_EQ(-EBUSY, iommu_destroy(fd, self->rig.ioas));
	EXPECT_EQ(-EBUSY, iommu_destroy(fd, self->child));
	/* It has users */
	EXPECT_EQ(-EBUSY, iommu_destroy(fd, self->grand));
	close(self->grand_acc);
	self->grand_acc = -1;
	ASSERT_EQ(0, ATTACH(self->grand));
	EXPECT_EQ(-EBUSY, iommu_destroy(fd, self->grand));
	ASSERT_EQ(0, DETACH());

	/* With mappings: they go with it */
	ASSERT_EQ(0, MAP_CHILD(PARENT, BUF, CHILD));
	ASSERT_EQ(0, MAP_GRAND(CHILD, BUF, GRAND));
	EXPECT_EQ(0, iommu_destroy(fd, self->grand));
	EXPECT_EQ(-ENOENT, iommu_alloc_nested(fd, self->grand, &id));
	EXPECT_EQ(-EBUSY, iommu_destroy(fd, self->child));
	EXPECT_EQ(-EBUSY, iommu_destroy(fd, self->rig.ioas));
	close(self->acc);
	self->acc = -1;
	EXPECT_EQ(0, iommu_destroy(fd, self->child));
	ASSERT_EQ(0, UNMAP_PARENT(0, NPAGES));
	EXPECT_EQ(0, iommu_destroy(fd, self->rig.ioas));
}

TEST_F(nested, depth_limit)
{
	uint64_t most = iommu_extension(self->rig.fd, IOASID_EXT_NESTED);
	uint32_t id[65], deep = self->rig.ioas, other;
	unsigned int i;
	int acc;

	ASSERT_LE(most, 64);
	ASSERT_EQ(0, MAP_PARENT(0, NPAGES, IOMMU_RW));
	for (i = 0; i < most; i++) {
		ASSERT_EQ(0, iommu_alloc_nested(self->rig.fd, deep, &id[i])) {
			TH_LOG("depth %u", i + 1);
		}
		ASSERT_EQ(0, map_nested(self->rig.fd, id[i],
					PARENT + (i ? 0 : 3) * PAGE, 4 * PAGE,
					IOMMU_RW, PARENT));
		deep = id[i];
	}
	EXPECT_EQ(-EOVERFLOW, iommu_alloc_nested(self->rig.fd, deep, &other));
	acc = access_open_attached(self->rig.fd, deep);
	ASSERT_LE(0, acc);
	ASSERT_EQ(0, ATTACH(deep));
	EXPECT_EQ(0, SAME(acc, PARENT, 3, 4));
	EXPECT_DMA(PARENT + PAGE, 4);
	ASSERT_EQ(0, UNMAP_PARENT(0, NPAGES));
	EXPECT_EQ(-ENOENT, SAME(acc, PARENT, 3, 1));
	EXPECT_NO_DMA(PARENT + PAGE, 4);
	close(acc);
	ASSERT_EQ(0, DETACH());
	EXPECT_EQ(-EBUSY, iommu_destroy(self->rig.fd, id[0]));
	while (i--)
		EXPECT_EQ(0, iommu_destroy(self->rig.fd, id[i]));
}

/* Everything at once, in whatever order the kernel finds it. */
TEST_F(nested, close_with_everything)
{
	ASSERT_EQ(0, MAP_PARENT(0, NPAGES, IOMMU_RW));
	ASSERT_EQ(0, MAP_CHILD(PARENT, BUF, CHILD));
	ASSERT_EQ(0, MAP_GRAND(CHILD, BUF, GRAND));
	ASSERT_EQ(0, ATTACH(self->grand));
	ASSERT_EQ(0, access_pin(self->acc, CHILD, 8 * PAGE, 0));
	EXPECT_PINNED(NPAGES);
	close(self->rig.fd);
	self->rig.fd = -1;
	EXPECT_DMA(GRAND + PAGE, 1);
	/* The teardown closes the rest and looks what is left */
}

/* Attaching ---------------------------------------------------------------- */

TEST_F(nested, attach_in_any_order)
{
	ASSERT_EQ(0, MAP_PARENT(0, NPAGES, IOMMU_RW));
	ASSERT_EQ(0, MAP_CHILD(PARENT, 4 * PAGE, CHILD));
	EXPECT_PINNED(0);

	/* The device comes after the one and before the other */
	ASSERT_EQ(0, ATTACH(self->child));
	EXPECT_PINNED(NPAGES);
	EXPECT_DMA(CHILD + PAGE, 1);
	ASSERT_EQ(0, MAP_CHILD(PARENT + 8 * PAGE, 4 * PAGE, CHILD + 8 * PAGE));
	EXPECT_DMA(CHILD + 9 * PAGE, 9);
	ASSERT_EQ(0, DETACH());
	EXPECT_PINNED(0);
	EXPECT_NO_DMA(CHILD + PAGE, 1);

	/* Unmapped while nobody is attached */
	ASSERT_EQ(0, iommu_ioas_unmap(self->rig.fd, self->child, CHILD,
				      4 * PAGE, NULL));
	ASSERT_EQ(0, ATTACH(self->child));
	EXPECT_NO_DMA(CHILD + PAGE, 1);
	EXPECT_DMA(CHILD + 9 * PAGE, 9);
}

/*
 * A mapping of the parent is pinned by the first child that needs a page of it for
 * a device, and stays while any child has a page table, or until it goes.
 */
TEST_F(nested, pinned_while_a_child_has_a_table)
{
	const unsigned int half = NPAGES / 2;
	struct vfio_pci pci[2];
	struct edu second;

	if (edu_find_alone(pci, 2) != 2)
		SKIP(return, "needs two devices in groups of their own");
	ASSERT_EQ(0, MAP_PARENT(0, half, IOMMU_RW));
	ASSERT_EQ(0, MAP_PARENT(half, half, IOMMU_RW));
	ASSERT_EQ(0, MAP_CHILD(PARENT, PAGE, CHILD));
	ASSERT_EQ(0, MAP_CHILD(PARENT + half * PAGE, PAGE, CHILD + PAGE));
	ASSERT_EQ(0, iommu_ioas_unmap(self->rig.fd, self->child, CHILD, PAGE,
				      NULL));
	EXPECT_PINNED(0);

	/* The one that is left counts when the table comes, the other later */
	ASSERT_EQ(0, ATTACH(self->child));
	EXPECT_PINNED(half);
	ASSERT_EQ(0, MAP_CHILD(PARENT + 3 * PAGE, PAGE, CHILD));
	EXPECT_PINNED(NPAGES);
	EXPECT_DMA(CHILD, 3);
	EXPECT_EQ(2 * PAGE, TAKE_ALL(self->child));
	EXPECT_PINNED(NPAGES);
	ASSERT_EQ(0, MAP_CHILD(PARENT + 4 * PAGE, 2 * PAGE, CHILD));
	EXPECT_DMA(CHILD + PAGE, 5);

	/* A second child's table, below the first's */
	ASSERT_EQ(0, edu_open(&second, &pci[1], self->rig.fd));
	ASSERT_EQ(0, vfio_attach(second.fd, self->grand, NULL));
	ASSERT_EQ(0, DETACH());
	EXPECT_PINNED(NPAGES);
	ASSERT_EQ(0, MAP_GRAND(CHILD + PAGE, PAGE, GRAND));
	EXPECT_EQ(0, edu_check(&second, GRAND, self->buf + 5 * PAGE, SOME));

	/* Gone with the mapping, and what is left with the table */
	ASSERT_EQ(0, UNMAP_PARENT(0, half));
	EXPECT_PINNED(half);
	EXPECT_EQ(0, edu_can_write(&second, GRAND, self->buf + 5 * PAGE, SOME));
	ASSERT_EQ(0, vfio_detach(second.fd));
	EXPECT_PINNED(0);
	edu_close(&second);
}

/* A parent's own table comes and goes while a child has one. */
TEST_F(nested, pinned_by_parent_and_child)
{
	struct vfio_pci pci[2];
	struct edu second;

	if (edu_find_alone(pci, 2) != 2)
		SKIP(return, "needs two devices in groups of their own");
	ASSERT_EQ(0, edu_open(&second, &pci[1], self->rig.fd));
	ASSERT_EQ(0, MAP_PARENT(0, NPAGES, IOMMU_RW));
	ASSERT_EQ(0, ATTACH(self->rig.ioas));
	ASSERT_EQ(0, vfio_attach(second.fd, self->child, NULL));
	ASSERT_EQ(0, MAP_CHILD(PARENT + PAGE, PAGE, CHILD));
	EXPECT_PINNED(NPAGES);
	ASSERT_EQ(0, DETACH());
	EXPECT_PINNED(NPAGES);
	EXPECT_EQ(0, edu_check(&second, CHILD, self->buf + PAGE, SOME));
	ASSERT_EQ(0, ATTACH(self->rig.ioas));
	ASSERT_EQ(0, vfio_detach(second.fd));
	EXPECT_PINNED(NPAGES);
	EXPECT_DMA(PARENT + PAGE, 1);
	ASSERT_EQ(0, DETACH());
	EXPECT_PINNED(0);
	edu_close(&second);
}

/* The same address means something else in each generation. */
TEST_F(nested, replace)
{
	ASSERT_EQ(0, MAP_PARENT(0, NPAGES, IOMMU_RW));
	ASSERT_EQ(0, MAP_CHILD(PARENT + 10 * PAGE, 4 * PAGE, PARENT));
	ASSERT_EQ(0, MAP_GRAND(PARENT + 2 * PAGE, 2 * PAGE, PARENT));
	ASSERT_EQ(0, ATTACH(self->rig.ioas));
	EXPECT_DMA(PARENT, 0);
	ASSERT_EQ(0, MOVE(self->child));
	EXPECT_DMA(PARENT, 10);
	ASSERT_EQ(0, MOVE(self->grand));
	EXPECT_DMA(PARENT, 12);
	ASSERT_EQ(0, MOVE(self->rig.ioas));
	EXPECT_DMA(PARENT, 0);
	EXPECT_PINNED(NPAGES);
	ASSERT_EQ(0, DETACH());
	EXPECT_PINNED(0);
}

/* A page table of its own for a child, and one with small entries. */
TEST_F(nested, hwpt)
{
	uint32_t hwpt;

	if (!rig_fills_ahead())
		SKIP(return, RIG_NOT_AHEAD);
	ASSERT_EQ(0, MAP_PARENT(0, NPAGES, IOMMU_RW));
	ASSERT_EQ(0, MAP_CHILD(PARENT + PAGE, PAGE, CHILD));
	ASSERT_EQ(0, iommu_option_set(self->rig.fd, IOMMU_OPTION_HUGE_PAGES,
				      self->child, 0));
	ASSERT_EQ(0, iommu_hwpt_alloc(self->rig.fd, self->rig.edu.dev_id,
				      self->child, 0, &hwpt));
	EXPECT_PINNED(NPAGES);
	EXPECT_EQ(-EBUSY, iommu_destroy(self->rig.fd, self->child));
	ASSERT_EQ(0, ATTACH(hwpt));
	EXPECT_DMA(CHILD, 1);
	ASSERT_EQ(0, UNMAP_PARENT(0, NPAGES));
	EXPECT_NO_DMA(CHILD, 1);
	ASSERT_EQ(0, DETACH());
	ASSERT_EQ(0, iommu_destroy(self->rig.fd, hwpt));
}

/* A child has the limits of its own devices, not those of its parent's. */
TEST_F(nested, reserved_ranges)
{
	struct iommu_iova_range ranges[16];
	uint32_t nr = ARRAY_SIZE(ranges);

	ASSERT_EQ(0, MAP_PARENT(0, NPAGES, IOMMU_RW));
	ASSERT_EQ(0, MAP_CHILD(PARENT, PAGE, MSI_WINDOW));
	EXPECT_EQ(-EADDRINUSE, ATTACH(self->child));
	EXPECT_EQ(PAGE, TAKE_ALL(self->child));
	ASSERT_EQ(0, ATTACH(self->child));
	EXPECT_EQ(-EINVAL, MAP_CHILD(PARENT, PAGE, MSI_WINDOW));
	ASSERT_EQ(0, iommu_iova_ranges(self->rig.fd, self->child, ranges, &nr,
				       NULL));
	EXPECT_LT(1, nr);
	/* The parent is not touched by it */
	nr = ARRAY_SIZE(ranges);
	ASSERT_EQ(0, iommu_iova_ranges(self->rig.fd, self->rig.ioas, ranges,
				       &nr, NULL));
	EXPECT_EQ(1, nr);
	ASSERT_EQ(0, rig_map(&self->rig, self->buf, PAGE, MSI_WINDOW));
	ASSERT_EQ(0, MAP_CHILD(MSI_WINDOW, PAGE, CHILD));
	EXPECT_DMA(CHILD, 0);
}

/* Who pays ----------------------------------------------------------------- */

struct payer {
	struct rig *rig;
	uint32_t child;
	uint32_t grand;
};

/* The limit is what the parent takes: the children take nothing. */
static void map_with_limit(void *arg)
{
	struct payer *p = arg;
	char *buf = mem_anon(BUF);
	struct edu second;
	struct vfio_pci pci[2];
	bool two = edu_find_alone(pci, 2) == 2;
	int fd = p->rig->fd;

	if (two)
		CHILD_EQ(0, edu_open(&second, &pci[1], fd));
	CHILD_EQ(0, mem_become_user(USER, BUF));
	CHILD_EQ(0, rig_attach(p->rig));
	CHILD_EQ(0, rig_map(p->rig, buf, BUF, PARENT));
	CHILD_EQ(NPAGES, mem_vm_pin(0));
	CHILD_EQ(0, map_nested(fd, p->child, PARENT, BUF, IOMMU_RW, CHILD));
	CHILD_EQ(0, map_nested(fd, p->child, PARENT, BUF, IOMMU_RW,
			       CHILD + BUF));
	CHILD_EQ(0, map_nested(fd, p->grand, CHILD, 2 * BUF, IOMMU_RW, GRAND));
	/* Each of them is in a page table of its own */
	if (two)
		CHILD_EQ(0, vfio_attach(second.fd, p->grand, NULL));
	CHILD_EQ(NPAGES, mem_vm_pin(0));
	CHILD_EQ(-ENOMEM, rig_map(p->rig, buf, PAGE, GRAND));
	CHILD_EQ(0, rig_move(p->rig->edu.fd, p->child));
	CHILD_EQ(NPAGES, mem_vm_pin(0));
	CHILD_EQ(0, edu_check(&p->rig->edu, CHILD + BUF, buf, SOME));
	if (two) {
		CHILD_EQ(0, edu_check(&second, GRAND + BUF, buf, SOME));
		edu_close(&second);
	}
}

TEST_F(nested, limit_of_locked_memory)
{
	struct payer p = { &self->rig, self->child, self->grand };

	EXPECT_EQ(0, child_run(map_with_limit, &p));
	ASSERT_EQ(0, DETACH());
	EXPECT_EQ(self->pinned, mem_wait_pinned(self->pinned));
}

/* Another process may map into a child: it is no memory of its own. */
static void map_from_elsewhere(void *arg)
{
	struct payer *p = arg;

	CHILD_EQ(0, mem_become_user(USER, 0));
	CHILD_EQ(0, map_nested(p->rig->fd, p->child, PARENT, BUF, IOMMU_RW,
			       CHILD));
	CHILD_EQ(0, mem_vm_pin(0));
}

TEST_F(nested, another_process)
{
	struct payer p = { &self->rig, self->child, self->grand };

	ASSERT_EQ(0, MAP_PARENT(0, NPAGES, IOMMU_RW));
	ASSERT_EQ(0, rig_attach(&self->rig));
	ASSERT_EQ(0, MOVE(self->child));
	ASSERT_EQ(0, child_run(map_from_elsewhere, &p));
	EXPECT_PINNED(NPAGES);
	EXPECT_EQ(0, SAME(self->acc, CHILD, 0, NPAGES));
	EXPECT_DMA(CHILD + 5 * PAGE, 5);
}

/* Taken over by another process: counted once, however often it is mapped. */
static void take_over(void *arg)
{
	struct payer *p = arg;

	CHILD_EQ(0, iommu_change_process(p->rig->fd));
	CHILD_EQ(NPAGES, mem_vm_pin(0));
}

TEST_F(nested, change_process)
{
	struct payer p = { &self->rig, self->child, self->grand };
	int file = mem_memfd(BUF, 0);
	char *va;

	if (!iommu_has_cmd(self->rig.fd, IOMMU_IOAS_CHANGE_PROCESS))
		SKIP(return, "no IOMMU_IOAS_CHANGE_PROCESS in this module");
	ASSERT_LE(0, file);
	va = mem_map_file(file, 0, BUF);
	ASSERT_NE(NULL, va);
	ASSERT_EQ(0, iommu_map_file_fixed(self->rig.fd, self->rig.ioas, file,
					  0, BUF, IOMMU_RW, PARENT));
	ASSERT_EQ(0, MAP_CHILD(PARENT, BUF, CHILD));
	ASSERT_EQ(0, MAP_CHILD(PARENT, BUF, CHILD + BUF));
	ASSERT_EQ(0, ATTACH(self->child));
	EXPECT_EQ(NPAGES, mem_vm_pin(0));
	ASSERT_EQ(0, child_run(take_over, &p));
	EXPECT_EQ(0, mem_vm_pin(0));
	EXPECT_EQ(0, edu_check(&self->rig.edu, CHILD + BUF + PAGE, va + PAGE,
			       SOME));
	ASSERT_EQ(0, UNMAP_PARENT(0, NPAGES));
	EXPECT_EQ(self->pinned, mem_wait_pinned(self->pinned));
	close(file);
}

/* Other users of it -------------------------------------------------------- */

/* Through the commands of the legacy container. */
TEST_F(nested, legacy_map)
{
	uint64_t bytes = 0;

	ASSERT_EQ(0, MAP_PARENT(0, NPAGES, IOMMU_RW));
	ASSERT_EQ(0, iommu_vfio_ioas_set(self->rig.fd, self->child));
	ASSERT_EQ(0, ATTACH(self->child));
	ASSERT_EQ(0, vfio_dma_map(self->rig.fd, (void *)(PARENT + 4 * PAGE),
				  4 * PAGE, CHILD,
				  VFIO_DMA_MAP_FLAG_READ |
				  VFIO_DMA_MAP_FLAG_WRITE));
	EXPECT_EQ(0, SAME(self->acc, CHILD, 4, 4));
	EXPECT_DMA(CHILD, 4);
	EXPECT_EQ(-EFAULT, vfio_dma_map(self->rig.fd, self->buf, PAGE, GRAND,
					VFIO_DMA_MAP_FLAG_READ));
	ASSERT_EQ(0, vfio_dma_unmap(self->rig.fd, CHILD, 4 * PAGE, 0, &bytes));
	EXPECT_EQ(4 * PAGE, bytes);
	EXPECT_NO_DMA(CHILD, 4);
}

/* Two devices in two generations, each with its own view of the memory. */
TEST_F(nested, two_devices)
{
	struct vfio_pci pci[2];
	struct edu second;

	if (edu_find_alone(pci, 2) != 2)
		SKIP(return, "needs two devices in groups of their own");
	ASSERT_EQ(0, edu_open(&second, &pci[1], self->rig.fd));
	ASSERT_EQ(0, ATTACH(self->rig.ioas));
	ASSERT_EQ(0, vfio_attach(second.fd, self->child, NULL));
	ASSERT_EQ(0, MAP_PARENT(0, NPAGES, IOMMU_RW));
	ASSERT_EQ(0, MAP_CHILD(PARENT + 5 * PAGE, PAGE, CHILD));
	EXPECT_PINNED(NPAGES);
	EXPECT_DMA(PARENT + 5 * PAGE, 5);
	EXPECT_EQ(0, edu_check(&second, CHILD, self->buf + 5 * PAGE, SOME));
	EXPECT_NO_DMA(CHILD, 5);
	EXPECT_EQ(0, edu_can_write(&second, PARENT + 5 * PAGE,
				   self->buf + 5 * PAGE, SOME));
	ASSERT_EQ(0, DETACH());
	EXPECT_PINNED(NPAGES);
	EXPECT_EQ(0, edu_check(&second, CHILD, self->buf + 5 * PAGE, SOME));
	ASSERT_EQ(0, UNMAP_PARENT(0, NPAGES));
	EXPECT_EQ(0, edu_can_write(&second, CHILD, self->buf + 5 * PAGE,
				   SOME));
	EXPECT_PINNED(0);
	edu_close(&second);
}

/* A BAR seen through a child is taken from it as well when its device goes. */
TEST_F(nested, bar)
{
	struct vfio_pci pci[2];
	struct edu second;
	uint32_t value = 0x12345678;

	if (edu_find_alone(pci, 2) != 2)
		SKIP(return, "needs two devices in groups of their own");
	ASSERT_EQ(0, edu_open(&second, &pci[1], self->rig.fd));
	ASSERT_EQ(0, MAP_PARENT(0, NPAGES, IOMMU_RW));
	ASSERT_EQ(0, ATTACH(self->grand));
	ASSERT_EQ(0, rig_map(&self->rig, second.regs, PAGE, GRAND));
	ASSERT_EQ(0, MAP_CHILD(GRAND, PAGE, CHILD));
	ASSERT_EQ(0, MAP_GRAND(CHILD, PAGE, CHILD));
	ASSERT_EQ(0, MAP_CHILD(PARENT, PAGE, PARENT));
	ASSERT_EQ(0, MAP_GRAND(PARENT, PAGE, PARENT));
	memcpy(self->buf, &value, 4);
	ASSERT_EQ(0, edu_copy(&self->rig.edu, PARENT,
			      CHILD + EDU_REG_LIVENESS, 4));
	EXPECT_EQ(~value, edu_reg_read(&second, EDU_REG_LIVENESS));

	edu_close(&second);
	ASSERT_EQ(0, edu_open(&second, &pci[1], self->rig.fd));
	edu_reg_write(&second, EDU_REG_LIVENESS, 0);
	ASSERT_EQ(0, edu_copy(&self->rig.edu, PARENT,
			      CHILD + EDU_REG_LIVENESS, 4));
	EXPECT_EQ(~0U, edu_reg_read(&second, EDU_REG_LIVENESS));
	/* Nor by a new mapping of the child's */
	ASSERT_EQ(0, iommu_ioas_unmap(self->rig.fd, self->child, CHILD, PAGE,
				      NULL));
	if (!MAP_CHILD(GRAND, PAGE, CHILD) && !MAP_GRAND(CHILD, PAGE, CHILD)) {
		ASSERT_EQ(0, edu_copy(&self->rig.edu, PARENT,
				      CHILD + EDU_REG_LIVENESS, 4));
		EXPECT_EQ(~0U, edu_reg_read(&second, EDU_REG_LIVENESS));
	}
	EXPECT_DMA(PARENT, 0);
	edu_close(&second);
}

ACCESS_HARNESS_MAIN
