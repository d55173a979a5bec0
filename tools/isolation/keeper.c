// SPDX-License-Identifier: GPL-2.0-only
#include "isolation/keeper.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "isolation/bound.h"
#include "isolation/leaving.h"

/* Things of one process that a sentence names. */
#define NAMED_MAX 4

static bool has_group(const struct check *c, int pid, int group)
{
	char *node = group < 0 ? NULL : xasprintf("/dev/vfio/%d", group);
	bool any = false, this = false;
	int i;

	for (i = 0; i < c->holds->nr; i++) {
		const struct hold *hold = &c->holds->at[i];

		if (hold->process.pid != pid || hold->object != HOLD_GROUP)
			continue;
		any = true;
		this |= node && !strcmp(hold->name, node);
	}
	free(node);
	return this || !any;
}

/* A node that is gone does not tell whose it was. */
static enum sureness by_gone_node(const struct check *c, int index,
				  const struct hold *hold)
{
	int first = leaving_next(c, 0);

	if (!leaving_without_node(c, index))
		return NOT;
	return bound_names(c, bound_in(c, index), hold->process.pid) ||
	       (first == index && leaving_next(c, index + 1) < 0) ?
	       SURE : MAYBE;
}

static enum sureness by_node(const struct check *c, int index,
			     const struct hold *hold)
{
	char *node = holds_node(&c->t->functions[index], c->root);
	bool same = node && !strcmp(node, hold->name);

	free(node);
	return same ? SURE : NOT;
}

static enum sureness by_group(const struct check *c, int index,
			      const struct hold *hold)
{
	const struct function *f = &c->t->functions[index];

	if (!leaving_has_vfio(f) && !leaving_is(c, index))
		return NOT;
	if (bound_names(c, bound_in(c, index), hold->process.pid))
		return SURE;
	return has_group(c, hold->process.pid, f->group) ? MAYBE : NOT;
}

/**
 * keeper_sureness() - does something keep a device?
 * @c: the device that is checked
 * @index: the device
 * @hold: what a process has
 */
enum sureness keeper_sureness(const struct check *c, int index,
			      const struct hold *hold)
{
	char address[ADDRESS_SIZE];

	topology_address(&c->t->functions[index], address);
	if (*hold->device)
		return strcmp(hold->device, address) ? NOT : SURE;
	switch (hold->object) {
	case HOLD_DEVICE:
		return hold->gone ? by_gone_node(c, index, hold) :
				    by_node(c, index, hold);
	case HOLD_OF_GROUP:
		return by_group(c, index, hold);
	case HOLD_GROUP:
		return NOT;
	default:
		return MAYBE;
	}
}

/**
 * keeper_next() - the next process that keeps a device
 * @c: the device that is checked
 * @index: the device
 * @next: 0 in the beginning
 * @keeper: set; its text to be freed, its array to be given away
 *
 * Return: whether there is one.
 */
bool keeper_next(const struct check *c, int index, int *next,
		 struct keeper *keeper)
{
	int n = 0;

	*keeper = (struct keeper) { .by_memory = true };
	for (; *next < c->holds->nr; ++*next) {
		const struct hold *hold = &c->holds->at[*next];

		if (n && hold->process.pid != keeper->process.pid)
			break;
		if (keeper_sureness(c, index, hold) != SURE)
			continue;
		if (!n)
			keeper->json = xjson(json_array());
		json_array_append_new(keeper->json, hold_json(hold));
		keeper->process = hold->process;
		keeper->name = hold->name;
		keeper->by_memory &= hold->way == HOLD_MAPPING;
		if (n++ >= NAMED_MAX)
			continue;
		if (n > 1)
			xappend(&keeper->what, xasprintf(", "));
		xappend(&keeper->what, hold_text(hold));
	}
	if (n > NAMED_MAX)
		xappend(&keeper->what, xasprintf(" and %d more",
						 n - NAMED_MAX));
	return n;
}

/**
 * keeper_json() - a process that keeps a device, for programs
 * @keeper: the process; its array is taken over
 */
json_t *keeper_json(struct keeper *keeper)
{
	json_t *json = process_json(&keeper->process);

	json_object_set_new(json, "holds", keeper->json);
	return json;
}

/**
 * keepers_json() - all that keep a device, for programs
 * @c: the device that is checked
 * @index: the device
 */
json_t *keepers_json(const struct check *c, int index)
{
	json_t *array = xjson(json_array());
	struct keeper keeper;
	int next = 0;

	while (keeper_next(c, index, &next, &keeper)) {
		json_array_append_new(array, keeper_json(&keeper));
		free(keeper.what);
	}
	return array;
}

/**
 * keeper_end() - what makes a process let go of a device
 * @by_memory: it has nothing but memory
 */
const char *keeper_end(bool by_memory)
{
	return by_memory ?
	       "unmap that there, or end the process: no descriptor is left to be closed" :
	       "close the device there, or end that";
}
