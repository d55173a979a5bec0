/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the user can ask about a device.
 */
#ifndef IOMMUFD_INFO_H
#define IOMMUFD_INFO_H

#include "command/command.h"

int info_cmd_hw(struct command *cmd);
int info_cmd_device(struct command *cmd);

#endif
