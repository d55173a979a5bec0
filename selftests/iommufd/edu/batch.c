// SPDX-License-Identifier: GPL-2.0-only
/*
 * IOASID_MAP_BATCH and IOASID_UNMAP_BATCH: that a batch does what the single commands
 * would have done, one after the other.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>

#include "access.h"
#include "batch.h"

TEST_F(batch, extension)
{
	EXPECT_EQ(1, iommu_extension(self->rig.fd, IOASID_EXT_API_VERSION));
	EXPECT_LE(1000000, iommu_extension(self->rig.fd, IOASID_EXT_MAP_BATCH));
}

/* Nothing is looked at, wherever it would have been. */
TEST_F(batch, zero_entries)
{
	uint32_t done = 1;

	EXPECT_EQ(0, MAP_BATCH(0, &done));
	EXPECT_EQ(0, done);
	done = 1;
	EXPECT_EQ(0, UNMAP_BATCH(0, &done));
	EXPECT_EQ(0, done);
	EXPECT_EQ(0, iommu_map_batch(self->rig.fd, self->rig.ioas, NULL, 0,
				     &done));
	EXPECT_EQ(0, iommu_unmap_batch(self->rig.fd, self->rig.ioas,
				       (void *)-PAGE, 0, &done));
	EXPECT_EQ(-ENOENT, iommu_map_batch(self->rig.fd, 9999, NULL, 0, NULL));
	EXPECT_EQ(-ENOENT, iommu_unmap_batch(self->rig.fd, 9999, NULL, 0,
					     NULL));
}

/* Pieces of various lengths, one apart from the other. */
TEST_F(batch, map_and_unmap)
{
	static const unsigned int npages[] = { 1, 3, 16, 17, 40, 512, 2, 15 };
	const unsigned int n = ARRAY_SIZE(npages);
	unsigned int i, at = 0;
	uint32_t done;

	for (i = 0; i < n; i++) {
		self->e[i] = map_entry(self->buf + at * PAGE,
				       AT + (at + i) * PAGE,
				       npages[i] * PAGE);
		at += npages[i];
	}
	EXPECT_NO_DMA(AT, self->buf);
	ASSERT_EQ(0, MAP_BATCH(n, &done));
	EXPECT_EQ(n, done);
	EXPECT_EQ(n, count_done(self->e, n));
	EXPECT_PINNED(at);
	for (i = 0, at = 0; i < n; i++) {
		EXPECT_EQ(AT + (at + i) * PAGE, self->e[i].iova);
		EXPECT_TRUE(IS_MAPPED(self->e[i].iova, npages[i] * PAGE));
		EXPECT_FALSE(IS_MAPPED(self->e[i].iova + npages[i] * PAGE,
				       PAGE));
		at += npages[i];
	}
	EXPECT_DMA(AT, self->buf, 256);
	EXPECT_DMA(AT + 2 * PAGE + 2000, self->buf + PAGE + 2000, EDU_DMA_MAX);
	EXPECT_DMA(self->e[5].iova + 511 * PAGE, self->buf + 588 * PAGE, 256);

	/* Each of them is a mapping of its own */
	ASSERT_EQ(0, UNMAP(self->e[4].iova, 40 * PAGE));
	EXPECT_PINNED(at - 40);
	for (i = 0; i < n; i++)
		self->e[i] = unmap_entry(self->e[i].iova, npages[i] * PAGE);
	self->e[4] = self->e[n - 1];
	ASSERT_EQ(0, UNMAP_BATCH(n - 1, &done));
	EXPECT_EQ(n - 1, done);
	EXPECT_EQ(n - 1, count_done(self->e, n - 1));
	EXPECT_EQ(512 * PAGE, self->e[5].length);
	EXPECT_PINNED(0);
	EXPECT_NO_DMA(AT, self->buf);
	EXPECT_NO_DMA(self->e[5].iova, self->buf + 77 * PAGE);
	ASSERT_EQ(0, UNMAP_ALL(NULL));
}

TEST_F(batch, chosen_iovas)
{
	const unsigned int n = 300;
	uint64_t total = 0, bytes = 0;
	unsigned int i, j;
	uint32_t done;

	/* Some places are taken, by those before and by others */
	ASSERT_EQ(0, rig_map(&self->rig, self->buf, PAGE, 8 * PAGE));
	for (i = 0; i < n; i++) {
		self->e[i] = map_entry(self->buf + i * 3 * PAGE,
				       i % 2 ? UINT64_MAX : AT,
				       (1 + i % 3) * PAGE);
		self->e[i].flags = IOMMU_RW;
		if (i % 10 == 5) {
			self->e[i].flags |= IOMMU_FIXED;
			self->e[i].iova = (20 + i * 4) * PAGE;
		}
		/* It is an answer here: whatever is in it is ignored */
		if (!(self->e[i].flags & IOMMU_FIXED) && i % 2)
			self->e[i].iova = 12345;
		total += self->e[i].length;
	}
	ASSERT_EQ(0, MAP_BATCH(n, &done));
	EXPECT_EQ(n, done);
	for (i = 0; i < n; i++) {
		const entry_t *e = &self->e[i];

		EXPECT_EQ(0, e->iova % PAGE);
		EXPECT_NE(0, e->iova);
		if (i % 10 == 5) {
			EXPECT_EQ((20 + i * 4) * PAGE, e->iova);
		}
		for (j = 0; j < i; j++) {
			const entry_t *f = &self->e[j];

			EXPECT_TRUE(e->iova + e->length <= f->iova ||
				    f->iova + f->length <= e->iova);
		}
	}
	EXPECT_DMA(self->e[7].iova + PAGE - 64, self->buf + 22 * PAGE - 64,
		   128);
	EXPECT_DMA(self->e[299].iova, self->buf + 897 * PAGE, 64);
	ASSERT_EQ(0, UNMAP_ALL(&bytes));
	EXPECT_EQ(total + PAGE, bytes);
}

/* Failures ----------------------------------------------------------------- */

/* Over each other, in parts or wholly: the first one has the place. */
TEST_F(batch, overlapping)
{
	uint64_t bytes;
	uint32_t done;

	self->e[0] = map_entry(self->buf, AT, 4 * PAGE);
	self->e[1] = map_entry(self->buf, AT + 3 * PAGE, 4 * PAGE);
	self->e[2] = map_entry(self->buf, AT + 8 * PAGE, PAGE);
	EXPECT_EQ(-EEXIST, MAP_BATCH(3, &done));
	EXPECT_EQ(1, done);
	EXPECT_EQ(EEXIST, self->e[1].error);
	EXPECT_EQ(UNTOUCHED, self->e[2].error);
	EXPECT_PINNED(4);
	EXPECT_DMA(AT + 3 * PAGE, self->buf + 3 * PAGE, 64);
	ASSERT_EQ(0, UNMAP_ALL(&bytes));
	EXPECT_EQ(4 * PAGE, bytes);

	/* The same memory, at several places at once, is no overlap */
	self->e[1].iova = AT + 4 * PAGE;
	self->e[2] = map_entry(self->buf + PAGE, AT + 8 * PAGE, PAGE);
	EXPECT_EQ(0, MAP_BATCH(3, &done));
	EXPECT_PINNED(9);
	EXPECT_DMA(AT + 5 * PAGE, self->buf + PAGE, 64);
	EXPECT_DMA(AT + 8 * PAGE, self->buf + PAGE, 64);
	ASSERT_EQ(0, UNMAP_ALL(&bytes));
	EXPECT_EQ(9 * PAGE, bytes);
}

static int batch_with(int fd, unsigned long how, uint32_t ioas, uint32_t flags,
		      uint32_t reserved, uint32_t nr, entry_t *e)
{
	struct ioasid_batch cmd = {
		.size = sizeof(cmd),
		.flags = flags,
		.ioas_id = ioas,
		.nr = nr,
		.entries = iommu_ptr(e),
		.__reserved = reserved,
	};

	return iommu_cmd(fd, how, &cmd);
}

TEST_F(batch, bad_structure)
{
	static const unsigned long both[] = {
		IOASID_MAP_BATCH, IOASID_UNMAP_BATCH,
	};
	struct {
		struct ioasid_batch cmd;
		uint64_t tail;
	} longer;
	uint32_t device = variant->device ? self->rig.edu.dev_id : 9998, done;
	int fd = self->rig.fd;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(both); i++) {
		self->e[0] = i ? unmap_entry(AT, PAGE) :
				 map_entry(self->buf, AT, PAGE);
		EXPECT_EQ(-EOPNOTSUPP, batch_with(fd, both[i], self->rig.ioas,
						  1, 0, 1, self->e));
		EXPECT_EQ(-EOPNOTSUPP, batch_with(fd, both[i], self->rig.ioas,
						  1U << 31, 0, 1, self->e));
		EXPECT_EQ(-EOPNOTSUPP, batch_with(fd, both[i], self->rig.ioas,
						  0, 1, 1, self->e));
		EXPECT_EQ(-ENOENT, batch_with(fd, both[i], 9999, 0, 0, 1,
					      self->e));
		EXPECT_EQ(-ENOENT, batch_with(fd, both[i], 0, 0, 0, 1,
					      self->e));
		EXPECT_EQ(-ENOENT, batch_with(fd, both[i], device, 0, 0, 1,
					      self->e));
		EXPECT_EQ(-EINVAL, batch_with(fd, both[i], self->rig.ioas, 0,
					      0, UINT32_MAX, self->e));
		EXPECT_EQ(UNTOUCHED, self->e[0].error);

		memset(&longer, 0, sizeof(longer));
		longer.cmd.ioas_id = self->rig.ioas;
		longer.cmd.nr = 1;
		longer.cmd.entries = iommu_ptr(self->e);
		longer.cmd.size = sizeof(longer.cmd) - 4;
		EXPECT_EQ(-EINVAL, iommu_cmd(fd, both[i], &longer));
		longer.cmd.size = sizeof(longer);
		longer.tail = 1;
		EXPECT_EQ(-E2BIG, iommu_cmd(fd, both[i], &longer));
		EXPECT_EQ(UNTOUCHED, self->e[0].error);
		longer.tail = 0;
		EXPECT_EQ(0, iommu_cmd(fd, both[i], &longer));
		EXPECT_EQ(1, longer.cmd.out_done);
		EXPECT_EQ(0, self->e[0].error);
		EXPECT_EQ(!i, IS_MAPPED(AT, PAGE));
	}

	EXPECT_EQ(-EFAULT, iommu_map_batch(fd, self->rig.ioas, NULL, 1, &done));
	EXPECT_EQ(0, done);
	EXPECT_EQ(-EFAULT, iommu_unmap_batch(fd, self->rig.ioas,
					     (void *)0xffff888000001000, 1,
					     &done));
	EXPECT_EQ(0, done);
}

/* The structure itself cannot be written: nothing may hang on it. */
TEST_F(batch, read_only_structure)
{
	struct ioasid_batch *cmd = mem_anon(PAGE);

	ASSERT_NE(NULL, cmd);
	fill_pages(self->e, 10, self->buf, AT);
	*cmd = (struct ioasid_batch) {
		.size = sizeof(*cmd),
		.ioas_id = self->rig.ioas,
		.nr = 10,
		.entries = iommu_ptr(self->e),
	};
	ASSERT_EQ(0, mprotect(cmd, PAGE, PROT_READ));
	EXPECT_EQ(-EFAULT, iommu_cmd(self->rig.fd, IOASID_MAP_BATCH, cmd));
	/* The entries tell what out_done could not */
	EXPECT_EQ(count_done(self->e, 10) == 10, IS_MAPPED(AT, 10 * PAGE));
	EXPECT_EQ(count_done(self->e, 10) == 0, !IS_MAPPED(AT, PAGE));
}

/* Neighbours --------------------------------------------------------------- */

/* Pages of which two entries have a part each, where bytes are enough. */
TEST_F(batch, parts_of_pages)
{
	uint64_t bytes;
	uint32_t done;

	if (variant->device)
		SKIP(return, "the device asks for whole pages");
	self->e[0] = map_entry(self->buf + 100, AT + 100, 1000);
	self->e[1] = map_entry(self->buf + 1100, AT + 1100, PAGE);
	self->e[2] = map_entry(self->buf + 1100 + PAGE, AT + 1100 + PAGE, 17);
	ASSERT_EQ(0, MAP_BATCH(3, &done));
	EXPECT_TRUE(IS_MAPPED(AT + 100, 1017 + PAGE));
	EXPECT_FALSE(IS_MAPPED(AT + 99, 2));
	self->e[0] = unmap_entry(AT, 1100);
	self->e[1] = unmap_entry(AT + 1100, 18 + PAGE);
	ASSERT_EQ(0, UNMAP_BATCH(2, &done));
	EXPECT_EQ(1000, self->e[0].length);
	EXPECT_EQ(17 + PAGE, self->e[1].length);
	ASSERT_EQ(0, UNMAP_ALL(&bytes));
	EXPECT_EQ(0, bytes);
}

/* Others ------------------------------------------------------------------- */

/* A nested IOAS is a target like any other; its sources are IOVAs. */
TEST_F(batch, nested)
{
	const unsigned int n = 300;
	uint32_t child, done;
	uint64_t bytes = 0;
	unsigned int i;

	if (!iommu_has_cmd(self->rig.fd, IOASID_ALLOC_NESTED))
		SKIP(return, "no IOASID_ALLOC_NESTED in this module");
	ASSERT_EQ(0, iommu_alloc_nested(self->rig.fd, self->rig.ioas, &child));
	ASSERT_EQ(0, rig_map(&self->rig, self->buf, 150 * PAGE, AT));
	ASSERT_EQ(0, rig_map(&self->rig, self->buf + 150 * PAGE, 149 * PAGE,
			     AT + 150 * PAGE));
	if (variant->device)
		ASSERT_EQ(0, rig_move(self->rig.edu.fd, child));
	/* Backwards; the last page of the parent is not there */
	for (i = 0; i < n; i++)
		self->e[i] = map_entry((void *)(AT + i * PAGE),
				       OTHER_AT + (n - i) * PAGE, PAGE);
	EXPECT_EQ(-EFAULT, iommu_map_batch(self->rig.fd, child, self->e, n,
					   &done));
	EXPECT_EQ(n - 1, done);
	EXPECT_EQ(EFAULT, self->e[n - 1].error);
	EXPECT_PINNED(n - 1);
	EXPECT_DMA(OTHER_AT + (n - 7) * PAGE, self->buf + 7 * PAGE, 64);
	EXPECT_DMA(OTHER_AT + (n - 270) * PAGE, self->buf + 270 * PAGE, 64);

	/* In the parent a batch takes what is made of it along */
	self->e[0] = unmap_entry(AT + 150 * PAGE, 149 * PAGE);
	ASSERT_EQ(0, UNMAP_BATCH(1, &done));
	EXPECT_NO_DMA(OTHER_AT + (n - 270) * PAGE, self->buf + 270 * PAGE);
	EXPECT_DMA(OTHER_AT + (n - 7) * PAGE, self->buf + 7 * PAGE, 64);
	fill_unmaps(self->e, 150, OTHER_AT + (n - 149) * PAGE);
	ASSERT_EQ(0, iommu_unmap_batch(self->rig.fd, child, self->e, 150,
				       &done));
	EXPECT_EQ(150, done);
	ASSERT_EQ(0, iommu_unmap_all(self->rig.fd, child, &bytes));
	EXPECT_EQ(0, bytes);
	if (variant->device)
		ASSERT_EQ(0, vfio_detach(self->rig.edu.fd));
	ASSERT_EQ(0, iommu_destroy(self->rig.fd, child));
}

/* Batches side by side: none loses what it was told that it has. */
struct lane {
	pthread_t thread;
	int fd;
	uint32_t ioas;
	const char *buf;
	unsigned int nr;
	int rounds;
	int bad;
};

#define LANE_ENTRIES 300U

static void *lane_fn(void *arg)
{
	entry_t *e = calloc(LANE_ENTRIES, sizeof(*e));
	struct lane *lane = arg;
	uint32_t done, i;

	while (!lane->bad && lane->rounds--) {
		/* Each second page is of this lane, the others of the other */
		for (i = 0; i < LANE_ENTRIES; i++)
			e[i] = map_entry(lane->buf + i * PAGE,
					 AT + (2 * i + lane->nr) * PAGE, PAGE);
		if (iommu_map_batch(lane->fd, lane->ioas, e, LANE_ENTRIES,
				    &done) || done != LANE_ENTRIES)
			lane->bad = __LINE__;
		for (i = 0; i < LANE_ENTRIES; i++)
			e[i] = unmap_entry(e[i].iova, PAGE);
		if (iommu_unmap_batch(lane->fd, lane->ioas, e, LANE_ENTRIES,
				      &done) || done != LANE_ENTRIES)
			lane->bad = __LINE__;
		for (i = 0; i < LANE_ENTRIES; i++)
			if (e[i].length != PAGE)
				lane->bad = __LINE__;
	}
	free(e);
	return NULL;
}

TEST_F(batch, two_threads)
{
	const bool debug = mem_debug_kernel();
	struct lane lanes[2];
	unsigned int i;

	for (i = 0; i < 2; i++) {
		lanes[i] = (struct lane) {
			.fd = self->rig.fd, .ioas = self->rig.ioas,
			.buf = self->buf, .nr = i,
			.rounds = debug ? 4 : 30,
		};
		ASSERT_EQ(0, pthread_create(&lanes[i].thread, NULL, lane_fn,
					    &lanes[i]));
	}
	for (i = 0; i < 2; i++) {
		pthread_join(lanes[i].thread, NULL);
		EXPECT_EQ(0, lanes[i].bad);
	}
	EXPECT_PINNED(0);
}

ACCESS_HARNESS_MAIN
