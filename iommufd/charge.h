/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who pays for pinned memory: RLIMIT_MEMLOCK.
 */
#ifndef IOMMUFD_CHARGE_H
#define IOMMUFD_CHARGE_H

#include <linux/refcount.h>
#include <linux/types.h>

struct cred;
struct iommufd_ctx;
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
 * struct account - on whose account memory is pinned
 * @refs: the memory that is on it, and the context that will use it again
 * @to: see enum charge_to
 * @process: what it was opened with: charge the process, not the user
 * @limit: RLIMIT_MEMLOCK in pages, as it was when the memory was mapped
 * @mm: the process; also counts what it has pinned (VmPin in
 *	/proc/PID/status), whatever @to says
 * @user: the user for CHARGE_USER, else NULL
 * @cred: the credentials that were looked at
 */
struct account {
	refcount_t refs;
	enum charge_to to;
	bool process;
	unsigned long limit;
	struct mm_struct *mm;
	struct user_struct *user;
	const struct cred *cred;
};

struct account *account_get(struct iommufd_ctx *ctx, bool process);
bool account_same(const struct account *some, const struct account *other);
void account_put(struct account *account);
int account_charge(const struct account *account, unsigned long npages);
void account_uncharge(const struct account *account, unsigned long npages);

#endif
