// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mock devices, and what the tests call a mock domain: such a device bound to their
 * context and attached.
 *
 * A device is a platform device with a fwspec, by which the IOMMU core finds the mock
 * IOMMU. Devices are made ahead and used again: making one is a hundred allocations in the
 * kernel, which the tests would make fail one by one, with nothing of iommufd in them.
 */
#include <linux/iommufd.h>
#include <linux/irqdomain.h>
#include <linux/mutex.h>
#include <linux/platform_device.h>
#include <linux/property.h>
#include <linux/slab.h>

#include "iommu.h"
#include "selftest.h"

#define DEVICES_AHEAD	8
#define DEVICES_MAX	256
#define DEVICE_FLAGS	(MOCK_FLAGS_DEVICE_NO_DIRTY | \
			 MOCK_FLAGS_DEVICE_HUGE_IOVA | MOCK_FLAGS_DEVICE_PASID)

static DEFINE_XARRAY_ALLOC1(devices);
static DEFINE_MUTEX(free_lock);
static LIST_HEAD(free_devices);

/* Interrupts of a device that nobody programs are isolated. */
static struct irq_domain *isolated_msi;
static struct fwnode_handle *msi_node;
static const struct irq_domain_ops msi_ops;

/**
 * mock_device_of - the mock device behind a device
 * @dev: a device that the mock IOMMU has probed
 */
struct mock_device *mock_device_of(struct device *dev)
{
	return dev_iommu_priv_get(dev);
}

/**
 * mock_device_find - the mock device with an ID
 * @id: from the fwspec
 */
struct mock_device *mock_device_find(u32 id)
{
	return xa_load(&devices, id);
}

/**
 * mock_device_attach - attach_dev of all domains
 * @domain: the domain
 * @dev: the device
 *
 * Return: 0, or -EINVAL if the device cannot do what the domain is for.
 */
int mock_device_attach(struct iommu_domain *domain, struct device *dev)
{
	if (domain->type == IOMMU_DOMAIN_UNMANAGED && domain->dirty_ops &&
	    mock_device_of(dev)->flags & MOCK_FLAGS_DEVICE_NO_DIRTY)
		return -EINVAL;
	return 0;
}

/*
 * Making them -----------------------------------------------------------------
 */

/* What iommu_fwspec_init() does for buses, under a lock that modules cannot take. */
static int set_fwspec(struct device *dev, u32 id)
{
	struct iommu_fwspec *fwspec;

	dev->iommu = kzalloc(sizeof(*dev->iommu), GFP_KERNEL);
	if (!dev->iommu)
		return -ENOMEM;
	mutex_init(&dev->iommu->lock);
	fwspec = kzalloc(struct_size(fwspec, ids, 1), GFP_KERNEL);
	if (!fwspec)
		return -ENOMEM;
	fwspec->iommu_fwnode = fwnode_handle_get(mock_iommu.fwnode);
	fwspec->ids[0] = id;
	fwspec->num_ids = 1;
	dev->iommu->fwspec = fwspec;
	return 0;
}

static int describe(struct mock_device *mdev)
{
	const struct property_entry properties[] = {
		PROPERTY_ENTRY_U32("pasid-num-bits", MOCK_PASID_WIDTH),
		{ }
	};
	struct device *dev = &mdev->pdev->dev;
	int rc;

	dev_set_msi_domain(dev, isolated_msi);
	rc = set_fwspec(dev, mdev->id);
	if (rc || !(mdev->flags & MOCK_FLAGS_DEVICE_PASID))
		return rc;
	return device_create_managed_software_node(dev, properties, NULL);
}

/* Of a device that has not been added; one that has does it itself. */
static void undescribe(struct device *dev)
{
	if (dev->iommu) {
		iommu_fwspec_free(dev);
		kfree(dev->iommu);
		dev->iommu = NULL;
	}
	if (is_software_node(dev_fwnode(dev)))
		device_remove_software_node(dev);
}

static int device_add_mock(struct mock_device *mdev)
{
	int rc;

	rc = describe(mdev);
	if (!rc)
		rc = platform_device_add(mdev->pdev);
	if (rc) {
		undescribe(&mdev->pdev->dev);
		platform_device_put(mdev->pdev);
		return rc;
	}
	/* A failing probe of the IOMMU does not keep the device from appearing. */
	if (!device_iommu_mapped(&mdev->pdev->dev)) {
		platform_device_unregister(mdev->pdev);
		return -ENOMEM;
	}
	return 0;
}

static struct mock_device *device_make(unsigned int flags)
{
	struct mock_device *mdev = kzalloc(sizeof(*mdev), GFP_KERNEL);
	int rc;

	if (!mdev)
		return ERR_PTR(-ENOMEM);
	mdev->flags = flags;
	init_rwsem(&mdev->faults);
	rc = xa_alloc(&devices, &mdev->id, mdev, XA_LIMIT(1, DEVICES_MAX),
		      GFP_KERNEL);
	if (rc)
		goto err_free;
	rc = -ENOMEM;
	mdev->pdev = platform_device_alloc("iommufd_mock", mdev->id);
	if (!mdev->pdev)
		goto err_erase;
	rc = device_add_mock(mdev);
	if (rc)
		goto err_erase;
	return mdev;

err_erase:
	xa_erase(&devices, mdev->id);
err_free:
	kfree(mdev);
	return ERR_PTR(rc);
}

/* PASIDs are counted when a device is made; the rest is between us and the domains. */
static struct mock_device *device_take(unsigned int flags)
{
	struct mock_device *mdev;

	mutex_lock(&free_lock);
	list_for_each_entry(mdev, &free_devices, free) {
		if ((mdev->flags ^ flags) & MOCK_FLAGS_DEVICE_PASID)
			continue;
		list_del(&mdev->free);
		mutex_unlock(&free_lock);
		mdev->flags = flags;
		return mdev;
	}
	mutex_unlock(&free_lock);
	return device_make(flags);
}

static void device_give_back(struct mock_device *mdev)
{
	mutex_lock(&free_lock);
	list_add(&mdev->free, &free_devices);
	mutex_unlock(&free_lock);
}

static int make_ahead(unsigned int nr, unsigned int flags)
{
	struct mock_device *mdev;

	while (nr--) {
		mdev = device_make(flags);
		if (IS_ERR(mdev))
			return PTR_ERR(mdev);
		device_give_back(mdev);
	}
	return 0;
}

/**
 * mock_devices_init - make some devices
 *
 * Return: 0 or an error.
 */
int mock_devices_init(void)
{
	struct irq_domain_info info = {
		.domain_flags = IRQ_DOMAIN_FLAG_ISOLATED_MSI,
		.ops = &msi_ops,
	};
	int rc;

	msi_node = irq_domain_alloc_named_fwnode("iommufd-selftest-msi");
	if (!msi_node)
		return -ENOMEM;
	info.fwnode = msi_node;
	isolated_msi = irq_domain_instantiate(&info);
	if (IS_ERR(isolated_msi)) {
		irq_domain_free_fwnode(msi_node);
		return PTR_ERR(isolated_msi);
	}
	rc = make_ahead(DEVICES_AHEAD, 0);
	if (!rc)
		rc = make_ahead(1, MOCK_FLAGS_DEVICE_PASID);
	if (rc)
		mock_devices_exit();
	return rc;
}

/**
 * mock_devices_exit - remove all devices, which nobody has
 */
void mock_devices_exit(void)
{
	struct mock_device *mdev;
	unsigned long id;

	xa_for_each(&devices, id, mdev) {
		platform_device_unregister(mdev->pdev);
		xa_erase(&devices, id);
		kfree(mdev);
	}
	irq_domain_remove(isolated_msi);
	irq_domain_free_fwnode(msi_node);
}

/*
 * What the tests do with them -------------------------------------------------
 */

/**
 * struct mock_stdev - a device that a test has
 * @mdev: the device
 * @idev: as it is bound
 */
struct mock_stdev {
	struct mock_device *mdev;
	struct iommufd_device *idev;
};

static int stdev_attach(struct mock_stdev *stdev, u32 *pt_id)
{
	int rc;

	down_write(&stdev->mdev->faults);
	rc = iommufd_device_attach(stdev->idev, pt_id);
	up_write(&stdev->mdev->faults);
	return rc;
}

static void stdev_free(struct mock_stdev *stdev)
{
	device_give_back(stdev->mdev);
	kfree(stdev);
}

static struct mock_stdev *stdev_alloc(unsigned int flags)
{
	struct mock_stdev *stdev = kzalloc(sizeof(*stdev), GFP_KERNEL_ACCOUNT);
	struct mock_device *mdev;

	if (!stdev)
		return ERR_PTR(-ENOMEM);
	mdev = device_take(flags);
	if (IS_ERR(mdev)) {
		kfree(stdev);
		return ERR_CAST(mdev);
	}
	stdev->mdev = mdev;
	return stdev;
}

/**
 * mock_stdev_destroy - the test has destroyed the object, or closed the file
 * @ctx: the context
 * @data: struct mock_stdev
 */
void mock_stdev_destroy(struct iommufd_ctx *ctx, void *data)
{
	struct mock_stdev *stdev = data;

	down_write(&stdev->mdev->faults);
	iommufd_device_detach(stdev->idev);
	up_write(&stdev->mdev->faults);
	iommufd_device_unbind(stdev->idev);
	stdev_free(stdev);
}

static int stdev_bind(struct test_call *call, struct mock_stdev *stdev)
{
	u32 dev_id, pt_id = call->arg.id;
	int rc;

	stdev->idev = iommufd_test_bind(call->ctx, &stdev->mdev->pdev->dev,
					&dev_id);
	if (IS_ERR(stdev->idev))
		return PTR_ERR(stdev->idev);
	rc = stdev_attach(stdev, &pt_id);
	if (rc)
		iommufd_device_unbind(stdev->idev);
	call->arg.mock_domain.out_idev_id = dev_id;
	call->arg.mock_domain.out_hwpt_id = pt_id;
	return rc;
}

/**
 * test_mock_domain - IOMMU_TEST_OP_MOCK_DOMAIN, _MOCK_DOMAIN_FLAGS
 * @call: id: the IOAS or page table to attach the device to
 * @flags: MOCK_FLAGS_DEVICE_*
 */
int test_mock_domain(struct test_call *call, unsigned int flags)
{
	struct iommufd_test_object *obj;
	struct mock_stdev *stdev;
	u32 id;
	int rc;

	if (flags & ~DEVICE_FLAGS)
		return -EINVAL;
	obj = iommufd_test_object_new(call->ctx, &selftest_ops, &id);
	if (!obj)
		return -ENOMEM;
	stdev = stdev_alloc(flags);
	if (IS_ERR(stdev)) {
		rc = PTR_ERR(stdev);
		goto err_abort;
	}
	rc = stdev_bind(call, stdev);
	if (rc)
		goto err_free;
	call->arg.mock_domain.out_stdev_id = id;
	rc = test_reply(call);
	if (rc) {
		mock_stdev_destroy(call->ctx, stdev);
		goto err_abort;
	}
	iommufd_test_object_publish(call->ctx, obj, stdev);
	return 0;

err_free:
	stdev_free(stdev);
err_abort:
	iommufd_test_object_abort(call->ctx, obj);
	return rc;
}

/**
 * test_mock_domain_replace - IOMMU_TEST_OP_MOCK_DOMAIN_REPLACE
 * @call: id: of the object that IOMMU_TEST_OP_MOCK_DOMAIN has made
 */
int test_mock_domain_replace(struct test_call *call)
{
	u32 *pt_id = &call->arg.mock_domain_replace.pt_id;
	struct iommufd_test_object *obj;
	struct mock_stdev *stdev;
	void *data;
	int rc;

	obj = iommufd_test_object_get(call->ctx, call->arg.id, &data);
	if (!obj)
		return -ENOENT;
	stdev = data;
	down_write(&stdev->mdev->faults);
	rc = iommufd_device_replace(stdev->idev, pt_id);
	up_write(&stdev->mdev->faults);
	if (!rc)
		rc = test_reply(call);
	iommufd_test_object_put(call->ctx, obj);
	return rc;
}

static void report_fault(struct mock_device *mdev,
			 const struct iommu_test_cmd *arg)
{
	struct iopf_fault event = {
		.fault = {
			.type = IOMMU_FAULT_PAGE_REQ,
			.prm = {
				.flags = IOMMU_FAULT_PAGE_REQUEST_LAST_PAGE,
				.pasid = arg->trigger_iopf.pasid,
				.grpid = arg->trigger_iopf.grpid,
				.perm = arg->trigger_iopf.perm,
				.addr = arg->trigger_iopf.addr,
			},
		},
	};

	if (arg->trigger_iopf.pasid != IOMMU_NO_PASID)
		event.fault.prm.flags |= IOMMU_FAULT_PAGE_REQUEST_PASID_VALID;
	down_read(&mdev->faults);
	/* Nobody to tell: the core has told the driver, which is us. */
	(void)iommu_report_device_fault(&mdev->pdev->dev, &event);
	up_read(&mdev->faults);
}

/**
 * test_trigger_iopf - IOMMU_TEST_OP_TRIGGER_IOPF
 * @call: trigger_iopf.dev_id: the bound device that asks for a page
 */
int test_trigger_iopf(struct test_call *call)
{
	struct iommufd_device *idev;
	struct device *dev;
	int rc = -EINVAL;

	idev = iommufd_test_device_get(call->ctx, call->arg.trigger_iopf.dev_id,
				       &dev);
	if (!idev)
		return -ENOENT;
	if (dev->iommu->iommu_dev == &mock_iommu) {
		report_fault(mock_device_of(dev), &call->arg);
		rc = 0;
	}
	iommufd_test_device_put(idev);
	return rc;
}
