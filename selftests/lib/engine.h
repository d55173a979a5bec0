/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The DMA engine of the simulator, or a sub-device, which has the same portal:
 * open, and doing DMA.
 *
 * Functions that do DMA and wait for it return 0, or why it was not done: a
 * positive IOSIM_REASON_* if the IOMMU has not let it through, or
 *	-ENODATA	it is over, but not even its completion could be written
 *	-EINVAL		the descriptor made no sense
 *	-ECANCELED	reset, or the device is gone
 *	-ETIMEDOUT	it is not over after many seconds
 */
#ifndef SELFTESTS_LIB_ENGINE_H
#define SELFTESTS_LIB_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "iosim.h"

/* Nothing takes so long, not even in an emulated machine on a busy host. */
#define ENGINE_WAIT_MS 20000

#define ENGINE_NO_PASID UINT32_MAX

/**
 * struct engine - an open device
 * @fd: its VFIO device fd
 * @dev_id: its ID in the iommufd
 * @registers: where they are in the file
 * @portal: likewise
 * @mapped: the registers of a function of PCI, to which descriptors are written; NULL:
 *	it has a portal
 * @irq: eventfd of its interrupt
 */
struct engine {
	int fd;
	uint32_t dev_id;
	uint64_t registers;
	uint64_t portal;
	void *mapped;
	int irq;
};

/**
 * struct dma - one address space of a device, as seen by a test
 * @engine: the device
 * @pasid: ENGINE_NO_PASID, or what its DMA carries
 * @privileged: it is a supervisor's, which takes a PASID
 * @block: page requests for what is missing
 * @done: where completions arrive; nobody else writes there
 * @done_iova: the same as an IOVA
 * @addr: of the last one that faulted: its IOVA
 * @code: likewise: the fault reason of a VT-d, or 0
 * @result: of the last one
 */
struct dma {
	const struct engine *engine;
	uint32_t pasid;
	bool privileged;
	bool block;
	struct iosim_completion *done;
	uint64_t done_iova;
	uint64_t addr;
	uint32_t code;
	uint64_t result;
};

int engine_open(struct engine *engine, int cdev, int iommufd);
int engine_open_name(struct engine *engine, const char *name, int iommufd);
int engine_open_subdevice(struct engine *engine, const char *uuid, int iommufd);
void engine_close(struct engine *engine);

int engine_read(const struct engine *engine, unsigned int reg, void *value,
		size_t size);
uint32_t engine_read32(const struct engine *engine, unsigned int reg);
int engine_write32(const struct engine *engine, unsigned int reg,
		   uint32_t value);
int engine_reset(const struct engine *engine);
int engine_submit(const struct engine *engine, const struct iosim_desc *desc);
int engine_wait_irq(const struct engine *engine);
int engine_wait_idle(const struct engine *engine);
void *engine_mmap(const struct engine *engine, unsigned int region,
		  size_t *length);

int dma_start(struct dma *dma, const struct iosim_desc *desc);
int dma_wait(struct dma *dma);
int dma_run(struct dma *dma, const struct iosim_desc *desc);

struct iosim_desc dma_desc_copy(uint64_t src, uint64_t dst, uint64_t length);
struct iosim_desc dma_desc_fill(uint64_t dst, uint64_t length, uint64_t value);
int dma_copy(struct dma *dma, uint64_t src, uint64_t dst, uint64_t length);
int dma_fill(struct dma *dma, uint64_t dst, uint64_t length, uint64_t value);
int dma_compare(struct dma *dma, uint64_t a, uint64_t b, uint64_t length,
		uint64_t *same);
int dma_peek(struct dma *dma, uint64_t iova, uint64_t *value);
int dma_poke(struct dma *dma, uint64_t iova, uint64_t value);
int dma_prefetch(struct dma *dma, uint64_t iova, uint64_t length, bool write);

int dma_check(struct dma *dma, uint64_t iova, volatile void *va);

#endif
