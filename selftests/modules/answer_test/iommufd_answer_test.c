// SPDX-License-Identifier: GPL-2.0-only
/*
 * Has a function of the kernel return something else: what it would say of hardware that is
 * not there. For tests only.
 */
#include <linux/device.h>
#include <linux/kprobes.h>
#include <linux/module.h>

static char *function;
module_param(function, charp, 0444);
MODULE_PARM_DESC(function, "its name");

static ulong answer;
module_param(answer, ulong, 0444);
MODULE_PARM_DESC(answer, "what it returns");

static char *device;
module_param(device, charp, 0444);
MODULE_PARM_DESC(device, "only of the device of this name, its first argument");

static uint only;
module_param(only, uint, 0444);
MODULE_PARM_DESC(only, "one call, by its number; 0: all of them");

static atomic_t calls;

static bool is_of_device(struct pt_regs *regs)
{
	const struct device *dev =
		(const struct device *)regs_get_kernel_argument(regs, 0);

	return !device || !strcmp(dev_name(dev), device);
}

/* Anything but 0: what it returns is left alone. */
static int is_not_asked(struct kretprobe_instance *instance,
			struct pt_regs *regs)
{
	return !is_of_device(regs) ||
	       (only && atomic_inc_return(&calls) != only);
}

static int give_answer(struct kretprobe_instance *instance, struct pt_regs *regs)
{
	regs_set_return_value(regs, answer);
	return 0;
}

static struct kretprobe probe = {
	.entry_handler = is_not_asked,
	.handler = give_answer,
	.maxactive = 64,
};

static int __init answer_test_init(void)
{
	probe.kp.symbol_name = function;
	return register_kretprobe(&probe);
}

static void __exit answer_test_exit(void)
{
	unregister_kretprobe(&probe);
}

module_init(answer_test_init);
module_exit(answer_test_exit);

MODULE_DESCRIPTION("Has a function of the kernel return something else, for tests");
MODULE_LICENSE("GPL");
