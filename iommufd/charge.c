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

/* The one that the context has is of somebody else, or of other times. */
static noinline struct account *account_renew(struct iommufd_ctx *ctx,
					      bool process)
{
	struct account *account = account_open(process), *old;

	if (!account)
		return NULL;
	account->pinned = &ctx->pinned;
	refcount_inc(&account->refs);
	spin_lock(&ctx->account_lock);
	old = ctx->account;
	ctx->account = account;
	spin_unlock(&ctx->account_lock);
	account_put(old);
	return account;
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
	struct account *account;

	spin_lock(&ctx->account_lock);
	account = ctx->account;
	if (likely(account && account_is_ours(account, process)))
		refcount_inc(&account->refs);
	else
		account = NULL;
	spin_unlock(&ctx->account_lock);
	return likely(account) ? account : account_renew(ctx, process);
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
 * account_free - the last reference is gone
 * @account: the account
 */
void account_free(struct account *account)
{
	if (account->user)
		free_uid(account->user);
	put_cred(account->cred);
	mmdrop(account->mm);
	kfree(account);
}

/**
 * account_charge_process - charge RLIMIT_MEMLOCK of the process
 * @account: with CHARGE_PROCESS
 * @npages: how many
 *
 * Return: 0, -ENOMEM, -EINTR.
 */
int account_charge_process(const struct account *account, unsigned long npages)
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
 * account_uncharge_process - the opposite of account_charge_process()
 * @account: with CHARGE_PROCESS
 * @npages: how many
 */
void account_uncharge_process(const struct account *account,
			      unsigned long npages)
{
	mmap_write_lock(account->mm);
	account->mm->locked_vm -= npages;
	mmap_write_unlock(account->mm);
}
