/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the running module reports.
 */
#ifndef IOASID_LIVE_H
#define IOASID_LIVE_H

#include "command.h"
#include "module/netlink.h"

extern const struct field space_fields[];

json_t *live_owners(void);
void live_only(const struct session *session);
void live_table(json_t *rows, const struct field *fields);
void live_print(json_t *rows, const struct field *fields);

#endif
