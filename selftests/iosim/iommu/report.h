/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How DMA faults and page requests are reported.
 */
#ifndef IOSIM_REPORT_H
#define IOSIM_REPORT_H

#include <linux/types.h>

struct iommu_domain;
struct iopf_fault;
struct iosim_endpoint;

int report_init(void);
void report_exit(void);
void report_fault(struct iosim_endpoint *endpoint, struct iommu_domain *domain,
		  u64 iova, bool write);
void report_request(struct iosim_endpoint *endpoint,
		    const struct iopf_fault *fault);
void report_wait(struct iosim_endpoint *endpoint);

#endif
