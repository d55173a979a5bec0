/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The interface of the IOMMU (iosim.ko) to the devices behind it
 * (iosim-devices.ko).
 */
#ifndef IOSIM_HW_H
#define IOSIM_HW_H

#include <linux/list.h>
#include <linux/types.h>

#include "iosim.h"

struct device;
struct iosim_endpoint;
struct pci_dev;
struct platform_device;

/* What its driver cannot do, or does badly: the words of "quirks" in iosim.h. */
enum iosim_quirk {
	IOSIM_NO_SPLIT,
	IOSIM_MAP_SHORT,
	IOSIM_MAP_SILENT,
	IOSIM_UNMAP_SHORT,
	IOSIM_SYNC_MAP,
	IOSIM_NO_COHERENCY,
	IOSIM_ONLY_4K,
	IOSIM_NO_READ_ONLY,
	IOSIM_COMPLETE_LATE,
	IOSIM_PRI_ATTACHED,
	IOSIM_NR_QUIRKS,
};

/* Calls of it that are to fail: the attributes in iosim.h. */
enum iosim_fail {
	IOSIM_MAP_FAIL,
	IOSIM_UNMAP_FAIL,
	IOSIM_SYNC_MAP_FAIL,
	IOSIM_PRI_BUSY,
	IOSIM_NR_FAILS,
};

/**
 * struct iosim_config - what a device behind the IOMMU is like
 * @name: of the platform device
 * @pasid_bits: 0: none
 * @pri: it can do page requests
 * @dirty: second stages for it can track dirty pages
 * @isolated_msi: its MSI domain isolates
 * @addr_bits: aperture of second stages
 * @reserved_start: a reserved range, if not above @reserved_last
 * @reserved_last: its inclusive end
 * @prq_size: page requests that may wait at a time
 * @quirks: bits of enum iosim_quirk
 * @fault_thread: milliseconds until a DMA fault or page request is reported, by a thread
 *	that nobody waits for; 0: at once
 * @vtd: it is behind a VT-d
 * @vtd_haw: the host address width of that
 * @vtd_cap: its capability register; 0: what goes with the other members
 * @vtd_ecap: its extended capability register; likewise
 * @group_with: a device whose group it joins, or NULL
 * @resources: memory resources of the platform device
 * @nr_resources: how many
 * @driver: the driver_override, such as "iosim-vfio"
 */
struct iosim_config {
	const char *name;
	u32 pasid_bits;
	bool pri;
	bool dirty;
	bool isolated_msi;
	u32 addr_bits;
	u64 reserved_start;
	u64 reserved_last;
	u32 prq_size;
	unsigned long quirks;
	u32 fault_thread;
	bool vtd;
	u32 vtd_haw;
	u64 vtd_cap;
	u64 vtd_ecap;
	struct iosim_endpoint *group_with;
	const struct resource *resources;
	unsigned int nr_resources;
	const char *driver;
};

/* Counters of an endpoint, in the order of the attributes in iosim.h. */
enum iosim_counter {
	IOSIM_WALKS,
	IOSIM_IOTLB_HITS,
	IOSIM_PASID_CACHE_HITS,
	IOSIM_INVALIDATIONS,
	IOSIM_PAGE_REQUESTS,
	IOSIM_PAGE_RESPONSES,
	IOSIM_PAGE_REQUEST_OVERFLOWS,
	IOSIM_FAULTS,
	IOSIM_LATE_REPORTS,
	IOSIM_NOSNOOP,
	IOSIM_NESTED_WALKS,
	IOSIM_STRUCTURE_HITS,
	IOSIM_PEER_ACCESSES,
	IOSIM_NR_COUNTERS,
};

/**
 * struct iosim_access - one access to memory by a device
 * @pasid: IOSIM_NO_PASID, or the hardware's PASID
 * @iova: first IOVA
 * @length: bytes
 * @buffer: what is written, or where to put what is read; NULL: only translate
 * @write: direction
 * @no_snoop: past the caches of the CPU, unless the IOMMU forbids it
 * @privileged: by a supervisor
 * @block: request pages that are missing, and wait
 * @abort: page requests need not be waited for any more when it is set; whoever
 *	sets it calls iosim_endpoint_kick()
 * @done: set to the bytes that have been done
 * @reason: set to IOSIM_REASON_* on failure
 * @code: set to the fault reason of a VT-d, or 0
 * @fault_addr: set to the IOVA that faulted
 */
struct iosim_access {
	u32 pasid;
	u64 iova;
	u64 length;
	void *buffer;
	bool write;
	bool no_snoop;
	bool privileged;
	bool block;
	const bool *abort;
	u64 done;
	u32 reason;
	u32 code;
	u64 fault_addr;
};

#define IOSIM_NO_PASID	(~0U)

struct iosim_endpoint *iosim_endpoint_create(const struct iosim_config *config);
void iosim_endpoint_remove(struct iosim_endpoint *endpoint);
struct platform_device *iosim_endpoint_device(struct iosim_endpoint *endpoint);
struct iosim_endpoint *iosim_endpoint_of(struct device *dev);
u64 iosim_endpoint_counter(const struct iosim_endpoint *endpoint,
			   enum iosim_counter counter);
u32 iosim_endpoint_fault(const struct iosim_endpoint *endpoint);
void iosim_vtd_registers(const struct iosim_config *config, u64 *cap, u64 *ecap);
void iosim_endpoint_fail(struct iosim_endpoint *endpoint, enum iosim_fail fail,
			 int nr);
int iosim_endpoint_failing(const struct iosim_endpoint *endpoint,
			   enum iosim_fail fail);

void iosim_endpoint_master(struct iosim_endpoint *endpoint, bool on);

struct iosim_endpoint *iosim_pci_create(const struct iosim_config *config,
					bool (*peer)(void *data, u64 address),
					void *data);
int iosim_pci_describe(struct iosim_endpoint *endpoint, struct pci_dev *pdev);
void iosim_pci_remove(struct iosim_endpoint *endpoint);

/**
 * struct iosim_mmio - memory of a device, which others reach by DMA
 * @link: for iosim_mmio_claim()
 * @start: its address
 * @length: bytes
 * @memory: where it is mapped
 */
struct iosim_mmio {
	struct list_head link;
	phys_addr_t start;
	size_t length;
	void *memory;
};

int iosim_mmio_claim(struct iosim_mmio *mmio);
void iosim_mmio_release(struct iosim_mmio *mmio);

int iosim_access(struct iosim_endpoint *endpoint, struct iosim_access *access);
void iosim_endpoint_kick(struct iosim_endpoint *endpoint);

#endif
