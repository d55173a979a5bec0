// SPDX-License-Identifier: GPL-2.0-only
/*
 * Legacy programs: the same answers of both containers, to the letter; and what only
 * /dev/iommu can do, as new commands on the IOAS of a legacy program.
 */
#define _GNU_SOURCE
#include <string.h>
#include <unistd.h>

#include "iommu.h"
#include "legacy.h"

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
