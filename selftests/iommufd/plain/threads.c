// SPDX-License-Identifier: GPL-2.0-only
/*
 * Everything at once: threads that map, unmap, copy, pin and destroy the same
 * things. Each test makes a fixed number of steps.
 */
#define _GNU_SOURCE
#include <sched.h>

#include "threads.h"

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
		complain(sh, bytes);
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
			complain(sh, -errno);
		break;
	case 1:
		if (mmap(sh->buf + 4 * PAGE, 8 * PAGE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) ==
		    MAP_FAILED)
			complain(sh, -errno);
		break;
	case 2:
		if (mprotect(sh->buf + 5 * PAGE, PAGE, PROT_READ))
			complain(sh, -errno);
		break;
	case 3:
		if (madvise(sh->buf + 4 * PAGE, 8 * PAGE, MADV_DONTNEED))
			complain(sh, -errno);
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
		complain(sh, fd);
		return;
	}
	ALLOW(sh, iommu_ioas_alloc(fd, &id), 0);
	ALLOW(sh, iommu_map_fixed(fd, id, sh->buf, BUF, IOMMU_RW, AT), 0);
	if (sh->acc[0] >= 0) {
		acc = access_open_attached(fd, id);
		if (acc < 0)
			complain(sh, acc);
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

ACCESS_HARNESS_MAIN
