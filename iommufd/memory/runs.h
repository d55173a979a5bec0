/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Runs: physical memory as a packed list of {first PFN, number of pages}.
 */
#ifndef IOMMUFD_RUNS_H
#define IOMMUFD_RUNS_H

#include <linux/minmax.h>
#include <linux/types.h>

/*
 * One run is 64 bits: a PFN of 40 bits (52 bits of physical address), how its
 * pages are pinned, and a page count of 23 bits (32 GiB). Longer contiguous
 * memory takes several runs. The largest unit that is pinned, or found, at once
 * is a page of 1 GiB.
 */
#define RUN_PAGES_BITS	23
#define RUN_PAGES_MAX	((1UL << RUN_PAGES_BITS) - 1)
#define RUN_BY_FOLIO	(1UL << RUN_PAGES_BITS)
#define RUN_PFN_SHIFT	(RUN_PAGES_BITS + 1)

typedef u64 run_t;

static inline unsigned long run_pfn(run_t run)
{
	return run >> RUN_PFN_SHIFT;
}

static inline unsigned long run_pages(run_t run)
{
	return run & RUN_PAGES_MAX;
}

#define RUNS_INLINE	2

struct runs_chunk;

/**
 * struct runs - memory in address order
 * @last: the last run; in an empty list one of no pages
 * @room: free slots behind @last
 * @nr_chunks: chunks in @dir; 0 while the runs are in @small
 * @npages: number of pages in all runs
 * @small: an empty run, so that there is something in front of the first one,
 *	and up to RUNS_INLINE runs
 * @dir: beyond that, chunks of runs; all are full except the last
 * @dir_size: entries that @dir has room for
 * @first_size: runs that the first chunk has room for. It grows; the others are
 *	a page from the start.
 *
 * Appending is O(1), finding the run of a page index O(log chunks), and then a
 * walk from one mark within the chunk to the next. A small mapping needs no
 * allocation. Must not be moved in memory: @last points into it.
 */
struct runs {
	run_t *last;
	u32 room;
	u32 nr_chunks;
	unsigned long npages;
	union {
		run_t small[1 + RUNS_INLINE];
		struct {
			struct runs_chunk **dir;
			u32 dir_size;
			u32 first_size;
		};
	};
};

/**
 * struct runs_iter - a position in a range of pages
 * @pfn: first PFN of this piece
 * @npages: its length, 0 at the end of the range
 * @by_folio: how the piece is pinned, see runs_append()
 */
struct runs_iter {
	unsigned long pfn;
	unsigned long npages;
	bool by_folio;
	/* private: */
	const struct runs *runs;
	const run_t *at;
	const run_t *end;
	u32 chunk;
	unsigned long left;
};

/**
 * runs_init - an empty list
 * @runs: to be initialised
 */
static inline void runs_init(struct runs *runs)
{
	runs->last = runs->small;
	runs->room = RUNS_INLINE;
	runs->nr_chunks = 0;
	runs->npages = 0;
	runs->small[0] = 0;
}

int iommufd_runs_push_slow(struct runs *runs, unsigned long pfn,
			   unsigned long npages, bool by_folio);
void iommufd_runs_finish(struct runs *runs);
void iommufd_runs_free(struct runs *runs);

run_t *iommufd_runs_row(const struct runs *runs, u32 i, u32 *nr);

/**
 * runs_are_one - is all of the memory contiguous?
 * @runs: not empty
 */
static inline bool runs_are_one(const struct runs *runs)
{
	return runs->last == &runs->small[1];
}

/**
 * runs_one - the only run
 * @runs: runs that are one
 */
static inline run_t runs_one(const struct runs *runs)
{
	return runs->small[1];
}

/**
 * runs_are_page - is all of the memory one page, pinned by page?
 * @runs: the list
 */
static inline bool runs_are_page(const struct runs *runs)
{
	return runs_are_one(runs) &&
	       (runs->small[1] & (RUN_BY_FOLIO | RUN_PAGES_MAX)) == 1;
}

/**
 * runs_forget_one - an empty list again
 * @runs: runs that are one
 */
static inline void runs_forget_one(struct runs *runs)
{
	runs->last = runs->small;
	runs->room = RUNS_INLINE;
	runs->npages = 0;
}

/**
 * runs_set_one - one run of pages that are pinned one by one
 * @runs: empty
 * @pfn: first PFN
 * @npages: number of pages, at most RUN_PAGES_MAX
 */
static inline void runs_set_one(struct runs *runs, unsigned long pfn,
				unsigned long npages)
{
	runs->small[1] = (u64)pfn << RUN_PFN_SHIFT | npages;
	runs->last = &runs->small[1];
	runs->room = RUNS_INLINE - 1;
	runs->npages = npages;
}

/*
 * An iterator is returned by value, and no external function gets its address, so a
 * loop keeps it in registers.
 */
struct runs_iter iommufd_runs_seek(const struct runs *runs, unsigned long first,
				   unsigned long npages);
unsigned long iommufd_runs_pfn_of(const struct runs *runs, unsigned long first,
				  unsigned long npages);
const run_t *iommufd_runs_chunk_at(const struct runs *runs, u32 chunk,
				   const run_t **end);

/* runs_append() of memory that does not continue the last run. */
static inline int runs_push(struct runs *runs, unsigned long pfn,
			    unsigned long npages, bool by_folio)
{
	if (unlikely(!runs->room))
		return iommufd_runs_push_slow(runs, pfn, npages, by_folio);
	*++runs->last = (u64)pfn << RUN_PFN_SHIFT |
			(by_folio ? RUN_BY_FOLIO : 0) | npages;
	runs->room--;
	runs->npages += npages;
	return 0;
}

/**
 * runs_append - add contiguous memory at the end
 * @runs: the list
 * @pfn: first PFN
 * @npages: number of pages, at most RUN_PAGES_MAX
 * @by_folio: every folio has one pin, however many of its pages are used, as
 *	long as they follow each other. Otherwise every page has one.
 *
 * Memory that continues the last run makes that run longer.
 *
 * Return: 0, or -ENOMEM with nothing added.
 */
static inline int runs_append(struct runs *runs, unsigned long pfn,
			      unsigned long npages, bool by_folio)
{
	const u64 how = by_folio ? RUN_BY_FOLIO : 0;
	run_t run = *runs->last;

	if (run_pfn(run) + run_pages(run) != pfn ||
	    (run & RUN_BY_FOLIO) != how || !run_pages(run) ||
	    run_pages(run) + npages > RUN_PAGES_MAX)
		return runs_push(runs, pfn, npages, by_folio);
	*runs->last = run + npages;
	runs->npages += npages;
	return 0;
}

static inline void runs_iter_load(struct runs_iter *it, unsigned long skip)
{
	run_t run = *it->at++;

	it->pfn = run_pfn(run) + skip;
	it->by_folio = run & RUN_BY_FOLIO;
	it->npages = min(run_pages(run) - skip, it->left);
	it->left -= it->npages;
}

/**
 * runs_next - the next contiguous piece of the range
 * @it: the position; @it->npages becomes 0 behind the last piece
 */
static inline void runs_next(struct runs_iter *it)
{
	if (!it->left) {
		it->npages = 0;
		return;
	}
	if (it->at == it->end) {
		const run_t *end;

		it->at = iommufd_runs_chunk_at(it->runs, ++it->chunk, &end);
		it->end = end;
	}
	runs_iter_load(it, 0);
}

/**
 * runs_for_each - go through the contiguous pieces of a range of pages
 * @it: struct runs_iter *
 * @runs_: the runs
 * @first: index of the first page, counted from the start of the runs
 * @n: number of pages, at least 1; @first + @n must be within the runs
 */
#define runs_for_each(it, runs_, first, n)                             \
	for (*(it) = iommufd_runs_seek(runs_, first, n); (it)->npages; \
	     runs_next(it))

#endif
