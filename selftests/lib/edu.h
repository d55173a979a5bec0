/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * QEMU's "edu" PCI device, seen as a DMA engine.
 *
 * It has a buffer of 4 KiB and moves data between that buffer and the bus, up
 * to EDU_DMA_MAX bytes at a time; a transfer happens at one instant, 100 ms of
 * guest time after it was started. "Read" and "write" are the device's: a read
 * takes from memory into the buffer, a write puts the buffer into memory.
 */
#ifndef SELFTESTS_EDU_H
#define SELFTESTS_EDU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "klog.h"
#include "vfio.h"

#define EDU_PCI_VENDOR 0x1234
#define EDU_PCI_DEVICE 0x11e8

/*
 * One transfer. The buffer holds 4096 bytes, but QEMU 7.2 takes a transfer
 * that ends with the buffer for one beyond it, and aborts.
 */
#define EDU_DMA_MAX 4088

/* Registers in BAR 0 that other devices may poke at. */
#define EDU_REG_ID 0x00
#define EDU_REG_LIVENESS 0x04	/* reads as the complement of what is written */
#define EDU_ID 0x010000edU

/**
 * struct edu - an edu device in use
 * @pci: which one
 * @fd: its VFIO device fd
 * @dev_id: its ID in the iommufd; 0 when opened through a group
 * @regs: BAR 0
 * @regs_length: bytes of BAR 0
 */
struct edu {
	struct vfio_pci pci;
	int fd;
	uint32_t dev_id;
	void *regs;
	size_t regs_length;
};

int edu_find(struct vfio_pci *found, int max);
int edu_find_alone(struct vfio_pci *found, int max);
int edu_find_pair(struct vfio_pci pair[2]);

int edu_open(struct edu *edu, const struct vfio_pci *pci, int iommufd);
int edu_open_in_group(struct edu *edu, const struct vfio_pci *pci,
		      int group_fd);
void edu_close(struct edu *edu);

uint32_t edu_reg_read(const struct edu *edu, unsigned int reg);
void edu_reg_write(const struct edu *edu, unsigned int reg, uint32_t value);

void edu_start_read(const struct edu *edu, uint64_t iova, size_t length);
void edu_start_write(const struct edu *edu, uint64_t iova, size_t length);
bool edu_busy(const struct edu *edu);
int edu_wait(const struct edu *edu);
int edu_read(const struct edu *edu, uint64_t iova, size_t length);
int edu_write(const struct edu *edu, uint64_t iova, size_t length);

int edu_copy(const struct edu *edu, uint64_t from, uint64_t to, size_t length);
int edu_check(const struct edu *edu, uint64_t iova, void *va, size_t length);
int edu_can_write(const struct edu *edu, uint64_t iova, void *va,
		  size_t length);
int edu_can_read(const struct edu *edu, uint64_t iova, void *va,
		 uint64_t out_iova, void *out, size_t length);
int edu_expect_fault(const struct edu *edu, int klog, uint64_t iova, bool write,
		     struct klog_fault *fault);

#endif
