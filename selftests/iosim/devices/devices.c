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
 *
 *	pci/ has functions of PCI, with the same engine:
 *
 *	attributes	what they are like: a directory in configfs
 *	shape		the same as a structure
 *	space, caps	configuration space, and what is in it
 *	memory, donor	what their BARs are made of, and where that is from
 *	controller	interrupts
 *	message		MSI and MSI-X
 *	route		what becomes of its requests before the IOMMU
 *	function	a function: an engine or a port
 *	host		the PCI domain that they are in
 */
#include <linux/ioasid_kernel.h>
#include <linux/mdev.h>
#include <linux/module.h>
#include <linux/platform_device.h>

#include "../pci/donor.h"
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
	rc = donor_setup();
	if (rc)
		goto err_parent;
	rc = config_setup();
	if (rc)
		goto err_donor;
	return 0;

err_donor:
	donor_cleanup();
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
	donor_cleanup();
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
