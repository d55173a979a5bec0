// SPDX-License-Identifier: GPL-2.0-only
/*
 * Everything at once: threads that map, unmap, copy, pin and destroy the same
 * things, descriptors that are closed meanwhile, processes that are killed in
 * the middle. Each test makes a fixed number of steps and then looks whether
 * the books balance: bytes mapped and unmapped, objects, pinned pages.
 */
#define _GNU_SOURCE
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>

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
	/* an errno that should not have been: what, and in which line */
	int bad;
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

static void complain(struct shared *sh, int rc, int line)
{
	int none = 0;

	if (__atomic_compare_exchange_n(&sh->bad_line, &none, line, false,
					__ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		sh->bad = rc;
}

static bool one_of(int rc, const int *list)
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
			complain(sh, rc, __LINE__);			\
	} while (0)

/* A number below @n; the same in every run. */
static unsigned int pick(struct worker *w, unsigned int n)
{
	w->rnd ^= w->rnd << 13;
	w->rnd ^= w->rnd >> 7;
	w->rnd ^= w->rnd << 17;
	return w->rnd % n;
}

static bool stopped(struct shared *sh)
{
	return __atomic_load_n(&sh->stop, __ATOMIC_RELAXED) ||
	       __atomic_load_n(&sh->bad_line, __ATOMIC_RELAXED);
}

static void *worker_fn(void *arg)
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
static int race(struct shared *sh, const step_fn *steps, unsigned int n)
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
		fprintf(stderr, "# %s:%d: unexpected result %d\n", __FILE__,
			sh->bad_line, sh->bad);
	return sh->bad_line;
}

/* The same function in all threads. */
static int race_alike(struct shared *sh, step_fn step)
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

#define NEED_ACCESS							\
	do {								\
		if (access_why_not())					\
			SKIP(return, "%s", access_why_not());		\
	} while (0)

static void count(uint64_t *sum, uint64_t bytes)
{
	__atomic_add_fetch(sum, bytes, __ATOMIC_SEQ_CST);
}

/* Map and unmap of the same few ranges: what came in must go out. */
static void same_step(struct worker *w, unsigned int i)
{
	struct shared *sh = w->sh;
	unsigned int slot = pick(w, SLOTS);
	uint64_t bytes = 0;
	int rc;

	if (i % 2) {
		rc = iommu_map_fixed(sh->fd, sh->id, sh->buf, SLOT_LEN,
				     IOMMU_RW, slot_at(slot));
		ALLOW(sh, rc, 0, -EEXIST);
		if (!rc)
			count(&sh->mapped, SLOT_LEN);
		return;
	}
	/* EBUSY: somebody is at it already */
	rc = iommu_ioas_unmap(sh->fd, sh->id, slot_at(slot), SLOT_LEN, &bytes);
	ALLOW(sh, rc, 0, -ENOENT, -EBUSY);
	count(&sh->unmapped, bytes);
}

TEST_F(race, same_ranges)
{
	uint64_t rest = 0;

	ASSERT_EQ(0, race_alike(&self->sh, same_step));
	EXPECT_EQ(0, iommu_unmap_all(self->sh.fd, self->sh.id, &rest));
	EXPECT_LT(0, self->sh.unmapped);
	EXPECT_EQ(self->sh.mapped, self->sh.unmapped + rest);
}

/* Each thread on its own: then nothing may fail because of another. */
static void own_step(struct worker *w, unsigned int i)
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
		complain(sh, bytes, __LINE__);
	ALLOW(sh, iommu_ioas_unmap(sh->fd, sh->id, at + SLOT_LEN, PAGE, NULL),
	      0);
	ALLOW(sh, iommu_ioas_unmap(sh->fd, sh->id, iova, PAGE, NULL), 0);
}

TEST_F(race, own_ranges)
{
	uint64_t rest = 1;

	ASSERT_EQ(0, race_alike(&self->sh, own_step));
	EXPECT_EQ(0, iommu_unmap_all(self->sh.fd, self->sh.id, &rest));
	EXPECT_EQ(0, rest);
}

/* IOVAs of the kernel's choice are given to one thread each. */
static void auto_step(struct worker *w, unsigned int i)
{
	struct shared *sh = w->sh;
	uint64_t len = (1 + pick(w, 3)) * PAGE, iova = 0, bytes = 0;

	ALLOW(sh, iommu_map_auto(sh->fd, sh->id, sh->buf, len, IOMMU_RW,
				 &iova), 0);
	if (i % 4)
		return;
	ALLOW(sh, iommu_ioas_unmap(sh->fd, sh->id, iova, len, &bytes), 0);
	if (bytes != len)
		complain(sh, bytes, __LINE__);
}

TEST_F(race, chosen_iovas)
{
	ASSERT_EQ(0, race_alike(&self->sh, auto_step));
}

#define CROWD 256
#define CROWD_AT ((uint64_t)1 << 40)

/* All that a batch maps is to be chosen behind ranges in which there is no room. */
static void batch_step(struct worker *w, unsigned int i)
{
	struct ioasid_batch_entry e[CROWD] = {};
	struct shared *sh = w->sh;
	unsigned int n;

	(void)i;
	for (n = 0; n < CROWD; n++) {
		e[n].src = iommu_ptr(sh->buf);
		e[n].length = 2 * PAGE;
		e[n].flags = IOMMU_RW;
	}
	ALLOW(sh, iommu_map_batch(sh->fd, sh->id, e, CROWD, &n), 0);
	for (n = 0; n < CROWD; n++) {
		e[n].flags = 0;
		e[n].src = 0;
	}
	ALLOW(sh, iommu_unmap_batch(sh->fd, sh->id, e, CROWD, &n), 0);
}

/* Meanwhile others need more structures than an IOAS has at hand. */
static void crowd_step(struct worker *w, unsigned int i)
{
	const uint64_t at = CROWD_AT + w->nr * 2 * CROWD * PAGE;
	struct shared *sh = w->sh;
	unsigned int n;

	(void)i;
	for (n = 0; n < 2 * CROWD; n++)
		ALLOW(sh, iommu_map_fixed(sh->fd, sh->id, sh->buf, PAGE,
					  IOMMU_RW, at + n * PAGE), 0);
	ALLOW(sh, iommu_ioas_unmap(sh->fd, sh->id, at, 2 * CROWD * PAGE, NULL),
	      0);
}

TEST_F(race, small_ranges)
{
	const step_fn steps[] = { batch_step, crowd_step };
	struct iommu_iova_range ranges[3 * CROWD];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(ranges); i++) {
		ranges[i].start = AT + 2 * i * PAGE;
		ranges[i].last = ranges[i].start + PAGE - 1;
	}
	ranges[i - 1].last = CROWD_AT - 1;
	ASSERT_EQ(0, iommu_allow_iovas(self->sh.fd, self->sh.id, ranges,
				       ARRAY_SIZE(ranges)));
	self->sh.steps = 10;
	EXPECT_EQ(0, race(&self->sh, steps, ARRAY_SIZE(steps)));
	EXPECT_EQ(0, iommu_allow_iovas(self->sh.fd, self->sh.id, NULL, 0));
}

/* IOASes that are destroyed while others map, copy from and to them. */
static void pool_step(struct worker *w, unsigned int i)
{
	struct shared *sh = w->sh;
	unsigned int at = pick(w, ARRAY_SIZE(sh->pool));
	uint32_t *slot = &sh->pool[at], id, none = 0;
	uint64_t iova;
	int rc;

	(void)i;
	id = __atomic_load_n(slot, __ATOMIC_SEQ_CST);
	if (!id) {
		ALLOW(sh, iommu_ioas_alloc(sh->fd, &id), 0);
		if (!__atomic_compare_exchange_n(slot, &none, id, false,
						 __ATOMIC_SEQ_CST,
						 __ATOMIC_SEQ_CST)) {
			ALLOW(sh, iommu_destroy(sh->fd, id), 0);
		}
		return;
	}
	switch (pick(w, 6)) {
	case 0:
		ALLOW(sh, iommu_map_auto(sh->fd, id, sh->buf, PAGE, IOMMU_RW,
					 &iova), 0, -ENOENT);
		break;
	case 1:
		ALLOW(sh, iommu_ioas_copy(sh->fd, id, sh->other, AT, SLOT_LEN,
					  IOMMU_RW, &iova), 0, -ENOENT);
		break;
	case 2:
		ALLOW(sh, iommu_ioas_copy(sh->fd, id, id, PAGE, PAGE, IOMMU_R,
					  &iova), 0, -ENOENT);
		break;
	case 3:
		ALLOW(sh, iommu_unmap_all(sh->fd, id, NULL), 0, -ENOENT,
		      -EBUSY);
		break;
	case 4:
		/* Whoever takes it out of the pool destroys it */
		if (!__atomic_compare_exchange_n(slot, &id, 0, false,
						 __ATOMIC_SEQ_CST,
						 __ATOMIC_SEQ_CST))
			break;
		/* EBUSY: another thread is inside of a command with it */
		while ((rc = iommu_destroy(sh->fd, id)) == -EBUSY)
			sched_yield();
		ALLOW(sh, rc, 0);
		break;
	case 5:
		/* Or destroys it for a guess */
		ALLOW(sh, iommu_vfio_ioas_set(sh->fd, id), 0, -ENOENT);
		ALLOW(sh, iommu_vfio_ioas_get(sh->fd, &id), 0, -ENODEV);
		break;
	}
}

TEST_F(race, come_and_go)
{
	struct shared *sh = &self->sh;
	unsigned int i;

	ASSERT_EQ(0, iommu_map_fixed(sh->fd, sh->other, sh->buf, SLOT_LEN,
				     IOMMU_RW, AT));
	sh->steps *= 2;
	ASSERT_EQ(0, race_alike(sh, pool_step));
	for (i = 0; i < ARRAY_SIZE(sh->pool); i++) {
		if (!sh->pool[i])
			continue;
		EXPECT_EQ(0, iommu_destroy(sh->fd, sh->pool[i]));
	}
}

/* One object, and several who would destroy it: one of them did. */
static void destroy_step(struct worker *w, unsigned int i)
{
	struct shared *sh = w->sh;
	uint32_t id = __atomic_load_n(&sh->pool[0], __ATOMIC_SEQ_CST);
	int rc;

	if (!w->nr) {
		ALLOW(sh, iommu_ioas_alloc(sh->fd, &id), 0);
		count(&sh->mapped, 1);
		__atomic_store_n(&sh->pool[0], id, __ATOMIC_SEQ_CST);
		if (i + 1 < sh->steps)
			return;
		/* Let the others run out of steps */
		__atomic_store_n(&sh->stop, true, __ATOMIC_SEQ_CST);
		return;
	}
	if (!id || id == sh->id || id == sh->other)
		return;
	rc = iommu_destroy(sh->fd, id);
	ALLOW(sh, rc, 0, -ENOENT, -EBUSY);
	if (!rc)
		count(&sh->unmapped, 1);
}

TEST_F(race, destroy)
{
	struct shared *sh = &self->sh;
	uint32_t id;

	ASSERT_EQ(0, race_alike(sh, destroy_step));
	/* The rest is what nobody caught */
	for (id = 1; sh->unmapped < sh->mapped && id < 4096; id++)
		if (id != sh->id && id != sh->other &&
		    !iommu_destroy(sh->fd, id))
			sh->unmapped++;
	EXPECT_EQ(sh->mapped, sh->unmapped);
}

/* Every command there is, on two IOASes, with the accesses in between. */
static void any_step(struct worker *w, unsigned int i)
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

TEST_F(race, anything)
{
	self->sh.steps *= 3;
	ASSERT_EQ(0, race_alike(&self->sh, any_step));
	EXPECT_EQ(0, iommu_unmap_all(self->sh.fd, self->sh.id, NULL));
	EXPECT_EQ(0, iommu_unmap_all(self->sh.fd, self->sh.other, NULL));
}

/* The memory itself comes and goes under those who pin it. */
static void remap_step(struct worker *w, unsigned int i)
{
	struct shared *sh = w->sh;

	switch (i % 4) {
	case 0:
		if (munmap(sh->buf + 4 * PAGE, 8 * PAGE))
			complain(sh, -errno, __LINE__);
		break;
	case 1:
		if (mmap(sh->buf + 4 * PAGE, 8 * PAGE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) ==
		    MAP_FAILED)
			complain(sh, -errno, __LINE__);
		break;
	case 2:
		if (mprotect(sh->buf + 5 * PAGE, PAGE, PROT_READ))
			complain(sh, -errno, __LINE__);
		break;
	case 3:
		if (madvise(sh->buf + 4 * PAGE, 8 * PAGE, MADV_DONTNEED))
			complain(sh, -errno, __LINE__);
		break;
	}
}

static void pin_step(struct worker *w, unsigned int i)
{
	struct shared *sh = w->sh;
	const uint64_t at = AT + w->nr * BUF;
	int acc = sh->acc[w->nr % 2], rc;
	char byte = 0;

	(void)i;
	rc = iommu_map_fixed(sh->fd, sh->id, sh->buf, BUF, IOMMU_RW, at);
	ALLOW(sh, rc, 0);
	if (rc)
		return;
	rc = access_pin(acc, at, BUF, 0);
	ALLOW(sh, rc, 0, -EFAULT);
	ALLOW(sh, access_rw(acc, at + 5 * PAGE, &byte, 1, pick(w, 4)), 0,
	      -EFAULT);
	if (!rc && pick(w, 2))
		ALLOW(sh, access_unpin(acc, at, BUF), 0);
	ALLOW(sh, iommu_ioas_unmap(sh->fd, sh->id, at, BUF, NULL), 0);
}

TEST_F(race, memory_goes)
{
	const step_fn steps[] = { remap_step, pin_step, pin_step };

	NEED_ACCESS;
	ASSERT_EQ(0, race(&self->sh, steps, ARRAY_SIZE(steps)));
}

/* The IOAS of an access is replaced while it is in use. */
static void replace_step(struct worker *w, unsigned int i)
{
	struct shared *sh = w->sh;

	ALLOW(sh, access_replace(sh->acc[0], i % 2 ? sh->id : sh->other), 0,
	      -EBUSY);
}

static void use_step(struct worker *w, unsigned int i)
{
	struct shared *sh = w->sh;
	uint64_t at = AT + pick(w, NPAGES - 4) * PAGE;
	char data[100] = { 0 };

	/* Both IOASes have the same: there is no moment without */
	if (i % 2) {
		ALLOW(sh, access_read(sh->acc[0], at + 10, data,
				      sizeof(data)), 0, -ENOENT);
		return;
	}
	ALLOW(sh, access_pin(sh->acc[0], at, 3 * PAGE, 0), 0, -ENOENT);
	/* ENOENT: the replacement was faster */
	ALLOW(sh, access_unpin(sh->acc[0], at, 3 * PAGE), 0, -ENOENT);
}

TEST_F(race, replace)
{
	const step_fn steps[] = { replace_step, use_step, use_step,
				  replace_step };
	struct shared *sh = &self->sh;

	NEED_ACCESS;
	ASSERT_EQ(0, iommu_map_fixed(sh->fd, sh->id, sh->buf, BUF, IOMMU_RW,
				     AT));
	ASSERT_EQ(0, iommu_map_fixed(sh->fd, sh->other, sh->buf, BUF, IOMMU_RW,
				     AT));
	ASSERT_EQ(0, race(sh, steps, ARRAY_SIZE(steps)));
}

/* Contexts, IOASes and accesses that live for a moment each. */
static void short_life_step(struct worker *w, unsigned int i)
{
	struct shared *sh = w->sh;
	int fd = iommu_open(), acc = -1;
	uint32_t id = 0;

	if (fd < 0) {
		complain(sh, fd, __LINE__);
		return;
	}
	ALLOW(sh, iommu_ioas_alloc(fd, &id), 0);
	ALLOW(sh, iommu_map_fixed(fd, id, sh->buf, BUF, IOMMU_RW, AT), 0);
	if (sh->acc[0] >= 0) {
		acc = access_open_attached(fd, id);
		if (acc < 0)
			complain(sh, acc, __LINE__);
		ALLOW(sh, access_pin(acc, AT, (1 + pick(w, NPAGES)) * PAGE, 0),
		      0);
	}
	/* In either order */
	if (i % 2)
		close(fd);
	if (acc >= 0)
		close(acc);
	if (i % 2 == 0)
		close(fd);
}

TEST_F(race, short_lives)
{
	self->sh.steps /= 4;
	ASSERT_EQ(0, race_alike(&self->sh, short_life_step));
}

/* The descriptor is closed while others are inside of a command. */
static void close_step(struct worker *w, unsigned int i)
{
	struct shared *sh = w->sh;
	uint64_t iova;
	uint32_t id;

	if (!w->nr) {
		int new = iommu_open();

		if (new < 0) {
			complain(sh, new, __LINE__);
			return;
		}
		/* The number stays, what is behind it changes */
		if (dup3(new, sh->fd, O_CLOEXEC) < 0)
			complain(sh, -errno, __LINE__);
		close(new);
		return;
	}
	if (iommu_ioas_alloc(sh->fd, &id))
		return;
	ALLOW(sh, iommu_map_auto(sh->fd, id, sh->buf, BUF, IOMMU_RW, &iova),
	      0, -ENOENT, -EBADF);
	if (i % 2)
		ALLOW(sh, iommu_destroy(sh->fd, id), 0, -ENOENT, -EBUSY,
		      -EBADF);
}

TEST_F(race, close)
{
	struct shared *sh = &self->sh;
	unsigned int i;

	/* It is about another context than that of the accesses */
	for (i = 0; i < ARRAY_SIZE(sh->acc); i++) {
		if (sh->acc[i] >= 0)
			close(sh->acc[i]);
		sh->acc[i] = -1;
	}
	ASSERT_EQ(0, race_alike(sh, close_step));
	close(sh->fd);
	sh->fd = -1;
}

/* A child has the descriptors too, and for a moment the memory. */
static void fork_step(struct worker *w, unsigned int i)
{
	int status;
	pid_t pid;

	if (i >= w->sh->steps / 20)
		return;
	pid = fork();
	if (!pid) {
		w->sh->buf[pick(w, BUF)] = 1;
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status)
		complain(w->sh, pid, __LINE__);
}

TEST_F(race, fork)
{
	const step_fn steps[] = { fork_step, own_step, own_step, own_step };

	ASSERT_EQ(0, race(&self->sh, steps, ARRAY_SIZE(steps)));
}

/*
 * A process that ends while its threads are in the middle of everything. One
 * of them tells of each of its steps, so that it can be hit at another moment
 * each time; after the last one the process ends itself.
 */
static void told_step(struct worker *w, unsigned int i)
{
	if (write(w->sh->out, "", 1) != 1)
		_exit(2);
	if (i == w->sh->last)
		w->sh->end();
	any_step(w, i);
}

static int doomed(int out, unsigned int last, void (*end)(void))
{
	struct shared sh = { .steps = UINT32_MAX, .out = out, .last = last,
			     .end = end };
	const step_fn steps[] = { told_step, any_step, any_step, any_step };
	unsigned int i;

	/* A context of its own, which nobody else keeps */
	sh.fd = iommu_open();
	if (sh.fd < 0 || iommu_ioas_alloc(sh.fd, &sh.id) ||
	    iommu_ioas_alloc(sh.fd, &sh.other))
		return 3;
	for (i = 0; i < ARRAY_SIZE(sh.acc); i++)
		sh.acc[i] = access_why_not() ?
				    -1 : access_open_attached(sh.fd, sh.id);
	sh.buf = mem_anon(BUF);
	return race(&sh, steps, ARRAY_SIZE(steps)) ? 4 : 5;
}

static void end_by_exit(void)
{
	_exit(0);
}

static void end_by_exec(void)
{
	int null = open("/dev/null", O_WRONLY);

	dup2(null, STDERR_FILENO);
	execl("/proc/self/exe", "threads", "-h", NULL);
	_exit(6);
}

static void end_by_signal(void)
{
	/* The parent's SIGKILL is on its way */
	pause();
}

static int hear(int in, unsigned int n)
{
	struct pollfd p = { .fd = in, .events = POLLIN };
	char c;

	while (n--)
		if (poll(&p, 1, 10000) != 1 || read(in, &c, 1) != 1)
			return -EPIPE;
	return 0;
}

/* The wait status of a process that was ended after so many steps. */
static int doom(unsigned int steps, void (*end)(void))
{
	int status, to[2];
	pid_t pid;

	if (pipe(to))
		return -errno;
	pid = fork();
	if (!pid) {
		close(to[0]);
		_exit(doomed(to[1], end == end_by_signal ? UINT32_MAX : steps,
			     end));
	}
	close(to[1]);
	if (hear(to[0], steps))
		fprintf(stderr, "# child did not get far\n");
	if (end == end_by_signal)
		kill(pid, SIGKILL);
	else
		hear(to[0], 1);
	if (waitpid(pid, &status, 0) != pid)
		status = -ECHILD;
	close(to[0]);
	return status;
}

TEST_F(race, kill)
{
	unsigned int i;

	for (i = 1; i <= self->rounds; i++) {
		EXPECT_EQ(SIGKILL, doom(i, end_by_signal));
	}
	EXPECT_EQ(self->pinned, mem_wait_pinned(self->pinned));
}

TEST_F(race, exit)
{
	unsigned int i;

	for (i = 1; i <= self->rounds; i++) {
		EXPECT_EQ(0, doom(i, end_by_exit));
	}
	EXPECT_EQ(self->pinned, mem_wait_pinned(self->pinned));
}

TEST_F(race, exec)
{
	unsigned int i;

	for (i = 1; i <= self->rounds; i++) {
		/* A program that only shows its usage says that it skipped */
		EXPECT_EQ(KSFT_SKIP << 8, doom(i, end_by_exec));
	}
	EXPECT_EQ(self->pinned, mem_wait_pinned(self->pinned));
}

int main(int argc, char **argv)
{
	/* Help needs no module, nor may it take it from who asks for it */
	if (argc == 2 && !strcmp(argv[1], "-h"))
		return test_harness_run(argc, argv);
	access_module_load();
	return test_harness_run(argc, argv);
}
