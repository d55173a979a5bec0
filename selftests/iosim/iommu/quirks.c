// SPDX-License-Identifier: GPL-2.0-only
/*
 * What drivers of real IOMMUs cannot do, or do badly: mapping and unmapping with
 * such quirks.
 *
 * virtio-iommu's driver remembers what each call has mapped, and can unmap that
 * only as a whole: these are the extents of a second stage. It tells by them what is
 * translated. A call that fails for want of memory has forgotten them already, while the
 * device goes on translating; and what the device translates already it does not let be
 * mapped again, which the driver is not told.
 */
#include <linux/delay.h>
#include <linux/interval_tree.h>
#include <linux/slab.h>

#include "domain.h"
#include "quirks.h"

#define SYNC_MAP_FAIL_MS	100

/**
 * quirks_create - what a new device is like
 * @bits: enum iosim_quirk
 *
 * Return: with one reference; or NULL.
 */
struct quirks *quirks_create(unsigned long bits)
{
	struct quirks *quirks = kzalloc(sizeof(*quirks), GFP_KERNEL);

	if (!quirks)
		return NULL;
	kref_init(&quirks->ref);
	quirks->bits = bits;
	return quirks;
}

/**
 * quirks_get - hold on to them
 * @quirks: somebody else's
 *
 * Return: @quirks.
 */
struct quirks *quirks_get(struct quirks *quirks)
{
	kref_get(&quirks->ref);
	return quirks;
}

static void quirks_free(struct kref *ref)
{
	kfree(container_of(ref, struct quirks, ref));
}

/**
 * quirks_put - let go of them
 * @quirks: the quirks
 */
void quirks_put(struct quirks *quirks)
{
	kref_put(&quirks->ref, quirks_free);
}

/* Whether this is one of the calls that are to fail: from the Nth one on. */
static bool fails_now(struct quirks *quirks, enum iosim_fail fail)
{
	int left = atomic_read(&quirks->fail[fail]);

	do {
		if (left <= 1)
			return left;
	} while (!atomic_try_cmpxchg(&quirks->fail[fail], &left, left - 1));
	return false;
}

/* Keep what one call has mapped, if it has. */
static void extent_keep(struct second_stage *second,
			struct interval_tree_node *extent, u64 iova,
			size_t length)
{
	unsigned long flags;

	if (!length) {
		kfree(extent);
		return;
	}
	extent->start = iova;
	extent->last = iova + length - 1;
	spin_lock_irqsave(&second->extents_lock, flags);
	interval_tree_insert(extent, &second->extents);
	spin_unlock_irqrestore(&second->extents_lock, flags);
}

/* Does the device have anything there? */
static bool is_translated(struct second_stage *second, u64 iova, size_t length)
{
	struct table_leaf leaf;
	bool found = false;
	size_t at;

	rcu_read_lock();
	for (at = 0; at < length && !found;
	     at = ((iova + at) | ((1UL << leaf.shift) - 1)) + 1 - iova)
		found = table_find(&second->table, iova + at, &leaf);
	rcu_read_unlock();
	return found;
}

/**
 * quirks_map - map, as well as that driver can
 * @second: the second stage
 * @iova: see table_map()
 * @phys: likewise
 * @size: likewise
 * @count: likewise
 * @bits: likewise
 * @gfp: likewise
 * @mapped: increased by the bytes that have been mapped, as far as this driver tells
 *
 * Return: 0 or an errno.
 */
int quirks_map(struct second_stage *second, u64 iova, phys_addr_t phys,
	       size_t size, size_t count, u64 bits, gfp_t gfp, size_t *mapped)
{
	struct quirks *quirks = second->quirks;
	bool fails = fails_now(quirks, IOSIM_MAP_FAIL);
	struct interval_tree_node *extent = NULL;
	size_t done = 0;
	int rc;

	if (quirks_has(quirks, IOSIM_NO_SPLIT)) {
		extent = kmalloc(sizeof(*extent), gfp);
		if (!extent)
			return -ENOMEM;
	}
	if (extent && is_translated(second, iova, size * count)) {
		*mapped += size * count;
		extent_keep(second, extent, iova, size * count);
		return 0;
	}
	if (fails)
		count /= 2;
	else if (quirks_has(quirks, IOSIM_MAP_SHORT))
		count = DIV_ROUND_UP(count, 2);
	rc = table_map(&second->table, iova, phys, size, count, bits, gfp,
		       &done);
	if (extent)
		extent_keep(second, extent, iova, done);
	if (!rc && fails)
		rc = -ENOMEM;
	if (!rc || !quirks_has(quirks, IOSIM_MAP_SILENT))
		*mapped += done;
	return rc;
}

/*
 * Unmap extents that are in a range as a whole, from its beginning: by one request to the
 * device, if it is told.
 */
static size_t unmap_extents(struct second_stage *second, u64 iova,
			    size_t length, bool told)
{
	u64 last = iova + length - 1;
	struct interval_tree_node *extent;
	unsigned long flags;
	size_t done = 0;

	spin_lock_irqsave(&second->extents_lock, flags);
	while (done < length) {
		extent = interval_tree_iter_first(&second->extents,
						  iova + done, last);
		if (!extent || extent->start != iova + done ||
		    extent->last > last)
			break;
		interval_tree_remove(extent, &second->extents);
		done += extent->last - extent->start + 1;
		kfree(extent);
		if (quirks_has(second->quirks, IOSIM_UNMAP_SHORT))
			break;
	}
	if (told)
		table_unmap(&second->table, iova, done);
	spin_unlock_irqrestore(&second->extents_lock, flags);
	return told ? done : 0;
}

/**
 * quirks_knows - does the driver say that an address is translated?
 * @second: the second stage
 * @iova: the address, which the device translates
 *
 * Return: whether it does.
 */
bool quirks_knows(struct second_stage *second, u64 iova)
{
	unsigned long flags;
	bool knows;

	if (!quirks_has(second->quirks, IOSIM_NO_SPLIT))
		return true;
	spin_lock_irqsave(&second->extents_lock, flags);
	knows = interval_tree_iter_first(&second->extents, iova, iova);
	spin_unlock_irqrestore(&second->extents_lock, flags);
	return knows;
}

/* The bytes that are mapped by the leaf of an address. */
static size_t leaf_size(struct second_stage *second, u64 iova)
{
	struct table_leaf leaf;

	rcu_read_lock();
	table_find(&second->table, iova, &leaf);
	rcu_read_unlock();
	return 1UL << leaf.shift;
}

/**
 * quirks_unmap - unmap, as well as that driver can
 * @second: the second stage
 * @iova: see table_unmap()
 * @length: likewise
 *
 * Return: bytes that have been unmapped.
 */
size_t quirks_unmap(struct second_stage *second, u64 iova, size_t length)
{
	struct quirks *quirks = second->quirks;
	bool fails = atomic_dec_if_positive(&quirks->fail[IOSIM_UNMAP_FAIL]) >= 0;

	/* VT-d's driver would unmap what is behind it, up to 512 GiB. */
	WARN_ON_ONCE(!is_translated(second, iova, 1));
	if (quirks_has(quirks, IOSIM_NO_SPLIT))
		return unmap_extents(second, iova, length, !fails);
	if (fails)
		return 0;
	if (quirks_has(quirks, IOSIM_UNMAP_SHORT))
		length = min(length, leaf_size(second, iova));
	return table_unmap(&second->table, iova, length);
}

/**
 * quirks_sync_map - make what has been mapped known to the IOMMU
 * @second: the second stage
 *
 * A call that is to fail takes its time, so that devices reach what they are not
 * to reach when the caller has taken it back: not for the DMA API in interrupts.
 *
 * Return: 0, or -EIO for a call that is to fail.
 */
int quirks_sync_map(struct second_stage *second)
{
	if (!fails_now(second->quirks, IOSIM_SYNC_MAP_FAIL))
		return 0;
	msleep(SYNC_MAP_FAIL_MS);
	return -EIO;
}

/**
 * quirks_pri_busy - has the device not stopped making page requests?
 * @quirks: its quirks
 *
 * Return: whether a call that enables them is one that is to fail.
 */
bool quirks_pri_busy(struct quirks *quirks)
{
	return atomic_dec_if_positive(&quirks->fail[IOSIM_PRI_BUSY]) >= 0;
}

/**
 * quirks_forget - a second stage goes
 * @second: the second stage, which nobody uses any more
 */
void quirks_forget(struct second_stage *second)
{
	struct interval_tree_node *extent;

	while ((extent = interval_tree_iter_first(&second->extents, 0,
						  ULONG_MAX))) {
		interval_tree_remove(extent, &second->extents);
		kfree(extent);
		cond_resched();
	}
	quirks_put(second->quirks);
}
