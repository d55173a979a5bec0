/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The module's word: which context has a device, and who has opened that.  It need not
 * be who has the device now.
 */
#ifndef IOASID_BOUND_H
#define IOASID_BOUND_H

#include <stdbool.h>

#include "isolation/finding.h"

json_t *bound_in(const struct check *c, int index);
int bound_number(json_t *owner, const char *name);
bool bound_names(const struct check *c, json_t *owner, int pid);
char *bound_text(const struct check *c, json_t *owner);

#endif
