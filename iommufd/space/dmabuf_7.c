// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory of a device as a dma-buf, which VFIO makes of a piece of a BAR.
 *
 * Where the BAR is that of a device which is bound to the same context, the mapping is one
 * of that BAR as if it had been mapped by an address (memory/bar.c): it comes back when
 * the device has been off.  Otherwise whoever has made the dma-buf tells us when it is
 * revoked.  By then no device may reach it any more, and it stays so: a mapping that is
 * to be used again has to be made anew.
 *
 * The lock of a dma-buf (dma_resv) is outside of all locks of an IOAS: it is held while
 * we are told.  We take it to map, when we hold none, and to let go of the dma-buf,
 * which is left to a work item: the last reference may go with any lock held.
 */
#include <linux/dma-buf.h>
#include <linux/dma-resv.h>
#include <linux/file.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/vfio_pci_core.h>
#include <linux/workqueue.h>

#include "context/context.h"
#include "context/reason.h"
#include "memory/bar.h"
#include "memory/pin.h"
#include "space/dmabuf.h"
#include "space/revoke.h"

MODULE_IMPORT_NS("DMA_BUF");

/**
 * struct import - a dma-buf that is mapped
 * @ctx: where
 * @owner: what stands for the device
 * @dmabuf: the dma-buf, with a reference
 * @attach: by which we are told; NULL: there is none yet
 * @link: of those that the context is to let go of
 */
struct import {
	struct iommufd_ctx *ctx;
	struct bar_owner *owner;
	struct dma_buf *dmabuf;
	struct dma_buf_attachment *attach;
	struct llist_node link;
};

static void import_free(struct import *import)
{
	if (import->attach)
		dma_buf_detach(import->dmabuf, import->attach);
	/* Nobody is about to be told any more. */
	dma_buf_put(import->dmabuf);
	iommufd_bar_owner_free(import->owner);
	kfree(import);
}

static void let_go(struct work_struct *work)
{
	struct iommufd_ctx *ctx =
		container_of(work, struct iommufd_ctx, import_work);
	struct llist_node *gone = llist_del_all(&ctx->imports_gone);
	struct import *import, *next;

	llist_for_each_entry_safe(import, next, gone, link)
		import_free(import);
}

static void import_release(struct bar_owner *owner, void *data)
{
	struct import *import = data;

	if (llist_add(&import->link, &import->ctx->imports_gone))
		schedule_work(&import->ctx->import_work);
}

/* With the lock of the dma-buf held. VFIO says so also when it may be mapped again. */
static void import_revoked(struct dma_buf_attachment *attach)
{
	struct import *import = attach->importer_priv;

	if (iommufd_bar_owner_retire(import->ctx, import->owner))
		iommufd_ioas_revoke(import->ctx, import->owner);
}

static const struct dma_buf_attach_ops import_ops = {
	.allow_peer2peer = true,
	.invalidate_mappings = import_revoked,
};

/* Returns the import, which has taken over the reference on the dma-buf, or NULL. */
static struct import *import_alloc(struct iommufd_ctx *ctx,
				   struct dma_buf *dmabuf)
{
	struct import *import = kzalloc(sizeof(*import), GFP_KERNEL_ACCOUNT);

	if (!import)
		return NULL;
	import->owner = iommufd_bar_owner_alloc("a dma-buf", import_release,
						import);
	if (!import->owner) {
		kfree(import);
		return NULL;
	}
	import->ctx = ctx;
	import->dmabuf = dmabuf;
	return import;
}

/*
 * VFIO's module may not be there, and needs ours: so it is looked for by name. It is
 * there if the dma-buf is its own.
 */
static int ask_vfio(struct dma_buf_attachment *attach, struct phys_vec *phys)
{
	typeof(&vfio_pci_dma_buf_iommufd_map) ask =
		symbol_get(vfio_pci_dma_buf_iommufd_map);
	int rc;

	if (!ask)
		return -EOPNOTSUPP;
	dma_resv_lock(attach->dmabuf->resv, NULL);
	rc = ask(attach, phys);
	dma_resv_unlock(attach->dmabuf->resv);
	symbol_put(vfio_pci_dma_buf_iommufd_map);
	return rc;
}

/*
 * Where is it? From now on we are told when that is no longer so. The device that we
 * attach is ourselves: who does DMA changes with each attach, and VFIO does not look.
 */
static int import_attach(struct import *import, struct phys_vec *phys)
{
	struct dma_buf_attachment *attach;

	attach = dma_buf_dynamic_attach(import->dmabuf, import->ctx->device,
					&import_ops, import);
	if (IS_ERR(attach))
		return PTR_ERR(attach);
	import->attach = attach;
	return ask_vfio(attach, phys);
}

static int refuse(struct iommufd_ctx *ctx, int rc)
{
	const char *why;

	switch (rc) {
	case -ENODEV:
		why = "the device has its BAR off, or nobody has it open any more";
		break;
	case -EOPNOTSUPP:
		why = "a dma-buf has to be one of VFIO's, and one piece of a BAR";
		break;
	default:
		return rc;
	}
	return iommufd_reason_note(ctx, rc, "%s", why);
}

/* As for a shared mapping. */
static int check_rights(struct iommufd_ctx *ctx, const struct file *file,
			bool writable)
{
	if (!(file->f_mode & FMODE_READ))
		return iommufd_reason_note(
			ctx, -EACCES, "the dma-buf is not open for reading");
	if (writable && !(file->f_mode & FMODE_WRITE))
		return iommufd_reason_note(
			ctx, -EPERM, "the dma-buf is not open for writing");
	return 0;
}

static int check_range(struct iommufd_ctx *ctx, const struct dma_buf *dmabuf,
		       unsigned long start, unsigned long length)
{
	int rc = pinned_check_range(start, length);

	if (rc)
		return rc;
	if (start + length <= dmabuf->size)
		return 0;
	return iommufd_reason_note(ctx, -EINVAL,
				   "%#lx bytes at %#lx do not end within the %#zx of the dma-buf",
				   length, start, dmabuf->size);
}

/* The reference on the dma-buf is taken over. Returns memory, or an ERR_PTR. */
static struct pinned *import_memory(struct iommufd_ctx *ctx,
				    struct dma_buf *dmabuf, unsigned long start,
				    unsigned long length, bool writable)
{
	struct import *import = import_alloc(ctx, dmabuf);
	struct bar_owner *ours;
	struct pinned *pinned;
	struct phys_vec phys;
	int rc;

	if (!import) {
		dma_buf_put(dmabuf);
		return ERR_PTR(-ENOMEM);
	}
	rc = import_attach(import, &phys);
	if (rc) {
		pinned = ERR_PTR(refuse(ctx, rc));
		goto out_import;
	}
	pinned = iommufd_pinned_from_bar(ctx, start, length, writable,
					 PHYS_PFN(phys.paddr + start),
					 import->owner);
	if (IS_ERR(pinned))
		goto out_import;
	ours = iommufd_bar_owner_find(ctx, &pinned->runs);
	if (!ours)
		return pinned;
	pinned->owner = ours;
out_import:
	iommufd_bar_owner_put(import->owner);
	return pinned;
}

/**
 * iommufd_dmabuf_memory - memory of a dma-buf that VFIO has made of a BAR
 * @ctx: the context that maps it
 * @fd: any file descriptor of the current process
 * @start: offset in bytes, need not be aligned
 * @length: bytes
 * @writable: devices may write to it
 *
 * The caller holds no lock.
 *
 * Return: the memory, with one reference; NULL if it is no dma-buf; or -EINVAL (no
 * length, or beyond the end), -EOVERFLOW, -EACCES (not open for reading), -EPERM (not open
 * for writing), -EOPNOTSUPP (of somebody else, or not in one piece), -ENODEV (it has been
 * revoked: the device has its BARs off, or has been closed), -ENOMEM.
 */
struct pinned *iommufd_dmabuf_memory(struct iommufd_ctx *ctx, int fd,
				     unsigned long start, unsigned long length,
				     bool writable)
{
	struct dma_buf *dmabuf = dma_buf_get(fd);
	int rc;

	if (IS_ERR(dmabuf))
		return NULL;
	rc = check_rights(ctx, dmabuf->file, writable) ?:
	     check_range(ctx, dmabuf, start, length);
	if (!rc)
		return import_memory(ctx, dmabuf, start, length, writable);
	dma_buf_put(dmabuf);
	return ERR_PTR(rc);
}

/**
 * iommufd_dmabuf_open - a context begins
 * @ctx: the context
 */
void iommufd_dmabuf_open(struct iommufd_ctx *ctx)
{
	init_llist_head(&ctx->imports_gone);
	INIT_WORK(&ctx->import_work, let_go);
}

/**
 * iommufd_dmabuf_settle - a context ends: let go of all dma-bufs
 * @ctx: the context, which has no memory any more
 *
 * The caller holds no lock.
 */
void iommufd_dmabuf_settle(struct iommufd_ctx *ctx)
{
	flush_work(&ctx->import_work);
}
