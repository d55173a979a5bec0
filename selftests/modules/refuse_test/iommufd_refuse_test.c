// SPDX-License-Identifier: GPL-2.0-only
/*
 * An IOMMU driver that cannot attach a PASID, as one that has no memory: while the module
 * is loaded, the next calls of set_dev_pasid() of the domains that two PASIDs of a device
 * are attached to fail. For tests only, which keep these domains until it is unloaded.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/ioasid.h>
#include <linux/ioasid_kernel.h>
#include <linux/iommu.h>
#include <linux/module.h>
#include <linux/platform_device.h>

#include "../device.h"
#include "iommu-priv.h"

#define NR_PASIDS	2

static unsigned int pasids[NR_PASIDS];
module_param_array(pasids, uint, NULL, 0444);
MODULE_PARM_DESC(pasids, "two PASIDs that are attached");

static unsigned int refuse;
module_param(refuse, uint, 0644);
MODULE_PARM_DESC(refuse, "how many calls fail from now on");

static bool in_place;
module_param(in_place, bool, 0444);
MODULE_PARM_DESC(in_place, "the IOMMU driver can replace what a PASID is attached to");

static const struct iommu_ops *driver;
static struct iommu_domain *domains[NR_PASIDS];
static const struct iommu_domain_ops *real[NR_PASIDS];
static struct iommu_domain_ops refusing[NR_PASIDS];

static int refuse_pasid(struct iommu_domain *domain, struct device *member,
			ioasid_t pasid, struct iommu_domain *old)
{
	int i = domain == domains[1], rc;

	if (refuse) {
		refuse--;
		return -ENOMEM;
	}
	/* The driver knows its domains by their operations. */
	domain->ops = real[i];
	rc = real[i]->set_dev_pasid(domain, member, pasid, old);
	domain->ops = &refusing[i];
	return rc;
}

static int find_domains(struct iommu_group *group)
{
	struct iommu_attach_handle *handle;
	int i;

	for (i = 0; i < NR_PASIDS; i++) {
		handle = iommu_attach_handle_get(group, pasids[i], 0);
		if (IS_ERR(handle))
			return PTR_ERR(handle);
		domains[i] = handle->domain;
	}
	return domains[0] == domains[1] ? -EINVAL : 0;
}

static void put_refusing(void)
{
	int i;

	for (i = 0; i < NR_PASIDS; i++) {
		real[i] = domains[i]->ops;
		refusing[i] = *real[i];
		refusing[i].set_dev_pasid = refuse_pasid;
		domains[i]->ops = &refusing[i];
	}
}

static int __init refuse_test_init(void)
{
	struct iommu_group *group = get_device_and_group(&platform_bus_type);
	int rc;

	if (IS_ERR(group))
		return PTR_ERR(group);
	rc = find_domains(group);
	iommu_group_put(group);
	if (rc) {
		put_device(dev);
		return rc;
	}
	driver = dev->iommu->iommu_dev->ops;
	if (!in_place)
		ioasid_unregister_iommu(driver);
	put_refusing();
	return 0;
}

static void __exit refuse_test_exit(void)
{
	int i;

	for (i = 0; i < NR_PASIDS; i++)
		domains[i]->ops = real[i];
	if (!in_place)
		WARN_ON(ioasid_register_iommu(driver, IOASID_IOMMU_DIRTY |
					      IOASID_IOMMU_PASID_REPLACE));
	put_device(dev);
}

module_init(refuse_test_init);
module_exit(refuse_test_exit);

MODULE_DESCRIPTION("Lets an IOMMU driver refuse PASIDs, for tests");
MODULE_LICENSE("GPL");
MODULE_IMPORT_NS("IOMMUFD");
MODULE_IMPORT_NS("IOMMUFD_INTERNAL");
