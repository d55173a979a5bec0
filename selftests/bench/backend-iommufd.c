// SPDX-License-Identifier: GPL-2.0-only
/* backend-iommufd.c - /dev/iommu, whoever implements it. */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/iommufd.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "../lib/iommu.h"
#include "../lib/vfio.h"
#include "backend.h"
#include "deed.h"
#include "edu-alone.h"
#include "iommufd.h"
#include "linux/ioasid.h"
#include "peer.h"

#define MAP_FLAGS (IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_READABLE | \
		   IOMMU_IOAS_MAP_WRITEABLE)

struct iommufd iommufd;

static void iommufd_open(void)
{
	struct iommu_ioas_alloc alloc = { .size = sizeof(alloc) };
	struct vfio_pci edu = edu_alone();
	int rc;

	iommufd.fd = open("/dev/iommu", O_RDWR);
	if (iommufd.fd < 0 || ioctl(iommufd.fd, IOMMU_IOAS_ALLOC, &alloc))
		err(1, "/dev/iommu");
	iommufd.ioas = alloc.out_ioas_id;
	iommufd.device = vfio_cdev_open(&edu);
	if (iommufd.device < 0)
		errx(1, "cdev of %s: %s", edu.bdf, strerror(-iommufd.device));
	rc = vfio_bind(iommufd.device, iommufd.fd, &iommufd.dev_id);
	if (rc)
		errx(1, "bind %s: %s", edu.bdf, strerror(-rc));
	iommufd_attach(iommufd.ioas);
}

/* Bound to the same descriptor, by the first who needs it. */
int iommufd_open_peer(void)
{
	static int fd = -1;
	struct vfio_pci peer;
	int rc;

	if (fd >= 0)
		return fd;
	peer = peer_find();
	fd = vfio_cdev_open(&peer);
	rc = fd < 0 ? fd : vfio_bind(fd, iommufd.fd, NULL);
	if (rc)
		errx(1, "bind %s: %s", peer.bdf, strerror(-rc));
	return fd;
}

int iommufd_map_in(uint32_t ioas, const struct range *all)
{
	return iommu_map_fixed(iommufd.fd, ioas, all->addr, all->length,
			       IOMMU_RW, all->iova);
}

static void must(int rc, const char *what)
{
	if (rc)
		errx(1, "%s: %s", what, strerror(-rc));
}

void iommufd_unmap_in(uint32_t ioas, const struct range *all)
{
	must(iommu_ioas_unmap(iommufd.fd, ioas, all->iova, all->length, NULL),
	     "unmap");
}

void iommufd_destroy(uint32_t id)
{
	must(iommu_destroy(iommufd.fd, id), "destroy");
}

void iommufd_attach(uint32_t pt)
{
	must(vfio_attach(iommufd.device, pt, NULL), "attach");
}

static int iommufd_map(const struct range *range)
{
	struct iommu_ioas_map map = {
		.size = sizeof(map),
		.flags = MAP_FLAGS,
		.ioas_id = iommufd.ioas,
		.user_va = (uintptr_t)range->addr,
		.length = range->length,
		.iova = range->iova,
	};

	return ioctl(iommufd.fd, IOMMU_IOAS_MAP, &map) ? -errno : 0;
}

static int iommufd_map_file(const struct range *range)
{
	struct iommu_ioas_map_file map = {
		.size = sizeof(map),
		.flags = MAP_FLAGS,
		.ioas_id = iommufd.ioas,
		.fd = range->fd,
		.start = range->offset,
		.length = range->length,
		.iova = range->iova,
	};

	return ioctl(iommufd.fd, IOMMU_IOAS_MAP_FILE, &map) ? -errno : 0;
}

static int iommufd_unmap(const struct range *range)
{
	struct iommu_ioas_unmap unmap = {
		.size = sizeof(unmap),
		.ioas_id = iommufd.ioas,
		.iova = range->iova,
		.length = range->length,
	};

	return ioctl(iommufd.fd, IOMMU_IOAS_UNMAP, &unmap) ? -errno : 0;
}

static int iommufd_unmap_all(void)
{
	struct iommu_ioas_unmap unmap = {
		.size = sizeof(unmap),
		.ioas_id = iommufd.ioas,
		.length = UINT64_MAX,
	};

	return ioctl(iommufd.fd, IOMMU_IOAS_UNMAP, &unmap) ? -errno : 0;
}

static void iommufd_close(void)
{
	close(iommufd.device);
	close(iommufd.fd);
}

static struct ioasid_batch_entry map_entries[BATCH], unmap_entries[BATCH];
static struct ioasid_batch map_batch, unmap_batch;

static void iommufd_batch_prepare(const struct range *ranges, unsigned int nr)
{
	unsigned int i;

	map_batch = (struct ioasid_batch){
		.size = sizeof(map_batch),
		.ioas_id = iommufd.ioas,
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
	return ioctl(iommufd.fd, IOASID_MAP_BATCH, &map_batch) ? -errno : 0;
}

static int iommufd_batch_unmap(void)
{
	return ioctl(iommufd.fd, IOASID_UNMAP_BATCH, &unmap_batch) ? -errno : 0;
}

static const struct deed *const deeds[NR_DEEDS] = {
	[NEST] = &deed_nest,
	[COPY] = &deed_copy,
	[PIN] = &deed_pin,
	[PIN_SHARED] = &deed_pin_shared,
	[RW] = &deed_rw,
	[RW_SHARED] = &deed_rw_shared,
	[SECOND_DEVICE] = &deed_second_device,
	[SECOND_TABLE] = &deed_second_table,
	[SECOND_IOMMU] = &deed_second_iommu,
	[REPLACE] = &deed_replace,
	[REPLACE_TABLE] = &deed_replace_table,
	[DIRTY] = &deed_dirty,
};

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
	.deeds = deeds,
};
