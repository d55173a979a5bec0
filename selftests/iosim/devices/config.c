// SPDX-License-Identifier: GPL-2.0-only
/*
 * /sys/kernel/config/iosim: a directory per device, see iosim.h.
 *
 * A device is removed by a work item, since that waits until its users let go of
 * it. Writing 0 to "plugged" waits for it, too, unless a signal comes; rmdir waits
 * only for a moment, since it holds locks of configfs. Either way the removal
 * continues.
 */
#include <linux/completion.h>
#include <linux/configfs.h>
#include <linux/ctype.h>
#include <linux/limits.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/platform_device.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "../pci/attributes.h"
#include "../pci/host.h"
#include "devices.h"
#include "unit.h"

#define NAME_PREFIX	"iosim-"

#define FAULT_THREAD_MAX	10000	/* ms */
#define MAX_NAME	(PLUGGED_NAME_LEN - sizeof(NAME_PREFIX))

#define RMDIR_WAIT	HZ

enum kind {
	KIND_ENGINE,
	KIND_PARENT,
	KIND_FUNCTION,
	KIND_ROOT_PORT,
	KIND_UPSTREAM,
	KIND_DOWNSTREAM,
	NR_KINDS,
};

/**
 * struct kind_row - a kind of device
 * @name: what is in the file
 * @driver: of a platform device; NULL: it is a function of PCI
 * @type: of such a function
 */
struct kind_row {
	const char *name;
	const char *driver;
	enum shape_type type;
};

static const struct kind_row kinds[NR_KINDS] = {
	[KIND_ENGINE] = { "engine", DEVICES_VFIO_DRIVER },
	[KIND_PARENT] = { "parent", DEVICES_PARENT_DRIVER },
	[KIND_FUNCTION] = { "function", NULL, SHAPE_ENDPOINT },
	[KIND_ROOT_PORT] = { "root-port", NULL, SHAPE_ROOT_PORT },
	[KIND_UPSTREAM] = { "upstream", NULL, SHAPE_UPSTREAM },
	[KIND_DOWNSTREAM] = { "downstream", NULL, SHAPE_DOWNSTREAM },
};

/**
 * struct slot - a directory: a place where a device can be plugged in
 * @top: configfs's
 * @pci: the directory "pci" in it
 * @lock: over everything below
 * @config: what is to be plugged in
 * @group: name of the directory of a device whose group it joins, or empty
 * @kind: see there
 * @plugged: what is plugged in, or NULL
 * @leaving: what is being removed, or NULL
 * @removal: removes it, and holds a reference to @top
 * @gone: completed when it has
 * @past: counters of devices that have been here before
 */
struct slot {
	struct config_group top;
	struct attributes pci;
	struct mutex lock;
	struct iosim_config config;
	char group[MAX_NAME + 1];
	enum kind kind;
	struct plugged *plugged;
	struct plugged *leaving;
	struct work_struct removal;
	struct completion gone;
	u64 past[IOSIM_NR_COUNTERS];
};

static struct workqueue_struct *removals;

static struct slot *to_slot(struct config_item *item)
{
	return container_of(to_config_group(item), struct slot, top);
}

/* Plugging ------------------------------------------------------------------ */

static struct plugged *plug_unit(struct slot *slot)
{
	struct iosim_config *config = &slot->config;
	char name[PLUGGED_NAME_LEN], group[PLUGGED_NAME_LEN];
	struct plugged *plugged;

	snprintf(name, sizeof(name), NAME_PREFIX "%s",
		 config_item_name(&slot->top.cg_item));
	snprintf(group, sizeof(group), NAME_PREFIX "%s", slot->group);
	config->name = name;
	config->driver = kinds[slot->kind].driver;
	plugged = unit_plug(config, slot->group[0] ? group : NULL);
	config->name = NULL;
	return plugged;
}

/* Which groups functions are in follows from the topology. */
static struct plugged *plug_function(struct slot *slot)
{
	struct plugged *plugged;
	struct shape shape;

	if (slot->group[0])
		return ERR_PTR(-EINVAL);
	attributes_fix(&slot->pci, true);
	shape = slot->pci.shape;
	shape.type = kinds[slot->kind].type;
	plugged = host_plug(config_item_name(&slot->top.cg_item), &shape,
			    &slot->config);
	if (IS_ERR(plugged))
		attributes_fix(&slot->pci, false);
	return plugged;
}

static void unplug_kind(struct slot *slot, struct plugged *plugged)
{
	if (kinds[slot->kind].driver) {
		unit_unplug(plugged);
		return;
	}
	host_unplug(plugged);
	attributes_fix(&slot->pci, false);
}

static int plug(struct slot *slot)
{
	struct plugged *plugged;

	lockdep_assert_held(&slot->lock);
	if (slot->plugged)
		return 0;
	if (slot->leaving)
		return -EBUSY;
	plugged = kinds[slot->kind].driver ? plug_unit(slot) :
					     plug_function(slot);
	if (IS_ERR(plugged))
		return PTR_ERR(plugged);
	slot->plugged = plugged;
	return 0;
}

static void start_removal(struct slot *slot)
{
	enum iosim_counter i;

	lockdep_assert_held(&slot->lock);
	for (i = 0; i < IOSIM_NR_COUNTERS; i++)
		slot->past[i] +=
			iosim_endpoint_counter(slot->plugged->endpoint, i);
	slot->leaving = slot->plugged;
	slot->plugged = NULL;
	reinit_completion(&slot->gone);
	config_item_get(&slot->top.cg_item);
	queue_work(removals, &slot->removal);
}

static void removal_fn(struct work_struct *work)
{
	struct slot *slot = container_of(work, struct slot, removal);

	unplug_kind(slot, slot->leaving);
	mutex_lock(&slot->lock);
	slot->leaving = NULL;
	mutex_unlock(&slot->lock);
	complete_all(&slot->gone);
	config_item_put(&slot->top.cg_item);
}

static int unplug(struct slot *slot)
{
	mutex_lock(&slot->lock);
	if (slot->plugged)
		start_removal(slot);
	mutex_unlock(&slot->lock);
	return wait_for_completion_interruptible(&slot->gone);
}

static ssize_t plugged_show(struct config_item *item, char *page)
{
	return sysfs_emit(page, "%d\n", !!READ_ONCE(to_slot(item)->plugged));
}

static ssize_t plugged_store(struct config_item *item, const char *page,
			     size_t count)
{
	struct slot *slot = to_slot(item);
	bool on;
	int rc;

	rc = kstrtobool(page, &on);
	if (rc)
		return rc;
	if (on) {
		mutex_lock(&slot->lock);
		rc = plug(slot);
		mutex_unlock(&slot->lock);
	} else {
		rc = unplug(slot);
	}
	return rc ?: count;
}

static ssize_t device_show(struct config_item *item, char *page)
{
	struct slot *slot = to_slot(item);
	ssize_t rc = -ENODEV;

	mutex_lock(&slot->lock);
	if (slot->plugged)
		rc = sysfs_emit(page, "%s\n", slot->plugged->name);
	mutex_unlock(&slot->lock);
	return rc;
}

/* What the device is like --------------------------------------------------- */

/* For storing: lock the slot if nothing is plugged in. */
static int lock_empty(struct slot *slot)
{
	mutex_lock(&slot->lock);
	if (!slot->plugged && !slot->leaving)
		return 0;
	mutex_unlock(&slot->lock);
	return -EBUSY;
}

#define NUMBER(name, min, max)						\
static ssize_t name##_show(struct config_item *item, char *page)	\
{									\
	return sysfs_emit(page, "%u\n", to_slot(item)->config.name);	\
}									\
									\
static ssize_t name##_store(struct config_item *item, const char *page,	\
			    size_t count)				\
{									\
	struct slot *slot = to_slot(item);				\
	u32 value;							\
	int rc;								\
									\
	rc = kstrtou32(page, 0, &value);				\
	if (rc)								\
		return rc;						\
	if (clamp_t(u32, value, min, max) != value)			\
		return -ERANGE;						\
	rc = lock_empty(slot);						\
	if (rc)								\
		return rc;						\
	slot->config.name = value;					\
	mutex_unlock(&slot->lock);					\
	return count;							\
}									\
									\
CONFIGFS_ATTR(, name)

NUMBER(pasid_bits, 0, 20);
NUMBER(pri, 0, 1);
NUMBER(dirty, 0, 1);
NUMBER(isolated_msi, 0, 1);
NUMBER(addr_bits, 32, 64);
NUMBER(prq_size, 1, 1024);
NUMBER(fault_thread, 0, FAULT_THREAD_MAX);
NUMBER(vtd, 0, 1);
NUMBER(vtd_haw, 36, 52);

/* Shown as they would be, or as they have been chosen. */
#define REGISTER(name)							\
static ssize_t name##_show(struct config_item *item, char *page)	\
{									\
	struct slot *slot = to_slot(item);				\
	u64 vtd_cap, vtd_ecap;						\
									\
	mutex_lock(&slot->lock);					\
	iosim_vtd_registers(&slot->config, &vtd_cap, &vtd_ecap);	\
	mutex_unlock(&slot->lock);					\
	return sysfs_emit(page, "0x%llx\n", name);			\
}									\
									\
static ssize_t name##_store(struct config_item *item, const char *page,	\
			    size_t count)				\
{									\
	struct slot *slot = to_slot(item);				\
	u64 value;							\
	int rc;								\
									\
	rc = kstrtou64(page, 0, &value) ?: lock_empty(slot);		\
	if (rc)								\
		return rc;						\
	slot->config.name = value;					\
	mutex_unlock(&slot->lock);					\
	return count;							\
}									\
									\
CONFIGFS_ATTR(, name)

REGISTER(vtd_cap);
REGISTER(vtd_ecap);

static ssize_t group_show(struct config_item *item, char *page)
{
	struct slot *slot = to_slot(item);
	ssize_t rc;

	mutex_lock(&slot->lock);
	rc = sysfs_emit(page, "%s\n", slot->group);
	mutex_unlock(&slot->lock);
	return rc;
}

/* The length of what has been written, without the newline and the like. */
static size_t trimmed(const char *page, size_t count)
{
	while (count && isspace(page[count - 1]))
		count--;
	return count;
}

static ssize_t group_store(struct config_item *item, const char *page,
			   size_t count)
{
	struct slot *slot = to_slot(item);
	size_t length = trimmed(page, count);
	int rc;

	if (length > MAX_NAME)
		return -ENAMETOOLONG;
	rc = lock_empty(slot);
	if (rc)
		return rc;
	memcpy(slot->group, page, length);
	slot->group[length] = '\0';
	mutex_unlock(&slot->lock);
	return count;
}

static ssize_t kind_show(struct config_item *item, char *page)
{
	return sysfs_emit(page, "%s\n",
			  kinds[READ_ONCE(to_slot(item)->kind)].name);
}

static ssize_t kind_store(struct config_item *item, const char *page,
			  size_t count)
{
	struct slot *slot = to_slot(item);
	enum kind kind;
	int rc;

	for (kind = 0; kind < NR_KINDS; kind++)
		if (sysfs_streq(page, kinds[kind].name))
			break;
	if (kind == NR_KINDS)
		return -EINVAL;
	rc = lock_empty(slot);
	if (rc)
		return rc;
	WRITE_ONCE(slot->kind, kind);
	mutex_unlock(&slot->lock);
	return count;
}

static bool has_reserved(const struct iosim_config *config)
{
	return config->reserved_start <= config->reserved_last;
}

static ssize_t reserved_show(struct config_item *item, char *page)
{
	struct slot *slot = to_slot(item);
	struct iosim_config *config = &slot->config;
	ssize_t rc;

	mutex_lock(&slot->lock);
	if (has_reserved(config))
		rc = sysfs_emit(page, "%llx-%llx\n", config->reserved_start,
				config->reserved_last);
	else
		rc = sysfs_emit(page, "\n");
	mutex_unlock(&slot->lock);
	return rc;
}

static int parse_range(const char *page, size_t length, u64 *start, u64 *last)
{
	char text[2 * 18 + 2], *minus;

	if (!length) {
		*start = 1;
		*last = 0;
		return 0;
	}
	if (length >= sizeof(text))
		return -EINVAL;
	memcpy(text, page, length);
	text[length] = '\0';
	minus = strchr(text, '-');
	if (!minus)
		return -EINVAL;
	*minus = '\0';
	if (kstrtou64(text, 16, start) || kstrtou64(minus + 1, 16, last) ||
	    *start > *last)
		return -EINVAL;
	return 0;
}

static ssize_t reserved_store(struct config_item *item, const char *page,
			      size_t count)
{
	struct slot *slot = to_slot(item);
	u64 start, last;
	int rc;

	rc = parse_range(page, trimmed(page, count), &start, &last);
	if (rc)
		return rc;
	rc = lock_empty(slot);
	if (rc)
		return rc;
	slot->config.reserved_start = start;
	slot->config.reserved_last = last;
	mutex_unlock(&slot->lock);
	return count;
}

static const char *const quirk_names[IOSIM_NR_QUIRKS] = {
	[IOSIM_NO_SPLIT] = "no_split",
	[IOSIM_MAP_SHORT] = "map_short",
	[IOSIM_MAP_SILENT] = "map_silent",
	[IOSIM_UNMAP_SHORT] = "unmap_short",
	[IOSIM_SYNC_MAP] = "sync_map",
	[IOSIM_NO_COHERENCY] = "no_coherency",
	[IOSIM_ONLY_4K] = "only_4k",
	[IOSIM_NO_READ_ONLY] = "no_read_only",
	[IOSIM_COMPLETE_LATE] = "complete_late",
	[IOSIM_PRI_ATTACHED] = "pri_attached",
};

static ssize_t quirks_show(struct config_item *item, char *page)
{
	unsigned long quirks = READ_ONCE(to_slot(item)->config.quirks);
	const char *comma = "";
	unsigned int i;
	int n = 0;

	for_each_set_bit(i, &quirks, IOSIM_NR_QUIRKS) {
		n += sysfs_emit_at(page, n, "%s%s", comma, quirk_names[i]);
		comma = ",";
	}
	return n + sysfs_emit_at(page, n, "\n");
}

static int parse_quirks(char *text, unsigned long *quirks)
{
	char *word;
	int i;

	*quirks = 0;
	while ((word = strsep(&text, ","))) {
		i = match_string(quirk_names, IOSIM_NR_QUIRKS, word);
		if (i < 0)
			return -EINVAL;
		*quirks |= BIT(i);
	}
	return 0;
}

static ssize_t quirks_store(struct config_item *item, const char *page,
			    size_t count)
{
	size_t length = trimmed(page, count);
	struct slot *slot = to_slot(item);
	unsigned long quirks = 0;
	char *text;
	int rc = 0;

	if (length) {
		text = kstrndup(page, length, GFP_KERNEL);
		if (!text)
			return -ENOMEM;
		rc = parse_quirks(text, &quirks);
		kfree(text);
	}
	if (!rc)
		rc = lock_empty(slot);
	if (rc)
		return rc;
	WRITE_ONCE(slot->config.quirks, quirks);
	mutex_unlock(&slot->lock);
	return count;
}

CONFIGFS_ATTR(, quirks);
CONFIGFS_ATTR(, plugged);
CONFIGFS_ATTR_RO(, device);
CONFIGFS_ATTR(, group);
CONFIGFS_ATTR(, kind);
CONFIGFS_ATTR(, reserved);

/* Calls that are to fail ---------------------------------------------------- */

static ssize_t show_fail(struct slot *slot, enum iosim_fail fail, char *page)
{
	int nr = 0;

	mutex_lock(&slot->lock);
	if (slot->plugged)
		nr = iosim_endpoint_failing(slot->plugged->endpoint, fail);
	mutex_unlock(&slot->lock);
	return sysfs_emit(page, "%d\n", nr);
}

static int store_fail(struct slot *slot, enum iosim_fail fail, const char *page)
{
	int nr, rc;

	rc = kstrtoint(page, 0, &nr);
	if (rc)
		return rc;
	if (nr < 0)
		return -ERANGE;
	mutex_lock(&slot->lock);
	if (slot->plugged)
		iosim_endpoint_fail(slot->plugged->endpoint, fail, nr);
	else
		rc = -ENODEV;
	mutex_unlock(&slot->lock);
	return rc;
}

#define FAIL(name, fail)						\
static ssize_t name##_show(struct config_item *item, char *page)	\
{									\
	return show_fail(to_slot(item), fail, page);			\
}									\
									\
static ssize_t name##_store(struct config_item *item, const char *page,	\
			    size_t count)				\
{									\
	return store_fail(to_slot(item), fail, page) ?: count;		\
}									\
									\
CONFIGFS_ATTR(, name)

FAIL(map_fail, IOSIM_MAP_FAIL);
FAIL(unmap_fail, IOSIM_UNMAP_FAIL);
FAIL(sync_map_fail, IOSIM_SYNC_MAP_FAIL);
FAIL(pri_busy, IOSIM_PRI_BUSY);

/* Counters ------------------------------------------------------------------ */

static ssize_t show_counter(struct slot *slot, enum iosim_counter counter,
			    char *page)
{
	u64 value;

	mutex_lock(&slot->lock);
	value = slot->past[counter];
	if (slot->plugged)
		value += iosim_endpoint_counter(slot->plugged->endpoint, counter);
	mutex_unlock(&slot->lock);
	return sysfs_emit(page, "%llu\n", value);
}

#define COUNTER(name, counter)						\
static ssize_t name##_show(struct config_item *item, char *page)	\
{									\
	return show_counter(to_slot(item), counter, page);		\
}									\
									\
CONFIGFS_ATTR_RO(, name)

COUNTER(walks, IOSIM_WALKS);
COUNTER(iotlb_hits, IOSIM_IOTLB_HITS);
COUNTER(pasid_cache_hits, IOSIM_PASID_CACHE_HITS);
COUNTER(invalidations, IOSIM_INVALIDATIONS);
COUNTER(page_requests, IOSIM_PAGE_REQUESTS);
COUNTER(page_responses, IOSIM_PAGE_RESPONSES);
COUNTER(page_request_overflows, IOSIM_PAGE_REQUEST_OVERFLOWS);
COUNTER(faults, IOSIM_FAULTS);
COUNTER(late_reports, IOSIM_LATE_REPORTS);
COUNTER(nosnoop, IOSIM_NOSNOOP);
COUNTER(nested_walks, IOSIM_NESTED_WALKS);
COUNTER(structure_hits, IOSIM_STRUCTURE_HITS);
COUNTER(peer_accesses, IOSIM_PEER_ACCESSES);

static ssize_t vtd_fault_show(struct config_item *item, char *page)
{
	struct slot *slot = to_slot(item);
	u32 code = 0;

	mutex_lock(&slot->lock);
	if (slot->plugged)
		code = iosim_endpoint_fault(slot->plugged->endpoint);
	mutex_unlock(&slot->lock);
	return sysfs_emit(page, "0x%x\n", code);
}

CONFIGFS_ATTR_RO(, vtd_fault);

/* Directories --------------------------------------------------------------- */

static struct configfs_attribute *slot_attrs[] = {
	&attr_pasid_bits,
	&attr_pri,
	&attr_dirty,
	&attr_isolated_msi,
	&attr_group,
	&attr_kind,
	&attr_addr_bits,
	&attr_reserved,
	&attr_prq_size,
	&attr_quirks,
	&attr_fault_thread,
	&attr_vtd,
	&attr_vtd_haw,
	&attr_vtd_cap,
	&attr_vtd_ecap,
	&attr_map_fail,
	&attr_unmap_fail,
	&attr_sync_map_fail,
	&attr_pri_busy,
	&attr_plugged,
	&attr_device,
	&attr_walks,
	&attr_iotlb_hits,
	&attr_pasid_cache_hits,
	&attr_invalidations,
	&attr_page_requests,
	&attr_page_responses,
	&attr_page_request_overflows,
	&attr_faults,
	&attr_late_reports,
	&attr_nosnoop,
	&attr_nested_walks,
	&attr_structure_hits,
	&attr_vtd_fault,
	&attr_peer_accesses,
	NULL,
};

static void slot_release(struct config_item *item)
{
	kfree(to_slot(item));
}

static struct configfs_item_operations slot_ops = {
	.release = slot_release,
};

static const struct config_item_type slot_type = {
	.ct_item_ops = &slot_ops,
	.ct_attrs = slot_attrs,
	.ct_owner = THIS_MODULE,
};

/* It becomes a part of the names of devices and files. */
static bool name_ok(const char *name)
{
	const char *c;

	for (c = name; *c; c++)
		if (!isalnum(*c) && *c != '-' && *c != '_')
			return false;
	return c - name <= MAX_NAME;
}

static struct config_group *make_slot(struct config_group *group,
				      const char *name)
{
	struct slot *slot;

	if (!name_ok(name))
		return ERR_PTR(-EINVAL);
	slot = kzalloc(sizeof(*slot), GFP_KERNEL_ACCOUNT);
	if (!slot)
		return ERR_PTR(-ENOMEM);
	mutex_init(&slot->lock);
	INIT_WORK(&slot->removal, removal_fn);
	init_completion(&slot->gone);
	complete_all(&slot->gone);
	slot->config = (struct iosim_config){
		.dirty = true,
		.isolated_msi = true,
		.addr_bits = IOSIM_ADDR_BITS,
		.reserved_start = 1,
		.prq_size = 32,
		.vtd_haw = 52,
	};
	config_group_init_type_name(&slot->top, name, &slot_type);
	attributes_init(&slot->pci);
	configfs_add_default_group(&slot->pci.group, &slot->top);
	return &slot->top;
}

static void drop_slot(struct config_group *group, struct config_item *item)
{
	struct slot *slot = to_slot(item);

	mutex_lock(&slot->lock);
	if (slot->plugged)
		start_removal(slot);
	mutex_unlock(&slot->lock);
	wait_for_completion_timeout(&slot->gone, RMDIR_WAIT);
	config_item_put(item);
}

static struct configfs_group_operations root_ops = {
	.make_group = make_slot,
	.drop_item = drop_slot,
};

static const struct config_item_type root_type = {
	.ct_group_ops = &root_ops,
	.ct_owner = THIS_MODULE,
};

static struct configfs_subsystem subsystem = {
	.su_group = {
		.cg_item = {
			.ci_namebuf = "iosim",
			.ci_type = &root_type,
		},
	},
};

/**
 * config_setup - make /sys/kernel/config/iosim
 *
 * Return: 0 or an errno.
 */
int config_setup(void)
{
	int rc;

	/* One removal may wait for another's user: as many as there are. */
	removals = alloc_workqueue("iosim-removals", WQ_UNBOUND,
				   WQ_UNBOUND_MAX_ACTIVE);
	if (!removals)
		return -ENOMEM;
	config_group_init(&subsystem.su_group);
	mutex_init(&subsystem.su_mutex);
	rc = configfs_register_subsystem(&subsystem);
	if (rc)
		destroy_workqueue(removals);
	return rc;
}

/**
 * config_cleanup - remove it, and wait until all devices are gone
 */
void config_cleanup(void)
{
	configfs_unregister_subsystem(&subsystem);
	destroy_workqueue(removals);
}
