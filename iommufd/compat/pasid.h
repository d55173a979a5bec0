/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Moving a PASID to another domain, which not every core can do by itself.
 */
#ifndef IOMMUFD_COMPAT_PASID_H
#define IOMMUFD_COMPAT_PASID_H

#include <linux/types.h>

struct device;
struct iommu_attach_handle;
struct iommu_domain;
struct iommu_group;

/**
 * struct pasid_replace - a PASID of a group that is to move to another domain
 * @group: the group
 * @dev: a device in it
 * @pasid: as the hardware carries it
 * @domain: the new domain
 * @old: the current one
 * @handle: with which the group is attached; set to the one with which it is then
 * @spare: another one, for the new domain; NULL if @in_place
 * @in_place: the IOMMU driver moves a PASID without blocking it in between; @handle stays
 * @owner: then, what page requests that come by @handle are found by
 * @new_owner: its value for @domain
 * @old_owner: its value for @old
 * @lost: set if the group is attached to neither domain now
 */
struct pasid_replace {
	struct iommu_group *group;
	struct device *dev;
	u32 pasid;
	struct iommu_domain *domain;
	struct iommu_domain *old;
	struct iommu_attach_handle *handle;
	struct iommu_attach_handle *spare;
	bool in_place;
	void **owner;
	void *new_owner;
	void *old_owner;
	bool lost;
};

#endif
