/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which domain translates which DMA of an endpoint.
 */
#ifndef IOSIM_ATTACH_H
#define IOSIM_ATTACH_H

#include <linux/iommu.h>
#include <linux/list.h>
#include <linux/types.h>

struct iosim_endpoint;
struct nested;
struct second_stage;

/**
 * struct attachment - a RID or PASID that is attached to a domain
 * @endpoint: the device
 * @tag: the PASID, or TAG_RID
 * @serial: different for each attachment ever made
 * @domain: the domain
 * @second: the second stage, or NULL for the identity domain
 * @nested: the user's tables above @second, or NULL
 * @in_second: in second->attachments
 * @in_nested: in nested->attachments
 * @in_endpoint: in endpoint->pasids
 */
struct attachment {
	struct iosim_endpoint *endpoint;
	u32 tag;
	u64 serial;
	struct iommu_domain *domain;
	struct second_stage *second;
	struct nested *nested;
	struct list_head in_second;
	struct list_head in_nested;
	struct hlist_node in_endpoint;
};

/**
 * struct attachments - all that is attached to a domain
 * @lock: protects @list; endpoint.lock is taken inside. Taken in interrupts
 * @list: of struct attachment
 */
struct attachments {
	spinlock_t lock;
	struct list_head list;
};

static inline void attachments_init(struct attachments *attachments)
{
	spin_lock_init(&attachments->lock);
	INIT_LIST_HEAD(&attachments->list);
}

int attach_rid(struct iommu_domain *domain, struct device *dev);
int attach_pasid(struct iommu_domain *domain, struct device *dev,
		 ioasid_t pasid);
bool detach_pasid(struct device *dev, ioasid_t pasid);
bool attach_has_pasid(struct device *dev, ioasid_t pasid);
void attach_release(struct iosim_endpoint *endpoint);
u64 attach_last(const struct attachment *at);
struct attachment *attach_find(struct iosim_endpoint *endpoint, u32 pasid,
			       u32 *tag, u32 *reason);

#endif
