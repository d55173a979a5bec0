/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A portal as a VFIO user sees it: regions and interrupts.
 */
#ifndef IOSIM_FRONT_H
#define IOSIM_FRONT_H

#include <linux/vfio.h>

#include "portal.h"

struct eventfd_ctx;

#define FRONT_NR_IRQS	2

/**
 * struct front - a device or sub-device, as VFIO has it
 * @vdev: must be first
 * @portal: its portal
 * @lock: over @eventfd
 * @eventfd: what to signal on an interrupt, or NULL
 */
struct front {
	struct vfio_device vdev;
	struct portal portal;
	spinlock_t lock;
	struct eventfd_ctx *eventfd[FRONT_NR_IRQS];
};

void front_init(struct front *front);
void front_interrupt(struct portal *portal);

/* Of struct vfio_device_ops. */
int front_open_device(struct vfio_device *vdev);
void front_close_device(struct vfio_device *vdev);
ssize_t front_read(struct vfio_device *vdev, char __user *buffer, size_t count,
		   loff_t *pos);
ssize_t front_write(struct vfio_device *vdev, const char __user *buffer,
		    size_t count, loff_t *pos);
int front_region_info(struct vfio_device *vdev, struct vfio_region_info *info,
		      struct vfio_info_cap *caps);
long front_ioctl(struct vfio_device *vdev, unsigned int cmd, unsigned long arg);
int front_mmap(struct vfio_device *vdev, struct vm_area_struct *vma);
void front_request(struct vfio_device *vdev, unsigned int count);

#endif
