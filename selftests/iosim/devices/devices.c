// SPDX-License-Identifier: GPL-2.0-only
/*
 * iosim-devices.ko: devices behind the simulated IOMMU of iosim.ko. iosim.h
 * describes them.
 *
 *	config		/sys/kernel/config/iosim: what devices there are
 *	unit		a device, as a piece of hardware
 *	engine, queue	DMA, and descriptors that wait for it
 *	portal		registers, submission
 *	front		regions and interrupts, for VFIO
 *	vfio		whole devices, driven through VFIO
 *	parent		devices that a kernel driver drives, with
 *	subdevice	sub-devices, driven through VFIO
 */
#include <linux/ioasid_kernel.h>
#include <linux/mdev.h>
#include <linux/module.h>
#include <linux/platform_device.h>

#include "devices.h"

static int __init devices_init(void)
{
	int rc;

	rc = platform_driver_register(&devices_vfio_driver);
	if (rc)
		return rc;
	rc = mdev_register_driver(&devices_subdevice_driver);
	if (rc)
		goto err_vfio;
	rc = platform_driver_register(&devices_parent_driver);
	if (rc)
		goto err_subdevice;
	rc = config_setup();
	if (rc)
		goto err_parent;
	return 0;

err_parent:
	platform_driver_unregister(&devices_parent_driver);
err_subdevice:
	mdev_unregister_driver(&devices_subdevice_driver);
err_vfio:
	platform_driver_unregister(&devices_vfio_driver);
	return rc;
}

static void __exit devices_exit(void)
{
	config_cleanup();
	platform_driver_unregister(&devices_parent_driver);
	mdev_unregister_driver(&devices_subdevice_driver);
	platform_driver_unregister(&devices_vfio_driver);
}

module_init(devices_init);
module_exit(devices_exit);
MODULE_DESCRIPTION("Simulated devices behind the simulated IOMMU iosim");
MODULE_LICENSE("GPL");
MODULE_VERSION(IOMMUFD_VERSION);
MODULE_IMPORT_NS("IOMMUFD");
