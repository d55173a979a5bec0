// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "edu.h"
#include "mem.h"

#define EDU_DMA_SRC 0x80
#define EDU_DMA_DST 0x88
#define EDU_DMA_COUNT 0x90
#define EDU_DMA_CMD 0x98
#define EDU_DMA_RUN 0x1
#define EDU_DMA_TO_MEMORY 0x2
#define EDU_BUFFER 0x40000

/*
 * A transfer takes 100 ms, which most that wait for it have before them; an emulated
 * machine under load may be slow.
 */
#define EDU_WAIT_SECONDS 20
#define EDU_TRANSFER_NS (98 * 1000 * 1000)
#define EDU_POLL_NS (2 * 1000 * 1000)

/* Longer together than the five seconds of the drivers' rate limit. */
#define EDU_FAULT_ATTEMPTS 15
#define EDU_FAULT_WAIT_MS 400

#define EDU_MAX_DEVICES 16

/**
 * edu_find() - find all edu devices
 * @found: filled in the order of their addresses
 * @max: length of @found
 *
 * Return: how many there are.
 */
int edu_find(struct vfio_pci *found, int max)
{
	return vfio_find(EDU_PCI_VENDOR, EDU_PCI_DEVICE, found, max);
}

/**
 * edu_find_alone() - find the edu devices that share their group with none
 * @found: filled in the order of their addresses
 * @max: length of @found
 *
 * Return: how many were found.
 */
int edu_find_alone(struct vfio_pci *found, int max)
{
	struct vfio_pci all[EDU_MAX_DEVICES];
	int count = 0, i, nr;

	nr = edu_find(all, EDU_MAX_DEVICES);
	for (i = 0; i < nr && count < max; i++)
		if (all[i].cdev >= 0 && all[i].group_size == 1)
			found[count++] = all[i];
	return count;
}

/**
 * edu_find_pair() - find two edu devices that make up one group
 * @pair: gets them
 *
 * Return: 0, or -ENODEV.
 */
int edu_find_pair(struct vfio_pci pair[2])
{
	struct vfio_pci all[EDU_MAX_DEVICES];
	int i, j, nr;

	nr = edu_find(all, EDU_MAX_DEVICES);
	for (i = 0; i < nr; i++) {
		for (j = i + 1; j < nr; j++) {
			if (all[i].cdev < 0 || all[j].cdev < 0 ||
			    all[i].group_size != 2 ||
			    all[i].group != all[j].group)
				continue;
			pair[0] = all[i];
			pair[1] = all[j];
			return 0;
		}
	}
	return -ENODEV;
}

static void reg_write64(const struct edu *edu, unsigned int reg, uint64_t value)
{
	*(volatile uint64_t *)((char *)edu->regs + reg) = value;
}

static uint64_t reg_read64(const struct edu *edu, unsigned int reg)
{
	return *(volatile uint64_t *)((char *)edu->regs + reg);
}

uint32_t edu_reg_read(const struct edu *edu, unsigned int reg)
{
	return *(volatile uint32_t *)((char *)edu->regs + reg);
}

void edu_reg_write(const struct edu *edu, unsigned int reg, uint32_t value)
{
	*(volatile uint32_t *)((char *)edu->regs + reg) = value;
}

/* The device is open: get at its registers and let it do DMA. */
static int edu_prepare(struct edu *edu)
{
	int rc;

	rc = vfio_enable_dma(edu->fd, true);
	if (rc)
		return rc;
	edu->regs = vfio_map_bar(edu->fd, 0, &edu->regs_length);
	if (!edu->regs)
		return -errno;
	if (edu_reg_read(edu, EDU_REG_ID) != EDU_ID)
		return -ENODEV;
	/* Whoever had it before may have left in the middle of a transfer. */
	return edu_wait(edu);
}

/**
 * edu_open() - open the cdev, bind it and make the device ready for DMA
 * @edu: filled
 * @pci: which device
 * @iommufd: an fd of /dev/iommu
 *
 * Return: 0 or a negative errno; after a failure nothing is open.
 */
int edu_open(struct edu *edu, const struct vfio_pci *pci, int iommufd)
{
	int rc;

	memset(edu, 0, sizeof(*edu));
	edu->pci = *pci;
	edu->fd = vfio_cdev_open(pci);
	if (edu->fd < 0)
		return edu->fd;
	rc = vfio_bind(edu->fd, iommufd, &edu->dev_id);
	if (!rc)
		rc = edu_prepare(edu);
	if (rc)
		edu_close(edu);
	return rc;
}

/**
 * edu_open_in_group() - get the device from its group
 * @edu: filled
 * @pci: which device
 * @group_fd: its group, which has a container with an IOMMU set
 *
 * Return: 0 or a negative errno; after a failure nothing is open.
 */
int edu_open_in_group(struct edu *edu, const struct vfio_pci *pci,
		      int group_fd)
{
	int rc;

	memset(edu, 0, sizeof(*edu));
	edu->pci = *pci;
	edu->fd = vfio_group_device(group_fd, pci->bdf);
	if (edu->fd < 0)
		return edu->fd;
	rc = edu_prepare(edu);
	if (rc)
		edu_close(edu);
	return rc;
}

/**
 * edu_close() - give the device back
 * @edu: from edu_open() or edu_open_in_group(); closing twice does no harm
 *
 * A device that was opened as a cdev is unbound by this.
 */
void edu_close(struct edu *edu)
{
	if (edu->regs)
		munmap(edu->regs, edu->regs_length);
	edu->regs = NULL;
	if (edu->fd >= 0)
		close(edu->fd);
	edu->fd = -1;
}

static void start(const struct edu *edu, uint64_t src, uint64_t dst,
		  size_t length, uint64_t command)
{
	reg_write64(edu, EDU_DMA_SRC, src);
	reg_write64(edu, EDU_DMA_DST, dst);
	reg_write64(edu, EDU_DMA_COUNT, length);
	reg_write64(edu, EDU_DMA_CMD, command | EDU_DMA_RUN);
}

/**
 * edu_start_read() - start a transfer from memory to the start of the buffer
 * @edu: the device, which must be idle
 * @iova: where it reads
 * @length: bytes, up to EDU_DMA_MAX
 */
void edu_start_read(const struct edu *edu, uint64_t iova, size_t length)
{
	start(edu, iova, EDU_BUFFER, length, 0);
}

/**
 * edu_start_write() - start a transfer from the start of the buffer to memory
 * @edu: the device, which must be idle
 * @iova: where it writes
 * @length: bytes, up to EDU_DMA_MAX
 */
void edu_start_write(const struct edu *edu, uint64_t iova, size_t length)
{
	start(edu, EDU_BUFFER, iova, length, EDU_DMA_TO_MEMORY);
}

bool edu_busy(const struct edu *edu)
{
	return reg_read64(edu, EDU_DMA_CMD) & EDU_DMA_RUN;
}

/**
 * edu_wait() - wait until the device is idle
 * @edu: the device
 *
 * The device tells nothing but its busy bit: whether the IOMMU let the
 * transfer through shows in memory and in the kernel log only.
 *
 * Return: 0, or -ETIMEDOUT.
 */
int edu_wait(const struct edu *edu)
{
	struct timespec pause = { .tv_nsec = EDU_TRANSFER_NS };
	struct timespec now, end;

	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += EDU_WAIT_SECONDS;
	while (edu_busy(edu)) {
		clock_gettime(CLOCK_MONOTONIC, &now);
		if (now.tv_sec > end.tv_sec)
			return -ETIMEDOUT;
		nanosleep(&pause, NULL);
		pause.tv_nsec = EDU_POLL_NS;
	}
	return 0;
}

int edu_read(const struct edu *edu, uint64_t iova, size_t length)
{
	edu_start_read(edu, iova, length);
	return edu_wait(edu);
}

int edu_write(const struct edu *edu, uint64_t iova, size_t length)
{
	edu_start_write(edu, iova, length);
	return edu_wait(edu);
}

/**
 * edu_copy() - let the device copy memory
 * @edu: the device
 * @from: IOVA to read
 * @to: IOVA to write
 * @length: bytes, up to EDU_DMA_MAX
 */
int edu_copy(const struct edu *edu, uint64_t from, uint64_t to, size_t length)
{
	int rc;

	rc = edu_read(edu, from, length);
	if (rc)
		return rc;
	return edu_write(edu, to, length);
}

/*
 * Bytes that memory and the device's buffer have not seen before, in this program or in
 * one that has had the device before.
 */
static uint64_t fresh_seed(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec;
}

/**
 * edu_check() - DMA both ways and compare
 * @edu: the device
 * @iova: where the device finds the memory
 * @va: where this process finds it
 * @length: bytes, up to EDU_DMA_MAX
 *
 * New bytes go to memory, the device reads them, memory is overwritten, the
 * device writes them back.
 *
 * Return: 0, -EIO when memory is not as it should be then, or -ETIMEDOUT.
 */
int edu_check(const struct edu *edu, uint64_t iova, void *va, size_t length)
{
	uint64_t seed = fresh_seed();
	int rc;

	mem_fill(va, length, seed);
	rc = edu_read(edu, iova, length);
	if (rc)
		return rc;
	memset(va, 0, length);
	rc = edu_write(edu, iova, length);
	if (rc)
		return rc;
	return mem_check(va, length, seed) < 0 ? 0 : -EIO;
}

/**
 * edu_can_write() - does a write of the device change the memory?
 * @edu: the device
 * @iova: where it writes
 * @va: the memory that it would change, if it could
 * @length: bytes, up to EDU_DMA_MAX
 *
 * Return: 1 if any byte changed, 0 if none did, or -ETIMEDOUT.
 */
int edu_can_write(const struct edu *edu, uint64_t iova, void *va, size_t length)
{
	uint64_t seed = fresh_seed();
	int rc;

	mem_fill(va, length, seed);
	rc = edu_write(edu, iova, length);
	if (rc)
		return rc;
	return mem_check(va, length, seed) >= 0;
}

/**
 * edu_can_read() - does a read of the device get at the memory?
 * @edu: the device
 * @iova: where it reads
 * @va: the memory that it would get, if it could
 * @out_iova: where the device may write what it got
 * @out: the memory there
 * @length: bytes, up to EDU_DMA_MAX
 *
 * Return: 1 if it got the contents of the memory, 0 if not, or -ETIMEDOUT.
 */
int edu_can_read(const struct edu *edu, uint64_t iova, void *va,
		 uint64_t out_iova, void *out, size_t length)
{
	uint64_t seed = fresh_seed();
	int rc;

	mem_fill(va, length, seed);
	memset(out, 0, length);
	rc = edu_copy(edu, iova, out_iova, length);
	if (rc)
		return rc;
	return mem_check(out, length, seed) < 0;
}

/**
 * edu_expect_fault() - do a DMA that the IOMMU must stop, until it is logged
 * @edu: the device
 * @klog: from klog_open()
 * @iova: where the device reads or writes eight bytes
 * @write: it writes
 * @fault: what the log says
 *
 * The drivers log only a few faults in five seconds, hence the repetition.
 *
 * Return: 0, or -ETIMEDOUT.
 */
int edu_expect_fault(const struct edu *edu, int klog, uint64_t iova, bool write,
		     struct klog_fault *fault)
{
	const size_t length = 8;
	int attempt, rc;

	for (attempt = 0; attempt < EDU_FAULT_ATTEMPTS; attempt++) {
		rc = write ? edu_write(edu, iova, length) :
			     edu_read(edu, iova, length);
		if (rc)
			return rc;
		rc = klog_wait_fault(klog, edu->pci.bdf, iova,
				     EDU_FAULT_WAIT_MS, fault);
		if (!rc)
			return fault->write == write ? 0 : -EIO;
	}
	return -ETIMEDOUT;
}
