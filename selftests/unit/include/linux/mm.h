/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef UNIT_MM_H
#define UNIT_MM_H

#include <linux/minmax.h>
#include <linux/types.h>

#define PAGE_SHIFT	12
#define PAGE_SIZE	(1UL << PAGE_SHIFT)

#define DIV_ROUND_UP(n, d)	(((n) + (d) - 1) / (d))

#endif
