/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Three generations of IOASes, and who sees what is mapped in them: a device, and an
 * in-kernel user of each child.
 */
#ifndef SELFTESTS_NESTED_H
#define SELFTESTS_NESTED_H

#include <string.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "access.h"
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
	NEED_ACCESS;
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

static inline int map_nested(int fd, uint32_t ioas, uint64_t src, uint64_t length,
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
#define DETACH() vfio_detach(self->rig.edu.fd)

/* Bytes that are mapped in an IOAS; none afterwards. */
#define TAKE_ALL(ioas) ({						\
	uint64_t _bytes = UINT64_MAX;					\
									\
	EXPECT_EQ(0, iommu_unmap_all(self->rig.fd, ioas, &_bytes));	\
	_bytes; })

/* What an in-kernel user sees of a child is what is in the buffer. */
static inline int same(int acc, uint64_t iova, const char *va, size_t length,
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

#endif
