// SPDX-License-Identifier: GPL-2.0-only
/*
 * Makes a function of the kernel take long before it begins. For tests only.
 */
#include <linux/delay.h>
#include <linux/kprobes.h>
#include <linux/module.h>

static char *function;
module_param(function, charp, 0444);
MODULE_PARM_DESC(function, "its name");

static uint ms = 800;
module_param(ms, uint, 0444);
MODULE_PARM_DESC(ms, "how long");

static uint hits;
module_param(hits, uint, 0444);
MODULE_PARM_DESC(hits, "how often it has begun");

static int delay(struct kprobe *probe, struct pt_regs *regs)
{
	WRITE_ONCE(hits, hits + 1);
	mdelay(ms);
	return 0;
}

static struct kprobe probe = { .pre_handler = delay };

static int __init delay_test_init(void)
{
	probe.symbol_name = function;
	return register_kprobe(&probe);
}

static void __exit delay_test_exit(void)
{
	unregister_kprobe(&probe);
}

module_init(delay_test_init);
module_exit(delay_test_exit);

MODULE_DESCRIPTION("Makes a function of the kernel take long, for tests");
MODULE_LICENSE("GPL");
