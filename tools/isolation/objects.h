/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The objects of the command line that are about isolation.
 */
#ifndef IOASID_ISOLATION_OBJECTS_H
#define IOASID_ISOLATION_OBJECTS_H

#include "command.h"

extern const struct object isolation_object;
extern const struct object p2p_object;
extern const struct object acs_object;
extern const struct object why_object;

#endif
