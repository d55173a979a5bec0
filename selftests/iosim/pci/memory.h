/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the BARs of functions are made of.
 */
#ifndef IOSIM_MEMORY_H
#define IOSIM_MEMORY_H

#include <linux/ioport.h>

int memory_open(struct resource *from);
void memory_close(void);
struct resource *memory_window(void);
void *memory_at(u64 address, size_t length);

#endif
