// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hardware page tables.
 *
 * An IOAS may have several: one for each kind of IOMMU that its devices are
 * behind, and those that user space has asked for by HWPT_ALLOC. All of them
 * translate the same areas.
 */
#include <linux/iommu.h>
#include <linux/slab.h>
#include <uapi/linux/iommufd.h>

#include "compat.h"
#include "hwpt.h"

static void hwpt_destroy(struct iommufd_ctx *ctx, struct object *obj)
{
	struct hwpt *hwpt = hwpt_of(obj);

	/* One that has failed to be made goes under the lock of its maker. */
	if (hwpt->filled) {
		mutex_lock(&hwpt->ioas->attach_lock);
		hwpt_drain(hwpt);
		mutex_unlock(&hwpt->ioas->attach_lock);
	}
	if (hwpt->table.domain)
		iommu_domain_free(hwpt->table.domain);
	ioas_put(ctx, hwpt->ioas);
}

const struct object_kind hwpt_kind = {
	.name = "HWPT",
	.destroy = hwpt_destroy,
};

static struct iommu_domain *domain_alloc(struct device *dev, u32 flags)
{
	const struct iommu_ops *ops = iommu_ops_of(dev);
	struct iommu_domain *domain;

	if (!ops->domain_alloc_user)
		return flags ? ERR_PTR(-EOPNOTSUPP) :
			       iommu_paging_domain_alloc(dev);
	domain = ops->domain_alloc_user(dev, flags, NULL, NULL);
	if (!IS_ERR(domain))
		domain->owner = ops;
	return domain;
}

/**
 * hwpt_alloc - a page table that fits a device
 * @ioas: what it is to translate
 * @dev: the device, bound
 * @flags: enum iommufd_hwpt_alloc_flags
 *
 * The domain is empty and not known to the IOAS yet, see hwpt_fill().
 *
 * Return: an object that has not been published; or ERR_PTR of -EOPNOTSUPP
 * (flags that the IOMMU driver does not have), -ENOMEM, the driver's errors.
 */
struct hwpt *hwpt_alloc(struct ioas *ioas, struct device *dev, u32 flags)
{
	struct iommu_domain *domain;
	struct hwpt *hwpt;
	int rc;

	/*
	 * Dirty tracking: without CONFIG_IOMMUFD_DRIVER the IOMMU drivers say
	 * that they have it, but cannot read the bits.
	 */
	if (flags & ~IOMMU_HWPT_ALLOC_NEST_PARENT)
		return ERR_PTR(-EOPNOTSUPP);
	hwpt = kzalloc(sizeof(*hwpt), GFP_KERNEL_ACCOUNT);
	if (!hwpt)
		return ERR_PTR(-ENOMEM);
	rc = object_init(ioas->ctx, &hwpt->obj, &hwpt_kind);
	if (rc) {
		kfree(hwpt);
		return ERR_PTR(rc);
	}
	object_hold(&ioas->obj);
	hwpt->ioas = ioas;
	hwpt->nest_parent = flags & IOMMU_HWPT_ALLOC_NEST_PARENT;

	domain = domain_alloc(dev, flags);
	if (IS_ERR(domain)) {
		rc = PTR_ERR(domain);
		goto err_abort;
	}
	hwpt->table.domain = domain;
	/*
	 * Some IOMMUs enforce coherency by a bit in every entry: it has to be
	 * decided before the first one. A device that can do without is not
	 * given the choice, since VFIO tells KVM that nothing bypasses the cache.
	 */
	if (device_iommu_capable(dev, IOMMU_CAP_ENFORCE_CACHE_COHERENCY)) {
		rc = -EINVAL;
		if (!domain->ops->enforce_cache_coherency ||
		    !domain->ops->enforce_cache_coherency(domain))
			goto err_abort;
		hwpt->coherent = true;
	}
	return hwpt;

err_abort:
	object_abort(ioas->ctx, &hwpt->obj);
	return ERR_PTR(rc);
}

/**
 * hwpt_fill - let a new page table translate what its IOAS holds, from now on
 * @hwpt: from hwpt_alloc(); the caller holds the attach lock of the IOAS
 *
 * Return: 0 or an errno of ioas_add_table().
 */
int hwpt_fill(struct hwpt *hwpt)
{
	int rc;

	lockdep_assert_held(&hwpt->ioas->attach_lock);
	rc = ioas_add_table(hwpt->ioas, &hwpt->table);
	hwpt->filled = !rc;
	return rc;
}

/**
 * hwpt_drain - the opposite of hwpt_fill(), if that has been done
 * @hwpt: a page table without devices; the caller holds the attach lock
 */
void hwpt_drain(struct hwpt *hwpt)
{
	lockdep_assert_held(&hwpt->ioas->attach_lock);
	if (hwpt->filled)
		ioas_remove_table(hwpt->ioas, &hwpt->table);
	hwpt->filled = false;
}

/**
 * hwpt_match - may an attach to the IOAS try this page table?
 * @hwpt: a page table of the IOAS
 * @dev: the device
 *
 * The IOMMU driver has the last word when the device is attached.
 */
bool hwpt_match(const struct hwpt *hwpt, struct device *dev)
{
	return hwpt->automatic &&
	       hwpt->table.domain->owner == iommu_ops_of(dev) &&
	       (hwpt->coherent ||
		!device_iommu_capable(dev, IOMMU_CAP_ENFORCE_CACHE_COHERENCY));
}

/**
 * hwpt_put - drop the reference of a device or of a command
 * @hwpt: the page table; one that was made by an attach goes with the last
 *	reference
 */
void hwpt_put(struct hwpt *hwpt)
{
	struct ioas *ioas = hwpt->ioas;
	struct iommufd_ctx *ctx = ioas->ctx;
	bool last;

	if (!hwpt->automatic) {
		object_put(ctx, &hwpt->obj);
		return;
	}
	/*
	 * An attach that tries this page table has a reference for a moment. It
	 * must not be the reason for which nobody is the last.
	 */
	object_hold(&ioas->obj);
	mutex_lock(&ioas->attach_lock);
	last = object_put_last(ctx, &hwpt->obj);
	mutex_unlock(&ioas->attach_lock);
	if (last)
		object_abort(ctx, &hwpt->obj);
	ioas_put(ctx, ioas);
}
