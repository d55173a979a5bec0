/* SPDX-License-Identifier: GPL-2.0-only */
/* Which code of the module was reached (by KCOV, if the module was built for it). */
#ifndef SELFTESTS_SOAK_COVERAGE_H
#define SELFTESTS_SOAK_COVERAGE_H

#include <stdbool.h>
#include <stdint.h>

/**
 * struct coverage - of a thread
 * @fd: of KCOV, or -1
 * @area: what it has noted: how many, and the addresses
 */
struct coverage {
	int fd;
	uint64_t *area;
};

void coverage_prepare(void);
void coverage_open(struct coverage *coverage);
void coverage_take(struct coverage *coverage);
void coverage_tell(void);

#endif
