/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Errors that explain themselves: a sentence per thread.
 */
#ifndef IOMMUFD_REASON_H
#define IOMMUFD_REASON_H

#include <linux/compiler_attributes.h>
#include <linux/types.h>

struct iommufd_ctx;

/* The longest sentence, with its end. */
#define REASON_LEN	192

__printf(3, 4)
int reason_note(struct iommufd_ctx *ctx, int error, const char *format, ...);
int reason_read(struct iommufd_ctx *ctx, char *text, int *error);
bool reason_take(struct iommufd_ctx *ctx, char *text, int error);
void reason_forget_all(struct iommufd_ctx *ctx);

#endif
