// SPDX-License-Identifier: GPL-2.0-only
/*
 * IOASID_MAP_BATCH and IOASID_UNMAP_BATCH: what they have in common.
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
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "command/command.h"
#include "command/portion.h"
#include "context/reason.h"
#include "space/explain.h"
#include "space/stock.h"

static struct kmem_cache *portion_cache;

/**
 * iommufd_portion_write_error - tell the error of the entry that failed
 * @portion: the entry is the one behind those that are done
 *
 * Return: the error, or -EFAULT.
 */
int iommufd_portion_write_error(struct portion *portion)
{
	if (put_user(-portion->error, &portion->entries[portion->done].error))
		return -EFAULT;
	return portion->error;
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

/**
 * iommufd_portion_cmd - go through a batch
 * @cmd: struct ioasid_batch
 * @work: does a portion: sets how many entries are done, and the error of the next one
 * @write_results: tells the user, and returns that error
 *
 * Return: 0 or the errno of the entry that failed; -EOPNOTSUPP, -EINVAL, -ENOENT, -ENOMEM,
 * -EINTR, -EFAULT.
 */
int iommufd_portion_cmd(struct command *cmd,
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

/* With a constructor it is not zeroed each time, which costs as much as an entry. */
static void portion_construct(void *mem)
{
	memset(mem, 0, sizeof(struct portion));
}

/**
 * iommufd_portion_init - at module load
 *
 * Return: 0 or -ENOMEM.
 */
int iommufd_portion_init(void)
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
 * iommufd_portion_exit - at module unload
 */
void iommufd_portion_exit(void)
{
	kmem_cache_destroy(portion_cache);
}
