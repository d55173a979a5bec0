// SPDX-License-Identifier: GPL-2.0-only
/*
 * Peer-to-peer: user memory that is another device's BAR.
 *
 * A VFIO program may mmap() a BAR of a device and then map that address range
 * for DMA by another device. There are no pages to pin: only the owner keeps the
 * BAR in place. So the device must be bound to the same context, and before it
 * is unbound every mapping of its BARs is revoked.
 *
 * The PFNs decide who the owner is, not the VMA: a VFIO mmap, and a mapping of
 * the same BAR by other means, are the same to a device.
 *
 * A dma-buf that VFIO has made of a BAR stands for it, too (space/dmabuf_7.c). Then the
 * device need not be bound to the same context: the dma-buf's end revokes the mappings.
 *
 * While the owner has its BARs off (no memory decoding, low power, reset), they cannot
 * be found, since its driver does not let the CPU map them, and those that are mapped
 * already are left out of the page tables.
 */
#include <linux/mm.h>
#include <linux/pci.h>
#include <linux/platform_device.h>
#include <linux/slab.h>

#include "compat.h"
#include "context/object.h"
#include "memory/bar.h"
#include "memory/pfnmap.h"
#include "memory/runs.h"

/**
 * struct bar_owner - a bound device that has memory resources, or another one's dma-buf
 * @refs: held by the device, and by memory that was found to be one of its BARs
 * @link: in the context's list until it is retired; a dma-buf is in none
 * @retired: the device has been unbound, or is about to be
 * @off: the BARs are switched off: no device may reach them
 * @used: somebody has mapped a BAR of it
 * @dev: the device, until it is retired; NULL: a dma-buf
 * @release: called in place of freeing it, if it is not NULL
 * @data: for that
 * @nr: number of resources
 * @res: the resources, start and inclusive end in bytes
 * @rcu: iommufd_bar_name() and iommufd_bar_device() look without a reference
 * @name: of the device, or what a dma-buf is called
 */
struct bar_owner {
	refcount_t refs;
	struct list_head link;
	bool retired;
	bool off;
	bool used;
	struct device *dev;
	bar_release release;
	void *data;
	unsigned int nr;
	struct {
		phys_addr_t start;
		phys_addr_t last;
	} res[PCI_NUM_RESOURCES];
	struct rcu_head rcu;
	char name[];
};

static void owner_add_resource(struct bar_owner *owner,
			       const struct resource *res)
{
	if (!res || resource_type(res) != IORESOURCE_MEM || !res->start ||
	    !resource_size(res) || owner->nr == ARRAY_SIZE(owner->res))
		return;
	owner->res[owner->nr].start = res->start;
	owner->res[owner->nr].last = res->end;
	owner->nr++;
}

static struct bar_owner *owner_alloc(const char *name)
{
	const size_t length = strlen(name) + 1;
	struct bar_owner *owner;

	owner = kzalloc(struct_size(owner, name, length), GFP_KERNEL_ACCOUNT);
	if (!owner)
		return NULL;
	memcpy(owner->name, name, length);
	refcount_set(&owner->refs, 1);
	INIT_LIST_HEAD(&owner->link);
	return owner;
}

/**
 * iommufd_bar_owner_add - allow the BARs of a device to be mapped
 * @ctx: the context that the device is bound to
 * @dev: the device, whose DMA the context owns
 *
 * Return: the owner, or NULL if memory is short.
 */
struct bar_owner *iommufd_bar_owner_add(struct iommufd_ctx *ctx,
					struct device *dev)
{
	struct bar_owner *owner = owner_alloc(dev_name(dev));
	int i;

	if (!owner)
		return NULL;
	owner->dev = dev;
	if (dev_is_pci(dev)) {
		for (i = 0; i < PCI_STD_NUM_BARS; i++)
			owner_add_resource(owner,
					   &to_pci_dev(dev)->resource[i]);
	} else if (dev_is_platform(dev)) {
		for (i = 0; i < to_platform_device(dev)->num_resources; i++)
			owner_add_resource(owner,
					   &to_platform_device(dev)->resource[i]);
	}
	mutex_lock(&ctx->bar_lock);
	list_add(&owner->link, &ctx->bar_owners);
	mutex_unlock(&ctx->bar_lock);
	return owner;
}

/**
 * iommufd_bar_owner_alloc - an owner that is no device which is bound here
 * @name: of what it is, for people
 * @release: called with it and @data in place of freeing it, when the last reference has
 *	gone, with whatever locks are held then; it, or somebody later, is to call
 *	iommufd_bar_owner_free()
 * @data: for that
 *
 * Return: the owner, with a reference, and found by nobody; or NULL if memory is short.
 */
struct bar_owner *iommufd_bar_owner_alloc(const char *name, bar_release release,
					  void *data)
{
	struct bar_owner *owner = owner_alloc(name);

	if (!owner)
		return NULL;
	owner->used = true;
	owner->release = release;
	owner->data = data;
	return owner;
}

/**
 * iommufd_bar_owner_free - free an owner of iommufd_bar_owner_alloc()
 * @owner: nobody refers to it
 */
void iommufd_bar_owner_free(struct bar_owner *owner)
{
	kfree_rcu(owner, rcu);
}

/**
 * iommufd_bar_owner_retire - from now on nobody can map the BARs of a device
 * @ctx: the context
 * @owner: its owner structure; mappings that exist already still refer to it
 *
 * Return: whether there may be any; the first time.
 */
bool iommufd_bar_owner_retire(struct iommufd_ctx *ctx, struct bar_owner *owner)
{
	bool before;

	mutex_lock(&ctx->bar_lock);
	before = owner->retired;
	list_del_init(&owner->link);
	WRITE_ONCE(owner->retired, true);
	mutex_unlock(&ctx->bar_lock);
	return owner->used && !before;
}

/**
 * iommufd_bar_owner_switch - note that the BARs of a device are switched off, or on
 * again
 * @ctx: the context
 * @owner: its owner structure
 * @off: they are switched off
 *
 * Return: whether that is a change, and somebody may have mapped one.
 */
bool iommufd_bar_owner_switch(struct iommufd_ctx *ctx, struct bar_owner *owner,
			      bool off)
{
	bool changed;

	mutex_lock(&ctx->bar_lock);
	changed = owner->off != off;
	WRITE_ONCE(owner->off, off);
	mutex_unlock(&ctx->bar_lock);
	/* Whoever finds a BAR later also sees the new state. */
	return changed && READ_ONCE(owner->used);
}

/**
 * iommufd_bar_owner_try_get - one more reference
 * @owner: of iommufd_bar_owner_alloc(), not freed yet
 *
 * Return: whether there was any still, and it is not retired.
 */
bool iommufd_bar_owner_try_get(struct bar_owner *owner)
{
	return !iommufd_bar_owner_retired(owner) &&
	       refcount_inc_not_zero(&owner->refs);
}

/**
 * iommufd_bar_owner_put - drop a reference
 * @owner: the owner, or NULL
 */
void iommufd_bar_owner_put(struct bar_owner *owner)
{
	if (!owner || !refcount_dec_and_test(&owner->refs))
		return;
	if (owner->release)
		owner->release(owner, owner->data);
	else
		iommufd_bar_owner_free(owner);
}

/**
 * iommufd_bar_owner_retired - is the device of a BAR gone?
 * @owner: the owner
 *
 * The answer holds for as long as the caller has a lock that the revocation
 * takes after it has retired the owner.
 */
bool iommufd_bar_owner_retired(const struct bar_owner *owner)
{
	return READ_ONCE(owner->retired);
}

/*
 * Is the device powered down, or its memory decoding off? That of virtual
 * functions never is.
 */
static bool is_off(struct device *dev)
{
	struct pci_dev *pdev;
	u16 command;

	if (!dev_is_pci(dev))
		return false;
	pdev = to_pci_dev(dev);
	if ((__force int)pdev->current_state >= (__force int)PCI_D3hot)
		return true;
	return !pdev->is_virtfn &&
	       !pci_read_config_word(pdev, PCI_COMMAND, &command) &&
	       !(command & PCI_COMMAND_MEMORY);
}

static int is_cdev(struct device *dev, MATCH_DATA *cdev)
{
	return dev->devt == *(const dev_t *)cdev;
}

/**
 * iommufd_bar_is_off - why can a VFIO mapping of a BAR not be touched?
 * @ctx: the context
 * @cdev: the character device that is mapped
 * @name: set to the name of the device
 * @size: room for that
 *
 * Return: whether it is because the memory decoding of a device of the context is
 * off, or because it is powered down.
 */
bool iommufd_bar_is_off(struct iommufd_ctx *ctx, dev_t cdev, char *name,
			size_t size)
{
	struct bar_owner *owner;
	bool found = false;

	mutex_lock(&ctx->bar_lock);
	list_for_each_entry(owner, &ctx->bar_owners, link) {
		struct device *vfio;

		vfio = device_find_child(owner->dev, &cdev, is_cdev);
		if (!vfio)
			continue;
		put_device(vfio);
		found = is_off(owner->dev);
		strscpy(name, dev_name(owner->dev), size);
		break;
	}
	mutex_unlock(&ctx->bar_lock);
	return found;
}

/**
 * iommufd_bar_owner_off - has the device of a BAR switched it off?
 * @owner: the owner
 *
 * The answer holds as that of iommufd_bar_owner_retired() does.
 */
bool iommufd_bar_owner_off(const struct bar_owner *owner)
{
	return READ_ONCE(owner->off);
}

static bool bar_name(struct bar_owner **at, char *name, size_t size,
		     bool dmabufs)
{
	const struct bar_owner *owner;
	bool named;

	*name = '\0';
	rcu_read_lock();
	owner = READ_ONCE(*at);
	named = owner && (dmabufs || !owner->release);
	if (named)
		strscpy(name, owner->name, size);
	rcu_read_unlock();
	return named;
}

/**
 * iommufd_bar_name - whose BAR is it? For people
 * @at: where a piece of memory notes its owner, which may be NULL
 * @name: set to the name of the device, or what it is called in place of that, or to
 *	nothing if it is no BAR
 * @size: of @name
 *
 * Return: whether it is one.
 */
bool iommufd_bar_name(struct bar_owner **at, char *name, size_t size)
{
	return bar_name(at, name, size, true);
}

/**
 * iommufd_bar_device - the device whose BAR it is
 * @at: where a piece of memory notes its owner, which may be NULL
 * @name: set to the name of the device in sysfs, or to nothing
 * @size: of @name
 *
 * Return: false if it is no BAR, or one that is known by a dma-buf only.
 */
bool iommufd_bar_device(struct bar_owner **at, char *name, size_t size)
{
	return bar_name(at, name, size, false);
}

static bool owner_has(const struct bar_owner *owner, phys_addr_t start,
		      phys_addr_t last)
{
	unsigned int i;

	for (i = 0; i < owner->nr; i++)
		if (owner->res[i].start <= start && last <= owner->res[i].last)
			return true;
	return false;
}

/*
 * The device that the first run belongs to, with a reference, or NULL. No memory is that
 * of two devices.
 */
static struct bar_owner *owner_of_first(struct iommufd_ctx *ctx,
					const struct runs *runs)
{
	const struct runs_iter first = iommufd_runs_seek(runs, 0, 1);
	const phys_addr_t start = PFN_PHYS(first.pfn);
	struct bar_owner *owner, *found = NULL;

	mutex_lock(&ctx->bar_lock);
	list_for_each_entry(owner, &ctx->bar_owners, link) {
		if (!owner_has(owner, start, start + PAGE_SIZE - 1))
			continue;
		WRITE_ONCE(owner->used, true);
		refcount_inc(&owner->refs);
		found = owner;
		break;
	}
	mutex_unlock(&ctx->bar_lock);
	return found;
}

/* A user can map a BAR page by page, in any order: then there is a run for each. */
static bool owner_has_all(const struct bar_owner *owner,
			  const struct runs *runs)
{
	struct runs_iter it;

	runs_for_each(&it, runs, 0, runs->npages) {
		if (!owner_has(owner, PFN_PHYS(it.pfn),
			       PFN_PHYS(it.pfn + it.npages) - 1))
			return false;
		cond_resched();
	}
	return true;
}

/**
 * iommufd_bar_owner_find - the device that has memory
 * @ctx: the context that it is bound to
 * @runs: the memory
 *
 * Return: the device that has all of it, with a reference, or NULL.
 */
struct bar_owner *iommufd_bar_owner_find(struct iommufd_ctx *ctx,
					 const struct runs *runs)
{
	struct bar_owner *owner = owner_of_first(ctx, runs);

	if (!owner || owner_has_all(owner, runs))
		return owner;
	iommufd_bar_owner_put(owner);
	return NULL;
}

/**
 * iommufd_bar_resolve - find the BAR that a range of user memory maps
 * @ctx: the context
 * @mm: the address space, which the caller keeps alive
 * @uptr: first address, page aligned
 * @npages: length
 * @write: it is to be written to
 * @runs: empty; filled with the PFNs
 * @owner: set to the device that the BAR belongs to, with a reference
 *
 * The owner may be retired as soon as this returns: whoever maps the runs holds
 * a lock that the revocation takes, too.
 *
 * Return: 0, -EFAULT if it is not device memory, does not answer, or the process itself
 * could not access it like that, -ENODEV if it
 * is not the BAR of one device that is bound to @ctx, -ENOMEM, or -EINTR. On error
 * @runs is empty, and @owner what it was.
 */
int iommufd_bar_resolve(struct iommufd_ctx *ctx, struct mm_struct *mm,
			unsigned long uptr, unsigned long npages, bool write,
			struct runs *runs, struct bar_owner **owner)
{
	struct bar_owner *found;
	int rc;

	rc = iommufd_pfnmap_gather(mm, uptr, npages, write, runs);
	if (!rc) {
		found = iommufd_bar_owner_find(ctx, runs);
		if (found)
			*owner = found;
		else
			rc = -ENODEV;
	}
	if (rc)
		iommufd_runs_free(runs);
	return rc;
}
