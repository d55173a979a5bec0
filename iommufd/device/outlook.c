// SPDX-License-Identifier: GPL-2.0-only
/*
 * What devices will be able to translate, before there is one to ask.
 *
 * A program that speaks to the VFIO container asks for the usable IOVAs before
 * it opens a device. VFIO type1 knows the groups by then, and answers with what
 * their IOMMU can do. VFIO tells iommufd of a device only when that is opened.
 * So the answer is based on all devices that a user may be about to open, those
 * whose driver leaves DMA to the user: usually the IOMMUs of a machine are all
 * alike.
 *
 * The driver core notifies us when a driver gets a device, with the device
 * locked, which keeps its IOMMU. Locking it later would disturb VFIO, which
 * does not reset a locked device. VFIO's drivers are loaded after this module,
 * so none of their devices is missed.
 */
#include <linux/iommu.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/platform_device.h>

#include "compat.h"
#include "device/outlook.h"
#include "domain/hwpt.h"
#include "space/ranges.h"

/* Ranges that devices cannot translate; the owner of each is the device. */
static struct rb_root_cached outside = RB_ROOT_CACHED;
static DEFINE_MUTEX(outside_lock);

/* Add what the page table of a device would have to leave out. */
static int add_aperture(struct device *dev)
{
	struct iommu_domain *domain = iommufd_hwpt_domain_alloc(dev, 0);
	struct iommu_domain_geometry geometry;
	int rc = 0;

	/* Leave it to the attach to fail. */
	if (IS_ERR(domain))
		return 0;
	geometry = domain->geometry;
	iommu_domain_free(domain);

	/* The aperture is not known until the driver has completed the domain. */
	if (!geometry.aperture_end)
		return 0;
	if (geometry.aperture_start)
		rc = ranges_add(&outside, 0, geometry.aperture_start - 1, dev);
	if (!rc && geometry.aperture_end < ULONG_MAX)
		rc = ranges_add(&outside, geometry.aperture_end + 1, ULONG_MAX,
				dev);
	return rc;
}

static int add_reserved(struct device *dev)
{
	struct iommu_resv_region *region;
	LIST_HEAD(regions);
	int rc = 0;

	iommu_get_resv_regions(dev, &regions);
	list_for_each_entry(region, &regions, list) {
		if (region->type == IOMMU_RESV_DIRECT_RELAXABLE)
			continue;
		rc = ranges_add(&outside, region->start,
				region->start + region->length - 1, dev);
		if (rc)
			break;
	}
	iommu_put_resv_regions(dev, &regions);
	return rc;
}

static bool dma_is_the_users(const struct device *dev)
{
	if (dev_is_pci(dev))
		return to_pci_driver(dev->driver)->driver_managed_dma;
	return to_platform_driver(dev->driver)->driver_managed_dma;
}

/* VFIO's no-IOMMU mode makes groups of devices without an IOMMU. */
static bool has_iommu(struct device *dev)
{
	return device_iommu_mapped(dev) && dev->iommu && dev->iommu->iommu_dev;
}

/* If memory is short the answer is too wide, as in-tree's always is. */
static int driver_changed(struct notifier_block *nb, unsigned long what,
			  void *data)
{
	struct device *dev = data;

	if (what != BUS_NOTIFY_BOUND_DRIVER && what != BUS_NOTIFY_UNBOUND_DRIVER)
		return NOTIFY_DONE;
	mutex_lock(&outside_lock);
	iommufd_ranges_drop(&outside, dev);
	if (what == BUS_NOTIFY_BOUND_DRIVER && has_iommu(dev) &&
	    dma_is_the_users(dev) && !add_aperture(dev))
		add_reserved(dev);
	mutex_unlock(&outside_lock);
	return NOTIFY_OK;
}

static struct notifier_block pci_notifier = { .notifier_call = driver_changed };
static struct notifier_block platform_notifier = {
	.notifier_call = driver_changed,
};

/**
 * iommufd_outlook - what devices that may be opened later cannot translate
 * @reserved: gets the ranges; to be cleared by the caller in any case. The last
 *	page of all is always among them, so that a range can be followed by an
 *	address.
 *
 * Return: 0 or -ENOMEM.
 */
int iommufd_outlook(struct rb_root_cached *reserved)
{
	struct iova_range *range;
	unsigned long from = 0;
	int rc;

	rc = ranges_add(reserved, ULONG_MAX & PAGE_MASK, ULONG_MAX, NULL);
	mutex_lock(&outside_lock);
	while (!rc && (range = iommufd_ranges_first(&outside, from))) {
		/* Most devices have the same ranges. */
		rc = ranges_add(reserved, range->node.start, range->node.last,
				NULL);
		if (range->node.last == ULONG_MAX)
			break;
		from = range->node.last + 1;
	}
	mutex_unlock(&outside_lock);
	return rc;
}

/**
 * iommufd_outlook_init - begin to watch which devices get which driver
 *
 * Return: 0 or a negative errno.
 */
int iommufd_outlook_init(void)
{
	int rc;

	rc = bus_register_notifier(&pci_bus_type, &pci_notifier);
	if (rc)
		return rc;
	rc = bus_register_notifier(&platform_bus_type, &platform_notifier);
	if (rc)
		bus_unregister_notifier(&pci_bus_type, &pci_notifier);
	return rc;
}

/**
 * iommufd_outlook_exit - the opposite of iommufd_outlook_init()
 */
void iommufd_outlook_exit(void)
{
	bus_unregister_notifier(&platform_bus_type, &platform_notifier);
	bus_unregister_notifier(&pci_bus_type, &pci_notifier);
	iommufd_ranges_clear(&outside);
}
