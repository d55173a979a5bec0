// SPDX-License-Identifier: GPL-2.0-only
/*
 * How a DMA fault is reported: at once, where detaching waits for it; or as AMD-Vi
 * does, from a thread of its own that has looked up the domain and its handler, and
 * takes no lock against anybody who detaches the device or frees the domain. The time
 * between the two, which may be long for want of a CPU, can be chosen.
 *
 * The memory of the domain and of the device stays until then: what goes wrong in
 * a handler that runs late is the handler's fault.
 *
 * Page requests likewise: the thread does what the core does for one that is reported,
 * with a pause between looking up the attachment and calling its handler.
 */
#include <linux/iommu.h>
#include <linux/slab.h>
#include <linux/wait_bit.h>
#include <linux/workqueue.h>

#include "domain.h"
#include "endpoint.h"
#include "kernel.h"
#include "report.h"

/**
 * struct report - a fault that is to be reported
 * @work: which does it
 * @endpoint: whose it is; counted in its @telling
 * @domain: held, see domain_hold()
 * @handler: of the domain, when the fault came
 * @token: likewise
 * @iova: of the fault
 * @flags: IOMMU_FAULT_*
 */
struct report {
	struct delayed_work work;
	struct iosim_endpoint *endpoint;
	struct iommu_domain *domain;
	iommu_fault_handler_t handler;
	void *token;
	u64 iova;
	int flags;
};

static struct workqueue_struct *reporters;

/**
 * report_init - prepare for reports
 *
 * Return: 0 or -ENOMEM.
 */
int report_init(void)
{
	reporters = alloc_workqueue("iosim-faults", WQ_UNBOUND, 0);
	return reporters ? 0 : -ENOMEM;
}

/**
 * report_exit - undo report_init()
 */
void report_exit(void)
{
	destroy_workqueue(reporters);
}

/* A late report has been made: who removes the device may be waiting. */
static void told(struct iosim_endpoint *endpoint)
{
	endpoint_count(endpoint, IOSIM_LATE_REPORTS, 1);
	if (atomic_dec_and_test(&endpoint->telling))
		wake_up_var(&endpoint->telling);
}

static void report_fn(struct work_struct *work)
{
	struct report *report = container_of(to_delayed_work(work),
					     struct report, work);
	struct iosim_endpoint *endpoint = report->endpoint;

	report->handler(report->domain, endpoint->dev, report->iova,
			report->flags, report->token);
	domain_drop(report->domain);
	kfree(report);
	told(endpoint);
}

static void report_late(struct iosim_endpoint *endpoint,
			struct iommu_domain *domain, u64 iova, int flags)
{
	struct report *report;

	if (!domain->handler)
		return;
	report = kmalloc(sizeof(*report), GFP_KERNEL);
	if (!report)
		return;
	*report = (struct report){
		.endpoint = endpoint,
		.domain = domain,
		.handler = domain->handler,
		.token = domain->handler_token,
		.iova = iova,
		.flags = flags,
	};
	domain_hold(domain);
	atomic_inc(&endpoint->telling);
	INIT_DELAYED_WORK(&report->work, report_fn);
	queue_delayed_work(reporters, &report->work,
			   msecs_to_jiffies(endpoint->fault_thread));
}

/**
 * report_fault - tell whoever is attached of a DMA fault
 * @endpoint: whose it is; its gate is held
 * @domain: what the DMA went by
 * @iova: where
 * @write: it was a write
 */
void report_fault(struct iosim_endpoint *endpoint, struct iommu_domain *domain,
		  u64 iova, bool write)
{
	int flags = write ? IOMMU_FAULT_WRITE : IOMMU_FAULT_READ;

	if (endpoint->fault_thread)
		report_late(endpoint, domain, iova, flags);
	else
		report_iommu_fault(domain, endpoint->dev, iova, flags);
}

/**
 * struct late_request - a page request that is to be reported
 * @work: which does it
 * @endpoint: whose it is; counted in its @telling
 * @group: what the handler is given
 */
struct late_request {
	struct delayed_work work;
	struct iosim_endpoint *endpoint;
	struct iopf_group *group;
};

static void request_fn(struct work_struct *work)
{
	struct late_request *late = container_of(to_delayed_work(work),
						 struct late_request, work);
	struct iosim_endpoint *endpoint = late->endpoint;
	struct iopf_group *group = late->group;

	if (group->attach_handle->domain->iopf_handler(group)) {
		iopf_group_response(group, IOMMU_PAGE_RESP_FAILURE);
		iopf_free_group(group);
	}
	kfree(late);
	told(endpoint);
}

/* With a handle that only the look-up has made sure of; NULL: nobody is to be asked. */
static struct iopf_group *find_group(struct iosim_endpoint *endpoint,
				     const struct iopf_fault *fault)
{
	const struct iommu_fault_page_request *prm = &fault->fault.prm;
	struct device *dev = endpoint->dev;
	struct iommu_attach_handle *handle;
	struct iopf_group *group;

	handle = iommu_attach_handle_get(dev->iommu_group, prm->flags &
					 IOMMU_FAULT_PAGE_REQUEST_PASID_VALID ?
					 prm->pasid : IOMMU_NO_PASID, 0);
	if (IS_ERR(handle) || !handle->domain->iopf_handler)
		return NULL;
	group = kzalloc(sizeof(*group), GFP_KERNEL);
	if (!group)
		return NULL;
	group->attach_handle = handle;
	group->fault_param = rcu_dereference_protected(dev->iommu->fault_param,
						       true);
	if (!group->fault_param) {
		kfree(group);
		return NULL;
	}
	refcount_inc(&group->fault_param->users);
	group->last_fault.fault = fault->fault;
	group->fault_count = 1;
	INIT_LIST_HEAD(&group->faults);
	list_add(&group->last_fault.list, &group->faults);
	INIT_LIST_HEAD(&group->pending_node);
	return group;
}

/**
 * report_request - ask for a page, from the thread
 * @endpoint: whose it is; its gate is held
 * @fault: the request
 */
void report_request(struct iosim_endpoint *endpoint,
		    const struct iopf_fault *fault)
{
	struct late_request *late = kmalloc(sizeof(*late), GFP_KERNEL);

	if (!late)
		return;
	late->endpoint = endpoint;
	late->group = find_group(endpoint, fault);
	if (!late->group) {
		kfree(late);
		return;
	}
	atomic_inc(&endpoint->telling);
	INIT_DELAYED_WORK(&late->work, request_fn);
	queue_delayed_work(reporters, &late->work,
			   msecs_to_jiffies(endpoint->fault_thread));
}

/**
 * report_wait - wait for all reports of a device
 * @endpoint: the device, which does no DMA any more
 */
void report_wait(struct iosim_endpoint *endpoint)
{
	wait_var_event(&endpoint->telling, !atomic_read(&endpoint->telling));
}
