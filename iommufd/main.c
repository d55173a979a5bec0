// SPDX-License-Identifier: GPL-2.0-only
/*
 * /dev/iommu: the module, the device, and the table of its commands.
 */
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/iommufd.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/nospec.h>
#include <linux/slab.h>
#include <uapi/linux/iommufd.h>
#include <uapi/linux/ioasid.h>

#include "command/command.h"
#include "command/family.h"
#include "command/portion.h"
#include "command/test.h"
#include "command/vfio_compat.h"
#include "compat.h"
#include "context/context.h"
#include "context/object.h"
#include "context/reason.h"
#include "context/registry.h"
#include "device/outlook.h"
#include "domain/region.h"
#include "memory/charge.h"
#include "memory/gather.h"
#include "report/handle.h"
#include "report/notice.h"
#include "space/area.h"
#include "space/dmabuf.h"
#include "space/stock.h"

/* Room for the structure of any command. */
union command_arg {
	struct iommu_destroy destroy;
	struct iommu_fault_alloc fault_alloc;
	struct iommu_hw_info hw_info;
	struct iommu_hwpt_alloc hwpt_alloc;
	struct iommu_hwpt_get_dirty_bitmap hwpt_get_dirty_bitmap;
	struct iommu_hwpt_invalidate hwpt_invalidate;
	struct iommu_hwpt_set_dirty_tracking hwpt_set_dirty_tracking;
	struct iommu_ioas_alloc ioas_alloc;
	struct iommu_ioas_allow_iovas allow_iovas;
	struct iommu_ioas_change_process change_process;
	struct iommu_ioas_copy copy;
	struct iommu_ioas_iova_ranges iova_ranges;
	struct iommu_ioas_map map;
	struct iommu_ioas_map_file map_file;
	struct iommu_ioas_unmap unmap;
	struct iommu_option option;
	struct iommu_hw_queue_alloc hw_queue_alloc;
	struct iommu_vdevice_alloc vdevice_alloc;
	struct iommu_veventq_alloc veventq_alloc;
	struct iommu_vfio_ioas vfio_ioas;
	struct iommu_viommu_alloc viommu_alloc;
	struct ioasid_alloc_nested alloc_nested;
	struct ioasid_batch batch;
	struct ioasid_check_extension check_extension;
	struct ioasid_coherency coherency;
	struct ioasid_device_info device_info;
	struct ioasid_eventq_alloc eventq_alloc;
	struct ioasid_last_reason last_reason;
	struct ioasid_pasid_attach pasid_attach;
	struct ioasid_pasid_detach pasid_detach;
};

/**
 * struct command_row - one command
 * @name: of its number in the header
 * @size: length of its structure as this module knows it
 * @min_size: length of the first version of it
 * @answer: an errno, positive, that is an answer and no failure: that the whole answer
 *	takes more room, or that there is none
 * @function: carries it out
 */
struct command_row {
	const char *name;
	u16 size;
	u16 min_size;
	u16 answer;
	int (*function)(struct command *cmd);
};

#define COMMAND(nr, arg, last, function_, ...)				\
	[_IOC_NR(nr) - IOMMUFD_CMD_BASE] = {				\
		.name = #nr,						\
		.size = sizeof(arg) +					\
			BUILD_BUG_ON_ZERO(sizeof(arg) >			\
					  sizeof(union command_arg)),	\
		.min_size = offsetofend(arg, last),			\
		.function = function_,					\
		__VA_ARGS__						\
	}

static const struct command_row commands[] = {
	COMMAND(IOMMU_DESTROY, struct iommu_destroy, id,
		iommufd_context_cmd_destroy),
	COMMAND(IOMMU_IOAS_ALLOC, struct iommu_ioas_alloc, out_ioas_id,
		iommufd_ioas_cmd_alloc),
	COMMAND(IOMMU_IOAS_ALLOW_IOVAS, struct iommu_ioas_allow_iovas,
		allowed_iovas, iommufd_ioas_cmd_allow_iovas),
	COMMAND(IOMMU_IOAS_COPY, struct iommu_ioas_copy, src_iova,
		iommufd_ioas_cmd_copy),
	COMMAND(IOMMU_IOAS_IOVA_RANGES, struct iommu_ioas_iova_ranges,
		out_iova_alignment, iommufd_ioas_cmd_iova_ranges,
		.answer = EMSGSIZE),
	COMMAND(IOMMU_IOAS_MAP, struct iommu_ioas_map, iova,
		iommufd_ioas_cmd_map),
	COMMAND(IOMMU_IOAS_UNMAP, struct iommu_ioas_unmap, length,
		iommufd_ioas_cmd_unmap),
	COMMAND(IOMMU_OPTION, struct iommu_option, val64,
		iommufd_context_cmd_option),
	COMMAND(IOMMU_VFIO_IOAS, struct iommu_vfio_ioas, __reserved,
		iommufd_vfio_cmd_ioas),
	COMMAND(IOMMU_HWPT_ALLOC, struct iommu_hwpt_alloc, __reserved,
		iommufd_table_cmd_alloc),
	COMMAND(IOMMU_GET_HW_INFO, struct iommu_hw_info, __reserved,
		iommufd_device_cmd_hw_info),
	COMMAND(IOMMU_HWPT_SET_DIRTY_TRACKING,
		struct iommu_hwpt_set_dirty_tracking, __reserved,
		iommufd_dirty_cmd_set),
	COMMAND(IOMMU_HWPT_GET_DIRTY_BITMAP, struct iommu_hwpt_get_dirty_bitmap,
		data, iommufd_dirty_cmd_get),
	COMMAND(IOMMU_HWPT_INVALIDATE, struct iommu_hwpt_invalidate, __reserved,
		iommufd_table_cmd_invalidate),
	COMMAND(IOMMU_FAULT_QUEUE_ALLOC, struct iommu_fault_alloc, out_fault_fd,
		iommufd_queue_cmd_fault_alloc),
	COMMAND(IOMMU_IOAS_MAP_FILE, struct iommu_ioas_map_file, iova,
		iommufd_ioas_cmd_map_file),
	COMMAND(IOMMU_VIOMMU_ALLOC, struct iommu_viommu_alloc, out_viommu_id,
		iommufd_viommu_cmd_alloc),
	COMMAND(IOMMU_VDEVICE_ALLOC, struct iommu_vdevice_alloc, virt_id,
		iommufd_viommu_cmd_vdevice),
	COMMAND(IOMMU_VEVENTQ_ALLOC, struct iommu_veventq_alloc, out_veventq_fd,
		iommufd_queue_cmd_vevent_alloc),
	COMMAND(IOMMU_HW_QUEUE_ALLOC, struct iommu_hw_queue_alloc, length,
		iommufd_viommu_cmd_hw_queue),
	COMMAND(IOMMU_IOAS_CHANGE_PROCESS, struct iommu_ioas_change_process,
		__reserved, iommufd_ioas_cmd_change_process),
	COMMAND(IOASID_CHECK_EXTENSION, struct ioasid_check_extension,
		out_value, iommufd_context_cmd_check_extension),
	COMMAND(IOASID_MAP_BATCH, struct ioasid_batch, __reserved,
		iommufd_batch_cmd_map),
	COMMAND(IOASID_UNMAP_BATCH, struct ioasid_batch, __reserved,
		iommufd_batch_cmd_unmap),
	COMMAND(IOASID_ALLOC_NESTED, struct ioasid_alloc_nested, out_ioas_id,
		iommufd_ioas_cmd_alloc_nested),
	COMMAND(IOASID_PASID_ATTACH, struct ioasid_pasid_attach, __reserved,
		iommufd_device_cmd_pasid_attach),
	COMMAND(IOASID_PASID_DETACH, struct ioasid_pasid_detach, pasid,
		iommufd_device_cmd_pasid_detach),
	COMMAND(IOASID_DEVICE_INFO, struct ioasid_device_info, pt_id,
		iommufd_device_cmd_info, .answer = EMSGSIZE),
	COMMAND(IOASID_EVENTQ_ALLOC, struct ioasid_eventq_alloc, out_fd,
		iommufd_queue_cmd_event_alloc),
	COMMAND(IOASID_LAST_REASON, struct ioasid_last_reason, out_errno,
		iommufd_context_cmd_last_reason, .answer = ENODATA),
	COMMAND(IOASID_COHERENCY, struct ioasid_coherency, policy,
		iommufd_table_cmd_coherency),
};

static const struct command_row *command_find(unsigned int nr)
{
	/* The commands carry neither size nor direction in their number. */
	unsigned int i = nr - _IO(IOMMUFD_TYPE, IOMMUFD_CMD_BASE);

	BUILD_BUG_ON(IOMMUFD_CMD_BASE + ARRAY_SIZE(commands) > _IOC_NRMASK + 1);
	if (i >= ARRAY_SIZE(commands))
		return NULL;
	/* Not even by speculation is anything called that is no function of ours. */
	i = array_index_nospec(i, ARRAY_SIZE(commands));
	return commands[i].function ? &commands[i] : NULL;
}

/* A caller whose structure has another length than ours. */
static noinline int command_read_other(struct command *cmd,
				       const struct command_row *row)
{
	if (get_user(cmd->user_size, (u32 __user *)cmd->user))
		return -EFAULT;
	if (cmd->user_size < row->min_size) {
		/* The command that asks for the sentence must not replace it. */
		if (row->function != iommufd_context_cmd_last_reason)
			iommufd_reason_note(cmd->ctx, -EINVAL,
					    "the structure of %s has at least %u bytes: size is %u",
					    row->name, row->min_size,
					    cmd->user_size);
		return -EINVAL;
	}
	return copy_struct_from_user(cmd->arg, row->size, cmd->user,
				     cmd->user_size);
}

/*
 * Copy the structure, and fill it up with zeros. Nearly every caller has the same
 * version of it as we do, for which there is a shorter way: words of known
 * number, 77 instructions less.
 */
static int command_read(struct command *cmd, const struct command_row *row)
{
	const u64 __user *from = cmd->user;
	u64 *to = cmd->arg;
	unsigned int i;

	if (!user_read_access_begin(from, row->size))
		return command_read_other(cmd, row);
	unsafe_get_user(cmd->user_size, (u32 __user *)from, err);
	if (cmd->user_size != row->size || row->size % sizeof(u64)) {
		user_read_access_end();
		return command_read_other(cmd, row);
	}
	for (i = 0; i < row->size / sizeof(u64); i++)
		unsafe_get_user(to[i], &from[i], err);
	user_read_access_end();
	return 0;
err:
	user_read_access_end();
	return -EFAULT;
}

static noinline long other_ioctl(struct iommufd_ctx *ctx, unsigned int nr,
				 unsigned long arg)
{
	long rc = iommufd_vfio_ioctl(ctx, nr, arg);

	if (rc == -ENOIOCTLCMD)
		rc = iommufd_test_ioctl(ctx, nr, (void __user *)arg);
	return rc;
}

static long iommufd_ioctl(struct file *file, unsigned int nr, unsigned long arg)
{
	const struct command_row *row = command_find(nr);
	struct iommufd_ctx *ctx = file->private_data;
	union command_arg buffer;
	int rc;

	/* LAST_REASON is about the call before. */
	if (unlikely(reason_any(ctx)) && nr != IOASID_LAST_REASON)
		iommufd_reason_forget(ctx);
	if (likely(row)) {
		struct command cmd = {
			.ctx = ctx,
			.arg = &buffer,
			.user = (void __user *)arg,
			.size = row->size,
		};

		rc = command_read(&cmd, row) ?: row->function(&cmd);
		if (unlikely(rc) && rc != -row->answer)
			iommufd_notice_failed(ctx, row->name, rc);
		return rc;
	}
	return other_ioctl(ctx, nr, arg);
}

static void context_free_rcu(struct rcu_head *rcu)
{
	struct iommufd_ctx *ctx = container_of(rcu, struct iommufd_ctx, rcu);

	put_pid(ctx->opener);
	kfree(ctx);
}

/* A report of a DMA fault may still be reading it. */
static void context_free(struct iommufd_ctx *ctx)
{
	mutex_destroy(&ctx->ioas_lock);
	mutex_destroy(&ctx->look_lock);
	mutex_destroy(&ctx->group_lock);
	mutex_destroy(&ctx->vdevice_lock);
	mutex_destroy(&ctx->bar_lock);
	call_rcu(&ctx->rcu, context_free_rcu);
}

static void tell_context(struct iommufd_ctx *ctx, enum ioasid_event_kind kind)
{
	const struct notice notice = { .kind = kind, .ctx = ctx };

	iommufd_notice_send(&notice);
}

static int iommufd_open(struct inode *inode, struct file *file)
{
	/* Of misc_open(), until it is ours. */
	const struct miscdevice *misc = file->private_data;
	struct iommufd_ctx *ctx = kzalloc(sizeof(*ctx), GFP_KERNEL_ACCOUNT);
	int rc;

	if (!ctx)
		return -ENOMEM;
	xa_init_flags(&ctx->objects, XA_FLAGS_ALLOC1 | XA_FLAGS_ACCOUNT);
	init_waitqueue_head(&ctx->drained);
	spin_lock_init(&ctx->account_lock);
	spin_lock_init(&ctx->reason_lock);
	INIT_LIST_HEAD(&ctx->reasons);
	mutex_init(&ctx->ioas_lock);
	INIT_LIST_HEAD(&ctx->ioases);
	init_rwsem(&ctx->file_lock);
	mutex_init(&ctx->look_lock);
	mutex_init(&ctx->group_lock);
	INIT_LIST_HEAD(&ctx->groups);
	xa_init_flags(&ctx->pasids, XA_FLAGS_ACCOUNT);
	spin_lock_init(&ctx->region_lock);
	INIT_LIST_HEAD(&ctx->regions);
	/* 0 is what somebody has who has not been told. */
	ctx->next_region = PAGE_SIZE;
	mutex_init(&ctx->vdevice_lock);
	mutex_init(&ctx->bar_lock);
	INIT_LIST_HEAD(&ctx->bar_owners);
	ctx->device = misc->this_device;
	iommufd_dmabuf_open(ctx);
	spin_lock_init(&ctx->eventq_lock);
	INIT_LIST_HEAD(&ctx->eventqs);
	ctx->file = file;
	rc = iommufd_registry_add(ctx);
	if (rc) {
		context_free(ctx);
		return rc;
	}
	file->private_data = ctx;
	tell_context(ctx, IOASID_EVENT_KIND_OPEN);
	return 0;
}

static int iommufd_release(struct inode *inode, struct file *file)
{
	struct iommufd_ctx *ctx = file->private_data;

	tell_context(ctx, IOASID_EVENT_KIND_CLOSE);
	iommufd_registry_remove(ctx);
	iommufd_object_destroy_all(ctx);
	iommufd_dmabuf_settle(ctx);
	WARN_ON(!list_empty(&ctx->groups) || !list_empty(&ctx->bar_owners) ||
		!xa_empty(&ctx->pasids));
	account_put(ctx->account);
	iommufd_reason_forget_all(ctx);
	iommufd_test_release(ctx);
	context_free(ctx);
	return 0;
}

static int iommufd_mmap(struct file *file, struct vm_area_struct *vma)
{
	return iommufd_region_mmap(file->private_data, vma);
}

static const struct file_operations iommufd_fops = {
	.owner = THIS_MODULE,
	.open = iommufd_open,
	.release = iommufd_release,
	.unlocked_ioctl = iommufd_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.mmap = iommufd_mmap,
};

/**
 * iommufd_ctx_get - keep a context
 * @ctx: a context that the caller has a reference on
 */
void iommufd_ctx_get(struct iommufd_ctx *ctx)
{
	context_get(ctx);
}
EXPORT_SYMBOL_NS_GPL(iommufd_ctx_get, "IOMMUFD");

/**
 * iommufd_ctx_put - drop a reference
 * @ctx: the context; may be gone afterwards
 */
void iommufd_ctx_put(struct iommufd_ctx *ctx)
{
	context_put(ctx);
}
EXPORT_SYMBOL_NS_GPL(iommufd_ctx_put, "IOMMUFD");

/**
 * iommufd_ctx_from_file - the context of an open file
 * @file: any file
 *
 * Return: the context, to be given back by iommufd_ctx_put(), or
 * ERR_PTR(-EBADFD) if the file is not /dev/iommu.
 */
struct iommufd_ctx *iommufd_ctx_from_file(struct file *file)
{
	struct iommufd_ctx *ctx;

	if (file->f_op != &iommufd_fops)
		return ERR_PTR(-EBADFD);
	ctx = file->private_data;
	context_get(ctx);
	return ctx;
}
EXPORT_SYMBOL_NS_GPL(iommufd_ctx_from_file, "IOMMUFD");

/**
 * iommufd_ctx_from_fd - the context of a file descriptor of this process
 * @fd: the file descriptor
 *
 * Return: the context, to be given back by iommufd_ctx_put(), or ERR_PTR of
 * -EBADF (no such file) or -EBADFD (not /dev/iommu).
 */
struct iommufd_ctx *iommufd_ctx_from_fd(int fd)
{
	struct file *file = fget(fd);
	struct iommufd_ctx *ctx;

	if (!file)
		return ERR_PTR(-EBADF);
	ctx = iommufd_ctx_from_file(file);
	fput(file);
	return ctx;
}
EXPORT_SYMBOL_NS_GPL(iommufd_ctx_from_fd, "IOMMUFD");

static struct miscdevice iommufd_misc = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "iommu",
	.nodename = "iommu",
	.fops = &iommufd_fops,
	.mode = 0660,
};

static int device_init(void)
{
	return misc_register(&iommufd_misc);
}

static void device_exit(void)
{
	misc_deregister(&iommufd_misc);
}

/* Called at load in this order, and at unload in reverse. */
static const struct {
	int (*init)(void);
	void (*exit)(void);
} rooms[] = {
	{ iommufd_account_init, iommufd_account_exit },
	{ iommufd_area_cache_init, iommufd_area_cache_exit },
	{ iommufd_stock_init, iommufd_stock_exit },
	{ iommufd_gather_init, iommufd_gather_exit },
	{ iommufd_portion_init, iommufd_portion_exit },
	{ iommufd_handles_init, iommufd_handles_exit },
	{ iommufd_family_init, iommufd_family_exit },
	{ iommufd_outlook_init, iommufd_outlook_exit },
	{ device_init, device_exit },
};

static void leave_rooms(unsigned int n)
{
	while (n--)
		rooms[n].exit();
}

static int __init iommufd_init(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rooms); i++) {
		int rc = rooms[i].init();

		if (rc) {
			leave_rooms(i);
			return rc;
		}
	}
	return 0;
}

static void __exit iommufd_exit(void)
{
	leave_rooms(ARRAY_SIZE(rooms));
	/* context_free_rcu() is code of this module. */
	rcu_barrier();
}

module_init(iommufd_init);
module_exit(iommufd_exit);

MODULE_DESCRIPTION("I/O address spaces for user space: /dev/iommu");
MODULE_LICENSE("GPL");
MODULE_VERSION(IOMMUFD_VERSION);
MODULE_IMPORT_NS("IOMMUFD_INTERNAL");
