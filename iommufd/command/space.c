// SPDX-License-Identifier: GPL-2.0-only
/*
 * Commands about an IOAS: their structures, flags and errors, and nothing more.
 */
#include <linux/capability.h>
#include <linux/file.h>
#include <linux/slab.h>
#include <uapi/linux/iommufd.h>
#include <uapi/linux/ioasid.h>

#include "command/command.h"
#include "context/reason.h"
#include "memory/charge.h"
#include "memory/pin.h"
#include "space/area.h"
#include "space/dmabuf.h"
#include "space/explain.h"
#include "space/ioas.h"
#include "space/load.h"
#include "space/map.h"
#include "space/nested.h"
#include "space/ranges.h"
#include "space/space.h"
#include "space/table.h"
#include "space/unmap.h"

/**
 * iommufd_ioas_cmd_alloc - IOMMU_IOAS_ALLOC
 * @cmd: struct iommu_ioas_alloc
 */
int iommufd_ioas_cmd_alloc(struct command *cmd)
{
	struct iommu_ioas_alloc *arg = cmd->arg;
	struct ioas *ioas;

	if (arg->flags)
		return -EOPNOTSUPP;
	ioas = iommufd_ioas_alloc(cmd->ctx, NULL);
	if (IS_ERR(ioas))
		return PTR_ERR(ioas);
	arg->out_ioas_id = ioas->obj.id;
	return command_publish(cmd, &ioas->obj);
}

/**
 * iommufd_ioas_cmd_alloc_nested - IOASID_ALLOC_NESTED
 * @cmd: struct ioasid_alloc_nested
 */
int iommufd_ioas_cmd_alloc_nested(struct command *cmd)
{
	struct ioasid_alloc_nested *arg = cmd->arg;
	struct ioas *parent, *ioas;

	if (arg->flags)
		return -EOPNOTSUPP;
	parent = ioas_get(cmd->ctx, arg->parent_ioas_id);
	if (!parent)
		return -ENOENT;
	ioas = iommufd_ioas_alloc(cmd->ctx, parent);
	ioas_put(cmd->ctx, parent);
	if (IS_ERR(ioas))
		return PTR_ERR(ioas);
	arg->out_ioas_id = ioas->obj.id;
	return command_publish(cmd, &ioas->obj);
}

/* Ranges that are collected under one hold of the tree lock. */
#define RANGES_PORTION	16

/**
 * struct holes - the ranges of an IOAS that can be used, portion by portion
 * @from: where to go on
 * @end: nothing is left behind @from
 * @nr: entries of @range
 * @range: the ranges
 */
struct holes {
	unsigned long from;
	bool end;
	unsigned int nr;
	struct iommu_iova_range range[RANGES_PORTION];
};

/*
 * Collect ranges: user memory, which may take for ever, is not touched under the
 * lock.
 */
static void next_holes(struct ioas *ioas, struct holes *holes)
{
	unsigned long start, last;

	mutex_lock(&ioas->tree_lock);
	for (holes->nr = 0; holes->nr < RANGES_PORTION && !holes->end;
	     holes->nr++) {
		if (!iommufd_ranges_hole(&ioas->reserved, holes->from,
					 ULONG_MAX, &start, &last)) {
			holes->end = true;
			break;
		}
		holes->range[holes->nr].start = start;
		holes->range[holes->nr].last = last;
		holes->from = last + 1;
		holes->end = last == ULONG_MAX;
	}
	mutex_unlock(&ioas->tree_lock);
}

/**
 * iommufd_ioas_cmd_iova_ranges - IOMMU_IOAS_IOVA_RANGES
 * @cmd: struct iommu_ioas_iova_ranges
 */
int iommufd_ioas_cmd_iova_ranges(struct command *cmd)
{
	struct iommu_ioas_iova_ranges *arg = cmd->arg;
	struct iommu_iova_range __user *out = u64_to_user_ptr(arg->allowed_iovas);
	u32 room = arg->num_iovas, n;
	struct holes holes = {};
	struct ioas *ioas;
	int rc = 0;

	if (arg->__reserved)
		return -EOPNOTSUPP;
	ioas = ioas_get(cmd->ctx, arg->ioas_id);
	if (!ioas)
		return -ENOENT;

	arg->num_iovas = 0;
	arg->out_iova_alignment = READ_ONCE(ioas->alignment);
	while (!rc && !holes.end) {
		next_holes(ioas, &holes);
		n = min(room - min(room, arg->num_iovas), holes.nr);
		if (n && copy_to_user(&out[arg->num_iovas], holes.range,
				      n * sizeof(holes.range[0])))
			rc = -EFAULT;
		arg->num_iovas += holes.nr;
	}
	ioas_put(cmd->ctx, ioas);

	if (!rc)
		rc = command_reply(cmd);
	if (!rc && arg->num_iovas > room)
		rc = -EMSGSIZE;
	return rc;
}

/* The user's list as a tree. */
static int read_ranges(struct iommufd_ctx *ctx, struct rb_root_cached *tree,
		       const struct iommu_iova_range __user *in, u32 nr)
{
	struct iommu_iova_range range;
	u32 i;

	for (i = 0; i < nr; i++) {
		int rc;

		if (copy_from_user(&range, &in[i], sizeof(range)))
			return -EFAULT;
		if (range.start >= range.last)
			return iommufd_reason_note(ctx, -EINVAL,
						   "the range %#llx-%#llx, number %u of the list, does not begin before its end",
						   range.start, range.last,
						   i + 1);
		if (ranges_hit(tree, range.start, range.last))
			return iommufd_reason_note(ctx, -EINVAL,
						   "the range %#llx-%#llx, number %u of the list, overlaps one before it",
						   range.start, range.last,
						   i + 1);
		rc = ranges_add(tree, range.start, range.last, NULL);
		if (rc)
			return rc;
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	return 0;
}

/* Goes by the reserved ranges, which are few: the user's may be millions. */
static int check_allowed(struct ioas *ioas, struct rb_root_cached *allowed)
{
	struct iova_range *range = iommufd_ranges_first(&ioas->reserved, 0);

	while (range) {
		struct iova_range *hit =
			iommufd_ranges_first(allowed, range->node.start);

		if (hit && hit->node.start <= range->node.last)
			return iommufd_reason_note(
				ioas->ctx, -EADDRINUSE,
				"%#lx-%#lx is to be allowed in IOAS %u, but %#lx-%#lx cannot be translated",
				hit->node.start, hit->node.last, ioas->obj.id,
				range->node.start, range->node.last);
		range = range->node.last == ULONG_MAX ?
				NULL :
				iommufd_ranges_first(&ioas->reserved,
						     range->node.last + 1);
		cond_resched();
	}
	return 0;
}

/**
 * iommufd_ioas_cmd_allow_iovas - IOMMU_IOAS_ALLOW_IOVAS
 * @cmd: struct iommu_ioas_allow_iovas
 */
int iommufd_ioas_cmd_allow_iovas(struct command *cmd)
{
	struct iommu_ioas_allow_iovas *arg = cmd->arg;
	struct rb_root_cached tree = RB_ROOT_CACHED;
	struct ioas *ioas;
	int rc;

	if (arg->__reserved)
		return -EOPNOTSUPP;
	ioas = ioas_get(cmd->ctx, arg->ioas_id);
	if (!ioas)
		return -ENOENT;

	rc = read_ranges(cmd->ctx, &tree, u64_to_user_ptr(arg->allowed_iovas),
			 arg->num_iovas);
	if (!rc) {
		mutex_lock(&ioas->tree_lock);
		rc = check_allowed(ioas, &tree);
		if (!rc)
			swap(tree, ioas->allowed);
		mutex_unlock(&ioas->tree_lock);
	}
	iommufd_ranges_clear(&tree);
	ioas_put(cmd->ctx, ioas);
	return rc;
}

/* Returns memory, or an ERR_PTR. */
static struct pinned *open_memory(struct iommufd_ctx *ctx,
				  const struct iommu_ioas_map_file *arg)
{
	const bool writable = arg->flags & IOMMU_IOAS_MAP_WRITEABLE;
	struct pinned *pinned;
	struct file *file;
	int rc;

	pinned = iommufd_dmabuf_memory(ctx, arg->fd, arg->start, arg->length,
				       writable);
	if (!pinned) {
		file = fget(arg->fd);
		if (!file)
			return ERR_PTR(-EBADF);
		pinned = iommufd_pinned_from_file(ctx, file, arg->start,
						  arg->length, writable);
		fput(file);
	}
	rc = PTR_ERR_OR_ZERO(pinned);
	/* A reason about the file has been noted already. */
	if (rc == -EOVERFLOW || (rc == -EINVAL && !arg->length))
		iommufd_explain_source(ctx, rc, arg->start, arg->length);
	return pinned;
}

/* Everything in a child is made of its parent's mappings. */
static int refuse_child(const struct ioas *ioas)
{
	return iommufd_reason_note(ioas->ctx, -EINVAL,
				   "IOAS %u is nested: it is mapped from its parent, by IOAS_MAP",
				   ioas->obj.id);
}

/**
 * iommufd_ioas_cmd_map_file - IOMMU_IOAS_MAP_FILE
 * @cmd: struct iommu_ioas_map_file
 */
int iommufd_ioas_cmd_map_file(struct command *cmd)
{
	struct iommu_ioas_map_file *arg = cmd->arg;
	struct pinned *pinned;
	struct ioas *ioas;
	int rc;

	rc = ioas_check_map_flags(arg->flags);
	if (rc)
		return iommufd_explain_flags(cmd->ctx, rc, arg->flags);
	if (arg->iova >= ULONG_MAX || arg->length >= ULONG_MAX ||
	    arg->start > ULONG_MAX)
		return iommufd_explain_end(cmd->ctx, arg->iova, arg->length);

	ioas = ioas_get(cmd->ctx, arg->ioas_id);
	if (!ioas)
		return -ENOENT;
	if (ioas->parent) {
		rc = refuse_child(ioas);
		goto out_ioas;
	}
	pinned = open_memory(cmd->ctx, arg);
	rc = PTR_ERR_OR_ZERO(pinned);
	if (rc)
		goto out_ioas;
	rc = iommufd_ioas_map_new(ioas, pinned, offset_in_page(arg->start),
				  arg->length, arg->flags, arg->iova,
				  command_answer(cmd,
						 struct iommu_ioas_map_file,
						 iova));
out_ioas:
	ioas_put(cmd->ctx, ioas);
	return rc;
}

/**
 * iommufd_ioas_cmd_map - IOMMU_IOAS_MAP
 * @cmd: struct iommu_ioas_map
 */
int iommufd_ioas_cmd_map(struct command *cmd)
{
	struct iommu_ioas_map *arg = cmd->arg;
	struct ioas *ioas;
	int rc;

	if (arg->__reserved)
		return -EOPNOTSUPP;
	rc = ioas_check_map_flags(arg->flags);
	if (rc)
		return iommufd_explain_flags(cmd->ctx, rc, arg->flags);
	if (arg->iova >= ULONG_MAX || arg->length >= ULONG_MAX ||
	    arg->user_va > ULONG_MAX)
		return iommufd_explain_end(cmd->ctx, arg->iova, arg->length);

	ioas = ioas_get(cmd->ctx, arg->ioas_id);
	if (!ioas)
		return -ENOENT;
	rc = iommufd_ioas_map_source(ioas, arg->user_va, arg->length,
				     arg->flags, false, arg->iova,
				     command_answer(cmd, struct iommu_ioas_map,
						    iova));
	ioas_put(cmd->ctx, ioas);
	return rc;
}

/**
 * iommufd_ioas_cmd_unmap - IOMMU_IOAS_UNMAP
 * @cmd: struct iommu_ioas_unmap
 */
int iommufd_ioas_cmd_unmap(struct command *cmd)
{
	struct iommu_ioas_unmap *arg = cmd->arg;
	const u64 length = arg->length;
	struct ioas *ioas;
	int rc;

	ioas = ioas_get(cmd->ctx, arg->ioas_id);
	if (!ioas)
		return iommufd_explain_no_ioas(cmd->ctx, arg->ioas_id);
	if (!arg->iova && arg->length == U64_MAX) {
		rc = iommufd_ioas_unmap_all(ioas, &arg->length);
	} else if (arg->iova >= ULONG_MAX || arg->length >= ULONG_MAX) {
		rc = iommufd_explain_end(cmd->ctx, arg->iova, length);
	} else {
		rc = iommufd_ioas_unmap(ioas, arg->iova, length, &arg->length);
		if (!rc && !arg->length)
			rc = iommufd_explain_nothing(ioas, arg->iova, length);
	}
	ioas_put(cmd->ctx, ioas);
	if (rc)
		return rc;
	return command_reply_field(cmd, struct iommu_ioas_unmap, length);
}

/**
 * iommufd_ioas_cmd_copy - IOMMU_IOAS_COPY
 * @cmd: struct iommu_ioas_copy
 */
int iommufd_ioas_cmd_copy(struct command *cmd)
{
	struct iommu_ioas_copy *arg = cmd->arg;
	unsigned long last;
	struct ioas_slice *slices;
	struct ioas *src, *dst;
	unsigned int nr;
	int rc;

	rc = ioas_check_map_flags(arg->flags);
	if (rc)
		return iommufd_explain_flags(cmd->ctx, rc, arg->flags);
	if (arg->length >= ULONG_MAX || arg->src_iova >= ULONG_MAX ||
	    arg->dst_iova >= ULONG_MAX)
		return iommufd_explain_end(cmd->ctx,
					   max(arg->src_iova, arg->dst_iova),
					   arg->length);
	if (!arg->length)
		return iommufd_explain_no_length(cmd->ctx);
	if (check_add_overflow((unsigned long)arg->src_iova,
			       (unsigned long)arg->length - 1, &last))
		return iommufd_explain_end(cmd->ctx, arg->src_iova,
					   arg->length);

	src = ioas_get(cmd->ctx, arg->src_ioas_id);
	if (!src)
		return iommufd_explain_no_ioas(cmd->ctx, arg->src_ioas_id);
	rc = iommufd_ioas_get_slices(src, arg->src_iova, last, &slices, &nr);
	ioas_put(cmd->ctx, src);
	if (rc)
		return rc;

	dst = ioas_get(cmd->ctx, arg->dst_ioas_id);
	if (!dst) {
		rc = iommufd_explain_no_ioas(cmd->ctx, arg->dst_ioas_id);
		goto out_slices;
	}
	rc = dst->parent ? refuse_child(dst) :
			   iommufd_ioas_map_slices(
				   dst, slices, nr, arg->flags, arg->dst_iova,
				   command_answer(cmd, struct iommu_ioas_copy,
						  dst_iova));
	ioas_put(cmd->ctx, dst);
out_slices:
	iommufd_ioas_put_slices(slices, nr);
	return rc;
}

/*
 * All memory of a context is gone through twice, visiting each piece once, however
 * many areas share it. All IOASes are locked for writing: first count, then move
 * to an account that has been charged, or, if that fails, to none. What is being
 * mapped meanwhile is charged to whoever maps it.
 */
static int count_file_pages(struct iommufd_ctx *ctx, const struct account *new,
			    unsigned long *npages)
{
	struct ioas *ioas;
	struct area *area;

	*npages = 0;
	list_for_each_entry(ioas, &ctx->ioases, link) {
		for_each_ready_area(ioas, area, 0, ULONG_MAX) {
			if (!area->pinned->file)
				return iommufd_reason_note(
					ctx, -EINVAL,
					"the mapping %#lx-%#lx of IOAS %u is not of a file: it stays with the process that has made it",
					area->iova, area->last, ioas->obj.id);
			if (!area->pinned->mark)
				*npages += iommufd_pinned_change_cost(
					area->pinned, new);
			area->pinned->mark = true;
		}
	}
	return 0;
}

static void move_file_pages(struct iommufd_ctx *ctx, struct account *new)
{
	struct ioas *ioas;
	struct area *area;

	list_for_each_entry(ioas, &ctx->ioases, link) {
		for_each_ready_area(ioas, area, 0, ULONG_MAX) {
			if (area->pinned->mark && new)
				iommufd_pinned_change_account(area->pinned,
							      new);
			area->pinned->mark = false;
		}
	}
}

/*
 * Returns 0; or, with nothing changed, -EAGAIN if *@npages is more than @paid. Charging
 * is left to the caller, since it waits for the mmap lock.
 */
static int try_change(struct iommufd_ctx *ctx, struct account *new,
		      unsigned long paid, unsigned long *npages)
{
	struct ioas *ioas;
	int rc;

	rc = mutex_lock_killable(&ctx->ioas_lock);
	if (rc)
		return rc;
	list_for_each_entry(ioas, &ctx->ioases, link)
		if (!ioas->parent)
			down_write_nest_lock(&ioas->lock, &ctx->ioas_lock);

	rc = count_file_pages(ctx, new, npages);
	if (!rc && *npages > paid)
		rc = -EAGAIN;
	move_file_pages(ctx, rc ? NULL : new);

	list_for_each_entry(ioas, &ctx->ioases, link)
		if (!ioas->parent)
			up_write(&ioas->lock);
	mutex_unlock(&ctx->ioas_lock);
	return rc;
}

/* With ctx->file_lock held: no more memory of files is pinned meanwhile. */
static int change_account(struct iommufd_ctx *ctx, struct account *new)
{
	unsigned long npages, paid = 0;
	int rc;

	while ((rc = try_change(ctx, new, paid, &npages)) == -EAGAIN) {
		rc = account_charge(new, npages - paid);
		if (rc == -ENOMEM)
			iommufd_reason_note(ctx, rc,
					    "RLIMIT_MEMLOCK of the caller allows %lu pages in all, %lu more are mapped",
					    new->limit, npages);
		if (rc)
			break;
		paid = npages;
	}
	if (rc)
		npages = 0;
	if (paid > npages)
		account_uncharge(new, paid - npages);
	return rc;
}

/**
 * iommufd_ioas_cmd_change_process - IOMMU_IOAS_CHANGE_PROCESS
 * @cmd: struct iommu_ioas_change_process
 */
int iommufd_ioas_cmd_change_process(struct command *cmd)
{
	struct iommu_ioas_change_process *arg = cmd->arg;
	struct iommufd_ctx *ctx = cmd->ctx;
	struct account *new;
	int rc;

	if (arg->__reserved)
		return -EOPNOTSUPP;

	new = iommufd_account_get(ctx, ctx->charge_process);
	if (!new)
		return -ENOMEM;
	rc = down_write_killable(&ctx->file_lock);
	if (!rc) {
		rc = change_account(ctx, new);
		up_write(&ctx->file_lock);
	}
	account_put(new);
	return rc;
}
