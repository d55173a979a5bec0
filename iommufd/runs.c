// SPDX-License-Identifier: GPL-2.0-only
/*
 * The packed list of runs.
 *
 * Memory that has been pinned is remembered as runs of contiguous pages, so that
 * nobody ever has to ask an IOMMU page table where it was. Three sizes matter:
 * a mapping of a few contiguous pages (the runs sit in the structure), one of
 * some hundred scattered pages (one chunk that grows) and one of a terabyte
 * (a directory of page-sized chunks, never copied again once filled).
 *
 * A chunk begins with the index of its first page, which makes a slice in the
 * middle cheap to find although a run does not say where it is.
 */
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "runs.h"

/**
 * struct runs_chunk - up to a page of runs
 * @first: index of the first page of the first run
 * @run: the runs
 */
struct runs_chunk {
	unsigned long first;
	run_t run[];
};

#define RUNS_PER_CHUNK \
	((PAGE_SIZE - sizeof(struct runs_chunk)) / sizeof(run_t))
/* Room in the first chunk: 14 runs in 128 bytes, then four times as many. */
#define RUNS_FIRST	14

static u32 grow_first(u32 size)
{
	return min_t(u32, (size + 2) * 4 - 2, RUNS_PER_CHUNK);
}

/**
 * runs_init - an empty list
 * @runs: to be initialised
 */
void runs_init(struct runs *runs)
{
	runs->nr = 0;
	runs->npages = 0;
}

static bool runs_are_small(const struct runs *runs)
{
	return runs->nr <= RUNS_INLINE;
}

/* The slot of run @i, which must exist. */
static run_t *runs_slot(const struct runs *runs, u32 i)
{
	if (runs_are_small(runs))
		return (run_t *)&runs->small[i];
	return &runs->dir[i / RUNS_PER_CHUNK]->run[i % RUNS_PER_CHUNK];
}

/* From inline runs to a first chunk. */
static int runs_leave_inline(struct runs *runs)
{
	struct runs_chunk **dir, *chunk;

	dir = kmalloc(sizeof(*dir), GFP_KERNEL_ACCOUNT);
	if (!dir)
		return -ENOMEM;
	chunk = kmalloc(struct_size(chunk, run, RUNS_FIRST),
			GFP_KERNEL_ACCOUNT);
	if (!chunk) {
		kfree(dir);
		return -ENOMEM;
	}
	chunk->first = 0;
	memcpy(chunk->run, runs->small, sizeof(runs->small));
	dir[0] = chunk;
	runs->dir = dir;
	runs->dir_size = 1;
	runs->first_size = RUNS_FIRST;
	return 0;
}

static int runs_add_chunk(struct runs *runs, u32 at)
{
	struct runs_chunk **dir = runs->dir;
	struct runs_chunk *chunk;

	if (at == runs->dir_size) {
		dir = kvrealloc(dir, array_size(at, 2 * sizeof(*dir)),
				GFP_KERNEL_ACCOUNT);
		if (!dir)
			return -ENOMEM;
		runs->dir = dir;
		runs->dir_size = at * 2;
	}
	chunk = kmalloc(PAGE_SIZE, GFP_KERNEL_ACCOUNT);
	if (!chunk)
		return -ENOMEM;
	chunk->first = runs->npages;
	dir[at] = chunk;
	return 0;
}

/* Make room for one more run behind the existing ones. */
static int runs_reserve(struct runs *runs)
{
	u32 nr = runs->nr;

	if (nr < RUNS_INLINE)
		return 0;
	if (nr == RUNS_INLINE)
		return runs_leave_inline(runs);

	if (nr < RUNS_PER_CHUNK) {
		struct runs_chunk *chunk;
		u32 size;

		if (nr < runs->first_size)
			return 0;
		size = grow_first(runs->first_size);
		chunk = krealloc(runs->dir[0], struct_size(chunk, run, size),
				 GFP_KERNEL_ACCOUNT);
		if (!chunk)
			return -ENOMEM;
		runs->dir[0] = chunk;
		runs->first_size = size;
		return 0;
	}
	if (nr % RUNS_PER_CHUNK)
		return 0;
	/* 2^32 runs would be 16 TiB of memory without two adjacent pages. */
	if (nr > U32_MAX - RUNS_PER_CHUNK)
		return -ENOMEM;
	return runs_add_chunk(runs, nr / RUNS_PER_CHUNK);
}

/* One run behind the last one. */
static int runs_push(struct runs *runs, unsigned long pfn, unsigned long npages)
{
	int rc = runs_reserve(runs);

	if (rc)
		return rc;
	runs->nr++;
	*runs_slot(runs, runs->nr - 1) = run_make(pfn, npages);
	runs->npages += npages;
	return 0;
}

/**
 * runs_append - add contiguous memory at the end
 * @runs: the list
 * @pfn: first PFN
 * @npages: any number of pages
 *
 * Memory that continues the last run makes that run longer.
 *
 * Return: 0 or -ENOMEM. On error a part may have been added: what is not
 * counted in runs->npages is still the caller's.
 */
int runs_append(struct runs *runs, unsigned long pfn, unsigned long npages)
{
	int rc = 0;

	if (runs->nr) {
		run_t *last = runs_slot(runs, runs->nr - 1);

		if (run_pfn(*last) + run_pages(*last) == pfn) {
			unsigned long n = min(npages, RUN_PAGES_MAX -
						      run_pages(*last));

			*last += n;
			runs->npages += n;
			pfn += n;
			npages -= n;
		}
	}
	while (npages && !rc) {
		unsigned long n = min(npages, RUN_PAGES_MAX);

		rc = runs_push(runs, pfn, n);
		pfn += n;
		npages -= n;
	}
	return rc;
}

/**
 * runs_free - forget everything
 * @runs: the list; empty and usable afterwards
 */
void runs_free(struct runs *runs)
{
	if (!runs_are_small(runs)) {
		u32 i, chunks = DIV_ROUND_UP(runs->nr, RUNS_PER_CHUNK);

		for (i = 0; i < chunks; i++)
			kfree(runs->dir[i]);
		kvfree(runs->dir);
	}
	runs_init(runs);
}

/* The last chunk that begins at or before page @index. */
static u32 runs_find_chunk(const struct runs *runs, unsigned long index)
{
	u32 low = 0, high = DIV_ROUND_UP(runs->nr, RUNS_PER_CHUNK);

	while (high - low > 1) {
		u32 mid = low + (high - low) / 2;

		if (runs->dir[mid]->first <= index)
			low = mid;
		else
			high = mid;
	}
	return low;
}

/**
 * runs_seek - begin to go through a range of pages
 * @it: set to the first contiguous piece
 * @runs: the runs
 * @first: index of the first page
 * @npages: number of pages, at least 1
 */
void runs_seek(struct runs_iter *it, const struct runs *runs,
	       unsigned long first, unsigned long npages)
{
	unsigned long skip = first;
	run_t run;
	u32 i = 0;

	if (first && !runs_are_small(runs)) {
		u32 chunk = runs_find_chunk(runs, first);

		i = chunk * RUNS_PER_CHUNK;
		skip -= runs->dir[chunk]->first;
	}
	for (run = *runs_slot(runs, i); skip >= run_pages(run);
	     run = *runs_slot(runs, ++i))
		skip -= run_pages(run);

	it->runs = runs;
	it->next = i + 1;
	it->pfn = run_pfn(run) + skip;
	it->npages = min(run_pages(run) - skip, npages);
	it->left = npages - it->npages;
}

/**
 * runs_next - the next contiguous piece of the range
 * @it: the position; @it->npages becomes 0 behind the last piece
 */
void runs_next(struct runs_iter *it)
{
	run_t run;

	if (!it->left) {
		it->npages = 0;
		return;
	}
	run = *runs_slot(it->runs, it->next++);
	it->pfn = run_pfn(run);
	it->npages = min(run_pages(run), it->left);
	it->left -= it->npages;
}
