/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Does the kernel's command line say about ACS what it seems to say?
 */
#ifndef IOASID_CHECK_LINE_H
#define IOASID_CHECK_LINE_H

#include <stdbool.h>

#include "isolation/remark.h"
#include "pci/bootline.h"
#include "pci/topology.h"

bool check_has_override(const struct bootline *line);
void check_params(const struct topology *t, const struct bootline *line,
		  struct remarks *f);
void check_lists(const struct topology *t, const struct bootline *line,
		 struct remarks *f);

#endif
