// SPDX-License-Identifier: GPL-2.0-only
/*
 * Lets AMD-Vi in QEMU be driven like one of silicon.
 *
 * QEMU's says that it may cache entries that are not present (NpCache). The driver
 * then flushes after each map, and at an unmap flushes each range that is disjoint
 * at once; so whoever forgets a flush goes unpunished. No real one says so. The
 * driver keeps what it was told in a variable that nobody but it is to see: it is
 * found by a probe on the function that finds symbols, and cleared.
 *
 * For as long as the machine runs: loaded before anything is mapped, never unloaded.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/compiler.h>
#include <linux/kprobes.h>
#include <linux/module.h>

#define NP_CACHE	"amd_iommu_np_cache"

typedef unsigned long lookup_fn(const char *name);

/* Where a probe was put is all that a module gets to know of a symbol. */
static lookup_fn *find_lookup(void)
{
	struct kprobe probe = { .symbol_name = "kallsyms_lookup_name" };
	int rc = register_kprobe(&probe);

	if (rc)
		return ERR_PTR(rc);
	unregister_kprobe(&probe);
	return (lookup_fn *)probe.addr;
}

static int __init npoff_init(void)
{
	lookup_fn *lookup = find_lookup();
	bool *np_cache;

	if (IS_ERR(lookup)) {
		pr_err("no way to look for symbols: %ld\n", PTR_ERR(lookup));
		return PTR_ERR(lookup);
	}
	np_cache = (bool *)lookup(NP_CACHE);
	if (!np_cache) {
		pr_err("this kernel has no " NP_CACHE "\n");
		return -ENOENT;
	}
	/* Otherwise it is not the machine that it is thought to be. */
	if (!READ_ONCE(*np_cache)) {
		pr_err("there is no AMD-Vi, or it does not say NpCache\n");
		return -ENODEV;
	}
	WRITE_ONCE(*np_cache, false);
	pr_info("AMD-Vi caches only what is present\n");
	return 0;
}
module_init(npoff_init);

MODULE_DESCRIPTION("AMD-Vi without NpCache, for tests");
MODULE_LICENSE("GPL");
