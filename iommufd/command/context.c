// SPDX-License-Identifier: GPL-2.0-only
/*
 * The commands about the context itself, and about objects of any kind: DESTROY,
 * CHECK_EXTENSION, LAST_REASON, OPTION.
 */
#include <linux/capability.h>
#include <linux/nospec.h>
#include <uapi/linux/iommufd.h>
#include <uapi/linux/ioasid.h>

#include "command/busy.h"
#include "command/command.h"
#include "command/portion.h"
#include "context/reason.h"
#include "report/event.h"
#include "space/nested.h"
#include "space/table.h"

/**
 * iommufd_context_cmd_destroy - IOMMU_DESTROY
 * @cmd: struct iommu_destroy
 */
int iommufd_context_cmd_destroy(struct command *cmd)
{
	const struct iommu_destroy *arg = cmd->arg;
	int rc = iommufd_object_destroy(cmd->ctx, arg->id);

	if (rc == -EBUSY)
		iommufd_busy_explain(cmd->ctx, arg->id);
	return rc;
}

static const u64 extensions[] = {
	[IOASID_EXT_API_VERSION] = 1,
	[IOASID_EXT_MAP_BATCH] = BATCH_ENTRIES_MAX,
	[IOASID_EXT_NESTED] = NESTED_DEPTH_MAX,
	[IOASID_EXT_LAST_REASON] = REASON_LEN,
	[IOASID_EXT_MAP_FILE] = 1,
	[IOASID_EXT_CHANGE_PROCESS] = 1,
	[IOASID_EXT_P2P] = 1,
	[IOASID_EXT_EVENTQ] = EVENTQ_DEPTH_MAX,
	[IOASID_EXT_FAULT_ANY] = 1,
	[IOASID_EXT_PASID] = 1,
	[IOASID_EXT_DEVICE_INFO] = 1,
	[IOASID_EXT_COHERENCY] = 1,
};

/**
 * iommufd_context_cmd_check_extension - IOASID_CHECK_EXTENSION
 * @cmd: struct ioasid_check_extension
 */
int iommufd_context_cmd_check_extension(struct command *cmd)
{
	struct ioasid_check_extension *arg = cmd->arg;

	if (arg->flags || arg->__reserved)
		return -EOPNOTSUPP;
	arg->out_value = 0;
	if (arg->extension < ARRAY_SIZE(extensions))
		arg->out_value =
			extensions[array_index_nospec(arg->extension,
						      ARRAY_SIZE(extensions))];
	return command_reply(cmd);
}

/**
 * iommufd_context_cmd_last_reason - IOASID_LAST_REASON
 * @cmd: struct ioasid_last_reason
 */
int iommufd_context_cmd_last_reason(struct command *cmd)
{
	struct ioasid_last_reason *arg = cmd->arg;
	char text[REASON_LEN];
	u32 length;
	int error, rc;

	if (arg->flags)
		return -EOPNOTSUPP;
	rc = iommufd_reason_read(cmd->ctx, text, &error);
	if (rc)
		return rc;
	length = strlen(text) + 1;
	if (arg->buffer_len && arg->buffer_len < length)
		text[arg->buffer_len - 1] = '\0';
	if (copy_to_user(u64_to_user_ptr(arg->buffer), text,
			 min(arg->buffer_len, length)))
		return -EFAULT;
	arg->buffer_len = length;
	arg->out_errno = error;
	return command_reply(cmd);
}

static int refuse_op(struct iommufd_ctx *ctx, const struct iommu_option *arg)
{
	return iommufd_reason_note(ctx, -EOPNOTSUPP,
				   "operation %u is neither IOMMU_OPTION_OP_SET nor _GET",
				   arg->op);
}

static int refuse_value(struct iommufd_ctx *ctx, const struct iommu_option *arg)
{
	return iommufd_reason_note(ctx, -EINVAL,
				   "the value %llu of the option is neither 0 nor 1",
				   arg->val64);
}

static int option_rlimit_mode(struct iommufd_ctx *ctx, struct iommu_option *arg)
{
	int rc = 0;

	if (arg->object_id)
		return iommufd_reason_note(ctx, -EOPNOTSUPP,
					   "RLIMIT_MODE is of the file: object_id is %u, not 0",
					   arg->object_id);
	if (arg->op == IOMMU_OPTION_OP_GET) {
		arg->val64 = ctx->charge_process;
		return 0;
	}
	if (arg->op != IOMMU_OPTION_OP_SET)
		return refuse_op(ctx, arg);
	if (!capable(CAP_SYS_RESOURCE))
		return -EPERM;

	xa_lock(&ctx->objects);
	if (!xa_empty(&ctx->objects))
		rc = -EBUSY;
	else if (arg->val64 > 1)
		rc = -EINVAL;
	else
		ctx->charge_process = arg->val64;
	xa_unlock(&ctx->objects);
	return rc == -EINVAL ? refuse_value(ctx, arg) : rc;
}

static int option_huge_pages(struct iommufd_ctx *ctx, struct iommu_option *arg)
{
	struct ioas *ioas = ioas_get(ctx, arg->object_id);
	int rc = 0;

	if (!ioas)
		return -ENOENT;
	if (arg->op == IOMMU_OPTION_OP_GET)
		arg->val64 = !ioas->small_pages;
	else if (arg->op != IOMMU_OPTION_OP_SET)
		rc = refuse_op(ctx, arg);
	else if (arg->val64 > 1)
		rc = refuse_value(ctx, arg);
	else
		rc = iommufd_ioas_set_small_pages(ioas, !arg->val64);
	ioas_put(ctx, ioas);
	return rc;
}

/**
 * iommufd_context_cmd_option - IOMMU_OPTION
 * @cmd: struct iommu_option
 */
int iommufd_context_cmd_option(struct command *cmd)
{
	struct iommu_option *arg = cmd->arg;
	int rc;

	if (arg->__reserved)
		return -EOPNOTSUPP;
	switch (arg->option_id) {
	case IOMMU_OPTION_RLIMIT_MODE:
		rc = option_rlimit_mode(cmd->ctx, arg);
		break;
	case IOMMU_OPTION_HUGE_PAGES:
		rc = option_huge_pages(cmd->ctx, arg);
		break;
	default:
		return iommufd_reason_note(cmd->ctx, -EOPNOTSUPP,
					   "option %u is not known",
					   arg->option_id);
	}
	return rc ?: command_reply(cmd);
}
