/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Rows of fields, printed.
 */
#ifndef IOASID_TABLE_H
#define IOASID_TABLE_H

#include "module/netlink.h"

void table_text(json_t *rows, const struct field *fields);
void table_print(json_t *rows, const struct field *fields);

#endif
