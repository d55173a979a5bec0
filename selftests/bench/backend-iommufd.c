// SPDX-License-Identifier: GPL-2.0-only
/* backend-iommufd.c - /dev/iommu, whoever implements it. */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/iommufd.h>
#include <string.h>
#include <sys/ioctl.h>

#include "../lib/vfio.h"
#include "backend.h"
#include "edu-alone.h"
#include "linux/ioasid.h"

#define MAP_FLAGS (IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_READABLE | \
		   IOMMU_IOAS_MAP_WRITEABLE)

static int iommufd;
static __u32 ioas_id;

static void iommufd_open(void)
{
	struct iommu_ioas_alloc alloc = { .size = sizeof(alloc) };
	struct vfio_pci edu = edu_alone();
	int device, rc;

	iommufd = open("/dev/iommu", O_RDWR);
	if (iommufd < 0 || ioctl(iommufd, IOMMU_IOAS_ALLOC, &alloc))
		err(1, "/dev/iommu");
	ioas_id = alloc.out_ioas_id;
	device = vfio_cdev_open(&edu);
	if (device < 0)
		errx(1, "cdev of %s: %s", edu.bdf, strerror(-device));
	rc = vfio_bind(device, iommufd, NULL);
	if (!rc)
		rc = vfio_attach(device, ioas_id, NULL);
	if (rc)
		errx(1, "attach %s: %s", edu.bdf, strerror(-rc));
}

static int iommufd_map(const struct range *range)
{
	struct iommu_ioas_map map = {
		.size = sizeof(map),
		.flags = MAP_FLAGS,
		.ioas_id = ioas_id,
		.user_va = (uintptr_t)range->addr,
		.length = range->length,
		.iova = range->iova,
	};

	return ioctl(iommufd, IOMMU_IOAS_MAP, &map) ? -errno : 0;
}

static int iommufd_map_file(const struct range *range)
{
	struct iommu_ioas_map_file map = {
		.size = sizeof(map),
		.flags = MAP_FLAGS,
		.ioas_id = ioas_id,
		.fd = range->fd,
		.start = range->offset,
		.length = range->length,
		.iova = range->iova,
	};

	return ioctl(iommufd, IOMMU_IOAS_MAP_FILE, &map) ? -errno : 0;
}

static int iommufd_unmap(const struct range *range)
{
	struct iommu_ioas_unmap unmap = {
		.size = sizeof(unmap),
		.ioas_id = ioas_id,
		.iova = range->iova,
		.length = range->length,
	};

	return ioctl(iommufd, IOMMU_IOAS_UNMAP, &unmap) ? -errno : 0;
}

const struct backend backend_iommufd = {
	.name = "iommufd",
	.open = iommufd_open,
	.map = iommufd_map,
	.map_file = iommufd_map_file,
	.unmap = iommufd_unmap,
};
