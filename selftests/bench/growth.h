/* SPDX-License-Identifier: GPL-2.0-only */
/* growth.h - how costs grow: with what is mapped already, and with threads. */
#ifndef SELFTESTS_BENCH_GROWTH_H
#define SELFTESTS_BENCH_GROWTH_H

#include "backend.h"

void growth_with_areas(const struct backend *backend, unsigned long areas);
void growth_of_memory(const struct backend *backend);
void growth_with_threads(const struct backend *backend);

#endif /* SELFTESTS_BENCH_GROWTH_H */
