// SPDX-License-Identifier: GPL-2.0-only
/*
 * IOASID_MAP_BATCH, a portion of it.
 */
#include <linux/sched/signal.h>
#include <uapi/linux/iommufd.h>

#include "command/command.h"
#include "command/portion.h"
#include "context/reason.h"
#include "memory/pin.h"
#include "space/chain.h"
#include "space/explain.h"
#include "space/load.h"
#include "space/nested.h"
#include "space/ranges.h"
#include "space/stock.h"

static int check_map_entry(struct iommufd_ctx *ctx,
			   const struct ioasid_batch_entry *entry)
{
	int rc = ioas_check_map_flags(entry->flags);

	if (rc)
		return iommufd_explain_flags(ctx, rc, entry->flags);
	if (entry->iova >= ULONG_MAX || entry->length >= ULONG_MAX ||
	    entry->src > ULONG_MAX)
		return iommufd_explain_end(ctx, entry->iova, entry->length);
	return 0;
}

/* Do all entries have a fixed IOVA, with nothing reserved between any two? */
static bool is_open(struct portion *portion)
{
	unsigned long first = ULONG_MAX, last = 0;
	unsigned int i;

	for (i = 0; i < portion->nr; i++) {
		const struct ioasid_batch_entry *entry = &portion->entry[i];
		unsigned long end = entry->iova + entry->length - 1;

		if (!(entry->flags & IOMMU_IOAS_MAP_FIXED_IOVA) ||
		    end < entry->iova)
			return false;
		first = min_t(unsigned long, first, entry->iova);
		last = max(last, end);
	}
	return first <= last && !ranges_hit(&portion->ioas->reserved, first,
					    last);
}

/* Place the areas of an entry; with the tree lock held. */
static inline int place_entry(struct ioas *ioas, struct area *chain,
			      struct ioasid_batch_entry *entry, bool open)
{
	u64 iova = entry->iova;
	int rc;

	if (open)
		return iommufd_chain_place_open(ioas, chain, entry->length,
						iova);
	rc = iommufd_chain_place(ioas, chain, entry->length, entry->flags,
				 &iova);
	entry->iova = iova;
	return rc;
}

/* An area of user memory for an entry, from the stock. */
static inline int begin_entry(struct iommufd_ctx *ctx, struct area *area,
			      const struct ioasid_batch_entry *entry)
{
	int rc = check_map_entry(ctx, entry);

	if (rc)
		return rc;
	rc = pinned_check_range(entry->src, entry->length);
	if (rc)
		return iommufd_explain_source(ctx, rc, entry->src,
					      entry->length);
	pinned_set(area->pinned, entry->src, entry->length,
		   entry->flags & IOMMU_IOAS_MAP_WRITEABLE);
	chain_init_embedded(area, offset_in_page(entry->src), entry->length,
			    chain_prot(entry->flags));
	return 0;
}

/* Make areas for as many entries as possible. Returns their number. */
static unsigned int place_user(struct portion *portion)
{
	struct ioas *ioas = portion->ioas;
	const bool process = ioas->ctx->charge_process;
	struct account *ours = NULL;
	struct area *last = NULL;
	unsigned int i;
	bool open;

	portion->error = stock_lock(ioas, portion->nr);
	if (portion->error)
		return 0;
	open = is_open(portion);
	for (i = 0; i < portion->nr; i++) {
		struct ioasid_batch_entry *entry = &portion->entry[i];
		struct area *area;

		/* While looking for a place the tree may have been unlocked. */
		if (!ioas->stock.nr)
			break;
		area = stock_take(ioas);
		/* One check of the account is enough, as long as it is the same. */
		if (area->pinned->account != ours) {
			portion->error = pinned_claim(area->pinned, process);
			ours = area->pinned->account;
		}
		if (!portion->error)
			portion->error =
				begin_entry(ioas->ctx, area, entry) ?:
					place_entry(ioas, area, entry, open);
		if (portion->error) {
			stock_put(ioas, area);
			break;
		}
		portion->first[i] = area;
		if (last)
			last->chain = area;
		last = area;
	}
	stock_unlock(ioas);
	return i;
}

static struct area *last_of(struct area *chain)
{
	while (chain->chain)
		chain = chain->chain;
	return chain;
}

static int check_place(struct ioas *ioas,
		       const struct ioasid_batch_entry *entry)
{
	return iommufd_chain_check_place(ioas, entry->length, entry->flags,
					 entry->iova);
}

/* The same in a nested IOAS, where an entry may be of several areas. */
static unsigned int place_nested(struct portion *portion)
{
	struct ioas *ioas = portion->ioas;
	struct area *last = NULL;
	unsigned int i;

	for (i = 0; i < portion->nr; i++) {
		struct ioasid_batch_entry *entry = &portion->entry[i];
		struct area *chain;

		portion->error = check_map_entry(ioas->ctx, entry);
		if (portion->error)
			break;
		chain = iommufd_nested_take(ioas, entry->src, entry->length,
					    chain_prot(entry->flags));
		if (!chain) {
			chain = iommufd_nested_chain(ioas, entry->src,
						     entry->length,
						     chain_prot(entry->flags));
			portion->error = PTR_ERR_OR_ZERO(chain);
			/*
			 * It was not lent because there is no place for it: see
			 * lend_portion().
			 */
			if (portion->error == -EAGAIN)
				portion->error = i ? 0 : check_place(ioas, entry);
			if (IS_ERR(chain))
				break;
			mutex_lock(&ioas->tree_lock);
		}
		portion->error = place_entry(ioas, chain, entry, false);
		mutex_unlock(&ioas->tree_lock);
		if (portion->error) {
			iommufd_chain_free(ioas, chain);
			break;
		}
		portion->first[i] = chain;
		if (last)
			last->chain = chain;
		last = last_of(chain);
	}
	return i;
}

/* Split the chain of all entries into one for each. */
static void part_chains(struct portion *portion, unsigned int n)
{
	unsigned int i;

	for (i = 0; i + 1 < n; i++) {
		struct area *area = portion->first[i];

		while (area->chain != portion->first[i + 1])
			area = area->chain;
		area->chain = NULL;
	}
}

/* A nested IOAS is locked already. */
static int give_up(struct ioas *ioas, struct area *chain, int rc)
{
	return ioas->parent ? iommufd_chain_give_up(ioas, chain, rc) :
			      iommufd_chain_abandon(ioas, chain, rc);
}

static bool is_stuck(const struct area *chain)
{
	const struct area *area;

	for (area = chain; area; area = area->chain)
		if (area->stuck)
			return true;
	return false;
}

/*
 * What is stuck has failed, and then nothing behind it is mapped. In a nested IOAS, which
 * stays locked, see iommufd_row_load(). Returns how many are left.
 */
static unsigned int give_up_stuck(struct portion *portion, unsigned int n)
{
	unsigned int left, i;

	for (left = 0; left < n; left++)
		if (is_stuck(portion->first[left]))
			break;
	for (i = left; i < n; i++)
		portion->error = iommufd_chain_give_up(portion->ioas,
						       portion->first[i], -EIO);
	return left;
}

/* Load an entry alone. */
static int finish_one(struct portion *portion, struct area *chain)
{
	struct ioas *ioas = portion->ioas;
	int rc;

	if (!ioas->parent)
		return iommufd_chain_load(ioas, chain);
	rc = iommufd_chain_fill(ioas, chain);
	return rc ? iommufd_chain_give_up(ioas, chain, rc) : 0;
}

/* Loading them together has failed: which one is it? None is stuck. */
static void finish_one_by_one(struct portion *portion, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++) {
		int rc = finish_one(portion, portion->first[i]);

		/* It comes before the one that found no place, if any. */
		if (rc) {
			portion->error = rc;
			break;
		}
	}
	portion->done = i;
	while (++i < n)
		give_up(portion->ioas, portion->first[i], portion->error);
}

/* Write the IOVAs of the first entries. Returns how many could be written. */
static unsigned int write_iovas(struct portion *portion, unsigned int n)
{
	struct ioasid_batch_entry __user *to = portion->entries;
	/*
	 * Pointers, since nothing may be called within user_access_begin(), not even
	 * UBSAN.
	 */
	const struct ioasid_batch_entry *from = portion->entry;
	unsigned int i;

	if (!user_write_access_begin(to, n * sizeof(*to)))
		return 0;
	for (i = 0; i < n; i++)
		unsafe_put_user(from[i].iova, &to[i].iova, out);
out:
	user_write_access_end();
	return i;
}

/*
 * Tell the caller where entries are to be, which have been placed. A mapping that he
 * cannot be told of is not made: later it could only be undone by its IOVA, where
 * another thread may have mappings of its own by then. Returns how many are left.
 */
static unsigned int tell(struct portion *portion, unsigned int n)
{
	unsigned int told = write_iovas(portion, n);
	struct area *area;

	if (told == n)
		return n;
	if (told) {
		area = portion->first[told - 1];
		while (area->chain != portion->first[told])
			area = area->chain;
		area->chain = NULL;
	}
	portion->error = give_up(portion->ioas, portion->first[told], -EFAULT);
	return told;
}

/*
 * The same in a nested IOAS, where the family is locked, and nobody may wait for the
 * user: the rest is for the next portion.
 */
static unsigned int tell_locked(struct portion *portion, unsigned int n)
{
	unsigned int told;

	pagefault_disable();
	told = tell(portion, n);
	pagefault_enable();
	if (told < n)
		portion->error = 0;
	return told;
}

static void map_portion_user(struct portion *portion)
{
	struct ioas *ioas = portion->ioas;
	unsigned int n = place_user(portion), left;

	if (n)
		n = tell(portion, n);
	if (!n)
		return;
	left = n;
	if (READ_ONCE(ioas->needs) &&
	    !iommufd_row_load(ioas, portion->first[0], &left)) {
		portion->done = n;
		return;
	}
	if (left < n)
		portion->error = -EIO;
	part_chains(portion, left);
	finish_one_by_one(portion, left);
}

/*
 * Pin what the entries are to be made of. The lock is held, except while pinning,
 * after which it begins anew, since what has been lent may have gone. An entry that
 * fails becomes the first one of the next portion, unless it is the first one of
 * this.
 */
static int lend_portion(struct portion *portion)
{
	struct ioas *ioas = portion->ioas;
	unsigned int i = 0;
	int rc;

	while (i < portion->nr) {
		const struct ioasid_batch_entry *entry = &portion->entry[i];

		/* Nothing is pinned for an entry that cannot be mapped. */
		if (check_map_entry(ioas->ctx, entry) || check_place(ioas, entry)) {
			portion->nr = max(i, 1U);
			break;
		}
		rc = iommufd_nested_lend(ioas, entry->src, entry->length,
					 chain_prot(entry->flags));
		if (rc < 0 && !i)
			return rc;
		if (rc < 0)
			portion->nr = i;
		i = rc > 0 ? 0 : i + 1;
	}
	return 0;
}

static void map_portion_nested(struct portion *portion)
{
	struct ioas *ioas = portion->ioas;
	unsigned int n, placed;
	struct area *area;

	portion->error = down_read_killable(ioas_lock(ioas));
	if (portion->error)
		return;
	portion->error = ioas->needs ? lend_portion(portion) : 0;
	placed = portion->error ? 0 : place_nested(portion);
	n = placed ? tell_locked(portion, placed) : 0;
	if (n) {
		for (area = portion->first[0]; area; area = area->chain)
			area->in_use = ioas->needs;
		if (iommufd_row_fill(ioas, portion->first[0])) {
			part_chains(portion, n);
			n = give_up_stuck(portion, n);
			finish_one_by_one(portion, n);
		} else {
			portion->done = n;
		}
	}
	up_read(ioas_lock(ioas));
	/* Make the page of the first one that could not be written be there. */
	if (placed && !n &&
	    put_user(portion->entry[0].iova, &portion->entries[0].iova))
		portion->error = -EFAULT;
}

static void map_portion(struct portion *portion)
{
	if (portion->ioas->parent)
		map_portion_nested(portion);
	else
		map_portion_user(portion);
}

/* Say that entries are done. */
static int write_success(struct portion *portion)
{
	struct ioasid_batch_entry __user *to = portion->entries;
	unsigned int i;

	if (!user_write_access_begin(to, portion->done * sizeof(*to)))
		return -EFAULT;
	for (i = 0; i < portion->done; i++)
		unsafe_put_user(0, &to[i].error, err);
	user_write_access_end();
	return 0;
err:
	user_write_access_end();
	return -EFAULT;
}

/* The IOVAs have been written before anything could be seen: see tell(). */
static int write_map_results(struct portion *portion)
{
	if (write_success(portion))
		return -EFAULT;
	return portion->error ? iommufd_portion_write_error(portion) : 0;
}

/**
 * iommufd_batch_cmd_map - IOASID_MAP_BATCH
 * @cmd: struct ioasid_batch
 */
int iommufd_batch_cmd_map(struct command *cmd)
{
	return iommufd_portion_cmd(cmd, map_portion, write_map_results);
}
