/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Work queues of the device: descriptors that wait, and workers that run them.
 */
#ifndef IOSIM_QUEUE_H
#define IOSIM_QUEUE_H

#include <linux/bitmap.h>
#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "engine.h"

#define QUEUE_SIZE	64
#define QUEUE_WORKERS	8
/* Those of descriptors that are done are in use for a moment longer. */
#define QUEUE_ENTRIES	(QUEUE_SIZE + QUEUE_WORKERS)

struct queue;

/**
 * struct queue_source - one of those who submit to a queue
 * @queue: to which
 * @endpoint: with whose DMA
 * @busy: descriptors that wait or run
 * @running: workers that run one, or have not finished with its source yet
 * @completed: descriptors that have been
 * @abort: those that run are to give up
 * @idle: waits for @running to become 0
 * @changed: called when @busy or @completed has changed; under the queue's lock
 * @interrupt: called when a descriptor that asks for it is done
 *
 * The numbers are written under the queue's lock.
 */
struct queue_source {
	struct queue *queue;
	struct iosim_endpoint *endpoint;
	unsigned int busy;
	unsigned int running;
	u64 completed;
	bool abort;
	wait_queue_head_t idle;
	void (*changed)(struct queue_source *source);
	void (*interrupt)(struct queue_source *source);
};

/**
 * struct queue_entry - a descriptor in a queue
 * @link: in the queue's list of those that are free, or wait
 * @source: who submitted it
 * @desc: the descriptor
 * @pasid: of the hardware
 * @block: it may request pages
 * @valid: it makes sense
 */
struct queue_entry {
	struct list_head link;
	struct queue_source *source;
	struct iosim_desc desc;
	u32 pasid;
	bool block;
	bool valid;
};

/**
 * struct queue_worker - runs one descriptor at a time
 * @work: on the queue's workqueue
 * @queue: whose
 * @scratch: for the engine
 */
struct queue_worker {
	struct work_struct work;
	struct queue *queue;
	void *scratch;
};

/**
 * struct queue - a work queue
 * @lock: over everything in it, and the numbers of its sources
 * @free: entries
 * @waiting: entries, in the order in which they came
 * @busy: descriptors that wait or run
 * @share: descriptors that one source may have
 * @run_share: descriptors that one source may have running
 * @workqueue: where the workers run
 * @idle: bitmap of workers that do nothing
 * @entries: storage
 * @workers: storage
 */
struct queue {
	spinlock_t lock;
	struct list_head free;
	struct list_head waiting;
	unsigned int busy;
	unsigned int share;
	unsigned int run_share;
	struct workqueue_struct *workqueue;
	DECLARE_BITMAP(idle, QUEUE_WORKERS);
	struct queue_entry entries[QUEUE_ENTRIES];
	struct queue_worker workers[QUEUE_WORKERS];
};

struct queue *queue_create(bool shared);
void queue_destroy(struct queue *queue);

void queue_source_init(struct queue_source *source, struct queue *queue,
		       struct iosim_endpoint *endpoint);
int queue_submit(struct queue_source *source, const struct queue_entry *entry);
void queue_abort(struct queue_source *source);

#endif
