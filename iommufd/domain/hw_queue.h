/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Queues in a guest's memory, which the IOMMU reads by itself.
 */
#ifndef IOMMUFD_HW_QUEUE_H
#define IOMMUFD_HW_QUEUE_H

#include "context/object.h"

struct viommu;

int iommufd_hw_queue_start(struct object *obj, u32 index);
struct object *iommufd_hw_queue_alloc(struct viommu *viommu, u32 type,
				      unsigned long iova, unsigned long length);
const struct object *iommufd_hw_queue_owner(struct object *obj);

#endif
