// SPDX-License-Identifier: GPL-2.0-only
/* backend-floor.c - the lower bound, see floor/floor.h. */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>

#include "backend.h"
#include "deed.h"
#include "floor/floor.h"
#include "peer.h"

#define ONE_LENGTH	(FLOOR_ONE_PAGES * 4096)

static int floor_fd;
static unsigned int floor_flags;
static struct floor_io last;

static void floor_open(void)
{
	floor_fd = open("/dev/floor", O_RDWR);
	if (floor_fd < 0)
		err(1, "/dev/floor");
}

static void floor_open_parts(void)
{
	floor_flags = FLOOR_TIMED;
	floor_open();
}

static int call(unsigned long cmd, const struct range *range, uint64_t start)
{
	last = (struct floor_io){
		.iova = range->iova,
		.length = range->length,
		.start = start,
		.fd = range->fd,
		.flags = floor_flags | (range->huge ? FLOOR_HUGE : 0),
		.slot = range->slot,
		.bar_entry = range->bar_entry,
	};
	return ioctl(floor_fd, cmd, &last) ? -errno : 0;
}

static int floor_map_file(const struct range *range)
{
	return call(FLOOR_MAP_FOLIOS, range, range->offset);
}

/* The floor knows that a file's large folios, but no others, are cheaper to pin. */
static int floor_map(const struct range *range)
{
	if (range->bar_entry)
		return call(FLOOR_MAP_BAR, range, (uintptr_t)range->addr);
	if (range->fd >= 0 && range->huge)
		return floor_map_file(range);
	return call(range->length > ONE_LENGTH ? FLOOR_MAP : FLOOR_MAP_ONE,
		    range, (uintptr_t)range->addr);
}

static int floor_unmap(const struct range *range)
{
	return call(range->length > ONE_LENGTH ? FLOOR_UNMAP : FLOOR_UNMAP_ONE,
		    range, 0);
}

static struct floor_batch batch;

static void floor_batch_prepare(const struct range *ranges, unsigned int nr)
{
	unsigned int i;

	batch.nr = nr;
	for (i = 0; i < nr; i++) {
		batch.entries[i].start = (uintptr_t)ranges[i].addr;
		batch.entries[i].iova = ranges[i].iova;
	}
}

static int floor_batch_map(void)
{
	return ioctl(floor_fd, FLOOR_MAP_BATCH, &batch) ? -errno : 0;
}

static int floor_batch_unmap(void)
{
	return ioctl(floor_fd, FLOOR_UNMAP_BATCH) ? -errno : 0;
}

/* The floor's parent is a single page: no look-up is the cheapest look-up. */
static struct range parent;

static int nest(const struct range *range)
{
	parent = *range;
	parent.length = 4096;
	return floor_map(&parent);
}

static int map_again(const struct range *range)
{
	struct range again = *range;

	again.slot = parent.slot;
	return call(FLOOR_MAP_AGAIN, &again, 0);
}

static int unmap_again(const struct range *range)
{
	return call(FLOOR_UNMAP_AGAIN, range, 0);
}

static void unnest(void)
{
	floor_unmap(&parent);
}

static const struct deed floor_again = {
	.prepare = nest,
	.run = map_again,
	.undo = unmap_again,
	.finish = unnest,
};

static const struct deed *const deeds[NR_DEEDS] = {
	[NEST] = &floor_again,
};

static void floor_empty(void)
{
	ioctl(floor_fd, FLOOR_EMPTY);
}

static void floor_parts(uint64_t *pin_ns, uint64_t *iommu_ns)
{
	*pin_ns = last.pin_ns;
	*iommu_ns = last.iommu_ns;
}

const struct backend backend_floor = {
	.name = "floor",
	.open = floor_open,
	.open_peer = peer_open_by_itself,
	.map = floor_map,
	.map_file = floor_map_file,
	.unmap = floor_unmap,
	.batch_prepare = floor_batch_prepare,
	.batch_map = floor_batch_map,
	.batch_unmap = floor_batch_unmap,
	.deeds = deeds,
};

const struct backend backend_floor_parts = {
	.name = "floor-parts",
	.open = floor_open_parts,
	.open_peer = peer_open_by_itself,
	.map = floor_map,
	.map_file = floor_map_file,
	.by_page = true,
	.unmap = floor_unmap,
	.empty = floor_empty,
	.parts = floor_parts,
};
