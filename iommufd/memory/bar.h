/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Device BARs that may be mapped for peer-to-peer DMA.
 */
#ifndef IOMMUFD_BAR_H
#define IOMMUFD_BAR_H

#include <linux/types.h>

struct bar_owner;
struct device;
struct iommufd_ctx;
struct mm_struct;
struct runs;

typedef void (*bar_release)(struct bar_owner *owner, void *data);

struct bar_owner *iommufd_bar_owner_add(struct iommufd_ctx *ctx,
					struct device *dev);
struct bar_owner *iommufd_bar_owner_alloc(const char *name, bar_release release,
					  void *data);
void iommufd_bar_owner_free(struct bar_owner *owner);
struct bar_owner *iommufd_bar_owner_find(struct iommufd_ctx *ctx,
					 const struct runs *runs);
bool iommufd_bar_owner_retire(struct iommufd_ctx *ctx, struct bar_owner *owner);
bool iommufd_bar_owner_switch(struct iommufd_ctx *ctx, struct bar_owner *owner,
			      bool off);
bool iommufd_bar_owner_try_get(struct bar_owner *owner);
void iommufd_bar_owner_put(struct bar_owner *owner);
bool iommufd_bar_name(struct bar_owner **at, char *name, size_t size);
bool iommufd_bar_device(struct bar_owner **at, char *name, size_t size);
bool iommufd_bar_owner_retired(const struct bar_owner *owner);
bool iommufd_bar_owner_off(const struct bar_owner *owner);
bool iommufd_bar_is_off(struct iommufd_ctx *ctx, dev_t cdev, char *name,
			size_t size);

int iommufd_bar_resolve(struct iommufd_ctx *ctx, struct mm_struct *mm,
			unsigned long uptr, unsigned long npages, bool write,
			struct runs *runs, struct bar_owner **owner);

#endif
