// SPDX-License-Identifier: GPL-2.0-only
/*
 * Shared virtual addressing in a guest, from end to end: what a VMM with a virtual
 * IOMMU and its guest do so that a process of the guest can give its own pointers to
 * a device.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "fault.h"
#include "iommu.h"
#include "mem.h"
#include "sim.h"
#include "vfio.h"

#define PAGE SIM_PAGE
#define ATTRIBUTES "pasid_bits=8 pri=1"
/* Where processes of the guest have their memory */
#define HEAP 0x550000000000ULL
#define SUCCESS IOMMUFD_PAGE_RESP_SUCCESS
#define INVALID IOMMUFD_PAGE_RESP_INVALID
#define MIB (1UL << 20)

/* A process of the guest: page tables, a PASID, and what the VMM has made of it. */
struct process {
	uint32_t pasid;
	uint64_t root;
	uint32_t hwpt;
	struct dma dma;
};

/* A guest with two processes; its physical memory is the IOAS. */
FIXTURE(sva)
{
	struct sim sim;
	struct fault_queue queue;
	uint32_t parent;
	struct process process[2];
};

static int process_start(FIXTURE_DATA(sva) *self, struct process *process,
			 uint32_t pasid)
{
	struct sim *sim = &self->sim;
	int rc;

	process->pasid = pasid;
	process->root = sim_guest_root(sim);
	process->dma = sim_dma_pasid(sim, pasid, pasid);
	process->dma.block = true;
	rc = guest_hwpt(sim->fd, sim->engine.dev_id, self->parent,
			process->root, self->queue.id, &process->hwpt);
	return rc ?: iommu_pasid_attach(sim->fd, sim->engine.dev_id, pasid,
					process->hwpt);
}

FIXTURE_SETUP(sva)
{
	struct sim *sim = &self->sim;
	int i;

	NEED_SIM;
	ASSERT_EQ(0, sim_open(sim, ATTRIBUTES));
	ASSERT_EQ(0, sim_parent_hwpt(sim, &self->parent));
	ASSERT_EQ(0, fault_queue_open(sim->fd, &self->queue));
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, process_start(self, &self->process[i], 10 + i));
	}
	/* The guest's kernel drives the device by RID, guest-physically */
	ASSERT_EQ(0, sim_attach(sim, self->parent));
}

FIXTURE_TEARDOWN(sva)
{
	close(self->queue.fd);
	EXPECT_EQ(0, sim_close(&self->sim));
}

/* Page @page of the guest's memory becomes a page of a process. */
static int map(struct sim *sim, const struct process *process, uint64_t va,
	       unsigned int page)
{
	return guest_map(&sim->guest, process->root, va, SIM_AT + page * PAGE,
			 PAGE, GUEST_4K, GUEST_RW);
}

static int unmap(struct sim *sim, const struct process *process, uint64_t va)
{
	return guest_unmap(&sim->guest, process->root, va, PAGE, GUEST_4K);
}

static char *page_at(const struct sim *sim, unsigned int page)
{
	return sim->buf + page * PAGE;
}

TEST_F(sva, scenario)
{
	struct process *process = &self->process[0];
	struct dma *dma = &process->dma, kernel = sim_dma(&self->sim, 0);
	struct iosim_desc copy = dma_desc_copy(HEAP, HEAP + PAGE, PAGE);
	struct iommu_hwpt_pgfault fault[4];
	struct sim *sim = &self->sim;
	uint64_t seen;

	/* A process has a page, and gives its address to the device */
	ASSERT_EQ(0, map(sim, process, HEAP, 3));
	mem_fill(page_at(sim, 3), PAGE, 1);
	memset(page_at(sim, 4), 0, PAGE);
	ASSERT_EQ(0, dma_start(dma, &copy));

	/* The destination has never been touched: the guest is asked for it */
	ASSERT_EQ(1, fault_read_group(self->queue.fd, fault, 4));
	EXPECT_EQ(sim->engine.dev_id, fault->dev_id);
	EXPECT_EQ(process->pasid, fault->pasid);
	EXPECT_EQ(HEAP + PAGE, fault->addr & ~(PAGE - 1));
	EXPECT_EQ(IOMMU_PGFAULT_PERM_WRITE, fault->perm);
	EXPECT_EQ(0, dma->done->status);

	/* It fixes its table and answers; the transfer completes */
	ASSERT_EQ(0, map(sim, process, HEAP + PAGE, 4));
	ASSERT_EQ(0, fault_respond(self->queue.fd, fault->cookie, SUCCESS));
	ASSERT_EQ(0, dma_wait(dma));
	EXPECT_EQ(-1, mem_check(page_at(sim, 4), PAGE, 1));

	/* Another process has other memory at that address: none */
	ASSERT_EQ(0, dma_start(&self->process[1].dma, &copy));
	ASSERT_EQ(1, fault_read_group(self->queue.fd, fault, 4));
	EXPECT_EQ(self->process[1].pasid, fault->pasid);
	ASSERT_EQ(0, fault_respond(self->queue.fd, fault->cookie, INVALID));
	EXPECT_EQ(IOSIM_REASON_REQUEST_FAILED, dma_wait(&self->process[1].dma));

	/* The guest's kernel moves the page: copy, change, invalidate */
	memcpy(page_at(sim, 5), page_at(sim, 3), PAGE);
	*(uint64_t *)page_at(sim, 5) = 0x5555;
	ASSERT_EQ(0, map(sim, process, HEAP, 5));
	ASSERT_EQ(0, guest_invalidate(sim->fd, process->hwpt, HEAP, PAGE));
	ASSERT_EQ(0, dma_peek(dma, HEAP, &seen));
	EXPECT_EQ(0x5555, seen);

	/* The process unmaps it. Until that is invalidated the device has it */
	ASSERT_EQ(0, unmap(sim, process, HEAP));
	EXPECT_EQ(0, dma_peek(dma, HEAP, &seen));
	ASSERT_EQ(0, guest_invalidate(sim->fd, process->hwpt, HEAP, PAGE));
	ASSERT_EQ(0, dma_start(dma, &copy));
	ASSERT_EQ(1, fault_read_group(self->queue.fd, fault, 4));
	EXPECT_EQ(HEAP, fault->addr & ~(PAGE - 1));
	EXPECT_EQ(IOMMU_PGFAULT_PERM_READ, fault->perm);
	ASSERT_EQ(0, fault_respond(self->queue.fd, fault->cookie, INVALID));
	EXPECT_EQ(IOSIM_REASON_REQUEST_FAILED, dma_wait(dma));
	EXPECT_EQ(HEAP, dma->addr);

	/* The process exits; the guest's kernel still has the device */
	ASSERT_EQ(0, iommu_pasid_detach(sim->fd, sim->engine.dev_id,
					process->pasid));
	EXPECT_EQ(-ENODATA, dma_peek(dma, HEAP + PAGE, NULL));
	EXPECT_EQ(0, iommu_destroy(sim->fd, process->hwpt));
	EXPECT_EQ(0, dma_check(&kernel, SIM_AT, sim->buf));
}

/* A list that lives on the heap of a process, followed by the device. */
TEST_F(sva, pointers)
{
	enum { N = 200, PAGES = 16 };
	struct process *process = &self->process[1];
	struct iosim_desc chase = {
		.op = IOSIM_OP_CHASE,
		.src = HEAP,
		.length = N,
	};
	struct sim *sim = &self->sim;
	uint64_t at = 0, next;
	int i;

	for (i = 0; i < PAGES; i++) {
		ASSERT_EQ(0, map(sim, process, HEAP + i * PAGE, PAGES - i));
	}
	for (i = 0; i < N; i++) {
		next = (i + 1) * 7 % PAGES * PAGE + i * 8 + 8;
		*(uint64_t *)(page_at(sim, PAGES - at / PAGE) + at % PAGE) =
			i == N - 1 ? 0xe0d : HEAP + next;
		at = next;
	}
	ASSERT_EQ(0, dma_run(&process->dma, &chase));
	EXPECT_EQ(0xe0d, process->dma.result);
}

/* More memory than there is ---------------------------------------------------- */

/*
 * A guest's kernel that has half as much memory as its process uses: a page that the
 * device asks for takes the place of another one, whose contents go to swap. If a
 * write came after the invalidation, it would be lost.
 */
#define SWAP_PAGES 32
#define FRAMES 16
#define NR_CHANNELS 4
#define WRITES 60

struct memory {
	struct sim *sim;
	struct process *process;
	int queue;
	char *swap;
	/* Which page is in a frame, or -1 */
	int page[FRAMES];
	unsigned int hand;
	unsigned int evictions;
	bool stop;
	int rc;
};

static int evict(struct memory *memory, unsigned int frame)
{
	uint64_t va = HEAP + memory->page[frame] * PAGE;
	int rc;

	if (memory->page[frame] < 0)
		return 0;
	rc = unmap(memory->sim, memory->process, va);
	if (!rc)
		rc = guest_invalidate(memory->sim->fd, memory->process->hwpt,
				      va, PAGE);
	memcpy(memory->swap + memory->page[frame] * PAGE,
	       page_at(memory->sim, frame), PAGE);
	memory->page[frame] = -1;
	memory->evictions++;
	return rc;
}

static bool is_in(const struct memory *memory, int page)
{
	unsigned int i;

	for (i = 0; i < FRAMES; i++)
		if (memory->page[i] == page)
			return true;
	return false;
}

static int bring_in(struct memory *memory, uint64_t va)
{
	int page = (va - HEAP) / PAGE, frame = memory->hand++ % FRAMES, rc;

	/* Several descriptors may have asked for it */
	if (is_in(memory, page))
		return 0;
	rc = evict(memory, frame);
	if (rc)
		return rc;
	memcpy(page_at(memory->sim, frame), memory->swap + page * PAGE, PAGE);
	memory->page[frame] = page;
	return map(memory->sim, memory->process, HEAP + page * PAGE, frame);
}

static void *memory_run(void *arg)
{
	struct iommu_hwpt_pgfault fault[8];
	struct memory *memory = arg;
	int nr, i;

	while (!__atomic_load_n(&memory->stop, __ATOMIC_ACQUIRE) &&
	       !memory->rc) {
		nr = fault_read(memory->queue, fault, 8);
		if (nr <= 0)
			usleep(50);
		for (i = 0; i < nr && !memory->rc; i++) {
			memory->rc = bring_in(memory, fault[i].addr);
			if (!memory->rc)
				memory->rc = fault_respond(memory->queue,
							   fault[i].cookie,
							   SUCCESS);
		}
	}
	return NULL;
}

/* Each channel has a word of its own in each page, and counts there. */
struct channel {
	struct dma dma;
	unsigned int nr;
	uint64_t last[SWAP_PAGES];
	int rc;
};

static void *channel_run(void *arg)
{
	struct channel *channel = arg;
	uint64_t state = channel->nr + 1;
	unsigned int i, page;

	for (i = 1; i <= WRITES && !channel->rc; i++) {
		state = state * 6364136223846793005 + 1442695040888963407;
		page = (state >> 33) % SWAP_PAGES;
		channel->rc = dma_poke(&channel->dma, HEAP + page * PAGE +
				       channel->nr * 8, i);
		channel->last[page] = i;
	}
	return NULL;
}

TEST_F(sva, less_memory_than_is_used)
{
	struct channel channel[NR_CHANNELS] = {};
	struct memory memory = {
		.sim = &self->sim,
		.process = &self->process[0],
		.queue = self->queue.fd,
	};
	pthread_t thread[NR_CHANNELS], pager;
	unsigned int i, page;

	memory.swap = calloc(SWAP_PAGES, PAGE);
	ASSERT_NE(NULL, memory.swap);
	memset(memory.page, -1, sizeof(memory.page));
	ASSERT_EQ(0, pthread_create(&pager, NULL, memory_run, &memory));
	for (i = 0; i < NR_CHANNELS; i++) {
		channel[i].dma = sim_dma_pasid(&self->sim, i,
					       self->process[0].pasid);
		channel[i].dma.block = true;
		channel[i].nr = i;
		ASSERT_EQ(0, pthread_create(&thread[i], NULL, channel_run,
					    &channel[i]));
	}
	for (i = 0; i < NR_CHANNELS; i++) {
		pthread_join(thread[i], NULL);
		EXPECT_EQ(0, channel[i].rc);
	}
	__atomic_store_n(&memory.stop, true, __ATOMIC_RELEASE);
	pthread_join(pager, NULL);
	EXPECT_EQ(0, memory.rc);
	EXPECT_LT(FRAMES, memory.evictions);
	for (i = 0; i < FRAMES; i++) {
		EXPECT_EQ(0, evict(&memory, i));
	}
	for (i = 0; i < NR_CHANNELS; i++) {
		for (page = 0; page < SWAP_PAGES; page++) {
			uint64_t *words = (uint64_t *)(memory.swap +
						       page * PAGE);

			EXPECT_EQ(channel[i].last[page], words[i]);
		}
	}
}

/* How long it takes -------------------------------------------------------------- */

/* 1 MiB through two stages, in 4 KiB pages, less than a second even emulated. */
TEST_F(sva, one_mib)
{
	struct process *process = &self->process[0];
	struct timespec start, end;
	struct sim *sim = &self->sim;
	double best = 1e9, seconds;
	unsigned int i;

	for (i = 0; i < 2 * MIB / PAGE; i++) {
		ASSERT_EQ(0, map(sim, process, HEAP + i * PAGE, i));
	}
	for (i = 0; i < 5; i++) {
		mem_fill(sim->buf, MIB, i);
		ASSERT_EQ(0, guest_invalidate(sim->fd, process->hwpt, 0,
					      UINT64_MAX));
		clock_gettime(CLOCK_MONOTONIC, &start);
		ASSERT_EQ(0, dma_copy(&process->dma, HEAP, HEAP + MIB, MIB));
		clock_gettime(CLOCK_MONOTONIC, &end);
		ASSERT_EQ(-1, mem_check(sim->buf + MIB, MIB, i));
		seconds = end.tv_sec - start.tv_sec +
			  (end.tv_nsec - start.tv_nsec) / 1e9;
		if (seconds < best)
			best = seconds;
	}
	TH_LOG("%.1f ms", best * 1000);
	if (!mem_debug_kernel()) {
		EXPECT_GT(1.0, best);
	}
}

SIM_HARNESS_MAIN
