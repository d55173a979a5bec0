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
 * itself. So a context keeps the account that it used last, and uses it again as
 * long as credentials, limit and process are the same. Who maps last is known by that,
 * too, which need not be who has opened the file: libvirt opens it for QEMU.
 */
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/pid.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/sched/user.h>
#include <linux/slab.h>

#include "compat.h"
#include "context/object.h"
#include "memory/charge.h"

/* How long to wait before a contended mmap lock is tried again. */
#define CREDIT_DELAY	(HZ / 20)

static struct workqueue_struct *account_wq;

static void credit_fn(struct work_struct *work);

/* Whom to charge. Asks the security modules. */
static int account_choose(struct account *account)
{
	if (capable(CAP_IPC_LOCK)) {
		account->to = CHARGE_NOBODY;
		return 0;
	}
	account->user = get_uid(current_user());
	if (!account->process) {
		account->to = CHARGE_USER;
		return 0;
	}
	account->to = CHARGE_PROCESS;
	account->tally = iommufd_tally_get();
	return account->tally ? 0 : -ENOMEM;
}

static struct account *account_open(bool process)
{
	struct account *account = kzalloc(sizeof(*account), GFP_KERNEL_ACCOUNT);

	if (!account)
		return NULL;
	refcount_set(&account->refs, 1);
	INIT_DELAYED_WORK(&account->later, credit_fn);
	account->process = process;
	account->limit = rlimit(RLIMIT_MEMLOCK) >> PAGE_SHIFT;
	account->mm = current->mm;
	mmgrab(account->mm);
	account->cred = get_current_cred();
	account->pid = get_pid(task_tgid(current));
	get_task_comm(account->comm, current->group_leader);
	if (account_choose(account)) {
		iommufd_account_free(account);
		return NULL;
	}
	return account;
}

/* The context's account is somebody else's, or out of date. */
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
 * iommufd_account_get - the account of the current process
 * @ctx: the context that maps memory
 * @process: charge the process and not the user
 *
 * Return: the account with a reference, or NULL if memory is short.
 */
struct account *iommufd_account_get(struct iommufd_ctx *ctx, bool process)
{
	struct account *account;

	spin_lock(&ctx->account_lock);
	account = ctx->account;
	if (account && account_is_ours(account, process))
		refcount_inc(&account->refs);
	else
		account = NULL;
	spin_unlock(&ctx->account_lock);
	return account ?: account_renew(ctx, process);
}

/**
 * iommufd_account_same - do two accounts charge the same?
 * @some: one
 * @other: the other
 */
bool iommufd_account_same(const struct account *some,
			  const struct account *other)
{
	return some->mm == other->mm && some->user == other->user &&
	       some->to == other->to && some->tally == other->tally;
}

/**
 * iommufd_account_free - the last reference is gone
 * @account: the account
 */
void iommufd_account_free(struct account *account)
{
	if (account->tally)
		iommufd_tally_put(account->tally);
	if (account->user)
		free_uid(account->user);
	put_cred(account->cred);
	put_pid(account->pid);
	mmdrop(account->mm);
	kfree(account);
}

/**
 * iommufd_account_mapper - which process maps?
 * @ctx: the context
 * @mapper: set to the last one that has begun to
 *
 * Of several that take turns it is any: structures that have the account of one of them
 * already are used again without a word, which saves the others a look at the context.
 *
 * Return: whether one has.
 */
bool iommufd_account_mapper(struct iommufd_ctx *ctx, struct mapper *mapper)
{
	const struct account *account;

	spin_lock(&ctx->account_lock);
	account = ctx->account;
	if (account) {
		mapper->pid = pid_nr(account->pid);
		mapper->uid = account->cred->uid;
		memcpy(mapper->comm, account->comm, sizeof(mapper->comm));
	}
	spin_unlock(&ctx->account_lock);
	return account;
}

/* Credit what was unpinned meanwhile; with the mmap lock held for writing. */
static void credit_owed(struct account *account)
{
	account->mm->locked_vm -= atomic_long_xchg(&account->owed, 0);
}

/**
 * iommufd_account_charge_process - charge RLIMIT_MEMLOCK of the process
 * @account: with CHARGE_PROCESS
 * @npages: how many
 *
 * Return: 0, -ENOMEM, -EINTR.
 */
int iommufd_account_charge_process(struct account *account,
				   unsigned long npages)
{
	struct mm_struct *mm = account->mm;
	int rc;

	if (mmap_write_lock_killable(mm))
		return -EINTR;
	credit_owed(account);
	rc = iommufd_tally_charge(account->tally, npages, mm->locked_vm,
				  account->limit);
	if (!rc)
		mm->locked_vm += npages;
	mmap_write_unlock(mm);
	return rc;
}

/* The work item has a reference on the account, and one on the module for its code. */
static void credit_later(struct account *account)
{
	refcount_inc(&account->refs);
	__module_get(THIS_MODULE);
	if (queue_delayed_work(account_wq, &account->later, CREDIT_DELAY))
		return;
	module_put(THIS_MODULE);
	account_put(account);
}

static void credit_fn(struct work_struct *work)
{
	struct account *account = container_of(to_delayed_work(work),
					       struct account, later);

	if (mm_write_trylock(account->mm)) {
		credit_owed(account);
		mmap_write_unlock(account->mm);
	} else {
		credit_later(account);
	}
	account_put(account);
	/* iommufd_account_exit() waits until this has returned. */
	module_put(THIS_MODULE);
}

/**
 * iommufd_account_uncharge_process - the opposite of iommufd_account_charge_process()
 * @account: with CHARGE_PROCESS
 * @npages: how many
 *
 * A process can hold its mmap lock for as long as it likes, by a page fault on a file
 * system of its own, and its memory may be unpinned by an unbind, for which others
 * wait. So it is credited when the lock is free, which as a rule is at once.
 */
void iommufd_account_uncharge_process(struct account *account,
				      unsigned long npages)
{
	iommufd_tally_uncharge(account->tally, npages);
	atomic_long_add(npages, &account->owed);
	if (mm_write_trylock(account->mm)) {
		credit_owed(account);
		mmap_write_unlock(account->mm);
	} else {
		credit_later(account);
	}
}

/**
 * iommufd_account_init - at module load
 *
 * Return: 0 or -ENOMEM.
 */
int iommufd_account_init(void)
{
	account_wq = alloc_workqueue("iommufd_account", WQ_UNBOUND, 0);
	return account_wq ? 0 : -ENOMEM;
}

/**
 * iommufd_account_exit - at module unload, with no account left
 */
void iommufd_account_exit(void)
{
	destroy_workqueue(account_wq);
}
