// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ioctls of the legacy VFIO container, on /dev/iommu.
 *
 * The container has one address space and no IDs, so the context has one IOAS
 * that these ioctls mean: the one that VFIO made when the first group was
 * attached, or that the user has chosen (VFIO_IOAS). Its memory is charged as
 * VFIO type1 charges it, to the process.
 *
 * Dirty pages are logged as type1 does it for devices behind an IOMMU: there is
 * no way to know what a device has written, so everything mapped is dirty.
 */
#include <linux/capability.h>
#include <linux/iommu.h>
#include <linux/iommufd.h>
#include <linux/module.h>
#include <linux/overflow.h>
#include <linux/slab.h>
#include <linux/vfio.h>
#include <uapi/linux/iommufd.h>
#include <uapi/linux/vfio.h>

#include "command/command.h"
#include "command/vfio_compat.h"
#include "context/reason.h"
#include "device/container.h"
#include "device/outlook.h"
#include "domain/hwpt.h"
#include "memory/pin.h"
#include "report/notice.h"
#include "space/area.h"
#include "space/chain.h"
#include "space/map.h"
#include "space/ranges.h"
#include "space/table.h"
#include "space/unmap.h"

/* As type1: a bitmap has fewer than 2^31 bits. */
#define DIRTY_PAGES_MAX		((u64)INT_MAX)
#define DIRTY_BYTES(npages)	(ALIGN(npages, BITS_PER_TYPE(u64)) / BITS_PER_BYTE)

static int refuse_header(struct iommufd_ctx *ctx, u32 argsz, size_t minsz,
			 u32 flags)
{
	if (argsz < minsz)
		return iommufd_reason_note(ctx, -EINVAL,
					   "argsz is %u, the structure has at least %zu bytes",
					   argsz, minsz);
	return iommufd_reason_note(ctx, -EINVAL,
				   "flags %#x have one that is not known, or that excludes another",
				   flags);
}

/* As with type1 it is -EINVAL if a range reaches beyond the end of 64 bits. */
static int refuse_wrap(struct iommufd_ctx *ctx, unsigned long iova,
		       unsigned long size)
{
	unsigned long last;

	if (size && check_add_overflow(iova, size - 1, &last))
		return iommufd_reason_note(ctx, -EINVAL,
					   "%#lx bytes from IOVA %#lx on reach beyond 64 bits",
					   size, iova);
	return 0;
}

/* The same for the addresses of the memory. */
static int refuse_wrap_of_source(struct iommufd_ctx *ctx, unsigned long vaddr,
				 unsigned long size)
{
	unsigned long last;

	if (size && check_add_overflow(vaddr, size - 1, &last))
		return iommufd_reason_note_secret(ctx, -EINVAL,
						  "%#lx bytes from address %#lx on reach beyond 64 bits",
						  size, vaddr);
	return 0;
}

static long vfio_map_dma(struct iommufd_ctx *ctx, struct ioas *ioas,
			 unsigned long arg)
{
	const size_t minsz = offsetofend(struct vfio_iommu_type1_dma_map, size);
	void __user *user = (void __user *)arg;
	struct vfio_iommu_type1_dma_map map;
	u32 flags = IOMMU_IOAS_MAP_FIXED_IOVA;
	int rc;

	if (copy_from_user(&map, user, minsz))
		return -EFAULT;
	if (map.argsz < minsz || map.flags & ~(VFIO_DMA_MAP_FLAG_READ |
					       VFIO_DMA_MAP_FLAG_WRITE))
		return refuse_header(ctx, map.argsz, minsz, map.flags);
	if (map.flags & VFIO_DMA_MAP_FLAG_READ)
		flags |= IOMMU_IOAS_MAP_READABLE;
	if (map.flags & VFIO_DMA_MAP_FLAG_WRITE)
		flags |= IOMMU_IOAS_MAP_WRITEABLE;
	if (flags == IOMMU_IOAS_MAP_FIXED_IOVA)
		return iommufd_reason_note(ctx, -EINVAL,
					   "a mapping permits reading, writing or both: neither was asked for");
	if (IS_ERR(ioas))
		return iommufd_container_explain(ctx, ioas);
	if (!PAGE_ALIGNED(map.iova | map.vaddr | map.size))
		return iommufd_reason_note_secret(ctx, -EINVAL,
						  "IOVA %#llx, address %#llx and size %#llx are not all multiples of %lu",
						  map.iova, map.vaddr, map.size,
						  PAGE_SIZE);
	rc = refuse_wrap(ctx, map.iova, map.size) ?:
		     refuse_wrap_of_source(ctx, map.vaddr, map.size);
	if (rc)
		return rc;

	return iommufd_ioas_map_source(ioas, map.vaddr, map.size, flags, true,
				       map.iova, NULL);
}

/* Set @n bits in the user's bitmap, from bit @first on. */
static int set_user_bits(u64 __user *bitmap, unsigned long first,
			 unsigned long n)
{
	while (n) {
		unsigned int bit = first % 64;
		unsigned int bits = min(n, 64UL - bit);
		u64 mask = GENMASK_ULL(bit + bits - 1, bit), old = 0;

		if (bits < 64 && get_user(old, &bitmap[first / 64]))
			return -EFAULT;
		if (put_user(old | mask, &bitmap[first / 64]))
			return -EFAULT;
		first += bits;
		n -= bits;
	}
	return 0;
}

/*
 * Everything mapped in the range is dirty. The range must not cut a mapping.
 * The bitmap is user memory, so the tree lock is not held while it is written.
 */
static int report_dirty(struct ioas *ioas, unsigned long iova,
			unsigned long size, u64 __user *bitmap)
{
	unsigned long last = iova + size - 1, from = iova;
	int rc = refuse_wrap(ioas->ctx, iova, size);

	while (!rc) {
		struct area *area;
		unsigned long start = 0, end = 0;

		mutex_lock(&ioas->tree_lock);
		area = iommufd_area_first(&ioas->areas, from, last);
		if (area) {
			start = area->iova;
			end = area->last;
		}
		mutex_unlock(&ioas->tree_lock);
		if (!area)
			break;
		if (start < from || end > last)
			return iommufd_reason_note(ioas->ctx, -EINVAL,
						   "the range %#lx-%#lx cuts the mapping %#lx-%#lx",
						   iova, last, start, end);
		rc = set_user_bits(bitmap, (start - iova) >> PAGE_SHIFT,
				   (end - start + 1) >> PAGE_SHIFT);
		if (end == last)
			break;
		from = end + 1;
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	return rc;
}

/*
 * As type1: the log must be on, for the smallest pages, with enough room but not
 * too much.
 */
static int check_bitmap(struct ioas *ioas, const struct vfio_bitmap *bitmap,
			u64 iova, u64 size)
{
	u64 npages = size >> PAGE_SHIFT;

	if (!READ_ONCE(ioas->dirty_log))
		return iommufd_reason_note(ioas->ctx, -EINVAL,
					   "the log of dirty pages has not been started");
	if (bitmap->pgsize != PAGE_SIZE || !size || !PAGE_ALIGNED(iova | size))
		return iommufd_reason_note(ioas->ctx, -EINVAL,
					   "a bit is for %lu bytes: not for pgsize %llu, or IOVA %#llx and size %#llx are no multiples",
					   PAGE_SIZE, bitmap->pgsize, iova,
					   size);
	if (npages > DIRTY_PAGES_MAX || bitmap->size < DIRTY_BYTES(npages) ||
	    bitmap->size > DIRTY_BYTES(DIRTY_PAGES_MAX))
		return iommufd_reason_note(ioas->ctx, -EINVAL,
					   "the bitmap has %llu bytes: %llu pages take %llu, and no more than %llu are possible",
					   bitmap->size, npages,
					   DIRTY_BYTES(npages),
					   DIRTY_BYTES(DIRTY_PAGES_MAX));
	return 0;
}

static int check_unmap(struct iommufd_ctx *ctx,
		       const struct vfio_iommu_type1_dma_unmap *unmap)
{
	if (unmap->flags & VFIO_DMA_UNMAP_FLAG_ALL) {
		if (unmap->flags != VFIO_DMA_UNMAP_FLAG_ALL)
			return refuse_header(ctx, unmap->argsz, 0,
					     unmap->flags);
		if (unmap->iova || unmap->size)
			return iommufd_reason_note(ctx, -EINVAL,
						   "everything is to be unmapped: IOVA %#llx and size %#llx have to be 0",
						   unmap->iova, unmap->size);
		return 0;
	}
	if (!unmap->size || !PAGE_ALIGNED(unmap->iova | unmap->size))
		return iommufd_reason_note(ctx, -EINVAL,
					   "size %#llx is 0, or it or IOVA %#llx is no multiple of %lu",
					   unmap->size, unmap->iova, PAGE_SIZE);
	return refuse_wrap(ctx, unmap->iova, unmap->size);
}

/* Fill the bitmap behind the structure, before the range is unmapped. */
static int report_unmapped(struct ioas *ioas,
			   const struct vfio_iommu_type1_dma_unmap *unmap,
			   const struct vfio_bitmap __user *user)
{
	struct vfio_bitmap bitmap;
	int rc;

	if (unmap->argsz < sizeof(*unmap) + sizeof(bitmap))
		return refuse_header(ioas->ctx, unmap->argsz,
				     sizeof(*unmap) + sizeof(bitmap), 0);
	if (copy_from_user(&bitmap, user, sizeof(bitmap)))
		return -EFAULT;
	rc = check_bitmap(ioas, &bitmap, unmap->iova, unmap->size);
	return rc ?: report_dirty(ioas, unmap->iova, unmap->size,
				  (u64 __user *)bitmap.data);
}

static long vfio_unmap_dma(struct iommufd_ctx *ctx, struct ioas *ioas,
			   unsigned long arg)
{
	const size_t minsz = offsetofend(struct vfio_iommu_type1_dma_unmap,
					 size);
	struct vfio_iommu_type1_dma_unmap __user *user = (void __user *)arg;
	struct vfio_iommu_type1_dma_unmap unmap;
	u64 unmapped = 0;
	int rc;

	if (copy_from_user(&unmap, user, minsz))
		return -EFAULT;
	if (unmap.argsz < minsz ||
	    unmap.flags & ~(VFIO_DMA_UNMAP_FLAG_ALL |
			    VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP))
		return refuse_header(ctx, unmap.argsz, minsz, unmap.flags);
	if (IS_ERR(ioas))
		return iommufd_container_explain(ctx, ioas);
	rc = check_unmap(ctx, &unmap);
	if (!rc && unmap.flags & VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP)
		rc = report_unmapped(ioas, &unmap, (void __user *)(user + 1));
	if (rc)
		return rc;
	if (unmap.flags & VFIO_DMA_UNMAP_FLAG_ALL) {
		rc = iommufd_ioas_unmap_all(ioas, &unmapped);
	} else {
		/* Type 1 (not v2) may unmap a part of what was mapped. */
		if (READ_ONCE(ioas->small_pages))
			rc = iommufd_ioas_cut(ioas, unmap.iova,
					      unmap.iova + unmap.size - 1);
		if (!rc)
			rc = iommufd_ioas_unmap(ioas, unmap.iova, unmap.size,
						&unmapped);
	}
	/* As with type1, a call that fails reports nothing. */
	if (!rc && put_user(unmapped, &user->size))
		rc = -EFAULT;
	return rc;
}

static long vfio_dirty_pages(struct iommufd_ctx *ctx, struct ioas *ioas,
			     unsigned long arg)
{
	const size_t minsz = offsetofend(struct vfio_iommu_type1_dirty_bitmap,
					 flags);
	struct vfio_iommu_type1_dirty_bitmap_get get;
	struct vfio_iommu_type1_dirty_bitmap dirty;
	void __user *user = (void __user *)arg;
	int rc;

	if (copy_from_user(&dirty, user, minsz))
		return -EFAULT;
	if (dirty.argsz < minsz)
		return refuse_header(ctx, dirty.argsz, minsz, dirty.flags);
	if (IS_ERR(ioas))
		return iommufd_container_explain(ctx, ioas);
	switch (dirty.flags) {
	case VFIO_IOMMU_DIRTY_PAGES_FLAG_START:
		WRITE_ONCE(ioas->dirty_log, true);
		return 0;
	case VFIO_IOMMU_DIRTY_PAGES_FLAG_STOP:
		WRITE_ONCE(ioas->dirty_log, false);
		return 0;
	case VFIO_IOMMU_DIRTY_PAGES_FLAG_GET_BITMAP:
		break;
	default:
		return refuse_header(ctx, dirty.argsz, 0, dirty.flags);
	}
	if (dirty.argsz < minsz + sizeof(get))
		return refuse_header(ctx, dirty.argsz, minsz + sizeof(get), 0);
	if (copy_from_user(&get, user + minsz, sizeof(get)))
		return -EFAULT;
	rc = check_bitmap(ioas, &get.bitmap, get.iova, get.size);
	return rc ?: report_dirty(ioas, get.iova, get.size,
				  (u64 __user *)get.bitmap.data);
}

/* Does no page table of the IOAS let DMA bypass the caches? */
static int all_coherent(struct ioas *ioas)
{
	struct ioas_table *table;
	int rc = 1;

	down_read(ioas_lock(ioas));
	list_for_each_entry(table, &ioas->tables, link)
		if (!container_of(table, struct hwpt, table)->coherent)
			rc = 0;
	up_read(ioas_lock(ioas));
	return rc;
}

static long vfio_get_api_version(struct iommufd_ctx *ctx, struct ioas *ioas,
				 unsigned long arg)
{
	return VFIO_API_VERSION;
}

static long vfio_check_extension(struct iommufd_ctx *ctx, struct ioas *ioas,
				 unsigned long arg)
{
	switch (arg) {
	case VFIO_TYPE1_IOMMU:
	case VFIO_TYPE1v2_IOMMU:
	case VFIO_UNMAP_ALL:
		return !READ_ONCE(ctx->container.no_iommu);
	case VFIO_NOIOMMU_IOMMU:
		return IS_ENABLED(CONFIG_VFIO_NOIOMMU);
	case VFIO_DMA_CC_IOMMU:
		return IS_ERR(ioas) ? iommufd_container_explain(ctx, ioas) :
				      all_coherent(ioas);
	default:
		return 0;
	}
}

static int set_type(struct iommufd_ctx *ctx, struct ioas *ioas,
		    unsigned long type)
{
	struct container *container = &ctx->container;
	int rc = 0;

	if (READ_ONCE(container->made) && READ_ONCE(container->set))
		return iommufd_reason_note(ctx, -EINVAL,
					   "VFIO_SET_IOMMU has been called already");
	/* The old type may unmap anywhere, so there must be no large entries. */
	if (type == VFIO_TYPE1_IOMMU)
		rc = iommufd_ioas_set_small_pages(ioas, true);
	if (!rc)
		WRITE_ONCE(container->set, true);
	return rc;
}

static long vfio_set_iommu(struct iommufd_ctx *ctx, struct ioas *ioas,
			   unsigned long type)
{
	bool no_iommu = READ_ONCE(ctx->container.no_iommu);

	if (type == VFIO_NOIOMMU_IOMMU && no_iommu)
		return capable(CAP_SYS_RAWIO) ? 0 : -EPERM;
	if (no_iommu)
		return iommufd_reason_note(ctx, -EINVAL,
					   "the container has a group without an IOMMU");
	if (type != VFIO_TYPE1_IOMMU && type != VFIO_TYPE1v2_IOMMU)
		return iommufd_reason_note(ctx, -EINVAL,
					   "type %lu is neither VFIO_TYPE1_IOMMU nor VFIO_TYPE1v2_IOMMU",
					   type);
	if (IS_ERR(ioas))
		return iommufd_container_explain(ctx, ioas);
	return set_type(ctx, ioas, type);
}

static u64 page_sizes(struct ioas *ioas)
{
	unsigned long sizes = ULONG_MAX;
	struct ioas_table *table;

	down_read(ioas_lock(ioas));
	list_for_each_entry(table, &ioas->tables, link)
		sizes &= table->paging.domain->pgsize_bitmap;
	up_read(ioas_lock(ioas));
	/* Type1 reports the CPU's page size where the IOMMU has smaller ones. */
	if (sizes & ~PAGE_MASK)
		sizes = (sizes & PAGE_MASK) | PAGE_SIZE;
	return sizes;
}

/**
 * struct info_caps - the capabilities behind struct vfio_iommu_type1_info
 * @avail: how many more mappings are possible: no limit
 * @pad: 0
 * @migration: dirty pages can be logged
 * @ranges: the IOVAs that can be used, and their number of entries
 */
struct info_caps {
	struct vfio_iommu_type1_info_dma_avail avail;
	u32 pad;
	struct vfio_iommu_type1_info_cap_migration migration;
	struct vfio_iommu_type1_info_cap_iova_range ranges;
};

static unsigned int fill_iova_ranges(struct ioas *ioas,
				     struct rb_root_cached *reserved,
				     struct vfio_iova_range *out,
				     unsigned int room)
{
	unsigned long start, last, from = 0;
	unsigned int n = 0;

	mutex_lock(&ioas->tree_lock);
	while (iommufd_ranges_hole(reserved, from, ULONG_MAX, &start, &last)) {
		if (n < room) {
			out[n].start = start;
			out[n].end = last;
		}
		n++;
		if (last == ULONG_MAX)
			break;
		from = last + 1;
	}
	mutex_unlock(&ioas->tree_lock);
	return n;
}

static struct info_caps *make_caps(struct ioas *ioas,
				   struct rb_root_cached *reserved,
				   size_t *size)
{
	const size_t base = sizeof(struct vfio_iommu_type1_info);
	struct info_caps *caps;
	unsigned int n, room = fill_iova_ranges(ioas, reserved, NULL, 0);

	for (;;) {
		*size = struct_size(caps, ranges.iova_ranges, room);
		caps = kvzalloc(*size, GFP_KERNEL_ACCOUNT);
		if (!caps)
			return NULL;
		n = fill_iova_ranges(ioas, reserved, caps->ranges.iova_ranges,
				     room);
		if (n <= room)
			break;
		/* A device has been attached meanwhile. */
		kvfree(caps);
		room = n;
	}
	*size -= (room - n) * sizeof(struct vfio_iova_range);

	caps->avail.header.id = VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL;
	caps->avail.header.version = 1;
	caps->avail.header.next = base + offsetof(struct info_caps, migration);
	caps->avail.avail = U32_MAX;
	caps->migration.header.id = VFIO_IOMMU_TYPE1_INFO_CAP_MIGRATION;
	caps->migration.header.version = 1;
	caps->migration.header.next = base + offsetof(struct info_caps, ranges);
	caps->migration.pgsize_bitmap = PAGE_SIZE;
	caps->migration.max_dirty_bitmap_size = DIRTY_BYTES(DIRTY_PAGES_MAX);
	caps->ranges.header.id = VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE;
	caps->ranges.header.version = 1;
	caps->ranges.nr_iovas = n;
	return caps;
}

/* Without a device so far, go by those that may come. NULL: no memory. */
static struct info_caps *get_caps(struct ioas *ioas, size_t *size)
{
	struct rb_root_cached ahead = RB_ROOT_CACHED;
	struct info_caps *caps = NULL;
	bool none;

	down_read(ioas_lock(ioas));
	none = list_empty(&ioas->tables);
	up_read(ioas_lock(ioas));
	if (!none)
		return make_caps(ioas, &ioas->reserved, size);
	if (!iommufd_outlook(&ahead))
		caps = make_caps(ioas, &ahead, size);
	iommufd_ranges_clear(&ahead);
	return caps;
}

static long vfio_get_info(struct iommufd_ctx *ctx, struct ioas *ioas,
			  unsigned long arg)
{
	const size_t minsz = offsetofend(struct vfio_iommu_type1_info,
					 iova_pgsizes);
	struct vfio_iommu_type1_info info = {};
	void __user *user = (void __user *)arg;
	struct info_caps *caps;
	size_t size, room;
	int rc = 0;

	if (copy_from_user(&info, user, minsz))
		return -EFAULT;
	if (info.argsz < minsz)
		return refuse_header(ctx, info.argsz, minsz, info.flags);
	if (IS_ERR(ioas))
		return iommufd_container_explain(ctx, ioas);
	caps = get_caps(ioas, &size);
	if (!caps)
		return -ENOMEM;

	room = info.argsz;
	info.argsz = sizeof(info) + size;
	info.flags = VFIO_IOMMU_INFO_PGSIZES | VFIO_IOMMU_INFO_CAPS;
	info.iova_pgsizes = page_sizes(ioas);
	/*
	 * Without room for all of them: no capabilities, and the length that is needed.
	 */
	if (room >= info.argsz) {
		info.cap_offset = sizeof(info);
		if (copy_to_user(user + sizeof(info), caps, size))
			rc = -EFAULT;
	}
	if (copy_to_user(user, &info, min(room, sizeof(info))))
		rc = -EFAULT;
	kvfree(caps);
	return rc;
}

/**
 * struct legacy_row - one ioctl of the container
 * @nr: its number
 * @name: its name in the header
 * @ioas: finds the IOAS that it works on, or returns an ERR_PTR
 * @function: carries it out; errors of the arguments come first
 */
struct legacy_row {
	unsigned int nr;
	const char *name;
	struct ioas *(*ioas)(struct iommufd_ctx *ctx);
	long (*function)(struct iommufd_ctx *ctx, struct ioas *ioas,
			 unsigned long arg);
};

#define LEGACY(nr_, ioas_, function_)	{ nr_, #nr_, ioas_, function_ }

static const struct legacy_row legacy_rows[] = {
	LEGACY(VFIO_IOMMU_MAP_DMA, iommufd_container_ready_ioas, vfio_map_dma),
	LEGACY(VFIO_IOMMU_UNMAP_DMA, iommufd_container_ready_ioas,
	       vfio_unmap_dma),
	LEGACY(VFIO_IOMMU_DIRTY_PAGES, iommufd_container_ready_ioas,
	       vfio_dirty_pages),
	LEGACY(VFIO_IOMMU_GET_INFO, iommufd_container_ready_ioas,
	       vfio_get_info),
	LEGACY(VFIO_GET_API_VERSION, iommufd_container_ioas,
	       vfio_get_api_version),
	LEGACY(VFIO_CHECK_EXTENSION, iommufd_container_ioas,
	       vfio_check_extension),
	LEGACY(VFIO_SET_IOMMU, iommufd_container_ioas, vfio_set_iommu),
};

/**
 * iommufd_vfio_ioctl - an ioctl that is not one of /dev/iommu's own commands
 * @ctx: the context
 * @nr: the request
 * @arg: its argument
 *
 * Return: as the VFIO container; -ENOIOCTLCMD for what it does not know.
 */
long iommufd_vfio_ioctl(struct iommufd_ctx *ctx, unsigned int nr,
			unsigned long arg)
{
	const struct legacy_row *row = legacy_rows;
	struct ioas *ioas;
	long rc;

	while (row->nr != nr)
		if (++row == &legacy_rows[ARRAY_SIZE(legacy_rows)])
			return -ENOIOCTLCMD;
	ioas = row->ioas(ctx);
	rc = row->function(ctx, ioas, arg);
	if (!IS_ERR(ioas))
		ioas_put(ctx, ioas);
	if (rc < 0)
		iommufd_notice_failed(ctx, row->name, rc);
	return rc;
}

/**
 * iommufd_vfio_cmd_ioas - IOMMU_VFIO_IOAS
 * @cmd: struct iommu_vfio_ioas
 */
int iommufd_vfio_cmd_ioas(struct command *cmd)
{
	struct iommu_vfio_ioas *arg = cmd->arg;
	struct iommufd_ctx *ctx = cmd->ctx;
	struct ioas *ioas;

	if (arg->__reserved)
		return -EOPNOTSUPP;
	switch (arg->op) {
	case IOMMU_VFIO_IOAS_GET:
		ioas = iommufd_container_ioas(ctx);
		if (IS_ERR(ioas))
			return iommufd_container_explain(ctx, ioas);
		arg->ioas_id = ioas->obj.id;
		ioas_put(ctx, ioas);
		return command_reply(cmd);
	case IOMMU_VFIO_IOAS_SET:
		ioas = ioas_get(ctx, arg->ioas_id);
		if (!ioas)
			return -ENOENT;
		iommufd_container_choose(ctx, ioas->obj.id);
		ioas_put(ctx, ioas);
		return 0;
	case IOMMU_VFIO_IOAS_CLEAR:
		iommufd_container_choose(ctx, 0);
		return 0;
	default:
		return iommufd_reason_note(ctx, -EOPNOTSUPP,
					   "operation %u is neither IOMMU_VFIO_IOAS_GET, _SET nor _CLEAR",
					   arg->op);
	}
}
