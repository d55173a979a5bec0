/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A device as the IOMMU sees it.
 */
#ifndef IOSIM_ENDPOINT_H
#define IOSIM_ENDPOINT_H

#include <linux/atomic.h>
#include <linux/hashtable.h>
#include <linux/iommu.h>
#include <linux/mutex.h>
#include <linux/rwsem.h>
#include <linux/spinlock.h>
#include <linux/wait.h>

#include "attach.h"
#include "hw.h"
#include "iotlb.h"
#include "quirks.h"
#include "vtd_caps.h"

/* What carries no PASID is tagged with 0, which is never a PASID of a device. */
#define TAG_RID			0

/* The longest PASID of a device. */
#define PASID_BITS_MAX		20

/**
 * struct iosim_endpoint - a device as the IOMMU sees it
 * @dev: the device
 * @id: its Requester ID, the key in the table of all endpoints
 * @pasid_bits: 0: none
 * @pasid_bits_max: how many there may be, if a function has PASIDs enabled
 * @pri: it can do page requests
 * @dirty: second stages for it can track dirty pages
 * @addr_bits: aperture of second stages
 * @reserved_start: a reserved range, if not above @reserved_last
 * @reserved_last: its inclusive end
 * @quirks: what its driver does badly
 * @fault_thread: milliseconds until a DMA fault is reported; 0: at once
 * @vtd: what kind of VT-d it is behind, if it is
 * @telling: reports that are to come
 * @group_with: whose group it joins, or NULL
 * @master: it may do DMA
 * @piece: odd while a piece of DMA is done; see access_quiesce()
 * @peer: whether a request gets to another device without the IOMMU; NULL: none does
 * @peer_data: its argument
 * @attach_lock: who changes what is attached
 * @gate: held for reading while a piece of DMA is done and while a fault is
 *	reported. Who has taken something out of @rid or @pasids passes through it
 *	as a writer, and then knows that nobody uses it any more.
 * @lock: the members below it, taken around every piece of DMA: so who takes it to
 *	invalidate knows that no DMA by what was there before is under way. Taken in
 *	interrupts, by the DMA API.
 * @rid: what DMA without a PASID goes by; NULL: it is blocked
 * @rids: memory for @rid and its successor, so that no attachment of a RID fails
 *	for want of it
 * @pasids: what DMA with a PASID goes by, by the PASID
 * @nr_pasids: how many
 * @nr_handlers: attachments to domains that handle page requests, where the core leaves
 *	those to the driver
 * @iotlb: what is remembered of translations
 * @iopf: page requests have been enabled; protected by @gate
 * @prq_size: pages that may be requested at a time
 * @requests: groups of page requests that are not answered
 * @nr_waiting: their pages
 * @last_group: the number of the last one
 * @answered: woken up when one is answered
 * @fault_code: of the last DMA that has faulted, if it was a VT-d that has told
 * @counters: for tests and benchmarks
 */
struct iosim_endpoint {
	struct device *dev;
	u32 id;

	u32 pasid_bits;
	u32 pasid_bits_max;
	bool pri;
	bool dirty;
	u32 addr_bits;
	u64 reserved_start;
	u64 reserved_last;
	struct quirks *quirks;
	u32 fault_thread;
	struct vtd vtd;
	atomic_t telling;
	struct iosim_endpoint *group_with;

	bool master;
	u32 piece;
	bool (*peer)(void *data, u64 address);
	void *peer_data;

	struct mutex attach_lock;
	struct rw_semaphore gate;
	spinlock_t lock;
	struct attachment *rid;
	struct attachment rids[2];
	DECLARE_HASHTABLE(pasids, 8);
	unsigned int nr_pasids;
	unsigned int nr_handlers;
	struct iotlb iotlb;

	bool iopf;
	u32 prq_size;
	struct list_head requests;
	u32 nr_waiting;
	u32 last_group;
	wait_queue_head_t answered;

	u32 fault_code;
	atomic64_t counters[IOSIM_NR_COUNTERS];
};

static inline void endpoint_count(struct iosim_endpoint *endpoint,
				  enum iosim_counter counter, u64 more)
{
	atomic64_add(more, &endpoint->counters[counter]);
}

static inline struct iosim_endpoint *endpoint_of(struct device *dev)
{
	return dev_iommu_priv_get(dev);
}

extern const struct iommu_ops iosim_ops;

struct iosim_endpoint *endpoint_create(const struct iosim_config *config);
void endpoint_destroy(struct iosim_endpoint *endpoint);
int endpoint_describe(struct iosim_endpoint *endpoint, struct device *dev);
int endpoint_init(void);
void endpoint_exit(void);
struct iommu_device *endpoint_probe(struct device *dev);
void endpoint_release(struct device *dev);
struct iommu_group *endpoint_group(struct device *dev);
void endpoint_reserved(struct device *dev, struct list_head *list);

#endif
