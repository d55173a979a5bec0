/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who pays for pinned memory: RLIMIT_MEMLOCK.
 */
#ifndef IOMMUFD_CHARGE_H
#define IOMMUFD_CHARGE_H

#include <linux/types.h>

struct mm_struct;
struct user_struct;

/**
 * enum charge_to - what is held against RLIMIT_MEMLOCK
 * @CHARGE_NOBODY: the process had CAP_IPC_LOCK when it mapped the memory
 * @CHARGE_USER: all pages that the user has pinned, in all processes
 * @CHARGE_PROCESS: the pages of the process, as mlock() and VFIO type1 do
 */
enum charge_to {
	CHARGE_NOBODY,
	CHARGE_USER,
	CHARGE_PROCESS,
};

/**
 * struct charge - an account
 * @mm: the process that mapped the memory; also counts what it has pinned
 *	(VmPin in /proc/PID/status), whatever @to says
 * @user: the user for CHARGE_USER, else NULL
 * @limit: RLIMIT_MEMLOCK in pages, as it was when the memory was mapped
 * @to: see enum charge_to
 */
struct charge {
	struct mm_struct *mm;
	struct user_struct *user;
	unsigned long limit;
	enum charge_to to;
};

void charge_open(struct charge *charge, bool process);
void charge_close(struct charge *charge);
int charge_pages(const struct charge *charge, unsigned long npages);
void uncharge_pages(const struct charge *charge, unsigned long npages);

#endif
