/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ioasid acs check: does the kernel's command line do what it says about ACS?
 */
#ifndef IOASID_ACS_CHECK_H
#define IOASID_ACS_CHECK_H

#include "command.h"

enum status acs_check(struct session *session, int argc, char **argv);

#endif
