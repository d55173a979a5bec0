/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What all processes of a soak share: descriptors of /dev/iommu, devices, and
 * memory for counters and for what each is doing.
 *
 * There are two kinds of descriptors. "Checked" ones have I/O address spaces, or
 * slices of one, that belong to one worker, which knows what every IOVA there
 * translates to. In "free" ones everybody does as he likes with every ID.
 */
#ifndef SELFTESTS_SOAK_WORLD_H
#define SELFTESTS_SOAK_WORLD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "vfio.h"

#define NR_CHECKED 2
#define NR_FREE 2
#define NR_CONTEXTS (NR_CHECKED + NR_FREE)
#define NR_SHARED 2
#define MAX_WORKERS 24
#define MAX_ACTIONS 96
#define MAX_EDUS 8
#define NR_ENGINES 4
#define POOL 12
#define LOG_LENGTH 16

/**
 * struct log_entry - something that a worker has done
 * @step: number of its step
 * @action: number of the action
 * @rc: what has come of it
 * @a: what it was done to, as the action says
 * @b: likewise
 */
struct log_entry {
	uint32_t step;
	int16_t action;
	int16_t rc;
	uint64_t a;
	uint64_t b;
};

/**
 * struct worker_log - what a worker is doing, and has done last
 * @name: of the kind of worker; NULL: there is none of that number
 * @pid: its process
 * @tid: its thread
 * @step: number of its step; written by the worker alone
 * @since: when the step began, in seconds
 * @entries: the last steps, by their number
 */
struct worker_log {
	const char *name;
	pid_t pid;
	pid_t tid;
	uint32_t step;
	int64_t since;
	struct log_entry entries[LOG_LENGTH];
};

/**
 * struct tally - how often an action was done
 * @calls: so often
 * @good: with success
 */
struct tally {
	uint64_t calls;
	uint64_t good;
};

/* What an ID of a free context is probably of. */
enum thing { IOAS, DEVICE, TABLE, VIOMMU, OTHER, NR_THINGS };

/**
 * struct world - shared by all processes
 * @seed: of all decisions
 * @seconds: how long
 * @stop: everybody comes to an end
 * @failed: something was wrong
 * @report_lock: who reports (0: nobody), so that reports do not mix
 * @contexts: descriptors of /dev/iommu, the checked ones first
 * @shared: I/O address spaces in each checked one, in which workers have slices
 * @mail: a pair of sockets by which descriptors are sent around
 * @edus: PCI devices
 * @edu_owners: who has it: the number of a worker, and 1
 * @nr_edus: how many there are
 * @away: engines that are free for all and about to be pulled out
 * @pool: IDs that were seen in a free context, by what they were of
 * @kills: processes killed
 * @tally: by action
 * @logs: by worker
 */
struct world {
	uint64_t seed;
	unsigned int seconds;
	bool stop;
	bool failed;
	pid_t report_lock;
	int contexts[NR_CONTEXTS];
	uint32_t shared[NR_CHECKED][NR_SHARED];
	int mail[2];
	struct vfio_pci edus[MAX_EDUS];
	uint32_t edu_owners[MAX_EDUS];
	int nr_edus;
	bool away[NR_ENGINES];
	uint32_t pool[NR_FREE][NR_THINGS][POOL];
	uint64_t kills;
	struct tally tally[MAX_ACTIONS];
	struct worker_log logs[MAX_WORKERS];
};

extern struct world *world;

/* Where slices of shared spaces are, by worker; and how far apart. */
#define SLICES_AT 0x40000000ULL
#define SLICE_SIZE 0x1000000ULL

/* Names in configfs, by number of the worker or of the engine. */
#define OWN_ENGINE "own%u"
#define FREE_ENGINE "free%u"
#define PARENT "parent"

int world_open(uint64_t seed, unsigned int seconds);
int world_close(void);
int64_t world_seconds(void);

static inline bool world_stopped(void)
{
	return __atomic_load_n(&world->stop, __ATOMIC_RELAXED);
}

static inline void world_stop(void)
{
	__atomic_store_n(&world->stop, true, __ATOMIC_RELAXED);
}

int edu_claim(unsigned int worker, bool alone);
void edu_release(int edu);

#endif
