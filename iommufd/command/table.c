// SPDX-License-Identifier: GPL-2.0-only
/*
 * Commands about page tables: HWPT_ALLOC, HWPT_INVALIDATE, and IOASID_COHERENCY, the
 * policy for them.
 */
#include <linux/capability.h>
#include <linux/iommu.h>
#include <linux/pagemap.h>
#include <linux/sched/signal.h>
#include <linux/uaccess.h>
#include <uapi/linux/iommufd.h>
#include <uapi/linux/ioasid.h>

#include "command/command.h"
#include "context/reason.h"
#include "device/device.h"
#include "device/group.h"
#include "domain/hwpt.h"
#include "domain/viommu.h"
#include "report/fault.h"

/* Limit of the data of IOMMU_HWPT_ALLOC that is for the IOMMU driver. */
#define DATA_LENGTH_MAX	PAGE_SIZE
#define DATA_TRIES	16

/* Entries of one IOMMU_HWPT_INVALIDATE, and the length of one. */
#define INVALIDATE_MAX		(1U << 19)
#define INVALIDATE_PORTION	256U
#define INVALIDATE_LENGTH_MAX	PAGE_SIZE

/*
 * New ones --------------------------------------------------------------------
 */

static struct hwpt *alloc_filled(struct ioas *ioas, struct device *dev,
				 u32 flags, const struct iommu_user_data *data)
{
	struct hwpt *hwpt;
	int rc;

	/* Others may be filling a page table with a million areas. */
	rc = mutex_lock_killable(&ioas->attach_lock);
	if (rc)
		return ERR_PTR(rc);
	hwpt = iommufd_hwpt_alloc(ioas, dev, flags, data);
	if (IS_ERR(hwpt))
		rc = 0;
	else if (hwpt_is_complete(hwpt))
		rc = iommufd_hwpt_fill(hwpt);
	else
		rc = iommufd_reason_note(ioas->ctx, -EOPNOTSUPP,
					 "the IOMMU driver of %s completes a page table only when a device is attached: attach it to IOAS %u",
					 dev_name(dev), ioas->obj.id);
	mutex_unlock(&ioas->attach_lock);
	if (!rc)
		return hwpt;
	iommufd_object_abort(ioas->ctx, &hwpt->obj);
	return ERR_PTR(rc);
}

static struct hwpt *alloc_on(struct object *pt, struct device *dev, u32 flags,
			     const struct iommu_user_data *data)
{
	if (!data->len)
		data = NULL;
	if (pt->type == OBJECT_IOAS)
		return alloc_filled(ioas_of(pt), dev, flags, data);
	if (pt->type == OBJECT_VIOMMU)
		return iommufd_viommu_alloc_nested(viommu_of(pt), dev, flags,
						   data);
	return iommufd_hwpt_alloc_nested(hwpt_of(pt), dev, flags, data);
}

static int check_hwpt_flags(u32 flags)
{
	if (flags & ~(IOMMU_HWPT_ALLOC_NEST_PARENT |
		      IOMMU_HWPT_ALLOC_DIRTY_TRACKING |
		      IOMMU_HWPT_FAULT_ID_VALID | IOMMU_HWPT_ALLOC_PASID))
		return -EOPNOTSUPP;
	/* Page requests go to the queue of the nested page table. */
	if (flags & IOMMU_HWPT_ALLOC_NEST_PARENT &&
	    flags & IOMMU_HWPT_FAULT_ID_VALID)
		return -EOPNOTSUPP;
	return 0;
}

/*
 * A reference on the device is held, for which an unbind waits. So user memory that the
 * IOMMU driver reads must be present: if it is not, this is -EFAULT, without waiting.
 */
static struct hwpt *alloc_for(struct iommufd_ctx *ctx,
			      const struct iommu_hwpt_alloc *arg,
			      struct object *pt)
{
	const struct iommu_user_data data = {
		.type = arg->data_type,
		.uptr = u64_to_user_ptr(arg->data_uptr),
		.len = arg->data_len,
	};
	struct iommufd_device *idev = iommufd_device_get(ctx, arg->dev_id);
	struct hwpt *hwpt;

	if (!idev)
		return ERR_PTR(-ENOENT);
	if (data.len)
		pagefault_disable();
	hwpt = alloc_on(pt, idev->dev, arg->flags & ~IOMMU_HWPT_FAULT_ID_VALID,
			&data);
	if (data.len)
		pagefault_enable();
	object_put(ctx, &idev->obj);
	return hwpt;
}

/* User memory that has been touched may go again before the driver has read it. */
static struct hwpt *alloc_patiently(struct iommufd_ctx *ctx,
				    const struct iommu_hwpt_alloc *arg,
				    struct object *pt)
{
	const char __user *uptr = u64_to_user_ptr(arg->data_uptr);
	struct hwpt *hwpt = ERR_PTR(-EFAULT);
	unsigned int i;

	if (!arg->data_len)
		return alloc_for(ctx, arg, pt);
	for (i = 0; i < DATA_TRIES && hwpt == ERR_PTR(-EFAULT); i++) {
		if (fault_in_readable(uptr, arg->data_len))
			break;
		hwpt = alloc_for(ctx, arg, pt);
	}
	return hwpt;
}

/* The queue is looked up first, so that only lack of memory can fail later. */
static int hwpt_alloc_for(struct command *cmd, struct object *pt,
			  struct fault_queue *queue)
{
	struct iommu_hwpt_alloc *arg = cmd->arg;
	struct hwpt *hwpt;

	hwpt = alloc_patiently(cmd->ctx, arg, pt);
	if (IS_ERR(hwpt)) {
		if (queue)
			iommufd_fault_queue_put(cmd->ctx, queue);
		return PTR_ERR(hwpt);
	}
	if (queue)
		iommufd_hwpt_set_faults(hwpt, queue);
	arg->out_hwpt_id = hwpt->obj.id;
	return command_publish(cmd, &hwpt->obj);
}

static int check_hwpt_data(struct iommufd_ctx *ctx,
			   const struct iommu_hwpt_alloc *arg)
{
	if (!arg->data_len != (arg->data_type == IOMMU_HWPT_DATA_NONE))
		return iommufd_reason_note(ctx, -EINVAL,
					   "data_type %u does not go with data of %u bytes",
					   arg->data_type, arg->data_len);
	/* A driver reads all of it, if only to see that the rest is 0. */
	return arg->data_len > DATA_LENGTH_MAX ? -E2BIG : 0;
}

/* An IOAS, HWPT or vIOMMU, held. Anything else is as good as no object. */
static struct object *table_source_hold(struct iommufd_ctx *ctx, u32 id)
{
	struct object *pt = iommufd_object_get(ctx, id, OBJECT_VIOMMU);

	if (pt)
		return pt;
	pt = iommufd_pt_hold(ctx, id);
	if (IS_ERR(pt) ? pt != ERR_PTR(-ENOENT) && pt != ERR_PTR(-EINVAL) :
			 pt->type == OBJECT_IOAS || pt->type == OBJECT_HWPT)
		return pt;
	if (!IS_ERR(pt))
		iommufd_pt_release(ctx, pt);
	return ERR_PTR(iommufd_reason_note(
		ctx, -EINVAL, "pt_id %u is neither IOAS nor HWPT nor vIOMMU",
		id));
}

/**
 * iommufd_table_cmd_alloc - IOMMU_HWPT_ALLOC
 * @cmd: struct iommu_hwpt_alloc
 */
int iommufd_table_cmd_alloc(struct command *cmd)
{
	struct iommu_hwpt_alloc *arg = cmd->arg;
	struct fault_queue *queue = NULL;
	struct iommufd_device *idev;
	struct object *pt;
	int rc;

	if (arg->__reserved || arg->__reserved2)
		return -EOPNOTSUPP;
	rc = check_hwpt_flags(arg->flags) ?: check_hwpt_data(cmd->ctx, arg);
	if (rc)
		return rc;
	/* Errors are reported in the order of the fields. */
	idev = iommufd_device_get(cmd->ctx, arg->dev_id);
	if (!idev)
		return iommufd_device_explain_none(cmd->ctx, arg->dev_id);
	object_put(cmd->ctx, &idev->obj);
	pt = table_source_hold(cmd->ctx, arg->pt_id);
	if (IS_ERR(pt))
		return PTR_ERR(pt);
	if (arg->flags & IOMMU_HWPT_FAULT_ID_VALID) {
		queue = iommufd_fault_queue_get(cmd->ctx, arg->fault_id);
		if (!queue) {
			rc = iommufd_reason_note(cmd->ctx, -ENOENT,
						 "there is no fault queue with the ID %u",
						 arg->fault_id);
			goto out_pt;
		}
	}
	rc = hwpt_alloc_for(cmd, pt, queue);
out_pt:
	iommufd_pt_release(cmd->ctx, pt);
	return rc;
}

/*
 * Invalidation ----------------------------------------------------------------
 */

/**
 * struct target - what is invalidated
 * @obj: an HWPT or a vIOMMU, referenced
 * @domain: of an HWPT that is the user's, otherwise NULL
 * @viommu: of a vIOMMU, otherwise NULL
 */
struct target {
	struct object *obj;
	struct iommu_domain *domain;
	struct iommufd_viommu *viommu;
};

static int call_driver(const struct target *target,
		       struct iommu_user_data_array *array)
{
	if (target->viommu)
		return target->viommu->ops->cache_invalidate(target->viommu,
							     array);
	return target->domain->ops->cache_invalidate_user(target->domain,
							  array);
}

/* Drivers do not reschedule between the entries of an array. */
static int invalidate_portions(const struct target *target,
			       const struct iommu_hwpt_invalidate *arg,
			       u32 *done)
{
	struct iommu_user_data_array array = {
		.type = arg->data_type,
		.entry_len = arg->entry_len,
	};
	int rc;

	/* No entries: asks whether the driver knows the type. */
	do {
		array.uptr = u64_to_user_ptr(arg->data_uptr +
					     (u64)*done * arg->entry_len);
		array.entry_num = min(arg->entry_num - *done,
				      INVALIDATE_PORTION);
		rc = call_driver(target, &array);
		*done += array.entry_num;
		cond_resched();
		if (!rc && fatal_signal_pending(current))
			rc = -EINTR;
	} while (!rc && array.entry_num && *done < arg->entry_num);
	return rc;
}

/* Whether it can be invalidated, by what it is. */
static int target_check(struct iommufd_ctx *ctx, const struct target *target)
{
	u32 id = target->obj->id;

	if (target->viommu && !target->viommu->ops->cache_invalidate)
		return iommufd_reason_note(ctx, -EOPNOTSUPP,
					   "the IOMMU driver invalidates nothing by vIOMMU %u",
					   id);
	if (target->viommu)
		return 0;
	if (!target->domain)
		return iommufd_reason_note(ctx, -ENOENT,
					   "HWPT %u is not nested: the kernel invalidates it",
					   id);
	if (target->domain->ops->cache_invalidate_user)
		return 0;
	return iommufd_reason_note(ctx, -EOPNOTSUPP,
				   "HWPT %u is invalidated by its vIOMMU", id);
}

static int target_get(struct iommufd_ctx *ctx, u32 id, struct target *target)
{
	struct hwpt *hwpt = hwpt_get(ctx, id);
	struct viommu *viommu;

	*target = (struct target){};
	if (hwpt) {
		target->obj = &hwpt->obj;
		target->domain = hwpt->parent ? hwpt->domain : NULL;
		return 0;
	}
	viommu = viommu_get(ctx, id);
	if (!viommu)
		return iommufd_reason_note(ctx, -ENOENT,
					   "there is no HWPT or vIOMMU with the ID %u",
					   id);
	target->obj = &viommu->obj;
	target->viommu = &viommu->core;
	return 0;
}

static void target_put(struct iommufd_ctx *ctx, const struct target *target)
{
	if (target->viommu)
		object_put(ctx, target->obj);
	else
		iommufd_hwpt_put(hwpt_of(target->obj));
}

static int invalidate(struct command *cmd, struct iommu_hwpt_invalidate *arg,
		      u32 *done)
{
	struct target target;
	int rc;

	if (arg->__reserved)
		return -EOPNOTSUPP;
	/* Limits how long one call can keep the CPU busy. */
	if (arg->entry_num && (!arg->data_uptr || !arg->entry_len ||
			       arg->entry_len > INVALIDATE_LENGTH_MAX ||
			       arg->entry_num > INVALIDATE_MAX))
		return iommufd_reason_note(cmd->ctx, -EINVAL,
					   "%u entries of %u bytes: there are no data, or they are more than %u of up to %lu",
					   arg->entry_num, arg->entry_len,
					   INVALIDATE_MAX,
					   INVALIDATE_LENGTH_MAX);
	rc = target_get(cmd->ctx, arg->hwpt_id, &target);
	if (rc)
		return rc;
	rc = target_check(cmd->ctx, &target);
	if (!rc)
		rc = invalidate_portions(&target, arg, done);
	if (rc == -EINVAL)
		iommufd_reason_note(cmd->ctx, rc,
				    "the IOMMU driver refuses entry %u, or their type %u or length %u",
				    *done, arg->data_type, arg->entry_len);
	target_put(cmd->ctx, &target);
	return rc;
}

/**
 * iommufd_table_cmd_invalidate - IOMMU_HWPT_INVALIDATE
 * @cmd: struct iommu_hwpt_invalidate; the number of entries that have been handled is
 *	told in any case
 */
int iommufd_table_cmd_invalidate(struct command *cmd)
{
	struct iommu_hwpt_invalidate *arg = cmd->arg;
	u32 done = 0;
	int rc;

	rc = invalidate(cmd, arg, &done);
	arg->entry_num = done;
	return command_reply(cmd) ?: rc;
}

/*
 * Coherency -------------------------------------------------------------------
 */

static int set_coherency(struct ioas *ioas, u32 policy)
{
	int rc;

	/* What the CPU has cleared, but not written back, DMA could read as it was. */
	if (policy == IOASID_COHERENCY_NOT_NEEDED && !capable(CAP_SYS_RAWIO))
		return iommufd_reason_note(ioas->ctx, -EPERM,
					   "DMA that bypasses the caches can read what others have left in memory: it takes CAP_SYS_RAWIO");
	rc = mutex_lock_killable(&ioas->attach_lock);
	if (rc)
		return rc;
	if (ioas->coherency != policy && !list_empty(&ioas->tables))
		rc = iommufd_reason_note(ioas->ctx, -EBUSY,
					 "IOAS %u has page tables, which have been made by the policy that it has",
					 ioas->obj.id);
	else
		WRITE_ONCE(ioas->coherency, policy);
	mutex_unlock(&ioas->attach_lock);
	return rc;
}

/**
 * iommufd_table_cmd_coherency - IOASID_COHERENCY
 * @cmd: struct ioasid_coherency
 *
 * Return: 0, -EOPNOTSUPP (flags), -EINVAL (no such policy), -ENOENT, -EPERM,
 * -EBUSY (there are page tables), -EINTR.
 */
int iommufd_table_cmd_coherency(struct command *cmd)
{
	struct ioasid_coherency *arg = cmd->arg;
	struct ioas *ioas;
	int rc = 0;

	if (arg->flags & ~IOASID_COHERENCY_SET)
		return -EOPNOTSUPP;
	if (arg->policy > IOASID_COHERENCY_NOT_NEEDED)
		return -EINVAL;
	ioas = ioas_get(cmd->ctx, arg->ioas_id);
	if (!ioas)
		return -ENOENT;
	if (arg->flags & IOASID_COHERENCY_SET)
		rc = set_coherency(ioas, arg->policy);
	else
		arg->policy = READ_ONCE(ioas->coherency);
	ioas_put(cmd->ctx, ioas);
	return rc ?: command_reply(cmd);
}
