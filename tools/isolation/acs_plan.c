// SPDX-License-Identifier: GPL-2.0-only
/*
 * ioasid acs plan: prints the plan, what it changes and what it costs.
 */
#include "isolation/acs_plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "isolation/explain.h"
#include "isolation/plan.h"
#include "isolation/trust.h"
#include "pci/defaults.h"
#include "pci/machine.h"

/* Older kernels cut the command line there. */
#define CMDLINE_MAX 2048

/* Arguments ----------------------------------------------------------------- */

/* A plan made blindly would be worse than none. */
static void require_registers(const struct topology *t, int index)
{
	char address[ADDRESS_SIZE];
	int at;

	if (topology_lost(t, index))
		fail(STATUS_UNKNOWN, "the bridge above %s is not known: no plan without it",
		     topology_address(&t->functions[index], address));
	for (at = index; at >= 0; at = topology_above(t, at))
		if (!acs_readable(&t->functions[at]))
			fail(STATUS_UNKNOWN, "the registers of %s cannot be read: no plan without them",
			     topology_address(&t->functions[at], address));
}

static void add_list(struct session *session, struct pairs *pairs, char *list)
{
	int members[64], n = 0, i, j;
	char *word, *rest;

	for (word = strtok_r(list, ",", &rest); word;
	     word = strtok_r(NULL, ",", &rest)) {
		if (n == 64)
			usage_error("too many devices in a list, from", word);
		members[n] = session_function(session, word);
		if (session->topology->functions[members[n]].bridge)
			usage_error("name devices behind bridges, not the bridge",
				    word);
		require_registers(session->topology, members[n]);
		for (i = 0; i < n; i++)
			if (members[i] == members[n])
				usage_error("twice in a list:", word);
		n++;
	}
	if (n < 2)
		fail(STATUS_USAGE, "--p2p and --isolate take two devices or more, with commas between them");
	for (i = 0; i < n; i++)
		for (j = i + 1; j < n; j++)
			plan_want(pairs, members[i], members[j]);
}

static void parse(struct session *session, struct plan *p, int argc,
		  char **argv)
{
	int i;

	for (i = 0; i < argc; i++) {
		bool p2p = !strcmp(argv[i], "--p2p");

		if (p2p || !strcmp(argv[i], "--isolate")) {
			if (i + 1 == argc)
				usage_error("no devices after", argv[i]);
			add_list(session, p2p ? &p->p2p : &p->isolate,
				 argv[++i]);
		} else if (!strcmp(argv[i], "--translated")) {
			p->translated = true;
		} else if (!strcmp(argv[i], "--root-complex")) {
			p->root_complex = true;
		} else {
			usage_error("acs plan does not know", argv[i]);
		}
	}
	if (!p->p2p.nr && !p->isolate.nr)
		fail(STATUS_USAGE, "acs plan takes --p2p A,B or --isolate C,D; see ioasid acs help");
}

/* Text ---------------------------------------------------------------------- */

static void changes_text(const struct plan *p)
{
	char address[ADDRESS_SIZE], names[ACS_NAMES_SIZE];
	int i;

	puts("\nsettings that change");
	for (i = 0; i < p->t->nr; i++) {
		uint16_t on = p->then[i] & ~p->now[i];
		uint16_t off = p->now[i] & ~p->then[i];

		if (!on && !off)
			continue;
		printf("  %s %s:", topology_kind(&p->t->functions[i]),
		       topology_address(&p->t->functions[i], address));
		if (on)
			printf(" on: %s;", acs_names(on, names));
		if (off)
			printf(" off: %s;", acs_names(off, names));
		printf(" then on in all: %s\n", acs_names(p->then[i], names));
	}
}

/* The groups of one side that the other has not. */
static void groups_text(const struct plan *p, const struct groups *g,
			const bool *changes, const char *when)
{
	char address[ADDRESS_SIZE];
	int group, i;

	printf("  %s\n", when);
	for (group = 0; group < g->nr; group++) {
		int end = g->first[group + 1];

		for (i = g->first[group]; i < end; i++)
			if (changes[g->member[i]])
				break;
		if (i == end)
			continue;
		printf("   ");
		for (i = g->first[group]; i < end; i++)
			printf(" %s", topology_address(
			       &p->t->functions[g->member[i]], address));
		putchar('\n');
	}
}

static void group_changes_text(const struct plan *p)
{
	bool *changes = groups_differences(p->t, p->before, p->after);
	int i;

	for (i = 0; i < p->t->nr; i++)
		if (changes[i])
			break;
	if (i < p->t->nr) {
		puts("\ngroups that change");
		groups_text(p, p->before, changes, "before");
		groups_text(p, p->after, changes, "after");
	} else {
		puts("\nno group changes");
	}
	free(changes);
}

static void way_text(struct plan *p, int from, int to, enum traffic traffic)
{
	char a[ADDRESS_SIZE], b[ADDRESS_SIZE];
	struct path before, after;

	plan_use(p, p->now);
	before = path_find(p->t, from, to, traffic);
	plan_use(p, p->then);
	after = path_find(p->t, from, to, traffic);
	printf("  %s -> %s: %s before, %s%s%s after\n",
	       topology_address(&p->t->functions[from], a),
	       topology_address(&p->t->functions[to], b),
	       path_route_name(before.route), paint(PAINT_HEAD),
	       path_route_name(after.route), paint(PAINT_OFF));
}

static void ways_text(struct plan *p, const struct pairs *pairs,
		      enum traffic traffic)
{
	int i;

	for (i = 0; i < pairs->nr; i++) {
		way_text(p, pairs->at[i].a, pairs->at[i].b, traffic);
		way_text(p, pairs->at[i].b, pairs->at[i].a, traffic);
	}
}

static enum status plan_text(struct plan *p, const char *line,
			     const struct pairs *opened)
{
	enum traffic traffic = p->translated ? TRAFFIC_TRANSLATED :
					       TRAFFIC_REQUEST;

	defaults_text(p->t);
	if (p->refusal) {
		printf("%scannot be done:%s %s.\n", paint(PAINT_BAD),
		       paint(PAINT_OFF), p->refusal);
		return STATUS_NO;
	}
	if (!line) {
		puts("nothing needs to be changed.");
	} else {
		printf("%s%s%s\n", paint(PAINT_HEAD), line, paint(PAINT_OFF));
		if (strlen(line) > CMDLINE_MAX / 2)
			printf("%sthe kernel takes a command line of %d characters at most%s\n",
			       paint(PAINT_NOTE), CMDLINE_MAX,
			       paint(PAINT_OFF));
		changes_text(p);
	}
	group_changes_text(p);
	puts(p->translated ? "\nways (translated requests)" : "\nways (requests)");
	ways_text(p, &p->p2p, traffic);
	ways_text(p, &p->isolate, TRAFFIC_REQUEST);
	plan_use(p, p->then);
	trust_text(p, opened);
	return STATUS_OK;
}

/* JSON ---------------------------------------------------------------------- */

static json_t *changes_json(const struct plan *p)
{
	json_t *array = xjson(json_array());
	int i;

	for (i = 0; i < p->t->nr; i++)
		if (p->now[i] != p->then[i])
			json_array_append_new(array, json_pack("{so so so}",
				"function", explain_address(p->t, i),
				"before", explain_bits(p->now[i]),
				"after", explain_bits(p->then[i])));
	return array;
}

static json_t *groups_json(const struct plan *p, const struct groups *g)
{
	json_t *array = xjson(json_array());
	int group, i;

	for (group = 0; group < g->nr; group++) {
		json_t *members = xjson(json_array());

		for (i = g->first[group]; i < g->first[group + 1]; i++)
			json_array_append_new(members,
					explain_address(p->t, g->member[i]));
		json_array_append_new(array, members);
	}
	return array;
}

static json_t *route_json(struct plan *p, const uint16_t *ctrl, int from,
			  int to, enum traffic traffic)
{
	struct path path;

	plan_use(p, ctrl);
	path = path_find(p->t, from, to, traffic);
	return json_string(path_route_name(path.route));
}

static void add_ways(json_t *array, struct plan *p, const struct pairs *pairs,
		     enum traffic traffic)
{
	int i, back;

	for (i = 0; i < pairs->nr; i++) {
		for (back = 0; back < 2; back++) {
			int from = back ? pairs->at[i].b : pairs->at[i].a;
			int to = back ? pairs->at[i].a : pairs->at[i].b;

			json_array_append_new(array, json_pack("{so so so so}",
				"from", explain_address(p->t, from),
				"to", explain_address(p->t, to),
				"before", route_json(p, p->now, from, to,
						     traffic),
				"after", route_json(p, p->then, from, to,
						    traffic)));
		}
	}
}

static enum status plan_json(const struct session *session, struct plan *p,
			     const char *line, const struct pairs *opened)
{
	json_t *ways;

	if (p->refusal) {
		output_json(session_json(session, json_pack("{sb so so}",
				      "possible", 0, "acs_settings",
				      defaults_json(p->t), "refusal",
				      json_text(p->refusal))));
		return STATUS_NO;
	}
	ways = xjson(json_array());
	add_ways(ways, p, &p->p2p, p->translated ? TRAFFIC_TRANSLATED :
						   TRAFFIC_REQUEST);
	add_ways(ways, p, &p->isolate, TRAFFIC_REQUEST);
	plan_use(p, p->then);
	output_json(session_json(session,
			json_pack("{sb so so so s{so so} so so}",
				  "possible", 1,
				  "acs_settings", defaults_json(p->t),
				  "line", json_text(line),
				  "changes", changes_json(p), "groups",
				  "before", groups_json(p, p->before),
				  "after", groups_json(p, p->after),
				  "ways", ways, "opened",
				  trust_json(p, opened))));
	return STATUS_OK;
}

/**
 * acs_plan() - the settings that were asked for, and what they cost
 * @session: the machine
 * @argc: number of words
 * @argv: what is wanted
 *
 * Return: exit status.
 */
enum status acs_plan(struct session *session, int argc, char **argv)
{
	struct plan *p = plan_new(session_topology(session));
	char *cmdline = NULL, *line = NULL;
	struct pairs opened = { };
	enum status status;

	parse(session, p, argc, argv);
	if (plan_make(p)) {
		if (session->topology->live)
			cmdline = machine_read(session->source.root,
					       "/proc/cmdline");
		line = plan_line(p, cmdline);
		opened = plan_opened(p);
	}
	status = output.json ? plan_json(session, p, line, &opened) :
			       plan_text(p, line, &opened);
	free(opened.at);
	free(line);
	free(cmdline);
	plan_free(p);
	return status;
}
