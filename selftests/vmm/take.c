// SPDX-License-Identifier: GPL-2.0-only
/*
 * What an administrator does before such programs run.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "take.h"

/* VFIO_MINOR of linux/miscdevice.h, which user space does not have */
#define MISC_MAJOR	10
#define VFIO_MINOR	196

static int put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);
	ssize_t n = -1;

	if (fd >= 0) {
		n = write(fd, text, strlen(text));
		close(fd);
	}
	return n < 0 ? -errno : 0;
}

/**
 * take() - give devices of one kind to vfio-pci
 * @vendor: PCI vendor
 * @device: PCI device
 * @taken: filled with the devices, as vfio_find() does
 * @count: how many there must be
 *
 * Return: 0 or a negative errno.
 */
int take(uint16_t vendor, uint16_t device, struct vfio_pci *taken, int count)
{
	char path[128];
	int i, rc;

	if (vfio_find(vendor, device, taken, count) != count)
		return -ENODEV;
	for (i = 0; i < count; i++) {
		if (taken[i].cdev >= 0)
			continue;
		snprintf(path, sizeof(path),
			 "/sys/bus/pci/devices/%s/driver_override",
			 taken[i].bdf);
		rc = put(path, "vfio-pci");
		if (!rc)
			rc = put("/sys/bus/pci/drivers_probe", taken[i].bdf);
		if (rc)
			return rc;
	}
	return vfio_find(vendor, device, taken, count) == count ? 0 : -ENODEV;
}

/**
 * give_container() - make /dev/vfio/vfio a link
 * @target: to this; NULL: VFIO's own container again
 *
 * Return: 0 or a negative errno.
 */
int give_container(const char *target)
{
	const char *path = "/dev/vfio/vfio";

	if (unlink(path))
		return -errno;
	if (target ? symlink(target, path) :
	    mknod(path, S_IFCHR | 0666, makedev(MISC_MAJOR, VFIO_MINOR)))
		return -errno;
	return 0;
}
