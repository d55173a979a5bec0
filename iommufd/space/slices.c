// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pieces of memory that are mapped already, on their way to one more place: COPY.
 */
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "context/reason.h"
#include "space/load.h"

/* Areas for pieces of memory, not placed yet; or NULL: no memory, or no time. */
static struct area *chain_slices(struct ioas *ioas,
				 const struct ioas_slice *slices,
				 unsigned int nr, u8 prot)
{
	struct area *chain = NULL;

	while (nr--) {
		struct area *area = NULL;

		if (!fatal_signal_pending(current))
			area = area_alloc();
		if (!area) {
			chain_free(ioas, chain);
			return NULL;
		}
		cond_resched();
		pinned_get(slices[nr].pinned);
		chain_init(area, slices[nr].pinned, slices[nr].offset,
			   slices[nr].length, prot);
		area->chain = chain;
		chain = area;
	}
	return chain;
}

/**
 * ioas_map_slices - map pieces of memory one behind the other
 * @ioas: the IOAS
 * @slices: the pieces; on success the areas take references of their own
 * @nr: how many, at least 1
 * @flags: enum iommufd_ioas_map_flags
 * @iova: the first IOVA, or if @flags do not fix it, set to it
 *
 * Either all or nothing is mapped.
 *
 * Return: 0, -EINVAL (not aligned, or reserved), -EEXIST, -EOVERFLOW, -ENOSPC
 * (no such hole), -EPERM (writable mapping of memory that is not), -ENOMEM,
 * -EFAULT, -EINTR.
 */
int ioas_map_slices(struct ioas *ioas, const struct ioas_slice *slices,
		    unsigned int nr, u32 flags, u64 *iova)
{
	struct area *chain = chain_slices(ioas, slices, nr,
					  chain_prot(flags));
	unsigned long length = 0;
	unsigned int i;

	if (!chain)
		return -ENOMEM;
	for (i = 0; i < nr; i++)
		length += slices[i].length;
	return chain_map(ioas, chain, length, flags, iova);
}

/* The areas between @start and @last without a hole; with slices, fill them. */
static int slice_areas(struct ioas *ioas, unsigned long start,
		       unsigned long last, struct ioas_slice *slices,
		       unsigned int *nr)
{
	unsigned long at = start;
	const struct area *area;

	*nr = 0;
	for (;; at = area->last + 1) {
		area = ioas_area_at(ioas, at);
		if (!area)
			return reason_note(ioas->ctx, -ENOENT,
					   "nothing is mapped at IOVA %#lx of IOAS %u, in the range to be copied",
					   at, ioas->obj.id);
		if (slices) {
			slices[*nr].pinned = area->pinned;
			slices[*nr].offset = area->offset + (at - area->iova);
			slices[*nr].length = min(last, area->last) - at + 1;
			pinned_get(area->pinned);
		}
		(*nr)++;
		if (area->last >= last)
			return 0;
		cond_resched();
		if (!slices && fatal_signal_pending(current))
			return -EINTR;
	}
}

/**
 * ioas_put_slices - the opposite of ioas_get_slices()
 * @slices: the pieces
 * @nr: how many
 */
void ioas_put_slices(struct ioas_slice *slices, unsigned int nr)
{
	while (nr--)
		pinned_put(slices[nr].pinned);
	kvfree(slices);
}

/**
 * ioas_get_slices - what is mapped in a range, without a hole
 * @ioas: the IOAS
 * @start: first IOVA
 * @last: last IOVA, inclusive
 * @slices: set to an array with references, for ioas_put_slices()
 * @nr: set to its length
 *
 * Return: 0, -ENOENT (a hole), -ENOMEM.
 */
int ioas_get_slices(struct ioas *ioas, unsigned long start,
		    unsigned long last, struct ioas_slice **slices,
		    unsigned int *nr)
{
	int rc;

	/* Memory that gets its second user now is not to lose its first one. */
	rc = down_read_killable(ioas_lock(ioas));
	if (rc)
		return rc;
	mutex_lock(&ioas->tree_lock);
	rc = slice_areas(ioas, start, last, NULL, nr);
	if (!rc) {
		*slices = kvmalloc_array(*nr, sizeof(**slices),
					 GFP_KERNEL_ACCOUNT);
		if (!*slices)
			rc = -ENOMEM;
		else
			/* The same areas again: this cannot fail. */
			slice_areas(ioas, start, last, *slices, nr);
	}
	mutex_unlock(&ioas->tree_lock);
	up_read(ioas_lock(ioas));
	return rc;
}
