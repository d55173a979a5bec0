/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The page table of include/linux/pgtable.h: what a driver does to it.
 */
#ifndef UNIT_PAGETABLE_H
#define UNIT_PAGETABLE_H

#include <linux/pgtable.h>

/* Sizes of entries beside that of a page. */
#define PAGETABLE_PMD	1U
#define PAGETABLE_PUD	2U

/* The only one. */
extern struct mm_struct pagetable;

void pagetable_fill(unsigned long page, unsigned int sizes);
void pagetable_zap(unsigned long page);
void pagetable_use(unsigned long page);
void pagetable_change(void);

#endif
