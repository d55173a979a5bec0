// SPDX-License-Identifier: GPL-2.0-only
/*
 * Kernel-managed page tables of the mock IOMMU: what is mapped where, and the dirty bits.
 *
 * An entry for each MOCK_PAGE, as a value of an xarray: flags and the physical address.
 * A huge page is a row of them, and has its dirty bit in the first.
 *
 * It is stricter than an IOMMU: mapping over a mapping, unmapping a hole or a part of a
 * huge page, and freeing a table with something in it are bugs of iommufd.
 */
#include <linux/debugfs.h>
#include <linux/fault-inject.h>
#include <linux/iova_bitmap.h>
#include <linux/slab.h>

#include "iommu.h"

#define ENTRY_DIRTY	BIT(0)
#define ENTRY_HUGE	BIT(1)
#define ENTRY_FLAGS	(ENTRY_DIRTY | ENTRY_HUGE)

/* What the limit takes a page table entry for. */
#define ENTRY_BYTES	16

/*
 * How many entries one call takes: as IOMMUs whose tables are in pages do, which stop at
 * the end of each. Tests of small limits see every loop turn.
 */
static unsigned int entries_max = 65536 / ENTRY_BYTES;

/* A point of failure that is ours, since that of the xarray tries again. */
static DECLARE_FAULT_ATTR(fail_iommufd);
static struct dentry *fail_dir;

/**
 * mock_domain_limit - IOMMU_TEST_OP_SET_TEMP_MEMORY_LIMIT
 * @bytes: what one call may work with
 */
void mock_domain_limit(unsigned int bytes)
{
	WRITE_ONCE(entries_max, max(bytes / ENTRY_BYTES, 1U));
}

static size_t pages_per_call(size_t pgsize, size_t pgcount)
{
	size_t most = READ_ONCE(entries_max) / (pgsize / MOCK_PAGE);

	return clamp(most, 1, pgcount);
}

static void erase(struct mock_domain *mock, unsigned long iova, size_t size)
{
	for (; size; size -= MOCK_PAGE, iova += MOCK_PAGE)
		xa_erase(&mock->entries, iova / MOCK_PAGE);
}

static int map_page(struct mock_domain *mock, unsigned long iova,
		    phys_addr_t phys, size_t pgsize, gfp_t gfp)
{
	unsigned long flags = pgsize == MOCK_HUGE_PAGE ? ENTRY_HUGE : 0;
	size_t done;
	int rc;

	for (done = 0; done < pgsize; done += MOCK_PAGE) {
		rc = xa_insert(&mock->entries, (iova + done) / MOCK_PAGE,
			       xa_mk_value((phys + done) | flags), gfp);
		if (rc) {
			WARN_ON_ONCE(rc == -EBUSY);
			erase(mock, iova, done);
			return rc;
		}
	}
	return 0;
}

static int mock_map(struct iommu_domain *domain, unsigned long iova,
		    phys_addr_t phys, size_t pgsize, size_t pgcount, int prot,
		    gfp_t gfp, size_t *mapped)
{
	struct mock_domain *mock = mock_domain_of(domain);
	size_t i;
	int rc;

	if (WARN_ON_ONCE(!(pgsize & domain->pgsize_bitmap) ||
			 !is_power_of_2(pgsize) ||
			 (iova | phys) & (pgsize - 1)))
		return -EINVAL;
	if (should_fail(&fail_iommufd, 1))
		return -ENOMEM;
	pgcount = pages_per_call(pgsize, pgcount);
	for (i = 0; i < pgcount; i++) {
		rc = map_page(mock, iova, phys, pgsize, gfp);
		if (rc)
			return rc;
		iova += pgsize;
		phys += pgsize;
		*mapped += pgsize;
	}
	return 0;
}

/* The size is only where iommufd believes that entries end. */
static size_t mock_unmap(struct iommu_domain *domain, unsigned long iova,
			 size_t pgsize, size_t pgcount,
			 struct iommu_iotlb_gather *gather)
{
	struct mock_domain *mock = mock_domain_of(domain);
	size_t size = pages_per_call(pgsize, pgcount) * pgsize;
	size_t done;

	for (done = 0; done < size; done += MOCK_PAGE) {
		unsigned long at = iova + done;
		void *entry = xa_erase(&mock->entries, at / MOCK_PAGE);

		if (WARN_ON_ONCE(!entry))
			continue;
		if (!(xa_to_value(entry) & ENTRY_HUGE))
			continue;
		WARN_ON_ONCE(ALIGN_DOWN(at, MOCK_HUGE_PAGE) < iova ||
			     ALIGN(at + 1, MOCK_HUGE_PAGE) > iova + size);
	}
	iommu_iotlb_gather_add_range(gather, iova, size);
	return size;
}

/**
 * mock_domain_lookup - where is a page?
 * @mock: the page table
 * @iova: of the page
 * @phys: set to its physical address
 *
 * Return: false if nothing is mapped.
 */
bool mock_domain_lookup(struct mock_domain *mock, unsigned long iova,
			phys_addr_t *phys)
{
	void *entry = xa_load(&mock->entries, iova / MOCK_PAGE);

	if (!entry)
		return false;
	*phys = (xa_to_value(entry) & ~ENTRY_FLAGS) + iova % MOCK_PAGE;
	return true;
}

static phys_addr_t mock_iova_to_phys(struct iommu_domain *domain,
				     dma_addr_t iova)
{
	phys_addr_t phys;

	if (!mock_domain_lookup(mock_domain_of(domain), iova, &phys))
		return 0;
	return phys;
}

static void mock_free(struct iommu_domain *domain)
{
	struct mock_domain *mock = mock_domain_of(domain);

	WARN_ON(!xa_empty(&mock->entries));
	xa_destroy(&mock->entries);
	kfree(mock);
}

const struct iommu_domain_ops mock_domain_ops = {
	.attach_dev = mock_device_attach,
	.map_pages = mock_map,
	.unmap_pages = mock_unmap,
	.iova_to_phys = mock_iova_to_phys,
	.free = mock_free,
};

/**
 * mock_domain_alloc - a page table
 * @dev: the device that it is for
 */
struct iommu_domain *mock_domain_alloc(struct device *dev)
{
	struct mock_domain *mock = kzalloc(sizeof(*mock), GFP_KERNEL_ACCOUNT);
	struct iommu_domain *domain;

	if (!mock)
		return NULL;
	xa_init_flags(&mock->entries, XA_FLAGS_ACCOUNT);
	domain = &mock->domain;
	domain->type = IOMMU_DOMAIN_UNMANAGED;
	domain->ops = &mock_domain_ops;
	domain->pgsize_bitmap = mock_ops.pgsize_bitmap;
	if (mock_device_of(dev)->flags & MOCK_FLAGS_DEVICE_HUGE_IOVA)
		domain->pgsize_bitmap |= MOCK_HUGE_PAGE;
	domain->geometry.aperture_start = MOCK_APERTURE_START;
	domain->geometry.aperture_end = MOCK_APERTURE_LAST;
	domain->geometry.force_aperture = true;
	return domain;
}

/**
 * mock_domain_is - is a domain one of these?
 * @domain: any domain
 */
bool mock_domain_is(const struct iommu_domain *domain)
{
	return domain->ops == &mock_domain_ops;
}

/*
 * Dirty bits ------------------------------------------------------------------
 */

static int mock_set_tracking(struct iommu_domain *domain, bool on)
{
	mock_domain_of(domain)->tracking = on;
	return 0;
}

/* Another command may change the entry meanwhile. */
static bool change_entry(struct mock_domain *mock, unsigned long index,
			 unsigned long set, unsigned long clear,
			 unsigned long *was)
{
	void *entry, *seen;

	do {
		entry = xa_load(&mock->entries, index);
		if (!entry)
			return false;
		*was = xa_to_value(entry);
		seen = xa_cmpxchg(&mock->entries, index, entry,
				  xa_mk_value((*was | set) & ~clear),
				  GFP_KERNEL);
	} while (seen != entry);
	return true;
}

static int mock_read_dirty(struct iommu_domain *domain, unsigned long iova,
			   size_t size, unsigned long flags,
			   struct iommu_dirty_bitmap *dirty)
{
	unsigned long clear = flags & IOMMU_DIRTY_NO_CLEAR ? 0 : ENTRY_DIRTY;
	struct mock_domain *mock = mock_domain_of(domain);
	unsigned long end = iova + size;

	if (!mock->tracking && dirty->bitmap)
		return -EINVAL;
	while (iova < end) {
		void *entry = xa_load(&mock->entries, iova / MOCK_PAGE);
		unsigned long was, page = MOCK_PAGE, next;

		if (entry && xa_to_value(entry) & ENTRY_HUGE)
			page = MOCK_HUGE_PAGE;
		next = ALIGN(iova + 1, page);
		if (entry &&
		    change_entry(mock, (next - page) / MOCK_PAGE, 0, clear,
				 &was) && was & ENTRY_DIRTY)
			iommu_dirty_bitmap_record(dirty, iova, next - iova);
		iova = next;
	}
	return 0;
}

static const struct iommu_dirty_ops dirty_ops = {
	.set_dirty_tracking = mock_set_tracking,
	.read_and_clear_dirty = mock_read_dirty,
};

/**
 * mock_domain_alloc_dirty - a page table that tracks dirty pages
 * @dev: the device that it is for
 */
struct iommu_domain *mock_domain_alloc_dirty(struct device *dev)
{
	struct iommu_domain *domain;

	if (mock_device_of(dev)->flags & MOCK_FLAGS_DEVICE_NO_DIRTY)
		return ERR_PTR(-EOPNOTSUPP);
	domain = mock_domain_alloc(dev);
	if (!domain)
		return ERR_PTR(-ENOMEM);
	domain->dirty_ops = &dirty_ops;
	return domain;
}

/**
 * mock_domain_set_dirty - a device has written to a page
 * @mock: the page table
 * @iova: where
 *
 * Return: false if nothing is mapped.
 */
bool mock_domain_set_dirty(struct mock_domain *mock, unsigned long iova)
{
	void *entry = xa_load(&mock->entries, iova / MOCK_PAGE);
	unsigned long was;

	if (!entry)
		return false;
	if (xa_to_value(entry) & ENTRY_HUGE)
		iova = ALIGN_DOWN(iova, MOCK_HUGE_PAGE);
	return change_entry(mock, iova / MOCK_PAGE, ENTRY_DIRTY, 0, &was);
}

/**
 * mock_domain_init - prepare for page tables
 *
 * Return: 0 or an error.
 */
int mock_domain_init(void)
{
	fail_dir = fault_create_debugfs_attr("fail_iommufd", NULL,
					     &fail_iommufd);
	return 0;
}

/**
 * mock_domain_exit - undo mock_domain_init()
 */
void mock_domain_exit(void)
{
	debugfs_remove_recursive(fail_dir);
}
