// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hardware page tables.
 *
 * An IOAS may have several that the kernel manages: one for each kind of IOMMU that
 * its devices are behind, and those that user space has asked for by HWPT_ALLOC. All
 * of them translate the same areas.
 *
 * A nested one is a page table, or a table of them by PASID, that the user has written
 * into memory that its parent maps. The IOMMU walks both; the module only installs it,
 * and passes on the user's invalidations.
 */
#include <linux/capability.h>
#include <linux/ioasid.h>
#include <linux/iommu.h>
#include <linux/module.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <uapi/linux/iommufd.h>
#include <uapi/linux/ioasid.h>

#include "compat.h"
#include "context/reason.h"
#include "domain/driver.h"
#include "domain/hwpt.h"
#include "report/event.h"
#include "report/fault.h"
#include "space/hold.h"
#include "space/table.h"

static bool can_enforce(struct device *dev)
{
	return device_iommu_capable(dev, IOMMU_CAP_ENFORCE_CACHE_COHERENCY);
}

static void hwpt_destroy(struct iommufd_ctx *ctx, struct object *obj)
{
	struct hwpt *hwpt = hwpt_of(obj);
	struct module *driver;

	/* If making it has failed, its maker holds the lock. */
	if (hwpt->filled) {
		mutex_lock(&hwpt->ioas->attach_lock);
		iommufd_hwpt_drain(hwpt);
		mutex_unlock(&hwpt->ioas->attach_lock);
	}
	if (hwpt->domain) {
		driver = hwpt->domain->owner->owner;
		/*
		 * Drivers may still be about to report a fault of a device that has
		 * left.
		 */
		iommufd_sources_unregister(&hwpt->sources);
		if (hwpt->reported)
			domain_settle(hwpt->domain);
		iommu_domain_free(hwpt->domain);
		module_put(driver);
	}
	kfree(hwpt->table.paging.leftover);
	if (hwpt->sources.faults)
		iommufd_fault_queue_put(ctx, hwpt->sources.faults);
	if (hwpt->viommu)
		object_put(ctx, hwpt->viommu);
	atomic_dec(&hwpt->ioas->page_tables);
	if (hwpt->parent)
		object_put(ctx, &hwpt->parent->obj);
	else
		ioas_put(ctx, hwpt->ioas);
}

static const struct object_kind hwpt_kind = {
	.type = OBJECT_HWPT,
	.name = "HWPT",
	.destroy = hwpt_destroy,
};

/* Holds the IOAS, or the parent if there is one. */
static struct hwpt *hwpt_new(struct ioas *ioas, struct hwpt *parent)
{
	struct hwpt *hwpt = kzalloc(sizeof(*hwpt), GFP_KERNEL_ACCOUNT);
	int rc;

	if (!hwpt)
		return ERR_PTR(-ENOMEM);
	rc = iommufd_object_init(ioas->ctx, &hwpt->obj, &hwpt_kind);
	if (rc) {
		kfree(hwpt);
		return ERR_PTR(rc);
	}
	object_hold(parent ? &parent->obj : &ioas->obj);
	atomic_inc(&ioas->page_tables);
	hwpt->ioas = ioas;
	hwpt->parent = parent;
	hwpt->policy = parent ? parent->policy : READ_ONCE(ioas->coherency);
	iommufd_sources_init(&hwpt->sources, ioas->ctx, ioas->obj.id,
			     &ioas->faults);
	hwpt->sources.nested = parent;
	return hwpt;
}

/* A page table may outlive the device that kept the IOMMU driver loaded. */
static int hwpt_set_domain(struct hwpt *hwpt, struct iommu_domain *domain)
{
	__module_get(domain->owner->owner);
	hwpt->domain = domain;
	hwpt->table.paging.domain = domain;
	/*
	 * The core looks up the handler of page requests twice. Where a PASID can
	 * be replaced in between, the new domain must have one, too.
	 */
	if (iommufd_driver_features(domain->owner) & IOASID_IOMMU_PASID_REPLACE)
		iommufd_fault_connect(domain);
	return iommufd_event_watch(domain, &hwpt->sources);
}

/* What has to be known of what the driver leaves behind. */
static int note_leftover(struct hwpt *hwpt, struct device *dev)
{
	struct paging *paging = &hwpt->table.paging;

	if (!driver_frees_tables_early(dev))
		return 0;
	paging->leftover = kzalloc(sizeof(*paging->leftover),
				   GFP_KERNEL_ACCOUNT);
	return paging->leftover ? 0 : -ENOMEM;
}

static struct iommu_domain *domain_alloc(struct device *dev, u32 flags,
					 struct iommu_domain *parent,
					 const struct iommu_user_data *data)
{
	const struct iommu_ops *ops = iommu_ops_of(dev);
	struct iommu_domain *domain;

	if (parent)
		domain = driver_alloc_nested(ops, dev, flags, parent, data);
	else if (driver_has_flags(ops))
		domain = driver_alloc_paging(ops, dev, flags, data);
	else
		return flags || data ? ERR_PTR(-EOPNOTSUPP) :
				       iommu_paging_domain_alloc(dev);
	if (!IS_ERR(domain))
		domain->owner = ops;
	return domain;
}

/**
 * iommufd_hwpt_domain_alloc - the domain of a page table for a device
 * @dev: the device, bound
 * @flags: enum iommufd_hwpt_alloc_flags
 *
 * Return: the domain, to be freed by iommu_domain_free(), or an ERR_PTR: -EOPNOTSUPP if
 * the IOMMU driver does not have the flags.
 */
struct iommu_domain *iommufd_hwpt_domain_alloc(struct device *dev, u32 flags)
{
	return domain_alloc(dev, flags, NULL, NULL);
}

/*
 * The drivers that come with the kernel say that they track dirty pages, but cannot
 * report them without CONFIG_IOMMUFD_DRIVER.
 */
static int check_dirty(struct ioas *ioas, struct device *dev)
{
	if (iommufd_driver_features(iommu_ops_of(dev)) & IOASID_IOMMU_DIRTY)
		return 0;
	return iommufd_reason_note(ioas->ctx, -EOPNOTSUPP,
				   "the IOMMU driver of %s cannot report dirty pages: the kernel has been built without IOMMUFD_DRIVER",
				   dev_name(dev));
}

/* Drivers of 6.12 are not asked; newer ones may want another format of page table. */
static int check_pasids(struct iommufd_ctx *ctx, struct device *dev)
{
	if (dev->iommu->max_pasids)
		return 0;
	return iommufd_reason_note(ctx, -EOPNOTSUPP,
				   "%s or its IOMMU has no PASIDs",
				   dev_name(dev));
}

/* What could not be said before there is a domain. */
static int check_flags(const struct hwpt *hwpt, struct device *dev, u32 flags)
{
	if (!(flags & IOMMU_HWPT_ALLOC_PASID) ||
	    domain_takes_pasids(hwpt->domain))
		return 0;
	return iommufd_reason_note(hwpt->ioas->ctx, -EOPNOTSUPP,
				   "the IOMMU driver of %s attaches no such page table to a PASID",
				   dev_name(dev));
}

/*
 * Some IOMMUs enforce coherency by a bit in every entry, so it has to be decided
 * before the first one. If the device's IOMMU can do it, it is done, unless the
 * policy of the IOAS says otherwise: VFIO tells KVM that nothing bypasses the
 * caches.
 */
static int enforce_coherency(struct hwpt *hwpt, struct device *dev)
{
	const struct iommu_domain_ops *ops = hwpt->domain->ops;

	if (hwpt->policy == IOASID_COHERENCY_NOT_NEEDED)
		return 0;
	if (!can_enforce(dev)) {
		if (hwpt->policy != IOASID_COHERENCY_REQUIRED)
			return 0;
		return iommufd_reason_note(hwpt->ioas->ctx, -EINVAL,
					   "%s cannot be attached to IOAS %u: its IOMMU cannot enforce cache coherency, which that requires",
					   dev_name(dev), hwpt->ioas->obj.id);
	}
	if (!ops->enforce_cache_coherency ||
	    !ops->enforce_cache_coherency(hwpt->domain))
		return iommufd_reason_note(hwpt->ioas->ctx, -EINVAL,
					   "the IOMMU driver of %s does not enforce cache coherency, although it says that it can",
					   dev_name(dev));
	hwpt->coherent = true;
	return 0;
}

/**
 * iommufd_hwpt_alloc - a kernel-managed page table that fits a device
 * @ioas: what it is to translate
 * @dev: the device, bound
 * @flags: enum iommufd_hwpt_alloc_flags, without IOMMU_HWPT_FAULT_ID_VALID
 * @data: for the IOMMU driver, or NULL
 *
 * The domain is empty, and the IOAS does not know it yet, see iommufd_hwpt_fill().
 *
 * Return: an object that has not been published; or ERR_PTR of -EOPNOTSUPP
 * (flags that the IOMMU driver does not have), -ENOMEM, the driver's errors.
 */
struct hwpt *iommufd_hwpt_alloc(struct ioas *ioas, struct device *dev,
				u32 flags, const struct iommu_user_data *data)
{
	struct iommu_domain *domain;
	struct hwpt *hwpt;
	int rc;

	if (flags & ~(IOMMU_HWPT_ALLOC_NEST_PARENT |
		      IOMMU_HWPT_ALLOC_DIRTY_TRACKING | IOMMU_HWPT_ALLOC_PASID))
		return ERR_PTR(-EOPNOTSUPP);
	rc = flags & IOMMU_HWPT_ALLOC_DIRTY_TRACKING ? check_dirty(ioas, dev) :
						       0;
	if (!rc && flags & IOMMU_HWPT_ALLOC_PASID)
		rc = check_pasids(ioas->ctx, dev);
	if (rc)
		return ERR_PTR(rc);
	hwpt = hwpt_new(ioas, NULL);
	if (IS_ERR(hwpt))
		return hwpt;
	if (!iommufd_driver_replaces(dev))
		hwpt->iommu = dev->iommu->iommu_dev;
	hwpt->nest_parent = flags & IOMMU_HWPT_ALLOC_NEST_PARENT;
	hwpt->dirty = flags & IOMMU_HWPT_ALLOC_DIRTY_TRACKING;

	domain = domain_alloc(dev, flags, NULL, data);
	if (IS_ERR(domain)) {
		rc = PTR_ERR(domain);
		if (rc == -EOPNOTSUPP && flags)
			iommufd_reason_note(ioas->ctx, rc,
					    "the IOMMU of %s cannot make such a page table (flags %#x)",
					    dev_name(dev), flags);
		goto err_abort;
	}
	rc = hwpt_set_domain(hwpt, domain) ?: note_leftover(hwpt, dev) ?:
	     check_flags(hwpt, dev, flags) ?: enforce_coherency(hwpt, dev) ?:
	     iommufd_format_of(dev, &hwpt->format);
	if (rc)
		goto err_abort;
	return hwpt;

err_abort:
	iommufd_object_abort(ioas->ctx, &hwpt->obj);
	return ERR_PTR(rc);
}

/**
 * iommufd_hwpt_begin_nested - begin to make a page table below a kernel-managed one
 * @parent: translates the addresses in it, and its result
 * @dev: the device, bound
 * @flags: IOMMU_HWPT_ALLOC_PASID or 0
 * @data: where it is, in the IOMMU driver's terms
 *
 * Return: for iommufd_hwpt_end_nested(); or ERR_PTR of -EOPNOTSUPP (flags, no data),
 * -EINVAL (@parent is not for that, or of another IOMMU), -ENOMEM.
 */
struct hwpt *iommufd_hwpt_begin_nested(struct hwpt *parent, struct device *dev,
				       u32 flags,
				       const struct iommu_user_data *data)
{
	struct iommufd_ctx *ctx = parent->ioas->ctx;
	struct hwpt *hwpt;
	int rc;

	if (flags & ~IOMMU_HWPT_ALLOC_PASID)
		return ERR_PTR(-EOPNOTSUPP);
	rc = flags ? check_pasids(ctx, dev) : 0;
	if (rc)
		return ERR_PTR(rc);
	if (!data)
		return ERR_PTR(iommufd_reason_note(ctx, -EOPNOTSUPP,
						   "a page table below HWPT %u is the user's: data_type and data_uptr have to say where it is",
						   parent->obj.id));
	if (!parent->nest_parent)
		return ERR_PTR(iommufd_reason_note(ctx, -EINVAL,
						   "HWPT %u cannot be a nesting parent: it has been allocated without IOMMU_HWPT_ALLOC_NEST_PARENT",
						   parent->obj.id));
	rc = iommufd_hwpt_check(parent, dev, dev_name(dev));
	if (rc)
		return ERR_PTR(rc);
	hwpt = hwpt_new(parent->ioas, parent);
	if (IS_ERR(hwpt))
		return hwpt;
	hwpt->coherent = parent->coherent;
	hwpt->format = parent->format;
	return hwpt;
}

/* Its errors are about what data_uptr says, and there are many. */
static int explain_driver(struct iommufd_ctx *ctx, struct device *dev, int rc)
{
	if (rc == -EOPNOTSUPP)
		return iommufd_reason_note(ctx, rc,
					   "the IOMMU driver of %s makes no page table of that data_type, or with those flags",
					   dev_name(dev));
	if (rc == -EINVAL)
		return iommufd_reason_note(ctx, rc,
					   "the IOMMU driver of %s refuses what data_uptr says",
					   dev_name(dev));
	return rc;
}

/**
 * iommufd_hwpt_end_nested - give a page table of the user's its domain
 * @hwpt: from iommufd_hwpt_begin_nested(); gone on an error
 * @dev: as there
 * @flags: as there
 * @domain: what the IOMMU driver has made, or its error
 *
 * Return: an object that has not been published; or ERR_PTR of the driver's error,
 * -EOPNOTSUPP (no PASIDs), -ENOMEM.
 */
struct hwpt *iommufd_hwpt_end_nested(struct hwpt *hwpt, struct device *dev,
				     u32 flags, struct iommu_domain *domain)
{
	int rc = PTR_ERR_OR_ZERO(domain);

	if (rc) {
		rc = explain_driver(hwpt->ioas->ctx, dev, rc);
	} else {
		domain->owner = iommu_ops_of(dev);
		rc = hwpt_set_domain(hwpt, domain) ?:
		     check_flags(hwpt, dev, flags);
	}
	/* What is made on a vIOMMU may be invalidated by that only. */
	if (!rc && WARN_ON(domain->type != IOMMU_DOMAIN_NESTED ||
			   (!domain->ops->cache_invalidate_user &&
			    !hwpt->viommu)))
		rc = -EINVAL;
	if (!rc)
		return hwpt;
	iommufd_object_abort(hwpt->ioas->ctx, &hwpt->obj);
	return ERR_PTR(rc);
}

/**
 * iommufd_hwpt_alloc_nested - a page table of the user's below a kernel-managed one
 * @parent: translates the addresses in it, and its result
 * @dev: the device, bound
 * @flags: IOMMU_HWPT_ALLOC_PASID or 0
 * @data: where it is, in the IOMMU driver's terms
 *
 * Return: an object that has not been published; or ERR_PTR of an errno of
 * iommufd_hwpt_begin_nested(), of -EOPNOTSUPP (no nesting), or the driver's.
 */
struct hwpt *iommufd_hwpt_alloc_nested(struct hwpt *parent, struct device *dev,
				       u32 flags,
				       const struct iommu_user_data *data)
{
	struct iommufd_ctx *ctx = parent->ioas->ctx;
	struct hwpt *hwpt;

	if (data && !driver_nests(iommu_ops_of(dev)))
		return ERR_PTR(iommufd_reason_note(ctx, -EOPNOTSUPP,
						   "the IOMMU of %s has no nesting",
						   dev_name(dev)));
	hwpt = iommufd_hwpt_begin_nested(parent, dev, flags, data);
	if (IS_ERR(hwpt))
		return hwpt;
	return iommufd_hwpt_end_nested(hwpt, dev, flags,
				       domain_alloc(dev, flags, parent->domain,
						    data));
}

/**
 * iommufd_hwpt_set_faults - send the page requests of a page table to a queue
 * @hwpt: a page table without devices
 * @queue: the queue; the page table takes the caller's reference
 */
void iommufd_hwpt_set_faults(struct hwpt *hwpt, struct fault_queue *queue)
{
	hwpt->sources.faults = queue;
	iommufd_fault_connect(hwpt->domain);
}

/**
 * iommufd_hwpt_fill - let a new page table translate what its IOAS holds
 * @hwpt: from iommufd_hwpt_alloc(); the caller holds the attach lock of the IOAS, and has
 *	called iommufd_ioas_hold() before
 *
 * Return: 0 or an errno of iommufd_ioas_add_table().
 */
int iommufd_hwpt_fill(struct hwpt *hwpt)
{
	int rc;

	lockdep_assert_held(&hwpt->ioas->attach_lock);
	rc = iommufd_ioas_add_table(hwpt->ioas, &hwpt->table);
	/* Even on an error, if the IOMMU driver has left something in it. */
	hwpt->filled = hwpt->table.listed;
	if (rc)
		hwpt->automatic = false;	/* Nobody is to try it. */
	return rc;
}

/**
 * iommufd_hwpt_drain - the opposite of iommufd_hwpt_fill(), if that was called
 * @hwpt: a page table without devices; the caller holds the attach lock
 */
void iommufd_hwpt_drain(struct hwpt *hwpt)
{
	lockdep_assert_held(&hwpt->ioas->attach_lock);
	if (hwpt->filled)
		iommufd_ioas_remove_table(hwpt->ioas, &hwpt->table);
	hwpt->filled = false;
}

/* May a device use a page table, as far as not only the IOMMU driver can tell? */
static int fits(const struct hwpt *hwpt, struct device *dev, const char **why)
{
	struct table_format format;
	int rc;

	*why = "that is for devices behind an IOMMU of another driver";
	if (hwpt->domain->owner != iommu_ops_of(dev))
		return -EINVAL;
	*why = "that belongs to one IOMMU, and the device is behind another";
	if (hwpt->iommu && hwpt->iommu != dev->iommu->iommu_dev)
		return -EINVAL;
	*why = "the IOMMU of the device does not tell whether it can read that";
	rc = iommufd_format_of(dev, &format);
	if (rc)
		return rc;
	*why = "that is for devices behind an IOMMU that reads page tables otherwise: by the caches of the CPU or not, of another number of levels or other sizes of pages";
	if (memcmp(&format, &hwpt->format, sizeof(format)))
		return -EINVAL;
	if (can_enforce(dev)) {
		*why = "that does not enforce cache coherency, as the IOMMU of the device can";
		return hwpt->coherent ||
		       hwpt->policy == IOASID_COHERENCY_NOT_NEEDED ?
			       0 :
			       -EINVAL;
	}
	*why = "the IOMMU of the device cannot enforce cache coherency, which the IOAS requires";
	return hwpt->policy == IOASID_COHERENCY_REQUIRED ? -EINVAL : 0;
}

/**
 * iommufd_hwpt_match - may an attach to the IOAS try this page table?
 * @hwpt: a page table of the IOAS
 * @dev: the device
 *
 * Return: 0, -EINVAL if not, or -ENOMEM or the IOMMU driver's error.
 */
int iommufd_hwpt_match(const struct hwpt *hwpt, struct device *dev)
{
	const char *why;

	return hwpt->automatic ? fits(hwpt, dev, &why) : -EINVAL;
}

/**
 * iommufd_hwpt_check - may a device use a page table?
 * @hwpt: the page table
 * @dev: the device
 * @name: of it, or of its sub-device
 *
 * Every way to attach goes through this: an IOMMU driver, and the core on its behalf,
 * take any domain for one of their own. Which of its own domains fits which of its
 * IOMMUs is checked by the driver, when the device is attached, as far as it does that
 * (format.c).
 *
 * Return: 0, or with a reason -EINVAL, -ENOMEM or the IOMMU driver's error.
 */
int iommufd_hwpt_check(const struct hwpt *hwpt, struct device *dev,
		       const char *name)
{
	const char *why;
	int rc = fits(hwpt, dev, &why);

	if (!rc)
		return 0;
	return iommufd_reason_note(hwpt->ioas->ctx, rc,
				   "%s cannot go by HWPT %u: %s", name,
				   hwpt->obj.id, why);
}

/**
 * iommufd_hwpt_put - drop a reference of a device or a command
 * @hwpt: the page table; one that was made by an attach goes with the last
 *	reference
 */
void iommufd_hwpt_put(struct hwpt *hwpt)
{
	struct ioas *ioas = hwpt->ioas;
	struct iommufd_ctx *ctx = ioas->ctx;
	bool last;

	if (!hwpt->automatic) {
		object_put(ctx, &hwpt->obj);
		return;
	}
	/*
	 * An attach that tries this page table has a reference for a moment.
	 * That must not keep every other one from being the last.
	 */
	object_hold(&ioas->obj);
	mutex_lock(&ioas->attach_lock);
	last = iommufd_object_put_last(ctx, &hwpt->obj);
	mutex_unlock(&ioas->attach_lock);
	if (last)
		iommufd_object_abort(ctx, &hwpt->obj);
	ioas_put(ctx, ioas);
}

static int refuse_pt(struct iommufd_ctx *ctx, u32 id)
{
	const struct object_kind *kind = iommufd_object_kind(ctx, id);

	/* What fits by now was not there when it was looked for. */
	if (!kind || kind->type == OBJECT_IOAS || kind->type == OBJECT_HWPT)
		return iommufd_reason_note(ctx, -ENOENT,
					   "there is no IOAS or HWPT with the ID %u",
					   id);
	return iommufd_reason_note(ctx, -EINVAL,
				   "no device can be attached to %s %u, which is neither IOAS nor HWPT",
				   kind->name, id);
}

/**
 * iommufd_pt_hold - find what a device may be attached to, with its memory pinned
 * @ctx: the context
 * @id: the ID, which may be that of anything
 *
 * To be called before anything is locked or looked up that others wait for: pinning the
 * memory of an IOAS may take for ever, see iommufd_ioas_hold(). So nothing else is held,
 * not for a moment: the caller will wait for locks of VFIO's, and who has these may be
 * unbinding a device and wait for all who hold that.
 *
 * Return: the object, to be given back by iommufd_pt_release(); or an ERR_PTR of
 * -ENOENT, -EINVAL (something else), or of iommufd_ioas_hold().
 */
struct object *iommufd_pt_hold(struct iommufd_ctx *ctx, u32 id)
{
	struct object *pt = iommufd_object_get(ctx, id, OBJECT_IOAS) ?:
				    iommufd_object_get(ctx, id, OBJECT_HWPT);
	int rc;

	if (!pt)
		return ERR_PTR(refuse_pt(ctx, id));
	rc = pt->type == OBJECT_IOAS ? iommufd_ioas_hold(ioas_of(pt)) : 0;
	if (!rc)
		return pt;
	object_put(ctx, pt);
	return ERR_PTR(rc);
}

/**
 * iommufd_pt_release - the opposite of iommufd_pt_hold()
 * @ctx: the context
 * @pt: what it has returned
 */
void iommufd_pt_release(struct iommufd_ctx *ctx, struct object *pt)
{
	if (pt->type == OBJECT_IOAS)
		iommufd_ioas_release(ioas_of(pt));
	if (pt->type == OBJECT_HWPT)
		iommufd_hwpt_put(hwpt_of(pt));
	else
		object_put(ctx, pt);
}
