/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ioasid isolation show: all groups with their reasons, or one device in depth.
 */
#ifndef IOASID_SHOW_H
#define IOASID_SHOW_H

#include "command.h"

enum status show_groups(struct session *session);
enum status show_device(struct session *session, int index);

#endif
