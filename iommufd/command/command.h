/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The commands, and what they get from the dispatcher in main.c.
 */
#ifndef IOMMUFD_COMMAND_H
#define IOMMUFD_COMMAND_H

#include <linux/types.h>
#include <linux/uaccess.h>

#include "context/object.h"

/**
 * struct command - one call of ioctl() on /dev/iommu
 * @ctx: the context of the file
 * @arg: the command's structure, copied from user space and filled up with
 *	zeros to the length that this module knows
 * @user: its address in user space
 * @user_size: its length according to the caller
 * @size: its length as this module knows it
 */
struct command {
	struct iommufd_ctx *ctx;
	void *arg;
	void __user *user;
	u32 user_size;
	u32 size;
};

/**
 * command_reply - copy the command's structure back to the caller
 * @cmd: the command
 *
 * A caller that knows a shorter structure gets that.
 *
 * Return: 0 or -EFAULT.
 */
static inline int command_reply(struct command *cmd)
{
	if (copy_to_user(cmd->user, cmd->arg, min(cmd->user_size, cmd->size)))
		return -EFAULT;
	return 0;
}

/**
 * command_reply_field - copy one field, the answer, back to the caller
 * @cmd: the command
 * @type: of its structure
 * @field: a field that all versions of the structure have
 *
 * For commands that are called often: copying the whole structure costs more
 * than many of them do otherwise.
 *
 * Return: 0 or -EFAULT.
 */
#define command_reply_field(cmd, type, field) \
	put_user(((type *)(cmd)->arg)->field, \
		 command_answer(cmd, type, field))

/**
 * command_answer - where the answer is in the caller's structure
 * @cmd: the command
 * @type: of its structure
 * @field: a field that all versions of the structure have
 */
#define command_answer(cmd, type, field) \
	(&((type __user *)(cmd)->user)->field)

/**
 * command_publish - tell the caller the ID of a new object, and publish it
 * @cmd: the command, whose structure has its ID
 * @obj: the object; gone if the caller cannot be told
 *
 * Return: 0 or -EFAULT.
 */
static inline int command_publish(struct command *cmd, struct object *obj)
{
	int rc = command_reply(cmd);

	if (rc)
		iommufd_object_abort(cmd->ctx, obj);
	else
		iommufd_object_publish(cmd->ctx, obj);
	return rc;
}

/*
 * The commands, by file: the rows of the table in main.c. Each takes its structure in
 * <linux/iommufd.h> or <linux/ioasid.h>, where the comment is its manual.
 */

/* context.c */
int iommufd_context_cmd_destroy(struct command *cmd);
int iommufd_context_cmd_check_extension(struct command *cmd);
int iommufd_context_cmd_last_reason(struct command *cmd);
int iommufd_context_cmd_option(struct command *cmd);

/* space.c */
int iommufd_ioas_cmd_alloc(struct command *cmd);
int iommufd_ioas_cmd_alloc_nested(struct command *cmd);
int iommufd_ioas_cmd_iova_ranges(struct command *cmd);
int iommufd_ioas_cmd_allow_iovas(struct command *cmd);
int iommufd_ioas_cmd_map(struct command *cmd);
int iommufd_ioas_cmd_map_file(struct command *cmd);
int iommufd_ioas_cmd_copy(struct command *cmd);
int iommufd_ioas_cmd_unmap(struct command *cmd);
int iommufd_ioas_cmd_change_process(struct command *cmd);

/* batch_map.c, batch_unmap.c */
int iommufd_batch_cmd_map(struct command *cmd);
int iommufd_batch_cmd_unmap(struct command *cmd);

/* table.c */
int iommufd_table_cmd_alloc(struct command *cmd);
int iommufd_table_cmd_invalidate(struct command *cmd);
int iommufd_table_cmd_coherency(struct command *cmd);

/* dirty.c */
int iommufd_dirty_cmd_set(struct command *cmd);
int iommufd_dirty_cmd_get(struct command *cmd);

/* device.c */
int iommufd_device_cmd_hw_info(struct command *cmd);
int iommufd_device_cmd_info(struct command *cmd);
int iommufd_device_cmd_pasid_attach(struct command *cmd);
int iommufd_device_cmd_pasid_detach(struct command *cmd);

/* queue.c */
int iommufd_queue_cmd_fault_alloc(struct command *cmd);
int iommufd_queue_cmd_event_alloc(struct command *cmd);
int iommufd_queue_cmd_vevent_alloc(struct command *cmd);

/* viommu.c */
int iommufd_viommu_cmd_alloc(struct command *cmd);
int iommufd_viommu_cmd_vdevice(struct command *cmd);
int iommufd_viommu_cmd_hw_queue(struct command *cmd);

/* vfio.c */
int iommufd_vfio_cmd_ioas(struct command *cmd);

#endif
