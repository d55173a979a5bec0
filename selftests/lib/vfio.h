/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * VFIO devices, both ways in: the device cdev (/dev/vfio/devices/vfioN) and
 * the legacy group (/dev/vfio/GROUP).
 *
 * Calls that can fail return a negative errno, so that a test compares with
 * the errno it expects: EXPECT_EQ(-EBUSY, vfio_bind(...)).
 */
#ifndef SELFTESTS_VFIO_H
#define SELFTESTS_VFIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/vfio.h>

/**
 * struct vfio_pci - a PCI device bound to vfio-pci, as sysfs shows it
 * @bdf: "0000:00:03.0"
 * @vendor: PCI vendor
 * @device: PCI device
 * @group: IOMMU group number, -1 without one
 * @group_size: devices in that group
 * @cdev: N of /dev/vfio/devices/vfioN, -1 without a cdev
 */
struct vfio_pci {
	char bdf[16];
	uint16_t vendor;
	uint16_t device;
	int group;
	int group_size;
	int cdev;
};

/**
 * struct vfio_piece - of a BAR
 * @offset: where it begins
 * @length: bytes
 */
struct vfio_piece {
	uint64_t offset;
	uint64_t length;
};

#define VFIO_PIECES 4

int vfio_find(uint16_t vendor, uint16_t device, struct vfio_pci *found,
	      int max);

int vfio_at(const char *bdf, struct vfio_pci *dev);
int vfio_take(struct vfio_pci *dev);
int vfio_cdev_open(const struct vfio_pci *dev);
int vfio_bind(int dev_fd, int iommufd, uint32_t *dev_id);
int vfio_bind_token(int dev_fd, int iommufd, const uint8_t *token);
int vfio_attach(int dev_fd, uint32_t pt_id, uint32_t *out_hwpt_id);
int vfio_detach(int dev_fd);
int vfio_attach_pasid(int dev_fd, uint32_t pasid, uint32_t pt_id,
		      uint32_t *out_hwpt_id);
int vfio_detach_pasid(int dev_fd, uint32_t pasid);

int vfio_dma_buf(int dev_fd, uint32_t bar, const struct vfio_piece *pieces,
		 uint32_t nr, uint32_t open_flags);

int vfio_group_open(int group);
int vfio_group_set_container(int group_fd, int container);
int vfio_group_unset_container(int group_fd);
int vfio_group_device(int group_fd, const char *bdf);

int vfio_region_info(int dev_fd, uint32_t index, struct vfio_region_info *info);
int vfio_config_read(int dev_fd, uint32_t offset, void *value, size_t size);
int vfio_config_write(int dev_fd, uint32_t offset, const void *value,
		      size_t size);
int vfio_decode(int dev_fd, bool on);
int vfio_find_capability(int dev_fd, uint8_t id);
int vfio_enable_dma(int dev_fd, bool on);
int vfio_eventfd(int dev_fd, uint32_t irq, int eventfd);
void *vfio_map_bar(int dev_fd, int bar, size_t *length);

int vfio_dma_map(int container, const void *va, uint64_t length, uint64_t iova,
		 uint32_t flags);
int vfio_dma_unmap(int container, uint64_t iova, uint64_t length,
		   uint32_t flags, uint64_t *unmapped);

#endif
