// SPDX-License-Identifier: GPL-2.0-only
/*
 * Page tables and PASID tables in user memory: how they are installed, and how
 * the user invalidates what is cached of them.
 */
#include <linux/iommu.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "kernel.h"
#include "domain.h"
#include "endpoint.h"
#include "nested.h"
#include "viommu.h"
#include "vtd.h"

static void nested_free(struct iommu_domain *domain)
{
	struct nested *nested = to_nested(domain);

	WARN_ON(!list_empty(&nested->attachments.list));
	if (nested->viommu)
		viommu_leave(nested->viommu, &nested->in_viommu);
	domain_drop(domain);
}

/**
 * nested_range_last - the end of a range that the user gives
 * @addr: first address
 * @length: bytes; U64_MAX from 0 on is everything
 * @last: set to the last address. What is beyond the addresses that there are is no error
 *
 * Return: 0 or -EINVAL.
 */
int nested_range_last(u64 addr, u64 length, u64 *last)
{
	*last = U64_MAX;
	if (!addr && length == U64_MAX)
		return 0;
	if (!length || check_add_overflow(addr, length - 1, last))
		return -EINVAL;
	return 0;
}

static void forget_range(struct iotlb *iotlb, u32 tag,
			 const struct invalidation *inv)
{
	iotlb_forget(iotlb, tag, inv->first, inv->last);
}

static void forget_pasids(struct iotlb *iotlb, u32 tag,
			  const struct invalidation *inv)
{
	if (inv->all_pasids)
		iotlb_forget_all(iotlb, inv->first, inv->last);
	else
		iotlb_forget(iotlb, inv->pasid, inv->first, inv->last);
	if (inv->entry && inv->all_pasids)
		pasid_cache_forget_all(iotlb);
	else if (inv->entry)
		pasid_cache_forget(iotlb, inv->pasid);
}

/**
 * nested_forget - forget what has been translated by tables of the user's
 * @nested: the tables
 * @only: by this device; NULL: by all
 * @inv: what to forget
 */
void nested_forget(struct nested *nested, const struct iosim_endpoint *only,
		   const struct invalidation *inv)
{
	struct attachment *at;

	spin_lock_irq(&nested->attachments.lock);
	list_for_each_entry(at, &nested->attachments.list, in_nested) {
		struct iosim_endpoint *endpoint = at->endpoint;

		if (only && endpoint != only)
			continue;
		spin_lock(&endpoint->lock);
		nested->format->forget(&endpoint->iotlb, at->tag, inv);
		spin_unlock(&endpoint->lock);
		endpoint_count(endpoint, IOSIM_INVALIDATIONS, 1);
	}
	spin_unlock_irq(&nested->attachments.lock);
}

static int get_first_stage(struct nested *nested,
			   struct iommu_user_data_array *array, u32 index,
			   struct invalidation *inv)
{
	struct iosim_invalidate_first_stage req;
	int rc;

	rc = iommu_copy_struct_from_user_array(&req, array,
					       IOSIM_INVALIDATE_FIRST_STAGE,
					       index, __reserved);
	if (rc)
		return rc;
	if (req.flags || req.__reserved)
		return -EOPNOTSUPP;
	inv->first = req.addr;
	return nested_range_last(req.addr, req.length, &inv->last);
}

static int get_pasid_table(struct nested *nested,
			   struct iommu_user_data_array *array, u32 index,
			   struct invalidation *inv)
{
	const u32 known = IOSIM_INVALIDATE_ENTRY | IOSIM_INVALIDATE_ALL_PASIDS;
	struct iosim_invalidate_pasid_table req;
	int rc;

	rc = iommu_copy_struct_from_user_array(&req, array,
					       IOSIM_INVALIDATE_PASID_TABLE,
					       index, pasid);
	if (rc)
		return rc;
	if (req.flags & ~known)
		return -EOPNOTSUPP;
	inv->entry = req.flags & IOSIM_INVALIDATE_ENTRY;
	inv->all_pasids = req.flags & IOSIM_INVALIDATE_ALL_PASIDS;
	inv->pasid = req.pasid;
	if (!inv->all_pasids && req.pasid >> nested->pasid_bits)
		return -EINVAL;
	inv->first = inv->entry ? 0 : req.addr;
	inv->last = U64_MAX;
	return inv->entry ? 0 : nested_range_last(req.addr, req.length,
						 &inv->last);
}

static int nested_invalidate_one(struct nested *nested,
				 struct iommu_user_data_array *array, u32 index)
{
	struct invalidation inv = {};
	int rc;

	rc = nested->format->get(nested, array, index, &inv);
	if (!rc)
		nested_forget(nested, NULL, &inv);
	return rc;
}

static int nested_invalidate(struct iommu_domain *domain,
			     struct iommu_user_data_array *array)
{
	struct nested *nested = to_nested(domain);
	int rc = array->type == nested->format->invalidate_type ? 0 : -EINVAL;
	u32 i;

	for (i = 0; !rc && i < array->entry_num; i++) {
		rc = nested_invalidate_one(nested, array, i);
		if (rc)
			break;
		cond_resched();
		if (fatal_signal_pending(current))
			rc = -EINTR;
	}
	array->entry_num = i;
	return rc;
}

static const struct iommu_domain_ops nested_ops = {
	.attach_dev = op_attach_dev,
	.set_dev_pasid = op_set_dev_pasid,
	.cache_invalidate_user = nested_invalidate,
	.free = nested_free,
};

/**
 * to_nested - what a domain is, if its tables are the user's
 * @domain: any domain
 *
 * Return: the nested domain, or NULL.
 */
struct nested *to_nested(struct iommu_domain *domain)
{
	if (domain->ops != &nested_ops)
		return NULL;
	return container_of(domain, struct nested, domain);
}

static int init_first_stage(struct nested *nested,
			    const struct iosim_endpoint *endpoint,
			    const struct iommu_user_data *data)
{
	struct iosim_hwpt_first_stage req;
	int rc;

	rc = iommu_copy_struct_from_user(&req, data, IOSIM_HWPT_FIRST_STAGE,
					 flags);
	if (rc)
		return rc;
	if (req.flags)
		return -EOPNOTSUPP;
	if (req.addr_bits != IOSIM_ADDR_BITS || (req.root & ~IOSIM_PTE_ADDR))
		return -EINVAL;
	nested->root = req.root;
	return 0;
}

static int init_pasid_table(struct nested *nested,
			    const struct iosim_endpoint *endpoint,
			    const struct iommu_user_data *data)
{
	/* On a vIOMMU the devices are not known yet: attaching looks. */
	u32 pasid_bits = endpoint ? endpoint->pasid_bits : PASID_BITS_MAX;
	struct iosim_hwpt_pasid_table req;
	u64 size;
	int rc;

	rc = iommu_copy_struct_from_user(&req, data, IOSIM_HWPT_PASID_TABLE,
					 flags);
	if (rc)
		return rc;
	if (req.flags)
		return -EOPNOTSUPP;
	if (req.pasid_bits > pasid_bits ||
	    (req.table & ~IOSIM_PTE_ADDR))
		return -EINVAL;
	size = sizeof(struct iosim_pasid_entry) << req.pasid_bits;
	if (req.table + size - 1 > TABLE_ADDR_MAX)
		return -EINVAL;
	nested->root = req.table;
	nested->pasid_bits = req.pasid_bits;
	nested->is_pasid_table = true;
	return 0;
}

static const struct nested_format first_stage = {
	.data_type = IOSIM_HWPT_FIRST_STAGE,
	.invalidate_type = IOSIM_INVALIDATE_FIRST_STAGE,
	.init = init_first_stage,
	.get = get_first_stage,
	.forget = forget_range,
};

static const struct nested_format pasid_table = {
	.data_type = IOSIM_HWPT_PASID_TABLE,
	.invalidate_type = IOSIM_INVALIDATE_PASID_TABLE,
	.init = init_pasid_table,
	.get = get_pasid_table,
	.forget = forget_pasids,
};

static const struct nested_format *const formats[] = {
	&first_stage, &pasid_table, &vtd_first_stage,
};

static const struct nested_format *find_format(bool vtd, u32 data_type)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(formats); i++)
		if (formats[i]->vtd == vtd &&
		    formats[i]->data_type == data_type)
			return formats[i];
	return NULL;
}

static struct iommu_domain *alloc(const struct iosim_endpoint *endpoint,
				  struct second_stage *second, bool vtd,
				  const struct iommu_user_data *data)
{
	const struct nested_format *format = find_format(vtd, data->type);
	struct nested *nested;
	int rc;

	if (!format)
		return ERR_PTR(-EOPNOTSUPP);
	nested = kzalloc(sizeof(*nested), GFP_KERNEL_ACCOUNT);
	if (!nested)
		return ERR_PTR(-ENOMEM);
	nested->format = format;
	rc = format->init(nested, endpoint, data);
	if (rc) {
		kfree(nested);
		return ERR_PTR(rc);
	}
	kref_init(&nested->ref);
	attachments_init(&nested->attachments);
	nested->parent = second;
	nested->domain.type = IOMMU_DOMAIN_NESTED;
	nested->domain.ops = &nested_ops;
	nested->domain.owner = &iosim_ops;
	nested->domain.pgsize_bitmap = IOSIM_PAGE_SIZES;
	nested->domain.geometry.aperture_end = TABLE_ADDR_MAX;
	nested->domain.geometry.force_aperture = true;
	return &nested->domain;
}

/**
 * nested_alloc - make a domain of tables in user memory
 * @endpoint: for which device
 * @parent: the second stage
 * @data: where the tables are
 *
 * Return: the domain, or -EOPNOTSUPP for unknown data, -EINVAL if they make no
 * sense or the parent cannot be one, -EFAULT, -ENOMEM.
 */
struct iommu_domain *nested_alloc(struct iosim_endpoint *endpoint,
				  struct iommu_domain *parent,
				  const struct iommu_user_data *data)
{
	struct second_stage *second = to_second_stage(parent);

	if (!second || !second->nest_parent)
		return ERR_PTR(-EINVAL);
	return alloc(endpoint, second, endpoint->vtd.on, data);
}

/**
 * nested_alloc_on - the same on a vIOMMU
 * @viommu: the vIOMMU
 * @second: the second stage below it
 * @data: where the tables are
 *
 * Return: as nested_alloc().
 */
struct iommu_domain *nested_alloc_on(struct viommu *viommu,
				     struct second_stage *second,
				     const struct iommu_user_data *data)
{
	struct iommu_domain *domain = alloc(NULL, second, false, data);
	struct nested *nested;

	if (IS_ERR(domain))
		return domain;
	nested = to_nested(domain);
	nested->viommu = viommu;
	viommu_enter(viommu, &nested->in_viommu);
	return domain;
}
