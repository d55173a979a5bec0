// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pairs of devices that an administrator has declared to be not isolated.
 *
 * IOMMU groups are made at boot, from what the hardware says about itself. Where that
 * turns out to be wrong (a switch that lets peer-to-peer requests through, whatever
 * its ACS bits say), the two devices must not go to different users from then on: a
 * bind to another context than that of the other device is refused. If they are bound
 * already, listeners of the netlink family are told who has them; nothing is taken
 * away.
 */
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "context/reason.h"
#include "device/split.h"
#include "report/notice.h"

/* Protects both lists. A leaf, except for what notices take. */
static DEFINE_MUTEX(split_lock);
static LIST_HEAD(splits);
static LIST_HEAD(bounds);

static bool split_is(const struct split *split, const char *device,
		     const char *other)
{
	return (!strcmp(split->device, device) && !strcmp(split->other, other)) ||
	       (!strcmp(split->device, other) && !strcmp(split->other, device));
}

static struct split *split_find(const char *device, const char *other)
{
	struct split *split;

	lockdep_assert_held(&split_lock);
	list_for_each_entry(split, &splits, link)
		if (split_is(split, device, other))
			return split;
	return NULL;
}

/**
 * iommufd_split_bind - check a device against declared pairs, before it is bound
 * @bound: entry for the device, which stays in use until iommufd_split_unbind()
 * @ctx: the context
 * @name: name of the device; stays until then
 *
 * Return: 0, -EBUSY if another context has a device from which it is not
 * isolated.
 */
int iommufd_split_bind(struct split_bound *bound, struct iommufd_ctx *ctx,
		       const char *name)
{
	struct split_bound *other;
	int rc = 0;

	bound->ctx = ctx;
	bound->name = name;
	mutex_lock(&split_lock);
	list_for_each_entry(other, &bounds, link) {
		if (other->ctx == ctx || !split_find(name, other->name))
			continue;
		rc = iommufd_reason_note(ctx, -EBUSY,
					 "%s cannot be bound: an administrator has declared that it is not isolated from %s, which is bound to another file descriptor",
					 name, other->name);
		break;
	}
	if (!rc)
		list_add(&bound->link, &bounds);
	mutex_unlock(&split_lock);
	return rc;
}

/**
 * iommufd_split_unbind - the opposite of iommufd_split_bind(), after a device has
 * been unbound
 * @bound: as for iommufd_split_bind()
 */
void iommufd_split_unbind(struct split_bound *bound)
{
	mutex_lock(&split_lock);
	list_del(&bound->link);
	mutex_unlock(&split_lock);
}

static void tell_violation(const struct split_bound *bound,
			   const struct split_bound *other)
{
	const struct notice notice = {
		.kind = IOASID_EVENT_KIND_SPLIT,
		.ctx = bound->ctx,
		.device = bound->name,
		.other = other->name,
	};

	iommufd_notice_send(&notice);
}

static void tell_violations(const struct split *split)
{
	struct split_bound *bound, *other;

	list_for_each_entry(bound, &bounds, link) {
		list_for_each_entry(other, &bounds, link) {
			if (bound->ctx != other->ctx &&
			    split_is(split, bound->name, other->name))
				tell_violation(bound, other);
		}
	}
}

/**
 * iommufd_split_add - declare a pair
 * @device: the name of one device in sysfs; it need not be there
 * @other: of the other
 *
 * Return: 0, -EINVAL (twice the same), -ENAMETOOLONG, -EEXIST, -ENOMEM.
 */
int iommufd_split_add(const char *device, const char *other)
{
	struct split *split;
	int rc = 0;

	if (!*device || !*other || !strcmp(device, other))
		return -EINVAL;
	split = kzalloc(sizeof(*split), GFP_KERNEL);
	if (!split)
		return -ENOMEM;
	if (strscpy(split->device, device, sizeof(split->device)) < 0 ||
	    strscpy(split->other, other, sizeof(split->other)) < 0) {
		kfree(split);
		return -ENAMETOOLONG;
	}
	mutex_lock(&split_lock);
	if (split_find(device, other)) {
		kfree(split);
		rc = -EEXIST;
	} else {
		list_add_tail(&split->link, &splits);
		tell_violations(split);
	}
	mutex_unlock(&split_lock);
	return rc;
}

/**
 * iommufd_split_del - the opposite of iommufd_split_add()
 * @device: as for iommufd_split_add()
 * @other: likewise
 *
 * Return: 0, -ENOENT.
 */
int iommufd_split_del(const char *device, const char *other)
{
	struct split *split;

	mutex_lock(&split_lock);
	split = split_find(device, other);
	if (split)
		list_del(&split->link);
	mutex_unlock(&split_lock);
	if (!split)
		return -ENOENT;
	kfree(split);
	return 0;
}

/**
 * iommufd_split_for_each - look at all pairs
 * @skip: how many to leave out
 * @function: called for each of the others, until it returns other than 0
 * @data: for @function
 *
 * Return: 0, or what @function has returned.
 */
int iommufd_split_for_each(unsigned long skip,
			   int (*function)(const struct split *split,
					   void *data),
			   void *data)
{
	struct split *split;
	int rc = 0;

	mutex_lock(&split_lock);
	list_for_each_entry(split, &splits, link) {
		if (skip && skip--)
			continue;
		rc = function(split, data);
		if (rc)
			break;
	}
	mutex_unlock(&split_lock);
	return rc;
}

/**
 * iommufd_split_forget_all - when the module goes
 */
void iommufd_split_forget_all(void)
{
	struct split *split, *next;

	list_for_each_entry_safe(split, next, &splits, link)
		kfree(split);
}
