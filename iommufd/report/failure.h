/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The last commands that have failed.
 */
#ifndef IOMMUFD_FAILURE_H
#define IOMMUFD_FAILURE_H

#include <linux/sched.h>
#include <linux/types.h>
#include <linux/uidgid.h>

#include "context/reason.h"

/* How many are kept, of all contexts together. */
#define FAILURES_MAX	64

/**
 * struct failure - a command that has failed
 * @number: counts up from 1; of one that repeats, that of the first time
 * @latest: that of the last time
 * @time: when, in nanoseconds since 1970; the last time
 * @times: how often the process has failed so
 * @context: number of the context
 * @pid: the caller's process, in the initial PID namespace
 * @uid: its user
 * @comm: its command name
 * @command: what has failed: a literal of this module's
 * @error: errno, positive
 * @secret: @reason tells addresses in the process
 * @reason: why, or an empty string
 */
struct failure {
	u64 number;
	u64 latest;
	u64 time;
	u64 times;
	u32 context;
	pid_t pid;
	kuid_t uid;
	char comm[TASK_COMM_LEN];
	const char *command;
	int error;
	bool secret;
	char reason[REASON_LEN];
};

void iommufd_failure_keep(u32 context, const char *command, int error,
			  const char *reason, bool secret);
bool iommufd_failure_next(u64 number, struct failure *failure);

#endif
