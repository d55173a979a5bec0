// SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause)
/* Do not edit directly, auto-generated from: */
/*	Documentation/netlink/specs/ioasid.yaml */
/* YNL-GEN kernel source */

#include <net/netlink.h>
#include <net/genetlink.h>

#include "netlink_gen.h"

#include <uapi/linux/ioasid_netlink.h>

/* IOASID_CMD_CONTEXT_GET - dump */
static const struct nla_policy ioasid_context_get_nl_policy[IOASID_A_CONTEXT_ID + 1] = {
	[IOASID_A_CONTEXT_ID] = { .type = NLA_U32, },
};

/* IOASID_CMD_SPACE_GET - dump */
static const struct nla_policy ioasid_space_get_nl_policy[IOASID_A_SPACE_ID + 1] = {
	[IOASID_A_SPACE_CONTEXT] = { .type = NLA_U32, },
	[IOASID_A_SPACE_ID] = { .type = NLA_U32, },
};

/* IOASID_CMD_DEVICE_GET - dump */
static const struct nla_policy ioasid_device_get_nl_policy[IOASID_A_DEVICE_ID + 1] = {
	[IOASID_A_DEVICE_CONTEXT] = { .type = NLA_U32, },
	[IOASID_A_DEVICE_ID] = { .type = NLA_U32, },
};

/* IOASID_CMD_AREA_GET - dump */
static const struct nla_policy ioasid_area_get_nl_policy[IOASID_A_AREA_LAST + 1] = {
	[IOASID_A_AREA_CONTEXT] = { .type = NLA_U32, },
	[IOASID_A_AREA_SPACE] = { .type = NLA_U32, },
	[IOASID_A_AREA_IOVA] = { .type = NLA_U64, },
	[IOASID_A_AREA_LAST] = { .type = NLA_U64, },
};

/* IOASID_CMD_SPLIT_ADD - do */
static const struct nla_policy ioasid_split_add_nl_policy[IOASID_A_SPLIT_OTHER + 1] = {
	[IOASID_A_SPLIT_DEVICE] = { .type = NLA_NUL_STRING, },
	[IOASID_A_SPLIT_OTHER] = { .type = NLA_NUL_STRING, },
};

/* IOASID_CMD_SPLIT_DEL - do */
static const struct nla_policy ioasid_split_del_nl_policy[IOASID_A_SPLIT_OTHER + 1] = {
	[IOASID_A_SPLIT_DEVICE] = { .type = NLA_NUL_STRING, },
	[IOASID_A_SPLIT_OTHER] = { .type = NLA_NUL_STRING, },
};

/* IOASID_CMD_FAILURE_GET - dump */
static const struct nla_policy ioasid_failure_get_nl_policy[IOASID_A_FAILURE_CONTEXT + 1] = {
	[IOASID_A_FAILURE_CONTEXT] = { .type = NLA_U32, },
};

/* Ops table for ioasid */
static const struct genl_split_ops ioasid_nl_ops[] = {
	{
		.cmd		= IOASID_CMD_CONTEXT_GET,
		.dumpit		= ioasid_nl_context_get_dumpit,
		.policy		= ioasid_context_get_nl_policy,
		.maxattr	= IOASID_A_CONTEXT_ID,
		.flags		= GENL_CMD_CAP_DUMP,
	},
	{
		.cmd		= IOASID_CMD_SPACE_GET,
		.dumpit		= ioasid_nl_space_get_dumpit,
		.policy		= ioasid_space_get_nl_policy,
		.maxattr	= IOASID_A_SPACE_ID,
		.flags		= GENL_CMD_CAP_DUMP,
	},
	{
		.cmd		= IOASID_CMD_DEVICE_GET,
		.dumpit		= ioasid_nl_device_get_dumpit,
		.policy		= ioasid_device_get_nl_policy,
		.maxattr	= IOASID_A_DEVICE_ID,
		.flags		= GENL_CMD_CAP_DUMP,
	},
	{
		.cmd		= IOASID_CMD_AREA_GET,
		.dumpit		= ioasid_nl_area_get_dumpit,
		.policy		= ioasid_area_get_nl_policy,
		.maxattr	= IOASID_A_AREA_LAST,
		.flags		= GENL_CMD_CAP_DUMP,
	},
	{
		.cmd		= IOASID_CMD_SPLIT_ADD,
		.doit		= ioasid_nl_split_add_doit,
		.policy		= ioasid_split_add_nl_policy,
		.maxattr	= IOASID_A_SPLIT_OTHER,
		.flags		= GENL_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
	{
		.cmd		= IOASID_CMD_SPLIT_DEL,
		.doit		= ioasid_nl_split_del_doit,
		.policy		= ioasid_split_del_nl_policy,
		.maxattr	= IOASID_A_SPLIT_OTHER,
		.flags		= GENL_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
	{
		.cmd	= IOASID_CMD_SPLIT_GET,
		.dumpit	= ioasid_nl_split_get_dumpit,
		.flags	= GENL_CMD_CAP_DUMP,
	},
	{
		.cmd		= IOASID_CMD_FAILURE_GET,
		.dumpit		= ioasid_nl_failure_get_dumpit,
		.policy		= ioasid_failure_get_nl_policy,
		.maxattr	= IOASID_A_FAILURE_CONTEXT,
		.flags		= GENL_CMD_CAP_DUMP,
	},
};

static const struct genl_multicast_group ioasid_nl_mcgrps[] = {
	[IOASID_NLGRP_EVENTS] = { "events", },
};

struct genl_family ioasid_nl_family __ro_after_init = {
	.name		= IOASID_FAMILY_NAME,
	.version	= IOASID_FAMILY_VERSION,
	.netnsok	= true,
	.parallel_ops	= true,
	.module		= THIS_MODULE,
	.split_ops	= ioasid_nl_ops,
	.n_split_ops	= ARRAY_SIZE(ioasid_nl_ops),
	.mcgrps		= ioasid_nl_mcgrps,
	.n_mcgrps	= ARRAY_SIZE(ioasid_nl_mcgrps),
};
