// SPDX-License-Identifier: GPL-2.0-only
/*
 * Legacy programs: several groups in one container, and how long its address space
 * lives.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "legacy.h"

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

TEST_HARNESS_MAIN
