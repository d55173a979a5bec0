/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vIOMMUs: what a guest has of an IOMMU.
 */
#ifndef IOMMUFD_VIOMMU_H
#define IOMMUFD_VIOMMU_H

#include <linux/cache.h>
#include <linux/ioasid_viommu.h>

#include "context/object.h"
#include "domain/hwpt.h"

/**
 * struct viommu - a vIOMMU
 * @obj: in the ID table; what has been made on it holds references
 * @parent: the nesting parent, referenced
 * @core: what the IOMMU driver knows, at the start of its own structure, which may have
 *	members that want to begin with a cache line
 */
struct viommu {
	struct object obj;
	struct hwpt *parent;
	struct iommufd_viommu core ____cacheline_aligned;
};

static inline struct viommu *viommu_of(struct object *obj)
{
	return container_of(obj, struct viommu, obj);
}

static inline struct viommu *viommu_get(struct iommufd_ctx *ctx, u32 id)
{
	struct object *obj = iommufd_object_get(ctx, id, OBJECT_VIOMMU);

	return obj ? viommu_of(obj) : NULL;
}

size_t iommufd_viommu_size(struct iommufd_ctx *ctx, struct device *dev, u32 type);
struct viommu *iommufd_viommu_alloc(struct hwpt *parent, struct device *dev,
				    u32 type,
				    const struct iommu_user_data *data);
int iommufd_viommu_check(const struct viommu *viommu, struct device *dev);
struct hwpt *iommufd_viommu_alloc_nested(struct viommu *viommu,
					 struct device *dev, u32 flags,
					 const struct iommu_user_data *data);

#endif
