// SPDX-License-Identifier: GPL-2.0-only
/*
 * Page tables that come and go while others map and unmap, beside a model: threads have
 * lanes of slots in one IOAS, and map memory of all sizes there and unmap it at random. A
 * device that stays attached must reach nothing more of what has been unmapped, at once.
 * A second page table is made and goes all the time; the one that is attached, too, so
 * that the IOAS has none for a while; and processes that attach are killed. Each time the
 * threads are stopped, and by the new page table a device must reach exactly what is
 * mapped, wherever its borders have been when that was mapped or unmapped.
 *
 * The simulator forgets a translation when it is told to and not before.
 *
 * borders [--seed N] [--rounds N]
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "iommu.h"
#include "mem.h"
#include "sim.h"
#include "vfio.h"

#define PAGE SIM_PAGE
#define LANES 3U
#define SLOTS 24U
#define PITCH (16ULL << 20)
#define LANES_AT (1ULL << 32)
/* Memory of a lane */
#define MEMORY (14ULL << 20)
#define PAGES (MEMORY / PAGE)
#define UNMAPPED UINT64_MAX

static unsigned int first_seed = 1129, rounds;

/**
 * struct slot - where something may be mapped
 * @page: first page of the lane's memory, or UNMAPPED
 * @offset: where it begins in the slot, in bytes
 * @nr: how many pages
 */
struct slot {
	uint64_t page;
	uint64_t offset;
	uint64_t nr;
};

struct world;

/**
 * struct lane - a thread, and what it has mapped
 * @thread: it
 * @world: where
 * @nr: which one
 * @seed: of its random numbers
 * @mem: its memory; in each page its own number
 * @dma: of the device that stays
 * @slot: these
 * @done: commands
 */
struct lane {
	pthread_t thread;
	struct world *world;
	unsigned int nr;
	unsigned int seed;
	char *mem;
	struct dma dma;
	struct slot slot[SLOTS];
	unsigned int done;
};

/**
 * struct world - what all have
 * @sim: the IOAS, and the device that stays
 * @second: another device
 * @dma: of that
 * @going: held for reading for each command, for writing to stop them
 * @first: held while the device that stays is used, or away
 * @stop: the test is over
 * @failed: what was wrong, or NULL
 * @lane: the threads
 */
struct world {
	struct sim sim;
	struct engine second;
	struct dma dma;
	pthread_rwlock_t going;
	pthread_mutex_t first;
	atomic_bool stop;
	_Atomic(const char *) failed;
	struct lane lane[LANES];
};

static void fail(struct lane *lane, const char *what, uint64_t iova, long want,
		 long seen)
{
	if (atomic_exchange(&lane->world->failed, what))
		return;
	printf("# lane %u, command %u: %s at %#llx: %ld, not %ld\n", lane->nr,
	       lane->done, what, (unsigned long long)iova, seen, want);
	fflush(stdout);
}

static unsigned int below(struct lane *lane, unsigned int end)
{
	return rand_r(&lane->seed) % end;
}

static uint64_t iova_of(const struct lane *lane, const struct slot *slot)
{
	uint64_t n = slot - lane->slot;

	/* Those of different lanes are next to each other. */
	return LANES_AT + (n * LANES + lane->nr) * PITCH + slot->offset;
}

static uint64_t word_of(const struct lane *lane, uint64_t page)
{
	return (uint64_t)(lane->nr + 1) << 32 | page;
}

/* The threads ---------------------------------------------------------------- */

static uint64_t pick_pages(struct lane *lane)
{
	switch (below(lane, 8)) {
	case 0:
	case 1:
	case 2:
		return 1;
	case 3:
	case 4:
		return 1 + below(lane, 40);
	case 5:
		return 512;
	default:
		return 512 + below(lane, PAGES - 512);
	}
}

/*
 * Where it begins in its slot, in pages: where large entries fit, or they do not, or so
 * that it ends where the next slot begins.
 */
static uint64_t pick_offset(struct lane *lane, uint64_t page, uint64_t nr)
{
	uint64_t room = PITCH / PAGE - nr, offset = below(lane, room + 1);

	switch (below(lane, 4)) {
	case 0:
		return offset;
	case 1:
		return room;
	default:
		offset = (offset & ~511ULL) + page % 512;
		return offset > room ? 0 : offset;
	}
}

static void map_slot(struct lane *lane, struct slot *slot)
{
	uint64_t nr = pick_pages(lane), page = below(lane, PAGES - nr + 1);
	struct world *world = lane->world;
	int rc;

	slot->nr = nr;
	slot->offset = pick_offset(lane, page, nr) * PAGE;
	rc = iommu_map_fixed(world->sim.fd, world->sim.ioas,
			     lane->mem + page * PAGE, nr * PAGE, IOMMU_RW,
			     iova_of(lane, slot));
	if (rc)
		fail(lane, "map", iova_of(lane, slot), 0, rc);
	else
		slot->page = page;
}

/* Does a device reach a page of a slot, and the right one, or not? */
static void check_page(struct lane *lane, struct slot *slot, struct dma *dma,
		       uint64_t n)
{
	uint64_t iova = iova_of(lane, slot) + n * PAGE, value = 0;
	int rc = dma_peek(dma, iova, &value);

	if (slot->page == UNMAPPED && rc != IOSIM_REASON_NOT_PRESENT)
		fail(lane, "DMA where nothing is mapped", iova,
		     IOSIM_REASON_NOT_PRESENT, rc);
	else if (slot->page != UNMAPPED && rc)
		fail(lane, "DMA", iova, 0, rc);
	else if (!rc && value != word_of(lane, slot->page + n))
		fail(lane, "contents", iova, slot->page + n, value);
}

static void check_slot(struct lane *lane, struct slot *slot, struct dma *dma)
{
	if (!slot->nr)
		return;
	check_page(lane, slot, dma, 0);
	check_page(lane, slot, dma, slot->nr - 1);
	check_page(lane, slot, dma, below(lane, slot->nr));
}

static void unmap_slot(struct lane *lane, struct slot *slot)
{
	struct world *world = lane->world;
	uint64_t bytes = 0;
	int rc;

	rc = iommu_ioas_unmap(world->sim.fd, world->sim.ioas, iova_of(lane, slot),
			      slot->nr * PAGE, &bytes);
	if (rc || bytes != slot->nr * PAGE)
		fail(lane, "unmap", iova_of(lane, slot), slot->nr * PAGE,
		     rc ?: (long)bytes);
	slot->page = UNMAPPED;
}

static void step(struct lane *lane)
{
	struct slot *slot = &lane->slot[below(lane, SLOTS)];
	bool there = !pthread_mutex_trylock(&lane->world->first);

	/* So that its IOTLB has it. */
	if (there)
		check_slot(lane, slot, &lane->dma);
	if (slot->page == UNMAPPED)
		map_slot(lane, slot);
	else
		unmap_slot(lane, slot);
	if (!there)
		return;
	check_slot(lane, slot, &lane->dma);
	pthread_mutex_unlock(&lane->world->first);
}

static void *run(void *arg)
{
	struct lane *lane = arg;
	struct world *world = lane->world;

	while (!world->stop && !world->failed) {
		pthread_rwlock_rdlock(&world->going);
		step(lane);
		lane->done++;
		pthread_rwlock_unlock(&world->going);
	}
	return NULL;
}

/* Page tables ---------------------------------------------------------------- */

/* With all threads stopped: is what a device reaches what is mapped? */
static void compare(struct world *world, struct dma *dma)
{
	unsigned int i, n;

	pthread_rwlock_wrlock(&world->going);
	for (i = 0; i < LANES; i++)
		for (n = 0; n < SLOTS && !world->failed; n++)
			check_slot(&world->lane[i], &world->lane[i].slot[n], dma);
	pthread_rwlock_unlock(&world->going);
}

static void expect(struct world *world, const char *what, int want, int rc)
{
	if (rc != want)
		fail(&world->lane[0], what, 0, want, rc);
}

/* One page table more. */
static void more(struct world *world)
{
	uint32_t hwpt = 0;

	expect(world, "HWPT_ALLOC", 0,
	       iommu_hwpt_alloc(world->sim.fd, world->second.dev_id,
				world->sim.ioas, 0, &hwpt));
	expect(world, "attach", 0, vfio_attach(world->second.fd, hwpt, NULL));
	compare(world, &world->dma);
	expect(world, "detach", 0, vfio_detach(world->second.fd));
	expect(world, "destroy", 0, iommu_destroy(world->sim.fd, hwpt));
}

/* None, and then one again. */
static void none(struct world *world)
{
	struct dma dma = sim_dma(&world->sim, LANES + 1);

	pthread_mutex_lock(&world->first);
	expect(world, "detach the first", 0, vfio_detach(world->sim.engine.fd));
	if (rand() % 2)
		usleep(rand() % 3000);
	expect(world, "attach the first", 0,
	       vfio_attach(world->sim.engine.fd, world->sim.ioas, NULL));
	pthread_mutex_unlock(&world->first);
	compare(world, &dma);
}

/* It attaches, or makes a page table, when there is none, and is killed meanwhile. */
static void killed(struct world *world)
{
	pid_t pid;

	pthread_mutex_lock(&world->first);
	expect(world, "detach the first", 0, vfio_detach(world->sim.engine.fd));
	pid = fork();
	if (!pid) {
		vfio_attach(world->sim.engine.fd, world->sim.ioas, NULL);
		_exit(0);
	}
	usleep(rand() % 20000);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	/* It may have done it. */
	vfio_detach(world->sim.engine.fd);
	expect(world, "attach the first", 0,
	       vfio_attach(world->sim.engine.fd, world->sim.ioas, NULL));
	pthread_mutex_unlock(&world->first);
	compare(world, &world->dma);
}

FIXTURE(borders)
{
	struct world *world;
};

static int open_lane(struct world *world, unsigned int nr)
{
	struct lane *lane = &world->lane[nr];
	uint64_t page;
	unsigned int i;

	lane->world = world;
	lane->nr = nr;
	lane->seed = first_seed + nr;
	lane->dma = sim_dma(&world->sim, nr);
	lane->mem = nr == 0 ? mem_thp(MEMORY) :
		    nr == 1 ? mem_anon(MEMORY) : mem_scattered(MEMORY);
	/* So that forking is cheap, and changes nothing. */
	if (!lane->mem || madvise(lane->mem, MEMORY, MADV_DONTFORK))
		return -ENOMEM;
	for (page = 0; page < PAGES; page++)
		*(uint64_t *)(lane->mem + page * PAGE) = word_of(lane, page);
	for (i = 0; i < SLOTS; i++)
		lane->slot[i].page = UNMAPPED;
	return 0;
}

FIXTURE_SETUP(borders)
{
	pthread_rwlockattr_t attr;
	struct world *world;
	unsigned int i;

	NEED_SIM;
	world = self->world = calloc(1, sizeof(*world));
	ASSERT_NE(NULL, world);
	ASSERT_EQ(0, sim_open(&world->sim, ""));
	ASSERT_EQ(0, sim_add(&world->sim, "second", "", &world->second));
	ASSERT_EQ(0, sim_attach(&world->sim, world->sim.ioas));
	world->dma = sim_dma(&world->sim, LANES);
	pthread_rwlockattr_init(&attr);
	pthread_rwlockattr_setkind_np(&attr,
			PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	pthread_rwlock_init(&world->going, &attr);
	pthread_mutex_init(&world->first, NULL);
	for (i = 0; i < LANES; i++)
		ASSERT_EQ(0, open_lane(world, i));
}

FIXTURE_TEARDOWN(borders)
{
	struct world *world = self->world;

	EXPECT_EQ(0, sim_remove("second", &world->second));
	EXPECT_EQ(0, sim_close(&world->sim));
}

TEST_F_TIMEOUT(borders, random, 600)
{
	void (*const what[])(struct world *world) = { more, none, more, killed };
	struct world *world = self->world;
	const unsigned int n = rounds ?: mem_debug_kernel() ? 16 : 32;
	unsigned int i, done = 0;
	struct slot *slot;

	srand(first_seed);
	world->dma.engine = &world->second;
	for (i = 0; i < LANES; i++)
		ASSERT_EQ(0, pthread_create(&world->lane[i].thread, NULL, run,
					    &world->lane[i]));
	for (i = 0; i < n && !world->failed; i++) {
		if (what[i % 4] == killed)
			world->dma.engine = &world->sim.engine;
		what[i % 4](world);
		world->dma.engine = &world->second;
	}
	world->stop = true;
	for (i = 0; i < LANES; i++) {
		pthread_join(world->lane[i].thread, NULL);
		done += world->lane[i].done;
	}
	ASSERT_EQ(NULL, world->failed);
	TH_LOG("%u rounds, %u maps and unmaps", n, done);
	EXPECT_LT(n, done);
	for (i = 0; i < LANES; i++)
		for (slot = world->lane[i].slot;
		     slot < world->lane[i].slot + SLOTS; slot++)
			if (slot->page != UNMAPPED)
				unmap_slot(&world->lane[i], slot);
	ASSERT_EQ(NULL, world->failed);
}

int main(int argc, char **argv)
{
	while (argc > 2 && !strncmp(argv[1], "--", 2)) {
		unsigned int n = strtoul(argv[2], NULL, 0);

		if (!strcmp(argv[1], "--seed"))
			first_seed = n;
		else
			rounds = n;
		argv[2] = argv[0];
		argv += 2;
		argc -= 2;
	}
	iosim_load();
	sim_prepare();
	atexit(iosim_unload);
	return test_harness_run(argc, argv);
}
