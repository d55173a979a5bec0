/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A device that a kernel driver drives, and that has sub-devices.
 */
#ifndef IOSIM_PARENT_H
#define IOSIM_PARENT_H

#include <linux/atomic.h>
#include <linux/completion.h>
#include <linux/ioasid.h>
#include <linux/mdev.h>
#include <linux/mutex.h>

#include "portal.h"

#define PARENT_NR_TYPES	2

/**
 * struct parent_type - a type of sub-devices
 * @type: mdev's
 * @space: where their PASIDs come from
 * @available: how many more there can be
 */
struct parent_type {
	struct mdev_type type;
	enum ioasid_pasid_space space;
	atomic_t available;
};

/**
 * struct parent - the driver's data
 * @dev: the platform device
 * @endpoint: its DMA
 * @pasid_bits: of the hardware
 * @features: IOSIM_FEATURE_* of the hardware
 * @queue: the driver's own
 * @shared: the one that global sub-devices share
 * @portal: the driver's own
 * @buffer: for DMA without a PASID, through the DMA API
 * @buffer_addr: where the device sees it
 * @check: serializes checks, and is over @checks
 * @checks: how often that DMA went well
 * @done: a descriptor of the driver's is done
 * @mdev: mdev's
 * @types: the types
 * @type_list: pointers to them
 */
struct parent {
	struct device *dev;
	struct iosim_endpoint *endpoint;
	u32 pasid_bits;
	u32 features;
	struct queue *queue;
	struct queue *shared;
	struct portal portal;
	void *buffer;
	dma_addr_t buffer_addr;
	struct mutex check;
	u64 checks;
	struct completion done;
	struct mdev_parent mdev;
	struct parent_type types[PARENT_NR_TYPES];
	struct mdev_type *type_list[PARENT_NR_TYPES];
};

#endif
