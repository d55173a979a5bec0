/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The mock IOMMU: page tables that nothing walks but checks.
 */
#ifndef SELFTEST_IOMMU_H
#define SELFTEST_IOMMU_H

#include <linux/iommu.h>
#include <linux/rwsem.h>
#include <linux/xarray.h>

#include <uapi/linux/iommufd.h>

#include "iommufd_test.h"

/* What the tests expect of it: pages of half a CPU page, and 512 of them. */
#define MOCK_PAGE	(PAGE_SIZE / 2)
#define MOCK_HUGE_PAGE	(512 * MOCK_PAGE)
/* In newer versions of iommufd_test.h. */
#ifndef MOCK_FLAGS_DEVICE_PASID
#define MOCK_FLAGS_DEVICE_PASID	(1 << 2)
#define MOCK_PASID_WIDTH	20
#endif

/**
 * struct mock_domain - a kernel-managed page table
 * @domain: the core's part
 * @entries: by IOVA / MOCK_PAGE: where the page is, and flags
 * @tracking: dirty bits are collected
 */
struct mock_domain {
	struct iommu_domain domain;
	struct xarray entries;
	bool tracking;
};

/**
 * struct mock_nested - a page table of the user's
 * @domain: the core's part
 * @iotlb: what the IOMMU remembers of it: 0 after an invalidation
 */
struct mock_nested {
	struct iommu_domain domain;
	u32 iotlb[MOCK_NESTED_DOMAIN_IOTLB_NUM];
};

/**
 * struct mock_device - a device behind the IOMMU
 * @pdev: the device
 * @id: in its fwspec
 * @flags: MOCK_FLAGS_DEVICE_*
 * @faults: held for reading while a page request is reported, for writing while
 *	what handles it changes
 * @free: in the list of devices that no test has now
 */
struct mock_device {
	struct platform_device *pdev;
	u32 id;
	unsigned int flags;
	struct rw_semaphore faults;
	struct list_head free;
};

extern struct iommu_device mock_iommu;
extern struct iommu_ops mock_ops;

int mock_iommu_init(void);
void mock_iommu_exit(void);

/* domain.c */
extern const struct iommu_domain_ops mock_domain_ops;

struct iommu_domain *mock_domain_alloc(struct device *dev);
struct iommu_domain *mock_domain_alloc_dirty(struct device *dev);
bool mock_domain_is(const struct iommu_domain *domain);
bool mock_domain_lookup(struct mock_domain *mock, unsigned long iova,
			phys_addr_t *phys);
bool mock_domain_set_dirty(struct mock_domain *mock, unsigned long iova);
void mock_domain_limit(unsigned int bytes);
int mock_domain_init(void);
void mock_domain_exit(void);

static inline struct mock_domain *mock_domain_of(struct iommu_domain *domain)
{
	return container_of(domain, struct mock_domain, domain);
}

/* nested.c */
struct iommu_domain *mock_nested_alloc(const struct iommu_user_data *data);
bool mock_nested_is(const struct iommu_domain *domain);

static inline struct mock_nested *mock_nested_of(struct iommu_domain *domain)
{
	return container_of(domain, struct mock_nested, domain);
}

/* device.c */
struct mock_device *mock_device_of(struct device *dev);
struct mock_device *mock_device_find(u32 id);
int mock_device_attach(struct iommu_domain *domain, struct device *dev);

#endif
