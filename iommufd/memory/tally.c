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
 *
 * The process is asked, not its address space: anybody may keep that, with nobody in it.
 * Whoever shares it (CLONE_VM) is charged by himself, on top of that, when the process
 * has gone.
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
 * @refs: tallies, and who is looking; under @heirs_lock
 * @lock: protects the rest, and what is in the tallies
 * @living: the tallies of processes that have not gone
 * @left: pages that the others are charged
 */
struct heir {
	struct hlist_node node;
	struct user_struct *user;
	unsigned int refs;
	spinlock_t lock;
	struct list_head living;
	unsigned long left;
};

/**
 * struct tally - what one process is charged, in the name of one user
 * @heir: the user
 * @link: in heir->living; empty if the process has gone
 * @refs: accounts
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
/*
 * Held for a moment, and with no other lock: looking through the tallies of a user takes
 * as long as he has processes, and other users are not to wait for that.
 */
static DEFINE_SPINLOCK(heirs_lock);

/* How many there are, for tally_any(). */
atomic_t iommufd_tallies = ATOMIC_INIT(0);

/*
 * By exit(), or by exec(), after which the process has another address space. One thread
 * that has any decides: the others are on their way out. If none has one, the process is,
 * until all threads have closed their files.
 */
static bool has_gone(const struct tally *tally)
{
	struct task_struct *leader, *task;
	bool gone = true;

	rcu_read_lock();
	leader = pid_task(tally->pid, PIDTYPE_TGID);
	if (!leader)
		goto out;
	for_each_thread(leader, task) {
		const struct mm_struct *mm = READ_ONCE(task->mm);

		if (mm) {
			gone = mm != tally->mm;
			break;
		}
		gone &= READ_ONCE(task->exit_state) != 0;
	}
out:
	rcu_read_unlock();
	return gone;
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

/* With a reference; @new becomes it, and NULL, if there is none yet. */
static struct heir *heir_get(struct user_struct *user, struct heir **new)
{
	struct heir *heir;

	spin_lock(&heirs_lock);
	heir = heir_find(user);
	if (!heir && new) {
		heir = *new;
		*new = NULL;
		heir->user = get_uid(user);
		spin_lock_init(&heir->lock);
		INIT_LIST_HEAD(&heir->living);
		hash_add(heirs, &heir->node, __kuid_val(user->uid));
	}
	if (heir)
		heir->refs++;
	spin_unlock(&heirs_lock);
	return heir;
}

static void heir_put(struct heir *heir)
{
	bool last;

	spin_lock(&heirs_lock);
	last = !--heir->refs;
	if (last)
		hash_del(&heir->node);
	spin_unlock(&heirs_lock);
	if (!last)
		return;
	WARN_ON(heir->left);
	free_uid(heir->user);
	kfree(heir);
}

static struct tally *tally_find(struct heir *heir, const struct mm_struct *mm)
{
	struct tally *tally;

	lockdep_assert_held(&heir->lock);
	list_for_each_entry(tally, &heir->living, link)
		if (tally->mm == mm)
			return tally;
	return NULL;
}

/* A reference on that of the current process; @new becomes it, and NULL, if there is none. */
static struct tally *tally_take(struct heir *heir, struct tally **new)
{
	struct tally *tally;

	spin_lock(&heir->lock);
	/* One of the same address space may be of a process that has left it. */
	inherit(heir);
	tally = tally_find(heir, current->mm);
	if (!tally) {
		tally = *new;
		*new = NULL;
		tally->heir = heir;
		tally->mm = current->mm;
		mmgrab(tally->mm);
		tally->pid = get_pid(task_tgid(current));
		list_add(&tally->link, &heir->living);
		atomic_inc(&iommufd_tallies);
	}
	tally->refs++;
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
	struct heir *heir, *spare = kzalloc(sizeof(*heir), GFP_KERNEL_ACCOUNT);
	struct tally *new = kzalloc(sizeof(*new), GFP_KERNEL_ACCOUNT);
	struct tally *tally = NULL;

	if (spare && new) {
		heir = heir_get(current_user(), &spare);
		tally = tally_take(heir, &new);
		/* A new tally keeps the reference. */
		if (new)
			heir_put(heir);
	}
	kfree(new);
	kfree(spare);
	return tally;
}

/**
 * iommufd_tally_put - the opposite of iommufd_tally_get()
 * @tally: the tally: nothing is charged to the account that had it
 */
void iommufd_tally_put(struct tally *tally)
{
	struct heir *heir = tally->heir;
	bool last;

	spin_lock(&heir->lock);
	last = !--tally->refs;
	if (last)
		list_del_init(&tally->link);
	spin_unlock(&heir->lock);
	if (!last)
		return;
	WARN_ON(tally->npages);
	atomic_dec(&iommufd_tallies);
	put_pid(tally->pid);
	mmdrop(tally->mm);
	kfree(tally);
	heir_put(heir);
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
unsigned long iommufd_tally_left(struct user_struct *user)
{
	struct heir *heir = heir_get(user, NULL);
	unsigned long left;

	if (!heir)
		return 0;
	spin_lock(&heir->lock);
	inherit(heir);
	left = heir->left;
	spin_unlock(&heir->lock);
	heir_put(heir);
	return left;
}
