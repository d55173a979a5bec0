// SPDX-License-Identifier: GPL-2.0-only
/*
 * A file that changes while it is being pinned: small pages become a huge one that begins
 * before what is mapped. The kernel looks for some folios at a time; a module makes the
 * moment long in which it has some, and is about to fill a hole for the next ones.
 *
 * The device keeps what was pinned before, has the right pages of the file behind that,
 * and no others.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdbool.h>
#include <unistd.h>

#include "folio.h"
#include "iommu.h"
#include "module.h"

/* Where the kernel fills a hole. */
#define MOMENT "function=memfd_alloc_folio"
#define HUGE "/sys/kernel/mm/transparent_hugepage/shmem_enabled"

/* What is mapped of the file: from within one huge page to within the next. */
#define NPAGES (2 * LEAF)
#define FIRST 64UL
#define COUNT LEAF
#define SIZE (COUNT * PAGE)
/* So many folios the kernel finds at once; behind them is the hole. */
#define BATCH 31UL
#define HOLE (FIRST + BATCH)
/* What is written to a page is its index, and when it was written. */
#define BEFORE 1000000UL
#define AFTER 2000000UL
#define TRIES 20

FIXTURE(file_change)
{
	struct seer seer;
	pthread_t mapper;
	bool by_file;
	bool loaded;
	bool done;
	int file;
	int rc;
	char *va;
};

FIXTURE_VARIANT(file_change)
{
	bool by_file;
};

FIXTURE_VARIANT_ADD(file_change, by_file) { .by_file = true };
FIXTURE_VARIANT_ADD(file_change, by_address) { .by_file = false };

FIXTURE_SETUP(file_change)
{
	self->seer.acc = -1;
	self->seer.rig.fd = -1;
	NEED_ACCESS;
	if (access(HUGE, W_OK))
		SKIP(return, "no huge pages of shmem");
	ASSERT_EQ(0, seer_open(&self->seer));
	self->by_file = variant->by_file;
	self->file = mem_memfd(NPAGES * PAGE, 0);
	ASSERT_LE(0, self->file);
	self->va = map_at(reserve_huge(SIZE), SIZE, PROT_RW, MAP_SHARED,
			  self->file, FIRST * PAGE);
	ASSERT_NE(NULL, self->va);
}

FIXTURE_TEARDOWN(file_change)
{
	if (self->seer.rig.fd < 0)
		return;
	if (self->loaded) {
		EXPECT_EQ(0, module_unload(MODULE_DELAY));
	}
	write_file(HUGE, "never");
	EXPECT_EQ(0, seer_close(&self->seer));
}

static int put(int file, uint64_t page, uint64_t when)
{
	const uint64_t what = when + page;

	return pwrite(file, &what, sizeof(what), page * PAGE) == sizeof(what) ?
	       0 : -errno;
}

static void *map_it(void *arg)
{
	FIXTURE_DATA(file_change) *self = arg;
	struct rig *rig = &self->seer.rig;

	self->rc = self->by_file ?
		   iommu_map_file_fixed(rig->fd, rig->ioas, self->file,
					FIRST * PAGE, SIZE, IOMMU_RW, IOVA) :
		   rig_map(rig, self->va, SIZE, IOVA);
	__atomic_store_n(&self->done, true, __ATOMIC_SEQ_CST);
	return NULL;
}

/* Small pages, one of which is missing; the CPU has none of them. */
static int fill(FIXTURE_DATA(file_change) *self)
{
	uint64_t page;
	int rc;

	write_file(HUGE, "deny");
	rc = punch(self->file, 0, NPAGES);
	for (page = FIRST; !rc && page < FIRST + COUNT; page++)
		if (page != HOLE)
			rc = put(self->file, page, BEFORE);
	return rc;
}

/* Map it, and put a huge page there as soon as the first folios have been pinned. */
static int change(FIXTURE_DATA(file_change) *self)
{
	int rc = module_load(MODULE_DELAY, MOMENT), unload;

	if (rc)
		return rc;
	self->loaded = true;
	self->done = false;
	rc = -module_thread(&self->mapper, map_it, self);
	if (rc)
		return rc;
	while (!module_parameter(MODULE_DELAY, "hits") &&
	       !__atomic_load_n(&self->done, __ATOMIC_SEQ_CST))
		usleep(1000);
	write_file(HUGE, "force");
	rc = punch(self->file, 0, NPAGES) ?: put(self->file, 0, AFTER);
	pthread_join(self->mapper, NULL);
	unload = module_unload(MODULE_DELAY);
	self->loaded = unload;
	return rc ?: unload ?: self->rc;
}

/* What is at a page of the mapping; 0 if that cannot be read. */
static uint64_t seen(FIXTURE_DATA(file_change) *self, uint64_t page)
{
	uint64_t what = 0;

	if (access_read(self->seer.acc, IOVA + (page - FIRST) * PAGE, &what,
			sizeof(what)))
		return 0;
	return what;
}

/* The first page in a range of the file that is not what was written then; 0 if none. */
static uint64_t wrong(FIXTURE_DATA(file_change) *self, uint64_t page,
		      uint64_t end, uint64_t when)
{
	for (; page < end; page++)
		if (seen(self, page) != when + page)
			return page;
	return 0;
}

/*
 * Map the file until it has changed in time, and write the index of each page to it.
 * Returns false if it never did, or with an errno in *@rc.
 */
static bool map_changing(FIXTURE_DATA(file_change) *self, int *rc)
{
	uint64_t page;
	int i;

	for (i = 0; i < TRIES; i++) {
		*rc = fill(self) ?: change(self);
		for (page = 0; !*rc && page < NPAGES; page++)
			*rc = put(self->file, page, AFTER);
		if (*rc)
			return false;
		/* Filled, and lost when the hole was punched too late? */
		if (seen(self, HOLE))
			return true;
		*rc = rig_unmap(&self->seer.rig, IOVA, SIZE);
		if (*rc)
			return false;
	}
	return false;
}

TEST_F(file_change, huge_page_meanwhile)
{
	struct seer *seer = &self->seer;
	char *all;
	bool met;
	int rc;

	met = map_changing(self, &rc);
	if (rc == -ENOENT)
		SKIP(return, "the test module is not here");
	ASSERT_EQ(0, rc);
	if (!met)
		SKIP(return, "the machine is too slow for this");
	all = map_at(reserve_huge(NPAGES * PAGE), NPAGES * PAGE, PROT_RW,
		     MAP_SHARED, self->file, 0);
	ASSERT_NE(NULL, all);
	if (!is_huge(all, NPAGES * PAGE))
		SKIP(return, "the kernel gave no huge pages");

	EXPECT_EQ(0, wrong(self, FIRST, HOLE, BEFORE));
	EXPECT_EQ(0, wrong(self, HOLE, FIRST + COUNT, AFTER));
	EXPECT_EQ(1, device_writes(seer, IOVA + BATCH * PAGE,
				   all + HOLE * PAGE, 100));
	EXPECT_EQ(1, device_writes(seer, IOVA + SIZE - 100,
				   all + (FIRST + COUNT) * PAGE - 100, 100));
	ASSERT_EQ(0, rig_unmap(&seer->rig, IOVA, SIZE));
	/* Also of what was found and not needed */
	EXPECT_UNPINNED(seer);
}

ACCESS_HARNESS_MAIN
