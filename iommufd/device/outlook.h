/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef IOMMUFD_OUTLOOK_H
#define IOMMUFD_OUTLOOK_H

#include <linux/rbtree.h>

int outlook(struct rb_root_cached *reserved);
int outlook_init(void);
void outlook_exit(void);

#endif
