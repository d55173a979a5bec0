// SPDX-License-Identifier: GPL-2.0-only
/*
 * iosim, a simulated IOMMU: the module.
 *
 *	endpoint, pci	devices: how they come and go
 *	attach		which domain translates which DMA of a device
 *	domain, table	second stages
 *	quirks		what drivers of real IOMMUs do badly
 *	nested		tables of the user's, and how they are invalidated
 *	vtd		the same of VT-d: vtd_caps is what there is, vtd_walk translation
 *	viommu		what a guest has of the IOMMU
 *	dirty		dirty bits of second stages
 *	iotlb, structures	what a device has cached of all these
 *	walk		translation
 *	access, mmio	DMA, also to memory of other devices
 *	report		how its faults are reported
 *	prq		page requests
 *	ops		what the IOMMU core calls: a file for each series of kernels
 */
#include <linux/ioasid_kernel.h>
#include <linux/iommu.h>
#include <linux/ioasid.h>
#include <linux/module.h>
#include <linux/property.h>
#include <linux/rcupdate.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <uapi/linux/iommufd.h>

#include "kernel.h"
#include "attach.h"
#include "domain.h"
#include "endpoint.h"
#include "main.h"
#include "prq.h"
#include "report.h"

#define PASIDS_MAX	(1U << 20)

struct iommu_device iosim_device = { .max_pasids = PASIDS_MAX };

/**
 * main_capable - what the IOMMU can do for a device
 * @dev: the device
 * @cap: what is asked for
 */
bool main_capable(struct device *dev, enum iommu_cap cap)
{
	switch (cap) {
	case IOMMU_CAP_CACHE_COHERENCY:
		return true;
	case IOMMU_CAP_ENFORCE_CACHE_COHERENCY:
		return !quirks_has(endpoint_of(dev)->quirks,
				   IOSIM_NO_COHERENCY);
	case IOMMU_CAP_DIRTY_TRACKING:
		return endpoint_of(dev)->dirty;
	default:
		return false;
	}
}

static void *vtd_hw_info(const struct iosim_endpoint *endpoint, u32 *length)
{
	struct iommu_hw_info_vtd *info = kzalloc(sizeof(*info), GFP_KERNEL);

	if (!info)
		return ERR_PTR(-ENOMEM);
	if (quirks_has(endpoint->quirks, IOSIM_NO_READ_ONLY))
		info->flags = IOMMU_HW_INFO_VTD_ERRATA_772415_SPR17;
	info->cap_reg = endpoint->vtd.cap;
	info->ecap_reg = endpoint->vtd.ecap;
	*length = sizeof(*info);
	return info;
}

/**
 * main_hw_info_type - what kind of IOMMU it is
 * @dev: the device
 *
 * Return: what main_hw_info() gives: enum iommu_hw_info_type, or IOSIM_HW_INFO_TYPE.
 */
u32 main_hw_info_type(struct device *dev)
{
	return endpoint_of(dev)->vtd.on ? IOMMU_HW_INFO_TYPE_INTEL_VTD :
					  IOSIM_HW_INFO_TYPE;
}

/**
 * main_hw_info - what a user may know of it
 * @dev: the device
 * @length: set to the length
 *
 * Return: a struct iommu_hw_info_vtd or iosim_hw_info, to be freed by the caller, or
 * -ENOMEM.
 */
void *main_hw_info(struct device *dev, u32 *length)
{
	struct iosim_endpoint *endpoint = endpoint_of(dev);
	struct iosim_hw_info *info;

	if (endpoint->vtd.on)
		return vtd_hw_info(endpoint, length);
	info = kzalloc(sizeof(*info), GFP_KERNEL);
	if (!info)
		return ERR_PTR(-ENOMEM);
	info->flags = IOSIM_HW_NESTING | IOSIM_HW_PASID_TABLE;
	if (endpoint->dirty)
		info->flags |= IOSIM_HW_DIRTY;
	if (endpoint->pri)
		info->flags |= IOSIM_HW_PRI;
	info->addr_bits = IOSIM_ADDR_BITS;
	info->pasid_bits = ilog2(PASIDS_MAX);
	info->prq_size = endpoint->prq_size;
	info->page_sizes = quirks_has(endpoint->quirks, IOSIM_ONLY_4K) ?
			   SZ_4K : IOSIM_PAGE_SIZES;
	*length = sizeof(*info);
	return info;
}

/* The core looks for devices of ours as soon as it knows us: last. */
static int register_iommu(void)
{
	int rc;

	iosim_device.fwnode = fwnode_create_software_node(NULL, NULL);
	if (IS_ERR(iosim_device.fwnode))
		return PTR_ERR(iosim_device.fwnode);
	rc = iommu_device_sysfs_add(&iosim_device, NULL, NULL, "iosim");
	if (rc)
		goto remove_node;
	rc = iommu_device_register(&iosim_device, &iosim_ops, NULL);
	if (rc)
		goto remove_sysfs;
	return 0;

remove_sysfs:
	iommu_device_sysfs_remove(&iosim_device);
remove_node:
	fwnode_remove_software_node(iosim_device.fwnode);
	return rc;
}

static void unregister_iommu(void)
{
	iommu_device_unregister(&iosim_device);
	iommu_device_sysfs_remove(&iosim_device);
	fwnode_remove_software_node(iosim_device.fwnode);
}

static int __init iosim_init(void)
{
	int rc;

	rc = endpoint_init();
	if (rc)
		return rc;
	rc = prq_init();
	if (rc)
		goto exit_endpoint;
	rc = report_init();
	if (rc)
		goto exit_prq;
	rc = ops_register();
	if (rc)
		goto exit_report;
	rc = register_iommu();
	if (rc)
		goto unregister_ioasid;
	return 0;

unregister_ioasid:
	ops_unregister();
exit_report:
	report_exit();
exit_prq:
	prq_exit();
exit_endpoint:
	endpoint_exit();
	return rc;
}

static void __exit iosim_exit(void)
{
	unregister_iommu();
	ops_unregister();
	report_exit();
	prq_exit();
	endpoint_exit();
	/* Tables are freed by RCU, with a function of ours. */
	rcu_barrier();
}

module_init(iosim_init);
module_exit(iosim_exit);
MODULE_DESCRIPTION("Simulated IOMMU for tests of iommufd");
MODULE_IMPORT_NS("IOMMUFD");
MODULE_IMPORT_NS("IOMMUFD_INTERNAL");
MODULE_LICENSE("GPL");
MODULE_VERSION(IOMMUFD_VERSION);
