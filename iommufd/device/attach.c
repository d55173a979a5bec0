// SPDX-License-Identifier: GPL-2.0-only
/*
 * Attach, replace and detach, by RID and by RID+PASID.
 *
 * An attachment says which page table translates the DMA of a group: there is one for
 * its RIDs, and one for each PASID in use. Its members are the bound devices that have
 * asked for it: the first one attaches the group, others join, the last one detaches
 * it. All members share one page table: attaching another member elsewhere is EINVAL,
 * and replacing the page table of one moves them all.
 *
 * Each member is a source of the page table, by which faults are traced back. Sources
 * are always registered before the hardware can fault, and stay until every page
 * request has been answered.
 */
#include <linux/ioasid.h>
#include <linux/iommu.h>
#include <linux/slab.h>

#include "compat.h"
#include "context/reason.h"
#include "device/attach.h"
#include "device/group.h"
#include "device/hardware.h"
#include "device/member.h"
#include "device/pasid.h"
#include "device/rid.h"
#include "domain/driver.h"
#include "domain/hwpt.h"
#include "report/notice.h"
#include "report/trace.h"

static void trace_attach(const struct member *member, const struct hwpt *hwpt)
{
	const struct iommufd_device *idev = member->idev;

	trace_ioasid_attach(idev->ctx->number, idev->name, member->source.pasid,
			    hwpt->obj.id, hwpt->ioas->obj.id);
}

static void trace_detach(const struct member *member, const struct hwpt *hwpt)
{
	const struct iommufd_device *idev = member->idev;

	trace_ioasid_detach(idev->ctx->number, idev->name, member->source.pasid,
			    hwpt->obj.id, hwpt->ioas->obj.id);
}

/* Under the lock of the group. */
static struct attachment *attachment_of(const struct iommufd_device *idev,
					u32 pasid)
{
	u32 hw_pasid;

	lockdep_assert_held(&idev->group->lock);
	if (iommufd_pasid_find(idev, pasid, &hw_pasid))
		return NULL;
	return xa_load(&idev->group->attachments, hw_pasid);
}

static struct member *member_of(const struct attachment *att,
				const struct iommufd_device *idev)
{
	struct member *member;

	if (!att)
		return NULL;
	list_for_each_entry(member, &att->members, link)
		if (member->idev == idev)
			return member;
	return NULL;
}

/*
 * Attachments -----------------------------------------------------------------
 */

static struct attachment *attachment_new(struct group *group, u32 hw_pasid)
{
	struct attachment *att = kzalloc(sizeof(*att), GFP_KERNEL_ACCOUNT);
	int rc;

	if (!att)
		return ERR_PTR(-ENOMEM);
	INIT_LIST_HEAD(&att->members);
	att->hw_pasid = hw_pasid;
	rc = xa_insert(&group->attachments, hw_pasid, att, GFP_KERNEL_ACCOUNT);
	if (rc) {
		kfree(att);
		return ERR_PTR(rc);
	}
	return att;
}

static void attachment_free(struct group *group, struct attachment *att)
{
	iommufd_hardware_settle(att);
	xa_erase(&group->attachments, att->hw_pasid);
	kfree(att);
}

static int refuse_other(struct iommufd_device *idev,
			const struct attachment *att, const struct hwpt *hwpt)
{
	return iommufd_reason_note(idev->ctx, -EINVAL,
				   "%s cannot be attached to HWPT %u: the devices of its IOMMU group %d are attached to HWPT %u of IOAS %u",
				   idev->name, hwpt->obj.id,
				   iommu_group_id(idev->group->iommu),
				   att->hwpt->obj.id, att->hwpt->ioas->obj.id);
}

/* Neither the IOMMU core nor its driver says why. Linux 6.12 does not mind resets. */
static void note_refused(const struct iommufd_device *idev,
			 const struct attachment *att, const struct hwpt *hwpt,
			 int rc)
{
	if (rc == -EINVAL)
		iommufd_reason_note(idev->ctx, rc,
				    "the IOMMU of %s does not take HWPT %u: it has been made for another one, or another kind of attachment",
				    idev->name, hwpt->obj.id);
	else if (rc == -EBUSY && att->hw_pasid != IOMMU_NO_PASID)
		iommufd_reason_note(idev->ctx, rc,
				    "PASID %u of %s is in use: by its driver, by another file, or by a table of PASIDs that its RID is attached to; or a device of its group is being reset",
				    att->hw_pasid, dev_name(idev->dev));
	else if (rc == -EBUSY)
		iommufd_reason_note(idev->ctx, rc,
				    "%s cannot be attached to HWPT %u: a device of its IOMMU group %d is attached, by RID or PASID, or is being reset",
				    idev->name, hwpt->obj.id,
				    iommu_group_id(idev->group->iommu));
}

static int attach_first(struct iommufd_device *idev, struct attachment *att,
			u32 pasid, struct hwpt *hwpt)
{
	struct member *member = iommufd_member_new(idev, att, pasid, hwpt);
	int rc;

	if (IS_ERR(member))
		return PTR_ERR(member);
	rc = iommufd_hardware_attach(idev->group, att, idev, hwpt);
	if (rc) {
		note_refused(idev, att, hwpt, rc);
		iommufd_member_free(member, hwpt, false);
		/* Never the last reference: the caller has one. */
		object_put(idev->ctx, &hwpt->obj);
		return rc;
	}
	att->hwpt = hwpt;
	list_add(&member->link, &att->members);
	trace_attach(member, hwpt);
	return 0;
}

static int attach_join(struct iommufd_device *idev, struct attachment *att,
		       u32 pasid, struct hwpt *hwpt)
{
	struct member *member;

	if (att->hwpt != hwpt)
		return refuse_other(idev, att, hwpt);
	member = iommufd_member_new(idev, att, pasid, hwpt);
	if (IS_ERR(member))
		return PTR_ERR(member);
	list_add(&member->link, &att->members);
	trace_attach(member, hwpt);
	return 0;
}

static int attach_new(struct iommufd_device *idev, u32 pasid, struct hwpt *hwpt,
		      struct attach_info *info)
{
	struct group *group = idev->group;
	struct attachment *att;
	u32 hw_pasid;
	int rc;

	rc = iommufd_pasid_take(idev, pasid, &hw_pasid);
	if (rc)
		return rc;
	att = xa_load(&group->attachments, hw_pasid);
	if (att) {
		rc = attach_join(idev, att, pasid, hwpt);
	} else {
		att = attachment_new(group, hw_pasid);
		rc = PTR_ERR_OR_ZERO(att);
		if (!rc)
			rc = attach_first(idev, att, pasid, hwpt);
		if (rc && !IS_ERR(att))
			attachment_free(group, att);
	}
	if (rc) {
		iommufd_pasid_give(idev, pasid);
		return rc;
	}
	iommufd_pasid_use(idev, pasid);
	info->hwpt_id = hwpt->obj.id;
	info->hw_pasid = hw_pasid;
	return 0;
}

static void tell_attached(const struct iommufd_device *idev, u32 pasid,
			  const struct hwpt *hwpt)
{
	const struct notice notice = {
		.kind = hwpt ? IOASID_EVENT_KIND_ATTACH :
			       IOASID_EVENT_KIND_DETACH,
		.ctx = idev->ctx,
		.device = idev->name,
		.device_id = idev->obj.id,
		.pasid = pasid,
		.page_table = hwpt ? hwpt->obj.id : 0,
		.space = hwpt ? hwpt->ioas->obj.id : 0,
	};

	iommufd_notice_send(&notice);
}

/* Returns the page table: the caller has to drop the member's reference. */
static struct hwpt *attach_drop(struct iommufd_device *idev,
				struct attachment *att, struct member *member)
{
	u32 pasid = member->source.pasid;
	struct hwpt *hwpt = att->hwpt;

	list_del(&member->link);
	if (list_empty(&att->members))
		iommufd_hardware_detach(idev->group, att, idev);
	trace_detach(member, hwpt);
	iommufd_member_free(member, hwpt, false);
	if (list_empty(&att->members))
		attachment_free(idev->group, att);
	iommufd_pasid_give(idev, pasid);
	return hwpt;
}

/* The same for what has been told of as attached. */
static struct hwpt *attach_end(struct iommufd_device *idev,
			       struct attachment *att, struct member *member)
{
	u32 pasid = member->source.pasid;
	struct hwpt *hwpt = attach_drop(idev, att, member);

	tell_attached(idev, pasid, NULL);
	return hwpt;
}

/* Returns how many references to the page table the caller has to drop. */
static unsigned int members_free(struct list_head *members, struct hwpt *hwpt,
				 bool moved)
{
	struct member *member, *next;
	unsigned int nr = 0;

	list_for_each_entry_safe(member, next, members, link) {
		list_del(&member->link);
		iommufd_member_free(member, hwpt, moved);
		nr++;
	}
	return nr;
}

static int members_copy(const struct attachment *att, struct hwpt *hwpt,
			struct list_head *copies)
{
	struct member *member, *copy;

	list_for_each_entry(member, &att->members, link) {
		copy = iommufd_member_new(member->idev, att,
					  member->source.pasid, hwpt);
		if (IS_ERR(copy))
			return PTR_ERR(copy);
		list_add_tail(&copy->link, copies);
	}
	return 0;
}

/* What the hardware has detached is not attached any more, for all members. */
static unsigned int attachment_lost(struct iommufd_device *idev,
				    struct attachment *att)
{
	struct group *group = idev->group;
	struct hwpt *hwpt = att->hwpt;
	struct member *member, *next;
	unsigned int nr = 0;

	if (att->hw_pasid == IOMMU_NO_PASID)
		iommufd_reason_note(idev->ctx, -EIO,
				    "%s is detached from HWPT %u: it could not be moved, and not be attached again",
				    idev->name, hwpt->obj.id);
	else
		iommufd_reason_note(idev->ctx, -EIO,
				    "PASID %u of the hardware is detached from HWPT %u: it could not be moved, and not be attached again",
				    att->hw_pasid, hwpt->obj.id);
	list_for_each_entry_safe(member, next, &att->members, link) {
		struct iommufd_device *other = member->idev;
		u32 pasid = member->source.pasid;

		list_del(&member->link);
		trace_detach(member, hwpt);
		iommufd_member_free(member, hwpt, false);
		iommufd_pasid_give(other, pasid);
		tell_attached(other, pasid, NULL);
		nr++;
	}
	attachment_free(group, att);
	return nr;
}

/**
 * struct change - an attach or a replace in progress
 * @idev: the device
 * @pasid: as the user calls it
 * @replace: there is an attachment to change
 * @info: the result
 * @left: the page table that has been left, or NULL
 * @gone: the members that have left it. They stay as they are, with what they have
 *	reserved and their page requests enabled, until there is no way back
 * @nr_left: how many have been freed; their references on @left are to be dropped
 */
struct change {
	struct iommufd_device *idev;
	u32 pasid;
	bool replace;
	struct attach_info *info;
	struct hwpt *left;
	struct list_head gone;
	unsigned int nr_left;
};

static int hardware_move(struct iommufd_device *idev, struct attachment *att,
			 struct hwpt *hwpt)
{
	int rc = iommufd_hardware_replace(idev, att, hwpt);

	if (rc && !att->lost)
		note_refused(idev, att, hwpt, rc);
	return rc;
}

/* The hardware has moved to @hwpt, with @members, which are those that have left then. */
static void members_exchange(struct attachment *att, struct hwpt *hwpt,
			     struct list_head *members)
{
	struct member *member;
	LIST_HEAD(gone);

	list_splice_init(&att->members, &gone);
	list_splice_init(members, &att->members);
	list_splice(&gone, members);
	list_for_each_entry(member, &att->members, link)
		trace_attach(member, hwpt);
	att->hwpt = hwpt;
}

/*
 * Move the whole group to another page table. No device ever sees both; where the IOMMU
 * driver cannot change from one to the other, it sees neither for a moment.
 */
static int attach_move(struct change *change, struct hwpt *hwpt)
{
	struct iommufd_device *idev = change->idev;
	struct attachment *att = attachment_of(idev, change->pasid);
	LIST_HEAD(members);
	unsigned int nr;
	int rc;

	if (!member_of(att, idev))
		return -EINVAL;
	change->info->hwpt_id = hwpt->obj.id;
	change->info->hw_pasid = att->hw_pasid;
	if (att->hwpt == hwpt)
		return 0;
	rc = iommufd_rid_check_moves(idev, change->pasid) ?:
	     members_copy(att, hwpt, &members);
	if (!rc)
		rc = hardware_move(idev, att, hwpt);
	if (rc) {
		/*
		 * Requests that came to the new queue meanwhile will be made
		 * again. Never the last references: the caller has one.
		 */
		for (nr = members_free(&members, hwpt, true); nr; nr--)
			object_put(idev->ctx, &hwpt->obj);
		if (!att->lost)
			return rc;
		change->left = att->hwpt;
		change->nr_left = attachment_lost(idev, att);
		return -EIO;
	}
	change->left = att->hwpt;
	members_exchange(att, hwpt, &members);
	list_splice(&members, &change->gone);
	return 0;
}

/*
 * The page table that a device has just been attached to could not be filled, or its page
 * requests could not be enabled. What it has left is as it was: nothing that others could
 * have taken meanwhile, or that they keep it from having again, is needed for the way back.
 */
static int change_back(struct change *change, struct hwpt *hwpt, int rc)
{
	struct iommufd_device *idev = change->idev;
	struct attachment *att = attachment_of(idev, change->pasid);
	unsigned int nr;

	if (!change->replace) {
		attach_drop(idev, att, member_of(att, idev));
		object_put(idev->ctx, &hwpt->obj);
		return rc;
	}
	if (!hardware_move(idev, att, change->left)) {
		members_exchange(att, change->left, &change->gone);
		nr = members_free(&change->gone, hwpt, true);
	} else {
		/* It can go neither forward nor back: record what the hardware does. */
		if (!att->lost)
			iommufd_hardware_detach(idev->group, att, idev);
		nr = attachment_lost(idev, att);
		/* Nothing is left where they could be made again. */
		change->nr_left += members_free(&change->gone, change->left,
						false);
		rc = -EIO;
	}
	/* Never the last reference: its maker has one. */
	while (nr--)
		object_put(idev->ctx, &hwpt->obj);
	return rc;
}

/* What is enabled already stays so: nothing is done then. */
static int members_attached(const struct change *change, const struct hwpt *hwpt)
{
	const struct attachment *att =
		attachment_of(change->idev, change->pasid);
	struct member *member;
	int rc = 0;

	list_for_each_entry(member, &att->members, link) {
		rc = iommufd_member_attached(member, hwpt);
		if (rc)
			break;
	}
	return rc;
}

static int change_hwpt(struct change *change, struct hwpt *hwpt)
{
	int rc = change->replace ? attach_move(change, hwpt) :
				   attach_new(change->idev, change->pasid, hwpt,
					      change->info);

	if (rc)
		return rc;
	rc = members_attached(change, hwpt);
	return rc ? change_back(change, hwpt, rc) : 0;
}

/*
 * Choosing a page table -------------------------------------------------------
 */

/* Try the page tables that other attaches have made: EINVAL means no match. */
static int change_existing(struct change *change, struct ioas *ioas)
{
	struct ioas_table *table;

	list_for_each_entry(table, &ioas->tables, link) {
		struct hwpt *hwpt = container_of(table, struct hwpt, table);
		int rc = iommufd_hwpt_match(hwpt, change->idev->dev);

		if (rc && rc != -EINVAL)
			return rc;
		if (rc || !refcount_inc_not_zero(&hwpt->obj.users))
			continue;
		rc = change_hwpt(change, hwpt);
		/* Not the last reference: dropping that needs the attach lock. */
		object_put(ioas->ctx, &hwpt->obj);
		if (rc != -EINVAL)
			return rc;
	}
	return -ENOENT;
}

/* A new page table, for this device until others match it, too. */
static int change_new(struct change *change, struct hwpt *hwpt)
{
	const struct iommu_ops *ops = iommu_ops_of(change->idev->dev);
	int rc;

	hwpt->automatic = true;
	/*
	 * IOMMU drivers that cannot make a complete domain for a device finish it
	 * when the device is attached, so the attach has to come first. A device
	 * that is being moved gets a filled page table where possible: it may be
	 * doing DMA, which would fault until the page table is filled.
	 */
	if (!hwpt_is_complete(hwpt) ||
	    (!change->replace && !driver_completes(ops))) {
		rc = change_hwpt(change, hwpt);
		if (rc)
			return rc;
		rc = iommufd_hwpt_fill(hwpt);
		return rc ? change_back(change, hwpt, rc) : 0;
	}
	rc = iommufd_hwpt_fill(hwpt);
	if (rc)
		return rc;
	rc = change_hwpt(change, hwpt);
	if (rc)
		iommufd_hwpt_drain(hwpt);
	return rc;
}

static int change_ioas(struct change *change, struct ioas *ioas)
{
	struct iommufd_ctx *ctx = change->idev->ctx;
	struct hwpt *hwpt;
	int rc;

	/* Others may be filling a page table with a million areas. */
	rc = mutex_lock_killable(&ioas->attach_lock);
	if (rc)
		return rc;
	rc = change_existing(change, ioas);
	if (rc != -ENOENT)
		goto out;
	/* Before it is filled. */
	rc = change->replace ?
		iommufd_rid_check_moves(change->idev, change->pasid) : 0;
	if (rc)
		goto out;
	hwpt = iommufd_hwpt_alloc(ioas, change->idev->dev, 0, NULL);
	rc = PTR_ERR_OR_ZERO(hwpt);
	if (rc)
		goto out;
	rc = change_new(change, hwpt);
	if (!rc)
		iommufd_object_publish(ctx, &hwpt->obj);
	mutex_unlock(&ioas->attach_lock);
	if (rc)
		iommufd_object_abort(ctx, &hwpt->obj);
	return rc;

out:
	mutex_unlock(&ioas->attach_lock);
	return rc;
}

static int change_to(struct change *change, struct object *pt)
{
	if (pt->type == OBJECT_IOAS)
		return change_ioas(change, ioas_of(pt));
	return change_hwpt(change, hwpt_of(pt));
}

/*
 * VFIO asks for a replacement of what it has attached. That may have been lost since without
 * its knowing (attachment_lost()): then it is attached anew.
 */
static int check_mode(const struct iommufd_device *idev, enum attach_mode mode,
		      bool attached)
{
	if (mode == ATTACH_EITHER || !attached)
		return 0;
	return iommufd_reason_note(idev->ctx, -EINVAL,
				   "%s is attached already", idev->name);
}

/* There is no way back any more: until now all have been seen where they were. */
static void change_settle(struct change *change)
{
	struct attachment *att = attachment_of(change->idev, change->pasid);
	struct member *member;

	list_for_each_entry(member, &change->gone, link)
		iommufd_member_set_idle(member, change->left, true);
	if (att) {
		list_for_each_entry(member, &att->members, link)
			iommufd_member_set_idle(member, att->hwpt, false);
		iommufd_hardware_settle(att);
	}
	change->nr_left += members_free(&change->gone, change->left, true);
}

/* Who has been moved with the device is told of, too. */
static void tell_changed(const struct change *change)
{
	const struct attachment *att =
		attachment_of(change->idev, change->pasid);
	const struct member *member;

	list_for_each_entry(member, &att->members, link)
		if (member->idev == change->idev || change->nr_left)
			tell_attached(member->idev, member->source.pasid,
				      att->hwpt);
}

/**
 * iommufd_attach_change - attach a device to an IOAS or a page table, or move it there
 * @idev: a bound device
 * @pasid: PASID of the DMA, as the user calls it; 0: none, or for a sub-device its
 *	own
 * @pt: an IOAS or HWPT, held by iommufd_pt_hold()
 * @mode: whether it may have an attachment for @pasid already. If it has, running DMA goes
 *	by the old or by the new page table, never elsewhere, or is blocked for a moment.
 * @info: set to what it is attached to
 *
 * Return: 0; or with everything as it was -EINVAL (attached already; another device of the
 * group is attached elsewhere; a PASID out of range), -EOPNOTSUPP (no PASIDs, or no page
 * requests for a page table with a fault queue), -ENODEV (none of them before the RID is
 * attached; a PASID that needs the RID), -EBUSY (the RID, while a PASID needs it where it is;
 * somebody else uses the PASID), -EXDEV (no page requests in a shared group), -ENOSPC (as many
 * PASIDs as it may have), -EADDRINUSE (something is mapped or allowed where the device cannot
 * translate), the errors of mapping what is in the IOAS, or of the IOMMU driver, -EINTR.
 * -EIO: it could neither be moved nor be left where it was, and is not attached any more, for
 * all who share it.
 */
int iommufd_attach_change(struct iommufd_device *idev, u32 pasid,
			  struct object *pt, enum attach_mode mode,
			  struct attach_info *info)
{
	struct change change = {
		.idev = idev,
		.pasid = pasid,
		.info = info,
		.gone = LIST_HEAD_INIT(change.gone),
	};
	bool attached;
	int rc;

	rc = mutex_lock_killable(&idev->group->lock);
	if (rc)
		return rc;
	attached = member_of(attachment_of(idev, pasid), idev);
	change.replace = attached;
	rc = check_mode(idev, mode, attached) ?:
	     iommufd_rid_check_first(idev, pasid) ?: change_to(&change, pt);
	change_settle(&change);
	if (!rc)
		tell_changed(&change);
	mutex_unlock(&idev->group->lock);
	while (change.nr_left--)
		iommufd_hwpt_put(change.left);
	return rc;
}

/* Is it the last that keeps the RID of its group attached? */
static bool keeps_rid(const struct iommufd_device *idev, u32 pasid)
{
	const struct attachment *att = attachment_of(idev, pasid);

	return member_of(att, idev) && att->hw_pasid == IOMMU_NO_PASID &&
	       list_is_singular(&att->members);
}

/*
 * PASIDs go before the RID that they need. The references to their page tables cannot be
 * dropped with the lock held: none is attached meanwhile, so there is an end.
 */
static void pasids_go_first(struct iommufd_device *idev, u32 pasid)
{
	struct group *group = idev->group;
	struct attachment *att;
	struct member *member;
	struct hwpt *hwpt;

	group->rid_leaves++;
	while (keeps_rid(idev, pasid) && (member = iommufd_rid_user(group))) {
		att = xa_load(&group->attachments, member->source.hw_pasid);
		hwpt = attach_end(member->idev, att, member);
		mutex_unlock(&group->lock);
		iommufd_hwpt_put(hwpt);
		mutex_lock(&group->lock);
	}
	group->rid_leaves--;
}

/**
 * iommufd_attach_remove - stop the DMA of a device with a PASID, or without
 * @idev: the device
 * @pasid: as in iommufd_attach_change(). Without one, PASIDs that need the RID are detached
 *	as well, also those of others in its group
 *
 * Return: 0, -ENOENT if it is not attached.
 */
int iommufd_attach_remove(struct iommufd_device *idev, u32 pasid)
{
	struct attachment *att;
	struct hwpt *hwpt = NULL;
	struct member *member;

	mutex_lock(&idev->group->lock);
	pasids_go_first(idev, pasid);
	att = attachment_of(idev, pasid);
	member = member_of(att, idev);
	if (member)
		hwpt = attach_end(idev, att, member);
	mutex_unlock(&idev->group->lock);
	if (!hwpt)
		return -ENOENT;
	iommufd_hwpt_put(hwpt);
	return 0;
}

static struct member *any_with_pasid(const struct iommufd_device *idev)
{
	struct member *member;

	list_for_each_entry(member, &idev->members, own)
		if (member->source.hw_pasid != IOMMU_NO_PASID)
			return member;
	return NULL;
}

/**
 * iommufd_attach_remove_all - stop all DMA of a device
 * @idev: a device that no command works with any more
 *
 * PASIDs first: the IOMMU core wants the owner of the RID to stay until then.
 */
void iommufd_attach_remove_all(struct iommufd_device *idev)
{
	struct group *group = idev->group;
	struct attachment *att;
	struct member *member;
	struct hwpt *hwpt;

	mutex_lock(&group->lock);
	while ((member = any_with_pasid(idev))) {
		att = xa_load(&group->attachments, member->source.hw_pasid);
		hwpt = attach_end(idev, att, member);
		mutex_unlock(&group->lock);
		iommufd_hwpt_put(hwpt);
		mutex_lock(&group->lock);
	}
	mutex_unlock(&group->lock);
	iommufd_attach_remove(idev, 0);
}

/**
 * iommufd_attach_find - what is a device attached to?
 * @idev: the device
 * @pasid: as in iommufd_attach_change()
 * @info: set to the answer
 *
 * Return: 0, -ENOENT, -EINTR.
 */
int iommufd_attach_find(struct iommufd_device *idev, u32 pasid,
			struct attach_info *info)
{
	struct attachment *att;
	int rc;

	rc = mutex_lock_killable(&idev->group->lock);
	if (rc)
		return rc;
	rc = -ENOENT;
	att = attachment_of(idev, pasid);
	if (member_of(att, idev)) {
		info->hwpt_id = att->hwpt->obj.id;
		info->hw_pasid = att->hw_pasid;
		info->coherent = att->hwpt->coherent;
		rc = 0;
	}
	mutex_unlock(&idev->group->lock);
	return rc;
}
