// SPDX-License-Identifier: GPL-2.0-only
/*
 * The simulator's devices through VFIO and /dev/iommu, by RID: that they do the
 * DMA they are told to do, and that the IOMMU lets through what is mapped and
 * nothing else. Everything that other tests rely on.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "iommu.h"
#include "load.h"
#include "mem.h"
#include "sim.h"
#include "vfio.h"

#define PAGE SIM_PAGE
#define SECOND "other"
#define ATTRIBUTES "pasid_bits=8 pri=1"

FIXTURE(rid)
{
	struct sim sim;
	struct dma dma;
};

FIXTURE_SETUP(rid)
{
	NEED_SIM;
	ASSERT_EQ(0, sim_open(&self->sim, ATTRIBUTES));
	ASSERT_EQ(0, sim_attach(&self->sim, self->sim.ioas));
	self->dma = sim_dma(&self->sim, 0);
}

FIXTURE_TEARDOWN(rid)
{
	EXPECT_EQ(0, sim_close(&self->sim));
}

/* What the engine does ----------------------------------------------------- */

TEST_F(rid, registers)
{
	const struct engine *engine = &self->sim.engine;
	uint64_t before, after;

	EXPECT_EQ(1, engine_read32(engine, IOSIM_REG_VERSION));
	EXPECT_EQ(8, engine_read32(engine, IOSIM_REG_PASID_BITS));
	EXPECT_EQ(IOSIM_FEATURE_PASID | IOSIM_FEATURE_PRI,
		  engine_read32(engine, IOSIM_REG_FEATURES));
	EXPECT_LT(7, engine_read32(engine, IOSIM_REG_QUEUE_SIZE));
	EXPECT_EQ(0, engine_read32(engine, IOSIM_REG_BUSY));
	ASSERT_EQ(0, engine_read(engine, IOSIM_REG_COMPLETED, &before, 8));
	ASSERT_EQ(0, dma_poke(&self->dma, SIM_AT, 1));
	ASSERT_EQ(0, engine_wait_idle(engine));
	ASSERT_EQ(0, engine_read(engine, IOSIM_REG_COMPLETED, &after, 8));
	EXPECT_EQ(before + 1, after);
}

/* Any offset, any length; and not a byte more. */
TEST_F(rid, copy)
{
	static const struct {
		size_t from;
		size_t to;
		size_t length;
	} copies[] = {
		{ 0, PAGE, PAGE }, { 0, PAGE, 1 }, { 0, PAGE, 0 },
		{ 5, 100003, 7 }, { PAGE - 3, 3 * PAGE - 1, 6 },
		{ 123, 500001, 40000 }, { 0, 1 << 20, 1 << 20 },
	};
	char *buf = self->sim.buf, *want = mem_anon(SIM_TABLES);
	size_t i;

	ASSERT_NE(NULL, want);
	for (i = 0; i < ARRAY_SIZE(copies); i++) {
		mem_fill(buf, SIM_TABLES, i);
		memcpy(want, buf, SIM_TABLES);
		memcpy(want + copies[i].to, want + copies[i].from,
		       copies[i].length);
		ASSERT_EQ(0, dma_copy(&self->dma, SIM_AT + copies[i].from,
				      SIM_AT + copies[i].to, copies[i].length));
		EXPECT_EQ(copies[i].length, self->dma.result);
		ASSERT_EQ(0, memcmp(want, buf, SIM_TABLES)) TH_LOG("%zu", i);
	}
}

TEST_F(rid, fill)
{
	const uint64_t value = 0x0123456789abcdef;
	char *buf = self->sim.buf, want[3 * PAGE];
	size_t i;

	memset(buf, 0x55, sizeof(want));
	memset(want, 0x55, sizeof(want));
	for (i = 0; i < PAGE + 8; i += 8)
		memcpy(want + PAGE - 16 + i, &value, 8);
	ASSERT_EQ(0, dma_fill(&self->dma, SIM_AT + PAGE - 16, PAGE + 8, value));
	EXPECT_EQ(0, memcmp(want, buf, sizeof(want)));
}

TEST_F(rid, compare)
{
	char *buf = self->sim.buf;
	uint64_t same = 0;

	mem_fill(buf, 3 * PAGE, 1);
	memcpy(buf + 8 * PAGE + 5, buf + 10, 2 * PAGE);
	ASSERT_EQ(0, dma_compare(&self->dma, SIM_AT + 10,
				 SIM_AT + 8 * PAGE + 5, 2 * PAGE, &same));
	EXPECT_EQ(2 * PAGE, same);
	buf[8 * PAGE + 5 + 4321] ^= 1;
	ASSERT_EQ(0, dma_compare(&self->dma, SIM_AT + 10,
				 SIM_AT + 8 * PAGE + 5, 2 * PAGE, &same));
	EXPECT_EQ(4321, same);
}

TEST_F(rid, chase)
{
	static const size_t at[] = { 0, 5 * PAGE, PAGE - 8, 77 * PAGE + 16 };
	struct iosim_desc desc = {
		.op = IOSIM_OP_CHASE,
		.src = SIM_AT + at[0],
		.length = ARRAY_SIZE(at),
	};
	uint64_t next;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(at); i++) {
		next = i + 1 < ARRAY_SIZE(at) ? SIM_AT + at[i + 1] : 0xe0d;
		memcpy(self->sim.buf + at[i], &next, 8);
	}
	ASSERT_EQ(0, dma_run(&self->dma, &desc));
	EXPECT_EQ(0xe0d, self->dma.result);
	/* What it finds there is not an address that is mapped */
	desc.length++;
	EXPECT_EQ(IOSIM_REASON_NOT_PRESENT, dma_run(&self->dma, &desc));
	EXPECT_EQ(0xe0d, self->dma.addr);
}

TEST_F(rid, descriptors_without_sense)
{
	static const struct iosim_desc bad[] = {
		{ .op = 6 },
		{ .op = UINT32_MAX },
		{ .op = IOSIM_OP_NOP, .flags = 1U << 6 },
		{ .op = IOSIM_OP_NOP, .flags = 1U << 31 },
		{ .op = IOSIM_OP_NOP, .__reserved = 1 },
	};
	const struct iosim_desc good = { .op = IOSIM_OP_NOP, .cookie = 99 };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		EXPECT_EQ(-EINVAL, dma_run(&self->dma, &bad[i]))
			TH_LOG("%zu", i);
	}
	EXPECT_EQ(0, dma_run(&self->dma, &good));
	EXPECT_EQ(99, self->dma.done->cookie);
}

/* Ranges that wrap or end behind the addresses do not get through. */
TEST_F(rid, addresses_without_sense)
{
	const uint64_t end = 1ULL << IOSIM_ADDR_BITS;

	EXPECT_EQ(IOSIM_REASON_ADDRESS, dma_poke(&self->dma, end, 1));
	EXPECT_EQ(IOSIM_REASON_ADDRESS, dma_poke(&self->dma, UINT64_MAX - 7, 1));
	EXPECT_EQ(IOSIM_REASON_ADDRESS, dma_peek(&self->dma, 1ULL << 63, NULL));
	EXPECT_LT(0, dma_fill(&self->dma, UINT64_MAX - 100, PAGE, 1));
	EXPECT_LT(0, dma_copy(&self->dma, SIM_AT, end - PAGE, 2 * PAGE));
	EXPECT_EQ(0, dma_check(&self->dma, SIM_AT, self->sim.buf));
}

TEST_F(rid, portal_takes_descriptors_only)
{
	const struct engine *engine = &self->sim.engine;
	struct iosim_desc desc[2] = {};

	EXPECT_EQ(-1, pwrite(engine->fd, desc, 32, engine->portal));
	EXPECT_EQ(-1, pwrite(engine->fd, desc, 64, engine->portal + 8));
	EXPECT_EQ(-1, pwrite(engine->fd, desc, 64, engine->portal + PAGE));
	EXPECT_EQ(64, pwrite(engine->fd, desc, 64, engine->portal + PAGE - 64));
	EXPECT_EQ(0, engine_wait_idle(engine));
}

/* Eight at a time, hundreds waiting: each is done, and once. */
TEST_F(rid, many_at_once)
{
	enum { N = 400 };
	const struct engine *engine = &self->sim.engine;
	uint64_t *words = (uint64_t *)self->sim.buf;
	int i, rc;

	memset(words, 0, N * 8);
	for (i = 0; i < N; i++) {
		struct iosim_desc desc = dma_desc_fill(SIM_AT + i * 8, 8, i + 1);

		desc.flags = IOSIM_DESC_INTERRUPT;
		while ((rc = engine_submit(engine, &desc)) == -EAGAIN)
			ASSERT_EQ(0, engine_wait_irq(engine));
		ASSERT_EQ(0, rc);
	}
	ASSERT_EQ(0, engine_wait_idle(engine));
	for (i = 0; i < N; i++) {
		ASSERT_EQ(i + 1, words[i]);
	}
}

TEST_F(rid, interrupt)
{
	const struct engine *engine = &self->sim.engine;
	struct iosim_desc desc = { .op = IOSIM_OP_NOP };
	uint64_t count;

	ASSERT_EQ(0, engine_submit(engine, &desc));
	ASSERT_EQ(0, engine_wait_idle(engine));
	EXPECT_EQ(-1, read(engine->irq, &count, sizeof(count)));
	desc.flags = IOSIM_DESC_INTERRUPT;
	ASSERT_EQ(0, engine_submit(engine, &desc));
	EXPECT_EQ(0, engine_wait_irq(engine));
}

/* Registers that are mapped; no system call between the user and the device. */
TEST_F(rid, doorbell)
{
	const struct iosim_desc desc = {
		.op = IOSIM_OP_FILL,
		.flags = IOSIM_DESC_INTERRUPT,
		.dst = SIM_AT,
		.length = 8,
		.value = 0xd00bd00b,
	};
	volatile uint32_t *reg32;
	size_t length = 0;
	char *regs;

	regs = engine_mmap(&self->sim.engine, IOSIM_REGION_REGISTERS, &length);
	ASSERT_NE(NULL, regs);
	ASSERT_EQ(PAGE, length);
	reg32 = (uint32_t *)regs;
	EXPECT_EQ(IOSIM_MAGIC, reg32[0]);
	memcpy(regs + IOSIM_REG_DESC, &desc, sizeof(desc));
	ASSERT_EQ(0, engine_write32(&self->sim.engine, IOSIM_REG_CTRL,
				    IOSIM_CTRL_POLL));
	__atomic_store_n((uint32_t *)(regs + IOSIM_REG_DOORBELL), 1,
			 __ATOMIC_RELEASE);
	ASSERT_EQ(0, engine_wait_irq(&self->sim.engine));
	EXPECT_EQ(0xd00bd00b, *(uint64_t *)self->sim.buf);
	/* It may be done before the poller is back. */
	while (reg32[IOSIM_REG_DOORBELL / 4])
		usleep(1000);
	munmap(regs, length);
}

TEST_F(rid, reset)
{
	const struct engine *engine = &self->sim.engine;
	uint64_t completed;
	size_t length;
	char *memory;

	memory = engine_mmap(engine, IOSIM_REGION_MEMORY, &length);
	ASSERT_NE(NULL, memory);
	ASSERT_EQ(IOSIM_MEMORY_SIZE, length);
	memset(memory, 0xaa, length);
	ASSERT_EQ(0, dma_poke(&self->dma, SIM_AT, 1));
	ASSERT_EQ(0, engine_reset(engine));
	EXPECT_EQ(0, memory[0]);
	EXPECT_EQ(0, memory[length - 1]);
	ASSERT_EQ(0, engine_read(engine, IOSIM_REG_COMPLETED, &completed, 8));
	EXPECT_EQ(0, completed);
	/* It has forgotten nothing that the IOMMU knows */
	EXPECT_EQ(0, dma_check(&self->dma, SIM_AT, self->sim.buf));
	ASSERT_EQ(0, engine_write32(engine, IOSIM_REG_CTRL, IOSIM_CTRL_RESET));
	EXPECT_EQ(0, dma_check(&self->dma, SIM_AT, self->sim.buf));
	munmap(memory, length);
}

/* What the IOMMU lets through ---------------------------------------------- */

TEST_F(rid, permissions)
{
	static const struct {
		uint32_t perm;
		int peek;
		int poke;
	} rows[] = {
		{ IOMMU_R, 0, IOSIM_REASON_PERMISSION },
		{ IOMMU_W, IOSIM_REASON_PERMISSION, 0 },
		{ IOMMU_RW, 0, 0 },
	};
	struct sim *sim = &self->sim;
	uint64_t at = 0x1000000, *word = (uint64_t *)sim->buf, seen;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		*word = 0x1111 * i;
		ASSERT_EQ(0, iommu_map_fixed(sim->fd, sim->ioas, sim->buf, PAGE,
					     rows[i].perm, at));
		seen = *word;
		EXPECT_EQ(rows[i].peek, dma_peek(&self->dma, at, &seen));
		EXPECT_EQ(*word, seen);
		EXPECT_EQ(rows[i].poke, dma_poke(&self->dma, at, 0xbad));
		EXPECT_EQ(rows[i].poke ? 0x1111 * i : 0xbad, *word);
		ASSERT_EQ(0, iommu_ioas_unmap(sim->fd, sim->ioas, at, PAGE,
					      NULL));
		EXPECT_EQ(IOSIM_REASON_NOT_PRESENT,
			  dma_poke(&self->dma, at, 1));
		EXPECT_EQ(at, self->dma.addr);
	}
}

/* It says how far it has come, and that is what has arrived. */
TEST_F(rid, stops_at_a_hole)
{
	struct sim *sim = &self->sim;
	const uint64_t at = 0x2000000;

	ASSERT_EQ(0, iommu_map_fixed(sim->fd, sim->ioas, sim->buf, 3 * PAGE,
				     IOMMU_RW, at));
	mem_fill(sim->buf + 8 * PAGE, 4 * PAGE, 1);
	memset(sim->buf, 0, 4 * PAGE);
	EXPECT_EQ(IOSIM_REASON_NOT_PRESENT,
		  dma_copy(&self->dma, SIM_AT + 8 * PAGE, at, 4 * PAGE));
	EXPECT_EQ(at + 3 * PAGE, self->dma.addr);
	EXPECT_EQ(3 * PAGE, self->dma.result);
	EXPECT_EQ(-1, mem_check(sim->buf, 3 * PAGE, 1));
	EXPECT_EQ(0, *(uint64_t *)(sim->buf + 3 * PAGE));
}

/* The IOTLB forgets what the kernel has unmapped. */
TEST_F(rid, map_again)
{
	struct sim *sim = &self->sim;
	const uint64_t at = 0x3000000;
	int i;

	for (i = 0; i < 20; i++) {
		ASSERT_EQ(0, iommu_map_fixed(sim->fd, sim->ioas,
					     sim->buf + i * PAGE, PAGE,
					     IOMMU_RW, at));
		ASSERT_EQ(0, dma_check(&self->dma, at, sim->buf + i * PAGE));
		ASSERT_EQ(0, iommu_ioas_unmap(sim->fd, sim->ioas, at, PAGE,
					      NULL));
		ASSERT_EQ(IOSIM_REASON_NOT_PRESENT,
			  dma_poke(&self->dma, at, 1));
	}
}

TEST_F(rid, not_attached)
{
	uint64_t *word = (uint64_t *)self->sim.buf;
	int64_t faults = iosim_counter(SIM_NAME, "faults");

	*word = 7;
	ASSERT_EQ(0, vfio_detach(self->sim.engine.fd));
	EXPECT_EQ(-ENODATA, dma_poke(&self->dma, SIM_AT, 8));
	EXPECT_EQ(7, *word);
	EXPECT_LT(faults, iosim_counter(SIM_NAME, "faults"));
	ASSERT_EQ(0, sim_attach(&self->sim, self->sim.ioas));
	EXPECT_EQ(0, dma_check(&self->dma, SIM_AT, word));
	/* A PASID is another address space, and nothing is attached to it */
	self->dma.pasid = 1;
	EXPECT_EQ(-ENODATA, dma_poke(&self->dma, SIM_AT, 8));
}

TEST_F(rid, counters)
{
	int64_t walks, hits, invalidations;
	struct sim *sim = &self->sim;

	ASSERT_EQ(0, dma_poke(&self->dma, SIM_AT, 1));
	walks = iosim_counter(SIM_NAME, "walks");
	hits = iosim_counter(SIM_NAME, "iotlb_hits");
	invalidations = iosim_counter(SIM_NAME, "invalidations");
	EXPECT_LT(0, walks);
	ASSERT_EQ(0, dma_poke(&self->dma, SIM_AT, 1));
	EXPECT_EQ(walks, iosim_counter(SIM_NAME, "walks"));
	EXPECT_LT(hits, iosim_counter(SIM_NAME, "iotlb_hits"));

	ASSERT_EQ(0, iommu_ioas_unmap(sim->fd, sim->ioas, SIM_AT, SIM_SIZE,
				      NULL));
	EXPECT_LT(invalidations, iosim_counter(SIM_NAME, "invalidations"));
	EXPECT_EQ(-ENODATA, dma_poke(&self->dma, SIM_AT, 1));
}

/* One entry of a large page, in the page table and in the IOTLB. */
TEST_F(rid, huge_pages)
{
	int64_t walks;

	if (mem_runs(self->sim.buf, 2 << 20) != 1)
		SKIP(return, "no huge page to be had");
	walks = iosim_counter(SIM_NAME, "walks");
	ASSERT_EQ(0, dma_fill(&self->dma, SIM_AT, 2 << 20, 1));
	EXPECT_GT(8, iosim_counter(SIM_NAME, "walks") - walks);
}

/* Several devices ---------------------------------------------------------- */

/* The memory of one is what the other one reads and writes. */
TEST_F(rid, peer_to_peer)
{
	const uint64_t at = 0x10000000;
	struct sim *sim = &self->sim;
	struct engine other;
	size_t length;
	char *memory;

	ASSERT_EQ(0, sim_add(sim, SECOND, ATTRIBUTES, &other));
	memory = engine_mmap(&other, IOSIM_REGION_MEMORY, &length);
	ASSERT_NE(NULL, memory);
	ASSERT_EQ(0, iommu_map_fixed(sim->fd, sim->ioas, memory, length,
				     IOMMU_RW, at));
	mem_fill(sim->buf, length, 5);
	ASSERT_EQ(0, dma_copy(&self->dma, SIM_AT, at, length));
	EXPECT_EQ(-1, mem_check(memory, length, 5));
	memset(sim->buf, 0, length);
	ASSERT_EQ(0, dma_copy(&self->dma, at, SIM_AT, length));
	EXPECT_EQ(-1, mem_check(sim->buf, length, 5));

	/* When the owner goes, nobody reaches it any more */
	munmap(memory, length);
	ASSERT_EQ(0, sim_remove(SECOND, &other));
	EXPECT_EQ(IOSIM_REASON_NOT_PRESENT, dma_poke(&self->dma, at, 1));
	EXPECT_EQ(0, dma_check(&self->dma, SIM_AT, sim->buf));
}

/* Two devices in one group: one owner, one IOAS. */
TEST_F(rid, shared_group)
{
	struct sim *sim = &self->sim;
	int fd = iommu_open(), cdev;
	struct engine other;
	struct dma dma;

	ASSERT_EQ(0, iosim_create(SECOND, "group=" SIM_NAME));
	EXPECT_EQ(iosim_group(SIM_NAME), iosim_group(SECOND));
	/* The group belongs to a descriptor already */
	cdev = iosim_cdev(SECOND);
	ASSERT_LE(0, cdev);
	EXPECT_EQ(-EBUSY, vfio_bind(cdev, fd, NULL));
	close(fd);
	ASSERT_EQ(0, engine_open(&other, cdev, sim->fd));
	ASSERT_EQ(0, vfio_attach(other.fd, sim->ioas, NULL));
	dma = sim_dma(sim, 1);
	dma.engine = &other;
	EXPECT_EQ(0, dma_check(&dma, SIM_AT, sim->buf));
	EXPECT_EQ(0, dma_check(&self->dma, SIM_AT, sim->buf));

	/* What is left in the group stays attached */
	ASSERT_EQ(0, sim_remove(SECOND, &other));
	EXPECT_EQ(0, dma_check(&self->dma, SIM_AT, sim->buf));
}

TEST_F(rid, two_groups)
{
	struct engine other;
	struct dma dma;

	ASSERT_EQ(0, sim_add(&self->sim, SECOND, "", &other));
	EXPECT_NE(iosim_group(SIM_NAME), iosim_group(SECOND));
	dma = sim_dma(&self->sim, 1);
	dma.engine = &other;
	EXPECT_EQ(-ENODATA, dma_poke(&dma, SIM_AT, 1));
	ASSERT_EQ(0, vfio_attach(other.fd, self->sim.ioas, NULL));
	EXPECT_EQ(0, dma_check(&dma, SIM_AT, self->sim.buf));
	ASSERT_EQ(0, sim_remove(SECOND, &other));
}

/* Changes under load ------------------------------------------------------- */

static void fill_words(void *at, size_t length, uint64_t word)
{
	size_t i;

	for (i = 0; i < length / 8; i++)
		((uint64_t *)at)[i] = word;
}

/* Each byte is of the old page table or of the new one; nothing faults. */
TEST_F(rid, replace_under_load)
{
	enum { ROUNDS = 60, LENGTH = 8 * PAGE };
	struct load load = { .length = LENGTH, .may = { 0xaaaa, 0xbbbb } };
	struct sim *sim = &self->sim;
	struct sim_space space[2];
	const uint64_t shared = 0x5000000;
	pthread_t thread;
	uint64_t seen;
	int i;

	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, sim_space_open(sim, &space[i]));
		fill_words(space[i].buf, LENGTH, load.may[i]);
		/* Where both say what they have done */
		ASSERT_EQ(0, iommu_map_fixed(sim->fd, space[i].ioas, sim->buf,
					     1 << 20, IOMMU_RW, shared));
	}
	load.src = SIM_AT;
	load.dst = shared + PAGE;
	load.seen = (uint64_t *)(sim->buf + PAGE);
	load.dma = self->dma;
	load.dma.done = (struct iosim_completion *)sim->buf;
	load.dma.done_iova = shared;
	ASSERT_EQ(0, sim_attach(sim, space[0].ioas));
	ASSERT_EQ(0, pthread_create(&thread, NULL, load_run, &load));
	self->dma.done = load.dma.done + 1;
	self->dma.done_iova = shared + sizeof(*load.dma.done);
	for (i = 1; i < ROUNDS; i++) {
		EXPECT_EQ(0, sim_attach(sim, space[i % 2].ioas));
		/* From here on, only the new one */
		EXPECT_EQ(0, dma_peek(&self->dma, SIM_AT, &seen));
		EXPECT_EQ(load.may[i % 2], seen);
		if (i % 8 == 0)
			load_wait(&load, 1);
	}
	load_wait(&load, 1);
	load.stop = true;
	pthread_join(thread, NULL);
	EXPECT_EQ(0, load.rc);
	EXPECT_LT(0, load.rounds);
}

static void *unplug(void *arg)
{
	return (void *)(intptr_t)iosim_unplug(arg);
}

/* Pulled out while it does DMA: it is gone as soon as its user lets go of it. */
TEST_F(rid, unplug_under_load)
{
	struct load load = {
		.dma = self->dma,
		.src = SIM_AT,
		.dst = SIM_AT + (1 << 20),
		.length = 1 << 18,
		.seen = (uint64_t *)(self->sim.buf + (1 << 20)),
	};
	pthread_t thread, loader;
	void *result = NULL;
	char name[64];

	memset(self->sim.buf, 0, 1 << 19);
	ASSERT_EQ(0, pthread_create(&loader, NULL, load_run, &load));
	load_wait(&load, 1);
	ASSERT_EQ(0, pthread_create(&thread, NULL, unplug, SIM_NAME));
	load.stop = true;
	pthread_join(loader, NULL);
	engine_close(&self->sim.engine);
	pthread_join(thread, &result);
	EXPECT_EQ(0, (intptr_t)result);
	EXPECT_EQ(-ENODEV, iosim_get(SIM_NAME, "device", name, sizeof(name)));
	EXPECT_EQ(-ENODEV, iosim_cdev(SIM_NAME));
	/* And can be plugged in again */
	ASSERT_EQ(0, iosim_plug(SIM_NAME));
	ASSERT_EQ(0, engine_open_name(&self->sim.engine, SIM_NAME,
				      self->sim.fd));
	ASSERT_EQ(0, sim_attach(&self->sim, self->sim.ioas));
	EXPECT_EQ(0, dma_check(&self->dma, SIM_AT, self->sim.buf));
}

/* Closed in the middle of a transfer. */
TEST_F(rid, close_under_load)
{
	struct iosim_desc desc = dma_desc_copy(SIM_AT, SIM_AT + (2 << 20),
					       2 << 20);
	int i;

	for (i = 0; i < 6; i++)
		ASSERT_EQ(0, engine_submit(&self->sim.engine, &desc));
	engine_close(&self->sim.engine);
	/* Nothing writes there any more */
	memset(self->sim.buf, 0, 4 << 20);
	ASSERT_EQ(0, engine_open_name(&self->sim.engine, SIM_NAME,
				      self->sim.fd));
	EXPECT_EQ(0, engine_read32(&self->sim.engine, IOSIM_REG_BUSY));
	for (i = 0; i < 4 << 20; i += PAGE) {
		ASSERT_EQ(0, self->sim.buf[i]);
	}
}

SIM_HARNESS_MAIN
