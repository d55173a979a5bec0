// SPDX-License-Identifier: GPL-2.0-only
/* Memory of files in an IOAS, by descriptor or mapped, and files that are refused. */
#define _GNU_SOURCE
#include <fcntl.h>

#include "memory.h"

#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x0010
#endif
#define NEED(cmd)							\
	do {								\
		if (!iommu_has_cmd(self->fd, cmd))			\
			SKIP(return, "no " #cmd " in this module");	\
	} while (0)

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
