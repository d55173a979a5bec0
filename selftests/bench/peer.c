// SPDX-License-Identifier: GPL-2.0-only
/*
 * peer.c - the device whose BAR is mapped for another one: QEMU's pci-testdev, whose
 * BAR may be as large as one likes ("membar=").
 */
#include <err.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

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

static struct {
	int container, group, device;
} by_itself = { -1, -1, -1 };

/* Open it in a legacy container of its own, which does not care who maps its BAR. */
int peer_open_by_itself(void)
{
	struct vfio_pci peer = peer_find();

	by_itself.container = open("/dev/vfio/vfio", O_RDWR);
	by_itself.group = vfio_group_open(peer.group);
	if (by_itself.container < 0 || by_itself.group < 0 ||
	    vfio_group_set_container(by_itself.group, by_itself.container) ||
	    ioctl(by_itself.container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU))
		err(1, "container of %s", peer.bdf);
	by_itself.device = vfio_group_device(by_itself.group, peer.bdf);
	if (by_itself.device < 0)
		errx(1, "%s: %s", peer.bdf, strerror(-by_itself.device));
	return by_itself.device;
}

/* Undo that, if it has been done. */
void peer_close(void)
{
	if (by_itself.device < 0)
		return;
	close(by_itself.device);
	close(by_itself.group);
	close(by_itself.container);
	by_itself.device = -1;
}
