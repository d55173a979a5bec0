// SPDX-License-Identifier: GPL-2.0-only
/*
 * PASIDs: what the user calls them (v), and what the hardware carries (p).
 *
 *	device				v and p
 *	whole physical device		v == p: the user chooses
 *	sub-device, local		v != p: each sub-device has a p of its own for v
 *	sub-device, global		v != p: a v of a context has one p, on every device
 *
 * Sub-devices of one parent may belong to different contexts, and its own driver may
 * use PASIDs as well (SVA). So all that sub-devices have come from the allocator of the
 * IOMMU core, from which everybody's come: then nobody has the PASID of somebody else,
 * not even one that is attached to nothing at the moment.
 *
 * There is one space for the whole system, and a device may have few of it. So that one
 * guest does not use them up, PASIDs to attach are from the lower half of what the
 * device has; a sub-device has a share of them, and a context a limit. The upper half
 * is for those by which sub-devices are bound, and for others.
 *
 * A sub-device keeps all PASIDs that it has had attached until it is unbound. By then
 * its driver has made sure that nothing it submitted is left. If a PASID were given to
 * somebody else before, old work could reach the new owner's memory.
 */
#include <linux/iommu.h>
#include <linux/slab.h>

#include "context/reason.h"
#include "device/group.h"
#include "device/pasid.h"

/* Limit of a context, not counting those by which sub-devices are bound. */
#define CONTEXT_MAX	4096U

/*
 * Limit of a whole device. All of its own are detached when it is unbound, with VFIO's lock
 * held, and gone through by IOMMU drivers, with interrupts off, whenever they flush.
 */
#define DEVICE_MAX	4096U

/* One of so many parts of a device's PASIDs is what a sub-device can have. */
#define SHARES		8

/**
 * struct global_pasid - a PASID that all sub-devices of a context share
 * @hw_pasid: the PASID
 * @users: how many sub-devices have ever had it attached
 */
struct global_pasid {
	u32 hw_pasid;
	unsigned int users;
};

/**
 * struct subdevice - the part of a device that is bound by RID+PASID
 * @ctx: its context
 * @dev: whose RID it shares
 * @space: whether others of the context share what it attaches
 * @end: its PASIDs are below this on all devices of the IOMMU group: the core attaches
 *	a PASID for the whole group
 * @own: the PASID by which it is bound
 * @nr: entries of @pasids
 * @pasids: by v, see entry_of()
 */
struct subdevice {
	struct iommufd_ctx *ctx;
	struct device *dev;
	enum ioasid_pasid_space space;
	u32 end;
	u32 own;
	u32 nr;
	struct xarray pasids;
};

/**
 * enum pasid_state - what is known of a PASID of a sub-device
 * @PASID_NEW: its driver has not been told it yet
 * @PASID_ATTACHED: it is attached
 * @PASID_KEPT: it was attached
 */
enum pasid_state {
	PASID_NEW,
	PASID_ATTACHED,
	PASID_KEPT,
};

/* An entry of subdevice.pasids. */
static void *entry_of(u32 hw_pasid, enum pasid_state state)
{
	return xa_mk_value((unsigned long)hw_pasid << 2 | state);
}

static u32 entry_pasid(const void *entry)
{
	return xa_to_value(entry) >> 2;
}

static enum pasid_state entry_state(const void *entry)
{
	return xa_to_value(entry) & 3;
}

/* Protects the PASIDs of all contexts. A leaf. */
static DEFINE_MUTEX(pasid_lock);

static int find_end(struct device *dev, void *data)
{
	u32 *end = data;

	if (dev->iommu->max_pasids)
		*end = min(*end, dev->iommu->max_pasids);
	return 0;
}

static u32 end_of(struct device *dev)
{
	struct iommu_group *group = iommu_group_get(dev);
	u32 end = dev->iommu->max_pasids;

	iommu_group_for_each_dev(group, &end, find_end);
	iommu_group_put(group);
	return end;
}

static int take_below(struct device *dev, u32 end, u32 *hw_pasid)
{
	u32 pasid = iommu_alloc_global_pasid(dev);

	if (pasid == IOMMU_PASID_INVALID)
		return -ENOSPC;
	if (pasid >= end) {
		iommu_free_global_pasid(pasid);
		return -ENOSPC;
	}
	*hw_pasid = pasid;
	return 0;
}

/* What it can attach are below this one. */
static u32 sub_end(const struct subdevice *sub)
{
	return sub->end / 2;
}

static int check_share(const struct subdevice *sub)
{
	u32 share = max(sub->end / SHARES, 1U);

	if (sub->nr < share)
		return 0;
	return iommufd_reason_note(sub->ctx, -ENOSPC,
				   "the sub-device has had %u PASIDs of %s, which is the most that one can have until it is unbound",
				   share, dev_name(sub->dev));
}

/* One for the context, which pays for it. */
static int take_counted(struct subdevice *sub, u32 *hw_pasid)
{
	struct iommufd_ctx *ctx = sub->ctx;

	lockdep_assert_held(&pasid_lock);
	if (ctx->nr_pasids == CONTEXT_MAX)
		return iommufd_reason_note(ctx, -ENOSPC,
					   "the sub-devices of this file have %u PASIDs, which is the most that one can have",
					   CONTEXT_MAX);
	if (take_below(sub->dev, sub_end(sub), hw_pasid))
		return iommufd_reason_note(ctx, -ENOSPC,
					   "all PASIDs that the sub-devices of %s can attach are in use",
					   dev_name(sub->dev));
	ctx->nr_pasids++;
	return 0;
}

static void give_counted(struct subdevice *sub, u32 hw_pasid)
{
	lockdep_assert_held(&pasid_lock);
	iommu_free_global_pasid(hw_pasid);
	sub->ctx->nr_pasids--;
}

static int take_new(struct subdevice *sub, u32 pasid)
{
	struct global_pasid *global = kzalloc(sizeof(*global),
					      GFP_KERNEL_ACCOUNT);
	int rc;

	if (!global)
		return -ENOMEM;
	rc = take_counted(sub, &global->hw_pasid);
	if (rc)
		goto err_free;
	rc = xa_insert(&sub->ctx->pasids, pasid, global, GFP_KERNEL_ACCOUNT);
	if (rc)
		goto err_give;
	return 0;

err_give:
	give_counted(sub, global->hw_pasid);
err_free:
	kfree(global);
	return rc;
}

/* The one that the context has for @pasid already, or a new one. */
static int take_shared(struct subdevice *sub, u32 pasid, u32 *hw_pasid)
{
	struct global_pasid *global;
	int rc = 0;

	if (!xa_load(&sub->ctx->pasids, pasid))
		rc = take_new(sub, pasid);
	if (rc)
		return rc;
	global = xa_load(&sub->ctx->pasids, pasid);
	if (global->hw_pasid >= sub_end(sub))
		return iommufd_reason_note(sub->ctx, -ENOSPC,
					   "PASID %u is PASID %u of the system's on all devices of this file, and the sub-devices of %s have only those below %u",
					   pasid, global->hw_pasid,
					   dev_name(sub->dev), sub_end(sub));
	global->users++;
	*hw_pasid = global->hw_pasid;
	return 0;
}

static void give_shared(struct subdevice *sub, u32 pasid)
{
	struct global_pasid *global = xa_load(&sub->ctx->pasids, pasid);

	if (--global->users)
		return;
	xa_erase(&sub->ctx->pasids, pasid);
	give_counted(sub, global->hw_pasid);
	kfree(global);
}

static void sub_give(struct subdevice *sub, u32 pasid, u32 hw_pasid)
{
	mutex_lock(&pasid_lock);
	if (sub->space == IOASID_PASID_GLOBAL)
		give_shared(sub, pasid);
	else
		give_counted(sub, hw_pasid);
	mutex_unlock(&pasid_lock);
}

static int sub_take(struct subdevice *sub, u32 pasid, u32 *hw_pasid)
{
	void *entry = xa_load(&sub->pasids, pasid);
	int rc;

	if (entry) {
		*hw_pasid = entry_pasid(entry);
		return 0;
	}
	rc = check_share(sub);
	if (rc)
		return rc;
	mutex_lock(&pasid_lock);
	if (sub->space == IOASID_PASID_GLOBAL)
		rc = take_shared(sub, pasid, hw_pasid);
	else
		rc = take_counted(sub, hw_pasid);
	mutex_unlock(&pasid_lock);
	if (rc)
		return rc;
	rc = xa_insert(&sub->pasids, pasid, entry_of(*hw_pasid, PASID_NEW),
		       GFP_KERNEL_ACCOUNT);
	if (rc)
		sub_give(sub, pasid, *hw_pasid);
	else
		sub->nr++;
	return rc;
}

/* Replaces an entry, which does not fail. */
static void sub_set(struct subdevice *sub, u32 pasid, enum pasid_state state)
{
	void *entry = xa_load(&sub->pasids, pasid);

	xa_store(&sub->pasids, pasid, entry_of(entry_pasid(entry), state),
		 GFP_KERNEL_ACCOUNT);
}

/**
 * iommufd_subdevice_new - reserve a PASID of a device for a sub-device
 * @ctx: the sub-device's context
 * @dev: the parent
 * @space: who is to share its PASIDs
 *
 * Return: the sub-device, or ERR_PTR of -EOPNOTSUPP (the parent or its IOMMU has no
 * PASIDs), -ENOSPC (all are in use), -ENOMEM.
 */
struct subdevice *iommufd_subdevice_new(struct iommufd_ctx *ctx,
					struct device *dev,
					enum ioasid_pasid_space space)
{
	struct subdevice *sub;
	int rc;

	/* PASID 0 would be the RID, which is the parent's. */
	if (dev->iommu->max_pasids < 2)
		return ERR_PTR(-EOPNOTSUPP);
	sub = kzalloc(sizeof(*sub), GFP_KERNEL_ACCOUNT);
	if (!sub)
		return ERR_PTR(-ENOMEM);
	sub->ctx = ctx;
	sub->dev = dev;
	sub->space = space;
	xa_init_flags(&sub->pasids, XA_FLAGS_ACCOUNT);

	sub->end = end_of(dev);
	rc = take_below(dev, sub->end, &sub->own);
	if (!rc)
		return sub;
	kfree(sub);
	return ERR_PTR(rc);
}

/**
 * iommufd_subdevice_free - the opposite of iommufd_subdevice_new()
 * @sub: a sub-device that is not attached any more; or NULL
 */
void iommufd_subdevice_free(struct subdevice *sub)
{
	unsigned long pasid;
	void *entry;

	if (!sub)
		return;
	xa_for_each(&sub->pasids, pasid, entry)
		sub_give(sub, pasid, entry_pasid(entry));
	xa_destroy(&sub->pasids);
	iommu_free_global_pasid(sub->own);
	kfree(sub);
}

/**
 * iommufd_subdevice_pasid - the PASID by which a sub-device is bound
 * @sub: the sub-device
 */
u32 iommufd_subdevice_pasid(const struct subdevice *sub)
{
	return sub->own;
}

/**
 * iommufd_subdevice_is_global - does a PASID of the user's mean the same on all
 * devices?
 * @sub: the sub-device
 */
bool iommufd_subdevice_is_global(const struct subdevice *sub)
{
	return sub->space == IOASID_PASID_GLOBAL;
}

/**
 * iommufd_pasid_max - the largest PASID that the user can attach
 * @idev: the device
 *
 * Return: as the user calls it; 0 if there are none.
 */
u32 iommufd_pasid_max(const struct iommufd_device *idev)
{
	u32 max = idev->dev->iommu->max_pasids;

	return max ? max - 1 : 0;
}

/**
 * iommufd_pasid_take - get a PASID, to attach it
 * @idev: the device, with its group's lock held
 * @pasid: as the user calls it, not in use with the device; 0: none, or a sub-device's
 *	own
 * @hw_pasid: set to what the hardware is to carry, or IOMMU_NO_PASID
 *
 * Followed by iommufd_pasid_use() or iommufd_pasid_give().
 *
 * Return: 0, -EOPNOTSUPP (no PASIDs), -EINVAL (out of range), -ENOSPC (all are in use, or
 * as many as it may have), -ENOMEM.
 */
int iommufd_pasid_take(struct iommufd_device *idev, u32 pasid, u32 *hw_pasid)
{
	if (!pasid) {
		*hw_pasid = idev->sub ? idev->sub->own : IOMMU_NO_PASID;
		return 0;
	}
	/* The core would accept it, and do nothing. */
	if (!iommufd_pasid_max(idev))
		return iommufd_reason_note(idev->ctx, -EOPNOTSUPP,
					   "%s, or its IOMMU, has no PASIDs",
					   idev->name);
	if (pasid > iommufd_pasid_max(idev))
		return iommufd_reason_note(idev->ctx, -EINVAL,
					   "the PASIDs of %s end at %u",
					   idev->name, iommufd_pasid_max(idev));
	if (idev->sub)
		return sub_take(idev->sub, pasid, hw_pasid);
	if (idev->nr_pasids == DEVICE_MAX)
		return iommufd_reason_note(idev->ctx, -ENOSPC,
					   "%s has %u PASIDs attached, which is the most that one can have",
					   idev->name, DEVICE_MAX);
	idev->nr_pasids++;
	*hw_pasid = pasid;
	return 0;
}

/**
 * iommufd_pasid_use - a PASID has been attached
 * @idev: the device, with its group's lock held
 * @pasid: what iommufd_pasid_take() was asked for
 *
 * From now on the driver of a sub-device can find it. Not before: others may have the
 * same one attached already.
 */
void iommufd_pasid_use(struct iommufd_device *idev, u32 pasid)
{
	if (pasid && idev->sub)
		sub_set(idev->sub, pasid, PASID_ATTACHED);
}

/**
 * iommufd_pasid_give - the opposite of iommufd_pasid_take(), and of iommufd_pasid_use()
 * @idev: the device, with its group's lock held
 * @pasid: as the user calls it; no DMA of the device uses it any more
 */
void iommufd_pasid_give(struct iommufd_device *idev, u32 pasid)
{
	struct subdevice *sub = idev->sub;
	void *entry;

	if (!pasid)
		return;
	if (!sub) {
		idev->nr_pasids--;
		return;
	}
	entry = xa_load(&sub->pasids, pasid);
	if (entry_state(entry) != PASID_NEW) {
		sub_set(sub, pasid, PASID_KEPT);
		return;
	}
	xa_erase(&sub->pasids, pasid);
	sub->nr--;
	sub_give(sub, pasid, entry_pasid(entry));
}

/**
 * iommufd_pasid_find - which PASID does the hardware carry?
 * @idev: the device
 * @pasid: as the user calls it; 0: none, or a sub-device's own
 * @hw_pasid: set to the answer; IOMMU_NO_PASID for the RID
 *
 * Return: 0; -ENOENT if a sub-device has no such PASID attached.
 */
int iommufd_pasid_find(const struct iommufd_device *idev, u32 pasid,
		       u32 *hw_pasid)
{
	void *entry;

	if (!idev->sub) {
		*hw_pasid = pasid;
		return 0;
	}
	if (!pasid) {
		*hw_pasid = idev->sub->own;
		return 0;
	}
	entry = xa_load(&idev->sub->pasids, pasid);
	if (!entry || entry_state(entry) != PASID_ATTACHED)
		return -ENOENT;
	*hw_pasid = entry_pasid(entry);
	return 0;
}
