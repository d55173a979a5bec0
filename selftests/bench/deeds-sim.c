// SPDX-License-Identifier: GPL-2.0-only
/*
 * deeds-sim.c - with the simulated IOMMU (selftests/iosim): one more beside the machine's,
 * and one that knows what a device has written to, which QEMU's do not.
 */
#include <err.h>
#include <string.h>

#include "../lib/engine.h"
#include "../lib/iommu.h"
#include "../lib/vfio.h"
#include "deed.h"
#include "iommufd.h"
#include "memory.h"

#define NAME	"bench"
#define PAGE	(4 * KIB)
/* The device is waited for after so much. */
#define PART	(16 * MIB)

static struct range all_memory;
static struct engine engine;

static int open_engine(void)
{
	iosim_load();
	if (iosim_why_not())
		errx(1, "simulator: %s", iosim_why_not());
	return iosim_create(NAME, "") ?:
		       engine_open_name(&engine, NAME, iommufd.fd);
}

static void close_engine(void)
{
	int rc;

	engine_close(&engine);
	rc = iosim_destroy(NAME);
	if (rc)
		errx(1, "simulated device: %s", strerror(-rc));
}

static int second_prepare(const struct range *all)
{
	all_memory = *all;
	return open_engine() ?: iommufd_map_in(iommufd.ioas, all);
}

static int second_attach(const struct range *range)
{
	(void)range;
	return vfio_attach(engine.fd, iommufd.ioas, NULL);
}

static int second_detach(const struct range *range)
{
	(void)range;
	return vfio_detach(engine.fd);
}

static void second_finish(void)
{
	close_engine();
	iommufd_unmap_in(iommufd.ioas, &all_memory);
}

const struct deed deed_second_iommu = {
	.prepare = second_prepare,
	.run = second_attach,
	.undo = second_detach,
	.finish = second_finish,
};

/* An IOAS of its own, and two bitmaps: one for each time that they are read. */
static uint32_t space, table;
static uint64_t *bitmaps[2];

/* Have the device write to every page. */
static int write_all(void)
{
	struct dma dma = {
		.engine = &engine,
		.pasid = ENGINE_NO_PASID,
		.done = (struct iosim_completion *)all_memory.addr,
		.done_iova = all_memory.iova,
	};
	uint64_t at;
	int rc = 0;

	for (at = 0; at < all_memory.length && !rc; at += PART)
		rc = dma_prefetch(&dma, all_memory.iova + at, PART, true);
	return rc > 0 ? -EIO : rc;
}

static int dirty_prepare(const struct range *all)
{
	int i, rc;

	all_memory = *all;
	for (i = 0; i < 2; i++)
		bitmaps[i] = memory_bitmap(all->length);
	rc = open_engine() ?: iommu_ioas_alloc(iommufd.fd, &space);
	rc = rc ?: iommufd_map_in(space, all);
	rc = rc ?: iommu_hwpt_alloc(iommufd.fd, engine.dev_id, space,
				    IOMMU_HWPT_ALLOC_DIRTY_TRACKING, &table);
	rc = rc ?: vfio_attach(engine.fd, table, NULL);
	rc = rc ?: iommu_hwpt_set_dirty(iommufd.fd, table, true);
	return rc ?: write_all();
}

static int read_into(uint64_t *bitmap, const struct range *range)
{
	return iommu_hwpt_get_dirty(iommufd.fd, table, 0,
				    all_memory.iova + range->offset,
				    range->length, PAGE, bitmap);
}

static int read_dirty(const struct range *range)
{
	return read_into(bitmaps[0], range);
}

static int read_clean(const struct range *range)
{
	return read_into(bitmaps[1], range);
}

/* A figure for pages that were not dirty, or not clean, would be none. */
static void dirty_finish(void)
{
	size_t length = all_memory.length, found[2];
	int i;

	for (i = 0; i < 2; i++) {
		found[i] = memory_bitmap_count(bitmaps[i], length);
		memory_bitmap_free(bitmaps[i], length);
	}
	if (found[0] != length / PAGE || found[1])
		errx(1, "%zu pages were dirty, and %zu still", found[0],
		     found[1]);
	vfio_detach(engine.fd);
	iommufd_destroy(table);
	close_engine();
	iommufd_unmap_in(space, &all_memory);
	iommufd_destroy(space);
}

const struct deed deed_dirty = {
	.prepare = dirty_prepare,
	.run = read_dirty,
	.undo = read_clean,
	.finish = dirty_finish,
};
