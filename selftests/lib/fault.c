// SPDX-License-Identifier: GPL-2.0-only
#include "fault.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "iommu.h"

/* Does IOASID_DEVICE_INFO say that a device can make page requests? */
bool fault_is_told(int iommufd, uint32_t dev_id)
{
	struct ioasid_device_member members[2];
	struct ioasid_device_info info = {
		.members = iommu_ptr(members), .nr_members = 2,
	};

	return !iommu_device_info(iommufd, dev_id, &info) &&
	       info.out_flags & IOASID_DEVICE_PRI;
}

/* Allocate a queue; its file descriptor does not block. */
int fault_queue_open(int iommufd, struct fault_queue *queue)
{
	int rc = iommu_fault_queue_alloc(iommufd, &queue->id, &queue->fd);

	if (!rc && fcntl(queue->fd, F_SETFL, O_NONBLOCK))
		rc = -errno;
	return rc;
}

static bool readable(int fd, int timeout_ms)
{
	struct pollfd wait = { .fd = fd, .events = POLLIN };

	return poll(&wait, 1, timeout_ms) == 1 && wait.revents & POLLIN;
}

/* Is there something to read now? */
bool fault_pending(int fd)
{
	return readable(fd, 0);
}

/* Wait until there is something to read. Return: 0 or -ETIMEDOUT. */
int fault_wait(int fd)
{
	return readable(fd, FAULT_WAIT_MS) ? 0 : -ETIMEDOUT;
}

/* What one read() gives, without waiting. Return: how many, or -errno. */
int fault_read(int fd, struct iommu_hwpt_pgfault *faults, unsigned int max)
{
	ssize_t done = read(fd, faults, max * sizeof(*faults));

	if (done < 0)
		return -errno;
	return done % sizeof(*faults) ? -EIO : (int)(done / sizeof(*faults));
}

/**
 * fault_read_group() - wait for one group of page requests
 * @fd: of the queue
 * @faults: the requests, the last one with the cookie
 * @max: length of @faults
 *
 * Return: how many there are; -ETIMEDOUT; or -EIO: what read() has given is not one
 * whole group.
 */
int fault_read_group(int fd, struct iommu_hwpt_pgfault *faults,
		     unsigned int max)
{
	int rc = fault_wait(fd), count, i;

	if (rc)
		return rc;
	count = fault_read(fd, faults, max);
	for (i = 0; i < count; i++)
		if (!(faults[i].flags & IOMMU_PGFAULT_FLAGS_LAST_PAGE) !=
		    (i < count - 1))
			return -EIO;
	return count;
}

/* @code: enum iommufd_page_response_code */
int fault_respond(int fd, uint32_t cookie, uint32_t code)
{
	struct iommu_hwpt_page_response response = {
		.cookie = cookie,
		.code = code,
	};
	ssize_t done = write(fd, &response, sizeof(response));

	if (done < 0)
		return -errno;
	return done == sizeof(response) ? 0 : -EIO;
}

/* Wait for the next event. Return: 0, -ETIMEDOUT, or -errno. */
int event_read(int fd, struct ioasid_event *event)
{
	int rc = fault_wait(fd);
	ssize_t done;

	if (rc)
		return rc;
	done = read(fd, event, sizeof(*event));
	if (done < 0)
		return -errno;
	return done == sizeof(*event) ? 0 : -EIO;
}

/*
 * Wait for the next event of a type; others are read and forgotten.
 *
 * Return: 0, -ETIMEDOUT, -EOVERFLOW (the queue was too short for what happened: it may
 * have been among those that are lost), or -errno.
 */
int event_wait(int fd, uint32_t type, struct ioasid_event *event)
{
	int rc;

	do {
		rc = event_read(fd, event);
		if (!rc && event->type != type && event->lost)
			rc = -EOVERFLOW;
	} while (!rc && event->type != type);
	return rc;
}
