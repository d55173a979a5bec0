// SPDX-License-Identifier: GPL-2.0-only
/*
 * The last commands that have failed, whether or not anybody listened: most people look
 * when it has happened.
 *
 * They are the module's, not a context's: a program that fails closes its file. Numbers
 * and names are copied, so nothing is held, and there is nothing to allocate.
 */
#include <linux/cred.h>
#include <linux/pid.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/timekeeping.h>

#include "report/failure.h"

/* Protects what follows; held to look at all entries once. */
static DEFINE_SPINLOCK(failure_lock);
/* In no order; an entry that is not in use has the number 0. */
static struct failure failures[FAILURES_MAX];
/* The number of the newest one, 0 before the first. */
static u64 newest;

/* Has the same process failed in the same way? */
static bool is_repeated(const struct failure *failure,
			const struct failure *before)
{
	return before->number && before->pid == failure->pid &&
	       before->context == failure->context &&
	       before->command == failure->command &&
	       before->error == failure->error &&
	       !strcmp(before->reason, failure->reason);
}

/*
 * Where to keep a failure: with the same one before it, so that who tries again and
 * again takes one entry; or in place of the oldest. A user who has half of them all
 * replaces his own: nobody can have the failures of others forgotten.
 */
static struct failure *find_entry(const struct failure *failure)
{
	struct failure *oldest = NULL, *own = NULL, *entry;
	unsigned int nr = 0;

	for (entry = failures; entry < failures + FAILURES_MAX; entry++) {
		if (is_repeated(failure, entry))
			return entry;
		if (!oldest || entry->number < oldest->number)
			oldest = entry;
		if (!entry->number || !uid_eq(entry->uid, failure->uid))
			continue;
		nr++;
		if (!own || entry->number < own->number)
			own = entry;
	}
	return oldest->number && nr >= FAILURES_MAX / 2 ? own : oldest;
}

/**
 * iommufd_failure_keep - a command of the current process has failed
 * @context: number of the context
 * @command: its name, a literal
 * @error: the errno, positive
 * @reason: why, or NULL
 * @secret: @reason tells addresses in the process
 *
 * In process context.
 */
void iommufd_failure_keep(u32 context, const char *command, int error,
			  const char *reason, bool secret)
{
	struct failure failure = {
		.time = ktime_get_real_ns(),
		.context = context,
		.pid = task_tgid_nr(current),
		.uid = current_uid(),
		.command = command,
		.error = error,
		.secret = secret,
		.times = 1,
	};
	struct failure *entry;

	get_task_comm(failure.comm, current->group_leader);
	if (reason)
		strscpy(failure.reason, reason);
	spin_lock(&failure_lock);
	failure.number = ++newest;
	entry = find_entry(&failure);
	if (is_repeated(&failure, entry))
		failure.times = entry->times + 1;
	*entry = failure;
	spin_unlock(&failure_lock);
}

/**
 * iommufd_failure_next - a failure that is still known
 * @number: the lowest number of interest
 * @failure: set to the one with the lowest number from there
 *
 * Return: whether there is one.
 */
bool iommufd_failure_next(u64 number, struct failure *failure)
{
	const struct failure *found = NULL, *entry;

	spin_lock(&failure_lock);
	for (entry = failures; entry < failures + FAILURES_MAX; entry++)
		if (entry->number && entry->number >= number &&
		    (!found || entry->number < found->number))
			found = entry;
	if (found)
		*failure = *found;
	spin_unlock(&failure_lock);
	return found;
}
