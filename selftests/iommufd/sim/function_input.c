// SPDX-License-Identifier: GPL-2.0-only
/*
 * Bad input for simulated functions of PCI: writes to configuration space at random, BARs
 * that are moved while DMA runs, anything at all in the registers. What the function does
 * then is its business, but it reaches nothing that is not mapped, and goes when it is told.
 */
#define _GNU_SOURCE
#include <linux/pci_regs.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "functions.h"
#include "iommu.h"
#include "load.h"
#include "mem.h"

#define PAGE SIM_PAGE
#define SECOND "second"
#define BAR_IOVA 0x80000000ULL
#define CANARY 0x6b
#define WRITES 20000

FIXTURE(input)
{
	struct sim sim;
	struct engine *engine;
	struct engine second;
	char *canary;
	unsigned int seed;
};

FIXTURE_SETUP(input)
{
	struct sim *sim = &self->sim;

	NEED_FUNCTIONS;
	iosim_destroy(SIM_NAME);
	ASSERT_EQ(0, iosim_create("port", "kind=root-port pci/acs=0x1d"));
	self->engine = &sim->engine;
	ASSERT_EQ(0, sim_open(sim, FUNCTION "pasid_bits=4 pri=1 pci/ats=1 "
			      "pci/msi=1 pci/port=port"));
	ASSERT_EQ(0, sim_attach(sim, sim->ioas));
	ASSERT_EQ(0, sim_add(sim, SECOND, FUNCTION, &self->second));
	ASSERT_EQ(0, vfio_attach(self->second.fd, sim->ioas, NULL));
	/* Memory of this process that no device may reach. */
	self->canary = mem_anon(64 * PAGE);
	ASSERT_NE(NULL, self->canary);
	memset(self->canary, CANARY, 64 * PAGE);
	self->seed = 1;
}

FIXTURE_TEARDOWN(input)
{
	char *c;

	if (!self->engine)
		return;
	for (c = self->canary; c < self->canary + 64 * PAGE; c++)
		if (*c != CANARY)
			break;
	EXPECT_EQ(c, self->canary + 64 * PAGE);
	sim_remove(SECOND, &self->second);
	EXPECT_EQ(0, sim_close(&self->sim));
	EXPECT_EQ(0, iosim_destroy("port"));
}

static uint32_t any(struct _test_data_input *self)
{
	return (uint32_t)rand_r(&self->seed) << 16 ^ rand_r(&self->seed);
}

/* Mostly in the header and the capabilities. */
static void scribble(struct _test_data_input *self, int config)
{
	static const size_t sizes[] = { 1, 2, 4 };
	size_t size = sizes[any(self) % 3];
	unsigned int at = any(self) % (any(self) % 4 ? 0x180 : 0x1000);
	uint32_t value = any(self) % 4 ? any(self) : -(any(self) % 2);

	at -= at % size;
	if (pwrite(config, &value, size, at) < 0 && errno != EINVAL)
		perror("pwrite");
}

/* Something that never ends, if the function takes it: nobody waits for that. */
static void submit_endless(const struct engine *engine)
{
	struct iosim_desc desc = {
		.op = IOSIM_OP_CHASE,
		.flags = IOSIM_DESC_INTERRUPT,
		.src = SIM_AT,
		.length = UINT64_MAX,
	};

	memcpy(engine->mapped + IOSIM_REG_DESC, &desc, sizeof(desc));
	__atomic_store_n((uint32_t *)(engine->mapped + IOSIM_REG_DOORBELL), 1,
			 __ATOMIC_RELEASE);
}

/* Unplugged and plugged in again everything is as new. */
static int renew(struct sim *sim, const char *name, struct engine *engine)
{
	int rc;

	engine_close(engine);
	rc = iosim_unplug(name);
	if (!rc)
		rc = iosim_plug(name);
	if (!rc)
		rc = engine_open_name(engine, name, sim->fd);
	return rc ?: vfio_attach(engine->fd, sim->ioas, NULL);
}

/* By who may write to all of it. */
TEST_F(input, config)
{
	struct sim *sim = &self->sim;
	int config = function_config(SIM_NAME), i;

	ASSERT_LE(0, config);
	for (i = 0; i < WRITES; i++) {
		if (i % 1000 == 0)
			submit_endless(self->engine);
		scribble(self, config);
		/* It is not gone for long after a reset. */
		if (i % 1000 == 999)
			while (config_get(config, 0, 4) == UINT32_MAX)
				usleep(1000);
	}
	close(config);
	EXPECT_EQ(0, function_works(sim, &self->second));
	ASSERT_EQ(0, renew(sim, SIM_NAME, self->engine));
	EXPECT_EQ(0, function_works(sim, self->engine));
}

/* By the user of VFIO, who may write to some. */
TEST_F(input, vfio_config)
{
	struct sim *sim = &self->sim;
	uint32_t value;
	int i;

	for (i = 0; i < WRITES / 4; i++) {
		value = any(self);
		vfio_config_write(self->engine->fd, any(self) % 0x180, &value,
				  1 << any(self) % 3);
	}
	EXPECT_EQ(0, function_works(sim, &self->second));
	ASSERT_EQ(0, renew(sim, SIM_NAME, self->engine));
	EXPECT_EQ(0, function_works(sim, self->engine));
}

/* Of a port: buses and windows that lead anywhere. */
TEST_F(input, port_config)
{
	struct sim *sim = &self->sim;
	int config = function_config("port"), i;
	uint32_t header[16];

	ASSERT_LE(0, config);
	ASSERT_EQ(sizeof(header), pread(config, header, sizeof(header), 0));
	ASSERT_EQ(0, start_endless(sim, SIM_NAME, self->engine));
	for (i = 0; i < WRITES; i++)
		scribble(self, config);
	/* Or the kernel would wait for a minute for what is below to come back. */
	ASSERT_EQ(sizeof(header), pwrite(config, header, sizeof(header), 0));
	close(config);
	EXPECT_EQ(0, function_works(sim, &self->second));
	ASSERT_EQ(0, renew(sim, SIM_NAME, self->engine));
	EXPECT_EQ(0, function_works(sim, self->engine));
}

/* Whatever is in the registers and in the table of MSI-X. */
TEST_F(input, registers)
{
	struct sim *sim = &self->sim;
	volatile uint32_t *page, *table;
	size_t length, size;
	int i;

	page = engine_mmap(self->engine, IOSIM_REGION_REGISTERS, &length);
	table = engine_mmap(self->engine, 4, &size);
	ASSERT_NE(NULL, page);
	ASSERT_NE(NULL, table);
	for (i = 0; i < WRITES; i++) {
		page[any(self) % (length / 4)] = any(self);
		page[any(self) % 32] = any(self) % 8;
		table[any(self) % (size / 4)] = any(self);
		if (i % 100 == 0)
			usleep(1000);
	}
	munmap((void *)table, size);
	munmap((void *)page, length);
	ASSERT_EQ(0, engine_reset(self->engine));
	ASSERT_EQ(0, vfio_enable_dma(self->engine->fd, true));
	EXPECT_EQ(0, function_works(sim, &self->second));
	EXPECT_EQ(0, function_works(sim, self->engine));
}


static void set_bar(int config, uint64_t address)
{
	config_put(config, PCI_BASE_ADDRESS_2, 4, address);
	config_put(config, PCI_BASE_ADDRESS_3, 4, address >> 32);
}

static uint64_t get_bar(int config)
{
	return (config_get(config, PCI_BASE_ADDRESS_2, 4) & ~0xfULL) |
	       (uint64_t)config_get(config, PCI_BASE_ADDRESS_3, 4) << 32;
}

TEST_F(input, bar_moves)
{
	struct sim *sim = &self->sim;
	struct load load = {
		.dma = sim_dma(sim, 2),
		.src = SIM_AT,
		.dst = BAR_IOVA,
		.length = IOSIM_MEMORY_SIZE,
		.may = { 1, 1 },
	};
	int config = function_config(SIM_NAME), other = function_config(SECOND);
	volatile uint64_t *memory, *others;
	pthread_t thread;
	size_t length, size;
	uint64_t bar, i;

	for (i = 0; i < IOSIM_MEMORY_SIZE / 8; i++)
		((uint64_t *)sim->buf)[i] = 1;
	memory = engine_mmap(self->engine, IOSIM_REGION_MEMORY, &length);
	others = engine_mmap(&self->second, IOSIM_REGION_MEMORY, &size);
	ASSERT_NE(NULL, memory);
	ASSERT_NE(NULL, others);
	others[1] = 77;
	ASSERT_EQ(0, iommu_map_fixed(sim->fd, sim->ioas, (void *)memory, length,
				     IOMMU_RW, BAR_IOVA));
	load.dma.engine = &self->second;
	load.seen = (const uint64_t *)memory;
	ASSERT_EQ(0, pthread_create(&thread, NULL, load_run, &load));
	load_wait(&load, 2);
	bar = get_bar(config);

	/* To where nobody is: DMA to the old address ends. */
	set_bar(config, bar + (256 << 10));
	pthread_join(thread, NULL);
	EXPECT_EQ(IOSIM_REASON_NOT_PRESENT, load.rc);
	memory[5] = 1234;	/* behind it there is nobody any more */

	/* To where another function is: neither it nor its memory is touched. */
	set_bar(config, get_bar(other));
	EXPECT_EQ(77, others[1]);
	EXPECT_EQ(0, function_works(sim, &self->second));

	/* Out of all windows, and back with what was in it. */
	set_bar(config, 0x1000);
	set_bar(config, bar);
	EXPECT_EQ(1, memory[5]);
	EXPECT_EQ(0, dma_copy(&load.dma, SIM_AT, BAR_IOVA, PAGE));
	EXPECT_EQ(0, function_works(sim, self->engine));
	munmap((void *)memory, length);
	munmap((void *)others, size);
	close(config);
	close(other);
}

/* Registers that are moved while descriptors are submitted. */
TEST_F(input, registers_move)
{
	struct sim *sim = &self->sim;
	int config = function_config(SIM_NAME), i;
	uint32_t bar = config_get(config, PCI_BASE_ADDRESS_0, 4);

	for (i = 0; i < 50; i++) {
		config_put(config, PCI_BASE_ADDRESS_0, 4, bar + 0x100000);
		config_put(config, PCI_BASE_ADDRESS_0, 4, bar);
		ASSERT_EQ(0, function_works(sim, self->engine));
	}
	close(config);
}

SIM_HARNESS_MAIN
