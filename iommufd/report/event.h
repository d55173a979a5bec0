/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Events that nobody answers: DMA faults, lost ranges, devices that are gone.
 */
#ifndef IOMMUFD_EVENT_H
#define IOMMUFD_EVENT_H

#include "context/object.h"

struct iommu_domain;
struct sources;

/* The largest depth of a queue. */
#define EVENTQ_DEPTH_MAX	65536

int iommufd_event_watch(struct iommu_domain *domain, struct sources *sources);
void iommufd_event_range_lost(struct iommufd_ctx *ctx, u32 ioas_id,
			      unsigned long iova, unsigned long length);
void iommufd_event_device_gone(struct iommufd_ctx *ctx, u32 dev_id);

struct object *iommufd_eventq_alloc(struct iommufd_ctx *ctx, u32 ioas_id,
				    u32 depth);
void iommufd_eventq_abort(struct iommufd_ctx *ctx, struct object *obj);
struct file *iommufd_eventq_open(struct iommufd_ctx *ctx, struct object *obj);

#endif
