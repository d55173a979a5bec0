// SPDX-License-Identifier: GPL-2.0-only
/*
 * As failnth.c, with the simulator: PASIDs, page tables of the user's, fault and
 * event queues, dirty tracking and sub-devices, with every allocation failing.
 *
 * Devices are plugged in before anything is made to fail: the kernel does not
 * survive that it runs out of memory meanwhile.
 */
#define _GNU_SOURCE
#include <string.h>
#include <unistd.h>

#include "fault.h"
#include "iommu.h"
#include "mem.h"
#include "sim.h"
#include "vfio.h"
#include "walk.h"

#include "kselftest_harness.h"

#define PAGE SIM_PAGE
#define ATTRIBUTES "pasid_bits=8 pri=1"
#define BITS 8
#define PASID 5
#define DIRTY_LENGTH (1ULL << 30)
#define NR_ENTRIES 200
/* Not mapped */
#define NOWHERE 0x20000000ULL

enum kind {
	IOAS,
	KERNEL,
	FIRST_STAGE,
	PASID_TABLE,
};

/* What the commands work on. */
struct ground {
	struct walk walk;
	struct sim sim;		/* its engine has the IOAS of it */
	struct engine *engine;	/* that, or @sub */
	struct engine sub;
	struct sim_space old;	/* what PASIDs are attached to before */
	struct sim_space other;	/* what page tables are made of */
	enum kind kind;
	uint32_t flags;
	uint32_t pasid;
	uint32_t parent;
	uint64_t root;
	uint64_t table;
	struct fault_queue queue;
	uint32_t pt;
	uint32_t id;
	int fd;
	uint64_t *bitmap;
	struct dma dma;
};

static int ground_open(struct ground *ground)
{
	int rc = sim_open(&ground->sim, ATTRIBUTES);

	ground->engine = &ground->sim.engine;
	ground->walk.fd = ground->sim.fd;
	if (!rc)
		rc = sim_space_open(&ground->sim, &ground->old);
	return rc ?: sim_space_open(&ground->sim, &ground->other);
}

/* Page tables -------------------------------------------------------------- */

WALK_FIXTURE(pt);

FIXTURE_VARIANT(pt)
{
	enum kind kind;
	uint32_t flags;
	bool queue;
};

FIXTURE_VARIANT_ADD(pt, ioas)
{
	.kind = IOAS,
};

FIXTURE_VARIANT_ADD(pt, kernel)
{
	.kind = KERNEL,
};

FIXTURE_VARIANT_ADD(pt, parent_and_dirty)
{
	.kind = KERNEL,
	.flags = IOMMU_HWPT_ALLOC_NEST_PARENT |
		 IOMMU_HWPT_ALLOC_DIRTY_TRACKING,
};

FIXTURE_VARIANT_ADD(pt, kernel_with_queue)
{
	.kind = KERNEL,
	.queue = true,
};

FIXTURE_VARIANT_ADD(pt, first_stage)
{
	.kind = FIRST_STAGE,
};

FIXTURE_VARIANT_ADD(pt, first_stage_with_queue)
{
	.kind = FIRST_STAGE,
	.queue = true,
};

FIXTURE_VARIANT_ADD(pt, pasid_table)
{
	.kind = PASID_TABLE,
};

FIXTURE_VARIANT_ADD(pt, pasid_table_with_queue)
{
	.kind = PASID_TABLE,
	.queue = true,
};

static int pt_open(struct ground *ground, const FIXTURE_VARIANT(pt) *variant)
{
	struct sim *sim = &ground->sim;
	int rc = ground_open(ground);

	if (!rc)
		rc = sim_parent_hwpt(sim, &ground->parent);
	if (rc)
		return rc;
	ground->kind = variant->kind;
	ground->flags = variant->flags;
	ground->pasid = PASID;
	ground->pt = ground->other.ioas;
	ground->root = sim_guest_root(sim);
	ground->table = guest_gpa(&sim->guest,
				  guest_pasid_table(&sim->guest, BITS));
	return variant->queue ? fault_queue_open(sim->fd, &ground->queue) : 0;
}

static long pt_close(struct ground *ground)
{
	if (ground->queue.id)
		close(ground->queue.fd);
	return sim_close(&ground->sim);
}

WALK_FIXTURE_SETUP(pt, iosim_why_not(), pt_open(&self->ground, variant),
		   pt_close(&self->ground))

static int do_alloc(struct ground *ground)
{
	int fd = ground->sim.fd;
	uint32_t dev = ground->engine->dev_id, queue = ground->queue.id;

	switch (ground->kind) {
	case FIRST_STAGE:
		return guest_hwpt(fd, dev, ground->parent, ground->root, queue,
				  &ground->id);
	case PASID_TABLE:
		return guest_hwpt_pasid_table(fd, dev, ground->parent,
					      ground->table, BITS, queue,
					      &ground->id);
	case IOAS:
	case KERNEL:
		break;
	}
	if (queue)
		return iommu_hwpt_alloc_fault(fd, dev, ground->other.ioas,
					      ground->flags, queue,
					      &ground->id);
	return iommu_hwpt_alloc(fd, dev, ground->other.ioas, ground->flags,
				&ground->id);
}

static int do_destroy(struct ground *ground)
{
	return iommu_destroy(ground->sim.fd, ground->id);
}

TEST_F(pt, alloc_and_destroy)
{
	static const struct step alloc = {
		.command = do_alloc, .undo = do_destroy,
	};
	static const struct step destroy = {
		.command = do_destroy, .prepare = do_alloc,
		.never_fails = true,
	};

	EXPECT_WALK(&alloc, 1);
	EXPECT_WALK(&destroy, 0);
}

/* What the tests of an attach begin with. */
static int make(struct ground *ground)
{
	int rc;

	if (ground->kind == IOAS)
		return 0;
	rc = do_alloc(ground);
	ground->pt = ground->id;
	return rc;
}

/* Is the engine attached as it should be, and its DMA goes on? */
static int check_rid(struct ground *ground)
{
	struct dma dma = sim_dma(&ground->sim, 0);

	return dma_check(&dma, SIM_AT, ground->sim.buf) ? -EIO : 0;
}

static int do_attach(struct ground *ground)
{
	return vfio_attach(ground->engine->fd, ground->pt, NULL);
}

static int do_detach(struct ground *ground)
{
	return vfio_detach(ground->engine->fd);
}

/* The device moves, or stays with all it had. */
static int do_replace(struct ground *ground)
{
	int rc = do_attach(ground);

	return rc && check_rid(ground) ? -EIO : rc;
}

static int undo_replace(struct ground *ground)
{
	int rc = sim_attach(&ground->sim, ground->sim.ioas);

	return rc ?: check_rid(ground);
}

TEST_F(pt, attach)
{
	static const struct step attach = {
		.command = do_attach, .undo = do_detach,
	};
	static const struct step detach = {
		.command = do_detach, .prepare = do_attach,
		.never_fails = true,
	};
	static const struct step replace = {
		.command = do_replace, .undo = undo_replace,
	};
	static const struct step replace_back = {
		.command = undo_replace, .prepare = do_attach,
	};

	ASSERT_EQ(0, make(&self->ground));
	EXPECT_WALK(&attach, 1);
	EXPECT_WALK(&detach, 0);
	ASSERT_EQ(0, sim_attach(&self->ground.sim, self->ground.sim.ioas));
	EXPECT_WALK(&replace, 1);
	EXPECT_WALK(&replace_back, 1);
}

/* What does DMA with the PASID reach? */
static int see_pasid(struct ground *ground)
{
	return sim_space_check(&ground->old, ground->engine, ground->pasid);
}

static int pasid_attach(struct ground *ground, uint32_t pt)
{
	return iommu_pasid_attach(ground->sim.fd, ground->engine->dev_id,
				  ground->pasid, pt);
}

/* Attached, or nothing is: for a sub-device's there is no PASID then. */
static int do_pasid_attach(struct ground *ground)
{
	int rc = pasid_attach(ground, ground->pt), seen;

	if (!rc)
		return 0;
	seen = see_pasid(ground);
	return seen == -ENODATA || seen == -ENOENT ? rc : -EIO;
}

static int do_pasid_detach(struct ground *ground)
{
	return iommu_pasid_detach(ground->sim.fd, ground->engine->dev_id,
				  ground->pasid);
}

static int do_pasid_replace(struct ground *ground)
{
	int rc = pasid_attach(ground, ground->pt);

	return rc && see_pasid(ground) ? -EIO : rc;
}

static int undo_pasid_replace(struct ground *ground)
{
	int rc = pasid_attach(ground, ground->old.ioas);

	return rc ?: (see_pasid(ground) ? -EIO : 0);
}

TEST_F(pt, pasid)
{
	static const struct step attach = {
		.command = do_pasid_attach, .undo = do_pasid_detach,
	};
	static const struct step detach = {
		.command = do_pasid_detach, .prepare = do_pasid_attach,
		.never_fails = true,
	};
	static const struct step replace = {
		.command = do_pasid_replace, .undo = undo_pasid_replace,
	};
	struct ground *ground = &self->ground;

	if (variant->kind == PASID_TABLE)
		return;
	ASSERT_EQ(0, make(ground));
	ASSERT_EQ(0, sim_attach(&ground->sim, ground->sim.ioas));
	EXPECT_WALK(&attach, 1);
	EXPECT_WALK(&detach, 0);
	ASSERT_EQ(0, pasid_attach(ground, ground->old.ioas));
	EXPECT_WALK(&replace, 1);
	EXPECT_EQ(0, see_pasid(ground));
	EXPECT_EQ(0, check_rid(ground));
}

/* A first stage, or all PASIDs of a table, in more entries than a page holds. */
static int do_invalidate(struct ground *ground)
{
	static struct iosim_invalidate_first_stage first[NR_ENTRIES];
	static struct iosim_invalidate_pasid_table table[NR_ENTRIES];
	bool is_table = ground->kind == PASID_TABLE;
	uint32_t num = NR_ENTRIES;
	int i, rc;

	for (i = 0; i < NR_ENTRIES; i++) {
		first[i].length = table[i].length = (i + 1) * PAGE;
		table[i].pasid = i % (1 << BITS);
	}
	rc = iommu_hwpt_invalidate(ground->sim.fd, ground->pt,
				   is_table ? (void *)table : first,
				   is_table ? IOSIM_INVALIDATE_PASID_TABLE :
					      IOSIM_INVALIDATE_FIRST_STAGE,
				   is_table ? sizeof(table[0]) :
					      sizeof(first[0]), &num);
	return rc ?: (num == NR_ENTRIES ? 0 : -EIO);
}

TEST_F(pt, invalidate)
{
	static const struct step step = { .command = do_invalidate };

	if (variant->kind != FIRST_STAGE && variant->kind != PASID_TABLE)
		return;
	ASSERT_EQ(0, make(&self->ground));
	ASSERT_EQ(0, do_attach(&self->ground));
	EXPECT_WALK(&step, 0);
}

/* A transfer that waits for a page, by a PASID that has just been attached. */
static int prepare_request(struct ground *ground)
{
	struct iosim_desc desc = dma_desc_fill(NOWHERE, 8, 1);
	int rc = pasid_attach(ground, ground->pt);

	ground->dma = sim_space_dma(&ground->other, ground->engine,
				    ground->pasid);
	ground->dma.block = true;
	if (!rc)
		rc = dma_start(&ground->dma, &desc);
	return rc ?: fault_wait(ground->queue.fd);
}

static int do_answer(struct ground *ground)
{
	struct iommu_hwpt_pgfault fault;
	int nr = fault_read_group(ground->queue.fd, &fault, 1);

	if (nr != 1)
		return nr < 0 ? nr : -EIO;
	return fault_respond(ground->queue.fd, fault.cookie,
			     IOMMUFD_PAGE_RESP_INVALID);
}

/* The device has been told. */
static int undo_answer(struct ground *ground)
{
	int rc = dma_wait(&ground->dma);

	return rc > 0 ? do_pasid_detach(ground) : -EIO;
}

/* Not even the completion can be written. */
static int end_request(struct ground *ground)
{
	return dma_wait(&ground->dma) == -ENODATA ? 0 : -EIO;
}

TEST_F(pt, page_request)
{
	static const struct step answer = {
		.command = do_answer, .prepare = prepare_request,
		.undo = undo_answer, .never_fails = true,
	};
	static const struct step detach = {
		.command = do_pasid_detach, .prepare = prepare_request,
		.undo = end_request, .never_fails = true,
	};

	if (!variant->queue || variant->kind != KERNEL)
		return;
	ASSERT_EQ(0, make(&self->ground));
	EXPECT_WALK(&answer, 0);
	EXPECT_WALK(&detach, 0);
}

/* Commands of other kinds -------------------------------------------------- */

WALK_FIXTURE(device);
WALK_FIXTURE_SETUP(device, iosim_why_not(), ground_open(&self->ground),
		   sim_close(&self->ground.sim))

static int do_fault_queue(struct ground *ground)
{
	return iommu_fault_queue_alloc(ground->sim.fd, &ground->id,
				       &ground->fd);
}

static int do_eventq(struct ground *ground)
{
	return iommu_eventq_alloc(ground->sim.fd, 0, 4096, &ground->id,
				  &ground->fd);
}

static int do_eventq_ioas(struct ground *ground)
{
	return iommu_eventq_alloc(ground->sim.fd, ground->sim.ioas, 0,
				  &ground->id, &ground->fd);
}

static int undo_queue(struct ground *ground)
{
	close(ground->fd);
	return do_destroy(ground);
}

TEST_F(device, queues)
{
	static const struct step fault = {
		.command = do_fault_queue, .undo = undo_queue,
	};
	static const struct step close_fault = {
		.command = undo_queue, .prepare = do_fault_queue,
		.never_fails = true,
	};
	static const struct step event = {
		.command = do_eventq, .undo = undo_queue,
	};
	static const struct step event_ioas = {
		.command = do_eventq_ioas, .undo = undo_queue,
	};
	static const struct step close_event = {
		.command = undo_queue, .prepare = do_eventq,
		.never_fails = true,
	};

	EXPECT_WALK(&fault, 1);
	EXPECT_WALK(&close_fault, 0);
	EXPECT_WALK(&event, 1);
	EXPECT_WALK(&event_ioas, 1);
	EXPECT_WALK(&close_event, 0);
}

static int do_info(struct ground *ground)
{
	struct ioasid_device_member members[4];
	struct ioasid_device_info info = {
		.members = iommu_ptr(members),
		.nr_members = 4,
	};

	return iommu_device_info(ground->sim.fd, ground->engine->dev_id, &info);
}

TEST_F(device, info)
{
	static const struct step step = { .command = do_info };

	EXPECT_WALK(&step, 0);
	ASSERT_EQ(0, sim_attach(&self->ground.sim, self->ground.sim.ioas));
	EXPECT_WALK(&step, 0);
}

static int do_track(struct ground *ground)
{
	return iommu_hwpt_set_dirty(ground->sim.fd, ground->id, true);
}

static int undo_track(struct ground *ground)
{
	return iommu_hwpt_set_dirty(ground->sim.fd, ground->id, false);
}

static int prepare_dirty(struct ground *ground)
{
	struct dma dma = sim_dma(&ground->sim, 0);

	memset(ground->bitmap, 0, DIRTY_LENGTH / PAGE / 8);
	return dma_poke(&dma, SIM_AT, 1) ? -EIO : 0;
}

/* No bit is lost: what a try that has failed has cleared is in the bitmap. */
static int do_get_dirty(struct ground *ground)
{
	int rc = iommu_hwpt_get_dirty(ground->sim.fd, ground->id, 0, SIM_AT,
				      DIRTY_LENGTH, PAGE, ground->bitmap);

	return rc ?: (ground->bitmap[0] & 1 ? 0 : -EIO);
}

TEST_F(device, dirty)
{
	static const struct step track = {
		.command = do_track, .undo = undo_track,
	};
	static const struct step untrack = {
		.command = undo_track, .prepare = do_track,
	};
	static const struct step get = {
		.command = do_get_dirty, .prepare = prepare_dirty,
	};
	struct ground *ground = &self->ground;

	ground->bitmap = mem_anon(DIRTY_LENGTH / PAGE / 8);
	ASSERT_NE(NULL, ground->bitmap);
	ASSERT_EQ(0, iommu_hwpt_alloc(ground->sim.fd, ground->engine->dev_id,
				      ground->sim.ioas,
				      IOMMU_HWPT_ALLOC_DIRTY_TRACKING,
				      &ground->id));
	ASSERT_EQ(0, sim_attach(&ground->sim, ground->id));
	EXPECT_WALK(&track, 0);
	EXPECT_WALK(&untrack, 0);
	ASSERT_EQ(0, do_track(ground));
	EXPECT_WALK(&get, 1);
}

/* Bind --------------------------------------------------------------------- */

static int do_bind(struct ground *ground)
{
	return vfio_bind(ground->fd, ground->sim.fd, &ground->id);
}

static int undo_bind(struct ground *ground)
{
	return close(ground->fd);
}

static int prepare_bind(struct ground *ground)
{
	ground->fd = iosim_cdev(SIM_NAME);
	return ground->fd < 0 ? ground->fd : 0;
}

/* With a page table and a PASID, which go with it. */
static int prepare_attached(struct ground *ground)
{
	int rc = do_bind(ground);

	if (!rc)
		rc = vfio_attach(ground->fd, ground->sim.ioas, NULL);
	return rc ?: iommu_pasid_attach(ground->sim.fd, ground->id, PASID,
					ground->old.ioas);
}

static int prepare_close(struct ground *ground)
{
	int rc = prepare_bind(ground);

	return rc ?: prepare_attached(ground);
}

TEST_F(device, bind)
{
	static const struct step bind = {
		.command = do_bind, .undo = undo_bind, .prepare = prepare_bind,
	};
	static const struct step unbind = {
		.command = undo_bind, .prepare = prepare_close,
		.never_fails = true,
	};
	struct ground *ground = &self->ground;
	uint32_t id;
	int events;

	engine_close(ground->engine);
	EXPECT_WALK(&bind, 1);
	/* It is told, if there is memory for that */
	ASSERT_EQ(0, iommu_eventq_alloc(ground->sim.fd, 0, 0, &id, &events));
	EXPECT_WALK(&unbind, 0);
	close(events);
	ASSERT_EQ(0, engine_open_name(ground->engine, SIM_NAME,
				      ground->sim.fd));
	ASSERT_EQ(0, sim_attach(&ground->sim, ground->sim.ioas));
	EXPECT_EQ(0, check_rid(ground));
}

/* Sub-devices -------------------------------------------------------------- */

static const char uuid[] = "44444444-4444-4444-8444-444444444444";

WALK_FIXTURE(sub);

FIXTURE_VARIANT(sub)
{
	const char *type;
	int also;
};

FIXTURE_VARIANT_ADD(sub, local)
{
	.type = IOSIM_LOCAL,
};

/* For iommu_alloc_global_pasid(), no memory is as good as no PASID. */
FIXTURE_VARIANT_ADD(sub, global)
{
	.type = IOSIM_GLOBAL,
	.also = -ENOSPC,
};

static int sub_open(struct ground *ground, const char *type)
{
	struct sim *sim = &ground->sim;
	int rc = sim_open_parent(sim, "pasid_bits=12 pri=1");

	ground->engine = &ground->sub;
	ground->sub.fd = ground->sub.irq = -1;
	ground->walk.fd = sim->fd;
	ground->pasid = 1;
	if (!rc)
		rc = iosim_subdevice_create(SIM_NAME, type, uuid);
	if (!rc)
		rc = sim_space_open(sim, &ground->old);
	if (!rc)
		rc = sim_space_open(sim, &ground->other);
	ground->pt = ground->other.ioas;
	return rc;
}

static long sub_close(struct ground *ground)
{
	int rc = iosim_dma_check(SIM_NAME);

	engine_close(&ground->sub);
	return sim_close(&ground->sim) ?: rc;
}

WALK_FIXTURE_SETUP(sub, iosim_why_not(), sub_open(&self->ground, variant->type),
		   sub_close(&self->ground))

static int prepare_bind_sub(struct ground *ground)
{
	ground->fd = iosim_subdevice_cdev(uuid);
	return ground->fd < 0 ? ground->fd : 0;
}

static int prepare_close_sub(struct ground *ground)
{
	int rc = prepare_bind_sub(ground);

	return rc ?: prepare_attached(ground);
}

TEST_F(sub, bind)
{
	const struct step bind = {
		.command = do_bind, .undo = undo_bind,
		.prepare = prepare_bind_sub, .also = variant->also,
	};
	static const struct step unbind = {
		.command = undo_bind, .prepare = prepare_close_sub,
		.never_fails = true,
	};

	EXPECT_WALK(&bind, 1);
	EXPECT_WALK(&unbind, 0);
}

/* One that it has not had, and that has to be taken from the parent's. */
static int undo_new_pasid(struct ground *ground)
{
	int rc = do_pasid_detach(ground);

	ground->pasid++;
	return rc;
}

TEST_F(sub, attach)
{
	static const struct step own = {
		.command = do_attach, .undo = do_detach,
	};
	static const struct step detach = {
		.command = do_detach, .prepare = do_attach,
		.never_fails = true,
	};
	struct step new = {
		.command = do_pasid_attach, .undo = undo_new_pasid,
		.also = variant->also,
	};
	static const struct step detach_pasid = {
		.command = do_pasid_detach, .prepare = do_pasid_attach,
		.never_fails = true,
	};
	static const struct step replace = {
		.command = do_pasid_replace, .undo = undo_pasid_replace,
	};
	struct ground *ground = &self->ground;

	ASSERT_EQ(0, engine_open_subdevice(ground->engine, uuid,
					   ground->sim.fd));
	EXPECT_WALK(&own, 1);
	EXPECT_WALK(&detach, 0);
	EXPECT_WALK(&new, 1);
	EXPECT_WALK(&detach_pasid, 0);
	ASSERT_EQ(0, pasid_attach(ground, ground->old.ioas));
	EXPECT_WALK(&replace, 1);
	EXPECT_EQ(0, see_pasid(ground));
}

SIM_HARNESS_MAIN
