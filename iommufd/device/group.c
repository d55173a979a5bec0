// SPDX-License-Identifier: GPL-2.0-only
/*
 * IOMMU groups.
 *
 * An IOMMU group is a fact that is checked, not an object that users handle. The
 * first bind of a member takes the DMA ownership of the whole group, which blocks
 * the DMA of all its members. Further binds by the same context just succeed; if
 * another context, or a kernel driver, has a member, the bind is EBUSY.
 */
#include <linux/iommu.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/slab.h>

#include "context/reason.h"
#include "device/group.h"

static bool allow_unsafe_interrupts;
module_param(allow_unsafe_interrupts, bool, 0644);
MODULE_PARM_DESC(allow_unsafe_interrupts,
		 "Allow devices on platforms without interrupt isolation: a device can then forge the interrupts of others");

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

static struct group *group_new(struct iommu_group *iommu)
{
	struct group *group = kzalloc(sizeof(*group), GFP_KERNEL_ACCOUNT);

	if (!group)
		return NULL;
	group->iommu = iommu_group_ref_get(iommu);
	INIT_LIST_HEAD(&group->link);
	INIT_LIST_HEAD(&group->devices);
	mutex_init(&group->lock);
	xa_init_flags(&group->attachments, XA_FLAGS_ACCOUNT);
	group->sw_msi_start = PHYS_ADDR_MAX;
	return group;
}

/**
 * iommufd_device_rid - segment << 16 | bus << 8 | devfn
 * @dev: any device
 *
 * Return: the RID; 0 for a device that is not on PCI, or has a segment above
 * 0xffff.
 */
u32 iommufd_device_rid(struct device *dev)
{
	struct pci_dev *pdev;

	if (!dev_is_pci(dev))
		return 0;
	pdev = to_pci_dev(dev);
	if (pci_domain_nr(pdev->bus) > U16_MAX)
		return 0;
	return pci_domain_nr(pdev->bus) << 16 | pci_dev_id(pdev);
}

/**
 * iommufd_group_get - the context's structure for a device's group
 * @ctx: the context
 * @dev: the device
 *
 * Return: the group, counted for one more device, to be given back by
 * iommufd_group_put(); or ERR_PTR of -ENODEV (no IOMMU), -ENOMEM.
 */
struct group *iommufd_group_get(struct iommufd_ctx *ctx, struct device *dev)
{
	struct iommu_group *iommu = iommu_group_get(dev);
	struct group *group;

	if (!iommu)
		return ERR_PTR(iommufd_reason_note(ctx, -ENODEV,
						   "%s cannot be bound: no IOMMU translates its DMA",
						   dev_name(dev)));
	mutex_lock(&ctx->group_lock);
	group = group_find(ctx, iommu);
	if (!group) {
		group = group_new(iommu);
		if (group)
			list_add(&group->link, &ctx->groups);
	}
	if (group)
		group->bound++;
	mutex_unlock(&ctx->group_lock);
	iommu_group_put(iommu);
	return group ?: ERR_PTR(-ENOMEM);
}

/**
 * iommufd_group_put - the opposite of iommufd_group_get()
 * @ctx: the context
 * @group: the group; gone with its last device
 */
void iommufd_group_put(struct iommufd_ctx *ctx, struct group *group)
{
	mutex_lock(&ctx->group_lock);
	if (--group->bound) {
		mutex_unlock(&ctx->group_lock);
		return;
	}
	list_del(&group->link);
	mutex_unlock(&ctx->group_lock);

	WARN_ON(!list_empty(&group->devices) ||
		!xa_empty(&group->attachments));
	iommu_group_put(group->iommu);
	mutex_destroy(&group->lock);
	xa_destroy(&group->attachments);
	kfree(group);
}

/**
 * iommufd_group_is_owned - does a context own the DMA of a group?
 * @ctx: the context
 * @iommu: the group
 */
bool iommufd_group_is_owned(struct iommufd_ctx *ctx,
			    const struct iommu_group *iommu)
{
	struct group *group;
	bool owned;

	mutex_lock(&ctx->group_lock);
	group = group_find(ctx, iommu);
	owned = group && group->owned;
	mutex_unlock(&ctx->group_lock);
	return owned;
}

/**
 * iommufd_group_check_isolation - may user space have the device at all?
 * @ctx: the context, for the reason
 * @dev: the device
 * @group: its group
 *
 * Return: 0, -EINVAL (its DMA is not coherent), -EPERM (nothing isolates its
 * interrupts).
 */
int iommufd_group_check_isolation(struct iommufd_ctx *ctx, struct device *dev,
				  const struct group *group)
{
	/* Users cannot write back caches, so DMA must be coherent. */
	if (!device_iommu_capable(dev, IOMMU_CAP_CACHE_COHERENCY))
		return iommufd_reason_note(ctx, -EINVAL,
					   "%s cannot be bound: its DMA is not coherent with the CPU's caches",
					   dev_name(dev));
	if (iommu_group_has_isolated_msi(group->iommu))
		return 0;
	if (!allow_unsafe_interrupts)
		return iommufd_reason_note(ctx, -EPERM,
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

/**
 * iommufd_group_claim - take the DMA ownership of a group for one more device
 * @ctx: the context
 * @dev: the device
 * @group: its group
 *
 * Return: 0; or -EBUSY, with a reason that names all members, since the core does not
 * tell which of them is in the way.
 */
int iommufd_group_claim(struct iommufd_ctx *ctx, struct device *dev,
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
	/* The core's EPERM means the same thing: there is another owner. */
	if (rc == -EPERM)
		rc = -EBUSY;
	members = kzalloc(sizeof(*members), GFP_KERNEL);
	if (!members)
		return rc;
	iommu_group_for_each_dev(group->iommu, members, name_member);
	iommufd_reason_note(ctx, rc,
			    "%s cannot be bound: another user or driver has its IOMMU group %d:%s",
			    dev_name(dev), iommu_group_id(group->iommu),
			    members->text);
	kfree(members);
	return rc;
}

/**
 * iommufd_group_release - the opposite of iommufd_group_claim()
 * @ctx: the context
 * @dev: the device
 * @group: its group, which is not the context's any more if this was its last device
 */
void iommufd_group_release(struct iommufd_ctx *ctx, struct device *dev,
			   struct group *group)
{
	mutex_lock(&ctx->group_lock);
	group->owned--;
	mutex_unlock(&ctx->group_lock);
	iommu_device_release_dma_owner(dev);
}
