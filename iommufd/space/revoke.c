// SPDX-License-Identifier: GPL-2.0-only
/*
 * BARs that are mapped for peer-to-peer DMA, when their device goes, or switches them
 * off and on: no other device may reach a BAR that may not answer, or that belongs to
 * somebody else by then.
 *
 * An IOAS of a million areas may have one BAR, so they are looked at some at a time, with
 * the lock of the IOAS given back in between: what is mapped meanwhile asks the owner.
 */
#include "memory/bar.h"
#include "report/event.h"
#include "space/load.h"
#include "space/revoke.h"

/* Areas that are looked at with the lock held. */
#define SCAN_AREAS	512

typedef void (*bar_action)(struct ioas *ioas, struct area *area);

/*
 * Do it to the next BARs of a device in an IOAS, whose lock is held for writing. Returns
 * whether there are more areas: *@from moves to the next one.
 */
static bool scan_some(struct ioas *ioas, unsigned long *from,
		      const struct bar_owner *owner, bar_action action)
{
	unsigned int n = 0;
	struct area *area;

	for_each_ready_area(ioas, area, *from, ULONG_MAX) {
		if (n++ == SCAN_AREAS) {
			*from = area->iova;
			return true;
		}
		if (area->pinned->owner == owner)
			action(ioas, area);
	}
	return false;
}

/* Do it to all BARs of a device that are mapped in a context. */
static void do_to_bars(struct iommufd_ctx *ctx, const struct bar_owner *owner,
		       bar_action action)
{
	struct ioas *ioas;

	mutex_lock(&ctx->ioas_lock);
	list_for_each_entry(ioas, &ctx->ioases, link) {
		unsigned long from = 0;
		bool more;

		do {
			down_write(ioas_lock(ioas));
			more = scan_some(ioas, &from, owner, action);
			up_write(ioas_lock(ioas));
			cond_resched();
		} while (more);
	}
	mutex_unlock(&ctx->ioas_lock);
}

static void tell_lost(struct ioas *ioas, const struct area *area)
{
	iommufd_event_range_lost(ioas->ctx, ioas->obj.id, area->iova,
				 area_length(area));
}

static void revoke(struct ioas *ioas, struct area *area)
{
	if (!area->in_use)
		return;
	iommufd_area_withdraw(ioas, area);
	/* It is not the user's any more, even if a driver keeps it. */
	if (area->in_use)
		tell_lost(ioas, area);
}

/**
 * iommufd_ioas_revoke - take the BARs of a device out of all page tables of a context
 * @ctx: the context
 * @owner: the device, retired: nobody can map its BARs any more
 *
 * The areas stay until they are unmapped, but translate nothing. When this
 * returns no device reaches the BARs, but for what an IOMMU driver has refused to
 * unmap more than once.
 */
void iommufd_ioas_revoke(struct iommufd_ctx *ctx, const struct bar_owner *owner)
{
	do_to_bars(ctx, owner, revoke);
}

static void park(struct ioas *ioas, struct area *area)
{
	if (area_is_filled(area))
		iommufd_area_withdraw(ioas, area);
}

static void unpark(struct ioas *ioas, struct area *area)
{
	bool kept = area->stuck && area_is_filled(area);

	/* It is in some page tables, and not in others: first out of all. */
	if (kept)
		iommufd_area_withdraw(ioas, area);
	if (area->parked ? iommufd_area_refill(ioas, area) : kept)
		tell_lost(ioas, area);
}

/**
 * iommufd_ioas_switch_bars - take the BARs of a device out of all page tables of a
 * context, or put them back
 * @ctx: the context
 * @owner: the device; iommufd_bar_owner_switch() has set which
 *
 * A BAR that cannot be put back for want of memory stays out until the next time.
 * When this returns no device reaches BARs that are off, but for what an IOMMU driver
 * has refused to unmap more than once.
 */
void iommufd_ioas_switch_bars(struct iommufd_ctx *ctx,
			      const struct bar_owner *owner)
{
	do_to_bars(ctx, owner, iommufd_bar_owner_off(owner) ? park : unpark);
}
