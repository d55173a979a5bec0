/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is in the configuration space of a function after a reset: the header, and a list
 * of capabilities.
 */
#ifndef IOSIM_CAPS_H
#define IOSIM_CAPS_H

#include <linux/types.h>

#include "shape.h"

struct iosim_config;
struct space;

/* BARs of an endpoint, of 64 bits each: by the number of the first register. */
#define BAR_REGISTERS	0
#define BAR_MEMORY	2
#define BAR_MSIX	4

#define MSIX_VECTORS_MAX	64
#define MSIX_PENDING		0x800	/* offset of the PBA in its BAR */

/**
 * struct caps - where capabilities are in the configuration space; 0: nowhere
 * @pm: power management
 * @msi: MSI
 * @msix: MSI-X
 * @exp: PCI Express
 * @pasid: PASID
 * @pri: page requests
 * @acs: ACS
 */
struct caps {
	u16 pm;
	u16 msi;
	u16 msix;
	u16 exp;
	u16 pasid;
	u16 pri;
	u16 acs;
};

size_t caps_bar_size(const struct shape *shape, unsigned int bar);
void caps_fill(struct space *space, struct caps *caps, const struct shape *shape,
	       const struct iosim_config *config);

#endif
