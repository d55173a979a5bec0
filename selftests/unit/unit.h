/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the unit tests share: numbers by chance that a seed repeats, checks that name
 * the step, and allocations that fail when they are told to.
 */
#ifndef UNIT_H
#define UNIT_H

#include <linux/types.h>

/**
 * unit_begin - each test begins with this
 *
 * However it fails, it says at which step, and a loop without end is ended.
 */
void unit_begin(void);

/**
 * chance_begin - begin a sequence that SEED= decides
 *
 * Says which seed that is. In each test the sequence begins again.
 */
void chance_begin(void);

/* One step further: a failure says how many there have been. */
void chance_step(void);

/* Of 64 bits. */
u64 chance(void);

/* Less than @n. */
static inline unsigned long chance_below(unsigned long n)
{
	return chance() % n;
}

/* Of any magnitude: as likely of 5 bits as of 60. */
static inline unsigned long chance_magnitude(void)
{
	return chance() >> chance_below(64);
}

/* True in one case of @n. */
static inline bool chance_one_in(unsigned long n)
{
	return !chance_below(n);
}

/**
 * CHECK - what must hold, in functions that are not tests themselves
 * @condition: if false, the test ends here
 */
#define CHECK(condition) \
	((condition) ? (void)0 : check_failed(__FILE__, __LINE__, #condition))

void check_failed(const char *file, int line, const char *condition)
	__attribute__((noreturn));

/**
 * alloc_fail - let an allocation fail
 * @n: 1 for the next one, 2 for the one behind it; 0 for none
 */
void alloc_fail(unsigned long n);

/* Has the allocation failed that was to? If not, it no longer is. */
bool alloc_has_failed(void);

/* Allocations that have not been freed. */
unsigned long alloc_live(void);

#endif
