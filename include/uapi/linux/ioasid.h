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

#endif
