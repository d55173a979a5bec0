// SPDX-License-Identifier: GPL-2.0-only
/*
 * User-managed page tables of the mock IOMMU: four entries of an IOTLB, to be invalidated.
 */
#include <linux/slab.h>

#include "iommu.h"

static int invalidate_one(struct mock_nested *nested,
			  const struct iommu_hwpt_invalidate_selftest *entry)
{
	if (entry->flags & ~IOMMU_TEST_INVALIDATE_FLAG_ALL)
		return -EOPNOTSUPP;
	if (entry->iotlb_id > MOCK_NESTED_DOMAIN_IOTLB_ID_MAX)
		return -EINVAL;
	if (entry->flags & IOMMU_TEST_INVALIDATE_FLAG_ALL)
		memset(nested->iotlb, 0, sizeof(nested->iotlb));
	else
		nested->iotlb[entry->iotlb_id] = 0;
	return 0;
}

static int mock_invalidate(struct iommu_domain *domain,
			   struct iommu_user_data_array *array)
{
	struct iommu_hwpt_invalidate_selftest entry;
	int rc = 0;
	u32 i = 0;

	if (array->type != IOMMU_HWPT_INVALIDATE_DATA_SELFTEST)
		rc = -EINVAL;
	while (!rc && i < array->entry_num) {
		rc = iommu_copy_struct_from_user_array(&entry, array,
						       array->type, i,
						       iotlb_id);
		if (!rc)
			rc = invalidate_one(mock_nested_of(domain), &entry);
		if (!rc)
			i++;
		cond_resched();
	}
	array->entry_num = i;
	return rc;
}

static void mock_nested_free(struct iommu_domain *domain)
{
	kfree(mock_nested_of(domain));
}

static const struct iommu_domain_ops nested_ops = {
	.attach_dev = mock_device_attach,
	.cache_invalidate_user = mock_invalidate,
	.free = mock_nested_free,
};

/**
 * mock_nested_alloc - a page table of the user's
 * @data: struct iommu_hwpt_selftest
 *
 * Return: the domain, or ERR_PTR of -EINVAL, -EFAULT, -ENOMEM.
 */
struct iommu_domain *mock_nested_alloc(const struct iommu_user_data *data)
{
	struct iommu_hwpt_selftest config;
	struct mock_nested *nested;
	unsigned int i;
	int rc;

	rc = iommu_copy_struct_from_user(&config, data,
					 IOMMU_HWPT_DATA_SELFTEST, iotlb);
	if (rc)
		return ERR_PTR(rc);
	nested = kzalloc(sizeof(*nested), GFP_KERNEL_ACCOUNT);
	if (!nested)
		return ERR_PTR(-ENOMEM);
	nested->domain.type = IOMMU_DOMAIN_NESTED;
	nested->domain.ops = &nested_ops;
	for (i = 0; i < ARRAY_SIZE(nested->iotlb); i++)
		nested->iotlb[i] = config.iotlb;
	return &nested->domain;
}

/**
 * mock_nested_is - is a domain one of these?
 * @domain: any domain
 */
bool mock_nested_is(const struct iommu_domain *domain)
{
	return domain->ops == &nested_ops;
}
