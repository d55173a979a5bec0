/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * What /dev/iommu of this module has beyond linux/iommufd.h of Linux 6.12.
 *
 * The commands here follow the rules of that header: the structure begins with
 * its size; a longer one than the module knows is accepted if the rest is zero
 * (else E2BIG), a shorter one than the first version is EINVAL; an unknown flag
 * or a reserved field that is not zero is EOPNOTSUPP; an unknown ID is ENOENT.
 *
 * Those that newer versions of linux/iommufd.h have are declared here only if
 * that header does not.
 */
#ifndef _UAPI_LINUX_IOASID_H
#define _UAPI_LINUX_IOASID_H

#include <linux/iommufd.h>
#include <linux/types.h>

#ifndef IOMMU_HW_INFO_FLAG_INPUT_TYPE
/*
 * struct iommu_hw_info: @flags may be this: @out_data_type is then an input, too, and
 * names the kind of data that is wanted, 0 being the IOMMU driver's default. EOPNOTSUPP:
 * the driver does not have it. Newer versions call the field @in_data_type as well.
 */
#define IOMMU_HW_INFO_FLAG_INPUT_TYPE (1 << 0)
#endif

#ifndef IOMMU_VEVENTQ_ALLOC
/*
 * Of linux/iommufd.h since Linux 6.14 and 7.0 (a header that has IOMMU_VEVENTQ_ALLOC has
 * the first).
 *
 * enum iommufd_hwpt_alloc_flags: the page table can be attached to a PASID. EOPNOTSUPP: the
 * device or its IOMMU has no PASIDs. Here page tables without the flag can be, too.
 */
#define IOMMU_HWPT_ALLOC_PASID (1 << 3)
/* enum iommufd_hw_capabilities: the device has no ATS. */
#define IOMMU_HW_CAP_PCI_ATS_NOT_SUPPORTED (1 << 3)
#endif

#ifndef VFIO_DEVICE_BIND_FLAG_TOKEN
/* Of linux/vfio.h since Linux 6.17. */
#define VFIO_DEVICE_BIND_FLAG_TOKEN (1 << 0)
#endif

/**
 * struct ioasid_vfio_bind - ioctl(VFIO_DEVICE_BIND_IOMMUFD) on a file of /dev/vfio/devices
 * @argsz: sizeof(struct ioasid_vfio_bind)
 * @flags: VFIO_DEVICE_BIND_FLAG_TOKEN: there is a @token_uuid_ptr, and @argsz has to
 *	cover it. Without the flag @argsz may end before it
 * @iommufd: a file of /dev/iommu
 * @out_devid: set to the device's ID there
 * @token_uuid_ptr: pointer to the 16 bytes of a UUID, in the order in which it is written
 *
 * struct vfio_device_bind_iommufd as newer versions of linux/vfio.h have it. A virtual
 * function whose physical function is bound to vfio-pci needs the VF token of that, and
 * so does the physical function while a virtual one is open; while none is, the token
 * becomes that of the physical function.
 *
 * EACCES: no token, or another one than is needed. EINVAL: a token for a device that
 * can have none, or for a virtual function whose physical function is not vfio-pci's.
 */
struct ioasid_vfio_bind {
	__u32 argsz;
	__u32 flags;
	__s32 iommufd;
	__u32 out_devid;
	__aligned_u64 token_uuid_ptr;
};

#ifndef VFIO_DEVICE_ATTACH_PASID
/* Of linux/vfio.h since Linux 6.15. */
#define VFIO_DEVICE_ATTACH_PASID (1 << 0)
#define VFIO_DEVICE_DETACH_PASID (1 << 0)
#endif

/**
 * struct ioasid_vfio_attach - ioctl(VFIO_DEVICE_ATTACH_IOMMUFD_PT)
 * @argsz: sizeof(struct ioasid_vfio_attach)
 * @flags: VFIO_DEVICE_ATTACH_PASID: there is a @pasid, and @argsz has to cover it.
 *	Without the flag @argsz may end before it
 * @pt_id: the IOAS or HWPT; set to the HWPT
 * @pasid: what DMA by @pt_id carries, as of IOASID_PASID_ATTACH
 *
 * struct vfio_device_attach_iommufd_pt as newer versions of linux/vfio.h have it. With
 * the flag it does what IOASID_PASID_ATTACH does, with the same errors; EINVAL: PASID 0.
 */
struct ioasid_vfio_attach {
	__u32 argsz;
	__u32 flags;
	__u32 pt_id;
	__u32 pasid;
};

/**
 * struct ioasid_vfio_detach - ioctl(VFIO_DEVICE_DETACH_IOMMUFD_PT)
 * @argsz: sizeof(struct ioasid_vfio_detach)
 * @flags: VFIO_DEVICE_DETACH_PASID: there is a @pasid
 * @pasid: the PASID; it is no error if it is not attached
 *
 * struct vfio_device_detach_iommufd_pt as newer versions of linux/vfio.h have it.
 */
struct ioasid_vfio_detach {
	__u32 argsz;
	__u32 flags;
	__u32 pasid;
};

#ifndef IOMMU_VIOMMU_ALLOC
/**
 * enum iommu_viommu_type - kinds of vIOMMUs
 * @IOMMU_VIOMMU_TYPE_DEFAULT: none
 * @IOMMU_VIOMMU_TYPE_ARM_SMMUV3: of newer kernels
 * @IOMMU_VIOMMU_TYPE_TEGRA241_CMDQV: likewise
 *
 * IOMMU drivers that are built against this module may have their own.
 */
enum iommu_viommu_type {
	IOMMU_VIOMMU_TYPE_DEFAULT = 0,
	IOMMU_VIOMMU_TYPE_ARM_SMMUV3 = 1,
	IOMMU_VIOMMU_TYPE_TEGRA241_CMDQV = 2,
};

/**
 * struct iommu_viommu_alloc - ioctl(IOMMU_VIOMMU_ALLOC)
 * @size: sizeof(struct iommu_viommu_alloc)
 * @flags: must be 0
 * @type: enum iommu_viommu_type, or one of the IOMMU driver's
 * @dev_id: a device that is bound: its IOMMU is the one that is virtualized
 * @hwpt_id: an HWPT with IOMMU_HWPT_ALLOC_NEST_PARENT, which translates what the guest
 *	takes for physical addresses
 * @out_viommu_id: set to the ID of the vIOMMU
 * @data_len: bytes at @data_uptr, or 0
 * @__reserved: must be 0
 * @data_uptr: pointer to what the IOMMU driver wants to know, and tells
 *
 * Allocate a vIOMMU: what a guest has of an IOMMU. IOMMU_HWPT_ALLOC with the vIOMMU as
 * pt_id makes nested page tables that belong to it; IOMMU_HWPT_INVALIDATE with it as
 * hwpt_id invalidates in the guest's terms, for all of them, and by virtual device IDs.
 * It keeps the HWPT, but not the device.
 *
 * EOPNOTSUPP: flags, or the IOMMU driver has no such vIOMMU, whatever hwpt_id is. ENOENT:
 * no such device or HWPT, or that is a nested one. EINVAL: the HWPT is no nesting parent, or
 * not for that IOMMU. E2BIG: more than a page of data. EFAULT, and other errors of the IOMMU
 * driver's.
 */
struct iommu_viommu_alloc {
	__u32 size;
	__u32 flags;
	__u32 type;
	__u32 dev_id;
	__u32 hwpt_id;
	__u32 out_viommu_id;
	__u32 data_len;
	__u32 __reserved;
	__aligned_u64 data_uptr;
};
#define IOMMU_VIOMMU_ALLOC _IO(IOMMUFD_TYPE, 0x90)
#endif

#ifndef IOMMU_VDEVICE_ALLOC
/**
 * struct iommu_vdevice_alloc - ioctl(IOMMU_VDEVICE_ALLOC)
 * @size: sizeof(struct iommu_vdevice_alloc)
 * @viommu_id: the vIOMMU
 * @dev_id: a device that is bound, behind the IOMMU of the vIOMMU
 * @out_vdevice_id: set to the ID of the virtual device
 * @virt_id: how the guest calls the device: a RID, a stream ID
 *
 * Tell a vIOMMU how the guest calls a device: in invalidations, events and hardware
 * queues. It keeps the vIOMMU, but not the device: when that is unbound first, it goes as
 * well, and its ID is not given out again.
 *
 * ENOENT: no such vIOMMU or device. EINVAL: the device is behind another IOMMU, or a
 * sub-device. EEXIST: the device has a virtual one already, on any vIOMMU, or this one has
 * another with that virt_id. Other errors are the IOMMU driver's.
 */
struct iommu_vdevice_alloc {
	__u32 size;
	__u32 viommu_id;
	__u32 dev_id;
	__u32 out_vdevice_id;
	__aligned_u64 virt_id;
};
#define IOMMU_VDEVICE_ALLOC _IO(IOMMUFD_TYPE, 0x91)
#endif

#ifndef IOMMU_VEVENTQ_ALLOC
/**
 * enum iommu_veventq_type - kinds of events
 * @IOMMU_VEVENTQ_TYPE_DEFAULT: none
 * @IOMMU_VEVENTQ_TYPE_ARM_SMMUV3: of newer kernels
 * @IOMMU_VEVENTQ_TYPE_TEGRA241_CMDQV: likewise
 */
enum iommu_veventq_type {
	IOMMU_VEVENTQ_TYPE_DEFAULT = 0,
	IOMMU_VEVENTQ_TYPE_ARM_SMMUV3 = 1,
	IOMMU_VEVENTQ_TYPE_TEGRA241_CMDQV = 2,
};

/**
 * enum iommu_veventq_flag - of struct iommufd_vevent_header
 * @IOMMU_VEVENTQ_FLAG_LOST_EVENTS: no event follows the header: that of its number is lost,
 *	and so are those between the last one that has been read and it
 */
enum iommu_veventq_flag {
	IOMMU_VEVENTQ_FLAG_LOST_EVENTS = (1U << 0),
};

/**
 * struct iommufd_vevent_header - what is in front of each event
 * @flags: enum iommu_veventq_flag
 * @sequence: the number of the event, from 0 to INT_MAX and from 0 again. What is missing
 *	between two of them is lost
 */
struct iommufd_vevent_header {
	__u32 flags;
	__u32 sequence;
};

/**
 * struct iommu_veventq_alloc - ioctl(IOMMU_VEVENTQ_ALLOC)
 * @size: sizeof(struct iommu_veventq_alloc)
 * @flags: must be 0
 * @viommu_id: the vIOMMU
 * @type: enum iommu_veventq_type, or one of the IOMMU driver's
 * @veventq_depth: how many events it holds, from 1 to 2^19
 * @out_veventq_id: set to the ID of the queue
 * @out_veventq_fd: set to a file descriptor, from which events are read
 * @__reserved: must be 0
 *
 * A queue of the events of one type that the IOMMU driver reports for a vIOMMU. read()
 * gives as many as fit, each a struct iommufd_vevent_header and what the type says behind
 * it; 0 if there is none: it never waits, poll() does. EINVAL: the first one does not fit.
 * A queue that is full loses events, and says so, see struct iommufd_vevent_header. It
 * cannot be destroyed while the file descriptor is open (EBUSY), and keeps the vIOMMU.
 *
 * ENOENT: no such vIOMMU. EINVAL: the depth. EEXIST: there is a queue of that type.
 */
struct iommu_veventq_alloc {
	__u32 size;
	__u32 flags;
	__u32 viommu_id;
	__u32 type;
	__u32 veventq_depth;
	__u32 out_veventq_id;
	__u32 out_veventq_fd;
	__u32 __reserved;
};
#define IOMMU_VEVENTQ_ALLOC _IO(IOMMUFD_TYPE, 0x93)
#endif

#ifndef IOMMU_HW_QUEUE_ALLOC
/**
 * enum iommu_hw_queue_type - kinds of queues
 * @IOMMU_HW_QUEUE_TYPE_DEFAULT: none
 * @IOMMU_HW_QUEUE_TYPE_TEGRA241_CMDQV: of newer kernels
 */
enum iommu_hw_queue_type {
	IOMMU_HW_QUEUE_TYPE_DEFAULT = 0,
	IOMMU_HW_QUEUE_TYPE_TEGRA241_CMDQV = 1,
};

/**
 * struct iommu_hw_queue_alloc - ioctl(IOMMU_HW_QUEUE_ALLOC)
 * @size: sizeof(struct iommu_hw_queue_alloc)
 * @flags: must be 0
 * @viommu_id: the vIOMMU
 * @type: enum iommu_hw_queue_type, or one of the IOMMU driver's
 * @index: which of that type's
 * @out_hw_queue_id: set to the ID of the queue
 * @nesting_parent_iova: where it is in the nesting parent, which is where the guest has it
 * @length: bytes
 *
 * Let the IOMMU read a queue in the guest's memory by itself. That stays mapped, pinned and
 * charged until the queue is destroyed: to unmap a mapping that has a part of it is EBUSY
 * meanwhile. It must be in one piece in memory, as it is within a huge page. The queue
 * keeps the vIOMMU.
 *
 * EOPNOTSUPP: flags, or the IOMMU driver has no such queues. ENOENT: no such vIOMMU, or
 * nothing is mapped there. EINVAL: no length, a BAR, or a length or index that the driver
 * does not take. E2BIG: longer than 1 GiB. EOVERFLOW: beyond the end of 64 bits. EPERM:
 * mapped to be written only. EFAULT: not in one piece. EEXIST, and other errors of the
 * driver's.
 */
struct iommu_hw_queue_alloc {
	__u32 size;
	__u32 flags;
	__u32 viommu_id;
	__u32 type;
	__u32 index;
	__u32 out_hw_queue_id;
	__aligned_u64 nesting_parent_iova;
	__aligned_u64 length;
};
#define IOMMU_HW_QUEUE_ALLOC _IO(IOMMUFD_TYPE, 0x94)
#endif

#ifndef IOMMU_IOAS_MAP_FILE
/**
 * struct iommu_ioas_map_file - ioctl(IOMMU_IOAS_MAP_FILE)
 * @size: sizeof(struct iommu_ioas_map_file)
 * @flags: as of IOMMU_IOAS_MAP
 * @ioas_id: the IOAS
 * @fd: a memfd, or a file of tmpfs or hugetlbfs
 * @start: where to begin in the file, in bytes
 * @length: bytes
 * @iova: as of IOMMU_IOAS_MAP
 *
 * Map a part of a file. As IOMMU_IOAS_MAP of a shared mapping of the file, but
 * whoever maps it need not have it in its address space, and the memory is pinned
 * by the folios of the file, which is much faster where they are large. Holes of
 * the file are filled when the memory is pinned, which is when the first device
 * is attached to the IOAS, or now.
 *
 * What may be mapped is what mmap() would map MAP_SHARED: EACCES: the file is not
 * open for reading (which it has to be in any case), is open for writing and has the
 * append-only attribute, or a security module refuses that it be read or written.
 * EPERM: a writable mapping of a file that is not open for writing or is sealed
 * against it. As long as there is a writable mapping, F_SEAL_WRITE is EBUSY.
 *
 * EBADF: no such file. EINVAL: a file of another kind, or behind its end.
 * EHWPOISON: a page of it has failed. Otherwise as IOMMU_IOAS_MAP.
 */
struct iommu_ioas_map_file {
	__u32 size;
	__u32 flags;
	__u32 ioas_id;
	__s32 fd;
	__aligned_u64 start;
	__aligned_u64 length;
	__aligned_u64 iova;
};
#define IOMMU_IOAS_MAP_FILE _IO(IOMMUFD_TYPE, 0x8f)
#endif

#ifndef IOMMU_IOAS_CHANGE_PROCESS
/**
 * struct iommu_ioas_change_process - ioctl(IOMMU_IOAS_CHANGE_PROCESS)
 * @size: sizeof(struct iommu_ioas_change_process)
 * @__reserved: must be 0
 *
 * Make the calling process the one that pays for all memory that is mapped
 * through this file descriptor, which it has got from another process. For that
 * all of it must have been mapped by IOMMU_IOAS_MAP_FILE. Mappings and DMA go on
 * meanwhile. On error nothing has changed.
 *
 * EINVAL: there is other memory. ENOMEM: the caller's RLIMIT_MEMLOCK.
 */
struct iommu_ioas_change_process {
	__u32 size;
	__u32 __reserved;
};
#define IOMMU_IOAS_CHANGE_PROCESS _IO(IOMMUFD_TYPE, 0x92)
#endif

/*
 * Commands of this module alone.
 */
#define IOASID_CMD_BASE 0xC0

/**
 * enum ioasid_extension - what IOASID_CHECK_EXTENSION can be asked for
 * @IOASID_EXT_API_VERSION: the version of this header: 1
 * @IOASID_EXT_MAP_BATCH: IOASID_MAP_BATCH and IOASID_UNMAP_BATCH; the value is
 *	the largest number of entries in one call
 * @IOASID_EXT_NESTED: IOASID_ALLOC_NESTED; the value is the greatest depth, the
 *	number of children below each other
 * @IOASID_EXT_LAST_REASON: IOASID_LAST_REASON; the value is the length of the
 *	longest sentence, in bytes, with its end
 * @IOASID_EXT_MAP_FILE: IOMMU_IOAS_MAP_FILE
 * @IOASID_EXT_CHANGE_PROCESS: IOMMU_IOAS_CHANGE_PROCESS
 * @IOASID_EXT_P2P: IOMMU_IOAS_MAP of a VFIO device's BAR
 * @IOASID_EXT_PASID: IOASID_PASID_ATTACH and IOASID_PASID_DETACH
 * @IOASID_EXT_DEVICE_INFO: IOASID_DEVICE_INFO
 * @IOASID_EXT_EVENTQ: IOASID_EVENTQ_ALLOC; the value is the largest number of
 *	events that a queue can be asked to hold
 * @IOASID_EXT_FAULT_ANY: a fault queue may belong to a kernel-managed page table,
 *	too, and to page tables that are attached to a PASID
 * @IOASID_EXT_COHERENCY: IOASID_COHERENCY
 */
enum ioasid_extension {
	IOASID_EXT_API_VERSION = 0,
	IOASID_EXT_MAP_BATCH = 1,
	IOASID_EXT_NESTED = 2,
	IOASID_EXT_LAST_REASON = 3,
	IOASID_EXT_MAP_FILE = 4,
	IOASID_EXT_CHANGE_PROCESS = 5,
	IOASID_EXT_P2P = 6,
	IOASID_EXT_PASID = 7,
	IOASID_EXT_DEVICE_INFO = 8,
	IOASID_EXT_EVENTQ = 9,
	IOASID_EXT_FAULT_ANY = 10,
	IOASID_EXT_COHERENCY = 11,
};

/**
 * struct ioasid_check_extension - ioctl(IOASID_CHECK_EXTENSION)
 * @size: sizeof(struct ioasid_check_extension)
 * @flags: must be 0
 * @extension: enum ioasid_extension, or any other number
 * @__reserved: must be 0
 * @out_value: 0 if this module has nothing of that number, otherwise what the
 *	number says
 */
struct ioasid_check_extension {
	__u32 size;
	__u32 flags;
	__u32 extension;
	__u32 __reserved;
	__aligned_u64 out_value;
};
#define IOASID_CHECK_EXTENSION _IO(IOMMUFD_TYPE, IOASID_CMD_BASE + 0)

/**
 * struct ioasid_batch_entry - one mapping of a batch
 * @src: MAP: the user address, or in a nested IOAS the IOVA in the parent.
 *	UNMAP: must be 0
 * @iova: MAP: as in IOMMU_IOAS_MAP, also for the answer. UNMAP: first IOVA
 * @length: bytes. UNMAP: set to the bytes that have been unmapped
 * @flags: MAP: enum iommufd_ioas_map_flags. UNMAP: must be 0
 * @error: set to 0 for an entry that has been done, and to the errno (positive)
 *	of the one that has failed. Entries behind that are left as they are, but for
 *	an @iova that MAP has chosen.
 */
struct ioasid_batch_entry {
	__aligned_u64 src;
	__aligned_u64 iova;
	__aligned_u64 length;
	__u32 flags;
	__s32 error;
};

/**
 * struct ioasid_batch - ioctl(IOASID_MAP_BATCH), ioctl(IOASID_UNMAP_BATCH)
 * @size: sizeof(struct ioasid_batch)
 * @flags: must be 0
 * @ioas_id: the IOAS
 * @nr: number of entries; 0 is allowed and does nothing
 * @entries: pointer to an array of struct ioasid_batch_entry
 * @out_done: set to the number of entries that have been done
 * @__reserved: must be 0
 *
 * Do what IOMMU_IOAS_MAP, or IOMMU_IOAS_UNMAP, does, for many mappings at once
 * and in the order of the entries, as if they had been called one after the
 * other, with the same errors for each.
 *
 * At the first entry that fails it stops: @out_done says how many are done and
 * stay so, the entry's @error says why, and the call fails with the same errno.
 * What is behind it has not been looked at, with one exception: if an IOMMU driver
 * has not unmapped what it was asked to (EIO: that stays mapped, and pinned), up to 255
 * entries of UNMAP behind it may have been unmapped. Both are also told if the call is
 * interrupted by a fatal signal (EINTR).
 *
 * The work is done in portions of some hundred entries, which share what they can:
 * where entries follow each other, one walk of the page tables; for UNMAP one
 * flush of the IOTLB for all, from the lowest IOVA to the highest, unless the
 * IOMMU driver flushes in between (AMD-Vi does in a virtual machine, to spare the
 * hypervisor). Memory is unpinned only after the flush. An entry of UNMAP
 * may cover several mappings, and none that is cut by it; one that covers none is
 * ENOENT, unless it is everything, 0 and U64_MAX.
 *
 * EFAULT with @out_done set: the array of entries could not be read or written
 * further. What could not be given its @iova is not mapped; what could not be
 * reported as unmapped is unmapped nevertheless.
 */
struct ioasid_batch {
	__u32 size;
	__u32 flags;
	__u32 ioas_id;
	__u32 nr;
	__aligned_u64 entries;
	__u32 out_done;
	__u32 __reserved;
};
#define IOASID_MAP_BATCH _IO(IOMMUFD_TYPE, IOASID_CMD_BASE + 1)
#define IOASID_UNMAP_BATCH _IO(IOMMUFD_TYPE, IOASID_CMD_BASE + 2)

/**
 * struct ioasid_alloc_nested - ioctl(IOASID_ALLOC_NESTED)
 * @size: sizeof(struct ioasid_alloc_nested)
 * @flags: must be 0
 * @parent_ioas_id: the IOAS to nest in: an ordinary or a nested one of this file
 *	descriptor
 * @out_ioas_id: set to the ID of the child
 *
 * Software nesting: allocate an IOAS whose mappings are made of the parent's. In
 * it, the source address of IOMMU_IOAS_MAP, VFIO_IOMMU_MAP_DMA and
 * IOASID_MAP_BATCH is an IOVA of the parent (a VMM: a guest's I/O address to a
 * guest-physical address). The kernel merges the two, so that it works with any
 * IOMMU. Devices attach to the child as to any IOAS; nothing is pinned and
 * nothing charged again. A mapping of the outermost IOAS is pinned, as a whole,
 * from the first time that a device of a nested one needs a part of it, until it is
 * unmapped or no nested one has a page table.
 *
 * A mapping in the child is permitted what it asks for and what the parent's
 * mapping permits as well. EPERM if that leaves nothing.
 *
 * EFAULT when mapping: a part of the source is not mapped in the parent.
 *
 * Unmapping a range of the parent takes all that is made of it out of its
 * children, at any depth, before it returns. IOMMU_IOAS_MAP_FILE into a child, and
 * IOMMU_IOAS_COPY into one, are EINVAL. The parent cannot be destroyed while it
 * has children (EBUSY). EOVERFLOW: deeper than IOASID_EXT_NESTED says, or more than
 * 4096 below one ordinary IOAS.
 */
struct ioasid_alloc_nested {
	__u32 size;
	__u32 flags;
	__u32 parent_ioas_id;
	__u32 out_ioas_id;
};
#define IOASID_ALLOC_NESTED _IO(IOMMUFD_TYPE, IOASID_CMD_BASE + 3)

/**
 * struct ioasid_pasid_attach - ioctl(IOASID_PASID_ATTACH)
 * @size: sizeof(struct ioasid_pasid_attach)
 * @flags: must be 0
 * @dev_id: a device that is bound
 * @pasid: from 1 to the largest that IOASID_DEVICE_INFO tells
 * @pt_id: the IOAS or HWPT that DMA with this PASID goes by
 * @out_hw_pasid: set to the PASID that the hardware carries
 * @out_hwpt_id: set to the HWPT that is attached
 * @__reserved: must be 0
 *
 * The PASID is what the user, and so a guest, calls it. A whole physical device
 * carries the same number. A sub-device shares its parent with others: the kernel
 * chooses the hardware's PASID, and the driver that mediates the sub-device converts;
 * nobody else gets it before the sub-device is unbound.
 * Where the CPU converts what it submits itself, a PASID of this file descriptor has
 * one hardware PASID, whatever the sub-device.
 *
 * Attaching a PASID that is attached replaces what it is attached to: DMA that is
 * running goes by the old page table or by the new one, never elsewhere. An IOMMU
 * driver that cannot do that faults DMA for a moment in between.
 *
 * Sub-devices of one parent for which it is the same share what it is attached to.
 *
 * EOPNOTSUPP: the device or its IOMMU has no PASIDs. EINVAL: a PASID out of range,
 * no IOAS or HWPT, a PASID table, or a device that shares the PASID is attached
 * elsewhere. ENOSPC: the hardware's PASIDs are used up, the sub-device has had an eighth
 * of the parent's, the sub-devices of this file descriptor have 4096, or a whole device
 * has. EIO: the PASID could neither be moved nor be attached again to what it was attached
 * to, and is detached, for all that share it.
 * EBUSY: the RID is attached to a PASID table of the user's, which has all PASIDs;
 * the device's driver, or another file descriptor, uses the PASID. ENODEV: with some
 * IOMMU drivers (VT-d's of 6.12, where a device of the group has ATS) the RID has to be
 * attached first, to a page table that is not the user's; then it cannot be moved as long as
 * a PASID is attached (EBUSY), and detaching it detaches the PASIDs. Otherwise as
 * VFIO_DEVICE_ATTACH_IOMMUFD_PT.
 */
struct ioasid_pasid_attach {
	__u32 size;
	__u32 flags;
	__u32 dev_id;
	__u32 pasid;
	__u32 pt_id;
	__u32 out_hw_pasid;
	__u32 out_hwpt_id;
	__u32 __reserved;
};
#define IOASID_PASID_ATTACH _IO(IOMMUFD_TYPE, IOASID_CMD_BASE + 4)

/**
 * struct ioasid_pasid_detach - ioctl(IOASID_PASID_DETACH)
 * @size: sizeof(struct ioasid_pasid_detach)
 * @flags: must be 0
 * @dev_id: the device
 * @pasid: as it was attached
 *
 * DMA with the PASID is blocked when this returns. Page requests that have not been
 * answered are failed. Unbinding a device, and closing it, detach all its PASIDs.
 *
 * ENOENT: the PASID is not attached.
 */
struct ioasid_pasid_detach {
	__u32 size;
	__u32 flags;
	__u32 dev_id;
	__u32 pasid;
};
#define IOASID_PASID_DETACH _IO(IOMMUFD_TYPE, IOASID_CMD_BASE + 5)

/**
 * enum ioasid_device_flags - what IOASID_DEVICE_INFO tells of a device
 * @IOASID_DEVICE_SUBDEVICE: bound by RID+PASID: a part of a device whose RID belongs
 *	to a kernel driver
 * @IOASID_DEVICE_PASID: IOASID_PASID_ATTACH works
 * @IOASID_DEVICE_PASID_CONVERTED: the hardware's PASIDs differ from the user's
 * @IOASID_DEVICE_PASID_GLOBAL: and are the same for all devices of this file
 *	descriptor: for submission by the CPU
 * @IOASID_DEVICE_PRI: it can make page requests: page tables with a fault queue. On 6.12
 *	not while it shares its IOMMU group with others than ports; and behind VT-d, whose
 *	driver does not say before the RID is attached, it is set for what has the
 *	capabilities PRI and ATS, if the IOMMU takes page requests
 * @IOASID_DEVICE_ATS: it may keep translations itself
 * @IOASID_DEVICE_DIRTY: page tables with dirty tracking
 * @IOASID_DEVICE_NESTING: page tables that can be a nesting parent
 * @IOASID_DEVICE_COHERENT: its IOMMU can make all DMA coherent with the caches, even
 *	what asks not to be, and does so unless IOASID_COHERENCY says otherwise
 * @IOASID_DEVICE_ATTACHED: its RID (a sub-device: its own PASID) is attached
 * @IOASID_DEVICE_ENFORCED: and what it is attached to makes it coherent so
 */
enum ioasid_device_flags {
	IOASID_DEVICE_SUBDEVICE = 1 << 0,
	IOASID_DEVICE_PASID = 1 << 1,
	IOASID_DEVICE_PASID_CONVERTED = 1 << 2,
	IOASID_DEVICE_PASID_GLOBAL = 1 << 3,
	IOASID_DEVICE_PRI = 1 << 4,
	IOASID_DEVICE_ATS = 1 << 5,
	IOASID_DEVICE_DIRTY = 1 << 6,
	IOASID_DEVICE_NESTING = 1 << 7,
	IOASID_DEVICE_COHERENT = 1 << 8,
	IOASID_DEVICE_ATTACHED = 1 << 9,
	IOASID_DEVICE_ENFORCED = 1 << 10,
};

/**
 * struct ioasid_device_member - one device of an isolation set
 * @dev_id: its ID if it is bound to this file descriptor, or 0
 * @rid: for PCI: segment << 16 | bus << 8 | devfn; otherwise 0
 * @name: as in sysfs, cut to fit, ended by a zero byte
 */
struct ioasid_device_member {
	__u32 dev_id;
	__u32 rid;
	__u8 name[56];
};

/**
 * struct ioasid_device_info - ioctl(IOASID_DEVICE_INFO)
 * @size: sizeof(struct ioasid_device_info)
 * @flags: must be 0
 * @dev_id: a device that is bound
 * @out_flags: set to a combination of enum ioasid_device_flags
 * @rid: set as in struct ioasid_device_member; of a sub-device: the parent's
 * @hw_pasid: set to the PASID that a sub-device is bound by, otherwise 0
 * @max_pasid: set to the largest PASID that can be attached, or 0
 * @group_id: set to the number of the IOMMU group
 * @page_sizes: set to a bitmap of the page sizes of the IOMMU
 * @aperture_start: set to the first IOVA that the IOMMU translates
 * @aperture_last: set to the last, inclusive
 * @members: pointer to an array of struct ioasid_device_member: the devices that the
 *	IOMMU cannot keep apart from this one, itself included
 * @nr_members: number of entries of the array. Set to the number of devices; EMSGSIZE
 *	if the array is shorter, and then holds the first of them
 * @pt_id: set to the HWPT that the RID (a sub-device: its own PASID) is attached to,
 *	or 0
 *
 * The page sizes and the aperture are those of a page table that is made for the
 * device now. An aperture that ends at 0: the IOMMU driver does not tell before a device
 * is attached (virtio-iommu).
 */
struct ioasid_device_info {
	__u32 size;
	__u32 flags;
	__u32 dev_id;
	__u32 out_flags;
	__u32 rid;
	__u32 hw_pasid;
	__u32 max_pasid;
	__u32 group_id;
	__aligned_u64 page_sizes;
	__aligned_u64 aperture_start;
	__aligned_u64 aperture_last;
	__aligned_u64 members;
	__u32 nr_members;
	__u32 pt_id;
};
#define IOASID_DEVICE_INFO _IO(IOMMUFD_TYPE, IOASID_CMD_BASE + 6)

/**
 * struct ioasid_eventq_alloc - ioctl(IOASID_EVENTQ_ALLOC)
 * @size: sizeof(struct ioasid_eventq_alloc)
 * @flags: must be 0
 * @ioas_id: the IOAS whose events are wanted, or 0: of all of this file descriptor
 * @depth: how many events it holds; 0: 256
 * @out_eventq_id: set to the ID of the queue
 * @out_fd: set to a file descriptor, from which struct ioasid_event are read
 *
 * Events are told to every queue that they concern: DMA faults and lost ranges to
 * those of the IOAS, a device that is gone to all. read() gives as many as fit, at
 * least one: it waits for that, or is EAGAIN if the file descriptor is O_NONBLOCK;
 * EINVAL if the buffer has no room for one; EFAULT loses none. poll() works. Of a
 * queue that is full the oldest events are dropped, and the next one says how many.
 *
 * The queue cannot be destroyed while the file descriptor is open (EBUSY), which works
 * in other processes, too, and keeps this one's objects. It does not keep the IOAS from
 * being destroyed; one that gets its ID later is the queue's as well.
 *
 * EINVAL: @depth is too large, see IOASID_EXT_EVENTQ. ENOENT: no such IOAS. EMFILE: no
 * more files, or 64 event queues of this file descriptor are open.
 */
struct ioasid_eventq_alloc {
	__u32 size;
	__u32 flags;
	__u32 ioas_id;
	__u32 depth;
	__u32 out_eventq_id;
	__u32 out_fd;
};
#define IOASID_EVENTQ_ALLOC _IO(IOMMUFD_TYPE, IOASID_CMD_BASE + 7)

/**
 * enum ioasid_event_type - what has happened
 * @IOASID_EVENT_DMA_FAULT: the IOMMU has not let DMA through. Some IOMMU drivers do
 *	not tell (VT-d)
 * @IOASID_EVENT_RANGE_LOST: a mapping of a nested IOAS is gone since its source in
 *	the parent has been unmapped; or one translates nothing any more since the
 *	device whose BAR it was has been unbound, or memory was short when that has
 *	switched its BARs on again: iova, length, ioas_id
 * @IOASID_EVENT_DEVICE_GONE: a device has been unbound: dev_id
 */
enum ioasid_event_type {
	IOASID_EVENT_DMA_FAULT = 1,
	IOASID_EVENT_RANGE_LOST = 2,
	IOASID_EVENT_DEVICE_GONE = 3,
};

/**
 * struct ioasid_event - one event
 * @type: enum ioasid_event_type. Ignore those that you do not know
 * @flags: IOASID_EVENT_PASID: @pasid is valid
 * @lost: how many events have been dropped in front of this one, for want of room
 * @ioas_id: the IOAS, or 0
 * @dev_id: the device, or 0
 * @pasid: as the user calls it
 * @perm: of a fault: what the device wanted: IOMMU_PGFAULT_PERM_READ or _WRITE
 * @reason: of a fault: 0 (the IOMMU driver does not say)
 * @iova: of a fault; first IOVA of a range
 * @length: of a range, in bytes
 */
struct ioasid_event {
	__u32 type;
	__u32 flags;
	__u32 lost;
	__u32 ioas_id;
	__u32 dev_id;
	__u32 pasid;
	__u32 perm;
	__u32 reason;
	__aligned_u64 iova;
	__aligned_u64 length;
};

#define IOASID_EVENT_PASID	(1U << 0)

/**
 * struct ioasid_last_reason - ioctl(IOASID_LAST_REASON)
 * @size: sizeof(struct ioasid_last_reason)
 * @flags: must be 0
 * @buffer: pointer to a buffer for a sentence in English, ended by a zero byte
 * @buffer_len: its length in bytes. Set to the length that the whole sentence
 *	takes; a longer sentence has been cut
 * @out_errno: set to the errno that the sentence explains, which is that of the
 *	last call
 *
 * Why did the last call of this thread on this file descriptor fail: a command, an
 * ioctl of the legacy container, or a bind or attach of VFIO to it. A sentence says
 * what the errno alone does not tell: which device, which range, which limit. Any
 * other call but this one forgets it, so ask right after the failure. ENODATA: the
 * last call has not failed, or its errno has one cause only, or too many other
 * threads have failed since.
 */
struct ioasid_last_reason {
	__u32 size;
	__u32 flags;
	__aligned_u64 buffer;
	__u32 buffer_len;
	__u32 out_errno;
};
#define IOASID_LAST_REASON _IO(IOMMUFD_TYPE, IOASID_CMD_BASE + 8)

/**
 * enum ioasid_coherency_policy - may DMA by an IOAS bypass the caches of the CPU?
 * @IOASID_COHERENCY_DEFAULT: not where the IOMMU of the device can prevent it. Devices
 *	whose IOMMU cannot are attached all the same, to page tables of their own
 * @IOASID_COHERENCY_REQUIRED: no; a device whose IOMMU cannot prevent it is refused
 *	(EINVAL)
 * @IOASID_COHERENCY_NOT_NEEDED: yes: a device may make transactions that do not snoop
 *	(PCIe "no snoop"), which is faster for some
 */
enum ioasid_coherency_policy {
	IOASID_COHERENCY_DEFAULT = 0,
	IOASID_COHERENCY_REQUIRED = 1,
	IOASID_COHERENCY_NOT_NEEDED = 2,
};

#define IOASID_COHERENCY_SET	(1U << 0)

/**
 * struct ioasid_coherency - ioctl(IOASID_COHERENCY)
 * @size: sizeof(struct ioasid_coherency)
 * @flags: 0: tell; IOASID_COHERENCY_SET: change
 * @ioas_id: the IOAS
 * @policy: enum ioasid_coherency_policy; set to that of the IOAS if it is not changed
 *
 * The policy of an IOAS is that of all page tables that are made for it, and of what is
 * nested in those; a nested IOAS begins with its parent's. IOASID_DEVICE_INFO says what
 * the IOMMU of a device can do, and whether what it is attached to enforces coherency.
 *
 * IOASID_COHERENCY_NOT_NEEDED takes CAP_SYS_RAWIO: memory that the kernel has cleared may
 * be clear in the caches only, so that such DMA reads what its last owner has left. It
 * is for programs that write back caches themselves, and not for a device of a
 * guest: VFIO tells KVM what the IOMMU of the device can do, and KVM then takes it that
 * the guest need not write back.
 *
 * EINVAL: no such policy. EPERM: see above. EBUSY: another policy while the IOAS has
 * page tables. ENOENT: no such IOAS.
 */
struct ioasid_coherency {
	__u32 size;
	__u32 flags;
	__u32 ioas_id;
	__u32 policy;
};
#define IOASID_COHERENCY _IO(IOMMUFD_TYPE, IOASID_CMD_BASE + 9)

#endif
