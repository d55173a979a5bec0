// SPDX-License-Identifier: GPL-2.0-only
/*
 * ioasid device holders: which processes have devices of VFIO, bound or not, and by
 * what. That is not asked of the module, but of /proc.
 */
#include "module/holders.h"

#include <stdlib.h>
#include <string.h>

#include "module/table.h"
#include "pci/holder.h"

/* Attributes of no message: rows are made here. */
static const struct field holder_fields[] = {
	FIELD("device", 1, TEXT),
	FIELD("node", 1, TEXT),
	FIELD("pid", 1, U32),
	FIELD("command", 1, TEXT),
	FIELD("what", 1, TEXT),
	{ }
};

static const char *const objects[] = {
	[HOLD_DEVICE] = "device",
	[HOLD_GROUP] = "group",
	[HOLD_OF_GROUP] = "device of a group",
	[HOLD_KVM] = "devices of KVM",
	[HOLD_SENT] = "sent",
};

/* The address of the device; "" if nothing tells it. */
static void find_device(const struct topology *t, const char *root,
			const struct hold *hold, char *address)
{
	char *node;
	int i;

	snprintf(address, ADDRESS_SIZE, "%s", hold->device);
	if (*hold->device || hold->object != HOLD_DEVICE || hold->gone)
		return;
	for (i = 0; i < t->nr && !*address; i++) {
		node = holds_node(&t->functions[i], root);
		if (node && !strcmp(node, hold->name))
			topology_address(&t->functions[i], address);
		free(node);
	}
}

static char *what_text(const struct hold *hold)
{
	char *text = hold_text(hold), *more;

	switch (hold->object) {
	case HOLD_KVM:
		more = xasprintf(", devices that KVM has been given");
		break;
	case HOLD_SENT:
		more = xasprintf(", to which %u descriptors have been sent",
				 hold->sent);
		break;
	default:
		more = xasprintf("%s", hold->gone ?
				 ", of a device that is being unbound" : "");
	}
	xappend(&text, more);
	return text;
}

static json_t *row_of(const struct hold *hold, const char *address)
{
	char *what = what_text(hold);
	json_t *row = hold_json(hold);

	json_object_update_new(row, process_json(&hold->process));
	json_object_set_new(row, "object", json_string(objects[hold->object]));
	json_object_set_new(row, "gone", json_boolean(hold->gone));
	json_object_set_new(row, "what", json_text(what));
	if (*address)
		json_object_set_new(row, "device", json_string(address));
	free(what);
	return row;
}

/**
 * holders_command() - the command
 * @session: options
 * @argc: number of words
 * @argv: the words: a device, or none for all
 *
 * Return: exit status.
 */
enum status holders_command(struct session *session, int argc, char **argv)
{
	char wanted[ADDRESS_SIZE] = "", address[ADDRESS_SIZE];
	const char *root = session->source.root;
	json_t *rows = xjson(json_array());
	const struct topology *t;
	struct holds *holds;
	int i;

	session_live(session);
	if (argc > 1)
		usage_error("too many words:", argv[1]);
	t = session_topology(session);
	if (argc)
		topology_address(&t->functions[session_function(session,
								argv[0])],
				 wanted);
	holds = holds_look(root);
	for (i = 0; i < holds->nr; i++) {
		find_device(t, root, &holds->at[i], address);
		if (!*wanted || !strcmp(address, wanted))
			json_array_append_new(rows, row_of(&holds->at[i],
							   address));
	}
	if (holds->unseen)
		warn("what processes of other users have is seen by root only, and that of processes outside of a container only there");
	holds_free(holds);
	table_print(rows, holder_fields);
	return STATUS_OK;
}
