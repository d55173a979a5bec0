// SPDX-License-Identifier: GPL-2.0-only
/*
 * IOMMU_TEST_CMD, by which the kernel's own tests of iommufd drive mock devices behind a
 * mock IOMMU. What it has to do is in linux-source's drivers/iommu/iommufd/iommufd_test.h
 * and in the tests; how is this module's own business.
 */
#include <linux/build_bug.h>
#include <linux/ioasid_kernel.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <uapi/linux/iommufd.h>

#include "iommu.h"
#include "selftest.h"

static_assert(IOMMU_TEST_CMD == _IO(IOMMUFD_TYPE, IOMMUFD_TEST_NR));

/**
 * test_reply - copy the structure back to the caller
 * @call: the call
 *
 * Return: 0 or -EFAULT.
 */
int test_reply(struct test_call *call)
{
	if (copy_to_user(call->user, &call->arg,
			 min_t(size_t, call->arg.size, sizeof(call->arg))))
		return -EFAULT;
	return 0;
}

static int test_do(struct test_call *call)
{
	switch (call->arg.op) {
	case IOMMU_TEST_OP_ADD_RESERVED:
		return test_add_reserved(call);
	case IOMMU_TEST_OP_MOCK_DOMAIN:
		return test_mock_domain(call, 0);
	case IOMMU_TEST_OP_MOCK_DOMAIN_FLAGS:
		return test_mock_domain(call,
					call->arg.mock_domain_flags.dev_flags);
	case IOMMU_TEST_OP_MOCK_DOMAIN_REPLACE:
		return test_mock_domain_replace(call);
	case IOMMU_TEST_OP_MD_CHECK_MAP:
		return test_check_map(call);
	case IOMMU_TEST_OP_MD_CHECK_REFS:
		return test_check_refs(call);
	case IOMMU_TEST_OP_MD_CHECK_IOTLB:
		return test_check_iotlb(call);
	case IOMMU_TEST_OP_CREATE_ACCESS:
		return test_create_access(call);
	case IOMMU_TEST_OP_ACCESS_REPLACE_IOAS:
		return test_access_replace_ioas(call);
	case IOMMU_TEST_OP_ACCESS_PAGES:
		return test_access_pages(call);
	case IOMMU_TEST_OP_DESTROY_ACCESS_PAGES:
		return test_destroy_access_pages(call);
	case IOMMU_TEST_OP_ACCESS_RW:
		return test_access_rw(call);
	case IOMMU_TEST_OP_SET_TEMP_MEMORY_LIMIT:
		return test_memory_limit(call);
	case IOMMU_TEST_OP_DIRTY:
		return test_dirty(call);
	case IOMMU_TEST_OP_TRIGGER_IOPF:
		return test_trigger_iopf(call);
	default:
		return -EOPNOTSUPP;
	}
}

static int selftest_ioctl(struct iommufd_ctx *ctx, void __user *user)
{
	struct test_call call = { .ctx = ctx, .user = user };
	u32 size;
	int rc;

	if (get_user(size, (u32 __user *)user))
		return -EFAULT;
	if (size < offsetofend(struct iommu_test_cmd, last))
		return -EINVAL;
	rc = copy_struct_from_user(&call.arg, sizeof(call.arg), user, size);
	call.arg.size = size;
	return rc ?: test_do(&call);
}

const struct iommufd_test_ops selftest_ops = {
	.owner = THIS_MODULE,
	.ioctl = selftest_ioctl,
	.destroy = mock_stdev_destroy,
};

static int __init selftest_init(void)
{
	int rc;

	rc = mock_domain_init();
	if (rc)
		return rc;
	rc = mock_iommu_init();
	if (rc)
		goto exit_domain;
	rc = mock_devices_init();
	if (rc)
		goto exit_iommu;
	rc = iommufd_test_register(&selftest_ops);
	if (rc)
		goto exit_devices;
	return 0;

exit_devices:
	mock_devices_exit();
exit_iommu:
	mock_iommu_exit();
exit_domain:
	mock_domain_exit();
	return rc;
}

static void __exit selftest_exit(void)
{
	iommufd_test_unregister(&selftest_ops);
	mock_devices_exit();
	mock_iommu_exit();
	mock_domain_exit();
}

module_init(selftest_init);
module_exit(selftest_exit);
MODULE_DESCRIPTION("IOMMU_TEST_CMD for the kernel's own tests of iommufd");
MODULE_IMPORT_NS("IOMMUFD");
MODULE_IMPORT_NS("IOMMUFD_TEST");
MODULE_LICENSE("GPL");
/* The kernel is marked as one that is being tested. */
MODULE_INFO(test, "Y");
