/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef IOMMUFD_RID_H
#define IOMMUFD_RID_H

#include <linux/types.h>

struct group;
struct iommufd_device;
struct member;

struct member *iommufd_rid_user(struct group *group);
int iommufd_rid_check_first(const struct iommufd_device *idev, u32 pasid);
int iommufd_rid_check_moves(const struct iommufd_device *idev, u32 pasid);

#endif
