// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the simulator (selftests/iosim) asks of our iommufd and the in-tree one does not
 * have, so that the benchmark can measure both with the same IOMMU: nothing happens, or
 * there is no such thing. Nothing of the in-tree iommufd calls this.
 */
#include <linux/errno.h>
#include <linux/export.h>
#include <linux/ioasid.h>
#include <linux/ioasid_kernel.h>
#include <linux/ioasid_viommu.h>

/* It asks the operations of a domain whether they track dirty pages. */
int ioasid_register_iommu(const struct iommu_ops *ops, unsigned int features)
{
	return 0;
}
EXPORT_SYMBOL_NS_GPL(ioasid_register_iommu, "IOMMUFD");

void ioasid_unregister_iommu(const struct iommu_ops *ops)
{
}
EXPORT_SYMBOL_NS_GPL(ioasid_unregister_iommu, "IOMMUFD");

/* Sub-devices cannot be bound, so nobody has one to ask about. */
struct iommufd_device *ioasid_bind_subdevice(struct iommufd_ctx *ctx,
					     struct device *parent,
					     struct device *dev,
					     enum ioasid_pasid_space space,
					     u32 *id)
{
	return ERR_PTR(-EOPNOTSUPP);
}
EXPORT_SYMBOL_NS_GPL(ioasid_bind_subdevice, "IOMMUFD");

u32 ioasid_own_pasid(struct iommufd_device *idev)
{
	return IOMMU_PASID_INVALID;
}
EXPORT_SYMBOL_NS_GPL(ioasid_own_pasid, "IOMMUFD");

int ioasid_find_pasid(struct iommufd_device *idev, u32 pasid, u32 *hw_pasid)
{
	return -ENOENT;
}
EXPORT_SYMBOL_NS_GPL(ioasid_find_pasid, "IOMMUFD");

/* Linux 7 has vIOMMUs itself. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0)
int ioasid_register_viommu(const struct iommu_ops *ops,
			   const struct ioasid_viommu_driver *driver)
{
	return 0;
}
EXPORT_SYMBOL_NS_GPL(ioasid_register_viommu, "IOMMUFD");

void ioasid_unregister_viommu(const struct iommu_ops *ops)
{
}
EXPORT_SYMBOL_NS_GPL(ioasid_unregister_viommu, "IOMMUFD");

int _iommufd_object_depend(struct iommufd_object *obj_dependent,
			   struct iommufd_object *obj_depended)
{
	return -EOPNOTSUPP;
}
EXPORT_SYMBOL_NS_GPL(_iommufd_object_depend, "IOMMUFD");

void _iommufd_object_undepend(struct iommufd_object *obj_dependent,
			      struct iommufd_object *obj_depended)
{
}
EXPORT_SYMBOL_NS_GPL(_iommufd_object_undepend, "IOMMUFD");

int _iommufd_alloc_mmap(struct iommufd_ctx *ictx, struct iommufd_object *owner,
			phys_addr_t mmio_addr, size_t length,
			unsigned long *offset)
{
	return -EOPNOTSUPP;
}
EXPORT_SYMBOL_NS_GPL(_iommufd_alloc_mmap, "IOMMUFD");

void _iommufd_destroy_mmap(struct iommufd_ctx *ictx,
			   struct iommufd_object *owner, unsigned long offset)
{
}
EXPORT_SYMBOL_NS_GPL(_iommufd_destroy_mmap, "IOMMUFD");

struct device *iommufd_vdevice_to_device(struct iommufd_vdevice *vdev)
{
	return NULL;
}
EXPORT_SYMBOL_NS_GPL(iommufd_vdevice_to_device, "IOMMUFD");

struct device *iommufd_viommu_find_dev(struct iommufd_viommu *viommu,
				       unsigned long vdev_id)
{
	return NULL;
}
EXPORT_SYMBOL_NS_GPL(iommufd_viommu_find_dev, "IOMMUFD");

int iommufd_viommu_get_vdev_id(struct iommufd_viommu *viommu,
			       struct device *dev, unsigned long *vdev_id)
{
	return -ENOENT;
}
EXPORT_SYMBOL_NS_GPL(iommufd_viommu_get_vdev_id, "IOMMUFD");

int iommufd_viommu_report_event(struct iommufd_viommu *viommu,
				enum iommu_veventq_type type, void *event_data,
				size_t data_len)
{
	return -EOPNOTSUPP;
}
EXPORT_SYMBOL_NS_GPL(iommufd_viommu_report_event, "IOMMUFD");
#endif
