// SPDX-License-Identifier: GPL-2.0-only
/*
 * The commands that make queues: FAULT_QUEUE_ALLOC, VEVENTQ_ALLOC, IOASID_EVENTQ_ALLOC.
 */
#include <linux/fcntl.h>
#include <linux/file.h>
#include <uapi/linux/iommufd.h>
#include <uapi/linux/ioasid.h>

#include "command/command.h"
#include "context/reason.h"
#include "domain/viommu.h"
#include "report/event.h"
#include "report/fault.h"
#include "report/vevent.h"

#define DEPTH_DEFAULT	256

/* Tell user space about a new queue and its file. On error the queue stays ours. */
static int reply(struct command *cmd, struct object *queue,
		 struct file *(*open)(struct iommufd_ctx *ctx,
				      struct object *queue),
		 u32 *out_id, u32 *out_fd)
{
	int fd = get_unused_fd_flags(O_CLOEXEC);
	struct file *file;
	int rc;

	if (fd < 0)
		return fd;
	*out_id = queue->id;
	*out_fd = fd;
	rc = command_reply(cmd);
	if (!rc) {
		file = open(cmd->ctx, queue);
		rc = PTR_ERR_OR_ZERO(file);
	}
	if (rc)
		put_unused_fd(fd);
	else
		fd_install(fd, file);
	return rc;
}

/**
 * iommufd_queue_cmd_fault_alloc - IOMMU_FAULT_QUEUE_ALLOC
 * @cmd: struct iommu_fault_alloc
 *
 * Return: 0, -EOPNOTSUPP (flags), -EMFILE, -ENFILE, -ENOMEM, -EFAULT.
 */
int iommufd_queue_cmd_fault_alloc(struct command *cmd)
{
	struct iommu_fault_alloc *arg = cmd->arg;
	struct object *queue;
	int rc;

	if (arg->flags)
		return -EOPNOTSUPP;
	queue = iommufd_fault_queue_alloc(cmd->ctx);
	if (IS_ERR(queue))
		return PTR_ERR(queue);
	rc = reply(cmd, queue, iommufd_fault_queue_open, &arg->out_fault_id,
		   &arg->out_fault_fd);
	if (rc)
		iommufd_object_abort(cmd->ctx, queue);
	return rc;
}

static int check_ioas(struct iommufd_ctx *ctx, u32 id)
{
	struct object *ioas;

	if (!id)
		return 0;
	ioas = iommufd_object_get(ctx, id, OBJECT_IOAS);
	if (!ioas)
		return -ENOENT;
	object_put(ctx, ioas);
	return 0;
}

/**
 * iommufd_queue_cmd_event_alloc - IOASID_EVENTQ_ALLOC
 * @cmd: struct ioasid_eventq_alloc
 *
 * Return: 0, -EOPNOTSUPP (flags), -EINVAL (depth), -ENOENT (no such IOAS), -EMFILE,
 * -ENFILE, -ENOMEM, -EFAULT.
 */
int iommufd_queue_cmd_event_alloc(struct command *cmd)
{
	struct ioasid_eventq_alloc *arg = cmd->arg;
	struct object *queue;
	int rc;

	if (arg->flags)
		return -EOPNOTSUPP;
	if (arg->depth > EVENTQ_DEPTH_MAX)
		return iommufd_reason_note(cmd->ctx, -EINVAL,
					   "a queue of %u events is deeper than %u",
					   arg->depth, EVENTQ_DEPTH_MAX);
	rc = check_ioas(cmd->ctx, arg->ioas_id);
	if (rc)
		return rc;
	queue = iommufd_eventq_alloc(cmd->ctx, arg->ioas_id,
				     arg->depth ?: DEPTH_DEFAULT);
	if (IS_ERR(queue))
		return PTR_ERR(queue);
	rc = reply(cmd, queue, iommufd_eventq_open, &arg->out_eventq_id,
		   &arg->out_fd);
	if (rc)
		iommufd_eventq_abort(cmd->ctx, queue);
	return rc;
}

static int vevent_alloc(struct command *cmd, struct viommu *viommu)
{
	struct iommu_veventq_alloc *arg = cmd->arg;
	struct object *queue;
	int rc;

	queue = iommufd_vevent_queue_alloc(&viommu->core, &viommu->obj,
					   arg->type, arg->veventq_depth);
	if (IS_ERR(queue))
		return PTR_ERR(queue);
	rc = reply(cmd, queue, iommufd_vevent_queue_open, &arg->out_veventq_id,
		   &arg->out_veventq_fd);
	if (rc)
		iommufd_object_abort(cmd->ctx, queue);
	return rc;
}

/**
 * iommufd_queue_cmd_vevent_alloc - IOMMU_VEVENTQ_ALLOC
 * @cmd: struct iommu_veventq_alloc
 *
 * Return: 0, -EOPNOTSUPP (flags, no type), -EINVAL (depth), -ENOENT (no such vIOMMU),
 * -EEXIST, -EMFILE, -ENFILE, -ENOMEM, -EFAULT.
 */
int iommufd_queue_cmd_vevent_alloc(struct command *cmd)
{
	struct iommu_veventq_alloc *arg = cmd->arg;
	struct viommu *viommu;
	int rc;

	if (arg->flags || arg->__reserved ||
	    arg->type == IOMMU_VEVENTQ_TYPE_DEFAULT)
		return -EOPNOTSUPP;
	if (!arg->veventq_depth || arg->veventq_depth > VEVENT_DEPTH_MAX)
		return iommufd_reason_note(cmd->ctx, -EINVAL,
					   "a queue of %u events: it has 1 to %u",
					   arg->veventq_depth,
					   VEVENT_DEPTH_MAX);
	viommu = viommu_get(cmd->ctx, arg->viommu_id);
	if (!viommu)
		return iommufd_reason_note(cmd->ctx, -ENOENT,
					   "there is no vIOMMU with the ID %u",
					   arg->viommu_id);
	rc = vevent_alloc(cmd, viommu);
	object_put(cmd->ctx, &viommu->obj);
	return rc;
}
