// SPDX-License-Identifier: GPL-2.0-only
/*
 * A BAR of gigabytes that goes away: switched off, or its device unbound, while it is
 * mapped for another device, or is being mapped; and that finding it holds up nobody.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>

#include "big_bar.h"
#include "child.h"

#define MEM_AT		0x20000000UL
#define B_AT		0x10000000UL
#define AREAS		1500U
#define ROUNDS		100
#define PART		(32 * MEM_HUGE)
/* As many page faults as take longer than a CPU's turn in the emulator. */
#define LONG_PART	(128 * MEM_HUGE)

/* The rig's device can move what it reads to @mem, which is mapped at MEM_AT. */
struct view {
	struct _test_data_big_bar *self;
	char *mem;
};

static bool view_open(struct view *view, struct _test_data_big_bar *self)
{
	view->self = self;
	view->mem = mem_anon(PAGE);
	return view->mem && !rig_map(&self->rig, view->mem, PAGE, MEM_AT);
}

/* Does the device read the BAR's contents, which are @seed's, at @iova? */
static bool sees(const struct view *view, uint64_t iova, uint64_t seed)
{
	memset(view->mem, 0x55, SOME_LENGTH);
	return !edu_copy(&view->self->rig.edu, iova, MEM_AT, SOME_LENGTH) &&
	       mem_check(view->mem, SOME_LENGTH, seed) < 0;
}

/* At both ends, and around the middle. Returns how many of four places. */
static int places_seen(const struct view *view, uint64_t iova, size_t size,
		       uint64_t seed)
{
	return sees(view, iova, seed) + sees(view, iova + size / 2, seed) +
	       sees(view, iova + size / 2 - SOME_LENGTH, seed) +
	       sees(view, iova + size - SOME_LENGTH, seed);
}

static void mark_places(char *at, size_t size, uint64_t seed)
{
	mem_fill(at, SOME_LENGTH, seed);
	mem_fill(at + size / 2, SOME_LENGTH, seed);
	mem_fill(at + size / 2 - SOME_LENGTH, SOME_LENGTH, seed);
	mem_fill(at + size - SOME_LENGTH, SOME_LENGTH, seed);
}

/* Where the mapping lies decides how large the CPU's entries are. */
static const size_t offs[] = { 0, MEM_HUGE, PAGE };

TEST_F(big_bar, off_and_on)
{
	struct view view;
	unsigned int i;

	ASSERT_TRUE(view_open(&view, self));
	for (i = 0; i < ARRAY_SIZE(offs); i++) {
		const size_t size = offs[i] % MEM_HUGE ?
			PART : self->bar.size / 2 + MEM_HUGE;
		char *at = map_bar(self, offs[i], size);

		ASSERT_NE(NULL, at);
		mark_places(at, size, i);
		ASSERT_EQ(0, rig_map(&self->rig, at, size, AT));
		EXPECT_EQ(4, places_seen(&view, AT, size, i));
		ASSERT_EQ(0, vfio_decode(self->device, false));
		EXPECT_EQ(0, places_seen(&view, AT, size, i));
		/* The CPU has no entries for it, nor gets any. */
		EXPECT_EQ(-EFAULT, rig_map(&self->rig, at, size, 4 * AT));
		ASSERT_EQ(0, vfio_decode(self->device, true));
		EXPECT_EQ(4, places_seen(&view, AT, size, i));
		ASSERT_EQ(0, rig_map(&self->rig, at, size, 4 * AT));
		EXPECT_EQ(4, places_seen(&view, 4 * AT, size, i));
		ASSERT_EQ(0, rig_unmap(&self->rig, AT, size));
		ASSERT_EQ(0, rig_unmap(&self->rig, 4 * AT, size));
		EXPECT_EQ(0, places_seen(&view, AT, size, i));
		munmap(at, size);
	}
}

/* Among more areas than are looked at at once, also the last. */
TEST_F(big_bar, among_many)
{
	const uint64_t ends[] = { AT, AT + (2 * AREAS + 1) * PAGE };
	char *at = map_bar(self, PAGE, PAGE);
	struct view view;
	unsigned int i;

	ASSERT_TRUE(view_open(&view, self));
	ASSERT_NE(NULL, at);
	mem_fill(at, SOME_LENGTH, 1);
	for (i = 0; i < AREAS; i++)
		ASSERT_EQ(0, rig_map(&self->rig, view.mem, PAGE,
				     AT + (2 * i + 1) * PAGE));
	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, rig_map(&self->rig, at, PAGE, ends[i]));
	ASSERT_EQ(0, vfio_decode(self->device, false));
	for (i = 0; i < 2; i++)
		EXPECT_FALSE(sees(&view, ends[i], 1));
	ASSERT_EQ(0, vfio_decode(self->device, true));
	for (i = 0; i < 2; i++)
		EXPECT_TRUE(sees(&view, ends[i], 1));
	munmap(at, PAGE);
	close(self->device);
	self->device = -1;
	for (i = 0; i < 2; i++)
		EXPECT_FALSE(sees(&view, ends[i], 1));
}

/* Each BAR is its own device's: the one goes with that, the other stays. */
TEST_F(big_bar, two_owners)
{
	char *at = map_bar(self, MEM_HUGE, PART);
	struct vfio_pci pci[2];
	struct view view;
	struct edu b;
	uint32_t id;

	ASSERT_TRUE(view_open(&view, self));
	ASSERT_NE(NULL, at);
	if (edu_find_alone(pci, 2) != 2)
		SKIP(return, "needs two devices in groups of their own");
	ASSERT_EQ(0, edu_open(&b, &pci[1], self->rig.fd));
	mark_places(at, PART, 7);
	ASSERT_EQ(0, rig_map(&self->rig, at, PART, AT));
	ASSERT_EQ(0, rig_map(&self->rig, b.regs, PAGE, B_AT));
	ASSERT_EQ(0, edu_copy(&self->rig.edu, B_AT + EDU_REG_ID, MEM_AT,
			      sizeof(id)));
	memcpy(&id, view.mem, sizeof(id));
	EXPECT_EQ(EDU_ID, id);

	edu_close(&b);
	memset(view.mem, 0x55, sizeof(id));
	ASSERT_EQ(0, edu_copy(&self->rig.edu, B_AT + EDU_REG_ID, MEM_AT,
			      sizeof(id)));
	memcpy(&id, view.mem, sizeof(id));
	EXPECT_NE(EDU_ID, id);
	EXPECT_EQ(4, places_seen(&view, AT, PART, 7));

	munmap(at, PART);
	close(self->device);
	self->device = -1;
	EXPECT_EQ(0, places_seen(&view, AT, PART, 7));
}

/* All at once --------------------------------------------------------------- */

struct worker {
	pthread_t thread;
	struct _test_data_big_bar *self;
	char *at;
	atomic_int rc;
	atomic_bool began;
	atomic_bool done;
};

static atomic_bool stop;

static void *map_again_and_again(void *arg)
{
	struct worker *worker = arg;
	int rc;

	while (!stop && !worker->rc) {
		rc = rig_map(&worker->self->rig, worker->at, PART, AT);
		if (rc && rc != -EFAULT)
			worker->rc = rc;
		if (!rc)
			rig_unmap(&worker->self->rig, AT, PART);
	}
	return NULL;
}

/* What others do with the address space that the BAR is looked up in. */
static void *change_addresses(void *arg)
{
	struct worker *worker = arg;
	void *page;

	while (!stop) {
		page = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS,
			    -1, 0);
		if (page == MAP_FAILED)
			worker->rc = -ENOMEM;
		else
			munmap(page, PAGE);
	}
	return NULL;
}

/*
 * Whatever a map finds while the BAR is switched off and on: when it is off the device
 * does not reach it.
 */
TEST_F(big_bar, off_while_mapped)
{
	struct worker mapper = { .self = self }, other = { .self = self };
	const int rounds = mem_debug_kernel() ? ROUNDS / 5 : ROUNDS;
	unsigned int i;
	struct view view;
	int round;

	ASSERT_TRUE(view_open(&view, self));
	for (i = 0; i < ARRAY_SIZE(offs); i++) {
		mapper.at = map_bar(self, offs[i], PART);
		ASSERT_NE(NULL, mapper.at);
		mark_places(mapper.at, PART, i);
		stop = false;
		ASSERT_EQ(0, pthread_create(&mapper.thread, NULL,
					    map_again_and_again, &mapper));
		ASSERT_EQ(0, pthread_create(&other.thread, NULL,
					    change_addresses, &other));
		for (round = 0; round < rounds; round++) {
			ASSERT_EQ(0, vfio_decode(self->device, round % 2));
			if (round % (rounds / 5) == 0 && !(round % 2)) {
				EXPECT_EQ(0, places_seen(&view, AT, PART, i));
			}
		}
		stop = true;
		pthread_join(mapper.thread, NULL);
		pthread_join(other.thread, NULL);
		EXPECT_EQ(0, mapper.rc);
		EXPECT_EQ(0, other.rc);
		ASSERT_EQ(0, vfio_decode(self->device, true));
		ASSERT_EQ(0, rig_map(&self->rig, mapper.at, PART, AT));
		EXPECT_EQ(4, places_seen(&view, AT, PART, i));
		ASSERT_EQ(0, rig_unmap(&self->rig, AT, PART));
		munmap(mapper.at, PART);
	}
}

static void *map_once(void *arg)
{
	struct worker *worker = arg;

	worker->began = true;
	worker->rc = rig_map(&worker->self->rig, worker->at, LONG_PART, AT);
	worker->done = true;
	return NULL;
}

/* How often others change the address space while a BAR is mapped, page by page. */
static unsigned int count_changes(struct __test_metadata *_metadata,
				  FIXTURE_DATA(big_bar) *self)
{
	struct worker mapper = { .self = self };
	unsigned int n = 0;

	mapper.at = map_bar(self, PAGE, LONG_PART);
	ASSERT_NE(NULL, mapper.at);
	ASSERT_EQ(0, pthread_create(&mapper.thread, NULL, map_once, &mapper));
	while (!mapper.began)
		;
	for (; !mapper.done; n++)
		munmap(mem_anon(PAGE), PAGE);
	pthread_join(mapper.thread, NULL);
	EXPECT_EQ(0, mapper.rc);
	EXPECT_EQ(0, rig_unmap(&self->rig, AT, LONG_PART));
	munmap(mapper.at, LONG_PART);
	return n;
}

/*
 * Thousands of page faults are taken, and others change the address space meanwhile: not
 * only the one or two that get in anyway, before it and behind it. The other CPU has to get
 * its turn for that, which it may not on a busy host.
 */
TEST_F(big_bar, addresses_change_meanwhile)
{
	unsigned int round, n = 0;

	for (round = 0; round < 8 && n < 3; round++)
		n = count_changes(_metadata, self);
	TH_LOG("%u changes in round %u", n, round);
	EXPECT_LE(3, n);
}

static void map_whole(void *arg)
{
	struct _test_data_big_bar *self = arg;
	char *at = map_bar(self, PAGE, self->bar.size);

	CHILD_EQ(true, at != NULL);
	alarm(1);
	CHILD_EQ(0, rig_map(&self->rig, at, self->bar.size, AT));
	/* It was quick: then it cannot be killed in the middle. */
	pause();
}

/* A page fault for each page of it keeps no process from dying, and leaves nothing. */
TEST_F(big_bar, killed_meanwhile)
{
	struct view view;
	char *at;
	int rc;

	EXPECT_EQ(SIGALRM, child_run(map_whole, self));
	rc = rig_unmap(&self->rig, AT, self->bar.size);
	TH_LOG("%s", rc ? "in the middle" : "too late");
	EXPECT_TRUE(!rc || rc == -ENOENT);

	at = map_bar(self, 0, self->bar.size);
	ASSERT_NE(NULL, at);
	ASSERT_TRUE(view_open(&view, self));
	mark_places(at, self->bar.size, 3);
	ASSERT_EQ(0, rig_map(&self->rig, at, self->bar.size, AT));
	EXPECT_EQ(4, places_seen(&view, AT, self->bar.size, 3));
}

TEST_HARNESS_MAIN
