/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How long threads race.  An emulator's CPUs take turns of a tenth of a second, and what
 * one thread does a thousand times may fit between two steps of the other: a race of a
 * number of rounds may have had one side only.
 */
#ifndef SELFTESTS_RACE_H
#define SELFTESTS_RACE_H

#include <stdbool.h>
#include <time.h>

#define RACE_SECONDS 60

/**
 * struct race_clock - of one race; starts as {}
 * @rounds: so many there were
 * @end: when it ends, whatever was seen, in seconds of CLOCK_MONOTONIC
 */
struct race_clock {
	unsigned int rounds;
	time_t end;
};

/*
 * Another round? Yes until there were so many rounds and @seen is true: what the test
 * then expects of the other sides. If that does not come, the race ends in its own time,
 * for the test to fail.
 */
static inline bool race_on(struct race_clock *clock, unsigned int rounds, bool seen)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	if (!clock->end)
		clock->end = now.tv_sec + RACE_SECONDS;
	if (clock->rounds >= rounds && (seen || now.tv_sec >= clock->end))
		return false;
	clock->rounds++;
	return true;
}

#endif
