// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hardware queues: the simulator drains a ring of invalidations in the guest's memory, which
 * stays as long as the queue; and the page of registers that goes with it.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "hold.h"
#include "iommu.h"
#include "mem.h"
#include "race.h"
#include "reason.h"
#include "sim.h"
#include "vfio.h"

#define PAGE SIM_PAGE
#define V 0x7f0000000000ULL
#define NO_SUCH_ID 0x7fffff00
#define VIRTUAL 0x99ULL
#define RING 16
#define RING_SIZE (RING * sizeof(struct iosim_invalidate_viommu))
#define ELSEWHERE 0x20000000ULL
#define WAIT_MS 30000

#define SAYS(error, part, call)	EXPECT_REFUSED(self->fd, error, part, call)

/* A device attached to a first stage on a vIOMMU with registers, and a ring. */
FIXTURE(hw_queue)
{
	struct sim sim;
	int fd;
	uint32_t dev;
	uint32_t parent;
	uint32_t viommu;
	uint32_t hwpt;
	uint64_t root;
	struct iosim_viommu data;
	volatile struct iosim_viommu_page *page;
	struct iosim_invalidate_viommu *ring;
	uint64_t at;
	uint64_t *words;
	struct dma dma;
};

FIXTURE_SETUP(hw_queue)
{
	struct sim *sim = &self->sim;

	NEED_SIM;
	ASSERT_EQ(0, sim_open(sim, ""));
	self->fd = sim->fd;
	self->dev = sim->engine.dev_id;
	ASSERT_EQ(0, sim_parent_hwpt(sim, &self->parent));
	ASSERT_EQ(0, guest_viommu_with_page(self->fd, self->dev, self->parent,
					    &self->data, &self->viommu));
	self->page = guest_viommu_page(self->fd, &self->data);
	ASSERT_NE(NULL, self->page);
	ASSERT_EQ(0, sim_first_stage(sim, self->viommu, &self->root,
				     &self->hwpt));
	ASSERT_EQ(0, sim_attach(sim, self->hwpt));
	self->dma = sim_dma(sim, 0);
	self->ring = guest_alloc(&sim->guest, PAGE);
	ASSERT_NE(NULL, self->ring);
	self->at = guest_gpa(&sim->guest, self->ring);
	self->words = (uint64_t *)sim->buf;
	self->words[0] = 100;
	self->words[PAGE / 8] = 101;
}

FIXTURE_TEARDOWN(hw_queue)
{
	if (self->page)
		munmap((void *)self->page, PAGE);
	EXPECT_EQ(0, sim_close(&self->sim));
}

static int alloc(FIXTURE_DATA(hw_queue) *self, uint32_t index, uint64_t iova,
		 uint64_t length, uint32_t *id)
{
	return iommu_hw_queue_alloc(self->fd, self->viommu, IOSIM_HW_QUEUE_TYPE,
				    index, iova, length, id);
}

/* The device has cached what is not so any more. */
static bool make_stale(FIXTURE_DATA(hw_queue) *self)
{
	struct guest *guest = &self->sim.guest;
	uint64_t seen = 0;

	if (guest_map(guest, self->root, V, SIM_AT, PAGE, GUEST_4K, GUEST_RW) ||
	    guest_invalidate(self->fd, self->hwpt, 0, UINT64_MAX) ||
	    dma_peek(&self->dma, V, &seen) || seen != 100)
		return false;
	return !guest_map(guest, self->root, V, SIM_AT + PAGE, PAGE, GUEST_4K,
			  GUEST_RW);
}

static bool is_fresh(FIXTURE_DATA(hw_queue) *self)
{
	uint64_t seen = 0;

	return !dma_peek(&self->dma, V, &seen) && seen == 101;
}

/* Put an entry into a ring of @nr, and say so. */
static void push(FIXTURE_DATA(hw_queue) *self, unsigned int nr, uint32_t op,
		 uint64_t vdev_id)
{
	uint32_t prod = self->page->queue[0].prod;

	self->ring[prod % nr] = (struct iosim_invalidate_viommu) {
		.op = op,
		.vdev_id = vdev_id,
		.addr = V,
		.length = PAGE,
	};
	__atomic_store_n(&self->page->queue[0].prod, prod + 1,
			 __ATOMIC_RELEASE);
}

/* Until the queue is empty, or has stopped. Its error. */
static int wait_done(FIXTURE_DATA(hw_queue) *self)
{
	int i;

	for (i = 0; i < 20000; i++) {
		if (self->page->queue[0].error)
			return self->page->queue[0].error;
		if (self->page->queue[0].cons == self->page->queue[0].prod)
			return 0;
		usleep(1000);
	}
	return ETIMEDOUT;
}

/* Draining ----------------------------------------------------------------- */

TEST_F(hw_queue, drained)
{
	uint32_t id, vdevice;

	ASSERT_EQ(0, alloc(self, 0, self->at, RING_SIZE, &id));
	ASSERT_TRUE(make_stale(self));
	EXPECT_FALSE(is_fresh(self));
	push(self, RING, IOSIM_VIOMMU_RANGE, 0);
	EXPECT_EQ(0, wait_done(self));
	EXPECT_TRUE(is_fresh(self));
	/* By the virtual ID of the device */
	ASSERT_EQ(0, iommu_vdevice_alloc(self->fd, self->viommu, self->dev,
					 VIRTUAL, &vdevice));
	ASSERT_TRUE(make_stale(self));
	push(self, RING, IOSIM_VIOMMU_DEVICE, VIRTUAL);
	EXPECT_EQ(0, wait_done(self));
	EXPECT_TRUE(is_fresh(self));
}

TEST_F(hw_queue, goes_round)
{
	uint32_t id, i;

	ASSERT_EQ(0, alloc(self, 0, self->at, RING_SIZE / RING * 2, &id));
	for (i = 0; i < 9; i++) {
		ASSERT_TRUE(make_stale(self));
		push(self, 2, IOSIM_VIOMMU_RANGE, 0);
		EXPECT_EQ(0, wait_done(self));
		EXPECT_TRUE(is_fresh(self));
	}
	EXPECT_EQ(9, self->page->queue[0].cons);
}

/* It stops at what is wrong, and goes on when the guest has seen to it. */
TEST_F(hw_queue, stops)
{
	uint32_t id;

	ASSERT_EQ(0, alloc(self, 0, self->at, RING_SIZE, &id));
	push(self, RING, IOSIM_VIOMMU_RANGE, 0);
	push(self, RING, IOSIM_VIOMMU_DEVICE, 77);
	EXPECT_EQ(EINVAL, wait_done(self));
	EXPECT_EQ(1, self->page->queue[0].cons);
	ASSERT_TRUE(make_stale(self));
	self->ring[1].op = IOSIM_VIOMMU_RANGE;
	self->ring[1].vdev_id = 0;
	self->page->queue[0].error = 0;
	EXPECT_EQ(0, wait_done(self));
	EXPECT_TRUE(is_fresh(self));
	/* More than there can be */
	self->page->queue[0].prod += RING + 1;
	EXPECT_EQ(EINVAL, wait_done(self));
	EXPECT_EQ(0, iommu_destroy(self->fd, id));
	/* A new one begins at 0 */
	ASSERT_EQ(0, alloc(self, 0, self->at, RING_SIZE, &id));
	push(self, RING, IOSIM_VIOMMU_RANGE, 0);
	EXPECT_EQ(0, wait_done(self));
	EXPECT_EQ(1, self->page->queue[0].cons);
}

/* Its memory --------------------------------------------------------------- */

TEST_F(hw_queue, is_not_unmapped)
{
	struct ioasid_batch_entry entry = { .iova = SIM_AT, .length = SIM_SIZE };
	struct sim *sim = &self->sim;
	char *more = mem_anon(PAGE);
	uint64_t unmapped;
	uint32_t id, done;
	long pinned;

	ASSERT_EQ(0, iommu_map_fixed(self->fd, sim->ioas, more, PAGE, IOMMU_RW,
				     ELSEWHERE));
	pinned = mem_pinned();
	ASSERT_EQ(0, alloc(self, 0, self->at, RING_SIZE, &id));
	EXPECT_EQ(pinned, mem_pinned());
	SAYS(EBUSY, "hardware queue",
	     iommu_ioas_unmap(self->fd, sim->ioas, SIM_AT, SIM_SIZE,
			      &unmapped));
	EXPECT_EQ(-EBUSY, iommu_unmap_batch(self->fd, sim->ioas, &entry, 1,
					    &done));
	EXPECT_EQ(0, done);
	/* What is in front of it goes; it itself stays, and works */
	EXPECT_EQ(-EBUSY, iommu_unmap_all(self->fd, sim->ioas, NULL));
	EXPECT_EQ(-ENOENT, iommu_ioas_unmap(self->fd, sim->ioas, ELSEWHERE,
					    PAGE, NULL));
	EXPECT_EQ(pinned - 1, mem_wait_pinned(pinned - 1));
	ASSERT_TRUE(make_stale(self));
	push(self, RING, IOSIM_VIOMMU_RANGE, 0);
	EXPECT_EQ(0, wait_done(self));
	EXPECT_TRUE(is_fresh(self));
	ASSERT_EQ(0, iommu_destroy(self->fd, id));
	EXPECT_EQ(0, iommu_ioas_unmap(self->fd, sim->ioas, SIM_AT, SIM_SIZE,
				      &unmapped));
	EXPECT_EQ(SIM_SIZE, unmapped);
	EXPECT_EQ(sim->pinned, mem_wait_pinned(sim->pinned));
}

/* Nor is what it is made of, in an IOAS below. */
TEST_F(hw_queue, of_a_nested_ioas)
{
	struct sim *sim = &self->sim;
	struct iosim_viommu data;
	uint32_t child, parent, viommu, id;
	uint64_t iova = SIM_AT;

	ASSERT_EQ(0, iommu_alloc_nested(self->fd, sim->ioas, &child));
	ASSERT_EQ(0, iommu_ioas_map(self->fd, child, (void *)SIM_AT, SIM_SIZE,
				    IOMMU_RW | IOMMU_FIXED, &iova));
	ASSERT_EQ(0, iommu_hwpt_alloc(self->fd, self->dev, child,
				      IOMMU_HWPT_ALLOC_NEST_PARENT, &parent));
	ASSERT_EQ(0, guest_viommu_with_page(self->fd, self->dev, parent, &data,
					    &viommu));
	ASSERT_EQ(0, iommu_hw_queue_alloc(self->fd, viommu, IOSIM_HW_QUEUE_TYPE,
					  0, self->at, RING_SIZE, &id));
	SAYS(EBUSY, "hardware queue",
	     iommu_ioas_unmap(self->fd, child, SIM_AT, SIM_SIZE, NULL));
	SAYS(EBUSY, "hardware queue",
	     iommu_ioas_unmap(self->fd, sim->ioas, SIM_AT, SIM_SIZE, NULL));
	ASSERT_EQ(0, iommu_destroy(self->fd, id));
	EXPECT_EQ(0, iommu_ioas_unmap(self->fd, sim->ioas, SIM_AT, SIM_SIZE,
				      NULL));
}

TEST_F(hw_queue, wrong_memory)
{
	struct sim *sim = &self->sim;
	char *pages = mem_anon(2 * PAGE);
	uint32_t id;

	SAYS(ENOENT, "cannot be kept",
	     alloc(self, 0, ELSEWHERE, RING_SIZE, &id));
	EXPECT_EQ(-ENOENT, alloc(self, 0, SIM_AT + SIM_SIZE - RING_SIZE / 2,
				 RING_SIZE, &id));
	/* Two pages that are side by side the wrong way round */
	ASSERT_EQ(0, iommu_map_fixed(self->fd, sim->ioas, sim->buf + PAGE, PAGE,
				     IOMMU_RW, ELSEWHERE));
	ASSERT_EQ(0, iommu_map_fixed(self->fd, sim->ioas, sim->buf, PAGE,
				     IOMMU_RW, ELSEWHERE + PAGE));
	SAYS(EFAULT, "not in one piece",
	     alloc(self, 0, ELSEWHERE, 2 * PAGE, &id));
	/* What was tried does not keep it */
	EXPECT_EQ(0, iommu_ioas_unmap(self->fd, sim->ioas, ELSEWHERE, 2 * PAGE,
				      NULL));
	ASSERT_EQ(0, iommu_map_fixed(self->fd, sim->ioas, pages, PAGE, IOMMU_W,
				     ELSEWHERE));
	EXPECT_EQ(-EPERM, alloc(self, 0, ELSEWHERE, RING_SIZE, &id));
	EXPECT_EQ(0, iommu_ioas_unmap(self->fd, sim->ioas, ELSEWHERE, PAGE,
				      NULL));
	/* What the driver refuses is not kept, either */
	EXPECT_EQ(-EINVAL, alloc(self, 0, self->at, RING_SIZE - 1, &id));
	EXPECT_EQ(-EINVAL, alloc(self, 0, self->at + 8, RING_SIZE, &id));
	EXPECT_EQ(0, iommu_ioas_unmap(self->fd, sim->ioas, SIM_AT, SIM_SIZE,
				      NULL));
}

/* What a user can get wrong ------------------------------------------------ */

TEST_F(hw_queue, wrong_arguments)
{
	struct iommu_hw_queue_alloc cmd = {
		.size = sizeof(cmd),
		.viommu_id = self->viommu,
		.type = IOSIM_HW_QUEUE_TYPE,
		.nesting_parent_iova = self->at,
		.length = RING_SIZE,
	}, wrong;
	uint32_t plain, id;

#define REFUSED(error, field, value)					\
	do {								\
		wrong = cmd;						\
		wrong.field = value;					\
		EXPECT_EQ(-(error), iommu_cmd(self->fd,			\
					      IOMMU_HW_QUEUE_ALLOC,	\
					      &wrong));			\
	} while (0)

	REFUSED(EOPNOTSUPP, flags, 1);
	REFUSED(EOPNOTSUPP, type, IOMMU_HW_QUEUE_TYPE_DEFAULT);
	REFUSED(EOPNOTSUPP, type, 77);
	EXPECT_TRUE(reason_explains(self->fd, EOPNOTSUPP, "no hardware queues"));
	REFUSED(EINVAL, length, 0);
	REFUSED(EINVAL, length, 1 << 20);
	REFUSED(E2BIG, length, (1UL << 30) + 1);
	REFUSED(EOVERFLOW, nesting_parent_iova, UINT64_MAX);
	REFUSED(EOVERFLOW, length, UINT64_MAX);
	REFUSED(ENOENT, viommu_id, NO_SUCH_ID);
	REFUSED(ENOENT, viommu_id, self->parent);
	REFUSED(EINVAL, index, IOSIM_HW_QUEUES);
	REFUSED(EIO, index, 1);
	/* A vIOMMU without registers has no queues */
	ASSERT_EQ(0, guest_viommu(self->fd, self->dev, self->parent, &plain));
	REFUSED(EOPNOTSUPP, viommu_id, plain);
	ASSERT_EQ(0, alloc(self, 0, self->at, RING_SIZE, &id));
	REFUSED(EEXIST, index, 0);
}

/* One that its caller cannot be told of is not there: no other can depend on it. */
TEST_F(hw_queue, cannot_be_told)
{
	struct iommu_hw_queue_alloc *cmd = mem_anon(PAGE);
	struct hold_call call = {
		.fd = self->fd, .request = IOMMU_HW_QUEUE_ALLOC, .arg = cmd,
	};
	struct hold hold = { .page = cmd };
	struct uffdio_range range = { iommu_ptr(cmd), PAGE };
	uint32_t first, second;
	pthread_t thread;

	*cmd = (struct iommu_hw_queue_alloc) {
		.size = sizeof(*cmd), .viommu_id = self->viommu,
		.type = IOSIM_HW_QUEUE_TYPE, .nesting_parent_iova = self->at,
		.length = RING_SIZE,
	};
	hold.fd = hold_writes_open(hold.page);
	ASSERT_LE(0, hold.fd);
	ASSERT_EQ(0, pthread_create(&thread, NULL, hold_call_run, &call));
	ASSERT_TRUE(hold_wait(&hold, WAIT_MS));
	EXPECT_EQ(-EIO, alloc(self, 1, self->at + RING_SIZE, RING_SIZE, &second));
	ASSERT_EQ(0, mprotect(hold.page, PAGE, PROT_READ));
	ASSERT_EQ(0, ioctl(hold.fd, UFFDIO_WAKE, &range));
	pthread_join(thread, NULL);
	EXPECT_EQ(-EFAULT, call.rc);
	hold_close(&hold);
	ASSERT_EQ(0, alloc(self, 0, self->at, RING_SIZE, &first));
	ASSERT_EQ(0, alloc(self, 1, self->at + RING_SIZE, RING_SIZE, &second));
}

TEST_F(hw_queue, in_order)
{
	uint32_t first, second;

	ASSERT_EQ(0, alloc(self, 0, self->at, RING_SIZE, &first));
	ASSERT_EQ(0, alloc(self, 1, self->at + RING_SIZE, RING_SIZE, &second));
	SAYS(EBUSY, "depend on it", iommu_destroy(self->fd, first));
	EXPECT_EQ(-EBUSY, iommu_destroy(self->fd, self->viommu));
	EXPECT_EQ(0, iommu_destroy(self->fd, second));
	EXPECT_EQ(0, iommu_destroy(self->fd, first));
	ASSERT_EQ(0, alloc(self, 0, self->at, RING_SIZE, &first));
	ASSERT_EQ(0, alloc(self, 1, self->at + RING_SIZE, RING_SIZE, &second));
	/* The rest by closing the descriptor */
}

/* The registers ------------------------------------------------------------ */

static int try_mmap(int fd, uint64_t offset, size_t length, int prot, int flags)
{
	void *page = mmap(NULL, length, prot, flags, fd, offset);

	if (page == MAP_FAILED)
		return -errno;
	munmap(page, length);
	return 0;
}

#define RW (PROT_READ | PROT_WRITE)

TEST_F(hw_queue, mmap)
{
	uint64_t offset = self->data.out_mmap_offset;
	int other = iommu_open();
	struct iosim_viommu data;
	uint32_t viommu;

	ASSERT_LE(0, other);
	EXPECT_EQ(PAGE, self->data.out_mmap_length);
	EXPECT_EQ(0, try_mmap(self->fd, offset, PAGE, RW, MAP_SHARED));
	EXPECT_EQ(0, try_mmap(self->fd, offset, PAGE, PROT_READ, MAP_SHARED));
	EXPECT_EQ(-EINVAL, try_mmap(self->fd, offset, PAGE, RW, MAP_PRIVATE));
	EXPECT_EQ(-EPERM, try_mmap(self->fd, offset, PAGE,
				   PROT_READ | PROT_EXEC, MAP_SHARED));
	EXPECT_EQ(-EACCES, mprotect((void *)self->page, PAGE,
				    PROT_READ | PROT_EXEC) ? -errno : 0);
	EXPECT_EQ(-ENXIO, try_mmap(self->fd, 0, PAGE, RW, MAP_SHARED));
	EXPECT_EQ(-ENXIO, try_mmap(self->fd, offset + PAGE, PAGE, RW,
				   MAP_SHARED));
	EXPECT_EQ(-ENXIO, try_mmap(self->fd, offset, 2 * PAGE, RW, MAP_SHARED));
	/* Of another descriptor, with a vIOMMU of its own or not */
	EXPECT_EQ(-ENXIO, try_mmap(other, offset, PAGE, RW, MAP_SHARED));
	close(other);
	/* Of one that has gone: nobody else gets its offset */
	ASSERT_EQ(0, guest_viommu_with_page(self->fd, self->dev, self->parent,
					    &data, &viommu));
	EXPECT_NE(offset, data.out_mmap_offset);
	offset = data.out_mmap_offset;
	EXPECT_EQ(0, try_mmap(self->fd, offset, PAGE, RW, MAP_SHARED));
	ASSERT_EQ(0, iommu_destroy(self->fd, viommu));
	EXPECT_EQ(-ENXIO, try_mmap(self->fd, offset, PAGE, RW, MAP_SHARED));
	ASSERT_EQ(0, guest_viommu_with_page(self->fd, self->dev, self->parent,
					    &data, &viommu));
	EXPECT_NE(offset, data.out_mmap_offset);
	EXPECT_EQ(-ENXIO, try_mmap(self->fd, offset, PAGE, RW, MAP_SHARED));
}

TEST_F(hw_queue, mapped_is_in_use)
{
	struct iosim_viommu data;
	uint32_t viommu;
	char *page;

	ASSERT_EQ(0, guest_viommu_with_page(self->fd, self->dev, self->parent,
					    &data, &viommu));
	page = (char *)guest_viommu_page(self->fd, &data);
	ASSERT_NE(NULL, page);
	SAYS(EBUSY, "mapped by mmap()", iommu_destroy(self->fd, viommu));
	memset(page, 7, PAGE);
	/* Moved, it is still that */
	page = mremap(page, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED,
		      mmap(NULL, PAGE, PROT_NONE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	ASSERT_NE(MAP_FAILED, page);
	EXPECT_EQ(7, page[0]);
	EXPECT_EQ(-EBUSY, iommu_destroy(self->fd, viommu));
	EXPECT_EQ(MAP_FAILED, mremap(page, PAGE, 2 * PAGE, MREMAP_MAYMOVE));
	munmap(page, PAGE);
	EXPECT_EQ(0, iommu_destroy(self->fd, viommu));
}

/* The mapping is what is closed last. */
TEST_F(hw_queue, mapped_until_the_end)
{
	uint32_t id;

	ASSERT_EQ(0, alloc(self, 0, self->at, RING_SIZE, &id));
	engine_close(&self->sim.engine);
	close(self->fd);
	self->sim.fd = -1;
	push(self, RING, IOSIM_VIOMMU_RANGE, 0);
	EXPECT_EQ(0, wait_done(self));
	munmap((void *)self->page, PAGE);
	self->page = NULL;
}

/* Races -------------------------------------------------------------------- */

struct race {
	FIXTURE_DATA(hw_queue) *self;
	bool stop;
	int bad;
};

static void *unmap_it(void *data)
{
	struct race *race = data;
	FIXTURE_DATA(hw_queue) *self = race->self;
	struct sim *sim = &self->sim;
	int rc;

	while (!__atomic_load_n(&race->stop, __ATOMIC_ACQUIRE)) {
		rc = iommu_ioas_unmap(self->fd, sim->ioas, ELSEWHERE, GUEST_2M,
				      NULL);
		if (rc && rc != -EBUSY)
			race->bad = rc;
		rc = iommu_map_fixed(self->fd, sim->ioas, sim->buf, GUEST_2M,
				     IOMMU_RW, ELSEWHERE);
		if (rc && rc != -EEXIST)
			race->bad = rc;
	}
	return NULL;
}

/* Queues come and go while their memory is mapped and unmapped. */
TEST_F(hw_queue, races)
{
	struct race race = { .self = self };
	unsigned int made = 0, refused = 0;
	struct race_clock clock = {};
	pthread_t thread;
	uint32_t id;
	int rc;

	memset(self->sim.buf, 0, RING_SIZE);
	ASSERT_EQ(0, iommu_map_fixed(self->fd, self->sim.ioas, self->sim.buf,
				     GUEST_2M, IOMMU_RW, ELSEWHERE));
	ASSERT_EQ(0, pthread_create(&thread, NULL, unmap_it, &race));
	while (race_on(&clock, 2000, made && refused)) {
		rc = alloc(self, 0, ELSEWHERE, RING_SIZE, &id);
		if (!rc) {
			made++;
			self->page->queue[0].prod = RING;
			EXPECT_EQ(0, iommu_destroy(self->fd, id));
		} else if (rc == -ENOENT || rc == -EINVAL) {
			refused++;
		} else {
			EXPECT_EQ(0, rc);
		}
	}
	__atomic_store_n(&race.stop, true, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
	EXPECT_EQ(0, race.bad);
	EXPECT_LT(0, made);
	EXPECT_LT(0, refused);
}

SIM_HARNESS_MAIN
