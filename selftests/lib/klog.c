// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "klog.h"

#define PAGE_BITS 12
/* AMD-Vi's event flags: the access was a write. */
#define AMD_EVENT_RW 0x20

/**
 * klog_open() - open the kernel log at its end
 *
 * Return: an fd that yields what is logged from now on, or a negative errno.
 */
int klog_open(void)
{
	int fd;

	fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (lseek(fd, 0, SEEK_END) < 0) {
		close(fd);
		return -errno;
	}
	return fd;
}

/**
 * klog_has_faults() - are DMA faults reported on this machine?
 *
 * QEMU 7.2's amd-iommu stops DMA to what is not mapped, but never tells its
 * driver, so only VT-d counts.
 */
bool klog_has_faults(void)
{
	return !access("/sys/class/iommu/dmar0", F_OK);
}

static bool parse_vtd(struct klog_fault *fault)
{
	const char *at = strstr(fault->text, "Request device [");
	unsigned long long iova;
	unsigned int bus, slot, function;
	char device[16];

	if (!strstr(fault->text, "DMAR:") || !at ||
	    sscanf(at, "Request device [%15[^]]] fault addr 0x%llx", device,
		   &iova) != 2)
		return false;
	/* Newer kernels write the segment, too. */
	if (sscanf(device, "%*x:%x:%x.%x", &bus, &slot, &function) != 3 &&
	    sscanf(device, "%x:%x.%x", &bus, &slot, &function) != 3)
		return false;
	snprintf(fault->bdf, sizeof(fault->bdf), "0000:%02x:%02x.%x",
		 bus & 0xff, slot & 0x1f, function & 7);
	fault->iova = iova;
	fault->write = strstr(fault->text, "[DMA Write");
	return true;
}

static bool parse_amd(struct klog_fault *fault)
{
	const char *at = strstr(fault->text, "[IO_PAGE_FAULT domain=");
	unsigned long long iova;
	unsigned int flags;

	if (!at ||
	    sscanf(at, "[IO_PAGE_FAULT domain=%*x address=0x%llx flags=0x%x]",
		   &iova, &flags) != 2)
		return false;
	/* "vfio-pci 0000:00:03.0: AMD-Vi: Event logged ..." */
	if (sscanf(fault->text, "%*s %12[0-9a-f:.]", fault->bdf) != 1)
		return false;
	fault->iova = iova;
	fault->write = flags & AMD_EVENT_RW;
	return true;
}

/* Take the next record of the log. False: there is none at the moment. */
static bool next_line(int klog, char *line, size_t size)
{
	char record[1024];
	ssize_t length;
	char *text;
	size_t end;

	do {
		length = read(klog, record, sizeof(record) - 1);
		/* EPIPE: records were lost; reading goes on behind the gap. */
	} while (length < 0 && (errno == EPIPE || errno == EINTR));
	if (length <= 0)
		return false;
	record[length] = '\0';
	text = strchr(record, ';');
	text = text ? text + 1 : record;
	end = strcspn(text, "\n");
	if (end >= size)
		end = size - 1;
	memcpy(line, text, end);
	line[end] = '\0';
	return true;
}

static int remaining_ms(const struct timespec *end)
{
	struct timespec now;
	long ms;

	clock_gettime(CLOCK_MONOTONIC, &now);
	ms = (end->tv_sec - now.tv_sec) * 1000 +
	     (end->tv_nsec - now.tv_nsec) / 1000000;
	return ms > 0 ? ms : 0;
}

/**
 * klog_wait_fault() - wait for the report of a DMA fault
 * @klog: from klog_open(), called before the DMA was started
 * @bdf: the device
 * @iova: any address in the page of the fault
 * @timeout_ms: how long to wait
 * @fault: what was found
 *
 * The drivers log a few faults in five seconds only, so a caller that must
 * have one repeats the DMA until this finds it.
 *
 * Return: 0, or -ETIMEDOUT.
 */
int klog_wait_fault(int klog, const char *bdf, uint64_t iova, int timeout_ms,
		    struct klog_fault *fault)
{
	struct pollfd pfd = { .fd = klog, .events = POLLIN };
	struct timespec end;

	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += timeout_ms / 1000;
	end.tv_nsec += timeout_ms % 1000 * 1000000L;
	do {
		while (next_line(klog, fault->text, sizeof(fault->text)))
			if ((parse_vtd(fault) || parse_amd(fault)) &&
			    !strcmp(fault->bdf, bdf) &&
			    fault->iova >> PAGE_BITS == iova >> PAGE_BITS)
				return 0;
	} while (poll(&pfd, 1, remaining_ms(&end)) > 0);
	return -ETIMEDOUT;
}
