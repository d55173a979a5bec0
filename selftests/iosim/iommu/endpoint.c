// SPDX-License-Identifier: GPL-2.0-only
/*
 * Endpoints: devices, how they come and go, and what the IOMMU core asks about
 * them.
 *
 * An endpoint is a platform device, or a function of PCI, for which see pci.c. The core
 * finds the IOMMU that it is behind by the fwspec, which must be there before the device
 * is added, and the number in the fwspec leads from the device to the endpoint.
 */
#include <linux/dma-mapping.h>
#include <linux/iommu.h>
#include <linux/irqdomain.h>
#include <linux/pci.h>
#include <linux/platform_device.h>
#include <linux/property.h>
#include <linux/slab.h>
#include <linux/xarray.h>

#include "domain.h"
#include "endpoint.h"
#include "main.h"
#include "pci.h"
#include "prq.h"
#include "report.h"

#define RID_MAX			0xffff
#define WIDE_PASID_BITS_MAX	12	/* with longer addresses: see iotlb_init() */
#define PRQ_SIZE_MAX		1024

static DEFINE_XARRAY_ALLOC1(endpoints);

/* Nobody allocates interrupts in it: its flag is what counts. */
static struct irq_domain *isolated_msi;
static struct fwnode_handle *msi_node;
static const struct irq_domain_ops msi_ops;

/**
 * endpoint_init - prepare for endpoints
 *
 * Return: 0 or an error.
 */
int endpoint_init(void)
{
	struct irq_domain_info info = {
		.domain_flags = IRQ_DOMAIN_FLAG_ISOLATED_MSI,
		.ops = &msi_ops,
	};

	msi_node = irq_domain_alloc_named_fwnode("iosim-msi");
	if (!msi_node)
		return -ENOMEM;
	info.fwnode = msi_node;
	isolated_msi = irq_domain_instantiate(&info);
	if (IS_ERR(isolated_msi)) {
		irq_domain_free_fwnode(msi_node);
		return PTR_ERR(isolated_msi);
	}
	return 0;
}

/**
 * endpoint_exit - undo endpoint_init()
 *
 * There are no endpoints.
 */
void endpoint_exit(void)
{
	irq_domain_remove(isolated_msi);
	irq_domain_free_fwnode(msi_node);
}

/**
 * endpoint_probe - find the endpoint of a device that has been added
 * @dev: the device, which has our fwnode in its fwspec
 *
 * Return: the IOMMU, or -ENODEV.
 */
struct iommu_device *endpoint_probe(struct device *dev)
{
	struct iommu_fwspec *fwspec = dev_iommu_fwspec_get(dev);
	struct iosim_endpoint *endpoint;

	if (!fwspec || fwspec->num_ids != 1)
		return ERR_PTR(-ENODEV);
	endpoint = xa_load(&endpoints, fwspec->ids[0]);
	if (!endpoint || endpoint->dev != dev)
		return ERR_PTR(-ENODEV);
	dev_iommu_priv_set(dev, endpoint);
	pci_begin(endpoint);
	return &iosim_device;
}

/**
 * endpoint_release - let go of a device that is being removed
 * @dev: the device
 *
 * The core has attached the blocked domain, and forgets the device afterwards. Reports that
 * are late look at what it knows.
 */
void endpoint_release(struct device *dev)
{
	struct iosim_endpoint *endpoint = endpoint_of(dev);

	attach_release(endpoint);
	if (!prq_stop(dev))
		prq_disable(dev);
	report_wait(endpoint);
	pci_end(endpoint);
}

/**
 * endpoint_group - find or make the group of a device
 * @dev: the device
 *
 * Return: the group, referenced, or an error.
 */
struct iommu_group *endpoint_group(struct device *dev)
{
	struct iosim_endpoint *other = endpoint_of(dev)->group_with;
	struct iommu_group *group;

	if (dev_is_pci(dev))
		return pci_device_group(dev);
	if (!other)
		return generic_device_group(dev);
	group = iommu_group_get(other->dev);
	return group ?: ERR_PTR(-ENODEV);
}

/**
 * endpoint_reserved - list what a device cannot address
 * @dev: the device
 * @list: where to add it
 */
void endpoint_reserved(struct device *dev, struct list_head *list)
{
	struct iosim_endpoint *endpoint = endpoint_of(dev);
	struct iommu_resv_region *region;

	if (endpoint->vtd.on) {
		region = iommu_alloc_resv_region(VTD_INTERRUPTS,
						 VTD_INTERRUPTS_SIZE, 0,
						 IOMMU_RESV_MSI, GFP_KERNEL);
		if (region)
			list_add_tail(&region->list, list);
	}
	if (dev_is_pci(dev) && !endpoint->vtd.on)
		pci_reserved(list);
	if (endpoint->reserved_start > endpoint->reserved_last)
		return;
	region = iommu_alloc_resv_region(endpoint->reserved_start,
					 endpoint->reserved_last -
					 endpoint->reserved_start + 1, 0,
					 IOMMU_RESV_RESERVED, GFP_KERNEL);
	if (region)
		list_add_tail(&region->list, list);
}

static bool config_valid(const struct iosim_config *config)
{
	return config->pasid_bits <= PASID_BITS_MAX &&
	       config->addr_bits >= 32 && config->addr_bits <= 64 &&
	       (config->addr_bits <= IOSIM_ADDR_BITS ||
		config->pasid_bits <= WIDE_PASID_BITS_MAX) &&
	       config->prq_size >= 1 && config->prq_size <= PRQ_SIZE_MAX &&
	       config->quirks < BIT(IOSIM_NR_QUIRKS);
}

static struct iosim_endpoint *endpoint_alloc(const struct iosim_config *config)
{
	struct iosim_endpoint *endpoint = kzalloc(sizeof(*endpoint),
						  GFP_KERNEL);

	if (!endpoint)
		return NULL;
	endpoint->quirks = quirks_create(config->quirks);
	if (!endpoint->quirks)
		goto err_free;
	if (iotlb_init(&endpoint->iotlb,
		       max(config->addr_bits, IOSIM_ADDR_BITS)))
		goto err_quirks;
	endpoint->pasid_bits = config->pasid_bits;
	endpoint->pasid_bits_max = config->pasid_bits;
	endpoint->pri = config->pri;
	endpoint->dirty = config->dirty;
	endpoint->addr_bits = config->addr_bits;
	endpoint->reserved_start = config->reserved_start;
	endpoint->reserved_last = config->reserved_last;
	endpoint->group_with = config->group_with;
	endpoint->prq_size = config->prq_size;
	endpoint->fault_thread = config->fault_thread;
	endpoint->vtd = vtd_of(config);
	endpoint->master = true;
	mutex_init(&endpoint->attach_lock);
	init_rwsem(&endpoint->gate);
	spin_lock_init(&endpoint->lock);
	hash_init(endpoint->pasids);
	INIT_LIST_HEAD(&endpoint->requests);
	init_waitqueue_head(&endpoint->answered);
	return endpoint;

err_quirks:
	quirks_put(endpoint->quirks);
err_free:
	kfree(endpoint);
	return NULL;
}

static void endpoint_free(struct iosim_endpoint *endpoint)
{
	iotlb_destroy(&endpoint->iotlb);
	quirks_put(endpoint->quirks);
	kfree(endpoint);
}

/* A VT-d may do less than its devices could, and says so by its registers. */
static int settle(struct iosim_config *config)
{
	int rc = config->vtd ? vtd_settle(config) : 0;

	if (rc)
		return rc;
	return config_valid(config) ? 0 : -EINVAL;
}

/**
 * endpoint_create - make an endpoint, which has no device yet
 * @config: what it is like
 *
 * Return: the endpoint, or -EINVAL, -ENOMEM, -EBUSY if there are too many.
 */
struct iosim_endpoint *endpoint_create(const struct iosim_config *config)
{
	struct iosim_config settled = *config;
	struct iosim_endpoint *endpoint;
	int rc = settle(&settled);

	if (rc)
		return ERR_PTR(rc);
	endpoint = endpoint_alloc(&settled);
	if (!endpoint)
		return ERR_PTR(-ENOMEM);
	rc = xa_alloc(&endpoints, &endpoint->id, endpoint,
		      XA_LIMIT(1, RID_MAX), GFP_KERNEL);
	if (rc) {
		endpoint_free(endpoint);
		return ERR_PTR(rc);
	}
	return endpoint;
}

/**
 * endpoint_destroy - undo endpoint_create()
 * @endpoint: an endpoint that has no device any more
 */
void endpoint_destroy(struct iosim_endpoint *endpoint)
{
	xa_erase(&endpoints, endpoint->id);
	endpoint_free(endpoint);
}

static int describe(struct platform_device *pdev,
		    const struct iosim_config *config)
{
	struct property_entry properties[3] = { };
	unsigned int nr = 0;
	int rc;

	rc = platform_device_add_resources(pdev, config->resources,
					   config->nr_resources);
	if (rc)
		return rc;
	if (config->driver) {
		rc = device_set_driver_override(&pdev->dev, config->driver);
		if (rc)
			return rc;
	}
	pdev->platform_dma_mask = DMA_BIT_MASK(config->addr_bits);
	pdev->dev.coherent_dma_mask = pdev->platform_dma_mask;
	if (config->isolated_msi)
		dev_set_msi_domain(&pdev->dev, isolated_msi);
	if (config->pasid_bits)
		properties[nr++] = PROPERTY_ENTRY_U32("pasid-num-bits",
						      config->pasid_bits);
	if (config->pri)
		properties[nr++] = PROPERTY_ENTRY_BOOL("dma-can-stall");
	if (!nr)
		return 0;
	return device_create_managed_software_node(&pdev->dev, properties,
						   NULL);
}

/**
 * endpoint_describe - tell the core which IOMMU a device is behind
 * @endpoint: the endpoint
 * @dev: its device, which is about to be added
 *
 * iommu_fwspec_init() is for buses, which call it with a lock of the core's held that
 * modules cannot take. The core frees this with the device.
 *
 * Return: 0 or -ENOMEM.
 */
int endpoint_describe(struct iosim_endpoint *endpoint, struct device *dev)
{
	struct iommu_fwspec *fwspec = kzalloc(struct_size(fwspec, ids, 1),
					      GFP_KERNEL);
	struct dev_iommu *param = kzalloc(sizeof(*param), GFP_KERNEL);

	if (!fwspec || !param) {
		kfree(fwspec);
		kfree(param);
		return -ENOMEM;
	}
	fwspec->iommu_fwnode = fwnode_handle_get(iosim_device.fwnode);
	fwspec->num_ids = 1;
	fwspec->ids[0] = endpoint->id;
	mutex_init(&param->lock);
	param->fwspec = fwspec;
	dev->iommu = param;
	endpoint->dev = dev;
	return 0;
}

/* As the core does it, which does not export that any more. */
static void free_fwspec(struct dev_iommu *param)
{
	if (!param->fwspec)
		return;
	fwnode_handle_put(param->fwspec->iommu_fwnode);
	kfree(param->fwspec);
	param->fwspec = NULL;
}

/* What belongs to a device that has not been added would stay behind. */
static void undescribe(struct platform_device *pdev)
{
	struct dev_iommu *param = pdev->dev.iommu;

	if (param) {
		free_fwspec(param);
		pdev->dev.iommu = NULL;
		kfree(param);
	}
	if (is_software_node(dev_fwnode(&pdev->dev)))
		device_remove_software_node(&pdev->dev);
}

static int endpoint_add(struct iosim_endpoint *endpoint,
			struct platform_device *pdev,
			const struct iosim_config *config)
{
	int rc;

	rc = describe(pdev, config);
	if (!rc)
		rc = endpoint_describe(endpoint, &pdev->dev);
	if (!rc)
		rc = platform_device_add(pdev);
	if (rc) {
		undescribe(pdev);
		return rc;
	}
	/* A failing probe of the IOMMU does not keep the device from appearing. */
	if (!device_iommu_mapped(&pdev->dev)) {
		platform_device_del(pdev);
		return -ENODEV;
	}
	return 0;
}

/**
 * iosim_endpoint_create - make a device behind the IOMMU
 * @config: what it is like
 *
 * Its driver may be probed before it returns.
 *
 * Return: the endpoint, or -EINVAL, -ENOMEM, -ENODEV if the IOMMU core does not
 * take it, or another error.
 */
struct iosim_endpoint *iosim_endpoint_create(const struct iosim_config *config)
{
	struct iosim_config settled = *config;
	struct iosim_endpoint *endpoint;
	struct platform_device *pdev;
	int rc = settle(&settled);

	if (rc)
		return ERR_PTR(rc);
	endpoint = endpoint_create(&settled);
	if (IS_ERR(endpoint))
		return endpoint;
	rc = -ENOMEM;
	pdev = platform_device_alloc(config->name, PLATFORM_DEVID_NONE);
	if (!pdev)
		goto destroy;
	rc = endpoint_add(endpoint, pdev, &settled);
	if (!rc)
		return endpoint;
	platform_device_put(pdev);
destroy:
	endpoint_destroy(endpoint);
	return ERR_PTR(rc);
}
EXPORT_SYMBOL_GPL(iosim_endpoint_create);

/**
 * iosim_endpoint_remove - remove a device
 * @endpoint: the device; nobody does DMA with it when its driver has been unbound
 */
void iosim_endpoint_remove(struct iosim_endpoint *endpoint)
{
	platform_device_unregister(to_platform_device(endpoint->dev));
	endpoint_destroy(endpoint);
}
EXPORT_SYMBOL_GPL(iosim_endpoint_remove);

/**
 * iosim_endpoint_device - the platform device of an endpoint
 * @endpoint: the endpoint
 *
 * Return: the device, valid as long as the endpoint.
 */
struct platform_device *iosim_endpoint_device(struct iosim_endpoint *endpoint)
{
	return to_platform_device(endpoint->dev);
}
EXPORT_SYMBOL_GPL(iosim_endpoint_device);

/**
 * iosim_endpoint_of - the endpoint of a device
 * @dev: any device
 *
 * For its driver: valid until iosim_endpoint_remove().
 *
 * Return: the endpoint, or NULL if it is none of ours.
 */
struct iosim_endpoint *iosim_endpoint_of(struct device *dev)
{
	struct iosim_endpoint *endpoint, *found = NULL;
	unsigned long id;

	xa_lock(&endpoints);
	xa_for_each(&endpoints, id, endpoint)
		if (endpoint->dev == dev)
			found = endpoint;
	xa_unlock(&endpoints);
	return found;
}
EXPORT_SYMBOL_GPL(iosim_endpoint_of);

/**
 * iosim_endpoint_counter - read a counter
 * @endpoint: the endpoint
 * @counter: which one
 *
 * Return: its value.
 */
u64 iosim_endpoint_counter(const struct iosim_endpoint *endpoint,
			   enum iosim_counter counter)
{
	return atomic64_read(&endpoint->counters[counter]);
}
EXPORT_SYMBOL_GPL(iosim_endpoint_counter);

/**
 * iosim_endpoint_fault - why DMA has faulted
 * @endpoint: the device
 *
 * Return: the fault reason that a VT-d has given for the last DMA that faulted, or 0.
 */
u32 iosim_endpoint_fault(const struct iosim_endpoint *endpoint)
{
	return READ_ONCE(endpoint->fault_code);
}
EXPORT_SYMBOL_GPL(iosim_endpoint_fault);

/**
 * iosim_endpoint_fail - let calls of the driver fail
 * @endpoint: for this device, and for page tables that were made for it
 * @fail: which ones
 * @nr: see the attribute of that name in iosim.h; not negative
 */
void iosim_endpoint_fail(struct iosim_endpoint *endpoint, enum iosim_fail fail,
			 int nr)
{
	atomic_set(&endpoint->quirks->fail[fail], nr);
}
EXPORT_SYMBOL_GPL(iosim_endpoint_fail);

/**
 * iosim_endpoint_failing - what is left of iosim_endpoint_fail()
 * @endpoint: the device
 * @fail: which calls
 *
 * Return: the number.
 */
int iosim_endpoint_failing(const struct iosim_endpoint *endpoint,
			   enum iosim_fail fail)
{
	return atomic_read(&endpoint->quirks->fail[fail]);
}
EXPORT_SYMBOL_GPL(iosim_endpoint_failing);
