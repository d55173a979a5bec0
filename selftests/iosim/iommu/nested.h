/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Page tables and PASID tables in user memory, above a second stage.
 */
#ifndef IOSIM_NESTED_H
#define IOSIM_NESTED_H

#include <linux/iommu.h>

#include "attach.h"

struct iosim_endpoint;
struct second_stage;

/**
 * struct nested - tables in user memory
 * @domain: as the core knows it
 * @ref: of the memory of this, see domain_hold()
 * @parent: what the addresses of the tables, and in them, go through
 * @attachments: of it
 * @root: address in the parent of the level-4 table or of the PASID table
 * @is_pasid_table: which of the two
 * @pasid_bits: of a PASID table
 */
struct nested {
	struct iommu_domain domain;
	struct kref ref;
	struct second_stage *parent;
	struct attachments attachments;
	u64 root;
	bool is_pasid_table;
	u32 pasid_bits;
};

struct nested *to_nested(struct iommu_domain *domain);
struct iommu_domain *nested_alloc(struct iosim_endpoint *endpoint,
				  struct iommu_domain *parent,
				  const struct iommu_user_data *data);

#endif
