// SPDX-License-Identifier: GPL-2.0-only
/*
 * Commands about vIOMMUs: VIOMMU_ALLOC, VDEVICE_ALLOC, HW_QUEUE_ALLOC.
 */
#include <linux/iommu.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/pagemap.h>
#include <linux/uaccess.h>
#include <uapi/linux/iommufd.h>
#include <uapi/linux/ioasid.h>

#include "command/command.h"
#include "context/reason.h"
#include "device/device.h"
#include "device/group.h"
#include "device/vdevice.h"
#include "domain/hw_queue.h"
#include "domain/hwpt.h"
#include "domain/viommu.h"

/* Limit of the data of IOMMU_VIOMMU_ALLOC that is for the IOMMU driver. */
#define DATA_LENGTH_MAX	PAGE_SIZE
#define DATA_TRIES	16

/*
 * A reference on the device is held, for which an unbind waits. So user memory that the
 * IOMMU driver reads and writes must be present: if it is not, this is -EFAULT, without
 * waiting.
 */
static struct viommu *alloc_for(struct iommufd_ctx *ctx,
				const struct iommu_viommu_alloc *arg,
				struct hwpt *parent)
{
	const struct iommu_user_data data = {
		.type = arg->type,
		.uptr = u64_to_user_ptr(arg->data_uptr),
		.len = arg->data_len,
	};
	struct iommufd_device *idev = iommufd_device_get(ctx, arg->dev_id);
	struct viommu *viommu;

	if (!idev)
		return ERR_PTR(iommufd_device_explain_none(ctx, arg->dev_id));
	pagefault_disable();
	viommu = iommufd_viommu_alloc(parent, idev->dev, arg->type,
				      data.len ? &data : NULL);
	pagefault_enable();
	object_put(ctx, &idev->obj);
	return viommu;
}

/* User memory that has been touched may go again before the driver has used it. */
static struct viommu *alloc_patiently(struct iommufd_ctx *ctx,
				      const struct iommu_viommu_alloc *arg,
				      struct hwpt *parent)
{
	char __user *uptr = u64_to_user_ptr(arg->data_uptr);
	struct viommu *viommu = alloc_for(ctx, arg, parent);
	unsigned int i;

	for (i = 0; i < DATA_TRIES && viommu == ERR_PTR(-EFAULT); i++) {
		if (fault_in_readable(uptr, arg->data_len))
			break;
		/* A driver that only reads takes memory that cannot be written, too. */
		fault_in_safe_writeable(uptr, arg->data_len);
		viommu = alloc_for(ctx, arg, parent);
	}
	return viommu;
}

static int explain_none(struct iommufd_ctx *ctx, u32 id)
{
	return iommufd_reason_note(ctx, -ENOENT,
				   "there is no vIOMMU with the ID %u", id);
}

/* Errors are reported in the order of in-tree: first what there is no vIOMMU for. */
static int check_device(struct iommufd_ctx *ctx,
			const struct iommu_viommu_alloc *arg)
{
	struct iommufd_device *idev = iommufd_device_get(ctx, arg->dev_id);
	size_t size;

	if (!idev)
		return iommufd_device_explain_none(ctx, arg->dev_id);
	size = iommufd_viommu_size(ctx, idev->dev, arg->type);
	object_put(ctx, &idev->obj);
	return size ? 0 : -EOPNOTSUPP;
}

/**
 * iommufd_viommu_cmd_alloc - IOMMU_VIOMMU_ALLOC
 * @cmd: struct iommu_viommu_alloc
 *
 * Return: 0, -EOPNOTSUPP (flags, type), -E2BIG, -ENOENT, -EFAULT, or an errno of
 * iommufd_viommu_alloc().
 */
int iommufd_viommu_cmd_alloc(struct command *cmd)
{
	struct iommu_viommu_alloc *arg = cmd->arg;
	struct viommu *viommu;
	struct hwpt *parent;
	int rc;

	if (arg->flags || arg->__reserved ||
	    arg->type == IOMMU_VIOMMU_TYPE_DEFAULT)
		return -EOPNOTSUPP;
	rc = check_device(cmd->ctx, arg);
	if (rc)
		return rc;
	if (arg->data_len > DATA_LENGTH_MAX)
		return -E2BIG;
	parent = hwpt_get(cmd->ctx, arg->hwpt_id);
	if (!parent)
		return iommufd_reason_note(cmd->ctx, -ENOENT,
					   "there is no HWPT with the ID %u",
					   arg->hwpt_id);
	viommu = alloc_patiently(cmd->ctx, arg, parent);
	iommufd_hwpt_put(parent);
	if (IS_ERR(viommu))
		return PTR_ERR(viommu);
	arg->out_viommu_id = viommu->obj.id;
	return command_publish(cmd, &viommu->obj);
}

/*
 * The caller knows the ID already: an unbind waits for whoever has the device, who must
 * not wait for user memory then.  Publishes @vdev, or destroys it; in both cases before
 * the device may go, which takes its virtual device with it.
 */
static int connect(struct iommufd_ctx *ctx, struct vdevice *vdev, u32 dev_id)
{
	struct iommufd_device *idev = iommufd_device_get(ctx, dev_id);
	int rc;

	if (idev)
		rc = iommufd_vdevice_connect(vdev, idev);
	else
		rc = iommufd_device_explain_none(ctx, dev_id);
	if (rc)
		iommufd_object_abort(ctx, &vdev->obj);
	else
		iommufd_object_publish(ctx, &vdev->obj);
	if (idev)
		object_put(ctx, &idev->obj);
	return rc;
}

/**
 * iommufd_viommu_cmd_vdevice - IOMMU_VDEVICE_ALLOC
 * @cmd: struct iommu_vdevice_alloc
 *
 * Return: 0, -ENOENT, -EFAULT, or an errno of iommufd_vdevice_alloc() or
 * iommufd_vdevice_connect().
 */
int iommufd_viommu_cmd_vdevice(struct command *cmd)
{
	struct iommu_vdevice_alloc *arg = cmd->arg;
	struct viommu *viommu;
	struct vdevice *vdev;
	int rc;

	viommu = viommu_get(cmd->ctx, arg->viommu_id);
	if (!viommu)
		return explain_none(cmd->ctx, arg->viommu_id);
	vdev = iommufd_vdevice_alloc(viommu, arg->virt_id);
	object_put(cmd->ctx, &viommu->obj);
	if (IS_ERR(vdev))
		return PTR_ERR(vdev);
	arg->out_vdevice_id = vdev->obj.id;
	rc = command_reply(cmd);
	if (!rc)
		return connect(cmd->ctx, vdev, arg->dev_id);
	iommufd_object_abort(cmd->ctx, &vdev->obj);
	return rc;
}

/**
 * iommufd_viommu_cmd_hw_queue - IOMMU_HW_QUEUE_ALLOC
 * @cmd: struct iommu_hw_queue_alloc
 *
 * Return: 0, -EOPNOTSUPP (flags, no type), -EINVAL (no length), -EOVERFLOW, -ENOENT,
 * -EFAULT, or an errno of iommufd_hw_queue_alloc() or
 * iommufd_hw_queue_start().
 */
int iommufd_viommu_cmd_hw_queue(struct command *cmd)
{
	struct iommu_hw_queue_alloc *arg = cmd->arg;
	struct viommu *viommu;
	struct object *queue;
	u64 last;
	int rc;

	if (arg->flags || arg->type == IOMMU_HW_QUEUE_TYPE_DEFAULT)
		return -EOPNOTSUPP;
	if (!arg->length)
		return -EINVAL;
	if (check_add_overflow(arg->nesting_parent_iova, arg->length - 1,
			       &last))
		return -EOVERFLOW;
	viommu = viommu_get(cmd->ctx, arg->viommu_id);
	if (!viommu)
		return explain_none(cmd->ctx, arg->viommu_id);
	queue = iommufd_hw_queue_alloc(viommu, arg->type,
				       arg->nesting_parent_iova, arg->length);
	object_put(cmd->ctx, &viommu->obj);
	if (IS_ERR(queue))
		return PTR_ERR(queue);
	/* Once the driver knows the queue, others may depend on it: nothing fails then. */
	arg->out_hw_queue_id = queue->id;
	rc = command_reply(cmd);
	if (!rc)
		rc = iommufd_hw_queue_start(queue, arg->index);
	if (rc)
		iommufd_object_abort(cmd->ctx, queue);
	else
		iommufd_object_publish(cmd->ctx, queue);
	return rc;
}
