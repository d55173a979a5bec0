// SPDX-License-Identifier: GPL-2.0-only
/*
 * ioasid top: who maps, how fast, and how much is pinned.
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
#include "module/live.h"
#include "module/netlink.h"
#include "module/objects.h"
#include "module/table.h"

#define CLEAR "\033[H\033[J"

static const struct field owner_fields[] = {
	FIELD("context", IOASID_A_CONTEXT_ID, U32),
	FIELD("pid", IOASID_A_CONTEXT_PID, U32),
	FIELD("command", IOASID_A_CONTEXT_COMM, TEXT),
	{ }
};

/* Columns; that they are attributes matters to nobody here. */
static const struct field columns[] = {
	FIELD("pid", 1, U32),
	FIELD("context", 1, U32),
	FIELD("space", 1, U32),
	FIELD("maps/s", 1, U64),
	FIELD("unmaps/s", 1, U64),
	FIELD("flushes/s", 1, U64),
	FIELD("faults/s", 1, U64),
	FIELD("faults", 1, U64),
	FIELD("pinned", 1, BYTES),
	FIELD("command", 1, TEXT),
	{ }
};

/* What is counted, and what its rate is called. */
static const char *const counters[][2] = {
	{ "maps", "maps/s" },
	{ "unmaps", "unmaps/s" },
	{ "flushes", "flushes/s" },
	{ "faults", "faults/s" },
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static json_int_t get(json_t *row, const char *name)
{
	return json_integer_value(json_object_get(row, name));
}

/* The row of the same context, and with @name of the same of it; or NULL. */
static json_t *same(json_t *rows, json_t *like, const char *name)
{
	json_t *row;
	size_t i;

	json_array_foreach(rows, i, row)
		if (get(row, "context") == get(like, "context") &&
		    (!name || get(row, name) == get(like, name)))
			return row;
	return NULL;
}

static json_t *line(json_t *space, json_t *before, json_t *owner,
		    double seconds)
{
	json_t *row = xjson(json_pack("{sI sI sI sI}",
				      "pid", get(owner, "pid"),
				      "context", get(space, "context"),
				      "space", get(space, "space"),
				      "faults", get(space, "faults")));
	json_int_t done;
	size_t i;

	for (i = 0; i < COUNT(counters); i++) {
		done = get(space, counters[i][0]) - get(before, counters[i][0]);
		json_object_set_new(row, counters[i][1],
				    json_integer(done / seconds + 0.5));
	}
	json_object_set(row, "pinned", json_object_get(space, "pinned"));
	json_object_set(row, "command", json_object_get(owner, "command") ?:
			json_null());
	return row;
}

/* Spaces that are new count from nothing. */
static json_t *compare(json_t *spaces, json_t *before, double seconds)
{
	json_t *owners = netlink_dump(IOASID_CMD_CONTEXT_GET, owner_fields,
				      NULL, 0);
	json_t *lines = xjson(json_array()), *space;
	size_t i;

	json_array_foreach(spaces, i, space)
		json_array_append_new(lines,
				      line(space, same(before, space, "space"),
					   same(owners, space, NULL), seconds));
	json_decref(owners);
	return lines;
}

static void print_lines(json_t *lines, bool clear)
{
	if (output.json) {
		output_json(lines);
	} else {
		if (clear)
			fputs(CLEAR, stdout);
		table_text(lines, columns);
		if (!json_array_size(lines))
			puts("no I/O address spaces");
		json_decref(lines);
	}
	/* Who has closed the pipe has seen enough */
	if (fflush(stdout) || ferror(stdout))
		exit(STATUS_OK);
}

static double positive(const char *option, const char *text)
{
	double value;
	char *end;

	if (!text)
		fail(STATUS_USAGE, "top: %s takes a number", option);
	errno = 0;
	value = strtod(text, &end);
	if (errno || end == text || *end || !(value > 0 && value <= 1e6))
		fail(STATUS_USAGE, "top: %s takes a number, not \"%s\"", option,
		     text);
	return value;
}

static enum status top(struct session *session, int argc, char **argv)
{
	double delay = 1, count = 0, then, seconds;
	bool clear = isatty(STDOUT_FILENO);
	json_t *before, *spaces;
	long round;
	int i;

	session_live(session);
	for (i = 0; i < argc; i += 2) {
		if (!strcmp(argv[i], "-n"))
			count = positive("-n", argv[i + 1]);
		else if (!strcmp(argv[i], "-d"))
			delay = positive("-d", argv[i + 1]);
		else
			usage_error("top: there is no option", argv[i]);
	}
	signal(SIGPIPE, SIG_IGN);
	then = now();
	before = netlink_dump(IOASID_CMD_SPACE_GET, space_fields, NULL, 0);
	for (round = 0; !count || round < count; round++) {
		usleep((useconds_t)(delay * 1e6));
		seconds = now() - then;
		then += seconds;
		spaces = netlink_dump(IOASID_CMD_SPACE_GET, space_fields, NULL,
				      0);
		print_lines(compare(spaces, before, seconds), clear);
		json_decref(before);
		before = spaces;
	}
	json_decref(before);
	return STATUS_OK;
}

static const struct command commands[] = {
	{ "", "[-n COUNT] [-d SECONDS]",
	  "maps, unmaps, flushes and faults a second, and pinned memory, of each space",
	  top },
	{ }
};

const struct object top_object = {
	"top", "what I/O address spaces are doing, again and again", commands,
};
