/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SELFTESTS_TAKE_H
#define SELFTESTS_TAKE_H

#include "vfio.h"

int take(uint16_t vendor, uint16_t device, struct vfio_pci *taken, int count);
int give_container(const char *target);

#endif
