// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory of IOMMUs that users can map: a page of registers that belongs to a vIOMMU.
 *
 * An IOMMU driver announces a region and gets an offset, which it tells the user, who
 * calls mmap() on /dev/iommu with exactly that offset and length. Each mapping holds a
 * reference on the vIOMMU, so that neither it nor the region goes before. Offsets are
 * those of one context, and are not used again: what is left over of a vIOMMU that has
 * gone never leads into another one.
 */
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/slab.h>

#include "context/context.h"
#include "domain/region.h"
#include "domain/viommu.h"

/**
 * struct region - memory of an IOMMU
 * @link: in ctx->regions
 * @owner: the vIOMMU, which outlives it
 * @offset: by which it is mapped
 * @length: bytes
 * @address: where it is
 */
struct region {
	struct list_head link;
	struct object *owner;
	unsigned long offset;
	unsigned long length;
	phys_addr_t address;
};

static struct region *find(struct iommufd_ctx *ctx, unsigned long offset)
{
	struct region *region;

	lockdep_assert_held(&ctx->region_lock);
	list_for_each_entry(region, &ctx->regions, link)
		if (region->offset == offset)
			return region;
	return NULL;
}

/*
 * For IOMMU drivers -----------------------------------------------------------
 */

static int add(struct iommufd_ctx *ctx, struct region *region)
{
	unsigned long end;
	int rc = -ENOSPC;

	spin_lock(&ctx->region_lock);
	if (!check_add_overflow(ctx->next_region, region->length, &end)) {
		region->offset = ctx->next_region;
		ctx->next_region = end;
		list_add_tail(&region->link, &ctx->regions);
		rc = 0;
	}
	spin_unlock(&ctx->region_lock);
	return rc;
}

/**
 * _iommufd_alloc_mmap - let users map memory of an IOMMU
 * @ictx: the context
 * @owner: a vIOMMU, which keeps the memory: iommufd_viommu_alloc_mmap()
 * @mmio_addr: where it is
 * @length: bytes, whole pages
 * @offset: set to that of mmap()
 *
 * Return: 0, -EINVAL (not of whole pages, or for something else than a vIOMMU), -ENOSPC,
 * -ENOMEM.
 */
int _iommufd_alloc_mmap(struct iommufd_ctx *ictx, struct iommufd_object *owner,
			phys_addr_t mmio_addr, size_t length,
			unsigned long *offset)
{
	struct region *region;
	int rc;

	if (owner->type != IOMMUFD_OBJ_VIOMMU || !length ||
	    !PAGE_ALIGNED(mmio_addr) || !PAGE_ALIGNED(length))
		return -EINVAL;
	region = kzalloc(sizeof(*region), GFP_KERNEL_ACCOUNT);
	if (!region)
		return -ENOMEM;
	region->owner = &container_of(owner, struct viommu, core.obj)->obj;
	region->length = length;
	region->address = mmio_addr;
	rc = add(ictx, region);
	if (rc)
		kfree(region);
	else
		*offset = region->offset;
	return rc;
}
EXPORT_SYMBOL_NS_GPL(_iommufd_alloc_mmap, "IOMMUFD");

/**
 * _iommufd_destroy_mmap - the opposite of _iommufd_alloc_mmap()
 * @ictx: the context
 * @owner: the vIOMMU, which is being destroyed: nobody has it mapped
 * @offset: what that has set
 */
void _iommufd_destroy_mmap(struct iommufd_ctx *ictx,
			   struct iommufd_object *owner, unsigned long offset)
{
	struct region *region;

	spin_lock(&ictx->region_lock);
	region = find(ictx, offset);
	if (!WARN_ON_ONCE(!region))
		list_del(&region->link);
	spin_unlock(&ictx->region_lock);
	kfree(region);
}
EXPORT_SYMBOL_NS_GPL(_iommufd_destroy_mmap, "IOMMUFD");

/*
 * For users -------------------------------------------------------------------
 */

static struct object *owner_of(const struct vm_area_struct *vma)
{
	const struct region *region = vma->vm_private_data;

	return region->owner;
}

static void region_open(struct vm_area_struct *vma)
{
	object_hold(owner_of(vma));
}

static void region_close(struct vm_area_struct *vma)
{
	/* The file keeps the context. */
	object_put(vma->vm_file->private_data, owner_of(vma));
}

static const struct vm_operations_struct region_ops = {
	.open = region_open,
	.close = region_close,
};

/* The region at an offset, and its owner's ID; the owner may go at any time. */
static struct region *look(struct iommufd_ctx *ctx, unsigned long offset,
			   unsigned long length, u32 *id)
{
	struct region *region;

	spin_lock(&ctx->region_lock);
	region = find(ctx, offset);
	if (region && region->length != length)
		region = NULL;
	if (region)
		*id = region->owner->id;
	spin_unlock(&ctx->region_lock);
	return region;
}

/*
 * The region, with a reference on its owner, or NULL. Only one that has been published: a
 * vIOMMU that is still being made may yet fail, and go.
 */
static struct region *region_get(struct iommufd_ctx *ctx, unsigned long offset,
				 unsigned long length)
{
	struct object *owner;
	struct region *region;
	u32 id;

	if (!look(ctx, offset, length, &id))
		return NULL;
	owner = iommufd_object_get(ctx, id, OBJECT_VIOMMU);
	if (!owner)
		return NULL;
	/* Offsets are not used again: it is there, or has gone with another owner. */
	region = look(ctx, offset, length, &id);
	if (region && region->owner == owner)
		return region;
	object_put(ctx, owner);
	return NULL;
}

/**
 * iommufd_region_mmap - mmap() of /dev/iommu
 * @ctx: the context
 * @vma: what is to be mapped, whole and shared
 *
 * Return: 0, -EINVAL (a private mapping), -EPERM (to execute), -ENXIO (no region of that
 * offset and length), -ENOMEM.
 */
int iommufd_region_mmap(struct iommufd_ctx *ctx, struct vm_area_struct *vma)
{
	unsigned long length = vma->vm_end - vma->vm_start;
	struct region *region;
	int rc;

	if (!(vma->vm_flags & VM_SHARED))
		return -EINVAL;
	if (vma->vm_flags & VM_EXEC)
		return -EPERM;
	if (vma->vm_pgoff > ULONG_MAX >> PAGE_SHIFT)
		return -ENXIO;
	region = region_get(ctx, vma->vm_pgoff << PAGE_SHIFT, length);
	if (!region)
		return -ENXIO;
	vm_flags_clear(vma, VM_MAYEXEC);
	/* Registers are; memory that a driver has in their place is not. */
	if (!pfn_valid(PHYS_PFN(region->address)))
		vma->vm_page_prot = pgprot_noncached(vma->vm_page_prot);
	rc = io_remap_pfn_range(vma, vma->vm_start, PHYS_PFN(region->address),
				length, vma->vm_page_prot);
	if (rc) {
		object_put(ctx, region->owner);
		return rc;
	}
	vma->vm_private_data = region;
	vma->vm_ops = &region_ops;
	return 0;
}
