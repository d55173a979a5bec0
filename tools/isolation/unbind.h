/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An unbind that waits: for whom, and who has to wait for it.
 */
#ifndef IOASID_UNBIND_H
#define IOASID_UNBIND_H

#include <stdbool.h>

#include "isolation/finding.h"

bool unbind_find(struct check *c);

#endif
