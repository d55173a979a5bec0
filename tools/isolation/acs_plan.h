/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ioasid acs plan: settings of ACS that give what is wanted.
 */
#ifndef IOASID_ACS_PLAN_H
#define IOASID_ACS_PLAN_H

#include "command.h"

enum status acs_plan(struct session *session, int argc, char **argv);

#endif
