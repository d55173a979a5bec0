// SPDX-License-Identifier: GPL-2.0-only
/*
 * Queues in a guest's memory, which the IOMMU reads by itself.
 *
 * It does so by physical addresses, so the memory is in one piece, and must not go: the
 * IOAS keeps the mapping, with what is pinned and charged for it, from before the driver
 * tells the IOMMU until after it has told it to stop. An unmap is EBUSY meanwhile.
 */
#include <linux/cache.h>
#include <linux/overflow.h>

#include "compat.h"
#include "context/reason.h"
#include "domain/hw_queue.h"
#include "domain/viommu.h"
#include "space/access.h"

/**
 * struct hw_queue - a queue
 * @obj: in the ID table; queues that depend on it hold references
 * @viommu: the vIOMMU, referenced
 * @kept: its memory is kept
 * @first: the first byte of the first page
 * @last: the last byte of the last page
 * @core: what the IOMMU driver knows, at the start of its own structure, as that of struct
 *	viommu
 */
struct hw_queue {
	struct object obj;
	struct viommu *viommu;
	bool kept;
	unsigned long first;
	unsigned long last;
	struct iommufd_hw_queue core ____cacheline_aligned;
};

static struct hw_queue *queue_of(struct object *obj)
{
	return container_of(obj, struct hw_queue, obj);
}

static void hw_queue_destroy(struct iommufd_ctx *ctx, struct object *obj)
{
	struct hw_queue *queue = queue_of(obj);

	if (queue->core.destroy)
		queue->core.destroy(&queue->core);
	if (queue->kept)
		iommufd_ioas_unkeep(queue->viommu->parent->ioas, queue->first,
				    queue->last);
	object_put(ctx, &queue->viommu->obj);
}

static const struct object_kind hw_queue_kind = {
	.type = OBJECT_HW_QUEUE,
	.name = "hardware queue",
	.destroy = hw_queue_destroy,
};

/*
 * The arrays that pinning takes grow with it; the queues of hardware have some MiB at
 * most.
 */
#define LENGTH_MAX	SZ_1G

/* Holds the vIOMMU. */
static struct hw_queue *hw_queue_new(struct viommu *viommu, size_t size)
{
	struct hw_queue *queue;
	struct object *obj;

	obj = iommufd_object_alloc(viommu->core.ictx, &hw_queue_kind,
				   offsetof(struct hw_queue, core) + size);
	if (IS_ERR(obj))
		return ERR_CAST(obj);
	queue = queue_of(obj);
	object_hold(&viommu->obj);
	queue->viommu = viommu;
	queue->core.obj.type = IOMMUFD_OBJ_HW_QUEUE;
	queue->core.obj.id = queue->obj.id;
	queue->core.viommu = &viommu->core;
	return queue;
}

/**
 * iommufd_hw_queue_start - let the IOMMU read a queue
 * @obj: of iommufd_hw_queue_alloc(); to be aborted on an error
 * @index: which of the type's
 *
 * Other queues may depend on it at once: if this returns 0, it is to be published.
 *
 * Return: 0, an errno of iommufd_ioas_keep(), or the driver's.
 */
int iommufd_hw_queue_start(struct object *obj, u32 index)
{
	struct hw_queue *queue = queue_of(obj);
	const struct iommufd_viommu_ops *ops = queue->core.viommu->ops;
	unsigned long iova = queue->core.base_addr;
	phys_addr_t phys;
	int rc;

	queue->first = iova & PAGE_MASK;
	queue->last = (iova + queue->core.length - 1) | ~PAGE_MASK;
	rc = iommufd_ioas_keep(queue->viommu->parent->ioas, queue->first,
			       queue->last, &phys);
	if (rc)
		return rc;
	queue->kept = true;
	return ops->hw_queue_init_phys(&queue->core, index,
				       phys + offset_in_page(iova));
}

/* What a queue of a type takes in the driver; 0: there are none. */
static size_t size_of(struct viommu *viommu, u32 type)
{
	const struct iommufd_viommu_ops *ops = viommu->core.ops;
	size_t size;

	if (!ops->get_hw_queue_size || !ops->hw_queue_init_phys)
		return 0;
	size = ops->get_hw_queue_size(&viommu->core, type);
	if (WARN_ON_ONCE(size && size < sizeof(struct iommufd_hw_queue)))
		return 0;
	return size;
}

/**
 * iommufd_hw_queue_alloc - a queue that the IOMMU does not know yet
 * @viommu: of this vIOMMU; the caller has a reference
 * @type: enum iommu_hw_queue_type, or one of the driver's
 * @iova: where it is, in the nesting parent
 * @length: bytes, not 0, and not beyond the end of all
 *
 * Return: an object that has not been published; or ERR_PTR of -EOPNOTSUPP (there are no
 * such queues), -E2BIG, -ENOMEM, or -EBUSY (no ID left).
 */
struct object *iommufd_hw_queue_alloc(struct viommu *viommu, u32 type,
				      unsigned long iova, unsigned long length)
{
	struct iommufd_ctx *ctx = viommu->core.ictx;
	size_t size = size_of(viommu, type);
	struct hw_queue *queue;

	if (!size)
		return ERR_PTR(iommufd_reason_note(ctx, -EOPNOTSUPP,
						   "the IOMMU driver has no hardware queues of type %#x on vIOMMU %u",
						   type, viommu->obj.id));
	if (length > LENGTH_MAX)
		return ERR_PTR(iommufd_reason_note(ctx, -E2BIG,
						   "a hardware queue has %#x bytes at most",
						   LENGTH_MAX));
	queue = hw_queue_new(viommu, size);
	if (IS_ERR(queue))
		return ERR_CAST(queue);
	queue->core.base_addr = iova;
	queue->core.length = length;
	queue->core.type = type;
	return &queue->obj;
}

/**
 * iommufd_hw_queue_owner - whose queue is it?
 * @obj: a queue
 *
 * Return: the vIOMMU.
 */
const struct object *iommufd_hw_queue_owner(struct object *obj)
{
	return &queue_of(obj)->viommu->obj;
}

/*
 * For IOMMU drivers -----------------------------------------------------------
 */

static struct object *object_of(struct iommufd_object *core)
{
	return &container_of(core, struct hw_queue, core.obj)->obj;
}

/**
 * _iommufd_object_depend - keep an object for another one
 * @obj_dependent: a queue: iommufd_hw_queue_depend()
 * @obj_depended: another queue, which cannot be destroyed before
 *
 * Return: 0, -EINVAL (the same, or no queues), -EBUSY (that one is being destroyed, and
 * waits for a lock of the driver's that the caller has).
 */
int _iommufd_object_depend(struct iommufd_object *obj_dependent,
			   struct iommufd_object *obj_depended)
{
	if (obj_dependent == obj_depended ||
	    obj_dependent->type != IOMMUFD_OBJ_HW_QUEUE ||
	    obj_depended->type != IOMMUFD_OBJ_HW_QUEUE)
		return -EINVAL;
	if (!refcount_inc_not_zero(&object_of(obj_depended)->users))
		return -EBUSY;
	return 0;
}
EXPORT_SYMBOL_NS_GPL(_iommufd_object_depend, "IOMMUFD");

/**
 * _iommufd_object_undepend - the opposite of _iommufd_object_depend()
 * @obj_dependent: as there
 * @obj_depended: as there
 */
void _iommufd_object_undepend(struct iommufd_object *obj_dependent,
			      struct iommufd_object *obj_depended)
{
	struct hw_queue *queue = container_of(obj_depended, struct hw_queue,
					      core.obj);

	if (WARN_ON_ONCE(obj_dependent == obj_depended ||
			 obj_depended->type != IOMMUFD_OBJ_HW_QUEUE))
		return;
	object_put(queue->core.viommu->ictx, &queue->obj);
}
EXPORT_SYMBOL_NS_GPL(_iommufd_object_undepend, "IOMMUFD");
