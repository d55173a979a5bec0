// SPDX-License-Identifier: GPL-2.0-only
/*
 * Devices that are used for one action: real PCI ones by cdev and by group, peers,
 * sub-devices; and drivers in the kernel.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "access.h"
#include "action.h"
#include "edu.h"
#include "inject.h"
#include "iommu.h"
#include "iosim.h"
#include "mem.h"
#include "probe.h"
#include "report.h"

/* A transfer takes as long whatever its length. */
#define SOME_BYTES 512U
/*
 * By worker: where the CPU converts PASIDs, all sub-devices of a descriptor have the
 * same one attached to the same.
 */
#define PASID_SUB 30U

/* PCI devices ------------------------------------------------------------- */

/* A cell that may be read and written, or -1. */
static int pick_writable(struct worker *w, const struct space *s)
{
	unsigned int tries = 8;
	int cell = -1;

	while (tries--) {
		cell = pick_mapped(w, s);
		if (cell < 0 || s->cells[cell].perm == IOMMU_RW)
			return cell;
	}
	return -1;
}

/* Both ways; then the model is told what is there now. */
static int edu_reaches(struct worker *w, const struct edu *edu, uint64_t iova,
		       unsigned int page)
{
	unsigned int at = pick(w, (PAGE - SOME_BYTES) / 8) * 8;
	char *va = arena_page(&w->arena, page) + at;
	int rc = edu_check(edu, iova + at, va, SOME_BYTES);

	if (rc)
		return broken(w, "%s at 0x%llx, page %u: %d, 0x%llx is there",
			      edu->pci.bdf, (unsigned long long)iova + at, page,
			      rc, *(unsigned long long *)va);
	memcpy(arena_shadow(&w->arena, page) + at, va, SOME_BYTES);
	return arena_check(w, page);
}

static int edu_is_blind(struct worker *w, const struct edu *edu, uint64_t iova,
			int page)
{
	if (edu_write(edu, iova, SOME_BYTES))
		return broken(w, "%s does not come to an end", edu->pci.bdf);
	return page == NO_PAGE ? arena_check_all(w) : arena_check(w, page);
}

/* While it writes, the mapping goes: what it is late with does not arrive. */
static int edu_loses(struct worker *w, const struct edu *edu, struct space *s,
		     unsigned int cell)
{
	unsigned int at = cell, n = 1, page = s->cells[cell].page;
	bool in_flight = chance(w, 50);
	int rc;

	grow_to_areas(s, &at, &n);
	if (in_flight)
		edu_start_write(edu, cell_iova(s, cell), SOME_BYTES);
	rc = CALL(w, iommu_ioas_unmap(w->context, s->ioas, cell_iova(s, at),
				      n * PAGE, NULL));
	if (rc)
		return broken(w, "unmap below %s: %d", edu->pci.bdf, rc);
	note_unmap(s, at, n);
	if (in_flight)
		memcpy(arena_page(&w->arena, page),
		       arena_shadow(&w->arena, page), PAGE);
	if (in_flight && edu_wait(edu))
		return broken(w, "%s does not come to an end", edu->pci.bdf);
	return edu_is_blind(w, edu, cell_iova(s, cell), page);
}

static int use_edu(struct worker *w, const struct edu *edu, struct space *s)
{
	int cell = pick_writable(w, s), rc;

	rc = vfio_attach(edu->fd, s->ioas, NULL);
	if (rc)
		return broken(w, "attach of %s to %u: %d", edu->pci.bdf,
			      s->ioas, rc);
	if (cell >= 0)
		rc = edu_reaches(w, edu, cell_iova(s, cell),
				 s->cells[cell].page);
	if (!rc && cell >= 0 && chance(w, 60))
		rc = edu_loses(w, edu, s, cell);
	if (!rc && chance(w, 30))
		rc = edu_is_blind(w, edu, s->at - s->at % SLICE_SIZE + NEVER_AT,
				  NO_PAGE);
	if (rc || chance(w, 50))
		return rc;
	rc = vfio_detach(edu->fd);
	cell = pick_writable(w, s);
	if (!rc && cell >= 0)
		rc = edu_is_blind(w, edu, cell_iova(s, cell),
				  s->cells[cell].page);
	return rc;
}

int act_edu(struct worker *w)
{
	int nr = edu_claim(w->nr, true), rc;
	struct space *s = pick_space(w);
	struct edu edu;

	if (nr < 0)
		return NOTHING_TO_DO;
	about(w, nr, s->ioas);
	rc = edu_open(&edu, &world->edus[nr], w->context);
	if (rc)
		broken(w, "open of %s: %d", world->edus[nr].bdf, rc);
	else
		rc = use_edu(w, &edu, s);
	edu_close(&edu);
	edu_release(nr);
	return rc ?: arena_check_all(w);
}

/* Two that cannot be told apart: what the one is attached to the other is, too. */
static int use_pair(struct worker *w, struct edu pair[2], struct space *s)
{
	int cell = pick_writable(w, s), rc;

	rc = vfio_attach(pair[0].fd, s->ioas, NULL) ?:
	     vfio_attach(pair[1].fd, s->ioas, NULL);
	if (rc)
		return broken(w, "attach of a group to %u: %d", s->ioas, rc);
	if (cell >= 0)
		rc = edu_reaches(w, &pair[1], cell_iova(s, cell),
				 s->cells[cell].page);
	rc = rc ?: vfio_detach(pair[0].fd);
	if (!rc && cell >= 0)
		rc = edu_reaches(w, &pair[1], cell_iova(s, cell),
				 s->cells[cell].page);
	rc = rc ?: vfio_detach(pair[1].fd);
	if (!rc && cell >= 0)
		rc = edu_is_blind(w, &pair[0], cell_iova(s, cell),
				  s->cells[cell].page);
	return rc;
}

int act_edu_pair(struct worker *w)
{
	int nr = edu_claim(w->nr, false), rc;
	struct edu pair[2] = { { .fd = -1 }, { .fd = -1 } };
	struct space *s = pick_space(w);

	if (nr < 0)
		return NOTHING_TO_DO;
	rc = edu_open(&pair[0], &world->edus[nr], w->context) ?:
	     edu_open(&pair[1], &world->edus[nr + 1], w->context);
	if (rc)
		broken(w, "open of a pair: %d", rc);
	else
		rc = use_pair(w, pair, s);
	edu_close(&pair[0]);
	edu_close(&pair[1]);
	edu_release(nr);
	return rc;
}

/* The legacy container ---------------------------------------------------- */

static int use_container(struct worker *w, int container, struct edu *edu,
			 unsigned int page)
{
	const uint64_t iova = 0x10000000;
	uint64_t bytes;
	int rc;

	rc = vfio_dma_map(container, arena_page(&w->arena, page), PAGE, iova,
			  VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE);
	if (rc)
		return broken(w, "MAP_DMA: %d", rc);
	rc = edu_reaches(w, edu, iova, page);
	if (rc)
		return rc;
	rc = vfio_dma_unmap(container, iova, PAGE, 0, &bytes);
	if (rc || bytes != PAGE)
		return broken(w, "UNMAP_DMA: %d, %llu bytes", rc,
			      (unsigned long long)bytes);
	return edu_is_blind(w, edu, iova, page);
}

static int use_group(struct worker *w, int container, int group,
		     const struct vfio_pci *pci)
{
	struct edu edu;
	int rc = vfio_group_set_container(group, container);

	if (!rc && ioctl(container, VFIO_SET_IOMMU, chance(w, 50) ?
			 VFIO_TYPE1v2_IOMMU : VFIO_TYPE1_IOMMU))
		rc = -errno;
	if (!rc)
		rc = edu_open_in_group(&edu, pci, group);
	if (rc)
		return broken(w, "group of %s: %d", pci->bdf, rc);
	rc = use_container(w, container, &edu, pick(w, ARENA_PAGES));
	edu_close(&edu);
	if (!rc && chance(w, 50))
		rc = vfio_group_unset_container(group);
	return rc;
}

int act_legacy(struct worker *w)
{
	int nr = edu_claim(w->nr, chance(w, 50)), container, group, rc;

	if (nr < 0)
		return NOTHING_TO_DO;
	container = iommu_open();
	group = vfio_group_open(world->edus[nr].group);
	if (container < 0 || group < 0)
		rc = broken(w, "container: %d, group: %d", container, group);
	else
		rc = use_group(w, container, group, &world->edus[nr]);
	close(group);
	close(container);
	edu_release(nr);
	return rc ?: arena_check_all(w);
}

/* Peers ------------------------------------------------------------------- */

/* The worker's engine writes to the memory of another one, as long as that is there. */
static int reach_peer(struct worker *w, struct engine *peer, struct dma *dma,
		      uint64_t iova, void *bar, size_t length)
{
	uint64_t value = ++w->fresh ^ 0xbea7000000000000;
	unsigned int at = pick(w, length / 8) * 8;
	int rc = dma_poke(dma, iova + at, value);

	if (rc || *(volatile uint64_t *)((char *)bar + at) != value)
		return broken(w, "DMA to a peer: %d", rc);
	munmap(bar, length);
	engine_close(peer);
	rc = dma_poke(dma, iova + at, value);
	if (rc <= 0)
		return broken(w, "DMA to a peer that is closed: %d", rc);
	return 0;
}

/* What is revoked stays listed until it is unmapped. */
static int unmap_peer(struct worker *w, const struct space *s, uint64_t iova,
		      size_t length)
{
	int rc = CALL(w, iommu_ioas_unmap(w->context, s->ioas, iova, length,
					  NULL));

	return rc ? broken(w, "unmap of a peer: %d", rc) : 0;
}

static int use_peer(struct worker *w, struct engine *peer)
{
	struct space *s = pick_space(w);
	const struct view *view = pick_view(w, s);
	uint64_t iova = s->at + VISITORS_AT;
	size_t length;
	struct dma dma;
	void *bar = engine_mmap(peer, IOSIM_REGION_MEMORY, &length);
	int rc;

	if (!bar)
		return broken(w, "mmap of a peer's memory: %d", -errno);
	rc = CALL(w, iommu_map_fixed(w->context, s->ioas, bar, length, IOMMU_RW,
				     iova));
	if (rc) {
		munmap(bar, length);
		return excused(w, rc) ? rc : broken(w, "map of a peer: %d", rc);
	}
	if (view) {
		dma = probe_dma(w, view);
		rc = reach_peer(w, peer, &dma, iova, bar, length);
		return rc ?: unmap_peer(w, s, iova, length);
	}
	/* Whoever attaches to the space in between needs the memory. */
	rc = unmap_peer(w, s, iova, length);
	munmap(bar, length);
	return rc;
}

/* A device comes, is used, and goes. */
int act_peer(struct worker *w)
{
	struct engine peer = { .fd = -1, .irq = -1 };
	char name[16];
	int rc;

	snprintf(name, sizeof(name), "peer%u", w->nr);
	rc = iosim_create(name, "pasid_bits=4");
	if (rc)
		return broken(w, "device %s: %d", name, rc);
	rc = engine_open_name(&peer, name, w->context);
	if (rc)
		broken(w, "open of %s: %d", name, rc);
	else
		rc = use_peer(w, &peer);
	engine_close(&peer);
	if (iosim_destroy(name))
		return broken(w, "removal of %s", name);
	return rc;
}

/* Sub-devices ------------------------------------------------------------- */

static int use_subdevice(struct worker *w, struct engine *sub, struct space *s)
{
	struct dma own = probe_dma_at(sub, ENGINE_NO_PASID, s->done,
				      done_iova(s));
	struct dma dma = own;
	int cell = pick_mapped(w, s), rc;

	if (cell < 0)
		return NOTHING_TO_DO;
	dma.pasid = PASID_SUB + w->nr;
	rc = CALL(w, vfio_attach(sub->fd, s->ioas, NULL));
	if (rc)
		return excused(w, rc) ? rc : broken(w, "attach of a sub-device: %d", rc);
	rc = probe_page(w, &own, cell_iova(s, cell), s->cells[cell].page,
			s->cells[cell].perm);
	if (rc)
		return rc;
	rc = CALL(w, iommu_pasid_attach(w->context, sub->dev_id, dma.pasid,
					s->ioas));
	if (rc)
		return excused(w, rc) || rc == -ENOSPC ? rc :
		       broken(w, "PASID of a sub-device: %d", rc);
	rc = probe_page(w, &dma, cell_iova(s, cell), s->cells[cell].page,
			s->cells[cell].perm) ?: vfio_detach(sub->fd) ?:
	     probe_nothing(w, &own, cell_iova(s, cell), s->cells[cell].page) ?:
	     probe_page(w, &dma, cell_iova(s, cell), s->cells[cell].page,
			s->cells[cell].perm);
	if (!rc && chance(w, 50))
		rc = iommu_pasid_detach(w->context, sub->dev_id, dma.pasid);
	return rc;
}

int act_subdevice(struct worker *w)
{
	const char *type = w->nr % 2 ? IOSIM_LOCAL : IOSIM_GLOBAL;
	struct engine sub;
	char uuid[40];
	int rc;

	snprintf(uuid, sizeof(uuid), "50a40000-0000-4000-8000-%012x", w->nr);
	rc = iosim_subdevice_create(PARENT, type, uuid);
	if (rc)
		return rc == -EEXIST || rc == -ENOSPC || rc == -EAGAIN ? rc :
		       broken(w, "sub-device: %d", rc);
	rc = engine_open_subdevice(&sub, uuid, w->context);
	if (!rc)
		rc = use_subdevice(w, &sub, pick_space(w));
	else if (rc != -ENOSPC)
		broken(w, "open of a sub-device: %d", rc);
	engine_close(&sub);
	if (iosim_subdevice_remove(uuid))
		return broken(w, "removal of a sub-device");
	return rc;
}

/* Drivers in the kernel --------------------------------------------------- */

static int use_access(struct worker *w, int access, const struct space *s,
		      unsigned int cell)
{
	char *page = arena_page(&w->arena, s->cells[cell].page);
	unsigned int at = pick(w, PAGE / 8 - 8) * 8;
	uint64_t iova = cell_iova(s, cell) + at;
	char seen[64];
	int rc;

	rc = CALL(w, access_rw(access, iova, seen, sizeof(seen),
			       chance(w, 50) ? ACCESS_KTHREAD : 0));
	if (rc)
		return excused(w, rc) ? rc : broken(w, "access_rw: %d", rc);
	if (memcmp(seen, page + at, sizeof(seen)))
		return broken(w, "access_rw has read something else");
	if (chance(w, 50))
		return 0;
	rc = CALL(w, access_pin(access, cell_iova(s, cell), PAGE, ACCESS_READ));
	if (rc)
		return excused(w, rc) ? rc : broken(w, "access_pin: %d", rc);
	rc = access_peek(access, iova, seen, sizeof(seen));
	if (rc || memcmp(seen, page + at, sizeof(seen)))
		return broken(w, "access_peek: %d", rc);
	return chance(w, 50) ? access_unpin(access, cell_iova(s, cell), PAGE) : 0;
}

int act_in_kernel(struct worker *w)
{
	struct space *s = pick_space(w);
	int cell = pick_mapped(w, s), access, rc;

	if (access_why_not() || cell < 0 || !(s->cells[cell].perm & IOMMU_R))
		return NOTHING_TO_DO;
	access = CALL(w, access_open_attached(w->context, s->ioas));
	if (access < 0)
		return excused(w, access) ? access :
		       broken(w, "access: %d", access);
	rc = use_access(w, access, s, cell);
	close(access);
	return rc;
}
