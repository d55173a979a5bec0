// SPDX-License-Identifier: GPL-2.0-only
/*
 * New areas that are pinned and mapped together.
 *
 * The entries of a batch are areas of their own, so that each can go alone. But
 * where they follow each other in user memory one get_user_pages pins them, and
 * where they follow each other in memory and IOVAs one call of the IOMMU's driver
 * maps them. With what they are not adjacent to, they share one flush.
 */
#include <linux/iommu.h>

#include "memory/pin.h"
#include "space/load.h"
#include "space/nested.h"
#include "space/paging.h"
#include "space/row.h"

/* Use the memory of new areas, in rows where it is one stretch. */
static int use_rows(struct area *chain)
{
	struct area *area = chain, *end;
	unsigned int n = 0;
	unsigned long npages;
	int rc;

	for (; area; area = end) {
		end = pinned_row(area, &npages);
		if (end == area->chain) {
			rc = pinned_use_first(area->pinned);
			area->in_use = !rc;
		} else {
			rc = pinned_use_row(area, end, npages);
		}
		if (unlikely(rc))
			return rc;
		if (unlikely(!(++n % RESCHED_AREAS)))
			cond_resched();
	}
	return 0;
}

/* Take the first @bytes of areas out of a domain. */
static void undo_fill(struct area *chain, const struct paging *paging,
		      size_t bytes, int rc)
{
	struct paging_drain drain;
	struct area *area;

	paging_drain_begin(&drain, paging);
	for (area = chain; area && bytes; area = area->chain) {
		size_t n = min(bytes, area_length(area));

		paging_drain(&drain, area->iova, n);
		bytes -= n;
	}
	if (!paging_drain_end(&drain) || rc == -EIO)
		chain_find_stuck(paging, chain);
}

static int fill_chain(struct ioas *ioas, struct area *chain,
		      const struct ioas_table *table)
{
	struct paging_fill fill;
	struct area *area;
	int rc = 0;

	paging_fill_begin(&fill, &table->paging, ioas->small_pages);
	for (area = chain; area && !rc; area = area->chain) {
		phys_addr_t phys = area_phys(area);

		if (unlikely(!area_bar_is_there(area))) {
			rc = -EFAULT;
		} else if (area_bar_is_off(area)) {
			/* One by one: there an area can be left out. */
			rc = -EAGAIN;
		} else if (likely(phys)) {
			rc = paging_fill_add_run(&fill, area->iova, phys,
						 area_length(area),
						 area_iommu_prot(area));
		} else {
			const struct paging_range range = area_range(ioas,
								     area);

			rc = paging_fill_add(&fill, &range);
		}
	}
	if (!rc)
		rc = paging_fill_end(&fill);
	if (rc)
		undo_fill(chain, &table->paging, fill.mapped, rc);
	return rc;
}

/**
 * row_fill - chain_fill() with as little work as possible
 * @ioas: the IOAS, locked
 * @chain: placed areas, with their memory in use if the IOAS needs it
 *
 * Return: 0; or with nothing mapped but what is stuck an errno, which may be any
 * area's. None is given up then.
 */
int row_fill(struct ioas *ioas, struct area *chain)
{
	struct ioas_table *table, *undo;
	int rc = 0;

	list_for_each_entry(table, &ioas->tables, link) {
		rc = fill_chain(ioas, chain, table);
		if (rc)
			break;
	}
	if (!rc) {
		chain_set_ready(chain);
		return 0;
	}
	list_for_each_entry(undo, &ioas->tables, link) {
		if (undo == table)
			break;
		undo_fill(chain, &undo->paging, SIZE_MAX, 0);
	}
	return rc;
}

/**
 * row_load - chain_load() with as little work as possible
 * @ioas: the IOAS, not nested, not locked, in need of its memory
 * @chain: placed areas
 *
 * Return: 0; or an errno, which may be any area's. The areas keep their places then,
 * with nothing mapped but what is stuck.
 */
int row_load(struct ioas *ioas, struct area *chain)
{
	int rc = use_rows(chain);

	if (!rc)
		rc = down_read_killable(ioas_lock(ioas));
	if (!rc) {
		/* The last page table may have gone: one by one then. */
		rc = ioas->needs ? row_fill(ioas, chain) : -EAGAIN;
		if (rc)
			chain_unuse(ioas, chain);
		up_read(ioas_lock(ioas));
	} else {
		chain_unuse(ioas, chain);
	}
	return rc;
}
