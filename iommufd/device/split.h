/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Pairs of devices that an administrator has declared to be not isolated.
 */
#ifndef IOMMUFD_SPLIT_H
#define IOMMUFD_SPLIT_H

#include <linux/list.h>

struct iommufd_ctx;

/**
 * struct split_bound - a bound device, to be checked against the pairs
 * @link: in the list of all of them
 * @ctx: its context
 * @name: its name in sysfs; a sub-device has its parent's
 */
struct split_bound {
	struct list_head link;
	struct iommufd_ctx *ctx;
	const char *name;
};

/**
 * struct split - a pair
 * @link: in the list of pairs
 * @device: the name of one device
 * @other: the name of the other
 */
struct split {
	struct list_head link;
	char device[64];
	char other[64];
};

int iommufd_split_bind(struct split_bound *bound, struct iommufd_ctx *ctx,
		       const char *name);
void iommufd_split_unbind(struct split_bound *bound);

int iommufd_split_add(const char *device, const char *other);
int iommufd_split_del(const char *device, const char *other);
int iommufd_split_for_each(unsigned long skip,
			   int (*function)(const struct split *split,
					   void *data),
			   void *data);
void iommufd_split_forget_all(void);

#endif
