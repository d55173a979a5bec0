// SPDX-License-Identifier: GPL-2.0-only
/*
 * Dirty bits of second stages.
 *
 * While tracking is on, the first write to a page by a cached translation sets the
 * dirty bit of the leaf, before the data are written; see walk.c. Reading clears
 * bits; the caller's gather then invalidates cached translations, and waits for
 * writes in flight, which belong to what was reported.
 */
#include <linux/bitmap.h>
#include <linux/sched.h>

#include "dirty.h"
#include "domain.h"

static int dirty_set_tracking(struct iommu_domain *domain, bool enabled)
{
	struct second_stage *second = to_second_stage(domain);

	WRITE_ONCE(second->tracking, enabled);
	/* Writes by what was remembered before would not set the bits. */
	domain_forget(second, 0, U64_MAX);
	return 0;
}

static bool entry_dirty(u64 *entry, bool clear)
{
	unsigned int bit = ilog2(IOSIM_PTE_DIRTY);

	if (!clear)
		return READ_ONCE(*entry) & IOSIM_PTE_DIRTY;
	return test_and_clear_bit(bit, (unsigned long *)entry);
}

/*
 * Collect the dirty bits of one table, from the entry for @addr up to the one for
 * @last. The bit of a page that is only partly in the range, from @first, stays set:
 * the other part is still to be reported. Return: where the next table begins,
 * or 0 behind the last address.
 * Recording them may touch user memory, hence not under RCU.
 */
static u64 collect(struct second_stage *second, u64 addr, u64 first, u64 last,
		   bool clear, unsigned long *bits, unsigned int *shift)
{
	unsigned int level, index;
	u64 *entries, size;

	bitmap_zero(bits, IOSIM_TABLE_ENTRIES);
	rcu_read_lock();
	entries = table_leaves(&second->table, addr, &level);
	*shift = table_level_shift(level);
	size = 1ULL << *shift;
	addr &= ~(size - 1);
	for (index = table_index(addr, level);
	     index < IOSIM_TABLE_ENTRIES && addr <= last; index++) {
		u64 pte = READ_ONCE(entries[index]);

		/* A table in between: the caller comes to it. */
		if ((pte & IOSIM_PTE_VALID) && !(pte & IOSIM_PTE_LEAF))
			break;
		if ((pte & IOSIM_PTE_VALID) &&
		    entry_dirty(&entries[index], clear && addr >= first &&
				addr + size - 1 <= last))
			__set_bit(index, bits);
		addr += size;
		if (!addr)
			break;
	}
	rcu_read_unlock();
	return addr;
}

static void record(struct iommu_dirty_bitmap *dirty, u64 addr,
		   const unsigned long *bits, unsigned int shift, u64 first,
		   u64 last)
{
	u64 base = shift + TABLE_BITS < 64 ?
		   addr & ~((1ULL << (shift + TABLE_BITS)) - 1) : 0;
	unsigned int begin, end;

	for_each_set_bitrange(begin, end, bits, IOSIM_TABLE_ENTRIES) {
		u64 from = max(base + ((u64)begin << shift), first);
		u64 to = min(base + ((u64)end << shift) - 1, last);

		iommu_dirty_bitmap_record(dirty, from, to - from + 1);
	}
}

static int dirty_read_and_clear(struct iommu_domain *domain, unsigned long iova,
				size_t size, unsigned long flags,
				struct iommu_dirty_bitmap *dirty)
{
	struct second_stage *second = to_second_stage(domain);
	DECLARE_BITMAP(bits, IOSIM_TABLE_ENTRIES);
	u64 last = iova + size - 1, addr = iova, next;
	bool clear = !(flags & IOMMU_DIRTY_NO_CLEAR);
	unsigned int shift;

	/* Without a bitmap it is only to clear what is left of the last time. */
	if (!second->tracking && dirty->bitmap)
		return -EINVAL;
	last = min(last, domain->geometry.aperture_end);
	do {
		next = collect(second, addr, iova, last, clear, bits, &shift);
		record(dirty, addr, bits, shift, iova, last);
		addr = next;
		cond_resched();
	} while (addr && addr <= last);
	return 0;
}

const struct iommu_dirty_ops dirty_ops = {
	.set_dirty_tracking = dirty_set_tracking,
	.read_and_clear_dirty = dirty_read_and_clear,
};
