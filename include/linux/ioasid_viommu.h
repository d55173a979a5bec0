/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vIOMMUs, for IOMMU drivers: what <linux/iommufd.h> of Linux 7.x declares, and for 6.12
 * the same. Namespace IOMMUFD.
 *
 * A driver of 7.x has get_viommu_size() and viommu_init() in its struct iommu_ops. In 6.12
 * there is no place for them: it registers them.
 */
#ifndef __LINUX_IOASID_VIOMMU_H
#define __LINUX_IOASID_VIOMMU_H

#include <linux/iommu.h>
#include <linux/iommufd.h>
#include <linux/version.h>
#include <uapi/linux/ioasid.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0)
#include <linux/refcount.h>
#include <linux/rwsem.h>
#include <linux/uaccess.h>
#include <linux/xarray.h>

struct iommufd_hwpt_paging;
struct iommufd_viommu_ops;

enum iommufd_object_type {
	IOMMUFD_OBJ_NONE,
	IOMMUFD_OBJ_VIOMMU,
	IOMMUFD_OBJ_VDEVICE,
	IOMMUFD_OBJ_HW_QUEUE,
};

/**
 * struct iommufd_object - what a driver may know of an object
 * @type: what it is
 * @id: its ID in the context
 */
struct iommufd_object {
	enum iommufd_object_type type;
	unsigned int id;
};

/**
 * struct iommufd_viommu - a vIOMMU; the first member of the driver's structure
 * @obj: as an object
 * @ictx: its context
 * @iommu_dev: the IOMMU
 * @hwpt: the nesting parent
 * @ops: set by viommu_init()
 * @vdevs: its virtual devices, by virtual ID
 * @veventqs: its queues of events
 * @veventqs_rwsem: protects @veventqs
 * @type: its kind
 */
struct iommufd_viommu {
	struct iommufd_object obj;
	struct iommufd_ctx *ictx;
	struct iommu_device *iommu_dev;
	struct iommufd_hwpt_paging *hwpt;
	const struct iommufd_viommu_ops *ops;
	struct xarray vdevs;
	struct list_head veventqs;
	struct rw_semaphore veventqs_rwsem;
	enum iommu_viommu_type type;
};

/**
 * struct iommufd_vdevice - a device as a vIOMMU has it; the first member of the driver's
 * structure, if that has one
 * @obj: as an object
 * @viommu: the vIOMMU
 * @idev: the device, see iommufd_vdevice_to_device()
 * @virt_id: how the guest calls it
 * @destroy: set by vdevice_init() if there is anything to undo
 */
struct iommufd_vdevice {
	struct iommufd_object obj;
	struct iommufd_viommu *viommu;
	struct iommufd_device *idev;
	u64 virt_id;
	void (*destroy)(struct iommufd_vdevice *vdev);
};

/**
 * struct iommufd_hw_queue - a queue in a guest's memory; the first member of the driver's
 * structure
 * @obj: as an object
 * @viommu: the vIOMMU
 * @access: not used
 * @base_addr: where it is, as the guest sees it
 * @length: bytes
 * @type: its kind
 * @destroy: set by hw_queue_init_phys() if there is anything to undo
 */
struct iommufd_hw_queue {
	struct iommufd_object obj;
	struct iommufd_viommu *viommu;
	struct iommufd_access *access;
	u64 base_addr;
	size_t length;
	enum iommu_hw_queue_type type;
	void (*destroy)(struct iommufd_hw_queue *hw_queue);
};

/**
 * struct iommufd_viommu_ops - what a driver does for its vIOMMUs
 * @destroy: undo viommu_init(), before the memory is freed; may be NULL, as all others
 * @alloc_domain_nested: make a nested domain on it; @flags are IOMMU_HWPT_ALLOC_PASID or 0
 * @cache_invalidate: invalidate what the array says, and set its entry_num to the number
 *	of entries that have been handled
 * @vdevice_size: of the driver's structure for a virtual device; 0: it has none
 * @vdevice_init: set up the driver's part of one, which nothing finds yet
 * @get_hw_queue_size: the size of the driver's structure for a queue of a type, which
 *	HW_QUEUE_STRUCT_SIZE() gives; 0: there are none
 * @hw_queue_init_phys: let the IOMMU read a queue, by the physical address of its memory
 */
struct iommufd_viommu_ops {
	void (*destroy)(struct iommufd_viommu *viommu);
	struct iommu_domain *(*alloc_domain_nested)(
		struct iommufd_viommu *viommu, u32 flags,
		const struct iommu_user_data *user_data);
	int (*cache_invalidate)(struct iommufd_viommu *viommu,
				struct iommu_user_data_array *array);
	const size_t vdevice_size;
	int (*vdevice_init)(struct iommufd_vdevice *vdev);
	size_t (*get_hw_queue_size)(struct iommufd_viommu *viommu,
				    enum iommu_hw_queue_type queue_type);
	int (*hw_queue_init_phys)(struct iommufd_hw_queue *hw_queue, u32 index,
				  phys_addr_t base_addr_pa);
};

int _iommufd_object_depend(struct iommufd_object *obj_dependent,
			   struct iommufd_object *obj_depended);
void _iommufd_object_undepend(struct iommufd_object *obj_dependent,
			      struct iommufd_object *obj_depended);
int _iommufd_alloc_mmap(struct iommufd_ctx *ictx, struct iommufd_object *owner,
			phys_addr_t mmio_addr, size_t length,
			unsigned long *offset);
void _iommufd_destroy_mmap(struct iommufd_ctx *ictx,
			   struct iommufd_object *owner, unsigned long offset);

struct device *iommufd_vdevice_to_device(struct iommufd_vdevice *vdev);
struct device *iommufd_viommu_find_dev(struct iommufd_viommu *viommu,
				       unsigned long vdev_id);
int iommufd_viommu_get_vdev_id(struct iommufd_viommu *viommu,
			       struct device *dev, unsigned long *vdev_id);
int iommufd_viommu_report_event(struct iommufd_viommu *viommu,
				enum iommu_veventq_type type, void *event_data,
				size_t data_len);

#define DRIVER_STRUCT_SIZE(core, drv_struct, member)			\
	(sizeof(drv_struct) +						\
	 BUILD_BUG_ON_ZERO(offsetof(drv_struct, member)) +		\
	 BUILD_BUG_ON_ZERO(!__same_type(core,				\
					((drv_struct *)NULL)->member)))
#define VIOMMU_STRUCT_SIZE(drv_struct, member) \
	DRIVER_STRUCT_SIZE(struct iommufd_viommu, drv_struct, member)
#define VDEVICE_STRUCT_SIZE(drv_struct, member) \
	DRIVER_STRUCT_SIZE(struct iommufd_vdevice, drv_struct, member)
#define HW_QUEUE_STRUCT_SIZE(drv_struct, member) \
	DRIVER_STRUCT_SIZE(struct iommufd_hw_queue, drv_struct, member)

/* Of two queues of a vIOMMU, which are members of the driver's structures. */
#define iommufd_hw_queue_depend(dependent, depended, member)		\
	(WARN_ON_ONCE((dependent)->member.viommu !=			\
		      (depended)->member.viommu) ? -EINVAL :		\
	 _iommufd_object_depend(&(dependent)->member.obj,		\
				&(depended)->member.obj))
#define iommufd_hw_queue_undepend(dependent, depended, member)		\
	_iommufd_object_undepend(&(dependent)->member.obj,		\
				 &(depended)->member.obj)

static inline int iommufd_viommu_alloc_mmap(struct iommufd_viommu *viommu,
					    phys_addr_t mmio_addr,
					    size_t length,
					    unsigned long *offset)
{
	return _iommufd_alloc_mmap(viommu->ictx, &viommu->obj, mmio_addr,
				   length, offset);
}

static inline void iommufd_viommu_destroy_mmap(struct iommufd_viommu *viommu,
					       unsigned long offset)
{
	_iommufd_destroy_mmap(viommu->ictx, &viommu->obj, offset);
}

/* The answer to user data, whose first version ends with @min_last. */
#define iommu_copy_struct_to_user(user_data, ksrc, data_type, min_last)	\
	copy_answer(user_data, ksrc, data_type, sizeof(*(ksrc)),	\
		    offsetofend(typeof(*(ksrc)), min_last))

static inline int copy_answer(const struct iommu_user_data *to,
			      const void *from, u32 type, size_t length,
			      size_t min_length)
{
	if (to->type != type || to->len < min_length || to->len > length)
		return -EINVAL;
	return copy_to_user(to->uptr, from, to->len) ? -EFAULT : 0;
}

/**
 * struct ioasid_viommu_driver - what a driver of 7.x has in its struct iommu_ops
 * @get_viommu_size: the size of the driver's structure for a vIOMMU of a type, which
 *	VIOMMU_STRUCT_SIZE() gives; 0: there are none for the device
 * @viommu_init: set up the driver's part, and viommu->ops
 */
struct ioasid_viommu_driver {
	size_t (*get_viommu_size)(struct device *dev,
				  enum iommu_viommu_type viommu_type);
	int (*viommu_init)(struct iommufd_viommu *viommu,
			   struct iommu_domain *parent_domain,
			   const struct iommu_user_data *user_data);
};

int ioasid_register_viommu(const struct iommu_ops *ops,
			   const struct ioasid_viommu_driver *driver);
void ioasid_unregister_viommu(const struct iommu_ops *ops);
#endif

#endif
