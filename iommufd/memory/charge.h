/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who pays for pinned memory: RLIMIT_MEMLOCK.
 */
#ifndef IOMMUFD_CHARGE_H
#define IOMMUFD_CHARGE_H

#include <linux/cred.h>
#include <linux/mm_types.h>
#include <linux/refcount.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/sched/user.h>
#include <linux/types.h>
#include <linux/workqueue.h>

#include "memory/tally.h"

struct iommufd_ctx;

/**
 * enum charge_to - what is held against RLIMIT_MEMLOCK
 * @CHARGE_NOBODY: the process had CAP_IPC_LOCK when it mapped the memory
 * @CHARGE_USER: all pages that the user has pinned, in all processes
 * @CHARGE_PROCESS: the pages of the process, as mlock() and VFIO type1 do, as long as
 *	there is that process; see tally.c
 */
enum charge_to {
	CHARGE_NOBODY,
	CHARGE_USER,
	CHARGE_PROCESS,
};

/**
 * struct account - who is charged for pinned memory
 * @refs: held by the memory that is charged to it, and by the context that will
 *	use it again
 * @to: see enum charge_to
 * @process: as it was opened: charge the process, not the user
 * @limit: RLIMIT_MEMLOCK in pages, as it was when the memory was mapped
 * @mm: the process; also counts what it has pinned (VmPin in
 *	/proc/PID/status), whatever @to says
 * @user: the user, unless @to is CHARGE_NOBODY: then NULL
 * @tally: of the process for CHARGE_PROCESS, else NULL
 * @cred: the credentials that were checked
 * @owed: with CHARGE_PROCESS: pages to be credited, since the mmap lock was not free
 * @later: credits them as soon as it is
 * @pinned: of the context: all its pages, whatever the account
 * @pid: the process
 * @comm: its command name when it mapped for the first time
 */
struct account {
	refcount_t refs;
	enum charge_to to;
	bool process;
	unsigned long limit;
	struct mm_struct *mm;
	struct user_struct *user;
	struct tally *tally;
	const struct cred *cred;
	atomic_long_t owed;
	struct delayed_work later;
	atomic_long_t *pinned;
	struct pid *pid;
	char comm[TASK_COMM_LEN];
};

/**
 * struct mapper - the process that maps
 * @pid: in the initial PID namespace
 * @uid: its user
 * @comm: its command name
 */
struct mapper {
	pid_t pid;
	kuid_t uid;
	char comm[TASK_COMM_LEN];
};

/**
 * account_is_ours - is it the account of the current process, and up to date?
 * @account: the account
 * @process: to charge the process and not the user
 */
static inline bool account_is_ours(const struct account *account, bool process)
{
	return account->mm == current->mm && account->process == process &&
	       account->cred == current_cred() &&
	       account->limit == rlimit(RLIMIT_MEMLOCK) >> PAGE_SHIFT;
}

struct account *iommufd_account_get(struct iommufd_ctx *ctx, bool process);
bool iommufd_account_same(const struct account *some,
			  const struct account *other);
void iommufd_account_free(struct account *account);
int iommufd_account_charge_process(struct account *account,
				   unsigned long npages);
void iommufd_account_uncharge_process(struct account *account,
				      unsigned long npages);
bool iommufd_account_mapper(struct iommufd_ctx *ctx, struct mapper *mapper);
int iommufd_account_init(void);
void iommufd_account_exit(void);

/**
 * account_put - drop a reference
 * @account: an account, or NULL
 */
static inline void account_put(struct account *account)
{
	if (account && refcount_dec_and_test(&account->refs))
		iommufd_account_free(account);
}

static inline int account_charge_user(const struct account *account,
				      unsigned long npages)
{
	atomic_long_t *locked = &account->user->locked_vm;
	long old;

	/* Have in it what processes that have gone have left. */
	if (tally_any())
		iommufd_tally_left(account->user);
	old = atomic_long_read(locked);
	do {
		if (npages > account->limit || old > account->limit - npages)
			return -ENOMEM;
	} while (!atomic_long_try_cmpxchg(locked, &old, old + npages));
	return 0;
}

/**
 * account_charge - before pages are pinned
 * @account: the account
 * @npages: how many
 *
 * Waits for the mmap lock of the account's mm, which its process can hold for as long
 * as it likes: the caller must not hold a lock that others wait for.
 *
 * Return: 0, -ENOMEM above the limit, -EINTR if a fatal signal is pending.
 */
static inline int account_charge(struct account *account,
				 unsigned long npages)
{
	int rc = 0;

	if (account->to == CHARGE_USER)
		rc = account_charge_user(account, npages);
	else if (account->to == CHARGE_PROCESS)
		rc = iommufd_account_charge_process(account, npages);
	if (rc)
		return rc;
	atomic64_add(npages, &account->mm->pinned_vm);
	atomic_long_add(npages, account->pinned);
	return 0;
}

/**
 * account_uncharge - after pages have been unpinned
 * @account: the account
 * @npages: how many
 *
 * Never waits: an unbind comes here, too.
 */
static inline void account_uncharge(struct account *account,
				    unsigned long npages)
{
	atomic_long_sub(npages, account->pinned);
	atomic64_sub(npages, &account->mm->pinned_vm);
	if (account->to == CHARGE_USER)
		atomic_long_sub(npages, &account->user->locked_vm);
	else if (account->to == CHARGE_PROCESS)
		iommufd_account_uncharge_process(account, npages);
}

#endif
