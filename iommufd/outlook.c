// SPDX-License-Identifier: GPL-2.0-only
/*
 * What will be translated, before there is a device to ask.
 *
 * A program that speaks to the VFIO container asks for the usable IOVAs before
 * it opens a device. VFIO type1 knows the groups by then, and answers with what
 * their IOMMU can do. VFIO tells iommufd of a device only when that is opened.
 * So go by all devices that a user may be about to open, those whose driver
 * leaves DMA to the user: mostly, one IOMMU of a machine is as good as another.
 */
#include <linux/iommu.h>
#include <linux/pci.h>
#include <linux/platform_device.h>

#include "compat.h"
#include "outlook.h"
#include "ranges.h"

/* What the page table of a device would have to leave out. */
static int add_outside(struct device *dev, struct rb_root_cached *reserved)
{
	const struct iommu_ops *ops = iommu_ops_of(dev);
	struct iommu_domain_geometry geometry;
	struct iommu_domain *domain;
	int rc = 0;

	if (ops->domain_alloc_user)
		domain = ops->domain_alloc_user(dev, 0, NULL, NULL);
	else
		domain = iommu_paging_domain_alloc(dev);
	/* It is for the attach to fail. */
	if (IS_ERR(domain))
		return PTR_ERR(domain) == -ENOMEM ? -ENOMEM : 0;
	geometry = domain->geometry;
	iommu_domain_free(domain);

	if (geometry.aperture_start)
		rc = ranges_add(reserved, 0, geometry.aperture_start - 1,
				NULL);
	if (!rc && geometry.aperture_end < ULONG_MAX)
		rc = ranges_add(reserved, geometry.aperture_end + 1, ULONG_MAX,
				NULL);
	return rc;
}

static int add_reserved(struct device *dev, struct rb_root_cached *reserved)
{
	struct iommu_resv_region *region;
	LIST_HEAD(regions);
	int rc = 0;

	iommu_get_resv_regions(dev, &regions);
	list_for_each_entry(region, &regions, list) {
		if (region->type == IOMMU_RESV_DIRECT_RELAXABLE)
			continue;
		rc = ranges_add(reserved, region->start,
				region->start + region->length - 1, NULL);
		if (rc)
			break;
	}
	iommu_put_resv_regions(dev, &regions);
	return rc;
}

static bool dma_is_the_users(const struct device *dev)
{
	if (!dev->driver)
		return false;
	if (dev_is_pci(dev))
		return to_pci_driver(dev->driver)->driver_managed_dma;
	return to_platform_driver(dev->driver)->driver_managed_dma;
}

static int look_at(struct device *dev, void *reserved)
{
	int rc = 0;

	/*
	 * With a driver and locked, it does not leave its IOMMU. One that is
	 * being unbound may be waiting for our caller to close it.
	 */
	if (!device_trylock(dev))
		return 0;
	/* VFIO's no-IOMMU mode makes groups of its own, of devices without one. */
	if (dev->iommu && dev->iommu->iommu_dev && device_iommu_mapped(dev) &&
	    dma_is_the_users(dev)) {
		rc = add_outside(dev, reserved);
		if (!rc)
			rc = add_reserved(dev, reserved);
	}
	device_unlock(dev);
	return rc;
}

/**
 * outlook - what devices that may be opened will not be able to translate
 * @reserved: gets the ranges; to be cleared by the caller in any case. The last
 *	page of all is always among them, so that a range can be followed by an
 *	address.
 *
 * Return: 0 or -ENOMEM.
 */
int outlook(struct rb_root_cached *reserved)
{
	int rc;

	rc = ranges_add(reserved, ULONG_MAX & PAGE_MASK, ULONG_MAX, NULL);
	if (!rc)
		rc = bus_for_each_dev(&pci_bus_type, NULL, reserved, look_at);
	if (!rc)
		rc = bus_for_each_dev(&platform_bus_type, NULL, reserved,
				      look_at);
	return rc;
}
