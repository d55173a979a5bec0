// SPDX-License-Identifier: GPL-2.0-only
/*
 * Addresses of 64 bits: the last page, where the sum of an address and a length is
 * 0, and page 0, which is no neighbour of it. The simulator forgets a translation
 * when it is told to and not before: a device that still reaches what has been
 * unmapped shows a flush that was left out.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "kselftest_harness.h"

#include "iommu.h"
#include "mem.h"
#include "sim.h"
#include "vfio.h"

#define PAGE SIM_PAGE
#define TOP (UINT64_MAX - PAGE + 1)
/* Where a parent has what its child shows at both ends. */
#define IN_PARENT 0x10000000ULL

/* The two ends, in the order in which they are unmapped. */
FIXTURE(wide)
{
	struct sim sim;
	struct dma dma;
	uint64_t iova[2];
	char *mem;
	char *page[2];
};

FIXTURE_VARIANT(wide)
{
	uint64_t iova[2];
	const char *fail;
};

FIXTURE_VARIANT_ADD(wide, top_first)
{
	.iova = { TOP, 0 },
	.fail = "1",
};

FIXTURE_VARIANT_ADD(wide, zero_first)
{
	.iova = { 0, TOP },
	.fail = "1",
};

FIXTURE_SETUP(wide)
{
	struct sim *sim = &self->sim;
	int i;

	NEED_SIM;
	ASSERT_EQ(0, sim_open(sim, "addr_bits=64"));
	self->dma = sim_dma(sim, 0);
	self->mem = mem_scattered(4 * PAGE);
	ASSERT_NE(NULL, self->mem);
	for (i = 0; i < 2; i++) {
		self->iova[i] = variant->iova[i];
		self->page[i] = self->mem + 2 * i * PAGE;
	}
}

FIXTURE_TEARDOWN(wide)
{
	EXPECT_EQ(0, sim_close(&self->sim));
	mem_free(self->mem, 4 * PAGE);
}

static struct ioasid_batch_entry map_entry(const void *va, uint64_t iova)
{
	return (struct ioasid_batch_entry) {
		.src = iommu_ptr(va),
		.iova = iova,
		.length = PAGE,
		.flags = IOMMU_RW | IOMMU_FIXED,
	};
}

static struct ioasid_batch_entry unmap_entry(uint64_t iova)
{
	return (struct ioasid_batch_entry) { .iova = iova, .length = PAGE };
}

/* The device reaches both, and so remembers where they are. */
#define EXPECT_REACHED()						\
	do {								\
		int at;							\
									\
		for (at = 0; at < 2; at++) {				\
			EXPECT_EQ(0, dma_check(&self->dma,		\
					       self->iova[at],		\
					       self->page[at]));	\
		}							\
	} while (0)

/* The device is stopped, and what was there is as the process left it. */
#define EXPECT_STOPPED()						\
	do {								\
		int at;							\
									\
		memset(self->mem, 0x11, 4 * PAGE);			\
		for (at = 0; at < 2; at++) {				\
			EXPECT_EQ(IOSIM_REASON_NOT_PRESENT,		\
				  dma_poke(&self->dma, self->iova[at],	\
					   0x2222222222222222));	\
			EXPECT_EQ(self->iova[at], self->dma.addr);	\
			EXPECT_EQ(0x11, self->page[at][0]);		\
		}							\
	} while (0)

TEST_F(wide, ranges)
{
	struct sim *sim = &self->sim;
	struct iommu_iova_range range;
	uint32_t nr = 1;

	ASSERT_EQ(0, sim_attach(sim, sim->ioas));
	ASSERT_EQ(0, iommu_iova_ranges(sim->fd, sim->ioas, &range, &nr, NULL));
	EXPECT_EQ(1, nr);
	EXPECT_EQ(0, range.start);
	EXPECT_EQ(UINT64_MAX, range.last);
}

TEST_F(wide, unmap)
{
	struct sim *sim = &self->sim;
	uint64_t length;
	int i;

	ASSERT_EQ(0, sim_attach(sim, sim->ioas));
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, iommu_map_fixed(sim->fd, sim->ioas, self->page[i],
					     PAGE, IOMMU_RW, self->iova[i]));
	}
	EXPECT_REACHED();
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, iommu_ioas_unmap(sim->fd, sim->ioas,
					      self->iova[i], PAGE, &length));
		EXPECT_EQ(PAGE, length);
	}
	EXPECT_STOPPED();
	EXPECT_EQ(0, dma_check(&self->dma, SIM_AT, sim->buf));
}

TEST_F(wide, unmap_all)
{
	struct sim *sim = &self->sim;
	int i;

	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, iommu_map_fixed(sim->fd, sim->ioas, self->page[i],
					     PAGE, IOMMU_RW, self->iova[i]));
	}
	ASSERT_EQ(0, sim_attach(sim, sim->ioas));
	EXPECT_REACHED();
	ASSERT_EQ(0, iommu_ioas_unmap(sim->fd, sim->ioas, 0, UINT64_MAX, NULL));
	memset(self->mem, 0x11, 4 * PAGE);
	/* Nor is there a place for completions. */
	for (i = 0; i < 2; i++) {
		EXPECT_EQ(-ENODATA, dma_poke(&self->dma, self->iova[i], 0));
		EXPECT_EQ(0x11, self->page[i][0]);
	}
	EXPECT_EQ(sim->pinned, mem_wait_pinned(sim->pinned));
}

TEST_F(wide, batch)
{
	struct sim *sim = &self->sim;
	struct ioasid_batch_entry entries[2];
	int i;

	ASSERT_EQ(0, sim_attach(sim, sim->ioas));
	for (i = 0; i < 2; i++)
		entries[i] = map_entry(self->page[i], self->iova[i]);
	ASSERT_EQ(0, iommu_map_batch(sim->fd, sim->ioas, entries, 2, NULL));
	EXPECT_REACHED();
	for (i = 0; i < 2; i++)
		entries[i] = unmap_entry(self->iova[i]);
	ASSERT_EQ(0, iommu_unmap_batch(sim->fd, sim->ioas, entries, 2, NULL));
	EXPECT_EQ(PAGE, entries[0].length);
	EXPECT_EQ(PAGE, entries[1].length);
	EXPECT_STOPPED();
	EXPECT_EQ(0, dma_check(&self->dma, SIM_AT, sim->buf));
}

/* One unmap of the parent takes what its child shows at both ends. */
TEST_F(wide, parent)
{
	struct sim *sim = &self->sim;
	uint32_t child;
	int i;

	ASSERT_EQ(0, iommu_alloc_nested(sim->fd, sim->ioas, &child));
	ASSERT_EQ(0, sim_attach(sim, child));
	for (i = 0; i < 2; i++) {
		uint64_t at = IN_PARENT + i * PAGE;

		ASSERT_EQ(0, iommu_map_fixed(sim->fd, sim->ioas, self->page[i],
					     PAGE, IOMMU_RW, at));
		ASSERT_EQ(0, iommu_map_fixed(sim->fd, child, (void *)at, PAGE,
					     IOMMU_RW, self->iova[i]));
	}
	ASSERT_EQ(0, iommu_map_fixed(sim->fd, child, (void *)SIM_AT, SIM_SIZE,
				     IOMMU_RW, SIM_AT));
	EXPECT_REACHED();
	ASSERT_EQ(0, iommu_ioas_unmap(sim->fd, sim->ioas, IN_PARENT, 2 * PAGE,
				      NULL));
	EXPECT_STOPPED();
	EXPECT_EQ(0, dma_check(&self->dma, SIM_AT, sim->buf));
}

/* A batch that fails when the device has seen it already --------------------- */

struct mapper {
	const struct sim *sim;
	struct ioasid_batch_entry entries[2];
	uint32_t done;
	atomic_bool over;
	int rc;
};

static void *map_both(void *arg)
{
	struct mapper *mapper = arg;

	mapper->rc = iommu_map_batch(mapper->sim->fd, mapper->sim->ioas,
				     mapper->entries, 2, &mapper->done);
	mapper->over = true;
	return NULL;
}

/*
 * The driver fails late, and slowly: meanwhile the device reaches what is mapped. What
 * the batch does not say is done is gone when it returns.
 */
TEST_F(wide, batch_undone)
{
	struct sim *sim = &self->sim;
	struct mapper mapper = { .sim = sim };
	pthread_t thread;
	uint32_t i;

	EXPECT_EQ(0, sim_close(sim));
	ASSERT_EQ(0, sim_open(sim, "addr_bits=64 quirks=sync_map"));
	ASSERT_EQ(0, sim_attach(sim, sim->ioas));
	self->dma = sim_dma(sim, 0);
	for (i = 0; i < 2; i++)
		mapper.entries[i] = map_entry(self->page[i], self->iova[i]);
	ASSERT_EQ(0, iosim_set(SIM_NAME, "sync_map_fail", variant->fail));
	ASSERT_EQ(0, pthread_create(&thread, NULL, map_both, &mapper));
	while (!mapper.over)
		for (i = 0; i < 2; i++)
			dma_poke(&self->dma, self->iova[i], 0);
	pthread_join(thread, NULL);

	EXPECT_EQ(-EIO, mapper.rc);
	ASSERT_GT(2, mapper.done);
	EXPECT_EQ(EIO, mapper.entries[mapper.done].error);
	if (mapper.done)
		EXPECT_EQ(0, iommu_ioas_unmap(sim->fd, sim->ioas,
					      self->iova[0], PAGE, NULL));
	EXPECT_STOPPED();
	EXPECT_EQ(0, dma_check(&self->dma, SIM_AT, sim->buf));
}

/* Page tables -------------------------------------------------------------- */

/* Large pages, up to the end. */
TEST_F(wide, large_pages)
{
	const uint64_t at = UINT64_MAX - SIM_SIZE + 1;
	struct sim *sim = &self->sim;

	ASSERT_EQ(0, sim_attach(sim, sim->ioas));
	ASSERT_EQ(0, iommu_map_fixed(sim->fd, sim->ioas, sim->buf, SIM_SIZE,
				     IOMMU_RW, at));
	EXPECT_EQ(0, dma_check(&self->dma, at, sim->buf));
	EXPECT_EQ(0, dma_check(&self->dma, UINT64_MAX - 7,
			       sim->buf + SIM_SIZE - 8));
	ASSERT_EQ(0, iommu_ioas_unmap(sim->fd, sim->ioas, at, SIM_SIZE, NULL));
	EXPECT_EQ(IOSIM_REASON_NOT_PRESENT, dma_peek(&self->dma, at, NULL));
	EXPECT_EQ(IOSIM_REASON_NOT_PRESENT,
		  dma_peek(&self->dma, UINT64_MAX - 7, NULL));
}

static int read_dirty(const struct sim *sim, uint32_t hwpt, uint64_t iova,
		      uint64_t *bits)
{
	struct iommu_hwpt_get_dirty_bitmap cmd = {
		.size = sizeof(cmd),
		.hwpt_id = hwpt,
		.iova = iova,
		.length = PAGE,
		.page_size = PAGE,
		.data = iommu_ptr(bits),
	};

	*bits = 0;
	return iommu_cmd(sim->fd, IOMMU_HWPT_GET_DIRTY_BITMAP, &cmd);
}

TEST_F(wide, dirty)
{
	struct sim *sim = &self->sim;
	struct iommu_hwpt_set_dirty_tracking track = {
		.size = sizeof(track),
		.flags = IOMMU_HWPT_DIRTY_TRACKING_ENABLE,
	};
	uint64_t bits;
	uint32_t hwpt;
	int i;

	ASSERT_EQ(0, iommu_hwpt_alloc(sim->fd, sim->engine.dev_id, sim->ioas,
				      IOMMU_HWPT_ALLOC_DIRTY_TRACKING, &hwpt));
	ASSERT_EQ(0, sim_attach(sim, hwpt));
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, iommu_map_fixed(sim->fd, sim->ioas, self->page[i],
					     PAGE, IOMMU_RW, self->iova[i]));
	}
	track.hwpt_id = hwpt;
	ASSERT_EQ(0, iommu_cmd(sim->fd, IOMMU_HWPT_SET_DIRTY_TRACKING, &track));
	ASSERT_EQ(0, dma_poke(&self->dma, self->iova[0], 1));
	EXPECT_EQ(0, read_dirty(sim, hwpt, self->iova[0], &bits));
	EXPECT_EQ(1, bits);
	EXPECT_EQ(0, read_dirty(sim, hwpt, self->iova[1], &bits));
	EXPECT_EQ(0, bits);
}

SIM_HARNESS_MAIN
