/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Objects: what has an ID in a context, and the references on it.
 */
#ifndef IOMMUFD_OBJECT_H
#define IOMMUFD_OBJECT_H

#include <linux/nospec.h>
#include <linux/refcount.h>
#include <linux/types.h>

#include "context/context.h"

struct object;

/**
 * enum object_type - what an object is
 * @OBJECT_ANY: for look-ups that accept all of them
 * @OBJECT_IOAS: struct ioas
 * @OBJECT_HWPT: struct hwpt
 * @OBJECT_DEVICE: struct iommufd_device
 * @OBJECT_ACCESS: struct iommufd_access
 * @OBJECT_FAULT_QUEUE: struct fault_queue
 * @OBJECT_EVENT_QUEUE: struct eventq
 * @OBJECT_VIOMMU: struct viommu
 * @OBJECT_VDEVICE: struct vdevice
 * @OBJECT_VEVENT_QUEUE: struct vevent_queue
 * @OBJECT_HW_QUEUE: struct hw_queue
 * @OBJECT_TEST: of a test module
 */
enum object_type {
	OBJECT_ANY,
	OBJECT_IOAS,
	OBJECT_HWPT,
	OBJECT_DEVICE,
	OBJECT_ACCESS,
	OBJECT_FAULT_QUEUE,
	OBJECT_EVENT_QUEUE,
	OBJECT_VIOMMU,
	OBJECT_VDEVICE,
	OBJECT_VEVENT_QUEUE,
	OBJECT_HW_QUEUE,
	OBJECT_TEST,
};

/**
 * struct object_kind - what objects of one kind have in common
 * @type: which
 * @name: for messages
 * @destroy: releases everything but the memory of the object itself. Nobody
 *	else can see the object by then. Cannot fail.
 */
struct object_kind {
	enum object_type type;
	const char *name;
	void (*destroy)(struct iommufd_ctx *ctx, struct object *obj);
};

/**
 * struct object - one entry of the ID table; the first member of its holder
 * @kind: what it has in common with others
 * @type: that of @kind: what the holder is
 * @id: the number that user space knows
 * @users: the table's own reference, one for every command that is working
 *	with the object, one for every other object that depends on it, and one
 *	for a driver that owns it. It can be destroyed by its ID only while the
 *	table's is the only one.
 * @rcu: lookups read the table without a lock
 */
struct object {
	const struct object_kind *kind;
	enum object_type type;
	u32 id;
	refcount_t users;
	struct rcu_head rcu;
};

int iommufd_object_init(struct iommufd_ctx *ctx, struct object *obj,
			const struct object_kind *kind);
struct object *iommufd_object_alloc(struct iommufd_ctx *ctx,
				    const struct object_kind *kind, size_t size);
void iommufd_object_publish(struct iommufd_ctx *ctx, struct object *obj);
void iommufd_object_abort(struct iommufd_ctx *ctx, struct object *obj);

const struct object_kind *iommufd_object_kind(struct iommufd_ctx *ctx, u32 id);
struct object *iommufd_object_get(struct iommufd_ctx *ctx, u32 id,
				  enum object_type type);
struct file *iommufd_object_open(struct iommufd_ctx *ctx, struct object *obj,
				 const char *name,
				 const struct file_operations *fops, int flags);

int iommufd_object_destroy(struct iommufd_ctx *ctx, u32 id);
bool iommufd_object_put_last(struct iommufd_ctx *ctx, struct object *obj);
void iommufd_object_remove(struct iommufd_ctx *ctx, struct object *obj);
void iommufd_object_bury(struct iommufd_ctx *ctx, struct object *obj);
void iommufd_object_destroy_all(struct iommufd_ctx *ctx);

/**
 * object_get_inline - iommufd_object_get() where every instruction counts
 * @ctx: the context
 * @id: the ID
 * @type: what it must be
 *
 * Objects are freed by kfree_rcu(), which waits for this kind of reader, too; it
 * costs no function call.
 */
static inline struct object *object_get_inline(struct iommufd_ctx *ctx, u32 id,
					       enum object_type type)
{
	struct object *obj;

	if (unlikely(id >= OBJECT_LOW))
		return iommufd_object_get(ctx, id, type);
	/* The user chooses it: no speculation beyond the end of the array. */
	id = array_index_nospec(id, OBJECT_LOW);
	rcu_read_lock_sched();
	obj = rcu_dereference_sched(ctx->low[id]);
	if (unlikely(!obj || obj->type != type ||
		     !refcount_inc_not_zero(&obj->users)))
		obj = NULL;
	rcu_read_unlock_sched();
	return obj;
}

/**
 * object_put - give back a reference of iommufd_object_get() or object_hold()
 * @ctx: the context
 * @obj: the object
 */
static inline void object_put(struct iommufd_ctx *ctx, struct object *obj)
{
	/* The table's reference is gone: iommufd_object_remove() waits for ours. */
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

#endif
