/* SPDX-License-Identifier: GPL-2.0-only */
/* Decisions: a stream of random numbers for each worker, all from one seed. */
#ifndef SELFTESTS_SOAK_RANDOM_H
#define SELFTESTS_SOAK_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

struct random {
	uint64_t state;
};

/* The splitmix64 generator. */
static inline uint64_t random_next(struct random *r)
{
	uint64_t x = r->state += 0x9e3779b97f4a7c15;

	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
	x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
	return x ^ (x >> 31);
}

/* Streams of neighbouring numbers have nothing in common. */
static inline void random_seed(struct random *r, uint64_t seed, uint64_t stream)
{
	r->state = seed;
	r->state = random_next(r) ^ (stream * 0xd1342543de82ef95);
	random_next(r);
}

/* A number below @n, which is not 0. */
static inline unsigned int random_below(struct random *r, unsigned int n)
{
	return (random_next(r) >> 32) % n;
}

static inline bool random_chance(struct random *r, unsigned int percent)
{
	return random_below(r, 100) < percent;
}

#endif
