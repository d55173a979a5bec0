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

/* Protects what follows; held to copy one entry. */
static DEFINE_SPINLOCK(failure_lock);
static struct failure failures[FAILURES_MAX];
/* The number of the newest one, 0 before the first. */
static u64 newest;

static struct failure *failure_slot(u64 number)
{
	return &failures[number % FAILURES_MAX];
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
	};

	get_task_comm(failure.comm, current->group_leader);
	if (reason)
		strscpy(failure.reason, reason);
	spin_lock(&failure_lock);
	failure.number = ++newest;
	*failure_slot(newest) = failure;
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
	bool found = false;

	spin_lock(&failure_lock);
	if (newest >= FAILURES_MAX)
		number = max(number, newest - FAILURES_MAX + 1);
	number = max(number, 1ULL);
	if (number <= newest) {
		*failure = *failure_slot(number);
		found = true;
	}
	spin_unlock(&failure_lock);
	return found;
}
