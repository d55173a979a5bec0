/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Memory that does not come until the test says so (userfaultfd): whatever touches it,
 * even in a system call, waits that long.
 */
#ifndef SELFTESTS_LIB_HOLD_H
#define SELFTESTS_LIB_HOLD_H

#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define HOLD_PAGE 4096UL

/**
 * struct hold - one page that is not there
 * @fd: of userfaultfd
 * @page: where it is missing
 */
struct hold {
	int fd;
	void *page;
};

static inline int hold_open(struct hold *hold)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register range = {
		.range.len = HOLD_PAGE,
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};

	hold->page = mmap(NULL, HOLD_PAGE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	hold->fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (hold->page == MAP_FAILED || hold->fd < 0)
		return -errno;
	range.range.start = (uintptr_t)hold->page;
	if (ioctl(hold->fd, UFFDIO_API, &api) ||
	    ioctl(hold->fd, UFFDIO_REGISTER, &range))
		return -errno;
	return 0;
}

/* Is somebody waiting for the page? Waits for that for @ms. */
static inline bool hold_wait(const struct hold *hold, int ms)
{
	struct pollfd fd = { .fd = hold->fd, .events = POLLIN };

	return poll(&fd, 1, ms) == 1 && fd.revents == POLLIN;
}

/* There it is, full of zeros. */
static inline int hold_release(const struct hold *hold)
{
	struct uffdio_zeropage zero = {
		.range = { (uintptr_t)hold->page, HOLD_PAGE },
	};

	return ioctl(hold->fd, UFFDIO_ZEROPAGE, &zero) ? -errno : 0;
}

/* Whoever writes to the page waits, or does not any more. */
static inline int hold_writes(int uffd, void *page, bool on)
{
	struct uffdio_writeprotect wp = {
		.range = { (uintptr_t)page, HOLD_PAGE },
		.mode = on ? UFFDIO_WRITEPROTECT_MODE_WP : 0,
	};

	return ioctl(uffd, UFFDIO_WRITEPROTECT, &wp) ? -errno : 0;
}

/* A page that is there can be read, and not be written to. The userfaultfd, or -errno. */
static inline int hold_writes_open(void *page)
{
	struct uffdio_api api = {
		.api = UFFD_API,
		.features = UFFD_FEATURE_PAGEFAULT_FLAG_WP,
	};
	struct uffdio_register range = {
		.range = { (uintptr_t)page, HOLD_PAGE },
		.mode = UFFDIO_REGISTER_MODE_WP,
	};
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);

	if (fd < 0 || ioctl(fd, UFFDIO_API, &api) ||
	    ioctl(fd, UFFDIO_REGISTER, &range))
		return -errno;
	return hold_writes(fd, page, true) ?: fd;
}

/**
 * struct hold_call - an ioctl() in a thread of its own, which waits for the page
 * @fd: of which file
 * @request: which one
 * @arg: its structure
 * @rc: set to 0 or -errno
 */
struct hold_call {
	int fd;
	unsigned long request;
	void *arg;
	int rc;
};

static inline void *hold_call_run(void *arg)
{
	struct hold_call *call = arg;

	call->rc = ioctl(call->fd, call->request, call->arg) ? -errno : 0;
	return NULL;
}

static inline void hold_close(struct hold *hold)
{
	close(hold->fd);
	munmap(hold->page, HOLD_PAGE);
}

#endif
