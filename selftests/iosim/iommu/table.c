// SPDX-License-Identifier: GPL-2.0-only
/*
 * Page tables in the format of iosim.h that the kernel manages.
 *
 * Changes are made under a spinlock, since the DMA API may map and unmap in
 * interrupts, in pieces of one table each, so that it is never held for long. The
 * simulated hardware walks without the lock, as hardware does; tables that have
 * become empty are therefore freed by RCU. How many valid entries a table has is
 * in the private field of its page.
 */
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/sched.h>

#include "table.h"

static u64 *table_of(u64 pte)
{
	return phys_to_virt(pte & IOSIM_PTE_ADDR);
}

static bool points_to_table(u64 pte)
{
	return (pte & IOSIM_PTE_VALID) && !(pte & IOSIM_PTE_LEAF);
}

static void count_entries(u64 *entries, int more)
{
	struct page *page = virt_to_page(entries);

	set_page_private(page, page_private(page) + more);
}

/**
 * table_init - make an empty page table
 * @table: the page table
 * @addr_bits: how long addresses may be, up to 64
 *
 * Return: 0 or -ENOMEM.
 */
int table_init(struct table *table, unsigned int addr_bits)
{
	table->levels = IOSIM_LEVELS;
	while (table_level_shift(table->levels + 1) < addr_bits)
		table->levels++;
	spin_lock_init(&table->lock);
	table->root = (u64 *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	if (!table->root)
		return -ENOMEM;
	set_page_private(virt_to_page(table->root), 0);
	return 0;
}

static void free_level(u64 *entries, unsigned int level)
{
	unsigned int i;

	for (i = 0; i < IOSIM_TABLE_ENTRIES && level > 1; i++)
		if (points_to_table(entries[i]))
			free_level(table_of(entries[i]), level - 1);
	set_page_private(virt_to_page(entries), 0);
	free_page((unsigned long)entries);
	cond_resched();
}

/**
 * table_destroy - free a page table that nobody walks any more
 * @table: the page table; what is mapped in it is forgotten
 */
void table_destroy(struct table *table)
{
	free_level(table->root, table->levels);
}

static void free_by_rcu(struct rcu_head *head)
{
	__free_page(container_of(head, struct page, rcu_head));
}

/* Tables that are allocated before the lock is taken. */
struct spares {
	unsigned int nr;
	struct page *pages[TABLE_LEVELS_MAX - 1];
};

static int spares_fill(struct spares *spares, unsigned int nr, gfp_t gfp)
{
	while (spares->nr < nr) {
		struct page *page = alloc_page(gfp | __GFP_ZERO);

		if (!page)
			return -ENOMEM;
		set_page_private(page, 0);
		spares->pages[spares->nr++] = page;
	}
	return 0;
}

static void spares_free(struct spares *spares)
{
	while (spares->nr)
		__free_page(spares->pages[--spares->nr]);
}

/*
 * Find the table of @level for @addr, and add those on the way that are missing if
 * there are spares for all of them: so none is ever empty. Otherwise *@missing is
 * how many it takes.
 */
static u64 *descend(struct table *table, u64 addr, unsigned int level,
		    struct spares *spares, unsigned int *missing)
{
	u64 *entries = table->root;
	unsigned int at;

	for (at = table->levels; at > level; at--) {
		u64 *entry = &entries[table_index(addr, at)];
		struct page *page;

		if (*entry & IOSIM_PTE_LEAF)
			return ERR_PTR(-EEXIST);
		if (*entry & IOSIM_PTE_VALID) {
			entries = table_of(*entry);
			continue;
		}
		if (spares->nr < at - level) {
			*missing = at - level;
			return NULL;
		}
		page = spares->pages[--spares->nr];
		count_entries(entries, 1);
		entries = page_address(page);
		/* The page is zeroed before a walk can come to it. */
		smp_store_release(entry, page_to_phys(page) | IOSIM_PTE_VALID |
				  IOSIM_PTE_READ | IOSIM_PTE_WRITE);
	}
	return entries;
}

/* Set up to @count entries of one table. Return: how many, or -EEXIST. */
static long set_leaves(u64 *entries, unsigned int index, u64 pte, size_t size,
		       size_t count)
{
	long n;

	count = min_t(size_t, count, IOSIM_TABLE_ENTRIES - index);
	for (n = 0; n < count; n++, pte += size) {
		if (entries[index + n] & IOSIM_PTE_VALID)
			break;
		WRITE_ONCE(entries[index + n], pte);
	}
	count_entries(entries, n);
	return n ?: -EEXIST;
}

static long map_some(struct table *table, u64 addr, u64 pte, unsigned int level,
		     size_t count, struct spares *spares, unsigned int *missing)
{
	unsigned long flags;
	u64 *entries;
	long n = 0;

	spin_lock_irqsave(&table->lock, flags);
	entries = descend(table, addr, level, spares, missing);
	if (IS_ERR(entries))
		n = PTR_ERR(entries);
	else if (entries)
		n = set_leaves(entries, table_index(addr, level), pte,
			       1UL << table_level_shift(level), count);
	spin_unlock_irqrestore(&table->lock, flags);
	return n;
}

/**
 * table_map - map contiguous memory
 * @table: the page table
 * @addr: first address, aligned to @size
 * @phys: of the memory, aligned to @size
 * @size: of a page: 4 KiB, 2 MiB or 1 GiB
 * @count: how many pages
 * @bits: IOSIM_PTE_READ, IOSIM_PTE_WRITE
 * @gfp: how to allocate tables
 * @mapped: increased by the bytes that have been mapped, also on failure
 *
 * Return: 0, -EEXIST if something is mapped there, -ENOMEM.
 */
int table_map(struct table *table, u64 addr, phys_addr_t phys, size_t size,
	      size_t count, u64 bits, gfp_t gfp, size_t *mapped)
{
	unsigned int level = (__ffs(size) - TABLE_SHIFT) / TABLE_BITS + 1;
	struct spares spares = {};
	unsigned int missing = 0;
	int rc = 0;

	bits |= IOSIM_PTE_VALID | IOSIM_PTE_LEAF;
	while (count) {
		long n = map_some(table, addr, phys | bits, level, count,
				  &spares, &missing);

		if (!n)
			n = spares_fill(&spares, missing, gfp);
		if (n < 0) {
			rc = n;
			break;
		}
		addr += n * size;
		phys += n * size;
		*mapped += n * size;
		count -= n;
	}
	spares_free(&spares);
	return rc;
}

/* Take tables that have become empty out, from the lowest. */
static void prune(const struct table *table, u64 **path, u64 addr,
		  unsigned int level)
{
	while (level < table->levels) {
		struct page *page = virt_to_page(path[level]);

		if (page_private(page))
			break;
		level++;
		WRITE_ONCE(path[level][table_index(addr, level)], 0);
		count_entries(path[level], -1);
		call_rcu(&page->rcu_head, free_by_rcu);
	}
}

/* Clear leaves of one table. Return: bytes, 0 if nothing is mapped at @addr. */
static size_t unmap_some(struct table *table, u64 addr, size_t length)
{
	u64 *path[TABLE_LEVELS_MAX + 1];
	unsigned int level = table->levels, index;
	size_t size, done = 0;
	u64 *entries = table->root;
	int n = 0;

	for (;;) {
		path[level] = entries;
		index = table_index(addr, level);
		if (!points_to_table(entries[index]))
			break;
		entries = table_of(entries[index]);
		level--;
	}
	size = 1UL << table_level_shift(level);
	if (!(entries[index] & IOSIM_PTE_VALID))
		return 0;
	/* Nobody unmaps a part of what was mapped as one page. */
	if (WARN_ON_ONCE(!IS_ALIGNED(addr, size) || length < size))
		return 0;
	while (index + n < IOSIM_TABLE_ENTRIES && done + size <= length &&
	       (entries[index + n] & IOSIM_PTE_LEAF)) {
		WRITE_ONCE(entries[index + n], 0);
		done += size;
		n++;
	}
	count_entries(entries, -n);
	prune(table, path, addr, level);
	return done;
}

/**
 * table_unmap - unmap memory
 * @table: the page table
 * @addr: first address
 * @length: bytes; whole pages as they were mapped
 *
 * It stops where nothing is mapped.
 *
 * Return: bytes that have been unmapped.
 */
size_t table_unmap(struct table *table, u64 addr, size_t length)
{
	size_t done = 0;

	while (done < length) {
		unsigned long flags;
		size_t n;

		spin_lock_irqsave(&table->lock, flags);
		n = unmap_some(table, addr + done, length - done);
		spin_unlock_irqrestore(&table->lock, flags);
		if (!n)
			break;
		done += n;
	}
	return done;
}

/**
 * table_find - walk a page table
 * @table: the page table
 * @addr: the address, of at most the bits that the table was made for
 * @leaf: set to what is found
 *
 * Under RCU, so that the tables stay.
 *
 * Return: if something is mapped there.
 */
bool table_find(const struct table *table, u64 addr, struct table_leaf *leaf)
{
	unsigned int level = table->levels;
	u64 *entries = table->root;

	for (;;) {
		leaf->entry = &entries[table_index(addr, level)];
		/* Pairs with the release in descend(). */
		leaf->pte = smp_load_acquire(leaf->entry);
		if (!points_to_table(leaf->pte))
			break;
		entries = table_of(leaf->pte);
		level--;
	}
	leaf->shift = table_level_shift(level);
	return leaf->pte & IOSIM_PTE_VALID;
}

/**
 * table_leaves - find the lowest table for an address
 * @table: the page table
 * @addr: the address, of at most the bits that the table was made for
 * @level: set to the level of the table
 *
 * Under RCU. For who goes through all entries.
 *
 * Return: the table.
 */
u64 *table_leaves(const struct table *table, u64 addr, unsigned int *level)
{
	u64 *entries = table->root;

	*level = table->levels;
	for (;;) {
		u64 pte;

		/* Pairs with the release in descend(). */
		pte = smp_load_acquire(&entries[table_index(addr, *level)]);
		if (!points_to_table(pte))
			return entries;
		entries = table_of(pte);
		--*level;
	}
}
