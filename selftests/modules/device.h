/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The device that a module is told by a parameter, for modules that do to it what no
 * program can.
 */
#ifndef SELFTESTS_MODULES_DEVICE_H
#define SELFTESTS_MODULES_DEVICE_H

#include <linux/err.h>
#include <linux/iommu.h>
#include <linux/module.h>

static char *device;
module_param(device, charp, 0444);
MODULE_PARM_DESC(device, "the device, by its name on the bus");

static struct device *dev;

/*
 * Looks @device up: the module has a reference of @dev then, and returns the device's
 * group, with a reference of its own, or an errno, with none.
 */
static inline struct iommu_group *get_device_and_group(const struct bus_type *bus)
{
	struct iommu_group *group;

	if (!device)
		return ERR_PTR(-EINVAL);
	dev = bus_find_device_by_name(bus, NULL, device);
	if (!dev)
		return ERR_PTR(-ENODEV);
	group = iommu_group_get(dev);
	if (group)
		return group;
	put_device(dev);
	return ERR_PTR(-ENODEV);
}

#endif
