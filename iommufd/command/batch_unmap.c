// SPDX-License-Identifier: GPL-2.0-only
/*
 * IOASID_UNMAP_BATCH, a portion of it.
 */
#include "command/command.h"
#include "command/portion.h"
#include "context/reason.h"
#include "space/chain.h"
#include "space/explain.h"
#include "space/load.h"
#include "space/nested.h"
#include "space/unmap.h"

/* Bytes that a chain covers. */
static u64 chain_bytes(const struct area *chain)
{
	u64 bytes = 0;

	for (; chain; chain = chain->chain)
		bytes += area_length(chain);
	return bytes;
}

static bool is_everything(const struct ioasid_batch_entry *entry)
{
	return !entry->iova && entry->length == U64_MAX;
}

static inline int check_unmap_entry(struct iommufd_ctx *ctx,
				    const struct ioasid_batch_entry *entry)
{
	if (entry->flags || entry->src)
		return -EOPNOTSUPP;
	if (is_everything(entry))
		return 0;
	if (entry->iova >= ULONG_MAX || entry->length >= ULONG_MAX)
		return iommufd_explain_end(ctx, entry->iova, entry->length);
	if (!entry->length)
		return iommufd_explain_no_length(ctx);
	if (entry->iova + entry->length - 1 < entry->iova)
		return iommufd_explain_end(ctx, entry->iova, entry->length);
	return 0;
}

/*
 * The area that an entry begins with: often the one behind @before, the last of
 * the previous entry.
 */
static struct area *area_of_entry(struct ioas *ioas, const struct area *before,
				  unsigned long iova, unsigned long last)
{
	struct area *area = before ? area_next(before, iova) : NULL;

	return area && area->iova == iova ?
		       area :
		       iommufd_area_first(&ioas->areas, iova, last);
}

/*
 * Claim the areas of an entry, if that is simple: all of them at once, with
 * nobody in the way. Returns the last one, or NULL.
 */
static struct area *claim_entry(struct portion *portion, unsigned int i,
				struct area *before, struct area **link)
{
	const struct ioasid_batch_entry *entry = &portion->entry[i];
	unsigned long last = entry->iova + entry->length - 1;
	struct ioas *ioas = portion->ioas;
	struct area *area, *end;

	if (check_unmap_entry(ioas->ctx, entry) || is_everything(entry))
		return NULL;
	area = area_of_entry(ioas, before, entry->iova, last);
	if (area && area->iova == entry->iova && area->last == last) {
		if (!area_is_ready(area) || area->pins)
			return NULL;
		area->state = AREA_BUSY;
		area->chain = NULL;
		*link = area;
		portion->unmapped[i] = entry->length;
		return area;
	}
	if (iommufd_chain_claim(ioas, entry->iova, last, true, UNMAP_BATCH,
				link, NULL) ||
	    !*link)
		return NULL;
	for (end = *link; end->chain; end = end->chain)
		;
	if (end->last != last && area_next(end, last)) {
		chain_set_ready(*link);
		*link = NULL;
		return NULL;
	}
	portion->unmapped[i] = chain_bytes(*link);
	return end;
}

/* Claim as long as that is simple. Returns the number of entries. */
static unsigned int claim_simple(struct portion *portion, struct area **chain)
{
	struct ioas *ioas = portion->ioas;
	struct area *end = NULL;
	unsigned int i;

	mutex_lock(&ioas->tree_lock);
	for (i = 0; i < portion->nr; i++) {
		end = claim_entry(portion, i, end, chain);
		if (!end)
			break;
		chain = &end->chain;
	}
	mutex_unlock(&ioas->tree_lock);
	return i;
}

/* An entry that is not simple, or that fails: as IOAS_UNMAP does it. */
static void unmap_entry(struct portion *portion)
{
	struct ioasid_batch_entry *entry = &portion->entry[0];
	u64 unmapped = 0;
	int rc = check_unmap_entry(portion->ioas->ctx, entry);

	if (!rc && is_everything(entry))
		rc = iommufd_ioas_unmap_all(portion->ioas, &unmapped);
	else if (!rc)
		rc = iommufd_ioas_unmap(portion->ioas, entry->iova,
					entry->length, &unmapped);
	if (!rc && !unmapped && !is_everything(entry))
		rc = iommufd_explain_nothing(portion->ioas, entry->iova,
					     entry->length);
	portion->unmapped[0] = unmapped;
	portion->error = rc;
	portion->done = !rc;
}

/* A driver has failed to unmap something: find the first entry that is concerned. */
static void find_failed(struct portion *portion, const struct area *chain)
{
	u64 left = portion->unmapped[0];
	unsigned int i = 0;

	for (; !chain->stuck; chain = chain->chain) {
		left -= area_length(chain);
		if (!left)
			left = portion->unmapped[++i];
	}
	portion->done = i;
	portion->unmapped[i] -= left;
	portion->error = -EIO;
}

static void unmap_portion(struct portion *portion)
{
	struct ioas *ioas = portion->ioas;
	struct area *chain = NULL;
	bool exclusive;

	portion->unmapped[0] = 0;
	portion->error = iommufd_ioas_lock_unmap(ioas, &exclusive);
	if (portion->error)
		return;
	portion->done = claim_simple(portion, &chain);
	/* The entry in question calls back when it is its turn. */
	if (chain && exclusive && iommufd_nested_remove(ioas, &chain, NULL))
		portion->done = 0;
	if (chain && !iommufd_chain_drain(ioas, chain))
		find_failed(portion, chain);
	if (exclusive)
		iommufd_nested_take_back(chain);
	if (chain)
		chain_drop_mapped(ioas, chain);
	iommufd_ioas_unlock_unmap(ioas, exclusive);
	if (!portion->done && !portion->error)
		unmap_entry(portion);
}

static int write_lengths(struct portion *portion)
{
	struct ioasid_batch_entry __user *to = portion->entries;
	const typeof(portion->unmapped[0]) *from = portion->unmapped;
	unsigned int i;

	if (!user_write_access_begin(to, portion->done * sizeof(*to)))
		return -EFAULT;
	for (i = 0; i < portion->done; i++) {
		unsafe_put_user(from[i], &to[i].length, err);
		unsafe_put_user(0, &to[i].error, err);
	}
	user_write_access_end();
	return 0;
err:
	user_write_access_end();
	return -EFAULT;
}

static int write_unmap_results(struct portion *portion)
{
	/* An entry that failed may have unmapped a part of its areas. */
	if (portion->error &&
	    put_user(portion->unmapped[portion->done],
		     &portion->entries[portion->done].length))
		return -EFAULT;
	if (write_lengths(portion))
		return -EFAULT;
	return portion->error ? iommufd_portion_write_error(portion) : 0;
}

/**
 * iommufd_batch_cmd_unmap - IOASID_UNMAP_BATCH
 * @cmd: struct ioasid_batch
 */
int iommufd_batch_cmd_unmap(struct command *cmd)
{
	return iommufd_portion_cmd(cmd, unmap_portion, write_unmap_results);
}
