/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Why memory cannot be pinned, in words.
 */
#ifndef IOMMUFD_PIN_REASON_H
#define IOMMUFD_PIN_REASON_H

#include <linux/types.h>

struct file;
struct iommufd_ctx;
struct pinned;

int iommufd_pin_reason(const struct pinned *pinned, unsigned long page, int rc);
int iommufd_pin_reason_limit(const struct pinned *pinned);
int iommufd_pin_reason_bar(const struct pinned *pinned);
int iommufd_pin_reason_file(struct iommufd_ctx *ctx, const struct file *file,
			    bool writable, int rc);

#endif
