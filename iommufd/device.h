/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Devices that are bound to a context, and their IOMMU groups.
 */
#ifndef IOMMUFD_DEVICE_H
#define IOMMUFD_DEVICE_H

#include "main.h"

int device_cmd_hwpt_alloc(struct command *cmd);
int device_cmd_get_hw_info(struct command *cmd);

#endif
