// SPDX-License-Identifier: GPL-2.0-only
/*
 * All contexts, by number.
 *
 * A reader from outside (netlink) holds no reference on the file, and should not:
 * that would keep the context alive, with all that it has pinned. Instead it holds
 * up the release of the file, for the moment that it takes to fill one message.
 */
#include <linux/cred.h>
#include <linux/pid.h>
#include <linux/sched.h>

#include "context/object.h"
#include "context/registry.h"

static DEFINE_XARRAY_ALLOC1(contexts);
static u32 next_number;

/**
 * iommufd_registry_add - let others find a context, and note who has opened it
 * @ctx: the context, complete
 *
 * Return: 0, -ENOMEM, -EBUSY (no number left).
 */
int iommufd_registry_add(struct iommufd_ctx *ctx)
{
	int rc;

	refcount_set(&ctx->readers, 1);
	init_completion(&ctx->unread);
	ctx->opener = get_pid(task_tgid(current));
	ctx->uid = current_uid();
	get_task_comm(ctx->comm, current->group_leader);
	/*
	 * Cyclic: a number comes back late, so that nobody takes one context for
	 * another.
	 */
	rc = xa_alloc_cyclic(&contexts, &ctx->number, ctx, xa_limit_31b,
			     &next_number, GFP_KERNEL_ACCOUNT);
	return rc < 0 ? rc : 0;
}

/**
 * iommufd_registry_remove - the opposite of iommufd_registry_add()
 * @ctx: the context; waits for its readers. What it says of its opener stays.
 */
void iommufd_registry_remove(struct iommufd_ctx *ctx)
{
	xa_erase(&contexts, ctx->number);
	iommufd_registry_put(ctx);
	wait_for_completion(&ctx->unread);
}

/**
 * iommufd_registry_get - find a context, and keep it for a reader
 * @first: the lowest number of interest
 *
 * Return: the context with the lowest number from @first, to be given back soon by
 * iommufd_registry_put(), or NULL.
 */
struct iommufd_ctx *iommufd_registry_get(u32 first)
{
	unsigned long number = first;
	struct iommufd_ctx *ctx;

	/* iommufd_registry_remove() erases before it drops its own reference. */
	xa_lock(&contexts);
	ctx = xa_find(&contexts, &number, U32_MAX, XA_PRESENT);
	if (ctx)
		refcount_inc(&ctx->readers);
	xa_unlock(&contexts);
	return ctx;
}

/**
 * iommufd_registry_put - the opposite of iommufd_registry_get()
 * @ctx: the context
 */
void iommufd_registry_put(struct iommufd_ctx *ctx)
{
	if (refcount_dec_and_test(&ctx->readers))
		complete(&ctx->unread);
}
