// SPDX-License-Identifier: GPL-2.0-only
#include "isolation/bound.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pci/machine.h"
#include "pci/process.h"

/**
 * bound_in() - the context that a device is bound in, says the module
 * @c: the device that is checked
 * @index: the device
 *
 * Return: its row; NULL if the module does not tell.
 */
json_t *bound_in(const struct check *c, int index)
{
	char address[ADDRESS_SIZE];

	return json_object_get(c->owners,
			       topology_address(&c->t->functions[index],
						address));
}

/**
 * bound_number() - a number of such a row
 * @owner: the row; may be NULL
 * @name: of the number
 */
int bound_number(json_t *owner, const char *name)
{
	return json_integer_value(json_object_get(owner, name));
}

/**
 * bound_names() - is this a process that the module names?
 * @c: the device that is checked
 * @owner: the row; may be NULL
 * @pid: the process, here; the module's numbers are those of the host
 */
bool bound_names(const struct check *c, json_t *owner, int pid)
{
	return owner && process_is_outermost(c->root) &&
	       (bound_number(owner, "pid") == pid ||
		bound_number(owner, "mapper") == pid);
}

/* A process as the module names it; it may be gone long since. */
static char *named_text(const struct check *c, json_t *owner, const char *pid,
			const char *comm)
{
	const char *name = json_string_value(json_object_get(owner, comm));
	int number = bound_number(owner, pid);
	char *path = xasprintf("/proc/%d", number);
	const char *more = "";

	if (!process_is_outermost(c->root))
		more = " of the host";
	else if (!machine_has(c->root, path))
		more = ", which has ended";
	free(path);
	return xasprintf("process %d (%s)%s", number, name ? name : "?", more);
}

static bool is_mapped_for(json_t *owner)
{
	int mapper = bound_number(owner, "mapper");

	return mapper && mapper != bound_number(owner, "pid");
}

/**
 * bound_text() - who has a device, as the module says
 * @c: the device that is checked
 * @owner: the row
 *
 * Return: to be freed.
 */
char *bound_text(const struct check *c, json_t *owner)
{
	char *opener = named_text(c, owner, "pid", "command"), *mapper, *text;
	int context = bound_number(owner, "context");

	if (!is_mapped_for(owner)) {
		text = xasprintf("context %d, %s", context, opener);
	} else {
		mapper = named_text(c, owner, "mapper", "mapper_command");
		text = xasprintf("context %d, of %s, which has been opened by %s",
				 context, mapper, opener);
		free(mapper);
	}
	free(opener);
	return text;
}
