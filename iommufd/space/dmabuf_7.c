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
 * @in_use: in the context's list; until it is revoked, or nobody refers to it
 * @owner: what stands for the device, and counts the references
 * @dmabuf: the dma-buf, with a reference
 * @attach: by which we are told; NULL: there is none yet
 * @link: of those that the context is to let go of
 */
struct import {
	struct iommufd_ctx *ctx;
	struct list_head in_use;
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

	llist_for_each_entry_safe(import, next, gone, link) {
		import_free(import);
		cond_resched();
	}
}

static void import_forget(struct import *import)
{
	mutex_lock(&import->ctx->bar_lock);
	list_del_init(&import->in_use);
	mutex_unlock(&import->ctx->bar_lock);
}

static void import_release(struct bar_owner *owner, void *data)
{
	struct import *import = data;
	struct iommufd_ctx *ctx = import->ctx;

	import_forget(import);
	if (llist_add(&import->link, &ctx->imports_gone))
		queue_work(system_unbound_wq, &ctx->import_work);
}

/* With the lock of the dma-buf held. VFIO says so also when it may be mapped again. */
static void import_revoked(struct dma_buf_attachment *attach)
{
	struct import *import = attach->importer_priv;

	import_forget(import);
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
	INIT_LIST_HEAD(&import->in_use);
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
	rc = dma_resv_lock_interruptible(attach->dmabuf->resv, NULL);
	if (!rc) {
		rc = ask(attach, phys);
		dma_resv_unlock(attach->dmabuf->resv);
	}
	symbol_put(vfio_pci_dma_buf_iommufd_map);
	return rc;
}

/*
 * From now on we are told. The device that we attach is ourselves: who does DMA changes
 * with each attach, and VFIO does not look.
 */
static int import_attach(struct import *import)
{
	struct dma_buf_attachment *attach;

	attach = dma_buf_dynamic_attach(import->dmabuf, import->ctx->device,
					&import_ops, import);
	if (IS_ERR(attach))
		return PTR_ERR(attach);
	import->attach = attach;
	return 0;
}

/* One that is there already, with a reference, or NULL. */
static struct import *import_find(struct iommufd_ctx *ctx,
				  const struct dma_buf *dmabuf)
{
	struct import *import, *found = NULL;

	mutex_lock(&ctx->bar_lock);
	list_for_each_entry(import, &ctx->imports, in_use) {
		if (import->dmabuf != dmabuf ||
		    !iommufd_bar_owner_try_get(import->owner))
			continue;
		found = import;
		break;
	}
	mutex_unlock(&ctx->bar_lock);
	return found;
}

/*
 * Two threads may each make one: that does no harm. It may be retired as soon as this
 * returns, or have been, see import_memory(). The reference on the dma-buf is taken over.
 */
static struct import *import_get(struct iommufd_ctx *ctx,
				 struct dma_buf *dmabuf)
{
	struct import *import = import_find(ctx, dmabuf);
	int rc;

	if (import) {
		dma_buf_put(dmabuf);
		return import;
	}
	import = import_alloc(ctx, dmabuf);
	if (!import) {
		dma_buf_put(dmabuf);
		return ERR_PTR(-ENOMEM);
	}
	rc = import_attach(import);
	if (rc) {
		iommufd_bar_owner_put(import->owner);
		return ERR_PTR(rc);
	}
	mutex_lock(&ctx->bar_lock);
	if (!iommufd_bar_owner_retired(import->owner))
		list_add(&import->in_use, &ctx->imports);
	mutex_unlock(&ctx->bar_lock);
	return import;
}

static int refuse(struct iommufd_ctx *ctx, int rc)
{
	const char *why;

	switch (rc) {
	case -ENODEV:
		why = "the dma-buf is revoked: its device has the BAR off, or has been closed";
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
	unsigned long last;

	if (!length)
		return -EINVAL;
	if (check_add_overflow(start, length - 1, &last))
		return -EOVERFLOW;
	if (last < dmabuf->size)
		return 0;
	return iommufd_reason_note(ctx, -EINVAL,
				   "%#lx bytes at %#lx do not end within the %#zx of the dma-buf",
				   length, start, dmabuf->size);
}

/* Bytes are pages all over: what is mapped is never more than was asked for. */
static int where(const struct import *import, unsigned long start,
		 unsigned long length, phys_addr_t *at)
{
	struct phys_vec phys;
	int rc = ask_vfio(import->attach, &phys);

	if (rc)
		return rc;
	if (!PAGE_ALIGNED(phys.paddr) || !PAGE_ALIGNED(phys.len) ||
	    start + length > phys.len)
		return -EOPNOTSUPP;
	*at = phys.paddr + start;
	return 0;
}

/*
 * The device may have been closed, and opened again by somebody else, since we were told
 * where its memory is. Then the dma-buf has been revoked: a device that is found by the
 * address, and cannot be revoked behind our back any more, is only then the same.
 */
static int settle_owner(struct iommufd_ctx *ctx, struct pinned *pinned)
{
	struct bar_owner *import = pinned->owner;
	struct bar_owner *ours = iommufd_bar_owner_find(ctx, &pinned->runs);

	if (iommufd_bar_owner_retired(import)) {
		iommufd_bar_owner_put(ours);
		return -ENODEV;
	}
	if (ours) {
		pinned->owner = ours;
		iommufd_bar_owner_put(import);
	}
	return 0;
}

static struct pinned *import_memory(struct import *import, unsigned long start,
				    unsigned long length, bool writable)
{
	struct iommufd_ctx *ctx = import->ctx;
	struct pinned *pinned;
	phys_addr_t at;
	int rc;

	rc = where(import, start, length, &at);
	pinned = rc ? ERR_PTR(rc) :
		      iommufd_pinned_from_bar(ctx, start, length, writable,
					      PHYS_PFN(at), import->owner);
	if (IS_ERR(pinned)) {
		iommufd_bar_owner_put(import->owner);
		return pinned;
	}
	rc = settle_owner(ctx, pinned);
	if (rc) {
		iommufd_pinned_put(pinned);
		return ERR_PTR(rc);
	}
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
 * revoked: the device has its BARs off, or has been closed), -ENOMEM, -EINTR.
 */
struct pinned *iommufd_dmabuf_memory(struct iommufd_ctx *ctx, int fd,
				     unsigned long start, unsigned long length,
				     bool writable)
{
	struct dma_buf *dmabuf = dma_buf_get(fd);
	struct import *import;
	struct pinned *pinned;
	int rc;

	if (IS_ERR(dmabuf))
		return NULL;
	rc = check_rights(ctx, dmabuf->file, writable) ?:
	     check_range(ctx, dmabuf, start, length);
	if (rc) {
		dma_buf_put(dmabuf);
		return ERR_PTR(rc);
	}
	import = import_get(ctx, dmabuf);
	if (IS_ERR(import))
		return ERR_PTR(refuse(ctx, PTR_ERR(import)));
	pinned = import_memory(import, start, length, writable);
	return IS_ERR(pinned) ? ERR_PTR(refuse(ctx, PTR_ERR(pinned))) : pinned;
}

/**
 * iommufd_dmabuf_open - a context begins
 * @ctx: the context
 */
void iommufd_dmabuf_open(struct iommufd_ctx *ctx)
{
	INIT_LIST_HEAD(&ctx->imports);
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
	WARN_ON(!llist_empty(&ctx->imports_gone) || !list_empty(&ctx->imports));
}
