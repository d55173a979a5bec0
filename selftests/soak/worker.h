/* SPDX-License-Identifier: GPL-2.0-only */
/* A worker: one thread, in a process of its own or with others. */
#ifndef SELFTESTS_SOAK_WORKER_H
#define SELFTESTS_SOAK_WORKER_H

#include "coverage.h"
#include "engine.h"
#include "genl.h"
#include "model.h"
#include "random.h"
#include "world.h"

/* An action that found nothing to do: it does not count. */
#define NOTHING_TO_DO 1

/* What is attached where: the device without a PASID, and with some. */
#define NR_VIEWS 4
#define NR_SPACES 4
#define NR_HWPTS 2

/* Kinds of workers, by which actions are chosen. */
#define CHECKS 1U	/* has a model, and checks */
#define CHAOS 2U	/* does what it likes */
#define PLUGS 4U	/* makes and removes devices */
#define KILLS 8U	/* processes in the middle of what they do */
#define KEEPS 16U	/* memory that nobody may write to */

/**
 * struct view - one way in which the worker's device reaches memory
 * @pasid: or ENGINE_NO_PASID
 * @space: what it is attached to; NULL: nothing
 * @hwpt: the page table that it was attached by, or -1
 */
struct view {
	uint32_t pasid;
	struct space *space;
	int hwpt;
};

/**
 * struct table - a page table that was allocated as such
 * @id: its object; 0: there is none
 * @space: which it belongs to
 */
struct table {
	uint32_t id;
	struct space *space;
};

/**
 * struct worker - a thread
 * @nr: its number
 * @kind: CHECKS, ...
 * @random: its decisions
 * @step: number of what it does
 * @may_fork: it is alone in its process: nobody else's descriptors would be copied
 * @a: for the log: what the step is about
 * @b: likewise
 * @fail_nth: the file of that name, or -1
 * @injected: an allocation of the last call has failed
 * @coverage: which code it has reached
 * @genl: a socket
 * @ears: one that listens
 * @context: of a worker that checks: the descriptor that it works with
 * @engine: its device, which nobody else has
 * @arena: memory to map
 * @spaces: its I/O address spaces; the last two are its own
 * @views: how its device sees them
 * @tables: page tables for its device
 * @fresh: a number that was never used before
 * @free_engine: number of an engine that is open, or -1
 * @loose: that engine
 * @loose_in: the descriptor that it was bound to; may be closed since
 * @loose_fd: of /dev/iommu, a private one; or -1
 */
struct worker {
	unsigned int nr;
	unsigned int kind;
	struct random random;
	uint32_t step;
	bool may_fork;
	uint64_t a;
	uint64_t b;
	int fail_nth;
	bool injected;
	struct coverage coverage;
	struct genl genl;
	struct genl ears;
	int context;
	struct engine engine;
	struct arena arena;
	struct space spaces[NR_SPACES];
	struct view views[NR_VIEWS];
	struct table tables[NR_HWPTS];
	uint64_t fresh;
	int free_engine;
	struct engine loose;
	int loose_in;
	int loose_fd;
};

static inline unsigned int pick(struct worker *w, unsigned int n)
{
	return random_below(&w->random, n);
}

static inline bool chance(struct worker *w, unsigned int percent)
{
	return random_chance(&w->random, percent);
}

/* For the log: what the step is about. */
static inline void about(struct worker *w, uint64_t a, uint64_t b)
{
	w->a = a;
	w->b = b;
}

#endif
