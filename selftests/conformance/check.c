// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the tests look at: page tables, IOTLBs, pinned pages, dirty bits.
 */
#include <linux/bitmap.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/sched/signal.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "iommu.h"
#include "selftest.h"

/* Of dirty bits in one call. */
#define DIRTY_BITS_MAX	(SZ_16M * (unsigned long)BITS_PER_BYTE)

/**
 * test_add_reserved - IOMMU_TEST_OP_ADD_RESERVED
 * @call: id: the IOAS; add_reserved: the range
 */
int test_add_reserved(struct test_call *call)
{
	unsigned long start = call->arg.add_reserved.start, last;

	if (!call->arg.add_reserved.length)
		return -EINVAL;
	if (check_add_overflow(start, call->arg.add_reserved.length - 1, &last))
		return -EOVERFLOW;
	return iommufd_test_reserve(call->ctx, call->arg.id, start, last);
}

/**
 * test_memory_limit - IOMMU_TEST_OP_SET_TEMP_MEMORY_LIMIT
 * @call: memory_limit.limit: bytes
 */
int test_memory_limit(struct test_call *call)
{
	/* Less than one entry would be no progress. */
	if (call->arg.memory_limit.limit < sizeof(u64) + sizeof(u32))
		return -EINVAL;
	mock_domain_limit(call->arg.memory_limit.limit);
	return 0;
}

static struct hwpt *get_paging(struct test_call *call,
			       struct mock_domain **mock)
{
	struct iommu_domain *domain;
	struct hwpt *hwpt;

	hwpt = iommufd_test_hwpt_get(call->ctx, call->arg.id, &domain);
	if (!hwpt)
		return ERR_PTR(-ENOENT);
	if (!mock_domain_is(domain)) {
		iommufd_test_hwpt_put(hwpt);
		return ERR_PTR(-EINVAL);
	}
	*mock = mock_domain_of(domain);
	return hwpt;
}

/* Where is the user's memory? */
static int user_phys(unsigned long uptr, phys_addr_t *phys)
{
	struct page *page;
	int rc = get_user_pages_fast(uptr & PAGE_MASK, 1, 0, &page);

	if (rc != 1)
		return rc < 0 ? rc : -EFAULT;
	*phys = page_to_phys(page) + offset_in_page(uptr);
	put_page(page);
	return 0;
}

static int compare_page(struct mock_domain *mock, unsigned long iova,
			unsigned long uptr)
{
	phys_addr_t phys, mapped;
	int rc = user_phys(uptr, &phys);

	if (rc)
		return rc;
	if (!mock_domain_lookup(mock, iova, &mapped) || mapped != phys)
		return -EINVAL;
	if (fatal_signal_pending(current))
		return -EINTR;
	cond_resched();
	return 0;
}

/**
 * test_check_map - IOMMU_TEST_OP_MD_CHECK_MAP: is the user's memory in the page table?
 * @call: id: the page table; check_map: the ranges
 */
int test_check_map(struct test_call *call)
{
	unsigned long length = call->arg.check_map.length, done, end;
	unsigned long iova = call->arg.check_map.iova;
	unsigned long uptr = call->arg.check_map.uptr;
	struct mock_domain *mock;
	struct hwpt *hwpt;
	int rc = 0;

	if ((iova | length | uptr) % MOCK_PAGE ||
	    check_add_overflow(uptr, length, &end))
		return -EINVAL;
	hwpt = get_paging(call, &mock);
	if (IS_ERR(hwpt))
		return PTR_ERR(hwpt);
	for (done = 0; !rc && done < length; done += MOCK_PAGE)
		rc = compare_page(mock, iova + done, uptr + done);
	iommufd_test_hwpt_put(hwpt);
	return rc;
}

/* A large folio counts its pins together. */
static int check_page_refs(unsigned long uptr, unsigned int refs)
{
	struct page *page;
	int rc = get_user_pages_fast(uptr, 1, 0, &page);
	bool wrong;

	if (rc != 1)
		return rc < 0 ? rc : -EFAULT;
	wrong = !PageCompound(page) &&
		page_ref_count(page) / GUP_PIN_COUNTING_BIAS != refs;
	put_page(page);
	if (fatal_signal_pending(current))
		return -EINTR;
	cond_resched();
	return wrong ? -EIO : 0;
}

/**
 * test_check_refs - IOMMU_TEST_OP_MD_CHECK_REFS: how often is the user's memory pinned?
 * @call: check_refs: the memory, and the number
 */
int test_check_refs(struct test_call *call)
{
	unsigned long length = call->arg.check_refs.length, done, end;
	unsigned long uptr = call->arg.check_refs.uptr;
	int rc = 0;

	if (!PAGE_ALIGNED(length | uptr) ||
	    check_add_overflow(uptr, length, &end))
		return -EINVAL;
	for (done = 0; !rc && done < length; done += PAGE_SIZE)
		rc = check_page_refs(uptr + done, call->arg.check_refs.refs);
	return rc;
}

/**
 * test_check_iotlb - IOMMU_TEST_OP_MD_CHECK_IOTLB: what does the IOTLB hold?
 * @call: id: the nested page table; check_iotlb: which entry, and its value
 */
int test_check_iotlb(struct test_call *call)
{
	u32 index = call->arg.check_iotlb.id;
	struct iommu_domain *domain;
	struct hwpt *hwpt;
	int rc = -EINVAL;

	hwpt = iommufd_test_hwpt_get(call->ctx, call->arg.id, &domain);
	if (!hwpt)
		return -ENOENT;
	if (mock_nested_is(domain) && index < MOCK_NESTED_DOMAIN_IOTLB_NUM &&
	    mock_nested_of(domain)->iotlb[index] == call->arg.check_iotlb.iotlb)
		rc = 0;
	iommufd_test_hwpt_put(hwpt);
	return rc;
}

static unsigned long set_dirty_bits(struct mock_domain *mock,
				    const struct iommu_test_cmd *arg,
				    const unsigned long *bits, unsigned long nr)
{
	unsigned long i, hit = 0;

	for_each_set_bit(i, bits, nr) {
		hit += mock_domain_set_dirty(mock, arg->dirty.iova +
					     i * arg->dirty.page_size);
		if (fatal_signal_pending(current))
			break;
		cond_resched();
	}
	return hit;
}

static int check_dirty(const struct iommu_test_cmd *arg, unsigned long *nr)
{
	u64 last;

	if (arg->dirty.page_size < MOCK_PAGE ||
	    !is_power_of_2(arg->dirty.page_size) || !arg->dirty.length ||
	    (arg->dirty.iova | arg->dirty.length) &
	    (arg->dirty.page_size - 1) || !arg->dirty.uptr)
		return -EINVAL;
	*nr = arg->dirty.length / arg->dirty.page_size;
	if (*nr > DIRTY_BITS_MAX ||
	    check_add_overflow(arg->dirty.iova, arg->dirty.length - 1, &last))
		return -EOVERFLOW;
	return 0;
}

/**
 * test_dirty - IOMMU_TEST_OP_DIRTY: a device has written to pages
 * @call: id: the page table; dirty: a bitmap of the pages
 */
int test_dirty(struct test_call *call)
{
	struct mock_domain *mock;
	unsigned long *bits, nr;
	struct hwpt *hwpt;
	int rc;

	rc = check_dirty(&call->arg, &nr);
	if (rc)
		return rc;
	hwpt = get_paging(call, &mock);
	if (IS_ERR(hwpt))
		return PTR_ERR(hwpt);
	rc = -EINVAL;
	if (!mock->tracking)
		goto out_put;
	rc = -ENOMEM;
	bits = kvcalloc(BITS_TO_LONGS(nr), sizeof(*bits), GFP_KERNEL_ACCOUNT);
	if (!bits)
		goto out_put;
	rc = -EFAULT;
	if (!copy_from_user(bits, u64_to_user_ptr(call->arg.dirty.uptr),
			    DIV_ROUND_UP(nr, BITS_PER_BYTE))) {
		call->arg.dirty.out_nr_dirty =
			set_dirty_bits(mock, &call->arg, bits, nr);
		rc = test_reply(call);
	}
	kvfree(bits);
out_put:
	iommufd_test_hwpt_put(hwpt);
	return rc;
}
