// SPDX-License-Identifier: GPL-2.0-only
/*
 * Large pages where small ones have been, which have gone one by one, so that the IOMMU's
 * page table still has tables for them: these must not be freed before the flush, as VT-d's
 * driver does, and nothing that is mapped around them may go with them.
 *
 * A probe counts the calls of what frees them early. Where there is no such function, or
 * there are no probes, it is seen that the device reaches what it should, and nothing else.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>

#include "big_bar.h"

#define TRACEFS "/sys/kernel/tracing"
#define EARLY "dma_pte_free_level"
#define NR_HUGE 4UL
#define HUGE (NR_HUGE * MEM_HUGE)
/* IOVAs that are so far apart look alike to the module: its bits come round. */
#define ROUND (4 * GIB)

static bool kernel_has(const char *function)
{
	FILE *all = fopen("/proc/kallsyms", "re");
	char line[512], name[256];
	bool found = false;

	while (all && !found && fgets(line, sizeof(line), all))
		found = sscanf(line, "%*s %*s %255s", name) == 1 &&
			!strcmp(name, function);
	if (all)
		fclose(all);
	return found;
}

static void probe_end(void)
{
	file_write(TRACEFS "/events/leftover/early/enable", "0");
	file_write(TRACEFS "/kprobe_events", "-:leftover/early");
}

/* Returns whether the calls are counted, or -errno if they should be. */
static int probe_begin(void)
{
	int rc;

	if (!kernel_has(EARLY))
		return false;
	if (mount("tracefs", TRACEFS, "tracefs", 0, NULL) && errno != EBUSY)
		return false;
	if (access(TRACEFS "/kprobe_events", F_OK))
		return false;
	/* What a test that was given up has left */
	probe_end();
	rc = file_write(TRACEFS "/kprobe_events", "p:leftover/early " EARLY);
	if (!rc)
		rc = file_write(TRACEFS "/events/leftover/early/enable", "1");
	return rc ? rc : true;
}

/* How often it has been called so far, or -ENOENT: nobody counts. */
static long early_frees(void)
{
	FILE *profile = fopen(TRACEFS "/kprobe_profile", "re");
	char line[256];
	long hits = -ENOENT;

	while (profile && fgets(line, sizeof(line), profile))
		if (sscanf(line, " early %ld", &hits) == 1)
			break;
	if (profile)
		fclose(profile);
	return hits;
}

FIXTURE(leftover)
{
	struct rig rig;
	char *small;
	char *huge;
	int counted;
};

FIXTURE_SETUP(leftover)
{
	self->rig.fd = -1;
	self->huge = mem_hugetlb(HUGE);
	if (!self->huge)
		SKIP(return, "no huge pages");
	self->small = mem_anon(4 * PAGE);
	ASSERT_NE(NULL, self->small);
	ASSERT_EQ(0, rig_open(&self->rig));
	ASSERT_EQ(0, rig_attach(&self->rig));
	self->counted = probe_begin();
	ASSERT_LE(0, self->counted);
	if (!self->counted)
		TH_LOG("not counted: no " EARLY "() in this kernel, or no probes");
}

FIXTURE_TEARDOWN(leftover)
{
	if (self->counted > 0) {
		EXPECT_EQ(0, early_frees());
		probe_end();
	}
	if (self->rig.fd >= 0) {
		EXPECT_EQ(0, rig_close(&self->rig));
	}
	mem_free(self->huge, HUGE);
}

/* Have an empty table for each 2 MiB of [@from, @to). */
static int leave(struct rig *rig, char *page, uint64_t from, uint64_t to)
{
	uint64_t at;
	int rc = 0;

	for (at = from; at < to && !rc; at += MEM_HUGE)
		rc = rig_map(rig, page, PAGE, at + 7 * PAGE);
	for (at = from; at < to && !rc; at += MEM_HUGE)
		rc = rig_unmap(rig, at + 7 * PAGE, PAGE);
	return rc;
}

/* At how many of five places is the device's writing seen? */
static int places(const struct rig *rig, uint64_t iova, char *at, size_t size)
{
	const size_t offs[] = {
		0, 7 * PAGE, size / 2 - SOME_LENGTH, size / 2, size - SOME_LENGTH,
	};
	unsigned int i;
	int n = 0;

	for (i = 0; i < ARRAY_SIZE(offs); i++)
		n += edu_can_write(&rig->edu, iova + offs[i], at + offs[i],
				   SOME_LENGTH) == 1;
	return n;
}

#define EXPECT_ALL(iova, at, size)					\
	EXPECT_EQ(5, places(&self->rig, iova, at, size))
#define EXPECT_NONE(iova, at, size)					\
	EXPECT_EQ(0, places(&self->rig, iova, at, size))
#define EXPECT_SMALL(iova, page)					\
	EXPECT_EQ(1, edu_can_write(&self->rig.edu, iova,		\
				   self->small + (page) * PAGE, SOME_LENGTH))

TEST_F(leftover, small_then_large)
{
	struct rig *rig = &self->rig;
	unsigned int i;

	ASSERT_EQ(0, leave(rig, self->small, AT, AT + GIB));
	for (i = 0; i < 2; i++) {
		const uint64_t at = AT + i * 100 * MEM_HUGE;

		ASSERT_EQ(0, rig_map(rig, self->huge, HUGE, at));
		EXPECT_ALL(at, self->huge, HUGE);
		ASSERT_EQ(0, rig_unmap(rig, at, HUGE));
		EXPECT_NONE(at, self->huge, HUGE);
	}
	ASSERT_EQ(0, rig_map(rig, self->huge, HUGE, AT));
	ASSERT_EQ(0, rig_map(rig, self->small, PAGE, AT + HUGE));
	ASSERT_EQ(0, iommu_unmap_all(rig->fd, rig->ioas, NULL));
	EXPECT_NONE(AT, self->huge, HUGE);
}

/* The last that the device has addresses for. */
TEST_F(leftover, last)
{
	struct rig *rig = &self->rig;
	struct iommu_iova_range ranges[32];
	uint32_t nr = ARRAY_SIZE(ranges);
	uint64_t at;

	ASSERT_EQ(0, iommu_iova_ranges(rig->fd, rig->ioas, ranges, &nr, NULL));
	at = ((ranges[nr - 1].last + 1) & -MEM_HUGE) - HUGE;
	ASSERT_EQ(0, leave(rig, self->small, at, at + HUGE - MEM_HUGE));
	ASSERT_EQ(0, rig_map(rig, self->huge, HUGE, at));
	EXPECT_ALL(at, self->huge, HUGE);
	ASSERT_EQ(0, rig_unmap(rig, at, HUGE));
	EXPECT_NONE(at, self->huge, HUGE);
}

/* Of both sizes, on both sides: close by, and a huge page further away. */
TEST_F(leftover, neighbours)
{
	const uint64_t at = AT + GIB - 2 * MEM_HUGE, end = at + MEM_HUGE;
	char *before = self->huge, *middle = before + MEM_HUGE;
	char *behind = middle + MEM_HUGE, *far = behind + MEM_HUGE;
	struct rig *rig = &self->rig;

	ASSERT_EQ(0, rig_map(rig, before, MEM_HUGE, at - 2 * MEM_HUGE));
	ASSERT_EQ(0, rig_map(rig, self->small, PAGE, at - PAGE));
	ASSERT_EQ(0, rig_map(rig, behind, MEM_HUGE, end));
	ASSERT_EQ(0, rig_map(rig, self->small + PAGE, PAGE, end + MEM_HUGE));
	ASSERT_EQ(0, rig_map(rig, far, MEM_HUGE, end + 100 * MEM_HUGE));
	ASSERT_EQ(0, leave(rig, self->small, at, end));

	ASSERT_EQ(0, rig_map(rig, middle, MEM_HUGE, at));
	EXPECT_ALL(at, middle, MEM_HUGE);
	ASSERT_EQ(0, rig_unmap(rig, at, MEM_HUGE));
	EXPECT_NONE(at, middle, MEM_HUGE);
	EXPECT_ALL(at - 2 * MEM_HUGE, before, MEM_HUGE);
	EXPECT_SMALL(at - PAGE, 0);
	EXPECT_ALL(end, behind, MEM_HUGE);
	EXPECT_SMALL(end + MEM_HUGE, 1);
	EXPECT_ALL(end + 100 * MEM_HUGE, far, MEM_HUGE);
}

/*
 * There is nothing where the module thinks that there may be: no table, and no directory
 * either. Behind the end of what that would be for something is mapped, less than its size
 * away.
 */
TEST_F(leftover, no_directory)
{
	const uint64_t at = AT + ROUND + GIB / 2, far = AT + ROUND + GIB;
	struct rig *rig = &self->rig;

	ASSERT_EQ(0, leave(rig, self->small, at - ROUND, at - ROUND + HUGE));
	ASSERT_EQ(0, rig_map(rig, self->small, PAGE, far));
	ASSERT_EQ(0, rig_map(rig, self->huge + 2 * MEM_HUGE, 2 * MEM_HUGE,
			     far + 50 * MEM_HUGE));
	ASSERT_EQ(0, rig_map(rig, self->huge, 2 * MEM_HUGE, at));
	EXPECT_ALL(at, self->huge, 2 * MEM_HUGE);
	EXPECT_SMALL(far, 0);
	EXPECT_ALL(far + 50 * MEM_HUGE, self->huge + 2 * MEM_HUGE, 2 * MEM_HUGE);
	ASSERT_EQ(0, rig_unmap(rig, at, 2 * MEM_HUGE));
	EXPECT_NONE(at, self->huge, 2 * MEM_HUGE);
	EXPECT_SMALL(far, 0);
}

/* Some of a range has tables, and its ends are within those that are in use. */
TEST_F(leftover, half)
{
	const size_t size = HUGE - 2 * PAGE;
	struct rig *rig = &self->rig;
	char *from = self->huge + PAGE;
	unsigned int first;

	ASSERT_EQ(0, rig_map(rig, self->small, PAGE, AT));
	ASSERT_EQ(0, rig_map(rig, self->small + PAGE, PAGE, AT + HUGE - PAGE));
	for (first = 0; first < 3; first++) {
		const uint64_t at = AT + first * MEM_HUGE;

		ASSERT_EQ(0, leave(rig, self->small, at, at + 2 * MEM_HUGE));
		ASSERT_EQ(0, rig_map(rig, from, size, AT + PAGE));
		EXPECT_ALL(AT + PAGE, from, size);
		ASSERT_EQ(0, rig_unmap(rig, AT + PAGE, size));
		EXPECT_NONE(AT + PAGE, from, size);
		EXPECT_SMALL(AT, 0);
		EXPECT_SMALL(AT + HUGE - PAGE, 1);
	}
}

/* Several at once, apart from each other, in more than one page table. */
TEST_F(leftover, batch)
{
	struct ioasid_batch_entry entry[NR_HUGE];
	struct rig *rig = &self->rig;
	uint32_t hwpt = 0, done;
	unsigned int i;

	if (rig_fills_ahead()) {
		ASSERT_EQ(0, iommu_hwpt_alloc(rig->fd, rig->edu.dev_id, rig->ioas,
					      0, &hwpt));
	}
	ASSERT_EQ(0, leave(rig, self->small, AT, AT + 2 * HUGE));
	for (i = 0; i < NR_HUGE; i++)
		entry[i] = (struct ioasid_batch_entry){
			.src = (uintptr_t)self->huge + i * MEM_HUGE,
			.iova = AT + 2 * i * MEM_HUGE,
			.length = MEM_HUGE,
			.flags = IOMMU_RW | IOMMU_IOAS_MAP_FIXED_IOVA,
		};
	ASSERT_EQ(0, iommu_map_batch(rig->fd, rig->ioas, entry, NR_HUGE, &done));
	for (i = 0; i < NR_HUGE; i++)
		EXPECT_ALL(entry[i].iova, self->huge + i * MEM_HUGE, MEM_HUGE);
	if (!hwpt)
		return;
	ASSERT_EQ(0, vfio_attach(rig->edu.fd, hwpt, NULL));
	for (i = 0; i < NR_HUGE; i++)
		EXPECT_ALL(entry[i].iova, self->huge + i * MEM_HUGE, MEM_HUGE);
	ASSERT_EQ(0, iommu_unmap_all(rig->fd, rig->ioas, NULL));
	EXPECT_NONE(AT, self->huge, MEM_HUGE);
}

/* Again and again, with pages of random sizes, and a large one now and then. */
TEST_F(leftover, at_random)
{
	const unsigned int rounds = mem_debug_kernel() ? 50 : 200;
	struct rig *rig = &self->rig;
	uint64_t random = 0x853c49e6748fea9b;
	unsigned int i;

	for (i = 0; i < rounds; i++) {
		size_t first, npages, all = HUGE / PAGE;
		uint64_t at = AT + GIB - HUGE / 2;

		random = random * 6364136223846793005 + 1442695040888963407;
		first = random >> 33 & (all - 1);
		npages = 1 + (random >> 47) % (all - first);
		if (i % 4 == 3) {
			first &= -(MEM_HUGE / PAGE);
			npages = all - first;
		}
		ASSERT_EQ(0, rig_map(rig, self->huge + first * PAGE,
				     npages * PAGE, at + first * PAGE));
		if (i % 8 == 3)
			EXPECT_ALL(at + first * PAGE, self->huge + first * PAGE,
				   npages * PAGE);
		ASSERT_EQ(0, rig_unmap(rig, at + first * PAGE, npages * PAGE));
	}
	EXPECT_NONE(AT + GIB - HUGE / 2, self->huge, HUGE);
}

/* One entry of 1 GiB, where huge pages were, and small ones. */
TEST_F(big_bar, leftover)
{
	struct rig *rig = &self->rig;
	unsigned int i;
	int counted;
	char *at;

	SKIP_ON_DEBUG;
	counted = probe_begin();
	ASSERT_LE(0, counted);
	at = map_bar(self, 0, GIB);
	ASSERT_NE(NULL, at);
	for (i = 0; i < 3; i++) {
		const size_t size = i == 1 ? PAGE : MEM_HUGE;

		/* A directory without a table, one with a table, and both */
		ASSERT_EQ(0, rig_map(rig, at, size, AT + 3 * MEM_HUGE));
		if (i == 2) {
			ASSERT_EQ(0, leave(rig, at, AT + 9 * MEM_HUGE,
					   AT + 20 * MEM_HUGE));
		}
		ASSERT_EQ(0, rig_unmap(rig, AT + 3 * MEM_HUGE, size));
		ASSERT_EQ(0, rig_map(rig, at, GIB, AT));
		EXPECT_EQ(5, places(rig, AT, at, GIB));
		ASSERT_EQ(0, rig_unmap(rig, AT, GIB));
		EXPECT_EQ(0, places(rig, AT, at, GIB));
	}
	if (counted) {
		EXPECT_EQ(0, early_frees());
		probe_end();
	}
}

TEST_HARNESS_MAIN
