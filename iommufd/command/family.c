// SPDX-License-Identifier: GPL-2.0-only
/*
 * The generic netlink family "ioasid": what is generated from its specification,
 * completed by what the generator of this kernel cannot express.
 */
#include <net/genetlink.h>

#include "command/family.h"
#include "command/netlink_gen.h"
#include "device/split.h"
#include "report/notice.h"

/* The generator of this kernel cannot express who may listen, and from where. */
static const struct genl_multicast_group groups[] = {
	[IOASID_NLGRP_EVENTS] = {
		.name = "events",
		.flags = GENL_MCAST_CAP_SYS_ADMIN,
	},
};

/**
 * iommufd_family_init - when the module is loaded
 *
 * Return: 0 or an errno of genl_register_family().
 */
int iommufd_family_init(void)
{
	int rc;

	ioasid_nl_family.netnsok = false;
	ioasid_nl_family.mcgrps = groups;
	ioasid_nl_family.n_mcgrps = ARRAY_SIZE(groups);
	rc = genl_register_family(&ioasid_nl_family);
	if (!rc)
		iommufd_notice_start(&ioasid_nl_family, IOASID_NLGRP_EVENTS);
	return rc;
}

/**
 * iommufd_family_exit - when the module is unloaded
 */
void iommufd_family_exit(void)
{
	genl_unregister_family(&ioasid_nl_family);
	iommufd_split_forget_all();
}
