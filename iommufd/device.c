// SPDX-License-Identifier: GPL-2.0-only
/*
 * Devices: bind and unbind, attach, replace and detach by RID.
 *
 * An IOMMU group is a fact that is checked, not an object that users handle. The
 * first bind of a member takes the DMA ownership of the whole group, which blocks
 * the DMA of all its members; further members of the same context just succeed;
 * another context, or a kernel driver, is in the way (EBUSY). All attached
 * members share one page table: attaching a second one elsewhere is EINVAL, and
 * replacing the page table of one moves them all.
 */
#include <linux/iommu.h>
#include <linux/iommufd.h>
#include <linux/log2.h>
#include <linux/module.h>
#include <linux/pci-ats.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <uapi/linux/iommufd.h>

#include "bar.h"
#include "compat.h"
#include "device.h"
#include "hwpt.h"
#include "reason.h"

static bool allow_unsafe_interrupts;
module_param(allow_unsafe_interrupts, bool, 0644);
MODULE_PARM_DESC(allow_unsafe_interrupts,
		 "Allow devices on platforms without interrupt isolation: a device can then forge the interrupts of others");

/**
 * struct group - an IOMMU group that a context has devices of
 * @link: in the context's list
 * @iommu: the group
 * @bound: number of devices that are bound or being bound; under the context's
 *	group_lock
 * @owned: number of those for which the DMA ownership is held; likewise
 * @lock: protects the rest. The outermost lock of attach and detach.
 * @attached: the attached devices
 * @hwpt: their page table, or NULL; each of them holds a reference
 * @sw_msi_start: where the IOMMU driver wants its software-managed MSI window,
 *	or PHYS_ADDR_MAX
 */
struct group {
	struct list_head link;
	struct iommu_group *iommu;
	unsigned int bound;
	unsigned int owned;
	struct mutex lock;
	struct list_head attached;
	struct hwpt *hwpt;
	phys_addr_t sw_msi_start;
};

/**
 * struct iommufd_device - a device that is bound by its RID
 * @obj: in the ID table; the driver that has bound it holds a reference
 * @ctx: what it is bound to; referenced
 * @dev: the device
 * @group: its group
 * @link: in group->attached while it is attached
 * @bars: allows its BARs to be mapped for peer-to-peer
 */
struct iommufd_device {
	struct object obj;
	struct iommufd_ctx *ctx;
	struct device *dev;
	struct group *group;
	struct list_head link;
	struct bar_owner *bars;
};

static struct group *group_find(struct iommufd_ctx *ctx,
				const struct iommu_group *iommu)
{
	struct group *group;

	lockdep_assert_held(&ctx->group_lock);
	list_for_each_entry(group, &ctx->groups, link)
		if (group->iommu == iommu)
			return group;
	return NULL;
}

static struct group *group_new(struct iommufd_ctx *ctx,
			       struct iommu_group *iommu)
{
	struct group *group = kzalloc(sizeof(*group), GFP_KERNEL_ACCOUNT);

	if (!group)
		return NULL;
	group->iommu = iommu_group_ref_get(iommu);
	mutex_init(&group->lock);
	INIT_LIST_HEAD(&group->attached);
	group->sw_msi_start = PHYS_ADDR_MAX;
	list_add(&group->link, &ctx->groups);
	return group;
}

/* The context's structure for a device's group, counted for one more device. */
static struct group *group_get(struct iommufd_ctx *ctx, struct device *dev)
{
	struct iommu_group *iommu = iommu_group_get(dev);
	struct group *group;

	if (!iommu)
		return ERR_PTR(reason_note(ctx, -ENODEV,
					   "%s cannot be bound: no IOMMU translates its DMA",
					   dev_name(dev)));
	mutex_lock(&ctx->group_lock);
	group = group_find(ctx, iommu) ?: group_new(ctx, iommu);
	if (group)
		group->bound++;
	mutex_unlock(&ctx->group_lock);
	iommu_group_put(iommu);
	return group ?: ERR_PTR(-ENOMEM);
}

static void group_put(struct iommufd_ctx *ctx, struct group *group)
{
	mutex_lock(&ctx->group_lock);
	if (--group->bound) {
		mutex_unlock(&ctx->group_lock);
		return;
	}
	list_del(&group->link);
	mutex_unlock(&ctx->group_lock);

	WARN_ON(group->hwpt);
	iommu_group_put(group->iommu);
	mutex_destroy(&group->lock);
	kfree(group);
}

/* From here on the group is not the context's, if this was its last device. */
static void release_group(struct iommufd_ctx *ctx, struct device *dev,
			  struct group *group)
{
	mutex_lock(&ctx->group_lock);
	group->owned--;
	mutex_unlock(&ctx->group_lock);
	iommu_device_release_dma_owner(dev);
}

static void device_destroy_object(struct iommufd_ctx *ctx, struct object *obj)
{
	struct iommufd_device *idev =
		container_of(obj, struct iommufd_device, obj);

	release_group(ctx, idev->dev, idev->group);
	group_put(ctx, idev->group);
	bar_owner_put(idev->bars);
}

static const struct object_kind device_kind = {
	.name = "device",
	.destroy = device_destroy_object,
};

static struct iommufd_device *device_get(struct iommufd_ctx *ctx, u32 id)
{
	struct object *obj = object_get(ctx, id, &device_kind);

	return obj ? container_of(obj, struct iommufd_device, obj) : NULL;
}

static int check_isolation(struct iommufd_ctx *ctx, struct device *dev,
			   const struct group *group)
{
	/* Users have no means to write back caches, so DMA must be coherent. */
	if (!device_iommu_capable(dev, IOMMU_CAP_CACHE_COHERENCY))
		return reason_note(ctx, -EINVAL,
				   "%s cannot be bound: its DMA is not coherent with the CPU's caches",
				   dev_name(dev));
	if (iommu_group_has_isolated_msi(group->iommu))
		return 0;
	if (!allow_unsafe_interrupts)
		return reason_note(ctx, -EPERM,
				   "%s cannot be bound: the platform does not isolate interrupts (no interrupt remapping), and iommufd's parameter allow_unsafe_interrupts is off",
				   dev_name(dev));
	dev_warn(dev, "bound without interrupt isolation, because of the parameter allow_unsafe_interrupts\n");
	return 0;
}

/**
 * struct members - the devices of a group, in words
 * @text: "0000:06:00.0 (vfio-pci) 0000:06:00.1 (e1000e) ..."
 * @length: of @text
 */
struct members {
	char text[REASON_LEN];
	size_t length;
};

static int name_member(struct device *dev, void *data)
{
	struct members *members = data;

	members->length += scnprintf(members->text + members->length,
				     sizeof(members->text) - members->length,
				     " %s (%s)", dev_name(dev),
				     dev_driver_string(dev));
	return 0;
}

/* The core does not tell which device is in the way: name them all. */
static int claim_group(struct iommufd_ctx *ctx, struct device *dev,
		       struct group *group)
{
	int rc = iommu_device_claim_dma_owner(dev, ctx);
	struct members *members;

	if (!rc) {
		mutex_lock(&ctx->group_lock);
		group->owned++;
		mutex_unlock(&ctx->group_lock);
		return 0;
	}
	/* The core's EPERM means the same: there is another owner. */
	if (rc == -EPERM)
		rc = -EBUSY;
	members = kzalloc(sizeof(*members), GFP_KERNEL);
	if (!members)
		return rc;
	iommu_group_for_each_dev(group->iommu, members, name_member);
	reason_note(ctx, rc,
		    "%s cannot be bound: another user or driver has its IOMMU group %d:%s",
		    dev_name(dev), iommu_group_id(group->iommu), members->text);
	kfree(members);
	return rc;
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
	struct group *group;
	int rc;

	group = group_get(ctx, dev);
	if (IS_ERR(group))
		return ERR_CAST(group);
	rc = check_isolation(ctx, dev, group);
	if (!rc)
		rc = claim_group(ctx, dev, group);
	if (rc)
		goto err_group;

	rc = -ENOMEM;
	idev = kzalloc(sizeof(*idev), GFP_KERNEL_ACCOUNT);
	if (!idev)
		goto err_owner;
	idev->ctx = ctx;
	idev->dev = dev;
	idev->group = group;
	INIT_LIST_HEAD(&idev->link);
	rc = object_init(ctx, &idev->obj, &device_kind);
	if (rc)
		goto err_free;
	idev->bars = bar_owner_add(ctx, dev);
	if (!idev->bars) {
		/* Also gives up the ownership and the group. */
		object_abort(ctx, &idev->obj);
		return ERR_PTR(-ENOMEM);
	}
	context_get(ctx);
	/* A bound device cannot be destroyed by its ID. */
	object_hold(&idev->obj);
	*id = idev->obj.id;
	object_publish(ctx, &idev->obj);
	return idev;

err_free:
	kfree(idev);
err_owner:
	release_group(ctx, dev, group);
err_group:
	group_put(ctx, group);
	return ERR_PTR(rc);
}
EXPORT_SYMBOL_NS_GPL(iommufd_device_bind, IOMMUFD);

/**
 * iommufd_device_unbind - the opposite of iommufd_device_bind()
 * @idev: a bound device, detached
 *
 * Waits for commands that name the device. Peer-to-peer mappings of its BARs are
 * gone when this returns.
 */
void iommufd_device_unbind(struct iommufd_device *idev)
{
	struct iommufd_ctx *ctx = idev->ctx;

	if (bar_owner_retire(ctx, idev->bars))
		ioas_revoke(ctx, idev->bars);
	object_remove(ctx, &idev->obj);
	context_put(ctx);
}
EXPORT_SYMBOL_NS_GPL(iommufd_device_unbind, IOMMUFD);

/**
 * iommufd_ctx_has_group - has a context a device of a group?
 * @ctx: the context
 * @iommu: the group
 */
bool iommufd_ctx_has_group(struct iommufd_ctx *ctx, struct iommu_group *iommu)
{
	struct group *group;
	bool owned;

	if (!ctx || !iommu)
		return false;
	mutex_lock(&ctx->group_lock);
	group = group_find(ctx, iommu);
	owned = group && group->owned;
	mutex_unlock(&ctx->group_lock);
	return owned;
}
EXPORT_SYMBOL_NS_GPL(iommufd_ctx_has_group, IOMMUFD);

/**
 * iommufd_device_to_ictx - the context that a device is bound to
 * @idev: the device
 */
struct iommufd_ctx *iommufd_device_to_ictx(struct iommufd_device *idev)
{
	return idev->ctx;
}
EXPORT_SYMBOL_NS_GPL(iommufd_device_to_ictx, IOMMUFD);

/**
 * iommufd_device_to_id - the ID of a device
 * @idev: the device
 */
u32 iommufd_device_to_id(struct iommufd_device *idev)
{
	return idev->obj.id;
}
EXPORT_SYMBOL_NS_GPL(iommufd_device_to_id, IOMMUFD);

/* Keep an IOAS out of the ranges that a device cannot translate. */
static int reserve_for(struct iommufd_device *idev, struct ioas *ioas)
{
	struct iommu_resv_region *region;
	unsigned int hw_msi = 0, sw_msi = 0;
	LIST_HEAD(regions);
	int rc = 0;

	iommu_get_resv_regions(idev->dev, &regions);
	list_for_each_entry(region, &regions, list) {
		if (region->type == IOMMU_RESV_DIRECT_RELAXABLE)
			continue;
		if (region->type == IOMMU_RESV_MSI)
			hw_msi++;
		if (region->type == IOMMU_RESV_SW_MSI) {
			sw_msi++;
			idev->group->sw_msi_start = region->start;
		}
		rc = ioas_reserve(ioas, region->start,
				  region->start + region->length - 1,
				  idev->dev);
		if (rc)
			break;
	}
	iommu_put_resv_regions(idev->dev, &regions);

	/* The MSI window is either the hardware's or ours to set up. */
	if (!rc && WARN_ON(sw_msi > 1 || (sw_msi && hw_msi)))
		rc = -EINVAL;
	if (rc)
		ioas_unreserve(ioas, idev->dev);
	return rc;
}

static int setup_msi(const struct group *group, struct hwpt *hwpt)
{
	int rc;

	if (group->sw_msi_start == PHYS_ADDR_MAX || hwpt->msi_cookie)
		return 0;
	rc = iommu_get_msi_cookie(hwpt->table.domain, group->sw_msi_start);
	hwpt->msi_cookie = !rc;
	return rc;
}

/* The first device attaches the group; others only join it. */
static int group_attach(struct iommufd_device *idev, struct hwpt *hwpt)
{
	struct group *group = idev->group;
	int rc;

	lockdep_assert_held(&group->lock);
	if (group->hwpt && group->hwpt != hwpt)
		return reason_note(idev->ctx, -EINVAL,
				   "%s cannot be attached to HWPT %u: the devices of its IOMMU group %d are attached to HWPT %u of IOAS %u",
				   dev_name(idev->dev), hwpt->obj.id,
				   iommu_group_id(group->iommu),
				   group->hwpt->obj.id,
				   group->hwpt->ioas->obj.id);
	rc = reserve_for(idev, hwpt->ioas);
	if (rc)
		return rc;
	if (!group->hwpt) {
		rc = setup_msi(group, hwpt);
		if (!rc)
			rc = iommu_attach_group(hwpt->table.domain,
						group->iommu);
		if (rc) {
			ioas_unreserve(hwpt->ioas, idev->dev);
			return rc;
		}
		group->hwpt = hwpt;
	}
	object_hold(&hwpt->obj);
	list_add(&idev->link, &group->attached);
	return 0;
}

/* Returns the page table, of which the device's reference is left to drop. */
static struct hwpt *group_detach(struct iommufd_device *idev)
{
	struct group *group = idev->group;
	struct hwpt *hwpt = group->hwpt;

	lockdep_assert_held(&group->lock);
	list_del_init(&idev->link);
	if (list_empty(&group->attached)) {
		iommu_detach_group(hwpt->table.domain, group->iommu);
		group->hwpt = NULL;
	}
	ioas_unreserve(hwpt->ioas, idev->dev);
	return hwpt;
}

static int reserve_for_all(struct group *group, struct ioas *ioas)
{
	struct iommufd_device *idev, *undo;
	int rc;

	list_for_each_entry(idev, &group->attached, link) {
		rc = reserve_for(idev, ioas);
		if (rc)
			goto err_undo;
	}
	return 0;

err_undo:
	list_for_each_entry(undo, &group->attached, link) {
		if (undo == idev)
			break;
		ioas_unreserve(ioas, undo->dev);
	}
	return rc;
}

static void unreserve_for_all(struct group *group, struct ioas *ioas)
{
	struct iommufd_device *idev;

	list_for_each_entry(idev, &group->attached, link)
		ioas_unreserve(ioas, idev->dev);
}

/*
 * Move the whole group to another page table. The IOMMU driver changes from one
 * to the other without a moment in which a device sees neither or both.
 */
static int group_replace(struct iommufd_device *idev, struct hwpt *hwpt,
			 struct hwpt **old)
{
	struct group *group = idev->group;
	struct iommufd_device *member;
	int rc;

	lockdep_assert_held(&group->lock);
	*old = NULL;
	if (list_empty(&idev->link))
		return -EINVAL;
	if (group->hwpt == hwpt)
		return 0;
	if (group->hwpt->ioas != hwpt->ioas) {
		rc = reserve_for_all(group, hwpt->ioas);
		if (rc)
			return rc;
	}
	rc = setup_msi(group, hwpt);
	if (!rc)
		rc = iommu_group_replace_domain(group->iommu,
						hwpt->table.domain);
	if (group->hwpt->ioas != hwpt->ioas)
		unreserve_for_all(group, rc ? hwpt->ioas : group->hwpt->ioas);
	if (rc)
		return rc;

	*old = group->hwpt;
	group->hwpt = hwpt;
	list_for_each_entry(member, &group->attached, link)
		object_hold(&hwpt->obj);
	return 0;
}

/**
 * struct change - what an attach and a replace do differently
 * @replace: the device is attached already
 * @old: the page table that it has left
 * @members: how many devices have left it
 */
struct change {
	bool replace;
	struct hwpt *old;
	unsigned int members;
};

static int change_hwpt(struct iommufd_device *idev, struct hwpt *hwpt,
		       struct change *change)
{
	int rc;

	if (!change->replace)
		return group_attach(idev, hwpt);
	rc = group_replace(idev, hwpt, &change->old);
	if (change->old)
		change->members = list_count_nodes(&idev->group->attached);
	return rc;
}

/* Try the page tables that other attaches have made: EINVAL means no match. */
static int change_existing(struct iommufd_device *idev, struct ioas *ioas,
			   struct change *change, u32 *pt_id)
{
	struct ioas_table *table;

	list_for_each_entry(table, &ioas->tables, link) {
		struct hwpt *hwpt = container_of(table, struct hwpt, table);
		int rc;

		if (!hwpt_match(hwpt, idev->dev) ||
		    !refcount_inc_not_zero(&hwpt->obj.users))
			continue;
		rc = change_hwpt(idev, hwpt, change);
		if (!rc)
			*pt_id = hwpt->obj.id;
		/* Not the last: whoever drops that takes the attach lock. */
		object_put(ioas->ctx, &hwpt->obj);
		if (rc != -EINVAL)
			return rc;
	}
	return -ENOENT;
}

/* A page table for this device alone, until others match it. */
static int change_new(struct iommufd_device *idev, struct hwpt *hwpt,
		      struct change *change)
{
	int rc;

	hwpt->automatic = true;
	/*
	 * IOMMU drivers that cannot make a complete domain for a device finish
	 * it when the device is attached, so that has to come first. A device
	 * that is being moved gets a filled page table in any case: it may be
	 * doing DMA.
	 */
	if (!change->replace && !iommu_ops_of(idev->dev)->domain_alloc_user) {
		rc = change_hwpt(idev, hwpt, change);
		if (rc)
			return rc;
		rc = hwpt_fill(hwpt);
		if (rc)
			object_put(idev->ctx, &group_detach(idev)->obj);
		return rc;
	}
	rc = hwpt_fill(hwpt);
	if (rc)
		return rc;
	rc = change_hwpt(idev, hwpt, change);
	if (rc)
		hwpt_drain(hwpt);
	return rc;
}

static int change_ioas(struct iommufd_device *idev, struct ioas *ioas,
		       struct change *change, u32 *pt_id)
{
	struct hwpt *hwpt = NULL;
	int rc;

	mutex_lock(&ioas->attach_lock);
	rc = change_existing(idev, ioas, change, pt_id);
	if (rc == -ENOENT) {
		hwpt = hwpt_alloc(ioas, idev->dev, 0);
		rc = PTR_ERR_OR_ZERO(hwpt);
		if (!rc) {
			rc = change_new(idev, hwpt, change);
			if (!rc) {
				*pt_id = hwpt->obj.id;
				object_publish(idev->ctx, &hwpt->obj);
			}
		} else {
			hwpt = NULL;
		}
	}
	mutex_unlock(&ioas->attach_lock);
	if (rc && hwpt)
		object_abort(idev->ctx, &hwpt->obj);
	return rc;
}

static int device_change(struct iommufd_device *idev, u32 *pt_id, bool replace)
{
	struct change change = { .replace = replace };
	struct object *obj;
	int rc = -EINVAL;

	obj = object_get(idev->ctx, *pt_id, NULL);
	if (!obj)
		return -ENOENT;
	mutex_lock(&idev->group->lock);
	if (obj->kind == &ioas_kind) {
		rc = change_ioas(idev, ioas_of(obj), &change, pt_id);
	} else if (obj->kind == &hwpt_kind) {
		rc = change_hwpt(idev, hwpt_of(obj), &change);
		*pt_id = obj->id;
	}
	mutex_unlock(&idev->group->lock);
	object_put(idev->ctx, obj);

	while (change.members--)
		hwpt_put(change.old);
	return rc;
}

/**
 * iommufd_device_attach - let a device do DMA by an IOAS or a page table
 * @idev: a bound device, not attached
 * @pt_id: the ID of an IOAS or HWPT; set to that of the HWPT
 *
 * Return: 0, -ENOENT, -EINVAL (neither, or another device of the group is
 * attached elsewhere), -EADDRINUSE (something is mapped or allowed where the
 * device cannot translate), the errors of pinning and mapping what is in the
 * IOAS, or of the IOMMU driver.
 */
int iommufd_device_attach(struct iommufd_device *idev, u32 *pt_id)
{
	return device_change(idev, pt_id, false);
}
EXPORT_SYMBOL_NS_GPL(iommufd_device_attach, IOMMUFD);

/**
 * iommufd_device_replace - move a device and its group to another page table
 * @idev: an attached device
 * @pt_id: the ID of an IOAS or HWPT; set to that of the HWPT
 *
 * DMA that is running goes by the old or by the new page table, never elsewhere.
 *
 * Return: 0, or with the device where it was, an errno of
 * iommufd_device_attach().
 */
int iommufd_device_replace(struct iommufd_device *idev, u32 *pt_id)
{
	return device_change(idev, pt_id, true);
}
EXPORT_SYMBOL_NS_GPL(iommufd_device_replace, IOMMUFD);

/**
 * iommufd_device_detach - stop a device's DMA
 * @idev: an attached device
 */
void iommufd_device_detach(struct iommufd_device *idev)
{
	struct hwpt *hwpt;

	mutex_lock(&idev->group->lock);
	hwpt = group_detach(idev);
	mutex_unlock(&idev->group->lock);
	hwpt_put(hwpt);
}
EXPORT_SYMBOL_NS_GPL(iommufd_device_detach, IOMMUFD);

static int hwpt_alloc_filled(struct command *cmd, struct ioas *ioas,
			     struct device *dev, struct iommu_hwpt_alloc *arg)
{
	struct hwpt *hwpt;
	int rc;

	mutex_lock(&ioas->attach_lock);
	hwpt = hwpt_alloc(ioas, dev, arg->flags);
	rc = PTR_ERR_OR_ZERO(hwpt);
	if (!rc)
		rc = hwpt_fill(hwpt);
	mutex_unlock(&ioas->attach_lock);
	if (IS_ERR(hwpt))
		return rc;

	if (!rc) {
		arg->out_hwpt_id = hwpt->obj.id;
		rc = command_reply(cmd, sizeof(*arg));
	}
	if (rc)
		object_abort(cmd->ctx, &hwpt->obj);
	else
		object_publish(cmd->ctx, &hwpt->obj);
	return rc;
}

/**
 * device_cmd_hwpt_alloc - IOMMU_HWPT_ALLOC
 * @cmd: struct iommu_hwpt_alloc
 */
int device_cmd_hwpt_alloc(struct command *cmd)
{
	struct iommu_hwpt_alloc *arg = cmd->arg;
	struct iommufd_device *idev;
	struct object *pt;
	int rc = -EINVAL;

	if (arg->__reserved || arg->__reserved2)
		return -EOPNOTSUPP;
	if (arg->data_len ? arg->data_type == IOMMU_HWPT_DATA_NONE :
			    arg->data_type != IOMMU_HWPT_DATA_NONE)
		return -EINVAL;
	idev = device_get(cmd->ctx, arg->dev_id);
	if (!idev)
		return -ENOENT;
	pt = object_get(cmd->ctx, arg->pt_id, NULL);
	if (!pt)
		goto out_device;

	/* Data, or a page table below another one: the user-managed kind. */
	if (pt->kind == &hwpt_kind ||
	    (pt->kind == &ioas_kind && arg->data_len))
		rc = -EOPNOTSUPP;
	else if (pt->kind == &ioas_kind)
		rc = hwpt_alloc_filled(cmd, ioas_of(pt), idev->dev, arg);
	object_put(cmd->ctx, pt);
out_device:
	object_put(cmd->ctx, &idev->obj);
	return rc;
}

static void report_pasid(struct device *dev, struct iommu_hw_info *arg)
{
	int ctrl;

	arg->out_max_pasid_log2 = 0;
	if (!dev->iommu->max_pasids)
		return;
	arg->out_max_pasid_log2 = ilog2(dev->iommu->max_pasids);
	if (!dev_is_pci(dev))
		return;
	ctrl = pci_pasid_status(to_pci_dev(dev));
	if (ctrl < 0)
		return;
	if (ctrl & PCI_PASID_CTRL_EXEC)
		arg->out_capabilities |= IOMMU_HW_CAP_PCI_PASID_EXEC;
	if (ctrl & PCI_PASID_CTRL_PRIV)
		arg->out_capabilities |= IOMMU_HW_CAP_PCI_PASID_PRIV;
}

/* What the IOMMU driver says, cut or filled up to the length of the buffer. */
static int report_driver_data(struct device *dev, struct iommu_hw_info *arg)
{
	const struct iommu_ops *ops = iommu_ops_of(dev);
	void __user *out = u64_to_user_ptr(arg->data_uptr);
	u32 length = 0, n;
	void *data = NULL;
	int rc = 0;

	arg->out_data_type = IOMMU_HW_INFO_TYPE_NONE;
	if (ops->hw_info) {
		data = ops->hw_info(dev, &length, &arg->out_data_type);
		if (IS_ERR(data))
			return PTR_ERR(data);
	}
	n = min(length, arg->data_len);
	if (copy_to_user(out, data, n) ||
	    clear_user(out + n, arg->data_len - n))
		rc = -EFAULT;
	arg->data_len = length;
	kfree(data);
	return rc;
}

/**
 * device_cmd_get_hw_info - IOMMU_GET_HW_INFO
 * @cmd: struct iommu_hw_info
 */
int device_cmd_get_hw_info(struct command *cmd)
{
	struct iommu_hw_info *arg = cmd->arg;
	struct iommufd_device *idev;
	int rc;

	if (arg->flags || memchr_inv(arg->__reserved, 0,
				     sizeof(arg->__reserved)))
		return -EOPNOTSUPP;
	idev = device_get(cmd->ctx, arg->dev_id);
	if (!idev)
		return -ENOENT;
	rc = report_driver_data(idev->dev, arg);
	if (!rc) {
		/* Not IOMMU_HW_CAP_DIRTY_TRACKING: see hwpt_alloc(). */
		arg->out_capabilities = 0;
		report_pasid(idev->dev, arg);
	}
	object_put(cmd->ctx, &idev->obj);
	return rc ?: command_reply(cmd, sizeof(*arg));
}
