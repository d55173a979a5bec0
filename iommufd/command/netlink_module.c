// SPDX-License-Identifier: GPL-2.0-only
/*
 * The generic netlink family "ioasid": its answers about what is the module's, not a
 * context's.
 */
#include <linux/capability.h>
#include <linux/ctype.h>
#include <linux/netlink.h>
#include <net/genetlink.h>

#include "command/answer.h"
#include "command/netlink_gen.h"
#include "device/split.h"
#include "report/failure.h"

/*
 * Pairs that are not isolated -------------------------------------------------
 */

static int change_split(struct sk_buff *skb, struct genl_info *info,
			int (*function)(const char *device, const char *other))
{
	/* GENL_ADMIN_PERM asks for CAP_NET_ADMIN, which is about networks. */
	if (!netlink_capable(skb, CAP_SYS_ADMIN))
		return -EPERM;
	if (GENL_REQ_ATTR_CHECK(info, IOASID_A_SPLIT_DEVICE) ||
	    GENL_REQ_ATTR_CHECK(info, IOASID_A_SPLIT_OTHER))
		return -EINVAL;
	return function(nla_data(info->attrs[IOASID_A_SPLIT_DEVICE]),
			nla_data(info->attrs[IOASID_A_SPLIT_OTHER]));
}

int ioasid_nl_split_add_doit(struct sk_buff *skb, struct genl_info *info)
{
	return change_split(skb, info, iommufd_split_add);
}

int ioasid_nl_split_del_doit(struct sk_buff *skb, struct genl_info *info)
{
	return change_split(skb, info, iommufd_split_del);
}

static int dump_split(const struct split *split, void *data)
{
	const struct answer *answer = data;
	void *header = answer_begin(answer);
	int rc;

	if (!header)
		return -EMSGSIZE;
	rc = answer_end(answer, header,
			nla_put_string(answer->skb, IOASID_A_SPLIT_DEVICE,
				       split->device) ?:
			nla_put_string(answer->skb, IOASID_A_SPLIT_OTHER,
				       split->other));
	if (!rc)
		answer->dump->object++;
	return rc;
}

int ioasid_nl_split_get_dumpit(struct sk_buff *skb,
			       struct netlink_callback *cb)
{
	struct dump *dump = (void *)cb->ctx;
	struct answer answer = {
		.skb = skb,
		.cb = cb,
		.dump = dump,
		.cmd = IOASID_CMD_SPLIT_GET,
	};
	int rc = iommufd_split_for_each(dump->object, dump_split, &answer);

	return answer_return(skb, rc);
}

/*
 * Failures --------------------------------------------------------------------
 */

/* In place of each number that begins with 0x, 0x?, which is not longer. */
static void hide_addresses(char *text)
{
	char *to = text;

	while (*text) {
		if (text[0] != '0' || text[1] != 'x' || !isxdigit(text[2])) {
			*to++ = *text++;
			continue;
		}
		memcpy(to, "0x?", 3);
		to += 3;
		for (text += 3; isxdigit(*text); text++)
			;
	}
	*to = 0;
}

static int fill_failure(struct sk_buff *skb, const struct failure *failure)
{
	int rc;

	rc = nla_put_u32(skb, IOASID_A_FAILURE_CONTEXT, failure->context) ?:
	     nla_put_u64_64bit(skb, IOASID_A_FAILURE_NUMBER, failure->number,
			       IOASID_A_FAILURE_PAD) ?:
	     nla_put_u64_64bit(skb, IOASID_A_FAILURE_TIME, failure->time,
			       IOASID_A_FAILURE_PAD) ?:
	     nla_put_u32(skb, IOASID_A_FAILURE_PID, failure->pid) ?:
	     nla_put_string(skb, IOASID_A_FAILURE_COMM, failure->comm) ?:
	     nla_put_u32(skb, IOASID_A_FAILURE_UID,
			 from_kuid_munged(&init_user_ns, failure->uid)) ?:
	     nla_put_string(skb, IOASID_A_FAILURE_COMMAND, failure->command) ?:
	     nla_put_u32(skb, IOASID_A_FAILURE_ERROR, failure->error) ?:
	     nla_put_u64_64bit(skb, IOASID_A_FAILURE_TIMES, failure->times,
			       IOASID_A_FAILURE_PAD);
	if (!rc && failure->reason[0])
		rc = nla_put_string(skb, IOASID_A_FAILURE_REASON,
				    failure->reason);
	return rc;
}

static int dump_failure(const struct answer *answer, struct failure *failure)
{
	void *header;

	if (!answer_wants(answer, IOASID_A_FAILURE_CONTEXT, failure->context) ||
	    !answer_may_see(answer, failure->uid))
		return 0;
	if (failure->secret && !answer_sees_all(answer))
		hide_addresses(failure->reason);
	header = answer_begin(answer);
	if (!header)
		return -EMSGSIZE;
	return answer_end(answer, header, fill_failure(answer->skb, failure));
}

int ioasid_nl_failure_get_dumpit(struct sk_buff *skb,
				 struct netlink_callback *cb)
{
	struct dump *dump = (void *)cb->ctx;
	const struct answer answer = {
		.skb = skb,
		.cb = cb,
		.attrs = genl_dumpit_info(cb)->info.attrs,
		.cmd = IOASID_CMD_FAILURE_GET,
	};
	struct failure failure;
	int rc = 0;

	/* So many at most, or it might never catch up with who keeps failing. */
	while (dump->failures < FAILURES_MAX &&
	       iommufd_failure_next(dump->failure, &failure)) {
		rc = dump_failure(&answer, &failure);
		if (rc)
			break;
		dump->failure = failure.number + 1;
		dump->failures++;
	}
	return answer_return(skb, rc);
}
