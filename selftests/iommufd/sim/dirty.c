// SPDX-License-Identifier: GPL-2.0-only
/*
 * Dirty tracking by the IOMMU: what a device has written to, while it goes on writing.
 * What the commands do with odd ranges and bitmaps: dirty_walk.c.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "iommu.h"
#include "mem.h"
#include "rig.h"
#include "sim.h"
#include "vfio.h"

#define PAGE SIM_PAGE
#define NPAGES (SIM_SIZE / PAGE)
#define WORDS (NPAGES / 64)
#define HUGE_PAGE (512 * PAGE)
#define NO_CLEAR IOMMU_HWPT_GET_DIRTY_BITMAP_NO_CLEAR
#define V 0x7f0000000000ULL

/* An engine behind a page table with dirty tracking, in 4 KiB pages or large ones. */
FIXTURE(dirty)
{
	struct sim sim;
	struct dma dma;
	uint32_t hwpt;
	uint64_t bitmap[WORDS];
};

FIXTURE_VARIANT(dirty)
{
	bool huge;
	uint32_t pasid;
};

FIXTURE_VARIANT_ADD(dirty, small_pages)
{
	.huge = false,
};

FIXTURE_VARIANT_ADD(dirty, huge_pages)
{
	.huge = true,
};

FIXTURE_VARIANT_ADD(dirty, pasid)
{
	.huge = true,
	.pasid = 5,
};

static int attach(struct sim *sim, uint32_t pasid, uint32_t hwpt)
{
	if (pasid)
		return iommu_pasid_attach(sim->fd, sim->engine.dev_id, pasid,
					  hwpt);
	return sim_attach(sim, hwpt);
}

FIXTURE_SETUP(dirty)
{
	struct sim *sim = &self->sim;

	NEED_SIM;
	ASSERT_EQ(0, sim_open(sim, "pasid_bits=6"));
	if (!variant->huge) {
		ASSERT_EQ(0, iommu_option_set(sim->fd, IOMMU_OPTION_HUGE_PAGES,
					      sim->ioas, 0));
	}
	ASSERT_EQ(0, iommu_hwpt_alloc(sim->fd, sim->engine.dev_id, sim->ioas,
				      IOMMU_HWPT_ALLOC_DIRTY_TRACKING,
				      &self->hwpt));
	ASSERT_EQ(0, attach(sim, variant->pasid, self->hwpt));
	self->dma = sim_dma_pasid(sim, 0, variant->pasid ? variant->pasid :
						ENGINE_NO_PASID);
}

FIXTURE_TEARDOWN(dirty)
{
	EXPECT_EQ(0, sim_close(&self->sim));
}

#define SET(on) iommu_hwpt_set_dirty(self->sim.fd, self->hwpt, on)
#define GET(flags)							\
	(memset(self->bitmap, 0, sizeof(self->bitmap)),			\
	 iommu_hwpt_get_dirty(self->sim.fd, self->hwpt, flags, SIM_AT,	\
			      SIM_SIZE, PAGE, self->bitmap))

static bool bit(const uint64_t *bitmap, uint64_t page)
{
	return bitmap[page / 64] >> page % 64 & 1;
}

/* Completions are written, too: their page does not count. */
static unsigned int count(const uint64_t *bitmap)
{
	unsigned int bits = 0, i;

	for (i = 0; i < WORDS; i++)
		bits += __builtin_popcountll(bitmap[i]);
	return bits - bit(bitmap, SIM_DONE / PAGE);
}

/* Does the bitmap have these pages, or the large ones that they are in? */
static bool has_only(const uint64_t *bitmap, const unsigned int *pages,
		     unsigned int nr, unsigned int granule)
{
	unsigned int page, i;

	for (page = 0; page < NPAGES; page++) {
		bool want = page / granule == SIM_DONE / PAGE / granule;

		for (i = 0; i < nr; i++)
			want |= page / granule == pages[i] / granule;
		if (bit(bitmap, page) != want) {
			printf("# page %u: %d\n", page, bit(bitmap, page));
			return false;
		}
	}
	return true;
}

/* How many pages the bit of one is for: the kernel may have had no large ones. */
static unsigned int granule_of(FIXTURE_DATA(dirty) *self, bool huge)
{
	return huge && mem_runs(self->sim.buf, HUGE_PAGE) == 1 &&
	       mem_runs(self->sim.buf + 2 * HUGE_PAGE, HUGE_PAGE) == 1 ?
	       512 : 1;
}

TEST_F(dirty, written_pages)
{
	static const unsigned int pages[] = { 0, 1, 63, 64, 700, 1023, 1024 };
	unsigned int granule = granule_of(self, variant->huge);
	size_t i;

	ASSERT_EQ(0, SET(true));
	ASSERT_EQ(0, GET(0));
	EXPECT_EQ(0, count(self->bitmap));
	for (i = 0; i < ARRAY_SIZE(pages); i++) {
		ASSERT_EQ(0, dma_poke(&self->dma, SIM_AT + pages[i] * PAGE + 8,
				      i));
		/* What is read is not dirty */
		ASSERT_EQ(0, dma_peek(&self->dma, SIM_AT + 1500 * PAGE, NULL));
	}
	ASSERT_EQ(0, GET(NO_CLEAR));
	EXPECT_TRUE(has_only(self->bitmap, pages, ARRAY_SIZE(pages), granule));
	ASSERT_EQ(0, GET(0));
	EXPECT_TRUE(has_only(self->bitmap, pages, ARRAY_SIZE(pages), granule));
	ASSERT_EQ(0, GET(0));
	EXPECT_EQ(0, count(self->bitmap));
	EXPECT_FALSE(bit(self->bitmap, 0));
	/* A page that is in the IOTLB is found dirty again */
	ASSERT_EQ(0, dma_poke(&self->dma, SIM_AT + 64 * PAGE, 7));
	ASSERT_EQ(0, GET(0));
	EXPECT_TRUE(has_only(self->bitmap, &pages[3], 1, granule));
}

TEST_F(dirty, off_and_on)
{
	ASSERT_EQ(0, dma_poke(&self->dma, SIM_AT, 1));
	ASSERT_EQ(0, SET(true));
	/* What was before is of no interest */
	ASSERT_EQ(0, GET(NO_CLEAR));
	EXPECT_EQ(0, count(self->bitmap));
	ASSERT_EQ(0, dma_poke(&self->dma, SIM_AT, 2));
	ASSERT_EQ(0, SET(true));
	ASSERT_EQ(0, SET(false));
	ASSERT_EQ(0, dma_poke(&self->dma, SIM_AT + 3 * HUGE_PAGE, 3));
	ASSERT_EQ(0, SET(false));
	ASSERT_EQ(0, SET(true));
	ASSERT_EQ(0, GET(0));
	EXPECT_EQ(0, count(self->bitmap));
	ASSERT_EQ(0, dma_poke(&self->dma, SIM_AT, 4));
	ASSERT_EQ(0, GET(0));
	EXPECT_TRUE(bit(self->bitmap, 0));
}

/* What is mapped while tracking is on is tracked, too. */
TEST_F(dirty, mapped_later)
{
	const uint64_t at = 0x1000000;
	uint64_t bitmap[2] = {};
	struct sim *sim = &self->sim;

	ASSERT_EQ(0, SET(true));
	ASSERT_EQ(0, iommu_map_fixed(sim->fd, sim->ioas, sim->buf + PAGE,
				     8 * PAGE, IOMMU_RW, at));
	ASSERT_EQ(0, dma_poke(&self->dma, at + 3 * PAGE, 1));
	ASSERT_EQ(0, iommu_hwpt_get_dirty(sim->fd, self->hwpt, 0, at, 8 * PAGE,
					  PAGE, bitmap));
	EXPECT_EQ(1 << 3, bitmap[0]);
	ASSERT_EQ(0, dma_poke(&self->dma, at + 5 * PAGE, 1));
	ASSERT_EQ(0, iommu_ioas_unmap(sim->fd, sim->ioas, at, 8 * PAGE, NULL));
	ASSERT_EQ(0, iommu_map_fixed(sim->fd, sim->ioas, sim->buf + PAGE,
				     8 * PAGE, IOMMU_RW, at));
	bitmap[0] = 0;
	ASSERT_EQ(0, iommu_hwpt_get_dirty(sim->fd, self->hwpt, 0, at, 8 * PAGE,
					  PAGE, bitmap));
	EXPECT_EQ(0, bitmap[0]);
}

/* Migration -------------------------------------------------------------------- */

/* A guest whose device writes all over its memory. */
struct guest_load {
	struct dma dma;
	uint64_t pages;
	unsigned int rounds;
	bool stop;
	int rc;
};

static void *guest_run(void *arg)
{
	struct guest_load *load = arg;
	uint64_t at, state = 1;

	while (!__atomic_load_n(&load->stop, __ATOMIC_RELAXED) && !load->rc) {
		state = state * 6364136223846793005 + 1442695040888963407;
		at = (state >> 33) % load->pages * PAGE;
		load->rc = dma_poke(&load->dma, SIM_AT + at + 8, state);
		__atomic_add_fetch(&load->rounds, 1, __ATOMIC_RELEASE);
	}
	return NULL;
}

/* Copy what is dirty, while it becomes dirty; at the end nothing is missing. */
TEST_F(dirty, migrate)
{
	enum { PASSES = 15 };
	struct guest_load load = { .dma = self->dma, .pages = 1024 };
	char *copy = mem_anon(SIM_SIZE);
	unsigned int pass, rounds, page;
	pthread_t thread;

	ASSERT_NE(NULL, copy);
	memset(self->sim.buf, 0, SIM_SIZE);
	ASSERT_EQ(0, SET(true));
	ASSERT_EQ(0, pthread_create(&thread, NULL, guest_run, &load));
	for (pass = 0; pass < PASSES; pass++) {
		rounds = __atomic_load_n(&load.rounds, __ATOMIC_ACQUIRE);
		while (__atomic_load_n(&load.rounds, __ATOMIC_ACQUIRE) <
		       rounds + 10 && !load.rc)
			usleep(100);
		if (pass == PASSES - 1) {
			load.stop = true;
			pthread_join(thread, NULL);
			EXPECT_EQ(0, load.rc);
		}
		ASSERT_EQ(0, GET(0));
		for (page = 0; page < load.pages; page++)
			if (bit(self->bitmap, page))
				memcpy(copy + page * PAGE,
				       self->sim.buf + page * PAGE, PAGE);
	}
	EXPECT_EQ(0, memcmp(copy, self->sim.buf, load.pages * PAGE));
	ASSERT_EQ(0, GET(0));
	EXPECT_EQ(0, count(self->bitmap));
}

/* Below a first stage: what the guest's device has written, and its tables. */
TEST_F(dirty, below_a_first_stage)
{
	struct sim *sim = &self->sim;
	uint64_t root = sim_guest_root(sim), *pte;
	uint32_t parent, hwpt;

	ASSERT_EQ(0, iommu_hwpt_alloc(sim->fd, sim->engine.dev_id, sim->ioas,
				      IOMMU_HWPT_ALLOC_NEST_PARENT |
				      IOMMU_HWPT_ALLOC_DIRTY_TRACKING,
				      &parent));
	ASSERT_EQ(0, guest_hwpt(sim->fd, sim->engine.dev_id, parent, root, 0,
				&hwpt));
	ASSERT_EQ(0, attach(sim, variant->pasid, hwpt));
	ASSERT_EQ(0, iommu_hwpt_set_dirty(sim->fd, parent, true));
	ASSERT_EQ(0, guest_map(&sim->guest, root, V, SIM_AT + 3 * PAGE, PAGE,
			       GUEST_4K, GUEST_RW));
	ASSERT_EQ(0, dma_poke(&self->dma, V, 1));
	memset(self->bitmap, 0, sizeof(self->bitmap));
	ASSERT_EQ(0, iommu_hwpt_get_dirty(sim->fd, parent, 0, SIM_AT, SIM_SIZE,
					  PAGE, self->bitmap));
	EXPECT_TRUE(bit(self->bitmap, 3));
	/* It has noted in the entry that it has been written to */
	pte = guest_pte(&sim->guest, root, V, GUEST_4K);
	EXPECT_TRUE(bit(self->bitmap, (guest_gpa(&sim->guest, pte) - SIM_AT) /
				      PAGE));
	EXPECT_FALSE(bit(self->bitmap, 600));
	/* A user's page table is not tracked itself */
	EXPECT_GT(0, iommu_hwpt_set_dirty(sim->fd, hwpt, true));
}

/* Who cannot ------------------------------------------------------------------- */

TEST_F(dirty, device_without)
{
	uint32_t hwpt, len, error = 0;
	struct engine other;
	char text[512] = "";

	if (variant->huge)
		return;
	ASSERT_EQ(0, sim_add(&self->sim, "other", "dirty=0", &other));
	EXPECT_EQ(-EOPNOTSUPP,
		  iommu_hwpt_alloc(self->sim.fd, other.dev_id, self->sim.ioas,
				   IOMMU_HWPT_ALLOC_DIRTY_TRACKING, &hwpt));
	len = sizeof(text);
	EXPECT_EQ(0, iommu_last_reason(self->sim.fd, text, &len, &error));
	EXPECT_EQ(EOPNOTSUPP, error);
	EXPECT_NE(NULL, strstr(text, "iosim-other")) TH_LOG("%s", text);
	/* Nor can it be attached to a page table that promises it */
	EXPECT_EQ(-EINVAL, vfio_attach(other.fd, self->hwpt, NULL));
	ASSERT_EQ(0, sim_remove("other", &other));
}

/* The drivers of this kernel cannot tell us: it is said, and why. */
TEST(real_iommu)
{
	uint32_t hwpt, len, error = 0;
	char text[512] = "";
	struct rig rig;
	uint64_t bits;

	ASSERT_EQ(0, rig_open(&rig));
	EXPECT_EQ(-EOPNOTSUPP,
		  iommu_hwpt_alloc(rig.fd, rig.edu.dev_id, rig.ioas,
				   IOMMU_HWPT_ALLOC_DIRTY_TRACKING, &hwpt));
	len = sizeof(text);
	EXPECT_EQ(0, iommu_last_reason(rig.fd, text, &len, &error));
	EXPECT_EQ(EOPNOTSUPP, error);
	EXPECT_NE(NULL, strstr(text, "dirty")) TH_LOG("%s", text);

	ASSERT_EQ(0, iommu_hwpt_alloc(rig.fd, rig.edu.dev_id, rig.ioas, 0,
				      &hwpt));
	EXPECT_EQ(-EOPNOTSUPP, iommu_hwpt_set_dirty(rig.fd, hwpt, true));
	EXPECT_EQ(0, iommu_last_reason(rig.fd, text, &len, &error));
	EXPECT_EQ(EOPNOTSUPP, error);
	EXPECT_EQ(-EOPNOTSUPP, iommu_hwpt_get_dirty(rig.fd, hwpt, 0, 0, PAGE,
						    PAGE, &bits));
	EXPECT_EQ(0, rig_close(&rig));
}

SIM_HARNESS_MAIN
