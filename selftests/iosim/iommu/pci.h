/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Endpoints that are functions of PCI.
 */
#ifndef IOSIM_PCI_H
#define IOSIM_PCI_H

#include <linux/list.h>

struct iosim_endpoint;

void pci_begin(struct iosim_endpoint *endpoint);
void pci_pasids(struct iosim_endpoint *endpoint);
void pci_end(struct iosim_endpoint *endpoint);
void pci_requests(struct iosim_endpoint *endpoint, bool on);
void pci_reserved(struct list_head *list);

#endif
