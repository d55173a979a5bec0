// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel driver of units of the kind "parent".
 *
 * The device's RID stays with this driver, which does DMA without a PASID through
 * the DMA API, like any driver. Sub-devices use PASIDs of the same device: see
 * subdevice.c.
 */
#include <linux/dma-mapping.h>
#include <linux/module.h>
#include <linux/platform_device.h>
#include <linux/random.h>
#include <linux/slab.h>

#include "devices.h"
#include "parent.h"
#include "unit.h"

#define MAX_SUBDEVICES	16	/* of a type */

/* The buffer: source, destination, completion. */
#define CHECK_SIZE	PAGE_SIZE
#define BUFFER_SIZE	(3 * CHECK_SIZE)

static int parent_convert(struct portal *portal, const struct iosim_desc *desc,
			  u32 *pasid)
{
	return 0;
}

static void parent_interrupt(struct portal *portal)
{
	complete(&container_of(portal, struct parent, portal)->done);
}

static const struct portal_ops parent_portal_ops = {
	.convert = parent_convert,
	.interrupt = parent_interrupt,
};

/* Copy random bytes by DMA. The caller holds @check. */
static int copy_random(struct parent *parent)
{
	struct iosim_completion *end = parent->buffer + 2 * CHECK_SIZE;
	struct iosim_desc desc = {
		.op = IOSIM_OP_COPY,
		.flags = IOSIM_DESC_COMPLETION | IOSIM_DESC_INTERRUPT,
		.src = parent->buffer_addr,
		.dst = parent->buffer_addr + CHECK_SIZE,
		.length = CHECK_SIZE,
		.completion = parent->buffer_addr + 2 * CHECK_SIZE,
	};
	int rc;

	get_random_bytes(parent->buffer, CHECK_SIZE);
	memset(parent->buffer + CHECK_SIZE, 0, BUFFER_SIZE - CHECK_SIZE);
	reinit_completion(&parent->done);
	rc = portal_submit(&parent->portal, &desc);
	if (rc)
		return rc;
	if (!wait_for_completion_timeout(&parent->done, 10 * HZ)) {
		portal_reset(&parent->portal);
		return -ETIMEDOUT;
	}
	if (end->status != IOSIM_STATUS_OK || end->result != CHECK_SIZE ||
	    memcmp(parent->buffer, parent->buffer + CHECK_SIZE, CHECK_SIZE)) {
		dev_err(parent->dev, "DMA went wrong: status %u, reason %u\n",
			end->status, end->reason);
		return -EIO;
	}
	return 0;
}

static int check_dma(struct parent *parent)
{
	int rc;

	if (mutex_lock_interruptible(&parent->check))
		return -EINTR;
	rc = copy_random(parent);
	if (!rc)
		parent->checks++;
	mutex_unlock(&parent->check);
	return rc;
}

static ssize_t dma_check_show(struct device *dev, struct device_attribute *attr,
			      char *buf)
{
	struct parent *parent = dev_get_drvdata(dev);

	return sysfs_emit(buf, "%llu\n", READ_ONCE(parent->checks));
}

static ssize_t dma_check_store(struct device *dev,
			       struct device_attribute *attr, const char *buf,
			       size_t count)
{
	return check_dma(dev_get_drvdata(dev)) ?: count;
}

static DEVICE_ATTR_RW(dma_check);

static struct attribute *parent_attrs[] = {
	&dev_attr_dma_check.attr,
	NULL,
};
ATTRIBUTE_GROUPS(parent);

static void init_type(struct parent *parent, unsigned int i, const char *name,
		      enum ioasid_pasid_space space)
{
	struct parent_type *type = &parent->types[i];

	type->type.sysfs_name = name;
	type->space = space;
	atomic_set(&type->available, parent->pasid_bits ? MAX_SUBDEVICES : 0);
	parent->type_list[i] = &type->type;
}

static void free_hardware(struct parent *parent)
{
	portal_close(&parent->portal);
	dma_free_coherent(parent->dev, BUFFER_SIZE, parent->buffer,
			  parent->buffer_addr);
	queue_destroy(parent->shared);
	queue_destroy(parent->queue);
}

static int init_hardware(struct parent *parent, struct unit *unit)
{
	struct portal *portal = &parent->portal;
	int rc;

	rc = dma_set_mask_and_coherent(parent->dev,
				       DMA_BIT_MASK(IOSIM_ADDR_BITS));
	if (rc)
		return rc;
	parent->queue = queue_create(false);
	parent->shared = queue_create(true);
	parent->buffer = dma_alloc_coherent(parent->dev, BUFFER_SIZE,
					    &parent->buffer_addr, GFP_KERNEL);
	if (!parent->queue || !parent->shared || !parent->buffer)
		goto err_free;

	portal->ops = &parent_portal_ops;
	portal->registers = unit->registers;
	portal->memory = unit->memory;
	portal_init(portal, parent->queue, parent->endpoint);
	portal_open(portal);
	return 0;

err_free:
	if (parent->buffer)
		dma_free_coherent(parent->dev, BUFFER_SIZE, parent->buffer,
				  parent->buffer_addr);
	queue_destroy(parent->shared);
	queue_destroy(parent->queue);
	return -ENOMEM;
}

static int parent_probe(struct platform_device *pdev)
{
	struct unit *unit = unit_of(&pdev->dev);
	struct parent *parent;
	int rc;

	if (!unit)
		return -ENODEV;
	parent = kzalloc(sizeof(*parent), GFP_KERNEL);
	if (!parent)
		return -ENOMEM;
	parent->dev = &pdev->dev;
	parent->endpoint = iosim_endpoint_of(&pdev->dev);
	parent->pasid_bits = unit->config.pasid_bits;
	parent->features = unit_features(unit);
	mutex_init(&parent->check);
	init_completion(&parent->done);
	init_type(parent, 0, "local", IOASID_PASID_LOCAL);
	init_type(parent, 1, "global", IOASID_PASID_GLOBAL);

	rc = init_hardware(parent, unit);
	if (rc)
		goto err_free;
	rc = check_dma(parent);
	if (rc)
		goto err_hardware;
	platform_set_drvdata(pdev, parent);
	rc = mdev_register_parent(&parent->mdev, &pdev->dev,
				  &devices_subdevice_driver, parent->type_list,
				  PARENT_NR_TYPES);
	if (rc)
		goto err_hardware;
	return 0;

err_hardware:
	free_hardware(parent);
err_free:
	kfree(parent);
	return rc;
}

static void parent_remove(struct platform_device *pdev)
{
	struct parent *parent = platform_get_drvdata(pdev);

	/* Waits for the users of the sub-devices. */
	mdev_unregister_parent(&parent->mdev);
	free_hardware(parent);
	kfree(parent);
}

/* Binds to units of the kind "parent", by driver_override. */
struct platform_driver devices_parent_driver = {
	.probe = parent_probe,
	.remove = parent_remove,
	.driver = {
		.name = DEVICES_PARENT_DRIVER,
		.owner = THIS_MODULE,
		.dev_groups = parent_groups,
	},
};
