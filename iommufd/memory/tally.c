// SPDX-License-Identifier: GPL-2.0-only
/*
 * What processes are charged by themselves, and leave to their users.
 *
 * Memory of the legacy container is charged to the process that maps it, as VFIO type1
 * does it: each process of a user has a limit of its own, as for mlock(). But what is
 * locked by mlock() goes with the process, and what is pinned need not: the file may be
 * another process's, too. If that were the end of the charge, a user could have any
 * amount of memory pinned, by processes that map their limit and exit, or exec.
 *
 * So there is a tally of what each process is charged. When the process has gone, the
 * user inherits that: it counts against his own limit (user->locked_vm), and against
 * those of his other processes that map in this way. Nobody tells when a process goes.
 * That is looked for whenever the user, or a process of his, is to be charged.
 *
 * A process that exits loses its address space before it closes its files, which may
 * unpin everything. Until it has closed them it has not gone: the next guest must not
 * pay for one that is still being shut down.
 */
#include <linux/cred.h>
#include <linux/hashtable.h>
#include <linux/mm.h>
#include <linux/pid.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/sched/user.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#include "memory/tally.h"

/**
 * struct heir - a user, who inherits what his processes leave
 * @node: in @heirs, by user ID
 * @user: the user
 * @tallies: how many there are; under @heirs_lock
 * @lock: protects the rest, and what is in the tallies
 * @living: the tallies of processes that have not gone
 * @left: pages that the others are charged
 */
struct heir {
	struct hlist_node node;
	struct user_struct *user;
	unsigned int tallies;
	spinlock_t lock;
	struct list_head living;
	unsigned long left;
};

/**
 * struct tally - what one process is charged, in the name of one user
 * @heir: the user
 * @link: in heir->living; empty if the process has gone
 * @refs: accounts; under @heirs_lock
 * @mm: the address space of the process
 * @pid: the process
 * @npages: what it is charged
 */
struct tally {
	struct heir *heir;
	struct list_head link;
	unsigned int refs;
	struct mm_struct *mm;
	struct pid *pid;
	unsigned long npages;
};

static DEFINE_HASHTABLE(heirs, 6);
/* Outside the lock of an heir. Nobody sleeps with either. */
static DEFINE_SPINLOCK(heirs_lock);

/* How many there are, for tally_any(). */
unsigned int iommufd_tallies;

/* Has the process no address space any more, but files to close? */
static bool is_exiting(struct pid *pid)
{
	struct task_struct *leader, *task;
	bool exiting = false;

	rcu_read_lock();
	leader = pid_task(pid, PIDTYPE_TGID);
	if (leader)
		for_each_thread(leader, task)
			exiting |= !READ_ONCE(task->mm) &&
				   !READ_ONCE(task->exit_state);
	rcu_read_unlock();
	return exiting;
}

/* By exit(), or by exec(), after which the process has another address space. */
static bool has_gone(const struct tally *tally)
{
	return !atomic_read(&tally->mm->mm_users) && !is_exiting(tally->pid);
}

static void inherit(struct heir *heir)
{
	struct tally *tally, *next;

	lockdep_assert_held(&heir->lock);
	list_for_each_entry_safe(tally, next, &heir->living, link) {
		if (!has_gone(tally))
			continue;
		list_del_init(&tally->link);
		heir->left += tally->npages;
		atomic_long_add(tally->npages, &heir->user->locked_vm);
	}
}

static struct heir *heir_find(const struct user_struct *user)
{
	struct heir *heir;

	lockdep_assert_held(&heirs_lock);
	hash_for_each_possible(heirs, heir, node, __kuid_val(user->uid))
		if (heir->user == user)
			return heir;
	return NULL;
}

static struct tally *tally_find(struct heir *heir, const struct mm_struct *mm)
{
	struct tally *tally, *found = NULL;

	spin_lock(&heir->lock);
	list_for_each_entry(tally, &heir->living, link)
		if (tally->mm == mm)
			found = tally;
	spin_unlock(&heir->lock);
	return found;
}

/* The user of the current process, or @new for him, which is NULL then. */
static struct heir *heir_take(struct heir **new)
{
	struct heir *heir = heir_find(current_user());

	if (heir)
		return heir;
	heir = *new;
	*new = NULL;
	heir->user = get_uid(current_user());
	spin_lock_init(&heir->lock);
	INIT_LIST_HEAD(&heir->living);
	hash_add(heirs, &heir->node, __kuid_val(heir->user->uid));
	return heir;
}

/* The same for the process. */
static struct tally *tally_take(struct heir *heir, struct tally **new)
{
	struct tally *tally = tally_find(heir, current->mm);

	if (tally)
		return tally;
	tally = *new;
	*new = NULL;
	tally->heir = heir;
	tally->mm = current->mm;
	mmgrab(tally->mm);
	tally->pid = get_pid(task_tgid(current));
	heir->tallies++;
	WRITE_ONCE(iommufd_tallies, iommufd_tallies + 1);
	spin_lock(&heir->lock);
	list_add(&tally->link, &heir->living);
	spin_unlock(&heir->lock);
	return tally;
}

/**
 * iommufd_tally_get - the tally of the current process and its user
 *
 * Return: the tally with a reference, or NULL: no memory.
 */
struct tally *iommufd_tally_get(void)
{
	struct heir *heir = kzalloc(sizeof(*heir), GFP_KERNEL_ACCOUNT);
	struct tally *new = kzalloc(sizeof(*new), GFP_KERNEL_ACCOUNT);
	struct tally *tally = NULL;

	if (heir && new) {
		spin_lock(&heirs_lock);
		tally = tally_take(heir_take(&heir), &new);
		tally->refs++;
		spin_unlock(&heirs_lock);
	}
	kfree(new);
	kfree(heir);
	return tally;
}

static void tally_free(struct tally *tally)
{
	put_pid(tally->pid);
	mmdrop(tally->mm);
	kfree(tally);
}

static void heir_free(struct heir *heir)
{
	WARN_ON(heir->left);
	free_uid(heir->user);
	kfree(heir);
}

/**
 * iommufd_tally_put - the opposite of iommufd_tally_get()
 * @tally: the tally: nothing is charged to the account that had it
 */
void iommufd_tally_put(struct tally *tally)
{
	struct heir *heir = tally->heir;
	bool last, alone;

	spin_lock(&heirs_lock);
	last = !--tally->refs;
	alone = last && !--heir->tallies;
	if (last) {
		WRITE_ONCE(iommufd_tallies, iommufd_tallies - 1);
		spin_lock(&heir->lock);
		list_del_init(&tally->link);
		spin_unlock(&heir->lock);
	}
	if (alone)
		hash_del(&heir->node);
	spin_unlock(&heirs_lock);
	if (last) {
		WARN_ON(tally->npages);
		tally_free(tally);
	}
	if (alone)
		heir_free(heir);
}

/* Change what a tally has. If the process has gone it is the user who pays. */
static void tally_add(struct tally *tally, long npages)
{
	struct heir *heir = tally->heir;

	lockdep_assert_held(&heir->lock);
	tally->npages += npages;
	if (!list_empty(&tally->link))
		return;
	heir->left += npages;
	atomic_long_add(npages, &heir->user->locked_vm);
}

/**
 * iommufd_tally_charge - charge a process, if its limit permits that
 * @tally: its tally
 * @npages: how many
 * @locked: pages that it has locked, or is charged, already
 * @limit: RLIMIT_MEMLOCK in pages
 *
 * Return: 0 or -ENOMEM.
 */
int iommufd_tally_charge(struct tally *tally, unsigned long npages,
			 unsigned long locked, unsigned long limit)
{
	struct heir *heir = tally->heir;
	unsigned long used;
	int rc = 0;

	spin_lock(&heir->lock);
	inherit(heir);
	used = heir->left;
	/* Else its own are among what is left. */
	if (!list_empty(&tally->link))
		used += locked;
	if (npages > limit || used > limit - npages)
		rc = -ENOMEM;
	else
		tally_add(tally, npages);
	spin_unlock(&heir->lock);
	return rc;
}

/**
 * iommufd_tally_uncharge - the opposite of iommufd_tally_charge()
 * @tally: the tally
 * @npages: how many
 */
void iommufd_tally_uncharge(struct tally *tally, unsigned long npages)
{
	spin_lock(&tally->heir->lock);
	tally_add(tally, -npages);
	spin_unlock(&tally->heir->lock);
}

/**
 * iommufd_tally_left - what a user has inherited of processes that have gone
 * @user: the user
 *
 * Return: pages; they are in user->locked_vm from now on.
 */
unsigned long iommufd_tally_left(const struct user_struct *user)
{
	unsigned long left = 0;
	struct heir *heir;

	spin_lock(&heirs_lock);
	heir = heir_find(user);
	if (heir) {
		spin_lock(&heir->lock);
		inherit(heir);
		left = heir->left;
		spin_unlock(&heir->lock);
	}
	spin_unlock(&heirs_lock);
	return left;
}
