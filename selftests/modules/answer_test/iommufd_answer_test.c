// SPDX-License-Identifier: GPL-2.0-only
/*
 * Has a function of the kernel return something else: what it would say of hardware that is
 * not there. For tests only.
 */
#include <linux/kprobes.h>
#include <linux/module.h>

static char *function;
module_param(function, charp, 0444);
MODULE_PARM_DESC(function, "its name");

static ulong answer;
module_param(answer, ulong, 0444);
MODULE_PARM_DESC(answer, "what it returns");

static int give_answer(struct kretprobe_instance *instance, struct pt_regs *regs)
{
	regs_set_return_value(regs, answer);
	return 0;
}

static struct kretprobe probe = { .handler = give_answer, .maxactive = 64 };

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
