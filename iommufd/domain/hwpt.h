/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hardware page tables: an IOMMU domain with an ID.
 */
#ifndef IOMMUFD_HWPT_H
#define IOMMUFD_HWPT_H

#include "domain/format.h"
#include "report/source.h"
#include "space/space.h"

struct device;
struct iommu_user_data;

/**
 * struct hwpt - a page table that devices can be attached to
 * @obj: in the ID table; devices that are attached hold references
 * @domain: the IOMMU driver's part of it
 * @ioas: the IOAS that it translates, referenced by it or by its parent
 * @parent: of a nested one: the page table below it, referenced; otherwise NULL
 * @viommu: that it has been made on, referenced; otherwise NULL
 * @iommu: the only one for which it is, then and with some drivers; otherwise NULL
 * @table: of a kernel-managed one: in the list of @ioas while @filled is set
 * @format: of the IOMMUs that can read it
 * @sources: the devices that are attached, and where their page requests go
 * @automatic: made by an attach to @ioas, goes with the last device
 * @coherent: the domain enforces cache coherency
 * @policy: enum ioasid_coherency_policy, of the IOAS when it was made
 * @nest_parent: may have nested page tables above it
 * @dirty: can track dirty pages
 * @msi_cookie: the window for software-managed MSIs has been set up
 * @filled: see @table
 * @reported: it has been attached with a handler of page requests
 */
struct hwpt {
	struct object obj;
	struct iommu_domain *domain;
	struct ioas *ioas;
	struct hwpt *parent;
	struct object *viommu;
	struct iommu_device *iommu;
	struct ioas_table table;
	struct table_format format;
	struct sources sources;
	bool automatic;
	bool coherent;
	bool nest_parent;
	bool dirty;
	bool msi_cookie;
	bool filled;
	bool reported;
	u32 policy;
};

static inline struct hwpt *hwpt_of(struct object *obj)
{
	return container_of(obj, struct hwpt, obj);
}

static inline struct hwpt *hwpt_get(struct iommufd_ctx *ctx, u32 id)
{
	struct object *obj = iommufd_object_get(ctx, id, OBJECT_HWPT);

	return obj ? hwpt_of(obj) : NULL;
}

/**
 * hwpt_is_complete - can a page table be filled before a device is attached to it?
 * @hwpt: a kernel-managed one
 *
 * The driver of virtio-iommu does not know before what the domain can
 * translate.
 */
static inline bool hwpt_is_complete(const struct hwpt *hwpt)
{
	return hwpt->domain->geometry.aperture_end;
}

struct iommu_domain *iommufd_hwpt_domain_alloc(struct device *dev, u32 flags);
struct hwpt *iommufd_hwpt_alloc(struct ioas *ioas, struct device *dev,
				u32 flags, const struct iommu_user_data *data);
struct hwpt *iommufd_hwpt_alloc_nested(struct hwpt *parent, struct device *dev,
				       u32 flags,
				       const struct iommu_user_data *data);
struct hwpt *iommufd_hwpt_begin_nested(struct hwpt *parent, struct device *dev,
				       u32 flags,
				       const struct iommu_user_data *data);
struct hwpt *iommufd_hwpt_end_nested(struct hwpt *hwpt, struct device *dev,
				     u32 flags, struct iommu_domain *domain);
void iommufd_hwpt_set_faults(struct hwpt *hwpt, struct fault_queue *queue);
int iommufd_hwpt_fill(struct hwpt *hwpt);
void iommufd_hwpt_drain(struct hwpt *hwpt);
int iommufd_hwpt_check(const struct hwpt *hwpt, struct device *dev,
		       const char *name);
int iommufd_hwpt_match(const struct hwpt *hwpt, struct device *dev);
void iommufd_hwpt_put(struct hwpt *hwpt);
struct object *iommufd_pt_hold(struct iommufd_ctx *ctx, u32 id);
void iommufd_pt_release(struct iommufd_ctx *ctx, struct object *pt);

#endif
