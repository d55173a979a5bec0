// SPDX-License-Identifier: GPL-2.0-only
/*
 * Page requests.
 *
 * A device that misses pages asks for them, several as a group, waits for one
 * answer, and tries again. It drops what it had cached of the pages, so adding
 * permissions to a page takes no invalidation.
 *
 * The core finds out whom to ask by the attach handle of the device's group. A
 * replacement changes the handle only after attach_dev(), under the mutex of the
 * group; a request must not use the new domain with the old handle, which may be
 * gone before the request is done. So the device waits until the mutex has been
 * free once, and then checks whether it is still attached to the same domain.
 */
#include <linux/iommu.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "access.h"
#include "endpoint.h"
#include "pci.h"
#include "prq.h"
#include "report.h"
#include "table.h"

/**
 * struct request - a group of page requests
 * @link: in endpoint->requests
 * @group: its number
 * @nr_pages: how many
 * @pages: the IOVAs
 * @nested: a first stage translates them
 * @code: the answer
 * @answered: there is one
 */
struct request {
	struct list_head link;
	u32 group;
	u32 nr_pages;
	u64 *pages;
	bool nested;
	u32 code;
	bool answered;
};

static struct iopf_queue *queue;

/**
 * prq_init - prepare for page requests
 *
 * Return: 0 or -ENOMEM.
 */
int prq_init(void)
{
	queue = iopf_queue_alloc("iosim");
	return queue ? 0 : -ENOMEM;
}

/**
 * prq_exit - undo prq_init()
 */
void prq_exit(void)
{
	iopf_queue_free(queue);
}

static void set_enabled(struct iosim_endpoint *endpoint, bool enabled)
{
	down_write(&endpoint->gate);
	endpoint->iopf = enabled;
	up_write(&endpoint->gate);
}

static bool rid_is_attached(struct iosim_endpoint *endpoint)
{
	bool attached;

	spin_lock_irq(&endpoint->lock);
	attached = endpoint->rid;
	spin_unlock_irq(&endpoint->lock);
	return attached;
}

/**
 * prq_enable - let a device make page requests
 * @dev: the device
 *
 * Return: 0, -ENODEV if it cannot, -EBUSY if they are enabled, or it has not stopped since
 * they were, -ENOMEM.
 */
int prq_enable(struct device *dev)
{
	struct iosim_endpoint *endpoint = endpoint_of(dev);
	int rc;

	if (!endpoint->pri || (quirks_has(endpoint->quirks, IOSIM_PRI_ATTACHED) &&
			       !rid_is_attached(endpoint)))
		return -ENODEV;
	rc = iopf_queue_add_device(queue, dev);
	if (rc)
		return rc;
	/* As late as VT-d's driver asks the device. */
	if (quirks_pri_busy(endpoint->quirks)) {
		iopf_queue_remove_device(queue, dev);
		return -EBUSY;
	}
	pci_requests(endpoint, true);
	set_enabled(endpoint, true);
	return 0;
}

/**
 * prq_stop - let a device make no page requests any more
 * @dev: the device
 *
 * Those that it has made are still being reported. prq_disable() has to follow.
 *
 * Return: 0 or -EINVAL if they are not enabled.
 */
int prq_stop(struct device *dev)
{
	struct iosim_endpoint *endpoint = endpoint_of(dev);

	if (!endpoint->iopf)
		return -EINVAL;
	set_enabled(endpoint, false);
	pci_requests(endpoint, false);
	return 0;
}

/**
 * prq_disable - undo prq_enable(), after prq_stop()
 * @dev: the device
 *
 * Requests that are waiting fail.
 */
void prq_disable(struct device *dev)
{
	iopf_queue_remove_device(queue, dev);
}

/**
 * prq_possible - whether a page may be had on request
 * @endpoint: the device; its gate is held
 * @out: what has become of its DMA
 *
 * Return: true if somebody is there to ask, who can do something about it.
 */
bool prq_possible(const struct iosim_endpoint *endpoint,
		  const struct outcome *out)
{
	return endpoint->iopf && out->at && out->at->domain->iopf_handler &&
	       (out->reason == IOSIM_REASON_NOT_PRESENT ||
		out->reason == IOSIM_REASON_PERMISSION);
}

static int nothing(struct device *dev, void *data)
{
	return 0;
}

/* Wait for who attaches or detaches right now. */
static void pass_group(struct iosim_endpoint *endpoint)
{
	struct iommu_group *group = iommu_group_get(endpoint->dev);

	if (!group)
		return;
	iommu_group_for_each_dev(group, NULL, nothing);
	iommu_group_put(group);
}

/* The last IOVA: there is nothing behind the end of 64 bits. */
static u64 access_last(const struct iosim_access *access)
{
	u64 more = min(access->length - 1, U64_MAX - access->iova);

	return access->iova + more;
}

/*
 * Find out which pages are missing, from @iova. Of an access with data it is the
 * one that it has come to. No more are looked for when there are too many already.
 * Return: false if the device is not attached to the same any more.
 */
static bool find_missing(struct iosim_endpoint *endpoint,
			 const struct iosim_access *access, u64 iova,
			 u64 serial, struct request *request)
{
	u64 last = access->buffer ? iova : access_last(access);
	struct outcome out;

	for (iova &= ~(TABLE_SIZE - 1); request->nr_pages <= endpoint->prq_size;
	     iova += TABLE_SIZE) {
		access_piece(endpoint, access, iova, 0, NULL, &out);
		if (!out.at || out.serial != serial || access_aborted(access))
			return false;
		request->nested = out.at->nested;
		if (prq_possible(endpoint, &out))
			request->pages[request->nr_pages++] = iova;
		else if (out.reason)
			break;
		if (last - iova < TABLE_SIZE)
			break;
		cond_resched();
	}
	return request->nr_pages;
}

/* Let the request wait for its answer, unless there are too many. */
static bool enter(struct iosim_endpoint *endpoint, u32 tag,
		  struct request *request)
{
	u64 mask = request->nested ? TABLE_ADDR_MAX : U64_MAX, page;
	bool fits;
	u32 i;

	spin_lock_irq(&endpoint->lock);
	fits = endpoint->nr_waiting + request->nr_pages <= endpoint->prq_size;
	if (fits) {
		endpoint->nr_waiting += request->nr_pages;
		request->group = ++endpoint->last_group;
		list_add_tail(&request->link, &endpoint->requests);
		for (i = 0; i < request->nr_pages; i++) {
			page = request->pages[i] & mask;
			iotlb_forget(&endpoint->iotlb, tag, page,
				     page + TABLE_SIZE - 1);
		}
	}
	spin_unlock_irq(&endpoint->lock);
	if (!fits)
		endpoint_count(endpoint, IOSIM_PAGE_REQUEST_OVERFLOWS,
			       request->nr_pages);
	return fits;
}

static void leave(struct iosim_endpoint *endpoint, struct request *request)
{
	spin_lock_irq(&endpoint->lock);
	list_del(&request->link);
	endpoint->nr_waiting -= request->nr_pages;
	spin_unlock_irq(&endpoint->lock);
}

/*
 * Report all pages of the group. If the core has no memory for one, it is left out,
 * and requested when the device comes to it; the last one is always answered.
 */
static void ask(struct iosim_endpoint *endpoint,
		const struct iosim_access *access, const struct request *request)
{
	struct iopf_fault fault = {
		.fault = {
			.type = IOMMU_FAULT_PAGE_REQ,
			.prm = {
				.grpid = request->group,
				.perm = access->write ? IOMMU_FAULT_PERM_WRITE :
							IOMMU_FAULT_PERM_READ,
			},
		},
	};
	struct iommu_fault_page_request *prm = &fault.fault.prm;
	u32 i;

	if (access->privileged)
		prm->perm |= IOMMU_FAULT_PERM_PRIV;
	if (access->pasid != IOSIM_NO_PASID) {
		prm->pasid = access->pasid;
		prm->flags = IOMMU_FAULT_PAGE_REQUEST_PASID_VALID |
			     IOMMU_FAULT_PAGE_RESPONSE_NEEDS_PASID;
	}
	/* From a thread only the last one: the device will come to the others. */
	for (i = endpoint->fault_thread ? request->nr_pages - 1 : 0;
	     i < request->nr_pages; i++) {
		prm->addr = request->pages[i];
		if (i == request->nr_pages - 1)
			prm->flags |= IOMMU_FAULT_PAGE_REQUEST_LAST_PAGE;
		if (endpoint->fault_thread)
			report_request(endpoint, &fault);
		else
			iommu_report_device_fault(endpoint->dev, &fault);
	}
	/* Who waits for the counter finds them in the queue. */
	endpoint_count(endpoint, IOSIM_PAGE_REQUESTS, request->nr_pages);
}

static u32 wait_for_answer(struct iosim_endpoint *endpoint,
			   const struct iosim_access *access,
			   struct request *request)
{
	u32 reason = 0;

	wait_event_idle(endpoint->answered, READ_ONCE(request->answered) ||
			access_aborted(access));
	leave(endpoint, request);
	if (!request->answered)
		reason = REASON_ABORTED;
	else if (request->code != IOMMU_PAGE_RESP_SUCCESS)
		reason = IOSIM_REASON_REQUEST_FAILED;
	return reason;
}

/* With the room for the addresses of the pages. */
static u32 request_pages(struct iosim_endpoint *endpoint,
			 const struct iosim_access *access, u64 iova,
			 u64 serial, u64 *pages)
{
	u32 tag = access->pasid == IOSIM_NO_PASID ? TAG_RID : access->pasid;
	struct request request = { .pages = pages };

	pass_group(endpoint);
	down_read(&endpoint->gate);
	if (!find_missing(endpoint, access, iova, serial, &request)) {
		up_read(&endpoint->gate);
		return 0;
	}
	if (!enter(endpoint, tag, &request)) {
		up_read(&endpoint->gate);
		return IOSIM_REASON_REQUEST_OVERFLOW;
	}
	ask(endpoint, access, &request);
	up_read(&endpoint->gate);
	return wait_for_answer(endpoint, access, &request);
}

/**
 * prq_request - request what is missing, and wait for it
 * @endpoint: the device
 * @access: its access
 * @iova: the address that faulted
 * @serial: of the attachment that it faulted by
 *
 * Return: 0 to try again, IOSIM_REASON_REQUEST_*, or REASON_ABORTED.
 */
u32 prq_request(struct iosim_endpoint *endpoint,
		const struct iosim_access *access, u64 iova, u64 serial)
{
	u64 *pages;
	u32 reason;

	pages = kmalloc_array(endpoint->prq_size + 1, sizeof(*pages),
			      GFP_KERNEL);
	if (!pages)
		return IOSIM_REASON_REQUEST_OVERFLOW;
	reason = request_pages(endpoint, access, iova, serial, pages);
	kfree(pages);
	return reason;
}

/**
 * prq_response - take the answer to a group of page requests
 * @dev: the device
 * @fault: the last page of the group
 * @response: the answer
 *
 * To a group that the device does not wait for any more: nothing happens.
 */
void prq_response(struct device *dev, struct iopf_fault *fault,
		  struct iommu_page_response *response)
{
	struct iosim_endpoint *endpoint = endpoint_of(dev);
	struct request *request;
	unsigned long flags;

	spin_lock_irqsave(&endpoint->lock, flags);
	list_for_each_entry(request, &endpoint->requests, link) {
		if (request->group != response->grpid || request->answered)
			continue;
		request->code = response->code;
		WRITE_ONCE(request->answered, true);
		endpoint_count(endpoint, IOSIM_PAGE_RESPONSES, 1);
		break;
	}
	wake_up_all(&endpoint->answered);
	spin_unlock_irqrestore(&endpoint->lock, flags);
}

/**
 * iosim_endpoint_kick - let accesses see that they are to be aborted
 * @endpoint: the device
 */
void iosim_endpoint_kick(struct iosim_endpoint *endpoint)
{
	wake_up_all(&endpoint->answered);
}
EXPORT_SYMBOL_GPL(iosim_endpoint_kick);
