// SPDX-License-Identifier: GPL-2.0-only
/*
 * Dirty tracking: the IOMMU notes in its page table what DMA has written to, and a VMM
 * that migrates a guest reads and clears these bits, page table by page table.
 *
 * A page table is walked in portions, with the lock of the IOAS held for
 * writing, so that no area is being filled or drained. User memory is touched
 * only in between, by iova_bitmap_for_each().
 */
#include <linux/iommu.h>
#include <linux/iova_bitmap.h>
#include <linux/log2.h>
#include <linux/overflow.h>
#include <linux/sched/signal.h>
#include <linux/sizes.h>
#include <uapi/linux/iommufd.h>

#include "command/command.h"
#include "context/reason.h"
#include "domain/hwpt.h"
#include "space/area.h"
#include "space/explain.h"
#include "space/load.h"

/*
 * IOVAs that are walked under one hold of the lock. Larger than all but the oddest
 * pages.
 */
#define PORTION		SZ_1G

/**
 * struct dirty_walk - a walk of one page table
 * @hwpt: the page table
 * @flags: for the IOMMU driver
 * @state: where the driver reports dirty pages
 * @gather: what the driver has to flush
 */
struct dirty_walk {
	struct hwpt *hwpt;
	unsigned long flags;
	struct iommu_dirty_bitmap state;
	struct iommu_iotlb_gather gather;
};

static void walk_begin(struct dirty_walk *walk, struct hwpt *hwpt,
		       unsigned long flags, struct iova_bitmap *bitmap)
{
	walk->hwpt = hwpt;
	walk->flags = flags;
	iommu_dirty_bitmap_init(&walk->state, bitmap, &walk->gather);
}

/*
 * A dirty entry in an IOTLB keeps the IOMMU from setting the bit again. What is
 * written until it is flushed the user reads after this command.
 */
static void walk_end(struct dirty_walk *walk)
{
	const struct iommu_iotlb_gather *gather = &walk->gather;

	if (!(walk->flags & IOMMU_DIRTY_NO_CLEAR) &&
	    gather->start <= gather->end)
		iommu_iotlb_sync(walk->hwpt->domain, &walk->gather);
}

static int walk_areas(struct dirty_walk *walk, struct area *area,
		      unsigned long start, unsigned long last)
{
	struct ioas *ioas = walk->hwpt->ioas;
	struct iommu_domain *domain = walk->hwpt->domain;
	int rc = 0;

	for (; area && !rc; area = iommufd_area_ready_next(ioas, area, last)) {
		unsigned long from = max(start, area->iova);
		unsigned long to = min(last, area->last);

		if (area_is_filled(area))
			rc = domain->dirty_ops->read_and_clear_dirty(domain,
					from, to - from + 1, walk->flags,
					&walk->state);
		if (to == last)
			break;
	}
	return rc;
}

/*
 * Walk the first portion of the range that has anything mapped. @start is set to its
 * last IOVA, or that of the range if nothing more is mapped.
 */
static int walk_portion(struct dirty_walk *walk, unsigned long *start,
			unsigned long last)
{
	struct ioas *ioas = walk->hwpt->ioas;
	struct area *area;
	int rc;

	rc = down_write_killable(ioas_lock(ioas));
	if (rc)
		return rc;
	area = iommufd_area_ready_from(ioas, *start, last);
	if (area) {
		unsigned long from = max(*start, area->iova);

		last = min(last, from | (PORTION - 1));
		rc = walk_areas(walk, area, from, last);
	}
	up_write(ioas_lock(ioas));
	*start = last;
	return rc;
}

static int walk_range(struct dirty_walk *walk, unsigned long start,
		      unsigned long last)
{
	int rc;

	for (;; start++) {
		rc = walk_portion(walk, &start, last);
		if (rc || start == last)
			return rc;
		cond_resched();
	}
}

static int walk_window(struct iova_bitmap *bitmap, unsigned long iova,
		       size_t length, void *opaque)
{
	/* A bitmap of the whole address space has many windows. */
	if (fatal_signal_pending(current))
		return -EINTR;
	return walk_range(opaque, iova, iova + length - 1);
}

static int check_tracks(const struct hwpt *hwpt)
{
	if (hwpt->dirty && hwpt->domain->dirty_ops)
		return 0;
	return iommufd_reason_note(hwpt->ioas->ctx, -EOPNOTSUPP,
				   "HWPT %u does not track dirty pages: it has been allocated without IOMMU_HWPT_ALLOC_DIRTY_TRACKING",
				   hwpt->obj.id);
}

/* A kernel-managed one, or NULL. */
static struct hwpt *tracking_hwpt_get(struct iommufd_ctx *ctx, u32 id)
{
	struct hwpt *hwpt = hwpt_get(ctx, id);

	if (hwpt && hwpt->parent) {
		iommufd_hwpt_put(hwpt);
		hwpt = NULL;
	}
	return hwpt;
}

/* Earlier writes are of no interest. */
static int clear_all(struct hwpt *hwpt)
{
	struct dirty_walk walk;
	int rc;

	walk_begin(&walk, hwpt, 0, NULL);
	rc = walk_range(&walk, 0, ULONG_MAX);
	walk_end(&walk);
	return rc;
}

static int set_tracking(struct hwpt *hwpt, bool on)
{
	struct iommu_domain *domain = hwpt->domain;
	int rc = check_tracks(hwpt);

	if (!rc && on)
		rc = clear_all(hwpt);
	if (!rc)
		rc = down_write_killable(ioas_lock(hwpt->ioas));
	if (rc)
		return rc;
	rc = domain->dirty_ops->set_dirty_tracking(domain, on);
	up_write(ioas_lock(hwpt->ioas));
	return rc;
}

/**
 * iommufd_dirty_cmd_set - IOMMU_HWPT_SET_DIRTY_TRACKING
 * @cmd: struct iommu_hwpt_set_dirty_tracking
 *
 * Return: 0, -EOPNOTSUPP (flags, the reserved field, or the page table cannot track),
 * -ENOENT (no such page table, or a user-managed one), -EINTR, the IOMMU driver's errors.
 */
int iommufd_dirty_cmd_set(struct command *cmd)
{
	struct iommu_hwpt_set_dirty_tracking *arg = cmd->arg;
	struct hwpt *hwpt;
	int rc;

	if ((arg->flags & ~IOMMU_HWPT_DIRTY_TRACKING_ENABLE) || arg->__reserved)
		return -EOPNOTSUPP;
	hwpt = tracking_hwpt_get(cmd->ctx, arg->hwpt_id);
	if (!hwpt)
		return -ENOENT;
	rc = set_tracking(hwpt, arg->flags & IOMMU_HWPT_DIRTY_TRACKING_ENABLE);
	iommufd_hwpt_put(hwpt);
	return rc;
}

static bool is_aligned(unsigned long iova, unsigned long last, u64 size)
{
	return !(iova & (size - 1)) && !((last + 1) & (size - 1));
}

static int check_range(struct ioas *ioas,
		       const struct iommu_hwpt_get_dirty_bitmap *arg)
{
	unsigned long last;

	if (!arg->length)
		return iommufd_explain_no_length(ioas->ctx);
	if (check_add_overflow(arg->iova, arg->length - 1, &last))
		return iommufd_explain_end(ioas->ctx, arg->iova, arg->length);
	if (!is_power_of_2(arg->page_size))
		return iommufd_reason_note(ioas->ctx, -EINVAL,
					   "page_size %llu is no power of two",
					   arg->page_size);
	if (!is_aligned(arg->iova, last, arg->page_size) ||
	    !is_aligned(arg->iova, last, READ_ONCE(ioas->alignment)))
		return iommufd_reason_note(ioas->ctx, -EINVAL,
					   "%#llx-%#lx is not aligned to page_size %#llx, and to %#lx bytes, as IOAS %u asks for",
					   arg->iova, last, arg->page_size,
					   READ_ONCE(ioas->alignment),
					   ioas->obj.id);
	return 0;
}

static int get_bitmap(struct hwpt *hwpt,
		      const struct iommu_hwpt_get_dirty_bitmap *arg)
{
	struct iova_bitmap *bitmap;
	struct dirty_walk walk;
	int rc;

	static_assert(IOMMU_DIRTY_NO_CLEAR ==
		      (int)IOMMU_HWPT_GET_DIRTY_BITMAP_NO_CLEAR);

	rc = check_range(hwpt->ioas, arg) ?: check_tracks(hwpt);
	if (rc)
		return rc;
	bitmap = iova_bitmap_alloc(arg->iova, arg->length, arg->page_size,
				   u64_to_user_ptr(arg->data));
	if (IS_ERR(bitmap))
		return PTR_ERR(bitmap);
	walk_begin(&walk, hwpt, arg->flags, bitmap);
	rc = iova_bitmap_for_each(bitmap, &walk, walk_window);
	walk_end(&walk);
	iova_bitmap_free(bitmap);
	return rc;
}

/**
 * iommufd_dirty_cmd_get - IOMMU_HWPT_GET_DIRTY_BITMAP
 * @cmd: struct iommu_hwpt_get_dirty_bitmap. Bits are set in the bitmap, never cleared;
 *	what is not mapped is not dirty.
 *
 * Return: 0; -EOPNOTSUPP (flags, the reserved field, or the page table cannot track),
 * -ENOENT (no such page table, or a user-managed one), -EINVAL (no length, the page size
 * is no power of two, the range is not aligned to it or to what the IOAS asks for, or
 * tracking is off), -EOVERFLOW (the range wraps); -EFAULT or -EINTR, and what has been
 * cleared without being told is lost.
 */
int iommufd_dirty_cmd_get(struct command *cmd)
{
	const struct iommu_hwpt_get_dirty_bitmap *arg = cmd->arg;
	struct hwpt *hwpt;
	int rc;

	if ((arg->flags & ~IOMMU_HWPT_GET_DIRTY_BITMAP_NO_CLEAR) ||
	    arg->__reserved)
		return -EOPNOTSUPP;
	hwpt = tracking_hwpt_get(cmd->ctx, arg->hwpt_id);
	if (!hwpt)
		return -ENOENT;
	rc = get_bitmap(hwpt, arg);
	iommufd_hwpt_put(hwpt);
	return rc;
}
