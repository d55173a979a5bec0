// SPDX-License-Identifier: GPL-2.0-only
/*
 * First stages of VT-d: how they are installed, and how the user invalidates what is
 * cached of them. <linux/iommufd.h> has the interface.
 *
 * What an IOMMU cannot do is found out where the in-tree driver finds it out, when a
 * device is attached: a page table belongs to no IOMMU before. What that driver leaves
 * unchecked, although the interface does not allow it, is refused here: flags that there
 * are not, a root that is not a page's address, a range that is empty or wraps.
 *
 * Of a range exactly what is in it is forgotten. Hardware invalidates powers of two, and
 * may forget anything at any time; nobody may count on that.
 */
#include <linux/align.h>
#include <linux/iommu.h>
#include <linux/overflow.h>
#include <linux/sizes.h>
#include <uapi/linux/iommufd.h>

#include "endpoint.h"
#include "table.h"
#include "vtd.h"

#define KNOWN_FLAGS	(IOMMU_VTD_S1_SRE | IOMMU_VTD_S1_EAFE | IOMMU_VTD_S1_WPE)

/* Of tables of four levels. */
#define ADDR_WIDTH	48
/* Addresses are canonical: the last of the lower half, and the first of the upper one. */
#define LOWER_LAST	0x00007fffffffffffULL
#define UPPER_FIRST	0xffff800000000000ULL

static int vtd_init(struct nested *nested, const struct iosim_endpoint *endpoint,
		    const struct iommu_user_data *data)
{
	struct iommu_hwpt_vtd_s1 req;
	int rc;

	rc = iommu_copy_struct_from_user(&req, data, IOMMU_HWPT_DATA_VTD_S1,
					 __reserved);
	if (rc)
		return rc;
	if ((req.flags & ~KNOWN_FLAGS) || req.__reserved)
		return -EOPNOTSUPP;
	if (!IS_ALIGNED(req.pgtbl_addr, SZ_4K))
		return -EINVAL;
	nested->root = req.pgtbl_addr;
	nested->flags = req.flags;
	nested->addr_width = req.addr_width;
	return 0;
}

static int vtd_check(const struct nested *nested,
		     const struct iosim_endpoint *endpoint)
{
	const struct vtd *vtd = &endpoint->vtd;

	if (nested->addr_width != ADDR_WIDTH)
		return -EINVAL;
	if ((nested->flags & IOMMU_VTD_S1_SRE) && !vtd->srs)
		return -EINVAL;
	if ((nested->flags & IOMMU_VTD_S1_EAFE) && !vtd->eafs)
		return -EINVAL;
	return 0;
}

static int range_last(u64 addr, u64 npages, u64 *last)
{
	u64 bytes;

	*last = U64_MAX;
	if (npages == U64_MAX)
		return addr ? -EINVAL : 0;
	if (!npages || check_mul_overflow(npages, SZ_4K, &bytes) ||
	    check_add_overflow(addr, bytes - 1, last))
		return -EINVAL;
	return 0;
}

static int vtd_get(struct nested *nested, struct iommu_user_data_array *array,
		   u32 index, struct invalidation *inv)
{
	struct iommu_hwpt_vtd_s1_invalidate req;
	int rc;

	rc = iommu_copy_struct_from_user_array(&req, array,
					       IOMMU_HWPT_INVALIDATE_DATA_VTD_S1,
					       index, __reserved);
	if (rc)
		return rc;
	if ((req.flags & ~IOMMU_VTD_INV_FLAGS_LEAF) || req.__reserved)
		return -EOPNOTSUPP;
	if (!IS_ALIGNED(req.addr, SZ_4K))
		return -EINVAL;
	inv->first = req.addr;
	inv->leaves = req.flags & IOMMU_VTD_INV_FLAGS_LEAF;
	return range_last(req.addr, req.npages, &inv->last);
}

/* The part of a range that is in one half, by the addresses that are cached. */
static void forget_half(struct iotlb *iotlb, u32 tag,
			const struct invalidation *inv, u64 first, u64 last)
{
	first = max(first, inv->first);
	last = min(last, inv->last);
	if (first > last)
		return;
	first &= TABLE_ADDR_MAX;
	last &= TABLE_ADDR_MAX;
	if (inv->leaves)
		iotlb_forget_leaves(iotlb, tag, first, last);
	else
		iotlb_forget(iotlb, tag, first, last);
}

static void vtd_forget(struct iotlb *iotlb, u32 tag,
		       const struct invalidation *inv)
{
	forget_half(iotlb, tag, inv, 0, LOWER_LAST);
	forget_half(iotlb, tag, inv, UPPER_FIRST, U64_MAX);
}

const struct nested_format vtd_first_stage = {
	.vtd = true,
	.data_type = IOMMU_HWPT_DATA_VTD_S1,
	.invalidate_type = IOMMU_HWPT_INVALIDATE_DATA_VTD_S1,
	.init = vtd_init,
	.check = vtd_check,
	.get = vtd_get,
	.forget = vtd_forget,
};
