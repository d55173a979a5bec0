// SPDX-License-Identifier: GPL-2.0-only
#include "isolation/leaving.h"

#include <stdlib.h>
#include <string.h>

#include "isolation/bound.h"
#include "pci/holder.h"
#include "pci/machine.h"

/**
 * leaving_has_vfio() - has a function a driver of VFIO?
 * @f: the function
 */
bool leaving_has_vfio(const struct function *f)
{
	return f->driver && strstr(f->driver, "vfio");
}

/* VFIO has a group as long as a device of it, which may be on its way out. */
static bool keeps_its_group(const struct check *c, int group)
{
	char *path = xasprintf("/sys/class/vfio/%d", group);
	int i, without = 0;
	bool there = group >= 0 && machine_has(c->root, path);

	free(path);
	for (i = 0; there && i < c->t->nr; i++) {
		if (c->t->functions[i].group != group)
			continue;
		there = !leaving_has_vfio(&c->t->functions[i]);
		without += !c->t->functions[i].driver;
	}
	return there && without == 1;
}

static bool has_node(const struct check *c, int index)
{
	char *node = holds_node(&c->t->functions[index], c->root);

	free(node);
	return node;
}

/**
 * leaving_without_node() - is a device being unbound, and its node gone?
 * @c: the device that is checked
 * @index: the device
 *
 * The link to its driver goes first, then its node, and what VFIO has of it last.
 */
bool leaving_without_node(const struct check *c, int index)
{
	const struct function *f = &c->t->functions[index];

	return !f->driver && !has_node(c, index) &&
	       (bound_in(c, index) || keeps_its_group(c, f->group));
}

/**
 * leaving_next() - the next function whose node is gone
 * @c: the device that is checked
 * @index: where to begin
 *
 * Return: its index; -1 for none.
 */
int leaving_next(const struct check *c, int index)
{
	for (; index < c->t->nr; index++)
		if (leaving_without_node(c, index))
			return index;
	return -1;
}

/**
 * leaving_after_vfs() - does an unbind wait for virtual functions?
 * @c: the device that is checked
 * @index: the physical function
 *
 * They go first when its driver goes, and are not linked to it any more then.
 */
bool leaving_after_vfs(const struct check *c, int index)
{
	const struct function *f = &c->t->functions[index];

	return !f->driver && f->caps.sriov_vfs && !leaving_without_node(c, index) &&
	       leaving_next(c, 0) >= 0;
}

/**
 * leaving_is() - is a device being unbound from its driver?
 * @c: the device that is checked
 * @index: the device
 */
bool leaving_is(const struct check *c, int index)
{
	return (!c->t->functions[index].driver && has_node(c, index)) ||
	       leaving_without_node(c, index) || leaving_after_vfs(c, index);
}
