// SPDX-License-Identifier: GPL-2.0-only
/*
 * BARs that are mapped for peer-to-peer DMA, when their device goes, or switches them
 * off and on: no other device may reach a BAR that may not answer, or that belongs to
 * somebody else by then.
 */
#include "memory/bar.h"
#include "report/event.h"
#include "space/load.h"
#include "space/revoke.h"

static void revoke_in(struct ioas *ioas, const struct bar_owner *owner)
{
	struct area *area;

	for_each_ready_area(ioas, area, 0, ULONG_MAX) {
		if (!area->in_use || area->pinned->owner != owner)
			continue;
		area->chain = NULL;
		area->stuck = false;
		iommufd_chain_drain(ioas, area);
		iommufd_event_range_lost(ioas->ctx, ioas->obj.id, area->iova,
					 area_length(area));
	}
}

/**
 * iommufd_ioas_revoke - take the BARs of a device out of all page tables of a context
 * @ctx: the context
 * @owner: the device, retired: nobody can map its BARs any more
 *
 * The areas stay until they are unmapped, but translate nothing. When this
 * returns no device reaches the BARs.
 */
void iommufd_ioas_revoke(struct iommufd_ctx *ctx, const struct bar_owner *owner)
{
	struct ioas *ioas;

	mutex_lock(&ctx->ioas_lock);
	list_for_each_entry(ioas, &ctx->ioases, link) {
		down_write(ioas_lock(ioas));
		revoke_in(ioas, owner);
		up_write(ioas_lock(ioas));
	}
	mutex_unlock(&ctx->ioas_lock);
}

static void park_in(struct ioas *ioas, const struct bar_owner *owner)
{
	struct area *area;

	for_each_ready_area(ioas, area, 0, ULONG_MAX) {
		if (!area_is_filled(area) || area->pinned->owner != owner)
			continue;
		area->chain = NULL;
		area->stuck = false;
		iommufd_chain_empty(ioas, area);
		area->parked = !area->stuck;
	}
}

static void unpark_in(struct ioas *ioas, const struct bar_owner *owner)
{
	struct area *area;

	for_each_ready_area(ioas, area, 0, ULONG_MAX) {
		if (!area->parked || area->pinned->owner != owner)
			continue;
		if (iommufd_area_refill(ioas, area))
			iommufd_event_range_lost(ioas->ctx, ioas->obj.id,
						 area->iova, area_length(area));
	}
}

/**
 * iommufd_ioas_switch_bars - take the BARs of a device out of all page tables of a
 * context, or put them back
 * @ctx: the context
 * @owner: the device; iommufd_bar_owner_switch() has set which
 *
 * A BAR that cannot be put back for want of memory stays out until the next time.
 * When this returns no device reaches BARs that are off.
 */
void iommufd_ioas_switch_bars(struct iommufd_ctx *ctx,
			      const struct bar_owner *owner)
{
	bool off = iommufd_bar_owner_off(owner);
	struct ioas *ioas;

	mutex_lock(&ctx->ioas_lock);
	list_for_each_entry(ioas, &ctx->ioases, link) {
		down_write(ioas_lock(ioas));
		if (off)
			park_in(ioas, owner);
		else
			unpark_in(ioas, owner);
		up_write(ioas_lock(ioas));
	}
	mutex_unlock(&ctx->ioas_lock);
}
