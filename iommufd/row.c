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

#include "ioas_map.h"
#include "nested.h"
#include "paging.h"
#include "pin.h"
#include "row.h"

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

static int use_nested(struct area *chain)
{
	unsigned int n = 0;
	int rc;

	for (; chain; chain = chain->chain) {
		rc = nested_use(chain);
		if (unlikely(rc))
			return rc;
		chain->in_use = true;
		if (unlikely(!(++n % RESCHED_AREAS)))
			cond_resched();
	}
	return 0;
}

/* Take the first @bytes of areas out of a domain. */
static void undo_fill(struct area *chain, struct iommu_domain *domain,
		      size_t bytes)
{
	struct paging_drain drain;

	paging_drain_begin(&drain, domain);
	for (; chain && bytes; chain = chain->chain) {
		size_t n = min(bytes, area_length(chain));

		paging_drain(&drain, chain->iova, n);
		bytes -= n;
	}
	paging_drain_end(&drain);
}

static int fill_chain(struct ioas *ioas, struct area *chain,
		      const struct ioas_table *table)
{
	struct paging_fill fill;
	struct area *area;
	int rc = 0;

	paging_fill_begin(&fill, table->domain, table->plain,
			  ioas->small_pages);
	for (area = chain; area && !rc; area = area->chain) {
		phys_addr_t phys = area_phys(area);

		if (likely(phys)) {
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
		undo_fill(chain, table->domain, fill.mapped);
	return rc;
}

/**
 * row_load - chain_load() of new areas with as little work as possible
 * @ioas: the IOAS, locked
 * @chain: placed areas
 *
 * Return: 0, or with nothing pinned or mapped an errno, which may be any area's.
 */
int row_load(struct ioas *ioas, struct area *chain)
{
	struct ioas_table *table, *undo;
	struct area *area;
	int rc;

	rc = ioas->parent ? use_nested(chain) : use_rows(chain);
	if (rc)
		goto err_unuse;
	list_for_each_entry(table, &ioas->tables, link) {
		rc = fill_chain(ioas, chain, table);
		if (rc)
			goto err_drain;
	}
	return 0;

err_drain:
	list_for_each_entry(undo, &ioas->tables, link) {
		if (undo == table)
			break;
		undo_fill(chain, undo->domain, SIZE_MAX);
	}
err_unuse:
	for (area = chain; area; area = area->chain) {
		if (area->in_use)
			area_unuse(ioas, area);
		cond_resched();
	}
	return rc;
}

