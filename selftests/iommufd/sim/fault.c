// SPDX-License-Identifier: GPL-2.0-only
/*
 * Page requests: what a fault queue tells, and that a transfer goes on when it has
 * been answered. The same tests on page tables of the kernel's and of the user's, by
 * RID and by PASID. How requests end otherwise: fault_end.c.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "fault.h"
#include "iommu.h"
#include "kernel.h"
#include "mem.h"
#include "reason.h"
#include "sim.h"
#include "vfio.h"

#define PAGE SIM_PAGE
#define BITS 6
#define PRQ_SIZE 16
#define ATTRIBUTES "pasid_bits=6 pri=1 prq_size=16"
#define V 0x7f0000000000ULL
#define MANY 64
#define SUCCESS IOMMUFD_PAGE_RESP_SUCCESS
#define INVALID IOMMUFD_PAGE_RESP_INVALID

FIXTURE(fault)
{
	struct sim sim;
	struct fault_queue queue;
	uint32_t parent;
	uint32_t hwpt;
	uint64_t root;
	struct dma dma;
	uint64_t *words;
};

/* Pages of the memory appear, one by one, where there is nothing at first: */
struct place {
	int (*alloc)(FIXTURE_DATA(fault) *self, uint32_t pasid);
	int (*map)(FIXTURE_DATA(fault) *self, uint64_t iova, uint64_t offset,
		   bool write);
	int (*unmap)(FIXTURE_DATA(fault) *self, uint64_t iova);
	bool table;
};

/* in the IOAS; */
static int kernel_alloc(FIXTURE_DATA(fault) *self, uint32_t pasid)
{
	(void)pasid;
	return iommu_hwpt_alloc_fault(self->sim.fd, self->sim.engine.dev_id,
				      self->sim.ioas, 0, self->queue.id,
				      &self->hwpt);
}

static int kernel_map(FIXTURE_DATA(fault) *self, uint64_t iova, uint64_t offset,
		      bool write)
{
	return iommu_map_fixed(self->sim.fd, self->sim.ioas,
			       self->sim.buf + offset, PAGE,
			       write ? IOMMU_RW : IOMMU_R, iova);
}

static int kernel_unmap(FIXTURE_DATA(fault) *self, uint64_t iova)
{
	return iommu_ioas_unmap(self->sim.fd, self->sim.ioas, iova, PAGE, NULL);
}

static const struct place kernel = {
	.alloc = kernel_alloc,
	.map = kernel_map,
	.unmap = kernel_unmap,
};

/* in a first stage of the user's; */
static int nested_alloc(FIXTURE_DATA(fault) *self, uint32_t pasid)
{
	struct sim *sim = &self->sim;
	int rc;

	(void)pasid;
	rc = sim_parent_hwpt(sim, &self->parent);
	self->root = sim_guest_root(sim);
	return rc ?: guest_hwpt(sim->fd, sim->engine.dev_id, self->parent,
				self->root, self->queue.id, &self->hwpt);
}

static int nested_map(FIXTURE_DATA(fault) *self, uint64_t iova, uint64_t offset,
		      bool write)
{
	return guest_map(&self->sim.guest, self->root, iova, SIM_AT + offset,
			 PAGE, GUEST_4K, write ? GUEST_RW : GUEST_R);
}

static int nested_unmap(FIXTURE_DATA(fault) *self, uint64_t iova)
{
	int rc = guest_unmap(&self->sim.guest, self->root, iova, PAGE,
			     GUEST_4K);

	return rc ?: guest_invalidate(self->sim.fd, self->hwpt, iova, PAGE);
}

static const struct place nested = {
	.alloc = nested_alloc,
	.map = nested_map,
	.unmap = nested_unmap,
};

/* or in one that is in a PASID table of the user's. */
static int table_alloc(FIXTURE_DATA(fault) *self, uint32_t pasid)
{
	struct sim *sim = &self->sim;
	struct iosim_pasid_entry *table = guest_pasid_table(&sim->guest, BITS);
	int rc;

	rc = sim_parent_hwpt(sim, &self->parent);
	self->root = sim_guest_root(sim);
	table[pasid].root = self->root;
	table[pasid].flags = IOSIM_PASID_VALID | IOSIM_PASID_FIRST_STAGE;
	return rc ?: guest_hwpt_pasid_table(sim->fd, sim->engine.dev_id,
					    self->parent,
					    guest_gpa(&sim->guest, table), BITS,
					    self->queue.id, &self->hwpt);
}

static int table_unmap(FIXTURE_DATA(fault) *self, uint64_t iova)
{
	int rc = guest_unmap(&self->sim.guest, self->root, iova, PAGE,
			     GUEST_4K);

	return rc ?: guest_invalidate_pasid(self->sim.fd, self->hwpt,
					    IOSIM_INVALIDATE_ALL_PASIDS, 0,
					    iova, PAGE);
}

static const struct place table = {
	.alloc = table_alloc,
	.map = nested_map,
	.unmap = table_unmap,
	.table = true,
};

FIXTURE_VARIANT(fault)
{
	const struct place *place;
	uint32_t pasid;
};

FIXTURE_VARIANT_ADD(fault, kernel_rid)
{
	.place = &kernel,
};

FIXTURE_VARIANT_ADD(fault, kernel_pasid)
{
	.place = &kernel,
	.pasid = 3,
};

FIXTURE_VARIANT_ADD(fault, nested_rid)
{
	.place = &nested,
};

FIXTURE_VARIANT_ADD(fault, nested_pasid)
{
	.place = &nested,
	.pasid = 3,
};

FIXTURE_VARIANT_ADD(fault, table_rid)
{
	.place = &table,
};

FIXTURE_VARIANT_ADD(fault, table_pasid)
{
	.place = &table,
	.pasid = 3,
};

FIXTURE_SETUP(fault)
{
	struct sim *sim = &self->sim;
	int rc;

	NEED_SIM;
	ASSERT_EQ(0, sim_open(sim, ATTRIBUTES));
	ASSERT_EQ(0, fault_queue_open(sim->fd, &self->queue));
	ASSERT_EQ(0, variant->place->alloc(self, variant->pasid));
	if (variant->pasid && !variant->place->table)
		rc = iommu_pasid_attach(sim->fd, sim->engine.dev_id,
					variant->pasid, self->hwpt);
	else
		rc = sim_attach(sim, self->hwpt);
	ASSERT_EQ(0, rc);
	self->dma = sim_dma_pasid(sim, 0, variant->pasid ? variant->pasid :
						ENGINE_NO_PASID);
	self->dma.block = true;
	self->words = (uint64_t *)sim->buf;
}

FIXTURE_TEARDOWN(fault)
{
	close(self->queue.fd);
	EXPECT_EQ(0, sim_close(&self->sim));
}

#define MAP(iova, page) variant->place->map(self, iova, (page) * PAGE, true)
#define RESPOND(cookie, code) fault_respond(self->queue.fd, cookie, code)
#define READ(faults) fault_read_group(self->queue.fd, faults, PRQ_SIZE)
#define START_POKE(iova, value)						\
	do {								\
		struct iosim_desc _desc = dma_desc_fill(iova, 8, value); \
									\
		ASSERT_EQ(0, dma_start(&self->dma, &_desc));		\
	} while (0)

/* One request ---------------------------------------------------------------- */

TEST_F(fault, one_request)
{
	struct iommu_hwpt_pgfault fault[PRQ_SIZE];

	EXPECT_FALSE(fault_pending(self->queue.fd));
	START_POKE(V + 24, 0x1234);
	ASSERT_EQ(1, READ(fault));
	EXPECT_FALSE(fault_pending(self->queue.fd));
	EXPECT_EQ(IOMMU_PGFAULT_FLAGS_LAST_PAGE |
		  (variant->pasid ? IOMMU_PGFAULT_FLAGS_PASID_VALID : 0),
		  fault->flags);
	EXPECT_EQ(self->sim.engine.dev_id, fault->dev_id);
	EXPECT_EQ(variant->pasid, fault->pasid);
	EXPECT_EQ(IOMMU_PGFAULT_PERM_WRITE, fault->perm);
	EXPECT_EQ(V, fault->addr & ~(PAGE - 1));
	EXPECT_EQ(0, fault->__reserved);

	/* Nothing happens until there is an answer */
	EXPECT_EQ(0, self->dma.done->status);
	EXPECT_EQ(1, engine_read32(&self->sim.engine, IOSIM_REG_BUSY));
	ASSERT_EQ(0, MAP(V, 5));
	ASSERT_EQ(0, RESPOND(fault->cookie, SUCCESS));
	EXPECT_EQ(0, dma_wait(&self->dma));
	EXPECT_EQ(0x1234, self->words[5 * PAGE / 8 + 3]);
	/* What is there is not asked for */
	EXPECT_EQ(0, dma_poke(&self->dma, V + 32, 1));
	EXPECT_FALSE(fault_pending(self->queue.fd));
}

TEST_F(fault, to_read)
{
	struct iommu_hwpt_pgfault fault[PRQ_SIZE];
	struct iosim_desc desc = {
		.op = IOSIM_OP_CHASE,
		.src = V,
		.length = 1,
	};

	self->words[0] = 77;
	ASSERT_EQ(0, dma_start(&self->dma, &desc));
	ASSERT_EQ(1, READ(fault));
	EXPECT_EQ(IOMMU_PGFAULT_PERM_READ, fault->perm);
	ASSERT_EQ(0, variant->place->map(self, V, 0, false));
	ASSERT_EQ(0, RESPOND(fault->cookie, SUCCESS));
	EXPECT_EQ(0, dma_wait(&self->dma));
	EXPECT_EQ(77, self->dma.result);
}

/* A page that is there, but not to be written: that is asked for, too. */
TEST_F(fault, permission)
{
	struct iommu_hwpt_pgfault fault[PRQ_SIZE];

	ASSERT_EQ(0, variant->place->map(self, V, 0, false));
	ASSERT_EQ(0, dma_peek(&self->dma, V, NULL));
	START_POKE(V, 8);
	ASSERT_EQ(1, READ(fault));
	EXPECT_EQ(IOMMU_PGFAULT_PERM_WRITE,
		  fault->perm & IOMMU_PGFAULT_PERM_WRITE);
	ASSERT_EQ(0, variant->place->unmap(self, V));
	ASSERT_EQ(0, MAP(V, 0));
	ASSERT_EQ(0, RESPOND(fault->cookie, SUCCESS));
	EXPECT_EQ(0, dma_wait(&self->dma));
	EXPECT_EQ(8, self->words[0]);
}

TEST_F(fault, refused)
{
	struct iommu_hwpt_pgfault fault[PRQ_SIZE];

	START_POKE(V + PAGE, 1);
	ASSERT_EQ(1, READ(fault));
	ASSERT_EQ(0, RESPOND(fault->cookie, INVALID));
	EXPECT_EQ(IOSIM_REASON_REQUEST_FAILED, dma_wait(&self->dma));
	EXPECT_EQ(V + PAGE, self->dma.addr);
	/* The next time is another time */
	START_POKE(V + PAGE, 2);
	ASSERT_EQ(1, READ(fault));
	ASSERT_EQ(0, MAP(V + PAGE, 0));
	ASSERT_EQ(0, RESPOND(fault->cookie, SUCCESS));
	EXPECT_EQ(0, dma_wait(&self->dma));
	EXPECT_EQ(2, self->words[0]);
}

/* "It is there" when it is not: the device asks again. */
TEST_F(fault, answered_without_having_done_it)
{
	struct iommu_hwpt_pgfault fault[PRQ_SIZE];
	int i;

	START_POKE(V, 1);
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(1, READ(fault));
		ASSERT_EQ(0, RESPOND(fault->cookie, SUCCESS));
	}
	ASSERT_EQ(1, READ(fault));
	ASSERT_EQ(0, MAP(V, 0));
	ASSERT_EQ(0, RESPOND(fault->cookie, SUCCESS));
	EXPECT_EQ(0, dma_wait(&self->dma));
}

/* Who does not ask, faults; nobody is asked. */
TEST_F(fault, not_blocking)
{
	self->dma.block = false;
	EXPECT_EQ(IOSIM_REASON_NOT_PRESENT, dma_poke(&self->dma, V, 1));
	EXPECT_FALSE(fault_pending(self->queue.fd));
}

/* Groups --------------------------------------------------------------------- */

/* All that a prefetch lacks is one group, with one answer. */
TEST_F(fault, group)
{
	enum { N = 8 };
	struct iommu_hwpt_pgfault fault[PRQ_SIZE];
	struct iosim_desc desc = {
		.op = IOSIM_OP_PREFETCH,
		.flags = IOSIM_DESC_WRITE,
		.src = V,
		.length = N * PAGE,
	};
	unsigned int seen = 0;
	int i;

	ASSERT_EQ(0, MAP(V + 2 * PAGE, 2));
	ASSERT_EQ(0, dma_start(&self->dma, &desc));
	ASSERT_EQ(N - 1, READ(fault));
	for (i = 0; i < N - 1; i++) {
		EXPECT_EQ(fault[0].grpid, fault[i].grpid);
		EXPECT_EQ(variant->pasid, fault[i].pasid);
		ASSERT_GT(N, (fault[i].addr - V) / PAGE);
		seen |= 1U << (fault[i].addr - V) / PAGE;
		ASSERT_EQ(0, MAP(fault[i].addr & ~(PAGE - 1),
				 (fault[i].addr - V) / PAGE));
	}
	EXPECT_EQ(0xfb, seen);
	ASSERT_EQ(0, RESPOND(fault[N - 2].cookie, SUCCESS));
	EXPECT_EQ(0, dma_wait(&self->dma));
	for (i = 0; i < N; i++) {
		EXPECT_EQ(0, dma_check(&self->dma, V + i * PAGE,
				       &self->words[i * PAGE / 8]));
	}
	EXPECT_FALSE(fault_pending(self->queue.fd));
}

TEST_F(fault, too_many_requests)
{
	int64_t overflows = iosim_counter(SIM_NAME, "page_request_overflows");
	struct iosim_desc desc = {
		.op = IOSIM_OP_PREFETCH,
		.src = V,
		.length = (PRQ_SIZE + 1) * PAGE,
	};

	EXPECT_EQ(IOSIM_REASON_REQUEST_OVERFLOW, dma_run(&self->dma, &desc));
	EXPECT_LT(overflows, iosim_counter(SIM_NAME, "page_request_overflows"));
	EXPECT_FALSE(fault_pending(self->queue.fd));
}

/* Many at a time, answered in the opposite order. */
TEST_F(fault, several_groups)
{
	enum { N = 6 };
	struct iommu_hwpt_page_response response[N];
	struct iommu_hwpt_pgfault fault[N];
	struct dma dma[N];
	int i, got, nr = 0;

	for (i = 0; i < N; i++) {
		struct iosim_desc desc = dma_desc_fill(V + i * PAGE, 8, i + 1);

		dma[i] = sim_dma_pasid(&self->sim, i, self->dma.pasid);
		dma[i].block = true;
		ASSERT_EQ(0, dma_start(&dma[i], &desc));
	}
	while (nr < N) {
		ASSERT_EQ(0, fault_wait(self->queue.fd));
		got = fault_read(self->queue.fd, fault + nr, N - nr);
		ASSERT_LT(0, got);
		nr += got;
	}
	for (i = 0; i < N; i++) {
		ASSERT_EQ(0, MAP(fault[i].addr & ~(PAGE - 1),
				 (fault[i].addr - V) / PAGE));
		response[N - 1 - i].cookie = fault[i].cookie;
		response[N - 1 - i].code = SUCCESS;
	}
	/* Some at once, and the rest */
	ASSERT_EQ(2 * sizeof(*response),
		  write(self->queue.fd, response, 2 * sizeof(*response)));
	ASSERT_EQ((N - 2) * sizeof(*response),
		  write(self->queue.fd, response + 2,
			(N - 2) * sizeof(*response)));
	for (i = 0; i < N; i++) {
		EXPECT_EQ(0, dma_wait(&dma[i]));
		EXPECT_EQ(i + 1, self->words[i * PAGE / 8]);
	}
}

TEST_F(fault, cookies)
{
	struct iommu_hwpt_pgfault fault[PRQ_SIZE];

	EXPECT_EQ(-EINVAL, RESPOND(0, SUCCESS));
	EXPECT_EQ(-EINVAL, RESPOND(0x7fffffff, SUCCESS));
	START_POKE(V, 1);
	ASSERT_EQ(0, fault_wait(self->queue.fd));
	ASSERT_EQ(1, READ(fault));
	EXPECT_EQ(-EINVAL, RESPOND(fault->cookie + 1, SUCCESS));
	EXPECT_EQ(-EINVAL, RESPOND(fault->cookie, 2));
	EXPECT_EQ(-EINVAL, RESPOND(fault->cookie, UINT32_MAX));
	EXPECT_EQ(1, engine_read32(&self->sim.engine, IOSIM_REG_BUSY));
	ASSERT_EQ(0, MAP(V, 0));
	ASSERT_EQ(0, RESPOND(fault->cookie, SUCCESS));
	EXPECT_EQ(-EINVAL, RESPOND(fault->cookie, SUCCESS));
	EXPECT_EQ(0, dma_wait(&self->dma));
}

/* On demand ------------------------------------------------------------------ */

/* A pager: maps what is asked for, and nothing else, until it is told to stop. */
struct pager {
	FIXTURE_DATA(fault) *self;
	const struct place *place;
	/* Addresses that there can be */
	uint64_t first;
	uint64_t pages;
	unsigned int mapped;
	bool stop;
	int rc;
};

static int page_in(struct pager *pager, const struct iommu_hwpt_pgfault *fault)
{
	uint64_t page = (fault->addr - pager->first) / PAGE;

	if (fault->addr < pager->first || page >= pager->pages)
		return -ERANGE;
	pager->mapped++;
	return pager->place->map(pager->self, pager->first + page * PAGE,
				 page * PAGE, true);
}

static void *pager_run(void *arg)
{
	struct pager *pager = arg;
	struct iommu_hwpt_pgfault fault[PRQ_SIZE];
	int fd = pager->self->queue.fd, i, nr;

	while (!__atomic_load_n(&pager->stop, __ATOMIC_ACQUIRE)) {
		nr = fault_read(fd, fault, PRQ_SIZE);
		if (nr <= 0 && !pager->rc) {
			usleep(50);
			continue;
		}
		for (i = 0; i < nr && !pager->rc; i++) {
			pager->rc = page_in(pager, &fault[i]);
			if (!pager->rc &&
			    fault[i].flags & IOMMU_PGFAULT_FLAGS_LAST_PAGE)
				pager->rc = fault_respond(fd, fault[i].cookie,
							  SUCCESS);
		}
		if (pager->rc)
			break;
	}
	return NULL;
}

/* Memory is mapped when the device asks for it, and the transfer completes. */
TEST_F(fault, on_demand)
{
	struct pager pager = {
		.self = self,
		.place = variant->place,
		.first = V,
		.pages = 2 * MANY,
	};
	char *buf = self->sim.buf;
	int64_t requests;
	pthread_t thread;

	mem_fill(buf, MANY * PAGE, 1);
	memset(buf + MANY * PAGE, 0, MANY * PAGE);
	requests = iosim_counter(SIM_NAME, "page_requests");
	ASSERT_EQ(0, pthread_create(&thread, NULL, pager_run, &pager));
	EXPECT_EQ(0, dma_copy(&self->dma, V + 100, V + MANY * PAGE + 100,
			      (MANY - 1) * PAGE));
	EXPECT_EQ(2 * MANY, pager.mapped);
	EXPECT_EQ(requests + 2 * MANY,
		  iosim_counter(SIM_NAME, "page_requests"));
	EXPECT_EQ(iosim_counter(SIM_NAME, "page_requests"),
		  iosim_counter(SIM_NAME, "page_responses"));
	EXPECT_EQ(0, memcmp(buf + 100, buf + MANY * PAGE + 100,
			    (MANY - 1) * PAGE));
	/* The second time all is there */
	EXPECT_EQ(0, dma_copy(&self->dma, V, V + MANY * PAGE, MANY * PAGE));
	EXPECT_EQ(2 * MANY, pager.mapped);
	__atomic_store_n(&pager.stop, true, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
	EXPECT_EQ(0, pager.rc);
}

/* Memory that has been taken away is asked for again. */
TEST_F(fault, taken_away)
{
	struct pager pager = {
		.self = self,
		.place = variant->place,
		.first = V,
		.pages = MANY,
	};
	pthread_t thread;
	int i;

	ASSERT_EQ(0, pthread_create(&thread, NULL, pager_run, &pager));
	for (i = 0; i < 20; i++) {
		EXPECT_EQ(0, dma_poke(&self->dma, V + (i % 3) * PAGE, i));
		EXPECT_EQ(i, self->words[(i % 3) * PAGE / 8]);
		ASSERT_EQ(0, variant->place->unmap(self, V + (i % 3) * PAGE));
	}
	EXPECT_EQ(20, pager.mapped);
	__atomic_store_n(&pager.stop, true, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
	EXPECT_EQ(0, pager.rc);
}

/* The end of a device with a request, for each kind of page table. */
TEST_F(fault, detached)
{
	struct iommu_hwpt_pgfault fault[PRQ_SIZE];
	struct sim *sim = &self->sim;
	int rc;

	START_POKE(V, 1);
	ASSERT_EQ(1, READ(fault));
	if (variant->pasid && !variant->place->table)
		rc = iommu_pasid_detach(sim->fd, sim->engine.dev_id,
					variant->pasid);
	else
		rc = vfio_detach(sim->engine.fd);
	EXPECT_EQ(0, rc);
	EXPECT_EQ(0, engine_wait_idle(&sim->engine));
	EXPECT_EQ(-EINVAL, RESPOND(fault->cookie, SUCCESS));
	EXPECT_FALSE(fault_pending(self->queue.fd));
	EXPECT_EQ(0, iommu_destroy(sim->fd, self->hwpt));
}

TEST_F(fault, queue_closed)
{
	struct iommu_hwpt_pgfault fault[PRQ_SIZE];

	START_POKE(V, 1);
	ASSERT_EQ(1, READ(fault));
	close(self->queue.fd);
	EXPECT_EQ(IOSIM_REASON_REQUEST_FAILED, dma_wait(&self->dma));
	/* Nobody is there to ask */
	EXPECT_EQ(IOSIM_REASON_REQUEST_FAILED, dma_poke(&self->dma, V, 1));
	ASSERT_EQ(0, MAP(V, 0));
	EXPECT_EQ(0, dma_poke(&self->dma, V, 1));
	self->queue.fd = -1;
}

/* Two PASIDs, and the RID, with one queue: it says who. */
TEST_F(fault, who)
{
	struct iommu_hwpt_pgfault fault[PRQ_SIZE];
	struct sim *sim = &self->sim;
	struct dma dma;
	uint32_t pasid;

	/* A PASID table cannot be on several */
	if (variant->place->table)
		return;
	for (pasid = 7; pasid < 10; pasid++) {
		struct iosim_desc desc = dma_desc_fill(V + pasid * PAGE, 8, 1);

		ASSERT_EQ(0, iommu_pasid_attach(sim->fd, sim->engine.dev_id,
						pasid, self->hwpt));
		dma = sim_dma_pasid(sim, pasid, pasid);
		dma.block = true;
		ASSERT_EQ(0, dma_start(&dma, &desc));
		ASSERT_EQ(1, READ(fault));
		EXPECT_EQ(pasid, fault->pasid);
		EXPECT_TRUE(fault->flags & IOMMU_PGFAULT_FLAGS_PASID_VALID);
		EXPECT_EQ(V + pasid * PAGE, fault->addr & ~(PAGE - 1));
		ASSERT_EQ(0, MAP(V + pasid * PAGE, pasid));
		ASSERT_EQ(0, RESPOND(fault->cookie, SUCCESS));
		EXPECT_EQ(0, dma_wait(&dma));
	}
	EXPECT_EQ(0, dma_check(&self->dma, V + 8 * PAGE,
			       &self->words[8 * PAGE / 8]));
}

/* Page tables with a queue are not for devices that cannot ask. */
TEST(device_without)
{
	struct fault_queue queue;
	struct engine other;
	struct dma dma;
	uint32_t hwpt;
	struct sim sim;

	NEED_SIM;
	ASSERT_EQ(0, sim_open(&sim, ATTRIBUTES));
	EXPECT_NE(0, iommu_extension(sim.fd, IOASID_EXT_FAULT_ANY));
	ASSERT_EQ(0, fault_queue_open(sim.fd, &queue));
	ASSERT_EQ(0, iommu_hwpt_alloc_fault(sim.fd, sim.engine.dev_id, sim.ioas,
					    0, queue.id, &hwpt));
	ASSERT_EQ(0, sim_add(&sim, "other", "pasid_bits=6", &other));
	EXPECT_EQ(-ENODEV, vfio_attach(other.fd, hwpt, NULL));
	EXPECT_EQ(-ENODEV, iommu_pasid_attach(sim.fd, other.dev_id, 1,
						  hwpt));
	/* A device that asks nevertheless is refused */
	ASSERT_EQ(0, vfio_attach(other.fd, sim.ioas, NULL));
	dma = sim_dma(&sim, 0);
	dma.engine = &other;
	dma.block = true;
	EXPECT_LT(0, dma_poke(&dma, V, 1));
	EXPECT_FALSE(fault_pending(queue.fd));
	close(queue.fd);
	ASSERT_EQ(0, sim_remove("other", &other));
	EXPECT_EQ(0, sim_close(&sim));
}

/* Nor, for a while, are they for one that has not stopped since it was attached last. */
TEST(device_not_stopped)
{
	struct fault_queue queue;
	uint32_t hwpt;
	struct sim sim;

	NEED_SIM;
	ASSERT_EQ(0, sim_open(&sim, ATTRIBUTES));
	ASSERT_EQ(0, fault_queue_open(sim.fd, &queue));
	ASSERT_EQ(0, iommu_hwpt_alloc_fault(sim.fd, sim.engine.dev_id, sim.ioas,
					    0, queue.id, &hwpt));
	ASSERT_EQ(0, iosim_set(SIM_NAME, "pri_busy", kernel_is_old() ? "3" : "2"));
	/* It is asked by enabling them, and can all the same. */
	EXPECT_TRUE(fault_is_told(sim.fd, sim.engine.dev_id));
	EXPECT_EQ(-EBUSY, vfio_attach(sim.engine.fd, hwpt, NULL));
	/* Later the IOMMU driver enables them, and iommufd says less. */
	if (kernel_is_old())
		EXPECT_TRUE(reason_explains(sim.fd, EBUSY, "has not ended yet"));
	EXPECT_EQ(-EBUSY, iommu_pasid_attach(sim.fd, sim.engine.dev_id, 1,
					     hwpt));
	ASSERT_EQ(0, vfio_attach(sim.engine.fd, hwpt, NULL));
	EXPECT_EQ(0, vfio_detach(sim.engine.fd));
	close(queue.fd);
	EXPECT_EQ(0, sim_close(&sim));
}

/*
 * Nor, on 6.12, for one that shares its group: its requests would be taken for as long as
 * another one is attached to such a page table, and it may be detached before. The first
 * works as before, also when it is alone again.
 */
TEST(device_in_a_group)
{
	struct fault_queue queue;
	struct engine other;
	uint32_t hwpt;
	struct sim sim;

	NEED_SIM;
	if (!kernel_is_old())
		SKIP(return, "the IOMMU driver enables page requests itself");
	ASSERT_EQ(0, sim_open(&sim, ATTRIBUTES));
	ASSERT_EQ(0, fault_queue_open(sim.fd, &queue));
	ASSERT_EQ(0, iommu_hwpt_alloc_fault(sim.fd, sim.engine.dev_id, sim.ioas,
					    0, queue.id, &hwpt));
	ASSERT_EQ(0, iommu_pasid_attach(sim.fd, sim.engine.dev_id, 1, hwpt));
	ASSERT_EQ(0, sim_add(&sim, "other", ATTRIBUTES " group=" SIM_NAME,
			     &other));
	EXPECT_EQ(-EXDEV, iommu_pasid_attach(sim.fd, other.dev_id, 1, hwpt));
	EXPECT_TRUE(reason_explains(sim.fd, EXDEV, "others in its IOMMU group"));
	EXPECT_EQ(-EXDEV, iommu_pasid_attach(sim.fd, sim.engine.dev_id, 2,
					     hwpt));
	EXPECT_FALSE(fault_is_told(sim.fd, other.dev_id));
	EXPECT_FALSE(fault_is_told(sim.fd, sim.engine.dev_id));
	EXPECT_EQ(0, iommu_pasid_attach(sim.fd, other.dev_id, 2, sim.ioas));
	EXPECT_EQ(0, iommu_pasid_detach(sim.fd, sim.engine.dev_id, 1));
	ASSERT_EQ(0, sim_remove("other", &other));
	EXPECT_TRUE(fault_is_told(sim.fd, sim.engine.dev_id));
	EXPECT_EQ(0, iommu_pasid_attach(sim.fd, sim.engine.dev_id, 2, hwpt));
	EXPECT_EQ(0, iommu_pasid_detach(sim.fd, sim.engine.dev_id, 2));
	close(queue.fd);
	EXPECT_EQ(0, sim_close(&sim));
}

SIM_HARNESS_MAIN
