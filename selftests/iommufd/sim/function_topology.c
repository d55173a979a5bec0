// SPDX-License-Identifier: GPL-2.0-only
/*
 * Simulated functions below ports and beside each other: groups, ACS, peer-to-peer DMA
 * through the IOMMU and past it, resets of a bus, ports that go.
 */
#define _GNU_SOURCE
#include <linux/pci_regs.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "functions.h"
#include "iommu.h"
#include "mem.h"

#define PAGE SIM_PAGE
#define SECOND "second"
#define BAR_IOVA 0x80000000ULL
#define ACS_ALL "0x1d"

/*
 * A switch with two ports, a function below each, and a descriptor that has both and an
 * IOAS. As the attributes of @port say, the ports have ACS.
 */
FIXTURE(topology)
{
	struct sim sim;
	struct engine *a;
	struct engine b;
	volatile uint64_t *b_memory;
	size_t length;
};

FIXTURE_VARIANT(topology)
{
	const char *acs;
	bool isolated;
};

FIXTURE_VARIANT_ADD(topology, acs)
{
	.acs = "pci/acs=" ACS_ALL,
	.isolated = true,
};

FIXTURE_VARIANT_ADD(topology, no_acs)
{
	.acs = "",
};

static int make_port(const char *name, const char *kind, const char *port,
		     const char *more)
{
	char attributes[128];

	snprintf(attributes, sizeof(attributes), "kind=%s %s%s %s", kind,
		 *port ? "pci/port=" : "", port, more);
	return iosim_create(name, attributes);
}

FIXTURE_SETUP(topology)
{
	struct sim *sim = &self->sim;

	NEED_FUNCTIONS;
	ASSERT_EQ(0, make_port("root", "root-port", "",
			       "pci/msi=1 pci/acs=" ACS_ALL));
	ASSERT_EQ(0, make_port("switch", "upstream", "root", ""));
	ASSERT_EQ(0, make_port("left", "downstream", "switch", variant->acs));
	ASSERT_EQ(0, make_port("right", "downstream", "switch", variant->acs));
	self->a = &sim->engine;
	ASSERT_EQ(0, sim_open(sim, FUNCTION "pci/port=left"));
	ASSERT_EQ(0, sim_add(sim, SECOND, FUNCTION "pci/port=right", &self->b));
	ASSERT_EQ(0, sim_attach(sim, sim->ioas));
	self->b_memory = engine_mmap(&self->b, IOSIM_REGION_MEMORY,
				     &self->length);
	ASSERT_NE(NULL, self->b_memory);
}

FIXTURE_TEARDOWN(topology)
{
	if (!self->a)
		return;
	munmap((void *)self->b_memory, self->length);
	sim_remove(SECOND, &self->b);
	EXPECT_EQ(0, sim_close(&self->sim));
	EXPECT_EQ(0, iosim_destroy("right"));
	EXPECT_EQ(0, iosim_destroy("left"));
	EXPECT_EQ(0, iosim_destroy("switch"));
	EXPECT_EQ(0, iosim_destroy("root"));
}

static int group_of(const char *name)
{
	struct vfio_pci pci;
	char bdf[64];
	int rc = iosim_get(name, "device", bdf, sizeof(bdf));

	if (!rc)
		rc = vfio_at(bdf, &pci);
	return rc ?: pci.group;
}

/*
 * Without ACS the function and the port above it are in one group. Linux 6.12 does not put
 * the two ports of the switch into one: its groups are too narrow there, see
 * past_the_iommu.
 */
TEST_F(topology, groups)
{
	EXPECT_LE(0, group_of(SIM_NAME));
	if (variant->isolated) {
		EXPECT_NE(group_of(SIM_NAME), group_of(SECOND));
		EXPECT_NE(group_of(SIM_NAME), group_of("left"));
	} else {
		EXPECT_EQ(group_of(SIM_NAME), group_of("left"));
		EXPECT_EQ(group_of(SECOND), group_of("right"));
	}
	EXPECT_NE(group_of(SIM_NAME), group_of("root"));
	EXPECT_EQ(0, function_works(&self->sim, self->a));
}

/* The address of B's memory, as the kernel has given it out. */
static uint64_t bar_of(const char *name)
{
	int config = function_config(name);
	uint64_t bar = config_get(config, PCI_BASE_ADDRESS_2, 4) & ~0xfULL;

	bar |= (uint64_t)config_get(config, PCI_BASE_ADDRESS_3, 4) << 32;
	close(config);
	return bar;
}

/*
 * The reason why there are groups: without ACS, a DMA address that is the address of a
 * neighbour's BAR gets there, whatever the IOMMU would have made of it.
 */
TEST_F(topology, past_the_iommu)
{
	struct sim *sim = &self->sim;
	struct dma dma = sim_dma(sim, 0);
	uint64_t bar = bar_of(SECOND);
	int64_t past;

	self->b_memory[0] = 1;
	past = iosim_counter(SIM_NAME, "peer_accesses");
	if (variant->isolated) {
		EXPECT_EQ(IOSIM_REASON_NOT_PRESENT, dma_poke(&dma, bar, 2));
		EXPECT_EQ(1, self->b_memory[0]);
		EXPECT_EQ(past, iosim_counter(SIM_NAME, "peer_accesses"));
		/* Mapped, the same address is memory as any other. */
		ASSERT_EQ(0, iommu_map_fixed(sim->fd, sim->ioas, sim->buf, PAGE,
					     IOMMU_RW, bar));
		EXPECT_EQ(0, dma_poke(&dma, bar, 2));
		EXPECT_EQ(2, *(uint64_t *)sim->buf);
		EXPECT_EQ(1, self->b_memory[0]);
	} else {
		EXPECT_EQ(0, dma_poke(&dma, bar, 2));
		EXPECT_EQ(2, self->b_memory[0]);
		EXPECT_LT(past, iosim_counter(SIM_NAME, "peer_accesses"));
		/* Within the window of the switch, but nobody's: */
		EXPECT_EQ(IOSIM_REASON_UNSUPPORTED,
			  dma_poke(&dma, bar + (512 << 10), 2));
	}
}

/* ACS can be taken away from a port at any time, by who may. */
TEST_F(topology, acs_control)
{
	struct dma dma = sim_dma(&self->sim, 0);
	uint64_t bar = bar_of(SECOND);
	int port = function_config("left");
	unsigned int at = config_find_ext(port, PCI_EXT_CAP_ID_ACS);

	if (!variant->isolated) {
		EXPECT_EQ(0, at);
		close(port);
		return;
	}
	ASSERT_NE(0, at);
	EXPECT_EQ(0x1d, config_get(port, at + PCI_ACS_CTRL, 2));
	self->b_memory[0] = 1;
	config_put(port, at + PCI_ACS_CTRL, 2, 0);
	EXPECT_EQ(0, dma_poke(&dma, bar, 2));
	EXPECT_EQ(2, self->b_memory[0]);
	config_put(port, at + PCI_ACS_CTRL, 2, 0x1d);
	EXPECT_EQ(IOSIM_REASON_NOT_PRESENT, dma_poke(&dma, bar, 3));
	EXPECT_EQ(2, self->b_memory[0]);
	close(port);
}

/* B's memory is mapped for A, and is not any more when B is unbound. */
TEST_F(topology, through_the_iommu)
{
	struct sim *sim = &self->sim;
	struct dma dma = sim_dma(sim, 0);
	uint64_t same, *words = (uint64_t *)sim->buf;
	uint64_t i;

	for (i = 0; i < IOSIM_MEMORY_SIZE / 8; i++)
		words[i] = i * 0x9e3779b97f4a7c15;
	ASSERT_EQ(0, iommu_map_fixed(sim->fd, sim->ioas,
				     (void *)self->b_memory, self->length,
				     IOMMU_RW, BAR_IOVA));
	ASSERT_EQ(0, dma_copy(&dma, SIM_AT, BAR_IOVA, IOSIM_MEMORY_SIZE));
	EXPECT_EQ(0, memcmp((void *)self->b_memory, words, IOSIM_MEMORY_SIZE));
	ASSERT_EQ(0, dma_compare(&dma, SIM_AT, BAR_IOVA, IOSIM_MEMORY_SIZE,
				 &same));
	EXPECT_EQ(IOSIM_MEMORY_SIZE, same);
	/* B can do the same to its own, by the same IOAS. */
	munmap((void *)self->b_memory, self->length);
	engine_close(&self->b);
	EXPECT_EQ(IOSIM_REASON_NOT_PRESENT, dma_poke(&dma, BAR_IOVA, 1));
	ASSERT_EQ(0, engine_open_name(&self->b, SECOND, sim->fd));
	self->b_memory = engine_mmap(&self->b, IOSIM_REGION_MEMORY,
				     &self->length);
	ASSERT_NE(NULL, self->b_memory);
	EXPECT_EQ(0, self->b_memory[0]);
}

/* A port goes after what is below it, and a port that is there cannot change. */
static void *unplug_fn(void *arg)
{
	*(int *)arg = iosim_unplug("right");
	return NULL;
}

TEST_F(topology, port_goes)
{
	pthread_t thread;
	int rc = 1;

	EXPECT_EQ(-EBUSY, iosim_set("right", "pci/acs", "0"));
	ASSERT_EQ(0, pthread_create(&thread, NULL, unplug_fn, &rc));
	munmap((void *)self->b_memory, self->length);
	EXPECT_EQ(0, sim_remove(SECOND, &self->b));
	pthread_join(thread, NULL);
	EXPECT_EQ(0, rc);
	EXPECT_EQ(0, iosim_set("right", "pci/acs", "0"));
	EXPECT_EQ(0, function_works(&self->sim, self->a));
	self->b_memory = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS,
			      -1, 0);
	self->length = PAGE;
}

/* What fits where. */
TEST_F(topology, places)
{
	EXPECT_EQ(-ENODEV, make_port("x", "downstream", "nowhere", ""));
	EXPECT_EQ(-EINVAL, make_port("x", "downstream", "root", ""));
	EXPECT_EQ(-EINVAL, make_port("x", "upstream", "left", ""));
	EXPECT_EQ(-EINVAL, make_port("x", "root-port", "switch", ""));
	EXPECT_EQ(-EINVAL, make_port("x", "function", "switch", ""));
	EXPECT_EQ(-EINVAL, make_port("x", "function", "left", "pci/devfn=01.0"));
	EXPECT_EQ(-EBUSY, make_port("x", "function", "left", "pci/devfn=00.0"));
	EXPECT_EQ(-EINVAL, make_port("x", "function", "", "group=test"));
	EXPECT_EQ(-EINVAL, make_port("x", "function", "", "pci/devfn=20.0"));
	EXPECT_EQ(-EINVAL, make_port("x", "function", "", "pci/id=ffff:0001"));
	EXPECT_EQ(-ERANGE, make_port("x", "function", "", "pci/memory=5000"));
	EXPECT_EQ(-ERANGE, make_port("x", "function", "", "pci/acs=0x8000"));
	EXPECT_EQ(-ERANGE, make_port("x", "function", "", "pci/msix=65"));
}

/* Without the ability to be reset alone, a function is reset with its bus. */
TEST_F(topology, bus_reset)
{
	struct sim *sim = &self->sim;
	volatile uint64_t *memory;
	struct engine c;
	size_t length;

	ASSERT_EQ(0, make_port("other", "root-port", "", ""));
	ASSERT_EQ(0, sim_add(sim, "third", FUNCTION "pci/port=other pci/flr=0",
			     &c));
	memory = engine_mmap(&c, IOSIM_REGION_MEMORY, &length);
	ASSERT_NE(NULL, memory);
	memory[7] = 42;
	self->b_memory[7] = 42;
	ASSERT_EQ(0, engine_reset(&c));
	EXPECT_EQ(0, memory[7]);
	EXPECT_EQ(42, self->b_memory[7]);
	munmap((void *)memory, length);
	EXPECT_EQ(0, sim_remove("third", &c));
	EXPECT_EQ(0, iosim_destroy("other"));
}

/* Functions of one device: PASIDs only where ACS keeps them apart. */
static int pasids(struct sim *sim, const char *name, const char *attributes)
{
	struct engine engine;
	int rc = sim_add(sim, name, attributes, &engine);

	if (!rc)
		rc = iommu_pasid_attach(sim->fd, engine.dev_id, 1, sim->ioas);
	if (!rc)
		rc = iommu_pasid_detach(sim->fd, engine.dev_id, 1);
	sim_remove(name, &engine);
	return rc;
}

#define OF_TWO FUNCTION "pci/devfn=1f.0 pci/multifunction=1 pasid_bits=4 "

TEST_F(topology, pasids_need_acs)
{
	EXPECT_NE(0, pasids(&self->sim, "third", OF_TWO));
	EXPECT_EQ(0, pasids(&self->sim, "third", OF_TWO "pci/acs=0x1c"));
}

SIM_HARNESS_MAIN
