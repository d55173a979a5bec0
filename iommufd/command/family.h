/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The generic netlink family "ioasid".
 */
#ifndef IOMMUFD_FAMILY_H
#define IOMMUFD_FAMILY_H

int iommufd_family_init(void);
void iommufd_family_exit(void);

#endif
