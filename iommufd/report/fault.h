/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Page requests of devices, and the answers of user space.
 */
#ifndef IOMMUFD_FAULT_H
#define IOMMUFD_FAULT_H

#include "context/object.h"

struct fault_queue;
struct iommu_domain;
struct source;
struct sources;

struct object *iommufd_fault_queue_alloc(struct iommufd_ctx *ctx);
struct file *iommufd_fault_queue_open(struct iommufd_ctx *ctx,
				      struct object *obj);
struct fault_queue *iommufd_fault_queue_get(struct iommufd_ctx *ctx, u32 id);
void iommufd_fault_queue_put(struct iommufd_ctx *ctx,
			     struct fault_queue *queue);
void iommufd_fault_connect(struct iommu_domain *domain);
void iommufd_fault_answer_all(struct fault_queue *queue,
			      const struct source *source, bool retry);

#endif
