// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory on devices: what DMA reaches that is not RAM.
 *
 * A device announces the memory behind its BARs while it decodes their addresses. It
 * may stop at any time, and in any context, by a write to its configuration space: a
 * transfer looks again, under the lock, before it touches anything, so that what has
 * been taken back is not written to any more when iosim_mmio_release() returns.
 */
#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/string.h>

#include "hw.h"
#include "mmio.h"

static DEFINE_RAW_SPINLOCK(mmio_lock);
static LIST_HEAD(mmios);

/**
 * iosim_mmio_claim - announce memory of a device
 * @mmio: the memory; its list head is filled
 *
 * Return: 0, or -EBUSY if another device is at one of the addresses.
 */
int iosim_mmio_claim(struct iosim_mmio *mmio)
{
	const struct iosim_mmio *other;
	unsigned long flags;
	int rc = 0;

	raw_spin_lock_irqsave(&mmio_lock, flags);
	list_for_each_entry(other, &mmios, link)
		if (mmio->start < other->start + other->length &&
		    other->start < mmio->start + mmio->length)
			rc = -EBUSY;
	if (!rc)
		list_add(&mmio->link, &mmios);
	raw_spin_unlock_irqrestore(&mmio_lock, flags);
	return rc;
}
EXPORT_SYMBOL_GPL(iosim_mmio_claim);

/**
 * iosim_mmio_release - undo iosim_mmio_claim()
 * @mmio: the memory; no DMA reaches it when this returns
 */
void iosim_mmio_release(struct iosim_mmio *mmio)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&mmio_lock, flags);
	list_del(&mmio->link);
	raw_spin_unlock_irqrestore(&mmio_lock, flags);
}
EXPORT_SYMBOL_GPL(iosim_mmio_release);

/**
 * mmio_find - memory of a device by its address
 * @phys: the address
 *
 * Return: where it is mapped, for mmio_transfer(), or NULL.
 */
void *mmio_find(phys_addr_t phys)
{
	const struct iosim_mmio *mmio;
	void *found = NULL;
	unsigned long flags;

	raw_spin_lock_irqsave(&mmio_lock, flags);
	list_for_each_entry(mmio, &mmios, link)
		if (phys - mmio->start < mmio->length)
			found = mmio->memory + (phys - mmio->start);
	raw_spin_unlock_irqrestore(&mmio_lock, flags);
	return found;
}

static bool is_claimed(const void *memory)
{
	const struct iosim_mmio *mmio;

	list_for_each_entry(mmio, &mmios, link)
		if ((size_t)(memory - mmio->memory) < mmio->length)
			return true;
	return false;
}

/**
 * mmio_transfer - read or write memory of a device
 * @memory: from mmio_find()
 * @buffer: the data, or where to put it
 * @length: bytes, within a page
 * @write: direction
 *
 * Return: false if the device does not decode the address any more.
 */
bool mmio_transfer(void *memory, void *buffer, size_t length, bool write)
{
	unsigned long flags;
	bool there;

	raw_spin_lock_irqsave(&mmio_lock, flags);
	there = is_claimed(memory);
	if (there && write)
		memcpy(memory, buffer, length);
	else if (there)
		memcpy(buffer, memory, length);
	raw_spin_unlock_irqrestore(&mmio_lock, flags);
	return there;
}
