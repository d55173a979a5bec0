/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * BARs that come and go.
 */
#ifndef IOMMUFD_REVOKE_H
#define IOMMUFD_REVOKE_H

struct bar_owner;
struct iommufd_ctx;

void iommufd_ioas_revoke(struct iommufd_ctx *ctx,
			 const struct bar_owner *owner);
void iommufd_ioas_switch_bars(struct iommufd_ctx *ctx,
			      const struct bar_owner *owner);

#endif
