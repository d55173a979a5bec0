/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who does DMA by a page table: what faults are traced back by.
 */
#ifndef IOMMUFD_SOURCE_H
#define IOMMUFD_SOURCE_H

#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/types.h>

struct device;
struct fault_queue;
struct iommufd_ctx;

/**
 * struct source - one attachment of one device to a page table
 * @link: in sources.list
 * @dev: the device whose RID the DMA carries; a sub-device's parent
 * @dev_id: of the object that the user has bound
 * @hw_pasid: that the DMA carries, or IOMMU_NO_PASID
 * @pasid: as the user calls it; 0 without one, and for a sub-device's own
 * @idle: it is being attached or moved, and netlink shows it where it was; under the lock
 *	of its list
 * @nr_faults: of the device: counts its DMA faults
 */
struct source {
	struct list_head link;
	struct device *dev;
	u32 dev_id;
	u32 hw_pasid;
	u32 pasid;
	bool idle;
	atomic_long_t *nr_faults;
};

/**
 * struct sources - all attachments to a page table
 * @number: by which the reports of DMA faults find it, see source.c; 0: they do not
 * @lock: protects @list; taken in interrupts
 * @list: of struct source
 * @ctx: the context that owns the page table
 * @ioas_id: the IOAS that it translates, or that is its parent
 * @nr_faults: of the IOAS: counts its DMA faults
 * @faults: where page requests go, or NULL; referenced by the page table
 * @nested: it is the user's, and may be a table by PASID
 */
struct sources {
	u32 number;
	spinlock_t lock;
	struct list_head list;
	struct iommufd_ctx *ctx;
	u32 ioas_id;
	atomic_long_t *nr_faults;
	struct fault_queue *faults;
	bool nested;
};

void iommufd_sources_init(struct sources *sources, struct iommufd_ctx *ctx,
			  u32 ioas_id, atomic_long_t *nr_faults);
int iommufd_sources_register(struct sources *sources);
void iommufd_sources_unregister(struct sources *sources);
struct sources *iommufd_sources_find(u32 number);
void iommufd_source_add(struct sources *sources, struct source *source);
void iommufd_source_set_idle(struct sources *sources, struct source *source,
			     bool idle);
void iommufd_source_remove(struct sources *sources, struct source *source);

#endif
