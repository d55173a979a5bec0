// SPDX-License-Identifier: GPL-2.0-only
/*
 * A line for each intruder and the members that he gets to.  Behind a large switch
 * without ACS everybody gets to everybody: there, a line tells how many come from
 * below one bridge.
 */
#include "isolation/intruder.h"

#include <stdio.h>
#include <stdlib.h>

#include "isolation/explain.h"
#include "output.h"
#include "pci/path.h"
#include "pci/reach.h"

/* More intruders than that into one group, or in JSON into one function, are counted. */
#define TEXT_MAX 16
#define JSON_MAX 64

/**
 * struct origin - what comes from below one bridge
 * @bridge: the bridge, -1 for the root complex
 * @senders: how many functions come from there
 * @targets: to how many of the group they get
 * @example: a way that they take
 */
struct origin {
	int bridge;
	int senders;
	int targets;
	struct crossing example;
};

/**
 * struct origins - all of them
 * @at: by bridge
 * @nr: how many
 * @senders: the sum of theirs
 */
struct origins {
	struct origin *at;
	int nr;
	int senders;
};

static int by_bridge(const void *left, const void *right, void *data)
{
	const struct crossing *a = left, *b = right;
	int above_a = topology_above(data, a->from);
	int above_b = topology_above(data, b->from);

	if (above_a != above_b)
		return above_a < above_b ? -1 : 1;
	return (a->from > b->from) - (a->from < b->from);
}

static struct origin *origin_of(struct origins *o, int bridge,
				const struct crossing *example)
{
	if (!o->nr || o->at[o->nr - 1].bridge != bridge)
		o->at[o->nr++] = (struct origin){ .bridge = bridge,
						  .example = *example };
	return &o->at[o->nr - 1];
}

/* @bridges has a bridge once for each member that is reached from below it. */
static void count(const struct topology *t, const struct reach *reach,
		  int member, struct crossings *c, struct indices *bridges,
		  struct origins *o)
{
	int i, n, at = 0, last = -1;

	if (!c->nr)
		return;
	o->at = xcalloc(c->nr, sizeof(*o->at));
	qsort_r(c->at, c->nr, sizeof(*c->at), by_bridge, (void *)t);
	for (i = 0; i < c->nr; i++) {
		int from = c->at[i].from;
		struct origin *origin;

		origin = origin_of(o, topology_above(t, from), &c->at[i]);
		if (from == last)
			continue;
		n = reach_senders(reach, from, member);
		origin->senders += n;
		o->senders += n;
		last = from;
	}
	indices_sort(bridges);
	for (i = 0; i < bridges->nr; i++) {
		while (o->at[at].bridge != bridges->at[i])
			at++;
		o->at[at].targets++;
	}
}

static void find_origins(const struct topology *t, const struct reach *reach,
			 const int *members, int nr, struct origins *o)
{
	struct indices bridges = { };
	struct crossings c = { };
	int i, j;

	for (i = 0; i < nr; i++) {
		int last = -2;

		for (j = c.nr, reach_crossings(reach, members[i], &c); j < c.nr;
		     j++) {
			int bridge = topology_above(t, c.at[j].from);

			if (bridge != last)
				indices_add(&bridges, bridge);
			last = bridge;
		}
	}
	count(t, reach, members[0], &c, &bridges, o);
	free(bridges.at);
	free(c.at);
}

static char *why(const struct topology *t, int from, int to)
{
	struct path path = path_find(t, from, to, TRAFFIC_REQUEST);

	return path_text(t, &path, TRAFFIC_REQUEST);
}

/* Text ---------------------------------------------------------------------- */

static void head(void)
{
	printf("  %sreached from outside:%s ", paint(PAINT_BAD),
	       paint(PAINT_OFF));
}

static void origin_line(const struct topology *t, const struct origin *o)
{
	char *text = why(t, o->example.from, o->example.to);
	char address[ADDRESS_SIZE];

	head();
	printf("%d functions ", o->senders);
	if (o->bridge < 0)
		printf("on root buses");
	else
		printf("below %s %s", topology_kind(&t->functions[o->bridge]),
		       topology_address(&t->functions[o->bridge], address));
	printf(" can write to %d of this group past the IOMMU, for example: %s\n",
	       o->targets, text);
	free(text);
}

/* Whom of a group does a function get to, and why? */
static void intruder_line(const struct topology *t, const struct crossing *way,
			  int nr)
{
	char address[ADDRESS_SIZE], *text;
	int i;

	head();
	printf("%s can write to",
	       topology_address(&t->functions[way->from], address));
	for (i = 0; i < nr; i++)
		printf(" %s", topology_address(&t->functions[way[i].to],
					       address));
	text = why(t, way->from, way[nr - 1].to);
	printf(" past the IOMMU: %s\n", text);
	free(text);
}

static int by_sender(const void *left, const void *right)
{
	const struct crossing *a = left, *b = right;

	if (a->from != b->from)
		return a->from < b->from ? -1 : 1;
	return (a->to > b->to) - (a->to < b->to);
}

static void intruder_lines(const struct topology *t, const struct reach *reach,
			   const int *members, int nr)
{
	struct crossings ways = { };
	struct indices from = { };
	int i, j, end;

	for (i = 0; i < nr; i++) {
		reach_into(reach, members[i], &from);
		for (j = 0; j < from.nr; j++)
			crossings_add(&ways, from.at[j], members[i]);
	}
	if (ways.nr)
		qsort(ways.at, ways.nr, sizeof(*ways.at), by_sender);
	for (i = 0; i < ways.nr; i = end) {
		for (end = i + 1; end < ways.nr; end++)
			if (ways.at[end].from != ways.at[i].from)
				break;
		intruder_line(t, ways.at + i, end - i);
	}
	free(from.at);
	free(ways.at);
}

/**
 * intruders_text() - print who gets into a group
 * @t: the machine
 * @reach: of direct ways
 * @members: who is in the group
 * @nr: how many
 */
void intruders_text(const struct topology *t, const struct reach *reach,
		    const int *members, int nr)
{
	struct origins origins = { };
	int i;

	find_origins(t, reach, members, nr, &origins);
	if (origins.senders <= TEXT_MAX)
		intruder_lines(t, reach, members, nr);
	else
		for (i = 0; i < origins.nr; i++)
			origin_line(t, &origins.at[i]);
	free(origins.at);
}

/**
 * intruders_unknown_text() - print of how many it is not known whether they get in
 * @t: the machine
 * @reach: of ways that are not known
 * @members: who is in the group
 * @nr: how many
 */
void intruders_unknown_text(const struct topology *t, const struct reach *reach,
			    const int *members, int nr)
{
	struct origins origins = { };
	char *text;

	find_origins(t, reach, members, nr, &origins);
	if (origins.nr) {
		const struct crossing *way = &origins.at[origins.nr - 1].example;

		text = why(t, way->from, way->to);
		printf("  %sreached from outside: unknown%s for %d function%s, for example: %s\n",
		       paint(PAINT_NOTE), paint(PAINT_OFF), origins.senders,
		       origins.senders > 1 ? "s" : "", text);
		free(text);
	}
	free(origins.at);
}

/* JSON ---------------------------------------------------------------------- */

static json_t *intruder_json(const struct topology *t, int from, int to)
{
	char *text = why(t, from, to);
	json_t *value = json_pack("{so so}", "from", explain_address(t, from),
				  "text", json_text(text));

	free(text);
	return xjson(value);
}

static json_t *origin_json(const struct topology *t, const struct origin *o)
{
	char *text = why(t, o->example.from, o->example.to);
	json_t *value = json_pack("{so si so}", "below",
				  explain_address(t, o->bridge), "functions",
				  o->senders, "text", json_text(text));

	free(text);
	return xjson(value);
}

static json_t *unknown_json(const struct topology *t, int from, int to)
{
	(void)to;
	return explain_address(t, from);
}

static json_t *list_json(const struct topology *t, const struct reach *reach,
			 int to, json_t *(*one)(const struct topology *t,
						int from, int to))
{
	json_t *array = xjson(json_array());
	struct origins origins = { };
	struct indices from = { };
	int i;

	find_origins(t, reach, &to, 1, &origins);
	if (origins.senders <= JSON_MAX)
		reach_into(reach, to, &from);
	for (i = 0; i < from.nr; i++)
		json_array_append_new(array, one(t, from.at[i], to));
	for (i = 0; origins.senders > JSON_MAX && i < origins.nr; i++)
		json_array_append_new(array, origin_json(t, &origins.at[i]));
	free(from.at);
	free(origins.at);
	return array;
}

/**
 * intruders_json() - who gets to a function
 * @t: the machine
 * @reach: of direct ways
 * @to: the function
 *
 * Return: an array: a function each, or, of many, the bridge that they are below.
 */
json_t *intruders_json(const struct topology *t, const struct reach *reach,
		       int to)
{
	return list_json(t, reach, to, intruder_json);
}

/**
 * intruders_unknown_json() - of whom it is not known whether they get to a function
 * @t: the machine
 * @reach: of ways that are not known, NULL if there are none
 * @to: the function
 *
 * Return: an array, in the same way.
 */
json_t *intruders_unknown_json(const struct topology *t,
			       const struct reach *reach, int to)
{
	return reach ? list_json(t, reach, to, unknown_json) :
		       xjson(json_array());
}
