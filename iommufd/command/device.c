// SPDX-License-Identifier: GPL-2.0-only
/*
 * Commands about a device: GET_HW_INFO, IOASID_DEVICE_INFO, and attaching its PASIDs.
 *
 * An unbind waits for the commands that are working with the device, and VFIO unbinds
 * under locks that others want. User memory can take for ever (userfaultfd, FUSE): so
 * answers are collected in kernel memory, and copied after the reference on the device
 * is dropped.
 */
#include <linux/ioasid.h>
#include <linux/iommu.h>
#include <linux/log2.h>
#include <linux/pci-ats.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <uapi/linux/iommufd.h>
#include <uapi/linux/ioasid.h>

#include "command/command.h"
#include "compat.h"
#include "context/reason.h"
#include "device/attach.h"
#include "device/device.h"
#include "device/group.h"
#include "device/pasid.h"
#include "domain/driver.h"
#include "domain/hwpt.h"
#include "report/fault.h"

/* Drivers that come with the kernel only claim to: see iommufd_hwpt_alloc(). */
static bool tracks_dirty(struct device *dev)
{
	return iommufd_driver_features(iommu_ops_of(dev)) &
		       IOASID_IOMMU_DIRTY &&
	       device_iommu_capable(dev, IOMMU_CAP_DIRTY_TRACKING);
}

/* Translations that a device may keep are no matter for a guest where it has none. */
static void report_ats(struct device *dev, struct iommu_hw_info *arg)
{
	if (!device_has_ats(dev))
		arg->out_capabilities |= IOMMU_HW_CAP_PCI_ATS_NOT_SUPPORTED;
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

/*
 * A driver knows one type: that is the default, and the only one that can be asked
 * for.
 */
static void *driver_data(struct device *dev, struct iommu_hw_info *arg,
			 u32 *length)
{
	const struct iommu_ops *ops = iommu_ops_of(dev);
	u32 wanted = arg->flags & IOMMU_HW_INFO_FLAG_INPUT_TYPE ?
		     arg->out_data_type : IOMMU_HW_INFO_TYPE_NONE;

	arg->out_data_type = wanted;
	*length = 0;
	if (ops->hw_info)
		return driver_hw_info(ops, dev, length, &arg->out_data_type);
	arg->out_data_type = IOMMU_HW_INFO_TYPE_NONE;
	return NULL;
}

/*
 * Copy what the driver says, cut or filled up with zeros to the length of the
 * buffer.
 */
static int copy_driver_data(const struct iommu_hw_info *arg, const void *data,
			    u32 length)
{
	void __user *out = u64_to_user_ptr(arg->data_uptr);
	u32 n = min(length, arg->data_len);

	if (copy_to_user(out, data, n) ||
	    clear_user(out + n, arg->data_len - n))
		return -EFAULT;
	return 0;
}

/**
 * iommufd_device_cmd_hw_info - IOMMU_GET_HW_INFO
 * @cmd: struct iommu_hw_info
 */
int iommufd_device_cmd_hw_info(struct command *cmd)
{
	struct iommu_hw_info *arg = cmd->arg;
	struct iommufd_device *idev;
	u32 length;
	void *data;
	int rc;

	if (arg->flags & ~IOMMU_HW_INFO_FLAG_INPUT_TYPE ||
	    memchr_inv(arg->__reserved, 0, sizeof(arg->__reserved)))
		return -EOPNOTSUPP;
	idev = iommufd_device_get(cmd->ctx, arg->dev_id);
	if (!idev)
		return -ENOENT;
	data = driver_data(idev->dev, arg, &length);
	arg->out_capabilities = 0;
	if (tracks_dirty(idev->dev))
		arg->out_capabilities |= IOMMU_HW_CAP_DIRTY_TRACKING;
	report_pasid(idev->dev, arg);
	report_ats(idev->dev, arg);
	rc = PTR_ERR_OR_ZERO(data);
	if (rc == -EOPNOTSUPP)
		iommufd_reason_note(cmd->ctx, rc,
				    "the IOMMU driver of %s tells nothing of type %u",
				    dev_name(idev->dev), arg->out_data_type);
	object_put(cmd->ctx, &idev->obj);
	if (rc)
		return rc;
	rc = copy_driver_data(arg, data, length);
	kfree(data);
	arg->data_len = length;
	return rc ?: command_reply(cmd);
}

/*
 * IOASID_DEVICE_INFO ----------------------------------------------------------
 */

static void ask_pci(struct device *dev, struct ioasid_device_info *arg)
{
	arg->rid = iommufd_device_rid(dev);
	if (dev_is_pci(dev) && pci_ats_supported(to_pci_dev(dev)))
		arg->out_flags |= IOASID_DEVICE_ATS;
}

/* What its driver does not have to be asked about. */
static bool may_make_page_requests(struct device *dev)
{
	if (dev_is_pci(dev) && (to_pci_dev(dev)->is_virtfn ||
				!pci_pri_supported(to_pci_dev(dev))))
		return false;
	return iommufd_driver_settles(dev) && !iommufd_iopf_shared(dev);
}

/*
 * With 6.12 it can only be found out by enabling them. Only a yes is remembered: memory is
 * short for a while, others of its group come and go, and some drivers enable them only for
 * what is attached. VT-d's has what it knows of ATS and of page requests in one byte, which
 * attaching changes, too: not at the same time.
 */
static int ask_page_requests(struct iommufd_device *idev,
			     struct ioasid_device_info *arg)
{
	int rc;

	if (!may_make_page_requests(idev->dev))
		return 0;
	rc = mutex_lock_killable(&idev->group->lock);
	if (rc)
		return rc;
	if (!idev->requests) {
		rc = device_ask_page_requests(idev->dev);
		idev->requests = !rc;
	}
	if (!rc || (rc == -ENODEV && iommufd_iopf_enabled_late(idev->dev)))
		arg->out_flags |= IOASID_DEVICE_PRI;
	mutex_unlock(&idev->group->lock);
	return 0;
}

/* What a page table would be like is known only by making one. */
static int ask_page_table(struct device *dev, struct ioasid_device_info *arg)
{
	struct iommu_domain *domain;

	domain = iommufd_hwpt_domain_alloc(dev, IOMMU_HWPT_ALLOC_NEST_PARENT);
	if (!IS_ERR(domain)) {
		arg->out_flags |= IOASID_DEVICE_NESTING;
		iommu_domain_free(domain);
	}
	domain = iommufd_hwpt_domain_alloc(dev, 0);
	if (IS_ERR(domain))
		return PTR_ERR(domain);
	arg->page_sizes = domain->pgsize_bitmap;
	arg->aperture_start = domain->geometry.aperture_start;
	arg->aperture_last = domain->geometry.aperture_end;
	iommu_domain_free(domain);
	return 0;
}

static void ask_pasids(struct iommufd_device *idev,
		       struct ioasid_device_info *arg)
{
	arg->max_pasid = iommufd_pasid_max(idev);
	if (arg->max_pasid)
		arg->out_flags |= IOASID_DEVICE_PASID;
	if (!idev->sub)
		return;
	arg->hw_pasid = iommufd_subdevice_pasid(idev->sub);
	arg->out_flags |= IOASID_DEVICE_SUBDEVICE |
			  IOASID_DEVICE_PASID_CONVERTED;
	if (iommufd_subdevice_is_global(idev->sub))
		arg->out_flags |= IOASID_DEVICE_PASID_GLOBAL;
}

/**
 * struct member_list - the devices of an isolation set
 * @idev: one of them
 * @entries: room for @nr, or NULL
 * @nr: how many entries there are
 * @found: how many devices have been found
 */
struct member_list {
	struct iommufd_device *idev;
	struct ioasid_device_member *entries;
	unsigned int nr;
	unsigned int found;
};

static u32 bound_id(struct iommufd_device *idev, const struct device *dev)
{
	struct iommufd_device *other;

	lockdep_assert_held(&idev->ctx->group_lock);
	list_for_each_entry(other, &idev->group->devices, link)
		if (other->dev == dev && !other->sub)
			return other->obj.id;
	return 0;
}

static int add_member(struct device *dev, void *data)
{
	struct member_list *list = data;
	struct ioasid_device_member *entry = &list->entries[list->found];

	if (list->found++ >= list->nr)
		return 0;
	entry->dev_id = bound_id(list->idev, dev);
	entry->rid = iommufd_device_rid(dev);
	strscpy(entry->name, dev_name(dev), sizeof(entry->name));
	return 0;
}

/* The IOMMU isolates a sub-device from all others, by RID and PASID. */
static void list_members(struct member_list *list, u32 rid)
{
	struct iommufd_device *idev = list->idev;

	list->found = 0;
	if (idev->sub) {
		if (list->nr) {
			list->entries[0].dev_id = idev->obj.id;
			list->entries[0].rid = rid;
			strscpy(list->entries[0].name, idev->name,
				sizeof(list->entries[0].name));
		}
		list->found = 1;
		return;
	}
	mutex_lock(&idev->ctx->group_lock);
	iommu_group_for_each_dev(idev->group->iommu, list, add_member);
	mutex_unlock(&idev->ctx->group_lock);
}

static int find_members(struct member_list *list,
			const struct ioasid_device_info *arg)
{
	/* Count first: the user's number may be anything. */
	list_members(list, arg->rid);
	list->nr = min(list->found, arg->nr_members);
	if (!list->nr)
		return 0;
	list->entries = kcalloc(list->nr, sizeof(*list->entries),
				GFP_KERNEL_ACCOUNT);
	if (!list->entries)
		return -ENOMEM;
	list_members(list, arg->rid);
	return 0;
}

static int copy_members(const struct member_list *list,
			struct ioasid_device_info *arg)
{
	u32 room = arg->nr_members;

	arg->nr_members = list->found;
	if (list->nr && copy_to_user(u64_to_user_ptr(arg->members),
				     list->entries,
				     array_size(min(list->nr, list->found),
						sizeof(*list->entries))))
		return -EFAULT;
	return list->found > room ? -EMSGSIZE : 0;
}

static int ask_attached(struct iommufd_device *idev,
			struct ioasid_device_info *arg)
{
	struct attach_info info;
	int rc = iommufd_attach_find(idev, 0, &info);

	if (rc)
		return rc == -ENOENT ? 0 : rc;
	arg->out_flags |= IOASID_DEVICE_ATTACHED;
	if (info.coherent)
		arg->out_flags |= IOASID_DEVICE_ENFORCED;
	arg->pt_id = info.hwpt_id;
	return 0;
}

static int ask_device(struct iommufd_device *idev,
		      struct ioasid_device_info *arg, struct member_list *list)
{
	struct device *dev = idev->dev;

	arg->out_flags = 0;
	arg->rid = 0;
	arg->hw_pasid = 0;
	arg->pt_id = 0;
	arg->group_id = iommu_group_id(idev->group->iommu);
	if (tracks_dirty(dev))
		arg->out_flags |= IOASID_DEVICE_DIRTY;
	if (device_iommu_capable(dev, IOMMU_CAP_ENFORCE_CACHE_COHERENCY))
		arg->out_flags |= IOASID_DEVICE_COHERENT;
	ask_pci(dev, arg);
	ask_pasids(idev, arg);
	return ask_page_requests(idev, arg) ?: ask_attached(idev, arg) ?:
	       ask_page_table(dev, arg) ?: find_members(list, arg);
}

/**
 * iommufd_device_cmd_info - IOASID_DEVICE_INFO
 * @cmd: struct ioasid_device_info
 */
int iommufd_device_cmd_info(struct command *cmd)
{
	struct ioasid_device_info *arg = cmd->arg;
	struct member_list list = {};
	int rc;

	if (arg->flags)
		return -EOPNOTSUPP;
	list.idev = iommufd_device_get(cmd->ctx, arg->dev_id);
	if (!list.idev)
		return -ENOENT;
	rc = ask_device(list.idev, arg, &list);
	object_put(cmd->ctx, &list.idev->obj);
	if (!rc)
		rc = copy_members(&list, arg);
	kfree(list.entries);
	if ((!rc || rc == -EMSGSIZE) && command_reply(cmd))
		return -EFAULT;
	return rc;
}

/*
 * PASIDs ----------------------------------------------------------------------
 */

/**
 * iommufd_device_cmd_pasid_attach - IOASID_PASID_ATTACH
 * @cmd: struct ioasid_pasid_attach
 */
int iommufd_device_cmd_pasid_attach(struct command *cmd)
{
	struct ioasid_pasid_attach *arg = cmd->arg;
	struct iommufd_device *idev;
	struct attach_info info;
	struct object *pt;
	int rc;

	if (arg->flags || arg->__reserved)
		return -EOPNOTSUPP;
	/* A replace cannot be taken back: if the answer cannot be written, fail now. */
	arg->out_hw_pasid = 0;
	arg->out_hwpt_id = 0;
	if (command_reply(cmd))
		return -EFAULT;
	/* Nothing is pinned for a device that does not exist. */
	idev = iommufd_device_get(cmd->ctx, arg->dev_id);
	if (!idev)
		return iommufd_device_explain_none(cmd->ctx, arg->dev_id);
	/* But an unbind waits for references. */
	object_put(cmd->ctx, &idev->obj);
	pt = iommufd_pt_hold(cmd->ctx, arg->pt_id);
	if (IS_ERR(pt))
		return PTR_ERR(pt);
	idev = iommufd_device_get(cmd->ctx, arg->dev_id);
	if (!idev)
		rc = iommufd_device_explain_none(cmd->ctx, arg->dev_id);
	else if (arg->pasid)
		rc = iommufd_attach_change(idev, arg->pasid, pt, ATTACH_EITHER,
					   &info);
	else
		rc = iommufd_reason_note(cmd->ctx, -EINVAL,
					 "PASID 0 stands for DMA without one, which VFIO attaches");
	if (idev)
		object_put(cmd->ctx, &idev->obj);
	iommufd_pt_release(cmd->ctx, pt);
	if (rc)
		return rc;
	arg->out_hw_pasid = info.hw_pasid;
	arg->out_hwpt_id = info.hwpt_id;
	return command_reply(cmd);
}

/**
 * iommufd_device_cmd_pasid_detach - IOASID_PASID_DETACH
 * @cmd: struct ioasid_pasid_detach
 */
int iommufd_device_cmd_pasid_detach(struct command *cmd)
{
	struct ioasid_pasid_detach *arg = cmd->arg;
	struct iommufd_device *idev;
	int rc = -ENOENT;

	if (arg->flags)
		return -EOPNOTSUPP;
	idev = iommufd_device_get(cmd->ctx, arg->dev_id);
	if (!idev)
		return -ENOENT;
	if (arg->pasid)
		rc = iommufd_attach_remove(idev, arg->pasid);
	object_put(cmd->ctx, &idev->obj);
	return rc;
}
