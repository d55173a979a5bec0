/* SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause) */
/* Do not edit directly, auto-generated from: */
/*	Documentation/netlink/specs/ioasid.yaml */
/* YNL-GEN kernel header */

#ifndef _LINUX_IOASID_GEN_H
#define _LINUX_IOASID_GEN_H

#include <net/netlink.h>
#include <net/genetlink.h>

#include <uapi/linux/ioasid_netlink.h>

int ioasid_nl_context_get_dumpit(struct sk_buff *skb,
				 struct netlink_callback *cb);
int ioasid_nl_space_get_dumpit(struct sk_buff *skb,
			       struct netlink_callback *cb);
int ioasid_nl_device_get_dumpit(struct sk_buff *skb,
				struct netlink_callback *cb);
int ioasid_nl_area_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb);
int ioasid_nl_split_add_doit(struct sk_buff *skb, struct genl_info *info);
int ioasid_nl_split_del_doit(struct sk_buff *skb, struct genl_info *info);
int ioasid_nl_split_get_dumpit(struct sk_buff *skb,
			       struct netlink_callback *cb);
int ioasid_nl_failure_get_dumpit(struct sk_buff *skb,
				 struct netlink_callback *cb);

enum {
	IOASID_NLGRP_EVENTS,
};

extern struct genl_family ioasid_nl_family;

#endif /* _LINUX_IOASID_GEN_H */
