// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory of every kind in an IOAS, and memory that must be refused. It gets
 * pinned by an access of the test module, which sees through struct pages what
 * a device would see.
 */
#define _GNU_SOURCE
#include <fcntl.h>

#include "kselftest_harness.h"

#include "access.h"
#include "iommu.h"
#include "mem.h"

#define PAGE ((uint64_t)4096)
#define NPAGES 16
#define BUF (NPAGES * PAGE)
/* Two huge pages, and a window over their seam, where a lot of it happens */
#define BIG (2 * MEM_HUGE)
#define SEAM (MEM_HUGE - 17 * PAGE)
#define WINDOW (40 * PAGE)
#define AT ((uint64_t)0x40000000)
#define KERNEL_ADDRESS 0xffff888000001000ULL

#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x0010
#endif
#define NEED(cmd)							\
	do {								\
		if (!iommu_has_cmd(self->fd, cmd))			\
			SKIP(return, "no " #cmd " in this module");	\
	} while (0)

/* An IOAS, and an access that is attached to it. */
struct space {
	int fd;
	uint32_t id;
	int acc;
};

static int space_open(struct space *space)
{
	int rc;

	space->fd = iommu_open();
	if (space->fd < 0)
		return space->fd;
	rc = iommu_ioas_alloc(space->fd, &space->id);
	if (rc)
		return rc;
	space->acc = access_open_attached(space->fd, space->id);
	return space->acc < 0 ? space->acc : 0;
}

static void space_close(struct space *space)
{
	close(space->acc);
	close(space->fd);
}

static void *anon(size_t size)
{
	return mem_anon(size);
}

static void *memfd_shared(size_t size)
{
	int fd = mem_memfd(size + 3 * PAGE, 0);
	void *p = fd < 0 ? NULL : mem_map_file(fd, 3 * PAGE, size);

	close(fd);
	return p;
}

static void *memfd_private(size_t size)
{
	int fd = mem_memfd(size, 0);
	void *p;

	if (fd < 0)
		return NULL;
	p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	close(fd);
	return p == MAP_FAILED ? NULL : p;
}

static void *hugetlb_shared(size_t size)
{
	int fd = mem_memfd_hugetlb(size + MEM_HUGE);
	void *p = fd < 0 ? NULL : mem_map_file(fd, MEM_HUGE, size);

	if (fd >= 0)
		close(fd);
	return p;
}

FIXTURE(kind) {
	struct space s;
	char *buf;
	char *copy;
	long pinned;
};

FIXTURE_VARIANT(kind) {
	void *(*alloc)(size_t size);
	/* it comes from a pool that may be empty */
	bool may_lack;
	/* neighbours in it are none in the machine's memory */
	bool scattered;
};

FIXTURE_VARIANT_ADD(kind, anonymous) { .alloc = anon };
FIXTURE_VARIANT_ADD(kind, scattered) {
	.alloc = mem_scattered,
	.scattered = true,
};
FIXTURE_VARIANT_ADD(kind, thp) { .alloc = mem_thp };
FIXTURE_VARIANT_ADD(kind, shared) { .alloc = mem_shared };
FIXTURE_VARIANT_ADD(kind, memfd_shared) { .alloc = memfd_shared };
FIXTURE_VARIANT_ADD(kind, memfd_private) { .alloc = memfd_private };
FIXTURE_VARIANT_ADD(kind, hugetlb) { .alloc = mem_hugetlb, .may_lack = true };
FIXTURE_VARIANT_ADD(kind, hugetlb_shared) {
	.alloc = hugetlb_shared,
	.may_lack = true,
};

FIXTURE_SETUP(kind)
{
	if (access_why_not())
		SKIP(return, "%s", access_why_not());
	self->pinned = mem_pinned();
	self->buf = variant->alloc(BIG);
	if (!self->buf && variant->may_lack)
		SKIP(return, "too few free hugetlb pages");
	ASSERT_NE(NULL, self->buf);
	self->copy = mem_anon(BIG);
	ASSERT_NE(NULL, self->copy);
	ASSERT_EQ(0, space_open(&self->s));
	mem_fill(self->buf, BIG, 1);
	ASSERT_EQ(0, iommu_map_fixed(self->s.fd, self->s.id, self->buf, BIG,
				     IOMMU_RW, AT));
}

FIXTURE_TEARDOWN(kind)
{
	space_close(&self->s);
	EXPECT_EQ(self->pinned, mem_wait_pinned(self->pinned));
	EXPECT_EQ(0, mem_vm_pin(0));
	mem_free(self->buf, BIG);
	mem_free(self->copy, BIG);
}

TEST_F(kind, pin_all)
{
	const unsigned int n = BIG / PAGE;
	uint64_t *pfns = calloc(n, sizeof(*pfns));
	uint64_t *want = calloc(n, sizeof(*want));

	ASSERT_NE(NULL, pfns);
	ASSERT_NE(NULL, want);
	if (variant->scattered) {
		ASSERT_LT(n / 2, mem_runs(self->buf, BIG));
	}
	ASSERT_EQ(0, access_pin_pfns(self->s.acc, AT, BIG, ACCESS_WRITE,
				     pfns));
	EXPECT_EQ(n, mem_vm_pin(0));
	EXPECT_LT(self->pinned, mem_pinned());
	ASSERT_EQ(0, mem_pfns(self->buf, n, want));
	EXPECT_EQ(0, memcmp(want, pfns, n * sizeof(*pfns)));
	EXPECT_EQ(0, access_peek(self->s.acc, AT, self->copy, BIG));
	EXPECT_EQ(-1, mem_check(self->copy, BIG, 1));
	mem_fill(self->copy, WINDOW, 2);
	EXPECT_EQ(0, access_poke(self->s.acc, AT + SEAM, self->copy, WINDOW));
	EXPECT_EQ(-1, mem_check(self->buf + SEAM, WINDOW, 2));
	EXPECT_EQ(0, access_unpin(self->s.acc, AT, BIG));
	EXPECT_EQ(0, mem_vm_pin(0));
	EXPECT_EQ(self->pinned, mem_pinned());
	free(pfns);
	free(want);
}

/* Parts that begin and end within huge pages, one over the seam of two. */
TEST_F(kind, pin_parts)
{
	static const struct {
		uint64_t at;
		uint64_t len;
	} part[] = {
		{ PAGE, PAGE },
		{ 7 * PAGE, 11 * PAGE },
		{ MEM_HUGE - 3 * PAGE, 7 * PAGE },
		{ BIG - PAGE, PAGE },
	};
	uint64_t pfns[11];
	unsigned int i, j, total = 0;

	for (i = 0; i < ARRAY_SIZE(part); i++) {
		ASSERT_EQ(0, access_pin_pfns(self->s.acc, AT + part[i].at,
					     part[i].len, ACCESS_WRITE, pfns));
		for (j = 0; j < part[i].len / PAGE; j++) {
			EXPECT_EQ(mem_pfn(self->buf + part[i].at + j * PAGE),
				  pfns[j]);
		}
		total += part[i].len / PAGE;
		EXPECT_EQ(total, mem_vm_pin(0));
	}
	for (i = 0; i < ARRAY_SIZE(part); i++) {
		EXPECT_EQ(0, access_unpin(self->s.acc, AT + part[i].at,
					  part[i].len));
		total -= part[i].len / PAGE;
		EXPECT_EQ(total, mem_vm_pin(0));
	}
	EXPECT_EQ(self->pinned, mem_pinned());
}

/* A mapping of a slice: offsets in the memory are not those in the area. */
TEST_F(kind, map_slice)
{
	const uint64_t at = MEM_HUGE - 5 * PAGE, len = 9 * PAGE;

	ASSERT_EQ(0, iommu_map_fixed(self->s.fd, self->s.id, self->buf + at,
				     len, IOMMU_RW, 2 * AT));
	ASSERT_EQ(0, access_pin(self->s.acc, 2 * AT + 2 * PAGE, 5 * PAGE, 0));
	EXPECT_EQ(0, access_peek(self->s.acc, 2 * AT + 2 * PAGE, self->copy,
				 5 * PAGE));
	EXPECT_EQ(0, memcmp(self->copy, self->buf + at + 2 * PAGE, 5 * PAGE));
	EXPECT_EQ(0, access_read(self->s.acc, 2 * AT, self->copy, len));
	EXPECT_EQ(0, memcmp(self->copy, self->buf + at, len));
	EXPECT_EQ(0, iommu_unmap_all(self->s.fd, self->s.id, NULL));
	EXPECT_EQ(self->pinned, mem_pinned());
}

TEST_F(kind, rw)
{
	EXPECT_EQ(0, access_rw(self->s.acc, AT + SEAM + 5, self->copy, WINDOW,
			       0));
	EXPECT_EQ(0, memcmp(self->copy, self->buf + SEAM + 5, WINDOW));
	mem_fill(self->copy, WINDOW, 3);
	EXPECT_EQ(0, access_rw(self->s.acc, AT + SEAM - 9, self->copy, WINDOW,
			       ACCESS_WRITE | ACCESS_KTHREAD));
	EXPECT_EQ(-1, mem_check(self->buf + SEAM - 9, WINDOW, 3));
	EXPECT_EQ(self->pinned, mem_pinned());
}

/* It can be gone from the process, as long as it is pinned. */
TEST_F(kind, munmap_while_pinned)
{
	ASSERT_EQ(0, access_pin(self->s.acc, AT, BIG, 0));
	mem_free(self->buf, BIG);
	self->buf = NULL;
	EXPECT_EQ(0, access_peek(self->s.acc, AT, self->copy, BIG));
	EXPECT_EQ(-1, mem_check(self->copy, BIG, 1));
	EXPECT_EQ(0, access_unpin(self->s.acc, AT, BIG));
	EXPECT_EQ(self->pinned, mem_pinned());
	EXPECT_EQ(-EFAULT, access_pin(self->s.acc, AT, BIG, 0));
	EXPECT_EQ(-EFAULT, access_read(self->s.acc, AT, self->copy, PAGE));
	EXPECT_EQ(self->pinned, mem_pinned());
}

FIXTURE(mem) {
	int fd;
	struct space s;
	char *buf;
	char *copy;
	long pinned;
};

FIXTURE_SETUP(mem)
{
	if (access_why_not())
		SKIP(return, "%s", access_why_not());
	self->pinned = mem_pinned();
	ASSERT_EQ(0, space_open(&self->s));
	self->fd = self->s.fd;
	self->buf = mem_anon(BUF);
	self->copy = mem_anon(BUF);
	ASSERT_NE(NULL, self->buf);
	ASSERT_NE(NULL, self->copy);
	mem_fill(self->buf, BUF, 1);
}

FIXTURE_TEARDOWN(mem)
{
	space_close(&self->s);
	EXPECT_EQ(self->pinned, mem_wait_pinned(self->pinned));
	EXPECT_EQ(0, mem_vm_pin(0));
}

static int map(FIXTURE_DATA(mem) *self, const void *va, uint64_t len,
	       uint32_t perm)
{
	return iommu_map_fixed(self->fd, self->s.id, va, len, perm, AT);
}

static int unmap(FIXTURE_DATA(mem) *self)
{
	return iommu_unmap_all(self->fd, self->s.id, NULL);
}

static int pin(FIXTURE_DATA(mem) *self, uint64_t len, uint32_t flags)
{
	return access_pin(self->s.acc, AT, len, flags);
}

/*
 * Maps and pins, and returns what the first of the two that failed said: when
 * memory is looked at is nothing that a program should depend on.
 */
static int map_and_pin(FIXTURE_DATA(mem) *self, const void *va, uint64_t len,
		       uint32_t perm, uint32_t flags)
{
	int rc = map(self, va, len, perm);

	if (!rc) {
		rc = pin(self, len, flags);
		unmap(self);
	}
	return rc;
}

static int map_and_pin_file(FIXTURE_DATA(mem) *self, int file, uint64_t start,
			    uint64_t len, uint32_t perm)
{
	int rc = iommu_map_file_fixed(self->fd, self->s.id, file, start, len,
				      perm, AT);

	if (!rc) {
		rc = pin(self, len, perm & IOMMU_R ? ACCESS_READ :
						     ACCESS_WRITE);
		unmap(self);
	}
	return rc;
}

TEST_F(mem, nothing_there)
{
	char *hole = mem_reserve(BUF);

	ASSERT_NE(NULL, hole);
	/* No permission at all, */
	EXPECT_EQ(-EFAULT, map_and_pin(self, hole, BUF, IOMMU_RW, 0));
	EXPECT_EQ(-EFAULT, map_and_pin(self, hole, BUF, IOMMU_R, 0));
	mem_free(hole, BUF);
	/* no memory, */
	EXPECT_EQ(-EFAULT, map_and_pin(self, hole, BUF, IOMMU_RW, 0));
	EXPECT_EQ(-EFAULT, map_and_pin(self, NULL, PAGE, IOMMU_RW, 0));
	/* and not the user's */
	EXPECT_EQ(-EFAULT, map_and_pin(self, (void *)KERNEL_ADDRESS, PAGE,
				       IOMMU_R, 0));
	EXPECT_EQ(-EFAULT, map_and_pin(self, (void *)0x800000000000, PAGE,
				       IOMMU_R, 0));
	EXPECT_EQ(self->pinned, mem_pinned());
	EXPECT_EQ(0, mem_vm_pin(0));
}

TEST_F(mem, partly_there)
{
	unsigned int i;

	for (i = 0; i < NPAGES; i += NPAGES / 2 - 1) {
		char *buf = mem_anon(BUF);

		ASSERT_NE(NULL, buf);
		mem_free(buf + i * PAGE, PAGE);
		EXPECT_EQ(-EFAULT, map_and_pin(self, buf, BUF, IOMMU_RW, 0))
			TH_LOG("hole at page %u", i);
		EXPECT_EQ(self->pinned, mem_pinned());
		EXPECT_EQ(0, mem_vm_pin(0));
		mem_free(buf, BUF);
	}
}

TEST_F(mem, read_only_memory)
{
	ASSERT_EQ(0, mprotect(self->buf, BUF, PROT_READ));
	/* A device that may write can be stopped by nobody */
	EXPECT_EQ(-EFAULT, map_and_pin(self, self->buf, BUF, IOMMU_RW,
				       ACCESS_READ));
	EXPECT_EQ(-EFAULT, map_and_pin(self, self->buf, BUF, IOMMU_RW,
				       ACCESS_WRITE));
	EXPECT_EQ(-EFAULT, map_and_pin(self, self->buf, BUF, IOMMU_W,
				       ACCESS_WRITE));
	ASSERT_EQ(0, map(self, self->buf, BUF, IOMMU_R));
	EXPECT_EQ(0, pin(self, BUF, ACCESS_READ));
	EXPECT_EQ(0, access_peek(self->s.acc, AT, self->copy, BUF));
	EXPECT_EQ(-1, mem_check(self->copy, BUF, 1));
}

TEST_F(mem, read_only_memory_rw)
{
	ASSERT_EQ(0, map(self, self->buf, BUF, IOMMU_RW));
	ASSERT_EQ(0, mprotect(self->buf + PAGE, PAGE, PROT_READ));
	EXPECT_EQ(0, access_write(self->s.acc, AT, self->copy, PAGE));
	EXPECT_EQ(-EFAULT, access_write(self->s.acc, AT + PAGE, self->copy,
					8));
	EXPECT_EQ(-EFAULT, access_write(self->s.acc, AT, self->copy,
					2 * PAGE));
	EXPECT_EQ(-EFAULT, access_rw(self->s.acc, AT, self->copy, 2 * PAGE,
				     ACCESS_WRITE | ACCESS_KTHREAD));
	EXPECT_EQ(0, access_read(self->s.acc, AT + PAGE, self->copy, PAGE));
	EXPECT_EQ(0, memcmp(self->copy, self->buf + PAGE, PAGE));
}

/* A file that could be written, mapped so that the process may not. */
TEST_F(mem, read_only_shared_memory)
{
	int file = mem_memfd(BUF, 0);
	char *p;

	ASSERT_LE(0, file);
	p = mmap(NULL, BUF, PROT_READ, MAP_SHARED, file, 0);
	ASSERT_NE(MAP_FAILED, p);
	EXPECT_EQ(-EFAULT, map_and_pin(self, p, BUF, IOMMU_RW, 0));
	EXPECT_EQ(0, map_and_pin(self, p, BUF, IOMMU_R, 0));
	mem_free(p, BUF);
	p = mem_map_file(file, 0, BUF);
	ASSERT_NE(NULL, p);
	EXPECT_EQ(0, map_and_pin(self, p, BUF, IOMMU_RW, 0));
	ASSERT_EQ(0, mprotect(p + 3 * PAGE, PAGE, PROT_READ));
	EXPECT_EQ(-EFAULT, map_and_pin(self, p, BUF, IOMMU_RW, 0));
	EXPECT_EQ(self->pinned, mem_pinned());
}

/* Pinned for reading before anybody wrote: it must not be the zero page. */
TEST_F(mem, untouched_memory)
{
	char *fresh = mmap(NULL, BUF, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	unsigned int i;

	ASSERT_NE(MAP_FAILED, fresh);
	/* Read, so that the zero page is there already */
	for (i = 0; i < NPAGES; i++) {
		ASSERT_EQ(0, *(volatile char *)(fresh + i * PAGE));
	}
	ASSERT_EQ(0, map(self, fresh, BUF, IOMMU_R));
	ASSERT_EQ(0, pin(self, BUF, ACCESS_READ));
	mem_fill(fresh, BUF, 5);
	EXPECT_EQ(0, access_peek(self->s.acc, AT, self->copy, BUF));
	EXPECT_EQ(-1, mem_check(self->copy, BUF, 5));
	EXPECT_EQ(NPAGES, mem_vm_pin(0));
}

/* A private mapping is no longer the file's where it was written. */
TEST_F(mem, private_file_memory)
{
	int file = mem_memfd(BUF, 0);
	char *shared, *p;

	ASSERT_LE(0, file);
	shared = mem_map_file(file, 0, BUF);
	ASSERT_NE(NULL, shared);
	mem_fill(shared, BUF, 6);
	p = mmap(NULL, BUF, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0);
	ASSERT_NE(MAP_FAILED, p);
	/* Page 0 is the process's own, the others are still the file's */
	memset(p, 0x33, PAGE);
	ASSERT_EQ(0, map(self, p, BUF, IOMMU_R));
	ASSERT_EQ(0, pin(self, BUF, ACCESS_READ));
	EXPECT_EQ(0, access_peek(self->s.acc, AT, self->copy, BUF));
	EXPECT_EQ(0, memcmp(self->copy, p, BUF));
	/* A later write has to reach the pinned page */
	memset(p, 0x44, BUF);
	EXPECT_EQ(0, access_peek(self->s.acc, AT, self->copy, BUF));
	EXPECT_EQ(0, memcmp(self->copy, p, BUF));
	EXPECT_EQ(0, unmap(self));
	/* And what the device writes must not reach the file */
	ASSERT_EQ(0, map(self, p, BUF, IOMMU_RW));
	ASSERT_EQ(0, pin(self, BUF, ACCESS_WRITE));
	memset(self->copy, 0x55, BUF);
	EXPECT_EQ(0, access_poke(self->s.acc, AT, self->copy, BUF));
	EXPECT_EQ(0x55, p[BUF - 1]);
	EXPECT_EQ(-1, mem_check(shared, BUF, 6));
}

/* One map over memory of several files and none. */
TEST_F(mem, patchwork)
{
	int a = mem_memfd(BUF, 0), b = mem_memfd(BUF, 0);
	char *p = mem_anon(BUF);
	uint64_t pfns[NPAGES];
	unsigned int i;

	ASSERT_LE(0, a);
	ASSERT_LE(0, b);
	ASSERT_NE(NULL, p);
	/* a, its pages in another order | anonymous | b | a again */
	ASSERT_EQ(p, mmap(p, 2 * PAGE, PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_FIXED, a, 4 * PAGE));
	ASSERT_EQ(p + 2 * PAGE, mmap(p + 2 * PAGE, PAGE,
				     PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_FIXED, a, 0));
	ASSERT_EQ(p + 6 * PAGE, mmap(p + 6 * PAGE, 5 * PAGE,
				     PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_FIXED, b, PAGE));
	ASSERT_EQ(p + 11 * PAGE, mmap(p + 11 * PAGE, PAGE,
				      PROT_READ | PROT_WRITE,
				      MAP_SHARED | MAP_FIXED, a, 5 * PAGE));
	/* Pages 1 and 11 are the same; so do not fill 11 with its own */
	mem_fill(p, BUF, 8);
	memcpy(p + 11 * PAGE, p + PAGE, PAGE);
	ASSERT_EQ(0, map(self, p, BUF, IOMMU_RW));
	ASSERT_EQ(0, access_pin_pfns(self->s.acc, AT, BUF, ACCESS_WRITE,
				     pfns));
	for (i = 0; i < NPAGES; i++) {
		EXPECT_EQ(mem_pfn(p + i * PAGE), pfns[i])
			TH_LOG("page %u", i);
	}
	EXPECT_EQ(NPAGES, mem_vm_pin(0));
	EXPECT_EQ(0, access_peek(self->s.acc, AT, self->copy, BUF));
	EXPECT_EQ(0, memcmp(self->copy, p, BUF));
}

/* A child gets copies; the pinned pages remain the parent's. */
TEST_F(mem, fork)
{
	pid_t pid;

	ASSERT_EQ(0, map(self, self->buf, BUF, IOMMU_RW));
	ASSERT_EQ(0, pin(self, BUF, ACCESS_WRITE));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		memset(self->buf, 0x66, BUF);
		_exit(0);
	}
	ASSERT_EQ(pid, waitpid(pid, NULL, 0));
	EXPECT_EQ(0, access_peek(self->s.acc, AT, self->copy, BUF));
	EXPECT_EQ(-1, mem_check(self->copy, BUF, 1));
	mem_fill(self->buf, BUF, 2);
	EXPECT_EQ(0, access_peek(self->s.acc, AT, self->copy, BUF));
	EXPECT_EQ(-1, mem_check(self->copy, BUF, 2));
	mem_fill(self->copy, BUF, 3);
	EXPECT_EQ(0, access_poke(self->s.acc, AT, self->copy, BUF));
	EXPECT_EQ(-1, mem_check(self->buf, BUF, 3));
}

TEST_F(mem, file)
{
	int file = mem_memfd(2 * BUF, 0);
	uint64_t pfns[NPAGES];
	unsigned int i;
	char *p;

	NEED(IOMMU_IOAS_MAP_FILE);
	ASSERT_LE(0, file);
	p = mem_map_file(file, 0, 2 * BUF);
	ASSERT_NE(NULL, p);
	mem_fill(p + 5 * PAGE, BUF, 9);
	ASSERT_EQ(0, iommu_map_file_fixed(self->fd, self->s.id, file, 5 * PAGE,
					  BUF, IOMMU_RW, AT));
	close(file);
	EXPECT_EQ(self->pinned, mem_pinned());
	ASSERT_EQ(0, access_pin_pfns(self->s.acc, AT, BUF, ACCESS_WRITE,
				     pfns));
	EXPECT_EQ(NPAGES, mem_vm_pin(0));
	EXPECT_LT(self->pinned, mem_pinned());
	for (i = 0; i < NPAGES; i++) {
		EXPECT_EQ(mem_pfn(p + (5 + i) * PAGE), pfns[i]);
	}
	EXPECT_EQ(0, access_peek(self->s.acc, AT, self->copy, BUF));
	EXPECT_EQ(-1, mem_check(self->copy, BUF, 9));
	mem_fill(self->copy, BUF, 10);
	EXPECT_EQ(0, access_poke(self->s.acc, AT, self->copy, BUF));
	EXPECT_EQ(-1, mem_check(p + 5 * PAGE, BUF, 10));
	EXPECT_EQ(0, access_unpin(self->s.acc, AT, BUF));
	EXPECT_EQ(0, mem_vm_pin(0));
	EXPECT_EQ(self->pinned, mem_pinned());
	/* The process's own mapping is not needed */
	mem_free(p, 2 * BUF);
	EXPECT_EQ(0, pin(self, BUF, ACCESS_READ));
	EXPECT_EQ(0, access_peek(self->s.acc, AT, self->copy, BUF));
	EXPECT_EQ(-1, mem_check(self->copy, BUF, 10));
}

TEST_F(mem, file_rw)
{
	int file = mem_memfd(BUF, 0);

	NEED(IOMMU_IOAS_MAP_FILE);
	ASSERT_LE(0, file);
	ASSERT_EQ(BUF, pwrite(file, self->buf, BUF, 0));
	ASSERT_EQ(0, iommu_map_file_fixed(self->fd, self->s.id, file, PAGE,
					  4 * PAGE, IOMMU_RW, AT));
	EXPECT_EQ(0, access_read(self->s.acc, AT + 10, self->copy, 3 * PAGE));
	EXPECT_EQ(0, memcmp(self->copy, self->buf + PAGE + 10, 3 * PAGE));
	EXPECT_EQ(0, access_rw(self->s.acc, AT + 10, self->copy, 100,
			       ACCESS_KTHREAD));
	EXPECT_EQ(0, memcmp(self->copy, self->buf + PAGE + 10, 100));
	mem_fill(self->copy, 2 * PAGE, 4);
	EXPECT_EQ(0, access_write(self->s.acc, AT + 2000, self->copy,
				  2 * PAGE));
	ASSERT_EQ(2 * PAGE, pread(file, self->copy, 2 * PAGE, PAGE + 2000));
	EXPECT_EQ(-1, mem_check(self->copy, 2 * PAGE, 4));
	EXPECT_EQ(0, access_rw(self->s.acc, AT, self->buf, 4 * PAGE,
			       ACCESS_WRITE | ACCESS_KTHREAD));
	ASSERT_EQ(4 * PAGE, pread(file, self->copy, 4 * PAGE, PAGE));
	EXPECT_EQ(-1, mem_check(self->copy, 4 * PAGE, 1));
	EXPECT_EQ(self->pinned, mem_pinned());
}

/* Pages that the file does not have yet come into being, and are zero. */
TEST_F(mem, file_holes)
{
	int file = mem_memfd(BUF, 0);

	NEED(IOMMU_IOAS_MAP_FILE);
	ASSERT_LE(0, file);
	ASSERT_EQ(0, iommu_map_file_fixed(self->fd, self->s.id, file, 0, BUF,
					  IOMMU_RW, AT));
	ASSERT_EQ(0, pin(self, BUF, ACCESS_WRITE));
	memset(self->copy, 1, BUF);
	EXPECT_EQ(0, access_peek(self->s.acc, AT, self->copy, BUF));
	EXPECT_EQ(0, self->copy[0]);
	EXPECT_EQ(0, memcmp(self->copy, self->copy + 1, BUF - 1));
	EXPECT_EQ(0, access_poke(self->s.acc, AT, self->buf, BUF));
	ASSERT_EQ(BUF, pread(file, self->copy, BUF, 0));
	EXPECT_EQ(-1, mem_check(self->copy, BUF, 1));
}

/*
 * What fallocate() has made is not clear before it is touched: a device must not
 * see what was there, and what it writes must not be cleared afterwards.
 */
TEST_F(mem, file_preallocated)
{
	int file = mem_memfd(BUF, 0);

	NEED(IOMMU_IOAS_MAP_FILE);
	ASSERT_LE(0, file);
	ASSERT_EQ(0, fallocate(file, 0, 0, BUF));
	ASSERT_EQ(0, iommu_map_file_fixed(self->fd, self->s.id, file, 0, BUF,
					  IOMMU_RW, AT));
	memset(self->copy, 1, BUF);
	EXPECT_EQ(0, access_read(self->s.acc, AT, self->copy, BUF / 2));
	EXPECT_EQ(0, self->copy[0]);
	EXPECT_EQ(0, memcmp(self->copy, self->copy + 1, BUF / 2 - 1));
	EXPECT_EQ(0, access_write(self->s.acc, AT, self->buf, BUF));
	ASSERT_EQ(BUF, pread(file, self->copy, BUF, 0));
	EXPECT_EQ(-1, mem_check(self->copy, BUF, 1));
}

TEST_F(mem, file_hugetlb)
{
	long avail = mem_info("HugePages_Free");
	long rsvd = mem_info("HugePages_Rsvd");
	int file = mem_memfd_hugetlb(2 * MEM_HUGE);
	const uint64_t start = MEM_HUGE - 4 * PAGE;

	NEED(IOMMU_IOAS_MAP_FILE);
	if (file < 0)
		SKIP(return, "too few free hugetlb pages");
	ASSERT_EQ(0, iommu_map_file_fixed(self->fd, self->s.id, file, start,
					  BUF, IOMMU_RW, AT));
	ASSERT_EQ(0, pin(self, BUF, ACCESS_WRITE));
	EXPECT_EQ(NPAGES, mem_vm_pin(0));
	EXPECT_EQ(0, access_poke(self->s.acc, AT, self->buf, BUF));
	ASSERT_EQ(BUF, pread(file, self->copy, BUF, start));
	EXPECT_EQ(-1, mem_check(self->copy, BUF, 1));
	EXPECT_EQ(0, unmap(self));
	EXPECT_EQ(self->pinned, mem_pinned());
	/* The pages came out of the pool, and no reservation with them */
	EXPECT_EQ(rsvd, mem_info("HugePages_Rsvd"));
	EXPECT_EQ(avail - 2, mem_info("HugePages_Free"));
	close(file);
	EXPECT_EQ(avail, mem_info("HugePages_Free"));
	EXPECT_EQ(rsvd, mem_info("HugePages_Rsvd"));
}

/* Huge pages that nobody has touched, nor reserved. */
TEST_F(mem, hugetlb_noreserve)
{
	long avail = mem_info("HugePages_Free");
	long rsvd = mem_info("HugePages_Rsvd");
	int file = mem_memfd_hugetlb(2 * MEM_HUGE);
	char *p;

	if (file < 0)
		SKIP(return, "too few free hugetlb pages");
	p = mmap(NULL, 2 * MEM_HUGE, PROT_READ | PROT_WRITE,
		 MAP_SHARED | MAP_NORESERVE, file, 0);
	ASSERT_NE(MAP_FAILED, p);
	ASSERT_EQ(0, map(self, p + MEM_HUGE - 4 * PAGE, BUF, IOMMU_RW));
	ASSERT_EQ(0, pin(self, BUF, ACCESS_WRITE));
	EXPECT_EQ(0, access_poke(self->s.acc, AT, self->buf, BUF));
	EXPECT_EQ(0, memcmp(p + MEM_HUGE - 4 * PAGE, self->buf, BUF));
	EXPECT_EQ(rsvd, mem_info("HugePages_Rsvd"));
	EXPECT_EQ(avail - 2, mem_info("HugePages_Free"));
	EXPECT_EQ(0, unmap(self));
	mem_free(p, 2 * MEM_HUGE);
	close(file);
	EXPECT_EQ(avail, mem_info("HugePages_Free"));
	EXPECT_EQ(rsvd, mem_info("HugePages_Rsvd"));
}

TEST_F(mem, file_too_short)
{
	int file = mem_memfd(BUF, 0);

	NEED(IOMMU_IOAS_MAP_FILE);
	ASSERT_LE(0, file);
	EXPECT_EQ(0, map_and_pin_file(self, file, BUF - PAGE, PAGE, IOMMU_RW));
	EXPECT_EQ(-EINVAL, map_and_pin_file(self, file, BUF, PAGE, IOMMU_RW));
	EXPECT_EQ(-EINVAL, map_and_pin_file(self, file, BUF - PAGE, 2 * PAGE,
					    IOMMU_RW));
	EXPECT_EQ(-EINVAL, map_and_pin_file(self, file, 1ULL << 40, PAGE,
					    IOMMU_R));
	EXPECT_EQ(self->pinned, mem_pinned());
	EXPECT_EQ(0, mem_vm_pin(0));
	/* It shrinks between the map and the pin, */
	ASSERT_EQ(0, iommu_map_file_fixed(self->fd, self->s.id, file, 0, BUF,
					  IOMMU_RW, AT));
	ASSERT_EQ(0, ftruncate(file, BUF / 2));
	EXPECT_EQ(-EINVAL, pin(self, BUF, ACCESS_WRITE));
	EXPECT_EQ(0, pin(self, BUF / 2, ACCESS_WRITE));
	EXPECT_EQ(NPAGES / 2, mem_vm_pin(0));
	/* and while it is pinned, which keeps the pages */
	ASSERT_EQ(0, access_poke(self->s.acc, AT, self->buf, BUF / 2));
	ASSERT_EQ(0, ftruncate(file, 0));
	EXPECT_EQ(0, access_peek(self->s.acc, AT, self->copy, BUF / 2));
	EXPECT_EQ(-1, mem_check(self->copy, BUF / 2, 1));
	EXPECT_EQ(0, access_unpin(self->s.acc, AT, BUF / 2));
	EXPECT_EQ(-EINVAL, pin(self, PAGE, ACCESS_READ));
	EXPECT_EQ(self->pinned, mem_pinned());
}

TEST_F(mem, file_of_another_kind)
{
	static const char * const paths[] = {
		"/dev/null", "/dev/zero", "/proc/self/maps", "/proc", "/",
	};
	int fds[2], path_only, memfd = mem_memfd(BUF, 0);
	char name[32];
	unsigned int i;

	NEED(IOMMU_IOAS_MAP_FILE);
	for (i = 0; i < ARRAY_SIZE(paths); i++) {
		int file = open(paths[i], O_RDONLY);

		ASSERT_LE(0, file);
		EXPECT_EQ(-EINVAL, map_and_pin_file(self, file, 0, PAGE,
						    IOMMU_R))
			TH_LOG("%s", paths[i]);
		close(file);
	}
	ASSERT_EQ(0, pipe(fds));
	EXPECT_EQ(-EINVAL, map_and_pin_file(self, fds[0], 0, PAGE, IOMMU_R));
	EXPECT_EQ(-EINVAL, map_and_pin_file(self, self->fd, 0, PAGE, IOMMU_R));
	/* A descriptor that is good for nothing but its path */
	snprintf(name, sizeof(name), "/proc/self/fd/%d", memfd);
	path_only = open(name, O_PATH);
	ASSERT_LE(0, path_only);
	EXPECT_EQ(-EBADF, map_and_pin_file(self, path_only, 0, PAGE, IOMMU_R));
	EXPECT_EQ(self->pinned, mem_pinned());
}

/* Nobody gets to write, by way of a device, what he may not write himself. */
TEST_F(mem, file_not_writable)
{
	int file = mem_memfd(BUF, MFD_ALLOW_SEALING), read_only;
	char name[32];
	int rc;

	NEED(IOMMU_IOAS_MAP_FILE);
	ASSERT_LE(0, file);
	snprintf(name, sizeof(name), "/proc/self/fd/%d", file);
	read_only = open(name, O_RDONLY);
	ASSERT_LE(0, read_only);
	rc = map_and_pin_file(self, read_only, 0, BUF, IOMMU_RW);
	EXPECT_TRUE(rc == -EPERM || rc == -EACCES) TH_LOG("%d", rc);
	rc = map_and_pin_file(self, read_only, 0, BUF, IOMMU_W);
	EXPECT_TRUE(rc == -EPERM || rc == -EACCES) TH_LOG("%d", rc);
	EXPECT_EQ(0, map_and_pin_file(self, read_only, 0, BUF, IOMMU_R));

	EXPECT_EQ(0, map_and_pin_file(self, file, 0, BUF, IOMMU_RW));
	ASSERT_EQ(0, fcntl(file, F_ADD_SEALS, F_SEAL_FUTURE_WRITE));
	EXPECT_EQ(-EPERM, map_and_pin_file(self, file, 0, BUF, IOMMU_RW));
	EXPECT_EQ(0, map_and_pin_file(self, file, 0, BUF, IOMMU_R));
	ASSERT_EQ(0, fcntl(file, F_ADD_SEALS, F_SEAL_WRITE));
	EXPECT_EQ(-EPERM, map_and_pin_file(self, file, 0, BUF, IOMMU_RW));
	EXPECT_EQ(0, map_and_pin_file(self, file, 0, BUF, IOMMU_R));
	EXPECT_EQ(self->pinned, mem_pinned());
}

/* Nor does a seal lie: it cannot be put on what a device may write. */
TEST_F(mem, file_sealed_while_mapped)
{
	int file = mem_memfd(BUF, MFD_ALLOW_SEALING);

	NEED(IOMMU_IOAS_MAP_FILE);
	ASSERT_LE(0, file);
	ASSERT_EQ(0, iommu_map_file_fixed(self->fd, self->s.id, file, 0, BUF,
					  IOMMU_RW, AT));
	ASSERT_EQ(0, pin(self, BUF, ACCESS_WRITE));
	EXPECT_EQ(-1, fcntl(file, F_ADD_SEALS, F_SEAL_WRITE));
	EXPECT_EQ(EBUSY, errno);
	EXPECT_EQ(0, unmap(self));
	EXPECT_EQ(0, fcntl(file, F_ADD_SEALS, F_SEAL_WRITE));
}

TEST_F(mem, file_permissions)
{
	int file = mem_memfd(BUF, 0);

	NEED(IOMMU_IOAS_MAP_FILE);
	ASSERT_LE(0, file);
	ASSERT_EQ(0, iommu_map_file_fixed(self->fd, self->s.id, file, 0, PAGE,
					  IOMMU_R, AT));
	ASSERT_EQ(0, iommu_map_file_fixed(self->fd, self->s.id, file, PAGE,
					  PAGE, IOMMU_W, AT + PAGE));
	EXPECT_EQ(-EPERM, pin(self, PAGE, ACCESS_WRITE));
	EXPECT_EQ(0, pin(self, PAGE, ACCESS_READ));
	EXPECT_EQ(-EPERM, access_write(self->s.acc, AT, self->copy, 8));
	EXPECT_EQ(0, access_read(self->s.acc, AT, self->copy, 8));
	EXPECT_EQ(-EPERM, access_read(self->s.acc, AT + PAGE, self->copy, 8));
	EXPECT_EQ(0, access_write(self->s.acc, AT + PAGE, self->copy, 8));
}

ACCESS_HARNESS_MAIN
