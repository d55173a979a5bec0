/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Devices that are being unbound from their driver, which waits for somebody.  Sysfs
 * shows them without a driver.
 */
#ifndef IOASID_LEAVING_H
#define IOASID_LEAVING_H

#include <stdbool.h>

#include "isolation/finding.h"

bool leaving_has_vfio(const struct function *f);
bool leaving_without_node(const struct check *c, int index);
int leaving_next(const struct check *c, int index);
bool leaving_after_vfs(const struct check *c, int index);
bool leaving_is(const struct check *c, int index);

#endif
