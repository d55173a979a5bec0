// SPDX-License-Identifier: GPL-2.0-only
#include <glob.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "iommu.h"
#include "mem.h"
#include "rig.h"

/**
 * rig_open() - open /dev/iommu and a device, and allocate an IOAS
 * @rig: filled; safe to give to rig_close() even after a failure
 *
 * Return: 0 or a negative errno; -ENODEV: no device is alone in its group.
 */
int rig_open(struct rig *rig)
{
	struct vfio_pci pci;
	int rc;

	memset(rig, 0, sizeof(*rig));
	rig->edu.fd = -1;
	rig->pinned = mem_pinned();
	rig->fd = iommu_open();
	if (rig->fd < 0)
		return rig->fd;
	if (edu_find_alone(&pci, 1) != 1)
		return -ENODEV;
	rc = edu_open(&rig->edu, &pci, rig->fd);
	if (rc)
		return rc;
	return iommu_ioas_alloc(rig->fd, &rig->ioas);
}

/**
 * rig_close() - close everything, the device first
 * @rig: from rig_open()
 *
 * Return: how many pages are pinned that were not before rig_open().
 */
long rig_close(struct rig *rig)
{
	edu_close(&rig->edu);
	if (rig->fd >= 0)
		close(rig->fd);
	rig->fd = -1;
	return mem_wait_pinned(rig->pinned) - rig->pinned;
}

/* Attach the device to the IOAS. */
int rig_attach(struct rig *rig)
{
	return vfio_attach(rig->edu.fd, rig->ioas, NULL);
}

/* Map memory into the IOAS, to be read and written. */
int rig_map(struct rig *rig, void *va, size_t size, uint64_t iova)
{
	return iommu_map_fixed(rig->fd, rig->ioas, va, size, IOMMU_RW, iova);
}

/* Unmap exactly that much from the IOAS. */
int rig_unmap(struct rig *rig, uint64_t iova, size_t size)
{
	uint64_t unmapped = 0;
	int rc;

	rc = iommu_ioas_unmap(rig->fd, rig->ioas, iova, size, &unmapped);
	if (rc)
		return rc;
	return unmapped == size ? 0 : -EIO;
}

/**
 * rig_try() - does all of it work?
 *
 * Opens everything, does DMA both ways, and closes everything.
 *
 * Return: 0; -EBUSY when pages are left pinned; or another negative errno.
 */
int rig_try(void)
{
	const uint64_t iova = 0x40000000;
	const size_t length = 256;
	char *mem = mem_anon(mem_page());
	struct rig rig;
	int rc;

	rc = rig_open(&rig);
	if (!rc)
		rc = rig_attach(&rig);
	if (!rc)
		rc = rig_map(&rig, mem, mem_page(), iova);
	if (!rc)
		rc = edu_check(&rig.edu, iova, mem, length);
	if (rig_close(&rig))
		rc = -EBUSY;
	mem_free(mem, mem_page());
	return rc;
}

/**
 * rig_fills_ahead() - can page tables be filled before a device is attached?
 *
 * virtio-iommu's driver learns only by attaching what a page table can do. Without it
 * there is no HWPT_ALLOC of an IOAS that has something mapped, and a device cannot go
 * from one to another without a gap.
 */
bool rig_fills_ahead(void)
{
	glob_t found;
	int rc;

	/* The driver is there in any case where it is built in. */
	rc = glob("/sys/bus/virtio/drivers/virtio_iommu/virtio[0-9]*", 0, NULL,
		  &found);
	if (!rc)
		globfree(&found);
	return rc;
}

/**
 * rig_move() - attach a device that is attached already to something else
 * @device: its VFIO fd
 * @pt: an IOAS or a HWPT
 *
 * With a gap in which its DMA is blocked where there is no other way.
 *
 * Return: 0 or a negative errno.
 */
int rig_move(int device, uint32_t pt)
{
	int rc = rig_fills_ahead() ? 0 : vfio_detach(device);

	return rc ?: vfio_attach(device, pt, NULL);
}
