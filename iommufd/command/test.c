// SPDX-License-Identifier: GPL-2.0-only
/*
 * A door for test modules: only in the iommufd.ko that is built for them, and shut as
 * long as none is loaded.
 *
 * The kernel's own tests drive iommufd by IOMMU_TEST_CMD. That command is implemented
 * by a module that only tests load; here is what it needs from the inside, and no more.
 */
#include <linux/export.h>
#include <linux/iommufd.h>
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <uapi/linux/iommufd.h>

#include "compat.h"
#include "command/test.h"
#include "device/device.h"
#include "device/group.h"
#include "domain/hwpt.h"
#include "report/notice.h"
#include "space/space.h"
#include "space/table.h"

static const struct iommufd_test_ops __rcu *test_ops;

/**
 * iommufd_test_keeper - the owner of an IOMMU driver in a test module
 *
 * The IOMMU core holds the owner's module for every device behind the IOMMU. A test
 * module that makes these devices itself, and removes them when it is unloaded, must
 * not be the owner: it could never be unloaded. But the owner has to stay as long.
 *
 * Return: the module of iommufd, which test modules need in any case.
 */
struct module *iommufd_test_keeper(void)
{
	return THIS_MODULE;
}
EXPORT_SYMBOL_NS_GPL(iommufd_test_keeper, "IOMMUFD_TEST");

/**
 * iommufd_test_register - let a module implement IOMMU_TEST_CMD
 * @ops: of the module
 *
 * Return: 0, or -EBUSY: one module at a time.
 */
int iommufd_test_register(const struct iommufd_test_ops *ops)
{
	if (cmpxchg((const struct iommufd_test_ops **)&test_ops, NULL, ops))
		return -EBUSY;
	return 0;
}
EXPORT_SYMBOL_NS_GPL(iommufd_test_register, "IOMMUFD_TEST");

/**
 * iommufd_test_unregister - the opposite, when the module is being unloaded
 * @ops: of the module
 */
void iommufd_test_unregister(const struct iommufd_test_ops *ops)
{
	WARN_ON(rcu_access_pointer(test_ops) != ops);
	RCU_INIT_POINTER(test_ops, NULL);
	synchronize_rcu();
}
EXPORT_SYMBOL_NS_GPL(iommufd_test_unregister, "IOMMUFD_TEST");

/*
 * The module stays loaded as long as a context may have anything of its: objects, or
 * page tables of its IOMMU.
 */
static const struct iommufd_test_ops *test_ops_of(struct iommufd_ctx *ctx)
{
	const struct iommufd_test_ops *ops = READ_ONCE(ctx->test_ops);

	if (ops)
		return ops;
	rcu_read_lock();
	ops = rcu_dereference(test_ops);
	if (ops && !try_module_get(ops->owner))
		ops = NULL;
	rcu_read_unlock();
	/* Another thread was faster, with the same ones: there is only one module. */
	if (ops && cmpxchg(&ctx->test_ops, NULL, ops))
		module_put(ops->owner);
	return ops;
}

/**
 * iommufd_test_ioctl - IOMMU_TEST_CMD
 * @ctx: the context
 * @nr: a number that is none of our commands
 * @arg: the caller's structure
 *
 * Return: what the test module says; -ENOIOCTLCMD without one, and for other numbers.
 */
int iommufd_test_ioctl(struct iommufd_ctx *ctx, unsigned int nr,
		       void __user *arg)
{
	const struct iommufd_test_ops *ops;
	int rc;

	if (nr != _IO(IOMMUFD_TYPE, IOMMUFD_TEST_NR))
		return -ENOIOCTLCMD;
	ops = test_ops_of(ctx);
	if (!ops)
		return -ENOIOCTLCMD;
	rc = ops->ioctl(ctx, arg);
	if (rc < 0)
		iommufd_notice_failed(ctx, "IOMMU_TEST_CMD", rc);
	return rc;
}

/**
 * iommufd_test_release - a context is empty
 * @ctx: the context
 */
void iommufd_test_release(struct iommufd_ctx *ctx)
{
	if (ctx->test_ops)
		module_put(ctx->test_ops->owner);
}

/*
 * Objects ---------------------------------------------------------------------
 */

/**
 * struct iommufd_test_object - an object of the test module's
 * @obj: in the ID table
 * @ops: of the module
 * @data: the module's; NULL until the object is published
 */
struct iommufd_test_object {
	struct object obj;
	const struct iommufd_test_ops *ops;
	void *data;
};

static void test_object_destroy(struct iommufd_ctx *ctx, struct object *obj)
{
	struct iommufd_test_object *tobj =
		container_of(obj, struct iommufd_test_object, obj);

	if (tobj->data)
		tobj->ops->destroy(ctx, tobj->data);
}

static const struct object_kind test_object_kind = {
	.type = OBJECT_TEST,
	.name = "test object",
	.destroy = test_object_destroy,
};

/**
 * iommufd_test_object_new - an ID for something that the user can destroy
 * @ctx: the context
 * @ops: of the module, which is carrying out a command
 * @id: set to the ID
 *
 * Return: the object, for iommufd_test_object_publish() or _abort(); or NULL.
 */
struct iommufd_test_object *
iommufd_test_object_new(struct iommufd_ctx *ctx,
			const struct iommufd_test_ops *ops, u32 *id)
{
	struct iommufd_test_object *tobj = kzalloc(sizeof(*tobj),
						   GFP_KERNEL_ACCOUNT);

	if (!tobj)
		return NULL;
	if (iommufd_object_init(ctx, &tobj->obj, &test_object_kind)) {
		kfree(tobj);
		return NULL;
	}
	tobj->ops = ops;
	*id = tobj->obj.id;
	return tobj;
}
EXPORT_SYMBOL_NS_GPL(iommufd_test_object_new, "IOMMUFD_TEST");

/**
 * iommufd_test_object_publish - let the user find an object
 * @ctx: the context
 * @tobj: the object
 * @data: given to the module's destroy(): by DESTROY, or with the file
 */
void iommufd_test_object_publish(struct iommufd_ctx *ctx,
				 struct iommufd_test_object *tobj, void *data)
{
	tobj->data = data;
	iommufd_object_publish(ctx, &tobj->obj);
}
EXPORT_SYMBOL_NS_GPL(iommufd_test_object_publish, "IOMMUFD_TEST");

/**
 * iommufd_test_object_abort - drop an object that has not been published
 * @ctx: the context
 * @tobj: the object
 */
void iommufd_test_object_abort(struct iommufd_ctx *ctx,
			       struct iommufd_test_object *tobj)
{
	iommufd_object_abort(ctx, &tobj->obj);
}
EXPORT_SYMBOL_NS_GPL(iommufd_test_object_abort, "IOMMUFD_TEST");

/**
 * iommufd_test_object_get - find an object of the module's
 * @ctx: the context
 * @id: its ID
 * @data: set to what it was published with
 *
 * Return: the object, which is not destroyed until iommufd_test_object_put(), or NULL.
 */
struct iommufd_test_object *iommufd_test_object_get(struct iommufd_ctx *ctx,
						    u32 id, void **data)
{
	struct object *obj = iommufd_object_get(ctx, id, OBJECT_TEST);
	struct iommufd_test_object *tobj;

	if (!obj)
		return NULL;
	tobj = container_of(obj, struct iommufd_test_object, obj);
	*data = tobj->data;
	return tobj;
}
EXPORT_SYMBOL_NS_GPL(iommufd_test_object_get, "IOMMUFD_TEST");

/**
 * iommufd_test_object_put - the opposite
 * @ctx: the context
 * @tobj: the object
 */
void iommufd_test_object_put(struct iommufd_ctx *ctx,
			     struct iommufd_test_object *tobj)
{
	object_put(ctx, &tobj->obj);
}
EXPORT_SYMBOL_NS_GPL(iommufd_test_object_put, "IOMMUFD_TEST");

/*
 * What the module looks at ----------------------------------------------------
 */

/**
 * iommufd_test_bind - bind a device that goes with an object of the context
 * @ctx: the context
 * @dev: the device
 * @id: set to its ID
 *
 * As iommufd_device_bind(), but the device does not keep the context: it is bound by
 * an object of that context, which would keep it for ever.
 *
 * Return: as iommufd_device_bind().
 */
struct iommufd_device *iommufd_test_bind(struct iommufd_ctx *ctx,
					 struct device *dev, u32 *id)
{
	struct iommufd_device *idev = iommufd_device_bind(ctx, dev, id);

	if (!IS_ERR(idev)) {
		idev->weak = true;
		context_put(ctx);
	}
	return idev;
}
EXPORT_SYMBOL_NS_GPL(iommufd_test_bind, "IOMMUFD_TEST");

/**
 * iommufd_test_hwpt_get - look at a page table
 * @ctx: the context
 * @id: its ID
 * @domain: set to its domain
 *
 * Return: the page table, for iommufd_test_hwpt_put(), or NULL.
 */
struct hwpt *iommufd_test_hwpt_get(struct iommufd_ctx *ctx, u32 id,
				   struct iommu_domain **domain)
{
	struct hwpt *hwpt = hwpt_get(ctx, id);

	if (hwpt)
		*domain = hwpt->domain;
	return hwpt;
}
EXPORT_SYMBOL_NS_GPL(iommufd_test_hwpt_get, "IOMMUFD_TEST");

/**
 * iommufd_test_hwpt_put - the opposite
 * @hwpt: the page table
 */
void iommufd_test_hwpt_put(struct hwpt *hwpt)
{
	iommufd_hwpt_put(hwpt);
}
EXPORT_SYMBOL_NS_GPL(iommufd_test_hwpt_put, "IOMMUFD_TEST");

/**
 * iommufd_test_device_get - look at a bound device
 * @ctx: the context
 * @id: its ID
 * @dev: set to the device
 *
 * Return: the device, for iommufd_test_device_put(), or NULL.
 */
struct iommufd_device *iommufd_test_device_get(struct iommufd_ctx *ctx, u32 id,
					       struct device **dev)
{
	struct iommufd_device *idev = iommufd_device_get(ctx, id);

	if (idev)
		*dev = idev->dev;
	return idev;
}
EXPORT_SYMBOL_NS_GPL(iommufd_test_device_get, "IOMMUFD_TEST");

/**
 * iommufd_test_device_put - the opposite
 * @idev: the device
 */
void iommufd_test_device_put(struct iommufd_device *idev)
{
	object_put(idev->ctx, &idev->obj);
}
EXPORT_SYMBOL_NS_GPL(iommufd_test_device_put, "IOMMUFD_TEST");

/**
 * iommufd_test_reserve - keep a range of an IOAS from being mapped
 * @ctx: the context
 * @ioas_id: the IOAS; the reservation lasts as long as it
 * @start: first IOVA
 * @last: last IOVA, inclusive
 *
 * Return: 0, -ENOENT, or an errno of iommufd_ioas_reserve().
 */
int iommufd_test_reserve(struct iommufd_ctx *ctx, u32 ioas_id,
			 unsigned long start, unsigned long last)
{
	struct ioas *ioas = ioas_get(ctx, ioas_id);
	int rc;

	if (!ioas)
		return -ENOENT;
	rc = iommufd_ioas_reserve(ioas, start, last, NULL);
	ioas_put(ctx, ioas);
	return rc;
}
EXPORT_SYMBOL_NS_GPL(iommufd_test_reserve, "IOMMUFD_TEST");
