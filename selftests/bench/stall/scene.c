// SPDX-License-Identifier: GPL-2.0-only
/* scene.c - the long commands, and what they work on. */
#define _GNU_SOURCE
#include <err.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../peer.h"
#include "genl.h"
#include "iommu.h"
#include "iosim.h"
#include "linux/ioasid_netlink.h"
#include "stall.h"

#define PAGE		(4 * KIB)
#define BUFFER		(64 * MIB)
#define BATCH		256
/* Where the areas are, and away from them a page, a BAR, and other memory. */
#define AREAS_AT	(64 * GIB)
#define PROBE_AT	(1 * GIB)
#define SCATTERED	(512 * MIB)
#define SCATTERED_AT	(4 * GIB)
#define BAR_AT		(1024 * GIB)
/* As many bytes of a BAR as a device has that maps them page by page. */
#define BAR_PART	(8 * GIB)

static char *probe_page;

static void must(int rc, const char *what)
{
	if (rc)
		errx(1, "%s: %s", what, strerror(-rc));
}

/*
 * What others do meanwhile ----------------------------------------------------
 */

static void map_page(const struct scene *scene, uint32_t ioas)
{
	must(iommu_map_fixed(scene->fd, ioas, probe_page, PAGE, IOMMU_RW,
			     PROBE_AT), "map a page");
	must(iommu_ioas_unmap(scene->fd, ioas, PROBE_AT, PAGE, NULL),
	     "unmap a page");
}

void scene_map_page(const struct scene *scene)
{
	map_page(scene, scene->full);
	map_page(scene, scene->other);
}

void scene_alloc(const struct scene *scene)
{
	uint32_t ioas = 0;

	must(iommu_ioas_alloc(scene->fd, &ioas), "IOAS");
	must(iommu_destroy(scene->fd, ioas), "destroy IOAS");
}

/*
 * The scene -------------------------------------------------------------------
 */

/* Map @scene->areas pages of @buffer, one behind the other. */
static int fill(struct scene *scene)
{
	static struct ioasid_batch_entry entries[BATCH];
	static char *buffer;
	unsigned long i, n;
	int rc = 0;

	if (!buffer)
		buffer = memory_small(BUFFER).addr;
	for (i = 0; i < scene->areas && !rc; i += n) {
		for (n = 0; n < BATCH && i + n < scene->areas; n++)
			entries[n] = (struct ioasid_batch_entry) {
				.src = (uintptr_t)buffer +
				       (i + n) % (BUFFER / PAGE) * PAGE,
				.iova = AREAS_AT + (i + n) * PAGE,
				.length = PAGE,
				.flags = IOMMU_RW | IOMMU_FIXED,
			};
		rc = iommu_map_batch(scene->fd, scene->full, entries, n, NULL);
	}
	return rc;
}

static void open_all(struct scene *scene)
{
	struct vfio_pci found[2];
	int i;

	scene->fd = iommu_open();
	if (scene->fd < 0 || edu_find_alone(found, 2) != 2)
		errx(1, "no /dev/iommu, or no two edu devices");
	must(iommu_ioas_alloc(scene->fd, &scene->full), "IOAS");
	must(iommu_ioas_alloc(scene->fd, &scene->other), "IOAS");
	for (i = 0; i < 2; i++)
		must(edu_open(&scene->edu[i], &found[i], scene->fd), "edu");
	must(vfio_attach(scene->edu[0].fd, scene->full, NULL), "attach");
	must(fill(scene), "fill");
}

void scene_open(struct scene *scene, unsigned long areas)
{
	memset(scene, 0, sizeof(*scene));
	scene->areas = areas;
	scene->engine.fd = scene->engine.irq = -1;
	scene->peer = -1;
	probe_page = memory_small(2 * MIB).addr;
	open_all(scene);
}

static int close_all(struct scene *scene)
{
	edu_close(&scene->edu[0]);
	edu_close(&scene->edu[1]);
	if (scene->engine.fd >= 0)
		engine_close(&scene->engine);
	if (scene->peer >= 0) {
		memory_free(&scene->bar);
		close(scene->peer);
	}
	scene->peer = -1;
	return close(scene->fd);
}

void scene_close(struct scene *scene)
{
	close_all(scene);
	iosim_destroy("stall");
	iosim_unload();
}

/*
 * The commands ----------------------------------------------------------------
 */

static int nothing(struct scene *scene)
{
	volatile unsigned long n = 10000000;

	(void)scene;
	while (n)
		n--;
	return 0;
}

static int make_scattered(struct scene *scene)
{
	if (!scene->scattered.addr)
		scene->scattered = memory_scattered(SCATTERED);
	return 0;
}

static int map_scattered(struct scene *scene)
{
	return iommu_map_fixed(scene->fd, scene->full, scene->scattered.addr,
			       SCATTERED, IOMMU_RW, SCATTERED_AT);
}

static int unmap_scattered(struct scene *scene)
{
	return iommu_ioas_unmap(scene->fd, scene->full, SCATTERED_AT, SCATTERED,
				NULL);
}

static int open_bar(struct scene *scene)
{
	struct vfio_pci peer = peer_find();
	struct vfio_region_info info;
	int rc;

	if (scene->peer >= 0)
		return 0;
	scene->peer = vfio_cdev_open(&peer);
	if (scene->peer < 0)
		return scene->peer;
	rc = vfio_bind(scene->peer, scene->fd, NULL) ?:
		     vfio_region_info(scene->peer, PEER_BAR, &info);
	if (rc)
		return rc;
	memory_set_peer(scene->peer);
	scene->bar = memory_bar_1g(info.size);
	return 0;
}

static int map_bar(struct scene *scene)
{
	return iommu_map_fixed(scene->fd, scene->full, scene->bar.addr,
			       scene->bar.length, IOMMU_RW, BAR_AT);
}

static int unmap_bar(struct scene *scene)
{
	return iommu_ioas_unmap(scene->fd, scene->full, BAR_AT,
				scene->bar.length, NULL);
}

/* Where no large entry of the IOMMU fits. */
static int map_odd(struct scene *scene)
{
	return iommu_map_fixed(scene->fd, scene->full, scene->bar.addr,
			       BAR_PART, IOMMU_RW, BAR_AT + PAGE);
}

static int unmap_odd(struct scene *scene)
{
	return iommu_ioas_unmap(scene->fd, scene->full, BAR_AT + PAGE, BAR_PART,
				NULL);
}

static int with_bar(struct scene *scene)
{
	return open_bar(scene) ?: map_bar(scene);
}

static int switch_off(struct scene *scene)
{
	return vfio_decode(scene->peer, false);
}

static int switch_on(struct scene *scene)
{
	return vfio_decode(scene->peer, true);
}

static int copy(struct scene *scene)
{
	return iommu_copy_fixed(scene->fd, scene->other, scene->full, AREAS_AT,
				scene->areas * PAGE, IOMMU_RW, AREAS_AT);
}

static int unmap_copy(struct scene *scene)
{
	return iommu_unmap_all(scene->fd, scene->other, NULL);
}

static int add_table(struct scene *scene)
{
	return iommu_hwpt_alloc(scene->fd, scene->edu[1].dev_id, scene->full, 0,
				&scene->hwpt);
}

static int remove_table(struct scene *scene)
{
	return iommu_destroy(scene->fd, scene->hwpt);
}

static int attach_second(struct scene *scene)
{
	return vfio_attach(scene->edu[1].fd, scene->full, NULL);
}

static int detach_second(struct scene *scene)
{
	return vfio_detach(scene->edu[1].fd);
}

static int replace(struct scene *scene)
{
	return vfio_attach(scene->edu[0].fd, scene->other, NULL);
}

static int replace_back(struct scene *scene)
{
	return vfio_attach(scene->edu[0].fd, scene->full, NULL);
}

static int detach(struct scene *scene)
{
	return vfio_detach(scene->edu[0].fd);
}

static int dump_spaces(struct scene *scene)
{
	struct genl_rows rows;
	int rc = genl_fetch(IOASID_FAMILY_NAME, IOASID_CMD_SPACE_GET, &rows);

	(void)scene;
	genl_free(&rows);
	return rc;
}

static int track_dirty(struct scene *scene)
{
	int rc;

	if (scene->engine.fd >= 0)
		return 0;
	iosim_load();
	if (iosim_why_not())
		return -ENODEV;
	scene->bitmap = calloc(scene->areas / 64 + 1, 8);
	rc = iosim_create("stall", "") ?:
		     engine_open_name(&scene->engine, "stall", scene->fd) ?:
		     iommu_hwpt_alloc(scene->fd, scene->engine.dev_id,
				      scene->full,
				      IOMMU_HWPT_ALLOC_DIRTY_TRACKING,
				      &scene->hwpt) ?:
		     vfio_attach(scene->engine.fd, scene->hwpt, NULL);
	return rc ?: iommu_hwpt_set_dirty(scene->fd, scene->hwpt, true);
}

static int read_dirty(struct scene *scene)
{
	return iommu_hwpt_get_dirty(scene->fd, scene->hwpt, 0, AREAS_AT,
				    scene->areas * PAGE, PAGE, scene->bitmap);
}

static int fill_from_file(struct scene *scene)
{
	unsigned long i;
	int rc;

	/* All that is mapped has to be of files. */
	must(iommu_unmap_all(scene->fd, scene->full, NULL), "unmap all");
	scene->file = memory_memfd_small(2 * MIB).fd;
	rc = iommu_ioas_alloc(scene->fd, &scene->from_file);
	for (i = 0; i < scene->areas && !rc; i++)
		rc = iommu_map_file_fixed(scene->fd, scene->from_file,
					  scene->file, 0, PAGE, IOMMU_RW,
					  AREAS_AT + i * PAGE);
	return rc;
}

static int change_process(struct scene *scene)
{
	return iommu_change_process(scene->fd);
}

static int refill(struct scene *scene)
{
	iommu_unmap_all(scene->fd, scene->full, NULL);
	return fill(scene);
}

static int unmap_all(struct scene *scene)
{
	return iommu_unmap_all(scene->fd, scene->full, NULL);
}

static int reopen(struct scene *scene)
{
	open_all(scene);
	return 0;
}

/* Those that leave something behind come last. */
const struct command commands[] = {
	{ .key = "nothing", .title = "nothing, in user space", .run = nothing },
	{ .key = "map", .title = "map 512 MiB, scattered",
	  .prepare = make_scattered, .run = map_scattered,
	  .undo = unmap_scattered, .undo_title = "unmap it" },
	{ .key = "bar", .title = "map a BAR", .prepare = open_bar,
	  .run = map_bar, .undo = unmap_bar, .undo_title = "unmap it" },
	{ .key = "bar-odd", .title = "map 8 GiB of it by 4 KiB",
	  .prepare = open_bar, .run = map_odd, .undo = unmap_odd,
	  .undo_title = "unmap that" },
	{ .key = "copy", .title = "copy all areas", .run = copy,
	  .undo = unmap_copy, .undo_title = "unmap the copy" },
	{ .key = "dump", .title = "netlink dump", .run = dump_spaces },
	{ .key = "table", .title = "one more page table", .run = add_table,
	  .undo = remove_table, .undo_title = "one less" },
	{ .key = "second", .title = "attach a second device",
	  .run = attach_second, .undo = detach_second,
	  .undo_title = "detach it" },
	{ .key = "replace", .title = "replace by another IOAS", .run = replace,
	  .undo = replace_back, .undo_title = "and back" },
	{ .key = "detach", .title = "detach the only device", .run = detach,
	  .undo = replace_back, .undo_title = "attach it" },
	{ .key = "revoke", .title = "switch a BAR off", .prepare = with_bar,
	  .run = switch_off, .undo = switch_on, .undo_title = "and on" },
	{ .key = "unmap", .title = "unmap all areas", .run = unmap_all,
	  .undo = refill, .undo_title = "map them, in batches" },
	{ .key = "close", .title = "close everything", .run = close_all,
	  .undo = reopen, .undo_title = "open it again", .closes = true },
	{ .key = "dirty", .title = "read dirty pages", .prepare = track_dirty,
	  .run = read_dirty },
	{ .key = "process", .title = "change process",
	  .prepare = fill_from_file, .run = change_process },
};

const size_t nr_commands = sizeof(commands) / sizeof(*commands);
