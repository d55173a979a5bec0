// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory that has failed (hwpoison) is not pinned, in none of the ways there are.
 *
 * Every test costs the machine the memory that it calls failed: a few huge pages.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "access.h"
#include "child.h"
#include "edu.h"
#include "iommu.h"
#include "mem.h"
#include "rig.h"

#define PAGE 4096UL
#define AT 0x40000000UL
#define SOME_LENGTH 256UL
/* The pages of a file that are good, before the first huge page that is not */
#define GOOD MEM_HUGE
#define SIZE (2 * MEM_HUGE)
#define BAD (GOOD + 2 * PAGE)

FIXTURE(poison)
{
	struct rig rig;
	int acc;
	int file;
	long pinned;
};

FIXTURE_VARIANT(poison)
{
	int (*make)(size_t size);
	/* What is lost with one page of it */
	size_t lost;
};

static int small(size_t size)
{
	return mem_memfd(size, 0);
}

FIXTURE_VARIANT_ADD(poison, shmem) { .make = small, .lost = PAGE };
FIXTURE_VARIANT_ADD(poison, hugetlb) {
	.make = mem_memfd_hugetlb, .lost = MEM_HUGE,
};

/* It is what the process dies of, when it does not fail. */
static void spoil(void *arg)
{
	char *p = mem_map_file(*(int *)arg, 0, SIZE);

	CHILD_EQ(true, p != NULL);
	CHILD_EQ(0, madvise(p + BAD, PAGE, MADV_HWPOISON) ? errno : 0);
}

FIXTURE_SETUP(poison)
{
	const char *why_not = access_why_not();
	int status;

	self->rig.fd = -1;
	self->rig.edu.fd = -1;
	self->acc = -1;
	/* Whether there is MADV_HWPOISON is seen without any memory. */
	if (madvise(NULL, 0, MADV_HWPOISON))
		SKIP(return, "no MADV_HWPOISON");
	if (why_not)
		SKIP(return, "%s", why_not);
	self->file = variant->make(SIZE);
	if (self->file < 0)
		SKIP(return, "no huge pages");
	status = child_run(spoil, &self->file);
	ASSERT_TRUE(!status || WTERMSIG(status) == SIGBUS) TH_LOG("%#x", status);
	ASSERT_EQ(0, rig_open(&self->rig));
	self->pinned = mem_pinned();
}

FIXTURE_TEARDOWN(poison)
{
	if (self->acc >= 0)
		close(self->acc);
	if (self->rig.fd >= 0) {
		EXPECT_EQ(0, rig_close(&self->rig));
	}
}

static int map_file(struct rig *rig, int file, uint64_t start, uint64_t length)
{
	return iommu_map_file_fixed(rig->fd, rig->ioas, file, start, length,
				    IOMMU_RW, AT + start);
}

TEST_F(poison, file)
{
	struct rig *rig = &self->rig;
	uint64_t bad = BAD & ~(variant->lost - 1);
	char *p;

	ASSERT_EQ(0, rig_attach(rig));
	EXPECT_EQ(-EHWPOISON, map_file(rig, self->file, 0, SIZE));
	EXPECT_EQ(-EHWPOISON, map_file(rig, self->file, bad, variant->lost));
	EXPECT_EQ(-EHWPOISON, map_file(rig, self->file, BAD, PAGE));
	EXPECT_EQ(self->pinned, mem_pinned());
	/* All the rest of it is as good as ever. */
	ASSERT_EQ(0, map_file(rig, self->file, 0, bad));
	p = mem_map_file(self->file, 0, GOOD);
	ASSERT_NE(NULL, p);
	EXPECT_EQ(1, edu_can_write(&rig->edu, AT, p, SOME_LENGTH));
}

TEST_F(poison, addresses)
{
	struct rig *rig = &self->rig;
	char *p = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED,
		       self->file, 0);

	ASSERT_NE(MAP_FAILED, p);
	ASSERT_EQ(0, rig_attach(rig));
	EXPECT_EQ(-EFAULT, rig_map(rig, p, SIZE, AT));
	EXPECT_EQ(-EFAULT, rig_map(rig, p + GOOD, MEM_HUGE, AT));
	EXPECT_EQ(-EFAULT, rig_map(rig, p + BAD, PAGE, AT));
	EXPECT_EQ(self->pinned, mem_pinned());
	ASSERT_EQ(0, rig_map(rig, p, GOOD, AT));
	EXPECT_EQ(1, edu_can_write(&rig->edu, AT, p, SOME_LENGTH));
}

/* An in-kernel user asks for single pages. */
TEST_F(poison, access)
{
	struct rig *rig = &self->rig;
	char buf[8];

	ASSERT_EQ(0, map_file(rig, self->file, 0, SIZE));
	self->acc = access_open_attached(rig->fd, rig->ioas);
	ASSERT_LE(0, self->acc);
	EXPECT_EQ(-EHWPOISON, access_pin(self->acc, AT + BAD, PAGE, 0));
	EXPECT_EQ(-EHWPOISON, access_read(self->acc, AT + BAD, buf, 8));
	EXPECT_EQ(-EHWPOISON, access_pin(self->acc, AT, SIZE, 0));
	EXPECT_EQ(self->pinned, mem_pinned());
	EXPECT_EQ(0, access_pin(self->acc, AT, GOOD, 0));
	EXPECT_EQ(0, access_unpin(self->acc, AT, GOOD));
}

ACCESS_HARNESS_MAIN
