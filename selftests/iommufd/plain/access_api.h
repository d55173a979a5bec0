/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A fixture for programs about the in-kernel access API: an access, played by the test
 * module, and memory to map for it.
 */
#ifndef SELFTESTS_PLAIN_ACCESS_API_H
#define SELFTESTS_PLAIN_ACCESS_API_H

#include <string.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "access.h"
#include "iommu.h"
#include "mem.h"

#define PAGE ((uint64_t)4096)
#define NPAGES 16
#define BUF (NPAGES * PAGE)
#define AT ((uint64_t)0x4000000)

FIXTURE(api) {
	int fd;
	uint32_t id;
	uint32_t other;
	int acc;
	char *buf;
	char *copy;
	long pinned;
};

/* One access that pins, attached to an empty IOAS. */
FIXTURE_SETUP(api)
{
	NEED_ACCESS;
	self->pinned = mem_pinned();
	self->fd = iommu_open();
	ASSERT_LE(0, self->fd) TH_LOG("%s", strerror(-self->fd));
	ASSERT_EQ(0, iommu_ioas_alloc(self->fd, &self->id));
	ASSERT_EQ(0, iommu_ioas_alloc(self->fd, &self->other));
	self->acc = access_open_attached(self->fd, self->id);
	ASSERT_LE(0, self->acc) TH_LOG("%s", strerror(-self->acc));
	self->buf = mem_anon(BUF);
	self->copy = mem_anon(BUF);
	ASSERT_NE(NULL, self->buf);
	ASSERT_NE(NULL, self->copy);
	mem_fill(self->buf, BUF, 1);
}

FIXTURE_TEARDOWN(api)
{
	close(self->acc);
	close(self->fd);
	EXPECT_EQ(self->pinned, mem_wait_pinned(self->pinned));
	EXPECT_EQ(0, mem_vm_pin(0));
}

static inline int map_perm(FIXTURE_DATA(api) *self, uint64_t offset, uint64_t len,
		    uint64_t iova, uint32_t perm)
{
	return iommu_map_fixed(self->fd, self->id, self->buf + offset, len,
			       perm, iova);
}

static inline int map(FIXTURE_DATA(api) *self)
{
	return map_perm(self, 0, BUF, AT, IOMMU_RW);
}

#endif
