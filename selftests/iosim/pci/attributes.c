// SPDX-License-Identifier: GPL-2.0-only
/*
 * The directory "pci" of a device in configfs: the shape of a function.
 */
#include <linux/ctype.h>
#include <linux/log2.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/sizes.h>

#include "attributes.h"
#include "caps.h"

#define ACS_BITS	(PCI_ACS_SV | PCI_ACS_TB | PCI_ACS_RR | PCI_ACS_CR | \
			 PCI_ACS_UF | PCI_ACS_DT)
/* Nobody's: the Linux Foundation has no PCI devices. */
#define VENDOR		0x1d6b
#define DEVICE		0x494f

static struct attributes *to_attributes(struct config_item *item)
{
	return container_of(to_config_group(item), struct attributes, group);
}

/* Returns with the lock held, unless something is plugged in. */
static int lock_free(struct attributes *attributes)
{
	mutex_lock(&attributes->lock);
	if (!attributes->fixed)
		return 0;
	mutex_unlock(&attributes->lock);
	return -EBUSY;
}

#define NUMBER(name, format, fits)					\
static ssize_t name##_show(struct config_item *item, char *page)	\
{									\
	return sysfs_emit(page, format "\n",				\
			  to_attributes(item)->shape.name);		\
}									\
									\
static ssize_t name##_store(struct config_item *item, const char *page,	\
			    size_t count)				\
{									\
	struct attributes *attributes = to_attributes(item);		\
	u32 value;							\
	int rc;								\
									\
	rc = kstrtou32(page, 0, &value);				\
	if (rc)								\
		return rc;						\
	if (!(fits))							\
		return -ERANGE;						\
	rc = lock_free(attributes);					\
	if (rc)								\
		return rc;						\
	attributes->shape.name = value;					\
	mutex_unlock(&attributes->lock);				\
	return count;							\
}									\
									\
CONFIGFS_ATTR(, name)

NUMBER(multifunction, "%u", value <= 1);
NUMBER(acs, "0x%x", !(value & ~ACS_BITS));
NUMBER(ats, "%u", value <= 1);
NUMBER(flr, "%u", value <= 1);
NUMBER(msi, "%u", value <= 1);
NUMBER(msix, "%u", value <= MSIX_VECTORS_MAX);
NUMBER(memory, "%u", !value || (is_power_of_2(value) && value >= SZ_4K &&
				value <= SZ_4M));
NUMBER(siov, "%u", value <= 1);

static ssize_t port_show(struct config_item *item, char *page)
{
	struct attributes *attributes = to_attributes(item);
	ssize_t rc;

	mutex_lock(&attributes->lock);
	rc = sysfs_emit(page, "%s\n", attributes->shape.port);
	mutex_unlock(&attributes->lock);
	return rc;
}

static ssize_t port_store(struct config_item *item, const char *page,
			  size_t count)
{
	struct attributes *attributes = to_attributes(item);
	size_t length = count;
	int rc;

	while (length && isspace(page[length - 1]))
		length--;
	if (length >= sizeof(attributes->shape.port))
		return -ENAMETOOLONG;
	rc = lock_free(attributes);
	if (rc)
		return rc;
	memcpy(attributes->shape.port, page, length);
	attributes->shape.port[length] = '\0';
	mutex_unlock(&attributes->lock);
	return count;
}

static ssize_t devfn_show(struct config_item *item, char *page)
{
	int devfn = READ_ONCE(to_attributes(item)->shape.devfn);

	if (devfn == SHAPE_ANY)
		return sysfs_emit(page, "\n");
	return sysfs_emit(page, "%02x.%u\n", PCI_SLOT(devfn), PCI_FUNC(devfn));
}

static int parse_devfn(const char *page)
{
	unsigned int slot, func;
	char more;

	if (sysfs_streq(page, ""))
		return SHAPE_ANY;
	if (sscanf(page, "%x.%u %c", &slot, &func, &more) != 2 || slot > 0x1f ||
	    func > 7)
		return -EINVAL;
	return PCI_DEVFN(slot, func);
}

static ssize_t devfn_store(struct config_item *item, const char *page,
			   size_t count)
{
	struct attributes *attributes = to_attributes(item);
	int devfn = parse_devfn(page), rc;

	if (devfn == -EINVAL)
		return devfn;
	rc = lock_free(attributes);
	if (rc)
		return rc;
	WRITE_ONCE(attributes->shape.devfn, devfn);
	mutex_unlock(&attributes->lock);
	return count;
}

static ssize_t id_show(struct config_item *item, char *page)
{
	const struct shape *shape = &to_attributes(item)->shape;

	return sysfs_emit(page, "%04x:%04x\n", shape->vendor, shape->device);
}

static ssize_t id_store(struct config_item *item, const char *page,
			size_t count)
{
	struct attributes *attributes = to_attributes(item);
	unsigned int vendor, device;
	char more;
	int rc;

	/* All ones is what is read where nothing is. */
	if (sscanf(page, "%x:%x %c", &vendor, &device, &more) != 2 ||
	    vendor >= 0xffff || device > 0xffff)
		return -EINVAL;
	rc = lock_free(attributes);
	if (rc)
		return rc;
	attributes->shape.vendor = vendor;
	attributes->shape.device = device;
	mutex_unlock(&attributes->lock);
	return count;
}

CONFIGFS_ATTR(, port);
CONFIGFS_ATTR(, devfn);
CONFIGFS_ATTR(, id);

static struct configfs_attribute *attrs[] = {
	&attr_port,
	&attr_devfn,
	&attr_multifunction,
	&attr_id,
	&attr_acs,
	&attr_ats,
	&attr_flr,
	&attr_msi,
	&attr_msix,
	&attr_memory,
	&attr_siov,
	NULL,
};

static const struct config_item_type type = {
	.ct_attrs = attrs,
	.ct_owner = THIS_MODULE,
};

/**
 * attributes_init - make the directory
 * @attributes: to be filled; configfs keeps it as long as the directory above
 */
void attributes_init(struct attributes *attributes)
{
	mutex_init(&attributes->lock);
	attributes->shape = (struct shape){
		.devfn = SHAPE_ANY,
		.vendor = VENDOR,
		.device = DEVICE,
		.flr = true,
		.msix = 1,
		.memory = SZ_64K,
	};
	config_group_init_type_name(&attributes->group, "pci", &type);
}

/**
 * attributes_fix - let the files be written to, or not
 * @attributes: the directory
 * @fixed: they cannot
 *
 * While they cannot, the shape does not change.
 */
void attributes_fix(struct attributes *attributes, bool fixed)
{
	mutex_lock(&attributes->lock);
	attributes->fixed = fixed;
	mutex_unlock(&attributes->lock);
}
