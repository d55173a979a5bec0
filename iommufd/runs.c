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
	((u32)((PAGE_SIZE - sizeof(struct runs_chunk)) / sizeof(run_t)))
/* Room in the first chunk: 15 runs in 128 bytes, then four times as much. */
#define RUNS_FIRST	15U

/* From inline runs, which are all taken, to a first chunk. */
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
	memcpy(chunk->run, &runs->small[1], RUNS_INLINE * sizeof(run_t));
	dir[0] = chunk;
	runs->dir = dir;
	runs->dir_size = 1;
	runs->nr_chunks = 1;
	runs->first_size = RUNS_FIRST;
	runs->room = RUNS_FIRST - RUNS_INLINE;
	runs->last = &chunk->run[RUNS_INLINE - 1];
	return 0;
}

static int runs_grow_first(struct runs *runs)
{
	u32 size = min(4 * (runs->first_size + 1) - 1, RUNS_PER_CHUNK);
	struct runs_chunk *chunk;

	chunk = krealloc(runs->dir[0], struct_size(chunk, run, size),
			 GFP_KERNEL_ACCOUNT);
	if (!chunk)
		return -ENOMEM;
	runs->dir[0] = chunk;
	runs->room = size - runs->first_size;
	runs->last = &chunk->run[runs->first_size - 1];
	runs->first_size = size;
	return 0;
}

static int runs_add_chunk(struct runs *runs)
{
	struct runs_chunk **dir = runs->dir;
	struct runs_chunk *chunk;
	u32 n = runs->nr_chunks;

	if (n == runs->dir_size) {
		if (n > U32_MAX / 2)
			return -ENOMEM;
		dir = kvrealloc(dir, array_size(n, 2 * sizeof(*dir)),
				GFP_KERNEL_ACCOUNT);
		if (!dir)
			return -ENOMEM;
		runs->dir = dir;
		runs->dir_size = n * 2;
	}
	chunk = kmalloc(PAGE_SIZE, GFP_KERNEL_ACCOUNT);
	if (!chunk)
		return -ENOMEM;
	chunk->first = runs->npages;
	dir[n] = chunk;
	runs->nr_chunks = n + 1;
	runs->room = RUNS_PER_CHUNK;
	/* Where the next one is behind; only ever used as that. */
	runs->last = chunk->run - 1;
	return 0;
}

/* Make room for one more run behind the existing ones. */
static int runs_reserve(struct runs *runs)
{
	if (runs->room)
		return 0;
	if (!runs->nr_chunks)
		return runs_leave_inline(runs);
	if (runs->nr_chunks == 1 && runs->first_size < RUNS_PER_CHUNK)
		return runs_grow_first(runs);
	return runs_add_chunk(runs);
}

/**
 * runs_append_slow - runs_append() where a new slot is not at hand, or not needed
 * @runs: see runs_append(), as for the rest
 * @pfn: .
 * @npages: .
 * @by_folio: .
 */
int runs_append_slow(struct runs *runs, unsigned long pfn,
		     unsigned long npages, bool by_folio)
{
	const u64 how = by_folio ? RUN_BY_FOLIO : 0;

	if (runs->npages) {
		run_t last = *runs->last;

		if (run_pfn(last) + run_pages(last) == pfn &&
		    (last & RUN_BY_FOLIO) == how) {
			unsigned long n = min(npages,
					      RUN_PAGES_MAX - run_pages(last));

			*runs->last += n;
			runs->npages += n;
			pfn += n;
			npages -= n;
		}
	}
	while (npages) {
		unsigned long n = min(npages, RUN_PAGES_MAX);
		int rc = runs_reserve(runs);

		if (rc)
			return rc;
		*++runs->last = (u64)pfn << RUN_PFN_SHIFT | how | n;
		runs->room--;
		runs->npages += n;
		pfn += n;
		npages -= n;
	}
	return 0;
}

/**
 * runs_free - forget everything
 * @runs: the list; empty and usable afterwards
 */
void runs_free(struct runs *runs)
{
	u32 i;

	for (i = 0; i < runs->nr_chunks; i++)
		kfree(runs->dir[i]);
	if (runs->nr_chunks)
		kvfree(runs->dir);
	runs_init(runs);
}

/**
 * runs_row - some of the runs, as they stand in memory
 * @runs: the runs
 * @i: 0 for the first row, and so on
 * @nr: set to the number of runs in the row
 *
 * For those who go through all of them, from end to end.
 *
 * Return: the runs, or NULL behind the last row.
 */
run_t *runs_row(const struct runs *runs, u32 i, u32 *nr)
{
	run_t *row = i < runs->nr_chunks ? runs->dir[i]->run : NULL;

	if (!runs->nr_chunks && !i)
		row = (run_t *)&runs->small[1];
	if (row)
		*nr = i + 1 < runs->nr_chunks ? RUNS_PER_CHUNK :
						runs->last + 1 - row;
	return row;
}

/* The last chunk that begins at or before page @index. */
static u32 runs_find_chunk(const struct runs *runs, unsigned long index)
{
	u32 low = 0, high = runs->nr_chunks;

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
 * runs_chunk_at - where an iterator goes on
 * @runs: the runs, in chunks
 * @chunk: which of them
 * @end: set to behind the last run that there may be
 *
 * Return: the first run.
 */
const run_t *runs_chunk_at(const struct runs *runs, u32 chunk,
			   const run_t **end)
{
	const run_t *at = runs->dir[chunk]->run;

	/* The end of the list is never reached: the range ends before. */
	*end = at + RUNS_PER_CHUNK;
	return at;
}

/**
 * runs_seek - begin to go through a range of pages
 * @runs: the runs
 * @first: index of the first page
 * @npages: number of pages, at least 1
 *
 * Return: the first contiguous piece.
 */
struct runs_iter runs_seek(const struct runs *runs, unsigned long first,
			   unsigned long npages)
{
	struct runs_iter it = { .runs = runs, .left = npages };

	if (runs->nr_chunks) {
		it.chunk = runs_find_chunk(runs, first);
		it.at = runs_chunk_at(runs, it.chunk, &it.end);
		first -= runs->dir[it.chunk]->first;
	} else {
		it.at = &runs->small[1];
		it.end = it.at + RUNS_INLINE;
	}
	while (first >= run_pages(*it.at))
		first -= run_pages(*it.at++);
	runs_iter_load(&it, first);
	return it;
}
