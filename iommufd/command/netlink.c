// SPDX-License-Identifier: GPL-2.0-only
/*
 * The generic netlink family "ioasid": its answers about contexts, and what is in them.
 *
 * A dump goes through contexts, and the objects in each, in the order of their numbers.
 * Between two messages it holds nothing, and remembers only the numbers at which to go
 * on: objects may come and go. Within a context it relies on lists that objects leave
 * before they are destroyed, and takes no references: looking must not make a DESTROY
 * fail.
 */
#include <linux/iommu.h>
#include <linux/netlink.h>
#include <linux/pci.h>
#include <linux/pid.h>
#include <net/genetlink.h>

#include "command/answer.h"
#include "command/netlink_gen.h"
#include "context/object.h"
#include "context/registry.h"
#include "device/attach.h"
#include "device/device.h"
#include "device/group.h"
#include "device/pasid.h"
#include "domain/hwpt.h"
#include "memory/bar.h"
#include "memory/charge.h"
#include "memory/pin.h"
#include "space/space.h"

/* Areas that are looked at before others get the tree. */
#define WALK_PORTION	1024

/* Attachments of one device that a message has room for. */
#define ATTACHMENTS_MAX	64

/**
 * dump_contexts - go through the contexts of a dump
 * @skb: what is filled
 * @cb: the request
 * @cmd: of the messages
 * @context_attr: by which the request names one context
 * @function: does a context, starting at answer->dump; -EMSGSIZE if there is more
 *
 * Return: for the dump callback: not 0 if there is more.
 */
static int dump_contexts(struct sk_buff *skb, struct netlink_callback *cb,
			 u8 cmd, int context_attr,
			 int (*function)(struct answer *answer))
{
	struct dump *dump = (void *)cb->ctx;
	struct answer answer = {
		.skb = skb,
		.cb = cb,
		.attrs = genl_dumpit_info(cb)->info.attrs,
		.dump = dump,
		.cmd = cmd,
	};
	int rc = 0;

	NL_ASSERT_CTX_FITS(struct dump);
	while (!dump->done && !rc) {
		answer.ctx = iommufd_registry_get(dump->context);
		if (!answer.ctx) {
			dump->done = true;
			break;
		}
		if (answer.ctx->number != dump->context) {
			dump->context = answer.ctx->number;
			dump->object = 0;
			dump->iova = 0;
		}
		if (answer_wants(&answer, context_attr, answer.ctx->number) &&
		    answer_may_see(&answer, answer.ctx->uid))
			rc = function(&answer);
		if (!rc) {
			dump->context++;
			dump->object = 0;
			dump->iova = 0;
		}
		iommufd_registry_put(answer.ctx);
		cond_resched();
	}
	return answer_return(skb, rc);
}

/*
 * Objects ---------------------------------------------------------------------
 */

/*
 * The next IOAS from dump->object. Valid while the caller holds ctx->look_lock,
 * under which an IOAS that is being taken apart is marked as gone. Nobody holds that
 * for longer than it takes to look at WALK_PORTION areas, or to fill a message: a dump
 * never waits for what a user can hold.
 */
static struct ioas *next_ioas(const struct answer *answer)
{
	unsigned long id = answer->dump->object;
	struct object *obj;

	lockdep_assert_held(&answer->ctx->look_lock);
	rcu_read_lock();
	xa_for_each_start(&answer->ctx->objects, id, obj, id) {
		if (obj->type != OBJECT_IOAS || ioas_of(obj)->gone)
			continue;
		rcu_read_unlock();
		return ioas_of(obj);
	}
	rcu_read_unlock();
	return NULL;
}

/* The page tables of the context, one by one; each valid under RCU. */
static struct hwpt *next_hwpt(struct iommufd_ctx *ctx, unsigned long *id)
{
	struct object *obj;

	xa_for_each_start(&ctx->objects, *id, obj, *id) {
		if (obj->type == OBJECT_HWPT) {
			++*id;
			return hwpt_of(obj);
		}
	}
	return NULL;
}

/*
 * Contexts --------------------------------------------------------------------
 */

/**
 * struct counts - objects of a context
 * @objects: all that have an ID
 * @spaces: I/O address spaces
 * @devices: devices
 */
struct counts {
	u32 objects;
	u32 spaces;
	u32 devices;
};

static void count_objects(struct iommufd_ctx *ctx, struct counts *counts)
{
	struct object *obj;
	unsigned long id;

	rcu_read_lock();
	xa_for_each(&ctx->objects, id, obj) {
		counts->objects++;
		counts->spaces += obj->type == OBJECT_IOAS;
		counts->devices += obj->type == OBJECT_DEVICE;
	}
	rcu_read_unlock();
}

/* Who has been given the file may be another user's: of that only root learns. */
static int fill_mapper(const struct answer *answer)
{
	struct sk_buff *skb = answer->skb;
	struct mapper mapper;

	if (!iommufd_account_mapper(answer->ctx, &mapper) ||
	    !answer_may_see(answer, mapper.uid))
		return 0;
	return nla_put_u32(skb, IOASID_A_CONTEXT_MAPPER_PID, mapper.pid) ?:
	       nla_put_u32(skb, IOASID_A_CONTEXT_MAPPER_UID,
			   from_kuid_munged(&init_user_ns, mapper.uid)) ?:
	       nla_put_string(skb, IOASID_A_CONTEXT_MAPPER_COMM, mapper.comm);
}

static int fill_context(struct sk_buff *skb, struct iommufd_ctx *ctx)
{
	struct counts counts = {};

	count_objects(ctx, &counts);
	return nla_put_u32(skb, IOASID_A_CONTEXT_ID, ctx->number) ?:
	       nla_put_u32(skb, IOASID_A_CONTEXT_PID, pid_nr(ctx->opener)) ?:
	       nla_put_string(skb, IOASID_A_CONTEXT_COMM, ctx->comm) ?:
	       nla_put_u32(skb, IOASID_A_CONTEXT_UID,
			   from_kuid_munged(&init_user_ns, ctx->uid)) ?:
	       nla_put_u32(skb, IOASID_A_CONTEXT_OBJECTS, counts.objects) ?:
	       nla_put_u32(skb, IOASID_A_CONTEXT_SPACES, counts.spaces) ?:
	       nla_put_u32(skb, IOASID_A_CONTEXT_DEVICES, counts.devices) ?:
	       nla_put_u64_64bit(skb, IOASID_A_CONTEXT_PINNED_BYTES,
				 (u64)atomic_long_read(&ctx->pinned)
				 << PAGE_SHIFT, IOASID_A_CONTEXT_PAD);
}

static int dump_context(struct answer *answer)
{
	void *header = answer_begin(answer);

	if (!header)
		return -EMSGSIZE;
	return answer_end(answer, header,
			  fill_context(answer->skb, answer->ctx) ?:
			  fill_mapper(answer));
}

int ioasid_nl_context_get_dumpit(struct sk_buff *skb,
				 struct netlink_callback *cb)
{
	return dump_contexts(skb, cb, IOASID_CMD_CONTEXT_GET,
			     IOASID_A_CONTEXT_ID, dump_context);
}

/*
 * Spaces ----------------------------------------------------------------------
 */

/**
 * struct extent - what is mapped in a space
 * @id: of the space
 * @iova: up to where it has been measured
 * @areas: ranges
 * @mapped: bytes
 * @pinned: bytes of memory that devices can reach
 */
struct extent {
	u32 id;
	unsigned long iova;
	u64 areas;
	u64 mapped;
	u64 pinned;
};

static void add_area(struct extent *extent, const struct area *area)
{
	extent->areas++;
	extent->mapped += area_length(area);
	if (READ_ONCE(area->in_use) && !pinned_is_bar(area->pinned))
		extent->pinned += area_length(area);
}

/*
 * A portion, so that a map does not wait for a dump of a million areas. Returns 1 if there
 * are more, 0, or -EINTR.
 */
static int measure_some(struct ioas *ioas, struct extent *extent)
{
	struct area *area;
	unsigned int n;

	if (mutex_lock_killable(&ioas->tree_lock))
		return -EINTR;
	area = iommufd_area_first(&ioas->areas, extent->iova, ULONG_MAX);
	for (n = 0; area && n < WALK_PORTION; n++) {
		add_area(extent, area);
		extent->iova = area->last + 1;
		area = area_next(area, ULONG_MAX);
	}
	mutex_unlock(&ioas->tree_lock);
	/* Nothing is behind the last IOVA of all. */
	return area && extent->iova;
}

static int fill_space_counters(struct sk_buff *skb, const struct ioas *ioas)
{
	return nla_put_u64_64bit(skb, IOASID_A_SPACE_MAPS,
				 READ_ONCE(ioas->areas.inserted),
				 IOASID_A_SPACE_PAD) ?:
	       nla_put_u64_64bit(skb, IOASID_A_SPACE_UNMAPS,
				 READ_ONCE(ioas->areas.erased),
				 IOASID_A_SPACE_PAD) ?:
	       nla_put_u64_64bit(skb, IOASID_A_SPACE_FLUSHES,
				 atomic_long_read(&ioas->flushes),
				 IOASID_A_SPACE_PAD) ?:
	       nla_put_u64_64bit(skb, IOASID_A_SPACE_FAULTS,
				 atomic_long_read(&ioas->faults),
				 IOASID_A_SPACE_PAD);
}

static int fill_space(struct sk_buff *skb, struct ioas *ioas,
		      const struct extent *extent)
{
	int rc;

	rc = nla_put_u32(skb, IOASID_A_SPACE_CONTEXT, ioas->ctx->number) ?:
	     nla_put_u32(skb, IOASID_A_SPACE_ID, ioas->obj.id) ?:
	     nla_put_u32(skb, IOASID_A_SPACE_KIND,
			 ioas->parent ? IOASID_SPACE_KIND_NESTED :
					IOASID_SPACE_KIND_KERNEL);
	if (!rc && ioas->parent)
		rc = nla_put_u32(skb, IOASID_A_SPACE_PARENT,
				 ioas->parent->obj.id);
	return rc ?:
	       nla_put_u64_64bit(skb, IOASID_A_SPACE_AREAS, extent->areas,
				 IOASID_A_SPACE_PAD) ?:
	       nla_put_u64_64bit(skb, IOASID_A_SPACE_MAPPED_BYTES,
				 extent->mapped, IOASID_A_SPACE_PAD) ?:
	       nla_put_u64_64bit(skb, IOASID_A_SPACE_PINNED_BYTES,
				 extent->pinned, IOASID_A_SPACE_PAD) ?:
	       nla_put_u32(skb, IOASID_A_SPACE_PAGE_TABLES,
			   atomic_read(&ioas->page_tables)) ?:
	       nla_put_u32(skb, IOASID_A_SPACE_ATTACHED,
			   atomic_read(&ioas->attached)) ?:
	       fill_space_counters(skb, ioas);
}

static int dump_space(const struct answer *answer, struct ioas *ioas,
		      const struct extent *extent)
{
	void *header = answer_begin(answer);

	if (!header)
		return -EMSGSIZE;
	return answer_end(answer, header,
			  fill_space(answer->skb, ioas, extent));
}

/*
 * Measure a portion of the next space; after the last one, make the message. Returns 1 if
 * there is more of it, 0 with the message made, or an errno; -ENOENT: no space is left.
 */
static int dump_portion(const struct answer *answer, struct extent *extent)
{
	struct ioas *ioas = next_ioas(answer);
	int rc = 0;

	if (!ioas)
		return -ENOENT;
	/* The one that was being measured may have gone. */
	if (extent->id != ioas->obj.id)
		*extent = (struct extent) { .id = ioas->obj.id };
	if (answer_wants(answer, IOASID_A_SPACE_ID, ioas->obj.id))
		rc = measure_some(ioas, extent) ?:
			     dump_space(answer, ioas, extent);
	if (!rc)
		answer->dump->object = ioas->obj.id + 1;
	return rc;
}

/*
 * One message. Between two portions nothing is held, so that neither what goes nor what
 * is mapped waits for more. Returns 1 if there is none left.
 */
static int dump_next_space(struct answer *answer)
{
	struct extent extent = {};
	int rc;

	do {
		if (mutex_lock_killable(&answer->ctx->look_lock))
			return -EINTR;
		rc = dump_portion(answer, &extent);
		mutex_unlock(&answer->ctx->look_lock);
		cond_resched();
	} while (rc > 0);
	return rc == -ENOENT ? 1 : rc;
}

static int dump_spaces(struct answer *answer)
{
	int rc;

	do
		rc = dump_next_space(answer);
	while (!rc);
	return min(rc, 0);
}

int ioasid_nl_space_get_dumpit(struct sk_buff *skb,
			       struct netlink_callback *cb)
{
	return dump_contexts(skb, cb, IOASID_CMD_SPACE_GET,
			     IOASID_A_SPACE_CONTEXT, dump_spaces);
}

/*
 * Devices ---------------------------------------------------------------------
 */

/* As next_ioas(), with ctx->group_lock. */
static struct iommufd_device *next_device(const struct answer *answer)
{
	unsigned long id = answer->dump->object;
	struct iommufd_device *idev;
	struct object *obj;

	lockdep_assert_held(&answer->ctx->group_lock);
	rcu_read_lock();
	xa_for_each_start(&answer->ctx->objects, id, obj, id) {
		idev = container_of(obj, struct iommufd_device, obj);
		if (obj->type != OBJECT_DEVICE || list_empty(&idev->link))
			continue;
		rcu_read_unlock();
		return idev;
	}
	rcu_read_unlock();
	return NULL;
}

static int fill_member(struct device *dev, void *data)
{
	return nla_put_string(data, IOASID_A_DEVICE_MEMBER, dev_name(dev));
}

static int fill_set(struct sk_buff *skb, struct iommufd_device *idev)
{
	/* The IOMMU isolates a sub-device from all others. */
	if (idev->sub)
		return nla_put_string(skb, IOASID_A_DEVICE_MEMBER, idev->name);
	return iommu_group_for_each_dev(idev->group->iommu, skb, fill_member);
}

static int fill_attachment(struct sk_buff *skb, const struct source *source,
			   const struct hwpt *hwpt)
{
	struct nlattr *nest = nla_nest_start(skb, IOASID_A_DEVICE_ATTACHMENT);

	if (!nest ||
	    nla_put_u32(skb, IOASID_A_ATTACHMENT_PASID, source->pasid) ||
	    nla_put_u32(skb, IOASID_A_ATTACHMENT_HW_PASID, source->hw_pasid) ||
	    nla_put_u32(skb, IOASID_A_ATTACHMENT_PAGE_TABLE, hwpt->obj.id) ||
	    nla_put_u32(skb, IOASID_A_ATTACHMENT_SPACE, hwpt->sources.ioas_id))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

/*
 * Not by the group's attachments, since whoever changes those may be pinning for long.
 * As many as a message has room for, and their total number.
 */
static int fill_attachments(struct sk_buff *skb, struct iommufd_device *idev)
{
	unsigned long id = 0, flags;
	struct source *source;
	struct hwpt *hwpt;
	u32 nr = 0;
	int rc = 0;

	rcu_read_lock();
	while (!rc && (hwpt = next_hwpt(idev->ctx, &id))) {
		spin_lock_irqsave(&hwpt->sources.lock, flags);
		list_for_each_entry(source, &hwpt->sources.list, link) {
			if (source->dev_id == idev->obj.id && !source->idle &&
			    nr++ < ATTACHMENTS_MAX)
				rc = fill_attachment(skb, source, hwpt);
			if (rc)
				break;
		}
		spin_unlock_irqrestore(&hwpt->sources.lock, flags);
	}
	rcu_read_unlock();
	return rc ?: nla_put_u32(skb, IOASID_A_DEVICE_ATTACHMENTS, nr);
}

static int fill_device(struct sk_buff *skb, struct iommufd_device *idev)
{
	struct device *dev = idev->dev;
	int rc;

	rc = nla_put_u32(skb, IOASID_A_DEVICE_CONTEXT, idev->ctx->number) ?:
	     nla_put_u32(skb, IOASID_A_DEVICE_ID, idev->obj.id) ?:
	     nla_put_string(skb, IOASID_A_DEVICE_NAME, idev->name) ?:
	     nla_put_string(skb, IOASID_A_DEVICE_DRIVER,
			    dev_driver_string(dev)) ?:
	     nla_put_u32(skb, IOASID_A_DEVICE_GROUP,
			 iommu_group_id(idev->group->iommu));
	if (!rc && idev->sub)
		rc = nla_put_string(skb, IOASID_A_DEVICE_PARENT, dev_name(dev));
	if (!rc && dev_is_pci(dev))
		rc = nla_put_u32(skb, IOASID_A_DEVICE_RID,
				 iommufd_device_rid(dev));
	return rc				   ?:
		       fill_set(skb, idev)	   ?:
		       fill_attachments(skb, idev) ?:
		       nla_put_u64_64bit(skb, IOASID_A_DEVICE_FAULTS,
					 atomic_long_read(&idev->faults),
					 IOASID_A_DEVICE_PAD);
}

static int dump_device(const struct answer *answer, struct iommufd_device *idev)
{
	void *header;

	if (!answer_wants(answer, IOASID_A_DEVICE_ID, idev->obj.id))
		return 0;
	header = answer_begin(answer);
	if (!header)
		return -EMSGSIZE;
	return answer_end(answer, header, fill_device(answer->skb, idev));
}

/* As dump_next_space(). */
static int dump_next_device(struct answer *answer)
{
	struct iommufd_device *idev;
	int rc = 1;

	if (mutex_lock_killable(&answer->ctx->group_lock))
		return -EINTR;
	idev = next_device(answer);
	if (idev)
		rc = dump_device(answer, idev);
	if (!rc)
		answer->dump->object = idev->obj.id + 1;
	mutex_unlock(&answer->ctx->group_lock);
	return rc;
}

static int dump_devices(struct answer *answer)
{
	int rc;

	do
		rc = dump_next_device(answer);
	while (!rc);
	return min(rc, 0);
}

int ioasid_nl_device_get_dumpit(struct sk_buff *skb,
				struct netlink_callback *cb)
{
	return dump_contexts(skb, cb, IOASID_CMD_DEVICE_GET,
			     IOASID_A_DEVICE_CONTEXT, dump_devices);
}

/*
 * Areas -----------------------------------------------------------------------
 */

static u64 limit(const struct answer *answer, int attr, u64 none)
{
	const struct nlattr *nla = answer->attrs[attr];

	return nla ? nla_get_u64(nla) : none;
}

static enum ioasid_area_origin origin_of(const struct ioas *ioas,
					 const struct area *area)
{
	if (ioas->parent)
		return IOASID_AREA_ORIGIN_PARENT;
	if (pinned_is_bar(area->pinned))
		return IOASID_AREA_ORIGIN_BAR;
	return area->pinned->file ? IOASID_AREA_ORIGIN_FILE :
				    IOASID_AREA_ORIGIN_USER;
}

/*
 * Addresses of a process are what address space layout randomisation hides, also from
 * other processes of the same user, which may not look at a set-user-ID program, or
 * into another container. A part of a dump is made by the process that receives it,
 * the first part by the one that asks for it: that is current.
 */
static bool may_see_address(const struct answer *answer,
			    const struct ioas *ioas, const struct area *area)
{
	if (ioas->parent || area->pinned->file ||
	    area->pinned->account->mm == current->mm)
		return true;
	return answer_sees_all(answer);
}

static u64 address_of(struct ioas *ioas, struct area *area)
{
	if (ioas->parent)
		return area_loose(area)->source.start;
	return area->pinned->start + area->offset;
}

/* What is said by this name is a device's, that programs may look for. */
static int fill_bar(struct sk_buff *skb, struct ioas *ioas, struct area *area)
{
	char name[64];

	if (ioas->parent ||
	    !iommufd_bar_device(&area->pinned->owner, name, sizeof(name)))
		return 0;
	return nla_put_string(skb, IOASID_A_AREA_DEVICE, name);
}

static int fill_address(const struct answer *answer, struct ioas *ioas,
			struct area *area)
{
	if (!may_see_address(answer, ioas, area))
		return 0;
	return nla_put_u64_64bit(answer->skb, IOASID_A_AREA_ADDRESS,
				 address_of(ioas, area), IOASID_A_AREA_PAD);
}

static int fill_area(const struct answer *answer, struct ioas *ioas,
		     struct area *area)
{
	struct sk_buff *skb = answer->skb;
	u32 perm = (area->prot & IOMMU_READ ? 1 : 0) |
		   (area->prot & IOMMU_WRITE ? 2 : 0);

	return nla_put_u32(skb, IOASID_A_AREA_CONTEXT, ioas->ctx->number) ?:
	       nla_put_u32(skb, IOASID_A_AREA_SPACE, ioas->obj.id) ?:
	       nla_put_u64_64bit(skb, IOASID_A_AREA_IOVA, area->iova,
				 IOASID_A_AREA_PAD) ?:
	       nla_put_u64_64bit(skb, IOASID_A_AREA_LAST, area->last,
				 IOASID_A_AREA_PAD) ?:
	       nla_put_u32(skb, IOASID_A_AREA_ORIGIN, origin_of(ioas, area)) ?:
	       fill_address(answer, ioas, area) ?:
	       nla_put_u32(skb, IOASID_A_AREA_PERM, perm) ?:
	       fill_bar(skb, ioas, area);
}

static int dump_area(const struct answer *answer, struct ioas *ioas,
		     struct area *area)
{
	void *header = answer_begin(answer);

	if (!header)
		return -EMSGSIZE;
	return answer_end(answer, header, fill_area(answer, ioas, area));
}

/* The size of the buffer limits how long the tree is locked. */
static int dump_areas_of(struct answer *answer, struct ioas *ioas)
{
	u64 start = max(limit(answer, IOASID_A_AREA_IOVA, 0),
			answer->dump->iova);
	u64 last = limit(answer, IOASID_A_AREA_LAST, U64_MAX);
	struct area *area;
	int rc = 0;

	if (!answer_wants(answer, IOASID_A_AREA_SPACE, ioas->obj.id) ||
	    start > last)
		return 0;
	if (mutex_lock_killable(&ioas->tree_lock))
		return -EINTR;
	for (area = iommufd_area_first(&ioas->areas, start, last); area;
	     area = area_next(area, last)) {
		rc = dump_area(answer, ioas, area);
		if (rc)
			break;
		/* Never 0 again, or the dump would start over. */
		answer->dump->iova = area->last + 1 ?: U64_MAX;
	}
	mutex_unlock(&ioas->tree_lock);
	return rc;
}

/* The areas of one IOAS, as many as there is room for. Returns as dump_next_space(). */
static int dump_areas_of_next(struct answer *answer)
{
	struct ioas *ioas;
	int rc = 1;

	if (mutex_lock_killable(&answer->ctx->look_lock))
		return -EINTR;
	ioas = next_ioas(answer);
	if (ioas && ioas->obj.id != answer->dump->object) {
		answer->dump->object = ioas->obj.id;
		answer->dump->iova = 0;
	}
	if (ioas)
		rc = dump_areas_of(answer, ioas);
	if (!rc) {
		answer->dump->object++;
		answer->dump->iova = 0;
	}
	mutex_unlock(&answer->ctx->look_lock);
	return rc;
}

static int dump_areas(struct answer *answer)
{
	int rc;

	do
		rc = dump_areas_of_next(answer);
	while (!rc);
	return min(rc, 0);
}

int ioasid_nl_area_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	return dump_contexts(skb, cb, IOASID_CMD_AREA_GET,
			     IOASID_A_AREA_CONTEXT, dump_areas);
}
