// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel driver of a device binds processes for SVA, as far as the IOMMU core is
 * concerned: it takes PASIDs of the system's and attaches them. In place of the memory of
 * the processes there is one page. For tests only.
 */
#include <linux/gfp.h>
#include <linux/iommu.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/platform_device.h>

#include "../device.h"

#define IOVA	0x40000000UL
#define SECRET	0x5ec4e7UL
#define PROCESSES_MAX	1024

static uint processes = 1;
module_param(processes, uint, 0444);
MODULE_PARM_DESC(processes, "how many; there may be fewer");

static uint pasid;
module_param(pasid, uint, 0444);
MODULE_PARM_DESC(pasid, "that the last one has");

static ulong *page;

static int get_touched(char *buffer, const struct kernel_param *kp)
{
	return sysfs_emit(buffer, "%d\n", READ_ONCE(*page) != SECRET);
}

static const struct kernel_param_ops touched_ops = { .get = get_touched };
module_param_cb(touched, &touched_ops, NULL, 0444);
MODULE_PARM_DESC(touched, "has somebody written to the memory of the processes?");

static struct iommu_domain *domain;
static struct iommu_attach_handle handles[PROCESSES_MAX];
static u32 pasids[PROCESSES_MAX];
static uint nr;

static int attach(void)
{
	u32 new = iommu_alloc_global_pasid(dev);
	int rc;

	if (new == IOMMU_PASID_INVALID)
		return -ENOSPC;
	rc = iommu_attach_device_pasid(domain, dev, new, &handles[nr]);
	if (rc) {
		iommu_free_global_pasid(new);
		return rc;
	}
	pasids[nr++] = new;
	pasid = new;
	return 0;
}

static int attach_all(void)
{
	int rc;

	domain = iommu_paging_domain_alloc(dev);
	if (IS_ERR(domain))
		return PTR_ERR(domain);
	rc = iommu_map(domain, IOVA, virt_to_phys(page), PAGE_SIZE,
		       IOMMU_READ | IOMMU_WRITE, GFP_KERNEL);
	while (!rc && nr < min(processes, PROCESSES_MAX))
		rc = attach();
	if (nr)
		return 0;
	iommu_domain_free(domain);
	return rc;
}

static int __init sva_test_init(void)
{
	struct iommu_group *group = get_device_and_group(&platform_bus_type);
	int rc = -ENOMEM;

	if (IS_ERR(group))
		return PTR_ERR(group);
	iommu_group_put(group);
	page = (ulong *)get_zeroed_page(GFP_KERNEL);
	if (page) {
		*page = SECRET;
		rc = attach_all();
	}
	if (rc) {
		free_page((ulong)page);
		put_device(dev);
	}
	return rc;
}

static void __exit sva_test_exit(void)
{
	while (nr--) {
		iommu_detach_device_pasid(domain, dev, pasids[nr]);
		iommu_free_global_pasid(pasids[nr]);
	}
	iommu_domain_free(domain);
	free_page((ulong)page);
	put_device(dev);
}

module_init(sva_test_init);
module_exit(sva_test_exit);

MODULE_DESCRIPTION("Gives PASIDs of a device to its driver's processes, for tests");
MODULE_LICENSE("GPL");
