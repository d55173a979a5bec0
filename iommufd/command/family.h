/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The generic netlink family "ioasid".
 */
#ifndef IOMMUFD_FAMILY_H
#define IOMMUFD_FAMILY_H

int family_init(void);
void family_exit(void);

#endif
