/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ioasid device holders.
 */
#ifndef IOASID_HOLDERS_H
#define IOASID_HOLDERS_H

#include "command.h"

enum status holders_command(struct session *session, int argc, char **argv);

#endif
