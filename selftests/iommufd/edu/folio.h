/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who tells whether the module has the right pages: an access of the test module, for
 * every page of a range, compared with the CPU's page table; and a device, at the places
 * where it matters.
 */
#ifndef SELFTESTS_FOLIO_H
#define SELFTESTS_FOLIO_H

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "access.h"
#include "edu.h"
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

static inline int seer_open(struct seer *seer)
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
static inline long seer_close(struct seer *seer)
{
	if (seer->acc >= 0)
		close(seer->acc);
	return rig_close(&seer->rig);
}

/* Have all pages in the CPU's page table. */
static inline void look_at(const char *va, size_t npages)
{
	size_t i;

	for (i = 0; i < npages; i++)
		(void)*(const volatile char *)(va + i * PAGE);
}

/*
 * Has the module got the pages that the CPU has? Returns the index of the first
 * one that it has not, -1 if all are right, or an errno below that.
 */
static inline long wrong_page(struct seer *seer, uint64_t iova, const char *va,
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
static inline int device_writes(struct seer *seer, uint64_t iova, char *va,
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
static inline int device_writes_across(struct seer *seer, uint64_t iova,
				       char *va, size_t page)
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
static inline char *reserve_huge(size_t size)
{
	char *p = mem_reserve(size + MEM_HUGE);

	return p ? (char *)(((uintptr_t)p + MEM_HUGE - 1) & -MEM_HUGE) : NULL;
}

static inline bool is_huge(const char *va, size_t size)
{
	look_at(va, size / PAGE);
	return mem_runs(va, size) <= (long)(size / MEM_HUGE);
}

/* Not a failure if there is no such thing on this machine. */
static inline void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	if (write(fd, text, strlen(text)) < 0)
		printf("# %s: %s\n", path, strerror(errno));
	close(fd);
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
static inline bool part_is_right(struct seer *seer, unsigned int i)
{
	static char copy[2 * MEM_HUGE];

	return !access_read(seer->acc, part_at(i), copy,
			    part_pages(i) * PAGE) &&
	       mem_check(copy, part_pages(i) * PAGE, i) < 0;
}

/* The device writes to what the CPU has no address of. */
static inline bool part_takes_writes(struct seer *seer, unsigned int i)
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

/* What the kernel does to huge pages at its leisure, asked for at once. */
static inline void disturb(char *va, size_t size)
{
	write_file("/sys/kernel/debug/split_huge_pages", "1");
	write_file("/proc/sys/vm/compact_memory", "1");
	madvise(va, size, MADV_PAGEOUT);
	madvise(va, size, MADV_COLLAPSE);
	write_file("/proc/sys/vm/drop_caches", "3");
}

enum file_kind {
	SMALL,		/* tmpfs */
	LARGE,		/* tmpfs in huge pages */
	HUGETLB,
};

/* A file of a tmpfs that is in huge pages wherever that is possible. */
static inline int large_file(size_t size)
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

static inline int file_of_kind(enum file_kind kind, size_t size)
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

static inline char *map_at(char *at, size_t size, int prot, int flags, int fd,
			   off_t offset)
{
	void *p = mmap(at, size, prot, flags | MAP_FIXED, fd, offset);

	return p == MAP_FAILED ? NULL : p;
}

#define PROT_RW (PROT_READ | PROT_WRITE)

static inline int punch(int fd, size_t page, size_t npages)
{
	return fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			 page * PAGE, npages * PAGE) ? -errno : 0;
}

#endif
