// SPDX-License-Identifier: GPL-2.0-only
/*
 * In-kernel users of an IOAS: drivers of emulated and mediated devices, which do
 * in software what a device does by DMA.
 *
 * They name memory by IOVA, read and write it, or pin pages of it and have to
 * give them back when their unmap callback says that the range is going.
 *
 * access->lock covers which IOAS it is attached to. The callback is called without
 * it, since it unpins. Nor is it held while memory is pinned, read or written, which
 * may take for ever: leaving the IOAS waits for calls that are doing so. After that the
 * user may be freed, so the last thing that such a call touches of it is a spinlock: a
 * mutex may still be looked at by the one who unlocks it when the next has it already.
 */
#include <linux/iommu.h>
#include <linux/iommufd.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/overflow.h>
#include <linux/slab.h>

#include "compat.h"
#include "context/reason.h"
#include "memory/pages.h"
#include "memory/pin.h"
#include "report/notice.h"
#include "space/access.h"
#include "space/area.h"
#include "space/chain.h"
#include "space/space.h"
#include "space/table.h"

/* Beside IOMMUFD_ACCESS_RW_*: an unmap is refused while the pages are pinned. */
#define ACCESS_KEEP	BIT(31)

/**
 * struct iommufd_access - one in-kernel user
 * @obj: in the ID table
 * @ctx: the context; referenced
 * @ops: the driver's callbacks
 * @data: for them
 * @lock: protects @ioas, @unpin_ioas and @user
 * @ioas: what it is attached to, or NULL: no new pins, no reads and writes
 * @unpin_ioas: the IOAS of its pins: stays when @ioas is NULL already, so that
 *	they can be given back
 * @user: its entry in the IOAS
 * @working: calls that pin, unpin, read or write; under the lock of @idle
 * @idle: woken when there are none
 */
struct iommufd_access {
	struct object obj;
	struct iommufd_ctx *ctx;
	const struct iommufd_access_ops *ops;
	void *data;
	struct mutex lock;
	struct ioas *ioas;
	struct ioas *unpin_ioas;
	struct ioas_user user;
	unsigned int working;
	wait_queue_head_t idle;
};

static void access_unmap(struct ioas_user *user, unsigned long iova,
			 unsigned long length)
{
	struct iommufd_access *access =
		container_of(user, struct iommufd_access, user);

	if (access->ops->unmap)
		access->ops->unmap(access->data, iova, length);
}

/*
 * Wait until no call works with the IOAS, nor touches the user. access->ioas is NULL,
 * so there are no new ones but for unpinning.
 */
static void wait_idle(struct iommufd_access *access)
{
	bool idle;

	do {
		wait_event(access->idle, !READ_ONCE(access->working));
		/* The last one still has the lock, perhaps. */
		spin_lock(&access->idle.lock);
		idle = !access->working;
		spin_unlock(&access->idle.lock);
	} while (!idle);
}

/*
 * Change the IOAS to @ioas (referenced by the caller for us) or none. The old
 * one is left in three steps: no new pins; the driver gives back the old ones;
 * the old IOAS forgets us.
 */
static int access_change(struct iommufd_access *access, struct ioas *ioas)
{
	struct ioas *old = access->ioas;
	struct ioas_user was = access->user;
	int rc;

	lockdep_assert_held(&access->lock);
	/* Somebody else is leaving it already. */
	if (old != access->unpin_ioas)
		return -EBUSY;
	if (ioas) {
		rc = iommufd_ioas_add_user(ioas, &access->user);
		if (rc) {
			access->user.id = was.id;
			return rc;
		}
	}
	if (old) {
		access->ioas = NULL;
		mutex_unlock(&access->lock);
		wait_idle(access);
		if (access->ops->unmap)
			access->ops->unmap(access->data, 0, ULONG_MAX);
		/* Another thread of the driver may have unpinned the last ones. */
		wait_idle(access);
		mutex_lock(&access->lock);
		iommufd_ioas_remove_user(old, &was);
		ioas_put(access->ctx, old);
	}
	access->ioas = ioas;
	access->unpin_ioas = ioas;
	return 0;
}

static void access_destroy_object(struct iommufd_ctx *ctx, struct object *obj)
{
	struct iommufd_access *access =
		container_of(obj, struct iommufd_access, obj);

	WARN_ON(access->unpin_ioas);
	mutex_destroy(&access->lock);
}

static const struct object_kind access_kind = {
	.type = OBJECT_ACCESS,
	.name = "access",
	.destroy = access_destroy_object,
};

/**
 * iommufd_access_create - a new in-kernel user
 * @ctx: the context
 * @ops: the driver's callbacks
 * @data: given to them
 * @id: set to the ID of the new object
 *
 * Return: the user, not attached; or ERR_PTR of -ENOMEM.
 */
struct iommufd_access *
iommufd_access_create(struct iommufd_ctx *ctx,
		      const struct iommufd_access_ops *ops, void *data, u32 *id)
{
	struct iommufd_access *access;
	int rc;

	reason_begin(ctx);
	access = kzalloc(sizeof(*access), GFP_KERNEL_ACCOUNT);
	if (!access)
		return ERR_PTR(-ENOMEM);
	access->ctx = ctx;
	access->ops = ops;
	access->data = data;
	mutex_init(&access->lock);
	init_waitqueue_head(&access->idle);
	access->user.obj = &access->obj;
	access->user.unmap = access_unmap;
	access->user.alignment = ops->needs_pin_pages ? PAGE_SIZE : 1;
	rc = iommufd_object_init(ctx, &access->obj, &access_kind);
	if (rc) {
		kfree(access);
		return ERR_PTR(rc);
	}
	context_get(ctx);
	/* The driver's reference: it cannot be destroyed by its ID. */
	object_hold(&access->obj);
	*id = access->obj.id;
	iommufd_object_publish(ctx, &access->obj);
	return access;
}
EXPORT_SYMBOL_NS_GPL(iommufd_access_create, "IOMMUFD");

/**
 * iommufd_access_destroy - the opposite of iommufd_access_create()
 * @access: the user; detached if it still is attached
 *
 * The driver may be called back for everything before this returns, but not
 * afterwards.
 */
void iommufd_access_destroy(struct iommufd_access *access)
{
	struct iommufd_ctx *ctx = access->ctx;

	/* While an unmap can still call it back. */
	mutex_lock(&access->lock);
	if (access->ioas)
		WARN_ON(access_change(access, NULL));
	mutex_unlock(&access->lock);
	iommufd_object_remove(ctx, &access->obj);
	context_put(ctx);
}
EXPORT_SYMBOL_NS_GPL(iommufd_access_destroy, "IOMMUFD");

static int access_change_id(struct iommufd_access *access, u32 ioas_id)
{
	struct ioas *ioas = ioas_get(access->ctx, ioas_id);
	int rc = 0;

	lockdep_assert_held(&access->lock);
	if (!ioas)
		return -ENOENT;
	if (ioas == access->ioas)
		ioas_put(access->ctx, ioas);
	else
		rc = access_change(access, ioas);
	if (rc)
		ioas_put(access->ctx, ioas);
	return rc;
}

/**
 * iommufd_access_attach - choose the IOAS
 * @access: the user, not attached
 * @ioas_id: the IOAS
 *
 * Return: 0, -ENOENT, -EINVAL if it is attached already, -EADDRINUSE if the
 * user's pages do not fit what is mapped, -ENOMEM.
 */
int iommufd_access_attach(struct iommufd_access *access, u32 ioas_id)
{
	int rc = -EINVAL;

	reason_begin(access->ctx);
	mutex_lock(&access->lock);
	if (!WARN_ON(access->unpin_ioas))
		rc = access_change_id(access, ioas_id);
	mutex_unlock(&access->lock);
	if (rc)
		iommufd_notice_failed(access->ctx, "attach", rc);
	return rc;
}
EXPORT_SYMBOL_NS_GPL(iommufd_access_attach, "IOMMUFD");

/**
 * iommufd_access_replace - change the IOAS
 * @access: the user, attached
 * @ioas_id: the new IOAS
 *
 * The driver is called back to unpin everything.
 *
 * Return: 0, or with nothing changed -ENOENT (also if it is not attached),
 * -EADDRINUSE, -ENOMEM, -EBUSY.
 */
int iommufd_access_replace(struct iommufd_access *access, u32 ioas_id)
{
	int rc = -ENOENT;

	reason_begin(access->ctx);
	mutex_lock(&access->lock);
	if (access->ioas)
		rc = access_change_id(access, ioas_id);
	mutex_unlock(&access->lock);
	if (rc)
		iommufd_notice_failed(access->ctx, "attach", rc);
	return rc;
}
EXPORT_SYMBOL_NS_GPL(iommufd_access_replace, "IOMMUFD");

/**
 * iommufd_access_detach - leave the IOAS
 * @access: the user, attached
 *
 * The driver is called back to unpin everything.
 */
void iommufd_access_detach(struct iommufd_access *access)
{
	mutex_lock(&access->lock);
	if (!WARN_ON(!access->ioas))
		WARN_ON(access_change(access, NULL));
	mutex_unlock(&access->lock);
}
EXPORT_SYMBOL_NS_GPL(iommufd_access_detach, "IOMMUFD");

/* Work with the memory of an IOAS begins, with access->lock held. */
static struct ioas *begin_with(struct iommufd_access *access, struct ioas *ioas)
{
	lockdep_assert_held(&access->lock);
	if (!ioas)
		return NULL;
	object_hold(&ioas->obj);
	spin_lock(&access->idle.lock);
	access->working++;
	spin_unlock(&access->idle.lock);
	return ioas;
}

/* Begin to work with the memory of the IOAS. Returns it, referenced, or NULL. */
static struct ioas *access_begin(struct iommufd_access *access)
{
	struct ioas *ioas;

	mutex_lock(&access->lock);
	ioas = begin_with(access, access->ioas);
	mutex_unlock(&access->lock);
	return ioas;
}

/* The same, to give back what was pinned, which is possible while leaving, too. */
static struct ioas *access_begin_unpin(struct iommufd_access *access)
{
	struct ioas *ioas;

	mutex_lock(&access->lock);
	ioas = begin_with(access, access->unpin_ioas);
	mutex_unlock(&access->lock);
	return ioas;
}

/* The user, and its context with it, may be gone as soon as the lock is free. */
static void access_end(struct iommufd_access *access, struct ioas *ioas)
{
	ioas_put(access->ctx, ioas);
	spin_lock(&access->idle.lock);
	WRITE_ONCE(access->working, access->working - 1);
	if (!access->working)
		wake_up_all_locked(&access->idle);
	spin_unlock(&access->idle.lock);
}

/**
 * struct stretch - one area's part of a range
 * @area: the area
 * @iova: where the part begins
 * @length: bytes
 */
struct stretch {
	struct area *area;
	unsigned long iova;
	unsigned long length;
};

/* The part of the range from @iova to @last that the area at @iova holds. */
static bool stretch_at(struct ioas *ioas, unsigned long iova,
		       unsigned long last, struct stretch *stretch)
{
	lockdep_assert_held(&ioas->tree_lock);
	stretch->area = iommufd_ioas_area_at(ioas, iova);
	if (!stretch->area)
		return false;
	stretch->iova = iova;
	stretch->length = min(last, stretch->area->last) - iova + 1;
	return true;
}

static unsigned long stretch_pages(const struct stretch *stretch,
				   unsigned long *first)
{
	*first = area_page(stretch->area, stretch->iova);
	return area_page(stretch->area,
			 stretch->iova + stretch->length - 1) - *first + 1;
}

/* Whole pages, except at the end of the range. */
static bool page_aligned(const struct stretch *stretch, unsigned long last)
{
	unsigned long offset = stretch->area->offset +
			       (stretch->iova - stretch->area->iova);

	return PAGE_ALIGNED(offset) &&
	       (PAGE_ALIGNED(stretch->length) ||
		stretch->iova + stretch->length - 1 == last);
}

static bool stretch_permits(const struct stretch *stretch, unsigned int flags)
{
	return stretch->area->prot &
	       (flags & IOMMUFD_ACCESS_RW_WRITE ? IOMMU_WRITE : IOMMU_READ);
}

/*
 * Begin to work with the memory of a stretch. That may take for ever, so no lock is
 * held meanwhile; an unmap waits. The area stays while it has pins.
 */
static int begin_work(struct ioas *ioas, unsigned long iova,
		      unsigned long last, unsigned int flags, bool pages,
		      struct stretch *stretch, struct ioas_worker *worker)
{
	unsigned long first;
	int rc;

	rc = down_read_killable(ioas_lock(ioas));
	if (rc)
		return rc;
	mutex_lock(&ioas->tree_lock);
	if (!stretch_at(ioas, iova, last, stretch)) {
		rc = -ENOENT;
	} else if (stretch->area->closing == ioas_closing(ioas) ||
		   (pages && !page_aligned(stretch, last))) {
		rc = -EINVAL;
	} else if (!stretch_permits(stretch, flags)) {
		rc = -EPERM;
	} else {
		stretch->area->pins += stretch_pages(stretch, &first);
		stretch->area->kept += !!(flags & ACCESS_KEEP);
		worker->area = stretch->area;
		list_add(&worker->link, &ioas->workers);
		/* So that it is not taken for memory that only one area knows. */
		pinned_get(stretch->area->pinned);
	}
	mutex_unlock(&ioas->tree_lock);
	up_read(ioas_lock(ioas));
	return rc;
}

static void release_pins(struct ioas *ioas, const struct stretch *stretch,
			 unsigned int flags)
{
	unsigned long first;

	lockdep_assert_held(&ioas->tree_lock);
	stretch->area->pins -= stretch_pages(stretch, &first);
	stretch->area->kept -= !!(flags & ACCESS_KEEP);
}

/*
 * With @keep the area stays afterwards: by then it has pins of its own.
 *
 * Whoever waits to unmap it is woken, whether it is closing or not: another one may have
 * given up, and have opened it again.
 */
static void end_work(struct ioas *ioas, const struct stretch *stretch,
		     struct ioas_worker *worker, unsigned int flags, bool keep)
{
	struct pinned *pinned = stretch->area->pinned;

	mutex_lock(&ioas->tree_lock);
	list_del(&worker->link);
	WRITE_ONCE(ioas->finished, ioas->finished + 1);
	wake_up_all(&ioas->quiet);
	if (!keep)
		release_pins(ioas, stretch, flags);
	mutex_unlock(&ioas->tree_lock);
	iommufd_pinned_put(pinned);
}

static void unpin_range(struct ioas *ioas, unsigned long iova,
			unsigned long last, unsigned int flags)
{
	struct stretch stretch;

	for (;; iova += stretch.length) {
		unsigned long first, npages;
		bool found;

		mutex_lock(&ioas->tree_lock);
		found = stretch_at(ioas, iova, last, &stretch);
		mutex_unlock(&ioas->tree_lock);
		/* Pins keep the area: the driver unpins what it has not pinned. */
		if (WARN_ON(!found))
			return;
		npages = stretch_pages(&stretch, &first);
		if (WARN_ON(stretch.area->pins < npages))
			return;
		iommufd_pinned_unpin(stretch.area->pinned, first, npages);
		mutex_lock(&ioas->tree_lock);
		release_pins(ioas, &stretch, flags);
		mutex_unlock(&ioas->tree_lock);
		if (stretch.iova + stretch.length - 1 == last)
			return;
	}
}

/* iommufd_pinned_pin(), while nobody can change the account. */
static int pin_stretch(const struct stretch *stretch, struct page **pages,
		       unsigned long *npages)
{
	struct pinned *pinned = stretch->area->pinned;
	struct rw_semaphore *lock = &pinned->ctx->file_lock;
	unsigned long first;
	int rc;

	*npages = stretch_pages(stretch, &first);
	if (!pinned->file)
		return iommufd_pinned_pin(pinned, first, *npages, pages);
	rc = down_read_killable(lock);
	if (rc)
		return rc;
	rc = iommufd_pinned_pin(pinned, first, *npages, pages);
	up_read(lock);
	return rc;
}

static int pin_range(struct ioas *ioas, unsigned long start,
		     unsigned long last, struct page **pages,
		     unsigned int flags)
{
	unsigned long iova = start, npages;
	struct ioas_worker worker;
	struct stretch stretch;
	int rc;

	for (;; iova += stretch.length) {
		rc = begin_work(ioas, iova, last, flags, true, &stretch,
				&worker);
		if (rc)
			break;
		rc = pin_stretch(&stretch, pages, &npages);
		end_work(ioas, &stretch, &worker, flags, !rc);
		if (rc)
			break;
		pages += npages;
		if (stretch.iova + stretch.length - 1 == last)
			return 0;
	}
	if (iova != start) {
		down_read(ioas_lock(ioas));
		unpin_range(ioas, start, iova - 1, flags);
		up_read(ioas_lock(ioas));
	}
	return rc;
}

/**
 * iommufd_access_pin_pages - pin memory by IOVA
 * @access: the user, attached
 * @iova: first IOVA, of the first byte of a page
 * @length: bytes; the end need not be that of a page
 * @pages: filled with the pages
 * @flags: IOMMUFD_ACCESS_RW_WRITE if they are to be written to
 *
 * To be given back by iommufd_access_unpin_pages(), at the latest in the unmap
 * callback.
 *
 * Return: 0, or with nothing pinned -EINVAL (not aligned, or about to be
 * unmapped, or a BAR), -EOVERFLOW, -ENOENT (not mapped, or not attached),
 * -EPERM, -EFAULT, -ENOMEM.
 */
int iommufd_access_pin_pages(struct iommufd_access *access, unsigned long iova,
			     unsigned long length, struct page **pages,
			     unsigned int flags)
{
	unsigned long last;
	struct ioas *ioas;
	int rc;

	if (WARN_ON(!access->ops->needs_pin_pages) || !length ||
	    WARN_ON(flags & ~(IOMMUFD_ACCESS_RW_WRITE)))
		return -EINVAL;
	if (check_add_overflow(iova, length - 1, &last))
		return -EOVERFLOW;

	ioas = access_begin(access);
	if (!ioas)
		return -ENOENT;
	rc = pin_range(ioas, iova, last, pages, flags);
	access_end(access, ioas);
	return rc;
}
EXPORT_SYMBOL_NS_GPL(iommufd_access_pin_pages, "IOMMUFD");

/**
 * iommufd_access_unpin_pages - give back pinned pages
 * @access: the user
 * @iova: as it was pinned
 * @length: as it was pinned
 */
void iommufd_access_unpin_pages(struct iommufd_access *access,
				unsigned long iova, unsigned long length)
{
	struct ioas *ioas;
	unsigned long last;

	if (WARN_ON(!length) ||
	    WARN_ON(check_add_overflow(iova, length - 1, &last)))
		return;
	ioas = access_begin_unpin(access);
	if (WARN_ON(!ioas))
		return;
	down_read(ioas_lock(ioas));
	unpin_range(ioas, iova, last, 0);
	up_read(ioas_lock(ioas));
	access_end(access, ioas);
}
EXPORT_SYMBOL_NS_GPL(iommufd_access_unpin_pages, "IOMMUFD");

static int rw_range(struct ioas *ioas, unsigned long iova, unsigned long last,
		    void *data, unsigned int flags)
{
	const bool write = flags & IOMMUFD_ACCESS_RW_WRITE;
	struct ioas_worker worker;
	struct stretch stretch;

	for (;; iova += stretch.length) {
		const struct area *area;
		int rc;

		rc = begin_work(ioas, iova, last, flags, false, &stretch,
				&worker);
		if (rc)
			return rc;
		area = stretch.area;
		rc = iommufd_pinned_rw(area->pinned,
				       area->offset + (iova - area->iova), data,
				       stretch.length, write);
		end_work(ioas, &stretch, &worker, flags, false);
		if (rc)
			return rc;
		if (iova + stretch.length - 1 == last)
			return 0;
		data += stretch.length;
	}
}

/**
 * iommufd_access_rw - read or write memory by IOVA
 * @access: the user, attached
 * @iova: first IOVA
 * @data: the kernel's buffer
 * @length: bytes
 * @flags: IOMMUFD_ACCESS_RW_READ or _WRITE; _KTHREAD makes no difference, the
 *	memory is found without being in the process's address space
 *
 * Return: 0, -EINVAL (no length, a BAR, or about to be unmapped), -EOVERFLOW,
 * -ENOENT (not mapped, or not attached), -EPERM, -EFAULT, -ENOMEM. On error a
 * part may have been copied.
 */
int iommufd_access_rw(struct iommufd_access *access, unsigned long iova,
		      void *data, size_t length, unsigned int flags)
{
	unsigned long last;
	struct ioas *ioas;
	int rc;

	if (!length)
		return -EINVAL;
	if (check_add_overflow(iova, length - 1, &last))
		return -EOVERFLOW;

	ioas = access_begin(access);
	if (!ioas)
		return -ENOENT;
	rc = rw_range(ioas, iova, last, data, flags);
	access_end(access, ioas);
	return rc;
}
EXPORT_SYMBOL_NS_GPL(iommufd_access_rw, "IOMMUFD");

static bool in_one_piece(struct page **pages, unsigned long npages)
{
	unsigned long i;

	for (i = 1; i < npages; i++)
		if (page_to_pfn(pages[i]) != page_to_pfn(pages[0]) + i)
			return false;
	return true;
}

static int keep_pages(struct ioas *ioas, unsigned long first,
		      unsigned long last, struct page **pages)
{
	int rc = pin_range(ioas, first, last, pages, ACCESS_KEEP);

	if (rc)
		return iommufd_reason_note(ioas->ctx, rc,
					   "%#lx-%#lx of IOAS %u cannot be kept for the IOMMU: it has to be memory that is mapped to be read",
					   first, last, ioas->obj.id);
	if (in_one_piece(pages, (last - first) / PAGE_SIZE + 1))
		return 0;
	iommufd_ioas_unkeep(ioas, first, last);
	return iommufd_reason_note(ioas->ctx, -EFAULT,
				   "%#lx-%#lx of IOAS %u is not in one piece in memory, as the IOMMU needs it",
				   first, last, ioas->obj.id);
}

/**
 * iommufd_ioas_keep - have memory stay where it is mapped, for an IOMMU which reads it by
 * its physical address
 * @ioas: the IOAS
 * @first: the first byte of a page
 * @last: the last byte of a page
 * @phys: set to the address of @first
 *
 * Until iommufd_ioas_unkeep() an unmap of any of it is EBUSY.
 *
 * Return: 0, -ENOENT (not mapped), -EINVAL (a BAR, or about to be unmapped), -EPERM,
 * -EFAULT (not in one piece), -ENOMEM, -EINTR.
 */
int iommufd_ioas_keep(struct ioas *ioas, unsigned long first,
		      unsigned long last, phys_addr_t *phys)
{
	struct page **pages;
	int rc;

	pages = kvcalloc((last - first) / PAGE_SIZE + 1, sizeof(*pages),
			 GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!pages)
		return -ENOMEM;
	rc = keep_pages(ioas, first, last, pages);
	if (!rc)
		*phys = page_to_phys(pages[0]);
	kvfree(pages);
	return rc;
}

/**
 * iommufd_ioas_unkeep - the opposite of iommufd_ioas_keep()
 * @ioas: the IOAS
 * @first: as there
 * @last: as there
 */
void iommufd_ioas_unkeep(struct ioas *ioas, unsigned long first,
			 unsigned long last)
{
	down_read(ioas_lock(ioas));
	unpin_range(ioas, first, last, ACCESS_KEEP);
	up_read(ioas_lock(ioas));
}
