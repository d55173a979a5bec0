// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "access.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "module.h"

#define MODULE "iommufd_access_test"
#define WAIT_MS 30000

static char reason[160];

static void unload(void)
{
	if (module_unload(MODULE))
		perror("# delete_module " MODULE);
}

void access_module_load(void)
{
	int rc = module_load(MODULE, "");

	/* The harness ends the program and does not return. */
	if (!rc)
		atexit(unload);
	if (!rc || rc == -EEXIST || !access(ACCESS_TEST_DEV, F_OK))
		return;
	snprintf(reason, sizeof(reason), "module " MODULE " not loaded: %s",
		 rc == -ENOENT ? "no file in /modules/test or /files" :
				 strerror(-rc));
}

const char *access_why_not(void)
{
	return reason[0] ? reason : NULL;
}

static int call(int fd, unsigned long cmd, unsigned long arg)
{
	return ioctl(fd, cmd, arg) < 0 ? -errno : 0;
}

static int call_ptr(int fd, unsigned long cmd, void *arg)
{
	return call(fd, cmd, (unsigned long)arg);
}

int access_open(int iommu, uint32_t flags, uint32_t *id)
{
	struct access_test_create cmd = { .iommufd = iommu, .flags = flags };
	int fd = open(ACCESS_TEST_DEV, O_RDWR | O_CLOEXEC), rc;

	if (fd < 0)
		return -errno;
	rc = call_ptr(fd, ACCESS_TEST_CREATE, &cmd);
	if (rc) {
		close(fd);
		return rc;
	}
	if (id)
		*id = cmd.out_id;
	return fd;
}

int access_open_attached(int iommu, uint32_t ioas)
{
	int fd = access_open(iommu, ACCESS_TEST_PINS, NULL), rc;

	if (fd < 0)
		return fd;
	rc = access_attach(fd, ioas);
	if (rc) {
		close(fd);
		return rc;
	}
	return fd;
}

int access_destroy(int fd)
{
	return call(fd, ACCESS_TEST_DESTROY, 0);
}

int access_attach(int fd, uint32_t ioas)
{
	return call(fd, ACCESS_TEST_ATTACH, ioas);
}

int access_replace(int fd, uint32_t ioas)
{
	return call(fd, ACCESS_TEST_REPLACE, ioas);
}

int access_detach(int fd)
{
	return call(fd, ACCESS_TEST_DETACH, 0);
}

int access_pin_pfns(int fd, uint64_t iova, uint64_t len, uint32_t flags,
		    uint64_t *pfns)
{
	struct access_test_pin cmd = {
		.iova = iova,
		.length = len,
		.pfns = (uintptr_t)pfns,
		.flags = flags,
		.num_pfns = pfns ? UINT32_MAX : 0,
	};

	return call_ptr(fd, ACCESS_TEST_PIN, &cmd);
}

int access_pin(int fd, uint64_t iova, uint64_t len, uint32_t flags)
{
	return access_pin_pfns(fd, iova, len, flags, NULL);
}

int access_unpin(int fd, uint64_t iova, uint64_t len)
{
	struct access_test_pin cmd = { .iova = iova, .length = len };

	return call_ptr(fd, ACCESS_TEST_UNPIN_RANGE, &cmd);
}

static int copy(int fd, unsigned long how, uint64_t iova, const void *data,
		size_t len, uint32_t flags)
{
	struct access_test_rw cmd = {
		.iova = iova,
		.length = len,
		.data = (uintptr_t)data,
		.flags = flags,
	};

	return call_ptr(fd, how, &cmd);
}

int access_rw(int fd, uint64_t iova, void *data, size_t len, uint32_t flags)
{
	return copy(fd, ACCESS_TEST_RW, iova, data, len, flags);
}

int access_read(int fd, uint64_t iova, void *to, size_t len)
{
	return copy(fd, ACCESS_TEST_RW, iova, to, len, ACCESS_READ);
}

int access_write(int fd, uint64_t iova, const void *from, size_t len)
{
	return copy(fd, ACCESS_TEST_RW, iova, from, len, ACCESS_WRITE);
}

int access_peek(int fd, uint64_t iova, void *to, size_t len)
{
	return copy(fd, ACCESS_TEST_PEEK, iova, to, len, ACCESS_READ);
}

int access_poke(int fd, uint64_t iova, const void *from, size_t len)
{
	return copy(fd, ACCESS_TEST_PEEK, iova, from, len, ACCESS_WRITE);
}

int access_set_policy(int fd, enum access_test_policy policy)
{
	return call(fd, ACCESS_TEST_SET_POLICY, policy);
}

int access_event(int fd, struct access_test_event *event)
{
	return read(fd, event, sizeof(*event)) < 0 ? -errno : 0;
}

int access_wait_event(int fd, struct access_test_event *event)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	if (poll(&p, 1, WAIT_MS) != 1)
		return -ETIMEDOUT;
	return access_event(fd, event);
}

/* These are about a context and need no access. */
static int compat(unsigned long cmd, int iommu)
{
	int fd = open(ACCESS_TEST_DEV, O_RDWR | O_CLOEXEC), rc;

	if (fd < 0)
		return -errno;
	rc = ioctl(fd, cmd, iommu);
	if (rc < 0)
		rc = -errno;
	close(fd);
	return rc;
}

int access_compat_create(int iommu)
{
	return compat(ACCESS_TEST_COMPAT_CREATE, iommu);
}

int access_compat_get_id(int iommu)
{
	return compat(ACCESS_TEST_COMPAT_GET_ID, iommu);
}

int access_compat_no_iommu(int iommu)
{
	return compat(ACCESS_TEST_COMPAT_NO_IOMMU, iommu);
}

int access_mmap_odd(int fd)
{
	return ioctl(fd, ACCESS_TEST_MMAP_ODD);
}
