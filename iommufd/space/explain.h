/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sentences about ranges of IOVAs, and about what is mapped there.
 */
#ifndef IOMMUFD_EXPLAIN_H
#define IOMMUFD_EXPLAIN_H

#include "space/space.h"

int iommufd_explain_flags(struct iommufd_ctx *ctx, int rc, u32 flags);
int iommufd_explain_source(struct iommufd_ctx *ctx, int rc, unsigned long start,
			   unsigned long length);
int iommufd_explain_end(struct iommufd_ctx *ctx, u64 start, u64 length);
int iommufd_explain_no_ioas(struct iommufd_ctx *ctx, u32 id);
int iommufd_explain_no_length(struct iommufd_ctx *ctx);

int iommufd_explain_length(struct ioas *ioas, unsigned long length);
int iommufd_explain_offset(const struct ioas *ioas, const struct area *area);
int iommufd_explain_permission(const struct ioas *ioas);
int iommufd_explain_reserved(struct ioas *ioas, unsigned long iova,
			     unsigned long last);
int iommufd_explain_taken(struct ioas *ioas, unsigned long iova,
			  unsigned long last);
int iommufd_explain_no_place(struct ioas *ioas, unsigned long length);

int iommufd_explain_cut(struct ioas *ioas, unsigned long start,
			unsigned long last);
int iommufd_explain_kept(struct ioas *ioas, const struct area *area);
int iommufd_explain_working(struct ioas *ioas, unsigned long start,
			    unsigned long last);
int iommufd_explain_nothing(struct ioas *ioas, unsigned long start,
			    unsigned long length);

#endif
