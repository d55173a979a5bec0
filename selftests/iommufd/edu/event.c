// SPDX-License-Identifier: GPL-2.0-only
/*
 * Events: DMA faults that nobody answers, ranges that a child has lost, devices that
 * are gone; and how many of them have been lost.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "edu.h"
#include "fault.h"
#include "iommu.h"
#include "mem.h"
#include "rig.h"
#include "sim.h"
#include "vfio.h"

#define PAGE SIM_PAGE
#define SECOND "other"
#define ATTRIBUTES "pasid_bits=6 pri=1"
#define NOWHERE 0x20000000ULL
#define READ_ONLY 0x10000000ULL
#define V 0x7f0000000000ULL
#define DEPTH 4

/* A queue of everything, and one of a second IOAS. */
FIXTURE(event)
{
	struct sim sim;
	struct sim_space space;
	struct dma dma;
	int all;
	int one;
	uint32_t dev;
	int fd;
};

FIXTURE_SETUP(event)
{
	struct sim *sim = &self->sim;

	NEED_SIM;
	ASSERT_EQ(0, sim_open(sim, ATTRIBUTES));
	self->fd = sim->fd;
	self->dev = sim->engine.dev_id;
	ASSERT_EQ(0, sim_space_open(sim, &self->space));
	ASSERT_EQ(0, iommu_eventq_alloc(self->fd, 0, 0, NULL, &self->all));
	ASSERT_EQ(0, iommu_eventq_alloc(self->fd, self->space.ioas, 0, NULL,
					&self->one));
	ASSERT_EQ(0, sim_attach(sim, sim->ioas));
	self->dma = sim_dma(sim, 0);
}

FIXTURE_TEARDOWN(event)
{
	close(self->all);
	close(self->one);
	EXPECT_EQ(0, sim_close(&self->sim));
}

#define EXPECT_NO_EVENT(queue) EXPECT_FALSE(fault_pending(queue))
#define TAKE(queue, event) ASSERT_EQ(0, event_read(queue, &(event)))

/* DMA faults ----------------------------------------------------------------- */

TEST_F(event, dma_fault)
{
	struct ioasid_event event;

	EXPECT_NE(0, iommu_extension(self->fd, IOASID_EXT_EVENTQ));
	EXPECT_NO_EVENT(self->all);
	EXPECT_EQ(IOSIM_REASON_NOT_PRESENT,
		  dma_poke(&self->dma, NOWHERE + 8, 1));
	TAKE(self->all, event);
	EXPECT_EQ(IOASID_EVENT_DMA_FAULT, event.type);
	EXPECT_EQ(self->dev, event.dev_id);
	EXPECT_EQ(self->sim.ioas, event.ioas_id);
	EXPECT_EQ(NOWHERE, event.iova & ~(PAGE - 1));
	EXPECT_EQ(IOMMU_PGFAULT_PERM_WRITE, event.perm);
	EXPECT_EQ(0, event.flags);
	EXPECT_EQ(0, event.lost);
	EXPECT_EQ(0, event.reason);
	EXPECT_NO_EVENT(self->all);

	EXPECT_EQ(IOSIM_REASON_NOT_PRESENT,
		  dma_peek(&self->dma, NOWHERE, NULL));
	TAKE(self->all, event);
	EXPECT_EQ(IOMMU_PGFAULT_PERM_READ, event.perm);

	ASSERT_EQ(0, iommu_map_fixed(self->fd, self->sim.ioas, self->sim.buf,
				     PAGE, IOMMU_R, READ_ONLY));
	EXPECT_EQ(IOSIM_REASON_PERMISSION, dma_poke(&self->dma, READ_ONLY, 1));
	TAKE(self->all, event);
	EXPECT_EQ(READ_ONLY, event.iova & ~(PAGE - 1));
	EXPECT_EQ(IOMMU_PGFAULT_PERM_WRITE, event.perm);
	EXPECT_EQ(0, dma_poke(&self->dma, SIM_AT, 1));
	EXPECT_NO_EVENT(self->all);
	/* None of them is the other IOAS's */
	EXPECT_NO_EVENT(self->one);
}

/* With a PASID it is another IOAS, and there is somebody who wants to know. */
TEST_F(event, dma_fault_of_a_pasid)
{
	struct dma dma = sim_space_dma(&self->space, &self->sim.engine, 9);
	struct ioasid_event event;

	ASSERT_EQ(0, iommu_pasid_attach(self->fd, self->dev, 9,
					self->space.ioas));
	EXPECT_EQ(IOSIM_REASON_NOT_PRESENT, dma_poke(&dma, NOWHERE, 1));
	TAKE(self->one, event);
	EXPECT_EQ(IOASID_EVENT_DMA_FAULT, event.type);
	EXPECT_EQ(self->space.ioas, event.ioas_id);
	EXPECT_EQ(self->dev, event.dev_id);
	EXPECT_EQ(IOASID_EVENT_PASID, event.flags);
	EXPECT_EQ(9, event.pasid);
	EXPECT_EQ(NOWHERE, event.iova & ~(PAGE - 1));
	TAKE(self->all, event);
	EXPECT_EQ(9, event.pasid);
	/* Moved to another page table, which has its own way home */
	ASSERT_EQ(0, iommu_pasid_attach(self->fd, self->dev, 9,
					self->sim.ioas));
	dma = sim_dma_pasid(&self->sim, 1, 9);
	EXPECT_EQ(IOSIM_REASON_NOT_PRESENT, dma_poke(&dma, NOWHERE, 1));
	TAKE(self->all, event);
	EXPECT_EQ(self->sim.ioas, event.ioas_id);
	EXPECT_NO_EVENT(self->one);
}

/* Each of two devices that are attached to the same IOAS is told from the other. */
static void two_devices(struct __test_metadata *_metadata,
			FIXTURE_DATA(event) *self, const char *attributes)
{
	struct ioasid_event event;
	struct engine other;
	struct dma dma = self->dma;

	ASSERT_EQ(0, sim_add(&self->sim, SECOND, attributes, &other));
	ASSERT_EQ(0, vfio_attach(other.fd, self->sim.ioas, NULL));
	dma.engine = &other;
	EXPECT_EQ(IOSIM_REASON_NOT_PRESENT, dma_poke(&dma, NOWHERE, 1));
	TAKE(self->all, event);
	EXPECT_EQ(other.dev_id, event.dev_id);
	EXPECT_EQ(IOSIM_REASON_NOT_PRESENT, dma_poke(&self->dma, NOWHERE, 1));
	TAKE(self->all, event);
	EXPECT_EQ(self->dev, event.dev_id);
	ASSERT_EQ(0, sim_remove(SECOND, &other));
}

TEST_F(event, dma_fault_of_one_of_two_devices)
{
	two_devices(_metadata, self, ATTRIBUTES);
}

TEST_F(event, dma_fault_of_two_devices_of_a_group)
{
	two_devices(_metadata, self, ATTRIBUTES " group=" SIM_NAME);
}

/* In a first stage of the user's: the IOAS is the parent's. */
TEST_F(event, dma_fault_below_a_parent)
{
	struct sim *sim = &self->sim;
	uint64_t root = sim_guest_root(sim);
	struct ioasid_event event;
	uint32_t parent, hwpt;

	ASSERT_EQ(0, sim_parent_hwpt(sim, &parent));
	ASSERT_EQ(0, guest_map(&sim->guest, root, V, NOWHERE, PAGE, GUEST_4K,
			       GUEST_RW));
	ASSERT_EQ(0, guest_hwpt(self->fd, self->dev, parent, root, 0, &hwpt));
	ASSERT_EQ(0, sim_attach(sim, hwpt));
	EXPECT_EQ(IOSIM_REASON_NOT_PRESENT,
		  dma_poke(&self->dma, V + PAGE, 1));
	TAKE(self->all, event);
	EXPECT_EQ(IOASID_EVENT_DMA_FAULT, event.type);
	EXPECT_EQ(sim->ioas, event.ioas_id);
	EXPECT_EQ(self->dev, event.dev_id);
	EXPECT_EQ(V + PAGE, event.iova & ~(PAGE - 1));
	EXPECT_EQ(IOSIM_REASON_PARENT, dma_poke(&self->dma, V, 1));
	TAKE(self->all, event);
	EXPECT_EQ(V, event.iova & ~(PAGE - 1));
}

/* A page request is not an event. */
TEST_F(event, not_a_page_request)
{
	struct iommu_hwpt_pgfault fault[2];
	struct iosim_desc desc = dma_desc_fill(NOWHERE, 8, 1);
	struct fault_queue queue;
	uint32_t hwpt;

	ASSERT_EQ(0, fault_queue_open(self->fd, &queue));
	ASSERT_EQ(0, iommu_hwpt_alloc_fault(self->fd, self->dev,
					    self->sim.ioas, 0, queue.id,
					    &hwpt));
	ASSERT_EQ(0, sim_attach(&self->sim, hwpt));
	self->dma.block = true;
	ASSERT_EQ(0, dma_start(&self->dma, &desc));
	ASSERT_EQ(1, fault_read_group(queue.fd, fault, 2));
	EXPECT_NO_EVENT(self->all);
	ASSERT_EQ(0, iommu_map_fixed(self->fd, self->sim.ioas, self->sim.buf,
				     PAGE, IOMMU_RW, NOWHERE));
	ASSERT_EQ(0, fault_respond(queue.fd, fault->cookie,
				   IOMMUFD_PAGE_RESP_SUCCESS));
	EXPECT_EQ(0, dma_wait(&self->dma));
	EXPECT_NO_EVENT(self->all);
	close(queue.fd);
}

/* The oldest go, and it is said how many. */
TEST_F(event, overflow)
{
	enum { N = 10 };
	struct ioasid_event event;
	uint32_t lost = 0;
	int queue, i;

	ASSERT_EQ(0, iommu_eventq_alloc(self->fd, self->sim.ioas, DEPTH, NULL,
					&queue));
	for (i = 0; i < N; i++) {
		EXPECT_EQ(IOSIM_REASON_NOT_PRESENT,
			  dma_poke(&self->dma, NOWHERE + i * PAGE, 1));
	}
	for (i = 0; i < DEPTH; i++) {
		TAKE(queue, event);
		lost += event.lost;
		EXPECT_EQ(NOWHERE + (i + lost) * PAGE,
			  event.iova & ~(PAGE - 1));
	}
	EXPECT_EQ(N - DEPTH, lost);
	EXPECT_EQ(NOWHERE + (N - 1) * PAGE, event.iova & ~(PAGE - 1));
	EXPECT_NO_EVENT(queue);
	EXPECT_EQ(IOSIM_REASON_NOT_PRESENT, dma_poke(&self->dma, NOWHERE, 1));
	TAKE(queue, event);
	EXPECT_EQ(0, event.lost);
	/* The larger queue has them all */
	for (i = 0; i < N; i++) {
		TAKE(self->all, event);
		EXPECT_EQ(0, event.lost);
		EXPECT_EQ(NOWHERE + i * PAGE, event.iova & ~(PAGE - 1));
	}
	close(queue);
}

/* Several in one read; a reader that waits. */
static void *wait_for_one(void *arg)
{
	struct ioasid_event *event = arg;
	int queue = event->dev_id;

	return (void *)read(queue, event, sizeof(*event));
}

TEST_F(event, blocking_read)
{
	struct ioasid_event event = { .dev_id = self->all }, events[8];
	pthread_t thread;
	void *length = NULL;
	int i;

	ASSERT_EQ(0, pthread_create(&thread, NULL, wait_for_one, &event));
	EXPECT_EQ(IOSIM_REASON_NOT_PRESENT, dma_poke(&self->dma, NOWHERE, 1));
	pthread_join(thread, &length);
	EXPECT_EQ(sizeof(event), (long)length);
	EXPECT_EQ(self->dev, event.dev_id);
	for (i = 0; i < 5; i++) {
		EXPECT_EQ(IOSIM_REASON_NOT_PRESENT,
			  dma_poke(&self->dma, NOWHERE, 1));
	}
	EXPECT_EQ(3 * sizeof(event), read(self->all, events,
					  3 * sizeof(event) + 7));
	EXPECT_EQ(2 * sizeof(event), read(self->all, events, sizeof(events)));
}

/* What the user has done ----------------------------------------------------- */

TEST_F(event, device_gone)
{
	struct ioasid_event event;
	struct engine other;
	uint32_t dev;

	ASSERT_EQ(0, sim_add(&self->sim, SECOND, ATTRIBUTES, &other));
	dev = other.dev_id;
	EXPECT_NO_EVENT(self->all);
	ASSERT_EQ(0, sim_remove(SECOND, &other));
	TAKE(self->all, event);
	EXPECT_EQ(IOASID_EVENT_DEVICE_GONE, event.type);
	EXPECT_EQ(dev, event.dev_id);
	EXPECT_NO_EVENT(self->all);
	EXPECT_EQ(0, dma_check(&self->dma, SIM_AT, self->sim.buf));
}

/* A child loses what its parent does not have any more. */
TEST_F(event, range_lost)
{
	const uint64_t at = 0x100000, further = 0x900000;
	struct ioasid_event event;
	uint32_t child;
	int queue;

	ASSERT_EQ(0, iommu_alloc_nested(self->fd, self->space.ioas, &child));
	ASSERT_EQ(0, iommu_eventq_alloc(self->fd, child, 0, NULL, &queue));
	ASSERT_EQ(0, iommu_map_fixed(self->fd, child, (void *)(SIM_AT + PAGE),
				     2 * PAGE, IOMMU_RW, at));
	ASSERT_EQ(0, iommu_map_fixed(self->fd, child,
				     (void *)(SIM_AT + 4 * PAGE), PAGE,
				     IOMMU_RW, further));
	/* Its own unmapping is no news */
	ASSERT_EQ(0, iommu_map_fixed(self->fd, child, (void *)SIM_AT, PAGE,
				     IOMMU_RW, 0));
	ASSERT_EQ(0, iommu_ioas_unmap(self->fd, child, 0, PAGE, NULL));
	EXPECT_NO_EVENT(queue);

	ASSERT_EQ(0, iommu_ioas_unmap(self->fd, self->space.ioas, SIM_AT,
				      SIM_SPACE_SIZE, NULL));
	TAKE(queue, event);
	EXPECT_EQ(IOASID_EVENT_RANGE_LOST, event.type);
	EXPECT_EQ(child, event.ioas_id);
	EXPECT_EQ(event.iova == at ? 2 * PAGE : PAGE, event.length);
	EXPECT_TRUE(event.iova == at || event.iova == further);
	TAKE(queue, event);
	EXPECT_EQ(IOASID_EVENT_RANGE_LOST, event.type);
	EXPECT_EQ(event.iova == at ? 2 * PAGE : PAGE, event.length);
	EXPECT_NO_EVENT(queue);
	EXPECT_NO_EVENT(self->one);
	TAKE(self->all, event);
	EXPECT_EQ(child, event.ioas_id);
	close(queue);
}

/* A queue of an IOAS that goes: it stays, and there is nothing more in it. */
TEST_F(event, ioas_gone)
{
	ASSERT_EQ(0, iommu_destroy(self->fd, self->space.ioas));
	EXPECT_EQ(IOSIM_REASON_NOT_PRESENT, dma_poke(&self->dma, NOWHERE, 1));
	EXPECT_NO_EVENT(self->one);
	EXPECT_TRUE(fault_pending(self->all));
}

/* The descriptor of /dev/iommu may be closed: the device tells all the same. */
TEST_F(event, iommu_closed)
{
	struct ioasid_event event;

	close(self->sim.fd);
	self->sim.fd = -1;
	EXPECT_EQ(IOSIM_REASON_NOT_PRESENT, dma_poke(&self->dma, NOWHERE, 1));
	TAKE(self->all, event);
	EXPECT_EQ(IOASID_EVENT_DMA_FAULT, event.type);
	EXPECT_EQ(0, sim_remove(SIM_NAME, &self->sim.engine));
	TAKE(self->all, event);
	EXPECT_EQ(IOASID_EVENT_DEVICE_GONE, event.type);
}

/* Sub-devices: which part, and by which of its PASIDs. */
TEST(subdevice_faults)
{
	static const char uuid[] = "55555555-5555-4555-8555-555555555555";
	struct sim_space space;
	struct ioasid_event event;
	struct engine sub;
	struct dma dma;
	struct sim sim;
	int queue;

	NEED_SIM;
	ASSERT_EQ(0, sim_open_parent(&sim, ATTRIBUTES));
	ASSERT_EQ(0, sim_space_open(&sim, &space));
	ASSERT_EQ(0, iosim_subdevice_create(SIM_NAME, IOSIM_LOCAL, uuid));
	ASSERT_EQ(0, engine_open_subdevice(&sub, uuid, sim.fd));
	ASSERT_EQ(0, iommu_eventq_alloc(sim.fd, 0, 0, NULL, &queue));
	ASSERT_EQ(0, vfio_attach(sub.fd, sim.ioas, NULL));
	ASSERT_EQ(0, iommu_pasid_attach(sim.fd, sub.dev_id, 5, space.ioas));

	dma = sim_dma(&sim, 0);
	dma.engine = &sub;
	EXPECT_EQ(IOSIM_REASON_NOT_PRESENT, dma_poke(&dma, NOWHERE, 1));
	TAKE(queue, event);
	EXPECT_EQ(sub.dev_id, event.dev_id);
	EXPECT_EQ(sim.ioas, event.ioas_id);
	EXPECT_EQ(0, event.flags);

	dma = sim_space_dma(&space, &sub, 5);
	EXPECT_EQ(IOSIM_REASON_NOT_PRESENT, dma_poke(&dma, NOWHERE, 1));
	TAKE(queue, event);
	EXPECT_EQ(sub.dev_id, event.dev_id);
	EXPECT_EQ(space.ioas, event.ioas_id);
	EXPECT_EQ(IOASID_EVENT_PASID, event.flags);
	EXPECT_EQ(5, event.pasid);

	engine_close(&sub);
	TAKE(queue, event);
	EXPECT_EQ(IOASID_EVENT_DEVICE_GONE, event.type);
	close(queue);
	EXPECT_EQ(0, sim_close(&sim));
}

/*
 * The machine's own IOMMU. There is no DMA fault to be seen: VT-d's driver does not tell
 * them, and QEMU's AMD-Vi does not tell its driver.
 */
TEST(edu)
{
	struct ioasid_event event;
	struct rig rig;
	uint32_t dev;
	int queue;

	ASSERT_EQ(0, rig_open(&rig));
	dev = rig.edu.dev_id;
	ASSERT_EQ(0, iommu_eventq_alloc(rig.fd, 0, 0, NULL, &queue));
	ASSERT_EQ(0, rig_attach(&rig));
	ASSERT_EQ(0, edu_write(&rig.edu, NOWHERE, 8));
	edu_close(&rig.edu);
	ASSERT_EQ(0, event_wait(queue, IOASID_EVENT_DEVICE_GONE, &event));
	EXPECT_EQ(dev, event.dev_id);
	close(queue);
	EXPECT_EQ(0, rig_close(&rig));
}

SIM_HARNESS_MAIN
