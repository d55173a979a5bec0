/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a test module may do with the insides of /dev/iommu. Namespace IOMMUFD_TEST.
 *
 * For the kernel's own tests of iommufd, which drive it by a command that no user should
 * have: IOMMU_TEST_CMD. It is built with IOMMUFD_TEST=y, for those tests; and even then
 * it does not exist without a test module.
 */
#ifndef IOMMUFD_TEST_H
#define IOMMUFD_TEST_H

#include <linux/errno.h>
#include <linux/types.h>

struct device;
struct iommu_domain;
struct iommufd_ctx;
struct iommufd_device;
struct module;

/* The number that linux-source's iommufd_test.h gives IOMMU_TEST_CMD, from 0x80 on. */
#define IOMMUFD_TEST_NR	0xa0

/**
 * struct iommufd_test_ops - a test module
 * @owner: THIS_MODULE
 * @ioctl: does IOMMU_TEST_CMD; @arg is the caller's structure
 * @destroy: takes apart what @data of an object stands for
 */
struct iommufd_test_ops {
	struct module *owner;
	int (*ioctl)(struct iommufd_ctx *ctx, void __user *arg);
	void (*destroy)(struct iommufd_ctx *ctx, void *data);
};

/*
 * For the test module ---------------------------------------------------------
 */

struct module *iommufd_test_keeper(void);
int iommufd_test_register(const struct iommufd_test_ops *ops);
void iommufd_test_unregister(const struct iommufd_test_ops *ops);

struct iommufd_test_object;

struct iommufd_test_object *
iommufd_test_object_new(struct iommufd_ctx *ctx,
			const struct iommufd_test_ops *ops, u32 *id);
void iommufd_test_object_publish(struct iommufd_ctx *ctx,
				 struct iommufd_test_object *obj, void *data);
void iommufd_test_object_abort(struct iommufd_ctx *ctx,
			       struct iommufd_test_object *obj);
struct iommufd_test_object *iommufd_test_object_get(struct iommufd_ctx *ctx,
						    u32 id, void **data);
void iommufd_test_object_put(struct iommufd_ctx *ctx,
			     struct iommufd_test_object *obj);

struct iommufd_device *iommufd_test_bind(struct iommufd_ctx *ctx,
					 struct device *dev, u32 *id);

struct hwpt;

struct hwpt *iommufd_test_hwpt_get(struct iommufd_ctx *ctx, u32 id,
				   struct iommu_domain **domain);
void iommufd_test_hwpt_put(struct hwpt *hwpt);

struct iommufd_device *iommufd_test_device_get(struct iommufd_ctx *ctx, u32 id,
					       struct device **dev);
void iommufd_test_device_put(struct iommufd_device *idev);

int iommufd_test_reserve(struct iommufd_ctx *ctx, u32 ioas_id,
			 unsigned long start, unsigned long last);

/*
 * For the module --------------------------------------------------------------
 */

#ifdef IOMMUFD_TEST_DOOR

int iommufd_test_ioctl(struct iommufd_ctx *ctx, unsigned int nr,
		       void __user *arg);
void iommufd_test_release(struct iommufd_ctx *ctx);

#else

static inline int iommufd_test_ioctl(struct iommufd_ctx *ctx, unsigned int nr,
				     void __user *arg)
{
	return -ENOIOCTLCMD;
}

static inline void iommufd_test_release(struct iommufd_ctx *ctx)
{
}

#endif

#endif
