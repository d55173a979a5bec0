/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A simulated device and a huge page, of which a test maps 4 KiB pages as it likes:
 * neighbours in memory that are neighbours in IOVA, too, so that an IOMMU driver may
 * have them as one.
 */
#ifndef SELFTESTS_PAGES_H
#define SELFTESTS_PAGES_H

#include <errno.h>
#include <stdbool.h>

#include "kselftest_harness.h"

#include "iommu.h"
#include "mem.h"
#include "reason.h"
#include "sim.h"
#include "vfio.h"

#define PAGE SIM_PAGE
#define HUGE_PAGES (MEM_HUGE / PAGE)
/* Where the huge page is mapped, if all of it is. */
#define AT 0x80000000ULL
#define NOWHERE 0x20000000ULL
/* The pages that a test cares for most, and a bit for each. */
#define N 8
#define ALL ((1 << N) - 1)

/**
 * struct pages - a device that is attached, and the huge page
 * @sim: the device
 * @dma: what it does
 * @huge: the memory
 * @ioas: where it is mapped: that of @sim, or another one
 * @fd: /dev/iommu
 * @pinned: pages that are pinned when none of the huge page are mapped
 */
struct pages {
	struct sim sim;
	struct dma dma;
	char *huge;
	uint32_t ioas;
	int fd;
	long pinned;
};

/* @attributes: of the device. */
static inline int pages_open(struct pages *r, const char *attributes)
{
	int rc = sim_open(&r->sim, attributes);

	r->huge = mem_hugetlb(MEM_HUGE);
	if (!rc && !r->huge)
		rc = -ENOMEM;
	if (!rc)
		rc = sim_attach(&r->sim, r->sim.ioas);
	r->dma = sim_dma(&r->sim, 0);
	r->ioas = r->sim.ioas;
	r->fd = r->sim.fd;
	r->pinned = mem_pinned();
	return rc;
}

/* Return: as sim_close(). */
static inline long pages_close(struct pages *r)
{
	long left = sim_close(&r->sim);

	mem_free(r->huge, MEM_HUGE);
	return left;
}

/* The fixture; its variants, with a member "attributes", stand between these two. */
#define PAGES_FIXTURE(name)						\
	FIXTURE(name)							\
	{								\
		struct pages r;						\
	}

/* Without its device a page table gives all back, whatever the driver. */
#define PAGES_FIXTURE_SETUP(name)					\
	FIXTURE_SETUP(name)						\
	{								\
		NEED_SIM;						\
		ASSERT_EQ(0, pages_open(&self->r, variant->attributes)); \
	}								\
									\
	FIXTURE_TEARDOWN(name)						\
	{								\
		EXPECT_EQ(0, pages_close(&self->r));			\
	}

/* Some of them as one area. */
static inline int pages_map(const struct pages *r, unsigned int first,
			    unsigned int nr)
{
	return iommu_map_fixed(r->fd, r->ioas, r->huge + first * PAGE,
			       nr * PAGE, IOMMU_RW,
			       AT + first * PAGE);
}

static inline int pages_unmap(const struct pages *r, unsigned int first,
			      unsigned int nr)
{
	return iommu_ioas_unmap(r->fd, r->ioas, AT + first * PAGE,
				nr * PAGE, NULL);
}

/* The first @nr as a batch, to map or to unmap them. */
static inline void pages_entries(const struct pages *r,
				 struct ioasid_batch_entry *entries,
				 unsigned int nr, bool to_map)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		entries[i] = (struct ioasid_batch_entry) {
			.src = to_map ? iommu_ptr(r->huge + i * PAGE) : 0,
			.iova = AT + i * PAGE,
			.length = PAGE,
			.flags = to_map ? IOMMU_RW | IOMMU_FIXED : 0,
		};
}

/* How the device gets on with a page: see dma_check(). */
static inline int pages_reach(struct pages *r, unsigned int page)
{
	return dma_check(&r->dma, AT + page * PAGE,
			 r->huge + page * PAGE);
}

/* The device reaches the pages of @mask, and no others of the first N. */
#define EXPECT_REACH(r, mask)						\
	do {								\
		unsigned int nth;					\
									\
		for (nth = 0; nth < N; nth++) {			\
			EXPECT_EQ((mask) & 1 << nth ? 0 :		\
				  IOSIM_REASON_NOT_PRESENT,		\
				  pages_reach(r, nth))			\
				TH_LOG("page %u", nth);			\
		}							\
	} while (0)

#endif
