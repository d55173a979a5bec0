// SPDX-License-Identifier: GPL-2.0-only
/*
 * The packed list of runs.
 *
 * Pinned memory is remembered as runs of contiguous pages, so that nobody ever
 * has to ask an IOMMU page table where it is. Three sizes matter: a mapping of a
 * few contiguous pages (the runs sit in the structure), one of some hundred
 * scattered pages (one chunk that grows) and one of a terabyte (a directory of
 * page-sized chunks, never copied again once filled).
 *
 * A chunk begins with the index of its first page, and has a mark for every 32 runs.
 * That makes a slice in the middle cheap to find although a run does not say where it
 * is: a nested IOAS maps a page of a guest's RAM, which is many runs.
 */
#include <linux/mm.h>
#include <linux/slab.h>

#include "memory/runs.h"

/* Runs from one mark to the next, and marks in a chunk of a page. */
#define MARK_STRIDE	32U
#define MARKS		15U

/**
 * struct runs_chunk - up to a page of runs
 * @first: index of the first page of the first run
 * @nr_marks: how many of @mark there are
 * @mark: pages in the runs up to the first MARK_STRIDE ones, twice as many, ...
 * @run: the runs
 */
struct runs_chunk {
	unsigned long first;
	u32 nr_marks;
	u32 mark[MARKS];
	run_t run[];
};

#define RUNS_PER_CHUNK \
	((u32)((PAGE_SIZE - sizeof(struct runs_chunk)) / sizeof(run_t)))
/* The first chunk has 192 bytes, then 1024, then a page. */
#define RUNS_HEADER	((u32)(sizeof(struct runs_chunk) / sizeof(run_t)))
#define RUNS_FIRST	(24 - RUNS_HEADER)
#define RUNS_SECOND	(128 - RUNS_HEADER)

/* A chunk of @n runs is full: set its marks. It has fewer than 2^32 pages. */
static void mark_chunk(struct runs_chunk *chunk, u32 n)
{
	const run_t *run = chunk->run;
	u32 pages = 0, m, i;

	BUILD_BUG_ON(RUNS_PER_CHUNK / MARK_STRIDE > MARKS);
	for (m = 0; m < n / MARK_STRIDE; m++) {
		for (i = 0; i < MARK_STRIDE; i++)
			pages += run_pages(*run++);
		chunk->mark[m] = pages;
	}
	chunk->nr_marks = m;
}

/* Move the inline runs, which are full, to a first chunk. */
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
	chunk->nr_marks = 0;
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
	u32 size = runs->first_size < RUNS_SECOND ? RUNS_SECOND : RUNS_PER_CHUNK;
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
	chunk->nr_marks = 0;
	mark_chunk(dir[n - 1], RUNS_PER_CHUNK);
	dir[n] = chunk;
	runs->nr_chunks = n + 1;
	runs->room = RUNS_PER_CHUNK;
	/* The next one goes behind it; never read itself. */
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

/* runs_push() where there is no free slot yet. */
int iommufd_runs_push_slow(struct runs *runs, unsigned long pfn,
			   unsigned long npages, bool by_folio)
{
	int rc = runs_reserve(runs);

	return rc ?: runs_push(runs, pfn, npages, by_folio);
}

/**
 * iommufd_runs_finish - no more memory will be added
 * @runs: the list
 */
void iommufd_runs_finish(struct runs *runs)
{
	struct runs_chunk *chunk;

	if (!runs->nr_chunks)
		return;
	chunk = runs->dir[runs->nr_chunks - 1];
	mark_chunk(chunk, runs->last + 1 - chunk->run);
}

/* Chunks that are freed between two chances to reschedule. */
#define FREE_PORTION	1024

/**
 * iommufd_runs_free - forget everything
 * @runs: the list; empty and usable afterwards
 */
void iommufd_runs_free(struct runs *runs)
{
	u32 i;

	for (i = 0; i < runs->nr_chunks; i++) {
		kfree(runs->dir[i]);
		if (!((i + 1) % FREE_PORTION))
			cond_resched();
	}
	if (runs->nr_chunks)
		kvfree(runs->dir);
	runs_init(runs);
}

/**
 * iommufd_runs_row - some of the runs, as an array
 * @runs: the runs
 * @i: 0 for the first row, and so on
 * @nr: set to the number of runs in the row
 *
 * To go through all of them, from end to end.
 *
 * Return: the runs, or NULL behind the last row.
 */
run_t *iommufd_runs_row(const struct runs *runs, u32 i, u32 *nr)
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
 * iommufd_runs_chunk_at - where an iterator goes on
 * @runs: the runs, in chunks
 * @chunk: which of them
 * @end: set to behind the last run that there may be
 *
 * Return: the first run.
 */
const run_t *iommufd_runs_chunk_at(const struct runs *runs, u32 chunk,
				   const run_t **end)
{
	const run_t *at = runs->dir[chunk]->run;

	/* Never beyond the end of the list: the range ends before that. */
	*end = at + RUNS_PER_CHUNK;
	return at;
}

/* The run that has page *@first, which becomes relative to it; in chunk *@in. */
static inline const run_t *runs_find(const struct runs *runs, u32 *in,
				     unsigned long *first)
{
	const run_t *at = &runs->small[1];
	unsigned long skip = *first;

	if (runs->nr_chunks) {
		const struct runs_chunk *chunk;
		u32 m = 0;

		*in = runs_find_chunk(runs, skip);
		chunk = runs->dir[*in];
		skip -= chunk->first;
		while (m < chunk->nr_marks && chunk->mark[m] <= skip)
			m++;
		if (m)
			skip -= chunk->mark[m - 1];
		at = &chunk->run[m * MARK_STRIDE];
	}
	while (skip >= run_pages(*at))
		skip -= run_pages(*at++);
	*first = skip;
	return at;
}

/**
 * iommufd_runs_seek - start iterating over a range of pages
 * @runs: the runs
 * @first: index of the first page
 * @npages: number of pages, at least 1
 *
 * Return: the first contiguous piece.
 */
struct runs_iter iommufd_runs_seek(const struct runs *runs, unsigned long first,
				   unsigned long npages)
{
	struct runs_iter it = { .runs = runs, .left = npages };

	it.at = runs_find(runs, &it.chunk, &first);
	if (runs->nr_chunks)
		iommufd_runs_chunk_at(runs, it.chunk, &it.end);
	else
		it.end = &runs->small[1] + RUNS_INLINE;
	runs_iter_load(&it, first);
	return it;
}

/**
 * iommufd_runs_pfn_of - where some pages are, if they are contiguous
 * @runs: the runs
 * @first: index of the page
 * @npages: how many pages have to be contiguous, at least 1
 *
 * Return: the first PFN, or 0 if the pages are in several runs.
 */
unsigned long iommufd_runs_pfn_of(const struct runs *runs, unsigned long first,
				  unsigned long npages)
{
	const run_t *at;
	u32 chunk;

	at = runs_find(runs, &chunk, &first);
	return first + npages <= run_pages(*at) ? run_pfn(*at) + first : 0;
}
