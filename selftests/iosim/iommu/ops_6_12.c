// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the core of Linux 6.12 calls.
 */
#include <linux/iopoll.h>
#include <linux/module.h>

#include "iosim.h"
#include "kernel.h"

#include "attach.h"
#include "domain.h"
#include "endpoint.h"
#include "main.h"
#include "prq.h"
#include "viommu.h"

int op_attach_dev(struct iommu_domain *domain, struct device *dev)
{
	return attach_rid(domain, dev);
}

int op_set_dev_pasid(struct iommu_domain *domain, struct device *dev,
		     ioasid_t pasid, struct iommu_domain *old)
{
	return attach_pasid(domain, dev, pasid);
}

/* Not called: there is remove_dev_pasid(). */
int op_block_pasid(struct iommu_domain *domain, struct device *dev,
		   ioasid_t pasid, struct iommu_domain *old)
{
	detach_pasid(dev, pasid);
	return 0;
}

static void op_remove_dev_pasid(struct device *dev, ioasid_t pasid,
				struct iommu_domain *domain)
{
	detach_pasid(dev, pasid);
}

static void *op_hw_info(struct device *dev, u32 *length, u32 *type)
{
	*type = main_hw_info_type(dev);
	return main_hw_info(dev, length);
}

static int op_enable_feature(struct device *dev, enum iommu_dev_features feature)
{
	if (feature != IOMMU_DEV_FEAT_IOPF)
		return -EOPNOTSUPP;
	return prq_enable(dev);
}

/*
 * For VT-d's driver, which frees what is left, somebody has to wait until nobody has a
 * request any more. Whoever has one lets go of it, whatever its user does. The device has
 * been stopped: one that tries again has made another one otherwise.
 */
static void let_go_of_requests(struct device *dev)
{
	struct iommu_fault_param *param =
		rcu_dereference_protected(dev->iommu->fault_param, true);
	int users;

	if (param)
		WARN_ON(read_poll_timeout(refcount_read, users, users <= 1,
					  USEC_PER_MSEC, 10 * USEC_PER_SEC,
					  false, &param->users));
}

static int op_disable_feature(struct device *dev,
			      enum iommu_dev_features feature)
{
	int rc;

	if (feature != IOMMU_DEV_FEAT_IOPF)
		return -EOPNOTSUPP;
	rc = prq_stop(dev);
	if (rc)
		return rc;
	let_go_of_requests(dev);
	prq_disable(dev);
	return 0;
}

static const struct ioasid_viommu_driver viommu_driver = {
	.get_viommu_size = viommu_size,
	.viommu_init = viommu_init,
};

/* The core does not replace the domain of a PASID: iommufd does it. */
int ops_register(void)
{
	int rc;

	rc = ioasid_register_iommu(&iosim_ops, IOASID_IOMMU_DIRTY |
					       IOASID_IOMMU_PASID_REPLACE);
	if (rc)
		return rc;
	rc = ioasid_register_viommu(&iosim_ops, &viommu_driver);
	if (rc)
		ioasid_unregister_iommu(&iosim_ops);
	return rc;
}

void ops_unregister(void)
{
	ioasid_unregister_viommu(&iosim_ops);
	ioasid_unregister_iommu(&iosim_ops);
}

const struct iommu_ops iosim_ops = {
	.owner = THIS_MODULE,
	.capable = main_capable,
	.hw_info = op_hw_info,
	.domain_alloc_paging = domain_alloc_paging,
	.domain_alloc_user = domain_alloc_user,
	.probe_device = endpoint_probe,
	.release_device = endpoint_release,
	.device_group = endpoint_group,
	.get_resv_regions = endpoint_reserved,
	.dev_enable_feat = op_enable_feature,
	.dev_disable_feat = op_disable_feature,
	.page_response = prq_response,
	.remove_dev_pasid = op_remove_dev_pasid,
	.pgsize_bitmap = IOSIM_PAGE_SIZES,
	.identity_domain = &identity_domain,
	.blocked_domain = &blocked_domain,
	.release_domain = &blocked_domain,
	.user_pasid_table = 1,
};
