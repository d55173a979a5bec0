// SPDX-License-Identifier: GPL-2.0-only
/*
 * Dirty tracking: what SET_DIRTY_TRACKING and GET_DIRTY_BITMAP take and refuse, and that
 * the bitmap is exact at all its edges: of bits, words, windows, memory, mappings.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "kselftest_harness.h"

#include "iommu.h"
#include "mem.h"
#include "sim.h"
#include "vfio.h"

#define PAGE SIM_PAGE
#define HUGE (2ULL << 20)
#define GIB (1ULL << 30)
/* Memory in small pages, which is nowhere near the other. */
#define AT (4 * GIB)
#define NR 200
#define WORDS 8
#define NO_SUCH_ID 0x7fffff00
#define NO_CLEAR IOMMU_HWPT_GET_DIRTY_BITMAP_NO_CLEAR

FIXTURE(dirty)
{
	struct sim sim;
	struct dma dma;
	uint32_t hwpt;
	char *mem;
};

FIXTURE_SETUP(dirty)
{
	struct sim *sim = &self->sim;

	NEED_SIM;
	ASSERT_EQ(0, sim_open(sim, ""));
	ASSERT_EQ(0, iommu_hwpt_alloc(sim->fd, sim->engine.dev_id, sim->ioas,
				      IOMMU_HWPT_ALLOC_DIRTY_TRACKING,
				      &self->hwpt));
	ASSERT_EQ(0, sim_attach(sim, self->hwpt));
	self->dma = sim_dma(sim, 0);
	self->mem = mem_scattered(NR * PAGE);
	ASSERT_NE(NULL, self->mem);
	ASSERT_EQ(0, iommu_map_fixed(sim->fd, sim->ioas, self->mem, NR * PAGE,
				     IOMMU_RW, AT));
	ASSERT_EQ(0, iommu_hwpt_set_dirty(sim->fd, self->hwpt, true));
}

FIXTURE_TEARDOWN(dirty)
{
	EXPECT_EQ(0, sim_close(&self->sim));
	mem_free(self->mem, NR * PAGE);
}

typedef FIXTURE_DATA(dirty) fixture;

static int get(fixture *self, uint32_t flags, uint64_t iova, uint64_t length,
	       uint64_t page_size, void *bits)
{
	return iommu_hwpt_get_dirty(self->sim.fd, self->hwpt, flags, iova,
				    length, page_size, bits);
}

/* The device writes to page @i. */
static int touch(fixture *self, unsigned int i)
{
	return dma_poke(&self->dma, AT + i * PAGE + 8 * (i % 512), i + 1);
}

static int touch_all(fixture *self)
{
	return dma_fill(&self->dma, AT, NR * PAGE, 7);
}

static bool bit(const void *bits, uint64_t i)
{
	return ((const uint8_t *)bits)[i / 8] >> i % 8 & 1;
}

static unsigned int count(const void *bits, size_t bytes)
{
	unsigned int set = 0;
	uint64_t i;

	for (i = 0; i < bytes * 8; i++)
		set += bit(bits, i);
	return set;
}

/* What is refused --------------------------------------------------------- */

TEST_F(dirty, set_bad_input)
{
	const struct sim *sim = &self->sim;
	struct iommu_hwpt_set_dirty_tracking cmd = {
		.size = sizeof(cmd),
		.hwpt_id = self->hwpt,
		.flags = 2,
	};
	uint32_t plain;

	EXPECT_EQ(-EOPNOTSUPP,
		  iommu_cmd(sim->fd, IOMMU_HWPT_SET_DIRTY_TRACKING, &cmd));
	cmd.flags = 0;
	cmd.__reserved = 1;
	EXPECT_EQ(-EOPNOTSUPP,
		  iommu_cmd(sim->fd, IOMMU_HWPT_SET_DIRTY_TRACKING, &cmd));
	EXPECT_EQ(-ENOENT, iommu_hwpt_set_dirty(sim->fd, NO_SUCH_ID, true));
	EXPECT_EQ(-ENOENT, iommu_hwpt_set_dirty(sim->fd, sim->ioas, true));

	ASSERT_EQ(0, iommu_hwpt_alloc(sim->fd, sim->engine.dev_id, sim->ioas,
				      0, &plain));
	EXPECT_EQ(-EOPNOTSUPP, iommu_hwpt_set_dirty(sim->fd, plain, true));
	EXPECT_EQ(-EOPNOTSUPP, iommu_hwpt_set_dirty(sim->fd, plain, false));
}

TEST_F(dirty, get_bad_input)
{
	const struct sim *sim = &self->sim;
	uint64_t bits[WORDS] = {};
	struct iommu_hwpt_get_dirty_bitmap cmd = {
		.size = sizeof(cmd),
		.hwpt_id = self->hwpt,
		.__reserved = 1,
		.iova = AT,
		.length = PAGE,
		.page_size = PAGE,
		.data = iommu_ptr(bits),
	};
	uint32_t plain;

	ASSERT_EQ(0, touch_all(self));
	EXPECT_EQ(-EOPNOTSUPP,
		  iommu_cmd(sim->fd, IOMMU_HWPT_GET_DIRTY_BITMAP, &cmd));
	EXPECT_EQ(-EOPNOTSUPP, get(self, 2, AT, PAGE, PAGE, bits));
	EXPECT_EQ(-EINVAL, get(self, 0, AT, 0, PAGE, bits));
	EXPECT_EQ(-EINVAL, get(self, 0, AT, PAGE, 0, bits));
	EXPECT_EQ(-EINVAL, get(self, 0, AT, 3 * PAGE, 3 * PAGE, bits));
	EXPECT_EQ(-EINVAL, get(self, 0, AT, PAGE, PAGE + 1, bits));
	/* Not aligned to a bit, or to a page. */
	EXPECT_EQ(-EINVAL, get(self, 0, AT + PAGE, PAGE, 2 * PAGE, bits));
	EXPECT_EQ(-EINVAL, get(self, 0, AT, PAGE, 2 * PAGE, bits));
	EXPECT_EQ(-EINVAL, get(self, 0, AT + 512, PAGE, 512, bits));
	EXPECT_EQ(-EINVAL, get(self, 0, AT, PAGE + 512, 512, bits));
	EXPECT_EQ(-EOVERFLOW, get(self, 0, -PAGE, 2 * PAGE, PAGE, bits));
	EXPECT_EQ(-EOVERFLOW, get(self, 0, AT, UINT64_MAX, PAGE, bits));
	EXPECT_EQ(-EFAULT, get(self, 0, AT, PAGE, PAGE,
			       (void *)0xffff888000000000));

	cmd.__reserved = 0;
	cmd.hwpt_id = NO_SUCH_ID;
	EXPECT_EQ(-ENOENT,
		  iommu_cmd(sim->fd, IOMMU_HWPT_GET_DIRTY_BITMAP, &cmd));
	cmd.hwpt_id = sim->ioas;
	EXPECT_EQ(-ENOENT,
		  iommu_cmd(sim->fd, IOMMU_HWPT_GET_DIRTY_BITMAP, &cmd));
	ASSERT_EQ(0, iommu_hwpt_alloc(sim->fd, sim->engine.dev_id, sim->ioas,
				      0, &plain));
	cmd.hwpt_id = plain;
	EXPECT_EQ(-EOPNOTSUPP,
		  iommu_cmd(sim->fd, IOMMU_HWPT_GET_DIRTY_BITMAP, &cmd));

	EXPECT_EQ(0, count(bits, sizeof(bits)));
	/* Nothing of this has cleared anything. */
	EXPECT_EQ(0, get(self, 0, AT, NR * PAGE, PAGE, bits));
	EXPECT_EQ(NR, count(bits, sizeof(bits)));
}

/* A user-managed page table has no dirty bits of its own. */
TEST_F(dirty, nested)
{
	struct sim *sim = &self->sim;
	uint64_t bits[WORDS] = {};
	uint32_t parent, nested;

	ASSERT_EQ(0, sim_parent_hwpt(sim, &parent));
	ASSERT_EQ(0, guest_hwpt(sim->fd, sim->engine.dev_id, parent,
				sim_guest_root(sim), 0, &nested));
	EXPECT_EQ(-ENOENT, iommu_hwpt_set_dirty(sim->fd, nested, true));
	EXPECT_EQ(-ENOENT, iommu_hwpt_get_dirty(sim->fd, nested, 0, AT, PAGE,
						PAGE, bits));
}

/* An attach's own page table does not track, and goes as if nobody had asked. */
TEST_F(dirty, automatic)
{
	struct sim *sim = &self->sim;
	uint32_t hwpt;

	ASSERT_EQ(0, vfio_attach(sim->engine.fd, sim->ioas, &hwpt));
	ASSERT_NE(self->hwpt, hwpt);
	EXPECT_EQ(-EOPNOTSUPP, iommu_hwpt_set_dirty(sim->fd, hwpt, true));
	ASSERT_EQ(0, vfio_detach(sim->engine.fd));
	EXPECT_EQ(-ENOENT, iommu_hwpt_set_dirty(sim->fd, hwpt, true));
}

TEST_F(dirty, device_without)
{
	struct sim *sim = &self->sim;
	struct engine other;
	uint32_t hwpt;

	ASSERT_EQ(0, sim_add(sim, "other", "dirty=0", &other));
	EXPECT_GT(0, iommu_hwpt_alloc(sim->fd, other.dev_id, sim->ioas,
				      IOMMU_HWPT_ALLOC_DIRTY_TRACKING, &hwpt));
	EXPECT_EQ(0, sim_remove("other", &other));
}

/* On and off -------------------------------------------------------------- */

TEST_F(dirty, begins_clean)
{
	uint64_t bits[WORDS] = {};

	ASSERT_EQ(0, touch_all(self));
	EXPECT_EQ(0, iommu_hwpt_set_dirty(self->sim.fd, self->hwpt, true));
	EXPECT_EQ(0, get(self, 0, AT, NR * PAGE, PAGE, bits));
	EXPECT_EQ(0, count(bits, sizeof(bits)));
	ASSERT_EQ(0, touch(self, 5));
	EXPECT_EQ(0, get(self, 0, AT, NR * PAGE, PAGE, bits));
	EXPECT_EQ(1, count(bits, sizeof(bits)));
}

TEST_F(dirty, off)
{
	uint64_t bits[WORDS] = {};

	EXPECT_EQ(0, iommu_hwpt_set_dirty(self->sim.fd, self->hwpt, false));
	EXPECT_EQ(0, iommu_hwpt_set_dirty(self->sim.fd, self->hwpt, false));
	ASSERT_EQ(0, touch_all(self));
	EXPECT_EQ(-EINVAL, get(self, 0, AT, NR * PAGE, PAGE, bits));
	EXPECT_EQ(0, count(bits, sizeof(bits)));
	EXPECT_EQ(0, iommu_hwpt_set_dirty(self->sim.fd, self->hwpt, true));
	EXPECT_EQ(0, get(self, 0, AT, NR * PAGE, PAGE, bits));
	EXPECT_EQ(0, count(bits, sizeof(bits)));
}

/* Exactly what has been written ------------------------------------------- */

TEST_F(dirty, pages)
{
	static const unsigned int some[] = { 0, 1, 63, 64, 65, 127, 128, 199 };
	uint64_t bits[WORDS] = {}, again[WORDS] = {};
	unsigned int i;

	for (i = 0; i < 8; i++)
		ASSERT_EQ(0, touch(self, some[i]));
	EXPECT_EQ(0, get(self, NO_CLEAR, AT, NR * PAGE, PAGE, again));
	EXPECT_EQ(0, get(self, 0, AT, NR * PAGE, PAGE, bits));
	EXPECT_EQ(0, memcmp(bits, again, sizeof(bits)));
	EXPECT_EQ(8, count(bits, sizeof(bits)));
	for (i = 0; i < 8; i++)
		EXPECT_TRUE(bit(bits, some[i]));

	/* Bits are added to what is there. */
	memset(again, 0x11, sizeof(again));
	EXPECT_EQ(0, get(self, 0, AT, NR * PAGE, PAGE, again));
	for (i = 0; i < sizeof(again); i++)
		EXPECT_EQ(0x11, ((uint8_t *)again)[i]);
	ASSERT_EQ(0, touch(self, 1));
	EXPECT_EQ(0, get(self, 0, AT, NR * PAGE, PAGE, again));
	EXPECT_EQ(0x13, ((uint8_t *)again)[0]);
}

/* Reading is not writing. */
TEST_F(dirty, only_writes)
{
	uint64_t bits[WORDS] = {}, value;

	ASSERT_EQ(0, dma_peek(&self->dma, AT, &value));
	EXPECT_EQ(0, get(self, 0, AT, NR * PAGE, PAGE, bits));
	EXPECT_EQ(0, count(bits, sizeof(bits)));
}

/* A page that is in the IOTLB as dirty becomes dirty again. */
TEST_F(dirty, again_and_again)
{
	uint64_t bits[WORDS];
	int i;

	for (i = 0; i < 20; i++) {
		memset(bits, 0, sizeof(bits));
		ASSERT_EQ(0, touch(self, 9));
		ASSERT_EQ(0, get(self, 0, AT, NR * PAGE, PAGE, bits));
		ASSERT_EQ(1, count(bits, sizeof(bits)));
		ASSERT_TRUE(bit(bits, 9));
	}
}

TEST_F(dirty, bits_of_all_sizes)
{
	uint64_t page_size;

	ASSERT_EQ(0, touch(self, 3));
	ASSERT_EQ(0, touch(self, 40));
	for (page_size = 1; page_size <= 64 * PAGE; page_size *= 2) {
		uint64_t length = 64 * PAGE, bytes = length / page_size / 8;
		uint64_t each = page_size < PAGE ? PAGE / page_size : 1, i;
		uint8_t *bits = calloc(1, bytes + 64);
		uint64_t first = 3 * PAGE / page_size;
		uint64_t second = 40 * PAGE / page_size;

		ASSERT_EQ(0, get(self, NO_CLEAR, AT, length, page_size, bits));
		for (i = 0; i < each; i++) {
			ASSERT_TRUE(bit(bits, first + i));
			ASSERT_TRUE(bit(bits, second + i));
		}
		EXPECT_EQ(first == second ? each : 2 * each,
			  count(bits, bytes + 64));
		free(bits);
	}
}

/* The bitmap may end at any byte, and behind it there may be nothing. */
TEST_F(dirty, ends_of_the_bitmap)
{
	char *edge = (char *)mem_before_hole(PAGE) + PAGE;
	unsigned int pages, first;

	ASSERT_EQ(0, touch_all(self));
	for (first = 0; first < 3; first++) {
		for (pages = 1; pages < NR - 3; pages++) {
			size_t bytes = (pages + 7) / 8;
			uint8_t *bits = (uint8_t *)edge - bytes;

			memset(edge - PAGE, 0, PAGE);
			ASSERT_EQ(0, get(self, NO_CLEAR, AT + first * PAGE,
					 pages * PAGE, PAGE, bits));
			ASSERT_EQ(pages, count(edge - PAGE, PAGE));
			ASSERT_EQ(pages, count(bits, bytes));
			ASSERT_TRUE(bit(bits, pages - 1));
		}
	}
}

TEST_F(dirty, bitmap_in_the_hole)
{
	char *edge = (char *)mem_before_hole(PAGE) + PAGE;
	uint64_t bits[WORDS] = {};

	ASSERT_EQ(0, touch_all(self));
	EXPECT_EQ(-EFAULT, get(self, NO_CLEAR, AT, NR * PAGE, PAGE, edge));
	EXPECT_EQ(-EFAULT, get(self, NO_CLEAR, AT, NR * PAGE, PAGE, edge - 8));
	/* Where nothing is dirty, nothing is written. */
	EXPECT_EQ(0, get(self, 0, AT, NR * PAGE, PAGE, bits));
	EXPECT_EQ(0, get(self, 0, AT, NR * PAGE, PAGE, edge));
	EXPECT_EQ(-EFAULT, get(self, 0, SIM_AT, 8 * HUGE, PAGE, edge));
}

/* Mappings ---------------------------------------------------------------- */

TEST_F(dirty, holes)
{
	const struct sim *sim = &self->sim;
	uint64_t bits[WORDS] = {};
	uint64_t far = AT + NR * PAGE + 17 * PAGE;

	ASSERT_EQ(0, iommu_map_fixed(sim->fd, sim->ioas, self->mem, PAGE,
				     IOMMU_RW, far));
	ASSERT_EQ(0, touch(self, NR - 1));
	ASSERT_EQ(0, dma_poke(&self->dma, far, 1));
	EXPECT_EQ(0, get(self, 0, AT, (NR + 20) * PAGE, PAGE, bits));
	EXPECT_EQ(2, count(bits, sizeof(bits)));
	EXPECT_TRUE(bit(bits, NR - 1));
	EXPECT_TRUE(bit(bits, NR + 17));
	/* Nothing at all. */
	memset(bits, 0, sizeof(bits));
	EXPECT_EQ(0, get(self, 0, AT + GIB, 64 * PAGE, PAGE, bits));
	EXPECT_EQ(0, count(bits, sizeof(bits)));
}

/* The kernel looks at a GiB at a time, whatever the bitmap begins with. */
TEST_F(dirty, windows)
{
	static const uint64_t where[] = {
		AT + 201 * PAGE, AT + GIB - PAGE, AT + GIB, AT + GIB + PAGE,
		AT + 2 * GIB - PAGE, AT + 2 * GIB, AT + 5 * GIB + 77 * PAGE,
		AT + 6 * GIB - PAGE,
	};
	static const uint64_t begin[] = {
		AT, AT + PAGE, AT + 63 * PAGE, AT + 64 * PAGE, AT + 65 * PAGE,
	};
	const struct sim *sim = &self->sim;
	size_t bytes = 6 * GIB / PAGE / 8;
	uint8_t *bits = mem_anon(bytes);
	unsigned int i, b;

	ASSERT_NE(NULL, bits);
	for (i = 0; i < 8; i++)
		ASSERT_EQ(0, iommu_map_fixed(sim->fd, sim->ioas, self->mem,
					     PAGE, IOMMU_RW, where[i]));
	for (b = 0; b < 5; b++) {
		memset(bits, 0, bytes);
		for (i = 0; i < 8; i++)
			ASSERT_EQ(0, dma_poke(&self->dma, where[i], i));
		ASSERT_EQ(0, get(self, 0, begin[b], AT + 6 * GIB - begin[b],
				 PAGE, bits));
		EXPECT_EQ(8, count(bits, bytes));
		for (i = 0; i < 8; i++)
			EXPECT_TRUE(bit(bits, (where[i] - begin[b]) / PAGE));
	}
	mem_free(bits, bytes);
}

TEST_F(dirty, all_there_is)
{
	uint64_t length = 1ULL << 48;
	size_t bytes = length / HUGE / 8;
	char *bits = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	ASSERT_NE(MAP_FAILED, (void *)bits);
	ASSERT_EQ(0, touch(self, 0));
	ASSERT_EQ(0, get(self, 0, 0, length, HUGE, bits));
	EXPECT_TRUE(bit(bits, AT / HUGE));
	EXPECT_TRUE(bit(bits, (SIM_AT + SIM_DONE) / HUGE));
	EXPECT_EQ(2, count(bits, 2 * AT / HUGE / 8));
	munmap(bits, bytes);
}

/* A huge page is dirty as a whole; a part that is asked for tells of that part. */
TEST_F(dirty, huge_pages)
{
	struct sim *sim = &self->sim;
	size_t bytes = SIM_SIZE / PAGE / 8;
	uint8_t bits[SIM_SIZE / PAGE / 8] = {};
	unsigned int i;

	/* The last holds completions. */
	ASSERT_EQ(0, dma_poke(&self->dma, SIM_AT + HUGE + 5 * PAGE, 1));
	ASSERT_EQ(0, get(self, NO_CLEAR, SIM_AT, SIM_SIZE - HUGE, PAGE, bits));
	if (count(bits, bytes) == 1)
		SKIP(return, "no transparent huge pages here");
	EXPECT_EQ(512, count(bits, bytes));
	for (i = 0; i < 512; i++)
		EXPECT_TRUE(bit(bits, 512 + i));
	memset(bits, 0, bytes);
	ASSERT_EQ(0, get(self, NO_CLEAR, SIM_AT + HUGE + 100 * PAGE, HUGE, PAGE,
			 bits));
	EXPECT_EQ(412, count(bits, bytes));
	EXPECT_TRUE(bit(bits, 0));
	EXPECT_TRUE(bit(bits, 411));

	/* Small bits: many windows in one huge page. */
	memset(bits, 0, bytes);
	ASSERT_EQ(0, get(self, 0, SIM_AT, 3 * HUGE, HUGE, bits));
	EXPECT_EQ(0x2, bits[0]);
	memset(bits, 0, bytes);
	ASSERT_EQ(0, get(self, 0, SIM_AT, 3 * HUGE, HUGE, bits));
	EXPECT_EQ(0, bits[0]);
	EXPECT_EQ(0, iommu_unmap_all(sim->fd, sim->ioas, NULL));
}

/* Load -------------------------------------------------------------------- */

struct churn {
	const struct sim *sim;
	char *mem;
	atomic_bool stop;
	int error;
};

static void *map_and_unmap(void *arg)
{
	struct churn *churn = arg;
	const struct sim *sim = churn->sim;

	while (!atomic_load(&churn->stop) && !churn->error) {
		uint64_t at = AT + 2 * GIB;

		churn->error = iommu_map_fixed(sim->fd, sim->ioas, churn->mem,
					       NR * PAGE, IOMMU_RW, at) ?:
			       iommu_ioas_unmap(sim->fd, sim->ioas, at,
						NR * PAGE, NULL);
	}
	return NULL;
}

/* Every write is reported once, while others map and unmap. */
TEST_F(dirty, while_others_map)
{
	struct churn churn = { .sim = &self->sim, .mem = self->mem };
	uint8_t *bits = mem_anon(4 * GIB / PAGE / 8);
	unsigned int i;
	pthread_t thread;

	ASSERT_NE(NULL, bits);
	ASSERT_EQ(0, pthread_create(&thread, NULL, map_and_unmap, &churn));
	for (i = 0; i < 100; i++) {
		ASSERT_EQ(0, touch(self, i));
		memset(bits, 0, NR / 8);
		ASSERT_EQ(0, get(self, 0, AT, 4 * GIB, PAGE, bits));
		ASSERT_EQ(1, count(bits, NR / 8));
		ASSERT_TRUE(bit(bits, i));
	}
	atomic_store(&churn.stop, true);
	pthread_join(thread, NULL);
	EXPECT_EQ(0, churn.error);
	mem_free(bits, 4 * GIB / PAGE / 8);
}

SIM_HARNESS_MAIN
