/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Events of a vIOMMU, which the IOMMU driver reports for its guest.
 */
#ifndef IOMMUFD_VEVENT_H
#define IOMMUFD_VEVENT_H

#include "context/object.h"

struct iommufd_viommu;

/* The largest depth of a queue, in events. */
#define VEVENT_DEPTH_MAX	(1U << 19)

struct object *iommufd_vevent_queue_alloc(struct iommufd_viommu *viommu,
					  struct object *owner, u32 type,
					  u32 depth);
struct file *iommufd_vevent_queue_open(struct iommufd_ctx *ctx,
				       struct object *obj);
const struct object *iommufd_vevent_queue_owner(struct object *obj);

#endif
