// SPDX-License-Identifier: GPL-2.0-only
/*
 * Locked-memory accounting.
 *
 * An account is opened in the name of the process that maps memory and stays
 * with the memory: it is charged when the pages are pinned, which may be much
 * later and in another process's attach, and credited when they are unpinned,
 * which may be after the process has gone. Hence the reference on the mm (not on
 * its address space) and the copy of the limit.
 *
 * Asking the security modules for CAP_IPC_LOCK costs as much as a small mapping
 * itself. So a context keeps the account that it has used last, and uses it again
 * for as long as the same credentials, limit and process ask.
 */
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/sched/user.h>
#include <linux/slab.h>

#include "charge.h"
#include "object.h"

static struct account *account_open(bool process)
{
	struct account *account = kzalloc(sizeof(*account), GFP_KERNEL_ACCOUNT);

	if (!account)
		return NULL;
	refcount_set(&account->refs, 1);
	account->process = process;
	account->limit = rlimit(RLIMIT_MEMLOCK) >> PAGE_SHIFT;
	account->mm = current->mm;
	mmgrab(account->mm);
	account->cred = get_current_cred();
	if (capable(CAP_IPC_LOCK)) {
		account->to = CHARGE_NOBODY;
	} else if (process) {
		account->to = CHARGE_PROCESS;
	} else {
		account->to = CHARGE_USER;
		account->user = get_uid(current_user());
	}
	return account;
}

static bool account_is_ours(const struct account *account, bool process)
{
	return account->mm == current->mm && account->process == process &&
	       account->cred == current_cred() &&
	       account->limit == rlimit(RLIMIT_MEMLOCK) >> PAGE_SHIFT;
}

/**
 * account_get - the account of the current process
 * @ctx: the context that maps memory
 * @process: charge the process and not the user
 *
 * Return: the account with a reference, or NULL if memory is short.
 */
struct account *account_get(struct iommufd_ctx *ctx, bool process)
{
	struct account *account, *old;

	spin_lock(&ctx->account_lock);
	account = ctx->account;
	if (account && account_is_ours(account, process)) {
		refcount_inc(&account->refs);
		spin_unlock(&ctx->account_lock);
		return account;
	}
	spin_unlock(&ctx->account_lock);

	account = account_open(process);
	if (!account)
		return NULL;
	refcount_inc(&account->refs);
	spin_lock(&ctx->account_lock);
	old = ctx->account;
	ctx->account = account;
	spin_unlock(&ctx->account_lock);
	account_put(old);
	return account;
}

/**
 * account_same - do two accounts charge the same?
 * @some: one
 * @other: the other
 */
bool account_same(const struct account *some, const struct account *other)
{
	return some->mm == other->mm && some->user == other->user &&
	       some->to == other->to;
}

/**
 * account_put - drop a reference
 * @account: an account, or NULL
 */
void account_put(struct account *account)
{
	if (!account || !refcount_dec_and_test(&account->refs))
		return;
	if (account->user)
		free_uid(account->user);
	put_cred(account->cred);
	mmdrop(account->mm);
	kfree(account);
}

static int charge_user(const struct account *account, unsigned long npages)
{
	atomic_long_t *locked = &account->user->locked_vm;
	long old = atomic_long_read(locked);

	do {
		if (npages > account->limit || old > account->limit - npages)
			return -ENOMEM;
	} while (!atomic_long_try_cmpxchg(locked, &old, old + npages));
	return 0;
}

static int charge_process(const struct account *account, unsigned long npages)
{
	struct mm_struct *mm = account->mm;
	int rc = 0;

	if (mmap_write_lock_killable(mm))
		return -EINTR;
	if (npages > account->limit ||
	    mm->locked_vm > account->limit - npages)
		rc = -ENOMEM;
	else
		mm->locked_vm += npages;
	mmap_write_unlock(mm);
	return rc;
}

/**
 * account_charge - before pages are pinned
 * @account: the account
 * @npages: how many
 *
 * May sleep, and takes the mmap lock of the account's mm.
 *
 * Return: 0, -ENOMEM above the limit, -EINTR if a fatal signal is pending.
 */
int account_charge(const struct account *account, unsigned long npages)
{
	int rc = 0;

	if (account->to == CHARGE_USER)
		rc = charge_user(account, npages);
	else if (account->to == CHARGE_PROCESS)
		rc = charge_process(account, npages);
	if (!rc)
		atomic64_add(npages, &account->mm->pinned_vm);
	return rc;
}

/**
 * account_uncharge - after pages have been unpinned
 * @account: the account
 * @npages: how many
 *
 * May sleep, and takes the mmap lock of the account's mm.
 */
void account_uncharge(const struct account *account, unsigned long npages)
{
	atomic64_sub(npages, &account->mm->pinned_vm);
	if (account->to == CHARGE_USER) {
		atomic_long_sub(npages, &account->user->locked_vm);
	} else if (account->to == CHARGE_PROCESS) {
		mmap_write_lock(account->mm);
		account->mm->locked_vm -= npages;
		mmap_write_unlock(account->mm);
	}
}
