/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A program that knows only the VFIO container and groups, once with type1's
 * container (/dev/vfio/vfio) and once with /dev/iommu in its place. It must
 * get the same results; what differs on purpose is in struct variant.
 */
#ifndef SELFTESTS_LEGACY_H
#define SELFTESTS_LEGACY_H

#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "edu.h"
#include "mem.h"

#define PAGE 4096UL
#define IOVA 0x40000000UL
#define BAR_IOVA 0x80000000UL
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

static inline int command(int fd, unsigned long nr, void *arg)
{
	int rc = ioctl(fd, nr, arg);

	return rc < 0 ? -errno : rc;
}

/* Everything but the device itself. */
static inline int legacy_open_container(struct legacy *vm, const char *path,
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

static inline int legacy_open(struct legacy *vm, const char *path,
			      unsigned long type)
{
	int rc = legacy_open_container(vm, path, type);

	return rc ?: edu_open_in_group(&vm->edu, &vm->pci, vm->group);
}

static inline long legacy_close(struct legacy *vm)
{
	edu_close(&vm->edu);
	if (vm->group >= 0)
		close(vm->group);
	if (vm->container >= 0)
		close(vm->container);
	return mem_wait_pinned(vm->pinned) - vm->pinned;
}

static inline int legacy_map(struct legacy *vm, void *va, size_t length,
			     uint64_t iova)
{
	return vfio_dma_map(vm->container, va, length, iova, RW);
}

/* Returns the bytes that were unmapped, or a negative errno. */
static inline long legacy_unmap(struct legacy *vm, uint64_t iova, size_t length)
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
	/* As it has always been */
	int partial_unmap;
};

FIXTURE_VARIANT_ADD(container, type1) {
	.path = "/dev/vfio/vfio",
	.partial_unmap = -EINVAL,
};

FIXTURE_VARIANT_ADD(container, iommufd) {
	.path = "/dev/iommu",
	.partial_unmap = -ENOENT,
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

union info {
	struct vfio_iommu_type1_info info;
	char bytes[4096];
};

static inline int get_info(int container, union info *info)
{
	memset(info, 0, sizeof(*info));
	info->info.argsz = sizeof(*info);
	return command(container, VFIO_IOMMU_GET_INFO, info);
}

static inline const void *find_cap(const union info *info, uint16_t id)
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

static inline int legacy_enter(struct legacy *vm, unsigned long type)
{
	vm->group = vfio_group_open(vm->pci.group);
	if (vm->group < 0)
		return vm->group;
	return vfio_group_set_container(vm->group, vm->container) ?:
	       command(vm->container, VFIO_SET_IOMMU, (void *)type);
}

static inline void legacy_leave(struct legacy *vm)
{
	close(vm->group);
	vm->group = -1;
}

#endif
