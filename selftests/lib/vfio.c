// SPDX-License-Identifier: GPL-2.0-only
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <linux/ioasid.h>
#include <linux/pci_regs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "file.h"
#include "vfio.h"

#define PCI_DEVICES "/sys/bus/pci/devices"

static int result(int rc)
{
	return rc < 0 ? -errno : rc;
}

static long read_hex(const char *bdf, const char *attribute)
{
	char path[128], text[32];
	FILE *file;
	long value = -1;

	snprintf(path, sizeof(path), PCI_DEVICES "/%s/%s", bdf, attribute);
	file = fopen(path, "r");
	if (!file)
		return -1;
	if (fgets(text, sizeof(text), file))
		value = strtol(text, NULL, 16);
	fclose(file);
	return value;
}

static int count_entries(const char *path)
{
	struct dirent *entry;
	int count = 0;
	DIR *dir;

	dir = opendir(path);
	if (!dir)
		return 0;
	while ((entry = readdir(dir)))
		count += entry->d_name[0] != '.';
	closedir(dir);
	return count;
}

static void read_group(struct vfio_pci *dev)
{
	char path[128], target[256];
	ssize_t length;

	dev->group = -1;
	dev->group_size = 0;
	snprintf(path, sizeof(path), PCI_DEVICES "/%s/iommu_group", dev->bdf);
	length = readlink(path, target, sizeof(target) - 1);
	if (length < 0)
		return;
	target[length] = '\0';
	dev->group = atoi(basename(target));
	snprintf(path, sizeof(path), "/sys/kernel/iommu_groups/%d/devices",
		 dev->group);
	dev->group_size = count_entries(path);
}

static void read_cdev(struct vfio_pci *dev)
{
	struct dirent *entry;
	char path[128];
	DIR *dir;

	dev->cdev = -1;
	snprintf(path, sizeof(path), PCI_DEVICES "/%s/vfio-dev", dev->bdf);
	dir = opendir(path);
	if (!dir)
		return;
	while ((entry = readdir(dir)))
		if (sscanf(entry->d_name, "vfio%d", &dev->cdev) == 1)
			break;
	closedir(dir);
}

/**
 * vfio_at() - the PCI device at an address
 * @bdf: "0000:00:03.0"
 * @dev: filled
 *
 * Return: 0, or -ENODEV if there is none.
 */
int vfio_at(const char *bdf, struct vfio_pci *dev)
{
	long vendor = read_hex(bdf, "vendor");

	if (vendor < 0 || strlen(bdf) >= sizeof(dev->bdf))
		return -ENODEV;
	memset(dev, 0, sizeof(*dev));
	strcpy(dev->bdf, bdf);
	dev->vendor = vendor;
	dev->device = read_hex(bdf, "device");
	read_group(dev);
	read_cdev(dev);
	return 0;
}

static int by_bdf(const void *a, const void *b)
{
	return strcmp(((const struct vfio_pci *)a)->bdf,
		      ((const struct vfio_pci *)b)->bdf);
}

/**
 * vfio_find() - find the PCI devices of one kind
 * @vendor: PCI vendor to look for
 * @device: PCI device to look for
 * @found: filled with up to @max devices, in the order of their addresses
 * @max: length of @found
 *
 * Return: how many were found, also those that no driver is bound to.
 */
int vfio_find(uint16_t vendor, uint16_t device, struct vfio_pci *found, int max)
{
	struct dirent *entry;
	int count = 0;
	DIR *dir;

	dir = opendir(PCI_DEVICES);
	if (!dir)
		return 0;
	while (count < max && (entry = readdir(dir))) {
		if (read_hex(entry->d_name, "vendor") == vendor &&
		    read_hex(entry->d_name, "device") == device &&
		    !vfio_at(entry->d_name, &found[count]))
			count++;
	}
	closedir(dir);
	qsort(found, count, sizeof(*found), by_bdf);
	return count;
}

static int write_attribute(const char *bdf, const char *attribute,
			   const char *text)
{
	char path[128];

	snprintf(path, sizeof(path), PCI_DEVICES "/%s/%s", bdf, attribute);
	return file_write(path, text);
}

/**
 * vfio_take() - give a device that no driver has to vfio-pci
 * @dev: the device; its cdev is set
 *
 * Return: 0 or a negative errno.
 */
int vfio_take(struct vfio_pci *dev)
{
	int rc;

	if (dev->cdev >= 0)
		return 0;
	rc = write_attribute(dev->bdf, "driver_override", "vfio-pci");
	if (!rc)
		rc = file_write("/sys/bus/pci/drivers_probe", dev->bdf);
	if (rc)
		return rc;
	read_cdev(dev);
	return dev->cdev >= 0 ? 0 : -ENODEV;
}

/**
 * vfio_cdev_open() - open /dev/vfio/devices/vfioN
 * @dev: the device
 *
 * Return: a file descriptor, or a negative errno.
 */
int vfio_cdev_open(const struct vfio_pci *dev)
{
	char path[64];

	if (dev->cdev < 0)
		return -ENODEV;
	snprintf(path, sizeof(path), "/dev/vfio/devices/vfio%d", dev->cdev);
	return result(open(path, O_RDWR | O_CLOEXEC));
}

/**
 * vfio_bind() - VFIO_DEVICE_BIND_IOMMUFD
 * @dev_fd: device cdev
 * @iommufd: an fd of /dev/iommu
 * @dev_id: gets the device's ID in @iommufd; may be NULL
 *
 * The only way to unbind is to close @dev_fd, and every mmap of it.
 */
int vfio_bind(int dev_fd, int iommufd, uint32_t *dev_id)
{
	struct vfio_device_bind_iommufd bind = {
		.argsz = sizeof(bind),
		.iommufd = iommufd,
	};
	int rc;

	rc = result(ioctl(dev_fd, VFIO_DEVICE_BIND_IOMMUFD, &bind));
	if (!rc && dev_id)
		*dev_id = bind.out_devid;
	return rc;
}

/**
 * vfio_bind_token() - vfio_bind() with the VF token of the physical function
 * @dev_fd: device cdev
 * @iommufd: an fd of /dev/iommu
 * @token: the 16 bytes of the UUID
 */
int vfio_bind_token(int dev_fd, int iommufd, const uint8_t *token)
{
	struct ioasid_vfio_bind bind = {
		.argsz = sizeof(bind),
		.flags = VFIO_DEVICE_BIND_FLAG_TOKEN,
		.iommufd = iommufd,
		.token_uuid_ptr = (unsigned long)token,
	};

	return result(ioctl(dev_fd, VFIO_DEVICE_BIND_IOMMUFD, &bind));
}

/**
 * vfio_attach() - VFIO_DEVICE_ATTACH_IOMMUFD_PT, which is also the replace
 * @dev_fd: bound device cdev
 * @pt_id: ID of an IOAS or HWPT
 * @out_hwpt_id: gets the ID of the HWPT that is now attached; may be NULL
 */
int vfio_attach(int dev_fd, uint32_t pt_id, uint32_t *out_hwpt_id)
{
	struct vfio_device_attach_iommufd_pt attach = {
		.argsz = sizeof(attach),
		.pt_id = pt_id,
	};
	int rc;

	rc = result(ioctl(dev_fd, VFIO_DEVICE_ATTACH_IOMMUFD_PT, &attach));
	if (!rc && out_hwpt_id)
		*out_hwpt_id = attach.pt_id;
	return rc;
}

/**
 * vfio_detach() - VFIO_DEVICE_DETACH_IOMMUFD_PT
 * @dev_fd: bound device cdev; not being attached is no error
 */
int vfio_detach(int dev_fd)
{
	struct vfio_device_detach_iommufd_pt detach = {
		.argsz = sizeof(detach),
	};

	return result(ioctl(dev_fd, VFIO_DEVICE_DETACH_IOMMUFD_PT, &detach));
}

/**
 * vfio_attach_pasid() - VFIO_DEVICE_ATTACH_IOMMUFD_PT with a PASID
 * @dev_fd: bound device cdev
 * @pasid: the PASID
 * @pt_id: ID of an IOAS or HWPT
 * @out_hwpt_id: gets the ID of the HWPT that is now attached; may be NULL
 */
int vfio_attach_pasid(int dev_fd, uint32_t pasid, uint32_t pt_id,
		      uint32_t *out_hwpt_id)
{
	struct ioasid_vfio_attach attach = {
		.argsz = sizeof(attach),
		.flags = VFIO_DEVICE_ATTACH_PASID,
		.pt_id = pt_id,
		.pasid = pasid,
	};
	int rc;

	rc = result(ioctl(dev_fd, VFIO_DEVICE_ATTACH_IOMMUFD_PT, &attach));
	if (!rc && out_hwpt_id)
		*out_hwpt_id = attach.pt_id;
	return rc;
}

/**
 * vfio_dma_buf() - make a dma-buf of pieces of a BAR, since Linux 6.19
 * @dev_fd: a device that is bound
 * @bar: which BAR
 * @pieces: offsets and lengths, in whole pages
 * @nr: how many
 * @open_flags: of the file descriptor
 *
 * Return: a file descriptor, or -ENOTTY where there is no such thing, or another errno.
 */
int vfio_dma_buf(int dev_fd, uint32_t bar, const struct vfio_piece *pieces,
		 uint32_t nr, uint32_t open_flags)
{
	/* As VFIO_DEVICE_FEATURE_DMA_BUF and its structure, which older headers lack. */
	struct {
		struct vfio_device_feature feature;
		uint32_t region_index;
		uint32_t open_flags;
		uint32_t flags;
		uint32_t nr_ranges;
		struct vfio_piece ranges[VFIO_PIECES];
	} arg = {
		.feature.argsz = sizeof(arg),
		.feature.flags = VFIO_DEVICE_FEATURE_GET | 11,
		.region_index = bar,
		.open_flags = open_flags,
		.nr_ranges = nr,
	};
	int fd;

	memcpy(arg.ranges, pieces, nr * sizeof(*pieces));
	fd = ioctl(dev_fd, VFIO_DEVICE_FEATURE, &arg);
	return fd < 0 ? -errno : fd;
}

/**
 * vfio_detach_pasid() - VFIO_DEVICE_DETACH_IOMMUFD_PT with a PASID
 * @dev_fd: bound device cdev
 * @pasid: the PASID; not being attached is no error
 */
int vfio_detach_pasid(int dev_fd, uint32_t pasid)
{
	struct ioasid_vfio_detach detach = {
		.argsz = sizeof(detach),
		.flags = VFIO_DEVICE_DETACH_PASID,
		.pasid = pasid,
	};

	return result(ioctl(dev_fd, VFIO_DEVICE_DETACH_IOMMUFD_PT, &detach));
}

/**
 * vfio_group_open() - open /dev/vfio/GROUP
 * @group: IOMMU group number
 */
int vfio_group_open(int group)
{
	char path[64];

	snprintf(path, sizeof(path), "/dev/vfio/%d", group);
	return result(open(path, O_RDWR | O_CLOEXEC));
}

/**
 * vfio_group_set_container() - VFIO_GROUP_SET_CONTAINER
 * @group_fd: from vfio_group_open()
 * @container: an fd of /dev/vfio/vfio or of /dev/iommu
 */
int vfio_group_set_container(int group_fd, int container)
{
	return result(ioctl(group_fd, VFIO_GROUP_SET_CONTAINER, &container));
}

int vfio_group_unset_container(int group_fd)
{
	return result(ioctl(group_fd, VFIO_GROUP_UNSET_CONTAINER));
}

/**
 * vfio_group_device() - VFIO_GROUP_GET_DEVICE_FD
 * @group_fd: group with a container
 * @bdf: PCI address of a device in it
 *
 * Return: a device fd, or a negative errno.
 */
int vfio_group_device(int group_fd, const char *bdf)
{
	return result(ioctl(group_fd, VFIO_GROUP_GET_DEVICE_FD, bdf));
}

int vfio_region_info(int dev_fd, uint32_t index, struct vfio_region_info *info)
{
	memset(info, 0, sizeof(*info));
	info->argsz = sizeof(*info);
	info->index = index;
	return result(ioctl(dev_fd, VFIO_DEVICE_GET_REGION_INFO, info));
}

/* Where byte @offset of the config space is in the device's file. */
static int config_at(int dev_fd, uint32_t offset, off_t *at)
{
	struct vfio_region_info info;
	int rc;

	rc = vfio_region_info(dev_fd, VFIO_PCI_CONFIG_REGION_INDEX, &info);
	if (rc)
		return rc;
	*at = info.offset + offset;
	return 0;
}

int vfio_config_read(int dev_fd, uint32_t offset, void *value, size_t size)
{
	ssize_t done;
	off_t at;
	int rc;

	rc = config_at(dev_fd, offset, &at);
	if (rc)
		return rc;
	done = pread(dev_fd, value, size, at);
	if (done < 0)
		return -errno;
	return (size_t)done == size ? 0 : -EIO;
}

int vfio_config_write(int dev_fd, uint32_t offset, const void *value,
		      size_t size)
{
	ssize_t done;
	off_t at;
	int rc;

	rc = config_at(dev_fd, offset, &at);
	if (rc)
		return rc;
	done = pwrite(dev_fd, value, size, at);
	if (done < 0)
		return -errno;
	return (size_t)done == size ? 0 : -EIO;
}

/**
 * vfio_decode() - switch memory decoding on or off
 * @dev_fd: open device
 * @on: whether its BARs are to answer
 */
int vfio_decode(int dev_fd, bool on)
{
	uint16_t command;
	int rc;

	rc = vfio_config_read(dev_fd, PCI_COMMAND, &command, sizeof(command));
	if (rc)
		return rc;
	command &= ~PCI_COMMAND_MEMORY;
	if (on)
		command |= PCI_COMMAND_MEMORY;
	return vfio_config_write(dev_fd, PCI_COMMAND, &command,
				 sizeof(command));
}

/**
 * vfio_eventfd() - let an interrupt signal an eventfd
 * @dev_fd: open device
 * @irq: its index; the first vector of it
 * @eventfd: an eventfd, or -1 for none any more
 */
int vfio_eventfd(int dev_fd, uint32_t irq, int eventfd)
{
	char buffer[sizeof(struct vfio_irq_set) + sizeof(eventfd)];
	struct vfio_irq_set *set = (struct vfio_irq_set *)buffer;

	*set = (struct vfio_irq_set) {
		.argsz = sizeof(buffer),
		.flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
		.index = irq,
		.count = 1,
	};
	memcpy(set->data, &eventfd, sizeof(eventfd));
	return result(ioctl(dev_fd, VFIO_DEVICE_SET_IRQS, set));
}

/**
 * vfio_find_capability() - where a capability is in the config space
 * @dev_fd: open device
 * @id: PCI_CAP_ID_*
 *
 * Return: its offset, or a negative errno.
 */
int vfio_find_capability(int dev_fd, uint8_t id)
{
	uint8_t at, head[2];
	int rc, tries;

	rc = vfio_config_read(dev_fd, PCI_CAPABILITY_LIST, &at, sizeof(at));
	for (tries = 48; !rc && at && tries; tries--) {
		rc = vfio_config_read(dev_fd, at, head, sizeof(head));
		if (!rc && head[0] == id)
			return at;
		at = head[1];
	}
	return rc ?: -ENOENT;
}

/**
 * vfio_enable_dma() - set or clear bus mastering, and set memory decoding
 * @dev_fd: open device
 * @on: whether the device may start DMA
 */
int vfio_enable_dma(int dev_fd, bool on)
{
	uint16_t command;
	int rc;

	rc = vfio_config_read(dev_fd, PCI_COMMAND, &command, sizeof(command));
	if (rc)
		return rc;
	command |= PCI_COMMAND_MEMORY;
	if (on)
		command |= PCI_COMMAND_MASTER;
	else
		command &= ~PCI_COMMAND_MASTER;
	return vfio_config_write(dev_fd, PCI_COMMAND, &command,
				 sizeof(command));
}

/**
 * vfio_map_bar() - mmap a whole BAR
 * @dev_fd: open device
 * @bar: BAR number
 * @length: gets the length in bytes
 *
 * Return: the address, or NULL with errno set.
 */
void *vfio_map_bar(int dev_fd, int bar, size_t *length)
{
	struct vfio_region_info info;
	void *va;
	int rc;

	rc = vfio_region_info(dev_fd, VFIO_PCI_BAR0_REGION_INDEX + bar, &info);
	if (rc) {
		errno = -rc;
		return NULL;
	}
	if (!(info.flags & VFIO_REGION_INFO_FLAG_MMAP)) {
		errno = ENODEV;
		return NULL;
	}
	va = mmap(NULL, info.size, PROT_READ | PROT_WRITE, MAP_SHARED, dev_fd,
		  info.offset);
	if (va == MAP_FAILED)
		return NULL;
	*length = info.size;
	return va;
}

/**
 * vfio_dma_map() - VFIO_IOMMU_MAP_DMA
 * @container: an fd of /dev/vfio/vfio or of /dev/iommu
 * @va: memory
 * @length: bytes
 * @iova: where the device will find it
 * @flags: VFIO_DMA_MAP_FLAG_*
 */
int vfio_dma_map(int container, const void *va, uint64_t length, uint64_t iova,
		 uint32_t flags)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map),
		.flags = flags,
		.vaddr = (unsigned long)va,
		.iova = iova,
		.size = length,
	};

	return result(ioctl(container, VFIO_IOMMU_MAP_DMA, &map));
}

/**
 * vfio_dma_unmap() - VFIO_IOMMU_UNMAP_DMA
 * @container: an fd of /dev/vfio/vfio or of /dev/iommu
 * @iova: first byte
 * @length: bytes
 * @flags: VFIO_DMA_UNMAP_FLAG_*, but not the one that needs a bitmap
 * @unmapped: gets the bytes that were unmapped; may be NULL
 */
int vfio_dma_unmap(int container, uint64_t iova, uint64_t length,
		   uint32_t flags, uint64_t *unmapped)
{
	struct vfio_iommu_type1_dma_unmap unmap = {
		.argsz = sizeof(unmap),
		.flags = flags,
		.iova = iova,
		.size = length,
	};
	int rc;

	rc = result(ioctl(container, VFIO_IOMMU_UNMAP_DMA, &unmap));
	if (unmapped)
		*unmapped = unmap.size;
	return rc;
}
