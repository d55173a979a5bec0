// SPDX-License-Identifier: GPL-2.0-only
/* deeds-attach.c - devices and page tables that come to an IOAS with memory. */
#include "../lib/iommu.h"
#include "../lib/vfio.h"
#include "deed.h"
#include "iommufd.h"

static struct range all_memory;

static int map_all(const struct range *all)
{
	all_memory = *all;
	return iommufd_map_in(iommufd.ioas, all);
}

static void unmap_all(void)
{
	iommufd_unmap_in(iommufd.ioas, &all_memory);
}

/* Behind the same IOMMU: it shares the page table of the first one. */
static int peer;

static int second_prepare(const struct range *all)
{
	peer = iommufd_open_peer();
	return map_all(all);
}

static int second_attach(const struct range *range)
{
	(void)range;
	return vfio_attach(peer, iommufd.ioas, NULL);
}

static int second_detach(const struct range *range)
{
	(void)range;
	return vfio_detach(peer);
}

const struct deed deed_second_device = {
	.prepare = second_prepare,
	.run = second_attach,
	.undo = second_detach,
	.finish = unmap_all,
};

static uint32_t table;

static int table_alloc(const struct range *range)
{
	(void)range;
	return iommu_hwpt_alloc(iommufd.fd, iommufd.dev_id, iommufd.ioas, 0,
				&table);
}

static int table_destroy(const struct range *range)
{
	(void)range;
	return iommu_destroy(iommufd.fd, table);
}

const struct deed deed_second_table = {
	.prepare = map_all,
	.run = table_alloc,
	.undo = table_destroy,
	.finish = unmap_all,
};

/*
 * Replacing what the device is attached to: by an IOAS that has the same memory, and whose
 * page table has to be made, and the other one to be emptied.
 */
static uint32_t other;

static int replace_prepare(const struct range *all)
{
	int rc = map_all(all) ?: iommu_ioas_alloc(iommufd.fd, &other);

	return rc ?: iommu_copy_fixed(iommufd.fd, other, iommufd.ioas, all->iova,
				      all->length, IOMMU_RW, all->iova);
}

static int attach_other(const struct range *range)
{
	(void)range;
	return vfio_attach(iommufd.device, other, NULL);
}

static int attach_first(const struct range *range)
{
	(void)range;
	return vfio_attach(iommufd.device, iommufd.ioas, NULL);
}

static void replace_finish(void)
{
	iommufd_destroy(other);
	unmap_all();
}

const struct deed deed_replace = {
	.prepare = replace_prepare,
	.run = attach_other,
	.undo = attach_first,
	.finish = replace_finish,
};

/* By another page table of the same IOAS, which is full already. */
static int tables_prepare(const struct range *all)
{
	int rc = map_all(all) ?: table_alloc(all);

	other = table;
	rc = rc ?: table_alloc(all);
	if (!rc)
		iommufd_attach(table);
	return rc;
}

static int attach_table(const struct range *range)
{
	(void)range;
	return vfio_attach(iommufd.device, table, NULL);
}

static void tables_finish(void)
{
	iommufd_attach(iommufd.ioas);
	iommufd_destroy(table);
	iommufd_destroy(other);
	unmap_all();
}

const struct deed deed_replace_table = {
	.prepare = tables_prepare,
	.run = attach_other,
	.undo = attach_table,
	.finish = tables_finish,
};
