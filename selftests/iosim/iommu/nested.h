/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Page tables and PASID tables in user memory, above a second stage.
 */
#ifndef IOSIM_NESTED_H
#define IOSIM_NESTED_H

#include <linux/iommu.h>

#include "attach.h"

struct iosim_endpoint;
struct iotlb;
struct nested;
struct second_stage;
struct viommu;

/**
 * struct invalidation - what is to be forgotten
 * @first: first IOVA
 * @last: last one
 * @pasid: of a PASID table
 * @all_pasids: all of them instead
 * @entry: the entry of the table, too
 * @leaves: of a VT-d: and not the tables above
 */
struct invalidation {
	u64 first;
	u64 last;
	u32 pasid;
	bool all_pasids;
	bool entry;
	bool leaves;
};

/**
 * struct nested_format - a kind of tables
 * @vtd: of a VT-d
 * @data_type: of IOMMU_HWPT_ALLOC
 * @invalidate_type: of IOMMU_HWPT_INVALIDATE
 * @init: take what the user says of new ones; @endpoint is NULL on a vIOMMU
 * @check: whether a device can be attached; NULL: any
 * @get: take an entry of an invalidation
 * @forget: do it, for what is attached with a tag
 */
struct nested_format {
	bool vtd;
	u32 data_type;
	u32 invalidate_type;
	int (*init)(struct nested *nested,
		    const struct iosim_endpoint *endpoint,
		    const struct iommu_user_data *data);
	int (*check)(const struct nested *nested,
		     const struct iosim_endpoint *endpoint);
	int (*get)(struct nested *nested, struct iommu_user_data_array *array,
		   u32 index, struct invalidation *inv);
	void (*forget)(struct iotlb *iotlb, u32 tag,
		       const struct invalidation *inv);
};

/**
 * struct nested - tables in user memory
 * @format: what kind
 * @domain: as the core knows it
 * @ref: of the memory of this, see domain_hold()
 * @parent: what the addresses of the tables, and in them, go through
 * @attachments: of it
 * @root: address in the parent of the level-4 table or of the PASID table
 * @is_pasid_table: which of the two
 * @pasid_bits: of a PASID table
 * @flags: of a VT-d: IOMMU_VTD_S1_*
 * @addr_width: of a VT-d: the addresses that the user says they are for
 * @viommu: that it has been made on, or NULL
 * @in_viommu: in viommu->nested
 */
struct nested {
	const struct nested_format *format;
	struct iommu_domain domain;
	struct kref ref;
	struct second_stage *parent;
	struct attachments attachments;
	u64 root;
	bool is_pasid_table;
	u32 pasid_bits;
	u64 flags;
	u32 addr_width;
	struct viommu *viommu;
	struct list_head in_viommu;
};

struct nested *to_nested(struct iommu_domain *domain);
struct iommu_domain *nested_alloc(struct iosim_endpoint *endpoint,
				  struct iommu_domain *parent,
				  const struct iommu_user_data *data);
struct iommu_domain *nested_alloc_on(struct viommu *viommu,
				     struct second_stage *second,
				     const struct iommu_user_data *data);
void nested_forget(struct nested *nested, const struct iosim_endpoint *only,
		   const struct invalidation *inv);
int nested_range_last(u64 addr, u64 length, u64 *last);

#endif
