// SPDX-License-Identifier: GPL-2.0-only
/*
 * Numbers by chance, and how a test fails.
 */
#include <sanitizer/common_interface_defs.h>
#include <stdio.h>
#include <stdlib.h>

#include "unit.h"

const char *__asan_default_options(void);

static unsigned long seed, steps;

/* The tests count what is left themselves, and say in which test that was. */
const char *__asan_default_options(void)
{
	return "detect_leaks=0";
}

static void say_where(void)
{
	if (steps)
		fprintf(stderr, "# at step %lu of SEED=%lu\n", steps, seed);
}

void check_failed(const char *file, int line, const char *condition)
{
	fprintf(stderr, "# %s:%d: not true: %s\n", file, line, condition);
	say_where();
	abort();
}

void chance_begin(void)
{
	const char *given = getenv("SEED");

	seed = given && *given ? strtoul(given, NULL, 0) : 1;
	steps = 0;
	srand48(seed);
	fprintf(stderr, "# SEED=%lu\n", seed);
	__sanitizer_set_death_callback(say_where);
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
