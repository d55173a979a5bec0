// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sub-devices: mediated devices that do their DMA with PASIDs of their parent.
 *
 * A user names PASIDs of his own. They are converted when he submits a descriptor:
 * for a local sub-device by the mediating driver, this one, and the descriptor goes
 * to a queue of the sub-device's own; for a global one by the CPU, which looks them
 * up in its table (ENQCMD), and the descriptor goes to a queue that all such
 * sub-devices of the parent share. Here the two differ only in the queue, and in
 * where /dev/iommu takes the PASIDs from.
 *
 * No descriptor may run with a PASID that belongs to somebody else by then. /dev/iommu
 * keeps a sub-device's PASIDs until it is unbound, and before that it is closed, which
 * stops its DMA. So does detaching it, just as the driver of a real device would drain
 * the PASID.
 */
#include <linux/module.h>
#include <linux/slab.h>

#include "kernel.h"
#include "devices.h"
#include "front.h"
#include "parent.h"

/**
 * struct subdevice - a sub-device
 * @front: what VFIO has; must be first
 * @parent: the device that it is part of
 * @type: its type
 */
struct subdevice {
	struct front front;
	struct parent *parent;
	struct parent_type *type;
};

static struct subdevice *to_subdevice(struct vfio_device *vdev)
{
	return container_of(vdev, struct subdevice, front.vdev);
}

static int subdevice_convert(struct portal *portal,
			     const struct iosim_desc *desc, u32 *pasid)
{
	struct front *front = container_of(portal, struct front, portal);
	struct iommufd_device *idev = front->vdev.iommufd_device;

	if (desc->flags & IOSIM_DESC_PASID)
		return ioasid_find_pasid(idev, desc->pasid, pasid);
	*pasid = ioasid_own_pasid(idev);
	return 0;
}

static const struct portal_ops subdevice_portal_ops = {
	.convert = subdevice_convert,
	.interrupt = front_interrupt,
};

static int subdevice_bind(struct vfio_device *vdev, struct iommufd_ctx *ictx,
			  u32 *id)
{
	struct subdevice *subdevice = to_subdevice(vdev);
	struct iommufd_device *idev;

	idev = ioasid_bind_subdevice(ictx, subdevice->parent->dev, vdev->dev,
				     subdevice->type->space, id);
	if (IS_ERR(idev))
		return PTR_ERR(idev);
	vdev->iommufd_device = idev;
	return 0;
}

static void subdevice_detach(struct vfio_device *vdev)
{
	struct portal *portal = &to_subdevice(vdev)->front.portal;

	portal_pause(portal);
	vfio_iommufd_physical_detach_ioas(vdev);
	portal_resume(portal);
}

/* A container of VFIO's own knows nothing of PASIDs. */
static int subdevice_open(struct vfio_device *vdev)
{
	if (!vdev->iommufd_device)
		return -EOPNOTSUPP;
	return front_open_device(vdev);
}

static const struct vfio_device_ops subdevice_ops = {
	.name = "iosim-subdevice",
	.bind_iommufd = subdevice_bind,
	.unbind_iommufd = vfio_iommufd_physical_unbind,
	.attach_ioas = vfio_iommufd_physical_attach_ioas,
	.detach_ioas = subdevice_detach,
	.open_device = subdevice_open,
	.close_device = front_close_device,
	.read = front_read,
	.write = front_write,
	.ioctl = front_ioctl,
	KERNEL_VFIO_OPS
	.mmap = front_mmap,
	.request = front_request,
};

static struct parent_type *to_parent_type(struct mdev_type *type)
{
	return container_of(type, struct parent_type, type);
}

static unsigned int get_available(struct mdev_type *type)
{
	return atomic_read(&to_parent_type(type)->available);
}

static void subdevice_free(struct subdevice *subdevice)
{
	struct portal *portal = &subdevice->front.portal;

	if (portal->source.queue != subdevice->parent->shared)
		queue_destroy(portal->source.queue);
	free_page((unsigned long)portal->registers);
	vfio_put_device(&subdevice->front.vdev);
}

static struct subdevice *subdevice_alloc(struct device *dev,
					 struct parent *parent,
					 struct parent_type *type)
{
	struct subdevice *subdevice;
	struct portal *portal;
	struct queue *queue;

	subdevice = vfio_alloc_device(subdevice, front.vdev, dev,
				      &subdevice_ops);
	if (IS_ERR(subdevice))
		return subdevice;
	front_init(&subdevice->front);
	subdevice->parent = parent;
	subdevice->type = type;
	queue = type->space == IOASID_PASID_GLOBAL ? parent->shared :
						     queue_create(false);
	portal = &subdevice->front.portal;
	portal->ops = &subdevice_portal_ops;
	portal->registers = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	portal->pasid_bits = parent->pasid_bits;
	portal->features = parent->features | IOSIM_FEATURE_SUBDEVICE;
	portal_init(portal, queue, parent->endpoint);
	if (!queue || !portal->registers) {
		subdevice_free(subdevice);
		return ERR_PTR(-ENOMEM);
	}
	return subdevice;
}

static int subdevice_probe(struct mdev_device *mdev)
{
	struct parent *parent = container_of(mdev->type->parent, struct parent,
					     mdev);
	struct parent_type *type = to_parent_type(mdev->type);
	struct subdevice *subdevice;
	int rc;

	if (!atomic_add_unless(&type->available, -1, 0))
		return -EUSERS;
	subdevice = subdevice_alloc(&mdev->dev, parent, type);
	if (IS_ERR(subdevice)) {
		rc = PTR_ERR(subdevice);
		goto err_available;
	}
	/* The core asks for no IOMMU of this device: that is its parent's. */
	rc = vfio_register_emulated_iommu_dev(&subdevice->front.vdev);
	if (rc)
		goto err_free;
	dev_set_drvdata(&mdev->dev, subdevice);
	return 0;

err_free:
	subdevice_free(subdevice);
err_available:
	atomic_inc(&type->available);
	return rc;
}

static void subdevice_remove(struct mdev_device *mdev)
{
	struct subdevice *subdevice = dev_get_drvdata(&mdev->dev);

	/* Waits until nobody has it open. */
	vfio_unregister_group_dev(&subdevice->front.vdev);
	subdevice_free(subdevice);
	atomic_inc(&to_parent_type(mdev->type)->available);
}

/* The VFIO driver of sub-devices. */
struct mdev_driver devices_subdevice_driver = {
	.device_api = VFIO_DEVICE_API_PLATFORM_STRING,
	.probe = subdevice_probe,
	.remove = subdevice_remove,
	.get_available = get_available,
	.driver = {
		.name = "iosim-subdevice",
		.owner = THIS_MODULE,
		.mod_name = KBUILD_MODNAME,
	},
};
