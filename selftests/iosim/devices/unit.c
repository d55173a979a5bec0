// SPDX-License-Identifier: GPL-2.0-only
/*
 * Units: plugging devices in and pulling them out.
 *
 * The registers and the memory of a unit are RAM. They are announced as memory
 * resources of the platform device, so that /dev/iommu knows whose they are when
 * a user maps them for peer-to-peer DMA. A resource that lies in System RAM becomes
 * a child of that in the kernel's tree.
 */
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/platform_device.h>
#include <linux/slab.h>

#include "unit.h"

/*
 * plug_lock: a unit whose group a new one joins stays for so long. units_lock: the
 * list; inside plug_lock, since drivers look for their unit while it is created.
 */
static DEFINE_MUTEX(plug_lock);
static DEFINE_MUTEX(units_lock);
static LIST_HEAD(units);

static struct unit *find_unit(const char *name)
{
	struct unit *unit;

	lockdep_assert_held(&units_lock);
	list_for_each_entry(unit, &units, link)
		if (!strcmp(unit->plugged.name, name))
			return unit;
	return NULL;
}

/**
 * unit_of - the unit behind a platform device
 * @dev: the device
 *
 * Return: the unit, which is there for as long as a driver is bound to @dev, or
 * NULL.
 */
struct unit *unit_of(struct device *dev)
{
	struct unit *unit;

	mutex_lock(&units_lock);
	unit = find_unit(dev_name(dev));
	mutex_unlock(&units_lock);
	return unit;
}

/**
 * unit_features - what a portal of a unit says that it can do
 * @unit: the unit
 *
 * Return: IOSIM_FEATURE_*
 */
u32 unit_features(const struct unit *unit)
{
	return (unit->config.pasid_bits ? IOSIM_FEATURE_PASID : 0) |
	       (unit->config.pri ? IOSIM_FEATURE_PRI : 0);
}

static void unit_free(struct unit *unit)
{
	if (unit->memory)
		free_pages_exact(unit->memory, IOSIM_MEMORY_SIZE);
	free_page((unsigned long)unit->registers);
	kfree(unit);
}

static struct unit *unit_alloc(const struct iosim_config *config)
{
	struct unit *unit = kzalloc(sizeof(*unit), GFP_KERNEL_ACCOUNT);

	if (!unit)
		return NULL;
	strscpy(unit->plugged.name, config->name);
	unit->registers = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	unit->memory = alloc_pages_exact(IOSIM_MEMORY_SIZE,
					 GFP_KERNEL_ACCOUNT | __GFP_ZERO);
	if (!unit->registers || !unit->memory) {
		unit_free(unit);
		return NULL;
	}
	unit->resources[0] =
		DEFINE_RES_MEM(virt_to_phys(unit->registers), PAGE_SIZE);
	unit->resources[1] =
		DEFINE_RES_MEM(virt_to_phys(unit->memory), IOSIM_MEMORY_SIZE);
	unit->config = *config;
	unit->config.name = unit->plugged.name;
	unit->config.resources = unit->resources;
	unit->config.nr_resources = ARRAY_SIZE(unit->resources);
	return unit;
}

static int unit_list(struct unit *unit)
{
	int rc = 0;

	mutex_lock(&units_lock);
	if (find_unit(unit->plugged.name))
		rc = -EEXIST;	/* it waits for its users to go */
	else
		list_add_tail(&unit->link, &units);
	mutex_unlock(&units_lock);
	return rc;
}

static void unit_unlist(struct unit *unit)
{
	mutex_lock(&units_lock);
	list_del(&unit->link);
	mutex_unlock(&units_lock);
}

static struct iosim_endpoint *find_group(const char *name)
{
	struct unit *unit;

	mutex_lock(&units_lock);
	unit = find_unit(name);
	mutex_unlock(&units_lock);
	return unit && !unit->leaving ? unit->plugged.endpoint : NULL;
}

/**
 * unit_plug - plug in a device
 * @config: what it is like: name, drivers and numbers
 * @group: name of a unit whose group it joins, or NULL
 *
 * When it returns a driver may be bound to the device, and users of VFIO may have
 * opened it.
 *
 * Return: what is plugged in, or ERR_PTR: -ENODEV if there is no @group, -EEXIST if a unit
 * of that name is still there, -ENOMEM, and what iosim_endpoint_create() returns.
 */
struct plugged *unit_plug(const struct iosim_config *config, const char *group)
{
	struct iosim_endpoint *endpoint;
	struct unit *unit;
	int rc;

	unit = unit_alloc(config);
	if (!unit)
		return ERR_PTR(-ENOMEM);

	mutex_lock(&plug_lock);
	if (group) {
		unit->config.group_with = find_group(group);
		if (!unit->config.group_with) {
			rc = -ENODEV;
			goto err_unlock;
		}
	}
	rc = unit_list(unit);
	if (rc)
		goto err_unlock;
	endpoint = iosim_endpoint_create(&unit->config);
	if (IS_ERR(endpoint)) {
		rc = PTR_ERR(endpoint);
		goto err_unlist;
	}
	unit->config.group_with = NULL;
	unit->plugged.endpoint = endpoint;
	mutex_unlock(&plug_lock);
	return &unit->plugged;

err_unlist:
	unit_unlist(unit);
err_unlock:
	mutex_unlock(&plug_lock);
	unit_free(unit);
	return ERR_PTR(rc);
}

/**
 * unit_unplug - pull out a device
 * @plugged: from unit_plug(); it is gone when this returns
 *
 * Waits for those who use it through VFIO; they are asked to let go of it.
 */
void unit_unplug(struct plugged *plugged)
{
	struct unit *unit = container_of(plugged, struct unit, plugged);

	mutex_lock(&plug_lock);
	unit->leaving = true;
	mutex_unlock(&plug_lock);

	iosim_endpoint_remove(unit->plugged.endpoint);
	unit_unlist(unit);
	unit_free(unit);
}
