/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The table of abi.c: a row is a command with a call that is right in everything, and
 * where in its structure flags, reserved fields and IDs are.
 */
#ifndef SELFTESTS_ABI_ROWS_H
#define SELFTESTS_ABI_ROWS_H

#include "kselftest_harness.h"

#include "iommu.h"
#include "mem.h"

#define SPACE (4 * 4096)
#define MAPPED_AT 0x10000000ULL
#define KERNEL_ADDRESS 0xffff888000001000ULL

#define end_of(type, member) \
	(offsetof(type, member) + sizeof(((type *)0)->member))

/* What the calls of the table need. */
struct env {
	int fd;
	int file;
	uint32_t ioas;
	uint32_t spare;
	void *buf;
	struct iommu_iova_range range;
};

struct row {
	char name[28];
	unsigned long cmd;
	size_t size;
	size_t min;
	/* writes a right call into zeroed memory; size is there already */
	void (*fill)(struct env *env, void *arg);
	/* what the right call gives: 0, or the error of having no device */
	int good;
	/* copies an answer into the structure before it returns @good */
	bool answers;
	/* not in every version of the module */
	bool optional;
	/* where the flags are (0: none), and which are known */
	size_t flags;
	uint32_t known;
	/* fields that must be 0: where, and how many bytes */
	struct {
		size_t at;
		size_t len;
	} reserved[3];
	/* fields that hold the ID of an object that must be there */
	size_t ids[2];
	/* that object is an IOAS */
	bool ids_are_ioas;
};

static inline void fill_destroy(struct env *env, void *arg)
{
	struct iommu_destroy *cmd = arg;

	cmd->id = env->spare;
}

static inline void fill_nothing(struct env *env, void *arg)
{
	(void)env;
	(void)arg;
}

static inline void fill_allow(struct env *env, void *arg)
{
	struct iommu_ioas_allow_iovas *cmd = arg;

	cmd->ioas_id = env->ioas;
	cmd->num_iovas = 1;
	cmd->allowed_iovas = iommu_ptr(&env->range);
}

static inline void fill_copy(struct env *env, void *arg)
{
	struct iommu_ioas_copy *cmd = arg;

	cmd->flags = IOMMU_RW | IOMMU_FIXED;
	cmd->dst_ioas_id = env->spare;
	cmd->src_ioas_id = env->ioas;
	cmd->length = SPACE;
	cmd->dst_iova = MAPPED_AT;
	cmd->src_iova = MAPPED_AT;
}

static inline void fill_ranges(struct env *env, void *arg)
{
	struct iommu_ioas_iova_ranges *cmd = arg;

	cmd->ioas_id = env->ioas;
	cmd->num_iovas = 1;
	cmd->allowed_iovas = iommu_ptr(&env->range);
}

static inline void fill_map(struct env *env, void *arg)
{
	struct iommu_ioas_map *cmd = arg;

	cmd->flags = IOMMU_RW | IOMMU_FIXED;
	cmd->ioas_id = env->spare;
	cmd->user_va = iommu_ptr(env->buf);
	cmd->length = SPACE;
	cmd->iova = MAPPED_AT;
}

static inline void fill_map_file(struct env *env, void *arg)
{
	struct iommu_ioas_map_file *cmd = arg;

	if (env->file < 0)
		env->file = mem_memfd(SPACE, 0);
	cmd->flags = IOMMU_RW | IOMMU_FIXED;
	cmd->ioas_id = env->spare;
	cmd->fd = env->file;
	cmd->length = SPACE;
	cmd->iova = MAPPED_AT;
}

static inline void fill_unmap(struct env *env, void *arg)
{
	struct iommu_ioas_unmap *cmd = arg;

	cmd->ioas_id = env->ioas;
	cmd->iova = MAPPED_AT;
	cmd->length = SPACE;
}

static inline void fill_option(struct env *env, void *arg)
{
	struct iommu_option *cmd = arg;

	cmd->option_id = IOMMU_OPTION_HUGE_PAGES;
	cmd->op = IOMMU_OPTION_OP_GET;
	cmd->object_id = env->ioas;
}

static inline void fill_vfio_ioas(struct env *env, void *arg)
{
	struct iommu_vfio_ioas *cmd = arg;

	cmd->op = IOMMU_VFIO_IOAS_SET;
	cmd->ioas_id = env->ioas;
}

static inline void fill_hwpt_alloc(struct env *env, void *arg)
{
	struct iommu_hwpt_alloc *cmd = arg;

	cmd->dev_id = INT32_MAX;
	cmd->pt_id = env->ioas;
}

static inline void fill_hw_info(struct env *env, void *arg)
{
	struct iommu_hw_info *cmd = arg;

	(void)env;
	cmd->dev_id = INT32_MAX;
}

static inline void fill_set_dirty(struct env *env, void *arg)
{
	struct iommu_hwpt_set_dirty_tracking *cmd = arg;

	(void)env;
	cmd->hwpt_id = INT32_MAX;
}

static inline void fill_get_dirty(struct env *env, void *arg)
{
	struct iommu_hwpt_get_dirty_bitmap *cmd = arg;

	cmd->hwpt_id = INT32_MAX;
	cmd->iova = MAPPED_AT;
	cmd->length = SPACE;
	cmd->page_size = mem_page();
	cmd->data = iommu_ptr(env->buf);
}

static inline void fill_invalidate(struct env *env, void *arg)
{
	struct iommu_hwpt_invalidate *cmd = arg;

	(void)env;
	cmd->hwpt_id = INT32_MAX;
}

static inline void fill_viommu(struct env *env, void *arg)
{
	struct iommu_viommu_alloc *cmd = arg;

	(void)env;
	cmd->type = 1;
	cmd->dev_id = INT32_MAX;
}

static inline void fill_vdevice(struct env *env, void *arg)
{
	struct iommu_vdevice_alloc *cmd = arg;

	(void)env;
	cmd->viommu_id = INT32_MAX;
}

static inline void fill_veventq(struct env *env, void *arg)
{
	struct iommu_veventq_alloc *cmd = arg;

	(void)env;
	cmd->viommu_id = INT32_MAX;
	cmd->type = 1;
	cmd->veventq_depth = 1;
}

static inline void fill_hw_queue(struct env *env, void *arg)
{
	struct iommu_hw_queue_alloc *cmd = arg;

	(void)env;
	cmd->viommu_id = INT32_MAX;
	cmd->type = 1;
	cmd->length = 1;
}

static inline void fill_change_process(struct env *env, void *arg)
{
	(void)arg;
	/* It wants no memory but that of files */
	iommu_unmap_all(env->fd, env->ioas, NULL);
}

#define AT(type, member) offsetof(struct type, member)
#define FIELD(type, member) \
	{ offsetof(struct type, member), sizeof(((struct type *)0)->member) }
#define SIZES(type, last) \
	.size = sizeof(struct type), .min = end_of(struct type, last)

static const struct row rows[] = {
	{
		.name = "DESTROY",
		.cmd = IOMMU_DESTROY,
		SIZES(iommu_destroy, id),
		.fill = fill_destroy,
		.ids = { AT(iommu_destroy, id) },
	}, {
		.name = "IOAS_ALLOC",
		.cmd = IOMMU_IOAS_ALLOC,
		SIZES(iommu_ioas_alloc, out_ioas_id),
		.fill = fill_nothing,
		.answers = true,
		.flags = AT(iommu_ioas_alloc, flags),
	}, {
		.name = "IOAS_ALLOW_IOVAS",
		.cmd = IOMMU_IOAS_ALLOW_IOVAS,
		SIZES(iommu_ioas_allow_iovas, allowed_iovas),
		.fill = fill_allow,
		.reserved = { FIELD(iommu_ioas_allow_iovas, __reserved) },
		.ids = { AT(iommu_ioas_allow_iovas, ioas_id) },
		.ids_are_ioas = true,
	}, {
		.name = "IOAS_COPY",
		.cmd = IOMMU_IOAS_COPY,
		SIZES(iommu_ioas_copy, src_iova),
		.fill = fill_copy,
		.answers = true,
		.flags = AT(iommu_ioas_copy, flags),
		.known = IOMMU_RW | IOMMU_FIXED,
		.ids = { AT(iommu_ioas_copy, dst_ioas_id),
			 AT(iommu_ioas_copy, src_ioas_id) },
		.ids_are_ioas = true,
	}, {
		.name = "IOAS_IOVA_RANGES",
		.cmd = IOMMU_IOAS_IOVA_RANGES,
		SIZES(iommu_ioas_iova_ranges, out_iova_alignment),
		.fill = fill_ranges,
		.answers = true,
		.reserved = { FIELD(iommu_ioas_iova_ranges, __reserved) },
		.ids = { AT(iommu_ioas_iova_ranges, ioas_id) },
		.ids_are_ioas = true,
	}, {
		.name = "IOAS_MAP",
		.cmd = IOMMU_IOAS_MAP,
		SIZES(iommu_ioas_map, iova),
		.fill = fill_map,
		.answers = true,
		.flags = AT(iommu_ioas_map, flags),
		.known = IOMMU_RW | IOMMU_FIXED,
		.reserved = { FIELD(iommu_ioas_map, __reserved) },
		.ids = { AT(iommu_ioas_map, ioas_id) },
		.ids_are_ioas = true,
	}, {
		.name = "IOAS_MAP_FILE",
		.cmd = IOMMU_IOAS_MAP_FILE,
		SIZES(iommu_ioas_map_file, iova),
		.fill = fill_map_file,
		.answers = true,
		.flags = AT(iommu_ioas_map_file, flags),
		.known = IOMMU_RW | IOMMU_FIXED,
		.ids = { AT(iommu_ioas_map_file, ioas_id) },
		.ids_are_ioas = true,
	}, {
		.name = "IOAS_UNMAP",
		.cmd = IOMMU_IOAS_UNMAP,
		SIZES(iommu_ioas_unmap, length),
		.fill = fill_unmap,
		.answers = true,
		.ids = { AT(iommu_ioas_unmap, ioas_id) },
		.ids_are_ioas = true,
	}, {
		.name = "OPTION",
		.cmd = IOMMU_OPTION,
		SIZES(iommu_option, val64),
		.fill = fill_option,
		.answers = true,
		.reserved = { FIELD(iommu_option, __reserved) },
		.ids = { AT(iommu_option, object_id) },
		.ids_are_ioas = true,
	}, {
		.name = "VFIO_IOAS",
		.cmd = IOMMU_VFIO_IOAS,
		SIZES(iommu_vfio_ioas, __reserved),
		.fill = fill_vfio_ioas,
		.reserved = { FIELD(iommu_vfio_ioas, __reserved) },
		.ids = { AT(iommu_vfio_ioas, ioas_id) },
		.ids_are_ioas = true,
	}, {
		.name = "HWPT_ALLOC",
		.cmd = IOMMU_HWPT_ALLOC,
		SIZES(iommu_hwpt_alloc, __reserved),
		.fill = fill_hwpt_alloc,
		.good = -ENOENT,
		.flags = AT(iommu_hwpt_alloc, flags),
		.known = IOMMU_HWPT_ALLOC_NEST_PARENT |
			 IOMMU_HWPT_ALLOC_DIRTY_TRACKING |
			 IOMMU_HWPT_ALLOC_PASID,
		.reserved = { FIELD(iommu_hwpt_alloc, __reserved) },
		.ids = { AT(iommu_hwpt_alloc, dev_id) },
	}, {
		.name = "GET_HW_INFO",
		.cmd = IOMMU_GET_HW_INFO,
		SIZES(iommu_hw_info, __reserved),
		.fill = fill_hw_info,
		.good = -ENOENT,
		.flags = AT(iommu_hw_info, flags),
		.known = IOMMU_HW_INFO_FLAG_INPUT_TYPE,
		.reserved = {
			{ AT(iommu_hw_info, __reserved[0]), 1 },
			{ AT(iommu_hw_info, __reserved[1]), 1 },
			{ AT(iommu_hw_info, __reserved[2]), 1 },
		},
		.ids = { AT(iommu_hw_info, dev_id) },
	}, {
		.name = "HWPT_SET_DIRTY_TRACKING",
		.cmd = IOMMU_HWPT_SET_DIRTY_TRACKING,
		SIZES(iommu_hwpt_set_dirty_tracking, __reserved),
		.fill = fill_set_dirty,
		.good = -ENOENT,
		.optional = true,
		.flags = AT(iommu_hwpt_set_dirty_tracking, flags),
		.known = IOMMU_HWPT_DIRTY_TRACKING_ENABLE,
		.ids = { AT(iommu_hwpt_set_dirty_tracking, hwpt_id) },
	}, {
		.name = "HWPT_GET_DIRTY_BITMAP",
		.cmd = IOMMU_HWPT_GET_DIRTY_BITMAP,
		SIZES(iommu_hwpt_get_dirty_bitmap, data),
		.fill = fill_get_dirty,
		.good = -ENOENT,
		.optional = true,
		.flags = AT(iommu_hwpt_get_dirty_bitmap, flags),
		.known = IOMMU_HWPT_GET_DIRTY_BITMAP_NO_CLEAR,
		.reserved = { FIELD(iommu_hwpt_get_dirty_bitmap, __reserved) },
		.ids = { AT(iommu_hwpt_get_dirty_bitmap, hwpt_id) },
	}, {
		.name = "VIOMMU_ALLOC",
		.cmd = IOMMU_VIOMMU_ALLOC,
		SIZES(iommu_viommu_alloc, out_viommu_id),
		.fill = fill_viommu,
		.good = -ENOENT,
		.flags = AT(iommu_viommu_alloc, flags),
		.reserved = { FIELD(iommu_viommu_alloc, __reserved) },
		.ids = { AT(iommu_viommu_alloc, dev_id) },
	}, {
		.name = "VDEVICE_ALLOC",
		.cmd = IOMMU_VDEVICE_ALLOC,
		SIZES(iommu_vdevice_alloc, virt_id),
		.fill = fill_vdevice,
		.good = -ENOENT,
		.ids = { AT(iommu_vdevice_alloc, viommu_id) },
	}, {
		.name = "VEVENTQ_ALLOC",
		.cmd = IOMMU_VEVENTQ_ALLOC,
		SIZES(iommu_veventq_alloc, out_veventq_fd),
		.fill = fill_veventq,
		.good = -ENOENT,
		.flags = AT(iommu_veventq_alloc, flags),
		.reserved = { FIELD(iommu_veventq_alloc, __reserved) },
		.ids = { AT(iommu_veventq_alloc, viommu_id) },
	}, {
		.name = "HW_QUEUE_ALLOC",
		.cmd = IOMMU_HW_QUEUE_ALLOC,
		SIZES(iommu_hw_queue_alloc, length),
		.fill = fill_hw_queue,
		.good = -ENOENT,
		.flags = AT(iommu_hw_queue_alloc, flags),
		.ids = { AT(iommu_hw_queue_alloc, viommu_id) },
	}, {
		.name = "HWPT_INVALIDATE",
		.cmd = IOMMU_HWPT_INVALIDATE,
		SIZES(iommu_hwpt_invalidate, __reserved),
		.fill = fill_invalidate,
		.good = -ENOENT,
		.answers = true,
		.optional = true,
		.reserved = { FIELD(iommu_hwpt_invalidate, __reserved) },
		.ids = { AT(iommu_hwpt_invalidate, hwpt_id) },
	}, {
		.name = "FAULT_QUEUE_ALLOC",
		.cmd = IOMMU_FAULT_QUEUE_ALLOC,
		SIZES(iommu_fault_alloc, out_fault_fd),
		.fill = fill_nothing,
		.answers = true,
		.optional = true,
		.flags = AT(iommu_fault_alloc, flags),
	}, {
		.name = "IOAS_CHANGE_PROCESS",
		.cmd = IOMMU_IOAS_CHANGE_PROCESS,
		SIZES(iommu_ioas_change_process, __reserved),
		.fill = fill_change_process,
		.reserved = { FIELD(iommu_ioas_change_process, __reserved) },
	},
};

#endif
