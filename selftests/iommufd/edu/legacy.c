// SPDX-License-Identifier: GPL-2.0-only
/*
 * A program that knows only the VFIO container and groups, once with type1's
 * container (/dev/vfio/vfio) and once with /dev/iommu in its place. It must
 * get the same results; what differs on purpose is in struct variant.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "child.h"
#include "edu.h"
#include "iommu.h"
#include "mem.h"

#include "kselftest_harness.h"

#define PAGE 4096UL
#define IOVA 0x40000000UL
#define BAR_IOVA 0x80000000UL
#define MSI_WINDOW 0xfee00000UL
#define SOME_LENGTH 256
#define RW (VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE)

/* A container with one group, and a device of that. */
struct legacy {
	const char *path;
	struct vfio_pci pci;
	struct edu edu;
	int container;
	int group;
	long pinned;
};

static int command(int fd, unsigned long nr, void *arg)
{
	int rc = ioctl(fd, nr, arg);

	return rc < 0 ? -errno : rc;
}

/* Everything but the device itself. */
static int legacy_open_container(struct legacy *vm, const char *path,
				 unsigned long type)
{
	struct vfio_group_status status = { .argsz = sizeof(status) };
	int rc;

	memset(vm, 0, sizeof(*vm));
	vm->path = path;
	vm->edu.fd = -1;
	vm->group = -1;
	vm->pinned = mem_pinned();
	vm->container = open(path, O_RDWR | O_CLOEXEC);
	if (vm->container < 0)
		return -errno;
	if (edu_find_alone(&vm->pci, 1) != 1)
		return -ENODEV;
	vm->group = vfio_group_open(vm->pci.group);
	if (vm->group < 0)
		return vm->group;
	rc = command(vm->group, VFIO_GROUP_GET_STATUS, &status);
	if (rc)
		return rc;
	if (!(status.flags & VFIO_GROUP_FLAGS_VIABLE))
		return -EPERM;
	rc = vfio_group_set_container(vm->group, vm->container);
	if (rc)
		return rc;
	return command(vm->container, VFIO_SET_IOMMU, (void *)type);
}

static int legacy_open(struct legacy *vm, const char *path, unsigned long type)
{
	int rc = legacy_open_container(vm, path, type);

	return rc ?: edu_open_in_group(&vm->edu, &vm->pci, vm->group);
}

static long legacy_close(struct legacy *vm)
{
	edu_close(&vm->edu);
	if (vm->group >= 0)
		close(vm->group);
	if (vm->container >= 0)
		close(vm->container);
	return mem_wait_pinned(vm->pinned) - vm->pinned;
}

static int legacy_map(struct legacy *vm, void *va, size_t length,
		      uint64_t iova)
{
	return vfio_dma_map(vm->container, va, length, iova, RW);
}

/* Returns the bytes that were unmapped, or a negative errno. */
static long legacy_unmap(struct legacy *vm, uint64_t iova, size_t length)
{
	uint64_t unmapped = 0;
	int rc;

	rc = vfio_dma_unmap(vm->container, iova, length, 0, &unmapped);
	return rc ?: (long)unmapped;
}

FIXTURE(container)
{
	struct legacy vm;
	char *mem;
};

FIXTURE_VARIANT(container)
{
	const char *path;
	/* Two errnos, as they have always been */
	int partial_unmap;
	int wrap;
};

FIXTURE_VARIANT_ADD(container, type1) {
	.path = "/dev/vfio/vfio",
	.partial_unmap = -EINVAL,
	.wrap = -EINVAL,
};

FIXTURE_VARIANT_ADD(container, iommufd) {
	.path = "/dev/iommu",
	.partial_unmap = -ENOENT,
	.wrap = -EOVERFLOW,
};

FIXTURE_SETUP(container)
{
	ASSERT_EQ(0, legacy_open(&self->vm, variant->path,
				 VFIO_TYPE1v2_IOMMU));
	self->mem = mem_anon(8 * PAGE);
	ASSERT_NE(NULL, self->mem);
}

FIXTURE_TEARDOWN(container)
{
	EXPECT_EQ(0, legacy_close(&self->vm));
}

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
	EXPECT_EQ(variant->wrap, TRY(bad.iova = -PAGE; bad.size = 2 * PAGE));
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

union info {
	struct vfio_iommu_type1_info info;
	char bytes[4096];
};

static int get_info(int container, union info *info)
{
	memset(info, 0, sizeof(*info));
	info->info.argsz = sizeof(*info);
	return command(container, VFIO_IOMMU_GET_INFO, info);
}

static const void *find_cap(const union info *info, uint16_t id)
{
	const struct vfio_info_cap_header *cap;
	uint32_t at = info->info.cap_offset;

	while (at && at < sizeof(*info)) {
		cap = (const void *)(info->bytes + at);
		if (cap->id == id)
			return cap;
		at = cap->next;
	}
	return NULL;
}

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

/* More than one ---------------------------------------------------------- */

TEST_F(container, two_groups)
{
	struct legacy *vm = &self->vm;
	struct vfio_pci pci[2];
	struct edu second;
	int group;

	if (edu_find_alone(pci, 2) != 2)
		SKIP(return, "needs two devices in groups of their own");
	ASSERT_EQ(0, legacy_map(vm, self->mem, PAGE, IOVA));
	group = vfio_group_open(pci[1].group);
	ASSERT_LE(0, group);
	ASSERT_EQ(0, vfio_group_set_container(group, vm->container));
	ASSERT_EQ(0, edu_open_in_group(&second, &pci[1], group));
	EXPECT_EQ(0, edu_check(&second, IOVA, self->mem, SOME_LENGTH));
	EXPECT_EQ(0, edu_check(&vm->edu, IOVA, self->mem, SOME_LENGTH));
	EXPECT_EQ(PAGE, legacy_unmap(vm, IOVA, PAGE));
	EXPECT_EQ(0, edu_can_write(&second, IOVA, self->mem, SOME_LENGTH));

	/* One does DMA to the other's registers */
	ASSERT_EQ(0, legacy_map(vm, second.regs, second.regs_length,
				BAR_IOVA));
	ASSERT_EQ(0, legacy_map(vm, self->mem, PAGE, IOVA));
	memset(self->mem, 0x5a, 4);
	ASSERT_EQ(0, edu_copy(&vm->edu, IOVA, BAR_IOVA + EDU_REG_LIVENESS, 4));
	EXPECT_EQ(0xa5a5a5a5, edu_reg_read(&second, EDU_REG_LIVENESS));
	EXPECT_EQ((long)second.regs_length,
		  legacy_unmap(vm, BAR_IOVA, second.regs_length));
	edu_close(&second);
	close(group);
	EXPECT_EQ(0, edu_check(&vm->edu, IOVA, self->mem, SOME_LENGTH));
}

TEST_F(container, group_of_two)
{
	struct legacy *vm = &self->vm;
	struct vfio_pci pci[2];
	struct edu edu[2];
	int group, i;

	if (edu_find_pair(pci))
		SKIP(return, "needs a group of two devices");
	ASSERT_EQ(0, legacy_map(vm, self->mem, PAGE, IOVA));
	group = vfio_group_open(pci[0].group);
	ASSERT_LE(0, group);
	ASSERT_EQ(0, vfio_group_set_container(group, vm->container));
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, edu_open_in_group(&edu[i], &pci[i], group));
		EXPECT_EQ(0, edu_check(&edu[i], IOVA, self->mem,
				       SOME_LENGTH));
	}
	edu_close(&edu[0]);
	EXPECT_EQ(0, edu_check(&edu[1], IOVA, self->mem, SOME_LENGTH));
	edu_close(&edu[1]);
	close(group);
}

TEST_F(container, group_rules)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct vfio_pci pci[2];
	int group;

	ASSERT_LE(0, null);
	EXPECT_EQ(-EBUSY, vfio_group_open(self->vm.pci.group));
	EXPECT_EQ(-EINVAL, vfio_group_set_container(self->vm.group,
						    self->vm.container));
	EXPECT_EQ(-ENODEV, vfio_group_device(self->vm.group, "0000:7f:1f.7"));

	ASSERT_EQ(2, edu_find_alone(pci, 2));
	group = vfio_group_open(pci[1].group);
	ASSERT_LE(0, group);
	EXPECT_EQ(-EINVAL, vfio_group_device(group, pci[1].bdf));
	EXPECT_EQ(-EBADF, vfio_group_set_container(group, -1));
	EXPECT_EQ(-EBADFD, vfio_group_set_container(group, null));
	ASSERT_EQ(0, vfio_group_set_container(group, self->vm.container));
	EXPECT_EQ(0, vfio_group_unset_container(group));
	EXPECT_EQ(-EINVAL, vfio_group_unset_container(group));
	close(group);
	close(null);
}

TEST_F(container, close_in_any_order)
{
	struct legacy *vm = &self->vm;

	ASSERT_EQ(0, legacy_map(vm, self->mem, PAGE, IOVA));
	close(vm->container);
	vm->container = -1;
	close(vm->group);
	vm->group = -1;
	/* The device keeps what it needs */
	EXPECT_EQ(0, edu_check(&vm->edu, IOVA, self->mem, SOME_LENGTH));
	EXPECT_EQ(vm->pinned + 1, mem_pinned());
}

/* The life of the address space -------------------------------------------- */

static int legacy_enter(struct legacy *vm, unsigned long type)
{
	vm->group = vfio_group_open(vm->pci.group);
	if (vm->group < 0)
		return vm->group;
	return vfio_group_set_container(vm->group, vm->container) ?:
	       command(vm->container, VFIO_SET_IOMMU, (void *)type);
}

static void legacy_leave(struct legacy *vm)
{
	close(vm->group);
	vm->group = -1;
}

/* What was mapped is gone with the last group: a VMM maps anew for the next device. */
TEST_F(container, map_again_after_the_last_group)
{
	struct legacy *vm = &self->vm;
	char *mem = mem_thp(MEM_HUGE);
	int i;

	ASSERT_NE(NULL, mem);
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, legacy_map(vm, mem, MEM_HUGE, IOVA));
		EXPECT_EQ(0, edu_check(&vm->edu, IOVA, mem, SOME_LENGTH));
		edu_close(&vm->edu);
		if (i == 1) {
			EXPECT_EQ(0, vfio_group_unset_container(vm->group));
		}
		legacy_leave(vm);
		EXPECT_EQ(vm->pinned, mem_wait_pinned(vm->pinned));
		/* Nothing can be done in between */
		EXPECT_GT(0, legacy_map(vm, mem, MEM_HUGE, IOVA));

		ASSERT_EQ(0, legacy_enter(vm, VFIO_TYPE1v2_IOMMU));
		ASSERT_EQ(0, edu_open_in_group(&vm->edu, &vm->pci, vm->group));
		EXPECT_EQ(vm->pinned, mem_pinned());
		EXPECT_EQ(0, edu_can_write(&vm->edu, IOVA, mem, SOME_LENGTH));
	}
}

/* The next group decides again how things are unmapped, and what is logged. */
TEST_F(container, another_type_after_the_last_group)
{
	struct legacy *vm = &self->vm;

	edu_close(&vm->edu);
	legacy_leave(vm);
	ASSERT_EQ(0, legacy_enter(vm, VFIO_TYPE1_IOMMU));
	ASSERT_EQ(0, legacy_map(vm, self->mem, 4 * PAGE, IOVA));
	/* Type1 unmaps more than it is asked for, as long as there is no device */
	EXPECT_LE((long)PAGE, legacy_unmap(vm, IOVA, PAGE));
	legacy_leave(vm);
	ASSERT_EQ(0, legacy_enter(vm, VFIO_TYPE1v2_IOMMU));
	ASSERT_EQ(0, legacy_map(vm, self->mem, 4 * PAGE, IOVA));
	EXPECT_EQ(variant->partial_unmap, legacy_unmap(vm, IOVA, PAGE));
}

/* As long as one is there everything stays. */
TEST_F(container, one_of_two_groups_leaves)
{
	struct legacy *vm = &self->vm;
	struct vfio_pci pci[2];
	struct edu second;
	int group;

	if (edu_find_alone(pci, 2) != 2)
		SKIP(return, "needs two devices in groups of their own");
	group = vfio_group_open(pci[1].group);
	ASSERT_LE(0, group);
	ASSERT_EQ(0, vfio_group_set_container(group, vm->container));
	ASSERT_EQ(0, legacy_map(vm, self->mem, PAGE, IOVA));
	edu_close(&vm->edu);
	legacy_leave(vm);
	EXPECT_EQ(-EEXIST, legacy_map(vm, self->mem, PAGE, IOVA));
	ASSERT_EQ(0, edu_open_in_group(&second, &pci[1], group));
	EXPECT_EQ(0, edu_check(&second, IOVA, self->mem, SOME_LENGTH));
	edu_close(&second);
	close(group);
}

/* The group's descriptor is closed first: the device has what it needs till its end. */
TEST_F(container, device_outlives_group)
{
	struct legacy *vm = &self->vm;

	ASSERT_EQ(0, legacy_map(vm, self->mem, PAGE, IOVA));
	legacy_leave(vm);
	EXPECT_EQ(0, edu_check(&vm->edu, IOVA, self->mem, SOME_LENGTH));
	edu_close(&vm->edu);
	EXPECT_EQ(vm->pinned, mem_wait_pinned(vm->pinned));
	ASSERT_EQ(0, legacy_enter(vm, VFIO_TYPE1v2_IOMMU));
	ASSERT_EQ(0, legacy_map(vm, self->mem, PAGE, IOVA));
	ASSERT_EQ(0, edu_open_in_group(&vm->edu, &vm->pci, vm->group));
	EXPECT_EQ(0, edu_check(&vm->edu, IOVA, self->mem, SOME_LENGTH));
}

/* Nothing is done before VFIO_SET_IOMMU, which is called once. */
TEST_F(container, set_iommu_first)
{
	struct legacy *vm = &self->vm;
	union info info;

	EXPECT_EQ(-EINVAL, command(vm->container, VFIO_SET_IOMMU,
				   (void *)VFIO_TYPE1v2_IOMMU));
	edu_close(&vm->edu);
	legacy_leave(vm);
	vm->group = vfio_group_open(vm->pci.group);
	ASSERT_LE(0, vm->group);
	ASSERT_EQ(0, vfio_group_set_container(vm->group, vm->container));
	EXPECT_EQ(-EINVAL, legacy_map(vm, self->mem, PAGE, IOVA));
	EXPECT_EQ(-EINVAL, legacy_unmap(vm, IOVA, PAGE));
	EXPECT_EQ(-EINVAL, get_info(vm->container, &info));
	ASSERT_EQ(0, command(vm->container, VFIO_SET_IOMMU,
			     (void *)VFIO_TYPE1v2_IOMMU));
	EXPECT_EQ(0, legacy_map(vm, self->mem, PAGE, IOVA));
	ASSERT_EQ(0, edu_open_in_group(&vm->edu, &vm->pci, vm->group));
	EXPECT_EQ(0, edu_check(&vm->edu, IOVA, self->mem, SOME_LENGTH));
}

TEST_F(container, not_aligned)
{
	struct legacy *vm = &self->vm;
	struct vfio_iommu_type1_dma_unmap unmap = {
		.argsz = sizeof(unmap),
		.iova = IOVA,
		.size = PAGE,
	};

	edu_close(&vm->edu);
	EXPECT_EQ(-EINVAL, legacy_map(vm, self->mem, 100, IOVA));
	EXPECT_EQ(-EINVAL, legacy_map(vm, self->mem + 100, PAGE, IOVA));
	EXPECT_EQ(-EINVAL, legacy_map(vm, self->mem, PAGE, IOVA + 100));
	ASSERT_EQ(0, legacy_map(vm, self->mem, 2 * PAGE, IOVA));
	EXPECT_EQ(-EINVAL, legacy_unmap(vm, IOVA + 100, PAGE));
	EXPECT_EQ(-EINVAL, legacy_unmap(vm, IOVA, 100));
	EXPECT_EQ(-EINVAL, legacy_unmap(vm, 4 * IOVA, UINT64_MAX));
	/* One that fails tells nothing */
	EXPECT_EQ(variant->partial_unmap,
		  command(vm->container, VFIO_IOMMU_UNMAP_DMA, &unmap));
	EXPECT_EQ(PAGE, unmap.size);
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
	CHILD_EQ(0, mem_vm_lck(0));
	CHILD_EQ(0, legacy_map(vm, mem, LIMIT_PAGES * PAGE, IOVA));
	CHILD_EQ(LIMIT_PAGES, mem_vm_lck(0));
	CHILD_EQ(-ENOMEM, legacy_map(vm, mem + LIMIT_PAGES * PAGE, PAGE,
				     BAR_IOVA));
	CHILD_EQ(LIMIT_PAGES * PAGE,
		 legacy_unmap(vm, IOVA, LIMIT_PAGES * PAGE));
	CHILD_EQ(0, mem_vm_lck(0));
}

/* Memory is charged to the process, as type1 does it. */
TEST_F(container, limit)
{
	EXPECT_EQ(0, child_run(map_up_to_the_limit, &self->vm));
	EXPECT_EQ(self->vm.pinned, mem_wait_pinned(self->vm.pinned));
}

/* /dev/iommu only -------------------------------------------------------- */

/* Both containers describe the same IOMMU in the same words. */
TEST(same_answers)
{
	static const char *const path[] = { "/dev/vfio/vfio", "/dev/iommu" };
	const struct vfio_iommu_type1_info_cap_iova_range *ranges[2];
	union info info[2];
	struct legacy vm;
	int coherent[2];
	int i;

	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, legacy_open(&vm, path[i], VFIO_TYPE1v2_IOMMU));
		ASSERT_EQ(0, get_info(vm.container, &info[i]));
		ranges[i] = find_cap(&info[i],
				     VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE);
		ASSERT_NE(NULL, ranges[i]);
		coherent[i] = command(vm.container, VFIO_CHECK_EXTENSION,
				      (void *)VFIO_DMA_CC_IOMMU);
		ASSERT_EQ(0, legacy_close(&vm));
	}
	EXPECT_EQ(coherent[0], coherent[1]);
	EXPECT_EQ(info[0].info.iova_pgsizes, info[1].info.iova_pgsizes);
	ASSERT_EQ(ranges[0]->nr_iovas, ranges[1]->nr_iovas);
	EXPECT_EQ(0, memcmp(ranges[0]->iova_ranges, ranges[1]->iova_ranges,
			    ranges[0]->nr_iovas *
			    sizeof(ranges[0]->iova_ranges[0])));
}

/*
 * Programs ask before they open a device. The answer is as good then; but where
 * type1 says that the last byte of all can be used (AMD-Vi has 64 bits), there
 * is an address behind the range here.
 */
TEST(same_answers_before_a_device)
{
	static const char *const path[] = { "/dev/vfio/vfio", "/dev/iommu" };
	struct vfio_iommu_type1_info_cap_iova_range *ranges[2];
	union info info[2];
	struct legacy vm;
	uint32_t i, last;

	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, legacy_open_container(&vm, path[i],
						   VFIO_TYPE1v2_IOMMU));
		ASSERT_EQ(0, get_info(vm.container, &info[i]));
		ranges[i] = (void *)find_cap(&info[i],
				VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE);
		ASSERT_NE(NULL, ranges[i]);
		ASSERT_EQ(0, legacy_close(&vm));
	}
	ASSERT_EQ(ranges[0]->nr_iovas, ranges[1]->nr_iovas);
	last = ranges[0]->nr_iovas - 1;
	if (ranges[0]->iova_ranges[last].end == UINT64_MAX)
		ranges[0]->iova_ranges[last].end -= PAGE;
	for (i = 0; i <= last; i++) {
		EXPECT_EQ(ranges[0]->iova_ranges[i].start,
			  ranges[1]->iova_ranges[i].start);
		EXPECT_EQ(ranges[0]->iova_ranges[i].end,
			  ranges[1]->iova_ranges[i].end);
	}
}

FIXTURE(iommufd)
{
	struct legacy vm;
	char *mem;
};

FIXTURE_SETUP(iommufd)
{
	self->mem = mem_anon(8 * PAGE);
	ASSERT_NE(NULL, self->mem);
	ASSERT_EQ(0, legacy_open(&self->vm, "/dev/iommu", VFIO_TYPE1_IOMMU));
}

FIXTURE_TEARDOWN(iommufd)
{
	EXPECT_EQ(0, legacy_close(&self->vm));
}

/* Version 1 of type1 lets mappings be taken apart. */
TEST_F(iommufd, cut)
{
	struct legacy *vm = &self->vm;
	char *mem = mem_thp(MEM_HUGE);

	ASSERT_NE(NULL, mem);
	ASSERT_EQ(0, legacy_map(vm, mem, MEM_HUGE, IOVA));
	EXPECT_EQ(2 * PAGE, legacy_unmap(vm, IOVA + PAGE, 2 * PAGE));
	EXPECT_EQ(0, edu_check(&vm->edu, IOVA, mem, SOME_LENGTH));
	EXPECT_EQ(0, edu_can_write(&vm->edu, IOVA + PAGE, mem + PAGE,
				   SOME_LENGTH));
	EXPECT_EQ(0, edu_can_write(&vm->edu, IOVA + 2 * PAGE, mem + 2 * PAGE,
				   SOME_LENGTH));
	EXPECT_EQ(0, edu_check(&vm->edu, IOVA + 3 * PAGE, mem + 3 * PAGE,
			       EDU_DMA_MAX));
	/* The hole can be used for something else */
	ASSERT_EQ(0, legacy_map(vm, self->mem, PAGE, IOVA + PAGE));
	EXPECT_EQ(0, edu_check(&vm->edu, IOVA + PAGE, self->mem, SOME_LENGTH));
	EXPECT_EQ(MEM_HUGE - PAGE, legacy_unmap(vm, IOVA, MEM_HUGE));
	EXPECT_EQ(vm->pinned, mem_wait_pinned(vm->pinned));
}

/* Old commands and new ones work on the same address space. */
TEST_F(iommufd, old_and_new_commands)
{
	struct legacy *vm = &self->vm;
	int fd = vm->container;
	uint32_t ioas = 0;

	ASSERT_EQ(0, iommu_vfio_ioas_get(fd, &ioas));
	ASSERT_EQ(0, iommu_map_fixed(fd, ioas, self->mem, PAGE, IOMMU_RW,
				     IOVA));
	EXPECT_EQ(0, edu_check(&vm->edu, IOVA, self->mem, SOME_LENGTH));
	EXPECT_EQ(-EEXIST, legacy_map(vm, self->mem, PAGE, IOVA));
	EXPECT_EQ(PAGE, legacy_unmap(vm, IOVA, PAGE));
	ASSERT_EQ(0, legacy_map(vm, self->mem, PAGE, IOVA));
	EXPECT_EQ(0, iommu_ioas_unmap(fd, ioas, IOVA, PAGE, NULL));
	EXPECT_EQ(-EBUSY, iommu_destroy(fd, ioas));
}

/* Who uses VFIO's address space by its ID keeps it; the container gets a new one. */
TEST_F(iommufd, used_by_its_id)
{
	struct legacy *vm = &self->vm;
	uint32_t ioas = 0, child, got = 0;
	int fd = vm->container;

	ASSERT_EQ(0, iommu_vfio_ioas_get(fd, &ioas));
	ASSERT_EQ(0, legacy_map(vm, self->mem, PAGE, IOVA));
	ASSERT_EQ(0, iommu_alloc_nested(fd, ioas, &child));
	edu_close(&vm->edu);
	legacy_leave(vm);
	EXPECT_EQ(-EEXIST, iommu_map_fixed(fd, ioas, self->mem, PAGE, IOMMU_RW,
					   IOVA));
	ASSERT_EQ(0, legacy_enter(vm, VFIO_TYPE1v2_IOMMU));
	ASSERT_EQ(0, iommu_vfio_ioas_get(fd, &got));
	EXPECT_NE(ioas, got);
	EXPECT_EQ(0, legacy_map(vm, self->mem, PAGE, IOVA));
	EXPECT_EQ(0, iommu_destroy(fd, child));
	EXPECT_EQ(0, iommu_destroy(fd, ioas));
}

/* An IOAS that was chosen before the group came. */
TEST(chosen_ioas)
{
	struct vfio_pci pci;
	char *mem = mem_anon(PAGE);
	struct edu edu;
	uint32_t ioas, got = 0;
	long pinned = mem_pinned();
	int fd = iommu_open(), group;

	ASSERT_LE(0, fd);
	ASSERT_NE(NULL, mem);
	ASSERT_EQ(1, edu_find_alone(&pci, 1));
	/* Nothing to set it for yet */
	EXPECT_EQ(-ENODEV, command(fd, VFIO_SET_IOMMU,
				   (void *)VFIO_TYPE1v2_IOMMU));
	ASSERT_EQ(0, iommu_ioas_alloc(fd, &ioas));
	ASSERT_EQ(0, iommu_vfio_ioas_set(fd, ioas));
	ASSERT_EQ(0, iommu_map_fixed(fd, ioas, mem, PAGE, IOMMU_RW, IOVA));
	group = vfio_group_open(pci.group);
	ASSERT_LE(0, group);
	ASSERT_EQ(0, vfio_group_set_container(group, fd));
	EXPECT_EQ(0, iommu_vfio_ioas_get(fd, &got));
	EXPECT_EQ(ioas, got);
	ASSERT_EQ(0, command(fd, VFIO_SET_IOMMU, (void *)VFIO_TYPE1v2_IOMMU));
	ASSERT_EQ(0, edu_open_in_group(&edu, &pci, group));
	EXPECT_EQ(0, edu_check(&edu, IOVA, mem, SOME_LENGTH));
	edu_close(&edu);
	close(group);
	/* It is the user's, and stays */
	EXPECT_EQ(-EEXIST, iommu_map_fixed(fd, ioas, mem, PAGE, IOMMU_RW,
					   IOVA));
	close(fd);
	EXPECT_EQ(pinned, mem_wait_pinned(pinned));
}

TEST_HARNESS_MAIN
