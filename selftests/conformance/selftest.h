/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The operations of IOMMU_TEST_CMD.
 */
#ifndef SELFTEST_H
#define SELFTEST_H

#include <linux/types.h>

#include "iommufd/command/test.h"
#include "iommufd_test.h"

/**
 * struct test_call - one IOMMU_TEST_CMD
 * @ctx: the context
 * @arg: the caller's structure
 * @user: where it came from
 */
struct test_call {
	struct iommufd_ctx *ctx;
	struct iommu_test_cmd arg;
	void __user *user;
};

extern const struct iommufd_test_ops selftest_ops;

int test_reply(struct test_call *call);

/* device.c */
int test_mock_domain(struct test_call *call, unsigned int flags);
int test_mock_domain_replace(struct test_call *call);
int test_trigger_iopf(struct test_call *call);
void mock_stdev_destroy(struct iommufd_ctx *ctx, void *data);
int mock_devices_init(void);
void mock_devices_exit(void);

/* access.c */
int test_create_access(struct test_call *call);
int test_access_replace_ioas(struct test_call *call);
int test_access_pages(struct test_call *call);
int test_destroy_access_pages(struct test_call *call);
int test_access_rw(struct test_call *call);

/* check.c */
int test_add_reserved(struct test_call *call);
int test_check_map(struct test_call *call);
int test_check_refs(struct test_call *call);
int test_check_iotlb(struct test_call *call);
int test_dirty(struct test_call *call);
int test_memory_limit(struct test_call *call);

#endif
