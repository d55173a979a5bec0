// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory of every kind in an IOAS, and memory that must be refused. It gets
 * pinned by an access of the test module, which sees through struct pages what
 * a device would see.
 */
#define _GNU_SOURCE
#include "memory.h"

/* Two huge pages, and a window over their seam, where a lot of it happens */
#define BIG (2 * MEM_HUGE)
#define SEAM (MEM_HUGE - 17 * PAGE)
#define WINDOW (40 * PAGE)
#define KERNEL_ADDRESS 0xffff888000001000ULL

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
	NEED_ACCESS;
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

ACCESS_HARNESS_MAIN
