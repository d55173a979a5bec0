// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the running module reports: contexts, spaces, devices and areas as tables,
 * events as lines.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <linux/ioasid_netlink.h>

#include "command.h"
#include "module/holders.h"
#include "module/live.h"
#include "module/netlink.h"
#include "module/objects.h"
#include "module/table.h"

#define MAX_FILTERS 4

/**
 * struct word - a filter as people type it
 * @name: before its value
 * @attr: attribute
 * @last_attr: for a range of addresses A-B: where B goes
 */
struct word {
	const char *name;
	int attr;
	int last_attr;
};

static uint64_t number(const char *name, const char *text, char **end,
		       uint64_t max)
{
	uint64_t value;

	errno = 0;
	value = strtoull(text, end, 0);
	if (errno || *end == text || *text == '-' || value > max)
		fail(STATUS_USAGE, "%s takes a number, not \"%s\"", name, text);
	return value;
}

/* A, or A-B. Return: how many filters that makes. */
static int range(const struct word *word, const char *text,
		 struct filter *filters)
{
	uint64_t first, last;
	char *end;

	first = last = number(word->name, text, &end, UINT64_MAX);
	if (*end == '-')
		last = number(word->name, end + 1, &end, UINT64_MAX);
	if (*end || last < first)
		fail(STATUS_USAGE, "%s takes A or A-B, not \"%s\"", word->name,
		     text);
	filters[0] = (struct filter) { word->attr, true, first };
	filters[1] = (struct filter) { word->last_attr, true, last };
	return 2;
}

static int parse_filters(const struct word *words, int argc, char **argv,
			 struct filter *filters)
{
	const struct word *word;
	int nr = 0, i;
	char *end;

	for (i = 0; i < argc; i += 2) {
		for (word = words; word->name; word++)
			if (!strcmp(word->name, argv[i]))
				break;
		if (!word->name)
			usage_error("cannot filter by", argv[i]);
		if (i + 1 == argc)
			usage_error("a value is missing after", argv[i]);
		if (nr + 2 > MAX_FILTERS)
			usage_error("too many words:", argv[i]);
		if (word->last_attr) {
			nr += range(word, argv[i + 1], &filters[nr]);
			continue;
		}
		filters[nr] = (struct filter) { .attr = word->attr };
		filters[nr++].value = number(word->name, argv[i + 1], &end,
					     UINT32_MAX);
		if (*end)
			fail(STATUS_USAGE, "%s takes a number, not \"%s\"",
			     word->name, argv[i + 1]);
	}
	return nr;
}

static enum status show(struct session *session, int cmd,
			const struct field *fields, const struct word *words,
			int argc, char **argv)
{
	struct filter filters[MAX_FILTERS];
	int nr = parse_filters(words, argc, argv, filters);

	session_live(session);
	table_print(netlink_dump(cmd, fields, filters, nr), fields);
	return STATUS_OK;
}

/* What there is ------------------------------------------------------------ */

static const struct field context_fields[] = {
	FIELD("context", IOASID_A_CONTEXT_ID, U32),
	FIELD("pid", IOASID_A_CONTEXT_PID, U32),
	FIELD("uid", IOASID_A_CONTEXT_UID, U32),
	FIELD("objects", IOASID_A_CONTEXT_OBJECTS, U32),
	FIELD("spaces", IOASID_A_CONTEXT_SPACES, U32),
	FIELD("devices", IOASID_A_CONTEXT_DEVICES, U32),
	FIELD("pinned", IOASID_A_CONTEXT_PINNED_BYTES, BYTES),
	FIELD("command", IOASID_A_CONTEXT_COMM, TEXT),
	FIELD("mapper", IOASID_A_CONTEXT_MAPPER_PID, U32),
	FIELD("mapper_command", IOASID_A_CONTEXT_MAPPER_COMM, TEXT),
	FIELD("mapper_uid", IOASID_A_CONTEXT_MAPPER_UID, U32, .hidden = true),
	{ }
};

static const char *const space_kinds[] = { "kernel", "nested", NULL };

const struct field space_fields[] = {
	FIELD("context", IOASID_A_SPACE_CONTEXT, U32),
	FIELD("space", IOASID_A_SPACE_ID, U32),
	FIELD("kind", IOASID_A_SPACE_KIND, NAME, .names = space_kinds),
	FIELD("parent", IOASID_A_SPACE_PARENT, U32),
	FIELD("areas", IOASID_A_SPACE_AREAS, U64),
	FIELD("mapped", IOASID_A_SPACE_MAPPED_BYTES, BYTES),
	FIELD("pinned", IOASID_A_SPACE_PINNED_BYTES, BYTES),
	FIELD("tables", IOASID_A_SPACE_PAGE_TABLES, U32),
	FIELD("attached", IOASID_A_SPACE_ATTACHED, U32),
	FIELD("maps", IOASID_A_SPACE_MAPS, U64),
	FIELD("unmaps", IOASID_A_SPACE_UNMAPS, U64),
	FIELD("flushes", IOASID_A_SPACE_FLUSHES, U64),
	FIELD("faults", IOASID_A_SPACE_FAULTS, U64),
	{ }
};

static const struct field attachment_fields[] = {
	FIELD("pasid", IOASID_A_ATTACHMENT_PASID, U32),
	FIELD("space", IOASID_A_ATTACHMENT_SPACE, U32),
	FIELD("page_table", IOASID_A_ATTACHMENT_PAGE_TABLE, U32,
	      .hidden = true),
	FIELD("hw_pasid", IOASID_A_ATTACHMENT_HW_PASID, U32, .hidden = true),
	{ }
};

static const struct field device_fields[] = {
	FIELD("context", IOASID_A_DEVICE_CONTEXT, U32),
	FIELD("id", IOASID_A_DEVICE_ID, U32),
	FIELD("name", IOASID_A_DEVICE_NAME, TEXT),
	FIELD("driver", IOASID_A_DEVICE_DRIVER, TEXT),
	FIELD("group", IOASID_A_DEVICE_GROUP, U32),
	FIELD("faults", IOASID_A_DEVICE_FAULTS, U64),
	FIELD("attached", IOASID_A_DEVICE_ATTACHMENT, NESTS,
	      .nest = attachment_fields),
	FIELD("set", IOASID_A_DEVICE_MEMBER, TEXTS, .hidden = true),
	FIELD("parent", IOASID_A_DEVICE_PARENT, TEXT, .hidden = true),
	FIELD("rid", IOASID_A_DEVICE_RID, RID, .hidden = true),
	{ }
};

static const char *const origins[] = { "user", "file", "bar", "parent", NULL };

static const struct field area_fields[] = {
	FIELD("context", IOASID_A_AREA_CONTEXT, U32),
	FIELD("space", IOASID_A_AREA_SPACE, U32),
	FIELD("iova", IOASID_A_AREA_IOVA, ADDRESS),
	FIELD("last", IOASID_A_AREA_LAST, ADDRESS),
	FIELD("perm", IOASID_A_AREA_PERM, PERM),
	FIELD("origin", IOASID_A_AREA_ORIGIN, NAME, .names = origins),
	FIELD("address", IOASID_A_AREA_ADDRESS, ADDRESS),
	FIELD("device", IOASID_A_AREA_DEVICE, TEXT),
	{ }
};

/**
 * live_owners() - who has devices, says the module
 *
 * It knows that whatever keeps the device: a descriptor, a mapping, or an unbind that
 * has not come to its end. Who may not look at a context does not see it.
 *
 * Return: object of the devices' names in sysfs, with the row of the context that each
 * is bound in; NULL if the module does not answer.
 */
json_t *live_owners(void)
{
	json_t *owners, *devices, *contexts, *device, *context;
	size_t i, j;

	if (!netlink_is_there())
		return NULL;
	owners = xjson(json_object());
	devices = netlink_dump(IOASID_CMD_DEVICE_GET, device_fields, NULL, 0);
	contexts = netlink_dump(IOASID_CMD_CONTEXT_GET, context_fields, NULL, 0);
	json_array_foreach(devices, i, device)
		json_array_foreach(contexts, j, context)
			if (json_equal(json_object_get(device, "context"),
				       json_object_get(context, "context")))
				json_object_set(owners, json_string_value(
					json_object_get(device, "name")), context);
	json_decref(devices);
	json_decref(contexts);
	return owners;
}

static enum status show_contexts(struct session *session, int argc, char **argv)
{
	static const struct word words[] = {
		{ "id", IOASID_A_CONTEXT_ID, 0 },
		{ "context", IOASID_A_CONTEXT_ID, 0 },
		{ }
	};

	return show(session, IOASID_CMD_CONTEXT_GET, context_fields, words, argc,
		    argv);
}

static enum status show_spaces(struct session *session, int argc, char **argv)
{
	static const struct word words[] = {
		{ "context", IOASID_A_SPACE_CONTEXT, 0 },
		{ "id", IOASID_A_SPACE_ID, 0 },
		{ }
	};

	return show(session, IOASID_CMD_SPACE_GET, space_fields, words, argc,
		    argv);
}

static enum status show_devices(struct session *session, int argc, char **argv)
{
	static const struct word words[] = {
		{ "context", IOASID_A_DEVICE_CONTEXT, 0 },
		{ "id", IOASID_A_DEVICE_ID, 0 },
		{ }
	};

	return show(session, IOASID_CMD_DEVICE_GET, device_fields, words, argc,
		    argv);
}

static enum status show_areas(struct session *session, int argc, char **argv)
{
	static const struct word words[] = {
		{ "context", IOASID_A_AREA_CONTEXT, 0 },
		{ "space", IOASID_A_AREA_SPACE, 0 },
		{ "iova", IOASID_A_AREA_IOVA, IOASID_A_AREA_LAST },
		{ }
	};

	return show(session, IOASID_CMD_AREA_GET, area_fields, words, argc,
		    argv);
}

static const struct command context_commands[] = {
	{ "show", "[id N]",
	  "who has /dev/iommu open, how often, and how much is pinned by it",
	  show_contexts },
	{ }
};

const struct object context_object = {
	"context", "open files of /dev/iommu", context_commands,
};

static const struct command space_commands[] = {
	{ "show", "[context N] [id N]",
	  "what is mapped and pinned, what is attached, and what has been done",
	  show_spaces },
	{ }
};

const struct object space_object = {
	"space", "I/O address spaces", space_commands,
};

static const struct command device_commands[] = {
	{ "show", "[context N] [id N]",
	  "devices that are bound, and what they are attached to",
	  show_devices },
	{ "holders", "[DEVICE]",
	  "which processes have devices of VFIO, bound or not, and by what",
	  holders_command },
	{ }
};

const struct object device_object = {
	"device", "devices that are bound to /dev/iommu", device_commands,
};

static const struct command area_commands[] = {
	{ "show", "[context N] [space N] [iova A[-B]]",
	  "ranges that are mapped; with iova, those that reach into A to B",
	  show_areas },
	{ }
};

const struct object area_object = {
	"area", "mappings of I/O address spaces", area_commands,
};

/* Events ------------------------------------------------------------------- */

static const char *const kinds[] = {
	"open", "close", "bind", "unbind", "attach", "detach", "fault", "lost",
	"failed", "split", NULL
};

static const struct field event_fields[] = {
	FIELD("event", IOASID_A_EVENT_KIND, NAME, .names = kinds),
	FIELD("context", IOASID_A_EVENT_CONTEXT, U32),
	FIELD("pid", IOASID_A_EVENT_PID, U32),
	FIELD("comm", IOASID_A_EVENT_COMM, TEXT),
	FIELD("device", IOASID_A_EVENT_DEVICE, TEXT),
	FIELD("other", IOASID_A_EVENT_OTHER, TEXT),
	FIELD("device_id", IOASID_A_EVENT_DEVICE_ID, U32),
	FIELD("pasid", IOASID_A_EVENT_PASID, U32),
	FIELD("space", IOASID_A_EVENT_SPACE, U32),
	FIELD("page_table", IOASID_A_EVENT_PAGE_TABLE, U32),
	FIELD("iova", IOASID_A_EVENT_IOVA, ADDRESS),
	FIELD("length", IOASID_A_EVENT_LENGTH, U64),
	FIELD("perm", IOASID_A_EVENT_PERM, PERM),
	FIELD("command", IOASID_A_EVENT_COMMAND, TEXT),
	FIELD("error", IOASID_A_EVENT_ERROR, ERRNO),
	FIELD("reason", IOASID_A_EVENT_REASON, TEXT),
	{ }
};

static void event_text(json_t *row)
{
	const struct field *field;
	char clock[16], *text;
	time_t now = time(NULL);
	json_t *value;

	strftime(clock, sizeof(clock), "%H:%M:%S", localtime(&now));
	fputs(clock, stdout);
	for (field = event_fields; field->attr; field++) {
		value = json_object_get(row, field->name);
		if (!value)
			continue;
		netlink_text(value, field, &text);
		if (field == event_fields)
			printf(" %s%s%s", paint(PAINT_HEAD), text,
			       paint(PAINT_OFF));
		else if (!strcmp(field->name, "reason") || field->type ==
			 FIELD_ERRNO)
			printf(": %s", text);
		else
			printf(" %s %s", field->name, text);
		free(text);
	}
	putchar('\n');
}

static void print_event(json_t *row)
{
	if (output.json)
		output_json(json_incref(row));
	else
		event_text(row);
	/* Who has closed the pipe has seen enough */
	if (fflush(stdout) || ferror(stdout))
		exit(STATUS_OK);
}

static enum status monitor(struct session *session, int argc, char **argv)
{
	session_live(session);
	if (argc)
		usage_error("too many words:", argv[0]);
	/* One object a line */
	output.pretty = false;
	signal(SIGPIPE, SIG_IGN);
	netlink_listen(print_event, event_fields);
	return STATUS_OK;
}

static const struct command monitor_commands[] = {
	{ "", "",
	  "what happens, a line each: open, bind, attach, faults, failed commands",
	  monitor },
	{ }
};

const struct object monitor_object = {
	"monitor", "events, as they happen", monitor_commands,
};

/* What has failed ---------------------------------------------------------- */

static const struct field failure_fields[] = {
	FIELD("time", IOASID_A_FAILURE_TIME, TIME),
	FIELD("context", IOASID_A_FAILURE_CONTEXT, U32),
	FIELD("pid", IOASID_A_FAILURE_PID, U32),
	FIELD("uid", IOASID_A_FAILURE_UID, U32),
	FIELD("comm", IOASID_A_FAILURE_COMM, TEXT),
	FIELD("command", IOASID_A_FAILURE_COMMAND, TEXT),
	FIELD("error", IOASID_A_FAILURE_ERROR, ERRNO),
	FIELD("times", IOASID_A_FAILURE_TIMES, U64),
	FIELD("reason", IOASID_A_FAILURE_REASON, TEXT),
	FIELD("number", IOASID_A_FAILURE_NUMBER, U64, .hidden = true),
	{ }
};

static enum status show_failures(struct session *session, int argc, char **argv)
{
	static const struct word words[] = {
		{ "context", IOASID_A_FAILURE_CONTEXT, 0 },
		{ }
	};

	return show(session, IOASID_CMD_FAILURE_GET, failure_fields, words,
		    argc, argv);
}

static const struct command log_commands[] = {
	{ "", "[context N]",
	  "the last 64 commands that have failed: when, of whom, and why",
	  show_failures },
	{ }
};

const struct object log_object = {
	"log", "commands that have failed", log_commands,
};
