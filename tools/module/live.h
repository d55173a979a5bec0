/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the running module reports.
 */
#ifndef IOASID_LIVE_H
#define IOASID_LIVE_H

#include "module/netlink.h"

extern const struct field space_fields[];

json_t *live_owners(void);

#endif
