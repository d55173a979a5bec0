// SPDX-License-Identifier: GPL-2.0-only
/*
 * ioasid isolation graph: what to draw, and the Graphviz form of it.
 */
#include "isolation/graph.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "isolation/picture.h"
#include "isolation/picture_json.h"
#include "isolation/svg.h"
#include "pci/defaults.h"
#include "pci/group.h"
#include "pci/reach.h"
#include "wrap.h"

/* More than that nobody could tell apart in a picture. */
#define WAYS_MAX 60

/* A string between quotes. */
static void dot_string(const char *text)
{
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			putchar('\\');
		putchar((unsigned char)*text < ' ' ? '?' : *text);
	}
}

static void dot_node(const struct picture *p, int index, const char *indent)
{
	const struct function *f = &p->t->functions[index];
	char address[ADDRESS_SIZE];

	printf("%sn%d [label=\"%s\\n%s\\n", indent, index,
	       topology_address(f, address), topology_kind(f));
	dot_string(f->name);
	printf("\"%s];\n", f->bridge ? ", style=filled, fillcolor=\"#eceff1\"" :
				       "");
}

static void dot_groups(const struct picture *p)
{
	const int *members;
	int at, group, i, nr;

	for (at = 0; at < p->g->nr; at++) {
		group = groups_number(p->g, at);
		printf("\tsubgraph cluster_%d {\n"
		       "\t\tlabel=\"group %d\"; style=\"rounded,bold\"; color=\"#5c6bc0\";\n",
		       group, group);
		members = groups_members(p->g, group, &nr);
		for (i = 0; i < nr; i++)
			dot_node(p, members[i], "\t\t");
		puts("\t}");
	}
	members = groups_members(p->g, -1, &nr);
	for (i = 0; i < nr; i++)
		dot_node(p, members[i], "\t");
}

static void dot(const struct picture *p)
{
	int i, above;

	puts("digraph isolation {\n"
	     "\trankdir=LR;\n"
	     "\tnode [shape=box, fontname=\"sans-serif\", fontsize=10];\n"
	     "\tedge [fontname=\"sans-serif\", fontsize=9];\n"
	     "\troot [label=\"root complex\", shape=ellipse];");
	dot_groups(p);
	for (i = 0; i < p->t->nr; i++) {
		above = topology_above(p->t, i);
		if (above < 0)
			printf("\troot -> n%d [dir=none];\n", i);
		else
			printf("\tn%d -> n%d [dir=none];\n", above, i);
	}
	for (i = 0; i < p->ways.nr; i++) {
		const struct pair *way = &p->ways.at[i];
		enum route route = path_find(p->t, way->a, way->b,
					     TRAFFIC_REQUEST).route;
		int back = picture_back(p, i);

		if (back >= 0 && back < i)
			continue;
		printf("\tn%d -> n%d [color=\"%s\", fontcolor=\"%s\", label=\"%s\", penwidth=2, constraint=false%s];\n",
		       way->a, way->b, picture_colour(route),
		       picture_colour(route), path_route_name(route),
		       back < 0 ? "" : ", dir=both");
	}
	puts("}");
}

/* What to draw --------------------------------------------------------------- */

/* Who reaches whom in another group past the IOMMU. */
static void add_leaks(struct picture *p)
{
	struct reach *reach = reach_new(p->t, p->g, path_reaches);
	struct indices list = { };
	int from, i;

	for (from = 0; from < p->t->nr && p->ways.nr <= WAYS_MAX; from++) {
		reach_from(reach, from, &list);
		for (i = 0; i < list.nr && p->ways.nr <= WAYS_MAX; i++)
			plan_want(&p->ways, from, list.at[i]);
	}
	if (p->ways.nr > WAYS_MAX) {
		warn("more than %d ways between groups: not all are drawn",
		     WAYS_MAX);
		p->ways.nr = WAYS_MAX;
	}
	free(list.at);
	reach_free(reach);
}

static void add_wanted(struct session *session, struct picture *p, char *list)
{
	char *comma = strchr(list, ',');
	int a, b;

	if (!comma)
		usage_error("--p2p takes two devices with a comma, not", list);
	*comma = '\0';
	a = session_function(session, list);
	b = session_function(session, comma + 1);
	plan_want(&p->ways, a, b);
	plan_want(&p->ways, b, a);
}

/**
 * graph() - the command
 * @session: the machine
 * @argc: number of words
 * @argv: the words
 *
 * Return: exit status.
 */
enum status graph(struct session *session, int argc, char **argv)
{
	struct picture p = { .t = session_topology(session) };
	struct groups *model = groups_predict(p.t);
	struct groups *kernel = p.t->live ? groups_of_kernel(p.t) : NULL;
	bool svg = false, wanted = false;
	int i;

	p.g = kernel ? kernel : model;
	for (i = 0; i < argc; i++) {
		if (!strcmp(argv[i], "svg") || !strcmp(argv[i], "dot")) {
			svg = *argv[i] == 's';
		} else if (!strcmp(argv[i], "--p2p") && i + 1 < argc) {
			add_wanted(session, &p, argv[++i]);
			wanted = true;
		} else {
			usage_error("graph does not know", argv[i]);
		}
	}
	if (!wanted)
		add_leaks(&p);
	if (output.json) {
		output_json(session_json(session, picture_json(&p)));
	} else {
		defaults_warn(p.t);
		wrap_end();
		if (svg)
			picture_svg(&p);
		else
			dot(&p);
	}
	free(p.ways.at);
	groups_free(kernel);
	groups_free(model);
	return session_status(session, false);
}
