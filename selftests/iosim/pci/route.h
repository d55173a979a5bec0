/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How requests of functions are routed, before the IOMMU has a say.
 */
#ifndef IOSIM_ROUTE_H
#define IOSIM_ROUTE_H

#include <linux/types.h>

bool route_to_peer(void *function, u64 address);

#endif
