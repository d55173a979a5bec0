// SPDX-License-Identifier: GPL-2.0-only
/*
 * memory.c - the kinds of user memory that the benchmark maps.
 *
 * What the kernel really gave is looked up in /proc/self/pagemap
 * (Documentation/admin-guide/mm/pagemap.rst): bit 63 of an entry says
 * present, bits 0-54 are the PFN, which only root is shown.
 */
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <linux/memfd.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "memory.h"
#include "peer.h"

#define PAGE		(4 * KIB)
#define HUGE		(2 * MIB)
/* How often a file is mapped to get more memory. */
#define AGAIN		4
#define HELD_MAX	(768 * MIB)
#define PFN_MASK	((1ULL << 55) - 1)
#define PRESENT		(1ULL << 63)

static void write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	if (!file || fputs(text, file) < 0 || fclose(file))
		err(1, "%s", path);
}

/* The PFNs behind @memory, in a static array that the next call reuses. */
static const uint64_t *frames(const struct memory *memory)
{
	static uint64_t *pfns;
	size_t npages = memory->length / PAGE;
	ssize_t want = npages * sizeof(*pfns);
	int fd = open("/proc/self/pagemap", O_RDONLY);
	size_t i;

	pfns = realloc(pfns, want);
	if (!pfns || fd < 0 ||
	    pread(fd, pfns, want, (uintptr_t)memory->addr / PAGE *
		  sizeof(*pfns)) != want)
		err(1, "/proc/self/pagemap");
	close(fd);
	for (i = 0; i < npages; i++) {
		if (!(pfns[i] & PRESENT) || !(pfns[i] & PFN_MASK))
			errx(1, "pagemap: page %zu not there (not root?)", i);
		pfns[i] &= PFN_MASK;
	}
	return pfns;
}

static void count_runs(struct memory *memory)
{
	const uint64_t *pfns = frames(memory);
	size_t i;

	memory->runs = 1;
	for (i = 1; i < memory->length / PAGE; i++)
		if (pfns[i] != pfns[i - 1] + 1)
			memory->runs++;
}

/* End the program unless every aligned @size of @memory is one folio, or a part of one. */
static void check_folios(const struct memory *memory, size_t size)
{
	const uint64_t *pfns = frames(memory);
	size_t npages = size / PAGE, i;

	for (i = 0; i < memory->length / PAGE; i++)
		if (pfns[i] != pfns[i & ~(npages - 1)] + i % npages ||
		    (pfns[i] ^ i) & (npages - 1))
			errx(1, "no folio of %zu bytes at page %zu", size, i);
}

static void check_huge(struct memory *memory)
{
	check_folios(memory, HUGE);
	memory->huge = true;
}

/* Touch every @unit bytes, each time @stride units further. */
static void touch_units(struct memory *memory, size_t unit, size_t stride)
{
	size_t n = memory->length / unit;
	size_t i;

	for (i = 0; i < n; i++)
		memory->addr[i * stride % n * unit] = 1;
}

static void touch(struct memory *memory)
{
	touch_units(memory, PAGE, 1);
}

/* Map @length bytes at a 2 MiB boundary; @fd is -1 for anonymous memory. */
static struct memory map_aligned(size_t length, int fd, int flags)
{
	struct memory memory = { .length = length, .fd = fd };
	char *addr = mmap(NULL, length + HUGE, PROT_NONE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *aligned = addr + (-(uintptr_t)addr & (HUGE - 1));

	if (addr == MAP_FAILED)
		err(1, "mmap");
	munmap(addr, aligned - addr);
	munmap(aligned + length, addr + HUGE - aligned);
	memory.addr = mmap(aligned, length, PROT_READ | PROT_WRITE,
			   MAP_FIXED | flags, fd, 0);
	if (memory.addr == MAP_FAILED)
		err(1, "mmap of %zu bytes", length);
	return memory;
}

/* Anonymous memory with @advice about huge pages, not yet touched. */
static struct memory anonymous(size_t length, int advice)
{
	struct memory memory;

	write_file("/sys/kernel/mm/transparent_hugepage/enabled", "madvise");
	memory = map_aligned(length, -1, MAP_PRIVATE | MAP_ANONYMOUS);
	if (madvise(memory.addr, length, advice))
		err(1, "madvise");
	return memory;
}

static struct memory shared(size_t length, unsigned int memfd_flags)
{
	int fd = memfd_create("bench", memfd_flags);

	if (fd < 0 || ftruncate(fd, length))
		err(1, "memfd");
	return map_aligned(length, fd, MAP_SHARED);
}

static struct memory touched_small(size_t length)
{
	struct memory memory = anonymous(length, MADV_NOHUGEPAGE);

	touch(&memory);
	count_runs(&memory);
	return memory;
}

static struct memory touched_memfd_small(size_t length)
{
	struct memory memory = shared(length, 0);

	touch(&memory);
	count_runs(&memory);
	return memory;
}

/*
 * Whether an IOMMU needs an entry for every page. If not even pairs of pages
 * are aligned alike on both sides, no larger one fits, whatever sizes it has
 * (AMD-Vi has all powers of two).
 */
static bool needs_small_entries(const struct memory *memory)
{
	const uint64_t *pfns = frames(memory);
	size_t npages = memory->length / PAGE;
	size_t i, odd = 0;

	for (i = 0; i < npages; i++)
		odd += (pfns[i] ^ i) & 1;
	return odd >= npages - npages / 64;
}

/* A run for 64 pages, or for 8 huge pages, is no worse than real memory. */
static bool in_few_runs(const struct memory *memory)
{
	size_t run = memory->huge ? 8 * HUGE : 64 * PAGE;

	return memory->runs <= 1 + memory->length / run;
}

/* Make what is allocated next begin one page further on. */
static void burn_page(void)
{
	*map_aligned(PAGE, -1, MAP_PRIVATE | MAP_ANONYMOUS).addr = 1;
}

/*
 * Memory whose pages, small or huge, lie side by side.
 *
 * What was freed page by page comes back in pieces, which would make a row
 * depend on the rows before it (the per-CPU lists of free pages keep hundreds
 * of MiB). So take from @make until it is good; hold what is refused until
 * then, or it would be given again.
 */
static struct memory contiguous(memory_kind make, size_t length)
{
	struct memory *refused = calloc(HELD_MAX / length, sizeof(*refused));
	struct memory memory;
	size_t n = 0;

	if (!refused)
		err(1, "calloc");
	for (;;) {
		memory = make(length);
		if (in_few_runs(&memory) &&
		    (memory.huge || needs_small_entries(&memory)))
			break;
		if (n == HELD_MAX / length)
			errx(1, "memory in %zu pieces", memory.runs);
		refused[n++] = memory;
		burn_page();
	}
	while (n)
		memory_free(&refused[--n]);
	free(refused);
	return memory;
}

struct memory memory_small(size_t length)
{
	return contiguous(touched_small, length);
}

struct memory memory_memfd_small(size_t length)
{
	return contiguous(touched_memfd_small, length);
}

/*
 * Let unit @i and a far one exchange their frames: the page allocator hands
 * out first what was freed last.
 */
static void exchange(struct memory *memory, size_t unit, size_t i)
{
	size_t n = memory->length / unit;
	char *here = memory->addr + i * unit;
	char *far = memory->addr + (i + n / 2 + 1) % n * unit;

	madvise(here, unit, MADV_DONTNEED);
	madvise(far, unit, MADV_DONTNEED);
	*here = 1;
	*far = 1;
}

/* Anonymous memory in units of one folio each, no two neighbours adjacent. */
static struct memory scattered(size_t length, size_t unit, int advice)
{
	struct memory memory = anonymous(length, advice);
	size_t n = length / unit, step = unit / PAGE;
	const uint64_t *pfns;
	size_t rounds, i;

	/*
	 * The allocator gives ascending or descending frames; an odd stride
	 * near the golden section of the count takes neighbours far
	 * apart in time, and so in memory.
	 */
	touch_units(&memory, unit, (size_t)(n * 0.618) | 1);
	for (rounds = 0; rounds < 16; rounds++) {
		check_folios(&memory, unit);
		count_runs(&memory);
		if (memory.runs == n)
			return memory;
		pfns = frames(&memory);
		for (i = step; i < length / PAGE; i += step)
			if (pfns[i] == pfns[i - 1] + 1)
				exchange(&memory, unit, i / step);
	}
	errx(1, "scattered: %zu runs in %zu pieces", memory.runs, n);
}

struct memory memory_scattered(size_t length)
{
	return scattered(length, PAGE, MADV_NOHUGEPAGE);
}

#define THP_SIZES "/sys/kernel/mm/transparent_hugepage/hugepages-"

/* Only while it is touched: all other memory is as the kernel gives it by itself. */
struct memory memory_mthp_64k(size_t length)
{
	struct memory memory;

	write_file(THP_SIZES "64kB/enabled", "madvise");
	write_file(THP_SIZES "2048kB/enabled", "never");
	memory = scattered(length, 64 * KIB, MADV_HUGEPAGE);
	write_file(THP_SIZES "2048kB/enabled", "inherit");
	write_file(THP_SIZES "64kB/enabled", "never");
	return memory;
}

static struct memory touched_thp(size_t length)
{
	struct memory memory = anonymous(length, MADV_HUGEPAGE);

	touch(&memory);
	check_huge(&memory);
	count_runs(&memory);
	return memory;
}

struct memory memory_thp(size_t length)
{
	return contiguous(touched_thp, length);
}

static struct memory touched_hugetlb(size_t length)
{
	struct memory memory = map_aligned(length, -1, MAP_PRIVATE |
					   MAP_ANONYMOUS | MAP_HUGETLB);

	touch(&memory);
	check_huge(&memory);
	count_runs(&memory);
	return memory;
}

static struct memory touched_memfd_huge(size_t length)
{
	struct memory memory = shared(length, MFD_HUGETLB | MFD_HUGE_2MB);

	touch(&memory);
	check_huge(&memory);
	count_runs(&memory);
	return memory;
}

/*
 * The pool of hugetlb pages is a stack: memory freed in ascending order comes
 * back in descending order, and the other way round. Turn it over if need be.
 */
static struct memory ascending(memory_kind make, size_t length)
{
	struct memory memory = make(length);

	if (!in_few_runs(&memory)) {
		memory_free(&memory);
		memory = make(length);
	}
	return memory;
}

struct memory memory_hugetlb(size_t length)
{
	return ascending(touched_hugetlb, length);
}

struct memory memory_memfd_huge(size_t length)
{
	return ascending(touched_memfd_huge, length);
}

/* The memory of a file again and again: more of it than the machine has. */
static struct memory again(memory_kind make, size_t length)
{
	struct memory part = make(length / AGAIN);
	struct memory memory = map_aligned(length, -1,
					   MAP_PRIVATE | MAP_ANONYMOUS);
	size_t at;

	for (at = 0; at < length; at += part.length)
		if (mmap(memory.addr + at, part.length, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_FIXED | MAP_POPULATE, part.fd,
			 0) == MAP_FAILED)
			err(1, "mmap of a file again");
	munmap(part.addr, part.length);
	memory.fd = part.fd;
	memory.huge = part.huge;
	count_runs(&memory);
	return memory;
}

struct memory memory_memfd_small_again(size_t length)
{
	return again(memory_memfd_small, length);
}

struct memory memory_memfd_huge_again(size_t length)
{
	return again(memory_memfd_huge, length);
}

static int peer = -1;
static struct vfio_region_info bar;

/* The device whose BAR is meant from now on; it stays open. */
void memory_set_peer(int device)
{
	int rc = vfio_region_info(device, PEER_BAR, &bar);

	if (rc)
		errx(1, "BAR: %s", strerror(-rc));
	peer = device;
}

/* Map the BAR over what is there: the CPU has no entries for it then. */
void memory_untouch(const struct memory *memory)
{
	if (mmap(memory->addr, memory->length, PROT_READ | PROT_WRITE,
		 MAP_SHARED | MAP_FIXED, peer, bar.offset) == MAP_FAILED)
		err(1, "mmap of %zu bytes of a BAR", memory->length);
}

/* At @off bytes behind an address of whole gigabytes. */
static struct memory map_bar(size_t length, size_t off, size_t entry)
{
	struct memory memory = {
		.length = length, .fd = -1, .runs = 1, .bar_entry = entry,
	};
	char *addr = mmap(NULL, length + 2 * GIB, PROT_NONE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (addr == MAP_FAILED || length > bar.size)
		err(1, "addresses for %zu bytes of a BAR of %llu", length,
		    (unsigned long long)bar.size);
	memory.addr = addr + (-(uintptr_t)addr & (GIB - 1)) + off;
	memory_untouch(&memory);
	return memory;
}

struct memory memory_bar_1g(size_t length)
{
	return map_bar(length, 0, GIB);
}

struct memory memory_bar_2m(size_t length)
{
	return map_bar(length, HUGE, HUGE);
}

struct memory memory_bar_4k(size_t length)
{
	return map_bar(length, PAGE, PAGE);
}

static size_t bitmap_bytes(size_t length)
{
	return length / PAGE / 8;
}

/* Not by calloc(): the pages would be made by whoever writes to it first. */
uint64_t *memory_bitmap(size_t length)
{
	void *bitmap = mmap(NULL, bitmap_bytes(length), PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	if (bitmap == MAP_FAILED)
		err(1, "bitmap");
	return bitmap;
}

/* How many pages are in it. */
size_t memory_bitmap_count(const uint64_t *bitmap, size_t length)
{
	size_t bits = 0, i;

	for (i = 0; i < length / PAGE / 64; i++)
		bits += __builtin_popcountll(bitmap[i]);
	return bits;
}

void memory_bitmap_free(uint64_t *bitmap, size_t length)
{
	munmap(bitmap, bitmap_bytes(length));
}

void memory_free(struct memory *memory)
{
	munmap(memory->addr, memory->length);
	if (memory->fd >= 0)
		close(memory->fd);
}
