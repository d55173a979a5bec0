/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a command gets from the dispatcher.
 */
#ifndef IOMMUFD_MAIN_H
#define IOMMUFD_MAIN_H

#include <linux/types.h>
#include <linux/uaccess.h>

struct iommufd_ctx;

/**
 * struct command - one call of ioctl() on /dev/iommu
 * @ctx: the context of the file
 * @arg: the command's structure, copied from user space and filled up with
 *	zeros to the length that this module knows
 * @user: where it came from
 * @user_size: how long the caller says it is
 */
struct command {
	struct iommufd_ctx *ctx;
	void *arg;
	void __user *user;
	u32 user_size;
};

/**
 * command_reply - copy the command's structure back to the caller
 * @cmd: the command
 * @size: its length in this module; a caller who knows a shorter one gets that
 *
 * Return: 0 or -EFAULT.
 */
static inline int command_reply(struct command *cmd, size_t size)
{
	if (copy_to_user(cmd->user, cmd->arg,
			 min_t(size_t, cmd->user_size, size)))
		return -EFAULT;
	return 0;
}

/**
 * command_reply_field - give the caller the one field that is an answer
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
		 &((type __user *)(cmd)->user)->field)

struct command;

int ioas_cmd_alloc(struct command *cmd);
int ioas_cmd_alloc_nested(struct command *cmd);
int ioas_cmd_iova_ranges(struct command *cmd);
int ioas_cmd_allow_iovas(struct command *cmd);
int ioas_cmd_map(struct command *cmd);
int ioas_cmd_map_file(struct command *cmd);
int ioas_cmd_copy(struct command *cmd);
int ioas_cmd_unmap(struct command *cmd);
int ioas_cmd_change_process(struct command *cmd);
int ioas_cmd_option(struct command *cmd);

#endif
