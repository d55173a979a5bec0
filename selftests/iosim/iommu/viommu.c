// SPDX-License-Identifier: GPL-2.0-only
/*
 * vIOMMUs: what a guest has of the IOMMU.
 */
#include <linux/iommu.h>
#include <linux/mutex.h>
#include <linux/sched/signal.h>

#include "kernel.h"
#include "domain.h"
#include "endpoint.h"
#include "nested.h"
#include "viommu.h"

/**
 * struct viommu - a vIOMMU
 * @core: as iommufd knows it
 * @parent: the second stage
 * @lock: protects @nested; the lock of core.vdevs, and in that nested->attachments.lock,
 *	are taken inside
 * @nested: domains that have been made on it
 * @nr_devices: virtual devices
 */
struct viommu {
	struct iommufd_viommu core;
	struct second_stage *parent;
	struct mutex lock;
	struct list_head nested;
	atomic_t nr_devices;
};

static struct viommu *to_viommu(struct iommufd_viommu *core)
{
	return container_of(core, struct viommu, core);
}

/**
 * viommu_enter - a domain has been made on a vIOMMU
 * @viommu: the vIOMMU
 * @nested: of the domain: its place in the list of all
 */
void viommu_enter(struct viommu *viommu, struct list_head *nested)
{
	mutex_lock(&viommu->lock);
	list_add_tail(nested, &viommu->nested);
	mutex_unlock(&viommu->lock);
}

/**
 * viommu_leave - the opposite of viommu_enter()
 * @viommu: the vIOMMU
 * @nested: of a domain that is being freed
 */
void viommu_leave(struct viommu *viommu, struct list_head *nested)
{
	mutex_lock(&viommu->lock);
	list_del(nested);
	mutex_unlock(&viommu->lock);
}

static void op_destroy(struct iommufd_viommu *core)
{
	struct viommu *viommu = to_viommu(core);

	WARN_ON(!list_empty(&viommu->nested) ||
		atomic_read(&viommu->nr_devices));
	mutex_destroy(&viommu->lock);
}

static struct iommu_domain *op_alloc_nested(struct iommufd_viommu *core,
					    u32 flags,
					    const struct iommu_user_data *data)
{
	struct viommu *viommu = to_viommu(core);

	if (flags & ~IOMMU_HWPT_ALLOC_PASID)
		return ERR_PTR(-EOPNOTSUPP);
	return nested_alloc_on(viommu, viommu->parent, data);
}

static int check(const struct iosim_invalidate_viommu *req,
		 struct invalidation *inv)
{
	if (req->op != IOSIM_VIOMMU_RANGE && req->op != IOSIM_VIOMMU_DEVICE)
		return -EINVAL;
	if (req->flags & ~IOSIM_INVALIDATE_ENTRY ||
	    (req->op == IOSIM_VIOMMU_RANGE && req->vdev_id))
		return -EOPNOTSUPP;
	*inv = (struct invalidation){
		.first = req->addr,
		.all_pasids = true,
		.entry = req->flags & IOSIM_INVALIDATE_ENTRY,
		.last = U64_MAX,
	};
	if (!inv->entry)
		return nested_range_last(req->addr, req->length, &inv->last);
	inv->first = 0;
	return 0;
}

static void forget(struct viommu *viommu, const struct iosim_endpoint *only,
		   const struct invalidation *inv)
{
	struct nested *nested;

	lockdep_assert_held(&viommu->lock);
	list_for_each_entry(nested, &viommu->nested, in_viommu)
		nested_forget(nested, only, inv);
}

/* The device stays while the lock is held. */
static int forget_device(struct viommu *viommu, u64 vdev_id,
			 const struct invalidation *inv)
{
	struct device *dev;

	xa_lock(&viommu->core.vdevs);
	dev = iommufd_viommu_find_dev(&viommu->core, vdev_id);
	if (dev)
		forget(viommu, endpoint_of(dev), inv);
	xa_unlock(&viommu->core.vdevs);
	return dev ? 0 : -EINVAL;
}

static int invalidate(struct viommu *viommu,
		      const struct iosim_invalidate_viommu *req)
{
	struct invalidation inv;
	int rc = check(req, &inv);

	if (rc)
		return rc;
	mutex_lock(&viommu->lock);
	if (req->op == IOSIM_VIOMMU_DEVICE)
		rc = forget_device(viommu, req->vdev_id, &inv);
	else
		forget(viommu, NULL, &inv);
	mutex_unlock(&viommu->lock);
	return rc;
}

static int op_invalidate(struct iommufd_viommu *core,
			 struct iommu_user_data_array *array)
{
	struct viommu *viommu = to_viommu(core);
	struct iosim_invalidate_viommu req;
	int rc = array->type == IOSIM_INVALIDATE_VIOMMU ? 0 : -EINVAL;
	u32 i;

	for (i = 0; !rc && i < array->entry_num; i++) {
		rc = iommu_copy_struct_from_user_array(&req, array,
						       IOSIM_INVALIDATE_VIOMMU,
						       i, length);
		if (!rc)
			rc = invalidate(viommu, &req);
		if (rc)
			break;
		cond_resched();
		if (fatal_signal_pending(current))
			rc = -EINTR;
	}
	array->entry_num = i;
	return rc;
}

/**
 * viommu_report - tell a guest of a DMA fault
 * @viommu: the vIOMMU that the page table has been made on, to which the device stays
 *	attached meanwhile
 * @endpoint: the device
 * @access: what it did
 * @iova: where it has faulted
 * @reason: IOSIM_REASON_*
 *
 * If the guest knows the device.
 */
void viommu_report(struct viommu *viommu, struct iosim_endpoint *endpoint,
		   const struct iosim_access *access, u64 iova, u32 reason)
{
	struct iosim_vevent_fault event = {
		.addr = iova,
		.reason = reason,
		.flags = access->write ? IOSIM_VEVENT_WRITE : 0,
	};
	unsigned long virt_id;

	if (iommufd_viommu_get_vdev_id(&viommu->core, endpoint->dev, &virt_id))
		return;
	event.vdev_id = virt_id;
	if (access->pasid != IOSIM_NO_PASID) {
		event.flags |= IOSIM_VEVENT_PASID;
		event.pasid = access->pasid;
	}
	iommufd_viommu_report_event(&viommu->core, IOSIM_VEVENT_FAULT, &event,
				    sizeof(event));
}

/**
 * struct vdevice - a device as a guest has it
 * @core: as iommufd knows it
 * @viommu: the vIOMMU that counts it
 */
struct vdevice {
	struct iommufd_vdevice core;
	struct viommu *viommu;
};

static void op_vdevice_destroy(struct iommufd_vdevice *core)
{
	struct vdevice *vdev = container_of(core, struct vdevice, core);

	atomic_dec(&vdev->viommu->nr_devices);
}

/* Behind a VT-d of ours, the one that is not virtual. */
static int op_vdevice_init(struct iommufd_vdevice *core)
{
	struct vdevice *vdev = container_of(core, struct vdevice, core);

	if (endpoint_of(iommufd_vdevice_to_device(core))->vtd.on)
		return -EINVAL;
	vdev->viommu = to_viommu(core->viommu);
	atomic_inc(&vdev->viommu->nr_devices);
	core->destroy = op_vdevice_destroy;
	return 0;
}

static const struct iommufd_viommu_ops viommu_ops = {
	.destroy = op_destroy,
	.alloc_domain_nested = op_alloc_nested,
	.cache_invalidate = op_invalidate,
	.vdevice_size = VDEVICE_STRUCT_SIZE(struct vdevice, core),
	.vdevice_init = op_vdevice_init,
};

/**
 * viommu_size - what a vIOMMU takes
 * @dev: a device
 * @type: of the vIOMMU
 *
 * Return: bytes; 0: there are none of that type for the device.
 */
size_t viommu_size(struct device *dev, enum iommu_viommu_type type)
{
	if (type != IOSIM_VIOMMU_TYPE || endpoint_of(dev)->vtd.on)
		return 0;
	return VIOMMU_STRUCT_SIZE(struct viommu, core);
}

/**
 * viommu_init - set up a vIOMMU
 * @core: as iommufd knows it, in memory of viommu_size()
 * @parent: the second stage below it
 * @data: of the user's
 *
 * Return: 0, -EOPNOTSUPP for data, -EINVAL if @parent cannot be below it.
 */
int viommu_init(struct iommufd_viommu *core, struct iommu_domain *parent,
		const struct iommu_user_data *data)
{
	struct viommu *viommu = to_viommu(core);

	if (data)
		return -EOPNOTSUPP;
	viommu->parent = to_second_stage(parent);
	if (!viommu->parent || !viommu->parent->nest_parent ||
	    viommu->parent->vtd)
		return -EINVAL;
	mutex_init(&viommu->lock);
	INIT_LIST_HEAD(&viommu->nested);
	core->ops = &viommu_ops;
	return 0;
}
