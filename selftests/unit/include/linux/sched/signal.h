/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef UNIT_SCHED_SIGNAL_H
#define UNIT_SCHED_SIGNAL_H

#include <errno.h>
#include <linux/sched.h>
#include <linux/types.h>

struct task_struct;

#define current	((struct task_struct *)0)

bool fatal_signal_pending(struct task_struct *task);
bool need_resched(void);

#endif
