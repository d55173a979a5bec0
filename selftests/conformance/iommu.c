// SPDX-License-Identifier: GPL-2.0-only
/*
 * The mock IOMMU, as the IOMMU core knows it.
 */
#include <linux/ioasid.h>
#include <linux/platform_device.h>
#include <linux/property.h>
#include <linux/slab.h>

#include "iommu.h"
#include "iommufd/command/test.h"

struct iommu_device mock_iommu = { .max_pasids = 1 << MOCK_PASID_WIDTH };

static struct iopf_queue *page_requests;

static bool mock_capable(struct device *dev, enum iommu_cap cap)
{
	switch (cap) {
	case IOMMU_CAP_CACHE_COHERENCY:
		return true;
	case IOMMU_CAP_DIRTY_TRACKING:
		return !(mock_device_of(dev)->flags &
			 MOCK_FLAGS_DEVICE_NO_DIRTY);
	default:
		return false;
	}
}

static void *mock_hw_info(struct device *dev, u32 *length, u32 *type)
{
	struct iommu_test_hw_info *info = kzalloc(sizeof(*info), GFP_KERNEL);

	if (!info)
		return ERR_PTR(-ENOMEM);
	info->test_reg = IOMMU_HW_INFO_SELFTEST_REGVAL;
	*length = sizeof(*info);
	*type = IOMMU_HW_INFO_TYPE_SELFTEST;
	return info;
}

static struct iommu_domain *
mock_alloc_user(struct device *dev, u32 flags, struct iommu_domain *parent,
		const struct iommu_user_data *data)
{
	if (parent) {
		if (flags || data->type != IOMMU_HWPT_DATA_SELFTEST)
			return ERR_PTR(-EOPNOTSUPP);
		if (!mock_domain_is(parent))
			return ERR_PTR(-EINVAL);
		return mock_nested_alloc(data);
	}
	if (data || flags & ~(IOMMU_HWPT_ALLOC_NEST_PARENT |
			      IOMMU_HWPT_ALLOC_DIRTY_TRACKING))
		return ERR_PTR(-EOPNOTSUPP);
	if (flags & IOMMU_HWPT_ALLOC_DIRTY_TRACKING)
		return mock_domain_alloc_dirty(dev);
	return mock_domain_alloc(dev) ?: ERR_PTR(-ENOMEM);
}

static struct iommu_device *mock_probe(struct device *dev)
{
	struct iommu_fwspec *fwspec = dev_iommu_fwspec_get(dev);
	struct mock_device *mdev;

	if (!fwspec || fwspec->num_ids != 1)
		return ERR_PTR(-ENODEV);
	mdev = mock_device_find(fwspec->ids[0]);
	if (!mdev || &mdev->pdev->dev != dev)
		return ERR_PTR(-ENODEV);
	dev_iommu_priv_set(dev, mdev);
	return &mock_iommu;
}

static int mock_enable(struct device *dev, enum iommu_dev_features feature)
{
	if (feature != IOMMU_DEV_FEAT_IOPF)
		return -ENODEV;
	return iopf_queue_add_device(page_requests, dev);
}

static int mock_disable(struct device *dev, enum iommu_dev_features feature)
{
	if (feature != IOMMU_DEV_FEAT_IOPF)
		return -ENODEV;
	iopf_queue_remove_device(page_requests, dev);
	return 0;
}

/* The device does not wait for it. */
static void mock_response(struct device *dev, struct iopf_fault *fault,
			  struct iommu_page_response *response)
{
}

static const struct iommu_domain_ops blocked_ops = {
	.attach_dev = mock_device_attach,
};

static struct iommu_domain blocked_domain = {
	.type = IOMMU_DOMAIN_BLOCKED,
	.ops = &blocked_ops,
};

struct iommu_ops mock_ops = {
	.capable = mock_capable,
	.hw_info = mock_hw_info,
	.domain_alloc_paging = mock_domain_alloc,
	.domain_alloc_user = mock_alloc_user,
	.probe_device = mock_probe,
	.device_group = generic_device_group,
	.dev_enable_feat = mock_enable,
	.dev_disable_feat = mock_disable,
	.page_response = mock_response,
	.pgsize_bitmap = MOCK_PAGE | PAGE_SIZE,
	.default_domain = &blocked_domain,
	.blocked_domain = &blocked_domain,
	.release_domain = &blocked_domain,
	.default_domain_ops = &mock_domain_ops,
	.user_pasid_table = 1,
};

static int register_iommu(void)
{
	int rc;

	mock_iommu.fwnode = fwnode_create_software_node(NULL, NULL);
	if (IS_ERR(mock_iommu.fwnode))
		return PTR_ERR(mock_iommu.fwnode);
	rc = iommu_device_sysfs_add(&mock_iommu, NULL, NULL,
				    "iommufd_selftest");
	if (rc)
		goto remove_node;
	rc = iommu_device_register(&mock_iommu, &mock_ops, NULL);
	if (rc)
		goto remove_sysfs;
	return 0;

remove_sysfs:
	iommu_device_sysfs_remove(&mock_iommu);
remove_node:
	fwnode_remove_software_node(mock_iommu.fwnode);
	return rc;
}

/**
 * mock_iommu_init - bring up the IOMMU, without devices
 *
 * Return: 0 or an error.
 */
int mock_iommu_init(void)
{
	int rc;

	/* The devices are this module's own, and would keep it loaded. */
	mock_ops.owner = iommufd_test_keeper();
	page_requests = iopf_queue_alloc("iommufd-selftest");
	if (!page_requests)
		return -ENOMEM;
	rc = ioasid_register_iommu(&mock_ops, IOASID_IOMMU_DIRTY);
	if (rc)
		goto free_queue;
	rc = register_iommu();
	if (rc)
		goto unregister;
	return 0;

unregister:
	ioasid_unregister_iommu(&mock_ops);
free_queue:
	iopf_queue_free(page_requests);
	return rc;
}

/**
 * mock_iommu_exit - the opposite, when the devices are gone
 */
void mock_iommu_exit(void)
{
	iommu_device_unregister(&mock_iommu);
	iommu_device_sysfs_remove(&mock_iommu);
	fwnode_remove_software_node(mock_iommu.fwnode);
	ioasid_unregister_iommu(&mock_ops);
	iopf_queue_free(page_requests);
}
