/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Errors that explain themselves: a sentence per thread.
 */
#ifndef IOMMUFD_REASON_H
#define IOMMUFD_REASON_H

#include <linux/compiler_attributes.h>
#include <linux/types.h>

#include "context/object.h"

/* The longest sentence, with its terminating 0. */
#define REASON_LEN	192

__printf(3, 4) int iommufd_reason_note(struct iommufd_ctx *ctx, int error,
				       const char *format, ...);
__printf(3, 4) int iommufd_reason_note_secret(struct iommufd_ctx *ctx,
					      int error, const char *format,
					      ...);
int iommufd_reason_read(struct iommufd_ctx *ctx, char *text, int *error);
bool iommufd_reason_settle(struct iommufd_ctx *ctx, int error, char *text,
			   bool *secret);
void iommufd_reason_forget(struct iommufd_ctx *ctx);
void iommufd_reason_forget_all(struct iommufd_ctx *ctx);

/**
 * reason_any - may there be a sentence of the current thread?
 * @ctx: the context
 *
 * No lock is needed: a thread's own sentence was counted by the thread itself.
 */
static inline bool reason_any(const struct iommufd_ctx *ctx)
{
	return READ_ONCE(ctx->nr_reasons);
}

/**
 * reason_begin - a call begins: what is noted from now on is about it
 * @ctx: the context
 *
 * Every call of the user's, or of VFIO's on his behalf, begins with this, and
 * ends with iommufd_notice_failed() if it fails.
 */
static inline void reason_begin(struct iommufd_ctx *ctx)
{
	if (reason_any(ctx))
		iommufd_reason_forget(ctx);
}

#endif
