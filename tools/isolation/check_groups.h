/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Do the groups of the running kernel still hold with what is in the ACS registers now?
 */
#ifndef IOASID_CHECK_GROUPS_H
#define IOASID_CHECK_GROUPS_H

#include "isolation/remark.h"
#include "pci/bootline.h"
#include "pci/topology.h"

void check_groups(const struct topology *t, const struct bootline *line,
		  struct remarks *f);

#endif
