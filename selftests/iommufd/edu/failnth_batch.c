// SPDX-License-Identifier: GPL-2.0-only
/*
 * As failnth.c: batches, software nesting, and commands that only tell or set
 * something, with every allocation failing.
 */
#define _GNU_SOURCE
#include <string.h>

#include "edu.h"
#include "failnth.h"
#include "vfio.h"

#define NR_ENTRIES 100

WALK_FIXTURE(failnth);
WALK_FIXTURE_SETUP(failnth, NULL,
		   ground_open(&self->ground, mem_scattered(NR_ENTRIES * PAGE),
			       NR_ENTRIES * PAGE),
		   rig_close(&self->ground.rig))

/* Batches ---------------------------------------------------------------- */

/* Every second page: nothing is put together. */
static void batch_fill(struct ground *ground,
		       struct ioasid_batch_entry entries[NR_ENTRIES], bool map)
{
	int i;

	memset(entries, 0, NR_ENTRIES * sizeof(entries[0]));
	for (i = 0; i < NR_ENTRIES; i++) {
		entries[i].iova = IOVA + 2 * i * PAGE;
		entries[i].length = PAGE;
		if (!map)
			continue;
		entries[i].src = iommu_ptr(ground->mem + i * PAGE);
		entries[i].flags = IOMMU_RW | IOMMU_FIXED;
	}
}

/* What has been done stays, if it has failed: that much and no more is there. */
static int do_map_batch(struct ground *ground)
{
	struct ioasid_batch_entry entries[NR_ENTRIES];
	uint64_t unmapped = 0;
	uint32_t done;
	int rc;

	batch_fill(ground, entries, true);
	rc = iommu_map_batch(ground->rig.fd, ground->rig.ioas, entries,
			     NR_ENTRIES, &done);
	if (!rc)
		return done == NR_ENTRIES ? 0 : -EIO;
	if (done == UINT32_MAX)
		done = 0;
	iommu_unmap_all(ground->rig.fd, ground->rig.ioas, &unmapped);
	return unmapped == done * PAGE ? rc : -EIO;
}

static int do_unmap_batch(struct ground *ground)
{
	struct ioasid_batch_entry entries[NR_ENTRIES];

	batch_fill(ground, entries, false);
	return iommu_unmap_batch(ground->rig.fd, ground->rig.ioas, entries,
				 NR_ENTRIES, NULL);
}

TEST_F(failnth, batch)
{
	static const struct step map = {
		.command = do_map_batch, .undo = undo_map,
	};
	static const struct step unmap = {
		.command = do_unmap_batch, .prepare = do_map_batch,
		.never_fails = true,
	};
	struct ground *ground = &self->ground;

	ASSERT_EQ(0, rig_attach(&ground->rig));
	EXPECT_WALK(&map, 1);
	EXPECT_WALK(&unmap, 0);
	ASSERT_EQ(0, do_map_batch(ground));
	EXPECT_EQ(0, edu_check(&ground->rig.edu, IOVA + 2 * PAGE,
			       ground->mem + PAGE, SOME_LENGTH));
}

/* Software nesting ------------------------------------------------------- */

static int do_alloc_nested(struct ground *ground)
{
	return iommu_alloc_nested(ground->rig.fd, ground->rig.ioas,
				  &ground->id);
}

static int undo_alloc_nested(struct ground *ground)
{
	return iommu_destroy(ground->rig.fd, ground->id);
}

/* In a child, to which the device is attached. */
static int do_map_nested(struct ground *ground)
{
	return iommu_map_fixed(ground->rig.fd, ground->id,
			       (void *)(IOVA + PAGE), ground->size - PAGE,
			       IOMMU_RW, OTHER_IOVA);
}

static int prepare_nested(struct ground *ground)
{
	int rc = do_map(ground);

	return rc ?: do_map_nested(ground);
}

TEST_F(failnth, nested)
{
	static const struct step alloc = {
		.command = do_alloc_nested, .undo = undo_alloc_nested,
	};
	/* The parent's memory is pinned with the first mapping in a child */
	static const struct step map = {
		.command = do_map_nested, .prepare = do_map, .undo = undo_map,
	};
	static const struct step unmap = {
		.command = undo_map, .prepare = prepare_nested,
		.never_fails = true,
	};
	struct ground *ground = &self->ground;

	EXPECT_WALK(&alloc, 1);
	ASSERT_EQ(0, do_alloc_nested(ground));
	ASSERT_EQ(0, vfio_attach(ground->rig.edu.fd, ground->id, NULL));
	EXPECT_WALK(&map, 1);
	EXPECT_WALK(&unmap, 0);
	ASSERT_EQ(0, prepare_nested(ground));
	EXPECT_EQ(0, edu_check(&ground->rig.edu, OTHER_IOVA,
			       ground->mem + PAGE, SOME_LENGTH));
}

/* Small ones ------------------------------------------------------------- */

static int do_iova_ranges(struct ground *ground)
{
	struct iommu_iova_range ranges[8];
	uint32_t num = 8;

	return iommu_iova_ranges(ground->rig.fd, ground->rig.ioas, ranges, &num,
				 NULL);
}

static int do_option(struct ground *ground)
{
	return iommu_option_set(ground->rig.fd, IOMMU_OPTION_HUGE_PAGES,
				ground->rig.ioas, 0);
}

static int undo_option(struct ground *ground)
{
	return iommu_option_set(ground->rig.fd, IOMMU_OPTION_HUGE_PAGES,
				ground->rig.ioas, 1);
}

static int do_extension(struct ground *ground)
{
	return iommu_extension(ground->rig.fd, IOASID_EXT_NESTED) ? 0 : -EIO;
}

/* Where interrupts are, which no IOMMU translates. Which failure does not matter. */
static int do_fail(struct ground *ground)
{
	int rc = iommu_map_fixed(ground->rig.fd, ground->rig.ioas, ground->mem,
				 PAGE, IOMMU_RW, 0xfee00000);

	if (rc == -ENOMEM)
		return rc;
	return rc ? 0 : -EIO;
}

static int do_last_reason(struct ground *ground)
{
	uint32_t len, error;
	char text[256];

	len = sizeof(text);
	return iommu_last_reason(ground->rig.fd, text, &len, &error);
}

static int do_change_process(struct ground *ground)
{
	return iommu_change_process(ground->rig.fd);
}

TEST_F(failnth, small)
{
	static const struct step ranges = { .command = do_iova_ranges };
	static const struct step option = {
		.command = do_option, .undo = undo_option,
	};
	static const struct step extension = { .command = do_extension };
	/* Every other call forgets the sentence. */
	static const struct step last_reason = {
		.prepare = do_fail, .command = do_last_reason,
	};
	static const struct step change = { .command = do_change_process };
	struct ground *ground = &self->ground;
	int file = mem_memfd(ground->size, 0);

	ASSERT_LE(0, file);
	EXPECT_WALK(&option, 0);
	ASSERT_EQ(0, iommu_map_file_fixed(ground->rig.fd, ground->rig.ioas,
					  file, 0, ground->size, IOMMU_RW,
					  IOVA));
	ASSERT_EQ(0, rig_attach(&ground->rig));
	EXPECT_WALK(&ranges, 0);
	EXPECT_WALK(&extension, 0);
	EXPECT_WALK(&change, 0);
	EXPECT_WALK(&last_reason, 0);
}

/* A failure with a sentence that explains it: memory is needed for that. */
TEST_F(failnth, reason)
{
	static const struct step step = { .command = do_fail };

	ASSERT_EQ(0, rig_attach(&self->ground.rig));
	EXPECT_WALK(&step, 0);
}

TEST_HARNESS_MAIN
