/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Second stages: page tables that the kernel manages.
 */
#ifndef IOSIM_DOMAIN_H
#define IOSIM_DOMAIN_H

#include <linux/interval_tree.h>
#include <linux/iommu.h>
#include <linux/kref.h>

#include "attach.h"
#include "table.h"

struct iosim_endpoint;

#define IOSIM_PAGE_SIZES	(SZ_4K | SZ_2M | SZ_1G)

struct quirks;

/**
 * struct second_stage - a page table of the kernel's
 * @domain: as the core knows it
 * @ref: of the memory of this, see domain_hold()
 * @table: the page table
 * @attachments: of it, and of the nested domains above it
 * @nest_parent: there may be nested domains above it
 * @tracking: dirty bits are set
 * @coherent: no DMA bypasses the caches
 * @vtd: it is of a VT-d
 * @quirks: of the device that it was made for
 * @extents: what can be unmapped only as a whole, see quirks.c
 * @extents_lock: protects @extents; table.lock is taken inside
 */
struct second_stage {
	struct iommu_domain domain;
	struct kref ref;
	struct table table;
	struct attachments attachments;
	bool nest_parent;
	bool tracking;
	bool coherent;
	bool vtd;
	struct quirks *quirks;
	struct rb_root_cached extents;
	spinlock_t extents_lock;
};

extern struct iommu_domain blocked_domain;
extern struct iommu_domain identity_domain;

struct second_stage *to_second_stage(struct iommu_domain *domain);
struct iommu_domain *domain_alloc_paging(struct device *dev);
struct iommu_domain *domain_alloc_user(struct device *dev, u32 flags,
				       struct iommu_domain *parent,
				       const struct iommu_user_data *data);
void domain_hold(struct iommu_domain *domain);
void domain_drop(struct iommu_domain *domain);
void domain_complete(struct second_stage *second,
		     const struct iosim_endpoint *endpoint);
void domain_forget(struct second_stage *second, u64 first, u64 last);

#endif
