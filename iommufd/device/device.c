// SPDX-License-Identifier: GPL-2.0-only
/*
 * Devices: bind and unbind, by RID and by RID+PASID.
 *
 * The functions that drivers call are declared in <linux/iommufd.h> and
 * <linux/ioasid.h>.
 */
#include <linux/ioasid.h>
#include <linux/iommu.h>
#include <linux/iommufd.h>
#include <linux/pagemap.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <uapi/linux/iommufd.h>
#include <uapi/linux/ioasid.h>

#include "compat.h"
#include "context/reason.h"
#include "device/attach.h"
#include "device/container.h"
#include "device/device.h"
#include "device/group.h"
#include "device/pasid.h"
#include "device/vdevice.h"
#include "domain/hwpt.h"
#include "memory/bar.h"
#include "report/event.h"
#include "report/fault.h"
#include "report/notice.h"
#include "space/revoke.h"

/* No command works with the device any more: detach what it has attached. */
static void device_destroy_object(struct iommufd_ctx *ctx, struct object *obj)
{
	struct iommufd_device *idev =
		container_of(obj, struct iommufd_device, obj);

	iommufd_attach_remove_all(idev);
	iommufd_vdevice_device_gone(idev);
	iommufd_split_unbind(&idev->split);
	mutex_lock(&ctx->group_lock);
	list_del_init(&idev->link);
	mutex_unlock(&ctx->group_lock);
	iommufd_subdevice_free(idev->sub);
	if (!idev->sub)
		iommufd_group_release(ctx, idev->dev, idev->group);
	iommufd_group_put(ctx, idev->group);
	iommufd_bar_owner_put(idev->bars);
	kfree(idev->name);
}

static const struct object_kind device_kind = {
	.type = OBJECT_DEVICE,
	.name = "device",
	.destroy = device_destroy_object,
};

/**
 * iommufd_device_get - find a bound device
 * @ctx: the context
 * @id: its ID
 *
 * Return: the device, whose object is to be given back by object_put(), or NULL.
 */
struct iommufd_device *iommufd_device_get(struct iommufd_ctx *ctx, u32 id)
{
	struct object *obj = iommufd_object_get(ctx, id, OBJECT_DEVICE);

	return obj ? container_of(obj, struct iommufd_device, obj) : NULL;
}

/**
 * iommufd_device_explain_none - there is no such device
 * @ctx: the context
 * @id: the ID
 *
 * Return: -ENOENT.
 */
int iommufd_device_explain_none(struct iommufd_ctx *ctx, u32 id)
{
	return iommufd_reason_note(ctx, -ENOENT,
				   "there is no device with the ID %u", id);
}

/*
 * Bind and unbind -------------------------------------------------------------
 */

static void tell_device(const struct iommufd_device *idev,
			enum ioasid_event_kind kind)
{
	const struct notice notice = {
		.kind = kind,
		.ctx = idev->ctx,
		.device = idev->name,
		.device_id = idev->obj.id,
	};

	iommufd_notice_send(&notice);
}

/* A bound device cannot be destroyed by its ID: the driver has a reference. */
static void device_publish(struct iommufd_device *idev, u32 *id)
{
	context_get(idev->ctx);
	object_hold(&idev->obj);
	*id = idev->obj.id;
	iommufd_object_publish(idev->ctx, &idev->obj);
	tell_device(idev, IOASID_EVENT_KIND_BIND);
}

static struct iommufd_device *device_new(struct iommufd_ctx *ctx,
					 struct device *dev,
					 struct group *group, const char *name)
{
	struct iommufd_device *idev = kzalloc(sizeof(*idev),
					      GFP_KERNEL_ACCOUNT);
	int rc;

	if (!idev)
		return ERR_PTR(-ENOMEM);
	idev->ctx = ctx;
	idev->dev = dev;
	idev->group = group;
	INIT_LIST_HEAD(&idev->members);
	idev->name = kstrdup(name, GFP_KERNEL_ACCOUNT);
	rc = -ENOMEM;
	if (!idev->name)
		goto err_free;
	rc = iommufd_split_bind(&idev->split, ctx, dev_name(dev));
	if (rc)
		goto err_free;
	rc = iommufd_object_init(ctx, &idev->obj, &device_kind);
	if (rc)
		goto err_split;
	mutex_lock(&ctx->group_lock);
	list_add(&idev->link, &group->devices);
	mutex_unlock(&ctx->group_lock);
	return idev;

err_split:
	iommufd_split_unbind(&idev->split);
err_free:
	kfree(idev->name);
	kfree(idev);
	return ERR_PTR(rc);
}

static struct iommufd_device *bind_device(struct iommufd_ctx *ctx,
					  struct device *dev, u32 *id)
{
	struct iommufd_device *idev;
	struct group *group;
	int rc;

	group = iommufd_group_get(ctx, dev);
	if (IS_ERR(group))
		return ERR_CAST(group);
	rc = iommufd_group_check_isolation(ctx, dev, group);
	if (!rc)
		rc = iommufd_group_claim(ctx, dev, group);
	if (rc)
		goto err_group;

	idev = device_new(ctx, dev, group, dev_name(dev));
	rc = PTR_ERR_OR_ZERO(idev);
	if (rc)
		goto err_owner;
	idev->bars = iommufd_bar_owner_add(ctx, dev);
	if (!idev->bars) {
		/* This also undoes everything that was taken. */
		iommufd_object_abort(ctx, &idev->obj);
		return ERR_PTR(-ENOMEM);
	}
	device_publish(idev, id);
	return idev;

err_owner:
	iommufd_group_release(ctx, dev, group);
err_group:
	iommufd_group_put(ctx, group);
	return ERR_PTR(rc);
}

/**
 * iommufd_device_bind - give a context control over a device's DMA
 * @ctx: the context
 * @dev: a device whose driver lets user space drive it
 * @id: set to the ID of the new device object
 *
 * DMA of the device's whole group is blocked until a device is attached.
 *
 * Return: the device, to be given to iommufd_device_unbind(); or ERR_PTR of
 * -ENODEV (no IOMMU), -EINVAL (DMA not coherent), -EPERM (no interrupt
 * isolation), -EBUSY (the group belongs to another context or to a kernel
 * driver), -ENOMEM.
 */
struct iommufd_device *iommufd_device_bind(struct iommufd_ctx *ctx,
					   struct device *dev, u32 *id)
{
	struct iommufd_device *idev;

	reason_begin(ctx);
	idev = bind_device(ctx, dev, id);
	if (IS_ERR(idev))
		iommufd_notice_failed(ctx, "bind", PTR_ERR(idev));
	return idev;
}
EXPORT_SYMBOL_NS_GPL(iommufd_device_bind, "IOMMUFD");

static struct iommufd_device *bind_subdevice(struct iommufd_ctx *ctx,
					     struct device *parent,
					     struct device *dev,
					     enum ioasid_pasid_space space,
					     u32 *id)
{
	struct iommufd_device *idev;
	struct subdevice *sub;
	struct group *group;
	int rc;

	group = iommufd_group_get(ctx, parent);
	if (IS_ERR(group))
		return ERR_CAST(group);
	rc = iommufd_group_check_isolation(ctx, parent, group);
	if (rc)
		goto err_group;
	sub = iommufd_subdevice_new(ctx, parent, space);
	if (IS_ERR(sub)) {
		rc = iommufd_reason_note(ctx, PTR_ERR(sub),
					 "%s cannot be bound: its parent %s has no PASID for it",
					 dev_name(dev), dev_name(parent));
		goto err_group;
	}
	idev = device_new(ctx, parent, group, dev_name(dev));
	rc = PTR_ERR_OR_ZERO(idev);
	if (rc)
		goto err_sub;
	idev->sub = sub;
	device_publish(idev, id);
	return idev;

err_sub:
	iommufd_subdevice_free(sub);
err_group:
	iommufd_group_put(ctx, group);
	return ERR_PTR(rc);
}

/**
 * ioasid_bind_subdevice - give a context control over a part of a device's DMA
 * @ctx: the context
 * @parent: the device whose RID the DMA carries, driven by a kernel driver. It must not
 *	lose that before the sub-device has been unbound
 * @dev: the sub-device, for its name
 * @space: who is to share its PASIDs
 * @id: set to the ID of the new device object
 *
 * The kernel chooses the PASID by which the sub-device is bound; nobody else has it. Its DMA is blocked until the sub-device is attached, by
 * iommufd_device_attach(). The user can attach further PASIDs, see
 * ioasid_find_pasid().
 *
 * Return: the sub-device, to be given to iommufd_device_unbind(); or ERR_PTR of -ENODEV
 * (no IOMMU), -EOPNOTSUPP (no PASIDs), -ENOSPC (all PASIDs are in use), -EINVAL, -EPERM
 * as iommufd_device_bind(), -ENOMEM.
 */
struct iommufd_device *ioasid_bind_subdevice(struct iommufd_ctx *ctx,
					     struct device *parent,
					     struct device *dev,
					     enum ioasid_pasid_space space,
					     u32 *id)
{
	struct iommufd_device *idev;

	reason_begin(ctx);
	idev = bind_subdevice(ctx, parent, dev, space, id);
	if (IS_ERR(idev))
		iommufd_notice_failed(ctx, "bind", PTR_ERR(idev));
	return idev;
}
EXPORT_SYMBOL_NS_GPL(ioasid_bind_subdevice, "IOMMUFD");

/**
 * iommufd_device_unbind - the opposite of iommufd_device_bind()
 * @idev: a bound device or sub-device, detached
 *
 * Waits for commands that name the device. Its PASIDs are detached and peer-to-peer
 * mappings of its BARs are gone when this returns.
 */
void iommufd_device_unbind(struct iommufd_device *idev)
{
	struct iommufd_ctx *ctx = idev->ctx;
	bool weak = idev->weak;
	u32 id = idev->obj.id;

	if (idev->bars && iommufd_bar_owner_retire(ctx, idev->bars))
		iommufd_ioas_revoke(ctx, idev->bars);
	tell_device(idev, IOASID_EVENT_KIND_UNBIND);
	iommufd_object_remove(ctx, &idev->obj);
	iommufd_event_device_gone(ctx, id);
	iommufd_container_settle(ctx);
	if (!weak)
		context_put(ctx);
}
EXPORT_SYMBOL_NS_GPL(iommufd_device_unbind, "IOMMUFD");

static void device_switch_bars(struct iommufd_device *idev, bool off)
{
	if (idev->bars && iommufd_bar_owner_switch(idev->ctx, idev->bars, off))
		iommufd_ioas_switch_bars(idev->ctx, idev->bars);
}

/**
 * ioasid_device_bars_off - keep all devices from reaching a device's BARs
 * @idev: the device, which its driver keeps bound. The driver calls this and
 *	ioasid_device_bars_on() one after the other, and already refuses to let a page
 *	fault put a BAR into an address space of the CPU
 *
 * Mappings of the BARs stay, but translate nothing when this returns: DMA to them
 * faults. The caller may hold a lock that it takes to serve such a page fault.
 */
void ioasid_device_bars_off(struct iommufd_device *idev)
{
	device_switch_bars(idev, true);
}
EXPORT_SYMBOL_NS_GPL(ioasid_device_bars_off, "IOMMUFD");

/**
 * ioasid_device_bars_on - the opposite of ioasid_device_bars_off()
 * @idev: the device, whose BARs answer again
 *
 * If memory is short a mapping may stay without translation: the user is told by
 * IOASID_EVENT_RANGE_LOST, and the next call tries again.
 */
void ioasid_device_bars_on(struct iommufd_device *idev)
{
	device_switch_bars(idev, false);
}
EXPORT_SYMBOL_NS_GPL(ioasid_device_bars_on, "IOMMUFD");

/**
 * iommufd_ctx_has_group - does a context have a device of a group?
 * @ctx: the context
 * @iommu: the group
 */
bool iommufd_ctx_has_group(struct iommufd_ctx *ctx, struct iommu_group *iommu)
{
	return ctx && iommu && iommufd_group_is_owned(ctx, iommu);
}
EXPORT_SYMBOL_NS_GPL(iommufd_ctx_has_group, "IOMMUFD");

/**
 * iommufd_device_to_ictx - the context that a device is bound to
 * @idev: the device
 */
struct iommufd_ctx *iommufd_device_to_ictx(struct iommufd_device *idev)
{
	return idev->ctx;
}
EXPORT_SYMBOL_NS_GPL(iommufd_device_to_ictx, "IOMMUFD");

/**
 * iommufd_device_to_id - the ID of a device
 * @idev: the device
 */
u32 iommufd_device_to_id(struct iommufd_device *idev)
{
	return idev->obj.id;
}
EXPORT_SYMBOL_NS_GPL(iommufd_device_to_id, "IOMMUFD");

/**
 * ioasid_own_pasid - the PASID by which a device is bound
 * @idev: the device
 *
 * Return: the PASID that DMA of a sub-device carries if its user names none; for other
 * devices IOMMU_NO_PASID.
 */
u32 ioasid_own_pasid(struct iommufd_device *idev)
{
	return idev->sub ? iommufd_subdevice_pasid(idev->sub) : IOMMU_NO_PASID;
}
EXPORT_SYMBOL_NS_GPL(ioasid_own_pasid, "IOMMUFD");

/**
 * ioasid_find_pasid - convert a PASID of the user's
 * @idev: the device
 * @pasid: what the user has named, in IOASID_PASID_ATTACH and in what it submits
 * @hw_pasid: set to the PASID that DMA has to carry
 *
 * May be called where sleeping is not allowed. The answer is good until the user
 * detaches the PASID: what a driver has submitted by then is blocked, unless others of
 * the context have the same one (IOASID_PASID_GLOBAL).
 *
 * Return: 0, -ENOENT if a sub-device has no such PASID attached.
 */
int ioasid_find_pasid(struct iommufd_device *idev, u32 pasid, u32 *hw_pasid)
{
	return iommufd_pasid_find(idev, pasid, hw_pasid);
}
EXPORT_SYMBOL_NS_GPL(ioasid_find_pasid, "IOMMUFD");

/*
 * Attach and detach -----------------------------------------------------------
 */

/**
 * iommufd_device_change - attach a device to an IOAS or a page table, or move it there
 * @idev: a bound device
 * @pasid: which one of the device's; 0: its RID, or a sub-device's own PASID
 * @pt_id: the ID of an IOAS or HWPT; set to that of the HWPT
 * @mode: whether it is attached already
 *
 * Return: 0 or an errno of iommufd_attach_change().
 */
int iommufd_device_change(struct iommufd_device *idev, u32 pasid, u32 *pt_id,
			  enum attach_mode mode)
{
	struct attach_info info;
	struct object *pt;
	int rc;

	reason_begin(idev->ctx);
	pt = iommufd_pt_hold(idev->ctx, *pt_id);
	rc = PTR_ERR_OR_ZERO(pt);
	if (!rc) {
		rc = iommufd_attach_change(idev, pasid, pt, mode, &info);
		iommufd_pt_release(idev->ctx, pt);
	}
	if (rc)
		iommufd_notice_failed(idev->ctx, "attach", rc);
	else
		*pt_id = info.hwpt_id;
	return rc;
}

/**
 * ioasid_hold - pin the memory of what a device will be attached to
 * @ctx: the context
 * @pt_id: the ID of an IOAS or HWPT
 *
 * The caller must not hold a lock that anybody else waits for: this may take for ever,
 * or until a fatal signal. iommufd_device_attach() and _replace() to @pt_id then do not
 * wait for memory.
 *
 * Return: to be given to ioasid_release(); or ERR_PTR of -ENOENT, or of an error of
 * pinning, with which the attach would fail, too.
 */
struct ioasid_held *ioasid_hold(struct iommufd_ctx *ctx, u32 pt_id)
{
	struct object *pt;

	reason_begin(ctx);
	pt = iommufd_pt_hold(ctx, pt_id);
	if (IS_ERR(pt))
		iommufd_notice_failed(ctx, "attach", PTR_ERR(pt));
	return (struct ioasid_held *)pt;
}
EXPORT_SYMBOL_NS_GPL(ioasid_hold, "IOMMUFD");

/**
 * ioasid_release - the opposite of ioasid_hold()
 * @ctx: the context
 * @held: what it has returned
 */
void ioasid_release(struct iommufd_ctx *ctx, struct ioasid_held *held)
{
	iommufd_pt_release(ctx, (struct object *)held);
}
EXPORT_SYMBOL_NS_GPL(ioasid_release, "IOMMUFD");
