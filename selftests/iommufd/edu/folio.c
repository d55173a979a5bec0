// SPDX-License-Identifier: GPL-2.0-only
/*
 * Huge pages and files: what may be pinned by the folio, and what only looks
 * like it.
 *
 * Memory is laid out so that a guess about it would be wrong: huge pages whose
 * middle was replaced, slices of them in another order, the same pages of a
 * file twice, holes. Two things tell whether the module has the right pages:
 * an access of the test module, for every page of a range, compared with the
 * CPU's page table; and a device, at the places where it matters.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "access.h"
#include "child.h"
#include "edu.h"
#include "iommu.h"
#include "mem.h"
#include "rig.h"

#define PAGE 4096UL
#define LEAF (MEM_HUGE / PAGE)
#define IOVA 0x40000000UL
#define OTHER_IOVA 0x80000000UL
#define LOAD_IOVA 0x10000000UL
#define MAX_PAGES (4 * LEAF)
/* Half of it before a seam, half of it behind */
#define ACROSS 512UL

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif
#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT 21
#endif

/* A device, and an in-kernel user, that are attached to the same IOAS. */
struct seer {
	struct rig rig;
	int acc;
	/* What the device has in its buffer, to be written anywhere */
	char *load;
	long pinned;
};

static int seer_open(struct seer *seer)
{
	struct rig *rig = &seer->rig;
	int rc;

	rc = rig_open(rig) ?: rig_attach(rig);
	if (rc)
		return rc;
	seer->acc = access_open_attached(rig->fd, rig->ioas);
	if (seer->acc < 0)
		return seer->acc;
	seer->load = mem_anon(PAGE);
	if (!seer->load)
		return -ENOMEM;
	mem_fill(seer->load, PAGE, 0x10ad);
	rc = rig_map(rig, seer->load, PAGE, LOAD_IOVA) ?:
	     edu_read(&rig->edu, LOAD_IOVA, EDU_DMA_MAX);
	seer->pinned = mem_pinned();
	return rc;
}

/* Returns how many pages are pinned that were not before. */
static long seer_close(struct seer *seer)
{
	if (seer->acc >= 0)
		close(seer->acc);
	return rig_close(&seer->rig);
}

/* Have all pages in the CPU's page table. */
static void look_at(const char *va, size_t npages)
{
	size_t i;

	for (i = 0; i < npages; i++)
		(void)*(const volatile char *)(va + i * PAGE);
}

/*
 * Has the module got the pages that the CPU has? Returns the index of the first
 * one that it has not, -1 if all are right, or an errno below that.
 */
static long wrong_page(struct seer *seer, uint64_t iova, const char *va,
		       size_t npages)
{
	static uint64_t seen[MAX_PAGES], want[MAX_PAGES];
	size_t i;
	int rc;

	if (npages > MAX_PAGES)
		return -E2BIG;
	look_at(va, npages);
	rc = mem_pfns(va, npages, want) ?:
	     access_pin_pfns(seer->acc, iova, npages * PAGE, 0, seen);
	if (rc)
		return rc == -1 ? -EIO : rc;
	rc = access_unpin(seer->acc, iova, npages * PAGE);
	if (rc)
		return -EIO;
	for (i = 0; i < npages; i++)
		if (!want[i] || seen[i] != want[i])
			return i;
	return -1;
}

/*
 * The device writes at @iova: does that, and nothing else, show at @va? The
 * memory is as before afterwards. 1 if it does, 0 if not, or -ETIMEDOUT.
 */
static int device_writes(struct seer *seer, uint64_t iova, char *va,
			 size_t length)
{
	char was[EDU_DMA_MAX];
	size_t i;
	int rc;

	memcpy(was, va, length);
	for (i = 0; i < length; i++)
		va[i] = ~seer->load[i];
	rc = edu_write(&seer->rig.edu, iova, length);
	if (rc)
		return rc;
	rc = !memcmp(va, seer->load, length);
	memcpy(va, was, length);
	return rc;
}

/* The same on both sides of the beginning of a page. */
static int device_writes_across(struct seer *seer, uint64_t iova, char *va,
				size_t page)
{
	size_t at = page * PAGE - ACROSS / 2;

	return device_writes(seer, iova + at, va + at, ACROSS);
}

#define EXPECT_RIGHT(seer, iova, va, npages)				\
	EXPECT_EQ(-1, wrong_page(seer, iova, va, npages))

#define EXPECT_SEAM(seer, iova, va, page)				\
	EXPECT_EQ(1, device_writes_across(seer, iova, va, page))

#define EXPECT_UNPINNED(seer)						\
	EXPECT_EQ((seer)->pinned, mem_wait_pinned((seer)->pinned))

/* What the CPU's page table needs for huge pages: addresses of their size. */
static char *reserve_huge(size_t size)
{
	char *p = mem_reserve(size + MEM_HUGE);

	return p ? (char *)(((uintptr_t)p + MEM_HUGE - 1) & -MEM_HUGE) : NULL;
}

static bool is_huge(const char *va, size_t size)
{
	look_at(va, size / PAGE);
	return mem_runs(va, size) <= (long)(size / MEM_HUGE);
}

/* Not a failure if there is no such thing on this machine. */
static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	if (write(fd, text, strlen(text)) < 0)
		printf("# %s: %s\n", path, strerror(errno));
	close(fd);
}

/* Anonymous memory --------------------------------------------------------- */

FIXTURE(anon)
{
	struct seer seer;
	size_t size;
	char *thp;
};

FIXTURE_SETUP(anon)
{
	self->seer.acc = -1;
	if (access_why_not())
		SKIP(return, "%s", access_why_not());
	ASSERT_EQ(0, seer_open(&self->seer));
	self->size = 2 * MEM_HUGE;
	self->thp = mem_thp(self->size);
	ASSERT_NE(NULL, self->thp);
	if (!is_huge(self->thp, self->size))
		SKIP(return, "the kernel gave no huge pages");
	mem_fill(self->thp, self->size, 1);
}

FIXTURE_TEARDOWN(anon)
{
	EXPECT_EQ(0, seer_close(&self->seer));
	EXPECT_EQ(0, mem_vm_pin(0));
}

static int replace(char *page)
{
	if (madvise(page, PAGE, MADV_DONTNEED))
		return -errno;
	*(volatile char *)page = 1;
	return 0;
}

/*
 * Some pages of a huge page have been replaced. What is still in its place, the
 * first and the last page for instance, says nothing about what is between.
 */
TEST_F(anon, partly_replaced)
{
	static const struct {
		unsigned int first;
		unsigned int last;
		unsigned int step;
	} part[] = {
		{ 1, LEAF - 2, 1 },
		{ 256, 256, 1 },
		{ 0, 0, 1 },
		{ LEAF - 1, LEAF - 1, 1 },
		{ LEAF - 1, LEAF, 1 },
		{ 1, 2 * LEAF - 2, 2 },
	};
	struct rig *rig = &self->seer.rig;
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(part); i++) {
		char *va = i ? mem_thp(self->size) : self->thp;

		ASSERT_NE(NULL, va);
		/* Backwards: neighbours shall not be neighbours in memory */
		for (j = part[i].last + 1; j-- > part[i].first;)
			if ((j - part[i].first) % part[i].step == 0) {
				ASSERT_EQ(0, replace(va + j * PAGE));
			}
		ASSERT_EQ(0, rig_map(rig, va, self->size, IOVA));
		EXPECT_RIGHT(&self->seer, IOVA, va, self->size / PAGE) {
			TH_LOG("part %u", i);
		}
		EXPECT_SEAM(&self->seer, IOVA, va, part[i].last + 1) {
			TH_LOG("part %u", i);
		}
		ASSERT_EQ(0, rig_unmap(rig, IOVA, self->size));
		EXPECT_UNPINNED(&self->seer);
		mem_free(va, self->size);
	}
}

/* Where the slices of a huge page go: the rest stays where it is. */
static int move(char *to, char *from, size_t page, size_t npages, size_t was)
{
	void *p = mremap(from + was * PAGE, npages * PAGE, npages * PAGE,
			 MREMAP_MAYMOVE | MREMAP_FIXED, to + page * PAGE);

	return p == MAP_FAILED ? -errno : 0;
}

/* A huge page in slices: the outer ones in place, the inner ones are not. */
TEST_F(anon, slices)
{
	struct rig *rig = &self->seer.rig;
	char *from = self->thp, *va = reserve_huge(2 * MEM_HUGE);
	unsigned int i;

	ASSERT_NE(NULL, va);
	ASSERT_EQ(0, move(va, from, 0, 10, 0));
	ASSERT_EQ(0, move(va, from, 10, 246, 256));
	ASSERT_EQ(0, move(va, from, 256, 246, 10));
	ASSERT_EQ(0, move(va, from, LEAF - 10, 10, LEAF - 10));
	/* The second one page by page, in the order of a riffle */
	for (i = 0; i < LEAF; i++) {
		ASSERT_EQ(0, move(va, from, LEAF + i, 1,
				  LEAF + (i % 2 ? 256 : 0) + i / 2));
	}
	EXPECT_EQ(-1, mem_check(va, 10 * PAGE, 1));

	ASSERT_EQ(0, rig_map(rig, va, 2 * MEM_HUGE, IOVA));
	EXPECT_RIGHT(&self->seer, IOVA, va, 2 * LEAF);
	EXPECT_SEAM(&self->seer, IOVA, va, 256);
	EXPECT_SEAM(&self->seer, IOVA, va, LEAF);
	EXPECT_SEAM(&self->seer, IOVA, va, 2 * LEAF - 3);
	ASSERT_EQ(0, rig_unmap(rig, IOVA, 2 * MEM_HUGE));
	EXPECT_UNPINNED(&self->seer);
}

/* All of it in order, but at addresses where it cannot be a huge page. */
TEST_F(anon, shifted)
{
	struct rig *rig = &self->seer.rig;
	char *va = reserve_huge(3 * MEM_HUGE);

	ASSERT_NE(NULL, va);
	va += 3 * PAGE;
	ASSERT_EQ(0, move(va, self->thp, 0, 2 * LEAF, 0));
	ASSERT_EQ(0, rig_map(rig, va, self->size, IOVA + 7 * PAGE));
	EXPECT_RIGHT(&self->seer, IOVA + 7 * PAGE, va, 2 * LEAF);
	EXPECT_SEAM(&self->seer, IOVA + 7 * PAGE, va, LEAF - 3);

	/* And a part that begins and ends in the middle of them */
	ASSERT_EQ(0, rig_map(rig, va + 100 * PAGE, 700 * PAGE, OTHER_IOVA));
	EXPECT_RIGHT(&self->seer, OTHER_IOVA, va + 100 * PAGE, 700);
	EXPECT_SEAM(&self->seer, OTHER_IOVA, va + 100 * PAGE, LEAF - 100);
	ASSERT_EQ(0, rig_unmap(rig, IOVA + 7 * PAGE, self->size));
	EXPECT_RIGHT(&self->seer, OTHER_IOVA, va + 100 * PAGE, 700);
	ASSERT_EQ(0, rig_unmap(rig, OTHER_IOVA, 700 * PAGE));
	EXPECT_UNPINNED(&self->seer);
}

/* Pages [0, 1), [1, 4) and so on of two huge pages. */
static const unsigned int cut[] = {
	0, 1, 4, LEAF - 1, LEAF + 1, 1000, 2 * LEAF
};
static const unsigned int cut_order[] = { 2, 0, 5, 3, 1, 4 };
#define PARTS ARRAY_SIZE(cut_order)
#define part_at(i) (IOVA + (i) * (2 * MEM_HUGE + PAGE))
#define part_pages(i) (cut[(i) + 1] - cut[i])

/* The contents of a part are as they were filled in, its number the seed. */
static bool part_is_right(struct seer *seer, unsigned int i)
{
	static char copy[2 * MEM_HUGE];

	return !access_read(seer->acc, part_at(i), copy,
			    part_pages(i) * PAGE) &&
	       mem_check(copy, part_pages(i) * PAGE, i) < 0;
}

/* The device writes to what the CPU has no address of. */
static bool part_takes_writes(struct seer *seer, unsigned int i)
{
	uint64_t last = part_at(i) + part_pages(i) * PAGE - 64;
	char was[64], is[64];

	if (access_read(seer->acc, last, was, 64) ||
	    edu_write(&seer->rig.edu, last, 64) ||
	    access_read(seer->acc, last, is, 64))
		return false;
	return !memcmp(is, seer->load, 64) &&
	       !access_write(seer->acc, last, was, 64);
}

/*
 * Parts of huge pages in mappings of their own: a huge page stays pinned until
 * the last of them is gone, in whatever order they go.
 */
TEST_F(anon, parts)
{
	struct rig *rig = &self->seer.rig;
	unsigned int i, j;

	for (i = 0; i < PARTS; i++) {
		mem_fill(self->thp + cut[i] * PAGE, part_pages(i) * PAGE, i);
		ASSERT_EQ(0, rig_map(rig, self->thp + cut[i] * PAGE,
				     part_pages(i) * PAGE, part_at(i)));
	}
	/* From here on the memory is nobody's but the device's */
	munmap(self->thp, self->size);
	for (i = 0; i < PARTS; i++) {
		for (j = i; j < PARTS; j++) {
			EXPECT_TRUE(part_is_right(&self->seer, cut_order[j])) {
				TH_LOG("part %u after %u", cut_order[j], i);
			}
		}
		if (i % 2) {
			EXPECT_TRUE(part_takes_writes(&self->seer,
						      cut_order[PARTS - 1]));
		}
		ASSERT_EQ(0, rig_unmap(rig, part_at(cut_order[i]),
				       part_pages(cut_order[i]) * PAGE));
	}
	EXPECT_UNPINNED(&self->seer);
}

/* What the kernel does to huge pages at its leisure, asked for at once. */
static void disturb(char *va, size_t size)
{
	write_file("/sys/kernel/debug/split_huge_pages", "1");
	write_file("/proc/sys/vm/compact_memory", "1");
	madvise(va, size, MADV_PAGEOUT);
	madvise(va, size, MADV_COLLAPSE);
	write_file("/proc/sys/vm/drop_caches", "3");
}

/* A pin on one page of a huge page has to keep all of it where it is. */
TEST_F(anon, split_while_mapped)
{
	struct rig *rig = &self->seer.rig;

	ASSERT_EQ(0, rig_map(rig, self->thp, self->size, IOVA));
	disturb(self->thp, self->size);
	EXPECT_RIGHT(&self->seer, IOVA, self->thp, 2 * LEAF);
	EXPECT_EQ(-1, mem_check(self->thp, self->size, 1));
	EXPECT_SEAM(&self->seer, IOVA, self->thp, 300);

	/* Mapped by small pages now */
	ASSERT_EQ(0, mprotect(self->thp + 5 * PAGE, PAGE, PROT_READ));
	disturb(self->thp, self->size);
	ASSERT_EQ(0, mprotect(self->thp + 5 * PAGE, PAGE,
			      PROT_READ | PROT_WRITE));
	EXPECT_RIGHT(&self->seer, IOVA, self->thp, 2 * LEAF);
	EXPECT_EQ(-1, mem_check(self->thp, self->size, 1));
	EXPECT_SEAM(&self->seer, IOVA, self->thp, 6);
	ASSERT_EQ(0, rig_unmap(rig, IOVA, self->size));
	EXPECT_UNPINNED(&self->seer);
}

/*
 * The user gives pages back while they are mapped: the device keeps the old
 * ones, and nobody else may be given them.
 */
TEST_F(anon, given_back_while_mapped)
{
	struct rig *rig = &self->seer.rig;
	char *copy = mem_anon(self->size), *other;

	ASSERT_NE(NULL, copy);
	ASSERT_EQ(0, rig_map(rig, self->thp, self->size, IOVA));
	ASSERT_EQ(0, madvise(self->thp + PAGE, 700 * PAGE, MADV_DONTNEED));
	disturb(self->thp, self->size);
	look_at(self->thp, 2 * LEAF);

	/* If they were free somebody would get and fill them */
	other = mem_anon(8 * MEM_HUGE);
	ASSERT_NE(NULL, other);
	memset(other, 0x55, 8 * MEM_HUGE);
	EXPECT_EQ(0, access_read(self->seer.acc, IOVA, copy, self->size));
	EXPECT_EQ(-1, mem_check(copy, self->size, 1));

	/* A device that writes there changes neither the new pages nor others */
	EXPECT_EQ(0, edu_can_write(&self->seer.rig.edu, IOVA + 300 * PAGE,
				   self->thp + 300 * PAGE, PAGE / 2));
	EXPECT_SEAM(&self->seer, IOVA, self->thp, 702);
	ASSERT_EQ(0, rig_map(rig, self->thp, self->size, OTHER_IOVA));
	EXPECT_RIGHT(&self->seer, OTHER_IOVA, self->thp, 2 * LEAF);
	EXPECT_SEAM(&self->seer, OTHER_IOVA, self->thp, 300);
	ASSERT_EQ(0, rig_unmap(rig, IOVA, self->size));
	EXPECT_RIGHT(&self->seer, OTHER_IOVA, self->thp, 2 * LEAF);
	ASSERT_EQ(0, rig_unmap(rig, OTHER_IOVA, self->size));
	EXPECT_UNPINNED(&self->seer);
}

/* Fork --------------------------------------------------------------------- */

struct forked {
	char *va;
	size_t size;
	uint64_t seed;
	/* Ends when the child may look */
	int pipe;
};

/* The child has copies: what it writes is for itself. */
static void write_in_child(void *arg)
{
	struct forked *forked = arg;

	CHILD_EQ(-1, mem_check(forked->va, forked->size, forked->seed));
	memset(forked->va, 0xcc, forked->size);
}

FIXTURE(fork)
{
	struct seer seer;
	size_t size;
	char *va;
};

FIXTURE_VARIANT(fork)
{
	void *(*alloc)(size_t size);
	bool huge;
	bool split;
};

FIXTURE_VARIANT_ADD(fork, small) { .alloc = mem_anon };
FIXTURE_VARIANT_ADD(fork, thp) { .alloc = mem_thp, .huge = true };
FIXTURE_VARIANT_ADD(fork, thp_by_small_pages) {
	.alloc = mem_thp, .huge = true, .split = true,
};
FIXTURE_VARIANT_ADD(fork, hugetlb) { .alloc = mem_hugetlb };

FIXTURE_SETUP(fork)
{
	self->seer.acc = -1;
	if (access_why_not())
		SKIP(return, "%s", access_why_not());
	ASSERT_EQ(0, seer_open(&self->seer));
	self->size = 2 * MEM_HUGE;
	self->va = variant->alloc(self->size);
	if (!self->va || (variant->huge && !is_huge(self->va, self->size)))
		SKIP(return, "no such memory on this machine");
}

FIXTURE_TEARDOWN(fork)
{
	EXPECT_EQ(0, seer_close(&self->seer));
}

/* Not only the page that has the pin stays the parent's. */
TEST_F(fork, parent_keeps_its_pages)
{
	struct forked forked = { self->va, self->size, 2, -1 };
	struct rig *rig = &self->seer.rig;

	mem_fill(self->va, self->size, 2);
	ASSERT_EQ(0, rig_map(rig, self->va, self->size, IOVA));
	if (variant->split) {
		ASSERT_EQ(0, mprotect(self->va + 5 * PAGE, PAGE, PROT_READ));
		ASSERT_EQ(0, mprotect(self->va + 5 * PAGE, PAGE,
				      PROT_READ | PROT_WRITE));
	}
	ASSERT_EQ(0, child_run(write_in_child, &forked));
	EXPECT_EQ(-1, mem_check(self->va, self->size, 2));
	mem_fill(self->va, self->size, 3);
	EXPECT_RIGHT(&self->seer, IOVA, self->va, 2 * LEAF);
	EXPECT_SEAM(&self->seer, IOVA, self->va, 301);
	ASSERT_EQ(0, rig_unmap(rig, IOVA, self->size));
	EXPECT_UNPINNED(&self->seer);
}

static void wait_in_child(void *arg)
{
	struct forked *forked = arg;
	char c;

	CHILD_EQ(0, read(forked->pipe, &c, 1));
	CHILD_EQ(-1, mem_check(forked->va, forked->size, forked->seed));
	memset(forked->va, 0xcc, forked->size);
}

/* Mapped while a child has the pages as well: they are made the parent's. */
TEST_F(fork, map_after_fork)
{
	struct forked forked = { self->va, self->size, 2, -1 };
	struct rig *rig = &self->seer.rig;
	int status = -1, to[2];
	pid_t pid;

	ASSERT_EQ(0, pipe(to));
	mem_fill(self->va, self->size, 2);
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		close(to[1]);
		forked.pipe = to[0];
		wait_in_child(&forked);
		_exit(0);
	}
	/* Hugetlb pages may be short for a copy: then the child loses it */
	ASSERT_EQ(0, rig_map(rig, self->va, self->size, IOVA));
	EXPECT_RIGHT(&self->seer, IOVA, self->va, 2 * LEAF);
	mem_fill(self->va, self->size, 3);
	EXPECT_RIGHT(&self->seer, IOVA, self->va, 2 * LEAF);
	close(to[1]);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_EQ(-1, mem_check(self->va, self->size, 3));
	EXPECT_RIGHT(&self->seer, IOVA, self->va, 2 * LEAF);
	EXPECT_SEAM(&self->seer, IOVA, self->va, LEAF);
	ASSERT_EQ(0, rig_unmap(rig, IOVA, self->size));
	EXPECT_UNPINNED(&self->seer);
}

/* Files -------------------------------------------------------------------- */

enum file_kind {
	SMALL,		/* tmpfs */
	LARGE,		/* tmpfs in huge pages */
	HUGETLB,
};

/**
 * struct subject - a file that is to be seen
 * @seer: who sees it
 * @size: bytes
 * @file: its descriptor
 * @va: the mapping that the module gets
 * @shadow: another one to look from
 * @reserved: huge pages of the pool that were promised to somebody before
 */
struct subject {
	struct seer seer;
	size_t size;
	int file;
	char *va;
	char *shadow;
	long reserved;
};

/* A file of a tmpfs that is in huge pages wherever that is possible. */
static int large_file(size_t size)
{
	char dir[] = "/tmp/folio.XXXXXX";
	char path[64];
	int fd;

	if (!mkdtemp(dir))
		return -errno;
	if (mount("folio", dir, "tmpfs", 0, "huge=always")) {
		fd = -errno;
		rmdir(dir);
		return fd;
	}
	snprintf(path, sizeof(path), "%s/file", dir);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || ftruncate(fd, size))
		fd = -errno;
	umount2(dir, MNT_DETACH);
	rmdir(dir);
	return fd;
}

static int file_of_kind(enum file_kind kind, size_t size)
{
	switch (kind) {
	case SMALL:
		return mem_memfd(size, 0);
	case LARGE:
		return large_file(size);
	case HUGETLB:
		return mem_memfd_hugetlb(size);
	}
	return -EINVAL;
}

static char *map_at(char *at, size_t size, int prot, int flags, int fd,
		    off_t offset)
{
	void *p = mmap(at, size, prot, flags | MAP_FIXED, fd, offset);

	return p == MAP_FAILED ? NULL : p;
}

#define PROT_RW (PROT_READ | PROT_WRITE)

/* A mapping that the CPU can use huge pages for, untouched. */
static char *map_file(int fd, size_t size, int prot, int flags)
{
	char *at = reserve_huge(size);

	return at ? map_at(at, size, prot, flags, fd, 0) : NULL;
}

static int subject_open(struct subject *subject, enum file_kind kind)
{
	int rc = seer_open(&subject->seer);

	if (rc)
		return rc;
	subject->size = 4 * MEM_HUGE;
	subject->reserved = mem_info("HugePages_Rsvd");
	subject->file = file_of_kind(kind, subject->size);
	if (subject->file < 0)
		return subject->file;
	subject->va = map_file(subject->file, subject->size, PROT_RW,
			       MAP_SHARED);
	subject->shadow = map_file(subject->file, subject->size, PROT_RW,
				   MAP_SHARED);
	return subject->va && subject->shadow ? 0 : -ENOMEM;
}

/* Nobody has the file any more, except the module. */
static void subject_forget(struct subject *subject)
{
	if (subject->file < 0)
		return;
	munmap(subject->va, subject->size);
	munmap(subject->shadow, subject->size);
	close(subject->file);
	subject->file = -1;
}

/* Returns what has been left behind: pins, or promises of the pool. */
static long subject_close(struct subject *subject)
{
	long left = seer_close(&subject->seer);

	if (subject->file < 0)
		return left;
	subject_forget(subject);
	return left ?: mem_info("HugePages_Rsvd") - subject->reserved;
}

/* What there was to be seen has been written: is it as it should be? */
#define NEED_HUGE(subject)						\
	do {								\
		if (variant->kind == LARGE &&				\
		    !is_huge((subject)->shadow, (subject)->size))	\
			SKIP(return, "the kernel gave no huge pages");	\
	} while (0)

#define SETUP(subject)							\
	do {								\
		int rc;							\
									\
		(subject)->file = (subject)->seer.acc = -1;		\
		if (access_why_not())					\
			SKIP(return, "%s", access_why_not());		\
		rc = subject_open(subject, variant->kind);		\
		if (rc == -ENOMEM && variant->kind == HUGETLB)		\
			SKIP(return, "too few free hugetlb pages");	\
		ASSERT_EQ(0, rc);					\
	} while (0)

/* A file as it is mapped, in one way or the other. */
FIXTURE(file)
{
	struct subject subject;
};

FIXTURE_VARIANT(file)
{
	enum file_kind kind;
	bool by_file;
};

FIXTURE_VARIANT_ADD(file, small) { .kind = SMALL };
FIXTURE_VARIANT_ADD(file, large) { .kind = LARGE };
FIXTURE_VARIANT_ADD(file, hugetlb) { .kind = HUGETLB };
FIXTURE_VARIANT_ADD(file, large_by_file) { .kind = LARGE, .by_file = true };
FIXTURE_VARIANT_ADD(file, hugetlb_by_file) {
	.kind = HUGETLB, .by_file = true,
};

FIXTURE_SETUP(file)
{
	SETUP(&self->subject);
	if (variant->by_file &&
	    !iommu_has_cmd(self->subject.seer.rig.fd, IOMMU_IOAS_MAP_FILE))
		SKIP(return, "no IOMMU_IOAS_MAP_FILE in this module");
}

FIXTURE_TEARDOWN(file)
{
	EXPECT_EQ(0, subject_close(&self->subject));
	EXPECT_EQ(0, mem_vm_pin(0));
}

#define file_map(offset, length, iova)					\
	(variant->by_file ?						\
	 iommu_map_file_fixed(rig->fd, rig->ioas, s->file, offset,	\
			      length, IOMMU_RW, iova) :			\
	 rig_map(rig, s->va + (offset), length, iova))

/*
 * Holes: a huge page that nobody touched, one that was written, one of which
 * only two pages were, and another hole. The module fills them.
 */
TEST_F(file, holes)
{
	struct subject *s = &self->subject;
	struct rig *rig = &s->seer.rig;
	char *shadow = s->shadow;

	mem_fill(shadow + MEM_HUGE, MEM_HUGE, 1);
	mem_fill(shadow + 2 * MEM_HUGE + 300 * PAGE - 8, PAGE, 2);
	ASSERT_EQ(0, file_map(0, s->size, IOVA));
	EXPECT_RIGHT(&s->seer, IOVA, s->va, 4 * LEAF);
	EXPECT_EQ(-1, mem_check(s->va + MEM_HUGE, MEM_HUGE, 1));
	EXPECT_EQ(-1, mem_check(s->va + 2 * MEM_HUGE + 300 * PAGE - 8,
				PAGE, 2));
	EXPECT_EQ(0, s->va[300 * PAGE]);
	EXPECT_SEAM(&s->seer, IOVA, shadow, LEAF);
	EXPECT_SEAM(&s->seer, IOVA, s->va, 2 * LEAF + 300);
	EXPECT_SEAM(&s->seer, IOVA, shadow, 3 * LEAF);
	ASSERT_EQ(0, rig_unmap(rig, IOVA, s->size));
	EXPECT_UNPINNED(&s->seer);
}

static int punch(int fd, size_t page, size_t npages)
{
	return fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			 page * PAGE, npages * PAGE) ? -errno : 0;
}

/* Two pieces in the middle of huge pages, one over a seam; and a whole one. */
static int punch_holes(enum file_kind kind, int fd)
{
	if (kind == HUGETLB)
		return punch(fd, LEAF, LEAF);
	return punch(fd, 3, 6) ?: punch(fd, LEAF - 4, 10) ?:
	       punch(fd, 2 * LEAF, LEAF);
}

TEST_F(file, holes_punched)
{
	struct subject *s = &self->subject;
	struct rig *rig = &s->seer.rig;
	char *shadow = s->shadow;

	mem_fill(shadow, s->size, 1);
	NEED_HUGE(s);
	ASSERT_EQ(0, punch_holes(variant->kind, s->file));
	ASSERT_EQ(0, file_map(0, s->size, IOVA));
	EXPECT_RIGHT(&s->seer, IOVA, s->va, 4 * LEAF);
	EXPECT_EQ(-1, mem_check(s->va, 3 * PAGE, 1));
	EXPECT_EQ(0, s->va[(variant->kind == HUGETLB ? LEAF : 3) * PAGE]);
	EXPECT_SEAM(&s->seer, IOVA, shadow, 9);
	EXPECT_SEAM(&s->seer, IOVA, s->va, LEAF);
	EXPECT_SEAM(&s->seer, IOVA, shadow, 2 * LEAF);
	ASSERT_EQ(0, rig_unmap(rig, IOVA, s->size));
	EXPECT_UNPINNED(&s->seer);
}

/* Whether a write of the device shows depends on who has the page by now. */
#define EXPECT_FOLLOWS(page)						\
	do {								\
		char *at = s->va + (page) * PAGE;			\
									\
		look_at(at, 1);						\
		EXPECT_EQ(mem_pfn(at) == pfns[page],			\
			  device_writes(&s->seer, IOVA + (page) * PAGE, \
					at, 100));			\
	} while (0)

/*
 * A hole is punched, or the file cut off, while a device has the memory. It
 * keeps what it has; whoever maps the file again gets what is there now.
 */
TEST_F(file, holes_punched_while_mapped)
{
	static uint64_t pfns[MAX_PAGES], now[MAX_PAGES];
	struct subject *s = &self->subject;
	struct rig *rig = &s->seer.rig;

	mem_fill(s->shadow, s->size, 1);
	ASSERT_EQ(0, file_map(0, s->size, IOVA));
	ASSERT_EQ(0, access_pin_pfns(s->seer.acc, IOVA, s->size, 0,
				     pfns));
	ASSERT_EQ(0, access_unpin(s->seer.acc, IOVA, s->size));
	ASSERT_EQ(0, punch_holes(variant->kind, s->file));
	ASSERT_EQ(0, ftruncate(s->file, 3 * MEM_HUGE));
	ASSERT_EQ(0, ftruncate(s->file, s->size));
	if (variant->kind == LARGE)
		disturb(s->va, s->size);

	ASSERT_EQ(0, file_map(0, s->size, OTHER_IOVA));
	EXPECT_RIGHT(&s->seer, OTHER_IOVA, s->va, 4 * LEAF);
	ASSERT_EQ(0, access_pin_pfns(s->seer.acc, IOVA, s->size, 0,
				     now));
	ASSERT_EQ(0, access_unpin(s->seer.acc, IOVA, s->size));
	EXPECT_EQ(0, memcmp(pfns, now, sizeof(pfns)));
	EXPECT_FOLLOWS(4);
	EXPECT_FOLLOWS(2 * LEAF + 7);
	EXPECT_FOLLOWS(3 * LEAF + 7);

	/* One of the two may be gone: the other must not notice */
	ASSERT_EQ(0, rig_unmap(rig, IOVA, s->size));
	EXPECT_RIGHT(&s->seer, OTHER_IOVA, s->va, 4 * LEAF);
	EXPECT_SEAM(&s->seer, OTHER_IOVA, s->va, 2 * LEAF);
	ASSERT_EQ(0, rig_unmap(rig, OTHER_IOVA, s->size));
	EXPECT_UNPINNED(&s->seer);
}

/* As anon.parts: a folio of the file is shared by several mappings. */
TEST_F(file, parts)
{
	struct subject *s = &self->subject;
	struct rig *rig = &s->seer.rig;
	unsigned int i, j;

	NEED_HUGE(s);
	for (i = 0; i < PARTS; i++) {
		mem_fill(s->shadow + cut[i] * PAGE, part_pages(i) * PAGE,
			 i);
		ASSERT_EQ(0, file_map(cut[i] * PAGE, part_pages(i) * PAGE,
				      part_at(i)));
		EXPECT_RIGHT(&s->seer, part_at(i), s->va + cut[i] * PAGE,
			     part_pages(i));
	}
	/* Nobody has the file any more but the device */
	subject_forget(s);
	if (variant->kind == LARGE && !variant->by_file)
		disturb(NULL, 0);
	for (i = 0; i < PARTS; i++) {
		for (j = i; j < PARTS; j++) {
			EXPECT_TRUE(part_is_right(&s->seer, cut_order[j])) {
				TH_LOG("part %u after %u", cut_order[j], i);
			}
		}
		if (i % 2) {
			EXPECT_TRUE(part_takes_writes(&s->seer,
						      cut_order[PARTS - 1]));
		}
		ASSERT_EQ(0, rig_unmap(rig, part_at(cut_order[i]),
				       part_pages(cut_order[i]) * PAGE));
	}
	EXPECT_UNPINNED(&s->seer);
	EXPECT_EQ(s->reserved, mem_info("HugePages_Rsvd"));
}

/* What the addresses of a file can look like. */
FIXTURE(view)
{
	struct subject subject;
};

FIXTURE_VARIANT(view)
{
	enum file_kind kind;
};

FIXTURE_VARIANT_ADD(view, small) { .kind = SMALL };
FIXTURE_VARIANT_ADD(view, large) { .kind = LARGE };
FIXTURE_VARIANT_ADD(view, hugetlb) { .kind = HUGETLB };

FIXTURE_SETUP(view)
{
	SETUP(&self->subject);
}

FIXTURE_TEARDOWN(view)
{
	EXPECT_EQ(0, subject_close(&self->subject));
	EXPECT_EQ(0, mem_vm_pin(0));
}

/*
 * The same pages of a file three times side by side, so that a map meets a
 * folio again that it has just pinned.
 */
TEST_F(view, side_by_side)
{
	struct subject *s = &self->subject;
	struct rig *rig = &s->seer.rig;
	size_t half = variant->kind == HUGETLB ? MEM_HUGE : MEM_HUGE / 2;
	char *va = s->va;

	mem_fill(s->shadow, s->size, 1);
	NEED_HUGE(s);
	ASSERT_NE(NULL, map_at(va + MEM_HUGE, MEM_HUGE, PROT_RW, MAP_SHARED,
			       s->file, 0));
	ASSERT_NE(NULL, map_at(va + 2 * MEM_HUGE, half, PROT_RW, MAP_SHARED,
			       s->file, MEM_HUGE - half));
	ASSERT_EQ(0, rig_map(rig, va, 3 * MEM_HUGE, IOVA));
	EXPECT_RIGHT(&s->seer, IOVA, va, 3 * LEAF);
	EXPECT_EQ(-1, mem_check(va + MEM_HUGE, MEM_HUGE, 1));

	/* Through the one, seen through the others */
	EXPECT_SEAM(&s->seer, IOVA, va + MEM_HUGE, 100);
	EXPECT_SEAM(&s->seer, IOVA + 2 * MEM_HUGE, va + MEM_HUGE - half, 100);
	EXPECT_SEAM(&s->seer, IOVA, va, LEAF);
	ASSERT_EQ(0, rig_unmap(rig, IOVA, 3 * MEM_HUGE));
	EXPECT_UNPINNED(&s->seer);
}

/*
 * A private mapping: the pages that were written are copies, the others become
 * copies when they are pinned. The file stays as it was.
 */
TEST_F(view, private)
{
	static const size_t written[] = { 0, 7, 300, LEAF, LEAF + 1, 1000 };
	struct subject *s = &self->subject;
	struct rig *rig = &s->seer.rig;
	unsigned int i;
	char *va;

	mem_fill(s->shadow, 2 * MEM_HUGE, 1);
	va = map_file(s->file, 2 * MEM_HUGE, PROT_RW, MAP_PRIVATE);
	ASSERT_NE(NULL, va);
	for (i = 0; i < ARRAY_SIZE(written); i++)
		mem_fill(va + written[i] * PAGE, PAGE, 100 + i);
	ASSERT_EQ(0, rig_map(rig, va, 2 * MEM_HUGE, IOVA));
	EXPECT_RIGHT(&s->seer, IOVA, va, 2 * LEAF);
	for (i = 0; i < ARRAY_SIZE(written); i++) {
		EXPECT_EQ(-1, mem_check(va + written[i] * PAGE, PAGE, 100 + i));
	}
	EXPECT_SEAM(&s->seer, IOVA, va, 7);
	EXPECT_SEAM(&s->seer, IOVA, va, LEAF);

	/* What the CPU writes now is for the device, and not for the file */
	mem_fill(va, 2 * MEM_HUGE, 3);
	EXPECT_RIGHT(&s->seer, IOVA, va, 2 * LEAF);
	EXPECT_SEAM(&s->seer, IOVA, va, 500);
	EXPECT_EQ(-1, mem_check(s->shadow, 2 * MEM_HUGE, 1));
	mem_fill(s->shadow, 2 * MEM_HUGE, 4);
	EXPECT_EQ(-1, mem_check(va, 2 * MEM_HUGE, 3));
	ASSERT_EQ(0, rig_unmap(rig, IOVA, 2 * MEM_HUGE));
	EXPECT_UNPINNED(&s->seer);
	EXPECT_EQ(-1, mem_check(s->shadow, 2 * MEM_HUGE, 4));
	munmap(va, 2 * MEM_HUGE);
}

/* Only to be read: that is no reason to stay behind when the CPU writes. */
TEST_F(view, private_to_be_read)
{
	struct subject *s = &self->subject;
	struct rig *rig = &s->seer.rig;
	static char copy[2 * MEM_HUGE];
	char *va;

	mem_fill(s->shadow, 2 * MEM_HUGE, 1);
	/*
	 * Not where the CPU can use huge pages for tmpfs: there, Linux 6.12
	 * never comes back from unsharing one in order to pin it.
	 */
	va = mem_reserve(4 * MEM_HUGE);
	ASSERT_NE(NULL, va);
	if (variant->kind != HUGETLB)
		va = (char *)((uintptr_t)va & -MEM_HUGE) + MEM_HUGE + PAGE;
	else
		va = (char *)((uintptr_t)va & -MEM_HUGE) + MEM_HUGE;
	ASSERT_NE(NULL, map_at(va, 2 * MEM_HUGE, PROT_RW, MAP_PRIVATE,
			       s->file, 0));
	mem_fill(va + 9 * PAGE, PAGE, 2);
	ASSERT_EQ(0, iommu_map_fixed(rig->fd, rig->ioas, va, 2 * MEM_HUGE,
				     IOMMU_R, IOVA));
	EXPECT_RIGHT(&s->seer, IOVA, va, 2 * LEAF);
	mem_fill(va, 2 * MEM_HUGE, 3);
	EXPECT_EQ(0, access_read(s->seer.acc, IOVA, copy, 2 * MEM_HUGE));
	EXPECT_EQ(-1, mem_check(copy, 2 * MEM_HUGE, 3));
	EXPECT_EQ(0, edu_copy(&rig->edu, IOVA + 300 * PAGE, LOAD_IOVA, 1000));
	EXPECT_EQ(0, memcmp(va + 300 * PAGE, s->seer.load, 1000));
	ASSERT_EQ(0, rig_unmap(rig, IOVA, 2 * MEM_HUGE));
	EXPECT_UNPINNED(&s->seer);
	EXPECT_EQ(-1, mem_check(s->shadow, 2 * MEM_HUGE, 1));
	munmap(va, 2 * MEM_HUGE);
}

/* A read-only mapping, the file open for reading only; with a hole. */
TEST_F(view, read_only)
{
	struct subject *s = &self->subject;
	struct rig *rig = &s->seer.rig;
	char path[32], *va;
	int fd;

	mem_fill(s->shadow + MEM_HUGE, MEM_HUGE, 1);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", s->file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	ASSERT_LE(0, fd);
	va = map_file(fd, 2 * MEM_HUGE, PROT_READ, MAP_SHARED);
	ASSERT_NE(NULL, va);
	close(fd);
	/* A hole that only can be read may be filled or not: both are right */
	ASSERT_EQ(0, iommu_map_fixed(rig->fd, rig->ioas, va + MEM_HUGE,
				     MEM_HUGE, IOMMU_R, IOVA));
	EXPECT_RIGHT(&s->seer, IOVA, va + MEM_HUGE, LEAF);
	EXPECT_EQ(0, edu_copy(&rig->edu, IOVA + 300 * PAGE - 500, LOAD_IOVA,
			      1000));
	EXPECT_EQ(0, memcmp(va + MEM_HUGE + 300 * PAGE - 500, s->seer.load,
			    1000));
	/* The device's buffer has what it read: write something else */
	mem_fill(s->seer.load, PAGE, 5);
	ASSERT_EQ(0, edu_read(&rig->edu, LOAD_IOVA, 64));
	ASSERT_EQ(0, edu_write(&rig->edu, IOVA + 300 * PAGE, 64));
	EXPECT_EQ(-1, mem_check(s->shadow + MEM_HUGE, MEM_HUGE, 1));
	ASSERT_EQ(0, rig_unmap(rig, IOVA, MEM_HUGE));
	EXPECT_UNPINNED(&s->seer);
	munmap(va, 2 * MEM_HUGE);
}

/* Memory of all kinds in one map call -------------------------------------- */

#define ARENA_PAGES (4 * LEAF)
#define SOURCE_SIZE (2 * MEM_HUGE)

FIXTURE(mixed)
{
	struct seer seer;
	char *arena;
	/* Of each kind of file, -1 where there is none */
	int files[3];
	uint64_t random;
};

FIXTURE_SETUP(mixed)
{
	int i;

	self->seer.acc = -1;
	if (access_why_not())
		SKIP(return, "%s", access_why_not());
	ASSERT_EQ(0, seer_open(&self->seer));
	self->arena = reserve_huge(ARENA_PAGES * PAGE);
	ASSERT_NE(NULL, self->arena);
	for (i = SMALL; i <= HUGETLB; i++)
		self->files[i] = file_of_kind(i, SOURCE_SIZE);
	self->random = 0x853c49e6748fea9b;
}

FIXTURE_TEARDOWN(mixed)
{
	EXPECT_EQ(0, seer_close(&self->seer));
	EXPECT_EQ(0, mem_vm_pin(0));
}

/* A number below @n; the same in every run. */
static size_t pick(uint64_t *random, size_t n)
{
	*random ^= *random << 13;
	*random ^= *random >> 7;
	*random ^= *random << 17;
	return *random % n;
}

static char *lay_anon(char *at, size_t size, bool huge, uint64_t *random)
{
	size_t n = size / PAGE, i;
	char *p;

	p = map_at(at, size, PROT_RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (!p)
		return NULL;
	madvise(p, size, huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
	mem_fill(p, size, n);
	/* Pieces of it are replaced, or left for the module to fill */
	for (i = pick(random, 3); i; i--) {
		size_t first = pick(random, n);
		size_t npages = 1 + pick(random, n - first);

		madvise(p + first * PAGE, npages * PAGE, MADV_DONTNEED);
		if (pick(random, 2))
			mem_fill(p + first * PAGE, npages * PAGE, i);
	}
	return p;
}

static char *lay_file(char *at, size_t size, int fd, uint64_t *random)
{
	int flags = pick(random, 3) ? MAP_SHARED : MAP_PRIVATE;
	size_t offset = pick(random, (SOURCE_SIZE - size) / PAGE + 1) * PAGE;
	char *p;

	if (!pick(random, 4))
		punch(fd, pick(random, SOURCE_SIZE / PAGE), pick(random, 40));
	p = map_at(at, size, PROT_RW, flags, fd, offset);
	if (p && pick(random, 2))
		mem_fill(p + pick(random, size / PAGE) * PAGE, PAGE, size);
	return p;
}

/* Something at page @first of the arena. Returns the page behind it, or 0. */
static size_t lay_something(char *arena, size_t first, const int *files,
			    uint64_t *random)
{
	size_t most = ARENA_PAGES - first, npages;
	char *at = arena + first * PAGE;
	unsigned int kind = pick(random, 5);

	npages = 1 + pick(random, pick(random, 2) ? LEAF + 100 : 20);
	/* Often at the beginning of a huge page, with all of one */
	if (first % LEAF == 0 && npages < LEAF && pick(random, 2))
		npages = LEAF;
	else if (first % LEAF && !pick(random, 2))
		npages = LEAF - first % LEAF;
	if (npages > most)
		npages = most;
	if (npages > SOURCE_SIZE / PAGE)
		npages = SOURCE_SIZE / PAGE;

	if (kind == HUGETLB && files[HUGETLB] >= 0 && first % LEAF == 0 &&
	    most >= LEAF) {
		if (!map_at(at, MEM_HUGE, PROT_RW, MAP_SHARED, files[HUGETLB],
			    pick(random, 2) * MEM_HUGE))
			return 0;
		return first + LEAF;
	}
	if (kind <= LARGE && files[kind] >= 0)
		return lay_file(at, npages * PAGE, files[kind], random) ?
			first + npages : 0;
	return lay_anon(at, npages * PAGE, kind == 4, random) ?
		first + npages : 0;
}

/*
 * A patchwork of everything that there is. Any part of it is mapped, by a
 * device that is attached already and by one that is not yet.
 */
TEST_F(mixed, patchwork)
{
	const bool debug = mem_debug_kernel();
	struct rig *rig = &self->seer.rig;
	unsigned int round;

	for (round = 0; round < (debug ? 12 : 24); round++) {
		size_t first = pick(&self->random, ARENA_PAGES / 2), at, n;
		uint64_t iova = IOVA + pick(&self->random, LEAF) * PAGE;
		char *va = self->arena + first * PAGE;
		bool attach = round % 4 == 3;

		/* At once, as huge pages of hugetlbfs cannot be cut */
		ASSERT_NE(NULL, map_at(self->arena, ARENA_PAGES * PAGE,
				       PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS,
				       -1, 0));
		for (at = 0; at < ARENA_PAGES;) {
			at = lay_something(self->arena, at, self->files,
					   &self->random);
			ASSERT_NE(0, at);
		}
		n = 2 + pick(&self->random, ARENA_PAGES - first - 2);
		if (attach) {
			ASSERT_EQ(0, vfio_detach(rig->edu.fd));
		}
		ASSERT_EQ(0, rig_map(rig, va, n * PAGE, iova)) {
			TH_LOG("round %u", round);
		}
		if (attach) {
			ASSERT_EQ(0, rig_attach(rig));
		}
		EXPECT_RIGHT(&self->seer, iova, va, n) {
			TH_LOG("round %u", round);
		}
		at = 1 + pick(&self->random, n - 1);
		if (round % 2) {
			EXPECT_SEAM(&self->seer, iova, va, at) {
				TH_LOG("round %u, page %zu", round, at);
			}
		}
		ASSERT_EQ(0, rig_unmap(rig, iova, n * PAGE));
		EXPECT_UNPINNED(&self->seer);
	}
}

ACCESS_HARNESS_MAIN
