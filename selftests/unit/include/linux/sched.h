/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef UNIT_SCHED_H
#define UNIT_SCHED_H

static inline void cond_resched(void)
{
}

#endif
