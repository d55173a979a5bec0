// SPDX-License-Identifier: GPL-2.0-only
/* deeds-memory.c - mapping what is mapped elsewhere: nested, and copied. */
#include "../lib/iommu.h"
#include "../lib/vfio.h"
#include "deed.h"
#include "iommufd.h"

static struct range parent;
static uint32_t child;

static int nested_map(const struct range *range)
{
	struct iommu_ioas_map map = {
		.size = sizeof(map),
		.flags = IOMMU_RW | IOMMU_FIXED,
		.ioas_id = child,
		.user_va = parent.iova + range->offset,
		.length = range->length,
		.iova = range->iova,
	};

	return iommu_cmd(iommufd.fd, IOMMU_IOAS_MAP, &map);
}

static int nested_unmap(const struct range *range)
{
	return iommu_ioas_unmap(iommufd.fd, child, range->iova, range->length,
				NULL);
}

/* A page that stays mapped in the child, where @parent is in the parent. */
static struct range first_page(void)
{
	struct range page = parent;

	page.length = 4096;
	return page;
}

/*
 * The parent's IOVAs are those of the range; the child has the device. One page
 * stays mapped in it, as it would in use: the parent's memory stays pinned.
 */
static int nest_prepare(const struct range *all)
{
	struct range page;
	int rc = iommufd_map_in(iommufd.ioas, all);

	if (rc)
		return rc;
	parent = *all;
	rc = iommu_alloc_nested(iommufd.fd, iommufd.ioas, &child);
	if (rc) {
		iommufd_unmap_in(iommufd.ioas, all);
		return rc;
	}
	iommufd_attach(child);
	page = first_page();
	return nested_map(&page);
}

static void nest_finish(void)
{
	struct range page = first_page();

	nested_unmap(&page);
	iommufd_attach(iommufd.ioas);
	iommufd_destroy(child);
	iommufd_unmap_in(iommufd.ioas, &parent);
}

const struct deed deed_nest = {
	.prepare = nest_prepare,
	.run = nested_map,
	.undo = nested_unmap,
	.finish = nest_finish,
};

/* From the IOAS of the device to another place of it. */
static int copy_prepare(const struct range *all)
{
	parent = *all;
	return iommufd_map_in(iommufd.ioas, all);
}

static int copy_run(const struct range *range)
{
	return iommu_copy_fixed(iommufd.fd, iommufd.ioas, iommufd.ioas,
				parent.iova + range->offset, range->length,
				IOMMU_RW, range->iova);
}

static int copy_undo(const struct range *range)
{
	return iommu_ioas_unmap(iommufd.fd, iommufd.ioas, range->iova,
				range->length, NULL);
}

static void copy_finish(void)
{
	iommufd_unmap_in(iommufd.ioas, &parent);
}

const struct deed deed_copy = {
	.prepare = copy_prepare,
	.run = copy_run,
	.undo = copy_undo,
	.finish = copy_finish,
};
