/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The members of an attachment: the bound devices that have asked for it.
 */
#ifndef IOMMUFD_MEMBER_H
#define IOMMUFD_MEMBER_H

#include <linux/list.h>

#include "report/source.h"
#include "space/space.h"

struct attachment;
struct hwpt;
struct iommufd_device;

/**
 * struct member - a device that has joined an attachment
 * @source: traces faults back to the device
 * @reserver: owns the ranges that the device cannot translate
 * @link: in attachment.members
 * @own: in iommufd_device.members
 * @idev: the device
 * @requests: its page requests are enabled for it, since its page table has a queue
 */
struct member {
	struct source source;
	struct reserver reserver;
	struct list_head link;
	struct list_head own;
	struct iommufd_device *idev;
	bool requests;
};

struct member *iommufd_member_new(struct iommufd_device *idev,
				  const struct attachment *att, u32 pasid,
				  struct hwpt *hwpt);
int iommufd_member_attached(struct member *member, const struct hwpt *hwpt);
void iommufd_member_set_idle(struct member *member, struct hwpt *hwpt, bool idle);
void iommufd_member_free(struct member *member, struct hwpt *hwpt, bool moved);

#endif
