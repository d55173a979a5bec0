/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ioasid isolation split: pairs of devices.
 */
#ifndef IOASID_SPLIT_H
#define IOASID_SPLIT_H

#include "command.h"

json_t *split_pairs(void);
enum status split_command(struct session *session, int argc, char **argv);

#endif
