/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The generic netlink family "ioasid".
 */
#ifndef IOMMUFD_NETLINK_H
#define IOMMUFD_NETLINK_H

int netlink_init(void);
void netlink_exit(void);

#endif
