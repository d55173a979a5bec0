/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The objects of the command line that are about the running module.
 */
#ifndef IOASID_MODULE_OBJECTS_H
#define IOASID_MODULE_OBJECTS_H

#include "command.h"

extern const struct object context_object;
extern const struct object space_object;
extern const struct object device_object;
extern const struct object area_object;
extern const struct object monitor_object;
extern const struct object log_object;
extern const struct object top_object;

#endif
