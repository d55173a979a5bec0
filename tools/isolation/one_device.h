/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Groups that do no harm: the functions of one card, which are given away together.
 */
#ifndef IOASID_ONE_DEVICE_H
#define IOASID_ONE_DEVICE_H

#include <stdbool.h>

#include "pci/topology.h"

bool one_device(const struct topology *t, int a, int b);
const char *one_device_text(const struct topology *t, const int *members,
			    int nr);

#endif
