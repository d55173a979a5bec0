/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What differs between the kernels we build for in all modules of this repository. The
 * code is written for the newest; older ones are bent to it.
 */
#ifndef __LINUX_IOASID_KERNEL_H
#define __LINUX_IOASID_KERNEL_H

#include <linux/export.h>
#include <linux/iommu.h>
#include <linux/module.h>
#include <linux/version.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0)
/* Namespaces of symbols are strings. */
#undef EXPORT_SYMBOL_NS_GPL
#define EXPORT_SYMBOL_NS_GPL(sym, ns)	__EXPORT_SYMBOL(sym, "GPL", ns)
#undef MODULE_IMPORT_NS
#define MODULE_IMPORT_NS(ns)		MODULE_INFO(import_ns, ns)

static inline bool domain_has_handler(const struct iommu_domain *domain)
{
	return domain->handler;
}
#else
/* Of DMA faults; a domain may have something else in its place. */
static inline bool domain_has_handler(const struct iommu_domain *domain)
{
	return domain->cookie_type == IOMMU_COOKIE_FAULT_HANDLER &&
	       domain->handler;
}
#endif

#endif
