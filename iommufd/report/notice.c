// SPDX-License-Identifier: GPL-2.0-only
/*
 * Notices to the listeners of the netlink family. Nothing is composed while
 * nobody listens.
 */
#include <linux/pid.h>
#include <net/genetlink.h>

#include "context/object.h"
#include "context/reason.h"
#include "report/failure.h"
#include "report/notice.h"
#include "report/trace.h"

/* The family, and its group of listeners. */
static const struct genl_family *family;
static unsigned int listeners;

/**
 * iommufd_notice_start - begin to send notices
 * @to: the family, registered until the module is unloaded
 * @group: its group of listeners
 */
void iommufd_notice_start(const struct genl_family *to, unsigned int group)
{
	listeners = group;
	family = to;
}

/**
 * iommufd_notice_wanted - does anybody listen?
 */
bool iommufd_notice_wanted(void)
{
	return genl_has_listeners(family, &init_net, listeners);
}

static int fill_text(struct sk_buff *skb, int attr, const char *string)
{
	return string ? nla_put_string(skb, attr, string) : 0;
}

/* For numbers where 0 means none. */
static int fill_id(struct sk_buff *skb, int attr, u32 value)
{
	return value ? nla_put_u32(skb, attr, value) : 0;
}

static int fill_context(struct sk_buff *skb, const struct iommufd_ctx *ctx)
{
	return nla_put_u32(skb, IOASID_A_EVENT_CONTEXT, ctx->number) ?:
	       nla_put_u32(skb, IOASID_A_EVENT_PID, pid_nr(ctx->opener)) ?:
	       nla_put_string(skb, IOASID_A_EVENT_COMM, ctx->comm);
}

static int fill_device(struct sk_buff *skb, const struct notice *notice)
{
	return fill_text(skb, IOASID_A_EVENT_DEVICE, notice->device) ?:
	       fill_id(skb, IOASID_A_EVENT_DEVICE_ID, notice->device_id) ?:
	       fill_id(skb, IOASID_A_EVENT_PASID, notice->pasid) ?:
	       fill_id(skb, IOASID_A_EVENT_PAGE_TABLE, notice->page_table) ?:
	       fill_text(skb, IOASID_A_EVENT_OTHER, notice->other);
}

static int fill_range(struct sk_buff *skb, const struct notice *notice)
{
	int rc = fill_id(skb, IOASID_A_EVENT_SPACE, notice->space);

	if (!rc && (notice->length || notice->kind == IOASID_EVENT_KIND_FAULT))
		rc = nla_put_u64_64bit(skb, IOASID_A_EVENT_IOVA, notice->iova,
				       IOASID_A_EVENT_PAD);
	if (!rc && notice->length)
		rc = nla_put_u64_64bit(skb, IOASID_A_EVENT_LENGTH,
				       notice->length, IOASID_A_EVENT_PAD);
	return rc ?: fill_id(skb, IOASID_A_EVENT_PERM, notice->perm);
}

static int fill_failure(struct sk_buff *skb, const struct notice *notice)
{
	return fill_text(skb, IOASID_A_EVENT_COMMAND, notice->command) ?:
	       fill_id(skb, IOASID_A_EVENT_ERROR, notice->error) ?:
	       fill_text(skb, IOASID_A_EVENT_REASON, notice->reason);
}

/**
 * iommufd_notice_send - tell the listeners
 * @notice: what has happened
 *
 * In any context. If memory is short the notice is dropped: it is only for
 * people.
 */
void iommufd_notice_send(const struct notice *notice)
{
	struct sk_buff *skb;
	void *header;

	if (!iommufd_notice_wanted())
		return;
	skb = genlmsg_new(GENLMSG_DEFAULT_SIZE, GFP_ATOMIC | __GFP_NOWARN);
	if (!skb)
		return;
	header = genlmsg_put(skb, 0, 0, family, 0, IOASID_CMD_EVENT);
	if (!header ||
	    nla_put_u32(skb, IOASID_A_EVENT_KIND, notice->kind) ||
	    (notice->ctx && fill_context(skb, notice->ctx)) ||
	    fill_device(skb, notice) || fill_range(skb, notice) ||
	    fill_failure(skb, notice)) {
		nlmsg_free(skb);
		return;
	}
	genlmsg_end(skb, header);
	genlmsg_multicast(family, skb, 0, listeners, GFP_ATOMIC);
}

/**
 * iommufd_notice_failed - a command has failed: keep that, and tell the listeners why
 * @ctx: the context
 * @command: its name
 * @error: the errno, negative
 *
 * After this the user can read what was noted since reason_begin().
 */
void iommufd_notice_failed(struct iommufd_ctx *ctx, const char *command,
			   int error)
{
	struct notice notice = {
		.kind = IOASID_EVENT_KIND_FAILED,
		.ctx = ctx,
		.command = command,
		.error = -error,
	};
	char text[REASON_LEN];
	bool secret = false;

	if (iommufd_reason_settle(ctx, error, text, &secret))
		notice.reason = text;
	iommufd_failure_keep(ctx->number, command, -error, notice.reason,
			     secret);
	trace_ioasid_failed(ctx->number, command, error, notice.reason ?: "");
	iommufd_notice_send(&notice);
}
