/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which pages have been written to by DMA.
 */
#ifndef IOMMUFD_DIRTY_H
#define IOMMUFD_DIRTY_H

#include "command/command.h"

int dirty_cmd_set(struct command *cmd);
int dirty_cmd_get(struct command *cmd);

#endif
