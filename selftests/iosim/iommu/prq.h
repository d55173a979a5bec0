/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Page requests.
 */
#ifndef IOSIM_PRQ_H
#define IOSIM_PRQ_H

#include <linux/iommu.h>

struct iosim_access;
struct iosim_endpoint;
struct outcome;

int prq_init(void);
void prq_exit(void);
int prq_enable(struct device *dev);
int prq_stop(struct device *dev);
void prq_disable(struct device *dev);
bool prq_possible(const struct iosim_endpoint *endpoint,
		  const struct outcome *out);
u32 prq_request(struct iosim_endpoint *endpoint,
		const struct iosim_access *access, u64 iova, u64 serial);
void prq_response(struct device *dev, struct iopf_fault *fault,
		  struct iommu_page_response *response);

#endif
