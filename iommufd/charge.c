// SPDX-License-Identifier: GPL-2.0-only
/*
 * Locked-memory accounting.
 *
 * An account is opened by the process that maps memory and stays with the
 * memory: it is charged when the pages are pinned, which may be much later and
 * in another process's attach, and credited when they are unpinned, which may be
 * after the process has gone. Hence the reference on the mm (not on its address
 * space) and the copy of the limit.
 */
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/sched/user.h>

#include "charge.h"

/**
 * charge_open - an account in the name of the current process
 * @charge: the account
 * @process: charge the process and not the user
 */
void charge_open(struct charge *charge, bool process)
{
	charge->mm = current->mm;
	mmgrab(charge->mm);
	charge->user = NULL;
	charge->limit = rlimit(RLIMIT_MEMLOCK) >> PAGE_SHIFT;
	if (capable(CAP_IPC_LOCK)) {
		charge->to = CHARGE_NOBODY;
	} else if (process) {
		charge->to = CHARGE_PROCESS;
	} else {
		charge->to = CHARGE_USER;
		charge->user = get_uid(current_user());
	}
}

/**
 * charge_close - drop an account that nothing is charged to any more
 * @charge: the account
 */
void charge_close(struct charge *charge)
{
	if (charge->user)
		free_uid(charge->user);
	mmdrop(charge->mm);
}

static int charge_user(const struct charge *charge, unsigned long npages)
{
	atomic_long_t *locked = &charge->user->locked_vm;
	long old = atomic_long_read(locked);

	do {
		if (npages > charge->limit || old > charge->limit - npages)
			return -ENOMEM;
	} while (!atomic_long_try_cmpxchg(locked, &old, old + npages));
	return 0;
}

static int charge_process(const struct charge *charge, unsigned long npages)
{
	struct mm_struct *mm = charge->mm;
	int rc = 0;

	if (mmap_write_lock_killable(mm))
		return -EINTR;
	if (npages > charge->limit || mm->locked_vm > charge->limit - npages)
		rc = -ENOMEM;
	else
		mm->locked_vm += npages;
	mmap_write_unlock(mm);
	return rc;
}

/**
 * charge_pages - before pages are pinned
 * @charge: the account
 * @npages: how many
 *
 * May sleep, and takes the mmap lock of the account's mm.
 *
 * Return: 0, -ENOMEM above the limit, -EINTR if a fatal signal is pending.
 */
int charge_pages(const struct charge *charge, unsigned long npages)
{
	int rc = 0;

	if (charge->to == CHARGE_USER)
		rc = charge_user(charge, npages);
	else if (charge->to == CHARGE_PROCESS)
		rc = charge_process(charge, npages);
	if (!rc)
		atomic64_add(npages, &charge->mm->pinned_vm);
	return rc;
}

/**
 * uncharge_pages - after pages have been unpinned
 * @charge: the account
 * @npages: how many
 *
 * May sleep, and takes the mmap lock of the account's mm.
 */
void uncharge_pages(const struct charge *charge, unsigned long npages)
{
	atomic64_sub(npages, &charge->mm->pinned_vm);
	if (charge->to == CHARGE_USER) {
		atomic_long_sub(npages, &charge->user->locked_vm);
	} else if (charge->to == CHARGE_PROCESS) {
		mmap_write_lock(charge->mm);
		charge->mm->locked_vm -= npages;
		mmap_write_unlock(charge->mm);
	}
}
