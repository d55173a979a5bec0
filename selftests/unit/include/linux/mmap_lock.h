/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef UNIT_MMAP_LOCK_H
#define UNIT_MMAP_LOCK_H

#include <linux/types.h>

struct mm_struct;

int mmap_read_lock_killable(struct mm_struct *mm);
void mmap_read_unlock(struct mm_struct *mm);
int mmap_lock_is_contended(struct mm_struct *mm);

#endif
