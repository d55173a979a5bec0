// SPDX-License-Identifier: GPL-2.0-only
/*
 * PASIDs: what the user calls them (v), and what the hardware carries (p).
 *
 *	device				v and p		p is drawn from
 *	whole physical device		v == p		its own PASIDs: the user chooses
 *	sub-device, local		v != p		the parent's PASIDs
 *	sub-device, global		v != p		the system's: a v of a context has
 *							one p, on every device
 *
 * Sub-devices of one parent may belong to different contexts, and its own driver may
 * use PASIDs of the system's as well (SVA). To keep them out of each other's way, the
 * lower half of the parent's PASIDs is the system's, and the upper half is for local
 * ones. (The core's allocator knows nothing of that: if half of a parent's PASIDs are
 * in use for SVA, its own driver may be given one of the upper half.)
 *
 * A sub-device keeps all its PASIDs until it is unbound. By then its driver has made
 * sure that nothing it submitted is left. If a PASID were given to somebody else
 * before, old work could reach the new owner's memory.
 */
#include <linux/idr.h>
#include <linux/iommu.h>
#include <linux/slab.h>

#include "context/reason.h"
#include "device/group.h"
#include "device/pasid.h"

/*
 * Limit of global PASIDs of a context, not counting those by which sub-devices are
 * bound.
 */
#define GLOBAL_MAX	4096U

/**
 * struct parent - a device that has sub-devices, and all others of its IOMMU group:
 *	the core attaches a PASID for the whole group
 * @link: in parents
 * @group: the group, referenced
 * @max_pasids: PASIDs of the device that has the fewest
 * @users: its sub-devices
 * @local: the local PASIDs that have been handed out
 */
struct parent {
	struct list_head link;
	struct iommu_group *group;
	u32 max_pasids;
	unsigned int users;
	struct ida local;
};

/**
 * struct global_pasid - a PASID of the system that a context uses
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
 * @parent: the PASIDs of @dev, which all its sub-devices share
 * @space: where its PASIDs come from
 * @own: the PASID by which it is bound
 * @pasids: by v, see entry_of()
 */
struct subdevice {
	struct iommufd_ctx *ctx;
	struct device *dev;
	struct parent *parent;
	enum ioasid_pasid_space space;
	u32 own;
	struct xarray pasids;
};

/* An entry of subdevice.pasids: p, and whether it is attached now. */
static void *entry_of(u32 hw_pasid, bool attached)
{
	return xa_mk_value((unsigned long)hw_pasid << 1 | attached);
}

static u32 entry_pasid(const void *entry)
{
	return xa_to_value(entry) >> 1;
}

static bool entry_attached(const void *entry)
{
	return entry && xa_to_value(entry) & 1;
}

/* Protects parents, and the global PASIDs of all contexts. A leaf. */
static DEFINE_MUTEX(pasid_lock);
static LIST_HEAD(parents);

static int find_fewest(struct device *dev, void *data)
{
	u32 *max_pasids = data;

	if (dev->iommu->max_pasids)
		*max_pasids = min(*max_pasids, dev->iommu->max_pasids);
	return 0;
}

static struct parent *parent_new(struct iommu_group *group)
{
	struct parent *parent = kzalloc(sizeof(*parent), GFP_KERNEL_ACCOUNT);

	if (!parent)
		return NULL;
	parent->group = iommu_group_ref_get(group);
	parent->max_pasids = U32_MAX;
	iommu_group_for_each_dev(group, &parent->max_pasids, find_fewest);
	ida_init(&parent->local);
	list_add(&parent->link, &parents);
	return parent;
}

static struct parent *parent_get(struct device *dev)
{
	struct iommu_group *group = iommu_group_get(dev);
	struct parent *parent;

	lockdep_assert_held(&pasid_lock);
	list_for_each_entry(parent, &parents, link)
		if (parent->group == group)
			goto found;
	parent = parent_new(group);
found:
	if (parent)
		parent->users++;
	iommu_group_put(group);
	return parent;
}

static void parent_put(struct parent *parent)
{
	lockdep_assert_held(&pasid_lock);
	if (--parent->users)
		return;
	list_del(&parent->link);
	ida_destroy(&parent->local);
	iommu_group_put(parent->group);
	kfree(parent);
}

static u32 first_local(const struct parent *parent)
{
	return parent->max_pasids / 2;
}

static int take_local(struct parent *parent, u32 *hw_pasid)
{
	int pasid = ida_alloc_range(&parent->local, first_local(parent),
				    parent->max_pasids - 1,
				    GFP_KERNEL_ACCOUNT);

	if (pasid < 0)
		return pasid;
	*hw_pasid = pasid;
	return 0;
}

static int take_global(struct subdevice *sub, u32 *hw_pasid)
{
	u32 pasid = iommu_alloc_global_pasid(sub->dev);

	if (pasid == IOMMU_PASID_INVALID)
		return -ENOSPC;
	if (pasid >= first_local(sub->parent)) {
		iommu_free_global_pasid(pasid);
		return -ENOSPC;
	}
	*hw_pasid = pasid;
	return 0;
}

static int note_used_up(const struct subdevice *sub)
{
	return iommufd_reason_note(sub->ctx, -ENOSPC,
				   "all PASIDs that the sub-devices of %s can have are in use",
				   dev_name(sub->dev));
}

/*
 * There is one space for the whole system, of which sub-devices can have only the
 * lower half of a device's PASIDs: one guest must not use them all up.
 */
static int count_global(struct iommufd_ctx *ctx)
{
	lockdep_assert_held(&pasid_lock);
	if (ctx->nr_pasids == GLOBAL_MAX)
		return iommufd_reason_note(ctx, -ENOSPC,
					   "the devices of this file have %u PASIDs of the system's, which is the most that one can have",
					   GLOBAL_MAX);
	ctx->nr_pasids++;
	return 0;
}

/* The one that the context has for @pasid already, or a new one. */
static int take_shared(struct subdevice *sub, u32 pasid, u32 *hw_pasid)
{
	struct global_pasid *global = xa_load(&sub->ctx->pasids, pasid);
	int rc;

	if (global) {
		if (global->hw_pasid >= first_local(sub->parent))
			return iommufd_reason_note(sub->ctx, -ENOSPC,
						   "PASID %u is PASID %u of the system's on all devices of this file, and the sub-devices of %s have only those below %u",
						   pasid, global->hw_pasid,
						   dev_name(sub->dev),
						   first_local(sub->parent));
		goto found;
	}
	rc = count_global(sub->ctx);
	if (rc)
		return rc;
	global = kzalloc(sizeof(*global), GFP_KERNEL_ACCOUNT);
	rc = -ENOMEM;
	if (!global)
		goto err_uncount;
	rc = take_global(sub, &global->hw_pasid) ? note_used_up(sub) : 0;
	if (rc)
		goto err_free;
	rc = xa_insert(&sub->ctx->pasids, pasid, global, GFP_KERNEL_ACCOUNT);
	if (rc)
		goto err_pasid;
found:
	global->users++;
	*hw_pasid = global->hw_pasid;
	return 0;

err_pasid:
	iommu_free_global_pasid(global->hw_pasid);
err_free:
	kfree(global);
err_uncount:
	sub->ctx->nr_pasids--;
	return rc;
}

static void give_shared(struct subdevice *sub, u32 pasid)
{
	struct global_pasid *global = xa_load(&sub->ctx->pasids, pasid);

	if (--global->users)
		return;
	xa_erase(&sub->ctx->pasids, pasid);
	iommu_free_global_pasid(global->hw_pasid);
	kfree(global);
	sub->ctx->nr_pasids--;
}

static void sub_give(struct subdevice *sub, u32 pasid, u32 hw_pasid)
{
	mutex_lock(&pasid_lock);
	if (sub->space == IOASID_PASID_GLOBAL)
		give_shared(sub, pasid);
	else
		ida_free(&sub->parent->local, hw_pasid);
	mutex_unlock(&pasid_lock);
}

static int sub_take(struct subdevice *sub, u32 pasid, u32 *hw_pasid)
{
	void *entry = xa_load(&sub->pasids, pasid);
	int rc;

	if (entry) {
		*hw_pasid = entry_pasid(entry);
		xa_store(&sub->pasids, pasid, entry_of(*hw_pasid, true),
			 GFP_KERNEL_ACCOUNT);
		return 0;
	}
	mutex_lock(&pasid_lock);
	if (sub->space == IOASID_PASID_GLOBAL)
		rc = take_shared(sub, pasid, hw_pasid);
	else
		rc = take_local(sub->parent, hw_pasid);
	mutex_unlock(&pasid_lock);
	if (rc == -ENOSPC && sub->space == IOASID_PASID_LOCAL)
		note_used_up(sub);
	if (rc)
		return rc;
	rc = xa_insert(&sub->pasids, pasid, entry_of(*hw_pasid, true),
		       GFP_KERNEL_ACCOUNT);
	if (rc)
		sub_give(sub, pasid, *hw_pasid);
	return rc;
}

/**
 * iommufd_subdevice_new - reserve a PASID of a device for a sub-device
 * @ctx: the sub-device's context
 * @dev: the parent
 * @space: where its PASIDs are to be from
 *
 * Return: the sub-device, or ERR_PTR of -EOPNOTSUPP (the parent or its IOMMU has no
 * PASIDs), -ENOSPC (all are in use), -ENOMEM.
 */
struct subdevice *iommufd_subdevice_new(struct iommufd_ctx *ctx,
					struct device *dev,
					enum ioasid_pasid_space space)
{
	struct subdevice *sub;
	int rc = -ENOMEM;

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

	mutex_lock(&pasid_lock);
	sub->parent = parent_get(dev);
	if (!sub->parent)
		goto err_free;
	if (space == IOASID_PASID_GLOBAL)
		rc = take_global(sub, &sub->own);
	else
		rc = take_local(sub->parent, &sub->own);
	if (rc)
		goto err_parent;
	mutex_unlock(&pasid_lock);
	return sub;

err_parent:
	parent_put(sub->parent);
err_free:
	mutex_unlock(&pasid_lock);
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
	mutex_lock(&pasid_lock);
	if (sub->space == IOASID_PASID_GLOBAL)
		iommu_free_global_pasid(sub->own);
	else
		ida_free(&sub->parent->local, sub->own);
	parent_put(sub->parent);
	mutex_unlock(&pasid_lock);
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
 * iommufd_pasid_take - begin to use a PASID
 * @idev: the device, with its group's lock held
 * @pasid: as the user calls it, not in use with the device; 0: none, or a sub-device's
 *	own
 * @hw_pasid: set to what the hardware is to carry, or IOMMU_NO_PASID
 *
 * Return: 0, -EOPNOTSUPP (no PASIDs), -EINVAL (out of range), -ENOSPC (all are in
 * use), -ENOMEM.
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
	*hw_pasid = pasid;
	return 0;
}

/**
 * iommufd_pasid_give - the opposite of iommufd_pasid_take()
 * @idev: the device, with its group's lock held
 * @pasid: as the user calls it; no DMA uses it any more
 */
void iommufd_pasid_give(struct iommufd_device *idev, u32 pasid)
{
	struct subdevice *sub = idev->sub;
	void *entry;

	if (!pasid || !sub)
		return;
	/* Replaces an entry, which does not fail. */
	entry = xa_load(&sub->pasids, pasid);
	xa_store(&sub->pasids, pasid, entry_of(entry_pasid(entry), false),
		 GFP_KERNEL_ACCOUNT);
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
	if (!entry_attached(entry))
		return -ENOENT;
	*hw_pasid = entry_pasid(entry);
	return 0;
}
