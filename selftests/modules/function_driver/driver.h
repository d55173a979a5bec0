/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A kernel driver of the simulator's functions of PCI, for a guest that is given one.
 */
#ifndef SELFTESTS_FUNCTION_DRIVER_H
#define SELFTESTS_FUNCTION_DRIVER_H

#include <linux/completion.h>
#include <linux/mutex.h>
#include <linux/pci.h>

#include "iosim.h"

/**
 * struct function - a function that this driver drives
 * @pdev: the device
 * @registers: BAR 0
 * @lock: one descriptor of the driver's at a time
 * @interrupt: the function has raised its interrupt
 * @record: a page, where completions of the driver's descriptors arrive
 * @record_at: the same, for the function
 */
struct function {
	struct pci_dev *pdev;
	void __iomem *registers;
	struct mutex lock;
	struct completion interrupt;
	struct iosim_completion *record;
	dma_addr_t record_at;
};

int function_submit(struct function *function, const struct iosim_desc *desc);

extern const struct attribute_group check_group;

#endif
