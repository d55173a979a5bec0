// SPDX-License-Identifier: GPL-2.0-only
/*
 * IOASID_MAP_BATCH and IOASID_UNMAP_BATCH: that a batch does what the single
 * commands would have done, one after the other, and stops where they would
 * have.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "access.h"
#include "child.h"
#include "edu.h"
#include "iommu.h"
#include "mem.h"
#include "rig.h"

#define PAGE 4096UL
#define NPAGES 1024UL
#define BUF (NPAGES * PAGE)
#define AT 0x40000000UL
#define OTHER_AT 0x80000000UL
#define MSI_WINDOW 0xfee00000UL
/* Has what no result is: to see what has not been written */
#define UNTOUCHED 0x5a5a
#define MANY 520U
#define USER 1234

typedef struct ioasid_batch_entry entry_t;

FIXTURE(batch)
{
	struct rig rig;
	/* Of what is mapped: to look whether it is */
	uint32_t scratch;
	char *buf;
	entry_t *e;
	long pinned;
};

FIXTURE_VARIANT(batch)
{
	bool device;
};

FIXTURE_VARIANT_ADD(batch, alone) { .device = false };
FIXTURE_VARIANT_ADD(batch, device) { .device = true };

static int open_without_device(struct rig *rig)
{
	memset(rig, 0, sizeof(*rig));
	rig->edu.fd = -1;
	rig->pinned = mem_pinned();
	rig->fd = iommu_open();
	if (rig->fd < 0)
		return rig->fd;
	return iommu_ioas_alloc(rig->fd, &rig->ioas);
}

FIXTURE_SETUP(batch)
{
	int rc;

	rc = variant->device ? rig_open(&self->rig) ?: rig_attach(&self->rig) :
			       open_without_device(&self->rig);
	if (rc == -ENODEV)
		SKIP(return, "no device");
	ASSERT_EQ(0, rc);
	if (!iommu_has_cmd(self->rig.fd, IOASID_MAP_BATCH))
		SKIP(return, "no IOASID_MAP_BATCH in this module");
	ASSERT_EQ(0, iommu_ioas_alloc(self->rig.fd, &self->scratch));
	self->buf = mem_anon(BUF);
	ASSERT_NE(NULL, self->buf);
	mem_fill(self->buf, BUF, 1);
	self->e = mem_anon(NPAGES * sizeof(*self->e));
	ASSERT_NE(NULL, self->e);
	self->pinned = mem_pinned();
}

FIXTURE_TEARDOWN(batch)
{
	uint64_t left = 0;

	if (self->rig.fd >= 0) {
		EXPECT_EQ(0, iommu_unmap_all(self->rig.fd, self->rig.ioas,
					     &left));
		EXPECT_EQ(0, left % PAGE);
		EXPECT_EQ(self->pinned, mem_wait_pinned(self->pinned));
	}
	EXPECT_EQ(0, rig_close(&self->rig));
	EXPECT_EQ(0, mem_vm_pin(0));
}

static entry_t map_entry(const void *va, uint64_t iova, uint64_t length)
{
	return (entry_t) {
		.src = iommu_ptr(va),
		.iova = iova,
		.length = length,
		.flags = IOMMU_RW | IOMMU_FIXED,
		.error = UNTOUCHED,
	};
}

static entry_t unmap_entry(uint64_t iova, uint64_t length)
{
	return (entry_t) {
		.iova = iova,
		.length = length,
		.error = UNTOUCHED,
	};
}

/* Page @i of the buffer at page @i behind an IOVA, in an entry each. */
static void fill_pages(entry_t *e, unsigned int n, const char *buf,
		       uint64_t iova)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		e[i] = map_entry(buf + i * PAGE, iova + i * PAGE, PAGE);
}

static void fill_unmaps(entry_t *e, unsigned int n, uint64_t iova)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		e[i] = unmap_entry(iova + i * PAGE, PAGE);
}

/* How many entries from the first on say that they have been done. */
static unsigned int count_done(const entry_t *e, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n && !e[i].error; i++)
		;
	return i;
}

static unsigned int count_untouched(const entry_t *e, unsigned int n)
{
	unsigned int i, count = 0;

	for (i = 0; i < n; i++)
		count += e[i].error == UNTOUCHED;
	return count;
}

static bool is_mapped(int fd, uint32_t ioas, uint32_t scratch, uint64_t iova,
		      uint64_t length)
{
	uint64_t at;
	int rc = iommu_ioas_copy(fd, scratch, ioas, iova, length, IOMMU_R,
				 &at);

	return !rc && !iommu_unmap_all(fd, scratch, NULL);
}

#define MAP_BATCH(n, done)						\
	iommu_map_batch(self->rig.fd, self->rig.ioas, self->e, n, done)
#define UNMAP_BATCH(n, done)						\
	iommu_unmap_batch(self->rig.fd, self->rig.ioas, self->e, n, done)
#define IS_MAPPED(iova, length)						\
	is_mapped(self->rig.fd, self->rig.ioas, self->scratch, iova, length)
#define UNMAP(iova, length)						\
	rig_unmap(&self->rig, iova, length)
#define UNMAP_ALL(bytes)						\
	iommu_unmap_all(self->rig.fd, self->rig.ioas, bytes)

/* The device, if there is one, sees what is mapped there. */
#define EXPECT_DMA(iova, va, length)					\
	do {								\
		if (variant->device)					\
			EXPECT_EQ(0, edu_check(&self->rig.edu, iova, va, \
					       length));		\
	} while (0)

#define EXPECT_NO_DMA(iova, va)						\
	do {								\
		if (variant->device)					\
			EXPECT_EQ(0, edu_can_write(&self->rig.edu, iova, \
						   va, 64));		\
	} while (0)

/* As many pages are pinned as the device has, none without one. */
#define EXPECT_PINNED(npages)						\
	do {								\
		const long want = variant->device ? (npages) : 0;	\
									\
		EXPECT_EQ(self->pinned + want,				\
			  mem_wait_pinned(self->pinned + want));	\
		EXPECT_EQ(want, mem_vm_pin(0));				\
	} while (0)

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

/* Where the failing entry is: inside of portions and at their ends. */
static const struct {
	unsigned int at;
	unsigned int n;
} places[] = {
	{ 0, 1 }, { 0, 5 }, { 2, 5 }, { 4, 5 }, { 255, 256 }, { 255, 300 },
	{ 256, 300 }, { 257, 300 }, { MANY - 1, MANY },
};

TEST_F(batch, failing_entry)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(places); i++) {
		const unsigned int at = places[i].at, n = places[i].n;
		uint64_t bytes = 0;
		uint32_t done;

		fill_pages(self->e, n, self->buf, AT);
		/* In the way of the last one that is to be done, or its own */
		self->e[at].iova = OTHER_AT;
		ASSERT_EQ(0, rig_map(&self->rig, self->buf, PAGE, OTHER_AT));

		EXPECT_EQ(-EEXIST, MAP_BATCH(n, &done));
		EXPECT_EQ(at, done);
		EXPECT_EQ(at, count_done(self->e, n));
		EXPECT_EQ(EEXIST, self->e[at].error);
		EXPECT_EQ(n - at - 1, count_untouched(self->e, n));
		EXPECT_PINNED(at + 1);
		EXPECT_EQ(at > 0, IS_MAPPED(AT + (at - 1) * PAGE, PAGE));
		EXPECT_FALSE(IS_MAPPED(AT + (at + 1) * PAGE, PAGE));
		ASSERT_EQ(0, UNMAP_ALL(&bytes));
		EXPECT_EQ((at + 1) * PAGE, bytes);
	}
}

/* A page that is not there makes the rest fail that would be pinned with it. */
TEST_F(batch, failing_memory)
{
	char *buf = mem_anon(MANY * PAGE);
	unsigned int i;

	if (!variant->device)
		SKIP(return, "nothing is pinned without a device");
	for (i = 0; i < ARRAY_SIZE(places); i++) {
		const unsigned int at = places[i].at, n = places[i].n;
		char *page = buf + at * PAGE;
		uint64_t bytes = 0;
		uint32_t done;
		int k;

		for (k = 0; k < 2; k++) {
			/* All in one row; and no two pages side by side */
			fill_pages(self->e, n, buf, AT);
			if (k) {
				unsigned int j;

				for (j = 0; j < n; j++)
					self->e[j].iova = AT + 2 * j * PAGE;
			}
			ASSERT_EQ(0, mprotect(page, PAGE, PROT_NONE));
			EXPECT_EQ(-EFAULT, MAP_BATCH(n, &done));
			ASSERT_EQ(0, mprotect(page, PAGE,
					      PROT_READ | PROT_WRITE));
			EXPECT_EQ(at, done);
			EXPECT_EQ(at, count_done(self->e, n));
			EXPECT_EQ(EFAULT, self->e[at].error);
			EXPECT_EQ(n - at - 1, count_untouched(self->e, n));
			EXPECT_PINNED(at);
			ASSERT_EQ(0, UNMAP_ALL(&bytes));
			EXPECT_EQ(at * PAGE, bytes);
		}
	}
}

/* What is wrong with an entry is what IOAS_MAP says is wrong with it. */
TEST_F(batch, same_errors_as_single)
{
	char *none = mem_reserve(PAGE);
	const char *buf = self->buf;
	const entry_t bad[] = {
		{ iommu_ptr(buf), AT, 0, IOMMU_RW | IOMMU_FIXED, 0 },
		{ iommu_ptr(buf), AT, PAGE, IOMMU_FIXED, 0 },
		{ iommu_ptr(buf), AT, PAGE, 0, 0 },
		{ iommu_ptr(buf), AT, PAGE, 1U << 31 | IOMMU_RW, 0 },
		{ iommu_ptr(buf), AT, PAGE, 1U << 3 | IOMMU_RW, 0 },
		{ iommu_ptr(buf), -PAGE, 2 * PAGE, IOMMU_RW | IOMMU_FIXED, 0 },
		{ iommu_ptr(buf), UINT64_MAX, PAGE, IOMMU_RW | IOMMU_FIXED, 0 },
		{ iommu_ptr(buf), AT, UINT64_MAX, IOMMU_RW | IOMMU_FIXED, 0 },
		{ iommu_ptr(buf), AT, -PAGE, IOMMU_RW | IOMMU_FIXED, 0 },
		{ -PAGE, AT, 2 * PAGE, IOMMU_RW | IOMMU_FIXED, 0 },
		{ UINT64_MAX, AT, PAGE, IOMMU_RW | IOMMU_FIXED, 0 },
		{ 1UL << 62, AT, PAGE, IOMMU_RW | IOMMU_FIXED, 0 },
		{ iommu_ptr(none), AT, PAGE, IOMMU_RW | IOMMU_FIXED, 0 },
		{ iommu_ptr(buf), AT + 100, PAGE, IOMMU_RW | IOMMU_FIXED, 0 },
		{ iommu_ptr(buf), AT, 100, IOMMU_RW | IOMMU_FIXED, 0 },
		{ iommu_ptr(buf) + 100, AT, PAGE, IOMMU_RW | IOMMU_FIXED, 0 },
		{ iommu_ptr(buf), MSI_WINDOW, PAGE, IOMMU_RW | IOMMU_FIXED, 0 },
		{ iommu_ptr(buf), 1UL << 60, PAGE, IOMMU_RW | IOMMU_FIXED, 0 },
		{ iommu_ptr(buf), AT, 1UL << 63, IOMMU_RW, 0 },
	};
	unsigned int i, failed = 0;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		struct iommu_ioas_map single = {
			.size = sizeof(single),
			.flags = bad[i].flags,
			.ioas_id = self->rig.ioas,
			.user_va = bad[i].src,
			.length = bad[i].length,
			.iova = bad[i].iova,
		};
		int want = iommu_cmd(self->rig.fd, IOMMU_IOAS_MAP, &single);
		uint32_t done;

		ASSERT_EQ(0, UNMAP_ALL(NULL));
		failed += want < 0;
		self->e[0] = map_entry(buf, OTHER_AT, PAGE);
		self->e[1] = bad[i];
		self->e[2] = map_entry(buf, OTHER_AT + PAGE, PAGE);
		EXPECT_EQ(want, MAP_BATCH(3, &done)) {
			TH_LOG("entry %u", i);
		}
		EXPECT_EQ(want ? 1 : 3, done);
		EXPECT_EQ(-want, self->e[1].error);
		EXPECT_EQ(0, self->e[0].error);
		EXPECT_EQ(want ? UNTOUCHED : 0, self->e[2].error);
		EXPECT_TRUE(IS_MAPPED(OTHER_AT, PAGE));
		EXPECT_EQ(!want, IS_MAPPED(OTHER_AT + PAGE, PAGE));
		ASSERT_EQ(0, UNMAP_ALL(NULL));
	}
	/* It would be too easy if nothing failed */
	EXPECT_LT(11, failed);
}

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

/* Memory that ends within the array. */
TEST_F(batch, array_runs_into_a_hole)
{
	static const struct {
		/* Whole entries that are there, and bytes of one more */
		unsigned int there;
		unsigned int bytes;
	} hole[] = { { 0, 8 }, { 1, 0 }, { 3, 28 }, { 256, 0 }, { 300, 4 } };
	const unsigned int n = 400;
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(hole); i++) {
		const unsigned int there = hole[i].there;
		entry_t *e = mem_before_hole(there * sizeof(*e) +
					     hole[i].bytes);
		uint64_t bytes = 0;
		uint32_t done = n;

		ASSERT_NE(NULL, e);
		for (j = 0; j < there; j++)
			e[j] = map_entry(self->buf + j * PAGE, AT + j * PAGE,
					 PAGE);
		EXPECT_EQ(-EFAULT, iommu_map_batch(self->rig.fd,
						   self->rig.ioas, e, n,
						   &done));
		EXPECT_EQ(there, done);
		EXPECT_EQ(there, count_done(e, there));
		EXPECT_PINNED(there);

		for (j = 0; j < there; j++)
			e[j] = unmap_entry(AT + j * PAGE, PAGE);
		EXPECT_EQ(-EFAULT, iommu_unmap_batch(self->rig.fd,
						     self->rig.ioas, e, n,
						     &done));
		EXPECT_EQ(there, done);
		EXPECT_EQ(there, count_done(e, there));
		ASSERT_EQ(0, UNMAP_ALL(&bytes));
		EXPECT_EQ(0, bytes);
	}
}

/*
 * Results cannot be written. What has not been told as mapped is not mapped;
 * what is told as unmapped is unmapped.
 */
TEST_F(batch, read_only_array)
{
	const unsigned int per_page = PAGE / sizeof(entry_t), n = 5 * per_page;
	entry_t *e = mem_anon(n * sizeof(*e));
	unsigned int part, i;
	uint32_t done;

	ASSERT_NE(NULL, e);
	for (part = 0; part < 5; part++) {
		const unsigned int there = part * per_page;
		uint64_t bytes = 0;

		fill_pages(e, n, self->buf, AT);
		ASSERT_EQ(0, mprotect(e + there, (n - there) * sizeof(*e),
				      PROT_READ));
		EXPECT_EQ(-EFAULT, iommu_map_batch(self->rig.fd,
						   self->rig.ioas, e, n,
						   &done));
		EXPECT_EQ(there, done);
		EXPECT_EQ(there, count_done(e, n));
		EXPECT_EQ(n - there, count_untouched(e, n));
		EXPECT_PINNED(there);
		ASSERT_EQ(0, UNMAP_ALL(&bytes));
		EXPECT_EQ(there * PAGE, bytes);
		ASSERT_EQ(0, mprotect(e, n * sizeof(*e),
				      PROT_READ | PROT_WRITE));

		fill_pages(e, n, self->buf, AT);
		ASSERT_EQ(0, iommu_map_batch(self->rig.fd, self->rig.ioas, e,
					     n, &done));
		fill_unmaps(e, n, AT);
		ASSERT_EQ(0, mprotect(e + there, (n - there) * sizeof(*e),
				      PROT_READ));
		EXPECT_EQ(-EFAULT, iommu_unmap_batch(self->rig.fd,
						     self->rig.ioas, e, n,
						     &done));
		EXPECT_LE(there, count_done(e, n));
		EXPECT_LE(count_done(e, n), done);
		for (i = 0; i < n; i++)
			if (!e[i].error)
				EXPECT_FALSE(IS_MAPPED(AT + i * PAGE, PAGE));
		EXPECT_EQ(n > done, IS_MAPPED(AT + (n - 1) * PAGE, PAGE));
		ASSERT_EQ(0, mprotect(e, n * sizeof(*e),
				      PROT_READ | PROT_WRITE));
		ASSERT_EQ(0, UNMAP_ALL(&bytes));
		EXPECT_EQ((n - done) * PAGE, bytes);
	}
}

/* Unmapping ---------------------------------------------------------------- */

/* An entry may take several mappings, also more than go at a time. */
TEST_F(batch, unmap_several_at_once)
{
	uint32_t done;

	fill_pages(self->e, NPAGES, self->buf, AT);
	ASSERT_EQ(0, MAP_BATCH(NPAGES, &done));
	EXPECT_PINNED(NPAGES);
	self->e[0] = unmap_entry(AT, 3 * PAGE);
	/* Begins and ends where nothing is */
	self->e[1] = unmap_entry(AT - 100 * PAGE, (104 + 800) * PAGE);
	self->e[1].iova = AT + 3 * PAGE;
	self->e[1].length = 800 * PAGE;
	self->e[2] = unmap_entry(AT + 900 * PAGE, PAGE);
	self->e[3] = unmap_entry(AT + 901 * PAGE, 1UL << 30);
	self->e[4] = unmap_entry(AT + 805 * PAGE, 2 * PAGE);
	ASSERT_EQ(0, UNMAP_BATCH(5, &done));
	EXPECT_EQ(5, done);
	EXPECT_EQ(5, count_done(self->e, 5));
	EXPECT_EQ(3 * PAGE, self->e[0].length);
	EXPECT_EQ(800 * PAGE, self->e[1].length);
	EXPECT_EQ(PAGE, self->e[2].length);
	EXPECT_EQ(123 * PAGE, self->e[3].length);
	EXPECT_EQ(2 * PAGE, self->e[4].length);
	EXPECT_PINNED(95);
	EXPECT_DMA(AT + 804 * PAGE, self->buf + 804 * PAGE, 64);
	EXPECT_NO_DMA(AT + 805 * PAGE, self->buf + 805 * PAGE);
	EXPECT_DMA(AT + 899 * PAGE, self->buf + 899 * PAGE, 64);

	/* Everything, as IOAS_UNMAP has it */
	self->e[0] = unmap_entry(0, UINT64_MAX);
	EXPECT_EQ(0, UNMAP_BATCH(1, &done));
	EXPECT_EQ(95 * PAGE, self->e[0].length);
	EXPECT_PINNED(0);
	self->e[0] = unmap_entry(0, UINT64_MAX);
	EXPECT_EQ(0, UNMAP_BATCH(1, &done));
	EXPECT_EQ(0, self->e[0].length);
}

TEST_F(batch, unmap_failing_entry)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(places); i++) {
		const unsigned int at = places[i].at, n = places[i].n;
		uint64_t bytes = 0;
		uint32_t done;

		fill_pages(self->e, n, self->buf, AT);
		ASSERT_EQ(0, MAP_BATCH(n, &done));
		fill_unmaps(self->e, n, AT);
		/* Nothing there */
		self->e[at].iova = OTHER_AT;
		EXPECT_EQ(-ENOENT, UNMAP_BATCH(n, &done));
		EXPECT_EQ(at, done);
		EXPECT_EQ(at, count_done(self->e, n));
		EXPECT_EQ(ENOENT, self->e[at].error);
		EXPECT_EQ(n - at - 1, count_untouched(self->e, n));
		EXPECT_PINNED(n - at);
		ASSERT_EQ(0, UNMAP_ALL(&bytes));
		EXPECT_EQ((n - at) * PAGE, bytes);
	}
}

TEST_F(batch, unmap_bad_entries)
{
	static const struct {
		entry_t e;
		int want;
	} bad[] = {
		/* Cuts a mapping, at the one end and at the other */
		{ { .iova = AT, .length = PAGE }, ENOENT },
		{ { .iova = AT + PAGE, .length = 3 * PAGE }, ENOENT },
		{ { .iova = AT + PAGE, .length = PAGE }, ENOENT },
		{ { .iova = AT - PAGE, .length = 3 * PAGE }, ENOENT },
		{ { .iova = AT, .length = 6 * PAGE }, ENOENT },
		{ { .iova = AT + 100 * PAGE, .length = PAGE }, ENOENT },
		{ { .iova = AT, .length = 0 }, EINVAL },
		{ { .iova = -PAGE, .length = 2 * PAGE }, EOVERFLOW },
		{ { .iova = AT, .length = UINT64_MAX }, EOVERFLOW },
		{ { .iova = AT, .length = 4 * PAGE, .src = 1 }, EOPNOTSUPP },
		{ { .iova = AT, .length = 4 * PAGE, .flags = IOMMU_RW },
		  EOPNOTSUPP },
		{ { .iova = AT, .length = 4 * PAGE, .flags = 1U << 31 },
		  EOPNOTSUPP },
	};
	uint64_t bytes = 0;
	unsigned int i;
	uint32_t done;

	ASSERT_EQ(0, rig_map(&self->rig, self->buf, 4 * PAGE, AT));
	ASSERT_EQ(0, rig_map(&self->rig, self->buf, 4 * PAGE, AT + 4 * PAGE));
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		ASSERT_EQ(0, rig_map(&self->rig, self->buf, PAGE, OTHER_AT));
		self->e[0] = unmap_entry(OTHER_AT, PAGE);
		self->e[1] = bad[i].e;
		self->e[2] = unmap_entry(AT, 4 * PAGE);
		EXPECT_EQ(-bad[i].want, UNMAP_BATCH(3, &done)) {
			TH_LOG("entry %u", i);
		}
		EXPECT_EQ(1, done);
		EXPECT_EQ(0, self->e[0].error);
		EXPECT_EQ(bad[i].want, self->e[1].error);
		EXPECT_EQ(UNTOUCHED, self->e[2].error);
		EXPECT_TRUE(IS_MAPPED(AT, 8 * PAGE));
	}
	ASSERT_EQ(0, UNMAP_ALL(&bytes));
	EXPECT_EQ(8 * PAGE, bytes);
}

/* Twice the same, at once or over one that has gone with another. */
TEST_F(batch, unmap_duplicates)
{
	uint32_t done;

	fill_pages(self->e, 10, self->buf, AT);
	ASSERT_EQ(0, MAP_BATCH(10, &done));
	fill_unmaps(self->e, 10, AT);
	self->e[4] = self->e[1];
	EXPECT_EQ(-ENOENT, UNMAP_BATCH(10, &done));
	EXPECT_EQ(4, done);
	EXPECT_EQ(ENOENT, self->e[4].error);
	EXPECT_EQ(UNTOUCHED, self->e[5].error);
	EXPECT_PINNED(6);

	/* The second takes what the first has left */
	self->e[0] = unmap_entry(AT + 5 * PAGE, 2 * PAGE);
	self->e[1] = unmap_entry(AT + 5 * PAGE, 3 * PAGE);
	EXPECT_EQ(0, UNMAP_BATCH(2, &done));
	EXPECT_EQ(2, done);
	EXPECT_EQ(2 * PAGE, self->e[0].length);
	EXPECT_EQ(PAGE, self->e[1].length);
	EXPECT_PINNED(3);
	EXPECT_DMA(AT + 4 * PAGE, self->buf + 4 * PAGE, 64);
	EXPECT_NO_DMA(AT + 7 * PAGE, self->buf + 7 * PAGE);
}

/* Neighbours --------------------------------------------------------------- */

/*
 * Side by side in memory and in IOVA: pinned and mapped together, perhaps. But
 * then each can go alone, and its page with it.
 */
TEST_F(batch, neighbours)
{
	const unsigned int n = 600;
	unsigned int i, left = n;
	uint32_t done;

	fill_pages(self->e, n, self->buf, AT);
	ASSERT_EQ(0, MAP_BATCH(n, &done));
	EXPECT_PINNED(n);
	EXPECT_DMA(AT + 256 * PAGE - 2000, self->buf + 256 * PAGE - 2000,
		   EDU_DMA_MAX);
	EXPECT_DMA(AT + 511 * PAGE, self->buf + 511 * PAGE, EDU_DMA_MAX);

	for (i = 0; i < n; i += 97, left--) {
		ASSERT_EQ(0, UNMAP(AT + i * PAGE, PAGE));
		/* The page has no pin any more, those beside it have */
		EXPECT_PINNED(left - 1);
	}
	EXPECT_NO_DMA(AT + 97 * PAGE, self->buf + 97 * PAGE);
	EXPECT_DMA(AT + 96 * PAGE, self->buf + 96 * PAGE, 64);
	EXPECT_DMA(AT + 98 * PAGE, self->buf + 98 * PAGE, 64);
	for (i = 0; i < n; i += 97, left++)
		ASSERT_EQ(0, rig_map(&self->rig, self->buf, PAGE,
				     AT + i * PAGE));
	EXPECT_DMA(AT + 97 * PAGE, self->buf, 64);
	EXPECT_DMA(AT + 98 * PAGE, self->buf + 98 * PAGE, 64);
	fill_unmaps(self->e, n, AT);
	ASSERT_EQ(0, UNMAP_BATCH(n, &done));
	EXPECT_PINNED(0);
}

/*
 * Ranges that do not touch, which have one flush together: the device has been
 * everywhere, so that the IOTLB has all of them, and is nowhere afterwards but at
 * the pages between. One range is a whole table of small pages, which is freed.
 */
TEST_F(batch, unmap_apart_is_unreachable)
{
	static const uint64_t far[] = {
		0, 2 * PAGE, 5 * PAGE, 600 * PAGE, 1UL << 30, 5UL << 30,
	};
	const unsigned int n = ARRAY_SIZE(far);
	const uint64_t table = AT + (3UL << 30), between = AT + PAGE;
	unsigned int i;
	uint32_t done;

	for (i = 0; i < n; i++)
		self->e[i] = map_entry(self->buf + i * PAGE, AT + far[i], PAGE);
	self->e[n] = map_entry(self->buf + MEM_HUGE, table, MEM_HUGE);
	self->e[n + 1] = map_entry(self->buf + n * PAGE, between, PAGE);
	ASSERT_EQ(0, MAP_BATCH(n + 2, &done));
	for (i = 0; i < n; i++)
		EXPECT_DMA(AT + far[i], self->buf + i * PAGE, 64);
	EXPECT_DMA(table, self->buf + MEM_HUGE, 64);
	EXPECT_DMA(table + MEM_HUGE - PAGE, self->buf + 2 * MEM_HUGE - PAGE,
		   64);
	EXPECT_DMA(between, self->buf + n * PAGE, 64);

	/* From the last to the first: no range continues the one before */
	for (i = 0; i < n; i++)
		self->e[i] = unmap_entry(AT + far[n - 1 - i], PAGE);
	self->e[n] = unmap_entry(table, MEM_HUGE);
	ASSERT_EQ(0, UNMAP_BATCH(n + 1, &done));
	EXPECT_PINNED(1);
	for (i = 0; i < n; i++)
		EXPECT_NO_DMA(AT + far[i], self->buf + i * PAGE);
	EXPECT_NO_DMA(table, self->buf + MEM_HUGE);
	EXPECT_NO_DMA(table + MEM_HUGE - PAGE,
		      self->buf + 2 * MEM_HUGE - PAGE);
	EXPECT_DMA(between, self->buf + n * PAGE, 64);

	/* Other memory in the same places */
	ASSERT_EQ(0, rig_map(&self->rig, self->buf + 100 * PAGE, PAGE, table));
	ASSERT_EQ(0, rig_map(&self->rig, self->buf + 101 * PAGE, PAGE,
			     AT + far[2]));
	EXPECT_DMA(table, self->buf + 100 * PAGE, 64);
	EXPECT_DMA(AT + far[2], self->buf + 101 * PAGE, 64);
}

/*
 * What follows each other in one huge page, in an entry each: the IOMMU must not
 * have made a huge page of it, since each can go alone.
 */
TEST_F(batch, pieces_of_a_huge_page)
{
	const unsigned int n = MEM_HUGE / PAGE, hole = 200;
	char *huge = mem_thp(MEM_HUGE);
	uint32_t done;

	ASSERT_NE(NULL, huge);
	if (mem_runs(huge, MEM_HUGE) != 1)
		SKIP(return, "no transparent huge page");
	mem_fill(huge, MEM_HUGE, 9);
	fill_pages(self->e, n, huge, AT);
	ASSERT_EQ(0, MAP_BATCH(n, &done));
	EXPECT_PINNED(n);
	EXPECT_DMA(AT + hole * PAGE, huge + hole * PAGE, 64);
	ASSERT_EQ(0, UNMAP(AT + hole * PAGE, PAGE));
	EXPECT_PINNED(n - 1);
	EXPECT_NO_DMA(AT + hole * PAGE, huge + hole * PAGE);
	EXPECT_DMA(AT + hole * PAGE - 64, huge + hole * PAGE - 64, 64);
	EXPECT_DMA(AT + (hole + 1) * PAGE, huge + (hole + 1) * PAGE, 64);
	/* Another page in its place, then all of them at once */
	ASSERT_EQ(0, rig_map(&self->rig, self->buf, PAGE, AT + hole * PAGE));
	EXPECT_DMA(AT + hole * PAGE, self->buf, 64);
	EXPECT_DMA(AT, huge, 64);
	self->e[0] = unmap_entry(AT, MEM_HUGE);
	ASSERT_EQ(0, UNMAP_BATCH(1, &done));
	EXPECT_EQ(MEM_HUGE, self->e[0].length);
	EXPECT_PINNED(0);
	EXPECT_NO_DMA(AT + 7 * PAGE, huge + 7 * PAGE);
	mem_free(huge, MEM_HUGE);
}

/* Seen in the pool: a page of it is free when its entry is gone. */
TEST_F(batch, freed_among_neighbours)
{
	const unsigned int n = 4;
	char *buf = mem_hugetlb(n * MEM_HUGE);
	unsigned int i;
	uint32_t done;
	long free;

	if (!variant->device)
		SKIP(return, "nothing is pinned without a device");
	if (!buf)
		SKIP(return, "too few free hugetlb pages");
	for (i = 0; i < n; i++)
		self->e[i] = map_entry(buf + i * MEM_HUGE, AT + i * MEM_HUGE,
				       MEM_HUGE);
	ASSERT_EQ(0, MAP_BATCH(n, &done));
	free = mem_info("HugePages_Free");
	ASSERT_EQ(0, munmap(buf + MEM_HUGE, 2 * MEM_HUGE));
	EXPECT_EQ(free, mem_info("HugePages_Free"));
	self->e[0] = unmap_entry(AT + MEM_HUGE, MEM_HUGE);
	ASSERT_EQ(0, UNMAP_BATCH(1, &done));
	EXPECT_EQ(free + 1, mem_info("HugePages_Free"));
	EXPECT_DMA(AT + MEM_HUGE - 64, buf + MEM_HUGE - 64, 64);
	ASSERT_EQ(0, UNMAP(AT + 2 * MEM_HUGE, MEM_HUGE));
	EXPECT_EQ(free + 2, mem_info("HugePages_Free"));
	ASSERT_EQ(0, UNMAP_ALL(NULL));
	munmap(buf, MEM_HUGE);
	munmap(buf + 3 * MEM_HUGE, MEM_HUGE);
}

/* Neighbours in one respect only, and of memory of different kinds. */
TEST_F(batch, half_neighbours)
{
	static const int order[] = { 3, 0, 1, 2, 7, 6, 5, 4, 9, 8 };
	const unsigned int n = ARRAY_SIZE(order);
	char *buf = mem_anon(3 * n * PAGE);
	int file = mem_memfd(n * PAGE, 0), acc;
	unsigned int i;
	uint32_t done;

	ASSERT_NE(NULL, buf);
	ASSERT_LE(0, file);
	if (access_why_not())
		SKIP(return, "%s", access_why_not());
	acc = access_open_attached(self->rig.fd, self->rig.ioas);
	ASSERT_LE(0, acc);
	/* In the middle a file, shared; then the same as a private mapping */
	ASSERT_NE(MAP_FAILED, mmap(buf + n * PAGE, n * PAGE,
				   PROT_READ | PROT_WRITE,
				   MAP_SHARED | MAP_FIXED, file, 0));
	ASSERT_NE(MAP_FAILED, mmap(buf + 2 * n * PAGE, n * PAGE,
				   PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_FIXED, file, 0));
	close(file);
	for (i = 0; i < 3 * n; i++)
		mem_fill(buf + i * PAGE, PAGE, i);
	fill_pages(self->e, 3 * n, buf, AT);
	for (i = 0; i < n; i++) {
		/* The one in another order, then the other */
		self->e[i].iova = AT + order[i] * PAGE;
		self->e[n + i].src = iommu_ptr(buf + (n + order[i]) * PAGE);
	}
	/* Some with other permissions, some that are longer */
	self->e[2].flags = IOMMU_R | IOMMU_FIXED;
	self->e[2 * n + 1].flags = IOMMU_R | IOMMU_FIXED;
	self->e[2 * n + 3].length = 2 * PAGE;
	self->e[2 * n + 4] = self->e[2 * n + 5];
	self->e[2 * n + 5] = map_entry(buf, OTHER_AT, PAGE);
	ASSERT_EQ(0, MAP_BATCH(3 * n, &done));
	for (i = 0; i < 3 * n; i++) {
		const entry_t *e = &self->e[i];
		static char copy[2 * PAGE];

		ASSERT_EQ(0, access_read(acc, e->iova, copy, e->length));
		EXPECT_EQ(0, memcmp(copy, (void *)(uintptr_t)e->src,
				    e->length)) {
			TH_LOG("entry %u", i);
		}
	}
	EXPECT_EQ(-EPERM, access_write(acc, self->e[2].iova, buf, 8));
	EXPECT_EQ(0, access_write(acc, self->e[3].iova, buf, 8));
	EXPECT_DMA(AT + 2 * PAGE, buf + 3 * PAGE, 64);
	EXPECT_DMA(AT + n * PAGE, buf + (n + 3) * PAGE, 64);
	EXPECT_DMA(AT + (2 * n + 4) * PAGE - 32, buf + (2 * n + 4) * PAGE - 32,
		   64);
	if (variant->device) {
		EXPECT_EQ(0, edu_can_write(&self->rig.edu, self->e[2].iova,
					   buf + 2 * PAGE, 64));
	}
	close(acc);
}

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

/* Who has pinned pages of an entry is asked to let go, once for each area. */
TEST_F(batch, unmap_calls_back)
{
	struct access_test_event event;
	const unsigned int n = 300;
	uint32_t done;
	int acc;

	if (access_why_not())
		SKIP(return, "%s", access_why_not());
	acc = access_open_attached(self->rig.fd, self->rig.ioas);
	ASSERT_LE(0, acc);
	fill_pages(self->e, n, self->buf, AT);
	ASSERT_EQ(0, MAP_BATCH(n, &done));
	ASSERT_EQ(0, access_pin(acc, AT + 7 * PAGE, PAGE, 0));
	ASSERT_EQ(0, access_pin(acc, AT + 290 * PAGE, PAGE, 0));
	fill_unmaps(self->e, n, AT);
	ASSERT_EQ(0, UNMAP_BATCH(n, &done));
	EXPECT_EQ(n, done);
	EXPECT_EQ(n, count_done(self->e, n));
	EXPECT_PINNED(0);
	EXPECT_EQ(self->pinned, mem_wait_pinned(self->pinned));
	EXPECT_EQ(0, access_event(acc, &event));
	EXPECT_EQ(AT + 7 * PAGE, event.iova);
	EXPECT_EQ(0, access_event(acc, &event));
	EXPECT_EQ(AT + 290 * PAGE, event.iova);
	EXPECT_EQ(-EAGAIN, access_event(acc, &event));
	close(acc);
}

struct limited {
	int fd;
	uint32_t ioas;
	entry_t *e;
	unsigned int n;
	unsigned int limit;
};

/* The entries are in one row, and together they are too many. */
static void map_with_limit(void *arg)
{
	struct limited *l = arg;
	char *buf = mem_anon(l->n * PAGE);
	uint64_t bytes = 0;
	uint32_t done;

	CHILD_EQ(0, mem_become_user(USER, l->limit * PAGE));
	fill_pages(l->e, l->n, buf, AT);
	CHILD_EQ(-ENOMEM, iommu_map_batch(l->fd, l->ioas, l->e, l->n, &done));
	CHILD_EQ(l->limit, done);
	CHILD_EQ(l->limit, count_done(l->e, l->n));
	CHILD_EQ(ENOMEM, l->e[l->limit].error);
	CHILD_EQ(l->limit, mem_vm_pin(0));

	/* What goes makes room again */
	fill_unmaps(l->e, 10, AT);
	CHILD_EQ(0, iommu_unmap_batch(l->fd, l->ioas, l->e, 10, &done));
	fill_pages(l->e, 11, buf, OTHER_AT);
	CHILD_EQ(-ENOMEM, iommu_map_batch(l->fd, l->ioas, l->e, 11, &done));
	CHILD_EQ(10, done);
	CHILD_EQ(0, iommu_unmap_all(l->fd, l->ioas, &bytes));
	CHILD_EQ(l->limit * PAGE, bytes);
	CHILD_EQ(0, mem_vm_pin(0));
}

TEST_F(batch, limit_of_locked_memory)
{
	struct limited l = {
		.fd = self->rig.fd, .ioas = self->rig.ioas, .e = self->e,
		.n = 400, .limit = 300,
	};

	if (!variant->device)
		SKIP(return, "nothing is charged without a device");
	EXPECT_EQ(0, child_run(map_with_limit, &l));
	EXPECT_EQ(self->pinned, mem_wait_pinned(self->pinned));
}

/* Killed in the middle: what is told as done is, and nothing else. */
#define MILLION 1000000U

/*
 * A child in the middle of a batch that is killed when entry @n is done. The
 * command and the entries are in shared memory, so that its end can be seen.
 */
static int kill_in_batch(int fd, unsigned long how, struct ioasid_batch *cmd,
			 const entry_t *e, unsigned int n)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		ioctl(fd, how, cmd);
		/* It came to its end, so it was not killed in time */
		_exit(1);
	}
	if (pid < 0)
		return -errno;
	while (__atomic_load_n(&e[n].error, __ATOMIC_ACQUIRE)) {
		if (waitpid(pid, &status, WNOHANG) == pid)
			return status;
		sched_yield();
	}
	kill(pid, SIGKILL);
	return waitpid(pid, &status, 0) == pid ? status : -ECHILD;
}

TEST_F(batch, killed)
{
	const bool debug = mem_debug_kernel();
	/* Which it could not all do in the time that a test has */
	const unsigned int n = debug ? MILLION / 10 : MILLION;
	const size_t size = n * sizeof(entry_t);
	char *buf = mem_shared(PAGE);
	struct ioasid_batch *cmd = mem_shared(PAGE);
	unsigned int done, unmapped, i;
	uint64_t bytes = 0;
	entry_t *e;

	ASSERT_NE(NULL, buf);
	ASSERT_NE(NULL, cmd);
	e = mem_shared(size);
	ASSERT_NE(NULL, e);
	for (i = 0; i < n; i++)
		e[i] = map_entry(buf, AT + i * PAGE, PAGE);
	*cmd = (struct ioasid_batch) {
		.size = sizeof(*cmd),
		.ioas_id = self->rig.ioas,
		.nr = n,
		.entries = iommu_ptr(e),
		.out_done = UINT32_MAX,
	};
	/* Many, so that unmapping them takes a while, too */
	EXPECT_EQ(SIGKILL, kill_in_batch(self->rig.fd, IOASID_MAP_BATCH, cmd,
					 e, debug ? 10000 : 150000));
	done = count_done(e, n);
	EXPECT_LT(5000, done);
	EXPECT_GT(n, done);
	EXPECT_EQ(done, cmd->out_done);
	/* EINTR is of the command, not of an entry */
	EXPECT_EQ(n - done, count_untouched(e, n));
	EXPECT_TRUE(IS_MAPPED(AT + (done - 1) * PAGE, PAGE));
	EXPECT_FALSE(IS_MAPPED(AT + done * PAGE, PAGE));

	for (i = 0; i < done; i++)
		e[i] = unmap_entry(AT + i * PAGE, PAGE);
	cmd->nr = done;
	EXPECT_EQ(SIGKILL, kill_in_batch(self->rig.fd, IOASID_UNMAP_BATCH, cmd,
					 e, 300));
	unmapped = count_done(e, done);
	EXPECT_LT(300, unmapped);
	EXPECT_EQ(unmapped, cmd->out_done);
	EXPECT_EQ(0, UNMAP_ALL(&bytes));
	EXPECT_EQ((done - unmapped) * PAGE, bytes);
	EXPECT_EQ(self->pinned, mem_wait_pinned(self->pinned));
	mem_free(e, size);
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
