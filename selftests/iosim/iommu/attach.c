// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which domain translates which DMA of an endpoint.
 *
 * Attaching puts the new attachment where invalidations of its domain find it, then
 * in the place of the old one, under the lock of the endpoint, so a piece of DMA
 * uses one or the other. Then the old one's translations are invalidated, its fault
 * reports waited for, and it is taken out of its lists. Nobody waits for page
 * requests to be answered.
 *
 * A nested PASID table takes the place of the RID and all PASIDs, so it excludes
 * PASIDs that are attached by the kernel.
 */
#include <linux/bits.h>
#include <linux/iommu.h>
#include <linux/slab.h>

#include "domain.h"
#include "endpoint.h"
#include "nested.h"
#include "pci.h"

static void lists_enter(struct attachment *at)
{
	struct attachments *attachments;

	if (at->nested) {
		attachments = &at->nested->attachments;
		spin_lock_irq(&attachments->lock);
		list_add(&at->in_nested, &attachments->list);
		spin_unlock_irq(&attachments->lock);
	}
	if (at->second) {
		attachments = &at->second->attachments;
		spin_lock_irq(&attachments->lock);
		list_add(&at->in_second, &attachments->list);
		spin_unlock_irq(&attachments->lock);
	}
}

static void lists_leave(struct attachment *at)
{
	struct attachments *attachments;

	if (at->nested) {
		attachments = &at->nested->attachments;
		spin_lock_irq(&attachments->lock);
		list_del(&at->in_nested);
		spin_unlock_irq(&attachments->lock);
	}
	if (at->second) {
		attachments = &at->second->attachments;
		spin_lock_irq(&attachments->lock);
		list_del(&at->in_second);
		spin_unlock_irq(&attachments->lock);
	}
}

/* Nobody uses what has been taken out before, when it returns. */
static void pass_gate(struct iosim_endpoint *endpoint)
{
	down_write(&endpoint->gate);
	up_write(&endpoint->gate);
}

static bool is_pasid_table(const struct attachment *at)
{
	return at && at->nested && at->nested->is_pasid_table;
}

/*
 * The endpoint must take all addresses of the second stage, and track dirty pages
 * if it does, and have the same driver. EINVAL: the caller makes another domain.
 */
static int check_compatible(const struct iosim_endpoint *endpoint,
			    const struct second_stage *second)
{
	u64 end = GENMASK_ULL(endpoint->addr_bits - 1, 0);

	if (second->domain.geometry.aperture_end > end)
		return -EINVAL;
	if (second->domain.dirty_ops && !endpoint->dirty)
		return -EINVAL;
	if (second->vtd != endpoint->vtd.on ||
	    second->quirks->bits != endpoint->quirks->bits)
		return -EINVAL;
	return 0;
}

static int attachment_init(struct attachment *at, struct iommu_domain *domain,
			   struct iosim_endpoint *endpoint, u32 tag)
{
	static atomic64_t serial;
	int rc;

	*at = (struct attachment){
		.endpoint = endpoint,
		.tag = tag,
		.serial = atomic64_inc_return(&serial),
		.domain = domain,
		.nested = to_nested(domain),
	};
	at->second = at->nested ? at->nested->parent : to_second_stage(domain);
	rc = at->second ? check_compatible(endpoint, at->second) : 0;
	if (!rc && at->second && !at->second->domain.geometry.aperture_end)
		domain_complete(at->second, endpoint);
	if (!rc && at->nested && at->nested->format->check)
		rc = at->nested->format->check(at->nested, endpoint);
	return rc;
}

static int check_rid(const struct iosim_endpoint *endpoint,
		     const struct attachment *at)
{
	if (!is_pasid_table(at))
		return 0;
	if (at->nested->pasid_bits > endpoint->pasid_bits)
		return -EINVAL;
	return endpoint->nr_pasids ? -EBUSY : 0;
}

/**
 * attach_rid - let DMA without a PASID go by a domain
 * @domain: the domain; a PASID table is also for DMA with a PASID
 * @dev: the device
 *
 * It replaces what was attached before. The same domain again is a new attachment.
 * It cannot fail with the blocked, the identity, or a compatible paging domain.
 *
 * Return: 0, -EINVAL if they are not compatible, -EBUSY for a PASID table if PASIDs
 * are attached.
 */
int attach_rid(struct iommu_domain *domain, struct device *dev)
{
	struct iosim_endpoint *endpoint = endpoint_of(dev);
	struct attachment *old, *new = NULL;
	bool whole;
	int rc = 0;

	mutex_lock(&endpoint->attach_lock);
	pci_pasids(endpoint);
	old = endpoint->rid;
	if (domain != &blocked_domain) {
		new = &endpoint->rids[old == &endpoint->rids[0]];
		rc = attachment_init(new, domain, endpoint, TAG_RID);
		if (!rc)
			rc = check_rid(endpoint, new);
		if (rc)
			goto unlock;
		lists_enter(new);
	}
	whole = is_pasid_table(old);
	spin_lock_irq(&endpoint->lock);
	endpoint->rid = new;
	if (whole) {
		iotlb_forget_all(&endpoint->iotlb, 0, U64_MAX);
		pasid_cache_forget_all(&endpoint->iotlb);
	} else {
		iotlb_forget(&endpoint->iotlb, TAG_RID, 0, U64_MAX);
	}
	spin_unlock_irq(&endpoint->lock);
	pass_gate(endpoint);
	if (old)
		lists_leave(old);
unlock:
	mutex_unlock(&endpoint->attach_lock);
	return rc;
}

static struct attachment *find_pasid(struct iosim_endpoint *endpoint, u32 pasid)
{
	struct attachment *at;

	hash_for_each_possible(endpoint->pasids, at, in_endpoint, pasid)
		if (at->tag == pasid)
			return at;
	return NULL;
}

/* Put @new, or nothing, in the place of @old, or of nothing, and free that. */
static void swap_pasid(struct iosim_endpoint *endpoint, u32 pasid,
		       struct attachment *old, struct attachment *new)
{
	spin_lock_irq(&endpoint->lock);
	if (old)
		hash_del(&old->in_endpoint);
	if (new)
		hash_add(endpoint->pasids, &new->in_endpoint, pasid);
	iotlb_forget(&endpoint->iotlb, pasid, 0, U64_MAX);
	spin_unlock_irq(&endpoint->lock);
	if (!old)
		return;
	pass_gate(endpoint);
	lists_leave(old);
	kfree(old);
}

static int check_pasid(const struct iosim_endpoint *endpoint, u32 pasid,
		       const struct attachment *at)
{
	if (!pasid || pasid >= 1U << endpoint->pasid_bits || is_pasid_table(at))
		return -EINVAL;
	return is_pasid_table(endpoint->rid) ? -EBUSY : 0;
}

static int attach_new(struct iosim_endpoint *endpoint,
		      struct iommu_domain *domain, u32 pasid,
		      struct attachment *before)
{
	struct attachment *new = kmalloc(sizeof(*new), GFP_KERNEL_ACCOUNT);
	int rc;

	if (!new)
		return -ENOMEM;
	rc = attachment_init(new, domain, endpoint, pasid);
	if (!rc)
		rc = check_pasid(endpoint, pasid, new);
	if (rc) {
		kfree(new);
		return rc;
	}
	endpoint->nr_pasids += !before;
	lists_enter(new);
	swap_pasid(endpoint, pasid, before, new);
	return 0;
}

/**
 * attach_pasid - let DMA with a PASID go by a domain
 * @domain: a paging domain, or a nested one of one address space
 * @dev: the device
 * @pasid: the PASID
 *
 * It replaces what was attached before. If that is the same domain it only waits for
 * page requests that are being reported: who goes back to it, because the way to
 * another one has failed, does not fail.
 *
 * Return: 0, -EINVAL if they are not compatible or the PASID is out of range,
 * -EBUSY if the RID is attached to a PASID table of the user's, -ENOMEM.
 */
int attach_pasid(struct iommu_domain *domain, struct device *dev,
		 ioasid_t pasid)
{
	struct iosim_endpoint *endpoint = endpoint_of(dev);
	struct attachment *before;
	int rc = 0;

	mutex_lock(&endpoint->attach_lock);
	pci_pasids(endpoint);
	before = find_pasid(endpoint, pasid);
	if (!before || before->domain != domain)
		rc = attach_new(endpoint, domain, pasid, before);
	else
		pass_gate(endpoint);
	mutex_unlock(&endpoint->attach_lock);
	return rc;
}

/**
 * detach_pasid - let DMA with a PASID fault
 * @dev: the device
 * @pasid: the PASID
 *
 * Return: whether it was attached.
 */
bool detach_pasid(struct device *dev, ioasid_t pasid)
{
	struct iosim_endpoint *endpoint = endpoint_of(dev);
	struct attachment *old;

	mutex_lock(&endpoint->attach_lock);
	old = find_pasid(endpoint, pasid);
	if (old) {
		endpoint->nr_pasids--;
		swap_pasid(endpoint, pasid, old, NULL);
	}
	mutex_unlock(&endpoint->attach_lock);
	return old;
}

/**
 * attach_has_pasid - is a PASID attached?
 * @dev: the device. One that has joined its group later has none of the others'
 * @pasid: the PASID
 */
bool attach_has_pasid(struct device *dev, ioasid_t pasid)
{
	struct iosim_endpoint *endpoint = endpoint_of(dev);
	bool has;

	mutex_lock(&endpoint->attach_lock);
	has = find_pasid(endpoint, pasid);
	mutex_unlock(&endpoint->attach_lock);
	return has;
}

/**
 * attach_release - detach all PASIDs of a device that is being removed
 * @endpoint: the device
 *
 * In a group of several the PASIDs stay attached for the others, and the core
 * detaches them from nobody but these.
 */
void attach_release(struct iosim_endpoint *endpoint)
{
	struct hlist_node *next;
	struct attachment *at;
	unsigned int bucket;

	mutex_lock(&endpoint->attach_lock);
	hash_for_each_safe(endpoint->pasids, bucket, next, at, in_endpoint)
		swap_pasid(endpoint, at->tag, at, NULL);
	endpoint->nr_pasids = 0;
	mutex_unlock(&endpoint->attach_lock);
}

/**
 * attach_last - the last address that DMA may name
 * @at: what it goes by
 *
 * First stages, and physical addresses, have IOSIM_ADDR_BITS.
 *
 * Return: the address.
 */
u64 attach_last(const struct attachment *at)
{
	if (at->nested || !at->second)
		return TABLE_ADDR_MAX;
	return max(at->second->domain.geometry.aperture_end, TABLE_ADDR_MAX);
}

/**
 * attach_find - what DMA goes by
 * @endpoint: the device; its lock is held
 * @pasid: of the DMA, or IOSIM_NO_PASID
 * @tag: set to the tag of its translations
 * @reason: set to IOSIM_REASON_* if there is nothing
 *
 * Return: the attachment, or NULL.
 */
struct attachment *attach_find(struct iosim_endpoint *endpoint, u32 pasid,
			       u32 *tag, u32 *reason)
{
	struct attachment *at = NULL;

	*tag = TAG_RID;
	*reason = IOSIM_REASON_BLOCKED;
	if (pasid == IOSIM_NO_PASID)
		return endpoint->rid;
	*tag = pasid;
	*reason = IOSIM_REASON_PASID;
	if (!pasid || pasid >= 1U << endpoint->pasid_bits)
		return NULL;
	if (!is_pasid_table(endpoint->rid))
		at = find_pasid(endpoint, pasid);
	else if (pasid < 1U << endpoint->rid->nested->pasid_bits)
		at = endpoint->rid;
	return at;
}
