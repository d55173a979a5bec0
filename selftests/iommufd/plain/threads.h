/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Threads that do steps, at random or in order, and afterwards the books are looked at:
 * bytes mapped and unmapped, objects, pinned pages.
 */
#ifndef SELFTESTS_THREADS_H
#define SELFTESTS_THREADS_H

#include <pthread.h>

#include "kselftest_harness.h"

#include "access.h"
#include "iommu.h"
#include "mem.h"

#define PAGE ((uint64_t)4096)
#define NTHREADS 4
#define NPAGES 32
#define BUF (NPAGES * PAGE)
#define AT ((uint64_t)0x4000000)
#define SLOTS 16
#define SLOT_LEN (4 * PAGE)
#define slot_at(i) (AT + (i) * SLOT_LEN)

/* What the threads of a test share. */
struct shared {
	int fd;
	uint32_t id;
	uint32_t other;
	/* accesses, or negative */
	int acc[2];
	char *buf;
	unsigned int steps;
	/* IOASes that come and go */
	uint32_t pool[8];
	/* all threads begin together */
	pthread_barrier_t start;
	/* an errno that should not have been: what, and where */
	int bad;
	const char *bad_file;
	int bad_line;
	uint64_t mapped;
	uint64_t unmapped;
	bool stop;
	/* of a process that is to end in the middle: see told_step() */
	int out;
	unsigned int last;
	void (*end)(void);
};

struct worker {
	pthread_t thread;
	struct shared *sh;
	unsigned int nr;
	uint64_t rnd;
	void (*step)(struct worker *w, unsigned int i);
};

static inline void complain_at(struct shared *sh, int rc, const char *file,
			       int line)
{
	int none = 0;

	if (__atomic_compare_exchange_n(&sh->bad_line, &none, line, false,
					__ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
		sh->bad = rc;
		sh->bad_file = file;
	}
}

#define complain(sh, rc) complain_at(sh, rc, __FILE__, __LINE__)

static inline bool one_of(int rc, const int *list)
{
	for (; *list <= 0; list++)
		if (rc == *list)
			return true;
	return false;
}

/* The result has to be one of a list. 1 ends it: no errno is positive. */
#define ALLOW(sh, rc, ...)						\
	do {								\
		const int list[] = { __VA_ARGS__, 1 };			\
									\
		if (!one_of(rc, list))					\
			complain(sh, rc);				\
	} while (0)

/* A number below @n; the same in every run. */
static inline unsigned int pick(struct worker *w, unsigned int n)
{
	w->rnd ^= w->rnd << 13;
	w->rnd ^= w->rnd >> 7;
	w->rnd ^= w->rnd << 17;
	return w->rnd % n;
}

static inline bool stopped(struct shared *sh)
{
	return __atomic_load_n(&sh->stop, __ATOMIC_RELAXED) ||
	       __atomic_load_n(&sh->bad_line, __ATOMIC_RELAXED);
}

static inline void *worker_fn(void *arg)
{
	struct worker *w = arg;
	unsigned int i;

	pthread_barrier_wait(&w->sh->start);
	for (i = 0; i < w->sh->steps && !stopped(w->sh); i++)
		w->step(w, i);
	return NULL;
}

typedef void (*step_fn)(struct worker *w, unsigned int i);

/* Runs one thread for each of the functions. */
static inline int race(struct shared *sh, const step_fn *steps, unsigned int n)
{
	struct worker w[NTHREADS];
	unsigned int i;

	if (n > NTHREADS || pthread_barrier_init(&sh->start, NULL, n))
		return -EINVAL;
	for (i = 0; i < n; i++) {
		w[i] = (struct worker){
			.sh = sh,
			.nr = i,
			.rnd = 88172645463325252 + i * 0x9e3779b97f4a7c15,
			.step = steps[i],
		};
		if (pthread_create(&w[i].thread, NULL, worker_fn, &w[i]))
			return -EAGAIN;
	}
	for (i = 0; i < n; i++)
		pthread_join(w[i].thread, NULL);
	pthread_barrier_destroy(&sh->start);
	if (sh->bad_line)
		fprintf(stderr, "# %s:%d: unexpected result %d\n",
			sh->bad_file, sh->bad_line, sh->bad);
	return sh->bad_line;
}

/* The same function in all threads. */
static inline int race_alike(struct shared *sh, step_fn step)
{
	const step_fn steps[NTHREADS] = { step, step, step, step };

	return race(sh, steps, NTHREADS);
}

FIXTURE(race) {
	struct shared sh;
	/* how many processes a test starts */
	unsigned int rounds;
	long pinned;
};

FIXTURE_SETUP(race)
{
	/* They are slower by far, and find more in each step */
	const bool debug = mem_debug_kernel();
	struct shared *sh = &self->sh;
	unsigned int i;

	self->pinned = mem_pinned();
	sh->steps = debug ? 150 : 1000;
	self->rounds = debug ? 6 : 16;
	sh->fd = iommu_open();
	ASSERT_LE(0, sh->fd) TH_LOG("%s", strerror(-sh->fd));
	ASSERT_EQ(0, iommu_ioas_alloc(sh->fd, &sh->id));
	ASSERT_EQ(0, iommu_ioas_alloc(sh->fd, &sh->other));
	for (i = 0; i < ARRAY_SIZE(sh->acc); i++) {
		sh->acc[i] = -1;
		if (access_why_not())
			continue;
		sh->acc[i] = access_open_attached(sh->fd, sh->id);
		ASSERT_LE(0, sh->acc[i]);
	}
	sh->buf = mem_anon(BUF);
	ASSERT_NE(NULL, sh->buf);
}

FIXTURE_TEARDOWN(race)
{
	struct shared *sh = &self->sh;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sh->acc); i++)
		if (sh->acc[i] >= 0)
			close(sh->acc[i]);
	if (sh->fd >= 0) {
		EXPECT_EQ(0, iommu_unmap_all(sh->fd, sh->id, NULL));
		EXPECT_EQ(0, iommu_destroy(sh->fd, sh->id));
		EXPECT_EQ(0, iommu_destroy(sh->fd, sh->other));
		/* Which is refused as long as there is any object left */
		EXPECT_EQ(0, iommu_option_set(sh->fd, IOMMU_OPTION_RLIMIT_MODE,
					      0, 0));
		close(sh->fd);
	}
	EXPECT_EQ(self->pinned, mem_wait_pinned(self->pinned));
	EXPECT_EQ(0, mem_vm_pin(0));
}

/* Each thread on its own: then nothing may fail because of another. */
static inline void own_step(struct worker *w, unsigned int i)
{
	struct shared *sh = w->sh;
	const uint64_t at = AT + w->nr * BUF;
	uint64_t bytes = 0, iova = 0;
	int acc = sh->acc[w->nr % 2];
	char byte;

	ALLOW(sh, iommu_map_fixed(sh->fd, sh->id, sh->buf, SLOT_LEN, IOMMU_RW,
				  at), 0);
	ALLOW(sh, iommu_copy_fixed(sh->fd, sh->id, sh->id, at, PAGE, IOMMU_RW,
				   at + SLOT_LEN), 0);
	ALLOW(sh, iommu_map_auto(sh->fd, sh->id, sh->buf, PAGE, IOMMU_RW,
				 &iova), 0);
	if (acc >= 0) {
		ALLOW(sh, access_pin(acc, at, SLOT_LEN, 0), 0);
		ALLOW(sh, access_read(acc, at + PAGE, &byte, 1), 0);
		/* Half of the time the unmap has to unpin */
		if (i % 2)
			ALLOW(sh, access_unpin(acc, at, SLOT_LEN), 0);
	}
	ALLOW(sh, iommu_ioas_unmap(sh->fd, sh->id, at, SLOT_LEN, &bytes), 0);
	if (bytes != SLOT_LEN)
		complain(sh, bytes);
	ALLOW(sh, iommu_ioas_unmap(sh->fd, sh->id, at + SLOT_LEN, PAGE, NULL),
	      0);
	ALLOW(sh, iommu_ioas_unmap(sh->fd, sh->id, iova, PAGE, NULL), 0);
}

/* Every command there is, on two IOASes, with the accesses in between. */
static inline void any_step(struct worker *w, unsigned int i)
{
	static const struct iommu_iova_range allow = { AT, 2 * AT };
	struct shared *sh = w->sh;
	uint32_t id = pick(w, 2) ? sh->id : sh->other;
	uint64_t at = slot_at(pick(w, SLOTS));
	uint64_t len = (1 + pick(w, 4)) * PAGE, iova = at;
	int acc = sh->acc[pick(w, 2)];
	struct iommu_iova_range range;
	struct access_test_event event;
	char data[64] = { 0 };
	uint32_t num = 1;

	(void)i;
	switch (pick(w, acc < 0 ? 7 : 14)) {
	case 0:
	case 1:
		ALLOW(sh, iommu_map_fixed(sh->fd, id, sh->buf, len, IOMMU_RW,
					  at), 0, -EEXIST);
		break;
	case 2:
		ALLOW(sh, iommu_ioas_unmap(sh->fd, id, at, SLOT_LEN, NULL), 0,
		      -ENOENT, -EBUSY);
		break;
	case 3:
		ALLOW(sh, iommu_ioas_copy(sh->fd, id, sh->id, at, PAGE,
					  IOMMU_RW, &iova), 0, -ENOENT,
		      -ENOSPC);
		break;
	case 4:
		ALLOW(sh, iommu_allow_iovas(sh->fd, id, &allow, pick(w, 2)),
		      0);
		break;
	case 5:
		ALLOW(sh, iommu_iova_ranges(sh->fd, id, &range, &num, NULL),
		      0);
		break;
	case 6:
		if (!pick(w, 8))
			ALLOW(sh, iommu_unmap_all(sh->fd, id, NULL), 0,
			      -ENOENT, -EBUSY);
		break;
	case 7:
	case 8:
		/* EINVAL: it is about to be unmapped */
		ALLOW(sh, access_pin(acc, at, len, pick(w, 2)), 0, -ENOENT,
		      -EINVAL);
		break;
	case 9:
		ALLOW(sh, access_unpin(acc, at, len), 0, -ENOENT);
		break;
	case 10:
	case 11:
		ALLOW(sh, access_rw(acc, at + pick(w, 4096), data,
				    sizeof(data), pick(w, 4)), 0, -ENOENT,
		      -EINVAL);
		break;
	case 12:
		ALLOW(sh, access_replace(acc, id), 0, -EBUSY);
		break;
	case 13:
		ALLOW(sh, access_event(acc, &event), 0, -EAGAIN);
		break;
	}
}

#endif
