// SPDX-License-Identifier: GPL-2.0-only
/*
 * Makes a function of the kernel take long before it begins, or before it returns, too:
 * for the process that has loaded this, and its descendants, as nobody else's calls are what
 * the test waits for. For tests only.
 */
#include <linux/delay.h>
#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <asm/text-patching.h>

static char *function;
module_param(function, charp, 0444);
MODULE_PARM_DESC(function, "its name");

static uint ms = 800;
module_param(ms, uint, 0444);
MODULE_PARM_DESC(ms, "how long");

static bool held;
module_param(held, bool, 0644);
MODULE_PARM_DESC(held, "until this is no longer so, and then not at all");

static uint hits;
module_param(hits, uint, 0444);
MODULE_PARM_DESC(hits, "how often it has begun");

static bool after;
module_param(after, bool, 0444);
MODULE_PARM_DESC(after, "before it returns, too");

static uint returns;
module_param(returns, uint, 0444);
MODULE_PARM_DESC(returns, "how often it was about to return, with that");

static pid_t loader;
static bool holds;

static bool is_ours(void)
{
	struct task_struct *task = current;

	rcu_read_lock();
	while (task->tgid > 1 && task->tgid != loader)
		task = rcu_dereference(task->real_parent);
	rcu_read_unlock();
	return task->tgid == loader;
}

static void take_long(void)
{
	uint waited;

	for (waited = 0; waited < ms && READ_ONCE(held) == holds; waited++)
		mdelay(1);
}

static int delay(struct kprobe *probe, struct pt_regs *regs)
{
	if (is_ours()) {
		WRITE_ONCE(hits, hits + 1);
		take_long();
	}
	return 0;
}

static int delay_return(struct kretprobe_instance *instance,
			struct pt_regs *regs)
{
	if (is_ours()) {
		WRITE_ONCE(returns, returns + 1);
		take_long();
	}
	return 0;
}

static struct kprobe probe = { .pre_handler = delay };
static struct kretprobe return_probe = { .handler = delay_return };

/*
 * As an int3, a probe has interrupts off: who needs that CPU meanwhile, be it to flush its
 * TLB, would wait until all is over. Some time later it is a jump. With ftrace it is a call.
 */
static int wait_for_jump(void)
{
	int tries;

	for (tries = 0; tries < 500; tries++) {
		if (READ_ONCE(*(u8 *)probe.addr) != INT3_INSN_OPCODE)
			return 0;
		msleep(20);
	}
	return -ETIME;
}

static int __init delay_test_init(void)
{
	int rc;

	loader = current->tgid;
	holds = held;
	probe.symbol_name = function;
	return_probe.kp.symbol_name = function;
	rc = after ? register_kretprobe(&return_probe) : 0;
	if (rc)
		return rc;
	rc = register_kprobe(&probe);
	if (rc)
		goto err;
	rc = wait_for_jump();
	if (!rc)
		return 0;
	unregister_kprobe(&probe);
err:
	if (after)
		unregister_kretprobe(&return_probe);
	return rc;
}

static void __exit delay_test_exit(void)
{
	unregister_kprobe(&probe);
	if (after)
		unregister_kretprobe(&return_probe);
}

module_init(delay_test_init);
module_exit(delay_test_exit);

MODULE_DESCRIPTION("Makes a function of the kernel take long, for tests");
MODULE_LICENSE("GPL");
