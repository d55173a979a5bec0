// SPDX-License-Identifier: GPL-2.0-only
/*
 * Events of a vIOMMU: DMA faults of the simulator's devices, by their virtual IDs, and what
 * is told of those that are lost.
 */
#define _GNU_SOURCE
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "held_read.h"
#include "iommu.h"
#include "mem.h"
#include "race.h"
#include "reason.h"
#include "sim.h"
#include "vfio.h"

#define PAGE SIM_PAGE
#define V 0x7f0000000000ULL
#define NO_SUCH_ID 0x7fffff00
#define VIRTUAL 0xfedcba9876543210ULL
#define PASID 5
#define DEPTH_MAX (1U << 19)

#define SAYS(error, part, call)	EXPECT_REFUSED(self->fd, error, part, call)

struct event {
	struct iommufd_vevent_header header;
	struct iosim_vevent_fault fault;
};

/* A device that is attached to an empty first stage, which its guest calls VIRTUAL. */
FIXTURE(vevent)
{
	struct sim sim;
	int fd;
	uint32_t dev;
	uint32_t parent;
	uint32_t viommu;
	uint32_t hwpt;
	uint32_t vdevice;
	uint64_t root;
	struct dma dma;
	/* Files that keep the descriptor, to be closed at the end */
	int queues[4];
	unsigned int nr_queues;
};

FIXTURE_SETUP(vevent)
{
	struct sim *sim = &self->sim;

	NEED_SIM;
	ASSERT_EQ(0, sim_open(sim, "pasid_bits=6"));
	self->fd = sim->fd;
	self->dev = sim->engine.dev_id;
	ASSERT_EQ(0, sim_parent_hwpt(sim, &self->parent));
	ASSERT_EQ(0, guest_viommu(self->fd, self->dev, self->parent,
				  &self->viommu));
	ASSERT_EQ(0, sim_first_stage(sim, self->viommu, &self->root,
				     &self->hwpt));
	ASSERT_EQ(0, sim_attach(sim, self->hwpt));
	ASSERT_EQ(0, iommu_vdevice_alloc(self->fd, self->viommu, self->dev,
					 VIRTUAL, &self->vdevice));
	self->dma = sim_dma(sim, 0);
}

FIXTURE_TEARDOWN(vevent)
{
	while (self->nr_queues)
		close(self->queues[--self->nr_queues]);
	EXPECT_EQ(0, sim_close(&self->sim));
}

static int alloc(FIXTURE_DATA(vevent) *self, uint32_t depth, uint32_t *id,
		 int *queue)
{
	return iommu_veventq_alloc(self->fd, self->viommu, IOSIM_VEVENT_FAULT,
				   depth, id, queue);
}

/* The same of any vIOMMU and type, to be closed when the test is over. */
static int keep(FIXTURE_DATA(vevent) *self, uint32_t viommu, uint32_t type,
		uint32_t depth, int *queue)
{
	int rc = iommu_veventq_alloc(self->fd, viommu, type, depth, NULL,
				     queue);

	if (!rc)
		self->queues[self->nr_queues++] = *queue;
	return rc;
}

#define KEEP(depth)							\
	keep(self, self->viommu, IOSIM_VEVENT_FAULT, depth, &queue)

/* A write to page @page that faults. */
static bool fault(FIXTURE_DATA(vevent) *self, uint64_t page)
{
	return dma_poke(&self->dma, V + page * PAGE, 1) ==
	       IOSIM_REASON_NOT_PRESENT;
}

static bool readable(int queue)
{
	struct pollfd pollfd = { .fd = queue, .events = POLLIN | POLLOUT };

	return poll(&pollfd, 1, 0) == 1 && pollfd.revents == POLLIN;
}

/* The next one is that of the fault at page @page, and has number @sequence. */
static bool reads(int queue, uint64_t page, uint32_t sequence)
{
	struct event event = {};

	return read(queue, &event, sizeof(event)) == sizeof(event) &&
	       !event.header.flags && event.header.sequence == sequence &&
	       event.fault.vdev_id == VIRTUAL &&
	       event.fault.addr == V + page * PAGE;
}

/* The next thing is that everything up to @sequence is lost, and no more. */
static bool reads_lost(int queue, uint32_t sequence)
{
	struct event event = {};

	return read(queue, &event, sizeof(event)) == sizeof(event.header) &&
	       event.header.flags == IOMMU_VEVENTQ_FLAG_LOST_EVENTS &&
	       event.header.sequence == sequence;
}

static bool reads_nothing(int queue)
{
	struct event event;

	return !readable(queue) && !read(queue, &event, sizeof(event));
}

/* What is told ------------------------------------------------------------- */

TEST_F(vevent, of_a_fault)
{
	struct event event = {};
	struct dma dma;
	uint64_t seen;
	int queue;

	ASSERT_EQ(0, KEEP(8));
	EXPECT_TRUE(reads_nothing(queue));
	EXPECT_TRUE(fault(self, 3));
	EXPECT_TRUE(readable(queue));
	ASSERT_EQ(sizeof(event), read(queue, &event, sizeof(event)));
	EXPECT_EQ(0, event.header.flags);
	EXPECT_EQ(0, event.header.sequence);
	EXPECT_EQ(VIRTUAL, event.fault.vdev_id);
	EXPECT_EQ(V + 3 * PAGE, event.fault.addr);
	EXPECT_EQ(IOSIM_REASON_NOT_PRESENT, event.fault.reason);
	EXPECT_EQ(IOSIM_VEVENT_WRITE, event.fault.flags);
	EXPECT_EQ(0, event.fault.pasid);
	EXPECT_TRUE(reads_nothing(queue));

	/* By a PASID, and reading */
	ASSERT_EQ(0, iommu_pasid_attach(self->fd, self->dev, PASID,
					self->hwpt));
	dma = sim_dma_pasid(&self->sim, 0, PASID);
	ASSERT_EQ(0, guest_map(&self->sim.guest, self->root, V, SIM_AT, PAGE,
			       GUEST_4K, GUEST_W));
	EXPECT_EQ(IOSIM_REASON_PERMISSION, dma_peek(&dma, V, &seen));
	ASSERT_EQ(sizeof(event), read(queue, &event, sizeof(event)));
	EXPECT_EQ(1, event.header.sequence);
	EXPECT_EQ(VIRTUAL, event.fault.vdev_id);
	EXPECT_EQ(IOSIM_REASON_PERMISSION, event.fault.reason);
	EXPECT_EQ(IOSIM_VEVENT_PASID, event.fault.flags);
	EXPECT_EQ(PASID, event.fault.pasid);
}

TEST_F(vevent, several_at_once)
{
	struct event events[5] = {};
	int queue, i;

	ASSERT_EQ(0, KEEP(8));
	for (i = 0; i < 5; i++) {
		EXPECT_TRUE(fault(self, i));
	}
	/* Whole ones, and in order */
	ASSERT_EQ(3 * sizeof(events[0]),
		  read(queue, events, 4 * sizeof(events[0]) - 1));
	ASSERT_EQ(2 * sizeof(events[0]),
		  read(queue, &events[3], 2 * sizeof(events[0])));
	for (i = 0; i < 5; i++) {
		EXPECT_EQ(i, events[i].header.sequence);
		EXPECT_EQ(V + i * PAGE, events[i].fault.addr);
	}
	EXPECT_TRUE(reads_nothing(queue));
}

/* A guest is not told of what it does not know, nor another guest. */
TEST_F(vevent, of_others)
{
	uint32_t other, id;
	int queue, others;

	ASSERT_EQ(0, KEEP(8));
	ASSERT_EQ(0, guest_viommu(self->fd, self->dev, self->parent, &other));
	ASSERT_EQ(0, keep(self, other, IOSIM_VEVENT_FAULT, 8, &others));
	ASSERT_EQ(0, iommu_destroy(self->fd, self->vdevice));
	EXPECT_TRUE(fault(self, 0));
	EXPECT_TRUE(reads_nothing(queue));
	/* It is attached to a page table of the first, and known by the second only */
	ASSERT_EQ(0, iommu_vdevice_alloc(self->fd, other, self->dev, 1, &id));
	EXPECT_TRUE(fault(self, 0));
	EXPECT_TRUE(reads_nothing(queue));
	EXPECT_TRUE(reads_nothing(others));
	ASSERT_EQ(0, iommu_destroy(self->fd, id));
	ASSERT_EQ(0, iommu_vdevice_alloc(self->fd, self->viommu, self->dev,
					 VIRTUAL, &id));
	EXPECT_TRUE(fault(self, 7));
	EXPECT_TRUE(reads(queue, 7, 0));
	EXPECT_TRUE(reads_nothing(others));
}

/* What is lost ------------------------------------------------------------- */

TEST_F(vevent, lost_at_the_end)
{
	int queue, i;

	ASSERT_EQ(0, KEEP(2));
	for (i = 0; i < 5; i++) {
		EXPECT_TRUE(fault(self, i));
	}
	EXPECT_TRUE(reads(queue, 0, 0));
	EXPECT_TRUE(reads(queue, 1, 1));
	EXPECT_TRUE(readable(queue));
	EXPECT_TRUE(reads_lost(queue, 4));
	EXPECT_TRUE(reads_nothing(queue));
	EXPECT_TRUE(fault(self, 5));
	EXPECT_TRUE(reads(queue, 5, 5));
	EXPECT_TRUE(reads_nothing(queue));
}

/* An event that comes shows what is lost by its number. */
TEST_F(vevent, lost_between)
{
	int queue;

	ASSERT_EQ(0, KEEP(1));
	EXPECT_TRUE(fault(self, 0));
	EXPECT_TRUE(fault(self, 1));
	EXPECT_TRUE(reads(queue, 0, 0));
	EXPECT_TRUE(fault(self, 2));
	EXPECT_TRUE(reads(queue, 2, 2));
	EXPECT_TRUE(reads_nothing(queue));
}

/* What a user can get wrong ------------------------------------------------ */

TEST_F(vevent, wrong_reads)
{
	char *nothing = mem_anon(PAGE);
	struct event event;
	int queue;

	ASSERT_NE(NULL, nothing);
	mem_free(nothing, PAGE);
	ASSERT_EQ(0, KEEP(1));
	EXPECT_EQ(-1, read(queue, &event, 0));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, read(queue, &event, sizeof(event.header) - 1));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(0, read(queue, &event, sizeof(event.header)));
	EXPECT_TRUE(fault(self, 0));
	EXPECT_TRUE(fault(self, 1));
	EXPECT_EQ(-1, read(queue, &event, sizeof(event) - 1));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, read(queue, nothing, sizeof(event)));
	EXPECT_EQ(EFAULT, errno);
	/* None of it has taken anything out */
	EXPECT_TRUE(reads(queue, 0, 0));
	EXPECT_EQ(-1, read(queue, nothing, sizeof(event)));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_TRUE(reads_lost(queue, 1));
	EXPECT_EQ(-1, write(queue, &event, sizeof(event)));
	EXPECT_TRUE(reads_nothing(queue));
}

/* What could not be read is there again, in the order in which it came. */
TEST_F(vevent, failing_readers)
{
	struct held_read reads_[3];
	static const int order[] = { 1, 0, 2 };
	int queue, i;

	ASSERT_EQ(0, KEEP(4));
	for (i = 0; i < 4; i++) {
		EXPECT_TRUE(fault(self, i));
	}
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, held_read_begin(&reads_[i], queue,
					      sizeof(struct event)));
	}
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(-EFAULT, held_read_end(&reads_[order[i]], true));
	}
	for (i = 0; i < 4; i++) {
		EXPECT_TRUE(reads(queue, i, i)) TH_LOG("event %d", i);
	}
	EXPECT_TRUE(reads_nothing(queue));
}

/* Nor is it told twice that something is lost: what has come since, and been read, did. */
TEST_F(vevent, failing_reader_of_a_loss)
{
	struct held_read read_;
	int queue;

	ASSERT_EQ(0, KEEP(1));
	EXPECT_TRUE(fault(self, 0));
	EXPECT_TRUE(fault(self, 1));
	EXPECT_TRUE(reads(queue, 0, 0));
	ASSERT_EQ(0, held_read_begin(&read_, queue, sizeof(struct event)));
	EXPECT_TRUE(fault(self, 2));
	EXPECT_TRUE(reads(queue, 2, 2));
	EXPECT_EQ(-EFAULT, held_read_end(&read_, true));
	EXPECT_TRUE(reads_nothing(queue));
}

/* What is put back meanwhile came before the loss, so it tells nothing of that. */
TEST_F(vevent, failing_readers_and_a_loss)
{
	struct held_read reads_[2];
	int queue, i;

	ASSERT_EQ(0, KEEP(1));
	EXPECT_TRUE(fault(self, 0));
	EXPECT_TRUE(fault(self, 1));
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, held_read_begin(&reads_[i], queue,
					     sizeof(struct event)));
	}
	for (i = 0; i < 2; i++) {
		EXPECT_EQ(-EFAULT, held_read_end(&reads_[i], true));
	}
	EXPECT_TRUE(reads(queue, 0, 0));
	EXPECT_TRUE(reads_lost(queue, 1));
	EXPECT_TRUE(reads_nothing(queue));
}

TEST_F(vevent, wrong_arguments)
{
	struct iommu_veventq_alloc cmd = {
		.size = sizeof(cmd),
		.viommu_id = self->viommu,
		.type = IOSIM_VEVENT_FAULT,
		.veventq_depth = 1,
	}, wrong;
	uint32_t id;
	int queue;

#define REFUSED(error, field, value)					\
	do {								\
		wrong = cmd;						\
		wrong.field = value;					\
		EXPECT_EQ(-(error), iommu_cmd(self->fd,			\
					      IOMMU_VEVENTQ_ALLOC,	\
					      &wrong));			\
		EXPECT_EQ(0, wrong.out_veventq_fd);			\
	} while (0)

	REFUSED(EOPNOTSUPP, flags, 1);
	REFUSED(EOPNOTSUPP, __reserved, 1);
	REFUSED(EOPNOTSUPP, type, IOMMU_VEVENTQ_TYPE_DEFAULT);
	REFUSED(EINVAL, veventq_depth, 0);
	EXPECT_TRUE(reason_explains(self->fd, EINVAL, "1 to 524288"));
	REFUSED(EINVAL, veventq_depth, DEPTH_MAX + 1);
	REFUSED(ENOENT, viommu_id, NO_SUCH_ID);
	EXPECT_TRUE(reason_explains(self->fd, ENOENT, "no vIOMMU"));
	REFUSED(ENOENT, viommu_id, self->hwpt);
	ASSERT_EQ(0, alloc(self, DEPTH_MAX, &id, &queue));
	REFUSED(EEXIST, veventq_depth, 1);
	EXPECT_TRUE(reason_explains(self->fd, EEXIST, "already"));
	SAYS(EBUSY, "descriptor is open", iommu_destroy(self->fd, id));
	close(queue);
	EXPECT_EQ(0, iommu_destroy(self->fd, id));
	ASSERT_EQ(0, KEEP(1));
	/* Of another type, which nobody reports */
	ASSERT_EQ(0, keep(self, self->viommu, 77, 1, &queue));
	EXPECT_TRUE(fault(self, 0));
	EXPECT_TRUE(reads_nothing(queue));
	EXPECT_EQ(-EBUSY, iommu_destroy(self->fd, self->viommu));
}

/* Who keeps whom ----------------------------------------------------------- */

TEST_F(vevent, the_file_is_last)
{
	int queue;

	ASSERT_EQ(0, alloc(self, 2, NULL, &queue));
	EXPECT_TRUE(fault(self, 0));
	engine_close(&self->sim.engine);
	close(self->fd);
	self->sim.fd = -1;
	EXPECT_TRUE(reads(queue, 0, 0));
	EXPECT_TRUE(reads_nothing(queue));
	close(queue);
}

TEST_F(vevent, closed_without_reading)
{
	uint32_t id;
	int queue;

	ASSERT_EQ(0, alloc(self, 2, &id, &queue));
	EXPECT_TRUE(fault(self, 0));
	EXPECT_TRUE(fault(self, 1));
	EXPECT_TRUE(fault(self, 2));
	close(queue);
	EXPECT_TRUE(fault(self, 3));
	EXPECT_EQ(0, iommu_destroy(self->fd, id));
	EXPECT_TRUE(fault(self, 4));
	ASSERT_EQ(0, vfio_detach(self->sim.engine.fd));
	EXPECT_EQ(0, iommu_destroy(self->fd, self->hwpt));
	EXPECT_EQ(0, iommu_destroy(self->fd, self->vdevice));
	EXPECT_EQ(0, iommu_destroy(self->fd, self->viommu));
}

/* Races -------------------------------------------------------------------- */

struct race {
	FIXTURE_DATA(vevent) *self;
	bool stop;
	unsigned int queues;
	unsigned int vdevices;
};

static bool both_came(struct race *race)
{
	return __atomic_load_n(&race->queues, __ATOMIC_RELAXED) &&
	       __atomic_load_n(&race->vdevices, __ATOMIC_RELAXED);
}

static void *make_queues(void *data)
{
	struct race *race = data;
	struct event events[4];
	uint32_t id;
	int queue;

	while (!__atomic_load_n(&race->stop, __ATOMIC_ACQUIRE)) {
		if (alloc(race->self, 2, &id, &queue))
			continue;
		if (read(queue, events, sizeof(events)) < 0)
			break;
		close(queue);
		iommu_destroy(race->self->fd, id);
		__atomic_add_fetch(&race->queues, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

static void *make_vdevices(void *data)
{
	struct race *race = data;
	FIXTURE_DATA(vevent) *self = race->self;
	uint32_t id = self->vdevice;

	while (!__atomic_load_n(&race->stop, __ATOMIC_ACQUIRE)) {
		iommu_destroy(self->fd, id);
		if (!iommu_vdevice_alloc(self->fd, self->viommu, self->dev,
					 VIRTUAL, &id))
			__atomic_add_fetch(&race->vdevices, 1,
					   __ATOMIC_RELAXED);
	}
	return NULL;
}

/* Faults, while queues and virtual devices come and go. */
TEST_F(vevent, races)
{
	struct race race = { .self = self };
	struct race_clock clock = {};
	pthread_t threads[3];
	int i;

	ASSERT_EQ(0, pthread_create(&threads[0], NULL, make_queues, &race));
	ASSERT_EQ(0, pthread_create(&threads[1], NULL, make_queues, &race));
	ASSERT_EQ(0, pthread_create(&threads[2], NULL, make_vdevices, &race));
	while (race_on(&clock, 500, both_came(&race))) {
		EXPECT_TRUE(fault(self, clock.rounds));
		if (clock.rounds % 50)
			continue;
		ASSERT_EQ(0, vfio_detach(self->sim.engine.fd));
		ASSERT_EQ(0, sim_attach(&self->sim, self->hwpt));
	}
	__atomic_store_n(&race.stop, true, __ATOMIC_RELEASE);
	for (i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	EXPECT_TRUE(both_came(&race));
}

SIM_HARNESS_MAIN
