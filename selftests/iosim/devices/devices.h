/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The parts of iosim-devices.ko that are brought up one after the other.
 */
#ifndef IOSIM_DEVICES_H
#define IOSIM_DEVICES_H

#define DEVICES_VFIO_DRIVER	"iosim-vfio"
/* The types of its sub-devices have names that begin with the driver's. */
#define DEVICES_PARENT_DRIVER	"iosim"

extern struct platform_driver devices_vfio_driver;
extern struct platform_driver devices_parent_driver;
extern struct mdev_driver devices_subdevice_driver;

int config_setup(void);
void config_cleanup(void);

#endif
