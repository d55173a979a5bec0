// SPDX-License-Identifier: GPL-2.0-only
/*
 * How an IOMMU reads its page tables.
 *
 * The IOMMUs of a machine may differ: that of the graphics of many PCs does not look into
 * the caches of the CPU. A page table that was filled for one that does would be stale in
 * memory for another one, and VT-d's driver does not refuse it: it flushes from then on.
 * It does worse with one of fewer levels: it takes the top of the table away, and frees it,
 * while the first IOMMU goes by it.
 *
 * So page tables are shared by IOMMUs that read them alike, and each other one has its own.
 */
#include <linux/bits.h>
#include <linux/err.h>
#include <linux/iommu.h>
#include <linux/slab.h>
#include <uapi/linux/iommufd.h>

#include "compat.h"
#include "domain/format.h"

/* Capabilities: levels, width, sizes of pages in second-stage and first-stage tables. */
#define CAP_SAGAW	GENMASK_ULL(12, 8)
#define CAP_MGAW	GENMASK_ULL(21, 16)
#define CAP_SSLPS	GENMASK_ULL(37, 34)
#define CAP_FS1GP	BIT_ULL(56)
#define CAP_FS5LP	BIT_ULL(60)
#define CAP_FORMAT	(CAP_SAGAW | CAP_MGAW | CAP_SSLPS | CAP_FS1GP | CAP_FS5LP)

/* Looks into the caches in legacy and in scalable mode; which mode and stages it has. */
#define ECAP_C		BIT_ULL(0)
#define ECAP_SMTS	BIT_ULL(43)
#define ECAP_SSTS	BIT_ULL(46)
#define ECAP_FSTS	BIT_ULL(47)
#define ECAP_SMPWCS	BIT_ULL(48)
#define ECAP_FORMAT	(ECAP_C | ECAP_SMTS | ECAP_SSTS | ECAP_FSTS | ECAP_SMPWCS)

/**
 * iommufd_format_of - how does a device's IOMMU read page tables?
 * @dev: the device
 * @format: set to the answer: equal ones can share page tables, if the driver agrees
 *
 * Return: 0; -ENOMEM, or another error of the IOMMU driver's.
 */
int iommufd_format_of(struct device *dev, struct table_format *format)
{
	const struct iommu_ops *ops = iommu_ops_of(dev);
	u32 length, type = IOMMU_HW_INFO_TYPE_NONE;
	struct iommu_hw_info_vtd *vtd;
	void *data;

	*format = (struct table_format){};
	if (!ops->hw_info)
		return 0;
	data = driver_hw_info(ops, dev, &length, &type);
	if (IS_ERR(data))
		return PTR_ERR(data) == -EOPNOTSUPP ? 0 : PTR_ERR(data);
	if (type == IOMMU_HW_INFO_TYPE_INTEL_VTD && length >= sizeof(*vtd)) {
		vtd = data;
		format->cap = vtd->cap_reg & CAP_FORMAT;
		format->ecap = vtd->ecap_reg & ECAP_FORMAT;
	}
	kfree(data);
	return 0;
}
