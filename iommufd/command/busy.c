// SPDX-License-Identifier: GPL-2.0-only
/*
 * Why an object cannot be destroyed. EBUSY does not say who uses it: often it is
 * something that the user did not make by a command of his own.
 */
#include <linux/device.h>

#include "command/busy.h"
#include "context/reason.h"
#include "device/device.h"
#include "device/group.h"
#include "device/vdevice.h"
#include "domain/hw_queue.h"
#include "domain/hwpt.h"
#include "domain/viommu.h"
#include "report/event.h"
#include "report/fault.h"
#include "report/vevent.h"

#define NAME_LEN	40

/* Under rcu_read_lock(), like everything that goes through the table. */
static bool holds(struct object *obj, const struct object *other)
{
	const struct hwpt *hwpt;
	const struct ioas *child;

	if (obj->type == OBJECT_IOAS) {
		child = ioas_of(obj);
		return child->parent && &child->parent->obj == other;
	}
	if (obj->type == OBJECT_VEVENT_QUEUE)
		return iommufd_vevent_queue_owner(obj) == other;
	if (obj->type == OBJECT_HW_QUEUE)
		return iommufd_hw_queue_owner(obj) == other;
	if (obj->type == OBJECT_VDEVICE)
		return &vdevice_of(obj)->viommu->obj == other;
	if (obj->type == OBJECT_VIOMMU)
		return &viommu_of(obj)->parent->obj == other;
	if (obj->type != OBJECT_HWPT)
		return false;
	hwpt = hwpt_of(obj);
	if (hwpt->viommu && hwpt->viommu == other)
		return true;
	if (hwpt->parent)
		return &hwpt->parent->obj == other;
	return &hwpt->ioas->obj == other;
}

/* A device that is attached to a page table; the ID is 0 if there is none. */
static u32 attached_to(struct hwpt *hwpt, char *name)
{
	struct sources *sources = &hwpt->sources;
	const struct source *source;
	u32 id = 0;

	spin_lock_irq(&sources->lock);
	source = list_first_entry_or_null(&sources->list, struct source, link);
	if (source) {
		id = source->dev_id;
		strscpy(name, dev_name(source->dev), NAME_LEN);
	}
	spin_unlock_irq(&sources->lock);
	return id;
}

/* Something that depends on @obj. */
static bool find_holder(struct iommufd_ctx *ctx, const struct object *obj,
			const char **kind, u32 *user, u32 *device, char *name)
{
	struct object *other;
	unsigned long id;
	bool found = false;

	rcu_read_lock();
	xa_for_each(&ctx->objects, id, other) {
		if (!holds(other, obj))
			continue;
		found = true;
		*kind = other->kind->name;
		*user = other->id;
		*device = other->type == OBJECT_HWPT ?
			  attached_to(hwpt_of(other), name) : 0;
		break;
	}
	rcu_read_unlock();
	return found;
}

static int explain_user(struct iommufd_ctx *ctx, struct object *obj)
{
	const char *what = obj->kind->name, *kind;
	char name[NAME_LEN];
	u32 user, device;

	if (obj->type == OBJECT_HWPT) {
		device = attached_to(hwpt_of(obj), name);
		if (device)
			return iommufd_reason_note(ctx, -EBUSY,
						   "%s %u cannot be destroyed: device %u, %s, is attached to it",
						   what, obj->id, device, name);
	}
	if (!find_holder(ctx, obj, &kind, &user, &device, name))
		return -ENOENT;
	if (device)
		return iommufd_reason_note(ctx, -EBUSY,
					   "%s %u cannot be destroyed: %s %u uses it, to which device %u, %s, is attached",
					   what, obj->id, kind, user, device,
					   name);
	return iommufd_reason_note(ctx, -EBUSY,
				   "%s %u cannot be destroyed: %s %u uses it",
				   what, obj->id, kind, user);
}

static bool has_kernel_users(struct object *obj)
{
	return obj->type == OBJECT_IOAS && !xa_empty(&ioas_of(obj)->users);
}

static void explain(struct iommufd_ctx *ctx, struct object *obj)
{
	const char *what = obj->kind->name;

	if (obj->type == OBJECT_DEVICE)
		iommufd_reason_note(
			ctx, -EBUSY,
			"device %u, %s, is unbound by closing its file, not by DESTROY",
			obj->id,
			container_of(obj, struct iommufd_device, obj)->name);
	else if (obj->type == OBJECT_HW_QUEUE)
		iommufd_reason_note(ctx, -EBUSY,
				    "%s %u cannot be destroyed before those that depend on it",
				    what, obj->id);
	else if (obj->type == OBJECT_VIOMMU && explain_user(ctx, obj) == -ENOENT)
		iommufd_reason_note(ctx, -EBUSY,
				    "%s %u cannot be destroyed: it is mapped by mmap(), or a command of another thread is working with it",
				    what, obj->id);
	else if (obj->type == OBJECT_VIOMMU)
		return;
	else if (obj->type == OBJECT_VEVENT_QUEUE)
		iommufd_reason_note(ctx, -EBUSY,
				    "%s %u cannot be destroyed while its descriptor is open",
				    what, obj->id);
	else if (obj->type == OBJECT_FAULT_QUEUE || obj->type == OBJECT_EVENT_QUEUE)
		iommufd_reason_note(ctx, -EBUSY,
				    "%s %u cannot be destroyed while its descriptor is open, or a page table uses it",
				    what, obj->id);
	else if (has_kernel_users(obj))
		iommufd_reason_note(ctx, -EBUSY,
				    "%s %u cannot be destroyed: the driver of a mediated device is attached to it",
				    what, obj->id);
	else if (obj->type == OBJECT_ACCESS || obj->type == OBJECT_TEST)
		iommufd_reason_note(ctx, -EBUSY,
				    "%s %u belongs to a driver, which destroys it",
				    what, obj->id);
	else if (explain_user(ctx, obj) == -ENOENT)
		iommufd_reason_note(ctx, -EBUSY,
				    "%s %u cannot be destroyed: a command of another thread is working with it",
				    what, obj->id);
}

/**
 * iommufd_busy_explain - say who uses an object that cannot be destroyed
 * @ctx: the context
 * @id: the object; it may be gone meanwhile
 */
void iommufd_busy_explain(struct iommufd_ctx *ctx, u32 id)
{
	struct object *obj = iommufd_object_get(ctx, id, OBJECT_ANY);

	if (!obj)
		return;
	explain(ctx, obj);
	if (obj->type == OBJECT_HWPT)
		iommufd_hwpt_put(hwpt_of(obj));
	else
		object_put(ctx, obj);
}
