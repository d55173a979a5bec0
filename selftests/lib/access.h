/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The in-kernel access API, through the test module iommufd_access_test.
 *
 * An "access" here is a file descriptor of ACCESS_TEST_DEV: closing it destroys
 * the access and unpins everything. Functions return 0 or -errno unless stated
 * otherwise.
 */
#ifndef SELFTESTS_LIB_ACCESS_H
#define SELFTESTS_LIB_ACCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../modules/access_test/access_test.h"

/* As in the kernel's <linux/iommufd.h>. */
#define ACCESS_READ 0U
#define ACCESS_WRITE 1U
#define ACCESS_KTHREAD 2U

/*
 * Loads the module, unless it is there; what it loaded it unloads when the
 * program exits. A program calls it before its tests. The reason of a failure
 * is kept for access_why_not(), so that tests can skip with it.
 */
void access_module_load(void);
/* NULL if the module is there; else why not. */
const char *access_why_not(void);

/* An access of @iommu. @flags: of enum access_test_create_flags. Its fd. */
int access_open(int iommu, uint32_t flags, uint32_t *id);
/* One that pins, attached to @ioas. Its fd. */
int access_open_attached(int iommu, uint32_t ioas);
int access_destroy(int fd);
int access_attach(int fd, uint32_t ioas);
int access_replace(int fd, uint32_t ioas);
int access_detach(int fd);

int access_pin(int fd, uint64_t iova, uint64_t len, uint32_t flags);
/* @pfns has room for one PFN a page. */
int access_pin_pfns(int fd, uint64_t iova, uint64_t len, uint32_t flags,
		    uint64_t *pfns);
int access_unpin(int fd, uint64_t iova, uint64_t len);

int access_read(int fd, uint64_t iova, void *to, size_t len);
int access_write(int fd, uint64_t iova, const void *from, size_t len);
/* @flags: ACCESS_WRITE or not, and ACCESS_KTHREAD. */
int access_rw(int fd, uint64_t iova, void *data, size_t len, uint32_t flags);
/* The same through pinned pages. */
int access_peek(int fd, uint64_t iova, void *to, size_t len);
int access_poke(int fd, uint64_t iova, const void *from, size_t len);

int access_set_policy(int fd, enum access_test_policy policy);
/* Takes the oldest call of the unmap callback: 0, or -EAGAIN without one. */
int access_event(int fd, struct access_test_event *event);
/* The same, but waits for it; -ETIMEDOUT after many seconds. */
int access_wait_event(int fd, struct access_test_event *event);

int access_compat_create(int iommu);
/* The IOAS ID, or -errno. */
int access_compat_get_id(int iommu);
int access_compat_no_iommu(int iommu);
/* Does the caller's mmap lock look held? See access_test.h. */
int access_mmap_odd(int fd);

/* In a test, or in the setup of its fixture. */
#define NEED_ACCESS							\
	do {								\
		if (access_why_not())					\
			SKIP(return, "%s", access_why_not());		\
	} while (0)

/* Instead of TEST_HARNESS_MAIN. */
#define ACCESS_HARNESS_MAIN						\
	int main(int argc, char **argv)					\
	{								\
		access_module_load();					\
		return test_harness_run(argc, argv);			\
	}

#endif
