/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is not known of a machine, because it could not be read or was not in the dump,
 * and what holds all the same.
 */
#ifndef IOASID_GAPS_H
#define IOASID_GAPS_H

#include <stdbool.h>

#include <jansson.h>

struct topology;

bool gaps_any(const struct topology *t);
void gaps_warn(const struct topology *t, const char *dump);
void gaps_text(const struct topology *t, bool kernel_groups);
json_t *gaps_json(const struct topology *t, const char *dump);

#endif
