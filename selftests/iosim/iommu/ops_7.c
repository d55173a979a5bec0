// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the core of Linux 7.x calls. Page requests are the driver's to enable: as long
 * as the device is attached to a domain that has a handler for them.
 */
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/pci-ats.h>

#include "iosim.h"
#include "kernel.h"

#include "attach.h"
#include "domain.h"
#include "endpoint.h"
#include "main.h"
#include "prq.h"
#include "viommu.h"

/* The group's mutex keeps these two in order. */
static int requests_begin(const struct iommu_domain *domain, struct device *dev)
{
	struct iosim_endpoint *endpoint = endpoint_of(dev);
	int rc = 0;

	if (!domain || !domain->iopf_handler)
		return 0;
	if (!endpoint->nr_handlers)
		rc = prq_enable(dev);
	if (!rc)
		endpoint->nr_handlers++;
	return rc;
}

static void requests_end(const struct iommu_domain *domain, struct device *dev)
{
	struct iosim_endpoint *endpoint = endpoint_of(dev);

	if (domain && domain->iopf_handler && !--endpoint->nr_handlers &&
	    !prq_stop(dev))
		prq_disable(dev);
}

int op_attach_dev(struct iommu_domain *domain, struct device *dev,
		  struct iommu_domain *old)
{
	int rc = requests_begin(domain, dev);

	if (rc)
		return rc;
	rc = attach_rid(domain, dev);
	requests_end(rc ? domain : old, dev);
	return rc;
}

int op_set_dev_pasid(struct iommu_domain *domain, struct device *dev,
		     ioasid_t pasid, struct iommu_domain *old)
{
	bool had = attach_has_pasid(dev, pasid);
	int rc = requests_begin(domain, dev);

	if (rc)
		return rc;
	rc = attach_pasid(domain, dev, pasid);
	if (rc || had)
		requests_end(rc ? domain : old, dev);
	return rc;
}

int op_block_pasid(struct iommu_domain *domain, struct device *dev,
		   ioasid_t pasid, struct iommu_domain *old)
{
	if (detach_pasid(dev, pasid))
		requests_end(old, dev);
	return 0;
}

static void *op_hw_info(struct device *dev, u32 *length,
			enum iommu_hw_info_type *type)
{
	enum iommu_hw_info_type mine = main_hw_info_type(dev);

	if (*type != IOMMU_HW_INFO_TYPE_NONE && *type != mine)
		return ERR_PTR(-EOPNOTSUPP);
	*type = mine;
	return main_hw_info(dev, length);
}

/* All are for PASIDs, too, where there are any, which iommufd has found out. */
static struct iommu_domain *op_alloc_paging(struct device *dev, u32 flags,
					    const struct iommu_user_data *data)
{
	return domain_alloc_user(dev, flags & ~IOMMU_HWPT_ALLOC_PASID, NULL,
				 data);
}

static struct iommu_domain *op_alloc_nested(struct device *dev,
					    struct iommu_domain *parent,
					    u32 flags,
					    const struct iommu_user_data *data)
{
	return domain_alloc_user(dev, flags & ~IOMMU_HWPT_ALLOC_PASID, parent,
				 data);
}

/* What is not of PCI has nothing like ATS, and lacks nothing. */
static bool op_capable(struct device *dev, enum iommu_cap cap)
{
	if (cap == IOMMU_CAP_PCI_ATS_SUPPORTED)
		return !dev_is_pci(dev) || pci_ats_supported(to_pci_dev(dev));
	return main_capable(dev, cap);
}

/* struct iommu_ops has all of it. */
int ops_register(void)
{
	return ioasid_register_iommu(&iosim_ops, IOASID_IOMMU_DIRTY);
}

void ops_unregister(void)
{
	ioasid_unregister_iommu(&iosim_ops);
}

const struct iommu_ops iosim_ops = {
	.owner = THIS_MODULE,
	.capable = op_capable,
	.hw_info = op_hw_info,
	.domain_alloc_paging = domain_alloc_paging,
	.domain_alloc_paging_flags = op_alloc_paging,
	.domain_alloc_nested = op_alloc_nested,
	.probe_device = endpoint_probe,
	.release_device = endpoint_release,
	.device_group = endpoint_group,
	.get_resv_regions = endpoint_reserved,
	.page_response = prq_response,
	.get_viommu_size = viommu_size,
	.viommu_init = viommu_init,
	.identity_domain = &identity_domain,
	.blocked_domain = &blocked_domain,
	.release_domain = &blocked_domain,
	.user_pasid_table = 1,
};
