/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Memory in an IOAS, pinned by an access of the test module, which sees through struct
 * pages what a device would see.
 */
#ifndef SELFTESTS_MEMORY_H
#define SELFTESTS_MEMORY_H

#include "kselftest_harness.h"

#include "access.h"
#include "iommu.h"
#include "mem.h"

#define PAGE ((uint64_t)4096)
#define NPAGES 16
#define BUF (NPAGES * PAGE)
#define AT ((uint64_t)0x40000000)

/* An IOAS, and an access that is attached to it. */
struct space {
	int fd;
	uint32_t id;
	int acc;
};

static inline int space_open(struct space *space)
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

static inline void space_close(struct space *space)
{
	close(space->acc);
	close(space->fd);
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
	NEED_ACCESS;
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

static inline int map(FIXTURE_DATA(mem) *self, const void *va, uint64_t len,
		      uint32_t perm)
{
	return iommu_map_fixed(self->fd, self->s.id, va, len, perm, AT);
}

static inline int unmap(FIXTURE_DATA(mem) *self)
{
	return iommu_unmap_all(self->fd, self->s.id, NULL);
}

static inline int pin(FIXTURE_DATA(mem) *self, uint64_t len, uint32_t flags)
{
	return access_pin(self->s.acc, AT, len, flags);
}

#endif
