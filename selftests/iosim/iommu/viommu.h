/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vIOMMUs: what a guest has of the IOMMU.
 */
#ifndef IOSIM_VIOMMU_H
#define IOSIM_VIOMMU_H

#include <linux/ioasid_viommu.h>
#include <linux/list.h>

struct iosim_access;
struct iosim_endpoint;
struct viommu;

size_t viommu_size(struct device *dev, enum iommu_viommu_type type);
int viommu_init(struct iommufd_viommu *core, struct iommu_domain *parent,
		const struct iommu_user_data *data);
void viommu_enter(struct viommu *viommu, struct list_head *nested);
void viommu_leave(struct viommu *viommu, struct list_head *nested);
void viommu_report(struct viommu *viommu, struct iosim_endpoint *endpoint,
		   const struct iosim_access *access, u64 iova, u32 reason);

#endif
