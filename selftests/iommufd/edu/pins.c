// SPDX-License-Identifier: GPL-2.0-only
/*
 * As many pins are given back as were taken.
 *
 * A huge page has one pin for as long as its pieces follow each other, so what
 * counts is which huge page stands next to which: the same one twice, two in turn,
 * one with small pages between its two places. Every row of them is mapped in each
 * of the ways that pin by the folio, the kernel's counters say how often, and
 * the pool gets all of its huge pages back.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "child.h"
#include "edu.h"
#include "iommu.h"
#include "mem.h"
#include "rig.h"
#include "walk.h"

#define PAGE 4096UL
#define LEAF (MEM_HUGE / PAGE)
#define AT 0x40000000UL
#define SOME_LENGTH 256UL
#define USER 1234
/* In a row: as many bytes of small pages as a huge one has */
#define SMALL '.'

#ifndef UFFD_USER_MODE_ONLY
#define UFFD_USER_MODE_ONLY 1
#endif

enum how {
	BY_FILE,
	SEALED,
	READ_ONLY,
	USERFAULTFD,
};

/**
 * struct row - pieces of 2 MiB, side by side
 * @at: where
 * @size: bytes
 * @file: a file of two huge pages
 * @uffd: if there is one, else -1
 * @pins: what it takes to pin all of it
 */
struct row {
	char *at;
	size_t size;
	int file;
	int uffd;
	long pins;
};

static const char * const rows[] = {
	"a", "aa", "aaa", "ab", "ba", "aab", "abb", "aba", "abab", "aabbaa",
	"a.a", "aa.aa", ".aa.", "a.b",
};

static int reopen_read_only(int file)
{
	char name[32];

	snprintf(name, sizeof(name), "/proc/self/fd/%d", file);
	return open(name, O_RDONLY | O_CLOEXEC);
}

/* Nobody is asked: the pages are there. But it is not a plain file any more. */
static int arm(struct row *row)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = {
		.range = { (uintptr_t)row->at, row->size },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};

	row->uffd = syscall(__NR_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY);
	if (row->uffd < 0 || ioctl(row->uffd, UFFDIO_API, &api) ||
	    ioctl(row->uffd, UFFDIO_REGISTER, &reg))
		return -errno;
	return 0;
}

/* The piece @i of the row, which is "a", the first huge page of the file, or "b". */
static int put_piece(struct row *row, const char *plan, int i, int file, int prot)
{
	char *at = row->at + i * MEM_HUGE;
	void *got;

	if (plan[i] == SMALL)
		got = mmap(at, MEM_HUGE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	else
		got = mmap(at, MEM_HUGE, prot, MAP_SHARED | MAP_FIXED, file,
			   (plan[i] - 'a') * MEM_HUGE);
	if (got == MAP_FAILED)
		return -errno;
	if (plan[i] == SMALL) {
		madvise(at, MEM_HUGE, MADV_NOHUGEPAGE);
		memset(at, 1, MEM_HUGE);
		row->pins += LEAF;
	} else if (!i || plan[i] != plan[i - 1]) {
		row->pins++;
	}
	/* In the CPU's page table */
	(void)*(volatile char *)at;
	return 0;
}

static int row_make(struct row *row, const char *plan, enum how how)
{
	int prot = how == READ_ONLY ? PROT_READ : PROT_READ | PROT_WRITE;
	int file = memfd_create("row", MFD_HUGETLB | MFD_ALLOW_SEALING), shown;
	int i, rc = 0;

	row->file = file;
	row->uffd = -1;
	row->pins = 0;
	row->size = strlen(plan) * MEM_HUGE;
	row->at = mem_reserve_huge(row->size);
	if (file < 0 || !row->at || ftruncate(file, 2 * MEM_HUGE) ||
	    fallocate(file, 0, 0, 2 * MEM_HUGE))
		return -errno;
	shown = how == READ_ONLY ? reopen_read_only(file) : file;
	for (i = 0; plan[i] && !rc; i++)
		rc = put_piece(row, plan, i, shown, prot);
	if (shown != file)
		close(shown);
	if (!rc && how == SEALED &&
	    fcntl(file, F_ADD_SEALS, F_SEAL_FUTURE_WRITE))
		rc = -errno;
	if (!rc && how == USERFAULTFD)
		rc = arm(row);
	return rc;
}

static void row_end(struct row *row)
{
	mem_free(row->at, row->size);
	close(row->file);
	if (row->uffd >= 0)
		close(row->uffd);
}

FIXTURE(pins)
{
	struct rig rig;
	long avail;
};

FIXTURE_VARIANT(pins)
{
	enum how how;
	uint32_t prot;
};

FIXTURE_VARIANT_ADD(pins, by_file) { .how = BY_FILE, .prot = IOMMU_RW };
FIXTURE_VARIANT_ADD(pins, sealed) { .how = SEALED, .prot = IOMMU_RW };
FIXTURE_VARIANT_ADD(pins, read_only) { .how = READ_ONLY, .prot = IOMMU_R };
FIXTURE_VARIANT_ADD(pins, uffd) { .how = USERFAULTFD, .prot = IOMMU_RW };

FIXTURE_SETUP(pins)
{
	self->avail = mem_info("HugePages_Free");
	if (self->avail < 2)
		SKIP(return, "no huge pages");
	ASSERT_EQ(0, rig_open(&self->rig));
	ASSERT_EQ(0, rig_attach(&self->rig));
}

FIXTURE_TEARDOWN(pins)
{
	EXPECT_EQ(0, rig_close(&self->rig));
	EXPECT_EQ(self->avail, mem_info("HugePages_Free"));
}

static int map(struct rig *rig, const struct row *row, uint32_t prot)
{
	return iommu_map_fixed(rig->fd, rig->ioas, row->at, row->size, prot, AT);
}

TEST_F(pins, rows)
{
	struct rig *rig = &self->rig;
	long before = mem_pinned();
	struct row row;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		ASSERT_EQ(0, row_make(&row, rows[i], variant->how));
		ASSERT_EQ(0, map(rig, &row, variant->prot));
		EXPECT_EQ(row.pins, mem_pinned() - before)
			TH_LOG("mapped: %s", rows[i]);
		ASSERT_EQ(0, rig_unmap(rig, AT, row.size));
		EXPECT_EQ(before, mem_pinned())
			TH_LOG("unmapped: %s", rows[i]);
		row_end(&row);
		EXPECT_EQ(self->avail, mem_info("HugePages_Free"))
			TH_LOG("gone: %s", rows[i]);
	}
}

/* A device reaches a huge page in each of its places. */
TEST_F(pins, device_writes)
{
	struct rig *rig = &self->rig;
	struct row row;
	int i;

	if (variant->prot != IOMMU_RW)
		SKIP(return, "to be read only");
	ASSERT_EQ(0, row_make(&row, "aab", variant->how));
	ASSERT_EQ(0, map(rig, &row, variant->prot));
	for (i = 0; i < 3; i++)
		EXPECT_EQ(1, edu_can_write(&rig->edu, AT + i * MEM_HUGE,
					   row.at + i * MEM_HUGE, SOME_LENGTH));
	/* The same page: what was written to the second is seen in the first. */
	EXPECT_EQ(0, memcmp(row.at, row.at + MEM_HUGE, SOME_LENGTH));
	ASSERT_EQ(0, rig_unmap(rig, AT, row.size));
	row_end(&row);
}

struct user {
	struct rig *rig;
	enum how how;
	uint32_t prot;
};

/* Enough for a row at a time: what is left behind would not be charged. */
static void map_often(void *arg)
{
	struct user *user = arg;
	struct row row;
	int i;

	CHILD_EQ(0, mem_become_user(USER, 8 << 20));
	for (i = 0; i < 20; i++) {
		CHILD_EQ(0, row_make(&row, "aab", user->how));
		CHILD_EQ(0, map(user->rig, &row, user->prot));
		CHILD_EQ(0, rig_unmap(user->rig, AT, row.size));
		row_end(&row);
	}
}

TEST_F(pins, of_an_ordinary_user)
{
	struct user user = { &self->rig, variant->how, variant->prot };
	long before = mem_pinned();

	ASSERT_EQ(0, child_run(map_often, &user));
	EXPECT_EQ(before, mem_wait_pinned(before));
	EXPECT_EQ(self->avail, mem_info("HugePages_Free"));
}

/* Every allocation fails once, with pins taken before it. */
struct ground {
	struct walk walk;
	struct rig rig;
	struct row row;
	uint32_t prot;
};

WALK_FIXTURE(failing);

FIXTURE_VARIANT(failing)
{
	enum how how;
	uint32_t prot;
};

FIXTURE_VARIANT_ADD(failing, by_file) { .how = BY_FILE, .prot = IOMMU_RW };
FIXTURE_VARIANT_ADD(failing, by_leaf) { .how = READ_ONLY, .prot = IOMMU_R };

static int failing_open(struct ground *ground, enum how how, uint32_t prot)
{
	int rc = rig_open(&ground->rig) ?: rig_attach(&ground->rig);

	ground->walk.fd = ground->rig.fd;
	ground->prot = prot;
	/* More runs than the first two rooms for them have. */
	return rc ?: row_make(&ground->row, "aababababababababababaa", how);
}

static long failing_close(struct ground *ground)
{
	row_end(&ground->row);
	return rig_close(&ground->rig);
}

WALK_FIXTURE_SETUP(failing, NULL,
		   failing_open(&self->ground, variant->how, variant->prot),
		   failing_close(&self->ground))

static int map_row(struct ground *ground)
{
	return map(&ground->rig, &ground->row, ground->prot);
}

static int unmap_row(struct ground *ground)
{
	return rig_unmap(&ground->rig, AT, ground->row.size);
}

TEST_F(failing, map)
{
	static const struct step step = {
		.command = map_row, .undo = unmap_row,
	};
	long avail = mem_info("HugePages_Free");

	EXPECT_WALK(&step, 3);
	EXPECT_EQ(avail, mem_info("HugePages_Free"));
}

/* The same file twice in one mapping, page by page: a pin for every page. */
TEST(pins_of_small_pages)
{
	long before;
	struct rig rig;
	int file, i;
	char *at;

	ASSERT_EQ(0, rig_open(&rig));
	ASSERT_EQ(0, rig_attach(&rig));
	before = mem_pinned();
	file = mem_memfd(8 * PAGE, 0);
	at = mem_reserve(32 * PAGE);
	ASSERT_NE(NULL, at);
	for (i = 0; i < 4; i++)
		ASSERT_NE(MAP_FAILED, mmap(at + i * 8 * PAGE, 8 * PAGE,
					   PROT_READ | PROT_WRITE,
					   MAP_SHARED | MAP_FIXED, file, 0));
	ASSERT_EQ(0, rig_map(&rig, at, 32 * PAGE, AT));
	EXPECT_EQ(32, mem_pinned() - before);
	ASSERT_EQ(0, rig_unmap(&rig, AT, 32 * PAGE));
	EXPECT_EQ(before, mem_pinned());
	ASSERT_EQ(0, iommu_map_file_fixed(rig.fd, rig.ioas, file, 0, 8 * PAGE,
					  IOMMU_RW, AT));
	EXPECT_EQ(8, mem_pinned() - before);
	ASSERT_EQ(0, rig_unmap(&rig, AT, 8 * PAGE));
	EXPECT_EQ(0, rig_close(&rig));
}

TEST_HARNESS_MAIN
