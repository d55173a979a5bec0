// SPDX-License-Identifier: GPL-2.0-only
/*
 * Virtual devices: how the guest of a vIOMMU calls a device.
 *
 * A device has one at most, and unbinding it cannot wait for the user to destroy that. So
 * the virtual device holds no reference on it: it is disconnected, by whoever comes first,
 * the one who destroys it or the one who unbinds the device. In the second case the object
 * is buried: the user may yet name its ID.
 *
 * IOMMU drivers find a device by its virtual ID, and use it, under the lock of
 * viommu.vdevs: from xa_cmpxchg() on they do not find it any more. What is in there has been
 * accepted by the driver.
 *
 * Order: ctx->vdevice_lock, then locks of the driver's, the lock of viommu.vdevs.
 */
#include <linux/xarray.h>

#include "compat.h"
#include "context/reason.h"
#include "device/group.h"
#include "device/vdevice.h"
#include "domain/viommu.h"

static void disconnect(struct vdevice *vdev)
{
	struct iommufd_vdevice *core = &vdev->core;
	struct iommufd_device *idev = core->idev;

	lockdep_assert_held(&idev->ctx->vdevice_lock);
	/* It may not be there yet, and another may be in its place. */
	xa_cmpxchg(&core->viommu->vdevs, core->virt_id, core, NULL, GFP_KERNEL);
	if (core->destroy)
		core->destroy(core);
	idev->vdev = NULL;
	core->idev = NULL;
}

static void vdevice_destroy(struct iommufd_ctx *ctx, struct object *obj)
{
	struct vdevice *vdev = vdevice_of(obj);

	mutex_lock(&ctx->vdevice_lock);
	if (vdev->core.idev)
		disconnect(vdev);
	mutex_unlock(&ctx->vdevice_lock);
	object_put(ctx, &vdev->viommu->obj);
}

static const struct object_kind vdevice_kind = {
	.type = OBJECT_VDEVICE,
	.name = "virtual device",
	.destroy = vdevice_destroy,
};

/**
 * iommufd_vdevice_alloc - a virtual device, of no device yet
 * @viommu: the vIOMMU; the caller has a reference
 * @virt_id: how the guest calls the device
 *
 * Return: an object that has not been published; or ERR_PTR of -ENOMEM, or -EBUSY (no ID
 * left).
 */
struct vdevice *iommufd_vdevice_alloc(struct viommu *viommu, u64 virt_id)
{
	size_t size = viommu->core.ops->vdevice_size;
	struct iommufd_ctx *ctx = viommu->core.ictx;
	struct vdevice *vdev;
	struct object *obj;

	if (!size)
		size = sizeof(vdev->core);
	if (WARN_ON_ONCE(size < sizeof(vdev->core)))
		return ERR_PTR(-EOPNOTSUPP);
	obj = iommufd_object_alloc(ctx, &vdevice_kind,
				   offsetof(struct vdevice, core) + size);
	if (IS_ERR(obj))
		return ERR_CAST(obj);
	vdev = vdevice_of(obj);
	object_hold(&viommu->obj);
	vdev->viommu = viommu;
	vdev->core.obj.type = IOMMUFD_OBJ_VDEVICE;
	vdev->core.obj.id = vdev->obj.id;
	vdev->core.viommu = &viommu->core;
	vdev->core.virt_id = virt_id;
	return vdev;
}

/* On an error vdevice_destroy() undoes it. */
static int connect(struct vdevice *vdev, struct iommufd_device *idev)
{
	struct iommufd_viommu *viommu = vdev->core.viommu;
	u64 virt_id = vdev->core.virt_id;
	int rc;

	lockdep_assert_held(&idev->ctx->vdevice_lock);
	if (idev->vdev)
		return iommufd_reason_note(idev->ctx, -EEXIST,
					   "%s is virtual device %u already",
					   idev->name, idev->vdev->obj.id);
	/* The place is taken, but nothing is found there before it is complete. */
	rc = xa_insert(&viommu->vdevs, virt_id, NULL, GFP_KERNEL_ACCOUNT);
	if (rc == -EBUSY)
		return iommufd_reason_note(idev->ctx, -EEXIST,
					   "vIOMMU %u has another device by the virtual ID %#llx",
					   vdev->viommu->obj.id, virt_id);
	if (rc)
		return rc;
	vdev->core.idev = idev;
	idev->vdev = vdev;
	if (viommu->ops->vdevice_init)
		rc = viommu->ops->vdevice_init(&vdev->core);
	if (!rc)
		xa_store(&viommu->vdevs, virt_id, &vdev->core, GFP_KERNEL);
	else
		xa_release(&viommu->vdevs, virt_id);
	return rc;
}

/**
 * iommufd_vdevice_connect - tell a vIOMMU of a device
 * @vdev: of iommufd_vdevice_alloc(), not published; to be aborted on an error
 * @idev: the device; the caller has a reference until @vdev is published or aborted
 *
 * Return: 0, -EINVAL (behind another IOMMU, or a sub-device), -EEXIST, -ENOMEM, -EINTR, or
 * the IOMMU driver's errors.
 */
int iommufd_vdevice_connect(struct vdevice *vdev, struct iommufd_device *idev)
{
	struct iommufd_ctx *ctx = idev->ctx;
	int rc;

	if (idev->sub)
		return iommufd_reason_note(ctx, -EINVAL,
					   "%s has no RID of its own, which could be virtual",
					   idev->name);
	rc = iommufd_viommu_check(vdev->viommu, idev->dev);
	if (!rc)
		rc = mutex_lock_killable(&ctx->vdevice_lock);
	if (rc)
		return rc;
	rc = connect(vdev, idev);
	mutex_unlock(&ctx->vdevice_lock);
	return rc;
}

/**
 * iommufd_vdevice_device_gone - a device is being unbound
 * @idev: the device, which no command works with any more
 *
 * When it returns nothing of its virtual device leads to it.
 */
void iommufd_vdevice_device_gone(struct iommufd_device *idev)
{
	struct iommufd_ctx *ctx = idev->ctx;
	struct vdevice *vdev;
	bool alive = false;

	mutex_lock(&ctx->vdevice_lock);
	vdev = idev->vdev;
	if (vdev) {
		/* Or else somebody is destroying it, and comes after us. */
		alive = refcount_inc_not_zero(&vdev->obj.users);
		disconnect(vdev);
	}
	mutex_unlock(&ctx->vdevice_lock);
	if (alive)
		iommufd_object_bury(ctx, &vdev->obj);
}

/*
 * For IOMMU drivers -----------------------------------------------------------
 */

/**
 * iommufd_vdevice_to_device - the device of a virtual device
 * @vdev: the virtual device, which the driver has found under the lock of viommu.vdevs, or
 *	which is being set up or destroyed
 */
struct device *iommufd_vdevice_to_device(struct iommufd_vdevice *vdev)
{
	return vdev->idev->dev;
}
EXPORT_SYMBOL_NS_GPL(iommufd_vdevice_to_device, "IOMMUFD");

/**
 * iommufd_viommu_find_dev - find a device by its virtual ID
 * @viommu: the vIOMMU
 * @vdev_id: the virtual ID
 *
 * Return: the device, good while the caller has the lock of viommu->vdevs; or NULL.
 */
struct device *iommufd_viommu_find_dev(struct iommufd_viommu *viommu,
				       unsigned long vdev_id)
{
	struct iommufd_vdevice *vdev;

	lockdep_assert_held(&viommu->vdevs.xa_lock);
	vdev = xa_load(&viommu->vdevs, vdev_id);
	return vdev ? iommufd_vdevice_to_device(vdev) : NULL;
}
EXPORT_SYMBOL_NS_GPL(iommufd_viommu_find_dev, "IOMMUFD");

/**
 * iommufd_viommu_get_vdev_id - how does the guest call a device?
 * @viommu: the vIOMMU
 * @dev: the device
 * @vdev_id: set to the virtual ID
 *
 * Return: 0, or -ENOENT if it is no virtual device of the vIOMMU.
 */
int iommufd_viommu_get_vdev_id(struct iommufd_viommu *viommu,
			       struct device *dev, unsigned long *vdev_id)
{
	struct iommufd_vdevice *vdev;
	unsigned long index;
	int rc = -ENOENT;

	if (WARN_ON_ONCE(!vdev_id))
		return -EINVAL;
	xa_lock(&viommu->vdevs);
	xa_for_each(&viommu->vdevs, index, vdev) {
		if (iommufd_vdevice_to_device(vdev) != dev)
			continue;
		*vdev_id = index;
		rc = 0;
		break;
	}
	xa_unlock(&viommu->vdevs);
	return rc;
}
EXPORT_SYMBOL_NS_GPL(iommufd_viommu_get_vdev_id, "IOMMUFD");
