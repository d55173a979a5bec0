/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What something takes, in the machine's own time.
 */
#ifndef SELFTESTS_SECONDS_H
#define SELFTESTS_SECONDS_H

#include <time.h>

static inline double seconds_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

#endif
