/* SPDX-License-Identifier: GPL-2.0-only */
/* Where chaotic workers get contexts, IDs and addresses from. */
#ifndef SELFTESTS_SOAK_CHAOS_H
#define SELFTESTS_SOAK_CHAOS_H

#include "worker.h"

/* Where they map things, and where their devices go. */
#define ANY_AT 0x10000000ULL
#define ANY_PAGES 256U

int any_fd(struct worker *w);
uint32_t any_id(struct worker *w, int fd, enum thing thing);
void seen_id(struct worker *w, int fd, enum thing thing, uint32_t id);
uint32_t any_page_table(struct worker *w, int fd);
uint64_t any_iova(struct worker *w);

#endif
