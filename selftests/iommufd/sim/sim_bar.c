// SPDX-License-Identifier: GPL-2.0-only
/*
 * A BAR that is mapped for another device by a driver that fails: what it did not let be
 * taken back is out all the same when the BAR's owner switches it off, or is unbound.
 */
#define _GNU_SOURCE
#include <linux/pci_regs.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "functions.h"
#include "iommu.h"
#include "module.h"
#include "vfio.h"

#define PAGE SIM_PAGE
#define SECOND "second"
#define BAR_IOVA 0x80000000ULL
#define TRIES 20
/* Where areas are given up by who has no lock: with it nobody sees what is stuck. */
#define UNLOCKED "function=iommufd_chain_abandon ms=500"
#define SOME 8
/* A portion of a batch; and how often the driver is asked to take back each entry. */
#define MANY 256
#define ASKED 3
#define FOR_EVER "1000000"
/* With a gap, so that each is asked for alone */
#define iova_of(i) (BAR_IOVA + (i) * 2 * PAGE)

/* A is the device of @sim, and attached; B has memory. */
FIXTURE(bar)
{
	struct sim sim;
	struct engine b;
	void *memory;
	size_t length;
	bool delayed;
};

FIXTURE_SETUP(bar)
{
	struct sim *sim = &self->sim;

	NEED_FUNCTIONS;
	ASSERT_EQ(0, sim_open(sim, FUNCTION "quirks=sync_map"));
	ASSERT_EQ(0, sim_add(sim, SECOND, FUNCTION, &self->b));
	ASSERT_EQ(0, sim_attach(sim, sim->ioas));
	self->memory = engine_mmap(&self->b, IOSIM_REGION_MEMORY, &self->length);
	ASSERT_NE(NULL, self->memory);
}

FIXTURE_TEARDOWN(bar)
{
	if (!self->memory)
		return;
	if (self->delayed) {
		EXPECT_EQ(0, module_unload(MODULE_DELAY));
	}
	munmap(self->memory, self->length);
	EXPECT_EQ(0, sim_remove(SECOND, &self->b));
	EXPECT_EQ(0, sim_close(&self->sim));
}

/* Mapping B's memory for A, in a batch. */
struct mapper {
	const struct sim *sim;
	struct ioasid_batch_entry entries[MANY];
	unsigned int nr;
	int rc;
	bool ended;
};

static void *map_bar(void *arg)
{
	struct mapper *mapper = arg;

	mapper->rc = iommu_map_batch(mapper->sim->fd, mapper->sim->ioas,
				     mapper->entries, mapper->nr, NULL);
	__atomic_store_n(&mapper->ended, true, __ATOMIC_RELAXED);
	return NULL;
}

/* Who waits for a lock that others hold for reading gets it next. */
static int set_urgent(bool urgent)
{
	struct sched_param param = { .sched_priority = urgent };

	return sched_setscheduler(0, urgent ? SCHED_FIFO : SCHED_OTHER, &param);
}

static int set_fail(const char *calls, const char *value)
{
	return iosim_set(SIM_NAME, calls, value);
}

/* How many calls are still to fail? */
static int get_fail(const char *calls)
{
	char value[16] = "";
	int rc = iosim_get(SIM_NAME, calls, value, sizeof(value));

	return rc ?: atoi(value);
}

/*
 * Can A reach any of the entries? The last ones first: they are given up last. While the
 * BAR is off this tells nothing.
 */
static bool reaches(const struct sim *sim, unsigned int nr)
{
	struct dma dma = sim_dma(sim, 0);

	while (nr--)
		if (dma_poke(&dma, iova_of(nr), 1) != IOSIM_REASON_NOT_PRESENT)
			return true;
	return false;
}

/* What B's owner does. Returns 0 or -errno. */
static int switch_off(FIXTURE_DATA(bar) *self)
{
	return vfio_decode(self->b.fd, false);
}

/* It has another owner at once, without which the BAR does not answer. */
static int pass_on(FIXTURE_DATA(bar) *self)
{
	int rc;

	munmap(self->memory, self->length);
	engine_close(&self->b);
	rc = engine_open_name(&self->b, SECOND, self->sim.fd);
	if (!rc)
		self->memory = engine_mmap(&self->b, IOSIM_REGION_MEMORY,
					   &self->length);
	return rc;
}

/* And for the next time, the BAR answers. */
static int switch_on(FIXTURE_DATA(bar) *self)
{
	return vfio_decode(self->b.fd, true);
}

/**
 * struct try - to have something done to a BAR while a batch of maps of it fails
 * @deed: what
 * @undo: the opposite
 * @nr: entries of the batch
 * @rc: errno of the map
 * @left: nothing that it had mapped was taken back by itself
 * @reached: A reached it when the deed was done
 */
struct try {
	int (*deed)(FIXTURE_DATA(bar) *self);
	int (*undo)(FIXTURE_DATA(bar) *self);
	unsigned int nr;
	int rc;
	bool left;
	bool reached;
};

/*
 * The driver fails to map, after a tenth of a second, and then to take back what it has
 * mapped.
 */
static int try_it(FIXTURE_DATA(bar) *self, struct try *try)
{
	struct dma dma = sim_dma(&self->sim, 0);
	static struct mapper mapper;
	char calls[16];
	pthread_t thread;
	unsigned int i;
	int rc;

	mapper = (struct mapper) { .sim = &self->sim, .nr = try->nr };
	for (i = 0; i < try->nr; i++)
		mapper.entries[i] = (struct ioasid_batch_entry) {
			.src = iommu_ptr(self->memory),
			.iova = iova_of(i),
			.length = PAGE,
			.flags = IOMMU_RW | IOMMU_FIXED,
		};
	snprintf(calls, sizeof(calls), "%u", try->nr * ASKED);
	rc = set_fail("sync_map_fail", "1") ?: set_fail("unmap_fail", calls);
	if (rc || pthread_create(&thread, NULL, map_bar, &mapper))
		return rc ?: -EAGAIN;
	/* Until all is mapped, and the call has begun that fails. */
	while (dma_poke(&dma, iova_of(try->nr - 1), 1) &&
	       !__atomic_load_n(&mapper.ended, __ATOMIC_RELAXED))
		sched_yield();
	rc = set_urgent(true) ?: try->deed(self);
	try->reached = reaches(&self->sim, try->nr);
	pthread_join(thread, NULL);
	set_urgent(false);
	try->left = !get_fail("unmap_fail");
	try->rc = mapper.rc;
	set_fail("unmap_fail", "0");
	set_fail("sync_map_fail", "0");
	return rc;
}

/* Until it happens as is wanted. */
static void try_while_a_batch_fails(struct __test_metadata *_metadata,
				    FIXTURE_DATA(bar) *self, struct try try)
{
	const struct sim *sim = &self->sim;
	const uint64_t all = iova_of(try.nr) - BAR_IOVA;
	struct dma dma = sim_dma(sim, 0);
	unsigned int i;
	int rc;

	for (i = 0; i < TRIES && !try.left; i++) {
		ASSERT_EQ(0, try_it(self, &try));
		EXPECT_FALSE(try.reached);
		EXPECT_FALSE(reaches(sim, try.nr));
		ASSERT_EQ(0, try.undo(self));
		rc = iommu_ioas_unmap(sim->fd, sim->ioas, BAR_IOVA, all, NULL);
		/* It was not unmapped: so it is mapped, until the user does that. */
		if (try.left) {
			EXPECT_EQ(-EIO, try.rc);
			EXPECT_EQ(0, rc);
		}
	}
	EXPECT_TRUE(try.left);
	EXPECT_FALSE(reaches(sim, try.nr));
	ASSERT_EQ(0, iommu_map_fixed(sim->fd, sim->ioas, self->memory, PAGE,
				     IOMMU_RW, BAR_IOVA));
	EXPECT_EQ(0, dma_poke(&dma, BAR_IOVA, 1));
}

#define TRY(deed_, undo_, nr_)						\
	try_while_a_batch_fails(_metadata, self, (struct try) {		\
		.deed = deed_, .undo = undo_, .nr = nr_,		\
	})

TEST_F(bar, off_while_a_batch_fails)
{
	TRY(switch_off, switch_on, 1);
}

TEST_F(bar, unbound_while_a_batch_fails)
{
	TRY(pass_on, switch_on, MANY);
}

/* The lock is not given back between that and what is done about it. */
TEST_F(bar, unbound_while_a_batch_is_given_up)
{
	ASSERT_EQ(0, module_load(MODULE_DELAY, UNLOCKED));
	self->delayed = true;
	TRY(pass_on, switch_on, SOME);
}

/* Its BARs answer, and VFIO does not know: what is mapped can be seen. */
static int answer_secretly(const char *name)
{
	uint16_t command = PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER;
	int rc, fd = function_config(name);

	if (fd < 0)
		return fd;
	rc = pwrite(fd, &command, sizeof(command), PCI_COMMAND);
	close(fd);
	return rc == sizeof(command) ? 0 : -EIO;
}

/*
 * It stays mapped while it is off, for the driver has failed to unmap it. A page table that
 * is made then does not get it, and the driver is asked once more for the other one.
 */
TEST_F(bar, off_but_stuck)
{
	struct sim *sim = &self->sim;
	struct dma dma = sim_dma(sim, 0);
	uint32_t second;

	ASSERT_EQ(0, iommu_map_fixed(sim->fd, sim->ioas, self->memory, PAGE,
				     IOMMU_RW, BAR_IOVA));
	ASSERT_EQ(0, set_fail("unmap_fail", "3"));
	ASSERT_EQ(0, vfio_decode(self->b.fd, false));
	ASSERT_EQ(0, set_fail("unmap_fail", "0"));
	ASSERT_EQ(0, answer_secretly(SECOND));
	EXPECT_EQ(0, dma_poke(&dma, BAR_IOVA, 1));

	ASSERT_EQ(0, iommu_hwpt_alloc(sim->fd, sim->engine.dev_id, sim->ioas, 0,
				      &second));
	EXPECT_EQ(IOSIM_REASON_NOT_PRESENT, dma_poke(&dma, BAR_IOVA, 1));
	ASSERT_EQ(0, vfio_attach(sim->engine.fd, second, NULL));
	EXPECT_EQ(IOSIM_REASON_NOT_PRESENT, dma_poke(&dma, BAR_IOVA, 1));

	ASSERT_EQ(0, vfio_decode(self->b.fd, true));
	EXPECT_EQ(0, dma_poke(&dma, BAR_IOVA, 1));
	EXPECT_EQ(0, iommu_ioas_unmap(sim->fd, sim->ioas, BAR_IOVA, PAGE, NULL));
	EXPECT_EQ(IOSIM_REASON_NOT_PRESENT, dma_poke(&dma, BAR_IOVA, 1));
}

/*
 * Of two page tables one has the BAR while it is off, for its driver has failed to unmap it,
 * and the other has not. Whatever becomes of the area: when the BAR is on both have it.
 */

/**
 * struct family - an IOAS with two page tables, which has the BAR and a page of RAM behind it
 * @ioas: that of the device, or a child of it. The device is attached to it
 * @second: its other page table
 */
struct family {
	uint32_t ioas;
	uint32_t second;
};

#define RAM_IOVA (BAR_IOVA + PAGE)

static int found_family(FIXTURE_DATA(bar) *self, bool nested,
			struct family *family)
{
	const struct sim *sim = &self->sim;
	int rc;

	family->ioas = sim->ioas;
	rc = iommu_map_fixed(sim->fd, sim->ioas, self->memory, PAGE, IOMMU_RW,
			     BAR_IOVA) ?:
	     iommu_map_fixed(sim->fd, sim->ioas, sim->buf, PAGE, IOMMU_RW,
			     RAM_IOVA);
	if (!rc && nested)
		rc = iommu_alloc_nested(sim->fd, sim->ioas, &family->ioas) ?:
		     iommu_map_fixed(sim->fd, family->ioas, (void *)SIM_AT,
				     SIM_SIZE, IOMMU_RW, SIM_AT) ?:
		     iommu_map_fixed(sim->fd, family->ioas, (void *)BAR_IOVA,
				     2 * PAGE, IOMMU_RW, BAR_IOVA) ?:
		     sim_attach(sim, family->ioas);
	return rc ?: iommu_hwpt_alloc(sim->fd, sim->engine.dev_id, family->ioas,
				      0, &family->second);
}

/* One more level, with a page table, has the RAM: that is unmapped first. */
static int add_descendant(const struct sim *sim, const struct family *family)
{
	uint32_t ioas, hwpt;

	return iommu_alloc_nested(sim->fd, family->ioas, &ioas) ?:
	       iommu_map_fixed(sim->fd, ioas, (void *)RAM_IOVA, PAGE, IOMMU_RW,
			       RAM_IOVA) ?:
	       iommu_hwpt_alloc(sim->fd, sim->engine.dev_id, ioas, 0, &hwpt);
}

/* In a batch the BAR is an entry behind that of the RAM, which fails. */
static int unmap_both(const struct sim *sim, bool batch)
{
	struct ioasid_batch_entry entries[2] = {
		{ .iova = RAM_IOVA, .length = PAGE },
		{ .iova = BAR_IOVA, .length = PAGE },
	};

	if (batch)
		return iommu_unmap_batch(sim->fd, sim->ioas, entries, 2, NULL);
	return iommu_ioas_unmap(sim->fd, sim->ioas, BAR_IOVA, 2 * PAGE, NULL);
}

static int off_but_stuck(FIXTURE_DATA(bar) *self)
{
	return set_fail("unmap_fail", "3") ?: switch_off(self) ?:
	       set_fail("unmap_fail", "0");
}

/* By either page table. */
static void check_both(struct __test_metadata *_metadata, const struct sim *sim,
		       uint32_t second, uint64_t iova)
{
	struct dma dma = sim_dma(sim, 0);

	EXPECT_EQ(0, dma_poke(&dma, iova, 1));
	ASSERT_EQ(0, sim_attach(sim, second));
	EXPECT_EQ(0, dma_poke(&dma, iova, 1));
}

/* An unmap claims it, and gives it back because of what is made of its neighbour. */
static void check_given_back(struct __test_metadata *_metadata,
			     FIXTURE_DATA(bar) *self, bool nested, bool batch)
{
	struct sim *sim = &self->sim;
	struct dma dma = sim_dma(sim, 0);
	struct family family;

	ASSERT_EQ(0, found_family(self, nested, &family));
	ASSERT_EQ(0, add_descendant(sim, &family));
	ASSERT_EQ(0, off_but_stuck(self));
	ASSERT_EQ(0, set_fail("unmap_fail", FOR_EVER));
	EXPECT_EQ(-EIO, unmap_both(sim, batch));
	ASSERT_EQ(0, set_fail("unmap_fail", "0"));
	ASSERT_EQ(0, switch_on(self));
	check_both(_metadata, sim, family.second, BAR_IOVA);
	EXPECT_EQ(0, unmap_both(sim, batch));
	EXPECT_EQ(IOSIM_REASON_NOT_PRESENT, dma_poke(&dma, BAR_IOVA, 1));
}

TEST_F(bar, stuck_and_given_back)
{
	check_given_back(_metadata, self, false, false);
}

TEST_F(bar, stuck_and_given_back_in_a_batch)
{
	check_given_back(_metadata, self, false, true);
}

TEST_F(bar, stuck_and_given_back_in_a_child)
{
	check_given_back(_metadata, self, true, false);
}

/* VFIO type 1 takes a page off it: the rest is as stuck. */
TEST_F(bar, stuck_and_cut)
{
	struct sim *sim = &self->sim;
	struct vfio_iommu_type1_dma_unmap unmap = {
		.argsz = sizeof(unmap),
		.iova = BAR_IOVA,
		.size = PAGE,
	};
	uint32_t second;

	ASSERT_LE(2 * PAGE, self->length);
	ASSERT_EQ(0, vfio_detach(sim->engine.fd));
	ASSERT_EQ(0, iommu_vfio_ioas_set(sim->fd, sim->ioas));
	ASSERT_EQ(0, iommu_cmd(sim->fd, VFIO_SET_IOMMU,
			       (void *)VFIO_TYPE1_IOMMU));
	ASSERT_EQ(0, sim_attach(sim, sim->ioas));
	ASSERT_EQ(0, iommu_map_fixed(sim->fd, sim->ioas, self->memory, 2 * PAGE,
				     IOMMU_RW, BAR_IOVA));
	ASSERT_EQ(0, iommu_hwpt_alloc(sim->fd, sim->engine.dev_id, sim->ioas, 0,
				      &second));
	ASSERT_EQ(0, off_but_stuck(self));
	ASSERT_EQ(0, iommu_cmd(sim->fd, VFIO_IOMMU_UNMAP_DMA, &unmap));
	ASSERT_EQ(0, switch_on(self));
	check_both(_metadata, sim, second, BAR_IOVA + PAGE);
}

SIM_HARNESS_MAIN
