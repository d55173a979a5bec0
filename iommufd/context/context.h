/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A context: what one open file of /dev/iommu owns.
 */
#ifndef IOMMUFD_CONTEXT_H
#define IOMMUFD_CONTEXT_H

#include <linux/completion.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/list.h>
#include <linux/llist.h>
#include <linux/mutex.h>
#include <linux/refcount.h>
#include <linux/rwsem.h>
#include <linux/sched.h>
#include <linux/uidgid.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

struct account;
struct iommufd_test_ops;
struct object;

/* IDs whose objects are in an array: it saves 131 instructions of each map. */
#define OBJECT_LOW	32

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
 * @number: identifies it to those outside, see registry.c
 * @readers: those looking at it from outside, plus one
 * @unread: the last reader has gone
 * @opener: the process that has opened it
 * @uid: its user
 * @comm: its command name at that time
 * @objects: the ID table
 * @low: the published objects with the first IDs, which is what commands name
 * @drained: woken when an object that is being removed loses its last user
 * @account_lock: protects @account
 * @account: the account that was used last, or NULL
 * @pinned: pages that are pinned
 * @reason_lock: protects @reasons
 * @reasons: why commands failed, by thread; see reason.c
 * @nr_reasons: how many there are; read without the lock
 * @charge_process: new mappings are charged to the process and not to the user
 * @test_ops: operations of the test module in use, referenced; see test.c. It is here
 *	without the door, too: the symbol versions of both builds are the same, and VFIO
 *	fits both
 * @container: the state of the legacy container, see container.c
 * @ioas_lock: protects @ioases. Taken before any lock of an IOAS.
 * @ioases: all IOASes of the context, so that every mapping can be reached in
 *	one step
 * @file_lock: held for reading while memory of files is pinned, for writing while that
 *	is moved to another account
 * @look_lock: keeps the IOASes in place while netlink fills one message
 * @group_lock: protects @groups
 * @groups: the IOMMU groups whose devices are bound to the context
 * @pasids: those that sub-devices share, see pasid.c
 * @nr_pasids: how many its sub-devices have, but for those they are bound by; likewise
 * @region_lock: protects @regions and @next_region. A leaf
 * @regions: memory of IOMMUs that can be mapped, see region.c
 * @next_region: the offset of the next one
 * @vdevice_lock: which devices are virtual ones of vIOMMUs, see vdevice.c
 * @bar_lock: protects @bar_owners and @imports. A leaf: nothing is taken under it.
 * @bar_owners: bound devices, whose BARs may be mapped for peer-to-peer DMA
 * @device: what /dev/iommu is in sysfs
 * @imports: dma-bufs that are mapped, see dmabuf_7.c
 * @imports_gone: those that nobody maps any more
 * @import_work: lets go of them
 * @eventq_lock: protects @eventqs and the events in them; taken in interrupts
 * @eventqs: queues that are told of events
 * @nr_eventqs: how many there are or are being made; under @eventq_lock
 * @rcu: reports of DMA faults read the context without a lock
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

	spinlock_t region_lock;
	struct list_head regions;
	unsigned long next_region;
	struct mutex vdevice_lock;

	struct mutex bar_lock;
	struct list_head bar_owners;
	struct device *device;
	struct list_head imports;
	struct llist_head imports_gone;
	struct work_struct import_work;

	spinlock_t eventq_lock;
	struct list_head eventqs;
	unsigned int nr_eventqs;

	struct rcu_head rcu;
};

/**
 * context_get - keep a context, even if its file is closed
 * @ctx: a context on which the caller has a reference
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
