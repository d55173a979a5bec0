// SPDX-License-Identifier: GPL-2.0-only
/*
 * Work queues.
 *
 * A dedicated queue has one source, the portal of a device. A shared one has
 * several, and limits each of them, so that one whose descriptors all wait for
 * pages for ever does not stop the others.
 *
 * Everything that a descriptor needs is allocated in advance: nothing fails for
 * want of memory between its submission and its completion.
 */
#include <linux/slab.h>

#include "queue.h"

/* Those who run their share already have to wait. */
static struct queue_entry *next_entry(struct queue *queue)
{
	struct queue_entry *entry;

	list_for_each_entry(entry, &queue->waiting, link)
		if (entry->source->running < queue->run_share)
			return entry;
	return NULL;
}

static void run_entry(const struct queue_entry *entry, void *scratch)
{
	const struct iosim_desc *desc = &entry->desc;
	struct engine_job job = {
		.desc = *desc,
		.pasid = entry->pasid,
		.block = entry->block,
		.endpoint = entry->source->endpoint,
		.abort = &entry->source->abort,
		.scratch = scratch,
	};
	struct iosim_completion end = { .cookie = desc->cookie };

	if (entry->valid)
		engine_run(&job, &end);
	else
		end.status = IOSIM_STATUS_INVALID;
	if (desc->flags & IOSIM_DESC_COMPLETION &&
	    IS_ALIGNED(desc->completion, sizeof(end)))
		engine_complete(&job, &end);
}

/* Called and returns with the lock held, and drops it. */
static void work_on(struct queue *queue, struct queue_entry *entry,
		    void *scratch)
	__must_hold(&queue->lock)
{
	struct queue_source *source = entry->source;

	list_del(&entry->link);
	source->running++;
	spin_unlock_irq(&queue->lock);

	run_entry(entry, scratch);

	spin_lock_irq(&queue->lock);
	queue->busy--;
	source->busy--;
	source->completed++;
	source->changed(source);
	spin_unlock_irq(&queue->lock);

	/* The registers say already that it is done. */
	if (entry->desc.flags & IOSIM_DESC_INTERRUPT)
		source->interrupt(source);

	spin_lock_irq(&queue->lock);
	list_add(&entry->link, &queue->free);
	if (!--source->running)
		wake_up(&source->idle);
}

static void worker_fn(struct work_struct *work)
{
	struct queue_worker *worker =
		container_of(work, struct queue_worker, work);
	struct queue *queue = worker->queue;
	struct queue_entry *entry;

	spin_lock_irq(&queue->lock);
	while ((entry = next_entry(queue)))
		work_on(queue, entry, worker->scratch);
	__set_bit(worker - queue->workers, queue->idle);
	spin_unlock_irq(&queue->lock);
}

/**
 * queue_submit - put a descriptor into a queue
 * @source: who submits it; not being aborted
 * @entry: the descriptor and what belongs to it
 *
 * Return: 0, or -EAGAIN if the queue, or the source's share of it, is full.
 */
int queue_submit(struct queue_source *source, const struct queue_entry *entry)
{
	struct queue *queue = source->queue;
	struct queue_entry *mine;
	unsigned int worker;
	int rc = -EAGAIN;

	spin_lock_irq(&queue->lock);
	if (source->busy == queue->share || queue->busy == QUEUE_SIZE)
		goto out_unlock;
	mine = list_first_entry(&queue->free, struct queue_entry, link);
	list_move_tail(&mine->link, &queue->waiting);
	mine->source = source;
	mine->desc = entry->desc;
	mine->pasid = entry->pasid;
	mine->block = entry->block;
	mine->valid = entry->valid;
	queue->busy++;
	source->busy++;
	source->changed(source);

	worker = find_first_bit(queue->idle, QUEUE_WORKERS);
	if (worker < QUEUE_WORKERS) {
		__clear_bit(worker, queue->idle);
		queue_work(queue->workqueue, &queue->workers[worker].work);
	}
	rc = 0;
out_unlock:
	spin_unlock_irq(&queue->lock);
	return rc;
}

/**
 * queue_abort - abort what a source has submitted
 * @source: the source; the caller sees to it that it submits nothing meanwhile
 *
 * What waits is forgotten, what runs gives up and completes as aborted. When it
 * returns the source has no DMA any more.
 */
void queue_abort(struct queue_source *source)
{
	struct queue *queue = source->queue;
	struct queue_entry *entry, *next;

	spin_lock_irq(&queue->lock);
	list_for_each_entry_safe(entry, next, &queue->waiting, link) {
		if (entry->source != source)
			continue;
		list_move(&entry->link, &queue->free);
		queue->busy--;
		source->busy--;
	}
	source->changed(source);
	WRITE_ONCE(source->abort, true);
	spin_unlock_irq(&queue->lock);

	iosim_endpoint_kick(source->endpoint);

	spin_lock_irq(&queue->lock);
	wait_event_lock_irq(source->idle, !source->running, queue->lock);
	WRITE_ONCE(source->abort, false);
	spin_unlock_irq(&queue->lock);
}

/**
 * queue_source_init - make a source of a queue
 * @source: the source; its functions have been set
 * @queue: the queue
 * @endpoint: of the device
 */
void queue_source_init(struct queue_source *source, struct queue *queue,
		       struct iosim_endpoint *endpoint)
{
	source->queue = queue;
	source->endpoint = endpoint;
	init_waitqueue_head(&source->idle);
}

static int make_workers(struct queue *queue)
{
	unsigned int i;

	/* A transfer may take long, or wait for a user: in nobody else's way. */
	queue->workqueue = alloc_workqueue("iosim-queue", WQ_UNBOUND,
					   QUEUE_WORKERS);
	if (!queue->workqueue)
		return -ENOMEM;
	for (i = 0; i < QUEUE_WORKERS; i++) {
		struct queue_worker *worker = &queue->workers[i];

		INIT_WORK(&worker->work, worker_fn);
		worker->queue = queue;
		worker->scratch = kmalloc(ENGINE_SCRATCH, GFP_KERNEL_ACCOUNT);
		if (!worker->scratch)
			return -ENOMEM;
	}
	bitmap_fill(queue->idle, QUEUE_WORKERS);
	return 0;
}

/**
 * queue_create - make a queue
 * @shared: for several sources
 *
 * Return: the queue, or NULL if memory is short.
 */
struct queue *queue_create(bool shared)
{
	struct queue *queue = kzalloc(sizeof(*queue), GFP_KERNEL_ACCOUNT);
	unsigned int i;

	if (!queue)
		return NULL;
	spin_lock_init(&queue->lock);
	INIT_LIST_HEAD(&queue->free);
	INIT_LIST_HEAD(&queue->waiting);
	queue->share = shared ? QUEUE_SIZE / 2 : QUEUE_SIZE;
	queue->run_share = shared ? QUEUE_WORKERS / 2 : QUEUE_WORKERS;
	for (i = 0; i < QUEUE_ENTRIES; i++)
		list_add_tail(&queue->entries[i].link, &queue->free);
	if (make_workers(queue)) {
		queue_destroy(queue);
		return NULL;
	}
	return queue;
}

/**
 * queue_destroy - undo queue_create()
 * @queue: a queue without sources, or NULL
 */
void queue_destroy(struct queue *queue)
{
	unsigned int i;

	if (!queue)
		return;
	/* A worker may be about to see that there is nothing to do. */
	if (queue->workqueue)
		destroy_workqueue(queue->workqueue);
	for (i = 0; i < QUEUE_WORKERS; i++)
		kfree(queue->workers[i].scratch);
	kfree(queue);
}
