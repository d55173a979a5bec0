// SPDX-License-Identifier: GPL-2.0-only
/* Legacy programs: map and unmap, information, dirty pages, limits. */
#define _GNU_SOURCE
#include <string.h>

#include "child.h"
#include "iommu.h"
#include "legacy.h"

#define MSI_WINDOW 0xfee00000UL

TEST_F(container, dma)
{
	struct legacy *vm = &self->vm;

	ASSERT_EQ(0, legacy_map(vm, self->mem, 2 * PAGE, IOVA));
	EXPECT_EQ(vm->pinned + 2, mem_pinned());
	EXPECT_EQ(0, edu_check(&vm->edu, IOVA + 2000, self->mem + 2000,
			       EDU_DMA_MAX));
	EXPECT_EQ(2 * PAGE, legacy_unmap(vm, IOVA, 2 * PAGE));
	EXPECT_EQ(vm->pinned, mem_wait_pinned(vm->pinned));
	EXPECT_EQ(0, edu_can_write(&vm->edu, IOVA, self->mem, SOME_LENGTH));
}

TEST_F(container, huge_pages)
{
	struct legacy *vm = &self->vm;
	char *mem = mem_thp(2 * MEM_HUGE);

	ASSERT_NE(NULL, mem);
	ASSERT_EQ(0, legacy_map(vm, mem, 2 * MEM_HUGE, IOVA));
	EXPECT_EQ(0, edu_check(&vm->edu, IOVA + MEM_HUGE - 2000,
			       mem + MEM_HUGE - 2000, EDU_DMA_MAX));
	EXPECT_EQ(2 * MEM_HUGE, legacy_unmap(vm, IOVA, 2 * MEM_HUGE));
	EXPECT_EQ(0, edu_can_write(&vm->edu, IOVA, mem, SOME_LENGTH));
}

TEST_F(container, read_only)
{
	struct legacy *vm = &self->vm;

	ASSERT_EQ(0, legacy_map(vm, self->mem, PAGE, IOVA));
	ASSERT_EQ(0, vfio_dma_map(vm->container, self->mem + PAGE, PAGE,
				  IOVA + PAGE, VFIO_DMA_MAP_FLAG_READ));
	EXPECT_EQ(1, edu_can_read(&vm->edu, IOVA + PAGE, self->mem + PAGE,
				  IOVA, self->mem, SOME_LENGTH));
	EXPECT_EQ(0, edu_can_write(&vm->edu, IOVA + PAGE, self->mem + PAGE,
				   SOME_LENGTH));
}

/* VMMs map the guest's memory before they get the device. */
TEST_F(container, map_before_device)
{
	struct legacy *vm = &self->vm;

	edu_close(&vm->edu);
	ASSERT_EQ(0, legacy_map(vm, self->mem, 2 * PAGE, IOVA));
	ASSERT_EQ(0, edu_open_in_group(&vm->edu, &vm->pci, vm->group));
	EXPECT_EQ(0, edu_check(&vm->edu, IOVA + 2000, self->mem + 2000,
			       EDU_DMA_MAX));
	EXPECT_EQ(2 * PAGE, legacy_unmap(vm, IOVA, 2 * PAGE));
}

TEST_F(container, extensions)
{
	static const struct {
		unsigned long extension;
		int answer;
	} known[] = {
		{ VFIO_TYPE1_IOMMU, 1 },
		{ VFIO_TYPE1v2_IOMMU, 1 },
		{ VFIO_UNMAP_ALL, 1 },
		{ VFIO_SPAPR_TCE_IOMMU, 0 },
		{ VFIO_NOIOMMU_IOMMU, 0 },
		{ 4711, 0 },
	};
	int fd = self->vm.container;
	size_t i;

	EXPECT_EQ(VFIO_API_VERSION, command(fd, VFIO_GET_API_VERSION, NULL));
	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		EXPECT_EQ(known[i].answer,
			  command(fd, VFIO_CHECK_EXTENSION,
				  (void *)known[i].extension));
	}
	/* The last before the commands of /dev/iommu begin */
	EXPECT_EQ(-ENOTTY, command(fd, _IO(VFIO_TYPE, VFIO_BASE + 27), NULL));
}

TEST_F(container, map_bad_input)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map),
		.flags = RW,
		.vaddr = iommu_ptr(self->mem),
		.iova = IOVA,
		.size = PAGE,
	};
	struct vfio_iommu_type1_dma_map bad;
	char *hole = mem_reserve(PAGE);
	int fd = self->vm.container;

#define TRY(change) ({							\
	bad = map;							\
	change;								\
	command(fd, VFIO_IOMMU_MAP_DMA, &bad); })

	EXPECT_EQ(-EINVAL, TRY(bad.argsz = sizeof(bad) - 8));
	EXPECT_EQ(-EINVAL, TRY(bad.flags |= 1 << 20));
	EXPECT_EQ(-EINVAL, TRY(bad.flags = 0));
	EXPECT_EQ(-EINVAL, TRY(bad.size = 0));
	EXPECT_EQ(-EINVAL, TRY(bad.size = 100));
	EXPECT_EQ(-EINVAL, TRY(bad.iova += 100));
	EXPECT_EQ(-EINVAL, TRY(bad.vaddr += 100));
	EXPECT_EQ(-EINVAL, TRY(bad.iova = MSI_WINDOW));
	EXPECT_EQ(-EINVAL, TRY(bad.iova = -PAGE; bad.size = 2 * PAGE));
	EXPECT_EQ(-EFAULT, TRY(bad.vaddr = iommu_ptr(hole)));
	EXPECT_EQ(-EFAULT, command(fd, VFIO_IOMMU_MAP_DMA, NULL));
	EXPECT_EQ(self->vm.pinned, mem_pinned());

	ASSERT_EQ(0, command(fd, VFIO_IOMMU_MAP_DMA, &map));
	EXPECT_EQ(-EEXIST, command(fd, VFIO_IOMMU_MAP_DMA, &map));
	EXPECT_EQ(-EEXIST, TRY(bad.iova -= PAGE; bad.size = 3 * PAGE));
#undef TRY
	EXPECT_EQ(self->vm.pinned + 1, mem_pinned());
}

TEST_F(container, unmap)
{
	struct legacy *vm = &self->vm;
	uint64_t unmapped;

	ASSERT_EQ(0, legacy_map(vm, self->mem, 2 * PAGE, IOVA));
	ASSERT_EQ(0, legacy_map(vm, self->mem + 2 * PAGE, PAGE,
				IOVA + 4 * PAGE));
	ASSERT_EQ(0, legacy_map(vm, self->mem + 3 * PAGE, PAGE,
				IOVA + 8 * PAGE));

	/* Nothing there is no error */
	EXPECT_EQ(0, legacy_unmap(vm, IOVA + 2 * PAGE, 2 * PAGE));
	EXPECT_EQ(0, legacy_unmap(vm, IOVA + 16 * PAGE, PAGE));
	/* A part of a mapping is */
	EXPECT_EQ(variant->partial_unmap, legacy_unmap(vm, IOVA, PAGE));
	EXPECT_EQ(variant->partial_unmap, legacy_unmap(vm, IOVA + PAGE, PAGE));
	EXPECT_EQ(-EINVAL, legacy_unmap(vm, IOVA, 0));
	EXPECT_EQ(vm->pinned + 4, mem_pinned());
	EXPECT_EQ(0, edu_check(&vm->edu, IOVA, self->mem, SOME_LENGTH));

	/* Several at a time, holes and all */
	EXPECT_EQ(3 * PAGE, legacy_unmap(vm, IOVA, 5 * PAGE));
	EXPECT_EQ(-EINVAL, vfio_dma_unmap(vm->container, IOVA, PAGE,
					  VFIO_DMA_UNMAP_FLAG_ALL, NULL));
	ASSERT_EQ(0, vfio_dma_unmap(vm->container, 0, 0,
				    VFIO_DMA_UNMAP_FLAG_ALL, &unmapped));
	EXPECT_EQ(PAGE, unmapped);
	ASSERT_EQ(0, vfio_dma_unmap(vm->container, 0, 0,
				    VFIO_DMA_UNMAP_FLAG_ALL, &unmapped));
	EXPECT_EQ(0, unmapped);
	EXPECT_EQ(-EINVAL, vfio_dma_unmap(vm->container, IOVA, PAGE, 1 << 20,
					  NULL));
	EXPECT_EQ(0, edu_can_write(&vm->edu, IOVA, self->mem, SOME_LENGTH));
}

/* GET_INFO --------------------------------------------------------------- */

TEST_F(container, info)
{
	const struct vfio_iommu_type1_info_cap_iova_range *ranges;
	const struct vfio_iommu_type1_info_dma_avail *avail;
	int fd = self->vm.container;
	union info info;
	uint32_t i;

	ASSERT_EQ(0, get_info(fd, &info));
	EXPECT_EQ(VFIO_IOMMU_INFO_PGSIZES | VFIO_IOMMU_INFO_CAPS,
		  info.info.flags);
	EXPECT_EQ(PAGE, info.info.iova_pgsizes & -info.info.iova_pgsizes);

	ranges = find_cap(&info, VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE);
	ASSERT_NE(NULL, ranges);
	ASSERT_LE(2, ranges->nr_iovas);
	EXPECT_EQ(0, ranges->iova_ranges[0].start);
	EXPECT_EQ(MSI_WINDOW - 1, ranges->iova_ranges[0].end);
	for (i = 1; i < ranges->nr_iovas; i++) {
		EXPECT_LT(ranges->iova_ranges[i - 1].end,
			  ranges->iova_ranges[i].start);
	}

	avail = find_cap(&info, VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL);
	ASSERT_NE(NULL, avail);
	EXPECT_LE(65535, avail->avail);
}

TEST_F(container, migration_info)
{
	const struct vfio_iommu_type1_info_cap_migration *migration;
	union info info;

	ASSERT_EQ(0, get_info(self->vm.container, &info));
	migration = find_cap(&info, VFIO_IOMMU_TYPE1_INFO_CAP_MIGRATION);
	ASSERT_NE(NULL, migration);
	EXPECT_NE(0, migration->pgsize_bitmap & PAGE);
	EXPECT_LT(0, migration->max_dirty_bitmap_size);
}

TEST_F(container, info_short_buffer)
{
	struct vfio_iommu_type1_info brief = { .argsz = sizeof(brief) };
	int fd = self->vm.container;
	union info info;

	/* How much would be needed; nothing beyond the buffer is written */
	memset(&info, 0x55, sizeof(info));
	info.info = brief;
	ASSERT_EQ(0, command(fd, VFIO_IOMMU_GET_INFO, &info));
	EXPECT_LT(sizeof(brief), info.info.argsz);
	EXPECT_EQ(0, info.info.cap_offset);
	EXPECT_EQ(0x55, info.bytes[sizeof(brief)]);

	brief.argsz = 8;
	EXPECT_EQ(-EINVAL, command(fd, VFIO_IOMMU_GET_INFO, &brief));
	EXPECT_EQ(-EFAULT, command(fd, VFIO_IOMMU_GET_INFO, NULL));
}

/* Dirty pages ------------------------------------------------------------ */

static int dirty_switch(int container, uint32_t flag)
{
	struct vfio_iommu_type1_dirty_bitmap dirty = {
		.argsz = sizeof(dirty),
		.flags = flag,
	};

	return command(container, VFIO_IOMMU_DIRTY_PAGES, &dirty);
}

static int dirty_get(int container, uint64_t iova, uint64_t size,
		     uint64_t pgsize, uint64_t *bitmap, uint64_t bitmap_size)
{
	struct {
		struct vfio_iommu_type1_dirty_bitmap dirty;
		struct vfio_iommu_type1_dirty_bitmap_get get;
	} arg = {
		.dirty.argsz = sizeof(arg),
		.dirty.flags = VFIO_IOMMU_DIRTY_PAGES_FLAG_GET_BITMAP,
		.get.iova = iova,
		.get.size = size,
		.get.bitmap.pgsize = pgsize,
		.get.bitmap.size = bitmap_size,
		.get.bitmap.data = (void *)bitmap,
	};

	return command(container, VFIO_IOMMU_DIRTY_PAGES, &arg);
}

static int unmap_dirty(int container, uint64_t iova, uint64_t size,
		       uint64_t *bitmap, uint64_t bitmap_size,
		       uint64_t *unmapped)
{
	struct {
		struct vfio_iommu_type1_dma_unmap unmap;
		struct vfio_bitmap bitmap;
	} arg = {
		.unmap.argsz = sizeof(arg),
		.unmap.flags = VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP,
		.unmap.iova = iova,
		.unmap.size = size,
		.bitmap.pgsize = PAGE,
		.bitmap.size = bitmap_size,
		.bitmap.data = (void *)bitmap,
	};
	int rc;

	rc = command(container, VFIO_IOMMU_UNMAP_DMA, &arg);
	*unmapped = arg.unmap.size;
	return rc;
}

/* Nobody knows what a device writes, so all that is mapped may be dirty. */
TEST_F(container, dirty_pages)
{
	int fd = self->vm.container;
	uint64_t bitmap[2] = {};

	ASSERT_EQ(0, legacy_map(&self->vm, self->mem, 3 * PAGE, IOVA));
	ASSERT_EQ(0, legacy_map(&self->vm, self->mem + 3 * PAGE, 2 * PAGE,
				IOVA + 5 * PAGE));
	EXPECT_EQ(-EINVAL, dirty_get(fd, IOVA, 3 * PAGE, PAGE, bitmap, 8));
	ASSERT_EQ(0, dirty_switch(fd, VFIO_IOMMU_DIRTY_PAGES_FLAG_START));
	ASSERT_EQ(0, dirty_switch(fd, VFIO_IOMMU_DIRTY_PAGES_FLAG_START));
	ASSERT_EQ(0, dirty_get(fd, IOVA, 3 * PAGE, PAGE, bitmap, 8));
	EXPECT_EQ(0x7, bitmap[0]);
	/* Also the next time, and with a hole in the range */
	bitmap[0] = 0;
	ASSERT_EQ(0, dirty_get(fd, IOVA, 8 * PAGE, PAGE, bitmap, 8));
	EXPECT_EQ(0x67, bitmap[0]);
	EXPECT_EQ(0, bitmap[1]);
	EXPECT_EQ(0, edu_check(&self->vm.edu, IOVA, self->mem, SOME_LENGTH));

	ASSERT_EQ(0, dirty_switch(fd, VFIO_IOMMU_DIRTY_PAGES_FLAG_STOP));
	EXPECT_EQ(-EINVAL, dirty_get(fd, IOVA, 3 * PAGE, PAGE, bitmap, 8));
}

TEST_F(container, dirty_pages_of_unmap)
{
	int fd = self->vm.container;
	uint64_t bitmap[2] = {}, unmapped;

	ASSERT_EQ(0, legacy_map(&self->vm, self->mem, 2 * PAGE, IOVA));
	ASSERT_EQ(0, legacy_map(&self->vm, self->mem + 2 * PAGE, PAGE,
				IOVA + 3 * PAGE));
	EXPECT_EQ(-EINVAL, unmap_dirty(fd, IOVA, 4 * PAGE, bitmap, 8,
				       &unmapped));
	ASSERT_EQ(0, dirty_switch(fd, VFIO_IOMMU_DIRTY_PAGES_FLAG_START));
	ASSERT_EQ(0, unmap_dirty(fd, IOVA, 4 * PAGE, bitmap, 8, &unmapped));
	EXPECT_EQ(3 * PAGE, unmapped);
	EXPECT_EQ(0xb, bitmap[0]);
	EXPECT_EQ(self->vm.pinned, mem_wait_pinned(self->vm.pinned));
	EXPECT_EQ(0, edu_can_write(&self->vm.edu, IOVA, self->mem,
				   SOME_LENGTH));
}

TEST_F(container, dirty_pages_bad_input)
{
	struct vfio_iommu_type1_dirty_bitmap brief = {
		.argsz = sizeof(brief),
		.flags = VFIO_IOMMU_DIRTY_PAGES_FLAG_GET_BITMAP,
	};
	int fd = self->vm.container;
	uint64_t bitmap[2] = {};

	ASSERT_EQ(0, legacy_map(&self->vm, self->mem, PAGE, IOVA));
	EXPECT_EQ(-EINVAL, dirty_switch(fd, 1 << 10));
	EXPECT_EQ(-EINVAL,
		  dirty_switch(fd, VFIO_IOMMU_DIRTY_PAGES_FLAG_START |
			       VFIO_IOMMU_DIRTY_PAGES_FLAG_STOP));
	ASSERT_EQ(0, dirty_switch(fd, VFIO_IOMMU_DIRTY_PAGES_FLAG_START));
	EXPECT_EQ(-EINVAL, command(fd, VFIO_IOMMU_DIRTY_PAGES, &brief));
	EXPECT_EQ(-EINVAL, dirty_get(fd, IOVA, PAGE, 2 * PAGE, bitmap, 8));
	EXPECT_EQ(-EINVAL, dirty_get(fd, IOVA + 1, PAGE, PAGE, bitmap, 8));
	EXPECT_EQ(-EINVAL, dirty_get(fd, IOVA, 0, PAGE, bitmap, 8));
	EXPECT_EQ(-EINVAL, dirty_get(fd, -PAGE, 2 * PAGE, PAGE, bitmap, 8));
	/* A bitmap too small for the range */
	EXPECT_EQ(-EINVAL, dirty_get(fd, IOVA, 65 * PAGE, PAGE, bitmap, 8));
	EXPECT_EQ(-EFAULT, dirty_get(fd, IOVA, PAGE, PAGE, (void *)8, 8));
}

/* Limits ----------------------------------------------------------------- */

#define LIMIT_PAGES 64

static void map_up_to_the_limit(void *arg)
{
	struct legacy *vm = arg;
	char *mem = mem_anon(2 * LIMIT_PAGES * PAGE);

	CHILD_EQ(true, mem != NULL);
	CHILD_EQ(0, mem_become_user(4020, LIMIT_PAGES * PAGE));
	CHILD_EQ(-ENOMEM, legacy_map(vm, mem, 2 * LIMIT_PAGES * PAGE, IOVA));
	CHILD_EQ(0, mem_wait_vm_lck(0));
	CHILD_EQ(0, legacy_map(vm, mem, LIMIT_PAGES * PAGE, IOVA));
	CHILD_EQ(LIMIT_PAGES, mem_vm_lck(0));
	CHILD_EQ(-ENOMEM, legacy_map(vm, mem + LIMIT_PAGES * PAGE, PAGE,
				     BAR_IOVA));
	CHILD_EQ(LIMIT_PAGES * PAGE,
		 legacy_unmap(vm, IOVA, LIMIT_PAGES * PAGE));
	CHILD_EQ(0, mem_wait_vm_lck(0));
}

/* Memory is charged to the process, as type1 does it. */
TEST_F(container, limit)
{
	EXPECT_EQ(0, child_run(map_up_to_the_limit, &self->vm));
	EXPECT_EQ(self->vm.pinned, mem_wait_pinned(self->vm.pinned));
}

TEST_HARNESS_MAIN
