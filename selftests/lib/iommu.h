/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Thin wrappers for the commands of /dev/iommu, for test programs.
 *
 * Every wrapper returns 0 or -errno and does nothing else: no retry, no
 * check. Where a command can be asked in two ways (IOVA fixed, or chosen by
 * the kernel) there are two wrappers, so that a test says which it means.
 */
#ifndef SELFTESTS_LIB_IOMMU_H
#define SELFTESTS_LIB_IOMMU_H

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>

#include <linux/iommufd.h>
#include <linux/ioasid.h>

#define IOMMU_DEV "/dev/iommu"

/* What a map or copy may do with the memory. */
#define IOMMU_R IOMMU_IOAS_MAP_READABLE
#define IOMMU_W IOMMU_IOAS_MAP_WRITEABLE
#define IOMMU_RW (IOMMU_IOAS_MAP_READABLE | IOMMU_IOAS_MAP_WRITEABLE)
#define IOMMU_FIXED IOMMU_IOAS_MAP_FIXED_IOVA

/* Returns a file descriptor (close-on-exec), or -errno. */
static inline int iommu_open(void)
{
	int fd = open(IOMMU_DEV, O_RDWR | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static inline int iommu_cmd(int fd, unsigned long cmd, void *arg)
{
	return ioctl(fd, cmd, arg) < 0 ? -errno : 0;
}

static inline uint64_t iommu_ptr(const void *p)
{
	return (uint64_t)(uintptr_t)p;
}

static inline int iommu_destroy(int fd, uint32_t id)
{
	struct iommu_destroy cmd = { .size = sizeof(cmd), .id = id };

	return iommu_cmd(fd, IOMMU_DESTROY, &cmd);
}

static inline int iommu_ioas_alloc(int fd, uint32_t *ioas)
{
	struct iommu_ioas_alloc cmd = { .size = sizeof(cmd) };
	int rc = iommu_cmd(fd, IOMMU_IOAS_ALLOC, &cmd);

	if (!rc)
		*ioas = cmd.out_ioas_id;
	return rc;
}

/* @flags may hold IOMMU_FIXED; @iova is read then, and written always. */
static inline int iommu_ioas_map(int fd, uint32_t ioas, const void *va,
				 uint64_t len, uint32_t flags, uint64_t *iova)
{
	struct iommu_ioas_map cmd = {
		.size = sizeof(cmd),
		.flags = flags,
		.ioas_id = ioas,
		.user_va = iommu_ptr(va),
		.length = len,
		.iova = flags & IOMMU_FIXED ? *iova : 0,
	};
	int rc = iommu_cmd(fd, IOMMU_IOAS_MAP, &cmd);

	if (!rc)
		*iova = cmd.iova;
	return rc;
}

static inline int iommu_map_fixed(int fd, uint32_t ioas, const void *va,
				  uint64_t len, uint32_t perm, uint64_t iova)
{
	return iommu_ioas_map(fd, ioas, va, len, perm | IOMMU_FIXED, &iova);
}

static inline int iommu_map_auto(int fd, uint32_t ioas, const void *va,
				 uint64_t len, uint32_t perm, uint64_t *iova)
{
	return iommu_ioas_map(fd, ioas, va, len, perm & ~IOMMU_FIXED, iova);
}

/* @flags may hold IOMMU_FIXED; @iova is read then, and written always. */
static inline int iommu_ioas_map_file(int fd, uint32_t ioas, int file,
				      uint64_t start, uint64_t len,
				      uint32_t flags, uint64_t *iova)
{
	struct iommu_ioas_map_file cmd = {
		.size = sizeof(cmd),
		.flags = flags,
		.ioas_id = ioas,
		.fd = file,
		.start = start,
		.length = len,
		.iova = flags & IOMMU_FIXED ? *iova : 0,
	};
	int rc = iommu_cmd(fd, IOMMU_IOAS_MAP_FILE, &cmd);

	if (!rc)
		*iova = cmd.iova;
	return rc;
}

static inline int iommu_map_file_fixed(int fd, uint32_t ioas, int file,
				       uint64_t start, uint64_t len,
				       uint32_t perm, uint64_t iova)
{
	return iommu_ioas_map_file(fd, ioas, file, start, len,
				   perm | IOMMU_FIXED, &iova);
}

/* @unmapped (may be NULL) gets the number of bytes that went away. */
static inline int iommu_ioas_unmap(int fd, uint32_t ioas, uint64_t iova,
				   uint64_t len, uint64_t *unmapped)
{
	struct iommu_ioas_unmap cmd = {
		.size = sizeof(cmd),
		.ioas_id = ioas,
		.iova = iova,
		.length = len,
	};
	int rc = iommu_cmd(fd, IOMMU_IOAS_UNMAP, &cmd);

	if (!rc && unmapped)
		*unmapped = cmd.length;
	return rc;
}

static inline int iommu_unmap_all(int fd, uint32_t ioas, uint64_t *unmapped)
{
	return iommu_ioas_unmap(fd, ioas, 0, UINT64_MAX, unmapped);
}

/* @flags may hold IOMMU_FIXED; @dst_iova is read then, and written always. */
static inline int iommu_ioas_copy(int fd, uint32_t dst, uint32_t src,
				  uint64_t src_iova, uint64_t len,
				  uint32_t flags, uint64_t *dst_iova)
{
	struct iommu_ioas_copy cmd = {
		.size = sizeof(cmd),
		.flags = flags,
		.dst_ioas_id = dst,
		.src_ioas_id = src,
		.length = len,
		.dst_iova = flags & IOMMU_FIXED ? *dst_iova : 0,
		.src_iova = src_iova,
	};
	int rc = iommu_cmd(fd, IOMMU_IOAS_COPY, &cmd);

	if (!rc)
		*dst_iova = cmd.dst_iova;
	return rc;
}

static inline int iommu_copy_fixed(int fd, uint32_t dst, uint32_t src,
				   uint64_t src_iova, uint64_t len,
				   uint32_t perm, uint64_t dst_iova)
{
	return iommu_ioas_copy(fd, dst, src, src_iova, len,
			       perm | IOMMU_FIXED, &dst_iova);
}

/*
 * @num: in, the size of @ranges; out (also with -EMSGSIZE), how many there
 * are. @align (may be NULL): the IOVA alignment in bytes.
 */
static inline int iommu_iova_ranges(int fd, uint32_t ioas,
				    struct iommu_iova_range *ranges,
				    uint32_t *num, uint64_t *align)
{
	struct iommu_ioas_iova_ranges cmd = {
		.size = sizeof(cmd),
		.ioas_id = ioas,
		.num_iovas = *num,
		.allowed_iovas = iommu_ptr(ranges),
	};
	int rc = iommu_cmd(fd, IOMMU_IOAS_IOVA_RANGES, &cmd);

	if (!rc || rc == -EMSGSIZE) {
		*num = cmd.num_iovas;
		if (align)
			*align = cmd.out_iova_alignment;
	}
	return rc;
}

static inline int iommu_allow_iovas(int fd, uint32_t ioas,
				    const struct iommu_iova_range *ranges,
				    uint32_t num)
{
	struct iommu_ioas_allow_iovas cmd = {
		.size = sizeof(cmd),
		.ioas_id = ioas,
		.num_iovas = num,
		.allowed_iovas = iommu_ptr(ranges),
	};

	return iommu_cmd(fd, IOMMU_IOAS_ALLOW_IOVAS, &cmd);
}

static inline int iommu_option_set(int fd, uint32_t option, uint32_t object,
				   uint64_t val)
{
	struct iommu_option cmd = {
		.size = sizeof(cmd),
		.option_id = option,
		.op = IOMMU_OPTION_OP_SET,
		.object_id = object,
		.val64 = val,
	};

	return iommu_cmd(fd, IOMMU_OPTION, &cmd);
}

static inline int iommu_option_get(int fd, uint32_t option, uint32_t object,
				   uint64_t *val)
{
	struct iommu_option cmd = {
		.size = sizeof(cmd),
		.option_id = option,
		.op = IOMMU_OPTION_OP_GET,
		.object_id = object,
	};
	int rc = iommu_cmd(fd, IOMMU_OPTION, &cmd);

	if (!rc)
		*val = cmd.val64;
	return rc;
}

static inline int iommu_vfio_ioas(int fd, uint16_t op, uint32_t *ioas)
{
	struct iommu_vfio_ioas cmd = {
		.size = sizeof(cmd),
		.ioas_id = ioas ? *ioas : 0,
		.op = op,
	};
	int rc = iommu_cmd(fd, IOMMU_VFIO_IOAS, &cmd);

	if (!rc && ioas)
		*ioas = cmd.ioas_id;
	return rc;
}

static inline int iommu_vfio_ioas_get(int fd, uint32_t *ioas)
{
	return iommu_vfio_ioas(fd, IOMMU_VFIO_IOAS_GET, ioas);
}

static inline int iommu_vfio_ioas_set(int fd, uint32_t ioas)
{
	return iommu_vfio_ioas(fd, IOMMU_VFIO_IOAS_SET, &ioas);
}

static inline int iommu_vfio_ioas_clear(int fd)
{
	return iommu_vfio_ioas(fd, IOMMU_VFIO_IOAS_CLEAR, NULL);
}

/* A kernel-managed page table of @pt (an IOAS) for @dev. */
static inline int iommu_hwpt_alloc(int fd, uint32_t dev, uint32_t pt,
				   uint32_t flags, uint32_t *hwpt)
{
	struct iommu_hwpt_alloc cmd = {
		.size = sizeof(cmd),
		.flags = flags,
		.dev_id = dev,
		.pt_id = pt,
		.data_type = IOMMU_HWPT_DATA_NONE,
	};
	int rc = iommu_cmd(fd, IOMMU_HWPT_ALLOC, &cmd);

	if (!rc)
		*hwpt = cmd.out_hwpt_id;
	return rc;
}

/* @info: data_len and data_uptr are the caller's; the rest is filled in. */
static inline int iommu_get_hw_info(int fd, uint32_t dev,
				    struct iommu_hw_info *info)
{
	info->size = sizeof(*info);
	info->dev_id = dev;
	return iommu_cmd(fd, IOMMU_GET_HW_INFO, info);
}

static inline int iommu_hwpt_set_dirty(int fd, uint32_t hwpt, bool on)
{
	struct iommu_hwpt_set_dirty_tracking cmd = {
		.size = sizeof(cmd),
		.flags = on ? IOMMU_HWPT_DIRTY_TRACKING_ENABLE : 0,
		.hwpt_id = hwpt,
	};

	return iommu_cmd(fd, IOMMU_HWPT_SET_DIRTY_TRACKING, &cmd);
}

static inline int iommu_hwpt_get_dirty(int fd, uint32_t hwpt, uint32_t flags,
				       uint64_t iova, uint64_t len,
				       uint64_t page_size, uint64_t *bitmap)
{
	struct iommu_hwpt_get_dirty_bitmap cmd = {
		.size = sizeof(cmd),
		.hwpt_id = hwpt,
		.flags = flags,
		.iova = iova,
		.length = len,
		.page_size = page_size,
		.data = iommu_ptr(bitmap),
	};

	return iommu_cmd(fd, IOMMU_HWPT_GET_DIRTY_BITMAP, &cmd);
}

/* @num: in, entries given; out (on failure too), entries handled. */
static inline int iommu_hwpt_invalidate(int fd, uint32_t hwpt,
					const void *data, uint32_t type,
					uint32_t entry_len, uint32_t *num)
{
	struct iommu_hwpt_invalidate cmd = {
		.size = sizeof(cmd),
		.hwpt_id = hwpt,
		.data_uptr = iommu_ptr(data),
		.data_type = type,
		.entry_len = entry_len,
		.entry_num = *num,
	};
	int rc = iommu_cmd(fd, IOMMU_HWPT_INVALIDATE, &cmd);

	*num = cmd.entry_num;
	return rc;
}

static inline int iommu_fault_queue_alloc(int fd, uint32_t *fault, int *fault_fd)
{
	struct iommu_fault_alloc cmd = { .size = sizeof(cmd) };
	int rc = iommu_cmd(fd, IOMMU_FAULT_QUEUE_ALLOC, &cmd);

	if (!rc) {
		*fault = cmd.out_fault_id;
		*fault_fd = cmd.out_fault_fd;
	}
	return rc;
}

static inline int iommu_change_process(int fd)
{
	struct iommu_ioas_change_process cmd = { .size = sizeof(cmd) };

	return iommu_cmd(fd, IOMMU_IOAS_CHANGE_PROCESS, &cmd);
}

/*
 * @done (may be NULL) gets the number of entries that were done, on failure too;
 * UINT32_MAX if the command did not say.
 */
static inline int iommu_batch(int fd, unsigned long how, uint32_t ioas,
			      struct ioasid_batch_entry *entries, uint32_t nr,
			      uint32_t *done)
{
	struct ioasid_batch cmd = {
		.size = sizeof(cmd),
		.ioas_id = ioas,
		.nr = nr,
		.entries = iommu_ptr(entries),
		.out_done = UINT32_MAX,
	};
	int rc = iommu_cmd(fd, how, &cmd);

	if (done)
		*done = cmd.out_done;
	return rc;
}

static inline int iommu_map_batch(int fd, uint32_t ioas,
				  struct ioasid_batch_entry *entries,
				  uint32_t nr, uint32_t *done)
{
	return iommu_batch(fd, IOASID_MAP_BATCH, ioas, entries, nr, done);
}

static inline int iommu_unmap_batch(int fd, uint32_t ioas,
				    struct ioasid_batch_entry *entries,
				    uint32_t nr, uint32_t *done)
{
	return iommu_batch(fd, IOASID_UNMAP_BATCH, ioas, entries, nr, done);
}

/* An IOAS that is nested in @parent. */
static inline int iommu_alloc_nested(int fd, uint32_t parent, uint32_t *child)
{
	struct ioasid_alloc_nested cmd = {
		.size = sizeof(cmd),
		.parent_ioas_id = parent,
	};
	int rc = iommu_cmd(fd, IOASID_ALLOC_NESTED, &cmd);

	if (!rc)
		*child = cmd.out_ioas_id;
	return rc;
}

/* What the module says of an extension: 0 for one that it does not have. */
static inline uint64_t iommu_extension(int fd, uint32_t extension)
{
	struct ioasid_check_extension cmd = {
		.size = sizeof(cmd),
		.extension = extension,
		.out_value = UINT64_MAX,
	};

	return iommu_cmd(fd, IOASID_CHECK_EXTENSION, &cmd) ? 0 : cmd.out_value;
}

/* @len: in, the size of @text; out, what the whole sentence takes. */
static inline int iommu_last_reason(int fd, char *text, uint32_t *len,
				    uint32_t *error)
{
	struct ioasid_last_reason cmd = {
		.size = sizeof(cmd),
		.buffer = iommu_ptr(text),
		.buffer_len = *len,
	};
	int rc = iommu_cmd(fd, IOASID_LAST_REASON, &cmd);

	if (!rc) {
		*len = cmd.buffer_len;
		*error = cmd.out_errno;
	}
	return rc;
}

/* A user-managed page table below @parent, with a fault queue unless that is 0. */
static inline int iommu_hwpt_alloc_user(int fd, uint32_t dev, uint32_t parent,
					uint32_t type, const void *data,
					uint32_t len, uint32_t fault,
					uint32_t *hwpt)
{
	struct iommu_hwpt_alloc cmd = {
		.size = sizeof(cmd),
		.flags = fault ? IOMMU_HWPT_FAULT_ID_VALID : 0,
		.dev_id = dev,
		.pt_id = parent,
		.data_type = type,
		.data_len = len,
		.data_uptr = iommu_ptr(data),
		.fault_id = fault,
	};
	int rc = iommu_cmd(fd, IOMMU_HWPT_ALLOC, &cmd);

	if (!rc)
		*hwpt = cmd.out_hwpt_id;
	return rc;
}

/* A vIOMMU on the nesting parent @hwpt; @len may be 0. */
static inline int iommu_viommu_alloc(int fd, uint32_t dev, uint32_t hwpt,
				     uint32_t type, void *data, uint32_t len,
				     uint32_t *viommu)
{
	struct iommu_viommu_alloc cmd = {
		.size = sizeof(cmd),
		.type = type,
		.dev_id = dev,
		.hwpt_id = hwpt,
		.data_len = len,
		.data_uptr = iommu_ptr(data),
	};
	int rc = iommu_cmd(fd, IOMMU_VIOMMU_ALLOC, &cmd);

	if (!rc)
		*viommu = cmd.out_viommu_id;
	return rc;
}

static inline int iommu_vdevice_alloc(int fd, uint32_t viommu, uint32_t dev,
				      uint64_t virt_id, uint32_t *vdevice)
{
	struct iommu_vdevice_alloc cmd = {
		.size = sizeof(cmd),
		.viommu_id = viommu,
		.dev_id = dev,
		.virt_id = virt_id,
	};
	int rc = iommu_cmd(fd, IOMMU_VDEVICE_ALLOC, &cmd);

	if (!rc)
		*vdevice = cmd.out_vdevice_id;
	return rc;
}

static inline int iommu_hw_queue_alloc(int fd, uint32_t viommu, uint32_t type,
				       uint32_t index, uint64_t iova,
				       uint64_t length, uint32_t *queue)
{
	struct iommu_hw_queue_alloc cmd = {
		.size = sizeof(cmd),
		.viommu_id = viommu,
		.type = type,
		.index = index,
		.nesting_parent_iova = iova,
		.length = length,
	};
	int rc = iommu_cmd(fd, IOMMU_HW_QUEUE_ALLOC, &cmd);

	if (!rc)
		*queue = cmd.out_hw_queue_id;
	return rc;
}

/* @id (may be NULL): the queue's. */
static inline int iommu_veventq_alloc(int fd, uint32_t viommu, uint32_t type,
				      uint32_t depth, uint32_t *id, int *queue)
{
	struct iommu_veventq_alloc cmd = {
		.size = sizeof(cmd),
		.viommu_id = viommu,
		.type = type,
		.veventq_depth = depth,
	};
	int rc = iommu_cmd(fd, IOMMU_VEVENTQ_ALLOC, &cmd);

	if (!rc && id)
		*id = cmd.out_veventq_id;
	if (!rc)
		*queue = cmd.out_veventq_fd;
	return rc;
}

/* A kernel-managed page table of @pt whose page requests go to @fault. */
static inline int iommu_hwpt_alloc_fault(int fd, uint32_t dev, uint32_t pt,
					 uint32_t flags, uint32_t fault,
					 uint32_t *hwpt)
{
	struct iommu_hwpt_alloc cmd = {
		.size = sizeof(cmd),
		.flags = flags | IOMMU_HWPT_FAULT_ID_VALID,
		.dev_id = dev,
		.pt_id = pt,
		.fault_id = fault,
	};
	int rc = iommu_cmd(fd, IOMMU_HWPT_ALLOC, &cmd);

	if (!rc)
		*hwpt = cmd.out_hwpt_id;
	return rc;
}

/* @hw_pasid and @hwpt may be NULL. */
static inline int iommu_pasid_attach_at(int fd, uint32_t dev, uint32_t pasid,
					uint32_t pt, uint32_t *hw_pasid,
					uint32_t *hwpt)
{
	struct ioasid_pasid_attach cmd = {
		.size = sizeof(cmd),
		.dev_id = dev,
		.pasid = pasid,
		.pt_id = pt,
	};
	int rc = iommu_cmd(fd, IOASID_PASID_ATTACH, &cmd);

	if (!rc && hw_pasid)
		*hw_pasid = cmd.out_hw_pasid;
	if (!rc && hwpt)
		*hwpt = cmd.out_hwpt_id;
	return rc;
}

static inline int iommu_pasid_attach(int fd, uint32_t dev, uint32_t pasid,
				     uint32_t pt)
{
	return iommu_pasid_attach_at(fd, dev, pasid, pt, NULL, NULL);
}

static inline int iommu_pasid_detach(int fd, uint32_t dev, uint32_t pasid)
{
	struct ioasid_pasid_detach cmd = {
		.size = sizeof(cmd),
		.dev_id = dev,
		.pasid = pasid,
	};

	return iommu_cmd(fd, IOASID_PASID_DETACH, &cmd);
}

/* @info: members and nr_members are the caller's; the rest is filled in. */
static inline int iommu_device_info(int fd, uint32_t dev,
				    struct ioasid_device_info *info)
{
	info->size = sizeof(*info);
	info->flags = 0;
	info->dev_id = dev;
	return iommu_cmd(fd, IOASID_DEVICE_INFO, info);
}

/* Events of an IOAS, or with 0 of the whole fd. @id (may be NULL): the queue's. */
static inline int iommu_eventq_alloc(int fd, uint32_t ioas, uint32_t depth,
				     uint32_t *id, int *queue)
{
	struct ioasid_eventq_alloc cmd = {
		.size = sizeof(cmd),
		.ioas_id = ioas,
		.depth = depth,
	};
	int rc = iommu_cmd(fd, IOASID_EVENTQ_ALLOC, &cmd);

	if (!rc && id)
		*id = cmd.out_eventq_id;
	if (!rc)
		*queue = cmd.out_fd;
	return rc;
}

/* Does this module know the command at all? Asks with a short structure. */
static inline bool iommu_has_cmd(int fd, unsigned long cmd)
{
	uint32_t size = 0;

	return iommu_cmd(fd, cmd, &size) != -ENOTTY;
}

#endif
