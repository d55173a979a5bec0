// SPDX-License-Identifier: GPL-2.0-only
/*
 * Page requests.
 *
 * A device that finds a page missing asks for it, in groups of requests, and waits. The
 * IOMMU core hands each group that is complete to fault_handle(), which finds out which
 * attachment it comes from and puts it into the queue of the page table. User space
 * reads it, makes the pages present and writes an answer, by the cookie of the group.
 *
 * The rule is that every group is answered exactly once, and in time: by user space;
 * when the attachment that it comes from ends; when the file of the queue is closed; or
 * at once, if nobody can answer. By itself the module says "invalid", or "success" to
 * make a device that is now attached elsewhere try again; "failure" would disable page
 * requests for the whole device, with the PASIDs of others.
 *
 * Whoever takes a request out of the table, under the queue's lock, answers it, under
 * queue->answering. So when an attachment has taken out all of its requests, and has
 * held that mutex, nobody is still answering for a device that is being detached. No
 * lock is held while user memory is touched: a page that never comes (userfaultfd)
 * blocks only the reader.
 *
 * Order: queue->answering, then queue->lock, sources->lock, which are leaves, or the
 * locks of the IOMMU core.
 */
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/hashtable.h>
#include <linux/iommu.h>
#include <linux/memcontrol.h>
#include <linux/pci.h>
#include <linux/poll.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <uapi/linux/iommufd.h>

#include "compat.h"
#include "report/fault.h"
#include "report/handle.h"
#include "report/source.h"
#include "report/trace.h"

/* Requests (single pages) that a queue holds. Any more are refused. */
#define QUEUE_PAGES_MAX		8192

/**
 * struct request - one group of page requests
 * @cookies: in fault_queue.requests until it is taken out to be answered
 * @unread: in fault_queue.unread; empty once user space has been told
 * @group: the IOMMU core's part of it, which has the pages
 * @source: the attachment that it comes from; only compared, never dereferenced
 * @origin: what all of its pages have in common, the cookie included
 * @nr: number of pages that user space reads; the group may have others
 */
struct request {
	struct hlist_node cookies;
	struct list_head unread;
	struct iopf_group *group;
	const struct source *source;
	struct iommu_hwpt_pgfault origin;
	unsigned int nr;
};

/**
 * struct fault_queue - requests and answers
 * @obj: in the ID table; page tables and the open file hold references
 * @ctx: the context; referenced by the file
 * @answering: held from taking requests out until they have been answered
 * @lock: protects the rest
 * @requests: all of them, by cookie
 * @unread: those that user space has not read, in the order in which they came
 * @last_cookie: the last that was given out
 * @nr_pages: of the groups of all requests
 * @closed: the file has been closed
 * @memcg: pays for requests, which arrive in kernel threads: that of the queue's
 *	maker; referenced
 * @wait: for readers
 */
struct fault_queue {
	struct object obj;
	struct iommufd_ctx *ctx;
	struct mutex answering;
	spinlock_t lock;
	DECLARE_HASHTABLE(requests, 8);
	struct list_head unread;
	u32 last_cookie;
	unsigned int nr_pages;
	bool closed;
	struct mem_cgroup *memcg;
	wait_queue_head_t wait;
};

/*
 * From the device -------------------------------------------------------------
 */

/*
 * The attachment that a group comes from, or NULL; @page->pasid is set to what
 * the user calls its PASID.
 */
static const struct source *find_source(struct sources *sources,
					const struct iopf_group *group,
					struct iommu_hwpt_pgfault *page)
{
	const struct iommu_fault_page_request *prm =
		&group->last_fault.fault.prm;
	bool has_pasid = prm->flags & IOMMU_FAULT_PAGE_REQUEST_PASID_VALID;
	bool any_pasid = has_pasid && sources->nested;
	u32 hw_pasid = has_pasid ? prm->pasid : IOMMU_NO_PASID;
	const struct source *source, *found = NULL;
	unsigned long flags;

	spin_lock_irqsave(&sources->lock, flags);
	list_for_each_entry(source, &sources->list, link) {
		if (source->dev != group->fault_param->dev)
			continue;
		if (source->hw_pasid == hw_pasid) {
			found = source;
			page->pasid = source->pasid;
			break;
		}
		/* The user's own table, indexed by the PASIDs as they are. */
		if (any_pasid && source->hw_pasid == IOMMU_NO_PASID) {
			found = source;
			page->pasid = prm->pasid;
		}
	}
	if (found)
		page->dev_id = found->dev_id;
	if (page->pasid)
		page->flags = IOMMU_PGFAULT_FLAGS_PASID_VALID;
	spin_unlock_irqrestore(&sources->lock, flags);
	return found;
}

static bool same_pasid(const struct iopf_fault *a, const struct iopf_fault *b)
{
	return !((a->fault.prm.flags ^ b->fault.prm.flags) &
		 IOMMU_FAULT_PAGE_REQUEST_PASID_VALID) &&
	       a->fault.prm.pasid == b->fault.prm.pasid;
}

/*
 * What the device asks for: in @page, the first page after @fault (NULL: of all). The core
 * puts requests with the same group number together, even from different PASIDs: the
 * pages of others are left out. NULL if there is none.
 */
static const struct iopf_fault *request_page(const struct request *request,
					     const struct iopf_fault *fault,
					     struct iommu_hwpt_pgfault *page)
{
	const struct iopf_group *group = request->group;
	const struct iommu_fault_page_request *prm;

	static_assert((int)IOMMU_PGFAULT_PERM_READ == IOMMU_FAULT_PERM_READ);
	static_assert((int)IOMMU_PGFAULT_PERM_WRITE == IOMMU_FAULT_PERM_WRITE);
	static_assert((int)IOMMU_PGFAULT_PERM_EXEC == IOMMU_FAULT_PERM_EXEC);
	static_assert((int)IOMMU_PGFAULT_PERM_PRIV == IOMMU_FAULT_PERM_PRIV);

	fault = list_prepare_entry(fault, &group->faults, list);
	list_for_each_entry_continue(fault, &group->faults, list) {
		if (!same_pasid(fault, &group->last_fault))
			continue;
		prm = &fault->fault.prm;
		*page = request->origin;
		if (prm->flags & IOMMU_FAULT_PAGE_REQUEST_LAST_PAGE)
			page->flags |= IOMMU_PGFAULT_FLAGS_LAST_PAGE;
		page->grpid = prm->grpid;
		page->perm = prm->perm;
		page->addr = prm->addr;
		return fault;
	}
	return NULL;
}

/*
 * Who detaches a device waits for it, and the IOMMU's other users for the thread that
 * brings it: it is refused rather than waited for. Even a short reclaim may have to sleep
 * as long as the queue's maker likes, by his cgroup's memory.high. A cgroup may be full of
 * what can be reclaimed: then nobody is charged, as for the group itself.
 */
static struct request *request_alloc(const struct fault_queue *queue)
{
	struct mem_cgroup *before = set_active_memcg(queue->memcg);
	struct request *request;

	request = kzalloc(sizeof(*request),
			  GFP_NOWAIT | __GFP_ACCOUNT | __GFP_NOWARN);
	set_active_memcg(before);
	return request ?: kzalloc(sizeof(*request), GFP_NOWAIT | __GFP_NOWARN);
}

/* NULL if the request cannot be handled. */
static struct request *request_new(struct iopf_group *group,
				   struct sources *sources)
{
	struct iommu_hwpt_pgfault origin = {}, page;
	const struct iopf_fault *fault = NULL;
	const struct source *source;
	struct request *request;

	source = find_source(sources, group, &origin);
	if (!source || group->fault_count > QUEUE_PAGES_MAX)
		return NULL;
	request = request_alloc(sources->faults);
	if (!request)
		return NULL;
	INIT_LIST_HEAD(&request->unread);
	request->group = group;
	request->source = source;
	request->origin = origin;
	while ((fault = request_page(request, fault, &page)))
		request->nr++;
	return request;
}

static struct request *request_find(struct fault_queue *queue, u32 cookie)
{
	struct request *request;

	lockdep_assert_held(&queue->lock);
	hash_for_each_possible(queue->requests, request, cookies, cookie)
		if (request->origin.cookie == cookie)
			return request;
	return NULL;
}

/* A cookie that a late answer to another request cannot hit. */
static void request_set_cookie(struct fault_queue *queue,
			       struct request *request)
{
	u32 cookie;

	do {
		cookie = ++queue->last_cookie;
	} while (!cookie || request_find(queue, cookie));
	request->origin.cookie = cookie;
}

/* Under the lock: from then on it may be answered at any time. */
static void request_trace(const struct fault_queue *queue,
			  const struct request *request)
{
	const char *device = dev_name(request->group->fault_param->dev);
	const struct iopf_fault *fault = NULL;
	struct iommu_hwpt_pgfault page;

	while ((fault = request_page(request, fault, &page)))
		trace_ioasid_page_request(queue->ctx->number, device,
					  page.pasid, page.addr, page.perm,
					  page.grpid, page.cookie);
}

static bool request_queue(struct fault_queue *queue, struct request *request)
{
	size_t pages = request->group->fault_count;
	bool queued = false;

	spin_lock(&queue->lock);
	if (!queue->closed && queue->nr_pages + pages <= QUEUE_PAGES_MAX) {
		request_set_cookie(queue, request);
		hash_add(queue->requests, &request->cookies,
			 request->origin.cookie);
		list_add_tail(&request->unread, &queue->unread);
		queue->nr_pages += pages;
		if (trace_ioasid_page_request_enabled())
			request_trace(queue, request);
		queued = true;
	}
	spin_unlock(&queue->lock);
	if (queued)
		wake_up_interruptible(&queue->wait);
	return queued;
}

static void answer(u32 context, struct iopf_group *group, u32 cookie,
		   enum iommu_page_response_code code)
{
	trace_ioasid_page_answer(context, dev_name(group->fault_param->dev),
				 group->last_fault.fault.prm.grpid, cookie,
				 code);
	iopf_group_response(group, code);
	/* Who detaches the device may wait until the core's references are gone. */
	iopf_free_group(group);
}

/* Whether it has been queued; @sources may be NULL. */
static bool queue_group(struct iopf_group *group, struct sources *sources)
{
	struct request *request;

	if (!sources || !sources->faults)
		return false;
	request = request_new(group, sources);
	if (!request)
		return false;
	if (request_queue(sources->faults, request))
		return true;
	kfree(request);
	return false;
}

/*
 * Called by the IOMMU core, in process context, maybe when the device has been detached
 * already, see handle.c.
 */
static int fault_handle(struct iopf_group *group)
{
	int token = iommufd_handle_read_lock();
	struct sources *sources = iommufd_handle_sources(group->attach_handle);
	u32 context = sources ? sources->ctx->number : 0;

	/* The core may forget it: we answer in any case. */
	iopf_group_dequeue(group);
	if (!queue_group(group, sources))
		answer(context, group, 0, IOMMU_PAGE_RESP_INVALID);
	iommufd_handle_read_unlock(token);
	return 0;
}

/**
 * iommufd_fault_connect - handle the page requests that a domain gets
 * @domain: a domain without devices, which are attached with a struct source_handle.
 *	Requests go to the queue of its sources; without a queue, or from an unknown
 *	device, they are answered as invalid
 */
void iommufd_fault_connect(struct iommu_domain *domain)
{
	domain->iopf_handler = fault_handle;
}

/*
 * Answers ---------------------------------------------------------------------
 */

/* The caller answers the request. */
static void request_take_out(struct fault_queue *queue, struct request *request)
{
	lockdep_assert_held(&queue->answering);
	lockdep_assert_held(&queue->lock);
	hash_del(&request->cookies);
	list_del_init(&request->unread);
	queue->nr_pages -= request->group->fault_count;
}

/* All requests, or those from one attachment. */
static void answer_all(struct fault_queue *queue, const struct source *source,
		       enum iommu_page_response_code code)
{
	struct request *request;
	struct hlist_node *next;
	HLIST_HEAD(taken);
	int bucket;

	mutex_lock(&queue->answering);
	spin_lock(&queue->lock);
	hash_for_each_safe(queue->requests, bucket, next, request, cookies) {
		if (source && request->source != source)
			continue;
		request_take_out(queue, request);
		hlist_add_head(&request->cookies, &taken);
	}
	spin_unlock(&queue->lock);

	hlist_for_each_entry_safe(request, next, &taken, cookies) {
		answer(queue->ctx->number, request->group, request->origin.cookie,
		       code);
		kfree(request);
	}
	mutex_unlock(&queue->answering);
}

/**
 * iommufd_fault_answer_all - answer all requests of an attachment that ends
 * @queue: where they are
 * @source: the attachment, which no request finds any more
 * @retry: the device is attached elsewhere now: let it try again there. Otherwise
 *	the requests are refused.
 *
 * When this returns, nobody is still answering for the device.
 */
void iommufd_fault_answer_all(struct fault_queue *queue,
			      const struct source *source, bool retry)
{
	answer_all(queue, source, retry ? IOMMU_PAGE_RESP_SUCCESS :
					  IOMMU_PAGE_RESP_INVALID);
}

static int answer_one(struct fault_queue *queue,
		      const struct iommu_hwpt_page_response *response)
{
	struct request *request;
	int rc = -EINVAL;

	static_assert((int)IOMMUFD_PAGE_RESP_SUCCESS ==
		      (int)IOMMU_PAGE_RESP_SUCCESS);
	static_assert((int)IOMMUFD_PAGE_RESP_INVALID ==
		      (int)IOMMU_PAGE_RESP_INVALID);
	if (response->code != IOMMUFD_PAGE_RESP_SUCCESS &&
	    response->code != IOMMUFD_PAGE_RESP_INVALID)
		return -EINVAL;

	mutex_lock(&queue->answering);
	spin_lock(&queue->lock);
	request = request_find(queue, response->cookie);
	/* The cookie of a request that has not been read is a guess. */
	if (request && !list_empty(&request->unread))
		request = NULL;
	if (request)
		request_take_out(queue, request);
	spin_unlock(&queue->lock);
	if (request) {
		answer(queue->ctx->number, request->group, request->origin.cookie,
		       response->code);
		kfree(request);
		rc = 0;
	}
	mutex_unlock(&queue->answering);
	return rc;
}

/*
 * The file --------------------------------------------------------------------
 */

/**
 * struct copy - the pages of one request, for a reader
 * @pages: when user space can answer a request, its group may go at any time
 * @nr: so many there are
 * @room: so many fit
 * @few: for most requests, which need no other memory then
 */
struct copy {
	struct iommu_hwpt_pgfault *pages;
	unsigned int nr;
	unsigned int room;
	struct iommu_hwpt_pgfault few[8];
};

static void copy_free(struct copy *copy)
{
	if (copy->pages != copy->few)
		kvfree(copy->pages);
}

static void copy_request(struct copy *copy, const struct request *request)
{
	const struct iopf_fault *fault = NULL;
	unsigned int i;

	for (i = 0; i < request->nr; i++)
		fault = request_page(request, fault, &copy->pages[i]);
}

/*
 * The next request that user space has not read, which it can answer from now on; @copy->nr
 * is 0 if there is none. EINVAL: it is larger than @room pages. ENOSPC: than the copy.
 */
static int read_begin(struct fault_queue *queue, size_t room, struct copy *copy)
{
	struct request *request;
	int rc = 0;

	spin_lock(&queue->lock);
	request = list_first_entry_or_null(&queue->unread, struct request,
					   unread);
	copy->nr = request ? request->nr : 0;
	if (copy->nr > room) {
		rc = -EINVAL;
	} else if (copy->nr > copy->room) {
		rc = -ENOSPC;
	} else if (request) {
		copy_request(copy, request);
		list_del_init(&request->unread);
	}
	spin_unlock(&queue->lock);
	return rc;
}

/* The same, with a copy that is large enough. ENOMEM. */
static int read_next(struct fault_queue *queue, size_t room, struct copy *copy)
{
	int rc;

	while ((rc = read_begin(queue, room, copy)) == -ENOSPC) {
		copy_free(copy);
		copy->pages = kvmalloc_array(copy->nr, sizeof(copy->pages[0]),
					     GFP_KERNEL_ACCOUNT);
		copy->room = copy->pages ? copy->nr : 0;
		if (!copy->pages)
			return -ENOMEM;
	}
	return rc;
}

/* In their order, by the cookies, which wrap: another reader may have put a later one back. */
static void put_back(struct fault_queue *queue, struct request *request)
{
	struct request *other;

	lockdep_assert_held(&queue->lock);
	list_for_each_entry(other, &queue->unread, unread)
		if ((s32)(request->origin.cookie - other->origin.cookie) < 0)
			break;
	list_add_tail(&request->unread, &other->unread);
}

/*
 * It could not be copied to user space: make it unread again, unless it has been
 * answered meanwhile.
 */
static void read_undo(struct fault_queue *queue, u32 cookie)
{
	struct request *request;

	spin_lock(&queue->lock);
	request = request_find(queue, cookie);
	if (request && list_empty(&request->unread))
		put_back(queue, request);
	spin_unlock(&queue->lock);
	wake_up_interruptible(&queue->wait);
}

/*
 * Reads as many whole groups as fit. 0 if there is none: as with the kernel's own
 * iommufd, it never blocks. ESPIPE: not a multiple of the size of a request. EINVAL: no
 * room for the first group. ENOMEM, EFAULT: the group can be read again.
 */
static ssize_t fault_read(struct file *file, char __user *buffer, size_t length,
			  loff_t *pos)
{
	const size_t size = sizeof(struct iommu_hwpt_pgfault);
	struct fault_queue *queue = file->private_data;
	struct copy copy = {
		.pages = copy.few,
		.room = ARRAY_SIZE(copy.few),
	};
	size_t done = 0;
	int rc;

	if (length % size)
		return -ESPIPE;
	while (!(rc = read_next(queue, (length - done) / size, &copy)) &&
	       copy.nr) {
		if (copy_to_user(buffer + done, copy.pages, copy.nr * size)) {
			read_undo(queue, copy.pages[0].cookie);
			rc = -EFAULT;
			break;
		}
		done += copy.nr * size;
	}
	copy_free(&copy);
	return done ?: rc;
}

/*
 * Takes an array of answers, up to the first that is wrong, and returns how many bytes
 * were handled. If the first one is wrong, EINVAL: an unknown code, or a request that
 * was never read or has been answered already, maybe because its device was detached.
 * ESPIPE: not a multiple of the size of an answer.
 */
static ssize_t fault_write(struct file *file, const char __user *buffer,
			   size_t length, loff_t *pos)
{
	struct fault_queue *queue = file->private_data;
	struct iommu_hwpt_page_response response;
	size_t done;
	int rc = 0;

	if (length % sizeof(response))
		return -ESPIPE;
	for (done = 0; done < length; done += sizeof(response)) {
		rc = -EFAULT;
		if (copy_from_user(&response, buffer + done, sizeof(response)))
			break;
		rc = answer_one(queue, &response);
		if (rc)
			break;
		cond_resched();
	}
	return done ?: rc;
}

static __poll_t fault_poll(struct file *file, poll_table *table)
{
	struct fault_queue *queue = file->private_data;
	__poll_t events = EPOLLOUT;

	poll_wait(file, &queue->wait, table);
	spin_lock(&queue->lock);
	if (!list_empty(&queue->unread))
		events |= EPOLLIN | EPOLLRDNORM;
	spin_unlock(&queue->lock);
	return events;
}

static int fault_release(struct inode *inode, struct file *file)
{
	struct fault_queue *queue = file->private_data;
	struct iommufd_ctx *ctx = queue->ctx;

	spin_lock(&queue->lock);
	queue->closed = true;
	spin_unlock(&queue->lock);
	answer_all(queue, NULL, IOMMU_PAGE_RESP_INVALID);
	object_put(ctx, &queue->obj);
	context_put(ctx);
	return 0;
}

static const struct file_operations fault_fops = {
	.owner = THIS_MODULE,
	.read = fault_read,
	.write = fault_write,
	.poll = fault_poll,
	.release = fault_release,
};

/*
 * The object ------------------------------------------------------------------
 */

static struct fault_queue *queue_of(struct object *obj)
{
	return container_of(obj, struct fault_queue, obj);
}

static void fault_queue_destroy(struct iommufd_ctx *ctx, struct object *obj)
{
	struct fault_queue *queue = queue_of(obj);

	WARN_ON(!hash_empty(queue->requests));
	mem_cgroup_put(queue->memcg);
	mutex_destroy(&queue->answering);
}

static const struct object_kind fault_queue_kind = {
	.type = OBJECT_FAULT_QUEUE,
	.name = "fault queue",
	.destroy = fault_queue_destroy,
};

/**
 * iommufd_fault_queue_get - find a queue, for a page table
 * @ctx: the context
 * @id: its ID
 *
 * Return: the queue, which cannot be destroyed until iommufd_fault_queue_put(), or NULL.
 */
struct fault_queue *iommufd_fault_queue_get(struct iommufd_ctx *ctx, u32 id)
{
	struct object *obj = iommufd_object_get(ctx, id, OBJECT_FAULT_QUEUE);

	return obj ? queue_of(obj) : NULL;
}

/**
 * iommufd_fault_queue_put - the opposite of iommufd_fault_queue_get()
 * @ctx: the context
 * @queue: a queue without requests of the caller's page table
 */
void iommufd_fault_queue_put(struct iommufd_ctx *ctx, struct fault_queue *queue)
{
	object_put(ctx, &queue->obj);
}

/**
 * iommufd_fault_queue_alloc - a new queue of page requests
 * @ctx: the context
 *
 * Return: the queue, for iommufd_fault_queue_open() or iommufd_object_abort(); or
 * ERR_PTR of -ENOMEM, -EBUSY.
 */
struct object *iommufd_fault_queue_alloc(struct iommufd_ctx *ctx)
{
	struct fault_queue *queue = kzalloc(sizeof(*queue), GFP_KERNEL_ACCOUNT);
	int rc;

	if (!queue)
		return ERR_PTR(-ENOMEM);
	rc = iommufd_object_init(ctx, &queue->obj, &fault_queue_kind);
	if (rc) {
		kfree(queue);
		return ERR_PTR(rc);
	}
	queue->ctx = ctx;
	queue->memcg = get_mem_cgroup_from_mm(current->mm);
	mutex_init(&queue->answering);
	spin_lock_init(&queue->lock);
	hash_init(queue->requests);
	INIT_LIST_HEAD(&queue->unread);
	init_waitqueue_head(&queue->wait);
	return &queue->obj;
}

/**
 * iommufd_fault_queue_open - the file of a new queue
 * @ctx: the context
 * @obj: the queue
 *
 * Return: the file, or an ERR_PTR.
 */
struct file *iommufd_fault_queue_open(struct iommufd_ctx *ctx,
				      struct object *obj)
{
	return iommufd_object_open(ctx, obj, "[iommufd-faults]", &fault_fops,
				   O_RDWR);
}
