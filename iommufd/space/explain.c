// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sentences about ranges of IOVAs: what is in the way, from where to where, and whose
 * it is. The caller knows what he asked for. None of this runs on the way to success.
 */
#include <linux/device.h>
#include <uapi/linux/iommufd.h>

#include "context/reason.h"
#include "memory/bar.h"
#include "memory/pin.h"
#include "space/area.h"
#include "space/explain.h"
#include "space/ranges.h"

#define NAME_LEN	40

/**
 * iommufd_explain_flags - the flags of a mapping are refused
 * @ctx: the context
 * @rc: what ioas_check_map_flags() says
 * @flags: the flags
 *
 * Return: @rc.
 */
int iommufd_explain_flags(struct iommufd_ctx *ctx, int rc, u32 flags)
{
	if (rc == -EINVAL)
		return iommufd_reason_note(ctx, rc,
					   "flags %#x permit a device neither to read nor to write: a mapping needs one of both",
					   flags);
	return rc;
}

/**
 * iommufd_explain_source - an address and a length cannot be memory
 * @ctx: the context
 * @rc: what pinned_check_range() says, or another errno
 * @start: the first byte
 * @length: bytes
 *
 * Return: @rc.
 */
int iommufd_explain_source(struct iommufd_ctx *ctx, int rc, unsigned long start,
			   unsigned long length)
{
	if (rc == -EINVAL && !length)
		return iommufd_explain_no_length(ctx);
	if (rc == -EINVAL || rc == -EOVERFLOW)
		return iommufd_reason_note_secret(ctx, rc,
						  "memory of %#lx bytes from %#lx on reaches beyond the last page",
						  length, start);
	return rc;
}

/**
 * iommufd_explain_end - a range goes beyond 64 bits
 * @ctx: the context
 * @start: first IOVA
 * @length: bytes
 *
 * Return: -EOVERFLOW.
 */
int iommufd_explain_end(struct iommufd_ctx *ctx, u64 start, u64 length)
{
	return iommufd_reason_note(ctx, -EOVERFLOW,
				   "%#llx bytes from IOVA %#llx on reach beyond the end of 64 bits",
				   length, start);
}

/**
 * iommufd_explain_no_ioas - there is no IOAS of this ID, where ENOENT may have other
 * causes
 * @ctx: the context
 * @id: the ID
 *
 * Return: -ENOENT.
 */
int iommufd_explain_no_ioas(struct iommufd_ctx *ctx, u32 id)
{
	return iommufd_reason_note(ctx, -ENOENT,
				   "there is no IOAS with the ID %u", id);
}

/**
 * iommufd_explain_no_length - a range is empty
 * @ctx: the context
 *
 * Return: -EINVAL.
 */
int iommufd_explain_no_length(struct iommufd_ctx *ctx)
{
	return iommufd_reason_note(ctx, -EINVAL,
				   "the length is 0: a range has at least one byte");
}

/**
 * iommufd_explain_length - a mapping cannot have this length
 * @ioas: the IOAS
 * @length: bytes
 *
 * Return: -EINVAL.
 */
int iommufd_explain_length(struct ioas *ioas, unsigned long length)
{
	if (!length)
		return iommufd_explain_no_length(ioas->ctx);
	return iommufd_reason_note(ioas->ctx, -EINVAL,
				   "length %#lx is no multiple of %#lx bytes, as IOAS %u asks for",
				   length, READ_ONCE(ioas->alignment),
				   ioas->obj.id);
}

/**
 * iommufd_explain_offset - a piece of memory is not aligned
 * @ioas: the IOAS
 * @area: not placed yet: area->last is its length
 *
 * Return: -EINVAL.
 */
int iommufd_explain_offset(const struct ioas *ioas, const struct area *area)
{
	return iommufd_reason_note(ioas->ctx, -EINVAL,
				   "memory of %#lx bytes from byte %#lx of a page on is not aligned to %#lx bytes, as IOAS %u asks for",
				   area->last, offset_in_page(area->offset),
				   READ_ONCE(ioas->alignment), ioas->obj.id);
}

/**
 * iommufd_explain_permission - a copy asks for more than the original
 * @ioas: the IOAS it is for
 *
 * Return: -EPERM.
 */
int iommufd_explain_permission(const struct ioas *ioas)
{
	return iommufd_reason_note(ioas->ctx, -EPERM,
				   "memory that was not mapped writeable at first cannot be copied so to IOAS %u",
				   ioas->obj.id);
}

static const char *reserver_name(const struct reserver *owner)
{
	if (!owner)
		return "a device";
	return owner->dev ? dev_name(owner->dev) : "the IOMMU";
}

/**
 * iommufd_explain_reserved - a part of a range cannot be translated
 * @ioas: the IOAS, with its tree lock held
 * @iova: first IOVA
 * @last: last IOVA, inclusive
 *
 * Return: -EINVAL.
 */
int iommufd_explain_reserved(struct ioas *ioas, unsigned long iova,
			     unsigned long last)
{
	const struct iova_range *range =
		iommufd_ranges_first(&ioas->reserved, iova);

	if (!range || range->node.start > last)
		return -EINVAL;
	return iommufd_reason_note(ioas->ctx, -EINVAL,
				   "%#lx-%#lx, of which %#lx-%#lx has a part, is out of reach of %s in IOAS %u",
				   range->node.start, range->node.last, iova,
				   last, reserver_name(range->owner),
				   ioas->obj.id);
}

static const char *origin(struct ioas *ioas, struct area *area, char *name)
{
	if (ioas->parent)
		return "made of its parent";
	if (iommufd_bar_name(&area->pinned->owner, name, NAME_LEN))
		return "the BAR of ";
	return area->pinned->file ? "of a file" : "memory";
}

/**
 * iommufd_explain_taken - something is mapped in a range already
 * @ioas: the IOAS, with its tree lock held
 * @iova: first IOVA
 * @last: last IOVA, inclusive
 *
 * Return: -EEXIST.
 */
int iommufd_explain_taken(struct ioas *ioas, unsigned long iova,
			  unsigned long last)
{
	struct area *area = iommufd_area_first(&ioas->areas, iova, last);
	char name[NAME_LEN] = "";
	const char *what;

	if (!area)
		return -EEXIST;
	what = origin(ioas, area, name);
	return iommufd_reason_note(ioas->ctx, -EEXIST,
				   "%#lx-%#lx, %s%s, is mapped in IOAS %u already, where %#lx-%#lx is to be",
				   area->iova, area->last, what, name,
				   ioas->obj.id, iova, last);
}

/**
 * iommufd_explain_no_place - there is no room for a mapping whose IOVA is not fixed
 * @ioas: the IOAS
 * @length: bytes
 *
 * Return: -ENOSPC.
 */
int iommufd_explain_no_place(struct ioas *ioas, unsigned long length)
{
	return iommufd_reason_note(ioas->ctx, -ENOSPC,
				   "no %#lx bytes in a row are free in what %s of IOAS %u",
				   length,
				   RB_EMPTY_ROOT(&ioas->allowed.rb_root) ?
					   "can be translated" :
					   "the list of ALLOW_IOVAS has",
				   ioas->obj.id);
}

/**
 * iommufd_explain_cut - a range ends in the middle of a mapping
 * @ioas: the IOAS, with its tree lock held
 * @start: first IOVA of the range
 * @last: last IOVA, inclusive
 *
 * Return: -ENOENT.
 */
int iommufd_explain_cut(struct ioas *ioas, unsigned long start,
			unsigned long last)
{
	const struct area *area = iommufd_area_first(&ioas->areas, start, last);

	if (area && area->iova >= start && area->last <= last)
		area = iommufd_area_last(&ioas->areas, start, last);
	if (!area)
		return -ENOENT;
	return iommufd_reason_note(ioas->ctx, -ENOENT,
				   "%#lx-%#lx cuts the mapping %#lx-%#lx of IOAS %u, which can be unmapped as a whole only",
				   start, last, area->iova, area->last,
				   ioas->obj.id);
}

/**
 * iommufd_explain_kept - an area cannot be unmapped
 * @ioas: the IOAS
 * @area: the area
 *
 * Return: -EBUSY.
 */
int iommufd_explain_kept(struct ioas *ioas, const struct area *area)
{
	return iommufd_reason_note(ioas->ctx, -EBUSY,
				   "a hardware queue of a vIOMMU is in %#lx-%#lx of IOAS %u",
				   area->iova, area->last, ioas->obj.id);
}

/**
 * iommufd_explain_working - another thread, or the IOMMU, is working on what is to be
 * unmapped
 * @ioas: the IOAS, with its tree lock held
 * @start: first IOVA of the range
 * @last: last IOVA, inclusive
 *
 * Return: -EBUSY.
 */
int iommufd_explain_working(struct ioas *ioas, unsigned long start,
			    unsigned long last)
{
	const struct area *area = iommufd_area_first(&ioas->areas, start, last);

	if (area && area->kept)
		return iommufd_explain_kept(ioas, area);
	return iommufd_reason_note(ioas->ctx, -EBUSY,
				   "another thread is mapping or unmapping something in %#lx-%#lx of IOAS %u",
				   start, last, ioas->obj.id);
}

/**
 * iommufd_explain_nothing - nothing is mapped in a range
 * @ioas: the IOAS
 * @start: first IOVA
 * @length: bytes
 *
 * Return: -ENOENT.
 */
int iommufd_explain_nothing(struct ioas *ioas, unsigned long start,
			    unsigned long length)
{
	return iommufd_reason_note(ioas->ctx, -ENOENT,
				   "nothing is mapped in %#lx-%#lx of IOAS %u",
				   start, start + length - 1, ioas->obj.id);
}
