// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "engine.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "vfio.h"

/*
 * The interrupt tells that something is done; who waits together with other
 * threads may lose it to one of them, and looks again after this.
 */
#define LOOK_AGAIN_MS 20

/* Open and close ----------------------------------------------------------- */

static int region_offset(int fd, uint32_t index, uint64_t *offset)
{
	struct vfio_region_info info;
	int rc = vfio_region_info(fd, index, &info);

	if (!rc)
		*offset = info.offset;
	return rc;
}

static int enable_irq(struct engine *engine, uint32_t irq)
{
	engine->irq = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (engine->irq < 0)
		return -errno;
	return vfio_eventfd(engine->fd, irq, engine->irq);
}

/* The device is bound: get at its registers and its interrupt. */
static int prepare(struct engine *engine)
{
	int rc;

	rc = region_offset(engine->fd, IOSIM_REGION_REGISTERS,
			   &engine->registers);
	if (rc)
		return rc;
	rc = region_offset(engine->fd, IOSIM_REGION_PORTAL, &engine->portal);
	if (rc)
		return rc;
	if (engine_read32(engine, IOSIM_REG_MAGIC) != IOSIM_MAGIC)
		return -ENODEV;
	return enable_irq(engine, IOSIM_IRQ_COMPLETION);
}

/* The same, if it is a function of PCI. */
static int prepare_function(struct engine *engine)
{
	size_t length;
	int rc;

	rc = vfio_enable_dma(engine->fd, true);
	if (!rc)
		rc = region_offset(engine->fd, IOSIM_REGION_REGISTERS,
				   &engine->registers);
	if (rc)
		return rc;
	engine->mapped = engine_mmap(engine, IOSIM_REGION_REGISTERS, &length);
	if (!engine->mapped)
		return -errno;
	if (engine_read32(engine, IOSIM_REG_MAGIC) != IOSIM_MAGIC)
		return -ENODEV;
	rc = enable_irq(engine, VFIO_PCI_MSIX_IRQ_INDEX);
	if (rc == -EINVAL)	/* it has MSI only */
		rc = vfio_eventfd(engine->fd, VFIO_PCI_MSI_IRQ_INDEX,
				  engine->irq);
	return rc;
}

/* Bind it, and make it ready. */
static int open_with(struct engine *engine, int cdev, int iommufd,
		     int (*make_ready)(struct engine *engine))
{
	int rc;

	*engine = (struct engine) { .fd = cdev, .irq = -1 };
	if (cdev < 0)
		return cdev;
	rc = vfio_bind(cdev, iommufd, &engine->dev_id);
	if (!rc)
		rc = make_ready(engine);
	if (rc)
		engine_close(engine);
	return rc;
}

/**
 * engine_open() - bind a device and make it ready for DMA
 * @engine: filled
 * @cdev: the VFIO cdev, or a negative errno, which is returned
 * @iommufd: an fd of /dev/iommu
 *
 * Return: 0 or a negative errno; after a failure nothing is open.
 */
int engine_open(struct engine *engine, int cdev, int iommufd)
{
	return open_with(engine, cdev, iommufd, prepare);
}

/* A function of PCI, by its address; it is given to vfio-pci. */
static int open_function(struct engine *engine, const char *bdf, int iommufd)
{
	struct vfio_pci pci;
	int rc;

	rc = vfio_at(bdf, &pci);
	if (!rc)
		rc = vfio_take(&pci);
	return open_with(engine, rc ?: vfio_cdev_open(&pci), iommufd,
			 prepare_function);
}

/* The engine of that name in configfs. */
int engine_open_name(struct engine *engine, const char *name, int iommufd)
{
	char device[64] = "";

	iosim_get(name, "device", device, sizeof(device));
	if (strchr(device, ':'))
		return open_function(engine, device, iommufd);
	return engine_open(engine, iosim_cdev(name), iommufd);
}

int engine_open_subdevice(struct engine *engine, const char *uuid, int iommufd)
{
	return engine_open(engine, iosim_subdevice_cdev(uuid), iommufd);
}

/* Closing twice does no harm. */
void engine_close(struct engine *engine)
{
	if (engine->mapped)
		munmap(engine->mapped, getpagesize());
	engine->mapped = NULL;
	if (engine->irq >= 0)
		close(engine->irq);
	if (engine->fd >= 0)
		close(engine->fd);
	engine->irq = engine->fd = -1;
}

/* Registers ---------------------------------------------------------------- */

int engine_read(const struct engine *engine, unsigned int reg, void *value,
		size_t size)
{
	ssize_t done = pread(engine->fd, value, size, engine->registers + reg);

	if (done < 0)
		return -errno;
	return (size_t)done == size ? 0 : -EIO;
}

/* All bits are set if there is no device any more. */
uint32_t engine_read32(const struct engine *engine, unsigned int reg)
{
	uint32_t value;

	return engine_read(engine, reg, &value, sizeof(value)) ? UINT32_MAX :
								  value;
}

int engine_write32(const struct engine *engine, unsigned int reg,
		   uint32_t value)
{
	ssize_t done = pwrite(engine->fd, &value, sizeof(value),
			      engine->registers + reg);

	if (done < 0)
		return -errno;
	return done == sizeof(value) ? 0 : -EIO;
}

/* VFIO_DEVICE_RESET */
int engine_reset(const struct engine *engine)
{
	return ioctl(engine->fd, VFIO_DEVICE_RESET) < 0 ? -errno : 0;
}

/* Map a whole region. NULL with errno set if that is not possible. */
void *engine_mmap(const struct engine *engine, unsigned int region,
		  size_t *length)
{
	struct vfio_region_info info;
	void *va;
	int rc = vfio_region_info(engine->fd, region, &info);

	if (rc) {
		errno = -rc;
		return NULL;
	}
	va = mmap(NULL, info.size, PROT_READ | PROT_WRITE, MAP_SHARED,
		  engine->fd, info.offset);
	if (va == MAP_FAILED)
		return NULL;
	*length = info.size;
	return va;
}

/* Descriptors -------------------------------------------------------------- */

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Ring the doorbell, and wait until the descriptor has been taken. */
static int ring(const struct engine *engine, const struct iosim_desc *desc)
{
	uint32_t *doorbell = engine->mapped + IOSIM_REG_DOORBELL;
	int64_t end = now_ms() + ENGINE_WAIT_MS;

	memcpy(engine->mapped + IOSIM_REG_DESC, desc, sizeof(*desc));
	__atomic_store_n(doorbell, 1, __ATOMIC_RELEASE);
	while (__atomic_load_n(doorbell, __ATOMIC_ACQUIRE)) {
		if (now_ms() > end)
			return -ETIMEDOUT;
		usleep(100);
	}
	return 0;
}

/*
 * Submit a descriptor as it is. -EAGAIN: the queue is full. -ETIMEDOUT: a function does not
 * take it.
 */
int engine_submit(const struct engine *engine, const struct iosim_desc *desc)
{
	ssize_t done;

	if (engine->mapped)
		return ring(engine, desc);
	done = pwrite(engine->fd, desc, sizeof(*desc), engine->portal);
	if (done < 0)
		return -errno;
	return done == sizeof(*desc) ? 0 : -EIO;
}

/* Take interrupts that have arrived, or wait that long for one. */
static bool take_irq(const struct engine *engine, int timeout_ms)
{
	struct pollfd fd = { .fd = engine->irq, .events = POLLIN };
	uint64_t count;

	return poll(&fd, 1, timeout_ms) == 1 &&
	       read(engine->irq, &count, sizeof(count)) == sizeof(count);
}

/* Wait for an interrupt. Return: 0 or -ETIMEDOUT. */
int engine_wait_irq(const struct engine *engine)
{
	return take_irq(engine, ENGINE_WAIT_MS) ? 0 : -ETIMEDOUT;
}

/* Wait until everything that was submitted is over. */
int engine_wait_idle(const struct engine *engine)
{
	int64_t end = now_ms() + ENGINE_WAIT_MS;

	while (engine_read32(engine, IOSIM_REG_BUSY)) {
		if (now_ms() > end)
			return -ETIMEDOUT;
		take_irq(engine, LOOK_AGAIN_MS);
	}
	return 0;
}

/**
 * dma_start() - submit a descriptor
 * @dma: where; what is running there must be over
 * @desc: op and operands; the rest is filled in
 */
int dma_start(struct dma *dma, const struct iosim_desc *desc)
{
	struct iosim_desc whole = *desc;

	memset(dma->done, 0, sizeof(*dma->done));
	whole.flags |= IOSIM_DESC_COMPLETION | IOSIM_DESC_INTERRUPT;
	whole.completion = dma->done_iova;
	if (dma->privileged)
		whole.flags |= IOSIM_DESC_PRIVILEGED;
	if (dma->block)
		whole.flags |= IOSIM_DESC_BLOCK;
	if (dma->pasid != ENGINE_NO_PASID) {
		whole.flags |= IOSIM_DESC_PASID;
		whole.pasid = dma->pasid;
	}
	return engine_submit(dma->engine, &whole);
}

static uint32_t status_of(const struct dma *dma)
{
	return __atomic_load_n(&dma->done->status, __ATOMIC_ACQUIRE);
}

static int outcome(struct dma *dma)
{
	dma->addr = dma->done->addr;
	dma->code = dma->done->code;
	dma->result = dma->done->result;
	switch (status_of(dma)) {
	case IOSIM_STATUS_OK:
		return 0;
	case IOSIM_STATUS_FAULT:
		return dma->done->reason ? (int)dma->done->reason : -EIO;
	case IOSIM_STATUS_INVALID:
		return -EINVAL;
	case IOSIM_STATUS_ABORTED:
		return -ECANCELED;
	default:
		return -EIO;
	}
}

/* Wait for what dma_start() has submitted. */
int dma_wait(struct dma *dma)
{
	int64_t end = now_ms() + ENGINE_WAIT_MS;
	bool idle;

	for (;;) {
		/* In this order: the completion is written while it is busy. */
		idle = !engine_read32(dma->engine, IOSIM_REG_BUSY);
		if (status_of(dma))
			return outcome(dma);
		if (idle)
			return -ENODATA;
		if (now_ms() > end)
			return -ETIMEDOUT;
		take_irq(dma->engine, LOOK_AGAIN_MS);
	}
}

int dma_run(struct dma *dma, const struct iosim_desc *desc)
{
	int rc = dma_start(dma, desc);

	return rc ?: dma_wait(dma);
}

struct iosim_desc dma_desc_copy(uint64_t src, uint64_t dst, uint64_t length)
{
	return (struct iosim_desc) {
		.op = IOSIM_OP_COPY,
		.src = src,
		.dst = dst,
		.length = length,
	};
}

struct iosim_desc dma_desc_fill(uint64_t dst, uint64_t length, uint64_t value)
{
	return (struct iosim_desc) {
		.op = IOSIM_OP_FILL,
		.dst = dst,
		.length = length,
		.value = value,
	};
}

int dma_copy(struct dma *dma, uint64_t src, uint64_t dst, uint64_t length)
{
	struct iosim_desc desc = dma_desc_copy(src, dst, length);

	return dma_run(dma, &desc);
}

int dma_fill(struct dma *dma, uint64_t dst, uint64_t length, uint64_t value)
{
	struct iosim_desc desc = dma_desc_fill(dst, length, value);

	return dma_run(dma, &desc);
}

/* @same: gets how many bytes are the same before the first difference. */
int dma_compare(struct dma *dma, uint64_t a, uint64_t b, uint64_t length,
		uint64_t *same)
{
	struct iosim_desc desc = {
		.op = IOSIM_OP_COMPARE,
		.src = a,
		.dst = b,
		.length = length,
	};
	int rc = dma_run(dma, &desc);

	*same = dma->result;
	return rc;
}

/* Let the device read eight bytes. @value may be NULL. */
int dma_peek(struct dma *dma, uint64_t iova, uint64_t *value)
{
	struct iosim_desc desc = {
		.op = IOSIM_OP_CHASE,
		.src = iova,
		.length = 1,
	};
	int rc = dma_run(dma, &desc);

	if (!rc && value)
		*value = dma->result;
	return rc;
}

/* Let the device write eight bytes. */
int dma_poke(struct dma *dma, uint64_t iova, uint64_t value)
{
	return dma_fill(dma, iova, sizeof(value), value);
}

int dma_prefetch(struct dma *dma, uint64_t iova, uint64_t length, bool write)
{
	struct iosim_desc desc = {
		.op = IOSIM_OP_PREFETCH,
		.flags = write ? IOSIM_DESC_WRITE : 0,
		.src = iova,
		.length = length,
	};

	return dma_run(dma, &desc);
}

/**
 * dma_check() - does the device read and write that memory?
 * @dma: how
 * @iova: where the device finds eight bytes
 * @va: where this process finds the same
 *
 * Return: 0 if each has seen what the other has written; -EIO if not; or as
 * the DMA has ended.
 */
int dma_check(struct dma *dma, uint64_t iova, volatile void *va)
{
	static uint64_t fresh = 0x5eed000000000000;
	volatile uint64_t *word = va;
	uint64_t seen;
	int rc;

	*word = __atomic_add_fetch(&fresh, 2, __ATOMIC_RELAXED);
	rc = dma_peek(dma, iova, &seen);
	if (rc)
		return rc;
	if (seen != *word)
		return -EIO;
	rc = dma_poke(dma, iova, seen + 1);
	if (rc)
		return rc;
	return *word == seen + 1 ? 0 : -EIO;
}
