/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * iosim, a simulated IOMMU with devices behind it: what software needs to know
 * to drive it. Everything is little-endian.
 *
 * Addresses and page sizes ------------------------ Both stages translate 48-bit
 * addresses by four levels of tables of 512 entries of 8 bytes, like many IOMMUs. A
 * leaf may be on level 1 (4 KiB), 2 (2 MiB) or 3 (1 GiB). A second stage has five
 * or six levels if the device's addresses are longer; a first stage above it still
 * has 48 bits.
 *
 *	second stage:	IOVA, or an address of the parent -> memory; by the kernel
 *	first stage:	IOVA -> an address of the parent; by the user, in memory
 *			that the user has mapped in the parent IOAS
 *
 * A device does its DMA with a PASID or without. Without, it uses what its
 * Requester ID (RID) is attached to: nothing (all DMA is blocked), a second stage,
 * a first stage below a second one, or a PASID table in the user's memory. With a
 * PASID, it uses what the PASID is attached to; below a PASID table of the user's,
 * the entry of the table.
 *
 * What is cached -------------- Translations are cached in an IOTLB, as a whole
 * (both stages at once), and entries of PASID tables in a PASID cache. Neither
 * looks at memory again until it is told to: after a valid entry is changed, or
 * made invalid, the old one stays in use until it is invalidated. What is not valid
 * is not cached. The kernel invalidates what it has changed, IOMMU_HWPT_INVALIDATE
 * what the user has changed. A device that requests a page drops what is cached of
 * it.
 *
 * As a VT-d
 * ---------
 * A device with "vtd" is behind an Intel IOMMU instead. Then first stages are those of
 * the VT-d specification and of <linux/iommufd.h>, and nothing here of tables, hardware
 * information and invalidations is for it. What is cached, and for how long, is as above;
 * and of first stages there is a paging-structure cache.
 */
#ifndef IOSIM_H
#define IOSIM_H

#include <linux/types.h>

/*
 * Tables.
 */
#define IOSIM_LEVELS		4
#define IOSIM_ADDR_BITS		48
#define IOSIM_TABLE_ENTRIES	512

/*
 * One entry of a table, of either stage. All other bits must be 0: an entry with
 * one of them is malformed (IOSIM_REASON_MALFORMED). So are a leaf on level 4, an
 * address that is not aligned to what it points to, and an entry without LEAF on
 * level 1. In an entry that points to a table READ and WRITE must be set as far as
 * anything below is to be permitted.
 */
#define IOSIM_PTE_VALID		(1ULL << 0)
#define IOSIM_PTE_READ		(1ULL << 1)
#define IOSIM_PTE_WRITE		(1ULL << 2)
#define IOSIM_PTE_LEAF		(1ULL << 3)
#define IOSIM_PTE_ACCESSED	(1ULL << 4)	/* set by the IOMMU in leaves */
#define IOSIM_PTE_DIRTY		(1ULL << 5)	/* likewise, on a write */
#define IOSIM_PTE_ADDR		0x0000fffffffff000ULL

/**
 * struct iosim_pasid_entry - an entry of a PASID table in user memory
 * @flags: IOSIM_PASID_VALID and one of the others
 * @root: address in the parent of the first stage's level-4 table, for
 *	IOSIM_PASID_FIRST_STAGE; otherwise 0
 * @__reserved: must be 0
 *
 * The table is an array with an entry per PASID. Entry 0 is for DMA without a
 * PASID.
 */
struct iosim_pasid_entry {
	__u64 flags;
	__u64 root;
	__u64 __reserved[2];
};

#define IOSIM_PASID_VALID	(1ULL << 0)
#define IOSIM_PASID_FIRST_STAGE	(1ULL << 1)	/* first stage, then the parent */
#define IOSIM_PASID_PARENT	(1ULL << 2)	/* IOVA = address in the parent */

/*
 * IOMMU_GET_HW_INFO.
 */
#define IOSIM_HW_INFO_TYPE	0x494f5301

/**
 * struct iosim_hw_info - data of IOMMU_GET_HW_INFO
 * @flags: IOSIM_HW_*
 * @addr_bits: of a first stage
 * @pasid_bits: the widest PASID that the IOMMU takes
 * @page_sizes: bitmap, in bytes
 * @prq_size: page requests that a device may have waiting at a time
 * @__reserved: 0
 */
struct iosim_hw_info {
	__u32 flags;
	__u32 addr_bits;
	__u32 pasid_bits;
	__u32 prq_size;
	__u64 page_sizes;
	__u64 __reserved;
};

#define IOSIM_HW_NESTING	(1U << 0)
#define IOSIM_HW_PASID_TABLE	(1U << 1)
#define IOSIM_HW_DIRTY		(1U << 2)
#define IOSIM_HW_PRI		(1U << 3)

/*
 * IOMMU_HWPT_ALLOC of user-managed page tables, on a HWPT that was allocated with
 * IOMMU_HWPT_ALLOC_NEST_PARENT: data_type and data.
 */
#define IOSIM_HWPT_FIRST_STAGE	0x494f5301
#define IOSIM_HWPT_PASID_TABLE	0x494f5302

/**
 * struct iosim_hwpt_first_stage - a first stage in user memory
 * @root: address in the parent of the level-4 table, aligned to 4 KiB
 * @addr_bits: must be IOSIM_ADDR_BITS
 * @flags: must be 0
 */
struct iosim_hwpt_first_stage {
	__u64 root;
	__u32 addr_bits;
	__u32 flags;
};

/**
 * struct iosim_hwpt_pasid_table - a PASID table in user memory
 * @table: address in the parent of the array, aligned to 4 KiB
 * @pasid_bits: it has 1 << pasid_bits entries; at most the device's
 * @flags: must be 0
 *
 * For the RID only. While it is attached no PASID of the device can be attached.
 */
struct iosim_hwpt_pasid_table {
	__u64 table;
	__u32 pasid_bits;
	__u32 flags;
};

/*
 * IOMMU_HWPT_INVALIDATE: data_type and the entries of the array.
 */
#define IOSIM_INVALIDATE_FIRST_STAGE	0x494f5301
#define IOSIM_INVALIDATE_PASID_TABLE	0x494f5302

/**
 * struct iosim_invalidate_first_stage - forget translations of a first stage
 * @addr: first IOVA
 * @length: bytes; U64_MAX with an @addr of 0 is everything. 0, and what wraps
 *	otherwise, is EINVAL
 * @flags: must be 0 (EOPNOTSUPP)
 * @__reserved: must be 0 (EOPNOTSUPP)
 *
 * Every translation that covers a byte of the range is forgotten, whatever its
 * page size. When the command returns, no DMA uses one any more.
 */
struct iosim_invalidate_first_stage {
	__u64 addr;
	__u64 length;
	__u32 flags;
	__u32 __reserved;
};

/**
 * struct iosim_invalidate_pasid_table - forget what came from a PASID table
 * @addr: as in struct iosim_invalidate_first_stage
 * @length: likewise
 * @flags: IOSIM_INVALIDATE_*
 * @pasid: which entry, unless IOSIM_INVALIDATE_ALL_PASIDS; 0 is DMA without one.
 *	EINVAL behind the end of the table
 *
 * Without IOSIM_INVALIDATE_ENTRY only translations of the PASID are forgotten.
 * With it the entry of the table is, too, and then all translations of the PASID:
 * the range is not looked at.
 */
struct iosim_invalidate_pasid_table {
	__u64 addr;
	__u64 length;
	__u32 flags;
	__u32 pasid;
};

#define IOSIM_INVALIDATE_ENTRY		(1U << 0)
#define IOSIM_INVALIDATE_ALL_PASIDS	(1U << 1)

/*
 * IOMMU_VIOMMU_ALLOC: a vIOMMU, for a device that is not behind a VT-d, with or without
 * data. The page tables above are made on it as on its nesting parent.
 */
#define IOSIM_VIOMMU_TYPE	0x494f5301

/**
 * struct iosim_viommu - data of IOMMU_VIOMMU_ALLOC
 * @out_mmap_offset: set to the offset of mmap()
 * @out_mmap_length: set to the length: of a page that begins with a struct iosim_viommu_page
 */
struct iosim_viommu {
	__u64 out_mmap_offset;
	__u64 out_mmap_length;
};

/*
 * IOMMU_HW_QUEUE_ALLOC, of a vIOMMU with data: a ring of struct iosim_invalidate_viommu. Its
 * length is a power of two up to 128 KiB, and it is aligned to 32 bytes. The first has index
 * 0, and each other one needs the one before it.
 */
#define IOSIM_HW_QUEUE_TYPE	0x494f5301
#define IOSIM_HW_QUEUES		4

/**
 * struct iosim_viommu_page - the registers of queues
 * @queue: by their index
 * @queue.prod: written by the guest: how many entries there have been, modulo 2^32
 * @queue.cons: written by the IOMMU: how many it has done
 * @queue.error: an errno, why it has stopped at the next entry: until the guest writes 0
 *
 * The IOMMU looks every millisecond.
 */
struct iosim_viommu_page {
	struct {
		__u32 prod;
		__u32 cons;
		__u32 error;
		__u32 __reserved;
	} queue[IOSIM_HW_QUEUES];
};

/* IOMMU_HWPT_INVALIDATE of a vIOMMU. */
#define IOSIM_INVALIDATE_VIOMMU	0x494f5303

/**
 * struct iosim_invalidate_viommu - forget translations of a vIOMMU's page tables
 * @op: IOSIM_VIOMMU_*
 * @flags: 0, or IOSIM_INVALIDATE_ENTRY: and of PASID tables all entries, and then all
 *	translations
 * @vdev_id: IOSIM_VIOMMU_DEVICE: the virtual ID of a device, which IOMMU_VDEVICE_ALLOC has
 *	told the vIOMMU; EINVAL: there is none. Otherwise 0
 * @addr: as in struct iosim_invalidate_first_stage
 * @length: likewise
 *
 * IOSIM_VIOMMU_RANGE is for all devices that are attached to page tables which have been
 * made on the vIOMMU, and for all PASIDs. IOSIM_VIOMMU_DEVICE is the same for one device.
 */
struct iosim_invalidate_viommu {
	__u32 op;
	__u32 flags;
	__u64 vdev_id;
	__u64 addr;
	__u64 length;
};

#define IOSIM_VIOMMU_RANGE	1
#define IOSIM_VIOMMU_DEVICE	2

/* IOMMU_VEVENTQ_ALLOC: DMA faults of a vIOMMU's devices. */
#define IOSIM_VEVENT_FAULT	0x494f5301

/**
 * struct iosim_vevent_fault - DMA of a device has faulted
 * @vdev_id: its virtual ID
 * @addr: the IOVA
 * @reason: IOSIM_REASON_*
 * @flags: IOSIM_VEVENT_*
 * @pasid: with IOSIM_VEVENT_PASID, otherwise 0
 * @__reserved: 0
 *
 * Of a device that has been attached to a page table on the vIOMMU, and that this knows by
 * a virtual ID.
 */
struct iosim_vevent_fault {
	__u64 vdev_id;
	__u64 addr;
	__u32 reason;
	__u32 flags;
	__u32 pasid;
	__u32 __reserved;
};

#define IOSIM_VEVENT_WRITE	(1U << 0)
#define IOSIM_VEVENT_PASID	(1U << 1)

/*
 * The DMA engine: regions of the VFIO device.
 *
 *	0	registers, one page; may be mapped
 *	1	the portal, one page: a write() of one struct iosim_desc, anywhere
 *		in it at a multiple of 64 bytes, submits a descriptor. EAGAIN: the
 *		queue is full. A PASID of more than 20 bits is EINVAL, and ENOENT
 *		one of a sub-device's that is not attached, for there is none of
 *		the hardware's for it.
 *	2	64 KiB of memory on the device; may be mapped, and is a target for
 *		peer-to-peer DMA
 *
 * A sub-device has the portal and a page of registers of its own; what it submits
 * carries its PASIDs. Those of the type "iosim-global" share a queue: each may have
 * half of it, and half of what runs.
 *
 * Interrupts, each VFIO_IRQ_INFO_EVENTFD and with one vector:
 *
 *	0	a descriptor with IOSIM_DESC_INTERRUPT is done; MSI-like
 *	1	the device is to be removed, and waits for the user to let go of it
 */
#define IOSIM_REGION_REGISTERS	0
#define IOSIM_REGION_PORTAL	1
#define IOSIM_REGION_MEMORY	2
#define IOSIM_MEMORY_SIZE	0x10000

#define IOSIM_IRQ_COMPLETION	0
#define IOSIM_IRQ_REQUEST	1

/* Registers: 32 bits unless said otherwise; read-only unless said otherwise. */
#define IOSIM_REG_MAGIC		0x00	/* IOSIM_MAGIC */
#define IOSIM_REG_VERSION	0x04	/* 1 */
#define IOSIM_REG_PASID_BITS	0x08	/* 0: no PASIDs */
#define IOSIM_REG_FEATURES	0x0c	/* IOSIM_FEATURE_* */
#define IOSIM_REG_QUEUE_SIZE	0x10	/* descriptors that fit */
#define IOSIM_REG_BUSY		0x14	/* descriptors that are not completed */
#define IOSIM_REG_COMPLETED	0x18	/* 64 bits: completed since reset */
#define IOSIM_REG_CTRL		0x20	/* read and write: IOSIM_CTRL_* */
#define IOSIM_REG_DOORBELL	0x24	/* read and write: IOSIM_CTRL_POLL */
#define IOSIM_REG_DESC		0x40	/* 64 bytes, read and write: likewise */

#define IOSIM_MAGIC		0x4d49534f

#define IOSIM_FEATURE_PASID	(1U << 0)
#define IOSIM_FEATURE_PRI	(1U << 1)
#define IOSIM_FEATURE_SUBDEVICE	(1U << 2)

/*
 * IOSIM_CTRL_RESET: forget the queue, abort what is running (IOSIM_STATUS_ABORTED),
 * wait until nothing is, and clear the registers and the memory; VFIO_DEVICE_RESET
 * does the same. IOSIM_CTRL_POLL: look at IOSIM_REG_DOORBELL every millisecond; when
 * it is not 0, submit what is at IOSIM_REG_DESC and set it to 0, unless the queue is
 * full: for drivers that have mapped the registers. What write() would have refused
 * otherwise is dropped.
 */
#define IOSIM_CTRL_RESET	(1U << 0)
#define IOSIM_CTRL_POLL		(1U << 1)

/**
 * enum iosim_op - what a descriptor asks for
 * @IOSIM_OP_NOP: only the completion
 * @IOSIM_OP_COPY: copy @length bytes from @src to @dst, in ascending order
 * @IOSIM_OP_FILL: fill @length bytes at @dst with the eight bytes of @value
 * @IOSIM_OP_COMPARE: compare @length bytes at @src and @dst; the result is the
 *	offset of the first difference, or @length
 * @IOSIM_OP_CHASE: follow @length pointers: @src is the address of the first, each
 *	holds the address of the next one; the result is the last that was read
 * @IOSIM_OP_PREFETCH: only translate the pages of @length bytes from @src, to read
 *	them, or to write with IOSIM_DESC_WRITE. With IOSIM_DESC_BLOCK the requests
 *	for all pages that are missing are one group of page requests, in each
 *	8 MiB
 */
enum iosim_op {
	IOSIM_OP_NOP = 0,
	IOSIM_OP_COPY = 1,
	IOSIM_OP_FILL = 2,
	IOSIM_OP_COMPARE = 3,
	IOSIM_OP_CHASE = 4,
	IOSIM_OP_PREFETCH = 5,
};

/**
 * struct iosim_desc - what the engine is to do
 * @op: enum iosim_op
 * @flags: IOSIM_DESC_*
 * @pasid: for IOSIM_DESC_PASID
 * @cookie: given back in the completion
 * @src: IOVA
 * @dst: IOVA
 * @length: bytes, or a count
 * @value: see @op
 * @completion: IOVA of a struct iosim_completion, aligned to 32 bytes; the engine
 *	writes its status last. In the same address space as the data.
 * @__reserved: must be 0
 *
 * Descriptors run side by side, up to eight at a time, in no particular order.
 */
struct iosim_desc {
	__u32 op;
	__u32 flags;
	__u32 pasid;
	__u32 cookie;
	__u64 src;
	__u64 dst;
	__u64 length;
	__u64 value;
	__u64 completion;
	__u64 __reserved;
};

#define IOSIM_DESC_PASID	(1U << 0)	/* DMA with a PASID */
#define IOSIM_DESC_BLOCK	(1U << 1)	/* request missing pages and wait */
#define IOSIM_DESC_COMPLETION	(1U << 2)	/* write a completion */
#define IOSIM_DESC_INTERRUPT	(1U << 3)	/* interrupt when it is done */
#define IOSIM_DESC_WRITE	(1U << 4)	/* of IOSIM_OP_PREFETCH */
#define IOSIM_DESC_NO_SNOOP	(1U << 5)	/* past the caches, see "nosnoop" */
/*
 * DMA by a supervisor, which takes IOSIM_DESC_PASID. Only tables of VT-d tell it from a
 * user's. The completion record is written by a user.
 */
#define IOSIM_DESC_PRIVILEGED	(1U << 6)

/**
 * struct iosim_completion - how a descriptor has ended
 * @status: IOSIM_STATUS_*; never 0
 * @reason: IOSIM_REASON_* if @status is IOSIM_STATUS_FAULT
 * @cookie: of the descriptor
 * @code: of a VT-d: the fault reason, as in its fault recording registers; 0 if there is
 *	none, and of other IOMMUs
 * @addr: IOVA that faulted
 * @result: bytes that have been done, or as @op says
 */
struct iosim_completion {
	__u32 status;
	__u32 reason;
	__u32 cookie;
	__u32 code;
	__u64 addr;
	__u64 result;
};

#define IOSIM_STATUS_OK		1
#define IOSIM_STATUS_FAULT	2	/* the IOMMU did not let the DMA through */
#define IOSIM_STATUS_INVALID	3	/* the descriptor makes no sense */
#define IOSIM_STATUS_ABORTED	4	/* reset, or unbound */

/* Why the IOMMU did not let DMA through. */
#define IOSIM_REASON_NOT_PRESENT	1	/* first stage, or the only one */
#define IOSIM_REASON_PERMISSION		2	/* likewise */
#define IOSIM_REASON_MALFORMED		3	/* a table of the user's */
#define IOSIM_REASON_PARENT		4	/* second stage of a nested access */
#define IOSIM_REASON_PASID		5	/* nothing is attached to the PASID */
#define IOSIM_REASON_BLOCKED		6	/* nothing is attached to the RID */
#define IOSIM_REASON_ADDRESS		7	/* beyond the addresses that there are */
#define IOSIM_REASON_REQUEST_FAILED	8	/* a page request was refused */
#define IOSIM_REASON_REQUEST_OVERFLOW	9	/* too many page requests */
#define IOSIM_REASON_MASTER		10	/* the function may not be bus master */
#define IOSIM_REASON_UNSUPPORTED	11	/* it did not get to the IOMMU, or anywhere */

/*
 * configfs
 * --------
 * mkdir /sys/kernel/config/iosim/NAME makes a device, unplugged; its attributes can
 * be written until it is plugged in:
 *
 *	pasid_bits	0 (default) to 20
 *	pri		0 or 1: page requests
 *	dirty		0 or 1 (default): second stages can track dirty pages
 *	isolated_msi	0 or 1 (default)
 *	group		empty (default: a group of its own), or the name of a
 *			device that is plugged in, whose group it joins
 *	kind		"engine" (default): for VFIO; "parent": driven by a kernel
 *			driver, with mdev sub-devices; or a function of PCI: "function"
 *			(an engine), "root-port", "upstream" and "downstream" (the
 *			ports of a switch), see below
 *	addr_bits	aperture of the second stage: 32 to 64 (default: 48); above
 *			48, pasid_bits may be up to 12 (else EINVAL when plugged in)
 *	reserved	empty, or "START-LAST": a reserved range, hexadecimal
 *	prq_size	page requests that may wait at a time, 1 to 1024 (default 32)
 *	quirks		empty (default), or words with commas between them: what the
 *			driver cannot do, or does badly, see below
 *	fault_thread	0 (default), or the milliseconds, to 10000, after which a DMA
 *			fault or a page request is reported by a thread that nobody
 *			waits for who detaches the device or frees the page table
 *	vtd		0 (default), or 1: it is behind a VT-d
 *	vtd_haw		of a VT-d: the host address width, 36 to 52 (default): above it
 *			the bits of addresses in tables are reserved
 *	vtd_cap		of a VT-d: the capability register, like 0x1234. Reading gives the
 *			one that goes with the other attributes, unless something else than
 *			0 has been written. What is not in it the IOMMU does not do; what the
 *			simulator cannot do, or what contradicts the other attributes, is
 *			EINVAL when plugged in
 *	vtd_ecap	likewise, the extended capability register. Without PASID, PRS or
 *			SSADS there are no PASIDs, page requests or dirty bits, whatever the
 *			attributes of the device are
 *	plugged		write 1: the device appears; write 0: it is removed, as if
 *			it had been pulled out
 *	device		read: its name, /sys/bus/platform/devices/NAME, or of a function
 *			/sys/bus/pci/devices/NAME, or ENODEV
 *
 * The words of "quirks". Devices with different ones have no page table in common.
 *
 *	no_split	what one call of map_pages has mapped can only be unmapped as
 *			a whole, alone or with others; a part of it, not at all: as
 *			virtio-iommu. A call of unmap_pages that fails is forgotten:
 *			iova_to_phys finds nothing, and the device still does
 *	map_short	map_pages maps half of what it is asked for, and says so
 *	map_silent	where map_pages fails, it does not say what it has mapped, and
 *			leaves it behind: as VT-d
 *	unmap_short	unmap_pages unmaps one page (of whatever size, or with no_split
 *			what one map_pages has mapped), and says so
 *	sync_map	the driver has iotlb_sync_map
 *	no_coherency	the IOMMU does not force DMA to be coherent
 *	only_4k		pages of 4 KiB only
 *	no_read_only	nothing can be mapped for reading only in the parent of nested
 *			domains: VT-d's erratum 772415, which its hardware information tells
 *	complete_late	what a page table can translate is known only when it has been
 *			attached: as virtio-iommu
 *	pri_attached	page requests can be enabled only while the RID is attached,
 *			otherwise ENODEV: as VT-d of Linux 6.12
 *
 * Calls that are to fail; only while it is plugged in, and at any time then:
 *
 *	map_fail	N: from the Nth one on, calls of map_pages map half of what
 *			they are asked for, and return ENOMEM. 0: none
 *	unmap_fail	N: the next N calls of unmap_pages unmap nothing
 *	sync_map_fail	N: from the Nth one on, calls of iotlb_sync_map return EIO,
 *			after 100 ms in which the device reaches what is mapped
 *	pri_busy	N: the next N times the device has not stopped making page
 *			requests when they are to be enabled: EBUSY, and they are not
 *
 * They are for all page tables that were made for the device.
 *
 * And counters, which only rise, of this device:
 *
 *	walks iotlb_hits pasid_cache_hits invalidations page_requests
 *	page_responses page_request_overflows faults late_reports nosnoop
 *	nested_walks structure_hits peer_accesses
 *
 * peer_accesses are those of a function that did not come to the IOMMU. late_reports are
 * those of fault_thread that have been made. nosnoop counts accesses, of a page each at
 * most, that went past the caches: IOSIM_DESC_NO_SNOOP, and no second stage that enforces
 * coherency. nested_walks are walks through a first stage of VT-d, structure_hits those
 * that did not begin at its root, because of the paging-structure cache. vtd_fault reads as
 * @code of the last DMA that faulted, "0x71" for example: there is no completion if that
 * has faulted, too.
 *
 * Functions of PCI are in a domain of their own, 0x1000 unless the parameter pci_domain of
 * iosim-devices says otherwise. It is there when a device whose BAR 2 is nothing but memory
 * is bound to the driver iosim-memory, by its driver_override; without, plugging in is
 * ENODEV. What such a function is like is in the directory pci below its own:
 *
 *	port		empty (default: on the root bus), or the name of a port that is
 *			plugged in, and that it is below. An upstream port is below a
 *			root port, and downstream ports are below that
 *	devfn		empty (default: the next device that is free), or "DD.F"
 *	multifunction	0 (default) or 1: there are more functions of its device
 *	id		"VVVV:DDDD", vendor and device (default: 1d6b:494f)
 *	acs		0 (default: none), or the capabilities of ACS: bits 0 SV, 1 TB,
 *			2 RR, 3 CR, 4 UF, 6 DT
 *	ats		0 (default) or 1
 *	flr		0 or 1 (default): it can be reset alone
 *	msi		0 (default) or 1: MSI, of one vector
 *	msix		vectors of MSI-X, 0 to 64 (default: 1), of an engine
 *	memory		bytes of BAR 2, a power of two from 4096 to 4194304 (default:
 *			65536), or 0: none
 *	siov		0 (default) or 1: the DVSEC of Intel's SIOV
 *
 * Of the other attributes pasid_bits and pri decide whether there are capabilities; group
 * must be empty: which group it is in follows from the topology. Its engine has
 *
 *	BAR 0		the page of registers. There is no portal: descriptors go by
 *			IOSIM_REG_DESC and IOSIM_REG_DOORBELL, without IOSIM_CTRL_POLL, and
 *			IOSIM_CTRL_RESET is read as 0 when it is done
 *	BAR 2		memory, a target for peer-to-peer DMA
 *	BAR 4		the table of MSI-X, and at 0x800 the pending bits
 *
 * Vector 0 is the interrupt of completions. The doorbell is looked at, and DMA done, while
 * the function is in D0, decodes BAR 0 and is bus master. With a PASID DMA is done only if
 * PASIDs are enabled, and pages are requested only if PRI is.
 *
 * A request goes by its address before the IOMMU sees it: to another function of the same
 * device, and at a downstream or root port to what is below its siblings, unless ACS
 * redirects it there (RR). One that comes through a bridge from below does not get to an
 * address in the window of that bridge: IOSIM_REASON_UNSUPPORTED.
 *
 * Removing a device asks those who use it through VFIO to let go of it, and waits
 * for them: a write of 0 until a signal comes, rmdir for a second. The removal goes on
 * then, and the name can be used again when it is over.
 *
 * An engine binds to the VFIO driver iosim-vfio by itself. A sub-device is made in its
 * parent's mdev_supported_types; the types are "iosim-local" (PASIDs of the parent's
 * space) and "iosim-global" (one space for the context). The parent has an attribute
 * dma_check: a write lets its kernel driver copy through its own mapping (EIO: wrong
 * data), a read tells how often that went well.
 */

#endif
