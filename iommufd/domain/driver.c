// SPDX-License-Identifier: GPL-2.0-only
/*
 * IOMMU drivers that are built against this module.
 *
 * The drivers in the kernel were compiled without iommufd, and not everything
 * they advertise works then: VT-d and AMD-Vi offer dirty tracking, but report
 * no pages. So such features are off unless a driver has registered them here.
 */
#include <linux/export.h>
#include <linux/ioasid.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/slab.h>

#include "compat.h"
#include "domain/driver.h"

#define FEATURES_KNOWN	(IOASID_IOMMU_DIRTY | IOASID_IOMMU_PASID_REPLACE)

/**
 * struct driver - an IOMMU driver that has registered
 * @link: in drivers
 * @ops: its operations, which identify it
 * @features: IOASID_IOMMU_*
 */
struct driver {
	struct list_head link;
	const struct iommu_ops *ops;
	unsigned int features;
};

static DEFINE_MUTEX(drivers_lock);
static LIST_HEAD(drivers);

static struct driver *registered_find(const struct iommu_ops *ops)
{
	struct driver *driver;

	lockdep_assert_held(&drivers_lock);
	list_for_each_entry(driver, &drivers, link)
		if (driver->ops == ops)
			return driver;
	return NULL;
}

/**
 * ioasid_register_iommu - say what an IOMMU driver can do
 * @ops: the operations that it registers with the IOMMU core
 * @features: IOASID_IOMMU_*
 *
 * To be called before the first device is behind the IOMMU.
 *
 * Return: 0, -EINVAL (unknown features), -EEXIST, -ENOMEM.
 */
int ioasid_register_iommu(const struct iommu_ops *ops, unsigned int features)
{
	struct driver *driver;
	int rc = -EEXIST;

	if (features & ~FEATURES_KNOWN)
		return -EINVAL;
	driver = kmalloc(sizeof(*driver), GFP_KERNEL);
	if (!driver)
		return -ENOMEM;
	driver->ops = ops;
	driver->features = features;

	mutex_lock(&drivers_lock);
	if (!registered_find(ops)) {
		list_add(&driver->link, &drivers);
		driver = NULL;
		rc = 0;
	}
	mutex_unlock(&drivers_lock);
	kfree(driver);
	return rc;
}
EXPORT_SYMBOL_NS_GPL(ioasid_register_iommu, "IOMMUFD");

/**
 * ioasid_unregister_iommu - the opposite of ioasid_register_iommu(), when no
 * device is left
 * @ops: as they were registered
 */
void ioasid_unregister_iommu(const struct iommu_ops *ops)
{
	struct driver *driver;

	mutex_lock(&drivers_lock);
	driver = registered_find(ops);
	if (!WARN_ON(!driver))
		list_del(&driver->link);
	mutex_unlock(&drivers_lock);
	kfree(driver);
}
EXPORT_SYMBOL_NS_GPL(ioasid_unregister_iommu, "IOMMUFD");

/**
 * iommufd_driver_features - what an IOMMU driver has registered for
 * @ops: its operations
 *
 * Return: IOASID_IOMMU_*; 0 if it has not registered.
 */
unsigned int iommufd_driver_features(const struct iommu_ops *ops)
{
	const struct driver *driver;
	unsigned int features;

	mutex_lock(&drivers_lock);
	driver = registered_find(ops);
	features = driver ? driver->features & ~UNUSED_FEATURES : 0;
	mutex_unlock(&drivers_lock);
	return features;
}

/**
 * iommufd_driver_waits - does an IOMMU driver wait for the page requests that it reports?
 * @dev: a device behind it
 *
 * Return: whether none that came by an attachment is being reported any more when the
 * device has been detached. Drivers that have registered promise that.
 */
bool iommufd_driver_waits(struct device *dev)
{
	bool registered;

	mutex_lock(&drivers_lock);
	registered = registered_find(iommu_ops_of(dev));
	mutex_unlock(&drivers_lock);
	return registered;
}

/**
 * iommufd_driver_replaces - can an IOMMU driver move a device from one page table to another?
 * @dev: a device behind it
 *
 * virtio-iommu's counts it as gone from the one before it has been moved. If that fails, and
 * it is taken back, it is counted as gone all the same: the driver keeps to itself what is
 * unmapped from a page table that no device has. What has nothing in it, as one that blocks,
 * may be counted wrong. Its kind makes page tables without flags, and each for one IOMMU only.
 *
 * Return: whether a move that fails leaves it where it was.
 */
bool iommufd_driver_replaces(struct device *dev)
{
	return driver_has_flags(iommu_ops_of(dev));
}

/**
 * iommufd_driver_settles - can it be waited for until no page request is being reported?
 * @dev: a device behind an IOMMU
 *
 * Return: whether the driver waits itself, or gives page requests up when it is told to.
 */
bool iommufd_driver_settles(struct device *dev)
{
	return iommufd_driver_waits(dev) || driver_gives_up_later(dev);
}
