// SPDX-License-Identifier: GPL-2.0-only
/*
 * The module knows which context has a device, and who has opened that, which need not
 * be who has the device now; /proc knows who has the device, but not everything that
 * keeps it.  Each is asked for what it knows.
 */
#include "isolation/owner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "isolation/bound.h"
#include "isolation/keeper.h"
#include "isolation/leaving.h"
#include "module/split.h"
#include "pci/machine.h"

/* What those have that the module names: they are one finding. */
static char *named_keepers_text(const struct check *c, int index, json_t *owner,
				json_t *processes)
{
	bool by_memory = true;
	struct keeper keeper;
	char *text = NULL;
	int next = 0;

	while (keeper_next(c, index, &next, &keeper)) {
		if (bound_names(c, owner, keeper.process.pid)) {
			xappend(&text, xasprintf("%s %d has %s", text ? ";" : ":",
						 keeper.process.pid,
						 keeper.what));
			by_memory &= keeper.by_memory;
			json_array_append_new(processes, keeper_json(&keeper));
		} else {
			json_decref(keeper.json);
		}
		free(keeper.what);
	}
	if (text && index == c->index)
		xappend(&text, xasprintf(". To free it, %s",
					 keeper_end(by_memory)));
	return text ? text : xasprintf("%s", "");
}

/* As context show has it. */
static json_t *owner_json(json_t *owner, json_t *processes)
{
	static const char *const names[] = {
		"context", "pid", "command", "mapper", "mapper_command",
	};
	json_t *json = xjson(json_pack("{so}", "processes", processes)), *value;
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		value = json_object_get(owner, names[i]);
		if (value)
			json_object_set(json, names[i], value);
	}
	return json;
}

static void tell_owner(struct check *c, int index, json_t *owner)
{
	json_t *processes = xjson(json_array()), *more;
	char address[ADDRESS_SIZE];
	char *context = bound_text(c, owner), *has;

	topology_address(&c->t->functions[index], address);
	has = named_keepers_text(c, index, owner, processes);
	more = owner_json(owner, processes);
	if (index != c->index)
		find_with(c, OBSTACLE, "owner", more,
			  "%s in its group is bound in %s%s: only the same /dev/iommu may have both",
			  address, context, has);
	else if (leaving_is(c, index))
		find_with(c, OBSTACLE, "owner", more, "it is bound in %s",
			  context);
	else
		find_with(c, OBSTACLE, "owner", more, "it is bound in %s%s",
			  context, has);
	free(has);
	free(context);
}

/* Return: whether anything has been seen that keeps the device. */
static bool tell_keepers(struct check *c, int index, json_t *owner,
			 const char *whose)
{
	struct keeper keeper;
	bool seen = false;
	int next = 0;
	char *who;

	while (keeper_next(c, index, &next, &keeper)) {
		seen = true;
		if (bound_names(c, owner, keeper.process.pid)) {
			json_decref(keeper.json);
			free(keeper.what);
			continue;
		}
		who = process_text(&keeper.process);
		find_with(c, OBSTACLE, "owner",
			  json_pack("{s[o]}", "processes",
				    keeper_json(&keeper)),
			  "%s has %s open%s, %s: %s%s%s", who,
			  *keeper.name ? keeper.name : "a device by its group",
			  keeper.by_memory ? " by a mapping" : "", whose,
			  keeper.what,
			  index == c->index ? ". To free it, " : "",
			  index == c->index ? keeper_end(keeper.by_memory) : "");
		free(who);
		free(keeper.what);
	}
	return seen;
}

/* It keeps something; what, cannot be seen. */
static void tell_maybe(struct check *c, enum weight weight,
		       const struct hold *hold)
{
	json_t *more = xjson(json_pack("{s[o]}", "processes",
				       process_json(&hold->process)));
	char *who = process_text(&hold->process);

	switch (hold->object) {
	case HOLD_KVM:
		find_with(c, weight, "owner", more,
			  "%s has given devices to KVM (descriptor %d), which keeps them: maybe this one",
			  who, hold->fd);
		break;
	case HOLD_SENT:
		find_with(c, weight, "owner", more,
			  "%s has not received what has been sent to its socket (descriptor %d), %u descriptors: maybe this device's",
			  who, hold->fd, hold->sent);
		break;
	case HOLD_DEVICE:
		find_with(c, weight, "owner", more,
			  "%s has %s, of a device that is being unbound: maybe this one",
			  who, hold->name);
		break;
	default:
		find_with(c, weight, "owner", more,
			  "%s has a device that its group has given (%s %d), and this kernel does not tell which: maybe this one",
			  who, hold->way == HOLD_MAPPING ? "a mapping," :
			  "descriptor", hold->fd);
	}
	free(who);
}

/*
 * Nobody is seen who has it. If it is kept all the same, by whom? Otherwise, only what
 * groups have given is worth a word: every QEMU has KVM's list.
 */
static void tell_hidden(struct check *c, int index, bool kept)
{
	bool told = false;
	int i;

	for (i = 0; i < c->holds->nr; i++) {
		const struct hold *hold = &c->holds->at[i];

		if (keeper_sureness(c, index, hold) != MAYBE ||
		    (!kept && hold->object != HOLD_OF_GROUP))
			continue;
		tell_maybe(c, kept ? NOTE : UNKNOWN, hold);
		told = true;
	}
	if (kept && !told && !c->holds->unseen)
		find(c, NOTE, "owner",
		     "no process has it open, mapped, or registered with an io_uring: it is kept by a descriptor that is on its way in a socket, or by a process that is about to end");
}

/* A device of the group: this one, or another that has to go with it. */
static void find_owner(struct check *c, int index)
{
	bool other = index != c->index, leaving = leaving_is(c, index);
	json_t *owner = bound_in(c, index);
	char address[ADDRESS_SIZE], *whose;
	struct keeper keeper;
	bool seen = false;
	int next = 0;

	topology_address(&c->t->functions[index], address);
	if (owner)
		tell_owner(c, index, owner);
	if (!other && leaving) {
		/* Said already: it is they who are waited for */
		seen = keeper_next(c, index, &next, &keeper);
		free(keeper.what);
		json_decref(keeper.json);
	} else {
		whose = other ?
			xasprintf("that of %s in its group, and only the same /dev/iommu may have both",
				  address) : xasprintf("that of this device");
		seen = tell_keepers(c, index, owner, whose);
		free(whose);
	}
	if (!seen)
		tell_hidden(c, index, owner || leaving_without_node(c, index));
}

static void find_group(struct check *c)
{
	char *node = xasprintf("/dev/vfio/%d", c->group), *who;
	json_t *owner = bound_in(c, c->index);
	int i;

	for (i = 0; i < c->holds->nr; i++) {
		const struct hold *hold = &c->holds->at[i];

		if (hold->object != HOLD_GROUP || strcmp(hold->name, node) ||
		    bound_names(c, owner, hold->process.pid))
			continue;
		who = process_text(&hold->process);
		find_with(c, OBSTACLE, "owner",
			  json_pack("{s[o]}", "processes",
				    process_json(&hold->process)),
			  "%s has %s open, the group's own, legacy node: descriptor %d",
			  who, node, hold->fd);
		free(who);
	}
	free(node);
}

/* Root may have declared that the device is not isolated from another one. */
static void find_splits(struct check *c)
{
	json_t *pairs = c->owners ? split_pairs() : NULL, *pair;
	const char *device, *other;
	char *context;
	size_t i;

	json_array_foreach(pairs, i, pair) {
		device = json_string_value(json_object_get(pair, "device"));
		other = json_string_value(json_object_get(pair, "other"));
		if (!device || !other)
			continue;
		if (!strcmp(other, c->address))
			other = device;
		else if (strcmp(device, c->address))
			continue;
		if (!json_object_get(c->owners, other))
			continue;
		context = bound_text(c, json_object_get(c->owners, other));
		find(c, OBSTACLE, "split",
		     "it has been declared not to be isolated from %s (ioasid isolation split), which is bound in %s: only the same /dev/iommu may have both",
		     other, context);
		free(context);
	}
	json_decref(pairs);
}

/* The module has a version, the one of the same name in Linux has not. */
static bool is_silent(const struct check *c)
{
	return !*c->root && !c->owners &&
	       machine_has(c->root, "/sys/module/iommufd/version");
}

static void find_blindness(struct check *c)
{
	if (!process_is_outermost(c->root))
		find(c, UNKNOWN, "owner",
		     "whether a process outside of this container has it cannot be seen from here: ask on the host");
	else if (c->holds->unseen)
		find(c, UNKNOWN, "owner",
		     "whether a process of somebody else has it is seen by root only");
	else if (is_silent(c))
		find(c, UNKNOWN, "owner",
		     "whether it is bound the module tells only in the first network namespace: ask on the host");
}

/**
 * owner_find() - who has the device, others of its group, or of a pair
 * @c: the device
 */
void owner_find(struct check *c)
{
	int i;

	for (i = 0; i < c->t->nr; i++)
		if (i == c->index || (c->group >= 0 &&
				      c->t->functions[i].group == c->group))
			find_owner(c, i);
	if (c->group >= 0)
		find_group(c);
	find_splits(c);
	find_blindness(c);
}

/**
 * owner_payer() - who maps memory for the device, or would
 * @c: the device
 * @comm: set to its name
 *
 * Return: its process ID, if somebody is seen who has it, or 0.
 */
int owner_payer(const struct check *c, const char **comm)
{
	json_t *owner = bound_in(c, c->index);
	bool mapper = bound_number(owner, "mapper");
	const char *name;
	int i;

	if (owner && process_is_outermost(c->root)) {
		name = json_string_value(json_object_get(owner, mapper ?
					 "mapper_command" : "command"));
		*comm = name ? name : "?";
		return bound_number(owner, mapper ? "mapper" : "pid");
	}
	for (i = 0; i < c->holds->nr; i++) {
		const struct hold *hold = &c->holds->at[i];

		if (keeper_sureness(c, c->index, hold) == SURE) {
			*comm = hold->process.comm;
			return hold->process.pid;
		}
	}
	return 0;
}
