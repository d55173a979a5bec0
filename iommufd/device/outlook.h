/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef IOMMUFD_OUTLOOK_H
#define IOMMUFD_OUTLOOK_H

#include <linux/rbtree.h>

int iommufd_outlook(struct rb_root_cached *reserved);
int iommufd_outlook_init(void);
void iommufd_outlook_exit(void);

#endif
