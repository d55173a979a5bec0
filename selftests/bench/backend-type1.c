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
#include "edu-alone.h"
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

const struct backend backend_type1 = {
	.name = "type1",
	.open = type1_open,
	.open_peer = peer_open_by_itself,
	.map = type1_map,
	.unmap = type1_unmap,
	.unmap_all = type1_unmap_all,
	.close = type1_close,
};
