// SPDX-License-Identifier: GPL-2.0-only
/*
 * IOAS_MAP_FILE gives a device what a shared mapping would give its owner, and no
 * more; and a file that a device may write can be sealed no more than one that is
 * mapped.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "kselftest_harness.h"

#include "edu.h"
#include "iommu.h"
#include "mem.h"
#include "rig.h"

#define PAGE 4096UL
#define AT 0x40000000UL
#define SOME_LENGTH 256UL

#ifndef F_SEAL_EXEC
#define F_SEAL_EXEC 0x0020
#endif

FIXTURE(rights)
{
	struct rig rig;
	int file;
	size_t size;
};

FIXTURE_VARIANT(rights)
{
	unsigned int flags;
	size_t size;
};

FIXTURE_VARIANT_ADD(rights, shmem) { .flags = 0, .size = PAGE };
FIXTURE_VARIANT_ADD(rights, hugetlb) { .flags = MFD_HUGETLB, .size = MEM_HUGE };

FIXTURE_SETUP(rights)
{
	self->rig.fd = -1;
	self->rig.edu.fd = -1;
	if (variant->flags && mem_info("HugePages_Free") < 1)
		SKIP(return, "no huge pages");
	self->size = variant->size;
	self->file = mem_memfd(self->size, variant->flags | MFD_ALLOW_SEALING);
	ASSERT_LE(0, self->file);
	ASSERT_EQ(0, rig_open(&self->rig));
}

FIXTURE_TEARDOWN(rights)
{
	if (self->rig.fd >= 0) {
		EXPECT_EQ(0, rig_close(&self->rig));
	}
}

static int map(struct _test_data_rights *self, int file, uint32_t prot)
{
	return iommu_map_file_fixed(self->rig.fd, self->rig.ioas, file, 0,
				    self->size, prot, AT);
}

static int unmap(struct _test_data_rights *self)
{
	return rig_unmap(&self->rig, AT, self->size);
}

static int seal(int file, int seals)
{
	return fcntl(file, F_ADD_SEALS, seals) ? -errno : 0;
}

static int reopen(int file, int how)
{
	char name[32];

	snprintf(name, sizeof(name), "/proc/self/fd/%d", file);
	return open(name, how | O_CLOEXEC);
}

/* 0, or what mmap() says. */
static int can_mmap(int file, size_t size, int prot)
{
	void *p = mmap(NULL, size, prot, MAP_SHARED, file, 0);

	if (p == MAP_FAILED)
		return -errno;
	munmap(p, size);
	return 0;
}

/* What has been mapped is what counts, not what has been pinned. */
TEST_F(rights, no_seal_once_it_is_mapped)
{
	struct rig *rig = &self->rig;
	char *p;

	ASSERT_EQ(0, map(self, self->file, IOMMU_RW));
	EXPECT_EQ(-EBUSY, seal(self->file, F_SEAL_WRITE));
	EXPECT_EQ(0, fcntl(self->file, F_GET_SEALS));
	ASSERT_EQ(0, rig_attach(rig));
	EXPECT_EQ(-EBUSY, seal(self->file, F_SEAL_WRITE));
	p = mem_map_file(self->file, 0, self->size);
	ASSERT_NE(NULL, p);
	EXPECT_EQ(1, edu_can_write(&rig->edu, AT, p, SOME_LENGTH));
	mem_free(p, self->size);
	/* Nor while the areas stay, though nobody uses them. */
	ASSERT_EQ(0, vfio_detach(rig->edu.fd));
	EXPECT_EQ(-EBUSY, seal(self->file, F_SEAL_WRITE));
	ASSERT_EQ(0, unmap(self));
	EXPECT_EQ(0, seal(self->file, F_SEAL_WRITE));
	EXPECT_EQ(-EPERM, map(self, self->file, IOMMU_RW));
	EXPECT_EQ(0, map(self, self->file, IOMMU_R));
}

/* A copy lives longer than what it was made of. */
TEST_F(rights, no_seal_while_there_is_a_copy)
{
	struct rig *rig = &self->rig;

	ASSERT_EQ(0, map(self, self->file, IOMMU_RW));
	ASSERT_EQ(0, iommu_copy_fixed(rig->fd, rig->ioas, rig->ioas, AT,
				      self->size, IOMMU_R, 2 * AT));
	ASSERT_EQ(0, unmap(self));
	EXPECT_EQ(-EBUSY, seal(self->file, F_SEAL_WRITE));
	ASSERT_EQ(0, rig_unmap(rig, 2 * AT, self->size));
	EXPECT_EQ(0, seal(self->file, F_SEAL_WRITE));
}

/* What failed does not count, and what goes with its descriptor does not either. */
TEST_F(rights, seal_after_all)
{
	struct rig *rig = &self->rig;

	ASSERT_EQ(0, map(self, self->file, IOMMU_RW));
	EXPECT_EQ(-EEXIST, map(self, self->file, IOMMU_RW));
	EXPECT_EQ(-EINVAL, iommu_map_file_fixed(rig->fd, rig->ioas, self->file,
						0, 0, IOMMU_RW, 2 * AT));
	EXPECT_EQ(-EBUSY, seal(self->file, F_SEAL_WRITE));
	EXPECT_EQ(0, rig_close(rig));
	EXPECT_EQ(0, seal(self->file, F_SEAL_WRITE));
}

/* One that is only read does not stand in the way, until it is pinned. */
TEST_F(rights, seal_what_is_read)
{
	ASSERT_EQ(0, map(self, self->file, IOMMU_R));
	EXPECT_EQ(0, seal(self->file, F_SEAL_WRITE));
	EXPECT_EQ(0, rig_attach(&self->rig));
}

/* As with mmap: the mapping that was there first may go on. */
TEST_F(rights, future_write)
{
	struct rig *rig = &self->rig;
	char *p = mem_map_file(self->file, 0, self->size);

	ASSERT_NE(NULL, p);
	ASSERT_EQ(0, map(self, self->file, IOMMU_RW));
	ASSERT_EQ(0, seal(self->file, F_SEAL_FUTURE_WRITE));
	ASSERT_EQ(0, rig_attach(rig));
	EXPECT_EQ(1, edu_can_write(&rig->edu, AT, p, SOME_LENGTH));
	ASSERT_EQ(0, unmap(self));
	EXPECT_EQ(-EPERM, can_mmap(self->file, self->size,
				   PROT_READ | PROT_WRITE));
	EXPECT_EQ(-EPERM, map(self, self->file, IOMMU_RW));
	EXPECT_EQ(-EPERM, map(self, self->file, IOMMU_W));
	/* The process's own mapping is one that was there first, too. */
	ASSERT_EQ(0, rig_map(rig, p, self->size, AT));
	EXPECT_EQ(1, edu_can_write(&rig->edu, AT, p, SOME_LENGTH));
	ASSERT_EQ(0, unmap(self));
	EXPECT_EQ(0, map(self, self->file, IOMMU_R));
}

/* A pin is all that is left of the mapping: it still is in the way. */
TEST_F(rights, no_seal_while_addresses_are_pinned)
{
	struct rig *rig = &self->rig;
	char *p = mem_map_file(self->file, 0, self->size);

	ASSERT_NE(NULL, p);
	ASSERT_EQ(0, rig_attach(rig));
	ASSERT_EQ(0, rig_map(rig, p, self->size, AT));
	mem_free(p, self->size);
	EXPECT_EQ(-EBUSY, seal(self->file, F_SEAL_WRITE));
	ASSERT_EQ(0, unmap(self));
	EXPECT_EQ(0, seal(self->file, F_SEAL_WRITE));
}

TEST_F(rights, other_seals)
{
	struct rig *rig = &self->rig;

	ASSERT_EQ(0, rig_attach(rig));
	ASSERT_EQ(0, map(self, self->file, IOMMU_RW));
	EXPECT_EQ(0, seal(self->file, F_SEAL_SHRINK | F_SEAL_GROW));
	ASSERT_EQ(0, unmap(self));
	EXPECT_EQ(0, map(self, self->file, IOMMU_RW));
	/* Which brings F_SEAL_WRITE with it where a file can be executed. */
	ASSERT_EQ(0, fchmod(self->file, 0700));
	EXPECT_EQ(-EBUSY, seal(self->file, F_SEAL_EXEC));
	ASSERT_EQ(0, unmap(self));
	ASSERT_EQ(0, fchmod(self->file, 0600));
	ASSERT_EQ(0, seal(self->file, F_SEAL_EXEC));
	EXPECT_EQ(0, map(self, self->file, IOMMU_RW));
}

/* Not even for writing: whoever has a writable mapping can read it. */
TEST_F(rights, write_only)
{
	static const char secret[] = "not for you";
	struct rig *rig = &self->rig;
	int file = reopen(self->file, O_WRONLY);
	char *p = mem_map_file(self->file, 0, self->size);

	ASSERT_LE(0, file);
	ASSERT_NE(NULL, p);
	memcpy(p, secret, sizeof(secret));
	ASSERT_EQ(0, rig_attach(rig));
	EXPECT_EQ(-EACCES, can_mmap(file, self->size, PROT_READ));
	EXPECT_EQ(-EACCES, can_mmap(file, self->size, PROT_WRITE));
	EXPECT_EQ(-EACCES, map(self, file, IOMMU_R));
	EXPECT_EQ(-EACCES, map(self, file, IOMMU_W));
	EXPECT_EQ(-EACCES, map(self, file, IOMMU_RW));
	EXPECT_EQ(0, memcmp(p, secret, sizeof(secret)));
}

TEST_F(rights, read_only)
{
	struct rig *rig = &self->rig;
	int file = reopen(self->file, O_RDONLY);
	char *p = mem_map_file(self->file, 0, self->size);

	ASSERT_LE(0, file);
	ASSERT_NE(NULL, p);
	ASSERT_EQ(0, rig_attach(rig));
	EXPECT_EQ(-EACCES, can_mmap(file, self->size, PROT_WRITE));
	EXPECT_EQ(-EPERM, map(self, file, IOMMU_RW));
	EXPECT_EQ(-EPERM, map(self, file, IOMMU_W));
	ASSERT_EQ(0, map(self, file, IOMMU_R));
	EXPECT_EQ(0, edu_can_write(&rig->edu, AT, p, SOME_LENGTH));
}

TEST_F(rights, append_only)
{
	struct rig *rig = &self->rig;
	int flags, append, read;

	if (ioctl(self->file, FS_IOC_GETFLAGS, &flags))
		SKIP(return, "no flags of inodes");
	flags |= FS_APPEND_FL;
	ASSERT_EQ(0, ioctl(self->file, FS_IOC_SETFLAGS, &flags));
	append = reopen(self->file, O_RDWR | O_APPEND);
	read = reopen(self->file, O_RDONLY);
	ASSERT_LE(0, append);
	ASSERT_LE(0, read);
	ASSERT_EQ(0, rig_attach(rig));
	EXPECT_EQ(-EACCES, can_mmap(append, self->size, PROT_READ));
	EXPECT_EQ(-EACCES, can_mmap(append, self->size,
				    PROT_READ | PROT_WRITE));
	EXPECT_EQ(-EACCES, map(self, append, IOMMU_R));
	EXPECT_EQ(-EACCES, map(self, append, IOMMU_RW));
	EXPECT_EQ(0, can_mmap(read, self->size, PROT_READ));
	EXPECT_EQ(0, map(self, read, IOMMU_R));
}

/* O_APPEND is about write(): a mapping does not care. */
TEST_F(rights, open_for_appending)
{
	int file = reopen(self->file, O_RDWR | O_APPEND);

	ASSERT_LE(0, file);
	EXPECT_EQ(0, can_mmap(file, self->size, PROT_READ | PROT_WRITE));
	EXPECT_EQ(0, map(self, file, IOMMU_RW));
	EXPECT_EQ(0, rig_attach(&self->rig));
}

TEST_HARNESS_MAIN
