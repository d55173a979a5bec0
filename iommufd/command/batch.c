// SPDX-License-Identifier: GPL-2.0-only
/*
 * IOASID_MAP_BATCH and IOASID_UNMAP_BATCH.
 *
 * The entries are worked on in portions. A portion shares what a single command
 * spends most of its time on: looking up and locking the IOAS, the flush; and
 * where entries follow each other, get_user_pages() and the walk of the IOMMU's
 * page table. Each entry keeps an area and memory of its own, so that it can be
 * unmapped by itself later.
 *
 * A portion ends early at an entry that fails, or that is not simple. If work
 * that is done together fails, it is done again entry by entry, which shows the
 * one to blame.
 */
#include <linux/iommu.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>
#include <uapi/linux/iommufd.h>
#include <uapi/linux/ioasid.h>

#include "command/batch.h"
#include "command/command.h"
#include "context/reason.h"
#include "memory/pin.h"
#include "space/chain.h"
#include "space/explain.h"
#include "space/load.h"
#include "space/nested.h"
#include "space/ranges.h"
#include "space/stock.h"
#include "space/unmap.h"

#define PORTION		256U

/**
 * struct portion - entries that are worked on together
 * @ioas: the IOAS
 * @entries: the user's array, from the first entry of the portion on
 * @nr: how many
 * @done: how many of them are done, counted from the first
 * @error: why the next one has failed, or 0
 * @entry: copies of them
 * @first: MAP: the first area of each entry; the areas of all entries are one
 *	chain
 * @unmapped: UNMAP: the bytes of each entry that have been unmapped
 */
struct portion {
	struct ioas *ioas;
	struct ioasid_batch_entry __user *entries;
	unsigned int nr;
	unsigned int done;
	int error;
	struct ioasid_batch_entry entry[PORTION];
	union {
		struct area *first[PORTION];
		u64 unmapped[PORTION];
	};
};

static struct kmem_cache *portion_cache;

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
 * What is stuck has failed, and then nothing behind it is mapped. It is given up before
 * the others are loaded, which may wait for the user's memory: who revokes a BAR meanwhile
 * passes over the areas of a command. Returns how many are left.
 */
static unsigned int give_up_stuck(struct portion *portion, unsigned int n)
{
	unsigned int left, i;

	for (left = 0; left < n; left++)
		if (is_stuck(portion->first[left]))
			break;
	for (i = left; i < n; i++)
		portion->error = give_up(portion->ioas, portion->first[i],
					 -EIO);
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

/* Loading them together has failed: which one is it? */
static void finish_one_by_one(struct portion *portion, unsigned int n)
{
	unsigned int i;

	part_chains(portion, n);
	n = give_up_stuck(portion, n);
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
	unsigned int n = place_user(portion);

	if (n)
		n = tell(portion, n);
	if (!n)
		return;
	if (READ_ONCE(ioas->needs) &&
	    !iommufd_row_load(ioas, portion->first[0]))
		portion->done = n;
	else
		finish_one_by_one(portion, n);
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
		if (iommufd_row_fill(ioas, portion->first[0]))
			finish_one_by_one(portion, n);
		else
			portion->done = n;
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

/* Write the error of the entry that failed. */
static int write_error(struct portion *portion)
{
	if (put_user(-portion->error, &portion->entries[portion->done].error))
		return -EFAULT;
	return portion->error;
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
	return portion->error ? write_error(portion) : 0;
}

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
		area->stuck = false;
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
	return portion->error ? write_error(portion) : 0;
}

/* Read as many entries as possible, at least one. */
static int read_portion(struct portion *portion,
			struct ioasid_batch_entry __user *entries,
			unsigned int left)
{
	unsigned int unread;

	portion->entries = entries;
	portion->nr = min(left, PORTION);
	portion->done = 0;
	portion->error = 0;
	unread = copy_from_user(portion->entry, entries,
				portion->nr * sizeof(*entries));
	portion->nr -= DIV_ROUND_UP(unread, sizeof(*entries));
	return portion->nr ? 0 : -EFAULT;
}

static int run_batch(struct command *cmd, struct portion *portion,
		     void (*work)(struct portion *portion),
		     int (*write_results)(struct portion *portion))
{
	struct ioasid_batch *arg = cmd->arg;
	struct ioasid_batch_entry __user *entries =
		u64_to_user_ptr(arg->entries);
	int rc = 0;

	arg->out_done = 0;
	while (!rc && arg->out_done < arg->nr) {
		rc = read_portion(portion, entries + arg->out_done,
				  arg->nr - arg->out_done);
		if (rc)
			break;
		work(portion);
		rc = write_results(portion);
		arg->out_done += portion->done;
		if (!rc && fatal_signal_pending(current))
			rc = -EINTR;
		cond_resched();
	}
	if (command_reply_field(cmd, struct ioasid_batch, out_done))
		return -EFAULT;
	return rc;
}

/* An unmap must not fail for want of contiguous pages. */
static struct portion *portion_alloc(void)
{
	struct portion *portion = kmem_cache_alloc(portion_cache,
						   GFP_KERNEL | __GFP_NOWARN);

	return portion ?: vmalloc(sizeof(*portion));
}

static void portion_free(struct portion *portion)
{
	if (is_vmalloc_addr(portion))
		vfree(portion);
	else
		kmem_cache_free(portion_cache, portion);
}

static int batch_cmd(struct command *cmd,
		     void (*work)(struct portion *portion),
		     int (*write_results)(struct portion *portion))
{
	struct ioasid_batch *arg = cmd->arg;
	struct portion *portion;
	int rc;

	if (arg->flags || arg->__reserved)
		return -EOPNOTSUPP;
	if (arg->nr > BATCH_ENTRIES_MAX)
		return iommufd_reason_note(cmd->ctx, -EINVAL,
					   "%u entries are more than the %u of one batch",
					   arg->nr, BATCH_ENTRIES_MAX);
	portion = portion_alloc();
	if (!portion)
		return -ENOMEM;
	portion->ioas = ioas_get(cmd->ctx, arg->ioas_id);
	if (portion->ioas) {
		rc = run_batch(cmd, portion, work, write_results);
		ioas_put(cmd->ctx, portion->ioas);
	} else {
		rc = iommufd_explain_no_ioas(cmd->ctx, arg->ioas_id);
	}
	portion_free(portion);
	return rc;
}

/**
 * iommufd_batch_cmd_map - IOASID_MAP_BATCH
 * @cmd: struct ioasid_batch
 */
int iommufd_batch_cmd_map(struct command *cmd)
{
	return batch_cmd(cmd, map_portion, write_map_results);
}

/**
 * iommufd_batch_cmd_unmap - IOASID_UNMAP_BATCH
 * @cmd: struct ioasid_batch
 */
int iommufd_batch_cmd_unmap(struct command *cmd)
{
	return batch_cmd(cmd, unmap_portion, write_unmap_results);
}

/* With a constructor it is not zeroed each time, which costs as much as an entry. */
static void portion_construct(void *mem)
{
	memset(mem, 0, sizeof(struct portion));
}

/**
 * iommufd_batch_init - at module load
 *
 * Return: 0 or -ENOMEM.
 */
int iommufd_batch_init(void)
{
	BUILD_BUG_ON(PORTION > STOCK_MAX);
	/* Only the entries are copied from user space. */
	portion_cache = kmem_cache_create_usercopy("iommufd_batch",
						   sizeof(struct portion), 0, 0,
						   offsetof(struct portion,
							    entry),
						   sizeof_field(struct portion,
								entry),
						   portion_construct);
	return portion_cache ? 0 : -ENOMEM;
}

/**
 * iommufd_batch_exit - at module unload
 */
void iommufd_batch_exit(void)
{
	kmem_cache_destroy(portion_cache);
}
