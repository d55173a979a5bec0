// SPDX-License-Identifier: GPL-2.0-only
/*
 * Software nesting: nothing is left of a mapping in a child, at any depth, when the
 * parent's mapping goes. Devices do not reach it, in-kernel users let go of it, and
 * nobody makes a new one of it meanwhile.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "hold.h"
#include "nested.h"

#define WAIT_MS 30000

/* When the parent unmaps --------------------------------------------------- */

TEST_F(nested, gone_at_every_depth)
{
	uint32_t id[6], deep;
	unsigned int i;
	int acc;

	/* Six more below the child's child */
	deep = self->grand;
	ASSERT_EQ(0, MAP_PARENT(0, 32, IOMMU_RW));
	ASSERT_EQ(0, MAP_PARENT(32, 32, IOMMU_RW));
	ASSERT_EQ(0, MAP_CHILD(PARENT, BUF, CHILD));
	ASSERT_EQ(0, MAP_GRAND(CHILD, BUF, GRAND));
	for (i = 0; i < ARRAY_SIZE(id); i++) {
		ASSERT_EQ(0, iommu_alloc_nested(self->rig.fd, deep, &id[i]));
		/* Each of them shows half of the one above, twice */
		ASSERT_EQ(0, map_nested(self->rig.fd, id[i], GRAND, 64 * PAGE,
					IOMMU_RW, GRAND));
		ASSERT_EQ(0, map_nested(self->rig.fd, id[i], GRAND + 8 * PAGE,
					40 * PAGE, IOMMU_RW, GRAND + BUF));
		deep = id[i];
	}
	ASSERT_EQ(0, ATTACH(deep));
	acc = access_open_attached(self->rig.fd, deep);
	ASSERT_LE(0, acc);
	EXPECT_EQ(0, SAME(acc, GRAND, 0, NPAGES));
	EXPECT_EQ(0, SAME(acc, GRAND + BUF, 8, 40));
	EXPECT_DMA(GRAND + BUF, 8);
	EXPECT_DMA(GRAND + 40 * PAGE, 40);

	ASSERT_EQ(0, UNMAP_PARENT(0, 32));
	EXPECT_NO_DMA(GRAND + BUF, 8);
	EXPECT_EQ(0, SAME(acc, GRAND + 32 * PAGE, 32, 32));
	EXPECT_EQ(0, SAME(acc, GRAND + BUF + 24 * PAGE, 32, 16));
	EXPECT_DMA(GRAND + 40 * PAGE, 40);
	ASSERT_EQ(0, UNMAP_PARENT(32, 32));
	for (i = 0; i < ARRAY_SIZE(id); i++) {
		EXPECT_EQ(0, TAKE_ALL(id[i]));
	}
	EXPECT_EQ(0, TAKE_ALL(self->grand));
	EXPECT_EQ(0, TAKE_ALL(self->child));
	EXPECT_PINNED(0);
	close(acc);
}

/* In the middle of the generations: below it all goes, above it nothing. */
TEST_F(nested, gone_from_the_middle_on)
{
	uint32_t sibling;
	int acc;

	ASSERT_EQ(0, iommu_alloc_nested(self->rig.fd, self->rig.ioas,
					&sibling));
	acc = access_open_attached(self->rig.fd, sibling);
	ASSERT_LE(0, acc);
	ASSERT_EQ(0, MAP_PARENT(0, NPAGES, IOMMU_RW));
	ASSERT_EQ(0, map_nested(self->rig.fd, sibling, PARENT, BUF, IOMMU_RW,
				CHILD));
	ASSERT_EQ(0, MAP_CHILD(PARENT, 8 * PAGE, CHILD));
	ASSERT_EQ(0, MAP_CHILD(PARENT + 8 * PAGE, 8 * PAGE, CHILD + 8 * PAGE));
	ASSERT_EQ(0, MAP_GRAND(CHILD + 4 * PAGE, 8 * PAGE, GRAND));
	ASSERT_EQ(0, ATTACH(sibling));
	EXPECT_EQ(0, SAME(self->grand_acc, GRAND, 4, 8));
	ASSERT_EQ(0, iommu_ioas_unmap(self->rig.fd, self->child, CHILD,
				      8 * PAGE, NULL));
	EXPECT_EQ(-ENOENT, SAME(self->grand_acc, GRAND, 4, 1));
	EXPECT_EQ(0, SAME(self->grand_acc, GRAND + 4 * PAGE, 8, 4));
	EXPECT_EQ(0, SAME(acc, CHILD, 0, NPAGES));
	EXPECT_DMA(CHILD + 3 * PAGE, 3);
	EXPECT_EQ(4 * PAGE, TAKE_ALL(self->grand));
	EXPECT_EQ(8 * PAGE, TAKE_ALL(self->child));

	/* One that is cut cannot be unmapped, in a child either */
	EXPECT_EQ(-ENOENT, iommu_ioas_unmap(self->rig.fd, sibling, CHILD,
					    PAGE, NULL));
	EXPECT_EQ(-ENOENT, iommu_ioas_unmap(self->rig.fd, self->rig.ioas,
					    PARENT, PAGE, NULL));
	EXPECT_EQ(0, SAME(acc, CHILD, 0, NPAGES));
	close(acc);
}

/* What is mapped in the parent later is not what the child was made of. */
TEST_F(nested, mapped_anew)
{
	ASSERT_EQ(0, MAP_PARENT(0, 4, IOMMU_RW));
	ASSERT_EQ(0, ATTACH(self->child));
	ASSERT_EQ(0, MAP_CHILD(PARENT, 4 * PAGE, CHILD));
	ASSERT_EQ(0, UNMAP_PARENT(0, 4));
	ASSERT_EQ(0, rig_map(&self->rig, self->buf + 8 * PAGE, 4 * PAGE,
			     PARENT));
	EXPECT_EQ(-ENOENT, SAME(self->acc, CHILD, 0, 1));
	EXPECT_NO_DMA(CHILD, 0);
	EXPECT_NO_DMA(CHILD, 8);
	ASSERT_EQ(0, MAP_CHILD(PARENT, 4 * PAGE, CHILD));
	EXPECT_EQ(0, SAME(self->acc, CHILD, 8, 4));
	EXPECT_DMA(CHILD, 8);
}

/* A transfer has been started and not happened yet: too late for it. */
TEST_F(nested, transfer_on_its_way)
{
	struct edu *edu = &self->rig.edu;

	ASSERT_EQ(0, MAP_PARENT(0, 4, IOMMU_RW));
	ASSERT_EQ(0, MAP_CHILD(PARENT, 4 * PAGE, CHILD));
	ASSERT_EQ(0, MAP_GRAND(CHILD, 4 * PAGE, GRAND));
	ASSERT_EQ(0, ATTACH(self->grand));
	/* The IOTLB knows the page */
	EXPECT_DMA(GRAND + PAGE, 1);
	mem_fill(self->buf, 4 * PAGE, 7);
	edu_start_write(edu, GRAND + PAGE, SOME);
	ASSERT_EQ(0, UNMAP_PARENT(0, 4));
	EXPECT_TRUE(edu_busy(edu));
	ASSERT_EQ(0, edu_wait(edu));
	EXPECT_EQ(-1, mem_check(self->buf, 4 * PAGE, 7));
	EXPECT_PINNED(0);
}

/*
 * Somebody who maps into a child, without pause: one by one, or by a batch that
 * looks at all of its sources before it places the first one.
 */
#define SLOTS 32U

struct mapper {
	pthread_t thread;
	int fd;
	uint32_t ioas;
	uint64_t src;
	uint64_t to;
	bool batch;
	bool stop;
	unsigned int mapped;
	int bad;
};

static int map_slots(struct mapper *m)
{
	struct ioasid_batch_entry e[SLOTS];
	unsigned int i;
	int rc = 0;

	if (!__atomic_load_n(&m->batch, __ATOMIC_RELAXED)) {
		for (i = 0; i < SLOTS && !rc; i++)
			rc = map_nested(m->fd, m->ioas, m->src + i * PAGE,
					PAGE, IOMMU_RW, m->to + i * PAGE);
		return rc;
	}
	for (i = 0; i < SLOTS; i++)
		e[i] = (struct ioasid_batch_entry) {
			.src = m->src + i * PAGE,
			.iova = m->to + i * PAGE,
			.length = PAGE,
			.flags = IOMMU_RW | IOMMU_FIXED,
		};
	return iommu_map_batch(m->fd, m->ioas, e, SLOTS, NULL);
}

static void *mapper_fn(void *arg)
{
	struct mapper *m = arg;

	while (!__atomic_load_n(&m->stop, __ATOMIC_RELAXED)) {
		int rc = iommu_unmap_all(m->fd, m->ioas, NULL);

		if (rc && rc != -EBUSY && rc != -ENOENT)
			m->bad = rc;
		rc = map_slots(m);
		if (!rc)
			__atomic_add_fetch(&m->mapped, 1, __ATOMIC_RELAXED);
		else if (rc != -EFAULT && rc != -EEXIST)
			m->bad = rc;
	}
	return NULL;
}

/* How many slots of the child there are; @acc is a user of it. */
static unsigned int slots_there(int acc, uint64_t to)
{
	unsigned int i, count = 0;
	char byte;

	for (i = 0; i < SLOTS; i++)
		count += access_read(acc, to + i * PAGE, &byte, 1) != -ENOENT;
	return count;
}

static unsigned int count_of(unsigned int *what)
{
	return __atomic_load_n(what, __ATOMIC_RELAXED);
}

/*
 * A thread that was pinning for the child when the parent was unmapped, which it does
 * without a lock, lets go when it finds that. Nobody begins to, as long as nothing is
 * mapped in the parent.
 */
static bool unpinned(void)
{
	unsigned int i;

	for (i = 0; i < 1000000 && mem_vm_pin(0); i++)
		sched_yield();
	return !mem_vm_pin(0);
}

/*
 * The parent unmaps while another thread maps into its child, and a third one
 * into the child's child. When it comes back there is nothing, and nothing new
 * can come.
 */
TEST_F(nested, unmap_against_mappers)
{
	const bool debug = mem_debug_kernel();
	const unsigned int rounds = debug ? 30 : 400;
	struct mapper m[2] = {
		{ .ioas = self->child, .src = PARENT, .to = CHILD },
		{ .ioas = self->grand, .src = CHILD, .to = GRAND },
	};
	unsigned int i, k;

	ASSERT_EQ(0, ATTACH(self->grand));
	for (k = 0; k < 2; k++) {
		m[k].fd = self->rig.fd;
		m[k].batch = true;
		ASSERT_EQ(0, pthread_create(&m[k].thread, NULL, mapper_fn,
					    &m[k]));
	}
	for (i = 0; i < rounds; i++) {
		unsigned int had = count_of(&m[0].mapped);

		__atomic_store_n(&m[i % 2].batch, i % 4 < 2, __ATOMIC_RELAXED);
		ASSERT_EQ(0, MAP_PARENT(0, SLOTS, IOMMU_RW));
		/* In the middle of it: when there is something to lose */
		while (count_of(&m[0].mapped) == had && !m[0].bad && !m[1].bad)
			sched_yield();
		ASSERT_EQ(0, UNMAP_PARENT(0, SLOTS));
		ASSERT_EQ(0, slots_there(self->acc, CHILD)) {
			TH_LOG("round %u", i);
		}
		ASSERT_EQ(0, slots_there(self->grand_acc, GRAND)) {
			TH_LOG("round %u", i);
		}
		if (i % 50 == 0) {
			EXPECT_TRUE(unpinned());
			EXPECT_NO_DMA(GRAND + (i % SLOTS) * PAGE, i % SLOTS);
		}
	}
	EXPECT_TRUE(unpinned());
	for (k = 0; k < 2; k++) {
		__atomic_store_n(&m[k].stop, true, __ATOMIC_RELAXED);
		pthread_join(m[k].thread, NULL);
		EXPECT_EQ(0, m[k].bad);
	}
	EXPECT_EQ(0, TAKE_ALL(self->child));
	EXPECT_EQ(0, TAKE_ALL(self->grand));
}

/* In-kernel users ---------------------------------------------------------- */

struct unmapper {
	pthread_t thread;
	int fd;
	uint32_t ioas;
	uint64_t iova;
	uint64_t length;
	int rc;
	bool done;
};

static void *unmapper_fn(void *arg)
{
	struct unmapper *u = arg;

	u->rc = iommu_ioas_unmap(u->fd, u->ioas, u->iova, u->length, NULL);
	__atomic_store_n(&u->done, true, __ATOMIC_SEQ_CST);
	return NULL;
}

/* They are told in their own addresses, at any depth. */
TEST_F(nested, callback)
{
	struct access_test_event event;

	ASSERT_EQ(0, MAP_PARENT(0, 16, IOMMU_RW));
	ASSERT_EQ(0, MAP_PARENT(16, 16, IOMMU_RW));
	ASSERT_EQ(0, MAP_CHILD(PARENT + 8 * PAGE, 16 * PAGE, CHILD));
	ASSERT_EQ(0, MAP_GRAND(CHILD + 6 * PAGE, 4 * PAGE, GRAND));
	ASSERT_EQ(0, access_pin(self->acc, CHILD + 9 * PAGE, 3 * PAGE, 0));
	ASSERT_EQ(0, access_pin(self->grand_acc, GRAND + PAGE, PAGE, 0));
	EXPECT_PINNED(4);
	EXPECT_EQ(0, access_peek(self->acc, CHILD + 9 * PAGE, self->copy,
				 3 * PAGE));
	EXPECT_EQ(0, memcmp(self->copy, self->buf + 17 * PAGE, 3 * PAGE));

	/* The first half: of the child nothing is pinned, of the other it is */
	ASSERT_EQ(0, UNMAP_PARENT(0, 16));
	EXPECT_EQ(-EAGAIN, access_event(self->acc, &event));
	ASSERT_EQ(0, access_event(self->grand_acc, &event));
	EXPECT_LE(event.iova, GRAND + PAGE);
	EXPECT_LE(GRAND + 2 * PAGE, event.iova + event.length);
	EXPECT_LE(event.iova + event.length, GRAND + 2 * PAGE);
	EXPECT_PINNED(3);
	ASSERT_EQ(0, UNMAP_PARENT(16, 16));
	ASSERT_EQ(0, access_event(self->acc, &event));
	EXPECT_LE(event.iova, CHILD + 9 * PAGE);
	EXPECT_LE(CHILD + 12 * PAGE, event.iova + event.length);
	EXPECT_PINNED(0);
	EXPECT_EQ(0, TAKE_ALL(self->child));
}

/* The parent's unmap does not come back before they have let go. */
TEST_F(nested, callback_waits)
{
	struct unmapper u = {
		.fd = self->rig.fd, .ioas = self->rig.ioas, .iova = PARENT,
		.length = BUF,
	};
	struct access_test_event event;

	ASSERT_EQ(0, MAP_PARENT(0, NPAGES, IOMMU_RW));
	ASSERT_EQ(0, MAP_CHILD(PARENT, 8 * PAGE, CHILD));
	ASSERT_EQ(0, MAP_GRAND(CHILD, 8 * PAGE, GRAND));
	ASSERT_EQ(0, access_pin(self->grand_acc, GRAND, 2 * PAGE, 0));
	ASSERT_EQ(0, access_set_policy(self->grand_acc, ACCESS_TEST_HOLD));
	ASSERT_EQ(0, pthread_create(&u.thread, NULL, unmapper_fn, &u));
	ASSERT_EQ(0, access_wait_event(self->grand_acc, &event));
	EXPECT_EQ(0, access_peek(self->grand_acc, GRAND, self->copy,
				 2 * PAGE));
	EXPECT_EQ(0, memcmp(self->copy, self->buf, 2 * PAGE));
	/* Others of the family go on meanwhile */
	ASSERT_EQ(0, rig_map(&self->rig, self->buf, PAGE, GRAND));
	ASSERT_EQ(0, MAP_CHILD(GRAND, PAGE, GRAND));
	EXPECT_EQ(0, SAME(self->acc, GRAND, 0, 1));
	EXPECT_FALSE(__atomic_load_n(&u.done, __ATOMIC_SEQ_CST));
	EXPECT_EQ(2, mem_vm_pin(0));

	ASSERT_EQ(0, access_unpin(self->grand_acc, GRAND, 2 * PAGE));
	ASSERT_EQ(0, pthread_join(u.thread, NULL));
	EXPECT_EQ(0, u.rc);
	EXPECT_EQ(-ENOENT, SAME(self->grand_acc, GRAND, 0, 1));
	EXPECT_PINNED(0);
	EXPECT_EQ(PAGE, TAKE_ALL(self->child));
}

/* It gives up when they have let go: what was in its way is as it was before. */
TEST_F(nested, callback_in_vain)
{
	struct unmapper u = {
		.fd = self->rig.fd, .ioas = self->rig.ioas, .iova = PARENT,
		.length = BUF,
	};
	struct iommu_ioas_map map = {
		.size = sizeof(map),
		.flags = IOMMU_FIXED | IOMMU_RW,
		.ioas_id = self->rig.ioas,
		.length = PAGE,
		.iova = PARENT,
	};
	struct hold_call mapper = {
		.fd = self->rig.fd, .request = IOMMU_IOAS_MAP, .arg = &map,
	};
	struct access_test_event event;
	pthread_t thread;
	struct hold hold;

	ASSERT_EQ(0, hold_open(&hold));
	map.user_va = iommu_ptr(hold.page);
	ASSERT_EQ(0, ATTACH(self->rig.ioas));
	ASSERT_EQ(0, MAP_PARENT(8, 8, IOMMU_RW));
	ASSERT_EQ(0, MAP_CHILD(PARENT + 8 * PAGE, 8 * PAGE, CHILD));
	/* One obstacle goes at once, the other when it is told to. */
	ASSERT_EQ(0, MAP_GRAND(CHILD, 4 * PAGE, GRAND));
	ASSERT_EQ(0, access_pin(self->grand_acc, GRAND, PAGE, 0));
	ASSERT_EQ(0, access_pin(self->acc, CHILD, PAGE, 0));
	ASSERT_EQ(0, access_set_policy(self->acc, ACCESS_TEST_HOLD));
	ASSERT_EQ(0, pthread_create(&u.thread, NULL, unmapper_fn, &u));
	ASSERT_EQ(0, access_wait_event(self->acc, &event));
	/* In front of it something is being mapped by now */
	ASSERT_EQ(0, pthread_create(&thread, NULL, hold_call_run, &mapper));
	ASSERT_TRUE(hold_wait(&hold, WAIT_MS));
	ASSERT_EQ(0, access_unpin(self->acc, CHILD, PAGE));
	ASSERT_EQ(0, pthread_join(u.thread, NULL));
	EXPECT_EQ(-EBUSY, u.rc);
	EXPECT_EQ(0, access_pin(self->acc, CHILD, PAGE, 0));
	EXPECT_EQ(0, access_unpin(self->acc, CHILD, PAGE));
	EXPECT_EQ(0, access_pin(self->grand_acc, GRAND, PAGE, 0));
	EXPECT_EQ(0, hold_release(&hold));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(0, mapper.rc);
	EXPECT_EQ(9 * PAGE, TAKE_ALL(self->rig.ioas));
	EXPECT_PINNED(0);
	hold_close(&hold);
}

/* By a batch, with ranges that begin before and end behind what they take. */
TEST_F(nested, batch_calls_back)
{
	struct ioasid_batch_entry e[3] = {
		{ .iova = PARENT, .length = 16 * PAGE, .error = -1 },
		{ .iova = PARENT + 20 * PAGE, .length = 10 * PAGE, .error = -1 },
		{ .iova = PARENT + 40 * PAGE, .length = PAGE, .error = -1 },
	};
	struct access_test_event event;
	unsigned int i;
	uint32_t done;

	ASSERT_EQ(0, MAP_PARENT(4, 4, IOMMU_RW));
	ASSERT_EQ(0, MAP_PARENT(24, 2, IOMMU_RW));
	ASSERT_EQ(0, MAP_PARENT(40, 1, IOMMU_RW));
	ASSERT_EQ(0, MAP_CHILD(PARENT + 4 * PAGE, 4 * PAGE, CHILD));
	ASSERT_EQ(0, MAP_CHILD(PARENT + 24 * PAGE, 2 * PAGE,
			       CHILD + 8 * PAGE));
	ASSERT_EQ(0, MAP_GRAND(CHILD + 8 * PAGE, 2 * PAGE, GRAND));
	ASSERT_EQ(0, access_pin(self->acc, CHILD, PAGE, 0));
	ASSERT_EQ(0, access_pin(self->grand_acc, GRAND, PAGE, 0));
	ASSERT_EQ(0, iommu_unmap_batch(self->rig.fd, self->rig.ioas, e, 3,
				       &done));
	EXPECT_EQ(3, done);
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(0, e[i].error);
	}
	EXPECT_EQ(4 * PAGE, e[0].length);
	EXPECT_EQ(2 * PAGE, e[1].length);
	EXPECT_EQ(PAGE, e[2].length);
	EXPECT_EQ(0, access_event(self->acc, &event));
	EXPECT_EQ(0, access_event(self->grand_acc, &event));
	EXPECT_EQ(0, TAKE_ALL(self->child));
	EXPECT_EQ(0, TAKE_ALL(self->grand));
	EXPECT_PINNED(0);
}

/* One that ends before what is pinned: that stays open for more pins. */
TEST_F(nested, batch_ends_before_the_obstacle)
{
	struct ioasid_batch_entry *e = mem_anon(PAGE);
	struct access_test_event event;
	uint32_t done;

	ASSERT_NE(NULL, e);
	ASSERT_EQ(0, MAP_PARENT(0, 1, IOMMU_RW));
	ASSERT_EQ(0, MAP_PARENT(1, 2, IOMMU_RW));
	ASSERT_EQ(0, MAP_CHILD(PARENT + PAGE, 2 * PAGE, CHILD));
	ASSERT_EQ(0, access_pin(self->acc, CHILD, PAGE, 0));
	e[0] = (struct ioasid_batch_entry) { .iova = PARENT, .length = PAGE };
	e[1] = (struct ioasid_batch_entry) { .iova = PARENT + PAGE,
					     .length = 2 * PAGE };
	/* The first entry cannot be answered */
	ASSERT_EQ(0, mprotect(e, PAGE, PROT_READ));
	EXPECT_EQ(-EFAULT, iommu_unmap_batch(self->rig.fd, self->rig.ioas, e,
					     2, &done));
	EXPECT_EQ(-EAGAIN, access_event(self->acc, &event));
	EXPECT_EQ(0, access_pin(self->acc, CHILD + PAGE, PAGE, 0));
	EXPECT_EQ(0, SAME(self->acc, CHILD, 1, 2));
	ASSERT_EQ(0, access_unpin(self->acc, CHILD, PAGE));
	ASSERT_EQ(0, access_unpin(self->acc, CHILD + PAGE, PAGE));
	mem_free(e, PAGE);
}

ACCESS_HARNESS_MAIN
