// SPDX-License-Identifier: GPL-2.0-only
#include "sim.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "iommu.h"
#include "mem.h"
#include "vfio.h"

/* Memory for all tests of a program: zeroing it for each took most of their time. */
static char *memory;

/**
 * sim_prepare() - what is done once, and not for each test
 *
 * A program calls it before its tests, which are processes of their own.
 */
void sim_prepare(void)
{
	int fd = mem_memfd_hugetlb(SIM_SIZE);

	if (fd < 0)
		return;
	memory = mem_map_file(fd, 0, SIM_SIZE);
	close(fd);
}

/* Everything but the device. */
static int open_space(struct sim *sim)
{
	uint64_t at;
	int rc;

	memset(sim, 0, sizeof(*sim));
	sim->engine.fd = sim->engine.irq = -1;
	sim->pinned = mem_pinned();
	sim->fd = iommu_open();
	if (sim->fd < 0)
		return sim->fd;
	sim->buf = memory ? memory : mem_thp(SIM_SIZE);
	if (!sim->buf)
		return -ENOMEM;
	/* A child of the process has it only when it touches it. */
	for (at = 0; at < SIM_SIZE; at += GUEST_2M)
		*(volatile char *)(sim->buf + at) = 0;
	guest_init(&sim->guest, sim->buf, SIM_AT, SIM_DONE);
	sim->guest.used = SIM_TABLES;
	rc = iommu_ioas_alloc(sim->fd, &sim->ioas);
	if (rc)
		return rc;
	return iommu_map_fixed(sim->fd, sim->ioas, sim->buf, SIM_SIZE, IOMMU_RW,
			       SIM_AT);
}

/**
 * sim_open() - make a device and open it, and an IOAS with memory
 * @sim: filled; safe to give to sim_close() even after a failure
 * @attributes: of the device, like "pasid_bits=8 pri=1"
 */
int sim_open(struct sim *sim, const char *attributes)
{
	int rc = open_space(sim);

	return rc ?: sim_add(sim, SIM_NAME, attributes, &sim->engine);
}

/* The same with a parent of sub-devices, which has a kernel driver. */
int sim_open_parent(struct sim *sim, const char *attributes)
{
	char all[160] = "kind=parent ";
	int rc = open_space(sim);

	strncat(all, attributes, sizeof(all) - strlen(all) - 1);
	return rc ?: iosim_create(SIM_NAME, all);
}

/**
 * sim_close() - close everything, the device first
 * @sim: from sim_open() or sim_open_parent()
 *
 * Return: how many pages are pinned that were not before; -EBUSY: the device could
 * not be removed.
 */
long sim_close(struct sim *sim)
{
	int rc = sim_remove(SIM_NAME, &sim->engine);
	long left;

	if (sim->fd >= 0)
		close(sim->fd);
	sim->fd = -1;
	left = mem_wait_pinned(sim->pinned) - sim->pinned;
	if (sim->buf != memory)
		mem_free(sim->buf, SIM_SIZE);
	sim->buf = NULL;
	return rc && rc != -ENOENT ? -EBUSY : left;
}

/* Attach the device without a PASID. @pt: an IOAS or HWPT. */
int sim_attach(const struct sim *sim, uint32_t pt)
{
	return vfio_attach(sim->engine.fd, pt, NULL);
}

/* The same with a page table of its IOAS whose page requests go to a queue. */
int sim_attach_fault(const struct sim *sim, uint32_t queue, uint32_t *hwpt)
{
	int rc = iommu_hwpt_alloc_fault(sim->fd, sim->engine.dev_id, sim->ioas, 0,
					queue, hwpt);

	return rc ?: sim_attach(sim, *hwpt);
}

/* Make one more device, and bind it to the same descriptor. */
int sim_add(const struct sim *sim, const char *name, const char *attributes,
	    struct engine *engine)
{
	int rc = iosim_create(name, attributes);

	return rc ?: engine_open_name(engine, name, sim->fd);
}

/* Close and remove it. */
int sim_remove(const char *name, struct engine *engine)
{
	engine_close(engine);
	return iosim_destroy(name);
}

/* Attach it, by its RID or by a PASID, or move it. */
int sim_move(const struct sim *sim, uint32_t pasid, uint32_t ioas)
{
	if (pasid == ENGINE_NO_PASID)
		return sim_attach(sim, ioas);
	return iommu_pasid_attach(sim->fd, sim->engine.dev_id, pasid, ioas);
}

/* The same in a thread. */
void *sim_mover_run(void *arg)
{
	struct sim_mover *mover = arg;

	mover->rc = sim_move(mover->sim, mover->pasid, mover->ioas);
	return NULL;
}

/* DMA without a PASID to the memory of @sim. @slot: whose completions, 0 to 127. */
struct dma sim_dma(const struct sim *sim, unsigned int slot)
{
	return sim_dma_pasid(sim, slot, ENGINE_NO_PASID);
}

struct dma sim_dma_pasid(const struct sim *sim, unsigned int slot,
			 uint32_t pasid)
{
	uint64_t at = SIM_DONE + slot * sizeof(struct iosim_completion);

	return (struct dma) {
		.engine = &sim->engine,
		.pasid = pasid,
		.done = (struct iosim_completion *)(sim->buf + at),
		.done_iova = SIM_AT + at,
	};
}

/* One more address space. It is freed with the process and the descriptor. */
int sim_space_open(const struct sim *sim, struct sim_space *space)
{
	int rc;

	space->buf = mem_anon(SIM_SPACE_SIZE);
	if (!space->buf)
		return -ENOMEM;
	rc = iommu_ioas_alloc(sim->fd, &space->ioas);
	if (rc)
		return rc;
	return iommu_map_fixed(sim->fd, space->ioas, space->buf, SIM_SPACE_SIZE,
			       IOMMU_RW, SIM_AT);
}

/* @pasid: ENGINE_NO_PASID, or one. */
struct dma sim_space_dma(const struct sim_space *space,
			 const struct engine *engine, uint32_t pasid)
{
	uint64_t at = SIM_SPACE_SIZE - sizeof(struct iosim_completion);

	return (struct dma) {
		.engine = engine,
		.pasid = pasid,
		.done = (struct iosim_completion *)(space->buf + at),
		.done_iova = SIM_AT + at,
	};
}

/* Does that device see this address space? As dma_check(). */
int sim_space_check(const struct sim_space *space, const struct engine *engine,
		    uint32_t pasid)
{
	struct dma dma = sim_space_dma(space, engine, pasid);

	return dma_check(&dma, SIM_AT, space->buf);
}

/* A nesting parent of the IOAS. */
int sim_parent_hwpt(const struct sim *sim, uint32_t *hwpt)
{
	return iommu_hwpt_alloc(sim->fd, sim->engine.dev_id, sim->ioas,
				IOMMU_HWPT_ALLOC_NEST_PARENT, hwpt);
}

/* A first stage with nothing in it but the completions, where sim_dma() has them. */
uint64_t sim_guest_root(struct sim *sim)
{
	uint64_t root = guest_table(&sim->guest);

	if (root && guest_map(&sim->guest, root, SIM_AT + SIM_DONE,
			      SIM_AT + SIM_DONE, GUEST_4K, GUEST_4K, GUEST_RW))
		return 0;
	return root;
}

/* The same as a page table on @pt, a nesting parent or a vIOMMU. */
int sim_first_stage(struct sim *sim, uint32_t pt, uint64_t *root, uint32_t *hwpt)
{
	*root = sim_guest_root(sim);
	if (!*root)
		return -ENOMEM;
	return guest_hwpt(sim->fd, sim->engine.dev_id, pt, *root, 0, hwpt);
}
