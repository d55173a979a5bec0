/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A fixture for programs about I/O address spaces that no device uses: an IOAS,
 * some memory, and ways to see what is mapped.
 */
#ifndef SELFTESTS_LIB_SPACE_H
#define SELFTESTS_LIB_SPACE_H

#include "kselftest_harness.h"

#include "iommu.h"
#include "mem.h"

#define PAGE ((uint64_t)4096)
#define NPAGES 16
#define BUF (NPAGES * PAGE)
#define AT ((uint64_t)0x4000000)

FIXTURE(ioas) {
	int fd;
	uint32_t id;
	/* where is_mapped() copies to */
	uint32_t scratch;
	char *buf;
	/* IOVA alignment of an IOAS without a device */
	uint64_t align;
};

FIXTURE_SETUP(ioas)
{
	uint32_t num = 0;

	ASSERT_EQ(PAGE, mem_page());
	self->fd = iommu_open();
	ASSERT_LE(0, self->fd) TH_LOG("%s", strerror(-self->fd));
	ASSERT_EQ(0, iommu_ioas_alloc(self->fd, &self->id));
	ASSERT_EQ(0, iommu_ioas_alloc(self->fd, &self->scratch));
	ASSERT_EQ(-EMSGSIZE, iommu_iova_ranges(self->fd, self->id, NULL, &num,
					       &self->align));
	self->buf = mem_anon(BUF);
	ASSERT_NE(NULL, self->buf);
}

FIXTURE_TEARDOWN(ioas)
{
	long pinned = mem_pinned();

	close(self->fd);
	EXPECT_EQ(pinned, mem_pinned());
}

/* Copying is the one way of user space to look into an IOAS. */
static inline int probe(FIXTURE_DATA(ioas) *self, uint32_t id, uint64_t iova,
			uint64_t len)
{
	uint64_t to;
	int rc;

	rc = iommu_ioas_copy(self->fd, self->scratch, id, iova, len, IOMMU_R,
			     &to);
	if (!rc)
		rc = iommu_ioas_unmap(self->fd, self->scratch, to, len, NULL);
	return rc;
}

/* Every page of the range is mapped, */
static inline bool is_mapped(FIXTURE_DATA(ioas) *self, uint64_t iova,
			     uint64_t len)
{
	return probe(self, self->id, iova, len) == 0;
}

/* and no page of the range is. */
static inline bool is_free(FIXTURE_DATA(ioas) *self, uint64_t iova,
			   uint64_t len)
{
	uint64_t i;

	for (i = 0; i < len; i += PAGE)
		if (probe(self, self->id, iova + i, PAGE) != -ENOENT)
			return false;
	return true;
}

static inline int map(FIXTURE_DATA(ioas) *self, uint64_t iova, uint64_t len)
{
	return iommu_map_fixed(self->fd, self->id, self->buf, len, IOMMU_RW,
			       iova);
}

static inline int map_any(FIXTURE_DATA(ioas) *self, uint64_t len,
			  uint64_t *iova)
{
	return iommu_map_auto(self->fd, self->id, self->buf, len, IOMMU_RW,
			      iova);
}

static inline int unmap(FIXTURE_DATA(ioas) *self, uint64_t iova, uint64_t len)
{
	return iommu_ioas_unmap(self->fd, self->id, iova, len, NULL);
}

#endif
