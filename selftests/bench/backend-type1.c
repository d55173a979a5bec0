// SPDX-License-Identifier: GPL-2.0-only
/* backend-type1.c - the legacy VFIO container with its type1 driver. */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "../lib/vfio.h"
#include "backend.h"
#include "deed.h"
#include "edu-alone.h"
#include "memory.h"
#include "peer.h"

static int container, group, device;

static void type1_open(void)
{
	struct vfio_pci edu = edu_alone();

	container = open("/dev/vfio/vfio", O_RDWR);
	if (container < 0)
		err(1, "/dev/vfio/vfio");
	group = vfio_group_open(edu.group);
	if (group < 0)
		errx(1, "group of %s: %s", edu.bdf, strerror(-group));
	if (vfio_group_set_container(group, container) ||
	    ioctl(container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU))
		err(1, "container of %s", edu.bdf);
	device = vfio_group_device(group, edu.bdf);
	if (device < 0)
		errx(1, "%s: %s", edu.bdf, strerror(-device));
}

static int type1_map(const struct range *range)
{
	return vfio_dma_map(container, range->addr, range->length, range->iova,
			    VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE);
}

static int type1_unmap(const struct range *range)
{
	return vfio_dma_unmap(container, range->iova, range->length, 0, NULL);
}

static int type1_unmap_all(void)
{
	return vfio_dma_unmap(container, 0, 0, VFIO_DMA_UNMAP_FLAG_ALL, NULL);
}

static void type1_close(void)
{
	close(device);
	close(group);
	close(container);
}

static struct range all_memory;
static int second;

/* The rows of BARs, which have the peer in a container of its own, are over. */
static int second_prepare(const struct range *all)
{
	struct vfio_pci peer = peer_find();

	peer_close();
	second = vfio_group_open(peer.group);
	if (second < 0)
		errx(1, "group of %s: %s", peer.bdf, strerror(-second));
	all_memory = *all;
	return type1_map(all);
}

static int second_attach(const struct range *range)
{
	(void)range;
	return vfio_group_set_container(second, container);
}

static int second_detach(const struct range *range)
{
	(void)range;
	return vfio_group_unset_container(second);
}

static void second_finish(void)
{
	type1_unmap(&all_memory);
	close(second);
}

static const struct deed second_group = {
	.prepare = second_prepare,
	.run = second_attach,
	.undo = second_detach,
	.finish = second_finish,
};

/*
 * Which pages are dirty: all that are pinned for a device, since the IOMMU is not asked.
 * So both readings are the same.
 */
static uint64_t *bitmap;

static int track(uint32_t flags)
{
	struct vfio_iommu_type1_dirty_bitmap dirty = {
		.argsz = sizeof(dirty),
		.flags = flags,
	};

	return ioctl(container, VFIO_IOMMU_DIRTY_PAGES, &dirty) ? -errno : 0;
}

static int dirty_prepare(const struct range *all)
{
	all_memory = *all;
	bitmap = memory_bitmap(all->length);
	return type1_map(all) ?: track(VFIO_IOMMU_DIRTY_PAGES_FLAG_START);
}

static int read_dirty(const struct range *range)
{
	struct {
		struct vfio_iommu_type1_dirty_bitmap dirty;
		struct vfio_iommu_type1_dirty_bitmap_get get;
	} cmd = {
		.dirty.argsz = sizeof(cmd),
		.dirty.flags = VFIO_IOMMU_DIRTY_PAGES_FLAG_GET_BITMAP,
		.get.iova = all_memory.iova,
		.get.size = range->length,
		.get.bitmap.pgsize = 4096,
		.get.bitmap.size = range->length / 4096 / 8,
		.get.bitmap.data = (void *)bitmap,
	};

	return ioctl(container, VFIO_IOMMU_DIRTY_PAGES, &cmd) ? -errno : 0;
}

static void dirty_finish(void)
{
	size_t length = all_memory.length;

	if (memory_bitmap_count(bitmap, length) != length / 4096)
		errx(1, "type1 knows of pages that are not dirty");
	memory_bitmap_free(bitmap, length);
	track(VFIO_IOMMU_DIRTY_PAGES_FLAG_STOP);
	type1_unmap(&all_memory);
}

static const struct deed dirty = {
	.prepare = dirty_prepare,
	.run = read_dirty,
	.undo = read_dirty,
	.finish = dirty_finish,
};

static const struct deed *const deeds[NR_DEEDS] = {
	[SECOND_DEVICE] = &second_group,
	[DIRTY] = &dirty,
};

const struct backend backend_type1 = {
	.name = "type1",
	.open = type1_open,
	.open_peer = peer_open_by_itself,
	.map = type1_map,
	.unmap = type1_unmap,
	.unmap_all = type1_unmap_all,
	.close = type1_close,
	.deeds = deeds,
};
