/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The ways of a plan, before and after: those of the hardware, and what the kernel makes
 * of each pair.
 */
#ifndef IOASID_PLAN_WAYS_H
#define IOASID_PLAN_WAYS_H

#include <jansson.h>

#include "isolation/plan.h"

void ways_text(struct plan *p);
json_t *ways_json(struct plan *p);
void kernel_ways_text(struct plan *p);
json_t *kernel_ways_json(struct plan *p);

#endif
