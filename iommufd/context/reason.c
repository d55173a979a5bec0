// SPDX-License-Identifier: GPL-2.0-only
/*
 * Why did it fail?
 *
 * An errno says little: who is the other owner of the group, which mapping is in
 * the way of the device? Where the module knows what the user cannot see, it
 * notes a sentence, by context and thread.
 *
 * A sentence is about one call. It is forgotten when the next one begins
 * (reason_begin()), and becomes known only if the call fails with the errno
 * that was noted (iommufd_reason_settle()): what was noted on the way to success is
 * dropped.
 *
 * Only the threads that failed most recently are remembered, so a program that
 * keeps creating threads cannot fill the kernel's memory with their failures.
 */
#include <linux/list.h>
#include <linux/pid.h>
#include <linux/rculist.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "context/reason.h"

#define REASONS_MAX	32

/**
 * struct reason - what a thread was told last
 * @link: in ctx->reasons, the newest first
 * @thread: whose it is; referenced
 * @error: the errno, positive
 * @known: the call has failed with it
 * @secret: the sentence tells addresses in the process
 * @rcu: iommufd_reason_forget() looks without the lock
 * @text: the sentence
 */
struct reason {
	struct list_head link;
	struct pid *thread;
	int error;
	bool known;
	bool secret;
	struct rcu_head rcu;
	char text[REASON_LEN];
};

/* With the lock; or under rcu_read_lock(), only to ask whether there is one. */
static struct reason *reason_find(struct iommufd_ctx *ctx)
{
	struct reason *reason;

	list_for_each_entry_rcu(reason, &ctx->reasons, link,
				lockdep_is_held(&ctx->reason_lock))
		if (reason->thread == task_pid(current))
			return reason;
	return NULL;
}

static void reason_drop(struct iommufd_ctx *ctx, struct reason *reason)
{
	lockdep_assert_held(&ctx->reason_lock);
	list_del_rcu(&reason->link);
	WRITE_ONCE(ctx->nr_reasons, ctx->nr_reasons - 1);
	put_pid(reason->thread);
	kfree_rcu(reason, rcu);
}

/* Make @reason the newest, in place of the thread's last one. */
static void reason_keep(struct iommufd_ctx *ctx, struct reason *reason)
{
	struct reason *old = reason_find(ctx);

	if (!old && ctx->nr_reasons == REASONS_MAX)
		old = list_last_entry(&ctx->reasons, struct reason, link);
	if (old)
		reason_drop(ctx, old);
	list_add_rcu(&reason->link, &ctx->reasons);
	WRITE_ONCE(ctx->nr_reasons, ctx->nr_reasons + 1);
}

static __printf(4, 0) void note(struct iommufd_ctx *ctx, int error, bool secret,
				const char *format, va_list args)
{
	struct reason *reason =
		kmalloc(sizeof(*reason), GFP_KERNEL_ACCOUNT | __GFP_NOWARN);

	if (!reason)
		return;
	reason->thread = get_pid(task_pid(current));
	reason->error = -error;
	reason->known = false;
	reason->secret = secret;
	vscnprintf(reason->text, sizeof(reason->text), format, args);

	spin_lock(&ctx->reason_lock);
	reason_keep(ctx, reason);
	spin_unlock(&ctx->reason_lock);
}

/**
 * iommufd_reason_note - explain an error of the current thread's command
 * @ctx: the context
 * @error: the errno, negative
 * @format: the sentence, for printf
 *
 * The user is told it if the command fails with @error, and nothing else is noted
 * meanwhile. If memory is short nothing is noted.
 *
 * Return: @error.
 */
int iommufd_reason_note(struct iommufd_ctx *ctx, int error, const char *format,
			...)
{
	va_list args;

	va_start(args, format);
	note(ctx, error, false, format, args);
	va_end(args);
	return error;
}

/**
 * iommufd_reason_note_secret - likewise, by a sentence that tells an address in the
 * process
 * @ctx: the context
 * @error: the errno, negative
 * @format: the sentence, for printf; no number in it begins with 0x that others need
 *
 * Other processes, also those of the same user, are not told where it has its memory.
 *
 * Return: @error.
 */
int iommufd_reason_note_secret(struct iommufd_ctx *ctx, int error,
			       const char *format, ...)
{
	va_list args;

	va_start(args, format);
	note(ctx, error, true, format, args);
	va_end(args);
	return error;
}

/**
 * iommufd_reason_forget - the current thread begins something new
 * @ctx: the context; called by reason_begin()
 *
 * Takes no lock for the sentences of other threads, which may have gone.
 */
void iommufd_reason_forget(struct iommufd_ctx *ctx)
{
	struct reason *reason;

	rcu_read_lock();
	reason = reason_find(ctx);
	rcu_read_unlock();
	if (!reason)
		return;
	spin_lock(&ctx->reason_lock);
	reason = reason_find(ctx);
	if (reason)
		reason_drop(ctx, reason);
	spin_unlock(&ctx->reason_lock);
}

/**
 * iommufd_reason_settle - the current thread's call has failed
 * @ctx: the context
 * @error: the errno, negative
 * @text: REASON_LEN bytes, set to what has been noted since reason_begin()
 * @secret: set to whether that tells addresses in the process
 *
 * Return: whether that explains the errno. If so the user can read it, too.
 */
bool iommufd_reason_settle(struct iommufd_ctx *ctx, int error, char *text,
			   bool *secret)
{
	struct reason *reason;
	bool explained = false;

	spin_lock(&ctx->reason_lock);
	reason = reason_find(ctx);
	if (reason && !reason->known) {
		explained = reason->error == -error;
		reason->known = explained;
		*secret = reason->secret;
		memcpy(text, reason->text, REASON_LEN);
		if (!explained)
			reason_drop(ctx, reason);
	}
	spin_unlock(&ctx->reason_lock);
	return explained;
}

/**
 * iommufd_reason_read - why has the current thread's last call failed?
 * @ctx: the context
 * @text: REASON_LEN bytes, set to the sentence
 * @error: set to the errno, positive
 *
 * Return: 0 or -ENODATA.
 */
int iommufd_reason_read(struct iommufd_ctx *ctx, char *text, int *error)
{
	struct reason *reason;
	int rc = -ENODATA;

	spin_lock(&ctx->reason_lock);
	reason = reason_find(ctx);
	if (reason && reason->known) {
		memcpy(text, reason->text, REASON_LEN);
		*error = reason->error;
		rc = 0;
	}
	spin_unlock(&ctx->reason_lock);
	return rc;
}

/**
 * iommufd_reason_forget_all - when the context goes
 * @ctx: the context
 */
void iommufd_reason_forget_all(struct iommufd_ctx *ctx)
{
	struct reason *reason, *next;

	spin_lock(&ctx->reason_lock);
	list_for_each_entry_safe(reason, next, &ctx->reasons, link)
		reason_drop(ctx, reason);
	spin_unlock(&ctx->reason_lock);
}
