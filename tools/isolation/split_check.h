/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ioasid isolation split-check.
 */
#ifndef IOASID_SPLIT_CHECK_H
#define IOASID_SPLIT_CHECK_H

#include "command.h"

enum status split_check(struct session *session, int argc, char **argv);

#endif
