// SPDX-License-Identifier: GPL-2.0-only
/*
 * Members of attachments: what a device needs to do DMA by a page table, and what it keeps
 * others from meanwhile.
 */
#include <linux/iommu.h>
#include <linux/pci.h>
#include <linux/slab.h>

#include "compat.h"
#include "context/reason.h"
#include "device/group.h"
#include "device/hardware.h"
#include "device/member.h"
#include "domain/driver.h"
#include "domain/hwpt.h"
#include "report/fault.h"
#include "space/table.h"

/* Refuse it here: without set_dev_pasid() the core reports an IOMMU without PASIDs. */
static int check_pasid(const struct iommufd_device *idev,
		       const struct hwpt *hwpt)
{
	if (hwpt->domain->ops->set_dev_pasid)
		return 0;
	if (hwpt->parent)
		return iommufd_reason_note(idev->ctx, -EINVAL,
					   "HWPT %u is the user's, and of a kind that %s's IOMMU driver does not attach to a PASID",
					   hwpt->obj.id, idev->name);
	return iommufd_reason_note(idev->ctx, -EOPNOTSUPP,
				   "the IOMMU driver of %s attaches no PASIDs",
				   idev->name);
}

/* What an error says about a device. */
static const char *no_page_requests(struct device *dev, int rc)
{
	if (rc == -ENODEV && iommufd_iopf_enabled_late(dev))
		return "its IOMMU driver enables page requests only while its RID is attached to a page table that is not the user's";
	switch (rc) {
	case -EBUSY:
		return "it has not ended yet its earlier page requests: try again later";
	case -ENOMEM:
		return "there is no memory for its page requests";
	case -EXDEV:
		return "there are others in its IOMMU group, and this kernel cannot tell whose page requests it takes";
	default:
		return "it makes no page requests";
	}
}

/* A virtual function shares the page request interface of the physical one. */
static int enable_page_requests(struct member *member, const struct hwpt *hwpt)
{
	struct iommufd_device *idev = member->idev;
	struct device *dev = idev->dev;
	int rc;

	if (!iommufd_driver_settles(dev))
		return iommufd_reason_note(idev->ctx, -EOPNOTSUPP,
					   "%s cannot be attached to HWPT %u, which has a fault queue: its IOMMU driver does not wait for the page requests that it reports when a device is detached",
					   idev->name, hwpt->obj.id);
	if (dev_is_pci(dev) && to_pci_dev(dev)->is_virtfn)
		rc = -EINVAL;
	else
		rc = iommufd_iopf_enable(dev);
	member->requests = !rc;
	if (rc)
		iommufd_reason_note(idev->ctx, rc,
				    "%s cannot be attached to HWPT %u, which has a fault queue: %s",
				    idev->name, hwpt->obj.id,
				    no_page_requests(dev, rc));
	return rc;
}

/* Attaching a PASID changes nothing. */
static bool enables_late(const struct member *member, int rc)
{
	return rc == -ENODEV && member->source.hw_pasid == IOMMU_NO_PASID &&
	       iommufd_iopf_enabled_late(member->idev->dev);
}

/**
 * iommufd_member_new - prepare a device for DMA by a page table
 * @idev: the device
 * @att: its attachment
 * @pasid: as the user calls it
 * @hwpt: the page table; reserves in its IOAS what the device cannot translate,
 *	and registers the device as a source
 *
 * Every device that is attached, joins or is moved comes through here, where it is
 * checked that the page table fits it. When the hardware is attached
 * iommufd_member_attached() follows.
 *
 * Return: the member, in no list of @att yet, or an ERR_PTR.
 */
struct member *iommufd_member_new(struct iommufd_device *idev,
				  const struct attachment *att, u32 pasid,
				  struct hwpt *hwpt)
{
	struct member *member;
	int rc;

	rc = iommufd_hwpt_check(hwpt, idev->dev, idev->name);
	if (!rc && att->hw_pasid != IOMMU_NO_PASID)
		rc = check_pasid(idev, hwpt);
	if (rc)
		return ERR_PTR(rc);
	member = kzalloc(sizeof(*member), GFP_KERNEL_ACCOUNT);
	if (!member)
		return ERR_PTR(-ENOMEM);
	member->idev = idev;
	member->reserver.dev = idev->dev;
	member->source.dev = idev->dev;
	member->source.dev_id = idev->obj.id;
	member->source.pasid = pasid;
	member->source.nr_faults = &idev->faults;
	member->source.hw_pasid = att->hw_pasid;
	member->source.idle = true;

	rc = iommufd_hardware_reserve(idev, hwpt->ioas, &member->reserver);
	if (rc)
		goto err_free;
	if (hwpt->sources.faults) {
		rc = enable_page_requests(member, hwpt);
		if (rc && !enables_late(member, rc))
			goto err_unreserve;
	}
	iommufd_source_add(&hwpt->sources, &member->source);
	object_hold(&hwpt->obj);
	list_add(&member->own, &idev->members);
	return member;

err_unreserve:
	iommufd_ioas_unreserve(hwpt->ioas, &member->reserver);
err_free:
	kfree(member);
	return ERR_PTR(rc);
}

/**
 * iommufd_member_attached - enable what the driver does not before it is attached
 * @member: a member
 * @hwpt: its page table, which translates its DMA now. A page that is missing is a fault
 *	until this returns
 *
 * Return: 0, or the errors of iommufd_iopf_enable().
 */
int iommufd_member_attached(struct member *member, const struct hwpt *hwpt)
{
	if (!hwpt->sources.faults || member->requests)
		return 0;
	return enable_page_requests(member, hwpt);
}

/**
 * iommufd_member_set_idle - is a device to be seen at a page table?
 * @member: the member; a new one is not
 * @hwpt: the page table
 * @idle: it is not: it is being attached or moved, and seen where it was until then
 */
void iommufd_member_set_idle(struct member *member, struct hwpt *hwpt, bool idle)
{
	if (member->source.idle == idle)
		return;
	iommufd_source_set_idle(&hwpt->sources, &member->source, idle);
	atomic_add(idle ? -1 : 1, &hwpt->ioas->attached);
}

/**
 * iommufd_member_free - the opposite of iommufd_member_new(), when the DMA has been stopped or moved
 * @member: in no list of an attachment any more
 * @hwpt: the page table. The caller drops the reference to it, which cannot be done under
 *	his locks
 * @moved: the page requests that wait in its queue will be made again, elsewhere
 */
void iommufd_member_free(struct member *member, struct hwpt *hwpt, bool moved)
{
	struct iommufd_device *idev = member->idev;

	list_del(&member->own);
	iommufd_member_set_idle(member, hwpt, true);
	iommufd_source_remove(&hwpt->sources, &member->source);
	if (hwpt->domain->iopf_handler)
		iommufd_handle_settle();
	if (hwpt->sources.faults) {
		iommufd_fault_answer_all(hwpt->sources.faults, &member->source,
					 moved);
		if (member->requests)
			iommufd_iopf_disable(idev->dev,
					     !iommufd_driver_waits(idev->dev));
	}
	iommufd_ioas_unreserve(hwpt->ioas, &member->reserver);
	kfree(member);
}
