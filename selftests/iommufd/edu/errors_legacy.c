// SPDX-License-Identifier: GPL-2.0-only
/* What the errors of the legacy container's commands say, see errors.h. */
#define _GNU_SOURCE
#include <linux/vfio.h>
#include <unistd.h>

#include "errors.h"
#include "mem.h"
#include "vfio.h"

FIXTURE(legacy)
{
	int fd;
	uint32_t ioas;
	char *mem;
};

FIXTURE_SETUP(legacy)
{
	self->fd = iommu_open();
	ASSERT_LE(0, self->fd);
	self->mem = mem_anon(4 * PAGE);
	ASSERT_NE(NULL, self->mem);
	ASSERT_EQ(0, iommu_ioas_alloc(self->fd, &self->ioas));
	ASSERT_EQ(0, iommu_vfio_ioas_set(self->fd, self->ioas));
	ASSERT_EQ(0, vfio_dma_map(self->fd, self->mem, 4 * PAGE, AT, 3));
}

FIXTURE_TEARDOWN(legacy)
{
	close(self->fd);
}

TEST_F(legacy, without_group)
{
	int fd = iommu_open();

	ASSERT_LE(0, fd);
	SAYS(fd, ENODEV, "no group", vfio_dma_map(fd, self->mem, PAGE, AT, 3));
	SAYS(fd, ENODEV, "no group", vfio_dma_unmap(fd, AT, PAGE, 0, NULL));
	SAYS(fd, ENODEV, "no group",
	     iommu_cmd(fd, VFIO_SET_IOMMU, (void *)VFIO_TYPE1v2_IOMMU));
	SAYS(fd, ENODEV, "no group",
	     iommu_cmd(fd, VFIO_CHECK_EXTENSION, (void *)VFIO_DMA_CC_IOMMU));
	SAYS(fd, EINVAL, "type 99",
	     iommu_cmd(fd, VFIO_SET_IOMMU, (void *)99));
	close(fd);
}

TEST_F(legacy, map_dma)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map),
		.flags = VFIO_DMA_MAP_FLAG_READ,
		.vaddr = iommu_ptr(self->mem),
		.iova = FREE,
		.size = PAGE,
	};
	int fd = self->fd;

#define MAP(change) WITH(fd, VFIO_IOMMU_MAP_DMA, map, change)
	SAYS(fd, EINVAL, "argsz is 8", MAP(argsz = 8));
	SAYS(fd, EINVAL, "0x100000", MAP(flags = 1 << 20));
	SAYS(fd, EINVAL, "reading", MAP(flags = 0));
	SAYS(fd, EINVAL, "0x80000064", MAP(iova += 100));
	SAYS(fd, EINVAL, "0x64", MAP(size = 100));
	SAYS(fd, EINVAL, "length is 0", MAP(size = 0));
	SAYS(fd, EEXIST, "0x40000000-0x40003fff", MAP(iova = AT));
	SAYS(fd, EINVAL, "0xfffffffffffff000",
	     WITH(fd, VFIO_IOMMU_MAP_DMA, map,
		  iova = -PAGE; bad->size = 2 * PAGE));
	SILENT(fd, EFAULT, iommu_cmd(fd, VFIO_IOMMU_MAP_DMA, NULL));
#undef MAP
}

TEST_F(legacy, unmap_dma)
{
	struct vfio_iommu_type1_dma_unmap unmap = {
		.argsz = sizeof(unmap),
		.iova = AT,
		.size = 4 * PAGE,
	};
	int fd = self->fd;

#define UNMAP(change) WITH(fd, VFIO_IOMMU_UNMAP_DMA, unmap, change)
	SAYS(fd, EINVAL, "argsz is 8", UNMAP(argsz = 8));
	SAYS(fd, EINVAL, "0x100000", UNMAP(flags = 1 << 20));
	SAYS(fd, EINVAL, "everything", UNMAP(flags = VFIO_DMA_UNMAP_FLAG_ALL));
	SAYS(fd, EINVAL, "size 0", UNMAP(size = 0));
	SAYS(fd, EINVAL, "0x64", UNMAP(size = 100));
	SAYS(fd, EINVAL, "0x40000064", UNMAP(iova += 100));
	SAYS(fd, EINVAL, "0xffffffffffffffff", UNMAP(size = UINT64_MAX));
	SAYS(fd, ENOENT, "cuts the mapping 0x40000000-0x40003fff",
	     UNMAP(size = PAGE));
	SAYS(fd, EINVAL, "0xfffffffffffff000",
	     WITH(fd, VFIO_IOMMU_UNMAP_DMA, unmap,
		  iova = -PAGE; bad->size = 2 * PAGE));
	SAYS(fd, EINVAL, "argsz is 24",
	     UNMAP(flags = VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP));
	/* The failures have told nothing */
	EXPECT_EQ(-ENOENT, UNMAP(size = PAGE));
	unmap.size = PAGE;
	EXPECT_EQ(-ENOENT, iommu_cmd(fd, VFIO_IOMMU_UNMAP_DMA, &unmap));
	EXPECT_EQ(PAGE, unmap.size);
#undef UNMAP
}

TEST_F(legacy, get_info)
{
	struct vfio_iommu_type1_info info = { .argsz = 8 };

	SAYS(self->fd, EINVAL, "argsz is 8",
	     iommu_cmd(self->fd, VFIO_IOMMU_GET_INFO, &info));
	SILENT(self->fd, EFAULT,
	       iommu_cmd(self->fd, VFIO_IOMMU_GET_INFO, NULL));
}

TEST_F(legacy, dirty_pages)
{
	uint64_t bits[8] = { };
	struct {
		struct vfio_iommu_type1_dirty_bitmap head;
		struct vfio_iommu_type1_dirty_bitmap_get get;
	} arg = {
		.head.argsz = sizeof(arg),
		.head.flags = VFIO_IOMMU_DIRTY_PAGES_FLAG_GET_BITMAP,
		.get = {
			.iova = AT,
			.size = 4 * PAGE,
			.bitmap = {
				.pgsize = PAGE,
				.size = sizeof(bits),
				.data = (void *)bits,
			},
		},
	};
	int fd = self->fd;

#define DIRTY(change) WITH(fd, VFIO_IOMMU_DIRTY_PAGES, arg, change)
	SAYS(fd, EINVAL, "not been started",
	     iommu_cmd(fd, VFIO_IOMMU_DIRTY_PAGES, &arg));
	ASSERT_EQ(0, WITH(fd, VFIO_IOMMU_DIRTY_PAGES, arg,
			  head.flags = VFIO_IOMMU_DIRTY_PAGES_FLAG_START));
	SAYS(fd, EINVAL, "argsz is 4", DIRTY(head.argsz = 4));
	SAYS(fd, EINVAL, "argsz is 8", DIRTY(head.argsz = 8));
	SAYS(fd, EINVAL, "0x100000", DIRTY(head.flags = 1 << 20));
	SAYS(fd, EINVAL, "pgsize 8192", DIRTY(get.bitmap.pgsize = 8192));
	SAYS(fd, EINVAL, "0x40000064", DIRTY(get.iova += 100));
	SAYS(fd, EINVAL, "0 bytes", DIRTY(get.bitmap.size = 0));
	SAYS(fd, EINVAL, "cuts the mapping 0x40000000-0x40003fff",
	     DIRTY(get.size = PAGE));
	SAYS(fd, EINVAL, "0xfffffffffffff000",
	     WITH(fd, VFIO_IOMMU_DIRTY_PAGES, arg,
		  get.iova = -PAGE; bad->get.size = 2 * PAGE));
	SILENT(fd, EFAULT, DIRTY(get.bitmap.data = (void *)8));
#undef DIRTY
}

TEST_HARNESS_MAIN
