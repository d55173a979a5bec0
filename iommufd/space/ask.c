// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a driver can do with the page table of a domain, which it does not tell: found out
 * by trying.
 */
#include <linux/gfp.h>
#include <linux/mm.h>

#include "space/ask.h"

/*
 * Of two pages mapped in one call, can one be unmapped while the other stays? @rc is that
 * of mapping, @gone what unmapping has returned, if it came to that.
 */
static bool can_split(const struct paging *paging, unsigned long iova,
		      phys_addr_t phys, int *rc, size_t *gone)
{
	struct iommu_domain *domain = paging->domain;
	size_t step = domain_grain(domain), mapped = 0;

	/* VT-d's nesting parents have no entries that are for reading alone. */
	*rc = domain_map(domain, iova, phys, step, 2, IOMMU_READ | IOMMU_WRITE,
			 &mapped);
	if (!*rc && domain->ops->iotlb_sync_map)
		*rc = domain->ops->iotlb_sync_map(domain, iova, mapped);
	if (*rc || mapped != 2 * step || !domain->ops->iova_to_phys)
		return false;
	*gone = iommufd_paging_unmap_now(paging, iova, step);
	return *gone == step && !domain_translates(domain, iova) &&
	       domain->ops->iova_to_phys(domain, iova + step) == phys + step;
}

/*
 * Unmap what is left of the two pages; @failed: the driver has failed to unmap one. Drivers
 * must not be asked to unmap what is not there, or a part of an entry.
 */
static bool ask_end(const struct paging *paging, unsigned long iova, bool failed)
{
	struct iommu_domain *domain = paging->domain;
	const size_t step = domain_grain(domain);
	size_t left = 0;

	if (domain_translates(domain, iova))
		left = domain_translates(domain, iova + step) ? 2 * step : step;
	if (left && iommufd_paging_unmap_now(paging, iova, left) != left)
		failed = true;
	else if (left == 2 * step)
		failed = false;
	if (failed)
		return iommufd_paging_clear(paging, iova, 2 * step);
	return iommufd_paging_clear_steps(paging, iova, 2 * step, step);
}

/**
 * iommufd_paging_ask - find out what a driver can do
 * @paging: with a domain in which nothing is mapped; the other fields are set
 * @iova: where nothing else is mapped meanwhile: at least two pages, the first of them
 *	at an odd one, where they cannot be one entry
 *
 * A driver does not tell whether it can unmap a part of what one call has mapped:
 * virtio-iommu's cannot. So this is tried, with two pages of zeros.
 *
 * Return: 0, -ENOMEM; -EIO if the driver does not even unmap that.
 */
int iommufd_paging_ask(struct paging *paging, unsigned long iova)
{
	struct iommu_domain *domain = paging->domain;
	unsigned long large = domain->pgsize_bitmap & (PAGE_MASK << 1);
	struct page *pages = alloc_pages(GFP_KERNEL_ACCOUNT | __GFP_ZERO, 1);
	size_t gone = SIZE_MAX;
	int rc;

	if (!pages)
		return -ENOMEM;
	/* A driver that does less than it is asked to is not asked for more at once. */
	paging->whole = !can_split(paging, iova, page_to_phys(pages), &rc,
				   &gone);
	if (paging->leftover)
		iommufd_leftover_note_all(paging->leftover, iova,
					  2 * domain_grain(domain));
	if (!ask_end(paging, iova, !gone) ||
	    (paging->leftover &&
	     !iommufd_leftover_forget(paging->leftover, domain, iova,
				      2 * domain_grain(domain), page_to_phys(pages))))
		return -EIO; /* The pages are lost: a device may read them. */
	__free_pages(pages, 1);
	if (rc == -ENOMEM)
		return rc;

	paging->plain = min((large & -large) - 1, PMD_SIZE - 1);
	/* VT-d's makes a large entry of small ones that are asked for. */
	paging->join = domain_sizes_itself(domain) ? paging->plain + 1 : PMD_SIZE;
	if (paging->whole || domain->pgsize_bitmap & (PAGE_SIZE - 1))
		paging->plain = 0;
	if (paging->whole)
		paging->join = 0;
	return 0;
}
