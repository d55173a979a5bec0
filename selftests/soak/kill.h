/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SELFTESTS_SOAK_KILL_H
#define SELFTESTS_SOAK_KILL_H

/* The device of the processes that are killed. */
#define VICTIM_ENGINE "victim"

#endif
