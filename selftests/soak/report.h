/* SPDX-License-Identifier: GPL-2.0-only */
/* Output: about a failure, about what a worker did, about the whole run. */
#ifndef SELFTESTS_SOAK_REPORT_H
#define SELFTESTS_SOAK_REPORT_H

#include "worker.h"

void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
void say_file(const char *path);
int broken(struct worker *w, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void report_hung(unsigned int worker);
void report_log(unsigned int worker);
bool report_rates(int64_t seconds);

#endif
