// SPDX-License-Identifier: GPL-2.0-only
/*
 * The legacy VFIO container's ioctls on /dev/iommu, and the command that says
 * which IOAS they work on. Without a device; legacy programs with one are in
 * a test program of their own.
 */
#define _GNU_SOURCE
#include <linux/vfio.h>

#include "compat.h"

/* The number of bytes unmapped, or -errno. */
static int64_t dma_unmap(int fd, uint64_t iova, uint64_t size)
{
	int rc = dma_unmap_flags(fd, iova, &size, 0);

	return rc ? rc : (int64_t)size;
}

TEST(vfio_ioas)
{
	int fd = iommu_open(), fd2 = iommu_open();
	struct iommu_vfio_ioas cmd = { .size = sizeof(cmd) };
	uint32_t a, b, id = 0;
	static const uint16_t ops[] = { 3, 4, 0x100, UINT16_MAX };
	unsigned int i;

	ASSERT_LE(0, fd);
	ASSERT_LE(0, fd2);
	ASSERT_EQ(0, iommu_ioas_alloc(fd, &a));
	ASSERT_EQ(0, iommu_ioas_alloc(fd, &b));
	/* An IOAS does not become it by itself */
	EXPECT_EQ(-ENODEV, iommu_vfio_ioas_get(fd, &id));
	EXPECT_EQ(0, iommu_vfio_ioas_clear(fd));
	EXPECT_EQ(0, iommu_vfio_ioas_set(fd, a));
	EXPECT_EQ(0, iommu_vfio_ioas_get(fd, &id));
	EXPECT_EQ(a, id);
	EXPECT_EQ(0, iommu_vfio_ioas_set(fd, b));
	EXPECT_EQ(0, iommu_vfio_ioas_get(fd, &id));
	EXPECT_EQ(b, id);
	/* It is per fd */
	EXPECT_EQ(-ENODEV, iommu_vfio_ioas_get(fd2, &id));
	/* A failure changes nothing */
	EXPECT_EQ(-ENOENT, iommu_vfio_ioas_set(fd, b + 1000));
	for (i = 0; i < ARRAY_SIZE(ops); i++) {
		cmd.op = ops[i];
		cmd.ioas_id = a;
		EXPECT_EQ(-EOPNOTSUPP, iommu_cmd(fd, IOMMU_VFIO_IOAS, &cmd));
	}
	EXPECT_EQ(0, iommu_vfio_ioas_get(fd, &id));
	EXPECT_EQ(b, id);
	/* CLEAR forgets it and leaves it alone */
	EXPECT_EQ(0, iommu_vfio_ioas_clear(fd));
	EXPECT_EQ(-ENODEV, iommu_vfio_ioas_get(fd, &id));
	EXPECT_EQ(0, iommu_vfio_ioas_set(fd, b));
	/* Destroying it is allowed, and forgets it as well */
	EXPECT_EQ(0, iommu_destroy(fd, b));
	EXPECT_EQ(-ENODEV, iommu_vfio_ioas_get(fd, &id));
	EXPECT_EQ(0, iommu_vfio_ioas_set(fd, a));
	EXPECT_EQ(0, iommu_vfio_ioas_get(fd, &id));
	EXPECT_EQ(a, id);
}

/* Which legacy ioctls need an IOAS, and what they say without. */
TEST(without_ioas)
{
	struct vfio_iommu_type1_info info = { .argsz = sizeof(info) };
	int fd = iommu_open();
	char *buf = mem_anon(PAGE);

	ASSERT_LE(0, fd);
	ASSERT_NE(NULL, buf);
	EXPECT_EQ(VFIO_API_VERSION, ioctl(fd, VFIO_GET_API_VERSION));
	EXPECT_EQ(1, ioctl(fd, VFIO_CHECK_EXTENSION, VFIO_TYPE1_IOMMU));
	EXPECT_EQ(1, ioctl(fd, VFIO_CHECK_EXTENSION, VFIO_TYPE1v2_IOMMU));
	EXPECT_EQ(1, ioctl(fd, VFIO_CHECK_EXTENSION, VFIO_UNMAP_ALL));
	EXPECT_EQ(-1, ioctl(fd, VFIO_CHECK_EXTENSION, VFIO_DMA_CC_IOMMU));
	EXPECT_EQ(ENODEV, errno);
	EXPECT_EQ(-1, ioctl(fd, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU));
	EXPECT_EQ(ENODEV, errno);
	EXPECT_EQ(-ENODEV, iommu_cmd(fd, VFIO_IOMMU_GET_INFO, &info));
	EXPECT_EQ(-ENODEV, dma_map(fd, buf, AT, PAGE));
	EXPECT_EQ(-ENODEV, dma_unmap(fd, AT, PAGE));
	EXPECT_EQ(-ENODEV, dma_unmap_all(fd));
	if (has_dirty_pages(fd)) {
		EXPECT_EQ(-ENODEV, dirty_start(fd));
		EXPECT_EQ(-ENODEV, dirty_stop(fd));
	}
}

TEST_F(compat, check_extension)
{
	static const struct {
		unsigned long type;
		int want;
	} ext[] = {
		{ VFIO_TYPE1_IOMMU, 1 },
		{ VFIO_TYPE1v2_IOMMU, 1 },
		{ VFIO_UNMAP_ALL, 1 },
		/* No page table, so none that lacks it */
		{ VFIO_DMA_CC_IOMMU, 1 },
		/* Of other machines, gone, or never there */
		{ VFIO_SPAPR_TCE_IOMMU, 0 },
		{ VFIO_SPAPR_TCE_v2_IOMMU, 0 },
		{ VFIO_EEH, 0 },
		{ 6, 0 },
		{ VFIO_UPDATE_VADDR, 0 },
		{ 0, 0 },
		{ 99, 0 },
		{ -1UL, 0 },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(ext); i++) {
		EXPECT_EQ(ext[i].want, ioctl(self->fd, VFIO_CHECK_EXTENSION,
					     ext[i].type))
			TH_LOG("extension %lu", ext[i].type);
	}
}

TEST_F(compat, set_iommu)
{
	static const unsigned long bad[] = { 0, VFIO_SPAPR_TCE_IOMMU, 6,
					     VFIO_NOIOMMU_IOMMU, 99, -1UL };
	unsigned int i;
	uint64_t val;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		EXPECT_EQ(-1, ioctl(self->fd, VFIO_SET_IOMMU, bad[i]));
		EXPECT_EQ(EINVAL, errno) TH_LOG("type %lu", bad[i]);
	}
	EXPECT_EQ(0, ioctl(self->fd, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU));
	EXPECT_EQ(0, iommu_option_get(self->fd, IOMMU_OPTION_HUGE_PAGES,
				      self->id, &val));
	EXPECT_EQ(1, val);
	/* Version 1 unmaps anywhere, so nothing may be mapped as a huge page */
	EXPECT_EQ(0, ioctl(self->fd, VFIO_SET_IOMMU, VFIO_TYPE1_IOMMU));
	EXPECT_EQ(0, iommu_option_get(self->fd, IOMMU_OPTION_HUGE_PAGES,
				      self->id, &val));
	EXPECT_EQ(0, val);
}

TEST_F(compat, unknown_ioctl)
{
	static const unsigned int nrs[] = { 3, 4, 5, 11, 15, 16, 18, 27 };
	uint32_t arg[64] = { sizeof(arg) };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(nrs); i++) {
		EXPECT_EQ(-ENOTTY, iommu_cmd(self->fd, _IO(VFIO_TYPE,
							   VFIO_BASE + nrs[i]),
					     arg))
			TH_LOG("VFIO_BASE + %u", nrs[i]);
	}
}

/* A capability of the given kind in the chain, or NULL. */
static void *find_cap(void *info, uint32_t first, uint32_t argsz, uint16_t id)
{
	struct vfio_info_cap_header *cap;
	uint32_t at, steps = 0;

	for (at = first; at; at = cap->next) {
		if (at % 8 || at + sizeof(*cap) > argsz || ++steps > 16)
			return NULL;
		cap = info + at;
		if (cap->id == id)
			return cap;
	}
	return NULL;
}

TEST_F(compat, get_info)
{
	struct vfio_iommu_type1_info_cap_iova_range *ranges;
	struct vfio_iommu_type1_info_dma_avail *avail;
	struct vfio_iommu_type1_info *info;
	uint32_t need;

	info = calloc(1, 4096);
	ASSERT_NE(NULL, info);
	info->argsz = sizeof(*info);
	ASSERT_EQ(0, iommu_cmd(self->fd, VFIO_IOMMU_GET_INFO, info));
	need = info->argsz;
	ASSERT_LT(sizeof(*info), need);
	ASSERT_GT(4096, need);
	EXPECT_TRUE(info->flags & VFIO_IOMMU_INFO_PGSIZES);
	EXPECT_TRUE(info->flags & VFIO_IOMMU_INFO_CAPS);
	/* There is no room for them yet */
	EXPECT_EQ(0, info->cap_offset);
	EXPECT_EQ(PAGE, info->iova_pgsizes & -info->iova_pgsizes);

	memset(info, 0, 4096);
	info->argsz = need;
	ASSERT_EQ(0, iommu_cmd(self->fd, VFIO_IOMMU_GET_INFO, info));
	EXPECT_EQ(need, info->argsz);
	ASSERT_LE(sizeof(*info), info->cap_offset);
	ranges = find_cap(info, info->cap_offset, need,
			  VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE);
	ASSERT_NE(NULL, ranges);
	EXPECT_EQ(1, ranges->header.version);
	/* Without a device: what those of this machine can; see legacy.c */
	ASSERT_LE(1, ranges->nr_iovas);
	EXPECT_EQ(0, ranges->iova_ranges[0].start);
	EXPECT_GT(UINT64_MAX,
		  ranges->iova_ranges[ranges->nr_iovas - 1].end);
	avail = find_cap(info, info->cap_offset, need,
			 VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL);
	ASSERT_NE(NULL, avail);
	EXPECT_EQ(1, avail->header.version);
	/* More than type1's limit: there is no such limit here */
	EXPECT_LT(UINT16_MAX, avail->avail);
	free(info);
}

/* Structures of every size: nothing is written behind what the user gave. */
TEST_F(compat, get_info_sizes)
{
	const uint32_t least = offsetof(struct vfio_iommu_type1_info,
					cap_offset);
	struct vfio_iommu_type1_info *info;
	uint32_t need = 0, size;
	uint8_t *bytes;
	uint32_t i;

	for (size = 0; size < least; size++) {
		info = mem_before_hole(least);
		ASSERT_NE(NULL, info);
		info->argsz = size;
		EXPECT_EQ(-EINVAL, iommu_cmd(self->fd, VFIO_IOMMU_GET_INFO,
					     info))
			TH_LOG("size %u", size);
	}
	for (size = least; !need || size <= need + 8; size++) {
		info = mem_before_hole(size);
		bytes = (uint8_t *)info;
		ASSERT_NE(NULL, info);
		memset(info, 0, size);
		info->argsz = size;
		ASSERT_EQ(0, iommu_cmd(self->fd, VFIO_IOMMU_GET_INFO, info))
			TH_LOG("size %u", size);
		if (!need)
			need = info->argsz;
		EXPECT_EQ(need, info->argsz);
		if (size >= sizeof(*info)) {
			EXPECT_EQ(size >= need, !!info->cap_offset)
				TH_LOG("size %u", size);
		}
		mem_free((void *)((uintptr_t)info & ~(PAGE - 1)), PAGE);
	}
	/* The hole catches a write behind; this one catches one into slack */
	bytes = malloc(need + 64);
	info = (void *)bytes;
	ASSERT_NE(NULL, info);
	memset(bytes, 0xa5, need + 64);
	info->argsz = need + 64;
	ASSERT_EQ(0, iommu_cmd(self->fd, VFIO_IOMMU_GET_INFO, info));
	for (i = need; i < need + 64; i++) {
		EXPECT_EQ(0xa5, bytes[i]);
	}
	free(bytes);
}

TEST_F(compat, get_info_bad_pointer)
{
	struct vfio_iommu_type1_info *info = mem_before_hole(sizeof(*info));

	ASSERT_NE(NULL, info);
	EXPECT_EQ(-EFAULT, iommu_cmd(self->fd, VFIO_IOMMU_GET_INFO, NULL));
	/* It ends before the capabilities do */
	info->argsz = 4096;
	EXPECT_EQ(-EFAULT, iommu_cmd(self->fd, VFIO_IOMMU_GET_INFO, info));
}

TEST_F(compat, get_info_migration)
{
	struct vfio_iommu_type1_info_cap_migration *cap;
	struct vfio_iommu_type1_info *info = calloc(1, 4096);

	ASSERT_NE(NULL, info);
	info->argsz = 4096;
	ASSERT_EQ(0, iommu_cmd(self->fd, VFIO_IOMMU_GET_INFO, info));
	cap = find_cap(info, info->cap_offset, info->argsz,
		       VFIO_IOMMU_TYPE1_INFO_CAP_MIGRATION);
	ASSERT_NE(NULL, cap);
	EXPECT_EQ(1, cap->header.version);
	EXPECT_EQ(0, cap->flags);
	EXPECT_EQ(PAGE, cap->pgsize_bitmap);
	EXPECT_EQ(BITMAP_BYTES_MAX, cap->max_dirty_bitmap_size);
	free(info);
}

TEST_F(compat, map_and_unmap)
{
	ASSERT_EQ(0, dma_map(self->fd, self->buf, AT, BUF));
	/* It is the IOAS that the new commands know */
	EXPECT_TRUE(is_mapped(self, AT, BUF));
	EXPECT_EQ(-EEXIST, iommu_map_fixed(self->fd, self->id, self->buf, PAGE,
					   IOMMU_RW, AT));
	EXPECT_EQ(-EEXIST, dma_map(self->fd, self->buf, AT + PAGE, BUF));
	EXPECT_EQ(BUF, dma_unmap(self->fd, AT, BUF));
	EXPECT_TRUE(is_free(self, AT, BUF));

	EXPECT_EQ(0, dma_map_flags(self->fd, self->buf, AT, PAGE,
				   VFIO_DMA_MAP_FLAG_READ));
	EXPECT_EQ(0, dma_map_flags(self->fd, self->buf, AT + PAGE, PAGE,
				   VFIO_DMA_MAP_FLAG_WRITE));
	/* What the new command mapped, the old one unmaps */
	EXPECT_EQ(0, iommu_map_fixed(self->fd, self->id, self->buf, PAGE,
				     IOMMU_RW, AT + 2 * PAGE));
	EXPECT_EQ(3 * PAGE, dma_unmap(self->fd, AT, BUF));
	EXPECT_EQ(0, dma_map(self->fd, self->buf, 0, PAGE));
	EXPECT_EQ(PAGE, dma_unmap(self->fd, 0, PAGE));
}

/* The permissions are those that were asked for. */
TEST_F(compat, map_permissions)
{
	ASSERT_EQ(0, dma_map_flags(self->fd, self->buf, AT, PAGE,
				   VFIO_DMA_MAP_FLAG_READ));
	EXPECT_EQ(-EPERM, iommu_copy_fixed(self->fd, self->scratch, self->id,
					   AT, PAGE, IOMMU_W, AT));
	EXPECT_EQ(0, iommu_copy_fixed(self->fd, self->scratch, self->id, AT,
				      PAGE, IOMMU_R, AT));
	/* One at least, says the header, and so does type1 */
	EXPECT_EQ(-EINVAL, dma_map_flags(self->fd, self->buf, 2 * AT, PAGE, 0));
	EXPECT_TRUE(is_free(self, 2 * AT, PAGE));
}

TEST_F(compat, map_bad_input)
{
	static const struct {
		uint32_t argsz;
		uint32_t flags;
		uint64_t vaddr;		/* 0: the buffer */
		uint64_t iova;
		uint64_t size;
		int want;
	} bad[] = {
		{ 0, DMA_RW, 0, AT, PAGE, -EINVAL },
		{ 31, DMA_RW, 0, AT, PAGE, -EINVAL },
		{ 32, DMA_RW | VFIO_DMA_MAP_FLAG_VADDR, 0, AT, PAGE, -EINVAL },
		{ 32, VFIO_DMA_MAP_FLAG_VADDR, 0, AT, PAGE, -EINVAL },
		{ 32, DMA_RW | 1U << 3, 0, AT, PAGE, -EINVAL },
		{ 32, DMA_RW | 1U << 31, 0, AT, PAGE, -EINVAL },
		{ 32, DMA_RW, 0, AT, 0, -EINVAL },
		{ 32, DMA_RW, 0, -PAGE, 2 * PAGE, -EINVAL },
		{ 32, DMA_RW, -PAGE, AT, 2 * PAGE, -EINVAL },
	};
	struct vfio_iommu_type1_dma_map map;
	unsigned int i;

	ASSERT_EQ(32, sizeof(map));
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		map = (struct vfio_iommu_type1_dma_map){
			.argsz = bad[i].argsz,
			.flags = bad[i].flags,
			.vaddr = bad[i].vaddr ?: iommu_ptr(self->buf),
			.iova = bad[i].iova,
			.size = bad[i].size,
		};
		EXPECT_EQ(bad[i].want, iommu_cmd(self->fd, VFIO_IOMMU_MAP_DMA,
						 &map))
			TH_LOG("case %u", i);
		EXPECT_EQ(0, dma_unmap_all(self->fd)) TH_LOG("case %u", i);
	}
	EXPECT_EQ(-EFAULT, iommu_cmd(self->fd, VFIO_IOMMU_MAP_DMA, NULL));
	EXPECT_EQ(-EFAULT, iommu_cmd(self->fd, VFIO_IOMMU_MAP_DMA,
				     mem_before_hole(31)));
}

TEST_F(compat, unmap_ranges)
{
	ASSERT_EQ(0, dma_map(self->fd, self->buf, AT, 4 * PAGE));
	ASSERT_EQ(0, dma_map(self->fd, self->buf, AT + 8 * PAGE, 4 * PAGE));
	/* Nothing there is success here, unlike in IOAS_UNMAP */
	EXPECT_EQ(0, dma_unmap(self->fd, AT + 4 * PAGE, 4 * PAGE));
	EXPECT_EQ(0, dma_unmap(self->fd, 2 * AT, PAGE));
	/* No part of a mapping, in version 2 */
	EXPECT_EQ(-ENOENT, dma_unmap(self->fd, AT, PAGE));
	EXPECT_EQ(-ENOENT, dma_unmap(self->fd, AT + PAGE, PAGE));
	EXPECT_EQ(-ENOENT, dma_unmap(self->fd, AT + PAGE, 4 * PAGE));
	EXPECT_EQ(-ENOENT, dma_unmap(self->fd, AT - PAGE, 2 * PAGE));
	EXPECT_TRUE(is_mapped(self, AT, 4 * PAGE));
	EXPECT_TRUE(is_mapped(self, AT + 8 * PAGE, 4 * PAGE));
	/* Several at once, holes and all */
	EXPECT_EQ(8 * PAGE, dma_unmap(self->fd, AT - PAGE, 14 * PAGE));
	EXPECT_EQ(0, dma_unmap_all(self->fd));
}

TEST_F(compat, unmap_all)
{
	uint64_t size;

	ASSERT_EQ(0, dma_map(self->fd, self->buf, 0, PAGE));
	ASSERT_EQ(0, dma_map(self->fd, self->buf, AT, BUF));
	ASSERT_EQ(0, dma_map(self->fd, self->buf, 1ULL << 62, PAGE));
	/* ALL is all: no range may be given */
	size = PAGE;
	EXPECT_EQ(-EINVAL, dma_unmap_flags(self->fd, 0, &size,
					   VFIO_DMA_UNMAP_FLAG_ALL));
	size = 0;
	EXPECT_EQ(-EINVAL, dma_unmap_flags(self->fd, AT, &size,
					   VFIO_DMA_UNMAP_FLAG_ALL));
	EXPECT_TRUE(is_mapped(self, AT, BUF));
	EXPECT_EQ(BUF + 2 * PAGE, dma_unmap_all(self->fd));
	EXPECT_EQ(0, dma_unmap_all(self->fd));
}

TEST_F(compat, unmap_bad_input)
{
	static const struct {
		uint32_t argsz;
		uint32_t flags;
		uint64_t iova;
		uint64_t size;
		int want;
	} bad[] = {
		{ 0, 0, AT, PAGE, -EINVAL },
		{ 23, 0, AT, PAGE, -EINVAL },
		{ 24, 1U << 3, AT, PAGE, -EINVAL },
		{ 24, 1U << 31, AT, PAGE, -EINVAL },
		{ 24, VFIO_DMA_UNMAP_FLAG_VADDR, AT, PAGE, -EINVAL },
		{ 24, 0, AT, 0, -EINVAL },
		{ 24, 0, -PAGE, 2 * PAGE, -EINVAL },
	};
	struct vfio_iommu_type1_dma_unmap unmap;
	unsigned int i;

	ASSERT_EQ(24, sizeof(unmap));
	ASSERT_EQ(0, dma_map(self->fd, self->buf, AT, PAGE));
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		unmap = (struct vfio_iommu_type1_dma_unmap){
			.argsz = bad[i].argsz,
			.flags = bad[i].flags,
			.iova = bad[i].iova,
			.size = bad[i].size,
		};
		EXPECT_EQ(bad[i].want, iommu_cmd(self->fd,
						 VFIO_IOMMU_UNMAP_DMA, &unmap))
			TH_LOG("case %u", i);
		EXPECT_TRUE(is_mapped(self, AT, PAGE)) TH_LOG("case %u", i);
	}
	EXPECT_EQ(-EFAULT, iommu_cmd(self->fd, VFIO_IOMMU_UNMAP_DMA, NULL));
	EXPECT_EQ(-EFAULT, iommu_cmd(self->fd, VFIO_IOMMU_UNMAP_DMA,
				     mem_before_hole(23)));
	EXPECT_TRUE(is_mapped(self, AT, PAGE));
}

/* Version 1 of the interface: any page of a mapping can be unmapped. */
TEST_F(compat, type1_unmaps_parts)
{
	ASSERT_EQ(0, ioctl(self->fd, VFIO_SET_IOMMU, VFIO_TYPE1_IOMMU));
	ASSERT_EQ(0, dma_map(self->fd, self->buf, AT, BUF));
	EXPECT_EQ(PAGE, dma_unmap(self->fd, AT, PAGE));
	EXPECT_EQ(2 * PAGE, dma_unmap(self->fd, AT + 4 * PAGE, 2 * PAGE));
	EXPECT_EQ(PAGE, dma_unmap(self->fd, AT + BUF - PAGE, PAGE));
	EXPECT_TRUE(is_free(self, AT, PAGE));
	EXPECT_TRUE(is_mapped(self, AT + PAGE, 3 * PAGE));
	EXPECT_TRUE(is_free(self, AT + 4 * PAGE, 2 * PAGE));
	EXPECT_TRUE(is_mapped(self, AT + 6 * PAGE, BUF - 7 * PAGE));
	EXPECT_TRUE(is_free(self, AT + BUF - PAGE, PAGE));
	/* The holes can be filled, */
	EXPECT_EQ(0, dma_map(self->fd, self->buf, AT + 4 * PAGE, 2 * PAGE));
	/* and a range may begin and end inside of mappings */
	EXPECT_EQ(5 * PAGE, dma_unmap(self->fd, AT + 3 * PAGE, 5 * PAGE));
	EXPECT_TRUE(is_mapped(self, AT + PAGE, 2 * PAGE));
	EXPECT_TRUE(is_mapped(self, AT + 8 * PAGE, BUF - 9 * PAGE));
	EXPECT_EQ(BUF - 7 * PAGE, dma_unmap(self->fd, AT, BUF));
	EXPECT_EQ(0, dma_unmap_all(self->fd));
}

TEST_HARNESS_MAIN
