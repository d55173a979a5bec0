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
	       uid_eq(before->uid, failure->uid) &&
	       before->context == failure->context &&
	       before->command == failure->command &&
	       before->error == failure->error &&
	       !strcmp(before->reason, failure->reason);
}

/* How many entries the user of one has. */
static unsigned int count_of(const struct failure *of)
{
	const struct failure *entry;
	unsigned int nr = 0;

	for (entry = failures; entry < failures + FAILURES_MAX; entry++)
		nr += entry->number && uid_eq(entry->uid, of->uid);
	return nr;
}

/*
 * Where to keep a failure: with the same one before it, so that who tries again and
 * again takes one entry; in one that is not in use; or in place of the oldest of the user
 * who has most, who is the caller if he has as many: so that one user does not have the
 * failures of another forgotten, who has few.
 */
static struct failure *find_entry(const struct failure *failure)
{
	struct failure *entry, *found = NULL;
	unsigned int most = 0;

	for (entry = failures; entry < failures + FAILURES_MAX; entry++)
		if (is_repeated(failure, entry))
			return entry;
	for (entry = failures; entry < failures + FAILURES_MAX; entry++) {
		unsigned int nr;

		if (!entry->number)
			return entry;
		nr = 2 * count_of(entry) + uid_eq(entry->uid, failure->uid);
		if (nr > most || (nr == most && entry->latest < found->latest))
			found = entry;
		most = max(most, nr);
	}
	return found;
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
	failure.latest = failure.number = ++newest;
	entry = find_entry(&failure);
	if (is_repeated(&failure, entry)) {
		failure.number = entry->number;
		failure.times = entry->times + 1;
	}
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
