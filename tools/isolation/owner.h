/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who has a device.
 */
#ifndef IOASID_OWNER_H
#define IOASID_OWNER_H

#include "isolation/finding.h"

void owner_find(struct check *c);
int owner_payer(const struct check *c, const char **comm);

#endif
