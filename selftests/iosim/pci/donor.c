// SPDX-License-Identifier: GPL-2.0-only
/*
 * The device that lends its memory to the BARs of simulated functions. The domain is there
 * as long as it is.
 *
 * It is any device whose BAR 2 is nothing but memory, such as QEMU's ivshmem-plain, and
 * that has been told so: its driver_override is the name of this driver.
 */
#include <linux/pci.h>

#include "donor.h"
#include "host.h"
#include "memory.h"

#define BAR	2

/* One is enough, and there is one host bridge. */
static atomic_t taken;

static int donor_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	int rc;

	if (pci_resource_len(pdev, BAR) < SZ_1M)
		return -ENODEV;
	if (atomic_cmpxchg(&taken, 0, 1))
		return -EBUSY;
	rc = pci_enable_device_mem(pdev);
	if (rc)
		goto err_taken;
	rc = memory_open(&pdev->resource[BAR]);
	if (rc)
		goto err_disable;
	rc = host_open();
	if (rc)
		goto err_close;
	return 0;

err_close:
	memory_close();
err_disable:
	pci_disable_device(pdev);
err_taken:
	atomic_set(&taken, 0);
	return rc;
}

/* Waits until nobody uses its memory. */
static void donor_remove(struct pci_dev *pdev)
{
	host_close();
	memory_close();
	pci_disable_device(pdev);
	atomic_set(&taken, 0);
}

static const struct pci_device_id donor_ids[] = {
	{
		.vendor = PCI_ANY_ID,
		.device = PCI_ANY_ID,
		.subvendor = PCI_ANY_ID,
		.subdevice = PCI_ANY_ID,
		.override_only = 1,
	},
	{ }
};

static struct pci_driver donor = {
	.name = "iosim-memory",
	.id_table = donor_ids,
	.probe = donor_probe,
	.remove = donor_remove,
};

/**
 * donor_setup - look for memory
 *
 * Return: 0, also if there is none, or an error.
 */
int donor_setup(void)
{
	int rc = host_setup();

	if (rc)
		return rc;
	rc = pci_register_driver(&donor);
	if (rc)
		host_cleanup();
	return rc;
}

/**
 * donor_cleanup - undo donor_setup()
 */
void donor_cleanup(void)
{
	pci_unregister_driver(&donor);
	host_cleanup();
}
