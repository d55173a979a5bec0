// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the core of Linux 6.12 lacks: to replace the domain of a PASID, to count who needs
 * the page requests of a device, and to know of drivers that have vIOMMUs. In 7.x the core
 * does the first, IOMMU drivers the second, and struct iommu_ops has the third.
 */
#include <linux/ioasid_kernel.h>
#include <linux/ioasid_viommu.h>
#include <linux/pci.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>

#include "compat/v6_12.h"

/*
 * PASIDs ----------------------------------------------------------------------
 */

static int move_pasid(struct device *dev, void *data)
{
	const struct pasid_replace *move = data;

	if (!dev->iommu->max_pasids)
		return 0;
	return move->domain->ops->set_dev_pasid(move->domain, dev, move->pasid,
						move->old);
}

/*
 * The group's mutex is held by iommu_group_for_each_dev(). The core finds the handle that
 * it has. Where requests go is switched before each move: when that returns, the driver is
 * reporting none any more that was made before it.
 */
static int replace_in_place(struct pasid_replace *replace)
{
	struct pasid_replace back = *replace;
	int rc;

	WRITE_ONCE(*replace->owner, replace->new_owner);
	WRITE_ONCE(replace->handle->domain, replace->domain);
	rc = iommu_group_for_each_dev(replace->group, replace, move_pasid);
	if (!rc)
		return 0;
	WRITE_ONCE(replace->handle->domain, replace->old);
	WRITE_ONCE(*replace->owner, replace->old_owner);
	swap(back.domain, back.old);
	if (iommu_group_for_each_dev(replace->group, &back, move_pasid)) {
		iommu_detach_device_pasid(replace->old, replace->dev,
					  replace->pasid);
		replace->lost = true;
	}
	return rc;
}

/* DMA is blocked meanwhile, never misrouted. */
static int replace_by_detach(struct pasid_replace *replace)
{
	int rc;

	iommu_detach_device_pasid(replace->old, replace->dev, replace->pasid);
	rc = iommu_attach_device_pasid(replace->domain, replace->dev,
				       replace->pasid, replace->spare);
	if (!rc)
		replace->handle = replace->spare;
	else if (iommu_attach_device_pasid(replace->old, replace->dev,
					   replace->pasid, replace->handle))
		replace->lost = true;
	return rc;
}

/**
 * iommufd_pasid_replace - move a PASID of a group to another domain
 * @replace: what and where to
 *
 * Return: 0; or the IOMMU driver's error, with the PASID where it was, unless it is lost.
 */
int iommufd_pasid_replace(struct pasid_replace *replace)
{
	if (replace->in_place)
		return replace_in_place(replace);
	return replace_by_detach(replace);
}

/*
 * Page requests ---------------------------------------------------------------
 */

/**
 * struct enabled - a device whose page requests we handle
 * @link: in enabled_devices
 * @dev: the device
 * @count: attachments that need them
 * @foreign: its own driver had them enabled before us, and will disable them
 * @wait: somebody may be reporting one
 */
struct enabled {
	struct list_head link;
	struct device *dev;
	unsigned int count;
	bool foreign;
	bool wait;
};

/*
 * One list for all contexts: sub-devices of one device may be bound to different
 * ones.
 */
static DEFINE_MUTEX(enabled_lock);
static LIST_HEAD(enabled_devices);

static struct enabled *enabled_find(const struct device *dev)
{
	struct enabled *enabled;

	lockdep_assert_held(&enabled_lock);
	list_for_each_entry(enabled, &enabled_devices, link)
		if (enabled->dev == dev)
			return enabled;
	return NULL;
}

/*
 * Are page requests enabled? That EBUSY says so is not certain: VT-d's driver also has it
 * from a device that has not stopped since they were disabled last, and then undoes all.
 * Only whether there is something is looked at, so whoever enables or disables them for
 * himself may do so at any time, and no lock is needed.
 */
static bool is_enabled(struct device *dev)
{
	return rcu_access_pointer(dev->iommu->fault_param);
}

/* @enabled is the list's afterwards, if it succeeds. */
static int enable_first(struct device *dev, struct enabled *enabled)
{
	int rc = iommu_dev_enable_feature(dev, IOMMU_DEV_FEAT_IOPF);
	bool foreign = rc == -EBUSY && is_enabled(dev);

	if (rc && !foreign)
		return rc;
	enabled->dev = dev;
	enabled->count = 1;
	enabled->foreign = foreign;
	enabled->wait = false;
	list_add(&enabled->link, &enabled_devices);
	return 0;
}

/* Ports are in the group of what is below them, and request no pages. */
static int count_requester(struct device *dev, void *data)
{
	unsigned int *n = data;

	if (!dev_is_pci(dev) || !pci_is_bridge(to_pci_dev(dev)))
		++*n;
	return 0;
}

/**
 * iommufd_iopf_shared - is a device in a group with others that could make page requests?
 * @dev: the device
 *
 * Whose a page request is the core knows by what is attached to the group of the device that
 * makes it. So while any of a group has a domain with a handler, requests of all of them are
 * reported, also of one that is detached: of that its driver must not give them up, and
 * nobody can wait until the last has been reported. One that comes into the group later is
 * refused, and the first is detached as a whole when it leaves.
 */
bool iommufd_iopf_shared(struct device *dev)
{
	struct iommu_group *group = iommu_group_get(dev);
	unsigned int n = 0;

	iommu_group_for_each_dev(group, &n, count_requester);
	iommu_group_put(group);
	return n > 1;
}

/**
 * iommufd_iopf_enable - let a device make page requests
 * @dev: a device that is going to be attached to a domain with a handler
 *
 * Return: 0; -EXDEV (it shares its IOMMU group), -ENODEV (it makes none), -EBUSY (it has not
 * stopped making some since they were disabled), -ENOMEM, the IOMMU driver's errors.
 */
int iommufd_iopf_enable(struct device *dev)
{
	struct enabled *spare, *enabled;
	int rc = 0;

	if (iommufd_iopf_shared(dev))
		return -EXDEV;
	/* What is charged may wait as its cgroup says: before others wait for the lock. */
	spare = kzalloc(sizeof(*spare), GFP_KERNEL_ACCOUNT);
	if (!spare)
		return -ENOMEM;
	mutex_lock(&enabled_lock);
	enabled = enabled_find(dev);
	if (enabled)
		enabled->count++;
	else
		rc = enable_first(dev, spare);
	mutex_unlock(&enabled_lock);
	if (enabled || rc)
		kfree(spare);
	return rc;
}

static int device_needs_rid(struct device *dev, void *data)
{
	return dev_is_pci(dev) && pci_ats_supported(to_pci_dev(dev)) &&
	       device_is_behind_vtd(dev);
}

/**
 * iommufd_pasids_need_rid - may PASIDs be attached only while the RID is?
 * @group: all of these have a PASID that one of them has
 *
 * VT-d's driver switches ATS on when it attaches a RID to a page table of the kernel's, and
 * off when that is left. That it has to flush what the device itself keeps of a PASID's
 * translations, it notes and forgets only while ATS is on. So a PASID that was attached
 * before the RID would go on reaching what has been unmapped, and of one that is detached
 * after it the driver would keep the device, maybe longer than there is one.
 *
 * Return: whether PASIDs come after the RID, go before it, and keep it from moving.
 */
bool iommufd_pasids_need_rid(struct iommu_group *group)
{
	return iommu_group_for_each_dev(group, NULL, device_needs_rid);
}

/* Of VT-d's extended capability register: what page requests take. */
#define ECAP_PRS	BIT_ULL(29)
#define ECAP_PDS	BIT_ULL(42)
#define ECAP_SMTS	BIT_ULL(43)
#define ECAP_REQUESTS	(ECAP_PRS | ECAP_PDS | ECAP_SMTS)

static bool vtd_takes_page_requests(struct device *dev)
{
	const struct iommu_ops *ops = dev->iommu->iommu_dev->ops;
	u32 length, type = IOMMU_HW_INFO_TYPE_INTEL_VTD;
	const struct iommu_hw_info_vtd *info;
	u64 ecap;

	if (!ops->hw_info)
		return false;
	info = driver_hw_info(ops, dev, &length, &type);
	if (IS_ERR_OR_NULL(info))
		return false;
	ecap = info->ecap_reg;
	kfree(info);
	return (ecap & ECAP_REQUESTS) == ECAP_REQUESTS;
}

/**
 * iommufd_iopf_enabled_late - may page requests be enabled when the RID is attached?
 * @dev: a device of which the IOMMU driver says ENODEV
 *
 * VT-d's driver enables ATS when it attaches a RID to a page table of the kernel, disables
 * it when that is left, and lets a device make page requests only meanwhile. While ATS is
 * disabled it says the same of all devices, so look at what makes a difference to it.
 *
 * Return: whether it is worth another try.
 */
bool iommufd_iopf_enabled_late(struct device *dev)
{
	if (dev_is_pci(dev) && (to_pci_dev(dev)->ats_enabled ||
				to_pci_dev(dev)->untrusted ||
				!pci_ats_supported(to_pci_dev(dev)) ||
				!pci_pri_supported(to_pci_dev(dev))))
		return false;
	return vtd_takes_page_requests(dev);
}

/*
 * When the driver gives page requests up, the core forgets and frees what it has of those
 * that are being reported. Whoever reports one takes a reference when it has found the
 * attachment, before it sleeps, and drops it with the answer. All that have come to us
 * are answered.
 */
static void wait_for_reports(struct device *dev)
{
	struct iommu_fault_param *param;

	synchronize_rcu_tasks();
	param = rcu_dereference_protected(dev->iommu->fault_param, true);
	while (param && refcount_read(&param->users) > 1)
		schedule_timeout_uninterruptible(1);
}

/**
 * iommufd_iopf_disable - the opposite, once for each iommufd_iopf_enable() that
 * succeeded
 * @dev: a device that has been detached, and whose requests have been answered
 * @wait: the IOMMU driver may be reporting one
 */
void iommufd_iopf_disable(struct device *dev, bool wait)
{
	struct enabled *enabled;

	mutex_lock(&enabled_lock);
	enabled = enabled_find(dev);
	if (WARN_ON(!enabled))
		goto out;
	enabled->wait |= wait;
	if (!--enabled->count) {
		list_del(&enabled->link);
		if (enabled->wait && !enabled->foreign)
			wait_for_reports(dev);
		if (!enabled->foreign)
			iommu_dev_disable_feature(dev, IOMMU_DEV_FEAT_IOPF);
		kfree(enabled);
	}
out:
	mutex_unlock(&enabled_lock);
}

/*
 * vIOMMUs ---------------------------------------------------------------------
 */

/**
 * struct viommu_driver - an IOMMU driver that has vIOMMUs
 * @link: in viommu_drivers
 * @ops: its operations, which identify it
 * @driver: what it has registered
 */
struct viommu_driver {
	struct list_head link;
	const struct iommu_ops *ops;
	const struct ioasid_viommu_driver *driver;
};

static DEFINE_MUTEX(viommu_drivers_lock);
static LIST_HEAD(viommu_drivers);

static struct viommu_driver *viommu_driver_find(const struct iommu_ops *ops)
{
	struct viommu_driver *found;

	lockdep_assert_held(&viommu_drivers_lock);
	list_for_each_entry(found, &viommu_drivers, link)
		if (found->ops == ops)
			return found;
	return NULL;
}

/**
 * ioasid_register_viommu - say that an IOMMU driver has vIOMMUs
 * @ops: the operations that it registers with the IOMMU core
 * @driver: what makes its vIOMMUs
 *
 * To be called before the first device is behind the IOMMU.
 *
 * Return: 0, -EEXIST, -ENOMEM.
 */
int ioasid_register_viommu(const struct iommu_ops *ops,
			   const struct ioasid_viommu_driver *driver)
{
	struct viommu_driver *new = kmalloc(sizeof(*new), GFP_KERNEL);
	int rc = -EEXIST;

	if (!new)
		return -ENOMEM;
	new->ops = ops;
	new->driver = driver;
	mutex_lock(&viommu_drivers_lock);
	if (!viommu_driver_find(ops)) {
		list_add(&new->link, &viommu_drivers);
		new = NULL;
		rc = 0;
	}
	mutex_unlock(&viommu_drivers_lock);
	kfree(new);
	return rc;
}
EXPORT_SYMBOL_NS_GPL(ioasid_register_viommu, "IOMMUFD");

/**
 * ioasid_unregister_viommu - the opposite of ioasid_register_viommu(), when no device is
 * left
 * @ops: as they were registered
 */
void ioasid_unregister_viommu(const struct iommu_ops *ops)
{
	struct viommu_driver *found;

	mutex_lock(&viommu_drivers_lock);
	found = viommu_driver_find(ops);
	if (!WARN_ON(!found))
		list_del(&found->link);
	mutex_unlock(&viommu_drivers_lock);
	kfree(found);
}
EXPORT_SYMBOL_NS_GPL(ioasid_unregister_viommu, "IOMMUFD");

/* A device is behind the IOMMU, so it stays registered. */
static const struct ioasid_viommu_driver *
viommu_driver_of(const struct iommu_ops *ops)
{
	const struct viommu_driver *found;

	mutex_lock(&viommu_drivers_lock);
	found = viommu_driver_find(ops);
	mutex_unlock(&viommu_drivers_lock);
	return found ? found->driver : NULL;
}

/**
 * iommufd_driver_viommu_size - what a vIOMMU of a driver takes
 * @ops: the driver's operations
 * @dev: a device behind its IOMMU
 * @type: of the vIOMMU
 *
 * Return: bytes; 0: it has none of that type.
 */
size_t iommufd_driver_viommu_size(const struct iommu_ops *ops,
				  struct device *dev, u32 type)
{
	const struct ioasid_viommu_driver *driver = viommu_driver_of(ops);

	return driver ? driver->get_viommu_size(dev, type) : 0;
}

/**
 * iommufd_driver_viommu_init - set up a driver's part of a vIOMMU
 * @ops: the driver's operations
 * @viommu: the vIOMMU, of the size that iommufd_driver_viommu_size() has given
 * @parent: the nesting parent
 * @data: the user's, or NULL
 *
 * Return: 0, or the driver's error.
 */
int iommufd_driver_viommu_init(const struct iommu_ops *ops,
			       struct iommufd_viommu *viommu,
			       struct iommu_domain *parent,
			       const struct iommu_user_data *data)
{
	return viommu_driver_of(ops)->viommu_init(viommu, parent, data);
}
