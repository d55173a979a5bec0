// SPDX-License-Identifier: GPL-2.0-only
/*
 * Numbers by chance, and how a test fails.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "unit.h"

/* Of a test that takes a tenth of one, on a busy machine. */
#define SECONDS	10

const char *__asan_default_options(void);
const char *__ubsan_default_options(void);

static unsigned long seed, steps;

/* The tests count what is left themselves, and say in which test that was. */
const char *__asan_default_options(void)
{
	return "abort_on_error=1:detect_leaks=0";
}

const char *__ubsan_default_options(void)
{
	return "abort_on_error=1:print_stacktrace=1";
}

/* Whatever ends a test, this is the last that it says. */
static void say_where(int signal_nr)
{
	if (steps)
		dprintf(STDERR_FILENO, "# at step %lu of SEED=%lu\n", steps,
			seed);
	signal(signal_nr, SIG_DFL);
	raise(signal_nr);
}

void unit_begin(void)
{
	signal(SIGABRT, say_where);
	signal(SIGALRM, say_where);
	alarm(SECONDS);
}

void check_failed(const char *file, int line, const char *condition)
{
	fprintf(stderr, "# %s:%d: not true: %s\n", file, line, condition);
	abort();
}

void chance_begin(void)
{
	const char *given = getenv("SEED");

	seed = given && *given ? strtoul(given, NULL, 0) : 1;
	steps = 0;
	srand48(seed);
	fprintf(stderr, "# SEED=%lu\n", seed);
}

void chance_step(void)
{
	steps++;
}

u64 chance(void)
{
	u64 high = (u32)mrand48();

	return high << 32 | (u32)mrand48();
}
