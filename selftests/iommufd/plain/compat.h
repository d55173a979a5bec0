/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The legacy VFIO container's ioctls on /dev/iommu, without a device; legacy programs
 * with one are in legacy.c.
 */
#ifndef SELFTESTS_COMPAT_H
#define SELFTESTS_COMPAT_H

#include <linux/vfio.h>

#include "kselftest_harness.h"

#include "iommu.h"
#include "mem.h"

#define PAGE ((uint64_t)4096)
#define NPAGES 16
#define BUF (NPAGES * PAGE)
#define AT ((uint64_t)0x4000000)
#define DMA_RW (VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE)
/* type1's: a bit for each of INT_MAX pages, in words */
#define BITMAP_BYTES_MAX (1ULL << 28)

FIXTURE(compat) {
	int fd;
	uint32_t id;
	uint32_t scratch;
	char *buf;
};

FIXTURE_SETUP(compat)
{
	self->fd = iommu_open();
	ASSERT_LE(0, self->fd) TH_LOG("%s", strerror(-self->fd));
	ASSERT_EQ(0, iommu_ioas_alloc(self->fd, &self->id));
	ASSERT_EQ(0, iommu_ioas_alloc(self->fd, &self->scratch));
	ASSERT_EQ(0, iommu_vfio_ioas_set(self->fd, self->id));
	self->buf = mem_anon(BUF);
	ASSERT_NE(NULL, self->buf);
}

FIXTURE_TEARDOWN(compat)
{
	close(self->fd);
}

static inline int dma_map_flags(int fd, void *va, uint64_t iova, uint64_t size,
				uint32_t flags)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map),
		.flags = flags,
		.vaddr = iommu_ptr(va),
		.iova = iova,
		.size = size,
	};

	return iommu_cmd(fd, VFIO_IOMMU_MAP_DMA, &map);
}

static inline int dma_map(int fd, void *va, uint64_t iova, uint64_t size)
{
	return dma_map_flags(fd, va, iova, size, DMA_RW);
}

static inline int dma_unmap_flags(int fd, uint64_t iova, uint64_t *size,
				  uint32_t flags)
{
	struct vfio_iommu_type1_dma_unmap unmap = {
		.argsz = sizeof(unmap),
		.flags = flags,
		.iova = iova,
		.size = *size,
	};
	int rc = iommu_cmd(fd, VFIO_IOMMU_UNMAP_DMA, &unmap);

	*size = unmap.size;
	return rc;
}

static inline int64_t dma_unmap_all(int fd)
{
	uint64_t size = 0;
	int rc = dma_unmap_flags(fd, 0, &size, VFIO_DMA_UNMAP_FLAG_ALL);

	return rc ? rc : (int64_t)size;
}

static inline int dirty_flags(int fd, uint32_t flags)
{
	struct vfio_iommu_type1_dirty_bitmap arg = {
		.argsz = sizeof(arg),
		.flags = flags,
	};

	return iommu_cmd(fd, VFIO_IOMMU_DIRTY_PAGES, &arg);
}

static inline int dirty_start(int fd)
{
	return dirty_flags(fd, VFIO_IOMMU_DIRTY_PAGES_FLAG_START);
}

static inline int dirty_stop(int fd)
{
	return dirty_flags(fd, VFIO_IOMMU_DIRTY_PAGES_FLAG_STOP);
}

static inline bool has_dirty_pages(int fd)
{
	struct vfio_iommu_type1_dirty_bitmap arg = { .argsz = 0 };

	return iommu_cmd(fd, VFIO_IOMMU_DIRTY_PAGES, &arg) != -ENOTTY;
}

static inline bool is_mapped(FIXTURE_DATA(compat) *self, uint64_t iova,
			     uint64_t len)
{
	uint64_t to;

	if (iommu_ioas_copy(self->fd, self->scratch, self->id, iova, len,
			    IOMMU_R, &to))
		return false;
	return !iommu_ioas_unmap(self->fd, self->scratch, to, len, NULL);
}

static inline bool is_free(FIXTURE_DATA(compat) *self, uint64_t iova,
			   uint64_t len)
{
	uint64_t i;

	for (i = 0; i < len; i += PAGE)
		if (is_mapped(self, iova + i, PAGE))
			return false;
	return true;
}

#endif
