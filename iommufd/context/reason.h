/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Errors that explain themselves: a sentence per thread.
 */
#ifndef IOMMUFD_REASON_H
#define IOMMUFD_REASON_H

#include <linux/compiler_attributes.h>
#include <linux/types.h>

#include "context/object.h"

/* The longest sentence, with its end. */
#define REASON_LEN	192

__printf(3, 4)
int reason_note(struct iommufd_ctx *ctx, int error, const char *format, ...);
int reason_read(struct iommufd_ctx *ctx, char *text, int *error);
bool reason_settle(struct iommufd_ctx *ctx, int error, char *text);
void reason_forget(struct iommufd_ctx *ctx);
void reason_forget_all(struct iommufd_ctx *ctx);

/**
 * reason_any - may there be a sentence of the current thread?
 * @ctx: the context
 *
 * The thread's own one has been counted by itself.
 */
static inline bool reason_any(const struct iommufd_ctx *ctx)
{
	return READ_ONCE(ctx->nr_reasons);
}

/**
 * reason_begin - what is noted from now on is about another call
 * @ctx: the context
 *
 * Whatever the user, or VFIO for him, asks of a context begins with it, and if it
 * fails ends with notice_failed().
 */
static inline void reason_begin(struct iommufd_ctx *ctx)
{
	if (reason_any(ctx))
		reason_forget(ctx);
}

#endif
