/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What one open file of /dev/iommu owns, and its table of object IDs.
 */
#ifndef IOMMUFD_OBJECT_H
#define IOMMUFD_OBJECT_H

#include <linux/completion.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/nospec.h>
#include <linux/refcount.h>
#include <linux/rwsem.h>
#include <linux/sched.h>
#include <linux/uidgid.h>
#include <linux/wait.h>
#include <linux/xarray.h>

struct account;
struct iommufd_ctx;
struct iommufd_test_ops;
struct object;

#define OBJECT_LOW	32

/**
 * struct object_kind - what objects of one kind have in common
 * @name: for messages
 * @destroy: release everything but the memory of the object itself. Nobody
 *	else can see the object by then; cannot fail.
 */
struct object_kind {
	const char *name;
	void (*destroy)(struct iommufd_ctx *ctx, struct object *obj);
};

/**
 * struct object - one entry of the ID table; the first member of its holder
 * @kind: decides what the holder is
 * @id: the number that user space knows
 * @users: the table's own reference, one for every command that is working
 *	with the object, one for every other object that depends on it, and one
 *	for a driver that owns it. It can be destroyed by its ID only while the
 *	table's is the only one.
 * @rcu: lookups read the table without a lock
 */
struct object {
	const struct object_kind *kind;
	u32 id;
	refcount_t users;
	struct rcu_head rcu;
};

/**
 * struct container - the state of a legacy container; under the lock of ctx.objects
 * @ioas_id: the IOAS that its ioctls work on, or 0
 * @groups: VFIO groups that are attached to it
 * @made: the IOAS is VFIO's: it goes with the last group
 * @set: VFIO_SET_IOMMU has been called for that
 * @no_iommu: a device that has no IOMMU has been attached
 */
struct container {
	u32 ioas_id;
	unsigned int groups;
	bool made;
	bool set;
	bool no_iommu;
};

/**
 * struct iommufd_ctx - one open file of /dev/iommu
 * @file: the file. Its reference count is the context's: whoever needs the
 *	context to stay holds the file, so release runs after the last device
 *	has been unbound, whichever file descriptor was closed first.
 * @number: by which others call it, see registry.c
 * @readers: who looks at it from outside, plus one
 * @unread: the last reader has gone
 * @opener: the process that has opened it
 * @uid: its user
 * @comm: its command name by then
 * @objects: the ID table
 * @low: the published objects with the first IDs, which is what commands name
 * @drained: woken when an object that is being removed has lost its last user
 * @account_lock: protects @account
 * @account: on which memory was pinned last, or NULL
 * @pinned: pages that are pinned
 * @reason_lock: protects @reasons
 * @reasons: why commands have failed, by thread; see reason.c
 * @nr_reasons: how many there are; read without the lock
 * @charge_process: new mappings are charged to the process and not to the user
 * @test_ops: of the test module that has been used, referenced; see test.c
 * @container: what makes a legacy container of the context, see container.c
 * @ioas_lock: protects @ioases. Taken before any lock of an IOAS.
 * @ioases: all IOASes of the context, so that one step can reach every mapping
 * @file_lock: for reading, while files' memory is pinned; for writing, by who moves it
 *	to another account
 * @look_lock: who looks at an IOAS from outside keeps it by this, for as long as it takes
 *	to fill one message
 * @group_lock: protects @groups
 * @groups: the IOMMU groups that the context has devices of
 * @pasids: the global PASIDs of sub-devices, see pasid.c
 * @nr_pasids: how many there are; likewise
 * @bar_lock: protects @bar_owners. A leaf: nothing is taken under it.
 * @bar_owners: bound devices whose BARs may be mapped for peer-to-peer DMA
 * @eventq_lock: protects @eventqs and the events in them; taken in interrupts
 * @eventqs: queues that are told of events
 * @nr_eventqs: how many there are, and are about to be; under @eventq_lock
 * @rcu: reports of DMA faults look at it without a lock
 */
struct iommufd_ctx {
	struct file *file;
	u32 number;
	refcount_t readers;
	struct completion unread;
	struct pid *opener;
	kuid_t uid;
	char comm[TASK_COMM_LEN];
	struct xarray objects;
	struct object __rcu *low[OBJECT_LOW];
	wait_queue_head_t drained;
	spinlock_t account_lock;
	struct account *account;
	atomic_long_t pinned;
	spinlock_t reason_lock;
	struct list_head reasons;
	unsigned int nr_reasons;
	bool charge_process;
	const struct iommufd_test_ops *test_ops;
	struct container container;

	struct mutex ioas_lock;
	struct list_head ioases;
	struct rw_semaphore file_lock;
	struct mutex look_lock;

	struct mutex group_lock;
	struct list_head groups;
	struct xarray pasids;
	unsigned int nr_pasids;

	struct mutex bar_lock;
	struct list_head bar_owners;

	spinlock_t eventq_lock;
	struct list_head eventqs;
	unsigned int nr_eventqs;

	struct rcu_head rcu;
};

int object_init(struct iommufd_ctx *ctx, struct object *obj,
		const struct object_kind *kind);
void object_publish(struct iommufd_ctx *ctx, struct object *obj);
void object_abort(struct iommufd_ctx *ctx, struct object *obj);

struct object *object_get(struct iommufd_ctx *ctx, u32 id,
			  const struct object_kind *kind);

int object_destroy(struct iommufd_ctx *ctx, u32 id);
bool object_put_last(struct iommufd_ctx *ctx, struct object *obj);
void object_remove(struct iommufd_ctx *ctx, struct object *obj);
void object_destroy_all(struct iommufd_ctx *ctx);

/**
 * object_get_inline - object_get() where every instruction counts
 * @ctx: the context
 * @id: the ID
 * @kind: what it must be
 *
 * The memory of objects is freed after a grace period, for which kfree_rcu() waits
 * whatever the read side looks like: this one takes no call.
 */
static inline struct object *object_get_inline(struct iommufd_ctx *ctx, u32 id,
					       const struct object_kind *kind)
{
	struct object *obj;

	if (unlikely(id >= OBJECT_LOW))
		return object_get(ctx, id, kind);
	/* The user chooses it: not to be gone by before it has been compared. */
	id = array_index_nospec(id, OBJECT_LOW);
	rcu_read_lock_sched();
	obj = rcu_dereference_sched(ctx->low[id]);
	if (unlikely(!obj || obj->kind != kind ||
		     !refcount_inc_not_zero(&obj->users)))
		obj = NULL;
	rcu_read_unlock_sched();
	return obj;
}

/**
 * object_put - give back a reference of object_get() or object_hold()
 * @ctx: the context
 * @obj: the object
 */
static inline void object_put(struct iommufd_ctx *ctx, struct object *obj)
{
	/* The table's reference is gone: object_remove() waits for ours. */
	if (unlikely(refcount_dec_and_test(&obj->users)))
		wake_up_all(&ctx->drained);
}

/**
 * object_hold - depend on an object for longer than one command
 * @obj: an object that the caller already has a reference on
 */
static inline void object_hold(struct object *obj)
{
	refcount_inc(&obj->users);
}

/**
 * context_get - keep a context, whoever closes its file
 * @ctx: a context that the caller has already
 */
static inline void context_get(struct iommufd_ctx *ctx)
{
	get_file(ctx->file);
}

/**
 * context_put - the opposite of context_get()
 * @ctx: the context; may be gone afterwards
 */
static inline void context_put(struct iommufd_ctx *ctx)
{
	fput(ctx->file);
}

#endif
