/* SPDX-License-Identifier: GPL-2.0-only */
/* What a checking worker has for itself: its device and its spaces. */
#ifndef SELFTESTS_SOAK_OWN_H
#define SELFTESTS_SOAK_OWN_H

#include "worker.h"

int own_engine_open(struct worker *w);
void own_engine_close(struct worker *w);
int own_open(struct worker *w);
int own_close(struct worker *w);

#endif
