// SPDX-License-Identifier: GPL-2.0-only
/*
 * The generic netlink family "ioasid": its answers about what is the module's, not a
 * context's.
 */
#include <linux/capability.h>
#include <linux/netlink.h>
#include <net/genetlink.h>

#include "command/answer.h"
#include "command/netlink_gen.h"
#include "device/split.h"

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

	return rc == -EMSGSIZE && skb->len ? skb->len : rc;
}
