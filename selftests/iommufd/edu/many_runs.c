// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory of which no two pages are adjacent, so that every page is a run of its own:
 * is each where the device, an in-kernel user, or a nested IOAS looks for it?
 */
#define _GNU_SOURCE
#include <string.h>

#include "kselftest_harness.h"

#include "access.h"
#include "edu.h"
#include "iommu.h"
#include "mem.h"
#include "rig.h"

#define PAGE 4096UL
/* Several chunks of runs, the last one not full. */
#define NPAGES 2100UL
#define BUF (NPAGES * PAGE)
#define AT 0x40000000UL
#define CHILD 0x80000000UL
#define SOME 128

FIXTURE(many_runs)
{
	struct rig rig;
	uint32_t child;
	char *buf;
};

FIXTURE_SETUP(many_runs)
{
	struct rig *rig = &self->rig;

	ASSERT_EQ(0, rig_open(rig));
	self->buf = mem_scattered(BUF);
	if (!self->buf)
		SKIP(return, "no such memory");
	mem_fill(self->buf, BUF, 1);
	ASSERT_EQ(0, rig_map(rig, self->buf, BUF, AT));
	ASSERT_EQ(0, iommu_alloc_nested(rig->fd, rig->ioas, &self->child));
}

FIXTURE_TEARDOWN(many_runs)
{
	EXPECT_EQ(0, rig_close(&self->rig));
	EXPECT_EQ(0, mem_vm_pin(0));
}

/* Beginnings and ends of chunks and of strides of 32, and what is between. */
static const unsigned int pages[] = {
	0, 1, 30, 31, 32, 33, 63, 64, 255, 479, 480, 481, 499, 500, 501, 502,
	503, 504, 505, 534, 535, 536, 1005, 1006, 1007, 1037, 1038, 1039, 1500,
	1508, 1509, 1510, 2000, 2011, 2012, 2013, 2043, 2044, 2045, 2097, 2099,
};

#define NR (sizeof(pages) / sizeof(*pages))
#define EXPECT_DMA(iova, page)						\
	EXPECT_EQ(0, edu_check(&self->rig.edu, iova,			\
			       self->buf + (page) * PAGE, SOME))

TEST_F(many_runs, of_a_device)
{
	unsigned int i;

	ASSERT_EQ(0, rig_attach(&self->rig));
	for (i = 0; i < NR; i += 5)
		EXPECT_DMA(AT + pages[i] * PAGE, pages[i]);
}

TEST_F(many_runs, of_an_in_kernel_user)
{
	char copy[SOME];
	unsigned int i;
	int acc;

	NEED_ACCESS;
	ASSERT_EQ(0, rig_attach(&self->rig));
	acc = access_open_attached(self->rig.fd, self->rig.ioas);
	ASSERT_LE(0, acc);
	for (i = 0; i < NPAGES; i++) {
		ASSERT_EQ(0, access_read(acc, AT + i * PAGE, copy, SOME));
		ASSERT_EQ(0, memcmp(copy, self->buf + i * PAGE, SOME));
	}
	close(acc);
}

/* Single pages, and two with a seam between. */
TEST_F(many_runs, of_a_child)
{
	unsigned int i;
	int fd = self->rig.fd;

	ASSERT_EQ(0, vfio_attach(self->rig.edu.fd, self->child, NULL));
	for (i = 0; i < NR; i++) {
		uint64_t length = i % 4 || pages[i] + 1 == NPAGES ? PAGE :
								    2 * PAGE;

		ASSERT_EQ(0, iommu_map_fixed(fd, self->child,
					     (void *)(AT + pages[i] * PAGE),
					     length, IOMMU_RW, CHILD));
		EXPECT_DMA(CHILD, pages[i]);
		if (length != PAGE)
			EXPECT_DMA(CHILD + PAGE, pages[i] + 1);
		ASSERT_EQ(0, iommu_ioas_unmap(fd, self->child, CHILD, length,
					      NULL));
		EXPECT_EQ(0, edu_can_write(&self->rig.edu, CHILD,
					   self->buf + pages[i] * PAGE, SOME));
	}
}

TEST_F(many_runs, of_a_childs_batch)
{
	struct ioasid_batch_entry entry[NR];
	int fd = self->rig.fd;
	unsigned int i;
	uint32_t done;

	ASSERT_EQ(0, vfio_attach(self->rig.edu.fd, self->child, NULL));
	for (i = 0; i < NR; i++)
		entry[i] = (struct ioasid_batch_entry){
			.src = AT + pages[i] * PAGE,
			.iova = CHILD + i * PAGE,
			.length = PAGE,
			.flags = IOMMU_RW | IOMMU_IOAS_MAP_FIXED_IOVA,
		};
	ASSERT_EQ(0, iommu_map_batch(fd, self->child, entry, NR, &done));
	EXPECT_EQ(NR, done);
	for (i = 0; i < NR; i += 4)
		EXPECT_DMA(CHILD + i * PAGE, pages[i]);
	ASSERT_EQ(0, iommu_unmap_all(fd, self->child, NULL));
	EXPECT_EQ(0, edu_can_write(&self->rig.edu, CHILD, self->buf, SOME));
}

ACCESS_HARNESS_MAIN
