// SPDX-License-Identifier: GPL-2.0-only
/*
 * iosim-vfio, the VFIO driver of whole devices.
 */
#include <linux/mod_devicetable.h>
#include <linux/module.h>
#include <linux/platform_device.h>

#include "kernel.h"
#include "devices.h"
#include "front.h"
#include "unit.h"

#define PASID_BITS_MAX	20	/* what a transaction has room for */

/* A whole device sends what the user says, and leaves it to the IOMMU. */
static int device_convert(struct portal *portal, const struct iosim_desc *desc,
			  u32 *pasid)
{
	if (!(desc->flags & IOSIM_DESC_PASID))
		return 0;
	if (desc->pasid >> PASID_BITS_MAX)
		return -EINVAL;
	*pasid = desc->pasid;
	return 0;
}

static const struct portal_ops device_portal_ops = {
	.convert = device_convert,
	.interrupt = front_interrupt,
};

static const struct vfio_device_ops device_ops = {
	.name = DEVICES_VFIO_DRIVER,
	.bind_iommufd = vfio_iommufd_physical_bind,
	.unbind_iommufd = vfio_iommufd_physical_unbind,
	.attach_ioas = vfio_iommufd_physical_attach_ioas,
	.detach_ioas = vfio_iommufd_physical_detach_ioas,
	.open_device = front_open_device,
	.close_device = front_close_device,
	.read = front_read,
	.write = front_write,
	.ioctl = front_ioctl,
	KERNEL_VFIO_OPS
	KERNEL_PASID_OPS
	.mmap = front_mmap,
	.request = front_request,
};

static int device_probe(struct platform_device *pdev)
{
	struct unit *unit = unit_of(&pdev->dev);
	struct portal *portal;
	struct front *front;
	struct queue *queue;
	int rc;

	if (!unit)
		return -ENODEV;
	queue = queue_create(false);
	if (!queue)
		return -ENOMEM;
	front = vfio_alloc_device(front, vdev, &pdev->dev, &device_ops);
	if (IS_ERR(front)) {
		rc = PTR_ERR(front);
		goto err_queue;
	}
	front_init(front);
	portal = &front->portal;
	portal->ops = &device_portal_ops;
	portal->registers = unit->registers;
	portal->memory = unit->memory;
	portal->memory_size = IOSIM_MEMORY_SIZE;
	portal->pasid_bits = unit->config.pasid_bits;
	portal->features = unit_features(unit);
	portal_init(portal, queue, iosim_endpoint_of(&pdev->dev));

	platform_set_drvdata(pdev, front);
	rc = vfio_register_group_dev(&front->vdev);
	if (rc)
		goto err_put;
	return 0;

err_put:
	vfio_put_device(&front->vdev);
err_queue:
	queue_destroy(queue);
	return rc;
}

static void device_remove(struct platform_device *pdev)
{
	struct front *front = platform_get_drvdata(pdev);
	struct queue *queue = front->portal.source.queue;

	/* Waits until nobody has it open. */
	vfio_unregister_group_dev(&front->vdev);
	vfio_put_device(&front->vdev);
	queue_destroy(queue);
}

/* Binds to units of the kind "engine", by driver_override. */
struct platform_driver devices_vfio_driver = {
	.probe = device_probe,
	.remove = device_remove,
	.driver = {
		.name = DEVICES_VFIO_DRIVER,
		.owner = THIS_MODULE,
	},
	.driver_managed_dma = true,
};
