/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How the IOMMU core knows an attachment, see handle.c.
 */
#ifndef IOMMUFD_HANDLE_H
#define IOMMUFD_HANDLE_H

#include <linux/iommu.h>
#include <linux/list.h>

struct sources;

/**
 * struct source_handle - identifies an attachment to the IOMMU core
 * @core: what the core knows of it
 * @link: in the list of those that are not in use
 * @hidden: the domain in place of the real one
 * @sources: of the page table, or NULL: read it under iommufd_handle_read_lock()
 */
struct source_handle {
	struct iommu_attach_handle core;
	struct list_head link;
	struct iommu_domain *hidden;
	struct sources *sources;
};

int iommufd_handles_init(void);
void iommufd_handles_exit(void);

struct source_handle *iommufd_handle_get(const struct iommu_domain *domain,
					 struct sources *sources,
					 struct source_handle **kept);
void iommufd_handle_rest(struct source_handle *handle);
void iommufd_handle_put(struct source_handle *handle);
void iommufd_handle_keep_module(void);

int iommufd_handle_read_lock(void);
void iommufd_handle_read_unlock(int token);
struct sources *iommufd_handle_sources(struct iommu_attach_handle *core);
void iommufd_handle_settle(void);

#endif
