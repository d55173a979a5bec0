// SPDX-License-Identifier: GPL-2.0-only
/*
 * Events: what user space is told and does not have to answer.
 *
 * IOMMU drivers report faults in interrupts. So the ring of a queue is allocated in
 * advance, and one spinlock protects the list of a context's queues and all their
 * rings. When a ring is full the oldest event is dropped, and the one behind it counts
 * how many are missing: the next read tells of the loss, even if nothing happens any
 * more.
 *
 * ctx->eventq_lock nests inside everything but sources->lock, which is not held
 * together with it.
 */
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/iommu.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <uapi/linux/iommufd.h>
#include <uapi/linux/ioasid.h>

#include "context/reason.h"
#include "report/event.h"
#include "report/notice.h"
#include "report/source.h"
#include "report/trace.h"

/* Limited, since an interrupt goes through all of them. */
#define EVENTQS_MAX	64

/**
 * struct eventq - a queue of events
 * @obj: in the ID table; the open file holds a reference
 * @ctx: the context; referenced by the file
 * @link: in ctx->eventqs while it has a file; ctx->nr_eventqs counts it from
 *	before it is made. This and the rest are protected by ctx->eventq_lock.
 * @ioas_id: whose events are wanted, or 0
 * @depth: length of @ring
 * @first: index of the oldest event
 * @count: how many there are
 * @ring: the events
 * @wait: for readers
 */
struct eventq {
	struct object obj;
	struct iommufd_ctx *ctx;
	struct list_head link;
	u32 ioas_id;
	u32 depth;
	u32 first;
	u32 count;
	struct ioasid_event *ring;
	wait_queue_head_t wait;
};

/*
 * The ring, under ctx->eventq_lock --------------------------------------------
 */

static struct ioasid_event *ring_at(struct eventq *queue, u32 i)
{
	return &queue->ring[(queue->first + i) % queue->depth];
}

static void ring_forget_first(struct eventq *queue)
{
	queue->first = (queue->first + 1) % queue->depth;
	queue->count--;
}

static void add_lost(struct ioasid_event *event, u32 lost)
{
	if (check_add_overflow(event->lost, lost, &event->lost))
		event->lost = U32_MAX;
}

static void ring_push(struct eventq *queue, const struct ioasid_event *event)
{
	struct ioasid_event added = *event;

	if (queue->count == queue->depth) {
		struct ioasid_event *next = queue->depth > 1 ?
					    ring_at(queue, 1) : &added;

		add_lost(next, 1);
		add_lost(next, ring_at(queue, 0)->lost);
		ring_forget_first(queue);
	}
	*ring_at(queue, queue->count++) = added;
}

/* Put back what was taken; if there is no room any more it is lost. */
static void ring_push_front(struct eventq *queue,
			    const struct ioasid_event *event)
{
	if (queue->count == queue->depth) {
		add_lost(ring_at(queue, 0), 1);
		add_lost(ring_at(queue, 0), event->lost);
		return;
	}
	queue->first = (queue->first + queue->depth - 1) % queue->depth;
	queue->count++;
	*ring_at(queue, 0) = *event;
}

/*
 * What happens ----------------------------------------------------------------
 */

/* Put it into every queue that wants it. In any context. */
static void event_tell(struct iommufd_ctx *ctx,
		       const struct ioasid_event *event)
{
	struct eventq *queue;
	unsigned long flags;

	spin_lock_irqsave(&ctx->eventq_lock, flags);
	list_for_each_entry(queue, &ctx->eventqs, link) {
		if (queue->ioas_id && event->ioas_id &&
		    queue->ioas_id != event->ioas_id)
			continue;
		ring_push(queue, event);
		wake_up_interruptible(&queue->wait);
	}
	spin_unlock_irqrestore(&ctx->eventq_lock, flags);
}

/*
 * The IOMMU driver names the device at best, but not the PASID. User space is told
 * only what all attachments that may have caused it have in common.
 */
static void find_origin(struct sources *sources, const struct device *dev,
			struct ioasid_event *event)
{
	const struct source *source;
	unsigned int found = 0;
	unsigned long flags;
	u32 pasid = 0;

	spin_lock_irqsave(&sources->lock, flags);
	list_for_each_entry(source, &sources->list, link) {
		if (dev && source->dev != dev)
			continue;
		if (!found++)
			event->dev_id = source->dev_id;
		else if (event->dev_id != source->dev_id)
			event->dev_id = 0;
		pasid = source->pasid;
		atomic_long_inc(source->nr_faults);
	}
	atomic_long_inc(sources->nr_faults);
	spin_unlock_irqrestore(&sources->lock, flags);
	if (found == 1 && pasid) {
		event->pasid = pasid;
		event->flags |= IOASID_EVENT_PASID;
	}
}

static void tell_fault(struct iommufd_ctx *ctx, const struct device *dev,
		       const struct ioasid_event *event)
{
	const struct notice notice = {
		.kind = IOASID_EVENT_KIND_FAULT,
		.ctx = ctx,
		.device = dev ? dev_name(dev) : NULL,
		.device_id = event->dev_id,
		.pasid = event->pasid,
		.space = event->ioas_id,
		.iova = event->iova,
		.perm = event->perm & IOMMU_PGFAULT_PERM_WRITE ? 2 : 1,
	};

	iommufd_notice_send(&notice);
}

static void tell_dma_fault(struct sources *sources, const struct device *dev,
			   unsigned long iova, int flags)
{
	struct ioasid_event event = {
		.type = IOASID_EVENT_DMA_FAULT,
		.ioas_id = sources->ioas_id,
		.perm = flags & IOMMU_FAULT_WRITE ? IOMMU_PGFAULT_PERM_WRITE :
						    IOMMU_PGFAULT_PERM_READ,
		.iova = iova,
	};

	find_origin(sources, dev, &event);
	trace_ioasid_dma_fault(sources->ctx->number, dev ? dev_name(dev) : "",
			       event.ioas_id, iova, event.perm);
	event_tell(sources->ctx, &event);
	tell_fault(sources->ctx, dev, &event);
}

/*
 * Called by the IOMMU driver, maybe in an interrupt, maybe late: the page table, its
 * IOAS and its context may be going away, or may have gone.
 */
static int event_dma_fault(struct iommu_domain *domain, struct device *dev,
			   unsigned long iova, int flags, void *token)
{
	struct sources *sources;

	rcu_read_lock();
	sources = iommufd_sources_find((uintptr_t)token);
	if (sources)
		tell_dma_fault(sources, dev, iova, flags);
	rcu_read_unlock();
	/*
	 * Let the driver log it, too: that is what -ENOSYS means to
	 * report_iommu_fault().
	 */
	return -ENOSYS;
}

/**
 * iommufd_event_watch - report the DMA faults of a domain as events
 * @domain: a domain without devices
 * @sources: its attachments; to be given to iommufd_sources_unregister() before
 *	the domain is freed
 *
 * The domain keeps the handler for life: a driver that reports a fault reads it, and
 * its token, without a lock.
 *
 * Return: 0 or an errno of iommufd_sources_register().
 */
int iommufd_event_watch(struct iommu_domain *domain, struct sources *sources)
{
	int rc = iommufd_sources_register(sources);

	if (!rc)
		iommu_set_fault_handler(domain, event_dma_fault,
					(void *)(uintptr_t)sources->number);
	return rc;
}

/**
 * iommufd_event_range_lost - an IOAS has lost a mapping that its user did not unmap
 * @ctx: the context
 * @ioas_id: the IOAS that has lost it
 * @iova: first IOVA
 * @length: bytes
 *
 * In any context.
 */
void iommufd_event_range_lost(struct iommufd_ctx *ctx, u32 ioas_id,
			      unsigned long iova, unsigned long length)
{
	const struct ioasid_event event = {
		.type = IOASID_EVENT_RANGE_LOST,
		.ioas_id = ioas_id,
		.iova = iova,
		.length = length,
	};
	const struct notice notice = {
		.kind = IOASID_EVENT_KIND_LOST,
		.ctx = ctx,
		.space = ioas_id,
		.iova = iova,
		.length = length,
	};

	trace_ioasid_lost(ctx->number, ioas_id, iova, length);
	event_tell(ctx, &event);
	iommufd_notice_send(&notice);
}

/**
 * iommufd_event_device_gone - a device has been unbound
 * @ctx: the context
 * @dev_id: what its ID was
 *
 * In any context.
 */
void iommufd_event_device_gone(struct iommufd_ctx *ctx, u32 dev_id)
{
	const struct ioasid_event event = {
		.type = IOASID_EVENT_DEVICE_GONE,
		.dev_id = dev_id,
	};

	event_tell(ctx, &event);
}

/*
 * The file --------------------------------------------------------------------
 */

static bool event_take(struct eventq *queue, struct ioasid_event *event)
{
	bool taken = false;

	spin_lock_irq(&queue->ctx->eventq_lock);
	if (queue->count) {
		*event = *ring_at(queue, 0);
		ring_forget_first(queue);
		taken = true;
	}
	spin_unlock_irq(&queue->ctx->eventq_lock);
	return taken;
}

static void event_take_back(struct eventq *queue,
			    const struct ioasid_event *event)
{
	spin_lock_irq(&queue->ctx->eventq_lock);
	ring_push_front(queue, event);
	spin_unlock_irq(&queue->ctx->eventq_lock);
	wake_up_interruptible(&queue->wait);
}

static ssize_t eventq_read(struct file *file, char __user *buffer,
			   size_t length, loff_t *pos)
{
	struct eventq *queue = file->private_data;
	struct ioasid_event event;
	size_t done = 0;
	int rc;

	if (length < sizeof(event))
		return -EINVAL;
	if (!event_take(queue, &event)) {
		if (file->f_flags & O_NONBLOCK)
			return -EAGAIN;
		rc = wait_event_interruptible(queue->wait,
					      event_take(queue, &event));
		if (rc)
			return rc;
	}
	do {
		if (copy_to_user(buffer + done, &event, sizeof(event))) {
			event_take_back(queue, &event);
			return done ?: -EFAULT;
		}
		done += sizeof(event);
	} while (length - done >= sizeof(event) && event_take(queue, &event));
	return done;
}

static __poll_t eventq_poll(struct file *file, poll_table *table)
{
	struct eventq *queue = file->private_data;

	poll_wait(file, &queue->wait, table);
	/* Without the lock: what is there stays until it is read. */
	return READ_ONCE(queue->count) ? EPOLLIN | EPOLLRDNORM : 0;
}

static int eventq_release(struct inode *inode, struct file *file)
{
	struct eventq *queue = file->private_data;
	struct iommufd_ctx *ctx = queue->ctx;

	spin_lock_irq(&ctx->eventq_lock);
	list_del(&queue->link);
	ctx->nr_eventqs--;
	spin_unlock_irq(&ctx->eventq_lock);
	object_put(ctx, &queue->obj);
	context_put(ctx);
	return 0;
}

static const struct file_operations eventq_fops = {
	.owner = THIS_MODULE,
	.read = eventq_read,
	.poll = eventq_poll,
	.release = eventq_release,
};

/*
 * The object ------------------------------------------------------------------
 */

static struct eventq *eventq_of(struct object *obj)
{
	return container_of(obj, struct eventq, obj);
}

static void eventq_destroy(struct iommufd_ctx *ctx, struct object *obj)
{
	kvfree(eventq_of(obj)->ring);
}

static const struct object_kind eventq_kind = {
	.type = OBJECT_EVENT_QUEUE,
	.name = "event queue",
	.destroy = eventq_destroy,
};

/* Before anything that sleeps, so that whoever comes meanwhile sees it. */
static int eventq_reserve(struct iommufd_ctx *ctx)
{
	bool reserved;

	spin_lock_irq(&ctx->eventq_lock);
	reserved = ctx->nr_eventqs < EVENTQS_MAX;
	ctx->nr_eventqs += reserved;
	spin_unlock_irq(&ctx->eventq_lock);
	if (reserved)
		return 0;
	return iommufd_reason_note(ctx, -EMFILE,
				   "%u event queues are open, which is the most there can be",
				   EVENTQS_MAX);
}

static void eventq_unreserve(struct iommufd_ctx *ctx)
{
	spin_lock_irq(&ctx->eventq_lock);
	ctx->nr_eventqs--;
	spin_unlock_irq(&ctx->eventq_lock);
}

static struct object *alloc_queue(struct iommufd_ctx *ctx, u32 ioas_id,
				  u32 depth)
{
	struct eventq *queue = kzalloc(sizeof(*queue), GFP_KERNEL_ACCOUNT);
	int rc;

	if (!queue)
		return ERR_PTR(-ENOMEM);
	rc = iommufd_object_init(ctx, &queue->obj, &eventq_kind);
	if (rc) {
		kfree(queue);
		return ERR_PTR(rc);
	}
	queue->ctx = ctx;
	queue->ioas_id = ioas_id;
	queue->depth = depth;
	init_waitqueue_head(&queue->wait);
	queue->ring = kvcalloc(depth, sizeof(*queue->ring), GFP_KERNEL_ACCOUNT);
	if (!queue->ring) {
		iommufd_object_abort(ctx, &queue->obj);
		return ERR_PTR(-ENOMEM);
	}
	return &queue->obj;
}

/**
 * iommufd_eventq_alloc - a new queue of events
 * @ctx: the context
 * @ioas_id: whose events are wanted, or 0
 * @depth: how many it can hold
 *
 * Return: the queue, for iommufd_eventq_open() or iommufd_eventq_abort(); or
 * ERR_PTR of -EMFILE, -ENOMEM, -EBUSY.
 */
struct object *iommufd_eventq_alloc(struct iommufd_ctx *ctx, u32 ioas_id,
				    u32 depth)
{
	int rc = eventq_reserve(ctx);
	struct object *obj;

	if (rc)
		return ERR_PTR(rc);
	obj = alloc_queue(ctx, ioas_id, depth);
	if (IS_ERR(obj))
		eventq_unreserve(ctx);
	return obj;
}

/**
 * iommufd_eventq_abort - a new queue is not needed after all
 * @ctx: the context
 * @obj: the queue, which has no file
 */
void iommufd_eventq_abort(struct iommufd_ctx *ctx, struct object *obj)
{
	iommufd_object_abort(ctx, obj);
	eventq_unreserve(ctx);
}

/**
 * iommufd_eventq_open - the file of a new queue, which is told of events from now on
 * @ctx: the context
 * @obj: the queue
 *
 * Return: the file, or an ERR_PTR.
 */
struct file *iommufd_eventq_open(struct iommufd_ctx *ctx, struct object *obj)
{
	struct file *file = iommufd_object_open(ctx, obj, "[iommufd-events]",
						&eventq_fops, O_RDONLY);

	if (IS_ERR(file))
		return file;
	spin_lock_irq(&ctx->eventq_lock);
	list_add_tail(&eventq_of(obj)->link, &ctx->eventqs);
	spin_unlock_irq(&ctx->eventq_lock);
	return file;
}
