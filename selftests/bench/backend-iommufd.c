// SPDX-License-Identifier: GPL-2.0-only
/* backend-iommufd.c - /dev/iommu, whoever implements it. */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/iommufd.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "../lib/vfio.h"
#include "backend.h"
#include "edu-alone.h"
#include "linux/ioasid.h"
#include "peer.h"

#define MAP_FLAGS (IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_READABLE | \
		   IOMMU_IOAS_MAP_WRITEABLE)

static int iommufd, device;
static __u32 ioas_id;

static void iommufd_open(void)
{
	struct iommu_ioas_alloc alloc = { .size = sizeof(alloc) };
	struct vfio_pci edu = edu_alone();
	int rc;

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

/* Bound to the same descriptor. */
static int iommufd_open_peer(void)
{
	struct vfio_pci peer = peer_find();
	int fd = vfio_cdev_open(&peer);
	int rc = fd < 0 ? fd : vfio_bind(fd, iommufd, NULL);

	if (rc)
		errx(1, "bind %s: %s", peer.bdf, strerror(-rc));
	return fd;
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

static int iommufd_unmap_all(void)
{
	struct iommu_ioas_unmap unmap = {
		.size = sizeof(unmap),
		.ioas_id = ioas_id,
		.length = UINT64_MAX,
	};

	return ioctl(iommufd, IOMMU_IOAS_UNMAP, &unmap) ? -errno : 0;
}

static void iommufd_close(void)
{
	close(device);
	close(iommufd);
}

static struct ioasid_batch_entry map_entries[BATCH], unmap_entries[BATCH];
static struct ioasid_batch map_batch, unmap_batch;

static void iommufd_batch_prepare(const struct range *ranges, unsigned int nr)
{
	unsigned int i;

	map_batch = (struct ioasid_batch){
		.size = sizeof(map_batch),
		.ioas_id = ioas_id,
		.nr = nr,
		.entries = (uintptr_t)map_entries,
	};
	unmap_batch = map_batch;
	unmap_batch.entries = (uintptr_t)unmap_entries;
	for (i = 0; i < nr; i++) {
		map_entries[i] = (struct ioasid_batch_entry){
			.src = (uintptr_t)ranges[i].addr,
			.iova = ranges[i].iova,
			.length = ranges[i].length,
			.flags = MAP_FLAGS,
		};
		unmap_entries[i] = (struct ioasid_batch_entry){
			.iova = ranges[i].iova,
			.length = ranges[i].length,
		};
	}
}

static int iommufd_batch_map(void)
{
	return ioctl(iommufd, IOASID_MAP_BATCH, &map_batch) ? -errno : 0;
}

static int iommufd_batch_unmap(void)
{
	return ioctl(iommufd, IOASID_UNMAP_BATCH, &unmap_batch) ? -errno : 0;
}

static struct ioasid_alloc_nested child;
static struct range parent;

static int iommufd_nested_map(const struct range *range)
{
	struct iommu_ioas_map map = {
		.size = sizeof(map),
		.flags = MAP_FLAGS,
		.ioas_id = child.out_ioas_id,
		.user_va = parent.iova + range->offset,
		.length = range->length,
		.iova = range->iova,
	};

	return ioctl(iommufd, IOMMU_IOAS_MAP, &map) ? -errno : 0;
}

static int iommufd_nested_unmap(const struct range *range)
{
	struct iommu_ioas_unmap unmap = {
		.size = sizeof(unmap),
		.ioas_id = child.out_ioas_id,
		.iova = range->iova,
		.length = range->length,
	};

	return ioctl(iommufd, IOMMU_IOAS_UNMAP, &unmap) ? -errno : 0;
}

/* A page that stays mapped in the child, where @parent is in the parent. */
static struct range first_page(void)
{
	struct range page = parent;

	page.length = 4096;
	return page;
}

/*
 * The parent's IOVAs are those of the range; the child has the device. One page
 * stays mapped in it, as it would in use: the parent's memory stays pinned.
 */
static int iommufd_nest(const struct range *range)
{
	struct range page;
	int rc = iommufd_map(range);

	if (rc)
		return rc;
	parent = *range;
	child = (struct ioasid_alloc_nested){
		.size = sizeof(child),
		.parent_ioas_id = ioas_id,
	};
	if (ioctl(iommufd, IOASID_ALLOC_NESTED, &child)) {
		rc = -errno;
		iommufd_unmap(range);
		return rc;
	}
	rc = vfio_attach(device, child.out_ioas_id, NULL);
	page = first_page();
	return rc ? rc : iommufd_nested_map(&page);
}

static void iommufd_unnest(void)
{
	struct iommu_destroy destroy = {
		.size = sizeof(destroy),
		.id = child.out_ioas_id,
	};
	struct range page = first_page();

	iommufd_nested_unmap(&page);
	if (vfio_attach(device, ioas_id, NULL) ||
	    ioctl(iommufd, IOMMU_DESTROY, &destroy))
		err(1, "nested IOAS");
	iommufd_unmap(&parent);
}

const struct backend backend_iommufd = {
	.name = "iommufd",
	.open = iommufd_open,
	.open_peer = iommufd_open_peer,
	.map = iommufd_map,
	.map_file = iommufd_map_file,
	.unmap = iommufd_unmap,
	.unmap_all = iommufd_unmap_all,
	.close = iommufd_close,
	.batch_prepare = iommufd_batch_prepare,
	.batch_map = iommufd_batch_map,
	.batch_unmap = iommufd_batch_unmap,
	.nest = iommufd_nest,
	.nested_map = iommufd_nested_map,
	.nested_unmap = iommufd_nested_unmap,
	.unnest = iommufd_unnest,
};
