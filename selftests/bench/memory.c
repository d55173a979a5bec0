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

/* End the program unless every aligned 2 MiB of @memory is one huge page. */
static void check_huge(struct memory *memory)
{
	const uint64_t *pfns = frames(memory);
	size_t i;

	for (i = 0; i < memory->length / PAGE; i++)
		if (pfns[i] != pfns[i & ~(HUGE / PAGE - 1)] + i % (HUGE / PAGE))
			errx(1, "no huge page at page %zu", i);
	memory->huge = true;
}

static void touch(struct memory *memory, size_t stride)
{
	size_t npages = memory->length / PAGE;
	size_t i;

	for (i = 0; i < npages; i++)
		memory->addr[i * stride % npages * PAGE] = 1;
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

	touch(&memory, 1);
	count_runs(&memory);
	return memory;
}

static struct memory touched_memfd_small(size_t length)
{
	struct memory memory = shared(length, 0);

	touch(&memory, 1);
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
 * Let page @i and a far one exchange their frames: the page allocator hands
 * out first what was freed last.
 */
static void exchange(struct memory *memory, size_t i)
{
	size_t npages = memory->length / PAGE;
	char *page = memory->addr + i * PAGE;
	char *far = memory->addr + (i + npages / 2 + 1) % npages * PAGE;

	madvise(page, PAGE, MADV_DONTNEED);
	madvise(far, PAGE, MADV_DONTNEED);
	*page = 1;
	*far = 1;
}

struct memory memory_scattered(size_t length)
{
	struct memory memory = anonymous(length, MADV_NOHUGEPAGE);
	size_t npages = length / PAGE;
	const uint64_t *pfns;
	size_t rounds, i;

	/*
	 * The allocator gives ascending or descending frames; an odd stride
	 * near the golden section of the page count takes neighbours far
	 * apart in time, and so in memory.
	 */
	touch(&memory, (size_t)(npages * 0.618) | 1);
	for (rounds = 0; rounds < 16; rounds++) {
		count_runs(&memory);
		if (memory.runs == npages)
			return memory;
		pfns = frames(&memory);
		for (i = 1; i < npages; i++)
			if (pfns[i] == pfns[i - 1] + 1)
				exchange(&memory, i);
	}
	errx(1, "scattered: %zu runs in %zu pages", memory.runs, npages);
}

static struct memory touched_thp(size_t length)
{
	struct memory memory = anonymous(length, MADV_HUGEPAGE);

	touch(&memory, 1);
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

	touch(&memory, 1);
	check_huge(&memory);
	count_runs(&memory);
	return memory;
}

static struct memory touched_memfd_huge(size_t length)
{
	struct memory memory = shared(length, MFD_HUGETLB | MFD_HUGE_2MB);

	touch(&memory, 1);
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

void memory_free(struct memory *memory)
{
	munmap(memory->addr, memory->length);
	if (memory->fd >= 0)
		close(memory->fd);
}
