// SPDX-License-Identifier: GPL-2.0-only
/*
 * VFIO's side of devices and sub-devices: regions, interrupts, reset.
 *
 * Offsets of the file have the number of the region above bit 40, as with vfio-pci.
 */
#include <linux/eventfd.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "front.h"

#define REGION_SHIFT	40
#define REGION_MASK	((1ULL << REGION_SHIFT) - 1)

static struct front *to_front(struct vfio_device *vdev)
{
	return container_of(vdev, struct front, vdev);
}

/* Interrupts ---------------------------------------------------------------- */

static void signal(struct front *front, unsigned int index)
{
	spin_lock_irq(&front->lock);
	if (front->eventfd[index])
		eventfd_signal(front->eventfd[index]);
	spin_unlock_irq(&front->lock);
}

/**
 * front_interrupt - the interrupt of struct portal_ops
 * @portal: the portal of a front
 */
void front_interrupt(struct portal *portal)
{
	signal(container_of(portal, struct front, portal),
	       IOSIM_IRQ_COMPLETION);
}

/**
 * front_request - ask the user to let go of the device
 * @vdev: the device
 * @count: how often it has been asked before
 */
void front_request(struct vfio_device *vdev, unsigned int count)
{
	signal(to_front(vdev), IOSIM_IRQ_REQUEST);
}

static void set_eventfd(struct front *front, unsigned int index,
			struct eventfd_ctx *eventfd)
{
	spin_lock_irq(&front->lock);
	swap(front->eventfd[index], eventfd);
	spin_unlock_irq(&front->lock);
	if (eventfd)
		eventfd_ctx_put(eventfd);
}

static int set_eventfd_from(struct front *front, unsigned int index,
			    const void __user *data)
{
	struct eventfd_ctx *eventfd = NULL;
	s32 fd;

	if (get_user(fd, (const s32 __user *)data))
		return -EFAULT;
	if (fd < -1)
		return -EINVAL;
	if (fd >= 0) {
		eventfd = eventfd_ctx_fdget(fd);
		if (IS_ERR(eventfd))
			return PTR_ERR(eventfd);
	}
	set_eventfd(front, index, eventfd);
	return 0;
}

static int trigger_if(struct front *front, unsigned int index,
		      const void __user *data)
{
	u8 set;

	if (get_user(set, (const u8 __user *)data))
		return -EFAULT;
	if (set)
		signal(front, index);
	return 0;
}

static long front_set_irqs(struct front *front, void __user *arg)
{
	size_t minsz = offsetofend(struct vfio_irq_set, count), size;
	const void __user *data = arg + minsz;
	struct vfio_irq_set set;
	int rc;

	if (copy_from_user(&set, arg, minsz))
		return -EFAULT;
	rc = vfio_set_irqs_validate_and_prepare(&set, 1, FRONT_NR_IRQS, &size);
	if (rc)
		return rc;
	if ((set.flags & VFIO_IRQ_SET_ACTION_TYPE_MASK) !=
	    VFIO_IRQ_SET_ACTION_TRIGGER)
		return -EINVAL;

	switch (set.flags & VFIO_IRQ_SET_DATA_TYPE_MASK) {
	case VFIO_IRQ_SET_DATA_NONE:
		if (set.count)
			signal(front, set.index);
		else
			set_eventfd(front, set.index, NULL);
		return 0;
	case VFIO_IRQ_SET_DATA_BOOL:
		return set.count ? trigger_if(front, set.index, data) : -EINVAL;
	default:
		return set.count ? set_eventfd_from(front, set.index, data) :
				   -EINVAL;
	}
}

static long front_irq_info(void __user *arg)
{
	size_t minsz = offsetofend(struct vfio_irq_info, count);
	struct vfio_irq_info info;

	if (copy_from_user(&info, arg, minsz))
		return -EFAULT;
	if (info.argsz < minsz || info.index >= FRONT_NR_IRQS)
		return -EINVAL;
	info.flags = VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_NORESIZE;
	info.count = 1;
	return copy_to_user(arg, &info, minsz) ? -EFAULT : 0;
}

/* Regions ------------------------------------------------------------------- */

/**
 * struct region - what is behind a region
 * @flags: VFIO_REGION_INFO_FLAG_*
 * @size: bytes
 * @memory: where it is, if it can be mapped
 */
struct region {
	u32 flags;
	u64 size;
	void *memory;
};

#define READ_WRITE	(VFIO_REGION_INFO_FLAG_READ | \
			 VFIO_REGION_INFO_FLAG_WRITE)

static unsigned int nr_regions(struct front *front)
{
	return front->portal.memory ? 3 : 2;
}

static int get_region(struct front *front, u64 index, struct region *region)
{
	struct portal *portal = &front->portal;

	if (index >= nr_regions(front))
		return -EINVAL;
	switch (index) {
	case IOSIM_REGION_REGISTERS:
		*region = (struct region){
			.flags = READ_WRITE | VFIO_REGION_INFO_FLAG_MMAP,
			.size = PAGE_SIZE,
			.memory = portal->registers,
		};
		break;
	case IOSIM_REGION_PORTAL:
		*region = (struct region){
			.flags = VFIO_REGION_INFO_FLAG_WRITE,
			.size = PAGE_SIZE,
		};
		break;
	default:
		*region = (struct region){
			.flags = READ_WRITE | VFIO_REGION_INFO_FLAG_MMAP,
			.size = IOSIM_MEMORY_SIZE,
			.memory = portal->memory,
		};
	}
	return 0;
}

/**
 * front_region_info - VFIO_DEVICE_GET_REGION_INFO
 * @vdev: the device
 * @info: of the region @info->index; filled
 * @caps: there are none
 *
 * Return: 0, or -EINVAL if there is no such region.
 */
int front_region_info(struct vfio_device *vdev, struct vfio_region_info *info,
		      struct vfio_info_cap *caps)
{
	struct region region;
	int rc;

	rc = get_region(to_front(vdev), info->index, &region);
	if (rc)
		return rc;
	info->argsz = offsetofend(struct vfio_region_info, offset);
	info->flags = region.flags;
	info->cap_offset = 0;
	info->size = region.size;
	info->offset = (u64)info->index << REGION_SHIFT;
	return 0;
}

/* Where VFIO leaves the copying to drivers. */
static long copy_region_info(struct front *front, void __user *arg)
{
	size_t minsz = offsetofend(struct vfio_region_info, offset);
	struct vfio_region_info info;
	int rc;

	if (copy_from_user(&info, arg, minsz))
		return -EFAULT;
	if (info.argsz < minsz)
		return -EINVAL;
	rc = front_region_info(&front->vdev, &info, NULL);
	if (rc)
		return rc;
	return copy_to_user(arg, &info, minsz) ? -EFAULT : 0;
}

static long front_info(struct front *front, void __user *arg)
{
	size_t minsz = offsetofend(struct vfio_device_info, num_irqs);
	struct vfio_device_info info;

	if (copy_from_user(&info, arg, minsz))
		return -EFAULT;
	if (info.argsz < minsz)
		return -EINVAL;
	info.argsz = minsz;
	info.flags = VFIO_DEVICE_FLAGS_RESET | VFIO_DEVICE_FLAGS_PLATFORM;
	info.num_regions = nr_regions(front);
	info.num_irqs = FRONT_NR_IRQS;
	return copy_to_user(arg, &info, minsz) ? -EFAULT : 0;
}

/*
 * The region that a file offset is in, and @offset in it; @count is cut to what is
 * left of it.
 */
static int locate(struct front *front, loff_t pos, struct region *region,
		  u64 *offset, size_t *count)
{
	u64 index = (u64)pos >> REGION_SHIFT;
	int rc = get_region(front, index, region);

	if (rc)
		return rc;
	*offset = pos & REGION_MASK;
	if (*offset >= region->size)
		return -EINVAL;
	*count = min_t(u64, *count, region->size - *offset);
	return index;
}

static int read_registers(struct portal *portal, char __user *buffer,
			  u64 offset, size_t count)
{
	u8 copy[PORTAL_REGISTERS];
	size_t n;

	portal_read(portal, copy);
	n = offset < sizeof(copy) ? min(count, sizeof(copy) - offset) : 0;
	if (copy_to_user(buffer, copy + offset, n) ||
	    clear_user(buffer + n, count - n))
		return -EFAULT;
	return 0;
}

/**
 * front_read - the read op: registers and memory
 * @vdev: the device
 * @buffer: the user's
 * @count: bytes; up to the end of the region
 * @pos: of the file
 *
 * Return: bytes read, -EINVAL for what cannot be read, or -EFAULT.
 */
ssize_t front_read(struct vfio_device *vdev, char __user *buffer, size_t count,
		   loff_t *pos)
{
	struct front *front = to_front(vdev);
	struct region region;
	u64 offset;
	int rc;

	rc = locate(front, *pos, &region, &offset, &count);
	if (rc < 0)
		return rc;
	if (!(region.flags & VFIO_REGION_INFO_FLAG_READ))
		return -EINVAL;
	if (rc == IOSIM_REGION_REGISTERS)
		rc = read_registers(&front->portal, buffer, offset, count);
	else
		rc = copy_to_user(buffer, region.memory + offset, count) ?
		     -EFAULT : 0;
	if (rc)
		return rc;
	*pos += count;
	return count;
}

static int write_registers(struct portal *portal, const char __user *buffer,
			   u64 offset, size_t count)
{
	u8 data[sizeof(struct iosim_desc)];

	if (count > sizeof(data))
		return -EINVAL;
	if (copy_from_user(data, buffer, count))
		return -EFAULT;
	return portal_write(portal, offset, data, count);
}

static int write_portal(struct portal *portal, const char __user *buffer,
			u64 offset, size_t count)
{
	struct iosim_desc desc;

	if (count != sizeof(desc) || !IS_ALIGNED(offset, sizeof(desc)))
		return -EINVAL;
	if (copy_from_user(&desc, buffer, sizeof(desc)))
		return -EFAULT;
	return portal_submit(portal, &desc);
}

/**
 * front_write - the write op: registers, descriptors and memory
 * @vdev: the device
 * @buffer: the user's
 * @count: bytes
 * @pos: of the file
 *
 * Return: bytes written, -EINVAL for what cannot be written, -EFAULT, or what
 * portal_submit() and portal_write() return.
 */
ssize_t front_write(struct vfio_device *vdev, const char __user *buffer,
		    size_t count, loff_t *pos)
{
	struct front *front = to_front(vdev);
	struct portal *portal = &front->portal;
	struct region region;
	u64 offset;
	int rc;

	rc = locate(front, *pos, &region, &offset, &count);
	if (rc < 0)
		return rc;
	if (!count)
		return 0;
	switch (rc) {
	case IOSIM_REGION_REGISTERS:
		rc = write_registers(portal, buffer, offset, count);
		break;
	case IOSIM_REGION_PORTAL:
		rc = write_portal(portal, buffer, offset, count);
		break;
	default:
		rc = copy_from_user(region.memory + offset, buffer, count) ?
		     -EFAULT : 0;
	}
	if (rc)
		return rc;
	*pos += count;
	return count;
}

/**
 * front_mmap - the mmap op: registers and memory
 * @vdev: the device
 * @vma: what is to be mapped
 *
 * What is mapped stays for as long as the mapping, which keeps the file open.
 *
 * Return: 0, or -EINVAL for what cannot be mapped.
 */
int front_mmap(struct vfio_device *vdev, struct vm_area_struct *vma)
{
	u64 index = vma->vm_pgoff >> (REGION_SHIFT - PAGE_SHIFT);
	u64 offset = ((u64)vma->vm_pgoff << PAGE_SHIFT) & REGION_MASK;
	size_t length = vma->vm_end - vma->vm_start;
	struct region region;
	int rc;

	rc = get_region(to_front(vdev), index, &region);
	if (rc)
		return rc;
	if (!region.memory || !(vma->vm_flags & VM_SHARED) ||
	    offset > region.size || length > region.size - offset)
		return -EINVAL;
	vm_flags_set(vma, VM_DONTDUMP);
	return remap_pfn_range(vma, vma->vm_start,
			       PHYS_PFN(virt_to_phys(region.memory + offset)),
			       length, vma->vm_page_prot);
}

/* The device ---------------------------------------------------------------- */

/**
 * front_ioctl - the ioctl op
 * @vdev: the device
 * @cmd: VFIO_DEVICE_*
 * @arg: its argument
 *
 * Return: as vfio.h has it; -ENOTTY for what is not known.
 */
long front_ioctl(struct vfio_device *vdev, unsigned int cmd, unsigned long arg)
{
	struct front *front = to_front(vdev);
	void __user *uarg = (void __user *)arg;

	switch (cmd) {
	case VFIO_DEVICE_GET_INFO:
		return front_info(front, uarg);
	case VFIO_DEVICE_GET_REGION_INFO:
		return copy_region_info(front, uarg);
	case VFIO_DEVICE_GET_IRQ_INFO:
		return front_irq_info(uarg);
	case VFIO_DEVICE_SET_IRQS:
		return front_set_irqs(front, uarg);
	case VFIO_DEVICE_RESET:
		portal_reset(&front->portal);
		return 0;
	default:
		return -ENOTTY;
	}
}

/**
 * front_open_device - the open_device op
 * @vdev: the device
 *
 * Return: 0
 */
int front_open_device(struct vfio_device *vdev)
{
	portal_open(&to_front(vdev)->portal);
	return 0;
}

/**
 * front_close_device - the close_device op
 * @vdev: the device, which VFIO unbinds after this
 */
void front_close_device(struct vfio_device *vdev)
{
	struct front *front = to_front(vdev);
	unsigned int i;

	portal_close(&front->portal);
	for (i = 0; i < FRONT_NR_IRQS; i++)
		set_eventfd(front, i, NULL);
}

/**
 * front_init - after vfio_alloc_device()
 * @front: the device
 */
void front_init(struct front *front)
{
	spin_lock_init(&front->lock);
}
