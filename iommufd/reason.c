// SPDX-License-Identifier: GPL-2.0-only
/*
 * Why did it fail?
 *
 * An errno says little: who is the other owner of the group, which mapping is in
 * the way of the device? Where the module knows and the user cannot see it, it
 * notes a sentence, kept by context and thread until the thread's next one.
 *
 * Only the threads that have failed last are remembered: a program that makes new
 * threads for ever does not fill the kernel's memory with their failures.
 */
#include <linux/list.h>
#include <linux/pid.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "object.h"
#include "reason.h"

#define REASONS_MAX	32

/**
 * struct reason - what a thread was told last
 * @link: in ctx->reasons, the newest first
 * @thread: whose it is; referenced
 * @error: the errno, positive
 * @told: the listeners of the netlink family know it
 * @text: the sentence
 */
struct reason {
	struct list_head link;
	struct pid *thread;
	int error;
	bool told;
	char text[REASON_LEN];
};

static struct reason *reason_find(struct iommufd_ctx *ctx)
{
	struct reason *reason;

	lockdep_assert_held(&ctx->reason_lock);
	list_for_each_entry(reason, &ctx->reasons, link)
		if (reason->thread == task_pid(current))
			return reason;
	return NULL;
}

static void reason_free(struct reason *reason)
{
	put_pid(reason->thread);
	kfree(reason);
}

/* Make @reason the newest. Returns the one that it replaces, or that is too many. */
static struct reason *reason_keep(struct iommufd_ctx *ctx,
				  struct reason *reason)
{
	struct reason *old = reason_find(ctx);

	if (!old && ctx->nr_reasons == REASONS_MAX)
		old = list_last_entry(&ctx->reasons, struct reason, link);
	if (old)
		list_del(&old->link);
	else
		ctx->nr_reasons++;
	list_add(&reason->link, &ctx->reasons);
	return old;
}

/**
 * reason_note - explain an error of the current thread's command
 * @ctx: the context
 * @error: the errno, negative
 * @format: the sentence, for printf
 *
 * If memory is short nothing is noted.
 *
 * Return: @error.
 */
int reason_note(struct iommufd_ctx *ctx, int error, const char *format, ...)
{
	struct reason *reason = kmalloc(sizeof(*reason), GFP_KERNEL_ACCOUNT |
					__GFP_NOWARN);
	struct reason *old;
	va_list args;

	if (!reason)
		return error;
	reason->thread = get_pid(task_pid(current));
	reason->error = -error;
	reason->told = false;
	va_start(args, format);
	vscnprintf(reason->text, sizeof(reason->text), format, args);
	va_end(args);

	spin_lock(&ctx->reason_lock);
	old = reason_keep(ctx, reason);
	spin_unlock(&ctx->reason_lock);
	if (old)
		reason_free(old);
	return error;
}

/**
 * reason_read - what was noted for the current thread
 * @ctx: the context
 * @text: REASON_LEN bytes, set to the sentence
 * @error: set to the errno, positive
 *
 * Return: 0 or -ENODATA.
 */
int reason_read(struct iommufd_ctx *ctx, char *text, int *error)
{
	struct reason *reason;
	int rc = -ENODATA;

	spin_lock(&ctx->reason_lock);
	reason = reason_find(ctx);
	if (reason) {
		memcpy(text, reason->text, REASON_LEN);
		*error = reason->error;
		rc = 0;
	}
	spin_unlock(&ctx->reason_lock);
	return rc;
}

/**
 * reason_take - what was noted for the current thread and nobody has been told yet
 * @ctx: the context
 * @text: REASON_LEN bytes, set to the sentence
 * @error: the errno that it must explain, negative
 *
 * Return: whether there is one. The user can still read it.
 */
bool reason_take(struct iommufd_ctx *ctx, char *text, int error)
{
	struct reason *reason;
	bool found = false;

	spin_lock(&ctx->reason_lock);
	reason = reason_find(ctx);
	if (reason && !reason->told) {
		/* One that was noted for another failure is nobody's any more. */
		reason->told = true;
		found = reason->error == -error;
		memcpy(text, reason->text, REASON_LEN);
	}
	spin_unlock(&ctx->reason_lock);
	return found;
}

/**
 * reason_forget_all - when the context goes
 * @ctx: the context
 */
void reason_forget_all(struct iommufd_ctx *ctx)
{
	struct reason *reason, *next;

	list_for_each_entry_safe(reason, next, &ctx->reasons, link)
		reason_free(reason);
}
