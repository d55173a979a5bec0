/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The interrupt controller of the simulated functions.
 */
#ifndef IOSIM_CONTROLLER_H
#define IOSIM_CONTROLLER_H

#include <linux/types.h>

struct irq_domain;
struct pci_dev;

int controller_init(void);
void controller_exit(void);
struct irq_domain *controller_domain(bool isolated);
bool controller_takes(u64 address);
void controller_raise(struct pci_dev *pdev, bool isolated, u32 data);

#endif
