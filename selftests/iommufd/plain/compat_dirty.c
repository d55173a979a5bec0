// SPDX-License-Identifier: GPL-2.0-only
/* The legacy container's dirty pages, without a device: all that is mapped. */
#define _GNU_SOURCE
#include <linux/vfio.h>

#include "compat.h"

#define KERNEL_ADDRESS 0xffff888000001000ULL

/* Unmap that brings the dirty bits with it. */
static int unmap_dirty(int fd, uint64_t iova, uint64_t *size,
		       const struct vfio_bitmap *bitmap)
{
	struct {
		struct vfio_iommu_type1_dma_unmap unmap;
		struct vfio_bitmap bitmap;
	} arg = {
		.unmap = {
			.argsz = sizeof(arg),
			.flags = VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP,
			.iova = iova,
			.size = *size,
		},
		.bitmap = *bitmap,
	};
	int rc = iommu_cmd(fd, VFIO_IOMMU_UNMAP_DMA, &arg);

	*size = arg.unmap.size;
	return rc;
}

static int dirty_get(int fd, uint64_t iova, uint64_t size,
		     const struct vfio_bitmap *bitmap)
{
	struct {
		struct vfio_iommu_type1_dirty_bitmap head;
		struct vfio_iommu_type1_dirty_bitmap_get get;
	} arg = {
		.head = {
			.argsz = sizeof(arg),
			.flags = VFIO_IOMMU_DIRTY_PAGES_FLAG_GET_BITMAP,
		},
		.get = { .iova = iova, .size = size, .bitmap = *bitmap },
	};

	return iommu_cmd(fd, VFIO_IOMMU_DIRTY_PAGES, &arg);
}

TEST_F(compat, dirty_pages_is_there)
{
	EXPECT_TRUE(has_dirty_pages(self->fd));
}

#define NEED_DIRTY_PAGES						\
	do {								\
		if (!has_dirty_pages(self->fd))				\
			SKIP(return, "no DIRTY_PAGES in this module");	\
	} while (0)

TEST_F(compat, dirty_start_and_stop)
{
	uint64_t bits = 0;
	struct vfio_bitmap bitmap = { .pgsize = PAGE, .size = 8,
				      .data = (__u64 *)&bits };

	NEED_DIRTY_PAGES;
	ASSERT_EQ(0, dma_map(self->fd, self->buf, AT, PAGE));
	EXPECT_EQ(-EINVAL, dirty_get(self->fd, AT, PAGE, &bitmap));
	EXPECT_EQ(0, dirty_start(self->fd));
	EXPECT_EQ(0, dirty_start(self->fd));
	EXPECT_EQ(0, dirty_get(self->fd, AT, PAGE, &bitmap));
	EXPECT_EQ(0, dirty_stop(self->fd));
	EXPECT_EQ(-EINVAL, dirty_get(self->fd, AT, PAGE, &bitmap));
	EXPECT_EQ(0, dirty_stop(self->fd));
}

/* No device reports what it wrote: every mapped page counts as dirty. */
TEST_F(compat, dirty_bitmap)
{
	uint64_t bits[4] = { 0 };
	struct vfio_bitmap bitmap = { .pgsize = PAGE, .size = sizeof(bits),
				      .data = (__u64 *)bits };

	NEED_DIRTY_PAGES;
	ASSERT_EQ(0, dma_map(self->fd, self->buf, AT, 4 * PAGE));
	ASSERT_EQ(0, dma_map(self->fd, self->buf, AT + 6 * PAGE, 2 * PAGE));
	ASSERT_EQ(0, dirty_start(self->fd));
	/* Mapped after the start as well */
	ASSERT_EQ(0, dma_map(self->fd, self->buf, AT + 62 * PAGE, 4 * PAGE));
	EXPECT_EQ(0, dirty_get(self->fd, AT, 80 * PAGE, &bitmap));
	EXPECT_EQ(0xc0000000000000cf, bits[0]);
	EXPECT_EQ(0x3, bits[1]);
	EXPECT_EQ(0, bits[2]);
	EXPECT_EQ(0, bits[3]);
	/* Still dirty: nobody can tell that they are not */
	memset(bits, 0, sizeof(bits));
	EXPECT_EQ(0, dirty_get(self->fd, AT, 8 * PAGE, &bitmap));
	EXPECT_EQ(0xcf, bits[0]);
	/* Bit 0 is the range's first page */
	memset(bits, 0, sizeof(bits));
	EXPECT_EQ(0, dirty_get(self->fd, AT - 3 * PAGE, 7 * PAGE, &bitmap));
	EXPECT_EQ(0x78, bits[0]);
	EXPECT_EQ(0, dirty_get(self->fd, 2 * AT, 8 * PAGE, &bitmap));
	EXPECT_EQ(10 * PAGE, dma_unmap_all(self->fd));
}

TEST_F(compat, dirty_bitmap_bad_range)
{
	uint64_t bits[2] = { 0 };
	struct vfio_bitmap bitmap = { .pgsize = PAGE, .size = sizeof(bits),
				      .data = (__u64 *)bits };

	NEED_DIRTY_PAGES;
	ASSERT_EQ(0, dma_map(self->fd, self->buf, AT, 4 * PAGE));
	ASSERT_EQ(0, dirty_start(self->fd));
	EXPECT_EQ(-EINVAL, dirty_get(self->fd, AT + 1, 4 * PAGE, &bitmap));
	EXPECT_EQ(-EINVAL, dirty_get(self->fd, AT, 4 * PAGE + 1, &bitmap));
	EXPECT_EQ(-EINVAL, dirty_get(self->fd, AT, 0, &bitmap));
	EXPECT_EQ(-EINVAL, dirty_get(self->fd, -PAGE, 2 * PAGE, &bitmap));
	/* It must not cut a mapping in two */
	EXPECT_EQ(-EINVAL, dirty_get(self->fd, AT + PAGE, 3 * PAGE, &bitmap));
	EXPECT_EQ(-EINVAL, dirty_get(self->fd, AT, 3 * PAGE, &bitmap));
	EXPECT_EQ(0, bits[0]);
	EXPECT_EQ(0, dirty_get(self->fd, AT, 4 * PAGE, &bitmap));
	EXPECT_EQ(0xf, bits[0]);
}

TEST_F(compat, dirty_bitmap_bad_bitmap)
{
	uint64_t bits[2] = { 0 };
	const struct vfio_bitmap good = { .pgsize = PAGE, .size = sizeof(bits),
					  .data = (__u64 *)bits };
	const uint64_t len = 80 * PAGE;
	struct vfio_bitmap b;
	int rc;

	NEED_DIRTY_PAGES;
	ASSERT_EQ(0, dma_map(self->fd, self->buf, AT, BUF));
	ASSERT_EQ(0, dirty_start(self->fd));
	b = good;
	b.pgsize = MEM_HUGE;
	EXPECT_EQ(-EINVAL, dirty_get(self->fd, AT, len, &b));
	b.pgsize = 0;
	EXPECT_EQ(-EINVAL, dirty_get(self->fd, AT, len, &b));
	b.pgsize = PAGE / 2;
	EXPECT_EQ(-EINVAL, dirty_get(self->fd, AT, len, &b));
	b.pgsize = PAGE + 1;
	EXPECT_EQ(-EINVAL, dirty_get(self->fd, AT, len, &b));
	b = good;
	b.size = 0;
	EXPECT_EQ(-EINVAL, dirty_get(self->fd, AT, len, &b));
	/* 80 bits are two words */
	b.size = 8;
	EXPECT_EQ(-EINVAL, dirty_get(self->fd, AT, len, &b));
	b.size = BITMAP_BYTES_MAX + 8;
	EXPECT_EQ(-EINVAL, dirty_get(self->fd, AT, len, &b));
	b = good;
	b.data = NULL;
	EXPECT_EQ(-EFAULT, dirty_get(self->fd, AT, len, &b));
	b.data = (void *)KERNEL_ADDRESS;
	rc = dirty_get(self->fd, AT, len, &b);
	EXPECT_TRUE(rc == -EFAULT || rc == -EINVAL) TH_LOG("%d", rc);
	EXPECT_EQ(0, bits[0]);
	EXPECT_EQ(0, dirty_get(self->fd, AT, len, &good));
	EXPECT_EQ(0xffff, bits[0]);
}

TEST_F(compat, dirty_pages_bad_structure)
{
	static const uint32_t flags[] = { 0, 3, 5, 6, 7, 8, 9, 1U << 31 };
	struct {
		struct vfio_iommu_type1_dirty_bitmap head;
		struct vfio_iommu_type1_dirty_bitmap_get get;
	} arg = { .head.flags = VFIO_IOMMU_DIRTY_PAGES_FLAG_GET_BITMAP };
	uint64_t bits = 0;
	unsigned int i;

	NEED_DIRTY_PAGES;
	ASSERT_EQ(0, dma_map(self->fd, self->buf, AT, PAGE));
	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		EXPECT_EQ(-EINVAL, dirty_flags(self->fd, flags[i]))
			TH_LOG("flags %#x", flags[i]);
	}
	ASSERT_EQ(0, dirty_start(self->fd));
	arg.get.iova = AT;
	arg.get.size = PAGE;
	arg.get.bitmap.pgsize = PAGE;
	arg.get.bitmap.size = sizeof(bits);
	arg.get.bitmap.data = (__u64 *)&bits;
	for (i = 0; i < sizeof(arg); i++) {
		arg.head.argsz = i;
		EXPECT_EQ(-EINVAL, iommu_cmd(self->fd, VFIO_IOMMU_DIRTY_PAGES,
					     &arg))
			TH_LOG("argsz %u", i);
	}
	EXPECT_EQ(0, bits);
	EXPECT_EQ(-EFAULT, iommu_cmd(self->fd, VFIO_IOMMU_DIRTY_PAGES, NULL));
}

TEST_F(compat, dirty_unmap)
{
	uint64_t bits[2] = { 0 }, size;
	struct vfio_bitmap bitmap = { .pgsize = PAGE, .size = sizeof(bits),
				      .data = (__u64 *)bits };

	NEED_DIRTY_PAGES;
	ASSERT_EQ(0, dma_map(self->fd, self->buf, AT, 4 * PAGE));
	ASSERT_EQ(0, dma_map(self->fd, self->buf, AT + 6 * PAGE, 2 * PAGE));
	size = 8 * PAGE;
	/* Tracking is off */
	EXPECT_EQ(-EINVAL, unmap_dirty(self->fd, AT, &size, &bitmap));
	EXPECT_TRUE(is_mapped(self, AT, 4 * PAGE));
	ASSERT_EQ(0, dirty_start(self->fd));
	size = 8 * PAGE;
	bitmap.pgsize = 2 * PAGE;
	EXPECT_EQ(-EINVAL, unmap_dirty(self->fd, AT, &size, &bitmap));
	bitmap.pgsize = PAGE;
	bitmap.size = 0;
	EXPECT_EQ(-EINVAL, unmap_dirty(self->fd, AT, &size, &bitmap));
	bitmap.size = sizeof(bits);
	EXPECT_TRUE(is_mapped(self, AT, 4 * PAGE));
	EXPECT_TRUE(is_mapped(self, AT + 6 * PAGE, 2 * PAGE));
	EXPECT_EQ(0, bits[0]);

	size = 8 * PAGE;
	EXPECT_EQ(0, unmap_dirty(self->fd, AT, &size, &bitmap));
	EXPECT_EQ(6 * PAGE, size);
	EXPECT_EQ(0xcf, bits[0]);
	EXPECT_EQ(0, bits[1]);
	EXPECT_TRUE(is_free(self, AT, 8 * PAGE));
	EXPECT_EQ(0, dirty_stop(self->fd));
}

TEST_F(compat, dirty_unmap_bad_structure)
{
	struct {
		struct vfio_iommu_type1_dma_unmap unmap;
		struct vfio_bitmap bitmap;
	} arg;
	uint64_t bits = 0;

	NEED_DIRTY_PAGES;
	ASSERT_EQ(0, dma_map(self->fd, self->buf, AT, PAGE));
	ASSERT_EQ(0, dirty_start(self->fd));
	memset(&arg, 0, sizeof(arg));
	arg.unmap.iova = AT;
	arg.unmap.size = PAGE;
	arg.bitmap.pgsize = PAGE;
	arg.bitmap.size = sizeof(bits);
	arg.bitmap.data = (__u64 *)&bits;
	/* No room for the bitmap's description */
	arg.unmap.flags = VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP;
	arg.unmap.argsz = sizeof(arg) - 1;
	EXPECT_EQ(-EINVAL, iommu_cmd(self->fd, VFIO_IOMMU_UNMAP_DMA, &arg));
	/* Not together with ALL */
	arg.unmap.flags |= VFIO_DMA_UNMAP_FLAG_ALL;
	arg.unmap.argsz = sizeof(arg);
	arg.unmap.iova = 0;
	arg.unmap.size = 0;
	EXPECT_EQ(-EINVAL, iommu_cmd(self->fd, VFIO_IOMMU_UNMAP_DMA, &arg));
	EXPECT_EQ(0, bits);
	EXPECT_TRUE(is_mapped(self, AT, PAGE));
}

TEST_HARNESS_MAIN
