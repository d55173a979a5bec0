/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Runs: physical memory as a packed list of {first PFN, number of pages}.
 */
#ifndef IOMMUFD_RUNS_H
#define IOMMUFD_RUNS_H

#include <linux/types.h>

/*
 * One run is 64 bits: a PFN of 40 bits (52 bits of physical address) above a
 * page count of 24 (64 GiB). Longer contiguous memory takes several runs.
 */
#define RUN_PAGES_BITS	24
#define RUN_PAGES_MAX	((1UL << RUN_PAGES_BITS) - 1)

typedef u64 run_t;

static inline run_t run_make(unsigned long pfn, unsigned long npages)
{
	return (u64)pfn << RUN_PAGES_BITS | npages;
}

static inline unsigned long run_pfn(run_t run)
{
	return run >> RUN_PAGES_BITS;
}

static inline unsigned long run_pages(run_t run)
{
	return run & RUN_PAGES_MAX;
}

#define RUNS_INLINE	2

struct runs_chunk;

/**
 * struct runs - memory in address order
 * @nr: number of runs
 * @npages: number of pages in all of them
 * @small: the runs themselves, while there are no more than RUNS_INLINE
 * @dir: beyond that, chunks of runs; all are full except the last
 * @dir_size: entries that @dir has room for
 * @first_size: runs that the first chunk has room for. It grows; the others are
 *	a page from the start.
 *
 * Appending is O(1), finding the run of a page index O(log chunks) and then a
 * walk within one chunk. A small mapping needs no allocation.
 */
struct runs {
	u32 nr;
	unsigned long npages;
	union {
		run_t small[RUNS_INLINE];
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
 */
struct runs_iter {
	unsigned long pfn;
	unsigned long npages;
	/* private: */
	const struct runs *runs;
	u32 next;
	unsigned long left;
};

void runs_init(struct runs *runs);
int runs_append(struct runs *runs, unsigned long pfn, unsigned long npages);
void runs_free(struct runs *runs);

void runs_seek(struct runs_iter *it, const struct runs *runs,
	       unsigned long first, unsigned long npages);
void runs_next(struct runs_iter *it);

/**
 * runs_for_each - go through the contiguous pieces of a range of pages
 * @it: struct runs_iter *
 * @runs_: the runs
 * @first: index of the first page, counted from the start of the runs
 * @n: number of pages, at least 1; @first + @n must be within the runs
 */
#define runs_for_each(it, runs_, first, n) \
	for (runs_seek(it, runs_, first, n); (it)->npages; runs_next(it))

#endif
