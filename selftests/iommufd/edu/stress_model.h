/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The model of stress.c: what every IOVA of a lane must translate to, what each command
 * has to answer by that, and what it changes.
 */
#ifndef SELFTESTS_STRESS_MODEL_H
#define SELFTESTS_STRESS_MODEL_H

#include <pthread.h>

#include "kselftest_harness.h"

#include "edu.h"
#include "iommu.h"
#include "mem.h"

#define PAGE 4096UL
#define THREADS 3
#define FIGHTERS 2
/* Pages of a lane, pages of memory of its thread */
#define LANE 48U
#define PAGES 32U
#define MAX_RUN 6U
#define MAX_BATCH 6U
#define LANES_AT 0x40000000UL
#define FIGHT_AT 0x50000000UL
#define AUTO_AT 0x60000000UL
#define AUTO_END 0x6fffffffUL
#define LOAD_AT 0x70000000UL
#define NO_PAGE (-1)
#define DMA_CHECKS 10

enum space { ROOT, OTHER, CHILD, GRAND, SPACES, NOWHERE = SPACES };

static const enum space parent_of[] = { NOWHERE, NOWHERE, ROOT, CHILD };
static const enum space child_of[] = { CHILD, NOWHERE, GRAND, NOWHERE };

static uint64_t seed;
static unsigned int steps;

/**
 * struct cell - what a page of IOVA must translate to
 * @page: page of the thread's memory, or NO_PAGE
 * @was: what it was last
 * @perm: IOMMU_R, IOMMU_W
 * @writable: the memory was first mapped to be written
 * @area: number of the mapping; the same for all of its pages
 * @source: number of the parent's mapping that it is made of
 */
struct cell {
	int page;
	int was;
	uint32_t perm;
	bool writable;
	uint32_t area;
	uint32_t source;
};

/* What all have. */
struct world {
	int fd;
	struct edu *edu;
	uint32_t id[SPACES];
	int acc[SPACES];
	/* The device, and where it is attached */
	pthread_mutex_t device;
	enum space attached;
	/* What it writes */
	uint64_t word;
	bool stop;
	unsigned int checks;
	unsigned int hits;
};

struct lane {
	pthread_t thread;
	struct world *w;
	unsigned int nr;
	unsigned int step;
	uint64_t random;
	uint64_t at;
	char *mem;
	uint64_t value[PAGES];
	uint32_t areas;
	struct cell cell[SPACES][LANE];
	unsigned int done[16];
};

static inline void fail(struct lane *l, const char *what, enum space s,
			unsigned int at, unsigned int n, long want, long seen)
{
	static const char * const names[] = { "root", "other", "child",
					      "grand" };

	if (__atomic_exchange_n(&l->w->stop, true, __ATOMIC_SEQ_CST))
		return;
	printf("# stress: seed %llu thread %u step %u: %s, %u pages at %u ",
	       (unsigned long long)seed, l->nr, l->step, what, n, at);
	printf("of %s: expected %ld, seen %ld\n",
	       s < SPACES ? names[s] : "nowhere", want, seen);
	fflush(stdout);
}

static inline bool stopped(struct world *w)
{
	return __atomic_load_n(&w->stop, __ATOMIC_RELAXED);
}

static inline unsigned int pick(struct lane *l, unsigned int n)
{
	l->random ^= l->random << 13;
	l->random ^= l->random >> 7;
	l->random ^= l->random << 17;
	return (l->random >> 20) % n;
}

static inline uint64_t iova_of(const struct lane *l, unsigned int at)
{
	return l->at + at * PAGE;
}

/* A range of the lane. */
static inline unsigned int pick_range(struct lane *l, unsigned int *n)
{
	*n = 1 + pick(l, MAX_RUN);
	return pick(l, LANE - *n + 1);
}

static inline uint32_t pick_perm(struct lane *l)
{
	static const uint32_t perm[] = {
		IOMMU_RW, IOMMU_RW, IOMMU_RW, IOMMU_R, IOMMU_W,
	};

	return perm[pick(l, 5)];
}

/* Of each page one word is looked at, everywhere else. */
static inline uint64_t word_at(unsigned int page)
{
	return page * PAGE + page * 37 % 512 * 8;
}

static inline uint64_t *word_of(struct lane *l, unsigned int page)
{
	return (uint64_t *)(l->mem + word_at(page));
}

static inline void set_word(struct lane *l, unsigned int page)
{
	l->value[page] = l->random ^ (l->random << 21);
	__atomic_store_n(word_of(l, page), l->value[page], __ATOMIC_SEQ_CST);
}

/* Which page of the thread's memory is not as it should be? NO_PAGE: none. */
static inline int wrong_page(struct lane *l)
{
	unsigned int i;

	for (i = 0; i < PAGES; i++)
		if (__atomic_load_n(word_of(l, i), __ATOMIC_SEQ_CST) !=
		    l->value[i])
			return i;
	return NO_PAGE;
}

static inline char *alloc_memory(unsigned int nr)
{
	int fd;

	switch (nr % 3) {
	case 0:
		return mem_scattered(PAGES * PAGE);
	case 1:
		return mem_thp(MEM_HUGE);
	default:
		fd = mem_memfd(PAGES * PAGE, 0);
		return fd < 0 ? NULL : mem_map_file(fd, 0, PAGES * PAGE);
	}
}

static inline bool all_free(const struct lane *l, enum space s, unsigned int at,
			    unsigned int n)
{
	while (n--)
		if (l->cell[s][at++].page != NO_PAGE)
			return false;
	return true;
}

static inline bool same_area(const struct cell *a, const struct cell *b)
{
	return a->page != NO_PAGE && b->page != NO_PAGE && a->area == b->area;
}

/* Does a mapping reach over one of the ends of a range? */
static inline bool is_cut(const struct lane *l, enum space s, unsigned int at,
			  unsigned int n)
{
	const struct cell *c = l->cell[s];

	return (at && same_area(&c[at - 1], &c[at])) ||
	       (at + n < LANE && same_area(&c[at + n - 1], &c[at + n]));
}

static inline void forget_area(struct lane *l, enum space s, uint32_t area)
{
	enum space child = child_of[s];
	unsigned int i;

	for (i = 0; i < LANE; i++) {
		struct cell *c = &l->cell[s][i];

		if (c->page == NO_PAGE || c->area != area)
			continue;
		c->was = c->page;
		c->page = NO_PAGE;
	}
	if (child == NOWHERE)
		return;
	for (i = 0; i < LANE; i++)
		if (l->cell[child][i].page != NO_PAGE &&
		    l->cell[child][i].source == area)
			forget_area(l, child, l->cell[child][i].area);
}

/* Returns the number of pages. */
static inline unsigned int forget_range(struct lane *l, enum space s, unsigned int at,
					unsigned int n)
{
	unsigned int i, count = 0;

	for (i = at; i < at + n; i++)
		count += l->cell[s][i].page != NO_PAGE;
	for (i = at; i < at + n; i++)
		if (l->cell[s][i].page != NO_PAGE)
			forget_area(l, s, l->cell[s][i].area);
	return count;
}

/**
 * struct mapping - something that is to be mapped
 * @to: where
 * @at: first page
 * @n: pages
 * @from: another space that it is made of, or NOWHERE
 * @first: first page, of that or of the memory
 * @perm: what is asked for
 */
struct mapping {
	enum space to;
	unsigned int at;
	unsigned int n;
	enum space from;
	unsigned int first;
	uint32_t perm;
};

static inline struct mapping pick_mapping(struct lane *l, enum space to)
{
	struct mapping m = { .to = to, .from = parent_of[to] };

	m.at = pick_range(l, &m.n);
	m.first = pick(l, (m.from == NOWHERE ? PAGES : LANE) - m.n + 1);
	m.perm = pick_perm(l);
	return m;
}

/* What IOAS_MAP has to answer. */
static inline int expect_map(const struct lane *l, const struct mapping *m)
{
	unsigned int i;

	for (i = 0; i < m->n && m->from != NOWHERE; i++) {
		const struct cell *c = &l->cell[m->from][m->first + i];

		if (c->page == NO_PAGE)
			return -EFAULT;
		if (!(c->perm & m->perm))
			return -EPERM;
	}
	return all_free(l, m->to, m->at, m->n) ? 0 : -EEXIST;
}

/* What IOAS_COPY has to answer. */
static inline int expect_copy(const struct lane *l, const struct mapping *m)
{
	bool denied = false;
	unsigned int i;

	for (i = 0; i < m->n; i++) {
		const struct cell *c = &l->cell[m->from][m->first + i];

		if (c->page == NO_PAGE)
			return -ENOENT;
		denied |= (m->perm & IOMMU_W) && !c->writable;
	}
	if (denied)
		return -EPERM;
	return all_free(l, m->to, m->at, m->n) ? 0 : -EEXIST;
}

/* It has been done. What is made of several mappings is as many. */
static inline void note_map(struct lane *l, const struct mapping *m, bool copy)
{
	const struct cell *before = NULL;
	unsigned int i;

	for (i = 0; i < m->n; i++) {
		struct cell *c = &l->cell[m->to][m->at + i];
		const struct cell *from = m->from == NOWHERE ? NULL :
			&l->cell[m->from][m->first + i];

		if (!i || (from && from->area != before->area))
			l->areas++;
		c->area = l->areas;
		c->page = from ? from->page : (int)(m->first + i);
		c->perm = from && !copy ? m->perm & from->perm : m->perm;
		c->writable = from ? from->writable : m->perm & IOMMU_W;
		c->source = from && !copy ? from->area : 0;
		before = from;
	}
}

#endif
