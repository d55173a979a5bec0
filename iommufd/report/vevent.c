// SPDX-License-Identifier: GPL-2.0-only
/*
 * Events of a vIOMMU: what the IOMMU driver has to tell its guest, in the driver's terms.
 *
 * A vIOMMU has one queue of each type at most. Each event has a number, and what is lost,
 * because the queue is full or memory is short, has one as well: a gap in the numbers says
 * how much. If nothing follows that would show the gap, a header without an event does; it
 * goes when an event comes.
 *
 * Drivers report from threads. Order: viommu.veventqs_rwsem, which keeps the queue, then
 * queue->lock. Neither is held while user memory is touched.
 */
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/ioasid_viommu.h>
#include <linux/memcontrol.h>
#include <linux/poll.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include "compat.h"
#include "context/reason.h"
#include "report/vevent.h"

/**
 * struct vevent - an event
 * @link: in vevent_queue.events
 * @length: of @data, in bytes
 * @header: what is read first
 * @data: what is read then
 */
struct vevent {
	struct list_head link;
	size_t length;
	struct iommufd_vevent_header header;
	u8 data[];
};

/**
 * struct vevent_queue - the events of one type of a vIOMMU
 * @obj: in the ID table; the open file holds a reference
 * @ctx: the context; referenced by the file
 * @link: in viommu->veventqs
 * @viommu: the vIOMMU
 * @owner: it as an object, referenced
 * @type: of the events
 * @depth: how many it holds
 * @lock: protects the rest
 * @events: those that have not been read
 * @count: how many
 * @sequence: the number of the next event
 * @lost: those behind the last of @events are lost, up to @last_lost
 * @last_lost: the number of that
 * @memcg: pays for events: that of the queue's maker; referenced
 * @wait: for readers
 */
struct vevent_queue {
	struct object obj;
	struct iommufd_ctx *ctx;
	struct list_head link;
	struct iommufd_viommu *viommu;
	struct object *owner;
	u32 type;
	u32 depth;
	spinlock_t lock;
	struct list_head events;
	u32 count;
	u32 sequence;
	bool lost;
	u32 last_lost;
	struct mem_cgroup *memcg;
	wait_queue_head_t wait;
};

static struct vevent_queue *queue_of(struct object *obj)
{
	return container_of(obj, struct vevent_queue, obj);
}

/*
 * From the IOMMU driver -------------------------------------------------------
 */

/* It is lost rather than waited for. */
static struct vevent *vevent_new(const struct vevent_queue *queue,
				 const void *data, size_t length)
{
	struct mem_cgroup *before = set_active_memcg(queue->memcg);
	struct vevent *event;

	event = kmalloc(struct_size(event, data, length),
			GFP_NOWAIT | __GFP_ACCOUNT | __GFP_NOWARN);
	set_active_memcg(before);
	if (!event)
		return NULL;
	event->length = length;
	event->header.flags = 0;
	memcpy(event->data, data, length);
	return event;
}

/* NULL is one that is lost. */
static int queue_push(struct vevent_queue *queue, struct vevent *event)
{
	int rc = event ? 0 : -ENOMEM;

	spin_lock(&queue->lock);
	if (queue->count >= queue->depth) {
		kfree(event);
		event = NULL;
	}
	queue->lost = !event;
	if (event) {
		event->header.sequence = queue->sequence;
		list_add_tail(&event->link, &queue->events);
		queue->count++;
	} else {
		queue->last_lost = queue->sequence;
	}
	queue->sequence = (queue->sequence + 1) & INT_MAX;
	spin_unlock(&queue->lock);
	wake_up_interruptible(&queue->wait);
	return rc;
}

static struct vevent_queue *queue_find(struct iommufd_viommu *viommu, u32 type)
{
	struct vevent_queue *queue;

	lockdep_assert_held(&viommu->veventqs_rwsem);
	list_for_each_entry(queue, &viommu->veventqs, link)
		if (queue->type == type)
			return queue;
	return NULL;
}

/**
 * iommufd_viommu_report_event - tell the guest of a vIOMMU something
 * @viommu: the vIOMMU, which the driver keeps from being destroyed
 * @type: of the event
 * @event_data: what to tell
 * @data_len: bytes
 *
 * It may sleep.
 *
 * Return: 0, also if the queue is full; -EOPNOTSUPP if there is no queue of the type,
 * -ENOMEM (the guest is told that something is lost), -EINVAL (nothing to tell).
 */
int iommufd_viommu_report_event(struct iommufd_viommu *viommu,
				enum iommu_veventq_type type, void *event_data,
				size_t data_len)
{
	struct vevent_queue *queue;
	int rc = -EOPNOTSUPP;

	if (WARN_ON_ONCE(!event_data || !data_len))
		return -EINVAL;
	down_read(&viommu->veventqs_rwsem);
	queue = queue_find(viommu, type);
	if (queue)
		rc = queue_push(queue,
				vevent_new(queue, event_data, data_len));
	up_read(&viommu->veventqs_rwsem);
	return rc;
}
EXPORT_SYMBOL_NS_GPL(iommufd_viommu_report_event, "IOMMUFD");

/*
 * The file --------------------------------------------------------------------
 */

/*
 * The next event, if it fits into @room bytes: NULL if there is none. That something is
 * lost is told by @marker.
 */
static struct vevent *read_begin(struct vevent_queue *queue, size_t room,
				 struct vevent *marker)
{
	struct vevent *event;
	size_t size = sizeof(event->header);

	spin_lock(&queue->lock);
	event = list_first_entry_or_null(&queue->events, struct vevent, link);
	if (event)
		size += event->length;
	if (!event && queue->lost) {
		marker->length = 0;
		marker->header.flags = IOMMU_VEVENTQ_FLAG_LOST_EVENTS;
		marker->header.sequence = queue->last_lost;
		event = marker;
	}
	if (event && size > room) {
		event = ERR_PTR(-EINVAL);
	} else if (event == marker) {
		queue->lost = false;
	} else if (event) {
		list_del(&event->link);
		queue->count--;
	}
	spin_unlock(&queue->lock);
	return event;
}

/* The numbers wrap. */
static bool came_before(const struct vevent *event, const struct vevent *other)
{
	return ((other->header.sequence - event->header.sequence) & INT_MAX) <=
	       INT_MAX / 2;
}

/* In their order: another reader may have put back a later one already. */
static void put_back(struct vevent_queue *queue, struct vevent *event)
{
	struct vevent *other;

	lockdep_assert_held(&queue->lock);
	list_for_each_entry(other, &queue->events, link)
		if (came_before(event, other))
			break;
	list_add_tail(&event->link, &other->link);
	queue->count++;
}

/*
 * Is there nothing yet behind a loss? What has come since tells of it, by its number, even
 * if another reader has that, or it is lost itself; what is put back meanwhile came before.
 */
static bool is_last(const struct vevent_queue *queue, const struct vevent *marker)
{
	return ((queue->sequence - marker->header.sequence) & INT_MAX) == 1;
}

/* It could not be copied to user space. */
static void read_undo(struct vevent_queue *queue, struct vevent *event,
		      const struct vevent *marker)
{
	spin_lock(&queue->lock);
	if (event != marker) {
		put_back(queue, event);
	} else if (is_last(queue, event)) {
		queue->lost = true;
		queue->last_lost = event->header.sequence;
	}
	spin_unlock(&queue->lock);
	wake_up_interruptible(&queue->wait);
}

static bool copy_event(char __user *to, const struct vevent *event)
{
	return !copy_to_user(to, &event->header, sizeof(event->header)) &&
	       !copy_to_user(to + sizeof(event->header), event->data,
			     event->length);
}

/*
 * Reads as many whole events as fit. 0 if there is none: as with the kernel's own
 * iommufd, it never blocks. EINVAL: no room for the first one. EFAULT: it can be read
 * again.
 */
static ssize_t vevent_read(struct file *file, char __user *buffer,
			   size_t length, loff_t *pos)
{
	struct vevent_queue *queue = file->private_data;
	struct vevent marker, *event;
	size_t done = 0;

	if (length < sizeof(event->header))
		return -EINVAL;
	while ((event = read_begin(queue, length - done, &marker))) {
		if (IS_ERR(event))
			return done ?: PTR_ERR(event);
		if (!copy_event(buffer + done, event)) {
			read_undo(queue, event, &marker);
			return done ?: -EFAULT;
		}
		done += sizeof(event->header) + event->length;
		if (event != &marker)
			kfree(event);
		cond_resched();
	}
	return done;
}

static __poll_t vevent_poll(struct file *file, poll_table *table)
{
	struct vevent_queue *queue = file->private_data;
	__poll_t events = 0;

	poll_wait(file, &queue->wait, table);
	spin_lock(&queue->lock);
	if (!list_empty(&queue->events) || queue->lost)
		events = EPOLLIN | EPOLLRDNORM;
	spin_unlock(&queue->lock);
	return events;
}

static int vevent_release(struct inode *inode, struct file *file)
{
	struct vevent_queue *queue = file->private_data;
	struct iommufd_ctx *ctx = queue->ctx;

	object_put(ctx, &queue->obj);
	context_put(ctx);
	return 0;
}

static const struct file_operations vevent_fops = {
	.owner = THIS_MODULE,
	.read = vevent_read,
	.poll = vevent_poll,
	.release = vevent_release,
};

/*
 * The object ------------------------------------------------------------------
 */

static void vevent_queue_destroy(struct iommufd_ctx *ctx, struct object *obj)
{
	struct vevent_queue *queue = queue_of(obj);
	struct vevent *event, *next;

	down_write(&queue->viommu->veventqs_rwsem);
	list_del(&queue->link);
	up_write(&queue->viommu->veventqs_rwsem);
	list_for_each_entry_safe(event, next, &queue->events, link)
		kfree(event);
	mem_cgroup_put(queue->memcg);
	object_put(ctx, queue->owner);
}

static const struct object_kind vevent_queue_kind = {
	.type = OBJECT_VEVENT_QUEUE,
	.name = "virtual event queue",
	.destroy = vevent_queue_destroy,
};

/* Events come from now on. */
static int queue_add(struct iommufd_viommu *viommu, struct vevent_queue *queue)
{
	int rc = -EEXIST;

	down_write(&viommu->veventqs_rwsem);
	if (!queue_find(viommu, queue->type)) {
		list_add_tail(&queue->link, &viommu->veventqs);
		rc = 0;
	}
	up_write(&viommu->veventqs_rwsem);
	return rc;
}

/**
 * iommufd_vevent_queue_alloc - a new queue of events
 * @viommu: of this vIOMMU
 * @owner: the vIOMMU as an object, on which the caller has a reference
 * @type: of the events
 * @depth: how many it holds, from 1 to VEVENT_DEPTH_MAX
 *
 * Return: the queue, for iommufd_vevent_queue_open() or iommufd_object_abort(); or
 * ERR_PTR of -EEXIST, -ENOMEM, -EBUSY.
 */
struct object *iommufd_vevent_queue_alloc(struct iommufd_viommu *viommu,
					  struct object *owner, u32 type,
					  u32 depth)
{
	struct vevent_queue *queue = kzalloc(sizeof(*queue), GFP_KERNEL_ACCOUNT);
	struct iommufd_ctx *ctx = viommu->ictx;
	int rc;

	if (!queue)
		return ERR_PTR(-ENOMEM);
	INIT_LIST_HEAD(&queue->link);
	queue->ctx = ctx;
	queue->viommu = viommu;
	queue->owner = owner;
	queue->type = type;
	queue->depth = depth;
	spin_lock_init(&queue->lock);
	INIT_LIST_HEAD(&queue->events);
	init_waitqueue_head(&queue->wait);
	rc = iommufd_object_init(ctx, &queue->obj, &vevent_queue_kind);
	if (rc) {
		kfree(queue);
		return ERR_PTR(rc);
	}
	object_hold(owner);
	queue->memcg = get_mem_cgroup_from_mm(current->mm);
	if (!queue_add(viommu, queue))
		return &queue->obj;
	iommufd_object_abort(ctx, &queue->obj);
	return ERR_PTR(iommufd_reason_note(ctx, -EEXIST,
					   "vIOMMU %u has a queue of events of type %#x already",
					   owner->id, type));
}

/**
 * iommufd_vevent_queue_open - the file of a new queue
 * @ctx: the context
 * @obj: the queue
 *
 * Return: the file, or an ERR_PTR.
 */
struct file *iommufd_vevent_queue_open(struct iommufd_ctx *ctx,
				       struct object *obj)
{
	return iommufd_object_open(ctx, obj, "[iommufd-viommu-events]",
				   &vevent_fops, O_RDONLY);
}

/**
 * iommufd_vevent_queue_owner - whose events are they?
 * @obj: a queue
 *
 * Return: the vIOMMU.
 */
const struct object *iommufd_vevent_queue_owner(struct object *obj)
{
	return queue_of(obj)->owner;
}
