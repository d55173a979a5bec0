// SPDX-License-Identifier: GPL-2.0-only
/*
 * vIOMMUs: what a guest has of the IOMMU.
 */
#include <linux/cache.h>
#include <linux/gfp.h>
#include <linux/iommu.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/sched/signal.h>
#include <linux/workqueue.h>

#include "kernel.h"
#include "domain.h"
#include "endpoint.h"
#include "nested.h"
#include "viommu.h"

#define ENTRY_SIZE	sizeof(struct iosim_invalidate_viommu)
#define QUEUE_MAX	(4096 * ENTRY_SIZE)
#define QUEUE_PERIOD	msecs_to_jiffies(1)

/*
 * Drivers may have structures with members that begin with a cache line, as ours all do:
 * iommufd has to put them there.
 */
#define WARN_MISPLACED(core) \
	WARN_ON_ONCE((unsigned long)(core) % SMP_CACHE_BYTES)

/**
 * struct hw_queue - a queue in a guest's memory
 * @core: as iommufd knows it
 * @viommu: the vIOMMU
 * @index: which it is
 * @entries: the memory, which iommufd keeps
 * @nr: how many entries
 */
struct hw_queue {
	struct iommufd_hw_queue core;
	struct viommu *viommu;
	u32 index;
	const struct iosim_invalidate_viommu *entries;
	u32 nr;
} ____cacheline_aligned;

/**
 * struct viommu - a vIOMMU
 * @core: as iommufd knows it
 * @parent: the second stage
 * @lock: protects @nested; the lock of core.vdevs, and in that nested->attachments.lock,
 *	are taken inside
 * @nested: domains that have been made on it
 * @nr_devices: virtual devices
 * @page: what the user can map, or NULL
 * @offset: by which
 * @queue_lock: protects @queues; @lock is taken inside
 * @queues: by their index
 * @drain: looks at them
 */
struct viommu {
	struct iommufd_viommu core;
	struct second_stage *parent;
	struct mutex lock;
	struct list_head nested;
	atomic_t nr_devices;
	struct iosim_viommu_page *page;
	unsigned long offset;
	struct mutex queue_lock;
	struct hw_queue *queues[IOSIM_HW_QUEUES];
	struct delayed_work drain;
} ____cacheline_aligned;

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
	if (viommu->page) {
		cancel_delayed_work_sync(&viommu->drain);
		iommufd_viommu_destroy_mmap(core, viommu->offset);
		free_page((unsigned long)viommu->page);
	}
	mutex_destroy(&viommu->queue_lock);
	mutex_destroy(&viommu->lock);
	/* An IOMMU that can be unplugged may be gone now: nobody is to look. */
	core->iommu_dev = NULL;
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
} ____cacheline_aligned;

static void op_vdevice_destroy(struct iommufd_vdevice *core)
{
	struct vdevice *vdev = container_of(core, struct vdevice, core);

	atomic_dec(&vdev->viommu->nr_devices);
}

/* Behind a VT-d of ours, the one that is not virtual. */
static int op_vdevice_init(struct iommufd_vdevice *core)
{
	struct vdevice *vdev = container_of(core, struct vdevice, core);

	WARN_MISPLACED(core);
	if (endpoint_of(iommufd_vdevice_to_device(core))->vtd.on)
		return -EINVAL;
	vdev->viommu = to_viommu(core->viommu);
	atomic_inc(&vdev->viommu->nr_devices);
	core->destroy = op_vdevice_destroy;
	return 0;
}

/* The guest may write to all of it at any time. */
static void drain_one(struct hw_queue *queue)
{
	typeof(&queue->viommu->page->queue[0]) regs =
		&queue->viommu->page->queue[queue->index];
	u32 cons = READ_ONCE(regs->cons);
	u32 left;
	int rc;

	if (READ_ONCE(regs->error))
		return;
	/* The guest has written the entries before. */
	left = smp_load_acquire(&regs->prod) - cons;
	rc = left > queue->nr ? -EINVAL : 0;
	for (; !rc && left; left--) {
		struct iosim_invalidate_viommu req;

		memcpy(&req, &queue->entries[cons & (queue->nr - 1)],
		       sizeof(req));
		rc = invalidate(queue->viommu, &req);
		if (!rc)
			/* Who sees it finds what was translated forgotten. */
			smp_store_release(&regs->cons, ++cons);
		cond_resched();
	}
	if (rc)
		WRITE_ONCE(regs->error, -rc);
}

static void drain_fn(struct work_struct *work)
{
	struct viommu *viommu = container_of(to_delayed_work(work),
					     struct viommu, drain);
	bool any = false;
	unsigned int i;

	mutex_lock(&viommu->queue_lock);
	for (i = 0; i < IOSIM_HW_QUEUES; i++) {
		if (!viommu->queues[i])
			continue;
		drain_one(viommu->queues[i]);
		any = true;
	}
	if (any)
		schedule_delayed_work(&viommu->drain, QUEUE_PERIOD);
	mutex_unlock(&viommu->queue_lock);
}

static size_t op_queue_size(struct iommufd_viommu *core,
			    enum iommu_hw_queue_type type)
{
	if (type != IOSIM_HW_QUEUE_TYPE || !to_viommu(core)->page)
		return 0;
	return HW_QUEUE_STRUCT_SIZE(struct hw_queue, core);
}

/* When it returns the memory is not looked at any more. */
static void op_queue_destroy(struct iommufd_hw_queue *core)
{
	struct hw_queue *queue = container_of(core, struct hw_queue, core);
	struct viommu *viommu = queue->viommu;

	mutex_lock(&viommu->queue_lock);
	viommu->queues[queue->index] = NULL;
	if (queue->index)
		iommufd_hw_queue_undepend(queue,
					  viommu->queues[queue->index - 1],
					  core);
	mutex_unlock(&viommu->queue_lock);
}

static int queue_enter(struct hw_queue *queue)
{
	struct viommu *viommu = queue->viommu;
	u32 i = queue->index;
	int rc = 0;

	lockdep_assert_held(&viommu->queue_lock);
	if (viommu->queues[i])
		return -EEXIST;
	if (i && !viommu->queues[i - 1])
		return -EIO;
	if (i)
		rc = iommufd_hw_queue_depend(queue, viommu->queues[i - 1],
					     core);
	if (rc)
		return rc;
	memset(&viommu->page->queue[i], 0, sizeof(viommu->page->queue[i]));
	viommu->queues[i] = queue;
	queue->core.destroy = op_queue_destroy;
	schedule_delayed_work(&viommu->drain, QUEUE_PERIOD);
	return 0;
}

static int op_queue_init(struct iommufd_hw_queue *core, u32 index,
			 phys_addr_t phys)
{
	struct hw_queue *queue = container_of(core, struct hw_queue, core);
	int rc;

	WARN_MISPLACED(core);
	if (index >= IOSIM_HW_QUEUES || !is_power_of_2(core->length) ||
	    core->length < ENTRY_SIZE || core->length > QUEUE_MAX ||
	    phys % ENTRY_SIZE)
		return -EINVAL;
	queue->viommu = to_viommu(core->viommu);
	queue->index = index;
	queue->entries = phys_to_virt(phys);
	queue->nr = core->length / ENTRY_SIZE;
	mutex_lock(&queue->viommu->queue_lock);
	rc = queue_enter(queue);
	mutex_unlock(&queue->viommu->queue_lock);
	return rc;
}

static const struct iommufd_viommu_ops viommu_ops = {
	.destroy = op_destroy,
	.alloc_domain_nested = op_alloc_nested,
	.cache_invalidate = op_invalidate,
	.vdevice_size = VDEVICE_STRUCT_SIZE(struct vdevice, core),
	.vdevice_init = op_vdevice_init,
	.get_hw_queue_size = op_queue_size,
	.hw_queue_init_phys = op_queue_init,
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

/* A page that the user can map. */
static int make_page(struct viommu *viommu, const struct iommu_user_data *data)
{
	struct iosim_viommu answer = { .out_mmap_length = PAGE_SIZE };
	int rc;

	viommu->page = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	if (!viommu->page)
		return -ENOMEM;
	rc = iommufd_viommu_alloc_mmap(&viommu->core,
				       virt_to_phys(viommu->page), PAGE_SIZE,
				       &viommu->offset);
	if (rc)
		goto free_page;
	answer.out_mmap_offset = viommu->offset;
	rc = iommu_copy_struct_to_user(data, &answer, IOSIM_VIOMMU_TYPE,
				       out_mmap_length);
	if (!rc)
		return 0;
	iommufd_viommu_destroy_mmap(&viommu->core, viommu->offset);
free_page:
	free_page((unsigned long)viommu->page);
	return rc;
}

/**
 * viommu_init - set up a vIOMMU
 * @core: as iommufd knows it, in memory of viommu_size()
 * @parent: the second stage below it
 * @data: of the user's
 *
 * Return: 0, -EINVAL if @parent cannot be below it or for data of another length, -EFAULT,
 * -ENOMEM.
 */
int viommu_init(struct iommufd_viommu *core, struct iommu_domain *parent,
		const struct iommu_user_data *data)
{
	struct viommu *viommu = to_viommu(core);
	int rc;

	WARN_MISPLACED(core);
	viommu->parent = to_second_stage(parent);
	if (!viommu->parent || !viommu->parent->nest_parent ||
	    viommu->parent->vtd)
		return -EINVAL;
	rc = data ? make_page(viommu, data) : 0;
	if (rc)
		return rc;
	mutex_init(&viommu->queue_lock);
	INIT_DELAYED_WORK(&viommu->drain, drain_fn);
	mutex_init(&viommu->lock);
	INIT_LIST_HEAD(&viommu->nested);
	core->ops = &viommu_ops;
	return 0;
}
