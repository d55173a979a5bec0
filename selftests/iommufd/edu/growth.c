// SPDX-License-Identifier: GPL-2.0-only
/*
 * Very many mappings in one IOAS: that they all work, and that the last one
 * costs about as much as the first.
 *
 * growth --areas N takes N mappings instead of a number that suits the machine;
 * 1000000 of them want a guest with 2 GiB.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "access.h"
#include "child.h"
#include "edu.h"
#include "iommu.h"
#include "mem.h"
#include "rig.h"
#include "seconds.h"

#define PAGE 4096UL
/* A prime number of pages: no IOVA looks like its page */
#define NPAGES 251UL
#define BUF (NPAGES * PAGE)
#define AT 0x100000000UL
/* Where all of them are: each of one page, and one page apart */
#define STEP (2 * PAGE)
#define TYPE1_LIMIT 65535U
#define BATCH 2048U
/* Times that a mapping may cost more among all than among few */
#define COST_MAX 16
/* More than that for a mapping of a page would be a leak, or a bad idea */
#define BYTES_MAX 1024

static unsigned int areas;

FIXTURE(growth)
{
	struct rig rig;
	unsigned int n;
	char *buf;
	int acc;
	long pinned;
};

FIXTURE_SETUP(growth)
{
	self->n = areas;
	if (!self->n)
		self->n = mem_debug_kernel() ? 20000 : 100000;
	self->acc = -1;
	NEED_ACCESS;
	ASSERT_EQ(0, rig_open(&self->rig));
	self->buf = mem_anon(BUF);
	ASSERT_NE(NULL, self->buf);
	self->acc = access_open_attached(self->rig.fd, self->rig.ioas);
	ASSERT_LE(0, self->acc);
	self->pinned = mem_pinned();
}

FIXTURE_TEARDOWN(growth)
{
	if (self->acc >= 0)
		close(self->acc);
	EXPECT_EQ(0, rig_close(&self->rig));
	EXPECT_EQ(0, mem_vm_pin(0));
}

static uint64_t iova_of(uint64_t i)
{
	return AT + i * STEP;
}

static char *page_of(char *buf, uint64_t i)
{
	return buf + i % NPAGES * PAGE;
}

/*
 * The numbers below @n, each once, in an order that jumps about: the steps are
 * of a length that has no factor in common with @n.
 */
static unsigned int stride_for(unsigned int n)
{
	unsigned int stride = n / 2 + n / 8 + 1, a, b, t;

	for (;; stride++) {
		for (a = n, b = stride; b; t = a % b, a = b, b = t)
			;
		if (a == 1)
			return stride;
	}
}

/* Bytes of the kernel that are not given back when memory is short. */
static long kernel_bytes(void)
{
	return mem_info("SUnreclaim") * 1024;
}

/* Map single pages, from the @from-th on, and return the cost of one in ns. */
static double map_some(struct _test_data_growth *self, unsigned int from,
		       unsigned int to, unsigned int stride)
{
	double start = seconds_now();
	unsigned int i;

	for (i = from; i < to; i++) {
		uint64_t k = (uint64_t)i * stride % self->n;

		if (rig_map(&self->rig, page_of(self->buf, k), PAGE,
			    iova_of(k)))
			return -1;
	}
	return (seconds_now() - start) * 1e9 / (to - from);
}

/* The lowest of several: what else the machine does only makes it higher. */
static double cost_of(struct _test_data_growth *self, unsigned int from,
		      unsigned int to, unsigned int stride)
{
	unsigned int step = (to - from) / 8 ?: 1, i;
	double least = 0;

	for (i = from; i < to; i += step) {
		unsigned int end = to - i < step ? to : i + step;
		double cost = map_some(self, i, end, stride);

		if (cost < 0)
			return -1;
		if (!least || cost < least)
			least = cost;
	}
	return least;
}

/* Some random ones of them: the right page, and nothing beside it. */
static bool looks_right(struct _test_data_growth *self, unsigned int n)
{
	uint64_t random = 88172645463325252, seen;
	unsigned int i;

	for (i = 0; i < 1000; i++) {
		uint64_t k;

		random = random * 6364136223846793005 + 1442695040888963407;
		k = (random >> 33) % n;
		if (access_read(self->acc, iova_of(k), &seen, 8) ||
		    memcmp(&seen, page_of(self->buf, k), 8))
			return false;
		if (access_read(self->acc, iova_of(k) + PAGE, &seen, 8) !=
		    -ENOENT)
			return false;
	}
	return true;
}

static void fill_buffer(char *buf)
{
	unsigned int i;

	for (i = 0; i < NPAGES; i++)
		mem_fill(buf + i * PAGE, PAGE, i);
}

/* More areas than a copy looks at under one hold of a lock: all of them, in order. */
TEST_F(growth, copy)
{
	const unsigned int n = 2500;
	uint64_t unmapped = 0, stamp;
	uint32_t other;
	unsigned int i;

	ASSERT_EQ(0, iommu_ioas_alloc(self->rig.fd, &other));
	for (i = 0; i < NPAGES; i++)
		*(uint64_t *)page_of(self->buf, i) = i + 1;
	for (i = 0; i < n; i++)
		ASSERT_EQ(0, rig_map(&self->rig, page_of(self->buf, i), PAGE,
				     AT + i * PAGE));
	ASSERT_EQ(0, iommu_copy_fixed(self->rig.fd, other, self->rig.ioas, AT,
				      n * PAGE, IOMMU_RW, AT));
	ASSERT_EQ(0, access_replace(self->acc, other));
	for (i = 0; i < n; i++) {
		ASSERT_EQ(0, access_read(self->acc, AT + i * PAGE, &stamp,
					 sizeof(stamp)));
		ASSERT_EQ(i % NPAGES + 1, stamp);
	}
	ASSERT_EQ(0, access_replace(self->acc, self->rig.ioas));
	EXPECT_EQ(0, iommu_unmap_all(self->rig.fd, other, &unmapped));
	EXPECT_EQ(n * PAGE, unmapped);

	/* A hole, however far behind: nothing is copied. */
	ASSERT_EQ(0, rig_unmap(&self->rig, AT + 2222 * PAGE, PAGE));
	EXPECT_EQ(-ENOENT, iommu_copy_fixed(self->rig.fd, other,
					    self->rig.ioas, AT, n * PAGE,
					    IOMMU_RW, AT));
	EXPECT_EQ(0, iommu_unmap_all(self->rig.fd, other, &unmapped));
	EXPECT_EQ(0, unmapped);
}

/* One by one, in an order that jumps about; the last as fast as the first. */
TEST_F(growth, single_maps)
{
	const unsigned int n = self->n, stride = stride_for(n);
	double first, last, start;
	uint64_t bytes = 0;
	long before;

	fill_buffer(self->buf);
	before = kernel_bytes();
	first = cost_of(self, 0, 1000, stride);
	ASSERT_LT(0, first);
	ASSERT_LE(0, map_some(self, 1000, n - n / 10, stride));
	last = cost_of(self, n - n / 10, n, stride);
	ASSERT_LT(0, last);
	TH_LOG("map: %.1f us among 1000, %.1f us among %u", first / 1000,
	       last / 1000, n);
	EXPECT_GT(COST_MAX * first, last);
	TH_LOG("memory: %ld bytes a mapping", (kernel_bytes() - before) / (long)n);
	EXPECT_GT(BYTES_MAX, (kernel_bytes() - before) / (long)n);

	EXPECT_TRUE(looks_right(self, n));
	EXPECT_EQ(-EEXIST, rig_map(&self->rig, self->buf, PAGE,
				   iova_of(n / 3)));
	EXPECT_EQ(-EEXIST, rig_map(&self->rig, self->buf, 2 * PAGE,
				   iova_of(n / 3) - PAGE));
	ASSERT_EQ(0, rig_unmap(&self->rig, iova_of(n / 3), PAGE));

	start = seconds_now();
	ASSERT_EQ(0, iommu_unmap_all(self->rig.fd, self->rig.ioas, &bytes));
	TH_LOG("unmap of all: %.2f us a mapping", (seconds_now() - start) * 1e6 / n);
	EXPECT_EQ((n - 1) * PAGE, bytes);
	EXPECT_EQ(self->pinned, mem_pinned());
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/*
 * Where the kernel chooses, among as many; and in the end from so few places
 * that it has to find each.
 */
TEST_F(growth, chosen_iovas)
{
	const unsigned int n = self->n / 2;
	const struct iommu_iova_range room = { AT, AT + n * PAGE - 1 };
	uint64_t *iova = calloc(n, sizeof(*iova)), bytes = 0, at;
	double start, first = 0, last;
	unsigned int i, freed = 0;

	ASSERT_NE(NULL, iova);
	ASSERT_EQ(0, iommu_allow_iovas(self->rig.fd, self->rig.ioas, &room, 1));
	start = seconds_now();
	for (i = 0; i < n; i++) {
		ASSERT_EQ(0, iommu_map_auto(self->rig.fd, self->rig.ioas,
					    page_of(self->buf, i), PAGE,
					    IOMMU_RW, &iova[i]));
		if (i == 999) {
			first = seconds_now() - start;
			start = seconds_now();
		}
	}
	last = seconds_now() - start;
	TH_LOG("chosen: %.1f us among 1000, %.1f us among %u", first * 1e3,
	       last * 1e6 / (n - 1000), n);
	EXPECT_GT(COST_MAX * first / 1000, last / (n - 1000));
	EXPECT_EQ(-ENOSPC, iommu_map_auto(self->rig.fd, self->rig.ioas,
					  self->buf, PAGE, IOMMU_RW, &at));
	qsort(iova, n, sizeof(*iova), compare);
	for (i = 0; i < n; i++)
		ASSERT_EQ(AT + i * PAGE, iova[i]);

	for (i = 0; i < n; i += 7, freed++)
		ASSERT_EQ(0, rig_unmap(&self->rig, iova[i], PAGE));
	for (i = 0; i < freed; i++)
		ASSERT_EQ(0, iommu_map_auto(self->rig.fd, self->rig.ioas,
					    self->buf, PAGE, IOMMU_RW, &at));
	EXPECT_EQ(-ENOSPC, iommu_map_auto(self->rig.fd, self->rig.ioas,
					  self->buf, PAGE, IOMMU_RW, &at));
	ASSERT_EQ(0, iommu_unmap_all(self->rig.fd, self->rig.ioas, &bytes));
	EXPECT_EQ(n * PAGE, bytes);
	free(iova);
}

/* All of them by batches. Returns how many batches failed. */
static unsigned int map_by_batch(struct _test_data_growth *self, uint32_t ioas,
				 unsigned int n)
{
	struct ioasid_batch_entry *e = calloc(BATCH, sizeof(*e));
	unsigned int i, k, failed = 0;
	uint32_t done;

	for (i = 0; i < n; i += k) {
		for (k = 0; k < BATCH && i + k < n; k++)
			e[k] = (struct ioasid_batch_entry) {
				.src = iommu_ptr(page_of(self->buf, i + k)),
				.iova = iova_of(i + k),
				.length = PAGE,
				.flags = IOMMU_RW | IOMMU_FIXED,
			};
		failed += iommu_map_batch(self->rig.fd, ioas, e, k, &done) ||
			  done != k;
	}
	free(e);
	return failed;
}

#define NEED_BATCH							\
	do {								\
		if (!iommu_has_cmd(self->rig.fd, IOASID_MAP_BATCH))	\
			SKIP(return, "no IOASID_MAP_BATCH in this module"); \
	} while (0)

/*
 * More than VFIO type 1 can have, for a device. Pins of the same page, many
 * times over, are counted, and given back.
 */
TEST_F(growth, device)
{
	const unsigned int n = self->n > TYPE1_LIMIT ? self->n :
			       TYPE1_LIMIT + 1000;
	uint64_t bytes = 0;
	double start;
	long before;

	NEED_BATCH;
	fill_buffer(self->buf);
	ASSERT_EQ(0, rig_attach(&self->rig));
	before = kernel_bytes();
	start = seconds_now();
	ASSERT_EQ(0, map_by_batch(self, self->rig.ioas, n));
	TH_LOG("batch, with a device: %.2f us an entry, %ld bytes a mapping",
	       (seconds_now() - start) * 1e6 / n, (kernel_bytes() - before) / (long)n);
	EXPECT_EQ(n, mem_vm_pin(0));
	EXPECT_EQ(self->pinned + n, mem_pinned());
	EXPECT_TRUE(looks_right(self, n));
	EXPECT_EQ(0, edu_check(&self->rig.edu, iova_of(n - 1),
			       page_of(self->buf, n - 1), 64));
	EXPECT_EQ(0, edu_check(&self->rig.edu, iova_of(n / 3),
			       page_of(self->buf, n / 3), 64));
	start = seconds_now();
	ASSERT_EQ(0, iommu_unmap_all(self->rig.fd, self->rig.ioas, &bytes));
	TH_LOG("unmap of all: %.2f us a mapping", (seconds_now() - start) * 1e6 / n);
	EXPECT_EQ(n * PAGE, bytes);
	EXPECT_EQ(self->pinned, mem_wait_pinned(self->pinned));
	EXPECT_EQ(0, edu_can_write(&self->rig.edu, iova_of(n / 3),
				   page_of(self->buf, n / 3), 64));
}

/* All mapped before: the device gets them at once, and loses them at once. */
TEST_F(growth, attach)
{
	const unsigned int n = self->n;
	uint64_t bytes = 0;
	double start;

	NEED_BATCH;
	fill_buffer(self->buf);
	ASSERT_EQ(0, map_by_batch(self, self->rig.ioas, n));
	EXPECT_EQ(self->pinned, mem_pinned());
	start = seconds_now();
	ASSERT_EQ(0, rig_attach(&self->rig));
	TH_LOG("attach: %.2f us a mapping", (seconds_now() - start) * 1e6 / n);
	EXPECT_EQ(self->pinned + n, mem_pinned());
	EXPECT_EQ(0, edu_check(&self->rig.edu, iova_of(n - 7),
			       page_of(self->buf, n - 7), 64));
	start = seconds_now();
	ASSERT_EQ(0, vfio_detach(self->rig.edu.fd));
	TH_LOG("detach: %.2f us a mapping", (seconds_now() - start) * 1e6 / n);
	EXPECT_EQ(self->pinned, mem_wait_pinned(self->pinned));
	EXPECT_EQ(0, edu_can_write(&self->rig.edu, iova_of(n - 7),
				   page_of(self->buf, n - 7), 64));
	ASSERT_EQ(0, iommu_unmap_all(self->rig.fd, self->rig.ioas, &bytes));
	EXPECT_EQ(n * PAGE, bytes);
}

/* A parent with as many, and a child that is made of all of them at once. */
TEST_F(growth, nested)
{
	const unsigned int n = self->n / 4;
	const uint64_t all = n * PAGE;
	uint64_t bytes = 0, i;
	double start;
	uint32_t child;

	if (!iommu_has_cmd(self->rig.fd, IOASID_ALLOC_NESTED))
		SKIP(return, "no IOASID_ALLOC_NESTED in this module");
	ASSERT_EQ(0, iommu_alloc_nested(self->rig.fd, self->rig.ioas, &child));
	ASSERT_EQ(0, access_replace(self->acc, child));
	for (i = 0; i < n; i++)
		ASSERT_EQ(0, rig_map(&self->rig, page_of(self->buf, i), PAGE,
				     AT + i * PAGE));
	start = seconds_now();
	ASSERT_EQ(0, iommu_map_fixed(self->rig.fd, child, (void *)AT, all,
				     IOMMU_RW, 8 * AT));
	TH_LOG("map of all into a child: %.2f us a mapping",
	       (seconds_now() - start) * 1e6 / n);
	EXPECT_EQ(0, access_write(self->acc, 8 * AT + (n - 1) * PAGE, "last",
				  5));
	EXPECT_EQ(0, strcmp(page_of(self->buf, n - 1), "last"));
	start = seconds_now();
	ASSERT_EQ(0, iommu_unmap_all(self->rig.fd, self->rig.ioas, &bytes));
	TH_LOG("unmap of both: %.2f us a mapping", (seconds_now() - start) * 1e6 / n);
	EXPECT_EQ(all, bytes);
	ASSERT_EQ(0, iommu_unmap_all(self->rig.fd, child, &bytes));
	EXPECT_EQ(0, bytes);
}

/* The legacy commands have the limit no more, either. */
TEST_F(growth, legacy_maps)
{
	const unsigned int n = TYPE1_LIMIT + 100;
	struct vfio_iommu_type1_dma_unmap unmap = {
		.argsz = sizeof(unmap),
		.flags = VFIO_DMA_UNMAP_FLAG_ALL,
	};
	unsigned int i;

	if (mem_debug_kernel() && !areas)
		SKIP(return, "takes too long on a debug kernel");
	ASSERT_EQ(0, iommu_vfio_ioas_set(self->rig.fd, self->rig.ioas));
	for (i = 0; i < n; i++)
		ASSERT_EQ(0, vfio_dma_map(self->rig.fd, page_of(self->buf, i),
					  PAGE, iova_of(i),
					  VFIO_DMA_MAP_FLAG_READ));
	ASSERT_EQ(0, iommu_cmd(self->rig.fd, VFIO_IOMMU_UNMAP_DMA, &unmap));
	EXPECT_EQ(n * PAGE, unmap.size);
}

struct closer {
	struct _test_data_growth *self;
	unsigned int n;
};

/* Everything is left to the kernel, by a process that ends. */
static void map_and_exit(void *arg)
{
	struct closer *c = arg;
	struct _test_data_growth *self = c->self;
	struct edu edu;
	struct vfio_pci pci;
	uint32_t ioas;

	/* A context of its own; the device is the parent's until here */
	self->rig.fd = iommu_open();
	CHILD_EQ(0, iommu_ioas_alloc(self->rig.fd, &ioas));
	CHILD_EQ(1, edu_find_alone(&pci, 1));
	CHILD_EQ(0, edu_open(&edu, &pci, self->rig.fd));
	CHILD_EQ(0, vfio_attach(edu.fd, ioas, NULL));
	CHILD_EQ(0, map_by_batch(self, ioas, c->n));
	CHILD_EQ(c->n, mem_vm_pin(0));
}

TEST_F(growth, exit)
{
	struct closer c = { self, self->n };
	long before;

	NEED_BATCH;
	edu_close(&self->rig.edu);
	before = kernel_bytes();
	ASSERT_EQ(0, child_run(map_and_exit, &c));
	/* It has been given back before the parent hears of the end */
	EXPECT_EQ(self->pinned, mem_wait_pinned(self->pinned));
	TH_LOG("left behind: %ld bytes a mapping",
	       (kernel_bytes() - before) / (long)c.n);
	if (!mem_debug_kernel()) {
		EXPECT_GT(BYTES_MAX / 8,
			  (kernel_bytes() - before) / (long)c.n);
	}
}

/* Takes "--areas N" out of the arguments: the harness has its own. */
static int own_arguments(int argc, char **argv)
{
	if (argc < 3 || strcmp(argv[1], "--areas"))
		return argc;
	areas = strtoul(argv[2], NULL, 0);
	memmove(&argv[1], &argv[3], (argc - 2) * sizeof(*argv));
	return argc - 2;
}

int main(int argc, char **argv)
{
	argc = own_arguments(argc, argv);
	access_module_load();
	return test_harness_run(argc, argv);
}
