// SPDX-License-Identifier: GPL-2.0-only
/*
 * Endpoints that are functions of PCI.
 *
 * The device is made by the kernel when it finds the function on its bus. Somebody who
 * sees it before the IOMMU core does, see host.c, tells the core by iosim_pci_describe()
 * which IOMMU it is behind. It may be removed and found again while the function stays.
 *
 * As drivers of real IOMMUs do, this one enables PASIDs and ATS when it gets a device,
 * and page requests when somebody is there to answer them. There is no device TLB beside
 * the IOTLB of the endpoint, which is one of each device anyway.
 */
#include <linux/iommu.h>
#include <linux/pci.h>
#include <linux/pci-ats.h>

#include "endpoint.h"
#include "pci.h"

/* Where interrupts are written to, on x86: no IOVA. */
#define INTERRUPTS_START	0xfee00000
#define INTERRUPTS_LENGTH	0x00100000

static struct pci_dev *to_function(const struct iosim_endpoint *endpoint)
{
	return endpoint->dev && dev_is_pci(endpoint->dev) ?
	       to_pci_dev(endpoint->dev) : NULL;
}

/**
 * pci_pasids - enable PASIDs, if that is possible
 * @endpoint: any endpoint; nothing happens if it is no function
 *
 * Where a switch or another function could take DMA with a PASID for itself the kernel
 * enables them only with ACS. Since Linux 7 a function has ACS when a driver is bound to
 * it, and not before: so this is tried again when something is to be attached.
 */
void pci_pasids(struct iosim_endpoint *endpoint)
{
	struct pci_dev *pdev = to_function(endpoint);

	if (!pdev)
		return;
	if (pdev->pasid_cap && !pdev->pasid_enabled)
		pci_enable_pasid(pdev, 0);
	endpoint->pasid_bits = pdev->pasid_enabled ? endpoint->pasid_bits_max :
						     0;
}

/**
 * pci_begin - enable what a function can do
 * @endpoint: any endpoint; nothing happens if it is no function
 */
void pci_begin(struct iosim_endpoint *endpoint)
{
	struct pci_dev *pdev = to_function(endpoint);

	if (!pdev)
		return;
	pci_pasids(endpoint);
	if (pci_ats_supported(pdev))
		pci_enable_ats(pdev, PAGE_SHIFT);
}

/**
 * pci_end - undo pci_begin()
 * @endpoint: any endpoint
 */
void pci_end(struct iosim_endpoint *endpoint)
{
	struct pci_dev *pdev = to_function(endpoint);

	if (!pdev)
		return;
	if (pdev->ats_enabled)
		pci_disable_ats(pdev);
	if (pdev->pasid_enabled)
		pci_disable_pasid(pdev);
}

/**
 * pci_requests - let a function make page requests, or none
 * @endpoint: any endpoint
 * @on: which of the two
 *
 * pci_enable_pri() is not exported, and does no more than this.
 */
void pci_requests(struct iosim_endpoint *endpoint, bool on)
{
	struct pci_dev *pdev = to_function(endpoint);

	if (!pdev || !pdev->pri_cap || pdev->pri_enabled == on)
		return;
	if (!on) {
		pci_disable_pri(pdev);
		return;
	}
	pdev->pri_reqs_alloc = endpoint->prq_size;
	pci_write_config_dword(pdev, pdev->pri_cap + PCI_PRI_ALLOC_REQ,
			       endpoint->prq_size);
	pci_write_config_word(pdev, pdev->pri_cap + PCI_PRI_CTRL,
			      PCI_PRI_CTRL_ENABLE);
	pdev->pri_enabled = 1;
}

/**
 * pci_reserved - list what no function can address
 * @list: where to add it
 */
void pci_reserved(struct list_head *list)
{
	struct iommu_resv_region *region;

	region = iommu_alloc_resv_region(INTERRUPTS_START, INTERRUPTS_LENGTH, 0,
					 IOMMU_RESV_MSI, GFP_KERNEL);
	if (region)
		list_add_tail(&region->list, list);
}

/**
 * iosim_pci_create - make the endpoint of a function
 * @config: what it is like
 * @peer: whether a request gets to another function without the IOMMU; called with
 *	interrupts off
 * @data: its first argument
 *
 * Return: the endpoint, or an error of endpoint_create().
 */
struct iosim_endpoint *iosim_pci_create(const struct iosim_config *config,
					bool (*peer)(void *data, u64 address),
					void *data)
{
	struct iosim_endpoint *endpoint = endpoint_create(config);

	if (!IS_ERR(endpoint)) {
		endpoint->peer = peer;
		endpoint->peer_data = data;
	}
	return endpoint;
}
EXPORT_SYMBOL_GPL(iosim_pci_create);

/* What had been its device before it was removed and found again. */
static void forget(struct iosim_endpoint *endpoint)
{
	struct device *dev = endpoint->dev;

	if (!dev)
		return;
	endpoint->dev = NULL;
	put_device(dev);
}

/**
 * iosim_pci_describe - tell the IOMMU core about the device of a function
 * @endpoint: of the function
 * @pdev: the device, which is about to be added
 *
 * Return: 0 or -ENOMEM.
 */
int iosim_pci_describe(struct iosim_endpoint *endpoint, struct pci_dev *pdev)
{
	int rc;

	forget(endpoint);
	rc = endpoint_describe(endpoint, &pdev->dev);
	if (!rc)
		get_device(endpoint->dev);
	return rc;
}
EXPORT_SYMBOL_GPL(iosim_pci_describe);

/**
 * iosim_pci_remove - undo iosim_pci_create()
 * @endpoint: of a function whose device has been removed
 */
void iosim_pci_remove(struct iosim_endpoint *endpoint)
{
	forget(endpoint);
	endpoint_destroy(endpoint);
}
EXPORT_SYMBOL_GPL(iosim_pci_remove);
