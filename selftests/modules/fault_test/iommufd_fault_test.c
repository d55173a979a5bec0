// SPDX-License-Identifier: GPL-2.0-only
/*
 * An IOMMU driver's thread that reports DMA faults, as AMD-Vi's does: it goes by what
 * the device is attached to at this moment, and takes no lock against a detach. QEMU's
 * AMD-Vi reports none. For tests only.
 *
 * What the thread reads of a domain it reads before it lets go of the CPU: as the
 * driver's, which may be preempted there, it then calls a handler, with a token, of a
 * domain that has gone meanwhile.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/delay.h>
#include <linux/ioasid_kernel.h>
#include <linux/iommu.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/pci.h>

#include "../device.h"

#define IOVA	0x7000000UL

static unsigned int delay_us = 2000;
module_param(delay_us, uint, 0644);
MODULE_PARM_DESC(delay_us, "between what is read of a domain and the call");

static ulong reported;
module_param(reported, ulong, 0444);
MODULE_PARM_DESC(reported, "how many faults have been reported");

static struct task_struct *thread;

/**
 * struct report - what report_iommu_fault() reads of a domain
 * @handler: the function
 * @token: what it is given
 */
struct report {
	iommu_fault_handler_t handler;
	void *token;
};

/* The core keeps the domain for as long as its mutex of the group is held. */
static int read_domain(struct device *member, void *data)
{
	struct iommu_domain *domain = iommu_get_domain_for_dev(member);
	struct report *report = data;

	if (member != dev || !domain || !domain_has_handler(domain))
		return 0;
	report->handler = domain->handler;
	report->token = domain->handler_token;
	return 1;
}

static int report_faults(void *data)
{
	struct iommu_group *group = data;

	while (!kthread_should_stop()) {
		struct report report = {};

		if (!iommu_group_for_each_dev(group, &report, read_domain)) {
			usleep_range(100, 200);
			continue;
		}
		if (delay_us)
			usleep_range(delay_us, delay_us + delay_us / 4);
		report.handler(NULL, dev, IOVA, IOMMU_FAULT_WRITE,
			       report.token);
		reported++;
		cond_resched();
	}
	iommu_group_put(group);
	return 0;
}

static int __init fault_test_init(void)
{
	struct iommu_group *group = get_device_and_group(&pci_bus_type);

	if (IS_ERR(group))
		return PTR_ERR(group);
	thread = kthread_run(report_faults, group, "irq/fault-test");
	if (IS_ERR(thread)) {
		iommu_group_put(group);
		put_device(dev);
	}
	return PTR_ERR_OR_ZERO(thread);
}

static void __exit fault_test_exit(void)
{
	kthread_stop(thread);
	put_device(dev);
}

module_init(fault_test_init);
module_exit(fault_test_exit);

MODULE_DESCRIPTION("Reports DMA faults without any lock, for tests");
MODULE_LICENSE("GPL");
