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
 * EBADF: no such file. EINVAL: a file of another kind, or behind its end. EPERM:
 * a writable mapping of a file that is not open for writing or is sealed against
 * it. Otherwise as IOMMU_IOAS_MAP.
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
 */
enum ioasid_extension {
	IOASID_EXT_API_VERSION = 0,
	IOASID_EXT_MAP_BATCH = 1,
	IOASID_EXT_NESTED = 2,
	IOASID_EXT_LAST_REASON = 3,
	IOASID_EXT_MAP_FILE = 4,
	IOASID_EXT_CHANGE_PROCESS = 5,
	IOASID_EXT_P2P = 6,
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
 *	of the one that has failed. Entries behind that are left as they are.
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
 * What is behind it has not been looked at. Both are also told if the call is
 * interrupted by a fatal signal (EINTR).
 *
 * The work is done in portions of some hundred entries, which share what they can:
 * where entries follow each other, one walk of the page tables; for UNMAP one
 * flush of the IOTLB for all, unless the IOMMU driver flushes in between (VT-d
 * does for ranges apart). Memory is unpinned only after the flush. An
 * entry of UNMAP may cover several mappings, and none that is cut by it; one that
 * covers none is ENOENT, unless it is everything, 0 and U64_MAX.
 *
 * EFAULT with @out_done set: the array of entries could not be read or written
 * further. What could not be reported as mapped is not mapped; what could not be
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
 * nothing charged again.
 *
 * A mapping in the child is permitted what it asks for and what the parent's
 * mapping permits as well. EPERM if that leaves nothing.
 *
 * EFAULT when mapping: a part of the source is not mapped in the parent.
 *
 * Unmapping a range of the parent takes all that is made of it out of its
 * children, at any depth, before it returns. IOMMU_IOAS_MAP_FILE into a child, and
 * IOMMU_IOAS_COPY into one, are EINVAL. The parent cannot be destroyed while it
 * has children (EBUSY). EOVERFLOW: deeper than IOASID_EXT_NESTED says.
 */
struct ioasid_alloc_nested {
	__u32 size;
	__u32 flags;
	__u32 parent_ioas_id;
	__u32 out_ioas_id;
};
#define IOASID_ALLOC_NESTED _IO(IOMMUFD_TYPE, IOASID_CMD_BASE + 3)

/**
 * struct ioasid_last_reason - ioctl(IOASID_LAST_REASON)
 * @size: sizeof(struct ioasid_last_reason)
 * @flags: must be 0
 * @buffer: pointer to a buffer for a sentence in English, ended by a zero byte
 * @buffer_len: its length in bytes. Set to the length that the whole sentence
 *	takes; a longer sentence has been cut
 * @out_errno: set to the errno that the sentence explains
 *
 * Why did a command of this thread fail on this file descriptor, or a bind or
 * attach of VFIO to it, if the errno alone does not tell: which device, which
 * range, which limit. A sentence stays until the next failure that has one, so ask
 * right after a failure, and compare @out_errno. ENODATA: nothing has been noted
 * for this thread, or too many other threads have failed since.
 */
struct ioasid_last_reason {
	__u32 size;
	__u32 flags;
	__aligned_u64 buffer;
	__u32 buffer_len;
	__u32 out_errno;
};
#define IOASID_LAST_REASON _IO(IOMMUFD_TYPE, IOASID_CMD_BASE + 8)

#endif
