// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ID table of one context: lookup, references, the order of destruction.
 *
 * One reference count answers both questions that matter. A command takes a
 * reference while it works with an object, and an object that depends on another
 * one (a page table on its IOAS) holds one for as long as it lives. The user may
 * destroy an object that only the table refers to; otherwise DESTROY is EBUSY,
 * at once, without waiting. Only a driver's unbind must not fail, so it waits
 * for the commands that are still working with its object (iommufd_object_remove()).
 *
 * Looking up an ID in the xarray costs more than many commands do with the
 * object, so the first few IDs have a place in an array, too.
 *
 * An object keeps its ID until it has been taken apart, so that an ID is never
 * handed out again while anything of its last holder is left.
 */
#include <linux/anon_inodes.h>
#include <linux/slab.h>

#include "context/object.h"

/**
 * iommufd_object_init - give a new object its ID, not yet visible to anybody
 * @ctx: the context that owns it
 * @obj: at the start of kmalloc()ed memory, which the table frees
 * @kind: what it is
 *
 * Must be followed by iommufd_object_publish() or iommufd_object_abort().
 *
 * Return: 0, or -ENOMEM or -EBUSY (no ID left), and @obj still belongs to the
 * caller.
 */
int iommufd_object_init(struct iommufd_ctx *ctx, struct object *obj,
			const struct object_kind *kind)
{
	obj->kind = kind;
	obj->type = kind->type;
	refcount_set(&obj->users, 1);
	return xa_alloc(&ctx->objects, &obj->id, NULL, xa_limit_31b,
			GFP_KERNEL_ACCOUNT);
}

/**
 * iommufd_object_alloc - memory for a new object, with its ID
 * @ctx: the context that owns it
 * @kind: what it is
 * @size: of its holder, in bytes
 *
 * Return: the object, see iommufd_object_init(), with all behind it zero; or ERR_PTR of
 * -ENOMEM or -EBUSY (no ID left).
 */
struct object *iommufd_object_alloc(struct iommufd_ctx *ctx,
				    const struct object_kind *kind, size_t size)
{
	struct object *obj = kzalloc(size, GFP_KERNEL_ACCOUNT);
	int rc;

	if (!obj)
		return ERR_PTR(-ENOMEM);
	rc = iommufd_object_init(ctx, obj, kind);
	if (!rc)
		return obj;
	kfree(obj);
	return ERR_PTR(rc);
}

/**
 * iommufd_object_publish - let commands find a new object by its ID
 * @ctx: the context
 * @obj: fully set up: nothing can fail any more
 */
void iommufd_object_publish(struct iommufd_ctx *ctx, struct object *obj)
{
	/*
	 * DESTROY looks in the xarray. An object that it can find must be in the
	 * array already, or its place there would be filled after it has gone.
	 */
	if (obj->id < OBJECT_LOW)
		rcu_assign_pointer(ctx->low[obj->id], obj);
	/* The slot was reserved by iommufd_object_init(): this does not allocate. */
	WARN_ON(xa_store(&ctx->objects, obj->id, obj, GFP_KERNEL));
}

/* Under rcu_read_lock(). */
static struct object *object_find(struct iommufd_ctx *ctx, u32 id)
{
	if (id < OBJECT_LOW)
		return rcu_dereference(ctx->low[array_index_nospec(id,
								   OBJECT_LOW)]);
	return xa_load(&ctx->objects, id);
}

static void object_hide(struct iommufd_ctx *ctx, struct object *obj)
{
	if (obj->id < OBJECT_LOW)
		RCU_INIT_POINTER(ctx->low[obj->id], NULL);
}

/**
 * iommufd_object_abort - destroy an object that nobody else can find
 * @ctx: the context
 * @obj: not published, or without references; in a state that the destroy
 *	function of its kind can cope with
 */
void iommufd_object_abort(struct iommufd_ctx *ctx, struct object *obj)
{
	obj->kind->destroy(ctx, obj);
	object_hide(ctx, obj);
	xa_erase(&ctx->objects, obj->id);
	kfree_rcu(obj, rcu);
}

/**
 * iommufd_object_open - open a file for a new object, and publish it
 * @ctx: the context
 * @obj: the object; the file holds a reference on it, and one on the context, which
 *	its release gives back
 * @name: of the file, for people to read
 * @fops: of the file, whose private_data is the object
 * @flags: O_RDONLY or O_RDWR
 *
 * Nothing may fail afterwards: the caller cannot take the file back.
 *
 * Return: the file, for fd_install(); or an ERR_PTR, with the object as it was.
 */
struct file *iommufd_object_open(struct iommufd_ctx *ctx, struct object *obj,
				 const char *name,
				 const struct file_operations *fops, int flags)
{
	struct file *file = anon_inode_getfile(name, fops, obj, flags);

	if (IS_ERR(file))
		return file;
	stream_open(file_inode(file), file);
	context_get(ctx);
	object_hold(obj);
	iommufd_object_publish(ctx, obj);
	return file;
}

/**
 * iommufd_object_get - find an object and keep it from being destroyed
 * @ctx: the context
 * @id: its ID
 * @type: what it must be, or OBJECT_ANY
 *
 * Return: the object, to be given back with object_put(), or NULL.
 */
struct object *iommufd_object_get(struct iommufd_ctx *ctx, u32 id,
				  enum object_type type)
{
	struct object *obj;

	rcu_read_lock();
	obj = object_find(ctx, id);
	if (obj && ((type != OBJECT_ANY && obj->type != type) ||
		    !refcount_inc_not_zero(&obj->users)))
		obj = NULL;
	rcu_read_unlock();
	return obj;
}

/**
 * iommufd_object_kind - what is an ID?
 * @ctx: the context
 * @id: the ID
 *
 * Return: the kind of the object, or NULL if there is none. Unlike a reference, the
 * answer keeps nobody waiting.
 */
const struct object_kind *iommufd_object_kind(struct iommufd_ctx *ctx, u32 id)
{
	const struct object_kind *kind = NULL;
	struct object *obj;

	rcu_read_lock();
	obj = object_find(ctx, id);
	/* Without references it is not published yet, or has just gone. */
	if (obj && refcount_read(&obj->users))
		kind = obj->kind;
	rcu_read_unlock();
	return kind;
}

/**
 * iommufd_object_put_last - drop a reference, and the table's if that is the only one
 * left
 * @ctx: the context
 * @obj: an object that the kernel made by itself
 *
 * Return: whether nobody can find the object any more: the caller then has to
 * destroy it by iommufd_object_abort().
 */
bool iommufd_object_put_last(struct iommufd_ctx *ctx, struct object *obj)
{
	bool last;

	/* Once our reference is gone, DESTROY may come first; RCU keeps the memory. */
	rcu_read_lock();
	object_put(ctx, obj);
	last = refcount_dec_if_one(&obj->users);
	rcu_read_unlock();
	return last;
}

/**
 * iommufd_object_destroy - the DESTROY command
 * @ctx: the context
 * @id: any kind of object
 *
 * Return: 0, -ENOENT, or -EBUSY while anything uses it, including another
 * thread's command at this moment.
 */
int iommufd_object_destroy(struct iommufd_ctx *ctx, u32 id)
{
	struct object *obj;
	int rc = -ENOENT;

	/*
	 * Under the table's lock: iommufd_object_remove() hides an object before it
	 * drops the driver's reference, so one that is found here still has it.
	 */
	xa_lock(&ctx->objects);
	obj = xa_load(&ctx->objects, id);
	if (obj && refcount_dec_if_one(&obj->users))
		rc = 0;
	else if (obj && refcount_read(&obj->users))
		rc = -EBUSY;
	xa_unlock(&ctx->objects);

	if (!rc)
		iommufd_object_abort(ctx, obj);
	return rc;
}

/* The caller has a reference; afterwards the table's is gone, too, as all others. */
static void object_withdraw(struct iommufd_ctx *ctx, struct object *obj)
{
	/* Replaces an entry, so it cannot fail, and keeps the ID taken. */
	object_hide(ctx, obj);
	xa_store(&ctx->objects, obj->id, XA_ZERO_ENTRY, GFP_KERNEL);

	refcount_dec(&obj->users);
	if (!refcount_dec_and_test(&obj->users))
		wait_event(ctx->drained, !refcount_read(&obj->users));
}

/**
 * iommufd_object_remove - destroy an object that a driver owns, which cannot fail
 * @ctx: the context
 * @obj: an object on which the caller holds a reference, and on which no other
 *	object depends
 *
 * Waits for the commands that are working with the object. New ones no longer
 * find it.
 */
void iommufd_object_remove(struct iommufd_ctx *ctx, struct object *obj)
{
	object_withdraw(ctx, obj);
	iommufd_object_abort(ctx, obj);
}

/**
 * iommufd_object_bury - destroy an object that its user has not destroyed
 * @ctx: the context
 * @obj: an object on which the caller holds a reference, and on which no other
 *	object depends
 *
 * As iommufd_object_remove(), but the ID is not given out again: the user does not know
 * that the object is gone, and may yet destroy it.
 */
void iommufd_object_bury(struct iommufd_ctx *ctx, struct object *obj)
{
	object_withdraw(ctx, obj);
	obj->kind->destroy(ctx, obj);
	kfree_rcu(obj, rcu);
}

/**
 * iommufd_object_destroy_all - take everything apart when the file is released
 * @ctx: a context that no command and no driver uses
 *
 * The references between objects form a graph without cycles. Each pass removes
 * the objects that nothing depends on, until nothing is left.
 */
void iommufd_object_destroy_all(struct iommufd_ctx *ctx)
{
	struct object *obj;
	unsigned long id;
	bool progress;

	do {
		progress = false;
		xa_for_each(&ctx->objects, id, obj) {
			if (!refcount_dec_if_one(&obj->users))
				continue;
			iommufd_object_abort(ctx, obj);
			progress = true;
		}
	} while (progress);

	/* IDs of those that have been buried are left. */
	id = 0;
	WARN_ON(xa_find(&ctx->objects, &id, ULONG_MAX, XA_PRESENT));
	xa_destroy(&ctx->objects);
}
