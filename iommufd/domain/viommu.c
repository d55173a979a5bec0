// SPDX-License-Identifier: GPL-2.0-only
/*
 * vIOMMUs: what a guest has of an IOMMU.
 *
 * The IOMMU driver's structure begins with a struct iommufd_viommu, which is the last
 * member of ours: one piece of memory, of the size that the driver says.
 *
 * A vIOMMU keeps its nesting parent, and so the address space of the guest, and it keeps
 * the IOMMU driver loaded. It keeps no device: that it was made for one only says which
 * IOMMU is meant. The nested page tables that are made on it keep it.
 */
#include <linux/module.h>

#include "compat.h"
#include "context/reason.h"
#include "domain/viommu.h"

static void viommu_destroy(struct iommufd_ctx *ctx, struct object *obj)
{
	struct viommu *viommu = viommu_of(obj);
	struct iommufd_viommu *core = &viommu->core;
	/* The driver may keep an IOMMU that can be unplugged until it destroys this. */
	struct module *owner = core->iommu_dev->ops->owner;

	if (core->ops && core->ops->destroy)
		core->ops->destroy(core);
	WARN_ON(!xa_empty(&core->vdevs));
	module_put(owner);
	object_put(ctx, &viommu->parent->obj);
}

static const struct object_kind viommu_kind = {
	.type = OBJECT_VIOMMU,
	.name = "vIOMMU",
	.destroy = viommu_destroy,
};

/* Holds the parent, and the driver. */
static struct viommu *viommu_new(struct hwpt *parent, struct device *dev,
				 u32 type, size_t size)
{
	struct iommufd_ctx *ctx = parent->ioas->ctx;
	struct iommufd_viommu *core;
	struct viommu *viommu;
	struct object *obj;

	obj = iommufd_object_alloc(ctx, &viommu_kind,
				   offsetof(struct viommu, core) + size);
	if (IS_ERR(obj))
		return ERR_CAST(obj);
	viommu = viommu_of(obj);
	object_hold(&parent->obj);
	viommu->parent = parent;
	core = &viommu->core;
	core->obj.type = IOMMUFD_OBJ_VIOMMU;
	core->obj.id = viommu->obj.id;
	core->ictx = ctx;
	core->iommu_dev = dev->iommu->iommu_dev;
	__module_get(core->iommu_dev->ops->owner);
	core->hwpt = (struct iommufd_hwpt_paging *)parent;
	xa_init(&core->vdevs);
	INIT_LIST_HEAD(&core->veventqs);
	init_rwsem(&core->veventqs_rwsem);
	core->type = type;
	return viommu;
}

/**
 * iommufd_viommu_size - does the IOMMU driver of a device have such vIOMMUs?
 * @ctx: the context
 * @dev: the device, bound
 * @type: enum iommu_viommu_type, or one of the driver's
 *
 * Return: the size of the driver's structure, in bytes; or 0, with a reason for
 * -EOPNOTSUPP.
 */
size_t iommufd_viommu_size(struct iommufd_ctx *ctx, struct device *dev, u32 type)
{
	size_t size = driver_viommu_size(iommu_ops_of(dev), dev, type);

	if (size && !WARN_ON_ONCE(size < sizeof(struct iommufd_viommu)))
		return size;
	iommufd_reason_note(ctx, -EOPNOTSUPP,
			    "the IOMMU driver of %s has no vIOMMU of type %#x",
			    dev_name(dev), type);
	return 0;
}

/* Is the page table one that vIOMMUs of the device can have below them? */
static int check_parent(const struct hwpt *parent, struct device *dev)
{
	struct iommufd_ctx *ctx = parent->ioas->ctx;

	if (parent->parent)
		return iommufd_reason_note(ctx, -ENOENT,
					   "HWPT %u is the user's: one that maps an IOAS is below a vIOMMU",
					   parent->obj.id);
	if (!parent->nest_parent)
		return iommufd_reason_note(ctx, -EINVAL,
					   "HWPT %u cannot be below a vIOMMU: it has been allocated without IOMMU_HWPT_ALLOC_NEST_PARENT",
					   parent->obj.id);
	return iommufd_hwpt_check(parent, dev, dev_name(dev));
}

/**
 * iommufd_viommu_alloc - a new vIOMMU
 * @parent: what the guest's physical addresses go by; the caller has a reference
 * @dev: a device, bound: its IOMMU is meant
 * @type: enum iommu_viommu_type, or one of the driver's
 * @data: for the IOMMU driver, or NULL
 *
 * Return: an object that has not been published; or ERR_PTR of -EOPNOTSUPP (the driver has
 * no such vIOMMU), -ENOENT (@parent is nested), -EINVAL (@parent is not for that, or of
 * another IOMMU), -ENOMEM, or the driver's errors.
 */
struct viommu *iommufd_viommu_alloc(struct hwpt *parent, struct device *dev,
				    u32 type,
				    const struct iommu_user_data *data)
{
	const struct iommu_ops *ops = iommu_ops_of(dev);
	struct iommufd_ctx *ctx = parent->ioas->ctx;
	size_t size = iommufd_viommu_size(ctx, dev, type);
	struct viommu *viommu;
	int rc;

	if (!size)
		return ERR_PTR(-EOPNOTSUPP);
	rc = check_parent(parent, dev);
	if (rc)
		return ERR_PTR(rc);
	viommu = viommu_new(parent, dev, type, size);
	if (IS_ERR(viommu))
		return viommu;
	rc = driver_viommu_init(ops, &viommu->core, parent->domain, data);
	if (!rc && WARN_ON_ONCE(!viommu->core.ops))
		rc = -EOPNOTSUPP;
	if (!rc)
		return viommu;
	iommufd_object_abort(ctx, &viommu->obj);
	return ERR_PTR(rc);
}

/**
 * iommufd_viommu_check - is a device behind the IOMMU of a vIOMMU?
 * @viommu: the vIOMMU
 * @dev: the device, bound
 *
 * Return: 0, or -EINVAL with a reason.
 */
int iommufd_viommu_check(const struct viommu *viommu, struct device *dev)
{
	if (dev->iommu->iommu_dev == viommu->core.iommu_dev)
		return 0;
	return iommufd_reason_note(viommu->core.ictx, -EINVAL,
				   "%s is behind another IOMMU than vIOMMU %u",
				   dev_name(dev), viommu->obj.id);
}

/**
 * iommufd_viommu_alloc_nested - a page table of the user's, on a vIOMMU
 * @viommu: the vIOMMU; the caller has a reference
 * @dev: the device, bound
 * @flags: IOMMU_HWPT_ALLOC_PASID or 0
 * @data: where it is, in the IOMMU driver's terms
 *
 * Return: an object that has not been published; or ERR_PTR of an errno of
 * iommufd_hwpt_begin_nested(), of -EOPNOTSUPP (the vIOMMU has none), or the driver's.
 */
struct hwpt *iommufd_viommu_alloc_nested(struct viommu *viommu,
					 struct device *dev, u32 flags,
					 const struct iommu_user_data *data)
{
	struct iommufd_viommu *core = &viommu->core;
	struct hwpt *hwpt;
	int rc;

	rc = iommufd_viommu_check(viommu, dev);
	if (rc)
		return ERR_PTR(rc);
	if (!core->ops->alloc_domain_nested)
		return ERR_PTR(iommufd_reason_note(core->ictx, -EOPNOTSUPP,
						   "the IOMMU driver makes no page tables on vIOMMU %u",
						   viommu->obj.id));
	hwpt = iommufd_hwpt_begin_nested(viommu->parent, dev, flags, data);
	if (IS_ERR(hwpt))
		return hwpt;
	object_hold(&viommu->obj);
	hwpt->viommu = &viommu->obj;
	hwpt->iommu = core->iommu_dev;
	return iommufd_hwpt_end_nested(hwpt, dev, flags,
				       core->ops->alloc_domain_nested(
					       core, flags, data));
}
