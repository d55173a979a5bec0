/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the kernel exports in the namespace IOMMUFD_INTERNAL and declares in no public
 * header.
 */
#ifndef REFUSE_TEST_IOMMU_PRIV_H
#define REFUSE_TEST_IOMMU_PRIV_H

#include <linux/iommu.h>

struct iommu_attach_handle *
iommu_attach_handle_get(struct iommu_group *group, ioasid_t pasid,
			unsigned int type);

#endif
