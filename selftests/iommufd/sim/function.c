// SPDX-License-Identifier: GPL-2.0-only
/*
 * Simulated functions of PCI, driven by vfio-pci: DMA, interrupts, reset, PASIDs, page
 * requests. What ports and other functions do to them: function_topology.c. Bad input:
 * function_input.c.
 */
#define _GNU_SOURCE
#include <linux/pci_regs.h>
#include <pthread.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "fault.h"
#include "functions.h"
#include "iommu.h"
#include "mem.h"

#define PAGE SIM_PAGE
#define SECOND "second"
#define PASID 5
#define WAIT_MS 20000
/* Nothing is expected: as long as the function needs several times to send it. */
#define QUIET_MS 50
#define ATTRIBUTES FUNCTION "pasid_bits=6 pri=1 prq_size=16 pci/ats=1 pci/siov=1"

/* The table of MSI-X: BAR 4. */
#define MSIX_REGION 4
struct msix_entry {
	uint32_t address;
	uint32_t address_high;
	uint32_t data;
	uint32_t control;
};

FIXTURE(function)
{
	struct sim sim;
	struct engine *engine;
	int config;
};

FIXTURE_SETUP(function)
{
	struct sim *sim = &self->sim;

	NEED_FUNCTIONS;
	self->engine = &sim->engine;
	ASSERT_EQ(0, sim_open(sim, ATTRIBUTES));
	ASSERT_EQ(0, sim_attach(sim, sim->ioas));
	self->config = function_config(SIM_NAME);
	ASSERT_LE(0, self->config);
}

FIXTURE_TEARDOWN(function)
{
	if (!self->engine)
		return;
	close(self->config);
	EXPECT_EQ(0, sim_close(&self->sim));
}

/* What lspci and drivers look at. */
TEST_F(function, capabilities)
{
	int config = self->config;
	unsigned int at;

	EXPECT_NE(0, config_find(config, PCI_CAP_ID_PM));
	EXPECT_NE(0, config_find(config, PCI_CAP_ID_MSIX));
	EXPECT_EQ(0, config_find(config, PCI_CAP_ID_MSI));
	at = config_find(config, PCI_CAP_ID_EXP);
	ASSERT_NE(0, at);
	EXPECT_NE(0, config_get(config, at + PCI_EXP_DEVCAP, 4) &
		     PCI_EXP_DEVCAP_FLR);
	at = config_find_ext(config, PCI_EXT_CAP_ID_ATS);
	ASSERT_NE(0, at);
	EXPECT_NE(0, config_get(config, at + PCI_ATS_CTRL, 2) &
		     PCI_ATS_CTRL_ENABLE);
	at = config_find_ext(config, PCI_EXT_CAP_ID_PASID);
	ASSERT_NE(0, at);
	EXPECT_EQ(6, config_get(config, at + PCI_PASID_CAP, 2) >> 8);
	EXPECT_NE(0, config_get(config, at + PCI_PASID_CTRL, 2) &
		     PCI_PASID_CTRL_ENABLE);
	at = config_find_ext(config, PCI_EXT_CAP_ID_PRI);
	ASSERT_NE(0, at);
	EXPECT_EQ(16, config_get(config, at + PCI_PRI_MAX_REQ, 4));
	EXPECT_NE(0, config_find_ext(config, PCI_EXT_CAP_ID_DVSEC));
	EXPECT_EQ(0, config_find_ext(config, PCI_EXT_CAP_ID_ACS));
}

/* What a VMM is told of its PASIDs: by the capability, as the kernel has enabled it. */
TEST_F(function, hw_info)
{
	const uint64_t of_pasids = IOMMU_HW_CAP_PCI_PASID_EXEC |
				   IOMMU_HW_CAP_PCI_PASID_PRIV;
	struct iommu_hw_info info = {};
	uint64_t expected = 0;
	unsigned int at, ctrl;

	at = config_find_ext(self->config, PCI_EXT_CAP_ID_PASID);
	ASSERT_NE(0, at);
	ctrl = config_get(self->config, at + PCI_PASID_CTRL, 2);
	if (ctrl & PCI_PASID_CTRL_EXEC)
		expected |= IOMMU_HW_CAP_PCI_PASID_EXEC;
	if (ctrl & PCI_PASID_CTRL_PRIV)
		expected |= IOMMU_HW_CAP_PCI_PASID_PRIV;
	ASSERT_EQ(0, iommu_get_hw_info(self->sim.fd, self->engine->dev_id,
				       &info));
	EXPECT_EQ(6, info.out_max_pasid_log2);
	EXPECT_EQ(expected, info.out_capabilities & of_pasids);
}

TEST_F(function, dma)
{
	struct sim *sim = &self->sim;
	struct dma dma = sim_dma(sim, 0);
	uint64_t at, same, *words = (uint64_t *)sim->buf;

	for (at = 0; at < 64 * PAGE / 8; at++)
		words[at] = at * 0x9e3779b97f4a7c15;
	memset(sim->buf + 64 * PAGE, 0, 64 * PAGE);
	ASSERT_EQ(0, dma_copy(&dma, SIM_AT, SIM_AT + 64 * PAGE, 64 * PAGE));
	EXPECT_EQ(0, memcmp(sim->buf, sim->buf + 64 * PAGE, 64 * PAGE));
	words[64 * PAGE / 8 + 1000] ^= 1;
	ASSERT_EQ(0, dma_compare(&dma, SIM_AT, SIM_AT + 64 * PAGE, 64 * PAGE,
				 &same));
	EXPECT_EQ(8000, same);
}

/* What is not mapped any more, or not attached, is not reached. */
TEST_F(function, stops)
{
	struct sim *sim = &self->sim;
	struct dma dma = sim_dma(sim, 0);
	char *more = mem_anon(PAGE);

	ASSERT_NE(NULL, more);
	ASSERT_EQ(0, iommu_map_fixed(sim->fd, sim->ioas, more, PAGE, IOMMU_RW,
				     PAGE));
	ASSERT_EQ(0, dma_fill(&dma, PAGE, PAGE, 1));
	ASSERT_EQ(0, iommu_ioas_unmap(sim->fd, sim->ioas, PAGE, PAGE, NULL));
	EXPECT_EQ(IOSIM_REASON_NOT_PRESENT, dma_fill(&dma, PAGE, PAGE, 2));
	EXPECT_EQ(1, *(uint64_t *)more);
	ASSERT_EQ(0, vfio_detach(self->engine->fd));
	EXPECT_EQ(-ENODATA, function_works(sim, self->engine));
	ASSERT_EQ(0, sim_attach(sim, sim->ioas));
	EXPECT_EQ(0, function_works(sim, self->engine));
	/* Where interrupts are written to nothing can be mapped. */
	EXPECT_EQ(-EINVAL, iommu_map_fixed(sim->fd, sim->ioas, more, PAGE,
					   IOMMU_RW, 0xfee00000));
	mem_free(more, PAGE);
}

/* A function that is not bus master, or sleeps, does no DMA when the write returns. */
TEST_F(function, master)
{
	struct sim *sim = &self->sim;
	unsigned int pm = config_find(self->config, PCI_CAP_ID_PM);
	int64_t before;

	ASSERT_EQ(0, start_endless(sim, SIM_NAME, self->engine));
	ASSERT_EQ(0, vfio_enable_dma(self->engine->fd, false));
	before = accesses(SIM_NAME);
	usleep(20000);
	EXPECT_EQ(before, accesses(SIM_NAME));
	EXPECT_EQ(0, endless_status(sim));
	ASSERT_EQ(0, vfio_enable_dma(self->engine->fd, true));
	EXPECT_EQ(0, engine_wait_idle(self->engine));
	EXPECT_EQ(0, function_works(sim, self->engine));

	ASSERT_EQ(0, start_endless(sim, SIM_NAME, self->engine));
	config_put(self->config, pm + PCI_PM_CTRL, 2, 3);
	before = accesses(SIM_NAME);
	usleep(20000);
	EXPECT_EQ(before, accesses(SIM_NAME));
	config_put(self->config, pm + PCI_PM_CTRL, 2, 0);
	EXPECT_EQ(0, engine_wait_idle(self->engine));
	EXPECT_EQ(0, function_works(sim, self->engine));
}

static int nop(const struct engine *engine)
{
	struct iosim_desc desc = {
		.op = IOSIM_OP_NOP,
		.flags = IOSIM_DESC_INTERRUPT,
	};

	return engine_submit(engine, &desc);
}

TEST_F(function, interrupt)
{
	struct engine *engine = self->engine;
	unsigned int at = config_find(self->config, PCI_CAP_ID_MSIX);
	volatile struct msix_entry *entry;
	size_t length;

	ASSERT_EQ(0, nop(engine));
	EXPECT_TRUE(signalled(engine->irq, WAIT_MS));

	/* Masked it is pending, and arrives later. */
	entry = engine_mmap(engine, MSIX_REGION, &length);
	ASSERT_NE(NULL, entry);
	entry->control = PCI_MSIX_ENTRY_CTRL_MASKBIT;
	ASSERT_EQ(0, nop(engine));
	EXPECT_FALSE(signalled(engine->irq, QUIET_MS));
	EXPECT_EQ(1, *(volatile uint64_t *)((char *)entry + 0x800));
	entry->control = 0;
	EXPECT_TRUE(signalled(engine->irq, WAIT_MS));
	EXPECT_EQ(0, *(volatile uint64_t *)((char *)entry + 0x800));

	config_put(self->config, at + PCI_MSIX_FLAGS, 2,
		   PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL);
	ASSERT_EQ(0, nop(engine));
	EXPECT_FALSE(signalled(engine->irq, QUIET_MS));
	config_put(self->config, at + PCI_MSIX_FLAGS, 2, PCI_MSIX_FLAGS_ENABLE);
	EXPECT_TRUE(signalled(engine->irq, WAIT_MS));
	munmap((void *)entry, length);
}

/*
 * A message is a write to memory: through the IOMMU, unless it is an interrupt. It is sent
 * after the registers say that the descriptor is done. What never comes ends the test.
 */
TEST_F(function, message)
{
	struct sim *sim = &self->sim;
	volatile uint32_t *word = (uint32_t *)(sim->buf + PAGE);
	volatile struct msix_entry *entry;
	struct engine *engine = self->engine, other;
	volatile struct msix_entry *others;
	struct msix_entry mine;
	int64_t faults;
	size_t length;

	ASSERT_EQ(0, sim_add(sim, SECOND, FUNCTION, &other));
	entry = engine_mmap(engine, MSIX_REGION, &length);
	others = engine_mmap(&other, MSIX_REGION, &length);
	ASSERT_NE(NULL, entry);
	ASSERT_NE(NULL, others);
	mine = *entry;

	*word = 0;
	entry->address = SIM_AT + PAGE;
	entry->data = 0x12345678;
	ASSERT_EQ(0, nop(engine));
	while (*word != 0x12345678)
		usleep(1000);
	EXPECT_FALSE(signalled(engine->irq, 0));

	faults = iosim_counter(SIM_NAME, "faults");
	entry->address = 0x1000;
	ASSERT_EQ(0, nop(engine));
	while (iosim_counter(SIM_NAME, "faults") == faults)
		usleep(1000);

	/* The interrupt of another function is none of its. */
	EXPECT_NE(mine.data, others->data);
	entry->address = mine.address;
	entry->data = others->data;
	ASSERT_EQ(0, nop(engine));
	EXPECT_FALSE(signalled(other.irq, QUIET_MS));
	entry->data = mine.data;
	ASSERT_EQ(0, nop(engine));
	EXPECT_TRUE(signalled(engine->irq, WAIT_MS));
	munmap((void *)entry, length);
	munmap((void *)others, length);
	EXPECT_EQ(0, sim_remove(SECOND, &other));
}

TEST_F(function, msi)
{
	struct engine other;

	ASSERT_EQ(0, sim_add(&self->sim, SECOND,
			     FUNCTION "pci/msix=0 pci/msi=1", &other));
	ASSERT_EQ(0, nop(&other));
	EXPECT_TRUE(signalled(other.irq, WAIT_MS));
	EXPECT_FALSE(signalled(self->engine->irq, 0));
	EXPECT_EQ(0, sim_remove(SECOND, &other));
}

/* VFIO resets it by FLR: what runs is aborted, and memory and registers are clear. */
TEST_F(function, reset)
{
	struct sim *sim = &self->sim;
	struct engine *engine = self->engine;
	volatile uint64_t *memory;
	size_t length;

	memory = engine_mmap(engine, IOSIM_REGION_MEMORY, &length);
	ASSERT_NE(NULL, memory);
	ASSERT_EQ(IOSIM_MEMORY_SIZE, length);
	memory[100] = 42;
	EXPECT_EQ(42, memory[100]);
	ASSERT_EQ(0, start_endless(sim, SIM_NAME, engine));
	ASSERT_EQ(0, engine_reset(engine));
	EXPECT_EQ(0, memory[100]);
	EXPECT_EQ(0, engine_read32(engine, IOSIM_REG_BUSY));
	EXPECT_EQ(0, engine_read32(engine, IOSIM_REG_COMPLETED));
	EXPECT_EQ(IOSIM_MAGIC, engine_read32(engine, IOSIM_REG_MAGIC));
	EXPECT_EQ(0, vfio_enable_dma(engine->fd, true));
	EXPECT_EQ(0, function_works(sim, engine));

	/* Its own reset, by who has mapped the registers. */
	memory[100] = 42;
	ASSERT_EQ(0, start_endless(sim, SIM_NAME, engine));
	*(volatile uint32_t *)(engine->mapped + IOSIM_REG_CTRL) =
		IOSIM_CTRL_RESET;
	while (*(volatile uint32_t *)(engine->mapped + IOSIM_REG_CTRL))
		usleep(1000);
	EXPECT_EQ(IOSIM_STATUS_ABORTED, endless_status(sim));
	EXPECT_EQ(0, memory[100]);
	EXPECT_EQ(0, function_works(sim, engine));
	munmap((void *)memory, length);
}

TEST_F(function, pasid)
{
	struct sim *sim = &self->sim;
	struct sim_space space;
	unsigned int at = config_find_ext(self->config, PCI_EXT_CAP_ID_PASID);

	ASSERT_EQ(0, sim_space_open(sim, &space));
	ASSERT_EQ(0, iommu_pasid_attach(sim->fd, self->engine->dev_id, PASID,
					space.ioas));
	EXPECT_EQ(0, sim_space_check(&space, self->engine, PASID));
	EXPECT_EQ(-ENODATA, sim_space_check(&space, self->engine, PASID + 1));
	EXPECT_EQ(0, function_works(sim, self->engine));
	/* A function on which PASIDs are not enabled sends none: */
	config_put(self->config, at + PCI_PASID_CTRL, 2, 0);
	EXPECT_EQ(-ENODATA, sim_space_check(&space, self->engine, PASID));
	config_put(self->config, at + PCI_PASID_CTRL, 2, PCI_PASID_CTRL_ENABLE);
	EXPECT_EQ(0, sim_space_check(&space, self->engine, PASID));
	ASSERT_EQ(0, iommu_pasid_detach(sim->fd, self->engine->dev_id, PASID));
	EXPECT_EQ(-ENODATA, sim_space_check(&space, self->engine, PASID));
}

TEST_F(function, page_request)
{
	struct sim *sim = &self->sim;
	struct iommu_hwpt_pgfault fault;
	struct fault_queue queue;
	struct dma dma = sim_dma(sim, 0);
	struct iosim_desc desc = dma_desc_fill(PAGE, PAGE, 77);
	char *page = mem_anon(PAGE);
	uint32_t hwpt;
	unsigned int at = config_find_ext(self->config, PCI_EXT_CAP_ID_PRI);

	ASSERT_NE(NULL, page);
	ASSERT_EQ(0, fault_queue_open(sim->fd, &queue));
	ASSERT_EQ(0, iommu_hwpt_alloc_fault(sim->fd, self->engine->dev_id,
					    sim->ioas, 0, queue.id, &hwpt));
	EXPECT_EQ(0, config_get(self->config, at + PCI_PRI_CTRL, 2));
	ASSERT_EQ(0, sim_attach(sim, hwpt));
	EXPECT_EQ(PCI_PRI_CTRL_ENABLE,
		  config_get(self->config, at + PCI_PRI_CTRL, 2));
	dma.block = true;
	ASSERT_EQ(0, dma_start(&dma, &desc));
	ASSERT_EQ(1, fault_read_group(queue.fd, &fault, 1));
	EXPECT_EQ(PAGE, fault.addr);
	ASSERT_EQ(0, iommu_map_fixed(sim->fd, sim->ioas, page, PAGE, IOMMU_RW,
				     PAGE));
	ASSERT_EQ(0, fault_respond(queue.fd, fault.cookie,
				   IOMMUFD_PAGE_RESP_SUCCESS));
	EXPECT_EQ(0, dma_wait(&dma));
	EXPECT_EQ(77, *(uint64_t *)page);

	/* A function that may not request pages makes none. */
	ASSERT_EQ(0, iommu_ioas_unmap(sim->fd, sim->ioas, PAGE, PAGE, NULL));
	config_put(self->config, at + PCI_PRI_CTRL, 2, 0);
	EXPECT_EQ(IOSIM_REASON_NOT_PRESENT, dma_run(&dma, &desc));
	ASSERT_EQ(0, sim_attach(sim, sim->ioas));
	EXPECT_EQ(0, config_get(self->config, at + PCI_PRI_CTRL, 2));
	close(queue.fd);
	mem_free(page, PAGE);
}

static void *unplug_fn(void *arg)
{
	*(int *)arg = iosim_unplug(SIM_NAME);
	return NULL;
}

/* Pulled out while a process has it open: it is asked to let go, and DMA goes on. */
TEST_F(function, removal)
{
	struct sim *sim = &self->sim;
	int request = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), rc = 1;
	struct engine other;
	pthread_t thread;
	char name[64];

	ASSERT_EQ(0, sim_add(sim, SECOND, FUNCTION, &other));
	ASSERT_EQ(0, vfio_attach(other.fd, sim->ioas, NULL));
	ASSERT_EQ(0, vfio_eventfd(self->engine->fd, VFIO_PCI_REQ_IRQ_INDEX,
				  request));
	ASSERT_EQ(0, pthread_create(&thread, NULL, unplug_fn, &rc));
	EXPECT_TRUE(signalled(request, WAIT_MS));
	EXPECT_EQ(0, function_works(sim, self->engine));
	/* Nobody else waits for this user: functions come and go. */
	EXPECT_EQ(0, sim_remove(SECOND, &other));
	ASSERT_EQ(0, sim_add(sim, SECOND, FUNCTION, &other));
	EXPECT_EQ(0, sim_remove(SECOND, &other));
	EXPECT_EQ(1, rc);
	engine_close(self->engine);
	pthread_join(thread, NULL);
	EXPECT_EQ(0, rc);
	EXPECT_EQ(-ENODEV, iosim_get(SIM_NAME, "device", name, sizeof(name)));
	close(request);

	ASSERT_EQ(0, iosim_plug(SIM_NAME));
	ASSERT_EQ(0, engine_open_name(self->engine, SIM_NAME, sim->fd));
	ASSERT_EQ(0, sim_attach(sim, sim->ioas));
	EXPECT_EQ(0, function_works(sim, self->engine));
}

SIM_HARNESS_MAIN
