// SPDX-License-Identifier: GPL-2.0-only
/*
 * DMA that the driver does when one of these files of the device is written to:
 *
 *	dma_check	with memory that it maps by the DMA API, and unmaps again
 *	stale_check	with a domain of its own, in which it unmaps a page, and invalidates
 *			nothing for a while
 *
 * write() fails with ENODATA if memory is not as it should be, EEXIST if the function has
 * reached what it must not, or what the DMA failed with: EFAULT if the IOMMU has stopped it.
 */
#include <linux/dma-mapping.h>
#include <linux/iommu.h>
#include <linux/string.h>

#include "driver.h"

#define WAIT		(60 * HZ)
#define PAGES_ORDER	4

/* In the domain of our own. */
#define RECORD_AT	0x100000UL
#define PAGE_AT		0x40000000UL

/* Submit, wait for the interrupt, and look what the completion says. */
static int run(struct function *function, struct iosim_desc desc, dma_addr_t at)
{
	struct iosim_completion *record = function->record;

	memset(record, 0, sizeof(*record));
	reinit_completion(&function->interrupt);
	desc.flags = IOSIM_DESC_COMPLETION | IOSIM_DESC_INTERRUPT;
	desc.completion = at;
	if (function_submit(function, &desc) ||
	    !wait_for_completion_timeout(&function->interrupt, WAIT))
		return -ETIMEDOUT;
	switch (READ_ONCE(record->status)) {
	case IOSIM_STATUS_OK:
		return 0;
	case IOSIM_STATUS_FAULT:
		return -EFAULT;
	default:
		return -EIO;
	}
}

static int copy(struct function *function, dma_addr_t src, dma_addr_t dst,
		size_t length)
{
	return run(function, (struct iosim_desc) {
		.op = IOSIM_OP_COPY,
		.src = src,
		.dst = dst,
		.length = length,
	}, function->record_at);
}

static void fill_pattern(u64 *words, size_t length)
{
	size_t i;

	for (i = 0; i < length / sizeof(*words); i++)
		words[i] = (i + 1) * 0x9e3779b97f4a7c15ULL;
}

static int copy_mapped(struct function *function, void *from, void *to,
		       size_t length, dma_addr_t *src, dma_addr_t *dst)
{
	struct device *dev = &function->pdev->dev;
	int rc;

	*src = dma_map_single(dev, from, length, DMA_TO_DEVICE);
	if (dma_mapping_error(dev, *src))
		return -ENOMEM;
	*dst = dma_map_single(dev, to, length, DMA_FROM_DEVICE);
	if (dma_mapping_error(dev, *dst)) {
		dma_unmap_single(dev, *src, length, DMA_TO_DEVICE);
		return -ENOMEM;
	}
	rc = copy(function, *src, *dst, length);
	dma_unmap_single(dev, *dst, length, DMA_FROM_DEVICE);
	dma_unmap_single(dev, *src, length, DMA_TO_DEVICE);
	return rc ?: memcmp(from, to, length) ? -ENODATA : 0;
}

static int fill(struct function *function, dma_addr_t dst, u64 value,
		dma_addr_t record_at)
{
	return run(function, (struct iosim_desc) {
		.op = IOSIM_OP_FILL,
		.dst = dst,
		.length = sizeof(value),
		.value = value,
	}, record_at);
}

/* What has been unmapped is neither written nor read any more. */
static int reach_unmapped(struct function *function, void *to, dma_addr_t src,
			  dma_addr_t dst)
{
	u64 before = *(u64 *)to;
	int rc;

	rc = fill(function, dst, ~before, function->record_at);
	if (rc == -EFAULT)
		rc = copy(function, src, function->record_at + PAGE_SIZE / 2,
			  sizeof(u64));
	if (rc == -EFAULT && *(u64 *)to == before)
		return 0;
	return rc && rc != -EFAULT ? rc : -EEXIST;
}

static int check_dma(struct function *function)
{
	size_t length = PAGE_SIZE << PAGES_ORDER;
	void *from = (void *)__get_free_pages(GFP_KERNEL, PAGES_ORDER);
	void *to = (void *)__get_free_pages(GFP_KERNEL | __GFP_ZERO, PAGES_ORDER);
	dma_addr_t src, dst;
	int rc = -ENOMEM;

	if (from && to) {
		fill_pattern(from, length);
		rc = copy_mapped(function, from, to, length, &src, &dst);
	}
	if (!rc)
		rc = reach_unmapped(function, to, src, dst);
	free_pages((unsigned long)to, PAGES_ORDER);
	free_pages((unsigned long)from, PAGES_ORDER);
	return rc;
}

/* @page is mapped at PAGE_AT, and unmapped when this returns. */
static int check_unmapped(struct function *function, struct iommu_domain *domain,
			  u64 *page)
{
	struct iommu_iotlb_gather gather;
	int rc;

	rc = fill(function, PAGE_AT, 1, RECORD_AT);
	if (!rc && READ_ONCE(*page) != 1)
		rc = -ENODATA;
	iommu_iotlb_gather_init(&gather);
	iommu_unmap_fast(domain, PAGE_AT, PAGE_SIZE, &gather);
	if (!rc)
		rc = fill(function, PAGE_AT, 2, RECORD_AT);
	if (!rc && READ_ONCE(*page) != 2)
		rc = -ENODATA;
	iommu_iotlb_sync(domain, &gather);
	if (rc)
		return rc;
	rc = fill(function, PAGE_AT, 3, RECORD_AT);
	return rc == -EFAULT && READ_ONCE(*page) == 2 ? 0 : rc ?: -EEXIST;
}

static int check_domain(struct function *function, struct iommu_domain *domain,
			u64 *page)
{
	const int prot = IOMMU_READ | IOMMU_WRITE;
	struct device *dev = &function->pdev->dev;
	int rc;

	rc = iommu_map(domain, RECORD_AT, virt_to_phys(function->record),
		       PAGE_SIZE, prot, GFP_KERNEL);
	if (!rc)
		rc = iommu_map(domain, PAGE_AT, virt_to_phys(page), PAGE_SIZE,
			       prot, GFP_KERNEL);
	if (rc)
		return rc;
	rc = iommu_attach_device(domain, dev);
	if (rc)
		return rc;
	rc = check_unmapped(function, domain, page);
	iommu_detach_device(domain, dev);
	return rc;
}

static int check_stale(struct function *function)
{
	struct iommu_domain *domain =
		iommu_paging_domain_alloc(&function->pdev->dev);
	u64 *page;
	int rc = -ENOMEM;

	if (IS_ERR(domain))
		return PTR_ERR(domain);
	page = (u64 *)get_zeroed_page(GFP_KERNEL);
	if (page)
		rc = check_domain(function, domain, page);
	iommu_domain_free(domain);
	free_page((unsigned long)page);
	return rc;
}

static ssize_t checked(struct device *dev, size_t count,
		       int (*check)(struct function *function))
{
	struct function *function = dev_get_drvdata(dev);
	int rc;

	mutex_lock(&function->lock);
	rc = check(function);
	mutex_unlock(&function->lock);
	return rc ?: count;
}

static ssize_t dma_check_store(struct device *dev, struct device_attribute *attr,
			       const char *text, size_t count)
{
	return checked(dev, count, check_dma);
}
static DEVICE_ATTR_WO(dma_check);

static ssize_t stale_check_store(struct device *dev,
				 struct device_attribute *attr, const char *text,
				 size_t count)
{
	return checked(dev, count, check_stale);
}
static DEVICE_ATTR_WO(stale_check);

static struct attribute *attrs[] = {
	&dev_attr_dma_check.attr,
	&dev_attr_stale_check.attr,
	NULL
};

const struct attribute_group check_group = { .attrs = attrs };
