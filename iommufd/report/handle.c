// SPDX-License-Identifier: GPL-2.0-only
/*
 * How the IOMMU core knows an attachment.
 *
 * Page requests come from a thread of the IOMMU driver. The core looks up the handle of
 * the attachment, allocates a group, and calls the handler of the handle's domain, without
 * a lock or a reference: it is up to the driver that whoever detaches the device waits for
 * that. VT-d's looks before the core has forgotten the attachment, or, in 7.x where the RID
 * is moved, when it has given up page requests already. So a handler may run when the
 * device has been detached and all that it was attached to is gone. It must find what it
 * looks at:
 *
 * - Handles are never freed, only used again, for a domain that has a handler if the one
 *   before had one. So the core always finds a handler, or never one.
 * - A handle that is in use names the real domain only as far as the core asks for it,
 *   see handle_hide() of compat.h, or its driver has registered; otherwise it names a
 *   domain of this file. Whoever has seen the real one reads its handler without sleeping:
 *   domain_settle() of compat.h.
 * - The handler reads where requests go from the handle, in an SRCU section. Who detaches
 *   has cleared it, and waits for the section before it answers what has been queued, and
 *   frees it.
 * - In a handle that is in use again, the handler finds an attachment that the device does
 *   not have, or has again.
 * - Once a driver has been able to call the handler, the module stays.
 */
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/srcu.h>

#include "compat.h"
#include "report/handle.h"

/* Protects the lists. */
static DEFINE_SPINLOCK(handles_lock);
static struct list_head idle[2] = {
	LIST_HEAD_INIT(idle[0]), LIST_HEAD_INIT(idle[1]),
};
DEFINE_STATIC_SRCU(handles_srcu);

/* In place of domains: without a handler and with one; not nested and nested. */
static struct iommu_domain hidden[2][2];

static struct iommu_domain *hidden_of(const struct iommu_domain *domain)
{
	struct iommu_domain *instead =
		&hidden[!!domain->iopf_handler]
		       [domain->type == IOMMU_DOMAIN_NESTED];

	/* All domains have the same handler. */
	if (domain->iopf_handler)
		WRITE_ONCE(instead->iopf_handler, domain->iopf_handler);
	return instead;
}

static struct list_head *idle_of(const struct iommu_domain *instead)
{
	return &idle[instead->iopf_handler != NULL];
}

static struct source_handle *take_idle(const struct iommu_domain *instead)
{
	struct source_handle *handle;

	spin_lock(&handles_lock);
	handle = list_first_entry_or_null(idle_of(instead),
					  struct source_handle, link);
	if (handle)
		list_del_init(&handle->link);
	spin_unlock(&handles_lock);
	return handle;
}

static struct source_handle *make_handle(void)
{
	struct source_handle *handle = kzalloc(sizeof(*handle),
					       GFP_KERNEL_ACCOUNT);

	if (handle)
		INIT_LIST_HEAD(&handle->link);
	return handle;
}

/* Has it been used for such domains? */
static bool is_like(const struct source_handle *handle,
		    const struct iommu_domain *instead)
{
	return idle_of(handle->hidden) == idle_of(instead);
}

/**
 * iommufd_handle_get - a handle for an attachment
 * @domain: what the device will be attached to
 * @sources: of the page table
 * @kept: where one may be from iommufd_handle_rest(), which is taken then; or there is NULL
 *
 * Return: the handle, for iommufd_handle_put(); or NULL.
 */
struct source_handle *iommufd_handle_get(const struct iommu_domain *domain,
					 struct sources *sources,
					 struct source_handle **kept)
{
	struct iommu_domain *instead = hidden_of(domain);
	struct source_handle *handle = *kept;

	if (handle && is_like(handle, instead))
		*kept = NULL;
	else
		handle = take_idle(instead) ?: make_handle();
	if (!handle)
		return NULL;
	handle->hidden = instead;
	WRITE_ONCE(handle->core.domain, instead);
	WRITE_ONCE(handle->sources, sources);
	return handle;
}

/**
 * iommufd_handle_rest - a handle leads nowhere, until it is got again or put
 * @handle: a handle that the core does not know any more; iommufd_handle_settle() has to
 *	follow before the page table is freed
 */
void iommufd_handle_rest(struct source_handle *handle)
{
	WRITE_ONCE(handle->sources, NULL);
	WRITE_ONCE(handle->core.domain, handle->hidden);
}

/**
 * iommufd_handle_put - the opposite of iommufd_handle_get()
 * @handle: as of iommufd_handle_rest(), or it rests already
 */
void iommufd_handle_put(struct source_handle *handle)
{
	iommufd_handle_rest(handle);
	spin_lock(&handles_lock);
	/* At the end: a report that is late rather finds one that is idle. */
	list_add_tail(&handle->link, idle_of(handle->hidden));
	spin_unlock(&handles_lock);
}

/**
 * iommufd_handle_keep_module - an IOMMU driver may call the handler at any time from now on
 *
 * The module cannot be unloaded any more: nothing tells when the driver has returned.
 */
void iommufd_handle_keep_module(void)
{
	static bool kept;

	if (!xchg(&kept, true))
		__module_get(THIS_MODULE);
}

/**
 * iommufd_handle_read_lock - begin to read from handles
 *
 * Return: for iommufd_handle_read_unlock().
 */
int iommufd_handle_read_lock(void)
	__acquires(&handles_srcu)
{
	return srcu_read_lock(&handles_srcu);
}

/**
 * iommufd_handle_read_unlock - the opposite of iommufd_handle_read_lock()
 * @token: what that has returned
 */
void iommufd_handle_read_unlock(int token)
	__releases(&handles_srcu)
{
	srcu_read_unlock(&handles_srcu, token);
}

/**
 * iommufd_handle_sources - where the page requests of an attachment go
 * @core: its handle
 *
 * A PASID may move to another page table meanwhile: ask once.
 *
 * Return: the sources, good until iommufd_handle_read_unlock(); or NULL.
 */
struct sources *iommufd_handle_sources(struct iommu_attach_handle *core)
{
	return READ_ONCE(container_of(core, struct source_handle, core)->sources);
}

/**
 * iommufd_handle_settle - wait for those who have read from handles
 *
 * Afterwards nobody reads what a handle has led to that was put before, and nobody finds
 * a source that was removed before.
 */
void iommufd_handle_settle(void)
{
	synchronize_srcu_expedited(&handles_srcu);
}

/**
 * iommufd_handles_init - prepare for handles
 *
 * Return: 0.
 */
int iommufd_handles_init(void)
{
	hidden[0][1].type = IOMMU_DOMAIN_NESTED;
	hidden[1][1].type = IOMMU_DOMAIN_NESTED;
	hidden[0][0].type = IOMMU_DOMAIN_UNMANAGED;
	hidden[1][0].type = IOMMU_DOMAIN_UNMANAGED;
	return 0;
}

/**
 * iommufd_handles_exit - free all handles
 *
 * A driver may still be looking whether one has a handler, which it does without sleeping.
 */
void iommufd_handles_exit(void)
{
	struct source_handle *handle, *next;
	unsigned int i;

	synchronize_rcu_tasks();
	for (i = 0; i < ARRAY_SIZE(idle); i++)
		list_for_each_entry_safe(handle, next, &idle[i], link)
			kfree(handle);
}
