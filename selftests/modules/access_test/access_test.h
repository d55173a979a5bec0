/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Commands of /dev/iommufd_access_test: the in-kernel access API of
 * <linux/iommufd.h>, made callable by a test program.
 *
 * One open file is one driver with at most one access. What would be misuse
 * of the API (attach twice, unpin of what is not pinned) never reaches it:
 * the file answers EBUSY, ENOENT or EINVAL itself.
 */
#ifndef ACCESS_TEST_H
#define ACCESS_TEST_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define ACCESS_TEST_DEV "/dev/iommufd_access_test"

/**
 * struct access_test_create - an access of the given /dev/iommu
 * @iommufd: its file descriptor
 * @flags: of enum access_test_create_flags
 * @out_id: the access object's ID
 * @__pad: 0
 */
struct access_test_create {
	__s32 iommufd;
	__u32 flags;
	__u32 out_id;
	__u32 __pad;
};

/**
 * enum access_test_create_flags - what kind of driver it plays
 * @ACCESS_TEST_PINS: it pins pages (needs_pin_pages); else it only reads and
 *	writes
 * @ACCESS_TEST_NO_UNMAP: it has no unmap callback (not with PINS)
 * @ACCESS_TEST_BY_FILE: get at the context by struct file and not by fd
 */
enum access_test_create_flags {
	ACCESS_TEST_PINS = 1 << 0,
	ACCESS_TEST_NO_UNMAP = 1 << 1,
	ACCESS_TEST_BY_FILE = 1 << 2,
};

/**
 * struct access_test_pin - pin or unpin pages
 * @iova: first byte
 * @length: bytes
 * @pfns: user address of an array of __u64 that gets the PFNs; or 0
 * @flags: IOMMUFD_ACCESS_RW_* for the pin
 * @num_pfns: size of the array
 */
struct access_test_pin {
	__u64 iova;
	__u64 length;
	__u64 pfns;
	__u32 flags;
	__u32 num_pfns;
};

/**
 * struct access_test_rw - copy between user memory and an IOVA range
 * @iova: first byte
 * @length: bytes, up to ACCESS_TEST_RW_MAX
 * @data: user address
 * @flags: IOMMUFD_ACCESS_RW_*
 * @__pad: 0
 *
 * For RW the copy is iommufd_access_rw(), from a kernel thread if the flags
 * say KTHREAD. For PEEK it goes through the struct pages of a range that this
 * file pinned and that holds the whole range: ENOENT if there is none.
 */
struct access_test_rw {
	__u64 iova;
	__u64 length;
	__u64 data;
	__u32 flags;
	__u32 __pad;
};

#define ACCESS_TEST_RW_MAX (8U << 20)

/**
 * enum access_test_policy - what the unmap callback does
 * @ACCESS_TEST_UNPIN: unpins all pages of the range (the initial policy)
 * @ACCESS_TEST_HOLD: waits until the user unpinned them
 */
enum access_test_policy {
	ACCESS_TEST_UNPIN = 0,
	ACCESS_TEST_HOLD = 1,
};

/**
 * struct access_test_event - a call of the unmap callback
 * @iova: as given to the callback
 * @length: as given to the callback
 *
 * read() returns one (EAGAIN without one), in order, the oldest of up to
 * ACCESS_TEST_EVENTS; poll() waits for one.
 */
struct access_test_event {
	__u64 iova;
	__u64 length;
};

#define ACCESS_TEST_EVENTS 64

#define ACCESS_TEST_TYPE 0xa7
#define ACCESS_TEST_CREATE _IO(ACCESS_TEST_TYPE, 0)
#define ACCESS_TEST_DESTROY _IO(ACCESS_TEST_TYPE, 1)
#define ACCESS_TEST_ATTACH _IO(ACCESS_TEST_TYPE, 2)	/* arg: IOAS ID */
#define ACCESS_TEST_REPLACE _IO(ACCESS_TEST_TYPE, 3)	/* arg: IOAS ID */
#define ACCESS_TEST_DETACH _IO(ACCESS_TEST_TYPE, 4)
#define ACCESS_TEST_PIN _IO(ACCESS_TEST_TYPE, 5)
#define ACCESS_TEST_UNPIN_RANGE _IO(ACCESS_TEST_TYPE, 6)
#define ACCESS_TEST_RW _IO(ACCESS_TEST_TYPE, 7)
#define ACCESS_TEST_PEEK _IO(ACCESS_TEST_TYPE, 8)
#define ACCESS_TEST_SET_POLICY _IO(ACCESS_TEST_TYPE, 9)	/* arg: policy */

/* The other functions of the header; arg: fd of a /dev/iommu. */
#define ACCESS_TEST_COMPAT_CREATE _IO(ACCESS_TEST_TYPE, 16)
#define ACCESS_TEST_COMPAT_GET_ID _IO(ACCESS_TEST_TYPE, 17) /* returns it */
#define ACCESS_TEST_COMPAT_NO_IOMMU _IO(ACCESS_TEST_TYPE, 18)

/*
 * Returns 1 if the sequence count of the caller's mmap lock is odd, which says that
 * somebody holds it for writing, although nobody does; else 0.
 */
#define ACCESS_TEST_MMAP_ODD _IO(ACCESS_TEST_TYPE, 24)

#endif
