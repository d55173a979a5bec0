// SPDX-License-Identifier: GPL-2.0-only
/*
 * peer.c - the device whose BAR is mapped for another one: QEMU's pci-testdev, whose
 * BAR may be as large as one likes ("membar=").
 */
#include <err.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>

#include "peer.h"

/* Find it, and have vfio-pci drive it; ends the program if there is none. */
struct vfio_pci peer_find(void)
{
	struct vfio_pci peer;
	int rc;

	if (vfio_find(0x1b36, 0x0005, &peer, 1) < 1)
		errx(1, "no pci-testdev");
	rc = vfio_take(&peer);
	if (rc)
		errx(1, "vfio-pci does not take %s: %s", peer.bdf, strerror(-rc));
	return peer;
}

/* Open it in a legacy container of its own, which does not care who maps its BAR. */
int peer_open_by_itself(void)
{
	struct vfio_pci peer = peer_find();
	int container = open("/dev/vfio/vfio", O_RDWR);
	int group = vfio_group_open(peer.group);
	int device;

	if (container < 0 || group < 0 ||
	    vfio_group_set_container(group, container) ||
	    ioctl(container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU))
		err(1, "container of %s", peer.bdf);
	device = vfio_group_device(group, peer.bdf);
	if (device < 0)
		errx(1, "%s: %s", peer.bdf, strerror(-device));
	return device;
}
