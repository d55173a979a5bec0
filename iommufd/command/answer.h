/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the dumps of the netlink family have in common.
 */
#ifndef IOMMUFD_ANSWER_H
#define IOMMUFD_ANSWER_H

#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/netlink.h>
#include <linux/uidgid.h>
#include <net/genetlink.h>

struct iommufd_ctx;

/**
 * struct dump - where a dump goes on, in netlink_callback.ctx
 * @context: the lowest number of a context that is not done yet
 * @object: likewise, of an object in it
 * @iova: likewise, of an area in it
 * @failure: the lowest number of a failure that is not done yet
 * @failures: how many are done
 * @done: nothing is left
 */
struct dump {
	u32 context;
	u32 object;
	u64 iova;
	u64 failure;
	u32 failures;
	bool done;
};

/**
 * struct answer - one call for the next part of a dump
 * @skb: what is filled
 * @cb: the request
 * @attrs: what it asks for
 * @dump: where it goes on
 * @ctx: the context that is being looked at
 * @cmd: of the messages
 */
struct answer {
	struct sk_buff *skb;
	struct netlink_callback *cb;
	struct nlattr **attrs;
	struct dump *dump;
	struct iommufd_ctx *ctx;
	u8 cmd;
};

/**
 * answer_sees_all - does who asks see what is not its user's?
 * @answer: the answer
 */
static inline bool answer_sees_all(const struct answer *answer)
{
	return netlink_capable(answer->cb->skb, CAP_SYS_ADMIN);
}

/**
 * answer_may_see - may who asks see what is a user's?
 * @answer: the answer
 * @uid: the user
 *
 * Root of a container, without capabilities, is not the host's root.
 */
static inline bool answer_may_see(const struct answer *answer, kuid_t uid)
{
	if (answer_sees_all(answer))
		return true;
	return !uid_eq(uid, GLOBAL_ROOT_UID) &&
	       uid_eq(uid, NETLINK_CREDS(answer->cb->skb)->uid);
}

/**
 * answer_wants - does the request ask for a number, or for any?
 * @answer: the answer
 * @attr: by which it asks
 * @number: the number
 */
static inline bool answer_wants(const struct answer *answer, int attr,
				u32 number)
{
	const struct nlattr *nla = answer->attrs[attr];

	return !nla || nla_get_u32(nla) == number;
}

/**
 * answer_begin - begin a message
 * @answer: the answer
 *
 * Return: for answer_end(); NULL if there is no room.
 */
static inline void *answer_begin(const struct answer *answer)
{
	return genlmsg_put(answer->skb, NETLINK_CB(answer->cb->skb).portid,
			   answer->cb->nlh->nlmsg_seq,
			   genl_info_dump(answer->cb)->family, NLM_F_MULTI,
			   answer->cmd);
}

/**
 * answer_end - keep the whole message, or nothing of it
 * @answer: the answer
 * @header: of answer_begin()
 * @rc: 0, or what has gone wrong
 *
 * Return: @rc.
 */
static inline int answer_end(const struct answer *answer, void *header, int rc)
{
	if (rc)
		genlmsg_cancel(answer->skb, header);
	else
		genlmsg_end(answer->skb, header);
	return rc;
}

/**
 * answer_return - what a dumpit returns
 * @skb: what has been filled
 * @rc: 0, or what has gone wrong
 *
 * A message that does not fit into an empty buffer never will.
 *
 * Return: the length, if the next message comes with the next buffer; else @rc.
 */
static inline int answer_return(const struct sk_buff *skb, int rc)
{
	return rc == -EMSGSIZE && skb->len ? skb->len : rc;
}

#endif
